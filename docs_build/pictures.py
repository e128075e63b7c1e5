"""The pictures of the mathematics, drawn anew by ``python -m docs_build.pictures``.

Gapminder's table, as plotly ships it, is learned once; what the model shows of it is drawn as SVG.

    schedule.svg               signal, noise and what is kept of a level, over time
    continents_over_time.svg   shares of the continents at each time, to noise and back
    beliefs_of_a_row.svg       what the network believes about one row, step by step
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.data
import torch
from torch import Tensor

from tabdiff import DiffusionSynthesizer
from tabdiff.analytics.trajectory import schedule_curves
from tabdiff.data.mixed import Belief, Known, Mixed
from tabdiff.diffusion.joint import Denoiser
from tabdiff.fitted import TABLES, make_joint
from tabdiff.inference.chunks import generators
from tabdiff.inference.sample import sample, time_grid

IMAGES = Path(__file__).parent.parent / "docs" / "images"
COLUMNS = ["continent", "year", "lifeExp", "pop", "gdpPercap"]
COLOURS = ("#4269d0", "#efb118", "#ff725c", "#3ca951", "#a463f2")
MASKED = "#c9ccd3"
STEPS = 24
# A row of which the others tell its life expectancy and, at last, its continent.
ROW = 1


class Frame(NamedTuple):
    """A rectangle of a picture, in which 0 to 1 runs to the right and up."""

    left: float
    top: float
    width: float
    height: float

    def across(self, share: float) -> float:
        """The horizontal place."""
        return self.left + self.width * share

    def down(self, share: float) -> float:
        """The vertical place."""
        return self.top + self.height * (1 - share)

    def text(self, across: float, below: float, words: str, anchor: str = "middle") -> str:
        """Words at a share of the width, ``below`` the frame's lower edge."""
        x, y = self.across(across), self.top + self.height + below
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'

    def box(self, across: tuple[float, float], up: tuple[float, float], look: str) -> str:
        """A rectangle between shares of the width and of the height."""
        x, y = self.across(across[0]), self.down(up[1])
        width, height = self.width * (across[1] - across[0]), self.height * (up[1] - up[0])
        size = f'width="{width:.2f}" height="{height:.2f}"'
        return f'<rect x="{x:.2f}" y="{y:.2f}" {size} {look}/>'


