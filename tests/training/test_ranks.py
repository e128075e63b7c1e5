"""Several processes learn one network, and what comes of it is one network's."""

import math
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn

from tabdiff.data.windows import Windows
from tabdiff.training import checkpoint
from tabdiff.training.checkpoint import keeper_in
from tabdiff.training.loop import Keeper, TrainingDivergedError, train
from tabdiff.training.ranks import EveryNth, Ranks
from tabdiff.training.standing import Progress
from tests.training.test_checkpoint import LONG, PowerCutError, bits, learn
from tests.training.test_loop import (
    LAYOUT,
    SHORT,
    Scripted,
    denoiser_of,
    generator,
    joint_of,
    toy,
)


def together(tmp_path: Path, work: Callable[..., Any], *given: Any, n: int = 2) -> list[Any]:
    """What ``work`` returns in each of ``n`` processes of one group, from the first to the last."""
    context = multiprocessing.get_context("forkserver")
    # The first optimiser imports the second: longer than all the rest.
    context.set_forkserver_preload(["tabdiff.timeseries", "torch._dynamo", "torch.distributed"])
    told = [context.Pipe(duplex=False) for _ in range(n)]
    meeting = f"file://{tmp_path / 'meet'}"
    processes = [
        context.Process(target=_one, args=(meeting, rank, n, told[rank][1], work, given))
        for rank in range(n)
    ]
    for process, (_, tells) in zip(processes, told, strict=True):
        process.start()
        tells.close()
    found = [hears.recv() for hears, _ in told]
    for process in processes:
        process.join()
    return found


def _one(meeting: str, rank: int, n: int, tells: Any, work: Callable[..., Any], given: Any) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", meeting, rank=rank, world_size=n)
    tells.send(work(Ranks(), *given))
    dist.destroy_process_group()


# ------------------------------------------------------------------------------------- one step


def gradient(team: Ranks | None, size: int) -> tuple[list[float], float]:
    """Of the mean square of a line over a batch."""
    line = nn.utils.skip_init(nn.Linear, 2, 1)
    nn.init.constant_(line.weight, 0.5)
    nn.init.constant_(line.bias, -1.0)
    x = torch.linspace(-1, 2, 2 * size).reshape(size, 2)
    own = x if team is None else x[team.own(torch.arange(size))]

    def work() -> float:
        loss = line(own).square().mean()
        loss.backward()
        return float(loss.detach())

    loss = work() if team is None else team.descend(line, work)
    return [g for p in line.parameters() for g in p.grad.flatten().tolist()], loss


@pytest.mark.parametrize("size", [12, 1])
def test_the_gradient_is_that_of_the_whole_batch(tmp_path: Path, size: int):
    expected, loss = gradient(None, size)
    for found, found_loss in together(tmp_path, gradient, size):
        assert found == pytest.approx(expected, rel=1e-5)
        assert found_loss == pytest.approx(loss, rel=1e-5)


def shares(team: Ranks) -> list[int]:
    return team.own(torch.arange(100, 111)).tolist()


def test_a_batch_is_divided_and_no_share_is_larger(tmp_path: Path):
    first, second, third = together(tmp_path, shares, n=3)
    assert sorted(first + second + third) == list(range(100, 109))
    assert len(first) == len(second) == len(third)


def noises(team: Ranks) -> tuple[list[float], list[float]]:
    common = generator()
    own = team.noise(common)
    return torch.rand(3, generator=own).tolist(), torch.rand(3, generator=common).tolist()


def test_the_noise_of_each_is_its_own_and_the_stream_is_common(tmp_path: Path):
    (own, common), (others, same) = together(tmp_path, noises)
    assert own != others
    assert common == same


def agreements(team: Ranks) -> tuple[float, int]:
    return team.mean(float(team.rank)), team.lead(2**62 + team.rank)


def test_workers_agree_on_a_mean_and_on_what_the_first_says(tmp_path: Path):
    assert together(tmp_path, agreements) == [(0.5, 2**62)] * 2


def diverging(team: Ranks) -> str:
    denoiser = Scripted(3 if team.rank else 10**6)
    try:
        train(denoiser, joint_of(LAYOUT), toy(64), toy(32), SHORT, generator(), team=team)
    except TrainingDivergedError as error:
        return str(error)
    return ""


def test_all_stop_where_the_loss_of_one_is_not_finite(tmp_path: Path):
    first, second = together(tmp_path, diverging)
    assert "another worker" in first
    assert "'income'" in second


# ------------------------------------------------------------------------------------- a training


def learned(
    team: Ranks, folder: Path | None = None, last: int | None = None
) -> list[object] | None:
    """The bits of a training, kept by the first worker; None if it is cut off after a step."""
    checkpoint.EVERY_SECONDS, checkpoint.MOST_SHARE = 0.0, math.inf
    keeper = keeper_in(folder, "rows", resume=folder is not None) if team.rank == 0 else Keeper()
    keeper.entropy = 0

    def report(progress: Progress) -> None:
        if progress.step == last:
            raise PowerCutError

    try:
        return bits(
            train(
                # Other first weights, which those of the first worker replace.
                denoiser_of(LAYOUT, team.rank),
                joint_of(LAYOUT),
                toy(64),
                toy(32, 1),
                LONG,
                generator(0),
                report=report,
                keeper=keeper,
                team=team,
            )
        )
    except PowerCutError:
        return None


def test_workers_learn_the_same_bits_again_and_after_a_cut(tmp_path: Path):
    for name in ("a", "b", "c", "d"):
        (tmp_path / name).mkdir()
    first, second = together(tmp_path / "a", learned)
    assert first == second
    assert first != bits(learn(None))
    assert together(tmp_path / "b", learned) == [first] * 2
    assert together(tmp_path / "c", learned, tmp_path / "kept", 5) == [None, None]
    assert together(tmp_path / "d", learned, tmp_path / "kept") == [first] * 2


def test_there_is_no_team_without_a_process_group():
    with pytest.raises(RuntimeError, match="init_process_group"):
        Ranks()


# ------------------------------------------------------------------------------- what they look at


def test_every_nth_examples_are_all_of_them_once():
    rows = toy(11)
    parts = [EveryNth(rows, first, 3) for first in range(3)]
    assert sum(map(len, parts)) == 11
    for first, part in enumerate(parts):
        assert part[:].num.equal(rows[first::3].num)
        assert part[torch.tensor([1, 0])].cat.equal(rows[torch.tensor([first + 3, first])].cat)


def test_every_nth_of_windows_are_windows():
    slots = toy(9)
    starts = torch.arange(5)
    windows = Windows(slots, starts, torch.full((5,), 8), 3)
    assert EveryNth(windows, 1, 2)[:].num.equal(windows[starts[1::2]].num)
