"""Descriptive statistics against numbers worked out by hand."""

import warnings

import numpy as np
import pandas as pd
import pytest

from ml_baseline.data import stats


def entry(name, kind, role="feature", **more):
    return {"name": name, "role": role, "kind": kind, "source": name, **more}


@pytest.fixture
def described():
    table = pd.DataFrame(
        {
            "row_id": range(6),
            "key": list("uvwxyz"),
            "amount": [1.0, 2.0, 3.0, 4.0, 10.0, np.nan],
            "visits": [2, 2, 4, 4, 6, 6],
            "member": [0, 1, 1, 1, 0, 1],
            "gender": [0.0, 1.0, 1.0, np.nan, 0.0, 1.0],
            "town": pd.Series(["Ulm", "Bonn", "Ulm", None, "Bonn", "Köln"], dtype="str"),
            "empty": np.full(6, np.nan),
            "same": np.full(6, 0.1),
            "bought": [0, 0, 0, 0, 1, 1],
        }
    )
    schema = {
        "dataset": "shop",
        "target": "bought",
        "positive": ["yes"],
        "negative": ["no"],
        "rows": 6,
        "columns": [
            entry("key", "category", "id"),
            entry("amount", "number"),
            entry("visits", "integer"),
            entry("member", "boolean"),
            entry("gender", "code", categories=[0, 1], labels={"0": "Female", "1": "Male"}),
            entry("town", "category", categories=["Bonn", "Köln", "Ulm"]),
            entry("empty", "number"),
            entry("same", "number"),
            {"name": "secret", "role": "forbidden"},
            entry("bought", "boolean", "target"),
        ],
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return stats.describe(table, schema).set_index(["column", "class"])


def test_three_rows_for_each_feature_and_the_target_in_order(described):
    names = ["amount", "visits", "member", "gender", "town", "empty", "same", "bought"]
    assert list(described.index) == [(n, c) for n in names for c in ("all", "0", "1")]
    assert tuple(described.reset_index().columns[:1]) == ("column",)
    assert set(described.reset_index().columns) == set(stats.COLUMNS)


@pytest.mark.parametrize(
    ("name", "group", "expected"),
    [
        # 1 2 3 4 10: mean 20/5; deviations 9 4 1 0 36, over 4.
        (
            "amount",
            "all",
            {
                "count": 5,
                "missing": 1,
                "missing_share": 1 / 6,
                "mean": 4.0,
                "median": 3.0,
                "std": np.sqrt(50 / 4),
                "minimum": 1.0,
                "maximum": 10.0,
                "q05": 1.2,
                "q25": 2.0,
                "q75": 4.0,
                "q95": 8.8,
                "distinct": 5,
            },
        ),
        ("amount", "0", {"count": 4, "missing": 0, "mean": 2.5, "median": 2.5, "q25": 1.75}),
        # One value: there is no deviation to be had from it.
        ("amount", "1", {"count": 1, "missing": 1, "mean": 10.0, "std": np.nan, "q05": 10.0}),
        ("visits", "all", {"mean": 4.0, "std": np.sqrt(16 / 5), "distinct": 3, "median": 4.0}),
        ("visits", "1", {"mean": 6.0, "std": 0.0, "distinct": 1}),
        ("member", "all", {"mean": 4 / 6, "minimum": 0.0, "maximum": 1.0, "distinct": 2}),
        ("gender", "all", {"count": 5, "missing": 1, "distinct": 2, "top_count": 3}),
        ("town", "all", {"count": 5, "missing": 1, "distinct": 3, "top_count": 2}),
        ("town", "1", {"count": 2, "missing": 0, "distinct": 2, "top_count": 1}),
        ("empty", "all", {"count": 0, "missing": 6, "missing_share": 1.0, "distinct": 0}),
        # Six times 0.1 is not exactly 0.6; the mean of equal values is exact all the same.
        ("same", "all", {"mean": 0.1, "std": 0.0, "distinct": 1, "q05": 0.1}),
        ("bought", "all", {"mean": 2 / 6, "count": 6, "missing": 0}),
        ("bought", "1", {"mean": 1.0, "count": 2}),
    ],
)
def test_numbers_worked_out_by_hand(described, name, group, expected):
    row = described.loc[(name, group)]
    for key, value in expected.items():
        assert row[key] == pytest.approx(value, nan_ok=True, rel=1e-12, abs=0), key


def test_categories_have_a_top_and_no_mean_and_numbers_the_reverse(described):
    assert described.loc[("gender", "all"), "top"] == "Male"
    assert described.loc[("gender", "0"), "top"] == "Male"
    # Both towns occur twice, and in class 1 once: the first by value is named.
    assert described.loc[("town", "all"), "top"] == "Bonn"
    assert described.loc[("town", "1"), "top"] == "Bonn"
    for name in ("gender", "town"):
        assert (
            described.loc[name, ["mean", "std", "median", "minimum", "q95"]].isna().all(axis=None)
        )
    for name in ("amount", "visits", "member", "bought", "empty"):
        assert described.loc[name, ["top", "top_count"]].isna().all(axis=None)
    assert described.loc["empty", ["mean", "std", "minimum"]].isna().all(axis=None)


def test_codes_without_labels_are_written_as_whole_numbers():
    table = pd.DataFrame({"plan": [2.0, 2.0, np.nan], "y": [0, 1, 1]})
    schema = {"columns": [entry("plan", "code"), entry("y", "boolean", "target")]}
    assert stats.describe(table, schema)["top"].tolist()[:2] == ["2", "2"]


def test_counts_are_whole_numbers_that_survive_csv(described, tmp_path):
    described.to_csv(tmp_path / "stats.csv")
    lines = (tmp_path / "stats.csv").read_text(encoding="utf-8").splitlines()
    gender = dict(zip(lines[0].split(","), lines[10].split(","), strict=True))
    assert gender["column"] == "gender"
    assert (gender["count"], gender["top_count"], gender["mean"]) == ("5", "3", "")


def test_a_class_without_rows_and_values_at_the_edge_of_the_floats_raise_no_warning():
    table = pd.DataFrame({"x": [1e308, -1e308, np.inf, -np.inf], "y": [0, 0, 0, 0]})
    schema = {"columns": [entry("x", "number"), entry("y", "boolean", "target")]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = stats.describe(table, schema).set_index(["column", "class"])
    assert result.loc[("x", "1"), "count"] == 0
    assert np.isnan(result.loc[("x", "1"), "missing_share"])
    assert result.loc[("x", "all"), "distinct"] == 4
    assert result.loc[("x", "all"), "maximum"] == np.inf


def test_agrees_with_pandas_on_a_larger_table():
    chance = np.random.default_rng(3)
    table = pd.DataFrame({"x": chance.normal(size=5_000), "y": chance.integers(0, 2, 5_000)})
    table.loc[::7, "x"] = np.nan
    schema = {"columns": [entry("x", "number"), entry("y", "boolean", "target")]}
    result = stats.describe(table, schema).set_index(["column", "class"])
    for group, rows in (("all", table), ("0", table[table.y == 0]), ("1", table[table.y == 1])):
        row = result.loc[("x", group)]
        assert row["mean"] == pytest.approx(rows.x.mean(), rel=1e-9)
        assert row["std"] == pytest.approx(rows.x.std(), rel=1e-9)
        for key, share in stats.QUANTILES.items():
            assert row[key] == pytest.approx(rows.x.quantile(share), rel=1e-9)
