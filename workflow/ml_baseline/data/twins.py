"""Rows with the same features: copies, or cases of a coarse table that look alike."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ml_baseline.data.schema import Schema, feature_columns

# A table is coarse where at least these shares of the rows have twins, as it stands and with each
# column shuffled, and where the twins disagree on the target by this much of what chance makes.
TWINS, CHANCE_TWINS, DISAGREEING = 0.9, 0.8, 0.1


def is_coarse(table: pd.DataFrame, schema: Schema) -> bool:
    """Return whether rows with identical features are different cases that look alike.

    That is so where the columns have so few values that nearly every row has twins, as many as if the
    columns were independent, and where the twins' targets differ. Holding out whole rows of features
    would then score a model on kinds of rows that it never saw, of which new rows hardly have any.
    Rows that were copied have twins that columns by themselves would not make, or one target.
    """
    columns, size = [table[name] for name in feature_columns(schema)], len(table)
    rows, twins = rows_with_twins(columns, size, TWINS)
    random = np.random.default_rng(0)
    shuffled = (column.sample(frac=1, random_state=random) for column in columns)
    if not len(rows) or not len(rows_with_twins(shuffled, size, CHANCE_TWINS)[0]):
        return False
    ones, sizes = np.bincount(twins, table[schema["target"]].iloc[rows]), np.bincount(twins)
    share = ones.sum() / sizes.sum()
    disagreeing = (2 * ones * (sizes - ones) / (sizes - 1)).sum() / sizes.sum()
    return bool(disagreeing > DISAGREEING * 2 * share * (1 - share))


def rows_with_twins(
    columns: Iterable[pd.Series], size: int, least: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return which of `size` rows equal another one, and a number for each that equal ones share.

    None of them once they are less than the share `least`. Column by column, and of rows only that no
    column has told apart: in most tables the first few tell all.
    """
    rows, twins = np.arange(size, dtype=np.int32), np.zeros(1, dtype=np.int64)
    for column in columns:
        codes, distinct = pd.factorize(column.iloc[rows], use_na_sentinel=False)
        codes += twins * len(distinct)
        if codes.max(initial=0) >= len(codes):
            # By sorting, which takes half the memory of a table of codes.
            codes = np.unique(codes, return_inverse=True)[1]
        alike = (np.bincount(codes) > 1)[codes]
        rows, twins = rows[alike], codes[alike]
        if not len(rows) or len(rows) < least * size:
            return rows[:0], twins[:0]
    return rows, twins
