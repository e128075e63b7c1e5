"""What a synthesizer promises for any table: streams, chunks, files, interruptions, odd shapes."""

import copy
import io
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal as assert_polars_equal
from sklearn.base import clone

from tabdiff import DiffusionSynthesizer, SchemaWarning
from tabdiff.data.constraints import ConstraintError, Unique
from tabdiff.persistence import (
    CorruptFileError,
    DigestMismatchError,
    NotATabdiffFileError,
    UnknownKindError,
    envelope,
    read,
    write,
)
from tabdiff.training.loop import TrainingDivergedError
from tabdiff.training.progress import ProgressBar
from tabdiff.training.standing import Progress
from tests.conftest import FrameMaker
from tests.data.frames import FAMILIES
from tests.tiny import table, tiny

equal = pd.testing.assert_frame_equal


def mixed_table(n: int = 60) -> pd.DataFrame:
    """One column of each kind that the network sees, and one of each that it does not."""
    rng = np.random.default_rng(0)
    spiky = np.where(rng.random(n) < 0.4, 0.0, rng.normal(size=n))
    return pd.DataFrame(
        {
            "who": [f"CUST-{i * 37:05d}" for i in range(n)],
            "x": np.where(np.arange(n) % 5 == 0, np.nan, rng.normal(size=n)),
            "spiky": spiky,
            "c": pd.Categorical(rng.choice(list("abc"), n), categories=list("cbad")),
            "when": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 999, n), unit="h"),
            "same": 1,
        }
    )


@pytest.fixture(scope="module")
def real() -> pd.DataFrame:
    return mixed_table()


@pytest.fixture(scope="module")
def fitted(real: pd.DataFrame) -> DiffusionSynthesizer:
    with pytest.warns(SchemaWarning, match="column 'who': identifiers"):
        return tiny(max_steps=3).fit(real)


def fresh(fitted: DiffusionSynthesizer) -> DiffusionSynthesizer:
    """The same model with its stream of samples at the beginning."""
    synth = copy.deepcopy(fitted)
    synth._adopt(synth._fitted)
    return synth


# ---- streams and chunks ----


@pytest.mark.parametrize("n", [1, 100, 1024, 1025])
def test_fewer_rows_are_the_head_of_more(fitted: DiffusionSynthesizer, n: int) -> None:
    equal(fitted.sample(n, random_state=1), fitted.sample(2100, random_state=1).head(n))


@pytest.mark.parametrize("chunk", [1, 7, 1000, 1024, 1025, 2049, 10**6])
def test_frames_laid_end_to_end_are_the_sample(fitted: DiffusionSynthesizer, chunk: int) -> None:
    n = 40 if chunk < 10 else 2100
    frames = list(fitted.sample_iter(n, chunk, random_state=1))
    assert [len(frame) for frame in frames[:-1]] == [chunk] * ((n - 1) // chunk)
    assert all(list(frame.index) == list(range(len(frame))) for frame in frames)
    equal(pd.concat(frames, ignore_index=True), fitted.sample(n, random_state=1))


@pytest.mark.parametrize(
    ("first", "last"), [(0, 1), (0, 2100), (1024, 2048), (1000, 1030), (2099, 2100)], ids=str
)
def test_a_part_is_the_rows_of_the_sample(
    fitted: DiffusionSynthesizer, first: int, last: int
) -> None:
    part = fitted.sample_part(first, last, 2100, random_state=1)
    equal(part, fitted.sample(2100, random_state=1)[first:last].reset_index(drop=True))


def test_a_part_answers_its_own_conditions(fitted: DiffusionSynthesizer) -> None:
    asked = pd.DataFrame({"c": np.tile(list("abc"), 500), "when": pd.Timestamp("2020-01-03")})
    asked["spiky"] = np.random.default_rng(0).choice([0.0, 0.5], len(asked))
    part = fitted.sample_part(1024, 1500, 1500, conditions=asked, random_state=1)
    whole = fitted.sample(conditions=asked, random_state=1)
    equal(part, whole[1024:].reset_index(drop=True))


@pytest.mark.parametrize(
    ("first", "last", "seed", "told"),
    [
        (0, 2101, 1, "last must be from 1 to 2100"),
        (5, 5, 1, "first must be from 0 to 4"),
        (-1, 5, 1, "first must be from 0 to 4"),
        (0, 5, None, "random_state must be a whole number"),
    ],
)
def test_a_part_that_is_none_is_refused(
    fitted: DiffusionSynthesizer, first: int, last: int, seed: Any, told: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=told):
        fitted.sample_part(first, last, 2100, random_state=seed)


def test_rows_that_must_be_unique_are_not_made_in_parts() -> None:
    synth = tiny(constraints=[Unique(["x"])]).fit(table())
    with pytest.raises(ConstraintError, match=r"Unique.*made in parts"):
        synth.sample_part(0, 5, 10, random_state=1)


def test_frames_of_any_container_are_the_sample(make_frame: FrameMaker, frame_kind: str) -> None:
    rng = np.random.default_rng(0)
    numeric = pd.DataFrame({"0": rng.normal(size=60), "1": rng.normal(size=60)})
    synth = tiny().fit(make_frame(numeric))
    whole = synth.sample(1100, random_state=1)
    assert type(whole) is type(make_frame(numeric))
    frames = list(synth.sample_iter(1100, 333, random_state=1))
    if frame_kind == "polars":
        assert_polars_equal(pl.concat(frames), whole)
    else:
        np.testing.assert_array_equal(np.concatenate(frames), np.asarray(whole))


def test_the_same_table_in_any_container_gives_the_same_rows(make_frame: FrameMaker) -> None:
    numeric = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=["0", "1"])
    out = tiny().fit(make_frame(numeric)).sample(20)
    np.testing.assert_array_equal(np.asarray(out), tiny().fit(numeric).sample(20).to_numpy())


