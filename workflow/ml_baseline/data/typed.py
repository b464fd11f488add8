"""Rows of files whose cells have types of their own, each cell as the text that CSV would hold."""

import datetime
import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from ml_baseline.data.source import SourceFile

PIECE_ROWS = 1 << 16
# A float beyond this may stand for several whole numbers.
LARGEST_WHOLE = 2**53


class FormulaError(str):
    """What a spreadsheet shows for a formula that has no value, such as #DIV/0!."""


class Word(str):
    """Stands for the type of a text that is no number, nor a part of one: n/a, unknown."""


class TypedRows(ABC):
    """The rows of such a file, see `tables.Rows`; a subclass yields them as Python's values.

    A column has a data type if all its cells agree in one; else it is text.
    """

    def __init__(self, source: SourceFile, reading: dict[str, str]):
        self.source, self.name, self.reading = source, source.name, reading
        self.names: list[str] = []
        self.types: dict[str, pa.DataType] = {}
        self.numbers: frozenset[str] = frozenset()

    @abstractmethod
    def _cells(self) -> Iterator[Sequence[Any]]:
        """Yield the cells of each row in the order of `names`; None for one that is empty."""

    def _declare(self, names: list[str], kinds: list[set]) -> None:
        """Take over the columns' names and, of each, what `kind_of` said of its cells."""
        self.names = names
        self.types = dict(zip(names, map(_data_type, kinds), strict=True))
        of = zip(names, kinds, strict=True)
        self.numbers = frozenset(
            n for n, kind in of if kind - {Word} and kind <= {int, float, Word}
        )

    def pieces(self, columns: list[str], as_stored: Iterable[str] = ()) -> Iterator[pa.Table]:
        """Yield the rows; see `tables.Rows`."""
        places = [self.names.index(column) for column in columns]
        rows = self._cells()
        while block := list(itertools.islice(rows, PIECE_ROWS)):
            arrays = []
            for column, place in zip(columns, places, strict=True):
                values, data_type = [row[place] for row in block], self.types[column]
                write = _timestamp if pa.types.is_timestamp(data_type) else text_of
                if column in as_stored:
                    values = [None if isinstance(v, FormulaError) else v for v in values]
                texts = [None if value is None else write(value) for value in values]
                array = pa.array(texts, pa.large_string())
                arrays.append(array.cast(data_type) if column in as_stored else array)
            yield pa.Table.from_arrays(arrays, columns)
        self.source.require_unchanged()


def kind_of(value: Any) -> type:
    """Return the type of a cell: a float that is a whole number counts as one; words apart from texts."""
    if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_WHOLE:
        return int
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return float
    if isinstance(value, str):
        return str if re.search(r"[\d.,]", value) else Word
    return type(value)


def _data_type(kinds: set[type]) -> pa.DataType:
    """Return the data type of a column from the types of its cells."""
    known = (
        ({bool}, pa.bool_()),
        ({int}, pa.int64()),
        ({int, float}, pa.float64()),
        ({datetime.date}, pa.date32()),
        ({datetime.date, datetime.datetime}, pa.timestamp("us")),
    )
    return next((to for of, to in known if kinds and kinds <= of), pa.large_string())


def _timestamp(value: datetime.date) -> str:
    if not isinstance(value, datetime.datetime):
        value = datetime.datetime.combine(value, datetime.time())
    return value.isoformat(" ")


def text_of(value: Any) -> str:
    """Return a cell as CSV would hold it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if kind_of(value) is int else repr(value)
    if isinstance(value, datetime.timedelta):  # in hours, of which there may be more than 24
        sign = "-" if value < datetime.timedelta() else ""
        hours, rest = divmod(abs(value), datetime.timedelta(hours=1))
        return f"{sign}{hours}:{(datetime.datetime.min + rest).time().isoformat()[3:]}"
    return value.isoformat(" ") if isinstance(value, datetime.datetime) else str(value)
