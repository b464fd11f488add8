"""The report's figures: curves, calibration, scores, thresholds, dependence and distributions.

`label` is the text alternative of each. Rows are those of the result files, numbers as numbers.
"""

import math
import textwrap
from collections.abc import Sequence

from markupsafe import Markup

from ml_baseline.report.charts import TOP, Chart, escape, place, tick_texts, ticks
from ml_baseline.report.words import MINUS, number
from ml_baseline.text import percent, shortened

# How long a label may be that stands beside what it names; longer ones stand above it.
LABEL_LENGTH, LONG_LABEL_LENGTH = 14, 44
# What is named above itself has so many lines at most, each so high.
LABEL_LINES, LINE_HEIGHT = 3, 14.0
Curves = Sequence[list[dict]]  # the points of each; the first one stands out


def square(x_title: str, y_title: str, shown: tuple[float, float] = (0, 1), **size: float) -> Chart:
    """Return a chart with its axes, both of them of shares."""
    chart = Chart(shown, shown, x_title, y_title, **size)
    chart.y_axis(ticks(*shown))
    chart.x_axis(ticks(*shown))
    return chart


def roc_chart(curves: Curves, label: str) -> Markup:
    """Return the ROC curves, with the line that guessing gives."""
    chart = square(
        "false alarms: share of the negatives flagged", "found: share of the positives flagged"
    )
    chart.line([(0, 0), (1, 1)], "reference")
    chart.text(chart.x.at(0.66), chart.y.at(0.6), "guessing", "note")
    for i, points in reversed(list(enumerate(curves))):
        places = [(p["false_positive_rate"], p["true_positive_rate"]) for p in points]
        chart.line(places, f"series s{i}")
    return chart.svg(label)


def precision_recall_chart(curves: Curves, prevalence: float, label: str) -> Markup:
    """Return the precision-recall curves, as steps, with the line that guessing gives."""
    chart = square("recall: share of positives found", "precision of the flagged rows")
    chart.line([(0, prevalence), (1, prevalence)], "reference")
    # The curves are above the line, so its name is below, where there is room.
    off = 14 if prevalence > 0.15 else -6
    chart.text(
        chart.x.at(0.02), chart.y.at(prevalence) + off, f"guessing: {prevalence:.2f}", "note"
    )
    for i, points in reversed(list(enumerate(curves))):
        steps = []
        recall = 0.0
        # Before the first positive is found the curve has no width to be drawn in.
        for p in (p for p in points if p["recall"] > 0):
            steps += [(recall, p["precision"]), (p["recall"], p["precision"])]
            recall = p["recall"]
        chart.line(steps, f"series s{i}")
    return chart.svg(label)


def calibration_chart(bins: list[dict], positive: str, label: str) -> Markup:
    """Return how often came true what was given a probability, with intervals.

    Both axes show the part from 0 to 1 that holds all bins: a model of mostly positives has them
    in one corner.
    """
    xs, lows, highs = (
        [b[name] for b in bins] for name in ("mean_probability", "observed_low", "observed_high")
    )
    ends = xs + lows + highs
    low, high = math.floor(min(ends) * 20) / 20, math.ceil(max(ends) * 20) / 20
    if high - low > 0.6:
        low, high = 0.0, 1.0
    chart = square("predicted probability", f"share with {positive}", (low, high))
    chart.line([(low, low), (high, high)], "reference")
    if (low, high) != (0, 1):
        text = f"axes from {low:g} to {high:g}"
        chart.text(chart.x.end, chart.y.start - 6, text, "note", "end")
    if len(bins) > 1:
        chart.band(xs, lows, highs)
        chart.line([(b["mean_probability"], b["observed"]) for b in bins], "series thin s0")
    for b in bins:
        span = (b["observed_low"], b["observed_high"])
        chart.line([(b["mean_probability"], end) for end in span], "whisker")
        hint = (
            f"predicted {b['mean_probability']:.2f} on average, positive {b['observed']:.2f} "
            f"({b['observed_low']:.2f} to {b['observed_high']:.2f}), {b['rows']:g} rows"
        )
        chart.point(b["mean_probability"], b["observed"], hint)
    return chart.svg(label)


def score_chart(bins: list[dict], threshold: float, label: str) -> Markup:
    """Return the probabilities of both classes: positives above the line, negatives below it."""
    most = [max(b[name] for b in bins) for name in ("negatives", "positives")]
    # Room at the top for the threshold's name.
    ends = (-max(most[0], 1) * 1.05, max(most[1], 1) * 1.05 + sum(most) * 0.1)
    chart = Chart((0, 1), ends, "predicted probability", "rows")
    rows = ticks(ends[0], max(most[1], 1), 6)
    chart.y_axis(rows, [text.removeprefix(MINUS) for text in tick_texts(rows)])
    chart.x_axis(ticks(0, 1))
    gap = 0.002
    for b in bins:
        for name, sign in (("positive", 1), ("negative", -1)):
            if rows_of_class := b[f"{name}s"]:
                hint = f"probability {b['low']:g} to {b['high']:g}: {rows_of_class:g} {name}"
                within = (b["low"] + gap, b["high"] - gap)
                chart.bar(within, (0, sign * rows_of_class), name, hint)
    chart.line([(0, 0), (1, 0)], "axis")
    chart.line([(threshold, chart.y.low), (threshold, chart.y.high)], "cut")
    side, anchor = (-5, "end") if threshold > 0.5 else (5, "start")
    chart.text(chart.x.at(threshold) + side, TOP + 10, f"threshold {threshold:g}", "note", anchor)
    return chart.svg(label)


