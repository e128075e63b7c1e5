"""What is asked of a fitted table: every column of the list in gaps and conditions; rows 95 to 107.

The number in a test's name, or in its case's name, is the row of the list of odd input.
"""

import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.exceptions import NotFittedError

from tabdiff import DiffusionSynthesizer, SchemaError, SchemaWarning, persistence, sampler
from tabdiff.data.errors import ConditionError
from tests.odd_columns import (
    REFUSED,
    WHOLE,
    WITH_GAPS,
    assert_alike,
    assert_filled,
    first_values,
    numbers,
    objects,
)
from tests.tiny import table, tiny


@pytest.fixture(scope="module", autouse=True)
def small_chunks() -> Iterator[None]:
    """Few rows are drawn at a time, so that few are drawn in all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampler, "CHUNK", 32)
        yield


def odd_table() -> pd.DataFrame:
    """All odd columns side by side, and one with gaps in every other row."""
    frame = pd.DataFrame(WHOLE)
    return frame.assign(gap=np.where(np.arange(len(frame)) % 2, np.nan, numbers()))


@pytest.fixture(scope="module")
def odd() -> DiffusionSynthesizer:
    frame = odd_table()
    before = frame.copy(deep=True)
    synth = tiny().fit(frame)
    pd.testing.assert_frame_equal(frame, before)
    return synth


# ---- every odd column ----


@pytest.fixture(scope="module")
def sampled(odd: DiffusionSynthesizer) -> pd.DataFrame:
    return odd.sample(300, random_state=1)


@pytest.fixture(scope="module")
def completed(odd: DiffusionSynthesizer) -> pd.DataFrame:
    frame = odd_table()
    before = frame.copy(deep=True)
    full = odd.impute(frame, random_state=1)
    pd.testing.assert_frame_equal(frame, before)
    assert list(full) == list(frame)
    assert full["gap"].notna().all()
    return full


@pytest.fixture(scope="module")
def met(odd: DiffusionSynthesizer) -> pd.DataFrame:
    """Rows that are asked to have the first value of every column."""
    return odd.sample(2, conditions=first_values(odd_table()), random_state=1)


@pytest.fixture(scope="module")
def met_by_row(odd: DiffusionSynthesizer) -> pd.DataFrame:
    return odd.sample(conditions=odd_table()[list(WHOLE)].head(9), random_state=1)


@pytest.fixture(scope="module")
def asked_to_miss(odd: DiffusionSynthesizer) -> pd.DataFrame:
    return odd.sample(2, conditions=dict.fromkeys(WITH_GAPS), random_state=1)


@pytest.mark.parametrize("name", WHOLE)
def test_a_column_beside_all_others_comes_out_as_it_went_in(
    odd: DiffusionSynthesizer, sampled: pd.DataFrame, name: str
) -> None:
    assert_alike(sampled[name], WHOLE[name], odd.schema_[name].kind)


@pytest.mark.parametrize("name", WHOLE)
def test_imputed_columns_keep_what_was_observed(
    odd: DiffusionSynthesizer, completed: pd.DataFrame, name: str
) -> None:
    assert_filled(completed[name], WHOLE[name], odd.schema_[name].kind)


@pytest.mark.parametrize("name", WHOLE)
def test_a_value_that_was_there_can_be_asked_for(met: pd.DataFrame, name: str) -> None:
    value = first_values(odd_table())[name]
    assert met[name].tolist() == [value, value]
    assert met[name].dtype == WHOLE[name].dtype


@pytest.mark.parametrize("name", WHOLE)
def test_a_frame_of_conditions_comes_back_as_it_is(met_by_row: pd.DataFrame, name: str) -> None:
    pd.testing.assert_series_equal(met_by_row[name], WHOLE[name].head(9), check_names=False)


@pytest.mark.parametrize("name", WITH_GAPS)
def test_a_missing_cell_that_was_there_can_be_asked_for(
    asked_to_miss: pd.DataFrame, name: str
) -> None:
    assert asked_to_miss[name].isna().all()
    assert asked_to_miss[name].dtype == WHOLE[name].dtype


@pytest.mark.parametrize("name", REFUSED)
def test_columns_that_cannot_be_modelled_are_no_columns_of_a_question(name: str) -> None:
    """Neither in a table with gaps nor among conditions: the fitted column was of numbers."""
    synth = tiny(max_steps=1).fit(pd.DataFrame({"x": numbers(), "y": numbers()}))
    bad = pd.DataFrame({"x": REFUSED[name][0]})
    with pytest.raises((SchemaError, ConditionError), match="column 'x'"):
        synth.impute(bad.assign(y=np.nan))
    with pytest.raises((SchemaError, ConditionError), match="column 'x'"):
        synth.sample(conditions=bad)


@pytest.mark.parametrize("kind", ["int", "numpy", "float"])
def test_26_integers_beyond_2_53_are_asked_for_to_the_last_digit(kind: str) -> None:
    odd = 2**53 + 1 + 2 * np.arange(60)
    synth = tiny().fit(pd.DataFrame({"x": odd, "y": numbers(60)}))
    value = {"int": int(odd[3]), "numpy": odd[3], "float": float(odd[3])}[kind]
    assert synth.sample(2, conditions={"x": value})["x"].tolist() == [int(value)] * 2


# ---- questions of any shape ----


def test_01_a_question_without_columns_names_the_absent_ones() -> None:
    synth = tiny().fit(table())
    with pytest.raises(SchemaError, match="(?s)'x' is absent.*'c' is absent"):
        synth.impute(pd.DataFrame(index=range(3)))


def test_02_a_question_without_rows_has_an_answer_without_rows() -> None:
    synth = tiny().fit(table())
    none = table().head(0)
    pd.testing.assert_frame_equal(synth.impute(none), none)
    pd.testing.assert_frame_equal(synth.sample(conditions=none), none)


def test_03_one_row_is_completed() -> None:
    out = tiny().fit(table()).impute(table().head(1).assign(x=np.nan))
    assert out.shape == (1, 2) and out.notna().all(axis=None)


def test_05_duplicate_names_of_a_question_are_listed() -> None:
    synth, twice = tiny().fit(table()), pd.concat([table(), table()[["x"]]], axis=1)
    for ask in (synth.impute, lambda df: synth.sample(conditions=df)):
        with pytest.raises(SchemaError, match="More than once: 'x'"):
            ask(twice)


def test_06_07_columns_without_values_stay_empty() -> None:
    frame = (
        table().assign(nan=np.nan, none=objects([None] * 60)).assign(x=lambda f: f.x.mask(f.x < 0))
    )
    with pytest.warns(SchemaWarning, match="no value at all in columns 'nan', 'none'"):
        synth = tiny().fit(frame)
    full = synth.impute(frame)
    assert full["x"].notna().all() and full["nan"].isna().all()
    assert {type(value) for value in full["none"]} == {type(None)}
    assert synth.sample(3, conditions={"none": None, "nan": None})["nan"].isna().all()


def test_06_09_a_constant_infinity_is_infinite_all_the_same() -> None:
    frame = pd.DataFrame({"x": [np.inf] * 60, "y": numbers(60)})
    with pytest.raises(SchemaError, match="column 'x'.*60 values are infinite"):
        tiny().fit(frame)
    out = tiny(column_kinds={"x": "categorical"}).fit(frame).sample(9)
    assert (out["x"] == np.inf).all()


def test_13_a_fixed_offset_of_pytz_is_a_fixed_offset() -> None:
    """As pandas 2 reads them from Parquet, as a dtype and among objects."""
    pytz = pytest.importorskip("pytz")
    stamps = pd.date_range("2020-01-01", periods=60, tz=pytz.FixedOffset(-210))
    frame = pd.DataFrame({"when": stamps, "one": stamps.astype(object), "x": numbers(60)})
    synth = tiny().fit(frame)
    made = synth.sample(20)
    assert made.dtypes.to_dict() == frame.dtypes.to_dict()
    assert {value.utcoffset() for value in (*made["when"], *made["one"])} == {stamps[0].utcoffset()}
    pd.testing.assert_frame_equal(synth.impute(frame), frame)


def test_61_a_table_with_gaps_comes_back_in_its_own_container() -> None:
    synth = tiny().fit(table())
    gaps = pl.from_pandas(table()).with_columns(x=pl.lit(None, pl.Float64))
    assert isinstance(synth.impute(gaps), pl.DataFrame)
    assert isinstance(synth.impute(gaps.to_pandas()), pd.DataFrame)


@pytest.mark.parametrize(
    "other",
    [pytest.param({"x": [1.0]}, id="62 dict"), pytest.param(None, id="63 None")],
)
def test_other_containers_are_no_tables_with_gaps(other: Any) -> None:
    with pytest.raises(TypeError, match="pandas or polars DataFrame"):
        tiny().fit(table()).impute(other)


def test_68_read_only_questions_are_read_and_left_alone() -> None:
    values = np.where(np.arange(120).reshape(60, 2) % 7, 1.5, np.nan)
    values[:, 1] = numbers(60)
    values.setflags(write=False)
    before = values.tobytes()
    synth = tiny().fit(values)
    synth.impute(values)
    synth.sample(conditions=values)
    assert values.tobytes() == before


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda s: s.impute(table(), 10**12), id="impute"),
        pytest.param(lambda s: s.augment(table(), factor=1e12), id="augment"),
        pytest.param(lambda s: s.augment(table(), target="c", counts={"a": 10**12}), id="counts"),
    ],
)
def test_86_more_than_memory_is_refused_by_every_verb(ask: Any) -> None:
    with pytest.raises(MemoryError, match="would need about .* GiB; this machine has"):
        ask(tiny(max_steps=1).fit(table()))


@pytest.mark.parametrize(
    "ask",
    [
        lambda synth: synth.impute(table()),
        lambda synth: synth.augment(table(), factor=2),
        lambda synth: synth.counterfactual(table(), {"c": "a"}),
        lambda synth: synth.score_samples(table()),
        lambda synth: synth.anomalies(table()),
    ],
    ids=["impute", "augment", "counterfactual", "score_samples", "anomalies"],
)
def test_87_every_question_before_fit_is_refused(ask: Any) -> None:
    with pytest.raises(NotFittedError):
        ask(tiny())


# ---- the machine ----


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")
def test_97_an_absent_gpu_is_told_with_what_to_do() -> None:
    with pytest.raises(ValueError, match="'cuda' is not available on this machine.*'auto'"):
        tiny(device="cuda").fit(table())


def test_98_a_file_says_nothing_of_the_device(tmp_path: Path) -> None:
    tiny().fit(table()).save(tmp_path / "m")
    content, arrays = persistence.read(tmp_path / "m")
    assert "device" not in repr(content)
    assert all(isinstance(array, np.ndarray) for array in arrays.values())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_98_a_model_fitted_on_a_gpu_is_loaded_without(tmp_path: Path) -> None:
    tiny(device="cuda").fit(table()).save(tmp_path / "m")
    loaded = DiffusionSynthesizer.load(tmp_path / "m", device="cpu")
    assert_alike(loaded.sample(50)["x"], table()["x"], "numeric")


def test_99_no_worker_is_left_behind() -> None:
    """What forks after it finds no process and no thread of tabdiff's."""
    threads = threading.active_count()
    tiny().fit(table()).sample(5)
    assert threading.active_count() == threads
    assert multiprocessing.active_children() == []


