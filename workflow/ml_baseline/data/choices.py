"""Columns that can be read in more than one way: which was chosen, and why."""

import re
from collections.abc import Iterator

import pandas as pd

from ml_baseline.data import cells
from ml_baseline.data.clean import EXAMPLES
from ml_baseline.data.declarations import declarations
from ml_baseline.data.infer_dates import LATEST_YEAR, exchanged, order_of
from ml_baseline.data.infer_numbers import MANY_NUMBERS, maybe_no_unit
from ml_baseline.data.read_table import KEEPS, SLIPS, ReadTable
from ml_baseline.data.schema import NUMERIC_KINDS, Doubt, Severity, quoted
from ml_baseline.text import plural

# Money of places where decimals have a point or a comma.
MONEY = {".": r"(?<!R)\$|[£¥₹]|USD|GBP|INR", ",": r"R\$|zł|Kč|[Kk]r\b|BRL|PLN|CZK|DKK|NOK|SEK"}
SIGNS = {".": "point", ",": "comma"}
SEPARATED = {";": "semicolons", ",": "commas"}
# Two digits of a year mean 1969 to this one, unless a column tells otherwise (POSIX).
PIVOT = 2068


def _sheet(table: ReadTable) -> Iterator[Doubt]:
    """Yield which part of a workbook is the table, where there was a choice."""
    how = table.repairs
    chosen = {"other_sheets", "merged_cells_filled"} & {*how}
    if "sheet" not in how or (how["header_row"] == "1" and not chosen):
        return
    summary = (
        f"The sheet '{how['sheet']}' was read, with the columns' names in row {how['header_row']}"
    )
    if "other_sheets" in how:
        summary += f"; not read: {how['other_sheets']}"
    if "merged_cells_filled" in how:
        summary += f"; values of merged cells were copied into {how['merged_cells_filled']} rows"
    yield Doubt(how["sheet"], "sheet", "told", table.repairs["rows_read"], summary)


def _encoding(table: ReadTable) -> Iterator[Doubt]:
    """Yield that a text was taken for Windows-1252, where some of its words tell of another encoding."""
    words = table.repairs.get("doubtful_words")
    if words is None or table.settings.get("encoding"):
        return
    examples, texts = tuple(words.split(", ")), table.values.select_dtypes("str")
    with_it = {
        name: int(texts[name].str.contains(examples[0], regex=False).sum()) for name in texts
    }
    column = max(with_it, key=lambda name: with_it[name], default="")
    summary = (
        f"The text was read as Windows-1252, and words in it such as {words} are unusual in that"
    )
    why = (
        "They may be Turkish, Central European or other words in another encoding. The line for the config "
        "keeps this reading; if they look wrong, write cp1254, cp1250 or another one there, or save "
        "the file as UTF-8."
    )
    settle, count = {"encoding": "cp1252"}, with_it.get(column, 0)
    yield Doubt(str(column), "encoding", "warn", count, summary, why, settle, examples)


def _orders_of_dates(table: ReadTable) -> Iterator[Doubt]:
    for source, entry in table.read.items():
        order, repaired = order_of(entry.get("date_formats", ())), table.repaired(source)
        if order is None or entry.get("declared"):
            continue
        formats = entry["date_formats"]
        swapped = exchanged(formats)
        settle = table.settle(source, kind="date", format=_one_or_all(formats))
        lost = repaired.get("unparsable_examples", [])
        if lost and cells.parse_dates(pd.Series(lost, dtype="str"), swapped).notna().any():
            count = repaired["unparsable"]
            summary = (
                f"'{source}' has dates of both orders: it was read with the {order} first, and "
                f"{plural(count, 'cell')} became missing, such as {quoted(lost[:2])}"
            )
            why = (
                "Where day and month are both at most 12, nothing tells which is which. Write all "
                f"dates in one order in the file, best as 2024-01-31. {KEEPS}."
            )
            severity: Severity = "fail" if count > SLIPS else "warn"
            yield Doubt(source, "order", severity, count, summary, why, settle, tuple(lost))
        elif "half_turned" in entry:
            summary = (
                f"'{source}' has ISO dates, all up to the 12th of a month, and others, all after it: "
                "day and month of the former may be exchanged"
            )
            why = (
                "A spreadsheet leaves dates so when it takes those for dates that it can, in the other order, and the "
                f"others for text. If so, import the column again as text. {KEEPS}."
            )
            rows = table.schema["rows"] - entry.get("missing", 0)
            yield Doubt(source, "order", "fail", rows, summary, why, settle)
        elif table.is_open(source):
            evidence = _evidence_of_order(table, order)
            why = (
                f"No cell has a day after the 12th. {_because(evidence)} {KEEPS}; if the "
                f"other order is right, write `format: {_one_or_all(swapped)!r}` there."
            )
            yield _choice(table, source, "order", f"the {order} first", evidence, why, settle)


