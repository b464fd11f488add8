"""The page of one table: what its template is filled with."""

import base64
import csv
import hashlib
import io
import itertools
import json
import os
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ml_baseline.files import content_hash
from ml_baseline.report import answer, charts, words
from ml_baseline.report.answer import Standing, has_failed
from ml_baseline.report.graph import rule_graph
from ml_baseline.report.sources import Sources, download, download_of, size_text
from ml_baseline.report.words import Score, count, number, percent, score_of, true
from ml_baseline.scoring.metrics import METRICS

# What a page draws of many columns; the rest is in its tables and files.
DRAWN_IMPORTANCES = 20
DRAWN_COLUMNS = 12
DRAWN_COLUMNS_AT_MOST = 60
DRAWN_MISSING = 20
# Plots are put into the page until they fill this.
PLOT_BYTES = 1_500_000

VERDICT_ORDER = ("fail", "warn", "pass")
KIND_WORDS = {
    "number": "number",
    "integer": "whole number",
    "boolean": "yes or no",
    "category": "category",
    "code": "code of a label",
}
ROLE_WORDS = {
    "feature": "learned from",
    "target": "the target",
    "id": "carried along as an id",
    "group": "holds rows together in the split",
    "time": "orders the rows",
    "drop": "left out",
    "forbidden": "kept from the models",
}
REPAIR_WORDS = {
    "stripped": "blanks taken off",
    "missing": "read as missing",
    "missing_numbers": "numbers that stand for missing",
    "unparsable": "not readable, so missing",
    "numbers_from_text": "numbers read from text",
    "booleans_from_text": "yes or no read from text",
    "dates_from_text": "dates read from text",
    "encoded": "labels turned into codes",
    "respelled": "spelt alike",
    "labels_mapped": "labels of the target turned into 0 and 1",
}
CHECK_WORDS = {
    "sealed_holdout": "Holdout rows in training",
    "class_sizes": "Rows of each class",
    "exact_duplicates": "Exact copies across the split",
    "near_duplicates": "Near copies across the split",
    "interpolated_rows": "Rows made from other rows",
    "shared_entities": "Entities on both sides",
    "prepared_before_split": "Preparation before the split",
    "model_score": "Score too good to be true",
    "single_feature": "One column alone",
    "missing_values": "What is missing",
    "feature_pair": "Two columns together",
    "row_order": "Order of the rows",
    "ids": "What ids tell",
    "time_order": "Order in time",
    "train_holdout_shift": "Holdout unlike training rows",
}


