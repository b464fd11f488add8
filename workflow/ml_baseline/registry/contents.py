"""What a published run consists of: its files and the facts in its manifest."""

import hashlib
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from ml_baseline.config.estimator_rules import ENSEMBLE, MADE_OF_OTHERS
from ml_baseline.data.tables import write_table
from ml_baseline.errors import InputError
from ml_baseline.files import json_text
from ml_baseline.registry.runs import GOLDEN, MODEL, SCHEMA
from ml_baseline.registry.runs import METRICS as METRICS_FILE
from ml_baseline.scoring.metrics import METRICS, metric_named
from ml_baseline.text import joined, plural

# What a metric's figures are called in tables.
ENDS = {"value": "", "low": "_low", "high": "_high"}
# What the manifest has of `repairs.json`.
COUNTED = ("sha256", "rows_read", "rows_without_target", "duplicate_rows")
# In the order in which the metrics are shown.
SHOWN_FIRST = ("roc_auc", "pr_auc", "accuracy", "precision", "recall", "f1")


def selected_row(leaderboard: pd.DataFrame) -> pd.Series:
    """Return the leaderboard's row of the chosen model; InputError if none could be fitted."""
    chosen = leaderboard[leaderboard["selected"].astype(str).str.lower() == "true"]
    if chosen.empty:
        raise InputError(
            "the leaderboard has no chosen model, so there is nothing to publish; its logs say why "
            "no model was fitted"
        )
    return chosen.iloc[0]


def _scores(row: pd.Series, settings: dict) -> dict:
    """Return a model's holdout metrics as `manifest.Scores`; `settings` as for `holdout_metrics`."""
    names = [*SHOWN_FIRST, *(name for name in METRICS if name not in SHOWN_FIRST)]
    figures: dict = {
        name: {part: _number(row.get(f"{name}{end}")) for part, end in ENDS.items()}
        | {"reliable": str(row.get(f"{name}_reliable")).lower() == "true"}
        for name in names
    }
    reliable = figures[settings["select_by"]]["reliable"]
    figures |= {"threshold": settings["threshold"], "reliable": reliable}
    return {"name": row["model"], **figures}


def holdout_metrics(
    metrics: pd.DataFrame, leaderboard: pd.DataFrame, settings: dict
) -> tuple[dict, dict]:
    """Return the content of `holdout_metrics.json` and of `baseline_holdout_metrics.json`.

    `metrics` are those of the published model's split, one row a model, the `leaderboard` is that of all
    seeds; `settings` has `baseline`, `threshold`, `level` and `select_by`.
    """
    chosen = selected_row(leaderboard)
    of_model = metrics.set_index("model", drop=False)
    row = of_model.loc[chosen["model"]]
    about = {
        "dataset": row["dataset"],
        "seed": int(row["seed"]),
        "rows": int(row["rows"]),
        "prevalence": _number(row["prevalence"]),
        "level": settings["level"],
    }
    baseline = {"baseline": _scores(of_model.loc[settings["baseline"]], settings)}
    against = {
        name: _number(chosen[f"baseline_{name}"])
        for name in ("difference", "low", "high", "p_adjusted")
    }
    against_baseline = {
        "metric": settings["select_by"],
        **against,
        "seeds": int(chosen["seeds"]),
        "verdict": "" if pd.isna(chosen["verdict"]) else chosen["verdict"],
    }
    model = {"model": _scores(row, settings)}
    return about | model | baseline | {"against_baseline": against_baseline}, about | baseline


def selection(leaderboard: pd.DataFrame, select_by: str) -> dict:
    """Return how the model was chosen: by which score, out of which models, and in words."""
    chosen = selected_row(leaderboard)
    scores = {row["model"]: _number(row[f"oof_{select_by}"]) for _, row in leaderboard.iterrows()}
    name, own = chosen["model"], chosen[f"oof_{select_by}"]
    is_more = metric_named(select_by).higher_is_better
    fitted = [model for model, score in scores.items() if score is not None]
    tied = [n for n in fitted if scores[n] == own and n != name]
    better = [n for n in fitted if (scores[n] > own if is_more else scores[n] < own)]
    failed = [model for model in scores if model not in fitted]
    left_out = f" ({joined(failed)} could not be fitted)" if failed else ""
    shared = f", like {joined(tied)} below it on the leaderboard," if tied else ""
    tried = f"of the {plural(len(fitted), 'model')} tried{left_out}"
    best = "highest" if is_more else "lowest"
    why = f"It has the {best} out-of-fold {select_by} ({own:.4f}){shared} {tried}"
    if better and name == ENSEMBLE and select_by == "log_loss":
        why = (
            f"It is made of the others, and none {tried} is shown to have a lower out-of-fold "
            f"{select_by} ({own:.4f})"
        )
    elif better:  # which `leaderboard` chooses only where there is no other
        why += f", leaving out {joined(better)}, whose answers change from one time to the next"
    return {
        "select_by": select_by,
        "out_of_fold": scores,
        "why": f"{why}, on training rows alone. The holdout chose nothing.",
    }


