import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
import yaml
from running import ROOT

from ml_baseline.errors import InputError
from ml_baseline.scoring import counting, intervals
from ml_baseline.scoring.methods import METHODS
from ml_baseline.scoring.metrics import METRICS, Metric, metric_named
from ml_baseline.scoring.sample import sample_of
from ml_baseline.scoring.scores import confidence_intervals, scores
from ml_baseline.scoring.significance import compare

NAMES = [
    *("accuracy", "precision", "recall", "f1", "roc_auc", "pr_auc", "log_loss", "brier"),
    *("mcc", "balanced_accuracy"),
]


def by_sklearn(target, probability, threshold=0.5):
    predicted = (np.asarray(probability) >= threshold).astype(int)
    return {
        "accuracy": sk.accuracy_score(target, predicted),
        "precision": sk.precision_score(target, predicted, zero_division=0),
        "recall": sk.recall_score(target, predicted, zero_division=0),
        "f1": sk.f1_score(target, predicted, zero_division=0),
        "roc_auc": sk.roc_auc_score(target, probability),
        "pr_auc": sk.average_precision_score(target, probability),
        "log_loss": sk.log_loss(target, probability),
        "brier": sk.brier_score_loss(target, probability),
        "mcc": sk.matthews_corrcoef(target, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(target, predicted),
    }


def sample(rows, prevalence=0.3, signal=1.0, seed=0, digits=None):
    generator = np.random.default_rng(seed)
    target = (generator.random(rows) < prevalence).astype(int)
    target[:2] = 0, 1
    probability = 1 / (1 + np.exp(-signal * target - generator.standard_normal(rows) + 1))
    return target, probability if digits is None else probability.round(digits)


# Scores


@pytest.mark.parametrize("digits", [None, 1, 0])
@pytest.mark.parametrize("rows", [2, 3, 7, 60, 1001])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0])
def test_scores_are_those_of_scikit_learn(rows, digits, threshold):
    target, probability = sample(rows, seed=rows, digits=digits)
    found = scores(target, probability, threshold)
    for name, value in by_sklearn(target, probability, threshold).items():
        assert found[name] == pytest.approx(value, rel=1e-12, abs=1e-14), name


@pytest.mark.parametrize(
    ("target", "probability"),
    [
        ([0, 1], [0.0, 1.0]),
        ([0, 1], [1.0, 0.0]),
        ([0, 1, 1], [0.5, 0.5, 0.5]),
        ([0, 0, 1], [1e-300, 1 - 1e-16, 1e-17]),
        ([0, 1, 0, 1], [0.5, 0.5, 0.4999999999999999, 0.5000000000000001]),
    ],
)
def test_scores_of_extremes_are_those_of_scikit_learn(target, probability):
    found = scores(target, probability)
    for name, value in by_sklearn(target, probability).items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-15), name


def test_scores_name_the_metrics_first_and_say_what_they_were_taken_on():
    target, probability = sample(50)
    found = scores(target, probability, threshold=0.4)
    assert list(found) == [*NAMES, "threshold", "prevalence", "rows"]
    assert list(METRICS) == NAMES
    assert found["threshold"] == 0.4
    assert found["prevalence"] == target.mean()
    assert found["rows"] == 50
    assert all(type(found[name]) is float for name in NAMES)


def test_a_row_at_the_threshold_is_a_one():
    assert scores([0, 1], [0.2, 0.7], threshold=0.7)["recall"] == 1
    assert scores([0, 1], [0.2, 0.7], threshold=0.7000001)["recall"] == 0


def test_scores_take_columns_of_a_table_and_booleans():
    target, probability = sample(30)
    frame = pd.DataFrame({"target": target, "probability": probability}, index=range(5, 35))
    assert scores(frame["target"], frame["probability"]) == scores(target, probability)
    assert scores(target.astype(bool), list(probability)) == scores(target, probability)


