"""Categories as bars by class: of one column, of every column, and the classes themselves."""

import numpy as np
from matplotlib.figure import Figure

from ml_baseline.plots.counts import BARS_AT_MOST, Levels, choose, count_values
from ml_baseline.plots.marks import stacked_bars
from ml_baseline.plots.page import Page, nothing, widest
from ml_baseline.plots.panels import AT_MOST, bar_panels
from ml_baseline.plots.registry import picture
from ml_baseline.plots.style import LABEL_SIZE, NOTE_SIZE, SMALL_SIZE
from ml_baseline.plots.view import View, short
from ml_baseline.text import percent, plural

SMALL_BARS_AT_MOST = 8


@picture("target")
def target(view: View) -> Figure:
    """The rows of each class of the target."""
    counts = np.bincount(view.classes, minlength=2)
    title = f"{view.dataset}: classes of the target {short(view.target_name, 40)}"
    share = percent(counts.max() / len(view), 1)
    notes = [view.rows, f"always guessing the larger class is right for {share} of them"]
    left = 0.35 + widest(view.labels, NOTE_SIZE)
    page = Page(7.5, 1.7, title, notes)
    axes = page.axes(left, 0.1, 7.2 - left, 1.0)
    # Each class is a level with rows of its own class only.
    levels = Levels(view.labels, np.diag(counts))
    stacked_bars(axes, levels, _shares_of_all(levels), 7.2 - left, NOTE_SIZE)
    axes.set_xlabel("rows")
    return page.figure


@picture("barplot", "integer", "boolean", "code", "category")
def barplot(view: View, name: str) -> Figure:
    """Rows of each category, stacked by class, with the share of the positive class."""
    levels = count_values(view, name, BARS_AT_MOST)
    title = f"{view.dataset}: rows by {short(name, 40)}"
    if name == view.target_name:
        at_bars, ends = "rows and their share of all", _shares_of_all(levels)
    else:
        title += f" and {view.target}"
        at_bars = f"rows, and the share of them with {view.labels[1]}"
        ends = levels.rows_and_rates()
    height = (0.42 if len(ends) <= 8 else 0.27) * len(ends)
    page = Page(7.5, height + 0.9, title, [view.rows, f"at the bars: {at_bars}"], view.legend())
    left = 0.35 + widest(levels.labels, NOTE_SIZE)
    axes = page.axes(left, 0.3, 7.2 - left, height)
    stacked_bars(axes, levels, ends, 7.2 - left, NOTE_SIZE)
    axes.set_xlabel("rows")
    # The name of the axis of categories stands over them, where it needs no turning of heads.
    page.text(0.25, page.body - 0.05, [short(name, 60)], size=LABEL_SIZE)
    return page.figure


def _shares_of_all(levels: Levels) -> list[str]:
    totals = levels.counts.sum(axis=1)
    return [f"{n:,}  ({percent(n / totals.sum(), 1)})" for n in totals]


@picture("barplots")
def barplots(view: View) -> Figure:
    """The most frequent categories of every column of categories, stacked by class."""
    names = view.features("boolean", "code", "category")
    title = f"{view.dataset}: rows of the categories by {view.target}"
    if not names:
        return nothing(title, f"Table {view.dataset} has no column of categories.")
    shown, chosen = choose(names, view, AT_MOST)
    panels = {name: count_values(view, name, SMALL_BARS_AT_MOST - 1, letters=22) for name in shown}
    notes = [view.rows, plural(len(names), "column"), *chosen]
    notes.append(f"at the bars: rows, and the share of them with {view.labels[1]}")

    def draw_panel(axes, levels: Levels, width: float) -> None:
        stacked_bars(axes, levels, levels.rows_and_rates(), width, SMALL_SIZE)
        axes.set_xticks([])

    return bar_panels(title, notes, panels, view.legend(), draw_panel, right=0.1, below=0.1)
