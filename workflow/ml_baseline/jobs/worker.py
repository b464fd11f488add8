"""A job's work is done by a second process, the worker, which the job watches.

So a job outlives its work: when the system kills the worker for want of memory, the job can still
say so. And nothing outlives the job: the worker ends when the job does, and the job when its run does,
however they end, so no forgotten process writes into the results of the next run.
"""

import contextlib
import json
import os
import resource
import select
import socket
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

# Where a job finds its run's warm processes (`warm`) and the pipe that closes when the run ends.
FOLDER_VARIABLE = "ML_BASELINE_WARM"
PIPE = "run"
# Exit codes, as a shell gives them.
INTERRUPTED = 130
KILLED = 137
KILLED_MESSAGE = (
    "the process was killed before it had finished; most often that is the system's answer when "
    "memory runs out: give the machine more, or the job fewer rows, columns or parallel jobs "
    "(--cores)"
)

# In a worker: its end of the connection to the job that watches it.
_connection: socket.socket | None = None


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


def delegate(warm: str | None) -> Report | None:
    """Let a worker do the work; return its report, or None in the worker itself.

    The worker is a fork of a warm process, which has the libraries loaded already and runs this
    script anew, or a fork of this process where there is no such process.

    Args:
        warm: the kind of warm process (`warm.PRELOADED`) that has what the script needs, if any.
    """
    if _connection is not None:
        return None
    run = _run_pipe()
    if warm and (connection := _warm_connection(warm, run)):
        return _watched(connection, run) or Report(KILLED, KILLED_MESSAGE)
    connection, of_worker = socket.socketpair()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        connection.close()
        become_worker(of_worker)
        return None
    of_worker.close()
    if done := _watched(connection, run):
        return done
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return Report(KILLED, KILLED_MESSAGE) if code < 0 else Report(code)


def become_worker(connection: socket.socket) -> None:
    """Make this process the worker of the job at the other end, for as long as that lives."""
    global _connection
    _connection = connection
    threading.Thread(target=_exit_when_closed, args=[connection], daemon=True).start()


def report(code: int, error: str | None = None) -> None:
    """Tell the watching job how the work has ended, and what it took. Only the first call counts."""
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    cpu = sum(used.ru_utime + used.ru_stime for used in (own, children))
    peak = max(own.ru_maxrss, children.ru_maxrss) / 1024
    line = json.dumps(asdict(Report(code, error, cpu, peak))) + "\n"
    with contextlib.suppress(OSError):
        _connection.sendall(line.encode())


def _warm_connection(kind: str, run: int | None) -> socket.socket | None:
    """Return the connection to a worker that runs this script in a warm process, if there is one."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None:
        return None
    request = {
        "script": sys.argv[0],
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "prefix": sys.prefix,
    }
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(Path(folder, kind)))
        connection.sendall(json.dumps(request).encode() + b"\n")
        if _received(connection, run, 1) == b"+":
            return connection
    except OSError:
        pass
    connection.close()
    return None


def _watched(connection: socket.socket, run: int | None) -> Report | None:
    """Return the worker's report, None if it ends without one; end with the run if that ends first."""
    told = b""
    with connection:
        while not told.endswith(b"\n"):
            part = _received(connection, run, 1 << 16)
            if not part:
                return None
            told += part
    return Report(**json.loads(told.splitlines()[0]))


def _received(connection: socket.socket, run: int | None, size: int) -> bytes:
    """Return what a worker says next, nothing if it has ended; end with the run."""
    ready, _, _ = select.select([connection, *([] if run is None else [run])], [], [])
    if run in ready:
        os._exit(KILLED)
    return connection.recv(size)


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


def _exit_when_closed(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        if connection.recv(1) == b"":
            os._exit(KILLED)