def test_the_order_of_rows_does_not_matter():
    target, probability = sample(300, digits=1)
    order = np.random.default_rng(1).permutation(300)
    again = scores(target[order], probability[order])
    for name, value in scores(target, probability).items():
        assert again[name] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("target", "probability", "threshold", "message"),
    [
        ([0, 1, 1], [0.1, 0.2], 0.5, "3 targets and 2 probabilities"),
        ([], [], 0.5, "no rows"),
        ([0, np.nan], [0.1, 0.2], 0.5, "1 of 2 values of the target are missing"),
        ([0, 1], [0.1, np.nan], 0.5, "1 of 2 values of the probability are missing"),
        ([0, 2], [0.1, 0.2], 0.5, "The target holds 2"),
        ([0, 1], [0.1, 1.1], 0.5, "A probability is 1.1"),
        ([0, 1], [-0.1, 0.1], 0.5, "A probability is -0.1"),
        ([1, 1], [0.1, 0.2], 0.5, "All 2 rows are of class 1"),
        ([0, 0], [0.1, 0.2], 0.5, "All 2 rows are of class 0"),
        ([0, 1], [[0.1, 0.9], [0.2, 0.8]], 0.5, "shape"),
        (["no", "yes"], [0.1, 0.2], 0.5, "target is not numeric"),
        ([0, 1], [0.1, 0.2], 1.5, "threshold is 1.5"),
        ([0, 1], [0.1, 0.2], np.nan, "threshold is nan"),
    ],
)
def test_bad_input_is_named(target, probability, threshold, message):
    for function in (scores, confidence_intervals):
        with pytest.raises(InputError, match=message):
            function(target, probability, threshold)


def test_a_metric_is_one_record():
    lower = [name for name, metric in METRICS.items() if not metric.higher_is_better]
    assert lower == ["log_loss", "brier"]
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.method in METHODS
        assert metric.title
        assert metric.explanation
    with pytest.raises(InputError, match="no metric 'auc'"):
        metric_named("auc")


def test_select_by_may_be_any_metric():
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    assert schema["properties"]["select_by"]["enum"] == NAMES == list(METRICS)


def test_a_metric_of_rates_is_one_entry(monkeypatch):
    """What a new metric takes: a record; scores, intervals and comparisons follow."""
    youden = Metric("youden", "Youden's J", "", "rates", lambda r, s, _: r + s - 1, bounds=(-1, 1))
    monkeypatch.setitem(METRICS, "youden", youden)
    target, probability = sample(300)
    found = scores(target, probability)
    assert found["youden"] == pytest.approx(2 * found["balanced_accuracy"] - 1)
    table = confidence_intervals(target, probability)
    for limit in ("low", "high"):
        both = table.loc["youden", limit], table.loc["balanced_accuracy", limit]
        assert both[0] == pytest.approx(2 * both[1] - 1)
    models = {"one": probability, "other": probability**2}
    assert len(compare(target, models, None, "one", metric="youden")) == 2


