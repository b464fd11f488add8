"""A run of the workflow: what happens before its first job and after its last."""

import contextlib
import fcntl
import itertools
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import IO, Any

from ml_baseline import files
from ml_baseline.errors import InputError
from ml_baseline.jobs import snakemake_internals
from ml_baseline.jobs.job_log import last_error
from ml_baseline.jobs.progress import Progress
from ml_baseline.jobs.summary import run_summary
from ml_baseline.jobs.warm import WarmProcesses, kinds_asked_for
from ml_baseline.jobs.worker import leave_run
from ml_baseline.modelling.failure import FAILED, failure
from ml_baseline.records import keep_record, not_as_written
from ml_baseline.seal import KEY_VARIABLE, key_is_kept
from ml_baseline.text import for_terminal

# Below a table's folder: what the user may keep, and what has seals of its own.
LEFT_ALONE = ("predictions", "runs")
# So many of the files that are made again are named.
SHOWN = 5
# Where a changed file is kept when it is made again.
KEPT_AS = ".changed"
# What Snakemake would say, each by a pattern found in it, and what is said instead, if anything.
SAID_INSTEAD = {
    rf"\[Errno (?:{'|'.join(map(str, files.REFUSALS))})\] ([^:()\n]+(?:: '[^']*')?)": rf"\1; {files.ADVICE}",
    "Directory cannot be locked": "Another run is at work on the same files, or one on another machine "
    "was killed. When you are sure that none is running, remove its lock with `snakemake --unlock`.",
    "CalledProcessError in file": "",
    "triggered by provenance information": "",
    "provenance triggered jobs": "",
    "no backup found": "",
    "updating job failed": "",
    "At least one job did not complete": "",
}
# What large columns leave is given back to the system: of itself glibc keeps it in holes that nothing
# else fits into, and Arrow for itself. Smaller pieces cost more time than they are worth.
ALLOCATION = {"MALLOC_MMAP_THRESHOLD_": str(1 << 22), "ARROW_DEFAULT_MEMORY_POOL": "system"}


@dataclass
class Plan:
    """What a run has to know of the config."""

    tables: Sequence[str]  # that the run is for
    folders: Sequence[str]  # that nobody but the workflow writes into
    trained: Sequence[str]  # files that hold the reason where training failed
    scored: Sequence[str] = ()  # files that tell, in rows for models, whether they could be scored
    controls: Sequence[str] = ()  # those that tell it of fresh rows
    # Files that are empty where explaining failed, each with the log that tells why.
    explained: dict[str, str] = field(default_factory=dict)
    unwanted: Sequence[str] = ()  # pages that the config does without, to be removed
    data: str = "data"  # the folder of the tables that are made
    results: str = "results"
    # The optional models that are left out, each with the package it would need.
    not_installed: dict[str, str] = field(default_factory=dict)
    files_of: Callable[[str], list[str]] = lambda table: []  # what is made of a table
    # Files of predictions, each with the file of what is unlike training in their rows.
    predicted: dict[str, str] = field(default_factory=dict)
    told: Sequence[str] = ()  # what the sizes of tables have decided, a line each
    # Which of the user's files are no tables as the config has them, but those among what other rules
    # make; and whether none of the tables is.
    unfit: Callable[..., tuple[str, bool]] = lambda of_rules: ("", False)
    # Files that are made of all tables, each with a function that writes it with what there is, given
    # what could not be made and when the run began; it returns whether it has written.
    gathered: dict[str, Callable[[set[str], float], bool]] = field(default_factory=dict)
    # What a cluster runs as one job; see `snakemake_internals.group_jobs`.
    group_of: Callable[[str, Any], str | None] = lambda script, wildcards: None


