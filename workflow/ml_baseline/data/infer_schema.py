"""The input schema of a raw table, by how its cells are written.

Never by how they relate to the target or to each other. `clean` follows the schema row by row, so
new rows are read exactly as the first ones were.
"""

import re
from collections.abc import Mapping, Set
from typing import Any

import pandas as pd

from ml_baseline.data import cells
from ml_baseline.data.infer_dates import are_compact_dates, date_entries, date_formats, day_first
from ml_baseline.data.infer_numbers import number_entry, usual_decimal
from ml_baseline.data.infer_target import quoted, target_classes, texts_of
from ml_baseline.data.schema import KEPT_ROLES, NUMERIC_KINDS, Schema, listed, names_of
from ml_baseline.errors import InputError, did_you_mean, similar

# Columns that the workflow adds; a raw column of that name gets "_raw" behind it.
RESERVED_NAMES = ("row_id", "copy")
# Roles of the columns that are learned from or sorted by, so that it matters what they mean.
READ_ROLES = ("time", "feature")
# Names of columns that were none's idea: ours, and the one that pandas writes for an index.
UNNAMED = re.compile(r"unnamed_\d+_*|Unnamed: \d+(?:\.\d+)*|\.\.\.\d+|level_0")
# Names of columns that number or name the rows, if their numbers are all different.
ID_NAME = re.compile(
    r"(?:.*[_\W])?(?:id|ids|index|row ?names?|row_?id|row|key|seqn|pidnum|X|X\.1|V1)|.*[a-z]I[Dd]",
)
# A column of texts that differ in nearly all of this many rows or more names the rows: an id.
ID_ROWS = 50
ID_SHARE = 0.95
# The numbers of so many tables put one below the other are known for row numbers.
CONCATENATED = 3
# A capital behind a small letter in so short a label is part of a code.
MIXED_CASE, CASE_CODE_LETTERS = re.compile("[a-z][A-Z]"), 4
# A column in which most cells look like amounts or times is hardly one of ids.
QUANTITY_LIKE = (
    rf"^[^A-Za-z0-9]*(?:{cells.CURRENCIES} ?\d|\d+[.,/:%]).*\d|^\d[\d.,]* ?(?:{cells.CURRENCIES}|%)$"
    r"|^(?:[A-Z][a-z]{2,8}\.?,? )+\d|^\d{1,2}[- ][A-Z][A-Za-z]{2,8}[- ]\d"
)


def infer_schema(
    raw: pd.DataFrame, settings: dict, dataset: str = "", separator: str | None = None
) -> Schema:
    """Return the input schema of a raw table.

    Args:
        raw: shape (rows, columns), every cell text, as `tables.read_raw_table` gives it.
        settings: the table's settings.
        dataset: the table's name.
        separator: what stands between its cells, if it came from a text.

    Returns:
        The schema without what `describe_columns` adds once the table is clean. Columns set aside
        are text as it came.

    Raises:
        InputError: a column named in the settings is not in the table or cannot be read as they
            say, or the target does not have two clear classes.
    """
    roles = _roles(raw, settings)
    declared = pd.Series(names_of(settings.get("missing_values")), dtype="str")
    tokens = frozenset(cells.strip(declared).str.lower())
    positive, negative = target_classes(raw[str(settings["target"])], settings, tokens)
    present, answers = {}, {}
    # Where the config says that a column is one of labels, these may look like markers.
    categorical = names_of(settings.get("categorical"))
    labels: dict[str, Set[str]] = dict.fromkeys(categorical, cells.MISSING_TOKENS)
    for name, codes in _per_column(settings, "encode").items():
        if isinstance(codes, Mapping):
            labels[name] = {text.lower() for label in codes for text in texts_of(label)}
    for name in [name for name, role in roles.items() if role in READ_ROLES]:
        present[name], answers[name] = _present(raw[name], tokens, labels.get(name))
    decimal = settings.get("decimal") or usual_decimal(present.values(), separator)
    days_first = day_first(present.values(), separator == ";" or decimal == ",")
    numbers = cells.parse_numbers(pd.Series(sorted(tokens), dtype="str"))[0].dropna().tolist()
    entries: list = []
    features = sum(role == "feature" for role in roles.values())
    for name, role in roles.items():
        readings = [{"kind": "boolean" if role == "target" else "category"}]
        if role == "group":  # one customer, however spelled, is one group
            readings = [_category_entry(_present(raw[name], tokens)[0])]
        if role in READ_ROLES:
            texts = present.pop(name)
            readings = _readings(name, texts, role, settings, decimal, days_first, separator)
            is_text = readings[0]["kind"] == "category" and name not in categorical
            if role == "feature" and features > 1 and is_text and _names_each_row(texts, len(raw)):
                role = "id"
        for reading in readings:
            entry: dict = {"name": name, "role": role, "source": name} | reading
            if numbers and entry["kind"] in NUMERIC_KINDS and "part" not in entry:
                entry["missing_numbers"] = sorted({*numbers, *entry.get("missing_numbers", ())})
            decimal_settles = entry["kind"] in NUMERIC_KINDS and settings.get("decimal")
            if name in _per_column(settings, "dates") if "part" in entry else decimal_settles:
                entry["declared"] = True
            if answers.get(name):
                entry["answers"] = answers[name]
            entries.append(entry)
    _make_names_unique(entries)
    return {
        "dataset": dataset,
        "target": next(entry["name"] for entry in entries if entry["role"] == "target"),
        "positive": positive,
        "negative": negative,
        "missing_values": sorted(tokens),
        "columns": entries,
    }


