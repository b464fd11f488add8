"""The naive protocol finds a signal in shuffled labels; that is the leak this project is about."""

import runpy
import shutil

import pandas as pd
import pytest
from running import ROOT

from ml_baseline.controls.copies import with_and_without
from ml_baseline.controls.naive import contrast, naive_predictions
from ml_baseline.controls.verdicts import permuted
from ml_baseline.data.augment import augment
from ml_baseline.data.split import split
from ml_baseline.modelling.train import cross_validate, fit, predict_probability
from ml_baseline.scoring.metrics import METRICS
from ml_baseline.scoring.scores import scores

pytestmark = pytest.mark.usefixtures("one_thread")

FOREST = "sklearn.ensemble.RandomForestClassifier"


def claimed(table, schema, settings) -> pd.Series:
    """Return the metrics that the naive protocol would report."""
    predictions = naive_predictions(table, schema, settings, test_size=0.2, random_state=42)
    return scores(predictions["target"], predictions["probability"])


@pytest.fixture(scope="module")
def noise(customers):
    """The customers with their labels shuffled: there is nothing to find."""
    table, schema = customers
    return permuted(table, schema, 42), schema


def test_naive_forest_claims_a_signal_in_shuffled_labels_and_the_honest_one_does_not(
    noise, settings_of
):
    table, schema = noise
    settings = settings_of(FOREST, "tree", params={"n_estimators": 100})
    assert claimed(table, schema, settings)["roc_auc"] > 0.8
    train, holdout = split(table, schema, "stratified", 0.2, 42)
    augmented = augment(train, schema, **settings["augment"], random_state=42)
    probability = predict_probability(fit(augmented, schema, settings, 42), holdout, schema)
    # 200 rows: 0.5 and 2.5 standard errors of it
    assert scores(holdout["purchased"], probability)["roc_auc"] < 0.6


def test_without_copies_the_naive_protocol_claims_nothing(noise, settings_of):
    table, schema = noise
    settings = settings_of(FOREST, "tree", params={"n_estimators": 50}, augment={"method": "none"})
    assert claimed(table, schema, settings)["roc_auc"] < 0.6


def test_a_fifth_of_rows_and_copies_is_predicted_and_always_the_same(numbers_table, settings_of):
    table, schema = numbers_table(150)
    settings = settings_of("sklearn.neighbors.KNeighborsClassifier", params={"n_neighbors": 1})
    predictions = naive_predictions(table, schema, settings, test_size=0.2, random_state=1)
    assert list(predictions) == ["row_id", "copy", "target", "probability"]
    assert len(predictions) == 60
    assert set(predictions["copy"]) == {0, 1}
    again = naive_predictions(table, schema, settings, test_size=0.2, random_state=1)
    pd.testing.assert_frame_equal(predictions, again)


def test_contrast_puts_the_figures_of_fitted_models_side_by_side():
    target = pd.Series([0, 0, 1, 1])
    naive = {
        "line": pd.DataFrame({"target": target, "probability": [0.1, 0.6, 0.55, 0.9]}),
        "forest": pd.DataFrame({"target": target, "probability": [0.1, 0.2, 0.8, 0.9]}),
        "failed here": pd.DataFrame({"target": target, "probability": 0.5}),
    }
    honest = pd.DataFrame(
        {"model": ["forest", "line", "failed here", "failed there"], "status": "fitted"}
    )
    honest.loc[2, "status"] = "failed"
    for i, name in enumerate(METRICS):
        honest[name] = [0.5 + i / 100, 0.55, None, 0.5]
        honest[f"{name}_low"] = [0.4, 0.45, None, 0.5]
        honest[f"{name}_high"] = [0.7, 0.65, None, 0.5]
    table = contrast(naive, honest, threshold=0.58)
    columns = ["model", "metric", "naive", "honest", "honest_low", "honest_high", "leak"]
    assert list(table) == columns
    assert table["model"].tolist() == ["forest"] * len(METRICS) + ["line"] * len(METRICS)
    assert table["metric"].tolist() == list(METRICS) * 2
    line = table[table["model"] == "line"].set_index("metric")
    assert line.loc["roc_auc"].tolist()[1:] == pytest.approx([0.75, 0.55, 0.45, 0.65, 0.2])
    assert line.loc["recall", "naive"] == 0.5  # by the threshold
    forest = table[table["model"] == "forest"].set_index("metric")
    assert forest.loc["brier", "honest"] == 0.5 + list(METRICS).index("brier") / 100


def test_contrast_of_models_that_all_failed_is_a_table_without_rows():
    honest = pd.DataFrame({"model": ["line"], "status": ["failed"]})
    assert contrast({}, honest, threshold=0.5).empty


@pytest.mark.parametrize(
    ("noise_frac", "verdict"), [(3.0, "harmed"), (0.0, "no difference that can be told")]
)
def test_whether_copies_have_helped_is_told_by_the_folds_that_chose_no_model(
    numbers_table, settings_of, noise_frac, verdict
):
    table, schema = numbers_table(600, signal=1.5)
    copying = {"augment": {"method": "jitter", "noise_frac": noise_frac, "copies": 3}}
    line = settings_of("sklearn.linear_model.LogisticRegression", **copying)
    recipes = {"line": line, "dummy": settings_of("sklearn.dummy.DummyClassifier", **copying)}
    oof = {name: cross_validate(table, schema, recipe, 1) for name, recipe in recipes.items()}
    settings = {"select_by": "f1", "threshold": 0.5, "level": 0.95, "random_state": 1}
    found = with_and_without(table, schema, oof, recipes, settings)
    assert list(found["metric"]) == ["log_loss", "f1"]
    assert set(found["model"]) == {"line"}
    assert found["verdict"][0] == verdict
    plain = cross_validate(table, schema, line | {"augment": {"method": "none"}}, 1)
    compared = plain[plain["fold"] > 0]
    expected = scores(compared["target"], compared["probability"])["f1"]
    assert found["without_copies"][1] == pytest.approx(expected)


@pytest.mark.proof
def test_the_picture_in_the_docs_is_the_one_that_its_script_draws(tmp_path):
    runpy.run_path(shutil.copy(ROOT / "docs" / "naive_picture.py", tmp_path), run_name="__main__")
    assert (tmp_path / "naive.png").read_bytes() == (ROOT / "docs" / "naive.png").read_bytes()
