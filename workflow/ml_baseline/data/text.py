"""Delimited text as a table: its separator, its header and its rows, piece by piece."""

import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.csv

from ml_baseline.data.decoding import Decoder
from ml_baseline.data.header_names import column_names
from ml_baseline.data.source import SourceFile, not_a_table
from ml_baseline.errors import InputError

# Found by counting cells; a blank only where none of the others splits the lines.
SEPARATORS = (",", ";", "\t", "|")
SEPARATOR_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "blanks"}
# How much of a text is looked at to find its header and separator.
SNIFFED_BYTES = 1 << 18
SNIFFED_LINES = 100
# The first line by which Excel says what separates the cells.
EXCEL_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\n', re.IGNORECASE)
# Arrow makes one piece of each block, and a row must fit into it.
BLOCK_BYTES = 1 << 22
# What may stand alone on a line that is no row: blanks and the end-of-file mark of DOS.
NO_CELLS = " \t\x1a"

RAGGED_ADVICE = (
    "Put cells that hold the separator in double quotes, complete rows that are cut short, delete "
    "lines that are no rows, or set another `separator`"
)
ONE_COLUMN_ADVICE = "Set `separator`, or delete what stands above the header line"

csv.field_size_limit(1 << 30)  # Python's own limit is short for a text, and no protection here


class ReadAgainError(Exception):
    """The text turned out to be quoted in another way, which its reader knows now: begin again."""


class Quoting(NamedTuple):
    """What encloses cells that hold a separator, "" for nothing, and what stands before a quote in them.

    Without an escape quotes are doubled there.
    """

    quote: str = '"'
    escape: str = ""


DOUBLED, UNQUOTED, BACKSLASH = Quoting(), Quoting(""), Quoting(escape="\\")
# What is found to be unusual, in a word.
QUOTING_WORDS = {DOUBLED: "", UNQUOTED: "none", BACKSLASH: "backslash"}


