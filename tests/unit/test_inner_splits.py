"""Estimators that hold out rows themselves get rows for it, or are refused: no copy is among them."""

import functools
import inspect

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, is_classifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit
from sklearn.model_selection import _split as sklearn_splits
from sklearn.utils import all_estimators

from ml_baseline.data.augment import augment
from ml_baseline.errors import InputError
from ml_baseline.modelling.inner_splits import ROWS_OF_AUTO, splits_inside
from ml_baseline.modelling.pipeline import build_estimator
from ml_baseline.modelling.train import fit, predict_probability
from ml_baseline.modelling.tuning import parameters

pytestmark = pytest.mark.usefixtures("one_thread")
LINE = {"estimator": "sklearn.linear_model.LogisticRegression"}
BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"
STRATEGIES = ("stratified", "group", "time")


class Recorder(ClassifierMixin, BaseEstimator):
    """Says yes to everything and keeps what it was given."""

    given: list

    def __init__(self, cv=None, ensemble=True):
        self.cv, self.ensemble = cv, ensemble

    def fit(self, features, target):
        self.classes_ = np.array([0, 1])
        Recorder.given.append(self.cv)
        return self

    def predict_proba(self, features):
        return np.tile([0.0, 1.0], (len(features), 1))


@pytest.fixture
def recorded():
    Recorder.given = []
    return Recorder.given


@pytest.fixture
def table_of(numbers_table):
    """A function from rows to a table with homes of four rows and days of five, in mixed order."""

    def made(rows=240, signal=2.0, random_state=0):
        table, schema = numbers_table(rows, random_state, signal=signal)
        order = np.random.default_rng(1).permutation(rows)
        table["home"] = table["row_id"] // 4
        table["day"] = order // 5
        roles = [{"name": "home", "role": "group"}, {"name": "day", "role": "time"}]
        # Twins: rows with the same features.
        half, quarter = rows // 2, rows // 4
        names = ["x0", "x1", "x2"]
        table.loc[half : half + quarter - 1, names] = table.loc[
            quarter : half - 1, names
        ].to_numpy()
        table["twin"] = np.where(
            table["row_id"].between(half, half + quarter - 1),
            table["row_id"] - quarter,
            table["row_id"],
        )
        return table, schema | {"columns": [*schema["columns"], *roles]}

    return made


def check_parts(table, training, held, strategy, later=True):
    """Assert that row ids to learn from and to hold out are apart as the strategy wants it."""
    assert len(training) and len(held)
    assert not set(training) & set(held)
    of = {name: table.set_index("row_id")[name] for name in ("twin", "home", "day", "answer")}
    if strategy == "group":
        assert not set(of["home"][training]) & set(of["home"][held])
    elif strategy == "time" and later:
        assert of["day"][training].max() < of["day"][held].min()
    elif strategy == "time":
        inside = of["day"][training].between(of["day"][held].min(), of["day"][held].max())
        assert not inside.any()
    else:
        assert not set(of["twin"][training]) & set(of["twin"][held])
    assert set(of["answer"][held]) == set(of["answer"][training]) == {0, 1}


# Folds that are given


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("whole", [False, True])
def test_folds_keep_together_what_belongs_together(
    recorded, table_of, settings_of, strategy, cv, whole
):
    table, schema = table_of()
    params = {"cv": cv, "ensemble": not whole}
    settings = settings_of("test_inner_splits.Recorder", params=params, strategy=strategy)
    augmented = augment(table, schema, copies=2)
    model = fit(augmented, schema, settings, 0)
    assert model["model"].cv == cv  # nothing of the folds is saved with the model
    splits = recorded[0]
    assert len(splits) == (cv or 5)
    of_row = augmented["row_id"].to_numpy()
    for training, held in splits:
        check_parts(table, of_row[training], of_row[held], strategy, later=not whole)
        # A row comes with all its copies.
        for part in (training, held):
            assert set(np.unique(of_row[part], return_counts=True)[1]) == {3}
    if strategy != "time" or whole:  # else nothing comes before the first rows
        assert sorted(np.concatenate([held for _, held in splits])) == list(range(720))


def test_folds_are_no_more_than_the_rows_of_a_class(recorded, numbers_table, settings_of):
    table, schema = numbers_table(60)
    table["answer"] = (table["row_id"] < 3).astype(int)
    fit(augment(table, schema), schema, settings_of("test_inner_splits.Recorder"), 0)
    assert len(recorded[0]) == 3


