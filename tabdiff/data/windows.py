"""Windows of long sequences, cut when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tabdiff.data.cells import Array
from tabdiff.data.mixed import Mixed

# Fewer entities than this judge badly: stretches of time are held out instead.
ENTITIES_TO_SPLIT = 40
MOST_JUDGES = 512


@dataclass(frozen=True)
class Windows:
    """Stretches of consecutive slots of sequences laid end to end.

    Parameters
    ----------
    slots : Mixed, (S + 1, D)
        All slots of all sequences; the last is one where nothing is.
    starts, ends : Tensor, (M,), int64
        The first slot of each window, and the end of its sequence.
    length : int
        L, of a window; one that reaches beyond its end is filled up with the last slot.
    """

    slots: Mixed
    starts: Tensor
    ends: Tensor
    length: int

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, chosen: Tensor | slice) -> Mixed:
        """(B, L, D), L cut to the longest of these windows."""
        return self.slots[self.places(chosen)]

    def places(self, chosen: Tensor | slice) -> Tensor:
        """The slots of these windows, (B, L)."""
        starts, ends = self.starts[chosen], self.ends[chosen]
        return window_places(starts, ends, self.length, nothing=len(self.slots) - 1)

    @property
    def device(self) -> torch.device:
        """Where the tensors live."""
        return self.slots.device

    def to(self, device: torch.device | str) -> Windows:
        """The same windows on another device."""
        return Windows(
            self.slots.to(device), self.starts.to(device), self.ends.to(device), self.length
        )

    def pieces(self) -> Iterator[dict[str, Tensor]]:
        """The slots, and which of them the windows are, by name, at once."""
        yield self.slots.tensors() | {"starts": self.starts, "ends": self.ends}


def window_places(starts: Tensor, ends: Tensor, length: int, nothing: int) -> Tensor:
    """The slots from each start on, (B, L); ``nothing`` beyond the end of its sequence.

    Parameters
    ----------
    starts, ends : Tensor, (B,), int64
    length : int
        The most slots of a window; L is cut to the longest there is.
    """
    longest = min(length, int((ends - starts).max())) if len(starts) else length
    places = starts[:, None] + torch.arange(longest, device=starts.device)
    return torch.where(places < ends[:, None], places, nothing)


def windows_of(offsets: Array, held: Array, window: int) -> Array:
    """The windows that lie in none of the held out slots, or wholly in them.

    Parameters
    ----------
    offsets : int array, (n + 1,)
        The first slot of each sequence.
    held : bool array, (S,)
        Slots to stay away from.
    window : int
        A sequence that is no longer is one window.

    Returns
    -------
    int array, (M, 2)
        First slot, and end of the sequence, of each window.
    """
    lengths = np.diff(offsets)
    count = np.maximum(lengths - window, 0) + 1
    owner = np.repeat(np.arange(len(lengths)), count)
    starts = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + offsets[owner]
    ends = np.minimum(starts + window, offsets[owner + 1])
    touched = np.concatenate([[0], np.cumsum(held)])
    free = touched[ends] == touched[starts]
    return np.stack([starts[free], offsets[owner[free] + 1]], 1)


def learn_and_judge(
    parts: Mixed, offsets: Array, window: int, held: Array
) -> tuple[Windows, Windows]:
    """Windows to learn from, and windows that judge; the same where there is nothing to judge by.

    Parameters
    ----------
    parts : Mixed, (S + 1, D)
        All slots, and last one where nothing is.
    offsets : int array, (n + 1,)
    held : bool array, (S,)
        The slots that judge.
    """
    learned, judging = windows_of(offsets, held, window), windows_of(offsets, ~held, window)
    if not len(learned) or not len(judging):
        learned = judging = windows_of(offsets, np.zeros_like(held), window)
    few = np.linspace(0, len(judging) - 1, min(len(judging), MOST_JUDGES)).astype(np.int64)
    starts, ends = (torch.from_numpy(np.ascontiguousarray(column)) for column in learned.T)
    own_starts, own_ends = (torch.from_numpy(column) for column in judging[few].T.copy())
    return Windows(parts, starts, ends, window), Windows(parts, own_starts, own_ends, window)


def hold_out(
    offsets: Array, window: int, n_entities: int, share: float, rng: np.random.Generator
) -> Array:
    """The slots that judge, (S,) bool: whole entities where there are enough, else stretches.

    Parameters
    ----------
    offsets : int array, (n + 1,)
    window : int
        A stretch is two windows long.
    n_entities : int
        How many, where there are at least ``ENTITIES_TO_SPLIT``.
    share : float
        Of the slots, otherwise.
    """
    n, total = len(offsets) - 1, int(offsets[-1])
    held = np.zeros(total, dtype=bool)
    if n >= ENTITIES_TO_SPLIT:
        for entity in rng.permutation(n)[:n_entities]:
            held[offsets[entity] : offsets[entity + 1]] = True
        return held
    stretch = 2 * window
    count = round(share * total / stretch)
    if count == 0 and share > 0 and total >= 8 * stretch:
        count = 1
    for part in range(count):
        low, high = part * total // count, (part + 1) * total // count - stretch
        begin = int(rng.integers(low, max(high, low + 1)))
        held[begin : begin + stretch] = True
    return held


def windows_in_turn(offsets: Array, window: int, overlap: int) -> tuple[Array, Array]:
    """The windows in which sequences are drawn one after the other, if nothing of them is known.

    Parameters
    ----------
    offsets : int array, (n + 1,)
        The first slot of each sequence, and S.
    window : int
    overlap : int, below ``window``
        How many slots before its first fresh one a window begins; more where the sequence would
        end before the window does.

    Returns
    -------
    int array, (M, window)
        Slots; S beyond the end of a sequence.
    bool array, (M, window)
        The slots that no earlier window has. Each slot is fresh once.
    """
    lengths, stride = np.diff(offsets), window - overlap
    count = np.where(lengths > 0, 1 - np.minimum(window - lengths, 0) // stride, 0)
    owner, turn = _turns(count)
    latest = np.maximum(lengths[owner] - window, 0)
    within = np.minimum(turn * stride, latest)[:, None] + np.arange(window)
    done = np.where(turn > 0, turn * stride + overlap, 0)
    inside = within < lengths[owner, None]
    places = np.where(inside, offsets[owner, None] + within, offsets[-1])
    return places, inside & (within >= done[:, None])


def windows_around(offsets: Array, window: int, apart: int) -> tuple[Array, Array]:
    """Windows that ask for slots ``apart`` from each other, a quarter of the window around them.

    Parameters
    ----------
    offsets : int array, (n + 1,)
        The first slot of each sequence, and S.
    window, apart : int

    Returns
    -------
    int array, (M, window)
        Slots; S beyond the end of a sequence.
    bool array, (M, window)
        The slots asked, some in each window. Each slot is asked once.
    """
    lengths, margin = np.diff(offsets), window // 4
    stride = window - 2 * margin
    owner, turn = _turns(-(-lengths // stride))
    first, latest = turn * stride, np.maximum(lengths[owner] - window, 0)
    within = np.clip(first - margin, 0, latest)[:, None] + np.arange(window)
    inside = within < lengths[owner, None]
    own = inside & (within >= first[:, None]) & (within < first[:, None] + stride)
    places = np.where(inside, offsets[owner, None] + within, offsets[-1])
    asked = np.concatenate([own & (within % apart == k) for k in range(apart)])
    some = asked.any(axis=1)
    return np.tile(places, (apart, 1))[some], asked[some]


def _turns(count: Array) -> tuple[Array, Array]:
    """The sequence of each window, and which of its windows it is, from how many each has."""
    owner = np.repeat(np.arange(len(count)), count)
    return owner, np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
