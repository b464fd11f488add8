"""Columns of many categories and of text teach about other rows, and never about their own."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ml_baseline.data.augment import augment
from ml_baseline.data.schema import feature_columns
from ml_baseline.modelling import long_fits, matrix
from ml_baseline.modelling.target_encoding import ROWS_LEARNED_FROM, TextEncoder
from ml_baseline.modelling.train import _unfitted, cross_validate, fit, predict_probability

pytestmark = pytest.mark.usefixtures("one_thread")
LINE = {"estimator": "sklearn.linear_model.LogisticRegression"}
FOREST = {
    "estimator": "sklearn.ensemble.RandomForestClassifier",
    "params": {"n_estimators": 30},
    "preprocessing": "tree",
}
SETTINGS = {
    "preprocessing": {"max_categories": 30, "min_frequency": 10},
    "augment": {"method": "jitter", "copies": 2},
    "folds": 3,
    "strategy": "stratified",
}


def table_of(random_state, column, signal, rows=600):
    """Return a table with a column of many levels or of text, and its schema."""
    random = np.random.default_rng(random_state)
    numbers, letters = random.integers(200, size=rows), list("abcdefghijklmnopqrst")
    words = ["".join(random.choice(letters, 5)) for _ in range(60)]
    texts = [" ".join(random.choice(words, 4)) for _ in range(rows)]
    weight = {
        "level": random.normal(size=200)[numbers],
        "text": np.array([sum(word[0] < "j" for word in text.split()) - 2 for text in texts]),
    }[column]
    table = pd.DataFrame(
        {
            "row_id": np.arange(rows),
            "age": random.normal(40, 10, rows),
            column: pd.Series(
                {"level": [f"c{number}" for number in numbers], "text": texts}[column], dtype="str"
            ),
            "answer": (signal * weight + random.logistic(size=rows) > 0).astype(int),
        }
    )
    kinds = {"age": "number", column: "category", "answer": "boolean"}
    columns = [
        {"name": name, "kind": kind, "role": "target" if name == "answer" else "feature"}
        for name, kind in kinds.items()
    ]
    return table, {"target": "answer", "columns": columns}


@pytest.mark.parametrize("model", [LINE, FOREST], ids=["line", "forest"])
@pytest.mark.parametrize("column", ["level", "text"])
def test_what_a_column_knows_is_learned(column, model):
    table, schema = table_of(0, column, signal=2)
    settings = SETTINGS | {"model": model}
    oof = cross_validate(table, schema, settings, 0)
    assert roc_auc_score(oof["target"], oof["probability"]) > 0.6
    table[column] = "same"
    alone = cross_validate(table, schema, settings, 0)
    assert roc_auc_score(alone["target"], alone["probability"]) < 0.55


@pytest.mark.parametrize("column", ["level", "text"])
def test_rows_and_their_copies_do_not_teach_their_own_value(column):
    """Encoded by its own target, a row of noise would say it: a forest would trust that, and fail."""
    table, schema = table_of(1, column, signal=0)
    augmented = augment(table, schema, copies=2)
    model = fit(augmented, schema, SETTINGS | {"model": FOREST}, 0)
    new, _ = table_of(2, column, signal=0)
    auc = roc_auc_score(new["answer"], predict_probability(model, new, schema))
    assert 0.4 < auc < 0.6
    importance = model.named_steps["model"].feature_importances_
    # Neither encoding stands out against the number, which is noise too.
    assert importance[1:].max() < 0.7


def test_a_text_gets_what_others_have_taught():
    table, _ = table_of(3, "text", signal=0)
    half = np.arange(600) % 2 == 0
    splits = [(np.flatnonzero(half), np.flatnonzero(~half))]
    splits += [(test, training) for training, test in splits]
    texts, target = table["text"], table["answer"].to_numpy()
    encoded = TextEncoder(splits).fit_transform(texts, target)
    for training, test in splits:
        other = TextEncoder().fit(texts.iloc[training], target[training])
        np.testing.assert_array_equal(encoded[test], other.transform(texts.iloc[test]))


def test_rows_beyond_the_sample_are_encoded_too():
    rows = ROWS_LEARNED_FROM + 500
    table, _ = table_of(4, "text", signal=2, rows=rows)
    order = np.random.default_rng(0).permutation(rows)
    splits = [(order[100:], order[:100]), (order[:100], order[100:])]
    encoded = TextEncoder(splits).fit_transform(table["text"], table["answer"].to_numpy())
    assert encoded.shape == (rows, 1)
    assert (encoded != 0).all()


def test_the_fitted_model_keeps_no_rows():
    table, schema = table_of(5, "text", signal=1)
    fitted = {}
    for copies in (1, 2):
        augmented = augment(table, schema, copies=copies)
        model = fit(augmented, schema, SETTINGS | {"model": LINE}, 0)
        fitted[copies] = len(pickle.dumps(model.named_steps["preprocess"]))
    assert fitted[1] == fitted[2]


def test_few_categories_are_not_encoded_by_the_target():
    table, schema = table_of(6, "level", signal=1)
    table["level"] = table["level"].str.slice(0, 2)
    model = fit(augment(table, schema, method="none"), schema, SETTINGS | {"model": LINE}, 0)
    assert [name for name, _, _ in model.named_steps["preprocess"].transformers_[:2]] == [
        "numbers",
        "categories",
    ]


def test_a_class_of_one_row_leaves_the_codes():
    table, schema = table_of(7, "level", signal=1)
    table["answer"] = (table["row_id"] == 5).astype(int)
    model = fit(augment(table, schema, method="none"), schema, SETTINGS | {"model": LINE}, 0)
    assert predict_probability(model, table, schema).shape == (600,)


@pytest.mark.parametrize("model", [LINE, FOREST], ids=["line", "forest"])
def test_a_long_table_becomes_the_same_matrix_in_pieces(monkeypatch, model):
    """But for the scale of numbers, which is learned from some of its rows."""
    table, schema = table_of(0, "level", signal=2, rows=3000)
    table["kind"] = pd.Series(list("abc") * 1000, dtype="str")
    schema["columns"].insert(1, {"name": "kind", "kind": "category", "role": "feature"})
    table["level"] = table["level"].astype("category")
    settings = SETTINGS | {"model": model, "augment": {"method": "none"}}
    rows = augment(table, schema, method="none")
    found = []
    for long_rows, piece_rows in ((10_000, 10_000), (2_000, 700)):
        for module in (matrix, long_fits):
            monkeypatch.setattr(module, "LONG_ROWS", long_rows)
        monkeypatch.setattr(matrix, "PIECE_ROWS", piece_rows)
        unfitted = _unfitted(rows, schema, settings, random_state=0, threads=1)
        features, target = rows[feature_columns(schema)], rows["answer"].to_numpy()
        order = np.arange(3000)[::-1]
        estimator, preprocess = unfitted.named_steps["model"], unfitted.named_steps["preprocess"]
        given = (preprocess, features, target, estimator, order)
        found.append(long_fits.fit_transform(*given, whole=True))
        new = preprocess.transform(features.head())
        assert new.shape == (5, found[-1].shape[1])
    whole, pieces = found
    assert pieces.dtype == (np.float32 if model is FOREST else np.float64)
    np.testing.assert_allclose(pieces[:, 1:], whole[:, 1:], rtol=1e-6)
    assert np.corrcoef(pieces[:, 0], whole[:, 0])[0, 1] > 0.9
    assert np.abs(pieces[:, 0] - whole[:, 0]).max() < 0.2


@pytest.mark.parametrize("rare", [1e9, np.nan], ids=["huge", "missing"])
def test_what_is_rare_in_a_long_table_has_a_scale(monkeypatch, rare):
    """Though it is in none of the rows that are drawn to learn scales from."""
    table, schema = table_of(0, "level", signal=2, rows=3000)
    drawn = np.random.default_rng(0).choice(3000, 2_000, replace=False)
    table["age"] = 0.0
    table.loc[np.setdiff1d(np.arange(3000), drawn)[:3], "age"] = rare
    for module in (matrix, long_fits):
        monkeypatch.setattr(module, "LONG_ROWS", 2_000)
    model = fit(augment(table, schema, method="none"), schema, SETTINGS | {"model": LINE}, 0)
    features = table[feature_columns(schema)]
    values = model.named_steps["preprocess"].transform(features)[table["age"] != 0]
    assert 20 < np.abs(values).max() < 2_000**0.5 + 1  # no column has more standard deviations
