"""The input schema: what each column of a raw table is, found out once and kept.

`infer_schema` looks at a raw table and decides how each column is to be read. It looks at how the
cells are written and never at how they relate to the target or to each other. `clean` then
follows the schema row by row, so new rows are read exactly as the first ones were.
"""

import difflib
from collections.abc import Iterable

import numpy as np
import pandas as pd

from ml_baseline import cells
from ml_baseline.errors import InputError

KINDS = ("number", "integer", "boolean", "code", "category")
# Columns that the workflow adds; a raw column of that name gets "_raw" behind it.
RESERVED_NAMES = ("row_id", "copy")
# Roles of the columns that a cleaned table holds, in its order.
KEPT_ROLES = ("id", "group", "time", "feature", "target")
DATE_PARTS = ("year", "month", "day", "weekday", "hour")

# A column is numeric if what does not read as a number is rare, or is a handful of words that
# stand for "missing" between many different numbers.
UNPARSABLE_SHARE = 0.1
CODE_LIKE_SHARE = 0.02
MARKER_WORDS = 3
MANY_NUMBERS = 10
DATE_SHARE = 0.9
# Negative numbers of nines among numbers that are never negative mark missing values.
SENTINELS = (-9.0, -99.0, -999.0, -9999.0, -99999.0, -999999.0)
SENTINEL_ROWS = 5

PAIRS = (
    {"yes", "no"},
    {"y", "n"},
    {"true", "false"},
    {"t", "f"},
    {"1", "0"},
    {"1.0", "0.0"},
    {"positive", "negative"},
    {"pos", "neg"},
    {"+", "-"},
    {"1", "-1"},
)
POSITIVE_WORDS = frozenset(["yes", "y", "true", "t", "1", "1.0", "positive", "pos", "+"])


def column(schema: dict, name: str) -> dict:
    """Return the entry of column `name`; raise KeyError if the schema has none."""
    for entry in schema["columns"]:
        if entry["name"] == name:
            return entry
    raise KeyError(name)


def columns_of_role(schema: dict, *roles: str) -> list[str]:
    """Return the names of the columns that have one of `roles`, in table order."""
    return [entry["name"] for entry in schema["columns"] if entry["role"] in roles]


def feature_columns(schema: dict, *kinds: str) -> list[str]:
    """Return the names of the feature columns, in table order; only those of `kinds` if given."""
    return [
        entry["name"]
        for entry in schema["columns"]
        if entry["role"] == "feature" and (not kinds or entry["kind"] in kinds)
    ]


def infer_schema(raw: pd.DataFrame, settings: dict, dataset: str = "") -> dict:
    """Return the input schema of a raw table.

    Args:
        raw: shape (rows, columns), every cell text, as `tables.read_raw_table` gives it.
        settings: the table's settings: `target`, and if wanted `positive`, `negative`, `id`,
            `drop`, `forbidden`, `group`, `time`, `categorical`, `encode`, `dates`, `decimal`,
            `missing_values`.
        dataset: the table's name.

    Returns:
        `dataset`, `target`, `positive` and `negative` (the labels in the raw table that mean 1
        and 0), `missing_values`, and `columns`: for each its name, role, kind and how to read it.
        What only a look at all cells tells (range, categories, nullability) is added by
        `describe_columns` once the table is clean.

    Raises:
        InputError: a column named in the settings is not in the table, or the target does not
            have two clear classes.
    """
    raw = renamed(raw)
    roles = _roles(raw, settings)
    extra_tokens = frozenset(str(token).strip().lower() for token in settings["missing_values"])
    target = settings["target"]
    positive, negative = _classes(raw[target], settings, extra_tokens)
    schema = {
        "dataset": dataset,
        "target": target,
        "positive": positive,
        "negative": negative,
        "missing_values": sorted(extra_tokens),
        "columns": [],
    }
    for name in raw.columns:
        role = roles[name]
        if role in ("drop", "forbidden"):
            entries = [{"kind": "category"}]
        elif role == "target":
            entries = [{"kind": "boolean"}]
        elif role in ("id", "group"):
            entries = [{"kind": "category"}]
        else:
            entries = _reading(name, raw[name], role, settings, extra_tokens)
        for entry in entries:
            schema["columns"].append(
                {"name": name, "role": role, "source": name} | entry  # parts have their own name
            )
    _without_clashes(schema)
    return schema


