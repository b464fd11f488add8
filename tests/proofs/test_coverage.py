"""Do the intervals and the tests hold what they promise? Simulated, with the truth known.

Takes about a quarter of an hour on one core. The tables it prints are those of docs/intervals.md:

    python -m pytest -m proof tests/proofs/test_coverage.py -s
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit, ndtr, ndtri
from scipy.stats import norm

from ml_baseline.scoring.metrics import METRICS, matthews_correlation
from ml_baseline.scoring.scores import ENOUGH_EFFECTIVE_ROWS, confidence_intervals, scores
from ml_baseline.scoring.significance import (
    combine_over_splits,
    compare,
    compare_over_splits,
)

pytestmark = pytest.mark.proof

LOWEST, HIGHEST = 0.92, 0.98  # of the intervals that promise 0.95
EXPERIMENTS, MOST_EXPERIMENTS = 1000, 4000
CELLS = [
    (rows, prevalence)
    for rows in (40, 100, 250, 500, 1000, 2000)
    for prevalence in (0.05, 0.1, 0.2, 0.35, 0.5)
    if rows * min(prevalence, 1 - prevalence) >= 20
]
# What is done to the log odds that are right: nothing, stated twice as surely as they should be,
# or the prevalence left out (as class weights do).
CALIBRATIONS = {
    "calibrated": lambda log_odds, prevalence: log_odds,
    "overconfident": lambda log_odds, prevalence: 2 * log_odds,
    "balanced": lambda log_odds, prevalence: log_odds - logit(prevalence),
}


class Population(NamedTuple):
    """What rows are drawn from, and what the metrics are on all of it."""

    draw: Callable  # from a generator and a number of rows to target and probability
    truth: dict[str, float]


def binormal(prevalence: float, area: float, calibration: str) -> Population:
    """Scores that are normal in both classes with the same variance; the truth is integrated."""
    distance = ndtri(area) * math.sqrt(2)
    slope = distance if area > 0.5 else 0.5  # a model that knows nothing and says something
    calibrate = CALIBRATIONS[calibration]

    def probability(score):
        log_odds = logit(prevalence) + slope * (score - distance / 2)
        return expit(calibrate(log_odds, prevalence))

    def draw(generator, rows):
        target = generator.random(rows) < prevalence
        return target, probability(generator.standard_normal(rows) + distance * target)

    grid = np.linspace(-12, 16, 100_001)
    ones, zeros = norm.pdf(grid - distance), norm.pdf(grid)
    ones, zeros = prevalence * ones / ones.sum(), (1 - prevalence) * zeros / zeros.sum()
    said = probability(grid)
    cut = grid[np.argmax(said >= 0.5)]
    hits = prevalence * norm.sf(cut - distance)
    alarms = (1 - prevalence) * norm.sf(cut)
    right = norm.cdf(cut)
    above = prevalence * norm.sf(grid - distance)
    clipped = np.clip(said, 1e-15, 1 - 1e-15)
    return Population(
        draw,
        {
            "accuracy": hits + 1 - prevalence - alarms,
            "precision": hits / (hits + alarms),
            "recall": hits / prevalence,
            "f1": 2 * hits / (hits + alarms + prevalence),
            "roc_auc": area,
            "pr_auc": np.sum(ones * above / (above + (1 - prevalence) * norm.sf(grid)))
            / prevalence,
            "log_loss": -np.sum(ones * np.log(clipped) + zeros * np.log1p(-clipped)),
            "brier": np.sum(ones * (1 - said) ** 2 + zeros * said**2),
            "mcc": matthews_correlation(hits / prevalence, right, prevalence),
            "balanced_accuracy": (hits / prevalence + right) / 2,
        },
    )


def _wide_ones(generator, target, area):
    noise = generator.standard_normal(target.size)
    return np.where(target, 2 * noise + ndtri(area) * math.sqrt(5), noise)


def _narrow_ones(generator, target, area):
    noise = generator.standard_normal(target.size)
    return np.where(target, noise / 2 + ndtri(area) * math.sqrt(1.25), noise)


def _exponential(generator, target, area):
    return generator.exponential(size=target.size) * np.where(target, area / (1 - area), 1)


def _exponential_zeros(generator, target, area):
    return -generator.exponential(size=target.size) * np.where(target, 1, area / (1 - area))


def _logistic(generator, target, area):
    # The area between two logistic curves this far apart is (1 - (1 + d) e^-d) / (1 - e^-d)^2.
    distances = np.linspace(1e-3, 12, 100_000)
    e = np.exp(-distances)
    distance = np.interp(area, (1 - e - distances * e) / (1 - e) ** 2, distances)
    return generator.logistic(size=target.size) + distance * target


def _rounded(generator, target, area):
    score = generator.standard_normal(target.size) + ndtri(area) * math.sqrt(2) * target
    return np.round(score)


def _one_in_twenty_lost(generator, target, area):
    found = target & (generator.random(target.size) > 0.05)
    distance = ndtri((area - 0.025) / 0.95) * math.sqrt(2)
    return generator.standard_normal(target.size) + distance * found


SHAPES = {
    "ones spread twice as wide": _wide_ones,
    "ones spread half as wide": _narrow_ones,
    "exponential, long tail of ones": _exponential,
    "exponential, long tail of zeros": _exponential_zeros,
    "logistic": _logistic,
    "rounded to a few values": _rounded,
    "one in twenty ones looks like a zero": _one_in_twenty_lost,
}


def shaped(shape: Callable, prevalence: float, area: float) -> Population:
    """Scores of another shape, made probabilities roughly; the truth is that of 2,000,000 rows."""
    generator = np.random.default_rng(1)

    def draw_scores(generator, rows):
        target = generator.random(rows) < prevalence
        return target, shape(generator, target, area)

    target, many = draw_scores(generator, 2_000_000)
    middle, spread = np.quantile(many, 1 - prevalence), many.std()

    def probability(score):
        return expit(np.clip(1.5 * (score - middle) / spread, -6, 6))

    def draw(generator, rows):
        target, score = draw_scores(generator, rows)
        return target, probability(score)

    return Population(draw, scores(target, probability(many)))


class Coverage(NamedTuple):
    """How often the intervals of a setting held the truth; each by metric.

    `judged` is whether more than half of the experiments were such that the interval should hold
    what it promises, `reliable` how many were marked so, `covered_if_reliable` the share of these
    that held the truth.
    """

    experiments: int
    covered: dict[str, float]
    judged: dict[str, bool]
    reliable: dict[str, float]
    covered_if_reliable: dict[str, float]


def coverage(
    experiment: Callable, names: list[str], seed, most: int = MOST_EXPERIMENTS
) -> Coverage:
    """Repeat `experiment`: from a generator to (covered, judged, reliable) for each of `names`.

    At least 1,000 times, then until every judged share is 3 standard errors off both bounds or
    `most` is reached: what is judged is the method, not the luck of the draw. All experiments
    count, whatever the sample looks like: to leave some out by what they show would be a choice
    that changes the coverage.
    """
    generator = np.random.default_rng(seed)
    found, clear = [], False
    while not clear and len(found) < most:
        found += [np.array(experiment(generator), dtype=bool) for _ in range(EXPERIMENTS)]
        covered, judged, reliable = np.mean(found, axis=0)
        errors = np.sqrt(covered * (1 - covered) / len(found))
        far = np.minimum(abs(covered - LOWEST), abs(covered - HIGHEST)) > 3 * errors
        clear = bool(np.all(far | (judged <= 0.5)))
    both = np.mean([one[0] & one[2] for one in found], axis=0) / np.maximum(reliable, 1e-9)
    by_name = (dict(zip(names, v, strict=True)) for v in (covered, judged > 0.5, reliable, both))
    return Coverage(len(found), *by_name)


def of_intervals(population: Population, rows: int, stratified: bool = False) -> Callable:
    """Return an experiment: draw rows, ask for the intervals, see whether they hold the truth."""
    truth = np.array([population.truth[name] for name in METRICS])

    def experiment(generator):
        if stratified:
            target, probability = population.draw(generator, 5 * rows)
            held_out = stratified_holdout(generator, target, 0.2)
            target, probability = target[held_out], probability[held_out]
            table = confidence_intervals(target, probability, table_rows=5 * rows)
        else:
            target, probability = population.draw(generator, rows)
            table = confidence_intervals(target, probability)
        covered = (table["low"].to_numpy() <= truth) & (truth <= table["high"].to_numpy())
        # That 20 rows of each class are expected is what makes a cell; here it is the errors.
        return covered, table["effective_rows"] >= ENOUGH_EFFECTIVE_ROWS, table["reliable"]

    return experiment


def stratified_holdout(generator, target: np.ndarray, share: float) -> np.ndarray:
    """Return the row numbers of a random holdout with the table's share of ones."""
    return np.concatenate(
        [
            generator.permutation(rows)[: round(share * rows.size)]
            for rows in (np.flatnonzero(target), np.flatnonzero(~target))
        ]
    )


