"""Rows a second against Ray's workers, and what the engine itself takes.

    taskset -c 1 python -m benchmarks.ray_scaling --cores 1

A generated table of 20 columns is learned for a few steps, which changes nothing about the cost of
a row, and sampled in parts of four chunks: in this process, by one worker and by two. Told apart
are the seconds until the first part is there, in which workers start and read the model, and the
rows a second from then on. Parts in which nothing is done show what Ray takes for each. Of one
chunk, on one thread, it is told how much of the processor's time goes to the network and how much
to decoding.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

from benchmarks.circumstances import HERE, append_result, circumstances, read_results, told
from benchmarks.growth import generated
from benchmarks.markdown import head, line
from tabdiff import DiffusionSynthesizer

RESULTS = HERE / "results" / "ray_scaling.jsonl"
PART = 4 * 1024
LIBRARIES = ("ray", "torch", "numpy", "pandas", "pyarrow")
EMPTY_PARTS = 200


def in_this_process(synth: DiffusionSynthesizer, n: int) -> dict[str, float]:
    """Rows a second of one sample, and of the processor's time."""
    began, used = time.perf_counter(), time.process_time()
    synth.sample(n, random_state=0)
    seconds = time.perf_counter() - began
    return {"rows_a_second": n / seconds, "cpu_ms_a_row": 1e3 * (time.process_time() - used) / n}


def by_workers(synth: DiffusionSynthesizer, n: int, workers: int, cpus: float) -> dict[str, float]:
    """Seconds to the first part, and rows a second from the first to the last."""
    from tabdiff.integrations.ray import sample_ray

    made = sample_ray(synth, n, random_state=0, num_workers=workers, num_cpus=cpus, part_rows=PART)
    began, moments, rows = time.perf_counter(), [], []
    for batch in made.iter_batches(batch_size=None, batch_format="pyarrow"):
        moments.append(time.perf_counter() - began)
        rows.append(len(batch))
    assert sum(rows) == n
    between = moments[-1] - moments[0]
    return {"first_seconds": moments[0], "rows_a_second": sum(rows[1:]) / between}


def engine(cpus: float) -> float:
    """Milliseconds that Ray Data takes for a part in which nothing is done."""
    import ray

    def nothing(batch: dict[str, Any]) -> dict[str, Any]:
        return batch

    made = ray.data.range(EMPTY_PARTS, override_num_blocks=EMPTY_PARTS)
    began = time.perf_counter()
    made.map_batches(nothing, batch_size=1, num_cpus=cpus).take_all()
    return 1e3 * (time.perf_counter() - began) / EMPTY_PARTS


def shares(synth: DiffusionSynthesizer) -> dict[str, float]:
    """Milliseconds of one chunk in the network and in decoding; the second of two."""
    sampler = synth._sampler()
    question = synth._fitted.rewriting.ask(synth.encoder_, None)
    for number in range(2):
        chunk = sampler._chunk(question, PART, (0, 2), number)
        began = time.process_time()
        drawn = chunk.draw(0)
        decoding = time.process_time()
        chunk.asked.settle(chunk.n, lambda attempt, drawn=drawn: drawn, chunk.start)
        ended = time.process_time()
    return {"network_ms": 1e3 * (decoding - began), "decoding_ms": 1e3 * (ended - decoding)}


def measure(n: int, cores: int) -> dict[str, Any]:
    """All figures of one sitting."""
    import ray

    frame = generated(20_000, 20)
    synth = DiffusionSynthesizer(max_steps=20, random_state=0, verbose=0, device="cpu").fit(frame)
    cpus = cores / 2
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    found: dict[str, Any] = {"rows": n, "cores": cores, "load": round(os.getloadavg()[0], 1)}
    found |= {"chunk": shares(synth), "alone": in_this_process(synth, n)}
    found |= {f"workers_{k}": by_workers(synth, n, k, cpus) for k in (1, 2)}
    found["empty_part_ms"] = engine(cpus)
    return found


def page(rows: list[dict[str, Any]]) -> str:
    """The figures as Markdown."""
    heads = ["cores", "load", "alone, rows/s", "1 worker", "2 workers", "first part, s"]
    heads += ["an empty part, ms", "network of a chunk, ms", "decoding, ms"]
    lines = ["# Rows against Ray's workers", "", *head(heads)]
    for own in rows:
        rates = [own[name]["rows_a_second"] for name in ("alone", "workers_1", "workers_2")]
        cells = [str(own["cores"]), f"{own['load']}", *(f"{rate:,.0f}" for rate in rates)]
        cells += [f"{own['workers_2']['first_seconds']:.1f}", f"{own['empty_part_ms']:.1f}"]
        cells += [f"{own['chunk'][name]:.0f}" for name in ("network_ms", "decoding_ms")]
        lines.append(line(cells))
    return "\n".join([*lines, "", *map(told, rows)]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20 * PART)
    parser.add_argument("--cores", type=int, default=2, help="how many the processes share")
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    found = measure(asked.rows, asked.cores)
    append_result(asked.results, found | circumstances(1, LIBRARIES))
    told_page = page(read_results(asked.results))
    asked.results.with_suffix(".md").write_text(told_page, encoding="utf-8")
    print(told_page)


if __name__ == "__main__":
    main()
