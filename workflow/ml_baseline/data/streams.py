"""Tables of any size, read and written piece by piece, as `tables` reads them whole.

The cells are those that `tables.read_raw_table` gives: the same separators, encodings, names of
columns, and lines that are no rows. A reader can be gone through several times.
"""

import bz2
import codecs
import csv
import gzip
import io
import itertools
import lzma
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv

from ml_baseline.data import tables
from ml_baseline.errors import InputError

PARQUET_MARK = b"PAR1"
READ_BYTES = 1 << 20
# Arrow makes one piece of each block, and a row must fit into it.
BLOCK_BYTES = 1 << 22
PARQUET_BUFFER_BYTES = 1 << 20
UNFINISHED = "it may be damaged or incomplete: copy or download it again"


class LooseQuotesError(Exception):
    """Quotes stand behind a blank, so that the text has to be read again as that demands."""


class TextRows:
    """The rows of a delimited text.

    Args:
        path: the file, compressed or not.
        name: what to call it in messages.
        separator: the character between cells; found out if None.
        encoding: a codec's name; found out if None.
        columns: what the table is to have; a separator with which it has all of them is taken
            before any other.

    Attributes:
        names: the names of the columns.
        loose_quotes: whether quotes behind a blank count.

    Raises:
        InputError: as `tables.read_raw_table`, at once or while reading on.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        separator: str | None = None,
        encoding: str | None = None,
        columns: Iterable[str] = (),
    ):
        self.path, self.name, self.encoding = path, name, encoding
        self.size, self.position = path.stat().st_size, 0
        self.loose_quotes = False
        self._announced = 0  # bytes of the line by which Excel says the separator
        start = self._start()
        announced = tables.EXCEL_SEPARATOR_LINE.match(start)
        if announced:
            separator = separator or announced[1]
            start = "\n" + start[announced.end() :]
            self._announced = len(announced[0].encode())
        self.separator = separator or tables.find_separator(start)
        self.names, self.header_end = self._header(start, self.separator)
        for other in tables.SEPARATORS:
            if not set(columns) <= set(self.names):
                with suppress(InputError):  # names that stand twice are of no use here
                    names, end = self._header(start, other)
                    if set(columns) <= set(names):
                        self.separator, self.names, self.header_end = other, names, end

    def pieces(self, columns: list[str]) -> Iterator[pa.Table]:
        """Yield tables of these columns, every cell text, which together are all rows.

        Raises:
            InputError: a row has not as many cells as the header, or a quote is left open.
            LooseQuotesError: `loose_quotes` has been set just now; begin again.
        """
        delimiter = self.separator.encode()
        if self.separator == " ":
            delimiter = b"\t"
        elif len(delimiter) > 1:  # Arrow takes one byte, such as the one made for this
            delimiter = b"\x1f"
        ragged: list[pa.csv.InvalidRow] = []
        ignored = tables.NO_CELLS + delimiter.decode()

        def remember(row: pa.csv.InvalidRow) -> str:
            if row.text.strip(ignored):
                ragged.append(row)
            return "skip"

        loose = re.compile(re.escape(delimiter) + rb' +"')
        body = _Body(self._body(delimiter, loose))
        # Names of our own, so that every column can be declared text whatever the header says.
        numbers = [str(i) for i in range(len(self.names))]
        wanted = [str(self.names.index(name)) for name in columns]
        try:
            if not body.has_content():
                return
            reader = pa.csv.open_csv(
                pa.PythonFile(body, mode="r"),
                pa.csv.ReadOptions(column_names=numbers, block_size=BLOCK_BYTES),
                pa.csv.ParseOptions(
                    delimiter=delimiter.decode(),
                    newlines_in_values=True,
                    invalid_row_handler=remember,
                ),
                pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(numbers, pa.large_string()),
                    strings_can_be_null=False,
                    include_columns=wanted,
                ),
            )
            for batch in reader:
                if ragged:
                    break
                yield pa.Table.from_batches([batch]).rename_columns(columns)
        except pa.ArrowInvalid as error:
            if body.error is not None:
                raise body.error from error
            raise self._fault(str(error)) from error
        if body.error is not None:
            raise body.error
        if ragged:
            if body.has_loose_quotes and not self.loose_quotes:
                self.loose_quotes = True
                raise LooseQuotesError
            row = ragged[0]
            raise self._fault(f"a row has {row.actual_columns} cells: {row.text[:80]!r}")
        if body.quotes % 2 and (fault := self._open_quote()) is not None:
            raise fault

    def _start(self) -> str:
        """Return the beginning of the text, in whole lines, after a look whether it is one."""
        start = b""
        lines = self._lines()
        for block in lines:
            start += block
            if len(start) >= tables.SNIFFED_BYTES and start.count(b"\n") >= 2:
                break
        lines.close()
        text = start.decode()
        if not text.strip(tables.NO_CELLS + "\n"):
            raise InputError(f"{self.name}: the file is empty; expected a header line")
        for beginning, what in tables.NOT_TABLES.items():
            if text.lstrip().lower().startswith(beginning):
                raise InputError(f"{self.name}: this is {what}")
        return text

    def _header(self, start: str, separator: str) -> tuple[list[str], int]:
        header, end, _ = tables._header_and_rows(start, separator)
        return tables._column_names(self.name, header), end

    def _lines(self) -> Iterator[bytes]:
        """Yield the text as UTF-8 in blocks of whole lines, each line ending in a newline."""
        rest = b""
        for block in _newlines(_as_utf8(self.name, self._bytes(), self.encoding)):
            end = block.rfind(b"\n") + 1
            if not end:
                rest += block
                continue
            yield rest + block[:end]
            rest = block[end:]
        if rest:
            yield rest

    def _bytes(self) -> Iterator[bytes]:
        with self.path.open("rb") as raw, _decompressed(raw, self.name, self.path) as file:
            while block := _read(file, self.name):
                self.position = raw.tell()
                yield block

    def _body(self, delimiter: bytes, loose: re.Pattern) -> Iterator[tuple[bytes, int, bool]]:
        """Yield what stands below the header as Arrow is to read it, and what is in each block.

        That is: the number of quotes, and whether one of them stands behind a blank.
        """
        skip = self.header_end
        announced = self._announced
        for block in self._lines():
            if announced:  # an empty line takes its place, so that lines keep their numbers
                block, announced = b"\n" + block[announced:], 0
            while skip and block:
                block = block[block.find(b"\n") + 1 or len(block) :]
                skip -= 1
            if self.separator == " ":
                block = tables._tab_separated(block.decode()).encode()
            elif not self.separator.isascii():
                block = block.replace(self.separator.encode(), delimiter)
            quotes = block.count(b'"')
            is_loose = bool(quotes and loose.search(block))
            if is_loose and self.loose_quotes:
                block = loose.sub(delimiter + b'"', block)
            if block:
                yield block, quotes, is_loose

    def _rows(self) -> Iterator[tuple[int, int, list[str], bool]]:
        """Yield the first and last line of each row, its cells, and whether a quote is left open.

        This is slow: it is for files in which something is wrong. A row that goes on for longer
        than Arrow's block ends there, and so does the text.
        """
        blocks = (block.decode() for block in self._lines())
        if self.separator == " ":
            blocks = map(tables._tab_separated, blocks)
        delimiter = "\t" if self.separator == " " else self.separator
        length = quotes = 0

        def lines() -> Iterator[str]:
            nonlocal length, quotes
            for line in itertools.chain.from_iterable(map(io.StringIO, blocks)):
                length, quotes = length + len(line), quotes + line.count('"')
                if length > BLOCK_BYTES:
                    return
                yield line

        reader = csv.reader(lines(), delimiter=delimiter, skipinitialspace=True)
        last = 0
        for row in reader:
            first, last, is_odd = last + 1, reader.line_num, quotes % 2 == 1
            length = quotes = 0
            if "".join(row).strip(tables.NO_CELLS):
                yield first, last, row, is_odd and last > first

    def _open_quote(self) -> InputError | None:
        """Return what to say about a quote that takes the rest of the file for one cell."""
        for first, _, row, is_open in self._rows():
            if is_open:
                return InputError(
                    f"{self.name}, line {first}: a double quote is opened and never closed, so the "
                    f"rest of the file is one cell: {self._excerpt(row)}. Close or delete it"
                )
        return None

    def _excerpt(self, row: list[str]) -> str:
        return repr(self.separator.join(row)[:80])

    def _fault(self, otherwise: str) -> InputError:
        """Return what to say about the first row that is not as the header wants it."""
        width = len(self.names)
        for first, _, row, is_open in self._rows():
            if first > self.header_end and is_open:
                return self._open_quote()
            if first > self.header_end and len(row) != width:
                cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
                separator = tables.SEPARATOR_NAMES.get(self.separator, self.separator)
                advice = tables.ONE_COLUMN_ADVICE if width == 1 else tables.RAGGED_ADVICE
                return InputError(
                    f"{self.name}, line {first}: {cells} where the header has {width} (separator: "
                    f"{separator}): {self._excerpt(row)}. {advice}"
                )
        return InputError(f"{self.name}: the file cannot be read as a table: {otherwise}")


class ParquetRows:
    """The rows of a Parquet file; attributes and methods as `TextRows` has them."""

    def __init__(self, path: Path, name: str):
        from pyarrow import parquet

        self.name = name
        with self._errors():
            # Read on as rows are asked for, not a whole group of rows at once.
            self._file = parquet.ParquetFile(
                path, buffer_size=PARQUET_BUFFER_BYTES, pre_buffer=False
            )
        self.size, self.position = self._file.metadata.num_rows, 0
        stored = self._file.schema_arrow.names
        # pandas keeps an index that has no name under such names.
        named = [re.sub(r"^__index_level_\d+__$", "", column) for column in stored]
        self.names = tables._column_names(name, named)
        self._stored = dict(zip(self.names, stored, strict=True))

    def arrow_type(self, column: str) -> pa.DataType:
        """Return the data type that the file has for a column."""
        return self._file.schema_arrow.field(self._stored[column]).type

    def pieces(
        self, columns: list[str], as_stored: tuple[str, ...] = (), rows: int = 1 << 16
    ) -> Iterator[pa.Table]:
        """Yield tables of these columns, every cell text but in those wanted as they are stored."""
        stored = [self._stored[column] for column in columns]
        with self._errors():
            for batch in self._file.iter_batches(rows, columns=stored):
                self.position += len(batch)
                table = pa.Table.from_batches([batch]).select(stored).rename_columns(columns)
                for i, column in enumerate(columns):
                    if column not in as_stored:
                        table = table.set_column(i, column, tables._as_text(table[column]))
                yield table

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"{self.name}: the file is not readable Parquet ({error}); write or copy it again"
            ) from error


def open_rows(
    path: str | Path,
    name: str | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    columns: Iterable[str] = (),
) -> TextRows | ParquetRows:
    """Return the rows of a table, Parquet by its name or its first bytes, text otherwise.

    Args:
        path: a file that can be read more than once.
        name: what to call it in messages, if not by its path.
        separator, encoding, columns: as `TextRows` takes them.

    Raises:
        InputError: there is no such file, or it is no table.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: {tables._absence(path, 'check the path')}")
    name = name or str(path)
    with path.open("rb") as file:
        mark = file.read(len(PARQUET_MARK))
    if path.suffix.lower() == ".parquet" or mark == PARQUET_MARK:
        return ParquetRows(path, name)
    return TextRows(path, name, separator, encoding, columns)


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


