"""Files that are no tables, each with the words its user has to read; for the unit and the workflow tests."""

import bz2
import gzip
import io
import lzma
import os
import pickle
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from running import small_table

GOOD = small_table().encode()
HEADER, *LINES = small_table().splitlines()


def _zip(*names: str, content: bytes = GOOD) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return buffer.getvalue()


def _bomb(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"\x00" * (1 << 24))
    return buffer.getvalue()


def _sqlite() -> bytes:
    with sqlite3.connect(":memory:") as base:
        base.execute("create table t (a, b)")
        return base.serialize()


def _feather() -> bytes:
    buffer = io.BytesIO()
    pd.DataFrame({"a": [1]}).to_feather(buffer)
    return buffer.getvalue()


def _numpy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


# What a file begins with, or holds, and what it is said to be.
CONTENTS: dict[str, tuple[bytes, str]] = {
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "a PDF; export the table as CSV"),
    "postscript": (b"%!PS-Adobe-3.0\n", "PostScript"),
    "json": (b'{"a": [1, 2], "b": [3, 4]}\n', "JSON in one piece; write an object on each line"),
    "json_records": (b'[\n  {"a": 1},\n  {"a": 2}\n]\n', "JSON in one piece"),
    "json_rows": (b"[[1, 2], [3, 4]]", "JSON in one piece"),
    "html": (b"<!DOCTYPE html>\n<html><table></table></html>", "a web page; download the table"),
    "html_upper": (b"\n  <HTML><BODY>404</BODY></HTML>", "a web page; download the table"),
    "xml": (b'<?xml version="1.0"?><rows><row a="1"/></rows>', "XML; export the table as CSV"),
    "rtf": (b"{\\rtf1\\ansi a,b}", "a word processor's file"),
    "arff": (b"@RELATION iris\n@ATTRIBUTE a NUMERIC\n@DATA\n1\n", "an ARFF file"),
    "git_lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:x\n", "git lfs pull"),
    "sqlite": (_sqlite(), "an SQLite database; export the table as CSV"),
    "png": (b"\x89PNG\r\n\x1a\n\x00\x00", "an image"),
    "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "an image"),
    "gif": (b"GIF89a\x01\x00", "an image"),
    "tiff": (b"II*\x00\x08\x00", "an image"),
    "webp": (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "an image"),
    "bitmap": (b"BM\x36\x00\x0c\x00\x00\x00\x00\x00\x36\x00", "an image"),
    "old_excel": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 99,
        "no workbook that can be read",
    ),
    "excel": (_zip("[Content_Types].xml", "xl/workbook.xml"), "no workbook that can be read"),
    "open_document": (_zip("mimetype", "content.xml"), "no workbook that can be read"),
    "word": (_zip("[Content_Types].xml", "word/document.xml"), "a document or a presentation"),
    "slides": (_zip("_rels/.rels", "ppt/presentation.xml"), "a document or a presentation"),
    "writer": (
        _zip("mimetype", content=b"application/vnd.oasis.opendocument.text"),
        "a document or a presentation",
    ),
    "numbers": (_zip("Index/Document.iwa", "Metadata/a.plist"), "an Apple Numbers file"),
    "access": (b"\x00\x01\x00\x00Standard ACE DB\x00", "an Access database"),
    "duckdb": (b"\x11" * 8 + b"DUCK\x40\x00", "a DuckDB database"),
    "tar": (b"t.csv".ljust(257, b"\x00") + b"ustar\x0000", "a tar archive"),
    "rds": (b"X\n\x00\x00\x00\x03\x00\x04", "an R data file"),
    "sas_transport": (b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!000", "a SAS file"),
    "hdf5": (b"\x89HDF\r\n\x1a\n\x00", "an HDF5 file"),
    "feather": (_feather(), "a Feather file"),
    "avro": (b"Obj\x01\x04\x14avro.codec", "an Avro file"),
    "orc": (b"ORC\x0a\x03\x00", "an ORC file"),
    "numpy": (_numpy(), "a NumPy array"),
    "pickle": (pickle.dumps({"a": [1]}), "a Python pickle"),
    "r_data": (b"RDX3\nX\n\x00\x00", "an R data file"),
    "stata": (b"<stata_dta><header>", "a Stata file"),
    "spss": (b"$FL2@(#) SPSS DATA FILE", "an SPSS file"),
    "sas": (b"\x00" * 12 + b"\xc2\xea\x81\x60", "a SAS file"),
    "seven_zip": (b"7z\xbc\xaf\x27\x1c\x00\x04", "an archive that is not read"),
    "rar": (b"Rar!\x1a\x07\x00", "an archive that is not read"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04\x00", "compressed by zstd"),
    "program": (b"\x7fELF\x02\x01\x01", "a program"),
    "key": (b"-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n", "a key or a signed message"),
    "two_tables": (_zip("a.csv", "b.csv"), "holds 2 files, expected one table (a.csv, b.csv)"),
    "no_tables": (_zip(), "holds 0 files"),
    "empty": (b"", "the file is empty"),
    "blank": (b" \n\t\n\r\n", "the file is empty"),
    "mark_only": (b"\xef\xbb\xbf", "the file is empty"),
    "header_only": (HEADER.encode() + b"\n", "no rows below it"),
    "header_and_blanks": (HEADER.encode() + b"\n\n \n", "no rows below it"),
    "zero_bytes": (GOOD.replace(b"red", b"r\x00d"), "zero bytes"),
    "only_zero_bytes": (b"\x00" * 5000, "zero bytes"),
    "utf16_without_mark": (GOOD.decode().encode("utf-16-le"), "zero bytes"),
    "utf16_cut": (GOOD.decode().encode("utf-16")[:-1], "not valid utf-16"),
    "damaged_utf8": ("é,b\n1,2\n".encode() + b"\xff,2\n", "line 3: the byte 0xff"),
    "long_row": (GOOD + b"1,2,3,4,5,6\n", "line 122: 6 cells where the header has 4"),
    "short_row": (GOOD + b"1,2\n", "line 122: 2 cells where the header has 4"),
    "title": (b"Export\n" + GOOD, "line 2: 4 cells where the header has 1"),
    "open_quote": (GOOD + b'1,"2,red,yes\n', "line 122: a double quote is opened"),
    "same_names": (b"a,b,a\n1,2,3\n", "'a' stands more than once"),
    "no_header": (b"1,1,0\n2,3,4\n", "'1' stands more than once"),
    "parquet_mark": (b"PAR1", "not readable Parquet"),
    "parquet_cut": (b"PAR1" + b"\x00" * 99 + b"PAR1", "not readable Parquet"),
}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda content: gzip.compress(content, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zip": lambda content: _zip("table.csv", content=content),
}
# What cannot be told where it is packed: an archive in an archive is none of a table's doing.
NOT_PACKED = ("old_excel", "excel", "open_document", "word", "slides", "writer", "numbers")
NOT_PACKED += ("two_tables", "no_tables", "parquet_mark", "parquet_cut")


def _files() -> dict[str, tuple[bytes, str]]:
    files = {f"{name}.csv": case for name, case in CONTENTS.items()}
    for name in CONTENTS:
        if name in NOT_PACKED:
            continue
        suffix = [*PACKERS][len(files) % len(PACKERS)]  # one way each, all ways in turn
        files[f"{name}.csv{suffix}"] = (PACKERS[suffix](CONTENTS[name][0]), CONTENTS[name][1])
    for suffix, pack in PACKERS.items():
        packed = pack(np.random.default_rng(0).bytes(400).hex().encode())
        files[f"plain.csv{suffix}"] = (GOOD, f"the {suffix} archive cannot be read")
        files[f"cut.csv{suffix}"] = (packed[: len(packed) // 2], "archive cannot be read")
        files[f"unnamed_cut{suffix[1:]}.csv"] = (packed[:30], "archive cannot be read")
    inside = "holds another archive, a workbook or a Parquet file"
    files["t.parquet.gz"] = (gzip.compress(b"PAR1"), inside)
    files["t.xlsx.gz"] = (gzip.compress(CONTENTS["excel"][0]), inside)
    files["bomb.xlsx"] = (_bomb("[Content_Types].xml"), "unpacks to over 400 times")
    files["array.jsonl"] = (
        b'[{"a": 1}]\n',
        "line 1: found '[{\"a\": 1}]'; expected an object on each",
    )
    files["bomb.csv.bz2"] = (bz2.compress(b"1,2\n" * (1 << 19)), "unpacks to over 400 times")
    for name in ("text", "zeros"):
        content = GOOD if name == "text" else b"\x00" * 2000
        files[f"{name}.parquet"] = (content, "not readable Parquet")
    return files


FILES = _files()


def _link(path: Path, target: str) -> None:
    path.symlink_to(target)


# What stands in the folder under the name and is no file to read, and what is said about it.
PLACES: dict[str, tuple[Callable[[Path], None], str]] = {
    "absent.csv": (lambda path: None, "there is no such file"),
    "tabel.csv": (lambda path: path.with_name("table.csv").touch(), "did you mean"),
    "nowhere/t.csv": (lambda path: None, "nor its folder"),
    "folder.csv": (lambda path: path.mkdir(), "this is a folder"),
    "fifo.csv": (lambda path: os.mkfifo(path), "this is a pipe"),
    "dangling.csv": (lambda path: _link(path, "gone/t.csv"), "a link to gone/t.csv, which is not"),
    "loop.csv": (lambda path: _link(path, "loop.csv"), "symbolic links"),
    "zero.csv": (lambda path: _link(path, "/dev/zero"), "this is a device"),
    "to_folder.csv": (lambda path: _link(path, "."), "this is a folder"),
    "n" * 300 + ".csv": (lambda path: None, "name"),
}
