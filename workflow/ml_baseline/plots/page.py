"""The page a picture stands on: a heading above a body that is measured in inches."""

import textwrap
from collections.abc import Sequence
from functools import cache

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from ml_baseline.plots.style import FAINT, NOTE_SIZE, PIXELS_PER_INCH, SMALL_SIZE, TITLE_SIZE


@cache
def _renderer() -> RendererAgg:
    return RendererAgg(1, 1, 72)


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of one line of text, in inches."""
    font = FontProperties(size=size, weight=weight)
    return _renderer().get_text_width_height_descent(text, font, False)[0] / 72


def widest(labels: Sequence[str], size: float = SMALL_SIZE) -> float:
    """Return the width of the widest of some lines, in inches."""
    return max((text_width(label, size) for label in labels), default=0.0)


def _wrap(text: str, width: float, size: float, weight: str = "normal") -> list[str]:
    """Return `text` in lines of at most about `width` inches."""
    lines, letters = [text], len(text)
    # Letters differ in width, so how many fit into a line has to be tried.
    while letters > 10 and max(text_width(line, size, weight) for line in lines) > width:
        letters = letters * 9 // 10
        lines = textwrap.wrap(text, letters)
    return lines


def _wrap_notes(notes: Sequence[str], width: float) -> list[str]:
    """Return notes in lines that break between notes, and within one only if it fills a line."""
    lines: list[str] = []
    for note in notes:
        joined = f"{lines[-1]} · {note}" if lines else note
        if lines and text_width(joined, NOTE_SIZE) <= width:
            lines[-1] = joined
        else:
            lines += _wrap(note, width, NOTE_SIZE)
    return lines


class Page:
    """A figure with a heading; `axes` places axes in its body, in inches from its top left."""

    def __init__(
        self,
        width: float,
        height: float,
        title: str,
        notes: Sequence[str] = (),
        legend: Sequence[tuple[Artist, str]] = (),
    ):
        margin = 0.25
        title_lines = _wrap(title, width - 2 * margin, TITLE_SIZE, "bold")
        note_lines = _wrap_notes(notes, width - 2 * margin)
        title_height = 0.25 * len(title_lines)
        note_height = 0.185 * len(note_lines) + 0.04
        handles, labels = [one for one, _ in legend], [label for _, label in legend]
        fits = sum(text_width(label, NOTE_SIZE) + 0.55 for label in labels) <= width - margin
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

    def text(self, left: float, top: float, lines: Sequence[str], **style) -> None:
        """Write lines, the first with its upper left corner at a place of the page."""
        place = left / self.width, top / self.height
        self.figure.text(*place, "\n".join(lines), va="top", linespacing=1.25, **style)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Return new axes in the body."""
        bottom = self.body - top - height
        return self.figure.add_axes(
            (left / self.width, bottom / self.height, width / self.width, height / self.height)
        )


def nothing(title: str, message: str) -> Figure:
    """Return a page that says why there is nothing to see."""
    page = Page(7, 1.2, title)
    page.text(0.25, page.body - 0.1, _wrap(message, 6.5, 11), size=11)
    return page.figure
