"""How the columns of numbers go together: their correlations as a heatmap."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ml_baseline.data.distributions import category_text
from ml_baseline.data.schema import ORDERED_KINDS, Column
from ml_baseline.plots.page import Page, nothing, widest
from ml_baseline.plots.registry import picture
from ml_baseline.plots.style import SMALL_SIZE, sns
from ml_baseline.plots.view import View, short
from ml_baseline.text import plural

COLUMNS_AT_MOST = 40
COLUMNS_WITH_NUMBERS = 12


@picture("correlation_heatmap")
def correlation_heatmap(view: View) -> Figure:
    """Pearson's correlation of every two columns of numbers, the target among them."""
    title = f"{view.dataset}: correlation of the columns of numbers"
    # Codes with more than two categories have no order, so their correlation says nothing.
    names = [
        entry["name"]
        for entry in view.schema["columns"]
        if entry["role"] in ("feature", "target")
        and (entry["kind"] in ORDERED_KINDS or _is_binary_code(entry))
    ]
    matrix = np.empty((len(view), len(names)), order="F")  # one block: pandas makes no second
    for place, name in enumerate(names):
        numbers = pd.Series(view.numbers(name))
        # Large numbers that differ little would lose their digits in the squares.
        matrix[:, place] = numbers - numbers.mean()
    values = pd.DataFrame(matrix, columns=names, copy=False)
    shown = values.columns[values.nunique() > 1]
    if len(shown) < 2:
        message = "A correlation needs two columns of numbers that vary; "
        return nothing(title, f"{message}{view.dataset} has {len(shown)}.")
    notes = [view.rows, "Pearson's r over the rows that have both values"]
    constant, varying = len(names) - len(shown), len(shown)
    if varying > COLUMNS_AT_MOST + 1:
        # Where the target does not vary it is not there to be correlated with.
        target = values[view.target_name]
        strength = values[shown.drop(view.target_name, errors="ignore")].corrwith(target)
        best = strength.abs().fillna(0).sort_values(ascending=False, kind="stable")
        best = best.index[:COLUMNS_AT_MOST]
        shown = shown[shown.isin([*best, view.target_name])]
        notes.append(
            f"the {len(best)} most correlated with {view.target}; "
            f"{plural(varying - len(shown), 'more column')} not shown"
        )
    if constant:
        notes.append(f"{plural(constant, 'constant or empty column')} left out")
    if codes := [name for name in view.features("code") if name not in names]:
        listed = ", ".join(short(name, 20) for name in codes[:3]) + ", …" * (len(codes) > 3)
        notes.append(f"codes without an order left out: {listed}")
    labels = [_label(name, view) for name in shown]
    if len(shown) < len(names):
        values = values[shown]
    return _triangle(title, notes, labels, values.corr().to_numpy())


def _is_binary_code(entry: Column) -> bool:
    return entry["kind"] == "code" and len(entry.get("categories") or ()) == 2


def _label(name: str, view: View) -> str:
    entry = view.entry(name)
    if name == view.target_name:
        return view.labels[1]
    if entry.get("labels") and _is_binary_code(entry):
        label = category_text(max(entry["categories"]), entry)
        return f"{short(name, 20)} = {short(label, 12)}"
    return short(name)


def _triangle(title: str, notes: list[str], labels: list[str], matrix: np.ndarray) -> Figure:
    """Return a heatmap of the lower triangle of `matrix`, without its diagonal."""
    size = len(labels) - 1
    numbers = size < COLUMNS_WITH_NUMBERS
    cell = 0.6 if numbers else max(0.24, 7.5 / size)
    rows, columns = labels[1:], labels[:-1]
    left, below = 0.4 + widest(rows), 0.25 + widest(columns)
    side = cell * size
    page = Page(max(6.5, left + side + 1.2), side + below + 0.1, title, notes)
    axes = page.axes(left, 0.05, side, side)
    bar = page.axes(left + side + 0.25, 0.05, 0.16, min(2.4, 0.6 * side) if size > 1 else 1.0)
    shown = matrix[1:, :-1]
    sns.heatmap(
        shown,
        mask=np.triu(np.ones_like(shown, dtype=bool), 1),
        vmin=-1,
        vmax=1,
        cmap="vlag",
        annot=np.vectorize(_signed)(shown) if numbers else False,
        fmt="",
        annot_kws={"size": SMALL_SIZE},
        linewidths=1 if numbers else 0.4,
        xticklabels=False,  # seaborn would draw the figure for each label to see whether they overlap
        yticklabels=False,
        cbar_ax=bar,
        cbar_kws={"ticks": [-1, -0.5, 0, 0.5, 1], "label": "correlation"},
        ax=axes,
    )
    axes.set_xticks(np.arange(size) + 0.5, columns)
    axes.set_yticks(np.arange(size) + 0.5, rows, va="center")
    axes.tick_params(axis="x", rotation=90, length=0)
    axes.tick_params(axis="y", rotation=0, length=0)
    axes.grid(False)
    bar.tick_params(labelsize=SMALL_SIZE, length=0)
    return page.figure


def _signed(r: float) -> str:
    """Return a number as text of two digits, with a true minus and no "-0.00"."""
    return f"{round(r, 2) + 0.0:.2f}".replace("-", "\N{MINUS SIGN}")
