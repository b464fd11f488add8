"""Typed tables written in the styles of the world, and what is wrong with what is read back.

A table has a truth for each cell. It is written as someone somewhere writes such tables: with their
separator, quoting, decimal sign, order of day and month, units and markers for missing. Read back,
each cell has its true value, or the column is told.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from ml_baseline.data.clean import clean
from ml_baseline.data.doubts import doubts
from ml_baseline.data.infer_schema import describe_columns, infer_schema
from ml_baseline.data.tables import read_raw_table

FEW_LABELS = 10
MISSING = ("", "NA", "N/A", "n/a", "NULL", "nan", "?", "-", "--", "#N/A", ".")
LABELS = (
    "red",
    "blue",
    "green",
    "dark red",
    "blue, pale",
    'so-called "gold"',
    "weiß",
    "it's",
    "a;b",
)


@dataclass(frozen=True)
class Locale:
    """How a place writes numbers and dates, and what separates the cells of its files."""

    name: str
    decimal: str
    gap: str  # between thousands
    day_first: bool
    dates: tuple[str, ...]
    money: tuple[str, ...]  # with {} for the number
    separators: str


AMERICAN = Locale(
    "American",
    ".",
    ",",
    False,
    ("%m/%d/%Y", "%m-%d-%Y", "%b %d, %Y"),
    ("${}", "$ {}", "USD {}"),
    ",\t|",
)
# Where points stand between thousands, semicolons stand between cells: alone between tabs, 19.660 is
# what programs write, and nothing tells otherwise.
LOCALES = (
    AMERICAN,
    Locale(
        "British", ".", ",", True, ("%d/%m/%Y", "%d %b %Y", "%d-%b-%Y"), ("£{}", "{} GBP"), ",\t|"
    ),
    Locale("German", ",", ".", True, ("%d.%m.%Y",), ("{} €", "{}€", "{} EUR"), ";"),
    Locale("French", ",", "\u202f", True, ("%d/%m/%Y",), ("{} €", "{}\u00a0€"), ";\t"),
    Locale("Spanish", ",", ".", True, ("%d/%m/%Y", "%d-%m-%Y"), ("{} €",), ";"),
    Locale("Swiss", ".", "’", True, ("%d.%m.%Y",), ("CHF {}", "{} CHF"), ";,"),
    Locale("Swedish", ",", " ", True, ("%Y-%m-%d",), ("{} kr", "{} SEK"), ";\t"),
    Locale("Brazilian", ",", ".", True, ("%d/%m/%Y",), ("R$ {}", "R${}"), ";"),
    Locale("Indian", ".", ",", True, ("%d/%m/%Y", "%d-%m-%Y"), ("₹{}", "Rs. {}", "Rs {}"), ","),
    Locale("Polish", ",", "\u00a0", True, ("%d.%m.%Y",), ("{} zł",), ";"),
    Locale("plain", ".", "", False, ("%Y-%m-%d",), ("{}",), ",;\t|"),
)


@dataclass
class Column:
    """Cells as they were meant, None for a missing one, and as they are written."""

    kind: str  # number, date, hours, label or boolean
    style: str
    truth: list[Any]
    texts: list[str]


Maker = Callable[[np.random.Generator, int, Locale], Column]


def grouped(number: float, digits: int, locale: Locale, gap: str | None = None) -> str:
    """Return a number as the place writes it."""
    gap = locale.gap if gap is None else gap
    whole, _, fraction = f"{abs(number):,.{digits}f}".partition(".")
    if locale.name == "Indian" and gap:
        last, rest = whole.replace(",", "")[-3:], whole.replace(",", "")[:-3]
        pairs = [rest[max(0, i - 2) : i] for i in range(len(rest), 0, -2)][::-1]
        whole = gap.join([*pairs, last])
    else:
        whole = whole.replace(",", gap)
    sign = "-" if number < 0 else ""
    return sign + whole + (locale.decimal + fraction if fraction else "")


def number_maker(
    style: str,
    low: float,
    high: float,
    write: Callable[[float, int, Locale], str],
    digits: tuple[int, ...] = (0, 1, 2, 3),
    scale: float = 1.0,
) -> Maker:
    """Return what makes a column of numbers from `low` to `high`, written by `write`."""

    def make(random: np.random.Generator, rows: int, locale: Locale) -> Column:
        places = int(random.choice(digits))
        top = float(random.choice([low + (high - low) / 50, low + (high - low) / 5, high]))
        truth = [round(float(v), places) for v in random.uniform(low, top, rows)]
        texts = [write(value, places, locale) for value in truth]
        return Column("number", style, [value * scale for value in truth], texts)

    return make


def signed(write: Callable[[str], str]) -> Callable[[float, int, Locale], str]:
    """Return what writes negative numbers in a way of its own."""
    return lambda v, d, place: write(grouped(-v, d, place)) if v < 0 else grouped(v, d, place)


def money(v: float, d: int, place: Locale) -> str:
    form = place.money[d % len(place.money)]
    return f"-{form.format(grouped(-v, d, place))}" if v < 0 else form.format(grouped(v, d, place))


def scaled(random: np.random.Generator, rows: int, locale: Locale) -> Column:
    truth = [float(f"{v:.3g}") for v in 10 ** random.uniform(1, 8, rows)]
    texts = []
    for value in truth:
        factor, sign = next(f for f in ((1e6, "M"), (1e3, "K"), (1, "")) if value >= f[0])
        texts.append(f"{value / factor:.6g}".replace(".", locale.decimal) + sign)
    return Column("number", "K and M", truth, texts)


def plain_floats(random: np.random.Generator, rows: int, locale: Locale) -> Column:
    """As programs write them, whatever the place: thirds, with points."""
    truth = [float(f"{v:.3f}") for v in random.integers(3, 15, rows) / 3]
    return Column("number", "thirds with points", truth, [f"{v:g}" for v in truth])


def percents(bare: bool) -> Maker:
    def make(random: np.random.Generator, rows: int, locale: Locale) -> Column:
        digits = int(random.choice([0, 1, 2]))
        truth = [round(float(v), digits) for v in random.uniform(0, 100, rows)]
        texts = [f"{grouped(v, digits, locale)}{' ' * (digits == 1)}%" for v in truth]
        if bare:
            texts = [text.rstrip(" %") if i % 6 == 5 else text for i, text in enumerate(texts)]
        return Column("number", f"percents{' and bare' * bare}", [v / 100 for v in truth], texts)

    return make


def dates(style: str, form: str | None, time: str = "", first: str = "2019-01-01") -> Maker:
    """Return what makes a column of dates; in the place's own form if `form` is None."""

    def make(random: np.random.Generator, rows: int, locale: Locale) -> Column:
        chosen = form or str(random.choice(locale.dates))
        days = int(random.choice([25, 300, 1700]))
        seconds = random.integers(0, days * 86400, rows)
        moments = pd.Timestamp(first) + pd.to_timedelta(seconds, "s")
        moments = moments.floor("s" if "%S" in time else "min" if time else "D")
        texts = [moment.strftime(chosen + time) for moment in moments]
        return Column("date", f"{style} {chosen}{time}", list(moments), texts)

    return make


