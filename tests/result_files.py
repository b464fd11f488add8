"""Result files of an invented table, as the workflow would write them, without fitting anything."""

from pathlib import Path

import numpy as np
import pandas as pd
from rule_graph import ROOT

from ml_baseline.data.distributions import distributions
from ml_baseline.data.infer_schema import describe_columns
from ml_baseline.data.stats import describe
from ml_baseline.data.tables import write_table
from ml_baseline.files import write_json
from ml_baseline.report.page import report_page
from ml_baseline.report.sources import read_sources
from ml_baseline.scoring.choosing import out_of_fold_score
from ml_baseline.scoring.curves import curves
from ml_baseline.scoring.evaluate import holdout_metrics
from ml_baseline.scoring.leaderboard import leaderboard

TEMPLATES = ROOT / "workflow" / "report"
ROWS = 400
PASSED = {
    "check": "sealed_holdout",
    "subject": "row_id",
    "value": 0,
    "limit": 1,
    "verdict": "pass",
    "summary": "No holdout row is among the training rows.",
    "explanation": "",
    "fix": "",
}
LEAK = {
    "check": "single_feature",
    "subject": "x0",
    "value": 1.0,
    "limit": 0.99,
    "verdict": "fail",
    "summary": "'x0' alone has a ROC-AUC of 1.000 (limit 0.99).",
    "explanation": "It settles the answer. If it is not known when you predict, forbid it.",
    "fix": "forbidden: x0",
}
WARNING = {
    "check": "row_order",
    "subject": "row_id",
    "value": 0.85,
    "limit": 0.8,
    "verdict": "warn",
    "summary": "The position of a row has a ROC-AUC of 0.850.",
    "explanation": "The file is in some order.",
    "fix": "",
}


