"""The evidence: the models side by side, what copies make of it, where they err, what drives them."""

import itertools
import json
from typing import Any

from ml_baseline.report import charts, figures
from ml_baseline.report.answer import chosen_threshold
from ml_baseline.report.sources import Sources, by_name
from ml_baseline.report.standing import Row, Standing
from ml_baseline.report.words import Score, fixed, number, percent, score_in, score_of
from ml_baseline.scoring.metrics import METRICS
from ml_baseline.text import count, joined, shortened

DRAWN_IMPORTANCES = 20
CURVES = ("roc", "precision_recall", "calibration", "score_distribution", "thresholds")


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

    def line(row: Row, score: Score) -> dict[str, Any]:
        best = row is found.best
        track = charts.track(score, domain, mark, "s0" if best else "s-other")
        return {"model": row["model"], "best": best, "score": score, "track": track}

    return {
        "metric": METRICS[metric],
        "digits": of_best.digits if of_best else None,
        "lines": [line(row, score) for row, score in scores],
        "ruler": charts.ruler(domain),
        "baseline": base["model"] if base else None,
    }


def naive_view(sources: Sources, found: Standing) -> dict[str, Any] | None:
    """Return what the naive protocol would have claimed beside the honest scores."""
    pairs = []
    for row in sources.tables["naive"]:
        score, claim = score_in(row, "honest", "honest_low", "honest_high"), number(row["naive"])
        if row["metric"] == found.metric and score and claim is not None:
            pairs.append((row["model"], score, claim))
    if not pairs:
        return None
    claims = [Score(claim, claim, claim) for _, _, claim in pairs]
    domain = charts.domain_of(found.metric, [score for _, score, _ in pairs] + claims, None)
    lines = [
        {
            "model": model,
            "honest": score.text(digits=max(2, score.digits)),
            "naive": fixed(claim, max(2, score.digits)),
            "leak": fixed(claim - score.value, max(2, score.digits), sign=True),
            "inside": score.low <= claim <= score.high,
            "track": charts.track(score, domain, [(claim, charts.DIAMOND)]),
        }
        for model, score, claim in pairs
    ]
    sign = 1 if METRICS[found.metric].higher_is_better else -1
    worst = max(range(len(pairs)), key=lambda i: sign * (pairs[i][2] - pairs[i][1].value))
    return {"lines": lines, "worst": lines[worst], "ruler": charts.ruler(domain)}


def shown_models(ranked: list[Row], best: Row) -> list[str]:
    """Return the models whose curves are drawn: the best, then by rank, and the baseline last."""
    others = [row["model"] for row in ranked if row["model"] != best["model"]]
    baseline = best["baseline"]
    if len(others) >= charts.SERIES and baseline in others:
        others = [m for m in others if m != baseline][: charts.SERIES - 2] + [baseline]
    return [best["model"], *others[: charts.SERIES - 1]]


def curves_view(sources: Sources, found: Standing, seed: int) -> dict[str, Any] | None:
    """Return the figures of how predictions go wrong on the holdout of the split by `seed`."""
    tables = {name: by_name(sources.tables[name], "model") for name in CURVES}
    if found.best is None or found.best["model"] not in tables["thresholds"]:
        return None
    best = found.best["model"]
    models = shown_models(found.fitted, found.best)
    positive = shortened(sources.classes[1], 24)  # beside an axis
    chosen = chosen_threshold(found, sources.tables["thresholds"]) or tables["thresholds"][best][0]
    ones = int(chosen["true_positives"] + chosen["false_negatives"])
    zeros = int(chosen["false_positives"] + chosen["true_negatives"])
    rows = ones + zeros
    prevalence, threshold = ones / rows, chosen["threshold"]
    roc = [tables["roc"][model] for model in models if model in tables["roc"]]
    recall = [tables["precision_recall"][m] for m in models if m in tables["precision_recall"]]
    found_at_tenth = percent(at_false_positive_rate(roc[0], 0.1), ones)
    steps = recall[0]
    at_half = next((step for step in steps if step["recall"] >= 0.5), steps[-1])
    half = percent(at_half["precision"], rows)
    bins = tables["calibration"][best]
    off = [b for b in bins if not b["observed_low"] <= b["mean_probability"] <= b["observed_high"]]
    names = joined(models, charts.SERIES)
    splits = sources.tables["seed_metrics"]
    return {
        "best": best,
        "seed": seed,
        "rows": rows,
        "ones": ones,
        "zeros": zeros,
        "prevalence": prevalence,
        "models": models,
        # What there is to see is said in each figure's caption.
        "roc": figures.roc_chart(roc, f"ROC curves of {names}"),
        "found_at_tenth": found_at_tenth,
        "precision_recall": figures.precision_recall_chart(
            recall, prevalence, f"Precision-recall curves of {names}"
        ),
        "precision_at_half": half,
        "calibration": figures.calibration_chart(bins, positive, f"Calibration curve of {best}"),
        "bins": len(bins),
        "bins_off": len(off),
        "scores": figures.score_chart(
            tables["score_distribution"][best],
            threshold,
            f"Histogram of the probabilities that {best} predicts for both classes",
        ),
        "chosen": chosen,
        "of_split": [r for r in splits if r["model"] == best and int(r["seed"]) == seed],
        "thresholds": tables["thresholds"][best],
        "threshold_chart": figures.threshold_chart(
            tables["thresholds"][best],
            threshold,
            f"Precision, recall and F1 of {best} by threshold",
        ),
    }


