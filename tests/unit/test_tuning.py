"""A search finds parameters by other rows than it is scored on, the same in each run."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from ml_baseline.data.augment import augment
from ml_baseline.errors import InputError
from ml_baseline.modelling.pipeline import build_estimator
from ml_baseline.modelling.train import ALL_ROWS, cross_validate, fit, try_parameters
from ml_baseline.modelling.tuning import SPACES, best_parameters, candidates, parameters

pytestmark = pytest.mark.usefixtures("one_thread")
LINE = "sklearn.linear_model.LogisticRegression"
NEIGHBOURS = "sklearn.neighbors.KNeighborsClassifier"
BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"


def settings_of(estimator, tune, strategy="stratified"):
    return {
        "preprocessing": {"max_categories": 30, "min_frequency": 10},
        "augment": {"method": "jitter", "noise_frac": 0.02, "copies": 1},
        "folds": 3,
        "strategy": strategy,
        "model": {"estimator": estimator, "params": {}, "tune": tune},
    }


def fitted(table, schema, settings):
    return fit(augment(table, schema, **settings["augment"]), schema, settings, 0)


@pytest.mark.parametrize(
    "tune",
    [
        {"method": "random", "trials": 4},
        {"method": "grid", "space": {"C": [0.01, 0.1]}},
        {"method": "bayesian", "trials": 4},
        {
            "space": {"C": {"low": 0.01, "high": 1.0}, "max_iter": {"low": 50, "high": 900}},
            "trials": 4,
        },
    ],
    ids=["random", "grid", "bayesian", "range"],
)
def test_what_is_found_is_used_told_and_found_again(numbers_table, tune):
    table, schema = numbers_table(200)
    settings = settings_of(LINE, tune)
    model = fitted(table, schema, settings)
    told = json.loads(json.dumps(parameters(model), allow_nan=False))
    assert told["estimator"].endswith("LogisticRegression")
    assert told["tuned"]
    assert told["tuned"].items() <= told["params"].items()
    assert pickle.dumps(model) == pickle.dumps(fitted(table, schema, settings))


def test_boosting_in_folds_is_searched_by_single_fits_and_all_its_fits_have_what_is_found(
    numbers_table,
):
    tune = {"trials": 2, "space": {"min_samples_leaf": [5, 20]}, "folds": 2}
    settings = settings_of(BOOSTING, tune) | {"augment": {"method": "none"}}
    folds = {"early_stopping": "folds", "validation_fraction": 0.25, "max_iter": 5}
    settings["model"]["params"] = folds
    model = fitted(*numbers_table(120), settings)
    fits, found = model["model"].estimators_, parameters(model)["tuned"]["min_samples_leaf"]
    assert [fit.min_samples_leaf for fit in fits] == [found] * 4


def test_a_search_over_several_jobs_finds_the_same_in_each_fit(numbers_table):
    table, schema = numbers_table(150)
    tune = {"method": "random", "trials": 11}
    settings = settings_of(LINE, tune)
    augmented = augment(table, schema, **settings["augment"])

    def found(*parts_of_rungs):
        tried, lengths = None, []
        for rung, parts in enumerate(parts_of_rungs):
            given = (table, augmented, schema, settings, 0, tried, rung)
            rung_tried = pd.concat([try_parameters(*given, part, parts) for part in range(parts)])
            lengths.append(len(rung_tried[rung_tried["fold"] == 1]))
            tried = pd.concat([tried, rung_tried.sample(frac=1, random_state=parts)])
        assert lengths == [11, 4, 2]  # a third comes to the next rung
        return {fold: best_parameters(of) for fold, of in tried.groupby("fold")}

    in_one, in_many = found(1, 1, 1), found(4, 2, 1)
    assert in_many == in_one
    assert {*in_one} == {ALL_ROWS, 0, 1, 2}
    assert fit(augmented, schema, settings, 0).tuned_ == in_one[ALL_ROWS]
    in_jobs = cross_validate(table, schema, settings, 0, tuned=in_one)
    pd.testing.assert_frame_equal(in_jobs, cross_validate(table, schema, settings, 0))


def test_copies_do_not_choose_the_neighbour(numbers_table):
    """With copies on both sides of its folds one neighbour would be the best of all numbers."""
    table, schema = numbers_table(200)
    table["answer"] = np.random.default_rng(0).permutation(table["answer"])
    tune = {"method": "grid", "space": {"n_neighbors": [1, 60]}}
    settings = settings_of(NEIGHBOURS, tune)
    assert fitted(table, schema, settings).tuned_ == {"n_neighbors": 60}


def test_the_score_of_a_search_flatters_nobody(numbers_table):
    """On noise a search over many trials stays no better than knowing nothing, out of fold."""
    table, schema = numbers_table(120)
    table["answer"] = np.random.default_rng(1).permutation(table["answer"])
    space = {"C": list(np.geomspace(1e-3, 10, 15)), "fit_intercept": [True, False]}
    oof = cross_validate(table, schema, settings_of(LINE, {"method": "grid", "space": space}), 0)
    share = oof["target"].mean()
    nothing = log_loss(oof["target"], np.full(len(oof), share))
    assert log_loss(oof["target"], oof["probability"]) > nothing - 0.01


@pytest.mark.parametrize(
    ("path", "tune", "words"),
    [
        (NEIGHBOURS, {}, "knows no parameters to search"),
        (LINE, {"space": {"c": [1]}}, "has no parameter c to search"),
        (LINE, {"space": {"C": {"low": 1, "high": 1}}}, "the range of C is 1 to 1"),
        (LINE, {"space": {"C": {"low": 0, "high": 1, "log": True}}}, "expected 0 < low"),
        (
            LINE,
            {"method": "grid", "space": {"C": {"low": 0.1, "high": 1}}},
            "needs a list of values",
        ),
    ],
    ids=["no space", "no parameter", "empty", "zero", "grid of a range"],
)
def test_what_cannot_be_searched_is_refused(path, tune, words):
    with pytest.raises(InputError, match=words):
        candidates(build_estimator(path, {}), path, 0, **tune)


@pytest.mark.parametrize("path", [path for path in SPACES if path.startswith("sklearn")])
def test_the_spaces_are_of_parameters_that_there_are(path):
    assert SPACES[path].keys() <= build_estimator(path, {}).get_params().keys()


def test_a_model_without_tuning_tells_its_parameters(numbers_table):
    table, schema = numbers_table(100)
    model = fitted(table, schema, settings_of(LINE, None))
    assert parameters(model)["tuned"] == {}
    assert pd.notna(parameters(model)["params"]["C"])
