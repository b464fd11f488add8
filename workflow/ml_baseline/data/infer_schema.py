"""The input schema of a raw table, by how its cells are written.

Never by how they relate to the target or to each other: only the split goes by such a thing, whether
the table is coarse. `clean` follows the schema row by row, so new rows are read exactly as the first
ones were.
"""

import re
from collections.abc import Mapping, Set
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ml_baseline.data import cells
from ml_baseline.data.declarations import (
    declarations,
    declared_boolean,
    declared_formats,
    declared_number,
    encode_entry,
    is_of_labels,
    labels_of,
)
from ml_baseline.data.header_names import unknown_column
from ml_baseline.data.infer_dates import are_compact_dates, date_entries, date_formats, day_first
from ml_baseline.data.infer_numbers import number_entry, usual_decimal
from ml_baseline.data.infer_target import target_classes
from ml_baseline.data.raw_table import PackedTable, RawTable
from ml_baseline.data.schema import KEPT_ROLES, NUMERIC_KINDS, Schema, listed, names_of
from ml_baseline.data.twins import is_coarse
from ml_baseline.errors import InputError

# Columns that the workflow adds; a raw column of that name gets "_raw" behind it.
RESERVED_NAMES = ("row_id", "copy")
# Roles of the columns that are learned from or sorted by, so that it matters what they mean.
READ_ROLES = ("time", "feature")
# Names of columns that were none's idea: ours, and the one that pandas writes for an index.
UNNAMED = re.compile(r"unnamed_\d+_*|Unnamed: \d+(?:\.\d+)*|\.\.\.\d+|level_0")
# Names of columns that number or name the rows, if their numbers are all different.
ID_NAME = re.compile(
    r"(?:.*[_\W])?(?:(?i:id|ids|index|row ?names?|row_?id|row|key|seqn|pidnum|[pcu]id|acct)|X|X\.1|V1)"
    r"|.*[a-z]I[Dd]"
)
# A column of texts that differ in nearly all of this many rows or more names the rows: an id.
ID_ROWS = 50
ID_SHARE = 0.95
# The numbers of so many tables put one below the other are known for row numbers.
CONCATENATED = 3
# A capital behind a small letter in so short a label is part of a code.
MIXED_CASE, CASE_CODE_LETTERS = re.compile("[a-z][A-Z]"), 4
# Ids are words without digits (names), or digits and letters, in groups if these are few capitals; nearly all of them.
GROUP = r"(?:[A-Z]{1,3}|[A-Z]{0,3}[\d(+#-][A-Z\d()./-]*)"
ID_LIKE = rf"^(?:\D+|[A-Za-z0-9_#][\w#@.:/+=-]*(?: [A-Za-z])?|{GROUP}(?: {GROUP})+)$"
ID_LIKE_SHARE = 0.9
# So are a number behind a word that is always the same, and a number of a year: Nr 563, 2024/563.
NUMBERED = (
    r"^(?:(?![^\w#№]*\d)(\D++)\d+(?:[-/]\d+)*|(?:19|20)\d\d(/)(?!0?\d$|1[0-2]$)\d+"
    r"|(?!0?\d/|1[0-2]/)\d+(/)(?:19|20)\d\d)$"
)
# A column in which most cells look like amounts or times is none of ids, whether they are read or not.
QUANTITY_LIKE = (
    rf"^[^A-Za-z0-9]*(?:{cells.CURRENCIES} ?\d|\d+[.,/:%]).*\d|^\d[\d.,]* ?(?:{cells.CURRENCIES}|%)$"
    r"|^(?:[A-Z][a-z]{2,8}\.?,? )+\d|^\d{1,2}[- ][A-Z][A-Za-z]{2,8}[- ]\d"
    r"|^\d+ ?[DH] ?\d+ ?[HM]|^[NSEW] ?\d+\.\d|^\d+ [-–] \d+$"
)


class _Style(NamedTuple):
    """How the table is written as a whole, for columns that do not tell."""

    decimal: str
    days_first: bool
    european: int
    separator: str | None


