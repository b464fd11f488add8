"""The figures of a model on some rows, and how far each of them can be trusted."""

import numpy as np

from ml_baseline.errors import InputError
from ml_baseline.scoring import intervals
from ml_baseline.scoring.methods import METHODS
from ml_baseline.scoring.metrics import METRICS, Metric, metric_named
from ml_baseline.scoring.sample import Sample, sample_of

# Fewer rows of a class than this, or a figure that hangs on fewer rows than this, and the interval
# is marked as not reliable. docs/intervals.md shows what happens there.
ENOUGH_ROWS_OF_A_CLASS = 20
ENOUGH_EFFECTIVE_ROWS = 5


def scores(target, probability, threshold: float = 0.5) -> dict[str, float]:
    """Return every metric of `METRICS`, in that order, then `threshold`, `prevalence` and `rows`.

    The arguments, and errors, are those of `sample_of`. All values are those scikit-learn gives for
    the same float64 numbers: `precision` is 0 where no row is predicted as a one, `pr_auc` is the
    average precision, and `log_loss` (in nats) keeps the probabilities one rounding error away from
    0 and 1. `prevalence` is the share of ones.
    """
    sample = sample_of(target, probability, threshold)
    values: dict[str, float] = {name: value(name, sample) for name in METRICS}
    prevalence = np.count_nonzero(sample.target) / sample.target.size
    return values | {
        "threshold": float(threshold),
        "prevalence": prevalence,
        "rows": sample.target.size,
    }


def value(name: str, sample: Sample) -> float:
    """Return one metric of some rows."""
    metric = metric_named(name)
    return float(METHODS[metric.method].value(sample, metric))


def estimate(name: str | Metric, sample: Sample) -> intervals.Estimate:
    """Return one metric of some rows, with what it takes to lay an interval around it."""
    metric = metric_named(name)
    depends = intervals.Dependence()
    if sample.units is not None:
        depends = intervals.dependence(parts_of_rows(metric, sample), sample.units)
    return METHODS[metric.method].estimate(sample, metric, depends)


def parts_of_rows(name: str | Metric, sample: Sample) -> np.ndarray:
    """Return the part that each row has in a metric, so that the metric is a mean to first order.

    The parts have the shape (rows,) and mean 0; the variance of the metric is about that of the
    mean of the parts. They are the influence of the row: exact for means and shares of a fixed
    whole, by the delta method for ratios and functions of rates, from DeLong's placements for
    roc_auc, and from leaving the row out for pr_auc; 0 where the metric has no spread.
    """
    metric = metric_named(name)
    parts = METHODS[metric.method].parts(sample, metric)
    parts = intervals.with_less_prevalence_noise(parts - parts.mean(), sample)
    return np.where(np.abs(parts) < 1e-12, 0.0, parts)


def parts_of_units(name: str | Metric, sample: Sample) -> np.ndarray:
    """Return the part that each unit has in a metric, shape (units,): its rows' parts together."""
    parts = intervals.by_unit(parts_of_rows(name, sample), sample.units)
    return np.where(np.abs(parts) < 1e-12, 0.0, parts)  # one unit has none at all


def confidence_intervals(
    target,
    probability,
    threshold: float = 0.5,
    level: float = 0.95,
    table_rows: int | None = None,
    units=None,
):
    """Return how far each metric may be from its value on the whole population.

    The rows are taken as a random sample of that population, and the model as given: the interval
    says what other rows would have shown, not what other training rows would have learned.

    The arguments but `level` are those of `sample_of`. With `table_rows` the share of ones is that of
    the larger table and varies less from sample to sample: the intervals of what depends on it are
    shorter. With `units` all intervals are as long as the variation between the units makes them.

    Returns a DataFrame with the metrics as index and the columns

    * `value`, `low`, `high`: the metric and its two-sided interval at `level`;
    * `method`: how the interval was computed: docs/intervals.md has the methods and their sources;
    * `effective_rows`: how many rows the figure hangs on, (sum e)^2 / (sum e^2) for the parts e that
      the rows have in it (Kish's effective sample size): for a share the number of the rarer outcome;
      for the areas the errors of the class that has fewer; for mcc and balanced_accuracy the errors
      of both classes; for log_loss and brier the losses;
    * `reliable`: False where there are fewer than 20 rows of either class (units that have some), or
      fewer than 5 effective rows: the interval is then a rough guide.

    Raises InputError as `sample_of` does, and for a `level` that is not between 0 and 1.
    """
    import pandas as pd

    checked_level(level)
    sample = sample_of(target, probability, threshold, table_rows, units)
    enough = enough_of_both_classes(sample)
    rows = []
    for name in METRICS:
        found = estimate(name, sample)
        low, high = found.limits(level)
        reliable = enough and found.effective_rows >= ENOUGH_EFFECTIVE_ROWS
        rows.append((name, found.value, low, high, found.method, found.effective_rows, reliable))
    columns = ["metric", "value", "low", "high", "method", "effective_rows", "reliable"]
    return pd.DataFrame(rows, columns=columns).set_index("metric")


def checked_level(level: float) -> None:
    """Raise InputError unless a confidence level lies between 0 and 1."""
    if not 0 < level < 1:
        raise InputError(f"The level is {level}; it must lie between 0 and 1, such as 0.95.")


def count_of(rows: np.ndarray, sample: Sample) -> int:
    """Return how many rows are marked, or in how many units there are some."""
    if sample.units is None:
        return int(np.count_nonzero(rows))
    return int(np.unique(sample.units[rows]).size)


def enough_of_both_classes(sample: Sample) -> bool:
    """Return whether there are rows (or units with rows) enough of either class to be relied on."""
    of_class = sample.target, ~sample.target
    return min(count_of(rows, sample) for rows in of_class) >= ENOUGH_ROWS_OF_A_CLASS


def stratified_rows(strategy: str, table_rows: int) -> int | None:
    """Return the rows of the table if the holdout is a stratified part of it, else None."""
    return table_rows if strategy == "stratified" else None
