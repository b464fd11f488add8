"""How columns are found out: kinds, roles, the two classes of the target."""

import json

import numpy as np
import pandas as pd
import pytest

from ml_baseline.data.clean import clean, clean_features
from ml_baseline.data.infer_schema import describe_columns, infer_schema
from ml_baseline.data.schema import column, columns_of_role, feature_columns
from ml_baseline.data.split import split
from ml_baseline.errors import InputError

pytestmark = pytest.mark.filterwarnings("error")

COUNTING = [str(i) for i in range(20)]
FLOATS = [f"{value:.3f}" for value in np.random.default_rng(0).normal(50, 10, 60)]
SIGNED = [f"{value:.1f}" for value in np.random.default_rng(1).normal(10, 8, 60)]


def raw_table(columns, rows=None):
    """A raw table; columns that are too short are repeated."""
    rows = rows or max(map(len, columns.values()))
    return pd.DataFrame(
        {
            name: pd.Series([values[i % len(values)] for i in range(rows)], dtype="str")
            for name, values in columns.items()
        }
    )


def infer(columns, /, **settings):
    raw = raw_table({"y": ["yes", "no"]} | columns, max(2, *map(len, columns.values())))
    schema = infer_schema(raw, {"target": "y"} | settings)
    assert json.loads(json.dumps(schema)) == schema
    return schema


def entries_of(values, **settings):
    schema = infer({"x": values}, **settings)
    return [entry for entry in schema["columns"] if entry["source"] == "x"]


# ------------------------------------------------------------------ the kinds of columns

