"""Which rows are trained on and which are scored: the holdout and the cross-validation folds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ml_baseline.errors import InputError
from ml_baseline.schema import columns_of_role, feature_columns

# Out-of-fold predictions of these rows do not exist: in time order, nothing comes before them.
NO_FOLD = -1
# Where whole groups fit badly into their parts, so many orders of dealing them out are tried.
ORDERS = 10
CLOSE_ENOUGH = 0.01
# What stays in one piece under each strategy that deals out groups of rows.
WHOLE = {
    "stratified": ("distinct rows of features", "rows with identical features stay together"),
    "group": ("groups", "rows of one group stay together"),
}


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
            of role `time`; rows of the same time stay on one side).
        test_size: share of rows wanted in the holdout, above 0 and below 1. Where rows that stay
            together are many, it is met as nearly as they allow.
        random_state: seed; the strategy "time" does not use it.

    Raises:
        InputError: a side would lack a class, or the column of the strategy has missing values.
    """
    target = table[schema["target"]].to_numpy()
    counts = np.bincount(target, minlength=2)
    if counts.min() == 0:
        raise InputError(
            f"'{schema['target']}' has rows of one class only: {counts[0]:,} of class 0 and "
            f"{counts[1]:,} of class 1; give rows of both"
        )
    if strategy == "time":
        holdout = _latest(_known(table, schema, "time"), test_size)
    else:
        groups = row_groups(table, schema, strategy)
        holdout = _parts(target, groups, [1 - test_size, test_size], random_state) == 1
    for rows, side in ((~holdout, "training"), (holdout, "holdout")):
        counts = np.bincount(target[rows], minlength=2)
        if counts.min() == 0:
            why = "" if strategy == "time" else f"; {_pieces(target, groups, strategy)}"
            raise InputError(
                f"the {strategy} split leaves the {side} rows without class {counts.argmin()} of "
                f"'{schema['target']}': {counts[0]:,} rows of class 0 and {counts[1]:,} of class 1 "
                f"(whole table: {(target == 0).sum():,} and {(target == 1).sum():,}){why}; "
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
        times = _known(table, schema, "time")
        ranks = times.rank(method="average").to_numpy()
        stretches = (ranks - 0.5) * (folds + 1) // len(table)
        numbers = stretches.astype(int) + NO_FOLD
        why = f"{len(table):,} rows of {times.nunique():,} different times"
    else:
        groups = row_groups(table, schema, strategy)
        numbers = _parts(target, groups, [1 / folds] * folds, random_state)
        why = _pieces(target, groups, strategy)
    for fold in range(folds):
        for rows, side in (
            (numbers == fold, "validation"),
            (_before(numbers, fold, strategy), "training"),
        ):
            if len(np.unique(target[rows])) < 2:
                raise InputError(
                    f"fold {fold + 1} of {folds} has {side} rows of fewer than two classes of "
                    f"'{schema['target']}' with the {strategy} split; {why}; lower `cv: folds`"
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
        return pd.factorize(_known(table, schema, "group"))[0]
    features = table[feature_columns(schema)].copy()
    for name in features.columns[features.dtypes == "float64"]:
        # Equal numbers may differ in their bits: 0.0 and -0.0, and the many ways to write NaN.
        features[name] = features[name].fillna(np.nan) + 0.0
    return pd.factorize(pd.util.hash_pandas_object(features, index=False))[0]


def _pieces(target: np.ndarray, groups: np.ndarray, strategy: str) -> str:
    """Return in words how few pieces the rows come in, for a message."""
    of_class = [len(np.unique(groups[target == value])) for value in (0, 1)]
    pieces, rule = WHOLE[strategy]
    return (
        f"the {len(target):,} rows are {len(np.unique(groups)):,} {pieces}, of which "
        f"{of_class[0]:,} hold class 0 and {of_class[1]:,} hold class 1, and {rule}"
    )


def _parts(
    target: np.ndarray, groups: np.ndarray, shares: Sequence[float], random_state: int
) -> np.ndarray:
    """Return the part of each row, shape (rows,): parts hold whole groups, and classes by `shares`.

    Groups are dealt out in random order. An order in which a big group comes too late to be made
    up for is passed over for a better one; and if a part still lacks a class, they are dealt out
    so that none does, if that is possible at all.
    """
    rows, ones = np.bincount(groups), np.bincount(groups, weights=target)
    counts = np.column_stack([rows - ones, ones])
    wanted = np.outer(shares, counts.sum(axis=0))
    random = np.random.default_rng(random_state)
    best, least = np.empty(0), np.inf
    for seek_classes in (False, True):
        for _ in range(ORDERS):
            order = random.permutation(len(counts))
            if seek_classes:
                order = order[np.argsort(~counts[order].all(axis=1), kind="stable")]
            dealt = np.empty(len(counts), dtype=int)
            dealt[order] = _dealt(counts[order], wanted, seek_classes)
            held = np.array([counts[dealt == part].sum(axis=0) for part in range(len(shares))])
            off = ((held - wanted) ** 2 / wanted).sum() if held.all() else np.inf
            if off < least or best.size == 0:
                best, least = dealt, off
            if (np.abs(held - wanted) <= np.maximum(1, CLOSE_ENOUGH * wanted)).all():
                break
        if np.isfinite(least):
            break
    return best[groups]


def _dealt(counts: np.ndarray, wanted: np.ndarray, seek_classes: bool) -> np.ndarray:
    """Return the part that each group goes to, in the order given; shape (groups,).

    A group goes where its classes are held least of what is wanted of them; its size has no say,
    or else the small part would get the small groups. With groups of one row this is Webster's
    method of rounding shares.

    Args:
        counts: rows of each class in each group, shape (groups, 2).
        wanted: rows of each class wanted in each part, shape (parts, 2).
        seek_classes: prefer parts that have nothing yet of a class of the group. If groups of both
            classes come first, no part is left without a class that could have had it.
    """
    parts = range(len(wanted))
    per_row = (1 / wanted).tolist()
    filled = (0.5 / wanted).tolist()
    lacking = [[seek_classes, seek_classes] for _ in parts]
    weights = counts / counts.sum(axis=0)

    def claim(part: int) -> tuple[int, float]:
        gained = (zeros > 0 and lacking[part][0]) + (ones > 0 and lacking[part][1])
        return -gained, zeros_weight * filled[part][0] + ones_weight * filled[part][1]

    dealt = []
    for (zeros, ones), (zeros_weight, ones_weight) in zip(
        counts.tolist(), weights.tolist(), strict=True
    ):
        part = min(parts, key=claim)
        dealt.append(part)
        filled[part][0] += zeros * per_row[part][0]
        filled[part][1] += ones * per_row[part][1]
        lacking[part][0] &= zeros == 0
        lacking[part][1] &= ones == 0
    return np.array(dealt)


def _known(table: pd.DataFrame, schema: dict, role: str) -> pd.Series:
    """Return the column of role `group` or `time`, of which no value may be missing."""
    (name,) = columns_of_role(schema, role)
    missing = int(table[name].isna().sum())
    if missing:
        what = "missing or unreadable" if role == "time" else "missing"
        raise InputError(
            f"the {role} column '{name}' is {what} in {missing:,} rows; a split by {role} needs "
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
