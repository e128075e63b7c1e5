"""Fits and samples on a Ray cluster, or on the cores of one machine.

Ray Train starts the workers of a fit, keeps their checkpoints and starts them again where one is
lost; what they do is :mod:`tabdiff.integrations.distributed`. Ray Data has the parts of a sample
made, each a pure function of (model, seed, part), so it matters neither who makes them nor how
often. A model travels as the bytes of its file.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

try:
    import ray
    import ray.data
    import ray.train
    import ray.train.torch
    from pyarrow import Schema, Table, parquet
except ImportError as error:
    raise ImportError("fits and samples on Ray need it. Run: pip install 'tabdiff[ray]'") from error

import pandas as pd
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from tabdiff.disk import making_folder, replacing
from tabdiff.files import arrow_schema
from tabdiff.inference.chunks import Seed, entropy_of
from tabdiff.integrations.tables import as_frame
from tabdiff.sampler import CHUNK
from tabdiff.synthesizer import DiffusionSynthesizer
from tabdiff.timeseries import TimeSeriesDiffusionSynthesizer
from tabdiff.training.checkpoint import Checkpoint
from tabdiff.training.ranks import Ranks
from tabdiff.training.settings import require_real, require_whole
from tabdiff.training.standing import Standing

Synthesizer = TypeVar("Synthesizer", DiffusionSynthesizer, TimeSeriesDiffusionSynthesizer)

MODEL = "model.tabdiff"
# Steps between two moments at which the workers agree whether a checkpoint is due.
ASK_EVERY = 20
# Parts that a worker makes, where nothing else is said, and chunks that one has at most.
PARTS_PER_WORKER = 4
MOST_CHUNKS = 128


def fit_ray(
    synth: Synthesizer,
    dataset: Any,
    *,
    num_workers: int | tuple[int, int] = 2,
    num_cpus: float = 1.0,
    use_gpu: bool = False,
    max_failures: int = 3,
    storage: str | os.PathLike[str] | None = None,
    name: str | None = None,
) -> Synthesizer:
    """A fitted copy of ``synth``, learned by several workers at once.

    Each worker encodes the whole table and learns from its share of every batch; gradients are
    averaged. Every ten seconds or more the workers keep a checkpoint, and where one of them is lost
    all go on from the last one: to the same weights, to the last bit, as if nothing had happened.
    With another number of workers other noise is drawn.

    Parameters
    ----------
    synth : DiffusionSynthesizer or TimeSeriesDiffusionSynthesizer
        Stays as it is. Its ``batch_size`` is that of all workers together.
    dataset : table or ray.data.Dataset
        What ``synth.fit`` takes; a Ray dataset is gathered to one frame, which must fit into the
        memory of every machine.
    num_workers : int, or (least, most)
        With two numbers the fit goes on with as many as the cluster has.
    num_cpus : float
        Of each worker; less than 1 for more workers than cores.
    use_gpu : bool
        One for each worker.
    max_failures : int
        How often lost workers are replaced; -1 for any number.
    storage : path or URI, optional
        Where checkpoints go: all machines must see it. A folder of this machine that is removed at
        the end, when None.
    name : str, optional
        Of the run within ``storage``: a run of this name that was broken off goes on.

    Returns
    -------
    DiffusionSynthesizer or TimeSeriesDiffusionSynthesizer

    Raises
    ------
    ValueError, TypeError
        If a parameter is out of its range, ``synth`` has a ``checkpoint_dir`` or ``privacy``, or a
        ``name`` comes without ``storage``.
    ray.train.TrainingFailedError
        If the workers failed more often than that, by an error of ``fit`` as well.
    """
    if not isinstance(synth, DiffusionSynthesizer | TimeSeriesDiffusionSynthesizer):
        raise TypeError(f"fit_ray fits synthesizers. Got {type(synth).__name__}.")
    if synth.checkpoint_dir is not None:
        raise ValueError("fit_ray keeps its checkpoints in storage=: leave checkpoint_dir out.")
    if getattr(synth, "privacy", None) is not None:
        raise ValueError("privacy= is kept by one process alone. Call fit.")
    if name is not None and storage is None:
        raise ValueError(f"name={name!r} tells runs in storage= apart: say where that is.")
    least, most = num_workers if isinstance(num_workers, tuple) else (num_workers, num_workers)
    require_whole("num_workers", most, least=require_whole("num_workers", least, least=1))
    require_whole("max_failures", max_failures, least=-1)
    require_real("num_cpus", num_cpus, 0.0, 10_000.0, "(]")
    _start()
    table = dataset.to_pandas() if isinstance(dataset, ray.data.Dataset) else dataset
    with tempfile.TemporaryDirectory(prefix="tabdiff-") as folder:
        trainer = ray.train.torch.TorchTrainer(
            _learn,
            train_loop_config={"synth": clone(synth), "table": ray.put(table)},
            scaling_config=ray.train.ScalingConfig(
                num_workers=num_workers,
                use_gpu=use_gpu,
                resources_per_worker={"CPU": num_cpus} | ({"GPU": 1} if use_gpu else {}),
            ),
            run_config=ray.train.RunConfig(
                name=name,
                storage_path=folder if storage is None else _absolute(storage),
                failure_config=ray.train.FailureConfig(max_failures=max_failures),
                checkpoint_config=ray.train.CheckpointConfig(num_to_keep=1),
            ),
        )
        checkpoint = trainer.fit().checkpoint
        with checkpoint.as_directory() as found:
            return type(synth).load(Path(found) / MODEL, device=synth.device)


def sample_ray(
    synth: DiffusionSynthesizer,
    n_samples: int,
    *,
    conditions: Any = None,
    random_state: Seed = None,
    num_workers: int = 2,
    num_cpus: float = 1.0,
    num_gpus: float = 0.0,
    part_rows: int | None = None,
) -> ray.data.Dataset:
    """:meth:`DiffusionSynthesizer.sample` as a Ray dataset of Arrow blocks, made when it is read.

    The rows and their order are those of ``synth.sample(n_samples, …)`` with the same seed, with
    any number of workers of one kind of processor and after any number of lost ones. Arrow's
    metadata tell pandas the dtypes: ``pyarrow.concat_tables(ray.get(made.to_arrow_refs()))
    .to_pandas()`` is the same frame, while Ray's own ``to_pandas`` leaves columns Arrow's.

    Parameters
    ----------
    synth : DiffusionSynthesizer
        Fitted.
    n_samples : int
        At least 1.
    conditions : mapping or DataFrame, optional
        As in :meth:`DiffusionSynthesizer.sample`.
    random_state : int, numpy Generator, RandomState or None
        None draws a seed from the operating system.
    num_workers : int
        Actors that make the parts.
    num_cpus, num_gpus : float
        Of each of them; parts of one may be shared.
    part_rows : int, optional
        Of one block; rounded up to whole chunks of 1,024 rows.

    Returns
    -------
    ray.data.Dataset

    Raises
    ------
    NotFittedError, ValueError, TypeError, ConditionError, ConstraintError
        As :meth:`DiffusionSynthesizer.sample_part` does; a ValueError too of a model with
        ``exclude_copies``.
    """
    size = _size(part_rows, n_samples, num_workers)
    _require_cores(num_cpus, num_gpus)
    sample = _ask(synth, n_samples, conditions, random_state, size)
    return _made(_Rows, (sample,), sample.n_parts, num_workers, num_cpus, num_gpus)


def sample_ray_to_parquet(
    synth: DiffusionSynthesizer,
    n_samples: int,
    path: str | os.PathLike[str],
    *,
    conditions: Any = None,
    random_state: Seed = None,
    num_workers: int = 2,
    num_cpus: float = 1.0,
    num_gpus: float = 0.0,
    part_rows: int | None = None,
) -> None:
    """Write :func:`sample_ray` to a new folder of Parquet files, which appears whole or not at all.

    The workers write the files, each under the number of its part, so one that is made twice is
    there once; in the order of their names they are ``synth.sample(n_samples, …)``.

    Parameters
    ----------
    path : str or path
        Of the new folder, in one that all machines see.
    synth, n_samples, conditions, random_state, num_workers, num_cpus, num_gpus, part_rows
        As in :func:`sample_ray`.

    Raises
    ------
    OSError
        If there is something at ``path``, or nothing can be written.
    RuntimeError
        If rows are lacking in the end; nothing is left behind.
    NotFittedError, ValueError, TypeError, ConditionError, ConstraintError
        As :func:`sample_ray` does.
    """
    size = _size(part_rows, n_samples, num_workers)
    _require_cores(num_cpus, num_gpus)
    with making_folder(path) as folder:
        sample = _ask(synth, n_samples, conditions, random_state, size)
        given = (sample, folder)
        files = _made(_Files, given, sample.n_parts, num_workers, num_cpus, num_gpus)
        rows = {own["part"]: own["rows"] for own in files.iter_rows()}
        there = sum(name.suffix == ".parquet" for name in folder.glob("part-*"))
        if (len(rows), there, sum(rows.values())) != (sample.n_parts, sample.n_parts, n_samples):
            raise RuntimeError(
                f"{path}: {sum(rows.values()):,} of {n_samples:,} rows were written, in {there:,} "
                f"of {sample.n_parts:,} files. Do all machines see this folder?"
            )


# ------------------------------------------------------------------------------------- the workers


def _start() -> None:
    """Start Ray on this machine, or join the cluster of RAY_ADDRESS, unless the caller did."""
    if not ray.is_initialized():
        # Nothing about who uses this leaves the machine; who has set it has decided.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(include_dashboard=False)


def _absolute(storage: str | os.PathLike[str]) -> str:
    """A path from the root on, as Ray wants it, or a URI as it is."""
    place = os.fspath(storage)
    return place if "://" in place else os.path.abspath(place)


class _Reported(Checkpoint):
    """A checkpoint that the first worker writes to a folder of its own, and Ray Train takes away.

    All workers report at the same step, as Ray Train wants it.
    """

    team: Ranks

    def offer(self, standing: Standing) -> None:
        """Report, if the first worker's clock says so."""
        if standing.last.step % ASK_EVERY == 0 and self.team.lead(time.monotonic() >= self._due):
            self._write(standing)

    def remove(self) -> None:
        """Leave it: a run of the same name finds its training done."""

    def _write(self, standing: Standing) -> None:
        if self.team.rank == 0:
            super()._write(standing)
        last = standing.last
        metrics = {"step": last.step, "loss": last.loss, "validation_loss": last.validation_loss}
        _report(self.team, metrics, self.path.parent)


