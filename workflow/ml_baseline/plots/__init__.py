"""Pictures of a cleaned table for people to read: its columns, and what tells the classes apart.

A picture is asked for by its name, which is also its file's: one of `PLOTS`, which show the whole
table, or `<column>_histogram`, `<column>_barplot`, `<column>_<column>_scatter`. The two classes of
the target have the same two colours in all of them. The same table gives the same bytes.
"""

import math
import re
import sys
import textwrap
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, wraps
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ml_baseline.data.distributions import count_levels, most_frequent, nice_width, number_text
from ml_baseline.data.schema import column, columns_of_role, feature_columns
from ml_baseline.errors import InputError, did_you_mean, similar
from ml_baseline.files import whole_file


def _import_seaborn():
    """Return seaborn, imported without scipy unless something else has brought it in already.

    seaborn takes scipy for density curves and clustering only, which are not drawn here, and does
    without where there is none. Importing it is half a second: a third of a job of four plots.
    """
    if "scipy" in sys.modules:
        import seaborn

        return seaborn
    sys.modules["scipy"] = None  # the import system takes this as "there is none"
    try:
        import seaborn
    finally:
        del sys.modules["scipy"]
    return seaborn


sns = _import_seaborn()

PIXELS_PER_INCH = 120
PANELS_AT_MOST = 24
BARS_AT_MOST = 25
SMALL_BARS_AT_MOST = 8
BINS_AT_MOST = 50
QUANTILE_BINS = 5
HEATMAP_AT_MOST = 40
HEATMAP_WITH_NUMBERS = 12
POINTS_AT_MOST = 5_000
# Rows that are looked at to choose which panels to show, where there are too many to show all.
RANKING_ROWS = 20_000
SEED = 0

# The standard normal's 97.5 % quantile: intervals hold in 95 % of samples.
Z = 1.959964
# Numbers beyond this are treated as missing: an axis to the edge of the floats overflows.
LARGEST = 1e100

NEGATIVE, POSITIVE = sns.color_palette("colorblind", 2).as_hex()
TEXT, FAINT, GRID = "#262626", "#6b6b6b", "#dddddd"
TITLE_SIZE, NOTE_SIZE, LABEL_SIZE, SMALL_SIZE = 13, 9.5, 10, 8.5
# Fonts that have the scripts which matplotlib's own lacks, tried where they are installed.
OTHER_SCRIPTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "WenQuanYi Zen Hei",
    "Arial Unicode MS",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
)


# --- Names: which picture is meant ---------------------------------------------------------------


def check(name: str, schema: dict) -> None:
    """Raise InputError if `name` is no plot of a table with this schema, with the nearest names."""
    _resolve(name, schema)


def _resolve(name: str, schema: dict) -> tuple[Callable, list[str]]:
    """Return the function that draws the plot `name` and the columns it is about."""
    if name in PLOTS:
        return PLOTS[name], []
    if "/" in name or "\\" in name:
        raise InputError(
            f"plot {name!r} cannot be a file's name: write it as {_file_stem(name)!r} "
            "(in a plot's name, any run of signs of a column's name may be one underscore)"
        )
    stem, underscore, ending = name.rpartition("_")
    if not underscore or ending not in COLUMN_PLOTS:
        raise _unknown_plot(name, schema)
    if ending == "scatter":
        return _scatter, _resolve_pair(name, stem, schema)
    found = _find_column(stem, schema)
    if found is None:
        near = [f"{other}_{ending}" for other in _near_columns(stem, schema, COLUMN_PLOTS[ending])]
        raise InputError(
            f"plot {name!r}: table {schema['dataset']!r} has no column {stem!r} to plot"
            f"{_why_not(stem, schema)}; {_did_you_mean(near, schema)}"
        )
    _check_kind(name, found, ending, schema)
    return COLUMN_PLOTS[ending].draw, [found]


def _resolve_pair(name: str, stem: str, schema: dict) -> list[str]:
    # Column names hold underscores, so each underscore may be the one between two names.
    splits = [(stem[: m.start()], stem[m.end() :]) for m in re.finditer("_", stem)]
    found = [[_find_column(part, schema) for part in split] for split in splits]
    for pair in found:
        if None not in pair:
            for one in pair:
                _check_kind(name, one, "scatter", schema)
            return pair
    near, unknown = [], stem
    for split, pair in zip(splits, found, strict=True):
        sides = [
            [_file_stem(one)] if one else _near_columns(part, schema, COLUMN_PLOTS["scatter"])
            for part, one in zip(split, pair, strict=True)
        ]
        suggestions = [f"{x}_{y}_scatter" for x in sides[0] for y in sides[1] if x != y]
        if any(pair):
            unknown = split[pair.index(None)]
            near = suggestions + near
        else:
            near += suggestions
    raise InputError(
        f"plot {name!r}: table {schema['dataset']!r} has no column {unknown!r} to plot"
        f"{_why_not(unknown, schema)}; "
        f"{_did_you_mean(similar(name, near, n=3, cutoff=0), schema)}"
    )


def _find_column(text: str, schema: dict) -> str | None:
    """Return the feature or target that `text` names, as it is or as part of a file's name."""
    names = columns_of_role(schema, "feature", "target")
    if text in names:
        return text
    same = [name for name in names if _file_stem(name) == text]
    return same[0] if len(same) == 1 else None


def _file_stem(name: str) -> str:
    return re.sub(r"[^\w.\-]+", "_", name).strip("_")


def _check_kind(name: str, column_name: str, ending: str, schema: dict) -> None:
    kind = column(schema, column_name)["kind"]
    if kind in COLUMN_PLOTS[ending].kinds:
        return
    instead = "barplot" if kind in COLUMN_PLOTS["barplot"].kinds else "histogram"
    raise InputError(
        f"plot {name!r}: column {column_name!r} is of kind {kind}, and a {ending} shows "
        f"{', '.join(COLUMN_PLOTS[ending].kinds)} only; "
        f"for this column there is {_file_stem(column_name) + '_' + instead!r}"
    )


def _near_columns(text: str, schema: dict, plot: "ColumnPlot") -> list[str]:
    stems = [
        _file_stem(name)
        for name in columns_of_role(schema, "feature", "target")
        if column(schema, name)["kind"] in plot.kinds
    ]
    return similar(text, stems, n=3, cutoff=0.5)


def _why_not(text: str, schema: dict) -> str:
    """Return why a column that the table does have is not one to plot, if so."""
    role = next((entry["role"] for entry in schema["columns"] if entry["name"] == text), None)
    return f" (its role is {role}, and plots show features and the target)" if role else ""


def _did_you_mean(near: list[str], schema: dict) -> str:
    names = columns_of_role(schema, "feature", "target")
    shown = ", ".join(map(_file_stem, names[:10])) + ", ..." * (len(names) > 10)
    return did_you_mean(map(repr, near), otherwise=f"its columns are {shown}")


