"""Intervals and comparisons where rows are no evidence of their own: groups of rows, and repeats.

    python -m pytest -m proof tests/proofs/test_dependent_rows.py -s

remakes the tables in docs/intervals.md in some ten minutes. What is judged are settings in which the
intervals are marked as reliable in more than half of the samples; among the intervals that are so
marked, never may fewer than 90 % hold the truth.
"""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from test_coverage import COMPARED, coverage, report

from ml_baseline.data.infer_schema import describe_columns
from ml_baseline.data.split import split, units
from ml_baseline.scoring.metrics import METRICS
from ml_baseline.scoring.scores import confidence_intervals, scores
from ml_baseline.scoring.significance import compare

pytestmark = pytest.mark.proof
EXPERIMENTS = 1000
# Of each population: the log odds of a one, how far ones are above zeros, and by how much groups vary
# in their log odds and in their scores, both in standard deviations of the rows' own noise.
POPULATIONS = {"40 % ones": (-0.4, 1.2, 0.5, 0.7), "25 % ones": (-1.4, 1.5, 1.0, 1.0)}
GROUPS = [(10, 40), (20, 10), (20, 40), (40, 10), (100, 5)]
MANY = 200_000


def drawn(generator, groups, size, odds, signal, of_odds, of_scores, models=1):
    """Return the target, the probabilities of each model and the group of each row."""
    group = np.repeat(np.arange(groups), size)
    target = generator.random(group.size) < expit(
        odds + of_odds * generator.standard_normal(groups)[group]
    )
    shared = generator.standard_normal(group.size)
    probabilities = []
    for _ in range(models):
        own = generator.standard_normal(group.size)
        noise = own if models == 1 else math.sqrt(0.8) * shared + math.sqrt(0.2) * own
        level = of_scores * generator.standard_normal(groups)[group]
        score = signal * target + level + noise
        probabilities.append(expit(1.2 * (score - signal / 2) + odds / 2))
    return target, probabilities, group


def repeated(rows, times, of_class, odds, signal):
    """Return a function from a generator to rows of which those of a class come several times."""

    def draw(generator, rows=rows):
        target, (probability,), _ = drawn(generator, rows, 1, odds, signal, 0, 0)
        count = np.where(target if of_class == 1 else True, times, 1)
        unit = np.repeat(np.arange(rows), count)
        return target[unit], probability[unit], unit

    return draw


def of_intervals(draw, truth):
    """Return an experiment: draw rows, ask for the intervals, see whether they hold the truth."""

    def experiment(generator):
        target, probability, unit = draw(generator)
        table = confidence_intervals(target, probability, units=unit)
        covered = (table["low"].to_numpy() <= truth) & (truth <= table["high"].to_numpy())
        return covered, table["reliable"], table["reliable"]

    return experiment


def check(title, columns, results):
    report(title, columns, results)
    for (group, setting), found in results.items():
        for name in columns:
            if found.reliable[name] > 0.05:
                assert found.covered_if_reliable[name] >= 0.9, (group, setting, name)


def test_intervals_of_groups_hold_what_they_promise():
    results = {}
    for name, population in POPULATIONS.items():
        target, (probability,), _ = drawn(np.random.default_rng(1), MANY, 5, *population)
        truth = np.array([scores(target, probability)[metric] for metric in METRICS])
        for groups, size in GROUPS:

            def draw(generator, groups=groups, size=size, population=population):
                target, (probability,), group = drawn(generator, groups, size, *population)
                return target, probability, group

            results[f"{groups} groups of {size} rows", name] = coverage(
                of_intervals(draw, truth), list(METRICS), [groups, size], EXPERIMENTS
            )
    check("Intervals of rows in groups", list(METRICS), results)