class TextRows:
    """The rows of a delimited text; see `tables.Rows`, and for the arguments `tables.open_rows`."""

    types, numbers = None, frozenset[str]()

    def __init__(self, source: SourceFile, settings: Mapping[str, Any], columns: Iterable[str]):
        self.source, self.name = source, source.name
        separator, self._encoding = settings.get("separator"), settings.get("encoding")
        self.loose_quotes = False  # whether quotes behind a blank count
        self._has_loose_quotes = False  # whether there are any
        quote, escape = settings.get("quote"), settings.get("escape")
        self._quoting_is_given = quote is not None or escape is not None
        self.quoting = Quoting("" if quote == "none" else quote or '"', escape or "")
        start = self._start()
        if announced := EXCEL_SEPARATOR_LINE.match(start):
            separator = separator or announced[1]
            start = "\n" + start[announced.end() :]  # so that lines keep their numbers
        self.separator = separator or find_separator(start, self.quoting)
        self.names, self.header_end = self._header(start, self.separator)
        for other in SEPARATORS:
            if not set(columns) <= set(self.names):
                with suppress(InputError):  # names that stand twice are of no use here
                    names, end = self._header(start, other)
                    if set(columns) <= set(names):
                        self.separator, self.names, self.header_end = other, names, end

    @property
    def reading(self) -> dict[str, str]:
        """How the text is read: `format`, `separator`, `encoding`, and `quoting` if unusual."""
        reading = {"format": "text", "separator": self.separator, **self._decoder.reading}
        word = QUOTING_WORDS.get(self.quoting, self.quoting.quote + self.quoting.escape)
        return reading | ({"quoting": word} if word else {})

    def pieces(self, columns: list[str], as_stored: Iterable[str] = ()) -> Iterator[pa.Table]:
        """Yield the rows; see `tables.Rows`."""
        # Arrow takes one byte, such as the one made for a separator of several.
        single = {" ": "\t"}.get(self.separator, self.separator)
        delimiter = single if single.isascii() else "\x1f"
        ragged: list[Any] = []  # the first, and how many more

        def remember(row: pa.csv.InvalidRow) -> str:
            if row.text.strip(NO_CELLS + delimiter):
                ragged.append(None if ragged else row)
            return "skip"

        blocks = itertools.dropwhile(bytes.isspace, self._body(delimiter.encode()))
        if (first := next(blocks, None)) is None:  # which Arrow takes for an error
            return
        body, rows = _Body(itertools.chain([first], blocks), self.quoting.quote.encode()), 0
        # Names of our own, so that every column can be declared text whatever the header says.
        numbers = [str(i) for i in range(len(self.names))]
        try:
            content = pa.csv.open_csv(
                pa.PythonFile(io.BufferedReader(body), mode="r"),
                pa.csv.ReadOptions(column_names=numbers, block_size=BLOCK_BYTES),
                pa.csv.ParseOptions(
                    delimiter=delimiter,
                    quote_char=self.quoting.quote or False,
                    escape_char=self.quoting.escape or False,
                    newlines_in_values=True,
                    invalid_row_handler=remember,
                ),
                pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(numbers, pa.large_string()),
                    strings_can_be_null=False,
                    include_columns=[str(self.names.index(name)) for name in columns],
                ),
            )
            for piece in map(pa.Table.from_batches, zip(content)):
                if not ragged:  # else all such rows are counted
                    rows += len(piece)
                    yield piece.rename_columns(columns)
        except pa.ArrowInvalid as error:
            raise self._fault(body, str(error)) from error
        if ragged:
            if self._has_loose_quotes and not self.loose_quotes:
                self.loose_quotes = True
                raise ReadAgainError
            row = ragged[0]
            otherwise = f"a row has {row.actual_columns} cells: {row.text[:80]!r}"
            raise self._fault(body, otherwise, len(ragged))
        self._look_for_backslashes(body)
        # A quote that is never closed takes the rest of the file for one cell.
        if body.quotes % 2 and (fault := self._open_quote()) is not None:
            self._reconsider(body)
            raise fault
        if body.quotes and self._may_be_otherwise and rows < body.lines:
            self._settle_quoting(rows)

    @property
    def _may_be_otherwise(self) -> bool:
        """Whether quotes may turn out to be text: the config does not say, and none has been found."""
        return self.quoting == DOUBLED and not self._quoting_is_given

    def _start(self) -> str:
        """Return the beginning of the text, in whole lines, after a look whether it is one."""
        start = b""
        for block in self._lines():
            start += block
            if len(start) >= SNIFFED_BYTES and start.count(b"\n") >= 2:
                break
        text = start.decode()
        if not text.strip(NO_CELLS + "\n"):
            raise InputError(
                f"{self.name}: the file is empty; expected a header line and rows below it: export it again"
            )
        if what := not_a_table(start):  # in another encoding, perhaps
            raise InputError(f"{self.name}: this is {what}")
        return text

    def _header(self, start: str, separator: str) -> tuple[list[str], int]:
        header, end, _ = _header_and_rows(start, separator, self.quoting)
        return column_names(self.name, header), end

    def _lines(self) -> Iterator[bytes]:
        self._decoder = Decoder(self.name, self._encoding)
        return self._decoder.lines(self.source.blocks())

    def _body(self, delimiter: bytes) -> Iterator[bytes]:
        """Yield what stands below the header as Arrow is to read it."""
        # A quote behind a blank does not count as one, nor hides the separators after it.
        quote = self.quoting.quote.encode()
        loose = re.compile(re.escape(delimiter) + rb" +" + re.escape(quote))
        skip = self.header_end
        for block in self._lines():
            while skip and block:
                block = block[block.find(b"\n") + 1 or len(block) :]
                skip -= 1
            if self.separator == " ":
                block = _tab_separated(block.decode(), self.quoting.quote).encode()
            elif not self.separator.isascii():
                block = block.replace(self.separator.encode(), delimiter)
            if quote and quote in block and loose.search(block):
                self._has_loose_quotes = True
                block = loose.sub(delimiter + quote, block) if self.loose_quotes else block
            if block:
                yield block

    def _rows(
        self, quoting: Quoting | None = None, strict: bool = False
    ) -> Iterator[tuple[int, int, list[str], bool]]:
        """Yield the rows of the file as `_records` does.

        It is slow: for files with a fault, or with cells over several lines.
        A row that goes on for longer than Arrow's block ends there, and so does the text.
        """
        blocks = (block.decode() for block in self._lines())
        lines = itertools.chain.from_iterable(map(io.StringIO, blocks))
        return _records(lines, self.separator, quoting or self.quoting, strict)

    def _settle_quoting(self, rows: int) -> None:
        """Look whether quotes that are text have made one row of several.

        There are so many `rows` if quotes enclose cells. Raises ReadAgainError if the text is quoted in
        another way, InputError if it is in none that gives each row its cells.
        """
        if self._plain_lines() > rows:
            self.quoting = UNQUOTED
            raise ReadAgainError
        for first, last, row, _ in self._rows():
            if first > self.header_end and self._is_swallowing(row):
                if self._are_sound(DOUBLED):  # then these lines are one cell
                    return
                raise InputError(
                    f"{self.name}, line {first}: a double quote takes the lines to {last} for one "
                    f"cell: {self._excerpt(row)}. Delete it, or double it and enclose its cell in "
                    "quotes"
                )

    def _plain_lines(self) -> int:
        """Return the number of lines with content if each has the separators of a row, else 0."""
        separators, lines, delimiter = len(self.names) - 1, 0, self.separator.encode()
        if not separators or self.separator == " ":
            return 0
        for block in self._body(delimiter):
            for line in filter(bytes.strip, block.split(b"\n")):
                lines += 1
                if line.count(delimiter) != separators:
                    return 0
        return lines

    def _look_for_backslashes(self, body: "_Body") -> None:
        """Raise ReadAgainError if quotes in cells have a backslash before them: all rows are sound so."""
        if not (body.has_backslashes and self._may_be_otherwise) or self._are_sound(DOUBLED):
            return  # a path may end in one
        if self._are_sound(BACKSLASH, len(self.names)):
            self.quoting = BACKSLASH
            raise ReadAgainError

    def _are_sound(self, quoting: Quoting, width: int | None = None) -> bool:
        """Return whether quotes stand where they should in all rows, of so many cells if that counts."""
        with suppress(csv.Error):
            rows = self._rows(quoting, strict=True)
            return all(
                width in (None, len(r)) for first, _, r, _ in rows if first > self.header_end
            )
        return False

    def _reconsider(self, body: "_Body") -> None:
        """Raise ReadAgainError if quotes that make rows unsound are text, or have backslashes before them.

        In a file with commas, or with a cell in quotes, an odd one is rather a cell cut off.
        """
        self._look_for_backslashes(body)
        if not (body.quotes and self._may_be_otherwise) or self.separator == ",":
            return
        edge = re.escape(self.separator)
        enclosed = re.compile(rf'(?:^|{edge})"[^"\n]*"(?:{edge}|$)'.encode(), re.MULTILINE)
        if self._plain_lines() and not any(map(enclosed.search, self._lines())):
            self.quoting = UNQUOTED
            raise ReadAgainError

    def _is_swallowing(self, row: list[str]) -> bool:
        """Return whether a cell over several lines holds as many separators as a row does."""
        most = len(self.names) - 1
        return any("\n" in cell and cell.count(self.separator) >= most > 0 for cell in row)

    def _open_quote(self) -> InputError | None:
        """Return what to say about a quote that takes the rest of the file for one cell."""
        swallowing = None
        for first, _, row, is_open in self._rows():
            # Where each line is a row, the first that takes others is at fault for the rest.
            if swallowing is None and first > self.header_end and self._is_swallowing(row):
                swallowing = first, row
            if is_open:
                if swallowing and self._plain_lines():
                    first, row = swallowing
                quote = self.quoting.quote
                mark = "double quote" if quote == '"' else f"quote ({quote})"
                return InputError(
                    f"{self.name}, line {first}: a {mark} is opened and never closed, so that "
                    f"lines below are one cell: {self._excerpt(row)}. Close or delete it, or set "
                    "`quote: none` in the config if quotes are ordinary text"
                )
        return None

    def _excerpt(self, row: list[str]) -> str:
        return repr(self.separator.join(row)[:80])

    def _fault(self, body: "_Body", otherwise: str, count: int = 1) -> InputError:
        """Return what to say about the first of `count` rows that are not as the header wants them.

        That is `otherwise` if Python's reader finds nothing wrong where Arrow's did. Raises
        ReadAgainError if the rows are sound when their quotes are read in another way.
        """
        self._reconsider(body)
        width = len(self.names)
        for first, _, row, is_open in self._rows():
            if first > self.header_end and is_open:
                return self._open_quote() or InputError(f"{self.name}: {otherwise}")
            if first > self.header_end and len(row) != width:
                found = "1 cell" if len(row) == 1 else f"{len(row)} cells"
                more = f"; {count:,} such rows in all" if count > 1 else ""
                separator = SEPARATOR_NAMES.get(self.separator, self.separator)
                advice = ONE_COLUMN_ADVICE if width == 1 else RAGGED_ADVICE
                if any(cell.lstrip().startswith("'") for cell in row) and width > 1:
                    advice += ', or `quote: "\'"` if cells stand in single quotes'
                return InputError(
                    f"{self.name}, line {first}: {found} where the header has {width} (separator: "
                    f"{separator}{more}): {self._excerpt(row)}. {advice}"
                )
        return InputError(f"{self.name}: the file cannot be read as a table: {otherwise}")


