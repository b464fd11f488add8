"""Tables come back as they were written, and raw ones as they stand in the file."""

import bz2
import datetime
import decimal
import gzip
import io
import lzma
import zipfile
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

from ml_baseline.data import csv_files, text
from ml_baseline.data.tables import open_rows, read_raw_table, read_table, write_table
from ml_baseline.data.text import ReadAgainError, find_separator
from ml_baseline.errors import InputError

pytestmark = pytest.mark.filterwarnings("error")


# ------------------------------------------------------------------ write and read


def odd_table(rows=200):
    """A table of everything that gets lost easily, and its schema."""
    rng = np.random.default_rng(0)
    floats = rng.standard_normal(rows) * 10.0 ** rng.integers(-300, 300, rows)
    floats[:8] = [0.1, -0.0, 5e-324, 1.7976931348623157e308, 1e22, 1 / 3, 2.0, np.nan]
    gaps = rng.integers(-9, 9, rows).astype("float64")
    gaps[::7] = np.nan
    words = [
        "a,b",
        'say "hi"',
        "two\nlines",
        "two\r\nlines",
        "Ünï çødé 漢字 🙂",
        "007",
        "NA",
        "null",
    ]
    words += ["  blanks ", "1.50", "true", "#x", "'q'", ";|\t", "nan", None]
    many = pd.Series([words[i % len(words)] for i in range(rows)], dtype="str")
    columns = {
        "row_id": ("integer", np.arange(rows)),
        "user, id": ("category", pd.Series([f"0{i}" for i in range(rows)], dtype="str")),
        "float": ("number", floats),
        "whole float": ("number", np.arange(rows, dtype="float64")),
        "integer": ("integer", rng.integers(-(2**62), 2**62, rows)),
        'gaps "quoted"': ("integer", gaps),
        "two\nlines": ("category", many),
        "numbers as text": ("category", pd.Series(["1", "02"] * (rows // 2), dtype="str")),
        "empty text": ("category", pd.Series([None] * rows, dtype="str")),
        "empty number": ("number", np.full(rows, np.nan)),
        "empty integer": ("integer", np.full(rows, np.nan)),
        "target": ("boolean", np.arange(rows) % 2),
    }
    schema = {"columns": [{"name": name, "kind": kind} for name, (kind, _) in columns.items()]}
    schema["columns"].append({"name": "secret", "kind": "category"})
    return pd.DataFrame({name: values for name, (_, values) in columns.items()}), schema


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_comes_back_exactly(tmp_path, suffix):
    table, schema = odd_table()
    write_table(table, tmp_path / f"t{suffix}")
    back = read_table(tmp_path / f"t{suffix}", schema)
    pd.testing.assert_frame_equal(back, table, check_exact=True)
    floats = back["float"].to_numpy()
    assert floats.tobytes() == table["float"].to_numpy().tobytes()  # the sign of zero too


def test_cells_over_several_lines_may_span_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 600)
    monkeypatch.setattr(text, "BLOCK_BYTES", 600)
    table, schema = odd_table()
    write_table(table, tmp_path / "t.csv")
    back = read_table(tmp_path / "t.csv", schema)
    pd.testing.assert_frame_equal(back, table, check_exact=True)
    names = [name.replace("\n", " ") for name in table.columns]
    texts = read_raw_table(tmp_path / "t.csv")[0].set_axis(names, axis=1)["two lines"]
    assert texts.tolist() == [
        text.replace("\r\n", "\n") for text in table["two\nlines"].fillna("").tolist()
    ]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_writing_again_gives_the_same_bytes(tmp_path, suffix):
    table, schema = odd_table()
    one, two = tmp_path / f"1{suffix}", tmp_path / f"2{suffix}"
    write_table(table, one)
    write_table(read_table(one, schema), two)
    assert one.read_bytes() == two.read_bytes()


def test_the_index_is_left_out_and_rows_keep_their_order(tmp_path):
    table = pd.DataFrame({"a": np.arange(1000)}).sample(frac=1, random_state=0)
    write_table(table, tmp_path / "t.csv")
    assert read_table(tmp_path / "t.csv")["a"].tolist() == table["a"].tolist()


def test_a_csv_has_no_needless_quotes(tmp_path):
    table = pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan], "c": ["x y", None]})
    write_table(table, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "a,b,c\n1,0.5,x y\n2,,\n"


def test_the_header_does_not_depend_on_the_cells(tmp_path):
    for cell in ("x", 'one, "two"'):
        write_table(pd.DataFrame({"a": [1], "b, c": [cell]}), tmp_path / "t.csv")
        assert (tmp_path / "t.csv").read_text().startswith('a,"b, c"\n1,')
        assert read_table(tmp_path / "t.csv")["b, c"].tolist() == [cell]


def test_without_a_schema_columns_get_what_they_look_like(tmp_path):
    (tmp_path / "t.csv").write_text(
        "int,float,gaps,text,date,bool,empty,mixed\n1,1.5,1,a,2024-01-31,true,,1\n"
        "2,2,,b,2024-02-01,false,,x\n"
    )
    table = read_table(tmp_path / "t.csv")
    types = {name: str(table[name].dtype) for name in table.columns}
    assert types == {
        **{"int": "int64", "float": "float64", "gaps": "float64", "text": "str", "date": "str"},
        **{"bool": "bool", "empty": "float64", "mixed": "str"},
    }
    assert table["gaps"].isna().tolist() == [False, True]


def test_missing_cells_of_a_lone_column_are_rows(tmp_path):
    write_table(pd.DataFrame({"a": [1.5, np.nan, 2.5, np.nan]}), tmp_path / "t.csv")
    assert read_table(tmp_path / "t.csv")["a"].isna().tolist() == [False, True, False, True]


def test_an_empty_table_comes_back(tmp_path):
    write_table(pd.DataFrame({"a": pd.Series(dtype="float64")}), tmp_path / "t.csv")
    assert read_table(tmp_path / "t.csv").shape == (0, 1)


# ------------------------------------------------------------------ raw text


def raw(tmp_path, content, name="t.csv", **settings):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_raw_table(path, settings)


A_B = {"a": ["1", "3"], "b": ["2", "4"]}
READ = {
    "plain": ("a,b\n1,2\n3,4\n", A_B, ","),
    "without a last newline": ("a,b\n1,2\n3,4", A_B, ","),
    "windows lines": ("a,b\r\n1,2\r\n3,4\r\n", A_B, ","),
    "old mac lines": ("a,b\r1,2\r3,4\r", A_B, ","),
    "doubled line ends": ("a,b\r\r\n1,2\r\r\n3,4\r\r\n", A_B, ","),
    "byte order mark": ("\ufeffa,b\n1,2\n3,4\n", A_B, ","),
    "blank lines": ("\n\na,b\n\n1,2\n  \n3,4\n\n\x1a", A_B, ","),
    "semicolon": ("a;b\n1,5;2\n3;4,5\n", {"a": ["1,5", "3"], "b": ["2", "4,5"]}, ";"),
    "tab": ("a\tb\n1\t\n\t4\n", {"a": ["1", ""], "b": ["", "4"]}, "\t"),
    "bar": ("a|b\n1,0|2\n3,0|4\n", {"a": ["1,0", "3,0"], "b": ["2", "4"]}, "|"),
    "blanks": ("  a   b\n 1  2 \n3 \t4\n", A_B, " "),
    "blanks and quotes": ('a b\n"x y" 2\n3 4\n', {"a": ["x y", "3"], "b": ["2", "4"]}, " "),
    "excel's first line": ("sep=;\na;b\n1;2\n3;4\n", A_B, ";"),
    "excel's quoted first line": ('"sep=;"\r\na;b\r\n1;2\r\n3;4\r\n', A_B, ";"),
    "trailing separators": ("a,b,\n1,2,\n3,4,\n", A_B | {"unnamed_3": ["", ""]}, ","),
    "trailing separators in rows": ("a,b\n1,2,\n3,4,\n", A_B | {"unnamed_3": ["", ""]}, ","),
    "row numbers without a name": (",a,b\n0,1,2\n1,3,4\n", {"unnamed_1": ["0", "1"]} | A_B, ","),
    "row numbers of R": ('"a","b"\n"1",1,2\n"2",3,4\n', {"unnamed_1": ["1", "2"]} | A_B, ","),
    "row numbers of R between blanks": (
        "a b\n1 1 2\n2 3 4\n",
        {"unnamed_1": ["1", "2"]} | A_B,
        " ",
    ),
    "a taken number": (
        ",unnamed_1\n1,2\n3,4\n",
        {"unnamed_1_": ["1", "3"], "unnamed_1": ["2", "4"]},
        ",",
    ),
    "leftover separators": (
        "a;b;c\n1;2;3\n;;\n;;;;\n;\n",
        {"a": ["1", ""], "b": ["2", ""], "c": ["3", ""]},
        ";",
    ),
    "blanks in the header": (' a , "b" \n1,2\n3,4\n', A_B, ","),
    "quoted header": ("'a';\"b\"\n1;2\n3;4\n", A_B, ";"),
    "quotes": (
        'a,b\n"1,0","say ""hi"""\n"x\ny",4\n',
        {"a": ["1,0", "x\ny"], "b": ['say "hi"', "4"]},
        ",",
    ),
    "a blank before quotes": (
        'a, b\n1, "x,y"\n3,   "z"\n',
        {"a": ["1", "3"], "b": ["x,y", "z"]},
        ",",
    ),
    "a quote inside": ('a,b\n5" pipe,2\n3,4\n', {"a": ['5" pipe', "3"], "b": ["2", "4"]}, ","),
    "cells keep their blanks": ("a,b\n 1 ,2\n", {"a": [" 1 "], "b": ["2"]}, ","),
    "one column": ("a\n1\n3\n", {"a": ["1", "3"]}, ","),
    "header over two lines": ('"a\nx",b\n1,2\n', {"a\nx": ["1"], "b": ["2"]}, ","),
    "names of rows": ('"a","b"\n"x",1,2\n"y",3,4\n', {"unnamed_1": ["x", "y"]} | A_B, ","),
    "commas in names": (
        "x, y;u, v\n1,5;2,5\n3,5;4,5\n",
        {"x, y": ["1,5", "3,5"], "u, v": ["2,5", "4,5"]},
        ";",
    ),
    "unseen in names": ("\u200ba,b\u00a0\n1,2\n3,4\n", A_B, ","),
    "odd names": ("<a>,$ [b]\n1,2\n", {"<a>": ["1"], "$ [b]": ["2"]}, ","),
    "names that differ in case": ("Age,age\n1,2\n", {"Age": ["1"], "age": ["2"]}, ","),
    "nothing is interpreted": (
        "a,b\nNA,007\n1e5,True\n",
        {"a": ["NA", "1e5"], "b": ["007", "True"]},
        ",",
    ),
    "lines of a quote and a comma": ('a,b\n"1\n2",","\n', {"a": ["1\n2"], "b": [","]}, ","),
}


# Quotes that enclose no cell: every line is a row all the same.
STRAY = {
    "tabs": ('a\tb\n1\t"x\n2\ty\n3\t"z\n4\tw\n', ['"x', "y", '"z', "w"]),
    "semicolons": ('b;a\n"x;1\ny;2\nz";3\nw;4\n', ['"x', "y", 'z"', "w"]),
    "spark": ('a,b\n1,"5\\""\n2,y\n3,"6\\""\n4,"p,q"\n', ['5"', "y", '6"', "p,q"]),
    "one that is never closed": ('a\tb\n1\t"x\n2\ty\n3\tz\n', ['"x', "y", "z"]),
    "three": ('a\tb\tc\n1\tx"\t"z\n2\ty\tz\n3\tz"\tw\n4\tu\tv\n', ['x"', "y", 'z"', "u"]),
    "backslashes that swallow nothing": (
        'a,b\n1,"x \\"q\\" z"\n2,"0\\" pipe"\n',
        ['x "q" z', '0" pipe'],
    ),
    "backslashes and commas": ('a,b\n1,"say \\"hi\\", ok"\n2,y\n', ['say "hi", ok', "y"]),
    "paths": ('a,b\n1,"C:\\x\\"\n2,D:\\y\n', ["C:\\x\\", "D:\\y"]),
    "blank lines": ('a\tb\n1\t"x"\n\n2\t"say ""hi"""\n\n', ["x", 'say "hi"']),
    "text over lines": (
        'a,b\n1,"one, two\nthree, four"\n2,y\n',
        ["one, two\nthree, four", "y"],
    ),
}


@pytest.mark.parametrize(("content", "texts"), STRAY.values(), ids=STRAY)
def test_stray_quotes_swallow_no_rows(tmp_path, content, texts):
    table, reading = raw(tmp_path, content)
    assert table["b"].tolist() == texts
    assert reading.get("quoting") in (None, "none", "backslash")
    rows = open_rows(tmp_path / "t.csv")
    for _ in range(2):  # asked for one column alone, too
        with suppress(ReadAgainError):
            assert sum(map(len, rows.pieces(["a"]))) == len(texts)


# Quotes as the config says: the content, its settings, and the cells of b.
GIVEN = {
    "single": ("a,b\n1,'x,y'\n2,'it''s'\n", {"quote": "'"}, ["x,y", "it's"]),
    "single in the header": ("a;'b'\n1;'x;y'\n", {"quote": "'"}, ["x;y"]),
    "none": ('a,b\n1,"x\n2,y"\n', {"quote": "none"}, ['"x', 'y"']),
    "double all the same": ('a,b\n1,"x\n2,y"\n', {"quote": '"'}, ["x\n2,y"]),
    "an escape": ('a,b\n1,"x\\",y"\n2,z\n', {"escape": "\\"}, ['x",y', "z"]),
    "single with an escape": ("a,b\n1,'it!'s, x'\n", {"quote": "'", "escape": "!"}, ["it's, x"]),
    "an escape alone": ("a,b\n1,x\\,y\n", {"quote": "none", "escape": "\\"}, ["x,y"]),
    "between blanks": ("a b\n1 'x y'\n2 z\n", {"quote": "'", "separator": " "}, ["x y", "z"]),
}


@pytest.mark.parametrize(("content", "settings", "texts"), GIVEN.values(), ids=GIVEN)
def test_quotes_are_what_the_config_says(tmp_path, content, settings, texts):
    (tmp_path / "t.csv").write_text(content)
    table, _ = read_raw_table(tmp_path / "t.csv", settings)
    assert table["b"].tolist() == texts
    rows = open_rows(tmp_path / "t.csv", settings)
    assert [text.as_py() for piece in rows.pieces(["b"]) for text in piece["b"]] == texts


def test_an_open_quote_of_the_config_is_named_by_its_line(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,'y\n3,z\n")
    with pytest.raises(InputError, match=r"line 3: a quote \('\) is opened and never"):
        read_raw_table(tmp_path / "t.csv", {"quote": "'"})


def test_a_quote_that_takes_several_rows_for_a_cell_is_named(tmp_path):
    lines = [f"{i},word {i}" for i in range(30)]
    lines[5], lines[10], lines[20] = '5,"one, two"', '10,"word', '20,"word'
    with pytest.raises(InputError, match=r"line 12: .* takes the lines to 22 for one cell"):
        raw(tmp_path, "a,b\n" + "\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('a,b,c\n1,"u,0\n2,v,1\n3,"w,0\n4,"z,1\n', "line 2: a double quote .*`quote: none`"),
        ('a;b\n1;"x"\n2;"y\n3;z\n', "line 3: a double quote is opened"),  # a file cut off
        ("a,b\n1,'x, y'\n2,z\n", 'line 2: 3 cells .*`quote: "\'"` if cells stand in single quotes'),
    ],
)
def test_quotes_at_fault_are_told_with_the_key_that_settles_them(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        raw(tmp_path, content)


@pytest.mark.parametrize(("content", "expected", "separator"), READ.values(), ids=READ)
def test_text_is_read_as_it_stands(tmp_path, content, expected, separator):
    table, reading = raw(tmp_path, content)
    assert table.to_dict("list") == expected
    assert reading == {"format": "text", "separator": separator, "encoding": "utf-8"}
    assert set(map(str, table.dtypes)) == {"str"}


@pytest.mark.parametrize(
    ("content", "separator"),
    [
        ("a:b\n1:2\n3:4\n", ":"),
        ("a§b\n1§2\n3§4\n", "§"),
        ("a;b\n1;2\n3;4\n", ";"),
        ("a  b\n1 2\n3 4", " "),
    ],
)
def test_a_given_separator_is_used(tmp_path, content, separator):
    table, reading = raw(tmp_path, content, separator=separator)
    assert table.to_dict("list") == A_B
    assert reading["separator"] == separator


def test_a_given_separator_that_is_not_the_files_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("a\tb\n1\t2\n3\t4\n")
    with pytest.raises(InputError, match=r"`separator` is ';', but .* '\\t'; write that"):
        read_raw_table(tmp_path / "t.csv", {"separator": ";"}, ["b"])


def test_a_given_separator_beats_the_text(tmp_path):
    table, _ = raw(tmp_path, "a,b;c\n1,2;3\n", separator=";")
    assert table.columns.tolist() == ["a,b", "c"]


@pytest.mark.parametrize(
    ("start", "separator"),
    [
        ("a,b,c\n1,2,3\n", ","),
        ("a;b\n1,0;2,0\n", ";"),
        ("name (last, first);age\nx;1\ny;2\n", ";"),
        ("a|b,c\n1|2,3\n4|5\n", "|"),
        ("a\n1\n", ","),
        ("some words\nin two lines of several\n", ","),
        ('a,b\n"x;y;z",1\n', ","),
    ],
)
def test_find_separator(start, separator):
    assert find_separator(start) == separator


ENCODED = "name,b\ncafé,1\nÆther,€\n"


@pytest.mark.parametrize(
    ("encoding", "given", "found"),
    [
        ("utf-8", None, "utf-8"),
        ("utf-8-sig", None, "utf-8"),
        ("utf-8-sig", "utf-8", "utf-8"),
        ("cp1252", None, "cp1252"),
        ("utf-16", None, "utf-16"),
        ("utf-32", None, "utf-32"),
        ("utf-16-be", "utf-16-be", "utf-16-be"),
        ("iso-8859-15", "iso-8859-15", "iso-8859-15"),
    ],
)
def test_encodings(tmp_path, encoding, given, found):
    table, reading = raw(tmp_path, ENCODED.encode(encoding), encoding=given)
    assert table.to_dict("list") == {"name": ["café", "Æther"], "b": ["1", "€"]}
    assert reading["encoding"] == found


def zipped(data, *names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, data)
    return buffer.getvalue()


TEXT = b"a,b\n1,2\n3,4\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv.gz", gzip.compress(TEXT, mtime=0)),
        ("T.CSV.GZ", gzip.compress(TEXT, mtime=0)),
        ("T.TXT.BZ2", bz2.compress(TEXT)),
        ("t.tsv.xz", lzma.compress(TEXT)),
        ("t.csv.zip", zipped(TEXT, "inner.csv")),
        ("t.csv.zip", zipped(TEXT, "folder/inner.csv", "__MACOSX/folder/._inner.csv")),
        ("gz without its ending.csv", gzip.compress(TEXT, mtime=0)),
        ("t.csv.gz", gzip.compress(TEXT[:6], mtime=0) + gzip.compress(TEXT[6:], mtime=0)),
    ],
)
def test_compressed_files(tmp_path, name, content):
    assert raw(tmp_path, content, name)[0].to_dict("list") == A_B


