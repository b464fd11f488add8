"""Jobs without the wait for imports: processes with the libraries loaded, which fork for each job.

On a small table a job spends most of its time importing pandas and scikit-learn. A warm process
imports them once for a run, and forks a child for each job that asks; the child runs the job's
script as a process of its own would. A job that finds no warm process of its own Python (on
another machine, in a conda environment) runs by itself: nothing depends on this but the time.
"""

import contextlib
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
import threading
import traceback
from pathlib import Path

# Where jobs find the warm processes: a folder of sockets, one for each name in PRELOADED.
FOLDER_VARIABLE = "ML_BASELINE_WARM"
SNAKEMAKE_MODULES = ("snakemake.logging", "snakemake.iocontainers", "snakemake.script")
TABLE_MODULES = ("pandas", "pyarrow.csv", "jsonschema", "hashlib")
PRELOADED = {
    "tables": (*SNAKEMAKE_MODULES, *TABLE_MODULES),
    "models": (
        *SNAKEMAKE_MODULES,
        *TABLE_MODULES,
        "joblib",
        "sklearn.compose",
        "sklearn.dummy",
        "sklearn.ensemble",
        "sklearn.impute",
        "sklearn.linear_model",
        "sklearn.pipeline",
        "sklearn.preprocessing",
    ),
}
LARGEST_REQUEST = 1 << 20
# Exit codes, as a shell gives them.
INTERRUPTED = 130
KILLED = 137


class WarmProcesses:
    """The warm processes of one run; they end with `close` or with the process that made them."""

    def __init__(self) -> None:
        """Start the processes; they import in the background."""
        # As long as this end of the pipe is open, the run is alive.
        alive, self._lifeline = os.pipe()
        self._folder = tempfile.TemporaryDirectory(
            prefix="ml-baseline-", ignore_cleanup_errors=True
        )
        os.environ[FOLDER_VARIABLE] = self._folder.name
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "ml_baseline.warm", self._folder.name, name, str(alive)],
                pass_fds=[alive],
                stdin=subprocess.DEVNULL,
                env=os.environ | threads | {"PYTHONPATH": str(Path(__file__).parents[1])},
            )
            for name in PRELOADED
        ]
        os.close(alive)

    def close(self) -> None:
        """End the processes and remove their sockets."""
        os.environ.pop(FOLDER_VARIABLE, None)
        os.close(self._lifeline)
        for process in self._processes:
            process.kill()
            process.wait()
        self._folder.cleanup()


def hand_over(name: str) -> int | None:
    """Let a warm process run the script that is running here.

    Args:
        name: which of `PRELOADED` has what the script needs.

    Returns:
        The script's exit code, or None if there is no such process and the script has to go on by
        itself.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None:
        return None
    request = {
        "script": sys.argv[0],
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "prefix": sys.prefix,
    }
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(Path(folder, name)))
            connection.sendall(json.dumps(request).encode() + b"\n")
            answer = connection.makefile("rb").readline()
        except OSError:
            return None
        except KeyboardInterrupt:
            return INTERRUPTED
    if answer == b"refused\n":
        return None
    return int(answer) if answer else KILLED


def serve(folder: Path, name: str, alive: int) -> None:
    """Import what `name` stands for, then fork for each request until the pipe `alive` closes."""
    # Ctrl-C reaches every process of a run; it is for the one that can tidy up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / name))
        listener.listen(128)
        for module in PRELOADED[name]:
            importlib.import_module(module)
        selector = selectors.DefaultSelector()
        selector.register(listener, selectors.EVENT_READ)
        selector.register(alive, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in selector.select(timeout=1)]
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if alive in ready:
                shutil.rmtree(folder, ignore_errors=True)
                return
            if listener in ready:
                connection, _ = listener.accept()
                if os.fork() == 0:
                    listener.close()
                    os.close(alive)
                    _answer(connection)
                connection.close()


def _answer(connection: socket.socket) -> None:
    """Run the script that is asked for and tell its exit code; never returns."""
    request = json.loads(connection.makefile("rb").readline(LARGEST_REQUEST))
    if request["prefix"] != sys.prefix:
        connection.sendall(b"refused\n")
        os._exit(0)
    # A job that is killed closes its end of the connection; then there is nothing to run for.
    threading.Thread(target=_exit_when_closed, args=[connection], daemon=True).start()
    code = 1
    try:
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        del os.environ[FOLDER_VARIABLE]
        sys.argv = [request["script"]]
        runpy.run_path(request["script"], run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        with contextlib.suppress(OSError):
            connection.sendall(f"{code}\n".encode())
        os._exit(code)


def _exit_when_closed(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        if connection.recv(1) == b"":
            os._exit(KILLED)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
