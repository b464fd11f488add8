"""Shares of ones that are too even: what tells values that were made from the labels.

Where rows of one value, or of one level of a category, are independent, their shares of ones scatter
about any curve along the value. Where the value *is* the share, or the sum, the rank, the weight of
evidence made from it, they lie on the curve. Pearson's chi-squared statistic is then far below its
degrees of freedom (as Fisher found Mendel's peas: Annals of Science 1, 1936, 115-137). No honest
column can do that, however strong it is.
"""

import math

import numpy as np

# Values are put together at their largest gaps to about so many segments.
SEGMENTS = (8, 12, 16, 24, 32, 48, 64, 96, 128)
# A segment counts from this variance of its number of ones on; and how many must.
FEWEST_VARIANCE = 1.0
FEWEST_SEGMENTS = 7
# Coefficients of the curve, a cubic.
CURVE = 4
# This share of a column's variance may lie within the levels of a category that it was made by.
WITHIN_LEVELS = 0.15
LARGEST_SUM = 100_000


def by_value(numbers: np.ndarray, target: np.ndarray) -> float:
    """Return how even the shares of ones are among rows of one value, or of close ones.

    As minus the log10 of the chance of shares that even; so are all figures here.
    """
    order = np.argsort(numbers, kind="stable")
    ordered, labels = numbers[order], np.concatenate([[0], np.cumsum(target[order])])
    gaps = np.diff(ordered)
    distinct = np.count_nonzero(gaps)
    cuts = [np.flatnonzero(gaps > 0)] if distinct < len(numbers) / 4 else []
    largest = np.argsort(-gaps, kind="stable")
    cuts += [np.sort(largest[:many]) for many in SEGMENTS if many < distinct]
    found = [_of_sums(numbers, target)]
    for cut in cuts:
        ends = np.concatenate([[0], cut + 1, [len(ordered)]])
        rows = np.diff(ends).astype(np.float64)
        found.append(
            _evenness(rows, np.diff(labels[ends]), np.add.reduceat(ordered, ends[:-1]) / rows)
        )
    return max(found)


def by_level(numbers: np.ndarray, codes: np.ndarray, target: np.ndarray) -> float:
    """Return how even the shares of ones in a category's levels are along a column made by them."""
    rows = np.bincount(codes).astype(np.float64)
    sums, ones = (np.bincount(codes, weights=weights) for weights in (numbers, target))
    present = rows > 0
    sums, ones, rows = sums[present], ones[present], rows[present]
    between = (sums**2 / rows).sum() / len(numbers) - numbers.mean() ** 2
    if between < (1 - WITHIN_LEVELS) * numbers.var():
        return 0.0
    return _evenness(rows, ones, sums / rows)


def _evenness(rows: np.ndarray, ones: np.ndarray, values: np.ndarray) -> float:
    """Return how even the shares of ones are about a cubic in the values, or their ranks."""
    share = ones.sum() / rows.sum()
    many = rows * share * (1 - share) >= FEWEST_VARIANCE
    rows, ones, values = rows[many], ones[many], values[many]
    if len(rows) < FEWEST_SEGMENTS:
        return 0.0
    best, weights = 0.0, np.sqrt(rows)
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(np.float64)
    for along in (values, ranks, values / rows):
        if not along.std() > 1e-12 * np.abs(along).max():
            continue
        basis = np.vander((along - along.mean()) / along.std(), CURVE) * weights[:, None]
        found = np.linalg.lstsq(basis, ones / weights, rcond=None)[0]
        curve = np.clip(basis @ found / weights, 0.5 / rows, 1 - 0.5 / rows)
        variance = rows * curve * (1 - curve)
        kept = variance >= FEWEST_VARIANCE / 2
        if kept.sum() >= FEWEST_SEGMENTS:
            statistic = (np.square(ones - rows * curve) / variance)[kept].sum()
            best = max(best, -_log_chance_below(float(statistic), int(kept.sum()) - CURVE))
    return best


def _of_sums(numbers: np.ndarray, target: np.ndarray) -> float:
    """Return how unlikely it is that the ones of each value are a multiple of it: it is their sum."""
    if (numbers % 1 != 0).any() or numbers.min() < 0 or numbers.max() > LARGEST_SUM:
        return 0.0
    for labels in (target, 1 - target):
        ones = np.bincount(numbers.astype(np.int64), weights=labels)
        values = np.flatnonzero(ones)
        if ones[0] == 0 and not (ones[values] % values).any():
            return float(np.log10(values).sum())
    return 0.0


def _log_chance_below(statistic: float, freedom: int) -> float:
    """Return the log10 of the chance that a chi-squared statistic is at most this small."""
    half, x = freedom / 2, max(statistic, 1e-6) / 2
    if x >= half:
        return 0.0
    term = total = 1.0
    for k in range(1, 500):  # the series of the incomplete gamma function
        term *= x / (half + k)
        total += term
    return (half * math.log(x) - x - math.lgamma(half + 1) + math.log(total)) / math.log(10)