@pytest.mark.parametrize("splitter", ["StratifiedKFold", "StratifiedGroupKFold"])
def test_copies_follow_the_rows_that_a_splitter_of_the_users_own_deals_out(
    recorded, table_of, settings_of, splitter
):
    table, schema = table_of()
    own = {"estimator": f"sklearn.model_selection.{splitter}", "params": {"n_splits": 2}}
    grouped = splitter == "StratifiedGroupKFold"
    settings = settings_of(
        "test_inner_splits.Recorder",
        params={"cv": own},
        strategy="group" if grouped else "stratified",
    )
    augmented = augment(table, schema)
    fit(augmented, schema, settings, 0)
    splits = recorded[0]
    assert len(splits) == 2
    of_row = augmented["row_id"].to_numpy()
    for training, held in splits:
        assert not set(of_row[training]) & set(of_row[held])
        if grouped:
            assert not set(of_row[training] // 4) & set(of_row[held] // 4)


def test_a_share_to_hold_out_is_a_single_split(recorded, table_of, settings_of):
    table, schema = table_of()
    settings = settings_of("test_inner_splits.Recorder", params={"cv": 0.25}, strategy="time")
    augmented = augment(table, schema)
    fit(augmented, schema, settings, 0)
    ((training, held),) = recorded[0]
    assert len(held) == pytest.approx(120, abs=10)
    of_row = augmented["row_id"].to_numpy()
    check_parts(table, of_row[training], of_row[held], "time")


# Validation rows that are given


@pytest.fixture
def validated(monkeypatch):
    """What boosting is fitted with: a list of (X, X_val or None)."""
    given, plain = [], HistGradientBoostingClassifier.fit

    @functools.wraps(plain)
    def recording(self, features, target, *others, **more):
        held_out = more.get("X_val")
        values = None if held_out is None else np.asarray(held_out)
        given.append((np.asarray(features), values, self.get_params()))
        return plain(self, features, target, *others, **more)

    monkeypatch.setattr(HistGradientBoostingClassifier, "fit", recording)
    return given


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("method", ["jitter", "none"])
def test_boosting_stops_by_rows_without_copies(validated, table_of, settings_of, strategy, method):
    table, schema = table_of()
    params = {"early_stopping": True, "max_iter": 15, "validation_fraction": 0.25}
    settings = settings_of(BOOSTING, "tree", params=params, strategy=strategy)
    augmented = augment(table, schema, method)
    model = fit(augmented, schema, settings, 0)
    (values, held, _), features = validated[0], augmented[["x0", "x1", "x2"]].to_numpy()

    def ids(part):
        same = (features[:, None] == part[None]).all(axis=2)
        return augmented["row_id"].to_numpy()[same.any(axis=1)]

    # Twins share their values, and are on one side with them under the strategy "stratified" only.
    where = augmented["copy"].to_numpy()[[np.flatnonzero((features == v).all(1))[0] for v in held]]
    assert (where == 0).all()
    assert len(held) == pytest.approx(60, abs=8)
    assert len(values) == (len(table) - len(held)) * len(augmented) / len(table)
    if strategy == "stratified":
        check_parts(table, ids(values), ids(held), strategy)
    assert model["model"].get_params()["early_stopping"] is True
    assert predict_probability(model, table, schema).shape == (240,)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("method", "fits"), [("random", 4), ("bayesian", 5)])
def test_trials_of_boosting_stop_by_rows_without_copies(
    validated, table_of, settings_of, strategy, method, fits
):
    table, schema = table_of()
    params = {"early_stopping": "auto", "max_iter": 5, "validation_fraction": 0.25}
    settings = settings_of(BOOSTING, "tree", params=params, strategy=strategy)
    space = {"early_stopping": [True], "min_samples_leaf": [5, 20]}
    settings["model"]["tune"] = {"method": method, "trials": 2, "folds": 2, "space": space}
    augmented = augment(table, schema, "jitter")
    fit(augmented, schema, settings, 0)
    assert len(validated) == fits
    features, ids = augmented[["x0", "x1", "x2"]].to_numpy(), augmented["row_id"].to_numpy()
    for values, held, _ in validated:
        same = (features[:, None] == held[None]).all(axis=2)
        assert (augmented["copy"].to_numpy()[same.argmax(axis=0)] == 0).all()
        learned = (features[:, None] == values[None]).all(axis=2).any(axis=1)
        if strategy == "stratified":
            assert not {*ids[learned]} & {*ids[same.any(axis=1)]}


