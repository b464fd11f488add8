"""The same customer, patient or machine on both sides of the split."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit
from ml_baseline.audit.registry import check
from ml_baseline.audit.strength import ridge
from ml_baseline.audit.views import matrix_of
from ml_baseline.data.schema import columns_of_role, feature_columns
from ml_baseline.text import config_entry, percent

AGREEMENT = Limit(0.15, 0.40, "kappa within an entity, beyond what neighbouring values have")
RESIDUAL = Limit(
    0.10,
    0.25,
    "the same in what the other features do not explain, for a column that is not declared an id or "
    "a group: a survey weight has kappa 0.2 and 0.0 here",
)
SEEN = Limit(0.10, 0.30, "share of holdout rows whose entity is in the training rows")
NUMBERS = Limit(
    0.35, 0.50, "kappa for a feature of whole numbers: prices and sizes recur without naming anyone"
)
RECURS = Limit(
    warn=0.05,
    why="a declared id that recurs on both sides is worth a word however the target behaves",
)
# A column may name entities if it has at least so many values ...
FEWEST_ENTITIES = 20
# ... and a row finds so few others with its own, on average.
MOST_ROWS_EACH = 30
# Rows that a column's unexplained likeness is measured on.
MOST_ROWS = 20_000
# Multiples of these are rounder than others.
ROUND = (5, 10, 50, 100, 500, 1000)
# Agreement must be this many standard errors away from none.
PLAINLY = 4.0


class _Recurrence(NamedTuple):
    """How a column's values recur, and what the target does within them."""

    seen: float  # share of the holdout rows whose value is in the training rows
    agreement: float  # on the target within a value, beyond chance and neighbouring values (kappa)
    surety: float  # that agreement in standard errors


@check(
    shared_entities=AGREEMENT,
    entity_residual=RESIDUAL,
    entity_seen=SEEN,
    shared_numbers=NUMBERS,
    id_recurs=RECURS,
)
def shared_entities(context: Context) -> list[Finding]:
    """Agreement on the target within an entity that is on both sides (kappa)."""
    schema = context.schema
    findings, largest, closest = [], 0.0, ""
    ids = [entry for entry in schema["columns"] if entry["role"] == "id"]
    # Where tables were put one below the other, their row numbers recur and name nobody.
    declared = [entry["name"] for entry in ids if "row_numbers" not in entry]
    groups = columns_of_role(schema, "group")
    dates = {entry["name"] for entry in schema["columns"] if "part" in entry}
    names = declared + [name for name in groups if context.strategy != "group"]
    # They do where the tables were of the same ones, and then these share their targets.
    names += [entry["name"] for entry in ids if "row_numbers" in entry]
    features = feature_columns(schema, "integer", "number", "code", "category")
    for name in names + [name for name in features if name not in dates]:
        values = context.both[name]
        ordered = context.kind(name) in ("integer", "number")
        if ordered and (values.dropna() % 1 != 0).any():
            continue  # a measured number names nobody
        is_declared = name in declared + groups
        found = _recurrence(values, context.targets, len(context.train), ordered, is_declared)
        if found is None:
            continue
        limit = NUMBERS if ordered else AGREEMENT
        finding = _judge(name, found, is_declared, limit)
        if finding is not None and not is_declared:
            verdict = RESIDUAL.verdict(_unexplained(context, values, ordered))
            if verdict == "pass":
                finding = None
            elif verdict == "warn":
                finding = _judge(name, found, is_declared, limit, may_fail=False)
        if finding is not None:
            findings.append(finding)
        elif found.agreement > largest:
            largest, closest = found.agreement, name
    if findings:
        return sorted(findings, key=lambda finding: -finding.value)
    summary = "No column names customers, patients or the like that are on both sides and share their target."
    return [Finding(closest, largest, AGREEMENT.nearest, summary)]


def _recurrence(
    values: pd.Series, target: np.ndarray, train_rows: int, ordered: bool, declared: bool
) -> _Recurrence | None:
    """Return how values recur, None if they do not name entities."""
    codes, distinct = pd.factorize(values, sort=ordered)
    known = codes >= 0
    sizes = np.bincount(codes[known], minlength=len(distinct))
    recurring = sizes[sizes > 1]
    if len(distinct) < FEWEST_ENTITIES or not len(recurring):
        return None
    # Of a row that has others: how many rows share its value.
    rows_each = np.square(recurring, dtype=np.float64).sum() / recurring.sum()
    if len(recurring) < FEWEST_ENTITIES / 2 or (rows_each > MOST_ROWS_EACH and not declared):
        return None
    in_train = np.bincount(codes[:train_rows][known[:train_rows]], minlength=len(distinct)) > 0
    theirs = codes[train_rows:]
    seen = float(np.mean((theirs >= 0) & in_train[np.maximum(theirs, 0)]))
    agreement, beside = _alike(codes[known], target[known], distinct, ordered)
    # Rows of one value make about half as many independent pairs as there are rows.
    of_others = target[known][sizes[codes[known]] > 1]
    chance = 1 - 2 * of_others.var()
    error = np.sqrt(chance / max(1 - chance, 1e-9) / (len(of_others) / 2))
    surety = float(agreement / max(error, 1e-12))
    # Near values of a quantity have near targets; only what equal values have beyond that speaks of
    # entities.
    return _Recurrence(seen, max(agreement - beside, 0.0) if ordered else agreement, surety)


