"""How all pictures look: colours, sizes and fonts; and how they are saved."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from ml_baseline.files import whole_file

# seaborn takes scipy for density curves and clustering only, which are not drawn here, and does without
# where there is none. Importing it is half a second: a third of a job of four plots.
_without_scipy = "scipy" not in sys.modules
if _without_scipy:
    sys.modules["scipy"] = None  # type: ignore[assignment]  # "there is none" to the import system
try:
    import seaborn as sns
finally:
    if _without_scipy:
        del sys.modules["scipy"]

PIXELS_PER_INCH = 120
NEGATIVE, POSITIVE = CLASS_COLOURS = sns.color_palette("colorblind", 2).as_hex()
TEXT, FAINT, GRID = "#262626", "#6b6b6b", "#dddddd"
TITLE_SIZE, NOTE_SIZE, LABEL_SIZE, SMALL_SIZE = 13, 9.5, 10, 8.5
# Fonts that have the scripts which matplotlib's own lacks, tried where they are installed.
OTHER_SCRIPTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "PingFang SC", "Hiragino Sans", "Microsoft YaHei"),
    *("WenQuanYi Zen Hei", "Arial Unicode MS", "Noto Sans Devanagari", "Noto Sans Thai"),
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
        # Many turn it off in their own matplotlibrc, for fonts without the sign.
        "axes.unicode_minus": True,
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), TEXT),
        **dict.fromkeys(("axes.labelsize", "axes.titlesize"), LABEL_SIZE),
        **dict.fromkeys(("xtick.labelsize", "ytick.labelsize"), SMALL_SIZE),
        "axes.titley": 1.0,  # as it is anyway, but without a look for ticks above it
        "axes.edgecolor": "#999999",
        "grid.color": GRID,
        **dict.fromkeys(("axes.linewidth", "grid.linewidth"), 0.8),
        **dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False),
        "legend.fontsize": NOTE_SIZE,
        **dict.fromkeys(("figure.facecolor", "savefig.facecolor"), "white"),
        "savefig.bbox": None,
    }


@contextmanager
def style() -> Iterator[None]:
    """Draw by this module's settings, and leave matplotlib's as they were."""
    with matplotlib.rc_context(_settings()), warnings.catch_warnings():
        # A script for which no font is installed shows as boxes; a warning a letter helps no one.
        warnings.filterwarnings("ignore", message=".*[Gg]lyph")
        yield


def save(figure: Figure, path: str | Path) -> None:
    """Write `figure` to `path` as PNG, whole or not at all, making folders that are not there.

    Nothing of the time, the place or the software's version goes into the file.
    """
    with whole_file(path) as unfinished, style():
        figure.savefig(
            unfinished,
            format="png",
            dpi=PIXELS_PER_INCH,
            metadata={"Software": None},
            pil_kwargs={"compress_level": 3},
        )
