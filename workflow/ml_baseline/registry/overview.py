"""What is to be said about published runs, for a program or a display to show."""

import json
from pathlib import Path

from ml_baseline.errors import InputError
from ml_baseline.registry.runs import LATEST_FILE, RESULTS, Run, checked_bytes, list_runs

METRICS_FILE = "metrics/holdout_metrics.json"
CARD = "README.md"


def overview(results: Path = RESULTS, dataset: str | None = None) -> list[dict]:
    """Return what a list of runs shows of each, the newest first.

    Returns:
        `dataset`, `run_id`, `published`, `model`, `metric` (what the model was chosen by), `value`,
        `low`, `high` (on the holdout; None if its file has changed), `holdout_rows`, `audit` (the
        worst verdict, or "unknown"), `latest` (of its table), `sealed` (published from this
        account), `folder`.
    """
    return [_line(run) for run in reversed(list_runs(results, dataset))]


def described(run: Run) -> dict:
    """Return a run's manifest, metrics and model card."""
    return {
        "folder": str(run.folder),
        "sealed": run.sealed,
        "meta": run.meta,
        "metrics": metrics_of(run),
        "card": checked_bytes(run, CARD).decode(),
    }


def metrics_of(run: Run) -> dict:
    """Return a run's holdout metrics, if they are as published.

    Raises:
        InputError: they are not, or cannot be read.
    """
    try:
        content = json.loads(checked_bytes(run, METRICS_FILE))
    except ValueError as error:
        raise InputError(f"{run.folder / METRICS_FILE} is no JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        raise InputError(f"{run.folder / METRICS_FILE} holds no metrics of a model")
    return content


def _line(run: Run) -> dict:
    meta = run.meta
    try:
        metric = meta["selection"]["select_by"]
        figure = metrics_of(run)["model"][metric]
        figure = {key: figure[key] for key in ("value", "low", "high")}
        holdout_rows = meta["split"]["holdout_rows"]
        verdicts = [finding["verdict"] for finding in meta["audit"]]
    except (InputError, KeyError, TypeError):  # changed, or made by hand: nothing is shown of it
        metric, figure, holdout_rows = "", dict.fromkeys(("value", "low", "high")), None
        verdicts = ["unknown"]
    pointer = run.folder.parent / LATEST_FILE
    return {
        "dataset": run.dataset,
        "run_id": run.run_id,
        "published": meta["published"],
        "model": meta["model"].get("name"),
        "metric": metric,
        **figure,
        "holdout_rows": holdout_rows,
        "audit": next((v for v in ("unknown", "fail", "warn") if v in verdicts), "pass"),
        "latest": pointer.is_file() and pointer.read_text().strip() == run.run_id,
        "sealed": run.sealed,
        "folder": str(run.folder),
    }
