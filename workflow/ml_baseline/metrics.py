"""The figures a model is judged by, and how far each of them can be trusted.

Everything here takes a target of zeros and ones and the probability of a one, row by row. Written
in plain numpy: importing scikit-learn would cost more than all the figures of a small table.
"""

from typing import NamedTuple

import numpy as np

from ml_baseline.errors import InputError


class Metric(NamedTuple):
    """What a program needs to know of a metric to show it, sort by it and bound it."""

    higher_is_better: bool
    uses: str  # "threshold": the yes/no prediction; "probability": the probability itself
    highest: float  # the lowest is 0 for all of them
    meaning: str


# The order is the order of the columns in every table of results.
METRICS = {
    "accuracy": Metric(True, "threshold", 1.0, "share of the rows that are predicted right"),
    "precision": Metric(True, "threshold", 1.0, "share of the predicted ones that are ones"),
    "recall": Metric(True, "threshold", 1.0, "share of the ones that are predicted as ones"),
    "f1": Metric(True, "threshold", 1.0, "harmonic mean of precision and recall"),
    "roc_auc": Metric(True, "probability", 1.0, "chance that a one is ranked above a zero"),
    "pr_auc": Metric(True, "probability", 1.0, "average precision over all recalls"),
    "log_loss": Metric(False, "probability", np.inf, "mean of minus the log of the probability"),
    "brier": Metric(False, "probability", 1.0, "mean squared error of the probability"),
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
        "roc_auc": _roc_auc(ones_at, zeros_at),
        "pr_auc": _average_precision(ones_at, zeros_at),
        "log_loss": row_losses(target, probability).mean(),
        "brier": np.square(probability - target).mean(),
        "threshold": threshold,
        "prevalence": ones / rows,
    }
    return {name: float(value) for name, value in values.items()} | {"rows": rows}


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


def row_losses(target: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return each row's part of the log loss, in nats; `target` holds booleans."""
    epsilon = np.finfo(np.float64).eps
    of_truth = np.where(target, probability, 1 - probability)
    return -np.log(np.clip(of_truth, epsilon, 1 - epsilon))


def counts_by_score(target: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of ones and of zeros at each distinct probability, highest first.

    Rows that share a probability share an entry: a ranking cannot tell them apart, and any order
    among them would be luck.
    """
    order = np.argsort(-probability, kind="stable")
    ordered = probability[order]
    last = np.append(np.flatnonzero(np.diff(ordered)), ordered.size - 1)
    ones = np.diff(np.cumsum(target[order])[last], prepend=0)
    rows = np.diff(last, prepend=-1)
    return ones, rows - ones


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


def _roc_auc(ones, zeros):
    """Return the area from the counts at each score, highest first (last axis); ties count half."""
    zeros_below = zeros.sum(axis=-1, keepdims=True) - np.cumsum(zeros, axis=-1)
    wins = np.sum(ones * (zeros_below + zeros / 2), axis=-1)
    return wins / (ones.sum(axis=-1) * zeros.sum(axis=-1))


def _average_precision(ones, zeros):
    """Return the mean, over the ones, of the precision where each is first predicted."""
    ones_so_far = np.cumsum(ones, axis=-1)
    precision = ones_so_far / (ones_so_far + np.cumsum(zeros, axis=-1))
    return np.sum(ones * precision, axis=-1) / ones_so_far[..., -1]