def test_the_point_metrics_need_neither_scikit_learn_nor_scipy_nor_pandas():
    code = (
        "import sys; from ml_baseline.scoring.scores import scores; scores([0, 1], [0.2, 0.7]); "
        "sys.exit(any(name in sys.modules for name in ('sklearn', 'scipy', 'pandas')))"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0


# Intervals


def test_intervals_are_laid_around_the_scores():
    target, probability = sample(200)
    table = confidence_intervals(target, probability, threshold=0.4)
    assert list(table.index) == NAMES
    assert list(table.columns) == ["value", "low", "high", "method", "effective_rows", "reliable"]
    found = scores(target, probability, threshold=0.4)
    for name, row in table.iterrows():
        assert row["value"] == pytest.approx(found[name], rel=1e-12)
        assert row["low"] < row["value"] < row["high"]
    assert table["reliable"].all()
    assert table.equals(confidence_intervals(target, probability, threshold=0.4))


@pytest.mark.parametrize("seed", range(30))
def test_intervals_hold_the_value_and_stay_in_bounds(seed):
    generator = np.random.default_rng(seed)
    rows = generator.integers(2, 60)
    target, probability = sample(rows, generator.random(), 3 * generator.random(), seed, seed % 3)
    table = confidence_intervals(target, probability, level=0.99)
    assert np.isfinite(table[["low", "high"]].to_numpy()).all()
    assert (table["low"] <= table["value"] + 1e-12).all()
    assert (table["high"] >= table["value"] - 1e-12).all()
    assert (table.drop("mcc")["low"] >= 0).all()
    assert table.loc["mcc", "low"] >= -1
    assert (table.drop("log_loss")["high"] <= 1).all()


@pytest.mark.parametrize("name", NAMES)
def test_intervals_grow_with_the_level_and_shrink_with_the_rows(name):
    target, probability = sample(150)
    width = {
        level: np.ptp(
            confidence_intervals(target, probability, level=level).loc[name, ["low", "high"]]
        )
        for level in (0.8, 0.95, 0.99)
    }
    assert width[0.8] < width[0.95] < width[0.99]
    many = confidence_intervals(np.tile(target, 16), np.tile(probability, 16))
    ratio = np.ptp(many.loc[name, ["low", "high"]]) / width[0.95]
    assert ratio == pytest.approx(1 / 4, rel=0.1)


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, np.nan])
def test_a_level_that_is_none_is_refused(level):
    with pytest.raises(InputError, match="level"):
        confidence_intervals([0, 1], [0.2, 0.7], level=level)


def test_shares_have_the_interval_of_wilson():
    # 30 of 40: worked out by hand from (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n).
    target = np.repeat([1, 0], [40, 60])
    probability = np.repeat([0.9, 0.1, 0.2], [30, 10, 60])
    low, high = confidence_intervals(target, probability).loc["recall", ["low", "high"]]
    assert (low, high) == pytest.approx((0.5981, 0.8581), abs=1e-4)


def test_shares_of_few_have_the_corrected_limit():
    # 1 of 30 ones found: P(none found) is 95 % at low, about exp(-30 low).
    target = np.repeat([1, 0], [30, 30])
    probability = np.repeat([0.9, 0.1], [1, 59])
    low = confidence_intervals(target, probability).loc["recall", "low"]
    assert np.exp(-30 * low) == pytest.approx(0.95, abs=1e-12)


def test_f1_has_the_interval_of_the_share_it_is_made_of():
    target, probability = sample(120)
    predicted = probability >= 0.5
    hits, errors = np.sum(predicted & (target == 1)), np.sum(predicted != target)
    table = confidence_intervals(target, probability)
    of_share = confidence_intervals(
        np.repeat([1, 0], [hits + errors, 5]), np.repeat([1.0, 0.0], [hits, errors + 5])
    ).loc["recall"]
    for limit in ("value", "low", "high"):
        share = of_share[limit]
        assert table.loc["f1", limit] == pytest.approx(2 * share / (1 + share), rel=1e-12)


def delong_variance(target, probability):
    """Return the variance of the area from all pairs, as DeLong and others define it."""
    ones, zeros = probability[target == 1], probability[target == 0]
    wins = (ones[:, None] > zeros) + 0.5 * (ones[:, None] == zeros)
    of_ones, of_zeros = wins.mean(axis=1), wins.mean(axis=0)
    return of_ones.var(ddof=1) / ones.size + of_zeros.var(ddof=1) / zeros.size


def test_the_area_of_many_rows_has_the_interval_of_delong():
    target, probability = sample(6_000, digits=2)
    low, high = confidence_intervals(target, probability).loc["roc_auc", ["low", "high"]]
    error = np.sqrt(delong_variance(target, probability))
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.005)


