"""The answer a report begins with: the best model, whether to believe it, what to do next."""

from typing import NamedTuple

import yaml

from ml_baseline.audit.findings import merged_fixes
from ml_baseline.report.sources import Sources
from ml_baseline.report.words import (
    Score,
    count,
    fixed,
    listed,
    number,
    percent,
    plural,
    score_of,
    true,
)
from ml_baseline.scoring.metrics import METRICS

MOST_STEPS = 3
# Settings by which a finding takes columns out.
COLUMN_KEYS = ("forbidden", "drop", "id", "categorical")
# Fewer rows of a class make no interval that can be relied on; as in `ml_baseline.scoring.scores`.
ENOUGH_ROWS_OF_A_CLASS = 20
# An interval that reaches further than this to both sides leaves most questions open.
WIDE = 0.05


class Standing(NamedTuple):
    """What the leaderboard and the audit come to: what every part of the report goes by."""

    metric: str
    best: dict | None
    score: Score | None
    gain: Score | None
    beats_baseline: bool
    ties: list[str]
    failed: list[dict]
    fails: list[dict]
    warns: list[dict]
    leaks: list[dict]
    missed: list[dict]
    rows: float
    seeds: int
    level: float
    status: str

    @property
    def title(self) -> str:
        """The metric's name as people write it."""
        return METRICS[self.metric].title

    @property
    def level_text(self) -> str:
        """The confidence level as people write it."""
        return f"{self.level * 100:g}\N{NO-BREAK SPACE}%"

    @property
    def rows_text(self) -> str:
        """How many rows the scores are from."""
        if self.seeds > 1:
            return f"{self.seeds} holdouts of {plural(self.rows, 'row')} each"
        return plural(self.rows, "holdout row")


def has_failed(row: dict) -> bool:
    """Return whether a leaderboard's row is of a model that could not be fitted."""
    return row.get("status") == "failed"


def metric_of(leaderboard: list[dict]) -> str:
    """Return the metric that the best model was chosen by."""
    return next(name for name in leaderboard[0] if name.startswith("oof_")).removeprefix("oof_")


def gain_of(row: dict, metric: str, role: str = "baseline") -> Score | None:
    """Return by how much a model is better than the baseline (or the best), above 0 if it is."""
    difference = score_of(row, f"{role}_difference")
    if difference is None or METRICS[metric].higher_is_better:
        return difference
    return Score(-difference.value, -difference.high, -difference.low)


def standing(leaderboard: list[dict], audit: list[dict], controls: list[dict]) -> Standing:
    """Return what the results of a table come to."""
    metric = metric_of(leaderboard)
    fitted = [row for row in leaderboard if not has_failed(row)]
    best = next((row for row in fitted if true(row["selected"])), None)
    any_row = best or leaderboard[0]
    level = number(any_row.get("level")) or 0.95
    alpha = 1 - level
    gain = gain_of(best, metric) if best else None
    p = number(best.get("baseline_p_adjusted")) if best else None
    ties = [
        row["model"]
        for row in fitted
        if best and row is not best and (number(row.get("best_p_adjusted")) or 0) > alpha
    ]
    beats_baseline = p is not None and p <= alpha and gain is not None and gain.value > 0
    fails = [row for row in audit if row["verdict"] == "fail"]
    warns = [row for row in audit if row["verdict"] == "warn"]
    leaks = [r for r in controls if r["verdict"] == "fail" and r["control"] == "negative"]
    missed = [r for r in controls if r["verdict"] == "fail" and r["control"] == "positive"]
    if fails or leaks or best is None:
        status = "fail"
    elif warns or missed or not beats_baseline or not true(best.get("reliable", "true")):
        status = "warn"
    else:
        status = "pass"
    return Standing(
        metric=metric,
        best=best,
        score=score_of(best, metric) if best else None,
        gain=gain,
        beats_baseline=beats_baseline,
        ties=ties,
        failed=[row for row in leaderboard if has_failed(row)],
        fails=fails,
        warns=warns,
        leaks=leaks,
        missed=missed,
        rows=number(any_row.get("rows")) or 0,
        seeds=int(number(any_row.get("seeds")) or 1),
        level=level,
        status=status,
    )


def verdict_words(found: Standing) -> str:
    """Return in a few words whether the scores are to be believed."""
    if found.best is None:
        return "No model could be fitted"
    if found.status == "fail":
        return "Do not believe these scores"
    if found.gain is None:
        return "Not compared with the baseline"
    if not (found.beats_baseline or found.warns):
        return "Nothing shown to be learned"
    if found.status == "warn":
        return "Look before you believe"
    return "Nothing found against it"


def sentences(found: Standing, audit: list[dict]) -> list[str]:
    """Return the answer in three sentences, in the notation of `words.prose`."""
    if found.best is None:
        reasons = "; ".join(f"{row['model']}: {row.get('reason', '')}" for row in found.failed[:3])
        return [
            f"**None of the {len(found.failed)} models could be fitted**, so there is no score.",
            f"The reasons: {reasons}.",
            "The table itself was read and described; see below.",
        ]
    if found.fails or found.leaks:
        return [_disbelief(found), _claim(found), _what_it_takes(found)]
    return [_best(found), _lift(found), _trust(found, audit)]


