"""Which rows are trained on and which are scored: the holdout and the cross-validation folds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ml_baseline.data.schema import Schema, class_names, columns_of_role, feature_columns
from ml_baseline.errors import InputError
from ml_baseline.text import plural

# Out-of-fold predictions of these rows do not exist: in time order, nothing comes before them.
NO_FOLD = -1
# Where whole groups fit badly into their parts, so many orders of them are tried, until each part
# has the rows wanted of each class but for this share of them, or for one row.
ORDERS = 20
CLOSE_ENOUGH = 0.01
# What stays in one piece under each strategy that deals out groups of rows.
WHOLE = {
    "stratified": ("distinct rows of features", "rows with identical features stay together"),
    "group": ("groups", "rows of one group stay together"),
}


def split(
    table: pd.DataFrame, schema: Schema, strategy: str, test_size: float, random_state: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training rows and the holdout rows of a cleaned table, each in table order.

    Args and errors are those of `holdout_rows`.
    """
    holdout = holdout_rows(table, schema, strategy, test_size, random_state)
    return table[~holdout].reset_index(drop=True), table[holdout].reset_index(drop=True)


def holdout_rows(
    table: pd.DataFrame, schema: Schema, strategy: str, test_size: float, random_state: int
) -> np.ndarray:
    """Return a mask of the rows of a cleaned table that are held out.

    Args:
        table, schema: shape (rows, columns), with the columns that its input schema keeps.
        strategy: "stratified" (both sides have the same share of each class; rows with identical
            features stay on one side, see `row_groups`), "group" (rows of one group do) or "time" (the
            holdout is the latest rows; rows of the same time stay on one side).
        test_size: share of rows wanted in the holdout, above 0 and below 1, met as nearly as rows that
            stay together allow.
        random_state: seed; the strategy "time" does not use it.

    Raises:
        InputError: a side would lack a class, or the column of the strategy has missing values.
    """
    target, names = table[schema["target"]].to_numpy(), class_names(schema)
    if len(np.unique(target)) < 2:
        found = _by_class(target, names)
        raise InputError(f"there are rows of one class only: {found}; give rows of both")
    if len(target) - target.sum() < 2 or target.sum() < 2:
        raise InputError(
            f"there are too few rows: {_by_class(target, names)}; training and holdout need at least one "
            "of each, so give more"
        )
    if strategy == "time":
        holdout = _latest(_known(table, schema, "time"), test_size)
    else:
        groups = row_groups(table, schema, strategy)
        holdout = _parts(target, groups, [test_size, 1 - test_size], random_state) == 0
    for rows, side in ((~holdout, "training"), (holdout, "holdout")):
        counts = np.bincount(target[rows], minlength=2)
        if counts.min() == 0:
            why = "" if strategy == "time" else f"; {_pieces(target, groups, strategy, names)}"
            raise InputError(
                f"the {strategy} split leaves the {side} rows without {names[counts.argmin()]}: "
                f"{_by_class(target[rows], names)} (whole table: {_by_class(target, names)}){why}; "
                "give more rows of that class, another `split: test_size` or another strategy"
            )
    return holdout


def fold_numbers(
    table: pd.DataFrame, schema: Schema, strategy: str, folds: int, random_state: int
) -> np.ndarray:
    """Return each training row's fold, shape (rows,): 0 to `folds` - 1.

    The strategies are those of `split`. In time order the folds are consecutive stretches of
    which each is to be predicted from the ones before it, so the first stretch gets `NO_FOLD`.

    Raises:
        InputError: a class has fewer rows, or fewer groups of rows, than there are folds.
    """
    target, names = table[schema["target"]].to_numpy(), class_names(schema)
    counts = np.bincount(target, minlength=2)
    if counts.min() < folds:
        raise InputError(
            f"found {plural(counts.min(), 'training row')} with {names[counts.argmin()]}, fewer than the "
            f"{folds} folds of the cross-validation; lower `cv: folds` or add rows of that class"
        )
    if strategy == "time":
        times = _known(table, schema, "time")
        ranks = times.rank(method="average").to_numpy()
        stretches = (ranks - 0.5) * (folds + 1) // len(table)
        numbers = stretches.astype(int) + NO_FOLD
        why = f"{len(table):,} rows of {times.nunique():,} different times"
    else:
        groups = row_groups(table, schema, strategy)
        numbers = _parts(target, groups, [1 / folds] * folds, random_state)
        why = _pieces(target, groups, strategy, names)
    for fold in range(folds):
        training, validation = fold_rows(numbers, fold, strategy)
        for rows, side in ((validation, "validation"), (training, "training")):
            if len(np.unique(target[rows])) < 2:
                raise InputError(
                    f"fold {fold + 1} of {folds} has {side} rows of fewer than two classes of "
                    f"'{schema['target']}' with the {strategy} split; {why}; lower `cv: folds`"
                )
    return numbers