def _report(team: Ranks, metrics: dict[str, float], folder: Path) -> None:
    kept = ray.train.Checkpoint.from_directory(folder) if team.rank == 0 else None
    ray.train.report(metrics, checkpoint=kept)


def _learn(given: dict[str, Any]) -> None:
    """What each worker of a fit does."""
    team = Ranks()
    with tempfile.TemporaryDirectory(prefix="tabdiff-") as own:
        folder = Path(own)
        before = ray.train.get_checkpoint() if team.rank == 0 else None
        if before is not None:
            with before.as_directory() as found:
                shutil.copytree(found, folder, dirs_exist_ok=True)

        def keeper_of(name: str) -> _Reported:
            path = folder / f"{name}.checkpoint"
            keeper = _Reported.read(path) if path.exists() else _Reported(path)
            keeper.team = team
            return keeper

        synth = given["synth"].fit_together(ray.get(given["table"]), team, keeper_of)
        if team.rank == 0:
            synth.save(folder / MODEL)
        _report(team, {"step": float(synth.history_["step"].max())}, folder)


@dataclass(frozen=True)
class _Sample:
    """What a worker must know to make any part of a sample.

    Attributes
    ----------
    model, conditions : ObjectRef
        The bytes of the model's file, and what is asked of the rows.
    schema : Schema
        Of all parts: one of them alone may lack the cells that tell a column's type.
    n, seed, size : int
        Rows, their seed, and the rows of a part.
    """

    model: Any
    conditions: Any
    schema: Schema
    n: int
    seed: int
    size: int

    @property
    def n_parts(self) -> int:
        return -(-self.n // self.size)


class _Rows:
    """Makes the part of a sample whose number it is given."""

    def __init__(self, sample: _Sample) -> None:
        self._sample, self._conditions = sample, ray.get(sample.conditions)
        with tempfile.TemporaryDirectory(prefix="tabdiff-") as folder:
            path = Path(folder) / MODEL
            path.write_bytes(ray.get(sample.model))
            self._synth = DiffusionSynthesizer.load(path)

    def __call__(self, batch: dict[str, Any]) -> Any:
        [number] = batch["id"].tolist()
        return self._part(number)

    def _part(self, number: int) -> Table:
        asked = self._sample
        first, last = number * asked.size, min((number + 1) * asked.size, asked.n)
        rows = self._synth.sample_part(
            first, last, asked.n, conditions=self._conditions, random_state=asked.seed
        )
        return Table.from_pandas(_frame(rows), schema=asked.schema, preserve_index=False)


class _Files(_Rows):
    """Writes the part to a file, and tells how many rows it has."""

    def __init__(self, sample: _Sample, folder: Path) -> None:
        super().__init__(sample)
        self._folder = folder

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[int]]:
        [number] = batch["id"].tolist()
        table = self._part(number)
        with replacing(self._folder / f"part-{number:06}.parquet") as file:
            parquet.write_table(table, file)
        return {"part": [number], "rows": [len(table)]}


