"""The rows of a request: a pydantic model made from the run's schema, and the raw table they are."""

import datetime
import json
import math
import re
import zlib
from collections.abc import Sequence
from typing import Annotated, Any

import pandas as pd
import pyarrow as pa
from pydantic import (
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
    create_model,
)
from pydantic_core import from_json

from ml_baseline.data import cells
from ml_baseline.data.schema import NUMERIC_KINDS, Column, Schema
from ml_baseline.registry import Run
from ml_baseline.registry.predict import expected, id_columns, input_columns, target_entry

# What a cell may be in JSON: as in a file, numbers may be written as text.
Cell = Annotated[
    StrictStr | StrictInt | StrictFloat | StrictBool | None, Field(union_mode="left_to_right")
]
CELL_TYPES = frozenset([str, int, float, bool, type(None)])
SHOWN_CATEGORIES = 10
EXAMPLE_DATE = datetime.datetime(2024, 1, 31, 12, 30)


class RequestError(Exception):
    """A request that cannot be answered.

    Attributes:
        status: the HTTP status.
        problems: what is wrong: `row` (its place in the request, from 0), `field`, `message`.
    """

    def __init__(self, status: int, problems: list[dict]):
        super().__init__(problems[0]["message"])
        self.status, self.problems = status, problems


def problem(message: str, row: int | None = None, field: str | None = None) -> dict:
    """Return one thing that is wrong with a request."""
    return {"row": row, "field": field, "message": message}


class RowReader:
    """Reads the rows of requests by a run's schema.

    Attributes:
        row_model: the pydantic model of a row.
        columns: the raw columns, in the order in which `read` gives them.
    """

    def __init__(self, run: Run, max_rows: int):
        self.max_rows = max_rows
        schema, self.ids = run.schema, id_columns(run)
        needed = input_columns(schema)
        target = target_entry(schema)["source"]
        self._needed, self._optional = needed, [target, *self.ids]
        self.columns = [*self._needed, *self._optional]
        self.target = target
        entries = {entry["source"]: entry for entry in reversed(schema["columns"])}
        self._numeric = [entries[column]["kind"] in NUMERIC_KINDS for column in self.columns]
        # Columns may be called anything, and so are fields' aliases; the fields' names are ours.
        fields: dict[str, Any] = {}
        for i, column in enumerate(self.columns):
            default = ... if column in needed else None
            text = described(entries[column], schema)
            fields[f"column_{i}"] = (Cell, Field(default, alias=column, description=text))
        example: dict[str, Any] = {column: example_of(entries[column]) for column in needed}
        self.row_model = create_model(
            "Row",
            __config__=ConfigDict(extra="ignore", json_schema_extra={"examples": [example]}),
            __doc__="One row as it would stand in the raw table. Other fields are ignored.",
            **fields,
        )
        self.example = example
        self._one = TypeAdapter(self.row_model)
        self._many = TypeAdapter(list[self.row_model])  # type: ignore[name-defined]
        self._fields = list(fields)

    def read(self, body: bytes) -> list[list[Any]]:
        """Return the cells of a request's rows: a list for each of `columns`.

        Raises:
            RequestError: the body is no row or list of rows, has too many, or has an id that cannot
                be given back.
        """
        try:
            content = from_json(body)
        except ValueError:  # the pydantic model says where
            content = []
        rows = content if isinstance(content, list) else [content]
        if len(rows) > self.max_rows:
            raise RequestError(
                413, [problem(f"found {len(rows):,} rows; a request may have {self.max_rows:,}")]
            )
        are_objects = bool(rows) and all(type(row) is dict for row in rows)
        values = self._plain_values(rows) if are_objects else None
        if values is None:
            values = self._validated(body)
        self._check_ids(values)
        return values

    def _check_ids(self, values: list[list[Any]]) -> None:
        """Take NaN, which Python and pandas write for a missing value, out of the ids.

        Raises:
            RequestError: an id is an infinite number, which JSON has no way to give back.
        """
        problems = []
        for column, cells_of in zip(self.columns, values, strict=True):
            if column in self.ids:
                for row, value in enumerate(cells_of):
                    if type(value) is float and not math.isfinite(value):
                        cells_of[row] = None
                        if not math.isnan(value):
                            message = (
                                "found a number that is infinite or too large; send it as text"
                            )
                            problems.append(problem(message, row, column))
        if problems:
            raise RequestError(422, problems)

    def _plain_values(self, rows: list[dict]) -> list[list[Any]] | None:
        """Return the cells by column if all of them are as they should be, else None.

        This accepts what the pydantic model accepts and takes a third of its time.
        """
        try:
            columns = [[row[column] for row in rows] for column in self._needed]
        except KeyError:
            return None
        columns += [[row.get(column) for row in rows] for column in self._optional]
        return columns if all(CELL_TYPES.issuperset(map(type, c)) for c in columns) else None

    def _validated(self, body: bytes) -> list[list[Any]]:
        """Return the cells of the rows by column, as the pydantic model reads them.

        Raises:
            RequestError: what is wrong with which row and field.
        """
        is_list = body.lstrip()[:1] == b"["
        try:
            rows = self._many.validate_json(body) if is_list else [self._one.validate_json(body)]
        except ValidationError as error:
            raise self._refusal(error, is_list) from error
        return [[getattr(row, name) for row in rows] for name in self._fields]

    def raw_table(self, requests: Sequence[list[list[Any]]]) -> pd.DataFrame:
        """Return the rows of several requests as one raw table, every cell text.

        The target is among its columns only if a row has it.
        """
        arrays, names = [], []
        for i, column in enumerate(self.columns):
            if column in self.ids:
                continue
            values = [value for columns in requests for value in columns[i]]
            if column == self.target and not any(value is not None for value in values):
                continue
            arrays.append(_texts(values, self._numeric[i]))
            names.append(str(i))
        table = pa.Table.from_arrays(arrays, names=names).to_pandas()
        table.columns = [self.columns[int(name)] for name in names]
        return table

    def _refusal(self, error: ValidationError, is_list: bool) -> RequestError:
        """Return a validation error as the problems of rows and fields."""
        found: dict[tuple, dict] = {}
        for item in error.errors(include_url=False, include_context=False):
            place: list[Any] = list(item["loc"])
            row = place.pop(0) if is_list and place else (None if is_list else 0)
            field = place[0] if place else None
            kind, given = item["type"], item["input"]
            if kind == "json_invalid":
                row, message = None, item["msg"]
            elif kind == "missing":
                message = "this field is missing; null stands for a missing value"
            elif field is None:
                row = row if is_list else None
                message = f"found {_kind_of(given)}, expected a row: an object of fields"
            else:
                message = f"found {_kind_of(given)}, expected text, a number, true, false or null"
            found.setdefault((row, field), problem(message, row, field))
        return RequestError(422, list(found.values()))