def at_false_positive_rate(points: list[dict], rate: float) -> float:
    """Return the height of a ROC curve, a straight line between its points, at `rate`."""
    for before, after in itertools.pairwise(points):
        x0, x1 = before["false_positive_rate"], after["false_positive_rate"]
        if x0 <= rate < x1:
            y0, y1 = before["true_positive_rate"], after["true_positive_rate"]
            return y0 + (rate - x0) / (x1 - x0) * (y1 - y0)
    return points[-1]["true_positive_rate"]


def drivers_view(sources: Sources, found: Standing) -> dict[str, Any] | None:
    """Return what the best model's predictions hang on."""
    table = sources.tables["importance"]
    if not table or found.best is None:
        return None
    rows: list[dict[str, Any]] = []
    for row in table:
        score = Score(row["importance"], row["low"], row["high"])
        # The least important columns have the shortest intervals, which nobody reads to the last digit.
        digits = min(score.digits, rows[0]["score"].digits + 1 if rows else score.digits)
        texts = {"text": score.text(digits=digits), "limits": score.limits(digits=digits)}
        rows.append({"feature": row["feature"], "score": score} | texts)
    # Columns that can be shuffled without any change in the score are counted and not drawn.
    used = [row for row in rows if any(row["score"])]
    drawn = used[:DRAWN_IMPORTANCES]
    domain = charts.padded([*(end for row in drawn for end in row["score"][1:]), 0.0])
    zero = charts.rule_at(0, "zero")
    features = [entry for entry in sources.schema["columns"] if entry["role"] == "feature"]
    for row in drawn:
        css = "s0" if row["score"].low > 0 else "s-other"
        row["track"] = charts.track(row["score"], domain, zero, css)
    return {
        "metric": METRICS[table[0]["metric"]].title,
        "model": found.best["model"],
        "first": table[0],
        "rows": rows,
        "features": len(features),
        "parts": [entry["name"] for entry in features if "part" in entry],
        "drawn": drawn,
        "unused": len(rows) - len(used),
        "together": together(table[:DRAWN_IMPORTANCES]),
        "ruler": charts.ruler(domain),
        "sure": sum(row["score"].low > 0 for row in rows),
        "dependence": dependence_view(sources),
    }


def together(importance: list[dict]) -> list[dict]:
    """Return the features that others go with, none of them told twice."""
    told: set[str] = set()
    groups = []
    for row in importance:
        others = [name for name in json.loads(row["correlated_with"] or "[]") if name not in told]
        if others and row["feature"] not in told:
            groups.append({"feature": row["feature"], "others": others})
            told |= {row["feature"], *others}
    return groups


def dependence_view(sources: Sources) -> list[dict[str, Any]]:
    """Return the partial dependence of each feature that was varied, on one scale."""
    table = sources.tables["partial_dependence"]
    low, high = charts.padded(end for row in table for end in (row["low"], row["high"]))
    y = (max(low, 0.0), min(high, 1.0))
    dependence = []
    for feature, rows in by_name(table, "feature").items():
        if len({row["probability"] for row in rows}) == 1:
            continue  # nothing to be seen: the mean prediction does not move
        points = [
            row | {"value": number(row["value"]) if row["kind"] == "numeric" else None}
            for row in rows
        ]
        first, last = points[0], points[-1]
        label = (
            f"Mean prediction by {feature}: from {first['probability']:.2f} at {first['label']} to "
            f"{last['probability']:.2f} at {last['label']}, {count(first['rows'])} rows."
        )
        chart = figures.dependence_chart(points, y, label)
        dependence.append({"feature": feature, "chart": chart, "rows": first["rows"]})
    return dependence
