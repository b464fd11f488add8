"""The matrix of numbers that an estimator is fitted to, and how a long table becomes one in little memory.

A ColumnTransformer holds each of its columns several times over while it is fitted, and once more when
it puts them side by side.
"""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import TargetEncoder

from ml_baseline.data.raw_table import LONG_ROWS
from ml_baseline.modelling.target_encoding import encoders_in

# Rows that are transformed, and asked about, at a time.
PIECE_ROWS = 1 << 14
SOME_ROWS = 1000
# What scikit-learn's forests turn all numbers into before they look at them.
FORESTS, OF_FORESTS = "sklearn.ensemble._forest", np.float32


def fit_transform(
    preprocess: ColumnTransformer,
    features: pd.DataFrame,
    target: np.ndarray,
    estimator: BaseEstimator,
    order: np.ndarray | None = None,
) -> np.ndarray:
    """Return what `preprocess.fit_transform` does, as far as `estimator` can tell.

    From `LONG_ROWS` rows on, centres, scales and ranks of numbers are learned from so many of them,
    drawn at random, and the rows of `_extremes`; categories and their codes from all, which takes the
    least memory of pandas' categorical columns.

    Args:
        preprocess: as `pipeline.build_pipeline` makes it; it is fitted.
        features: shape (rows, columns).
        target: 0 or 1 for each row.
        estimator: what the matrix is for.
        order: the rows to return, as positions, in their order; without it all.
    """
    if len(features) <= LONG_ROWS:
        values = preprocess.fit_transform(features, target)
        return values if order is None else values[order]
    # First by some rows of each class, which settles the names and places of columns.
    encoders = encoders_in(preprocess.transformers)
    splits = {name: encoder.cv for name, encoder in encoders.items()}
    for encoder in encoders.values():
        encoder.set_params(cv=2 if isinstance(encoder, TargetEncoder) else ())
    some = np.concatenate([np.flatnonzero(target == value)[:SOME_ROWS] for value in (0, 1)])
    preprocess.fit(features.iloc[some], target[some])
    drawn = np.random.default_rng(0).choice(len(features), LONG_ROWS, replace=False)
    encoded = {}
    for name, fitted, columns in preprocess.transformers_:
        if name in encoders:
            for encoder in (encoders[name], fitted[0]):
                encoder.set_params(cv=splits[name])
            encoded[name] = fitted.fit_transform(features[columns], target)
        elif name == "categories":
            fitted.fit(features[columns])
        elif name == "numbers":
            fitted.fit(features[columns].iloc[np.union1d(drawn, _extremes(features[columns]))])
    order = np.arange(len(features)) if order is None else order
    values = np.empty((0, 0))
    for start in range(0, len(order), PIECE_ROWS):
        rows = order[start : start + PIECE_ROWS]
        piece = features.iloc[rows]
        parts = [
            encoded[name][rows] if name in encoded else fitted.transform(piece[columns])
            for name, fitted, columns in preprocess.transformers_
            if fitted != "drop"
        ]
        part = np.hstack(parts or [np.empty((len(rows), 0))])
        if not start:
            in_forest = type(estimator).__module__ == FORESTS
            values = np.empty((len(order), part.shape[1]), OF_FORESTS if in_forest else part.dtype)
        values[start : start + len(rows)] = part
    return values


def _extremes(numbers: pd.DataFrame) -> np.ndarray:
    """Return the places of a row with each column's least, largest and first missing number.

    A column that is the same in all other rows would have no scale, and no sign of what is missing.
    """
    places: set[int] = set()
    for name in numbers:
        values = numbers[name].to_numpy(dtype=np.float64)
        missing = np.isnan(values)
        places.add(int(missing.argmax()))
        if not missing.all():
            places |= {int(np.nanargmin(values)), int(np.nanargmax(values))}
    return np.array(sorted(places), dtype=np.int64)