def template_environment(folder: Path) -> Environment:
    """Return what fills the templates of a folder; everything is escaped unless it is markup."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {
        "prose": words.prose,
        "count": count,
        "percent": percent,
        "shortened": words.shortened,
        "significant": words.significant,
    }
    return environment


def filled(folder: Path, template: str, content: dict) -> str:
    """Return a page: a template filled with `content`, style and script written into it.

    The page's policy lets nothing be fetched and no script run but its own, by its hash.
    """
    script = (folder / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        template_environment(folder)
        .get_template(template)
        .render(
            style=Markup((folder / "style.css").read_text(encoding="utf-8")),
            script=Markup(script),
            script_hash=digest,
            **content,
        )
    )


def report_page(sources: Sources, settings: dict, folder: Path) -> str:
    """Return the page of one table as HTML.

    Args:
        sources: the table's result files.
        settings: `config` (the whole config of this table, as YAML), `versions` (a list of
            packages with their versions), `absent` (rules this table has no use for),
            `cleaned_table` (a path, for its hash) and `target` (the path of the report).
        folder: where the templates are.
    """
    found = answer.standing(sources.leaderboard, sources.audit, sources.controls)
    names = class_names(sources.schema)
    content = {
        "dataset": sources.schema["dataset"],
        "target": sources.schema["target"],
        "classes": {"negative": names[0], "positive": names[1]},
        "rows": sources.repairs["rows_kept"],
        "features": sum(c["role"] == "feature" for c in sources.schema["columns"]),
        "found": found,
        "metrics": METRICS,
        "status_words": answer.verdict_words(found),
        "sentences": answer.sentences(found, sources.audit),
        "steps": answer.next_steps(found, sources),
        "headline": headline(found),
        "naive_claim": answer.naive_claim(sources.naive, found.metric),
        "board": board(sources, found),
        "audit": audit_view(sources.audit),
        "naive": naive_view(sources.naive, found),
        "controls": controls_view(sources.controls),
        "curves": curves_view(sources, found, names),
        "drivers": drivers_view(sources, found),
        "data": data_view(sources, names),
        "made": made_view(sources, settings, found),
    }
    content["sections"] = sections(content)
    return filled(folder, "report.html.j2", content)


def class_names(schema: dict) -> tuple[str, str]:
    """Return what the negatives and the positives of a table are called."""
    target = schema["target"]
    negative, positive = (
        words.listed(schema[name], limit=2).replace(" and ", " or ")
        for name in ("negative", "positive")
    )
    return f"{target} = {negative}", f"{target} = {positive}"


def sections(content: dict) -> list[dict]:
    """Return the contents: id and title of each section that the page has, with what is in it."""
    curves = [("roc", "ROC"), ("precision-recall", "Precision and recall")]
    curves += [("calibration", "Calibration"), ("scores", "Scores of both classes")]
    curves += [("confusion", "Right and wrong"), ("thresholds", "Other thresholds")]
    drivers = [("importance", "Importance")]
    if content["drivers"] and content["drivers"]["dependence"]:
        drivers.append(("dependence", "Partial dependence"))
    data = [("columns", "Columns"), ("missing", "Missing values"), ("repairs", "Repairs")]
    data += [("distributions", "Distributions")] * bool(content["data"]["distributions"])
    data += [("plots", "Plots")] * bool(content["data"]["plots"])
    made = [("rules", "Rules"), ("config", "Config"), ("versions", "Versions and hashes")]
    every = [
        ("answer", "The answer", True, []),
        ("models", "The models side by side", True, []),
        ("audit", "The audit", True, []),
        ("naive", "Honest against naive", content["naive"], []),
        ("controls", "Controls", content["controls"], []),
        ("curves", "How it errs", content["curves"], curves),
        ("drivers", "What drives it", content["drivers"], drivers),
        ("data", "The data", True, data),
        ("made", "How it was made", True, made),
    ]
    return [
        {"id": name, "title": title, "parts": [{"id": i, "title": t} for i, t in parts]}
        for name, title, wanted, parts in every
        if wanted
    ]


def headline(found: Standing) -> dict | None:
    """Return the best model's score as the first thing to see, beside the baseline's."""
    if found.best is None or found.score is None:
        return None
    baseline = None
    if found.gain is not None and found.best["model"] != found.best["baseline"]:
        sign = 1 if METRICS[found.metric].higher_is_better else -1
        baseline = found.score.value - sign * found.gain.value
    domain = domain_of(found.metric, [found.score], baseline)
    mark = charts.rule_at(baseline) if baseline is not None else None
    return {
        "track": charts.track(found.score, domain, mark),
        "ruler": charts.ruler(domain),
        "baseline": None if baseline is None else words.fixed(baseline, found.score.digits),
        "name": found.best["baseline"],
        "label": (
            f"{found.best['model']}: {found.title} {found.score.text()}, {found.level_text} "
            f"interval {found.score.limits()}"
            + ("" if baseline is None else f"; baseline {baseline:.{found.score.digits}f}")
        ),
    }


def domain_of(metric: str, scores: Iterable[Score], baseline: float | None) -> tuple[float, float]:
    """Return the range to show scores over: round, and within what the metric can be."""
    values = [end for score in scores for end in (score.low, score.high)]
    values += [] if baseline is None else [baseline]
    low, high = charts.padded(values)
    step = charts.nice_step(high - low, 5)
    low, high = (low // step) * step, -((-high) // step) * step
    low = max(low, 0.0)
    return low, high if metric == "log_loss" else min(high, 1.0)


def board(sources: Sources, found: Standing) -> dict:
    """Return the leaderboard: a chart for each metric and the table."""
    fitted = [row for row in sources.leaderboard if not has_failed(row)]
    shown = [found.metric, *(m for m in METRICS if m != found.metric)] if fitted else []
    table = [board_row(row, found) for row in sources.leaderboard]
    return {
        "charts": [metric_chart(fitted, metric, found) for metric in shown],
        "rows": table,
        "out_of_fold": METRICS[found.metric].title,
        "download": download_of(sources.files["leaderboard"], "leaderboard_"),
        "several": found.seeds > 1,
        "seeds": seed_rows(sources.seeds, found) if found.seeds > 1 else [],
        "rough": [r["model"] for r in fitted if not true(r.get("reliable", "true"))],
        "failed": [{"model": r["model"], "reason": r.get("reason", "")} for r in found.failed],
    }


def metric_chart(rows: list[dict], metric: str, found: Standing) -> dict:
    """Return all models' intervals of one metric as lines of a chart."""
    scores = [score_of(row, metric) for row in rows]
    base = next((row for row in rows if row["model"] == row["baseline"]), None)
    baseline = number(base[metric]) if base else None
    domain = domain_of(metric, [score for score in scores if score], baseline)
    mark = charts.rule_at(baseline) if baseline is not None else None
    lines = [
        {
            "model": row["model"],
            "best": row is found.best,
            "text": score.text(),
            "limits": score.limits(),
            "track": charts.track(score, domain, mark, "s0" if row is found.best else "s-other"),
        }
        for row, score in zip(rows, scores, strict=True)
        if score
    ]
    title = METRICS[metric].title
    return {
        "metric": metric,
        "title": title,
        "explanation": METRICS[metric].explanation,
        "lines": lines,
        "ruler": charts.ruler(domain),
        "baseline": base["model"] if base else None,
        "label": f"{title} with {found.level_text} intervals. "
        + "; ".join(f"{line['model']} {line['text']} ({line['limits']})" for line in lines),
    }


