"""The target in disguise: one column, or two together, that give the answer away."""

from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ml_baseline.audit.findings import Finding, config_entry, judged, passed, quoted
from ml_baseline.audit.scoring import (
    NORMAL,
    PRIOR_ROWS,
    Strength,
    binned,
    distance,
    lower_bound,
    step,
    strength,
)
from ml_baseline.audit.views import Columns, View, standardized

# Columns that go along this closely within both classes are one column said twice.
SAME = 0.9
# Rows that the search for pairs and the comparison of columns look at; the pairs found are then
# judged by all rows.
SCREENED_ROWS = 2_000
COMPARED_ROWS = 5_000
# Pairs that the search hands on to be judged by all rows.
KEPT_PAIRS = 12
# Of more pairs than this the gain is taken as a difference of areas, which is cheaper.
FEW_PAIRS = 2_000
# Above so many columns the grid of a pair is coarser, and above the second not all are paired.
FINE_COLUMNS, MOST_COLUMNS = 128, 512
# Of numeric columns, pairs of the strongest and the most closely related are combined.
STRONGEST, MOST_RELATED = 30, 400
# A figure must be beyond chance by this probability, for all columns or pairs looked at.
CHANCE = 0.01
PLAINLY_ABOVE_CHANCE = 0.65
ONE_SIDED = 1.645
REPORTED_PAIRS = 3
# What a column with this roc_auc lacks is little, and many others can add it.
NEARLY_ALONE = 0.97
# With fewer errors nothing is known of where they lie.
FEWEST_ERRORS = 8


class Combination(NamedTuple):
    """A way to make one number of two."""

    make: Callable[[np.ndarray, np.ndarray], np.ndarray]
    standardized: bool = False


COMBINATIONS = {
    "{a} - {b}": Combination(np.subtract),
    "{a} + {b}": Combination(np.add),
    "{a} * {b}": Combination(np.multiply),
    "{a} / {b}": Combination(lambda a, b: a / np.where(b == 0, np.nan, b)),
    "the distance of {a} and {b}": Combination(lambda a, b: np.abs(a - b)),
    "{a} - {b}, each standardized": Combination(np.subtract, standardized=True),
    "{a} + {b}, each standardized": Combination(np.add, standardized=True),
}
GRID = "each combination of {a} and {b}"
SAME_TEXT = "{a} being equal to {b}"


class Scored(NamedTuple):
    """A view and how far it gives the target away."""

    view: View
    strength: Strength


def beyond_chance(auc: float, target: np.ndarray, tries: int) -> bool:
    """Return whether the best of so many figures is plainly more than luck."""
    z = NORMAL.inv_cdf(1 - CHANCE / max(tries, 1))
    return lower_bound(auc, target, z) >= PLAINLY_ABOVE_CHANCE


def score_all(columns: Columns, target: np.ndarray, folds: np.ndarray) -> list[Scored]:
    """Return every view of every column with its strength."""
    return [
        Scored(view, strength(view.codes, view.size, target, folds, view.numbers))
        for view in [*columns.values, *columns.signs]
    ]


def single_features(scored: list[Scored], target: np.ndarray, limits: dict) -> list[Finding]:
    """Return the findings on columns that alone tell too much of the target."""
    if not scored:
        return [
            passed(
                "single_feature",
                "",
                0.5,
                limits["single_feature"].fail,
                "The table has no features.",
            )
        ]
    by_subject: dict[str, list[Scored]] = {}
    for one in scored:
        by_subject.setdefault(one.view.subject, []).append(one)
    best = {subject: _telling(ones) for subject, ones in by_subject.items()}
    related = _Relations(scored, target)
    findings = []
    for subject, one in sorted(best.items(), key=lambda item: -item[1].strength.auc):
        given_away = max(_given_away(other.strength) for other in by_subject[subject])
        finding = _judge_single(subject, one, given_away, best, related, target, limits)
        if finding is not None:
            findings.append(finding)
    strongest = max(best.values(), key=lambda one: one.strength.auc)
    if not any(finding.check == "single_feature" for finding in findings):
        findings.append(
            passed(
                "single_feature",
                strongest.view.subject,
                strongest.strength.auc,
                limits["single_feature"].fail,
                f"No column alone gives the target away; the strongest is "
                f"'{strongest.view.subject}' with a ROC-AUC of {strongest.strength.auc:.3f}.",
            )
        )
    if not any(finding.check == "missing_values" for finding in findings):
        gaps = [one for one in scored if one.view.what == "missing"]
        top = max(gaps, key=lambda one: one.strength.auc, default=None)
        findings.append(
            passed(
                "missing_values",
                top.view.subject if top else "",
                top.strength.auc if top else 0.5,
                limits["single_feature"].fail,
                "No column gives the target away by where its values are missing"
                + (f"; '{top.view.subject}' tells most." if top else ": none is missing."),
            )
        )
    return findings


