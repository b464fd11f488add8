"""The answer a report begins with: the best model, whether to believe it, what to do next."""

from typing import Any

import yaml
from markupsafe import Markup

from ml_baseline.audit.findings import merged_fixes
from ml_baseline.report import charts
from ml_baseline.report.sources import Sources
from ml_baseline.report.standing import Row, Standing
from ml_baseline.report.words import (
    Score,
    count,
    fixed,
    html,
    listed,
    number,
    plural,
    shortened,
    true,
)
from ml_baseline.scoring.metrics import METRICS

MOST_STEPS = 3
# Settings by which a finding takes columns out.
COLUMN_KEYS = {"forbidden", "drop", "id", "categorical"}
# Findings that tell the reader most, because they name a column.
TELLING = ("single_feature", "feature_pair", "missing_values", "ids", "sealed_holdout")
# Fewer rows of a class make no interval that can be relied on; as in `ml_baseline.scoring.scores`.
ENOUGH_ROWS_OF_A_CLASS = 20
# An interval that reaches further than this to both sides leaves most questions open.
WIDE = 0.05
NAME_LENGTH, LINE_LENGTH = 60, 200


def name_of(row: Row) -> str:
    """Return a model's name, as long as a sentence has room for."""
    return shortened(row["model"], NAME_LENGTH)


def headline(found: Standing) -> dict[str, Any] | None:
    """Return the best model's score as the first thing to see, beside the baseline's."""
    if found.best is None or found.score is None:
        return None
    digits, baseline = found.score.digits, None
    if found.gain is not None and not found.is_baseline:
        sign = 1 if METRICS[found.metric].higher_is_better else -1
        baseline = found.score.value - sign * found.gain.value
    domain = charts.domain_of(found.metric, [found.score], baseline)
    text = None if baseline is None else fixed(baseline, digits)
    return {
        "track": charts.track(found.score, domain, charts.rule_at(baseline)),
        "ruler": charts.ruler(domain),
        "baseline": text,
        "label": f"{found.best['model']}: {found.title} {found.score.text()}, {found.level_text} "
        f"interval {found.score.limits()}" + (f"; baseline {text}" if text else ""),
    }


# --- The answer in three sentences ---------------------------------------------------------------


def sentences(found: Standing, audit: list[Row]) -> list[Markup]:
    """Return the answer in three sentences."""
    if found.best is None:
        reasons = "; ".join(f"{name_of(row)}: {row.get('reason', '')}" for row in found.failed[:3])
        return [
            html(
                "<strong>None of the {} models could be fitted</strong>, so there is no score.",
                len(found.failed),
            ),
            html("The reasons: {}.", reasons),
            html("The table itself was read and described; see below."),
        ]
    if found.fails or found.leaks:
        return [_disbelief(found), _claim(found), _what_it_takes(found)]
    return [_best(found, found.best), _lift(found, found.best), _trust(found, audit)]


def _interval(found: Standing, score: Score | None) -> str:
    return f"({found.level_text} interval {score.limits()})" if score else ""


def _best(found: Standing, best: Row) -> Markup:
    mean = f"a mean {found.title} of" if found.seeds > 1 else found.title
    return html(
        "<strong>{}</strong> is the best of the models tried, chosen on the training rows. It "
        "reaches {} <strong>{}</strong> {} on {} that no fitting step has seen.",
        name_of(best),
        mean,
        found.score.text() if found.score else "",
        _interval(found, found.score),
        found.rows_text,
    )


def _lift(found: Standing, best: Row) -> Markup:
    baseline = shortened(best["baseline"], NAME_LENGTH)
    if found.is_baseline:
        return html(
            "It is the baseline itself: <strong>no model did better in training than {}</strong>, "
            "so nothing has been shown to be learned.",
            baseline,
        )
    if found.gain is None:
        return html("There is no comparison with the baseline {}: it has no score.", baseline)
    gain = f"{found.level_text} interval {found.gain.limits()}"
    if found.beats_baseline:
        ties = [shortened(name, NAME_LENGTH) for name in found.ties if name != best["baseline"]]
        verb = "is" if len(ties) == 1 else "are"
        tied = f"; {listed(ties)} {verb} not distinguishable from it" if ties else ""
        return html(
            "That is <strong>better than the baseline</strong> {} (by {}, {}){}.",
            baseline,
            found.gain.text(),
            gain,
            tied,
        )
    gain = f"{found.gain.text(sign=True)}, {gain}"
    if found.gain.value <= 0:
        return html("That is <strong>no better than the baseline</strong> {} ({}).", baseline, gain)
    if found.unskilled:
        return html(
            "By {} that is above the baseline {} ({}), but its ROC-AUC may be chance: "
            "<strong>nothing has been shown to be learned</strong>.",
            found.title,
            baseline,
            gain,
        )
    allowing = ", allowing for the number of models tried" if found.gain.low > 0 else ""
    return html(
        "That is <strong>not distinguishable from the baseline</strong> {} ({}{}): nothing has "
        "been shown to be learned.",
        baseline,
        gain,
        allowing,
    )


