"""Reading and writing tables, whole or piece by piece: the only module that knows the formats.

What a file is, `source.FORMATS` says; each format has a module of its own.
"""

import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa
from pandas.api.types import union_categoricals

from ml_baseline.data import csv_files
from ml_baseline.data.raw_table import LONG_ROWS, RawTable, raw_table
from ml_baseline.data.schema import Schema
from ml_baseline.data.source import FORMATS, SourceFile
from ml_baseline.data.text import ReadAgainError
from ml_baseline.errors import InputError
from ml_baseline.files import whole_file
from ml_baseline.text import plural

# The kinds whose data type does not depend on whether values are missing.
ARROW_TYPES = {"category": pa.string(), "number": pa.float64()}


class Rows(Protocol):
    """The rows of a table as it came: every cell is text, nothing is interpreted yet.

    Each class in `source.FORMATS` takes a `SourceFile`, and `settings` and `columns` as `open_rows` does.
    """

    source: SourceFile
    name: str  # what the file is called in messages
    names: list[str]  # of the columns; by their position (unnamed_1) where they have none

    # The columns that the file has as numbers, but for words (n/a) among them.
    numbers: frozenset[str]

    @property
    def types(self) -> dict[str, pa.DataType] | None:
        """The data types that the file has for its columns; None where it has text only."""
        ...

    @property
    def reading(self) -> dict[str, str]:
        """How it is read, once all of it has been: `format`, for text `separator`, `encoding`."""
        ...

    def pieces(self, columns: list[str], as_stored: Iterable[str] = ()) -> Iterator[pa.Table]:
        """Yield tables of these columns which together are all rows; lines without cells are none.

        It can be gone through several times. Null is what the file has as null.

        Args:
            columns: of `names`.
            as_stored: those of them that keep the data type they are stored in.

        Raises:
            InputError: the file is damaged, or its rows are not as the header wants them.
            ReadAgainError: begin again; the rows know now what is to be read in another way.
        """
        ...


def _format(suffix: str) -> Any:
    """Return the module with `read`, `write` and `Writer` of our own files of this suffix."""
    if suffix.lower() != ".parquet":
        return csv_files
    from ml_baseline.data import parquet  # importing it takes longer than reading a small CSV

    return parquet


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write `table` to `path` (.csv or .parquet), whole or not at all; the index is left out.

    Floats survive the round trip exactly; in CSV a float without a fraction is written as an
    integer, and an empty text cannot be told from a missing one.
    """
    with whole_file(path) as temporary:
        write_content(table, temporary)


def write_content(table: pd.DataFrame, path: Path) -> None:
    """Write `table` as `write_table` does, straight to `path`."""
    content = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata()
    _format(path.suffix).write(content, path)


def table_writer(path: Path, schema: pa.Schema, suffix: str) -> Any:
    """Return what writes a table of this schema piece by piece: `write(table)` and `close()`.

    `suffix` is that of the name that the file will have: .parquet, or .csv, .tsv or .txt, also with
    .gz, .bz2 or .xz.
    """
    return _format(suffix).Writer(path, schema, suffix)


def read_table(
    path: str | Path,
    schema: Schema | None = None,
    columns: Iterable[str] | None = None,
    texts_as_codes: bool = False,
) -> pd.DataFrame:
    """Return a table that `write_table` wrote (.csv or .parquet), or some of its columns.

    Columns of the schema get the data types of their kinds; others what their content looks like:
    integers, floats, booleans or text, and float64 without any value. Integers that were stored as
    smaller ones stay small. With `texts_as_codes`, categories of a long Parquet table are pandas'
    categorical ones, which take less memory; their order means nothing.
    """
    entries = [] if schema is None else schema["columns"]
    declared = {entry["name"]: ARROW_TYPES.get(entry.get("kind")) for entry in entries}
    names = None if columns is None else list(columns)
    content = _format(Path(path).suffix).read(Path(path), declared, names, texts_as_codes)
    for i, name in enumerate(content.column_names):
        values = content[name]
        wanted = declared.get(name) or values.type
        if texts_as_codes and pa.types.is_dictionary(values.type):
            continue
        if wanted != pa.string() and (
            pa.types.is_floating(wanted) or values.null_count == len(values)
        ):
            wanted = pa.float64()
        content = content.set_column(i, name, values.cast(wanted))
    del values
    # Of a long table there is no second copy, not even for a moment; of a wide one that would be slower.
    is_long = len(content) >= LONG_ROWS
    table = content.to_pandas(split_blocks=is_long, self_destruct=is_long)
    if is_long:  # of the room that reading took
        pa.default_memory_pool().release_unused()
    return table


def read_tables(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Return the rows of several such tables, one table after the other."""
    return pd.concat(map(read_table, paths))


