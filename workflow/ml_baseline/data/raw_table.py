"""A raw table in memory: every cell is text, of which a large table has more than there is room for."""

from collections.abc import Iterable
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

# Text from here on is packed; what is smaller is as quick to work with as memory allows.
PACKED_BYTES = 1 << 25
PACKED = pa.ipc.IpcWriteOptions(compression="zstd")


class PackedTable:
    """Columns of text that are unpacked when they are asked for, one at a time.

    In memory a cell takes eight bytes more than in its file; packed, all of them take a third of it.
    """

    def __init__(self, names: Iterable[str]):
        """Make a table of these columns without any row."""
        self._parts: dict[str, list[pa.Buffer]] = {name: [] for name in names}
        self._rows = 0

    @property
    def columns(self) -> pd.Index:
        """The names of the columns."""
        return pd.Index(self._parts)

    def append(self, table: pa.Table) -> None:
        """Add rows; the columns of `table` are those of this one, in its order."""
        for parts, texts in zip(self._parts.values(), table.columns, strict=True):
            parts.append(_packed(texts))
        self._rows += len(table)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._rows

    def __getitem__(self, name: str) -> pd.Series:
        """Return a column's cells."""
        parts = (pa.ipc.open_stream(part).read_all() for part in self._parts[name])
        return pa.concat_tables(parts).combine_chunks().column(0).to_pandas().rename(name)

    def __setitem__(self, name: str, texts: list[str]) -> None:
        """Add a column, or replace one."""
        self._parts[name] = [_packed(pa.chunked_array([pa.array(texts, pa.large_string())]))]


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
    if len(packed) or not waiting:
        if waiting:
            packed.append(pa.concat_tables(waiting))
        pa.default_memory_pool().release_unused()
        return packed
    table = pa.concat_tables(waiting).to_pandas()
    table.columns = names
    return table


def _packed(texts: pa.ChunkedArray) -> pa.Buffer:
    content, sink = pa.table({"": texts.combine_chunks()}), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, content.schema, options=PACKED) as writer:
        writer.write_table(content)
    return pa.py_buffer(sink.getvalue().to_pybytes())  # which is as long as its content
