"""Reading and writing tables: the only module that knows CSV from Parquet."""

import bz2
import codecs
import csv
import gzip
import io
import lzma
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from ml_baseline.errors import InputError
from ml_baseline.files import whole_file

SEPARATORS = (",", ";", "\t", "|")
SEPARATOR_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
# How much of a text is looked at to find its header and separator.
SNIFFED_BYTES = 1 << 18
SNIFFED_LINES = 100


def _unzipped(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        if len(names) != 1:
            raise InputError(f"the archive holds {len(names)} files, expected one table")
        return archive.read(names[0])


DECOMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
    ".zip": _unzipped,
}


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write `table` to `path` (.csv or .parquet), whole or not at all; the index is left out.

    Floats survive the round trip exactly; a float without a fraction is written as an integer.
    """
    content = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata()
    with whole_file(path) as temporary:
        if Path(path).suffix == ".parquet":
            import pyarrow.parquet

            pyarrow.parquet.write_table(content, temporary, compression="zstd")
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
            what their content looks like.
    """
    texts, floats = set(), set()
    for entry in (schema or {"columns": []})["columns"]:
        if entry.get("kind") == "category":
            texts.add(entry["name"])
        elif entry.get("kind") == "number":
            floats.add(entry["name"])
    if Path(path).suffix == ".parquet":
        table = pd.read_parquet(path)
    else:
        header = pd.read_csv(path, nrows=0).columns
        types = dict.fromkeys(texts & set(header), "str") | dict.fromkeys(
            floats & set(header), "float64"
        )
        table = pd.read_csv(path, dtype=types, keep_default_na=False, na_values=[""])
    # A column without any value is read as objects; it is a number that is never there.
    empty = [name for name in table.columns if name not in texts and table[name].isna().all()]
    return table.astype(
        {name: "float64" for name in table.columns if name in floats or name in empty}
    )


def read_raw_table(
    path: str | Path, separator: str | None = None, encoding: str | None = None
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Read a table as it came: every cell is text, nothing is interpreted yet.

    Args:
        path: .csv, .tsv, .txt or .parquet; the text formats also as .gz, .bz2, .xz or .zip.
        separator: one character between cells; found out if None.
        encoding: a codec's name; found out if None (UTF-8, UTF-16 with its mark, Windows-1252).

    Returns:
        The cells, with None where a Parquet file has nulls, and how the file was read
        (`format`, and for text `separator` and `encoding`).

    Raises:
        InputError: the file is missing, empty, has a header only, duplicate column names, rows of
            different lengths, or bytes that are not text.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file{_similar_file(path)}")
    if path.suffix == ".parquet":
        table, reading = _read_parquet(path), {"format": "parquet"}
    else:
        data, encoding = _as_utf8(path, _bytes(path), encoding)
        start = data[:SNIFFED_BYTES].decode(errors="ignore")
        if not start.strip():
            raise InputError(f"{path}: the file is empty; expected a header line and rows")
        if len(data) > SNIFFED_BYTES:
            start = start[: start.rfind("\n") + 1] or start
        separator = separator or find_separator(start)
        table = _parsed(path, data, _rows(start, separator)[0], separator)
        reading = {"format": "text", "separator": separator, "encoding": encoding}
    names = [str(name).strip().strip('"').strip() for name in table.columns]
    repeated = sorted(name for name, times in Counter(names).items() if times > 1 and name)
    if repeated:
        raise InputError(
            f"{path}: the column name {_quoted(repeated)} stands more than once in the header; "
            "every column needs a name of its own: rename them in the file"
        )
    table.columns = [name or f"unnamed_{i}" for i, name in enumerate(names, start=1)]
    if not len(table):
        raise InputError(
            f"{path}: the file has a header ({len(names)} columns) and no rows below it"
        )
    return table, reading


def find_separator(start: str) -> str:
    """Return the separator of a delimited text, judged by its first lines.

    Of comma, semicolon, tab and bar, the one that splits the most lines into as many cells as
    the header has; where two do equally well, the one with more cells. A text that none of them
    splits has one column, and a comma is as good as any.
    """
    best = (0.0, 0, ",")
    for separator in SEPARATORS:
        rows = _rows(start, separator)[:SNIFFED_LINES]
        width = len(rows[0])
        agreeing = sum(len(row) == width for row in rows) / len(rows)
        if width > 1 and (agreeing, width) > best[:2]:
            best = (agreeing, width, separator)
    return best[2]


def _rows(start: str, separator: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(start), delimiter=separator) if row]


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _similar_file(path: Path) -> str:
    import difflib

    if not path.parent.is_dir():
        return f" (nor a folder {path.parent}); paths are relative to where snakemake runs"
    names = difflib.get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1)
    return f"; did you mean {path.parent / names[0]}?" if names else f" in {path.parent}"