def _unknown_plot(name: str, schema: dict) -> InputError:
    endings = [
        f"{_file_stem(one)}_{ending}"
        for one in columns_of_role(schema, "feature", "target")
        for ending, plot in COLUMN_PLOTS.items()
        if ending != "scatter" and column(schema, one)["kind"] in plot.kinds
    ]
    near = similar(name, [*PLOTS, *endings], n=3)
    question = f"; {_did_you_mean(near, schema)}" if near else "."
    return InputError(
        f"there is no plot {name!r}{question} Plots are {', '.join(PLOTS)} of the whole table, "
        "and <column>_histogram, <column>_barplot, <column>_<column>_scatter"
    )


# --- Drawing and saving --------------------------------------------------------------------------


def draw(name: str, table: pd.DataFrame, schema: dict) -> Figure:
    """Return the figure of the plot `name`; raise InputError as `check` does."""
    plot, columns = _resolve(name, schema)
    return plot(table, schema, *columns)


def save(figure: Figure, path: str | Path) -> None:
    """Write `figure` to `path` as PNG, whole or not at all, making folders that are not there.

    Nothing of the time, the place or the software's version goes into the file.
    """
    with whole_file(path) as unfinished, _style():
        figure.savefig(
            unfinished,
            format="png",
            dpi=PIXELS_PER_INCH,
            metadata={"Software": None},
            pil_kwargs={"compress_level": 3},
        )


@cache
def _settings() -> dict:
    installed = {font.name for font in fontManager.ttflist}
    return {
        **sns.axes_style("whitegrid"),
        **sns.plotting_context("paper"),
        "font.family": ["DejaVu Sans", *(f for f in OTHER_SCRIPTS if f in installed)],
        # A dollar sign in a name is a dollar sign, not the start of a formula.
        "text.parse_math": False,
        "axes.unicode_minus": True,
        "text.color": TEXT,
        "axes.labelcolor": TEXT,
        "axes.labelsize": LABEL_SIZE,
        "axes.titlesize": LABEL_SIZE,
        "xtick.color": TEXT,
        "ytick.color": TEXT,
        "xtick.labelsize": SMALL_SIZE,
        "ytick.labelsize": SMALL_SIZE,
        "axes.edgecolor": "#999999",
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "legend.fontsize": NOTE_SIZE,
        "legend.frameon": False,
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
        "savefig.bbox": None,
        "savefig.pad_inches": 0,
    }


@contextmanager
def _style() -> Iterator[None]:
    """Draw by this module's settings, and leave matplotlib's as they were."""
    with matplotlib.rc_context(_settings()), warnings.catch_warnings():
        # A script for which no font is installed shows as boxes; a warning a letter helps no one.
        warnings.filterwarnings("ignore", message=".*[Gg]lyph")
        yield


def _picture(function: Callable[..., Figure]) -> Callable[..., Figure]:
    """Let `function` draw in this module's style, and need not think of tables without rows."""

    @wraps(function)
    def draw_in_style(table: pd.DataFrame, schema: dict, *columns: str) -> Figure:
        with _style():
            if not len(table):
                return _nothing(_short(schema["dataset"]), "The table has no row.")
            return function(table, schema, *columns)

    return draw_in_style


# --- Words and numbers ---------------------------------------------------------------------------


def _short(text: object, limit: int = 30) -> str:
    """Return `text` on one line, its middle left out where it is longer than `limit` letters.

    The end is kept as well as the start: long names often differ there only.
    """
    # Control and format characters have no picture; line breaks would break the layout.
    line = " ".join(str(text).split())
    line = "".join(c for c in line if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))
    if not line:
        return "(blank)"
    if len(line) <= limit:
        return line
    start = (limit - 1) * 2 // 3
    return f"{line[:start].rstrip()}…{line[len(line) - (limit - 1 - start) :].lstrip()}"


def _rows(count: int) -> str:
    return f"{count:,} row" + ("" if count == 1 else "s")


def _more(count: int, what: str) -> str:
    return f"{count:,} more {what}" + ("" if count == 1 else "s")


def _percent(share: float, digits: int = 0) -> str:
    """Return a share as text, which says neither none nor all where that is not so."""
    percent, step = 100 * share, 10.0**-digits
    if share > 0 and round(percent, digits) == 0:
        return f"< {step:g} %"
    if share < 1 and round(percent, digits) == 100:
        return f"> {100 - step:g} %"
    return f"{percent:.{digits}f} %"


def _tidy(value: float) -> float:
    """Return `value` to four significant digits."""
    return float(f"{value:.4g}")


def _class_labels(schema: dict) -> tuple[str, str]:
    """Return what the classes 0 and 1 are called, such as "purchased = 0" and "purchased = 1"."""
    target = _short(columns_of_role(schema, "target")[0])
    positive, negative = (
        " or ".join(_short(label, 16) for label in schema[side][:2])
        + " or …" * (len(schema[side]) > 2)
        for side in ("positive", "negative")
    )
    return f"{target} = {negative}", f"{target} = {positive}"


def _category_label(value: object, entry: dict, limit: int = 30) -> str:
    if not isinstance(value, str) and float(value).is_integer():
        value = int(value)
    return _short((entry.get("labels") or {}).get(str(value), value), limit)


# --- The page: a heading above a body, measured in inches ----------------------------------------


@cache
def _renderer() -> RendererAgg:
    return RendererAgg(1, 1, 72)