@pytest.mark.parametrize("strategy", ["group", "time"])
def test_validation_rows_respect_groups_and_time(validated, numbers_table, settings_of, strategy):
    table, schema = numbers_table(240)
    table["home"], table["day"] = table["row_id"] // 4, table["row_id"] % 60
    roles = [{"name": "home", "role": "group"}, {"name": "day", "role": "time"}]
    schema = schema | {"columns": [*schema["columns"], *roles]}
    settings = settings_of(
        BOOSTING, "tree", params={"early_stopping": True, "max_iter": 5}, strategy=strategy
    )
    fit(augment(table, schema), schema, settings, 0)
    values, held, _ = validated[0]
    of = table.set_index("x0")
    rows = [of.loc[[x for x in part[:, 0] if x in of.index]] for part in (values, held)]
    if strategy == "group":
        assert not set(rows[0]["home"]) & set(rows[1]["home"])
    else:
        assert rows[0]["day"].max() < rows[1]["day"].min()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_in_folds_each_stops_a_fit_and_their_mean_predicts(
    validated, numbers_table, settings_of, strategy
):
    table, schema = numbers_table(240)
    table["home"], table["day"] = table["row_id"] // 4, table["row_id"] % 60
    roles = [{"name": "home", "role": "group"}, {"name": "day", "role": "time"}]
    schema = schema | {"columns": [*schema["columns"], *roles]}
    params = {"early_stopping": "folds", "validation_fraction": 0.25, "max_iter": 5}
    settings = settings_of(BOOSTING, "tree", params=params, strategy=strategy)
    model = fit(augment(table, schema), schema, settings, 0)
    of, stopped_by = table.set_index("x0"), []
    for values, held, _ in validated:
        learned, stops = (
            of.loc[[x for x in part[:, 0] if x in of.index]] for part in (values, held)
        )
        assert len(stops) == len(held) and len(learned) == len(values) / 2
        assert not set(learned["row_id"]) & set(stops["row_id"])
        assert strategy != "group" or not set(learned["home"]) & set(stops["home"])
        assert strategy != "time" or learned["day"].max() < stops["day"].min()
        stopped_by += stops["row_id"].tolist()
    if strategy != "time":
        assert len(validated) == 4 and sorted(stopped_by) == table["row_id"].tolist()
    each = [
        one.predict_proba(table[["x0", "x1", "x2"]].to_numpy())
        for one in model["model"].estimators_
    ]
    expected = np.mean(each, axis=0)[:, 1]
    assert predict_probability(model, table, schema) == pytest.approx(expected, abs=1e-12)
    told = parameters(model)
    assert told["estimator"].endswith("HistGradientBoostingClassifier")
    assert told["params"]["early_stopping"] == "folds"


@pytest.mark.parametrize("stopping", [True, "folds"])
def test_copies_without_their_row_are_learned_from_too(
    validated, numbers_table, settings_of, stopping
):
    """As the naive protocol has them, which splits rows from their copies."""
    table, schema = numbers_table(240)
    augmented = augment(table, schema).sample(frac=0.8, random_state=0, ignore_index=True)
    assert not {*augmented["row_id"]} <= {*augmented.loc[augmented["copy"] == 0, "row_id"]}
    params = {"early_stopping": stopping, "validation_fraction": 0.25, "max_iter": 5}
    fit(augmented, schema, settings_of(BOOSTING, "tree", params=params), 0)
    of = augmented.set_index("x0")["row_id"]
    assert len(validated) == (4 if stopping == "folds" else 1)
    for values, held, _ in validated:
        learned, stops = ({*of[part[:, 0]]} for part in (values, held))
        assert learned | stops == {*of} and not learned & stops
        assert len(values) == of.isin(learned).sum() and len(held) == len(stops)


@pytest.mark.parametrize("uneven", ["times", "classes"])
def test_where_no_folds_can_be_dealt_one_fit_is_stopped(
    validated, numbers_table, settings_of, uneven
):
    table, schema = numbers_table(240)
    # Most rows at the last time: before it there are less than half. Or a class that begins late.
    table["day"] = (
        table["row_id"] // 5 if uneven == "classes" else (table["row_id"] // 24).clip(0, 4)
    )
    if uneven == "classes":
        table.loc[:99, "answer"] = 0
    schema = schema | {"columns": [*schema["columns"], {"name": "day", "role": "time"}]}
    params = {"early_stopping": "folds", "validation_fraction": 0.25, "max_iter": 5}
    settings = settings_of(BOOSTING, "tree", params=params, strategy="time")
    model = fit(augment(table, schema, "none"), schema, settings, 0)
    ((values, held, _),), day = validated, table.set_index("x0")["day"]
    assert len(values) + len(held) == 240
    assert day[values[:, 0]].max() < day[held[:, 0]].min()
    assert parameters(model)["params"]["early_stopping"] == "folds"


