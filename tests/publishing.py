"""The smallest runs that can be published, for tests of publishing alone."""

from datetime import UTC, datetime
from pathlib import Path

from ml_baseline.registry.publish import publish

NOON = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def smallest_facts(dataset: str = "shop") -> dict:
    """Return what a manifest must say of a run, in the fewest words."""
    return {
        "task": "classification",
        "dataset": dataset,
        "target": "y",
        "seed": 42,
        "seeds": [42],
        "threshold": 0.5,
        "model": {"name": "m", "estimator": "a.B"},
        "baseline": "m",
        "selection": {"select_by": "roc_auc", "out_of_fold": {"m": 0.5}, "why": "It is."},
        "data": {
            "table": "t.csv",
            "sha256": "0" * 64,
            "rows_read": 2,
            "rows_without_target": 0,
            "duplicate_rows": 0,
        },
        "split": {
            "strategy": "stratified",
            "rows": 2,
            "train_rows": 1,
            "holdout_rows": 1,
            "holdout_positive": 0.5,
        },
        "holdout_rows_hash": "0",
        "golden": {"rows": 0, "difference_from_holdout": 0.0},
        "audit": [],
        "audit_checks": 0,
        "config": {"table": "t.csv"},
    }


CIRCUMSTANCES = {
    "code": {"version": "1", "commit": None, "dirty": None},
    "python": "3.11",
    "packages": {},
}


def publish_smallest(runs: Path, content: str = "a", **clock) -> str:
    """Publish a run without anything that could be predicted from."""
    return publish(
        runs,
        {
            "model/model.joblib": content.encode(),
            "schema/input_schema.json": b'{"target": "y", "columns": []}',
        },
        smallest_facts(runs.parent.name),
        CIRCUMSTANCES,
        card=lambda meta: f"# {meta['run_id']}\n",
        **clock,
    )


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
