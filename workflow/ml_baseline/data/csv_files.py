"""CSV as this workflow writes it, and reads it back."""

import bz2
import csv
import gzip
import io
import lzma
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv

# Arrow reads a text in pieces of this size, each at least one row.
BLOCK_BYTES = 1 << 24
COMPRESSORS: dict[str, Callable[[BinaryIO], Any]] = {
    # Without the time of writing, so that equal content gives equal files.
    ".gz": lambda file: gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0),
    ".bz2": lambda file: bz2.BZ2File(file, "wb"),
    ".xz": lambda file: lzma.LZMAFile(file, "wb"),  # noqa: SIM115 (closed by the writer)
}


def read(
    path: Path,
    declared: dict[str, pa.DataType | None],
    columns: list[str] | None,
    texts_as_codes: bool = False,
) -> pa.Table:
    """Return these columns of a table, None for all.

    Those of no declared type get the first that reads all of their cells.
    """
    with path.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    names = header if columns is None else columns
    content = pa.csv.read_csv(
        path,
        pa.csv.ReadOptions(block_size=BLOCK_BYTES),
        pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        pa.csv.ConvertOptions(
            column_types={name: declared.get(name) or pa.string() for name in header},
            include_columns=columns or [],
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
    for i, name in enumerate(names):
        if declared.get(name) is None:
            content = content.set_column(i, name, _typed(content[name]))
    return content


def _typed(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    for data_type in (pa.int64(), pa.float64(), pa.bool_()):
        with suppress(pa.ArrowInvalid):
            return texts.cast(data_type)
    return texts


def write(content: pa.Table, path: Path) -> None:
    """Write a table; a float without a fraction looks like an integer then."""
    with path.open("wb") as file:
        file.write(_header(content.schema, ","))
        begin = file.tell()
        try:  # without quotes where nothing needs them: easier on the reader's eye
            pa.csv.write_csv(content, file, _options("none"))
        except pa.ArrowInvalid:
            file.seek(begin)
            file.truncate()
            pa.csv.write_csv(content, file, _options("needed"))


class Writer:
    """A text written piece by piece; the suffix says how it is separated and packed."""

    def __init__(self, path: Path, schema: pa.Schema, suffix: str):
        self._delimiter = "\t" if suffix.startswith(".tsv") else ","
        self._raw = path.open("wb")
        self._text = COMPRESSORS.get(Path(f"x{suffix}").suffix, lambda file: file)(self._raw)
        self._text.write(_header(schema, self._delimiter))

    def write(self, table: pa.Table) -> None:
        """Append the rows of a table."""
        try:
            self._text.write(self._as_csv(table, "none"))
        except pa.ArrowInvalid:
            self._text.write(self._as_csv(table, "needed"))

    def close(self) -> None:
        """Write what is left."""
        self._text.close()
        self._raw.close()

    def _as_csv(self, table: pa.Table, quoting: str) -> pa.Buffer:
        sink = pa.BufferOutputStream()
        pa.csv.write_csv(table, sink, _options(quoting, self._delimiter))
        return sink.getvalue()


def _header(schema: pa.Schema, delimiter: str) -> bytes:
    """Return the header; Arrow would quote all of its names as soon as one cell needs quotes."""
    header = io.StringIO()
    csv.writer(header, delimiter=delimiter, lineterminator="\n").writerow(schema.names)
    return header.getvalue().encode()


def _options(quoting: str, delimiter: str = ",") -> pa.csv.WriteOptions:
    return pa.csv.WriteOptions(include_header=False, delimiter=delimiter, quoting_style=quoting)
