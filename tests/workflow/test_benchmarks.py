"""The benchmarks, a workflow of its own: what it runs, the same rows for all tools, and their scores."""

import json
import re
import runpy
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import warm_snakemake
import yaml
from running import ROOT, Project, rows_of, small_table
from sklearn.metrics import log_loss, roc_auc_score

BENCHMARKS = ROOT / "benchmarks"
CONFIG = yaml.safe_load((BENCHMARKS / "config.yaml").read_text("utf-8"))
TABLE = {"file": "small.csv", "target": "answer", "positive": "yes", "drop": ["weight"]}
# Two tools of our own: one that looks for what it must not get, and one that fails.
MORE_TOOLS = """
def share(train, holdout, seed, threads, budget, options):
    assert "target" not in holdout and "weight" not in train and options == {"add": 0.125}
    return np.full(len(holdout), train["target"].mean() + options["add"])


def breaks(train, holdout, seed, threads, budget, options):
    raise ValueError("it does not like this table")


"""
PARTS = ("train", "holdout")
TOOLS = {
    "ml_baseline_standard": {"run": "share", "options": {"add": 0.125}},
    "broken": {"run": "breaks"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The benchmarks with a small table and two tools, whose environment is that of the tests."""
    folder = tmp_path_factory.mktemp("benchmarks") / "benchmarks"
    shutil.copytree(BENCHMARKS, folder, ignore=shutil.ignore_patterns("work", "results", "__*"))
    tools = (folder / "tools.py").read_text("utf-8")
    start = tools.index('if __name__ == "__main__":')
    (folder / "tools.py").write_text(tools[:start] + MORE_TOOLS + tools[start:], "utf-8")
    (folder / "small.csv").write_text(small_table(200) + "1,1,red,\n", "utf-8")
    config = CONFIG | {
        "seeds": [1],
        "rows": 150,
        "tables": {"small": TABLE, "gone": TABLE | {"file": "gone.csv"}},
        "tools": {name: tool | {"environment": "own"} for name, tool in TOOLS.items()},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")
    (folder / "environments" / "own.txt").touch()
    python = Project(folder).write(
        "work/environments/own/venv/bin/python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'
    )
    python.chmod(0o755)
    Project(folder).write("work/environments/own/size.json", '{"megabytes": 321}')
    return folder


def benchmark(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    code, said = warm_snakemake.run(command, folder)
    assert code == 0, said
    return said


def test_every_tool_is_fitted_to_every_table_with_every_seed(folder):
    said = benchmark(folder, "--dry-run", "--config", "seeds=[1,2,3]")
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", said, re.MULTILINE))
    assert jobs == {"all": "1", "compare": "1", "fit": "6", "split": "3", "total": "11"}
    assert "left out, as their files are not there: gone" in said


def test_every_tool_of_the_config_is_a_function_with_an_environment():
    functions = runpy.run_path(str(BENCHMARKS / "tools.py"))
    for name, tool in CONFIG["tools"].items():
        assert callable(functions[tool["run"]]), name
        assert (BENCHMARKS / "environments" / f"{tool['environment']}.txt").is_file(), name


def test_a_run_scores_each_tool_on_the_rows_held_out(folder):
    benchmark(folder)
    train, holdout = (pd.read_csv(folder / f"work/tables/small/1/{part}.csv") for part in PARTS)
    assert len(train) == 105 and len(holdout) == 45  # of 150; a row without an answer is none
    assert list(train) == list(holdout) == ["size", "colour", "target"]
    rows = {row["tool"]: row for row in rows_of(folder / "results/scores.csv")}
    assert list(rows) == list(TOOLS)
    constant = np.full(len(holdout), train["target"].mean() + 0.125)
    share = rows["ml_baseline_standard"]
    assert float(share["log_loss"]) == pytest.approx(log_loss(holdout["target"], constant))
    assert float(share["roc_auc"]) == 0.5
    assert rows["broken"]["log_loss"] == ""
    made = folder / "work/predictions/small/1"
    assert "it does not like this table" in json.loads((made / "broken.json").read_text())["reason"]
    kept = pd.read_csv(made / "ml_baseline_standard.csv")
    assert kept["target"].tolist() == holdout["target"].tolist()
    page = cells((folder / "results/results.md").read_text("utf-8"))
    assert [(row[0], row[1], row[-2], row[-1]) for row in page[2:4]] == [
        ("ml_baseline_standard", "1.0", "321", "0"),
        ("broken", "2.0", "321", "1"),
    ]


def cells(page: str) -> list[list[str]]:
    """Return the cells of all rows of Markdown's tables in a page."""
    return [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("|")]


def test_the_scores_are_ranks_differences_with_intervals_and_the_best(tmp_path, monkeypatch):
    """Of tables whose losses are known: ours, another effort of ours, two others, one of which fails."""
    monkeypatch.chdir(tmp_path)
    certainty = {  # of the right answer, in each table
        "ml_baseline_standard": {"a": 0.8, "b": 0.6},
        "ml_baseline_quick": {"a": 0.7, "b": 0.9},
        "steady": {"a": 0.85, "b": 0.7},
        "fails": {"a": 0.99, "b": None},
    }
    target, tools, paths = np.array([0, 1] * 20), {}, []
    for tool, of_tables in certainty.items():
        run = "ml_baseline" if tool.startswith("ml_baseline") else tool
        tools[tool] = {"run": run, "environment": "own"}
        for table, sure in of_tables.items():
            path = tmp_path / "work/predictions" / table / "1" / f"{tool}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = {"target": target, "probability": np.where(target, sure, 1 - (sure or 0))}
            pd.DataFrame(kept if sure else {name: [] for name in kept}).to_csv(path, index=False)
            cost = {"seconds": 9, "cpu_seconds": 4, "megabytes": 100, "reason": ""}
            path.with_suffix(".json").write_text(json.dumps(cost))
            paths.append(str(path))
    size = Path("work/environments/own/size.json")
    size.parent.mkdir(parents=True)
    size.write_text('{"megabytes": 5}')
    snakemake = SimpleNamespace(
        input=SimpleNamespace(predictions=paths),
        output=SimpleNamespace(scores="scores.csv", page="results.md"),
        params=SimpleNamespace(tools=tools),
    )
    runpy.run_path(str(BENCHMARKS / "compare.py"), init_globals={"snakemake": snakemake})
    found = cells(Path("results.md").read_text("utf-8"))
    rows = {row[0]: dict(zip(found[0], row, strict=True)) for row in found[2:6]}
    # Our efforts are not ranked among each other: quick is third of three in a, first in b.
    assert {tool: row["rank by log loss"] for tool, row in rows.items()} == {
        "steady": "1.5",
        "ml_baseline_quick": "2.0",
        "fails": "2.0",
        "ml_baseline_standard": "2.5",
    }
    assert rows["fails"]["failed"] == "1" and rows["steady"]["failed"] == "0"
    assert rows["ml_baseline_standard"]["log loss minus ours (95 %)"] == ""
    # Every row of a table has the same loss, so the interval has no width.
    mean = (np.log(0.8 / 0.85) + np.log(0.6 / 0.7)) / 2
    expected = f"{mean:+.4f} ({mean:+.4f} to {mean:+.4f})"
    assert rows["steady"]["log loss minus ours (95 %)"] == expected
    losses = {row[0]: row[1:] for row in found[8:10]}
    assert losses["b"] == ["0.5108", "**0.1054**", "0.3567", "failed"]


def table_of_all_sorts(rows: int) -> pd.DataFrame:
    """Return numbers with gaps, odd names, missing text, many categories, and a target of 0 and 1."""
    random = np.random.default_rng(3)
    size = random.normal(size=rows)
    return pd.DataFrame(
        {
            "size [cm]: {a}": np.where(random.random(rows) < 0.1, np.nan, size),
            "colour": pd.Series(random.choice(["red", "green", None], rows), dtype="str"),
            "town": [f"town {i * 7 % 300}" for i in range(rows)],
            "target": (random.random(rows) < 1 / (1 + np.exp(-3 * size))).astype(int),
        }
    )


@pytest.mark.parametrize(
    "tool",
    [
        "logistic_regression",
        "sklearn_boosting",
        "lightgbm",
        "catboost",
        pytest.param("ml_baseline", marks=pytest.mark.proof),
    ],
)
def test_an_adapter_predicts_new_rows_of_any_table_in_their_order(tool, tmp_path, monkeypatch):
    if tool in ("lightgbm", "catboost"):
        pytest.importorskip(tool)
    monkeypatch.chdir(tmp_path)
    table = table_of_all_sorts(600)
    train, holdout = table[:400], table[400:].reset_index(drop=True)
    holdout.loc[0, "colour"] = "never seen"
    adapter = runpy.run_path(str(BENCHMARKS / "tools.py"))[tool]
    options = {"effort": "quick"} if tool == "ml_baseline" else {}
    probability = adapter(train.copy(), holdout.drop(columns="target"), 1, 1, 30, options)
    assert len(probability) == len(holdout)
    assert roc_auc_score(holdout["target"], probability) > 0.8
