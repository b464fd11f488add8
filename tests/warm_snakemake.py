"""Snakemake, imported once and forked for each run of a test: that spares a run half of its start.

As a program it answers each line of standard input, a run in JSON, with the run's exit code.
"""

import json
import os
import runpy
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path


@cache
def _program() -> subprocess.Popen:
    command = [sys.executable, "-P", __file__]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def run(command: list[str], folder: Path) -> tuple[int, str]:
    """Run `python -m snakemake ...` in a folder; return its exit code and all that it said."""
    program = _program()
    with tempfile.TemporaryDirectory() as temporary:
        said = Path(temporary, "said")
        asked = {
            "arguments": command[2:],
            "folder": str(folder),
            "said": str(said),
            "environment": dict(os.environ),
        }
        program.stdin.write(json.dumps(asked) + "\n")
        program.stdin.flush()
        code = int(program.stdout.readline())
        return code, said.read_text(encoding="utf-8")


def _become(arguments: list[str], folder: str, said: str, environment: dict[str, str]) -> None:
    """Make this process what `python -m` would begin in a folder."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    added = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [folder, *filter(None, added)]
    output = os.open(said, os.O_WRONLY | os.O_CREAT)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _serve() -> None:
    """Fork for each run that is asked for; return in the process that is to do it."""
    import snakemake.cli  # noqa: F401

    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(**json.loads(line))
            runpy.run_module("snakemake", run_name="__main__", alter_sys=True)
            sys.exit()
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    _serve()