def test_wide_and_long_cells(tmp_path):
    names = [f"a quite long name of column number {i}" for i in range(12_000)]  # > 256 KB
    table, _ = raw(tmp_path, ",".join(names) + "\n" + ",".join(["1"] * len(names)) + "\n")
    assert table.shape == (1, 12_000)
    table, _ = raw(tmp_path, 'a,b\n"' + "x" * 500_000 + '",2\n3,4\n')
    assert table["a"].str.len().tolist() == [500_000, 1]


def test_rows_keep_their_order_over_many_blocks(tmp_path):
    rows = 400_000  # some blocks of 16 MB
    lines = "".join(f"{i},{'x' * 80}\n" for i in range(rows))
    table, _ = raw(tmp_path, "i,x\n" + lines)
    assert (table["i"].astype("int64") == np.arange(rows)).all()


# ------------------------------------------------------------------ bad text

BAD = {
    "empty": (b"", "the file is empty"),
    "byte order mark only": (b"\xef\xbb\xbf", "the file is empty"),
    "blank lines only": (b"\n \n\r\n", "the file is empty"),
    "header only": (b"a,b\n", r"a header \(2 columns\) and no rows"),
    "header and blank lines": (b"a,b\n\n\n", "no rows below it"),
    "duplicate names": (b"a,b,a\n1,2,3\n", "'a' stands more than once"),
    "duplicate names after stripping": (b"a, a\n1,2\n", "'a' stands more than once"),
    "no header": (b"1,0,1\n2,3,4\n", "'1' stands more than once.*put a header line above"),
    "too many cells": (
        b"a,b\n1,2\n1,2,3\n4,5\n",
        r"line 3: 3 cells where the header has 2.*'1,2,3'",
    ),
    "too few cells": (b"a,b,c\n1,2,3\n1,2\n4,5\n", r"line 3: 2 cells .* has 3 .*; 2 such rows"),
    "one cell": (b"a,b,c\n1,2,3\nTotal: 1\n", "line 3: 1 cell where the header has 3"),
    "after blank lines": (b"\n\na,b\n\n1,2\n\n1,2,3\n", "line 7: 3 cells"),
    "after cells over several lines": (b'a,b\n"x\n\ny",2\n\n"\n",1,1\n', "line 6: 3 cells"),
    "windows lines": (b"a,b\r\n1,2\r\n1,2,3\r\n", "line 3: 3 cells"),
    "with blanks before quotes": (b'a, b\n1, "x,y"\n1,2,3\n', "line 3: 3 cells"),
    "after excel's first line": (b"sep=;\na;b\n1;2;3\n4;5\n", "line 3: 3 cells.*semicolon"),
    "a title above": (b"Export of May\na,b,c\n1,2,3\n", "line 2: 3 cells .* has 1 .*stands above"),
    "open quote": (b'a,b\n1,2\n3,"4\n5,6\n', "line 3: a double quote is opened and never closed"),
    "open quote, other column": (b'a,b\n"1,2\n3,4\n5,6\n', "line 2: a double quote is opened"),
    "damaged UTF-8": (
        "a,b\né,1\n".encode() + b"x,\xff\n",
        "line 3: the byte 0xff is not valid utf-8",
    ),
    "UTF-16 without mark": ("a,b\n1,2\n".encode("utf-16-le"), "zero bytes.*`encoding`"),
    "UTF-16 cut off": ("a,b\n1,2\n".encode("utf-16") + b"\x00", "not valid utf-16"),
    "a web page": (b"<!DOCTYPE html>\n<html>", "this is a web page"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid x", "git lfs pull"),
    "an office file": (
        zipped(b"x", "[Content_Types].xml", "xl/workbook.xml"),
        "no workbook that can be read",
    ),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_bad_text_gets_one_clear_line(tmp_path, content, message):
    with pytest.raises(InputError, match=message) as caught:
        raw(tmp_path, content, "bad.csv")
    assert str(caught.value).startswith(str(tmp_path / "bad.csv"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "t.csv.gz",
            gzip.compress(TEXT * 100, mtime=0)[:40],
            r"\.gz archive cannot be read.*download it again",
        ),
        ("t.csv.gz", TEXT, r"\.gz archive cannot be read"),
        ("t.csv.bz2", bz2.compress(TEXT)[:-9], r"\.bz2 archive cannot be read"),
        ("t.csv.xz", b"\xfd7zXZ\x00nonsense", r"\.xz archive cannot be read"),
        ("t.csv.zip", zipped(TEXT, "a.csv")[:30], r"\.zip archive cannot be read"),
        ("t.csv.zip", zipped(TEXT, "a.csv", "b.csv"), "holds 2 files, expected one"),
        ("t.parquet", b"PAR1", "not readable Parquet"),
        ("t.parquet", TEXT, "not readable Parquet"),
    ],
)
def test_damaged_files_get_one_clear_line(tmp_path, name, content, message):
    with pytest.raises(InputError, match=message) as caught:
        raw(tmp_path, content, name)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("utf-8", "line 2: the byte 0xe9 is not valid utf-8"),
        ("ascii", "line 2: the byte 0xe9 is not valid ascii"),
        ("klingon", "`encoding: klingon` is no text encoding"),
        ("hex", "`encoding: hex` is no text encoding"),
    ],
)
def test_a_given_encoding_that_does_not_fit(tmp_path, encoding, message):
    with pytest.raises(InputError, match=message):
        raw(tmp_path, "a,b\ncafé,1\n".encode("latin-1"), encoding=encoding)


