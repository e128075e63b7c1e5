"""What ten billion rows would cost, on paper: bytes, operations and network.

    python -m benchmarks.scale

Counts for a table of 20 columns, ten numbers and ten categories, by the sizes of the network and of
the encoded rows; seconds by rates that `RATES` names. Those of processors are measured
(`results/growth.jsonl`); those of GPUs and networks are assumptions. The page goes to
`results/scale.md`; `docs/scale.md` says what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.circumstances import HERE
from benchmarks.markdown import head, line

PAGE = HERE / "results" / "scale.md"


@dataclass(frozen=True)
class Table:
    """A table and the network that learns it, by the defaults of the library.

    Attributes
    ----------
    numbers, categories : int
        Columns; a number has a categorical part (its cell) beside its value.
    cells, levels : int
        Of a number, and of a category.
    width, depth, batch, steps : int
        The network's, a worker's rows in a step, and the steps of a fit.
    candidates : int
        Rows drawn for each that comes out.
    """

    numbers: int = 10
    categories: int = 10
    cells: int = 256
    levels: int = 25
    width: int = 256
    depth: int = 3
    batch: int = 512
    steps: int = 6_000
    candidates: int = 1

    @property
    def parts(self) -> int:
        """Categorical parts; as many calls of the network make a row."""
        return self.numbers + self.categories

    @property
    def slots(self) -> int:
        """Levels of all parts."""
        return self.numbers * self.cells + self.categories * self.levels

    @property
    def products(self) -> int:
        """Weights that a row is multiplied by in one call: those of `tabdiff.denoisers.mlp`."""
        inputs = 17 * self.numbers + 32 * self.parts + 16 + self.numbers + self.parts
        blocks = 4 * self.depth * self.width**2
        return self.width * (inputs + self.numbers + 32 * self.parts) + blocks

    @property
    def parameters(self) -> int:
        """Weights that are learned, about: norms and shifts left out."""
        return self.products + 33 * self.slots

    @property
    def encoded_bytes(self) -> int:
        """Of a row: float32 values and int64 levels."""
        return 4 * self.numbers + 8 * self.parts

    @property
    def learning_flops(self) -> int:
        """Of a row in a step: a call, and twice that backwards."""
        return 3 * 2 * (self.products + 32 * self.slots)

    @property
    def drawing_flops(self) -> int:
        """Of a row that comes out; a call asks for the logits of one part, on average."""
        call = 2 * (self.products + 32 * self.slots // self.parts)
        return self.parts * call * self.candidates


@dataclass(frozen=True)
class Rates:
    """What machines do in a second.

    Attributes
    ----------
    rows_drawn : float
        By a worker.
    step : float
        Seconds of a step without the network's.
    bytes_sent : float
        Between two workers.
    latency : float
        Seconds of a message.
    """

    rows_drawn: float
    step: float
    bytes_sent: float
    latency: float


# A core: half of what two threads drew and learned. A GPU: a chunk of 1,024 rows takes 20 calls of
# about 100 kernels at 10 microseconds, as each is too small to fill it, and a step 800 of them.
RATES = {
    "core": Rates(rows_drawn=2_350, step=0.066, bytes_sent=1.25e9, latency=50e-6),
    "GPU": Rates(rows_drawn=50_000, step=0.008, bytes_sent=50e9, latency=15e-6),
}
ROWS = 10_000_000_000
# Compressed, of a row of such a table: 8 bytes a number, one a category.
PARQUET_BYTES = 90


def reduced(table: Table, workers: int, rates: Rates) -> float:
    """Seconds of adding up the gradients: each byte twice through each worker, and a tree."""
    if workers == 1:
        return 0.0
    n_bytes = 4 * table.parameters * 2 * (workers - 1) / workers
    return n_bytes / rates.bytes_sent + 2 * (workers - 1).bit_length() * rates.latency


def page() -> str:
    """The figures as Markdown."""
    table = Table()
    counts = [
        ["parameters, about", f"{table.parameters:,}"],
        ["encoded row", f"{table.encoded_bytes} bytes"],
        ["a row in a step", f"{table.learning_flops / 1e6:.1f} MFLOP"],
        ["a row drawn, one candidate", f"{table.drawing_flops / 1e6:.0f} MFLOP"],
        ["gradients of a step, each worker", f"{8 * table.parameters / 1e6:.1f} MB sent"],
        ["10 billion rows encoded", f"{ROWS * table.encoded_bytes / 1e12:.1f} TB"],
        ["10 billion rows in Parquet", f"{ROWS * PARQUET_BYTES / 1e12:.1f} TB"],
        ["10 billion rows drawn", f"{ROWS * table.drawing_flops / 1e18:.2f} EFLOP"],
    ]
    drawn, learned = [], []
    for kind, n in (("core", 2), ("core", 1_000), ("GPU", 1), ("GPU", 8), ("GPU", 1_000)):
        rates = RATES[kind]
        seconds = ROWS / (n * rates.rows_drawn)
        written = n * rates.rows_drawn * PARQUET_BYTES
        hours = [f"{seconds / 3600:,.2f}", f"{seconds * n / 3600:,.0f}"]
        drawn.append([kind, f"{n:,}", *hours, f"{written / 1e9:.3f}"])
        wait = reduced(table, n, rates)
        step = rates.step + wait
        parts = [f"{1000 * rates.step:.0f}", f"{1000 * wait:.2f}", f"{rates.step / step:.0%}"]
        a_pass = ROWS / (n * table.batch) * step / 3600
        learned.append([kind, f"{n:,}", *parts, f"{a_pass:,.2f}", f"{table.steps * step:,.0f}"])
    heads = ["worker", "workers", "hours", "worker-hours", "GB written a second"]
    of_training = ["worker", "workers", "ms a step", "ms of network", "at work", "hours a pass"]
    lines = ["# Ten billion rows, on paper", "", *head(["of 20 columns", ""]), *map(line, counts)]
    lines += ["", "Drawing them:", "", *head(heads), *map(line, drawn)]
    lines += ["", f"Learning from them, {table.batch} rows a worker and step:", ""]
    lines += [*head([*of_training, f"s for {table.steps:,} steps"]), *map(line, learned)]
    return "\n".join(lines) + "\n"


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")
    print(page())


if __name__ == "__main__":
    main()
