"""The report's charts, as SVG to be put into a page.

Colours are classes of the page's style sheet, which knows light and dark; every series also differs
by its dashes or its shape. Charts are drawn small, so that their text stays readable on a phone.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from ml_baseline.report.words import MINUS, Score, fixed, number, shortened

# A chart's size in its own units; about as many pixels on a phone.
WIDTH, HEIGHT = 400, 300
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 42
# Different looks of lines; a chart shows no more series than these.
SERIES = 6
# The number of bins or categories that a small chart has room for.
LABEL_LENGTH = 14


class Scale(NamedTuple):
    """A straight map from values to places on the page."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the place of `value`; a scale without width puts all in its middle."""
        if self.high == self.low:
            return (self.start + self.end) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def place(value: float) -> str:
    """Return a coordinate with as many digits as can be seen."""
    return f"{value:.1f}".removesuffix(".0")


def nice_step(span: float, count: int) -> float:
    """Return the least of 1, 2, 2.5, 5 times a power of ten that makes at most `count` steps."""
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9))


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round values between `low` and `high`."""
    if high <= low:
        return [low]
    step = nice_step(high - low, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def tick_texts(values: Sequence[float]) -> list[str]:
    """Return ticks as text, all with the same decimals; large ones in k and M."""
    largest = max(map(abs, values), default=0.0)
    unit, letter = next(
        ((u, s) for u, s in ((1e9, "B"), (1e6, "M"), (1e3, "k")) if largest >= 10 * u), (1.0, "")
    )
    shown = [value / unit for value in values]
    if 0 < largest < 1e-3:
        return [f"{value:.3g}".replace("-", MINUS) for value in values]
    for digits in range(4):
        if all(abs(round(v, digits) - v) < 1e-6 * max(1.0, abs(v)) for v in shown):
            break
    return [fixed(v, digits) + (letter if v else "") for v in shown]


def padded(values: Iterable[float], share: float = 0.06) -> tuple[float, float]:
    """Return a range that holds the values with a margin on both sides."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    margin = (high - low) * share or abs(high) * share or 0.5
    return low - margin, high + margin


