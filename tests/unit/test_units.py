"""Rows of one group, and the same row again, are no evidence of their own."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from ml_baseline.data.split import units
from ml_baseline.errors import InputError
from ml_baseline.scoring.evaluate import holdout_metrics
from ml_baseline.scoring.intervals import Dependence
from ml_baseline.scoring.metrics import METRICS
from ml_baseline.scoring.scores import confidence_intervals
from ml_baseline.scoring.significance import compare

ALL = list(METRICS)


def rows_in_groups(groups=30, size=8, seed=0):
    """Return a target, a probability and a group: groups differ in both."""
    random = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), size)
    target = random.random(group.size) < expit(random.normal(0, 0.7, groups)[group] - 0.3)
    score = target + random.normal(0, 1, groups)[group] + random.normal(size=group.size)
    return target.astype(int), expit(score - 0.5), group


def schema_of(**roles):
    return {"columns": [{"name": n, "role": r, "kind": "number"} for n, r in roles.items()]}


# What belongs together


def test_rows_with_identical_features_are_one_unit():
    table = pd.DataFrame({"a": [1, 2, 1, 1], "b": [0.5, 0.5, 0.5, np.nan], "target": [0, 0, 1, 1]})
    found = units(table, schema_of(a="feature", b="feature", target="target"))
    assert found[0] == found[2]
    assert len(set(found)) == 3


def test_rows_of_one_group_are_one_unit_and_rows_without_stand_alone():
    table = pd.DataFrame({"a": [1, 1, 1, 1, 2], "who": ["x", "y", None, None, "x"]})
    found = units(table, schema_of(a="feature", who="group"))
    assert found[0] == found[4]
    assert len(set(found)) == 4


# Intervals


@pytest.mark.parametrize("level", [1e-9, 1e-8, 0.5, 0.95])
def test_few_units_never_make_an_interval_shorter(level):
    """Nor where scipy takes Student's t for 0, at the level of a p-value next to 1."""
    assert 1 <= Dependence(freedom=6.0).widening(level) < 2


@pytest.mark.parametrize("metric", ALL)
def test_the_same_rows_three_times_say_no_more_than_once(metric):
    target, probability, _ = rows_in_groups(200, 1)
    once = confidence_intervals(target, probability).loc[metric]
    thrice = [np.tile(values, 3) for values in (target, probability, np.arange(200))]
    found = confidence_intervals(*thrice[:2], units=thrice[2]).loc[metric]
    naive = confidence_intervals(*thrice[:2]).loc[metric]
    width = once["high"] - once["low"]
    assert found["value"] == pytest.approx(once["value"], abs=0.01)
    assert found[["low", "high"]].tolist() == pytest.approx(
        once[["low", "high"]].tolist(), abs=0.06 * width
    )
    assert naive["high"] - naive["low"] < 0.65 * width
    assert found["effective_rows"] == pytest.approx(once["effective_rows"], rel=0.02)
    assert found["reliable"] == once["reliable"]


@pytest.mark.parametrize("table_rows", [None, 2000])
def test_units_of_one_row_each_change_nothing(table_rows):
    target, probability, _ = rows_in_groups()
    names = np.random.default_rng(0).permutation(target.size)
    with_units = confidence_intervals(target, probability, table_rows=table_rows, units=names)
    pd.testing.assert_frame_equal(
        with_units, confidence_intervals(target, probability, table_rows=table_rows), rtol=0, atol=0
    )


def test_the_order_of_the_rows_and_the_names_of_the_units_do_not_matter():
    target, probability, group = rows_in_groups()
    order = np.random.default_rng(1).permutation(target.size)
    names = np.array([f"group {7 * g % 31}" for g in group])
    mixed = confidence_intervals(target[order], probability[order], units=names[order])
    pd.testing.assert_frame_equal(mixed, confidence_intervals(target, probability, units=group))


@pytest.mark.parametrize("metric", ALL)
def test_intervals_of_groups_hold_the_truth(metric):
    truth = confidence_intervals(*rows_in_groups(20_000, 8)[:2]).loc[metric, "value"]
    held = {True: 0, False: 0}
    for seed in range(40):
        target, probability, group = rows_in_groups(25, 20, seed + 1)
        for counted in held:
            table = confidence_intervals(target, probability, units=group if counted else None)
            held[counted] += table.loc[metric, "low"] <= truth <= table.loc[metric, "high"]
    assert held[True] >= 35  # expected are 38; fewer than 35 in one of 20 such tests at 95 %
    assert held[False] < held[True]


