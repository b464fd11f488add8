"""Columns of many categories and of text as numbers: what the target is of rows like this one.

A row that is learned from gets the value that other rows have taught, so that the model behind sees
what it will see of a new row.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Self

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

from ml_baseline.data.cells import is_text
from ml_baseline.data.schema import Schema, feature_columns
from ml_baseline.errors import InputError

# A sample of a larger table teaches as much, and so many texts at a time fit into memory.
ROWS_LEARNED_FROM = 20_000
HASHES = 2**15

Splits = Sequence[tuple[np.ndarray, np.ndarray]]
Encoder = tuple[str, Pipeline, str | list[str]]


class TextEncoder(TransformerMixin, BaseEstimator):
    """The log-odds of the positive class by the groups of three and four letters in a text's words.

    They come from a logistic regression on hashed n-grams, so no text is kept. A tree has one column
    to split, which served it better than thirty from a decomposition of the same n-grams.

    Args:
        cv: splits in which each row is in one test set: `fit_transform` gives it the log-odds that the
            training rows have taught, as scikit-learn's TargetEncoder does.
    """

    def __init__(self, cv: Splits = ()) -> None:
        self.cv = cv

    def fit(self, texts: pd.Series, target: np.ndarray) -> Self:
        """Learn from texts and their classes 0 and 1, both of shape (rows,)."""
        chosen = self._sample(len(texts))
        self.model_ = _learned(_hashed(texts.iloc[chosen]), np.asarray(target)[chosen])
        return self

    def transform(self, texts: pd.Series) -> np.ndarray:
        """Return the log-odds of each text, shape (rows, 1)."""
        pieces = range(0, len(texts), ROWS_LEARNED_FROM)
        hashed = (_hashed(texts.iloc[start : start + ROWS_LEARNED_FROM]) for start in pieces)
        log_odds = [self.model_.decision_function(piece) for piece in hashed]
        return np.concatenate(log_odds)[:, None] if log_odds else np.empty((0, 1))

    def fit_transform(self, texts: pd.Series, target: np.ndarray) -> np.ndarray:
        """Learn from texts, and return of each the log-odds that other rows have taught."""
        log_odds = self.fit(texts, target).transform(texts)
        chosen, target = self._sample(len(texts)), np.asarray(target)
        hashed = _hashed(texts.iloc[chosen])
        for training, test in self.cv:
            # Rows that are not in the sample have taught nothing yet.
            learns, tested = np.isin(chosen, training), np.isin(chosen, test)
            model = _learned(hashed[learns], target[chosen[learns]])
            log_odds[chosen[tested], 0] = model.decision_function(hashed[tested])
        return log_odds

    def get_feature_names_out(self, names: Iterable[str]) -> np.ndarray:
        """Return the name of the one column."""
        return np.asarray([f"{name} (text)" for name in names], dtype=object)

    def _sample(self, rows: int) -> np.ndarray:
        if rows <= ROWS_LEARNED_FROM:
            return np.arange(rows)
        return np.sort(np.random.default_rng(0).choice(rows, ROWS_LEARNED_FROM, replace=False))


def _hashed(texts: pd.Series) -> sparse.csr_matrix:
    from sklearn.feature_extraction.text import HashingVectorizer

    ngrams = HashingVectorizer(
        analyzer="char_wb", ngram_range=(3, 4), n_features=HASHES, alternate_sign=False
    )
    # Each text once: many columns have the same few in all of their rows.
    places, distinct = pd.factorize(texts, use_na_sentinel=False)
    return ngrams.transform(pd.Series(distinct).astype("str").fillna(""))[places]


def _learned(hashed: sparse.csr_matrix, target: np.ndarray) -> BaseEstimator:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=3, solver="liblinear", random_state=0).fit(hashed, target)


def target_encoders(
    table: pd.DataFrame, schema: Schema, most: int, splits: Callable[[], Splits]
) -> list[Encoder]:
    """Return transformers, as a ColumnTransformer takes them, of the columns that need them.

    These are the columns of categories with more than `most` of them, which are encoded by the target
    (Micci-Barreca 2001, SIGKDD Explorations 3(1), pp. 27-32), and among them those of text.

    Args:
        table: the rows that are learned from.
        schema: their input schema.
        most: a column with no more categories has a code for each.
        splits: deals the rows out, each into one test set. Where it cannot (InputError), because one
            class has too few of them, nothing is encoded.
    """
    many = [name for name in feature_columns(schema, "category") if table[name].nunique() > most]
    try:
        dealt = splits() if many else ()
    except InputError:
        return []
    encoders: dict[str, tuple[BaseEstimator, str | list[str]]] = {
        f"text{number}": (TextEncoder(dealt), name)
        for number, name in enumerate(many)
        if is_text(table[name])
    }
    if many:
        encoders["levels"] = (TargetEncoder(target_type="binary", cv=dealt), many)
    return [
        (name, make_pipeline(encoder, StandardScaler()), columns)
        for name, (encoder, columns) in encoders.items()
    ]


def encoders_in(transformers: Iterable[Encoder]) -> dict[str, BaseEstimator]:
    """Return those of a ColumnTransformer's transformers that `target_encoders` made, by name."""
    return {
        name: step[0]
        for name, step, _ in transformers
        if isinstance(step, Pipeline) and "cv" in step[0].get_params(deep=False)
    }


def forget_splits(preprocess: ColumnTransformer) -> None:
    """Remove the splits from a fitted transformer's encoders: nobody needs them to predict."""
    for transformers in (preprocess.transformers, preprocess.transformers_):
        for encoder in encoders_in(transformers).values():
            encoder.set_params(cv=())