# What a column must be found to be: its kind, and whatever else its entry must hold.
KINDS = {
    "integers": (COUNTING, "integer", {}),
    "floats": (FLOATS, "number", {}),
    "whole floats": (["1.0", "2.0", "7.0"], "integer", {}),
    "few integers": (["1", "2", "3"], "integer", {}),
    "exponents": (["1e-3", "2.5E+10"], "number", {}),
    "constant number": (["7"] * 9, "integer", {}),
    "zeros": (["0"] * 9, "boolean", {}),
    "zeros and ones": (["0", "1", ""], "boolean", {}),
    "zeros and ones of a float": (["0.0", "1.0", ""], "boolean", {}),
    "all missing": (["", "NA", "?", " "], "number", {}),
    "constant text": (["a"] * 9, "category", {}),
    "text": (["a", "b", "a"], "category", {}),
    # missing markers of real files
    "chronic kidney disease": (["\t43", " 55", "\t?", "61 "] * 5, "integer", {}),
    "chronic kidney disease, words": (["yes", "\tno", " yes", "no"], "boolean", {}),
    "air pressure failures": (["na"] * 80 + FLOATS[:20], "number", {}),
    "spreadsheet": ([*COUNTING, "#N/A", "#DIV/0!"], "integer", {}),
    "stars": ([*COUNTING, "*", "*"], "integer", {}),
    "unknown": ([*COUNTING, "unknown", "Unknown"] * 2, "integer", {}),
    "unknown among few": (["1", "2", "3", "unknown"], "integer", {}),
    "mostly a marker": ([*COUNTING, *["Not Available"] * 80], "integer", {}),
    "three words": (COUNTING + ["never", "refused", "pending"] * 10, "integer", {}),
    "rare words": (COUNTING * 5 + ["a1", "ab", "ac", "ad", "ae", "af"], "integer", {}),
    "many words": (COUNTING + ["ab", "ac", "ad", "ae", "af"], "category", {}),
    "infinite": ([*FLOATS, "inf", "-inf", "1e400"], "number", {}),
    "a typing error": ([*COUNTING, "12..5"], "integer", {}),
    "sentinel": (FLOATS + ["-999"] * 6, "number", {"missing_numbers": [-999.0]}),
    "two sentinels": (
        FLOATS + ["-99", "-999.0"] * 6,
        "number",
        {"missing_numbers": [-99.0, -999.0]},
    ),
    "sentinel near zero": (COUNTING * 3 + ["-9"] * 6, "integer", {"missing_numbers": [-9.0]}),
    "sentinel below zero": (SIGNED + ["-200"] * 6, "number", {"missing_numbers": [-200.0]}),
    # written in other ways
    "thousands": (["1,234.5", "12", "950"], "number", {}),
    "money": (["$1,000", "(5.5)", "$12"], "number", {}),
    "percent": (["45%", "3.5 %"], "number", {"percent": "all", "bare": False}),
    "percent, some without the sign": (["45%", "3.5 %", "60"], "number", {"percent": "all"}),
    "percent beside shares": (["45%", "0.6"], "number", {}),
    "swiss": (["CHF 1'234.50", "CHF 12.00"], "number", {}),
    "lakh": (["1,23,456", "12,34,567"], "integer", {}),
    "decimal comma": (["1,5", "2,25", "10"], "number", {"decimal": ","}),
    "european": (["1.234,56", "950", "1.234"], "number", {"decimal": ","}),
    "euro": (["12,50 €", "€ 3,10"], "number", {"decimal": ","}),
    "small with comma": (["0,998", "1,001"], "number", {"decimal": ","}),
    "millions with points": (["1.234.567", "950"], "integer", {"decimal": ","}),
    "open comma": (["1,234", "950"], "integer", {}),
    "open point": (["1.234", "0.950"], "number", {}),
    "quoted": (['"1"', "'2'"], "integer", {}),
    "unit": ([f"{i} kg" for i in COUNTING] + ["7"], "integer", {"unit": "kg"}),
    "unit with comma": (
        [f"{i},5km" for i in COUNTING],
        "number",
        {"unit": "km", "decimal": ",", "bare": False},
    ),
    "top-coded": (COUNTING * 4 + ["90+"], "integer", {}),
    "below detection": (FLOATS + ["<0.1"] * 5, "number", {}),
    "larger than exact": (["9007199254740993", "12"], "number", {}),
    "larger than any integer": ([f"{i}e+30" for i in COUNTING[1:]], "number", {}),
    "slip of a zero": ([str(i) for i in range(2000)] + ["007"], "integer", {}),
    "real": (["R$ 7.297,12", "R$ 613,47"], "number", {"decimal": ","}),
    "rupees": (["Rs. 98617", "Rs. 22528"], "integer", {}),
    "crowns": (["1 234 kr", "99 kr"], "integer", {}),
    "minus behind": (["641.20", "51.60-"], "number", {}),
    "french": (["7 395,27 €", "12,50 €"], "number", {"decimal": ","}),
    "swiss, comma": (["7'395,27", "12,50"], "number", {"decimal": ","}),
    "told not to be a formula": (['="4.08"', '="5.10"'], "number", {}),
    "told to be a text": (["'-12.85", "41.80"], "number", {}),
    "no dollars": (["$12.50", "$-"], "number", {}),
    "millions": (["€55.56M", "€180K", "€1.5M"], "integer", {"scales": True}),
    "some thousands": (["51.70k", "848"], "integer", {"scales": True}),
    "houses": (["12B", "14", "9B", *COUNTING], "category", {}),
    "some millions": ([f"{i / 10}M" for i in range(12, 60)] + COUNTING, "number", {"scales": True}),
    "rates": ([f"{i}/h" for i in range(99)], "integer", {"unit": "/h", "bare": False}),
    "all thousands": ([f"{i}k" for i in COUNTING], "integer", {"unit": "k", "bare": False}),
    "provisional": (FLOATS + ["91.38 p"] * 5, "number", {"flags": True}),
    "one letter for gaps": (FLOATS + ["x"] * 5, "number", {}),
    "a dash for gaps": (FLOATS + ["–"] * 30, "number", {}),
    "refunds": ([*COUNTING * 3, *["-200"] * 6], "integer", {}),
    "thirds": (["1", "1.333", "2", "2.667"], "number", {}),
    # categories, though there are numbers in them
    "currencies": (["$12", "€12", "$7", "€9"], "category", {}),
    "codes with an E": (["48E17", "1E10", "22E13"], "category", {}),
    "longer than floats are exact": (["9007199254740992", "9007199254740993"], "category", {}),
    "many digits": (["1234567890123456", "1234567890123457"], "integer", {}),
    "telephone numbers": (["+4915171472001", "+491517147203"], "category", {}),
    "with a plus": (["+12", "-3", "+1500"], "integer", {}),
    "versions that count on": (["1.1", "1.9", "1.10", "1.11"], "category", {}),
    "zeros at the end": (["1.5", "1.50", "1.25", "2.10"], "number", {}),
    "decimals below a tenth": (["1.1", "1.10", "1.11", "1.05"], "number", {}),
    "yes and no with a comma": (["0,0", "1,0"], "boolean", {}),
    "ICD": (["007.1", "250.0", "008.5"], "category", {}),
    "in brackets": (["(1)", "(2)", "(1)"], "category", {}),
    "one letter for a level": (FLOATS[:20] + ["K"] * 20, "category", {}),
    "postal codes": (["01234", "94110", "10001"], "category", {}),
    "months with zeros": (["01", "02", "11"], "category", {}),
    "telephone": (["030 123 456", "040 555 123"], "category", {}),
    "three or more": (["0", "1", "2", "3+"], "category", {}),
    "bounds": (["<30", ">30", "NO"], "category", {}),
    "ranges": (["18-25", "26-35", "36+"], "category", {}),
    "few with unit": (["36 months", "60 months"], "category", {}),
    "versions": (["1.2.3", "2.0.1"], "category", {}),
    "addresses": (["192.168.1.1", "10.0.0.1"], "category", {}),
    "letters among numbers": (COUNTING + ["A", "B"] * 4, "category", {}),
    "codes among numbers": (COUNTING + ["12b", "13c", "1x"] * 4, "category", {}),
    "places": (["40.71,-74.00", "52.52,13.40"], "category", {}),
    "other digits": (["١٢", "٣٤"], "category", {}),
    "4,000 levels": ([f"level {i}" for i in range(4000)], "category", {}),
    # booleans
    "all spellings": (["Yes", "n", "TRUE", "0", "off", "1.0"], "boolean", {}),
    "plus and minus": (["+", "-", "?"], "boolean", {"answers": ["-"]}),
    "no internet": (["Yes", "No", "No internet service"], "category", {}),
    "letters that are codes": (["F", "N"], "category", {}),
    # one spelling for each category
    "spellings": (
        ["Male", "Male", "male", "FEMALE", "Female", "Female", "x", "X"],
        "category",
        {"spellings": {"female": "Female", "male": "Male"}},
    ),
    "case codes": (["aB", "ab", "Ab"], "category", {"keeps_case": True}),
}


@pytest.mark.parametrize(("values", "kind", "more"), KINDS.values(), ids=KINDS)
def test_kinds(values, kind, more):
    entries = entries_of(values)
    assert entries == [{"name": "x", "role": "feature", "source": "x", "kind": kind} | more]