class _Body(io.RawIOBase):
    """What Arrow reads from: blocks of a text as a file, with the count of their quotes."""

    def __init__(self, blocks: Iterator[bytes], quote: bytes):
        self._blocks, self._quote, self._left = blocks, quote, b""
        self.quotes, self.lines, self.has_backslashes = 0, 0, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = next(self._blocks, b"")
            self.quotes += self._left.count(self._quote) if self._quote else 0
            self.lines += self._left.count(b"\n")
            self.has_backslashes |= b'\\"' in self._left
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


def find_separator(start: str, quoting: Quoting = DOUBLED) -> str:
    """Return the separator of a delimited text, judged by its first lines.

    Of comma, semicolon, tab and bar, the one that splits the most lines into as many cells as the
    header has; of equals not the comma, then the one with more cells. Where none of them splits the
    header, blanks, if they split all lines alike; else a comma, as good as any for one column.
    """
    found = [(*_agreement(start, separator, quoting), separator) for separator in SEPARATORS]
    # Of equals the rarer sign: a comma may stand in any text, or be a decimal sign.
    splitting = [(share, by != ",", width, by) for share, width, by in found if width > 1]
    if splitting:
        return max(splitting, key=lambda how: how[:3])[3]
    return " " if _agreement(start, " ", quoting) >= (1.0, 2) else ","


