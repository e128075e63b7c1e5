"""Files that are nearly a model: cut, flipped, repacked, or rewritten inside and sealed again.

A changed byte is seen by a digest, so it never reaches the readers of schemas, constraints and
encoders. Whoever writes a file on purpose writes the digests, too: so do the families below that
change what is inside.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors.numpy import load, save

from benchmarks.trials.changes import change_json, changed_arrays
from benchmarks.trials.junk import NAMES, TEXTS
from tabdiff import persistence

Rng = np.random.Generator


class Model(NamedTuple):
    """A whole file, taken apart.

    Attributes
    ----------
    name : str
    payload : bytes
        All of it.
    sealed : dict
        The manifest, without its own digest.
    arrays : dict of ndarray
    packed : bytes
        The arrays as they are in the file.
    """

    name: str
    payload: bytes
    sealed: dict[str, Any]
    arrays: dict[str, np.ndarray]
    packed: bytes

    @classmethod
    def of(cls, path: Path) -> Model:
        """The file at ``path``."""
        payload = path.read_bytes()
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            sealed = json.loads(archive.read(persistence.MANIFEST))
            packed = archive.read(persistence.ARRAYS)
        del sealed["sha256"]
        # They come in another order in every process; a case is made from its number alone.
        arrays = dict(sorted(load(packed).items()))
        return cls(path.stem, payload, sealed, arrays, packed)


class Mutant(NamedTuple):
    """What became of a file.

    Attributes
    ----------
    family : str
    payload : bytes
    is_sealed : bool
        Whether its digests are right: its author meant it.
    is_alike : bool
        Whether it says what the file said, in other words.
    """

    family: str
    payload: bytes
    is_sealed: bool
    is_alike: bool


def mutant(model: Model, rng: Rng) -> Mutant:
    """One of a family, chosen at random."""
    name = str(rng.choice(list(FAMILIES), p=_SHARES))
    payload = FAMILIES[name][0](model, rng)
    return Mutant(name, payload, name not in UNSEALED, name == "reworded")


# ---- bytes, whatever they mean ----


def cut(model: Model, rng: Rng) -> bytes:
    """The head of the file."""
    return model.payload[: rng.integers(len(model.payload))]


def flipped(model: Model, rng: Rng) -> bytes:
    """Some bits are others, in a member or in the zip around them."""
    damaged = bytearray(model.payload)
    opening, between, closing = map(len, _frame(model))
    second = len(damaged) - closing - len(model.packed)
    places = [(0, opening), (opening, second - between), (second - between, second)]
    places += [(second, len(damaged) - closing), (len(damaged) - closing, len(damaged))]
    first, last = places[rng.integers(len(places))]
    for _ in range(rng.integers(1, 5)):
        damaged[rng.integers(first, last)] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def shifted(model: Model, rng: Rng) -> bytes:
    """Bytes are put in, taken out, overwritten or moved."""
    whole = model.payload
    a, b = sorted(int(place) for place in rng.integers(len(whole), size=2))
    b = min(b, a + 5000)
    noise = rng.bytes(int(rng.integers(1, 300)))
    made = [
        whole[:a] + noise + whole[a:],
        whole[:a] + whole[b:],
        whole[:a] + bytes(b - a) + whole[b:],
        whole[:a] + whole[a:b] + whole[a:b] + whole[b:],
        noise + whole,
        whole + noise,
        whole + whole,
        noise,
    ]
    return made[rng.integers(len(made))]


# ---- other zips ----


def repacked(model: Model, rng: Rng) -> bytes:
    """What other programs make of the members, or of others: slips, bombs, twins, odd names."""
    manifest, arrays = _text(model.sealed), model.packed
    members = [(persistence.MANIFEST, manifest), (persistence.ARRAYS, arrays)]
    other = (str(rng.choice(NAMES)), rng.bytes(40))
    method = int(rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    odd = int(rng.integers(7))
    if odd == 0:
        members.insert(int(rng.integers(3)), other)
    elif odd == 1:
        members[rng.integers(2)] = (other[0], members[rng.integers(2)][1])
    elif odd == 2:
        members.insert(int(rng.integers(3)), members[rng.integers(2)])
    elif odd == 3:
        members.reverse()
    elif odd == 4:
        del members[rng.integers(2)]
    elif odd == 5:
        at = int(rng.integers(2))
        members[at] = (members[at][0], members[at][1] + bytes(int(rng.integers(1, 50 * 2**20))))
        method = zipfile.ZIP_DEFLATED
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method, compresslevel=1) as archive:
        for name, data in members:
            archive.writestr(_member(name), data)
        archive.comment = rng.bytes(int(rng.integers(0, 3)))
    return file.getvalue()


def mislabelled(model: Model, rng: Rng) -> bytes:
    """Sizes, offsets, checksums and flags of the zip lie; its members are whole."""
    opening, between, closing = map(bytearray, _frame(model))
    part = (opening, between, closing)[rng.integers(3)]
    at = int(rng.integers(len(part) - 4))
    lies = [0, 1, 2**16 - 1, 2**31 - 1, 2**32 - 1, len(model.payload), int(rng.integers(2**32))]
    struct.pack_into("<L", part, at, lies[rng.integers(len(lies))])
    manifest = _text(model.sealed)
    return bytes(opening) + manifest + bytes(between) + model.packed + bytes(closing)


# ---- the manifest, sealed again ----


def reworded(model: Model, rng: Rng) -> bytes:
    """The same content in another order, with spaces, with other versions, beside spare arrays."""
    sealed, arrays = copy.deepcopy(model.sealed), dict(model.arrays)
    sealed["libraries"] = {str(rng.choice(TEXTS)): "0"}
    if rng.random() < 0.5:
        arrays[f"spare.{rng.integers(99)}"] = rng.random(3)
    packed = save({name: arrays[name] for name in rng.permutation(list(arrays))})
    sealed["arrays_sha256"] = hashlib.sha256(packed).hexdigest()
    separators = [(",", ":"), (" , ", ":"), (",\n\t", ":")][rng.integers(3)]
    text = json.dumps(_shuffled(sealed, rng), separators=separators)
    return _whole(_sealed(text), packed)


def resealed(model: Model, rng: Rng) -> bytes:
    """What stands around the content is another: format, digests, versions."""
    own = copy.deepcopy({key: value for key, value in model.sealed.items() if key != "content"})
    change_json(own, rng)
    return _whole(_text({"content": model.sealed["content"]} | own), model.packed)


def retold(model: Model, rng: Rng) -> bytes:
    """Leaves, keys and branches of the content are others."""
    return _packed(_changed(model.sealed, rng), model.arrays)


def mistyped(model: Model, rng: Rng) -> bytes:
    """The text of the manifest holds what JSON writers do not write."""
    text = json.dumps(model.sealed, sort_keys=True, separators=(",", ":"))
    marks = [at for at, sign in enumerate(text) if sign in ",:[{"]
    at = marks[rng.integers(len(marks))] + 1
    bits = [
        '"a":1,"a":2,', "NaN,", "-Infinity,", "1e999,", "9" * 4000 + ",", "9" * 5000 + ",",
        "[" * int(rng.integers(1, 200_000)), "[" * 60 + "]" * 60 + ",", '{"a":' * 1000, '"',
        '"\\ud800",', '"\\u0000",', "\x00", "é", "//", "0x10,", "01,", "'a',", "[]," * 10**5,
        "{}," * int(rng.integers(1, 10**6)), '"\\' * 10**5, "true,", "null,", "-,", "1_000,",
    ]  # fmt: skip
    changed = text[:at] + bits[rng.integers(len(bits))] + text[at:]
    return _whole(_sealed(changed), model.packed)


# ---- the arrays, sealed again ----


def remade(model: Model, rng: Rng) -> bytes:
    """Arrays have other values, types, shapes or names, or are gone."""
    return _packed(model.sealed, changed_arrays(model.arrays, rng))


def misdeclared(model: Model, rng: Rng) -> bytes:
    """The header of the arrays lies about them."""
    n = int.from_bytes(model.packed[:8], "little")
    header, data = json.loads(model.packed[8 : 8 + n]), model.packed[8 + n :]
    for _ in range(rng.integers(1, 3)):
        change_json(header, rng)
    text = json.dumps(header).encode()
    length = len(text) if rng.random() < 0.8 else int(rng.integers(2**63))
    packed = struct.pack("<Q", length) + text + data
    return _whole(_text(model.sealed | {"arrays_sha256": _digest(packed)}), packed)


def rewritten(model: Model, rng: Rng) -> bytes:
    """Content and arrays are others."""
    return _packed(_changed(model.sealed, rng), changed_arrays(model.arrays, rng))


FAMILIES: dict[str, tuple[Callable[[Model, Rng], bytes], float]] = {
    "cut": (cut, 0.04),
    "flipped": (flipped, 0.10),
    "shifted": (shifted, 0.05),
    "repacked": (repacked, 0.04),
    "mislabelled": (mislabelled, 0.05),
    "reworded": (reworded, 0.05),
    "resealed": (resealed, 0.04),
    "retold": (retold, 0.33),
    "mistyped": (mistyped, 0.04),
    "remade": (remade, 0.15),
    "misdeclared": (misdeclared, 0.05),
    "rewritten": (rewritten, 0.06),
}
UNSEALED = ("cut", "flipped", "shifted", "repacked", "mislabelled")
_SHARES = [share for _, share in FAMILIES.values()]


# ---- files again ----


def _changed(sealed: dict[str, Any], rng: Rng) -> dict[str, Any]:
    content = copy.deepcopy(sealed["content"])
    for _ in range(rng.integers(1, 4)):
        change_json(content, rng)
    return sealed | {"content": content}


def _packed(sealed: dict[str, Any], arrays: dict[str, np.ndarray]) -> bytes:
    packed = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    return _whole(_text(sealed | {"arrays_sha256": _digest(packed)}), packed)


def _whole(manifest: bytes, packed: bytes) -> bytes:
    opening, between, closing = persistence._frame(manifest, packed)
    return opening + manifest + between + packed + closing


def _frame(model: Model) -> tuple[bytes, bytes, bytes]:
    return persistence._frame(_text(model.sealed), model.packed)


def _text(sealed: dict[str, Any]) -> bytes:
    return _sealed(json.dumps(sealed, sort_keys=True, separators=(",", ":")))


def _sealed(text: str) -> bytes:
    body = text.encode()[:-1]
    return body + b',"sha256":"%s"}' % _digest(body).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _member(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name.replace("\0", "") or "x")


def _shuffled(node: Any, rng: Rng) -> Any:
    if isinstance(node, list):
        return [_shuffled(item, rng) for item in node]
    if not isinstance(node, dict):
        return node
    keys = list(node)
    rng.shuffle(keys)
    return {key: _shuffled(node[key], rng) for key in keys}
