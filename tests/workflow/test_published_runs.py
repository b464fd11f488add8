"""Published runs and the commands of `ml-baseline`, on the workflow run for real."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import yaml
from publishing import snapshot
from running import QUICK_MODELS, ROOT, rows_of, small_table

from ml_baseline.data.augment import augment
from ml_baseline.data.tables import read_table
from ml_baseline.errors import InputError
from ml_baseline.files import read_json
from ml_baseline.modelling.model_files import load_model
from ml_baseline.modelling.train import fit, predict_probability
from ml_baseline.registry import find_run, list_runs
from ml_baseline.registry.golden import verify_run
from ml_baseline.registry.manifest import RUN_ID
from ml_baseline.registry.runs import changed_files

DATASETS = {
    "small": {
        "table": "table.csv",
        "target": "answer",
        "plots": [],
        # Judged on 96 training rows; what is published has the same parameters.
        "models": {"logistic_regression": {"from_rows": {100: {"C": 0.001}}}},
    },
    "other": {
        "table": "other.csv",
        "target": "answer",
        "plots": [],
        "publish": {"fit_on": "train"},
    },
}
CONTRACT = [
    "README.md",
    "env/pip_freeze.txt",
    "metrics/baseline_holdout_metrics.json",
    "metrics/holdout_metrics.json",
    "model/model.joblib",
    "run_meta.json",
    "schema/input_schema.json",
    "tables/holdout_predictions.csv",
    "tables/holdout_predictions.parquet",
]


@pytest.fixture(scope="module")
def published(module_project):
    """Two tables, run once."""
    module_project.write("table.csv", small_table())
    module_project.write("other.csv", small_table(random_state=1))
    module_project.write_config(datasets=DATASETS, report=False)
    module_project.run()
    return module_project


def ml_baseline(folder, *arguments: str, code: int = 0) -> subprocess.CompletedProcess:
    """Run the program in a folder, as the installed command does, and expect an exit code."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "ml_baseline.cli.command", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow")},
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_each_table_has_a_run_with_the_files_of_its_contract(published):
    results = published.folder / "results"
    for dataset in DATASETS:
        (run,) = list_runs(results, dataset)
        assert run.sealed and changed_files(run) == {}
        assert run.run_id == (results / dataset / "runs/latest.txt").read_text().strip()
        for name in CONTRACT:
            assert (run.folder / name).stat().st_size > 0, name
        verified = verify_run(find_run(run.run_id, results, dataset))
        assert verified["ok"] and verified["golden_rows"] == 20


def test_the_published_model_is_the_chosen_one(published):
    results = published.folder / "results"
    run = find_run("latest", results, "small")
    name = run.meta["model"]["name"]
    assert name == "logistic_regression"
    made = results / "small" / "refit.joblib"
    assert (run.folder / "model/model.joblib").read_bytes() == made.read_bytes()
    receipt = json.loads((results / "small/published.json").read_text())
    assert receipt == {"dataset": "small", "run": run.run_id}


def test_what_is_published_has_learned_from_all_rows_and_is_not_what_is_scored(published):
    results = published.folder / "results"
    run = find_run("latest", results, "small")
    assert run.meta["fit"] == {"on": "all", "rows": 120}
    schema = read_json(published.folder / "data/processed/small/input_schema.json")
    table = read_table(published.folder / "data/processed/small/cleaned_data.csv", schema)
    settings = run.meta["config"] | {"strategy": "stratified"}
    settings["model"] = settings["models"]["logistic_regression"] | {"from_rows": {}}
    again = fit(
        augment(table, schema, **settings["augment"], random_state=42), schema, settings, 42
    )
    model = load_model((run.folder / "model/model.joblib").read_bytes())
    judged = load_model((results / "small/seed42/models/logistic_regression.joblib").read_bytes())
    of_all, of_again, of_judged = (
        predict_probability(m, table, schema) for m in (model, again, judged)
    )
    np.testing.assert_allclose(of_all, of_again)
    assert np.abs(of_all - of_judged).max() > 1e-4
    # The predictions that are kept are those of the fit that was judged.
    kept = pd.read_csv(run.folder / "tables/holdout_predictions.csv").set_index("row_id")
    np.testing.assert_allclose(kept["probability"], of_judged[kept.index], atol=1e-12)
    card = (run.folder / "README.md").read_text()
    assert "It is fitted to all 120 rows. The scores below are those of the same recipe" in card


def test_the_fit_that_was_judged_is_published_where_that_is_asked_for(published):
    results = published.folder / "results"
    run = find_run("latest", results, "other")
    assert run.meta["fit"] == {"on": "train", "rows": 96}
    made = results / "other" / "seed42" / "models" / f"{run.meta['model']['name']}.joblib"
    assert (run.folder / "model/model.joblib").read_bytes() == made.read_bytes()
    assert not (results / "other" / "refit.joblib").exists()


