import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, norm, skew, t

from ml_baseline.errors import InputError
from ml_baseline.scoring.metrics import METRICS, Metric
from ml_baseline.scoring.sample import sample_of
from ml_baseline.scoring.scores import confidence_intervals, parts_of_rows, scores
from ml_baseline.scoring.significance import (
    combine_over_splits,
    compare,
    compare_over_splits,
    holm,
)

ALL = list(METRICS)


def compare_by(metrics, *arguments):
    return pd.concat([compare(*arguments, metric=metric) for metric in metrics], ignore_index=True)


def models(rows=400, prevalence=0.3, seed=0):
    """Two good models that share most of their noise, one that knows nothing, and the dummy."""
    generator = np.random.default_rng(seed)
    target = generator.random(rows) < prevalence
    noise = generator.standard_normal((4, rows))

    def probability(signal, noise):
        return 1 / (1 + np.exp(1 - 2 * (signal * target + noise)))

    return target.astype(int), {
        "dummy": np.full(rows, prevalence),
        "logistic": probability(1.5, 0.8 * noise[0]),
        "forest": probability(1.5, 0.8 * (0.95 * noise[0] + 0.31 * noise[1])),
        "noise": probability(0, noise[2]),
    }


def row_of(table, model, metric="roc_auc"):
    return table[(table["model"] == model) & (table["metric"] == metric)].iloc[0]


# What a comparison says


def test_a_comparison_has_a_row_for_each_metric_and_model():
    target, probabilities = models()
    table = compare_by(["brier", "roc_auc"], target, probabilities, "dummy", "logistic")
    assert list(table["metric"]) == ["brier"] * 4 + ["roc_auc"] * 4
    assert list(table["model"]) == list(probabilities) * 2
    assert list(table.columns) == [
        *("metric", "model", "value", "baseline", "best", "blind"),
        *(f"baseline_{name}" for name in ("difference", "low", "high", "p", "p_adjusted")),
        *(f"best_{name}" for name in ("difference", "low", "high", "p", "p_adjusted")),
        *(f"blind_{name}" for name in ("difference", "low", "high", "p", "p_adjusted")),
        "reliable",
    ]
    for row in table.to_dict(orient="records"):
        value = scores(target, probabilities[row["model"]])[row["metric"]]
        assert row["value"] == pytest.approx(value, rel=1e-12)
        for role, model in (("baseline", "dummy"), ("best", "logistic")):
            other = scores(target, probabilities[model])[row["metric"]]
            assert row[f"{role}_difference"] == pytest.approx(value - other, abs=1e-12)
            assert row[f"{role}_low"] <= row[f"{role}_difference"] <= row[f"{role}_high"]


@pytest.mark.parametrize("metric", ALL)
def test_the_interval_leaves_out_0_where_the_p_value_is_small(metric):
    for seed in range(6):
        target, probabilities = models(rows=150, seed=seed)
        table = compare(target, probabilities, "dummy", "forest", metric=metric)
        for role in ("baseline", "best"):
            excluded = (table[f"{role}_low"] > 0) | (table[f"{role}_high"] < 0)
            assert (excluded == (table[f"{role}_p"] < 0.05)).all()


def blind_value(metric, target, probability):
    """Return the best score of an answer without a look at a row, by trying all of them."""
    if metric == "recall":
        return np.mean(probability >= 0.5)
    constants = [0.0, np.mean(target), 1.0]
    found = [scores(target, np.full(len(target), c))[metric] for c in constants]
    return max(found) if METRICS[metric].higher_is_better else min(found)


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("prevalence", [0.1, 0.3, 0.7])
def test_models_are_compared_with_the_best_without_a_look_at_a_row(metric, prevalence):
    target, probabilities = models(prevalence=prevalence)
    probabilities["yes"] = np.ones(len(target))
    table = compare(target, probabilities, "dummy", "logistic", metric=metric)
    for row in table.to_dict(orient="records"):
        best = blind_value(metric, target, probabilities[row["model"]])
        assert row["blind_difference"] == pytest.approx(row["value"] - best, abs=1e-12)
        assert row["blind_low"] <= row["blind_difference"] <= row["blind_high"]
        if row["model"] in ("dummy", "yes"):
            assert (row["blind_p"], row["blind_p_adjusted"]) == (1, 1)
    # What looks at no row is none of the models tried.
    others = table[~table["model"].isin(["dummy", "yes"])]
    assert list(others["blind_p_adjusted"]) == pytest.approx(list(holm(others["blind_p"])))


