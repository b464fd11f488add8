"""The program `ml-baseline`: what it says, what it refuses and with which exit code."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from publishing import snapshot
from rich.console import Console
from running import ROOT
from small_shop import publish_shop, shop

from ml_baseline.cli import actions, command, inspect
from ml_baseline.cli import train as train_command
from ml_baseline.cli.train import known_tables, name_and_settings, name_of_file
from ml_baseline.config.text import load_yaml
from ml_baseline.data import sample_data
from ml_baseline.errors import InputError

RUN_ID = "2026-01-01T12-00-00Z__classification__seed42"
HEAVY = ("sklearn", "pandas", "numpy", "pyarrow", "snakemake", "joblib", "rich", "fastapi", "yaml")
HELPS = [
    [],
    ["make-sample-data"],
    ["inspect"],
    ["train"],
    ["predict"],
    ["serve"],
    ["runs"],
    ["runs", "list"],
    ["runs", "show"],
    ["runs", "compare"],
    ["runs", "verify"],
]


@pytest.fixture
def folder(published, tmp_path, monkeypatch) -> Path:
    """A folder with a copy of them, in which the program is."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(published, tmp_path / "results")
    return tmp_path


@pytest.mark.parametrize("arguments", HELPS, ids=" ".join)
def test_help_imports_nothing_heavy(arguments):
    script = (
        "import sys\nfrom ml_baseline.cli.command import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n    code = end.code\n"
        f"print('LOADED', code, [m for m in {HEAVY!r} if m in sys.modules])"
    )
    command = [sys.executable, "-c", script, *arguments, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT / "workflow")
    assert "usage: ml-baseline" in done.stdout and "LOADED 0 []" in done.stdout, done.stderr


def test_what_needs_no_model_imports_none(folder):
    script = (
        "import sys\nfrom ml_baseline.cli.command import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "print('LOADED', [m for m in ('sklearn', 'pandas', 'snakemake') if m in sys.modules])"
    )
    for arguments in (["runs", "list"], ["runs", "show", "latest"]):
        command = [sys.executable, "-c", script, *arguments]
        environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow"), "COLUMNS": "80"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert "LOADED []" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unknown"],
        ["train"],
        ["predict"],
        ["predict", "--input", "x.csv"],
        ["runs"],
        ["runs", "verify"],
        ["runs", "compare", "latest"],
        ["make-sample-data", "--rows", "many"],
        ["make-sample-data", "--rows", "49"],
        ["make-sample-data", "--seed", "-1"],
        ["make-sample-data", "--sample", "titanic"],
        ["train", "--target", "x", "--cores", "0"],
        ["predict", "--input", "-", "--output", "-", "--on-bad-rows", "ignore"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        command.main(arguments)
    assert end.value.code == 2
    assert "usage: ml-baseline" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["runs", "show", "nothing"], "there is no run 'nothing'"),
        (["runs", "verify", "../../x"], "there is no run"),
        (["runs", "show", "latest", "--dataset", "../x"], "cannot be the name of a table"),
        (["train", "--target", "y"], "make-sample-data"),
        (["train", "--target", "y", "--input", "no.csv"], "no.csv: there is no such file"),
        (["make-sample-data", "--output", "x.txt"], ".csv or .parquet"),
        (["make-sample-data", "--sample", "breast_cancer", "--rows", "90"], "neither --rows"),
    ],
)
def test_what_is_refused_is_one_line_and_exit_code_1(arguments, words, folder, capsys):
    assert command.main(arguments) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("ml-baseline: error: ") and said.err.count("\n") == 1
    assert words in said.err


