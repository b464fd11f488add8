"""The figures a model is judged by, and how far each of them can be trusted.

Everything here takes a target of zeros and ones and the probability of a one, row by row. Written
in plain numpy: importing scikit-learn would cost more than all the figures of a small table.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ml_baseline.errors import InputError
from ml_baseline.scoring.ranking import (
    average_precision,
    average_precision_without,
    counts_by_score,
    placements,
    roc_area,
)


class Metric(NamedTuple):
    """What a program needs to know of a metric to show it and sort by it."""

    higher_is_better: bool
    uses: str  # "threshold": the yes/no prediction; "probability": the probability itself
    meaning: str


# The order is the order of the columns in every table of results.
METRICS = {
    "accuracy": Metric(True, "threshold", "share of the rows that are predicted right"),
    "precision": Metric(True, "threshold", "share of the predicted ones that are ones"),
    "recall": Metric(True, "threshold", "share of the ones that are predicted as ones"),
    "f1": Metric(True, "threshold", "harmonic mean of precision and recall"),
    "roc_auc": Metric(True, "probability", "chance that a one is ranked above a zero"),
    "pr_auc": Metric(True, "probability", "average precision over all recalls"),
    "log_loss": Metric(False, "probability", "mean of minus the log of the probability"),
    "brier": Metric(False, "probability", "mean squared error of the probability"),
}


def higher_is_better(name: str) -> bool:
    """Return whether more is better for the metric `name`; raise InputError if there is none."""
    if name not in METRICS:
        raise InputError(f"There is no metric {name!r}. Choose one of {', '.join(METRICS)}.")
    return METRICS[name].higher_is_better


def scores(target, probability, threshold: float = 0.5) -> dict[str, float]:
    """Return every metric of `METRICS`, in that order, then `threshold`, `prevalence` and `rows`.

    `target` holds zeros and ones, `probability` the predicted probability of a one (both of shape
    (rows,)). A row is predicted as a one where its probability is at least `threshold`. All values
    are those scikit-learn gives for the same float64 numbers: `precision` is 0 where no row is
    predicted as a one, `pr_auc` is the average precision, and `log_loss` (in nats) keeps the
    probabilities one rounding error away from 0 and 1. `prevalence` is the share of ones.

    Raises InputError for values that are missing or out of range, for lengths that differ, and
    where only one class is present, since then neither recall nor roc_auc has a value.
    """
    target, probability = checked(target, probability)
    threshold = checked_threshold(threshold)
    predicted = probability >= threshold
    rows, ones = target.size, np.count_nonzero(target)
    hits = np.count_nonzero(predicted & target)
    alarms = np.count_nonzero(predicted) - hits
    ones_at, zeros_at = counts_by_score(target, probability)
    values = {
        "accuracy": (hits + (rows - ones) - alarms) / rows,
        "precision": hits / max(hits + alarms, 1),
        "recall": hits / ones,
        "f1": 2 * hits / (hits + alarms + ones),
        "roc_auc": roc_area(ones_at, zeros_at),
        "pr_auc": average_precision(ones_at, zeros_at),
        "log_loss": row_losses(target, probability).mean(),
        "brier": squared_errors(target, probability).mean(),
        "threshold": threshold,
        "prevalence": ones / rows,
    }
    return {name: float(value) for name, value in values.items()} | {"rows": rows}


# Fewer rows of a class than this, or a figure that hangs on fewer rows than this, and the interval
# is marked as not reliable. docs/intervals.md shows what happens there.
ENOUGH_ROWS_OF_A_CLASS = 20
ENOUGH_EFFECTIVE_ROWS = 5


def confidence_intervals(
    target,
    probability,
    threshold: float = 0.5,
    level: float = 0.95,
    random_state: int = 0,
    table_rows: int | None = None,
):
    """Return how far each metric may be from its value on the whole population.

    The rows are taken as a random sample of that population, and the model as given: the interval
    says what other rows would have shown, not what other training rows would have learned.

    `target`, `probability` and `threshold` are those of `scores`. If the rows are a stratified
    part of a larger table (which is the random sample), give its size as `table_rows`: the share
    of ones is then that of the larger table and varies less from sample to sample, and the
    intervals of the metrics that depend on it are shorter (for accuracy, log_loss and others by
    half or more where ones are rare). Without it they would hold more than they promise.

    The result is a DataFrame with the metrics as index and the columns

    * `value`, `low`, `high`: the metric and its two-sided interval at `level`;
    * `method`: how the interval was computed;
    * `effective_rows`: how many rows the figure hangs on (see below);
    * `reliable`: False where there are fewer than 20 rows of either class or fewer than 5
      effective rows. The interval is then a rough guide and may not hold what it promises.

    No random numbers are used: the same rows always give the same interval, and `random_state`,
    there for a method that would draw some, changes nothing. The methods are those
    that hold what they promise in `tests/proofs/test_coverage.py`:

    * accuracy, precision, recall: Wilson's score interval with the correction near 0 and 1 of
      Brown, Cai and DasGupta (2001), Statistical Science 16, 101-133.
    * f1: the same for the share of the rows that are ones or are predicted as ones which are both,
      F* = f1 / (2 - f1), turned back into f1; Lam, Gopal and Qian (2023), arXiv:2309.14621.
    * roc_auc: Newcombe's score interval (2006), Statistics in Medicine 25, 559-573 (method 5), its
      variance scaled to that of DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, 837-845;
      see `_area`.
    * pr_auc: jackknife with its correction of the bias, on the logit scale; see
      `_precision_over_recalls`.
    * log_loss, brier: Student's t with the skewness removed by the transformation of Hall (1992),
      Journal of the Royal Statistical Society B 54, 221-228.

    What has not been seen cannot be excluded: if all rows are predicted right, or perfectly
    ranked, the interval still reaches as far as about 4 rows in n would take it. Only a
    probability that is the same for every row gives an interval without width, [0.5, 0.5], for
    roc_auc: such a model ranks nothing, on any rows.

    `effective_rows` is (sum e)^2 / (sum e^2) for the parts e that the rows have in the figure
    (Kish's effective sample size): for a share, the number of the rarer outcome; for roc_auc, the
    ranking errors of the ones or of the zeros, whichever are fewer; for pr_auc, likewise the
    precision or its lack at the ones; for log_loss and brier, the losses.

    Raises InputError as `scores` does, and for a `level` that is not between 0 and 1.
    """
    import pandas as pd

    if not 0 < level < 1:
        raise InputError(f"The level is {level}; it must lie between 0 and 1, such as 0.95.")
    target, probability = checked(target, probability)
    ones = np.count_nonzero(target)
    enough_of_both = min(ones, target.size - ones) >= ENOUGH_ROWS_OF_A_CLASS
    rows = []
    for name, estimate in estimates(target, probability, threshold, table_rows).items():
        low, high = estimate.limits(level)
        reliable = enough_of_both and estimate.effective_rows >= ENOUGH_EFFECTIVE_ROWS
        rows.append((name, *estimate[:1], low, high, *estimate[1:3], reliable))
    columns = ["metric", "value", "low", "high", "method", "effective_rows", "reliable"]
    return pd.DataFrame(rows, columns=columns).set_index("metric")


class Estimate(NamedTuple):
    """A metric of a sample, and what is needed to say how far it may be off at any level."""

    value: float
    method: str
    effective_rows: float
    limits: Callable[[float], tuple[float, float]]  # from a level to low and high


def estimates(
    target, probability, threshold: float = 0.5, table_rows: int | None = None
) -> dict[str, Estimate]:
    """Return an `Estimate` for each metric of `METRICS`, in that order.

    The work that grows with the rows is done here, once; `limits` of an estimate then takes some
    microseconds. Arguments and errors are those of `confidence_intervals`.
    """
    target, probability = checked(target, probability)
    predicted = probability >= checked_threshold(threshold)
    prevalence_noise = checked_prevalence_noise(target, table_rows)
    hits = int(np.count_nonzero(predicted & target))
    alarms = int(np.count_nonzero(predicted)) - hits
    misses = int(np.count_nonzero(target)) - hits
    table = np.array([[hits, misses], [alarms, target.size - hits - alarms - misses]])
    ones_at, zeros_at = counts_by_score(target, probability)
    return {
        "accuracy": _share(table, RIGHT, ROWS, prevalence_noise),
        "precision": _share(table, HITS, PREDICTED, prevalence_noise),
        "recall": _share(table, HITS, ONES, prevalence_noise),
        "f1": _f1(table, prevalence_noise),
        "roc_auc": _area(ones_at, zeros_at),
        "pr_auc": _precision_over_recalls(ones_at, zeros_at, prevalence_noise),
        "log_loss": _mean_loss(row_losses, target, probability, prevalence_noise),
        "brier": _mean_loss(squared_errors, target, probability, prevalence_noise, 1.0),
    }


# Sets of rows, as masks of the table [[hits, misses], [false alarms, rightly predicted zeros]].
HITS = np.array([[1, 0], [0, 0]])
ONES = np.array([[1, 1], [0, 0]])
PREDICTED = np.array([[1, 0], [1, 0]])
RIGHT = np.array([[1, 0], [0, 1]])
ROWS = np.array([[1, 1], [1, 1]])
ONES_OR_PREDICTED = np.array([[1, 1], [1, 0]])


def _share(table: np.ndarray, part: np.ndarray, whole: np.ndarray, noise: float) -> Estimate:
    """Wilson's interval for a share, corrected where one or the other outcome is rare.

    If the share of ones is known better than these rows alone would tell, the rows count for more:
    by the factor by which the variance of the share is then smaller.
    """
    successes, rows = int(np.sum(table * part)), int(np.sum(table * whole))
    if rows == 0:  # no row is predicted as a one: the precision can be anything
        return Estimate(0.0, "Wilson", 0.0, lambda level: (0.0, 1.0))
    share, failures = successes / rows, rows - successes
    deviations = part - share * whole
    variance = np.sum(table * deviations**2)
    of_class = np.sum(table * deviations, axis=1) ** 2 / np.sum(table, axis=1)
    less = variance - (1 - noise) * np.sum(of_class)
    worth = rows * (variance / less if less > 0 else 1.0)

    def limits(level):
        z = _normal_quantile(level)
        middle = share + z**2 / (2 * worth)
        reach = z * math.sqrt(share * (1 - share) / worth + z**2 / (4 * worth**2))
        low = (middle - reach) / (1 + z**2 / worth)
        high = (middle + reach) / (1 + z**2 / worth)
        return (
            _limit_of_few(successes, rows, worth, level, low),
            1 - _limit_of_few(failures, rows, worth, level, 1 - high),
        )

    return Estimate(share, "Wilson", float(min(successes, failures)), limits)


def _limit_of_few(count: int, rows: int, worth: float, level: float, limit: float) -> float:
    """Return the lower limit of a share that rests on none or 1 to 3 rows; else `limit`.

    Wilson's own limit is too high there: a share a little below it would be missed far too often
    (Brown, Cai and DasGupta 2001, section 4.1.1, who take the limit for a Poisson count).
    """
    from scipy.special import gammaincinv

    if count == 0:
        return 0.0
    if count > (2 if rows <= 50 else 3):
        return limit
    return float(gammaincinv(count * worth / rows, 1 - level)) / worth


def _f1(table: np.ndarray, noise: float) -> Estimate:
    """The interval of F* = hits / (hits + errors), turned into f1 = 2 F* / (1 + F*).

    Of the rows that are ones or are predicted as ones, each is a hit with the same probability F*:
    a plain share, and f1 grows with it.
    """
    share = _share(table, HITS, ONES_OR_PREDICTED, noise)

    def limits(level):
        low, high = share.limits(level)
        return 2 * low / (1 + low), 2 * high / (1 + high)

    return Estimate(2 * share.value / (1 + share.value), "Wilson", share.effective_rows, limits)


# The weight of Newcombe's variance beside DeLong's, in degrees of freedom.
NEWCOMBE_FREEDOM = 5


def _area(ones: np.ndarray, zeros: np.ndarray) -> Estimate:
    """The areas that lie within t standard errors, the errors taken at each area in question.

    Newcombe's variance depends on the area and the number of rows alone. It is right for scores of
    one shape only (exponential), but knows what a few rows cannot show: how the variance grows as
    the area falls. DeLong's variance assumes no shape, but rests on the rows seen, and where only
    25 ones stand against many zeros it is often far too small. So Newcombe's variance is scaled by
    the mean of 1 and DeLong's ratio to it, weighted by their degrees of freedom (as the moderated
    variances of Smyth 2004, Statistical Applications in Genetics and Molecular Biology 3, 3).
    DeLong's freedom is Satterthwaite's, with the kurtosis of the placements allowed for: it goes
    to infinity with the rows, and the interval becomes DeLong's.
    """
    number_of_ones, number_of_zeros = int(ones.sum()), int(zeros.sum())
    pairs = number_of_ones * number_of_zeros
    below, above = placements(ones, zeros)
    area = float(np.dot(ones, below) / number_of_ones)
    if ones.size == 1:
        effective = float(min(number_of_ones, number_of_zeros))
        return Estimate(area, "exact", effective, lambda level: (area, area))
    if area < 0.5:
        effective = min(_effective(ones, below), _effective(zeros, above))
    else:
        effective = min(_effective(ones, 1 - below), _effective(zeros, 1 - above))

    def newcombe(theta):
        half = (number_of_ones + number_of_zeros) / 2 - 1
        spread = 1 + half * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return theta * (1 - theta) * spread / pairs

    of_ones, freedom_of_ones = variance_of_mean(ones, below)
    of_zeros, freedom_of_zeros = variance_of_mean(zeros, above)
    delong = of_ones + of_zeros
    freedom = 0.0
    if delong > 0 and min(freedom_of_ones, freedom_of_zeros) > 0:
        freedom = delong**2 / (of_ones**2 / freedom_of_ones + of_zeros**2 / freedom_of_zeros)
    ratio = delong / newcombe(min(max(area, 0.5 / pairs), 1 - 0.5 / pairs))
    scale = (freedom * ratio + NEWCOMBE_FREEDOM) / (freedom + NEWCOMBE_FREEDOM)

    def furthest(towards, t):
        inside, outside = area, towards
        for _ in range(50):
            middle = (inside + outside) / 2
            if abs(middle - area) <= t * math.sqrt(scale * newcombe(middle)):
                inside = middle
            else:
                outside = middle
        return inside

    def limits(level):
        t = t_quantile(level, freedom + NEWCOMBE_FREEDOM)
        low = furthest(0.0, t) if area > 0 else 0.0
        high = furthest(1.0, t) if area < 1 else 1.0
        return low, high

    return Estimate(area, "Newcombe-DeLong", effective, limits)


def _precision_over_recalls(ones: np.ndarray, zeros: np.ndarray, noise: float) -> Estimate:
    """The jackknife interval on the logit scale (Miller 1974, Biometrika 61, 1-15).

    The average precision of a sample is too high on average, since each one counts itself among
    the rows ranked as high: with 25 ones among 500 rows and no signal by a fifth of its value. The
    interval is therefore laid around the jackknife's estimate without bias, then stretched to hold
    the value itself. The t quantile has the freedom of a variance of values with this kurtosis.

    Where the ranking is perfect no spread has been seen. A share e of the ones may yet lie below
    all zeros, or a share e of the zeros above all ones, if the sample would lack such a row with
    at least the probability (1 - level) / 2 (Hanley and Lippman-Hand 1983, JAMA 249, 1743-1745);
    `low` is the smaller of the average precisions that would have.
    """
    number_of_ones, rows = int(ones.sum()), int(ones.sum() + zeros.sum())
    precision = np.cumsum(ones) / np.cumsum(ones + zeros)
    value = float(np.dot(ones, precision) / number_of_ones)
    effective = min(_effective(ones, precision), _effective(ones, 1 - precision))
    if value == 1:

        def limits_if_perfect(level):
            ones_unseen = _share_unseen(level, number_of_ones)
            odds = _share_unseen(level, rows - number_of_ones) * (rows / number_of_ones - 1)
            ones_below = 1 - ones_unseen * (1 - number_of_ones / rows)
            zeros_above = 1 - odds * math.log1p(1 / odds)
            return min(ones_below, zeros_above), 1.0

        return Estimate(value, "rule of three", effective, limits_if_perfect)
    without = average_precision_without(ones, zeros)
    counts = np.array([zeros, ones])
    unbiased = rows * value - (rows - 1) * float(np.sum(counts * without)) / rows
    of_class = np.sum(counts * without, axis=1, keepdims=True) / counts.sum(axis=1, keepdims=True)
    without = without - (1 - math.sqrt(noise)) * (of_class - np.sum(counts * without) / rows)
    # What the leave-one-out values vary by is (rows - 1) times less than what the rows vary by.
    variance, freedom = variance_of_mean(counts.ravel(), (rows - 1) * without.ravel())
    unbiased = min(max(unbiased, value / 3), (1 + 2 * value) / 3)
    slope = 1 / (unbiased * (1 - unbiased))

    def limits(level):
        reach = t_quantile(level, max(freedom, 2)) * math.sqrt(variance) * slope
        odds = unbiased / (1 - unbiased)
        low = 1 / (1 + math.exp(min(reach, 700)) / odds)
        high = 1 / (1 + math.exp(-reach) / odds)
        return min(low, value), max(high, value)

    return Estimate(value, "jackknife", effective, limits)


def _mean_loss(loss, target, probability, noise: float, highest: float = np.inf) -> Estimate:
    """The interval of a mean of skewed values, by Hall's cubic transformation of Student's t.

    Losses are skewed, the more so the better the model: a few rows have most of the loss, and an
    interval that is as long upwards as downwards is missed upwards.

    Where all rows lose the same no spread has been seen. A share e of rows of another sort may yet
    be missing from the sample, as for a perfect ranking; the interval reaches to where they lose
    what these probabilities would lose with the other target.
    """
    values = loss(target, probability)
    rows, mean, effective = values.size, float(values.mean()), _effective(1, values)
    values = with_less_prevalence_noise(values, target, noise)
    deviation = float(values.std(ddof=1))
    if deviation <= 1e-12 * mean:
        other = float(loss(~target, probability).mean())
        if math.isclose(other, mean):  # each probability is 0.5: the target makes no difference
            return Estimate(mean, "exact", float(rows), lambda level: (mean, mean))

        def limits_if_all_alike(level):
            furthest = mean + _share_unseen(level, rows) * (other - mean)
            return min(mean, furthest), max(mean, furthest)

        return Estimate(mean, "rule of three", 0.0, limits_if_all_alike)
    skewness = skewness_of(values)

    def limits(level):
        z = _normal_quantile(level) / math.sqrt(rows)
        low = mean - deviation * without_skewness(z, skewness, rows)
        high = mean - deviation * without_skewness(-z, skewness, rows)
        return max(low, 0.0), min(high, highest)

    return Estimate(mean, "Hall", effective, limits)


def with_less_prevalence_noise(values, target: np.ndarray, noise: float) -> np.ndarray:
    """Return `values` with the means of the classes drawn together around the common mean.

    `noise` is the variance of the share of ones over what it were if these rows were drawn without
    regard to their class. The variance between the classes shrinks by it, that within them stays.
    """
    if noise == 1:
        return values
    of_class = np.where(target, values[target].mean(), values[~target].mean())
    return values - (1 - math.sqrt(noise)) * (of_class - values.mean())


def skewness_of(values: np.ndarray) -> float:
    """Return the third central moment of `values` in standard deviations."""
    deviations = values - values.mean()
    squares = np.square(deviations)
    return float(np.mean(squares * deviations)) / float(np.mean(squares)) ** 1.5


def without_skewness(t: float, skewness: float, rows: int) -> float:
    """Return the inverse of `with_skewness`: from t / sqrt(n) to (mean - truth) / deviation."""
    if abs(skewness) < 1e-8:
        return t
    return 3 / skewness * (math.cbrt(1 + skewness * (t - skewness / (6 * rows))) - 1)


def with_skewness(studentized: float, skewness: float, rows: int) -> float:
    """Return Hall's transformation, S + g S^2 / 3 + g^2 S^3 / 27 + g / (6 n), for skewness g.

    Times sqrt(n), it is distributed as Student's t would be without the skewness.
    """
    g, s = skewness, studentized
    return s + g * s**2 / 3 + g**2 * s**3 / 27 + g / (6 * rows)


def variance_of_mean(counts, values) -> tuple[float, float]:
    """Return the variance of the mean of `values` and its degrees of freedom.

    `counts` says how often each value occurs. The variance of a variance is (kurtosis - 1) / n
    times its square: 2 / n for normal values, and many times that where a few values lie far out.
    Such a variance is worth no more than a variance of fewer normal values.
    """
    rows = int(np.sum(counts))
    if rows < 2:
        return 0.0, 0.0
    squares = np.square(values - np.dot(counts, values) / rows)
    second = float(np.dot(counts, squares)) / rows
    if second == 0:
        return 0.0, rows - 1.0
    kurtosis = float(np.dot(counts, np.square(squares))) / rows / second**2
    return second / (rows - 1), min(2 * rows / max(kurtosis - 1, 1e-9), rows - 1.0)


def _effective(counts, parts) -> float:
    """Return Kish's effective number of rows among which `parts` are shared out."""
    squares = float(np.sum(counts * np.square(parts)))
    return float(np.sum(counts * parts)) ** 2 / squares if squares > 0 else 0.0


