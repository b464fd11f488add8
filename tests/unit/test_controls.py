"""Nothing is found where nothing is, and what is found where the answer is known is right."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from ml_baseline.controls import verdicts
from ml_baseline.controls.verdicts import negative_control, permuted, positive_control
from ml_baseline.data import sample_data
from ml_baseline.data.augment import augment
from ml_baseline.data.split import split
from ml_baseline.modelling.train import fit, predict_probability
from ml_baseline.scoring.evaluate import holdout_metrics, holdout_predictions

pytestmark = pytest.mark.usefixtures("one_thread")

CONFIG = yaml.safe_load(
    (Path(__file__).parents[2] / "config" / "config.yaml").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def run(settings_of):
    """A function from a table to its fitted models and holdout metrics, by the default config."""

    def of_table(table, schema, seed, names):
        train, holdout = split(table, schema, **CONFIG["split"], random_state=seed)
        augmented = augment(train, schema, **CONFIG["augment"], random_state=seed)
        models = {}
        for name in names:
            entry = CONFIG["models"][name]
            settings = settings_of(
                entry["estimator"],
                entry.get("preprocessing", "linear"),
                params=entry.get("params", {}),
            ) | {"preprocessing": CONFIG["preprocessing"]}
            models[name] = fit(augmented, schema, settings, seed)
        answers = {
            name: predict_probability(model, holdout, schema) for name, model in models.items()
        }
        predictions = holdout_predictions(answers, holdout, schema, CONFIG["threshold"])
        level = CONFIG["intervals"]["level"]
        return models, holdout_metrics(predictions, CONFIG["threshold"], level, len(table))

    return of_table


# ------------------------------------------------------------------ nothing to find


@pytest.mark.parametrize("seed", CONFIG["seeds"])
def test_with_shuffled_labels_every_models_interval_covers_a_half(customers, run, seed):
    table, schema = customers
    models = [name for name, entry in CONFIG["models"].items() if not entry.get("optional")]
    _, metrics = run(permuted(table, schema, seed), schema, seed, models)
    assert metrics["model"].tolist() == models
    for _, row in metrics.iterrows():
        assert row["roc_auc_low"] <= 0.5 <= row["roc_auc_high"], row["model"]
    assert set(negative_control(metrics)["verdict"]) == {"pass"}


def test_over_many_shuffles_the_mean_is_a_half(customers, run):
    table, schema = customers
    areas = []
    for seed in range(12):
        _, metrics = run(permuted(table, schema, seed), schema, seed, ["logistic_regression"])
        areas += metrics["roc_auc"].tolist()
    # 200 rows have a standard error of about 0.041.
    assert abs(np.mean(areas) - 0.5) < 3 * 0.041 / np.sqrt(12)


def test_what_is_shuffled_is_the_target_alone(customers):
    table, schema = customers
    before = table.copy()
    shuffled = permuted(table, schema, 1)
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(
        shuffled.drop(columns="purchased"), table.drop(columns="purchased")
    )
    assert list(shuffled) == list(table)
    assert shuffled["purchased"].dtype == table["purchased"].dtype
    assert shuffled["purchased"].sum() == table["purchased"].sum()
    assert abs(np.corrcoef(shuffled["purchased"], table["purchased"])[0, 1]) < 0.1
    pd.testing.assert_frame_equal(shuffled, permuted(table, schema, 1))
    assert not shuffled.equals(permuted(table, schema, 2))


@pytest.mark.parametrize("name", ["self", "a b", "<"])
def test_the_target_may_have_any_name(schema_of, name):
    table = pd.DataFrame({"row_id": range(50), "x": range(50), name: [0, 1] * 25})
    assert permuted(table, schema_of(name, x="integer"), 0)[name].sum() == 25


# Lower and upper limit of a model with shuffled labels, and what is made of them.
LIMITS = {(0.41, 0.58): "pass", (0.5, 0.6): "pass", (0.501, 0.6): "fail", (0.3, 0.45): "pass"}


@pytest.mark.parametrize("limits", LIMITS)
def test_a_negative_control_fails_above_a_half_only(limits):
    low, high = limits
    row = {"model": "forest", "roc_auc": 0.55, "roc_auc_low": low, "roc_auc_high": high}
    row["status"] = "fitted"
    found = negative_control(pd.DataFrame([row])).iloc[0]
    assert found[["control", "model", "roc_auc", "low", "high", "expected"]].tolist() == [
        *("negative", "forest", 0.55, low, high, 0.5)
    ]
    assert found["verdict"] == LIMITS[limits]
    assert ("leak" in found["explanation"]) == (LIMITS[limits] == "fail")
    assert np.isnan(found["best_possible"])


# ------------------------------------------------------------------ a known answer


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(verdicts, "FRESH_ROWS", 3_000)
    monkeypatch.setattr(sample_data, "BEST_VISIBLE_ROC_AUC", 0.875)


@pytest.fixture(scope="module")
def known(customers, run):
    """The fitted models of the customers and a leaderboard on which the line is the best."""
    models, metrics = run(*customers, 42, ["dummy", "logistic_regression"])
    return models, metrics.assign(selected=metrics["model"] == "logistic_regression")


def test_a_positive_control_compares_with_fresh_customers(quick, known, customers):
    models, board = known
    found = positive_control(board, models, customers[1], 1_000_010).iloc[0]
    line = board.set_index("model").loc["logistic_regression"]
    assert found["model"] == "logistic_regression"
    assert (
        found[["roc_auc", "low", "high"]].tolist()
        == line[["roc_auc", "roc_auc_low", "roc_auc_high"]].tolist()
    )
    assert found["verdict"] == "pass"
    assert found["low"] <= found["expected"] <= found["high"]
    # A line sees a part of what can be seen.
    assert 0.52 < found["expected"] < found["best_possible"] == 0.875
    assert "3,000 fresh customers; the best possible is 0.875" in found["explanation"]
    again = positive_control(board, models, customers[1], 1_000_010).iloc[0]
    assert again["expected"] == found["expected"]
    other = positive_control(board, models, customers[1], 5).iloc[0]
    assert other["expected"] != found["expected"]


@pytest.mark.parametrize("limits", [(0.85, 0.95), (0.3, 0.5)])
def test_a_positive_control_fails_if_the_interval_misses_the_truth(quick, known, customers, limits):
    models, board = known
    wrong = board.assign(roc_auc_low=limits[0], roc_auc_high=limits[1])
    found = positive_control(wrong, models, customers[1], 1_000_010).iloc[0]
    assert found["verdict"] == "fail"
    assert "misses the truth" in found["explanation"]


def test_a_model_that_fails_on_fresh_customers_has_no_other_verdict(quick, known, customers):
    found = positive_control(known[1], {"logistic_regression": None}, customers[1], 5).iloc[0]
    assert found["verdict"] == "failed" and np.isnan(found["expected"])
    assert "failed on 3,000 fresh customers: AttributeError" in found["explanation"]


def test_models_that_failed_have_no_negative_control(known):
    board = known[1]
    failed = board.assign(status="failed", roc_auc_low=np.nan)
    found = negative_control(pd.concat([board, failed.head(1)]))
    assert list(found["model"]) == list(board["model"])


def test_both_controls_make_one_table(quick, known, customers):
    models, board = known
    tables = [negative_control(board), positive_control(board, models, customers[1], 1_000_010)]
    assert list(tables[0]) == list(tables[1])
    assert list(tables[0]) == [
        *("control", "model", "roc_auc", "low", "high", "expected", "best_possible"),
        *("verdict", "explanation"),
    ]
