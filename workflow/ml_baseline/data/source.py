"""The file a table comes from: that there is one, what it is, and its bytes unpacked."""

import bz2
import gzip
import lzma
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

from ml_baseline.errors import InputError, did_you_mean, similar

READ_BYTES = 1 << 20
# How much of a file is looked at to tell what it is.
MARK_BYTES = 1 << 12
# From so many bytes on, and so many for each packed one, an archive is no table but a bomb: the
# most that gzip can do is 1,032, and tables come to 5 or 10.
BOMB_BYTES, BOMB_RATIO = 1 << 28, 400

EXPORT = "export the table as CSV"
# How the files begin that are given for tables and are none, and what to do about each. Compared
# without regard to case, blanks before it left out.
NOT_TABLES = {
    rb"<!doctype html|<html": "a web page; download the table itself",
    rb"<\?xml": f"XML; {EXPORT}",
    rb"version https://git-lfs": "a Git LFS pointer, not the table; run `git lfs pull`",
    rb"@relation": f"an ARFF file; {EXPORT} with a header line",
    rb"\{\\rtf": "a word processor's file; save the table as CSV",
    rb'[\[{]\s*(?:["{\[\]}]|-?\d+\s*[,\]])': "JSON in one piece; write an object on each line, as "
    ".jsonl (`jq -c '.[]' FILE > FILE.jsonl`, or pandas.read_json and DataFrame.to_json with "
    "orient='records', lines=True)",
    rb"%pdf-": f"a PDF; {EXPORT} from the program that made it",
    rb"%!ps": f"PostScript; {EXPORT} from the program that made it",
    rb"sqlite format 3\x00": f"an SQLite database; {EXPORT} (`sqlite3 -header -csv FILE 'select * from "
    "TABLE'`)",
    rb"\x89png|\xff\xd8\xff|gif8[79]a|ii\*\x00|mm\x00\*|riff....webp|bm.{4}\x00{4}": "an image; give "
    "the table as text",
    rb"\x89hdf": f"an HDF5 file; {EXPORT}",
    rb"(?-i:ARROW1|FEA1)\x00": "a Feather file; write it as Parquet or CSV",
    rb"PK\x03\x04.{,4000}?(?-i:word/|ppt/)|PK\x03\x04.{26}mimetypeapplication/vnd.oasis.opendocument"
    rb"\.(?!spreadsheet)": "a document or a presentation; save its table as .xlsx or CSV",
    rb"PK\x03\x04.{26}(?-i:Index/)": "an Apple Numbers file; export it as Excel or CSV",
    rb"obj\x01": f"an Avro file; {EXPORT}",
    rb"(?-i:ORC)[\x00-\x1f]": f"an ORC file; {EXPORT}",
    rb"\x93numpy": f"a NumPy array; {EXPORT} with a header line",
    rb"\x80[\x02-\x05]": f"a Python pickle; {EXPORT}",
    rb"(?-i:(?:RD[AX][23]\n)?X\n(?:\x00\x00|\Z))": f"an R data file; {EXPORT} with `write.csv`",
    rb"<stata_dta>|[\x71-\x73][\x01\x02]\x01\x00": f"a Stata file; {EXPORT}",
    rb"\$fl[23]@": f"an SPSS file; {EXPORT}",
    rb"\x00{12}\xc2\xea\x81\x60|header record\*": f"a SAS file; {EXPORT}",
    rb"\x00\x01\x00\x00standard (?:jet|ace) db": f"an Access database; {EXPORT}",
    rb".{8}(?-i:DUCK)": f"a DuckDB database; {EXPORT} (`copy TABLE to 'FILE.csv'`)",
    rb".{257}ustar": "a tar archive; unpack it and name the table",
    rb"7z\xbc\xaf\x27\x1c|(?-i:Rar!\x1a)": "an archive that is not read; unpack it, or pack it as .gz or .zip",
    rb"\x28\xb5\x2f\xfd|\x04\x22\x4d\x18": "compressed by zstd or lz4; unpack it, or pack it as .gz",
    rb"\x7felf|(?-i:MZ\x90\x00)": "a program, not a table",
    rb"-----begin": "a key or a signed message, not a table",
}
NOT_TABLE = {
    re.compile(rb"\s*(?:" + mark + rb")", re.DOTALL | re.IGNORECASE): what
    for mark, what in NOT_TABLES.items()
}