@pytest.mark.parametrize("chunk", [0, -1, 2.5, None])
def test_chunks_have_at_least_one_row(fitted: DiffusionSynthesizer, chunk: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="chunk must be"):
        fitted.sample_iter(9, chunk)


def test_the_stream_moves_on_with_each_sample(fitted: DiffusionSynthesizer) -> None:
    first, second = fresh(fitted), fresh(fitted)
    one, two = first.sample(30), first.sample(30)
    assert not one[["x", "spiky"]].equals(two[["x", "spiky"]])
    equal(second.sample(30), one)
    equal(second.sample(30), two)


def test_a_given_seed_does_not_move_the_stream(fitted: DiffusionSynthesizer) -> None:
    first, second = fresh(fitted), fresh(fitted)
    first.sample(5, random_state=9)
    equal(first.sample(30), second.sample(30))


def test_the_stream_moves_when_an_iterator_is_made(fitted: DiffusionSynthesizer) -> None:
    first, second = fresh(fitted), fresh(fitted)
    waiting, later = first.sample_iter(30), first.sample(30)
    equal(next(waiting), second.sample(30))
    equal(later, second.sample(30))


def test_equal_seeds_fit_equal_models() -> None:
    first, second = tiny().fit(table()), tiny().fit(table())
    for a, b in zip(
        first.denoiser_.state_dict().values(), second.denoiser_.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)
    equal(first.sample(30), second.sample(30))


@pytest.mark.parametrize("seed", [1, 2**40, 10**30])
def test_other_seeds_give_other_rows(seed: int) -> None:
    out = tiny(random_state=seed).fit(table()).sample(30)
    assert not out.equals(tiny().fit(table()).sample(30))
    synth = tiny().fit(table())
    assert not synth.sample(30, random_state=seed).equals(synth.sample(30, random_state=0))


def test_rows_of_one_sample_differ_between_chunks(fitted: DiffusionSynthesizer) -> None:
    x = fitted.sample(2048, random_state=1)["spiky"].to_numpy()
    assert not np.array_equal(x[:1024], x[1024:])


def test_identifiers_are_fresh_and_unique_across_chunks(
    fitted: DiffusionSynthesizer, real: pd.DataFrame
) -> None:
    who = pd.concat(list(fitted.sample_iter(3000, 700, random_state=1)))["who"]
    assert who.is_unique and not set(who) & set(real["who"])


def test_sampling_leaves_the_model_as_it_was(fitted: DiffusionSynthesizer) -> None:
    before = {name: value.clone() for name, value in fitted.denoiser_.state_dict().items()}
    fitted.sample(10)
    assert not fitted.denoiser_.training
    assert all(torch.equal(before[k], v) for k, v in fitted.denoiser_.state_dict().items())


# ---- files ----


