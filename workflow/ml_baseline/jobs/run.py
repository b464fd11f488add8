"""A run of the workflow: what happens before its first job and after its last."""

import contextlib
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ml_baseline.errors import InputError
from ml_baseline.files import require_writable
from ml_baseline.jobs import snakemake_internals
from ml_baseline.jobs.job_log import last_error
from ml_baseline.jobs.remake import Remake
from ml_baseline.jobs.run_lock import RunLock
from ml_baseline.jobs.summary import rows_of, run_summary
from ml_baseline.jobs.warm import WarmProcesses, kinds_asked_for
from ml_baseline.modelling.failure import FAILED, failure
from ml_baseline.records import keep_record
from ml_baseline.text import for_terminal


@dataclass
class Plan:
    """What a run has to know of the config.

    Args:
        tables: the tables that the run is for.
        folders: the folders that nobody but the workflow writes into.
        trained: the files that hold the reason where training failed.
        scored: the files that tell, in a row for each model, whether it could be scored.
        explained: the files that are empty where explaining failed, each with the log that tells why.
        data: the folder of the tables that are made.
        results: the folder of the results.
        gathered: files that are made of all tables, each with a function that writes it with what
            there is, given what could not be made and the time at which the run began; it returns
            whether it has written.
    """

    tables: Sequence[str]
    folders: Sequence[str]
    trained: Sequence[str]
    scored: Sequence[str] = ()
    explained: dict[str, str] = field(default_factory=dict)
    data: str = "data"
    results: str = "results"
    gathered: dict[str, Callable[[set[str], float], bool]] = field(default_factory=dict)


class Run:
    """One run in the current folder; see `snakemake_internals.Conduct` for who calls it when."""

    def __init__(self, workflow: Any, scripts: Path) -> None:
        """Wait until no other run is starting here.

        Args:
            workflow: Snakemake's workflow.
            scripts: the folder of the scripts of our rules.

        Raises:
            InputError: the lock is no plain file.
        """
        self._workflow = workflow
        self._scripts = scripts
        self._began = time.time()
        self._warm: WarmProcesses | None = None
        self._remake: Remake | None = None
        self._lock = _lock_of(Path.cwd())
        if not self._lock.alone:
            _say("Another run is at work in this folder; wait until it has ended.")

    def conduct(self, plan: Plan) -> None:
        """Take charge of what happens around the graph and the jobs."""
        self._plan = plan
        snakemake_internals.conduct(self._workflow, self)

    def before_graph(self, executes: bool) -> None:
        """Make due what a killed run, a failed model or a foreign hand has left.

        While another run is at work, nobody knows what its files will be.
        """
        if not self._lock.alone:
            return
        left = snakemake_internals.left_locks(self._workflow)
        if left and self._lock.ran_here:
            snakemake_internals.forget_broken_records()
            snakemake_internals.take_away_locks(self._workflow)
            _say("The previous run was killed; its unfinished outputs will be rebuilt.")
        if not left:
            self._lock.note_machine()
        if executes:  # those of a run that was killed before its end
            for path in self._failed():
                Path(path).unlink()
        try:
            self._remake = Remake(self._workflow, self._plan.folders)
        except InputError as error:
            sys.exit(str(error))

    def before_jobs(self) -> None:
        """Let others start, and start the warm processes; refuse folders that are read-only."""
        self._lock.started()
        try:
            require_writable(self._plan.data, self._plan.results)
        except InputError as error:
            sys.exit(str(error))
        if self._remake:
            self._remake.keep_changed()
        names = snakemake_internals.scripts_to_run(self._workflow)
        self._warm = WarmProcesses(kinds_asked_for(self._scripts / name for name in names))

    def after_jobs(self, ended_well: bool) -> bool:
        """Say how the run went; if a model failed, have the next run try it again.

        Returns:
            Whether the run has ended well.
        """
        try:
            if not ended_well:
                with contextlib.suppress(OSError):  # on a full disk the words below matter more
                    self._gather_what_there_is()
            failed = self._failed()
            since = None if ended_well and not failed else self._began
            unfinished = snakemake_internals.unfinished_outputs(self._workflow)
            results = Path(self._plan.results)
            missing = [
                table
                for table in self._plan.tables
                if str(results / table / "metrics.csv") in unfinished
            ]
            print(for_terminal(run_summary(self._plan.tables, since, results, missing, failed)))
        finally:
            if self._warm is not None:
                self._warm.close()
            snakemake_internals.cancel_timers()
        for path in failed:
            Path(path).unlink()
        return ended_well and not failed

    def _failed(self) -> dict[str, str]:
        """Return what failed models have spoiled: the files to be made again, and why."""
        failed = {}
        for path in self._plan.trained:
            if (reason := failure(path)) is not None:
                failed[path] = reason
        for metrics in map(Path, self._plan.scored):
            for row in rows_of(metrics) if metrics.exists() else ():
                trained = str(metrics.parent / "models" / f"{row['model']}.joblib") not in failed
                if row.get("status") == FAILED and trained:
                    failed[str(metrics)] = f"{row['dataset']}: {row['model']}: {row['reason']}"
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


@cache
def _lock_of(folder: Path) -> RunLock:
    """Return the lock of this process: the workflow may be two modules of one workflow."""
    return RunLock(folder / snakemake_internals.FOLDER)


def _say(words: str) -> None:
    print(words, file=sys.stderr)
