"""The models side by side: a chart for each metric, the leaderboard, and split by split."""

from typing import Any

from ml_baseline.report import charts
from ml_baseline.report.sources import Sources, download_of
from ml_baseline.report.standing import Row, Standing, gain_of, has_failed, is_reliable
from ml_baseline.report.words import fixed, number, score_of
from ml_baseline.scoring.metrics import METRICS


def board(sources: Sources, found: Standing) -> dict[str, Any]:
    """Return the leaderboard: a chart for each metric and the table."""
    fitted = [row for row in sources.leaderboard if not has_failed(row)]
    shown = [found.metric, *(m for m in METRICS if m != found.metric)] if fitted else []
    first = found.best or next(iter(fitted), {})
    # Figures of one column end at the same digit, that of the best model.
    digits = {name: score.digits for name in METRICS if (score := score_of(first, name))}
    return {
        "charts": [metric_chart(fitted, metric, found) for metric in shown],
        "rows": [board_row(row, found, digits) for row in sources.leaderboard],
        "digits": digits,
        "out_of_fold": METRICS[found.metric].title,
        "download": download_of(sources.files["leaderboard"], "leaderboard_"),
        "seeds": seed_rows(sources.seeds, found) if found.seeds > 1 else [],
        "rough": [row["model"] for row in fitted if not is_reliable(row)],
    }


def metric_chart(rows: list[Row], metric: str, found: Standing) -> dict[str, Any]:
    """Return all models' intervals of one metric as lines of a chart."""
    scores = [(row, score) for row in rows if (score := score_of(row, metric))]
    base = next((row for row in rows if row["model"] == row["baseline"]), None)
    baseline = number(base[metric]) if base else None
    domain = charts.domain_of(metric, [score for _, score in scores], baseline)
    mark = charts.rule_at(baseline)
    words = METRICS[metric]
    return {
        "title": words.title,
        "explanation": words.explanation,
        "lines": [
            {
                "model": row["model"],
                "best": row is found.best,
                "score": score,
                "track": charts.track(
                    score, domain, mark, "s0" if row is found.best else "s-other"
                ),
            }
            for row, score in scores
        ],
        "ruler": charts.ruler(domain),
        "baseline": base["model"] if base else None,
        "label": f"{words.title} with {found.level_text} intervals. "
        + "; ".join(f"{row['model']} {s.text()} ({s.limits()})" for row, s in scores),
    }


def board_row(row: Row, found: Standing, digits: dict[str, int]) -> dict[str, Any]:
    """Return one model's line of the leaderboard's table."""
    failed = has_failed(row)
    out_of_fold = number(row[f"oof_{found.metric}"])
    return {
        "rank": row["rank"],
        "model": row["model"],
        "best": row is found.best,
        "failed": failed,
        "verdict": f"failed: {row.get('reason', '')}" if failed else row["verdict"],
        "reliable": failed or is_reliable(row),
        "out_of_fold": out_of_fold,
        "out_of_fold_text": ""
        if out_of_fold is None
        else fixed(out_of_fold, digits.get(found.metric, 3)),
        "scores": {name: score_of(row, name) for name in METRICS},
        "gain": None if row["model"] == row.get("baseline") else gain_of(row, found.metric),
    }


def seed_rows(rows: list[Row], found: Standing) -> list[dict[str, Any]]:
    """Return each model's score on each split, for the metric that chooses."""
    by_model: dict[str, list[dict]] = {}
    for row in rows:
        split = {"seed": row["seed"], "score": score_of(row, found.metric)}
        by_model.setdefault(row["model"], []).append(split)
    return [{"model": model, "splits": splits} for model, splits in by_model.items()]
