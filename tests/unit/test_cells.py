"""What single cells mean."""

import numpy as np
import pandas as pd
import pytest

from ml_baseline.data import cells

pytestmark = pytest.mark.filterwarnings("error")


def texts(*values):
    return pd.Series(values, dtype="str")


@pytest.mark.parametrize(
    ("raw", "stripped"),
    [
        ("a", "a"),
        (" a  b\t", "a  b"),
        ("\t?", "?"),
        ("ckd\t", "ckd"),
        ("\r\na\n", "a"),
        ("\u00a0a\u202f", "a"),
        ("\ufeff\u200ba\u200b\u3000", "a"),
        ("\t\u200b\t a", "a"),
        ('"a"', "a"),
        ("'no checking'", "no checking"),
        ("' <0 '", "<0"),
        ("'s", "'s"),
        ('"A" and "B"', '"A" and "B"'),
        ('"a ""b"""', 'a "b"'),
        ('""a""', "a"),
        ("rock'n'roll", "rock'n'roll"),
        ("''", ""),
        ('"', '"'),
        ("", ""),
        ("   ", ""),
    ],
)
def test_strip(raw, stripped):
    assert cells.strip(texts(raw, "x", None)).tolist()[:2] == [stripped, "x"]


def test_strip_keeps_null():
    assert cells.strip(texts(" a", None)).isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "token",
    ["", "?", "NA", "na", "N/A", "n/a", "NaN", "nan", "NULL", "Null", "NaT", "-", "--", ".", "#N/A"]
    + ["<NA>", "\\N", "#VALUE!", "#DIV/0!", "#REF!"]
    + ["k.A.", "o.A.", "N/D", "#NV"],
)
def test_usual_tokens_are_missing(token):
    assert cells.is_missing(texts(token, "x")).tolist() == [True, False]


@pytest.mark.parametrize(
    "token", ["none", "None", "unknown", "ND", "0", "no", "nano", "-1", "nat.", "+"]
)
def test_answers_are_not_missing(token):
    assert not cells.is_missing(texts(token)).any()


def test_null_and_other_tokens_are_missing():
    found = cells.is_missing(texts("Unknown", None, "x", "NA"), frozenset(["unknown"]))
    assert found.tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        ("-3.50", -3.5),
        ("+4", 4),
        (".5", 0.5),
        ("5.", 5),
        ("1e3", 1000),
        ("2.5E-2", 0.025),
        ("1,234.5", 1234.5),
        ("1,234,567", 1234567),
        ("1'234.5", 1234.5),
        ("1’234", 1234),
        ("1 234 567", 1234567),
        ("1\u00a0234", 1234),
        ("1_000", 1000),
        ("12,34,567", 1234567),
        ("$12", 12),
        ("-$12", -12),
        ("$-12", -12),
        ("$ 1,200.50", 1200.5),
        ("12 €", 12),
        ("EUR 12", 12),
        ("12 USD", 12),
        ("45%", 0.45),
        ("3.5 %", 0.035),
        ("-1%", -0.01),
        ("(5.5)", -5.5),
        ("($1,000)", -1000),
        ("−6", -6),
        ("<0.1", 0.1),
        (">= 90", 90),
        ("≤5", 5),
        ("90+", 90),
        ("9007199254740993", 9007199254740992),  # the nearest float
        ("-0", 0),
    ],
)
def test_numbers(text, number):
    assert cells.parse_numbers(texts(text))[0].tolist() == [number]
    assert cells.parse_numbers(texts(text, None, "$1"))[0].tolist()[::2] == [number, 1]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,5", 1.5),
        ("1.234,56", 1234.56),
        ("1.234.567", 1234567),
        ("1.234", 1234),
        ("0,998", 0.998),
        ("12,50 €", 12.5),
        ("1 234,5", 1234.5),
        ("45,5%", 0.455),
        ("12", 12),
    ],
)
def test_numbers_with_decimal_comma(text, number):
    values, repaired = cells.parse_numbers(texts(text, None, "x"), ",")
    assert values.tolist()[0] == number
    assert values.isna().tolist() == [False, True, True]
    assert repaired == (text != "12")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "12..5",
        "1,23",
        "1,2345",
        "12,345,67",
        "1.2.3",
        "0,123",
        "1,234 567",
        "5 kg",
        "3-4",
    ]
    + ["--5", "(5", "5)", "1e400", "-1e400", "inf", "nan", "$", "%", ".", "-", "+", "12:30", "١٢"]
    + ["2024-01-31", "0x10", "1e", "e5", "1" * 400, "(" + " " * 500 + "x", "1 2", "12€€"],
)
def test_no_numbers(text):
    values, repaired = cells.parse_numbers(texts(text, "7"))
    assert values.tolist()[1] == 7
    assert np.isnan(values[0])
    assert repaired == 0


def test_with_decimal_comma_a_point_stands_between_thousands():
    values, repaired = cells.parse_numbers(texts("1.234", "950"), ",")
    assert (values.tolist(), repaired) == ([1234, 950], 1)


def test_repaired_numbers_are_counted_cell_by_cell():
    values, repaired = cells.parse_numbers(texts("1", "$2", "$2", "x", None, "3%"))
    assert values.tolist()[:3] == [1, 2, 2]
    assert repaired == 3


PLAIN = [
    "0",
    "-1",
    "+2",
    ".5",
    "5.",
    "1e5",
    "1E-5",
    "0.1",
    "123456789.123456789",
    "1e308",
    "5e-324",
]


