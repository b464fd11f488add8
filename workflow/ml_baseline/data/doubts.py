"""What is not certain about how a table was read, and what was lost: one record for each.

The audit's check `reading`, `reading: strict`, the closing words of a run and `ml-baseline inspect`
tell these records, so all of them have the same words for the same thing.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

import pandas as pd

from ml_baseline.data import cells
from ml_baseline.data.clean import EXAMPLES
from ml_baseline.data.declarations import declarations
from ml_baseline.data.infer_dates import DATE_SHARE, LATEST_YEAR, order_of
from ml_baseline.data.infer_numbers import MANY_NUMBERS, have_units, strange_numbers
from ml_baseline.data.infer_schema import ID_ROWS, QUANTITY_LIKE
from ml_baseline.data.schema import NUMERIC_KINDS, Column, Doubt, Schema, Severity, names_of
from ml_baseline.errors import InputError
from ml_baseline.text import config_entry, percent, plural

# From this share of a column's cells on, and from so many, unreadable ones are more than a trickle.
UNREADABLE_SHARE, UNREADABLE_CELLS = 0.01, 3
# A text that is another one in so many of the rows says little of any other row.
TEXT_SHARE = 0.5
BOTH_ORDERS = ["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y"]
# Two digits of a year mean 1969 to this one, unless a column tells otherwise (POSIX).
PIVOT = 2068
# Usual tokens for missing that may be an answer (region NA, surname Null). Nobody is called "n/a".
MAYBE_ANSWERS = frozenset(["na", "null", "nan", "-", "."])
# Money of places where decimals have a point or a comma.
MONEY = {".": r"(?<!R)\$|[£¥₹]|USD|GBP|INR", ",": r"R\$|zł|Kč|[Kk]r\b|BRL|PLN|CZK|DKK|NOK|SEK"}
SIGNS = {".": "point", ",": "comma"}
SEPARATED = {";": "semicolons", ",": "commas"}
DROP = "Leave it out, as the line for the config does, or export it again with its values."
KEEPS = "The line for the config keeps this reading"


def doubts(values: pd.DataFrame, schema: Schema, repairs: dict, settings: dict) -> list[Doubt]:
    """Return what is not certain about how a table was read and what was lost, the worst first.

    Args:
        values: the cleaned table.
        schema: as `infer_schema.describe_columns` returns it.
        repairs: what `clean` counted, and how the file was read (`tables.Rows.reading`).
        settings: the table's settings, as `infer_schema` takes them.
    """
    table = _Table(values, schema, repairs, settings)
    kinds = (
        *(
            _encoding,
            _orders_of_dates,
            _centuries,
            _decimal_signs,
            _units,
            _texts_of_digits,
            _unreadable,
            _markers,
            _sentinels,
            _answers,
        ),
        *(_set_aside, _texts, _constants, _roles),
    )
    found = [doubt for kind in kinds for doubt in kind(table)]
    return sorted(found, key=lambda doubt: get_args(Severity).index(doubt.severity))


def require_certain(found: list[Doubt]) -> None:
    """Raise InputError if anything in the reading of a table is not certain, or was lost."""
    lines = [
        f"* {doubt.summary}. {doubt.explanation} In the config: {config_entry(**doubt.settle)}"
        for doubt in found
        if doubt.severity != "told"
    ]
    if lines:
        raise InputError(
            "with `reading: strict` each column has to be certain, and "
            + "\n".join(["this is not:" if len(lines) == 1 else "these are not:", *lines])
        )


def shown(examples: Iterable[str]) -> str:
    """Return cells as a sentence holds them."""
    return ", ".join(f"'{text}'" if text else "an empty cell" for text in examples)


@dataclass(frozen=True)
class _Table:
    values: pd.DataFrame
    schema: Schema
    repairs: dict
    settings: dict

    def named(self, *keys: str) -> set[str]:
        """Return the columns that the config names under these keys."""
        return {name for key in keys for name in names_of(self.settings.get(key))}

    def settle(self, source: str, **how: Any) -> dict[str, Any]:
        """Return the entry of the config that says this of a column, with what it says already."""
        said = (self.settings.get("columns") or {}).get(source, {})
        said = {"kind": said} if isinstance(said, str) else said
        return {"columns": {source: {**said, **how}}}

    def repaired(self, source: str) -> dict:
        """Return what was counted in a raw column."""
        return self.repairs["columns"].get(source, {})

    def is_open(self, source: str) -> bool:
        """Return whether another order of day and month, or another decimal sign, would do as well."""
        return "ambiguous" in self.repaired(source)

    @cached_property
    def read(self) -> dict[str, Column]:
        """The features and the time by their raw names; of the parts of a date the first."""
        roles = ("feature", "time")
        entries = [entry for entry in self.schema["columns"] if entry["role"] in roles]
        sources = dict.fromkeys(entry["source"] for entry in entries)
        return {**sources, **{entry["source"]: entry for entry in reversed(entries)}}

    @cached_property
    def orders(self) -> dict[str, str]:
        """Whether the day or the month comes first in columns that tell it, or whose format is given."""
        found = {
            source: order_of(entry.get("date_formats", ())) for source, entry in self.read.items()
        }
        return {s: order for s, order in found.items() if order and not self.is_open(s)}

    @cached_property
    def signs(self) -> dict[str, str]:
        """The decimal signs of columns that tell them."""
        return {
            source: entry.get("decimal", ".")
            for source, entry in self.read.items()
            if entry["kind"] == "number" and "part" not in entry and not self.is_open(source)
            if "minimum" in entry
        }


def _encoding(table: _Table) -> Iterator[Doubt]:
    """Yield that a text was taken for Windows-1252, where some of its words tell of another encoding."""
    words = table.repairs.get("doubtful_words")
    if words is None or table.settings.get("encoding"):
        return
    texts = table.values.select_dtypes("str")
    with_it = texts.apply(
        lambda column: column.str.contains(words.split(", ")[0], regex=False).sum()
    )
    column, count = (with_it.idxmax(), int(with_it.max())) if len(with_it) else ("", 0)
    summary = (
        f"The text was read as Windows-1252, and words in it such as {words} are unusual in that"
    )
    why = (
        "They may be Turkish, Central European or other words in another encoding. The line for the config "
        "keeps this reading; if they look wrong, write cp1254, cp1250 or another one there, or save "
        "the file as UTF-8."
    )
    settle = {"encoding": "cp1252"}
    yield Doubt(
        str(column), "encoding", "warn", count, summary, why, settle, tuple(words.split(", "))
    )


def _orders_of_dates(table: _Table) -> Iterator[Doubt]:
    for source, entry in table.read.items():
        order, repaired = order_of(entry.get("date_formats", ())), table.repaired(source)
        if order is None or entry.get("declared"):
            continue
        formats = entry["date_formats"]
        swapped = [re.sub("^(%[dm])([-/])(%[dm])", r"\3\2\1", text) for text in formats]
        settle = table.settle(source, kind="date", format=_one_or_all(formats))
        lost = repaired.get("unparsable_examples", [])
        if lost and cells.parse_dates(pd.Series(lost, dtype="str"), swapped).notna().any():
            count = repaired["unparsable"]
            summary = (
                f"'{source}' has dates of both orders: it was read with the {order} first, and "
                f"{plural(count, 'cell')} became missing, such as {shown(lost[:2])}"
            )
            why = (
                "Where day and month are both at most 12, nothing tells which is which. Write all "
                f"dates in one order in the file, best as 2024-01-31. {KEEPS}."
            )
            severity: Severity = "fail" if count >= UNREADABLE_CELLS else "warn"
            yield Doubt(source, "order", severity, count, summary, why, settle, tuple(lost))
        elif table.is_open(source):
            evidence = _evidence_of_order(table, order)
            why = (
                f"No cell has a day after the 12th. {_because(evidence)} {KEEPS}; if the "
                f"other order is right, write `format: {_one_or_all(swapped)!r}` there."
            )
            yield _choice(table, source, "order", f"the {order} first", evidence, why, settle)


def _one_or_all(formats: list[str]) -> str | list[str]:
    return formats[0] if len(formats) == 1 else formats


def _evidence_of_order(table: _Table, order: str) -> str:
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


def _centuries(table: _Table) -> Iterator[Doubt]:
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


def _decimal_signs(table: _Table) -> Iterator[Doubt]:
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


def _evidence_of_sign(table: _Table, source: str, sign: str) -> str:
    """Return what else in the file speaks for a decimal sign."""
    of = [name for name, other in table.signs.items() if other == sign]
    if 2 * len(of) > len(table.signs):
        return f"'{of[0]}' has decimal {SIGNS[sign]}s"
    separator = table.repairs.get("separator")
    if (separator, sign) in ((";", ","), (",", ".")):
        return f"{SEPARATED[str(separator)]} stand between the cells"
    money = re.search(MONEY[sign], " ".join(table.repaired(source)["ambiguous_examples"]))
    return f"{money[0]} mostly goes with decimal {SIGNS[sign]}s" if money else ""


def _because(evidence: str) -> str:
    return f"It was chosen because {evidence}." if evidence else "Nothing in the file tells which."


def _choice(
    table: _Table, source: str, what: str, reading: str, evidence: str, why: str, settle: dict
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


def _units(table: _Table) -> Iterator[Doubt]:
    """Yield columns in which some numbers have a unit and others have none."""
    for source, entry in table.read.items():
        repaired, unit = table.repaired(source), entry.get("unit", "%")
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


def _texts_of_digits(table: _Table) -> Iterator[Doubt]:
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
            f"{shown(examples)}"
        )
        why = f"{KEEPS}; if they are codes or names, write `{source}: category` there."
        settle = table.settle(source, kind="number")
        yield Doubt(source, "digits", "warn", len(numbers), summary, why, settle, examples)


def _unreadable(table: _Table) -> Iterator[Doubt]:
    for source, entry in table.read.items():
        repaired = table.repaired(source)
        lost, missing = repaired.get("unparsable", 0), repaired.get("missing", {})
        share = lost / max(table.repairs["rows_read"] - sum(missing.values()), 1)
        if lost < UNREADABLE_CELLS or share < UNREADABLE_SHARE:
            continue
        examples = repaired["unparsable_examples"]
        others = {"boolean": "yes or no", "code": "labels that have a code"}.get(
            entry["kind"], "numbers"
        )
        others = "dates or times" if "part" in entry else others
        why = f"The other cells are {others}. Correct these in the file, or declare the column: the line "
        if len(examples) < EXAMPLES:
            settle = table.settle(source, missing_values=[*filter(None, missing), *examples])
            why += "for the config says that they mean a missing value."
        else:
            settle = table.settle(source, kind="category")
            why += "for the config takes its cells for categories."
        summary = (
            f"{plural(lost, 'cell')} of '{source}' ({percent(share, 1)}) could not be read and became "
            f"missing: {shown(examples)}"
        )
        yield Doubt(source, "unreadable", "warn", lost, summary, why, settle, tuple(examples))


def _markers(table: _Table) -> Iterator[Doubt]:
    """Yield the numbers that were taken for missing though nobody said so."""
    said = {float(text) for text in table.schema.get("missing_values", ()) if _is_number(text)}
    for source, entry in table.read.items():
        count = table.repaired(source).get("missing_numbers", 0)
        taken = [number for number in entry.get("missing_numbers", ()) if number not in said]
        if not (count and taken) or "missing_values" in entry:
            continue
        numbers = ", ".join(f"{number:g}" for number in taken)
        summary = (
            f"{plural(count, 'cell')} of '{source}' with {numbers} were taken for missing values"
        )
        why = (
            f"No other number comes near. {KEEPS}; if they are numbers like any other, write "
            "`missing_values: []` there."
        )
        settle = table.settle(
            source, missing_values=_tokens(table, source) + [f"{n:g}" for n in taken]
        )
        yield Doubt(
            source, "marker", "warn", count, summary, why, settle, tuple(numbers.split(", "))
        )


def _is_number(text: str) -> bool:
    return bool(cells.NUMBER_LABEL.fullmatch(text))


def _tokens(table: _Table, source: str) -> list[str]:
    """Return the texts that were read as missing in a column."""
    return [text for text in table.repaired(source).get("missing", {}) if text]


def _sentinels(table: _Table) -> Iterator[Doubt]:
    """Yield numbers that may stand for a missing value and were taken as they are."""
    for source, entry in table.read.items():
        if entry["kind"] not in NUMERIC_KINDS or "part" in entry or "missing_values" in entry:
            continue
        found = strange_numbers(table.values[entry["name"]])
        if not found:
            continue
        texts, count = [f"{number:.15g}" for number in found], sum(found.values())
        summary = (
            f"{plural(count, 'cell')} of '{source}' are {' or '.join(texts)}, far from all other "
            "numbers, and were taken as they are"
        )
        why = (
            "The line for the config says that this stands for a missing value; if it is a number like "
            "any other, write `missing_values: []` there."
        )
        settle = table.settle(source, missing_values=[*_tokens(table, source), *texts])
        yield Doubt(source, "sentinel", "warn", count, summary, why, settle, tuple(texts))


def _answers(table: _Table) -> Iterator[Doubt]:
    """Yield texts that were read as missing and may be answers, above all beside empty cells."""
    numeric = [s for s, entry in table.read.items() if entry["kind"] != "category"]
    usual = {text.lower() for source in numeric for text in _tokens(table, source)}
    said = set(table.schema.get("missing_values", ()))
    for source, entry in table.read.items():
        missing = table.repaired(source).get("missing", {})
        found = [t for t in missing if t.lower() in MAYBE_ANSWERS - usual - said]
        if entry["kind"] != "category" or not found or "missing_values" in entry:
            continue
        count, beside = sum(missing[text] for text in found), len(missing) > len(found)
        summary = f"{plural(count, 'cell')} of '{source}' with {shown(found)} were read as missing"
        summary += ", as empty ones are" if beside else ""
        why = (
            "The line for the config makes it an answer (a region, a name); if it stands for a missing "
            f"value, write `missing_values: {found}` there."
        )
        settle = table.settle(source, kind="category", missing_values=[])
        severity: Severity = "warn" if beside else "told"
        yield Doubt(source, "answer", severity, count, summary, why, settle, tuple(found))


def _set_aside(table: _Table) -> Iterator[Doubt]:
    """Yield columns that no model is given though the config did not say so."""
    said = table.named("id", "drop", "forbidden", "group", "time")
    for entry in table.schema["columns"]:
        source, role = entry["source"], entry["role"]
        if role not in ("id", "drop") or source in said:
            continue
        examples: tuple[str, ...] = ()
        if role == "id":
            examples = tuple(table.values[entry["name"]].dropna().head(3).astype(str))
        if role == "drop":
            summary = f"'{source}' has neither a name nor a value, so it was left out"
        elif "row_numbers" in entry:
            summary = f"'{source}' has no name and numbers the rows, so it is an id and no feature"
        else:
            summary = (
                f"'{source}' is different in nearly every row, so it was set aside as an id and not "
                f"learned from: {shown(examples)}"
            )
        why = f"Name it under `{role}` to confirm, or declare its kind to learn from it."
        certain = role == "drop" or all(_is_number(text) for text in examples)
        severity: Severity = "told" if certain else "warn"
        rows = table.repairs["rows_read"]
        yield Doubt(source, "id", severity, rows, summary, why, {role: source}, examples)


def _texts(table: _Table) -> Iterator[Doubt]:
    """Yield categories that may be quantities, and those of which hardly anything is learned."""
    for source, entry in table.read.items():
        texts = pd.Series(
            entry.get("categories", ()) if entry["kind"] == "category" else (), dtype="str"
        )
        if len(texts) < MANY_NUMBERS or entry.get("declared"):
            continue
        present = table.schema["rows"] - entry.get("missing", 0)
        examples, what = tuple(texts.iloc[:3]), "text"
        severity: Severity = "warn"
        if cells.parse_dates(texts, BOTH_ORDERS).notna().mean() >= DATE_SHARE:
            what, severity = "order", "fail"
            looks = "are dates of both orders of day and month, so they were read as categories"
        elif have_units(texts):
            what, looks = (
                "unit",
                "are numbers in more than one unit, so they were read as categories",
            )
        elif len(texts) < max(ID_ROWS, TEXT_SHARE * present):
            continue
        elif texts.str.match(QUANTITY_LIKE).mean() > 0.5:
            looks = "look like amounts or times in a way that is not known, and are categories"
        else:
            looks = "are read as categories"
        summary = f"The {len(texts):,} different texts of '{source}' {looks}: {shown(examples)}"
        why = (
            "Of categories that few rows have hardly anything is learned. Write them in one way in the "
            f"file, make columns of numbers of them, or leave the column out. {KEEPS}."
        )
        settle = table.settle(source, kind="category")
        yield Doubt(source, what, severity, present, summary, why, settle, examples)


def _constants(table: _Table) -> Iterator[Doubt]:
    for source, entry in table.read.items():
        parts = [part for part in table.schema["columns"] if part["source"] == source]
        present = table.values[entry["name"]].dropna()
        rows, settle = table.schema["rows"], {"drop": source}
        if present.empty:
            summary = f"'{source}' has no value in any row, so nothing can be learned from it"
            yield Doubt(source, "empty", "warn", rows, summary, DROP, settle)
        elif len(present) == rows and all(_is_constant(p, table.values[p["name"]]) for p in parts):
            summary = f"'{source}' is the same in every row, so nothing can be learned from it"
            examples = (str(present.iloc[0]),)
            yield Doubt(source, "constant", "warn", rows, summary, DROP, settle, examples)


def _is_constant(entry: Column, values: pd.Series) -> bool:
    if "minimum" in entry:
        return entry["minimum"] == entry["maximum"]
    return len(entry["categories"]) == 1 if "categories" in entry else values.nunique() == 1


def _roles(table: _Table) -> Iterator[Doubt]:
    uses = {"time": "orders the rows", "group": "keeps rows together in the split"}
    for entry in table.schema["columns"]:
        source, role = entry["source"], entry["role"]
        if role in uses:
            summary = f"'{source}' {uses[role]} and is no feature: no model is given it"
            yield Doubt(source, role, "told", table.schema["rows"], summary)