def decoded(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """Return a request's body without its content encoding.

    Raises:
        RequestError: the encoding is neither gzip nor none, the body is not complete gzip, or it is
            larger than `max_bytes` when unpacked; no more than that is unpacked.
    """
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise RequestError(
            415, [problem(f"found the content encoding {encoding!r}, expected gzip or none")]
        )
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = unpacking.decompress(body, max_bytes + 1)
    except zlib.error:
        content = b""
    if len(content) > max_bytes:
        message = f"the body is too large; one request may have {max_bytes:,} bytes when unpacked"
        raise RequestError(413, [problem(message)])
    if not unpacking.eof or unpacking.unused_data:
        raise RequestError(422, [problem("the body is not one complete gzip file")])
    return content


def as_code(text: object) -> str:
    """Return text for a Markdown document in which none of it is Markdown, HTML or a link."""
    shown = re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", str(text)).strip() or " "
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def described(entry: Column, schema: Schema) -> str:
    """Return in words what a column may hold."""
    if entry["role"] == "target":
        labels = ", ".join(map(as_code, [*schema["positive"], *schema["negative"]]))
        return f"The target, if it is known; not used to predict. One of {labels}."
    if entry["role"] != "feature":
        return "Names the row; given back with its prediction."
    unit = entry.get("unit")
    text = expected(entry | {"unit": ""})
    text = f"{text[0].upper()}{text[1:]}" + (f" in {as_code(unit)}" if unit else "")
    if "part" not in entry and entry["kind"] in NUMERIC_KINDS and "minimum" in entry:
        return f"{text}; {entry['minimum']} to {entry['maximum']} in training"
    known = entry.get("categories") if entry["kind"] == "category" else entry.get("encode")
    if known:
        more = ", ..." if len(known) > SHOWN_CATEGORIES else ""
        shown = ", ".join(map(as_code, list(known)[:SHOWN_CATEGORIES]))
        return f"{text}; in training {shown}{more}"
    return text


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


def _kind_of(value: object) -> str:
    names = {dict: "an object", list: "a list", type(None): "null", str: "text", bool: "a boolean"}
    return names.get(type(value), "a number")


def _texts(values: list[Any], is_numeric: bool) -> pa.Array:
    """Return cells of JSON as the text that a file would have."""
    try:  # all of one kind, as nearly always, and faster than cell by cell
        array = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        array = None
    if array is not None:
        kind = array.type
        whole = pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_null(kind)
        # Of a category 3.0 is another than 3; Arrow would write both alike.
        if whole or (is_numeric and pa.types.is_floating(kind)):
            return array.cast(pa.large_string())
    return pa.array([_text(value) for value in values], pa.large_string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return json.dumps(value)
    return str(value)