class Run:
    """One run in the current folder; see `snakemake_internals.conduct` for who calls it when."""

    def __init__(self, workflow: Any, scripts: Path) -> None:
        """Wait until no other run is starting here; InputError if the lock is no plain file.

        `scripts` is the folder of the scripts of our rules.
        """
        self._workflow = workflow
        self._scripts = scripts
        self._began = time.time()
        self._warm: WarmProcesses | None = None
        self._progress = Progress([], _say)
        self._changed: list[str] = []
        self._lock = _lock_of(Path.cwd())
        if not self._lock.alone:
            _say("Another run is at work in this folder; wait until it has ended.")
        told = {} if self._lock.alone else {"Directory cannot be locked": ""}
        snakemake_internals.say_instead(SAID_INSTEAD | told)

    def conduct(self, plan: Plan) -> None:
        """Take charge of what happens around the graph and the jobs."""
        self._plan = plan
        snakemake_internals.conduct(self._workflow, self)

    def before_graph(self, executes: bool) -> None:
        """Make due what a killed run, a failed model or a foreign hand has left.

        While another run is at work, nobody knows what its files will be.
        """
        if snakemake_internals.is_of_jobs(self._workflow):
            of_rules = partial(snakemake_internals.outputs_of_rules, self._workflow)
            words, are_all = self._plan.unfit(of_rules)
            if are_all:
                sys.exit(for_terminal(words))
            if words:
                _say(for_terminal(f"{words}\nEverything else is run."))
        snakemake_internals.batch_by_table(self._workflow, self._plan.tables, self._plan.files_of)
        if snakemake_internals.is_remote(self._workflow):
            snakemake_internals.group_jobs(self._workflow, self._plan.group_of)
        if not self._lock.alone:
            return
        left = snakemake_internals.left_locks(self._workflow)
        if left and self._lock.ran_here:
            snakemake_internals.forget_broken_records()
            snakemake_internals.take_away_locks(self._workflow)
            _say("The previous run was killed; its unfinished outputs will be rebuilt.")
        if not left:
            self._lock.note_machine()
        if executes:  # what a run that was killed before its end has left
            files.remove_left_folders()
            asked_for = snakemake_internals.asked_for(self._workflow)
            for path in (*self._failed(), *({*self._plan.unwanted} - asked_for)):
                Path(path).unlink(missing_ok=True)
        try:
            self._rebuild_what_is_changed()
        except InputError as error:
            sys.exit(str(error))

    def before_jobs(self) -> None:
        """Let others start, and start the warm processes; refuse folders that are read-only."""
        self._lock.started()
        os.environ.update(ALLOCATION | os.environ)
        try:
            files.require_writable(self._plan.data, self._plan.results)
        except InputError as error:
            sys.exit(str(error))
        jobs = snakemake_internals.jobs_to_run(self._workflow)
        for path in {path for job in jobs for path in job.outputs}.intersection(self._changed):
            if Path(path).exists():
                kept = _free_name(f"{path}{KEPT_AS}")
                Path(path).replace(kept)
                _say(f"{path}: the changed file is kept as {kept}")
        each = not (sys.stderr.isatty() or snakemake_internals.tells_each_job(self._workflow))
        self._progress = Progress(jobs, lambda line: _say(for_terminal(line)), each)
        snakemake_internals.watch_jobs(self._workflow, self._progress)
        snakemake_internals.tell_jobs(self._workflow, [KEY_VARIABLE])
        if snakemake_internals.is_remote(self._workflow):
            # What waits on this machine is of no use elsewhere, and here outside a job's allocation.
            leave_run()
            return
        if missing := self._plan.not_installed:
            packages = " ".join(sorted({*missing.values()}))
            _say(f"Left out, as not installed: {', '.join(missing)} (pip install {packages})")
        for line in self._plan.told:
            _say(line)
        scripts = {self._scripts / job.script for job in jobs if job.script}
        self._warm = WarmProcesses(kinds_asked_for(scripts))

    def after_jobs(self, ended_well: bool) -> bool:
        """Say how the run went and return whether well; have the next run try failed models again."""
        try:
            if not ended_well:
                with contextlib.suppress(OSError):  # on a full disk the words below matter more
                    self._gather_what_there_is()
            failed = self._failed()
            since = None if ended_well and not failed else self._began
            unfinished = snakemake_internals.unfinished_outputs(self._workflow)
            results = Path(self._plan.results)
            asked = snakemake_internals.values_of(self._workflow, "dataset")
            tables = [t for t in self._plan.tables if t in asked] or [*self._plan.tables]
            missing = [t for t in tables if str(results / t / "metrics.csv") in unfinished]
            words = (since, results, missing, failed, self._progress.reasons)
            gathered = bool(self._plan.gathered) and len(tables) == len(self._plan.tables)
            made = (gathered, self._plan.predicted)
            print(for_terminal(run_summary(tables, *words, *made)))
        finally:
            if self._warm is not None:
                self._warm.close()
            snakemake_internals.cancel_timers()
        for path in failed:
            Path(path).unlink()
        return ended_well and not failed

    def _rebuild_what_is_changed(self) -> None:
        """Have the files made again that are not as the workflow wrote them, in dry runs too."""
        if not key_is_kept():
            _say(
                "No key can be stored for this account, so the next run won't recognize this run's "
                f"files and will rebuild them all. Set {KEY_VARIABLE} to a file that can be written."
            )
        known = dict(not_as_written(_files(self._plan.folders)))
        found = snakemake_internals.outputs_of_rules(self._workflow, known)
        self._changed = [path for path in found if known[path]]  # the workflow has written them
        snakemake_internals.force(self._workflow, found)
        if found:
            names = sorted(found, key=lambda path: not known[path])
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            _say(
                "Some files are not as the workflow wrote them (changed, damaged, or made by another "
                "account or version). This run rebuilds those it needs: "
                f"{', '.join(names[:SHOWN])}{more}"
            )

    def _failed(self) -> dict[str, str]:
        """Return what failed models have spoiled: the files to be made again, and why."""
        failed = {path: why for path in self._plan.trained if (why := failure(path)) is not None}
        for path in filter(os.path.exists, self._plan.scored):
            for row in files.read_rows(path):
                model = str(Path(path).parent / "models" / f"{row['model']}.joblib")
                if row.get("status") == FAILED and model not in failed:
                    failed[path] = f"{row['dataset']}: {row['model']}: {row['reason']}"
        for path in filter(os.path.exists, self._plan.controls):
            for row in files.read_rows(path):
                if row["verdict"] == FAILED:
                    failed[path] = f"{Path(path).parent.name}: {row['explanation']}"
        for file, log in self._plan.explained.items():
            if Path(file).exists() and (error := last_error(log)):
                failed[file] = error
        return failed

    def _gather_what_there_is(self) -> None:
        unfinished = snakemake_internals.unfinished_outputs(self._workflow)
        for path, write in self._plan.gathered.items():
            if path in unfinished and write(unfinished, self._began):
                snakemake_internals.make_again(self._workflow, path)
                keep_record(path)


