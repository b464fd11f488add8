"""How far a figure of some rows may be from that of the whole population: the intervals.

No random numbers are used. Which metric has which method stands in `methods.METHODS`, what they promise
and how often they are right in docs/intervals.md.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ml_baseline.scoring.counting import average_precision_without, placements, wilson
from ml_baseline.scoring.metrics import Metric
from ml_baseline.scoring.sample import Sample


class Estimate(NamedTuple):
    """A metric of a sample, and what is needed to say how far it may be off at any level."""

    value: float
    method: str
    effective_rows: float
    limits: Callable[[float], tuple[float, float]]  # from a level to low and high


class Dependence(NamedTuple):
    """How much less the rows tell of a metric than as many independent ones.

    `factor` is the variance of the metric over what it were if the rows were independent, at least 1
    (the design effect: Kish 1965, Survey Sampling): the rows are worth that many times fewer. The
    variance has `freedom` degrees of freedom.
    """

    factor: float = 1.0
    freedom: float = math.inf

    def widening(self, level: float) -> float:
        """Return the squared ratio of Student's t to the normal quantile (Korn and Graubard 1998)."""
        if math.isinf(self.freedom):
            return 1.0
        # scipy gives a t of 0 for levels below about 1e-8, as p-values near 1 ask for.
        return max((t_quantile(level, self.freedom) / _normal_quantile(level)) ** 2, 1.0)


def by_unit(parts: np.ndarray, units: np.ndarray | None) -> np.ndarray:
    """Return the units' parts in a metric, so that it is a mean of them, from those of the rows."""
    if units is None:
        return parts
    sums = np.bincount(units, weights=parts)
    return sums * (sums.size / parts.size)


def dependence(parts: np.ndarray, units: np.ndarray) -> Dependence:
    """Return how far the rows depend on each other by units: from the rows' parts in the metric.

    The parts of a unit's rows are added up; what the sums vary by is what the metric varies by
    (Obuchowski 1997, Biometrics 53, 567-578, for roc_auc; Rao and Scott 1992, Biometrics 48, 577-585,
    for shares). Where nothing varies, each unit is taken to say the same thing with all its rows.
    """
    sizes, sums = np.bincount(units), by_unit(parts, units)
    of_units, freedom = variance_of_mean(np.ones(sums.size), sums)
    of_rows, _ = variance_of_mean(np.ones(parts.size), parts)
    if not (of_rows > 0 and of_units > 0):
        return Dependence(float(np.square(sizes).sum() / parts.size), max(sizes.size - 1.0, 1.0))
    return Dependence(max(of_units / of_rows, 1.0), max(freedom, 1.0))


def share(sample: Sample, part: np.ndarray, whole: np.ndarray, depends: Dependence) -> Estimate:
    """Wilson's interval for a share, corrected where one or the other outcome is rare.

    `part` and `whole` are what a row of each cell of `Sample.table` counts in either. If the share of
    ones is known better than these rows alone would tell, the rows count for more: by the factor by
    which the variance of the share is then smaller.
    """
    table = sample.table
    successes, rows = int(np.sum(table * part)), int(np.sum(table * whole))
    if rows == 0:  # no row is predicted as a one: the precision can be anything
        return Estimate(0.0, "Wilson", 0.0, lambda level: (0.0, 1.0))
    share, failures = successes / rows, rows - successes
    deviations = part - share * whole
    variance = np.sum(table * deviations**2)
    of_class = np.sum(table * deviations, axis=1) ** 2 / np.sum(table, axis=1)
    less = variance - (1 - sample.noise) * np.sum(of_class)
    worth = rows * (variance / less if less > 0 else 1.0) / depends.factor

    def limits(level):
        return share_limits(successes, rows, level, worth / depends.widening(level))

    return Estimate(share, "Wilson", min(successes, failures) / depends.factor, limits)


def share_limits(successes: int, rows: int, level: float, worth: float) -> tuple[float, float]:
    """Return Wilson's limits of a share, but where none or 1 to 3 rows decide.

    Wilson's own limit is too high there: a share a little below it would be missed far too often
    (Brown, Cai and DasGupta 2001, section 4.1.1, who take the limit for a Poisson count). `worth`
    is the number of independent rows that the rows are worth.
    """
    from scipy.special import gammaincinv

    few = 2 if rows <= 50 else 3

    def lower(count: int, limit: float) -> float:
        if 0 < count <= few:
            return float(gammaincinv(count * worth / rows, 1 - level)) / worth
        return limit if count else 0.0

    low, high = wilson(successes / rows, worth, _normal_quantile(level))
    return lower(successes, float(low)), 1 - lower(rows - successes, 1 - float(high))


