"""A sheet of a workbook (Excel, OpenDocument) as a table: which one, where its header is, its cells."""

import itertools
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

import python_calamine as calamine

from ml_baseline.data.header_names import column_names, visible_name
from ml_baseline.data.schema import quoted
from ml_baseline.data.source import SHEETS, SourceFile, require_sheet
from ml_baseline.data.typed import FormulaError, TypedRows, kind_of, text_of
from ml_baseline.errors import InputError

# The header stands among so many rows, or nowhere.
HEADER_ROWS = 100
# A header has names for so many of the columns; titles and notes above it have fewer cells.
HEADER_SHARE = 0.6
# A cell in a sheet's XML with its address, its attributes, and what is in it.
XML_CELL = re.compile(rb"<(?:\w+:)?c\b([^>]*[^/>])>(.*?)</(?:\w+:)?c>", re.DOTALL)
XML_PLACE = re.compile(rb'\br="([A-Z]+)(\d+)"')
XML_VALUE = re.compile(rb"<(?:\w+:)?v\b[^>]*>([^<]+)<")
XML_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
XML_TOLD = re.compile(rb't="e"|' + XML_FORMULA.pattern)
# The name of what is in a compound file in place of a workbook that has a password.
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")

Row = list[Any]


class WorkbookRows(TypedRows):
    """The rows of a sheet; see `tables.Rows`."""

    def __init__(self, source: SourceFile, settings: Mapping[str, Any], columns: Iterable[str]):
        super().__init__(source, {"format": "workbook"})
        self._archive = source.archive() if source.start.startswith(b"PK") else None
        with self._errors(), source.path.open("rb") as file:
            self._book = calamine.load_workbook(file)
        sheet, wanted = settings.get("sheet"), list(columns)
        if sheet is not None:
            require_sheet(self.name, str(sheet), self._book.sheet_names)
        found = self._found(wanted) if sheet is None else self._sheet(str(sheet))
        if not found.rows:
            raise InputError(
                f"{self.name}: the sheet '{found.title}' is empty; expected a header row and rows below "
                "it: name another one by `sheet`"
            )
        header = settings.get("header_row")
        at = found.header(wanted)[0] if header is None else header - 1 - found.top
        self._check_header(found, at, header)
        self.reading |= {"sheet": found.title, "header_row": str(found.top + at + 1)}
        others = [title for title in self._book.sheet_names if title != found.title]
        if others and sheet is None:
            self.reading["other_sheets"] = quoted(others)
        self._read(found, at)

    def _cells(self) -> Iterator[Row]:
        yield from self._rows
        self.source.position = self.source.size

    def _sheet(self, title: str) -> "_Sheet":
        with self._errors():
            return _Sheet(title, self._book.get_sheet_by_name(title))

    def _found(self, columns: list[str]) -> "_Sheet":
        """Return the sheet that is the table: the only one that can be."""
        about = [m for m in self._book.sheets_metadata if m.typ == calamine.SheetTypeEnum.WorkSheet]
        for is_shown in (True, False):
            shown = [(m.visible == calamine.SheetVisibleEnum.Visible) == is_shown for m in about]
            titles = [meta.name for meta in itertools.compress(about, shown)]
            sheets = [sheet for sheet in map(self._sheet, titles) if sheet.rows]
            sheets = [sheet for sheet in sheets if len(sheet.rows) > 1] or sheets
            sure = [sheet.header(columns)[1] for sheet in sheets]
            tables = [sheet for sheet, how in zip(sheets, sure, strict=True) if how == max(sure)]
            if len(tables) > 1:
                fits = (
                    f"with {quoted(columns[:3])}"
                    if columns and any(sure)
                    else "that may be the table"
                )
                raise InputError(
                    f"{self.name}: the workbook has {len(tables)} sheets "
                    f"({quoted(sheet.title for sheet in tables)}) {fits}; say which by "
                    f"`sheet: {tables[0].title}` (`--sheet` on a command line), or keep only that one in the file"
                )
            if tables:
                return tables[0]
        raise InputError(
            f"{self.name}: the workbook is empty; expected a header row and rows below it"
        )

    def _check_header(self, sheet: "_Sheet", at: int, given: int | None) -> None:
        """Raise InputError if a row cannot be the header."""
        place = f"{self.name}, sheet '{sheet.title}', row {sheet.top + at + 1}"
        if not 0 <= at < len(sheet.rows) or not any(_names(sheet.rows[at])):
            raise InputError(f"{place}: `header_row: {given}` names a row without cells")
        if given is None and not any(isinstance(cell, str) for cell in sheet.rows[at]):
            texts = [text_of(cell) for cell in sheet.rows[at] if cell is not None]
            shown = ", ".join(texts[:5]) + " ..." * (len(texts) > 5)
            raise InputError(
                f"{place}: these are values, no names of columns ({shown}); put a header row above "
                "them, or set `header_row` to the row with the names"
            )
        for (top, left), (bottom, right) in sheet.merged:
            across = right > left and bottom >= sheet.top + at
            if across or (bottom > top and top <= sheet.top + at <= bottom):
                what = "the header" if top <= sheet.top + at else "rows of the table"
                raise InputError(
                    f"{self.name}, sheet '{sheet.title}': in {what} the cells "
                    f"{_address(top, left)}:{_address(bottom, right)} are merged, so that they belong "
                    "to no single column; split them, and give each column one name in one row and "
                    "each row its own cells (or set `header_row` to the row with the names)"
                )

    def _read(self, sheet: "_Sheet", at: int) -> None:
        """Take the header and the rows below it."""
        header, *rows = sheet.rows[at:]
        for i, j, error in self._errors_of_formulas(sheet, at):
            if i < len(rows) and j < len(header):
                rows[i][j] = error
        filled = 0
        for (top, left), (bottom, _) in sheet.merged:  # a cell over several rows is in all of them
            first, j = top - sheet.top - at - 1, left - sheet.left
            for row in rows[first + 1 : first + 1 + bottom - top] if first >= 0 else ():
                row[j] = rows[first][j]
                filled += 1
        if filled:
            self.reading["merged_cells_filled"] = str(filled)
        self._rows = [row for row in rows if any(map(_has_content, row))]
        names, kinds = _names(header), []
        for j in range(len(header)):
            cells = [row[j] for row in self._rows if row[j] is not None]
            kinds.append({kind_of(cell) for cell in cells if not isinstance(cell, FormulaError)})
        width = 1 + max(j for j in range(len(header)) if names[j] or kinds[j])
        self._declare(column_names(self.name, names[:width]), kinds[:width])

    def _errors_of_formulas(
        self, sheet: "_Sheet", at: int
    ) -> Iterator[tuple[int, int, FormulaError]]:
        """Yield row, column and text of cells of .xlsx with an error such as #DIV/0!, which calamine omits.

        Raises InputError if a formula has no value: the program that wrote the file has not computed it.
        """
        archive = self._archive
        if archive is None or SHEETS not in archive.namelist():
            return
        with self._errors():
            content = archive.read(_part(archive, sheet.title))
            cells = XML_CELL.findall(content) if XML_TOLD.search(content) else []
            for attributes, inside in cells:
                place, value = XML_PLACE.search(attributes), XML_VALUE.search(inside)
                is_error, is_formula = b't="e"' in attributes, XML_FORMULA.search(inside)
                if not place or not (is_error or is_formula):
                    continue
                row, column = int(place[2]) - 1 - sheet.top - at - 1, 0
                for letter in place[1]:
                    column = 26 * column + letter - 64
                if row >= 0 and is_error and value:
                    yield row, column - 1 - sheet.left, FormulaError(value[1].decode())
                elif row >= 0 and is_formula and not value and b't="str"' not in attributes:
                    raise InputError(
                        f"{self.name}, sheet '{sheet.title}', cell {(place[1] + place[2]).decode()}: the "
                        "formula has no result in the file; open the workbook in Excel or LibreOffice, "
                        "which computes it, and save it"
                    )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except InputError:
            raise
        # What calamine and zipfile raise on damage, and what stands for a fault of calamine's own.
        except BaseException as error:
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            has_password = isinstance(error, calamine.PasswordError)
            if has_password or ENCRYPTED in self.source.path.read_bytes():
                raise InputError(
                    f"{self.name}: the workbook is protected by a password; save it without one"
                ) from error
            why = " ".join(str(error).split())[:200]
            raise InputError(
                f"{self.name}: this is no workbook that can be read ({why}); if Excel or LibreOffice "
                "opens it, save it there as .xlsx or CSV, else copy or download it again"
            ) from error


