"""The rows of a request: what a run's schema lets them hold, and the raw table they are."""

import datetime
import json
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import pandas as pd
import pyarrow as pa
from pydantic_core import from_json

from ml_baseline.data import cells
from ml_baseline.data.schema import NUMERIC_KINDS, Column, Schema
from ml_baseline.registry import Run, predict
from ml_baseline.registry.markdown import code
from ml_baseline.text import plural

# What a cell may be in JSON: as in a file, numbers may be written as text.
CELL = {"type": ["string", "number", "boolean", "null"]}
CELL_TYPES = frozenset([str, int, float, bool, type(None)])
KINDS = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}
SHOWN_CATEGORIES = 10
COUNTED_PROBLEMS = 1000  # small rows may lack millions of fields
EXAMPLE_DATE = datetime.datetime(2024, 1, 31, 12, 30)

# The cells of a request: a list for each column.
Cells = list[list[Any]]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a request; `row` is the place in its list, from 0."""

    row: int | None
    field: str | None
    message: str


class RequestError(Exception):
    """A request that cannot be answered: the HTTP status, and what is wrong in it or as a whole."""

    def __init__(self, status: int, problems: list[Problem] | str):
        self.status = status
        self.problems = [Problem(None, None, problems)] if isinstance(problems, str) else problems
        super().__init__(self.problems[0].message)


class RowReader:
    """Reads the rows of requests by a run's schema.

    Attributes:
        max_rows: rows of a request at most.
        columns: the raw columns, in the order in which `read` gives them.
        ids: those of them that name a row.
        example: a row such as the training table had.
        row_schema: the JSON schema of a row.
    """

    def __init__(self, run: Run, max_rows: int):
        schema, self.max_rows, self.ids = run.schema, max_rows, predict.id_columns(run)
        self._needed = predict.input_columns(schema)
        self._target = predict.target_entry(schema)["source"]
        self._commas = predict.comma_columns(schema)
        self._optional = [self._target, *self.ids]
        self.columns = [*self._needed, *self._optional]
        entries = {entry["source"]: entry for entry in reversed(schema["columns"])}
        self.example = {column: example_of(entries[column]) for column in self._needed}
        self.row_schema = {
            "type": "object",
            "title": "Row",
            "description": "One row, as in the raw table. Other fields are ignored.",
            "properties": {
                column: CELL | {"description": described(entries[column], schema)}
                for column in self.columns
            },
            "required": self._needed,
            "examples": [self.example],
        }

    def read(self, body: bytes) -> Cells:
        """Return the cells of a request's rows, a list for each of `columns`.

        NaN, which Python and pandas write for a missing value, is taken out of the ids.
        """
        try:
            content = from_json(body)
        except ValueError as error:
            raise RequestError(422, f"the body is not valid JSON: {error}") from error
        rows = content if isinstance(content, list) else [content]
        if len(rows) > self.max_rows:
            raise RequestError(
                413,
                f"found {plural(len(rows), 'row')}; a request may have at most {self.max_rows:,}",
            )
        # As if all were well, which is fast; only if it is not, what is wrong is looked for.
        try:
            found = [[row[column] for row in rows] for column in self._needed]
            found += [[row.get(column) for row in rows] for column in self._optional]
            problems = not all(CELL_TYPES.issuperset(map(type, column)) for column in found)
        except (KeyError, TypeError, AttributeError):
            problems = True
        if problems:
            wrong = self._problems(rows, isinstance(content, list))
            raise RequestError(422, list(islice(wrong, COUNTED_PROBLEMS)))
        infinite = []
        for column, values in zip(self.columns, found, strict=True):
            for row, value in enumerate(values if column in self.ids else ()):
                if type(value) is float and not math.isfinite(value):
                    values[row] = None
                    if math.isinf(value):
                        message = "found a number that is infinite or too large; send it as text"
                        infinite.append(Problem(row, column, message))
        if infinite:
            raise RequestError(422, infinite)
        return found

    def _problems(self, rows: list[Any], is_list: bool) -> Iterator[Problem]:
        for place, row in enumerate(rows):
            if type(row) is not dict:
                message = f"found {KINDS.get(type(row), 'a number')}, expected an object of fields"
                yield Problem(place if is_list else None, None, message)
                continue
            for column in self.columns:
                kind = type(row.get(column))
                if column not in row and column not in self._optional:
                    message = "this field is missing; send null for a missing value"
                    yield Problem(place, column, message)
                elif kind not in CELL_TYPES:
                    message = f"found {KINDS[kind]}, expected text, a number, true, false or null"
                    yield Problem(place, column, message)

    def raw_table(self, requests: Sequence[Cells]) -> pd.DataFrame:
        """Return the rows of several requests as one raw table, every cell text.

        There are no ids in it, and the target only if a row has it.
        """
        table = {}
        for column, *parts in zip(self.columns, *requests, strict=True):
            decimal = "," if column in self._commas else "."
            values = [_text(value, decimal) for value in chain.from_iterable(parts)]
            unknown = column == self._target and not any(value is not None for value in values)
            if column not in self.ids and not unknown:
                table[column] = pa.array(values, pa.large_string())
        return pa.table(table).to_pandas()


def decoded(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """Return a request's body without its content encoding.

    Raises RequestError if that is neither gzip nor none, the body is not complete gzip, or it is larger
    than `max_bytes` when unpacked; no more than that is unpacked.
    """
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise RequestError(415, f"found the content encoding {encoding!r}, expected gzip or none")
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = unpacking.decompress(body, max_bytes + 1)
    except zlib.error:
        content = b""
    if len(content) > max_bytes:
        raise RequestError(
            413, f"the body is too large; unpacked, it may have at most {max_bytes:,} bytes"
        )
    if not unpacking.eof or unpacking.unused_data:
        raise RequestError(422, "the body is not one complete gzip file")
    return content


def described(entry: Column, schema: Schema) -> str:
    """Return in words what a column may hold."""
    if entry["role"] == "target":
        labels = ", ".join(map(code, [*schema["positive"], *schema["negative"]]))
        return f"The target, if it is known; not used for the prediction. One of {labels}."
    if entry["role"] != "feature":
        return "Identifies the row; returned with its prediction."
    unit = entry.get("unit")
    text = predict.expected(entry | {"unit": ""})
    text = f"{text[0].upper()}{text[1:]}" + (f" in {code(unit)}" if unit else "")
    if "part" not in entry and entry["kind"] in NUMERIC_KINDS and "minimum" in entry:
        return f"{text}; {entry['minimum']} to {entry['maximum']} in training"
    known = [code(label) for label in entry.get("categories") or entry.get("encode") or ()]
    if len(known) > SHOWN_CATEGORIES:
        known[SHOWN_CATEGORIES:] = ["..."]
    return f"{text}; in training {', '.join(known)}" if known else text


def example_of(entry: Column) -> str | int | float | bool | None:
    """Return a cell such as the training table had in a column."""
    if "part" in entry:
        form = entry["date_formats"][0]
        return EXAMPLE_DATE.strftime("%Y-%m-%d" if form == cells.ISO8601 else form)
    if entry["kind"] == "boolean":
        return True
    if entry["kind"] == "code":
        return next(iter(entry["encode"]))
    if entry["kind"] == "category":
        return (entry.get("categories") or [None])[0]
    if "minimum" not in entry:
        return None
    middle = (entry["minimum"] + entry["maximum"]) / 2
    number = round(middle) if entry["kind"] == "integer" else float(f"{middle:.4g}")
    return f"{number}{entry['unit']}" if entry.get("unit") else number


def _text(value: Any, decimal: str) -> str | None:
    """Return a cell of JSON as the text that a file with this decimal sign would have."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool) else str(value).replace(".", decimal)
