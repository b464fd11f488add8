"""Predictions of new rows: cleaned by the run's schema, as the training rows were, and predicted.

`predict_rows` is the one way from raw rows to predictions: of files, which go it chunk by chunk
(`predict_file`), of requests to the server, and of the golden rows.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ml_baseline.data import cells
from ml_baseline.data.clean import clean_features
from ml_baseline.data.infer_numbers import unlike_signs
from ml_baseline.data.schema import (
    KEPT_ROLES,
    NUMERIC_KINDS,
    SHOWN_COLUMNS,
    Column,
    Schema,
    feature_columns,
    listed,
    names_of,
    quoted,
)
from ml_baseline.errors import InputError, similar
from ml_baseline.registry.runs import Run
from ml_baseline.text import shortened

if TYPE_CHECKING:  # importing it takes longer than all else here
    from sklearn.pipeline import Pipeline

Counting = Callable[[pd.DataFrame, dict[str, dict]], None]

# So many bad rows, and characters of a bad cell, are shown.
SHOWN_ROWS = 5
SHOWN_CHARACTERS = 40

NUMBER_LIKE = r" *[-+]?\d[\d.,]* ?%? *"
# Dates as typed cells give them.
ISO = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")
# What a cell that cannot be read was expected to be, by the kind of its column.
EXPECTED = {"number": "a number", "integer": "a number", "boolean": "yes or no"}


@dataclass(frozen=True)
class BadCells:
    """Cells of one raw column that do not keep to the schema, by the position of their row."""

    column: str
    expected: str
    found: pd.Series


def input_columns(schema: Schema) -> list[str]:
    """Return the raw columns that the model needs, in the order of the training table."""
    features = (entry["source"] for entry in schema["columns"] if entry["role"] == "feature")
    return list(dict.fromkeys(features))


def comma_columns(schema: Schema) -> set[str]:
    """Return the raw columns in which a comma is the decimal sign of numbers written as text."""
    return {entry["source"] for entry in schema["columns"] if entry.get("decimal") == ","}


def id_columns(run: Run) -> list[str]:
    """Return the raw columns that name a row; one that was declared may be the group too."""
    declared = names_of(run.meta["config"].get("id"))
    return [
        entry["source"]
        for entry in run.schema["columns"]
        if entry["role"] == "id" or (entry["role"] == "group" and entry["source"] in declared)
    ]


def target_entry(schema: Schema) -> Column:
    """Return the schema's entry of the target."""
    return next(entry for entry in schema["columns"] if entry["role"] == "target")


def clean_rows(
    raw: pd.DataFrame, schema: Schema, count_repairs: Counting | None = None
) -> tuple[pd.DataFrame, list[BadCells]]:
    """Return the cleaned features of raw rows and the cells that do not keep to the schema.

    A cell that is missing or of a category never seen is fine; text where the training table had
    numbers, dates or booleans is not, nor is a number whose signs leave open what it means
    (`infer_numbers.unlike_signs`), nor a label in the target, if there is one, that is none of the
    training table's.

    Every cell of `raw` is text, null for missing. `count_repairs` is given the cleaned features and
    their repairs, to count what is unlike training (`batch_check`). In the table a bad cell is missing.
    """
    features = [_with_iso(entry) for entry in schema["columns"] if entry["role"] == "feature"]
    table, repairs = clean_features(raw, schema | {"columns": features})
    problems = []
    firsts = {entry["source"]: entry for entry in reversed(features)}  # of the parts of a date
    for entry in reversed(firsts.values()):
        count = repairs[entry["source"]]
        rows = count.get("unparsable_rows", ())
        texts = raw[entry["source"]].reset_index(drop=True)
        # Of a column with codes, what has none is a category never seen.
        if len(rows) and entry["kind"] != "code":
            bad = texts[rows]
            is_number = bad.dropna().str.fullmatch(NUMBER_LIKE).any()
            written = _how_written(entry) if is_number else ""
            problems.append(BadCells(entry["source"], expected(entry) + written, bad))
        if count.get("numbers_from_text"):
            for expectation, is_unlike in unlike_signs(texts, entry):
                if not is_unlike.any():
                    continue
                found = texts[is_unlike & table[entry["name"]].notna()]
                if len(found):
                    problems.append(BadCells(entry["source"], expectation, found))
                    table[entry["name"]] = table[entry["name"]].mask(table.index.isin(found.index))
                    count["unparsable"] += len(found)
                    count["unparsable_examples"] += found.iloc[:SHOWN_ROWS].tolist()
    if count_repairs is not None:
        count_repairs(table, repairs)
    problems += _unknown_labels(raw, schema)
    return table[feature_columns(schema)], problems


def _with_iso(entry: Column) -> Column:
    """Return the entry of a column whose dates may be ISO ones too, which mean one thing only."""
    formats = entry.get("date_formats", [])
    if not any("%d" in text and "%m" in text for text in formats) or formats[0].startswith("%Y"):
        return entry
    return {**entry, "date_formats": [*formats, *(text for text in ISO if text not in formats)]}


