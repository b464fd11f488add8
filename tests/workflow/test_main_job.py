"""The main job from raw table to leaderboard, run for real."""

import json
import shutil
import subprocess

import pytest
import yaml
from running import ROOT, Project, rows_of, small_table

FIRST_COLUMNS = [
    "dataset",
    "seed",
    "model",
    "accuracy",
    "precision",
    "recall",
    "f1",
    "roc_auc",
    "pr_auc",
]
REAL_TABLES = yaml.safe_load((ROOT / "tests" / "real_tables.yaml").read_text())["datasets"]


@pytest.fixture(scope="module")
def samples(module_project):
    """The shipped config, run once."""
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    module_project.write_config(**config)
    module_project.said = module_project.run("--notemp", cores=4)
    return module_project


def test_all_samples_reach_the_leaderboard(samples):
    rows = rows_of(samples.folder / "results" / "metrics.csv")
    assert list(rows[0])[: len(FIRST_COLUMNS)] == FIRST_COLUMNS
    models = {"dummy", "logistic_regression", "random_forest", "hist_gradient_boosting", "ensemble"}
    datasets = {"customers", "users", "breast_cancer"}
    assert {(row["dataset"], row["model"]) for row in rows} == {
        (dataset, model) for dataset in datasets for model in models
    }
    for dataset in datasets:
        assert dataset in samples.said
    assert "results/metrics.csv" in samples.said


def test_customers_has_the_files_of_its_contract(samples):
    for path in [
        "data/raw/customers.csv",
        "data/processed/features.csv",
        "data/raw/breast_cancer.source.md",
        "data/processed/customers/cleaned_data.csv",
        "data/processed/customers/input_schema.json",
        "data/processed/customers/seed42/train.csv",
        "data/processed/customers/seed42/holdout.csv",
        "data/processed/customers/seed42/augmented_data.csv",
        "results/customers/stats.csv",
        "results/customers/repairs.json",
        "results/customers/metrics.csv",
        "results/customers/plots/age_histogram.png",
        "results/customers/plots/gender_barplot.png",
        "results/customers/plots/correlation_heatmap.png",
        "results/customers/plots/age_income_scatter.png",
        "results/customers/seed42/models/random_forest.joblib",
        "results/customers/seed42/oof/random_forest.csv",
        "results/customers/seed42/models/ensemble.joblib",
        "results/customers/seed42/oof/ensemble.csv",
        "results/customers/seed42/ensemble.csv",
        "results/customers/seed42/holdout_predictions.csv",
    ]:
        assert (samples.folder / path).stat().st_size > 0, path


def test_customers_is_clean_and_split_whole(samples):
    folder = samples.folder / "data" / "processed" / "customers"
    cleaned = rows_of(folder / "cleaned_data.csv")
    assert list(cleaned[0]) == [
        "row_id",
        "age",
        "income",
        "purchase_amount",
        "monthly_visits",
        "satisfaction_score",
        "gender",
        "product_type",
        "purchased",
    ]
    assert {row["gender"] for row in cleaned} == {"0", "1", ""}
    assert {row["product_type"] for row in cleaned} == {"0", "1", "2", ""}
    train = rows_of(folder / "seed42" / "train.csv")
    holdout = rows_of(folder / "seed42" / "holdout.csv")
    ids = [{row["row_id"] for row in part} for part in (cleaned, train, holdout)]
    assert ids[1] | ids[2] == ids[0] and not ids[1] & ids[2]
    assert abs(len(holdout) / len(cleaned) - 0.2) < 0.01
    features = list(cleaned[0])[1:-1]
    seen = {tuple(row[name] for name in features) for row in train}
    assert not seen & {tuple(row[name] for name in features) for row in holdout}
    augmented = rows_of(folder / "seed42" / "augmented_data.csv")
    assert {row["row_id"] for row in augmented} == ids[1]
    repairs = json.loads((samples.folder / "results/customers/repairs.json").read_text())
    assert repairs["columns"]["income"]["numbers_from_text"] > 0


def test_trees_find_the_signal_that_a_line_cannot(samples):
    rows = {row["model"]: row for row in rows_of(samples.folder / "results/customers/metrics.csv")}
    assert float(rows["random_forest"]["roc_auc"]) > float(rows["logistic_regression"]["roc_auc"])
    best = next(row for row in rows.values() if row["selected"] == "true")
    assert float(best["oof_f1"]) == max(float(row["oof_f1"]) for row in rows.values())


def test_second_run_has_nothing_to_do(samples):
    before = {path: path.stat().st_mtime_ns for path in (samples.folder / "results").rglob("*.csv")}
    assert "Nothing to be done" in samples.run()
    assert before == {path: path.stat().st_mtime_ns for path in before}


@pytest.mark.proof
def test_the_same_bytes_from_another_clone_with_one_core_and_cold_processes(samples, tmp_path):
    """Models too; nothing depends on how many jobs run at once, where, or in which process."""
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    clone = tmp_path / "another clone"
    for name in tracked.stdout.splitlines():
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, clone / name)
    run = clone / "workflow/ml_baseline/jobs/run.py"
    text = run.read_text(encoding="utf-8")
    kinds = "WarmProcesses(kinds_asked_for(scripts))"
    assert kinds in text
    run.write_text(text.replace(kinds, "WarmProcesses([])"), encoding="utf-8")
    other = Project(clone, root=clone)
    other.run(cores=1)
    assert samples.checksums() == other.checksums()
    assert any(name.endswith(".joblib") for name in samples.checksums())