def test_a_loaded_model_samples_bit_for_bit(fitted: DiffusionSynthesizer, tmp_path: Path) -> None:
    path = tmp_path / "m.tabdiff"
    fitted.save(path)
    loaded = DiffusionSynthesizer.load(path, device="cpu")
    equal(loaded.sample(1100), fresh(fitted).sample(1100))
    equal(loaded.sample(9, random_state=4), fitted.sample(9, random_state=4))
    equal(loaded.history_, fitted.history_)
    assert loaded.schema_ == fitted.schema_
    for name in ("n_rows_seen_", "n_features_in_", "n_parameters_", "best_step_", "fit_seconds_"):
        assert getattr(loaded, name) == getattr(fitted, name)
    assert list(loaded.feature_names_in_) == list(fitted.feature_names_in_)


def test_saving_twice_gives_equal_bytes(fitted: DiffusionSynthesizer, tmp_path: Path) -> None:
    fitted.save(tmp_path / "a")
    DiffusionSynthesizer.load(tmp_path / "a", device="cpu").save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_every_kind_of_column_survives_a_file(tmp_path: Path) -> None:
    frame = pd.DataFrame(FAMILIES)
    synth = tiny().fit(frame)
    synth.save(tmp_path / "m")
    out = DiffusionSynthesizer.load(tmp_path / "m", device="cpu").sample(50)
    equal(out, synth.sample(50))
    pd.testing.assert_series_equal(out.dtypes, frame.dtypes)


@pytest.mark.parametrize(
    "labels",
    [
        [0, 1.5, "a"],
        [("a", 1), pd.Timestamp("2020-01-01"), ""],
        pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["k", None]),
        pd.date_range("2020-01-01", periods=3, name="day"),
    ],
    ids=["mixed", "tuple and time", "MultiIndex", "dates"],
)
def test_labels_of_any_type_survive_a_file(labels: Any, tmp_path: Path) -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)))
    frame.columns = (
        labels
        if isinstance(labels, pd.Index)
        else pd.Index(labels, dtype=object, tupleize_cols=False)
    )
    synth = tiny(random_state=10**30).fit(frame)
    synth.save(tmp_path / "m")
    out = DiffusionSynthesizer.load(tmp_path / "m", device="cpu").sample(5)
    equal(out, synth.sample(5))
    assert [type(label) for label in out] == [type(label) for label in frame]


@pytest.mark.parametrize("prior", ["absorbing", "uniform"])
def test_parameters_that_shape_samples_survive_a_file(prior: str, tmp_path: Path) -> None:
    synth = tiny(prior=prior, sampling_steps=3).fit(table())
    synth.save(tmp_path / "m")
    loaded = DiffusionSynthesizer.load(tmp_path / "m", device="cpu")
    assert (loaded.prior, loaded.sampling_steps) == (prior, 3)
    equal(loaded.sample(20), synth.sample(20))
    assert loaded.score(table()) == synth.score(table())


@pytest.mark.parametrize("value", [np.nan, np.inf, np.float64(1.0)])
def test_092_weights_that_are_no_numbers_of_float32_are_refused(
    fitted: DiffusionSynthesizer, tmp_path: Path, value: Any
) -> None:
    path = tmp_path / "m.tabdiff"
    fitted.save(path)
    content, arrays = read(path)
    name = "denoiser.enter.weight"
    arrays[name] = arrays[name].astype(np.asarray(value).dtype if value == 1 else np.float32)
    arrays[name][0, 0] = value
    write(path, content, arrays)
    with pytest.raises(CorruptFileError, match=r"'enter\.weight' must be finite float32"):
        DiffusionSynthesizer.load(path)


def test_files_that_are_no_models_are_refused(fitted: DiffusionSynthesizer, tmp_path: Path) -> None:
    path = tmp_path / "m.tabdiff"
    path.write_text("x,y\n1,2\n")
    with pytest.raises(NotATabdiffFileError):
        DiffusionSynthesizer.load(path)
    write(path, {"kind": "Scaler"}, {})
    with pytest.raises(UnknownKindError, match="it holds 'Scaler'"):
        DiffusionSynthesizer.load(path)
    write(path, {}, {})
    with pytest.raises(UnknownKindError, match="it holds None"):
        DiffusionSynthesizer.load(path)
    write(path, {"kind": "DiffusionSynthesizer"}, {})
    with pytest.raises(CorruptFileError, match="does not fit together"):
        DiffusionSynthesizer.load(path)
    with pytest.raises(FileNotFoundError):
        DiffusionSynthesizer.load(tmp_path / "absent")
    fitted.save(path)
    with pytest.raises(DigestMismatchError):
        DiffusionSynthesizer.load(path, expected_sha256="0" * 64)
    assert DiffusionSynthesizer.load(path, expected_sha256=envelope(path).sha256)


