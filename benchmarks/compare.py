"""Ranks of the tools, differences to this project's default with intervals, and costs."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

LIMIT = 1e-6  # a probability of exactly 0 or 1 costs a finite sum, the same for all
REFERENCE = "ml_baseline_standard"
RESAMPLES = 1000
COLUMNS = [
    *(
        "tool",
        "rank by log loss",
        "rank by ROC-AUC",
        "log loss",
        "ROC-AUC",
        "ROC-AUC behind the best",
    ),
    *("log loss minus ours (95 %)", "CPU s", "peak MB", "installed MB", "failed"),
]


def row_losses(predictions: pd.DataFrame) -> np.ndarray:
    """Return the log loss of each row."""
    probability = predictions["probability"].clip(LIMIT, 1 - LIMIT)
    return -np.log(np.where(predictions["target"] == 1, probability, 1 - probability))


rows, losses = [], {}
for path in map(Path, snakemake.input.predictions):
    table, seed = path.parts[-3:-1]
    cost, predictions = json.loads(path.with_suffix(".json").read_text()), pd.read_csv(path)
    row = {"table": table, "seed": seed, "tool": path.stem} | cost
    if len(predictions):
        target, probability = predictions["target"], predictions["probability"]
        losses[table, seed, path.stem] = row_losses(predictions)
        row["log_loss"] = log_loss(target, probability.clip(LIMIT, 1 - LIMIT))
        row["roc_auc"] = roc_auc_score(target, probability)
    rows.append(row)
scores = pd.DataFrame(rows).drop(columns="reason")
scores.to_csv(snakemake.output.scores, index=False)

# Within each table, of the means over its seeds; who failed on one of them comes last.
means = scores.groupby(["table", "tool"], sort=False)[["log_loss", "roc_auc"]].mean(skipna=False)
log_losses, areas = (means[name].unstack("tool", sort=False) for name in ("log_loss", "roc_auc"))
ours = [name for name, tool in snakemake.params.tools.items() if tool["run"] == "ml_baseline"]


def ranks(losses: pd.DataFrame) -> dict[str, float]:
    """Return each tool's mean rank among the others, of our efforts with itself or our default alone."""
    found = {}
    for tool in losses:
        counted = tool if tool in ours else REFERENCE
        field = losses.drop(columns=[name for name in ours if name != counted])
        found[tool] = field.rank(axis=1, na_option="bottom")[tool].mean()
    return found


tools = pd.DataFrame({"rank_log_loss": ranks(log_losses), "rank_roc_auc": ranks(-areas)})
tools = tools.assign(log_loss=log_losses.mean(), roc_auc=areas.mean())
tools["behind"] = areas.rsub(areas.max(axis=1), axis=0).mean()
tools = tools.join(scores.groupby("tool")[["cpu_seconds", "megabytes"]].mean())
tools["failed"] = scores["log_loss"].isna().groupby(scores["tool"]).sum()


def difference(tool: str) -> str:
    """Return the mean difference in log loss, paired by row, with a percentile bootstrap interval."""
    random, drawn = np.random.default_rng(0), []
    for (table, seed, name), loss in losses.items():
        ours = losses.get((table, seed, REFERENCE))
        if name == tool and ours is not None:
            gain = loss - ours
            picked = random.integers(len(gain), size=(RESAMPLES, len(gain)))
            drawn.append(np.append(gain[picked].mean(axis=1), gain.mean()))
    if not drawn:
        return ""
    mean = np.mean(drawn, axis=0)
    low, high = np.quantile(mean[:-1], [0.025, 0.975])
    return f"{mean[-1]:+.4f} ({low:+.4f} to {high:+.4f})"


def markdown(columns: list[str], rows: list[list[str]]) -> str:
    """Return a table of Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


lines = []
for tool, row in tools.sort_values("rank_log_loss").iterrows():
    environment = snakemake.params.tools[tool]["environment"]
    size = json.loads(Path(f"work/environments/{environment}/size.json").read_text())
    lines.append(
        [
            tool,
            *(f"{row[name]:.1f}" for name in ("rank_log_loss", "rank_roc_auc")),
            *(f"{row[name]:.4f}" for name in ("log_loss", "roc_auc", "behind")),
            "" if tool == REFERENCE else difference(tool),
            *(f"{row[name]:.0f}" for name in ("cpu_seconds", "megabytes")),
            str(size["megabytes"]),
            f"{row['failed']:.0f}",
        ]
    )
page = markdown(COLUMNS, lines)
for title, each in ("Log loss", log_losses), ("ROC-AUC", areas):
    best = each.eq(each.min(axis=1) if each is log_losses else each.max(axis=1), axis=0)
    cells = each.map("{:.4f}".format).mask(best, "**" + each.map("{:.4f}".format) + "**")
    cells = cells.where(each.notna(), "failed")
    page += f"\n{title} of each table, the best in bold:\n\n"
    page += markdown(["table", *cells], [[table, *row] for table, *row in cells.itertuples()])
Path(snakemake.output.page).write_text(page)
