"""The tables of the curves against scikit-learn's figures and against counting by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sklearn_metrics

from ml_baseline.errors import InputError
from ml_baseline.scoring.curves import CURVE_POINTS, curves
from ml_baseline.scoring.intervals import share_limits
from ml_baseline.scoring.scores import confidence_intervals, scores


def sample(rows: int, random_state: int = 0, digits: int = 17) -> pd.DataFrame:
    """Return predictions of a model of middling quality; few digits make ties."""
    random = np.random.default_rng(random_state)
    target = (random.random(rows) < 0.3).astype(int)
    score = random.normal(size=rows) + 1.2 * target - 0.8
    probability = np.round(1 / (1 + np.exp(-score)), digits)
    return pd.DataFrame({"model": "logit", "target": target, "probability": probability})


def tables_of(predictions: pd.DataFrame, threshold: float = 0.5, level: float = 0.95) -> dict:
    return curves(predictions, threshold, level)


@pytest.mark.parametrize(("rows", "digits"), [(40, 17), (200, 1), (250, 2)])
def test_curves_of_few_rows_are_exact(rows, digits):
    predictions = sample(rows, digits=digits)
    tables = tables_of(predictions)
    roc, steps = tables["roc"], tables["precision_recall"]
    truth = predictions["target"], predictions["probability"]
    area = np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"])
    assert area == pytest.approx(sklearn_metrics.roc_auc_score(*truth), abs=1e-12)
    area = np.dot(np.diff(steps["recall"], prepend=0), steps["precision"])
    assert area == pytest.approx(sklearn_metrics.average_precision_score(*truth), abs=1e-12)
    assert (roc.iloc[0, 1:3] == 0).all() and (roc.iloc[-1, 1:3] == 1).all()
    assert roc["threshold"].isna().tolist() == [True] + [False] * (len(roc) - 1)
    assert steps["recall"].iloc[-1] == 1


def test_curves_of_many_rows_have_few_points_of_the_true_curve():
    predictions = sample(60_000)
    tables = tables_of(predictions)
    roc, steps = tables["roc"], tables["precision_recall"]
    truth = predictions["target"], predictions["probability"]
    assert max(len(roc), len(steps)) <= CURVE_POINTS
    x, y, thresholds = sklearn_metrics.roc_curve(*truth, drop_intermediate=False)
    true_points = pd.Series(list(zip(x, y, strict=True)), index=thresholds)
    for point in roc.iloc[1:].itertuples():
        found = (point.false_positive_rate, point.true_positive_rate)
        assert found == pytest.approx(true_points.loc[point.threshold], abs=1e-12)
    # Nowhere can the eye tell the two curves apart: a pixel of a large picture is 1/800.
    drawn = roc["false_positive_rate"], roc["true_positive_rate"]
    up = np.abs(np.interp(x, *drawn) - y)
    aside = np.abs(np.interp(y, *drawn[::-1]) - x)
    assert np.minimum(up, aside).max() < 1 / 800
    area = np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"])
    assert area == pytest.approx(sklearn_metrics.roc_auc_score(*truth), abs=1e-4)
    area = np.dot(np.diff(steps["recall"], prepend=0), steps["precision"])
    assert area == pytest.approx(sklearn_metrics.average_precision_score(*truth), abs=2e-3)
    # Nor of the steps, where more than a thousandth of the ones are found.
    full = sklearn_metrics.precision_recall_curve(*truth)
    precision, recall = full[0][-2::-1], full[1][-2::-1]
    drawn = steps["precision"].to_numpy()[np.searchsorted(steps["recall"], recall)]
    assert np.abs(drawn - precision)[recall > 0.01].max() < 0.01


@pytest.mark.parametrize("rows", [1_000, 2_000, 5_000])
def test_the_eye_cannot_tell_a_thinned_curve(rows):
    predictions = sample(rows)
    roc = tables_of(predictions)["roc"]
    assert len(roc) <= CURVE_POINTS
    x, y, _ = sklearn_metrics.roc_curve(predictions["target"], predictions["probability"])
    drawn = roc["false_positive_rate"], roc["true_positive_rate"]
    up = np.abs(np.interp(x, *drawn) - y)
    aside = np.abs(np.interp(y, *drawn[::-1]) - x)
    assert np.minimum(up, aside).max() < 1.5 / 400  # pixels of the report's picture


@pytest.mark.parametrize("rows", [30, 200, 5_000])
def test_calibration_bins_hold_every_row_once(rows):
    predictions = sample(rows, digits=3)
    bins = tables_of(predictions)["calibration"]
    assert bins["rows"].sum() == rows
    assert bins["rows"].mul(bins["observed"]).sum() == pytest.approx(predictions["target"].sum())
    assert (bins["high"].iloc[:-1].to_numpy() < bins["low"].iloc[1:].to_numpy()).all()
    assert bins["mean_probability"].between(bins["low"], bins["high"]).all()
    assert bins["observed"].between(bins["observed_low"], bins["observed_high"]).all()
    for one in bins.itertuples():
        inside = predictions["probability"].between(one.low, one.high)
        assert inside.sum() == one.rows
        assert predictions["target"][inside].mean() == pytest.approx(one.observed)
    assert 4 <= len(bins) <= 20


@pytest.mark.parametrize("rows", [25, 60, 500])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_limits_of_a_share_are_those_of_the_metrics(rows, level):
    for right in (0, 1, 2, 3, 4, rows // 2, rows - 3, rows - 1, rows):
        target = np.arange(rows) % 2
        predicted = np.where(np.arange(rows) < right, target, 1 - target)
        of_accuracy = confidence_intervals(target, predicted, 0.5, level).loc["accuracy"]
        found = share_limits(right, rows, level, rows)
        assert found == pytest.approx((of_accuracy["low"], of_accuracy["high"]), abs=1e-12)


def test_score_distribution_counts_each_row_once_and_edges_belong_to_the_upper_bin():
    edges = pd.DataFrame(
        {"model": "m", "target": [0, 1, 0, 1, 1], "probability": [0, 0.05, 0.15, 0.7, 1]}
    )
    bins = tables_of(edges)["score_distribution"].set_index("low")
    assert len(bins) == 20
    filled = bins[bins[["negatives", "positives"]].any(axis=1)]
    assert filled[["negatives", "positives"]].to_dict("index") == {
        0.0: {"negatives": 1, "positives": 0},
        0.05: {"negatives": 0, "positives": 1},
        0.15: {"negatives": 1, "positives": 0},
        0.7: {"negatives": 0, "positives": 1},
        0.95: {"negatives": 0, "positives": 1},
    }


@pytest.mark.parametrize("threshold", [0.0, 0.07, 0.3141, 1.0])
def test_thresholds_agree_with_the_scores_at_each(threshold):
    predictions = sample(150, digits=2)
    table = tables_of(predictions, threshold)["thresholds"]
    assert table.loc[table["chosen"], "threshold"].tolist() == [threshold]
    assert table["threshold"].is_monotonic_increasing and table["threshold"].is_unique
    counts = ["true_positives", "false_positives", "false_negatives", "true_negatives"]
    assert (table[counts].sum(axis=1) == 150).all()
    for row in table.itertuples():
        expected = scores(predictions["target"], predictions["probability"], row.threshold)
        flagged = row.true_positives + row.false_positives
        assert row.flagged_share == flagged / 150
        assert np.isnan(row.precision) == (flagged == 0)
        for name in ("recall", "f1", "accuracy") + (("precision",) if flagged else ()):
            assert getattr(row, name) == pytest.approx(expected[name]), name


def test_a_model_that_ranks_nothing_has_two_points_and_one_bin():
    constant = sample(100).assign(probability=0.3)
    tables = tables_of(constant)
    assert tables["roc"][["false_positive_rate", "true_positive_rate"]].to_numpy().tolist() == [
        [0, 0],
        [1, 1],
    ]
    assert len(tables["precision_recall"]) == len(tables["calibration"]) == 1
    assert tables["precision_recall"]["precision"].item() == constant["target"].mean()


def test_models_keep_their_order_and_names():
    names = ['the "best", <script>alert(1)</script>', "a"]
    predictions = pd.concat([sample(50, i).assign(model=name) for i, name in enumerate(names)])
    for table in tables_of(predictions).values():
        assert list(table["model"].unique()) == names


def test_a_single_class_is_refused():
    with pytest.raises(InputError, match="both"):
        tables_of(sample(20).assign(target=1))
