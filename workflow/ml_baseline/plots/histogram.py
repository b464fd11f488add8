"""Columns of numbers: one histogram stacked by class, or a small one of every column."""

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ml_baseline.data.distributions import number_text
from ml_baseline.plots.counts import bin_edges, choose, off_axis, room
from ml_baseline.plots.marks import EDGES, PANELS_AT_MOST, across, bare, panel_title, set_ticks
from ml_baseline.plots.page import Page, nothing, text_width
from ml_baseline.plots.registry import picture
from ml_baseline.plots.style import CLASS_COLOURS, FAINT, NEGATIVE, POSITIVE, SMALL_SIZE
from ml_baseline.plots.view import View, rounded_text, short
from ml_baseline.text import plural


@picture("histogram", "number", "integer", "boolean")
def histogram(view: View, name: str) -> Figure:
    """Rows by the value of a column of numbers, stacked by class."""
    values, classes, without = view.known(name)
    by_target = "" if name == view.target_name else f" by {view.target}"
    title = f"{view.dataset}: distribution of {short(name, 40)}{by_target}"
    if not len(values):
        return nothing(title, f"None of {view.rows} has a value of {short(name)}.")
    whole = view.is_whole(name)
    edges = bin_edges(values, whole)
    width = edges[1] - edges[0]
    if values.min() == values.max():
        notes = [view.rows, f"every value is {number_text(values[0])}"]
    else:
        bars = "a bar for each value" if whole and width == 1 else ""
        bars = bars or f"bars are {rounded_text(width)} wide"
        notes = [view.rows, f"median {rounded_text(np.median(values))}", bars]
    if len(without):
        notes.append(f"{plural(len(without), 'row')} without {short(name)} left out")
    notes += off_axis(values, edges[0], edges[-1])
    page = Page(7.5, 4.2, title, notes, view.legend(shown=classes))
    highest = number_text(np.histogram(values, edges)[0].max())
    left = 0.65 + text_width(highest, SMALL_SIZE)
    axes = page.axes(left, 0.1, 7.2 - left, 3.5)
    by_class = [values[classes == c] for c in (0, 1)]
    axes.hist(by_class, edges.tolist(), stacked=True, color=CLASS_COLOURS, **EDGES)
    bare(axes, "y")
    axes.set_xlim(room(edges))
    axes.set_xlabel(short(name, 60))
    axes.set_ylabel("rows")
    set_ticks(axes.xaxis, 8, whole)
    set_ticks(axes.yaxis, 6, whole=True)
    return page.figure


def _shares(view: View, name: str) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return edges of bins, the shares of each class's rows in them in %, and whether all are inside.

    The shares have the shape (2, bins); without values there are no bins.
    """
    values, classes, _ = view.known(name)
    if not len(values):
        return np.zeros(1), np.zeros((2, 0)), True
    edges = bin_edges(values, view.is_whole(name))
    counts = np.stack([np.histogram(values[classes == c], edges)[0] for c in (0, 1)])
    of_class = np.maximum(1, np.bincount(classes, minlength=2))
    return edges, 100 * counts / of_class[:, None], counts.sum() == len(values)


@picture("histograms")
def histograms(view: View) -> Figure:
    """A small histogram of every column of numbers, as shares of each class."""
    names = view.features("number", "integer")
    title = f"{view.dataset}: distribution of the columns of numbers by {view.target}"
    if not names:
        return nothing(title, f"Table {view.dataset} has no column of numbers.")
    shown, chosen = choose(names, view, PANELS_AT_MOST)
    panels = {name: _shares(view, name) for name in shown}
    notes = [view.rows, plural(len(names), "column"), *chosen]
    notes.append("heights: share of the class's rows in %")
    if not all(inside for _, _, inside in panels.values()):
        notes.append("* outermost values that lie far off (at most 0.5 % a side) are not shown")
    handles = [Patch(facecolor=NEGATIVE, alpha=0.45), Line2D([], [], color=POSITIVE, linewidth=2)]
    side_by_side = across(len(shown), 4)
    width, height = 12 if side_by_side == 4 else 3.4 * max(side_by_side, 2), 1.35
    down = math.ceil(len(shown) / side_by_side)
    page = Page(width, down * (height + 0.75) + 0.05, title, notes, view.legend(handles))
    step = (width - 0.35) / side_by_side
    for i, (name, (edges, heights, inside)) in enumerate(panels.items()):
        left, top = 0.25 + step * (i % side_by_side), (height + 0.75) * (i // side_by_side)
        axes = page.axes(left + 0.35, top + 0.35, step - 0.6, height)
        bare(axes, "y")
        missing = int(np.isnan(view.numbers(name)).sum())
        panel_title(axes, name, step - 0.6, "*" * (not inside), missing)
        if missing == len(view):
            axes.set(xticks=[], yticks=[])
            style: dict = {"ha": "center", "va": "center", "color": FAINT}
            axes.text(0.5, 0.5, "no values", transform=axes.transAxes, **style)
            continue
        axes.stairs(heights[0], edges, fill=True, color=NEGATIVE, alpha=0.45, linewidth=0)
        axes.stairs(heights[1], edges, color=POSITIVE, linewidth=1.8)
        axes.set_xlim(room(edges))
        axes.set_ylim(0, 1.06 * heights.max())
        set_ticks(axes.xaxis, 4, view.is_whole(name))
        set_ticks(axes.yaxis, 4)
    return page.figure