DATES = {
    "iso": (["2024-01-31", "2023-12-01", ""], ["ISO8601"], False),
    "iso with time": (["2024-01-31T10:11:12Z", "2024-02-01T10:11:12+02:00"], ["ISO8601"], True),
    "midnights": (["2024-01-31 00:00:00", "2024-02-01 00:00:00"], ["ISO8601"], False),
    "months": (["2024-01", "2023-12"], ["ISO8601"], False),
    "american": (["01/31/2024", "1/2/2024"], ["%m/%d/%Y"], False),
    "day and month cannot be told apart": (["01/02/2024"], ["%m/%d/%Y"], False),
    "european": (["31/01/2024", "1/2/2024"], ["%d/%m/%Y"], False),
    "german": (["31.01.2024 10:20", "1.2.2024 9:05"], ["%d.%m.%Y %H:%M"], True),
    "two digits": (["31/01/24", "1/2/99"], ["%d/%m/%y"], False),
    "short month": (["31-Jan-2024", "01-Feb-1999"], ["%d-%b-%Y"], False),
    "long month": (["January 5, 2024", "May 12, 2020"], ["%B %d, %Y"], False),
    "noon": (["1/31/2024 1:05 PM", "2/1/2024 11:00 AM"], ["%m/%d/%Y %I:%M %p"], True),
    "without separators": ([f"2024{m:02d}15" for m in range(1, 13)], ["%Y%m%d"], False),
    "compact": (["20140502T000000", "20140613T000000"], ["%Y%m%dT%H%M%S"], False),
    "mixed": (["2024-01-31", "01/31/2024"], ["ISO8601", "%m/%d/%Y"], False),
    "changed in the middle": (
        [f"2024-{m:02d}-{d:02d}" for m in range(1, 13) for d in range(1, 29)]
        + [f"{d}.{m}.2025" for m in range(1, 13) for d in range(1, 29)],
        ["ISO8601", "%d.%m.%Y"],
        False,
    ),
    "hours of one digit": (["2022-11-20 3:36", "2022-11-21 13:36"], ["%Y-%m-%d %H:%M"], True),
    "a zone by its name": (
        ["2021-11-05 20:41:00 EST", "2021-12-05 01:02:03 PST"],
        ["ISO8601"],
        True,
    ),
    "javascript": (["7/29/2023, 1:05:00 PM"], ["%m/%d/%Y, %I:%M:%S %p"], True),
    "sql server": (["Jan  9 2021 10:05AM", "Nov 1 2023 9:12PM"], ["%b %d %Y %I:%M%p"], True),
    "oracle": (["09-JAN-21 10.05.00 AM"], ["%d-%b-%y %I.%M.%S %p"], True),
    "mail": (["Thu, 21 Dec 2000 16:01:07 +0200"], ["%d %b %Y %H:%M:%S"], True),
    "no date": (["2024-01-31", "0000-00-00", "2024-02-01"], ["ISO8601"], False),
    "never": (["2024-01-31", "9999-12-31", "2024-02-01"], ["ISO8601"], False),
    "with a marker": (["2024-01-31", "NaT", "2024-02-01"], ["ISO8601"], False),
    "with a slip": (["2024-01-31"] * 30 + ["soon"], ["ISO8601"], False),
}


@pytest.mark.parametrize(("values", "formats", "hours"), DATES.values(), ids=DATES)
def test_dates_become_numeric_parts(values, formats, hours):
    parts = ["year", "month", "day", "weekday"] + ["hour"] * hours
    assert entries_of(values) == [
        {
            **{"name": f"x_{part}", "role": "feature", "source": "x", "kind": "integer"},
            **{"date_formats": formats, "part": part},
        }
        for part in parts
    ]


@pytest.mark.parametrize(
    ("values", "hours"),
    [
        (["06:03:15", "25:57:48"], [6.054166666666667, 25.963333333333335]),
        (["08:53", "-00:30"], [8.883333333333333, -0.5]),
        (["123:00", "1:30"], [123.0, 1.5]),
    ],
)
def test_durations_become_hours(values, hours):
    raw = raw_table({"x": values, "y": ["yes", "no"]})
    schema = infer_schema(raw, {"target": "y"})
    assert clean(raw, schema)[0]["x_hours"].tolist() == pytest.approx(hours)


def days_of(columns, name="x", separator=None, **settings):
    raw = raw_table({"y": ["yes", "no"]} | columns)
    schema = infer_schema(raw, {"target": "y"} | settings, reading={"separator": separator})
    table, _ = clean(raw, schema)
    return table[[f"{name}_year", f"{name}_month", f"{name}_day"]].to_numpy().tolist()[0]


def test_other_columns_and_the_separator_tell_the_order_of_day_and_month():
    ambiguous = {"x": ["05/11/2023", "01/06/2022"]}
    assert days_of(ambiguous) == [2023, 5, 11]
    assert days_of(ambiguous | {"z": ["31/01/2024", "1/2/2024"]}) == [2023, 11, 5]
    assert days_of(ambiguous, separator=";") == [2023, 11, 5]
    assert days_of(ambiguous | {"z": ["1,5", "2,25"]}) == [2023, 11, 5]
    assert days_of(ambiguous | {"z": ["01/31/2024"]}, separator=";") == [2023, 5, 11]


def test_one_column_has_one_order_of_day_and_month():
    values = ["13/01/2024"] * 95 + ["01/14/2024"] * 5
    assert entries_of(values)[0]["date_formats"] == ["%d/%m/%Y"]


def test_births_are_not_in_the_future():
    assert days_of({"x": ["02/03/64", "06/17/73", "01/01/03"]}) == [1964, 2, 3]
    assert days_of({"x": ["02/03/28", "06/17/27"]}) == [2028, 2, 3]  # nothing long past
    # Two digits mean the same whatever the year in which the table is read.
    born = ["02/03/30", "02/03/31", "06/17/73"]
    assert days_of({"x": born}) == [2030, 2, 3]
    assert days_of({"x": born[1:]}) == [1931, 2, 3]


