"""Runs that are killed, crowded, starved or locked out: the next plain run makes the same files."""

import contextlib
import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from random import Random

import pytest
from running import Project, small_table

# Minutes of killing and waiting: CI runs them after the others.
pytestmark = pytest.mark.proof

# Python runs this at its start, in the run, its warm processes and its jobs. As a file is about to get
# its name, the worst moment there is, it strikes: the job alone (JOB), the run (SIGKILL, SIGTERM), or
# everybody, as Ctrl-C does (SIGINT).
STRIKE = """
import fnmatch, os, signal, sys, time
from pathlib import Path

strikes = Path(os.environ["STRIKES"])
replace = os.replace

def strike(source, target, **more):
    for mark in sorted(strikes.glob("*.strike")):
        victim, pattern = mark.read_text().split()
        if fnmatch.fnmatch(str(target), pattern):
            mark.rename(mark.with_suffix(".done"))
            if victim == "JOB":
                os.kill(os.getpid(), signal.SIGKILL)
            run = int((strikes / "pid").read_text())
            if victim == "SIGINT":
                os.killpg(run, signal.SIGINT)
            else:
                os.kill(run, getattr(signal, victim))
            if victim != "SIGTERM":  # at that, a run waits for its jobs
                time.sleep(600)
    replace(source, target, **more)

os.replace = strike
"""
DATASET = {
    "table": "table.csv",
    "target": "answer",
    "plots": ["size_histogram"],
    "naive": True,
}
# In the middle of each stage: as this file is about to get its name.
STAGES = [
    "data/processed/small/cleaned_data.csv",
    "data/processed/small/input_schema.json",
    "results/small/stats.csv",
    "results/small/plots/size_histogram.png",
    "data/processed/small/seed42/holdout.csv",
    "data/processed/small/seed42/augmented_data.csv",
    "results/small/seed42/oof/logistic_regression.csv",
    "results/small/seed42/models/dummy.joblib",
    "results/small/naive/dummy.csv",
    "results/small/seed42/metrics.csv",
    "results/small/audit.csv",
    "results/small/metrics.csv",
    "results/small/naive.csv",
    "results/metrics.csv",
]


def prepared(folder: Path) -> Project:
    project = Project(folder)
    project.write("table.csv", small_table())
    project.write_config(datasets={"small": DATASET})
    return project


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict[str, str]:
    """The files of a run in which nothing went wrong."""
    project = prepared(tmp_path_factory.mktemp("undisturbed"))
    project.run(cores=1)
    return project.checksums()


@pytest.fixture
def struck(tmp_path, monkeypatch) -> Project:
    """A project whose runs can be struck."""
    project = prepared(tmp_path / "project")
    project.strikes = tmp_path / "strikes"
    project.strikes.mkdir()
    library = tmp_path / "library"
    library.mkdir()
    (library / "sitecustomize.py").write_text(STRIKE)
    monkeypatch.setenv("PYTHONPATH", str(library))
    monkeypatch.setenv("STRIKES", str(project.strikes))
    return project


def strike(
    project: Project, victim: str, *patterns: str, arguments: tuple[str, ...] = ()
) -> tuple[int, str]:
    """Run until the first of the strikes still to come; return the exit code and what was said."""
    for pattern in patterns:
        number = len(list(project.strikes.iterdir()))
        (project.strikes / f"{number:03}.strike").write_text(f"{victim} *{pattern}")
    before = waiting(project)
    run = project.start(*arguments, start_new_session=True)  # a group of its own, as a shell gives
    (project.strikes / "pid").write_text(str(run.pid))
    said, _ = run.communicate(timeout=120)
    assert len(waiting(project)) < len(before), f"the run ended without a strike:\n{said}"
    return run.returncode, said


def waiting(project: Project) -> list[Path]:
    return list(project.strikes.glob("*.strike"))