@pytest.mark.parametrize("text", [*PLAIN, "inf", "-Infinity", "1e999"])
def test_both_ways_of_reading_plain_numbers_agree(text):
    """One oddly written neighbour sends a whole column the slow way; no cell may change by it."""
    fast, slow = cells.parse_numbers(texts(text))[0], cells.parse_numbers(texts(text, "$1"))[0]
    assert repr(fast[0]) == repr(slow[0])


def test_random_floats_are_read_exactly_both_ways():
    rng = np.random.default_rng(0)
    numbers = rng.standard_normal(500) * 10.0 ** rng.integers(-300, 300, 500)
    written = texts(*map(repr, numbers.tolist()))
    assert cells.parse_numbers(written)[0].tolist() == numbers.tolist()
    assert cells.parse_numbers(pd.concat([written, texts("$1")]))[0].tolist()[:-1] == list(numbers)


def test_plain_numbers_are_none_where_one_cell_is_not_plain():
    assert cells.plain_numbers(texts("1", None, "2")).tolist()[0] == 1
    assert cells.plain_numbers(texts("1", "1,000")) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["Yes", "y", "TRUE", "1", "1.0"], True),
        (["t", "F"], True),
        (["Y", "N"], True),
        (["on", "off"], True),
        (["+", "-"], True),
        (["0"], True),
        (["F", "N"], False),
        (["Y", "T"], False),
        (["yes", "no", "maybe"], False),
        (["1", "0", "2"], False),
        (["m", "f"], False),
        ([], False),
    ],
)
def test_are_booleans(values, expected):
    assert cells.are_booleans(texts(*values)) is expected


def test_parse_booleans():
    values = cells.parse_booleans(texts("Yes", "N", "TRUE", "0.0", "off", "perhaps", None))
    assert values.tolist()[:5] == [1, 0, 1, 0, 0]
    assert values.isna().tolist() == [False] * 5 + [True] * 2


@pytest.mark.parametrize(
    ("text", "formats", "time"),
    [
        ("2024-01-31", ["ISO8601"], "2024-01-31"),
        ("2024-01", ["ISO8601"], "2024-01-01"),
        ("2024-01-31T10:11:12", ["ISO8601"], "2024-01-31 10:11:12"),
        ("2024-01-31 10:11:12.123456", ["ISO8601"], "2024-01-31 10:11:12.123456"),
        ("2024-01-31T00:30:00+02:00", ["ISO8601"], "2024-01-31 00:30"),
        ("2024-01-31 10:11 UTC", ["ISO8601"], "2024-01-31 10:11"),
        ("2024-01-31T10:11:12Z", ["ISO8601"], "2024-01-31 10:11:12"),
        ("2999-12-31", ["ISO8601"], "2999-12-31"),
        ("1/2/2024", ["%d/%m/%Y"], "2024-02-01"),
        ("31.01.99", ["%d.%m.%y"], "1999-01-31"),
        ("Jan 5, 2024", ["%b %d, %Y"], "2024-01-05"),
        ("1/31/2024 1:05 PM", ["%m/%d/%Y %I:%M %p"], "2024-01-31 13:05"),
        ("31/01/2024", ["ISO8601", "%d/%m/%Y"], "2024-01-31"),
        ("01/02/2024", ["%m/%d/%Y", "%d/%m/%Y"], "2024-01-02"),
    ],
)
def test_dates(text, formats, time):
    times = cells.parse_dates(texts(text, None, "x", text), formats)
    assert times.tolist()[0] == times.tolist()[3] == pd.Timestamp(time)
    assert times.isna().tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    "text", ["2024", "2024-02-30", "12024-01-01", "20240131", "2024-01-31 25:00", "soon", "1.5"]
)
def test_no_iso_dates(text):
    assert cells.parse_dates(texts(text), ["ISO8601"]).isna().all()


@pytest.mark.parametrize(
    ("label", "same"),
    [
        ("Yes", "yes"),
        ("1", "1.0"),
        ("1.50", "1.5"),
        ("+1", "1.00"),
        ("-1", "-1.0"),
        ("0", "-0.0"),
        ("1", "1.000000e+00"),
        ("120.5", "1.205e+02"),
        ("9007199254740993", "9007199254740993.0"),
    ],
)
def test_labels_that_are_the_same(label, same):
    assert cells.canonical(label) == cells.canonical(same)


@pytest.mark.parametrize(
    ("label", "other"),
    [
        ("010", "10"),
        ("9007199254740993", "9007199254740992"),
        (">50", "<50"),
        ("1", "-1"),
        ("1E5", "100000"),
    ],
)
def test_labels_that_differ(label, other):
    assert cells.canonical(label) != cells.canonical(other)


def test_encode_prefers_the_exact_label():
    values = cells.encode(
        texts("a", "A", "b", "B", "c", "2.0", None), {"a": 0, "A": 1, "b": 2, "2": 3}
    )
    assert values.tolist()[:4] == [0, 1, 2, 2]
    assert values.isna().tolist() == [False] * 4 + [True, False, True]
    assert values[5] == 3
    assert cells.encode(texts("On", "ON"), {"on": 1, "ON": 2}).tolist() == [1, 2]


def test_a_cell_means_the_same_whatever_its_neighbours():
    column = texts("1", "$2", "x", None, "3%", "1e400", "(4)", "2024-01-31", "yes", " a ", "?")
    for read in (
        lambda part: cells.parse_numbers(part)[0],
        lambda part: cells.parse_dates(part, ["ISO8601"]),
        cells.parse_booleans,
        cells.strip,
        cells.is_missing,
    ):
        whole = read(column)
        one_by_one = pd.concat([read(column.iloc[[i]]) for i in range(len(column))])
        pd.testing.assert_series_equal(whole, one_by_one)
