"""What belongs to the user of a process: settings to try a library under, and what it moved."""

from __future__ import annotations

import decimal
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch


def state() -> dict[str, Any]:
    """Random generators and settings, by name."""
    kind, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)  # noqa: NPY002
    return {
        "random": random.getstate(),
        "numpy.random": (kind, keys.tobytes(), position, has_gauss, gauss),
        "numpy's errors": np.geterr(),
        "decimal": repr(decimal.getcontext()),
        "torch's generator": torch.get_rng_state().numpy().tobytes(),
        "torch's threads": torch.get_num_threads(),
        "default dtype": torch.get_default_dtype(),
        "default device": torch.empty(0).device,
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "precision of products": torch.get_float32_matmul_precision(),
        "gradients": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "autocast": (torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")),
    }


def moved(before: dict[str, Any]) -> list[str]:
    """What is no longer as it was."""
    after = state()
    return [name for name, value in before.items() if value != after[name]]


@contextmanager
def having(get: Callable[[], Any], put: Callable[[Any], Any], value: Any) -> Iterator[None]:
    """A setting with another value for a while."""
    before = get()
    put(value)
    try:
        yield
    finally:
        put(before)


def threads(n: int) -> AbstractContextManager[None]:
    """So many threads within torch."""
    return having(torch.get_num_threads, torch.set_num_threads, n)


def _default_device(name: str) -> AbstractContextManager[None]:
    return having(lambda: None, torch.set_default_device, name)


@contextmanager
def _random_numbers_drawn() -> Iterator[None]:
    """The global generators somewhere on their way, and back."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.set_rng_state(before[2])


_dtype = partial(having, torch.get_default_dtype, torch.set_default_dtype)
# By name, what a user may have set: a context that sets it.
SETTINGS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "float64 by default": partial(_dtype, torch.float64),
    "float16 by default": partial(_dtype, torch.float16),
    "another device by default": partial(_default_device, "meta"),
    "deterministic algorithms": partial(
        having,
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
        True,
    ),
    "bfloat16 autocast": partial(torch.autocast, "cpu", dtype=torch.bfloat16),
    "float16 autocast": partial(torch.autocast, "cpu", dtype=torch.float16),
    "no gradients": torch.no_grad,
    "inference mode": torch.inference_mode,
    "numpy raises": partial(np.errstate, all="raise"),
    "decimals of three digits": partial(decimal.localcontext, prec=3),
    "seeds": _random_numbers_drawn,
}