def _given_away(strength: Strength) -> float:
    """Return the share of a class that is given away, beyond two normal classes as far apart.

    Of those, this share of the one lies where about 1 % of the other does.
    """
    usual = NORMAL.cdf(distance(strength.auc) - NORMAL.inv_cdf(0.99))
    return max(strength.given_away - usual, 0.0)


def _telling(ones: list[Scored]) -> Scored:
    """Return the view of a column that tells most: its gaps if they tell as much as its values."""
    top = max(ones, key=lambda one: one.strength.auc)
    gaps = [
        one
        for one in ones
        if one.view.what == "missing" and one.strength.auc >= top.strength.auc - 0.01
    ]
    return gaps[0] if gaps and gaps[0].strength.auc > 0.6 else top


def _judge_single(
    subject: str,
    one: Scored,
    given_away: float,
    best: dict[str, Scored],
    related: "_Relations",
    target: np.ndarray,
    limits: dict,
) -> Finding | None:
    auc, tries = one.strength.auc, len(best)
    missing = one.view.what == "missing"
    check = "missing_values" if missing else "single_feature"
    what = f"Whether '{subject}' is missing" if missing else f"'{subject}'"
    todo = (
        "If it is not known when you predict, forbid it; if it is, say why it may be this strong."
    )
    fix = config_entry(forbidden=subject)
    verdict, limit = judged(auc, limits["single_feature"])
    if verdict == "fail":
        if not _certain(one, target, limits):
            verdict = "warn"
        return Finding(
            check,
            subject,
            auc,
            limit,
            verdict,
            f"{what} alone has a ROC-AUC of {auc:.3f} (limit {limit:g}).",
            "A column that settles the answer by itself is nearly always made from the target, or "
            f"written down after it, and then the score says nothing about new rows. {todo}",
            fix,
        )
    verdict, limit = judged(given_away, limits["given_away"])
    if verdict != "pass":
        return Finding(
            check,
            subject,
            given_away,
            limit,
            verdict,
            f"Some values of '{subject}' occur in one class only, and {given_away:.0%} more of that "
            f"class have them than is usual for a column this strong (limit {limit:.0%}).",
            f"Amounts or marks that exist only once the outcome is known do that. {todo}",
            fix,
        )
    verdict, limit = judged(auc, limits["single_strong"])
    if verdict == "pass" or not beyond_chance(auc, target, tries):
        return None
    gap, dependence = related.gap(one), related.dependence(one)
    if _is_step(one, target, limits):
        reason = (
            "All of it lies in one cut, with errors anywhere and not near the cut, as where the "
            "target was computed from the column and some labels are wrong."
        )
    elif judged(gap, limits["single_gap"])[0] != "pass":
        reason = (
            f"The best unrelated column is far behind: {gap:.2f} standard deviations between the "
            f"classes (limit {limits['single_gap'].warn:g})."
        )
    elif judged(dependence, limits["single_dependence"])[0] != "pass":
        reason = (
            "Within each class it is correlated with no other column (beyond chance by "
            f"{max(dependence, 0):.2f}, limit {limits['single_dependence'].warn:g}), like a column "
            "made from the target and noise."
        )
    else:
        return None
    return Finding(
        check,
        subject,
        auc,
        limit,
        verdict,
        f"{what} alone has a ROC-AUC of {auc:.3f} (limit {limit:g}).",
        f"{reason} It may come from after the event, as the length of a call does for its outcome. "
        f"{todo}",
        fix,
    )


def _is_step(one: Scored, target: np.ndarray, limits: dict) -> bool:
    """Return whether a column is a rule with a few errors."""
    found = step(one.view.numbers, target) if one.view.numbers is not None else None
    return (
        found is not None
        and found.errors >= FEWEST_ERRORS
        and judged(found.balanced_accuracy, limits["step"])[0] != "pass"
        and judged(found.auc_within, limits["step_within"])[0] != "pass"
    )


