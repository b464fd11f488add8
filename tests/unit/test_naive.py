"""The naive protocol finds a signal in shuffled labels; that is the leak this project is about."""

import pandas as pd
import pytest

from ml_baseline.augment import augment
from ml_baseline.controls import permuted
from ml_baseline.metrics import METRICS, scores
from ml_baseline.naive import contrast, naive_metrics
from ml_baseline.split import split
from ml_baseline.train import fit, predict_probability

pytestmark = pytest.mark.usefixtures("one_thread")

FOREST = "sklearn.ensemble.RandomForestClassifier"
PROTOCOL = {"test_size": 0.2, "threshold": 0.5, "random_state": 42}


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
    claimed = naive_metrics(table, schema, {"forest": settings}, PROTOCOL)
    assert claimed.loc[0, "roc_auc"] > 0.8
    train, holdout = split(table, schema, "stratified", 0.2, 42)
    augmented = augment(train, schema, **settings["augment"], random_state=42)
    probability = predict_probability(fit(augmented, schema, settings, 42), holdout, schema)
    # 200 rows: 0.5 and 2.5 standard errors of it
    assert scores(holdout["purchased"], probability)["roc_auc"] < 0.6


def test_without_copies_the_naive_protocol_claims_nothing(noise, settings_of):
    table, schema = noise
    settings = settings_of(FOREST, "tree", params={"n_estimators": 50}, augment={"method": "none"})
    claimed = naive_metrics(table, schema, {"forest": settings}, PROTOCOL)
    assert claimed.loc[0, "roc_auc"] < 0.6


def test_one_row_a_model_scored_on_a_fifth_of_rows_and_copies(numbers_table, settings_of):
    table, schema = numbers_table(150)
    models = {
        "line": settings_of("sklearn.linear_model.LogisticRegression"),
        "memory": settings_of("sklearn.neighbors.KNeighborsClassifier", params={"n_neighbors": 1}),
    }
    claimed = naive_metrics(table, schema, models, PROTOCOL | {"threshold": 0.4})
    assert list(claimed) == ["model", *METRICS, "threshold", "prevalence", "rows"]
    assert claimed["model"].tolist() == ["line", "memory"]
    assert claimed["rows"].tolist() == [60, 60]
    assert claimed["threshold"].tolist() == [0.4, 0.4]
    again = naive_metrics(table, schema, models, PROTOCOL | {"threshold": 0.4})
    pd.testing.assert_frame_equal(claimed, again)


def test_contrast_puts_the_figures_side_by_side():
    naive = pd.DataFrame({"model": ["forest", "line"]} | {name: [0.9, 0.6] for name in METRICS})
    honest = pd.DataFrame({"dataset": "small", "seed": 42, "model": ["line", "forest"]})
    for i, name in enumerate(METRICS):
        honest[name] = [0.55, 0.5 + i / 100]
        honest[f"{name}_low"] = [0.45, 0.4]
        honest[f"{name}_high"] = [0.65, 0.7]
    table = contrast(naive, honest)
    columns = ["model", "metric", "naive", "honest", "honest_low", "honest_high", "leak"]
    assert list(table) == columns
    assert table["model"].tolist() == ["line"] * len(METRICS) + ["forest"] * len(METRICS)
    assert table["metric"].tolist() == list(METRICS) * 2
    line = table[(table["model"] == "line") & (table["metric"] == "roc_auc")].iloc[0]
    assert line[columns[2:]].tolist() == pytest.approx([0.6, 0.55, 0.45, 0.65, 0.05])
    forest = table[table["model"] == "forest"].set_index("metric")
    assert forest["leak"].tolist() == pytest.approx([0.4 - i / 100 for i in range(len(METRICS))])
    assert forest.loc["brier", "honest"] == 0.5 + list(METRICS).index("brier") / 100