def _bytes(path: Path) -> bytes:
    data = path.read_bytes()
    decompress = DECOMPRESSORS.get(path.suffix)
    if decompress is None:
        return data
    try:
        return decompress(data)
    except (OSError, EOFError, lzma.LZMAError, zipfile.BadZipFile, ValueError) as error:
        if isinstance(error, InputError):
            raise InputError(f"{path}: {error}") from error
        raise InputError(
            f"{path}: the {path.suffix} archive is damaged or incomplete ({error}); "
            "copy or download it again"
        ) from error


def _as_utf8(path: Path, data: bytes, encoding: str | None) -> tuple[bytes, str]:
    """Return the text as UTF-8 and the name of the encoding it was in."""
    if encoding:
        try:
            return data.decode(encoding).encode(), encoding
        except LookupError as error:
            raise InputError(f"{path}: there is no encoding named '{encoding}'") from error
        except UnicodeError as error:
            raise InputError(f"{path}: the file is not in the encoding {encoding}: {error}") from (
                error
            )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16").encode(), "utf-16"
    if b"\x00" in data:
        raise InputError(
            f"{path}: the file holds zero bytes, so it is not plain text (a spreadsheet, or UTF-16 "
            "without its mark?); export it as CSV in UTF-8, or name its `encoding` in the config"
        )
    try:
        if not data.isascii():
            data.decode()
        return data.removeprefix(codecs.BOM_UTF8), "utf-8"
    except UnicodeDecodeError as error:
        # Two readings of such a file: one-byte Western text, or UTF-8 that was damaged. Sequences
        # of several bytes that are valid UTF-8 hardly ever occur in one-byte text.
        damaged = not data.decode(errors="ignore").isascii()
        with suppress(UnicodeDecodeError):
            if not damaged:
                return data.decode("cp1252").encode(), "cp1252"
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: the byte 0x{data[error.start]:02x} is not valid UTF-8 text, and "
            "the file does not look like Windows-1252 either; save it as UTF-8, or name its "
            "encoding in the config (`encoding: latin-1`, for instance)"
        ) from error


def _parsed(path: Path, data: bytes, header: list[str], separator: str) -> pd.DataFrame:
    """Return the cells below the header of a delimited text in UTF-8 as strings."""
    ragged: list[pa.csv.InvalidRow] = []

    def remember(row: pa.csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    # Names of our own, so that every column can be declared text whatever the header says.
    names = [f"{i}" for i in range(len(header))]

    def parse(threads: bool) -> pa.Table:
        return pa.csv.read_csv(
            pa.BufferReader(data),
            pa.csv.ReadOptions(column_names=names, use_threads=threads, block_size=1 << 24),
            pa.csv.ParseOptions(
                delimiter=separator, newlines_in_values=True, invalid_row_handler=remember
            ),
            pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
            ),
        )

    try:
        table = parse(threads=True)
        if ragged:  # again, in order, to learn the line numbers
            ragged.clear()
            parse(threads=False)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path}: the file cannot be read as a table: {error}") from error
    if ragged:
        first = ragged[0]
        name = SEPARATOR_NAMES.get(separator, repr(separator))
        raise InputError(
            f"{path}, line {first.number}: {first.actual_columns} cells, but the header has "
            f"{first.expected_columns} ({len(ragged)} such rows; separator: {name}). The line: "
            f"{first.text[:80]!r}. Quote cells that hold the separator, or set `separator`"
        )
    frame = table.slice(1).to_pandas()
    frame.columns = header
    return frame


def _read_parquet(path: Path) -> pd.DataFrame:
    """Return a Parquet file's columns as the text that a CSV export of them would hold."""
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: the file is not readable Parquet: {error}") from error
    texts = []
    for name, values in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        try:
            texts.append(values.cast(pa.large_string()))
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise InputError(
                f"{path}: column '{name}' holds {values.type}; expected numbers, text, booleans "
                "or dates: drop the column or spread it over several"
            ) from error
    frame = pa.Table.from_arrays(texts, names=[str(i) for i in range(len(texts))]).to_pandas()
    frame.columns = table.column_names
    return frame
