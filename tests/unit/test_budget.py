"""A budget is kept by sizes alone, and what it takes away is told."""

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest

from ml_baseline.config.budget import (
    Size,
    table_seconds,
    table_size,
    threads_for,
    training_seconds,
    within_budget,
)
from ml_baseline.config.completion import complete
from ml_baseline.config.settings import dataset_settings
from ml_baseline.config.text import load_yaml

SCHEMA = load_yaml(Path(__file__).parents[2] / "workflow/schemas/config.schema.yaml")
SIZE = Size(20_000, 20)


def settings_of(budget, **others):
    table = {"table": "a.csv", "target": "y", "budget": budget} | others
    return dataset_settings(complete({"datasets": {"a": table}}, SCHEMA), "a")


def test_a_budget_that_is_large_enough_changes_nothing():
    settings = settings_of("2h")
    changed, decided = within_budget(settings, SIZE)
    assert changed == settings and decided["decisions"] == {}
    assert decided["seconds"] == pytest.approx(table_seconds(settings, SIZE), abs=0.1)


def test_the_less_time_the_more_is_given_up_in_the_same_order():
    tuned = {"hist_gradient_boosting": {"tune": "random"}}
    before = []
    for budget in (7200, 2400, 240, 120, 50, 35, 30, 23):
        settings = settings_of(f"{budget}s", models=tuned)
        changed, decided = within_budget(settings, SIZE)
        assert decided["seconds"] <= budget
        assert [*decided["decisions"]][: len(before)] == before
        assert {"dummy", "logistic_regression"} <= changed["models"].keys()
        before = [*decided["decisions"]]
    dropped = ["tuning of hist_gradient_boosting", "random_forest"]
    assert before == ["tuning", *dropped, "cross-validation", "rounds and trees"]
    assert changed["models"]["hist_gradient_boosting"]["tune"] is None
    assert "random_forest" not in changed["models"] and changed["cv"]["folds"] == 3
    entry = changed["models"]["hist_gradient_boosting"]
    assert entry["from_rows"]["250"]["max_iter"] < 400
    assert 0.03 < entry["params"]["learning_rate"] <= 0.2
    assert changed["models"]["logistic_regression"]["params"]["max_iter"] == 1_000


def test_a_budget_that_nothing_keeps_to_is_told():
    _, decided = within_budget(settings_of("1s"), SIZE)
    assert [*decided["decisions"].items()][-1][1] == "takes longer than the budget"
    assert decided["seconds"] > 1
    # What is not training takes five minutes of 5,000 columns.
    _, decided = within_budget(settings_of("5m"), Size(2_000, 5_000))
    assert "the least that is tried" in decided["decisions"]


def seconds_of(params, tune=None):
    models = {"hist_gradient_boosting": {"params": params, "tune": tune}}
    return training_seconds(
        settings_of("1h", models=models), "hist_gradient_boosting", Size(2_000, 20)
    )


def test_fits_in_folds_are_counted_and_trials_are_single_fits():
    folds, number, single = ({"validation_fraction": share} for share in (0.25, 400, 0.25))
    single["early_stopping"] = True
    assert 2 < seconds_of(folds) / seconds_of(single) < 3
    assert seconds_of(number) == pytest.approx(seconds_of({"validation_fraction": 0.25}))
    tune = {"space": {"l2_regularization": [1, 5]}}
    trials = [seconds_of(params, tune) - seconds_of(params) for params in (folds, single)]
    assert trials[0] == pytest.approx(trials[1])
    # A trial of what does not stop early does not either.
    full = {"max_iter": 2_000, "early_stopping": False}
    ten = seconds_of(full, tune | {"trials": 10, "folds": 2}) - seconds_of(full)
    assert ten == pytest.approx(
        10 * (1 + 1 / 3) / 2 * (seconds_of(full) - seconds_of({"max_iter": 0}))
    )
    # The shipped space has learning rates that take more rounds.
    assert seconds_of(single, "random") > 1.3 * seconds_of(single, tune | {"trials": 40})


