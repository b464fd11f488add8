"""Where a job's words go: all into its log, and its error in one line that can be found again."""

import contextlib
import gc
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ml_baseline.errors import InputError
from ml_baseline.files import open_new, system_refusal
from ml_baseline.jobs.worker import INTERRUPTED, KILLED, Report, delegate, finish, in_worker
from ml_baseline.modelling.failure import in_one_line
from ml_baseline.records import keep_record, require_as_written
from ml_baseline.text import for_terminal

ERROR_MARK = "error: "
LOGS = Path("results/logs")  # below the folder of a module's prefix, if there is one


@contextlib.contextmanager
def job_log(
    job: Any,
    about: str | None = None,
    warm: str | None = None,
    on_failure: Callable[[str], None] | None = None,
    recorded: bool = True,
) -> Iterator[None]:
    """Run the block as the work of a job: everything it prints or raises goes to the job's log.

    The block runs in a worker (see `worker`); the process that waits for it never enters the block
    and ends with its exit code. An `InputError` is written as its message alone, anything else
    with its traceback; either way the last line is `error: ` and one line of text, and the exit
    code is 1. After a block that ends well the last line says what it cost, and so does a file of
    the same name below results/benchmarks.

    Before the block, the job's inputs are compared with what the jobs before it wrote; after it, a
    record of its outputs is kept (see `records`).

    Args:
        job: Snakemake's object of that name in a script: `snakemake`.
        about: what the job is about, put before the message; the name of its table if not given.
        warm: the kind of warm process (`warm.PRELOADED`) that has what the block imports, if any.
        on_failure: called with the error if the block raises or is killed; then the job counts as
            done. Not called for an interrupted one, nor for damaged inputs, nor where memory ran out
            and another attempt is to come (`snakemake_internals.retries_left`).
        recorded: whether its outputs are the workflow's own, and not the user's to edit.
    """
    path = Path(job.log[0])
    about = getattr(job.wildcards, "dataset", "") if about is None else about
    about = f"{about}: " if about else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not in_worker():
        open_new(path).close()
        _each_file(require_as_written, job.input, path, about)
    # Threads that wait for each other sleep: where other processes want the cores too, busy waiting takes
    # scikit-learn's boosting many times as long. Read when the library of the threads is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    started = time.perf_counter()
    try:
        # None and 0 stand for no limit: Snakemake knows numbers only.
        done = delegate(warm, getattr(job.resources, "time_limit", 0) or None)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    if done is None:
        _redirect(path)
        yield from _told(about)
        return
    wall = time.perf_counter() - started
    gc.freeze()  # or Python would take a sixth of this process's time to tidy up when it ends
    if done.error and last_error(path) != f"{about}{done.error}":
        _tell(path, done.error, about)
    with contextlib.suppress(OSError):  # a figure is not worth a result
        _make_showable(path)
        _write_cost(path, done, wall)
    code = done.code
    retried = code == KILLED and getattr(job.resources, "retries_left", 0) > 0
    if done.error and on_failure and not retried:
        on_failure(done.error)
        code = 0
    if code == 0 and recorded:
        _each_file(keep_record, filter(os.path.isfile, job.output), path, about)
    sys.exit(code)


def _each_file(act: Callable[[str], None], files: Iterable[str], log: Path, about: str) -> None:
    """Do something with each file of a job; an `InputError` is told in the log and ends the job."""
    try:
        for file in files:
            act(file)
    except InputError as error:
        _tell(log, str(error), about)
        sys.exit(1)


def last_error(path: str | Path) -> str | None:
    """Return the error at the end of a job's log, None if it ended well or without a word."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
    except FileNotFoundError:
        return None
    if lines and lines[-1].startswith(ERROR_MARK):
        return lines[-1].removeprefix(ERROR_MARK)
    return None


def _redirect(path: Path) -> None:
    """Send what this process prints, and what its compiled libraries print, to the file at `path`."""
    with open_new(path) as file:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def _told(about: str) -> Iterator[None]:
    """Run the block of `job_log` in a worker; tell the log and the watching job how it ended."""
    started = time.perf_counter()
    try:
        yield
    # Ctrl-C reaches the job and not its worker: here it is a model that ends Python in its own way.
    except BaseException as error:
        with contextlib.suppress(OSError):  # a full disk takes no log either
            if not (isinstance(error, InputError) or system_refusal(error)):
                traceback.print_exc()
            print(f"{ERROR_MARK}{about}{in_one_line(error)}", file=sys.stderr, flush=True)
        finish(KILLED if _out_of_memory(error) else 1, in_one_line(error))
    with contextlib.suppress(OSError):
        print(cost(time.perf_counter() - started), flush=True)
    finish(0)


def _out_of_memory(error: BaseException) -> bool:
    """Return whether more memory may help: the job, or a process that it has started, got no more."""
    # By name, because nothing else here needs concurrent.futures.
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return bool(kinds & {"MemoryError", "BrokenExecutor"})


def _tell(path: Path, error: str, about: str) -> None:
    """Put an error that the worker could not write itself into the log, or else on the terminal."""
    line = f"{ERROR_MARK}{about}{error}"
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o666), "a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    except OSError:
        print(line, file=sys.stderr, flush=True)


def _make_showable(path: Path) -> None:
    """Make the control characters in a log visible: Snakemake shows the logs of failed jobs."""
    text = path.read_bytes().decode("utf-8", errors="replace")
    shown = for_terminal(text.replace("\r\n", "\n").replace("\r", "\n"))  # progress bars
    if shown != text:
        with open_new(path) as file:
            file.write(shown)


def cost(wall: float) -> str:
    """Return in words what this process has used, given the seconds since it began its job."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (
        f"took {wall:.2f} s, {used.ru_utime + used.ru_stime:.2f} s of CPU and at most "
        f"{used.ru_maxrss / 1024:.0f} MiB of memory"
    )


def cost_file(log: Path) -> Path | None:
    """Return where it stands what the job with this log has used; None for a log that is elsewhere."""
    logs = next((folder for folder in log.parents if folder.parts[-2:] == LOGS.parts), None)
    if logs is None:
        return None
    return logs.with_name("benchmarks") / log.relative_to(logs).with_suffix(".json")


def _write_cost(path: Path, done: Report, wall: float) -> None:
    """Write what a job has used as JSON, beside its log; nothing of a log that is elsewhere."""
    target = cost_file(path)
    if done.cpu_seconds is None or done.peak_memory_mib is None or target is None:
        return
    own = resource.getrusage(resource.RUSAGE_SELF)
    used = {
        "wall_seconds": round(wall, 3),
        "cpu_seconds": round(done.cpu_seconds + own.ru_utime + own.ru_stime, 3),
        "peak_memory_mib": round(done.peak_memory_mib, 1),
        "exit_code": done.code,
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    with open_new(target) as file:
        file.write(json.dumps(used) + "\n")
