"""Encoded rows in a file, of which a batch is read at a time.

A row is one record, so a batch of random rows is as many small reads, from wherever the file is; it
takes no memory but its own. The file has no name: it is gone when it is closed, or the process ends
in whatever way.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from copy import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tabdiff.data.cells import Array
from tabdiff.data.mixed import Layout, Mixed

AT_ONCE = 2**16


class StoredRows:
    """Rows (B, D) in a temporary file.

    Parameters
    ----------
    layout : Layout

    Attributes
    ----------
    device : torch.device
        Where batches go.
    """

    def __init__(self, layout: Layout) -> None:
        self.device = torch.device("cpu")
        self._record = record_of(layout)
        self._n = 0
        self._file: Any = tempfile.TemporaryFile(prefix="tabdiff-", buffering=0)  # noqa: SIM115

    def append(self, rows: Mixed) -> None:
        """Add rows at the end.

        Raises
        ------
        OSError
            If the disk is full.
        """
        records = np.empty(len(rows), dtype=self._record)
        records["num"], records["cat"] = rows.num.numpy(), rows.cat.numpy()
        self._file.seek(0, 2)
        left = records.view(np.uint8).data if records.nbytes else memoryview(b"")
        while len(left):
            left = left[self._file.write(left) :]
        self._n += len(rows)

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, chosen: Tensor | slice) -> Mixed:
        """Those rows, in that order."""
        if isinstance(chosen, slice):
            first, last, _ = chosen.indices(self._n)
            return self._read(np.array([first]), max(last - first, 0))
        return self._read(chosen.cpu().numpy(), 1)

    def _read(self, places: Array, length: int) -> Mixed:
        """So many rows from each place."""
        records = np.empty(len(places) * length, dtype=self._record)
        if records.nbytes:
            bytes_, size = records.view(np.uint8).data, length * self._record.itemsize
            # In the order of the file, which a disk has it easier with.
            for at in np.argsort(places).tolist():
                self._file.seek(int(places[at]) * self._record.itemsize)
                _fill(self._file, bytes_[at * size : (at + 1) * size])
        num, cat = torch.from_numpy(records["num"].copy()), records["cat"].astype(np.int64)
        return Mixed(num, torch.from_numpy(cat)).to(self.device)

    def to(self, device: torch.device | str) -> StoredRows:
        """The same rows, their batches on another device."""
        there = copy(self)
        there.device = torch.device(device)
        return there

    def pieces(self) -> Iterator[dict[str, Tensor]]:
        """All rows in turn, by parts."""
        for first in range(0, self._n, AT_ONCE):
            yield self[first : first + AT_ONCE].tensors()

    def close(self) -> None:
        """Give the disk back."""
        self._file.close()


def record_of(layout: Layout) -> np.dtype[np.void]:
    """How a row lies in the file."""
    code = np.int16 if max(layout.levels, default=0) <= 2**15 else np.int32
    return np.dtype([("num", np.float32, (layout.n_num,)), ("cat", code, (layout.n_cat,))])


def require_disk(layout: Layout, n_rows: int) -> None:
    """Refuse rows that the folder of temporary files has no room for.

    Raises
    ------
    OSError
    """
    needed, folder = n_rows * record_of(layout).itemsize, tempfile.gettempdir()
    if needed > (free := shutil.disk_usage(folder).free):
        raise OSError(
            errno.ENOSPC,
            f"cannot encode {n_rows:,} rows: they take {needed / 2**30:,.1f} GiB of "
            f"{free / 2**30:,.1f} GiB that are free. Set the environment variable TMPDIR to a "
            "folder with more",
            folder,
        )


def _fill(file: Any, into: memoryview) -> None:
    while len(into):
        n = file.readinto(into)
        if not n:
            raise OSError(errno.EIO, "the temporary file of encoded rows was cut short")
        into = into[n:]
