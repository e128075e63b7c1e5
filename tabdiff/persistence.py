"""One ``.tabdiff`` file: a strict JSON manifest and safetensors arrays in one zip.

A model file arrives by mail, so nothing in it can run: it holds text and numbers only. It is an
ordinary zip that any tool can open, but there is exactly one way to write it:

    local header, manifest.json        stored, 1980-01-01, 0600
    local header, arrays.safetensors   stored, 1980-01-01, 0600
    central directory of both, end record

Equal content therefore gives equal bytes, and a reader can be strict instead of careful: it takes
the two members out, lays the zip anew around them and compares. Compressed, extra, repeated or
renamed members, comments, and bytes before, between or after them have nowhere to hide. The
manifest ends in the SHA-256 of its own text, and names that of the arrays; so every flipped bit
is seen. A digest inside a file says that it is whole, not who wrote it: pass ``expected_sha256``
for that.

A format newer than this one keeps manifest.json first, stored and sealed, so that an old reader
can say "newer" instead of "corrupt".
"""

import errno
import hashlib
import os
import re
import stat
import struct
import sys
import zlib
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save as serialize_arrays

from tabdiff import strict_json
from tabdiff.disk import OWNER_ONLY, replacing

FORMAT = "tabdiff"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
ARRAYS = "arrays.safetensors"
FILE_LIMIT = 2**32 - 2**16  # bytes; what a zip without the 64-bit extension can address
HEADER_LIMIT = 2**20  # bytes; names, types and shapes of some 10,000 arrays

_LIBRARIES = ("tabdiff", "numpy", "pandas", "scikit-learn", "torch", "safetensors")
_DTYPES = {
    "BOOL": "bool",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
}


class PersistenceError(ValueError):
    """A ``.tabdiff`` file cannot be used. Every reason has a subclass."""


class NotATabdiffFileError(PersistenceError):
    """The file is of another kind."""


class CorruptFileError(PersistenceError):
    """The file was cut, changed, or put together by something other than tabdiff."""


class NewerFormatError(PersistenceError):
    """The file was written by a version of tabdiff with a newer file format."""


class UnknownKindError(PersistenceError):
    """The file holds a kind of model that this version of tabdiff does not know."""


class DigestMismatchError(PersistenceError):
    """The file is not the one whose SHA-256 was expected."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a file says about itself, beside its content.

    Attributes
    ----------
    format_version : int
    libraries : dict
        Name and version of the libraries that the file was written with.
    sha256 : str
        Of the whole file, as ``sha256sum`` prints it; for ``expected_sha256``.
    n_bytes : int
    """

    format_version: int
    libraries: dict[str, str]
    sha256: str
    n_bytes: int


def write(
    path: str | os.PathLike[str], manifest: dict[str, Any], arrays: dict[str, np.ndarray]
) -> None:
    """Write one ``.tabdiff`` file, readable by its owner only: it may hold real values.

    The file appears whole or not at all: after any failure what was at `path` is as it was.

    Parameters
    ----------
    path : str or path
        The folder must exist. A file that is already there is replaced.
    manifest : dict
        Plain JSON that reads back as it was: ``str`` keys, lists (no tuples), finite numbers.
    arrays : dict of str to ndarray
        Booleans, integers and floats; anything else belongs in the manifest.

    Raises
    ------
    TypeError, ValueError
        If the content cannot be kept exactly; nothing has been written then.
    OSError
        If the file cannot be written.
    """
    packed_arrays = _arrays_to_bytes(arrays)
    packed_manifest = _seal(manifest, packed_arrays)
    if len(packed_manifest) + len(packed_arrays) > FILE_LIMIT - 2**10:
        raise ValueError(f"the arrays have {len(packed_arrays):,} bytes; at most 4 GiB fit.")
    opening, between, closing = _frame(packed_manifest, packed_arrays)
    with replacing(path, OWNER_ONLY) as file:
        file.writelines([opening, packed_manifest, between, packed_arrays, closing])


