"""Bad and odd input on the command line: told in a line or two, with exit code 2, or handled.

The number in a test's name, or in its case's name, is the row of the list of odd input. A CSV holds
text alone, so the rows on dtypes are asked of Parquet, which holds most of them.
"""

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tabdiff.cli import BAD_INPUT, OK, main
from tests.cli.frames import some_rows, some_stores
from tests.odd_columns import REFUSED, WHOLE, assert_alike, numbers

FIT = ["--max-steps", "1", "--seed", "0", "--device", "cpu", "-q"]
told_in_short = pytest.mark.filterwarnings("default::tabdiff.data.schema.SchemaWarning")


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What is said of input that is refused: not much, and on the standard error."""
    assert main(arguments) == BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert ".py" not in captured.err
    return captured.err


def learned(text: str, tmp_path: Path, *more: str) -> str:
    """A model of a CSV."""
    (tmp_path / "t.csv").write_text(text, "utf-8", newline="")
    model = f"{tmp_path}/m.tabdiff"
    assert main(["fit", f"{tmp_path}/t.csv", "-o", model, *FIT, *more]) == OK
    return model


def rows_of(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)


def sampled(model: str, capsys: pytest.CaptureFixture[str], *more: str) -> pd.DataFrame:
    capsys.readouterr()
    assert main(["sample", model, "--seed", "1", "-q", *more]) == OK
    return rows_of(capsys.readouterr().out)


# ---- files and their shape ----


@pytest.mark.parametrize("command", ["fit", "inspect"])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", "the file is empty", id="01 nothing"),
        pytest.param("a,b\n", "the table has 0 rows, need at least 2", id="02 no rows"),
        pytest.param("a,b\n1,x\n", "the table has 1 row, need at least 2", id="03 one row"),
        pytest.param("a,b,a,b\n1,2,3,4\n", "repeated: 'a', 'b'", id="05 duplicates"),
        pytest.param("a,b\n1,inf\n2,3\n", "column 'b'.*infinite .first at row 0", id="09 infinite"),
    ],
)
def test_a_csv_that_cannot_be_learned_is_refused(
    tmp_path: Path, capsys, command: str, text: str, told: str
):
    (tmp_path / "t.csv").write_text(text)
    call = [command, f"{tmp_path}/t.csv"]
    said = refused([*call, *(["-o", f"{tmp_path}/m", "-q"] if command == "fit" else [])], capsys)
    assert re.search(told, said)
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("day,x\n", "has 0 rows", id="02"),
        pytest.param("day,x\n2024-01-01,1\n", "has 1 row", id="03"),
        pytest.param("day,x\n2024-01-01,1\n2024-01-01,2\n", "moment of another row", id="70 twice"),
        pytest.param("day,x\n2024-01-01,1\n,2\n", "misses 1 cells .first at row 1", id="71 none"),
        pytest.param("day,x\nsoon,1\nlater,2\n", "no order in time", id="70 no time"),
    ],
)
def test_sequences_that_cannot_be_learned_are_refused(tmp_path: Path, capsys, text, told):
    (tmp_path / "t.csv").write_text(text)
    call = ["fit", f"{tmp_path}/t.csv", "-o", f"{tmp_path}/m", "--sequence-index", "day", "-q"]
    assert re.search(told, refused(call, capsys))
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


@told_in_short
def test_04_two_rows_are_taken_with_a_warning(tmp_path: Path, capsys):
    learned("a,b\n1,x\n2,y\n", tmp_path)
    assert "only 2 rows" in capsys.readouterr().err


@told_in_short
def test_06_07_columns_without_values_come_out_empty(tmp_path: Path, capsys):
    model = learned("a,b\n" + "1,\n2,\n" * 9, tmp_path)
    assert "no value at all in column 'b'" in capsys.readouterr().err
    assert set(sampled(model, capsys)["b"]) == {""}


def test_08_65_empty_cells_are_missing_and_words_are_words(tmp_path: Path, capsys):
    model = learned("a,b\n" + "1,nan\n,None\n3,\n4,x\n" * 20, tmp_path)
    made = sampled(model, capsys, "-n", "400")
    assert "" in set(made["a"])
    assert set(made["b"]) == {"nan", "None", "x", ""}


def test_09_an_infinity_can_be_a_category(tmp_path: Path, capsys):
    model = learned("a\n" + "1.5\ninf\n-inf\n" * 20, tmp_path, "--kind", "a=categorical")
    assert set(sampled(model, capsys, "-n", "200")["a"]) == {"1.5", "inf", "-inf"}


@told_in_short
def test_10_104_text_that_looks_like_numbers_among_other_text_is_text(tmp_path: Path, capsys):
    cells = ['1,x,"1,234"', '01,y,"2,500"', 'b,1,"9,100"'] * 20
    model = learned("\n".join(["a,b,c", *cells]), tmp_path)
    assert "numbers written as text in" in capsys.readouterr().err
    made = sampled(model, capsys, "-n", "200")
    assert set(made["a"]) == {"1", "01", "b"}
    assert set(made["c"]) == {"1,234", "2,500", "9,100"}


@told_in_short
def test_26_28_integers_of_any_size_are_exact(tmp_path: Path, capsys):
    odd = [2**53 + 1 + 2 * i for i in range(60)]
    beyond = [2**70 + i % 3 for i in range(60)]
    lines = [f"{a},{b}" for a, b in zip(odd, beyond, strict=True)]
    model = learned("\n".join(["a,b", *lines]), tmp_path)
    made = sampled(model, capsys, "-n", "100")
    assert all(int(cell) % 2 == 1 and odd[0] <= int(cell) <= odd[-1] for cell in made["a"])
    assert set(map(int, made["b"])) <= set(beyond)
    assert set(sampled(model, capsys, "-n", "2", "--where", f"a={odd[7]}")["a"]) == {str(odd[7])}


def test_29_30_truths_stay_so_with_and_without_gaps(tmp_path: Path, capsys):
    model = learned("a,b\n" + "True,True\nFalse,\nTrue,False\n" * 20, tmp_path)
    made = sampled(model, capsys, "-n", "200")
    assert set(made["a"]) == {"True", "False"}
    assert set(made["b"]) == {"True", "False", ""}


def test_33_34_67_names_come_back_byte_by_byte(tmp_path: Path, capsysbinary):
    header = '\U0001f600,"a\nb",é,e\u0301,5,x.value,x\n'
    model = learned(header + "1,2,3,4,5,6,7\n2,3,4,5,6,7,8\n3,3,4,5,6,7,9\n" * 5, tmp_path)
    assert main(["sample", model, "-n", "1"]) == OK
    assert capsysbinary.readouterr().out.startswith(header.encode())


def test_36_a_column_without_a_name_is_one_of_an_empty_name(tmp_path: Path, capsys):
    """As spreadsheets and pandas write an index."""
    model = learned(",x\n" + "a,1\nb,2\n" * 10, tmp_path)
    assert list(rows_of(sampled(model, capsys).to_csv(index=False))) == ["Unnamed: 0", "x"]


def test_44_45_51_66_constants_and_decimals(tmp_path: Path, capsys):
    cells = [f"one,7,0.1,{i / 100:.2f},{'-0.0' if i % 2 else '0.0'}" for i in range(60)]
    model = learned("\n".join(["a,b,c,d,e", *cells]), tmp_path)
    made = sampled(model, capsys, "-n", "50")
    assert [set(made[name]) for name in "abce"] == [{"one"}, {"7"}, {"0.1"}, {"0.0"}]
    assert made["d"].str.fullmatch(r"0\.\d{1,2}").all()


@told_in_short
def test_46_106_unique_and_personal_texts_are_told_and_replaced(tmp_path: Path, capsys):
    frame = pd.DataFrame({"id": [f"C-{i * 37:05}" for i in range(60)], "x": numbers(60)})
    frame["email"] = [f"ann{i}@example.org" for i in range(60)]
    model = learned(frame.to_csv(index=False), tmp_path)
    said = capsys.readouterr().err
    assert "'id'" in said and "'email'" in said and "no real value is copied" in said
    made = sampled(model, capsys, "-n", "300")
    for name in ("id", "email"):
        assert not set(made[name]) & set(frame[name])
        assert made[name].nunique() == 300


def test_64_blank_text_is_not_missing(tmp_path: Path, capsys):
    model = learned("a,b\n" + "x, \ny,\nz,b\n" * 20, tmp_path)
    assert set(sampled(model, capsys, "-n", "200")["b"]) == {" ", "", "b"}


def test_68_input_files_are_left_as_they_are(folder: Path, tmp_path: Path):
    before = (folder / "train.csv").read_bytes()
    call = ["impute", f"{folder}/m.tabdiff", f"{folder}/train.csv", "-o", f"{tmp_path}/f.csv", "-q"]
    assert main(call) == OK
    assert (folder / "train.csv").read_bytes() == before


# ---- dtypes, in Parquet ----


def in_parquet(series: pd.Series) -> bool:
    """Whether pandas can write it and reads it again as it was."""
    file = io.BytesIO()
    try:
        pd.DataFrame({"x": series}).to_parquet(file)
        return bool(pd.read_parquet(file)["x"].dtype == series.dtype)
    except (pa.ArrowException, TypeError, OverflowError):
        return False


STORED = {name: series for name, series in WHOLE.items() if in_parquet(series)}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    """A table of all dtypes as it is read, a sample of its model, and its gaps filled."""
    folder = tmp_path_factory.mktemp("parquet")
    paths = {name: f"{folder}/{name}.parquet" for name in ("real", "made", "full")}
    pd.DataFrame(STORED).to_parquet(paths["real"])
    model = f"{folder}/m.tabdiff"
    assert main(["fit", paths["real"], "-o", model, *FIT]) == OK
    assert main(["sample", model, "-n", "240", "-o", paths["made"], "-q"]) == OK
    assert main(["impute", model, paths["real"], "-o", paths["full"], "-q"]) == OK
    return {name: pd.read_parquet(path) for name, path in paths.items()}


@pytest.mark.parametrize("name", STORED)
def test_a_column_of_parquet_comes_out_as_it_went_in(stored: dict[str, pd.DataFrame], name: str):
    real, full = stored["real"][name], stored["full"][name]
    assert_alike(stored["made"][name], real, "of any kind")
    assert full.dtype == real.dtype
    assert full.notna().all()
    observed = real.notna()
    assert full[observed].tolist() == real[observed].tolist()
    assert full[observed].map(type).tolist() == real[observed].map(type).tolist()


@pytest.mark.parametrize("name", ["11 lists", "12 dicts", "59 arrow list", "59 arrow struct"])
def test_a_column_of_parquet_is_refused_by_name(tmp_path: Path, capsys, name: str):
    pd.DataFrame({"good": numbers(), "bad": REFUSED[name][0]}).to_parquet(tmp_path / "t.parquet")
    said = refused(["fit", f"{tmp_path}/t.parquet", "-o", f"{tmp_path}/m", "-q"], capsys)
    assert "'bad'" in said
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


@told_in_short
def test_40_the_index_of_parquet_is_told(tmp_path: Path, capsys):
    """pandas keeps an index in Parquet; it is no column there either."""
    frame = pd.DataFrame({"x": numbers(60)}, index=pd.date_range("2020", periods=60, name="day"))
    frame.to_parquet(tmp_path / "t.parquet")
    call = ["fit", f"{tmp_path}/t.parquet", "-o", f"{tmp_path}/m", *FIT]
    assert main(call) == OK
    assert "index ('day') is ignored" in capsys.readouterr().err
    assert list(sampled(f"{tmp_path}/m", capsys)) == ["x"]


# ---- questions ----


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({"count": "many"}, "'count' is object, at fit it was int64", id="75"),
        pytest.param({"extra": 1}, "'extra' was not there at fit", id="74 extra"),
        pytest.param({"size": np.inf, "code": None}, "'size'.*infinite", id="09"),
    ],
)
@pytest.mark.parametrize("command", ["impute", "augment"])
def test_a_drifted_table_is_refused(folder: Path, tmp_path: Path, capsys, command, change, told):
    some_rows(0).assign(**change).to_csv(tmp_path / "t.csv", index=False)
    call = [command, f"{folder}/m.tabdiff", f"{tmp_path}/t.csv", "-o", f"{tmp_path}/f.csv"]
    said = refused([*call, *(["--factor", "2"] if command == "augment" else [])], capsys)
    assert re.search(told, said)
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_74_columns_may_come_in_any_order_and_absent_ones_are_named(
    folder: Path, tmp_path: Path, capsys
):
    frame = some_rows(0)
    frame[["day", "sold", "count", "size", "code"]].to_csv(tmp_path / "t.csv", index=False)
    call = ["impute", f"{folder}/m.tabdiff", f"{tmp_path}/t.csv", "-q"]
    assert main(call) == OK
    assert capsys.readouterr().out.startswith("day,sold,count,size,code\n")
    frame.drop(columns=["day", "code"]).to_csv(tmp_path / "t.csv", index=False)
    said = refused(call, capsys)
    assert "'code' is absent" in said and "'day' is absent" in said


@pytest.mark.parametrize(
    ("where", "told"),
    [
        pytest.param("code=A7", "Did you mean 'A07'", id="76 category"),
        pytest.param("coed=A07", "no column 'coed'. Did you mean 'code'", id="78 column"),
        pytest.param("count=", "none was there at fit", id="79 missing"),
        pytest.param("count=x", "'x' is no number", id="75 text"),
        pytest.param("count=500..600", "no value of the training rows", id="77 range"),
    ],
)
def test_a_condition_that_cannot_be_met_is_refused(folder: Path, capsys, where: str, told: str):
    assert told in refused(["sample", f"{folder}/m.tabdiff", "--where", where], capsys)


def test_79_an_empty_value_asks_for_missing_cells(folder: Path, capsys):
    assert set(sampled(f"{folder}/m.tabdiff", capsys, "-n", "5", "--where", "size=")["size"]) == {
        ""
    }


RULE = '[{"constraint": "Inequality", "low_column_name": "%s", "high_column_name": "%s"%s}]'


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        pytest.param('["a < b", "b < a"]', "contradict each other", id="80 a < b < a"),
        pytest.param(RULE % ("b", "a", ""), "20 of 20 rows (row 0", id="81 broken"),
    ],
)
def test_rules_that_do_not_hold_are_refused(tmp_path: Path, capsys, rules: str, told: str):
    (tmp_path / "t.csv").write_text("a,b\n" + "1,5\n2,7\n" * 10)
    (tmp_path / "r.json").write_text(rules)
    call = ["fit", f"{tmp_path}/t.csv", "-o", f"{tmp_path}/m", "--constraints"]
    assert told in refused([*call, f"{tmp_path}/r.json", "-q"], capsys)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("n", "told"),
    [
        pytest.param("-1", "-1", id="84"),
        pytest.param("2.5", "2.5", id="85 fraction"),
        pytest.param("ten", "ten", id="85 word"),
        pytest.param("nan", "nan", id="85 nan"),
    ],
)
def test_a_number_of_rows_that_is_none_is_refused(folder: Path, capsys, n: str, told: str):
    said = refused(["sample", f"{folder}/m.tabdiff", "-n", n], capsys)
    assert told in said and "--rows" in said


def test_86_a_horizon_beyond_memory_is_refused(tmp_path: Path, capsys):
    some_stores().to_csv(tmp_path / "t.csv", index=False)
    model = f"{tmp_path}/m.tabdiff"
    call = ["fit", f"{tmp_path}/t.csv", "-o", model, "--sequence-key", "store", *FIT]
    assert main([*call, "--sequence-index", "day"]) == OK
    ask = ["forecast", model, f"{tmp_path}/t.csv", "--horizon", "1000000000000"]
    assert "would need about" in refused(ask, capsys)


def test_88_91_a_failed_fit_or_sample_leaves_the_old_file(folder: Path, tmp_path: Path, capsys):
    old = tmp_path / "m.tabdiff"
    old.write_bytes(b"old")
    (tmp_path / "t.csv").write_text("a,b\n1,inf\n2,3\n")
    refused(["fit", f"{tmp_path}/t.csv", "-o", str(old), "-q"], capsys)
    assert old.read_bytes() == b"old"
    csv = tmp_path / "t.csv"
    before = csv.read_bytes()
    refused(["sample", f"{folder}/m.tabdiff", "--where", "code=Q", "-o", str(csv)], capsys)
    assert csv.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["--max-steps", "0"], "--max-steps", id="89 steps"),
        pytest.param(["--max-time", "soon"], "--max-time", id="89 time"),
        pytest.param(["--device", "abacus"], "'abacus' is not a device", id="89 device"),
        pytest.param(["--kind", "size=colour"], "size", id="89 kind"),
        pytest.param(["--kind", "siz=numeric"], "Did you mean 'size'", id="89 column"),
        pytest.param(["--seed", "-1"], "--seed", id="90"),
        pytest.param(["--device", "cuda"], "'cuda' is not available", id="97"),
    ],
)
def test_options_out_of_range_are_named(folder: Path, tmp_path: Path, capsys, arguments, told):
    import torch

    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("has a GPU")
    call = ["fit", f"{folder}/train.csv", "-o", f"{tmp_path}/m", "-q", *arguments]
    assert told in refused(call, capsys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        pytest.param("nowhere/m.tabdiff", "does not exist", id="91 folder"),
        pytest.param(".", "this is a folder", id="91 a folder"),
    ],
)
def test_91_an_unusable_path_is_told_before_any_work(
    folder: Path, tmp_path: Path, monkeypatch, capsys, name: str, told: str
):
    monkeypatch.setattr("tabdiff.files.read_table", lambda *a: pytest.fail("work was begun"))
    assert told in refused(["fit", f"{folder}/train.csv", "-o", f"{tmp_path}/{name}"], capsys)


@pytest.mark.parametrize("command", ["info", "sample", "impute", "augment", "forecast"])
def test_92_a_file_that_is_no_model_is_told(folder: Path, tmp_path: Path, capsys, command: str):
    (tmp_path / "m.tabdiff").write_bytes((folder / "m.tabdiff").read_bytes()[:-9])
    more = {"impute": ["t.csv"], "augment": ["t.csv", "--factor", "2"]}.get(command, [])
    more = ["t.csv", "--horizon", "2"] if command == "forecast" else more
    assert "m.tabdiff" in refused([command, f"{tmp_path}/m.tabdiff", *more], capsys)


@pytest.mark.filterwarnings("default::tabdiff.evaluation.errors.EvaluationWarning")
def test_108_a_holdout_that_was_trained_on_is_told(folder: Path, capsys):
    pytest.importorskip("sdmetrics")
    call = ["evaluate", f"{folder}/train.csv", f"{folder}/test.csv", "--include", "quality"]
    assert main([*call, "--holdout", f"{folder}/train.csv"]) == OK
    assert "Warning: 100.0% of the hold-out rows equal a training" in capsys.readouterr().err
