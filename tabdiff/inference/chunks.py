"""Seeds: which random numbers belong to which chunk of which sample.

Every chunk of every sample has a stream of its own, found from the sample's entropy and the
chunk's number alone, so chunks may be made in any order, by any worker, and made again.
"""

from __future__ import annotations

import secrets

import numpy as np
import torch

Seed = int | np.random.Generator | np.random.RandomState | None


def entropy_of(random_state: Seed) -> int:
    """The number that a ``random_state`` stands for.

    None draws from the operating system, an int is itself, a generator is advanced by one draw.

    Raises
    ------
    ValueError
        If it is a negative int.
    TypeError
        If it is anything else.
    """
    if random_state is None:
        return secrets.randbits(63)
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63 - 1))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool):
        if random_state < 0:
            raise ValueError(f"random_state must be at least 0. Got {random_state}.")
        return int(random_state)
    raise TypeError(
        "random_state must be None, an int, a numpy Generator or a RandomState. "
        f"Got {random_state!r}."
    )


def generators(
    entropy: int, *path: int, device: torch.device | str = "cpu"
) -> tuple[torch.Generator, np.random.Generator]:
    """A torch and a numpy generator that depend on (entropy, path) alone."""
    noise, rest = np.random.SeedSequence(entropy, spawn_key=path).spawn(2)
    seed = int(noise.generate_state(1, np.uint64)[0]) >> 1
    return torch.Generator(device).manual_seed(seed), np.random.default_rng(rest)
