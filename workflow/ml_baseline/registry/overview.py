"""What a list of published runs, or a page about one, shows."""

import contextlib
from pathlib import Path

from ml_baseline.errors import InputError
from ml_baseline.registry.manifest import Figure, HoldoutMetrics
from ml_baseline.registry.runs import (
    CARD,
    METRICS,
    RESULTS,
    Run,
    by_time,
    checked_bytes,
    checked_json,
    latest_run_id,
    opened_or_problem,
    run_folders,
)

NO_FIGURE: Figure = {"value": None, "low": None, "high": None}


class RunLine(Figure):
    """What a list of runs shows of one.

    Attributes:
        problem: why the run cannot be used, in words; then what follows, up to `audit`, is None.
        metric: what the model was chosen by; its figure is of the holdout.
        audit: the worst verdict.
        latest: of its table.
        sealed: published from this account.
    """

    dataset: str
    run_id: str
    problem: str | None
    published: str | None
    model: str | None
    metric: str | None
    holdout_rows: int | None
    audit: str | None
    latest: bool
    sealed: bool
    folder: str


def overview(
    results: Path = RESULTS, dataset: str | None = None, trusted: bool = False
) -> list[RunLine]:
    """Return a line for each run, the newest first; those that cannot be used say why."""
    folders = sorted(run_folders(Path(results), dataset), key=by_time, reverse=True)
    return [_line(folder, trusted) for folder in folders]


def described(run: Run) -> dict:
    """Return a run's manifest, metrics and model card."""
    return {
        "folder": str(run.folder),
        "sealed": run.sealed,
        "meta": run.meta,
        "metrics": metrics_of(run),
        "card": checked_bytes(run, CARD).decode(errors="replace"),
    }


def metrics_of(run: Run) -> HoldoutMetrics:
    """Return a run's holdout metrics; InputError if they are not as published."""
    return checked_json(run, METRICS, HoldoutMetrics)


def figure_of(metrics: HoldoutMetrics, name: str) -> Figure:
    """Return a metric of the published model, without a value if it has none."""
    found = metrics["model"].get(name)
    return found if isinstance(found, dict) else NO_FIGURE


def _line(folder: Path, trusted: bool) -> RunLine:
    run = opened_or_problem(folder, trusted)
    latest = None
    with contextlib.suppress(InputError):
        latest = latest_run_id(folder.parent)
    line: RunLine = {
        "dataset": folder.parts[-3],
        "run_id": folder.name,
        "problem": run if isinstance(run, str) else None,
        "published": None,
        "model": None,
        "metric": None,
        **NO_FIGURE,
        "holdout_rows": None,
        "audit": None,
        "latest": latest == folder.name,
        "sealed": False,
        "folder": str(folder),
    }
    if isinstance(run, str):
        return line
    meta = run.meta
    metric = meta["selection"]["select_by"]
    verdicts = [finding["verdict"] for finding in meta["audit"]]
    line |= {
        "published": meta["published"],
        "model": meta["model"]["name"],
        "metric": metric,
        "holdout_rows": meta["split"]["holdout_rows"],
        "audit": next((v for v in ("fail", "warn") if v in verdicts), "pass"),
        "sealed": run.sealed,
    }
    try:
        line |= figure_of(metrics_of(run), metric)
    except InputError as error:
        line["problem"] = str(error)
    return line
