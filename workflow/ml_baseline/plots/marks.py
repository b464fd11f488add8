"""What stands on a page: bars, the texts at their ends, round ticks, a grid; pages of small panels."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ml_baseline.data.distributions import number_text
from ml_baseline.plots.counts import Levels
from ml_baseline.plots.page import Page, text_width, widest
from ml_baseline.plots.style import CLASS_COLOURS, FAINT, LABEL_SIZE, SMALL_SIZE
from ml_baseline.plots.view import short

PANELS_AT_MOST = 24
EDGES: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.6}  # of stacked bars
BESIDE: dict[str, Any] = {"textcoords": "offset points", "va": "center_baseline"}


def set_ticks(axis: Axis, at_most: int, whole: bool = False) -> None:
    """Put ticks on round numbers, and whole ones if `whole`, that need no offset to be read."""
    axis.set_major_locator(MaxNLocator(at_most, steps=[1, 2, 2.5, 5, 10], integer=whole))
    axis.set_major_formatter(lambda value, _: number_text(value, max(axis.get_view_interval())))


def bare(axes: Axes, grid: Literal["x", "y"]) -> None:
    """Leave a grid along one axis only, and no frame where bars start."""
    axes.grid(False)
    axes.grid(True, axis=grid)
    axes.set_axisbelow(True)
    axes.spines["bottom" if grid == "x" else "left"].set_visible(False)


def stacked_bars(
    axes: Axes, levels: Levels, ends: Sequence[str], width: float, size: float
) -> None:
    """Draw horizontal bars by class, first level on top, with the text of `ends` at their ends."""
    places = range(len(levels.labels))
    for c, colour in enumerate(CLASS_COLOURS):
        left = levels.counts[:, 0] * c
        axes.barh(places, levels.counts[:, c], 0.72, left=left, color=colour, **EDGES)
    write_at_bars(axes, levels.labels, levels.counts.sum(axis=1), ends, width, size)
    set_ticks(axes.xaxis, 5, whole=True)


def write_at_bars(
    axes: Axes,
    labels: Sequence[str],
    lengths: np.ndarray,
    ends: Sequence[str],
    width: float,
    size: float,
) -> None:
    """Name horizontal bars, write a text at the end of each, and make room for it on the axes."""
    room = max(width / 3, width - widest(ends, size) - 0.12)
    axes.set_xlim(0, (lengths.max() or 1) * width / room)
    for place, (length, text) in enumerate(zip(lengths, ends, strict=True)):
        axes.annotate(text, (length, place), (4, 0), size=size, **BESIDE)
    name_bars(axes, labels, size)


def name_bars(axes: Axes, labels: Sequence[str], size: float) -> None:
    """Write a label beside each horizontal bar, the first on top, with a grid behind the bars."""
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), labels, size=size)
    axes.tick_params(axis="y", length=0)
    bare(axes, "x")


def across(panels: int, at_most: int) -> int:
    """Return how many panels stand side by side."""
    return 2 if panels == 4 else min(panels, at_most)


def panel_title(axes: Axes, name: str, room: float, mark: str = "", missing: int = 0) -> None:
    """Write a column's name, shortened to `room` inches, and how many of its values are missing."""
    if missing:
        note = f"  {missing:,} missing"
        room -= text_width(note, SMALL_SIZE - 1)
        axes.set_title(note, loc="right", size=SMALL_SIZE - 1, color=FAINT, pad=5)
    title = short(name, 40)
    while len(title) > 8 and text_width(title + mark, LABEL_SIZE, "bold") > room:
        title = short(name, len(title) - 1)
    axes.set_title(title + mark, loc="left", weight="bold", pad=5)


def bar_panels(
    title: str,
    notes: list[str],
    panels: dict[str, Levels],
    legend: list,
    draw_panel: Callable[[Axes, Levels, float], None],
    right: float,
    below: float,
) -> Figure:
    """Return a page of panels with labelled levels from top to bottom, as high as they need be.

    `right` and `below` are the inches that each panel needs for what `draw_panel` writes there.
    """
    side_by_side = across(len(panels), 3)
    page_width = 12.0 if side_by_side == 3 else 4.2 * max(side_by_side, 1.8)
    step = (page_width - 0.35) / side_by_side
    # All panels have the same width, so that rates can be compared from one to the next.
    left = 0.2 + max(widest(levels.labels) for levels in panels.values())
    width = step - left - right
    heights = [0.24 * max(1, len(levels.labels)) + 0.1 for levels in panels.values()]
    tallest = [max(heights[i : i + side_by_side]) for i in range(0, len(heights), side_by_side)]
    tops = np.cumsum([0.0, *(height + 0.45 + below for height in tallest)])
    page = Page(page_width, tops[-1] + 0.05, title, notes, legend)
    for i, (name, levels) in enumerate(panels.items()):
        down, right_of = divmod(i, side_by_side)
        axes = page.axes(0.15 + step * right_of + left, tops[down] + 0.35, width, heights[i])
        panel_title(axes, name, width + right)
        draw_panel(axes, levels, width)
    return page.figure