def rates(sample: Sample, metric: Metric, depends: Dependence) -> Estimate:
    """The interval of a function of the recall, the specificity and the share of ones.

    The three rates are independent. Each is moved to its own limits, and the distances that moves
    the function by are squared and added: Zou and Donner (2008), Statistics in Medicine 27,
    1693-1702, for functions that are no sums.

    It hangs on the errors of both classes (or on what is right, if that is less), each as a share of
    its class, and on the rows that are predicted as ones and as zeros, whichever are fewer.
    """
    (hits, misses), (alarms, right) = sample.table.tolist()
    cells = np.eye(4, dtype=int).reshape(4, 2, 2)
    of_ones, of_zeros = cells[0] + cells[1], cells[2] + cells[3]
    found = (
        share(sample, cells[0], of_ones, depends),
        share(sample, cells[3], of_zeros, depends),
        share(sample, of_ones, of_ones + of_zeros, depends),
    )
    values = [one.value for one in found]
    value = metric.of(*values)
    sizes = 1 / sample.table.sum(axis=1)
    effective = min(
        effective_rows(np.array([misses, alarms]), sizes),
        effective_rows(np.array([hits, right]), sizes),
        float(hits + alarms),
        float(misses + right),
    )

    def limits(level):
        down = up = 0.0
        for i, one in enumerate(found):
            moved = [metric.of(*values[:i], limit, *values[i + 1 :]) for limit in one.limits(level)]
            down += max(value - min(moved), 0.0) ** 2
            up += max(max(moved) - value, 0.0) ** 2
        lowest, highest = metric.bounds
        return max(value - math.sqrt(down), lowest), min(value + math.sqrt(up), highest)

    return Estimate(value, "square and add", effective / depends.factor, limits)


# The weight of Newcombe's variance beside DeLong's, in degrees of freedom.
NEWCOMBE_FREEDOM = 5


def area(sample: Sample, metric: Metric, depends: Dependence) -> Estimate:
    """The areas that lie within t standard errors, the errors taken at each area in question.

    Newcombe's variance is right for scores of one shape only (exponential), but knows how the variance
    grows as the area falls, which a few rows cannot show. DeLong's assumes no shape, but with only 25
    ones against many zeros it is often far too small. So Newcombe's is scaled by the mean of 1 and
    DeLong's ratio to it, weighted by their degrees of freedom (as the moderated variances of Smyth
    2004, Statistical Applications in Genetics and Molecular Biology 3, 3). DeLong's freedom is
    Satterthwaite's, with the kurtosis of the placements allowed for: it goes to infinity with the
    rows, and the interval becomes DeLong's.
    """
    ones, zeros = sample.by_score
    numbers = int(ones.sum()), int(zeros.sum())
    worth_of_ones, worth_of_zeros = (number / depends.factor for number in numbers)
    below, above = placements(ones, zeros)
    area = float(np.dot(ones, below) / numbers[0])
    if ones.size == 1:
        effective = min(worth_of_ones, worth_of_zeros)
        return Estimate(area, "exact", effective, lambda level: (area, area))
    errors = (below, above) if area < 0.5 else (1 - below, 1 - above)
    effective = min(effective_rows(ones, errors[0]), effective_rows(zeros, errors[1]))

    def newcombe(theta):
        half = max((worth_of_ones + worth_of_zeros) / 2 - 1, 0.0)
        spread = 1 + half * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return theta * (1 - theta) * spread / (worth_of_ones * worth_of_zeros)

    of_ones, freedom_of_ones = variance_of_mean(ones, below)
    of_zeros, freedom_of_zeros = variance_of_mean(zeros, above)
    delong = of_ones + of_zeros
    freedom = 0.0
    if delong > 0 and min(freedom_of_ones, freedom_of_zeros) > 0:
        freedom = delong**2 / (of_ones**2 / freedom_of_ones + of_zeros**2 / freedom_of_zeros)
        freedom = min(freedom, depends.freedom)
    delong *= depends.factor
    half_a_pair = 0.5 / math.prod(numbers)
    ratio = delong / newcombe(min(max(area, half_a_pair), 1 - half_a_pair))
    scale = (freedom * ratio + NEWCOMBE_FREEDOM) / (freedom + NEWCOMBE_FREEDOM)

    def furthest(towards, t):
        inside, outside = area, towards
        for _ in range(50):
            middle = (inside + outside) / 2
            within = abs(middle - area) <= t * math.sqrt(scale * newcombe(middle))
            inside, outside = (middle, outside) if within else (inside, middle)
        return inside

    def limits(level):
        t = t_quantile(level, freedom + NEWCOMBE_FREEDOM)
        return furthest(0.0, t) if area > 0 else 0.0, furthest(1.0, t) if area < 1 else 1.0

    return Estimate(area, "Newcombe-DeLong", effective / depends.factor, limits)


