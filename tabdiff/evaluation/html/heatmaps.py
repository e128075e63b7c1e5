"""Matrices as pictures, with their values beside for whoever points at them."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabdiff.evaluation.trends import Trends
from tabdiff.evaluation.values import Floats

MAP_PIXELS = 480
LABELLED = 32
POSITIVE, NEGATIVE, ERROR = (196, 86, 30), (33, 102, 172), (176, 42, 48)


@dataclass(frozen=True)
class HeatMap:
    """A matrix as a picture, and its values for whoever points at it.

    Attributes
    ----------
    title, caption : str
    picture : str
        PNG as a data URI; transparent where the value is 0, so that it suits any background.
    values : str
        Base64 of int8, row by row: the value in hundredths, -128 for none.
    """

    title: str
    caption: str
    picture: str
    values: str


def heat_maps(trends: Trends) -> tuple[HeatMap, HeatMap, HeatMap]:
    """Draw the strengths of all pairs in both tables, and how much each pair differs."""
    error = 1 - trends.similarity
    worst = float(np.nanmax(error)) if not np.isnan(error).all() else 0.0
    reach = max(worst, 0.05)
    off_diagonal = ~np.eye(len(trends.labels), dtype=bool)
    real = np.where(off_diagonal, trends.real, np.nan)
    synthetic = np.where(off_diagonal, trends.synthetic, np.nan)
    both = "Correlation of two numbers, Cramér's V otherwise"
    return (
        HeatMap("Real", both, _diverging(real), _packed(real)),
        HeatMap("Synthetic", both, _diverging(synthetic), _packed(synthetic)),
        HeatMap(
            "Difference",
            f"Error of the pair; fullest colour: {100 * reach:.1f} %",
            _png(_painted(error / reach, ERROR, ERROR)),
            _packed(error),
        ),
    )


def _diverging(values: Floats) -> str:
    return _png(_painted(values, POSITIVE, NEGATIVE))


def _painted(
    values: Floats, positive: tuple[int, int, int], negative: tuple[int, int, int]
) -> npt.NDArray[np.uint8]:
    """Colour by sign, opacity by size."""
    filled = np.nan_to_num(values)
    out = np.zeros((*values.shape, 4), dtype=np.uint8)
    out[..., :3] = np.where(filled[..., None] >= 0, positive, negative)
    out[..., 3] = np.round(255 * np.clip(np.abs(filled), 0, 1) ** 0.75)
    return out


def _png(pixels: npt.NDArray[np.uint8]) -> str:
    """A square RGBA matrix, enlarged to a crisp picture, as a data URI (PNG, ISO 15948)."""
    factor = max(1, MAP_PIXELS // len(pixels))
    large = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    if factor >= 8:  # a thin gap between the cells
        large[::factor, :, 3] = 0
        large[:, ::factor, 3] = 0
    size = len(large)
    lines = np.concatenate([np.zeros((size, 1), np.uint8), large.reshape(size, -1)], axis=1)

    def chunk(tag: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))

    data = b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)),
            chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)),
            chunk(b"IEND", b""),
        )
    )
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def _packed(values: Floats) -> str:
    hundredths = np.where(np.isnan(values), -128, np.round(100 * np.nan_to_num(values)))
    return base64.b64encode(hundredths.astype(np.int8).tobytes()).decode("ascii")
