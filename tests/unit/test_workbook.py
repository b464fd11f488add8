"""Workbooks as Excel and OpenDocument write them: the sheet, the header, cells of types, what is refused."""

import datetime as dt
import io
import zipfile
from contextlib import suppress

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
import xlwt
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from ml_baseline.data.clean import clean
from ml_baseline.data.doubts import doubts
from ml_baseline.data.infer_schema import describe_columns, infer_schema
from ml_baseline.data.tables import open_rows, read_raw_table
from ml_baseline.errors import InputError

HEADER = ["code", "amount", "share", "paid", "day", "moment", "clock", "took", "y"]
ROWS = [
    ["007", 1.333, 0.45, True, dt.date(2024, 1, 31), dt.datetime(2024, 1, 31, 13, 45, 1)],
    ["012", 1, 1, False, dt.date(1900, 1, 1), dt.datetime(2024, 2, 1)],
    [None, 12345.5, None, True, dt.date(1999, 12, 31), None],
]
ROWS[0] += [dt.time(13, 45), dt.timedelta(hours=30), "yes"]
ROWS[1] += [dt.time(0, 0, 1), dt.timedelta(minutes=5), "no"]
ROWS[2] += [None, None, "no"]
TEXTS = [
    ["007", "1.333", "0.45", "true", "2024-01-31", "2024-01-31 13:45:01", "13:45:00", "30:00:00"],
    ["012", "1", "1", "false", "1900-01-01", "2024-02-01 00:00:00", "00:00:01", "0:05:00"],
    [None, "12345.5", None, "true", "1999-12-31", None, None, None],
]
TYPES = [pa.large_string(), pa.float64(), pa.float64(), pa.bool_(), pa.date32()]
TYPES += [pa.timestamp("us"), *[pa.large_string()] * 3]


