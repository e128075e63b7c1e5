"""MOSTLY AI's TabularARGN with its differential privacy (DP-SGD).

It takes no bounds and no categories: what it knows of values, its value protection finds out for a
tenth of epsilon, which is the share of its defaults. Its noise is left to its users: here the least
that lets ``EPOCHS`` epochs pass within the rest, by the accountant that it uses itself.
"""

from __future__ import annotations

from mostlyai.engine import TabularARGN
from mostlyai.engine.domain import DifferentialPrivacyConfig
from opacus.accountants.utils import get_noise_multiplier

from benchmarks.rivals.contract import Fitted
from benchmarks.rivals.private.contract import PrivateTask

EPOCHS = 20
BATCH = 1_024
VALUES = 0.1
# Of the rows, what it holds out to stop by.
TRAINED_ON = 0.9


def fit(task: PrivateTask) -> Fitted:
    values = VALUES * task.epsilon
    noise = get_noise_multiplier(
        target_epsilon=task.epsilon - values,
        target_delta=task.delta,
        sample_rate=1 / int(TRAINED_ON * len(task.train) / BATCH),
        epochs=EPOCHS + 1,
        accountant="rdp",
    )
    numbers = dict.fromkeys(task.public.bounds, "TABULAR_NUMERIC_AUTO")
    categories = dict.fromkeys(task.public.categories, "TABULAR_CATEGORICAL")
    argn = TabularARGN(
        max_epochs=EPOCHS,
        batch_size=BATCH,
        tgt_encoding_types={name: (numbers | categories)[name] for name in task.train},
        differential_privacy=DifferentialPrivacyConfig(
            max_epsilon=task.epsilon,
            delta=task.delta,
            noise_multiplier=noise,
            value_protection_epsilon=values,
        ),
        random_state=task.seed,
    )
    argn.fit(task.train)
    columns = list(task.train)
    return Fitted(lambda n_rows: argn.sample(n_samples=n_rows)[columns], {"sigma": noise})
