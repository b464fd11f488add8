"""What runs again after an edit: exactly the jobs that use what has changed.

Each case edits one thing in a copy of a finished project and asks Snakemake what it would do. A job
is named by its log: `<table>/<job>` or `<table>/seed<seed>/<job>`.
"""

import fnmatch
import json
import os
import shutil
import time
from pathlib import Path

import pytest
import yaml
from running import ROOT, Project, small_table

from ml_baseline.files import content_hash

QUICK_TREE = {
    "estimator": "sklearn.tree.DecisionTreeClassifier",
    "params": {"max_depth": 2},
    "preprocessing": "tree",
}
CONFIG = {
    "datasets": {
        "one": {
            "table": "one.csv",
            "target": "answer",
            "plots": ["size_histogram"],
            "naive": True,
            "register": True,
            "report": True,
            "drop": ["unused"],
        },
        "other": {"table": "other.csv", "target": "answer", "plots": ["colour_barplot"]},
        "users": {
            "table": "data/processed/features.csv",
            "target": "is_high_value",
            "seeds": [5],
            "plots": [],
            "augment": {"method": "none"},
        },
    },
    "sample_data": {"users": {"rows": 200, "seed": 1}},
    "seeds": [1, 2],
    "register": False,
    "report": False,
    "split": {"strategy": "stratified", "test_size": 0.25},
    "augment": {"method": "jitter", "noise_frac": 0.02},
    "models": {
        "dummy": {"estimator": "sklearn.dummy.DummyClassifier"},
        "own": {"estimator": "own_models.Own", "params": {"C": 0.25}},
        "tree": QUICK_TREE,
    },
}
FOLDERS = ("workflow", "profiles", "envs")
FILES = ("Snakefile", "pyproject.toml")


def raw_table(random_state):
    header, *lines = small_table(random_state=random_state).splitlines()
    return "\n".join([f"unused,{header}", *(f"{i % 7},{line}" for i, line in enumerate(lines)), ""])


class Copy(Project):
    """A project with a copy of the workflow in it, so that code can be edited too."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, root=folder)

    def config(self) -> dict:
        return yaml.safe_load((self.folder / "config/config.yaml").read_text(encoding="utf-8"))

    def change(self, *keys, to) -> None:
        """Write the config with one value changed; `to` None takes its key out."""
        config = self.config()
        section = config
        for key in keys[:-1]:
            section = section.setdefault(key, {})
        section[keys[-1]] = to
        if to is None:
            del section[keys[-1]]
        self.write_config(**config)

    def edit(self, path: str, old: str, new: str, count: int = 1) -> None:
        file = self.folder / path
        text = file.read_text(encoding="utf-8")
        assert old in text, f"{path} no longer holds {old!r}"
        file.write_text(text.replace(old, new, count), encoding="utf-8")

    def planned(self) -> set[str]:
        """Return the jobs that Snakemake would run."""
        summary = self.run("--summary")
        header, *rows = [line.split("\t") for line in summary.splitlines() if "\t" in line]
        log, plan = header.index("log-file(s)"), header.index("plan")
        assert len(rows) > 50
        return {job_of(row[log]) for row in rows if row[plan] == "update pending"}

    def logs(self) -> dict[str, int]:
        """Return for each job when it last ran."""
        folder = self.folder / "results/logs"
        return {
            job_of(str(path.relative_to(self.folder))): path.stat().st_mtime_ns
            for path in folder.rglob("*.log")
        }

    def ran(self, *arguments) -> set[str]:
        """Run the workflow and return the jobs that ran."""
        before = self.logs()
        self.run(*arguments)
        return {job for job, time in self.logs().items() if before.get(job) != time}


def job_of(log: str) -> str:
    return log.removeprefix("results/logs/").removesuffix(".log")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project that has been run once, with an estimator from a package of its own."""
    project = Copy(tmp_path_factory.mktemp("finished"))
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, project.folder / name, ignore=ignored)
    for name in FILES:
        shutil.copy2(ROOT / name, project.folder)
    for name, random_state in (("one", 0), ("other", 1)):
        project.write(f"{name}.csv", raw_table(random_state))
    own = (
        "from sklearn.linear_model import LogisticRegression\nclass Own(LogisticRegression): ...\n"
    )
    project.write("library/own_models/__init__.py", own)
    project.write(
        "library/own_models-1.0.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: own_models\nVersion: 1.0\n",
    )
    project.write_config(**CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(project.folder / "library"))
        project.run()
        project.jobs = set(project.logs())
        assert project.planned() == set()
    return project