def report(title: str, columns: list[str], results: dict, lowest=LOWEST, highest=HIGHEST) -> None:
    """Print one line for each group of settings with the range of coverage; fail if it is out.

    `results` maps (group, setting) to a Coverage.
    """
    groups = list(dict.fromkeys(group for group, _ in results))
    print(f"\n\n{title}\n")
    print("| " + " | ".join(["", *columns]) + " |")
    print("|" + " --- |" * (len(columns) + 1))
    failures, lines = [], {group: [] for group in groups}
    for name in columns:
        for group in groups:
            shares = []
            for (of_group, setting), found in results.items():
                if of_group != group or not found.judged[name]:
                    continue
                shares.append(found.covered[name])
                if not lowest <= found.covered[name] <= highest:
                    failures.append((name, group, setting, found.covered[name], found.experiments))
            lines[group].append(_range(shares))
    for group in groups:
        print("| " + " | ".join([group, *lines[group]]) + " |")
    seen = [
        _range([f.covered_if_reliable[n] for f in results.values() if f.reliable[n] > 0.5])
        for n in columns
    ]
    unjudged = [
        _range([f.covered[n] for f in results.values() if not f.judged[n]]) for n in columns
    ]
    print("| *only experiments marked reliable* | " + " | ".join(seen) + " |")
    print("| *settings that are not judged* | " + " | ".join(unjudged) + " |")
    experiments = sum(found.experiments for found in results.values())
    print(f"\n{len(results)} settings, {experiments:,} experiments; coverage in %")
    assert not failures, f"Coverage outside {lowest:.0%} to {highest:.0%}: {failures}"