def _share_unseen(level: float, rows: int) -> float:
    """Return the largest share of which `rows` rows may well hold none: about 3.7 / rows."""
    return 1 - ((1 - level) / 2) ** (1 / rows)


def _normal_quantile(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


def t_quantile(level: float, freedom: float) -> float:
    """Return the t that a two-sided interval at `level` reaches to with `freedom`."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


def checked(target, probability) -> tuple[np.ndarray, np.ndarray]:
    """Return the target as booleans and the probability as float64, both of shape (rows,).

    Raises InputError, naming what was found, where the two cannot be scored.
    """
    target, probability = _numbers("target", target), _numbers("probability", probability)
    if target.size != probability.size:
        raise InputError(
            f"There are {target.size} targets and {probability.size} probabilities; "
            "each row needs one of each. Give both for the same rows, in the same order."
        )
    if target.size == 0:
        raise InputError("There are no rows to score. Give at least one row of each class.")
    strange = target[(target != 0) & (target != 1)]
    if strange.size:
        raise InputError(
            f"The target holds {strange[0]:g}; only 0 and 1 can be scored. "
            "Map the labels to 0 and 1 first."
        )
    strange = probability[(probability < 0) | (probability > 1)]
    if strange.size:
        raise InputError(
            f"A probability is {strange[0]:g}; it must lie between 0 and 1. "
            "If the model gives scores and not probabilities, calibrate it."
        )
    ones = np.count_nonzero(target)
    if ones in (0, target.size):
        raise InputError(
            f"All {target.size} rows are of class {min(ones, 1)}: recall and roc_auc compare the "
            "classes and need both. Use more rows, or a stratified split."
        )
    return target.astype(bool), probability


def checked_threshold(threshold: float) -> float:
    """Return the threshold as a float; raise InputError unless it lies between 0 and 1."""
    if not 0 <= threshold <= 1:
        raise InputError(f"The threshold is {threshold}; it must lie between 0 and 1.")
    return float(threshold)


def checked_prevalence_noise(target: np.ndarray, table_rows: int | None) -> float:
    """Return rows / table_rows, 1 without `table_rows`; raise InputError if that is too few."""
    if table_rows is None:
        return 1.0
    if table_rows < target.size:
        raise InputError(
            f"table_rows is {table_rows}, but there are {target.size} rows: give the number of "
            "rows of the whole table of which these are a stratified part, or None."
        )
    return target.size / table_rows


def row_losses(target: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return each row's part of the log loss, in nats; `target` holds booleans."""
    epsilon = np.finfo(np.float64).eps
    of_truth = np.where(target, probability, 1 - probability)
    return -np.log(np.clip(of_truth, epsilon, 1 - epsilon))


def squared_errors(target: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return each row's part of the brier score; `target` holds booleans."""
    return np.square(probability - target)


def _numbers(what: str, values) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1:
        raise InputError(f"The {what} has the shape {values.shape}; give one value for each row.")
    try:
        values = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"The {what} is not numeric ({error}). Map it to numbers first.") from None
    missing = np.count_nonzero(np.isnan(values))
    if missing:
        raise InputError(
            f"{missing} of {values.size} values of the {what} are missing. Leave those rows out, "
            "or find out why the model gave no number for them."
        )
    return values


def stratified_rows(strategy: str, table_rows: int) -> int | None:
    """Return the rows of the table if the holdout is a stratified part of it, else None."""
    return table_rows if strategy == "stratified" else None
