"""More training rows: copies of the rows with a little noise."""

import numpy as np
import pandas as pd

from ml_baseline.data.schema import NUMERIC_KINDS, Schema


def augment(
    table: pd.DataFrame,
    schema: Schema,
    method: str = "jitter",
    noise_frac: float = 0.02,
    copies: int = 1,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return the rows and, below them, their noisy copies; without them if the method is "none".

    Gaussian noise with a standard deviation of `noise_frac` times the column's own is added to
    the numeric features: not to booleans, codes, categories, parts of dates, ids or the target.
    Whole numbers are rounded to whole numbers; a missing value stays missing. The noise is scaled
    by these rows alone, so give those of one fold to augment a fold.

    The shape is (rows * (1 + copies), columns + 1): `copy` stands behind `row_id` and is 0 for the rows
    themselves.
    """
    seeds = [(random_state, i) for i in range(0 if method == "none" else copies)]
    augmented = table.reset_index(drop=True)  # shares the memory of the rows
    if seeds:
        copies_of_rows = (_jittered(augmented, schema, noise_frac, seed) for seed in seeds)
        augmented = pd.concat([augmented, *copies_of_rows], ignore_index=True)
    augmented.insert(1, "copy", np.repeat(np.arange(1 + len(seeds)), len(table)))
    return augmented


def _jittered(
    table: pd.DataFrame, schema: Schema, noise_frac: float, seed: tuple[int, int]
) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    columns = dict(table.items())
    for entry in schema["columns"]:
        if entry["role"] != "feature" or entry["kind"] not in NUMERIC_KINDS or "part" in entry:
            continue
        values = table[entry["name"]]
        if entry["kind"] == "integer":  # as which they may be too small for what is added
            values = values.astype(np.result_type(values, np.int64))
        steps = noise_frac * _spread(values) * random.normal(0.0, 1.0, len(values))
        if entry["kind"] == "integer":
            # As integers, if the column has them: a float cannot hold the large ones.
            steps = steps.round().astype(values.dtype)
        columns[entry["name"]] = values + steps
    return pd.DataFrame(columns)


def _spread(values: pd.Series) -> float:
    """Return the standard deviation of the values present, 0 if there are none."""
    largest = values.abs().max()
    # Scaled, so that no square overflows.
    return float((values / largest).std(ddof=0) * largest) if largest > 0 else 0.0
