"""Workers without the wait for imports: processes with the libraries loaded, which fork for each job.

On a small table a job spends most of its time importing pandas and scikit-learn. A warm process
imports them once for a run, and forks a worker for each job that asks; the worker runs the job's
script as a process of its own would. A job that finds no warm process of its own Python (on
another machine, in a conda environment) forks its worker itself: nothing depends on this but the
time.

This is not `multiprocessing.forkserver` with preloading, because that forks for the process that has
started it and runs what was pickled there; here Snakemake starts the jobs, as programs of their own.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from ml_baseline.files import hold_folder, own_folder
from ml_baseline.jobs import worker

SNAKEMAKE_MODULES = ("snakemake.logging", "snakemake.iocontainers", "snakemake.script")
TABLE_MODULES = ("pandas", "pyarrow.csv")
# A socket for each of these stands in the folder that FOLDER_VARIABLE names. The second has the modules of the
# first too: it is a fork of it.
PRELOADED = {
    "tables": (*SNAKEMAKE_MODULES, *TABLE_MODULES),
    "models": (
        *("joblib", "sklearn.compose", "sklearn.dummy", "sklearn.ensemble", "sklearn.impute"),
        *("sklearn.linear_model", "sklearn.pipeline", "sklearn.preprocessing"),
    ),
}
LARGEST_REQUEST = 1 << 20
GRACE_SECONDS = 5
LONGEST_FOLDER = 70  # a socket's name may have 103 bytes on every system


class WarmProcesses:
    """The warm processes of one run; they end with `close` or with the process that made them."""

    def __init__(self, kinds: Iterable[str] = tuple(PRELOADED)) -> None:
        """Start the processes of these kinds; they import in the background."""
        parent = _short_folder()
        names = [] if parent is None else [name for name in PRELOADED if name in kinds]
        self._stack = contextlib.ExitStack()
        self._folder = self._stack.enter_context(own_folder(parent))
        os.environ[worker.FOLDER_VARIABLE] = str(self._folder)
        # As long as this end of the pipe is open, the run is alive. For reading too, because opening
        # for writing alone waits for a reader.
        pipe = self._folder / worker.PIPE
        os.mkfifo(pipe)
        self._lifeline = os.open(pipe, os.O_RDWR)
        run = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        found_in = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]
        self._process = None
        if names:
            self._process = subprocess.Popen(
                # -P: not the modules of the folder that the run is in.
                [sys.executable, "-P", "-m", __name__, str(self._folder), str(run), *names],
                pass_fds=[run],
                stdin=subprocess.DEVNULL,
                env=os.environ | threads | {"PYTHONPATH": os.pathsep.join(filter(None, found_in))},
            )
        os.close(run)

    def close(self) -> None:
        """End the processes and remove their sockets."""
        os.environ.pop(worker.FOLDER_VARIABLE, None)
        os.close(self._lifeline)
        if self._process is not None:
            worker.kill_tree(self._process.pid)
            self._process.wait()
        self._stack.close()


def _short_folder() -> Path | None:
    """Return a folder in which the name of a socket is not too long for the system, if any is."""
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):
        if len(os.fsencode(parent)) <= LONGEST_FOLDER and os.access(parent, os.W_OK):
            return parent
    return None


def kinds_asked_for(scripts: Iterable[Path]) -> set[str]:
    """Return the kinds of warm process that these scripts ask for, as `job_log(..., warm="...")`.

    Files that are not there are scripts of a workflow that uses this one as a module.
    """
    texts = [path.read_text(encoding="utf-8") for path in scripts if path.is_file()]
    return {kind for kind in PRELOADED if any(f'warm="{kind}"' in text for text in texts)}


def serve(folder: Path, run: int, names: list[str]) -> None:
    """Import what the `names` stand for, then fork for each request until the pipe `run` closes.

    After what the first stands for, another process goes on with the others.
    """
    # Ctrl-C reaches every process of a run; it is for the one that can tidy up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.ExitStack() as stack:
        stack.enter_context(hold_folder(folder))
        listeners = {name: stack.enter_context(socket.socket(socket.AF_UNIX)) for name in names}
        for name, listener in listeners.items():
            listener.bind(str(folder / name))
            listener.listen(128)
        # What is imported is no garbage: workers need not look through it, nor copy it by that.
        gc.disable()
        for name, modules in PRELOADED.items():
            for module in modules:
                importlib.import_module(module)
            if name in names and (name == names[-1] or os.fork()):
                break
        listener = listeners.pop(name)
        for other in listeners.values():
            other.close()
        gc.freeze()
        worker.adopt_orphans()
        # The connections of the workers at work, to tell for one that cannot how it ended.
        workers: dict[int, socket.socket] = {}
        selector = selectors.DefaultSelector()
        selector.register(listener, selectors.EVENT_READ)
        selector.register(run, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in selector.select(timeout=1)]
            _tell_deaths(workers)
            if run in ready:
                # A job that was just being started looks here for its run, to learn of its end.
                time.sleep(GRACE_SECONDS)
                worker.kill_tree(os.getpid(), itself=False)
                shutil.rmtree(folder, ignore_errors=True)
                return
            if listener in ready:
                connection, _ = listener.accept()
                pid = os.fork()
                if pid == 0:
                    listener.close()
                    os.close(run)
                    for other in workers.values():
                        other.close()
                    _answer(connection)
                workers[pid] = connection


def _tell_deaths(workers: dict[int, socket.socket]) -> None:
    """Tell the jobs of the workers that have ended how they did; most have told that themselves."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if connection := workers.pop(ended[0], None):
                done = worker.report_of_death(os.waitstatus_to_exitcode(ended[1]))
                with contextlib.suppress(OSError), connection:
                    connection.sendall(json.dumps(asdict(done)).encode() + b"\n")


def _answer(connection: socket.socket) -> None:
    """Run the script that is asked for and tell how it ended; never returns."""
    request = json.loads(connection.makefile("rb").readline(LARGEST_REQUEST))
    if request["prefix"] != sys.prefix:
        connection.sendall(b" " * worker.PID_BYTES)
        os._exit(0)
    connection.sendall(str(os.getpid()).encode().ljust(worker.PID_BYTES))
    worker.become_worker(connection)
    gc.enable()
    code = 1
    try:
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.argv = [request["script"]]
        runpy.run_path(request["script"], run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        worker.finish(code)


if __name__ == "__main__":
    # Not the `serve` of this module, which is called __main__ here: a worker's connection is kept
    # in the module that its script will import.
    from ml_baseline.jobs import warm

    with contextlib.suppress(OSError, ImportError):  # jobs do without, and tell their own errors
        warm.serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
