"""A job's work is done by a second process, the worker, which the job watches.

So a job outlives its work: when the system kills the worker for want of memory, the job can still
say so. And nothing outlives the job: the worker ends when the job does, and the job when its run does,
however they end, so no forgotten process writes into the results of the next run. What the work has
started, a model's own processes among them, ends with the worker.
"""

import atexit
import contextlib
import json
import os
import resource
import select
import signal
import socket
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from ml_baseline.modelling.failure import death

# Where a job finds its run's warm processes (`warm`) and the pipe that closes when the run ends.
FOLDER_VARIABLE = "ML_BASELINE_WARM"
# Exit codes, as a shell gives them.
TIMED_OUT = 124
INTERRUPTED = 130
KILLED = 137
# How long to wait until what is killed is gone: for what the kernel holds, there is no end to it.
KILL_SECONDS = 5.0
# How often to look whether what has started this process still lives.
LOOK_SECONDS = 1.0
# A warm process answers with the number of the worker, or with blanks, in so many bytes.
PID_BYTES = 16

# In a worker: its end of the connection to the job that watches it.
_connection: socket.socket | None = None
_parent = os.getppid()


def _machine() -> str:
    """Return a name that no other machine has: the folder of a run may be on a disk that nodes share."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return socket.gethostname()


PIPE = f"run.{_machine()}"


@dataclass(frozen=True)
class Report:
    """How a worker ended: exit code, its error in one line (if any) and what it used."""

    code: int
    error: str | None = None
    cpu_seconds: float | None = None
    peak_memory_mib: float | None = None


def in_worker() -> bool:
    """Return whether this process is a worker, and not the job that watches it."""
    return _connection is not None


def delegate(warm: str | None, time_limit: float | None = None) -> Report | None:
    """Let a worker do the work; return its report, or None in the worker itself.

    The worker is a fork of a warm process, which has the libraries loaded already and runs this
    script anew, or a fork of this process where there is no such process.

    `warm` is the kind of warm process (`warm.PRELOADED`) that has what the script needs, if any. After
    `time_limit` seconds the worker is killed.
    """
    if in_worker():
        return None
    until = None if time_limit is None else time.monotonic() + time_limit
    run = _run_pipe()
    pid, connection = _warm_worker(warm, run) if warm else (0, None)
    forked = connection is None
    if connection is None:
        connection, of_worker = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        adopt_orphans()
        pid = os.fork()
        if pid == 0:
            connection.close()
            become_worker(of_worker)
            return None
        of_worker.close()
    with connection:
        try:
            done = _watched(connection, run, until)
        except BaseException as end:
            kill_tree(pid)
            if not isinstance(end, TimeoutError):  # the run's end, or Ctrl-C
                raise
            why = f"stopped after {time_limit:g} s, the time limit of this job (`time_limit`)"
            return Report(TIMED_OUT, why)
    if done is None or done.cpu_seconds is None:  # it has not told itself how it ended
        kill_tree(pid, itself=False)
    if done is None:
        code = -signal.SIGKILL
        if forked:
            kill_tree(os.getpid(), itself=False)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        done = report_of_death(code)
    return done


def report_of_death(code: int) -> Report:
    """Return the report on a worker that has made none, given its exit code (see `death`)."""
    return Report(128 - code if code < 0 else code or 1, death(code))


def stand_alone() -> None:
    """Make this process one that belongs to no run on this machine: a cluster's job, or its Snakemake.

    Its jobs find no warm processes, and it ends with them when what has started it does.
    """
    leave_run()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def end() -> NoReturn:
    """End this process and all that has come from it."""
    kill_tree(os.getpid(), itself=False)
    os._exit(KILLED)


def leave_run() -> None:
    """Forget the run that this process was started in: the jobs it starts are not that run's."""
    os.environ.pop(FOLDER_VARIABLE, None)


def become_worker(connection: socket.socket) -> None:
    """Make this process the worker of the job at the other end, for as long as that lives."""
    global _connection
    _connection = connection
    os.setsid()  # so that everything it starts can be told from others
    adopt_orphans()
    threading.Thread(target=_end_with_job, args=[connection], daemon=True).start()


