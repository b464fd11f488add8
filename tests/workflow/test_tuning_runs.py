"""A search for parameters is spread over jobs, ends early, and fails without harm to other models."""

import json

import pandas as pd
import pytest
import yaml
from running import QUICK_MODELS, ROOT, Project, small_table

LINE = "sklearn.linear_model.LogisticRegression"


@pytest.mark.proof
def test_a_search_over_jobs(project):
    project.write("table.csv", small_table())
    models = {
        "dummy": QUICK_MODELS["dummy"],
        "line": {"estimator": LINE, "tune": {"trials": 7}},
        "grid": {"estimator": LINE, "tune": {"method": "grid", "space": {"C": [0.01, 1]}}},
        "wrong": {"estimator": LINE, "tune": {"trials": 1, "space": {"c": [1]}}},
    }
    project.write_config(
        datasets={"small": {"table": "table.csv", "target": "answer", "plots": []}}, models=models
    )
    done = project.snakemake()
    assert "has no parameter c to search; did you mean C" in " ".join(done.stdout.split())
    assert (project.folder / "results/small/report.html").exists()
    seed = project.folder / "results/small/seed42"
    board = pd.read_csv(project.folder / "results/small/metrics.csv").set_index("model")
    assert board["status"].to_dict() == dict.fromkeys(board.index, "fitted") | {"wrong": "failed"}
    tried = [pd.read_csv(path) for path in sorted((seed / "tuning/line").glob("*.csv"))]
    of_rungs = pd.concat(tried).groupby(["fold", "rung"])["trial"].nunique().unstack()
    assert of_rungs.to_numpy().tolist() == [[7, 3, 1]] * 6  # of five folds and of all rows
    told = json.loads((seed / "parameters.json").read_text())
    kept = pd.concat(tried).query("fold == -1 and rung == 2")["parameters"].tolist()
    assert [told["line"]["tuned"]] == [json.loads(text) for text in kept]
    assert told["grid"]["tuned"]["C"] in (0.01, 1)
    # Lost files are made again with the same bytes, in another number of jobs at a time.
    before = {path: path.read_bytes() for path in seed.rglob("*") if path.is_file()}
    (seed / "tuning/line/rung0_part1.csv").unlink()
    (seed / "models/line.joblib").unlink()
    project.snakemake("--cores", "1")
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.proof
def test_a_thorough_run_with_searches_has_the_same_bytes_on_one_core_and_on_four(tmp_path):
    pytest.importorskip("optuna")
    small = {"table": "table.csv", "target": "answer", "effort": "thorough", "naive": True}
    small["models"] = {
        "logistic_regression": {"tune": {"trials": 7}},
        "hist_gradient_boosting": {"tune": {"method": "bayesian", "trials": 3}},
    }
    shipped = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    made = []
    for cores in (1, 4):
        project = Project(tmp_path / str(cores))
        project.write("table.csv", small_table(rows=320))
        project.write_config(datasets={"small": small}, models=shipped["models"])
        project.run(cores=cores)
        made.append(project.checksums())
    files = ("models/ensemble.joblib", "tuning/logistic_regression/rung0_part1.csv")
    assert {f"results/small/seed42/{file}" for file in files} <= made[0].keys()
    assert made[0] == made[1]
