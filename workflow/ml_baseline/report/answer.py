"""What the answer that a report begins with goes by, and what findings are called.

The words of the answer stand in `answer.html.j2`.
"""

from typing import Any

import yaml
from markupsafe import Markup

from ml_baseline.report import charts
from ml_baseline.report.standing import Row, Standing
from ml_baseline.report.words import fixed, html, true
from ml_baseline.scoring.metrics import METRICS
from ml_baseline.text import joined, merged_fixes, shortened

# Settings by which a finding takes columns out.
COLUMN_KEYS = {"forbidden", "drop", "id", "categorical"}
# Findings that tell the reader most, because they name a column.
TELLING = ("single_feature", "feature_pair", "missing_values", "ids", "sealed_holdout")
LINE_LENGTH = 200
# What to do, by what the fix of a finding changes, or by the check that finds it.
NEXT_STEPS = {
    "columns": "Take out what gives the answer away",
    "reading": "Say in the config how the columns are read",
    "settings": "Change the setting as the audit says",
    "": "No setting repairs this: do what the audit says",
    "class_sizes": "Get more rows of the smaller class",
    **dict.fromkeys(
        ("exact_duplicates", "near_duplicates", "interpolated_rows"),
        "Use the table as it was before rows were copied or made",
    ),
}
CHECK_WORDS = {
    "reading": "How the table was read",
    "sealed_holdout": "Holdout rows in training",
    "class_sizes": "Rows of each class",
    "exact_duplicates": "Exact copies across the split",
    "near_duplicates": "Near copies across the split",
    "interpolated_rows": "Rows made from other rows",
    "shared_entities": "Entities on both sides",
    "prepared_before_split": "Preparation before the split",
    "labels_of_others": "What is made from the target",
    "model_score": "Score too good to be true",
    "single_feature": "One column alone",
    "missing_values": "What is missing",
    "given_in_part": "Answers given for a part",
    "independent_columns": "Columns tied to the target alone",
    "feature_pair": "Two columns together",
    "row_order": "Order of the rows",
    "ids": "What ids tell",
    "time_order": "Order in time",
    "train_holdout_shift": "Holdout unlike training rows",
}


def headline(found: Standing) -> dict[str, Any] | None:
    """Return the best model's score as the first thing to see, beside the baseline's."""
    if found.best is None or found.score is None:
        return None
    baseline = None
    if found.gain is not None and not found.is_baseline:
        sign = 1 if METRICS[found.metric].higher_is_better else -1
        baseline = found.score.value - sign * found.gain.value
    domain = charts.domain_of(found.metric, [found.score], baseline)
    return {
        "track": charts.track(found.score, domain, charts.rule_at(baseline)),
        "ruler": charts.ruler(domain),
        "baseline": None if baseline is None else fixed(baseline, found.score.digits),
    }


def names(rows: list[Row]) -> str:
    """Return the models of some rows, as long as a sentence has room for."""
    return joined((shortened(row["model"], 60) for row in rows), 3)


def check_title(check: str) -> str:
    """Return the heading of a check's findings."""
    return CHECK_WORDS.get(check, check.replace("_", " ").capitalize())


def chief(findings: list[Row]) -> Row:
    """Return the finding that tells the reader most: one that names a column, if there is one."""
    rank = {check: i for i, check in enumerate(TELLING)}
    return min(findings, key=lambda row: rank.get(row["check"], len(rank)))


def remedy(finding: Row) -> str:
    """Return what the fix of a finding changes: the `reading`, `columns`, other `settings` or nothing."""
    if finding["check"] == "reading":
        return "reading"
    keys = set(yaml.safe_load(finding["fix"]) or {})
    return "columns" if keys & COLUMN_KEYS else "settings" if keys else ""


def next_step(finding: Row) -> str:
    """Return the beginning of a sentence: what settles a finding."""
    strategy = ((yaml.safe_load(finding["fix"]) or {}).get("split") or {}).get("strategy")
    if strategy:
        return f"Split by {strategy}"
    return NEXT_STEPS.get(finding["check"], NEXT_STEPS[remedy(finding)])


def settled_by(findings: list[Row], change: str) -> list[Row]:
    """Return the findings with this `remedy`."""
    return [row for row in findings if remedy(row) == change]


def entry(findings: list[Row]) -> Markup:
    """Return the lines of config that settle findings, as code; where one is if it is too long."""
    lines = merged_fixes([row["fix"] for row in findings]).splitlines()
    if max(map(len, lines)) > LINE_LENGTH:
        return html('<a href="#audit">what the audit gives</a>')
    return Markup(" and ").join(html("<code>{}</code>", line) for line in lines)


def chosen_threshold(found: Standing, thresholds: list[dict]) -> dict | None:
    """Return the row of the best model at the threshold in use."""
    best = found.best and found.best["model"]
    return next((r for r in thresholds if r["model"] == best and true(r["chosen"])), None)