def board_row(row: dict, found: Standing) -> dict:
    """Return one model's line of the leaderboard's table."""
    failed = has_failed(row)
    out_of_fold = number(row[f"oof_{found.metric}"])
    own = score_of(row, found.metric)
    gain = answer.gain_of(row, found.metric)
    is_baseline = row["model"] == row.get("baseline")
    return {
        "rank": row["rank"],
        "model": row["model"],
        "best": row is found.best,
        "failed": failed,
        "verdict": f"failed: {row.get('reason', '')}" if failed else row["verdict"],
        "reliable": failed or true(row.get("reliable", "true")),
        "out_of_fold": out_of_fold,
        "out_of_fold_text": ""
        if out_of_fold is None
        else words.fixed(out_of_fold, own.digits if own else 3),
        "scores": {name: score_of(row, name) for name in METRICS},
        "gain": None if is_baseline else gain,
    }


def seed_rows(rows: list[dict], found: Standing) -> list[dict]:
    """Return each model's score on each split, for the metric that chooses."""
    by_model: dict[str, list] = {}
    for row in rows:
        score = score_of(row, found.metric)
        by_model.setdefault(row["model"], []).append(
            {"seed": row["seed"], "score": score, "rows": row.get("rows", "")}
        )
    return [{"model": model, "splits": splits} for model, splits in by_model.items()]


def audit_view(audit: list[dict]) -> dict:
    """Return the audit's findings, the failures first, and how many there are of each."""
    findings = [
        {
            "check": row["check"],
            "title": CHECK_WORDS.get(row["check"], row["check"].replace("_", " ")),
            "subject": row["subject"],
            "verdict": row["verdict"],
            "summary": row["summary"],
            "explanation": row["explanation"],
            "value": number(row["value"]),
            "limit": number(row["limit"]),
            "lines": row["fix"].splitlines(),
        }
        for row in sorted(audit, key=lambda row: VERDICT_ORDER.index(row["verdict"]))
    ]
    counts = {v: sum(row["verdict"] == v for row in audit) for v in VERDICT_ORDER}
    return {
        "findings": [f for f in findings if f["verdict"] != "pass"],
        "passed": [f for f in findings if f["verdict"] == "pass"],
        "counts": counts,
        "checks": len({row["check"] for row in audit}),
        "clean": len(
            {row["check"] for row in audit}
            - {row["check"] for row in audit if row["verdict"] != "pass"}
        ),
    }