def test_a_second_run_and_a_forced_one_publish_nothing(published):
    before = snapshot(published.folder / "results" / "small" / "runs")
    assert "Nothing to be done" in published.run()
    published.run("--forcerun", "register", "--", "results/small/published.json")
    assert snapshot(published.folder / "results" / "small" / "runs") == before
    receipt = json.loads((published.folder / "results/small/published.json").read_text())
    assert receipt["run"] == find_run("latest", published.folder / "results", "small").run_id


@pytest.mark.proof
def test_only_what_makes_another_model_makes_another_run(project):
    project.write("table.csv", small_table())
    project.write("other.csv", small_table(random_state=1))
    project.write_config(datasets=DATASETS)
    project.run()
    results = project.folder / "results"
    (first,) = list_runs(results, "small")
    before = snapshot(first.folder)
    # A setting that no model sees.
    receipt = results / "small" / "published.json"
    written = receipt.stat().st_mtime_ns
    drawn = DATASETS | {"small": DATASETS["small"] | {"plots": ["target"]}}
    project.write_config(datasets=drawn)
    project.run()
    assert (results / "small/plots/target.png").exists()
    assert receipt.stat().st_mtime_ns == written
    # One table's settings.
    changed = DATASETS | {"small": DATASETS["small"] | {"augment": {"method": "jitter"}}}
    project.write_config(datasets=changed)
    project.run()
    runs = list_runs(results, "small")
    assert [run.run_id for run in runs[:-1]] == [first.run_id] and len(runs) == 2
    assert find_run("latest", results, "small").run_id == runs[1].run_id
    assert runs[1].meta["config"]["augment"]["method"] == "jitter"
    assert snapshot(first.folder) == before
    assert len(list_runs(results, "other")) == 1


@pytest.mark.proof
def test_a_table_may_go_unpublished(project):
    project.write("table.csv", small_table())
    project.write_config(datasets={"small": DATASETS["small"]}, register=False)
    project.run()
    assert (project.folder / "results/small/metrics.csv").exists()
    assert not (project.folder / "results/small/runs").exists()


def test_a_deleted_run_is_published_anew_once_its_receipt_is_gone(published):
    results = published.folder / "results"
    shutil.rmtree(find_run("latest", results, "small").folder)
    with pytest.raises(InputError, match=r"delete .*published\.json and train again"):
        find_run("latest", results, "small")
    (results / "small/published.json").unlink()
    published.run()
    assert verify_run(find_run("latest", results, "small"))["ok"]


def test_no_run_is_an_output_of_a_rule(published):
    """Snakemake deletes outputs before a job; runs are never touched."""
    summary = published.run("--summary")
    assert "results/small/published.json" in summary
    assert not [line for line in summary.splitlines() if "/runs/" in line.split("\t")[0]]


# --- the three commands --------------------------------------------------------------------------


