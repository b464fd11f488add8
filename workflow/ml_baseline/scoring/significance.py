"""Which model is really better, and which only happened to be on these rows.

Models are compared on the same rows, so what is easy or hard for both cancels out: a difference is
known far better than the two intervals side by side suggest.
"""

import math
from collections.abc import Sequence

import numpy as np

from ml_baseline.scoring import scores
from ml_baseline.scoring.intervals import (
    Estimate,
    skewness_of,
    t_quantile,
    variance_of_mean,
    with_skewness,
    without_skewness,
)
from ml_baseline.scoring.methods import CERTAIN_APART, METHODS
from ml_baseline.scoring.metrics import BLIND, Metric, metric_named, of_all_rows
from ml_baseline.scoring.sample import Sample, sample_of

# A difference hangs on rows of both models, so it takes twice as many to be reliable.
ENOUGH_EFFECTIVE_ROWS = 2 * scores.ENOUGH_EFFECTIVE_ROWS
# Methods of metrics that look at the yes/no predictions alone: their differences hang on the rows
# on which two models' predictions differ.
OF_PREDICTIONS = ("share", "rates")
# What a model is compared with, by the first words of the columns.
ROLES = ("baseline", "best", "blind")
# Smaller p-values are given as this one: no method here is exact that far out.
SMALLEST_P = 1e-12


def compare(
    target,
    probability_by_model: dict,
    baseline: str | None,
    best: str,
    threshold: float = 0.5,
    metric: str = "roc_auc",
    level: float = 0.95,
    table_rows: int | None = None,
    units=None,
):
    """Compare each model with the baseline, the best one and a blind answer, on the same rows.

    `probability_by_model` has one array of shape (rows,) for each model, the baseline and the best
    among them. `best` must have been chosen on other rows than these; chosen on these it would be
    flattered, and the p-values with it. The others are those of `scores.confidence_intervals`.

    Returns a DataFrame with one row for each model, in the order given, and the columns

    * `metric`, `model`, `value`, `baseline`, `best`, `blind`;
    * `baseline_difference`, `baseline_low`, `baseline_high`: the model's value minus the baseline's,
      with its interval at `level` (negative is better where less is better);
    * `baseline_p`, `baseline_p_adjusted`: the two-sided p-value of no difference, at least 1e-12, and
      the same adjusted by `holm` for the models tried;
    * `best_difference` ... `best_p_adjusted`: the same against the best;
    * `blind_difference` ... `blind_p_adjusted`: the same against the best that can be had without a
      look at a row, which `blind` names (see `metrics.BLIND`): by F1 a coin flip beats a baseline that
      predicts no ones, but not always predicting yes. A model that gives every row the same
      probability is no better than that, and none of the tests;
    * `reliable`: False with fewer than 20 rows of either class, where a compared value hangs on fewer
      than 10 effective rows, or where a metric of predictions alone has fewer than 10 that differ.

    Models with the same probabilities differ by 0 with p = 1. Without a baseline its columns are NaN.

    The difference is a mean over the rows, to first order, and its standard error that of the rows'
    parts in it (`scores.parts_of_units`). For roc_auc this is the paired test of DeLong, DeLong and
    Clarke-Pearson (1988), Biometrics 44, 837-845, with the normal quantile; for pr_auc Student's t
    with the skewness removed (Hall 1992); for the others Student's t with degrees of freedom that
    allow for the kurtosis, as for all where rows belong together. Where a model has no spread (for
    roc_auc one that ranks nothing, or perfectly), the interval is put together from the two models'
    own (MOVER: Zou and Donner 2008, Statistics in Medicine 27, 1693-1702, with the correlation of
    Zou 2007, Psychological Methods 12, 399-413). `tests/proofs/test_coverage.py` shows how well they hold.

    Raises InputError for a metric that is not there, and as `sample_of` does.
    """
    import pandas as pd

    scores.checked_level(level)
    judged_by = metric_named(metric)
    models = {
        model: _Model(judged_by, sample_of(target, probability, threshold, table_rows, units))
        for model, probability in probability_by_model.items()
    }
    enough_of_both = scores.enough_of_both_classes(models[best].sample)
    names = {"baseline": baseline, "best": best, "blind": BLIND[judged_by.blind]}
    rows = []
    for model, own in models.items():
        value, _, effective, _ = own.estimate
        row = {"metric": judged_by.name, "model": model, "value": value} | names
        others = (models.get(baseline), models[best], own.blind())
        for role, other in zip(ROLES, others, strict=True):
            row |= _columns(role, _difference(own, other, level))
            if other is None or role == "blind":
                continue
            effective = min(effective, other.estimate.effective_rows)
            if judged_by.method in OF_PREDICTIONS and other is not own:
                differ = own.sample.predicted != other.sample.predicted
                effective = min(effective, scores.count_of(differ, own.sample))
        if own.ranks_nothing:
            row["blind_p"] = 1.0
        row["reliable"] = bool(enough_of_both and effective >= ENOUGH_EFFECTIVE_ROWS)
        rows.append(row)
    constant = {model for model, of in models.items() if of.ranks_nothing}
    return pd.DataFrame(_adjusted(rows, constant))