def _agreement(start: str, separator: str, quoting: Quoting) -> tuple[float, int]:
    """Return the share of the first rows that have as many cells as the header, and how many."""
    header, _, rows = _header_and_rows(start, separator, quoting)
    agreeing = sum(len(row) == len(header) for row in rows)
    return (agreeing + 1) / (len(rows) + 1), len(header)


def _header_and_rows(
    start: str, separator: str, quoting: Quoting
) -> tuple[list[str], int, list[list[str]]]:
    """Return the names in the header, its last line, and the first rows below it.

    Where all rows have one cell more, the column that the header does not name gets an empty name.
    """
    records = _records(io.StringIO(start), separator, quoting)
    (_, end, header, _), *numbered = itertools.islice(records, SNIFFED_LINES)
    rows = [row for _, _, row, _ in numbered]
    if rows and all(len(row) == len(header) + 1 for row in rows):
        if not any(row[-1].strip() for row in rows):  # every row ends in a separator
            header = [*header, ""]
        elif len({row[0] for row in rows}) == len(rows):
            header = ["", *header]  # R names or numbers the rows, and gives these no name
    return header, end, rows


def _records(
    lines: Iterable[str], separator: str, quoting: Quoting, strict: bool = False
) -> Iterator[tuple[int, int, list[str], bool]]:
    """Yield each row with content: first and last line, cells, whether it leaves a quote open."""
    length = quotes = 0

    def counted() -> Iterator[str]:
        nonlocal length, quotes
        for line in lines:
            length += len(line)
            quotes += line.count(quoting.quote) if quoting.quote else 0
            if length > BLOCK_BYTES:
                return
            yield _tab_separated(line, quoting.quote) if separator == " " else line

    reader = csv.reader(
        counted(),
        delimiter="\t" if separator == " " else separator,
        skipinitialspace=True,
        strict=strict,
        quotechar=quoting.quote or None,
        quoting=csv.QUOTE_MINIMAL if quoting.quote else csv.QUOTE_NONE,
        escapechar=quoting.escape or None,
        doublequote=not quoting.escape,
    )
    last = 0
    for row in reader:
        first, last, is_odd = last + 1, reader.line_num, quotes % 2 == 1
        length = quotes = 0
        if "".join(row).strip(NO_CELLS):
            yield first, last, row, is_odd and (last > first or row[-1].endswith("\n"))


def _tab_separated(text: str, quote: str) -> str:
    """Return a text whose cells stand between blanks with single tabs between them.

    A cell is text in quotes, or whatever has no blank in it.
    """
    enclosed = f"{re.escape(quote)}[^{re.escape(quote)}\n]*{re.escape(quote)}|" if quote else ""
    cells = re.compile(rf"(?:{enclosed}[^ \t])+")
    return "\n".join("\t".join(cells.findall(line)) for line in text.split("\n"))
