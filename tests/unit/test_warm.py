"""Jobs run by a warm process: the same result, the same exit code, and nothing left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from ml_baseline.jobs import warm, worker

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


def has_it_in_its_command(folder: str) -> list[str]:
    """Return the processes in whose command this folder stands."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found += [path.parent.name] * (folder.encode() in path.read_bytes())
    return found


@pytest.fixture
def processes(monkeypatch):
    """One warm process, the smaller one."""
    monkeypatch.setattr(warm, "PRELOADED", {"tables": warm.PRELOADED["tables"]})
    started = warm.WarmProcesses()
    deadline = time.monotonic() + 30
    while not Path(os.environ[worker.FOLDER_VARIABLE], "tables").exists():
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
    assert int((tmp_path / "parent").read_text()) == processes._process.pid


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
    deadline = time.monotonic() + 30
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_without_a_warm_process_the_script_goes_on_by_itself(monkeypatch, tmp_path):
    monkeypatch.setenv(worker.FOLDER_VARIABLE, str(tmp_path / "of another machine"))
    job = started_script(tmp_path, 'open("done", "w").write("by itself")\nsys.exit(5)')
    assert job.wait(60) == 5
    assert (tmp_path / "done").read_text() == "by itself"


def test_the_pipe_of_a_run_on_another_machine_is_left_alone(processes, tmp_path, monkeypatch):
    """Its folder may be on a disk that both see; here the pipe would look as if the run had ended."""
    for pipe in Path(os.environ[worker.FOLDER_VARIABLE]).glob("run*"):
        os.mkfifo(tmp_path / pipe.name.replace(worker._machine(), "another"))
    monkeypatch.setenv(worker.FOLDER_VARIABLE, str(tmp_path))
    assert started_script(tmp_path, "sys.exit(5)").wait(60) == 5
    assert list(tmp_path.glob("run*"))


def test_they_end_with_the_run_that_made_them(tmp_path):
    code = (
        "from ml_baseline.jobs import warm\n"
        "started = warm.WarmProcesses()\n"
        "print(started._folder, flush=True)\n"
        "while not (started._folder / 'models').exists(): pass\n"
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(warm.__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    )
    folder = done.stdout.strip()
    deadline = time.monotonic() + 60
    while has_it_in_its_command(folder):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not Path(folder).exists()


@pytest.mark.parametrize("length", [60, 200])
def test_a_long_folder_for_temporary_files_is_no_matter(monkeypatch, tmp_path, capfd, length):
    folder = tmp_path / ("x" * length)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    processes = warm.WarmProcesses(["tables"])
    made = Path(os.environ[worker.FOLDER_VARIABLE])
    deadline = time.monotonic() + 30
    while not (made / "tables").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert started_script(tmp_path, "sys.exit(3)").wait(60) == 3
    processes.close()
    assert not made.exists()
    assert capfd.readouterr().err == ""


def test_where_no_folder_is_short_there_are_no_warm_processes(monkeypatch, tmp_path):
    monkeypatch.setattr(warm, "LONGEST_FOLDER", 1)
    processes = warm.WarmProcesses(["tables"])
    assert started_script(tmp_path, "sys.exit(3)").wait(60) == 3
    processes.close()


def test_modules_of_the_folder_that_the_run_is_in_are_not_imported(monkeypatch, tmp_path, capfd):
    for name in ("queue", "calendar", "numpy", "csv"):
        (tmp_path / f"{name}.py").write_text("open('imported', 'w'); raise SystemExit('foreign')")
    monkeypatch.chdir(tmp_path)
    processes = warm.WarmProcesses(["tables"])
    script = tmp_path / "scripts/script.py"
    script.parent.mkdir()
    body = "import queue, calendar, csv, pandas"
    script.write_text(SCRIPT.format(body=body))
    environment = os.environ | {"PYTHONPATH": str(Path(warm.__file__).parents[2])}
    deadline = time.monotonic() + 30
    while not Path(os.environ[worker.FOLDER_VARIABLE], "tables").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert subprocess.run([sys.executable, str(script)], env=environment).returncode == 0
    processes.close()
    assert not (tmp_path / "imported").exists()
    assert capfd.readouterr().err == ""


@pytest.fixture
def short_folder():
    """A folder of a name that leaves room for a socket's; pytest's own may be too long for that."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def test_a_run_removes_the_folder_of_one_that_was_killed_with_everybody(monkeypatch, short_folder):
    monkeypatch.setattr(tempfile, "tempdir", str(short_folder))
    left = short_folder / "ml-baseline-12345678"
    left.mkdir()
    os.utime(left, (1, 1))
    living = warm.WarmProcesses([])
    folder = Path(os.environ[worker.FOLDER_VARIABLE])
    os.utime(folder, (1, 1))
    warm.WarmProcesses([]).close()
    assert not left.exists()
    assert folder.exists()
    living.close()
    assert list(short_folder.iterdir()) == []


def test_the_kinds_that_scripts_ask_for():
    scripts = Path(warm.__file__).parents[2] / "scripts"
    assert warm.kinds_asked_for([scripts / "clean.py"]) == {"tables"}
    assert warm.kinds_asked_for([scripts / "train.py"]) == {"models"}
    assert warm.kinds_asked_for([scripts / "require_audit.py"]) == set()
    assert warm.kinds_asked_for([scripts / "of another workflow.py"]) == set()
    assert warm.kinds_asked_for(scripts.glob("*.py")) == set(warm.PRELOADED)
