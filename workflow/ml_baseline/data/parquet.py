"""Parquet files as tables."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from ml_baseline.data.header_names import column_names
from ml_baseline.data.raw_table import LONG_ROWS
from ml_baseline.data.source import SourceFile
from ml_baseline.errors import InputError

BUFFER_BYTES = 1 << 20
PIECE_ROWS = 1 << 16


class ParquetRows:
    """The rows of a Parquet file; see `tables.Rows`."""

    def __init__(self, source: SourceFile, settings: Mapping[str, Any], columns: Iterable[str]):
        self.source, self.name, self.reading = source, source.name, {"format": "parquet"}
        with self._errors():
            # Read on as rows are asked for, not a whole group of rows at once.
            self._file = parquet.ParquetFile(
                source.path, buffer_size=BUFFER_BYTES, pre_buffer=False
            )
        stored = self._file.schema_arrow.names
        # pandas keeps an index that has no name under such names.
        named = [re.sub(r"^__index_level_\d+__$", "", column) for column in stored]
        self.names = column_names(self.name, named)
        self._stored = dict(zip(self.names, stored, strict=True))
        self.types = dict(zip(self.names, self._file.schema_arrow.types, strict=True))
        self.numbers = frozenset(name for name, kind in self.types.items() if _is_numeric(kind))

    def pieces(self, columns: list[str], as_stored: Iterable[str] = ()) -> Iterator[pa.Table]:
        """Yield the rows; see `tables.Rows`."""
        stored = [self._stored[column] for column in columns]
        rows, done = self._file.metadata.num_rows, 0
        with self._errors():
            batches = self._file.iter_batches(PIECE_ROWS, columns=stored)
            for table in map(pa.Table.from_batches, zip(batches)):
                done += len(table)
                self.source.position = self.source.size * done // max(rows, 1)
                table = table.select(stored).rename_columns(columns)
                for i, column in enumerate(columns):
                    if column not in as_stored:
                        table = table.set_column(i, column, _as_text(table[column]))
                yield table
            self.source.require_unchanged()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            why = " ".join(str(error).split())
            raise InputError(
                f"{self.name}: the file is not readable Parquet ({why}); write or copy it again"
            ) from error


def _is_numeric(data_type: pa.DataType) -> bool:
    kinds = pa.types
    return any(of(data_type) for of in (kinds.is_integer, kinds.is_floating, kinds.is_decimal))


def _as_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column's values as the text that a CSV export of them would hold."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    try:
        return values.cast(pa.large_string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # lists, mappings, bytes
        texts = [None if value is None else str(value) for value in values.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.large_string())])


def read(
    path: Path, declared: dict, columns: list[str] | None, texts_as_codes: bool = False
) -> pa.Table:
    """Return these columns of a table that `write` wrote, None for all; its file knows the data types.

    A long one is read column by column, which takes less memory.
    """
    with parquet.ParquetFile(path) as file:
        is_long = file.metadata.num_rows >= LONG_ROWS
        names = file.schema_arrow.names if columns is None else columns
        if not is_long:  # by their names, as Parquet's own are paths
            return file.read(names).select(names)
    texts = [name for name in names if texts_as_codes and declared.get(name) == pa.string()]
    with parquet.ParquetFile(
        path, buffer_size=BUFFER_BYTES, pre_buffer=False, read_dictionary=texts
    ) as file:
        found = []
        for name in names:
            found.append(file.read([name], use_threads=False).column(name).combine_chunks())
            pa.default_memory_pool().release_unused()
        return pa.table(found, names)


def write(content: pa.Table, path: Path) -> None:
    """Write a table."""
    parquet.write_table(content, path, compression="zstd")


class Writer(parquet.ParquetWriter):
    """A file written piece by piece."""

    def __init__(self, path: Path, schema: pa.Schema, suffix: str):
        super().__init__(path, schema, compression="zstd")
