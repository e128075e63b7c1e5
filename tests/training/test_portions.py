"""Batches in parts: what a device does not hold at once is learned all the same."""

import math

import pytest
import torch
from torch import Tensor, nn

from tabdiff.data.mixed import Belief, Known, Mixed
from tabdiff.training.loop import evaluate_loss, train
from tabdiff.training.masks import RowMasks
from tabdiff.training.portions import Noisy, Portions
from tests.training.test_loop import LAYOUT, SHORT, denoiser_of, generator, joint_of, toy, trained


class Narrow(nn.Module):
    """A network on a device whose memory holds so many rows."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.inner, self.most, self.sizes = denoiser_of(LAYOUT), most, []

    def forward(self, x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        self.sizes.append(len(x_t))
        if len(x_t) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return self.inner(x_t, t, known)


@pytest.mark.parametrize("most", [31, 5])
def test_096_learning_in_parts_changes_nothing_but_rounding(most: int):
    whole = trained()
    with pytest.warns(RuntimeWarning, match="ran out of memory with 32 rows") as caught:
        parted = trained(denoiser=Narrow(most))
    assert len(caught) == 1
    assert [p.step for p in parted.history] == [p.step for p in whole.history]
    for one, other in zip(whole.history, parted.history, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-4)
        assert one.validation_loss == pytest.approx(other.validation_loss, rel=1e-4)
    for p, q in zip(whole.denoiser.parameters(), parted.denoiser.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-3, atol=1e-4)


def test_096_parts_are_halved_once_and_for_all():
    narrow = Narrow(10)
    with pytest.warns(RuntimeWarning, match="in parts of 8"):
        train(narrow, joint_of(LAYOUT), toy(64), toy(32, 1), SHORT, generator())
    assert narrow.sizes[:6] == [32, 16, 8, 8, 8, 8]
    assert max(narrow.sizes[6:]) == 8


def test_096_a_device_that_holds_no_row_is_an_error():
    with pytest.raises(torch.OutOfMemoryError):
        trained(denoiser=Narrow(0))


def test_096_a_look_in_parts_weighs_rows_alike():
    narrow, joint, rows = Narrow(7).eval(), joint_of(LAYOUT), toy(50)
    with pytest.warns(RuntimeWarning, match="out of memory with 50 rows"):
        parted = evaluate_loss(narrow, joint, rows)
    assert parted == pytest.approx(evaluate_loss(narrow.inner, joint, rows), rel=1e-5)


def test_an_attempt_gets_all_rows_in_ever_smaller_parts():
    noisy = Noisy.of(joint_of(LAYOUT), toy(8), RowMasks(LAYOUT), generator())
    seen: list[list[int]] = []

    def work(parts: list[Noisy]) -> float:
        seen.append([len(part) for part in parts])
        if len(parts) < 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return math.pi

    with pytest.warns(RuntimeWarning, match="in parts of 2"):
        assert Portions().attempt(noisy, work) == math.pi
    assert seen == [[8], [4, 4], [2, 2, 2, 2]]
