"""What stands within axes: bars, the texts at their ends, round ticks, a grid."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import MaxNLocator

from ml_baseline.data.distributions import number_text
from ml_baseline.plots.counts import Levels
from ml_baseline.plots.page import widest
from ml_baseline.plots.style import CLASS_COLOURS


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
    for c, colour in enumerate(CLASS_COLOURS):
        axes.barh(
            range(len(levels.labels)),
            levels.counts[:, c],
            0.72,
            left=levels.counts[:, 0] * c,
            color=colour,
            edgecolor="white",
            linewidth=0.6,
        )
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
        axes.annotate(
            text,
            (length, place),
            (4, 0),
            textcoords="offset points",
            va="center_baseline",
            size=size,
        )
    axes.set_ylim(len(lengths) - 0.5, -0.5)
    axes.set_yticks(range(len(lengths)), labels, size=size)
    axes.tick_params(axis="y", length=0)
    bare(axes, "x")
