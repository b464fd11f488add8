"""Bars by class: the classes, categories, gaps; and the share of the positive class by each feature."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ml_baseline.plots import counts, marks, style
from ml_baseline.plots.page import Page, nothing, text_width, widest
from ml_baseline.plots.registry import picture
from ml_baseline.plots.view import View, short
from ml_baseline.text import percent, plural

SMALL_BARS_AT_MOST = 8
DASHES: dict[str, Any] = {"color": style.FAINT, "linestyle": (0, (4, 3)), "linewidth": 1}
AT_THE_RIGHT: dict[str, Any] = {
    **marks.BESIDE,
    "xycoords": ("axes fraction", "data"),
    "color": style.FAINT,
    "annotation_clip": False,
}
SPAN: dict[str, Any] = {"color": style.POSITIVE, "linewidth": 2.2}


@picture("target")
def target(view: View) -> Figure:
    """The rows of each class of the target."""
    rows = np.bincount(view.classes, minlength=2)
    title = f"{view.dataset}: classes of the target {short(view.target_name, 40)}"
    share = percent(rows.max() / len(view), 1)
    notes = [view.rows, f"always guessing the larger class is right for {share} of them"]
    left = 0.35 + widest(view.labels, style.NOTE_SIZE)
    page = Page(7.5, 1.7, title, notes)
    axes = page.axes(left, 0.1, 7.2 - left, 1.0)
    # Each class is a level with rows of its own class only.
    levels = counts.Levels(view.labels, np.diag(rows))
    marks.stacked_bars(axes, levels, _shares_of_all(levels), 7.2 - left, style.NOTE_SIZE)
    axes.set_xlabel("rows")
    return page.figure


@picture("barplot", "integer", "boolean", "code", "category")
def barplot(view: View, name: str) -> Figure:
    """Rows of each category, stacked by class, with the share of the positive class."""
    levels = counts.count_values(view, name, counts.BARS_AT_MOST)
    title = f"{view.dataset}: rows by {short(name, 40)}"
    if name == view.target_name:
        at_bars, ends = "rows and their share of all", _shares_of_all(levels)
    else:
        title += f" and {view.target}"
        at_bars = f"rows, and the share of them with {view.labels[1]}"
        ends = levels.rows_and_rates()
    height = (0.42 if len(ends) <= 8 else 0.27) * len(ends)
    page = Page(7.5, height + 0.9, title, [view.rows, f"at the bars: {at_bars}"], view.legend())
    left = 0.35 + widest(levels.labels, style.NOTE_SIZE)
    axes = page.axes(left, 0.3, 7.2 - left, height)
    marks.stacked_bars(axes, levels, ends, 7.2 - left, style.NOTE_SIZE)
    axes.set_xlabel("rows")
    # The name of the axis of categories stands over them, where it needs no turning of heads.
    page.text(0.25, page.body - 0.05, [short(name, 60)], size=style.LABEL_SIZE)
    return page.figure


def _shares_of_all(levels: counts.Levels) -> list[str]:
    totals = levels.counts.sum(axis=1)
    return [f"{n:,}  ({percent(n / totals.sum(), 1)})" for n in totals]


@picture("barplots")
def barplots(view: View) -> Figure:
    """The most frequent categories of every column of categories, stacked by class."""
    names = view.features("boolean", "code", "category")
    title = f"{view.dataset}: rows of the categories by {view.target}"
    if not names:
        return nothing(title, f"Table {view.dataset} has no column of categories.")
    shown, chosen = counts.choose(names, view, marks.PANELS_AT_MOST)
    panels = {n: counts.count_values(view, n, SMALL_BARS_AT_MOST - 1, letters=22) for n in shown}
    notes = [view.rows, plural(len(names), "column"), *chosen]
    notes.append(f"at the bars: rows, and the share of them with {view.labels[1]}")

    def draw_panel(axes, levels: counts.Levels, width: float) -> None:
        marks.stacked_bars(axes, levels, levels.rows_and_rates(), width, style.SMALL_SIZE)
        axes.set_xticks([])

    return marks.bar_panels(title, notes, panels, view.legend(), draw_panel, right=0.1, below=0.1)


@picture("missingness")
def missingness(view: View) -> Figure:
    """The share of rows without a value, for each column that lacks some, by class."""
    names = view.features()
    title = f"{view.dataset}: missing values by {view.target}"
    gaps = view.table[names].isna().to_numpy()
    missing = {n: np.bincount(view.classes[gaps[:, i]], minlength=2) for i, n in enumerate(names)}
    some = [name for name in names if missing[name].any()]
    some.sort(key=lambda name: -missing[name].sum())
    if not some:
        return nothing(
            title, f"No value is missing in {plural(len(names), 'feature')} and {view.rows}."
        )
    shown = some if len(some) <= counts.BARS_AT_MOST + 1 else some[: counts.BARS_AT_MOST]
    notes = [view.rows, "at the bars: rows without a value and their share of all"]
    if complete := len(names) - len(some):
        notes.append(f"{plural(complete, 'more feature')} without a gap")
    if hidden := len(some) - len(shown):
        notes.append(f"{plural(hidden, 'more column')} with fewer gaps not shown")
    without = np.array([missing[name] for name in shown])
    shares = 100 * without / np.maximum(1, np.bincount(view.classes, minlength=2))
    labels = [short(name, 36) for name in shown]
    ends = [f"{n:,}  ({percent(n / len(view), 1)})" for n in without.sum(axis=1)]
    height = 0.4 * len(shown)
    page = Page(7.5, height + 0.7, title, notes, view.legend())
    left = 0.35 + widest(labels, style.NOTE_SIZE)
    axes = page.axes(left, 0.1, 7.2 - left, height)
    for c, colour in enumerate(style.CLASS_COLOURS):
        axes.barh(np.arange(len(shown)) + 0.19 * (2 * c - 1), shares[:, c], 0.36, color=colour)
    marks.write_at_bars(axes, labels, shares.max(axis=1), ends, 7.2 - left, style.NOTE_SIZE)
    axes.set_xlabel("share of the class's rows in %")
    marks.set_ticks(axes.xaxis, 5)
    return page.figure


@picture("target_by_feature")
def target_by_feature(view: View) -> Figure:
    """The share of the positive class by each feature's fifths or categories, with intervals."""
    names, label = view.features(), view.labels[1]
    title = f"{view.dataset}: share of rows with {label}, by feature"
    if not names:
        return nothing(title, f"Table {view.dataset} has no feature.")
    shown, chosen = counts.choose(names, view, marks.PANELS_AT_MOST)
    panels = {name: counts.count_feature(view, name, SMALL_BARS_AT_MOST - 2) for name in shown}
    if not chosen:
        chosen = ["features that differ most come first"] if len(shown) > 1 else []
        strength = {name: counts.association(levels.counts) for name, levels in panels.items()}
        panels = {name: panels[name] for name in sorted(shown, key=lambda n: -strength[n])}
    overall = view.classes.mean()
    # Levels of very few rows have intervals that would stretch the axis for all the others.
    ends = [overall]
    for levels in panels.values():
        share, _, high = counts.shares_of_ones(levels.counts)
        ends += [share.max(), *high[levels.counts.sum(axis=1) >= 20]]
    end = min(1.0, 1.05 * max(ends))
    notes = [view.rows, *chosen, "numbers are cut into fifths of the rows", "at the right: rows"]
    point = Line2D([], [], marker="o", mfc=style.TEXT, mec=style.TEXT, ms=4.5, **SPAN)
    legend = [
        (point, f"share with {label}, and its 95 % Wilson interval"),
        (Line2D([], [], **DASHES), f"in all rows: {percent(overall, 1)}"),
    ]

    def draw_panel(axes: Axes, levels: counts.Levels, _width: float) -> None:
        share, low, high = 100 * np.stack(counts.shares_of_ones(levels.counts))
        places = np.arange(len(share))
        axes.axvline(100 * overall, **DASHES)
        axes.hlines(places, low, high, **SPAN)
        axes.plot(share, places, "o", color=style.TEXT, markersize=4.5)
        for place, n in zip(places, levels.counts.sum(axis=1), strict=True):
            axes.annotate(f"{n:,}", (1, place), (3, 0), size=style.SMALL_SIZE - 1, **AT_THE_RIGHT)
        axes.set_xlim(0, 100 * end)
        marks.name_bars(axes, levels.labels, style.SMALL_SIZE)
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} %")

    right = 0.2 + text_width(f"{len(view):,}", style.SMALL_SIZE - 1)
    return marks.bar_panels(title, notes, panels, legend, draw_panel, right=right, below=0.3)