def test_all_cells_decide_however_the_formats_alternate():
    values = [
        f"2022-08-{i % 28 + 1:02d}" if i % 2 else f"{i % 15 + 13}/08/2021" for i in range(10_400)
    ]
    raw = raw_table({"x": values, "y": ["yes", "no"]})
    table, _ = clean(raw, infer_schema(raw, {"target": "y"}))
    assert table["x_year"].notna().all()


def test_the_offset_counts_where_rows_are_ordered_by_time():
    times = ["2023-10-27T19:00:00-05:00", "2023-10-28T02:07:00+02:00", "2023-10-28T00:14:00Z"]
    raw = raw_table({"x": times, "n": COUNTING[:3], "y": ["yes", "no", "no"]})
    schema = infer_schema(raw, {"target": "y", "time": "x"})
    assert clean(raw, schema)[0]["x"].is_monotonic_increasing


def test_times_of_day_become_hours():
    (entry,) = entries_of(["10:20", "23:59", "0:05"])
    assert (entry["name"], entry["kind"], entry["part"]) == ("x_hours", "number", "hours")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["2024", "2023"], "integer"),
        (["20240131", "20240228"], "integer"),
        ([f"2024{month:02d}15" for month in range(1, 14)], "integer"),
        (["soon", "later"], "category"),
        (["2024-01-31", "soon", "later"], "category"),
        (["1-2", "3-4"], "category"),
        (["2:3", "1:1", "4:2"], "category"),
        (["1:80", "1:40", "1:20"], "category"),
        (["2003-04", "2012-13", "2010-11"], "category"),
        ([f"{i % 9 + 1}.{i % 12 + 1}.{i % 60 + 10}" for i in range(60)], "category"),
    ],
)
def test_what_is_no_date(values, kind):
    assert [entry["kind"] for entry in entries_of(values * 20)] == [kind]


def test_what_the_config_says_goes():
    assert entries_of(["1", "2"], categorical="x")[0]["kind"] == "category"
    assert entries_of(["1", "2"], categorical=["x"])[0]["kind"] == "category"
    assert entries_of(["01/02/2024"], dates={"x": "%d/%m/%Y"})[0]["date_formats"] == ["%d/%m/%Y"]
    (entry,) = entries_of(["S", "L", "l"], encode={"x": {"S": 0, "L": 1, "big": 1}})
    assert entry == {
        **{"name": "x", "role": "feature", "source": "x", "kind": "code", "categories": [0, 1]},
        **{"encode": {"S": 0, "L": 1, "big": 1}, "labels": {"0": "S", "1": "L"}},
    }
    assert entries_of(["1,234"], decimal=",")[0] == {
        **{"name": "x", "role": "feature", "source": "x", "kind": "number", "decimal": ","},
        "declared": True,
    }


def test_labels_of_the_config_may_look_like_markers():
    values = ["NA", "EMEA", "", "-"]
    assert "answers" not in entries_of(values)[0]
    assert entries_of(values, categorical="x")[0]["answers"] == ["-", "na"]
    assert entries_of(values, categorical="x", missing_values="-")[0]["answers"] == ["na"]
    raw = raw_table({"x": values, "y": ["yes", "no"]})
    settings = {"target": "y", "encode": {"x": {"NA": 1, "EMEA": 2, "-": 3}}}
    table, _ = clean(raw, infer_schema(raw, settings))
    assert table["x"].fillna(0).tolist() == [1, 2, 0, 3]
    dipstick = ["1+", "2+", "-", "3+"] * 9
    raw = raw_table({"x": dipstick, "y": ["yes", "no"]})
    assert clean(raw, infer_schema(raw, {"target": "y"}))[0]["x"].tolist() == dipstick


def test_keys_of_an_encoding_may_be_what_yaml_makes_of_them():
    (entry,) = entries_of(["Yes", "no"], encode={"x": {True: 1, False: 0}})
    assert (entry["encode"]["yes"], entry["encode"]["no"]) == (1, 0)
    assert entries_of(["1.0", "2"], encode={"x": {1: 0, 2: 1}})[0]["encode"] == {"1": 0, "2": 1}


# What stands in a column, what the config says of it, and what its entry must hold.
DECLARED = {
    "a kind alone": (["1", "2"], "category", {"kind": "category", "declared": True}),
    "codes as numbers": (["007", "012"], "number", {"kind": "integer"}),
    "yes and no as numbers": (["0", "1"], "number", {"kind": "integer"}),
    "few numbers among words": (["5", "a", "b", "c", "d"], {"kind": "number"}, {"kind": "integer"}),
    "a decimal sign": (["1,234", "5,678"], {"decimal": ","}, {"kind": "number", "declared": True}),
    "plus and minus": (["+", "-", "x"], "boolean", {"kind": "boolean"}),
    "a format": (["01/02/2024"], {"format": "%d/%m/%Y"}, {"date_formats": ["%d/%m/%Y"]}),
    "dates without a format": (["20240131", ""], "date", {"date_formats": ["%Y%m%d"]}),
    "no gaps": (
        ["NA", "EU", ""],
        {"missing_values": []},
        {"kind": "category", "missing_values": []},
    ),
    "one's own gaps": (["NA", "-9", "5"], {"missing_values": ["-9"]}, {"missing_numbers": [-9.0]}),
    "no numbers for gaps": (SIGNED + ["-999"] * 9, {"missing_values": []}, {"missing_values": []}),
    "an empty column": ([""], "date", {"kind": "number"}),
}