class Chart:
    """A chart with two axes, put together from marks; the last call is `svg`."""

    def __init__(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        x_title: str = "",
        y_title: str = "",
        width: float = WIDTH,
        height: float = HEIGHT,
        left: float = LEFT,
        bottom: float = BOTTOM,
    ):
        """Begin a chart that shows the ranges `x` and `y`."""
        self.width, self.height = width, height
        self.x = Scale(*x, left, width - RIGHT)
        self.y = Scale(*y, height - bottom, TOP)
        self.parts: list[str] = []
        middle = (self.x.start + self.x.end) / 2
        if x_title:
            self.text(middle, height - 6, x_title, "axis-title", "middle")
        if y_title:
            centre = (self.y.start + self.y.end) / 2
            self.parts.append(
                f'<text class="axis-title" text-anchor="middle" '
                f'transform="translate(12 {place(centre)}) rotate(-90)">{escape(y_title)}</text>'
            )

    def text(self, x: float, y: float, text: str, css: str = "", anchor: str = "start") -> None:
        """Write `text` at a place on the page."""
        self.parts.append(
            f'<text x="{place(x)}" y="{place(y)}" class="{css}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )

    def x_axis(self, values: Sequence[float], texts: Sequence[str] | None = None) -> None:
        """Write the ticks of the horizontal axis."""
        for value, text in zip(values, texts or tick_texts(values), strict=True):
            self.text(self.x.at(value), self.y.start + 16, text, "tick", "middle")
        self.parts.append(
            f'<path class="axis" d="M{place(self.x.start)} {place(self.y.start)}'
            f'H{place(self.x.end)}"/>'
        )

    def y_axis(self, values: Sequence[float], texts: Sequence[str] | None = None) -> None:
        """Write the ticks of the vertical axis, with lines across the chart."""
        lines = ""
        for value, text in zip(values, texts or tick_texts(values), strict=True):
            y = self.y.at(value)
            self.text(self.x.start - 6, y + 4, text, "tick", "end")
            lines += f"M{place(self.x.start)} {place(y)}H{place(self.x.end)}"
        self.parts.append(f'<path class="grid" d="{lines}"/>')

    def path(self, points: Iterable[tuple[float, float]]) -> str:
        """Return an SVG path through points given as values."""
        return "L".join(f"{place(self.x.at(x))} {place(self.y.at(y))}" for x, y in points)

    def line(self, points: Iterable[tuple[float, float]], css: str) -> None:
        """Draw straight lines from point to point."""
        self.parts.append(f'<path class="{css}" d="M{self.path(points)}"/>')

    def band(self, xs: Sequence, lows: Sequence, highs: Sequence, css: str = "band") -> None:
        """Fill the space between two lines."""
        there = self.path(zip(xs, highs, strict=True))
        back = self.path(zip(reversed(xs), reversed(lows), strict=True))
        self.parts.append(f'<path class="{css}" d="M{there}L{back}Z"/>')

    def bar(self, x: tuple[float, float], y: tuple[float, float], css: str, hint: str = "") -> None:
        """Draw a rectangle between values; `hint` is shown under the pointer."""
        xs = sorted(self.x.at(value) for value in x)
        ys = sorted(self.y.at(value) for value in y)
        title = f"<title>{escape(hint)}</title>" if hint else ""
        box = " ".join(
            f'{name}="{place(value)}"'
            for name, value in (
                ("x", xs[0]),
                ("y", ys[0]),
                ("width", max(xs[1] - xs[0], 0)),
                ("height", max(ys[1] - ys[0], 0)),
            )
        )
        end = f">{title}</rect>" if title else "/>"
        self.parts.append(f'<rect class="{css}" {box}{end}')

    def point(self, x: float, y: float, css: str, hint: str = "", radius: float = 4) -> None:
        """Draw a dot; `hint` is shown under the pointer."""
        title = f"<title>{escape(hint)}</title>" if hint else ""
        self.parts.append(
            f'<circle class="{css}" cx="{place(self.x.at(x))}" cy="{place(self.y.at(y))}" '
            f'r="{place(radius)}">{title}</circle>'
        )

    def upright(self, x: float, low: float, high: float, css: str = "whisker") -> None:
        """Draw a vertical line between values."""
        self.parts.append(
            f'<path class="{css}" d="M{place(self.x.at(x))} {place(self.y.at(low))}'
            f'V{place(self.y.at(high))}"/>'
        )

    def svg(self, label: str) -> Markup:
        """Return the chart; `label` tells what it shows to those who cannot see it."""
        return svg(self.width, self.height, label, "".join(self.parts))


def svg(width: float, height: float, label: str, body: str, css: str = "chart") -> Markup:
    """Return an image with a text alternative."""
    return Markup(
        f'<svg class="{css}" viewBox="0 0 {place(width)} {place(height)}" role="img" '
        f'aria-label="{escape(label)}">{body}</svg>'
    )


def sample(series: int) -> Markup:
    """Return a bit of a line as a legend shows it."""
    return Markup(
        f'<svg class="sample" viewBox="0 0 28 10" aria-hidden="true">'
        f'<path class="series s{series}" d="M1 5H27"/></svg>'
    )


UNIT_TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1]
SQUARE = {"width": WIDTH, "height": 330}


def roc_chart(curves: Sequence[tuple[str, list[dict]]], label: str) -> Markup:
    """Return the ROC curves; the first curve is the one that stands out.

    Args:
        curves: name and points (`false_positive_rate`, `true_positive_rate`) of each.
        label: the text alternative.
    """
    chart = Chart(
        (0, 1),
        (0, 1),
        "false alarms: share of negatives flagged",
        "found: share of positives flagged",
        **SQUARE,
    )
    chart.y_axis(UNIT_TICKS)
    chart.x_axis(UNIT_TICKS)
    chart.line([(0, 0), (1, 1)], "reference")
    chart.text(chart.x.at(0.66), chart.y.at(0.6), "guessing", "note")
    for i, (_, points) in reversed(list(enumerate(curves))):
        places = [(p["false_positive_rate"], p["true_positive_rate"]) for p in points]
        chart.line(places, f"series s{i}")
    return chart.svg(label)


