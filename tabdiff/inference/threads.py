"""Threads: work whose numbers depend neither on how many there are nor on what their user set.

Threads that share a product of matrices, or a sine over a tensor, divide it where their number
says, and with the division the last bits change. So each piece has one thread to itself, and as
many pieces run side by side as torch has threads.

A thread of ours never divides its work, so it never waits for OpenMP's own threads either, which a
forked process has lost.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")

# Python runs one thread at a time between two calls of torch: more would wait for each other.
MOST_AT_ONCE = 16

_FIRST_PROCESS = os.getpid()


def side_by_side(
    work: Callable[[Item], Result], items: Iterable[Item], device: torch.device
) -> Iterator[tuple[Item, Result]]:
    """Each item with what ``work`` makes of it, in the order of the items.

    Items are asked for when a thread is free, so few results wait at any time. No thread outlives
    the iteration. Elsewhere than on a processor ``work`` is done one after the other.

    Parameters
    ----------
    work : callable
        Of the item alone: it changes nothing that another call reads.
    items : iterable
        Read in the calling thread.
    device : torch.device
        Where the tensors live.
    """
    if device.type != "cpu":
        for item in items:
            with unswayed():
                result = work(item)
            yield item, result
        return
    n = min(torch.get_num_threads(), MOST_AT_ONCE)
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(n, "tabdiff", initializer=_keep_to_one_thread) as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(work, item)))
                if len(waiting) > n:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def by_itself(work: Callable[[], Result], device: torch.device) -> Result:
    """What ``work`` makes, on one thread as in :func:`side_by_side`."""
    [(_, result)] = side_by_side(lambda _: work(), [None], device)
    return result


@contextmanager
def unswayed() -> Iterator[None]:
    """Work in the calling thread as torch works where its user has set nothing.

    Tensors are made on the processor, gradients can be taken, nothing is cast; the user's settings
    are back afterwards, and other threads never see a change. In a forked process there is one
    thread: the thread that forked takes along the notion of OpenMP's other threads but not the
    threads, and would wait for them for ever.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        # Only where it matters: within a device's context every call of torch takes longer.
        if torch.empty(0).device.type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if os.getpid() != _FIRST_PROCESS:
            stack.enter_context(_undivided())
        yield


@contextmanager
def _undivided() -> Iterator[None]:
    """One thread for what the calling thread does."""
    torch.get_num_threads()
    set_local = _mkl()
    with _openmp().limit(limits=1):
        before = set_local(1) if set_local is not None else 0
        try:
            yield
        finally:
            if set_local is not None:
                set_local(before)


def _keep_to_one_thread() -> None:
    """Let nothing divide the work of the calling thread, and leave all other threads as they are.

    torch's own ``set_num_threads`` would also count for threads that begin later.
    """
    # Here torch sets a new thread up with the number of threads that the user wants.
    torch.get_num_threads()
    _openmp().limit(limits=1)
    set_local = _mkl()
    if set_local is not None:
        set_local(1)


@cache
def _openmp() -> ThreadpoolController:
    """The OpenMP runtimes of this process, which count threads for each thread by itself."""
    return ThreadpoolController().select(user_api="openmp")


@cache
def _mkl() -> Any:
    """MKL's setting for the calling thread alone, or None where torch has no MKL.

    MKL follows OpenMP's number until ``torch.set_num_threads`` gives it one of its own.
    """
    name = {"win32": "torch_cpu.dll", "darwin": "libtorch_cpu.dylib"}.get(
        sys.platform, "libtorch_cpu.so"
    )
    path = Path(torch.__file__).parent / "lib" / name
    if not path.exists():
        return None
    return getattr(ctypes.CDLL(str(path)), "MKL_Set_Num_Threads_Local", None)
