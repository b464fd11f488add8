"""Holdout rows that have a twin among the training rows."""

import numpy as np
import pandas as pd

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit
from ml_baseline.audit.nearest import GROUP
from ml_baseline.audit.registry import check
from ml_baseline.data.schema import feature_columns
from ml_baseline.text import percent

LIMIT = Limit(0.01, 0.10, "twins of many different columns are no coincidence")


@check(exact_duplicates=LIMIT)
def exact_duplicates(context: Context) -> list[Finding]:
    """Share of holdout rows whose twin is a training row, beyond coincidence.

    Where few values make few different rows, twins are coincidence. They count as far as they
    agree on the target more often than chance has it.
    """
    train, holdout, target = context.train, context.holdout, context.schema["target"]
    features = feature_columns(context.schema)
    if context.schema.get("coarse"):
        summary = "In a table of so few different rows, twins are no sign of copies."
        return [Finding("rows", 0.0, LIMIT.nearest, summary)]
    both = context.both[features]
    rows = pd.factorize(pd.util.hash_pandas_object(both, index=False))[0]
    ours, theirs = rows[: len(train)], rows[len(train) :]
    counts = np.bincount(ours, minlength=rows.max() + 1)
    ones = np.bincount(ours, weights=train[target], minlength=rows.max() + 1)
    twins = counts[theirs] > 0
    share = 0.0
    if twins.any():
        wanted = holdout[target].to_numpy()[twins]
        likeness = ones[theirs[twins]] / counts[theirs[twins]]
        agreeing = np.where(wanted == 1, likeness, 1 - likeness).mean()
        base = holdout[target].to_numpy().mean()
        chance = base**2 + (1 - base) ** 2
        surprising = np.exp(-_surprise(both)[len(train) :][twins]) * len(train) < 0.01
        natural = 1 - surprising.mean()
        excess = max((agreeing - chance) / (1 - chance), 0.0)
        share = float(twins.mean() * (surprising.mean() + natural * excess))
    if LIMIT.passed(share):
        found = f"{twins.sum():,} of {len(holdout):,}"
        summary = f"{found} holdout rows have a twin among the training rows."
        return [Finding("rows", share, LIMIT.nearest, summary)]
    summary = (
        f"{percent(twins.mean(), 1)} of the holdout rows have the same features as a training row, a share of "
        f"{share:.3f} beyond coincidence"
    )
    why = "A model that only remembers gets them right. Remove the duplicates from the table."
    why += "" if context.strategy == "group" else f" {GROUP}"
    return [LIMIT.found("rows", share, summary, why)]


def _surprise(features: pd.DataFrame) -> np.ndarray:
    """Return minus the log of each row's chance if the columns were independent, in nats."""
    surprise = np.zeros(len(features))
    for name in features:
        codes = pd.factorize(features[name], use_na_sentinel=False)[0]
        surprise -= np.log(np.bincount(codes)[codes] / len(codes))
    # Columns are not independent; half of what they seem to say is their own.
    return surprise / 2
