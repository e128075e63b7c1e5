"""The front door for sequences: the same house, with a length."""

from __future__ import annotations

import math
import numbers
import os
import time
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from sklearn.utils.validation import check_is_fitted

from tabdiff.analytics.verbs import ShowsTraining
from tabdiff.data.cells import Array
from tabdiff.data.errors import ConditionError, UnknownColumnError, closest
from tabdiff.data.frames import concat, from_pandas, in_container_of, take, to_pandas
from tabdiff.data.futures import by_quantiles, look_ahead
from tabdiff.data.gaps import UNFILLED, fill_gaps
from tabdiff.data.given import Given
from tabdiff.data.long import (
    LongFrame,
    entity_schema,
    first_moments,
    fit_encoder,
    with_traits,
)
from tabdiff.data.mixed import Known
from tabdiff.data.neighbours import PrivatePanel
from tabdiff.data.panel import LENGTH, free_label
from tabdiff.data.privacy import Privacy
from tabdiff.data.question import Question
from tabdiff.data.sequence import MOST_IN_WINDOW, SequenceEncoder
from tabdiff.data.table import by_label
from tabdiff.data.timeline import Timeline
from tabdiff.data.unfinished import Unfinished
from tabdiff.data.windows import hold_out, learn_and_judge
from tabdiff.denoisers.temporal import WIDTH_UNIT
from tabdiff.diffusion.multinomial import Prior
from tabdiff.estimator import FEWER_DRAWS, DiffusionEstimator
from tabdiff.fitted import (
    SEQUENCES,
    Fitted,
    FittedSequences,
    Learned,
    make_denoiser,
    make_joint,
)
from tabdiff.inference.chunks import Seed, entropy_of, generators
from tabdiff.inference.threads import unswayed
from tabdiff.private_sequences import fit_sequences_privately
from tabdiff.sequences import SequenceSampler, encode_context, moments, to_long
from tabdiff.synthesizer import DiffusionSynthesizer
from tabdiff.training.hardware import autocast_for, resolve_device
from tabdiff.training.loop import Keeper, Recipe, train
from tabdiff.training.masks import SpanMasks
from tabdiff.training.progress import Listener, ProgressBar
from tabdiff.training.settings import (
    Size,
    default_held_out,
    default_sequence_size,
    default_sequence_steps,
    default_window,
    make_sequence_recipe,
    require_real,
    require_whole,
)
from tabdiff.training.team import Team

# Of a few long series, the share of their time that judges.
TIME_HELD_OUT = 0.08
_FEWER_SEQUENCES = "Ask for fewer or shorter sequences, or for pieces: sample_iter(n_sequences)."
# The parameters that a file keeps besides what the encoder tells.
_KEPT = (
    "prior",
    "max_steps",
    "max_time",
    "batch_size",
    "learning_rate",
    "width",
    "depth",
    "validation_fraction",
    "sampling_steps",
)


class _Wanted(NamedTuple):
    """What a sample is asked for.

    Attributes
    ----------
    n : int
    length : int or None
        Of every sequence; drawn when None.
    of_entities : dict or DataFrame
        Conditions on the table of entities.
    given : Given
        The cells of every row, as one row.
    """

    n: int
    length: int | None
    of_entities: Any
    given: Given