def invented_table(names: list[str], labels: list[str], rows: int, target: str):
    """Return a table of numbers, one category if there are labels, and a target; and its schema."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({name: random.normal(size=rows).round(3) for name in names})
    columns = [{"name": n, "role": "feature", "source": n, "kind": "number"} for n in names]
    if labels:
        table["kind"] = random.choice(labels, rows)
        columns.append({"name": "kind", "role": "feature", "source": "kind", "kind": "category"})
    table.loc[::7, names[0]] = np.nan
    table[target] = (random.random(rows) < 0.4).astype(int)
    columns.append({"name": target, "role": "target", "source": target, "kind": "boolean"})
    table.insert(0, "row_id", np.arange(rows))
    return table, columns


def write_results(
    folder: Path,
    dataset: str = "small",
    names: tuple[str, ...] = ("x0", "x1", "x2"),
    labels: tuple[str, ...] = ("red", "green"),
    target: str = "answer",
    positive: str = "yes",
    signals: dict[str, float] | None = None,
    seeds: tuple[int, ...] = (42,),
    audit: tuple[dict, ...] = (PASSED,),
    failed: dict[str, str] | None = None,
    select_by: str = "roc_auc",
    rows: int = ROWS,
) -> dict[str, str | list[str]]:
    """Write all result files of a table and return their paths, as `read_sources` takes them.

    `signals` says of each model how well it tells the classes apart (0: not at all), `failed` why
    other models could not be fitted.
    """
    names, signals = list(names), signals or {"dummy": 0.0, "good": 2.0, "fair": 1.5}
    table, columns = invented_table(names, list(labels), rows, target)
    schema = {
        "dataset": dataset,
        "target": target,
        "positive": [positive],
        "negative": ["no"],
        "missing_values": [],
        "columns": columns,
    }
    schema = describe_columns(schema, table) | {"rows": rows}
    results = folder / "results" / dataset
    data = folder / "data" / "processed" / dataset
    write_table(table, data / "cleaned_data.csv")
    write_json(schema, data / "input_schema.json")
    repairs = {"rows_read": rows, "rows_without_target": 0, "rows_kept": rows, "duplicate_rows": 0}
    repairs |= {
        "table": f"{dataset}.csv",
        "sha256": "0" * 64,
        "format": "text",
        "separator": ",",
        "encoding": "utf-8",
    }
    counts = {names[0]: {"missing": {"NA": 30, "": 28}, "unparsable": 1}}
    counts[names[0]]["unparsable_examples"] = ["<b>12..5</b>"]
    write_json(repairs | {"renamed_columns": {}, "columns": counts}, results / "repairs.json")
    (folder / f"{dataset}.csv").write_text("raw\n")

    predictions = {seed: _predictions(table, target, signals, seed) for seed in seeds}
    metrics = []
    for seed, of_seed in predictions.items():
        of_metrics = holdout_metrics(of_seed, 0.5, 0.95, rows)
        of_metrics.insert(0, "seed", seed)
        of_metrics.insert(0, "dataset", dataset)
        metrics.append(_with_failures(of_metrics, failed))
        write_table(metrics[-1], results / f"seed{seed}" / "metrics.csv")
    fitted = pd.concat(metrics).query("status == 'fitted'")
    oof = []
    for seed in seeds:
        for model, part in _predictions(table, target, signals, seed + 1).groupby("model"):
            score = out_of_fold_score(part.assign(fold=part["row_id"] % 5), select_by, 0.5)
            oof.append({"seed": seed, "model": model, select_by: score})
    settings = {"select_by": select_by, "baseline": "dummy", "threshold": 0.5}
    settings |= {"strategy": "stratified", "level": 0.95, "unit": "distinct row"}
    board = pd.DataFrame(columns=["dataset", "model", "rank", "selected", f"oof_{select_by}"])
    if signals != {"none": 0.0}:
        board = leaderboard(
            fitted,
            pd.DataFrame(oof),
            predictions,
            settings,
            rows,
        )
    board = _with_failures(board, failed).assign(dataset=dataset)
    board["rank"] = range(1, len(board) + 1)
    board["selected"] = board["selected"].eq(True)
    write_table(board, results / "metrics.csv")
    write_table(pd.DataFrame(audit), results / "audit.csv")
    write_table(describe(table, schema), results / "stats.csv")
    write_table(distributions(table, schema), results / "distributions.csv")
    for name, of_curve in curves(predictions[seeds[0]], 0.5, 0.95).items():
        write_table(of_curve, results / "curves" / f"{name}.csv")
    features = [*names, *(["kind"] if labels else [])]
    importance = [
        (f, 0.1 / (i + 1), 0.1 / (i + 1) - 0.03, 0.1 / (i + 1) + 0.03, 10, select_by, 100, "[]")
        for i, f in enumerate(features)
    ]
    head = ("feature", "importance", "low", "high", "repeats", "metric", "rows", "correlated_with")
    write_table(pd.DataFrame(importance, columns=list(head)), results / "importance.csv")
    dependence = [
        (names[0], "numeric", str(v), str(v), 0.3 + v / 20, 0.1, 0.8, 100) for v in range(5)
    ] + [("kind", "categorical", v, v, 0.4 + i / 10, 0.1, 0.8, 100) for i, v in enumerate(labels)]
    head = ("feature", "kind", "value", "label", "probability", "low", "high", "rows")
    write_table(pd.DataFrame(dependence, columns=list(head)), results / "partial_dependence.csv")
    files = {name: str(results / "curves" / f"{name}.csv") for name in _CURVES}
    files |= {name: str(results / f"{name}.csv") for name in _TABLES}
    return files | {
        "schema": str(data / "input_schema.json"),
        "repairs": str(results / "repairs.json"),
        "leaderboard": str(results / "metrics.csv"),
        "seed_metrics": [str(results / f"seed{seed}" / "metrics.csv") for seed in seeds],
        "naive": [],
        "controls": [],
        "plots": [],
    }


_CURVES = ("roc", "precision_recall", "calibration", "score_distribution", "thresholds")
_TABLES = ("audit", "stats", "distributions", "importance", "partial_dependence")


GRAPH = {
    "edges": [["clean", "split"], ["split", "train"], ["train", "report"], ["clean", "report"]],
    "jobs": {"clean": 1, "split": 1, "train": 3},
    "learns": ["train"],
    "sees": [],
}


def page_from(files: dict, dataset: str = "small", first_seed: int = 42) -> str:
    """Return the page of a table from its result files; to be called in the folder they are in."""
    settings = {
        "config": f"datasets:\n  {dataset}: {{}}\n",
        "versions": ["snakemake 9", "pandas 3"],
        "graph": GRAPH,
        "first_seed": first_seed,
        "not_installed": [],
        "budget": "",
        "fit_on": "all",
        "cleaned_table": f"data/processed/{dataset}/cleaned_data.csv",
        "target": f"results/{dataset}/report.html",
    }
    return report_page(read_sources(files), settings, TEMPLATES)


def _predictions(table: pd.DataFrame, target: str, signals: dict, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    held_out = table.sample(frac=0.4, random_state=seed)[["row_id", target]]
    parts = []
    for model, signal in signals.items():
        noise = random.normal(size=len(held_out))
        log_odds = signal * (held_out[target].to_numpy() - 0.5) * 1.5 + noise * bool(signal)
        part = held_out.rename(columns={target: "target"}).assign(model=model)
        part["probability"] = 1 / (1 + np.exp(-log_odds)) if signal else 0.4
        parts.append(part.assign(prediction=(part["probability"] >= 0.5).astype(int)))
    return pd.concat(parts)[["row_id", "model", "target", "probability", "prediction"]]


def _with_failures(table: pd.DataFrame, failed: dict[str, str] | None) -> pd.DataFrame:
    """Return metrics or a leaderboard with a row for each model that could not be fitted."""
    table = table.assign(status="fitted", reason="")
    rows = [
        {"model": m, "status": "failed", "reason": reason} for m, reason in (failed or {}).items()
    ]
    if not rows:
        return table
    return pd.concat([table, pd.DataFrame(rows)], ignore_index=True)
