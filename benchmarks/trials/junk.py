"""Values that readers of files stumble over, and words that files of tabdiff know."""

from __future__ import annotations

from typing import Any

from tabdiff.data.column import KINDS, LABEL_FORMS, MISSING_TOKENS, NUMBER_FORMS
from tabdiff.data.constraints.catalogue import STATED
from tabdiff.data.identifiers import LOOKS

TEXTS = (
    "",
    " ",
    "a",
    "é\n",
    "e\u0301",
    "名前",
    "اسم",
    "\u202egnp.exe",
    "😀" * 50,
    "\0",
    "\ud800",
    "a" * 10_000,
    "{}",
    "../../../etc/passwd",
    "__class__",
    "__import__('os').system('true')",
    "%s%n",
    "nan",
    "1e999",
    "9" * 400,
)
WORDS = (
    *KINDS,
    *NUMBER_FORMS,
    *LABEL_FORMS,
    *MISSING_TOKENS,
    *LOOKS,
    *STATED,
    *("float64", "float32", "float16", "int8", "int64", "uint64", "Int64", "UInt8", "Float32"),
    *("bool", "boolean", "object", "string[python]", "string[pyarrow]", "str[python]"),
    *("category", "interval", "complex128", "S10", "U10", "V8", "O", "i4,i4", "(1000,1000)f8"),
    *("S2000000000", "datetime64[ns]", "datetime64[s]", "datetime64[ns, UTC]", "timedelta64[us]"),
    *("datetime64[ns, Europe/Paris]", "datetime64[ns, ../../etc/passwd]", "period[M]"),
    *("period[Q]", "Sparse[int64, 0]", "Sparse[float64, nan]", "Sparse[Sparse[int8, 0], 0]"),
    *("Sparse[object, ''.join]", "double[pyarrow]", "int8[pyarrow]", "timestamp[us][pyarrow]"),
    *("decimal128(38, 5)[pyarrow]", "fixed_size_binary[2000000000][pyarrow]"),
    *("dictionary<values=string, indices=int32, ordered=0>[pyarrow]", "date32[day][pyarrow]"),
    *("pandas", "polars", "numpy", "absorbing", "uniform", "raise", "drop"),
    *("order", "steps", "months", "month ends", "irregular", "hour", "weekday", "month"),
    *("==", ">=", "<=", "<", ">", "+", "-", "*", "/", "D", "s", "ns", "UTC", "UTC+99:00"),
    *("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "unsigned", "Categorical", "Enum", "auto", "cuda"),
    *("sequence length", "sequence start", "sequence gap", "DiffusionSynthesizer"),
    *("TimeSeriesDiffusionSynthesizer", "random_state", "schema", "device", "verbose"),
)


def _deep(levels: int) -> Any:
    nested: Any = []
    for _ in range(levels):
        nested = [nested]
    return nested


def _deep_tuple(levels: int) -> Any:
    nested: Any = 1
    for _ in range(levels):
        nested = {"tuple": [nested]}
    return nested


SCALARS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 3, 7, 255, 65_536, 2**31, 2**53 + 1, 2**63 - 1, 2**63),
    *(2**64, -(2**63), -(2**64), 10**30, 10**400, 10**4000, -(10**4000)),
    *(0.5, -0.0, 1.0, -1.5, 1e-320, 1e16, 1e300, 1.7e308, -1.7e308),
    *TEXTS,
    *([], {}, [[]], [None], [1, 2], ["a", "b"], {"": None}, _deep(50), _deep_tuple(12)),
    [0] * 10_000,
    *({"float": "nan"}, {"float": "inf"}, {"float": "1" * 400}, {"float": []}),
    *({"timestamp": [2**63 - 1, "ns", None]}, {"timestamp": [0, "ns", "../../etc/passwd"]}),
    *({"timestamp": [0, "Y", "UTC"]}, {"timestamp": [-(2**63), "ns", None]}),
    *({"pandas timedelta": [2**63 - 1, "ns"]}, {"pandas timedelta": [1, "furlong"]}),
    *({"period": [2**62, "M"]}, {"period": [1, "999999999D"]}, {"period": [1, ""]}),
    *({"interval": [1, 0, "left"]}, {"interval": [{"float": "nan"}, 1, "both"]}),
    *({"datetime": "0001-01-01"}, {"date": "2024-02-30"}, {"time": "25:00"}),
    *({"timedelta": [10**9, 0, 0]}, {"timedelta": [1]}, {"tuple": []}, {"tuple": [1, "a"]}),
    *({"bytes": "0"}, {"bytes": "00ff"}, {"decimal": "1e999999999"}, {"decimal": "sNaN"}),
    *({"uuid": "x"}, {"uuid": "0" * 32}, {"eval": "1"}, {"column": "x"}, {"count": 1, "digits": 0}),
)
ARRAY_VALUES = (
    *(float("nan"), float("inf"), -float("inf"), 3e38, -3e38, 1e-45, 0.0, -0.0, 1.0, -1.0),
    *(0.5, 2.0, 1e9, 2.0**31, 2.0**62, -(2.0**62), 255.0, 1e300, -1e300),
)
DTYPES = ("bool", "int8", "int32", "int64", "uint8", "uint64", "float16", "float32", "float64")
NAMES = (
    "../evil",
    "/etc/passwd",
    "C:\\evil",
    "manifest.json/",
    "MANIFEST.JSON",
    "manifest.json\n",
    "名前",
    "e\u0301",
    "\u202etxt",
    "a" * 300,
    " ",
    "..",
    "arrays.safetensors.",
    "__metadata__",
    ".0",
)