@pytest.mark.parametrize("case", DECLARED)
def test_what_the_config_says_of_a_column_wins(case):
    values, how, expected = DECLARED[case]
    entry = entries_of(values, columns={"x": how})[0]
    assert {key: entry.get(key) for key in expected} == expected
    assert ("missing_numbers" in entry) == ("missing_numbers" in expected)


def test_the_gaps_of_a_column_are_the_ones_it_is_given():
    columns = {"y": ["yes", "no"], "x": ["NA", "EU", "", "none", "null", "EU"], "n": ["NA", "1"]}
    raw = raw_table(columns, 6)
    settings = {"target": "y", "columns": {"x": {"missing_values": ["None"]}}}
    table, _ = clean(raw, infer_schema(raw, settings))
    assert table["x"].fillna("(gap)").tolist() == ["NA", "EU", "(gap)", "(gap)", "null", "EU"]
    assert table["n"].isna().sum() == 3


def test_the_decimal_sign_of_the_table_decides_where_a_column_does_not_tell():
    sales = {"sales": ["1.234", "950", "12.345"]}
    assert "decimal" not in column(infer(sales), "sales")
    assert "decimal" not in column(infer(sales | {"rate": ["0.5", "1.25"]}), "sales")
    assert column(infer(sales | {"rate": ["0,5", "1,25"]}), "sales")["decimal"] == ","
    mixed = infer({"rate": ["0,5", "1,25"], "share": ["0,1", "0,2"], "odd": ["0.5", "12.25"]})
    assert "decimal" not in column(mixed, "odd")


def test_missing_values_of_the_config():
    schema = infer({"x": ["1", "2", "x"], "word": ["a", "b", "?"]}, missing_values=["X ", -999])
    assert schema["missing_values"] == ["-999", "x"]
    assert column(schema, "x")["missing_numbers"] == [-999.0]
    assert "missing_numbers" not in column(schema, "word")


def test_a_numeric_column_needs_more_than_a_few_rows_of_a_sentinel():
    assert "missing_numbers" not in entries_of(FLOATS + ["-999"] * 3)[0]
    assert "missing_numbers" not in entries_of(["-9", "1", "2"] * 9)[0]  # a short scale
    near = [str(i) for i in range(-30, 30)] + ["-9"] * 9
    assert "missing_numbers" not in entries_of(near)[0]


# ------------------------------------------------------------------ the target

TARGETS = {
    "words": (["yes", "no"], {}, ["yes"], ["no"]),
    "capitals": (["Y", "N"], {}, ["Y"], ["N"]),
    "truth": (["True", "False"], {}, ["True"], ["False"]),
    "digits": (["1", "0"], {}, ["1"], ["0"]),
    "floats": (["1.0", "0.0", ""], {}, ["1.0"], ["0.0"]),
    "mixed digits": (["1.0", "0", "1", "0.0"], {}, ["1", "1.0"], ["0", "0.0"]),
    "credit approval": (["+", "-", "?"], {}, ["+"], ["-"]),
    "signs": (["1", "-1"], {}, ["1"], ["-1"]),
    "tests": (["positive", "Negative"], {}, ["positive"], ["Negative"]),
    "switch": (["on", "off"], {}, ["on"], ["off"]),
    "all cases": (["yes", "YES", "no", " No "], {}, ["YES", "yes"], ["No", "no"]),
    "adult": ([" >50K", " <=50K"], {"positive": ">50K"}, [">50K"], ["<=50K"]),
    "adult, both parts": (
        [">50K", "<=50K", ">50K.", "<=50K."],
        {"positive": [">50K", ">50K."], "negative": ["<=50K", "<=50K."]},
        [">50K", ">50K."],
        ["<=50K", "<=50K."],
    ),
    "statlog": (["1", "2"], {"positive": 2}, ["2"], ["1"]),
    "a float is a label": (["1", "2"], {"positive": 2.0}, ["2"], ["1"]),
    "a label is a float": (["1.0", "2.0"], {"positive": 2}, ["2.0"], ["1.0"]),
    "text is a label": (["1", "2"], {"positive": "2"}, ["2"], ["1"]),
    "quoted": (["'good'", "'bad'"], {"positive": "bad"}, ["bad"], ["good"]),
    "breast cancer": (
        ["no-recurrence-events", "recurrence-events"],
        {"positive": "recurrence-events"},
        ["recurrence-events"],
        ["no-recurrence-events"],
    ),
    "only the negative": (["good", "bad"], {"negative": "good"}, ["bad"], ["good"]),
    "upside down": (["yes", "no"], {"positive": "no"}, ["no"], ["yes"]),
    "other case": (["Good", "bad"], {"positive": "GOOD"}, ["Good"], ["bad"]),
    "YAML's yes": (["Yes", "No"], {"positive": True}, ["Yes"], ["No"]),
    "YAML's no": (["Yes", "No"], {"positive": False}, ["No"], ["Yes"]),
    "a list": (["a", "b", "c"], {"positive": ["a", "c"]}, ["a", "c"], ["b"]),
    "a marker as a label": (["NA", "EU"], {"positive": "NA"}, ["NA"], ["EU"]),
    "declared missing": (["yes", "no", "maybe"], {"missing_values": "Maybe"}, ["yes"], ["no"]),
    "codes with zeros": (["01", "02"], {"positive": "02"}, ["02"], ["01"]),
}


@pytest.mark.parametrize(
    ("labels", "settings", "positive", "negative"), TARGETS.values(), ids=TARGETS
)
def test_targets(labels, settings, positive, negative):
    schema = infer({"y": labels, "x": COUNTING}, **settings)
    assert (schema["positive"], schema["negative"]) == (positive, negative)


