"""Fits and samples on Ray are those of one process, and lost workers change nothing."""

import re
from collections.abc import Iterator
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("ray", reason="the extra ray is not installed")
import pyarrow
import ray

from benchmarks.trials.kills import SETTINGS, digest
from benchmarks.trials.ray_kills import WORKERS, Hunt, killing
from tabdiff import DiffusionSynthesizer, Privacy, SchemaWarning, TimeSeriesDiffusionSynthesizer
from tabdiff.integrations.ray import fit_ray, sample_ray, sample_ray_to_parquet
from tests.test_synthesizer import mixed_table
from tests.tiny import TINY, table, tiny

# Ray warns of its own futures, and leaves sockets to the collector.
pytestmark = pytest.mark.filterwarnings("default")
equal = pd.testing.assert_frame_equal
N, PART = 8 * 1024 - 5, 1024


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield
        ray.shutdown()


@pytest.fixture(scope="module")
def fitted() -> DiffusionSynthesizer:
    with pytest.warns(SchemaWarning, match="column 'who': identifiers"):
        return tiny(max_steps=3, sampling_steps=30).fit(mixed_table())


def gathered(made: Any) -> pd.DataFrame:
    return pyarrow.concat_tables(ray.get(made.to_arrow_refs())).to_pandas()


# ---- samples ----


def test_rows_are_those_of_one_process_after_a_kill(fitted: DiffusionSynthesizer):
    made = sample_ray(fitted, N, random_state=1, num_cpus=0.5, part_rows=PART)
    with killing(iter([("at work", Hunt(WORKERS["sampling"]).after(1.0))]), 1) as killed:
        rows = gathered(made)
    assert killed.total() == 1
    equal(rows, fitted.sample(N, random_state=1))


def test_a_folder_of_files_is_whole_after_a_kill_in_a_write(
    fitted: DiffusionSynthesizer, tmp_path: Path
):
    asked = {"c": ["a", "b"], "spiky": (0, None)}
    kills = iter([("in a write", Hunt(WORKERS["writing"]).in_a_write(tmp_path))] * 9)
    with killing(kills, 1) as killed:
        sample_ray_to_parquet(
            fitted,
            N,
            tmp_path / "rows",
            conditions=asked,
            random_state=1,
            num_cpus=0.5,
            part_rows=PART,
        )
    assert [path.name for path in tmp_path.iterdir()] == ["rows"]
    parts = sorted((tmp_path / "rows").iterdir())
    assert [path.name for path in parts] == [f"part-{k:06}.parquet" for k in range(8)]
    rows = pd.concat(map(pd.read_parquet, parts), ignore_index=True)
    equal(rows, fitted.sample(N, conditions=asked, random_state=1))
    assert killed.total() <= 1


def test_a_model_that_excludes_copies_is_refused_before_any_work(fitted: DiffusionSynthesizer):
    guarded = copy(fitted).set_params(exclude_copies=True)
    with pytest.raises(ValueError, match="exclude_copies: workers get the model as a file"):
        sample_ray(guarded, N)


def test_a_failed_job_leaves_nothing(fitted: DiffusionSynthesizer, tmp_path: Path):
    with pytest.raises(KeyError, match="nowhere"):
        sample_ray_to_parquet(fitted, N, tmp_path / "rows", conditions={"nowhere": 1})
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "mine").touch()
    with pytest.raises(FileExistsError, match="something is there already"):
        sample_ray_to_parquet(fitted, N, tmp_path / "rows")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"n_samples": 0}, "n_samples must be at least 1"),
        ({"num_workers": 0}, "num_workers must be at least 1"),
        ({"num_cpus": 0}, "num_cpus must be in"),
        ({"part_rows": 0}, "part_rows must be at least 1"),
        ({"synth": TimeSeriesDiffusionSynthesizer()}, "Ray samples tables"),
    ],
)
def test_samples_that_are_none_are_refused(
    fitted: DiffusionSynthesizer, changes: dict[str, Any], told: str
):
    with pytest.raises((TypeError, ValueError), match=told):
        sample_ray(**({"synth": fitted, "n_samples": 9} | changes))


# ---- fits ----


def test_a_fit_goes_on_after_a_kill_to_the_same_bits(tmp_path: Path):
    # Checkpoints are ten seconds apart, and the first kill waits for one.
    synth = DiffusionSynthesizer(max_steps=1500, random_state=0, **SETTINGS)
    whole = fit_ray(synth, table(200), num_cpus=0.5)
    kill = Hunt(WORKERS["training"]).after_checkpoint(tmp_path, np.random.default_rng(0))
    with killing(iter([("after a checkpoint", kill)]), 1) as killed:
        again = fit_ray(synth, table(200), num_cpus=0.5, storage=tmp_path, name="run")
    assert killed.total() == 1
    assert digest(again) == digest(whole)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"num_workers": 0}, "num_workers must be at least 1"),
        ({"num_workers": (3, 2)}, "num_workers must be at least 3"),
        ({"max_failures": -2}, "max_failures must be at least -1"),
        ({"num_cpus": 0.0}, "num_cpus must be in"),
        ({"name": "run"}, "storage="),
        ({"synth": tiny(checkpoint_dir="kept")}, "leave checkpoint_dir out"),
        ({"synth": tiny(privacy=Privacy(epsilon=1.0, delta=1e-6))}, "one process alone"),
        ({"synth": None}, "fit_ray fits synthesizers"),
    ],
)
def test_fits_that_are_none_are_refused(changes: dict[str, Any], told: str):
    with pytest.raises((TypeError, ValueError), match=told):
        fit_ray(**({"synth": tiny(), "dataset": table()} | changes))


def test_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    readme = Path(__file__).parents[2] / "README.md"
    [block, _] = re.findall(r"```py\n(.*?)```", readme.read_text("utf-8"), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names = {"DiffusionSynthesizer": partial(DiffusionSynthesizer, **TINY), "train": table()}
    del names["DiffusionSynthesizer"].keywords["random_state"]
    exec(compile(block, "README.md", "exec"), names)  # noqa: S102 - our own README
    rows = pd.read_parquet(tmp_path / "rows")
    equal(rows, names["synth"].sample(10_000, random_state=0))
