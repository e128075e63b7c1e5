"""One fit in several processes that torchrun started, or anything else that makes a process group.

A script for ``torchrun --nproc-per-node 2 script.py``::

    import torch.distributed as dist
    from tabdiff import DiffusionSynthesizer
    from tabdiff.integrations.distributed import fit_distributed

    dist.init_process_group("gloo")                     # "nccl" where each process has a GPU
    synth = fit_distributed(DiffusionSynthesizer(random_state=0), table)
    if dist.get_rank() == 0:
        synth.save("table.tabdiff")
    dist.destroy_process_group()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tabdiff.synthesizer import DiffusionSynthesizer
from tabdiff.timeseries import TimeSeriesDiffusionSynthesizer
from tabdiff.training.loop import Keeper
from tabdiff.training.ranks import Ranks

Synthesizer = TypeVar("Synthesizer", DiffusionSynthesizer, TimeSeriesDiffusionSynthesizer)


def fit_distributed(synth: Synthesizer, X: Any) -> Synthesizer:
    """Fit ``synth`` in all processes of torch.distributed's default group, to the same weights.

    To be called in each of them. A batch is divided among them, the gradients are averaged, and so
    are the losses of the held-out rows; every process encodes the whole table. The processes agree
    to the last bit, and so does a second run of as many of them; with more or fewer, other noise is
    drawn. With ``checkpoint_dir`` the first process keeps where training stands, and the others go
    on from there, so they need not see the folder.

    Parameters
    ----------
    synth : DiffusionSynthesizer or TimeSeriesDiffusionSynthesizer
        With the same parameters in every process. Its ``batch_size`` is that of all together; its
        ``device`` is each process's own: with several GPUs in a machine, call
        ``torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))`` first.
    X : table
        The same in every process.

    Returns
    -------
    synth

    Raises
    ------
    RuntimeError
        If there is no process group.
    SchemaError, ValueError, TypeError, …
        As ``fit`` does.
    """
    team = Ranks()
    keeper_of: Callable[[str], Keeper] | None = None if team.rank == 0 else lambda name: Keeper()
    return synth.fit_together(X, team, keeper_of)