def compare_over_splits(comparisons: Sequence, test_share: float, level: float = 0.95):
    """Return one comparison for several splits of a table: the tables of `compare`, taken together.

    `comparisons` holds one result of `compare` for each split (seed), all for the same metric,
    models, baseline and best, at the same `level`, and made without `table_rows`; values and
    differences are combined as in `combine_over_splits`, and the p-values go with these intervals.
    `reliable` is True only where it is so for all splits. One comparison alone comes back as it is.
    """
    import pandas as pd

    if len(comparisons) == 1:
        return comparisons[0]
    rows, constant = [], set()
    for of_splits in zip(*(c.to_dict(orient="records") for c in comparisons), strict=True):
        split = {name: np.array([row[name] for row in of_splits]) for name in of_splits[0]}
        row = of_splits[0] | {"value": float(split["value"].mean())}
        for role in ROLES:
            values, low, high = (split[f"{role}_{n}"] for n in ("difference", "low", "high"))
            combined = combine_over_splits(values, low, high, test_share)
            row |= _columns(role, (*combined, _p_of_interval(*combined, level)))
        if (split["blind_p"] == 1).all():
            constant.add(row["model"])
            row["blind_p"] = 1.0
        rows.append(row | {"reliable": bool(split["reliable"].all())})
    return pd.DataFrame(_adjusted(rows, constant))


def combine_over_splits(values, low, high, test_share: float) -> tuple[float, float, float]:
    """Return mean, low and high of a metric over several random splits of the same table.

    `values` are the metric on each holdout, `low` and `high` its intervals there as plain samples,
    without `table_rows` (which would be counted twice), and `test_share` the share of its rows that
    a holdout has in common with another: of random ones the share of the table's rows in each.

    The mean of the intervals is laid around the mean of the values and made shorter by
    sqrt(test_share + (1 - test_share) / k) for k splits: holdouts of one table share rows, so any
    two of them are correlated by about `test_share` (as Nadeau and Bengio 2003 suppose; Inference
    for the Generalization Error, Machine Learning 52, 239-281). However many the splits, it stays as
    wide as an interval from as many rows as the table has: splitting again makes no new rows.
    """
    values, low, high = (np.asarray(part, dtype=float) for part in (values, low, high))
    if values.size == 1:
        return float(values[0]), float(low[0]), float(high[0])
    mean = float(values.mean())
    shorter = math.sqrt(test_share + (1 - test_share) / values.size)
    down, up = float(np.mean(values - low)), float(np.mean(high - values))
    return mean, mean - shorter * down, mean + shorter * up


def holm(p_values) -> np.ndarray:
    """Return the p-values adjusted for their number by Holm's step-down method.

    The chance that any of those below 0.05 is false is then at most 5 % (Holm 1979).
    """
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(order.size, 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1)
    return adjusted


class _Model:
    """What is compared of a model by a metric: its answers, its estimate, its units' parts in it."""

    def __init__(self, metric: Metric, sample: Sample):
        self.metric, self.sample = metric, sample
        self.ranks_nothing = np.ptp(sample.probability) == 0
        self.estimate = scores.estimate(metric, sample)
        self.parts = scores.parts_of_units(metric, sample)

    def blind(self) -> "_Model":
        """Return what answers best without a look at a row, on the same rows.

        That is the share of ones as the probability of each, always the same class, or, where rows
        of one class are all that counts, as many rows as this model flags, drawn at random.
        """
        kind, sample = self.metric.blind, self.sample
        share = sample.target.mean()
        constant = {"majority": float(share >= 0.5), "yes": 1.0}.get(kind, share)
        probability = np.full(sample.target.size, constant)
        said = probability, probability >= 0.5
        blind = _Model(self.metric, Sample(sample.target, *said, sample.noise, sample.units))
        if kind == "rate":
            metric = of_all_rows(self.metric)
            blind.estimate = scores.estimate(metric, sample)
            blind.parts = scores.parts_of_units(metric, sample)
        return blind


