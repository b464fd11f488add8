"""Out-of-fold means out of fold: nothing a prediction rests on has seen the row, or a copy of it."""

import time

import numpy as np
import pandas as pd
import pytest
from running import ROOT
from sklearn.base import BaseEstimator, ClassifierMixin
from threadpoolctl import threadpool_limits

from ml_baseline.config.text import load_yaml
from ml_baseline.data.augment import augment
from ml_baseline.data.schema import feature_columns
from ml_baseline.data.split import fold_numbers
from ml_baseline.errors import InputError
from ml_baseline.modelling import train
from ml_baseline.modelling.model_files import load_model, save_model
from ml_baseline.modelling.refit import refit
from ml_baseline.modelling.train import cross_validate, fit, predict_probability
from ml_baseline.scoring.scores import scores

LINE = "sklearn.linear_model.LogisticRegression"
FOREST = "sklearn.ensemble.RandomForestClassifier"
BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"
FEW_TREES = {FOREST: {"n_estimators": 20}, BOOSTING: {"max_iter": 20}}
NEIGHBOURS = "sklearn.neighbors.KNeighborsClassifier"
MEMORY = {"params": {"n_neighbors": 1}}


pytestmark = pytest.mark.usefixtures("one_thread")


class Recorder(ClassifierMixin, BaseEstimator):
    """Says yes to everything and keeps what it was given."""

    given: list

    def __init__(self, cv=None):
        self.cv = cv

    def fit(self, features, target):
        self.classes_ = np.array([0, 1])
        Recorder.given.append((features, np.asarray(target), self.cv))
        return self

    def predict_proba(self, features):
        return np.tile([0.0, 1.0], (len(features), 1))


@pytest.fixture
def recorded():
    Recorder.given = []
    return Recorder.given


def shuffled(numbers_table, rows):
    """Return a table of which the target has nothing to do with the features."""
    table, schema = numbers_table(rows)
    table["answer"] = np.random.default_rng(8).permutation(table["answer"])
    return table, schema


# ------------------------------------------------------------------ out of fold


@pytest.mark.parametrize(
    "noise", [{"noise_frac": 0.02, "copies": 1}, {"noise_frac": 0, "copies": 3}]
)
def test_a_memory_remembers_nothing_out_of_fold(numbers_table, settings_of, noise):
    table, schema = shuffled(numbers_table, 600)
    settings = settings_of(NEIGHBOURS, **MEMORY, augment={"method": "jitter"} | noise)
    oof = cross_validate(table, schema, settings, 0)
    # 0.5 and 4 standard errors of it
    assert abs(scores(oof["target"], oof["probability"])["roc_auc"] - 0.5) < 0.09
    # and a memory it is: the same model knows all it was fitted to
    model = fit(augment(table, schema, **settings["augment"]), schema, settings, 0)
    assert (predict_probability(model, table, schema) == table["answer"]).all()


def test_a_memory_knows_no_twins_either(numbers_table, settings_of):
    table, schema = shuffled(numbers_table, 300)
    twice = pd.concat([table, table], ignore_index=True).assign(row_id=range(600))
    oof = cross_validate(twice, schema, settings_of(NEIGHBOURS, **MEMORY), 0)
    assert abs(scores(oof["target"], oof["probability"])["roc_auc"] - 0.5) < 0.12


@pytest.mark.parametrize("estimator", [NEIGHBOURS, LINE, FOREST])
def test_predictions_do_not_depend_on_the_rows_predicted_beside_them(
    monkeypatch, numbers_table, settings_of, estimator
):
    table, schema = numbers_table(200)
    table.loc[::7, "x1"] = np.nan
    numbers = np.arange(200) % 5
    monkeypatch.setattr(train, "fold_numbers", lambda *arguments: numbers)
    settings = settings_of(estimator, params=FEW_TREES.get(estimator, {}))
    before = cross_validate(table, schema, settings, 0)["probability"]
    # Everything about fold 0 but the features of its first half becomes another.
    changed = table.copy()
    fold, other = numbers == 0, (numbers == 0) & (np.arange(200) > 100)
    changed.loc[fold, "answer"] = 1 - changed.loc[fold, "answer"]
    changed.loc[other, ["x0", "x1", "x2"]] = 1e6
    after = cross_validate(changed, schema, settings, 0)["probability"]
    same = fold & ~other
    assert same.sum() == 21
    np.testing.assert_array_equal(after[same], before[same])
    assert (after[~fold] != before[~fold]).mean() > 0.5  # and it does matter to the other folds


