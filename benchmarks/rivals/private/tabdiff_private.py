"""The library's private mode: most of the budget for noisy marginals, some for training on rows."""

from __future__ import annotations

from benchmarks.rivals.contract import Fitted
from benchmarks.rivals.private.contract import PrivateTask
from tabdiff import DiffusionSynthesizer
from tabdiff.data.privacy import Privacy

# Of pre-training on coarse rows. The default would take twice as long, and a network that has
# learned the coarse model by heart knows no more than it.
STEPS = 3_000
MOST = 0.7


def fit(task: PrivateTask, marginal_share: float = MOST) -> Fitted:
    public = task.public
    synth = DiffusionSynthesizer(
        privacy=Privacy(
            epsilon=task.epsilon,
            delta=task.delta,
            bounds=public.bounds,
            categories=public.categories,
            missing=public.missing,
            n_rows=public.n_rows,
            target=public.target,
            marginal_share=marginal_share,
        ),
        max_steps=STEPS,
        random_state=task.seed,
        verbose=0,
    )
    synth.fit(task.train)
    spent = synth.privacy_spent_
    facts = {
        "epsilon_spent": spent.epsilon,
        "sigma": spent.sigma,
        "private_steps": spent.steps,
        "best_step": synth.best_step_,
        "stopped": synth.stopped_,
    }
    return Fitted(synth.sample, facts)