def test_the_area_of_few_rows_is_given_more_room_than_delong_gives_it():
    generator = np.random.default_rng(3)
    target = np.repeat([1, 0], [20, 400])
    probability = 1 / (1 + np.exp(-generator.standard_normal(420) - 3 * target))
    low, high = confidence_intervals(target, probability).loc["roc_auc", ["low", "high"]]
    error = np.sqrt(delong_variance(target, probability))
    value = scores(target, probability)["roc_auc"]
    assert value - low > 1.5 * 1.96 * error
    assert high - value < value - low


def test_the_area_of_regular_scores_is_given_little_more_room_than_delong_gives_it():
    # The ones stand close together: Newcombe's variance alone would be five times too large.
    generator = np.random.default_rng(3)
    target = np.repeat([1, 0], [60, 1000])
    score = np.where(target == 1, 1.9, 0) + generator.standard_normal(1060) * np.where(
        target, 0.3, 1
    )
    low, high = confidence_intervals(target, 1 / (1 + np.exp(-score))).loc[
        "roc_auc", ["low", "high"]
    ]
    error = np.sqrt(delong_variance(target, score))
    assert 1 < (high - low) / (2 * 1.96 * error) < 1.6


@pytest.mark.parametrize("digits", [None, 1])
def test_average_precision_without_each_row_is_that_of_the_other_rows(digits):
    target, probability = sample(40, digits=digits)
    without = counting.average_precision_without(*sample_of(target, probability).by_score)
    distinct = -np.unique(-probability)
    for row in range(40):
        others = np.arange(40) != row
        expected = sk.average_precision_score(target[others], probability[others])
        position = np.flatnonzero(distinct == probability[row])[0]
        assert without[target[row], position] == pytest.approx(expected, rel=1e-12)


def test_average_precision_is_corrected_for_its_bias():
    generator = np.random.default_rng(0)
    off = []
    for _ in range(200):
        target = generator.random(200) < 0.15
        table = confidence_intervals(target, generator.random(200)).loc["pr_auc"]
        logits = np.log(
            table[["low", "high"]].astype(float) / (1 - table[["low", "high"]].astype(float))
        )
        off.append((table["value"], 1 / (1 + np.exp(-logits.mean()))))
    value, middle = np.mean(off, axis=0)
    assert value > 0.165  # the truth is 0.15
    assert abs(middle - 0.15) < (value - 0.15) / 2


@pytest.mark.parametrize("name", ["log_loss", "brier"])
def test_losses_without_skewness_have_the_usual_interval_of_a_mean(name):
    # Every other row is right at 0.6 and wrong at 0.6: two values, each as often as the other.
    target = np.tile([0, 1, 1, 0], 25)
    probability = np.tile([0.4, 0.6, 0.4, 0.6], 25)
    row = confidence_intervals(target, probability).loc[name]
    values = {"log_loss": -np.log([0.6, 0.4]), "brier": np.array([0.16, 0.36])}[name]
    reach = 1.959964 * np.std(np.tile(values, 50), ddof=1) / 10
    assert (row["low"], row["high"]) == pytest.approx(
        (values.mean() - reach, values.mean() + reach)
    )


@pytest.mark.parametrize("name", ["log_loss", "brier"])
def test_skewed_losses_have_more_room_upwards(name):
    target, probability = sample(100, signal=5.0)
    sure = probability**3 / (probability**3 + (1 - probability) ** 3)
    row = confidence_intervals(target, sure).loc[name]
    assert row["high"] - row["value"] > 1.2 * (row["value"] - row["low"])


def test_hall_s_transformation_has_an_inverse():
    for skewness in (-3.0, 0.0, 0.5, 8.0):
        for t in (-0.4, 0.0, 0.2):
            studentized = intervals.without_skewness(t, skewness, 50)
            assert intervals.with_skewness(studentized, skewness, 50) == pytest.approx(t, abs=1e-12)