def threshold_chart(rows: list[dict], threshold: float, label: str) -> Markup:
    """Return precision, recall and F1 over the thresholds."""
    chart = square("threshold", "", left=34)
    for i, name in enumerate(("precision", "recall", "f1")):
        known = [(r["threshold"], r[name]) for r in rows if r[name] is not None]
        chart.line(known, f"series s{i}")
    chart.line([(threshold, 0), (threshold, 1)], "cut")
    return chart.svg(label)


def dependence_chart(points: list[dict], y: tuple[float, float], label: str) -> Markup:
    """Return the mean prediction by the values of one feature, all else as it is.

    `points` have `kind`, `value` (a number where `kind` is "numeric"), `label` (of days and months their
    names, which are shown as categories are), `probability`, and `low` and `high`, between which most
    rows' predictions lie; `y` is the range of probabilities to show, the same for all features.
    """
    if points[0]["kind"] != "numeric" or points[0]["label"].isalpha() or len(points) == 1:
        return category_dependence(points, y, label)
    xs = [p["value"] for p in points]
    chart = Chart((min(xs), max(xs)), y, width=300, height=200, left=40, bottom=26)
    chart.y_axis(ticks(*y, 4))
    chart.x_axis(ticks(min(xs), max(xs), 4))
    chart.band(xs, [p["low"] for p in points], [p["high"] for p in points])
    chart.line([(p["value"], p["probability"]) for p in points], "series s0")
    return chart.svg(label)


def category_dependence(points: list[dict], y: tuple[float, float], label: str) -> Markup:
    """Return the mean prediction by category, one line of the chart for each.

    Turned by a quarter: the categories stand one below the other, so that they can be read.
    """
    names = Names([p["label"] for p in points], row=22, left=116)
    height = max(names.row * len(points) + TOP + 26, 90)
    chart = Chart(y, (len(points), 0), width=300, height=height, left=names.left, bottom=26)
    values = ticks(*y, 3)
    for value in values:
        chart.line([(value, 0), (value, len(points))], "grid")
    chart.x_axis(values)
    middle = (names.above + 11) / (chart.y.at(1) - chart.y.at(0))
    for i, p in enumerate(points):
        chart.parts.append(names.at(i, chart.y.at(i)))
        chart.line([(p["low"], i + middle), (p["high"], i + middle)], "whisker")
        chart.point(p["probability"], i + middle, f"{p['label']}: {p['probability']:.3f}")
    return chart.svg(label)


class Names:
    """The names of rows: beside them if all are short, else each above its row, in lines.

    `row` is the height of a row with its name, `above` the part of it that the name takes.
    """

    def __init__(self, names: list[str], row: float, left: float):
        self.lines, self.left, self.above = [[name] for name in names], left, 0.0
        if max(map(len, names)) > LABEL_LENGTH:
            most = LONG_LABEL_LENGTH * LABEL_LINES
            self.lines = [textwrap.wrap(shortened(n, most), LONG_LABEL_LENGTH) for n in names]
            self.left, self.above = 12.0, LINE_HEIGHT * max(map(len, self.lines))
        self.bar, self.row = row, row + self.above

    def at(self, i: int, top: float) -> Markup:
        """Return the name of a row that begins at `top`."""
        x, y, anchor = self.left - 8, top + self.bar / 2 + 4, "end"
        if self.above:  # the last line just above the row
            x, y, anchor = self.left, top + self.above - 2, "start"
        return Markup("").join(
            Markup(
                f'<text class="tick" text-anchor="{anchor}" x="{place(x)}" '
                f'y="{place(y - LINE_HEIGHT * below)}">{escape(line)}</text>'
            )
            for below, line in enumerate(reversed(self.lines[i]))
        )


def distribution_chart(bins: list[dict], label: str) -> Markup:
    """Return a column's values in both classes: positives to the right, negatives to the left.

    Each class is drawn as shares of its own rows, so that the shapes can be compared.
    """
    classes = ("negative", "positive")
    totals = {name: sum(b[f"{name}s"] for b in bins) or 1 for name in classes}
    most = max(b[f"{name}s"] / totals[name] for b in bins for name in classes) or 1
    row = 13 if len(bins) > 12 else 15 if len(bins) > 8 else 20
    names = Names([bin_text(b) for b in bins], row, left=114)
    height = TOP + len(bins) * names.row + 4
    chart = Chart((-most, most), (len(bins), 0), "", "", 296, height, names.left, bottom=4)
    top, bottom = (names.above + 1) / names.row, 1 - 1 / names.row
    for i, b in enumerate(bins):
        chart.parts.append(names.at(i, chart.y.at(i)))
        for name, sign in zip(classes, (-1, 1), strict=True):
            share = b[f"{name}s"] / totals[name]
            hint = f"{b['label']}: {b[f'{name}s']:g} {name} ({percent(share, 1)})"
            chart.bar((0, sign * share), (i + top, i + bottom), name, hint)
    chart.line([(0, 0), (0, len(bins))], "axis")
    return chart.svg(label)


def bin_text(group: dict) -> str:
    """Return what a bin or category is called; a bin in as few letters as tell where it is."""
    low, high = number(group["low"]), number(group["high"])
    if len(group["label"]) > LABEL_LENGTH and low is not None and high is not None and low < high:
        return " to ".join(tick_texts([low, high]))
    return group["label"]
