"""An order of very many rows that is computed where it is asked for, and never kept.

    row = E(place),    E a Feistel network on the numbers below 2^(2h) >= n,
                       applied again until the result is below n

A network of this kind is a bijection whatever its round function is, and walking on until a number
is below n makes it one of 0 … n - 1. It is no uniform draw among all n! orders, as no generator of
64 bits can give one; what training needs is that batches are not alike.

Source: the generalised Feistel cipher and cycle walking of Black & Rogaway 2002, "Ciphers with
arbitrary finite domains", sections 3 and 4; the round function is ours.
"""

from __future__ import annotations

import torch
from torch import Tensor

ROUNDS = 6
# 2^64 over the golden ratio, odd, as a signed number: its products spread low bits over high ones.
_SPREAD = 0x9E3779B97F4A7C15 - 2**64


class Shuffle:
    """The numbers 0 … n - 1 in an order that a generator chooses, in constant memory.

    Parameters
    ----------
    n : int
        At most 2^62.
    generator : torch.Generator
    """

    def __init__(self, n: int, generator: torch.Generator) -> None:
        self._n, self._device = n, generator.device
        self._half = ((n - 1).bit_length() + 1) // 2
        keys = torch.randint(2**62, (ROUNDS,), generator=generator, device=self._device)
        self._keys = keys.tolist()

    def __getitem__(self, places: slice) -> Tensor:
        """The numbers at these places, int64."""
        found = self._once(torch.arange(*places.indices(self._n), device=self._device))
        while bool((beyond := found >= self._n).any()):
            found[beyond] = self._once(found[beyond])
        return found

    def _once(self, numbers: Tensor) -> Tensor:
        mask = 2**self._half - 1
        left, right = numbers >> self._half, numbers & mask
        for key in self._keys:
            # Multiplication of int64 wraps around.
            left, right = right, left ^ (((right + key) * _SPREAD >> 32) & mask)
        return left << self._half | right