def test_a_constant_probability_ranks_nothing_and_that_is_certain():
    target, _ = sample(100)
    table = confidence_intervals(target, np.full(100, 0.3))
    assert list(table.loc["roc_auc", ["value", "low", "high"]]) == [0.5, 0.5, 0.5]
    assert table.loc["roc_auc", "reliable"]
    assert table.loc["pr_auc", "low"] < target.mean() < table.loc["pr_auc", "high"]
    # No row is predicted as a one: nothing is known of the precision, little of the recall.
    assert list(table.loc["precision", ["value", "low", "high"]]) == [0, 0, 1]
    assert table.loc["recall", "low"] == 0
    assert 0.05 < table.loc["recall", "high"] < 0.2
    assert not table.loc[["precision", "recall", "f1"], "reliable"].any()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("log_loss", "brier")])
def test_perfection_on_few_rows_is_not_taken_for_certainty(name):
    widths = []
    for rows in (10, 100, 10_000):
        target = np.arange(2 * rows) % 2
        value, low, high = confidence_intervals(target, target * 0.8 + 0.1).loc[
            name, ["value", "low", "high"]
        ]
        assert (value, high) == (1, 1)
        widths.append(1 - low)
    # The rule of three: a share of 3.7 / n may be missing from n rows; 2 n for accuracy.
    assert 0.1 < widths[0] < 0.6
    assert widths[0] > 2 * widths[1]
    assert widths[1] > 10 * widths[2] > 0


@pytest.mark.parametrize("wrong", [False, True])
@pytest.mark.parametrize("name", ["log_loss", "brier"])
def test_losses_that_are_all_the_same_leave_room_for_others(name, wrong):
    target = np.arange(100) % 2
    said = 1 - target if wrong else target
    value, low, high = confidence_intervals(target, 0.9 * said + 0.05).loc[
        name, ["value", "low", "high"]
    ]
    if wrong:
        assert low < value - 0.01
        assert high == value
    else:
        assert high > value + 0.01
        assert low == value


def test_an_even_guess_loses_the_same_whatever_happens():
    table = confidence_intervals(np.arange(60) % 2, np.full(60, 0.5))
    for name, value in (("log_loss", np.log(2)), ("brier", 0.25)):
        assert list(table.loc[name, ["low", "high"]]) == pytest.approx([value, value])
        assert table.loc[name, "reliable"]


def test_rows_that_a_model_is_certain_of_widen_the_interval_of_the_log_loss():
    """That none of them is wrong here does not mean that none is."""
    random = np.random.default_rng(0)
    target = random.random(1000) < 0.3
    probability = np.clip(0.4 * target + 0.6 * random.random(1000), 1e-3, 1 - 1e-3)
    uncertain = confidence_intervals(target, probability).loc["log_loss"]
    probability[np.flatnonzero(~target)[:300]] = 0.0
    certain = confidence_intervals(target, probability).loc["log_loss"]
    assert certain["method"] != uncertain["method"]
    # 36 nats for each row, and about 3.8 of 1,000 may yet be of that kind.
    assert certain["high"] - certain["value"] == pytest.approx(36 * 3.84 / 1000, rel=0.03)
    assert uncertain["high"] - uncertain["value"] < 0.05
    wrong = probability.copy()
    wrong[np.flatnonzero(target)[:10]] = 0.0
    found = confidence_intervals(target, wrong).loc["log_loss"]
    assert found["value"] == pytest.approx(sk.log_loss(target, wrong))
    low, high = intervals.share_limits(10, 1000, 0.95, 1000)
    assert found["high"] - found["value"] == pytest.approx(36 * (high - 0.01), rel=0.1)
    assert found["value"] - found["low"] == pytest.approx(36 * (0.01 - low), rel=0.1)