def _one_or_all(formats: list[str]) -> str | list[str]:
    return formats[0] if len(formats) == 1 else formats


def _centuries(table: ReadTable) -> Iterator[Doubt]:
    """Yield dates whose two digits of a year may be of this century or of the last."""
    for source, entry in table.read.items():
        formats, part = entry.get("date_formats", []), entry.get("part")
        if not any("%y" in f for f in formats) or part not in ("year", "days"):
            continue
        if "latest_year" in table.settle(source)["columns"][source]:
            continue
        years = table.values[entry["name"]]
        years = years if part == "year" else 1970 + years // 365.2425
        is_past, latest = "latest_year" in entry, entry.get("latest_year", PIVOT)
        either = years.between(LATEST_YEAR - 99, PIVOT - 100) if is_past else years > LATEST_YEAR
        if not (count := int(either.sum())):
            continue
        year = int(years[either].iloc[0])
        other = year + 100 if is_past else year - 100
        evidence = "the column has years of the last century too" if is_past else ""
        summary = (
            f"{plural(count, 'date')} of '{source}' with two digits for the year were read as {year} and "
            f"the like, and may be {other}"
        )
        why = (
            f"{_because(evidence)} {KEEPS}; if the other century is right, write "
            f"`latest_year: {PIVOT if is_past else LATEST_YEAR}` there."
        )
        settle = table.settle(source, kind="date", format=_one_or_all(formats), latest_year=latest)
        severity: Severity = "warn" if is_past else "fail"
        yield Doubt(source, "century", severity, count, summary, why, settle)


def _decimal_signs(table: ReadTable) -> Iterator[Doubt]:
    for source, entry in table.read.items():
        if entry["kind"] not in NUMERIC_KINDS or "part" in entry or not table.is_open(source):
            continue
        sign = entry.get("decimal", ".")
        evidence = _evidence_of_sign(table, source, sign)
        other = "," if sign == "." else "."
        why = (
            f"All of its cells can be read with either sign. {_because(evidence)} {KEEPS}; if a "
            f"decimal {SIGNS[other]} is right, write `decimal: '{other}'` there."
        )
        settle = table.settle(source, kind="number", decimal=sign)
        yield _choice(table, source, "decimal", f"a decimal {SIGNS[sign]}", evidence, why, settle)


