"""Whether to believe the scores: the audit's checks and the naive claim."""

from typing import Any

from ml_baseline.report import charts
from ml_baseline.report.sources import Sources
from ml_baseline.report.standing import Standing
from ml_baseline.report.words import Score, fixed, number, score_in
from ml_baseline.scoring.metrics import METRICS

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


def check_title(check: str) -> str:
    """Return the heading of a check's findings."""
    return CHECK_WORDS.get(check, check.replace("_", " ").capitalize())


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
            "honest": score.text(),
            "naive": fixed(claim, score.digits),
            "leak": fixed(claim - score.value, score.digits, sign=True),
            "inside": score.low <= claim <= score.high,
            "track": charts.track(score, domain, [(claim, charts.DIAMOND)]),
        }
        for model, score, claim in pairs
    ]
    sign = 1 if METRICS[found.metric].higher_is_better else -1
    worst = max(range(len(pairs)), key=lambda i: sign * (pairs[i][2] - pairs[i][1].value))
    return {
        "lines": lines,
        "worst": lines[worst],
        "ruler": charts.ruler(domain),
    }