def describe_columns(schema: dict, table: pd.DataFrame) -> dict:
    """Return the schema with each column's nullability, range and categories in the cleaned table."""
    columns = []
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
    return schema | {"rows": len(table), "columns": columns}


def _roles(raw: pd.DataFrame, settings: dict) -> dict[str, str]:
    """Return each raw column's role, in the order of the columns."""
    roles = dict.fromkeys(raw.columns, "feature")
    named = set()
    for key in ("drop", "forbidden", "id", "group", "time", "target"):
        for name in names_of(settings.get(key)):
            if name not in roles:
                raise _unknown_column(raw, name, key)
            if key == "target" and name in named:
                raise InputError(
                    f"the target '{name}' is also named under `{roles[name]}`; take it out there"
                )
            roles[name] = key
            named.add(name)
    for key in ("categorical", "encode", "dates"):
        for name in _per_column(settings, key):
            if name not in roles:
                raise _unknown_column(raw, name, key)
            named.add(name)
    for name in raw.columns.difference(list(named), sort=False):
        if UNNAMED.fullmatch(name) and _numbers_rows(raw[name]):
            roles[name] = "drop"
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
    return (
        len(present) >= ID_ROWS
        and present.nunique() >= ID_SHARE * rows
        and present.str.match(QUANTITY_LIKE).mean() < 0.5
    )


def _per_column(settings: dict, key: str) -> dict[str, Any]:
    """Return what the settings say under `key`, by column name."""
    value = settings.get(key)
    if isinstance(value, Mapping):
        return {str(name): value[name] for name in value}
    return dict.fromkeys(names_of(value))


def _numbers_rows(texts: pd.Series) -> bool:
    """Return whether a column without a name is what exports add: row numbers, or nothing.

    Where tables were put one below the other, the numbers of each begin anew.
    """
    texts = cells.strip(texts)
    if cells.is_missing(texts).all():
        return True
    numbers, _ = cells.parse_numbers(texts)
    whole = bool((numbers % 1 == 0).all())
    often = numbers.value_counts().max()
    return whole and (numbers.is_unique or (numbers.min() in (0, 1) and often <= CONCATENATED))


def _numbers_each_row(texts: pd.Series) -> bool:
    """Return whether a column has a whole number of its own for each of many rows."""
    numbers = cells.plain_numbers(cells.strip(texts))
    if numbers is None or len(numbers) < ID_ROWS:
        return False
    return bool((numbers % 1 == 0).all() and numbers.is_unique)


def _unknown_column(raw: pd.DataFrame, name: str, key: str) -> InputError:
    names = list(raw.columns)
    close = [f"'{known}'" for known in similar(name, names, n=3)]
    if len(names) == 1:
        advice = "if these are several columns in one, set `separator`"
    else:
        advice = "if these are values, put a header line above them"
    return InputError(
        f"`{key}` names the column '{name}', which is not among the table's columns "
        f"({listed(names)}); {did_you_mean(close, advice)}"
    )


def _make_names_unique(entries: list[dict]) -> None:
    """Rename columns that are called like ours, and parts of dates called like other columns."""
    taken = {*RESERVED_NAMES, *(entry["source"] for entry in entries)}
    for entry in entries:
        suffix = "_part" if "part" in entry else "_raw"
        if entry["name"] == entry["source"] and entry["name"] not in RESERVED_NAMES:
            continue
        while entry["name"] in taken:
            entry["name"] += suffix
        taken.add(entry["name"])


