"""Counts of rows by value and class."""

import numpy as np
import pandas as pd
import pytest

from ml_baseline.data.distributions import MISSING, bin_edges, distributions, number_text


def counted(values, schema_of, entry="number", target=None, dtype=None) -> pd.DataFrame:
    """Return the distribution of one column, by label."""
    table = pd.DataFrame({"x": pd.Series(values, dtype=dtype)})
    table["answer"] = np.arange(len(table)) % 2 if target is None else target
    result = distributions(table, schema_of(x=entry))
    assert result["negatives"].sum() == (table["answer"] == 0).sum()
    assert result["positives"].sum() == (table["answer"] == 1).sum()
    return result.set_index("label")


def counts(result: pd.DataFrame) -> dict:
    return {row.Index: (row.negatives, row.positives) for row in result.itertuples()}


def test_few_different_numbers_have_a_bin_each_and_missing_values_their_own(schema_of):
    result = counted([1.5, 1.5, 2, np.nan, 2, 7], schema_of)
    assert counts(result) == {"1.5": (1, 1), "2": (2, 0), "7": (0, 1), MISSING: (0, 1)}
    assert result.loc["1.5", ["low", "high"]].tolist() == [1.5, 1.5]
    assert result.loc[MISSING, ["low", "high"]].isna().all()


def test_bins_are_round_and_whole_numbers_are_labelled_by_what_they_hold(schema_of):
    result = counted(np.arange(18, 98), schema_of, "integer")
    assert result.index[0] == "15 to 19" and result.index[-1] == "95 to 100"
    assert result["high"].iloc[:-1].tolist() == result["low"].iloc[1:].tolist()
    assert counts(result)["20 to 24"] == (3, 2)


def test_edges_are_read_as_written(schema_of):
    result = counted(np.linspace(0, 1.7, 300), schema_of)
    assert result.index[:4].tolist() == ["0 to 0.1", "0.1 to 0.2", "0.2 to 0.3", "0.3 to 0.4"]
    assert result["low"].iloc[3] == 0.3


def test_values_far_out_are_counted_beyond_the_last_edge(schema_of):
    values = np.r_[np.random.default_rng(0).normal(size=2_000), 1e9, -5e8]
    result = counted(values, schema_of)
    assert len(result) <= 22
    assert result.iloc[0][["high"]].notna().all() and np.isnan(result["low"].iloc[0])
    assert np.isnan(result["high"].iloc[-1])
    assert result.index[0].startswith("below ") and result.index[-1].startswith("above ")
    assert result["low"].min() > -10


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(1).lognormal(0, 3, 500),
        np.random.default_rng(1).normal(1e15, 1, 500),
        np.random.default_rng(1).normal(0, 1e-12, 500),
        np.r_[np.zeros(400), np.arange(1, 101)],
        np.linspace(-1e300, 1e300, 50),
        1.7e308 * np.linspace(-1, 1, 50),
        np.linspace(0, 5e-310, 50),
        np.arange(50) * 1e13,
    ],
)
@pytest.mark.parametrize("entry", ["number", "integer"])
def test_every_row_is_counted_once_whatever_the_numbers(values, entry, schema_of):
    values = np.round(values) if entry == "integer" else values
    if entry == "integer" and not np.isfinite(values).all():
        pytest.skip("no whole number is this large")
    result = counted(values, schema_of, entry)
    assert len(result) <= 23


def test_the_most_frequent_categories_are_named_and_the_others_counted(schema_of):
    values = [f"c{i:02d}" for i in range(60) for _ in range(60 - i)]
    result = counted(values, schema_of, "category", dtype="str")
    assert result.index.tolist() == [f"c{i:02d}" for i in range(12)] + ["48 others"]
    assert result["kind"].eq("category").all()


def test_codes_have_labels_and_stand_in_their_order(schema_of):
    labels = {"0": "Basic", "1": "Plus"}
    entry = {"kind": "code", "categories": [0, 1], "labels": labels}
    result = counted([1, 1, 1, 0, np.nan, 1], schema_of, entry)
    assert counts(result) == {"Basic": (0, 1), "Plus": (2, 2), MISSING: (1, 0)}


def test_parts_of_dates_have_their_names_in_time(schema_of):
    weekdays = counted([6, 0, 1, 0], schema_of, {"kind": "integer", "part": "weekday"})
    assert weekdays.index.tolist() == ["Mon", "Tue", "Sun"]
    months = counted([12, 1, 2, 12], schema_of, {"kind": "integer", "part": "month"})
    assert months.index.tolist() == ["Jan", "Feb", "Dec"]
    days = counted(np.arange(1, 32), schema_of, {"kind": "integer", "part": "day"})
    assert days.index.tolist() == [str(day) for day in range(1, 32)]
    assert counted([1, 0, 1], schema_of, {"kind": "boolean"}).index.tolist() == ["no", "yes"]


def test_a_column_without_values_has_one_row_and_no_rows_no_table_of_them(schema_of):
    assert counts(counted([np.nan] * 4, schema_of)) == {MISSING: (2, 2)}
    assert counts(counted([None] * 4, schema_of, "category", dtype="str")) == {MISSING: (2, 2)}


def test_only_features_are_shown_under_their_names_as_they_are(schema_of):
    name = 'a "quoted", <script>alert(1)</script> ' + "x" * 70
    table = pd.DataFrame({"row_id": [0, 1], name: [1.0, 2.0], "answer": [0, 1]})
    result = distributions(table, schema_of(**{name: "number"}))
    assert result["column"].unique().tolist() == [name]


def test_edges_hold_the_middle():
    edges = bin_edges(np.sort(np.random.default_rng(0).normal(50, 10, 10_000)), False)
    assert 8 <= len(edges) <= 21
    assert np.allclose(np.diff(edges), edges[1] - edges[0])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (2015, "2015"),
        (12_345, "12,345"),
        (1_500_000, "1.5M"),
        (-0.25, "\N{MINUS SIGN}0.25"),
        (0.1 + 0.2, "0.3"),
        (1e-7, "1e-07"),
        (2.5e20, "2.5e+20"),
    ],
)
def test_numbers_are_short(value, text):
    assert number_text(value) == text