def test_rows_of_the_other_class_are_compared_with_flagging_as_many_at_random_too():
    cells = (0, 0, 0, 1), (0, 0, 1, 1)
    specificity = Metric("specificity", "specificity", "", "share", cells, blind="rate")
    target, probabilities = models()
    table = compare(target, probabilities, "dummy", "logistic", metric=specificity)
    for row in table.to_dict(orient="records"):
        not_flagged = np.mean(probabilities[row["model"]] < 0.5)
        assert row["value"] - row["blind_difference"] == pytest.approx(not_flagged, abs=1e-12)
    assert row_of(table, "noise", "specificity")["blind_p"] > 0.05


@pytest.mark.parametrize("metric", ALL)
def test_noise_is_better_than_a_blind_answer_as_seldom_as_promised(metric):
    found = []
    for seed in range(60):
        target, probabilities = models(rows=300, prevalence=0.4, seed=seed)
        two = {name: probabilities[name] for name in ("noise", "dummy")}
        row = row_of(compare(target, two, "dummy", "noise", metric=metric), "noise", metric)
        sign = 1 if METRICS[metric].higher_is_better else -1
        found.append(row["blind_p"] < 0.05 and sign * row["blind_difference"] > 0)
    assert sum(found) <= 5


def test_without_a_baseline_there_is_only_the_best():
    target, probabilities = models()
    table = compare(target, probabilities, None, "logistic")
    assert table.filter(like="baseline_").isna().all(axis=None)
    assert table.filter(like="best_").notna().all(axis=None)


def test_the_baseline_can_be_the_best():
    target, probabilities = models()
    row = row_of(compare(target, probabilities, "dummy", "dummy"), "dummy")
    assert (row["best_difference"], row["best_p"], row["best_p_adjusted"]) == (0, 1, 1)


@pytest.mark.parametrize("metric", ALL)
def test_the_same_probabilities_do_not_differ(metric):
    target, probabilities = models()
    probabilities["copy"] = probabilities["logistic"].copy()
    table = compare(target, probabilities, "dummy", "logistic", metric=metric)
    row = row_of(table, "copy", metric)
    columns = ["best_difference", "best_low", "best_high", "best_p"]
    assert list(row[columns]) == [0, 0, 0, 1]
    assert table.notna().all(axis=None)


def test_models_that_happen_to_predict_the_same_are_not_known_to_be_the_same():
    target, probabilities = models()
    probabilities["shifted"] = np.clip(probabilities["logistic"] * 0.999, 0, 1)
    assert ((probabilities["shifted"] >= 0.5) == (probabilities["logistic"] >= 0.5)).all()
    table = compare(target, probabilities, "dummy", "logistic", metric="accuracy")
    row = row_of(table, "shifted", "accuracy")
    assert (row["best_difference"], row["best_p"]) == (0, 1)
    assert row["best_low"] < 0 < row["best_high"]


def test_perfect_models_are_compared_without_nan():
    target = np.arange(80) % 2
    perfect, other = target * 0.8 + 0.1, target * 0.6 + 0.2
    probabilities = {"dummy": np.full(80, 0.5), "one": perfect, "other": other}
    table = compare_by(ALL, target, probabilities, "dummy", "one")
    assert table.notna().all(axis=None)
    row = row_of(table, "other")
    assert (row["best_difference"], row["best_p"]) == (0, 1)
    assert row["baseline_p"] < 1e-3
    assert row["baseline_low"] > 0.35
    assert row["baseline_high"] == 0.5


