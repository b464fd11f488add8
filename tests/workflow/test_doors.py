"""The ways into the workflow: each makes the same files, fails with exit code 1 and tries again."""

import shutil
import subprocess
import sys

import pytest
from running import QUICK_MODELS, ROOT, Project, small_table

pytestmark = pytest.mark.proof

FAULTY = """
import os
from pathlib import Path
from sklearn.linear_model import LogisticRegression

class Faulty(LogisticRegression):
    def fit(self, X, y):
        if Path(os.environ["FAULTY"]).exists():
            raise ValueError("out of order")
        return super().fit(X, y)
"""
CONFIG = {
    "datasets": {
        "small": {"table": "table.csv", "target": "answer", "plots": ["size_histogram"]},
    },
    "models": QUICK_MODELS | {"faulty": {"estimator": "faulty_models.Faulty"}},
    "predictions": {"new": {"input": "new.csv", "dataset": "small"}},
}
MODULE = """
configfile: "config/config.yaml"

module ml_baseline:
    snakefile: {snakefile}
    config: config
    {prefix}

use rule * from ml_baseline {name}

rule everything:
    default_target: True
    input: rules.{all}.input
"""
# How the workflow is called: the Snakefile, or the text of the module that it is a part of.
DOORS = {
    "the root Snakefile": "Snakefile",
    "workflow/Snakefile": "workflow/Snakefile",
    "a module": {},
    "a module with other names": {"name": "as ml_*", "all": "ml_all"},
    "a module with a prefix": {"prefix": 'prefix: "part"'},
    "a module from git": {"snakefile": "git+file://{snakefile}@v1"},
}


def git_repository(folder):
    """Make a repository with the project's files, tagged v1; return its folder."""

    def git(*arguments, at=folder):
        command = ["git", "-c", "user.name=x", "-c", "user.email=x@x", *arguments]
        return subprocess.run(command, cwd=at, capture_output=True, text=True, check=True).stdout

    names = git("ls-files", "--cached", "--others", "--exclude-standard", at=ROOT).splitlines()
    for name in names:
        if (ROOT / name).is_file() or (ROOT / name).is_symlink():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "All")
    git("tag", "v1")
    return folder


class Door(Project):
    """A project that is run through one of the doors."""

    def through(self, door, git) -> None:
        how = DOORS[door]
        self.snakefile = ROOT / how if isinstance(how, str) else self.folder / "Snakefile"
        if not isinstance(how, str):
            snakefile = (git if "snakefile" in how else ROOT) / "workflow/Snakefile"
            entry = repr(how.get("snakefile", "{snakefile}").format(snakefile=snakefile))
            self.write(
                "Snakefile",
                MODULE.format(
                    **{"prefix": "", "name": "", "all": "all"} | how | {"snakefile": entry}
                ),
            )

    def command(self, *arguments, cores=2):
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(self.snakefile)]
        command += ["--directory", str(self.folder), "--cores", str(cores)]
        return [*command, "--workflow-profile", str(ROOT / "profiles/default"), *arguments]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("undisturbed"))
    prepare(project)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(project.folder / "library"))
        patch.setenv("FAULTY", str(project.folder / "no such file"))
        project.run()
    return project.checksums()


def prepare(project) -> None:
    project.write("table.csv", small_table())
    project.write("new.csv", small_table(20, 1))
    project.write("library/faulty_models.py", FAULTY)
    project.write_config(**CONFIG)


@pytest.mark.parametrize("door", DOORS)
def test_the_same_files_exit_codes_and_second_tries(tmp_path, monkeypatch, undisturbed, door):
    project = Door(tmp_path / "project")
    prepare(project)
    git = git_repository(tmp_path / "git") if "git" in door else None
    project.through(door, git)
    monkeypatch.setenv("PYTHONPATH", str(project.folder / "library"))
    monkeypatch.setenv("FAULTY", str(project.write("faulty", "")))
    part = "part" if "prefix" in door else "."
    log, last_tried = project.folder / part / "results/logs/small/seed42/train_faulty.log", 0
    for _ in range(2):
        done = project.snakemake()
        assert done.returncode == 1, done.stdout
        assert "small, model faulty: ValueError: out of order" in " ".join(done.stdout.split())
        assert log.stat().st_mtime_ns > last_tried
        last_tried = log.stat().st_mtime_ns
    (project.folder / "faulty").unlink()
    said = project.run()
    assert "Scores are measured on holdout rows" in said
    assert "Nothing to be done" in project.run()
    if "prefix" in door:
        assert not (project.folder / "results").exists()
        assert "part/results/metrics.csv" in said
        project.folder = project.folder / "part"
        # These name files.
        for page in (*project.folder.rglob("*.html"), *project.folder.rglob("*.check.json")):
            text = page.read_text(encoding="utf-8")
            page.write_text(text.replace("part/results", "results").replace("part/data", "data"))
        for note in project.folder.glob("results/small/predictions/.*.predicted"):
            note.unlink()
    assert project.checksums() == undisturbed


def test_a_module_without_a_hook_of_its_own_keeps_no_one_waiting(tmp_path, monkeypatch):
    """The lock of those who start is let go at the first job, not at the run's end."""
    project = Door(tmp_path)
    prepare(project)
    project.through("a module", None)
    sleepy = FAULTY.replace('raise ValueError("out of order")', "import time; time.sleep(20)")
    project.write("library/faulty_models.py", sleepy)
    monkeypatch.setenv("PYTHONPATH", str(project.folder / "library"))
    monkeypatch.setenv("FAULTY", str(project.write("faulty", "")))
    run = project.start()
    while not list(project.folder.glob("results/logs/small/seed42/train_faulty.log")):
        assert run.poll() is None
    second = project.snakemake()
    assert run.poll() is None
    assert second.returncode == 1
    assert "Another run is at work in this folder" in second.stdout
    run.kill()
    run.communicate()


def test_another_version_that_is_installed_is_not_run(project, monkeypatch):
    """Neither by the run nor by its jobs, warm or not."""
    foreign = "raise SystemExit('another version')\n"
    project.write("library/ml_baseline/__init__.py", foreign)
    monkeypatch.setenv("PYTHONPATH", str(project.folder / "library"))
    project.write("table.csv", small_table())
    project.write_config(datasets={"small": {"table": "table.csv", "target": "answer"}})
    project.run("results/small/audit_passed", "results/small/stats.csv")


def test_a_read_only_checkout(tmp_path, undisturbed, monkeypatch):
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    mount = ["mount", "--bind", str(git_repository(tmp_path / "git")), str(checkout)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting takes root")
    subprocess.run(["mount", "-o", "remount,ro,bind", str(checkout)], check=True)
    try:
        project = Project(tmp_path / "project", root=checkout)
        prepare(project)
        monkeypatch.setenv("PYTHONPATH", str(project.folder / "library"))
        monkeypatch.setenv("FAULTY", str(project.folder / "no such file"))
        project.run()
        assert project.checksums() == undisturbed
    finally:
        subprocess.run(["umount", "--lazy", str(checkout)], check=True)
