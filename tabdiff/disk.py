"""Writing a file, or a folder of them, so that it appears whole or not at all."""

import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

OWNER_ONLY = 0o600


@contextmanager
def replacing(path: str | os.PathLike[str], mode: int = 0o666) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path` when, and only if, the block succeeds.

    Until then the bytes go to a hidden file in the same folder, which is flushed to the disk
    before it is renamed; so a reader, a failure or a power cut finds the old file or the new one.
    Killed, the process leaves that file behind, `.NAME.<16 hexadecimal digits>.tmp`. A link is
    followed.

    Parameters
    ----------
    path : str or path
        The folder must exist.
    mode : int
        Permissions of the new file, reduced by the process's umask, and to those of the file that
        it takes the place of.

    Raises
    ------
    OSError
        With the path and what to do. What was at `path` is as it was.
    """
    target = Path(os.path.realpath(path))
    with _remedies(path, target.parent):
        _check_target(target, path)
        if target.exists():
            mode &= stat.S_IMODE(target.stat().st_mode) | stat.S_IRUSR | stat.S_IWUSR
        temporary, descriptor = _open_beside(target, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            with suppress(FileNotFoundError):
                temporary.unlink()
            raise
        _sync_folder(target.parent)


@contextmanager
def making_folder(path: str | os.PathLike[str], mode: int = 0o777) -> Iterator[Path]:
    """A folder that appears with all that the block writes into it when, and only if, it succeeds.

    Until then it is a hidden one beside, `.NAME.<16 hexadecimal digits>.tmp`, which stays behind
    where the process is killed. Hidden files in it, which :func:`replacing` leaves where its
    process was killed, are removed at the end.

    Parameters
    ----------
    path : str or path
        Nothing, or an empty folder; the folder above must exist.
    mode : int
        Permissions of the folder, reduced by the process's umask.

    Raises
    ------
    OSError
        With the path and what to do.
    """
    target = Path(os.path.realpath(path))
    with _remedies(path, target.parent):
        _check_place(target, path)
        temporary = _beside(target)
        temporary.mkdir(mode)
        try:
            yield temporary
            for stray in temporary.glob(".*.tmp"):
                stray.unlink()
            _sync_folder(temporary)
            if target.exists():
                target.rmdir()
            os.rename(temporary, target)
        except BaseException:
            shutil.rmtree(temporary)
            raise
        _sync_folder(target.parent)


def write_private(path: str | os.PathLike[str], text: str) -> None:
    """Write a text as UTF-8, readable by its owner only: it may hold real values.

    Raises
    ------
    OSError
        As `replacing` does.
    """
    with replacing(path, OWNER_ONLY) as file:
        file.write(text.encode("utf-8"))


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise the OSError that `replacing` would raise at `path`, as far as it can be foreseen.

    Worth asking before hours of work whose result goes there.
    """
    target = Path(os.path.realpath(path))
    with _remedies(path, target.parent):
        _check_target(target, path)
        temporary, descriptor = _open_beside(target, OWNER_ONLY)
        os.close(descriptor)
        temporary.unlink()


def sweep(path: str | os.PathLike[str]) -> None:
    """Remove the temporary files of `replacing` at `path` whose process was killed.

    Only for who knows that no other process is writing to `path`.
    """
    target = Path(os.path.realpath(path))
    ours = re.compile(re.escape(_stem(target)) + r"[0-9a-f]{16}\.tmp")
    for beside in target.parent.iterdir():
        if ours.fullmatch(beside.name):
            beside.unlink()


_BINARY = getattr(os, "O_BINARY", 0)

_REMEDIES = {
    errno.EACCES: "no permission to write in this folder: choose another",
    errno.EPERM: "no permission to write in this folder: choose another",
    errno.EROFS: "this disk is read-only: choose another folder",
    errno.ENOSPC: "the disk is full: free some space or choose another folder",
    errno.EDQUOT: "your quota on this disk is used up: free some space or choose another folder",
    errno.EFBIG: "it is larger than this disk or your limit (ulimit -f) allows: choose another",
    errno.EIO: "the disk reports a failure: choose another folder",
    errno.ENAMETOOLONG: "the file name is too long: choose a shorter one",
}


def _open_beside(target: Path, mode: int) -> tuple[Path, int]:
    """A new hidden file in the folder of `target`, and its descriptor."""
    temporary = _beside(target)
    return temporary, os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, mode)


def _beside(target: Path) -> Path:
    """A hidden name in the same folder."""
    return target.with_name(f"{_stem(target)}{secrets.token_hex(8)}.tmp")


def _stem(target: Path) -> str:
    """How the names of temporary files for `target` begin."""
    # A part of a long one, as names have limits.
    return f".{target.name[:40]}."


def _check_target(target: Path, path: str | os.PathLike[str]) -> None:
    if target.is_dir():
        what = "cannot write: this is a folder, add a file name"
        raise IsADirectoryError(errno.EISDIR, what, os.fspath(path))
    _check_parent(target, path)


def _check_place(target: Path, path: str | os.PathLike[str]) -> None:
    """Refuse a new folder where something is."""
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        what = "cannot write: something is there already, remove it or choose another name"
        raise FileExistsError(errno.EEXIST, what, os.fspath(path))
    _check_parent(target, path)


def _check_parent(target: Path, path: str | os.PathLike[str]) -> None:
    if not target.parent.exists():
        what = f"cannot write: the folder {str(target.parent)!r} does not exist, create it first"
        raise FileNotFoundError(errno.ENOENT, what, os.fspath(path))
    if not target.parent.is_dir():
        what = f"cannot write: {str(target.parent)!r} is a file, not a folder"
        raise NotADirectoryError(errno.ENOTDIR, what, os.fspath(path))


@contextmanager
def _remedies(path: str | os.PathLike[str], folder: Path) -> Iterator[None]:
    """Tell what to do about what the system refuses in `folder`, and about which path."""
    try:
        yield
    except OSError as error:
        elsewhere = error.filename is not None and Path(error.filename).parent != folder
        if error.errno is None or error.errno not in _REMEDIES or elsewhere:
            raise
        what = f"cannot write: {_REMEDIES[error.errno]}"
        raise OSError(error.errno, what, os.fspath(path)) from error


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut, where folders can be opened at all."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with suppress(PermissionError):  # a folder may be open for writing and not for reading
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