BAD_TARGETS = {
    "no yes": (["good", "bad"], {}, r"which value .* is the yes\? It has 'good' \(10 rows\)"),
    "numbers without a yes": (["1", "2"], {}, "which value of the target 'y' is the yes"),
    "one class": (["yes"], {}, "one class only: 'yes' \\(20 rows\\)"),
    "one class and markers": (["yes", "?"], {}, r"one class only: .* \(read as missing: '\?'\)"),
    "no values": (["", "NA"], {}, "has no values: .*read as missing"),
    "three classes": (["a", "b", "c"], {}, "has 3 different values, expected two: 'a' "),
    "stray value": (
        ["yes", "no", "maybe"],
        {"positive": "yes"},
        "has 3 different values, .* nor `negative` names 'no', 'maybe'",
    ),
    "stray beside both": (
        ["yes", "no", "maybe"],
        {"positive": "yes", "negative": "no"},
        "nor `negative` names 'maybe'. .*`missing_values:`",
    ),
    "signs and zero": (["1", "-1", "0"], {}, "has 3 different values"),
    "a quantity": (FLOATS, {}, r"has \d+ different values, .* and \d+ more"),
    "not there": (
        ["yes", "no"],
        {"positive": "Yess"},
        "`positive: Yess` is no value .*'yes', 'no'",
    ),
    "read by YAML": (
        ["ja", "nein"],
        {"positive": True},
        "true .as YAML reads a bare yes, .* no value",
    ),
    "all of them": (["yes", "no"], {"positive": ["yes", "no"]}, "`positive` must name some"),
    "the same": (["yes", "no"], {"positive": "yes", "negative": "yes"}, "must name some"),
}


@pytest.mark.parametrize(("labels", "settings", "message"), BAD_TARGETS.values(), ids=BAD_TARGETS)
def test_targets_that_will_not_do(labels, settings, message):
    with pytest.raises(InputError, match=message) as caught:
        infer({"y": labels, "x": COUNTING}, **settings)
    assert "'y'" in str(caught.value)
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------ roles and names


def test_roles():
    schema = infer(
        dict.fromkeys("abcdefg", COUNTING),
        **{"id": ["a", "b"], "drop": "c", "forbidden": ["d"], "group": "e", "time": "f"},
    )
    roles = {entry["name"]: entry["role"] for entry in schema["columns"]}
    assert roles == {
        **{"y": "target", "a": "id", "b": "id", "c": "drop", "d": "forbidden"},
        **{"e": "group", "f": "time", "g": "feature"},
    }
    assert columns_of_role(schema, "id", "feature") == ["a", "b", "g"]
    assert feature_columns(schema) == ["g"]
    assert feature_columns(schema, "category") == []
    assert [column(schema, name)["kind"] for name in "aef"] == ["category", "category", "integer"]


def test_dates_of_a_time_column_are_days():
    schema = infer({"t": ["31.01.2024", "01.02.2024"], "x": COUNTING}, time="t")
    assert column(schema, "t")["part"] == "days"


def test_times_in_several_zones_are_no_order():
    times = [f"2024-01-{day:02} 18:00 {{}}" for day in range(1, 29)]
    x = {"x": [str(i % 7) for i in range(28)]}
    for zones in (["CET", "CEST"], ["UTC", "UTC"]):
        infer({"t": [t.format(zones[i % 2]) for i, t in enumerate(times)], **x}, time="t")
    with pytest.raises(InputError, match=r"'t', whose times are in several zones \(PST, UTC\)"):
        infer({"t": [t.format(["PST", "UTC"][i % 2]) for i, t in enumerate(times)], **x}, time="t")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "churn"}, "`target` names the column 'churn', which is not among"),
        ({"target": "Y"}, "did you mean 'y'"),
        ({"id": "amout"}, "`id` names .* did you mean 'amount'"),
        ({"drop": ["x"]}, "`drop` names the column 'x'.*put a header line above"),
        ({"encode": {"x": {"a": 1}}}, "`encode` names the column 'x'"),
        ({"dates": {"x": "%Y"}}, "`dates` names the column 'x'"),
        ({"categorical": "x"}, "`categorical` names the column 'x'"),
        ({"columns": {"amuont": "number"}}, "`columns` names .* did you mean 'amount'"),
        ({"columns": {"word": "number"}}, "each cell of 'word' is a number, but none .*found 'a'"),
        ({"columns": {"word": "boolean"}}, "each cell of 'word' is yes or no, but none is"),
        ({"columns": {"word": "date"}}, "each cell of 'word' is a date, but none.*format:"),
        ({"drop": "y"}, "the target 'y' is also named under `drop`"),
        ({"drop": ["amount", "word"]}, "no column is left to predict from"),
        ({"time": "word"}, "`time` names the column 'word'.*found 'a'.*`columns:"),
        ({"encode": {"word": {"c": 1}}}, "codes for 'c' of the column 'word'.* has 'a', 'b'"),
        ({"dates": {"word": "%d.%m.%Y"}}, "'%d.%m.%Y', which reads none .*found 'a'"),
        ({"dates": {"word": "%Q"}}, "'%Q', which is none"),
    ],
)
def test_settings_that_do_not_fit_the_table(settings, message):
    columns = {"amount": COUNTING, "word": ["a", "b"]}
    with pytest.raises(InputError, match=message) as caught:
        infer(columns, **settings)
    assert "\n" not in str(caught.value)


def test_a_table_in_one_column_hints_at_the_separator():
    raw = raw_table({"a;b": ["1;2"]})
    with pytest.raises(InputError, match="set `separator`"):
        infer_schema(raw, {"target": "b"})