def precision_recall_chart(
    curves: Sequence[tuple[str, list[dict]]], prevalence: float, label: str
) -> Markup:
    """Return the precision-recall curves, as steps, with the line that guessing gives."""
    chart = Chart(
        (0, 1),
        (0, 1),
        "recall: share of positives found",
        "precision of the flagged rows",
        **SQUARE,
    )
    chart.y_axis(UNIT_TICKS)
    chart.x_axis(UNIT_TICKS)
    chart.line([(0, prevalence), (1, prevalence)], "reference")
    above = chart.y.at(prevalence) - 6
    chart.text(chart.x.at(0.02), above, f"guessing: {prevalence:.2f}", "note")
    for i, (_, points) in reversed(list(enumerate(curves))):
        steps = []
        recall = 0.0
        # Before the first positive is found the curve has no width to be drawn in.
        for p in (p for p in points if p["recall"] > 0):
            steps += [(recall, p["precision"]), (p["recall"], p["precision"])]
            recall = p["recall"]
        chart.line(steps, f"series s{i}")
    return chart.svg(label)


def calibration_chart(bins: list[dict], label: str) -> Markup:
    """Return how often came true what was given a probability, with intervals."""
    chart = Chart((0, 1), (0, 1), "predicted probability", "share that is positive", **SQUARE)
    chart.y_axis(UNIT_TICKS)
    chart.x_axis(UNIT_TICKS)
    chart.line([(0, 0), (1, 1)], "reference")
    xs = [b["mean_probability"] for b in bins]
    if len(bins) > 1:
        chart.band(xs, [b["observed_low"] for b in bins], [b["observed_high"] for b in bins])
        chart.line([(b["mean_probability"], b["observed"]) for b in bins], "series thin s0")
    for b in bins:
        chart.upright(b["mean_probability"], b["observed_low"], b["observed_high"])
        hint = (
            f"predicted {b['mean_probability']:.2f} on average, positive {b['observed']:.2f} "
            f"({b['observed_low']:.2f} to {b['observed_high']:.2f}), {b['rows']:g} rows"
        )
        chart.point(b["mean_probability"], b["observed"], "dot s0", hint)
    return chart.svg(label)


def score_chart(bins: list[dict], threshold: float, label: str) -> Markup:
    """Return the probabilities of both classes: positives above the line, negatives below it.

    Args:
        bins: `low`, `high`, `negatives` and `positives` of each.
        threshold: the one in use, drawn as a line.
        label: the text alternative.
    """
    most = [max(b[name] for b in bins) for name in ("negatives", "positives")]
    # Room at the top for the threshold's name.
    ends = (-max(most[0], 1) * 1.05, max(most[1], 1) * 1.05 + sum(most) * 0.1)
    chart = Chart((0, 1), ends, "predicted probability", "rows", **SQUARE)
    rows = ticks(ends[0], max(most[1], 1), 6)
    chart.y_axis(rows, [text.removeprefix(MINUS) for text in tick_texts(rows)])
    chart.x_axis(UNIT_TICKS)
    gap = 0.002
    for b in bins:
        within = (b["low"] + gap, b["high"] - gap)
        span = f"probability {b['low']:g} to {b['high']:g}"
        if b["positives"]:
            hint = f"{span}: {b['positives']:g} positive"
            chart.bar(within, (0, b["positives"]), "positive", hint)
        if b["negatives"]:
            hint = f"{span}: {b['negatives']:g} negative"
            chart.bar(within, (-b["negatives"], 0), "negative", hint)
    chart.line([(0, 0), (1, 0)], "axis")
    chart.upright(threshold, chart.y.low, chart.y.high, "cut")
    side, anchor = (-5, "end") if threshold > 0.5 else (5, "start")
    chart.text(chart.x.at(threshold) + side, TOP + 10, f"threshold {threshold:g}", "note", anchor)
    return chart.svg(label)


