"""The matrix of numbers that an estimator is fitted to, and how a long table becomes one in little memory.

A ColumnTransformer holds each of its columns several times over while it is fitted, and once more when
it puts them side by side.
"""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Self

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import TargetEncoder

from ml_baseline.data.raw_table import LONG_ROWS
from ml_baseline.modelling.target_encoding import encoders_in

# Rows that are transformed, and asked about, at a time.
PIECE_ROWS = 1 << 14
SOME_ROWS = 1000


def give_back() -> None:
    """Give the system back what is free: glibc keeps what lies between arrays still in use."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


class Matrix:
    """What a fitted ColumnTransformer makes of rows, made anew each time that it is asked for.

    Attributes:
        shape: (rows, columns).
    """

    def __init__(self, make: Callable[[np.ndarray], np.ndarray], rows: np.ndarray):
        """Take what makes the values of rows, and the rows of this matrix, as positions."""
        self._make, self._rows = make, rows
        self.shape = (len(rows), make(rows[:1]).shape[1])

    def __getitem__(self, rows: slice | np.ndarray) -> Self:
        """Return the matrix of some of its rows."""
        return type(self)(self._make, self._rows[rows])

    def pieces(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the values of all rows, and where they belong."""
        for start in range(0, len(self._rows), PIECE_ROWS):
            rows = self._rows[start : start + PIECE_ROWS]
            yield slice(start, start + len(rows)), self._make(rows)

    def to_numpy(self, dtype: type = np.float64) -> np.ndarray:
        """Return the values of all rows as one array."""
        values: np.ndarray = np.empty(self.shape, dtype)
        for rows, piece in self.pieces():
            values[rows] = piece
        return values


def fit_matrix(
    preprocess: ColumnTransformer,
    features: pd.DataFrame,
    target: np.ndarray,
    order: np.ndarray | None = None,
) -> Matrix:
    """Fit `preprocess` and return what it makes of a long table.

    Centres, scales and ranks of numbers are learned from `LONG_ROWS` rows, drawn at random, and the
    rows of `_extremes`; categories and their codes from all, which takes the least memory of pandas'
    categorical columns.

    Args:
        preprocess: as `pipeline.build_pipeline` makes it.
        features: shape (rows, columns), more than `LONG_ROWS` rows.
        target: 0 or 1 for each row.
        order: the rows to return, as positions, in their order; without it all.
    """
    give_back()
    features = features.copy(deep=False)
    for name, column in features.items():
        if isinstance(column.dtype, pd.CategoricalDtype):  # or each row gets a text of its own
            plain = column.cat.categories.astype(object)
            features[name] = column.cat.rename_categories(plain)
    # First by some rows of each class, which settles the names and places of columns.
    encoders = encoders_in(preprocess.transformers)
    splits = {name: encoder.cv for name, encoder in encoders.items()}
    for encoder in encoders.values():
        encoder.set_params(cv=2 if isinstance(encoder, TargetEncoder) else ())
    some = some_of_each_class(target)
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

    give_back()

    def make(rows: np.ndarray) -> np.ndarray:
        piece = features.iloc[rows]
        parts = [
            encoded[name][rows] if name in encoded else fitted.transform(piece[columns])
            for name, fitted, columns in preprocess.transformers_
            if fitted != "drop"
        ]
        return np.hstack(parts or [np.empty((len(rows), 0))])

    return Matrix(make, np.arange(len(features)) if order is None else order)


def some_of_each_class(target: np.ndarray) -> np.ndarray:
    """Return the places of the first rows of each class."""
    return np.concatenate([np.flatnonzero(target == value)[:SOME_ROWS] for value in (0, 1)])


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
