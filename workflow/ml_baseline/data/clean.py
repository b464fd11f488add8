"""Row-wise repairs of a raw table: nothing here is learned from other rows."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import pandas as pd

from ml_baseline.data import cells
from ml_baseline.data.infer_dates import exchanged
from ml_baseline.data.infer_numbers import BOUND, PADDED
from ml_baseline.data.raw_table import PackedTable, RawTable
from ml_baseline.data.schema import KEPT_ROLES, LABEL_KINDS, NUMERIC_KINDS, Column, Schema, listed
from ml_baseline.data.twins import rows_with_twins
from ml_baseline.errors import InputError

# So many different cells that could not be read are named in the repairs.
EXAMPLES = 5
# From so many on, looking up the categories takes longer than cleaning does.
MANY_CATEGORIES = 1000
# What is counted for predicting alone.
INTERNAL = ("unparsable_rows", "unseen", "unseen_examples")
# Whole numbers up to this are exact in four bytes.
EXACT_FLOAT32 = 2**24
# Where one of these says how, a plain number may mean another.
READINGS = {"part", "decimal", "unit", "scales", "percent", "bare", "open"}
# What the parts of a date are; days are counted from 1970.
PARTS = {
    "year": lambda times: times.dt.year,
    "month": lambda times: times.dt.month,
    "day": lambda times: times.dt.day,
    "weekday": lambda times: times.dt.day_of_week,
    "hour": lambda times: times.dt.hour,
    "hours": lambda times: (times - times.dt.normalize()) / pd.Timedelta(hours=1),
    "duration": lambda times: (times - pd.Timestamp(0)) / pd.Timedelta(hours=1),
    "days": lambda times: (times - pd.Timestamp(0)) / pd.Timedelta(days=1),
}


def clean(raw: RawTable, schema: Schema) -> tuple[pd.DataFrame, dict]:
    """Return the cleaned table of a raw one and the count of every repair.

    Args:
        raw: shape (rows, columns), every cell text, as `tables.read_raw_table` gives it.
        schema: how each column is read, from `schema.infer_schema`.

    Returns:
        The table: `row_id` (the 0-based position of the row in `raw`), the id, group and time
        columns, the features, the target as 0 and 1; rows without a target are left out.
        And the repairs: counts of rows (duplicates are kept, but counted), `renamed_columns`, and in
        `columns` what `clean_features` counted, in all rows read.

    Raises InputError if the raw table lacks a column of the schema, or a class has no row.
    """
    target = schema["target"]
    entry = next(entry for entry in schema["columns"] if entry["role"] == "target")
    table, columns = clean_features(raw, schema)
    count: dict = {}
    columns[entry["source"]] = count
    values = _target(_source(raw, entry), schema, count).rename(target)
    table = pd.concat([table, values], axis=1)  # pandas warns of columns that join many one by one
    columns = {name: columns[name] for name in raw.columns if name in columns}
    if table[target].isna().any():
        table = table[table[target].notna()].reset_index(drop=True)
    table[target] = table[target].astype("int64")
    for label in (0, 1):
        if not (table[target] == label).any():
            names = ", ".join(f"'{name}'" for name in schema[("negative", "positive")[label]])
            raise InputError(
                f"the target '{entry['source']}' has no row with {names}, which means {label}; "
                "expected rows of both classes"
            )
    ids = [entry["name"] for entry in schema["columns"] if entry["role"] == "id"]
    compared = table.columns.difference(["row_id", *ids], sort=False)
    _, twins = rows_with_twins((table[name] for name in compared), len(table))
    kept = [e for e in schema["columns"] if e["role"] in KEPT_ROLES and "part" not in e]
    return table, {
        "rows_read": len(raw),
        "rows_without_target": len(raw) - len(table),
        "rows_kept": len(table),
        "duplicate_rows": len(twins) - len(np.unique(twins)),
        "renamed_columns": {e["source"]: e["name"] for e in kept if e["name"] != e["source"]},
        "columns": {
            name: {what: found for what, found in count.items() if what not in INTERNAL and found}
            for name, count in columns.items()
        },
    }


def clean_features(raw: RawTable, schema: Schema) -> tuple[pd.DataFrame, dict[str, dict]]:
    """Return all rows of a raw table, cleaned, without the target, which `raw` need not have.

    The arguments are those of `clean`.

    Returns:
        The table: `row_id`, the id, group and time columns, the features. And the repairs of each
        raw column, in cells: `stripped`, `missing` (by token), `numbers_from_text`,
        `booleans_from_text`, `dates_from_text`, `encoded`, `respelled`, `missing_numbers` (sentinels),
        `unseen` (of a category that the training table, if the schema knows it, did not have),
        `readings` (that of the column and the runner-up, if that gives cells other values),
        `mixed` (numbers without the unit of the others), `ambiguous` (read so, but the other order of
        day and month, or the other decimal sign, fits all cells too), or `unparsable` and so missing.
        The last four have a few examples; the positions of the unparsable rows stand in
        `unparsable_rows`, an array.

    Raises InputError if the raw table lacks a column of the schema.
    """
    columns: dict[str, pd.Series] = {}
    repairs: dict[str, dict] = {}
    read = [e for e in schema["columns"] if e["role"] in KEPT_ROLES and e["role"] != "target"]
    for source, group in itertools.groupby(read, key=lambda entry: entry["source"]):
        first, *others = group  # one, or the parts of a date
        count = repairs[source] = {}
        texts = _source(raw, first)
        plain = _plain_values(texts, schema, first)
        if plain is not None:
            found: Iterable[pd.Series] = [_finished(plain, first, count)]
        else:
            texts = _present(texts, schema, first, count)
            parts = _date_parts(texts, [first, *others], count)  # worked out one by one
            found = parts if "part" in first else [_values(texts, first, count)]
        for entry, values in zip([first, *others], found, strict=True):
            shrinks = isinstance(raw, PackedTable) and entry["kind"] != "number"
            columns[entry["name"]] = _smallest(values) if shrinks else values
    read.sort(key=lambda entry: KEPT_ROLES.index(entry["role"]))
    in_order = {entry["name"]: columns[entry["name"]] for entry in read}
    # By default all of it is copied into blocks.
    return pd.DataFrame({"row_id": np.arange(len(raw)), **in_order}, copy=False), repairs


def _smallest(values: pd.Series) -> pd.Series:
    """Return whole numbers in the smallest data type that holds them."""
    if values.dtype == "int64":
        return pd.to_numeric(values, downcast="integer")
    is_exact = values.dtype == "float64" and values.abs().max() <= EXACT_FLOAT32
    return values.astype("float32") if is_exact else values


def _plain_values(texts: pd.Series, schema: Schema, entry: Column) -> pd.Series | None:
    """Return the values of a column in which every cell stands as if it were cleaned, or None.

    That is a number as computers write them, or a category that the schema knows: there is nothing
    to strip, no missing cell and nothing to repair then, and most columns of most tables are so.
    The way of all other cells gives the same values, five times slower.
    """
    if schema["missing_values"] or texts.empty:
        return None
    if entry["kind"] == "category":
        known = entry.get("categories", ())
        if len(known) > MANY_CATEGORIES or any(label.startswith(cells.QUOTES) for label in known):
            return None
        return texts.astype("str") if texts.isin(known).all() else None
    if entry["kind"] not in NUMERIC_KINDS or READINGS & entry.keys():
        return None
    values = cells.plain_numbers(texts)
    return values if values is not None and values.notna().all() else None


def _source(raw: RawTable, entry: Column) -> pd.Series:
    if entry["source"] not in raw.columns:
        raise InputError(
            f"the table lacks the column '{entry['source']}' ({entry['role']}), which the schema "
            f"has; its columns are {listed(raw.columns)}"
        )
    return raw[entry["source"]].reset_index(drop=True)


def _stripped(texts: pd.Series, count: dict) -> pd.Series:
    stripped = cells.strip(texts)
    if stripped is not texts:
        count["stripped"] = int((stripped != texts)[texts.notna()].sum())
    return stripped


def _present(texts: pd.Series, schema: Schema, entry: Column, count: dict) -> pd.Series:
    """Return a raw column's stripped cells, null where they stand for a missing value."""
    texts = _stripped(texts, count)
    tokens = cells.MISSING_TOKENS | frozenset(schema["missing_values"])
    if "missing_values" in entry:
        tokens = cells.markers(entry["missing_values"], entry["kind"] in LABEL_KINDS)
    if entry["kind"] in NUMERIC_KINDS and "part" not in entry:
        tokens |= cells.MISSING_WORDS
    missing = cells.is_missing(texts, tokens - set(entry.get("answers", ())))
    if "unread" in entry:
        missing |= texts.isin(entry["unread"])
    if "categories" in entry and missing.any():  # what an earlier version took for answers are some
        missing &= ~texts.isin(entry["categories"])
    count["missing"] = _frequencies(texts[missing])
    return texts.where(~missing) if missing.any() else texts


