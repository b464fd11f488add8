"""What is said at the end of a run: the leaderboards, what went wrong and where to look next.

It runs inside Snakemake's own process, so it imports nothing heavy.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

from ml_baseline.job_log import last_error

SHOWN_METRICS = ("accuracy", "f1", "roc_auc", "pr_auc", "brier")
LOGS = Path("results/logs")


def run_summary(datasets: Iterable[str], failed_since: float | None = None) -> str:
    """Return the closing words of a run in the current folder.

    Args:
        datasets: the names of the tables.
        failed_since: if the run failed, the time (seconds since the epoch) it started at; errors
            in logs written since then are shown.
    """
    parts = []
    for dataset in datasets:
        path = Path("results", dataset, "metrics.csv")
        if path.exists():
            parts.append(leaderboard_text(path))
    if failed_since is not None:
        parts.append(failures_text(failed_since))
    elif parts:
        parts.append(
            "Scores are of holdout rows that no fitting step has seen.\n"
            "* is the best model, chosen by its out-of-fold score on the training rows.\n"
            "All numbers: results/metrics.csv. For each table, in results/<table>/: metrics.csv,\n"
            "stats.csv, repairs.json (what cleaning changed), plots/, seed<seed>/ (models, predictions)"
        )
    return "\n\n" + "\n\n".join(parts) + "\n"


def leaderboard_text(path: Path) -> str:
    """Return a table's leaderboard as aligned text."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    select_by = next(name for name in rows[0] if name.startswith("oof_"))
    columns = ["model", select_by, *SHOWN_METRICS]
    lines = [[name.replace("oof_", "out-of-fold ") for name in columns]]
    for row in rows:
        mark = "*" if row["selected"].lower() == "true" else " "
        lines.append(
            [f"{mark} {row['model']}", *(f"{float(row[name]):.3f}" for name in columns[1:])]
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    body = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    first = rows[0]
    title = (
        f"{first['dataset']}: {float(first['rows']):,.0f} holdout rows, "
        f"{float(first['prevalence']):.1%} positive, threshold {float(first['threshold']):g}"
    )
    return "\n".join([title, *body])


def failures_text(since: float) -> str:
    """Return the errors in the logs written since a time, one paragraph each."""
    errors: dict[str, Path] = {}
    for path in sorted(LOGS.rglob("*.log")):
        if path.stat().st_mtime >= since and (error := last_error(path)):
            errors.setdefault(error, path)  # one fault may stop several jobs
    if not errors:
        return "The run failed; the messages above say why."
    lines = [f"* {error}\n  (log: {path})" for error, path in errors.items()]
    return (
        "The run failed; what could be made without the failed jobs is there. What went wrong:\n"
        + "\n".join(lines)
    )
