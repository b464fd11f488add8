"""Columns that were scaled, filled or encoded with all rows before the table was handed over."""

import numpy as np

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit, config_entry, quoted
from ml_baseline.audit.registry import check
from ml_baseline.data.schema import feature_columns

PREPARED = Limit(
    1, None, "columns whose mean over all rows is exactly 0, or whose gaps are filled in with it"
)
ENCODED = Limit(None, 1, "columns whose values are the target's shares")
# How exactly a mean, a deviation or a share must be met: the precision a CSV may have lost.
EXACTLY = 1e-6
FEWEST_ROWS = 50
FILLED_SHARE = 0.01
FITTING_SHARE = 0.8


@check(
    "columns scaled, imputed or encoded with rows of both sides",
    {"prepared_before_split": PREPARED, "encoded_with_target": ENCODED},
)
def prepared_before_split(context: Context) -> list[Finding]:
    """Look for columns scaled, filled or encoded with the rows of both sides.

    The table before the split is the training and the holdout rows together: what was scaled by
    it has a mean of exactly 0 there, and on no random part of it.
    """
    traces: dict[str, list[str]] = {"scaled": [], "filled": []}
    encoded = []
    for name in feature_columns(context.schema, "number", "integer"):
        numbers = context.both_sides(name).to_numpy(dtype=np.float64)
        present = numbers[np.isfinite(numbers)]
        values, counts = np.unique(present, return_counts=True)
        if len(present) < FEWEST_ROWS or np.abs(present).max() > 1e12 or len(values) < 3:
            continue
        if _scaled(present):
            traces["scaled"].append(name)
        if len(present) == len(numbers) and _filled(present, values, counts):
            traces["filled"].append(name)
        if _encoded(numbers, context.targets, values, counts):
            encoded.append(name)
    findings = []
    for name in encoded:
        summary = f"Each value of '{name}' is the share of ones among the rows that have it"
        why = (
            "The column was made from the target of all rows, the holdout's too. Hand over the "
            "categories themselves, which this workflow encodes on training rows only, and forbid "
            "this column."
        )
        findings.append(ENCODED.found(name, 1, summary, why, config_entry(forbidden=name)))
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
    summary = (
        "No column has a mean of exactly 0, a filled-in mean or the target's shares as values."
    )
    return findings or [Finding("columns", 0, PREPARED.nearest, summary)]


def _scaled(present: np.ndarray) -> bool:
    deviations = present.std(), present.std(ddof=1)
    return abs(present.mean()) < EXACTLY and min(abs(d - 1) for d in deviations) < EXACTLY


def _filled(present: np.ndarray, values: np.ndarray, counts: np.ndarray) -> bool:
    """Return whether a frequent value is exactly the mean of the others, and no round number."""
    most = counts.argmax()
    value = values[most]
    if counts[most] < FILLED_SHARE * len(present) or abs(value * 100 - round(value * 100)) < 1e-6:
        return False
    rest = (present.sum() - value * counts[most]) / max(len(present) - counts[most], 1)
    return abs(rest - value) < EXACTLY * max(abs(value), present.std())


def _encoded(
    numbers: np.ndarray, target: np.ndarray, values: np.ndarray, counts: np.ndarray
) -> bool:
    """Return whether each repeated value is the share of ones among its rows.

    Perhaps drawn towards the share of all rows as if by some more of them, as encoders do it.
    """
    if values[0] < 0 or values[-1] > 1 or (counts > 1).sum() < 4:
        return False
    places = np.searchsorted(values, numbers)
    places[~np.isfinite(numbers)] = len(values)
    ones = np.bincount(places, weights=target, minlength=len(values) + 1)[: len(values)]
    many = counts >= 5
    if many.sum() < 4 or counts[many].sum() < len(numbers) / 2:
        return False
    shares, given, rows = ones[many] / counts[many], values[many], counts[many]
    if np.ptp(shares) < 0.01:
        return False
    if np.abs(shares - given).max() < 1e-4:
        return True
    overall = target.mean()
    away = np.abs(given - overall) > 1e-3
    # given = (level rows * share + extra * overall) / (level rows + extra): the ratio below is
    # extra / level rows. Levels of equal share and size fall together, so all that is known of a
    # level's rows is that they divide the value's.
    ratio, rows = ((shares - given)[away] / (given - overall)[away]), rows[away]
    if len(rows) < 6 or not (ratio > 0).mean() >= FITTING_SHARE:
        return False
    ratio = np.where(ratio > 0, ratio, np.inf)
    for i in range(5):
        divisors = np.arange(1, min(int(rows[i]), 1_000) + 1)
        for extra in ratio[i] * divisors[rows[i] % divisors == 0]:
            level_rows = extra / ratio
            nearest = np.maximum(np.round(level_rows), 1)
            fits = (np.abs(level_rows - nearest) < 0.01 * nearest) & (rows % nearest == 0)
            # Some levels of other sizes may have come to the same value by chance.
            if fits.mean() >= FITTING_SHARE:
                return True
    return False