class TimeSeriesDiffusionSynthesizer(ShowsTraining, DiffusionEstimator):
    """Learns sequences by diffusion: new entities, forecasts and gaps from one network.

    A long frame has one row per entity and moment. What never changes within an entity, its length,
    its first moment, and the level of its numbers and its usual categories where entities differ in
    them, are one row of an ordinary table, learned by :class:`DiffusionSynthesizer`; the rows are
    learned given that, in windows, numbers and categories jointly. Where moments are whole steps
    apart dates are built and calendars known; otherwise the gaps between rows are learned as well.

    Parameters
    ----------
    sequence_key : column label, optional
        Tells entities apart. None: the frame is one series.
    sequence_index : column label, optional
        Dates or numbers that tell when. None: rows are in order, and nothing is known of time.
    context_columns : "auto" or sequence of column labels
        Columns with one value per entity; "auto" finds them.
    known_columns : sequence of column labels
        Columns that forecasts know ahead, such as prices or holidays.
    window : int, optional
        The most rows that the network sees together; longer sequences are drawn window after
        window, each beginning with what was drawn before. By default whole sequences up to 64 rows,
        four days of hours, eight weeks of days, three years of months.
    column_kinds : dict, optional
        Kinds that override the inferred ones, by column of the rows or the context.
    prior, max_steps, max_time, batch_size, learning_rate, width, depth, validation_fraction
        As for :class:`DiffusionSynthesizer`; rows are counted in windows, and ``width`` is a
        multiple of 8. Half of ``max_time`` at most goes to the table of entities.
    sampling_steps : int, optional
        Network evaluations per window; 32 to 64 by default, the more the more categories.
    privacy : Privacy, optional
        Fits under differential privacy of entities: all rows with one ``sequence_key`` together.
        What an entity and a row may be, ``longest`` and the bounds of the index are declared;
        ``context_columns`` are named. ``column_kinds``, ``validation_fraction`` and
        ``checkpoint_dir`` cannot be set beside it. Of an entity with a single row only its table is
        learned, and steps of months are gaps of days.
    device, random_state, verbose, checkpoint_dir, resume
        As for :class:`DiffusionSynthesizer`.

    Attributes
    ----------
    schema_ : Schema
        Of the long frame.
    encoder_ : SequenceEncoder
    denoiser_ : torch.nn.Module
    entities_ : DiffusionSynthesizer
        Of the table of entities; where there is but one, all in it is constant.
    history_ : DataFrame
        As for :class:`DiffusionSynthesizer`, of the network of the rows.
    n_features_in_, n_rows_seen_, n_entities_seen_ : int
    best_step_, fit_seconds_, stopped_, privacy_spent_
        As for :class:`DiffusionSynthesizer`.

    Examples
    --------
    ``TimeSeriesDiffusionSynthesizer(sequence_key="store", sequence_index="date").fit(sales)``
    """

    KIND = "TimeSeriesDiffusionSynthesizer"
    TRAININGS = ("entities", "sequences")

    def __init__(
        self,
        *,
        sequence_key: Hashable | None = None,
        sequence_index: Hashable | None = None,
        context_columns: str | Sequence[Hashable] = "auto",
        known_columns: Sequence[Hashable] = (),
        window: int | None = None,
        column_kinds: dict[Any, str] | None = None,
        prior: Prior = "absorbing",
        max_steps: int | None = None,
        max_time: float | None = None,
        batch_size: int | None = None,
        learning_rate: float = 2e-3,
        width: int | None = None,
        depth: int | None = None,
        validation_fraction: float | None = None,
        sampling_steps: int | None = None,
        privacy: Privacy | None = None,
        device: str = "auto",
        random_state: Seed = None,
        verbose: int = 1,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        resume: bool = False,
    ) -> None:
        self.sequence_key = sequence_key
        self.sequence_index = sequence_index
        self.context_columns = context_columns
        self.known_columns = known_columns
        self.window = window
        self.column_kinds = column_kinds
        self.prior = prior
        self.max_steps = max_steps
        self.max_time = max_time
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.width = width
        self.depth = depth
        self.validation_fraction = validation_fraction
        self.sampling_steps = sampling_steps
        self.privacy = privacy
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.checkpoint_dir = checkpoint_dir
        self.resume = resume

    @unswayed()
    def fit(self, X: Any, y: object = None, *, report: Listener | None = None) -> Self:
        """Learn the sequences of a long frame.

        Parameters
        ----------
        X : pandas or polars DataFrame
            A row per entity and moment, in any order; never changed.
        y : ignored
        report : callable, optional
            As of :meth:`DiffusionSynthesizer.fit`; of the network of sequences, in private mode
            of that of entities before it.

        Returns
        -------
        self

        Raises
        ------
        SchemaError
            If a named column is not there or has two roles, keys or moments are missing, an entity
            has two rows at one moment, or columns cannot be modelled.
        ValueError
            If a parameter is out of its range.
        TrainingDivergedError
            If the loss ceased to be finite before any usable weights.
        FileExistsError, PersistenceError, OSError
            Of ``checkpoint_dir``, as :meth:`DiffusionSynthesizer.fit` does.
        """
        self._check_parameters()
        if self.privacy is not None:
            self._learn_privately(X, self.privacy, report)
            return self
        return self.fit_together(X, Team(), report=report)

    def _learn_privately(self, X: Any, privacy: Privacy, report: Listener | None) -> None:
        """:meth:`fit` under differential privacy."""
        entropy, device = entropy_of(self.random_state), resolve_device(self.device)
        assert self.sequence_key is not None and not isinstance(self.context_columns, str)
        panel = PrivatePanel.read(
            to_pandas(X),
            privacy,
            self.sequence_key,
            self.sequence_index,
            self.context_columns,
            self.known_columns,
        )
        of_table = self._of_entities()
        with ProgressBar(self._recipe(0, 0, 1), self.verbose, report) as bar:
            fitted = fit_sequences_privately(
                X,
                panel,
                entities=lambda n: (of_table._recipe(n), of_table._size(n)),
                sequences=lambda n, m, window: (self._recipe(n, m, window), self._size(n)),
                window_of=self._window_of,
                prior=self.prior,
                entropy=entropy,
                device=device,
                report=bar,
            )
        self._adopt(fitted)
        if fitted.stopped == "interrupted":
            raise KeyboardInterrupt

    def _learn(
        self,
        X: Any,
        keepers: Sequence[Keeper],
        entropy: int,
        team: Team,
        report: Listener | None = None,
    ) -> None:
        of_entities, keeper = keepers
        device, began = resolve_device(self.device), time.monotonic()
        noise, rng = generators(entropy, 0, device=device)
        long = LongFrame.learn(
            to_pandas(X),
            self.sequence_key,
            self.sequence_index,
            self.context_columns,
            self.known_columns,
        )
        table = long.table()
        window = self._window_of(long.timeline, int(table[LENGTH].max()))
        encoder = fit_encoder(X, long, self.column_kinds or {}, window, rng)
        rows = encoder.rows.encode(long.rows, rng)
        encoder, traits = with_traits(encoder, rows, long)
        table = pd.concat([table, traits], axis=1)
        entities = self._fit_entities(encoder, table, entropy, of_entities, team)
        slots = encoder.lay(long.panel)
        context = encode_context(encoder, long.entities, rng)
        parts, _ = encoder.assemble(
            slots, context, rows, Known.nothing(rows), traits=traits.to_numpy()
        )
        held = self._hold_out(slots.offsets, window, rng)
        kept, judges = learn_and_judge(parts, slots.offsets, window, held)
        recipe = self._recipe(len(long.rows), len(kept), window)
        size = self._size(len(long.rows))
        denoiser = make_denoiser(encoder, size, entropy, SEQUENCES)
        denoiser.set_proportions(encoder.rows.proportions)
        joint = make_joint(encoder.layout, self.prior, SEQUENCES)
        with ProgressBar(recipe, self.verbose, report) as bar:
            trained = train(
                denoiser.to(device),
                joint,
                kept.to(device),
                judges.to(device),
                recipe,
                noise,
                masks=SpanMasks(encoder.place, encoder.columns, encoder.ahead),
                report=bar,
                autocast=autocast_for(device),
                keeper=keeper,
                team=team,
            )
        seconds = time.monotonic() - began + of_entities.seconds + keeper.seconds
        learned = Learned.of(
            trained, joint, SEQUENCES, size, device, entropy, len(long.rows), seconds
        )
        self._adopt(FittedSequences(encoder=encoder, entities=entities, **vars(learned)))
        if trained.stopped == "interrupted":
            raise KeyboardInterrupt

    @unswayed()
    def sample(
        self,
        n_sequences: int | None = None,
        *,
        length: int | None = None,
        context: Any = None,
        conditions: Any = None,
        random_state: Seed = None,
    ) -> Any:
        """New entities with their rows, in the columns, order and dtypes of the fitted frame.

        Parameters
        ----------
        n_sequences : int, optional
            1 when None, or as many as ``context`` has rows.
        length : int, optional
            Rows of every sequence; drawn like the entities' other properties when None.
        context : mapping or DataFrame, optional
            What the entities must be, as the ``conditions`` of
            :meth:`DiffusionSynthesizer.sample`, on the context columns.
        conditions : mapping, optional
            What every row must be: columns of the rows to a value.
        random_state : int, numpy Generator, RandomState or None
            Given, the same sequences come again, and fewer are the head of more.

        Returns
        -------
        DataFrame

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        ValueError, TypeError
            If a count is out of range, or several sequences are asked of a frame without key.
        ConditionError
            If context or conditions name what the frame does not have, or nothing can meet them.
        MemoryError
            If the rows would not fit into memory.
        """
        check_is_fitted(self)
        path = self._next_path(random_state)
        wanted = self._wanted(n_sequences, length, context, conditions)
        told = f"n_sequences={wanted.n:,}"
        told += "" if wanted.length is None else f", length={wanted.length:,}"
        self._require_memory(told, wanted.n * (wanted.length or 1), _FEWER_SEQUENCES)
        entities = list(self._entities(wanted, path))
        n_rows = sum(int(table[LENGTH].sum()) for table in entities)
        self._require_memory(f"sequences of {n_rows:,} rows", n_rows, _FEWER_SEQUENCES)
        return self._given_back(concat(list(self._drawn(wanted, entities, path))))

    def sample_iter(
        self,
        n_sequences: int,
        chunk: int = 100_000,
        *,
        length: int | None = None,
        context: Any = None,
        conditions: Any = None,
        random_state: Seed = None,
    ) -> Iterator[Any]:
        """:meth:`sample` in frames of whole sequences, at constant memory.

        The frames laid end to end are ``sample(n_sequences, …)``; the index of each counts from 0.
        Each has ``chunk`` rows or up to some ten thousand more, but for the last. At least one is
        made, so that an empty sample has columns as well.

        Raises
        ------
        NotFittedError, ValueError, TypeError, ConditionError
            As :meth:`sample` does; ``chunk`` must be at least 1.
        """
        check_is_fitted(self)
        size = require_whole("chunk", chunk, least=1)
        wanted = self._wanted(n_sequences, length, context, conditions)
        return self._pieces(wanted, size, self._next_path(random_state))

    @unswayed()
    def forecast(
        self,
        history: Any,
        horizon: int,
        *,
        n_samples: int = 100,
        known_future: Any = None,
        quantiles: Sequence[float] | None = None,
        random_state: Seed = None,
    ) -> Any:
        """How each entity of ``history`` may go on; no cell that is drawn is a missing one.

        Parameters
        ----------
        history : DataFrame
            The fitted columns; entities need not be those of the fit. The last rows are looked at,
            three quarters of a window or more.
        horizon : int
            Rows to come.
        n_samples : int
            Futures drawn for each entity.
        known_future : DataFrame, optional
            ``horizon`` rows for each entity with the key, if there is one, and the columns known
            ahead, in order of time.
        quantiles : sequence of float in (0, 1), optional
            Told in place of the futures themselves.
        random_state : int, numpy Generator, RandomState or None

        Returns
        -------
        DataFrame
            Without ``quantiles`` the fitted columns behind a column "draw" that counts from 0,
            ``n_samples * horizon`` rows for each entity. With them one row per entity and moment:
            for a number q of a column x a column ``x_q``, for categories the most frequent one.
            New labels that are taken get underscores.

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        SchemaError, ConditionError
            If ``history`` or ``known_future`` do not follow the fitted frame.
        ValueError, TypeError
            If a count or a quantile is out of range.
        MemoryError
            If the rows would not fit into memory.
        """
        check_is_fitted(self)
        horizon = require_whole("horizon", horizon, least=1)
        n_samples = require_whole("n_samples", n_samples, least=1)
        wanted = None if quantiles is None else _checked_quantiles(quantiles)
        encoder = self.encoder_
        long = LongFrame.read(to_pandas(history), encoder)
        future = None if known_future is None else to_pandas(known_future)
        self._require_memory(
            f"horizon={horizon:,} with n_samples={n_samples:,}",
            len(long.entities) * horizon * n_samples,
            "Ask for fewer samples or entities at a time, each with its own random_state.",
        )
        one = look_ahead(encoder, long, horizon, future)
        ahead = one.repeated(n_samples)
        sampler = self._sampler(encoder.window - encoder.ahead_at_once).without_missing()
        rows = sampler.rows(ahead.asked, self._next_path(random_state))
        whole = to_long(encoder, ahead.asked, rows, ahead.moments(encoder, rows))
        futures = take(whole, ahead.late)
        if wanted is not None:
            return self._given_back(by_quantiles(encoder, futures, n_samples, wanted))
        n = len(futures) // n_samples
        entity = np.arange(len(futures)) % n // horizon
        label = free_label("draw", [column.name for column in self.schema_.columns])
        # Where columns have several levels, pandas wants a word for each.
        more = ("",) * (futures.columns.nlevels - 1)
        futures.insert(0, (label, *more) if more else label, np.repeat(np.arange(n_samples), n))
        order = np.argsort(entity, kind="stable")
        return self._given_back(take(futures, order))

    @unswayed()
    def impute(self, df: Any, n_draws: int | None = None, *, random_state: Seed = None) -> Any:
        """``df`` with its missing cells drawn from the model, given all cells of the sequence.

        Parameters
        ----------
        df : DataFrame
            The fitted columns; entities need not be those of the fit.
        n_draws : int, optional
            One completed frame when None, else a list of so many.
        random_state : int, numpy Generator, RandomState or None

        Returns
        -------
        DataFrame, or a list of them
            In the container of ``df``: rows, index and observed cells as they were. Keys, moments
            and context columns are not filled.

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        SchemaError, ConditionError
            If ``df`` does not follow the fitted frame.
        ValueError, TypeError
            If ``n_draws`` is below 1 or no whole number.
        MemoryError
            If so many frames would not fit into memory.
        """
        check_is_fitted(self)
        n = 1 if n_draws is None else require_whole("n_draws", n_draws, least=1)
        encoder, frame = self.encoder_, to_pandas(df)
        long = LongFrame.read(frame, encoder)
        self._require_memory(f"n_draws={n:,}", n * len(long.rows), FEWER_DRAWS)
        given = Question.of_gaps(encoder.rows, long.rows, np.arange(len(long.rows))).given
        asked = Unfinished(long.entities, encoder.lay(long.panel), given)
        back = np.argsort(long.panel.order)
        kinds = {f.column.name: f.column for f in encoder.rows.fields}
        fillable = {
            at: kinds[label]
            for at, label in enumerate(frame.columns)
            if label in kinds and kinds[label].kind not in UNFILLED
        }
        path, sampler = self._next_path(random_state), self._sampler().without_missing()
        tables = []
        for draw in range(n):
            rows = sampler.rows(asked, (*path, draw)).iloc[back]
            filled = fill_gaps(frame, fillable, np.arange(len(frame)), by_label(rows))
            tables.append(in_container_of(df, filled))
        return tables[0] if n_draws is None else tables

    @unswayed()
    def score_samples(
        self, df: Any, *, explain: bool = False, n_draws: int = 1, random_state: Seed = 0
    ) -> Any:
        """A lower bound on the log-likelihood of each row within its sequence, in nats.

        In the units of :meth:`DiffusionSynthesizer.score_samples`, of the columns of the rows: what
        an entity is, how long it is and when it begins is given. The rows of a window are scored
        together, given the half window before it, so their sum over a sequence is a lower bound on
        the log-likelihood of that sequence, and a row costs about the mean of what it costs given
        some of the rows before and after it. Where moments are irregular the gap to the row before
        is scored under the label of the ``sequence_index``; a first row has none, which says
        nothing. A row's score depends on the rows of its own entity alone. Rows at one place of
        their windows follow the same path to noise; between places one path is off by some .3 nats.

        Parameters
        ----------
        df : DataFrame
            The fitted columns in any order of rows; entities need not be those of the fit.
        explain : bool
            Give the nats of every column, of which a row's score is the sum, instead of the sum.
        n_draws : int
            Paths to average; the scores' noise falls with their root.
        random_state : int, numpy Generator, RandomState or None
            Chooses the paths.

        Returns
        -------
        array, (n,), or DataFrame, (n, columns)
            In the order of the rows of ``df``.

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        SchemaError
            If ``df`` does not follow the fitted frame.
        ValueError, TypeError
            If ``n_draws`` is below 1 or no whole number.

        Source: :mod:`tabdiff.analytics.turns` and :mod:`tabdiff.inference.likelihood`.
        """
        from tabdiff.analytics.turns import log_likelihoods

        check_is_fitted(self)
        draws, steps = require_whole("n_draws", n_draws, least=1), self._steps()
        nats = log_likelihoods(self._fitted, df, steps, draws, entropy_of(random_state))
        return nats if explain else nats.sum(axis=1).to_numpy()

    @unswayed()
    def anomalies(
        self, df: Any, contamination: float = 0.05, *, n_draws: int = 1, random_state: Seed = 0
    ) -> pd.DataFrame:
        """How odd each row is within its sequence, and which cell makes it so.

        Each row is asked given the rows around it in a window, every fourth one at a time, so that
        neighbours of an odd row are not odd for it; a run of odd rows speaks for itself, and only
        its ends stand out. Units are those of :meth:`DiffusionSynthesizer.anomalies`.

        Parameters
        ----------
        df : DataFrame
            The fitted columns in any order of rows; entities need not be those of the fit.
        contamination : float, in (0, 0.5]
            Share of the rows to flag.
        n_draws, random_state
            As in :meth:`score_samples`.

        Returns
        -------
        DataFrame, by row of ``df``
            As of :meth:`DiffusionSynthesizer.anomalies`.

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        SchemaError
            If ``df`` does not follow the fitted frame.
        ValueError, TypeError
            If ``contamination`` or ``n_draws`` is out of range.
        """
        from tabdiff.analytics.scores import flagged
        from tabdiff.analytics.turns import oddities

        check_is_fitted(self)
        require_real("contamination", contamination, 0.0, 0.5, "(]")
        draws, steps = require_whole("n_draws", n_draws, least=1), self._steps()
        oddity = oddities(self._fitted, df, steps, draws, entropy_of(random_state))
        return flagged(oddity, contamination)

    def _check_parameters(self) -> None:
        self._check_training()
        if self.width is not None and self.width % WIDTH_UNIT:
            raise ValueError(f"width must be a multiple of {WIDTH_UNIT}. Got {self.width!r}.")
        if self.window is not None:
            require_whole("window", self.window, least=2, most=MOST_IN_WINDOW)
        self._check_privacy()
        for name in ("context_columns", "known_columns"):
            given = getattr(self, name)
            if (name, given) == ("context_columns", "auto"):
                continue
            if isinstance(given, str) or not isinstance(given, Sequence):
                raise TypeError(f"{name} must be a list of columns. Got {given!r}.")

    def _check_privacy(self) -> None:
        """Refuse what would look at rows beside a private fit, or what it lacks."""
        looks = {
            "column_kinds": "kinds follow from Privacy's bounds and categories",
            "validation_fraction": "held-out rows would decide when to stop",
            "checkpoint_dir": "a checkpoint would keep the noise",
        }
        privacy = self._privacy_beside(looks)
        if privacy is None:
            return
        if self.sequence_key is None:
            raise ValueError(
                "private mode protects entities, which sequence_key tells apart: without one all "
                "rows are of one."
            )
        if not privacy.by_row and privacy.unit != self.sequence_key:
            raise ValueError(
                f"the unit of sequences is their sequence_key {self.sequence_key!r}. Got "
                f"unit={privacy.unit!r}. Leave it out."
            )
        if isinstance(self.context_columns, str):
            raise ValueError(
                "context_columns='auto' would look at rows. Name in private mode the columns with "
                "one value for each entity, or []."
            )
        if privacy.target is not None:
            raise ValueError("target= is of tables. Leave it out.")

    def _adopt(self, fitted: FittedSequences) -> None:
        """Take over what a fit or a file gave, all of it at once."""
        self._fitted = fitted
        self.encoder_, self.denoiser_ = fitted.encoder, fitted.denoiser
        self.schema_, self.history_ = fitted.encoder.schema, fitted.history
        self.best_step_, self.stopped_ = fitted.best_step, fitted.stopped
        self.n_rows_seen_, self.fit_seconds_ = fitted.n_rows_seen, fitted.seconds
        self.privacy_spent_ = fitted.privacy
        self.n_features_in_ = len(fitted.encoder.schema.columns)
        self.n_entities_seen_ = 1 if self._is_single else fitted.entities.n_rows_seen
        self.entities_ = DiffusionSynthesizer(prior=self.prior, device=self.device)
        self.entities_._adopt(fitted.entities)
        self._turns = iter(range(1, 2**63))

    def _fit_entities(
        self,
        encoder: SequenceEncoder,
        table: pd.DataFrame,
        entropy: int,
        keeper: Keeper,
        team: Team,
    ) -> Fitted:
        """Learn the table of entities; of a single one all is constant."""
        schema = entity_schema(encoder, table)
        if len(table) == 1:
            table = table.loc[[0, 0]]
        synth = self._of_entities().set_params(schema=schema)
        synth._learn(table, [keeper], entropy % 2**32, team)
        return synth._fitted

    def _of_entities(self) -> DiffusionSynthesizer:
        """What learns the table of entities."""
        return DiffusionSynthesizer(
            prior=self.prior,
            max_steps=self.max_steps,
            max_time=None if self.max_time is None else self.max_time / 2,
            device=self.device,
            verbose=self.verbose,
        )

    def _recipe(self, n_rows: int, n_windows: int, window: int) -> Recipe:
        return make_sequence_recipe(
            n_rows,
            n_windows,
            window,
            max_steps=self.max_steps,
            max_time=self.max_time,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
        )

    def _size(self, n_rows: int) -> Size:
        default = default_sequence_size(n_rows)
        return Size(self.width or default.width, self.depth or default.depth)

    def _window_of(self, timeline: Timeline, longest: int) -> int:
        """The most rows that the network sees together."""
        finest = (*timeline.calendar, "")[0]
        return min(self.window or default_window(longest, finest), longest)

    def _hold_out(self, offsets: Array, window: int, rng: np.random.Generator) -> Array:
        """The slots that judge."""
        n, share = len(offsets) - 1, self.validation_fraction
        count = default_held_out(n) if share is None else round(share * n)
        return hold_out(offsets, window, count, TIME_HELD_OUT if share is None else share, rng)

    def _pieces(self, wanted: _Wanted, size: int, path: tuple[int, ...]) -> Iterator[Any]:
        pending: list[pd.DataFrame] = []
        for frame in self._drawn(wanted, self._entities(wanted, path), path):
            pending.append(frame)
            if sum(map(len, pending)) >= size:
                yield self._given_back(concat(pending))
                pending = []
        if pending:
            yield self._given_back(concat(pending))

    def _wanted(
        self, n_sequences: int | None, length: int | None, context: Any, conditions: Any
    ) -> _Wanted:
        """What a sample is asked for, checked."""
        if length is not None:
            length = require_whole("length", length, least=1)
        n, of_entities = self._wanted_entities(n_sequences, length, context)
        given = _given_in_every_row(self.encoder_, conditions)
        return _Wanted(n, length, of_entities, given)

    def _entities(self, wanted: _Wanted, path: tuple[int, ...]) -> Iterator[pd.DataFrame]:
        """The entities with their lengths, in tables of a chunk of the sampler each."""
        chunk = self._sampler().chunk
        # Whole chunks, of which the sample is the head.
        by_row = isinstance(wanted.of_entities, pd.DataFrame) or self._is_single
        drawn = wanted.n if by_row else _rounded_up(wanted.n, chunk)
        tables = self.entities_.sample_iter(
            drawn, chunk, conditions=wanted.of_entities, random_state=_seed(path)
        )
        for table in tables:
            yield table if wanted.length is None else table.assign(**{LENGTH: wanted.length})

    def _drawn(
        self, wanted: _Wanted, entities: Iterable[pd.DataFrame], path: tuple[int, ...]
    ) -> Iterator[pd.DataFrame]:
        """Long frames of the entities, table by table, up to the last one wanted."""
        encoder, left = self.encoder_, wanted.n

        def asked_of(table: pd.DataFrame) -> Unfinished:
            if (table[LENGTH] > 1).any():
                encoder.timeline.require_step()
            slots = encoder.blank(first_moments(encoder, table), table[LENGTH].to_numpy())
            given = wanted.given.take(np.zeros(len(slots.row), dtype=np.int64))
            traits = table[encoder.traits.labels].to_numpy(dtype=float)
            return Unfinished(table, slots, given, traits=traits)

        for asked, rows in self._sampler().chunks(map(asked_of, entities), (*path, 1)):
            frame = to_long(encoder, asked, rows, moments(encoder, asked, rows))
            yield frame.iloc[: asked.first_row[min(left, len(asked))]]
            left -= len(asked)

    def _wanted_entities(
        self, n_sequences: int | None, length: int | None, context: Any
    ) -> tuple[int, Any]:
        """How many, and the conditions on their table."""
        by_row = context is not None and not isinstance(context, Mapping)
        wanted: Any = to_pandas(context) if by_row else dict(context or {})
        n = len(wanted) if by_row else 1
        if n_sequences is not None:
            n = require_whole("n_sequences", n_sequences, least=0)
        if by_row and n != len(wanted):
            raise ValueError(f"n_sequences={n}, but context has {len(wanted)} rows. Leave it out.")
        if n > 1 and self._is_single:
            raise ValueError(
                f"n_sequences={n}, but one series was fitted, and a second one would have the same "
                "moments. Ask for length=, or for another draw by random_state=."
            )
        roles = self.encoder_.roles
        self._require_own_keys(n, wanted)
        unknown = [label for label in wanted if label not in (roles.key, *roles.context)]
        if unknown:
            known = ", ".join(map(repr, roles.context)) or "none"
            raise UnknownColumnError(
                f"context: {unknown[0]!r} is no context column. Those are {known}."
                f"{closest(unknown[0], roles.context)}"
            )
        # Where all sequences had one length, it tells nothing of the other columns.
        if length is not None and self.entities_.schema_[LENGTH].kind != "constant":
            wanted = wanted.assign(**{LENGTH: length}) if by_row else wanted | {LENGTH: length}
        return n, wanted

    def _require_own_keys(self, n: int, wanted: Any) -> None:
        """Refuse one key for several sequences.

        Raises
        ------
        ConditionError
            Naming the key.
        """
        key = self.encoder_.roles.key
        if key is None or key not in wanted:
            return
        twice = [wanted[key]] if n > 1 else []
        if isinstance(wanted, pd.DataFrame):
            own = by_label(wanted)[key]
            twice = own[own.duplicated()].tolist()
        if twice:
            raise ConditionError(
                f"context: {key!r} {twice[0]!r} is asked of several sequences. Give each its own."
            )

    @property
    def _is_single(self) -> bool:
        """Whether one series was fitted."""
        key = self.encoder_.roles.key
        return key is None or self.schema_[key].kind == "constant"

    def _take_roles(self) -> None:
        """The parameters that the encoder tells, after a file was read."""
        roles = self.encoder_.roles
        self.sequence_key, self.sequence_index = roles.key, roles.index
        self.context_columns, self.known_columns = list(roles.context), list(roles.ahead)
        self.window = self.encoder_.window if self.encoder_.window > 1 else None

    def _sampler(self, overlap: int | None = None) -> SequenceSampler:
        """Half of a window is new, where nothing else is said."""
        fitted, half = self._fitted, self.encoder_.window // 2
        return SequenceSampler(
            fitted.encoder,
            fitted.denoiser,
            fitted.joint,
            self._steps(),
            half if overlap is None else overlap,
            fitted.device,
        )

    def _steps(self) -> int:
        """Network calls between noise and data."""
        return self.sampling_steps or default_sequence_steps(self.encoder_.rows.layout)

    def _given_back(self, frame: pd.DataFrame) -> Any:
        kinds = {str(c.name): c.polars for c in self.schema_.columns if c.polars}
        return from_pandas(frame, self.schema_.container, kinds)

    def _portable_parameters(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _KEPT}

    def _restore(
        self, content: dict[str, Any], arrays: dict[str, Array], device: torch.device
    ) -> None:
        self._adopt(FittedSequences.from_state(content, arrays, self.prior, device))
        self._take_roles()


