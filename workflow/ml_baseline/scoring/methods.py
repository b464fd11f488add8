"""How metrics are computed: their values, their intervals, and the rows' parts in them."""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from ml_baseline.scoring import counting, intervals
from ml_baseline.scoring.intervals import Dependence, Estimate
from ml_baseline.scoring.metrics import Metric
from ml_baseline.scoring.sample import Sample

# How far a rate is moved to see what the metric does.
STEP = 1e-6
# Probabilities nearer to 0 or 1 than this count as so near in the log loss, as in scikit-learn.
EPSILON = float(np.finfo(np.float64).eps)


class Method(NamedTuple):
    """What a metric is computed by; each function takes the sample and the metric."""

    value: Callable[[Sample, Metric], float]
    estimate: Callable[[Sample, Metric, Dependence], Estimate]
    parts: Callable[[Sample, Metric], np.ndarray]  # see `scores.parts_of_rows`
    # How a difference is tested: by Student's t ("t"), by the normal quantile ("normal"), or by
    # Student's t without the skewness ("skewed"; see `significance.compare`).
    difference: str = "t"


def _share(sample: Sample, metric: Metric) -> float:
    part, whole = (float(np.sum(sample.table * cells)) for cells in _cells(metric))
    return part / max(whole, 1)


def _share_estimate(sample: Sample, metric: Metric, depends: Dependence) -> Estimate:
    """Return the share of the rows that count at all, and where errors count less, what it makes.

    Of the rows that are ones or are predicted as ones, each is a hit with the same probability F*: a
    plain share. f1 = F* / (w + (1 - w) F*) for errors of the weight w = 1/2, and it grows with F*.
    """
    part, whole = _cells(metric)
    share = intervals.share(sample, part, (whole > 0).astype(int), depends)
    weight = whole[whole > 0].min()

    def weighted(value):
        return value / (weight + (1 - weight) * value)

    def limits(level):
        low, high = share.limits(level)
        return weighted(low), weighted(high)

    return Estimate(weighted(share.value), "Wilson", share.effective_rows, limits)


def _share_parts(sample: Sample, metric: Metric) -> np.ndarray:
    place = 1 - sample.target.astype(int), 1 - sample.predicted.astype(int)
    part, whole = (cells[place] for cells in _cells(metric))
    return (part - _share(sample, metric) * whole) / max(whole.mean(), 1 / whole.size)


def _cells(metric: Metric) -> np.ndarray:
    """Return the weights of the part and of the whole, each in the order of `Sample.table`."""
    return np.reshape(metric.of, (2, 2, 2))


def _rates_of(sample: Sample) -> tuple[float, float, float]:
    """Return the recall, the specificity and the share of ones."""
    (hits, misses), (alarms, right) = sample.table.tolist()
    ones, zeros = hits + misses, alarms + right
    return hits / ones, right / zeros, ones / (ones + zeros)


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
    size = sample.target.size
    parts = np.empty(size)
    below, above = counting.placements(*sample.by_score)
    for of_class, placed in ((sample.target, below), (~sample.target, above)):
        placed, rows = placed[sample.positions][of_class], int(np.count_nonzero(of_class))
        # The last factor makes the variance of the mean that of DeLong for each class by itself.
        scale = size / rows * math.sqrt(rows / max(rows - 1, 1)) * math.sqrt((size - 1) / size)
        parts[of_class] = scale * (placed - placed.mean())
    return parts


def _average_precision_parts(sample: Sample, metric: Metric) -> np.ndarray:
    without = counting.average_precision_without(*sample.by_score)
    return -(sample.target.size - 1) * without[sample.target.astype(int), sample.positions]


def row_losses(target: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return each row's part of the log loss, in nats; `target` holds booleans."""
    of_truth = np.where(target, probability, 1 - probability)
    return -np.log(np.clip(of_truth, EPSILON, 1 - EPSILON))


# What the interval of a log loss is called in which rows that a model is certain of stand apart.
CERTAIN_APART = "Hall, certain rows by Wilson"


def _log_loss_estimate(sample: Sample, metric: Metric, depends: Dependence) -> Estimate:
    """Return the interval of Hall, with the rows apart of which the model is certain.

    A model that is certain of a row (a probability of 0 or 1) loses so much where it is wrong that a
    few such rows are most of the loss, and where there is none yet, the next may be the first: no
    spread of the losses shows that. So the share of the rows that are of this kind and wrong has
    the interval of a share, and that of the mean of the others is put together with it by MOVER (Zou
    and Donner 2008, Statistics in Medicine 27, 1693-1702).
    """
    certain = np.minimum(sample.probability, 1 - sample.probability) <= EPSILON
    if not certain.any():
        return intervals.mean_loss(row_losses, sample, metric, depends)

    def loss_of_others(target, probability):
        return np.where(certain, 0.0, row_losses(target, probability))

    others = intervals.mean_loss(loss_of_others, sample, metric, depends)
    losses = row_losses(sample.target, sample.probability)
    wrong = int(np.count_nonzero(certain & (sample.target != (sample.probability > 0.5))))
    most, rows, share = -math.log(EPSILON), certain.size, wrong / certain.size
    value = others.value + most * share

    def limits(level):
        low, high = others.limits(level)
        worth = rows / depends.factor / depends.widening(level)
        least, largest = intervals.share_limits(wrong, rows, level, worth)
        down = math.hypot(others.value - low, most * (share - least))
        up = math.hypot(high - others.value, most * (largest - share))
        return max(value - down, 0.0), min(value + up, most)

    effective = intervals.effective_rows(1, losses) / depends.factor
    return Estimate(float(losses.mean()), CERTAIN_APART, effective, limits)


def mean_of(loss: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Method:
    """Return the method of a metric that is the mean of a loss of each row."""

    def parts(sample, metric):
        return loss(sample.target, sample.probability)

    return Method(
        lambda sample, metric: parts(sample, metric).mean(),
        partial(intervals.mean_loss, loss),
        parts,
    )


METHODS = {
    "share": Method(_share, _share_estimate, _share_parts),
    "rates": Method(
        lambda sample, metric: metric.of(*_rates_of(sample)), intervals.rates, _rates_parts
    ),
    "roc_auc": Method(
        lambda sample, metric: counting.roc_area(*sample.by_score),
        intervals.area,
        _area_parts,
        difference="normal",
    ),
    "pr_auc": Method(
        lambda sample, metric: counting.average_precision(*sample.by_score),
        intervals.precision_over_recalls,
        _average_precision_parts,
        difference="skewed",
    ),
    "log_loss": mean_of(row_losses)._replace(estimate=_log_loss_estimate),
    "brier": mean_of(lambda target, probability: np.square(probability - target)),
}
