import gzip
import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabdiff import files
from tabdiff.files import check_path, read_table, write_table


def written(tmp_path: Path, text: str, name: str = "t.csv") -> str:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return str(path)


def column(tmp_path: Path, *cells: str, na: tuple[str, ...] = ()) -> pd.Series:
    rows = "".join(f"x,{cell}\n" for cell in cells)
    return read_table(written(tmp_path, "first,second\n" + rows), na)["second"]


@pytest.mark.parametrize(
    ("cells", "dtype", "values"),
    [
        (["1", "-2", "0"], "int64", [1, -2, 0]),
        (["1", "", "NA"], "Int64", [1, pd.NA, pd.NA]),
        (["18446744073709551615", "1"], "uint64", [2**64 - 1, 1]),
        (["18446744073709551615", "-1"], "object", ["18446744073709551615", "-1"]),
        (["9" * 30, "1"], "object", ["9" * 30, "1"]),
        (["1.50", "2", "-.5e-3"], "float64", [1.5, 2.0, -0.0005]),
        (["1.5", "", "null", "NaN"], "float64", [1.5, np.nan, np.nan, np.nan]),
        (["inf", "1"], "float64", [np.inf, 1.0]),
        (["True", "False"], "bool", [True, False]),
        (["True", ""], "boolean", [True, pd.NA]),
        (["true", "false"], "object", ["true", "false"]),
        (["007", "123"], "object", ["007", "123"]),
        (["1,234".replace(",", " "), "1"], "object", ["1 234", "1"]),
        (["٣", "1"], "object", ["٣", "1"]),
        (["NA", "DE", ""], "object", ["NA", "DE", None]),
        (["None", ""], "object", ["None", None]),
        (["", ""], "float64", [np.nan, np.nan]),
        (["2020-01-31", ""], "object", ["2020-01-31", None]),
        ([" ", "x"], "object", [" ", "x"]),
    ],
)
def test_cells_become_what_all_of_them_can_be(tmp_path: Path, cells, dtype, values):
    found = column(tmp_path, *cells)
    assert str(found.dtype) == dtype
    pd.testing.assert_series_equal(found, pd.Series(values, dtype=dtype, name="second"))


def test_na_names_more_that_is_missing(tmp_path: Path):
    assert column(tmp_path, "?", "DE", na=("?",)).tolist() == [None, "DE"]
    assert column(tmp_path, "-99", "5", na=("-99",)).tolist() == [pd.NA, 5]


def test_text_of_the_other_table_stays_text(tmp_path: Path):
    like = pd.DataFrame({"zip": ["007"], "n": [1], "day": pd.to_datetime(["2020-01-01"])})
    path = written(tmp_path, "zip,n,day\n123,4,2021-02-03\n")
    assert read_table(path, like=like).dtypes.equals(like.dtypes)
    with pytest.raises(ValueError, match="column 'day' has to be of dates"):
        read_table(written(tmp_path, "zip,n,day\n123,4,soon\n"), like=like)


FRAME = pd.DataFrame(
    {
        "n": pd.array([1, None], dtype="Int64"),
        "f": [0.1, np.nan],
        "ok": [True, False],
        "text": ['a,"b"\nc', None],
        "ünï": ["=1+1", "-x"],
    }
)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.tsv", "T.TSV.GZ", "t.parquet", "t.pq"])
def test_what_is_written_is_read(tmp_path: Path, name: str):
    path = str(tmp_path / name)
    assert write_table(path, [FRAME, FRAME]) == 4
    both = pd.concat([FRAME, FRAME], ignore_index=True)
    if not name.endswith(("pq", "parquet")):
        # The text of a CSV file is Python's, whatever this pandas makes of it.
        texts = both[["text", "ünï"]].astype(object)
        both[["text", "ünï"]] = texts.where(texts.notna(), None)
    pd.testing.assert_frame_equal(read_table(path), both)


def test_equal_rows_give_equal_compressed_bytes(tmp_path: Path):
    for name in ("a.csv.gz", "b.csv.gz"):
        write_table(str(tmp_path / name), [FRAME])
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()).startswith(b"n,f,ok,text")


def test_a_parquet_column_may_begin_with_missing_text(tmp_path: Path):
    path = str(tmp_path / "t.parquet")
    chunks = [pd.DataFrame({"a": [None]}, dtype=object), pd.DataFrame({"a": ["x"]})]
    write_table(path, chunks)
    read = read_table(path)["a"]
    assert read.isna().tolist() == [True, False]
    assert read[1] == "x"


def test_a_failure_half_way_leaves_the_old_table(tmp_path: Path):
    def broken():
        yield FRAME
        raise RuntimeError("no more rows")

    for name in ("t.csv", "t.csv.gz", "t.parquet"):
        path = tmp_path / name
        write_table(str(path), [FRAME])
        before = path.read_bytes()
        with pytest.raises(RuntimeError, match="no more rows"):
            write_table(str(path), broken())
        assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["t.csv", "t.csv.gz", "t.parquet"]


