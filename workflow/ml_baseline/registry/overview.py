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
        worst verdict), `latest` (of its table), `sealed` (published from this account), `folder`.
    """
    return [_line(run) for run in reversed(list_runs(results, dataset))]


def described(run: Run) -> dict:
    """Return a run's manifest, metrics and model card."""
    return {
        "folder": str(run.folder),
        "sealed": run.sealed,
        "meta": run.meta,
        "metrics": json.loads(checked_bytes(run, METRICS_FILE)),
        "card": checked_bytes(run, CARD).decode(),
    }


def _line(run: Run) -> dict:
    meta = run.meta
    metric = meta.get("selection", {}).get("select_by", "roc_auc")
    try:
        model = json.loads(checked_bytes(run, METRICS_FILE))["model"]
    except (InputError, ValueError, KeyError, TypeError):
        model = {}
    figure = model.get(metric) or {}
    verdicts = {finding.get("verdict") for finding in meta.get("audit", [])}
    pointer = run.folder.parent / LATEST_FILE
    return {
        "dataset": run.dataset,
        "run_id": run.run_id,
        "published": meta["published"],
        "model": meta["model"].get("name"),
        "metric": metric,
        **{key: figure.get(key) for key in ("value", "low", "high")},
        "holdout_rows": meta.get("split", {}).get("holdout_rows"),
        "audit": next((v for v in ("fail", "warn") if v in verdicts), "pass"),
        "latest": pointer.is_file() and pointer.read_text().strip() == run.run_id,
        "sealed": run.sealed,
        "folder": str(run.folder),
    }