def _present(
    texts: pd.Series, tokens: frozenset[str], labels: Set[str] | None = None
) -> tuple[pd.Series, list[str]]:
    """Return the stripped cells that are not missing, and usual tokens that are answers here.

    `tokens` are missing by the config; of `labels`, in lower case, the column is made by the config.
    """
    texts = cells.strip(texts)
    missing = cells.is_missing(texts, cells.MISSING_TOKENS | tokens)
    answers: Set[str] = set()
    if labels is not None:
        answers = labels & set(texts[missing].dropna().str.lower()) - tokens - {""}
    # A minus is a missing value, but not in a column of plus and minus.
    elif "-" not in tokens and (texts == "-").any() and texts.str.match(r"^\d?\+$").any():
        answers = {"-"}
    if answers:
        missing &= ~texts.str.lower().isin(answers)
    return (texts[~missing] if missing.any() else texts), sorted(answers)


def _readings(
    name: str,
    present: pd.Series,
    role: str,
    settings: dict,
    decimal: str,
    days_first: bool,
    separator: str | None,
) -> list[dict]:
    """Return how a feature or time column is read: one entry, or one for each part of a date."""
    if role == "time" and present.empty:
        raise InputError(f"`time` names the column '{name}', which has no values; name another")
    encode = _per_column(settings, "encode").get(name)
    if encode is not None:
        return [_encode_entry(name, present, encode)]
    if name in names_of(settings.get("categorical")):
        return [_category_entry(present)]
    formats = _declared_formats(name, present, settings)
    if not formats and len(present) and are_compact_dates(present):
        formats = [cells.COMPACT_DATE]
    if not formats:
        entry = number_entry(present, decimal, bool(settings.get("decimal")), separator)
        if entry is not None:
            return [entry]
        formats = date_formats(present[~present.str.match(cells.NO_DATES)], days_first)
    if formats:
        return date_entries(name, present, formats, role)
    if role == "time":
        raise InputError(
            f"`time` names the column '{name}', but its cells are neither numbers nor dates "
            f"(found '{present.iloc[0]}'); give their format: `dates: {{{name}: '%d %b %Y'}}`"
        )
    return [_category_entry(present)]


def _declared_formats(name: str, present: pd.Series, settings: dict) -> list[str]:
    date_format = _per_column(settings, "dates").get(name)
    if date_format is None:
        return []
    try:
        times = cells.parse_dates(present, [date_format])
    except ValueError as error:
        raise InputError(
            f"`dates` gives the column '{name}' the format '{date_format}', which is none: {error}"
        ) from error
    if len(times) and times.isna().all():
        raise InputError(
            f"`dates` gives the column '{name}' the format '{date_format}', which reads none of "
            f"its cells (found '{present.iloc[0]}'); give the format they are written in"
        )
    return [date_format]


def _encode_entry(name: str, present: pd.Series, encode: Mapping) -> dict:
    codes: dict[str, int] = {}
    labels: dict[str, str] = {}
    for label, code in encode.items():
        codes |= dict.fromkeys(texts_of(label), code)
        labels.setdefault(str(code), texts_of(label)[0])
    if len(present) and cells.encode(present, codes).isna().all():
        raise InputError(
            f"`encode` has codes for {quoted(codes)} of the column '{name}', but the column has "
            f"{quoted(present.unique())}; give codes for these labels"
        )
    categories = sorted(set(encode.values()))
    return {"kind": "code", "encode": codes, "categories": categories, "labels": labels}


def _category_entry(present: pd.Series) -> dict:
    """Return how a column of categories is read: as it is, with one spelling for each."""
    counts = present.value_counts()
    folded = counts.index.str.lower()
    if not folded.has_duplicates and folded.str.match("^[!-~]+(?: [!-~]+)*$").all():
        return {"kind": "category"}
    # Single letters may be codes in which the case has a meaning.
    rows = {str(text): int(number) for text, number in counts.items() if len(text) > 1}
    keeps_case = _case_has_a_meaning(list(rows))
    spellings: dict[str, list[tuple[int, bool, str]]] = {}
    for label, number in rows.items():
        # The most frequent first, of equals one without odd blanks, then by the alphabet.
        rank = (-number, label != cells.folded(label, keeps_case=True), label)
        spellings.setdefault(cells.folded(label, keeps_case), []).append(rank)
    several = {text: min(ranks)[2] for text, ranks in spellings.items() if len(ranks) > 1}
    if not several:
        return {"kind": "category"}
    case = {"keeps_case": True} if keeps_case else {}
    return {"kind": "category", "spellings": dict(sorted(several.items())), **case}


def _case_has_a_meaning(labels: list[str]) -> bool:
    """Return whether labels that differ in case are different, as codes to the base 62 are.

    That is so where nothing but their case tells all labels apart, or short ones mix it ("aB").
    """
    folded = {cells.folded(label) for label in labels}
    return (len(folded) == 1 < len(labels)) or any(
        len(label) <= CASE_CODE_LETTERS and MIXED_CASE.search(label) for label in labels
    )