def _certain(one: Scored, target: np.ndarray, limits: dict) -> bool:
    """Return whether a figure near 1 is more than the luck of few rows."""
    bound = limits["certain"].fail
    if lower_bound(one.strength.auc, target) >= bound:
        return True
    # A few labels that match the two classes without an exception are the target itself.
    few_labels = one.view.numbers is None or one.view.size <= 4
    return few_labels and one.view.size <= 6 and one.strength.auc >= 0.9999 and target.sum() >= 10


class _Relations:
    """How the columns go along with each other within the classes."""

    def __init__(self, scored: list[Scored], target: np.ndarray):
        self.scored = [one for one in scored if one.view.what in ("value", "date", "missing")]
        self.target = target
        self.rows = np.arange(len(target))
        if len(target) > COMPARED_ROWS:
            self.rows = np.sort(
                np.random.default_rng(0).choice(len(target), COMPARED_ROWS, replace=False)
            )
        self.ranks: list[list[np.ndarray]] | None = None  # made when first needed

    def _own_ranks(self, one: Scored) -> list[np.ndarray]:
        """Return a column's ranks by class: of its expected share of ones, and of its numbers."""
        view = one.view
        # By all rows: scores that differ by fold would make all columns go along with the folds.
        rows = np.bincount(view.codes, minlength=view.size)
        ones = np.bincount(view.codes, weights=self.target, minlength=view.size)
        expected = (ones + PRIOR_ROWS * self.target.mean()) / (rows + PRIOR_ROWS)
        kinds = [expected[view.codes][self.rows]]
        if view.numbers is not None:
            numbers = view.numbers[self.rows]
            middle = np.nanmedian(numbers) if not np.isnan(numbers).all() else 0.0
            kinds.append(np.where(np.isnan(numbers), middle, numbers))
        target = self.target[self.rows]
        return [
            np.stack([_unit_ranks(kind[target == value]) for kind in kinds]) for value in (0, 1)
        ]

    def _correlations(self, one: Scored) -> tuple[np.ndarray, np.ndarray]:
        """Return the largest rank correlations with each column, in class 0 and in class 1."""
        if self.ranks is None:
            self.ranks = [self._own_ranks(other) for other in self.scored]
        own = self._own_ranks(one)
        by_class = [
            np.array([np.abs(own[value] @ other[value].T).max() for other in self.ranks])
            for value in (0, 1)
        ]
        return by_class[0], by_class[1]

    def _others(
        self, one: Scored, own: tuple[str, ...]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return which columns are others indeed, and the correlations with all of them."""
        zero, one_class = self._correlations(one)
        other = np.array([rival.view.subject not in own for rival in self.scored])
        other &= np.minimum(zero, one_class) < SAME
        return other, zero, one_class

    def gap(self, one: Scored) -> float:
        """Return how far ahead of the best other column it is, in d'."""
        other, _, _ = self._others(one, (one.view.subject,))
        rivals = [
            rival.strength.auc
            for rival, is_other in zip(self.scored, other, strict=True)
            if is_other
        ]
        # Alone in the table: there is nothing that it could stand out from.
        return distance(one.strength.auc) - distance(max(rivals)) if rivals else 0.0

    def dependence(self, one: Scored, own: tuple[str, ...] = ()) -> float:
        """Return the largest correlation with another column within a class, less that of chance.

        `own` are the subjects that are no others; the view's own if empty.
        """
        other, zero, one_class = self._others(one, own or (one.view.subject,))
        if other.sum() < 3:
            return 1.0
        counts = np.bincount(self.target[self.rows], minlength=2)
        z = NORMAL.inv_cdf(1 - 0.1 / (8 * other.sum()))
        chance = z / np.sqrt(np.maximum(counts, 1))
        return float(max((zero[other] - chance[0]).max(), (one_class[other] - chance[1]).max()))


def _unit_ranks(values: np.ndarray) -> np.ndarray:
    """Return mean ranks, centred and of length 1 (of length 0 if all are equal), float32."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2)[places]
    ranks = ranks - ranks.mean() if len(ranks) else ranks
    length = np.sqrt(np.dot(ranks, ranks))
    return (ranks / length if length > 0 else ranks).astype(np.float32)


class Pair(NamedTuple):
    """Two columns and how they are put together."""

    first: View
    second: View
    how: str


def feature_pairs(
    scored: list[Scored],
    target: np.ndarray,
    folds: np.ndarray,
    settled: set[str],
    limits: dict,
    random: np.random.Generator,
    labels: Callable[[str], np.ndarray] | None = None,
) -> list[Finding]:
    """Return the findings on pairs of columns that together tell too much of the target.

    Args:
        scored: every view with its strength.
        target: zeros and ones.
        folds: each row's fold.
        settled: subjects that failed alone, which make every pair strong.
        limits: as `findings.LIMITS`.
        random: for the rows to look at.
        labels: gives a category column's texts, to compare columns with the same labels.
    """
    usable = [
        one
        for one in scored
        if one.view.what in ("value", "date")
        and one.view.subject not in settled
        and one.view.size > 1
    ]
    alone = {id(one.view): one.strength.auc for one in usable}
    best_alone = max(
        (one.strength.auc for one in scored if one.view.subject not in settled), default=0.5
    )
    views = [one.view for one in usable]
    pairs, tries = _search(usable, target, random)
    if labels is not None:
        pairs += _equal_texts(views, target, labels)
    results = [(_together(pair, target, folds, labels), pair) for pair in pairs]
    results.sort(key=lambda item: -item[0].strength.auc)
    related = _Relations(scored, target)
    findings, named = [], set()
    for one, pair in results:
        auc = one.strength.auc
        subjects = (pair.first.subject, pair.second.subject)
        if named & set(subjects) or len(findings) == REPORTED_PAIRS:
            continue
        verdict, limit = judged(auc, limits["feature_pair"])
        # Of a lower bound: the best of many pairs on few rows is lucky.
        surely = distance(lower_bound(auc, target, ONE_SIDED))
        better = max(alone[id(pair.first)], alone[id(pair.second)])
        gain = surely - distance(better)
        gain_of_all = surely - distance(best_alone)
        certain = lower_bound(auc, target) >= limits["certain"].fail
        stands_out = judged(gain_of_all, limits["pair_gain"])[0] != "pass"
        stands_out |= judged(gain, limits["pair_own_gain"])[0] != "pass"
        is_step = gain > 0 and _is_step(one, target, limits)
        stands_out |= is_step
        if verdict == "warn" and not stands_out and gain >= limits["pair_own_gain"].warn / 2:
            dependence = related.dependence(one, subjects)
            stands_out = judged(dependence, limits["single_dependence"])[0] != "pass"
        if verdict == "fail" and not (certain and better < NEARLY_ALONE):
            verdict = "warn"
        if verdict == "warn" and not (
            stands_out and len(usable) > 2 and beyond_chance(auc, target, tries)
        ):
            verdict = "pass"
        if verdict == "pass":
            continue
        named |= set(subjects)
        how = pair.how.format(a=f"'{subjects[0]}'", b=f"'{subjects[1]}'")
        findings.append(
            Finding(
                "feature_pair",
                one.view.subject,
                auc,
                limit,
                verdict,
                f"Together {quoted(subjects)} tell what no column tells alone: {how} has a ROC-AUC "
                f"of {auc:.3f} (limit {limit:g}), the best single column {best_alone:.3f}.",
                "Two columns from which the target is computed do that, and a model only learns the "
                "formula back. If the target is defined by them, forbid both.",
                config_entry(forbidden=list(subjects)),
            )
        )
    if not findings:
        auc, subject = 0.5, ""
        if results:
            auc, subject = results[0][0].strength.auc, results[0][0].view.subject
        findings.append(
            passed(
                "feature_pair",
                subject,
                auc,
                limits["feature_pair"].fail,
                f"No two columns give the target away; the strongest of {tries:,} combinations has "
                f"a ROC-AUC of {auc:.3f}.",
            )
        )
    return findings


def _search(
    usable: list[Scored], target: np.ndarray, random: np.random.Generator
) -> tuple[list[Pair], int]:
    """Return the most promising pairs and how many were looked at."""
    if len(usable) < 2:
        return [], 0
    rows = random.permutation(len(target))[:SCREENED_ROWS]
    if target[rows].min() == target[rows].max():
        return [], 0
    on_grid, grid_tries = _search_grid(usable, target, rows)
    combined, combined_tries = _search_combined(usable, target, rows)
    return on_grid + combined, grid_tries + combined_tries


def _search_grid(
    usable: list[Scored], target: np.ndarray, rows: np.ndarray
) -> tuple[list[Pair], int]:
    """Search pairs by the share of ones in each cell of two columns' grid: any relation at all.

    The counts of all grids are one product of matrices: each column is a block of indicators.
    """
    if len(usable) > MOST_COLUMNS:
        usable = sorted(usable, key=lambda one: -one.strength.auc)[:MOST_COLUMNS]
    levels = 8 if len(usable) <= FINE_COLUMNS else 4
    views = [one.view for one in usable]
    codes = np.stack([coarse(view, levels)[rows] for view in views], axis=1)
    half = np.arange(len(rows)) % 2
    tables = {}
    for value in (0, 1):
        for part in (0, 1):
            chosen = codes[(target[rows] == value) & (half == part)]
            indicators = np.zeros((len(chosen), len(views) * levels), dtype=np.float32)
            columns = np.arange(len(views)) * levels
            indicators[np.arange(len(chosen))[:, None], columns + chosen] = 1
            counts = indicators.T @ indicators
            shape = (len(views), levels, len(views), levels)
            tables[value, part] = counts.reshape(shape).transpose(0, 2, 1, 3)
    first, second = np.triu_indices(len(views), 1)
    areas = np.zeros(len(first))
    for learned, scored_half in ((0, 1), (1, 0)):
        ones, zeros, new_ones, new_zeros = (
            tables[value, part][first, second].reshape(len(first), -1)
            for value, part in ((1, learned), (0, learned), (1, scored_half), (0, scored_half))
        )
        share = max(float(target[rows].mean()), 1e-6)
        order = np.argsort((ones + share) / (ones + zeros + 1.0), axis=1)
        new_ones = np.take_along_axis(new_ones, order, axis=1)
        new_zeros = np.take_along_axis(new_zeros, order, axis=1)
        wins = (new_ones * (np.cumsum(new_zeros, axis=1) - new_zeros / 2)).sum(axis=1)
        total = new_ones.sum(axis=1) * new_zeros.sum(axis=1)
        areas += 0.5 * wins / np.maximum(total, 1.0)
    alone = np.array([one.strength.auc for one in usable])
    return [
        Pair(views[first[i]], views[second[i]], GRID)
        for i in _promising(areas, np.maximum(alone[first], alone[second]))
        if views[first[i]].subject != views[second[i]].subject
    ], len(first)


def _promising(areas: np.ndarray, alone: np.ndarray) -> list[int]:
    """Return the pairs to judge by all rows: the strongest, and those that gain most by pairing."""
    gains = np.array(
        [distance(area) - distance(single) for area, single in zip(areas, alone, strict=True)]
        if len(areas) <= FEW_PAIRS
        else areas - alone
    )
    return list(dict.fromkeys([*np.argsort(-areas)[:KEPT_PAIRS], *np.argsort(-gains)[:KEPT_PAIRS]]))


def coarse(view: View, levels: int) -> np.ndarray:
    """Return a view's bins put together to at most so many."""
    if view.size <= levels:
        return view.codes
    counts = np.bincount(view.codes, minlength=view.size)
    if view.numbers is None:
        merged = np.full(view.size, levels - 1)
        merged[np.argsort(-counts, kind="stable")[: levels - 1]] = np.arange(levels - 1)
    else:
        middle = np.cumsum(counts) - counts / 2
        merged = np.minimum((middle * (levels / counts.sum())).astype(np.int64), levels - 1)
    return merged[view.codes]


def _search_combined(
    usable: list[Scored], target: np.ndarray, rows: np.ndarray
) -> tuple[list[Pair], int]:
    """Search pairs of numeric columns by their sums, differences, products and ratios."""
    numeric = [one for one in usable if one.view.numbers is not None and one.view.size > 3]
    if len(numeric) < 2:
        return [], 0
    numbers = np.stack([one.view.numbers[rows] for one in numeric]).astype(np.float64)
    chosen = _chosen_pairs(numeric, numbers)
    standard = np.stack([_standard(row) for row in numbers])
    labels = target[rows].astype(np.float64)
    found: list[tuple[float, float, Pair]] = []
    alone = np.array([one.strength.auc for one in numeric])
    first, second = (np.array([pair[i] for pair in chosen]) for i in (0, 1))
    with np.errstate(all="ignore"):
        for how, combination in COMBINATIONS.items():
            values = standard if combination.standardized else numbers
            for start in range(0, len(chosen), 100):
                a, b = first[start : start + 100], second[start : start + 100]
                areas = _areas(combination.make(values[a], values[b]), labels)
                best_alone = np.maximum(alone[a], alone[b])
                for i in _promising(areas, best_alone):
                    views = numeric[a[i]].view, numeric[b[i]].view
                    if views[0].subject != views[1].subject:
                        found.append((float(areas[i]), float(best_alone[i]), Pair(*views, how)))
    kept = _promising(
        np.array([area for area, _, _ in found]), np.array([one for _, one, _ in found])
    )
    return [found[i][2] for i in kept], len(chosen) * len(COMBINATIONS)


def _chosen_pairs(numeric: list[Scored], numbers: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs to combine: all of few columns, else the strongest and the most related."""
    everything = list(combinations(range(len(numeric)), 2))
    if len(everything) <= 2 * MOST_RELATED:
        return everything
    strongest = np.argsort([-one.strength.auc for one in numeric], kind="stable")[:STRONGEST]
    chosen = set(combinations(sorted(strongest.tolist()), 2))
    ranks = np.stack([_unit_ranks(np.nan_to_num(row, posinf=0.0, neginf=0.0)) for row in numbers])
    closeness = np.triu(np.abs(ranks @ ranks.T), 1)
    order = np.argsort(-closeness, axis=None, kind="stable")[:MOST_RELATED]
    chosen |= {divmod(int(i), len(numeric)) for i in order}
    return sorted(pair for pair in chosen if pair[0] < pair[1])


def _areas(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the roc_auc of each row of `values`, in the better direction; ties as they come."""
    values = np.where(np.isfinite(values), values, np.float64(-np.inf))
    ordered = labels[np.argsort(values, axis=1)]
    zeros = 1 - ordered
    wins = (ordered * (np.cumsum(zeros, axis=1) - zeros / 2)).sum(axis=1)
    areas = wins / np.maximum(labels.sum() * (1 - labels).sum(), 1.0)
    return np.maximum(areas, 1 - areas)


def _equal_texts(
    views: list[View], target: np.ndarray, labels: Callable[[str], np.ndarray]
) -> list[Pair]:
    """Return pairs of category columns that share labels: one may repeat the other, or not."""
    texts = [view for view in views if view.numbers is None and view.what == "value"]
    known = [set(np.unique(labels(view.columns[0]).astype(str))[:200]) - {"nan"} for view in texts]
    pairs = [
        Pair(texts[i], texts[j], SAME_TEXT)
        for i, j in combinations(range(len(texts)), 2)
        if len(known[i] & known[j]) >= 2
    ]
    return pairs[:200]


def _together(
    pair: Pair,
    target: np.ndarray,
    folds: np.ndarray,
    labels: Callable[[str], np.ndarray] | None,
) -> Scored:
    """Return a pair as one column, with its cross-fitted strength by all rows."""
    subject = f"{pair.first.subject} & {pair.second.subject}"
    columns = (*pair.first.columns, *pair.second.columns)
    numbers = None
    if pair.how == GRID:
        tried = []
        for levels in (8, 16):
            a, b = coarse(pair.first, levels), coarse(pair.second, levels)
            view = View(subject, "pair", columns, a * levels + b, levels * levels, None)
            tried.append(Scored(view, strength(view.codes, view.size, target, folds)))
        return max(tried, key=lambda one: one.strength.auc)
    if pair.how == SAME_TEXT:
        equal = labels(pair.first.columns[0]) == labels(pair.second.columns[0])
        codes, size = equal.astype(np.int64), 2
    else:
        combination = COMBINATIONS[pair.how]
        a, b = pair.first.numbers, pair.second.numbers
        if combination.standardized:
            a, b = _standard(a), _standard(b)
        with np.errstate(all="ignore"):
            numbers = combination.make(a, b)
        numbers = np.where(np.isfinite(numbers), numbers, np.nan)
        codes, size = binned(numbers)
    view = View(subject, "pair", columns, codes, size, numbers)
    return Scored(view, strength(codes, size, target, folds, numbers))


def _standard(numbers: np.ndarray) -> np.ndarray:
    """Return numbers standardized; zeros if they do not vary."""
    scaled = standardized(numbers)
    return np.zeros_like(numbers) if scaled is None else scaled