@pytest.fixture
def copied(finished, tmp_path, monkeypatch):
    """A copy of the finished project, with the times of its files."""
    shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True)
    project = Copy(tmp_path / "copy")
    project.jobs = finished.jobs
    monkeypatch.setenv("PYTHONPATH", str(project.folder / "library"))
    return project


def jobs_like(project, patterns) -> set[str]:
    """Return the jobs of the finished project that match patterns; a name without any is itself."""
    found = set()
    for pattern in patterns:
        matching = {job for job in project.jobs if fnmatch.fnmatchcase(job, pattern)}
        found |= matching or {pattern}
    return found


# ------------------------------------------------------------------ edits


def reorder(value):
    """Return a config with the keys of all mappings in reverse order."""
    if isinstance(value, dict):
        return {key: reorder(value[key]) for key in reversed(value)}
    return value


def touch(project, *patterns):
    for pattern in patterns:
        for path in project.folder.glob(pattern):
            if path.is_file():
                os.utime(path)


def append(project, path, text):
    with (project.folder / path).open("a", encoding="utf-8") as file:
        file.write(text)


def older_content(project):
    """Put another table in the place of one, with a time before that of everything made from it."""
    path = project.write("one.csv", raw_table(2))
    os.utime(path, (1, 1))


def fresh_checkout(project):
    for folder in (*FOLDERS, "config", "library"):
        touch(project, f"{folder}/**/*")
    touch(project, *FILES)


def copy_without_times(project):
    """What a plain copy to another disk does: every file is new, in no order."""
    paths = [path for path in project.folder.rglob("*") if path.is_file()]
    kept = [path for path in paths if ".snakemake" not in path.parts]
    for i, path in enumerate(sorted(kept, key=lambda path: hash(str(path)))):
        os.utime(path, ns=(2_000_000_000_000_000_000 + i, 2_000_000_000_000_000_000 + i))


def new_version(project):
    folder = project.folder / "library"
    (folder / "own_models-1.0.dist-info").rename(folder / "own_models-1.1.dist-info")
    metadata = folder / "own_models-1.1.dist-info/METADATA"
    metadata.write_text(metadata.read_text().replace("1.0", "1.1"))


def change(*keys, to):
    return lambda project: project.change(*keys, to=to)


def edit(path, old, new):
    return lambda project: project.edit(path, old, new)


def add_statement(module):
    return lambda project: append(project, f"workflow/ml_baseline/{module}.py", "\nADDED = 1\n")


def swap(project):
    """The share of noise and the share of the holdout change places."""
    project.change("augment", "noise_frac", to=0.25)
    project.change("split", "test_size", to=0.02)


def move_value(project):
    project.change("datasets", "one", "drop", to=None)
    project.change("datasets", "one", "forbidden", to=["unused"])


def remove_tree(project):
    project.change("models", "tree", to=None)


def delete(path):
    return lambda project: (project.folder / path).unlink()


NOTHING = ()
EVERYTHING = ("*",)
# One table has a page and a published run; the index shows all tables.
PAGE = ("one/report",)
PAGES = (*PAGE, "report_index")
PUBLISHED = ("one/refit", "one/register")
# The choice of a model and what follows from it.
CHOSEN = ("*/compare", "*/explain", *PUBLISHED, *PAGES)
SCORES = ("*/evaluate", "*/curves", "gather", *CHOSEN)
AUDIT = ("*/audit", "one/register", *PAGES)
CHOICE = (*AUDIT, *SCORES)
# What is made of the first seed alone.
FIRST_SEED = ("audit", "curves", "explain", "copies")
# What training without copies tells, of the first seed.
COPIES = ("*/copies",)
# What follows new training rows.
TRAINING = ("*/train_*", *COPIES, *CHOICE)
CONTRAST = ("one/contrast", *PAGE)
ENSEMBLE = ("*/train_ensemble",)
NAIVE = ("one/naive_*", *CONTRAST)
ONE = ("one/*", "gather", "report_index")
MODULES = "workflow/ml_baseline"

