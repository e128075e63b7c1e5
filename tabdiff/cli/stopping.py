"""How the command line is stopped by others than its user."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Termination:
    """Whether the process was asked to end."""

    asked = False


@contextmanager
def terminable() -> Iterator[Termination]:
    """Make SIGTERM interrupt like Ctrl-C, so that what is half done is saved or cleared away.

    Who handles or ignores the signal already goes on doing so; and in a thread other than the main
    one, which alone hears signals, nothing changes.
    """
    termination = Termination()

    def interrupt(number: int, frame: FrameType | None) -> None:
        termination.asked = True
        raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield termination
        return
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield termination
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