@pytest.mark.proof
def test_the_three_commands_of_the_readme_in_an_empty_folder(tmp_path):
    """Word for word, with nothing but the program."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.split("## Use the model")[1].split("```sh\n")[1].split("```")[0]
    commands = [shlex.split(line) for line in block.splitlines()]
    assert [words[:2] for words in commands] == [
        ["ml-baseline", "make-sample-data"],
        ["ml-baseline", "train"],
        ["ml-baseline", "predict"],
    ]
    for words in commands:
        ml_baseline(tmp_path, *words[1:])
    rows = rows_of(tmp_path / "outputs/preds.csv")
    assert list(rows[0]) == ["user_id", "probability", "prediction"]
    truth = rows_of(tmp_path / "data/processed/features.csv")
    assert [row["user_id"] for row in rows] == [row["user_id"] for row in truth]
    right = [a["prediction"] == b["is_high_value"] for a, b in zip(rows, truth, strict=True)]
    assert sum(right) > 0.98 * len(rows) == 980
    ml_baseline(tmp_path, "runs", "verify", "latest")


@pytest.mark.proof
def test_ctrl_c_while_training_is_quiet_and_leaves_no_run_and_no_lock(tmp_path):
    (tmp_path / "table.csv").write_text(small_table(2000))
    command = [sys.executable, "-P", "-m", "ml_baseline.cli.command", "train", "--cores", "1"]
    process = subprocess.Popen(
        [*command, "--input", "table.csv", "--target", "answer"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # a group of its own, as a terminal gives each command
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("results/logs/table/seed42/train_*.log")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert not (tmp_path / "results/table/runs").exists()
    quick = tmp_path / "quick.yaml"
    quick.write_text(yaml.safe_dump({"models": QUICK_MODELS}))
    options = ["--input", "table.csv", "--target", "answer", "--config", "quick.yaml"]
    ml_baseline(tmp_path, "train", *options)
    # What a run that was killed on another machine leaves behind.
    (tmp_path / ".snakemake/running").write_text("another-machine")
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir(exist_ok=True)
    (locks / "0.output.lock").write_text("results/table/metrics.csv\n")
    (locks / "0.input.lock").write_text("table.csv\n")
    quick.write_text(yaml.safe_dump({"models": QUICK_MODELS, "threshold": 0.4}))
    ml_baseline(tmp_path, "train", *options, code=1)
    ml_baseline(tmp_path, "train", *options, "--unlock")
    assert find_run("latest", tmp_path / "results").meta["threshold"] == 0.4


@pytest.mark.proof
def test_sample_data_and_training_in_an_empty_folder(tmp_path):
    ml_baseline(tmp_path, "make-sample-data", "--rows", "200")
    config = tmp_path / "quick.yaml"
    config.write_text(yaml.safe_dump({"models": QUICK_MODELS}))
    train = ["train", "--target", "is_high_value", "--config", "quick.yaml", "--cores", "2"]
    said = ml_baseline(tmp_path, *train).stderr
    run = find_run("latest", tmp_path / "results")
    assert f"published run {run.run_id}" in said
    assert run.dataset == "features" and RUN_ID.fullmatch(run.run_id)
    assert run.meta["split"]["rows"] == 200
    assert set(run.meta["config"]["models"]) == set(QUICK_MODELS)
    assert (tmp_path / "results/features/metrics.csv").exists()
    assert not (tmp_path / "results/metrics.csv").exists()  # that one is of all tables of a config
    # Again, and there is nothing to do; another sample, and there is.
    assert "Nothing to be done" in ml_baseline(tmp_path, *train).stderr
    # What it said about settings can be followed.
    entry = yaml.safe_load(said.split("train again: ")[1].splitlines()[0])
    entry["datasets"]["features"]["forbidden"] = "total_amount"
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(entry))
    ml_baseline(tmp_path, "make-sample-data", "--rows", "210")
    ml_baseline(tmp_path, *train)
    assert find_run("latest", tmp_path / "results").meta["config"]["forbidden"] == ["total_amount"]
    assert len((tmp_path / "data/processed/features.csv").read_text().splitlines()) == 211
    assert find_run("latest", tmp_path / "results").meta["split"]["rows"] == 210
    assert len(list_runs(tmp_path / "results")) == 2


def test_training_one_table_of_a_config_leaves_the_others_alone(published):
    """The same rules and files: `train` finds made what `snakemake` has made, and the other way."""
    results = published.folder / "results"
    before = snapshot(results / "other")
    gathered = (results / "metrics.csv").stat().st_mtime_ns
    done = ml_baseline(published.folder, "train", "--input", "table.csv", "--target", "answer")
    assert "Nothing to be done" in done.stderr
    # The table that was trained last is the latest, even if nothing had to be done.
    assert find_run("latest", results).dataset == "small"
    ml_baseline(published.folder, "train", "--input", "other.csv", "--target", "answer")
    assert find_run("latest", results).dataset == "other"
    assert snapshot(results / "other") == before
    assert (results / "metrics.csv").stat().st_mtime_ns == gathered
    assert "Nothing to be done" in published.run()


@pytest.mark.proof
def test_training_with_all_options(tmp_path):
    table = small_table().replace("size,", "key,", 1).replace("answer", "Bought?", 1)
    (tmp_path / "my table.csv").write_text(table)
    arguments = ["--input", "my table.csv", "--target", "Bought?", "--positive", "no"]
    arguments += ["--id", "colour", "--name", "shop", "--cores", "2", "--config", "quick.yaml"]
    (tmp_path / "quick.yaml").write_text(yaml.safe_dump({"models": QUICK_MODELS}))
    ml_baseline(tmp_path, "train", *arguments)
    run = find_run("latest", tmp_path / "results")
    assert run.dataset == "shop" and run.schema["positive"] == ["no"]
    roles = {entry["name"]: entry["role"] for entry in run.schema["columns"]}
    assert roles["colour"] == "id"


def test_training_that_fails_says_why(tmp_path):
    (tmp_path / "table.csv").write_text(small_table())
    done = ml_baseline(tmp_path, "train", "--input", "table.csv", "--target", "weight", code=1)
    assert "weight" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "results/table/runs").exists()


@pytest.mark.proof
def test_a_table_of_the_users_own_is_never_made_anew(project):
    """Where a sample table would stand, with the config of the samples."""
    own = small_table().replace("answer", "is_high_value")
    project.write("data/processed/features.csv", own)
    project.write_config(
        datasets={"users": {"table": "data/processed/features.csv", "target": "is_high_value"}}
    )
    project.run()
    assert (project.folder / "data/processed/features.csv").read_text() == own