# What is edited -> the edit, and the jobs that have to run again.
EDITS = {
    "noise_frac": (
        change("augment", "noise_frac", to=0.03),  # the users have no copies
        tuple(
            job.replace("*/", f"{table}*/")
            for table in ("one", "other")
            for job in ("*/augment", *TRAINING, *NAIVE)
        ),
    ),
    "noise_frac of one table": (
        change("datasets", "other", "augment", to={"noise_frac": 0.03}),
        ("other/*/augment", "other/*/train_*", "other/*/evaluate", "other/compare", "other/audit")
        + ("other/copies", "other/curves", "other/explain", "gather", "report_index"),
    ),
    "test_size": (
        change("split", "test_size", to=0.3),
        ("*/split", "*/augment", *TRAINING, *NAIVE),
    ),
    "folds": (change("cv", to={"folds": 4}), (*TRAINING, *CONTRAST)),
    "one model's parameter": (
        change("models", "tree", "params", "max_depth", to=3),
        ("*/train_tree", *ENSEMBLE, *COPIES, *CHOICE, "one/naive_tree", *CONTRAST),
    ),
    "a model's time limit": (change("models", "tree", "time_limit", to=600), PAGE),
    "a model's threads": (change("models", "tree", "threads", to=2), (*PUBLISHED, *PAGE)),
    "a model more": (
        change("models", "new", to={"estimator": "sklearn.naive_bayes.GaussianNB"}),
        (*(f"{table}/seed{seed}/train_new" for table in ("one", "other") for seed in (1, 2)),)
        + ("users/seed5/train_new", "one/naive_new", *ENSEMBLE, *COPIES, *CONTRAST, *CHOICE),
    ),
    # One that looks at the columns is left, so there is no ensemble any more.
    "a model less": (remove_tree, (*COPIES, *CHOICE, *CONTRAST)),
    "what is published": (
        change("publish", to={"fit_on": "train"}),
        ("one/register", *PAGE),
    ),
    "no ensemble": (change("ensemble", to=False), (*SCORES, *CONTRAST)),
    "a seed more": (
        change("seeds", to=[1, 2, 3]),
        tuple(
            f"{table}/{job}"
            for table in ("one", "other")
            for job in ("compare", "explain")
            + tuple(f"seed3/{name}" for name in ("split", "augment", "evaluate"))
            + tuple(f"seed3/train_{model}" for model in (*CONFIG["models"], "ensemble"))
        )
        + ("gather", *PUBLISHED, *PAGES),
    ),
    "seeds in another order": (
        # The first one is the one that is audited, contrasted, drawn, explained and published, and
        # whose holdout is reported whatever the others are.
        change("seeds", to=[2, 1]),
        tuple(f"{table}/{job}" for table in ("one", "other") for job in ("compare", *FIRST_SEED))
        + (*NAIVE, *PUBLISHED, *PAGES),
    ),
    "a table more": (
        change("datasets", "new", to={"table": "one.csv", "target": "answer", "plots": []}),
        tuple(
            f"new/{job}"
            for job in ("clean", "stats", "compare", *FIRST_SEED)
            + tuple(
                f"seed{seed}/{name}"
                for seed in (1, 2)
                for name in ("split", "augment", "evaluate")
                + tuple(f"train_{model}" for model in (*CONFIG["models"], "ensemble"))
            )
        )
        + ("gather", "report_index"),
    ),
    "a table less": (change("datasets", "other", to=None), ("gather", "report_index")),
    "threshold": (change("threshold", to=0.4), (*COPIES, *SCORES, *CONTRAST)),
    "confidence level": (change("intervals", to={"level": 0.9}), (*COPIES, *SCORES, *CONTRAST)),
    "select_by": (change("select_by", to="f1"), (*COPIES, *CHOSEN)),
    "baseline": (change("baseline", to="tree"), CHOSEN),
    "a plot more": (
        change("datasets", "one", "plots", to=["size_histogram", "target"]),
        ("one/plots", *PAGE),
    ),
    "a plot less": (change("datasets", "one", "plots", to=[]), PAGE),
    "what a failed audit does": (
        change("datasets", "one", "audit", to={"on_fail": "stop"}),
        ("one/require_audit", "one/compare", "one/explain", *PUBLISHED, *PAGES),
    ),
    "table format": (change("table_format", to="parquet"), ("*/*", "gather", "report_index")),
    "rows of a sample table": (
        change("sample_data", "users", "rows", to=210),
        ("make_sample_data_users", "users/*", "gather", "report_index"),
    ),
    "two values swapped": (swap, ("*/split", "*/augment", *TRAINING, *NAIVE)),
    "a value moved to another key": (move_value, ONE),
    "config keys in another order": (
        lambda project: project.write_config(**reorder(project.config())),
        NOTHING,
    ),
    "the default written out for a table": (
        change("datasets", "one", "split", to={"test_size": 0.25}),
        NOTHING,
    ),
    "the version of an estimator's package": (
        new_version,
        ("*/train_own", *ENSEMBLE, *COPIES, *CHOICE, "one/naive_own", *CONTRAST),
    ),
    "raw data": (lambda project: append(project, "one.csv", "1,0.5,0.5,red,yes\n"), ONE),
    "raw data with an older time": (older_content, ONE),
    "raw data touched": (lambda project: touch(project, "one.csv"), NOTHING),
    "an intermediate file touched": (
        lambda project: touch(project, "data/processed/one/cleaned_data.csv"),
        NOTHING,
    ),
    "everything touched": (copy_without_times, NOTHING),
    "a fresh checkout of the code": (fresh_checkout, NOTHING),
    "a comment": (
        edit(f"{MODULES}/data/augment.py", "import numpy", "# Why it is so.\nimport numpy"),
        NOTHING,
    ),
    "a docstring": (edit(f"{MODULES}/data/split.py", '"""', '"""Rewritten. '), NOTHING),
    "scoring/curves.py": (add_statement("scoring/curves"), ("*/curves", *PAGE)),
    "scoring/importance.py": (add_statement("scoring/importance"), ("*/explain", *PAGE)),
    "data/distributions.py": (
        add_statement("data/distributions"),
        ("*/stats", "*/plots", "*/explain", *PAGE),
    ),
    "report/page.py": (add_statement("report/page"), PAGES),
    "report/index.py": (add_statement("report/index"), ("report_index",)),
    "registry/publish.py": (add_statement("registry/publish"), ("one/register",)),
    "the page's template": (
        lambda project: append(project, "workflow/report/report.html.j2", "<!-- more -->\n"),
        PAGE,
    ),
    "data/augment.py": (add_statement("data/augment"), ("*/augment", *TRAINING, *NAIVE)),
    "data/clean.py": (add_statement("data/clean"), ("*/*", "gather", "report_index")),
    "data/infer_schema.py": (add_statement("data/infer_schema"), ("*/*", "gather", "report_index")),
    "data/split.py": (add_statement("data/split"), ("*/split", "*/augment", *TRAINING, *NAIVE)),
    "data/stats.py": (add_statement("data/stats"), ("*/stats", *PAGE)),
    "plots/__init__.py": (add_statement("plots/__init__"), ("*/plots", *PAGE)),
    "modelling/train.py": (add_statement("modelling/train"), (*TRAINING, *NAIVE)),
    "modelling/ensemble.py": (
        add_statement("modelling/ensemble"),
        (*ENSEMBLE, *SCORES, *CONTRAST),
    ),
    "modelling/pipeline.py": (add_statement("modelling/pipeline"), (*TRAINING, *NAIVE)),
    "modelling/voting.py": (add_statement("modelling/voting"), (*TRAINING, *NAIVE)),
    "scoring/evaluate.py": (add_statement("scoring/evaluate"), (*SCORES, *CONTRAST)),
    "scoring/scores.py": (add_statement("scoring/scores"), (*COPIES, *SCORES, *NAIVE)),
    "scoring/significance.py": (add_statement("scoring/significance"), (*COPIES, *CHOSEN)),
    "scoring/leaderboard.py": (add_statement("scoring/leaderboard"), CHOSEN),
    "controls/naive.py": (add_statement("controls/naive"), NAIVE),
    "controls/verdicts.py": (add_statement("controls/verdicts"), NOTHING),
    "audit/checks/ids.py": (add_statement("audit/checks/ids"), AUDIT),
    "data/sample_data.py": (
        add_statement("data/sample_data"),
        ("make_sample_data_users", "users/*", "gather", "report_index"),
    ),
    "jobs/summary.py": (add_statement("jobs/summary"), NOTHING),
    "config/configuration.py": (add_statement("config/configuration"), NOTHING),
    "jobs/run.py": (add_statement("jobs/run"), NOTHING),
    "data/tables.py": (add_statement("data/tables"), EVERYTHING),
    "jobs/job_log.py": (add_statement("jobs/job_log"), EVERYTHING),
    "a script": (
        lambda project: append(project, "workflow/scripts/stats.py", "\nADDED = 1\n"),
        ("*/stats", *PAGE),
    ),
    "a plot deleted": (delete("results/one/plots/size_histogram.png"), ("one/plots", *PAGE)),
    "statistics deleted": (delete("results/other/stats.csv"), ("other/stats",)),
    "the list of all metrics deleted": (delete("results/metrics.csv"), ("gather",)),
    "a model deleted": (
        delete("results/other/seed2/models/tree.joblib"),
        ("other/seed2/train_tree", "other/seed2/train_ensemble", "other/seed2/evaluate")
        + ("other/compare", "other/explain", "gather", "report_index"),
    ),
    "training rows deleted": (
        delete("data/processed/other/seed2/train.csv"),
        ("other/seed2/*", "other/compare", "other/explain", "gather", "report_index"),
    ),
    "a leaderboard edited by hand": (
        lambda project: append(project, "results/one/metrics.csv", "\n"),
        ("one/compare", "one/explain", *PUBLISHED, *PAGES),
    ),
    "predictions edited by hand": (
        lambda project: append(project, "results/one/seed1/oof/tree.csv", "\n"),
        ("one/seed1/train_tree", "one/seed1/train_ensemble", "one/seed1/evaluate")
        + ("one/curves", "one/copies", "one/contrast", "gather")
        + ("one/audit", "one/compare", "one/explain", *PUBLISHED, *PAGES),
    ),
}


