"""Every row on one side, equal rows on the same side, classes in proportion: whatever the table."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from ml_baseline.data.infer_schema import describe_columns
from ml_baseline.data.split import (
    NO_FOLD,
    fold_numbers,
    fold_rows,
    row_groups,
    split,
    units,
)
from ml_baseline.data.twins import is_coarse
from ml_baseline.errors import InputError

# Persons on board the Titanic by class, sex and age: survived, died. 14 different rows of features.
TITANIC = {
    ("1st", "male", "adult"): (57, 118),
    ("1st", "male", "child"): (5, 0),
    ("1st", "female", "adult"): (140, 4),
    ("1st", "female", "child"): (1, 0),
    ("2nd", "male", "adult"): (14, 154),
    ("2nd", "male", "child"): (11, 0),
    ("2nd", "female", "adult"): (80, 13),
    ("2nd", "female", "child"): (13, 0),
    ("3rd", "male", "adult"): (75, 387),
    ("3rd", "male", "child"): (13, 35),
    ("3rd", "female", "adult"): (76, 89),
    ("3rd", "female", "child"): (14, 17),
    ("crew", "male", "adult"): (192, 670),
    ("crew", "female", "adult"): (20, 3),
}


@pytest.fixture(scope="module")
def titanic(schema_of):
    rows = [
        (*cell, answer)
        for cell, (survived, died) in TITANIC.items()
        for answer, count in ((1, survived), (0, died))
        for _ in range(count)
    ]
    table = pd.DataFrame(rows, columns=["class", "sex", "age", "answer"])
    table.insert(0, "row_id", range(len(table)))
    return table, schema_of(**dict.fromkeys(("class", "sex", "age"), "category"))


@pytest.fixture(scope="module")
def pieces(schema_of):
    """A function from (zeros, ones) of each distinct row of features to a table of such rows."""

    def table_of(counts):
        rows = [
            (x, answer)
            for x, both in enumerate(counts)
            for answer in (0, 1)
            for _ in range(both[answer])
        ]
        table = pd.DataFrame(rows, columns=["x", "answer"])
        table.insert(0, "row_id", range(len(table)))
        return table, schema_of(x="integer")

    return table_of


def in_both(train, holdout, columns):
    """Return how many different rows of features stand on both sides; missing equals missing."""
    sides = [
        set(side[columns].astype("object").fillna("missing").itertuples(index=False, name=None))
        for side in (train, holdout)
    ]
    return len(sides[0] & sides[1])


# ------------------------------------------------------------------ the holdout


@pytest.mark.parametrize("test_size", [0.1, 0.2, 0.37])
@pytest.mark.parametrize("rows", [57, 1000])
def test_classes_keep_their_shares_and_rows_their_order(numbers_table, rows, test_size):
    table, schema = numbers_table(rows, signal=0.5)
    table.loc[table["x1"] > 0, "answer"] = 0  # about a quarter of ones
    train, holdout = split(table, schema, "stratified", test_size, 3)
    for label in (0, 1):
        of_class = (table["answer"] == label).sum()
        assert abs((holdout["answer"] == label).sum() - test_size * of_class) <= 1
    assert sorted([*train["row_id"], *holdout["row_id"]]) == list(range(rows))
    for side in (train, holdout):
        assert side["row_id"].is_monotonic_increasing
        expected = table.iloc[side["row_id"]].reset_index(drop=True)
        pd.testing.assert_frame_equal(side, expected)


def test_the_seed_decides_and_nothing_else(numbers_table):
    table, schema = numbers_table(200)
    chosen = [set(split(table, schema, "stratified", 0.2, seed)[1]["row_id"]) for seed in (1, 1, 2)]
    assert chosen[0] == chosen[1]
    # Two independent fifths share a fifth of their rows.
    assert len(chosen[0] & chosen[2]) < 20


def test_every_row_is_as_likely_in_the_holdout_twin_or_not(schema_of):
    # 30 rows, then 15 pairs of twins, of which 5 disagree on the target.
    x = [*range(30), *np.repeat(np.arange(30, 45), 2)]
    answer = [*([0, 1] * 15), *([0, 0] * 6 + [1, 1] * 4 + [0, 1] * 5)]
    table = pd.DataFrame({"row_id": range(60), "x": x, "answer": answer})
    schema = schema_of(x="integer")
    seeds = 400
    held = np.zeros(60)
    for seed in range(seeds):
        held[split(table, schema, "stratified", 0.2, seed)[1]["row_id"]] += 1
    by_kind = [held[:30].mean(), held[30:50].mean(), held[50:].mean()]
    # 4 standard errors of a share of 0.2, counting each pair as one row.
    for share, pieces in zip(np.array(by_kind) / seeds, (30, 10, 5), strict=True):
        assert abs(share - 0.2) < 4 * np.sqrt(0.2 * 0.8 / (pieces * seeds)) + 0.02
    assert held.min() > 0.1 * seeds and held.max() < 0.3 * seeds


def test_identical_rows_stay_together_whatever_is_missing(schema_of):
    random = np.random.default_rng(0)
    distinct = pd.DataFrame(
        {
            "number": random.choice([np.nan, 0.5, 1e300], 400),
            "whole": random.choice([np.nan, 1, 2], 400),
            "code": random.integers(0, 3, 400),
            "word": pd.Series(random.choice(["a", "b", ""], 400), dtype="str").replace("", None),
        }
    ).drop_duplicates()
    assert len(distinct) > 40
    table = distinct.sample(400, replace=True, random_state=1).reset_index(drop=True)
    table.insert(0, "row_id", range(400))
    table["key"] = table["row_id"].astype("str")  # an id does not make a row another one
    table["answer"] = random.integers(0, 2, 400)
    schema = schema_of(number="number", whole="integer", code="code", word="category")
    schema["columns"].insert(0, {"name": "key", "role": "id", "kind": "category"})
    for seed in range(5):
        train, holdout = split(table, schema, "stratified", 0.2, seed)
        assert in_both(train, holdout, ["number", "whole", "code", "word"]) == 0
        assert 70 <= len(holdout) <= 90
        folds = fold_numbers(train, schema, "stratified", 5, seed)
        for fold in range(5):
            assert in_both(train[folds != fold], train[folds == fold], list(distinct)) == 0


def test_equal_numbers_are_equal_whatever_their_bits(schema_of):
    other_nan = np.array([0xFFF8000000000001], dtype="uint64").view("float64")[0]
    table = pd.DataFrame({"x": [0.0, -0.0, np.nan, other_nan, 1.0]})
    assert row_groups(table, schema_of(x="number")).tolist() == [0, 0, 1, 1, 2]


def test_a_row_that_differs_in_one_missing_cell_is_another_row(schema_of):
    table = pd.DataFrame({"x": [1.0, 1.0, np.nan], "y": ["a", None, "a"]}).astype({"y": "str"})
    assert len(set(row_groups(table, schema_of(x="number", y="category")))) == 3


@pytest.mark.parametrize("name", ["self", "<", "a b", "größe", "$", "x" * 100])
def test_column_names_may_be_anything(schema_of, name):
    table = pd.DataFrame({"row_id": range(40), name: np.arange(40.0), "answer": [0, 1] * 20})
    train, holdout = split(table, schema_of(**{name: "number"}), "stratified", 0.2, 0)
    assert (len(train), len(holdout)) == (32, 8)


@pytest.mark.filterwarnings("error")
def test_wide_table(numbers_table):
    table, schema = numbers_table(100, features=500)
    table.iloc[50:, 1:-1] = table.iloc[:50, 1:-1].to_numpy()
    train, holdout = split(table, schema, "stratified", 0.2, 0)
    assert in_both(train, holdout, ["x0", "x499"]) == 0


def test_large_table(numbers_table):
    table, schema = numbers_table(300_000)
    train, holdout = split(table, schema, "stratified", 0.2, 0)
    assert abs(holdout["answer"].sum() - 0.2 * table["answer"].sum()) <= 1
    folds = fold_numbers(train, schema, "stratified", 5, 0)
    assert np.ptp(np.bincount(folds)) <= 2


# ------------------------------------------------------------------ few different rows


def test_few_different_rows_are_split_as_well_as_they_can_be(titanic):
    table, schema = titanic
    chosen = set()
    for seed in range(10):
        train, holdout = split(table, schema, "stratified", 0.2, seed)
        assert in_both(train, holdout, ["class", "sex", "age"]) == 0
        assert set(train["answer"]) == set(holdout["answer"]) == {0, 1}
        assert 0.1 < len(holdout) / len(table) < 0.3
        assert abs(holdout["answer"].mean() - table["answer"].mean()) < 0.1
        folds = fold_numbers(train, schema, "stratified", 3, seed)
        assert pd.Series(folds).groupby(train["answer"]).nunique().tolist() == [3, 3]
        chosen.add(tuple(holdout["row_id"]))
    assert len(chosen) > 3


def coarse_tables(titanic, schema_of, random):
    table, schema = titanic
    visits = pd.DataFrame(
        {"age": random.integers(20, 80, 200), "weight": random.normal(70, 9, 200)}
    )
    visits = visits.loc[np.repeat(np.arange(200), 10)].reset_index(drop=True)
    visits["answer"] = random.integers(0, 2, 2000)
    numbers = pd.DataFrame({"age": random.normal(0, 1, 300), "weight": random.normal(0, 1, 300)})
    numbers["answer"] = random.integers(0, 2, 300)
    names = dict.fromkeys(("age", "weight"), "number")
    return {
        "class, sex and age": (table, schema, True),
        "one kind, one answer": (table.assign(answer=(table["sex"] == "male") * 1), schema, False),
        "visits of a patient": (visits, schema_of(**names), False),
        "every row three times": (pd.concat([numbers] * 3), schema_of(**names), False),
        "few twins": (numbers.round(1), schema_of(**names), False),
    }


def test_rows_of_a_coarse_table_are_different_cases(titanic, schema_of):
    cases = coarse_tables(titanic, schema_of, np.random.default_rng(1))
    for case, (table, schema, expected) in cases.items():
        assert is_coarse(table, schema) == expected, case
    table, schema = titanic[0], describe_columns(titanic[1], titanic[0])
    assert schema["coarse"]
    train, holdout = split(table, schema, "stratified", 0.2, 3)
    assert len(units(holdout, schema)) == len(holdout) == round(0.2 * len(table))
    assert in_both(train, holdout, ["class", "sex", "age"]) >= 10
    assert len(np.unique(units(holdout, schema))) == len(holdout)


def test_a_big_piece_does_not_upset_the_shares(pieces):
    table, schema = pieces([(300, 100), *[(1, 0)] * 300, *[(0, 1)] * 300])
    for seed in range(5):
        _, holdout = split(table, schema, "stratified", 0.2, seed)
        assert len(holdout) == 200
        assert holdout["answer"].sum() == 80


def feasible(counts, parts):
    """Return whether the pieces can be dealt out so that every part has both classes."""
    for dealt in product(range(parts), repeat=len(counts)):
        held = np.zeros((parts, 2))
        for part, both in zip(dealt, counts, strict=True):
            held[part] += both
        if held.all():
            return True
    return False


def test_splits_wherever_that_is_possible(pieces):
    random = np.random.default_rng(0)
    seen = {True: 0, False: 0}
    for case in range(150):
        counts = random.integers(0, 4, (random.integers(2, 7), 2)) * random.integers(0, 2, (1, 2))
        counts += random.integers(0, 2, counts.shape) * random.integers(1, 30)
        counts = counts[counts.sum(axis=1) > 0].tolist()
        if len(counts) == 0 or not np.sum(counts, axis=0).all():
            continue
        table, schema = pieces(counts)
        possible = feasible(counts, 2)
        seen[possible] += 1
        if possible:
            train, holdout = split(table, schema, "stratified", 0.2, case)
            assert set(train["answer"]) == set(holdout["answer"]) == {0, 1}
            assert in_both(train, holdout, ["x"]) == 0
        else:
            with pytest.raises(
                InputError, match=r"distinct rows of features|there are too few rows"
            ):
                split(table, schema, "stratified", 0.2, case)
    assert min(seen.values()) > 10


def test_folds_wherever_they_are_possible(pieces):
    random = np.random.default_rng(1)
    seen = {True: 0, False: 0}
    for case in range(100):
        counts = random.choice([0, 0, 1, 5], (random.integers(3, 8), 2))
        counts = counts[counts.sum(axis=1) > 0].tolist()
        if np.sum(counts, axis=0).min(initial=99) < 3:
            continue
        table, schema = pieces(counts)
        possible = feasible(counts, 3)
        seen[possible] += 1
        if possible:
            folds = fold_numbers(table, schema, "stratified", 3, case)
            assert pd.Series(folds).groupby(table["answer"]).nunique().tolist() == [3, 3]
        else:
            with pytest.raises(InputError, match="lower `cv: folds`"):
                fold_numbers(table, schema, "stratified", 3, case)
    assert min(seen.values()) > 10


# ------------------------------------------------------------------ groups


@pytest.fixture(scope="module")
def households(numbers_table):
    table, schema = numbers_table(400)
    random = np.random.default_rng(5)
    table["home"] = pd.Series(random.integers(0, 60, 400)).map("home {}".format).astype("str")
    schema = schema | {"columns": [*schema["columns"], {"name": "home", "role": "group"}]}
    return table, schema


def test_groups_stay_whole(households):
    table, schema = households
    train, holdout = split(table, schema, "group", 0.2, 0)
    assert not set(train["home"]) & set(holdout["home"])
    assert 70 <= len(holdout) <= 90
    assert abs(holdout["answer"].mean() - table["answer"].mean()) < 0.05
    folds = fold_numbers(train, schema, "group", 5, 0)
    assert (pd.Series(folds).groupby(train["home"]).nunique() == 1).all()
    assert set(folds) == {0, 1, 2, 3, 4}
    other = split(table, schema, "group", 0.2, 1)[1]
    assert set(other["home"]) != set(holdout["home"])


def test_a_missing_group_is_refused(households):
    table, schema = households
    table = table.copy()
    table.loc[[3, 4], "home"] = None
    with pytest.raises(InputError, match=r"'home' is missing in 2 rows.*fill it in or remove"):
        split(table, schema, "group", 0.2, 0)


def test_too_few_groups_are_refused_by_number(households):
    table, schema = households
    table = table.assign(home=np.where(table["answer"] == 1, "full", "empty"))
    with pytest.raises(
        InputError, match=r"400 rows are 2 groups, of which 1 hold answer = 0 and 1 hold answer = 1"
    ):
        split(table, schema, "group", 0.2, 0)


# ------------------------------------------------------------------ time


@pytest.fixture(scope="module")
def days(numbers_table):
    """A function that gives 600 rows times, in an order that is not that of the table."""

    def with_times(values):
        table, schema = numbers_table(600)
        table["day"] = np.random.default_rng(2).permutation(np.asarray(values, dtype=float))
        entry = {"name": "day", "role": "time", "kind": "number"}
        return table, schema | {"columns": [*schema["columns"], entry]}

    return with_times


def test_the_holdout_is_later_than_everything_trained_on(days):
    table, schema = days(range(600))
    train, holdout = split(table, schema, "time", 0.2, 0)
    assert len(holdout) == 120
    assert holdout["day"].min() > train["day"].max()
    pd.testing.assert_frame_equal(holdout, split(table, schema, "time", 0.2, 1)[1])


# Rows at each of the times in order, and what the holdout should hold.
TIES = {
    "the last time alone": ([400, 100, 100], 100),
    "the last two times": ([400, 140, 60], 60),
    "more than wanted, but nearer": ([450, 100, 50], 150),
    "nearly all at the last time": ([60, 540], 540),
    "two times": ([500, 100], 100),
}


@pytest.mark.parametrize("case", TIES)
def test_rows_of_one_time_stay_together_and_the_nearest_size_is_taken(days, case):
    rows, expected = TIES[case]
    table, schema = days(np.repeat(np.arange(len(rows)), rows))
    train, holdout = split(table, schema, "time", 0.2, 0)
    assert len(holdout) == expected
    assert holdout["day"].min() > train["day"].max()


def test_folds_are_predicted_from_earlier_rows_only(days):
    table, schema = days(np.r_[np.arange(550), [77] * 50])
    numbers = fold_numbers(table, schema, "time", 5, 0)
    assert set(numbers) == {NO_FOLD, 0, 1, 2, 3, 4}
    assert (pd.Series(numbers).groupby(table["day"]).nunique() == 1).all()
    predicted = np.zeros(600, dtype=int)
    for fold in range(5):
        training, validation = fold_rows(numbers, fold, "time")
        assert table["day"][training].max() < table["day"][validation].min()
        predicted += validation
    assert (predicted == (numbers != NO_FOLD)).all()


@pytest.mark.parametrize("folds", [2, 5, 7])
def test_stretches_of_time_are_equally_long(days, folds):
    table, schema = days(range(600))
    sizes = np.bincount(fold_numbers(table, schema, "time", folds, 0) - NO_FOLD)
    assert len(sizes) == folds + 1
    assert np.ptp(sizes) <= 1


def test_other_strategies_train_on_all_other_folds():
    numbers = np.array([0, 1, 2, 1])
    training, validation = fold_rows(numbers, 1, "stratified")
    assert training.tolist() == [True, False, True, False]
    assert validation.tolist() == [False, True, False, True]


BAD_TIMES = {
    "missing": ([np.nan] * 3 + [*range(597)], r"'day' is missing or unreadable in 3 rows"),
    "all the same": ([5] * 600, r"all 600 rows have the same time in 'day'"),
}


@pytest.mark.parametrize("case", BAD_TIMES)
def test_times_that_cannot_be_ordered_are_refused(days, case):
    values, message = BAD_TIMES[case]
    table, schema = days(values)
    with pytest.raises(InputError, match=message):
        split(table, schema, "time", 0.2, 0)


def test_a_class_that_died_out_is_named(days):
    table, schema = days(range(600))
    table["answer"] = (table["day"] < 100).astype(int)
    with pytest.raises(
        InputError, match=r"holdout rows without answer = 1: 120 with answer = 0 and 0"
    ):
        split(table, schema, "time", 0.2, 0)
    with pytest.raises(InputError, match=r"600 rows of 600 different times; lower `cv: folds`"):
        fold_numbers(table, schema, "time", 5, 0)


# ------------------------------------------------------------------ refusals


def test_one_class_is_refused(pieces):
    table, schema = pieces([(1, 0)] * 30)
    with pytest.raises(InputError, match="rows of one class only: 30 with answer = 0 and 0 with"):
        split(table, schema, "stratified", 0.2, 0)


def test_a_single_row_of_a_class_is_refused(pieces):
    table, schema = pieces([(1, 0)] * 30 + [(0, 1)])
    with pytest.raises(InputError, match="too few rows: 30 with answer = 0 and 1 with"):
        split(table, schema, "stratified", 0.2, 0)


def test_few_different_rows_are_named_as_what_is_the_matter(pieces):
    table, schema = pieces([(1500, 500), (100, 0), (100, 0)])
    message = (
        r"the 2,200 rows are 3 distinct rows of features, of which 3 hold answer = 0 and 1 hold "
        "answer = 1, and rows with identical features stay together"
    )
    with pytest.raises(InputError, match=message):
        split(table, schema, "stratified", 0.2, 0)
    with pytest.raises(InputError, match=message):
        fold_numbers(table, schema, "stratified", 5, 0)


def test_fewer_rows_of_a_class_than_folds_are_refused(pieces):
    table, schema = pieces([(1, 0)] * 30 + [(0, 1)] * 4)
    message = "found 4 training rows with answer = 1, fewer than the 5 folds"
    with pytest.raises(InputError, match=message):
        fold_numbers(table, schema, "stratified", 5, 0)
    assert np.bincount(fold_numbers(table, schema, "stratified", 4, 0)[30:]).tolist() == [1] * 4
