"""Reading and writing tables: the only module that knows CSV from Parquet."""

import bz2
import codecs
import csv
import gzip
import io
import itertools
import lzma
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from ml_baseline.errors import InputError, did_you_mean, similar
from ml_baseline.files import whole_file

# Found out by counting cells; a blank only where none of the others splits the lines.
SEPARATORS = (",", ";", "\t", "|")
SEPARATOR_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "blanks"}
# How much of a text is looked at to find its header and separator.
SNIFFED_BYTES = 1 << 18
SNIFFED_LINES = 100
# One cell between blanks: text in double quotes, or whatever has no blank in it.
CELL_BETWEEN_BLANKS = re.compile(r'(?:"[^"\n]*"|[^ \t])+')
QUOTED = re.compile(r"^(['\"])(.*)\1$", re.DOTALL)
# The first line by which Excel says what separates the cells.
EXCEL_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\n', re.IGNORECASE)
# Arrow reads a text in pieces of this size, each at least one row.
BLOCK_BYTES = 1 << 24
# What may stand alone on a line that is no row: blanks and the end-of-file mark of DOS.
NO_CELLS = " \t\x1a"

# How the files begin that are given for tables and are none, and what to do about each.
NOT_TABLES = {
    "<!doctype html": "a web page; download the table itself",
    "<html": "a web page; download the table itself",
    "<?xml": "XML; export the table as CSV",
    "version https://git-lfs": "a Git LFS pointer, not the table; run `git lfs pull`",
    "@relation": "an ARFF file; export the table as CSV with a header line",
    "{\\rtf": "a word processor's file; save the table as CSV",
}

RAGGED_ADVICE = (
    "Put cells that hold the separator in double quotes, complete rows that are cut short, delete "
    "lines that are no rows, or set another `separator`"
)
ONE_COLUMN_ADVICE = "Set `separator`, or delete what stands above the header line"

# The kinds whose data type does not depend on whether values are missing.
ARROW_TYPES = {"category": pa.string(), "number": pa.float64()}

csv.field_size_limit(1 << 30)  # Python's own limit is short for a text, and no protection here


def _unzipped(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(_only_member(archive))


def _only_member(archive: zipfile.ZipFile) -> str:
    """Return the name of the one table in an archive."""
    names = [name for name in archive.namelist() if not name.endswith("/")]
    names = [name for name in names if not name.startswith("__MACOSX/")]
    if "[Content_Types].xml" in names:
        raise InputError("this is an office file, not text; save the sheet as CSV")
    if len(names) != 1:
        raise InputError(f"the archive holds {len(names)} files, expected one table")
    return names[0]


DECOMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
    ".zip": _unzipped,
}
# How compressed files begin, for those whose name does not say it.
COMPRESSION_MARKS = {b"\x1f\x8b\x08": ".gz", b"\xfd7zXZ\x00": ".xz", b"PK\x03\x04": ".zip"}


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write `table` to `path` (.csv or .parquet), whole or not at all; the index is left out.

    Floats survive the round trip exactly; in CSV a float without a fraction is written as an
    integer, and an empty text cannot be told from a missing one.
    """
    content = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata()
    with whole_file(path) as temporary:
        if Path(path).suffix == ".parquet":
            from pyarrow import parquet

            parquet.write_table(content, temporary, compression="zstd")
            return
        try:  # without quotes where nothing needs them: easier on the reader's eye
            options = pa.csv.WriteOptions(quoting_style="none", quoting_header="none")
            pa.csv.write_csv(content, temporary, options)
        except pa.ArrowInvalid:
            pa.csv.write_csv(content, temporary)


def read_table(path: str | Path, schema: dict | None = None) -> pd.DataFrame:
    """Return a table that `write_table` wrote.

    Args:
        path: a .csv or .parquet file.
        schema: an input schema; its columns get the data types of their kinds. Other columns get
            what their content looks like: integers, floats, booleans or text. Without any value
            a column is float64.
    """
    columns = [] if schema is None else schema["columns"]
    declared = {entry["name"]: ARROW_TYPES.get(entry.get("kind")) for entry in columns}
    if Path(path).suffix == ".parquet":
        from pyarrow import parquet

        content = parquet.read_table(path)
    else:
        content = _read_csv(path, declared)
    for i, name in enumerate(content.column_names):
        values = content[name]
        wanted = declared.get(name) or values.type
        if wanted != pa.string() and values.null_count == len(values):
            wanted = pa.float64()
        content = content.set_column(i, name, values.cast(wanted))
    return content.to_pandas()


def _read_csv(path: str | Path, declared: dict[str, pa.DataType | None]) -> pa.Table:
    with Path(path).open(encoding="utf-8", newline="") as file:
        names = next(csv.reader(file))
    content = pa.csv.read_csv(
        path,
        pa.csv.ReadOptions(block_size=BLOCK_BYTES),
        pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        pa.csv.ConvertOptions(
            column_types={name: declared.get(name) or pa.string() for name in names},
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
    for i, name in enumerate(names):
        if declared.get(name) is None:
            content = content.set_column(i, name, _typed(content[name]))
    return content


def _typed(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of text as the first type that reads all of it."""
    for data_type in (pa.int64(), pa.float64(), pa.bool_()):
        with suppress(pa.ArrowInvalid):
            return texts.cast(data_type)
    return texts