def test_ctrl_c_is_quiet(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("ml_baseline.registry.overview.overview", interrupted)
    assert command.main(["runs", "list"]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_reader_that_has_read_enough_is_no_error(folder):
    run = f"{sys.executable} -m ml_baseline.cli.command runs show {RUN_ID} --json"
    for _ in range(3):
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {run} | true"],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT / "workflow")},
        )
        assert done.stderr == ""


# --- runs ----------------------------------------------------------------------------------------


def test_runs_are_listed(folder, capsys):
    assert command.main(["runs", "list"]) == 0
    said = capsys.readouterr().out
    assert RUN_ID in said and "logistic_regression" in said and "latest" in said
    assert command.main(["runs", "list", "--json"]) == 0
    (line,) = json.loads(capsys.readouterr().out)
    assert line["run_id"] == RUN_ID and line["dataset"] == "shop" and line["latest"]
    assert command.main(["runs", "list", "--results", "nowhere"]) == 0
    assert "no published runs in nowhere" in capsys.readouterr().out


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_word_of_a_list_is_broken_in_a_narrow_terminal(folder, width, monkeypatch, capsys):
    wide = Console(width=width, highlight=False)
    monkeypatch.setattr("ml_baseline.cli.display.console_of", lambda: wide)
    assert command.main(["runs", "list"]) == 0
    words = capsys.readouterr().out.split()
    assert {RUN_ID, "logistic_regression", "roc_auc", "latest"} <= {w.strip(",:") for w in words}


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        *(("trian", "train"), ("runs lits", "list"), ("train --target", "")),
        *(("train --targt x", "--target"), ("predict --in x --output y --rn=1", "--run")),
        *(("runs list --jsno", "--json"), ("inspect x --wombat", "")),
    ],
)
def test_a_mistyped_command_is_told_which_was_meant(capsys, words, meant):
    with pytest.raises(SystemExit) as end:
        command.main(words.split())
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.count(f" did you mean {meant}?\n") == 1 if meant else "did you mean" not in said