# Two thirds of the cases, which say the same of other modules or take a whole run, run as proofs.
PROOFS = {
    *("data/augment.py", "scoring/scores.py", "plots/__init__.py", "a plot more", "a model less"),
    *("confidence level", "a value moved to another key", "a script", "report/page.py"),
    "predictions edited by hand",
    *("a model more", "a table more", "a seed more", "what a failed audit does", "data/stats.py"),
    *("scoring/leaderboard.py", "data/split.py", "data/infer_schema.py", "the page's template"),
    *("a leaderboard edited by hand", "training rows deleted"),
    *("the list of all metrics deleted", "select_by", "folds", "raw data with an older time"),
    *("seeds in another order", "a plot less", "noise_frac of one table"),
    *("data/clean.py", "modelling/pipeline.py", "scoring/evaluate.py"),
    "scoring/significance.py",
    *("jobs/job_log.py", "scoring/curves.py", "scoring/importance.py"),
    *("data/distributions.py", "report/index.py", "data/sample_data.py", "controls/naive.py"),
    *("audit/checks/ids.py", "registry/publish.py", "a table less", "baseline", "a plot deleted"),
    *("statistics deleted", "table format", "no ensemble"),
}
# What changes nothing is tried all at once; each alone is a proof.
ALONE = PROOFS | {name for name, (_, expected) in EDITS.items() if expected == NOTHING}
CASES = [pytest.param(name, marks=pytest.mark.proof if name in ALONE else []) for name in EDITS]