def renamed(raw: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the columns whose names the workflow needs itself renamed."""
    return raw.rename(columns={name: f"{name}_raw" for name in RESERVED_NAMES})


def describe_columns(schema: dict, table: pd.DataFrame) -> dict:
    """Return the schema with each column's nullability, range and categories as `table` has them.

    Args:
        schema: as `infer_schema` gives it.
        table: the cleaned table of that schema.
    """
    columns = []
    for entry in schema["columns"]:
        if entry["role"] not in KEPT_ROLES:
            columns.append(entry)
            continue
        values = table[entry["name"]]
        missing = int(values.isna().sum())
        found: dict = {"nullable": missing > 0, "missing": missing}
        if entry["kind"] in ("number", "integer") and missing < len(values):
            low, high = float(values.min()), float(values.max())
            whole = entry["kind"] == "integer"
            found |= {
                "minimum": int(low) if whole else low,
                "maximum": int(high) if whole else high,
            }
        elif entry["kind"] == "category" and entry["role"] == "feature":
            found |= {"categories": sorted(values.dropna().unique().tolist())}
        columns.append(entry | found)
    return schema | {"rows": len(table), "columns": columns}


def names_of(value: str | Iterable[str] | None) -> list[str]:
    """Return a config value that is one name, several or none as a list."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def _unknown_column(raw: pd.DataFrame, name: str, key: str) -> InputError:
    names = [str(known) for known in raw.columns]
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    close += [known for known in names if known.lower() == name.lower() and known not in close]
    hint = f"did you mean {' or '.join(repr(c) for c in close)}?" if close else ""
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    return InputError(
        f"`{key}` names the column '{name}', which the table does not have; {hint or 'its'} "
        f"{'C' if hint else 'c'}olumns are: {shown}"
        + ("" if close else ". If these look like values, the file lacks a header line")
    )


def _roles(raw: pd.DataFrame, settings: dict) -> dict[str, str]:
    """Return each raw column's role."""
    roles = dict.fromkeys(raw.columns, "feature")
    for name in raw.columns:  # a row number that an export put first, without a name
        if name.startswith("unnamed_") and _counts_rows(raw[name]):
            roles[name] = "drop"
    for key in ("drop", "forbidden", "id", "group", "time", "target"):
        for name in names_of(settings.get(key)):
            name = f"{name}_raw" if name in RESERVED_NAMES else name
            if name not in roles:
                raise _unknown_column(raw, name, key)
            roles[name] = key
    for key in ("categorical", "encode", "dates"):
        for name in names_of(settings.get(key)):
            if name not in roles:
                raise _unknown_column(raw, name, key)
    if "feature" not in roles.values():
        raise InputError("no column is left to predict from: all are id, drop, forbidden or target")
    return roles


def _counts_rows(texts: pd.Series) -> bool:
    numbers, _ = cells.parse_numbers(cells.strip(texts))
    return bool((numbers.diff().iloc[1:] == 1).all() and numbers.iloc[0] in (0, 1))


def _label(value: object) -> str:
    """Return a label given in the config as the text it has in a table."""
    return str(value).strip()


def _matching(declared: object, labels: list[str]) -> list[str]:
    """Return those of a target's labels that a config value means.

    An exact match goes first, then one without regard to case, then one of value: `positive: 1`
    means "1.0" too, and `positive: Yes`, which YAML reads as true, means "Yes".
    """
    found = []
    for value in declared if isinstance(declared, list) else [declared]:
        text = _label(value)
        tests = [
            lambda label, text=text: label == text,
            lambda label, text=text: label.lower() == text.lower(),
            lambda label, text=text: (
                cells.parse_number(label) == cells.parse_number(text)  # never true of NaN
            ),
        ]
        if isinstance(value, bool):
            tests.append(lambda label, value=value: cells.BOOLEANS.get(label.lower()) == value)
        for test in tests:
            matches = [label for label in labels if test(label)]
            if matches:
                found += matches
                break
    return sorted(set(found))


def _classes(
    texts: pd.Series, settings: dict, extra_tokens: frozenset[str]
) -> tuple[list[str], list[str]]:
    """Return the labels that mean 1 and those that mean 0."""
    target = settings["target"]
    texts = cells.strip(texts)
    counts = texts.value_counts()
    labels = [str(label) for label in counts.index]
    declared = (
        _matching(settings["positive"], labels) if settings.get("positive") is not None else []
    )
    against = (
        _matching(settings["negative"], labels) if settings.get("negative") is not None else []
    )
    # What the user calls a class is one, even if it looks like a marker; so are + and -.
    kept = set(declared) | set(against)
    signs = {label for label in labels if label in ("+", "-")}
    kept |= signs if len(signs) == 2 else set()
    missing = cells.is_missing(pd.Series(labels, dtype="str"), extra_tokens)
    classes = [
        label for label, gone in zip(labels, missing, strict=True) if not gone or label in kept
    ]
    shown = ", ".join(f"'{label}' ({counts[label]:,} rows)" for label in classes[:8])
    shown += f" and {len(classes) - 8} more" if len(classes) > 8 else ""
    markers = ", ".join(f"'{label}'" for label in labels if label not in classes and label)
    if markers:
        shown += f" (read as missing: {markers})"
    if not classes:
        raise InputError(f"the target '{target}' has no values; found {shown or 'empty cells'}")
    for key, found in (("positive", declared), ("negative", against)):
        if settings.get(key) is not None and not found:
            raise InputError(
                f"`{key}: {settings[key]}` is no value of the target '{target}', which has {shown}"
            )
    if set(declared) & set(against):
        raise InputError(f"`positive` and `negative` of the target '{target}' overlap: {shown}")
    if len(classes) == 1:
        raise InputError(
            f"the target '{target}' has one class only: {shown}; a yes/no column needs rows of both"
        )
    others = [label for label in classes if label not in declared]
    if against and not declared:
        declared = others = [label for label in classes if label not in against]
        others = against
    elif against:
        others = against
    elif not declared:
        pair = {label.lower() for label in classes}
        if len(classes) == 2 and pair in PAIRS:
            declared = [label for label in classes if label.lower() in POSITIVE_WORDS]
            others = [label for label in classes if label not in declared]
        elif len(classes) == 2 or (len(pair) == 2 and pair in PAIRS):
            raise InputError(
                f"which value of the target '{target}' is the yes? It has {shown}; "
                "say so with `positive:`"
            )
        else:
            raise InputError(
                f"the target '{target}' has {len(classes)} classes, expected two: {shown}. "
                "Name a yes/no column, or say which labels mean yes and no with `positive:` and "
                "`negative:` (each may be a list) and which mean unknown with `missing_values:`"
            )
    stray = [label for label in classes if label not in declared and label not in others]
    if stray or (len(others) > 1 and not against):
        raise InputError(
            f"the target '{target}' has {len(classes)} values, expected two: {shown}. Say which "
            "labels mean yes and no with `positive:` and `negative:` (each may be a list) and "
            "which mean unknown with `missing_values:`"
        )
    return sorted(declared), sorted(others)


def _reading(
    name: str, texts: pd.Series, role: str, settings: dict, extra_tokens: frozenset[str]
) -> list[dict]:
    """Return how a feature or time column is read: one entry, or one for each part of a date."""
    texts = cells.strip(texts)
    present = texts[~cells.is_missing(texts, extra_tokens)]
    encode = (settings.get("encode") or {}).get(name)
    if encode is not None:
        labels: dict[str, str] = {}
        for label, code in encode.items():
            labels.setdefault(str(code), _label(label))
        return [
            {
                "kind": "code",
                "encode": {_label(label): code for label, code in encode.items()},
                "categories": sorted(set(encode.values())),
                "labels": labels,
            }
        ]
    if name in names_of(settings.get("categorical")):
        return [{"kind": "category"}]
    declared_format = (settings.get("dates") or {}).get(name)
    if declared_format is not None:
        return _date_entries(name, present, declared_format, role)
    if present.empty:
        return [{"kind": "number"}]
    booleans = present.str.lower().isin(cells.BOOLEANS)
    if booleans.all():
        return [{"kind": "boolean"}]
    number = _number_entry(present, settings.get("decimal"))
    if number is not None:
        return [number]
    date_format = _date_format(present)
    if date_format is not None:
        return _date_entries(name, present, date_format, role)
    if role == "time":
        raise InputError(
            f"`time` names the column '{name}', but its cells are neither numbers nor dates "
            f"(found '{present.iloc[0]}'); give their format: `dates: {{{name}: '%d %b %Y'}}`"
        )
    return [{"kind": "category"}]


def _number_entry(present: pd.Series, decimal: str | None) -> dict | None:
    """Return how a column of numbers is read, None if it is none."""
    decimal = decimal or _decimal(present)
    values, _ = cells.parse_numbers(present, decimal)
    numbers = values.dropna()
    if numbers.empty:
        return None
    distinct_numbers = numbers.nunique()
    if len(numbers) < len(present):
        junk = present[values.isna()]
        like_codes = junk.str.contains(r"\d", regex=True)
        words = junk[~like_codes]
        few_markers = words.nunique() <= MARKER_WORDS or len(words) <= UNPARSABLE_SHARE * len(
            present
        )
        if (
            distinct_numbers < MANY_NUMBERS
            or like_codes.sum() > CODE_LIKE_SHARE * len(present)
            or not few_markers
        ):
            return None
    # Numbers with a leading zero are codes: postal codes, articles, telephone numbers.
    if present.str.fullmatch(r"0\d+").any():
        return None
    entry: dict = {"kind": "integer" if (numbers == np.floor(numbers)).all() else "number"}
    if decimal != ".":
        entry["decimal"] = decimal
    sentinels = [
        value
        for value in SENTINELS
        if (numbers == value).sum() >= SENTINEL_ROWS and (numbers[numbers != value] >= 0).all()
    ]
    if sentinels and distinct_numbers >= MANY_NUMBERS:
        entry["missing_numbers"] = sentinels
    return entry


def _decimal(present: pd.Series) -> str:
    """Return the decimal sign of a column: a comma if its cells can only be read that way."""
    if not present.str.contains(",", regex=False).any():
        return "."
    fraction = present.str.contains(r"\d,(?:\d{1,2}|\d{4,})\D*$", regex=True)
    point_last = present.str.contains(r",\d{3}(?:\.\d*)?\D*$", regex=True) & ~fraction
    return "," if fraction.any() and fraction.sum() > point_last.sum() else "."


def _date_format(present: pd.Series) -> str | None:
    """Return the first of `cells.DATE_FORMATS` that reads nearly all cells, None if none does."""
    sample = present.drop_duplicates().head(500)
    if not sample.str.contains(r"\d", regex=True).mean() >= DATE_SHARE:
        return None
    # Most columns of text are no dates, and are told by a few cells.
    candidates = [
        date_format
        for date_format in cells.DATE_FORMATS
        if cells.parse_dates(sample, date_format).notna().mean() >= DATE_SHARE
    ]
    shares = {
        date_format: cells.parse_dates(present, date_format).notna().mean()
        for date_format in candidates
    }
    best = max(shares.values(), default=0.0)
    if best < DATE_SHARE:
        return None
    return next(date_format for date_format in candidates if shares[date_format] == best)


def _date_entries(name: str, present: pd.Series, date_format: str, role: str) -> list[dict]:
    times = cells.parse_dates(present, date_format)
    if times.isna().all() and len(present):
        raise InputError(
            f"`dates` gives the column '{name}' the format '{date_format}', which reads none of its "
            f"cells (found '{present.iloc[0]}')"
        )
    if role == "time":
        return [{"kind": "number", "date_format": date_format, "part": "days"}]
    has_hours = bool((times.dt.normalize() != times)[times.notna()].any())
    parts = DATE_PARTS if has_hours else DATE_PARTS[:-1]
    return [
        {"name": f"{name}_{part}", "kind": "integer", "date_format": date_format, "part": part}
        for part in parts
    ]


def _without_clashes(schema: dict) -> None:
    """Give the parts of a date other names where the table has a column of that name already."""
    names = [entry["name"] for entry in schema["columns"]]
    for entry in schema["columns"]:
        if "part" in entry:
            while names.count(entry["name"]) > 1:
                names[names.index(entry["name"])] = entry["name"] = f"{entry['name']}_part"