def _checked_quantiles(quantiles: Any) -> list[float]:
    """The quantiles that are asked for.

    Raises
    ------
    TypeError, ValueError
        If they are no numbers between 0 and 1.
    """
    if isinstance(quantiles, str | numbers.Real) or not len(quantiles):
        raise TypeError(f"quantiles must be a list of numbers. Got {quantiles!r}.")
    for q in quantiles:
        require_real("quantiles", q, 0.0, 1.0, "()")
    return [float(q) for q in quantiles]


def _given_in_every_row(encoder: SequenceEncoder, conditions: Any) -> Given:
    """The given cells of one row.

    Raises
    ------
    TypeError, ConditionError
        If conditions are no mapping of columns to values.
    """
    if conditions is None:
        return Given.nothing(1, len(encoder.rows.fields))
    if not isinstance(conditions, Mapping):
        raise TypeError(f"conditions must map columns to values. Got {type(conditions).__name__}.")
    roles = encoder.roles
    if elsewhere := [c for c in (roles.key, roles.index, *roles.context) if c in conditions]:
        raise ConditionError(
            f"conditions={{{elsewhere[0]!r}: …}}: conditions are on what differs from row to row. "
            "Ask for keys and context columns by context=; moments follow from the first one."
        )
    question = Question.of_mapping(encoder.rows, conditions)
    if question.restrictions:
        raise ConditionError("conditions on sequences give a value a column, no range and no set.")
    return question.given


def _rounded_up(n: int, multiple: int) -> int:
    return math.ceil(n / multiple) * multiple


def _seed(path: tuple[int, ...]) -> int:
    """One number for a path, for a sampler that takes seeds."""
    return int(np.random.SeedSequence(path).generate_state(1, np.uint32)[0])
