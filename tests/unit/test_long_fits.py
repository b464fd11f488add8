"""Estimators that are fitted to a long table piece by piece."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from ml_baseline.data.schema import feature_columns
from ml_baseline.errors import InputError
from ml_baseline.modelling import long_fits, matrix
from ml_baseline.modelling.pipeline import build_pipeline

ROWS = 3000


@pytest.fixture
def long_table(monkeypatch):
    """Return a long table, its schema and target: a number, one with gaps, whole ones, categories."""
    for module in (matrix, long_fits):
        monkeypatch.setattr(module, "LONG_ROWS", 2_000)
    monkeypatch.setattr(matrix, "PIECE_ROWS", 700)
    random = np.random.default_rng(0)
    table = pd.DataFrame({"row_id": range(ROWS), "a": random.normal(size=ROWS)})
    table["gaps"] = np.where(random.random(ROWS) < 0.1, np.nan, random.normal(size=ROWS))
    table["kind"] = pd.Categorical(random.choice(list("abcde"), ROWS))
    # Its rows are the last: none of them is in the first pieces.
    table["late"] = pd.Categorical(np.where(np.arange(ROWS) > ROWS - 50, "late", "early"))
    odds = table["a"] + (table["kind"] == "b") + (table["late"] == "late")
    table["answer"] = (random.random(ROWS) < 1 / (1 + np.exp(-odds))).astype(int)
    kinds = {"a": "number", "gaps": "number", "kind": "category", "late": "category"}
    columns = [{"name": name, "kind": kind, "role": "feature"} for name, kind in kinds.items()]
    schema = {"target": "answer", "columns": columns}
    return table, schema, table["answer"].to_numpy()


def unfitted(schema, kind, **model):
    estimator = f"{kind.__module__.rpartition('._')[0]}.{kind.__name__}"
    return build_pipeline(schema, {"estimator": estimator, **model}).named_steps.values()


@pytest.mark.parametrize("most", [10_000, 1_000], ids=["all rows", "some rows"])
def test_boosting_in_pieces_is_the_boosting_of_the_whole(long_table, monkeypatch, most):
    """Where its bins are those of some rows too: those that it would draw."""
    from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper

    monkeypatch.setattr(_BinMapper.__init__, "__defaults__", (256, most, None, None, None, None))
    table, schema, target = long_table
    params = {"max_iter": 20, "early_stopping": True}
    features, new = table[feature_columns(schema)], {"preprocessing": "tree", "params": params}
    training, held = np.arange(ROWS) % 4 > 0, np.arange(ROWS) % 4 == 0
    found, kinds = [], []
    for whole in (False, True):
        preprocess, estimator = unfitted(schema, HistGradientBoostingClassifier, **new)
        assert estimator.categorical_features == [False, False, True, True]
        values = long_fits.fit_transform(preprocess, features, target, estimator, whole=whole)
        rows = {"X_val": values[np.flatnonzero(held)], "y_val": target[held]}
        part = values[np.flatnonzero(training)]
        long_fits.fit_estimator(estimator, part, target[training], **rows)
        assert "_bin_data" not in vars(estimator)
        kinds.append(type(values))
        found.append(estimator.predict_proba(preprocess.transform(features)))
    assert kinds == [matrix.Matrix, np.ndarray]
    np.testing.assert_array_equal(*found)


def test_logistic_regression_in_pieces_finds_what_it_finds_in_the_whole(long_table):
    table, schema, target = long_table
    features = table[feature_columns(schema)]
    new = {"preprocessing": "ranks", "params": {"C": 0.1, "tol": 1e-6, "max_iter": 1000}}
    preprocess, estimator = unfitted(schema, LogisticRegression, **new)
    values = long_fits.fit_transform(preprocess, features, target, estimator)
    assert isinstance(values, matrix.Matrix)
    long_fits.fit_estimator(estimator, values, target)
    whole = values.to_numpy()
    expected = LogisticRegression(C=0.1, tol=1e-8, max_iter=1000).fit(whole, target)
    probability = estimator.predict_proba(whole)
    np.testing.assert_allclose(probability, expected.predict_proba(whole), atol=1e-4)


@pytest.mark.parametrize(
    "params", [{"solver": "saga"}, {"class_weight": "balanced"}, {"fit_intercept": False}]
)
def test_another_logistic_regression_gets_the_whole_matrix(long_table, params):
    table, schema, target = long_table
    preprocess, estimator = unfitted(schema, LogisticRegression, params=params)
    features = table[feature_columns(schema)]
    values = long_fits.fit_transform(preprocess, features, target, estimator)
    assert isinstance(values, np.ndarray)


@pytest.mark.parametrize("params", [{"max_iter": 2}, {"preprocessing": "tree"}])
def test_a_search_that_does_not_converge_is_told_once(long_table, params):
    table, schema, target = long_table
    table["a"] += 1e9  # whose differences are lost, unless it is scaled
    new = {"preprocessing": "linear", "params": params} if "max_iter" in params else params
    preprocess, estimator = unfitted(schema, LogisticRegression, **new)
    features = table[feature_columns(schema)]
    values = long_fits.fit_transform(preprocess, features, target, estimator)
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge") as warned:
        long_fits.fit_estimator(estimator, values, target)
    assert len(warned) == 1


def test_a_full_disk_is_told(long_table, monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("no device that is always full")
    monkeypatch.setattr(long_fits.tempfile, "TemporaryFile", partial(open, "/dev/full", "w+b"))
    table, schema, target = long_table
    preprocess, estimator = unfitted(schema, LogisticRegression)
    features = table[feature_columns(schema)]
    values = long_fits.fit_transform(preprocess, features, target, estimator)
    with pytest.raises(InputError, match=r"No space left on device.*set TMPDIR"):
        long_fits.fit_estimator(estimator, values, target)
