"""Any table fits any model: preprocessing that nothing surprises, estimators built from text."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV

from ml_baseline.config.estimator_rules import of_size
from ml_baseline.data.augment import augment
from ml_baseline.errors import InputError
from ml_baseline.modelling.pipeline import (
    LARGEST_NUMBER,
    build_estimator,
    build_pipeline,
)
from ml_baseline.modelling.train import fit, predict_probability

pytestmark = pytest.mark.usefixtures("one_thread")

ROWS = 300
LINEAR = "sklearn.linear_model.LogisticRegression"
FOREST = "sklearn.ensemble.RandomForestClassifier"
VOTING = {
    "estimators": [
        ["line", {"estimator": LINEAR, "params": {"max_iter": 500}}],
        ["wood", {"estimator": FOREST, "params": {"n_estimators": 5}}],
    ],
    "voting": "soft",
}
ESTIMATORS = {
    "sklearn.dummy.DummyClassifier": {},
    LINEAR: {"max_iter": 500},
    FOREST: {"n_estimators": 10},
    "sklearn.ensemble.HistGradientBoostingClassifier": {"max_iter": 10},
    "sklearn.neighbors.KNeighborsClassifier": {},
    "sklearn.naive_bayes.GaussianNB": {},
    "sklearn.svm.LinearSVC": {},
    "sklearn.ensemble.VotingClassifier": VOTING,
    "sklearn.ensemble.GradientBoostingClassifier": {"n_estimators": 5},
}


@pytest.fixture(scope="module")
def odd_table(schema_of):
    """A table in which every column is a trap, its schema, and new rows full of surprises."""
    random = np.random.default_rng(0)

    def gaps(values):
        return np.where(random.random(ROWS) < 0.2, np.nan, values)

    towns = pd.Series(random.choice(["Ulm", "Bonn", "Köln"], ROWS), dtype="str")
    columns = {
        "<": ("number", random.normal(size=ROWS)),
        "[": ("number", gaps(random.normal(size=ROWS))),
        "a b, c": ("integer", random.integers(0, 99, ROWS)),
        "größe": ("integer", gaps(random.integers(0, 99, ROWS))),
        "Age": ("boolean", random.integers(0, 2, ROWS)),
        "age": ("boolean", gaps(random.integers(0, 2, ROWS))),
        "self": ("code", random.integers(0, 4, ROWS)),
        "missingindicator_[": ("code", gaps(random.integers(0, 4, ROWS))),
        "$": ("category", towns),
        "x" * 100: ("category", towns.where(random.random(ROWS) > 0.2)),
        "_levels": ("category", pd.Series(range(ROWS)).map("level {}".format).astype("str")),
        "nothing": ("number", np.full(ROWS, np.nan)),
        "nothing, whole": ("integer", np.full(ROWS, np.nan)),
        "no word": ("category", pd.Series([None] * ROWS, dtype="str")),
        "constant": ("number", np.full(ROWS, 7.0)),
        "constant code": ("code", np.full(ROWS, 7)),
        "one word": ("category", pd.Series(["same"] * ROWS, dtype="str")),
        "huge": ("number", random.choice([1e300, -1e300, 3.0, np.nan], ROWS)),
    }
    table = pd.DataFrame({name: values for name, (_, values) in columns.items()})
    schema = schema_of(**{name: kind for name, (kind, _) in columns.items()})
    table.insert(0, "row_id", range(ROWS))
    table["answer"] = random.integers(0, 2, ROWS)
    new = table.head(40).copy()
    for name, (kind, _) in columns.items():
        if kind == "category":
            new[name] = pd.Series(["never seen", None, "Ulm", "same"] * 10, dtype="str")
        else:
            new[name] = [np.nan, 99.0, -1e308, 1.0] * 10
    return table, schema, new


@pytest.mark.parametrize("preprocessing", ["linear", "ranks", "tree"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_any_table_with_any_model(odd_table, settings_of, estimator, preprocessing):
    table, schema, new = odd_table
    settings = settings_of(estimator, preprocessing, params=ESTIMATORS[estimator])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Optimizers may stop early on nonsense; everything else has to pass in silence.
        warnings.filterwarnings("ignore", message=".*converge|lbfgs failed|Liblinear failed")
        model = fit(augment(table, schema), schema, settings, 0)
        for rows in (table, new):
            probability = predict_probability(model, rows, schema)
            assert probability.shape == (len(rows),)
            assert np.isfinite(probability).all()
            assert probability.min() >= 0 and probability.max() <= 1


# ------------------------------------------------------------------ preprocessing


def prepared(schema, table, new, preprocessing, estimator=LINEAR, **rare):
    """Return what the estimator gets of the rows fitted to and of new rows."""
    model = {"estimator": estimator, "preprocessing": preprocessing}
    preprocess = build_pipeline(schema, model, **rare).named_steps["preprocess"]
    return np.asarray(preprocess.fit_transform(table)), np.asarray(preprocess.transform(new))


def test_numbers_are_imputed_flagged_and_scaled_by_what_was_fitted(schema_of):
    table = pd.DataFrame({"x": [1.0, 2.0, 9.0, np.nan]})
    fitted, new = prepared(schema_of(x="number"), table, pd.DataFrame({"x": [np.nan]}), "linear")
    filled = np.array([1, 2, 9, 2])
    np.testing.assert_allclose(fitted[:, 0], (filled - filled.mean()) / filled.std())
    assert (fitted[:3, 1] < fitted[3, 1]).all()
    np.testing.assert_allclose(new[0], fitted[3])


def test_ranks_stand_beside_numbers_and_do_not_change_with_their_scale(schema_of):
    x = np.random.default_rng(0).normal(size=500)
    (fitted, new), (stretched, _) = (
        prepared(schema_of(x="number"), pd.DataFrame({"x": values}), far, "ranks")
        for values, far in (
            (x, pd.DataFrame({"x": [-1e9, 1e9]})),
            (np.exp(x), pd.DataFrame({"x": [0.0]})),
        )
    )
    assert np.corrcoef(fitted[:, 0], x)[0, 1] > 0.999
    assert np.corrcoef(fitted[:, 1], x.argsort().argsort())[0, 1] > 0.999
    np.testing.assert_allclose(fitted[:, 1], stretched[:, 1], atol=0.1)
    assert new[:, 1].tolist() == [fitted[:, 1].min(), fitted[:, 1].max()]


@pytest.mark.parametrize(("max_categories", "told"), [(30, True), (300, False)])
def test_boosting_is_told_which_columns_are_categories(schema_of, max_categories, told):
    boosting = "sklearn.ensemble.HistGradientBoostingClassifier"
    schema = schema_of(town="category", size="code", x="number")
    model = {"estimator": boosting, "preprocessing": "tree"}
    asked = build_pipeline(schema, model, max_categories=max_categories)["model"]
    # As they come out of the preprocessing; codes that the config gives stay ordered.
    assert asked.categorical_features == ([False, True, False] if told else "from_dtype")
    own = build_pipeline(schema, model | {"params": {"categorical_features": None}})["model"]
    assert own.categorical_features is None


@pytest.mark.parametrize(
    ("rows", "params"),
    [
        (999, {"C": 1, "max_iter": 50}),
        (1000, {"C": 2, "max_iter": 50}),
        (20_000, {"C": 2, "max_iter": 9, "tol": 0.1}),
    ],
)
def test_parameters_depend_on_the_rows(rows, params):
    from_rows = {"20000": {"max_iter": 9, "tol": 0.1}, "1000": {"C": 2}}
    model = {"estimator": LINEAR, "params": {"C": 1, "max_iter": 50}, "from_rows": from_rows}
    sized = of_size(model, rows)
    assert sized == model | {"params": params, "from_rows": {}}
    assert of_size(sized, 10**6) == sized


def test_nothing_is_learned_for_what_looks_at_nothing(schema_of):
    table = pd.DataFrame({"x": [1.0, 2.0], "town": ["Ulm", None]})
    schema = schema_of(x="number", town="category")
    fitted, _ = prepared(schema, table, table, "linear", "sklearn.dummy.DummyClassifier")
    assert fitted.shape == (2, 0)


def test_trees_get_numbers_as_they_are(schema_of):
    table = pd.DataFrame({"x": [1.0, 2.0, 9.0, np.nan]})
    fitted, _ = prepared(schema_of(x="number"), table, table, "tree", FOREST)
    np.testing.assert_array_equal(fitted, table.to_numpy())


def test_missing_numbers_are_filled_for_an_estimator_that_takes_none(schema_of):
    table = pd.DataFrame({"x": [1.0, 2.0, 9.0, np.nan]})
    fitted, _ = prepared(schema_of(x="number"), table, table, "tree", LINEAR)
    np.testing.assert_array_equal(fitted, [[1, 0], [2, 0], [9, 0], [2, 1]])


@pytest.mark.parametrize("preprocessing", ["linear", "tree"])
def test_numbers_no_tree_can_hold_are_clipped(schema_of, preprocessing):
    table = pd.DataFrame({"x": [-1e300, 0.0, 1e300, 0.0]})
    _, new = prepared(
        schema_of(x="number"), table, pd.DataFrame({"x": [1e305, LARGEST_NUMBER]}), preprocessing
    )
    assert new[0, 0] == new[1, 0]
    assert np.isfinite(new.astype("float32")).all()


@pytest.fixture(scope="module")
def towns():
    """20 rows each of three towns, 5 and 4 of two small ones, 3 missing."""
    names = ["Ulm"] * 20 + ["Bonn"] * 20 + ["Köln"] * 20 + ["Hof"] * 5 + ["Au"] * 4 + [None] * 3
    return pd.DataFrame({"town": pd.Series(names, dtype="str")})


@pytest.mark.parametrize("preprocessing", ["linear", "tree"])
def test_rare_levels_share_a_code(schema_of, towns, preprocessing):
    fitted, new = prepared(
        schema_of(town="category"),
        towns,
        pd.DataFrame({"town": pd.Series(["Hof", "Au", "Ulm", "Bonn", "nowhere"], dtype="str")}),
        preprocessing,
        min_frequency=10,
    )
    codes = [tuple(row) for row in new]
    assert codes[0] == codes[1]
    assert len({codes[0], codes[2], codes[3]}) == 3
    if preprocessing == "linear":
        assert codes[4] == codes[0]
    else:
        assert codes[4] == (-1.0,)
        assert (fitted >= 0)[towns["town"].notna()].all()


def test_the_most_frequent_levels_are_kept(schema_of, towns):
    fitted, _ = prepared(
        schema_of(town="category"), towns, towns, "linear", min_frequency=1, max_categories=4
    )
    assert fitted.shape[1] == 4
    pooled = fitted[towns["town"].isin(["Hof", "Au"]) | towns["town"].isna()]
    assert len(np.unique(pooled, axis=0)) == 1


@pytest.mark.parametrize("preprocessing", ["linear", "tree"])
def test_four_thousand_levels_stay_small(schema_of, preprocessing):
    random = np.random.default_rng(0)
    levels = pd.Series(random.zipf(1.3, 20_000) % 4_000).map("level {}".format)
    table = pd.DataFrame({"level": levels.astype("str")})
    fitted, _ = prepared(schema_of(level="category"), table, table.head(), preprocessing)
    if preprocessing == "linear":
        assert fitted.shape[1] == 30
    else:
        assert len(np.unique(fitted)) == 30


@pytest.mark.parametrize("preprocessing", ["linear", "tree"])
def test_a_missing_category_is_a_level_of_its_own(schema_of, preprocessing):
    table = pd.DataFrame({"town": pd.Series(["Ulm", "Bonn", None] * 20, dtype="str")})
    fitted, _ = prepared(schema_of(town="category"), table, table, preprocessing)
    assert len(np.unique(fitted, axis=0)) == 3


@pytest.mark.parametrize("preprocessing", ["linear", "tree"])
def test_codes_are_labels_and_not_quantities(schema_of, preprocessing):
    table = pd.DataFrame({"plan": [10, 20, 30] * 20})
    new = pd.DataFrame({"plan": [20.0, 25.0, np.nan]})
    fitted, other = prepared(schema_of(plan="code"), table, new, preprocessing)
    assert fitted.shape[1] == (3 if preprocessing == "linear" else 1)
    assert len(np.unique(fitted, axis=0)) == 3
    np.testing.assert_array_equal(other[0], fitted[1])
    assert not (fitted == other[1]).all(axis=1).any()


# ------------------------------------------------------------------ estimators


def test_nested_estimators_are_built_and_seeded(schema_of):
    model = {"estimator": "sklearn.ensemble.VotingClassifier", "params": VOTING}
    voting = build_pipeline(schema_of(x="number"), model, random_state=11)["model"]
    assert [name for name, _ in voting.estimators] == ["line", "wood"]
    assert voting.get_params()["line__max_iter"] == 500
    assert voting.get_params()["line__random_state"] == 11
    assert voting.get_params()["wood__random_state"] == 11


def test_a_seed_in_the_config_is_kept(schema_of):
    model = {"estimator": FOREST, "params": {"random_state": 5}}
    assert build_pipeline(schema_of(x="number"), model, random_state=11)["model"].random_state == 5


def test_threads_are_given_to_who_takes_them_and_has_none(schema_of):
    schema = schema_of(x="number")
    assert build_pipeline(schema, {"estimator": FOREST}, threads=3)["model"].n_jobs == 3
    one = {"estimator": FOREST, "params": {"n_jobs": 1}}
    assert build_pipeline(schema, one, threads=3)["model"].n_jobs == 1
    build_pipeline(schema, {"estimator": "sklearn.naive_bayes.GaussianNB"}, threads=3)


# Without predict_proba before fitting; whether the scores have to be made into probabilities.
WITHOUT_PROBABILITIES = {
    "sklearn.svm.LinearSVC": ({}, True),
    "sklearn.svm.SVC": ({}, True),
    "sklearn.linear_model.SGDClassifier": ({"loss": "hinge"}, True),
    "sklearn.linear_model.SGDClassifier ": ({"loss": "log_loss"}, False),
    # Its final estimator, which has probabilities, is chosen in fitting.
    "sklearn.ensemble.StackingClassifier": ({"estimators": VOTING["estimators"]}, False),
}


@pytest.mark.parametrize("estimator", WITHOUT_PROBABILITIES)
def test_scores_become_probabilities_where_there_are_none(numbers_table, estimator):
    table, schema = numbers_table(200)
    params, calibrated = WITHOUT_PROBABILITIES[estimator]
    pipeline = build_pipeline(schema, {"estimator": estimator.strip(), "params": params})
    assert isinstance(pipeline["model"], CalibratedClassifierCV) == calibrated
    pipeline.fit(table, table["answer"])
    assert pipeline.predict_proba(table).shape == (200, 2)


# What cannot be built, and what the message has to name.
REFUSED = {
    "LogisticRegression": ({}, "LogisticRegression cannot be imported"),
    "sklearn.linear_models.LogisticRegression": ({}, "cannot be imported"),
    "sklearn.linear_model.LogisticRegresion": ({}, "did you mean .*LogisticRegression"),
    "sklearn.linear_model.Nonsense": ({}, "has no class Nonsense$"),
    "sklearn.dummy.DummyClassifier": ({"colour": 1}, "does not take its `params`.*colour"),
    "sklearn.datasets.load_iris": ({}, "is not an estimator"),
    "sklearn.linear_model.LinearRegression": ({}, "neither `predict_proba` nor"),
}


@pytest.mark.parametrize("estimator", REFUSED)
def test_what_is_no_classifier_is_refused(schema_of, estimator):
    params, message = REFUSED[estimator]
    with pytest.raises(InputError, match=message):
        build_pipeline(schema_of(x="number"), {"estimator": estimator, "params": params})


# What a config of a stranger may name to have a command run, alone or inside an estimator.
COMMANDS = {
    "subprocess.Popen": {"args": ["touch", "ran"]},
    "os.system": {"command": "touch ran"},
    "builtins.exec": {"source": "open('ran', 'w')"},
    "runpy.run_path": {"path_name": "own.py"},
    "own.Own": {},
    "own_package.own.Own": {},
    "joblib.Parallel": {"n_jobs": 2},
    "numpy.load": {"file": "own.npy", "allow_pickle": True},
}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("estimator", COMMANDS)
def test_a_config_runs_no_command(schema_of, monkeypatch, tmp_path, estimator, nested):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    own = "open('ran', 'w')\nfrom sklearn.dummy import DummyClassifier as Own\n"
    monkeypatch.delitem(sys.modules, "own", raising=False)
    Path("own.py").write_text(own)
    Path("own_package").mkdir()
    Path("own_package/own.py").write_text(own)
    model = {"estimator": estimator, "params": COMMANDS[estimator]}
    if nested:
        model = {
            "estimator": "sklearn.calibration.CalibratedClassifierCV",
            "params": {"estimator": model},
        }
    with pytest.raises(InputError, match=r"standard library|is not an estimator|current folder"):
        build_pipeline(schema_of(x="number"), model)
    assert not Path("ran").exists()
    if estimator == "own.Own":  # the user's own word for where it may come from
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        build_pipeline(schema_of(x="number"), model)
        assert Path("ran").exists()


STEPS = {"steps": [["line", {"estimator": LINEAR}]]}
PIPELINE = {"estimator": "sklearn.pipeline.Pipeline", "params": STEPS}


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        ("sklearn.pipeline.Pipeline", STEPS | {"memory": "x"}),
        (
            "sklearn.model_selection.GridSearchCV",
            {"estimator": PIPELINE, "param_grid": [{"memory": ["x"]}]},
        ),
        (
            "sklearn.model_selection.GridSearchCV",
            {"estimator": PIPELINE, "param_grid": {"line__memory": ["x"]}},
        ),
    ],
)
def test_no_cache_of_pickles_is_opened(schema_of, estimator, params):
    with pytest.raises(InputError, match="`memory` is not allowed"):
        build_pipeline(schema_of(x="number"), {"estimator": estimator, "params": params})


def test_mappings_that_are_no_estimators_are_left_alone():
    estimator = build_estimator(LINEAR, {"class_weight": {0: 1, 1: 3}})
    assert estimator.class_weight == {0: 1, 1: 3}


def test_a_table_without_numbers_or_without_categories(schema_of):
    for kind in ("number", "category"):
        values = pd.Series(["1", "2"] * 10, dtype="str" if kind == "category" else "float64")
        table = pd.DataFrame({"x": values})
        for preprocessing in ("linear", "tree"):
            fitted, _ = prepared(schema_of(x=kind), table, table, preprocessing, min_frequency=1)
            assert len(np.unique(fitted, axis=0)) == 2