def _interval(found: Standing) -> str:
    return f"({found.level_text} interval {found.score.limits()})"


def _best(found: Standing) -> str:
    name = found.best["model"]
    mean = f"a mean {found.title} of" if found.seeds > 1 else found.title
    return (
        f"**{name}** is the best of the models tried, chosen on the training rows: it reaches "
        f"{mean} **{found.score.text()}** {_interval(found)} on {found.rows_text} that no "
        "fitting step has seen."
    )


def _lift(found: Standing) -> str:
    baseline = found.best["baseline"]
    if found.best["model"] == baseline:
        return (
            f"It is the baseline itself: **no model did better in training than {baseline}**, so "
            "nothing has been shown to be learned."
        )
    if found.gain is None:
        return f"There is no comparison with the baseline {baseline}, because it has no score."
    gain = f"{found.gain.text(sign=True)}, {found.level_text} interval {found.gain.limits()}"
    if found.beats_baseline:
        text = f"That is **better than the baseline** {baseline} (by {gain.removeprefix('+')})"
    elif found.gain.value <= 0:
        return f"That is **no better than the baseline** {baseline} ({gain})."
    else:
        allowing = ", allowing for the number of models tried" if found.gain.low > 0 else ""
        return (
            f"That is **not distinguishable from the baseline** {baseline} ({gain}{allowing}): "
            "nothing has been shown to be learned."
        )
    ties = [name for name in found.ties if name != baseline]
    if ties:
        verb = "is" if len(ties) == 1 else "are"
        text += f"; {listed(ties)} {verb} not distinguishable from it"
    return text + "."


def _trust(found: Standing, audit: list[dict]) -> str:
    checks = len({row["check"] for row in audit})
    if found.warns:
        text = (
            f"The audit ran {plural(checks, 'check')} and **has {plural(len(found.warns), 'warning')}"
            f"**: {found.warns[0]['summary'].rstrip('.')}"
        )
        text += f", and {len(found.warns) - 1} more." if len(found.warns) > 1 else "."
    else:
        text = f"The audit ran {plural(checks, 'check')} and **found no leak**."
    if not true(found.best.get("reliable", "true")):
        text += " The interval is rough, for want of rows of a class or of errors."
    return text


def _disbelief(found: Standing) -> str:
    if found.fails:
        return (
            f"**Do not believe these scores:** the audit failed {plural(len(found.fails), 'check')}"
            f" \N{EN DASH} {chief(found.fails)['summary'].rstrip('.')}."
        )
    names = listed([row["model"] for row in found.leaks])
    return (
        f"**Do not believe these scores:** with the labels shuffled, where nothing can be found, "
        f"{names} still found something."
    )


def chief(findings: list[dict]) -> dict:
    """Return the finding that tells the reader most: one that names a column, if there is one."""
    order = ("single_feature", "feature_pair", "missing_values", "ids", "sealed_holdout")
    rank = {check: i for i, check in enumerate(order)}
    return min(findings, key=lambda row: rank.get(row["check"], len(order)))


def _claim(found: Standing) -> str:
    return (
        f"The best model, {found.best['model']}, claims {found.title} {found.score.text()} "
        f"{_interval(found)} on {found.rows_text}; until the findings are explained, that says "
        "nothing about new rows."
    )


def _what_it_takes(found: Standing) -> str:
    if any(row["fix"] for row in found.fails):
        return "Take out what gives the answer away, run again, and look at what is left."
    return "Repair what the audit names, run again, and look at what is left."


def next_steps(found: Standing, sources: Sources) -> list[str]:
    """Return what to do next, the most urgent first, in the notation of `words.prose`."""
    steps = []
    for case in (
        _repair_leaks,
        _explain_failures,
        _repair_models,
        _look_at_warnings,
        _repair_controls,
        _get_rows_of_both,
        _get_better_columns,
        _choose_threshold,
        _narrow_interval,
        _other_splits,
        _run_controls,
    ):
        step = case(found, sources)
        if step:
            steps.append(step)
    return steps[:MOST_STEPS]


def _repair_leaks(found: Standing, sources: Sources) -> str | None:
    if not found.fails:
        return None
    fixes = [row["fix"] for row in found.fails if takes_out_columns(row)]
    if not fixes:
        return "Read the failed checks below; each says what to repair. Then run again."
    written = " and ".join(f"`{line}`" for line in merged_fixes(fixes).splitlines()[:2])
    return (
        "Ask of each column named below whether you know it when you predict. If not, write "
        f"{written} in the config and run again."
    )


