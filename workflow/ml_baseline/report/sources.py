"""What a report is made from: the result files of one table, read as they are."""

import base64
import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, cast

from ml_baseline.data.schema import Schema, class_names
from ml_baseline.files import read_json, read_rows
from ml_baseline.report.words import number

# A file larger than this is put into the page compressed, and one that is still too large is named.
PLAIN_BYTES = 60_000
EMBEDDED_BYTES = 600_000


class Download(NamedTuple):
    """A file that the page carries with it, or names if it is too large to be carried."""

    name: str
    href: str
    size: str


def size_text(size: int) -> str:
    """Return a number of bytes as people say it."""
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1000:,.0f} kB" if size < 1e6 else f"{size / 1e6:,.1f} MB"


def download(content: bytes, name: str, kind: str = "text/csv") -> Download:
    """Return a link by which a page hands over a file of its own, compressed if it is large."""
    size = size_text(len(content))
    if len(content) > PLAIN_BYTES:
        # Without the time of packing, so that equal files make equal pages.
        content, name, kind = gzip.compress(content, mtime=0), f"{name}.gz", "application/gzip"
        size = f"{size}, {size_text(len(content))} packed"
    if len(content) > EMBEDDED_BYTES:
        return Download(name.removesuffix(".gz"), "", size)
    text = "" if kind == "application/gzip" else ";charset=utf-8"
    return Download(name, f"data:{kind}{text};base64,{base64.b64encode(content).decode()}", size)


def download_of(path: str | Path, prefix: str = "") -> Download:
    """Return a link to the content of a file; `prefix` stands before its name."""
    path = Path(path)
    kind = "application/json" if path.suffix == ".json" else "text/csv"
    return download(path.read_bytes(), prefix + path.name, kind)


def by_name(rows: list[dict], key: str) -> dict[str, list[dict]]:
    """Return rows grouped by a column, in the order in which its values first occur."""
    groups: dict[str, list[dict]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return groups


# The tables that a report is made from, and the cells of each that are numbers, None if empty; other
# cells are text.
TABLES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("leaderboard", "seed_metrics", "audit", "augmentation"), ()),
    **dict.fromkeys(("naive", "controls", "stats"), ()),
    "ensemble": ("weight", "log_loss"),
    "distributions": ("negatives", "positives"),
    "importance": ("importance", "low", "high", "repeats", "rows"),
    "partial_dependence": ("probability", "low", "high", "rows"),
    "roc": ("false_positive_rate", "true_positive_rate"),
    "precision_recall": ("recall", "precision"),
    "calibration": (
        *("low", "high", "mean_probability"),
        *("observed", "observed_low", "observed_high", "rows"),
    ),
    "score_distribution": ("low", "high", "negatives", "positives"),
    "thresholds": (
        *("threshold", "true_positives", "false_positives", "false_negatives", "true_negatives"),
        *("precision", "recall", "f1", "accuracy", "flagged_share"),
    ),
}


class Sources(NamedTuple):
    """The result files of one table, read."""

    files: dict[str, str]  # the paths by name; of several files of one kind the first
    schema: Schema
    repairs: dict
    tables: dict[str, list[dict]]  # the rows of `TABLES`, none for what was not asked for
    plots: list[str]

    @property
    def classes(self) -> tuple[str, str]:
        """What the negatives and the positives are called."""
        return class_names(self.schema)


def read_sources(files: Mapping[str, str | list[str]]) -> Sources:
    """Return the results of a table.

    `files` has the path, or list of paths, of `schema`, `repairs`, `plots` and those of `TABLES`; what this
    table was not asked for may be missing or an empty list.
    """
    several = {
        name: [str(paths)] if isinstance(paths, str | Path) else [str(path) for path in paths]
        for name, paths in files.items()
    }
    return Sources(
        files={name: paths[0] for name, paths in several.items() if paths},
        schema=cast(Schema, read_json(several["schema"][0])),
        repairs=read_json(several["repairs"][0]),
        tables={
            name: [row | {cell: number(row[cell]) for cell in cells} for row in read_rows(*paths)]
            for name, cells in TABLES.items()
            for paths in [several.get(name, [])]
        },
        plots=several.get("plots", []),
    )