@pytest.mark.parametrize(("groups", "reliable"), [(19, False), (20, True)])
def test_it_takes_20_groups_with_each_class(groups, reliable):
    random = np.random.default_rng(0)
    group = np.repeat(np.arange(groups), 20)
    target = np.tile([0, 1], group.size // 2)
    probability = expit(target + random.normal(size=group.size))
    table = confidence_intervals(target, probability, units=group)
    assert table["reliable"].all() == reliable
    assert table["reliable"].any() == reliable
    assert confidence_intervals(target, probability)["reliable"].all()


def test_errors_of_one_group_are_one_error():
    target = np.tile([0, 1], 200)
    group = np.repeat(np.arange(40), 10)
    wrong = np.arange(400) < 10
    table = confidence_intervals(target, np.where(wrong, 1 - target, target), units=group)
    assert table.loc["accuracy", "effective_rows"] < 1.5
    assert not table.loc["accuracy", "reliable"]
    # What is never wrong may be so in one group of many, with all its rows.
    perfect = confidence_intervals(target, target, units=group)
    as_if_40 = confidence_intervals([0, 1] * 20, [0, 1] * 20)
    for metric in ("accuracy", "roc_auc", "pr_auc", "recall"):
        assert perfect.loc[metric, "low"] < as_if_40.loc[metric, "low"] + 0.01


def test_units_of_another_number_of_rows_are_refused():
    with pytest.raises(InputError, match="units have the shape"):
        confidence_intervals([0, 1, 1], [0.1, 0.5, 0.9], units=[1, 2])


# Comparisons


@pytest.mark.parametrize("metric", ALL)
def test_differences_are_counted_by_unit_too(metric):
    target, probability, _ = rows_in_groups(300, 1)
    other = expit(np.random.default_rng(5).normal(size=300) + 0.5 * target)
    models = {"one": probability, "other": other}
    once = compare(target, models, None, "other", metric=metric).iloc[0]
    thrice = {name: np.tile(p, 3) for name, p in models.items()}
    found = compare(
        np.tile(target, 3), thrice, None, "other", metric=metric, units=np.tile(np.arange(300), 3)
    ).iloc[0]
    for role in ("best", "blind"):
        limits = [f"{role}_low", f"{role}_high"]
        width = once[limits[1]] - once[limits[0]]
        assert found[limits].tolist() == pytest.approx(once[limits].tolist(), abs=0.06 * width)
    assert found["reliable"] == once["reliable"]


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("said", ["unsure", "right", "constant"])
@pytest.mark.filterwarnings("error")
def test_next_to_no_groups_have_wide_intervals_and_no_others(groups, said):
    target = np.arange(60) % 2
    unsure = np.clip(0.3 * target + 0.7 * np.random.default_rng(0).random(60), 0, 1)
    probability = {"unsure": unsure, "right": target * 0.8 + 0.1, "constant": np.full(60, 0.5)}
    group = np.arange(60) * groups // 60
    table = confidence_intervals(target, probability[said], units=group, table_rows=300)
    assert not table["reliable"].any()
    assert (table["low"] <= table["value"] + 1e-9).all()
    assert (table["high"] >= table["value"] - 1e-9).all()
    models = {"one": probability[said], "other": unsure * 0.9, "dummy": np.full(60, 0.5)}
    for metric in ALL:
        compared = compare(target, models, "dummy", "other", metric=metric, units=group)
        assert compared.notna().all(axis=None)
        assert not compared["reliable"].any()


# In results


def test_metrics_tell_how_many_units_there_are():
    target, probability, group = rows_in_groups()
    predictions = pd.DataFrame(
        {"row_id": range(240), "model": "m", "target": target, "probability": probability}
    )
    alone = holdout_metrics(predictions, 0.5, 0.95).iloc[0]
    counted = holdout_metrics(predictions.assign(unit=group), 0.5, 0.95).iloc[0]
    assert (alone["rows"], alone["units"]) == (240, 240)
    assert (counted["rows"], counted["units"]) == (240, 30)
    expected = confidence_intervals(target, probability, units=group).loc["brier", "high"]
    assert counted["brier_high"] == expected != alone["brier_high"]