def picture(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    """An SVG with a heading on white."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#333">'
    )
    heading = f'<text x="20" y="26" font-size="16" font-weight="600">{title}</text>'
    back = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([head, back, heading, *parts, "</svg>"]) + "\n"


def legend(names: Sequence[str], colours: Sequence[str], right: float, y: float) -> list[str]:
    """Names behind discs, ending at ``right``."""
    parts = []
    for name, colour in reversed(list(zip(names, colours, strict=True))):
        right -= 28 + 7.5 * len(name)
        parts.append(f'<circle cx="{right:.1f}" cy="{y - 4:.1f}" r="5" fill="{colour}"/>')
        parts.append(f'<text x="{right + 9:.1f}" y="{y:.1f}">{name}</text>')
    return parts


def stacks(frame: Frame, shares: np.ndarray, colours: Sequence[str]) -> list[str]:
    """Bars side by side, one for each row of ``shares``, whose columns add to 1."""
    parts = []
    for place, row in enumerate(shares):
        ends = np.concatenate([[0.0], np.cumsum(row)])
        across = (place + 0.04) / len(shares), (place + 0.96) / len(shares)
        for low, high, colour in zip(ends[:-1], ends[1:], colours, strict=True):
            if high - low > 1e-4:
                parts.append(frame.box(across, (float(low), float(high)), f'fill="{colour}"'))
    return parts


def draw_schedule(curves: pd.DataFrame) -> str:
    """Signal, noise and the kept probability, from data on the left to noise on the right."""
    frame = Frame(50, 50, 620, 220)
    names = {"alpha": "signal α", "sigma": "noise σ", "keep": "level kept ᾱ"}
    parts = [frame.box((0, 1), (0, 1), 'fill="#f6f7f9"')]
    for name, colour in zip(names, COLOURS, strict=False):
        places = " ".join(
            f"{frame.across(t):.1f},{frame.down(y):.1f}"
            for t, y in zip(curves["time"], curves[name], strict=True)
        )
        look = f'fill="none" stroke="{colour}" stroke-width="2.5"'
        parts.append(f'<polyline points="{places}" {look}/>')
    parts += [frame.text(t, 18, f"{t:g}") for t in (0, 0.25, 0.5, 0.75, 1)]
    parts.append(frame.text(0.5, 38, "time t: 0 is data, 1 is noise"))
    parts += [
        f'<text x="42" y="{frame.down(y) + 4:.1f}" text-anchor="end">{y:g}</text>' for y in (0, 1)
    ]
    parts += legend(list(names.values()), COLOURS[:3], 690, 26)
    return picture(700, 320, "What is left at time t", parts)


def draw_continents(synth: DiffusionSynthesizer, table: pd.DataFrame) -> str:
    """Shares of the continents, masked ones in grey: real rows to noise, new rows to data."""
    times = [float(t) for t in np.linspace(0, 1, STEPS + 1)]
    names = sorted(table["continent"].unique())

    def shares(rows: pd.DataFrame) -> np.ndarray:
        counted = rows["continent"].astype(object).fillna("masked").value_counts(normalize=True)
        return counted.reindex([*names, "masked"], fill_value=0.0).to_numpy()

    forth = np.stack([shares(synth.diffuse(table, t)) for t in times])
    made = synth.trajectory(2_000, times)
    back = np.stack([shares(made.xs(t, level="time")) for t in reversed(times)])
    colours = (*COLOURS[: len(names)], MASKED)
    parts = legend([*names, "masked"], colours, 990, 26)
    for left, heading, bars, ends in (
        (20, "Real rows to noise", forth, ("data", "noise")),
        (520, "New rows from noise", back, ("noise", "data")),
    ):
        frame = Frame(left, 76, 460, 230)
        parts.append(f'<text x="{left}" y="66" font-weight="600">{heading}</text>')
        parts += stacks(frame, bars, colours)
        parts += [frame.text(0, 18, ends[0], "start"), frame.text(1, 18, ends[1], "end")]
        parts.append(frame.text(0.5, 18, "time, step by step"))
    return picture(1000, 340, "Continents between data and noise", parts)


class Listening:
    """A denoiser of which all beliefs are kept.

    Attributes
    ----------
    heard : list of (Mixed, Belief)
        Noisy rows and what was believed of them, call by call.
    """

    def __init__(self, denoiser: Denoiser) -> None:
        self._denoiser = denoiser
        self.heard: list[tuple[Mixed, Belief]] = []

    def __call__(self, x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        """The belief of the denoiser, of all parts."""
        seen = self._denoiser(x_t, t, known)
        self.heard.append((x_t, seen))
        return seen


def draw_beliefs(synth: DiffusionSynthesizer, table: pd.DataFrame) -> str:
    """What is believed about a row's continent and life expectancy, and what was decided when."""
    encoder = synth.encoder_
    joint = make_joint(encoder.layout, synth.prior, TABLES)
    listening = Listening(synth.denoiser_)
    noise, rng = generators(ROW)
    end = sample(listening, joint, time_grid(STEPS), *joint.unknown(1), noise)
    row = encoder.decode(end, rng).iloc[0]
    log_p = [joint.multinomial.estimate(seen.logits) for _, seen in listening.heard]

    def of(column: str) -> np.ndarray:
        """(steps, K): the belief about a column, certain once it is shown."""
        part = encoder.parts(column)[1][0]
        said = [joint.multinomial.packing.unpack(p, part).exp()[0] for p in log_p]
        shown = [x.cat[0, part] == end.cat[0, part] for x, _ in listening.heard]
        certain = torch.nn.functional.one_hot(end.cat[0, part], len(said[0])).float()
        return np.stack([(certain if s else p).numpy() for s, p in zip(shown, said, strict=True)])

    names = [str(label) for label in sorted(table["continent"].unique())]
    continents, ages = of("continent"), of("lifeExp")
    above, below = Frame(90, 110, 760, 170), Frame(90, 320, 760, 170)
    parts = legend(names, COLOURS, 870, 26)
    parts.append(_label(above, "continent"))
    parts += stacks(above, continents, COLOURS)
    parts += [_label(below, "lifeExp"), below.box((0, 1), (0, 1), 'fill="#f6f7f9"')]
    parts += _heat(below, ages)
    for share in (0, 0.25, 0.5, 0.75, 1):
        years = table["lifeExp"].quantile(share)
        y = below.down(share) + 4
        parts.append(f'<text x="84" y="{y:.1f}" text-anchor="end">{years:.0f}</text>')
    parts += _decisions(synth, [x for x, _ in listening.heard] + [end], row, above, below)
    parts += [below.text(0, 18, "noise", "start"), below.text(1, 18, "data", "end")]
    parts.append(below.text(0.5, 18, "steps of the walk"))
    return picture(880, 520, "Beliefs about one row, from noise to data", parts)


def _heat(frame: Frame, beliefs: np.ndarray) -> list[str]:
    """Probabilities of cells as darkness, the cells of equal height from bottom to top."""
    steps, cells = beliefs.shape
    parts = []
    for place, row in enumerate(beliefs):
        for cell, p in enumerate(row):
            if p > 0.003:
                across = place / steps, (place + 1) / steps
                look = f'fill="{COLOURS[0]}" fill-opacity="{min(1.0, p**0.5):.2f}"'
                parts.append(frame.box(across, (cell / cells, (cell + 1) / cells), look))
    return parts


def _decisions(
    synth: DiffusionSynthesizer, states: list[Mixed], row: pd.Series, above: Frame, below: Frame
) -> list[str]:
    """A line where each column's level is shown, and what it is."""
    parts = []
    for column in COLUMNS:
        part = synth.encoder_.parts(column)[1][0]
        levels = [int(x.cat[0, part]) for x in states]
        step = next(at for at, level in enumerate(levels) if level == levels[-1])
        x = above.across(step / STEPS)
        value = row[column]
        if not isinstance(value, str):
            value = f"{value:,.0f}" if value >= 10_000 else f"{value:.0f}"
        parts.append(
            f'<path d="M{x:.1f} {above.top - 6}V{below.top + below.height}" stroke="#333" '
            'stroke-dasharray="3 3"/>'
        )
        parts.append(
            f'<text transform="translate({x + 2:.1f} {above.top - 10}) rotate(-18)" '
            f'font-size="12">{column} {value}</text>'
        )
    return parts


def _label(frame: Frame, words: str) -> str:
    y = frame.top + frame.height / 2
    return (
        f'<text transform="translate(40 {y:.1f}) rotate(-90)" text-anchor="middle">{words}</text>'
    )


def draw(folder: Path, max_steps: int | None = None) -> None:
    """Write the three pictures into ``folder``."""
    table = plotly.data.gapminder()[COLUMNS]
    synth = DiffusionSynthesizer(random_state=0, max_steps=max_steps).fit(table)
    joint = make_joint(synth.encoder_.layout, synth.prior, TABLES)
    pictures = {
        "schedule.svg": draw_schedule(schedule_curves(joint, 100)),
        "continents_over_time.svg": draw_continents(synth, table),
        "beliefs_of_a_row.svg": draw_beliefs(synth, table),
    }
    for name, svg in pictures.items():
        (folder / name).write_text(svg, encoding="utf-8")


def main() -> None:
    """Draw into the folder of the pages' images."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=IMAGES)
    parser.add_argument("--max-steps", type=int, help="of training; by default enough of them")
    options = parser.parse_args()
    draw(options.folder, options.max_steps)


if __name__ == "__main__":
    main()
