"""The ensemble: what its weights are learned from, what they are, and what is saved."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import log_loss

from ml_baseline.data.augment import augment
from ml_baseline.data.schema import feature_columns
from ml_baseline.errors import InputError
from ml_baseline.modelling.ensemble import ROUNDS, learn_weights
from ml_baseline.modelling.model_files import load_model, save_model
from ml_baseline.modelling.train import fit, predict_probability
from ml_baseline.modelling.voting import members_of, of_members, weighted_mean

FOLDS = 5


def predictions(models=3, rows=300, signal=1.0, random_state=0, shift=()):
    """Return out-of-fold predictions of models that err independently of each other."""
    random = np.random.default_rng(random_state)
    target = (np.arange(rows) % 2).astype(int)
    of_rows = pd.DataFrame({"row_id": range(rows), "fold": np.arange(rows) // 2 % FOLDS})
    score = signal * (target - 0.5) + random.normal(size=(models, rows))
    score += np.resize([*shift, *[0] * models][:models], (models, 1))
    return {
        f"model{i}": of_rows.assign(target=target, probability=expit(signal * score[i]))
        for i in range(models)
    }


def loss_of(oof):
    return log_loss(oof["target"], oof["probability"])


def test_the_mean_is_better_than_its_members_on_rows_it_has_not_learned_from():
    oof = predictions(rows=2000)
    weights, mixed = learn_weights(oof, "stratified")
    assert weights["weight"].sum() == pytest.approx(1)
    assert (weights["weight"] > 0.2).all()  # they are equally good
    assert loss_of(mixed) < min(map(loss_of, oof.values())) - 0.02
    assert weights.set_index("model").loc["model1", "log_loss"] == pytest.approx(
        loss_of(oof["model1"])
    )


def test_what_knows_nothing_or_errs_gets_no_weight():
    oof = predictions(shift=(0, 6))
    oof["blind"] = oof["model0"].assign(probability=0.5)
    oof["wrong"] = oof["model0"].assign(probability=1 - oof["model0"]["target"])  # surely
    weights, mixed = learn_weights(oof, "stratified")
    weight = weights.set_index("model")["weight"]
    assert weight["wrong"] == 0
    assert weight["model1"] == 0
    assert weight["model0"] + weight["model2"] >= 0.8
    assert weights["weight"].is_monotonic_decreasing
    assert mixed["probability"].between(0, 1).all()


@pytest.mark.parametrize("strategy", ["stratified", "time"])
@pytest.mark.parametrize("random_state", range(5))
def test_it_is_never_worse_than_the_baseline(random_state, strategy):
    """On noise, which a mean of many members fits by chance."""
    oof = predictions(models=6, rows=120, random_state=random_state)
    noise = np.random.default_rng(random_state).permutation(oof["model0"]["target"])
    oof = {name: of.assign(target=noise) for name, of in oof.items()}
    oof["baseline"] = oof["model0"].assign(probability=0.5)
    weights, mixed = learn_weights(oof, strategy)
    assert loss_of(mixed) <= loss_of(oof["baseline"])
    if mixed["probability"].equals(oof["baseline"]["probability"]):
        assert weights.set_index("model")["weight"]["baseline"] == 1


@pytest.mark.parametrize("strategy", ["stratified", "time"])
def test_no_row_is_predicted_with_weights_that_its_target_took_part_in(strategy):
    """The targets of a fold may be anything: its own predictions stay as they are."""
    oof = predictions(rows=200)
    _, mixed = learn_weights(oof, strategy)
    for number in range(FOLDS):
        own = mixed["fold"] == number
        later = mixed["fold"] > number if strategy == "time" else mixed["fold"] == -1
        turned = {
            name: of.assign(target=of["target"].where(~(own | later), 1 - of["target"]))
            for name, of in oof.items()
        }
        _, again = learn_weights(turned, strategy)
        assert again["probability"][own].equals(mixed["probability"][own])
        if strategy == "stratified" or number < FOLDS - 1:
            assert not again["probability"].equals(mixed["probability"])


def test_in_time_order_the_first_fold_is_the_plain_mean_of_what_tells_rows_apart():
    oof = predictions(models=2)
    oof["blind"] = oof["model0"].assign(probability=0.5)
    _, mixed = learn_weights(oof, "time")
    first = mixed["fold"] == 0
    mean = (oof["model0"]["probability"] + oof["model1"]["probability"]) / 2
    np.testing.assert_allclose(mixed["probability"][first], mean[first])


def test_one_model_is_the_whole_ensemble_and_of_equals_the_first_is_taken():
    (oof,) = predictions(models=1).values()
    weights, mixed = learn_weights({"only": oof}, "stratified")
    assert weights["weight"].tolist() == [1.0]
    pd.testing.assert_frame_equal(mixed, oof)
    weights, _ = learn_weights({"first": oof, "twin": oof}, "stratified")
    assert weights.set_index("model")["weight"].to_dict() == {"first": 1.0, "twin": 0.0}


def test_weights_are_those_of_a_search_through_all_of_them():
    """With two models every mixture can be tried."""
    oof = predictions(models=2, rows=101)
    weights, _ = learn_weights(oof, "stratified")
    a, b = (oof[name]["probability"] for name in ("model0", "model1"))
    losses = [
        loss_of(oof["model0"].assign(probability=(k * a + (ROUNDS - k) * b) / ROUNDS))
        for k in range(ROUNDS + 1)
    ]
    found = weights.set_index("model")["weight"]["model0"] * ROUNDS
    assert abs(found - np.argmin(losses)) <= 1


@pytest.fixture
def fitted(numbers_table):
    table, schema = numbers_table(80)
    settings = {"preprocessing": {"max_categories": 30, "min_frequency": 10}}
    classes = {"line": "linear_model.LogisticRegression", "tree": "tree.DecisionTreeClassifier"}
    rows = augment(table, schema, "none")
    models = {
        name: fit(rows, schema, settings | {"model": {"estimator": f"sklearn.{path}"}}, 0)
        for name, path in classes.items()
    }
    return table, schema, models


def test_what_is_saved_is_an_ordinary_classifier(fitted):
    table, schema, models = fitted
    weights = {"tree": 0.75, "line": 0.25}
    ensemble = weighted_mean({name: models[name] for name in weights}, weights)
    expected = sum(w * predict_probability(models[n], table, schema) for n, w in weights.items())
    np.testing.assert_allclose(predict_probability(ensemble, table, schema), expected)
    assert type(ensemble).__module__.startswith("sklearn.")  # so that it loads without this project
    assert ensemble.classes_.tolist() == [0, 1]
    predicted = ensemble.predict(table[feature_columns(schema)])
    assert (predicted == (expected >= 0.5)).mean() > 0.95
    assert members_of(ensemble) == weights


def test_what_is_made_of_models_is_made_of_others_as_if_for_the_first_time(fitted, tmp_path):
    _, _, models = fitted
    weights = {"tree": 0.75, "line": 0.25}
    members = {name: models[name] for name in weights}
    made = weighted_mean(members, weights)
    save_model(made, tmp_path / "made")
    empty = of_members(load_model((tmp_path / "made").read_bytes()), {})
    assert (empty.estimators_, len(made.estimators_)) == ([], 2)
    save_model(of_members(empty, members), tmp_path / "again")
    assert (tmp_path / "made").read_bytes() == (tmp_path / "again").read_bytes()
    assert members_of(models["tree"]) == {}


def test_equal_strings_are_one_in_a_file_whether_python_has_them_once_or_twice(tmp_path):
    word, again = "C of a model", "".join(["C of ", "a model"])
    assert word is not again
    save_model({"one": word, "two": word}, tmp_path / "once")
    save_model({"one": word, "two": again}, tmp_path / "twice")
    assert (tmp_path / "once").read_bytes() == (tmp_path / "twice").read_bytes()


def test_it_is_saved_with_the_same_bytes_each_time(fitted, tmp_path):
    """The nodes of trees have gaps, which are filled at random when they are read."""
    _, _, models = fitted
    save_model(models["tree"], tmp_path / "tree.joblib")
    content = (tmp_path / "tree.joblib").read_bytes()
    saved = set()
    for number in range(5):
        disturbance = np.full((number + 1) * 997, 7.0)  # other contents of free memory
        del disturbance
        save_model(weighted_mean({"tree": load_model(content)}, {"tree": 1.0}), tmp_path / "e")
        saved.add((tmp_path / "e").read_bytes())
    assert len(saved) == 1
    nodes = load_model(saved.pop()).estimators_[0].named_steps["model"].tree_
    assert nodes.node_count == models["tree"].named_steps["model"].tree_.node_count


def test_classes_in_another_order_are_refused(fitted):
    _, _, models = fitted
    models["tree"].named_steps["model"].classes_ = np.array([1, 0])
    with pytest.raises(InputError, match=r"the classes of tree are \[1, 0\]; expected 0 and 1"):
        weighted_mean(models, {"tree": 0.5, "line": 0.5})
