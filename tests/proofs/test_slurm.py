"""The workflow on a real Slurm of two nodes, both on this machine: what a bad night does to a run.

It takes root and Debian's packages slurmctld, slurmd, slurm-client and munge.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from running import ROOT, Project, small_table

from ml_baseline.jobs.worker import kill_tree

pytest.importorskip("snakemake_executor_plugin_cluster_generic")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
missing = [name for name in PROGRAMS if not shutil.which(name)]
pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(os.geteuid() != 0, reason="a Slurm of one's own takes root"),
    pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}"),
]

CONFIG = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
SlurmctldPort=16817
SlurmdTimeout=10
KillWait=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
SlurmdParameters=config_overrides
NodeName=n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[16821-16822] CPUs=4 RealMemory=8000
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
# Until the file `mood` is taken away: takes more memory than was asked for, or waits.
MOODY = """
import os, time
from pathlib import Path
import numpy as np
from sklearn.linear_model import LogisticRegression

class Moody(LogisticRegression):
    def fit(self, X, y):
        mood = Path({folder!r}, "mood")
        if mood.exists():
            Path({folder!r}, "pid").write_text(str(os.getpid()))
            if mood.read_text() == "hungry":
                mood.unlink()
                taken = np.ones(400_000_000)
            time.sleep(600)
        return super().fit(X, y)
"""


def until(condition, seconds=300):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """A Slurm of two nodes: the folder with the numbers of its daemons."""
    folder = tmp_path_factory.mktemp("slurm")
    (folder / "state").mkdir()
    (folder / "slurm.conf").write_text(CONFIG.format(host=socket.gethostname(), folder=folder))
    (folder / "key").write_bytes(os.urandom(1024))
    (folder / "key").chmod(0o400)
    folder.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        places = {"socket": "munge.socket", "key-file": "key", "pid-file": "munged.pid"}
        places |= {"log-file": "munged.log", "seed-file": "seed"}
        files = [f"--{option}={folder / name}" for option, name in places.items()]
        subprocess.run(["munged", "--force", *files], check=True)
        subprocess.run(["slurmctld"], check=True)
        for node in ("n1", "n2"):
            (folder / node).mkdir()
            subprocess.run(["slurmd", "-N", node], check=True)
        until(lambda: b"idle" in subprocess.run(["sinfo", "-h"], capture_output=True).stdout)
        yield folder
    for name in ("n1", "n2", "slurmctld", "munged"):
        if (folder / f"{name}.pid").exists():
            os.kill(int((folder / f"{name}.pid").read_text()), signal.SIGTERM)


class Night(Project):
    """A project on the cluster."""

    def command(self, *arguments, cores=4):
        profile = ROOT / "profiles/sbatch"
        command = super().command(*arguments, cores=cores)
        status = ["--cluster-generic-status-cmd", str(profile / "status")]
        quick = ["--seconds-between-status-checks", "2"]
        return [*command, "--profile", str(profile), *status, *quick]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return ready(Project(tmp_path_factory.mktemp("here")))


def ready(project):
    project.write("table.csv", small_table())
    project.write("library/moody.py", MOODY.format(folder=str(project.folder)))
    project.write_config(
        datasets={"small": {"table": "table.csv", "target": "answer", "plots": []}},
        models={
            "logistic": {"estimator": "sklearn.linear_model.LogisticRegression"},
            "moody": {"estimator": "moody.Moody"},
        },
        baseline="logistic",
        report=False,
    )
    return project


def lose_node(folder):
    """Kill a node with all that runs there, as if its plug were pulled."""
    job, node = subprocess.run(
        ["squeue", "-h", "-t", "R", "-o", "%A %N"], capture_output=True, text=True
    ).stdout.split()[:2]
    os.kill(int((folder / f"{node}.pid").read_text()), signal.SIGKILL)
    (folder / f"{node}.pid").unlink()
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        if line.exists() and line.read_bytes().startswith(f"slurmstepd: [{job}.".encode()):
            kill_tree(int(line.parent.name))
    return node


@pytest.mark.parametrize("what", ["memory", "a node", "cancelled"])
def test_the_same_bytes_after_a_bad_night(slurm, tmp_path, undisturbed, monkeypatch, what):
    project = ready(Night(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(undisturbed.folder / "library"))
    if not (undisturbed.folder / "results").exists():
        undisturbed.run()
    monkeypatch.setenv("PYTHONPATH", str(project.folder / "library"))
    mood = project.write("mood", "hungry" if what == "memory" else "waiting")
    run = project.start()
    until((tmp_path / "pid").exists)
    node = None
    if what == "a node":
        node = lose_node(slurm)
    if what == "cancelled":
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=120)
        pid = Path("/proc", (tmp_path / "pid").read_text())
        until(lambda: not pid.exists(), 60)
        mood.unlink()
        run = project.start()
    mood.unlink(missing_ok=True)
    said, _ = run.communicate(timeout=600)
    assert run.returncode == 0, said
    if what != "cancelled":
        assert "It is tried again." in " ".join(said.split())
    assert project.checksums() == undisturbed.checksums()
    if node:
        subprocess.run(["slurmd", "-N", node], check=True)
