"""The models side by side: a chart for each metric, and figures that end at the same digit."""

from typing import Any

from ml_baseline.report import charts
from ml_baseline.report.standing import Row, Standing
from ml_baseline.report.words import number, score_of
from ml_baseline.scoring.metrics import METRICS


def board(found: Standing) -> dict[str, Any]:
    """Return what the leaderboard is shown with, the metric that chooses first."""
    shown = [found.metric, *(m for m in METRICS if m != found.metric)] if found.fitted else []
    first = found.best or next(iter(found.fitted), {})
    gain = found.score if found.is_baseline else found.gain
    return {
        "charts": [metric_chart(metric, found) for metric in shown],
        # Figures of one column end at the same digit, that of the best model.
        "digits": {m: score.digits for m in METRICS if (score := score_of(first, m))},
        "gain_digits": gain.digits if gain else 3,
    }


def metric_chart(metric: str, found: Standing) -> dict[str, Any]:
    """Return all models' intervals of one metric as lines of a chart."""
    of_best = score_of(found.best, metric) if found.best else None
    scores = [(row, score) for row in found.fitted if (score := score_of(row, metric))]
    base = next((row for row in found.fitted if row["model"] == row["baseline"]), None)
    baseline = number(base[metric]) if base else None
    domain = charts.domain_of(metric, [score for _, score in scores], baseline)
    mark = charts.rule_at(baseline)

    def line(row: Row, score) -> dict[str, Any]:
        best = row is found.best
        track = charts.track(score, domain, mark, "s0" if best else "s-other")
        return {"model": row["model"], "best": best, "score": score, "track": track}

    return {
        "metric": METRICS[metric],
        "digits": of_best.digits if of_best else None,
        "lines": [line(row, score) for row, score in scores],
        "ruler": charts.ruler(domain),
        "baseline": base["model"] if base else None,
        "label": f"{METRICS[metric].title} with {found.level_text} intervals. "
        + "; ".join(f"{row['model']} {s.text()} ({s.limits()})" for row, s in scores),
    }