def infer_schema(
    raw: RawTable, settings: dict, dataset: str = "", reading: Mapping[str, Any] | None = None
) -> Schema:
    """Return the input schema of a raw table.

    Args:
        raw: shape (rows, columns), every cell text, as `tables.read_raw_table` gives it.
        settings, dataset: the table's settings and its name.
        reading: how its file was read, as `tables.read_raw_table` gives it.

    Returns:
        The schema without what `describe_columns` adds once the table is clean. Columns set aside
        are text as it came.

    Raises:
        InputError: a column named in the settings is not in the table or cannot be read as they
            say, or the target does not have two clear classes.
    """
    roles = _roles(raw, settings)
    given = pd.Series(names_of(settings.get("missing_values")), dtype="str")
    tokens = frozenset(cells.strip(given).str.lower())
    declared = declarations(settings)
    positive, negative = target_classes(raw[str(settings["target"])], settings, tokens)
    present, unchanged, answers, few, many = {}, set(), {}, [], []
    counting = set()
    for name in [name for name, role in roles.items() if role in READ_ROLES]:
        column = raw[name]
        texts, answers[name] = _present(column, tokens, declared.get(name, {}))
        few.append(cells.sample(texts, cells.FEW_CELLS))
        many.append(cells.sample(texts, cells.ENOUGH_CELLS))
        if roles[name] == "feature" and name not in declared and _counts_rows(texts, len(raw)):
            counting.add(name)
        # Of a large table only one column at a time; what is the same is not looked for again.
        if not isinstance(raw, PackedTable):
            present[name] = texts
        elif texts is column:
            unchanged.add(name)
    others = (name for name, role in roles.items() if role == "feature" and name not in counting)
    if counting and any(
        name in declared or _may_tell(_present(raw[name], tokens, {})[0], len(raw))
        for name in others
    ):
        roles |= dict.fromkeys(counting, "id")
    separator = (reading or {}).get("separator")
    as_numbers = frozenset((reading or {}).get("numbers", ()))
    decimal, european = usual_decimal(few, separator)
    of_table = {"decimal": settings["decimal"]} if settings.get("decimal") else {}
    decimal = of_table.get("decimal", decimal)
    formats = [names_of(how.get("format")) for how in declared.values()]
    days_first = day_first(many, separator == ";" or decimal == ",", formats)
    style = _Style(decimal, days_first, european, separator)
    entries: list = []
    features = sum(role == "feature" for role in roles.values())
    for name, role in roles.items():
        how, is_given = of_table | declared.get(name, {}), name in names_of(settings.get("id"))
        numbers_rows = role == "id" and not is_given
        numbers_rows &= name in counting or UNNAMED.fullmatch(name) is not None
        if name in as_numbers:  # 1.333 is not 1333, whatever stands in other columns
            how = how | {"decimal": "."}
        readings = [{"kind": "boolean" if role == "target" else "category"}]
        if role == "group":  # one customer, however spelled, is one group
            readings = [_category_entry(_present(raw[name], tokens, how)[0])]
        if role in READ_ROLES:
            texts = present.pop(name, None)
            if texts is None:
                texts = raw[name]
                texts = texts if name in unchanged else _present(texts, tokens, how)[0]
            readings = _readings(name, texts, role, how, style)
            is_text = readings[0]["kind"] == "category" and "kind" not in how
            if is_text and "missing_values" in how:  # only now is it known to be one of labels
                texts, _ = _present(raw[name], tokens, how | {"kind": "category"})
                readings = [_category_entry(texts)]
            if role == "feature" and features > 1 and is_text and _names_each_row(texts, len(raw)):
                role, features = "id", features - 1
        own = how.get("missing_values")
        said = pd.Series(sorted(tokens if own is None else own), dtype="str")
        numbers = cells.parse_numbers(said)[0].dropna().tolist()  # that mean missing
        for reading in readings:
            entry: dict = {"name": name, "role": role, "source": name} | reading
            is_number = entry["kind"] in NUMERIC_KINDS and "part" not in entry
            if own is not None and role in (*READ_ROLES, "group"):
                entry.pop("missing_numbers", None)
                entry["missing_values"] = sorted(own)
            if numbers and is_number:
                entry["missing_numbers"] = sorted({*numbers, *entry.get("missing_numbers", ())})
            is_said = is_number and bool({"decimal", "unit"} & how.keys())
            if "part" in entry or entry["kind"] == "category":
                is_said = ("format" if "part" in entry else "kind") in how
            more = {
                "row_numbers": numbers_rows,
                "declared": is_said,
                "answers": answers.get(name),
                # Signs, grouped digits and fractions are those of amounts, and of no code.
                "text": is_number
                and as_numbers
                and name not in as_numbers
                and texts.str.isdecimal().mean() > 0.5,
            }
            entries.append(entry | {key: value for key, value in more.items() if value})
    _make_names_unique(entries)
    return {
        "dataset": dataset,
        "target": next(entry["name"] for entry in entries if entry["role"] == "target"),
        "positive": positive,
        "negative": negative,
        "missing_values": sorted(tokens),
        "columns": entries,
    }