def _explain_failures(found: Standing, sources: Sources) -> str | None:
    other = [row for row in found.fails if not takes_out_columns(row)]
    if not other or len(other) == len(found.fails):
        return None
    names = listed(dict.fromkeys(row["check"].replace("_", " ") for row in other))
    return f"Then explain what else failed ({names}): [the audit](#audit) says what it may be."


def takes_out_columns(finding: dict) -> bool:
    """Return whether the fix of a finding takes columns out, and no more than that."""
    return bool(finding["fix"]) and set(yaml.safe_load(finding["fix"])) <= set(COLUMN_KEYS)


def _repair_models(found: Standing, sources: Sources) -> str | None:
    if not found.failed:
        return None
    names = listed([row["model"] for row in found.failed])
    one = len(found.failed) == 1
    it, reasons = ("it", "reason") if one else ("they", "reasons")
    return (
        f"Repair {names}, or take {it if one else 'them'} out of the config: {it} could not be "
        f"fitted ({reasons} below)."
    )


def _look_at_warnings(found: Standing, sources: Sources) -> str | None:
    if not found.warns or found.fails:
        return None
    first = chief(found.warns)
    lines = first["fix"].splitlines()
    advice = f" If it is a leak, write `{lines[0]}`." if lines else ""
    subject = f" about `{first['subject']}`" if first["subject"] else ""
    return f"Read the {plural(len(found.warns), 'warning')} of the audit, first{subject}.{advice}"


def _repair_controls(found: Standing, sources: Sources) -> str | None:
    if not (found.leaks or found.missed):
        return None
    return "Look at the controls: where the answer is known, the workflow did not find it."


def _get_rows_of_both(found: Standing, sources: Sources) -> str | None:
    if found.best is None or found.fails or true(found.best.get("reliable", "true")):
        return None
    share = number(found.best.get("prevalence")) or 0
    fewer = round(found.rows * min(share, 1 - share))
    if fewer >= ENOUGH_ROWS_OF_A_CLASS:
        return (
            f"Get more rows before you rely on the interval: {found.best['model']} made too few "
            "errors on these to tell how many it makes."
        )
    return (
        f"Get more rows, above all of the rarer class: the holdout has {count(fewer)} of them, too "
        "few for an interval to be relied on."
    )


def _get_better_columns(found: Standing, sources: Sources) -> str | None:
    if found.gain is None or found.beats_baseline or found.fails:
        return None
    return "Look for other columns or more rows before other models: these told nothing surely."


def _choose_threshold(found: Standing, sources: Sources) -> str | None:
    chosen = chosen_threshold(found, sources.thresholds)
    if chosen is None or found.fails or not found.beats_baseline:
        return None
    ones = chosen["true_positives"] + chosen["false_negatives"]
    return (
        f"Choose the threshold: at {chosen['threshold']:g} it finds "
        f"{count(chosen['true_positives'])} of {count(ones)} positives and raises "
        f"{plural(chosen['false_positives'], 'false alarm')}. [What others give](#thresholds)."
    )


def chosen_threshold(found: Standing, thresholds: list[dict]) -> dict | None:
    """Return the row of the best model at the threshold in use."""
    return next(
        (
            row
            for row in thresholds
            if found.best and row["model"] == found.best["model"] and true(row["chosen"])
        ),
        None,
    )


def _narrow_interval(found: Standing, sources: Sources) -> str | None:
    if found.best is None or found.fails or found.score is None:
        return None
    reach = (found.score.high - found.score.low) / 2
    if reach < WIDE:
        return None
    rows = number(found.best.get("rows")) or 0
    return (
        f"Get more rows if ±{fixed(reach, found.score.digits)} is too wide: half of it takes about "
        f"four times the rows ({count(4 * round(rows))} held out)."
    )


def _other_splits(found: Standing, sources: Sources) -> str | None:
    if found.best is None or found.seeds > 1 or found.fails:
        return None
    return "See how much hangs on this one split: `seeds: [1, 2, 3]`."


def _run_controls(found: Standing, sources: Sources) -> str | None:
    if sources.controls or found.fails or found.best is None:
        return None
    return "Prove the workflow on this table: `controls: true` shuffles the labels."


def naive_claim(naive: list[dict], metric: str) -> str | None:
    """Return what the naive protocol would have claimed, where it claims most."""
    rows = [row for row in naive if row["metric"] == metric and number(row["leak"]) is not None]
    if not rows:
        return None
    sign = 1 if METRICS[metric].higher_is_better else -1
    worst = max(rows, key=lambda row: sign * float(row["leak"]))
    digits = Score(0, float(worst["honest_low"]), float(worst["honest_high"])).digits
    return (
        f"Augmenting before splitting would have claimed {METRICS[metric].title} "
        f"{fixed(float(worst['naive']), digits)} for {worst['model']}; honest: "
        f"{fixed(float(worst['honest']), digits)}"
    )


def share_text(part: float, whole: float) -> str:
    """Return a share of rows as a percentage, a dash if there are none to take it of."""
    return percent(part / whole, whole) if whole else "\N{EN DASH}"