def _how_written(entry: Column) -> str:
    """Return how numbers of a column are written, for those that are written in another way."""
    if "part" in entry or entry["kind"] not in NUMERIC_KINDS:
        return ""
    sign = "comma" if entry.get("decimal") == "," else "point"
    return f" with a decimal {sign}" + " and %" * (entry.get("percent") is not None)


def expected(entry: Column) -> str:
    """Return what the cells of a feature are to be, in words."""
    if "part" in entry:
        iso, forms = (cells.ISO8601, *ISO), entry["date_formats"]
        names = ["a date such as 2024-01-31" if f in iso else f"a date written {f}" for f in forms]
        return " or ".join(dict.fromkeys(names))
    unit = f" (in {entry['unit']})" if entry.get("unit") else ""
    return EXPECTED.get(entry["kind"], "text") + unit


def predict_rows(
    model: "Pipeline",
    schema: Schema,
    raw: pd.DataFrame,
    threshold: float = 0.5,
    count_repairs: Counting | None = None,
) -> tuple[np.ndarray, np.ndarray, list[BadCells]]:
    """Return the predictions of raw rows (as for `clean_rows`), and their bad cells.

    The probability of a 1, and the prediction (1 from `threshold` on), each of shape (rows,). Where a
    row has bad cells neither should be used.
    """
    table, problems = clean_rows(raw, schema, count_repairs)
    probability = predict_clean(model, table)
    return probability, (probability >= threshold).astype("int64"), problems


def predict_clean(model: "Pipeline", table: pd.DataFrame) -> np.ndarray:
    """Return the probability of a 1 for each row of cleaned features, shape (rows,)."""
    if not len(table):
        return np.empty(0)
    with warnings.catch_warnings():
        # Categories never seen are no news here.
        warnings.filterwarnings("ignore", message="Found unknown categories")
        probability = model.predict_proba(table)
    return probability[:, list(model.classes_).index(1)]


def no_probabilities(probability: np.ndarray) -> list[BadCells]:
    """Return the rows to which a model gave something else than a number from 0 to 1."""
    wrong = np.flatnonzero(~((probability >= 0) & (probability <= 1)))
    found = pd.Series(probability[wrong], index=wrong)
    return [BadCells("probability", "a number from 0 to 1", found)] if len(wrong) else []


def check_columns(names: Sequence[str], schema: Schema, name: str) -> list[str]:
    """Return which columns of a table are of no use; InputError if one that is needed is missing."""
    missing = [column for column in input_columns(schema) if column not in names]
    if missing:
        hints = [
            f"rename '{near}' to '{column}'"
            for column in missing
            for near in similar(column, names, n=1, cutoff=0.8)
        ]
        hint = f" Perhaps {listed(hints)}." if hints else ""
        raise InputError(
            f"{name} lacks the column{'s' * (len(missing) > 1)} {quoted(missing, SHOWN_COLUMNS)}, which the "
            f"model needs. Its columns are {listed(names)}.{hint}"
        )
    known = {entry["source"] for entry in schema["columns"] if entry["role"] in KEPT_ROLES}
    return [column for column in names if column not in known]


def reasons_of(problems: list[BadCells], rows: int) -> list[str | None] | None:
    """Return for each row why it cannot be predicted, None where it can; None if all can."""
    if not problems:
        return None
    reasons: list[str | None] = [None] * rows
    for problem in problems:
        for row, found in problem.found.items():
            reason = f"{problem.column}: {shown(found)} is not {problem.expected}"
            reasons[row] = f"{reasons[row]}; {reason}" if reasons[row] else reason
    return reasons


def in_words(problem: BadCells, before: int) -> str:
    """Return what is wrong with the cells of a chunk that begins after `before` rows."""
    rows = [f"row_id {before + row} has {shown(cell)}" for row, cell in problem.found.items()]
    what = f"Column '{problem.column}', expected {problem.expected}"
    return f"{what}: {listed(rows, SHOWN_ROWS)}."


def shown(cell: object) -> str:
    """Return a cell as a message shows it."""
    return repr(shortened(str(cell), SHOWN_CHARACTERS))


def _unknown_labels(raw: pd.DataFrame, schema: Schema) -> list[BadCells]:
    """Return what stands in the target, if it is there, and is no label and not missing."""
    entry = target_entry(schema)
    if entry["source"] not in raw.columns:
        return []
    labels = [*schema["positive"], *schema["negative"]]
    if raw[entry["source"]].isin(labels).all():  # the usual case, and a fast check
        return []
    texts = cells.strip(raw[entry["source"]].reset_index(drop=True).astype("str"))
    known = cells.encode(texts, dict.fromkeys(labels, 0)).notna()
    tokens = cells.MISSING_TOKENS | frozenset(schema.get("missing_values", ()))
    unknown = texts[~(known | cells.is_missing(texts, tokens))]
    if unknown.empty:
        return []
    return [BadCells(entry["source"], f"one of {quoted(labels)}", unknown)]