def written(path, sheets, change=lambda book: None):
    """Write a workbook with openpyxl: rows by the titles of their sheets."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    change(book)
    book.save(path)
    return path


def cells(path, settings=None, columns=()):
    table, _ = read_raw_table(path, settings, columns)
    return [list(table.columns), *table.astype(object).where(table.notna(), None).values.tolist()]


def refused(path, settings=None, columns=()) -> str:
    with pytest.raises(InputError) as caught:
        read_raw_table(path, settings, columns)
    said = str(caught.value)
    assert said.startswith(str(path)) and "\n" not in said and said.isprintable()
    return said


def xlsx(path):
    def formats(book):
        for row in book.active.iter_rows(min_row=2):
            row[1].number_format, row[2].number_format = "#,##0.00 [$€-407]", "0%"

    return written(path.with_suffix(".xlsx"), {"t": [HEADER, *ROWS]}, formats)


def xls(path):
    book = xlwt.Workbook()
    sheet = book.add_sheet("t")
    styles = {
        dt.date: "D/M/YY",
        dt.datetime: "D/M/YY h:mm",
        dt.time: "h:mm",
        dt.timedelta: "[h]:mm:ss",
    }
    styles = {kind: xlwt.easyxf(num_format_str=text) for kind, text in styles.items()}
    for i, row in enumerate([HEADER, *ROWS]):
        for j, value in enumerate(row):
            days = isinstance(value, dt.timedelta)
            style = styles.get(type(value), xlwt.Style.default_style)
            sheet.write(i, j, value / dt.timedelta(days=1) if days else value, style)
    book.save(path.with_suffix(".xls"))
    return path.with_suffix(".xls")


def ods(path):
    table = pd.DataFrame(ROWS, columns=HEADER)
    table["took"] = ["30:00:00", "0:05:00", None]  # pandas cannot write them
    table["moment"] = pd.to_datetime(table["moment"])
    table.to_excel(path.with_suffix(".ods"), index=False, engine="odf")
    return path.with_suffix(".ods")


@pytest.mark.parametrize("write", [xlsx, xls, ods])
def test_cells_keep_their_types(tmp_path, write):
    path = write(tmp_path / "t")
    answers = ["yes", "no", "no"]
    assert cells(path) == [HEADER, *([*row, y] for row, y in zip(TEXTS, answers, strict=True))]
    rows = open_rows(path)
    assert rows.types == dict(zip(HEADER, TYPES, strict=True))
    (stored,) = rows.pieces(HEADER, HEADER)
    assert stored["amount"].to_pylist() == [1.333, 1.0, 12345.5]
    assert stored["day"].to_pylist()[0] == dt.date(2024, 1, 31)
    assert stored["paid"].to_pylist() == [True, False, True]


def test_what_a_file_is_its_content_says(tmp_path):
    content = xlsx(tmp_path / "t").read_bytes()
    (tmp_path / "t.csv").write_bytes(content)
    assert cells(tmp_path / "t.csv")[1][0] == "007"
    (tmp_path / "t.xls").write_text("a\tb\n1\t2\n")  # as web pages export it
    assert cells(tmp_path / "t.xls") == [["a", "b"], ["1", "2"]]


def test_days_are_counted_from_1904_where_the_workbook_does(tmp_path):
    def mac(book):
        book.epoch = CALENDAR_MAC_1904

    rows = [["d", "y"], [dt.date(2024, 1, 31), 1], [dt.datetime(1950, 3, 1, 6), 0]]
    assert cells(written(tmp_path / "t.xlsx", {"t": rows}, mac))[1:] == [
        ["2024-01-31 00:00:00", "1"],
        ["1950-03-01 06:00:00", "0"],
    ]


def test_errors_of_formulas_are_missing_and_counted(tmp_path):
    values = [[i, i / 2 if i % 7 else "#DIV/0!", "yes" if i % 2 else "no"] for i in range(60)]
    path = written(tmp_path / "t.xlsx", {"t": [["i", "v", "y"], *values]})
    raw, _ = read_raw_table(path)
    assert (raw["v"] == "#DIV/0!").sum() == 9
    assert open_rows(path).types["v"] == pa.float64()
    (stored,) = open_rows(path).pieces(["v"], ["v"])
    assert stored["v"].null_count == 9
    schema = infer_schema(raw, {"target": "y"}, "t")
    table, repairs = clean(raw, schema)
    assert table["v"].isna().sum() == 9 and repairs["columns"]["v"]["missing"] == {"#DIV/0!": 9}


def test_a_formula_without_its_result_is_refused(tmp_path):
    path = written(tmp_path / "t.xlsx", {"t": [["a", "y"], [1, "=A2*2"], [2, 4]]})
    assert "sheet 't', cell B2: the formula has no result" in refused(path)
    book = {"t": [["a", "y"], [1, 2], [3, 4]], "sums": [["=SUM(t!A2:A3)"]]}
    assert len(cells(written(tmp_path / "u.xlsx", book))) == 3  # of another sheet it is no matter


TABLE = [["a", "b", "y"], [1, "x", "no"], [2, "z", "yes"]]
EXPECTED = [["a", "b", "y"], ["1", "x", "no"], ["2", "z", "yes"]]
NOTES = [["column", "what"], ["a", "a number"], ["b", "a letter"], ["y", "the answer"]]


@pytest.mark.parametrize(
    ("above", "row"),
    [
        ([], 1),
        ([[], []], 3),
        ([["Export of May"], []], 3),
        ([["Export of May"], ["by", "me"], ["of", "31 May"]], 4),
        ([["Export"], ["of"], ["May"], ["by"], ["me"], ["and"], ["others"], []], 9),
    ],
)
@pytest.mark.parametrize("columns", [(), ["y"]])
def test_the_header_is_found_below_titles(tmp_path, above, row, columns):
    path = written(tmp_path / "t.xlsx", {"t": [*above, *TABLE]})
    table, reading = read_raw_table(path, {}, columns)
    place = {"sheet": "t", "header_row": str(row), "numbers": ["a"]}
    assert reading == {"format": "workbook"} | place
    assert [list(table.columns), *table.values.tolist()] == EXPECTED


def test_a_header_row_can_be_named(tmp_path):
    path = written(tmp_path / "t.xlsx", {"t": [["first", "second", "third"], *TABLE]})
    assert cells(path)[0] == ["first", "second", "third"]
    assert cells(path, {"header_row": 2}) == EXPECTED
    assert cells(path, {}, ["y"]) == EXPECTED
    assert "row 9: `header_row: 9` names a row without cells" in refused(path, {"header_row": 9})


def test_empty_rows_and_columns_around_a_table_are_none_of_it(tmp_path):
    rows = [[None] * 2 + row + [None] for row in [[None] * 3, *TABLE[:2], [" "], TABLE[2], []]]
    assert cells(written(tmp_path / "t.xlsx", {"t": rows})) == EXPECTED


def test_a_column_without_a_name(tmp_path):
    rows = [["", "b", "", "y"], [1, "x", None, "no"], [2, "z", None, "yes"]]
    assert cells(written(tmp_path / "t.xlsx", {"t": rows}))[:2] == [
        ["unnamed_1", "b", "unnamed_3", "y"],
        ["1", "x", None, "no"],
    ]


def test_values_are_no_header(tmp_path):
    path = written(tmp_path / "t.xlsx", {"t": [[1, 2.5], [3, 4], [5, 6]]})
    assert "row 1: these are values, no names of columns (1, 2.5)" in refused(path)


@pytest.mark.parametrize(
    ("sheets", "columns"),
    [
        ({"notes": [["about"]], "data": TABLE}, ()),
        ({"empty": [], "data": TABLE}, ()),
        ({"notes": NOTES, "data": TABLE}, ["y"]),
        ({"other": [["a", "b"], [1, 2]], "data": TABLE}, ["y"]),
    ],
)
def test_the_one_sheet_that_can_be_the_table_is_it(tmp_path, sheets, columns):
    path = written(tmp_path / "t.xlsx", sheets)
    assert cells(path, {}, columns) == EXPECTED
    raw, reading = read_raw_table(path, {}, columns)
    assert reading["sheet"] == "data"
    schema = infer_schema(raw, {"target": "y"}, "t", reading)
    cleaned, repairs = clean(raw, schema)
    found = doubts(cleaned, describe_columns(schema, cleaned), reading | repairs, {"target": "y"})
    (told,) = [doubt for doubt in found if doubt.what == "sheet"]
    others = " and ".join(f"'{title}'" for title in sheets if title != "data")
    assert told.severity == "told" and told.summary.endswith(f"in row 1; not read: {others}")


def test_which_of_several_sheets_has_to_be_said(tmp_path):
    path = written(tmp_path / "t.xlsx", {"2023": TABLE, "2024": TABLE, "hidden": TABLE})
    assert "has 3 sheets ('2023', '2024', 'hidden') that may be the table" in refused(path)
    said = refused(path, {}, ["y"])
    assert "3 sheets ('2023', '2024', 'hidden') with 'y'; say which by `sheet: 2023`" in said
    assert cells(path, {"sheet": "2024"}) == EXPECTED
    said = refused(path, {"sheet": "Hiden"})
    assert "no sheet 'Hiden' in the workbook; it has '2023', '2024', 'hidden'" in said
    assert "did you mean 'hidden'?" in said


def test_hidden_sheets_count_only_where_no_other_does(tmp_path):
    def hide(book):
        book["old"].sheet_state = "hidden"

    assert cells(written(tmp_path / "t.xlsx", {"old": TABLE, "new": TABLE}, hide)) == EXPECTED
    sheets = {"new": [], "old": TABLE}
    assert cells(written(tmp_path / "u.xlsx", sheets, hide)) == EXPECTED


def test_merged_cells(tmp_path):
    def merge(*ranges):
        return lambda book: [book.active.merge_cells(cells) for cells in ranges]

    groups = [["who", "", "answer"], *TABLE]
    path = written(tmp_path / "a.xlsx", {"t": groups}, merge("A1:B1"))  # above the header
    assert cells(path, {}, ["y"]) == EXPECTED
    path = written(tmp_path / "b.xlsx", {"t": groups}, merge("A1:B1", "C1:C2"))
    said = refused(path)
    assert "in the header the cells C1:C2 are merged" in said and "`header_row`" in said
    path = written(tmp_path / "c.xlsx", {"t": [*TABLE, ["Source: us"]]}, merge("A4:C4"))
    assert "in rows of the table the cells A4:C4 are merged" in refused(path)
    path = written(tmp_path / "d.xlsx", {"t": TABLE}, merge("B2:B3"))  # one value for both rows
    table, reading = read_raw_table(path)
    assert table["b"].tolist() == ["x", "x"] and reading["merged_cells_filled"] == "1"


def encrypted() -> bytes:
    """Return what begins like a compound file with the name of an encrypted workbook in it."""
    return (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + b"\x00" * 1000
        + "EncryptedPackage".encode("utf-16-le")
    )


def test_a_password(tmp_path):
    (tmp_path / "t.xlsx").write_bytes(encrypted())
    assert "protected by a password; save it without one" in refused(tmp_path / "t.xlsx")


def test_workbooks_without_a_table(tmp_path):
    assert "the workbook is empty" in refused(written(tmp_path / "t.xlsx", {"t": [], "u": []}))
    assert "the sheet 't' is empty" in refused(tmp_path / "t.xlsx", {"sheet": "t"})
    assert "no rows below it" in refused(written(tmp_path / "u.xlsx", {"t": TABLE[:1]}))
    twice = [["a", "b", "a"], [1, 2, 3]]
    assert "'a' stands more than once" in refused(written(tmp_path / "v.xlsx", {"t": twice}))


@pytest.mark.parametrize("write", [xlsx, xls, ods])
def test_damaged_workbooks_get_one_clear_line(tmp_path, write):
    content = write(tmp_path / "t").read_bytes()
    path = tmp_path / "damaged"
    for share in (0.1, 0.5, 0.9, 0.99):
        path.write_bytes(content[: int(len(content) * share)])
        assert "cannot be read" in refused(path) or "no workbook that can be read" in refused(path)


def test_a_damaged_part_of_a_workbook(tmp_path):
    source = zipfile.ZipFile(io.BytesIO(xlsx(tmp_path / "t").read_bytes()))
    for part in source.namelist():
        path = tmp_path / "part.xlsx"
        with zipfile.ZipFile(path, "w") as target:
            for name in source.namelist():
                target.writestr(name, source.read(name)[: 40 if name == part else None])
        with suppress(InputError):  # what is not needed may be damaged
            assert cells(path)[0] == HEADER


def test_a_piece_is_of_limited_size(tmp_path, monkeypatch):
    monkeypatch.setattr("ml_baseline.data.typed.PIECE_ROWS", 2)
    path = written(tmp_path / "t.xlsx", {"t": [["a"], *([i] for i in range(5))]})
    rows = open_rows(path)
    assert [len(piece) for piece in rows.pieces(["a"])] == [2, 2, 1]


MARKED = [
    [[1.333, 1.667, "n/a", 2.333][i % 4], f"{i},50", f"{100 + i % 9}", f"{1 + i % 7}.000 €", i % 2]
    for i in range(60)
]


@pytest.mark.parametrize("settings", [{}, {"decimal": ","}])
@pytest.mark.parametrize("suffix", ["xlsx", "parquet", "jsonl"])
def test_what_a_file_has_as_a_number_is_that_number(tmp_path, suffix, settings):
    table = pd.DataFrame(MARKED, columns=["third", "euros", "code", "pay", "y"])
    path = tmp_path / f"t.{suffix}"
    if suffix == "xlsx":
        table.to_excel(path, index=False)
    elif suffix == "jsonl":
        table.to_json(path, orient="records", lines=True)
    else:  # which has no words beside numbers
        table["third"] = pd.to_numeric(table["third"], errors="coerce")
        table.to_parquet(path)
    settings = settings | {"target": "y"}
    raw, reading = read_raw_table(path)
    assert reading["numbers"] == ["third", "y"]
    schema = infer_schema(raw, settings, "t", reading)
    cleaned, repairs = clean(raw, schema)
    assert cleaned["third"].dropna().unique().tolist() == [1.333, 1.667, 2.333]
    assert cleaned["euros"].tolist() == [i + 0.5 for i in range(60)]
    described = describe_columns(schema, cleaned)
    found = doubts(cleaned, described, reading | repairs, settings)
    (doubt,) = [doubt for doubt in found if doubt.what == "digits"]
    assert doubt.column == "code" and doubt.settle == {"columns": {"code": {"kind": "number"}}}
    declared = settings | doubt.settle
    assert not [
        d for d in doubts(cleaned, described, reading | repairs, declared) if d.what == "digits"
    ]