def births(random: np.random.Generator, rows: int, locale: Locale) -> Column:
    form = locale.dates[0].replace("%Y", "%y") if locale.dates[0][1] in "dm" else "%m/%d/%y"
    moments = pd.Timestamp("1935-01-01") + pd.to_timedelta(random.integers(0, 27000, rows), "D")
    return Column("date", f"births {form}", list(moments), [m.strftime(form) for m in moments])


def clock(style: str, form: str) -> Maker:
    def make(random: np.random.Generator, rows: int, locale: Locale) -> Column:
        seconds = random.integers(0, 86400, rows) // (1 if "%S" in form else 60)
        seconds = seconds * (1 if "%S" in form else 60)
        moments = pd.Timestamp("2020-01-01") + pd.to_timedelta(seconds, "s")
        return Column(
            "hours", style, [s / 3600 for s in seconds], [m.strftime(form) for m in moments]
        )

    return make


def durations(style: str, negative: bool, with_seconds: bool) -> Maker:
    def make(random: np.random.Generator, rows: int, locale: Locale) -> Column:
        seconds = random.integers(-40000 if negative else 0, 180000, rows)
        seconds = seconds if with_seconds else seconds // 60 * 60
        texts = []
        for value in seconds:
            minutes, rest = divmod(abs(int(value)), 60)
            tail = f":{rest:02}" if with_seconds else ""
            texts.append(f"{'-' * int(value < 0)}{minutes // 60}:{minutes % 60:02}{tail}")
        return Column("hours", style, [value / 3600 for value in seconds], texts)

    return make


