"""The gaps of a table: the share of rows without a value, by column and class."""

import numpy as np
from matplotlib.figure import Figure

from ml_baseline.plots.counts import BARS_AT_MOST
from ml_baseline.plots.marks import set_ticks, write_at_bars
from ml_baseline.plots.page import Page, nothing, widest
from ml_baseline.plots.registry import picture
from ml_baseline.plots.style import CLASS_COLOURS, NOTE_SIZE
from ml_baseline.plots.view import View, short
from ml_baseline.text import percent, plural


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
    shown = some[: BARS_AT_MOST + 1] if len(some) <= BARS_AT_MOST + 1 else some[:BARS_AT_MOST]
    notes = [view.rows, "at the bars: rows without a value and their share of all"]
    if complete := len(names) - len(some):
        notes.append(f"{plural(complete, 'more feature')} without a gap")
    if hidden := len(some) - len(shown):
        notes.append(f"{plural(hidden, 'more column')} with fewer gaps not shown")
    counts = np.array([missing[name] for name in shown])
    shares = 100 * counts / np.maximum(1, np.bincount(view.classes, minlength=2))
    labels = [short(name, 36) for name in shown]
    ends = [f"{n:,}  ({percent(n / len(view), 1)})" for n in counts.sum(axis=1)]
    height = 0.4 * len(shown)
    page = Page(7.5, height + 0.7, title, notes, view.legend())
    left = 0.35 + widest(labels, NOTE_SIZE)
    axes = page.axes(left, 0.1, 7.2 - left, height)
    for c, colour in enumerate(CLASS_COLOURS):
        axes.barh(np.arange(len(shown)) + 0.19 * (2 * c - 1), shares[:, c], 0.36, color=colour)
    write_at_bars(axes, labels, shares.max(axis=1), ends, 7.2 - left, NOTE_SIZE)
    axes.set_xlabel("share of the class's rows in %")
    set_ticks(axes.xaxis, 5)
    return page.figure
