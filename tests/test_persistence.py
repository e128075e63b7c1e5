import errno
import hashlib
import io
import json
import os
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabdiff import disk, persistence, strict_json
from tabdiff.persistence import (
    ARRAYS,
    MANIFEST,
    CorruptFileError,
    DigestMismatchError,
    NewerFormatError,
    NotATabdiffFileError,
    PersistenceError,
    envelope,
    read,
    write,
)

CONTENT = {"columns": ["a", "é\n", ""], "steps": 3, "rate": 0.1, "best": None, "deep": {"ok": True}}


def some_arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "weight": rng.standard_normal((7, 5)).astype(np.float32),
        "transposed": rng.standard_normal((4, 3)).T,
        "big": np.array([2**63 - 1, -(2**63)]),
        "unsigned": np.array([2**64 - 1], dtype=np.uint64),
        "flags": np.array([True, False, True]),
        "half": np.array([1.5, np.nan, np.inf, -0.0], dtype=np.float16),
        "scalar": np.array(3, dtype=np.int8),
        "none": np.zeros((0, 3), dtype=np.int32),
        "swapped": np.arange(4, dtype=">i4"),
    }


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "m.tabdiff"
    write(path, CONTENT, some_arrays())
    return path


def sealed_manifest(arrays: bytes, **changes: object) -> bytes:
    """A manifest whose digests are right, whatever else is wrong with it."""
    whole = {
        "arrays_sha256": hashlib.sha256(arrays).hexdigest(),
        "content": {},
        "format": "tabdiff",
        "format_version": 1,
        "libraries": {},
    }
    return seal(json.dumps(whole | changes, sort_keys=True, separators=(",", ":")))


def seal(text: str) -> bytes:
    body = text.encode()[:-1]
    return body + b',"sha256":"%s"}' % hashlib.sha256(body).hexdigest().encode()


def framed(manifest: bytes, arrays: bytes) -> bytes:
    opening, between, closing = persistence._frame(manifest, arrays)
    return opening + manifest + between + arrays + closing


def safetensors(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


EMPTY = safetensors({})


# ---- what is written is read ----


def test_read_returns_what_was_written(saved: Path):
    content, arrays = read(saved)
    assert content == CONTENT
    expected = some_arrays()
    assert set(arrays) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(arrays[name], array, strict=name != "swapped")
        assert arrays[name].flags.writeable
        assert arrays[name].dtype.isnative


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=20, deadline=None)
@given(content=st.dictionaries(st.text(), plain))
def test_any_plain_manifest_reads_back_equal(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("m") / "m.tabdiff"
    write(path, content, {})
    assert read(path)[0] == content


def test_an_empty_file_of_ours_reads_back(tmp_path: Path):
    write(tmp_path / "m", {}, {})
    assert read(tmp_path / "m") == ({}, {})


def test_equal_content_gives_equal_bytes(tmp_path: Path):
    write(tmp_path / "a", {"x": 1, "y": 2}, {"p": np.ones(3), "q": np.zeros(2)})
    write(tmp_path / "b", {"y": 2, "x": 1}, {"q": np.zeros(2), "p": np.ones(3)})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_file_is_an_ordinary_zip_with_two_members(saved: Path):
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [MANIFEST, ARRAYS]
        manifest = json.loads(archive.read(MANIFEST))
        assert manifest["content"] == CONTENT
        assert manifest["arrays_sha256"] == hashlib.sha256(archive.read(ARRAYS)).hexdigest()


def test_envelope_tells_digest_and_libraries(saved: Path):
    told = envelope(saved)
    assert told.sha256 == hashlib.sha256(saved.read_bytes()).hexdigest()
    assert told.n_bytes == saved.stat().st_size
    assert told.format_version == 1
    assert told.libraries["numpy"] == np.__version__


# ---- what cannot be kept is refused before anything is written ----


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": {"b": (1, 2)}}, r"manifest\['content'\]\['a'\]\['b'\].*tuple"),
        ({"a": {1: 2}}, "keys must be str. Got 1"),
        ({"a": [0.0, float("nan")]}, r"\['a'\]\[1\]: JSON has no nan"),
        ({"a": float("inf")}, "JSON has no inf"),
        ({"a": np.float32(1)}, "float32"),
        ({"a": np.str_("x")}, "str_"),
        ({"a": b"x"}, "bytes"),
    ],
)
def test_write_refuses_a_manifest_that_json_would_change(tmp_path: Path, content, message):
    with pytest.raises((TypeError, ValueError), match=message):
        write(tmp_path / "m", content, {})
    assert list(tmp_path.iterdir()) == []


