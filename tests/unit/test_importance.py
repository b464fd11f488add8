"""What drives a model, with models that are plain functions and so have known answers."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from ml_baseline.scoring import importance
from ml_baseline.scoring.importance import (
    correlated_features,
    drawn_rows,
    explain,
    importance_budget,
    partial_dependence,
    permutation_importance,
)
from ml_baseline.scoring.scores import scores

SETTINGS = {"metric": "roc_auc", "threshold": 0.5, "level": 0.95, "random_state": 0}


def logistic(table: pd.DataFrame) -> np.ndarray:
    """A model that looks at x0 a lot, at x1 a little, and never at x2."""
    return 1 / (1 + np.exp(-2 * table["x0"].to_numpy() - 0.3 * table["x1"].to_numpy()))


def test_what_the_model_looks_at_is_found_and_what_it_never_looks_at_is_exactly_nothing(
    numbers_table,
):
    holdout, schema = numbers_table(400)
    found = permutation_importance(logistic, holdout, schema, "roc_auc")
    assert found["feature"].tolist()[0] == "x0"
    by_name = found.set_index("feature")
    assert by_name.loc["x0", "importance"] > 0.2
    assert by_name.loc["x0", "low"] > 0.1
    assert by_name.loc["x2", ["importance", "low", "high"]].tolist() == [0, 0, 0]
    assert (found["low"] <= found["importance"]).all()
    assert (found["importance"] <= found["high"]).all()
    assert found["rows"].eq(400).all() and found["metric"].eq("roc_auc").all()


@pytest.mark.parametrize(("metric", "sign"), [("roc_auc", 1), ("f1", 1), ("log_loss", -1)])
def test_importance_is_the_mean_loss_over_the_shuffles(numbers_table, metric, sign):
    holdout, schema = numbers_table(120)
    holdout["x1"] = holdout["x1"].round()  # shuffled, a row often keeps its value
    asked = []

    def remembering(table):
        asked.append(table.reset_index(drop=True))
        return logistic(table)

    found = permutation_importance(remembering, holdout, schema, metric).set_index("feature")
    own, repeats = asked[0], found["repeats"].iloc[0]
    value = scores(holdout["answer"], logistic(own), 0.5)[metric]
    generator = np.random.default_rng(0)
    for name in own:
        losses = []
        for _ in range(repeats):
            shuffled = own.assign(**{name: own[name].to_numpy()[generator.permutation(120)]})
            score = scores(holdout["answer"], logistic(shuffled), 0.5)[metric]
            losses.append(sign * (value - score))
        assert found.loc[name, "importance"] == pytest.approx(np.mean(losses)), name
    predicted = sum(map(len, asked[1:]))
    assert predicted < 0.8 * 120 * 3 * repeats, "the same row is predicted once"


def test_the_error_bar_allows_for_more_than_the_shuffles(numbers_table):
    """On other rows of the same kind the importance varies as much as the error bar says."""
    values, reaches = [], []
    for i in range(40):
        holdout, schema = numbers_table(150, random_state=i)
        found = permutation_importance(logistic, holdout, schema, "brier", random_state=i)
        row = found.set_index("feature").loc["x0"]
        values.append(row["importance"])
        reaches.append((row["high"] - row["low"]) / 2)
    ratio = np.mean(reaches) / (1.96 * np.std(values, ddof=1))
    assert 0.75 < ratio < 1.6
    # The shuffles alone: the same rows, other seeds.
    same = [
        permutation_importance(logistic, holdout, schema, "brier", random_state=i)
        .set_index("feature")
        .loc["x0", "importance"]
        for i in range(20)
    ]
    assert np.std(same) < 0.5 * np.std(values)


def test_same_seed_same_tables(numbers_table):
    holdout, schema = numbers_table(6_000)
    first, second = (explain(logistic, holdout, schema, SETTINGS) for _ in range(2))
    for name, table in first.items():
        pd.testing.assert_frame_equal(table, second[name])
    assert first["importance"]["rows"].unique().tolist() == [importance.ROWS_AT_MOST]
    assert first["partial_dependence"]["rows"].unique().tolist() == [importance.CURVE_ROWS]


@pytest.mark.parametrize(
    ("holdout_rows", "features", "expected"),
    [
        (200, 10, (200, 10)),
        (2_000, 20, (1_750, 2)),
        (60_000, 20, (5_000, 2)),
        (60_000, 30, (3_333, 2)),
        (60_000, 500, (200, 2)),
        (100, 500, (100, 1)),
        (60_000, 10_000, (200, 1)),
        (50, 1, (50, 10)),
    ],
)
def test_large_tables_are_asked_about_fewer_rows(holdout_rows, features, expected):
    assert importance_budget(holdout_rows, features) == expected


def test_of_a_wide_table_the_columns_that_predictions_go_along_with_are_measured(
    schema_of, monkeypatch
):
    random = np.random.default_rng(0)
    holdout = pd.DataFrame(random.normal(size=(300, 40)), columns=[f"x{i}" for i in range(40)])
    holdout["x9"] = holdout["x9"].where(random.random(300) < 0.8)
    holdout["x20"] = pd.Series(random.choice(["a", "b", "c"], 300), dtype="str")
    holdout["x30"] = pd.Series([f"name {i}" for i in range(300)], dtype="str")

    def model(table):
        return (
            0.2
            + 0.1 * (table["x5"].abs() > 1)
            + 0.2 * table["x9"].isna()
            + 0.1 * (table["x20"] == "b")
        )

    holdout["answer"] = (random.random(300) < model(holdout)).astype(int)
    kinds = dict.fromkeys(holdout.columns.drop("answer"), "number")
    schema = schema_of(**kinds | {"x20": "category", "x30": "category"})
    asked = []
    monkeypatch.setattr(importance, "CELLS_AT_MOST", 0)
    found = permutation_importance(
        lambda table: asked.append(len(table)) or model(table).to_numpy(), holdout, schema, "brier"
    )
    assert len(found) == importance.EXPLAINED_FEATURES
    assert {"x5", "x9", "x20"} <= set(found["feature"]) and "x30" not in set(found["feature"])
    repeats = found["repeats"].iloc[0]
    assert sum(asked) <= 300 * (2 + importance.EXPLAINED_FEATURES * repeats)


def test_drawn_rows_keep_the_classes():
    target = pd.Series([1] * 3 + [0] * 997)
    drawn = drawn_rows(target, 100, 0)
    assert len(np.unique(drawn)) == 100 and (np.diff(drawn) > 0).all()
    assert target[drawn].sum() == 1
    assert drawn_rows(target, 5_000, 0).tolist() == list(range(1_000))


def test_partial_dependence_is_the_mean_over_rows_given_the_same_value(numbers_table):
    holdout, schema = numbers_table(200)
    found = partial_dependence(logistic, holdout, schema, ["x0", "x2"])
    features = holdout[["x0", "x1", "x2"]]
    assert found["feature"].unique().tolist() == ["x0", "x2"]
    for row in found.itertuples():
        predicted = logistic(features.assign(**{row.feature: float(row.value)}))
        assert row.probability == pytest.approx(predicted.mean())
        low, high = np.quantile(predicted, [0.1, 0.9])
        assert (row.low, row.high) == pytest.approx((low, high))
    values = found.loc[found["feature"] == "x0", "value"].astype(float)
    assert 15 <= len(values) <= 20 and values.is_monotonic_increasing
    assert values.isin(holdout["x0"]).all(), "values that occur"
    within = np.quantile(holdout["x0"], [0, 0.02, 0.98, 1])
    assert within[0] < values.min() <= within[1] and within[2] <= values.max() < within[3]


def test_texts_have_no_partial_dependence(schema_of, numbers_table):
    holdout, _ = numbers_table(60)
    words = ["the cat sat here", "a dog sat there", "the dog ran here", "a cat ran there"]
    remarks = [f"{words[i % 4]} {i}" for i in range(len(holdout))]
    schema = schema_of(x0="number", x1="number", remark="category", rating="category")
    # Labels of several words are none.
    ratings = np.resize(["very good", "good", "bad", "very bad"], len(holdout))
    holdout = holdout.assign(remark=remarks, rating=ratings)
    found = partial_dependence(logistic, holdout, schema, ["remark", "x0", "rating"])
    assert set(found["feature"]) == {"x0", "rating"}


def of_colour(table: pd.DataFrame) -> np.ndarray:
    known = table["colour"].map({"red": 0.9, "green": 0.2}).astype(float)
    return known.fillna(0.5).to_numpy() * (1 - 0.1 * table["code"].fillna(0).to_numpy())


def test_categories_have_their_names_and_missing_ones_their_place(schema_of):
    random = np.random.default_rng(0)
    colour = pd.Series(random.choice(["red", "green", None], 300, p=[0.5, 0.3, 0.2]), dtype="str")
    holdout = pd.DataFrame({"colour": colour, "code": random.choice([0.0, 1.0], 300)})
    holdout["answer"] = (random.random(300) < of_colour(holdout)).astype(int)
    code = {"kind": "code", "categories": [0, 1], "labels": {"0": "Basic", "1": "Plus"}}
    schema = schema_of(colour="category", code=code)
    tables = explain(of_colour, holdout, schema, SETTINGS)
    curves = tables["partial_dependence"]
    found = curves[curves["feature"] == "colour"]
    assert found["label"].tolist() == ["red", "green", "(missing)"]
    assert found["value"].tolist()[:2] == ["red", "green"] and found["value"].isna().iloc[2]
    assert found["kind"].eq("categorical").all()
    assert found["probability"].is_monotonic_decreasing is False
    assert found["probability"].iloc[0] > found["probability"].iloc[2]
    codes = curves[curves["feature"] == "code"]
    assert codes["label"].tolist() == ["Basic", "Plus"] and codes["value"].tolist() == ["0", "1"]


def test_columns_that_never_vary_or_never_have_a_value(schema_of, numbers_table):
    holdout, _ = numbers_table(60)
    holdout = holdout.assign(same=1.0, empty=np.nan, x1=0.0)
    schema = schema_of(x0="number", x1="number", same="number", empty="number")
    tables = explain(logistic, holdout, schema, SETTINGS)
    found = tables["importance"].set_index("feature")
    assert (found.loc[["same", "empty", "x1"], ["importance", "low", "high"]] == 0).all(axis=None)
    assert tables["partial_dependence"]["feature"].unique().tolist() == ["x0"]


def test_a_single_feature_with_a_wild_name(schema_of, numbers_table):
    name = 'a "quoted", <script>alert(1)</script> ' + "x" * 70
    holdout, _ = numbers_table(100)
    holdout = holdout[["x0", "answer"]].rename(columns={"x0": name})
    tables = explain(
        lambda table: 1 / (1 + np.exp(-table[name].to_numpy())),
        holdout,
        schema_of(**{name: "number"}),
        SETTINGS,
    )
    assert tables["importance"]["feature"].tolist() == [name]
    assert tables["partial_dependence"]["feature"].unique().tolist() == [name]


def test_a_model_that_never_changes_its_mind_is_driven_by_nothing(numbers_table):
    holdout, schema = numbers_table(100)
    tables = explain(lambda table: np.full(len(table), 0.4), holdout, schema, SETTINGS)
    assert (tables["importance"][["importance", "low", "high"]] == 0).all(axis=None)
    assert tables["partial_dependence"]["probability"].to_numpy() == pytest.approx(0.4)


def test_where_nothing_can_be_explained_there_are_tables_without_rows(numbers_table):
    full = explain(logistic, *numbers_table(20), SETTINGS)
    for name, table in importance.nothing_explained().items():
        assert table.empty and list(table.columns) == list(full[name].columns)


def test_five_hundred_features_are_all_measured(numbers_table):
    holdout, schema = numbers_table(300, features=500)
    tables = explain(logistic, holdout, schema, SETTINGS)
    assert len(tables["importance"]) == 500
    assert tables["importance"]["feature"].iloc[0] == "x0"
    assert tables["partial_dependence"]["feature"].nunique() == importance.EXPLAINED_FEATURES


def test_features_that_go_together_are_named(schema_of):
    random = np.random.default_rng(0)
    x = random.normal(size=500)
    town = random.integers(0, 5, 500)
    features = pd.DataFrame(
        {
            "a": x,
            "monotone": np.exp(3 * x),
            "gaps": np.where(random.random(500) < 0.1, np.nan, -x),
            "noisy": x + random.normal(size=500),
            "flag": (x > 0).astype(int),
            "town": pd.Series([f"t{i}" for i in town], dtype="str"),
            "region": pd.Series([f"r{i // 2}" for i in town], dtype="str"),
            "other": pd.Series(random.choice(["p", "q", "r"], 500), dtype="str"),
        }
    )
    kinds = dict.fromkeys(features, "number")
    kinds |= {"flag": "boolean", "town": "category", "region": "category", "other": "category"}
    together = correlated_features(features, schema_of(**kinds))
    assert together["a"] == ["monotone", "gaps", "flag"]
    assert together["town"] == ["region"] and together["region"] == ["town"]
    assert together["noisy"] == [] and together["other"] == []
    holdout = features.assign(answer=(x > 0).astype(int))
    found = permutation_importance(
        lambda table: 1 / (1 + np.exp(-table["a"].to_numpy())),
        holdout,
        schema_of(**kinds),
        "roc_auc",
    ).set_index("feature")
    assert json.loads(found.loc["a", "correlated_with"]) == ["monotone", "gaps", "flag"]


@pytest.mark.parametrize("missing", [0.0, 0.05])
def test_numbers_go_together_by_spearmans_correlation(missing, schema_of):
    random = np.random.default_rng(1)
    names = [f"x{i}" for i in range(20)]
    x = random.normal(size=(400, 20)) + 2 * random.normal(size=(400, 1))
    table = pd.DataFrame(np.where(random.random(x.shape) < missing, np.nan, x), columns=names)
    together = correlated_features(table, schema_of(**dict.fromkeys(names, "number")))
    expected = table.corr(method="spearman").abs()
    pairs = itertools.permutations(names, 2)
    clear = [(one, other) for one, other in pairs if abs(expected[one][other] - 0.8) > 0.003]
    assert len(clear) > 300
    for one, other in clear:
        assert (other in together[one]) == (expected[one][other] > 0.8)
