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
    columns = [table[name] for name in feature_columns(schema)]
    alike = _alike(columns, TWINS)
    random = np.random.default_rng(0)
    shuffled = (column.sample(frac=1, random_state=random) for column in columns)
    if alike is None or _alike(shuffled, CHANCE_TWINS) is None:
        return False
    ones = np.bincount(alike, weights=table[schema["target"]])
    sizes = np.bincount(alike)
    ones, sizes = ones[sizes > 1], sizes[sizes > 1]
    share = ones.sum() / sizes.sum()
    disagreeing = (2 * ones * (sizes - ones) / (sizes - 1)).sum() / sizes.sum()
    return bool(disagreeing > DISAGREEING * 2 * share * (1 - share))


def _alike(columns: Iterable[pd.Series], least: float) -> np.ndarray | None:
    """Return a number for each row, the same for equal ones; None if fewer than `least` have twins.

    Column by column: in most tables the first few tell nearly all rows apart.
    """
    rows = np.zeros(1, dtype=np.int64)
    for column in columns:
        codes, distinct = pd.factorize(column, use_na_sentinel=False)
        rows = pd.factorize(rows * len(distinct) + codes)[0]
        if (np.bincount(rows)[rows] > 1).mean() < least:
            return None
    return rows