def precision_over_recalls(sample: Sample, metric: Metric, depends: Dependence) -> Estimate:
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
    ones, zeros = sample.by_score
    number_of_ones, rows = int(ones.sum()), sample.target.size
    precision = np.cumsum(ones) / np.cumsum(ones + zeros)
    value = float(np.dot(ones, precision) / number_of_ones)
    effective = min(effective_rows(ones, part) for part in (precision, 1 - precision))
    effective /= depends.factor
    if value == 1:

        def limits_if_perfect(level):
            ones_unseen = _share_unseen(level, number_of_ones / depends.factor)
            zeros_unseen = _share_unseen(level, (rows - number_of_ones) / depends.factor)
            odds = zeros_unseen * (rows / number_of_ones - 1)
            ones_below = 1 - ones_unseen * (1 - number_of_ones / rows)
            zeros_above = 1 - odds * math.log1p(1 / odds)
            return min(ones_below, zeros_above), 1.0

        return Estimate(value, "rule of three", effective, limits_if_perfect)
    without = average_precision_without(ones, zeros)
    counts = np.array([zeros, ones])
    unbiased = rows * value - (rows - 1) * float(np.sum(counts * without)) / rows
    unbiased += (depends.factor - 1) * (unbiased - value)
    of_class = np.sum(counts * without, axis=1, keepdims=True) / counts.sum(axis=1, keepdims=True)
    without = without - (1 - math.sqrt(sample.noise)) * (of_class - np.sum(counts * without) / rows)
    # What the leave-one-out values vary by is (rows - 1) times less than what the rows vary by.
    variance, freedom = variance_of_mean(counts.ravel(), (rows - 1) * without.ravel())
    variance, freedom = variance * depends.factor, min(freedom, depends.freedom)
    unbiased = min(max(unbiased, value / 3), (1 + 2 * value) / 3)
    slope = 1 / (unbiased * (1 - unbiased))

    def limits(level):
        reach = t_quantile(level, max(freedom, 2)) * math.sqrt(variance) * slope
        odds = unbiased / (1 - unbiased)
        low, high = (1 / (1 + math.exp(min(off, 700)) / odds) for off in (reach, -reach))
        return min(low, value), max(high, value)

    return Estimate(value, "jackknife", effective, limits)


def mean_loss(loss: Callable, sample: Sample, metric: Metric, depends: Dependence) -> Estimate:
    """The interval of a mean of skewed values, by Hall's cubic transformation of Student's t.

    Losses are skewed, the more so the better the model: an interval that is as long upwards as
    downwards is missed upwards.

    Where all rows lose the same, a share e of rows of another sort may yet be missing from the sample;
    the interval reaches to where they lose what these probabilities would with the other target.
    """
    values = loss(sample.target, sample.probability)
    mean, worth = float(values.mean()), values.size / depends.factor
    effective = effective_rows(1, values) / depends.factor
    values = with_less_prevalence_noise(values, sample)
    deviation = float(values.std(ddof=1))
    if deviation <= 1e-12 * mean:
        other = float(loss(~sample.target, sample.probability).mean())
        if math.isclose(other, mean):  # each probability is 0.5: the target makes no difference
            return Estimate(mean, "exact", worth, lambda level: (mean, mean))

        def limits_if_all_alike(level):
            furthest = mean + _share_unseen(level, worth) * (other - mean)
            return min(mean, furthest), max(mean, furthest)

        return Estimate(mean, "rule of three", 0.0, limits_if_all_alike)
    skewness = skewness_of(values)

    def limits(level):
        z = _normal_quantile(level) * math.sqrt(depends.widening(level)) / math.sqrt(worth)
        low, high = (mean - deviation * without_skewness(t, skewness, worth) for t in (z, -z))
        return max(low, 0.0), min(high, metric.bounds[1])

    return Estimate(mean, "Hall", effective, limits)


def with_less_prevalence_noise(values: np.ndarray, sample: Sample) -> np.ndarray:
    """Return `values` with the means of the classes drawn together around the common mean.

    The variance between the classes shrinks by `Sample.noise`, that within them stays.
    """
    if sample.noise == 1:
        return values
    target = sample.target
    of_class = np.where(target, values[target].mean(), values[~target].mean())
    return values - (1 - math.sqrt(sample.noise)) * (of_class - values.mean())


def skewness_of(values: np.ndarray) -> float:
    """Return the third central moment of `values` in standard deviations."""
    deviations = values - values.mean()
    squares = np.square(deviations)
    return float(np.mean(squares * deviations)) / float(np.mean(squares)) ** 1.5


def without_skewness(t: float, skewness: float, rows: float) -> float:
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

    `counts` says how often each value occurs. The variance of a variance is (kurtosis - 1) / n times
    its square, 2 / n for normal values: with far-out values it is worth that of fewer normal ones.
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


def effective_rows(counts, parts) -> float:
    """Return Kish's effective number of rows among which `parts` are shared out."""
    squares = float(np.sum(counts * np.square(parts)))
    return float(np.sum(counts * parts)) ** 2 / squares if squares > 0 else 0.0


def _share_unseen(level: float, rows: float) -> float:
    """Return the largest share of which `rows` rows may well hold none: about 3.7 / rows."""
    return 1 - ((1 - level) / 2) ** (1 / rows)


def _normal_quantile(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


def t_quantile(level: float, freedom: float) -> float:
    """Return the t that a two-sided interval at `level` reaches to with `freedom`."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))
