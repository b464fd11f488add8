"""The rows a model is scored on, checked: what each metric is computed from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ml_baseline.errors import InputError


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows with their target and what a model says of them, each of shape (rows,).

    Attributes:
        target: whether a row is a one.
        probability: the predicted probability of a one.
        predicted: whether that is at least the threshold.
        noise: the variance of the share of ones over what it were if the rows were drawn without
            regard to their class: below 1 for a stratified part of a larger table.
        units: the number of the unit that each row belongs to, from 0 on; rows of one unit (a group, or
            the same row again and again) are no evidence of their own. None if each row is a unit.
    """

    target: np.ndarray
    probability: np.ndarray
    predicted: np.ndarray
    noise: float = 1.0
    units: np.ndarray | None = None

    @cached_property
    def table(self) -> np.ndarray:
        """The numbers of [[hits, misses], [false alarms, rightly predicted zeros]]."""
        hits = int(np.count_nonzero(self.predicted & self.target))
        alarms = int(np.count_nonzero(self.predicted)) - hits
        misses = int(np.count_nonzero(self.target)) - hits
        return np.array([[hits, misses], [alarms, self.target.size - hits - alarms - misses]])

    @cached_property
    def positions(self) -> np.ndarray:
        """Where the probability of each row stands among the distinct ones, highest first."""
        return np.unique(-self.probability, return_inverse=True)[1]

    @cached_property
    def by_score(self) -> tuple[np.ndarray, np.ndarray]:
        """The ones and the zeros at each distinct probability, highest first.

        Rows that share a probability share an entry: any order among them would be luck.
        """
        rows = np.bincount(self.positions)
        ones = np.bincount(self.positions[self.target], minlength=rows.size)
        return ones, rows - ones


def sample_of(
    target, probability, threshold: float = 0.5, table_rows: int | None = None, units=None
) -> Sample:
    """Return the rows of a target (zeros and ones) and a probability of a one, both (rows,), checked.

    A probability of at least `threshold` predicts a one. `table_rows` are the rows of the table of
    which these are a stratified part; None if they are not. `units` says which rows are no evidence
    of their own, (rows,): those with the same value; None if there are no such rows.

    Raises InputError where a value is missing or out of range, lengths differ or there is one class.
    """
    target, probability = _numbers("target", target), _numbers("probability", probability)
    rows, ones = target.size, np.count_nonzero(target)
    if rows != probability.size:
        raise InputError(
            f"There are {rows} targets and {probability.size} probabilities; "
            "each row needs one of each. Give both for the same rows, in the same order."
        )
    if rows == 0:
        raise InputError("There are no rows to score. Give at least one row of each class.")
    strange = target[(target != 0) & (target != 1)]
    if strange.size:
        raise InputError(
            f"The target holds {strange[0]:g}; only 0 and 1 can be scored. Map the labels to 0 and 1 first."
        )
    strange = probability[(probability < 0) | (probability > 1)]
    if strange.size:
        raise InputError(
            f"A probability is {strange[0]:g}; it must lie between 0 and 1. "
            "If the model gives scores and not probabilities, calibrate it."
        )
    if ones in (0, rows):
        raise InputError(
            f"All {rows} rows are of class {min(ones, 1)}: recall and roc_auc compare the "
            "classes and need both. Use more rows, or a stratified split."
        )
    if not 0 <= threshold <= 1:
        raise InputError(f"The threshold is {threshold}; it must lie between 0 and 1.")
    if table_rows is not None and table_rows < rows:
        raise InputError(
            f"table_rows is {table_rows}, but there are {rows} rows: give the number of "
            "rows of the whole table of which these are a stratified part, or None."
        )
    if units is not None:
        if np.shape(units) != (rows,):
            raise InputError(
                f"The units have the shape {np.shape(units)}, but there are {rows} rows; give one for each row."
            )
        names, numbers = np.unique(units, return_inverse=True)
        units = None if names.size == rows else numbers
    noise = rows / (table_rows or rows)
    return Sample(target.astype(bool), probability, probability >= threshold, noise, units)


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