def _range(shares) -> str:
    if not shares:
        return ""
    least, most = f"{100 * min(shares):.1f}", f"{100 * max(shares):.1f}"
    return least if least == most else f"{least} to {most}"


def test_intervals_hold_what_they_promise():
    """Rows drawn at random: 20 or more of each class expected, weak to strong signals."""
    results = {}
    for rows, prevalence in CELLS:
        for area in (0.5, 0.65, 0.9, 0.97):
            for calibration in CALIBRATIONS if area in (0.65, 0.9) else ["calibrated"]:
                population = binormal(prevalence, area, calibration)
                results[f"{rows} rows, {prevalence:.0%} ones", (area, calibration)] = coverage(
                    of_intervals(population, rows), list(METRICS), [rows, round(100 * area)]
                )
    report("Intervals of a random sample", list(METRICS), results)


def test_intervals_of_stratified_holdouts_hold_what_they_promise():
    """A fifth of a table that keeps its share of ones, with the table's size given."""
    results = {}
    for rows, prevalence in ((100, 0.2), (250, 0.1), (500, 0.05), (500, 0.35), (2000, 0.2)):
        for area in (0.65, 0.9):
            for calibration in CALIBRATIONS:
                population = binormal(prevalence, area, calibration)
                results[f"{rows} rows, {prevalence:.0%} ones", (area, calibration)] = coverage(
                    of_intervals(population, rows, stratified=True),
                    list(METRICS),
                    [rows, round(100 * area)],
                    most=2 * EXPERIMENTS,
                )
    report("Intervals of a stratified holdout", list(METRICS), results)