def describe_columns(schema: Schema, table: pd.DataFrame) -> Schema:
    """Return the schema with each column's nullability, range and categories in the cleaned table.

    And whether the table is coarse, where it has a target.
    """
    columns: list[Any] = []
    for entry in schema["columns"]:
        if entry["role"] not in KEPT_ROLES:
            columns.append(entry)
            continue
        values = table[entry["name"]]
        missing = int(values.isna().sum())
        found: dict = {"nullable": missing > 0, "missing": missing}
        if entry["kind"] in NUMERIC_KINDS and missing < len(values):
            exact = int if entry["kind"] == "integer" else float
            found |= {"minimum": exact(values.min()), "maximum": exact(values.max())}
        elif entry["kind"] == "category" and entry["role"] == "feature":
            found |= {"categories": sorted(values.dropna().unique().tolist())}
        columns.append(entry | found)
    described: Schema = {**schema, "rows": len(table), "columns": columns}
    if schema["target"] in table and is_coarse(table, described):
        described["coarse"] = True
    return described


def _roles(raw: RawTable, settings: dict) -> dict[str, str]:
    """Return each raw column's role, in the order of the columns."""
    roles = dict.fromkeys(raw.columns, "feature")
    named = set()
    keys = ("drop", "forbidden", "id", "group", "time", "target")
    for key in (*keys, "categorical", "encode", "dates", "columns"):
        for name in names_of(settings.get(key)):
            if name not in roles:
                raise InputError(f"`{key}` {unknown_column(name, list(raw.columns))}")
            if key == "target" and name in named:
                raise InputError(
                    f"the target '{name}' is also named under `{roles[name]}`; take it out there"
                )
            if key in keys:
                roles[name] = key
            named.add(name)
    for name in raw.columns.difference(list(named), sort=False):
        if UNNAMED.fullmatch(name) and _numbers_rows(raw[name]):
            # Kept, if there is something: the order of the rows may tell the target.
            roles[name] = "drop" if cells.is_missing(cells.strip(raw[name])).all() else "id"
        elif ID_NAME.fullmatch(name) and _numbers_each_row(raw[name]):
            roles[name] = "id"
    if "feature" not in roles.values():
        raise InputError(
            "no column is left to predict from: all are target, id, group, time, drop or "
            "forbidden, or numbers of rows; the columns are: " + listed(roles)
        )
    return roles


def _names_each_row(present: pd.Series, rows: int) -> bool:
    """Return whether a column of texts differs in (nearly) every row, as ids do."""
    if len(present) < ID_ROWS or present.nunique() < ID_SHARE * rows:
        return False
    few = cells.sample(present, cells.ENOUGH_CELLS)
    before = few.str.extract(NUMBERED).bfill(axis=1)[0]
    if before.value_counts().max() >= ID_LIKE_SHARE * len(few):
        return True
    is_amount = few.str.match(QUANTITY_LIKE).mean() >= 0.5
    if is_amount or few.str.match(ID_LIKE).mean() < ID_LIKE_SHARE:
        return False
    return not cells.is_text(few.str.replace(r"(?<!\S)\S*\d\S*", "", regex=True), cells.TEXT_WORDS)


def _numbers_rows(texts: pd.Series) -> bool:
    """Return whether a column without a name is what exports add: row numbers, or nothing.

    Where tables were put one below the other, the numbers of each begin anew.
    """
    texts = cells.strip(texts)
    if cells.is_missing(texts).all():
        return True
    numbers, _ = cells.parse_numbers(texts)
    anew = numbers.min() in (0, 1) and numbers.value_counts().max() <= CONCATENATED
    return bool((numbers % 1 == 0).all() and (numbers.is_unique or anew))


def _counts_rows(present: pd.Series, rows: int) -> bool:
    """Return whether a column is 0, 1, 2 ... or 1, 2, 3 ... in the order of many rows, without a gap."""
    first = cells.plain_numbers(present.head(3)) if len(present) == rows >= ID_ROWS else None
    if first is None or first.tolist() not in ([0, 1, 2], [1, 2, 3]):
        return False
    numbers = cells.plain_numbers(present)
    return numbers is not None and bool(
        (numbers.to_numpy() == first.iloc[0] + np.arange(rows)).all()
    )


def _may_tell(present: pd.Series, rows: int) -> bool:
    """Return whether a column is neither the same in all rows nor a name of each."""
    differs = present.nunique() > 1 or 0 < len(present) < rows
    is_text = cells.plain_numbers(present) is None
    return differs and not (is_text and _names_each_row(present, rows))


def _numbers_each_row(texts: pd.Series) -> bool:
    """Return whether a column has a whole number of its own for each of many rows."""
    numbers, _ = cells.parse_numbers(cells.strip(texts))
    return bool(len(numbers) >= ID_ROWS and (numbers % 1 == 0).all() and numbers.is_unique)


