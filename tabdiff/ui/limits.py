"""How much the page takes on: what one machine does while somebody waits."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Upper bounds, each told on the page or in the refusal.

    Attributes
    ----------
    bytes : int
        Of an uploaded file.
    rows, columns : int
        Of its table.
    drawn : int
        Synthetic rows at a time.
    judged : int
        Rows of each table that a report compares.
    tables : int
        Held at once; the one that was looked at longest ago makes way.
    """

    bytes: int = 200_000_000
    rows: int = 1_000_000
    columns: int = 200
    drawn: int = 1_000_000
    judged: int = 10_000
    tables: int = 8

    def __str__(self) -> str:
        return (
            f"at most {self.bytes / 1e6:,.0f} MB, {self.rows:,} rows and {self.columns:,} columns"
        )
