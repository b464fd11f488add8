"""Two columns that together tell too much of the target."""

from ml_baseline.audit.alone import CERTAIN, DEPENDENCE, beyond_chance, is_step
from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit, quoted
from ml_baseline.audit.pairs import strongest_pairs
from ml_baseline.audit.registry import check
from ml_baseline.audit.strength import distance, lower_bound
from ml_baseline.text import config_entry

PAIR = Limit(
    0.80,
    0.995,
    "roc_auc of two columns together: the best of thousands of honest pairs has 0.994; mushrooms have "
    "1.0, a warning as one column alone has 0.986",
)
GAIN = Limit(
    warn=1.0,
    why="d' a pair surely adds to the better of the two, honest tables up to 0.95; half of it is enough "
    "where the pair goes along with no other column (`single_dependence`)",
)
ONE_SIDED = 1.645
REPORTED_PAIRS = 3
# What a column with this roc_auc lacks is little, and many others can add it.
NEARLY_ALONE = 0.97


@check(feature_pair=PAIR, pair_gain=GAIN)
def feature_pair(context: Context) -> list[Finding]:
    """roc_auc of two columns together, by sum, difference, product, ratio, distance or combination.

    The strongest pairs are judged, without the columns that failed alone.
    """
    target, settled = context.target, context.failed_alone()
    left = [one for one in context.scored if one.view.subject not in settled]
    usable = [one for one in left if one.view.what in ("value", "date") and one.view.size > 1]
    best_alone = max((one.auc for one in left), default=0.5)
    pairs, tries = strongest_pairs(context, usable)
    findings: list[Finding] = []
    named: set[str] = set()
    for one, pair in pairs:
        auc = one.auc
        subjects = (pair.first.view.subject, pair.second.view.subject)
        if named & set(subjects) or len(findings) == REPORTED_PAIRS or PAIR.passed(auc):
            continue
        # Surely, by a lower bound: the best of many pairs on few rows is lucky.
        better = max(pair.first.auc, pair.second.auc)
        gain = distance(lower_bound(auc, target, ONE_SIDED)) - distance(better)
        may_fail = CERTAIN.passed(lower_bound(auc, target)) and better < NEARLY_ALONE
        if not (may_fail and PAIR.verdict(auc) == "fail"):
            stands_out = (
                not GAIN.passed(gain)
                or (gain > 0 and is_step(one, target))
                or (
                    gain >= GAIN.nearest / 2
                    and not DEPENDENCE.passed(context.relations.dependence(one, subjects))
                )
            )
            if not (stands_out and len(usable) > 2 and beyond_chance(auc, target, tries)):
                continue
        named |= set(subjects)
        how = pair.how.format(a=f"'{subjects[0]}'", b=f"'{subjects[1]}'")
        summary = (
            f"Together {quoted(subjects)} tell what no column tells alone: {how} has a ROC-AUC of "
            f"{auc:.3f}, the best single column {best_alone:.3f}"
        )
        why = (
            "Two columns from which the target is computed do that, and a model only learns the "
            "formula back. If the target is defined by them, forbid both."
        )
        fix = config_entry(forbidden=list(subjects))
        findings.append(PAIR.found(one.view.subject, auc, summary, why, fix, may_fail))
    best, subject = 0.5, ""
    if pairs:
        best, subject = pairs[0][0].auc, pairs[0][0].view.subject
    summary = (
        f"No two columns give the target away; the strongest of {tries:,} combinations has a ROC-AUC "
        f"of {best:.3f}."
    )
    return findings or [Finding(subject, best, PAIR.fail or 1.0, summary)]
