"""Columns that were scaled or filled with all rows before the table was handed over."""

import numpy as np

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit, quoted
from ml_baseline.audit.registry import check
from ml_baseline.data.schema import feature_columns

PREPARED = Limit(
    warn=1, why="columns whose mean over all rows is exactly 0, or whose gaps are filled in with it"
)
# How exactly a mean, a deviation or a share must be met: the precision a CSV may have lost.
EXACTLY = 1e-6
FEWEST_ROWS = 50
FILLED_SHARE = 0.01


@check(prepared_before_split=PREPARED)
def prepared_before_split(context: Context) -> list[Finding]:
    """Columns scaled or imputed with rows of both sides.

    The table before the split is the training and the holdout rows together: what was scaled by
    it has a mean of exactly 0 there, and on no random part of it.
    """
    traces: dict[str, list[str]] = {"scaled": [], "filled": []}
    for name in feature_columns(context.schema, "number", "integer"):
        numbers = context.both[name].to_numpy(dtype=np.float64)
        present = numbers[np.isfinite(numbers)]
        values, counts = np.unique(present, return_counts=True)
        if len(present) < FEWEST_ROWS or np.abs(present).max() > 1e12 or len(values) < 3:
            continue
        deviations = np.array([present.std(), present.std(ddof=1)])
        if abs(present.mean()) < EXACTLY and np.abs(deviations - 1).min() < EXACTLY:
            traces["scaled"].append(name)
        if len(present) == len(numbers) and _filled(present, values, counts):
            traces["filled"].append(name)
    findings = []
    names = list(dict.fromkeys([*traces["scaled"], *traces["filled"]]))
    if not PREPARED.passed(len(names)):
        done = " and ".join(what for what, found in traces.items() if found)
        verb = "was" if len(names) == 1 else "were"
        summary = f"{quoted(names)} {verb} {done} with means or deviations of all rows, not of training rows"
        why = (
            "The holdout rows had a part in it, mostly a small one. Hand over the numbers as they "
            "were measured, gaps included: this workflow scales and fills on training rows only."
        )
        findings.append(PREPARED.found(", ".join(names), len(names), summary, why))
    summary = "No column has a mean of exactly 0 or a filled-in mean."
    return findings or [Finding("columns", 0, PREPARED.nearest, summary)]


def _filled(present: np.ndarray, values: np.ndarray, counts: np.ndarray) -> bool:
    """Return whether a frequent value is exactly the mean of the others, and no round number."""
    most = counts.argmax()
    value = values[most]
    if counts[most] < FILLED_SHARE * len(present) or abs(value * 100 - round(value * 100)) < 1e-6:
        return False
    rest = (present.sum() - value * counts[most]) / max(len(present) - counts[most], 1)
    return abs(rest - value) < EXACTLY * max(abs(value), present.std())