def run_files(
    model_file: bytes,
    golden: dict,
    schema: dict,
    predictions: pd.DataFrame,
    metrics: tuple[dict, dict],
    packages: str,
) -> dict[str, bytes]:
    """Return the files of a run by name, all but its manifest and its card."""
    return {
        MODEL: model_file,
        SCHEMA: json_text(schema).encode(),
        GOLDEN: json_text(golden).encode(),
        METRICS_FILE: json_text(metrics[0]).encode(),
        "metrics/baseline_holdout_metrics.json": json_text(metrics[1]).encode(),
        "tables/holdout_predictions.csv": _table(predictions, "csv"),
        "tables/holdout_predictions.parquet": _table(predictions, "parquet"),
        "env/pip_freeze.txt": packages.encode(),
    }


def facts(
    settings: dict,
    schema: dict,
    leaderboard: pd.DataFrame,
    metrics: dict,
    predictions: pd.DataFrame,
    audit: pd.DataFrame,
    repairs: dict,
    golden: dict,
    fit: dict,
    members: Mapping[str, float] = MappingProxyType({}),
) -> dict:
    """Return what the manifest says of a run, but for where and when it was made.

    Args:
        settings: `config` (the table's settings), `metrics` (see `holdout_metrics`), `seeds`.
        metrics: the content of `holdout_metrics.json`.
        predictions, golden: from `model_predictions` and `golden.make_golden`.
        repairs: what cleaning counted, and the SHA-256 of the raw table's file.
        fit: a `manifest.Fit`.
        members: the weights of the published model's members, if it is made of others.
    """
    name, config = metrics["model"]["name"], settings["config"]
    recipes = {model: {"name": model} | entry for model, entry in config["models"].items()}
    if members:
        parts = [{"weight": weight} | recipes[member] for member, weight in members.items()]
        recipes[name] = {"name": name, "estimator": MADE_OF_OTHERS[name], "members": parts}
    holdout_rows = len(predictions)
    held_out = f"{repairs['sha256']}\n{','.join(map(str, sorted(predictions['row_id'])))}"
    findings = audit.drop(columns=["value", "limit"]).astype({"subject": "str"}).fillna("")
    return {
        "task": "classification",
        "dataset": schema["dataset"],
        "target": schema["target"],
        "seed": metrics["seed"],
        "seeds": settings["seeds"],
        "threshold": settings["metrics"]["threshold"],
        "model": recipes[name],
        "fit": fit,
        "baseline": settings["metrics"]["baseline"],
        "selection": selection(leaderboard, settings["metrics"]["select_by"]),
        "data": {"table": config["table"]} | {key: repairs[key] for key in COUNTED},
        "split": {
            **config["split"],
            "rows": schema["rows"],
            "train_rows": schema["rows"] - holdout_rows,
            "holdout_rows": holdout_rows,
            "holdout_positive": float(predictions["target"].mean()),
        },
        "holdout_rows_hash": hashlib.sha256(held_out.encode()).hexdigest(),
        "golden": {
            "rows": len(golden["row_id"]),
            "difference_from_holdout": golden["difference_from_holdout"],
        },
        "audit": [row for row in findings.to_dict("records") if row["verdict"] != "pass"],
        "audit_checks": int(audit["check"].nunique()),
        "config": config,
    }


def model_predictions(
    predictions: pd.DataFrame, holdout: pd.DataFrame, model: str, ids: list[str]
) -> pd.DataFrame:
    """Return one model's holdout predictions with the rows' ids behind `row_id`."""
    figures = ["target", "probability", "prediction"]
    own = predictions.loc[predictions["model"] == model, ["row_id", *figures]]
    taken = [name for name in ids if name not in figures]
    named = own.merge(holdout[["row_id", *taken]], on="row_id", how="left", validate="1:1")
    return named[["row_id", *taken, *figures]]


def _number(value: Any) -> float | None:
    """Return a figure of a table, None for one that is not there."""
    return None if pd.isna(value) or not math.isfinite(value) else float(value)


def _table(table: pd.DataFrame, suffix: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"table.{suffix}")
        write_table(table, path)
        return path.read_bytes()