@pytest.mark.parametrize(
    ("estimator", "share", "said"),
    [
        (BOOSTING, None, "cannot be fitted in folds"),
        (BOOSTING, 0, "`validation_fraction` is 0; expected a share"),
        (BOOSTING, "few", "`validation_fraction` is few; expected a share"),
        ("sklearn.neural_network.MLPClassifier", 0.25, "MLPClassifier cannot be fitted in folds"),
    ],
)
def test_what_cannot_be_fitted_in_folds_is_told(numbers_table, settings_of, estimator, share, said):
    table, schema = numbers_table(80)
    params = {"early_stopping": "folds", "validation_fraction": share}
    with pytest.raises(InputError, match=said):
        fit(augment(table, schema, "none"), schema, settings_of(estimator, params=params), 0)


def test_boosting_is_left_alone_where_nothing_belongs_together(
    validated, numbers_table, settings_of
):
    table, schema = numbers_table(120)
    settings = settings_of(BOOSTING, "tree", params={"early_stopping": True, "max_iter": 5})
    fit(augment(table, schema, "none"), schema, settings, 0)
    few = settings_of(BOOSTING, "tree", params={"max_iter": 5})
    fit(augment(table, schema), schema, few, 0)
    assert [held for _, held, _ in validated] == [None, None]