class _Body:
    """What Arrow reads from: blocks of a text as a file, with the count of their quotes.

    What goes wrong while a block is made is kept in `error`: the file ends there, because Arrow
    would wrap it in an error of its own.
    """

    def __init__(self, blocks: Iterator[tuple[bytes, int, bool]]):
        self._blocks, self._left = blocks, b""
        self.closed = False
        self.quotes, self.has_loose_quotes = 0, False
        self.error: Exception | None = None

    def has_content(self) -> bool:
        """Return whether there is anything but blanks; blank blocks are passed over."""
        while not self._left or self._left.isspace():
            if not self._next_block():
                return False
        return True

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, fewer at the end."""
        while (size < 0 or len(self._left) < size) and self._next_block():
            pass
        size = len(self._left) if size < 0 else size
        data, self._left = self._left[:size], self._left[size:]
        return data

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True

    def _next_block(self) -> bool:
        try:
            block, quotes, is_loose = next(self._blocks, (b"", 0, False))
        except Exception as error:
            self.error = error
            return False
        self.quotes += quotes
        self.has_loose_quotes |= is_loose
        self._left = self._left + block if self._left and not self._left.isspace() else block
        return bool(block)


@contextmanager
def _decompressed(raw: BinaryIO, name: str, path: Path) -> Iterator[BinaryIO]:
    """Yield a file of the content, by the archive's name or, failing that, its first bytes."""
    suffix = path.suffix.lower()
    if suffix not in OPENERS:
        mark = raw.read(8)
        raw.seek(0)
        marks = tables.COMPRESSION_MARKS.items()
        suffix = next((s for begin, s in marks if mark.startswith(begin)), "")
    if not suffix:
        yield raw
        return
    try:
        file = OPENERS[suffix](raw)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except Exception as error:
        raise _damaged(name, error) from error
    with file:
        yield file


