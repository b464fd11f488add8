"""What a list of published runs, a page about one, or a comparison of two shows."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from ml_baseline.errors import InputError
from ml_baseline.registry import runs
from ml_baseline.registry.manifest import Figure, HoldoutMetrics

# What a manifest says that differs between any two runs, or is compared by itself.
OWN = ("format", "run_id", "published", "content", "files", "holdout_rows_hash", "audit")
PROSE = "selection.why"
NO_FIGURE: Figure = {"value": None, "low": None, "high": None}


class RunLine(Figure):
    """What a list of runs shows of one."""

    dataset: str
    run_id: str  # empty where the runs of a table cannot be listed
    problem: str | None  # why the run cannot be used; then what follows, up to `audit`, is None
    published: str | None
    model: str | None
    metric: str | None  # what the model was chosen by; its figure is of the holdout
    holdout_rows: int | None
    audit: str | None  # the worst verdict
    latest: bool  # of its table
    sealed: bool  # published from this account
    folder: str


def overview(
    results: Path = runs.RESULTS, dataset: str | None = None, trusted: bool = False
) -> list[RunLine]:
    """Return a line for each run, the newest first; those that cannot be used say why."""
    results = Path(results)
    folders, unlisted = [], []
    for name in runs.tables(results, dataset):
        try:
            folders += runs.runs_of(results / name / "runs")
        except InputError as error:
            line = _empty_line(name, "", results / name / "runs")
            unlisted.append(line | {"problem": str(error)})
    folders.sort(key=runs.by_time, reverse=True)
    return [*(_line(folder, trusted) for folder in folders), *unlisted]


def described(run: runs.Run) -> dict:
    """Return a run's manifest, metrics and model card."""
    return {
        "folder": str(run.folder),
        "sealed": run.sealed,
        "meta": run.meta,
        "metrics": metrics_of(run),
        "card": runs.checked_bytes(run, runs.CARD).decode(errors="replace"),
    }


def metrics_of(run: runs.Run) -> HoldoutMetrics:
    """Return a run's holdout metrics; InputError if they are not as published."""
    return runs.checked_json(run, runs.METRICS, HoldoutMetrics)


def figure_of(metrics: HoldoutMetrics, name: str) -> Figure:
    """Return a metric of the published model, without a value if it has none."""
    found = metrics["model"].get(name)
    return found if isinstance(found, dict) else NO_FIGURE


def _empty_line(dataset: str, run_id: str, folder: Path) -> RunLine:
    empty = dict.fromkeys(RunLine.__annotations__) | {"latest": False, "sealed": False}
    about = {"dataset": dataset, "run_id": run_id, "folder": str(folder)}
    return cast(RunLine, empty | about)


def _line(folder: Path, trusted: bool) -> RunLine:
    line = _empty_line(folder.parts[-3], folder.name, folder)
    with contextlib.suppress(InputError):
        line["latest"] = runs.latest_run_id(folder.parent) == folder.name
    try:
        run = runs.open_run(folder, trusted)
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


def run_differences(first: runs.Run, second: runs.Run) -> dict:
    """Return two runs side by side; InputError if the metrics of one are not as published."""
    both = (first, second)
    facts = [_facts(run) for run in both]
    metrics = [metrics_of(run) for run in both]
    scores = metrics[0]["model"] | metrics[1]["model"]
    return {
        "runs": [run.run_id for run in both],
        "datasets": [run.dataset for run in both],
        # Whether they are the same but for where and when they were made.
        "same_content": first.meta["content"] == second.meta["content"],
        "differences": {  # both values by dotted names; None where a run lacks it
            name: [part.get(name) for part in facts]
            for name in sorted({*facts[0], *facts[1]})
            if facts[0].get(name) != facts[1].get(name)
        },
        "metrics": {  # of the models of both, as `Figure`s
            name: [figure_of(part, name) for part in metrics]
            for name, figure in scores.items()
            if isinstance(figure, dict)
        },
        # Of the holdout, without which a difference of scores says little.
        "same_rows": first.meta["holdout_rows_hash"] == second.meta["holdout_rows_hash"],
    }


def _facts(run: runs.Run) -> dict[str, object]:
    """Return what a run's manifest says, flat, by dotted names."""
    audit = {f"{f['check']} ({f['subject']})": f["verdict"] for f in run.meta["audit"]}
    own = {key: value for key, value in run.meta.items() if key not in OWN} | {"audit": audit}
    return {name: value for name, value in _flat(own) if name != PROSE}


def _flat(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    else:
        yield name, value