def test_of_many_columns_a_message_shows_some():
    columns = {f"c{i}": ["1", "2"] for i in range(500)}
    with pytest.raises(InputError, match="and 481 more") as caught:
        infer(columns, target="nope")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", ["unnamed_1", "Unnamed: 0"])
def test_row_numbers_and_empty_columns_without_a_name_are_no_features(name):
    shuffled = COUNTING[10:] + COUNTING[:10]
    numbers = column(infer({name: shuffled, "x": COUNTING}), name)
    assert (numbers["role"], numbers["row_numbers"]) == ("id", True)
    assert "row_numbers" not in column(infer({name: shuffled, "x": COUNTING}, id=name), name)
    assert column(infer({name: ["", ""], "x": COUNTING}), name)["role"] == "drop"
    assert column(infer({name: ["1", "2"], "x": COUNTING}), name)["role"] == "feature"
    assert (
        column(infer({name: COUNTING, "x": COUNTING}, categorical=name), name)["role"] == "feature"
    )
    assert column(infer({"n": COUNTING, "x": COUNTING}), "n")["role"] == "feature"


@pytest.mark.parametrize(
    ("cells", "more", "role"),
    [
        ([str(i) for i in range(1, 61)], {}, "id"),
        ([str(i) for i in range(60)], {}, "id"),
        ([f"{i}.0" for i in range(60)], {}, "id"),
        ([str(i) for i in range(1, 61)], {"columns": {"week": "number"}}, "feature"),
        ([str(i) for i in range(1, 61)], {"time": "week"}, "time"),
        ([str(i) for i in range(2, 62)], {}, "feature"),
        ([*(str(i) for i in range(1, 60)), "61"], {}, "feature"),  # a gap
        ([*(str(i) for i in range(1, 60)), ""], {}, "feature"),
        (["2", "1", *(str(i) for i in range(3, 61))], {}, "feature"),
    ],
)
def test_what_counts_the_rows_in_their_order_is_an_id_by_any_name(cells, more, role):
    entry = column(infer({"week": cells, "x": FLOATS}, **more), "week")
    assert (entry["role"], entry.get("row_numbers", False)) == (role, role == "id")
    codes = [f"U{i:04}" for i in range(60)]
    for others in ({}, {"same": ["a"] * 60}, {"empty": [""] * 60}, {"code": codes}):
        only = infer({"week": cells, **others}, **more | {"time": None})
        assert column(only, "week")["role"] == "feature"  # no other column can tell anything


def test_columns_called_like_ours_are_renamed():
    columns = {"row_id": COUNTING, "copy": ["a", "b"], "copy_raw": ["1", "2"]}
    schema = infer(columns, id="row_id", categorical="copy")
    names = {entry["source"]: entry["name"] for entry in schema["columns"]}
    assert names == {
        **{"y": "y", "row_id": "row_id_raw", "copy": "copy_raw_raw", "copy_raw": "copy_raw"}
    }
    assert column(schema, "row_id_raw")["role"] == "id"
    assert infer({"copy": ["yes", "no"], "x": COUNTING}, target="copy")["target"] == "copy_raw"


def test_parts_of_dates_make_way_for_columns_of_their_name():
    schema = infer({"d": ["2024-01-31"], "d_year": COUNTING, "d_year_part": COUNTING})
    names = [entry["name"] for entry in schema["columns"]]
    assert len(set(names)) == len(names)
    assert {"d_year", "d_year_part", "d_year_part_part", "d_month"} <= set(names)


def test_names_may_hold_anything():
    names = [
        "a b",
        "<x> [1]",
        "ü$%",
        "_x",
        "x" * 100,
        "1",
        "row id",
        "a,b",
        'say "hi"',
        "l\nb",
        "{}",
    ]
    schema = infer(dict.fromkeys(names, COUNTING))
    assert feature_columns(schema) == names


# ------------------------------------------------------------------ the description


def test_describe_columns():
    raw = raw_table(
        {
            "number": ["1.5", "-2", "", "4"],
            "integer": ["1", "-2", "9", "4"],
            "category": ["b", "a", "?", "b"],
            "boolean": ["yes", "no", "", "no"],
            "code": ["S", "L", "", "S"],
            "empty": ["", "", "", ""],
            "id": ["a", "b", "", "c"],
            "secret": ["a", "b", "", "c"],
            "y": ["1", "0", "1", ""],
        }
    )
    settings = {
        "target": "y",
        "id": "id",
        "forbidden": "secret",
        "encode": {"code": {"S": 0, "L": 1}},
    }
    schema = infer_schema(raw, settings, "shop")
    schema = describe_columns(schema, clean(raw, schema)[0])
    assert json.loads(json.dumps(schema, allow_nan=False)) == schema
    assert (schema["dataset"], schema["target"], schema["rows"]) == ("shop", "y", 3)
    facts = ("kind", "nullable", "missing", "minimum", "maximum", "categories")
    described = {
        entry["name"]: tuple(entry.get(fact) for fact in facts) for entry in schema["columns"]
    }
    assert described == {
        "number": ("number", True, 1, -2.0, 1.5, None),
        "integer": ("integer", False, 0, -2, 9, None),
        "category": ("category", True, 1, None, None, ["a", "b"]),
        "boolean": ("boolean", True, 1, None, None, None),
        "code": ("code", True, 1, None, None, [0, 1]),
        "empty": ("number", True, 3, None, None, None),
        "id": ("category", True, 1, None, None, None),
        "secret": ("category", None, None, None, None, None),
        "y": ("boolean", False, 0, None, None, None),
    }
    assert isinstance(column(schema, "integer")["minimum"], int)