def naive_view(naive: list[dict], found: Standing) -> dict | None:
    """Return what the naive protocol would have claimed beside the honest scores."""
    rows = [row for row in naive if row["metric"] == found.metric]
    if not rows or all(number(row["naive"]) is None for row in rows):
        return None
    pairs = [
        (
            row["model"],
            Score(*(float(row[name]) for name in ("honest", "honest_low", "honest_high"))),
            float(row["naive"]),
        )
        for row in rows
        if None not in (number(row["honest"]), number(row["honest_low"]), number(row["naive"]))
    ]
    domain = domain_of(
        found.metric,
        [score for _, score, _ in pairs] + [Score(claim, claim, claim) for _, _, claim in pairs],
        None,
    )
    lines = []
    for model, score, claim in pairs:
        lines.append(
            {
                "model": model,
                "honest": score.text(),
                "limits": score.limits(),
                "naive": words.fixed(claim, score.digits),
                "leak": words.fixed(claim - score.value, score.digits, sign=True),
                "inside": score.low <= claim <= score.high,
                "track": charts.track(score, domain, diamond_at(claim)),
            }
        )
    return {
        "lines": lines,
        "ruler": charts.ruler(domain),
        "download": download(csv_bytes(naive), "naive.csv"),
        "label": f"{found.title}: naive claim and honest score. "
        + "; ".join(f"{n['model']} naive {n['naive']}, honest {n['honest']}" for n in lines),
    }


def diamond_at(value: float):
    """Return a mark of `charts.track`: a diamond, the sign of the naive claim."""
    return lambda at: (
        f'<svg class="diamond" x="{at(value)}" y="50%"><path d="M0-7L7 0L0 7L-7 0Z"/></svg>'
    )


def controls_view(controls: list[dict]) -> dict | None:
    """Return how the controls went."""
    if not controls:
        return None
    return {
        "rows": [
            {
                "control": row["control"],
                "model": row["model"],
                "score": Score(*(float(row[name]) for name in ("roc_auc", "low", "high")))
                if number(row["roc_auc"]) is not None
                else None,
                "expected": number(row["expected"]),
                "best_possible": number(row["best_possible"]),
                "verdict": row["verdict"],
                "explanation": row["explanation"],
            }
            for row in controls
        ],
        "download": download(csv_bytes(controls), "controls.csv"),
    }