def read(
    path: str | os.PathLike[str], expected_sha256: str | None = None
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read what `write` wrote. Nothing in the file is executed, whoever made it.

    Parameters
    ----------
    path : str or path
    expected_sha256 : str, optional
        Of the whole file, as ``sha256sum`` prints it, from a source that you trust.

    Returns
    -------
    manifest : dict
    arrays : dict of str to ndarray
        Writable copies.

    Raises
    ------
    NotATabdiffFileError, CorruptFileError, NewerFormatError, DigestMismatchError
        All are `PersistenceError`, which is a ``ValueError``.
    OSError
        If the file cannot be read.
    """
    payload = _load(path)
    if expected_sha256 is not None:
        _check_digest(path, payload, expected_sha256)
    sealed, arrays = _unpack(path, payload)
    return sealed["content"], _arrays_from_bytes(path, arrays)


def envelope(path: str | os.PathLike[str]) -> Envelope:
    """What the file at `path` says about itself. Raises as `read` does."""
    payload = _load(path)
    sealed, _ = _unpack(path, payload)
    digest = hashlib.sha256(payload).hexdigest()
    return Envelope(sealed["format_version"], sealed["libraries"], digest, len(payload))


def _load(path: str | os.PathLike[str]) -> bytes:
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        what = "cannot read: this is a folder, not a .tabdiff file"
        raise IsADirectoryError(errno.EISDIR, what, os.fspath(path))
    if not stat.S_ISREG(status.st_mode):
        raise NotATabdiffFileError(f"{path}: not a regular file (a pipe or a device).")
    if status.st_size > FILE_LIMIT:
        raise NotATabdiffFileError(
            f"{path}: {status.st_size:,} bytes; a .tabdiff file has at most {FILE_LIMIT:,}."
        )
    with open(path, "rb") as file:
        # Told the size, as a read that may be longer takes room for all that it may be.
        return file.read(status.st_size)


def _check_digest(path: str | os.PathLike[str], payload: bytes, expected: str) -> None:
    if not re.fullmatch("[0-9a-fA-F]{64}", expected):
        raise ValueError(f"expected_sha256 must be 64 hexadecimal digits. Got {expected!r}.")
    found = hashlib.sha256(payload).hexdigest()
    if found != expected.lower():
        raise DigestMismatchError(
            f"{path}: its SHA-256 is {found}, but {expected.lower()} was expected. "
            "It is not the file that was meant: do not use it."
        )


# The zip around the members. Field by field: PKWARE APPNOTE 6.3.3, sections 4.3.7, .12 and .16.

_LOCAL = struct.Struct("<4s5H3L2H")
_END = struct.Struct("<4s4H2LH")
_FIRST_DAY = (1 << 5) | 1  # 1980-01-01: a zip cannot tell an earlier one
_MADE_BY_UNIX = 3 << 8 | 20
_ATTRIBUTES = (stat.S_IFREG | OWNER_ONLY) << 16


def _frame(manifest: bytes, arrays: bytes) -> tuple[bytes, bytes, bytes]:
    """Every byte of the file that belongs to neither member: before, between and after them."""
    locals_, directory = [], []
    offset = 0
    for name, data in ((MANIFEST, manifest), (ARRAYS, arrays)):
        label, size = name.encode("ascii"), len(data)
        crc = zlib.crc32(data)
        local = _LOCAL.pack(b"PK\3\4", 20, 0, 0, 0, _FIRST_DAY, crc, size, size, len(label), 0)
        locals_.append(local + label)
        directory += [
            struct.pack("<4sH", b"PK\1\2", _MADE_BY_UNIX),
            local[4:],  # the central record repeats the local one here
            struct.pack("<3H2L", 0, 0, 0, _ATTRIBUTES, offset),
            label,
        ]
        offset += len(locals_[-1]) + size
    central = b"".join(directory)
    end = _END.pack(b"PK\5\6", 0, 0, 2, 2, len(central), offset, 0)
    return locals_[0], locals_[1], central + end


def _unpack(path: str | os.PathLike[str], payload: bytes) -> tuple[dict[str, Any], bytes]:
    """Take the members out of the zip and check every byte in them and around them."""
    if not payload.startswith(b"PK\3\4"):
        raise NotATabdiffFileError(f"{path}: not a .tabdiff file ({_looks_like(payload)}).")
    if MANIFEST.encode() not in payload[: 2 * _LOCAL.size]:
        raise NotATabdiffFileError(f"{path}: a zip file, but not one that tabdiff wrote.")
    manifest, between = _member(path, payload, 0, MANIFEST)
    sealed = _unseal(path, manifest)
    arrays, after = _member(path, payload, between, ARRAYS)
    if hashlib.sha256(arrays).hexdigest() != sealed["arrays_sha256"]:
        raise CorruptFileError(f"{path}: {ARRAYS} was changed (wrong SHA-256). {_FETCH_AGAIN}")
    head, middle, tail = _frame(manifest, arrays)
    found = payload[: len(head)], payload[between : between + len(middle)], payload[after:]
    if found != (head, middle, tail):
        raise CorruptFileError(
            f"{path}: the zip around the members was cut, changed or made by another program. "
            f"{_FETCH_AGAIN}"
        )
    return sealed, arrays


_FETCH_AGAIN = "Copy it again from where it came, or save the model again."


def _member(
    path: str | os.PathLike[str], payload: bytes, offset: int, name: str
) -> tuple[bytes, int]:
    """Bytes of the member whose local header is at `offset`, and where it ends."""
    start = offset + _LOCAL.size + len(name)
    if len(payload) < start:
        raise CorruptFileError(
            f"{path}: cut short in front of {name}, after {len(payload):,} bytes. {_FETCH_AGAIN}"
        )
    _, _, _, method, _, _, _, packed, size, _, _ = _LOCAL.unpack_from(payload, offset)
    if payload[offset + _LOCAL.size : start] != name.encode("ascii"):
        raise CorruptFileError(f"{path}: {name} is not where it belongs. {_FETCH_AGAIN}")
    if method != 0 or packed != size:
        raise CorruptFileError(
            f"{path}: {name} is compressed, so the file was packed by another program: "
            "tabdiff stores. Use the file as it was saved."
        )
    if len(payload) < start + size:
        raise CorruptFileError(
            f"{path}: cut short inside {name}: {start + size - len(payload):,} bytes are missing. "
            f"{_FETCH_AGAIN}"
        )
    return payload[start : start + size], start + size


def _looks_like(payload: bytes) -> str:
    if not payload:
        return "it is empty"
    if payload[:1] == b"\x80":
        return "it looks like a pickle, which tabdiff never opens"
    if payload[:4] == b"PAR1":
        return "it looks like a Parquet table"
    return f"it begins with {payload[:8]!r}"


_SEAL = b',"sha256":"%s"}'  # sorts behind every other key, so that it can close the text
_SEAL_LENGTH = len(_SEAL) - 2 + 64
_SEALED = {
    "arrays_sha256": str,
    "content": dict,
    "format": str,
    "format_version": int,
    "libraries": dict,
    "sha256": str,
}


def _seal(content: dict[str, Any], arrays: bytes) -> bytes:
    """Text of the manifest, which ends in the SHA-256 of all that stands before."""
    sealed = {
        "arrays_sha256": hashlib.sha256(arrays).hexdigest(),
        "content": content,
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "libraries": _libraries(),
    }
    body = strict_json.dumps(sealed, where="manifest")[:-1]
    return body + _SEAL % hashlib.sha256(body).hexdigest().encode("ascii")


def _unseal(path: str | os.PathLike[str], manifest: bytes) -> dict[str, Any]:
    if b'"format":"tabdiff"' not in manifest:
        raise NotATabdiffFileError(f"{path}: a zip file, but not one that tabdiff wrote.")
    body, seal = manifest[:-_SEAL_LENGTH], manifest[-_SEAL_LENGTH:]
    if seal != _SEAL % hashlib.sha256(body).hexdigest().encode("ascii"):
        raise CorruptFileError(f"{path}: {MANIFEST} was changed (wrong SHA-256). {_FETCH_AGAIN}")
    try:
        sealed = strict_json.loads(manifest)
    except ValueError as error:
        raise CorruptFileError(f"{path}: {MANIFEST} is not strict JSON: {error}.") from error
    found = sealed.get("format_version") if isinstance(sealed, dict) else None
    if type(found) is int and found > FORMAT_VERSION:
        raise NewerFormatError(
            f"{path}: written in format {found} by a newer tabdiff; this one reads up to format "
            f"{FORMAT_VERSION}. Run: pip install --upgrade tabdiff"
        )
    if found != FORMAT_VERSION or {key: type(sealed[key]) for key in sealed} != _SEALED:
        raise CorruptFileError(f"{path}: {MANIFEST} lacks what every tabdiff model has.")
    if not all(isinstance(text, str) for text in sealed["libraries"].values()):
        raise CorruptFileError(f"{path}: {MANIFEST} names no versions of the libraries.")
    return sealed


def _libraries() -> dict[str, str]:
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):  # run from a checkout that was never installed
            found[name] = version(name)
    return found


def _arrays_to_bytes(arrays: dict[str, np.ndarray]) -> bytes:
    for name, array in arrays.items():
        if not isinstance(name, str) or name == "__metadata__":
            raise TypeError(f"arrays: names must be str, and not '__metadata__'. Got {name!r}.")
        if not isinstance(array, np.ndarray) or array.dtype.name not in _DTYPES.values():
            kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise TypeError(
                f"arrays[{name!r}]: must be an ndarray of booleans, integers or floats. "
                f"Got {kind}: convert it first."
            )
    packed = serialize_arrays({name: np.asarray(a, order="C") for name, a in arrays.items()})
    if int.from_bytes(packed[:8], "little") > HEADER_LIMIT:
        raise ValueError(f"{len(arrays):,} arrays are too many to keep: stack them.")
    return packed


def _arrays_from_bytes(path: str | os.PathLike[str], data: bytes) -> dict[str, np.ndarray]:
    header = int.from_bytes(data[:8], "little")
    if header > min(len(data) - 8, HEADER_LIMIT):
        raise CorruptFileError(f"{path}: the header of {ARRAYS} is longer than it may be.")
    try:
        members = deserialize(data)
    except SafetensorError as error:
        raise CorruptFileError(f"{path}: {ARRAYS} is not safetensors: {error}") from error
    arrays: dict[str, np.ndarray] = {}
    for name, member in members:
        if member["dtype"] not in _DTYPES:
            raise CorruptFileError(f"{path}: {ARRAYS}, {name!r}: unknown type {member['dtype']}.")
        dtype = np.dtype(_DTYPES[member["dtype"]])
        raw = np.frombuffer(member["data"], dtype=np.uint8)
        if member["dtype"] == "BOOL" and raw.max(initial=0) > 1:
            raise CorruptFileError(f"{path}: {ARRAYS}, {name!r}: neither true nor false.")
        try:
            values = raw.view(dtype.newbyteorder("<")).reshape(member["shape"])
        except ValueError as error:
            raise CorruptFileError(f"{path}: {ARRAYS}, {name!r}: {error}.") from error
        arrays[name] = values.astype(dtype)
    return arrays