def _alike(
    codes: np.ndarray, values: np.ndarray, distinct: pd.Index, ordered: bool
) -> tuple[float, float]:
    """Return how far rows with one code are alike in their values, and those of neighbouring codes.

    As an intraclass correlation, of the rows that share a code with others: of zeros and ones it is
    kappa, how often two such rows agree beyond chance. 0 for neighbours of what has no order.
    """
    sizes = np.bincount(codes, minlength=len(distinct)).astype(np.float64)
    many = sizes > 1
    values = values - values[many[codes]].mean()
    sums, squares = (
        np.bincount(codes, weights=weights, minlength=len(distinct))
        for weights in (values, values**2)
    )
    scale = squares[many].sum() / sizes[many].sum()
    if not scale > 1e-9:
        return 0.0, 0.0
    pairs = ((sums**2 - squares)[many] / (sizes[many] - 1)).sum() / sizes[many].sum()
    means, of_squares = (total / np.maximum(sizes, 1) for total in (sums, squares))
    beside = 0.0
    for first, second in _neighbours(distinct) if ordered else ():
        present = (sizes[first] > 0) & (sizes[second] > 0) & (many[first] | many[second])
        weights = (sizes[first] + sizes[second]) * present
        if weights.any():
            mean, square, product = np.average(
                [
                    (means[first] + means[second]) / 2,
                    (of_squares[first] + of_squares[second]) / 2,
                    means[first] * means[second],
                ],
                axis=1,
                weights=weights,
            )
            beside = max(beside, (product - mean**2) / max(square - mean**2, 1e-9))
    return float(pairs / scale), float(beside)


def _neighbours(distinct: pd.Index) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the places of sorted values and of the next ones: of any, and of one as round.

    Who rounds to tens may differ from who does not, and then 50 is like 40 and 60, not like 51.
    """
    values = distinct.to_numpy(dtype=np.float64)
    places = np.arange(len(values))
    roundness = sum((values % step == 0).astype(int) for step in ROUND)
    order = np.lexsort([values, roundness])
    alike = roundness[order][:-1] == roundness[order][1:]
    return [(places[:-1], places[1:]), (order[:-1][alike], order[1:][alike])]


def _unexplained(context: Context, values: pd.Series, ordered: bool) -> float:
    """Return how far rows of one value are alike in what the other features do not explain.

    By the residuals of a ridge regression, each half of the values predicted from the other; of an
    ordered column only what neighbouring values do not share.
    """
    codes, distinct = pd.factorize(values, sort=ordered)
    random = np.random.default_rng(0)
    rows = np.flatnonzero(codes >= 0)
    if len(rows) > MOST_ROWS:  # whole stretches of values, so that groups and neighbours stay
        stretch = np.minimum((codes[rows] * 50) // len(distinct), 49)
        order = random.permutation(50)
        sizes = np.bincount(stretch, minlength=50)[order]
        kept = order[: max(int((np.cumsum(sizes) <= MOST_ROWS).sum()), 1)]
        rows = rows[np.isin(stretch, kept)]
    others = [entry for entry in context.schema["columns"] if entry["name"] != values.name]
    matrix = matrix_of(context.both.iloc[rows], {**context.schema, "columns": others})
    codes, wanted = codes[rows], context.targets[rows]
    half = random.integers(0, 2, len(distinct))[codes]
    residual = np.empty(len(rows))
    for part in (0, 1):
        asked = half == part
        if asked.all() or not asked.any():
            return 0.0
        residual[asked] = wanted[asked] - ridge(matrix[~asked], wanted[~asked], matrix[asked])
    alike, beside = _alike(codes, residual, distinct, ordered)
    return alike - beside


def _judge(
    name: str, found: _Recurrence, declared: bool, of_agreement: Limit, may_fail: bool = True
) -> Finding | None:
    seen = f"{percent(found.seen)} of the holdout rows have their '{name}' in the training rows too"
    fix = config_entry(split={"strategy": "group"}, group=name)
    of_seen = SEEN.verdict(found.seen)
    if found.surety >= PLAINLY and of_seen != "pass" and not of_agreement.passed(found.agreement):
        summary = (
            f"{seen}, and rows with the same one agree on the target by a kappa of "
            f"{found.agreement:.2f} beyond chance"
        )
        why = (
            f"The model can know the '{name}' it is asked about; a new one it will not know. Split by "
            "group."
        )
        may_fail = may_fail and of_seen == "fail"
        return of_agreement.found(name, found.agreement, summary, why, fix, may_fail)
    if declared and not RECURS.passed(found.seen):
        why = (
            "An id that recurs names someone with several rows, and the score then holds for known "
            "ones only. Split by group."
        )
        return RECURS.found(name, found.seen, seen, why, fix)
    return None