def fold_rows(numbers: np.ndarray, fold: int, strategy: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the masks of the rows to train on and to predict in a fold."""
    return (numbers < fold if strategy == "time" else numbers != fold), numbers == fold


def row_groups(table: pd.DataFrame, schema: Schema, strategy: str = "stratified") -> np.ndarray:
    """Return a number for each row, the same for rows that must stay on one side.

    Rows of the same group under the strategy "group", else rows with identical features, which may be
    copies of each other, unless the schema says that the table is coarse.
    """
    if strategy == "group":
        return pd.factorize(_known(table, schema, "group"))[0]
    if schema.get("coarse"):
        return np.arange(len(table))
    features = table[feature_columns(schema)]
    return pd.factorize(pd.util.hash_pandas_object(features, index=False))[0]


def units(table: pd.DataFrame, schema: Schema) -> np.ndarray:
    """Return a number for each row, the same for rows that are no evidence of their own.

    Rows of one group where the schema names a column of that role (a row without a group is one by
    itself), else rows with identical features: split as one, they tell one thing, however often.
    """
    names = columns_of_role(schema, "group")
    if not names:
        return row_groups(table, schema)
    numbers = pd.factorize(table[names[0]])[0]
    alone = numbers < 0
    numbers[alone] = numbers.max(initial=-1) + 1 + np.arange(np.count_nonzero(alone))
    return numbers


def _by_class(target: np.ndarray, names: tuple[str, str]) -> str:
    """Return for a message how many rows there are of each class."""
    negatives, positives = np.bincount(target, minlength=2)
    return f"{negatives:,} with {names[0]} and {positives:,} with {names[1]}"


def _pieces(target: np.ndarray, groups: np.ndarray, strategy: str, names: tuple[str, str]) -> str:
    """Return for a message in how few pieces the rows come."""
    of_class = [len(np.unique(groups[target == value])) for value in (0, 1)]
    pieces, rule = WHOLE[strategy]
    return (
        f"the {len(target):,} rows are {len(np.unique(groups)):,} {pieces}, of which "
        f"{of_class[0]:,} hold {names[0]} and {of_class[1]:,} hold {names[1]}, and {rule}"
    )


def _parts(
    target: np.ndarray, groups: np.ndarray, shares: Sequence[float], random_state: int
) -> np.ndarray:
    """Return the part of each row, shape (rows,): parts hold whole groups, and classes by `shares`.

    Groups are shuffled, laid out kind by kind and cut by `shares`, so that every row is as likely
    as any other to be in a part. Groups of one class come last and make up for what the others lack.
    Where big groups make the parts too rough all the same, the best of some orders is taken.
    """
    rows, ones = np.bincount(groups), np.bincount(groups, weights=target)
    counts = np.column_stack([rows - ones, ones])
    wanted = np.outer(shares, counts.sum(axis=0))
    # 0 and 1: all rows of that class; 2 and 3: rows of both, most of class 0 or 1.
    kinds = np.select([ones == 0, ones == rows, ones < rows / 2], [0, 1, 2], default=3)
    random = np.random.default_rng(random_state)
    best, least = np.empty(0), np.inf
    for _ in range(ORDERS):
        order = random.permutation(len(counts))
        parts = np.full(len(counts), -1)
        for kind in (2, 3, 0, 1):
            stratum = order[kinds[order] == kind]
            quotas = np.asarray(shares)
            if kind in (0, 1):
                quotas = np.maximum(wanted - _held(counts, parts, len(shares)), 0)[:, kind]
            # Laid out in this order, the parts are in proportion to the quotas.
            places = np.cumsum(rows[stratum]) - rows[stratum] / 2
            cuts = np.cumsum(quotas)[:-1] * rows[stratum].sum() / max(quotas.sum(), 1)
            parts[stratum] = np.searchsorted(cuts, places, side="right")
        held = _held(counts, parts, len(shares))
        if not held.all():
            _give_each_part_both_classes(parts, counts, order, len(shares))
            held = _held(counts, parts, len(shares))
        off = ((held - wanted) ** 2 / wanted).sum()
        if off < least:
            best, least = parts, off
        if (np.abs(held - wanted) <= np.maximum(1, CLOSE_ENOUGH * wanted)).all():
            break
    return best[groups]


def _held(counts: np.ndarray, parts: np.ndarray, number: int) -> np.ndarray:
    """Return the rows of each class that each part holds, shape (parts, 2)."""
    return np.array([counts[parts == part].sum(axis=0) for part in range(number)])


def _give_each_part_both_classes(
    parts: np.ndarray, counts: np.ndarray, order: np.ndarray, number: int
) -> None:
    """Move groups, the first in `order`, so that no part lacks a class if that is possible."""
    both = order[(counts[order] > 0).all(axis=1)][:number]
    parts[both] = np.arange(len(both))
    for value in (0, 1):
        pure = order[counts[order, 1 - value] == 0][: number - len(both)]
        parts[pure] = np.arange(len(both), len(both) + len(pure))


def _known(table: pd.DataFrame, schema: Schema, role: str) -> pd.Series:
    """Return the column of role `group` or `time`, of which no value may be missing."""
    (name,) = columns_of_role(schema, role)
    missing = int(table[name].isna().sum())
    if missing:
        what = "missing or unreadable" if role == "time" else "missing"
        raise InputError(
            f"the {role} column '{name}' is {what} in {plural(missing, 'row')}; a split by {role} needs "
            f"the {role} of every row: fill it in or remove these rows"
        )
    return table[name]


def _latest(times: pd.Series, test_size: float) -> np.ndarray:
    """Return a mask of the latest rows; rows of the same time stay together."""
    moments, distinct = pd.factorize(times, sort=True)
    if len(distinct) < 2:
        raise InputError(
            f"all {len(times):,} rows have the same time in '{times.name}'; a split by time needs "
            "earlier and later rows: name another column or choose another strategy"
        )
    rows_from = np.cumsum(np.bincount(moments)[::-1])[::-1]
    # From the second moment on: before the first there is nothing to train on.
    first = 1 + np.abs(rows_from[1:] - test_size * len(times)).argmin()
    return moments >= first