def _unzipped(raw: BinaryIO) -> BinaryIO:
    archive = zipfile.ZipFile(raw)
    return archive.open(tables._only_member(archive))


OPENERS: dict[str, Callable[[BinaryIO], BinaryIO]] = {
    ".gz": lambda raw: gzip.GzipFile(fileobj=raw),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zip": _unzipped,
}


def _read(file: BinaryIO, name: str) -> bytes:
    try:
        return file.read(READ_BYTES)
    # What the decompressors raise on damage: theirs, zlib's, and RuntimeError for a password.
    except Exception as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> InputError:
    return InputError(f"{name}: the archive cannot be read ({error}); {UNFINISHED}")


def _as_utf8(name: str, blocks: Iterator[bytes], encoding: str | None) -> Iterator[bytes]:
    """Yield a text as UTF-8 without its byte order mark, whatever encoding it is in."""
    first = next(blocks, b"")
    while len(first) < 4 and (more := next(blocks, b"")):
        first += more
    if encoding is None and first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-32" if first.startswith(codecs.BOM_UTF32_LE) else "utf-16"
    decode = _decoder(name, encoding)
    is_first = True
    for block in itertools.chain([first], blocks, [None]):  # None is the end
        text = decode(block or b"", block is None)
        if b"\x00" in text:
            raise InputError(
                f"{name}: the file holds zero bytes, so it is not plain text (a spreadsheet, or "
                "UTF-16 without its mark?); export it as CSV in UTF-8"
            )
        if is_first and text:
            text, is_first = text.removeprefix(codecs.BOM_UTF8), False
        if text:
            yield text


