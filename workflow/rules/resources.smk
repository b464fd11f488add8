"""What jobs need, by the size of their table; and which of them a cluster is given as one.

Where nothing limits memory or time, as in a run on one machine, these numbers change nothing.
"""

import math
from typing import NamedTuple


class Need(NamedTuple):
    """Memory in MB and time in minutes: of any table, and for each megabyte of its text.

    And the megabytes on disk, temporary files and results, for each of the table's. Where cells are short
    their number counts: memory for each million of them.
    """

    memory: int
    memory_per_mb: float
    memory_per_megacell: float
    minutes: int
    minutes_per_mb: float
    disk_per_mb: float


# At least twice what was measured on tables of 1,000 to ten million rows (docs/cluster.md). A job that was
# killed all the same gets twice as much in its next attempt (`--retries`).
NEEDS = {
    "files": Need(500, 0, 0, 10, 0, 0),
    "rows": Need(500, 15, 100, 10, 0.5, 3),
    "models": Need(700, 25, 150, 20, 4, 5),
}
# Megabytes on disk of any job.
DISK = 200
# How many times the estimated CPU seconds a job may take.
MARGIN = 3
# From here on each model is a job of its own on a cluster.
LARGE_MB = 10
STAGES = {
    "table": ("make_sample_data", "clean", "permute", "stats", "plots"),
    "seed": ("split", "augment", "tune", "train"),
    "scores": (
        *("train_ensemble", "evaluate", "audit", "require_audit", "compare", "naive", "contrast"),
        *("copies", "controls", "curves", "explain", "report", "refit", "register"),
    ),
}
# Where a failed audit stops a table, its jobs stay apart: a group fails as a whole.
APART_IF_STOPPED = ("train_ensemble", "evaluate", "audit", "require_audit")


def zero(wildcards):
    return 0


def needs(kind, table=None, time_limit=zero, seconds=zero):
    """Return the resources of a rule.

    Args:
        kind: a key of `NEEDS`.
        table: the file that counts, if it is not that of the rule's wildcard `dataset`.
        time_limit: what gives the seconds after which the job stops by itself, 0 for never.
        seconds: what gives the estimated CPU seconds of the job, where that is known.
    """
    need = NEEDS[kind]

    def size(wildcards):
        """Return the megabytes of the table and its million cells."""
        path = table or SETTINGS.get(wildcards.get("dataset"), {}).get("table")
        return (megabytes(path), math.prod(table_size(path)[:2]) / 1e6) if path else (0.0, 0.0)

    def mem_mb(wildcards, attempt):
        mb, megacells = size(wildcards)
        by_size = max(need.memory_per_mb * mb, need.memory_per_megacell * megacells)
        return int(need.memory + by_size) * 2 ** (attempt - 1)

    def runtime(wildcards, attempt):
        mb, _ = size(wildcards)
        by_size = max(need.minutes_per_mb * mb, MARGIN * seconds(wildcards) / 60)
        minutes = int(need.minutes + by_size) * 2 ** (attempt - 1)
        return max(minutes, need.minutes + time_limit(wildcards) // 60)

    return {
        "mem_mb": mem_mb,
        "runtime": runtime,
        "disk_mb": lambda wildcards: int(DISK + need.disk_per_mb * size(wildcards)[0]),
        "time_limit": 0 if time_limit is zero else time_limit,
        "retries_left": lambda wildcards, attempt: snakemake_internals.retries_left(attempt),
    }


def group_of(script, wildcards):
    """Return the name of the group that a cluster runs as one job, None for a job by itself.

    One for a table, one for each of its splits, models included if it is small, and one for
    everything from scoring to publishing.
    """
    dataset = wildcards.get("dataset")
    stage = next((stage for stage, scripts in STAGES.items() if script in scripts), None)
    if stage is None or dataset and stops(dataset) and script in APART_IF_STOPPED:
        return None
    if dataset and megabytes(SETTINGS[dataset]["table"]) >= LARGE_MB:
        if script in ("tune", "train", "naive"):
            return None
        stage = "table" if stage == "seed" else stage
    return f"ml_baseline_{stage}"