def _lists(table: ReadTable) -> Iterator[Doubt]:
    """Yield numbers such as 1, 2, 1,2 and 2,3, which may be lists of answers."""
    for source, entry in table.read.items():
        if entry["kind"] != "number" or entry.get("decimal") != "," or entry.get("declared"):
            continue
        numbers = table.values[entry["name"]].dropna()
        tens = pd.Series((10 * numbers).round(9).unique())
        lists = tens[tens % 10 != 0]
        if len(tens) >= MANY_NUMBERS or len(lists) < 2 or not (tens % 1 == 0).all():
            continue
        if (lists < 10).any() or (lists > 99).any() or (lists % 10 <= lists // 10).any():
            continue
        count = int((numbers % 1 != 0).sum())
        examples = tuple(f"{ten / 10:g}".replace(".", ",") for ten in sorted(lists)[:EXAMPLES])
        summary = (
            f"{plural(count, 'cell')} of '{source}' such as {examples[0]} were read with a decimal "
            "comma, and could be lists of answers"
        )
        why = f"{KEEPS}; if they are lists, write `kind: category` there."
        settle = table.settle(source, kind="number", decimal=",")
        yield Doubt(source, "list", "warn", count, summary, why, settle, examples)


def _choice(
    table: ReadTable, source: str, what: str, reading: str, evidence: str, why: str, settle: dict
) -> Doubt:
    """Return the doubt of a column that two readings fit, a coin flip without evidence."""
    repaired = table.repaired(source)
    examples = tuple(repaired["ambiguous_examples"])
    summary = (
        f"'{source}' was read with {reading}, and {plural(repaired['ambiguous'], 'cell')} could be "
        f"something else: {examples[0]}"
    )
    severity: Severity = "warn" if evidence else "fail"
    return Doubt(source, what, severity, repaired["ambiguous"], summary, why, settle, examples)


def _units(table: ReadTable) -> Iterator[Doubt]:
    """Yield columns in which some numbers have a unit and others have none, or what may be no unit."""
    for source, entry in table.read.items():
        repaired, unit = table.repaired(source), entry.get("unit", "%")
        if "declared" not in entry and maybe_no_unit(unit, table.values[entry["name"]]):
            summary = f"The {unit} behind the numbers of '{source}' was taken for their unit"
            why = f"{KEEPS}; if it is part of a code, write `{source}: category` there."
            settle = table.settle(source, kind="number", unit=unit)
            yield Doubt(source, "unit", "warn", table.schema["rows"], summary, why, settle)
        if not (count := repaired.get("mixed")):
            continue
        as_they_stand = unit == "%" and "percent" not in entry
        how = "taken as they stand" if as_they_stand else "read as if they had it"
        examples = tuple(repaired["mixed_examples"])
        summary = (
            f"{plural(count, 'number')} of '{source}' are without the {unit} that others have, and were "
            f"{how}: {examples[0]}"
        )
        why = (
            f"The line for the config says that all numbers are in {unit}. If they are not, write them in "
            "one unit in the file."
        )
        severity: Severity = "fail" if as_they_stand else "warn"
        settle = table.settle(source, kind="number", unit=unit)
        yield Doubt(source, "unit", severity, count, summary, why, settle, examples)


def _bounds(table: ReadTable) -> Iterator[Doubt]:
    """Yield numbers that are bounds, such as <5, and were read as the number they have."""
    declared = declarations(table.settings)
    for source in table.read:
        repaired = table.repaired(source)
        if not (count := repaired.get("bounds")) or "kind" in declared.get(source, {}):
            continue
        examples = tuple(repaired["bounds_examples"])
        summary = (
            f"{plural(count, 'cell')} of '{source}' with a bound were read as the bound itself: "
            f"{quoted(examples)}"
        )
        why = f"Nothing tells them from that number any more. {KEEPS}."
        settle = table.settle(source, kind="number")
        yield Doubt(source, "bound", "told", count, summary, why, settle, examples)


def _texts_of_digits(table: ReadTable) -> Iterator[Doubt]:
    """Yield columns of digits that a file with numbers has as text: numbers, or codes."""
    declared = declarations(table.settings)
    for source, entry in table.read.items():
        plain = entry["kind"] == "integer" and not {"unit", "scales", "percent"} & {*entry}
        if not entry.get("text") or not plain or "kind" in declared.get(source, {}):
            continue
        numbers = table.values[entry["name"]].dropna()
        examples = tuple(f"{number:.0f}" for number in numbers.drop_duplicates().head(3))
        summary = (
            f"'{source}' is text in the file, which has other columns as numbers, and was read as numbers: "
            f"{quoted(examples)}"
        )
        why = f"{KEEPS}; if they are codes or names, write `{source}: category` there."
        settle = table.settle(source, kind="number")
        yield Doubt(source, "digits", "warn", len(numbers), summary, why, settle, examples)


def _evidence_of_order(table: ReadTable, order: str) -> str:
    """Return what else in the file speaks for the order of day and month."""
    of = [name for name, other in table.orders.items() if other == order]
    if 2 * len(of) > len(table.orders):
        return f"'{of[0]}' has the {order} first"
    if table.orders or order == "month":
        return ""
    if table.repairs.get("separator") == ";":
        return "semicolons stand between the cells"
    comma = next((name for name, sign in table.signs.items() if sign == ","), None)
    return f"'{comma}' has decimal commas" if comma else ""


def _evidence_of_sign(table: ReadTable, source: str, sign: str) -> str:
    """Return what else in the file speaks for a decimal sign."""
    examples = " ".join(table.repaired(source)["ambiguous_examples"])
    if table.read[source]["kind"] == "number" and re.search(cells.CURRENCIES, examples):
        return ""  # money with three decimals throughout: that speaks against it
    of = [name for name, other in table.signs.items() if other == sign]
    if 2 * len(of) > len(table.signs):
        return f"'{of[0]}' has decimal {SIGNS[sign]}s"
    separator = table.repairs.get("separator")
    if (separator, sign) in ((";", ","), (",", ".")):
        return f"{SEPARATED[str(separator)]} stand between the cells"
    if money := re.search(MONEY[sign], examples):
        return f"{money[0]} mostly goes with decimal {SIGNS[sign]}s"
    return ""


def _because(evidence: str) -> str:
    """Return the sentence that says what a reading was chosen by, if there is anything."""
    return f"It was chosen because {evidence}." if evidence else "Nothing in the file tells which."


CHOICES = (
    *(_sheet, _encoding, _orders_of_dates, _centuries),
    *(_decimal_signs, _lists, _units, _bounds, _texts_of_digits),
)