def one_below_the_other(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of several tables of the same columns, and empty the list; categories stay some."""
    if len(tables[0]) < LONG_ROWS:
        return pd.concat(tables, ignore_index=True)
    # Column by column, so that there are never two whole tables.
    tables[:] = [table.copy(deep=False) for table in tables]
    columns = {}
    for name in [*tables[0]]:
        parts = [table.pop(name) for table in tables]
        if any(isinstance(part.dtype, pd.CategoricalDtype) for part in parts):
            parts = [part.astype("category").cat for part in parts]
            # Without any value their data type is another one.
            parts = [part.rename_categories(part.categories.astype("str")) for part in parts]
            parts = [pd.Series(union_categoricals(parts))]
        columns[name] = pd.concat(parts, ignore_index=True)
    del parts
    pa.default_memory_pool().release_unused()
    return pd.DataFrame(columns, copy=False)


def sort_rows(table: pd.DataFrame, by: str) -> None:
    """Sort a table by a column, in place and one column after the other: there is no second table."""
    order = table[by].to_numpy().argsort(kind="stable")
    for name in table:
        table[name] = table[name].iloc[order].array


def open_rows(
    path: str | Path,
    settings: Mapping[str, Any] | None = None,
    columns: Iterable[str] = (),
    name: str | None = None,
) -> Rows:
    """Return the rows of a table as it came.

    Args:
        path: text or JSON lines (also as .gz, .bz2, .xz or .zip), Parquet or a workbook; its content
            says which, else its name.
        settings: of a table, those among them that say how its file is to be read (`separator`,
            `encoding`); what they do not say is found out from the file.
        columns: what the table is to have, which decides where the file does not.
        name: what to call it in messages, if not by its path.

    Raises:
        InputError: there is no such file, or it is no table.
    """
    source = SourceFile(path, name)
    rows: Rows = pkgutil.resolve_name(FORMATS[source.format].rows)(source, settings or {}, columns)
    return rows


def read_raw_table(
    path: str | Path, settings: Mapping[str, Any] | None = None, columns: Iterable[str] = ()
) -> tuple[RawTable, dict[str, Any]]:
    """Return a table as it came, whole, and how it was read: `Rows.reading` and, as `numbers`, its numbers.

    Args and errors are those of `open_rows` and `Rows.pieces`; one without rows is an InputError too.
    """
    rows = open_rows(path, settings, columns)
    table = all_rows(rows, rows.names)
    given = (settings or {}).get("separator")
    if given and (found := rows.reading.get("separator", given)) != given:
        raise InputError(
            f"{path}: `separator` is {given!r}, but the columns asked for stand between {found!r}; "
            f"write that, or leave `separator` out"
        )
    # What the file has as numbers is not read in any other way (`infer_schema`).
    numbers = {"numbers": sorted(rows.numbers)} if rows.numbers else {}
    return table, {**rows.reading, **numbers}


def all_rows(rows: Rows, columns: list[str]) -> RawTable:
    """Return these columns of all rows; raise InputError if there is no row."""
    while True:
        with suppress(ReadAgainError):
            table = raw_table(columns, rows.pieces(columns))
            break
    if not len(table):
        raise InputError(
            f"{rows.name}: the file has a header ({plural(len(rows.names), 'column')}) and no rows below it; "
            "export it again with its rows"
        )
    return table


def in_chunks(pieces: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Yield the same rows in tables of exactly so many, but for the last.

    So what is computed chunk by chunk does not depend on how a file was stored.
    """
    waiting: list[pa.Table] = []
    count = 0
    for piece in pieces:
        waiting.append(piece)
        count += len(piece)
        while count >= rows:
            table = pa.concat_tables(waiting)
            yield table.slice(0, rows)
            waiting, count = [table.slice(rows)], count - rows
    if count:
        yield pa.concat_tables(waiting)