def at_work_in(folder: Path) -> list[int]:
    """Return the processes that are at work in a project: the run, its jobs, their workers."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            ended = (process / "stat").read_text().rpartition(") ")[2][0] in "ZX"
            if not ended and (process / "cwd").readlink() == folder:
                found.append(int(process.name))
        except OSError:
            continue
    return sorted(found)


def wait_until_nothing_is_at_work_in(folder: Path) -> None:
    deadline = time.monotonic() + 60
    while left := at_work_in(folder):
        assert time.monotonic() < deadline, [Path(f"/proc/{p}/cmdline").read_bytes() for p in left]
        time.sleep(0.1)


def test_a_run_killed_in_the_middle_of_every_stage_goes_on_and_ends_the_same(struck, undisturbed):
    assert strike(struck, "SIGKILL", *STAGES)[0] == -signal.SIGKILL
    while waiting(struck):
        assert strike(struck, "SIGKILL")[0] == -signal.SIGKILL
    struck.run(cores=4)
    assert struck.checksums() == undisturbed
    assert "Nothing to be done" in struck.run()


def test_a_killed_run_goes_on_with_records_in_a_database(struck, undisturbed):
    database = ("--persistence-backend", "db")
    assert strike(struck, "SIGKILL", "seed42/holdout.csv", arguments=database)[0] < 0
    assert "The previous run was killed" in struck.run(*database)
    assert struck.checksums() == undisturbed
    assert "Nothing to be done" in struck.run(*database)


def test_nothing_of_a_killed_run_goes_on_without_it(struck):
    mark = struck.strikes / "000.strike"
    mark.write_text("SIGKILL *holdout.csv")
    # Not into a pipe: that would stay open for as long as any process of the run lives.
    with (struck.strikes / "said").open("w") as said:
        run = struck.start(stdout=said, stderr=said, start_new_session=True)
    (struck.strikes / "pid").write_text(str(run.pid))
    run.wait(timeout=120)
    assert not mark.exists()
    wait_until_nothing_is_at_work_in(struck.folder)


# Each seed is a moment and a victim: the group of the run, everybody, or one of its processes.
SEEDS = range(1, 81)
KILLS = 25


@pytest.fixture
def temporary(monkeypatch):
    """A folder for temporary files with a name that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="k", dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