def _difference(one: _Model, other: _Model | None, level: float) -> tuple[float, ...]:
    """Return the difference of two models on the same rows, its limits and its p-value."""
    if other is None:
        return (math.nan,) * 4
    if np.array_equal(one.sample.probability, other.sample.probability):
        return 0.0, 0.0, 0.0, 1.0
    metric, estimates = one.metric, (one.estimate, other.estimate)
    parts, other_parts = one.parts, other.parts
    difference = estimates[0].value - estimates[1].value
    no_spread = not (parts.any() and other_parts.any() and (parts != other_parts).any())
    certain = any(of_one.method == CERTAIN_APART for of_one in estimates)
    if no_spread or certain or (metric.ranks and (one.ranks_nothing or other.ranks_nothing)):
        squares = np.dot(parts, parts) * np.dot(other_parts, other_parts)
        correlation = np.dot(parts, other_parts) / math.sqrt(squares) if squares > 0 else 0.0
        low, high = _limits_from_both(*estimates, correlation, level)
        return difference, low, high, _p_from_both(*estimates, correlation)
    between = parts - other_parts
    variance, freedom = variance_of_mean(np.ones(between.size), between)
    error, skewness = math.sqrt(variance), 0.0
    # Of few groups, neither a skewness nor the normal quantile would be right.
    tested = METHODS[metric.method].difference if one.sample.units is None else "t"
    if tested == "normal":
        freedom = math.inf
    if tested == "skewed":
        rarer = min(one.sample.table.sum(axis=1))
        freedom, skewness = max(rarer - 1, 1), skewness_of(between)
    rows, root = between.size, math.sqrt(between.size)
    reach = t_quantile(level, freedom) / root
    low, high = (
        difference - error * root * without_skewness(t, skewness, rows) for t in (reach, -reach)
    )
    p = _p_of_t(root * with_skewness(difference / (error * root), skewness, rows), freedom)
    furthest = metric.bounds[1] - metric.bounds[0]
    return difference, max(low, -furthest), min(high, furthest), p


def _limits_from_both(
    one: Estimate, other: Estimate, correlation: float, level: float
) -> tuple[float, float]:
    """The limits of a difference from those of both values and their correlation (Zou 2007)."""
    (low, high), (other_low, other_high) = one.limits(level), other.limits(level)
    difference = one.value - other.value

    def together(first, second):
        return math.sqrt(max(first**2 + second**2 - 2 * correlation * first * second, 0.0))

    return (
        difference - together(one.value - low, other_high - other.value),
        difference + together(high - one.value, other.value - other_low),
    )


def _p_from_both(one: Estimate, other: Estimate, correlation: float) -> float:
    """Return the largest p at which the interval at 1 - p still holds no 0, by bisection."""
    if one.value == other.value:
        return 1.0

    def excludes_zero(log_p):
        low, high = _limits_from_both(one, other, correlation, 1 - 10**log_p)
        return low > 0 or high < 0

    least, most = math.log10(SMALLEST_P), 0.0
    if excludes_zero(least):
        return SMALLEST_P
    for _ in range(40):
        middle = (least + most) / 2
        least, most = (least, middle) if excludes_zero(middle) else (middle, most)
    return 10**most


def _p_of_t(t: float, freedom: float) -> float:
    """Return the two-sided p-value of t, never less than `SMALLEST_P`."""
    from scipy.special import ndtr, stdtr

    p = 2 * float(ndtr(-abs(t)) if math.isinf(freedom) else stdtr(freedom, -abs(t)))
    return max(p, SMALLEST_P)


def _p_of_interval(mean: float, low: float, high: float, level: float) -> float:
    """Return the two-sided p-value of 0 that goes with an interval, by the normal quantiles."""
    if math.isnan(mean):
        return math.nan
    if mean == 0:
        return 1.0
    towards_zero = mean - low if mean > 0 else high - mean
    if towards_zero <= 0:
        return SMALLEST_P
    return _p_of_t(mean / towards_zero * t_quantile(level, math.inf), math.inf)


def _columns(role: str, found: tuple[float, ...]) -> dict:
    """Return the columns of a comparison; the last is for `_adjusted` to fill."""
    names = ("difference", "low", "high", "p")
    columns = {f"{role}_{name}": value for name, value in zip(names, found, strict=True)}
    return columns | {f"{role}_p_adjusted": 1.0}


def _adjusted(rows: list[dict], constant: set[str]) -> list[dict]:
    """Return the rows with their p-values adjusted for the number of models.

    `constant` are the models that give every row the same probability.
    """
    for role in ROLES:
        # What is compared with its like is not one of the tests: its p stays 1.
        like = constant if role == "blind" else {rows[0][role]}
        family = [row for row in rows if row["model"] not in like]
        for row, p in zip(family, holm([row[f"{role}_p"] for row in family]), strict=True):
            row[f"{role}_p_adjusted"] = float(p)
    return rows