def labels(style: str, draw: Callable[[np.random.Generator, int], str]) -> Maker:
    """Return what makes a column of texts that are no numbers, dates or times."""

    def make(random: np.random.Generator, rows: int, locale: Locale) -> Column:
        texts = [draw(random, i) for i in range(rows)]
        return Column("label", style, list(texts), texts)

    return make


def booleans(style: str, yes: str, no: str) -> Maker:
    def make(random: np.random.Generator, rows: int, locale: Locale) -> Column:
        truth = random.integers(0, 2, rows).tolist()
        return Column("boolean", style, truth, [yes if value else no for value in truth])

    return make


MAKERS: tuple[Maker, ...] = (
    number_maker("grouped", 0, 3e6, grouped),
    number_maker("below a thousand", 0, 999, grouped),
    number_maker("grouped, negative", -2e5, 2e5, grouped),
    number_maker("without thousands", 0, 3e5, lambda v, d, place: grouped(v, d, place, "")),
    number_maker("minus behind", -2e4, 2e4, signed("{}-".format)),
    number_maker("typographic minus", -2e4, 2e4, signed("−{}".format)),
    number_maker("in parentheses", -2e4, 2e4, signed("({})".format)),
    number_maker(
        "apostrophe", -2e4, 2e4, lambda v, d, p: ("'" if v < 0 else "") + grouped(v, d, p)
    ),
    number_maker("formula", 0, 2e4, lambda v, d, p: f'="{grouped(v, d, p)}"'),
    number_maker("unit behind a blank", 0, 3e3, lambda v, d, p: f"{grouped(v, d, p)} kg"),
    number_maker("unit", 1, 300, lambda v, d, p: f"{grouped(v, d, p)}cm"),
    number_maker("money", 0, 2e5, money),
    number_maker("money, negative", -2e4, 2e4, money),
    number_maker("scientific", 0, 2e5, lambda v, d, p: f"{v:.9E}".replace(".", p.decimal)),
    number_maker("programs'", -10, 10, lambda v, d, p: repr(v), digits=(1, 2, 3, 4, 15)),
    scaled,
    plain_floats,
    percents(bare=False),
    percents(bare=True),
    dates("local", None),
    dates("local", None, " %H:%M"),
    dates("local", None, " %H:%M:%S"),
    dates("local", None, " %I:%M %p"),
    dates("ISO", "%Y-%m-%d"),
    dates("ISO", "%Y-%m-%dT%H:%M:%SZ", ""),
    dates("ISO", "%Y-%m-%d", " %H:%M:%S"),
    dates("compact", "%Y%m%d"),
    dates("JavaScript", "%a %b %d %Y"),
    dates("RFC 2822", "%a, %d %b %Y %H:%M:%S +0000"),
    dates("Apache", "%d/%b/%Y:%H:%M:%S +0000"),
    dates("SQL Server", "%b %d %Y %I:%M%p"),
    dates("Oracle", "%d-%b-%y %I.%M.%S.000000 %p"),
    births,
    clock("clock", "%H:%M"),
    clock("clock", "%H:%M:%S"),
    clock("clock with AM and PM", "%I:%M %p"),
    durations("durations", negative=False, with_seconds=False),
    durations("durations", negative=False, with_seconds=True),
    durations("time differences", negative=True, with_seconds=True),
    labels("colours", lambda r, i: str(r.choice(LABELS))),
    labels("postal codes", lambda r, i: f"{r.choice([501, 2108, 10001, 94110, 60614]):05}"),
    labels("scores", lambda r, i: f"{r.integers(0, 6)}:{r.integers(0, 6)}"),
    labels("dilutions", lambda r, i: f"1:{r.choice([10, 20, 40, 80, 160])}"),
    labels("seasons", lambda r, i: f"20{(y := r.integers(10, 23))}-{y + 1}"),
    labels("versions", lambda r, i: f"{r.integers(1, 9)}.{r.integers(0, 30)}.{r.integers(0, 60)}"),
    labels(
        "short versions", lambda r, i: f"{r.integers(1, 4)}.{r.integers(0, 12)}.{r.integers(0, 9)}"
    ),
    labels("ICD", lambda r, i: f"{r.integers(1, 40):03}.{r.integers(0, 10)}"),
    labels("well codes", lambda r, i: f"{r.integers(10, 99)}E{r.integers(10, 30)}"),
    labels("well codes, short", lambda r, i: f"{r.integers(1, 9)}E{r.integers(1, 12)}"),
    labels("numbered", lambda r, i: f"({r.integers(1, 5)})"),
    labels("blood pressure", lambda r, i: f"{r.integers(95, 180)}/{r.integers(55, 110)}"),
    labels("order numbers", lambda r, i: f"{r.integers(2019, 2024)}-{r.integers(1, 12):02}-{i:05}"),
    labels("telephones", lambda r, i: f"555-{r.integers(1000, 9999)}"),
    labels("case codes", lambda r, i: str(r.choice(["aB", "Ab", "ab", "AB", "bA"]))),
    labels("grades", lambda r, i: str(r.choice(["A+", "A", "B-", "C"]))),
    labels("answer lists", lambda r, i: str(r.choice(["1", "2", "1,2", "2,3", "1,3"]))),
    labels("part numbers", lambda r, i: f"{r.integers(1, 99):02}-{r.integers(1, 12):02}"),
    labels(
        "addresses", lambda r, i: f"10.{r.integers(0, 3)}.{r.integers(0, 255)}.{r.integers(1, 99)}"
    ),
    labels("ranges", lambda r, i: str(r.choice(["0-9", "10-19", "20-29", "30+"]))),
    labels("quarters", lambda r, i: f"Q{r.integers(1, 5)} 202{r.integers(0, 4)}"),
    booleans("yes or no", "Yes", "no"),
    booleans("one letter", "Y", "N"),
    booleans("true or false", "TRUE", "FALSE"),
    booleans("digits", "1", "0"),
    booleans("floats", "1.0", "0.0"),
    booleans("German floats", "1,0", "0,0"),
)