def test_intervals_of_repeated_rows_hold_what_they_promise():
    results = {}
    for title, cases, times, of_class in (
        ("every row three times", ((50, -0.4, 1.2), (100, -1.4, 1.8), (200, -1.4, 1.8)), 3, None),
        ("positives five times", ((300, -2.6, 1.5), (600, -2.6, 1.5), (1000, -3.4, 2)), 5, 1),
    ):
        for rows, *population in cases:
            draw = repeated(rows, times, of_class, *population)
            target, probability, _ = draw(np.random.default_rng(2), MANY)
            truth = np.array([scores(target, probability)[metric] for metric in METRICS])
            results[title, rows] = coverage(
                of_intervals(draw, truth), list(METRICS), [rows, times], EXPERIMENTS
            )
    check("Intervals of rows that come several times", list(METRICS), results)


# Of each table of few different rows: the levels of its columns, and rows.
COARSE = [((4, 2, 2), 1000), ((3, 3, 2), 2000), ((5, 4, 3, 2), 1000)]


def coarse_population(generator, levels):
    """Return each kind of row as columns, its share of the population and its share of ones."""
    kinds = np.indices(levels).reshape(len(levels), -1).T
    share, odds = np.ones(len(kinds)), generator.normal(-0.4, 0.5, len(kinds))
    for column, size in zip(kinds.T, levels, strict=True):
        share *= generator.dirichlet(np.full(size, 1.5))[column]
        odds += generator.normal(0, 0.7, size)[column]
    return kinds, share, expit(odds)


def test_intervals_of_coarse_tables_hold_what_they_promise():
    """From the split on: what the fitted model would score in the population."""
    results = {}
    for levels, rows in COARSE:

        def experiment(generator, levels=levels, rows=rows):
            kinds, share, ones = coarse_population(generator, levels)
            kind = generator.choice(len(kinds), rows, p=share)
            answer = (generator.random(rows) < ones[kind]).astype(int)
            names = [f"x{i}" for i in range(len(levels))]
            table = pd.DataFrame(kinds[kind], columns=names).assign(row_id=range(rows), y=answer)
            columns = [{"name": name, "role": "feature", "kind": "code"} for name in names]
            columns.append({"name": "y", "role": "target", "kind": "boolean"})
            schema = describe_columns({"target": "y", "columns": columns}, table)
            train, holdout = split(table, schema, "stratified", 0.2, int(generator.integers(1e9)))
            model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
            model.fit(train[names], train["y"])
            said = model.predict_proba(holdout[names])[:, 1]
            found = confidence_intervals(
                holdout["y"], said, table_rows=rows, units=units(holdout, schema)
            )
            said = model.predict_proba(pd.DataFrame(kinds, columns=names))[:, 1]
            each = generator.choice(len(kinds), 20_000, p=share)
            truth = scores((generator.random(each.size) < ones[each]) * 1, said[each])
            truth = np.array([truth[metric] for metric in METRICS])
            covered = (found["low"].to_numpy() <= truth) & (truth <= found["high"].to_numpy())
            return covered, found["reliable"], found["reliable"]

        title = f"{math.prod(levels)} kinds of rows"
        results[title, rows] = coverage(experiment, list(METRICS), [*levels, rows], EXPERIMENTS)
    check("Intervals of tables of few different rows", list(METRICS), results)


def test_comparisons_of_groups_hold_what_they_promise():
    results = {}
    for name, population in POPULATIONS.items():
        for groups, size in GROUPS:

            def experiment(generator, groups=groups, size=size, population=population):
                target, both, group = drawn(generator, groups, size, *population, models=2)
                models = dict(zip(("one", "other"), both, strict=True))
                table = pd.concat(
                    compare(target, models, None, "other", metric=metric, units=group).head(1)
                    for metric in COMPARED
                )
                covered = (table["best_low"] <= 0) & (table["best_high"] >= 0)
                return covered, table["reliable"], table["reliable"]

            results[f"{groups} groups of {size} rows", name] = coverage(
                experiment, COMPARED, [groups, size], EXPERIMENTS
            )
    check("Differences of two equal models on rows in groups", COMPARED, results)