def test_a_tree_has_the_leaves_that_the_stricter_limit_allows():
    few = seconds_of({"max_leaf_nodes": 8})
    assert seconds_of({"max_leaf_nodes": 8, "max_depth": 20}) == few
    assert seconds_of({"max_leaf_nodes": None, "max_depth": 3}) == few
    assert seconds_of({"max_leaf_nodes": 8, "max_depth": -1}) == few  # LightGBM's word for no limit


def test_a_grid_has_as_many_trials_as_its_lists_make_and_gives_up_all_or_none():
    tune = {"space": {"max_leaf_nodes": [4, 8, 16], "max_features": [0.5, 1.0]}, "trials": 6}
    grid = seconds_of({}, tune | {"method": "grid", "trials": 99})
    assert grid == pytest.approx(seconds_of({}, tune | {"method": "random"}))
    models = {"hist_gradient_boosting": {"tune": tune | {"method": "grid"}}}
    _, decided = within_budget(settings_of("40s", models=models), SIZE)
    assert [*decided["decisions"]][:1] == ["tuning of hist_gradient_boosting"]


@pytest.mark.parametrize(
    "params",
    [{"validation_fraction": share} for share in (None, 0, "few")] + [{"max_iter": "many"}],
)
def test_parameters_that_the_estimator_will_refuse_are_no_error_of_the_estimate(params):
    assert seconds_of(params) > 0


def test_a_forest_of_many_values_takes_longer_than_one_of_few(tmp_path):
    seconds = []
    for name, values in (("few", 2), ("many", 10**9)):
        cells = np.random.default_rng(0).integers(0, values, (2_000, 10))
        lines = [",".join("abcdefghij"), *(",".join(map(str, row)) for row in cells)]
        (tmp_path / name).write_text("\n".join(lines))
        size = table_size(str(tmp_path / name))
        assert size.bits == pytest.approx(np.log2(min(values, 2_000)), rel=0.01)
        seconds.append(training_seconds(settings_of("1h"), "random_forest", size))
    assert seconds[1] > 1.7 * seconds[0]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_the_size_of_a_table_is_that_of_its_text(tmp_path, name):
    numbers = np.random.default_rng(0).normal(size=200_000)
    text = "a;b;c,d\n" + "".join(f"{number:.6f};2;x\n" for number in numbers)
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    rows, columns, _ = table_size(str(path))
    assert columns == 3
    assert rows == pytest.approx(200_000, rel=0.25 if name.endswith("gz") else 0.01)
    assert table_size(str(tmp_path / "none.csv"))[0] == 0


@pytest.mark.parametrize(
    ("header", "row", "columns"),
    [
        ("q," * 201 + "y", "1," * 200 + '"' + "a remark, long\n" * 60 + '",yes', 202),
        ("age, in years;pay, gross, in EUR;y", '30;"1\n2";yes', 4),  # commas are in the header only
        ("remark", "a\nb", 1),
        ("pay, gross:y", "1:yes", 2),
    ],
)
def test_lines_within_cells_are_no_rows(tmp_path, header, row, columns):
    (tmp_path / "a.csv").write_text("\n".join([header, *[row] * 900]))
    rows = 1_800 if header == "remark" else 900
    assert table_size(str(tmp_path / "a.csv"))[:2] == (pytest.approx(rows, rel=0.35), columns)


@pytest.mark.parametrize("module", [gzip, bz2, lzma])
def test_a_damaged_table_has_no_size_yet(tmp_path, module):
    packed = module.compress(b"a,b,c\n" * 99)
    path = tmp_path / f"a.csv.{module.__name__.replace('gzip', 'gz').replace('lzma', 'xz')}"
    for start in range(len(packed)):
        path.write_bytes(packed[:start] + b"\xff" * 9)
        table_size.cache_clear()
        table_size(str(path))  # what is wrong with it, cleaning tells


def test_only_long_jobs_of_models_that_stay_the_same_get_threads():
    forest = "sklearn.ensemble.RandomForestClassifier"
    assert [threads_for(seconds, forest, 4) for seconds in (5, 70, 500)] == [1, 2, 4]
    assert threads_for(500, "sklearn.linear_model.LogisticRegression", 4) == 1