def test_a_run_is_shown(folder, capsys):
    assert command.main(["runs", "show", "latest"]) == 0
    said = capsys.readouterr()
    assert "# shop: bought" in said.out and "ROC-AUC" in said.out
    assert f"the latest run is {RUN_ID} of the table shop\n" in said.err
    other = folder / "results/other/runs"
    other.mkdir(parents=True)
    (other / "latest.txt").write_text("2020-01-01T00-00-00Z__classification__seed42\n")
    os.utime(other / "latest.txt", (0, 0))
    assert command.main(["runs", "show", "latest"]) == 0
    said = capsys.readouterr()
    assert "of the table shop; --dataset takes that of another: other\n" in said.err
    shutil.rmtree(other.parent)
    assert command.main(["runs", "show", RUN_ID, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["meta"]["run_id"] == RUN_ID and shown["metrics"]["rows"] == 40


def test_runs_are_compared(folder, capsys):
    second = publish_shop(folder / "results/shop/runs", random_state=1, threshold=0.4)
    assert command.main(["runs", "compare", RUN_ID, second]) == 0
    said = capsys.readouterr().out
    assert RUN_ID in said and second in said and "config.threshold" in said and "roc_auc" in said
    assert command.main(["runs", "compare", RUN_ID, "latest", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == [RUN_ID, second]


def test_a_run_is_verified(folder, capsys):
    assert command.main(["runs", "verify", "latest"]) == 0
    said = capsys.readouterr().out
    assert "files: all 9 as published" in said and "20 golden rows" in said
    path = folder / "results/shop/runs" / RUN_ID / "schema/input_schema.json"
    path.write_text(path.read_text() + " ")
    assert command.main(["runs", "verify", RUN_ID]) == 1
    said = capsys.readouterr().out
    assert "files: 8 of 9 as published" in said and "input_schema.json: changed" in said
    assert command.main(["runs", "verify", RUN_ID, "--json"]) == 1
    assert list(json.loads(capsys.readouterr().out)["changed_files"]) == [
        "schema/input_schema.json"
    ]


# --- predict -------------------------------------------------------------------------------------


@pytest.fixture
def batch(folder) -> Path:
    """A file with rows to predict, in the folder of the program."""
    shop(20, random_state=3).to_csv(folder / "batch.csv", index=False)
    return folder / "batch.csv"


def predict(output: str, *more: str) -> int:
    return command.main(["predict", "--input", "batch.csv", "--output", output, *more])


def test_predictions_replace_predictions_and_other_files_only_if_asked_to(batch, capsys):
    assert [predict("out.csv") for _ in range(2)] == [0, 0]
    batch.with_name("mine.csv").write_text("mine")
    assert predict("mine.csv") == 1
    assert "no prediction wrote it" in capsys.readouterr().err
    assert batch.with_name("mine.csv").read_text() == "mine"
    assert predict("mine.csv", "--overwrite") == 0
    assert len(pd.read_csv("mine.csv")) == 20


@pytest.mark.parametrize(
    "output",
    [
        "batch.csv",
        "./x/../batch.csv",
        "link.csv",
        "shop.csv",
        "raw/churn.csv",
        f"results/shop/runs/{RUN_ID}/README.csv",
        f"results/shop/runs/{RUN_ID}/tables/holdout_predictions.csv",
        "results/shop/metrics.csv",
        "config/x.csv",
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_no_table_run_or_result_is_overwritten(batch, output, overwrite, capsys):
    folder = batch.parent
    for name in ("raw", "x", "config"):
        (folder / name).mkdir()
    (folder / "link.csv").symlink_to(batch)
    for name in ("shop.csv", "raw/churn.csv", "results/shop/metrics.csv"):
        (folder / name).write_text("mine")
    (folder / "config/config.yaml").write_text(
        "datasets: {churn: {table: raw/churn.csv, target: y}}"
    )
    before = snapshot(folder)
    assert predict(output, *["--overwrite"] * overwrite) == 1
    said = capsys.readouterr().err
    assert "error: " in said and "Traceback" not in said
    assert snapshot(folder) == before


def test_processes_that_predict_into_one_file_all_end_well(batch):
    run = [sys.executable, "-m", "ml_baseline.cli.command", "predict", "--input", "batch.csv"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow")}
    pipes = {"stderr": subprocess.PIPE, "text": True}
    started = [
        subprocess.Popen([*run, "--output", "out.csv"], env=environment, **pipes) for _ in range(3)
    ]
    for process in started:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert len(pd.read_csv("out.csv")) == 20
    assert predict("out.csv") == 0
    assert not list(batch.parent.glob(".ml-baseline-*"))


# --- make-sample-data ----------------------------------------------------------------------------


def test_defaults_are_those_of_the_config():
    schema = load_yaml(ROOT / "workflow/schemas/config.schema.yaml")
    sample = schema["$defs"]["sample"]["properties"]
    assert sample["rows"]["default"] == actions.SAMPLE_ROWS
    assert sample["rows"]["minimum"] == command.FEWEST_SAMPLE_ROWS
    assert sample["seed"]["default"] == actions.SAMPLE_SEED
    assert schema["properties"]["cv"]["properties"]["folds"]["default"] == inspect.FOLDS


def test_the_sample_is_the_workflows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert command.main(["make-sample-data"]) == 0
    table = pd.read_csv("data/processed/features.csv")
    pd.testing.assert_frame_equal(table, sample_data.users(1000, 7), check_dtype=False)
    assert Path("data/processed/features.source.md").is_file()
    assert command.main(["make-sample-data", "--rows", "60", "--seed", "1"]) == 0
    assert len(pd.read_csv("data/processed/features.csv")) == 60
    assert "60 rows" in capsys.readouterr().err


@pytest.mark.parametrize("sample", ["customers", "breast_cancer"])
def test_other_samples(sample, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command.main(["make-sample-data", "--sample", sample, "--output", "x/a.parquet"]) == 0
    assert len(pd.read_parquet("x/a.parquet")) == {"customers": 1000, "breast_cancer": 569}[sample]


def test_a_table_of_the_users_own_is_not_replaced_by_a_sample(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "data/processed/features.csv"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    assert command.main(["make-sample-data"]) == 1
    assert (
        own.read_text() == "mine"
        and "is not a sample table as this command wrote it" in capsys.readouterr().err
    )


# --- train ---------------------------------------------------------------------------------------


def test_an_installation_without_the_workflow_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train_command, "__file__", str(tmp_path / "lib/ml_baseline/cli/x.py"))
    assert command.main(["train", "--target", "y"]) == 1
    assert "no Snakefile" in (said := capsys.readouterr().err) and "pip install -e ." in said


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("data/raw/churn.csv", "churn"),
        ("a b & c.csv.gz", "a_b_c"),
        ("2024.csv", "table_2024"),
        ("logs.csv", "table_logs"),
        ("seed1.csv", "table_seed1"),
        ("kaufhäuser.parquet", "kaufh_user"),
        ("--.csv", "table_--"),
        ("../../x.csv", "x"),
        ("ü.csv", "table_"),
        (f"{'x' * 200}.csv", "x" * 100),
    ],
)
def test_a_table_is_named_after_its_file(path, name):
    assert name_of_file(path) == name
    assert name_and_settings(path, "y", None, {}) == (name, {"table": path, "target": "y"})


KNOWN = {"users": {"table": "data/processed/features.csv", "target": "is_high_value"}}


def test_a_table_that_the_config_has_keeps_its_name_and_settings():
    for table in ("data/processed/features.csv", "./data/../data/processed/features.csv"):
        assert name_and_settings(table, "is_high_value", None, KNOWN) == ("users", {})
        assert name_and_settings(table, "is_high_value", "users", KNOWN) == ("users", {})
    found = name_and_settings("data/processed/features.csv", "country", None, KNOWN)
    assert found[0] == "features"


@pytest.mark.parametrize("name", [None, "churn"])
def test_a_table_of_which_the_config_has_only_settings_is_that_table(name):
    """So the advice of the audit (`forbidden: ...`) can be followed in a config of its own."""
    known = {"churn": {"forbidden": "x", "target": "y"}}
    assert name_and_settings("raw/churn.csv", "y", name, known) == (
        "churn",
        {"table": "raw/churn.csv"},
    )
    with pytest.raises(InputError, match=r"another table `churn` \(target: y\)"):
        name_and_settings("raw/churn.csv", "z", name, known)


@pytest.mark.parametrize("name", [None, "users", "Users"])
def test_the_name_of_another_table_is_refused(name):
    with pytest.raises(InputError, match="the config has another table `users`"):
        name_and_settings("users.csv", "y", name, KNOWN)


def test_a_mistyped_target_of_a_table_of_the_config_is_told():
    known = {"churn": {"table": "churn.csv", "target": "Gekündigt"}}
    with pytest.raises(InputError, match=r"did you mean --target Gekündigt\?$"):
        name_and_settings("churn.csv", "Gekuendigt", "churn", known)
    with pytest.raises(InputError, match=r"\); give this one another name with --name"):
        name_and_settings("churn.csv", "Region", None, known)
    with pytest.raises(
        InputError, match=r"Gekündigt\? Else give this one another name with --name"
    ):
        name_and_settings("churn.csv", "Gekündigt_2025", None, known)


@pytest.mark.parametrize("name", ["../x", "a/b", "", "logs", "SEED1", "a b", "x\n", "-a", "1"])
def test_names_that_lead_elsewhere_are_refused(name):
    with pytest.raises(InputError, match="cannot be the name of a table"):
        name_and_settings("x.csv", "y", name, {})


def test_tables_of_both_configs_are_known(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    first = {"datasets": {"a": {"table": "a.csv", "target": "y"}, "odd": None}}
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(first))
    second = tmp_path / "more.yaml"
    second.write_text("datasets:\n  a: {target: z}\n  b: {table: b.csv, target: y}\n")
    assert known_tables(second) == {
        "a": {"table": "a.csv", "target": "z"},
        "b": {"table": "b.csv", "target": "y"},
    }
    second.write_text("datasets: [")
    with pytest.raises(InputError, match=r"more\.yaml, line 2: not valid YAML"):
        known_tables(second)
    with pytest.raises(InputError, match="no such file"):
        known_tables(tmp_path / "nowhere.yaml")
