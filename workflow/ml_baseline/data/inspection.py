"""What a table holds and how it would be read, before anything is learned from it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ml_baseline.data import cells
from ml_baseline.data.clean import clean
from ml_baseline.data.doubts import doubts
from ml_baseline.data.infer_schema import describe_columns, infer_schema
from ml_baseline.data.infer_target import target_classes
from ml_baseline.data.raw_table import RawTable
from ml_baseline.data.schema import NUMERIC_KINDS, SHOWN_LABELS, Column, Doubt, by_source
from ml_baseline.data.tables import all_rows, open_rows, read_raw_table
from ml_baseline.errors import InputError
from ml_baseline.text import plural

EXAMPLES = 3
# Among so many cells examples are looked for.
LOOKED_AT = 200
# What has no day, by the part that is read of it.
CLOCK_KINDS = {"duration": "duration", "hours": "time of day"}


@dataclass
class ColumnView:
    """How a column of the raw table is read."""

    name: str
    role: str
    kind: str  # "date" too
    how: str = ""  # what else there is to say of it: the format of dates, a unit
    before: list[str] = field(default_factory=list)  # a few cells as they stand in the file
    after: list[str] = field(default_factory=list)  # and as they were read, as in the file if plain
    values: str = ""  # the range of the numbers, the number of categories
    missing: int = 0  # cells
    markers: dict[str, int] = field(default_factory=dict)  # what they hold, and how often


@dataclass
class Inspection:
    """A table, looked at."""

    table: str
    rows: int
    reading: dict[str, Any]  # of the file, as `tables.read_raw_table` gives it
    columns: list[ColumnView]
    doubts: list[Doubt]
    target: str | None
    classes: dict[str, int]  # rows of the target's positive and of its negative labels, by these
    candidates: dict[str, list[str]]  # without a target: columns with two labels, and these


def inspect_table(path: str, settings: Mapping[str, Any]) -> Inspection:
    """Return how a table is read with the settings of its entry in the config, `target` if known.

    Raises:
        InputError: the file cannot be read, has no such column or target, or one that is no yes/no.
    """
    target = settings.get("target")
    raw, reading = read_raw_table(path, settings, [] if target is None else [str(target)])
    used, candidates = dict(settings), {}
    if target is None:  # all else is read alike whatever the target is
        candidates = _candidates(raw)
        used["target"] = "target"
        while used["target"] in raw.columns:
            used["target"] += "_"
        raw[used["target"]] = [str(i % 2) for i in range(len(raw))]
    try:
        schema = infer_schema(raw, used, reading=reading)
        table, repairs = clean(raw, schema)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    schema = describe_columns(schema, table)
    found = doubts(table, schema, reading | repairs, used)
    columns = [
        _view(raw[source], table, entry, repairs["columns"])
        for source, entry in by_source(schema["columns"]).items()
    ]
    classes = {}
    if target is None:
        columns = [column for column in columns if column.role != "target"]
    else:
        counts = table[schema["target"]].value_counts()
        both = (schema["positive"], counts[1]), (schema["negative"], counts[0])
        classes = {", ".join(labels): int(number) for labels, number in both}
    return Inspection(path, len(raw), reading, columns, found, target, classes, candidates)


def require_target(path: str, settings: Mapping[str, Any]) -> None:
    """Raise InputError if a table has not the target, or not as a yes/no column; reads that alone."""
    target = str(settings["target"])
    rows = open_rows(path, settings, [target])
    if target not in rows.names:
        # `infer_schema` says so, with the names that are near.
        infer_schema(pd.DataFrame(columns=rows.names, dtype="str"), dict(settings))
    target_classes(all_rows(rows, [target])[target], dict(settings), frozenset())


def _candidates(raw: RawTable) -> dict[str, list[str]]:
    """Return the columns that could be a target, with their two labels; it is often the last one."""
    found = {}
    for name in reversed(raw.columns):
        if raw[name].iloc[:LOOKED_AT].nunique() > SHOWN_LABELS:
            continue
        labels = cells.strip(pd.Series(raw[name].unique(), dtype="str"))
        labels = labels[~cells.is_missing(labels)].drop_duplicates()
        if len({cells.canonical(label) for label in labels}) == 2:
            found[str(name)] = sorted(labels.tolist())
    return found


def _view(texts: pd.Series, table: pd.DataFrame, entry: Column, repairs: dict) -> ColumnView:
    source, role = entry["source"], entry["role"]
    count = repairs.get(source, {})
    view = ColumnView(source, role, entry["kind"], missing=entry.get("missing", 0))
    view.markers = dict(count.get("missing", {}))
    if "missing_numbers" in count:
        numbers = ", ".join(f"{number:g}" for number in entry["missing_numbers"])
        view.markers[numbers] = count["missing_numbers"]
    if "part" in entry:
        view.kind, view.how = "date", " or ".join(entry["date_formats"])
        if entry["part"] in CLOCK_KINDS:
            view.kind, view.how = CLOCK_KINDS[entry["part"]], "in hours"
    elif entry["kind"] in NUMERIC_KINDS:
        said = {  # of how the numbers are written, where that is not plain
            "decimal comma": entry.get("decimal") == ",",
            f"in {entry.get('unit')}": entry.get("unit"),
            "with k, M": "scales" in entry,
            "percent": entry.get("percent"),
        }
        view.how = ", ".join(words for words, is_so in said.items() if is_so)
        if role == "feature" and "minimum" not in entry:
            view.kind = "empty"
        if "minimum" in entry:
            least, most = (f"{entry[key]:.7g}" for key in ("minimum", "maximum"))
            view.values = f"{least} to {most}" if least != most else f"always {least}"
    elif role == "feature" and "categories" in entry:
        number = len(entry["categories"])
        view.values = f"{number:,} categories" if number > 1 else "always the same"
    # What reading has changed comes first.
    examples = sorted(_examples(texts, table, entry), key=lambda cell: _is_plain(*cell))
    view.before = [before for before, _ in examples[:EXAMPLES]]
    view.after = [b if _is_plain(b, after) else after for b, after in examples[:EXAMPLES]]
    return view


def _examples(texts: pd.Series, table: pd.DataFrame, entry: Column) -> list[tuple[str, str]]:
    """Return different cells of a column as they stand in the file, and as they were read."""
    read = table[entry["name"]].dropna() if entry["name"] in table else None
    if read is not None:  # not of the first rows only: a file may be sorted by the column
        read = read.iloc[:: -(-len(read) // LOOKED_AT) or 1]
    rows = table["row_id"] if read is None else table["row_id"].loc[read.index]
    before = texts.iloc[rows.iloc[:LOOKED_AT]].reset_index(drop=True)
    after = before if read is None else read.reset_index(drop=True)
    if "part" in entry and entry["part"] not in CLOCK_KINDS:
        latest = entry.get("latest_year")
        after = cells.parse_dates(cells.strip(before), entry["date_formats"], latest)
    seen = pd.DataFrame({"before": before, "after": after}).dropna().drop_duplicates("before")
    shown = "{:.4g} h".format if entry.get("part") in CLOCK_KINDS else _text
    return [
        (text, text if _is_plain(text, value) else shown(value))  # with all of its digits
        for text, value in seen.itertuples(index=False)
    ]


def _is_plain(before: str, after: Any) -> bool:
    """Return whether a cell was read as what it looks like."""
    try:
        return float(before) == float(after)
    except (ValueError, TypeError):
        return before.strip() == after


def _text(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    return f"{value:.10g}" if isinstance(value, float | int) else str(value)


def in_short(inspection: Inspection) -> str:
    """Return what a table holds in a line."""
    kinds = Counter(column.kind for column in inspection.columns if column.role == "feature")
    features = ", ".join(f"{number:,} {kind}" for kind, number in kinds.most_common())
    aside = [c.name for c in inspection.columns if c.role not in ("feature", "target")]
    number = plural(sum(kinds.values()), "column")
    text = f"{plural(inspection.rows, 'row')}; {number} to learn from ({features})"
    return text + (f"; not learned from: {', '.join(aside[:3])}" if aside else "")