def test_write_refuses_a_manifest_that_read_would_refuse(tmp_path: Path, monkeypatch):
    nested: list = []
    for _ in range(70):
        nested = [nested]
    with pytest.raises(ValueError, match="nested deeper"):
        write(tmp_path / "m", {"a": nested}, {})
    monkeypatch.setattr(strict_json, "TOKENS_LIMIT", 100)
    with pytest.raises(ValueError, match=r"too large to keep.*drop them"):
        write(tmp_path / "m", {"a": [0] * 200}, {})
    monkeypatch.setattr(strict_json, "BYTES_LIMIT", 100)
    with pytest.raises(ValueError, match="too large to keep"):
        write(tmp_path / "m", {"a": "x" * 200}, {})


@pytest.mark.parametrize(
    "array",
    [
        np.array(["a"], dtype=object),
        np.array(["a"]),
        np.array([1j]),
        np.array(["2020-01-01"], dtype="datetime64[ns]"),
        np.zeros(2, dtype=[("a", "f4")]),
        [1, 2],
    ],
    ids=lambda array: str(getattr(array, "dtype", "list")),
)
def test_write_refuses_arrays_that_are_not_numbers(tmp_path: Path, array):
    with pytest.raises(TypeError, match=r"arrays\['a'\]: must be an ndarray of"):
        write(tmp_path / "m", {}, {"a": array})
    assert list(tmp_path.iterdir()) == []


def test_write_refuses_odd_and_too_many_arrays(tmp_path: Path):
    with pytest.raises(TypeError, match="names must be str"):
        write(tmp_path / "m", {}, {"__metadata__": np.ones(1)})
    with pytest.raises(ValueError, match="too many"):
        write(tmp_path / "m", {}, {f"{i:0100}": np.ones(0) for i in range(8_000)})


# ---- the disk ----


def test_the_file_is_private_whatever_the_umask(tmp_path: Path):
    before = os.umask(0)
    try:
        write(tmp_path / "m", {}, {})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == 0o600


def test_write_follows_a_link_and_keeps_it(tmp_path: Path, saved: Path):
    link = tmp_path / "latest.tabdiff"
    link.symlink_to(saved)
    write(link, {"new": 1}, {})
    assert link.is_symlink()
    assert read(saved)[0] == {"new": 1}


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("nowhere/m", FileNotFoundError, "does not exist, create it first"),
        ("folder", IsADirectoryError, "this is a folder"),
        ("file/m", NotADirectoryError, "is a file, not a folder"),
        ("x" * 300, OSError, "name is too long"),
    ],
)
def test_091_an_unusable_path_is_named_with_a_remedy(tmp_path: Path, path, error, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(error, match=message) as caught:
        write(tmp_path / path, {}, {})
    assert caught.value.filename == str(tmp_path / path)


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        (errno.EACCES, PermissionError, "no permission"),
        (errno.EROFS, OSError, "read-only"),
        (errno.ENOSPC, OSError, "disk is full"),
    ],
)
@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_091_a_failing_disk_leaves_the_old_file(
    saved: Path, monkeypatch, code, error, message, step
):
    before = saved.read_bytes()

    def fail(*_: object, **__: object):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(disk.os, step, fail)
        with pytest.raises(error, match=message) as caught:
            write(saved, {"new": 1}, {})
    assert caught.value.filename == str(saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_094_an_interrupt_in_the_middle_leaves_the_old_file(saved: Path):
    before = saved.read_bytes()
    with pytest.raises(KeyboardInterrupt), disk.replacing(saved) as file:  # noqa: PT012
        file.write(b"half of it")
        raise KeyboardInterrupt
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_an_error_about_another_file_is_passed_on_as_it_is(saved: Path):
    with pytest.raises(PermissionError, match=r"denied: '/elsewhere/data\.csv'"):  # noqa: SIM117
        with disk.replacing(saved):
            raise PermissionError(errno.EACCES, "Permission denied", "/elsewhere/data.csv")


def test_read_of_nothing_and_of_a_folder_are_os_errors(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError, match="this is a folder"):
        read(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_read_does_not_wait_on_a_pipe(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotATabdiffFileError, match="not a regular file"):
        read(tmp_path / "pipe")


def test_read_takes_no_more_room_than_the_file(saved: Path):
    tracemalloc.start()
    try:
        read(saved)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2**22


def test_read_refuses_a_giant_before_reading_it(saved: Path, monkeypatch):
    monkeypatch.setattr(persistence, "FILE_LIMIT", 100)
    with pytest.raises(NotATabdiffFileError, match="at most 100"):
        read(saved)


# ---- 92: other, damaged and hostile files ----


def test_092_every_cut_is_noticed(saved: Path):
    whole = saved.read_bytes()
    for length in [*range(0, len(whole), 7), len(whole) - 1]:
        saved.write_bytes(whole[:length])
        with pytest.raises((NotATabdiffFileError, CorruptFileError)):
            read(saved)


def test_092_every_flipped_bit_is_noticed(saved: Path):
    whole = saved.read_bytes()
    # All of the zip's own bytes, and every third of the members', one bit each.
    opening, between, closing = (len(part) for part in persistence._frame(*members(whole)))
    edges = {*range(opening), *range(len(whole) - closing, len(whole))}
    middle = whole.index(ARRAYS.encode()) + len(ARRAYS)
    edges |= set(range(middle - between, middle))
    for position in sorted(edges | set(range(0, len(whole), 3))):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << (position % 8)
        saved.write_bytes(damaged)
        with pytest.raises(PersistenceError):
            read(saved)


def members(whole: bytes) -> tuple[bytes, bytes]:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        return archive.read(MANIFEST), archive.read(ARRAYS)


@pytest.mark.parametrize("extra", [b"x", b"\0" * 100], ids=["one byte", "zeros"])
def test_092_added_bytes_are_noticed(saved: Path, extra: bytes):
    whole = saved.read_bytes()
    cut = len(whole) // 2
    for damaged in (whole + extra, extra + whole, whole[:cut] + extra + whole[cut:]):
        saved.write_bytes(damaged)
        with pytest.raises(PersistenceError):
            read(saved)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "it is empty"),
        (b"a,b\n1,2\n", r"begins with b'a,b"),
        (b"\x80\x04\x95\x0c", "pickle, which tabdiff never opens"),
        (b"PAR1....", "Parquet"),
        (b"PK\x05\x06" + bytes(18), "begins with"),
    ],
)
def test_092_other_files_are_told_apart(tmp_path: Path, payload: bytes, message: str):
    (tmp_path / "m").write_bytes(payload)
    with pytest.raises(NotATabdiffFileError, match=message):
        read(tmp_path / "m")


