"""Share a register with a promise: declare what is public, fit, audit, share the file.

The register is generated. A model that was left to overfit and a private one answer the same
attack, which knows the model and asks of each row whether it was learned from.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from tabdiff import DiffusionSynthesizer, Privacy, evaluate, membership_attack

REGIONS = ["north", "east", "south", "west"]


def main() -> None:
    """Declare, fit, audit, share."""
    options = _options()
    register = _register(2 * options.rows, np.random.default_rng(0))
    train, unseen = register[: options.rows], register[options.rows :].reset_index(drop=True)

    print("\n1. Declare: what anybody may know without the register")
    privacy = Privacy(
        epsilon=options.epsilon,
        delta=1e-5,
        bounds={"age": (0, 120), "income": (0.0, 500_000.0), "visits": (0, 50)},
        resolution={"income": 100.0},
        categories={"region": REGIONS},
        missing=["income"],
        n_rows=options.rows,
        target="ill",
        marginal_share=options.marginal_share,
    )

    print("\n2. Fit: noisy counts, then a network that learns from what they allow\n")
    settings = {"max_steps": options.max_steps, "random_state": 0}
    private = DiffusionSynthesizer(privacy=privacy, **settings).fit(train)
    greedy = DiffusionSynthesizer(validation_fraction=0.0, candidates=1, **settings).fit(train)
    print(f"   {private.privacy_spent_}")

    print("\n3. Audit: can rows be told that were learned from? AUC .5 is guessing\n")
    for name, synth in (("overfitted", greedy), ("private", private)):
        attack = membership_attack(synth, train, unseen, random_state=0)
        low, high = attack.interval
        print(f"   {name:12} AUC {attack.auc:.3f} (95 %: {low:.3f} to {high:.3f})")

    print("\n4. Look: relations that counts of many rows can tell\n")
    fake = private.sample(len(train), random_state=1)
    for name, table in (("real", train), ("private", fake)):
        old = table["ill"][table["age"] >= 60].mean()
        young = table["ill"][table["age"] < 40].mean()
        print(f"   {name:12} ill: {old:.2f} from 60 on, {young:.2f} below 40")

    print("\n5. Share the file; keep the report with the real rows\n")
    options.output.mkdir(parents=True, exist_ok=True)
    private.save(options.output / "register.tabdiff")
    include = ["detection"]
    report = evaluate(
        train, fake, holdout=unseen, include=include, privacy_spent=private.privacy_spent_
    )
    print(f"   {report.notes[0]}")


def _register(n: int, rng: np.random.Generator) -> pd.DataFrame:
    age = rng.normal(50, 18, n).clip(0, 100).round().astype(int)
    region = rng.choice(REGIONS, n, p=[0.4, 0.3, 0.2, 0.1])
    income = np.exp(rng.normal(10.3 + 0.2 * (region == "north"), 0.5, n)).round(-2)
    ill = rng.random(n) < 0.05 + 0.4 / (1 + np.exp((60 - age) / 6))
    visits = rng.poisson(1 + 4 * ill).clip(0, 50)
    income[rng.random(n) < 0.1] = np.nan
    return pd.DataFrame(
        {"age": age, "region": region, "income": income, "visits": visits, "ill": ill}
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_000, help="rows to learn from")
    parser.add_argument("--epsilon", type=float, default=2.0)
    parser.add_argument("--marginal-share", type=float, default=1.0, help="below 1: needs Opacus")
    parser.add_argument("--max-steps", type=int, default=1_500, help="of training")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output")
    return parser.parse_args()


if __name__ == "__main__":
    main()