def test_a_difference_is_reliable_only_where_both_values_hang_on_enough_rows():
    target, probabilities = models()
    assert compare(target, probabilities, "dummy", "logistic")["reliable"].all()
    few = np.concatenate([np.flatnonzero(target == 1)[:19], np.flatnonzero(target == 0)])
    part = {name: probability[few] for name, probability in probabilities.items()}
    assert not compare(target[few], part, "dummy", "logistic")["reliable"].any()
    perfect = {**probabilities, "perfect": target * 0.8 + 0.1}
    table = compare(target, perfect, "dummy", "logistic")
    assert not row_of(table, "perfect")["reliable"]
    assert row_of(table, "forest")["reliable"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metric": "auc"}, "no metric 'auc'"),
        ({"level": 95}, "level is 95"),
        ({"threshold": 2}, "threshold is 2"),
        ({"table_rows": 10}, "table_rows is 10"),
    ],
)
def test_bad_input_is_named(changes, message):
    target, probabilities = models()
    arguments = {"baseline": "dummy", "best": "logistic"} | changes
    with pytest.raises(InputError, match=message):
        compare(target, probabilities, **arguments)


# How a difference is computed


def delong_test(target, one, other):
    """Return difference, standard error and p, from all pairs of a one and a zero."""
    wins = []
    for probability in (one, other):
        ones, zeros = probability[target == 1], probability[target == 0]
        wins.append((ones[:, None] > zeros) + 0.5 * (ones[:, None] == zeros))
    between = wins[0] - wins[1]
    error = np.sqrt(
        between.mean(axis=1).var(ddof=1) / between.shape[0]
        + between.mean(axis=0).var(ddof=1) / between.shape[1]
    )
    return between.mean(), error, 2 * norm.sf(abs(between.mean()) / error)


@pytest.mark.parametrize("digits", [12, 1])
def test_areas_are_compared_by_the_test_of_delong(digits):
    target, probabilities = models(rows=150)
    one, other = probabilities["forest"].round(digits), probabilities["logistic"].round(digits)
    table = compare(target, {"one": one, "other": other}, None, "other")
    difference, error, p = delong_test(target, one, other)
    row = row_of(table, "one")
    assert row["best_difference"] == pytest.approx(difference, rel=1e-9)
    assert row["best_high"] - row["best_low"] == pytest.approx(2 * 1.959964 * error, rel=1e-5)
    assert row["best_p"] == pytest.approx(p, rel=1e-6)


def test_pairing_makes_a_difference_surer_than_its_parts():
    target, probabilities = models()
    table = compare_by(ALL, target, probabilities, None, "logistic")
    for metric in ALL:
        row = row_of(table, "forest", metric)
        alone = confidence_intervals(target, probabilities["forest"]).loc[metric]
        assert row["best_high"] - row["best_low"] < 0.8 * (alone["high"] - alone["low"])


def test_against_a_model_that_ranks_nothing_the_interval_is_the_model_s_own():
    target, probabilities = models()
    row = row_of(compare(target, probabilities, "dummy", "logistic"), "forest")
    own = confidence_intervals(target, probabilities["forest"]).loc["roc_auc"]
    assert row["baseline_low"] == pytest.approx(own["low"] - 0.5, abs=1e-12)
    assert row["baseline_high"] == pytest.approx(own["high"] - 0.5, abs=1e-12)


def test_average_precision_rises_with_the_prevalence_and_so_does_the_baseline_s():
    target, probabilities = models()
    row = row_of(
        compare(target, probabilities, "dummy", "logistic", metric="pr_auc"), "noise", "pr_auc"
    )
    own, dummy = (
        confidence_intervals(target, probabilities[name]).loc["pr_auc"]
        for name in ("noise", "dummy")
    )
    # Taken apart, both would be unsure by the prevalence; taken together, it cancels out.
    apart = np.hypot(own["value"] - own["low"], dummy["high"] - dummy["value"])
    assert row["baseline_difference"] - row["baseline_low"] < 0.9 * apart