def _frequencies(texts: pd.Series, others: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return how often each text occurs, the most frequent first; null counts as an empty one.

    What occurs in `others` is added.
    """
    counts = Counter(texts.fillna("").value_counts().to_dict()) + Counter(others)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {str(text): int(number) for text, number in ordered}


def _target(texts: pd.Series, schema: Schema, count: dict) -> pd.Series:
    texts = _stripped(texts, count)
    codes = dict.fromkeys(schema["negative"], 0) | dict.fromkeys(schema["positive"], 1)
    target = cells.encode(texts, codes)
    count["missing"] = _frequencies(texts[target.isna()])
    count["labels_mapped"] = int((target.notna() & ~texts.isin(["0", "1"])).sum())
    return target


def _values(texts: pd.Series, entry: Column, count: dict) -> pd.Series:
    """Return a column's values and count the repairs; `texts` are stripped, null where missing."""
    if entry["kind"] == "category":
        return _categories(texts, entry, count)
    if "encode" in entry:
        values = cells.encode(texts, entry["encode"])
        count["encoded"] = int(values.notna().sum())
    elif entry["kind"] == "boolean":
        values = cells.parse_booleans(texts)
        if "maximum" in entry:  # where training had 0 and 1, a 2 is one that it never saw
            values = values.fillna(pd.to_numeric(texts, errors="coerce")).where(np.isfinite)
        count["booleans_from_text"] = int((values.notna() & ~texts.isin(["0", "1"])).sum())
    else:
        values, repaired = cells.read_numbers(texts, entry)
        count["numbers_from_text"] = repaired
        if repaired and "declared" not in entry:
            _count_mixed(texts, values, entry, count)
            bounds = texts[values.notna() & texts.str.contains(BOUND, na=False)]
            if len(bounds):
                count |= {"bounds": len(bounds)}
                count["bounds_examples"] = sorted(bounds.unique().tolist())[:EXAMPLES]
        decimal = entry.get("decimal", ".")
        if entry.get("open") or (repaired and "declared" not in entry):
            other = {**entry, "decimal": "," if decimal == "." else "."}
            names = (f"decimal {decimal}", f"decimal {other['decimal']}")
            _compare(texts, values, lambda t: cells.read_numbers(t, other)[0], names, count)
    _count_unparsable(texts, values, count)
    return _finished(values, entry, count)


def _finished(values: pd.Series, entry: Column, count: dict) -> pd.Series:
    """Return the values, missing where they are numbers that mean so, in the column's data type."""
    if entry["kind"] == "category":
        return values
    if "missing_numbers" in entry:
        sentinels = values.isin(entry["missing_numbers"])
        count["missing_numbers"] = int(sentinels.sum())
        values = values.mask(sentinels)
    return values if entry["kind"] == "number" else _whole(values)


def _count_unparsable(texts: pd.Series, values: pd.Series, count: dict) -> None:
    lost = texts[texts.notna() & values.isna()]
    count["unparsable"] = len(lost)
    count["unparsable_examples"] = sorted(lost.unique().tolist())[:EXAMPLES]
    count["unparsable_rows"] = lost.index.to_numpy()


def _whole(values: pd.Series) -> pd.Series:
    """Return whole numbers as integers; a column with gaps or fractions has to hold floats."""
    whole = values.notna().all() and (values == np.floor(values)).all()
    return values.astype("int64") if whole and values.abs().max() < 2**63 else values


def _categories(texts: pd.Series, entry: Column, count: dict) -> pd.Series:
    """Return the labels in the spelling of the schema; of one never seen, as it stands."""
    spellings, known = entry.get("spellings", {}), entry.get("categories", [])
    if not spellings and "categories" not in entry:
        return texts.astype("str")
    keeps_case = entry.get("keeps_case", False)
    if len(known) <= MANY_CATEGORIES:
        spellings = {cells.folded(label, keeps_case): label for label in known} | spellings
    codes, distinct = pd.factorize(texts)
    as_they_are = {*known, None}
    labels = [
        text
        if text in as_they_are or len(text) == 1
        else spellings.get(cells.folded(text, keeps_case), text)
        for text in distinct
    ]
    respelled = pd.Series(np.array([*labels, None], dtype=object)[codes], texts.index, dtype="str")
    count["respelled"] = int((respelled != texts)[texts.notna()].sum())
    if "categories" in entry and (new := [label for label in labels if label not in as_they_are]):
        count["unseen"] = int(respelled.isin(new).sum())
        count["unseen_examples"] = sorted(set(new))[:EXAMPLES]
    return respelled


def _count_mixed(texts: pd.Series, values: pd.Series, entry: Column, count: dict) -> None:
    """Count the numbers without the unit that others have."""
    if entry.get("bare") is False:
        return
    has_unit = texts.str.contains(entry.get("unit", "%"), regex=False, na=False)
    without = values.notna() & ~has_unit
    if not without.any() or not (values.notna() & has_unit).any():
        return
    # Shares beside 45% are fractions, but beside 0.61% nothing tells what 0.61 is.
    beside = (values[without].abs() > 1).any() or (values[has_unit].abs() < 0.01).any()
    if "unit" in entry or "percent" in entry or beside:
        count["mixed"] = int(without.sum())
        some = texts[without].drop_duplicates().sort_values().head(EXAMPLES)
        count["mixed_examples"] = [f"{t} (read as {values[row]:g})" for row, t in some.items()]


def _compare(
    texts: pd.Series, values: pd.Series, otherwise: Callable, names: tuple[str, str], count: dict
) -> None:
    """Count the cells that a column's reading and the runner-up read, if that reads any.

    Where both read all that is read here, those to which they give other values are ambiguous.
    """
    read = texts[values.notna()].drop_duplicates()
    few = otherwise(cells.sample(read, cells.FEW_CELLS)).dropna()
    if not (few != values[few.index]).any():  # most columns tell at a glance
        return
    instead = otherwise(read)
    is_read = instead.notna()
    runner_up = int(texts.isin(read[is_read]).sum())
    differ = read[is_read & (instead != values[read.index])]
    count["readings"] = {names[0]: int(values.notna().sum()), names[1]: runner_up}
    if is_read.all() and not _size_tells(read, values[read.index], instead):
        count["ambiguous"] = int(texts.isin(differ).sum())
        count["ambiguous_examples"] = [
            f"{text} (read as {values[row]}, could be {instead[row]})".replace(" 00:00:00", "")
            for row, text in differ.sort_values().head(EXAMPLES).items()
        ]


def _size_tells(texts: pd.Series, values: pd.Series, instead: pd.Series) -> bool:
    """Return whether numbers that both readings have alike are of the size of the one reading only."""
    if not pd.api.types.is_numeric_dtype(values):
        return False
    values, instead = values.abs(), instead.abs()
    differ = values != instead
    if texts[values < instead].str.contains(PADDED).any():
        return False
    alike = values[~differ]
    fits, would_fit = (
        alike.min() <= numbers[differ].median() <= alike.max() for numbers in (values, instead)
    )
    return bool(fits and not would_fit)


def _date_parts(texts: pd.Series, entries: list[Column], count: dict) -> Iterator[pd.Series]:
    """Yield the values of each entry, a part of the dates."""
    first = entries[0]
    utc = first["role"] == "time"
    latest = first.get("latest_year")
    times = cells.parse_dates(texts, first["date_formats"], latest, utc)
    never = texts.str.match(cells.NO_DATES, na=False) & times.isna()
    if never.any():
        count["missing"] = _frequencies(texts[never], count["missing"])
        texts = texts.mask(never)
    count["dates_from_text"] = int(times.notna().sum())
    _count_unparsable(texts, times, count)
    swapped = exchanged(first["date_formats"])
    if swapped != first["date_formats"] and not first.get("declared"):
        names = (" or ".join(first["date_formats"]), " or ".join(swapped))
        _compare(texts, times, lambda t: cells.parse_dates(t, swapped, latest, utc), names, count)
    for entry in entries:
        values = PARTS[entry["part"]](times).astype("float64")
        yield values if entry["kind"] == "number" else _whole(values)
