"""The pictures there are, and which one a name means.

A picture joins by `@picture`: with the kinds of column that it shows it is one of one column or
two, `<column>_<name>`; without, one of the whole table, `<name>`.
"""

import re
from collections.abc import Callable
from functools import wraps
from itertools import product
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from ml_baseline.data.schema import Schema, column, columns_of_role
from ml_baseline.errors import InputError, did_you_mean, similar
from ml_baseline.plots.page import nothing
from ml_baseline.plots.style import style
from ml_baseline.plots.view import View


class Picture(NamedTuple):
    """A function that draws, the kinds of column it shows, and how many columns (0: the table)."""

    draw: Callable[..., Figure]
    kinds: tuple[str, ...] = ()
    columns: int = 0


PICTURES: dict[str, Picture] = {}


def picture(name: str, *kinds: str, columns: int = 1) -> Callable:
    """Register a function as the picture `name`, which draws in this project's style.

    It is given a `View` and the names of its columns, and need not think of tables without rows.
    """

    def register(function: Callable[..., Figure]) -> Callable[..., Figure]:
        @wraps(function)
        def draw_in_style(view: View, *names: str) -> Figure:
            with style():
                if not len(view):
                    return nothing(view.dataset, "The table has no row.")
                return function(view, *names)

        PICTURES[name] = Picture(draw_in_style, kinds, columns if kinds else 0)
        return draw_in_style

    return register


def draw(name: str, table: pd.DataFrame, schema: Schema) -> Figure:
    """Return the figure of the plot `name`; raise InputError as `resolve` does."""
    chosen, columns = resolve(name, schema)
    return chosen.draw(View(table, schema), *columns)


def resolve(name: str, schema: Schema) -> tuple[Picture, list[str]]:
    """Return the plot `name` and the columns it is about.

    Raises InputError if it is no plot of a table with this schema, with the nearest names.
    """
    if name in PICTURES and not PICTURES[name].columns:
        return PICTURES[name], []
    if "/" in name or "\\" in name:
        raise InputError(
            f"plot {name!r} cannot be a file name: write it as {_file_stem(name)!r} "
            "(an underscore stands for any run of special characters in a column's name)"
        )
    stem, _, ending = name.rpartition("_")
    chosen = PICTURES.get(ending)
    if not stem or not chosen or not chosen.columns:
        raise _unknown_plot(name, schema)
    shown = [n for n in _plottable(schema) if column(schema, n)["kind"] in chosen.kinds]
    near, unknown = [], stem
    # Column names hold underscores, so each underscore may be the one between two names.
    cuts = [(stem[: m.start()], stem[m.end() :]) for m in re.finditer("_", stem)]
    for parts in cuts if chosen.columns == 2 else [(stem,)]:
        found = [_find_column(part, schema) for part in parts]
        names = [one for one in found if one is not None]
        if len(names) == len(parts):
            if others := [one for one in names if one not in shown]:
                raise _wrong_kind(name, others[0], ending, schema)
            return chosen, names
        if names:
            unknown = parts[found.index(None)]
        sides = [
            [_file_stem(one)] if one else similar(part, map(_file_stem, shown), n=3, cutoff=0.5)
            for part, one in zip(parts, found, strict=True)
        ]
        near += ["_".join([*side, ending]) for side in product(*sides)]
    role = next((entry["role"] for entry in schema["columns"] if entry["name"] == unknown), None)
    why = f" (its role is {role}, and plots show features and the target)" if role else ""
    raise InputError(
        f"plot {name!r}: table {schema['dataset']!r} has no column {unknown!r} to plot{why}; "
        + _did_you_mean(similar(name, near, n=3, cutoff=0), schema)
    )


def _plottable(schema: Schema) -> list[str]:
    return columns_of_role(schema, "feature", "target")


def _find_column(text: str, schema: Schema) -> str | None:
    """Return the feature or target that `text` names, as it is or as part of a file's name."""
    if text in _plottable(schema):
        return text
    same = [name for name in _plottable(schema) if _file_stem(name) == text]
    return same[0] if len(same) == 1 else None


def _file_stem(name: str) -> str:
    return re.sub(r"[^\w.\-]+", "_", name).strip("_")


def _wrong_kind(name: str, column_name: str, ending: str, schema: Schema) -> InputError:
    kind = column(schema, column_name)["kind"]
    instead = "barplot" if kind in PICTURES["barplot"].kinds else "histogram"
    return InputError(
        f"plot {name!r}: column {column_name!r} is of kind {kind}, and a {ending} shows only "
        f"{', '.join(PICTURES[ending].kinds)}; "
        f"for this column there is {_file_stem(column_name) + '_' + instead!r}"
    )


def _did_you_mean(near: list[str], schema: Schema) -> str:
    names = _plottable(schema)
    shown = ", ".join(map(_file_stem, names[:10])) + ", ..." * (len(names) > 10)
    return did_you_mean(map(repr, near), otherwise=f"its columns are {shown}")


def _unknown_plot(name: str, schema: Schema) -> InputError:
    whole = [one for one, plot in PICTURES.items() if not plot.columns]
    of_columns = [
        f"{_file_stem(one)}_{ending}"
        for one in _plottable(schema)
        for ending, plot in PICTURES.items()
        if plot.columns == 1 and column(schema, one)["kind"] in plot.kinds
    ]
    near = similar(name, [*whole, *of_columns], n=3)
    endings = ["<column>_" * plot.columns + one for one, plot in PICTURES.items() if plot.columns]
    return InputError(
        f"there is no plot {name!r}{'; ' + _did_you_mean(near, schema) if near else '.'} Plots are "
        f"{', '.join(whole)} of the whole table, and {', '.join(endings)}"
    )