def test_differences_of_average_precision_are_freed_of_their_skewness():
    target, probabilities = models(rows=120, seed=3)
    one, other = probabilities["noise"], probabilities["logistic"]
    row = row_of(
        compare(target, {"one": one, "other": other}, None, "other", metric="pr_auc"),
        "one",
        "pr_auc",
    )
    one, other = (parts_of_rows("pr_auc", sample_of(target, said)) for said in (one, other))
    between = one - other
    skewness, error = skew(between), between.std(ddof=1)
    quantile = t.ppf(0.975, target.sum() - 1)
    for limit, sign in (("best_low", 1), ("best_high", -1)):
        s = (row["best_difference"] - row[limit]) / error
        transformed = s + skewness * s**2 / 3 + skewness**2 * s**3 / 27 + skewness / (6 * 120)
        assert np.sqrt(120) * transformed == pytest.approx(sign * quantile, rel=1e-6)


def test_the_p_value_against_such_a_model_is_where_its_interval_touches_0():
    target, probabilities = models(seed=5)
    row = row_of(compare(target, probabilities, "dummy", "logistic"), "noise")
    at_p = confidence_intervals(target, probabilities["noise"], level=1 - row["baseline_p"])
    limit = "low" if row["baseline_difference"] > 0 else "high"
    assert 0.01 < row["baseline_p"] < 0.99
    assert at_p.loc["roc_auc", limit] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("table_rows", [None, 2000])
def test_parts_of_rows_tell_the_spread_of_a_metric(metric, table_rows):
    """The variance of the parts is that of the metric over many samples, by simulation."""
    generator = np.random.default_rng(2)
    rows, prevalence, found, told = 400, 0.3, [], []
    for _ in range(300):
        ones = generator.binomial(table_rows or rows, prevalence) * rows / (table_rows or rows)
        target = np.arange(rows) < round(ones)
        score = generator.standard_normal(rows) + 1.2 * target
        probability = 1 / (1 + np.exp(1.2 - score))
        found.append(scores(target, probability)[metric])
        parts = parts_of_rows(metric, sample_of(target, probability, table_rows=table_rows))
        assert parts.shape == (rows,)
        assert abs(parts.mean()) < 1e-9
        told.append(parts.var() / rows)
    assert np.mean(told) == pytest.approx(np.var(found), rel=0.25)


def test_a_stratified_part_of_a_table_is_surer_of_differences_too():
    target, probabilities = models(prevalence=0.1)
    arguments = (target, probabilities, "dummy", "logistic")
    alone = row_of(compare(*arguments, metric="log_loss"), "noise", "log_loss")
    part = row_of(compare(*arguments, metric="log_loss", table_rows=2000), "noise", "log_loss")
    assert part["baseline_difference"] == alone["baseline_difference"]
    width = alone["baseline_high"] - alone["baseline_low"]
    assert part["baseline_high"] - part["baseline_low"] < 0.95 * width


def test_log_losses_of_models_that_are_certain_of_rows_are_compared_by_their_intervals():
    """No row that the forest is certain of is wrong here; the next one may be."""
    target, probabilities = models(rows=1000)
    forest = probabilities["forest"].copy()
    forest[np.flatnonzero(target == 0)[:300]] = 0.0
    for first, other in (("forest", "dummy"), ("dummy", "forest")):
        two = {"forest": forest, "dummy": probabilities["dummy"]}
        row = row_of(compare(target, two, None, other, metric="log_loss"), first, "log_loss")
        own = confidence_intervals(target, forest).loc["log_loss"]
        up = "best_high" if first == "forest" else "best_low"
        reach = abs(row[up] - row["best_difference"])
        assert reach == pytest.approx(own["high"] - own["value"], rel=0.05)