def test_scores_of_other_shapes_do_not_break_the_intervals():
    """How far off the intervals can be where scores look nothing like a bell curve.

    No method holds for all shapes: what a sample does not show cannot be known. The bounds are
    therefore wider here, and docs/intervals.md says where they are needed.
    """
    results = {}
    for name, shape in SHAPES.items():
        for prevalence, sizes in ((0.05, (500, 1000)), (0.2, (100, 500)), (0.5, (100, 500))):
            for area in (0.65, 0.9, 0.97):
                population = shaped(shape, prevalence, area)
                for rows in sizes:
                    results[name, (rows, prevalence, area)] = coverage(
                        of_intervals(population, rows), list(METRICS), rows, most=EXPERIMENTS
                    )
    report("Intervals for scores of other shapes", list(METRICS), results, 0.89, 0.995)


COMPARED = ["roc_auc", "pr_auc", "log_loss", "accuracy", "mcc", "balanced_accuracy"]
COMPARED_CELLS = [(100, 0.5), (250, 0.1), (500, 0.05), (500, 0.35), (2000, 0.2)]


def of_comparison(prevalence, rows, area, other_area, shared) -> Callable:
    """Return an experiment: two models on the same rows, that have `shared` of their noise.

    `other_area` None is a constant guess, the prevalence.
    """
    one = binormal(prevalence, area, "calibrated")
    if other_area is None:
        entropy = -prevalence * np.log(prevalence) - (1 - prevalence) * np.log(1 - prevalence)
        other_truth = {
            "accuracy": max(prevalence, 1 - prevalence),
            "roc_auc": 0.5,
            "pr_auc": prevalence,
            "log_loss": entropy,
            "mcc": 0.0,
            "balanced_accuracy": 0.5,
        }
    else:
        other_truth = binormal(prevalence, other_area, "calibrated").truth
    truth = np.array([one.truth[name] - other_truth[name] for name in COMPARED])

    def probability(score, area):
        distance = ndtri(area) * math.sqrt(2)
        slope = distance if area > 0.5 else 0.5
        return expit(logit(prevalence) + slope * (score - distance / 2))

    def experiment(generator):
        target = generator.random(rows) < prevalence
        noise = generator.standard_normal((3, rows))
        both = math.sqrt(shared) * noise[0]
        own = math.sqrt(1 - shared) * noise[1:]
        models = {"one": probability(both + own[0] + _shift(area) * target, area)}
        if other_area is None:
            models["other"] = np.full(rows, prevalence)
        else:
            score = both + own[1] + _shift(other_area) * target
            models["other"] = probability(score, other_area)
        table = pd.concat(
            compare(target, models, None, "other", metric=metric).head(1) for metric in COMPARED
        )
        covered = (table["best_low"].to_numpy() <= truth) & (truth <= table["best_high"].to_numpy())
        # The p-value and the interval must tell the same: else no coverage would speak for both.
        excluded = (table["best_low"] > 0) | (table["best_high"] < 0)
        assert (excluded == (table["best_p"] < 0.05)).all()
        return covered, table["reliable"], table["reliable"]

    return experiment


def _shift(area):
    return ndtri(area) * math.sqrt(2)