def test_100_threads_share_a_model_and_get_what_one_alone_gets() -> None:
    synth = tiny().fit(table())
    alone = [synth.sample(20, random_state=seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        together = pool.map(lambda seed: synth.sample(20, random_state=seed), range(8))
        for one, other in zip(alone, together, strict=True):
            pd.testing.assert_frame_equal(one, other)


@pytest.mark.slow
def test_103_neither_warnings_as_errors_nor_optimised_python_change_anything() -> None:
    program = (
        "import pandas as pd\n"
        "from tabdiff import DiffusionSynthesizer, TimeSeriesDiffusionSynthesizer\n"
        "assert False, 'optimised away'\n"
        "frame = pd.DataFrame({'day': range(9, 69), 'x': [i % 7 / 8 for i in range(60)]})\n"
        "frame['c'] = ['u', 'v', 'v'] * 20\n"
        "few = {'max_steps': 2, 'device': 'cpu', 'sampling_steps': 2, 'width': 16, 'depth': 1}\n"
        "synth = DiffusionSynthesizer(**few).fit(frame)\n"
        "synth.sample(5, conditions={'c': 'u'})\n"
        "series = TimeSeriesDiffusionSynthesizer(sequence_index='day', **few).fit(frame)\n"
        "series.forecast(frame, 2, n_samples=2, quantiles=[0.5])\n"
        "try: synth.sample(-1)\n"
        "except ValueError as error: print(error)\n"
    )
    command = [sys.executable, "-O", "-W", "error", "-c", program]
    root = Path(__file__).parents[1]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert run.stdout == "n_samples must be at least 0. Got -1.\n", run.stderr
    assert run.returncode == 0


# ---- what is in the cells ----


def test_104_numbers_written_as_text_stay_text_with_a_hint() -> None:
    frame = pd.DataFrame({"pay": ["1,234", "12,500", "987"] * 20})
    with pytest.warns(SchemaWarning, match="numbers written as text in column 'pay'.*thousands"):
        out = tiny().fit(frame).sample(50)
    assert set(out["pay"]) <= {"1,234", "12,500", "987"}


def test_105_codes_keep_their_leading_zeros() -> None:
    frame = pd.DataFrame({"zip": ["00501", "10001", "02134"] * 20, "area": [501, 212, 617] * 20})
    with pytest.warns(SchemaWarning, match="numbers written as text in column 'zip'.*codes"):
        synth = tiny(column_kinds={"area": "categorical"}).fit(frame)
    out = synth.sample(50, conditions={"zip": "00501"})
    assert set(out["zip"]) == {"00501"}
    assert set(out["area"]) <= {501, 212, 617}


def test_106_personal_data_are_told_and_never_come_out() -> None:
    frame = pd.DataFrame(
        {
            "contact": [f"ann{i}@example.org" for i in range(60)],
            "surname": [f"Name{i % 50}" for i in range(60)],
            "account": [f"NL{i:02}BANK{i:010}" for i in range(60)],
            "x": numbers(60),
        }
    )
    with pytest.warns(SchemaWarning, match="(?s)'contact'.*'surname'.*'account'") as told:
        synth = tiny().fit(frame)
    assert "no real value is copied" in str(told[0].message)
    made = [synth.sample(200), synth.augment(frame, factor=3).iloc[60:]]
    for out in made:
        for name in ("contact", "surname", "account"):
            assert not set(out[name]) & set(frame[name])


def test_107_formulas_in_text_are_text() -> None:
    frame = pd.DataFrame({"note": ["=cmd()", "@x", "-1+1", None] * 20})
    synth = tiny().fit(frame)
    assert set(synth.sample(200)["note"].dropna()) == {"=cmd()", "@x", "-1+1"}
    assert synth.sample(2, conditions={"note": "=cmd()"})["note"].tolist() == ["=cmd()"] * 2