class _Sheet:
    """The cells of a sheet from its first one that is filled on, and where that stands."""

    def __init__(self, title: str, sheet: calamine.CalamineSheet):
        self.title = title
        self.top, self.left = sheet.start or (0, 0)
        # calamine has an empty text where there is nothing.
        self.rows: list[Row] = [[None if c == "" else c for c in row] for row in sheet.to_python()]
        self.merged = sheet.merged_cell_ranges or []

    def header(self, columns: list[str]) -> tuple[int, int]:
        """Return the row with the names, and how sure that is.

        It is the first row that is as wide as the table, or stands above that. If that has not all of `columns` (0) and
        another row has, it is that one (1): a list of columns has their names in rows too. Else 2.
        """
        names = [_names(row) for row in self.rows[:HEADER_ROWS]]
        filled = [sum(map(bool, row)) for row in names]
        cells: Counter[int] = Counter()
        for number in filled:
            cells[number] += number
        usual = cells.most_common(1)[0][0]
        at = next(i for i, number in enumerate(filled) if number >= usual)
        # Where the first whole row has values, a column has no name in the row above.
        if at and not _are_texts(self.rows[at]) and filled[at - 1] >= HEADER_SHARE * usual:
            at -= _are_texts(self.rows[at - 1])
        if {*columns} <= {*names[at]}:
            return at, 2
        other = next((i for i, row in enumerate(names) if {*columns} <= {*row}), None)
        return (at, 0) if other is None else (other, 1)


def _names(row: Row) -> list[str]:
    """Return the cells of a row as names."""
    return ["" if cell is None else visible_name(text_of(cell)) for cell in row]


def _has_content(cell: Any) -> bool:
    return bool(cell.strip()) if isinstance(cell, str) else cell is not None


def _are_texts(row: Row) -> bool:
    return all(cell is None or isinstance(cell, str) for cell in row)


def _address(row: int, column: int) -> str:
    """Return what a cell is called in a spreadsheet: A1."""
    letters, column = "", column + 1
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(65 + letter) + letters
    return f"{letters}{row + 1}"


def _part(archive: zipfile.ZipFile, title: str) -> str:
    """Return the name of the file in a .xlsx that holds a sheet."""
    sheets = ElementTree.fromstring(archive.read(SHEETS)).iterfind(".//{*}sheet")
    sheet = next(sheet for sheet in sheets if sheet.get("name") == title)
    relation = next(value for key, value in sheet.items() if key.endswith("}id"))
    links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    target = next(link.get("Target", "") for link in links if link.get("Id") == relation)
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
