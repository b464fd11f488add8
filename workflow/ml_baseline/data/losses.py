"""What was lost in reading a table, or may have been: cells, and columns that tell nothing."""

from collections.abc import Iterator

import pandas as pd

from ml_baseline.data import cells
from ml_baseline.data.clean import EXAMPLES
from ml_baseline.data.infer_dates import DATE_SHARE
from ml_baseline.data.infer_numbers import MANY_NUMBERS, have_units, strange_numbers
from ml_baseline.data.infer_schema import ID_ROWS, QUANTITY_LIKE
from ml_baseline.data.read_table import KEEPS, SLIPS, ReadTable
from ml_baseline.data.schema import NUMERIC_KINDS, Column, Doubt, Severity, feature_columns, quoted
from ml_baseline.text import percent, plural

# From this share of a column's cells on unreadable ones are more than a trickle.
UNREADABLE_SHARE = 0.01
# A text that is another one in so many of the rows says little of any other row.
TEXT_SHARE = 0.5
BOTH_ORDERS = ["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y"]
# Usual tokens for missing that may be an answer (region NA, surname Null). Nobody is called "n/a".
MAYBE_ANSWERS = frozenset(["na", "null", "nan", "-", "."])
# Words that may mean a missing value, and that are answers in a column of labels.
MAYBE_MISSING = cells.MISSING_WORDS | {"none", "nil", "nd", "n.d.", "s/o", "keine angabe"}
# What the cells of a column are that could be read, by what it is.
OTHER_CELLS = {"boolean": "yes or no", "code": "labels that have a code", "part": "dates or times"}
DROP = "Leave it out, as the line for the config does, or export it again with its values."


def _unreadable(table: ReadTable) -> Iterator[Doubt]:
    for source, entry in table.read.items():
        repaired = table.repaired(source)
        lost, missing = repaired.get("unparsable", 0), repaired.get("missing", {})
        share = lost / max(table.repairs["rows_read"] - sum(missing.values()), 1)
        if lost <= SLIPS or share < UNREADABLE_SHARE:
            continue
        examples = repaired["unparsable_examples"]
        kind = "part" if "part" in entry else entry["kind"]
        others = OTHER_CELLS.get(kind, "numbers")
        why = f"The other cells are {others}. Correct these in the file, or declare the column: the line "
        if len(examples) < EXAMPLES:
            settle = table.settle(source, missing_values=[*filter(None, missing), *examples])
            why += "for the config says that they mean a missing value."
        else:
            settle = table.settle(source, kind="category")
            why += "for the config takes its cells for categories."
        summary = (
            f"{plural(lost, 'cell')} of '{source}' ({percent(share, 1)}) could not be read and became "
            f"missing: {quoted(examples)}"
        )
        yield Doubt(source, "unreadable", "warn", lost, summary, why, settle, tuple(examples))


def _markers(table: ReadTable) -> Iterator[Doubt]:
    """Yield the numbers that were taken for missing though nobody said so."""
    said = {float(text) for text in table.schema.get("missing_values", ()) if _is_number(text)}
    for source, entry in table.read.items():
        count = table.repaired(source).get("missing_numbers", 0)
        taken = [number for number in entry.get("missing_numbers", ()) if number not in said]
        if not (count and taken) or "missing_values" in entry:
            continue
        texts = [f"{number:g}" for number in taken]
        which = f"{plural(count, 'cell')} of '{source}' with {', '.join(texts)}"
        summary = f"{which} were taken for missing values"
        why = (
            f"No other number comes near. {KEEPS}; if they are numbers like any other, write "
            "`missing_values: []` there."
        )
        settle = table.settle(source, missing_values=_tokens(table, source) + texts)
        yield Doubt(source, "marker", "warn", count, summary, why, settle, tuple(texts))


def _is_number(text: str) -> bool:
    return bool(cells.NUMBER_LABEL.fullmatch(text))


def _tokens(table: ReadTable, source: str) -> list[str]:
    """Return the texts that were read as missing in a column."""
    return [text for text in table.repaired(source).get("missing", {}) if text]


def _sentinels(table: ReadTable) -> Iterator[Doubt]:
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


def _answers(table: ReadTable) -> Iterator[Doubt]:
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
        summary = f"{plural(count, 'cell')} of '{source}' with {quoted(found)} were read as missing"
        summary += ", as empty ones are" if beside else ""
        why = (
            "The line for the config makes it an answer (a region, a name); if it stands for a missing "
            f"value, write `missing_values: {found}` there."
        )
        settle = table.settle(source, kind="category", missing_values=[])
        severity: Severity = "warn" if beside else "told"
        yield Doubt(source, "answer", severity, count, summary, why, settle, tuple(found))