def _make_names_unique(entries: list[dict]) -> None:
    """Rename columns that are called like ours, and parts of dates called like other columns."""
    taken = {*RESERVED_NAMES, *(entry["source"] for entry in entries)}
    for entry in entries:
        if entry["name"] != entry["source"] or entry["name"] in RESERVED_NAMES:
            while entry["name"] in taken:
                entry["name"] += "_part" if "part" in entry else "_raw"
            taken.add(entry["name"])


def _present(
    texts: pd.Series, tokens: frozenset[str], how: Mapping[str, Any]
) -> tuple[pd.Series, list[str]]:
    """Return the stripped cells that are not missing, and usual tokens that are answers here.

    `tokens` are missing by the config, unless it says `how` this column is read.
    """
    texts = cells.strip(texts)
    own = how.get("missing_values")
    if own is not None:
        missing = cells.is_missing(texts, cells.markers(own, is_of_labels(how)))
        return texts[~missing], []
    missing = cells.is_missing(texts, cells.MISSING_TOKENS | tokens)
    answers: Set[str] = set()
    if labels := labels_of(how):
        answers = labels & set(texts[missing].dropna().str.lower()) - tokens - {""}
    # A minus is a missing value, but not in a column of plus and minus.
    elif "-" not in tokens and (texts == "-").any() and texts.str.match(r"^\d?\+$").any():
        answers = {"-"}
    if answers:
        missing &= ~texts.str.lower().isin(answers)
    return (texts[~missing] if missing.any() else texts), sorted(answers)


def _readings(
    name: str, present: pd.Series, role: str, how: Mapping[str, Any], style: _Style
) -> list[dict]:
    """Return how a feature or time column is read: one entry, or one for each part of a date."""
    if role == "time" and present.empty:
        raise InputError(f"`time` names the column '{name}', which has no values; name another")
    kind, decimal = how.get("kind"), how.get("decimal") or style.decimal
    if "encode" in how:
        return [encode_entry(name, present, how["encode"])]
    if kind == "category":
        return [_category_entry(present)]
    if kind == "boolean":
        return [declared_boolean(name, present)]
    formats: list[str] = []
    if kind == "date":
        formats = declared_formats(name, present, how, style.days_first)
    elif kind is None and len(present) and are_compact_dates(present):
        formats = [cells.COMPACT_DATE]
    if not formats and kind != "date":
        given = "decimal" in how
        entry = number_entry(present, decimal, given, style.separator, style.european)
        as_declared = entry is not None and entry["kind"] != "boolean" and "unit" not in how
        if kind == "number" and not as_declared:
            sign = (entry or {}).get("decimal", decimal)
            entry = declared_number(name, present, sign, how.get("unit"))
        if entry is not None:
            return [entry]
        formats = date_formats(present, style.days_first)
    if formats:
        return date_entries(name, present, formats, role, how.get("latest_year"))
    if role == "time":
        raise InputError(
            f"`time` names the column '{name}', but its cells are neither numbers nor dates (found "
            f"'{present.iloc[0]}'); give their format: `columns: {{{name}: {{format: '%d %b %Y'}}}}`"
        )
    return [{"kind": "number"} if present.empty else _category_entry(present)]


def _category_entry(present: pd.Series) -> dict:
    """Return how a column of categories is read: as it is, with one spelling for each."""
    counts = present.value_counts()
    # Single letters may be codes in which the case has a meaning.
    rows = {str(text): int(number) for text, number in counts.items() if len(text) > 1}
    # It has one, as in codes to the base 62, where only case tells all labels apart, or short ones mix it.
    keeps_case = any(len(t) <= CASE_CODE_LETTERS and MIXED_CASE.search(t) for t in rows)
    one = cells.folded(next(iter(rows), ""))
    keeps_case |= len(rows) > 1 and all(cells.folded(text) == one for text in rows)
    spellings: dict[str, list[tuple[int, bool, str]]] = {}
    folded = counts.index.str.lower()
    if folded.has_duplicates or not folded.str.match("^[!-~]+(?: [!-~]+)*$").all():
        for label, number in rows.items():
            # The most frequent first, of equals one without odd blanks, then by the alphabet.
            rank = (-number, label != cells.folded(label, keeps_case=True), label)
            spellings.setdefault(cells.folded(label, keeps_case), []).append(rank)
    several = {text: min(ranks)[2] for text, ranks in spellings.items() if len(ranks) > 1}
    how = {"spellings": dict(sorted(several.items())), "keeps_case": keeps_case}
    return {"kind": "category"} | {key: value for key, value in how.items() if value}