Zip = Callable[[zipfile.ZipFile, bytes, bytes], None]


def other_zip(archive: zipfile.ZipFile, manifest: bytes, arrays: bytes) -> None:
    archive.writestr("word/document.xml", "<w/>")


def foreign_manifest(archive: zipfile.ZipFile, manifest: bytes, arrays: bytes) -> None:
    archive.writestr(MANIFEST, '{"name": "a browser extension"}')


def repacked(archive: zipfile.ZipFile, manifest: bytes, arrays: bytes) -> None:
    archive.writestr(MANIFEST, manifest)
    archive.writestr(ARRAYS, arrays)


def compressed(archive: zipfile.ZipFile, manifest: bytes, arrays: bytes) -> None:
    archive.writestr(MANIFEST, manifest, zipfile.ZIP_DEFLATED)
    archive.writestr(ARRAYS, arrays, zipfile.ZIP_DEFLATED)


def bomb(archive: zipfile.ZipFile, manifest: bytes, arrays: bytes) -> None:
    archive.writestr(MANIFEST, bytes(10**8), zipfile.ZIP_DEFLATED)


def extra_member(archive: zipfile.ZipFile, manifest: bytes, arrays: bytes) -> None:
    repacked(archive, manifest, arrays)
    archive.writestr("../../.bashrc", "echo slipped")


def slipped_first(archive: zipfile.ZipFile, manifest: bytes, arrays: bytes) -> None:
    archive.writestr("../manifest.json", manifest)
    archive.writestr(ARRAYS, arrays)


def swapped(archive: zipfile.ZipFile, manifest: bytes, arrays: bytes) -> None:
    archive.writestr(ARRAYS, arrays)
    archive.writestr(MANIFEST, manifest)


def lacking(archive: zipfile.ZipFile, manifest: bytes, arrays: bytes) -> None:
    archive.writestr(MANIFEST, manifest)


def repeated(archive: zipfile.ZipFile, manifest: bytes, arrays: bytes) -> None:
    archive.writestr(MANIFEST, manifest)
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(MANIFEST, manifest)