def _not_text(name: str, error: UnicodeError, line: int, encoding: str) -> InputError:
    place, data = getattr(error, "start", 0), getattr(error, "object", b"") or b"\0"
    line += data.count(b"\n", 0, place)
    return InputError(
        f"{name}, line {line}: the byte 0x{data[place]:02x} is not valid {encoding} text; save the "
        "file as UTF-8"
    )


def _decoder(name: str, encoding: str | None) -> Callable[[bytes, bool], bytes]:
    """Return a function that takes the next bytes of a text and returns them as UTF-8.

    It may keep the bytes of an unfinished character until the next call. Its second argument says
    whether this is the end. It raises InputError where the bytes are no text.
    """
    if encoding is None:
        return _Utf8OrWestern(name)
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
    except LookupError as error:
        raise InputError(
            f"{name}: `encoding: {encoding}` is no text encoding that Python knows; utf-8, latin-1 "
            "and cp1252 are"
        ) from error
    line = 1

    def decode(data: bytes, end: bool) -> bytes:
        nonlocal line
        try:
            text = decoder.decode(data, end).encode()
        except UnicodeError as error:
            raise _not_text(name, error, line, encoding) from error
        line += text.count(b"\n")
        return text

    return decode


class _Utf8OrWestern:
    """UTF-8, or one-byte Western text if the file holds no valid sequence of UTF-8 at all."""

    def __init__(self, name: str):
        self._name, self._line, self._rest = name, 1, b""
        self._damage: InputError | None = None  # where this is not UTF-8, if that has been seen
        self._multibyte = False

    def __call__(self, data: bytes, end: bool) -> bytes:
        data, self._rest = self._rest + data, b""
        if not data.isascii():
            if not end:  # a character may go on in the next block
                size = _complete(data)
                data, self._rest = data[:size], data[size:]
            self._multibyte |= not data.decode(errors="ignore").isascii()
            if self._damage is None:
                try:
                    data.decode()
                except UnicodeDecodeError as error:
                    self._damage = _not_text(self._name, error, self._line, "utf-8")
            if self._damage is not None and self._multibyte:
                raise self._damage
        self._line += data.count(b"\n")
        if self._damage is None:
            return data
        try:
            return data.decode("cp1252").encode()
        except UnicodeDecodeError:
            raise self._damage from None