@dataclass
class Table:
    """A table with its truth, and its text."""

    locale: Locale
    columns: dict[str, Column]
    text: str

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # how hypothesis shows it
        printer.text(repr(self))

    def __repr__(self) -> str:
        head = "\n".join(self.text.split("\n")[:6])
        styles = {name: column.style for name, column in self.columns.items()}
        return f"{self.locale.name} {styles}:\n{head}\n..."


def make_table(
    makers: list[Maker],
    locale: Locale,
    separator: str,
    quote_all: bool,
    rows: int,
    gaps: float,
    marker: str,
    seed: int,
) -> Table:
    """Return a table of one column for each maker, and the text that holds it."""
    random = np.random.default_rng(seed)
    columns = {}
    for i, make in enumerate(makers):
        column = make(random, rows, locale)
        for row in np.flatnonzero(random.random(rows) < gaps):
            column.truth[row], column.texts[row] = None, marker
        columns[f"v{i}"] = column
    target = [["yes", "no"][(i * 7 // 3) % 2] for i in range(rows)]
    file = io.StringIO()
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    writer = csv.writer(file, delimiter=separator, quoting=quoting, lineterminator="\n")
    writer.writerow([*columns, "y"])
    writer.writerows(zip(*(column.texts for column in columns.values()), target, strict=True))
    return Table(locale, columns, file.getvalue())


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Draw a table."""
    locale = draw(st.sampled_from(LOCALES))
    return make_table(
        draw(st.lists(st.sampled_from(MAKERS), min_size=1, max_size=4)),
        locale,
        draw(st.sampled_from(locale.separators)),
        draw(st.booleans()),
        draw(st.sampled_from([30, 60, 150, 400])),
        draw(st.sampled_from([0.0, 0.0, 0.05, 0.3])),
        draw(st.sampled_from(MISSING)),
        draw(st.integers(0, 2**32 - 1)),
    )


def wrong_without_a_word(table: Table, folder: Path) -> dict[str, str]:
    """Return the columns that are not read as they were meant, and not told, each with what is wrong."""
    path = folder / "table.csv"
    path.write_text(table.text, encoding="utf-8", newline="")
    settings = {"target": "y"}
    raw, reading = read_raw_table(path, settings, ["y"])
    schema = infer_schema(raw, settings, "drawn", reading)
    values, repairs = clean(raw, schema)
    schema = describe_columns(schema, values)
    told = {doubt.column for doubt in doubts(values, schema, reading | repairs, settings)}
    found = {}
    for name, column in table.columns.items():
        entries = [entry for entry in schema["columns"] if entry["source"] == name]
        wrong = wrong_cells(column, entries, values)
        if wrong and name not in told:
            found[name] = f"{column.style}: {wrong}"
    return found


def wrong_cells(column: Column, entries: list[dict], values: pd.DataFrame) -> str:
    """Return what is wrong with the values of a column, nothing if all are right."""
    entry = entries[0]
    if entry["role"] != "feature":
        return "" if column.kind == "label" else f"set aside as {entry['role']}"
    part = entry.get("part")
    truth = pd.Series(column.truth, dtype=object)
    if column.kind == "date":
        if part != "year":
            return f"read as {part or entry['kind']}"
        moments = pd.to_datetime(truth)
        for entry in entries:
            meant = getattr(
                moments.dt, {"weekday": "day_of_week"}.get(entry["part"], entry["part"])
            )
            if wrong := _differing(meant.astype(float), values[entry["name"]], column):
                return wrong
        return ""
    if column.kind == "hours":
        if part not in ("hours", "duration"):
            return f"read as {part or entry['kind']}"
        return _differing(truth.astype(float), values[entry["name"]], column)
    if entry["kind"] in ("number", "integer", "boolean") and not part:
        if column.kind == "label" and not _are_plain_digits(column):
            return f"read as {entry['kind']}"
        return _differing(truth.astype(float), values[entry["name"]], column)
    few = truth.nunique() < FEW_LABELS  # 1 cm, 2 cm and 3 cm may be labels
    if part or (column.kind == "number" and not few):
        return f"read as {part or entry['kind']}"
    # The same labels for the same truth, whatever they are.
    known = values[entry["name"]]
    if (known.isna() != truth.isna()).any():
        return "cells are missing or are not"
    pairs = pd.DataFrame({"meant": truth.astype(str), "read": known})[
        truth.notna()
    ].drop_duplicates()
    return (
        "" if pairs.nunique().eq(len(pairs)).all() else f"merged or split: {pairs.to_dict('list')}"
    )


def _are_plain_digits(column: Column) -> bool:
    return all(text is None or (text.isdigit() and text[0] != "0") for text in column.truth)


def _differing(meant: pd.Series, read: pd.Series, column: Column) -> str:
    apart = ~np.isclose(meant, read.astype(float), rtol=1e-9, atol=1e-9, equal_nan=True)
    rows = np.flatnonzero(apart)[:3]
    return "; ".join(f"{column.texts[i]!r} is {meant[i]}, read as {read[i]}" for i in rows)
