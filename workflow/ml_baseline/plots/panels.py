"""Pages of many small panels, one for each column."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ml_baseline.plots.counts import Levels
from ml_baseline.plots.page import Page, text_width, widest
from ml_baseline.plots.style import FAINT, LABEL_SIZE, SMALL_SIZE
from ml_baseline.plots.view import short

AT_MOST = 24


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
