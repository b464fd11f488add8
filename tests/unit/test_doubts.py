"""What is not certain about a reading is told, and what is certain is not."""

import re

import pandas as pd
import pytest

from ml_baseline.data.clean import clean
from ml_baseline.data.doubts import doubts, require_certain
from ml_baseline.data.infer_schema import describe_columns, infer_schema
from ml_baseline.data.schema import names_of
from ml_baseline.errors import InputError

ROWS = 240
NUMBERS = [f"{17 * i % 1000 / 8}" for i in range(ROWS)]
DAYS = [f"{1 + i % 12:02}" for i in range(ROWS)]
OPEN = [f"{a}/{b}/2023" for a, b in zip(DAYS, DAYS[5:] + DAYS[:5], strict=True)]
THOUSANDS = [f"{1 + i % 9},{100 + i}" for i in range(ROWS - 9)] + ["7"] * 9
IDS = [f"C-{i:05}" for i in range(ROWS)]


def with_cells(values, every, *others):
    """The same cells with another one in each so many rows."""
    return [others[i // every % len(others)] if i % every == 0 else v for i, v in enumerate(values)]


def found(columns, /, separator=None, **settings):
    """The doubts of a raw table; a column of numbers and the target stand beside it."""
    columns = {"n": NUMBERS} | columns | {"y": ["yes", "no", "no"] * (ROWS // 3)}
    raw = pd.DataFrame({name: pd.Series(cells, dtype="str") for name, cells in columns.items()})
    settings = {"target": "y"} | settings
    schema = infer_schema(raw, settings, "small", {"separator": separator})
    table, repairs = clean(raw, schema)
    repairs |= {"separator": separator}
    return doubts(table, describe_columns(schema, table), repairs, settings)


# The columns, the settings, and what must be found: column, kind, severity, part of what is said.
CASES = {
    "all is plain": ({"a": ["red", "blue"] * (ROWS // 2)}, {}, []),
    "few different rows": (
        {"n": [f"{i % 4}" for i in range(ROWS)]},
        {},
        [("", "twins", "told", "only 4 different rows of the 240")],
    ),
    "order, no evidence": (
        {"d": OPEN},
        {"separator": ","},
        [("d", "order", "fail", "Nothing in the file tells which")],
    ),
    "order, by a sibling": (
        {"d": OPEN, "e": [f"{1 + i % 28:02}/03/2023" for i in range(ROWS)]},
        {},
        [("d", "order", "warn", "day first.*'e' has the day first")],
    ),
    "order, siblings disagree": (
        {"d": OPEN, "e": ["28/03/2023"] * ROWS, "f": ["03/28/2023"] * ROWS, "x": NUMBERS},
        {},
        [("d", "order", "fail", ""), ("e", "constant", "warn", ""), ("f", "constant", "warn", "")],
    ),
    "order, by the separator": ({"d": OPEN}, {"separator": ";"}, [("d", "order", "warn", "semic")]),
    "order, told by its own cells": ({"d": with_cells(OPEN, 60, "25/12/2023")}, {}, []),
    "both orders": (
        {"d": with_cells(with_cells(OPEN, 2, "12/25/2023"), 40, "25/12/2023")},
        {},
        [
            ("d", "order", "fail", "dates of both orders.*'25/12/2023'"),
            ("d", "unreadable", "warn", ""),
        ],
    ),
    "half of the dates turned": (
        {
            "d": [
                f"2024-{1 + i % 9:02}-{1 + i % 12:02}" if i % 2 else f"{13 + i % 18}/02/2024"
                for i in range(ROWS)
            ]
        },
        {},
        [("d", "order", "fail", "day and month of the former may be exchanged")],
    ),
    "dates in two formats": (
        {
            "d": [
                f"2024-03-{1 + i % 28:02}" if i % 2 else f"{1 + i % 28}/02/2024"
                for i in range(ROWS)
            ]
        },
        {},
        [],
    ),
    "decimal, no evidence": (
        {"m": THOUSANDS, "n": DAYS},
        {},
        [("m", "decimal", "fail", r"decimal point, and 231 cells .*1,100 \(read as 1100.0")],
    ),
    "decimal, and not one without a sign": (
        {"m": [f"{1 + i % 9},{100 + i}" for i in range(ROWS)], "n": DAYS},
        {},
        [("m", "decimal", "fail", "")],
    ),
    "lists of answers, or numbers": (
        {
            "m": ["1", "2", "1,2", "2,3", "1,3", "4"] * (ROWS // 6),
            "n": [f"{i},5" for i in range(ROWS)],
        },
        {},
        [("m", "list", "warn", "120 cells of 'm' such as 1,2 .* could be lists of answers")],
    ),
    "order, by a format in the config": (
        {"d": OPEN, "e": [f"{day}/01/2024" for day in DAYS]},
        {"columns": {"e": {"format": "%d/%m/%Y"}}},
        [("d", "order", "warn", "'d' was read with the day first.*'e' has the day first")],
    ),
    "order, beside other dates": (
        {"d": [d if i % 2 else f"2024-03-{1 + i % 28:02}" for i, d in enumerate(OPEN)]},
        {},
        [("d", "order", "fail", r"format: \[.*'%d/%m/%Y'")],
    ),
    "century, no evidence": (
        {"d": [f"{1 + i % 28:02}-Dec-{40 + i % 28}" for i in range(ROWS)]},
        {},
        [
            (
                "d",
                "century",
                "fail",
                "240 dates of 'd' .* read as 2040 and the like, and may be 1940",
            )
        ],
    ),
    "century, by the column": (
        {"d": [f"{1 + i % 28:02}-Dec-{40 + i % 50}" for i in range(ROWS)]},
        {},
        [("d", "century", "warn", "read as 1940 and the like, and may be 2040")],
    ),
    "decimal, by a sibling": (
        {"m": THOUSANDS},
        {},
        [("m", "decimal", "warn", "'n' has decimal p")],
    ),
    "decimal, by the money": (
        {"m": [f"${text}" for text in THOUSANDS], "n": DAYS},
        {},
        [("m", "decimal", "warn", r"\$ mostly goes with decimal points")],
    ),
    "decimal, by the separator": (
        {"m": THOUSANDS, "n": DAYS},
        {"separator": ","},
        [("m", "decimal", "warn", "commas stand between the cells")],
    ),
    "thousands with points in a comma file": (
        {"m": with_cells([f"{1 + i % 90}.{110 + i}" for i in range(ROWS)], 4, "562", "931")},
        {"separator": ","},
        [("m", "decimal", "warn", r"180 cells .*1.200 \(read as 1.2, could be 1200.0")],
    ),
    "some thousands with points": (
        {
            "m": with_cells([f"{1001 + 37 * i}" for i in range(ROWS)], 20, "5.963", "4.127"),
            "n": [f"{i},5" for i in range(ROWS)],
        },
        {"separator": ";"},
        [("m", "decimal", "fail", r"12 cells .* 4.127 \(read as 4.127, could be 4127.0\)")],
    ),
    "thousands with points beside decimal commas": (
        {
            "m": [f"{10 + i % 90}.{111 + i}" for i in range(ROWS)],
            "n": [f"{i},5" for i in range(ROWS)],
        },
        {"separator": ";"},
        [("m", "decimal", "fail", "Nothing in the file tells which")],
    ),
    "three decimals, or none, in a comma file": (
        {"m": with_cells([f"{1 + i % 9}.{111 + 2 * i}" for i in range(ROWS)], 4, "1", "10")},
        {"separator": ","},
        [],
    ),
    "percent, most have it": (
        {"m": with_cells([f"{n}%" for n in NUMBERS], 40, "45")},
        {},
        [
            (
                "m",
                "unit",
                "warn",
                r"6 numbers of 'm' are without the % .* as if they had it: 45 \(read as",
            )
        ],
    ),
    "percent, few have it": (
        {"m": with_cells(NUMBERS, 40, "45%")},
        {},
        [("m", "unit", "fail", "234 numbers of 'm' are without the % .* as they stand")],
    ),
    "percent and shares": (
        {"m": with_cells([f"0.{100 + i}" for i in range(ROWS)], 40, "45%")},
        {},
        [],
    ),
    "percent below one beside shares": (
        {"m": with_cells([f"0.{100 + i}" for i in range(ROWS)], 40, "0.21%")},
        {},
        [("m", "unit", "fail", "234 numbers of 'm' are without the %")],
    ),
    "bounds": (
        {"m": with_cells([str(i % 90) for i in range(ROWS)], 40, "<5", "90+")},
        {},
        [("m", "bound", "told", r"6 cells of 'm' with a bound .*'90\+', '<5'")],
    ),
    "a unit": (
        {"m": with_cells([f"{n} kg" for n in NUMBERS], 40, "45")},
        {},
        [("m", "unit", "warn", "6 numbers of 'm' are without the kg")],
    ),
    "unreadable": (
        {"m": with_cells(NUMBERS, 40, "soon", "later")},
        {},
        [
            (
                "m",
                "unreadable",
                "warn",
                r"6 cells of 'm' \(2.5 %\) could not be read.*'later', 'soon'",
            )
        ],
    ),
    "a trickle": ({"m": with_cells(NUMBERS, 120, "soon")}, {}, []),
    "a marker that was taken": (
        {"m": with_cells(NUMBERS, 20, "-99")},
        {},
        [("m", "marker", "warn", "12 cells of 'm' with -99 were taken for missing")],
    ),
    "a marker that was declared": (
        {"m": with_cells(NUMBERS, 20, "-99")},
        {"missing_values": ["-99"]},
        [],
    ),
    "a number that may be a marker": (
        {"m": with_cells(NUMBERS, 20, "999999.375"), "k": with_cells(NUMBERS, 20, "666")},
        {},
        [
            ("m", "sentinel", "warn", "12 cells of 'm' are 999999.375"),
            ("k", "sentinel", "warn", ""),
        ],
    ),
    "two numbers that may be markers": (
        {"m": with_cells(NUMBERS, 20, "888", "999")},
        {},
        [("m", "sentinel", "warn", "12 cells of 'm' are 999 or 888")],
    ),
    "the only negative number": (
        {"m": with_cells([str(i) for i in range(ROWS)], 20, "-200")},
        {},
        [("m", "sentinel", "warn", "-200")],
    ),
    "markers beside few answers": (
        {
            "m": with_cells(["0", "1", "2", "3"] * (ROWS // 4), 5, "-99"),
            "k": with_cells(["1", "2", "3"] * (ROWS // 3), 5, "99"),
            "j": with_cells(["1", "2", "3", "4", "5"] * (ROWS // 5), 7, "-9"),
        },
        {},
        [
            (name, "sentinel", "warn", f" {number}, far")
            for name, number in zip("mkj", (-99, 99, -9), strict=True)
        ],
    ),
    "few numbers, and none a marker": (
        {
            "m": with_cells(["0", "1", "2", "3"] * (ROWS // 4), 5, "50"),
            "k": with_cells(["33", "66"] * (ROWS // 2), 5, "99"),
            "j": with_cells(["0"] * ROWS, 2, "99"),
        },
        {},
        [],
    ),
    "nines among their like": (
        {"m": with_cells([str(900 + i) for i in range(ROWS)], 20, "999")},
        {},
        [],
    ),
    "many zeros": ({"m": with_cells([f"{1000 + i}" for i in range(ROWS)], 2, "0")}, {}, []),
    "an answer beside gaps": (
        {"r": with_cells(with_cells(["EU", "US"] * 120, 5, "NA"), 7, "")},
        {},
        [("r", "answer", "warn", "'NA' were read as missing, as empty ones are")],
    ),
    "a marker of the whole file": (
        {
            "r": with_cells(with_cells(["EU", "US"] * 120, 5, "NA"), 7, ""),
            "m": with_cells(NUMBERS, 5, "NA"),
        },
        {},
        [],
    ),
    "an id by its cells": ({"c": IDS}, {}, [("c", "id", "warn", "set aside as an id.*'C-00000'")]),
    **{
        f"ids such as {cell.format(563)}": (
            {"c": [cell.format(i + 100) for i in range(ROWS)]},
            {},
            [("c", "id", "warn", re.escape(cell.format(100)))],
        )
        for cell in [
            *(
                "{}-B",
                "{}-b",
                "{}B",
                "{} B",
                "Nr {}",
                "Kunde {}",
                "Order #{}",
                "2024/{}",
                "{}/2023",
            ),
            *("Case 2024-{}", "M-AB {}", "+49 170 1234{}", "55-{}-12", "3f{}e-a1-b2-c3-d4"),
        ]
    },
    "a street is none": (
        {"c": [f"{i + 100} {('HIGH', 'MAIN')[i % 2]} ST" for i in range(ROWS)]},
        {},
        [("c", "text", "told", "are read as text")],
    ),
    **{
        f"no ids such as {cell.format(5)}": (
            {"c": [cell.format(i + 100) for i in range(ROWS)]},
            {},
            [("c", "text", "warn", "have digits but are no plain numbers or dates")],
        )
        for cell in ("72 H {} M", "{0} - 4{0}", "N {}.5 E 9.25")
    },
    "long texts": (  # in a moment, whatever they are
        {
            "c": [f"{'lorem ipsum ' * 300}{i} dolor" for i in range(ROWS)],
            "dna": [f"{'ACGT' * 1000} {i}" for i in range(ROWS)],
        },
        {},
        [("dna", "id", "warn", "set aside as an id"), ("c", "text", "told", "are read as text")],
    ),
    "a letter that may be a unit": (
        {"c": [f"{i % 40} B" for i in range(ROWS)], "w": [f"{i + 100} W" for i in range(ROWS)]},
        {},
        [("c", "unit", "warn", "The B behind the numbers of 'c' was taken for their unit")],
    ),
    "words for missing beside a marker": (
        {"c": with_cells(["red", "blue", "nd"] * (ROWS // 3), 7, "k.A.")},
        {},
        [("c", "answer", "told", "69 cells of 'c' with 'nd' were taken for answers, .* 'k.A.'")],
    ),
    "an id by its name": (
        {name: [str(i) for i in range(ROWS)] for name in ("seqn", "pid", "ID")},
        {},
        [("seqn", "id", "told", ""), ("pid", "id", "told", ""), ("ID", "id", "told", "")],
    ),
    "an id that was declared": ({"c": IDS}, {"id": "c"}, []),
    "row numbers": (
        {"Unnamed: 0": [str(i) for i in range(ROWS)]},
        {},
        [("Unnamed: 0", "id", "told", "")],
    ),
    "dates of both orders, half of each": (
        {"d": [f"{15 + i % 9}/{d}/2023" if i % 2 else f"{d}/20/2023" for i, d in enumerate(DAYS)]},
        {},
        [("d", "order", "fail", "are dates of both orders of day and month")],
    ),
    "an answer without gaps": (
        {"r": with_cells(["EU", "US"] * 120, 5, "NA")},
        {},
        [("r", "answer", "told", "48 cells of 'r' with 'NA' were read as missing")],
    ),
    "pounds and kilograms": (
        {"m": [f"{n} {('kg', 'lb')[i % 2]}" for i, n in enumerate(NUMBERS)]},
        {},
        [("m", "unit", "warn", "are numbers in more than one unit")],
    ),
    "thousands with points and money": (
        {"m": [f"€ {1 + i % 9}.{100 + i}" for i in range(ROWS)]},
        {},
        [("m", "decimal", "fail", r"€ 1.100 \(read as 1.1, could be 1100.0\)")],
    ),
    "a few dates of both orders": (
        {"d": ["13/02/2020", "02/14/2020", "25/12/2020", "12/26/2020"] * (ROWS // 4)},
        {},
        [("d", "order", "fail", "dates of both orders")],
    ),
    "a few amounts in two units": (
        {"a": ["$5.00", "€7.00", "$6.00"] * (ROWS // 3), "b": ["70kg", "154lb"] * (ROWS // 2)},
        {},
        [("a", "unit", "warn", "more than one unit"), ("b", "unit", "warn", "'154lb', '70kg'")],
    ),
    "a few texts with digits": (
        {
            "a": ["1st", "2nd", "3rd"] * (ROWS // 3),
            "b": ["1 day", "2 days"] * (ROWS // 2),
            "c": ["2", "3", "5more"] * (ROWS // 3),
            "d": ["3a", "3b", "4a"] * (ROWS // 3),
            "e": ["9 am", "5 pm", "6 pm"] * (ROWS // 3),
        },
        {},
        [],
    ),
    "a notation not known": (
        {"v": [f"{100 + i}/{60 + i % 40}" for i in range(ROWS)]},
        {},
        [("v", "text", "warn", "240 different texts of 'v' have digits.*'100/60'.*split it into")],
    ),
    "a constant": ({"c": ["x"] * ROWS}, {}, [("c", "constant", "warn", "the same in every row")]),
    "a constant date": ({"c": ["2024-01-31"] * ROWS}, {}, [("c", "constant", "warn", "")]),
    "an empty column": ({"c": [""] * ROWS}, {}, [("c", "empty", "warn", "no value in any row")]),
    "a constant with gaps": ({"c": ["x", ""] * (ROWS // 2)}, {}, []),
    "time and group": (
        {"t": [str(i) for i in range(ROWS)], "g": ["a", "b"] * (ROWS // 2)},
        {"time": "t", "group": "g"},
        [("t", "time", "told", "no model is given it"), ("g", "group", "told", "")],
    ),
}


def merged(settings, entries):
    """The settings with what settles each doubt laid over them, as a user would write it."""
    for entry in entries:
        for key, value in entry.items():
            if key == "columns":
                columns = settings.get("columns", {})
                for name, how in value.items():
                    columns = columns | {name: columns.get(name, {}) | how}
                settings = settings | {"columns": columns}
            else:
                settings = settings | {key: [*names_of(settings.get(key)), value]}
    return settings


@pytest.mark.parametrize("case", [case for case in CASES if CASES[case][2]])
def test_what_a_doubt_says_settles_it(case):
    columns, settings, _ = CASES[case]
    before = found(columns, **settings)
    after = found(columns, **merged(settings, [doubt.settle for doubt in before]))
    assert {doubt.what for doubt in after} <= {"time", "group", "twins"}  # facts of the table


def test_strict_reading_refuses_what_is_not_certain_in_the_words_of_the_doubt():
    doubts = found({"d": OPEN, "m": with_cells(NUMBERS, 40, "soon")})
    with pytest.raises(InputError) as caught:
        require_certain(doubts)
    for doubt in doubts:
        assert f"* {doubt.summary}. {doubt.explanation} In the config: columns: {{" in str(
            caught.value
        )
    require_certain(found({"t": NUMBERS}, time="t"))  # told, but certain


@pytest.mark.parametrize("case", CASES)
def test_a_doubt_is_told_and_what_is_certain_is_not(case):
    columns, settings, expected = CASES[case]
    doubts = found(columns, **settings)
    assert [(d.column, d.what, d.severity) for d in doubts] == [one[:3] for one in expected]
    for doubt, (*_, words) in zip(doubts, expected, strict=True):
        assert re.search(words, f"{doubt.summary}. {doubt.explanation}")
