"""What the report's charts are made of, as SVG to be put into a page: axes, marks and tracks.

Colours are classes of the page's style sheet, which knows light and dark; every series also differs
by its dashes or its shape. Charts are drawn small, so that their text stays readable on a phone.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup
from markupsafe import escape as escape_html

from ml_baseline.report.words import MINUS, Score, fixed, visible
from ml_baseline.scoring.metrics import METRICS

# A chart's size in its own units; about as many pixels on a phone.
WIDTH, HEIGHT = 400, 330
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 42
# Different looks of lines; a chart shows no more series than these.
SERIES = 6
# Half of the width that a digit of a tick takes.
HALF_LETTER = 3.8


def escape(text: str) -> Markup:
    """Return a text for HTML, what cannot be seen in it written out."""
    return escape_html(visible(text))


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
    # Without separators: a year is no thousand.
    return [fixed(v, digits).replace(",", "") + (letter if v else "") for v in shown]


def padded(values: Iterable[float], share: float = 0.06) -> tuple[float, float]:
    """Return a range that holds the values with a margin on both sides."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    margin = (high - low) * share or abs(high) * share or 0.5
    return low - margin, high + margin


def domain_of(metric: str, scores: Iterable[Score], baseline: float | None) -> tuple[float, float]:
    """Return the range to show scores over: round, and within what the metric can be."""
    values = [end for score in scores for end in (score.low, score.high)]
    low, high = padded(values if baseline is None else [*values, baseline])
    step = nice_step(high - low, 5)
    lowest, highest = METRICS[metric].bounds
    return max(lowest, (low // step) * step), min(highest, -((-high) // step) * step)


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

    def x_axis(self, values: Sequence[float]) -> None:
        """Write the ticks of the horizontal axis."""
        for value, text in zip(values, tick_texts(values), strict=True):
            middle = min(self.x.at(value), self.width - HALF_LETTER * len(text))  # no digit cut off
            self.text(middle, self.y.start + 16, text, "tick", "middle")
        self.line([(self.x.low, self.y.low), (self.x.high, self.y.low)], "axis")

    def y_axis(self, values: Sequence[float], texts: Sequence[str] | None = None) -> None:
        """Write the ticks of the vertical axis, with lines across the chart."""
        for value, text in zip(values, texts or tick_texts(values), strict=True):
            self.text(self.x.start - 6, self.y.at(value) + 4, text, "tick", "end")
            self.line([(self.x.low, value), (self.x.high, value)], "grid")

    def path(self, points: Iterable[tuple[float, float]]) -> str:
        """Return an SVG path through points given as values."""
        return "L".join(f"{place(self.x.at(x))} {place(self.y.at(y))}" for x, y in points)

    def line(self, points: Iterable[tuple[float, float]], css: str) -> None:
        """Draw straight lines from point to point."""
        self.parts.append(f'<path class="{css}" d="M{self.path(points)}"/>')

    def band(self, xs: Sequence, lows: Sequence, highs: Sequence) -> None:
        """Fill the space between two lines."""
        there = self.path(zip(xs, highs, strict=True))
        back = self.path(zip(reversed(xs), reversed(lows), strict=True))
        self.parts.append(f'<path class="band" d="M{there}L{back}Z"/>')

    def bar(self, x: tuple[float, float], y: tuple[float, float], css: str, hint: str) -> None:
        """Draw a rectangle between values; `hint` is shown under the pointer."""
        left, right = sorted(map(self.x.at, x))
        top, bottom = sorted(map(self.y.at, y))
        self.parts.append(
            f'<rect class="{css}" x="{place(left)}" y="{place(top)}" width="{place(right - left)}" '
            f'height="{place(bottom - top)}"><title>{escape(hint)}</title></rect>'
        )

    def point(self, x: float, y: float, hint: str) -> None:
        """Draw a dot; `hint` is shown under the pointer."""
        self.parts.append(
            f'<circle class="dot s0" cx="{place(self.x.at(x))}" cy="{place(self.y.at(y))}" r="4">'
            f"<title>{escape(hint)}</title></circle>"
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


# Marks of a track stand at a value, with its place for each `{0}`.
Marks = Sequence[tuple[float, str]]
DIAMOND = '<svg class="diamond" x="{0}" y="50%"><path d="M0-7L7 0L0 7L-7 0Z"/></svg>'
STROKE = '<line class="split" x1="{0}" x2="{0}" y1="12%" y2="38%"/>'


def rule_at(value: float | None, css: str = "baseline") -> Marks:
    """Return a vertical line at `value` as the marks of a track; none if that is None."""
    line = f'<line class="{css}" x1="{{0}}" x2="{{0}}" y1="0" y2="100%"/>'
    return [] if value is None else [(value, line)]


def track(score: Score, domain: tuple[float, float], marks: Marks = (), css: str = "s0") -> Markup:
    """Return an interval with its value as one line, as wide as the page lets it be.

    `domain` are the values at both ends of the line, `css` is the class of its colour.
    """
    scale = Scale(*domain, 0, 100)

    def at(value: float) -> str:
        return f"{min(100.0, max(0.0, scale.at(value))):.2f}%"

    more = "".join(mark.format(at(value)) for value, mark in marks)
    return Markup(
        f'<svg class="track" aria-hidden="true">{more}'
        f'<line class="reach {css}" x1="{at(score.low)}" x2="{at(score.high)}" y1="50%" y2="50%"/>'
        f'<line class="end {css}" x1="{at(score.low)}" x2="{at(score.low)}" y1="30%" y2="70%"/>'
        f'<line class="end {css}" x1="{at(score.high)}" x2="{at(score.high)}" y1="30%" y2="70%"/>'
        f'<circle class="dot {css}" cx="{at(score.value)}" cy="50%" r="5"/></svg>'
    )


def ruler(domain: tuple[float, float], unit: str = "", steps: int = 5) -> Markup:
    """Return the axis that stands below tracks over `domain`, with at most `steps` + 1 ticks."""
    scale = Scale(*domain, 0, 100)
    values = ticks(*domain, steps)
    body = '<line class="axis" x1="0" x2="100%" y1="0" y2="0"/>'
    for value, text in zip(values, tick_texts(values), strict=True):
        x = scale.at(value)
        anchor = "start" if x < 4 else "end" if x > 96 else "middle"
        body += (
            f'<line class="axis" x1="{x:.2f}%" x2="{x:.2f}%" y1="0" y2="5"/>'
            f'<text class="tick" x="{x:.2f}%" y="18" text-anchor="{anchor}">{text}{unit}</text>'
        )
    return Markup(f'<svg class="ruler" aria-hidden="true">{body}</svg>')
