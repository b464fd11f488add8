"""A table as the pictures see it: its numbers, its classes, and the words for all of them."""

import unicodedata
from functools import cached_property

import numpy as np
import pandas as pd
from matplotlib.patches import Patch

from ml_baseline.data.distributions import number_text
from ml_baseline.data.schema import Column, Schema, column, columns_of_role, feature_columns
from ml_baseline.plots.style import CLASS_COLOURS
from ml_baseline.text import plural, shortened

# Numbers beyond this are treated as missing: an axis to the edge of the floats overflows.
LARGEST = 1e100


class View:
    """A cleaned table with its schema; `dataset`, `target` and `labels` are short enough to show.

    `labels` says what the classes 0 and 1 are called, such as "purchased = 0" and "purchased = 1".
    """

    def __init__(self, table: pd.DataFrame, schema: Schema):
        self.table, self.schema = table, schema
        self.target_name = columns_of_role(schema, "target")[0]
        self.dataset, self.target = short(schema["dataset"]), short(self.target_name)
        self.class_names = [
            " or ".join(short(label, 16) for label in schema[side][:2])
            + " or …" * (len(schema[side]) > 2)
            for side in ("negative", "positive")
        ]
        self.labels = [f"{self.target} = {name}" for name in self.class_names]
        self.rows = plural(len(table), "row")  # in words

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def classes(self) -> np.ndarray:
        """The target of each row, as the integers 0 and 1."""
        return (self.table[self.target_name].to_numpy() == 1).astype(np.intp)

    def entry(self, name: str) -> Column:
        """Return what the schema says of a column; the target's classes have labels too."""
        entry = column(self.schema, name)
        if name == self.target_name:
            return entry | {"labels": dict(zip("01", self.class_names, strict=True))}
        return entry

    def features(self, *kinds: str) -> list[str]:
        """Return the names of the features, of these kinds if any are given."""
        return feature_columns(self.schema, *kinds)

    def is_whole(self, name: str) -> bool:
        """Return whether a column holds whole numbers only."""
        return column(self.schema, name)["kind"] != "number"

    def numbers(self, name: str) -> np.ndarray:
        """Return a column as floats, with NaN for what is missing and what no axis can hold."""
        values = self.table[name].to_numpy(dtype="float64", na_value=np.nan)
        return np.where(np.abs(values) <= LARGEST, values, np.nan)

    def known(self, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a column's numbers and their classes, and the classes of the rows without one."""
        values = self.numbers(name)
        known = ~np.isnan(values)
        return values[known], self.classes[known], self.classes[~known]

    def legend(self, handles: list | None = None, shown: np.ndarray | None = None) -> list:
        """Return handles and labels of the classes, with the rows of each among `shown`."""
        counts = np.bincount(self.classes if shown is None else shown, minlength=2)
        handles = handles or [Patch(color=colour) for colour in CLASS_COLOURS]
        return [
            (handle, f"{label} ({plural(count, 'row')})")
            for handle, label, count in zip(handles, self.labels, counts, strict=True)
        ]


def short(text: object, limit: int = 30) -> str:
    """Return `text` on one line, its middle left out where it is longer than `limit` letters."""
    # Control and format characters have no picture; line breaks would break the layout.
    line = " ".join(str(text).split())
    line = "".join(c for c in line if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))
    return shortened(line, limit) or "(blank)"


def rounded_text(value: float) -> str:
    """Return `value` to four significant digits, as text."""
    return number_text(float(f"{value:.4g}"))
