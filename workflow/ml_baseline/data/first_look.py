"""What the beginning of a table's file tells at each start: without pandas or Arrow, which take longer."""

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from html import escape
from typing import Any
from xml.etree import ElementTree

from ml_baseline.data.header_names import unknown_column, visible_name
from ml_baseline.data.source import READ_BYTES, SHEETS, SourceFile, require_sheet
from ml_baseline.errors import InputError

# The parts of a .xlsx that have texts, and how much of each is looked at.
TEXTS = re.compile(r"xl/(?:sharedStrings|worksheets/\w+)\.xml")
PART_BYTES = 1 << 18
# A larger file of a kind that is read whole for its columns is left to the job that reads it anyway.
SMALL_BYTES = 1 << 21


def plain_absence(path: str, sheet: str | None = None) -> tuple[str, bool]:
    """Return why a file cannot be a table, "" if it may be one; and whether it is the sheet that it lacks."""
    titles = None
    try:
        source = SourceFile(path)
        if sheet is not None and source.start.startswith(b"PK"):
            archive = source.archive()
            if SHEETS in archive.namelist():
                with source.unpacked(".xlsx"):
                    sheets = ElementTree.fromstring(archive.read(SHEETS)).iterfind(".//{*}sheet")
                titles = [entry.get("name", "") for entry in sheets]
                require_sheet(path, sheet, titles)
    except InputError as error:
        return str(error), titles is not None
    return "", False


def missing_columns(
    path: str, settings: Mapping[str, Any], names: Collection[str]
) -> dict[str, str]:
    """Return which of these columns a table certainly lacks, each with what to say.

    Nothing of a file that has to be read whole for its columns and is large: the job that cleans it will
    tell. Raises InputError if the file, or its header, cannot be read, as far as it was looked at.
    """
    source = SourceFile(path)
    is_long = source.format not in ("text", "parquet") and source.size > SMALL_BYTES
    with suppress(UnicodeError):
        if not _seen(source, settings, names).issuperset(names) and not is_long:
            from ml_baseline.data.tables import open_rows

            known = open_rows(path, settings, [str(settings["target"])]).names
            return {name: unknown_column(name, known) for name in names if name not in known}
    return {}


def _seen(source: SourceFile, settings: Mapping[str, Any], names: Collection[str]) -> set[str]:
    """Return what may be names of columns at a glance, all `names` if a glance does not tell.

    More than there are, so that a table that is right costs no more than this.
    """
    if source.format == "parquet":  # its last part has each name behind the number of its bytes
        with source.path.open("rb") as file:
            file.seek(max(0, source.size - READ_BYTES))
            end = file.read()
        return {n for n in names if bytes([len(n.encode()) % 128]) + n.encode() in end}
    if source.format == "workbook":
        if not source.start.startswith(b"PK"):
            return {*names}
        archive, start = source.archive(), b""
        for part in filter(TEXTS.match, archive.namelist()):
            with source.unpacked(".xlsx"), archive.open(part) as texts:
                start += texts.read(PART_BYTES)
        return {name for name in names if f">{escape(name, quote=False)}<".encode() in start}
    start = next(source.blocks(), b"")
    if source.format == "json_lines":
        return {name for name in names if f'"{name.rpartition(".")[2]}"'.encode() in start}
    header = start.decode(settings.get("encoding") or "utf-8", "replace").strip().partition("\n")[0]
    signs = re.escape(settings.get("separator") or "") or r",;\t|"
    return {visible_name(cell) for cell in re.split(f"[{signs}]", header)}