def test_files_that_are_not_there(tmp_path):
    (tmp_path / "customers.csv").write_bytes(TEXT)
    for path, message in [
        (tmp_path / "custmers.csv", f"no such file; did you mean {tmp_path / 'customers.csv'}"),
        (tmp_path / "x.parquet", "no such file; check the path"),
        (tmp_path / "nowhere" / "t.csv", "nor its folder"),
        (tmp_path, "this is a folder"),
    ]:
        with pytest.raises(InputError) as caught:
            read_raw_table(path)
        assert message in str(caught.value)


# ------------------------------------------------------------------ raw Parquet


def test_parquet_gives_the_text_of_a_csv_export(tmp_path):
    frame = pd.DataFrame(
        {
            "int": [1, 2],
            "gaps": pd.array([1, None], dtype="Int64"),
            "float": [0.1, np.nan],
            "whole": [1.0, 2.0],
            "bool": [True, False],
            "maybe": pd.array([True, None], dtype="boolean"),
            "category": pd.Categorical(["x", None]),
            "codes": pd.Categorical([1, 2]),
            "time": pd.to_datetime(["2024-01-31 10:00", None]),
            "date": [datetime.date(2024, 1, 31), None],
            "decimal": [decimal.Decimal("1.20"), None],
            "list": [[1, 2], None],
            "struct": [{"k": 1}, None],
            "bytes": [b"\xff", None],
            "null": [None, None],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    table, reading = read_raw_table(tmp_path / "t.parquet")
    numbers = ["codes", "decimal", "float", "gaps", "int", "whole"]
    assert reading == {"format": "parquet", "numbers": numbers}
    assert table.iloc[0].dropna().to_dict() == {
        **{"int": "1", "gaps": "1", "float": "0.1", "whole": "1", "bool": "true", "maybe": "true"},
        **{"category": "x", "codes": "1", "time": "2024-01-31 10:00:00.000000"},
        **{"date": "2024-01-31", "decimal": "1.20", "list": "[1, 2]", "struct": "{'k': 1}"},
        **{"bytes": "b'\\xff'"},
    }
    second = {"int": "2", "whole": "2", "bool": "false", "codes": "2"}
    assert table.iloc[1].dropna().to_dict() == second


def test_an_index_that_pandas_kept_is_a_column_without_a_name(tmp_path):
    frame = pd.DataFrame({"a": [1, 2, 3]}, index=[2, 0, 1])
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_raw_table(tmp_path / "t.parquet")[0].columns.tolist() == ["a", "unnamed_2"]
    frame.rename_axis("key").to_parquet(tmp_path / "t.parquet")
    assert read_raw_table(tmp_path / "t.parquet")[0].columns.tolist() == ["a", "key"]


def test_parquet_without_rows_is_refused(tmp_path):
    pd.DataFrame({"a": [1]}).head(0).to_parquet(tmp_path / "T.PARQUET")
    with pytest.raises(InputError, match="no rows below it"):
        read_raw_table(tmp_path / "T.PARQUET")
