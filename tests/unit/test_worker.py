"""Nothing that a job's work has started outlives it, however work, job or run end."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ml_baseline.jobs import warm, worker

SCRIPT = """
import sys
from ml_baseline.jobs.worker import delegate, finish
done = delegate({kind!r}, {limit})
if done is not None:
    print(done.error)
    sys.exit(done.code)
import multiprocessing, os, signal, subprocess, time
from pathlib import Path
SLEEP = [sys.executable, "-c", "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid()));"
         "time.sleep(600)", "child"]
{start}
while not (Path("child").exists() and Path("child").read_text()):
    time.sleep(0.01)
{end}
"""
# Ways a model may start a process of its own.
STARTS = {
    "a child": "subprocess.Popen(SLEEP)",
    "with a session of its own": "subprocess.Popen(SLEEP, start_new_session=True)",
    "a daemon that nobody is the parent of": "subprocess.run([sys.executable, '-c', 'import "
    "subprocess, sys; subprocess.Popen(sys.argv[1:], start_new_session=True)', *SLEEP])",
    "Python's own": "context = multiprocessing.get_context('fork')\n"
    "context.Process(target=os.execv, args=(SLEEP[0], SLEEP)).start()",
}
# Ways the work ends, and the job's exit code then.
ENDS = {
    "well": ("finish(0)", 0),
    "with an error": ("finish(1, 'no')", 1),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", worker.KILLED),
}


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


def gone(pid: int, seconds: float = 20) -> bool:
    """Return whether a process ends within some seconds."""
    deadline = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


@pytest.fixture(scope="module", params=[None, "tables"], ids=["cold", "warm"])
def kind(request):
    """No warm process, and one that workers are forked of."""
    if request.param is None:
        yield None
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warm, "PRELOADED", {"tables": ("json",)})
        processes = warm.WarmProcesses()
        deadline = time.monotonic() + 30
        while not Path(os.environ[worker.FOLDER_VARIABLE], "tables").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield request.param
        processes.close()


@pytest.fixture
def started(tmp_path, kind):
    """A function that starts a job; at the test's end the child is killed, if nobody else has."""
    jobs = []

    def start(start: str, end: str, limit: float | None = None) -> subprocess.Popen:
        script = tmp_path / "script.py"
        script.write_text(SCRIPT.format(kind=kind, limit=limit, start=start, end=end))
        environment = os.environ | {"PYTHONPATH": str(Path(worker.__file__).parents[2])}
        command = [sys.executable, str(script)]
        pipe = subprocess.PIPE
        job = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=pipe, text=True)
        jobs.append(job)
        return job

    yield start
    for job in jobs:
        job.stdout.close()
    if (tmp_path / "child").exists() and is_running(pid := int((tmp_path / "child").read_text())):
        os.kill(pid, signal.SIGKILL)


def child(folder: Path) -> int:
    deadline = time.monotonic() + 30
    while not ((folder / "child").exists() and (folder / "child").read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int((folder / "child").read_text())


# Python's own children are waited for, for seconds.
@pytest.mark.parametrize(
    "how",
    [pytest.param(how, marks=[pytest.mark.proof] * (how == "Python's own")) for how in STARTS],
)
@pytest.mark.parametrize("end", ENDS)
def test_what_work_has_started_ends_with_it(started, tmp_path, how, end, kind):
    if kind and end == "killed" and "start_new_session" in STARTS[how]:
        pytest.skip("adopted by the warm process, which ends with the run: see the last test")
    last_line, code = ENDS[end]
    assert started(STARTS[how], last_line).wait(60) == code
    assert not is_running(child(tmp_path))


@pytest.mark.parametrize("how", STARTS)
def test_and_with_the_job(started, tmp_path, how):
    job = started(STARTS[how], "time.sleep(600)")
    pid = child(tmp_path)
    job.kill()
    assert gone(pid)


def test_and_with_what_has_started_the_job_where_no_run_is_near(tmp_path, monkeypatch):
    """As on a cluster: the job's Snakemake may be killed there alone."""
    monkeypatch.delenv(worker.FOLDER_VARIABLE, raising=False)
    script = tmp_path / "script.py"
    start, end = STARTS["a child"], "time.sleep(600)"
    script.write_text(SCRIPT.format(kind="tables", limit=None, start=start, end=end))
    stands_alone = (
        "import subprocess, sys, time; from ml_baseline.jobs import worker; worker.stand_alone();"
        "subprocess.run(sys.argv[1:])"
    )
    starts_and_ends = "import subprocess, sys; subprocess.Popen(sys.argv[1:]); sys.stdin.read()"
    environment = os.environ | {"PYTHONPATH": str(Path(worker.__file__).parents[2])}
    for outer in ([], [sys.executable, "-c", stands_alone]):
        (tmp_path / "child").unlink(missing_ok=True)
        command = [sys.executable, "-c", starts_and_ends, *outer, sys.executable, str(script)]
        parent = subprocess.Popen(command, cwd=tmp_path, env=environment, stdin=subprocess.PIPE)
        pid = child(tmp_path)
        parent.kill()
        assert gone(pid)


def test_ctrl_c_of_the_job_ends_the_work(started, tmp_path):
    job = started(STARTS["a child"], "time.sleep(600)")
    pid = child(tmp_path)
    job.send_signal(signal.SIGINT)
    assert job.wait(60) != 0
    assert not is_running(pid)


@pytest.mark.parametrize(
    "how", [pytest.param(how, marks=[pytest.mark.proof] * (how != "a child")) for how in STARTS]
)
def test_work_that_takes_too_long_is_stopped_with_all_it_has_started(started, tmp_path, how):
    # What holds the interpreter cannot end itself.
    job = started(STARTS[how], "sum(range(10**12))", limit=3)
    said, _ = job.communicate(timeout=60)
    assert "stopped after 3 s, the time limit" in said
    assert job.returncode == worker.TIMED_OUT
    assert not is_running(child(tmp_path))


def test_the_end_of_a_run_ends_what_a_killed_worker_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(warm, "PRELOADED", {"tables": ("json",)})
    processes = warm.WarmProcesses()
    while not Path(os.environ[worker.FOLDER_VARIABLE], "tables").exists():
        time.sleep(0.02)
    start = STARTS["a daemon that nobody is the parent of"]
    script = tmp_path / "script.py"
    end = "os.kill(os.getpid(), signal.SIGKILL)"
    script.write_text(SCRIPT.format(kind="tables", limit=None, start=start, end=end))
    environment = os.environ | {"PYTHONPATH": str(Path(worker.__file__).parents[2])}
    subprocess.run([sys.executable, str(script)], cwd=tmp_path, env=environment)
    pid = child(tmp_path)
    processes.close()
    assert gone(pid)


def test_a_workers_own_report_counts_if_that_of_its_end_arrives_with_it():
    job, parent = socket.socketpair()
    with job, parent:
        parent.sendall(b'{"code": 0, "cpu_seconds": 1.5}\n{"code": 1, "error": "ended"}\n')
        assert worker._watched(job, None, None) == worker.Report(0, cpu_seconds=1.5)
