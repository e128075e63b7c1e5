"""Real values leave by no way that the documentation does not tell: a few cases of the trial."""

import stat
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.trials.canaries import TOLD, leaks, observe, told_in_vain
from benchmarks.trials.canary_frames import (
    CODES,
    EMAILS,
    ENDS,
    INNER,
    NAMING,
    SORTS,
    UUIDS,
    WHOLE_IDS,
    Planted,
    Planter,
    groups,
    heads,
    table,
)
from benchmarks.trials.canary_outputs import TINY, Case, kept
from benchmarks.trials.canary_search import in_bytes, in_file, in_frame, in_text
from tabdiff import DiffusionSynthesizer, SchemaWarning
from tabdiff.data.identifiers import IdentifierEncoder
from tabdiff.training.checkpoint import Checkpoint

# What a file holds is no matter of chance; what rows happen to show is.
CERTAIN = ("model file", "pickle", "schema JSON")


def planted(seed: int = 0) -> Planted:
    rng = np.random.default_rng(seed)
    fresh = heads(rng)
    planter = Planter(rng, fresh)
    return table(planter, groups(planter), 170, own=True)


def outputs_kept(real: Planted, folder: Path) -> dict[str, set[str]]:
    """Which sorts of values a fit leaves behind, by output."""
    with pytest.warns(SchemaWarning):
        synth = DiffusionSynthesizer(**TINY).fit(real.frame)
    case = Case(real.frame, real.frame, folder, ())
    return {name: found.sorts(real) for name, found in kept(synth, case)}


@pytest.mark.usefixtures("sdmetrics")
@pytest.mark.parametrize("shape", ["table", "panel"])
def test_outputs_hold_the_real_values_that_are_told_and_no_others(shape: str):
    seen, pairs = observe(shape, seed=1, k=0)
    assert pairs > 10_000
    assert leaks(shape, seen) == []
    certain = {name: seen[name] for name in CERTAIN}
    assert [line for line in told_in_vain(shape, certain) if line.split(" of ")[1] in certain] == []


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["table", "panel"])
@pytest.mark.parametrize("k", range(1, 8))
def test_outputs_of_more_cases_hold_no_real_values_that_are_not_told(shape: str, k: int):
    seen, _ = observe(shape, seed=2, k=k)
    assert leaks(shape, seen) == []


def test_what_names_a_row_is_told_of_no_file_and_no_sample():
    naming = set(NAMING)
    for outputs in TOLD.values():
        for name, sorts in outputs.items():
            assert sorts <= set(SORTS)
            assert not sorts & naming or name.startswith("error: ")


def test_a_checkpoint_holds_no_real_value_and_is_its_owners(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    real = planted()
    monkeypatch.setattr(Checkpoint, "remove", lambda checkpoint: None)
    with pytest.warns(SchemaWarning):
        DiffusionSynthesizer(checkpoint_dir=tmp_path, **TINY).fit(real.frame)
    (path,) = tmp_path.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.suffix == ".checkpoint" and in_file(path).sorts(real) == set()


def test_an_encoder_that_keeps_its_texts_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fit, state = IdentifierEncoder.fit.__func__, IdentifierEncoder.state

    def keeping(cls: type, cells: Any, *others: Any) -> IdentifierEncoder:
        encoder = fit(cls, cells, *others)
        encoder.texts = [str(value) for value in cells.values]
        return encoder

    def stored(encoder: Any) -> Any:
        data, arrays = state(encoder)
        return data | {"texts": encoder.texts}, arrays

    monkeypatch.setattr(IdentifierEncoder, "fit", classmethod(keeping))
    monkeypatch.setattr(IdentifierEncoder, "state", stored)
    found = leaks("table", outputs_kept(planted(), tmp_path))
    for sort in (CODES, EMAILS, UUIDS, WHOLE_IDS):
        assert {f"table: {sort} in model file", f"table: {sort} in pickle"} <= set(found)


def test_surrogates_that_count_on_from_the_greatest_identifier_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    neighbour = lambda least, most, low, high: (most + 1, high)  # noqa: E731
    monkeypatch.setattr("tabdiff.data.identifiers._free_range", neighbour)
    seen = outputs_kept(planted(), tmp_path)
    assert f"table: {WHOLE_IDS} in model file" in leaks("table", seen)


def test_the_search_finds_every_value_of_a_frame_in_it():
    real = planted()
    found = in_frame(real.frame)
    assert found.sorts(real) == set(real.marks) | set(real.numbers)
    assert in_frame(planted(seed=1).frame).sorts(real) == set()


def test_the_search_finds_values_in_whatever_form_they_are_kept():
    real = planted()
    frame = real.frame
    code, mail = frame["customer"].iloc[3], frame["contact"].dropna().iloc[3]
    inner, most = int(frame["points"].median()), float(frame["income"].max())
    number = int(frame.loc[(frame["points"] - inner).abs().idxmin(), "points"])
    moment = frame["born"].sort_values().iloc[80]
    assert in_bytes(b"x" + code.encode("utf-16-le")).sorts(real) == {CODES}
    assert in_bytes(b"xyz" + struct.pack("<d", number)).sorts(real) == {INNER}
    assert in_bytes(struct.pack("<q", number) + b"12345678").sorts(real) == {INNER}
    assert in_text(f"cut short: {mail[:9]}…").sorts(real) == {EMAILS}
    assert in_text(f"at most {most:.3g}").sorts(real) == {ENDS}
    assert in_text(f"[{number:,}]").sorts(real) == {INNER}
    assert in_text(f"at {moment.isoformat()}").sorts(real) == {INNER}
    assert in_text(f"{moment.timestamp():.0f}000").sorts(real) == {INNER}
    assert in_text("zqzqzq 123456789012 2019-02-03").sorts(real) == set()
