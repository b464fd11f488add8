"""Holdout rows that are copies of training rows, with a little noise or some columns changed."""

import numpy as np

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit, Verdict, quoted
from ml_baseline.audit.nearest import GROUP, by_agreement, by_distance, looked_up
from ml_baseline.audit.registry import check
from ml_baseline.data.schema import feature_columns
from ml_baseline.text import percent

LIMIT = Limit(
    0.16,
    0.35,
    "honest tables up to 0.22 (sounds cut from one recording) and 0.28 (mails sent again); all rows "
    "copied with 1 to 2 % noise mostly 0.8, a fifth of the rows 0.27",
)
# Noise moves a number by few tenths of a standard deviation at most.
NEAR = 0.1


@check(near_duplicates=LIMIT)
def near_duplicates(context: Context) -> list[Finding]:
    """Share of holdout rows with a training row far nearer than rows of this table are.

    Also decimals that only noise writes.
    """
    rows = looked_up(context)
    if not rows.enough:
        return [Finding("rows", 0.0, LIMIT.nearest, "There are too few rows to tell.")]
    share = max(by_distance(rows).share(), by_agreement(rows).share())
    summary = f"{percent(share)} of the holdout rows have a near copy among the training rows"
    todo = "Hand over the table as it was before rows were copied; this workflow augments training rows only."
    todo += "" if context.strategy == "group" else f" {GROUP}"
    if LIMIT.verdict(share) == "fail":
        why = (
            "These copies are far nearer, or alike in far more columns, than any other row, and "
            "have the same target: a model that only remembers scores as if it understood."
        )
        return [LIMIT.found("rows", share, summary, f"{why} {todo}")]
    verdict, of_rows, columns = _mixed_precision(context)
    if verdict != "pass":
        long = f"{percent(of_rows)} of the rows have long decimals in {quoted(columns)}"
        why = (
            "Copies made with noise look like that, and then a holdout row's original may be among "
            "the training rows."
        )
        summary = f"{long} where the others have short ones."
        return [Finding("rows", of_rows, LIMIT.nearest, summary, verdict, f"{why} {todo}")]
    if LIMIT.passed(share):
        return [Finding("rows", share, LIMIT.nearest, f"{summary}.")]
    why = "A model gets such rows right by remembering."
    return [LIMIT.found("rows", share, summary, f"{why} {todo}")]


def _mixed_precision(context: Context) -> tuple[Verdict, float, list[str]]:
    """Return what long decimals say of copies made with noise, their share of the rows, and the columns.

    Noise turns round numbers into ones with all the decimals there are. Each of them is near a round
    one; the same rows have them in every column, and, if each row was copied, as often in each class
    as the originals.
    """
    target = context.targets
    marks: list[tuple[str, np.ndarray, np.ndarray]] = []
    for name in feature_columns(context.schema, "number"):
        numbers = context.both[name].to_numpy(dtype=np.float64)
        present = np.isfinite(numbers)
        scaled = np.where(present, numbers, 0.0) * 1e4
        long = np.abs(scaled - np.round(scaled)) > 1e-6 + 2e-15 * np.abs(scaled)
        # Short ones that were kept in 32 bits look long.
        long &= np.round(numbers, 4).clip(-1e8, 1e8).astype(np.float32) != numbers
        share = long[present].mean() if present.any() else 0.0
        if (
            0.05 <= share <= 0.95
            and (np.abs(numbers[present]) < 1e8).all()
            and _have_originals(numbers[present], long[present])
        ):
            marks.append((name, long, present))
    if not marks:
        return "pass", 0.0, []
    name, long, present = marks[0]
    alike = [name]
    for other, other_long, other_present in marks[1:]:
        both = present & other_present
        if both.any() and (long == other_long)[both].mean() > 0.995:
            alike.append(other)
    share = float(long[present].mean())
    copies, originals = long & present, ~long & present
    times = copies.sum() / max(originals.sum(), 1)
    exactly = (
        originals.sum() >= 30
        and times == round(times)
        and target[copies].sum() == round(times) * target[originals].sum()
        and len(np.unique(target[originals])) > 1
    )
    verdict: Verdict = "fail" if exactly else "warn" if len(alike) >= 2 else "pass"
    return verdict, share, alike


def _have_originals(numbers: np.ndarray, long: np.ndarray) -> bool:
    """Return whether nearly all numbers with long decimals are near one with short ones.

    Amounts beside zeros are not.
    """
    short, wanted = np.unique(numbers[~long]), numbers[long]
    place = np.searchsorted(short, wanted).clip(1, len(short) - 1) if len(short) > 1 else 0
    away = np.minimum(np.abs(wanted - short[place]), np.abs(wanted - short[place - 1]))
    return bool((away <= NEAR * numbers.std()).mean() >= 0.9)