def threshold_chart(rows: list[dict], threshold: float, label: str) -> Markup:
    """Return precision, recall and F1 over the thresholds."""
    chart = Chart((0, 1), (0, 1), "threshold", "", left=34, **SQUARE)
    chart.y_axis(UNIT_TICKS)
    chart.x_axis(UNIT_TICKS)
    for i, name in enumerate(("precision", "recall", "f1")):
        known = [(r["threshold"], r[name]) for r in rows if r[name] is not None]
        chart.line(known, f"series s{i}")
    chart.upright(threshold, 0, 1, "cut")
    return chart.svg(label)


def dependence_chart(points: list[dict], y: tuple[float, float], label: str) -> Markup:
    """Return the mean prediction by the values of one feature, all else as it is.

    Args:
        points: `kind`, `value` (a number where `kind` is "numeric"), `label`, `probability`, and
            `low` and `high`, between which most rows' predictions lie.
        y: the range of probabilities to show, the same for all features.
        label: the text alternative.
    """
    numbers = points[0]["kind"] == "numeric"
    size = {"width": 300, "height": 200, "left": 40}
    if numbers and len(points) > 1:
        xs = [p["value"] for p in points]
        chart = Chart((min(xs), max(xs)), y, bottom=26, **size)
        values = ticks(y[0], y[1], 4)
        chart.y_axis(values)
        chart.x_axis(ticks(min(xs), max(xs), 4))
        chart.band(xs, [p["low"] for p in points], [p["high"] for p in points])
        chart.line([(p["value"], p["probability"]) for p in points], "series s0")
        return chart.svg(label)
    return category_dependence(points, y, label)


def category_dependence(points: list[dict], y: tuple[float, float], label: str) -> Markup:
    """Return the mean prediction by category, one line of the chart for each."""
    row, left = 22, 116
    height = max(len(points) * row + TOP + 26, 90)
    chart = Chart(y, (len(points), 0), width=300, height=height, left=left, bottom=26)
    # Turned by a quarter: the categories stand one below the other, so that they can be read.
    values = ticks(y[0], y[1], 3)
    lines = "".join(f"M{place(chart.x.at(v))} {place(TOP)}V{place(height - 26)}" for v in values)
    chart.parts.append(f'<path class="grid" d="{lines}"/>')
    chart.x_axis(values)
    for i, p in enumerate(points):
        middle = TOP + (i + 0.5) * (height - 26 - TOP) / len(points)
        chart.text(left - 8, middle + 4, shortened(p["label"], LABEL_LENGTH), "tick", "end")
        chart.parts.append(
            f'<path class="whisker" d="M{place(chart.x.at(p["low"]))} {place(middle)}'
            f'H{place(chart.x.at(p["high"]))}"/>'
            f'<circle class="dot s0" cx="{place(chart.x.at(p["probability"]))}" '
            f'cy="{place(middle)}" r="4"><title>{escape(p["label"])}: {p["probability"]:.3f}'
            "</title></circle>"
        )
    return chart.svg(label)