def csv_bytes(rows: list[dict]) -> bytes:
    """Return rows of text as a CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def by_name(rows: list[dict], key: str) -> dict[str, list[dict]]:
    """Return rows grouped by a column, in the order in which its values first occur."""
    groups: dict[str, list[dict]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return groups


def shown_models(sources: Sources, found: Standing) -> list[str]:
    """Return the models whose curves are drawn: the best, then by rank, and the baseline last."""
    ranked = [row["model"] for row in sources.leaderboard if not has_failed(row)]
    best = found.best["model"]
    others = [model for model in ranked if model != best]
    baseline = found.best["baseline"]
    if len(others) >= charts.SERIES and baseline in others:
        others = [m for m in others if m != baseline][: charts.SERIES - 2] + [baseline]
    return [best, *others[: charts.SERIES - 1]]


def curves_view(sources: Sources, found: Standing, names: tuple[str, str]) -> dict | None:
    """Return the figures of how the models' predictions go wrong on the first split's holdout."""
    if found.best is None or not sources.thresholds:
        return None
    best = found.best["model"]
    models = shown_models(sources, found)
    tables = {
        name: by_name(getattr(sources, name), "model")
        for name in ("roc", "precision_recall", "calibration", "score_distribution", "thresholds")
    }
    if best not in tables["thresholds"]:
        return None
    chosen = answer.chosen_threshold(found, sources.thresholds) or tables["thresholds"][best][0]
    ones = chosen["true_positives"] + chosen["false_negatives"]
    zeros = chosen["false_positives"] + chosen["true_negatives"]
    rows = ones + zeros
    legend = [{"sample": charts.sample(i), "model": model} for i, model in enumerate(models)]
    roc = [(model, tables["roc"][model]) for model in models if model in tables["roc"]]
    recall = [(m, tables["precision_recall"][m]) for m in models if m in tables["precision_recall"]]
    found_at_tenth = at_false_positive_rate(roc[0][1], 0.1)
    half = precision_at_recall(recall[0][1], 0.5)
    bins = tables["calibration"][best]
    off = [b for b in bins if not b["observed_low"] <= b["mean_probability"] <= b["observed_high"]]
    scores = tables["score_distribution"][best]
    threshold = chosen["threshold"]
    prevalence = ones / rows
    split = f"{count(rows)} holdout rows, {count(ones)} positive"
    files = {name: download_of(sources.files[name]) for name in tables}
    return {
        "best": best,
        "split": split,
        "seed": min((int(row["seed"]) for row in sources.seeds), default=None)
        if not sources.seeds
        else int(sources.seeds[0]["seed"]),
        "rows": rows,
        "ones": ones,
        "zeros": zeros,
        "prevalence": prevalence,
        "legend": legend,
        "left_out": len([r for r in sources.leaderboard if not has_failed(r)]) - len(models),
        "roc": charts.roc_chart(
            roc,
            f"ROC curves of {words.listed(models, 6)}. {best} finds {percent(found_at_tenth, ones)} "
            "of the positives when 10 % of the negatives are flagged.",
        ),
        "found_at_tenth": percent(found_at_tenth, ones),
        "precision_recall": charts.precision_recall_chart(
            recall,
            prevalence,
            f"Precision-recall curves of {words.listed(models, 6)}. Where {best} finds half of the "
            f"positives, {percent(half, rows)} of what it flags is positive; guessing gives "
            f"{percent(prevalence, rows)}.",
        ),
        "precision_at_half": percent(half, rows),
        "calibration": charts.calibration_chart(
            bins,
            f"Calibration of {best}: share of positives against predicted probability in "
            f"{len(bins)} groups of rows; in {len(off)} the interval misses the prediction.",
        ),
        "bins": len(bins),
        "bins_off": len(off),
        "scores": charts.score_chart(
            scores,
            threshold,
            f"Predicted probabilities of {best}: {count(ones)} positive rows above the line, "
            f"{count(zeros)} negative rows below it, threshold {threshold:g}.",
        ),
        "chosen": chosen,
        "cells": {
            name: {"rows": chosen[name], "share": answer.share_text(chosen[name], whole)}
            for name, whole in (
                ("true_positives", ones),
                ("false_negatives", ones),
                ("false_positives", zeros),
                ("true_negatives", zeros),
            )
        },
        "first_scores": first_split_scores(sources, best),
        "thresholds": threshold_rows(tables["thresholds"][best]),
        "threshold_chart": charts.threshold_chart(
            tables["thresholds"][best],
            threshold,
            f"Precision, recall and F1 of {best} over the thresholds from 0 to 1; "
            f"{threshold:g} is in use.",
        ),
        "threshold_legend": [
            {"sample": charts.sample(i), "model": name}
            for i, name in enumerate(("precision", "recall", "F1"))
        ],
        "files": files,
    }


def first_split_scores(sources: Sources, model: str) -> dict[str, Score | None]:
    """Return precision, recall and F1 of a model on the first split, with intervals."""
    row = next((row for row in sources.seeds if row["model"] == model), {})
    return {name: score_of(row, name) for name in ("precision", "recall", "f1", "accuracy")}


def at_false_positive_rate(points: list[dict], rate: float) -> float:
    """Return the height of a ROC curve, a straight line between its points, at `rate`."""
    for before, after in itertools.pairwise(points):
        x0, x1 = before["false_positive_rate"], after["false_positive_rate"]
        if x0 <= rate < x1:
            y0, y1 = before["true_positive_rate"], after["true_positive_rate"]
            return y0 + (rate - x0) / (x1 - x0) * (y1 - y0)
    return points[-1]["true_positive_rate"]


def precision_at_recall(points: list[dict], recall: float) -> float:
    """Return the precision of a curve of steps where it reaches `recall`."""
    return next((p["precision"] for p in points if p["recall"] >= recall), points[-1]["precision"])


def threshold_rows(rows: list[dict]) -> list[dict]:
    """Return the table of thresholds; the rows that are `key` stay when it is printed."""
    shown = []
    for row in rows:
        tenth = abs(row["threshold"] * 10 - round(row["threshold"] * 10)) < 1e-9
        shown.append(row | {"chosen": true(row["chosen"]), "key": tenth or true(row["chosen"])})
    return shown


def drivers_view(sources: Sources, found: Standing) -> dict | None:
    """Return what the best model's predictions hang on."""
    if not sources.importance or found.best is None:
        return None
    scores = {
        row["feature"]: Score(row["importance"], row["low"], row["high"])
        for row in sources.importance
    }
    first = sources.importance[0]
    # The least important columns have the shortest intervals, which nobody reads to the last digit.
    most_digits = scores[first["feature"]].digits + 1
    rows = [
        {
            "feature": row["feature"],
            "value": scores[row["feature"]].value,
            "text": scores[row["feature"]].text(most_digits=most_digits),
            "limits": scores[row["feature"]].limits(most_digits=most_digits),
            "above": scores[row["feature"]].low > 0,
        }
        for row in sources.importance
    ]
    # Columns that can be shuffled without any change in the score are counted and not drawn.
    used = [row for row in rows if any(scores[row["feature"]])]
    drawn = used[:DRAWN_IMPORTANCES]
    ends = [end for row in drawn for end in scores[row["feature"]][1:]]
    domain = charts.padded([*ends, 0.0])
    zero = charts.rule_at(0, "zero")
    metric = METRICS[first["metric"]].title
    return {
        "metric": metric,
        "model": found.best["model"],
        "rows": rows,
        "drawn": [
            row
            | {
                "track": charts.track(
                    scores[row["feature"]], domain, zero, "s0" if row["above"] else "s-other"
                )
            }
            for row in drawn
        ],
        "unused": len(rows) - len(used),
        "together": together(sources.importance[:DRAWN_IMPORTANCES]),
        "ruler": charts.ruler(domain),
        "repeats": first["repeats"],
        "measured_on": first["rows"],
        "sure": sum(row["above"] for row in rows),
        "label": f"Permutation importance of {found.best['model']} in {metric}: "
        + "; ".join(f"{r['feature']} {r['text']} ({r['limits']})" for r in drawn[:5]),
        "download": download_of(sources.files["importance"]),
        "dependence": dependence_view(sources),
        "dependence_download": download_of(sources.files["partial_dependence"]),
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


def dependence_view(sources: Sources) -> list[dict]:
    """Return the partial dependence of each feature that was varied, on one scale."""
    ends = [end for row in sources.partial_dependence for end in (row["low"], row["high"])]
    low, high = charts.padded(ends)
    y = (max(low, 0.0), min(high, 1.0))
    figures = []
    for feature, rows in by_name(sources.partial_dependence, "feature").items():
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
        figures.append(
            {
                "feature": feature,
                "chart": charts.dependence_chart(points, y, label),
                "rows": first["rows"],
            }
        )
    return figures


def data_view(sources: Sources, names: tuple[str, str]) -> dict:
    """Return what the table is: its columns, what is missing, what was repaired, how it spreads."""
    schema, repairs = sources.schema, sources.repairs
    stats = by_name(sources.stats, "column")
    columns = [column_row(entry, stats.get(entry["name"], [])) for entry in schema["columns"]]
    missing = sorted(
        (c for c in columns if c["missing"] and c["rows"]), key=lambda c: (-c["missing"], c["name"])
    )
    most_missing = max((share for c in missing for share in c["missing_by_class"]), default=0)
    missing_scale = min(1.0, charts.nice_step(most_missing, 1)) if most_missing else 1.0
    distributions = by_name(sources.distributions, "column")
    order = [row["feature"] for row in sources.importance if row["feature"] in distributions]
    order += [name for name in distributions if name not in order]
    figures = [
        distribution_figure(name, distributions[name], names)
        for name in order[:DRAWN_COLUMNS_AT_MOST]
    ]
    repaired = repair_rows(repairs)
    return {
        "columns": columns,
        "missing": missing,
        "drawn_missing": missing[:DRAWN_MISSING],
        "missing_scale": missing_scale,
        "missing_ruler": charts.ruler((0, 100 * missing_scale), " %"),
        "repairs": repaired,
        "repaired_columns": len({row["column"] for row in repaired}),
        "reading": repairs,
        "renamed": repairs["renamed_columns"],
        "distributions": figures[:DRAWN_COLUMNS],
        "more_distributions": figures[DRAWN_COLUMNS:],
        "undrawn": len(order) - len(figures),
        "by_importance": bool(sources.importance),
        "files": {
            "stats": download_of(sources.files["stats"]),
            "schema": download(
                Path(sources.files["schema"]).read_bytes(), "input_schema.json", "application/json"
            ),
            "repairs": download(
                Path(sources.files["repairs"]).read_bytes(), "repairs.json", "application/json"
            ),
            "distributions": download_of(sources.files["distributions"]),
        },
        "plots": plots_view(sources.plots),
    }


def column_row(entry: dict, stats: list[dict]) -> dict:
    """Return a column's line in the table of columns."""
    of_class = {row["class"]: row for row in stats}
    everything = of_class.get("all", {})
    missing = entry.get("missing") or 0
    rows = sum(number(everything.get(name)) or 0 for name in ("count", "missing"))
    if "minimum" in entry:
        range_text = (
            f"{words.significant(entry['minimum'])} to {words.significant(entry['maximum'])}"
        )
    else:
        kinds = number(everything.get("distinct"))
        range_text = "" if kinds is None else words.plural(kinds, "value")
    return {
        "name": entry["name"],
        "source": entry["source"],
        "role": ROLE_WORDS.get(entry["role"], entry["role"]),
        "kind": KIND_WORDS.get(entry["kind"], entry["kind"]) if stats else "",
        "part": entry.get("part"),
        "missing": missing,
        "share": missing / rows if rows else 0,
        "missing_by_class": [
            number(of_class.get(c, {}).get("missing_share")) or 0 for c in ("0", "1")
        ],
        "rows": rows,
        "range": range_text,
        "negatives": typical(of_class.get("0")),
        "positives": typical(of_class.get("1")),
    }


def typical(row: dict | None) -> str:
    """Return what is usual in a column: its mean, or its most frequent value and how frequent."""
    if not row:
        return ""
    mean = number(row.get("mean"))
    if mean is not None and row["kind"] == "boolean":
        return f"{percent(mean, number(row['count']))} yes"
    if mean is not None:
        return f"mean {words.significant(mean, 3)}"
    if row.get("top"):
        share = float(row["top_count"]) / (number(row["count"]) or 1)
        return f"{words.shortened(row['top'], 24)} ({percent(share)})"
    return ""


def repair_rows(repairs: dict) -> list[dict]:
    """Return what cleaning changed, one row a column and repair."""
    rows = []
    for name, counts in repairs["columns"].items():
        for what, cells in counts.items():
            if what.endswith("_examples"):
                continue
            examples = counts.get(f"{what}_examples", [])
            number_of = cells
            if isinstance(cells, dict):  # which text, and how often
                number_of = sum(cells.values())
                examples = [text or "(empty)" for text in cells]
            if number_of:
                rows.append(
                    {
                        "column": name,
                        "what": REPAIR_WORDS.get(what, what.replace("_", " ")),
                        "cells": number_of,
                        "examples": [words.shortened(str(e), 40) for e in examples[:6]],
                    }
                )
    return rows


def distribution_figure(name: str, bins: list[dict], names: tuple[str, str]) -> dict:
    """Return how a column's values are spread in the two classes."""
    total = sum(b["negatives"] + b["positives"] for b in bins)
    largest = max(bins, key=lambda b: b["positives"])
    label = (
        f"Distribution of {name} by class, {len(bins)} groups of values; among positives "
        f"{largest['label']} is the most frequent."
    )
    return {"name": name, "chart": charts.distribution_chart(bins, label), "rows": total}


def plots_view(paths: list[str]) -> list[dict]:
    """Return the workflow's plots as images within the page, as long as there is room."""
    room = PLOT_BYTES
    plots = []
    for path in map(Path, paths):
        size = path.stat().st_size
        image = ""
        if size <= room:
            room -= size
            image = f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
        plots.append(
            {
                "name": path.name,
                "path": path.as_posix(),
                "words": path.stem.replace("_", " "),
                "image": image,
                "size": size_text(size),
            }
        )
    return plots


def made_view(sources: Sources, settings: dict, found: Standing) -> dict:
    """Return how the page and its numbers were made, and how to make them again."""
    dataset = sources.schema["dataset"]
    repairs = sources.repairs
    hashed = [settings["cleaned_table"], sources.files["leaderboard"]]
    hashes = {repairs["table"]: repairs["sha256"]} | {p: content_hash(p) for p in hashed}
    config_name = f"{dataset}.config.yaml"
    return {
        "graph": rule_graph(set(settings["absent"]), len(sources.leaderboard), found.seeds),
        "config": settings["config"],
        "config_name": config_name,
        "config_download": download(settings["config"].encode(), config_name, "text/yaml"),
        "versions": settings["versions"],
        "hashes": [{"path": os.fspath(path), "sha256": hashes[path]} for path in hashes],
        "target": settings["target"],
        "audit_download": download_of(sources.files["audit"]),
    }
