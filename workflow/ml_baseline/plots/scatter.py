"""One column of numbers against another, a point a row, by class."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ml_baseline.data.distributions import number_text, visible
from ml_baseline.plots.counts import off_axis
from ml_baseline.plots.marks import set_ticks
from ml_baseline.plots.page import Page, nothing, widest
from ml_baseline.plots.registry import picture
from ml_baseline.plots.style import CLASS_COLOURS, sns
from ml_baseline.plots.view import View, short
from ml_baseline.text import plural

POINTS_AT_MOST = 5_000
SEED = 0
MARKERS = ["o", "X"]


@picture("scatter", "number", "integer", "boolean", "code", columns=2)
def scatter(view: View, x: str, y: str) -> Figure:
    """One column of numbers against another, a point a row, by class."""
    points = np.stack([view.numbers(x), view.numbers(y)])
    known = ~np.isnan(points).any(axis=0)
    title = f"{view.dataset}: {short(y, 40)} against {short(x, 40)} by {view.target}"
    if not known.any():
        return nothing(title, f"None of {view.rows} has a value of both {short(x)} and {short(y)}.")
    points, classes = points[:, known], view.classes[known]
    notes = [view.rows]
    if missing := int((~known).sum()):
        notes.append(f"{plural(missing, 'row')} without one of the two left out")
    limits = [visible(values) for values in points]
    for values, (low, high), name in zip(points, limits, (x, y), strict=True):
        notes += off_axis(values, low, high, f"with {short(name, 20)} ")
    low, high = np.array(limits).T[:, :, None]
    inside = ((points >= low) & (points <= high)).all(axis=0)
    points, classes = points[:, inside], classes[inside]
    chance = np.random.default_rng(SEED)
    if len(classes) > POINTS_AT_MOST:
        notes.append(f"{POINTS_AT_MOST:,} of {len(classes):,} rows shown, drawn at random")
        sample = np.sort(chance.choice(len(classes), POINTS_AT_MOST, replace=False))
        points, classes = points[:, sample], classes[sample]
    spread = _spread_out(points, chance)
    if spread is not points:
        notes.append("points on the same spot are spread out a little")
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=colour, markersize=6)
        for colour, marker in zip(CLASS_COLOURS, MARKERS, strict=True)
    ]
    page = Page(7.5, 5.2, title, notes, view.legend(handles, classes))
    x_whole, y_whole = view.is_whole(x), view.is_whole(y)
    tick_values = MaxNLocator(6, integer=y_whole).tick_values(*limits[1])
    left = 0.65 + widest([number_text(tick, max(tick_values)) for tick in tick_values])
    axes = page.axes(left, 0.1, 7.2 - left, 4.5)
    few = len(classes) <= 300
    sns.scatterplot(
        x=spread[0],
        y=spread[1],
        hue=classes,
        hue_order=[0, 1],
        palette=list(CLASS_COLOURS),
        style=classes,
        style_order=[0, 1],
        markers=MARKERS,
        s=36 if few else 22 if len(classes) <= 2_000 else 14,
        alpha=0.85 if few else 0.7,
        linewidth=0.3,
        legend=False,
        ax=axes,
    )
    axes.set_xlabel(short(x, 60))
    axes.set_ylabel(short(y, 45))
    set_ticks(axes.xaxis, 8, x_whole)
    set_ticks(axes.yaxis, 6, y_whole)
    return page.figure


def _spread_out(points: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Move points by up to a third of a step along axes of few values, where many coincide.

    Returns the points themselves, of shape (2, rows), where none is moved.
    """
    if len(np.unique(points, axis=1)[0]) > points.shape[1] / 2:
        return points
    moved = points
    for i, values in enumerate(points):
        distinct = np.unique(values)
        if 1 < len(distinct) <= 200:
            step = np.diff(distinct).min() * 0.35
            moved = moved.copy()
            moved[i] += chance.uniform(-step, step, len(values))
    return moved