def test_each_fold_is_fitted_to_the_other_folds_and_their_own_noise(
    monkeypatch, numbers_table, settings_of
):
    table, schema = numbers_table(200)
    table.loc[17, "x0"] = 1e6  # noise scaled with this row would be 1,000 times as large
    given = []

    def spy(augmented, *arguments):
        given.append(augmented)
        return fit(augmented, *arguments)

    monkeypatch.setattr(train, "fit", spy)
    oof = cross_validate(table, schema, settings_of(LINE), 3)
    numbers = fold_numbers(table, schema, "stratified", 5, 3)
    assert oof["fold"].tolist() == numbers.tolist()
    assert len(given) == 5
    for fold, augmented in enumerate(given):
        rows = table[numbers != fold]
        assert augmented["row_id"].tolist() == rows["row_id"].tolist() * 2
        noise = augmented["x0"].to_numpy()[len(rows) :] - rows["x0"].to_numpy()
        assert noise.std() == pytest.approx(0.02 * rows["x0"].std(ddof=0), rel=0.3)


def test_every_row_is_predicted_once_and_in_order(numbers_table, settings_of):
    table, schema = numbers_table(120)
    table["row_id"] = table["row_id"] * 3 + 1
    oof = cross_validate(table, schema, settings_of(LINE), 0)
    assert list(oof) == ["row_id", "fold", "target", "probability"]
    assert oof["row_id"].tolist() == table["row_id"].tolist()
    assert oof["target"].tolist() == table["answer"].tolist()
    assert oof["probability"].between(0, 1).all()
    assert scores(oof["target"], oof["probability"])["roc_auc"] > 0.7


def test_in_time_order_only_earlier_rows_teach(monkeypatch, numbers_table, settings_of):
    table, schema = numbers_table(240)
    table["day"] = np.random.default_rng(1).permutation(240)
    schema = schema | {"columns": [*schema["columns"], {"name": "day", "role": "time"}]}
    pairs = []

    def spy(model, rows, *arguments):
        pairs.append((spy.fitted["day"].max(), rows["day"].min()))
        return predict_probability(model, rows, *arguments)

    def spy_fit(augmented, *arguments):
        spy.fitted = augmented
        return fit(augmented, *arguments)

    monkeypatch.setattr(train, "predict_probability", spy)
    monkeypatch.setattr(train, "fit", spy_fit)
    oof = cross_validate(table, schema, settings_of(LINE, strategy="time"), 0)
    assert [later - earlier for earlier, later in pairs] == [1] * 5
    assert len(oof) == 200
    assert oof["probability"].notna().all()
    assert set(table["row_id"]) - set(oof["row_id"]) == set(table["row_id"][table["day"] < 40])


# ------------------------------------------------------------------ fitting


