"""What differs between two published runs."""

from collections.abc import Iterator
from typing import TypedDict

from ml_baseline.registry.manifest import Figure
from ml_baseline.registry.overview import figure_of, metrics_of
from ml_baseline.registry.runs import Run

# What a manifest says that differs between any two runs, or is compared by itself.
OWN = ("format", "run_id", "published", "content", "files", "holdout_rows_hash", "audit")
PROSE = "selection.why"


class Differences(TypedDict):
    """Two runs side by side.

    Attributes:
        runs, datasets: the two ids, and of which tables they are.
        same_content: whether they are the same but for where and when they were made.
        differences: each setting, fact or version that differs, by its dotted name, with both
            values; None where a run lacks it.
        metrics: each metric of the model, of both with its interval.
        same_rows: whether both were scored on the same holdout rows, without which a difference of
            scores says little.
    """

    runs: list[str]
    datasets: list[str]
    same_content: bool
    differences: dict[str, list]
    metrics: dict[str, list[Figure]]
    same_rows: bool


def run_differences(first: Run, second: Run) -> Differences:
    """Return two runs side by side; InputError if the metrics of one are not as published."""
    runs = (first, second)
    facts = [_facts(run) for run in runs]
    metrics = [metrics_of(run) for run in runs]
    scores = metrics[0]["model"] | metrics[1]["model"]
    return {
        "runs": [run.run_id for run in runs],
        "datasets": [run.dataset for run in runs],
        "same_content": first.meta["content"] == second.meta["content"],
        "differences": {
            name: [part.get(name) for part in facts]
            for name in sorted({*facts[0], *facts[1]})
            if facts[0].get(name) != facts[1].get(name)
        },
        "metrics": {
            name: [figure_of(part, name) for part in metrics]
            for name, figure in scores.items()
            if isinstance(figure, dict)
        },
        "same_rows": first.meta["holdout_rows_hash"] == second.meta["holdout_rows_hash"],
    }


def _facts(run: Run) -> dict[str, object]:
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