def test_107_formulas_are_disarmed_on_request(tmp_path: Path):
    frame = pd.DataFrame({"=a": ["=1+1", "@x", "ok", None], "n": [-1, 2, 3, 4]})
    frame["c"] = pd.Categorical(["+1", "b", "b", "b"])
    path = tmp_path / "t.csv"
    write_table(str(path), [frame], formula_safe=True)
    assert path.read_text().splitlines() == ["'=a,n,c", "'=1+1,-1,'+1", "'@x,2,b", "ok,3,b", ",4,b"]
    write_table(str(path), [frame])
    assert path.read_text().startswith("=a,n,c\n=1+1,-1,+1\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("a,b,a\n1,2,3\n", "must differ, repeated: 'a'"),
        ("a;b\n1;2\n", "pass --separator ';'"),
        ("a,b\n1,2,3\n", r"not a table: .*line 2, saw 3"),
        ('a,b\n"x,1\n', "not a table: EOF inside string"),
    ],
)
def test_what_is_no_table_says_why(tmp_path: Path, text: str, message: str):
    with pytest.raises(ValueError, match=message):
        read_table(written(tmp_path, text))


def test_a_separator_that_is_given_is_not_doubted(tmp_path: Path):
    path = written(tmp_path, "a;b\n1;2\n")
    assert read_table(path, separator=";").columns.tolist() == ["a", "b"]
    assert read_table(path, separator=",").columns.tolist() == ["a;b"]


@pytest.mark.parametrize(
    ("name", "payload", "message"),
    [
        ("t.csv", "é,b\n".encode("latin-1"), "not UTF-8 text"),
        ("t.csv.gz", b"a,b\n1,2\n", "not compressed"),
        ("t.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-12], "cut short"),
        ("t.parquet", b"a,b\n1,2\n", "not a Parquet table"),
    ],
)
def test_damaged_files_say_so(tmp_path: Path, name: str, payload: bytes, message: str):
    (tmp_path / name).write_bytes(payload)
    with pytest.raises(ValueError, match=message):
        read_table(str(tmp_path / name))


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path):
    assert read_table(written(tmp_path, "\ufeffa,b\n1,2\n")).columns.tolist() == ["a", "b"]


@pytest.mark.parametrize("path", ["t.xlsx", "t", "t.parquet.gz", "t.gz"])
def test_unknown_endings_are_told_what_is_known(path: str):
    with pytest.raises(ValueError, match=r"Known: \.csv, \.tsv"):
        check_path(path)


def test_dash_is_the_standard_streams(monkeypatch, capsysbinary):
    write_table("-", [pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]})])
    assert capsysbinary.readouterr().out == b"a\n1\n2\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,x\n")))
    assert read_table("-").to_dict("list") == {"a": [1], "b": ["x"]}


def test_a_device_is_written_to_and_not_replaced():
    assert write_table("/dev/null", [FRAME]) == 2
    assert not Path("/dev/null").is_file()


# ---------------------------------------------------------------------------------------- folders


def rows(*sizes: int) -> list[pd.DataFrame]:
    starts = np.cumsum([0, *sizes])
    return [pd.DataFrame({"a": np.arange(s, s + n)}) for s, n in zip(starts, sizes, strict=False)]


@pytest.mark.parametrize(
    ("sizes", "parts"), [([4, 4, 4], [8, 4]), ([8], [8]), ([7, 2, 1], [9, 1]), ([0], [0])]
)
def test_a_folder_is_filled_with_parts(tmp_path: Path, monkeypatch, sizes: list, parts: list):
    monkeypatch.setattr(files, "PART_ROWS", 8)
    assert write_table(f"{tmp_path}/t/", iter(rows(*sizes))) == sum(sizes)
    paths = sorted((tmp_path / "t").iterdir())
    assert [path.name for path in paths] == [f"part-{k:05d}.parquet" for k in range(len(parts))]
    found = [read_table(str(path)) for path in paths]
    assert [*map(len, found)] == parts
    assert pd.concat(found)["a"].tolist() == list(range(sum(sizes)))


def test_a_failure_half_way_leaves_no_folder(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(files, "PART_ROWS", 2)

    def failing():
        yield from rows(2, 2, 1)
        assert len(list(tmp_path.iterdir())) == 1  # hidden, and not under its name
        assert not (tmp_path / "t").exists()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_table(f"{tmp_path}/t/", failing())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_takes_the_place_of_an_empty_one_only(tmp_path: Path):
    (tmp_path / "t").mkdir()
    assert write_table(f"{tmp_path}/t/", rows(3)) == 3
    with pytest.raises(FileExistsError, match="something is there already, remove it"):
        write_table(f"{tmp_path}/t/", rows(3))
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="something is there already"):
        write_table(f"{tmp_path}/file/", rows(3))
    with pytest.raises(FileNotFoundError, match="does not exist, create it first"):
        write_table(f"{tmp_path}/none/t/", rows(3))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "t"]


def test_private_folders_are_their_owners(tmp_path: Path):
    write_table(f"{tmp_path}/t/", rows(3), private=True)
    assert (tmp_path / "t").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("path", "many"), [("", True), ("t*.csv", True), ("[odd].csv", False), ("t.csv", False)]
)
def test_folders_and_patterns_are_many_files(tmp_path: Path, path: str, many: bool):
    (tmp_path / "[odd].csv").touch()
    assert files.is_many(f"{tmp_path}/{path}") is many