@pytest.mark.parametrize(
    "build",
    [
        other_zip,
        foreign_manifest,
        repacked,
        compressed,
        bomb,
        extra_member,
        slipped_first,
        swapped,
        lacking,
        repeated,
    ],
)
def test_092_zips_that_tabdiff_did_not_write_are_refused(saved: Path, build: Zip):
    manifest, arrays = members(saved.read_bytes())
    with zipfile.ZipFile(saved, "w") as archive:
        build(archive, manifest, arrays)
    foreign = build in (other_zip, foreign_manifest, swapped)
    with pytest.raises(NotATabdiffFileError if foreign else CorruptFileError):
        read(saved)


def test_092_a_newer_format_says_so(tmp_path: Path):
    path = tmp_path / "m"
    path.write_bytes(framed(sealed_manifest(EMPTY, format_version=2, more=[1]), EMPTY))
    with pytest.raises(NewerFormatError, match=r"format 2 by a newer tabdiff.*pip install"):
        read(path)


@pytest.mark.parametrize(
    "manifest",
    [
        sealed_manifest(EMPTY, format_version=0),
        sealed_manifest(EMPTY, format_version="1"),
        sealed_manifest(EMPTY, format_version=True),
        sealed_manifest(EMPTY, content=[]),
        sealed_manifest(EMPTY, libraries={"numpy": 2}),
        sealed_manifest(EMPTY, more=1),
        seal('{"format":"tabdiff"}'),
        seal('["format":"tabdiff"]'),
        seal('{"a":NaN,"format":"tabdiff"}'),
        seal('{"a":1e999,"format":"tabdiff"}'),
        seal('{"a":1,"a":1,"format":"tabdiff"}'),
        seal('{"a":%s,"format":"tabdiff"}' % ("9" * 5000)),
        seal('{"a":%s,"format":"tabdiff"}' % ("[" * 10**6)),
        seal('{"a":' + "[" * 900 + "]" * 900 + ',"format":"tabdiff"}'),
        seal('{"a":[%s0],"format":"tabdiff"}' % ("[]," * 10**6)),
        seal('{"a":"é","format":"tabdiff"}'),
        seal('{"a":"\\x","format":"tabdiff"}'),
        seal('"format":"tabdiff"' + '\\"' * 10**6),
    ],
    ids=lambda manifest: manifest[:40].decode("latin-1") + "…",
)
def test_092_manifests_of_others_are_refused(tmp_path: Path, manifest: bytes):
    path = tmp_path / "m"
    path.write_bytes(framed(manifest, EMPTY))
    with pytest.raises(CorruptFileError):
        read(path)


def one(dtype: str, shape: list, offsets: list, data: bytes) -> bytes:
    return safetensors({"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}, data)


@pytest.mark.parametrize(
    "arrays",
    [
        b"",
        b"\0\0\0",
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 100) + b"{}",
        safetensors({}, b"left over"),
        safetensors(b"[" * 100_000),
        safetensors([]),
        safetensors({str(i): 1 for i in range(100_000)}),
        one("F32", [2], [0, 4], bytes(4)),
        one("F32", [2**40, 2**40], [0, 4], bytes(4)),
        one("F32", [0] * 70, [0, 0], b""),
        one("F32", [-1], [0, 4], bytes(4)),
        one("F32", [1], [0, 400], bytes(4)),
        one("F32", [1], [4, 0], bytes(4)),
        one("BF16", [1], [0, 2], bytes(2)),
        one("O", [1], [0, 8], bytes(8)),
        one("BOOL", [1], [0, 1], b"\2"),
    ],
    ids=lambda arrays: f"{arrays[8:60].decode('latin-1')}…",
)
def test_092_arrays_that_lie_are_refused(tmp_path: Path, arrays: bytes):
    path = tmp_path / "m"
    path.write_bytes(framed(sealed_manifest(arrays), arrays))
    with pytest.raises(CorruptFileError, match=ARRAYS):
        read(path)


def test_092_the_file_itself_may_be_expected(saved: Path):
    digest = hashlib.sha256(saved.read_bytes()).hexdigest()
    assert read(saved, expected_sha256=digest.upper())[0] == CONTENT
    with pytest.raises(DigestMismatchError, match="do not use it"):
        read(saved, expected_sha256="0" * 64)
    with pytest.raises(ValueError, match=r"64 hexadecimal digits\. Got 'abc'"):
        read(saved, expected_sha256="abc")


def test_errors_name_the_file(saved: Path):
    saved.write_bytes(saved.read_bytes()[:-1])
    with pytest.raises(CorruptFileError, match=r"m\.tabdiff: "):
        read(saved)
