from pathlib import Path

import pytest

from tabdiff.ui.limits import Limits
from tabdiff.ui.reading import RefusedError, check_name, read_dropped

SMALL = Limits(rows=3, columns=4)


def dropped(folder: Path, text: str, ending: str = ".csv") -> Path:
    path = folder / f"table{ending}"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("name", ["a.csv.gz", "a.parquet", "a", "csv", ".exe"])
def test_other_kinds_of_files_are_refused(name: str):
    with pytest.raises(RefusedError, match=r"reads \.csv and \.tsv"):
        check_name(name)


@pytest.mark.parametrize("mark", [",", ";", "|", "\t"])
def test_the_separator_is_read_off_the_header(tmp_path: Path, mark: str):
    text = f"a{mark}b\n1{mark}x\n2{mark}y\n"
    frame = read_dropped(dropped(tmp_path, text), "t.csv", SMALL)
    assert frame.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}


def test_a_tsv_has_tabs(tmp_path: Path):
    frame = read_dropped(dropped(tmp_path, "a,b\tc\n1\t2\n", ".tsv"), "t.tsv", SMALL)
    assert list(frame.columns) == ["a,b", "c"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\n1\n2\n3\n4\n", "orders.csv has 5 lines, the page takes at most .* 3 rows"),
        ("a;b;c;d;e\n", "orders.csv has 5 columns or more"),
        ("a,a\n1,2\n", "^orders.csv: column names must differ"),
        ("", "^orders.csv: the file is empty"),
        ('a,b\n1,"2\n', "^orders.csv: not a table"),
    ],
)
def test_what_is_too_much_or_no_table_is_told_under_its_own_name(tmp_path: Path, text, said):
    with pytest.raises(RefusedError, match=said):
        read_dropped(dropped(tmp_path, text), "orders.csv", SMALL)


def test_the_limits_themselves_are_allowed(tmp_path: Path):
    frame = read_dropped(dropped(tmp_path, "a,b,c,d\n" + "1,2,3,4\n" * 3), "t.csv", SMALL)
    assert frame.shape == (3, 4)