def test_a_model_that_is_certain_of_every_row_has_the_interval_of_its_errors():
    target, probability = np.arange(400) % 2, np.arange(400) % 2
    probability[:12] = 1 - probability[:12]
    table = confidence_intervals(target, probability)
    most = -np.log(np.finfo(float).eps)
    errors = 1 - table.loc["accuracy", ["high", "low"]].to_numpy(dtype=float)
    found = table.loc["log_loss", ["low", "high"]].to_numpy(dtype=float)
    assert found == pytest.approx(most * errors)
    assert table.loc["log_loss", "reliable"]


@pytest.mark.parametrize(("ones", "reliable"), [(19, False), (20, True)])
@pytest.mark.parametrize("flip", [False, True])
def test_fewer_than_20_rows_of_a_class_are_not_reliable(ones, reliable, flip):
    generator = np.random.default_rng(0)
    target = np.repeat([1, 0], [ones, 200])
    probability = np.clip(
        0.5 + 0.2 * (target - 0.5) + 0.2 * generator.standard_normal(target.size), 0, 1
    )
    if flip:
        target, probability = 1 - target, 1 - probability
    assert confidence_intervals(target, probability)["reliable"].all() == reliable


@pytest.mark.parametrize(("misses", "reliable"), [(4, False), (5, True)])
def test_figures_that_hang_on_fewer_than_5_rows_are_not_reliable(misses, reliable):
    target = np.repeat([1, 0], [50, 50])
    probability = np.repeat([0.1, 0.9, 0.1, 0.9], [misses, 50 - misses, 42, 8])
    row = confidence_intervals(target, probability).loc["recall"]
    assert row["effective_rows"] == misses
    assert row["reliable"] == reliable


def test_a_stratified_part_of_a_table_is_surer_of_what_depends_on_the_prevalence():
    target, probability = sample(400, prevalence=0.1)
    probability = 0.2 * probability  # as low as the prevalence: the ones lose far more
    alone = confidence_intervals(target, probability, threshold=0.15)
    part = confidence_intervals(target, probability, threshold=0.15, table_rows=2000)
    width, of_part = (table["high"] - table["low"] for table in (alone, part))
    for name in ("recall", "roc_auc", "balanced_accuracy"):  # none depends on it
        assert of_part[name] == pytest.approx(width[name], rel=1e-9)
    for name in ("accuracy", "log_loss", "brier"):
        assert of_part[name] < 0.8 * width[name], name
    for name in ("precision", "f1", "pr_auc", "mcc"):
        assert of_part[name] < width[name], name
    assert part["value"].equals(alone["value"])
    same = confidence_intervals(target, probability, threshold=0.15, table_rows=400)
    pd.testing.assert_frame_equal(same, alone)


def test_always_guessing_the_majority_is_known_as_well_as_the_prevalence_of_the_table():
    target = np.repeat([1, 0], [20, 380])
    part = confidence_intervals(target, np.full(400, 0.05), table_rows=2000).loc["accuracy"]
    whole = confidence_intervals(np.tile(target, 5), np.full(2000, 0.05)).loc["accuracy"]
    assert part["low"] == pytest.approx(whole["low"], rel=1e-12)
    assert part["high"] == pytest.approx(whole["high"], rel=1e-12)


def test_a_table_smaller_than_its_part_is_refused():
    with pytest.raises(InputError, match="table_rows is 3, but there are 4 rows"):
        confidence_intervals([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], table_rows=3)


def test_intervals_of_many_rows_are_quickly_there_and_exact():
    target, probability = sample(60_000)
    table = confidence_intervals(target, probability)
    for name, value in by_sklearn(target, probability).items():
        assert table.loc[name, "value"] == pytest.approx(value, rel=1e-10)
    assert (table["high"] - table["low"] < 0.03).all()


def test_one_row_of_a_class_is_enough_for_an_interval():
    target = np.array([1, 0, 0, 0, 0])
    table = confidence_intervals(target, np.array([0.6, 0.1, 0.7, 0.2, 0.3]))
    assert np.isfinite(table[["value", "low", "high"]].to_numpy(dtype=float)).all()
    assert not table["reliable"].any()