def distribution_chart(bins: list[dict], label: str) -> Markup:
    """Return a column's values in both classes: positives to the right, negatives to the left.

    Each class is drawn as shares of its own rows, so that the shapes can be compared.
    """
    totals = {name: sum(b[name] for b in bins) or 1 for name in ("negatives", "positives")}
    most = max(b[name] / totals[name] for b in bins for name in totals) or 1
    row = 13 if len(bins) > 12 else 15 if len(bins) > 8 else 20
    left, middle = 110, 110 + 92
    height = len(bins) * row + 8
    scale = Scale(0, most, 0, 88)
    parts = []
    for i, b in enumerate(bins):
        y = 4 + i * row
        parts.append(
            f'<text class="tick" text-anchor="end" x="{left - 4}" y="{place(y + row / 2 + 4)}">'
            f"{escape(bin_text(b))}</text>"
        )
        hint = escape(
            f"{b['label']}: {b['negatives']:g} negative ({b['negatives'] / totals['negatives']:.1%}), "
            f"{b['positives']:g} positive ({b['positives'] / totals['positives']:.1%})"
        )
        bars = ""
        for name, css, direction in (("negatives", "negative", -1), ("positives", "positive", 1)):
            long = scale.at(b[name] / totals[name])
            start = middle - long if direction < 0 else middle
            bars += (
                f'<rect class="{css}" x="{place(start)}" y="{y + 1}" width="{place(long)}" '
                f'height="{row - 2}"/>'
            )
        parts.append(f"<g>{bars}<title>{hint}</title></g>")
    parts.append(f'<path class="axis" d="M{middle} 2V{height - 2}"/>')
    return svg(296, height, label, "".join(parts))


def bin_text(group: dict) -> str:
    """Return what a bin or category is called, in as much room as a chart has for it."""
    low, high = number(group["low"]), number(group["high"])
    if len(group["label"]) > LABEL_LENGTH and None not in (low, high) and low != high:
        return " to ".join(tick_texts([low, high]))
    return shortened(group["label"], LABEL_LENGTH)


def track(
    score: Score,
    domain: tuple[float, float],
    marks: Callable[[Callable[[float], str]], str] | None = None,
    css: str = "s0",
) -> Markup:
    """Return an interval with its value as one line, as wide as the page lets it be.

    Args:
        score: the figure and its limits.
        domain: the values at both ends of the line.
        marks: further marks, from the map of values to places in per cent.
        css: the class of its colour.
    """
    scale = Scale(*domain, 0, 100)

    def at(value: float) -> str:
        return f"{min(100.0, max(0.0, scale.at(value))):.2f}%"

    more = marks(at) if marks else ""
    return Markup(
        f'<svg class="track" aria-hidden="true">{more}'
        f'<line class="reach {css}" x1="{at(score.low)}" x2="{at(score.high)}" y1="50%" y2="50%"/>'
        f'<line class="end {css}" x1="{at(score.low)}" x2="{at(score.low)}" y1="30%" y2="70%"/>'
        f'<line class="end {css}" x1="{at(score.high)}" x2="{at(score.high)}" y1="30%" y2="70%"/>'
        f'<circle class="dot {css}" cx="{at(score.value)}" cy="50%" r="5"/></svg>'
    )


def rule_at(value: float, css: str = "baseline") -> Callable[[Callable[[float], str]], str]:
    """Return a mark of `track`: a vertical line at `value`."""
    return lambda at: f'<line class="{css}" x1="{at(value)}" x2="{at(value)}" y1="0" y2="100%"/>'


def ruler(domain: tuple[float, float], unit: str = "", steps: int = 5) -> Markup:
    """Return the axis that stands below tracks over `domain`, with at most `steps` + 1 ticks."""
    scale = Scale(*domain, 0, 100)
    values = ticks(*domain, steps)
    texts = tick_texts(values)
    parts = []
    for value, text in zip(values, texts, strict=True):
        x = scale.at(value)
        anchor = "start" if x < 4 else "end" if x > 96 else "middle"
        parts.append(
            f'<line class="axis" x1="{x:.2f}%" x2="{x:.2f}%" y1="0" y2="5"/>'
            f'<text class="tick" x="{x:.2f}%" y="18" text-anchor="{anchor}">{text}{unit}</text>'
        )
    return Markup(
        '<svg class="ruler" aria-hidden="true"><line class="axis" x1="0" x2="100%" y1="0" y2="0"/>'
        + "".join(parts)
        + "</svg>"
    )
