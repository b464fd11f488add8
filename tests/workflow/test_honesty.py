"""Error bars, audit, naive contrast, controls and the splits, run for real."""

import numpy as np
import pytest
import yaml
from running import ROOT, rows_of, small_table

pytestmark = pytest.mark.proof


def with_column(table: str, name: str, values) -> str:
    lines = table.splitlines()
    cells = [name, *map(str, values)]
    return "\n".join(f"{cell},{line}" for cell, line in zip(cells, lines, strict=True)) + "\n"


@pytest.fixture(scope="module")
def customers(module_project):
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    entry = config["datasets"]["customers"] | {"controls": True, "naive": True, "plots": []}
    module_project.write_config(**config | {"datasets": {"customers": entry}})
    module_project.said = module_project.run()
    return module_project


def test_every_metric_carries_its_interval(customers):
    for row in rows_of(customers.folder / "results/customers/metrics.csv"):
        for name in [
            "accuracy",
            "precision",
            "recall",
            "f1",
            "roc_auc",
            "pr_auc",
            "log_loss",
            "brier",
        ]:
            assert float(row[f"{name}_low"]) <= float(row[name]) <= float(row[f"{name}_high"])
        assert row["verdict"]


def test_the_naive_claim_stands_beside_the_honest_score(customers):
    rows = rows_of(customers.folder / "results/customers/naive.csv")
    forest = next(
        row for row in rows if (row["model"], row["metric"]) == ("random_forest", "roc_auc")
    )
    assert float(forest["naive"]) > float(forest["honest_high"])
    assert float(forest["leak"]) > 0.1
    assert "would have claimed" in customers.said


def test_controls_find_nothing_in_shuffled_labels_and_know_the_truth(customers):
    rows = rows_of(customers.folder / "results/customers/controls.csv")
    negative = [row for row in rows if row["control"] == "negative"]
    assert len(negative) == 5  # four models and the ensemble
    assert all(float(row["low"]) <= 0.5 for row in negative)
    (positive,) = [row for row in rows if row["control"] == "positive"]
    assert 0.6 < float(positive["expected"]) < float(positive["best_possible"]) < 0.86
    assert positive["verdict"] == "pass"
    # The shuffled table is a control, not a result.
    datasets = {row["dataset"] for row in rows_of(customers.folder / "results/metrics.csv")}
    assert datasets == {"customers"}


def test_a_failed_audit_can_stop_a_table(project):
    table = small_table()
    answers = [line.endswith("yes") for line in table.splitlines()[1:]]
    project.write("leaky.csv", with_column(table, "refund", (int(a) * 3 for a in answers)))
    project.write("good.csv", table)
    project.write_config(
        datasets={
            "leaky": {
                "table": "leaky.csv",
                "target": "answer",
                "plots": [],
                "audit": {"on_fail": "stop"},
            },
            "good": {"table": "good.csv", "target": "answer", "plots": []},
        }
    )
    done = project.snakemake()
    assert done.returncode == 1
    findings = rows_of(project.folder / "results/leaky/audit.csv")
    assert {"refund"} <= {row["subject"] for row in findings if row["verdict"] == "fail"}
    assert "forbidden: refund" in " ".join(done.stdout.split())
    assert not (project.folder / "results/leaky/metrics.csv").exists()
    assert (project.folder / "results/good/metrics.csv").exists()
    # What the message asks for is enough.
    project.write_config(
        datasets={
            "leaky": {
                "table": "leaky.csv",
                "target": "answer",
                "forbidden": "refund",
                "plots": [],
                "audit": {"on_fail": "stop"},
            }
        }
    )
    project.run()
    assert (project.folder / "results/leaky/metrics.csv").exists()


def test_groups_stay_whole_and_time_runs_forward(project):
    table = small_table(rows=240)
    shops = np.random.default_rng(1).integers(0, 60, 240)
    project.write("shops.csv", with_column(table, "shop", (f"s{shop}" for shop in shops)))
    days = np.random.default_rng(2).permutation(240)
    dates = np.datetime64("2024-01-01") + days
    project.write("days.csv", with_column(table, "day", dates))
    project.write_config(
        datasets={
            "shops": {
                "table": "shops.csv",
                "target": "answer",
                "group": "shop",
                "split": {"strategy": "group"},
                "plots": [],
            },
            "days": {
                "table": "days.csv",
                "target": "answer",
                "time": "day",
                "split": {"strategy": "time"},
                "plots": [],
            },
        },
        seeds=[3],
        report=False,
        register=False,
    )
    project.run()
    processed = project.folder / "data/processed"
    sides = [
        {row["shop"] for row in rows_of(processed / f"shops/seed3/{side}.csv")}
        for side in ("train", "holdout")
    ]
    assert sides[0]
    assert sides[1]
    assert not sides[0] & sides[1]
    folds = {
        row["row_id"]: row["fold"]
        for row in rows_of(project.folder / "results/shops/seed3/oof/dummy.csv")
    }
    by_shop = {}
    for row in rows_of(processed / "shops/seed3/train.csv"):
        by_shop.setdefault(row["shop"], set()).add(folds[row["row_id"]])
    assert all(len(found) == 1 for found in by_shop.values())
    times = [
        [float(row["day"]) for row in rows_of(processed / f"days/seed3/{side}.csv")]
        for side in ("train", "holdout")
    ]
    assert max(times[0]) < min(times[1])
    # The earliest stretch of training rows is predicted by nobody.
    oof = rows_of(project.folder / "results/days/seed3/oof/dummy.csv")
    assert 0 < len(oof) < len(times[0])
