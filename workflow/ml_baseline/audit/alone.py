"""One column that gives the target away, by its values or by where they are missing."""

import numpy as np

from ml_baseline.audit.findings import Finding, Limit
from ml_baseline.audit.relations import Relations
from ml_baseline.audit.strength import NORMAL, by_fold, distance, given_away, lower_bound, step
from ml_baseline.audit.views import Scored
from ml_baseline.text import config_entry, percent

ALONE = Limit(
    fail=0.99,
    why="roc_auc of one column alone: honest ones reach 0.975 (the worst perimeter of a tumour) and 0.986 "
    "(the odour of a mushroom), a copy of the target with 1 % of typing errors 0.99",
)
STRONG = Limit(
    warn=0.77,
    why="with one of the next two, or with a step: a call's duration, known only after the call, has "
    "0.82; checking_status, Contract, tenure and sex on the Titanic, all honest, 0.69 to 0.76",
)
GAP = Limit(
    warn=0.7, why="d' ahead of the best unrelated column: one honest table in ten exceeds it"
)
DEPENDENCE = Limit(
    warn=0.05,
    why="largest rank correlation with another column within a class, beyond chance: honest strong "
    "columns share causes with others, what is made from target and noise has none",
    below=True,
)
GIVEN_AWAY = Limit(
    warn=0.30,
    why="share of a class that lies where the other never is, beyond two normal classes of the column's "
    "roc_auc: honest tables reach 0.3, an amount that is zero unless the event happened 1",
)
CERTAIN = Limit(
    fail=0.95,
    why="lower bound that a failing column or pair must have: few rows prove little",
    below=True,
)
STEP = Limit(
    warn=0.92,
    why="balanced accuracy of one cut; with errors anywhere (`step_within`) it is a rule, no relation",
)
STEP_WITHIN = Limit(
    warn=0.65,
    why="roc_auc within the sides of the cut: honest cuts this good keep 0.78 and more",
    below=True,
)
# What is judged of a column by itself.
LIMITS = {
    "single_feature": ALONE,
    "single_strong": STRONG,
    "single_gap": GAP,
    "single_dependence": DEPENDENCE,
    "given_away": GIVEN_AWAY,
    "certain": CERTAIN,
    "step": STEP,
    "step_within": STEP_WITHIN,
}
# A figure must be beyond chance by this probability, for all columns or pairs looked at.
CHANCE = 0.01
PLAINLY_ABOVE_CHANCE = 0.65
# With fewer errors nothing is known of where they lie.
FEWEST_ERRORS = 8


def judged_alone(
    scored: list[Scored], relations: Relations, target: np.ndarray, folds: np.ndarray
) -> list[tuple[Scored, Finding | None]]:
    """Return the view of each feature that tells most, and what is wrong with that; the strongest first."""
    by_subject: dict[str, list[Scored]] = {}
    for one in scored:
        by_subject.setdefault(one.view.subject, []).append(one)
    best = {subject: _telling(ones) for subject, ones in by_subject.items()}
    found = []
    for subject, one in sorted(best.items(), key=lambda item: -item[1].auc):
        share = max(_given_away(other, target, folds) for other in by_subject[subject])
        found.append((one, _judge(one, share, len(best), relations, target)))
    return found


def beyond_chance(auc: float, target: np.ndarray, tries: int) -> bool:
    """Return whether the best of so many figures is plainly more than luck."""
    z = NORMAL.inv_cdf(1 - CHANCE / max(tries, 1))
    return lower_bound(auc, target, z) >= PLAINLY_ABOVE_CHANCE


def _given_away(one: Scored, target: np.ndarray, folds: np.ndarray) -> float:
    """Return the share of a class that is given away, beyond two normal classes as far apart.

    Of those, this share of the one lies where about 1 % of the other does.
    """
    usual = NORMAL.cdf(distance(one.auc) - NORMAL.inv_cdf(0.99))
    return max(given_away(*by_fold(one.view.codes, one.view.size, target, folds)) - usual, 0.0)


def _telling(ones: list[Scored]) -> Scored:
    """Return the view of a column that tells most: its gaps if they tell as much as its values."""
    top = max(ones, key=lambda one: one.auc)
    gaps = [one for one in ones if one.view.what == "missing"]
    gaps = [one for one in gaps if one.auc >= top.auc - 0.01]
    return gaps[0] if gaps and gaps[0].auc > 0.6 else top


def _judge(
    one: Scored, share: float, columns: int, relations: Relations, target: np.ndarray
) -> Finding | None:
    subject, auc = one.view.subject, one.auc
    what = f"Whether '{subject}' is missing" if one.view.what == "missing" else f"'{subject}'"
    summary = f"{what} alone has a ROC-AUC of {auc:.3f}"
    limit, value, may_fail = ALONE, auc, True
    if not ALONE.passed(auc):
        may_fail = _certain(one, target)
        why = (
            "A column that settles the answer by itself is nearly always made from the target, or "
            "written down after it, and then the score says nothing about new rows."
        )
    elif not GIVEN_AWAY.passed(share):
        limit, value = GIVEN_AWAY, share
        summary = (
            f"Some values of '{subject}' occur in one class only, and {percent(share)} more of that "
            "class have them than is usual for a column this strong"
        )
        why = "Amounts or marks that exist only once the outcome is known do that."
    elif not STRONG.passed(auc) and beyond_chance(auc, target, columns):
        limit = STRONG
        reason = _why_strange(one, relations, target)
        if reason is None:
            return None
        after = "It may come from after the event, as the length of a call does for its outcome."
        why = f"{reason} {after}"
    else:
        return None
    todo = "If it is not known when you predict, forbid it; if it is, be sure that you know why it is so strong."
    fix = config_entry(forbidden=subject)
    return limit.found(subject, value, summary, f"{why} {todo}", fix, may_fail)


def _why_strange(one: Scored, relations: Relations, target: np.ndarray) -> str | None:
    """Return what makes a strong column unlike an honest one, None if nothing does."""
    if is_step(one, target):
        return (
            "All of it lies in one cut, with errors anywhere and not near the cut, as where the "
            "target was computed from the column and some labels are wrong."
        )
    gap = relations.gap(one)
    if not GAP.passed(gap):
        return (
            f"The best unrelated column is far behind: {gap:.2f} standard deviations between the "
            f"classes (limit {GAP.nearest:g})."
        )
    dependence = relations.dependence(one)
    if not DEPENDENCE.passed(dependence):
        return (
            "Within each class it is correlated with no other column (beyond chance by "
            f"{max(dependence, 0):.2f}, limit {DEPENDENCE.nearest:g}), like a column made from the "
            "target and noise."
        )
    return None


def is_step(one: Scored, target: np.ndarray) -> bool:
    """Return whether a column is a rule with a few errors."""
    found = step(one.view.numbers, target) if one.view.numbers is not None else None
    if found is None:
        return False
    accuracy, errors, within = found
    return errors >= FEWEST_ERRORS and not (STEP.passed(accuracy) or STEP_WITHIN.passed(within))


def _certain(one: Scored, target: np.ndarray) -> bool:
    """Return whether a figure near 1 is more than the luck of few rows."""
    if CERTAIN.passed(lower_bound(one.auc, target)):
        return True
    # A few labels that match the two classes without an exception are the target itself.
    few_labels = one.view.numbers is None or one.view.size <= 4
    return few_labels and one.view.size <= 6 and one.auc >= 0.9999 and target.sum() >= 10