def finish(code: int, error: str | None = None) -> NoReturn:
    """End this worker with all it has started; tell the watching job how, and what it took."""
    # Pools of processes are closed and their files removed, as at the end of any Python; but a process
    # that never ends is not waited for.
    end = threading.Thread(target=atexit._run_exitfuncs, daemon=True)
    end.start()
    end.join(KILL_SECONDS)
    with contextlib.suppress(ChildProcessError):  # most often there are none
        os.waitpid(-1, os.WNOHANG)
        kill_tree(os.getpid(), itself=False)
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass  # so that they count in what the worker took
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    cpu = sum(used.ru_utime + used.ru_stime for used in (own, children))
    peak = max(own.ru_maxrss, children.ru_maxrss) / 1024
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    line = json.dumps(asdict(Report(code, error, cpu, peak))) + "\n"
    if _connection is not None:
        with contextlib.suppress(OSError):
            _connection.sendall(line.encode())
    os._exit(code)


def kill_tree(pid: int, itself: bool = True) -> None:
    """Kill a process with all that has come from it: its children, theirs, and its session.

    Python's resource trackers stay: they end by themselves, once they have removed the shared
    memory of the others.
    """
    kept = {os.getpid()} if itself else {os.getpid(), pid}
    deadline = time.monotonic() + KILL_SECONDS
    while (found := _family(pid) - kept) and time.monotonic() < deadline:
        for member in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        time.sleep(0.005)


def _family(pid: int) -> set[int]:
    """Return a process, what has come from it and what is in a session of theirs; the dead not."""
    come_from = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            state, parent, _, session = stat.read_text().rpartition(") ")[2].split()[:4]
            if state not in "ZX":
                come_from[int(stat.parent.name)] = {int(parent), int(session)}
    found, before = {pid}, 0
    while len(found) > before:
        before = len(found)
        found |= {member for member, ancestors in come_from.items() if ancestors & found}
    return {member for member in found if member in come_from and not _is_tracker(member)}


def _is_tracker(pid: int) -> bool:
    try:
        return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def adopt_orphans() -> None:
    """Become the parent of a descendant whose own parent ends, so that none gets out of sight."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def _warm_worker(kind: str, run: int | None) -> tuple[int, socket.socket | None]:
    """Return a worker that runs this script in a warm process: its number, and the connection to it.

    (0, None) if there is no such process.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None:
        return 0, None
    request = {
        "script": sys.argv[0],
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "prefix": sys.prefix,
    }
    connection = socket.socket(socket.AF_UNIX)
    with contextlib.suppress(OSError):
        connection.connect(str(Path(folder, kind)))
        connection.sendall(json.dumps(request).encode() + b"\n")
        answer = _received(connection, run, PID_BYTES)
        if answer.strip():
            return int(answer), connection
    connection.close()
    return 0, None


def _watched(connection: socket.socket, run: int | None, until: float | None) -> Report | None:
    """Return the worker's report, None if it ends without one; end with the run if that ends first.

    Raises TimeoutError at `until` (of `time.monotonic`).
    """
    told = b""
    while b"\n" not in told:
        part = _received(connection, run, 1 << 16, until)
        if not part:
            return None
        told += part
    # What stands below is the report of the worker's end, which its parent may send after its own.
    return Report(**json.loads(told.partition(b"\n")[0]))


def _received(
    connection: socket.socket, run: int | None, size: int, until: float | None = None
) -> bytes:
    """Return what a worker says next, nothing if it has ended; end with the run or the parent."""
    watched = [connection.fileno(), *([] if run is None else [run])]
    while True:
        left = LOOK_SECONDS if until is None else max(0.0, until - time.monotonic())
        ready, _, _ = select.select(watched, [], [], min(left, LOOK_SECONDS))
        if run in ready or os.getppid() != _parent:
            raise SystemExit(KILLED)
        if ready:
            return connection.recv(size)
        if left <= LOOK_SECONDS and until is not None:
            raise TimeoutError


def _run_pipe() -> int | None:
    """Return the pipe that becomes readable when this job's run ends.

    None for a job of a cluster and one that is started by hand. If the run has ended already, so
    does this process.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None:
        return None
    try:
        pipe = os.open(Path(folder, PIPE), os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    # Opened after the run has ended, it would stay silent; but it can be read to its end.
    with contextlib.suppress(BlockingIOError):
        os.read(pipe, 1)
        os._exit(KILLED)
    return pipe


def _end_with_job(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        if connection.recv(1) == b"":
            end()


def _end_with_parent() -> None:
    while os.getppid() == _parent:
        time.sleep(LOOK_SECONDS)
    end()
