"""Which rows are trained on and which are scored: the holdout and the cross-validation folds."""

import numpy as np
import pandas as pd

from ml_baseline.errors import InputError
from ml_baseline.schema import columns_of_role, feature_columns

# Out-of-fold predictions of these rows do not exist: in time order, nothing comes before them.
NO_FOLD = -1


def split(
    table: pd.DataFrame, schema: dict, strategy: str, test_size: float, random_state: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training rows and the holdout rows of a cleaned table, each in table order.

    Args:
        table: shape (rows, columns), with the columns `schema` keeps.
        schema: the table's input schema.
        strategy: "stratified" (both sides have the same share of each class; rows with identical
            features stay on one side), "group" (all rows with the same value in the column of
            role `group` stay on one side) or "time" (the holdout is the latest rows by the column
            of role `time`).
        test_size: share of rows wanted in the holdout, above 0 and below 1.
        random_state: seed; the strategy "time" does not use it.

    Raises:
        InputError: a side would lack a class, or the column of the strategy has missing values.
    """
    target = table[schema["target"]].to_numpy()
    if strategy == "time":
        holdout = _latest(_times(table, schema), test_size)
    else:
        places = _places(target, row_groups(table, schema, strategy), random_state)
        holdout = places < test_size
    for rows, side in ((~holdout, "training"), (holdout, "holdout")):
        counts = np.bincount(target[rows], minlength=2)
        if counts.min() == 0:
            raise InputError(
                f"the {strategy} split leaves the {side} rows without class {counts.argmin()} of "
                f"'{schema['target']}': {counts[0]:,} rows of class 0 and {counts[1]:,} of class 1 "
                f"(whole table: {(target == 0).sum():,} and {(target == 1).sum():,}); "
                "give more rows of that class, another `split: test_size` or another strategy"
            )
    return table[~holdout].reset_index(drop=True), table[holdout].reset_index(drop=True)


def fold_numbers(
    table: pd.DataFrame, schema: dict, strategy: str, folds: int, random_state: int
) -> np.ndarray:
    """Return each training row's fold, shape (rows,): 0 to `folds` - 1.

    The strategies are those of `split`. In time order the folds are consecutive stretches of
    which each is to be predicted from the ones before it, so the first stretch gets `NO_FOLD`.

    Raises:
        InputError: a class has fewer rows, or fewer groups of rows, than there are folds.
    """
    target = table[schema["target"]].to_numpy()
    counts = np.bincount(target, minlength=2)
    if counts.min() < folds:
        raise InputError(
            f"class {counts.argmin()} of '{schema['target']}' has {counts.min()} training rows, "
            f"fewer than the {folds} folds of the cross-validation; lower `cv: folds` or give more "
            "rows of that class"
        )
    if strategy == "time":
        ranks = _times(table, schema).rank(method="average", pct=True).to_numpy()
        numbers = np.minimum((ranks * (folds + 1)).astype(int), folds) - 1
    else:
        groups = row_groups(table, schema, strategy)
        numbers = (_places(target, groups, random_state) * folds).astype(int)
    for fold in range(folds):
        for rows, side in (
            (numbers == fold, "validation"),
            (_before(numbers, fold, strategy), "training"),
        ):
            if len(np.unique(target[rows])) < 2:
                raise InputError(
                    f"fold {fold + 1} of {folds} has {side} rows of fewer than two classes of "
                    f"'{schema['target']}' with the {strategy} split; lower `cv: folds`"
                )
    return numbers


def fold_rows(numbers: np.ndarray, fold: int, strategy: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the masks of the rows to train on and to predict in a fold."""
    return _before(numbers, fold, strategy), numbers == fold


def _before(numbers: np.ndarray, fold: int, strategy: str) -> np.ndarray:
    return numbers < fold if strategy == "time" else numbers != fold


def row_groups(table: pd.DataFrame, schema: dict, strategy: str = "stratified") -> np.ndarray:
    """Return a number for each row, the same for rows that must stay on one side.

    Rows of the same group under the strategy "group", else rows with identical features.
    """
    if strategy == "group":
        (name,) = columns_of_role(schema, "group")
        missing = int(table[name].isna().sum())
        if missing:
            raise InputError(
                f"the group column '{name}' is missing in {missing:,} rows; a split by group "
                "needs to know the group of every row: fill it in or remove these rows"
            )
        return pd.factorize(table[name])[0]
    features = table[feature_columns(schema)]
    return pd.factorize(pd.util.hash_pandas_object(features, index=False))[0]


def _places(target: np.ndarray, groups: np.ndarray, random_state: int) -> np.ndarray:
    """Return a place from 0 to 1 for each row: groups shuffled and laid out class by class.

    Cutting all places at the same points gives parts that keep groups whole and classes in
    proportion. A group belongs to the class that most of its rows have.
    """
    rows_of_group = np.bincount(groups)
    positive_share = np.bincount(groups, weights=target) / rows_of_group
    group_class = positive_share >= 0.5
    order = np.random.default_rng(random_state).permutation(len(rows_of_group))
    places = np.empty(len(rows_of_group))
    for value in (False, True):
        stratum = order[group_class[order] == value]
        rows = rows_of_group[stratum]
        places[stratum] = (np.cumsum(rows) - rows / 2) / max(rows.sum(), 1)
    return places[groups]


def _times(table: pd.DataFrame, schema: dict) -> pd.Series:
    (name,) = columns_of_role(schema, "time")
    missing = int(table[name].isna().sum())
    if missing:
        raise InputError(
            f"the time column '{name}' is missing or unreadable in {missing:,} rows; a split by "
            "time needs the time of every row: fill it in or remove these rows"
        )
    return table[name]


def _latest(times: pd.Series, test_size: float) -> np.ndarray:
    """Return a mask of the latest rows; rows of the same time stay together."""
    boundary = times.quantile(1 - test_size, interpolation="lower")
    return (times > boundary).to_numpy()