def test_a_difference_of_few_predictions_is_not_reliable():
    target, probabilities = models()
    for flipped, reliable in ((9, False), (10, True)):
        other = probabilities["logistic"].copy()
        other[:flipped] = 1 - other[:flipped]
        two = {"one": probabilities["logistic"], "other": other}
        table = compare_by(["accuracy", "mcc", "roc_auc"], target, two, None, "one")
        found = [
            row_of(table, "other", name)["reliable"] for name in ("accuracy", "mcc", "roc_auc")
        ]
        assert found == [reliable, reliable, True]


# Many comparisons


def test_holm_adjusts_step_by_step():
    # The smallest of four times 4, the next times 3, and so on; never smaller than one before.
    assert list(holm([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert list(holm([0.5, 0.9])) == [1, 1]
    assert list(holm([0.02])) == [0.02]
    assert holm([]).size == 0


def test_holm_is_at_least_as_strict_as_controlling_false_discoveries():
    p_values = np.random.default_rng(0).random(20) ** 3
    assert (holm(p_values) >= false_discovery_control(p_values) - 1e-12).all()


def test_p_values_are_adjusted_for_the_models_that_were_compared():
    target, probabilities = models()
    table = compare_by(["roc_auc", "brier"], target, probabilities, "dummy", "logistic")
    for metric in ("roc_auc", "brier"):
        of_metric = table[table["metric"] == metric]
        for role, itself in (("baseline", "dummy"), ("best", "logistic")):
            others = of_metric[of_metric["model"] != itself]
            assert list(others[f"{role}_p_adjusted"]) == list(holm(others[f"{role}_p"]))
            assert row_of(of_metric, itself, metric)[f"{role}_p_adjusted"] == 1


# Several splits


def test_splits_with_intervals_shorten_them_as_far_as_the_table_allows():
    widths = []
    for count in (1, 2, 10, 10_000):
        mean, low, high = combine_over_splits(
            [0.8] * count, [0.7] * count, [0.86] * count, test_share=0.25
        )
        assert mean == pytest.approx(0.8)
        assert (high - mean) / (mean - low) == pytest.approx(0.6)
        widths.append(high - low)
    assert widths[0] == pytest.approx(0.16)
    assert widths[1] == pytest.approx(0.16 * np.sqrt(0.25 + 0.75 / 2))
    assert widths[2] == pytest.approx(0.16 * np.sqrt(0.25 + 0.75 / 10))
    # Four times the rows make half the interval: no number of splits makes it shorter.
    assert widths[3] == pytest.approx(0.08, rel=1e-3)


def test_comparisons_over_splits_are_surer_than_one():
    tables = [
        compare_by(["roc_auc", "brier"], *models(seed=seed), "dummy", "logistic")
        for seed in range(4)
    ]
    together = compare_over_splits(tables, 0.2)
    assert list(together.columns) == list(tables[0].columns)
    for i, row in together.iterrows():
        differences = [table["best_difference"][i] for table in tables]
        assert row["best_difference"] == pytest.approx(np.mean(differences))
        assert row["value"] == pytest.approx(np.mean([table["value"][i] for table in tables]))
        width = np.mean([table["best_high"][i] - table["best_low"][i] for table in tables])
        shorter = np.sqrt(0.2 + 0.8 / 4)
        assert row["best_high"] - row["best_low"] == pytest.approx(shorter * width)
        excluded = row["best_low"] > 0 or row["best_high"] < 0
        assert excluded == (row["best_p"] < 0.05)


def test_the_comparison_of_one_split_stays_as_it_is():
    table = compare(*models(), "dummy", "logistic")
    pd.testing.assert_frame_equal(compare_over_splits([table], 0.2), table)


def test_comparisons_without_a_baseline_are_combined_too():
    tables = [compare(*models(seed=seed), None, "logistic") for seed in range(2)]
    together = compare_over_splits(tables, 0.2)
    assert together.filter(like="baseline_").isna().all(axis=None)
