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
    open_run,
    runs_of,
    tables,
)

NO_FIGURE: Figure = {"value": None, "low": None, "high": None}


class RunLine(Figure):
    """What a list of runs shows of one.

    Attributes:
        run_id: empty where the runs of a table cannot be listed.
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
    results = Path(results)
    folders, unlisted = [], []
    for name in tables(results, dataset):
        try:
            folders += runs_of(results, name)
        except InputError as error:
            unlisted.append(
                _empty_line(name, "", results / name / "runs") | {"problem": str(error)}
            )
    folders.sort(key=by_time, reverse=True)
    return [*(_line(folder, trusted) for folder in folders), *unlisted]


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


def _empty_line(dataset: str, run_id: str, folder: Path) -> RunLine:
    return {
        "dataset": dataset,
        "run_id": run_id,
        "problem": None,
        "published": None,
        "model": None,
        "metric": None,
        **NO_FIGURE,
        "holdout_rows": None,
        "audit": None,
        "latest": False,
        "sealed": False,
        "folder": str(folder),
    }


def _line(folder: Path, trusted: bool) -> RunLine:
    line = _empty_line(folder.parts[-3], folder.name, folder)
    with contextlib.suppress(InputError):
        line["latest"] = latest_run_id(folder.parent) == folder.name
    try:
        run = open_run(folder, trusted)
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
        line |= figure_of(metrics_of(run), metric)
    except InputError as error:
        line["problem"] = str(error)
    return line