def _text_width(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of one line of text, in inches."""
    font = FontProperties(size=size, weight=weight)
    return _renderer().get_text_width_height_descent(text, font, False)[0] / 72


def _widest(labels: Sequence[str], size: float = SMALL_SIZE) -> float:
    return max((_text_width(label, size) for label in labels), default=0.0)


def _wrap(text: str, width: float, size: float, weight: str = "normal") -> list[str]:
    """Return `text` in lines of at most about `width` inches."""
    lines, letters = [text], len(text)
    # Letters differ in width, so how many fit into a line has to be tried.
    while letters > 10 and max(_text_width(line, size, weight) for line in lines) > width:
        letters = letters * 9 // 10
        lines = textwrap.wrap(text, letters)
    return lines


def _wrap_notes(notes: Sequence[str], width: float) -> list[str]:
    """Return notes in lines that break between notes, and within one only if it fills a line."""
    lines: list[str] = []
    for note in notes:
        joined = f"{lines[-1]} · {note}" if lines else note
        if lines and _text_width(joined, NOTE_SIZE) <= width:
            lines[-1] = joined
        else:
            lines += _wrap(note, width, NOTE_SIZE)
    return lines


class _Page:
    """A figure with a heading; `axes` places axes in its body, in inches from its top left."""

    def __init__(
        self,
        width: float,
        height: float,
        title: str,
        notes: Sequence[str] = (),
        legend: Sequence[tuple[object, str]] = (),
    ):
        margin = 0.25
        title_lines = _wrap(title, width - 2 * margin, TITLE_SIZE, "bold")
        note_lines = _wrap_notes(notes, width - 2 * margin)
        title_height = 0.25 * len(title_lines)
        note_height = 0.185 * len(note_lines) + 0.04
        handles, labels = zip(*legend, strict=True) if legend else ((), ())
        fits = sum(_text_width(label, NOTE_SIZE) + 0.55 for label in labels) <= width - margin
        legend_height = (0.3 if fits else 0.1 + 0.2 * len(labels)) if legend else 0.06
        heading = 0.18 + title_height + note_height + legend_height + 0.04
        self.width, self.body = width, height
        self.height = height + heading
        # Without a canvas to draw on, which save() brings, seaborn draws nothing in between.
        self.figure = Figure(figsize=(width, self.height), dpi=PIXELS_PER_INCH)
        top = self.height - 0.18
        self.text(margin, top, title_lines, size=TITLE_SIZE, weight="bold")
        self.text(margin, top - title_height, note_lines, size=NOTE_SIZE, color=FAINT)
        if legend:
            self.figure.legend(
                handles,
                labels,
                ncols=len(handles) if fits else 1,
                loc="upper left",
                bbox_to_anchor=(margin / width, (height + legend_height) / self.height),
                borderpad=0,
                borderaxespad=0,
                handlelength=1.4,
                columnspacing=1.6,
            )

    def text(self, left: float, top: float, lines: Sequence[str], **style: object) -> None:
        place = left / self.width, top / self.height
        self.figure.text(*place, "\n".join(lines), va="top", linespacing=1.25, **style)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        bottom = self.body - top - height
        return self.figure.add_axes(
            (left / self.width, bottom / self.height, width / self.width, height / self.height)
        )


def _nothing(title: str, message: str) -> Figure:
    """Return a page that says why there is nothing to see."""
    page = _Page(7, 1.2, title)
    page.text(0.25, page.body - 0.1, _wrap(message, 6.5, 11), size=11)
    return page.figure


# --- Counting ------------------------------------------------------------------------------------


class Levels(NamedTuple):
    """What a bar or a point stands for, and the rows of class 0 and 1 that it has."""

    labels: list[str]
    counts: np.ndarray  # of shape (levels, 2)
    missing: np.ndarray  # of shape (2,): the rows that have none of the levels


def _classes(table: pd.DataFrame, schema: dict) -> np.ndarray:
    """Return the target of each row, as an array of the integers 0 and 1."""
    return (table[columns_of_role(schema, "target")[0]].to_numpy() == 1).astype(np.intp)


def _numbers(table: pd.DataFrame, name: str) -> np.ndarray:
    """Return a column as floats, with NaN for what is missing and what no axis can hold."""
    values = table[name].to_numpy(dtype="float64", na_value=np.nan)
    return np.where(np.abs(values) <= LARGEST, values, np.nan)


def _count_values(
    table: pd.DataFrame, entry: dict, classes: np.ndarray, at_most: int, letters: int = 30
) -> Levels:
    """Count the rows of each value; beyond `at_most` values, of the most frequent and the others.

    Values stand in their own order if they are numbers or codes and all are shown, else by count.
    """
    column_of = table[entry["name"]]
    values, counts, shown, rest = most_frequent(column_of, classes, at_most)
    if not rest and entry["kind"] != "category":
        shown.sort(key=lambda i: values[i])
    labels = [_category_label(values[i], entry, letters) for i in shown]
    if rest:
        labels.append(f"{len(rest):,} others")
        counts = np.vstack([counts[shown], counts[rest].sum(axis=0)])
    else:
        counts = counts[shown]
    return Levels(labels, counts, np.bincount(classes[column_of.isna()], minlength=2))


def _count_quantiles(table: pd.DataFrame, entry: dict, classes: np.ndarray) -> Levels:
    """Count the rows of each fifth of a column of numbers, or of each value if they are few."""
    values = _numbers(table, entry["name"])
    known = ~np.isnan(values)
    missing = np.bincount(classes[~known], minlength=2)
    values, classes = values[known], classes[known]
    ordered = np.sort(values)
    if not len(values):
        return Levels([], np.zeros((0, 2), dtype=np.intp), missing)
    distinct = ordered[np.r_[True, ordered[1:] != ordered[:-1]]]
    five, middle, ninety_five = ordered[
        [len(ordered) // 20, len(ordered) // 2, -len(ordered) // 20]
    ]

    def rounded(value: float) -> float:
        return _round(value, middle, ninety_five - five)

    if len(distinct) <= QUANTILE_BINS + 1:
        positions = np.searchsorted(distinct, values)
        counts = count_levels(positions, classes, len(distinct))
        return Levels([number_text(rounded(value)) for value in distinct], counts, missing)
    # Bins are closed above. One value that most rows have is a bin of its own with what is below.
    places = np.arange(1, QUANTILE_BINS) * (len(ordered) - 1) // QUANTILE_BINS
    edges = np.unique(ordered[places])
    edges = edges[edges < distinct[-1]]
    if not len(edges):
        edges = distinct[-2:-1]
    counts = count_levels(np.searchsorted(edges, values), classes, len(edges) + 1)
    ends = np.r_[np.searchsorted(ordered, edges, side="right"), len(ordered)]
    starts = np.r_[0, ends[:-1]]
    labels = []
    for low, high in zip(ordered[starts], ordered[ends - 1], strict=True):
        texts = [number_text(rounded(end), ordered[-1]) for end in (low, high)]
        labels.append(" to ".join(dict.fromkeys(texts)))
    return Levels(labels, counts, missing)


def _round(value: float, middle: float, spread: float) -> float:
    """Return `value` to hundredths of the spread, or of its own distance from the middle.

    Two digits are always left of it: many columns have most of their values close to 0.
    """
    distance = max(spread, abs(value - middle))
    if not value or not distance:
        return float(value)
    digits = max(2 - math.floor(math.log10(distance)), 1 - math.floor(math.log10(abs(value))))
    return round(float(value), max(-300, min(300, digits)))


def _count_feature(
    table: pd.DataFrame, schema: dict, name: str, classes: np.ndarray, at_most: int
) -> Levels:
    entry = column(schema, name)
    if entry["kind"] in ("number", "integer"):
        return _count_quantiles(table, entry, classes)
    return _count_values(table, entry, classes, at_most, letters=22)


def _association(counts: np.ndarray) -> float:
    """Return how strongly levels and classes go together, 0 to 1: Cramér's V, corrected for chance.

    W. Bergsma, A bias-correction for Cramér's V and Tschuprow's T, J. Korean Stat. Soc. 42 (2013).
    """
    counts = counts[counts.sum(axis=1) > 0]
    rows, n = len(counts), counts.sum()
    if rows < 2 or n < 3 or not counts.sum(axis=0).all():
        return 0.0
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n
    phi = ((counts - expected) ** 2 / expected).sum() / n
    phi = max(0.0, phi - (rows - 1) / (n - 1))
    rows_corrected = rows - (rows - 1) ** 2 / (n - 1)
    columns_corrected = 2 - 1 / (n - 1)
    smaller = min(rows_corrected, columns_corrected) - 1
    return math.sqrt(phi / smaller) if smaller > 0 else 0.0


def _missing_as_level(levels: Levels) -> Levels:
    """Return the levels and, where rows have none, one more that stands for these rows."""
    if not levels.missing.any():
        return levels
    none = np.zeros(2, dtype=np.intp)
    return Levels([*levels.labels, "(missing)"], _with_missing(levels), none)


def _with_missing(levels: Levels) -> np.ndarray:
    return np.vstack([levels.counts, levels.missing])


def _choose(
    names: list[str], table: pd.DataFrame, schema: dict, at_most: int
) -> tuple[list[str], list[str]]:
    """Return the columns to show and notes on it: those that tell the classes apart best."""
    if len(names) <= at_most:
        return names, []
    # Every so-manyth row is enough to rank by, and no draw of chance.
    table = table.iloc[:: max(1, len(table) // RANKING_ROWS)]
    classes = _classes(table, schema)
    strength = {
        name: _association(
            _with_missing(_count_feature(table, schema, name, classes, BARS_AT_MOST))
        )
        for name in names
    }
    chosen = sorted(names, key=lambda name: -strength[name])[:at_most]
    more = len(names) - at_most
    return chosen, [
        f"the {at_most} that differ most between the classes, most different first",
        f"{_more(more, 'column')} not shown",
    ]


def _wilson(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the share of class 1 in each level, and its 95 % interval's ends.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22
    (1927): it stays within 0 and 1, and is right for few rows, too.
    """
    n = counts.sum(axis=1).astype(float)
    share = counts[:, 1] / n
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return share, np.minimum(middle - half, share), np.maximum(middle + half, share)


def _visible(values: np.ndarray) -> tuple[float, float]:
    """Return the ends of the axis: of all values, or of the middle 99 % if the rest is far off."""
    low, high = values.min(), values.max()
    first, last = np.quantile(values, [0.005, 0.995])
    if last > first:
        far = (last - first) / 2
        low = first if first - low > far else low
        high = last if high - last > far else high
    return float(low), float(high)


def _off_axis(values: np.ndarray, low: float, high: float, what: str = "") -> list[str]:
    notes = []
    for beyond, side, end in ((values < low, "below", low), (values > high, "above", high)):
        if beyond.any():
            notes.append(
                f"{_rows(int(beyond.sum()))} {what}{side} {number_text(_tidy(end))} not shown"
            )
    return notes


def _bin_edges(values: np.ndarray, low: float, high: float, whole: bool) -> np.ndarray:
    """Return edges of bins of one round width over low..high, by Freedman and Diaconis' rule.

    Whole numbers have a bin each, with the number in its middle, or bins of whole width.
    """
    largest = max(abs(low), abs(high))
    if high - low <= 1e-12 * largest:
        # One value, or values that neither an axis nor its labels can tell apart.
        half = 0.5 if (whole and largest < 1e12) or largest == 0 else largest / 10
        return np.array([low - half, high + half])
    if whole:
        low, high = math.floor(low), math.ceil(high)
    quarter, three_quarters = np.quantile(values, [0.25, 0.75])
    best = 2 * (three_quarters - quarter) / len(values) ** (1 / 3)
    fewest = 12 if len(values) < 200 else 20
    bins = min(BINS_AT_MOST, max(fewest, (high - low) / best)) if best > 0 else BINS_AT_MOST
    # The round width next to the best one is often the one just below.
    width = nice_width(0.8 * (high - low) / bins, whole)
    if whole and width == 1:
        return np.arange(low - 0.5, high + 1)
    start = math.floor(low / width) * width
    count = math.floor((high - start) / width) + 1
    edges = start + width * np.arange(count + 1)
    # Where numbers are large and close together, rounding may merge edges or miss the ends.
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return np.unique(edges)


def _room(edges: np.ndarray) -> tuple[float, float]:
    """Return the ends of a histogram's axis: the outer edges, with room beside a single bar."""
    beside = edges[1] - edges[0] if len(edges) == 2 else 0.0
    return edges[0] - beside, edges[-1] + beside


# --- Pictures of one or two columns --------------------------------------------------------------


def _class_legend(schema: dict, classes: np.ndarray, markers: bool = False) -> list:
    """Return handles and labels of the classes, with the rows shown of each."""
    counts = np.bincount(classes, minlength=2)
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=colour, markersize=6)
        if markers
        else Patch(color=colour)
        for colour, marker in zip((NEGATIVE, POSITIVE), "oX", strict=True)
    ]
    return [
        (handle, f"{label} ({_rows(count)})")
        for handle, label, count in zip(handles, _class_labels(schema), counts, strict=True)
    ]


