"""The same customer, patient or machine on both sides of the split."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import Finding, Limit, config_entry
from ml_baseline.audit.registry import check
from ml_baseline.audit.strength import ridge
from ml_baseline.audit.views import matrix_of
from ml_baseline.data.schema import columns_of_role, feature_columns
from ml_baseline.text import percent

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
    summary = (
        "No column names customers, patients or the like that are on both sides and share their "
    )
    return [Finding(closest, largest, AGREEMENT.nearest, f"{summary}target.")]


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
    ones = np.bincount(codes[known], weights=target[known], minlength=len(distinct))
    agreement, surety = _agreement(ones, sizes)
    if ordered:
        # Near values of a quantity have near targets; only what equal values have beyond that
        # speaks of entities.
        beside = max(_agreement_beside(ones, sizes, *pair) for pair in _neighbours(distinct))
        agreement = max(agreement - max(beside, 0.0), 0.0)
    return _Recurrence(seen, agreement, surety)


def _agreement(ones: np.ndarray, sizes: np.ndarray) -> tuple[float, float]:
    """Return how far two rows of one value agree on the target, beyond chance, and how surely."""
    many = sizes > 1
    ones, sizes = ones[many], sizes[many].astype(np.float64)
    zeros = sizes - ones
    agreeing = ((ones * (ones - 1) + zeros * (zeros - 1)) / (sizes - 1)).sum() / sizes.sum()
    # By the ones among these rows, which need not be those of the table.
    share = ones.sum() / sizes.sum()
    chance = share**2 + (1 - share) ** 2
    if chance >= 1 - 1e-9:
        return 0.0, 0.0
    kappa = (agreeing - chance) / (1 - chance)
    # Rows of one value make about half as many independent pairs as there are rows.
    error = np.sqrt(chance / (1 - chance) / (sizes.sum() / 2))
    return float(kappa), float(kappa / max(error, 1e-12))


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


def _agreement_beside(
    ones: np.ndarray, sizes: np.ndarray, places: np.ndarray, following: np.ndarray
) -> float:
    """Return how far rows of neighbouring values agree on the target, beyond chance."""
    both = np.stack([ones, sizes]).astype(np.float64)
    (ones, sizes), (next_ones, next_sizes) = both[:, places], both[:, following]
    many = (sizes > 1) | (next_sizes > 1)
    weights = (sizes + next_sizes)[many]
    if not weights.sum():
        return 0.0
    first, second = (ones / sizes)[many], (next_ones / next_sizes)[many]
    agreeing = np.average(first * second + (1 - first) * (1 - second), weights=weights)
    share = np.average((first + second) / 2, weights=weights)
    chance = share**2 + (1 - share) ** 2
    return float((agreeing - chance) / max(1 - chance, 1e-9))


def _unexplained(context: Context, values: pd.Series, ordered: bool) -> float:
    """Return how far rows of one value are alike in what the other features do not explain.

    The intraclass correlation of the residuals of a ridge regression, each half of the values
    predicted from the other; of an ordered column only what neighbouring values do not share.
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
    residual -= residual.mean()
    sizes = np.bincount(codes, minlength=len(distinct)).astype(np.float64)
    sums = np.bincount(codes, weights=residual, minlength=len(distinct))
    squares = np.bincount(codes, weights=residual**2, minlength=len(distinct))
    many = sizes > 1
    scale = squares[many].sum() / sizes[many].sum()
    if not scale > 0:
        return 0.0
    alike = ((sums**2 - squares)[many] / (sizes[many] - 1)).sum() / sizes[many].sum() / scale
    if ordered and len(distinct) > 2:
        means = sums / np.maximum(sizes, 1)
        shared = [0.0]
        for first, second in _neighbours(distinct):
            present = (sizes[first] > 0) & (sizes[second] > 0)
            if present.any():
                shared.append((means[first] * means[second])[present].mean() / scale)
        alike -= float(max(shared))
    return float(alike)


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