@pytest.mark.parametrize("estimator", [FOREST, BOOSTING, "sklearn.svm.LinearSVC"])
def test_the_seed_decides(numbers_table, settings_of, estimator):
    table, schema = numbers_table(150, signal=0.5)
    settings = settings_of(estimator, params=FEW_TREES.get(estimator, {}))
    first, again, other = (cross_validate(table, schema, settings, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert (first["probability"] != other["probability"]).mean() > 0.5


def test_the_seed_is_that_of_the_model_too(numbers_table, settings_of):
    table, schema = numbers_table(150, signal=0.5)
    augmented = augment(table, schema)
    settings = settings_of(FOREST, params={"n_estimators": 5})
    first, again, other = (
        predict_probability(fit(augmented, schema, settings, seed), table, schema)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("estimator", [FOREST, BOOSTING])
def test_threads_change_no_byte(numbers_table, settings_of, estimator, tmp_path):
    table, schema = numbers_table(2_000, signal=0.5, features=8)
    augmented = augment(table, schema)
    fresh, _ = numbers_table(3_000, random_state=1, features=8)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            settings = settings_of(estimator, params=FEW_TREES[estimator])
            model = fit(augmented, schema, settings, 0, threads)
            found.append(predict_probability(model, fresh, schema))
            save_model(model, tmp_path / str(threads))
    np.testing.assert_array_equal(*found)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_a_fit_to_all_rows_has_the_threads_that_change_no_byte(numbers_table, settings_of):
    """BLAS adds up in another order with several: they are the job's, for a forest among the models."""
    table, schema = numbers_table(20_000, features=30)
    settings = settings_of("sklearn.linear_model.LogisticRegression", augment={"method": "none"})
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            fitted = (table, schema, {"line": settings}, None, len(table), 0, threads)
            found.append(refit(*fitted, one_thread=["line"])["model"].coef_)
    np.testing.assert_array_equal(*found)


def test_a_forest_predicts_with_one_thread(numbers_table, settings_of):
    table, schema = numbers_table(100)
    settings = settings_of(FOREST, params={"n_estimators": 3})
    assert fit(augment(table, schema), schema, settings, 0, 2)["model"].n_jobs is None
    settings["model"]["params"]["n_jobs"] = 2
    assert fit(augment(table, schema), schema, settings, 0)["model"].n_jobs == 1


def test_the_probability_is_that_of_a_one(numbers_table, settings_of):
    table, schema = numbers_table(400, signal=5)
    model = fit(augment(table, schema), schema, settings_of(LINE), 0)
    probability = predict_probability(model, table, schema)
    assert (
        probability[table["answer"] == 1].mean() > 0.7 > 0.3 > probability[table["x0"] < 0].mean()
    )


def test_copies_make_no_level_frequent(schema_of, settings_of):
    levels = ["ten"] * 10 + ["nine"] * 9 + ["many"] * 31
    table = pd.DataFrame({"row_id": range(50), "level": pd.Series(levels, dtype="str")})
    table["answer"] = [0, 1] * 25
    schema = schema_of(level="category")
    for copies in (1, 4):
        settings = settings_of(LINE, augment={"method": "jitter", "copies": copies})
        model = fit(augment(table, schema, **settings["augment"]), schema, settings, 0)
        encoder = model["preprocess"].named_transformers_["categories"]
        assert encoder.infrequent_categories_[0].tolist() == ["nine"]


def test_a_feature_without_a_value_in_the_rows_is_left_out(numbers_table, settings_of):
    table, schema = numbers_table(100)
    table["x1"] = np.where(table.index == 5, 1.0, np.nan)  # missing from all folds' rows but one's
    for estimator in (BOOSTING, FOREST, LINE):
        settings = settings_of(estimator, "tree", params=FEW_TREES.get(estimator, {}))
        oof = cross_validate(table, schema, settings, 0)
        assert oof["probability"].notna().all()


def test_no_value_at_all_is_refused(numbers_table, settings_of):
    table, schema = numbers_table(50)
    table[["x0", "x1", "x2"]] = np.nan
    with pytest.raises(InputError, match="every feature is missing in all 50 training rows"):
        fit(augment(table, schema, method="none"), schema, settings_of(LINE), 0)


@pytest.mark.parametrize(("asked", "used"), [(150, 150), (200, 200), (201, None), (0.5, 0.5)])
def test_a_cap_on_the_rows_of_a_tree_is_only_a_cap(numbers_table, settings_of, asked, used):
    table, schema = numbers_table(100)
    settings = settings_of(FOREST, params={"n_estimators": 2, "max_samples": asked})
    assert fit(augment(table, schema), schema, settings, 0)["model"].max_samples == used


# ------------------------------------------------------------------ estimators that split rows


TUNED = {
    "sklearn.model_selection.GridSearchCV": {
        "estimator": {"estimator": NEIGHBOURS},
        "param_grid": {"n_neighbors": [1, 50]},
        "scoring": "roc_auc",
    },
    "sklearn.model_selection.RandomizedSearchCV": {
        "estimator": {"estimator": NEIGHBOURS},
        "param_distributions": {"n_neighbors": [1, 50]},
        "n_iter": 2,
        "cv": 4,
    },
}


@pytest.mark.parametrize("estimator", TUNED)
def test_tuning_does_not_choose_what_remembers_copies(numbers_table, settings_of, estimator):
    table, schema = numbers_table(300, signal=0.7)
    settings = settings_of(estimator, params=TUNED[estimator])
    model = fit(augment(table, schema), schema, settings, 0)["model"]
    assert model.best_params_ == {"n_neighbors": 50}
    assert model.cv == TUNED[estimator].get("cv")  # nothing of the folds is saved with the model


def test_calibration_does_not_believe_what_remembers_copies(numbers_table, settings_of):
    table, schema = shuffled(numbers_table, 300)
    fresh, _ = shuffled(numbers_table, 2_000)
    fresh["x0"] += 0.01
    # Narrow enough to know every row by heart.
    settings = settings_of("sklearn.svm.SVC", params={"gamma": 20.0, "C": 10.0})
    model = fit(augment(table, schema), schema, settings, 0)
    probability = predict_probability(model, fresh[300:], schema)
    # 0.69 is what half and half costs; believing in the copies costs 1.
    assert scores(fresh["answer"][300:], probability)["log_loss"] < 0.75


def test_the_target_is_not_among_what_is_learned_from(recorded, numbers_table, settings_of):
    table, schema = numbers_table(60)
    fit(augment(table, schema), schema, settings_of("test_train.Recorder", "tree"), 0)
    given, target, _ = recorded[0]
    assert given.shape == (120, 3)
    assert feature_columns(schema) == ["x0", "x1", "x2"]
    np.testing.assert_array_equal(given[:60], table[["x0", "x1", "x2"]])
    np.testing.assert_array_equal(target, [*table["answer"], *table["answer"]])


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost"])
def test_the_boosters_of_the_config_give_the_same_bytes_each_time(
    tmp_path, numbers_table, settings_of, name
):
    table, schema = numbers_table(120)
    entry = load_yaml(ROOT / "workflow/schemas/config.schema.yaml")["properties"]["models"][
        "default"
    ][name]
    settings = settings_of(entry["estimator"], "tree") | {"model": entry}
    contents = []
    for file in (tmp_path / "once", tmp_path / "again"):
        model = fit(augment(table, schema, "none"), schema, settings, 0)
        save_model(model, file)
        contents.append(file.read_bytes())
        time.sleep(1)  # CatBoost notes the second
    assert contents[0] == contents[1]
    assert predict_probability(load_model(contents[0]), table, schema).std() > 0.05
