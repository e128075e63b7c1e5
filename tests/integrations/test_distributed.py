"""One fit in several processes: of tables and of sequences, with and without torchrun."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.trials.kills import SETTINGS, digest, some_sequences
from tabdiff import Privacy, TimeSeriesDiffusionSynthesizer
from tabdiff.integrations.distributed import fit_distributed
from tabdiff.training.ranks import Ranks
from tabdiff.training.team import Team
from tests.tiny import table, tiny
from tests.training.test_ranks import together

HERE = Path(__file__).parents[2]


def table_fitted(team: Ranks, folders: list[Path | None]) -> tuple[str, int]:
    folder = folders[team.rank]
    synth = tiny(max_steps=8, random_state=None, checkpoint_dir=folder, resume=folder is not None)
    return digest(fit_distributed(synth, table())), synth._fitted.entropy


def test_processes_fit_the_same_model_whoever_sees_the_checkpoints(tmp_path: Path):
    kept = tmp_path / "kept"
    first, second = together(tmp_path, table_fitted, [kept, None])
    # The seed was drawn by the first process alone.
    assert first == second
    assert list(kept.iterdir()) == []


def sequences_fitted(team: Ranks) -> str:
    roles: dict[str, Any] = {"sequence_key": "store", "sequence_index": "day"}
    settings = SETTINGS | {"sampling_steps": 2, "width": 8}
    synth = TimeSeriesDiffusionSynthesizer(max_steps=2, random_state=0, **roles, **settings)
    return digest(fit_distributed(synth, some_sequences(0)))


def test_processes_fit_the_same_sequences(tmp_path: Path):
    first, second = together(tmp_path, sequences_fitted)
    assert first == second


def test_alone_there_is_nothing_to_share():
    with pytest.raises(RuntimeError, match=r"no process group.*torchrun"):
        fit_distributed(tiny(), table())


def test_a_private_fit_is_not_shared():
    with pytest.raises(ValueError, match="one process alone"):
        tiny(privacy=Privacy(epsilon=1.0, delta=1e-6)).fit_together(table(), Team())


@pytest.mark.slow
def test_torchrun_fits_the_same_model_in_two_processes(tmp_path: Path):
    script = HERE / "tests" / "integrations" / "torchrun_script.py"
    run = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0"]
    subprocess.run(
        [sys.executable, *run, script, tmp_path],
        cwd=HERE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])},
        check=True,
        timeout=300,
    )
    first, second = ((tmp_path / rank).read_text() for rank in "01")
    assert first == second