def _complete(data: bytes) -> int:
    """Return how many bytes stand before an unfinished UTF-8 character at the end."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:  # the first of so many bytes
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) - back if needed > back else len(data)
        if byte < 0x80:
            break
    return len(data)


def _newlines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield a text with lines that end in newlines."""
    held = b""
    for block in blocks:
        block, held = held + block, b""
        if b"\r" in block:
            if block.endswith(b"\r"):  # the newline may follow in the next block
                block, held = block[:-1], b"\r"
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield block
    if held:
        yield b"\n"


class TableWriter:
    """A table written piece by piece: CSV, also compressed, or Parquet, by the path's suffix.

    Args:
        path: where to write.
        schema: the columns.
        suffix: of the name that the file will have, if not that of `path`.
    """

    def __init__(self, path: Path, schema: pa.Schema, suffix: str):
        self.schema = schema
        self._parquet = self._text = self._raw = None
        if suffix == ".parquet":
            from pyarrow import parquet

            self._parquet = parquet.ParquetWriter(path, schema, compression="zstd")
            return
        self._delimiter = "\t" if suffix.startswith(".tsv") else ","
        self._raw = path.open("wb")
        self._text = COMPRESSORS.get(Path(f"x{suffix}").suffix, lambda file: file)(self._raw)
        header = io.StringIO()
        csv.writer(header, delimiter=self._delimiter, lineterminator="\n").writerow(schema.names)
        self._text.write(header.getvalue().encode())

    def write(self, table: pa.Table) -> None:
        """Append the rows of a table."""
        if self._parquet is not None:
            self._parquet.write_table(table)
            return
        try:  # without quotes where nothing needs them: easier on the reader's eye
            self._text.write(self._as_csv(table, "none"))
        except pa.ArrowInvalid:
            self._text.write(self._as_csv(table, "needed"))

    def close(self) -> None:
        """Write what is left."""
        for file in (self._parquet, self._text, self._raw):
            if file is not None:
                file.close()

    def _as_csv(self, table: pa.Table, quoting: str) -> pa.Buffer:
        sink = pa.BufferOutputStream()
        options = pa.csv.WriteOptions(
            include_header=False, delimiter=self._delimiter, quoting_style=quoting
        )
        pa.csv.write_csv(table, sink, options)
        return sink.getvalue()


COMPRESSORS: dict[str, Callable[[BinaryIO], BinaryIO]] = {
    # Without the time of writing, so that equal content gives equal files.
    ".gz": lambda file: gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0),
    ".bz2": lambda file: bz2.BZ2File(file, "wb"),
    ".xz": lambda file: lzma.LZMAFile(file, "wb"),  # noqa: SIM115 (closed by the writer)
}