class RunLock:
    """One run at a time in a folder, and none kept out by a run that was killed.

    Snakemake notes in files which outputs a run is making. That leaves two gaps: a run that is killed
    leaves its notes behind, and two that start at the same moment both find none. This lock is the
    operating system's (`flock`), held by a run from its first line to its end.

    A folder that cannot be written to, or a file system without such locks, is left to Snakemake
    alone.

    Attributes:
        alone: whether no other run is at work.
        ran_here: whether the last run was one of this machine. On some network file systems a lock
            is not seen elsewhere: then being alone means nothing.
    """

    def __init__(self, folder: Path) -> None:
        """Wait until no other run is starting; InputError if one of the locks is no plain file."""
        self.alone = True
        self.ran_here = False
        self._starting: IO[str] | None = None
        self._running: IO[str] | None = None
        with contextlib.suppress(OSError):
            folder.mkdir(exist_ok=True)
            self._starting = files.open_lock_file(folder / "starting")
            fcntl.flock(self._starting, fcntl.LOCK_EX)
            self._running = files.open_lock_file(folder / "running")
            self.ran_here = self._running.read() == socket.gethostname()
            try:
                fcntl.flock(self._running, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.alone = False
            fcntl.flock(self._running, fcntl.LOCK_SH)

    def note_machine(self) -> None:
        """Note that the run at work is one of this machine; only where it is alone."""
        if self._running is not None and not self.ran_here:
            self._running.seek(0)
            self._running.truncate()
            self._running.write(socket.gethostname())
            self._running.flush()
            self.ran_here = True

    def started(self) -> None:
        """Let others start: from here on Snakemake's notes tell them what this run is making."""
        if self._starting is not None:
            self._starting.close()


def _free_name(path: str) -> str:
    """Return `path` or the first of `path.2`, `path.3` ... that is not taken: nothing kept is lost."""
    names = (path if number == 1 else f"{path}.{number}" for number in itertools.count(1))
    return next(name for name in names if not os.path.lexists(name))


def _files(folders: Iterable[str]) -> Iterator[str]:
    for folder in folders:
        for root, below, names in os.walk(Path(folder)):
            below[:] = [name for name in below if name not in LEFT_ALONE]
            yield from (f"{root}/{name}" for name in names)


@cache
def _lock_of(folder: Path) -> RunLock:
    """Return the lock of this process: the workflow may be two modules of one workflow."""
    return RunLock(folder / snakemake_internals.FOLDER)


def _say(words: str) -> None:
    print(words, file=sys.stderr)
