"""What a report is made from: the result files of one table, read as they are."""

import base64
import gzip
from collections.abc import Iterable
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


def numbers_in(rows: Iterable[dict[str, str]], *names: str) -> list[dict]:
    """Return the rows with the cells `names` as numbers, None for empty ones."""
    return [row | {name: number(row[name]) for name in names} for row in rows]


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


class Sources(NamedTuple):
    """The result files of one table, read.

    `files` has the paths by name; lists are empty for what this table was not asked for. Cells are
    text unless they are said to be numbers.
    """

    files: dict[str, str]
    schema: Schema
    repairs: dict
    leaderboard: list[dict]
    seeds: list[dict]
    ensemble: list[dict]
    audit: list[dict]
    augmentation: list[dict]
    naive: list[dict]
    controls: list[dict]
    stats: list[dict]
    distributions: list[dict]
    importance: list[dict]
    partial_dependence: list[dict]
    roc: list[dict]
    precision_recall: list[dict]
    calibration: list[dict]
    score_distribution: list[dict]
    thresholds: list[dict]
    plots: list[str]

    @property
    def classes(self) -> tuple[str, str]:
        """What the negatives and the positives are called."""
        return class_names(self.schema)


# The cells of each file that are numbers; the other files' cells are turned where they are used.
NUMBERS = {
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


def read_sources(files: dict[str, str | list[str]]) -> Sources:
    """Return the results of a table.

    Args:
        files: the paths by name: `schema`, `repairs`, `leaderboard`, `audit`, `stats` and those of
            `NUMBERS`; lists of paths for `seed_metrics`, `ensemble`, `augmentation`, `naive`,
            `controls` and `plots`, which may be empty.
    """
    single = {name: str(path) for name, path in files.items() if isinstance(path, str | Path)}
    lists = ("seed_metrics", "ensemble", "augmentation", "naive", "controls")
    several = {name: files.get(name) or [] for name in lists}
    optional = {name: paths[0] for name, paths in several.items() if paths}
    return Sources(
        files=single | optional,
        schema=cast(Schema, read_json(single["schema"])),
        repairs=read_json(single["repairs"]),
        leaderboard=read_rows(single["leaderboard"]),
        seeds=read_rows(*several["seed_metrics"]),
        ensemble=numbers_in(read_rows(*several["ensemble"]), "weight", "log_loss"),
        audit=read_rows(single["audit"]),
        augmentation=read_rows(*several["augmentation"]),
        naive=read_rows(*several["naive"]),
        controls=read_rows(*several["controls"]),
        stats=read_rows(single["stats"]),
        **{name: numbers_in(read_rows(single[name]), *cells) for name, cells in NUMBERS.items()},
        plots=[str(path) for path in files.get("plots") or []],
    )