def _by_target(name: str, schema: dict) -> str:
    """Return ", by purchased" for all columns but the target itself."""
    target = columns_of_role(schema, "target")[0]
    return "" if name == target else f" by {_short(target)}"


def _ticks(axis: Axis, at_most: int, whole: bool = False) -> None:
    """Put ticks on round numbers, and whole ones if `whole`, that need no offset to be read."""
    axis.set_major_locator(MaxNLocator(at_most, steps=[1, 2, 2.5, 5, 10], integer=whole))
    axis.set_major_formatter(lambda value, _: number_text(value, max(axis.get_view_interval())))


def _bare(axes: Axes, grid: str) -> None:
    """Leave a grid along one axis only, and no frame where bars start."""
    axes.grid(False)
    axes.grid(True, axis=grid)
    axes.set_axisbelow(True)
    axes.spines["bottom" if grid == "x" else "left"].set_visible(False)


@_picture
def _histogram(table: pd.DataFrame, schema: dict, name: str) -> Figure:
    """Rows by the value of a column of numbers, stacked by class."""
    values, classes = _numbers(table, name), _classes(table, schema)
    known = ~np.isnan(values)
    dataset = _short(schema["dataset"])
    title = f"{dataset}: distribution of {_short(name, 40)}{_by_target(name, schema)}"
    if not known.any():
        return _nothing(title, f"None of {_rows(len(table))} has a value of {_short(name)}.")
    missing = int((~known).sum())
    values, classes = values[known], classes[known]
    low, high = _visible(values)
    whole = column(schema, name)["kind"] != "number"
    edges = _bin_edges(values, low, high, whole)
    counts = np.stack([np.histogram(values[classes == c], edges)[0] for c in (0, 1)])
    width = edges[1] - edges[0]
    if values.min() == values.max():
        spread = [f"every value is {number_text(low)}"]
    else:
        one_each = whole and width == 1
        spread = [
            f"median {number_text(_tidy(np.median(values)))}",
            "a bar for each value" if one_each else f"bars are {number_text(_tidy(width))} wide",
        ]
    notes = [
        _rows(len(table)),
        *spread,
        *([f"{_rows(missing)} without {_short(name)} left out"] if missing else []),
        *_off_axis(values, edges[0], edges[-1]),
    ]
    page = _Page(7.5, 4.2, title, notes, _class_legend(schema, classes))
    tick_width = _text_width(number_text(counts.sum(axis=0).max()), SMALL_SIZE)
    axes = page.axes(0.65 + tick_width, 0.1, 7.2 - 0.65 - tick_width, 3.5)
    for c, colour in enumerate((NEGATIVE, POSITIVE)):
        axes.bar(
            edges[:-1],
            counts[c],
            np.diff(edges),
            bottom=counts[0] * c,
            align="edge",
            color=colour,
            edgecolor="white",
            linewidth=0.6,
        )
    _bare(axes, "y")
    axes.set_xlim(_room(edges))
    axes.set_xlabel(_short(name, 60))
    axes.set_ylabel("rows")
    _ticks(axes.xaxis, 8, whole)
    _ticks(axes.yaxis, 6, whole=True)
    return page.figure


