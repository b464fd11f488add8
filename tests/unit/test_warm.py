"""Jobs run by a warm process: the same result, the same exit code, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ml_baseline.jobs import warm

SCRIPT = """
import sys
from ml_baseline.jobs.worker import delegate
done = delegate("tables")
if done is not None:
    sys.exit(done.code)
import os
{body}
"""


def is_running(pid: int) -> bool:
    """Return whether there is such a process that is more than an entry waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def processes(monkeypatch):
    """One warm process, the smaller one."""
    monkeypatch.setattr(warm, "PRELOADED", {"tables": warm.PRELOADED["tables"]})
    started = warm.WarmProcesses()
    deadline = time.monotonic() + 30
    while not Path(os.environ[warm.FOLDER_VARIABLE], "tables").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield started
    started.close()


def started_script(tmp_path, body: str) -> subprocess.Popen:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(body=body))
    environment = os.environ | {"PYTHONPATH": str(Path(warm.__file__).parents[2])}
    return subprocess.Popen([sys.executable, str(path)], cwd=tmp_path, env=environment)


@pytest.mark.parametrize(
    ("body", "code"),
    [("pass", 0), ("sys.exit(3)", 3), ("raise ValueError", 1), ("os.kill(os.getpid(), 9)", 137)],
)
def test_exit_code_is_the_scripts(processes, tmp_path, body, code):
    assert started_script(tmp_path, body).wait(60) == code


def test_the_script_runs_in_a_child_of_the_warm_process(processes, tmp_path):
    started_script(tmp_path, 'open("parent", "w").write(str(os.getppid()))').wait(60)
    assert int((tmp_path / "parent").read_text()) == processes._processes[0].pid


def test_a_killed_job_takes_its_script_with_it(processes, tmp_path):
    body = 'open("pid", "w").write(str(os.getpid()))\nimport time\ntime.sleep(600)'
    job = started_script(tmp_path, body)
    deadline = time.monotonic() + 30
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    job.send_signal(signal.SIGKILL)
    job.wait(60)
    pid = int((tmp_path / "pid").read_text())
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_without_a_warm_process_the_script_goes_on_by_itself(monkeypatch, tmp_path):
    monkeypatch.setenv(warm.FOLDER_VARIABLE, str(tmp_path / "of another machine"))
    job = started_script(tmp_path, 'open("done", "w").write("by itself")\nsys.exit(5)')
    assert job.wait(60) == 5
    assert (tmp_path / "done").read_text() == "by itself"


def test_they_end_with_the_run_that_made_them(tmp_path):
    code = (
        "from ml_baseline.jobs import warm\n"
        "started = warm.WarmProcesses()\n"
        "print(*[process.pid for process in started._processes], flush=True)\n"
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(warm.__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert len(done.stdout.split()) == len(warm.PRELOADED)
    deadline = time.monotonic() + 60
    for pid in done.stdout.split():
        while is_running(pid):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_the_kinds_that_scripts_ask_for():
    scripts = Path(warm.__file__).parents[2] / "scripts"
    assert warm.kinds_asked_for([scripts / "clean.py"]) == {"tables"}
    assert warm.kinds_asked_for([scripts / "train.py"]) == {"models"}
    assert warm.kinds_asked_for([scripts / "require_audit.py"]) == set()
    assert warm.kinds_asked_for(scripts.glob("*.py")) == set(warm.PRELOADED)
