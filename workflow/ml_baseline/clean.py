"""Row-wise repairs of a raw table: nothing here is learned from other rows."""

import numpy as np
import pandas as pd

from ml_baseline import cells
from ml_baseline.errors import InputError
from ml_baseline.schema import KEPT_ROLES, renamed

EXAMPLES = 5
SECONDS_A_DAY = 86_400


def clean(raw: pd.DataFrame, schema: dict) -> tuple[pd.DataFrame, dict]:
    """Return the cleaned table of a raw one and the count of every repair.

    Args:
        raw: shape (rows, columns), every cell text.
        schema: how each column is read, from `schema.infer_schema`.

    Returns:
        The table: `row_id` (the 0-based position of the row in `raw`), the id, group and time
        columns, the features, the target as 0 and 1; rows without a target are left out.
        And the repairs: `rows_read`, `rows_without_target`, `rows_kept`, `duplicate_rows` (kept,
        but counted: rows whose features and target another row has too) and, by column,
        `columns`.

    Raises:
        InputError: the raw table lacks a column of the schema, or a class has no row left.
    """
    renamed_columns = [name for name in raw.columns if name in ("row_id", "copy")]
    raw = renamed(raw)
    extra_tokens = frozenset(schema["missing_values"])
    repairs: dict[str, dict] = {}
    columns: dict[str, pd.Series] = {}
    source = stripped = None
    for entry in schema["columns"]:
        if entry["role"] not in KEPT_ROLES:
            continue
        if entry["source"] not in raw.columns:
            raise InputError(f"the table lacks the column '{entry['source']}'")
        if entry["source"] != source:  # the parts of a date share their source
            source = entry["source"]
            count = repairs[source] = {}
            stripped = cells.strip(raw[source])
            count["stripped"] = int((stripped != raw[source])[raw[source].notna()].sum())
            if entry["role"] == "target":
                columns[entry["name"]] = _target(stripped, schema, count)
                continue
            missing = cells.is_missing(stripped, extra_tokens)
            count["missing"] = _counts(stripped[missing].fillna(""))
            stripped = stripped.where(~missing)
            count_parse = count
        else:
            count_parse = {}  # counted with the first part
        columns[entry["name"]] = _values(stripped, entry, count_parse)
    order = [
        entry["name"] for role in KEPT_ROLES for entry in schema["columns"] if entry["role"] == role
    ]
    table = pd.DataFrame({name: columns[name] for name in order})
    table.insert(0, "row_id", np.arange(len(raw)))
    target = schema["target"]
    table = table[table[target].notna()].reset_index(drop=True)
    table[target] = table[target].astype("int64")
    if table[target].nunique() < 2:
        raise InputError(f"the target '{target}' has rows of one class only")
    report = {
        "rows_read": len(raw),
        "rows_without_target": len(raw) - len(table),
        "rows_kept": len(table),
        "duplicate_rows": int(table.drop(columns=["row_id", *_ids(schema)]).duplicated().sum()),
        "renamed_columns": {name: f"{name}_raw" for name in renamed_columns},
        "columns": {
            name: {what: number for what, number in count.items() if number}
            for name, count in repairs.items()
        },
    }
    return table, report


def _ids(schema: dict) -> list[str]:
    return [entry["name"] for entry in schema["columns"] if entry["role"] == "id"]


def _counts(texts: pd.Series) -> dict[str, int]:
    """Return how often each text occurs, the most frequent first."""
    counts = texts.value_counts()
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {str(text): int(number) for text, number in ordered}


def _target(stripped: pd.Series, schema: dict, count: dict) -> pd.Series:
    meaning = dict.fromkeys(schema["negative"], 0.0) | dict.fromkeys(schema["positive"], 1.0)
    target = stripped.map(meaning).astype("float64")
    count["missing"] = _counts(stripped[target.isna()].fillna(""))
    count["labels_mapped"] = int(
        (stripped[target.notna()] != target.map({0.0: "0", 1.0: "1"})).sum()
    )
    return target


def _values(texts: pd.Series, entry: dict, count: dict) -> pd.Series:
    """Return a column's values and count the repairs; `texts` are stripped, null where missing."""
    if entry["kind"] == "category":
        return texts.astype("str")
    if "encode" in entry:
        values = _encoded(texts, entry["encode"])
        count["encoded"] = int(values.notna().sum())
    elif "date_format" in entry:
        times = cells.parse_dates(texts, entry["date_format"])
        count["dates_from_text"] = int(times.notna().sum())
        values = _date_part(times, entry["part"])
    elif entry["kind"] == "boolean":
        values = cells.parse_booleans(texts)
        count["booleans_from_text"] = int((values.notna() & ~texts.isin(["0", "1"])).sum())
    else:
        values, count["numbers_from_text"] = cells.parse_numbers(texts, entry.get("decimal", "."))
    lost = texts[texts.notna() & values.isna()]
    count["unparsable"] = len(lost)
    count["unparsable_examples"] = sorted(lost.unique().tolist())[:EXAMPLES]
    if "missing_numbers" in entry:
        sentinels = values.isin(entry["missing_numbers"])
        count["missing_numbers"] = int(sentinels.sum())
        values = values.mask(sentinels)
    # A whole number stays one; only a column with gaps has to be held as floats.
    whole = entry["kind"] != "number" and values.notna().all() and (values % 1 == 0).all()
    return values.astype("int64") if whole else values


def _encoded(texts: pd.Series, encode: dict[str, int]) -> pd.Series:
    """Return the codes of labels; a label in another case counts as the same if none is exact."""
    folded = {label.lower(): code for label, code in encode.items()}
    codes, distinct = pd.factorize(texts)
    values = [encode.get(text, folded.get(text.lower(), np.nan)) for text in distinct]
    return pd.Series(np.array([*values, np.nan], dtype="float64")[codes], texts.index)


def _date_part(times: pd.Series, part: str) -> pd.Series:
    if part == "days":
        return (times - pd.Timestamp(0)).dt.total_seconds() / SECONDS_A_DAY
    return getattr(times.dt, part).astype("float64")