@_picture
def _barplot(table: pd.DataFrame, schema: dict, name: str) -> Figure:
    """Rows of each category, stacked by class, with the share of the positive class."""
    classes = _classes(table, schema)
    target = columns_of_role(schema, "target")[0]
    levels = _missing_as_level(
        _count_values(table, _named_classes(schema, name), classes, BARS_AT_MOST)
    )
    dataset = _short(schema["dataset"])
    title = f"{dataset}: rows by {_short(name, 40)}" + (
        "" if name == target else f" and {_short(target)}"
    )
    totals = levels.counts.sum(axis=1)
    if name == target:
        at_bars = "rows and their share of all"
        ends = [f"{n:,}  ({_percent(n / totals.sum(), 1)})" for n in totals]
    else:
        at_bars = f"rows, and the share of them with {_class_labels(schema)[1]}"
        ends = _rows_and_rates(levels)
    notes = [_rows(len(table)), f"at the bars: {at_bars}"]
    bar = 0.42 if len(totals) <= 8 else 0.27
    height = bar * len(totals)
    page = _Page(7.5, height + 0.9, title, notes, _class_legend(schema, classes))
    left = 0.35 + _widest(levels.labels, NOTE_SIZE)
    axes = page.axes(left, 0.3, 7.2 - left, height)
    _stacked_bars(axes, levels, ends, 7.2 - left, NOTE_SIZE)
    axes.set_xlabel("rows")
    # The name of the axis of categories stands over them, where it needs no turning of heads.
    page.text(0.25, page.body - 0.05, [_short(name, 60)], size=LABEL_SIZE)
    return page.figure


def _rows_and_rates(levels: Levels) -> list[str]:
    """Return the rows of each level and the positive class's share of them, as text."""
    totals = levels.counts.sum(axis=1)
    return [f"{n:,}  ({_percent(p / n)})" for n, p in zip(totals, levels.counts[:, 1], strict=True)]


def _named_classes(schema: dict, name: str) -> dict:
    """Return the entry of a column, in which the target's classes have their labels."""
    entry = column(schema, name)
    if entry["role"] != "target":
        return entry
    negative, positive = (label.partition(" = ")[2] for label in _class_labels(schema))
    return {**entry, "labels": {"0": negative, "1": positive}}


def _stacked_bars(
    axes: Axes, levels: Levels, ends: Sequence[str], width: float, size: float
) -> None:
    """Draw horizontal bars by class, first level on top, with the text of `ends` at their ends."""
    places = np.arange(len(levels.labels))
    totals = levels.counts.sum(axis=1)
    for c, colour in enumerate((NEGATIVE, POSITIVE)):
        axes.barh(
            places,
            levels.counts[:, c],
            0.72,
            left=levels.counts[:, 0] * c,
            color=colour,
            edgecolor="white",
            linewidth=0.6,
        )
    _write_at_bars(axes, totals, ends, width, size)
    axes.set_yticks(places, levels.labels, size=size)
    _ticks(axes.xaxis, 5, whole=True)