def _trust(found: Standing, audit: list[Row]) -> Markup:
    checks = plural(len({row["check"] for row in audit}), "check")
    if found.warns:
        more = f" And {len(found.warns) - 1} more." if len(found.warns) > 1 else ""
        text = html(
            "The audit ran {} and <strong>has {}</strong>: {}{}",
            checks,
            plural(len(found.warns), "warning"),
            chief(found.warns)["summary"],
            more,
        )
    else:
        text = html("The audit ran {} and <strong>found no leakage</strong>.", checks)
    if found.is_rough:
        text += " The interval is rough: a class, or the errors, have too few rows."
    return text


def _disbelief(found: Standing) -> Markup:
    if found.fails:
        return html(
            "<strong>The audit failed {}:</strong> {}",
            plural(len(found.fails), "check"),
            chief(found.fails)["summary"],
        )
    return html(
        "<strong>The negative control failed:</strong> with the labels shuffled, where there is "
        "nothing to find, {} still found something.",
        listed([name_of(row) for row in found.leaks]),
    )


def chief(findings: list[Row]) -> Row:
    """Return the finding that tells the reader most: one that names a column, if there is one."""
    rank = {check: i for i, check in enumerate(TELLING)}
    return min(findings, key=lambda row: rank.get(row["check"], len(rank)))


def _claim(found: Standing) -> Markup:
    if found.best is None or found.score is None:
        return html("No model has a score.")
    return html(
        "The best model, {}, claims {} {} {} on {}; until the findings are explained, that says "
        "nothing about new rows.",
        name_of(found.best),
        found.title,
        found.score.text(),
        _interval(found, found.score),
        found.rows_text,
    )


def _what_it_takes(found: Standing) -> Markup:
    keys = {key for row in found.fails for key in keys_of(row)}
    if keys & COLUMN_KEYS:
        first = "Take out what gives the answer away"
    elif keys:
        first = "Change the split as the audit says"
    elif found.fails:
        first = "No setting repairs this: do what the audit says"
    else:
        first = "Find out what the models still see"
    return html("{}, run again, and look at what is left.", first)


# --- What to do next -----------------------------------------------------------------------------


def next_steps(found: Standing, sources: Sources) -> list[Markup]:
    """Return what to do next, the most urgent first."""
    cases = (
        _take_out_columns,
        _change_other_settings,
        _do_what_no_setting_does,
        _repair_models,
        _look_at_warnings,
        _repair_controls,
        _get_rows_of_both,
        _get_better_columns,
        _choose_threshold,
        _narrow_interval,
        _other_splits,
        _run_controls,
    )
    steps = [step for case in cases if (step := case(found, sources))]
    return steps[:MOST_STEPS]


def keys_of(finding: Row) -> set[str]:
    """Return the settings that the fix of a finding gives."""
    return set(yaml.safe_load(finding["fix"]) or {})


def entry(findings: list[Row], join: str = " and ") -> Markup:
    """Return the lines of config that settle findings, as code; where one is if it is too long."""
    lines = merged_fixes([row["fix"] for row in findings]).splitlines()
    if max(map(len, lines)) > LINE_LENGTH:
        return html('<a href="#audit">what the audit gives</a>')
    return Markup(join).join(html("<code>{}</code>", line) for line in lines)


def _take_out_columns(found: Standing, sources: Sources) -> Markup | None:
    findings = [row for row in found.fails if keys_of(row) & COLUMN_KEYS]
    if not findings:
        return None
    return html(
        "Will you know these columns when you predict? If not, write {} in the table's config and "
        "run again.",
        entry(findings),
    )


def _change_other_settings(found: Standing, sources: Sources) -> Markup | None:
    findings = [row for row in found.fails if keys_of(row) and not keys_of(row) & COLUMN_KEYS]
    if not findings:
        return None
    return html(
        "{} Write {} in the table's config and run again.",
        chief(findings)["summary"],
        entry(findings),
    )


