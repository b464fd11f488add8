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
from ml_baseline.modelling.train import cross_validate, fit
from ml_baseline.modelling.tuning import SPACES, parameters, search

pytestmark = pytest.mark.usefixtures("one_thread")
LINE = "sklearn.linear_model.LogisticRegression"
NEIGHBOURS = "sklearn.neighbors.KNeighborsClassifier"


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
        search(build_estimator(path, {}), path, 0, **tune)


@pytest.mark.parametrize("path", [path for path in SPACES if path.startswith("sklearn")])
def test_the_spaces_are_of_parameters_that_there_are(path):
    assert SPACES[path].keys() <= build_estimator(path, {}).get_params().keys()


def test_a_model_without_tuning_tells_its_parameters(numbers_table):
    table, schema = numbers_table(100)
    model = fitted(table, schema, settings_of(LINE, None))
    assert parameters(model)["tuned"] == {}
    assert pd.notna(parameters(model)["params"]["C"])