@pytest.mark.parametrize("name", CASES)
def test_exactly_what_uses_it_runs_again(copied, name):
    make, expected = EDITS[name]
    make(copied)
    planned = copied.planned()
    if "-" in planned:  # a job that is new has no log yet to be named by
        planned = copied.ran()
        assert copied.planned() == set()
    assert planned == jobs_like(copied, expected)


def test_what_changes_nothing_that_a_job_uses_runs_nothing_again(copied):
    for make, expected in EDITS.values():
        if expected == NOTHING:
            make(copied)
    assert copied.planned() == set()


# ------------------------------------------------------------------ and then they really run


@pytest.mark.proof
def test_what_is_planned_runs_and_nothing_else(copied):
    """The whole way, for an edit that every stage after the split takes part in."""
    before = copied.checksums()
    copied.change("augment", "noise_frac", to=0.03)
    planned = copied.planned()
    assert copied.ran() == planned
    assert copied.planned() == set()
    assert copied.checksums() != before
    copied.change("augment", "noise_frac", to=0.02)
    copied.run()
    assert copied.checksums() == before


@pytest.mark.proof
def test_what_is_deleted_is_made_again_as_it_was(copied):
    before = copied.checksums()
    for path in copied.folder.glob("data/processed/one/**/*.csv"):
        path.unlink()
    copied.run()
    assert copied.checksums() == before


