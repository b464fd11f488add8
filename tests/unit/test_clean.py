"""Repairs: each counted, each by the row alone."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml_baseline.data import cells, sample_data
from ml_baseline.data import raw_table as large
from ml_baseline.data.clean import clean, clean_features
from ml_baseline.data.infer_schema import describe_columns, infer_schema
from ml_baseline.data.schema import column, feature_columns
from ml_baseline.data.tables import read_raw_table, read_table, write_table
from ml_baseline.data.twins import rows_with_twins
from ml_baseline.errors import InputError

pytestmark = pytest.mark.filterwarnings("error")


def raw_table(**columns):
    return pd.DataFrame({name: pd.Series(values, dtype="str") for name, values in columns.items()})


def through_json(schema):
    return json.loads(json.dumps(schema, allow_nan=False))


# ------------------------------------------------------------------ a table cleaned by hand

MESSY = raw_table(
    **{
        "key": ["a1", " a2 ", "a3", "", "a5", "a6"],
        "amount": ["1,234.5", "$12", "45%", "?", "-3", " 7"],
        "size": ["S", "L", "l", "NA", "XL", "'S'"],
        "paid": ["Yes", "n", "TRUE", "0", "1", "-"],
        "since": ["31.01.2024", "1.2.2024", "", "30.02.2024", "29.02.2024", "28.02.2024"],
        "town": ["Ulm", "ulm ", "ULM", "Ulm", "Bonn", "n/a"],
        "secret": ["x"] * 6,
        "bought": ["yes", "No", "YES", "no ", "?", "no"],
    }
)
SETTINGS = {
    **{"target": "bought", "id": "key", "forbidden": "secret"},
    **{"encode": {"size": {"S": 0, "L": 1}}, "dates": {"since": "%d.%m.%Y"}},
}


def test_a_large_table_is_read_column_by_column_with_the_same_result(monkeypatch, tmp_path):
    settings = {"target": "bought", "id": "key"}
    schema = infer_schema(MESSY, settings)
    table, repairs = clean(MESSY, schema)
    monkeypatch.setattr(large, "PACKED_BYTES", 100)
    monkeypatch.setattr(cells, "PARSED_CELLS", 2)
    rows = pa.Table.from_pandas(MESSY)
    packed = large.raw_table(list(MESSY), [rows.slice(start, 1) for start in range(len(MESSY))])
    assert isinstance(packed, large.PackedTable)
    assert infer_schema(packed, settings) == schema
    again, found = clean(packed, schema)
    pd.testing.assert_frame_equal(again, table, check_dtype=False, check_exact=True)
    assert found == repairs
    assert str(again["bought"].dtype) == "int64"
    # Smaller data types in a file are nothing to those who read it.
    written = [tmp_path / f"{name}.parquet" for name in ("whole", "packed")]
    for frame, path in zip((table, again), written, strict=True):
        write_table(frame, path)
    pd.testing.assert_frame_equal(*map(read_table, written))


def test_no_room_for_the_text_of_a_large_table_is_told(monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("no device here that is always full")
    monkeypatch.setattr(large.tempfile, "TemporaryFile", partial(open, "/dev/full", "w+b"))
    packed = large.PackedTable(["a"])
    with pytest.raises(InputError, match=r"No space left on device.*set TMPDIR"):
        packed.append(pa.table({"a": ["1"]}))


@pytest.fixture(scope="module")
def cleaned():
    return clean(MESSY, through_json(infer_schema(MESSY, SETTINGS, "shop")))


def test_values_by_hand(cleaned):
    nan = np.nan
    expected = pd.DataFrame(
        {
            "row_id": [0, 1, 2, 3, 5],  # row 4 has no target
            "key": pd.Series(["a1", "a2", "a3", None, "a6"], dtype="str"),
            "amount": [1234.5, 12, 0.45, nan, 7],
            "size": [0, 1, 1, nan, 0],
            "paid": [1, 0, 1, 0, nan],
            "since_year": [2024, 2024, nan, nan, 2024],
            "since_month": [1, 2, nan, nan, 2],
            "since_day": [31, 1, nan, nan, 28],
            "since_weekday": [2, 3, nan, nan, 2],
            "town": pd.Series(["Ulm", "Ulm", "Ulm", "Ulm", None], dtype="str"),
            "bought": [1, 0, 1, 0, 0],
        }
    )
    pd.testing.assert_frame_equal(cleaned[0], expected)


def test_repairs_by_hand(cleaned):
    assert cleaned[1] == {
        "rows_read": 6,
        "rows_without_target": 1,
        "rows_kept": 5,
        "duplicate_rows": 0,
        "renamed_columns": {},
        "columns": {
            "key": {"stripped": 1, "missing": {"": 1}},
            "amount": {
                **{"stripped": 1, "missing": {"?": 1}, "numbers_from_text": 3, "mixed": 4},
                "mixed_examples": [
                    *("$12 (read as 12)", "-3 (read as -3)"),
                    *("1,234.5 (read as 1234.5)", "7 (read as 7)"),
                ],
            },
            "size": {
                **{"stripped": 1, "missing": {"NA": 1}, "encoded": 4},
                **{"unparsable": 1, "unparsable_examples": ["XL"]},
            },
            "paid": {"missing": {"-": 1}, "booleans_from_text": 3},
            "since": {
                **{"missing": {"": 1}, "dates_from_text": 4},
                **{"unparsable": 1, "unparsable_examples": ["30.02.2024"]},
            },
            "town": {"stripped": 1, "missing": {"n/a": 1}, "respelled": 2},
            "bought": {"stripped": 1, "missing": {"?": 1}, "labels_mapped": 5},
        },
    }
    assert through_json(cleaned[1]) == cleaned[1]


def test_a_clean_table_needs_no_repairs():
    raw = raw_table(a=["1", "2"], b=["0.5", "1.5"], c=["x", "y"], y=["0", "1"])
    table, repairs = clean(raw, infer_schema(raw, {"target": "y"}))
    assert repairs["columns"] == {"a": {}, "b": {}, "c": {}, "y": {}}
    assert [str(dtype) for dtype in table.dtypes] == ["int64", "int64", "float64", "str", "int64"]


def test_parts_of_dates_are_integers_and_hours_are_floats():
    raw = raw_table(d=["2024-01-31", "2024-02-01"], t=["10:30", "9:00"], y=["0", "1"])
    table, _ = clean(raw, infer_schema(raw, {"target": "y"}))
    parts = [f"d_{part}" for part in ("year", "month", "day", "weekday")]
    assert {str(dtype) for dtype in table[parts].dtypes} == {"int64"}
    assert table["t_hours"].tolist() == [10.5, 9.0]
    assert str(table["t_hours"].dtype) == "float64"


def test_sentinels_and_marker_words_are_counted_as_missing():
    values = [str(i) for i in range(20)] + ["-999"] * 5 + ["-999.0", "unknown", "Unknown", "9e999"]
    raw = raw_table(a=values, y=["yes", "no"] * 14 + ["no"])
    table, repairs = clean(raw, infer_schema(raw, {"target": "y"}))
    assert repairs["columns"]["a"] == {
        "missing": {"Unknown": 1, "unknown": 1},
        **{"missing_numbers": 6, "unparsable": 1, "unparsable_examples": ["9e999"]},
    }
    assert table["a"].isna().sum() == 9
    declared = infer_schema(raw, {"target": "y", "missing_values": ["-999", 3]})
    table, repairs = clean(raw, declared)
    assert repairs["columns"]["a"]["missing"] == {"-999": 5, "3": 1, "Unknown": 1, "unknown": 1}
    assert repairs["columns"]["a"]["missing_numbers"] == 1  # -999.0: the same number
    assert table["a"].max() == 19


def test_missing_tokens_are_listed_by_frequency_and_nulls_are_not_stripped():
    raw = raw_table(a=["1", "2", "NA", "?", None, "?"], y=["yes", "no"] * 3)
    count = clean(raw, infer_schema(raw, {"target": "y"}))[1]["columns"]["a"]
    assert list(count) == ["missing"]
    assert list(count["missing"].items()) == [("?", 2), ("", 1), ("NA", 1)]


def test_a_label_that_an_earlier_version_took_for_an_answer_stays_one_for_its_model():
    schema = infer_schema(raw_table(c=["a", "b"], y=["yes", "no"]), {"target": "y"})
    column(schema, "c")["categories"] = ["N/D", "a", "b"]
    rows, _ = clean_features(raw_table(c=["N/D", "n.a.", "a"]), schema)
    assert rows["c"].fillna("missing").tolist() == ["N/D", "missing", "a"]


def test_duplicates_are_counted_and_kept():
    raw = raw_table(k=list("abcd"), a=["1", " 1", "1", "2"], y=["yes", "yes", "no", "no"])
    table, repairs = clean(raw, infer_schema(raw, {"target": "y", "id": "k"}))
    assert (repairs["duplicate_rows"], len(table)) == (1, 4)


def test_columns_called_like_ours():
    raw = raw_table(row_id=["7", "8"], copy=["a", "b"], y=["yes", "no"])
    table, repairs = clean(raw, infer_schema(raw, {"target": "y"}))
    assert table.columns.tolist() == ["row_id", "row_id_raw", "copy_raw", "y"]
    assert table["row_id"].tolist() == [0, 1]
    assert table["row_id_raw"].tolist() == [7, 8]
    assert repairs["renamed_columns"] == {"row_id": "row_id_raw", "copy": "copy_raw"}


def test_the_columns_stand_in_the_order_of_their_roles():
    raw = raw_table(
        y=["1", "0"], a=["1", "2"], t=["1", "2"], g=["u", "v"], k=["p", "q"], b=["3", "4"]
    )
    table, _ = clean(raw, infer_schema(raw, {"target": "y", "id": "k", "group": "g", "time": "t"}))
    assert table.columns.tolist() == ["row_id", "k", "g", "t", "a", "b", "y"]


def test_times_are_days_that_keep_their_order():
    times = ["2024-01-31 12:00", "1999-12-31 00:00", "1970-01-01 00:00", "2024-02-01 00:00"]
    raw = raw_table(t=times, a=["1", "2", "3", "4"], y=["1", "0", "1", "0"])
    table, _ = clean(raw, infer_schema(raw, {"target": "y", "time": "t"}))
    assert table["t"].tolist() == [19753.5, 10956.0, 0.0, 19754.0]


def test_a_stray_cell_or_row_in_new_data_costs_no_more_than_itself():
    raw = raw_table(a=["1", "2"] * 9, b=["x", "y"] * 9, y=["yes", "no"] * 9)
    schema = through_json(infer_schema(raw, {"target": "y"}))
    new = raw_table(a=["3.5", "what", "1e30"], b=["z", "", "x"], y=["Yes", "perhaps", "NO"])
    table, repairs = clean(new, schema)
    assert table["row_id"].tolist() == [0, 2]
    assert table["a"].tolist() == [3.5, 1e30]
    assert table["y"].tolist() == [1, 0]
    assert repairs["columns"]["y"]["missing"] == {"perhaps": 1}
    assert repairs["columns"]["a"]["unparsable_examples"] == ["what"]


def test_new_numbers_too_large_for_an_integer_are_floats():
    raw = raw_table(a=["1", "2"], y=["yes", "no"])
    new = raw_table(a=["1e30", "4"], y=["yes", "no"])
    assert clean(new, infer_schema(raw, {"target": "y"}))[0]["a"].tolist() == [1e30, 4.0]


# ------------------------------------------------------------------ properties

VARIED = {
    "number": lambda rng, i: f"{rng.normal(0, 100):.3f}",
    "money": lambda rng, i: f"${rng.integers(1, 10**6):,}",
    "european": lambda rng, i: f"{rng.integers(1, 999)},{rng.integers(10, 99)}",
    "integer": lambda rng, i: str(rng.integers(-50, 50)),
    "sentinel": lambda rng, i: str(-999 if i % 9 == 0 else rng.integers(0, 50)),
    "weight": lambda rng, i: f"{rng.integers(1, 99)} kg",
    "age": lambda rng, i: "90+" if i % 40 == 0 else str(rng.integers(18, 90)),
    "answer": lambda rng, i: rng.choice(["yes", "No", "TRUE", "0"]),
    "rhesus": lambda rng, i: rng.choice(["+", "-"]),
    "town": lambda rng, i: rng.choice(["Ulm", "ulm", "Bonn", " Bonn", "'Köln'"]),
    "day": lambda rng, i: f"2024-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}",
    "moment": lambda rng, i: f"{rng.integers(1, 29)}.{rng.integers(1, 13)}.2024 {i % 24}:05",
    "clock": lambda rng, i: f"{i % 24}:{i % 60:02d}",
    "size": lambda rng, i: rng.choice(["S", "M", "l", "XL"]),
    "post": lambda rng, i: f"{rng.integers(0, 10**5):05d}",
    "target": lambda rng, i: rng.choice(["Yes", "No", "no"]),
}


@pytest.fixture(scope="module")
def varied():
    """A raw table with every kind of column and many gaps, its schema, its cleaned table."""
    rng = np.random.default_rng(0)
    raw = pd.DataFrame(
        {
            name: pd.Series([str(draw(rng, i)) for i in range(400)], dtype="str")
            for name, draw in VARIED.items()
        }
    )
    gaps = pd.DataFrame(rng.random(raw.shape) < 0.05, columns=raw.columns)
    raw = raw.mask(gaps, pd.Series(rng.choice(["", "NA", "?", " "], 400), dtype="str"), axis=0)
    raw.loc[rng.choice(400, 4, replace=False), "number"] = "unknown"
    settings = {"target": "target", "encode": {"size": {"S": 0, "M": 1, "L": 2}}}
    schema = infer_schema(raw, settings)
    return raw, schema, clean(raw, schema)[0]


def test_the_varied_table_has_all_kinds(varied):
    _, schema, _ = varied
    kinds = {entry["source"]: entry["kind"] for entry in schema["columns"]}
    assert kinds == {
        **{"number": "number", "money": "integer", "european": "number", "integer": "integer"},
        **{"sentinel": "integer", "weight": "integer", "age": "integer", "answer": "boolean"},
        **{"rhesus": "boolean", "town": "category", "day": "integer", "moment": "integer"},
        **{"clock": "number", "size": "code", "post": "category", "target": "boolean"},
    }
    assert column(schema, "sentinel")["missing_numbers"] == [-999.0]


def test_rows_are_cleaned_one_by_one(varied):
    """Any subset of the rows, cleaned by the same schema, has the values it has in the whole."""
    raw, schema, table = varied
    rng = np.random.default_rng(1)
    for size in (1, 2, 7, 50, 399):
        rows = np.sort(rng.choice(len(raw), size, replace=False))
        part, _ = clean_features(raw.iloc[rows], schema)
        assert part.index.tolist() == part["row_id"].tolist() == list(range(size))
        part["row_id"] = rows[part["row_id"]]
        part = part[part["row_id"].isin(table["row_id"])].reset_index(drop=True)
        expected = table[table["row_id"].isin(rows)].drop(columns="target").reset_index(drop=True)
        pd.testing.assert_frame_equal(part, expected, check_dtype=False, check_exact=True)


def test_shuffled_rows_give_the_shuffled_table(varied):
    raw, schema, table = varied
    order = np.random.default_rng(2).permutation(len(raw))
    shuffled, repairs = clean(raw.iloc[order], schema)
    shuffled["row_id"] = order[shuffled["row_id"]]
    shuffled = shuffled.sort_values("row_id", ignore_index=True)
    pd.testing.assert_frame_equal(shuffled, table, check_exact=True)
    assert repairs == clean(raw, schema)[1]


def test_the_schema_does_not_depend_on_the_order_of_the_rows(varied):
    raw, schema, _ = varied
    order = np.random.default_rng(3).permutation(len(raw))
    settings = {"target": "target", "encode": {"size": {"S": 0, "M": 1, "L": 2}}}
    assert infer_schema(raw.iloc[order].reset_index(drop=True), settings) == schema


def test_a_stored_schema_cleans_alike(varied):
    raw, schema, table = varied
    stored = through_json(describe_columns(schema, table))
    again, repairs = clean(raw, stored)
    pd.testing.assert_frame_equal(again, table, check_exact=True)
    assert repairs == clean(raw, schema)[1]


def test_new_rows_need_no_target(varied):
    raw, schema, table = varied
    new, repairs = clean_features(raw.drop(columns="target"), through_json(schema))
    assert new["row_id"].tolist() == list(range(len(raw)))  # all rows, also those without a target
    features = feature_columns(schema)
    kept = new[new["row_id"].isin(table["row_id"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept[features], table[features], check_dtype=False)
    assert "target" not in repairs


def test_nothing_changes_the_raw_table(varied):
    raw, schema, _ = varied
    before = raw.copy(deep=True)
    clean(raw, schema)
    pd.testing.assert_frame_equal(raw, before)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_cleaned_table_survives_the_disk(varied, tmp_path, suffix):
    _, schema, table = varied
    write_table(table, tmp_path / f"t{suffix}")
    back = read_table(tmp_path / f"t{suffix}", through_json(schema))
    pd.testing.assert_frame_equal(back, table, check_exact=True)


# ------------------------------------------------------------------ against a known truth


@pytest.mark.parametrize(("rows", "seed"), [(50, 0), (200, 1), (1000, 7), (5000, 3)])
@pytest.mark.parametrize("encode", [{}, {"gender": {"Female": 0, "Male": 1}}])
def test_the_messy_customers_are_repaired_to_the_last_cell(tmp_path, rows, seed, encode):
    write_table(sample_data.customers(rows, seed), tmp_path / "customers.csv")
    raw, _ = read_raw_table(tmp_path / "customers.csv")
    schema = infer_schema(raw, {"target": "purchased", "encode": encode})
    table, repairs = clean(raw, through_json(schema))
    truth = sample_data.customers_features(rows, seed, visible=True)
    if encode:
        truth["gender"] = truth["gender"].map(encode["gender"])
    assert feature_columns(schema) == truth.columns.tolist()
    for name in truth.columns:
        pd.testing.assert_series_equal(
            table[name], truth[name], check_dtype=False, check_exact=True
        )
        lost = repairs["columns"][name]
        gaps = sum(lost.get("missing", {}).values()) + lost.get("unparsable", 0)
        assert gaps == truth[name].isna().sum()
    assert table["row_id"].tolist() == list(range(rows))


FILES = {
    "bank marketing": (
        '"age";"balance";"default";"y"\n30;1.787,5;"no";"no"\n33;4.789,0;"no";"yes"\n35;1.350;"yes";"no"\n',
        {"target": "y"},
        {
            "age": [30, 33, 35],
            "balance": [1787.5, 4789, 1350],
            "default": [0, 0, 1],
            "y": [0, 1, 0],
        },
    ),
    "adult": (
        "age, workclass, income\n39, State-gov, <=50K\n50, ?, >50K\n",
        {"target": "income", "positive": ">50K"},
        {"age": [39, 50], "workclass": ["State-gov", None], "income": [0, 1]},
    ),
    "german credit": (
        "status months class\nA11 6 1\nA12 48 2\nA14 12 1\n",
        {"target": "class", "positive": 2},
        {"status": ["A11", "A12", "A14"], "months": [6, 48, 12], "class": [0, 1, 0]},
    ),
    "credit approval": (
        "A1,A2,A9,B,A16\nb,30.83,t,+,+\na,58.67,f,-,-\n?,?,t,?,+\n",
        {"target": "A16"},
        {
            **{"A1": ["b", "a", None], "A2": [30.83, 58.67, None]},
            **{"A9": [1, 0, 1], "B": [1, 0, None], "A16": [1, 0, 1]},
        },
    ),
    "chronic kidney disease": (
        "age,pc,htn,class\n48,normal,yes,ckd\n\t43,abnormal,\tno,ckd\t\n\t?,normal, yes,notckd\n",
        {"target": "class", "positive": "ckd"},
        {
            **{"age": [48, 43, None], "pc": ["normal", "abnormal", "normal"]},
            **{"htn": [1, 0, 1], "class": [1, 1, 0]},
        },
    ),
    "telephone customers": (
        "customerID,TotalCharges,Churn\n7590,29.85,No\n5575, ,Yes\n3668,1889.5,No\n",
        {"target": "Churn", "positive": True, "id": "customerID"},
        {
            **{"customerID": ["7590", "5575", "3668"], "TotalCharges": [29.85, None, 1889.5]},
            "Churn": [0, 1, 0],
        },
    ),
    "a frame of pandas": (
        ",when,ok\n0,2024-01-31 10:00:00,True\n2,2024-02-01 11:00:00,False\n",
        {"target": "ok"},
        {
            **{"unnamed_1": ["0", "2"], "when_year": [2024, 2024], "when_month": [1, 2]},
            **{"when_day": [31, 1], "when_weekday": [2, 3], "when_hour": [10, 11], "ok": [1, 0]},
        },
    ),
    "excel in Europe": (
        "sep=;\r\nBetrag;Anteil;Ja\r\n1.234,50 €;5,5%;J\r\n950,00 €;;N\r\n;;\r\n",
        {"target": "Ja", "positive": "J"},
        {"Betrag": [1234.5, 950], "Anteil": [0.055, None], "Ja": [1, 0]},
    ),
    "a single feature": ("a,y\n1,0\n2,1\n", {"target": "y"}, {"a": [1, 2], "y": [0, 1]}),
}


@pytest.mark.parametrize(("text", "settings", "expected"), FILES.values(), ids=FILES)
def test_files_as_they_are_found(tmp_path, text, settings, expected):
    (tmp_path / "raw.csv").write_bytes(text.encode())
    raw, _ = read_raw_table(tmp_path / "raw.csv")
    table, _ = clean(raw, through_json(infer_schema(raw, settings)))
    values = table.drop(columns="row_id").astype(object)
    assert values.where(values.notna(), None).to_dict("list") == expected


TARGETS_IN_PARQUET = {
    "bool": [True, False, True],
    "boolean": pd.array([True, None, False], dtype="boolean"),
    "int": [1, 0, 1],
    "Int64": pd.array([1, None, 0], dtype="Int64"),
    "float": [1.0, np.nan, 0.0],
    "category": pd.Categorical(["yes", None, "no"]),
}


@pytest.mark.parametrize("values", TARGETS_IN_PARQUET.values(), ids=TARGETS_IN_PARQUET)
def test_targets_in_parquet(tmp_path, values):
    pd.DataFrame({"a": [1.5, 2.5, 3.5], "y": values}).to_parquet(tmp_path / "t.parquet")
    raw, _ = read_raw_table(tmp_path / "t.parquet")
    table, _ = clean(raw, infer_schema(raw, {"target": "y"}))
    expected = pd.Series(values).astype(object).map({True: 1, False: 0, "yes": 1, "no": 0}).dropna()
    assert table["y"].tolist() == expected.tolist()
    assert table["row_id"].tolist() == expected.index.tolist()


# ------------------------------------------------------------------ odd tables and messages


@pytest.mark.proof
def test_many_columns_and_levels_and_few_rows():
    levels = [f"level {i}" for i in range(4000)]
    raw = raw_table(a=levels, y=["yes", "no"] * 2000)
    schema = infer_schema(raw, {"target": "y"})
    table, _ = clean(raw, schema)
    assert describe_columns(schema, table)["columns"][0]["categories"] == sorted(levels)
    wide = raw_table(**{f"c{i}": ["1", "x", ""][:2] for i in range(500)}, y=["yes", "no"])
    table, repairs = clean(wide, infer_schema(wide, {"target": "y"}))
    assert table.shape == (2, 502)
    assert len(repairs["columns"]) == 501


def test_all_missing_and_constant_columns():
    raw = raw_table(a=["", "NA", "?"], b=["7"] * 3, c=["x"] * 3, y=["yes", "no", "no"])
    schema = infer_schema(raw, {"target": "y"})
    table, _ = clean(raw, schema)
    assert table["a"].isna().all()
    assert (table["b"] == 7).all()
    assert (table["c"] == "x").all()
    assert feature_columns(schema) == ["a", "b", "c"]


def test_a_lacking_column_is_named():
    raw = raw_table(a=["1", "2"], b=["1", "2"], y=["yes", "no"])
    schema = infer_schema(raw, {"target": "y"})
    for lacking, role in [("b", "feature"), ("y", "target")]:
        with pytest.raises(InputError, match=rf"lacks the column '{lacking}' \({role}\).*are "):
            clean(raw.drop(columns=lacking), schema)


def test_new_data_of_one_class_is_refused():
    raw = raw_table(a=["1", "2"], y=["good", "bad"])
    schema = infer_schema(raw, {"target": "y", "positive": "good"})
    with pytest.raises(InputError, match="'y' has no row with 'good', which means 1"):
        clean(raw.iloc[1:], schema)


PLAIN_AND_NOT = {
    "plain numbers": ["1", "-2.5", "1e3", "+4", ".5", "007"],
    "whole numbers": ["1", "2", "9007199254740993"],
    "a sentinel among numbers": ["1", "-999", "3"],
    "not a number": ["1", "nan", "3"],
    "infinite": ["1", "inf", "1e999"],
    "with blanks": [" 1", "2", "3"],
    "with a gap": ["1", "", "3"],
    "with a null": ["1", None, "3"],
    "known categories": ["red", "green", "red"],
    "another spelling": ["red", "RED", "green"],
    "a category never seen": ["red", "blue", "green"],
    "a category with a gap": ["red", "", "green"],
    "a quoted category": ["red", "'green'", "red"],
}


@pytest.mark.parametrize("missing_values", [[], ["red", "2"]])
@pytest.mark.parametrize("cells", PLAIN_AND_NOT.values(), ids=PLAIN_AND_NOT)
def test_the_short_way_of_plain_columns_gives_what_the_long_way_gives(
    cells, missing_values, schema_of, monkeypatch
):
    readings = [
        {"kind": "number"},
        {"kind": "number", "missing_numbers": [-999.0]},
        {"kind": "number", "decimal": ","},
        {"kind": "integer"},
        {"kind": "category", "categories": ["green", "red"], "spellings": {"red": "red"}},
        {"kind": "category", "categories": ["'green'", "green", "red"]},
        {"kind": "category"},
    ]
    schema = schema_of(**{f"c{i}": reading for i, reading in enumerate(readings)})
    schema |= {"missing_values": missing_values}
    raw = pd.DataFrame({f"c{i}": pd.Series(cells, dtype="str") for i in range(len(readings))})
    short, _ = clean_features(raw, schema)
    monkeypatch.setattr("ml_baseline.data.clean._plain_values", lambda *_: None)
    long, _ = clean_features(raw, schema)
    pd.testing.assert_frame_equal(short, long, check_exact=True)


AMBIGUOUS = {
    "dates": (
        ["01/02/2024", "03/03/2024"],
        {},
        "01/02/2024 (read as 2024-01-02, could be 2024-02-01)",
    ),
    "dates that tell": (["01/02/2024", "01/13/2024"], {}, None),
    "declared dates": (["01/02/2024", "03/03/2024"], {"dates": {"x": "%d/%m/%Y"}}, None),
    "numbers": (["1,234", "5", "2,345", "7,000"], {}, "1,234 (read as 1234.0, could be 1.234)"),
    "numbers that tell": (["1,234", "5", "2,345", "12000", "7,000"], {}, None),
    "declared numbers": (["1,234", "5", "2,345", "7,000"], {"decimal": "."}, None),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_a_reading_that_could_be_another_is_told(case):
    values, settings, example = AMBIGUOUS[case]
    raw = raw_table(x=values * 10, y=(["yes", "no"] * 50)[: 10 * len(values)])
    _, repairs = clean(raw, infer_schema(raw, settings | {"target": "y"}))
    found = repairs["columns"]["x"]
    assert found.get("ambiguous_examples", [None])[0] == example
    if example:  # all cells can be read in both ways
        assert list(found["readings"].values()) == [10 * len(values)] * 2


def test_the_runner_up_is_kept_with_the_cells_that_it_reads():
    days = ["01/02/2024", "01/13/2024", "05/06/2024", "", "?"]
    raw = raw_table(x=days * 10, y=["yes", "no"] * 25)
    _, repairs = clean(raw, infer_schema(raw, {"target": "y"}))
    assert repairs["columns"]["x"]["readings"] == {"%m/%d/%Y": 30, "%d/%m/%Y": 20}
    assert "ambiguous" not in repairs["columns"]["x"]


@pytest.mark.parametrize("values", [2, 3, 50])
def test_rows_with_twins_are_those_that_pandas_finds(values):
    random = np.random.default_rng(values)
    numbers = random.integers(0, values, (400, 3)).astype("float64")
    table = pd.DataFrame(numbers, columns=list("abc")).mask(random.random((400, 3)) < 0.1)
    table["d"] = pd.Series(random.choice(["x", "y", None], 400), dtype="str")
    for some in (table, table[["d"]], table.drop_duplicates(), table.iloc[:0]):
        rows, twins = rows_with_twins((some[name] for name in some), len(some))
        assert rows.tolist() == np.flatnonzero(some.duplicated(keep=False)).tolist()
        assert len(rows) - len(np.unique(twins)) == some.duplicated().sum()
