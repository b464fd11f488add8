"""What differs between two runs."""

from ml_baseline.registry.overview import metrics_of
from ml_baseline.registry.runs import Run

# What a manifest says that differs between any two runs, or is compared by itself.
OWN = (
    "format",
    "run_id",
    "published",
    "content",
    "files",
    "holdout_rows_hash",
    "audit",
    "config",
    "packages",
)


def compare_runs(first: Run, second: Run) -> dict:
    """Return two runs side by side.

    Returns:
        `runs` (two ids) and `datasets` (of which tables), `same_content`, `differences` (each
        setting, fact or version that differs, by its dotted name, with both values; None where a
        run lacks it), `metrics` (for each model metric both values with their intervals) and
        `same_rows` (whether both were scored on the same holdout rows, without which a difference
        of scores says little).
    """
    parts = [_described(run) for run in (first, second)]
    names = sorted({*parts[0], *parts[1]})
    metrics = [metrics_of(run)["model"] for run in (first, second)]
    return {
        "runs": [first.run_id, second.run_id],
        "datasets": [first.dataset, second.dataset],
        "same_content": first.meta.get("content") == second.meta.get("content"),
        "differences": {
            name: [part.get(name) for part in parts]
            for name in names
            if parts[0].get(name) != parts[1].get(name)
        },
        "metrics": {
            name: [figures.get(name) for figures in metrics]
            for name in dict.fromkeys([*metrics[0], *metrics[1]])
            if any(isinstance(figures.get(name), dict) for figures in metrics)
        },
        "same_rows": first.meta.get("holdout_rows_hash") == second.meta.get("holdout_rows_hash"),
    }


def _described(run: Run) -> dict[str, object]:
    """Return what a run's manifest says, flat, by dotted names."""
    facts = {name: value for name, value in run.meta.items() if name not in OWN}
    facts |= {
        "config": run.meta.get("config", {}),
        "packages": run.meta["packages"],
        "audit": {
            f"{finding['check']} ({finding['subject']})": finding["verdict"]
            for finding in run.meta.get("audit", [])
        },
    }
    return dict(_flat(facts))


def _flat(value: object, name: str = "") -> list[tuple[str, object]]:
    if isinstance(value, dict) and value:
        return [
            pair
            for key, item in value.items()
            for pair in _flat(item, f"{name}.{key}" if name else str(key))
        ]
    return [(name, value)]