def test_a_file_that_cannot_be_written_leaves_the_one_before(
    fitted: DiffusionSynthesizer, tmp_path: Path
) -> None:
    with pytest.raises(OSError, match="absent"):
        fitted.save(tmp_path / "absent" / "m.tabdiff")
    with pytest.raises(OSError):  # noqa: PT011
        fitted.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def through_joblib(synth: DiffusionSynthesizer) -> DiffusionSynthesizer:
    buffer = io.BytesIO()
    joblib.dump(synth, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


# torch 2.4 unpickles its own tensors in a way that it warns of.
@pytest.mark.filterwarnings("ignore:You are using .torch.load.:FutureWarning")
@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda synth: pickle.loads(pickle.dumps(synth)), through_joblib],  # noqa: S301
    ids=["deepcopy", "pickle", "joblib"],
)
def test_101_copies_sample_alike(
    fitted: DiffusionSynthesizer, copied: Callable[[Any], DiffusionSynthesizer]
) -> None:
    equal(copied(fresh(fitted)).sample(30), fresh(fitted).sample(30))


# ---- interruptions and failures ----


def raising_at(step: int, error: type[BaseException]) -> Callable[[ProgressBar, Progress], None]:
    def report(self: ProgressBar, progress: Progress) -> None:
        if progress.step == step:
            raise error

    return report


def test_who_reports_is_told_of_every_step_and_may_end_the_fit() -> None:
    seen: list[int] = []

    def report(progress: Progress) -> None:
        seen.append(progress.step)
        if progress.step == 3:
            raise KeyboardInterrupt

    synth = tiny(max_steps=6)
    with pytest.raises(KeyboardInterrupt):
        synth.fit(table(), report=report)
    assert seen == [1, 2, 3] and synth.stopped_ == "interrupted"
    assert len(synth.sample(5)) == 5


@pytest.mark.parametrize("step", [1, 2])
def test_93_ctrl_c_leaves_a_usable_model_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: int
) -> None:
    monkeypatch.setattr(ProgressBar, "__call__", raising_at(step, KeyboardInterrupt))
    synth = tiny(max_steps=3)
    with pytest.raises(KeyboardInterrupt):
        synth.fit(table())
    assert synth.stopped_ == "interrupted"
    assert list(synth.sample(5)) == ["x", "c"]
    synth.save(tmp_path / "m")
    monkeypatch.undo()
    assert synth.fit(table()).stopped_ == "max_steps"


def test_88_a_fit_that_fails_in_training_keeps_the_model_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    synth, twin = tiny().fit(table()), tiny().fit(table())
    monkeypatch.setattr(ProgressBar, "__call__", raising_at(2, OSError))
    with pytest.raises(OSError):  # noqa: PT011
        synth.fit(pd.DataFrame({"other": np.arange(60.0) ** 2}))
    assert list(synth.feature_names_in_) == ["x", "c"]
    equal(synth.sample(20), twin.sample(20))


def test_95_a_loss_that_is_no_number_names_the_column(monkeypatch: pytest.MonkeyPatch) -> None:
    synth = tiny()
    monkeypatch.setattr(
        "tabdiff.denoisers.mlp.MLPDenoiser.set_proportions",
        lambda self, proportions: [p.data.fill_(float("nan")) for p in self.parameters()],
    )
    with pytest.raises(TrainingDivergedError, match="(?s)loss is nan.*'x'"):
        synth.fit(table())
    assert not hasattr(synth, "denoiser_")


def test_max_time_ends_training() -> None:
    began = time.monotonic()
    synth = tiny(max_steps=10**7, max_time=0.2).fit(table())
    assert synth.stopped_ == "max_time" and time.monotonic() - began < 10
    assert len(synth.sample(5)) == 5


def test_102_settings_of_torch_are_neither_used_nor_changed() -> None:
    expected = tiny().fit(table()).sample(20)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        out = tiny().fit(table()).sample(20)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(before)
    equal(out, expected)


# ---- tables of every shape ----


