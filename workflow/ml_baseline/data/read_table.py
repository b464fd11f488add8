"""A table as it was read, for the doubts about it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from ml_baseline.data.infer_dates import order_of
from ml_baseline.data.schema import Column, Schema, by_source, names_of

# So few cells that could not be read are slips.
SLIPS = 2
KEEPS = "The line for the config keeps this reading"


@dataclass(frozen=True)
class ReadTable:
    """A table as it was read, and what it tells as a whole."""

    values: pd.DataFrame  # cleaned
    schema: Schema  # as `infer_schema.describe_columns` returns it
    repairs: dict  # what `clean` counted, and how the file was read (`tables.Rows.reading`)
    settings: dict  # as `infer_schema` takes them

    def named(self, *keys: str) -> set[str]:
        """Return the columns that the config names under these keys."""
        return {name for key in keys for name in names_of(self.settings.get(key))}

    def settle(self, source: str, **how: Any) -> dict[str, Any]:
        """Return the entry of the config that says this of a column, with what it says already."""
        said = (self.settings.get("columns") or {}).get(source, {})
        said = {"kind": said} if isinstance(said, str) else said
        return {"columns": {source: {**said, **how}}}

    def repaired(self, source: str) -> dict:
        """Return what was counted in a raw column."""
        return self.repairs["columns"].get(source, {})

    def is_open(self, source: str) -> bool:
        """Return whether another order of day and month, or another decimal sign, would do as well."""
        return "ambiguous" in self.repaired(source)

    @cached_property
    def read(self) -> dict[str, Column]:
        """The features and the time by their raw names; of the parts of a date the first."""
        return by_source(e for e in self.schema["columns"] if e["role"] in ("feature", "time"))

    @cached_property
    def orders(self) -> dict[str, str]:
        """Whether the day or the month comes first in columns that tell it, or whose format is given."""
        found = {
            source: order_of(entry.get("date_formats", ())) for source, entry in self.read.items()
        }
        return {s: order for s, order in found.items() if order and not self.is_open(s)}

    @cached_property
    def signs(self) -> dict[str, str]:
        """The decimal signs of columns that tell them."""
        return {
            source: entry.get("decimal", ".")
            for source, entry in self.read.items()
            if entry["kind"] == "number" and "part" not in entry and not self.is_open(source)
            if "minimum" in entry
        }
