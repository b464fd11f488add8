"""The best model is chosen without a look at the holdout, and the words fit the numbers."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from ml_baseline.errors import InputError
from ml_baseline.modelling.train import cross_validate
from ml_baseline.scoring.choosing import (
    choosing_scores,
    out_of_fold_score,
    ranked,
    reported_seeds,
    shared_rows,
)
from ml_baseline.scoring.evaluate import holdout_metrics
from ml_baseline.scoring.leaderboard import (
    COMPARED,
    leaderboard,
    verdict_of,
    what_the_baseline_does,
)
from ml_baseline.scoring.metrics import METRICS
from ml_baseline.scoring.scores import scores, stratified_rows
from ml_baseline.scoring.significance import combine_over_splits

ROWS = 200
TABLE_ROWS = 1000


def probabilities(target, skill, random):
    """Return probabilities that tell the more of the target the higher the skill (0 to 1)."""
    if skill is None:
        return np.full(len(target), target.mean())
    noise = random.normal(size=len(target))
    return 1 / (1 + np.exp(-(4 * skill * (target - 0.5) + noise)))


@pytest.fixture
def board():
    """A function from skills to a leaderboard: on the holdout, and out-of-fold scores as given."""

    def made(skills, oof, seeds=(42,), rows=(ROWS,), **settings):
        settings = {
            "select_by": "roc_auc",
            "baseline": "dummy",
            "threshold": 0.5,
            "strategy": "stratified",
            "level": 0.95,
            "unit": "distinct row",
        } | settings
        metrics, scores, predictions = [], [], {}
        for i, seed in enumerate(seeds):
            random = np.random.default_rng(seed)
            target = (np.arange(rows[i % len(rows)]) % 10 < 4).astype(int)
            parts = [
                pd.DataFrame(
                    # Each split shares a fifth of its rows with the one before it.
                    {"row_id": np.arange(len(target)) + i * round(0.8 * ROWS)}
                    | {"model": name, "target": target}
                    | {"probability": probabilities(target, skill, random)}
                )
                for name, skill in skills.items()
            ]
            predictions[seed] = pd.concat(parts, ignore_index=True)
            of_seed = holdout_metrics(predictions[seed], 0.5, settings["level"], TABLE_ROWS)
            metrics.append(of_seed.assign(dataset="small", seed=seed))
            for name, score in oof.items():
                scores.append({"seed": seed, "model": name, settings["select_by"]: score})
        metrics = pd.concat(metrics)
        table = leaderboard(metrics, pd.DataFrame(scores), predictions, settings, TABLE_ROWS)
        return table.set_index("model", drop=False), metrics

    return made


SKILLS = {"dummy": None, "good": 0.8, "useless": 0.0}
OOF = {"dummy": 0.5, "good": 0.9, "useless": 0.51}


# ------------------------------------------------------------------ words


CASES = [
    ("dummy", {}, "the baseline, which guesses; worse than best"),
    ("best", {}, "better than dummy; the best of those tried"),
    ("other", {"best_p_adjusted": 0.2}, "better than dummy; not distinguishable from best"),
    (
        "other",
        {"baseline_p_adjusted": 0.06},
        "not shown to be better than dummy; worse than best",
    ),
    ("other", {"baseline_difference": -0.2}, "worse than dummy; worse than best"),
    (
        "other",
        {"best_difference": 0.1},
        "better than dummy; better here than best, which was chosen in training",
    ),
    (
        "other",
        {"roc_auc_low": 0.5},
        "no skill shown: above dummy by F1, but its ROC-AUC may be chance; worse than best",
    ),
    (
        "other",
        {"blind_difference": 0.1},
        "better than dummy and than always predicting yes; worse than best",
    ),
    (
        "other",
        {"blind_p_adjusted": 0.06},
        "above dummy by F1, but not shown to be better than always predicting yes; worse than best",
    ),
    (
        "other",
        {"blind_difference": -0.1},
        "above dummy by F1, but not shown to be better than always predicting yes; worse than best",
    ),
]


@pytest.mark.parametrize(("model", "changed", "words"), CASES)
def test_verdicts(model, changed, words):
    row = {"model": model, "roc_auc_low": 0.6, "baseline_p_adjusted": 0.01} | {
        "baseline_difference": 0.2,
        "best_difference": -0.1,
        "best_p_adjusted": 0.01,
        "blind_difference": 0.2,
        "blind_p_adjusted": 0.01,
    }
    settings = {"select_by": "f1", "level": 0.95, "baseline": "dummy"}
    assert verdict_of(row | changed, settings, "guesses", "best") == words
    less_is_better = row | {
        "baseline_difference": -0.2,
        "blind_difference": -0.2,
        "best_difference": 0.1,
    }
    if not changed:
        by_loss = verdict_of(less_is_better, settings | {"select_by": "brier"}, "guesses", "best")
        assert by_loss == words


@pytest.mark.parametrize(
    ("said", "threshold", "words"),
    [
        ([0.2, 0.2], 0.5, "always predicts the more frequent class"),
        ([0.2, 0.2], 0.1, "always predicts the rarer class"),
        ([0.2, 0.3], 0.5, ""),
    ],
)
def test_a_baseline_is_said_to_guess_only_if_it_does(said, threshold, words):
    own = pd.DataFrame({"model": "mine", "target": [0, 0, 1] * 2, "probability": said * 3})
    settings = {"baseline": "mine", "threshold": threshold}
    assert what_the_baseline_does({1: own, 2: own}, settings) == words


def test_a_coin_flip_shows_no_skill_by_f1(board):
    """By F1 it is plainly better than a model that predicts no ones."""
    table, _ = board(SKILLS, OOF | {"useless": 0.99}, rows=(800,), select_by="f1")
    flip = table.loc["useless"]
    assert flip["baseline_p_adjusted"] < 1e-6
    assert flip["baseline_difference"] > 0
    assert flip["verdict"].startswith("no skill shown: above dummy by F1")
    assert table.loc["good", "verdict"].startswith("better than dummy and than always")


@pytest.mark.parametrize("metric", list(METRICS))
def test_noise_is_hardly_ever_said_to_be_better_than_the_baseline(board, metric):
    """Whatever models are chosen by, and whatever share of the rows they flag."""
    said = []
    for seed in range(40):
        table, _ = board(SKILLS, dict.fromkeys(SKILLS, 0.5), (seed,), select_by=metric)
        said.append(table.loc["useless", "verdict"].startswith("better than"))
        # The precision of a baseline that predicts no ones may be anything.
        assert table.loc["good", "verdict"].startswith("better than") or metric == "precision"
    assert sum(said) <= 4


# ------------------------------------------------------------------ choosing


def test_the_holdout_has_no_say_in_the_choice(board):
    # On the holdout the model that did worst in training is by far the best.
    table, _ = board(
        {"dummy": None, "first": 0.2, "last": 2.0}, {"dummy": 0.5, "first": 0.9, "last": 0.4}
    )
    assert table.loc["last", "roc_auc"] > table.loc["first", "roc_auc"] + 0.2
    assert table["model"].tolist() == ["first", "dummy", "last"]
    assert table["rank"].tolist() == [1, 2, 3]
    assert table["selected"].tolist() == [True, False, False]
    assert table["oof_roc_auc"].tolist() == [0.9, 0.5, 0.4]
    # and the comparison is with the one chosen
    assert table.loc["first", "best_difference"] == 0
    assert table.loc["last", "best_difference"] > 0.2
    assert "better here than first" in table.loc["last", "verdict"]


@pytest.mark.parametrize(
    ("metric", "order"), [("roc_auc", ["b", "c", "a"]), ("brier", ["a", "c", "b"])]
)
def test_better_is_first_whether_that_is_more_or_less(metric, order):
    scores = pd.DataFrame({"model": ["a", "b", "c"], metric: [0.1, 0.3, 0.2]})
    assert ranked(scores, metric).index.tolist() == order


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_a_tie_goes_to_the_first_in_the_config(metric):
    names = [f"model {i * 7 % 60}" for i in range(60)]
    scores = pd.DataFrame({"model": names, metric: [0.5, 0.4] * 30})
    first, last = (0, 1) if metric == "roc_auc" else (1, 0)
    assert ranked(scores, metric).index.tolist() == names[first::2] + names[last::2]


def test_ranks_are_by_the_mean_over_the_seeds():
    scores = pd.DataFrame({"model": ["a", "b"] * 2, "f1": [0.9, 0.6, 0.1, 0.6]})
    means = ranked(scores, "f1")
    assert means.index.tolist() == ["b", "a"]
    assert means.tolist() == pytest.approx([0.6, 0.5])


@pytest.mark.parametrize(
    ("metric", "skills", "order"),
    [
        # Better, but not shown to be.
        ("log_loss", {"one": 0.62, "none": 0.0, "ensemble": 0.6}, ["ensemble", "one", "none"]),
        ("log_loss", {"one": 0.9, "none": 0.0, "ensemble": 0.6}, ["one", "ensemble", "none"]),
        ("brier", {"one": 0.62, "none": 0.0, "ensemble": 0.6}, ["one", "ensemble", "none"]),
        # One that is another model is no mixture.
        ("log_loss", {"one": 0.62, "base": 0.6, "ensemble": 0.6}, ["one", "base", "ensemble"]),
    ],
)
def test_by_log_loss_the_ensemble_is_first_unless_a_model_is_shown_to_be_better(
    metric, skills, order
):
    target = (np.arange(ROWS) % 10 < 4).astype(int)
    part = {"row_id": np.arange(ROWS), "fold": np.arange(ROWS) % 5, "target": target}
    oof = {}
    for name, skill in skills.items():
        of_model = probabilities(target, skill, np.random.default_rng(round(100 * skill)))
        oof[name] = pd.DataFrame(part | {"probability": of_model})
    held_out = pd.DataFrame({"row_id": [ROWS, ROWS + 1], "target": [0, 1]})
    found, _ = choosing_scores({7: oof}, {7: held_out}, [7], metric, 0.5)
    assert ranked(found, metric).index.tolist() == order


def test_rows_that_belong_together_are_one_piece_of_evidence_for_a_model():
    target, random = (np.arange(20) % 10 < 4).astype(int), np.random.default_rng(1)
    part = {"row_id": np.arange(ROWS), "fold": np.arange(ROWS) % 5, "target": np.tile(target, 10)}
    oof = {
        name: pd.DataFrame(
            part | {"probability": np.tile(probabilities(target, skill, random), 10)}
        )
        for name, skill in {"one": 0.8, "ensemble": 0.5}.items()
    }
    held_out = pd.DataFrame({"row_id": [ROWS, ROWS + 1], "target": [0, 1]})
    groups = pd.Series(np.arange(ROWS + 2) % 20)
    for of_rows, order in ((None, ["one", "ensemble"]), (groups, ["ensemble", "one"])):
        found, _ = choosing_scores({7: oof}, {7: held_out}, [7], "log_loss", 0.5, of_rows)
        assert ranked(found, "log_loss").index.tolist() == order


def test_less_is_better_is_understood_throughout(board):
    table, _ = board(SKILLS, {"dummy": 0.24, "good": 0.1, "useless": 0.3}, select_by="brier")
    assert table["model"].tolist() == ["good", "dummy", "useless"]
    assert table.loc["good", "baseline_difference"] < 0
    assert "; the best of those tried" in table.loc["good", "verdict"]
    assert table.loc["good", "verdict"].startswith("better than ")
    assert table.loc["useless", "verdict"].startswith("worse than ")


# ------------------------------------------------------------------ what stands in it


def test_columns(board):
    table, _ = board(SKILLS, OOF)
    expected = ["dataset", "model", "rank", "selected", "oof_roc_auc"]
    for name in METRICS:
        expected += [name, f"{name}_low", f"{name}_high", f"{name}_reliable"]
    expected += ["reliable", "threshold", "prevalence", "rows", "units", "unit", "seeds", "level"]
    assert list(table) == [
        *expected,
        *COMPARED,
        *("verdict", "baseline", "blind", "status", "reason"),
    ]
    assert table.notna().all(axis=None)
    assert set(table["dataset"]) == {"small"}
    assert set(table["baseline"]) == {"dummy"}


def test_one_seed_is_shown_as_it_is(board):
    table, metrics = board(SKILLS, OOF)
    metrics = metrics.set_index("model").loc[table.index]
    for name in METRICS:
        for column in (name, f"{name}_low", f"{name}_high"):
            assert table[column].tolist() == metrics[column].tolist()
    assert table["prevalence"].tolist() == pytest.approx([0.4] * 3)
    assert table["rows"].tolist() == [ROWS] * 3
    assert table["seeds"].tolist() == [1] * 3


def test_words_fit_the_numbers(board):
    table, _ = board(SKILLS, OOF)
    good, dummy, useless = (table.loc[name] for name in ("good", "dummy", "useless"))
    assert good["baseline_low"] > 0 and good["baseline_p_adjusted"] < 0.05
    assert good["verdict"].startswith("better than ")
    assert good["verdict"].endswith("the best of those tried")
    assert useless["baseline_low"] < 0 < useless["baseline_high"]
    assert "not shown to be better than" in useless["verdict"]
    assert "worse than good" in useless["verdict"]
    assert dummy["verdict"].startswith("the baseline")
    assert (dummy["baseline_difference"], dummy["baseline_p_adjusted"]) == (0, 1)


def test_what_cannot_be_told_apart_is_said_to_be_so(board):
    table, _ = board(SKILLS | {"like it": 0.8}, OOF | {"like it": 0.89})
    assert "not distinguishable from good" in table.loc["like it", "verdict"]


def test_several_seeds_are_taken_together(board):
    table, metrics = board(SKILLS, OOF, seeds=(1, 2, 3))
    assert table["seeds"].tolist() == [3] * 3
    for model in SKILLS:
        of_model = metrics[metrics["model"] == model]
        for name in ("roc_auc", "f1", "log_loss"):
            found = table.loc[model, [name, f"{name}_low", f"{name}_high"]].tolist()
            limits = (of_model[name], of_model[f"{name}_low"], of_model[f"{name}_high"])
            assert found == pytest.approx(combine_over_splits(*limits, test_share=0.2))
            assert found[0] == pytest.approx(of_model[name].mean())
    # Three splits of one table say more than one, but not as much as three tables.
    width = table["roc_auc_high"] - table["roc_auc_low"]
    single = (metrics["roc_auc_high"] - metrics["roc_auc_low"]).groupby(metrics["model"]).mean()
    assert width["useless"] < single["useless"]
    assert width["useless"] > single["useless"] / np.sqrt(3)
    assert table.loc["good", "verdict"].startswith("better than ")
    assert table.loc["dummy", "roc_auc"] == 0.5


def test_one_unreliable_seed_makes_the_row_unreliable(board):
    table, _ = board(SKILLS, OOF, seeds=(1, 2))
    assert table.loc["useless", "reliable"]
    table, metrics = board(SKILLS, OOF, seeds=(1, 2), rows=(ROWS, 40))  # 16 ones
    seeds = metrics.loc[metrics["model"] == "useless", "roc_auc_reliable"]
    assert seeds.tolist() == [True, False]
    assert not table.loc["useless", "reliable"]


def test_the_row_is_as_reliable_as_the_metric_that_chooses(board):
    by_area, _ = board(SKILLS, OOF)
    by_recall, _ = board(SKILLS, OOF, select_by="recall")
    assert by_area.loc["dummy", "roc_auc_reliable"] and not by_area.loc["dummy", "recall_reliable"]
    assert by_area.loc["dummy", "reliable"] and not by_recall.loc["dummy", "reliable"]


def test_only_a_stratified_holdout_knows_the_share_of_ones():
    assert stratified_rows("stratified", 500) == 500
    assert stratified_rows("group", 500) is None
    assert stratified_rows("time", 500) is None


# ------------------------------------------------------------------ out-of-fold scores


def test_a_constant_ranks_nothing_exactly(numbers_table, settings_of):
    table, schema = numbers_table(333, signal=1.0)
    settings = settings_of("sklearn.dummy.DummyClassifier", params={"strategy": "prior"}, folds=7)
    oof = cross_validate(table, schema, settings, 0)
    # The folds' constants differ a little: over all rows at once they would rank, and badly.
    assert oof["probability"].nunique() > 1
    assert roc_auc_score(oof["target"], oof["probability"]) != 0.5
    assert out_of_fold_score(oof, "roc_auc", 0.5) == 0.5


@pytest.fixture(scope="module")
def oof():
    """Two folds, 60 and 140 rows, the second of which has all probabilities lower."""
    random = np.random.default_rng(0)
    target = random.integers(0, 2, 200)
    fold = np.repeat([0, 1], [60, 140])
    probability = np.clip(0.3 * target + 0.5 * random.random(200) + 0.2 * (fold == 0), 0, 1)
    return pd.DataFrame(
        {"row_id": range(200), "fold": fold, "target": target, "probability": probability}
    )


def test_ranking_is_scored_fold_by_fold_and_the_rest_at_once(oof):
    for name, function in {"roc_auc": roc_auc_score, "pr_auc": average_precision_score}.items():
        first, second = (function(f["target"], f["probability"]) for _, f in oof.groupby("fold"))
        score = out_of_fold_score(oof, name, 0.6)
        assert score == pytest.approx((60 * first + 140 * second) / 200)
        assert score != pytest.approx(function(oof["target"], oof["probability"]))
    f1 = f1_score(oof["target"], oof["probability"] >= 0.6)
    assert out_of_fold_score(oof, "f1", 0.6) == pytest.approx(f1)


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_a_fold_of_one_class_ranks_nothing(oof, metric):
    left = oof[(oof["fold"] == 1) | (oof["target"] == 0)]
    expected = oof[oof["fold"] == 1] if metric == "roc_auc" else left
    found = out_of_fold_score(left, metric, 0.5)
    assert found == pytest.approx(scores(expected["target"], expected["probability"])[metric])
    one_each = oof[(oof["fold"] == 1) == (oof["target"] == 1)]
    pooled = scores(one_each["target"], one_each["probability"])[metric]
    assert out_of_fold_score(one_each, metric, 0.5) == pytest.approx(pooled)


@pytest.mark.parametrize("metric", list(METRICS))
def test_the_order_of_rows_does_not_matter(oof, metric):
    mixed = oof.sample(frac=1, random_state=0)
    of_both = (out_of_fold_score(rows, metric, 0.5) for rows in (mixed, oof))
    assert next(of_both) == pytest.approx(next(of_both))


# ------------------------------------------------------------------ several seeds


def several_splits(seeds, test_size=0.2, rows=500, strategy="random"):
    """Return for each seed the out-of-fold predictions of some models, and the rows held out."""
    oof, holdouts = {}, {}
    target = (np.arange(rows) % 10 < 3).astype(int)
    for seed in seeds:
        random = np.random.default_rng(seed)
        order = np.arange(rows)[::-1] if strategy == "time" else random.permutation(rows)
        held_out, rest = np.split(order, [round(test_size * rows)])
        part = {"row_id": rest, "fold": np.arange(rest.size) % 5, "target": target[rest]}
        oof[seed] = {
            name: pd.DataFrame(part | {"probability": random.random(rest.size)})
            for name in ("one", "other", "ensemble")
        }
        holdouts[seed] = pd.DataFrame({"row_id": held_out, "target": target[held_out]})
    return oof, holdouts


@pytest.mark.parametrize("metric", ["roc_auc", "f1", "log_loss"])
@pytest.mark.parametrize("seeds", [[3], [3, 1, 2], list(range(10)), list(range(40))[::-1]])
def test_no_row_of_a_reported_holdout_chooses(seeds, metric):
    oof, holdouts = several_splits(seeds)
    chosen_by, reported = choosing_scores(oof, holdouts, seeds, metric, 0.5)
    assert reported == seeds[: len(reported)]
    held_out = set().union(*(set(holdouts[seed]["row_id"]) for seed in reported))
    # What the models say of those rows makes no difference, in whatever split; of others it does.
    for changes in (True, False):
        changed = {
            seed: {
                name: of.assign(
                    probability=of["probability"].where(
                        of["row_id"].isin(held_out) == changes, 1 - of["probability"]
                    )
                )
                for name, of in models.items()
            }
            for seed, models in oof.items()
        }
        found, _ = choosing_scores(changed, holdouts, seeds, metric, 0.5)
        assert found.equals(chosen_by) != changes


@pytest.mark.parametrize(
    ("seeds", "test_size", "strategy", "reported"),
    [
        (1, 0.2, "random", 1),
        (3, 0.2, "random", 3),
        (40, 0.2, "random", 4),
        (40, 0.1, "random", 8),
        (3, 0.6, "random", 1),
        (10, 0.2, "time", 10),
    ],
)
def test_as_many_splits_are_reported_as_leave_rows_to_choose_by(
    seeds, test_size, strategy, reported
):
    oof, holdouts = several_splits(range(seeds), test_size, 5000, strategy)
    training = {seed: models["one"] for seed, models in oof.items()}
    assert len(reported_seeds(training, holdouts, range(seeds))) == reported


def test_holdouts_that_are_the_same_rows_say_no_more_than_one():
    _, holdouts = several_splits([1, 2, 3], strategy="time")
    assert shared_rows(list(holdouts.values())) == 1
    assert combine_over_splits([0.8] * 3, [0.7] * 3, [0.9] * 3, 1.0) == pytest.approx(
        (0.8, 0.7, 0.9)
    )
    _, holdouts = several_splits(range(10), rows=5000)
    assert shared_rows(list(holdouts.values())) == pytest.approx(0.2, abs=0.01)


def test_models_that_all_failed_choose_nothing():
    found, reported = choosing_scores({}, {}, [7, 8], "f1", 0.5)
    assert (len(found), reported) == (0, [7])


# ------------------------------------------------------------------ failures


def with_failures(skills, failed, baseline="dummy", notes=None):
    """Return the leaderboard of two seeds; `failed` gives for each seed the models that failed."""
    metrics, scores, predictions = [], [], {}
    target = (np.arange(ROWS) % 10 < 4).astype(int)
    for seed, of_seed in failed.items():
        random = np.random.default_rng(seed)
        fitted = [name for name in skills if name not in of_seed]
        predictions[seed] = pd.concat(
            pd.DataFrame(
                {"row_id": np.arange(ROWS), "model": name, "target": target}
                | {"probability": probabilities(target, skills[name], random)}
            )
            for name in fitted
        )
        reasons = dict.fromkeys(of_seed, "ValueError: no")
        scored = holdout_metrics(predictions[seed], 0.5, 0.95, TABLE_ROWS, reasons, notes)
        metrics.append(scored.assign(dataset="small", seed=seed))
        scores += [{"seed": seed, "model": name, "roc_auc": OOF[name]} for name in fitted]
    settings = {"select_by": "roc_auc", "baseline": baseline, "threshold": 0.5}
    settings |= {"strategy": "stratified", "level": 0.95, "unit": "distinct row"}
    return leaderboard(
        pd.concat(metrics), pd.DataFrame(scores), predictions, settings, TABLE_ROWS
    ).set_index("model", drop=False)


def test_a_failed_model_costs_the_others_nothing(board):
    table = with_failures(SKILLS | {"broken": 1}, {42: ["broken"]})
    assert table["model"].tolist()[-1] == "broken"
    assert table["status"].tolist() == ["fitted"] * 3 + ["failed"]
    row = table.loc["broken"]
    assert (row["reason"], row["verdict"], bool(row["selected"])) == (
        "ValueError: no",
        "failed",
        False,
    )
    assert pd.isna(row["roc_auc"]) and pd.isna(row["rank"])
    alone, _ = board(SKILLS, OOF)
    left, right = (part.reset_index(drop=True) for part in (table.iloc[:3], alone))
    pd.testing.assert_frame_equal(left, right, check_dtype=False)


def test_a_model_that_failed_with_one_seed_is_not_compared_over_fewer():
    table = with_failures(SKILLS, {1: [], 2: ["good"]})
    assert table.loc["good", "reason"] == "seed 2: ValueError: no"
    assert pd.isna(table.loc["good", "roc_auc"])
    assert table.loc["useless", "selected"]


def test_a_reason_that_is_the_same_with_all_seeds_is_told_once():
    table = with_failures(SKILLS, {1: ["good"], 2: ["good"]})
    assert table.loc["good", "reason"] == "ValueError: no"


def test_without_the_baseline_nothing_is_compared_with_it():
    table = with_failures(SKILLS, {42: ["dummy"]})
    assert table["baseline_difference"].isna().all()
    assert table.loc["good", "verdict"] == "the best of those tried"
    assert "the best of those tried" in table.loc["good", "verdict"]


def test_no_model_with_all_seeds_is_an_error_that_says_why():
    with pytest.raises(InputError, match="good: seed 1: ValueError: no; useless: seed 2"):
        with_failures({"good": 0.8, "useless": 0.0}, {1: ["good"], 2: ["useless"]})


def test_a_model_that_is_not_reproducible_is_chosen_only_where_there_is_no_other():
    table = with_failures(SKILLS, {1: []}, notes={"good": "not reproducible"})
    assert table["model"].tolist() == ["useless", "dummy", "good"]
    assert table["selected"].tolist() == [True, False, False]
    assert table["reason"].tolist() == ["", "", "not reproducible"]
    table = with_failures(SKILLS, {1: []}, notes=dict.fromkeys(SKILLS, "not reproducible"))
    assert table.loc["good", "selected"]