def test_kills_at_random_moments_end_with_the_same_bytes(tmp_path, temporary, undisturbed):
    started = time.monotonic()
    prepared(tmp_path / "timed").run()
    length = time.monotonic() - started
    project = prepared(tmp_path / "project")
    killed = []
    for seed in SEEDS:
        random = Random(seed)
        with (tmp_path / "said").open("w") as said:
            run = project.start(stdout=said, stderr=said, start_new_session=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(random.uniform(0, length / 2))
        if run.poll() == 0:  # all is made: from the beginning
            for folder in ("data", "results"):
                shutil.rmtree(project.folder / folder)
            continue
        victim = random.choice(["group", "everybody", "one", "one"])
        found = at_work_in(project.folder) or [run.pid]
        for pid in {"group": [-run.pid], "everybody": found, "one": [random.choice(found)]}[victim]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        run.wait(timeout=120)
        wait_until_nothing_is_at_work_in(project.folder)
        killed.append(victim)
        if len(killed) == KILLS:
            break
    assert len(killed) == KILLS
    time.sleep(6)  # younger folders may just have been made
    project.run()
    assert project.checksums() == undisturbed
    assert "Nothing to be done" in project.run()
    assert list(temporary.glob("ml-baseline-*")) == []  # Snakemake's own stay, if it is killed


@pytest.mark.parametrize(
    "stage", ["results/small/stats.csv", "data/processed/small/seed42/train.csv"]
)
def test_a_killed_job_is_told_and_made_up_for(struck, undisturbed, stage):
    code, said = strike(struck, "JOB", stage)
    assert code == 1
    assert "small: the process was killed (SIGKILL) before it finished" in " ".join(said.split())
    struck.run()
    assert struck.checksums() == undisturbed


@pytest.mark.parametrize("victim", ["SIGINT", "SIGTERM"])
def test_an_interrupted_run_goes_on(struck, undisturbed, victim):
    code, said = strike(struck, victim, "models/logistic_regression.joblib")
    assert code != 0
    assert "interrupted or failed" in said
    struck.run()
    assert struck.checksums() == undisturbed


def test_broken_records_of_a_power_cut_are_not_believed(tmp_path, undisturbed):
    project = prepared(tmp_path)
    project.run()
    records = [path for path in (tmp_path / ".snakemake/metadata").rglob("*") if path.is_file()]
    for i, record in enumerate(sorted(records)):
        content = record.read_bytes()
        record.write_bytes([b"", content[: len(content) // 2], bytes(len(content))][i % 3])
    project.write(".snakemake/locks/0.output.lock", "results/metrics.csv\n")
    said = project.run()
    assert "previous run was killed" in said
    assert project.checksums() == undisturbed
    for record in records:
        json.loads(record.read_bytes())
    assert "Nothing to be done" in project.run()


def test_locks_of_a_run_on_another_machine_are_left_to_the_user(tmp_path):
    project = prepared(tmp_path)
    project.write(".snakemake/locks/0.output.lock", "results/metrics.csv\n")
    project.write(".snakemake/running", "another-machine")
    done = project.snakemake()
    assert done.returncode == 1
    assert "--unlock" in done.stdout
    assert not (tmp_path / "results").exists()


def test_two_who_start_at_once(tmp_path, undisturbed):
    project = prepared(tmp_path)
    runs = [project.start() for _ in range(3)]
    said = [run.communicate(timeout=200)[0] for run in runs]
    ended_well = [run.returncode == 0 for run in runs]
    assert any(ended_well)
    for well, words in zip(ended_well, said, strict=True):
        if not well:
            assert "Another run is at work in this folder" in words
            assert "--unlock" not in words  # which would take the lock of the run at work
    assert project.checksums() == undisturbed
    assert "Nothing to be done" in project.run()


def test_no_file_may_be_larger_than_some_limit(tmp_path, undisturbed):
    """As on a full disk or over a quota: whatever is written, a part of it does not fit."""
    project = prepared(tmp_path)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, 3_000))

    run = project.start(preexec_fn=limit)
    said, _ = run.communicate(timeout=200)
    assert run.returncode != 0
    assert os.strerror(errno.EFBIG) in " ".join(said.split())
    project.run()
    assert project.checksums() == undisturbed


@pytest.fixture
def mounted(tmp_path):
    """A function that mounts a file system in memory with given options; ends with the test."""
    folders = []

    def mount(folder: Path, options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting a file system takes root")
        folders.append(folder)

    yield mount
    for folder in folders:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


# A folder, and how many blocks are left in it: enough to begin and too few to end.
@pytest.mark.parametrize(("where", "left"), [(".", 40), ("results", 24), ("data", 4)])
def test_a_full_disk(tmp_path, mounted, undisturbed, where, left):
    folder = tmp_path / "project"
    mounted(folder / where, "size=16m")
    project = prepared(folder)
    filler = folder / where / "filler"
    with filler.open("wb") as file:
        free = os.statvfs(filler).f_bfree
        file.write(bytes((free - left) * os.statvfs(filler).f_bsize))
    done = project.snakemake()
    assert done.returncode != 0
    assert os.strerror(errno.ENOSPC) in " ".join(done.stdout.split())
    filler.unlink()
    project.run()
    assert project.checksums() == undisturbed


@pytest.mark.parametrize("where", ["results", "data", ".snakemake", "results/logs"])
def test_a_folder_that_is_read_only(tmp_path, mounted, where):
    project = prepared(tmp_path / "project")
    mounted(project.folder / where, "ro")
    done = project.snakemake()
    assert done.returncode == 1
    said = " ".join(done.stdout.split())
    assert os.strerror(errno.EROFS) in said and where in said
    assert "give yourself the right to write there" in said
    assert "Traceback" not in said
