"""What a run says of its jobs: in what order, how long it will take, and why one failed."""

import json

import pytest

from ml_baseline.jobs import progress as module
from ml_baseline.jobs.progress import Progress, WatchedJob, duration


@pytest.fixture
def jobs(tmp_path):
    """Four jobs: two models of which one has never run, a stage, and one without a log."""
    for name, seconds in (("train_forest", 30.0), ("clean", 10.0)):
        cost = tmp_path / f"results/benchmarks/small/{name}.json"
        cost.parent.mkdir(parents=True, exist_ok=True)
        cost.write_text(json.dumps({"wall_seconds": seconds}))
    logs = tmp_path / "results/logs/small"
    logs.mkdir(parents=True)
    names = ("clean", "train_forest", "train_new")
    return [WatchedJob(name, "small", str(logs / f"{name}.log")) for name in names]


def test_each_job_has_a_line_with_what_is_left(jobs, monkeypatch):
    said, now = [], [0.0]
    monkeypatch.setattr(module.time, "time", lambda: now[0])
    progress = Progress(jobs, said.append)
    now[0] = 100.0  # ten times as long as recorded: one core, shared
    progress.finished(jobs[:1])
    now[0] = 400.0
    progress.finished(jobs[1:])
    assert said == [
        "[1/3] clean (small) in 10 s; about 8 min left",
        "[2/3] train_forest (small) in 30 s; about 3 min left",
        "[3/3] train_new (small)",
    ]
    said.clear()
    Progress(jobs, said.append, each=False).finished(jobs)
    assert not said


def test_nothing_is_said_of_a_time_that_nothing_is_known_of(jobs):
    said = []
    Progress([jobs[2], WatchedJob("all", "", None)], said.append).finished([jobs[2]])
    assert said == ["[1/2] train_new (small)"]


def test_an_executors_reason_is_told_where_no_log_has_one(jobs, tmp_path):
    said = []
    progress = Progress(jobs, said.append, each=False)
    reason = "SLURM-job '75' failed, SLURM status is: 'OUT_OF_MEMORY'."
    progress.failed(jobs[:2], reason, True, "slurm.log")
    assert said == [f"clean (small), train_forest (small): {reason} It is tried again."]
    assert progress.reasons == {}
    progress.failed(jobs[:1], reason, False, "slurm.log")
    assert {reason: str(log) for reason, log in progress.reasons.items()} == {
        f"clean (small): {reason}": "slurm.log"
    }
    (tmp_path / "results/logs/small/clean.log").write_text("error: small: no such column\n")
    progress.failed(jobs[:1], reason, False, "")
    progress.failed(jobs[1:], None, False, "")
    assert len(said) == 2


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (9.96, "10.0 s"), (119, "119 s"), (7300, "2 h")]
)
def test_a_time_in_words(seconds, words):
    assert duration(seconds) == words