class Format(NamedTuple):
    """What tables are read from."""

    rows: str  # the class of its `tables.Rows`, for `pkgutil.resolve_name`: imported when it is needed
    mark: bytes  # how its files begin
    suffix: str | None = None  # or are named


# The first that fits. Workbooks are compound files, or archives that begin with one of these; what is
# called .xls may be anything.
FORMATS = {
    "parquet": Format("ml_baseline.data.parquet:ParquetRows", rb"PAR1", r"\.parquet"),
    "workbook": Format(
        "ml_baseline.data.workbook:WorkbookRows",
        rb"\xd0\xcf\x11\xe0|PK\x03\x04.{26}(?:\[Content_Types\]|_rels/|docProps/|customXml/|xl/|mimetype"
        rb"|META-INF/|content\.xml)",
    ),
    "json_lines": Format(
        "ml_baseline.data.json_lines:JsonRows",
        rb'\s*\{\s*"[^\n]*\}\s*\n\s*\{\s*"',
        r"\.(?:jsonl|ndjson)(?:\.(?:gz|bz2|xz|zip))?",
    ),
    "text": Format("ml_baseline.data.text:TextRows", b""),
}

# The part of a .xlsx that lists its sheets.
SHEETS = "xl/workbook.xml"

# How files begin that are packed already, and so are not packed once more.
PACKED = (b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b\x08", b"\xfd7zXZ\x00")

# What stands under a path and is no file to read twice.
NO_FILES = {
    stat.S_ISDIR: "this is a folder, expected a file; name the table in it",
    stat.S_ISFIFO: "this is a pipe, which can be read only once; write its content to a file",
    stat.S_ISCHR: "this is a device, not a file; write its content to a file",
    stat.S_ISBLK: "this is a device, not a file; write its content to a file",
    stat.S_ISSOCK: "this is a socket, not a file; write its content to a file",
}


class SourceFile:
    """A file that a table is read from, more than once if need be.

    `name` is what messages call it, if not its path; `format` one of `FORMATS`; `size` its bytes,
    `position` those read so far.

    Raises:
        InputError: there is no such file, it may not be read, or it is of a kind that is no table.
    """

    def __init__(self, path: str | Path, name: str | None = None):
        self.path, self.name = Path(path), name or str(path)
        self.position = 0
        with self._heard():
            state = self.path.stat()
            for is_kind, words in NO_FILES.items():
                if is_kind(state.st_mode):
                    raise InputError(f"{self.name}: {words}")
            with self.path.open("rb") as file:
                self.start = file.read(MARK_BYTES)
        self.size, self._written = state.st_size, state.st_mtime_ns
        self.format = _format(self.path.name, self.start)
        if self.format in ("text", "workbook") and (what := not_a_table(self.start)):
            raise InputError(f"{self.name}: this is {what}")

    def blocks(self) -> Iterator[bytes]:
        """Yield the content, unpacked; how it is packed tells its name or else its first bytes."""
        suffix = self.path.suffix.lower()
        if suffix not in OPENERS:
            marks = COMPRESSION_MARKS.items()
            suffix = next((s for begin, s in marks if self.start.startswith(begin)), "")
        total = 0
        with self._heard():
            unpacked = self.unpacked(suffix) if suffix else nullcontext()
            with self.path.open("rb") as raw, unpacked, OPENERS[suffix](raw) as file:
                while block := file.read(READ_BYTES):
                    self.position = raw.tell()
                    if suffix and not total:
                        self._require_text(block)
                    total += len(block)
                    _require_no_bomb(total, self.position)
                    yield block
            self.require_unchanged()

    def _require_text(self, unpacked: bytes) -> None:
        if unpacked.startswith(PACKED):
            raise InputError("it holds another archive, a workbook or a Parquet file; unpack it")
        if self.format != "json_lines" and (what := not_a_table(unpacked)):
            raise InputError(f"this is {what}")

    def archive(self) -> zipfile.ZipFile:
        """Return the file as an archive of several, looked at whether it is one and no bomb."""
        with self._heard(), self.unpacked(self.path.suffix or ".zip"):
            archive = zipfile.ZipFile(self.path)
            _require_no_bomb(sum(part.file_size for part in archive.infolist()), self.size)
            return archive

    def require_unchanged(self) -> None:
        """Raise InputError if the file has been written to since it was opened here."""
        with self._heard():
            state = self.path.stat()
        if (state.st_size, state.st_mtime_ns) != (self.size, self._written):
            raise InputError(
                f"{self.name}: the file has changed while it was read; start again once nothing "
                "writes to it any more"
            )

    @contextmanager
    def unpacked(self, suffix: str) -> Iterator[None]:
        """Tell what goes wrong in unpacking as a damaged archive."""
        try:
            yield
        except InputError as error:
            raise InputError(f"{self.name}: {error}") from error
        # What the four raise on damage: theirs, zlib's error, and RuntimeError for a password.
        except Exception as error:
            raise InputError(
                f"{self.name}: the {suffix} archive cannot be read ({error}); it may be damaged or "
                "incomplete: copy or download it again"
            ) from error

    @contextmanager
    def _heard(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise InputError(f"{self.name}: {absence(self.path)}") from error
        except PermissionError as error:
            raise InputError(
                f"{self.name}: you may not read this file; if it is yours, `chmod u+r` gives you the "
                "right, else ask its owner for it"
            ) from error
        except OSError as error:
            raise InputError(
                f"{self.name[:200]}: the file cannot be read ({error.strerror or error}); check "
                "the path and the disk"
            ) from error


def require_sheet(name: str, sheet: str, titles: list[str]) -> None:
    """Raise InputError if a workbook has no such sheet."""
    if sheet not in titles:
        close = [f"'{title}'" for title in similar(sheet, titles)]
        advice = did_you_mean(close, "name one of them")
        known = ", ".join(f"'{title}'" for title in titles)
        raise InputError(
            f"{name}: there is no sheet '{sheet}' in the workbook; it has {known}; {advice}"
        )


def _format(name: str, start: bytes) -> str:
    """Return the format of a file that is named so and begins so."""
    return next(
        known
        for known, (_, mark, suffix) in FORMATS.items()
        if re.match(mark, start, re.DOTALL)
        or (suffix is not None and re.search(f"{suffix}$", name, re.IGNORECASE))
    )


def _require_no_bomb(unpacked: int, packed: int) -> None:
    if unpacked > max(BOMB_BYTES, BOMB_RATIO * packed):
        raise InputError(
            f"it unpacks to over {BOMB_RATIO} times its size, as no table does; if it is one, unpack "
            "it yourself"
        )


def not_a_table(start: bytes) -> str | None:
    """Return what a file that begins so is, and what to do, if it is known to be no table."""
    return next((what for mark, what in NOT_TABLE.items() if mark.match(start)), None)


def absence(path: Path) -> str:
    """Return why there is no file under a path, and what to do about it."""
    if path.is_symlink():
        return f"this is a link to {path.readlink()}, which is not there; set the link anew"
    if not path.parent.is_dir():
        return "there is no such file, nor its folder; paths are relative to the working directory"
    near = similar(path.name, [file.name for file in path.parent.iterdir() if file.is_file()], n=1)
    hint = did_you_mean([path.parent / name for name in near], "check the path")
    return f"there is no such file; {hint}"


def _unzipped(raw: BinaryIO) -> IO[bytes]:
    """Return the one table in an archive."""
    archive = zipfile.ZipFile(raw)
    names = [name for name in archive.namelist() if not name.endswith("/")]
    names = [name for name in names if not name.startswith("__MACOSX/")]
    if len(names) != 1:
        shown = f" ({', '.join(names[:3])}{' ...' if len(names) > 3 else ''})" if names else ""
        raise InputError(
            f"the archive holds {len(names)} files, expected one table{shown}; unpack it and name "
            "the table"
        )
    return archive.open(names[0])


OPENERS: dict[str, Callable[[BinaryIO], Any]] = {
    "": nullcontext,
    ".gz": lambda raw: gzip.GzipFile(fileobj=raw),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zip": _unzipped,
}
# How compressed files begin, for those whose name does not say it.
COMPRESSION_MARKS = {
    b"\x1f\x8b\x08": ".gz",
    b"BZh": ".bz2",
    b"\xfd7zXZ\x00": ".xz",
    b"PK\x03\x04": ".zip",
    b"PK\x05\x06": ".zip",  # without any file
}