def _write_at_bars(
    axes: Axes, lengths: np.ndarray, texts: Sequence[str], width: float, size: float
) -> None:
    """Write a text at the end of each horizontal bar, and make room for them on the axes."""
    room = max(width / 3, width - _widest(texts, size) - 0.12)
    axes.set_xlim(0, (lengths.max() or 1) * width / room)
    for place, (length, text) in enumerate(zip(lengths, texts, strict=True)):
        axes.annotate(
            text,
            (length, place),
            (4, 0),
            textcoords="offset points",
            va="center_baseline",
            size=size,
        )
    axes.set_ylim(len(lengths) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    _bare(axes, "x")


@_picture
def _scatter(table: pd.DataFrame, schema: dict, x: str, y: str) -> Figure:
    """One column of numbers against another, a point a row, by class."""
    xs, ys, classes = _numbers(table, x), _numbers(table, y), _classes(table, schema)
    known = ~(np.isnan(xs) | np.isnan(ys))
    dataset, target = _short(schema["dataset"]), _short(columns_of_role(schema, "target")[0])
    title = f"{dataset}: {_short(y, 40)} against {_short(x, 40)} by {target}"
    if not known.any():
        return _nothing(
            title, f"None of {_rows(len(table))} has a value of both {_short(x)} and {_short(y)}."
        )
    xs, ys, classes = xs[known], ys[known], classes[known]
    notes = [_rows(len(table))]
    if missing := int((~known).sum()):
        notes.append(f"{_rows(missing)} without one of the two left out")
    limits = [_visible(values) for values in (xs, ys)]
    for values, (low, high), name in zip((xs, ys), limits, (x, y), strict=True):
        notes += _off_axis(values, low, high, f"with {_short(name, 20)} ")
    (x_low, x_high), (y_low, y_high) = limits
    inside = (xs >= x_low) & (xs <= x_high) & (ys >= y_low) & (ys <= y_high)
    xs, ys, classes = xs[inside], ys[inside], classes[inside]
    chance = np.random.default_rng(SEED)
    if len(xs) > POINTS_AT_MOST:
        notes.append(f"{POINTS_AT_MOST:,} of {len(xs):,} rows shown, drawn at random")
        sample = np.sort(chance.choice(len(xs), POINTS_AT_MOST, replace=False))
        xs, ys, classes = xs[sample], ys[sample], classes[sample]
    xs, ys, spread = _spread_out(xs, ys, chance)
    if spread:
        notes.append("points on the same spot are spread out a little")
    page = _Page(7.5, 5.2, title, notes, _class_legend(schema, classes, markers=True))
    x_whole, y_whole = (column(schema, name)["kind"] != "number" for name in (x, y))
    tick_values = MaxNLocator(6, integer=y_whole).tick_values(y_low, y_high)
    left = 0.65 + _widest([number_text(tick, max(tick_values)) for tick in tick_values])
    axes = page.axes(left, 0.1, 7.2 - left, 4.5)
    few = len(xs) <= 300
    sns.scatterplot(
        x=xs,
        y=ys,
        hue=classes,
        hue_order=[0, 1],
        palette=[NEGATIVE, POSITIVE],
        style=classes,
        style_order=[0, 1],
        markers=["o", "X"],
        s=36 if few else 22 if len(xs) <= 2_000 else 14,
        alpha=0.85 if few else 0.7,
        linewidth=0.3,
        legend=False,
        ax=axes,
    )
    axes.set_xlabel(_short(x, 60))
    axes.set_ylabel(_short(y, 45))
    _ticks(axes.xaxis, 8, x_whole)
    _ticks(axes.yaxis, 6, y_whole)
    return page.figure


def _spread_out(
    xs: np.ndarray, ys: np.ndarray, chance: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Move points by up to a third of a step along axes of few values, where many coincide."""
    if len(np.unique(xs + 1j * ys)) > len(xs) / 2:
        return xs, ys, False
    moved = []
    for values in (xs, ys):
        distinct = np.unique(values)
        few = 1 < len(distinct) <= 200
        step = np.diff(distinct).min() * 0.35 if few else 0.0
        moved.append(values + chance.uniform(-step, step, len(values)) if few else values)
    return *moved, any(a is not b for a, b in zip(moved, (xs, ys), strict=True))


class ColumnPlot(NamedTuple):
    """A plot of one column or two: the function that draws it, and the kinds of column it takes."""

    draw: Callable[..., Figure]
    kinds: tuple[str, ...]


COLUMN_PLOTS = {
    "histogram": ColumnPlot(_histogram, ("number", "integer", "boolean")),
    "barplot": ColumnPlot(_barplot, ("integer", "boolean", "code", "category")),
    "scatter": ColumnPlot(_scatter, ("number", "integer", "boolean", "code")),
}


# --- Pictures of the whole table -----------------------------------------------------------------


class Shares(NamedTuple):
    """A histogram within each class: the shares of its rows in the bins, in %."""

    edges: np.ndarray
    heights: np.ndarray  # of shape (2, bins)
    missing: int
    clipped: bool  # whether there are values beyond the edges


def _shares(table: pd.DataFrame, schema: dict, name: str, classes: np.ndarray) -> Shares | None:
    """Return the shares of a column's values in bins; None if it has no values."""
    values = _numbers(table, name)
    known = ~np.isnan(values)
    values, classes = values[known], classes[known]
    if not len(values):
        return None
    edges = _bin_edges(values, *_visible(values), column(schema, name)["kind"] != "number")
    counts = np.stack([np.histogram(values[classes == c], edges)[0] for c in (0, 1)])
    rows = np.bincount(classes, minlength=2)
    heights = 100 * counts / np.maximum(1, rows)[:, None]
    return Shares(edges, heights, int((~known).sum()), counts.sum() < len(values))


@_picture
def _histograms(table: pd.DataFrame, schema: dict) -> Figure:
    """A small histogram of every column of numbers, as shares of each class."""
    names = feature_columns(schema, "number", "integer")
    dataset, target = _short(schema["dataset"]), _short(columns_of_role(schema, "target")[0])
    title = f"{dataset}: distribution of the columns of numbers by {target}"
    if not names:
        return _nothing(title, f"Table {dataset} has no column of numbers.")
    shown, chosen = _choose(names, table, schema, PANELS_AT_MOST)
    classes = _classes(table, schema)
    panels = {name: _shares(table, schema, name, classes) for name in shown}
    notes = [
        _rows(len(table)),
        f"{len(names):,} columns" if len(names) > 1 else "1 column",
        *chosen,
        "heights: share of the class's rows in %",
    ]
    if any(shares and shares.clipped for shares in panels.values()):
        notes.append("* outermost values that lie far off (at most 0.5 % a side) are not shown")
    counts = np.bincount(classes, minlength=2)
    handles = [
        Patch(facecolor=NEGATIVE, alpha=0.45),
        Line2D([], [], color=POSITIVE, linewidth=2),
    ]
    legend = [
        (handle, f"{label} ({_rows(n)})")
        for handle, label, n in zip(handles, _class_labels(schema), counts, strict=True)
    ]
    across = _across(len(shown), 4)
    width, height = 12 if across == 4 else 3.4 * max(across, 2), 1.35
    down = math.ceil(len(shown) / across)
    page = _Page(width, down * (height + 0.75) + 0.05, title, notes, legend)
    step = (width - 0.35) / across
    for i, (name, shares) in enumerate(panels.items()):
        left, top = 0.25 + step * (i % across), (height + 0.75) * (i // across)
        axes = page.axes(left + 0.35, top + 0.35, step - 0.6, height)
        _bare(axes, "y")
        missing = shares.missing if shares else len(table)
        _panel_title(axes, name, step - 0.6, "*" * bool(shares and shares.clipped), missing)
        if not shares:
            _empty(axes)
            continue
        negative, positive = shares.heights
        axes.stairs(negative, shares.edges, fill=True, color=NEGATIVE, alpha=0.45, linewidth=0)
        axes.stairs(positive, shares.edges, color=POSITIVE, linewidth=1.8)
        axes.set_xlim(_room(shares.edges))
        axes.set_ylim(0, 1.06 * shares.heights.max())
        _ticks(axes.xaxis, 4, column(schema, name)["kind"] == "integer")
        _ticks(axes.yaxis, 4)
    return page.figure


def _across(panels: int, at_most: int) -> int:
    """Return how many panels stand side by side."""
    return 2 if panels == 4 else min(panels, at_most)


def _panel_title(axes: Axes, name: str, room: float, mark: str = "", missing: int = 0) -> None:
    """Write a column's name, shortened to `room` inches, and how many of its values are missing."""
    if missing:
        note = f"  {missing:,} missing"
        room -= _text_width(note, SMALL_SIZE - 1)
        axes.set_title(note, loc="right", size=SMALL_SIZE - 1, color=FAINT, pad=5)
    title = _short(name, 40)
    while len(title) > 8 and _text_width(title + mark, LABEL_SIZE, "bold") > room:
        title = _short(name, len(title) - 1)
    axes.set_title(title + mark, loc="left", weight="bold", pad=5)


def _empty(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    axes.text(
        0.5, 0.5, "no values", ha="center", va="center", color=FAINT, transform=axes.transAxes
    )


@_picture
def _barplots(table: pd.DataFrame, schema: dict) -> Figure:
    """The most frequent categories of every column of categories, stacked by class."""
    names = feature_columns(schema, "boolean", "code", "category")
    dataset, target = _short(schema["dataset"]), _short(columns_of_role(schema, "target")[0])
    title = f"{dataset}: rows of the categories by {target}"
    if not names:
        return _nothing(title, f"Table {dataset} has no column of categories.")
    shown, chosen = _choose(names, table, schema, PANELS_AT_MOST)
    classes = _classes(table, schema)
    panels = {
        name: _missing_as_level(
            _count_values(table, column(schema, name), classes, SMALL_BARS_AT_MOST - 1, letters=22)
        )
        for name in shown
    }
    notes = [
        _rows(len(table)),
        f"{len(names):,} columns" if len(names) > 1 else "1 column",
        *chosen,
        f"at the bars: rows, and the share of them with {_class_labels(schema)[1]}",
    ]
    legend = _class_legend(schema, classes)
    return _bar_grid(title, notes, panels, legend, _draw_bars, right=0.1, below=0.1)


def _bar_grid(
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
    across = _across(len(panels), 3)
    page_width = 12.0 if across == 3 else 4.2 * max(across, 1.8)
    step = (page_width - 0.35) / across
    # All panels have the same width, so that rates can be compared from one to the next.
    left = 0.2 + max(_widest(levels.labels) for levels in panels.values())
    width = step - left - right
    heights = [0.24 * max(1, len(levels.labels)) + 0.1 for levels in panels.values()]
    tallest = [max(heights[i : i + across]) for i in range(0, len(heights), across)]
    tops = np.cumsum([0.0, *(height + 0.45 + below for height in tallest)])
    page = _Page(page_width, tops[-1] + 0.05, title, notes, legend)
    for i, (name, levels) in enumerate(panels.items()):
        place = 0.15 + step * (i % across) + left, tops[i // across] + 0.35
        axes = page.axes(*place, width, heights[i])
        _panel_title(axes, name, width + right)
        draw_panel(axes, levels, width)
    return page.figure


def _draw_bars(axes: Axes, levels: Levels, width: float) -> None:
    _stacked_bars(axes, levels, _rows_and_rates(levels), width, SMALL_SIZE)
    axes.set_xticks([])


@_picture
def _target_by_feature(table: pd.DataFrame, schema: dict) -> Figure:
    """The share of the positive class by each feature's fifths or categories, with intervals."""
    names = feature_columns(schema)
    dataset, label = _short(schema["dataset"]), _class_labels(schema)[1]
    title = f"{dataset}: share of rows with {label}, by feature"
    if not names:
        return _nothing(title, f"Table {dataset} has no feature.")
    classes = _classes(table, schema)
    shown, chosen = _choose(names, table, schema, PANELS_AT_MOST)
    panels = {
        name: _missing_as_level(
            _count_feature(table, schema, name, classes, SMALL_BARS_AT_MOST - 2)
        )
        for name in shown
    }
    if not chosen:
        chosen = ["features that differ most come first"] if len(shown) > 1 else []
        strength = {name: _association(levels.counts) for name, levels in panels.items()}
        panels = {name: panels[name] for name in sorted(shown, key=lambda n: -strength[n])}
    overall = classes.mean()
    # Levels of very few rows have intervals that would stretch the axis for all the others.
    ends = [overall]
    for one in panels.values():
        share, _, high = _wilson(one.counts)
        ends += [share.max(), *high[one.counts.sum(axis=1) >= 20]]
    notes = [
        _rows(len(table)),
        *chosen,
        "numbers are cut into fifths of the rows",
        "at the right: rows",
    ]
    point = Line2D([], [], color=POSITIVE, linewidth=2.2, marker="o", mfc=TEXT, mec=TEXT, ms=4.5)
    dashes = Line2D([], [], color=FAINT, linestyle=(0, (4, 3)), linewidth=1)
    legend = [
        (point, f"share with {label}, and its 95 % Wilson interval"),
        (dashes, f"in all rows: {_percent(overall, 1)}"),
    ]

    def draw_panel(axes: Axes, levels: Levels, _width: float) -> None:
        _rates(axes, levels, overall, min(1.0, 1.05 * max(ends)))

    right = 0.2 + _text_width(f"{len(table):,}", SMALL_SIZE - 1)
    return _bar_grid(title, notes, panels, legend, draw_panel, right=right, below=0.3)


def _rates(axes: Axes, levels: Levels, overall: float, end: float) -> None:
    share, low, high = 100 * np.stack(_wilson(levels.counts))
    places = np.arange(len(share))
    axes.axvline(100 * overall, color=FAINT, linestyle=(0, (4, 3)), linewidth=1)
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
    _bare(axes, "x")


def _correlated(schema: dict) -> list[str]:
    """Return the columns between which a correlation means something, the target last.

    Codes with more than two categories have no order, so their correlation says nothing.
    """
    return [
        entry["name"]
        for entry in schema["columns"]
        if entry["role"] in ("feature", "target")
        and (entry["kind"] in ("number", "integer", "boolean") or _is_binary_code(entry))
    ]


def _is_binary_code(entry: dict) -> bool:
    return entry["kind"] == "code" and len(entry.get("categories") or ()) == 2


@_picture
def _correlation_heatmap(table: pd.DataFrame, schema: dict) -> Figure:
    """Pearson's correlation of every two columns of numbers, the target among them."""
    dataset, target = _short(schema["dataset"]), columns_of_role(schema, "target")[0]
    title = f"{dataset}: correlation of the columns of numbers"
    names = _correlated(schema)
    values = {name: _standardised(_numbers(table, name)) for name in names}
    varying = [name for name in names if values[name] is not None]
    if len(varying) < 2:
        return _nothing(
            title,
            f"A correlation needs two columns of numbers that vary; {dataset} has {len(varying)}.",
        )
    notes = [_rows(len(table)), "Pearson's r over the rows that have both values"]
    shown = varying
    if len(shown) > HEATMAP_AT_MOST + 1:
        features = [name for name in varying if name != target]
        strength = dict.fromkeys(features, 0.0)
        if target in varying:
            for name in features:
                r = _correlations([values[name], values[target]])[0, 1]
                strength[name] = 0.0 if math.isnan(r) else abs(r)
        best = sorted(features, key=lambda name: -strength[name])[:HEATMAP_AT_MOST]
        shown = [name for name in varying if name in {*best, target}]
        notes.append(
            f"the {len(best)} most correlated with {_short(target)}; "
            f"{_more(len(varying) - len(shown), 'column')} not shown"
        )
    if constant := len(names) - len(varying):
        notes.append(f"{constant:,} constant or empty column{'s' * (constant > 1)} left out")
    if codes := [n for n in feature_columns(schema, "code") if n not in names]:
        listed = ", ".join(_short(name, 20) for name in codes[:3]) + ", …" * (len(codes) > 3)
        notes.append(f"codes without an order left out: {listed}")
    correlations = _correlations([values[name] for name in shown])
    return _triangle(title, notes, [_correlation_label(n, schema) for n in shown], correlations)


def _standardised(values: np.ndarray) -> np.ndarray | None:
    """Return values of mean 0 and deviation 1, NaN where missing; None if there is no deviation."""
    known = values[~np.isnan(values)]
    if len(known) < 2 or known.min() == known.max():
        return None
    # Scaling first by the largest keeps squares of large numbers within the floats.
    scale = np.abs(known).max()
    known = known / scale
    deviation = known.std()
    return (values / scale - known.mean()) / deviation if deviation > 0 else None


def _correlations(columns: list[np.ndarray]) -> np.ndarray:
    """Return Pearson's r of every two columns, over the rows where both have a value.

    The sums over pairs of columns are products of matrices, a block of rows at a time: loops over
    pairs take far longer, and all rows at once take more memory than the table.
    """
    n, sums, squares, products = np.zeros((4, len(columns), len(columns)))
    for start in range(0, len(columns[0]), 50_000):
        values = np.stack([values[start : start + 50_000] for values in columns])
        known = (~np.isnan(values)).astype(float)
        values = np.nan_to_num(values, copy=False)
        n += known @ known.T
        sums += values @ known.T
        squares += values**2 @ known.T
        products += values @ values.T
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = products - sums * sums.T / n
        variance = squares - sums**2 / n
        # Over the rows of a pair a column may be constant, but for rounding.
        variance = np.where(variance > 1e-12 * squares, variance, np.nan)
        return np.clip(covariance / np.sqrt(variance * variance.T), -1, 1)


def _correlation_label(name: str, schema: dict) -> str:
    entry = column(schema, name)
    if entry["role"] == "target":
        return _class_labels(schema)[1]
    if entry.get("labels") and len(entry.get("categories") or ()) == 2:
        return f"{_short(name, 20)} = {_category_label(max(entry['categories']), entry, 12)}"
    return _short(name)


def _triangle(title: str, notes: list[str], labels: list[str], matrix: np.ndarray) -> Figure:
    """Return a heatmap of the lower triangle of `matrix`, without its diagonal."""
    size = len(labels) - 1
    numbers = size < HEATMAP_WITH_NUMBERS
    cell = 0.6 if numbers else max(0.24, 7.5 / size)
    rows, columns = labels[1:], labels[:-1]
    left, below = 0.4 + _widest(rows), 0.25 + _widest(columns)
    side = cell * size
    width = max(6.5, left + side + 1.2)
    page = _Page(width, side + below + 0.1, title, notes)
    axes = page.axes(left, 0.05, side, side)
    bar_height = min(2.4, 0.6 * side) if size > 1 else 1.0
    bar = page.axes(left + side + 0.25, 0.05, 0.16, bar_height)
    shown = matrix[1:, :-1]
    sns.heatmap(
        shown,
        mask=np.triu(np.ones_like(shown, dtype=bool), 1),
        vmin=-1,
        vmax=1,
        cmap="vlag",
        annot=_signed(shown) if numbers else False,
        fmt="",
        annot_kws={"size": SMALL_SIZE},
        linewidths=1 if numbers else 0.4,
        xticklabels=columns,
        yticklabels=rows,
        cbar_ax=bar,
        cbar_kws={"ticks": [-1, -0.5, 0, 0.5, 1], "label": "correlation"},
        ax=axes,
    )
    axes.tick_params(axis="x", rotation=90, length=0)
    axes.tick_params(axis="y", rotation=0, length=0)
    axes.grid(False)
    bar.tick_params(labelsize=SMALL_SIZE, length=0)
    return page.figure


def _signed(matrix: np.ndarray) -> np.ndarray:
    """Return numbers as text of two digits, with a true minus and no "-0.00"."""
    return np.array(
        [[f"{r + 0.0:.2f}".replace("-", "\N{MINUS SIGN}") for r in row] for row in matrix.round(2)]
    )


@_picture
def _missingness(table: pd.DataFrame, schema: dict) -> Figure:
    """The share of rows without a value, for each column that lacks some, by class."""
    names = feature_columns(schema)
    dataset, target = _short(schema["dataset"]), _short(columns_of_role(schema, "target")[0])
    title = f"{dataset}: missing values by {target}"
    classes = _classes(table, schema)
    missing = {
        name: np.bincount(classes[table[name].isna().to_numpy()], minlength=2) for name in names
    }
    some = sorted(
        (name for name in names if missing[name].any()), key=lambda name: -missing[name].sum()
    )
    if not some:
        of = f"{len(names):,} feature{'s' * (len(names) != 1)} and {_rows(len(table))}"
        return _nothing(title, f"No value is missing in {of}.")
    shown = some[: BARS_AT_MOST + 1] if len(some) <= BARS_AT_MOST + 1 else some[:BARS_AT_MOST]
    notes = [_rows(len(table)), "at the bars: rows without a value and their share of all"]
    if complete := len(names) - len(some):
        notes.append(f"{_more(complete, 'feature')} without a gap")
    if len(some) > len(shown):
        notes.append(f"{_more(len(some) - len(shown), 'column')} with fewer gaps not shown")
    counts = np.array([missing[name] for name in shown])
    shares = 100 * counts / np.maximum(1, np.bincount(classes, minlength=2))
    labels = [_short(name, 36) for name in shown]
    ends = [f"{n:,}  ({_percent(n / len(table), 1)})" for n in counts.sum(axis=1)]
    height = 0.4 * len(shown)
    page = _Page(7.5, height + 0.7, title, notes, _class_legend(schema, classes))
    left = 0.35 + _widest(labels, NOTE_SIZE)
    width = 7.2 - left
    axes = page.axes(left, 0.1, width, height)
    places = np.arange(len(shown))
    for c, colour in enumerate((NEGATIVE, POSITIVE)):
        axes.barh(places + 0.19 * (2 * c - 1), shares[:, c], 0.36, color=colour)
    _write_at_bars(axes, shares.max(axis=1), ends, width, NOTE_SIZE)
    axes.set_yticks(places, labels, size=NOTE_SIZE)
    axes.set_xlabel("share of the class's rows in %")
    _ticks(axes.xaxis, 5)
    return page.figure


@_picture
def _target(table: pd.DataFrame, schema: dict) -> Figure:
    """The rows of each class of the target."""
    name = columns_of_role(schema, "target")[0]
    classes = _classes(table, schema)
    counts = np.bincount(classes, minlength=2)
    title = f"{_short(schema['dataset'])}: classes of the target {_short(name, 40)}"
    labels = list(_class_labels(schema))
    ends = [f"{n:,}  ({_percent(n / len(table), 1)})" for n in counts]
    share = _percent(counts.max() / len(table), 1)
    notes = [_rows(len(table)), f"always guessing the larger class is right for {share} of them"]
    left = 0.35 + _widest(labels, NOTE_SIZE)
    width = 7.2 - left
    page = _Page(7.5, 1.7, title, notes)
    axes = page.axes(left, 0.1, width, 1.0)
    # Each class is a level with rows of its own class only.
    _stacked_bars(axes, Levels(labels, np.diag(counts), np.zeros(2)), ends, width, NOTE_SIZE)
    axes.set_xlabel("rows")
    return page.figure


PLOTS: dict[str, Callable[[pd.DataFrame, dict], Figure]] = {
    "target": _target,
    "target_by_feature": _target_by_feature,
    "histograms": _histograms,
    "barplots": _barplots,
    "correlation_heatmap": _correlation_heatmap,
    "missingness": _missingness,
}