# ------------------------------------------------------------------ spellings

SPELLINGS = {
    "composed and decomposed": (["São Paulo", "São Paulo", "Sa\u0303o Paulo"], ["São Paulo"] * 3),
    "no-break and double blanks": (["New York", "New\u00a0York", "New  York"], ["New York"] * 3),
    "invisible": (["Rome", "Ro\u200bme"], ["Rome", "Ro\u200bme"]),
    "case": (["red", "Red", "RED", "blue"], ["RED"] * 3 + ["blue"]),
    "codes to the base 62": (["aB", "ab", "AB", "xY", "cD"], ["aB", "ab", "AB", "xY", "cD"]),
    "nothing but case": (["ab", "AB", "Ab"], ["ab", "AB", "Ab"]),
    "codes with blanks": (["aB", "ab", "aB  c", "aB c"], ["aB", "ab", "aB c", "aB c"]),
    "single letters": (["x", "X", "word"], ["x", "X", "word"]),
}


@pytest.mark.parametrize(("values", "read"), SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("role", ["feature", "group"])
def test_one_label_one_spelling(values, read, role):
    raw = pd.DataFrame({"x": values * 30, "n": "0.5", "y": (["1", "0"] * len(values) * 15)})
    more = {"group": "x"} if role == "group" else {"categorical": "x"}
    schema = infer_schema(raw.astype("str"), {"target": "y"} | more)
    table, _ = clean(raw.astype("str"), schema)
    assert len(set(table["x"])) == len(set(read))
    assert table["x"].tolist()[: len(read)] == read


def test_rows_of_one_group_stay_together_however_they_are_spelled():
    spellings = [f"{'c' if i % 3 else 'C'}{i % 20}" for i in range(200)]
    raw = pd.DataFrame(
        {"cust": spellings, "x": [str(i) for i in range(200)], "y": ["1", "0", "0", "1"] * 50}
    ).astype("str")
    schema = infer_schema(raw, {"target": "y", "group": "cust"})
    table, _ = clean(raw, schema)
    train, holdout = split(table, schema, "group", 0.3, 0)
    assert not {*train["cust"].str.lower()} & {*holdout["cust"].str.lower()}


def test_a_spelling_never_seen_is_read_as_the_label_it_spells():
    raw = pd.DataFrame({"plan": ["basic", "Plus"] * 30, "x": "1", "y": ["1", "0"] * 30})
    schema = infer_schema(raw.astype("str"), {"target": "y"})
    schema = describe_columns(schema, clean(raw.astype("str"), schema)[0])
    new = pd.DataFrame({"plan": ["BASIC", " plus", "gold"], "x": ["1"] * 3}).astype("str")
    features = [entry for entry in schema["columns"] if entry["role"] == "feature"]
    table, repairs = clean_features(new, schema | {"columns": features})
    assert table["plan"].tolist() == ["basic", "Plus", "gold"]
    assert repairs["plan"]["respelled"] == 2


OPEN = {
    "a semicolon, and no other evidence": (["1.234", "2.345", "3.456"], ";", True),
    "commas between cells": (["1.234", "2.345", "3.456"], ",", False),
    "927 is no 2.217": (["2.217", "927", "3.756", "3.721"], "\t", True),
    "thirds": (["1", "1.333", "2", "2.667"], "\t", False),
    "sizes on both sides of nought": (["-196.021", "158.087", "971", "-395"], ";", True),
    "a longer fraction tells": (["1.234", "2.3456", "3.456"], ";", False),
    "a nought before the point tells": (["1.234", "0.345", "3.456"], ";", False),
}


@pytest.mark.parametrize(("values", "separator", "is_open"), OPEN.values(), ids=OPEN)
def test_plain_numbers_that_may_be_thousands_are_told(values, separator, is_open):
    """They stay the numbers that programs write so; where a European wrote them, it is said."""
    raw = raw_table({"x": values * 9, "y": ["yes", "no"]})
    schema = infer_schema(raw, {"target": "y"}, reading={"separator": separator})
    table, repairs = clean(raw, schema)
    assert table["x"].tolist() == [float(value) for value in values] * 9
    assert ("ambiguous" in repairs["columns"]["x"]) == is_open


def test_digits_before_a_comma_tell_that_it_is_decimal():
    values = [f"{117980 + i},{430 + i}" for i in range(30)]
    raw = raw_table({"x": values, "z": ["1.333", "2.5"], "y": ["yes", "no"]})
    table, _ = clean(raw, infer_schema(raw, {"target": "y"}, reading={"separator": ";"}))
    assert table["x"].tolist() == [float(value.replace(",", ".")) for value in values]


def test_few_numbers_with_commas_that_look_like_lists_are_told_or_kept_as_texts():
    values = ["1", "2", "1,2", "2,3", "1,3"] * 9
    raw = raw_table({"x": values, "y": ["yes", "no"]})
    (x, _) = infer_schema(raw, {"target": "y"}, reading={"separator": "\t"})["columns"]
    assert x["kind"] == "category"
    (x, _) = infer_schema(raw, {"target": "y"}, reading={"separator": ";"})["columns"]
    assert (x["kind"], x["decimal"]) == ("number", ",")


def test_of_columns_that_all_name_the_rows_the_last_is_learned_from():
    codes = {name: [f"{name} {number}" for number in range(600, 700)] for name in ("Nr", "Case")}
    roles = {entry["name"]: entry["role"] for entry in infer(codes)["columns"]}
    assert roles == {"y": "target", "Nr": "id", "Case": "feature"}