def _like_missing(table: ReadTable) -> Iterator[Doubt]:
    """Yield labels that may mean a missing value, in columns where another text was read as one."""
    for source, entry in table.read.items():
        labels = entry.get("categories", []) if entry["kind"] == "category" else []
        words, gaps = [t for t in labels if t.lower() in MAYBE_MISSING], _tokens(table, source)
        if not (words and gaps) or {"declared", "missing_values"} & {*entry}:
            continue
        count = int(table.values[entry["name"]].isin(words).sum())
        summary = (
            f"{plural(count, 'cell')} of '{source}' with {quoted(words)} were taken for answers, and those "
            f"with {quoted(gaps)} for missing"
        )
        why = (
            "The line for the config takes all of them for missing; if they are answers, write "
            f"`missing_values: {gaps}` there."
        )
        settle = table.settle(source, kind="category", missing_values=[*gaps, *words])
        yield Doubt(source, "answer", "told", count, summary, why, settle, tuple(words))


def _set_aside(table: ReadTable) -> Iterator[Doubt]:
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
            summary = (
                f"'{source}' numbers the rows, so it was set aside as an id and not learned from"
            )
        else:
            every = "every" if table.values[entry["name"]].is_unique else "nearly every"
            summary = (
                f"'{source}' is different in {every} row, so it was set aside as an id and not "
                f"learned from: {quoted(examples)}"
            )
        why = f"Name it under `{role}` to confirm, or declare its kind to learn from it."
        certain = role == "drop" or all(_is_number(text) for text in examples)
        severity: Severity = "told" if certain else "warn"
        rows = table.repairs["rows_read"]
        yield Doubt(source, "id", severity, rows, summary, why, {role: source}, examples)


def _texts(table: ReadTable) -> Iterator[Doubt]:
    """Yield categories that may be quantities, and those of which hardly anything is learned."""
    for source, entry in table.read.items():
        labels = entry.get("categories", []) if entry["kind"] == "category" else []
        texts = pd.Series(labels, dtype="str")
        if len(texts) < 2 or entry.get("declared"):
            continue
        present = table.schema["rows"] - entry.get("missing", 0)
        examples, what = tuple(texts.iloc[:3]), "text"
        advice = "Write them in one way in the file, or make a column of numbers for each."
        severity: Severity = "warn"
        if cells.parse_dates(texts, BOTH_ORDERS).notna().mean() >= DATE_SHARE:
            what, severity = "order", "fail"
            looks = "are dates of both orders of day and month, so they were read as categories"
        elif have_units(texts):
            what = "unit"
            looks = "are numbers in more than one unit, so they were read as categories"
        elif len(texts) < max(MANY_NUMBERS, ID_ROWS, TEXT_SHARE * present):
            continue
        else:
            is_like_amounts = bool(texts.str.match(QUANTITY_LIKE).mean() > 0.5)
            looks = "have digits but are no plain numbers or dates, and " * is_like_amounts
            looks += "are read as categories"
            advice = (
                "Leave the column out (`drop`, `id` if it names the rows, or `group` if it says which "
                "rows belong together), or split it into columns that have fewer values."
            )
            if cells.is_text(texts) and not is_like_amounts:
                looks, severity = "are read as text", "told"
        summary = f"The {len(texts):,} different texts of '{source}' {looks}: {quoted(examples)}"
        why = f"Of categories that few rows have hardly anything is learned. {advice} {KEEPS}."
        if severity == "told":
            why = (
                "Models learn from the groups of letters in its words. The texts are kept with the "
                "model, as all categories are: leave the column out if they must not be."
            )
        settle = table.settle(source, kind="category")
        yield Doubt(source, what, severity, present, summary, why, settle, examples)


def _constants(table: ReadTable) -> Iterator[Doubt]:
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


def _roles(table: ReadTable) -> Iterator[Doubt]:
    uses = {"time": "orders the rows", "group": "keeps rows together in the split"}
    for entry in table.schema["columns"]:
        source, role = entry["source"], entry["role"]
        if role in uses:
            summary = f"'{source}' {uses[role]} and is no feature: no model is given it"
            yield Doubt(source, role, "told", table.schema["rows"], summary)


def _twins(table: ReadTable) -> Iterator[Doubt]:
    """Tell that rows with the same features are no copies, if there are such rows all over."""
    if table.schema.get("coarse"):
        features = table.values[feature_columns(table.schema)]
        rows, different = len(features), len(features.drop_duplicates())
        summary = (
            f"The features make only {different:,} different rows of the {rows:,}, so rows with the same "
            "features were taken for different cases, not for copies of one"
        )
        yield Doubt("", "twins", "told", rows, summary)


LOSSES = (
    *(_unreadable, _markers, _sentinels, _answers, _like_missing),
    *(_set_aside, _texts, _constants, _roles, _twins),
)
