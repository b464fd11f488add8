"""What goes with the target: the share of the positive class by each feature."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ml_baseline.plots.barplot import SMALL_BARS_AT_MOST
from ml_baseline.plots.counts import Levels, association, choose, count_feature, shares_of_ones
from ml_baseline.plots.marks import bare
from ml_baseline.plots.page import nothing, text_width
from ml_baseline.plots.panels import AT_MOST, bar_panels
from ml_baseline.plots.registry import picture
from ml_baseline.plots.style import FAINT, POSITIVE, SMALL_SIZE, TEXT
from ml_baseline.plots.view import View
from ml_baseline.text import percent

DASHES: dict[str, Any] = {"color": FAINT, "linestyle": (0, (4, 3)), "linewidth": 1}


@picture("target_by_feature")
def target_by_feature(view: View) -> Figure:
    """The share of the positive class by each feature's fifths or categories, with intervals."""
    names, label = view.features(), view.labels[1]
    title = f"{view.dataset}: share of rows with {label}, by feature"
    if not names:
        return nothing(title, f"Table {view.dataset} has no feature.")
    shown, chosen = choose(names, view, AT_MOST)
    panels = {name: count_feature(view, name, SMALL_BARS_AT_MOST - 2) for name in shown}
    if not chosen:
        chosen = ["features that differ most come first"] if len(shown) > 1 else []
        strength = {name: association(levels.counts) for name, levels in panels.items()}
        panels = {name: panels[name] for name in sorted(shown, key=lambda n: -strength[n])}
    overall = view.classes.mean()
    # Levels of very few rows have intervals that would stretch the axis for all the others.
    ends = [overall]
    for levels in panels.values():
        share, _, high = shares_of_ones(levels.counts)
        ends += [share.max(), *high[levels.counts.sum(axis=1) >= 20]]
    end = min(1.0, 1.05 * max(ends))
    notes = [view.rows, *chosen, "numbers are cut into fifths of the rows", "at the right: rows"]
    point = Line2D([], [], color=POSITIVE, linewidth=2.2, marker="o", mfc=TEXT, mec=TEXT, ms=4.5)
    legend = [
        (point, f"share with {label}, and its 95 % Wilson interval"),
        (Line2D([], [], **DASHES), f"in all rows: {percent(overall, 1)}"),
    ]

    def draw_panel(axes: Axes, levels: Levels, _width: float) -> None:
        _rates(axes, levels, overall, end)

    right = 0.2 + text_width(f"{len(view):,}", SMALL_SIZE - 1)
    return bar_panels(title, notes, panels, legend, draw_panel, right=right, below=0.3)


def _rates(axes: Axes, levels: Levels, overall: float, end: float) -> None:
    share, low, high = 100 * np.stack(shares_of_ones(levels.counts))
    places = np.arange(len(share))
    axes.axvline(100 * overall, **DASHES)
    axes.hlines(places, low, high, color=POSITIVE, linewidth=2.2)
    axes.plot(share, places, "o", color=TEXT, markersize=4.5)
    for place, n in zip(places, levels.counts.sum(axis=1), strict=True):
        axes.annotate(
            f"{n:,}",
            (1, place),
            (3, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center_baseline",
            size=SMALL_SIZE - 1,
            color=FAINT,
            annotation_clip=False,
        )
    axes.set_xlim(0, 100 * end)
    axes.set_ylim(len(share) - 0.5, -0.5)
    axes.set_yticks(places, levels.labels)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    bare(axes, "x")
