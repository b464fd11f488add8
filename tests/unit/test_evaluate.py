"""Holdout predictions as the models make them, and metrics that agree with scikit-learn's."""

import numpy as np
import pandas as pd
import pytest

from ml_baseline.scoring.evaluate import holdout_metrics, holdout_predictions
from ml_baseline.scoring.metrics import METRICS
from ml_baseline.scoring.scores import confidence_intervals, scores


@pytest.fixture(scope="module")
def holdout(schema_of):
    random = np.random.default_rng(0)
    chance = random.random(400).round(2)
    answer = (random.random(400) < chance).astype(int)
    table = pd.DataFrame({"row_id": np.arange(400) * 7, "chance": chance, "answer": answer})
    return table, schema_of(chance="number")


@pytest.fixture(scope="module")
def predictions(holdout):
    table, schema = holdout
    chance = table["chance"].to_numpy()
    return holdout_predictions({"told": chance, "bold": chance**3}, table, schema, 0.3)


def test_predictions_model_after_model(holdout, predictions):
    table, _ = holdout
    assert list(predictions) == ["row_id", "model", "target", "probability", "prediction", "unit"]
    assert predictions["model"].tolist() == ["told"] * 400 + ["bold"] * 400
    assert predictions["row_id"].tolist() == table["row_id"].tolist() * 2
    assert predictions["target"].tolist() == table["answer"].tolist() * 2
    np.testing.assert_array_equal(predictions["probability"][:400], table["chance"])


def test_ids_stand_behind_the_figures(holdout):
    table, schema = holdout
    table = table.copy()
    table["self"], table["unit"] = "007", 2 * table["row_id"]
    columns = [*schema["columns"]]
    for name in ("self", "unit"):
        columns.append({"name": name, "role": "id", "kind": "category", "source": name})
    both = {"a": np.full(400, 0.5), "b": np.full(400, 0.6)}
    found = holdout_predictions(both, table, {**schema, "columns": columns}, 0.5)
    assert list(found)[5:] == ["unit", "self", "unit_raw"]
    assert (found["unit_raw"] == 2 * found["row_id"]).all() and (found["self"] == "007").all()


def test_the_threshold_itself_is_a_yes(predictions):
    assert (predictions["probability"] == 0.3).any()
    expected = (predictions["probability"] >= 0.3).astype(int)
    assert predictions["prediction"].tolist() == expected.tolist()


def test_metrics_are_those_of_each_model(predictions):
    metrics = holdout_metrics(predictions, 0.3, 0.95)
    assert metrics["model"].tolist() == ["told", "bold"]
    assert list(metrics)[: 1 + len(METRICS)] == ["model", *METRICS]
    for _, row in metrics.iterrows():
        part = predictions[predictions["model"] == row["model"]]
        expected = scores(part["target"], part["probability"], 0.3)
        for name, value in expected.items():
            assert row[name] == value, name


def test_intervals_hold_the_value_and_grow_with_the_level(predictions):
    narrow, wide = (holdout_metrics(predictions, 0.3, level) for level in (0.8, 0.99))
    for name in METRICS:
        for metrics in (narrow, wide):
            assert (metrics[f"{name}_low"] < metrics[name]).all()
            assert (metrics[name] < metrics[f"{name}_high"]).all()
        assert (wide[f"{name}_low"] < narrow[f"{name}_low"]).all()
        assert (wide[f"{name}_high"] > narrow[f"{name}_high"]).all()


def test_a_stratified_part_of_a_table_knows_the_share_of_ones_better(predictions):
    alone = holdout_metrics(predictions, 0.3, 0.95)
    part = holdout_metrics(predictions, 0.3, 0.95, table_rows=2000)

    def width(metrics, name):
        return metrics[f"{name}_high"] - metrics[f"{name}_low"]

    assert (width(part, "accuracy") < width(alone, "accuracy")).all()
    assert width(part, "roc_auc").tolist() == width(alone, "roc_auc").tolist()


def test_few_rows_of_a_class_are_not_to_be_relied_on(predictions):
    def relied_on(predictions):
        return holdout_metrics(predictions, 0.3, 0.95).filter(like="_reliable").to_numpy()

    assert relied_on(predictions).all()
    ones = predictions[predictions["target"] == 1].groupby("model").head(12)
    assert not relied_on(pd.concat([ones, predictions[predictions["target"] == 0]])).any()


def test_each_metric_is_relied_on_by_itself():
    """Two rows that a model is certain of and wrong in are most of the log loss, and few errors."""
    target = np.arange(400) % 2
    probability = np.where(target == 1, 0.98, 0.02) + np.linspace(-0.01, 0.01, 400)
    probability[:20] = np.where(target[:20] == 1, 0.45, 0.55)
    probability[[21, 23]] = 0.0
    predictions = pd.DataFrame({"model": "m", "target": target, "probability": probability})
    row = holdout_metrics(predictions, 0.5, 0.95).iloc[0]
    intervals = confidence_intervals(target, probability)
    for name in METRICS:
        assert row[f"{name}_reliable"] == intervals.loc[name, "reliable"]
    assert not row["log_loss_reliable"]
    assert row[["accuracy_reliable", "brier_reliable", "recall_reliable"]].all()