def test_auto_is_what_it_is_for_all_rows(validated, numbers_table, settings_of):
    """10,002 rows with their copies: too few are left to learn from for "auto" to stop by itself."""
    table, schema = numbers_table(ROWS_OF_AUTO // 2 + 1)
    settings = settings_of(BOOSTING, "tree", params={"max_iter": 3})
    model = fit(augment(table, schema), schema, settings, 0)
    _, held, params = validated[0]
    assert len(held) == pytest.approx(501, abs=2)
    assert params["early_stopping"] is True
    assert model["model"].get_params()["early_stopping"] == "auto"


def test_boosting_stops_where_there_is_nothing_to_learn(numbers_table, settings_of):
    table, schema = numbers_table(600, signal=0.0)
    params = {"early_stopping": True, "max_iter": 100, "learning_rate": 0.3}
    settings = settings_of(BOOSTING, "tree", params=params)
    augmented = augment(table, schema)
    stopped = fit(augmented, schema, settings, 0)["model"].n_iter_
    features = augmented[["x0", "x1", "x2"]]
    by_itself = HistGradientBoostingClassifier(**params, random_state=0)
    by_itself.fit(features, augmented["answer"])
    assert stopped < 25 < by_itself.n_iter_


# Every estimator of scikit-learn


SPLITTING = {"cv", "validation_fraction", "probability"}
# What it takes to build one, and to have it split.
NEEDED = {
    "estimator": LINE,
    "estimators": [["a", LINE]],
    "param_grid": {"C": [0.1, 1.0]},
    "param_distributions": {"C": [0.1, 1.0]},
    "n_iter": 2,
    "probability": True,
    "early_stopping": True,
    "max_iter": 20,
    "n_estimators": 10,
}
# Those that are given rows to hold out, and so never refused.
GIVEN = {"CalibratedClassifierCV", "GridSearchCV", "HistGradientBoostingClassifier", "SVC", "NuSVC"}
GIVEN |= {"LogisticRegressionCV", "RandomizedSearchCV", "RFECV", "StackingClassifier"}
GIVEN |= {"TunedThresholdClassifierCV"}


def splitting_classifiers():
    found = {}
    for name, kind in all_estimators():
        parameters = inspect.signature(kind).parameters
        if not SPLITTING & set(parameters) or name in ("ClassifierChain",):
            continue
        params = {key: value for key, value in NEEDED.items() if key in parameters}
        if "early_stopping" not in parameters and "n_iter_no_change" in parameters:
            params["n_iter_no_change"] = 3
        path = f"{kind.__module__.rpartition('._')[0] or kind.__module__}.{name}"
        if "n_iter" in params and "param_distributions" not in params:
            del params["n_iter"]
        try:
            built = build_estimator(path, params)
        except InputError:
            built = build_estimator(f"{kind.__module__}.{name}", params)
            path = f"{kind.__module__}.{name}"
        if is_classifier(built):
            found[name] = (path, params)
    return found


CLASSIFIERS = splitting_classifiers()


def test_no_classifier_that_splits_is_forgotten():
    expected = {"CalibratedClassifierCV", "GradientBoostingClassifier", "GridSearchCV"}
    expected |= {"HistGradientBoostingClassifier", "LogisticRegressionCV", "MLPClassifier", "NuSVC"}
    expected |= {"Perceptron", "RidgeClassifierCV", "SGDClassifier", "SVC", "StackingClassifier"}
    expected |= {"RandomizedSearchCV", "RFECV", "TunedThresholdClassifierCV"}
    assert expected <= set(CLASSIFIERS)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_what_splits_is_known(name):
    path, params = CLASSIFIERS[name]
    assert splits_inside(build_estimator(path, params), 100)


@pytest.fixture
def no_splits(monkeypatch):
    """No splitter of scikit-learn's may deal out rows; given folds are none."""

    def split(self, *args, **kwargs):
        raise AssertionError(f"{type(self).__name__} was asked to split")

    given = sklearn_splits._CVIterableWrapper
    for kind in vars(sklearn_splits).values():
        of_rows = isinstance(kind, type) and issubclass(kind, BaseCrossValidator | BaseShuffleSplit)
        if of_rows and kind is not given and "split" in vars(kind):
            monkeypatch.setattr(kind, "split", split)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_no_estimator_deals_out_rows_and_copies_itself(
    no_splits, table_of, settings_of, name, strategy
):
    path, params = CLASSIFIERS[name]
    table, schema = table_of()
    settings = settings_of(path, params=params, strategy=strategy)
    refused, model = "", None
    try:
        model = fit(augment(table, schema), schema, settings, 0)
    except InputError as error:
        refused = str(error)
    if model is None:
        assert "holds out rows by itself" in refused
        assert "set `" in refused or "splits no rows" in refused
        assert name not in GIVEN
    else:
        assert model["model"].get_params(deep=False).get("probability") is not True
        assert predict_probability(model, table, schema).shape == (240,)


REFUSED = {
    "GradientBoostingClassifier stops early": (
        "sklearn.ensemble.GradientBoostingClassifier",
        {"n_iter_no_change": 5},
        "set `n_iter_no_change: null`",
    ),
    "MLPClassifier stops early": (
        "sklearn.neural_network.MLPClassifier",
        {"early_stopping": True},
        "set `early_stopping: false`",
    ),
    "one inside stops early": (
        "sklearn.ensemble.BaggingClassifier",
        {"estimator": {"estimator": BOOSTING, "params": {"early_stopping": True}}},
        "HistGradientBoostingClassifier holds out rows by itself",
    ),
    "one of those tried stops early": (
        "sklearn.model_selection.GridSearchCV",
        {
            "estimator": {"estimator": "sklearn.ensemble.GradientBoostingClassifier"},
            "param_grid": {"n_iter_no_change": [None, 5], "max_depth": [2]},
        },
        "set `n_iter_no_change: null`",
    ),
    "one inside tunes itself": (
        "sklearn.ensemble.StackingClassifier",
        {"estimators": [["a", {"estimator": "sklearn.linear_model.LogisticRegressionCV"}]]},
        "LogisticRegressionCV holds out rows by itself",
    ),
    "one that is calibrated tunes itself": (
        "sklearn.linear_model.RidgeClassifierCV",
        {},
        "use an estimator there that splits no rows",
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", REFUSED)
def test_what_takes_no_rows_is_refused_where_rows_belong_together(numbers_table, settings_of, case):
    path, params, said = REFUSED[case]
    table, schema = numbers_table(200)
    settings = settings_of(path, params=params)
    with pytest.raises(InputError, match="noisy copies of the rows that it learns from") as error:
        fit(augment(table, schema), schema, settings, 0)
    assert said in str(error.value)
    assert "`augment: {method: none}`" in str(error.value)
    alone = fit(augment(table, schema, "none"), schema, settings, 0)
    assert predict_probability(alone, table, schema).shape == (200,)


def test_validation_rows_of_one_class_are_more_or_an_error_that_says_so(
    validated, numbers_table, settings_of
):
    table, schema = numbers_table(100)
    schema = schema | {"columns": [*schema["columns"], {"name": "day", "role": "time"}]}
    params = {"early_stopping": True, "max_iter": 5}
    settings = settings_of(BOOSTING, "tree", params=params, strategy="time")
    for last in (
        80,
        50,
    ):  # the last tenth of the rows has no ones, but the last 40 have some; nor these
        ones = (table["row_id"] < last) & (table["row_id"] % 2 == 1)
        table["answer"], table["day"] = ones.astype(int), table["row_id"]
        if last == 80:
            fit(augment(table, schema), schema, settings, 0)
            assert len(validated[0][1]) == 40
    with pytest.raises(
        InputError, match="stops early by rows that it holds out, and the time split"
    ):
        fit(augment(table, schema), schema, settings, 0)
