"""A raw table: every cell is text, of which a large table has more than there is memory for."""

import tempfile
import weakref
from collections.abc import Iterable
from contextlib import suppress
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

from ml_baseline.errors import InputError

# Text from here on is packed; what is smaller is as quick to work with as memory allows.
PACKED_BYTES = 1 << 25
# Columns of so many rows leave enough behind to look for it.
LONG_ROWS = 100_000
PACKED = pa.ipc.IpcWriteOptions(compression="lz4")


class PackedTable:
    """Columns of text in a file without a name, packed, which are read when they are asked for.

    In memory a cell takes eight bytes more than in its file; packed, all take about what the file does.
    """

    def __init__(self, names: Iterable[str]):
        """Make a table of these columns without any row."""
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the table)
        weakref.finalize(self, self._file.close)
        self._parts: dict[str, list[int]] = {name: [] for name in names}  # where they begin
        self._rows = 0

    @property
    def columns(self) -> pd.Index:
        """The names of the columns."""
        return pd.Index(self._parts)

    def append(self, table: pa.Table) -> None:
        """Add rows; the columns of `table` are those of this one, in its order."""
        for parts, texts in zip(self._parts.values(), table.columns, strict=True):
            parts.append(self._pack(texts))
        self._rows += len(table)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._rows

    def __getitem__(self, name: str) -> pd.Series:
        """Return a column's cells; what the work on another one has left is given back before."""
        if self._rows >= LONG_ROWS:
            pa.default_memory_pool().release_unused()
        texts = pa.concat_tables(map(self._part, self._parts[name])).combine_chunks()
        return texts.column(0).to_pandas().rename(name)

    def __setitem__(self, name: str, texts: list[str]) -> None:
        """Add a column, or replace one."""
        self._parts[name] = [self._pack(pa.chunked_array([pa.array(texts, pa.large_string())]))]

    def _pack(self, texts: pa.ChunkedArray) -> int:
        content = pa.table({"": texts.combine_chunks()})
        try:
            start = self._file.seek(0, 2)
            with pa.ipc.new_stream(self._file, content.schema, options=PACKED) as writer:
                writer.write_table(content)
            self._file.flush()
        except OSError as error:
            with suppress(OSError):  # what is left to be written has no room either
                self._file.close()
            raise InputError(
                f"the table's text cannot be kept in {tempfile.gettempdir()} while it is cleaned "
                f"({error.strerror or error}); set TMPDIR to a folder with more room than the text takes"
            ) from error
        return start

    def _part(self, start: int) -> pa.Table:
        self._file.seek(start)
        return pa.ipc.open_stream(self._file).read_all()


# What `infer_schema` and `clean` read: the columns and their names, and the number of rows.
RawTable: TypeAlias = pd.DataFrame | PackedTable


def raw_table(names: list[str], pieces: Iterable[pa.Table]) -> RawTable:
    """Return the rows of all pieces as one table, packed if it is large."""
    # Under numbers: Arrow hands on no names that are not UTF-8.
    places = [str(i) for i in range(len(names))]
    packed, waiting, size = PackedTable(names), [], 0
    for piece in pieces:
        waiting.append(piece.rename_columns(places))
        size += piece.nbytes
        if size >= PACKED_BYTES:
            packed.append(pa.concat_tables(waiting))
            waiting, size = [], 0
            pa.default_memory_pool().release_unused()
    if len(packed) or not waiting:
        if waiting:
            packed.append(pa.concat_tables(waiting))
            del waiting, piece
            pa.default_memory_pool().release_unused()
        return packed
    table = pa.concat_tables(waiting).to_pandas()
    table.columns = names
    return table