@pytest.mark.proof
def test_a_stage_whose_output_stays_the_same_ends_the_chain_in_the_next_run(copied):
    """Snakemake cannot tell before it has run a job, so it is run by itself first."""
    copied.edit(f"{MODULES}/data/clean.py", '"""', 'REWRITTEN = True\n"""')
    tables = {"one/clean", "other/clean", "users/clean"}
    assert copied.ran("--until", "clean") == tables
    # Not a follower: publishing reads rows by the same code.
    assert copied.planned() == {"one/register"}


@pytest.mark.proof
def test_files_of_more_than_a_megabyte_count_by_their_content_too(project):
    project.write("table.csv", small_table(rows=40_000))
    project.write_config(
        datasets={"big": {"table": "table.csv", "target": "answer", "plots": []}},
        models={"dummy": {"estimator": "sklearn.dummy.DummyClassifier"}},
    )
    project.run()
    cleaned = project.folder / "data/processed/big/cleaned_data.csv"
    assert cleaned.stat().st_size > 1_000_000
    os.utime(cleaned)
    assert "Nothing to be done" in project.run()


@pytest.mark.proof
def test_a_table_that_changes_while_it_is_read_is_not_taken_for_what_it_was(copied):
    """The job finds other bytes than the run started from; the next run starts from those."""
    script = "workflow/scripts/clean.py"
    copied.edit(
        script,
        "    raw, reading = read_raw_table(",
        "    open('one.csv', 'a').write('3,0.5,0.5,red,yes\\n')\n    raw, reading = read_raw_table(",
    )
    done = copied.snakemake("results/one/metrics.csv", "--forcerun", "clean")
    assert done.returncode == 1
    assert "one.csv: the file has changed while the run was going" in " ".join(done.stdout.split())
    shutil.copy2(ROOT / script, copied.folder / script)
    copied.run()
    rows = (copied.folder / "one.csv").read_text().count("\n") - 1
    cleaned = (copied.folder / "data/processed/one/cleaned_data.csv").read_text()
    assert cleaned.count("\n") - 1 == rows
    assert copied.planned() == set()


@pytest.mark.proof
def test_no_run_is_published_of_a_table_that_has_changed_since_it_was_read(copied):
    """The model is of the rows from before; it may not be published under the hash of others."""
    script = "workflow/scripts/compare.py"
    append(copied, script, "    open('one.csv', 'a').write('3,0.5,0.5,red,yes\\n')\n")
    runs = copied.folder / "results/one/runs"
    before = sorted(runs.iterdir())
    done = copied.snakemake()
    assert done.returncode == 1
    assert "one.csv: the file has changed while the run was going" in " ".join(done.stdout.split())
    assert sorted(runs.iterdir()) == before
    shutil.copy2(ROOT / script, copied.folder / script)
    copied.run()
    receipt = json.loads((copied.folder / "results/one/published.json").read_text())
    meta = json.loads((runs / receipt["run"] / "run_meta.json").read_text())
    assert meta["data"]["sha256"] == content_hash(copied.folder / "one.csv")


def test_a_raw_table_that_is_as_it_was_is_not_read_again(project):
    """What is remembered of it is believed, so a wrong memory is noticed by what would run."""
    table = project.write("table.csv", small_table())
    project.write_config(datasets={"small": {"table": "table.csv", "target": "answer"}})
    time.sleep(3.1)  # younger files are not remembered
    project.run("-n")
    memory = project.folder / ".snakemake/ml-baseline-memory.json"
    known = json.loads(memory.read_text())
    *status, digest = known[f"content {table}"]
    assert digest == content_hash(table)
    memory.write_text(json.dumps(known | {f"content {table}": [*status, "0" * 64]}))
    project.run("-n")
    assert json.loads(memory.read_text())[f"content {table}"][-1] == "0" * 64
