"""How the columns of numbers go together: their correlations as a heatmap."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ml_baseline.data.distributions import category_text
from ml_baseline.data.raw_table import LONG_ROWS
from ml_baseline.data.schema import ORDERED_KINDS, Column
from ml_baseline.plots.page import Page, nothing, widest
from ml_baseline.plots.registry import picture
from ml_baseline.plots.style import SMALL_SIZE, sns
from ml_baseline.plots.view import View, short
from ml_baseline.text import plural

COLUMNS_AT_MOST = 40
COLUMNS_WITH_NUMBERS = 12
CELLS_AT_A_TIME = 1 << 18


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
    means = {name: pd.Series(view.numbers(name)).mean() for name in names}
    columns = ((name, pd.Series(_centred(view, name, means))) for name in names)
    shown = [name for name, numbers in columns if numbers.min() < numbers.max()]
    if len(shown) < 2:
        message = "A correlation needs two columns of numbers that vary; "
        return nothing(title, f"{message}{view.dataset} has {len(shown)}.")
    notes = [view.rows, "Pearson's r over the rows that have both values"]
    constant, varying = len(names) - len(shown), len(shown)
    if varying > COLUMNS_AT_MOST + 1:
        # Where the target does not vary it is not there to be correlated with.
        features = [name for name in shown if name != view.target_name]
        strength = _correlations(view, means, features, [view.target_name])[:, 0]
        best = pd.Series(strength, features).abs().fillna(0)
        best = best.sort_values(ascending=False, kind="stable").index[:COLUMNS_AT_MOST]
        shown = [name for name in shown if name in {*best, view.target_name}]
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
    return _triangle(title, notes, labels, _correlations(view, means, shown, shown))


def _centred(view: View, name: str, means: dict[str, float]) -> np.ndarray:
    """Return a column less its mean: large numbers that differ little would lose digits in squares."""
    return view.numbers(name) - means[name]


def _correlations(
    view: View, means: dict[str, float], names: list[str], others: list[str]
) -> np.ndarray:
    """Return Pearson's r of columns and others, all or one, shape (names, others); NaN where one is constant."""
    if len(view) < LONG_ROWS:
        columns = {name: _centred(view, name, means) for name in [*names, *others]}
        values = pd.DataFrame(columns, copy=False)
        if others == names:
            return values.corr().to_numpy()
        return values[names].corrwith(values[others[0]]).to_numpy()[:, None]
    # Of a long table from sums, for which a few rows at a time are enough.
    sums, step = np.zeros((6, len(names), len(others))), max(CELLS_AT_A_TIME // len(names), 1)
    for start in range(0, len(view), step):
        rows = View(view.table.iloc[start : start + step], view.schema)
        (x, x_known), (y, y_known) = (
            (np.nan_to_num(numbers), (~np.isnan(numbers)).astype(float))
            for numbers in (
                np.stack([_centred(rows, name, means) for name in some]) for some in (names, others)
            )
        )
        sums += [
            *(x_known @ y_known.T, x @ y.T),
            *(x @ y_known.T, x**2 @ y_known.T, x_known @ y.T, x_known @ (y**2).T),
        ]
    count, products, x_sum, x_squares, y_sum, y_squares = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        r = products - x_sum * y_sum / count
        for of_sum, squares in ((x_sum, x_squares), (y_sum, y_squares)):
            spread = squares - of_sum**2 / count
            r /= np.sqrt(np.where(spread > 1e-12 * squares, spread, np.nan))
    return r.clip(-1, 1)


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