@pytest.mark.proof
def test_any_installed_classifier_is_a_model(project):
    """Estimators that the project names nowhere, one of them without probabilities."""
    project.write("table.csv", small_table())
    project.write_config(
        datasets={"small": {"table": "table.csv", "target": "answer"}},
        models={
            "neighbours": {"estimator": "sklearn.neighbors.KNeighborsClassifier"},
            "margin": {"estimator": "sklearn.svm.LinearSVC", "params": {"C": 0.5}},
            "extra_trees": {
                "estimator": "sklearn.ensemble.ExtraTreesClassifier",
                "params": {"n_estimators": 20},
                "preprocessing": "tree",
            },
            "bagged": {
                "estimator": "sklearn.ensemble.BaggingClassifier",
                "params": {"estimator": {"estimator": "sklearn.naive_bayes.GaussianNB"}},
            },
        },
        baseline="neighbours",
        select_by="roc_auc",
    )
    project.run()
    rows = {row["model"]: row for row in rows_of(project.folder / "results/small/metrics.csv")}
    assert set(rows) == {"neighbours", "margin", "extra_trees", "bagged", "ensemble"}
    for row in rows.values():
        assert 0.6 < float(row["oof_roc_auc"]) < 1


@pytest.mark.proof
def test_parquet_gives_the_same_numbers_as_csv(project):
    project.write("table.csv", small_table())
    datasets = {"small": {"table": "table.csv", "target": "answer", "plots": []}}
    results = []
    for table_format in ("csv", "parquet"):
        project.write_config(datasets=datasets, table_format=table_format)
        project.run("results/metrics.csv")
        results.append((project.folder / "results/metrics.csv").read_bytes())
    assert (project.folder / "data/processed/small/cleaned_data.parquet").exists()
    assert results[0] == results[1]


@pytest.mark.proof
def test_several_seeds_and_settings_of_one_table(project):
    project.write("table.csv", small_table())
    project.write_config(
        datasets={
            "one": {"table": "table.csv", "target": "answer", "plots": []},
            "other": {
                "table": "table.csv",
                "target": "answer",
                "plots": ["size_histogram"],
                "seeds": [5],
                "split": {"test_size": 0.5},
                "augment": {"method": "jitter"},
                "models": {"dummy": None},
                "baseline": "logistic_regression",
            },
        },
        seeds=[1, 2],
    )
    project.run("--config", "threshold=0.4")
    rows = rows_of(project.folder / "results/metrics.csv")
    assert [(row["dataset"], row["seed"], row["model"]) for row in rows] == [
        ("one", "1", "dummy"),
        ("one", "1", "logistic_regression"),
        ("one", "2", "dummy"),
        ("one", "2", "logistic_regression"),
        ("other", "5", "logistic_regression"),
    ]
    assert {row["threshold"] for row in rows} == {"0.4"}
    processed = project.folder / "data/processed"
    assert abs(len(rows_of(processed / "other/seed5/holdout.csv")) - 60) <= 1
    assert abs(len(rows_of(processed / "other/seed5/augmented_data.csv")) - 120) <= 2
    assert len(rows_of(processed / "one/seed1/holdout.csv")) == 24
    assert len(rows_of(processed / "one/seed1/augmented_data.csv")) == 96
    assert [path.name for path in (project.folder / "results/other/plots").iterdir()] == [
        "size_histogram.png"
    ]


@pytest.mark.proof
def test_real_tables_untouched(project):
    """Every table of the shared folder, raw, with three lines of config each, in one run."""
    missing = [
        entry["table"] for entry in REAL_TABLES.values() if not (ROOT / entry["table"]).exists()
    ]
    if missing:
        pytest.skip(f"these tables are not part of the project: {', '.join(missing)}")
    datasets = {
        name: entry | {"table": str((ROOT / entry["table"]).resolve())}
        for name, entry in REAL_TABLES.items()
    }
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    project.write_config(**config | {"datasets": config["datasets"] | datasets})
    project.run(cores=4)
    best = {
        row["dataset"]: float(row["roc_auc"])
        for name in datasets
        for row in rows_of(project.folder / f"results/{name}/metrics.csv")
        if row["selected"] == "true"
    }
    # Published baselines of these tables lie around 0.78, 0.84 and 0.92; far below, something in
    # the cleaning is broken; far above, something leaks.
    expected = {"german_credit": (0.70, 0.87), "telco_churn": (0.81, 0.88), "adult": (0.91, 0.94)}
    for name, (low, high) in expected.items():
        assert low < best[name] < high, best


@pytest.mark.proof
def test_what_the_jobs_cost_is_kept_and_drawn(samples):
    samples.run("benchmarks")
    rows = rows_of(samples.folder / "results/benchmarks/costs.csv")
    forest = next(
        row for row in rows if (row["job"], row["dataset"]) == ("train_random_forest", "customers")
    )
    assert float(forest["cpu_seconds"]) > 0.1
    assert 50 < float(forest["peak_memory_mib"]) < 2_000
    assert (forest["rows"], forest["seed"]) == ("1000", "42")
    assert {"clean", "split", "gather", "report"} <= {row["job"] for row in rows}
    assert (samples.folder / "results/benchmarks/costs.png").stat().st_size > 10_000
    assert "Nothing to be done" in samples.run()
