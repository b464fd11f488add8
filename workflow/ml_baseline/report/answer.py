"""The answer a report begins with: the best model, whether to believe it, what to do next."""

from collections.abc import Iterator
from typing import Any

import yaml
from markupsafe import Markup

from ml_baseline.audit.findings import merged_fixes
from ml_baseline.report import charts
from ml_baseline.report.sources import Sources
from ml_baseline.report.standing import Row, Standing
from ml_baseline.report.words import (
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


# --- The answer in three sentences ---------------------------------------------------------------


def sentences(found: Standing, audit: list[Row]) -> list[Markup]:
    """Return the answer in three sentences."""
    if found.best is None:
        reasons = "; ".join(f"{name_of(row)}: {row.get('reason', '')}" for row in found.failed[:3])
        none = "<strong>None of the {} models could be fitted</strong>, so there is no score."
        return [
            html(none, len(found.failed)),
            html("The reasons: {}.", reasons),
            html("The table itself was read and described; see below."),
        ]
    interval = ""
    if found.score:
        interval = f"({found.level_text} interval {found.score.limits()})"
    if found.fails or found.leaks:
        return [_disbelief(found), _claim(found, found.best, interval), _what_it_takes(found)]
    best = html(
        "<strong>{}</strong> is the best of the models tried, chosen on the training rows. It "
        "reaches {} <strong>{}</strong> {} on {} that no fitting step has seen.",
        name_of(found.best),
        f"a mean {found.title} of" if found.seeds > 1 else found.title,
        found.score.text() if found.score else "",
        interval,
        found.rows_text,
    )
    return [best, _lift(found, found.best), _trust(found, audit)]


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


def _claim(found: Standing, best: Row, interval: str) -> Markup:
    if found.score is None:
        return html("No model has a score.")
    return html(
        "The best model, {}, claims {} {} {} on {}; until the findings are explained, that says "
        "nothing about new rows.",
        name_of(best),
        found.title,
        found.score.text(),
        interval,
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
    steps = [*repairs(found)]
    if found.best is not None and not found.fails:
        steps += improvements(found, found.best, sources)
    return steps[:MOST_STEPS]


def keys_of(finding: Row) -> set[str]:
    """Return the settings that the fix of a finding gives."""
    return set(yaml.safe_load(finding["fix"]) or {})


def entry(findings: list[Row]) -> Markup:
    """Return the lines of config that settle findings, as code; where one is if it is too long."""
    lines = merged_fixes([row["fix"] for row in findings]).splitlines()
    if max(map(len, lines)) > LINE_LENGTH:
        return html('<a href="#audit">what the audit gives</a>')
    return Markup(" and ").join(html("<code>{}</code>", line) for line in lines)


def repairs(found: Standing) -> Iterator[Markup]:
    """Yield what stands against the scores, and what to do about it."""
    if columns := [row for row in found.fails if keys_of(row) & COLUMN_KEYS]:
        yield html(
            "Will you know these columns when you predict? If not, write {} in the table's config "
            "and run again.",
            entry(columns),
        )
    rest = [row for row in found.fails if row not in columns]
    if settings := [row for row in rest if keys_of(row)]:
        yield html(
            "{} Write {} in the table's config and run again.",
            chief(settings)["summary"],
            entry(settings),
        )
    if unsettled := [row for row in rest if not keys_of(row)]:
        more = f" (and {len(unsettled) - 1} more)" if len(unsettled) > 1 else ""
        yield html(
            '{} No setting settles this: <a href="#audit">what to do</a>{}.',
            chief(unsettled)["summary"],
            more,
        )
    if found.failed:
        one = len(found.failed) == 1
        yield html(
            "Repair {}, or take {} out of the config: {} could not be fitted ({} below).",
            listed([name_of(row) for row in found.failed]),
            "it" if one else "them",
            "it" if one else "they",
            "reason" if one else "reasons",
        )
    if found.warns and not found.fails:
        first = chief(found.warns)
        keys, subject = keys_of(first), first["subject"]
        why = "If it gives the answer away" if keys & COLUMN_KEYS else "If it holds"
        one = len(found.warns) == 1
        yield html(
            'Read the {} of <a href="#audit">the audit</a>{}{}.{}',
            "warning" if one else f"{len(found.warns)} warnings",
            "" if one else ", first the one",
            html(" about <code>{}</code>", shortened(subject, NAME_LENGTH)) if subject else "",
            html(" {}, write {}.", why, entry([first])) if keys else "",
        )
    if found.leaks or found.missed:
        yield html(
            'Look at <a href="#controls">the controls</a>: where the answer is known, the workflow '
            "did not find it."
        )


def improvements(found: Standing, best: Row, sources: Sources) -> Iterator[Markup]:
    """Yield what makes scores that may be believed better or surer."""
    if found.is_rough:
        share = number(best.get("prevalence")) or 0
        fewer = round(found.rows * min(share, 1 - share))
        if fewer >= ENOUGH_ROWS_OF_A_CLASS:
            yield html(
                "Get more rows before you rely on the interval: {} made too few errors on these to "
                "tell how many it makes.",
                name_of(best),
            )
        else:
            yield html(
                "Get more rows, above all with {}: the holdout has {}, too few for a reliable "
                "interval.",
                shortened(sources.classes[share < 0.5], NAME_LENGTH),
                count(fewer),
            )
    if found.gain is not None and not found.beats_baseline:
        yield html("Look for other columns or more rows before you try other models.")
    chosen = chosen_threshold(found, sources.thresholds)
    if chosen is not None and found.beats_baseline:
        yield html(
            "Choose the threshold: at {:g} the model finds {} of {} rows with {} and raises {}. "
            '<a href="#thresholds">What other thresholds give</a>.',
            chosen["threshold"],
            count(chosen["true_positives"]),
            count(chosen["true_positives"] + chosen["false_negatives"]),
            shortened(sources.classes[1], NAME_LENGTH),
            plural(chosen["false_positives"], "false alarm"),
        )
    if found.score and (reach := (found.score.high - found.score.low) / 2) >= WIDE:
        yield html(
            "Get more rows if ±{} is too wide: half of it takes about four times the rows ({} held "
            "out).",
            fixed(reach, found.score.digits),
            count(4 * round(number(best.get("rows")) or 0)),
        )
    if found.seeds == 1:
        yield html("See how much depends on this one split: <code>seeds: [1, 2, 3]</code>.")
    if not sources.controls:
        yield html(
            "Prove the workflow on this table: <code>controls: true</code> shuffles the labels."
        )


def chosen_threshold(found: Standing, thresholds: list[dict]) -> dict | None:
    """Return the row of the best model at the threshold in use."""
    best = found.best and found.best["model"]
    return next((r for r in thresholds if r["model"] == best and true(r["chosen"])), None)