def read_raw_table(
    path: str | Path, separator: str | None = None, encoding: str | None = None
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Read a table as it came: every cell is text, nothing is interpreted yet.

    Args:
        path: .csv, .tsv, .txt or .parquet; the text formats also as .gz, .bz2, .xz or .zip.
        separator: one character between cells, a blank standing for any number of blanks; found
            out if None.
        encoding: a codec's name; found out if None (UTF-8, UTF-16 with its mark, Windows-1252).

    Returns:
        The cells, null where a Parquet file has nulls, and how the file was read (`format`, and
        for text `separator` and `encoding`). Lines without any cell are no rows. Columns without
        a name are called unnamed_1 and so on, by their position.

    Raises:
        InputError: the file is missing, empty, has a header only, duplicate column names, rows of
            different lengths, an open quote, or bytes that are not text.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: {_absence(path)}")
    if path.suffix.lower() == ".parquet":
        table, reading = _read_parquet(path), {"format": "parquet"}
    else:
        text, encoding = _as_utf8(path, _bytes(path), encoding)
        table, separator = _read_text(path, text, separator)
        reading = {"format": "text", "separator": separator, "encoding": encoding}
    table.columns = _column_names(path, list(table.columns))
    if table.empty:
        raise InputError(
            f"{path}: the file has a header ({len(table.columns)} columns) and no rows below it; "
            "export it again with its rows"
        )
    return table, reading


def find_separator(start: str) -> str:
    """Return the separator of a delimited text, judged by its first lines.

    Of comma, semicolon, tab and bar, the one that splits the most lines into as many cells as
    the header has; where two do equally well, the one with more cells. Where none of them splits
    the header, blanks, if they split all lines alike. A text that nothing splits has one column,
    and a comma is as good as any.
    """
    best = (0.0, 0, ",")
    for separator in SEPARATORS:
        agreeing, width = _agreement(start, separator)
        if width > 1 and (agreeing, width) > best[:2]:
            best = (agreeing, width, separator)
    if best[1] == 0 and _agreement(start, " ") >= (1.0, 2):
        return " "
    return best[2]


def _agreement(start: str, separator: str) -> tuple[float, int]:
    """Return the share of the first rows that have as many cells as the header, and how many."""
    header, _, rows = _header_and_rows(start, separator)
    agreeing = sum(len(row) == len(header) for row in rows)
    return (agreeing + 1) / (len(rows) + 1), len(header)


def _header_and_rows(start: str, separator: str) -> tuple[list[str], int, list[list[str]]]:
    """Return the names in the header, its last line, and the first rows below it.

    Where all rows have one cell more, the column that the header does not name gets an empty name.
    """
    (_, end, header), *numbered = itertools.islice(_rows(start, separator), SNIFFED_LINES)
    rows = [row for _, _, row in numbered]
    if rows and all(len(row) == len(header) + 1 for row in rows):
        if not any(row[-1].strip() for row in rows):  # every row ends in a separator
            header = [*header, ""]
        elif all(row[0].strip() == str(i) for i, row in enumerate(rows, start=1)):
            header = ["", *header]  # R numbers the rows and gives these numbers no name
    return header, end, rows


def _rows(text: str, separator: str) -> Iterator[tuple[int, int, list[str]]]:
    """Yield the first line, the last line and the cells of each row that has any content."""
    if separator == " ":
        text, separator = _tab_separated(text), "\t"
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    last = 0
    for row in reader:
        first, last = last + 1, reader.line_num
        if "".join(row).strip(NO_CELLS):
            yield first, last, row


def _tab_separated(text: str) -> str:
    """Return a text whose cells stand between blanks with single tabs between them."""
    return "\n".join("\t".join(CELL_BETWEEN_BLANKS.findall(line)) for line in text.split("\n"))


def _column_names(path: Path, header: list[str]) -> list[str]:
    names = [QUOTED.sub(r"\2", str(name).strip()).strip() for name in header]
    repeated = sorted(name for name, times in Counter(names).items() if times > 1 and name)
    if repeated:
        listed = ", ".join(f"'{name}'" for name in repeated)
        raise InputError(
            f"{path}: the column name {listed} stands more than once in the header; every column "
            "needs a name of its own: rename them in the file (or, if these are values, put a "
            "header line above them)"
        )
    for i, name in enumerate(names):
        if not name:
            names[i] = f"unnamed_{i + 1}"
            while names.count(names[i]) > 1:
                names[i] += "_"
    return names


def _absence(path: Path, advice: str = "check `table`") -> str:
    if path.is_dir():
        return "this is a folder, expected a file; name the table in it"
    if not path.parent.is_dir():
        return "there is no such file, nor its folder; paths are relative to the working directory"
    near = similar(path.name, [file.name for file in path.parent.iterdir()], n=1)
    return f"there is no such file; {did_you_mean([path.parent / name for name in near], advice)}"


def _bytes(path: Path) -> bytes:
    """Return a file's content, decompressed."""
    data = path.read_bytes()
    suffix = path.suffix.lower()
    if suffix not in DECOMPRESSORS:
        suffix = next((s for mark, s in COMPRESSION_MARKS.items() if data.startswith(mark)), "")
    if not suffix:
        return data
    try:
        return DECOMPRESSORS[suffix](data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    # What the four raise on damage: theirs, zlib's error, and RuntimeError for a password.
    except Exception as error:
        raise InputError(
            f"{path}: the {suffix} archive cannot be read ({error}); "
            "it may be damaged or incomplete: copy or download it again"
        ) from error


def _as_utf8(path: Path, data: bytes, encoding: str | None) -> tuple[bytes, str]:
    """Return the text as UTF-8, with lines ending in newlines, and the encoding it was in."""
    encoding = encoding or _find_encoding(data)
    try:
        if codecs.lookup(encoding).name != "utf-8":
            data = data.decode(encoding).encode()
        elif not data.isascii():
            data.decode()
    except LookupError as error:
        raise InputError(
            f"{path}: `encoding: {encoding}` is no text encoding that Python knows; utf-8, latin-1 "
            "and cp1252 are"
        ) from error
    except UnicodeError as error:
        place = getattr(error, "start", 0)
        line = data.count(b"\n", 0, place) + 1
        raise InputError(
            f"{path}, line {line}: the byte 0x{data[place]:02x} is not "
            f"valid {encoding} text; save the file as UTF-8, or name its encoding in the config "
            "(`encoding: latin-1`, for instance)"
        ) from error
    if b"\x00" in data:
        raise InputError(
            f"{path}: the file holds zero bytes, so it is not plain text (a spreadsheet, or UTF-16 "
            "without its mark?); export it as CSV in UTF-8, or name its `encoding` in the config"
        )
    data = data.removeprefix(codecs.BOM_UTF8)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data, encoding


def _find_encoding(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-32" if data.startswith(codecs.BOM_UTF32_LE) else "utf-16"
    try:
        if not data.isascii():
            data.decode()
    except UnicodeDecodeError:
        # Two readings of such a file: one-byte Western text, or UTF-8 that was damaged. Sequences
        # of several bytes that are valid UTF-8 hardly ever occur in one-byte text.
        if data.decode(errors="ignore").isascii():
            with suppress(UnicodeDecodeError):
                data.decode("cp1252")
                return "cp1252"
    return "utf-8"


def _read_text(path: Path, data: bytes, separator: str | None) -> tuple[pd.DataFrame, str]:
    """Return the cells of a delimited text in UTF-8 and what separates them."""
    size = SNIFFED_BYTES
    while size < len(data) and data.count(b"\n", 0, size) < 2:  # a header of 10,000 columns
        size *= 2
    start = data[:size].decode(errors="ignore")
    if not start.strip(NO_CELLS + "\n"):
        raise InputError(
            f"{path}: the file is empty; expected a header line and rows below it: export it again"
        )
    for beginning, what in NOT_TABLES.items():
        if start.lstrip().lower().startswith(beginning):
            raise InputError(f"{path}: this is {what}")
    announced = EXCEL_SEPARATOR_LINE.match(start)
    if announced:  # an empty line takes its place, so that lines keep their numbers
        separator = separator or announced[1]
        start = "\n" + start[announced.end() :]
        data = b"\n" + data[len(announced[0].encode()) :]
    if len(data) > size:
        start = start[: start.rfind("\n") + 1] or start
    separator = separator or find_separator(start)
    header, header_end, _ = _header_and_rows(start, separator)
    return _cells(_Text(path, data, separator, header, header_end)), separator


@dataclass(frozen=True)
class _Text:
    """A delimited text in UTF-8 with what is known about it."""

    path: Path
    data: bytes
    separator: str
    header: list[str]
    header_end: int  # its last line, counted from 1


def _cells(text: _Text) -> pd.DataFrame:
    """Return the cells below the header as strings."""
    body, delimiter = _after_line(text.data, text.header_end), text.separator
    if delimiter == " ":
        body, delimiter = _tab_separated(body.decode()).encode(), "\t"
    elif not delimiter.isascii():  # Arrow takes one byte, such as the one made for this
        body, delimiter = body.replace(delimiter.encode(), b"\x1f"), "\x1f"
    if not body or body.isspace():
        return pd.DataFrame(columns=text.header, dtype="str")
    try:
        table, ragged = _parsed(body, len(text.header), delimiter)
        # A quote behind a blank does not count as one, nor hides the separators after it.
        loose = re.compile(re.escape(delimiter.encode()) + rb' +"')
        if ragged and loose.search(body):
            body = loose.sub(f'{delimiter}"'.encode(), body)
            table, ragged = _parsed(body, len(text.header), delimiter)
    except pa.ArrowInvalid as error:
        raise _fault(text, str(error)) from error
    if ragged:
        row = ragged[0]
        raise _fault(text, f"a row has {row.actual_columns} cells: {row.text[:80]!r}", len(ragged))
    # A quote that is never closed takes the rest of the file for one cell.
    if body.count(b'"') % 2:
        last_row = table.slice(max(0, len(table) - 1)).to_pylist()
        if any("\n" in cell for row in last_row for cell in row.values()):
            raise _fault(text, "a quote is never closed")
    frame = table.to_pandas()
    frame.columns = text.header
    return frame


def _after_line(data: bytes, line: int) -> bytes:
    place = 0
    for _ in range(line):
        place = data.find(b"\n", place) + 1 or len(data)
    return data[place:]


def _parsed(body: bytes, width: int, delimiter: str) -> tuple[pa.Table, list[pa.csv.InvalidRow]]:
    """Return the rows that have `width` cells, as strings, and those that do not."""
    ragged: list[pa.csv.InvalidRow] = []

    def remember(row: pa.csv.InvalidRow) -> str:
        if row.text.strip(NO_CELLS + delimiter):
            ragged.append(row)
        return "skip"

    # Names of our own, so that every column can be declared text whatever the header says.
    names = [str(i) for i in range(width)]
    table = pa.csv.read_csv(
        pa.BufferReader(body),
        pa.csv.ReadOptions(column_names=names, block_size=BLOCK_BYTES),
        pa.csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=remember
        ),
        pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
        ),
    )
    return table, ragged


def _fault(text: _Text, otherwise: str, count: int = 1) -> InputError:
    """Return what to say about the first row that is not as the header wants it.

    Args:
        text: the text that could not be read.
        otherwise: what to say if Python's reader finds nothing wrong where Arrow's did.
        count: how many such rows there are.
    """
    width, separator = len(text.header), text.separator
    decoded = text.data.decode()
    lines = decoded.rstrip("\n").split("\n")
    for first, last, row in _rows(decoded, separator):
        if first <= text.header_end or (len(row) == width and last == first):
            continue
        excerpt = repr(lines[first - 1][:80])
        if last >= len(lines) and "".join(lines[first - 1 :]).count('"') % 2:
            return InputError(
                f"{text.path}, line {first}: a double quote is opened and never closed, so the "
                f"rest of the file is one cell: {excerpt}. Close or delete it"
            )
        if len(row) != width:
            name = SEPARATOR_NAMES.get(separator, separator)
            cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
            more = f"; {count:,} such rows in all" if count > 1 else ""
            return InputError(
                f"{text.path}, line {first}: {cells} where the header has {width} (separator: "
                f"{name}{more}): {excerpt}. {ONE_COLUMN_ADVICE if width == 1 else RAGGED_ADVICE}"
            )
    return InputError(f"{text.path}: the file cannot be read as a table: {otherwise}")


def _read_parquet(path: Path) -> pd.DataFrame:
    """Return a Parquet file's columns as the text that a CSV export of them would hold."""
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path}: the file is not readable Parquet ({error}); write or copy it again"
        ) from error
    texts = [_as_text(values) for values in table.columns]
    frame = pa.Table.from_arrays(texts, names=[str(i) for i in range(len(texts))]).to_pandas()
    # pandas keeps an index that has no name under such names.
    frame.columns = [re.sub(r"^__index_level_\d+__$", "", name) for name in table.column_names]
    return frame


def _as_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    try:
        return values.cast(pa.large_string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # lists, mappings, bytes
        texts = [None if value is None else str(value) for value in values.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.large_string())])