def learn(frame: pd.DataFrame, n: int = 50, **parameters: Any) -> pd.DataFrame:
    out = tiny(**parameters).fit(frame).sample(n)
    assert list(out) == list(frame) and len(out) == n
    pd.testing.assert_series_equal(out.dtypes, frame.dtypes)
    return out


def test_only_numbers() -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list("abc"))
    out = learn(frame)
    assert ((out >= frame.min()) & (out <= frame.max())).all().all()


@pytest.mark.parametrize("prior", ["absorbing", "uniform"])
def test_only_categories(prior: str) -> None:
    frame = pd.DataFrame({"a": list("xyz") * 20, "b": [True, False] * 30})
    out = learn(frame, prior=prior)
    assert set(out["a"]) <= {"x", "y", "z"} and set(out["b"]) == {True, False}


@pytest.mark.parametrize("column", ["x", "c"])
def test_one_column(column: str) -> None:
    learn(table()[[column]])


@pytest.mark.parametrize("n", [2, 3, 9])
def test_very_few_rows(n: int) -> None:
    with pytest.warns(SchemaWarning, match=f"only {n} rows"):
        learn(table().head(n))


@pytest.mark.parametrize("batch_size", [1, 59, 60, 61])
def test_72_73_batches_of_any_size(batch_size: int) -> None:
    learn(table(), batch_size=batch_size)


@pytest.mark.parametrize("fraction", [0, 0.0, 0.5])
def test_rows_held_out_in_any_share(fraction: float) -> None:
    learn(table(), validation_fraction=fraction)


def test_ten_thousand_levels() -> None:
    frame = pd.DataFrame({"s": [f"s{i % 10_000}" for i in range(20_000)], "x": 1.5})
    out = learn(frame, batch_size=64)
    assert set(out["s"]) <= set(frame["s"]) and out["s"].nunique() > 40


def test_a_hundred_and_twenty_eight_columns() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"n{i}": rng.normal(size=60) for i in range(64)})
    learn(frame.assign(**{f"c{i}": rng.choice(list("abc"), 60) for i in range(64)}))


def test_only_constants() -> None:
    frame = pd.DataFrame({"a": [1] * 60, "b": ["x"] * 60})
    synth = tiny().fit(frame)
    equal(synth.sample(60), frame)
    assert synth.stopped_ == "nothing to learn" and len(synth.history_) == 0


def test_only_missing_values() -> None:
    frame = pd.DataFrame({"a": [np.nan] * 60, "b": pd.Series([None] * 60, dtype="Int64")})
    with pytest.warns(SchemaWarning, match="no value at all in columns 'a', 'b'"):
        synth = tiny().fit(frame)
    equal(synth.sample(60), frame)


def test_nothing_to_learn_can_be_scored_and_saved(tmp_path: Path) -> None:
    synth = tiny().fit(pd.DataFrame({"a": [1] * 60}))
    assert np.isfinite(synth.score(pd.DataFrame({"a": [1] * 60})))
    synth.save(tmp_path / "m")
    loaded = DiffusionSynthesizer.load(tmp_path / "m", device="cpu")
    equal(loaded.sample(3), synth.sample(3))


def test_missing_rates_are_learned_by_column() -> None:
    rng = np.random.default_rng(0)
    rates = {"a": 0.1, "b": 0.5, "c": 0.9}
    frame = pd.DataFrame(
        {k: np.where(rng.random(2000) < p, np.nan, rng.normal(size=2000)) for k, p in rates.items()}
    )
    out = learn(frame, n=2048, batch_size=64)
    # 2048 draws: five standard deviations of a share are 0.055 at most.
    np.testing.assert_allclose(out.isna().mean(), frame.isna().mean(), atol=0.06)


def test_a_given_schema_is_followed(real: pd.DataFrame, fitted: DiffusionSynthesizer) -> None:
    synth = tiny(schema=fitted.schema_, max_steps=3).fit(real)
    assert synth.schema_ is fitted.schema_
    equal(synth.sample(20), fresh(fitted).sample(20))


def test_order_of_columns_is_kept_whatever_it_is() -> None:
    frame = table().assign(more=np.arange(60.0) ** 2)
    for order in (["x", "c", "more"], ["more", "c", "x"], ["c", "more", "x"]):
        learn(frame[order])


def test_an_unfitted_clone_keeps_nothing(fitted: DiffusionSynthesizer) -> None:
    assert not [name for name in vars(clone(fitted)) if name.endswith("_")]
