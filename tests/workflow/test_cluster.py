"""A cluster played by a shell script: each job in an environment of its own, as schedulers start them."""

import os
import signal
import time
from pathlib import Path

import pytest
from running import QUICK_MODELS, Project, small_table

pytest.importorskip("snakemake_executor_plugin_cluster_generic")

# Nothing of the submitting environment, another folder for temporary files, no terminal.
SUBMIT = """#!/bin/sh
echo "$1" >> {folder}/submitted
env -i PATH="$PATH" HOME="$HOME" TMPDIR={folder}/tmp PYTHONPATH={folder}/library \\
    sh "$1" >> {folder}/said 2>&1 < /dev/null &
echo $!
"""
# Its first attempt is killed, as by the kernel when memory runs out.
HUNGRY = """
import os, signal, sys
from pathlib import Path
from sklearn.linear_model import LogisticRegression

class Hungry(LogisticRegression):
    def fit(self, X, y):
        fed = Path({folder!r}, "fed")
        if not fed.exists():
            fed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)

class Slow(LogisticRegression):
    def fit(self, X, y):
        import time
        Path({folder!r}, "slow").write_text(str(os.getpid()))
        time.sleep(600)
"""


class Cluster(Project):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "project")
        self.own = folder
        (folder / "tmp").mkdir(parents=True)
        self.write("../library/hungry_models.py", HUNGRY.format(folder=str(folder)))
        self.write("../submit", SUBMIT.format(folder=folder)).chmod(0o755)
        self.write("table.csv", small_table())

    def command(self, *arguments, cores=2):
        command = super().command(*arguments, cores=cores)
        submit = ["--cluster-generic-submit-cmd", str(self.own / "submit")]
        submit += ["--cluster-generic-cancel-cmd", "kill", "--seconds-between-status-checks", "1"]
        return [*command, "--executor", "cluster-generic", "--jobs", "4", *submit]

    def submissions(self) -> int:
        return len((self.own / "submitted").read_text().splitlines())


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "library"))
    return Cluster(tmp_path)


MODELS = {"baseline": "logistic_regression", "models": QUICK_MODELS | {"dummy": None}}
SMALL = {"small": {"table": "table.csv", "target": "answer", "plots": []}}


@pytest.mark.parametrize("retries", [1, pytest.param(0, marks=pytest.mark.proof)])
def test_a_model_that_was_killed_is_tried_again_before_it_has_failed(cluster, retries):
    models = {
        "logistic_regression": QUICK_MODELS["logistic_regression"],
        "hungry": {"estimator": "hungry_models.Hungry"},
    }
    cluster.write_config(datasets=SMALL, models=models, baseline="logistic_regression")
    folder, target = "results/small/seed42", "models/hungry.joblib" if retries else "metrics.csv"
    done = cluster.snakemake("--retries", str(retries), f"{folder}/{target}")
    assert done.returncode == 1 - retries, done.stdout
    if not retries:
        assert b"failed" in (cluster.folder / folder / target).read_bytes()
    # The table, its split with the models (again, if need be), and the scores if they are wanted.
    assert cluster.submissions() == 3


@pytest.mark.proof
def test_a_mistake_leaves_what_was_made_before(cluster):
    settings = MODELS | {"report": False, "register": False}
    cluster.write_config(datasets=SMALL, **settings)
    cluster.run("--until", "clean")
    before = cluster.checksums()
    for positive, code in (("perhaps", 1), ("perhaps", 1), ("yes", 0)):
        table = SMALL["small"] | ({"positive": positive} if code else {})
        cluster.write_config(datasets={"small": table}, **settings)
        done = cluster.snakemake("--until", "clean")
        assert done.returncode == code and cluster.checksums() == before
    assert cluster.submissions() == 3  # nothing is left to do once it is undone


@pytest.mark.proof
def test_the_same_bytes_as_without_a_cluster(cluster, tmp_path):
    """In one job for each stage of each table; what is gathered of all is made at once, here."""
    cluster.write("other.csv", small_table(200, 1))
    datasets = {"other": {"table": "other.csv", "target": "answer", "plots": ["size_histogram"]}}
    stopped = {"stopped": {**SMALL["small"], "audit": {"on_fail": "stop"}, "controls": True}}
    config = {"datasets": SMALL | datasets | stopped, "seeds": [1, 2]}
    here = Project(tmp_path / "here")
    here.folder.mkdir()
    for project in (cluster, here):
        project.write_config(**config)
        project.write("table.csv", small_table())
        project.write("other.csv", small_table(200, 1))
        project.run()
    assert cluster.checksums() == here.checksums()
    assert "Nothing to be done" in cluster.run()
    # Of `stopped`, which has a control, what comes before the audit allows it is not grouped.
    assert cluster.submissions() == 2 * (1 + 2 + 1) + (1 + 2 * 2) + (2 + 2) + 1


@pytest.mark.proof
@pytest.mark.parametrize("how", ["Ctrl-C", "its Snakemake is killed"])
def test_nothing_of_a_cancelled_run_lives_on(cluster, how):
    cluster.write_config(
        datasets=SMALL, models={"slow": {"estimator": "hungry_models.Slow"}}, baseline="slow"
    )
    run = cluster.start()
    slow = cluster.own / "slow"
    while not slow.exists():
        assert run.poll() is None
        time.sleep(0.1)
    worker = int(slow.read_text())
    if how == "Ctrl-C":
        run.send_signal(signal.SIGINT)
    else:
        run.kill()
        parents = {
            int(s.parent.name): int(s.read_text().rpartition(") ")[2].split()[1])
            for s in Path("/proc").glob("[0-9]*/stat")
        }
        os.kill(parents[parents[worker]], signal.SIGKILL)
    run.communicate(timeout=120)
    for _ in range(200):
        if not Path(f"/proc/{worker}").exists():
            return
        time.sleep(0.1)
    pytest.fail("the model is still being trained")