def _ask(
    synth: DiffusionSynthesizer, n: int, conditions: Any, random_state: Seed, size: int
) -> _Sample:
    """What the workers must know; the first rows are drawn here, so that a refusal comes early."""
    if not isinstance(synth, DiffusionSynthesizer):
        raise TypeError(
            f"Ray samples tables, by a DiffusionSynthesizer. Got {type(synth).__name__}."
        )
    check_is_fitted(synth)
    if synth.exclude_copies:
        raise ValueError(
            "exclude_copies: workers get the model as a file, which knows no training row. Sample "
            "in this process, or set_params(exclude_copies=False) and drop copies afterwards."
        )
    seed = entropy_of(random_state)
    head = synth.sample_part(0, min(n, CHUNK), n, conditions=conditions, random_state=seed)
    _start()
    with tempfile.TemporaryDirectory(prefix="tabdiff-") as folder:
        path = Path(folder) / MODEL
        synth.save(path)
        model = ray.put(path.read_bytes())
    return _Sample(model, ray.put(conditions), arrow_schema(_frame(head)), n, seed, size)


def _made(
    maker: type[_Rows],
    given: tuple[Any, ...],
    n_parts: int,
    num_workers: int,
    num_cpus: float,
    num_gpus: float,
) -> ray.data.Dataset:
    """What actors make of the number of each part, in the order of the parts."""
    # Blocks that are there already want no core of their own, of which the workers may have all.
    numbers = [Table.from_pydict({"id": [number]}) for number in range(n_parts)]
    made = ray.data.from_arrow(numbers).map_batches(
        maker,
        fn_constructor_args=given,
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=num_workers),
        num_cpus=num_cpus,
        num_gpus=num_gpus or None,
    )
    made.context.execution_options.preserve_order = True
    return made


def _size(part_rows: int | None, n: int, num_workers: int) -> int:
    """Rows of a part: whole chunks."""
    n = require_whole("n_samples", n, least=1)
    workers = require_whole("num_workers", num_workers, least=1)
    if part_rows is not None:
        return CHUNK * -(-require_whole("part_rows", part_rows, least=1) // CHUNK)
    return CHUNK * min(-(-n // (PARTS_PER_WORKER * workers * CHUNK)), MOST_CHUNKS)


def _require_cores(num_cpus: float, num_gpus: float) -> None:
    require_real("num_cpus", num_cpus, 0.0, 10_000.0, "(]")
    require_real("num_gpus", num_gpus, 0.0, 10_000.0)


def _frame(rows: Any) -> pd.DataFrame:
    """Rows in pandas, whatever the fitted table was."""
    table = as_frame(rows)
    return table if isinstance(table, pd.DataFrame) else table.to_pandas()
