"""How metrics are computed: their values, their intervals, and the rows' parts in them."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ml_baseline.scoring import intervals
from ml_baseline.scoring.intervals import Estimate
from ml_baseline.scoring.metrics import HITS, ONES, PREDICTED, Metric
from ml_baseline.scoring.ranking import (
    average_precision,
    average_precision_without,
    placements,
    roc_area,
)
from ml_baseline.scoring.sample import Sample

# Of the rows that are ones or are predicted as ones, the hits are F* = f1 / (2 - f1).
ONES_OR_PREDICTED = (1, 1, 1, 0)
# How far a rate is moved to see what the metric does.
STEP = 1e-6


class Method(NamedTuple):
    """What a metric is computed by; each function takes the sample and the metric."""

    value: Callable[[Sample, Metric], float]
    estimate: Callable[[Sample, Metric], Estimate]
    parts: Callable[[Sample, Metric], np.ndarray]  # see `scores.parts_of_rows`
    # How a difference is tested: by Student's t ("t"), by the normal quantile ("normal"), or by
    # Student's t without the skewness ("skewed"; see `significance.compare`).
    difference: str = "t"


def _cells(rows: tuple[int, ...]) -> np.ndarray:
    return np.reshape(rows, (2, 2))


def _counted(sample: Sample, rows: tuple[int, ...]) -> int:
    return int(np.sum(sample.table * _cells(rows)))


def _among(sample: Sample, rows: tuple[int, ...]) -> np.ndarray:
    """Return, for each row, whether it is among those of a set of cells."""
    return _cells(rows)[1 - sample.target.astype(int), 1 - sample.predicted.astype(int)] == 1


def _share(sample: Sample, metric: Metric) -> float:
    part, whole = metric.of
    return _counted(sample, part) / max(_counted(sample, whole), 1)


def _share_estimate(sample: Sample, metric: Metric) -> Estimate:
    part, whole = metric.of
    return intervals.share(sample.table, _cells(part), _cells(whole), sample.noise)


def _share_parts(sample: Sample, metric: Metric) -> np.ndarray:
    part, whole = (_among(sample, rows) for rows in metric.of)
    return (part - _share(sample, metric) * whole) / max(whole.mean(), 1 / whole.size)


def _f1(sample: Sample, metric: Metric) -> float:
    hits = _counted(sample, HITS)
    return 2 * hits / (_counted(sample, PREDICTED) + _counted(sample, ONES))


def _f1_estimate(sample: Sample, metric: Metric) -> Estimate:
    """The interval of F* = hits / (hits + errors), turned into f1 = 2 F* / (1 + F*).

    Of the rows that are ones or are predicted as ones, each is a hit with the same probability F*:
    a plain share, and f1 grows with it.
    """
    part, whole = _cells(HITS), _cells(ONES_OR_PREDICTED)
    share = intervals.share(sample.table, part, whole, sample.noise)

    def limits(level):
        low, high = share.limits(level)
        return 2 * low / (1 + low), 2 * high / (1 + high)

    return Estimate(2 * share.value / (1 + share.value), "Wilson", share.effective_rows, limits)


def _f1_parts(sample: Sample, metric: Metric) -> np.ndarray:
    hits = sample.predicted & sample.target
    size = sample.predicted.astype(float) + sample.target
    return (2 * hits - 2 * hits.sum() / size.sum() * size) / size.mean()


def _rates_of(sample: Sample) -> tuple[float, float, float]:
    """Return the recall, the specificity and the share of ones."""
    (hits, misses), (alarms, right) = sample.table.tolist()
    ones, zeros = hits + misses, alarms + right
    return hits / ones, right / zeros, ones / (ones + zeros)


def _rates(sample: Sample, metric: Metric) -> float:
    return metric.of(*_rates_of(sample))


def _rates_estimate(sample: Sample, metric: Metric) -> Estimate:
    return intervals.rates(sample.table, metric.of, metric.bounds, sample.noise)


def _rates_parts(sample: Sample, metric: Metric) -> np.ndarray:
    """The delta method: the slope along each rate times the row's part in that rate."""
    rates = _rates_of(sample)
    slopes = []
    for i in range(3):
        low, high = list(rates), list(rates)
        low[i], high[i] = max(rates[i] - STEP, 0.0), min(rates[i] + STEP, 1.0)
        slopes.append((metric.of(*high) - metric.of(*low)) / (high[i] - low[i]))
    recall, specificity, share = rates
    target, predicted = sample.target, sample.predicted
    return (
        slopes[0] * target * (predicted - recall) / share
        + slopes[1] * ~target * (~predicted - specificity) / (1 - share)
        + slopes[2] * (target - share)
    )


def _area_parts(sample: Sample, metric: Metric) -> np.ndarray:
    target, size = sample.target, sample.target.size
    below, above = placements(*sample.by_score)
    position = _positions(sample.probability)
    placed = np.where(target, below[position], above[position])
    parts = np.empty(target.size)
    for of_class in (target, ~target):
        rows = int(np.count_nonzero(of_class))
        # The last factor makes the variance of the mean that of DeLong for each class by itself.
        scale = size / rows * math.sqrt(rows / max(rows - 1, 1)) * math.sqrt((size - 1) / size)
        parts[of_class] = scale * (placed[of_class] - placed[of_class].mean())
    return parts


def _average_precision_parts(sample: Sample, metric: Metric) -> np.ndarray:
    without = average_precision_without(*sample.by_score)
    position = _positions(sample.probability)
    return -(sample.target.size - 1) * without[sample.target.astype(int), position]


def _positions(probability: np.ndarray) -> np.ndarray:
    """Return, for each row, where its probability stands among the distinct ones, highest first."""
    return np.unique(-probability, return_inverse=True)[1]


def row_losses(target: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return each row's part of the log loss, in nats; `target` holds booleans."""
    epsilon = np.finfo(np.float64).eps
    of_truth = np.where(target, probability, 1 - probability)
    return -np.log(np.clip(of_truth, epsilon, 1 - epsilon))


def squared_errors(target: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return each row's part of the brier score; `target` holds booleans."""
    return np.square(probability - target)


def mean_of(loss: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Method:
    """Return the method of a metric that is the mean of a loss of each row."""
    return Method(
        lambda sample, metric: loss(sample.target, sample.probability).mean(),
        lambda sample, metric: intervals.mean_loss(
            loss, sample.target, sample.probability, sample.noise, metric.bounds[1]
        ),
        lambda sample, metric: loss(sample.target, sample.probability),
    )


METHODS = {
    "share": Method(_share, _share_estimate, _share_parts),
    "f1": Method(_f1, _f1_estimate, _f1_parts),
    "rates": Method(_rates, _rates_estimate, _rates_parts),
    "roc_auc": Method(
        lambda sample, metric: roc_area(*sample.by_score),
        lambda sample, metric: intervals.area(*sample.by_score),
        _area_parts,
        difference="normal",
    ),
    "pr_auc": Method(
        lambda sample, metric: average_precision(*sample.by_score),
        lambda sample, metric: intervals.precision_over_recalls(*sample.by_score, sample.noise),
        _average_precision_parts,
        difference="skewed",
    ),
    "log_loss": mean_of(row_losses),
    "brier": mean_of(squared_errors),
}
