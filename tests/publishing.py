"""The smallest runs that can be published, for tests of publishing alone."""

from datetime import UTC, datetime
from pathlib import Path

from ml_baseline.registry.publish import publish

NOON = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def publish_smallest(runs: Path, content: str = "a", **clock) -> str:
    """Publish a run without anything that could be predicted from."""
    return publish(
        runs,
        {"model/model.joblib": content.encode(), "schema/input_schema.json": b"{}"},
        {"dataset": runs.parent.name, "seed": 42, "threshold": 0.5, "model": {}},
        {"packages": {}},
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