def test_comparisons_hold_what_they_promise():
    """Differences of two models: covered at 95 %, and rejected at 5 % where there is none."""
    results = {}
    for rows, prevalence in COMPARED_CELLS:
        for area, worse in ((0.65, 0.55), (0.9, 0.8), (0.97, 0.9)):
            if area > 0.9 and rows * prevalence < 100:
                continue  # hangs on too few rows to be reliable
            for name, other, shared in (
                ("no difference, little in common", area, 0.3),
                ("no difference, much in common", area, 0.8),
                ("no difference, nearly the same", area, 0.99),
                ("a difference", worse, 0.8),
                ("a constant guess", None, 0.0),
            ):
                results[name, (rows, prevalence, area)] = coverage(
                    of_comparison(prevalence, rows, area, other, shared), COMPARED, rows
                )
        results["no signal and a constant guess", (rows, prevalence)] = coverage(
            of_comparison(prevalence, rows, 0.5, None, 0.0), COMPARED, rows
        )
    report(
        "Intervals of differences (100 % less this is how often no difference is taken for one)",
        COMPARED,
        results,
    )


def splits(generator, rows, columns, shares, count, share):
    """Yield, for `count` stratified splits of one table, what two models do on the holdouts.

    Linear discriminants on two sets of `columns` columns, equally good ones, of which 3 matter.
    Yields target, the probabilities of both, their true areas, and the true accuracy of the first.
    """
    target = generator.random(rows) < shares
    shift = np.where(np.arange(columns) < 3, 1 / math.sqrt(3), 0)
    tables = generator.standard_normal((2, rows, columns)) + target[:, None] * shift
    for _ in range(count):
        held_out = stratified_holdout(generator, target, share)
        training = np.setdiff1d(np.arange(rows), held_out)
        probabilities, areas = [], []
        for table in tables:
            ones, zeros = table[training][target[training]], table[training][~target[training]]
            covariance = np.cov(table[training].T) + 0.01 * np.eye(columns)
            weights = np.linalg.solve(covariance, ones.mean(axis=0) - zeros.mean(axis=0))
            score = table[held_out] @ weights
            probabilities.append(expit(score / score.std()))
            areas.append(ndtr(weights @ shift / math.sqrt(2 * weights @ weights)))
        # A zero scores above 0, and is taken for a one, as often as not.
        hits = ndtr(math.sqrt(2) * ndtri(areas[0]))
        yield target[held_out], probabilities, areas, shares * hits + (1 - shares) / 2


def test_several_splits_are_combined_truly():
    """The mean over splits of one table: its interval, and the comparison of two models."""
    results = {}
    names = [
        "roc_auc by its intervals",
        "accuracy by its intervals",
        "difference of two roc_auc",
    ]
    for rows, columns, prevalence, count in ((300, 5, 0.5, 2), (1000, 10, 0.2, 5)):

        def experiment(generator, rows=rows, columns=columns, share=prevalence, count=count):
            truth, tables, comparisons = [], [], []
            for target, both, areas, accuracy in splits(
                generator, rows, columns, share, count, 0.2
            ):
                truth.append((*areas, accuracy))
                tables.append(confidence_intervals(target, both[0]))
                models = dict(zip(("one", "other"), both, strict=True))
                comparisons.append(compare(target, models, None, "other"))
            area, other, accuracy = np.mean(truth, axis=0)
            covered = []
            for metric, true in (("roc_auc", area), ("accuracy", accuracy)):
                values, low, high = np.transpose(
                    [table.loc[metric, ["value", "low", "high"]] for table in tables]
                ).astype(float)
                _, low, high = combine_over_splits(values, low, high, test_share=0.2)
                covered.append(low <= true <= high)
            row = compare_over_splits(comparisons, 0.2).iloc[0]
            covered.append(row["best_low"] <= area - other <= row["best_high"])
            return covered, [True] * 3, [True] * 3

        results[f"{rows} rows, {count} splits", ()] = coverage(experiment, names, rows, EXPERIMENTS)
    report("Several splits of one table: the mean over the splits", names, results)