def _do_what_no_setting_does(found: Standing, sources: Sources) -> Markup | None:
    findings = [row for row in found.fails if not keys_of(row)]
    if not findings:
        return None
    first = chief(findings)
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return html(
        '{} No setting settles this: <a href="#audit">what to do</a>{}.', first["summary"], more
    )


def _repair_models(found: Standing, sources: Sources) -> Markup | None:
    if not found.failed:
        return None
    names = listed([name_of(row) for row in found.failed])
    it, them, reasons = (
        ("it", "it", "reason") if len(found.failed) == 1 else ("they", "them", "reasons")
    )
    return html(
        "Repair {}, or take {} out of the config: {} could not be fitted ({} below).",
        names,
        them,
        it,
        reasons,
    )


def _look_at_warnings(found: Standing, sources: Sources) -> Markup | None:
    if not found.warns or found.fails:
        return None
    first = chief(found.warns)
    keys = keys_of(first)
    why = "If it gives the answer away" if keys & COLUMN_KEYS else "If it holds"
    advice = html(" {}, write {}.", why, entry([first])) if keys else ""
    subject = first["subject"]
    about = html(" about <code>{}</code>", shortened(subject, NAME_LENGTH)) if subject else ""
    warnings = "warning" if len(found.warns) == 1 else f"{len(found.warns)} warnings"
    order = "" if len(found.warns) == 1 else ", first the one"
    return html(
        'Read the {} of <a href="#audit">the audit</a>{}{}.{}', warnings, order, about, advice
    )


def _repair_controls(found: Standing, sources: Sources) -> Markup | None:
    if not (found.leaks or found.missed):
        return None
    return html(
        'Look at <a href="#controls">the controls</a>: where the answer is known, the workflow did '
        "not find it."
    )


def _get_rows_of_both(found: Standing, sources: Sources) -> Markup | None:
    if found.best is None or found.fails or not found.is_rough:
        return None
    share = number(found.best.get("prevalence")) or 0
    fewer = round(found.rows * min(share, 1 - share))
    if fewer >= ENOUGH_ROWS_OF_A_CLASS:
        return html(
            "Get more rows before you rely on the interval: {} made too few errors on these to "
            "tell how many it makes.",
            name_of(found.best),
        )
    rarer = sources.classes[share < 0.5]
    return html(
        "Get more rows, above all with {}: the holdout has {}, too few for a reliable interval.",
        shortened(rarer, NAME_LENGTH),
        count(fewer),
    )


def _get_better_columns(found: Standing, sources: Sources) -> Markup | None:
    if found.gain is None or found.beats_baseline or found.fails:
        return None
    return html("Look for other columns or more rows before you try other models.")


def _choose_threshold(found: Standing, sources: Sources) -> Markup | None:
    chosen = chosen_threshold(found, sources.thresholds)
    if chosen is None or found.fails or not found.beats_baseline:
        return None
    ones = chosen["true_positives"] + chosen["false_negatives"]
    return html(
        "Choose the threshold: at {:g} the model finds {} of {} rows with {} and raises {}. "
        '<a href="#thresholds">What other thresholds give</a>.',
        chosen["threshold"],
        count(chosen["true_positives"]),
        count(ones),
        shortened(sources.classes[1], NAME_LENGTH),
        plural(chosen["false_positives"], "false alarm"),
    )


def chosen_threshold(found: Standing, thresholds: list[dict]) -> dict | None:
    """Return the row of the best model at the threshold in use."""
    best = found.best and found.best["model"]
    return next((r for r in thresholds if r["model"] == best and true(r["chosen"])), None)


def _narrow_interval(found: Standing, sources: Sources) -> Markup | None:
    if found.best is None or found.fails or found.score is None:
        return None
    reach = (found.score.high - found.score.low) / 2
    if reach < WIDE:
        return None
    rows = number(found.best.get("rows")) or 0
    return html(
        "Get more rows if ±{} is too wide: half of it takes about four times the rows ({} held "
        "out).",
        fixed(reach, found.score.digits),
        count(4 * round(rows)),
    )


def _other_splits(found: Standing, sources: Sources) -> Markup | None:
    if found.best is None or found.seeds > 1 or found.fails:
        return None
    return html("See how much depends on this one split: <code>seeds: [1, 2, 3]</code>.")


def _run_controls(found: Standing, sources: Sources) -> Markup | None:
    if sources.controls or found.fails or found.best is None:
        return None
    return html(
        "Prove the workflow on this table: <code>controls: true</code> shuffles the labels."
    )
