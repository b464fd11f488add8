from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import roc_auc_score

from ml_baseline.audit import __main__ as page_tables
from ml_baseline.audit import findings, nearest, registry, strength, views
from ml_baseline.audit.checks.model_score import judged_score
from ml_baseline.audit.findings import Finding, Limit
from ml_baseline.audit.registry import CHECKS
from ml_baseline.audit.run import audit
from ml_baseline.audit.views import matrix_of, times_of, views_of
from ml_baseline.data import tables
from ml_baseline.data.schema import Doubt
from ml_baseline.data.split import split
from ml_baseline.errors import InputError
from ml_baseline.text import config_entry, merged_fixes, together

ROWS = 800


def entry(name, kind="number", role="feature", **more):
    return {"name": name, "role": role, "kind": kind, "source": name, **more}


@pytest.fixture
def honest():
    """A table whose columns tell something of the target, and none of them too much."""
    random = np.random.default_rng(5)
    hidden = random.normal(0, 1, ROWS)
    table = pd.DataFrame(
        {
            "row_id": np.arange(ROWS),
            "age": np.round(45 + 12 * (0.5 * hidden + random.normal(0, 1, ROWS))),
            "income": np.exp(10 + 0.4 * (0.6 * hidden + random.normal(0, 1, ROWS))).round(2),
            "balance": (1000 * (0.4 * hidden + random.normal(0, 1, ROWS))).round(2),
            "visits": random.poisson(4, ROWS),
            "country": random.choice(["DE", "FR", "ES", "NL"], ROWS),
            "y": (hidden + random.normal(0, 1.2, ROWS) > 0.5).astype("int64"),
        }
    )
    table["country"] = table["country"].astype("str")
    table.loc[random.permutation(ROWS)[:40], "income"] = np.nan
    schema = {
        "target": "y",
        "columns": [
            entry("age", "integer"),
            entry("income"),
            entry("balance"),
            entry("visits", "integer"),
            entry("country", "category"),
            entry("y", "boolean", "target"),
        ],
    }
    return table, schema


def added(honest, name, values, kind="number", role="feature", **more):
    """Return the honest table and schema with one more column."""
    table, schema = honest
    values = pd.Series(values, index=table.index)
    values = values.astype("str") if kind == "category" else values.astype("float64")
    columns = [entry(name, kind, role, **more), *schema["columns"]]
    return table.assign(**{name: values}), {**schema, "columns": columns}


DOUBTS = [
    Doubt(
        "when",
        "order",
        "fail",
        70,
        "'when' may be two days",
        "Say.",
        {"columns": {"when": {"f": 1}}},
    ),
    Doubt("a", "empty", "warn", 9, "'a' has no value", "Drop it.", {"drop": "a"}),
    Doubt("id", "id", "told", 9, "'id' numbers the rows", "Confirm.", {"drop": "id"}),
]


def test_what_is_not_certain_of_the_reading_is_a_finding(honest):
    table, schema = honest
    train, holdout = split(table, schema, "stratified", 0.25, 1)

    def findings(doubts):
        result = audit(train, holdout, schema, {}, doubts=doubts)
        return result[result["check"] == "reading"].to_dict("records")

    fail, warn, told = findings(DOUBTS)
    assert (fail["verdict"], fail["subject"], fail["value"]) == ("fail", "when", 70)
    assert fail["summary"] == "'when' may be two days." and fail["explanation"] == "Say."
    assert fail["fix"] == "columns: {when: {f: 1}}"
    assert (warn["verdict"], warn["fix"]) == ("warn", "drop: a")
    assert (told["verdict"], told["fix"]) == ("pass", "")
    # Of many columns the same is said once.
    (many,) = findings([replace(DOUBTS[1], column=name, settle={"drop": name}) for name in "abcd"])
    assert many["summary"] == "'a' has no value. The like holds for 3 columns: 'b', 'c' and 'd'."
    assert (many["subject"], many["value"], many["fix"]) == ("a, b, c, d", 36, "drop: [a, b, c, d]")
    (fine,) = findings([])
    assert (fine["verdict"], fine["value"]) == ("pass", 0)


def test_row_numbers_are_audited_but_name_nobody(honest):
    table, schema = honest
    order = np.argsort(table["y"].to_numpy(), kind="stable")  # the one class below the other
    numbers = np.empty(ROWS, dtype=int)
    numbers[order] = np.arange(ROWS)
    leaky = added((table, schema), "Unnamed: 0", [str(n) for n in numbers], "category", "id")
    (finding,) = bad(run(*leaky), "ids").to_dict("records")
    assert (finding["subject"], finding["verdict"]) == ("Unnamed: 0", "warn")
    assert "is different in every row" in finding["summary"]

    def recurring(train, holdout):
        first = holdout.index[0]
        return train, holdout.assign(
            **{"Unnamed: 0": holdout["Unnamed: 0"].where(holdout.index != first, train.iat[0, -1])}
        )

    (finding,) = bad(run(*leaky, after=recurring), "ids").to_dict("records")
    assert "is different in nearly every row" in finding["summary"]
    of_parts = [str(n) for n in np.arange(ROWS) % (ROWS // 2)]  # two tables, one below the other
    for more, expected in (({"row_numbers": True}, 0), ({}, 1)):
        twice = added((table, schema), "Unnamed: 0", of_parts, "category", "id", **more)
        assert len(bad(run(*twice), "shared_entities")) == expected


def test_a_measure_is_no_number_of_rows_in_a_small_data_type_either(honest):
    order = np.argsort(honest[0]["y"] + np.random.default_rng(0).normal(0, 0.6, ROWS))
    values = np.empty(ROWS)
    values[order] = np.linspace(-30_000, 30_000, ROWS).round()
    table, schema = added(honest, "height", values, "integer")
    for data_type in ("int64", "int16"):  # in which the range does not fit
        assert bad(run(table.astype({"height": data_type}), schema), "ids").empty


def run(table, schema, oof=None, after=None, **settings):
    train, holdout = split(table, schema, "stratified", 0.25, 1)
    if after is not None:
        train, holdout = after(train, holdout)
    return audit(train, holdout, schema, oof or {}, settings)


def bad(result, check, subject=None):
    """Return the findings of a check that are no pass, about a subject if given."""
    rows = result[(result["check"] == check) & (result["verdict"] != "pass")]
    return rows if subject is None else rows[rows["subject"].str.contains(subject, regex=False)]


def predictions(train, auc_like=1.0, random_state=0):
    random = np.random.default_rng(random_state)
    target = train["y"].to_numpy()
    score = target * auc_like + random.normal(0, 0.3, len(target))
    return pd.DataFrame(
        {
            "row_id": train["row_id"],
            "fold": 0,
            "target": target,
            "probability": 1 / (1 + np.exp(-score)),
        }
    )


# ---------------------------------------------------------------------------- the whole


def test_an_honest_table_passes_every_check(honest):
    result = run(*honest)
    assert list(result.columns) == list(findings.COLUMNS)
    assert set(result["check"]) == set(CHECKS)
    assert (result["verdict"] == "pass").all(), result[result["verdict"] != "pass"].to_string()
    assert result[["value", "limit"]].notna().all(axis=None)
    assert result["summary"].str.endswith(".").all()
    assert (result[["explanation", "fix"]] == "").all(axis=None)


def test_the_same_input_gives_the_same_rows(honest):
    pd.testing.assert_frame_equal(run(*honest), run(*honest))


def test_failures_come_first(honest):
    y = honest[0]["y"].to_numpy()
    result = run(*added(honest, "paid", y * 3.0))
    order = result["verdict"].map({"fail": 0, "warn": 1, "pass": 2})
    assert order.is_monotonic_increasing
    assert result["verdict"].iloc[0] == "fail"


def test_a_finding_names_the_column_the_figure_the_limit_and_the_config(honest):
    y = honest[0]["y"].to_numpy()
    (row,) = bad(run(*added(honest, "total amount", y * 3.0)), "single_feature").itertuples()
    assert "'total amount'" in row.summary
    assert f"{row.value:.3f}" in row.summary
    assert f"{row.limit:g}" in row.summary
    assert row.explanation.endswith(".")
    assert row.fix == "forbidden: total amount"


NAMES = (
    *("plain", "two words", "with: colon", "#1", "[x]", "ümlaut", "yes", "a'b", 'a"b', "-", "1"),
    *("x ", "score: final; v2", "``a`b``", "a & b, c", "**x**", "{y}", "%s {0}", "2024-01-01"),
    *("two\nlines", "a" * 200, "null", "~", "!tag", "*alias", "<b>"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_fix_is_yaml_for_that_name(name):
    assert yaml.safe_load(config_entry(forbidden=name)) == {"forbidden": name}
    several = config_entry(split={"strategy": "group"}, group=[name, "b"])
    assert yaml.safe_load(several) == {"split": {"strategy": "group"}, "group": [name, "b"]}
    assert len(several.splitlines()) == 2


def test_fixes_are_merged_into_one_entry_a_key():
    fixes = ["forbidden: total", 'forbidden: [a, "b, c"]', "", "forbidden: a", "id: number"]
    assert merged_fixes(fixes) == "forbidden: [total, a, 'b, c']\nid: number"
    splits = ["split: {strategy: group}\ngroup: who", "split: {strategy: time}\ntime: when"]
    assert merged_fixes(splits) == "split: {strategy: group}\ngroup: who\ntime: when"
    assert merged_fixes(["time: when", "time: day"]) == "time: when"
    assert merged_fixes(["id: a", "id: a"]) == "id: a"
    assert merged_fixes([]) == ""
    columns = ["columns: {a: {kind: number}}", "columns: {b: date, a: {missing_values: [x]}}"]
    whole = "columns: {a: {kind: number, missing_values: [x]}, b: date}"
    assert merged_fixes(columns) == whole
    assert together([*columns, "id: x"]) == f"Together, in the config: {whole}"
    assert together([columns[0], "id: x", "id: y"]) == ""


def test_a_side_of_one_class_is_refused(honest):
    table, schema = honest
    with pytest.raises(InputError, match="two classes"):
        audit(table, table[table["y"] == 1], schema, {})


def test_every_limit_lies_on_the_right_side():
    for check in CHECKS.values():
        for name, limit in check.limits.items():
            assert limit.warn is not None or limit.fail is not None, name
            if limit.warn is not None and limit.fail is not None:
                assert (limit.warn > limit.fail) == limit.below, name


@pytest.mark.parametrize(
    ("value", "may_fail", "verdict", "limit"),
    [(5, True, "warn", 2.0), (9, True, "fail", 8.0), (9, False, "warn", 2.0)],
)
def test_a_finding_names_the_step_that_it_passed(value, may_fail, verdict, limit):
    found = Limit(2, 8, "").found("x", value, "Much was found", "It matters.", "id: x", may_fail)
    summary = f"Much was found (limit {limit:g})."
    assert found == Finding("x", value, limit, summary, verdict, "It matters.", "id: x")


def test_the_page_has_the_tables_of_the_registry():
    """`python -m ml_baseline.audit` prints them."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "audit.md").read_text()
    for table in page_tables.tables().split("\n\n"):
        assert table.strip() in page


def test_a_check_of_one_function_is_run_and_documented(honest, monkeypatch):
    monkeypatch.setattr(registry, "CHECKS", dict(CHECKS))
    for module in ("run", "__main__"):
        monkeypatch.setattr(f"ml_baseline.audit.{module}.CHECKS", registry.CHECKS)
    limit = Limit(1, None, "no honest table has it")

    @registry.check(many_rows=limit)
    def many_rows(context):
        """Rows of the holdout."""
        return [limit.found("rows", len(context.holdout), "There are many rows", "So what.")]

    (row,) = bad(run(*honest), "many_rows").itertuples()
    assert (row.value, row.verdict) == (200, "warn")
    assert "| `many_rows` | Rows of the holdout |" in page_tables.tables()


# ---------------------------------------------------------------------------- columns


def leaks():
    random = np.random.default_rng(8)

    def noisy(y, share):
        return np.where(random.random(len(y)) < share, 1 - y, y)

    return {
        "threshold": (lambda y: random.gamma(2, 100, len(y)) + 2000 * y, "number", "fail"),
        "copy in words": (lambda y: np.where(y == 1, "left", "stays"), "category", "fail"),
        "a band": (
            lambda y: np.where(
                y == 1,
                random.uniform(40, 60, len(y)),
                random.uniform(0, 40, len(y)) + 60 * random.integers(0, 2, len(y)),
            ),
            "number",
            "fail",
        ),
        "a tenth flipped": (lambda y: noisy(y, 0.1), "boolean", "warn"),
        "a call's duration": (lambda y: random.normal(0, 1, len(y)) + 1.4 * y, "number", "warn"),
        "amount of some": (
            lambda y: np.where((y == 1) & (random.random(len(y)) < 0.6), 9.5, 0),
            "number",
            "warn",
        ),
    }


@pytest.mark.parametrize("name", list(leaks()))
def test_a_column_that_gives_the_target_away_is_found(honest, name):
    make, kind, verdict = leaks()[name]
    found = bad(
        run(*added(honest, "leak", make(honest[0]["y"].to_numpy()), kind)), "single_feature"
    )
    assert list(found["subject"]) == ["leak"]
    assert list(found["verdict"]) == [verdict]


def test_gaps_that_follow_the_target_are_found(honest):
    y = honest[0]["y"].to_numpy()
    values = np.where(y == 1, np.nan, np.random.default_rng(0).normal(0, 1, ROWS))
    (row,) = bad(run(*added(honest, "exit interview", values)), "missing_values").itertuples()
    assert row.subject == "exit interview"
    assert row.verdict == "fail"
    assert "is missing" in row.summary


def test_a_category_of_thousands_of_levels_is_no_alarm(honest):
    random = np.random.default_rng(1)
    names = [f"street {n}" for n in random.integers(0, 4000, ROWS)]
    result = run(*added(honest, "street", names, "category"))
    assert (result["verdict"] == "pass").all()


def test_a_strong_column_among_strong_relatives_is_no_alarm(honest):
    random = np.random.default_rng(3)
    table, schema = honest
    strong = table["y"] * 2.2 + random.normal(0, 1, ROWS)
    pair = added((table, schema), "radius", strong)
    for i in range(3):
        pair = added(pair, f"area {i}", strong**3 + random.normal(0, 2, ROWS))
    assert not len(bad(run(*pair), "single_feature"))


def two_columns():
    random = np.random.default_rng(4)

    def signs(y):
        return np.where(y == 1, 1, -1)

    def product(y):
        first = np.exp(random.normal(0, 1, len(y)))
        return first, np.exp(signs(y) * np.abs(random.normal(0, 1, len(y)))) / first

    def difference(y):
        first = random.normal(500, 200, len(y))
        return first, first + signs(y) * random.gamma(2, 3, len(y))

    def exclusive(y):
        first = random.integers(0, 2, len(y))
        return first, first ^ y

    return {"product": product, "difference": difference, "exclusive or": exclusive}


@pytest.mark.parametrize("name", list(two_columns()))
def test_two_columns_that_give_the_target_away_are_found(honest, name):
    first, second = two_columns()[name](honest[0]["y"].to_numpy())
    leaky = added(added(honest, "orders", first), "price", second)
    (row,) = bad(run(*leaky), "feature_pair").itertuples()
    assert set(row.subject.split(" & ")) == {"orders", "price"}
    assert row.verdict == "fail"
    assert yaml.safe_load(row.fix) == {"forbidden": row.subject.split(" & ")}


def test_two_texts_that_are_equal_only_for_one_class_are_found(honest):
    random = np.random.default_rng(6)
    y = honest[0]["y"].to_numpy()
    first = random.integers(0, 30, ROWS)
    second = np.where(y == 1, first, (first + random.integers(1, 30, ROWS)) % 30)
    leaky = added(honest, "planned", [f"s{n}" for n in first], "category")
    leaky = added(leaky, "done", [f"s{n}" for n in second], "category")
    (row,) = bad(run(*leaky), "feature_pair").itertuples()
    assert "equal" in row.summary


def answers_for_a_part():
    """Leaks of a part of the rows, as functions of the target and random numbers; and who must be named."""
    random = np.random.default_rng(8)

    def some(y, share):
        return random.random(len(y)) < share

    def flags(y):
        return {f"leak {i}": ((y == 1) & some(y, 0.1)).astype(float) for i in range(10)}

    def filled(y):
        values = random.gamma(2, 10, len(y)).round(1)
        gaps = some(y, 0.2)
        for value in (0, 1):
            values[gaps & (y == value)] = values[~gaps & (y == value)].mean()
        return {"leak": values}

    return {
        "ten flags": (flags, "boolean"),
        "gaps filled with the mean of the class": (filled, "number"),
        "known for a third": (
            lambda y: {"leak": np.where(some(y, 0.3), np.where(y == 1, "left", "stays"), "?")},
            "category",
        ),
        "a number for a third": (
            lambda y: {"leak": np.where(some(y, 0.3), y + random.normal(0, 0.1, len(y)), np.nan)},
            "number",
        ),
        "who bought it": (
            lambda y: {"leak": np.where(some(y, np.where(y == 0, 0.6, 0.01)), "fund", "none")},
            "category",
        ),
    }


@pytest.mark.parametrize("name", list(answers_for_a_part()))
def test_answers_given_for_a_part_of_the_rows_are_found(honest, name):
    make, kind = answers_for_a_part()[name]
    leaky = honest
    for column, values in make(honest[0]["y"].to_numpy()).items():
        leaky = added(leaky, column, values, kind)
    (row,) = bad(run(*leaky), "given_in_part").itertuples()
    assert set(row.subject.split(", ")) <= set(leaky[0].columns)
    assert yaml.safe_load(row.fix)["forbidden"] in (row.subject, row.subject.split(", "))
    assert "leak" in row.subject


def test_a_flag_that_is_right_in_one_segment_is_found(honest):
    random = np.random.default_rng(3)
    y, country = honest[0]["y"].to_numpy(), honest[0]["country"]
    flag = np.where(country == "DE", y, random.random(ROWS) < y.mean())
    (row,) = bad(run(*added(honest, "leak", flag, "boolean")), "given_in_part").itertuples()
    assert row.subject == "leak"
    assert "'country'" in row.summary


@pytest.mark.parametrize("what", ["noise", "gaps"])
def test_many_columns_that_know_only_the_target_are_found(honest, what):
    random = np.random.default_rng(3)
    y, leaky = honest[0]["y"].to_numpy(), honest
    for i in range(20 if what == "noise" else 6):
        values = random.normal(0, 1, ROWS)
        if what == "noise":
            values += 0.4 * y
        else:
            values[random.random(ROWS) < np.where(y == i % 2, 0.4, 0.1)] = np.nan
        leaky = added(leaky, f"leak {i}", values)
    (row,) = bad(run(*leaky), "independent_columns").itertuples()
    assert row.subject.count("leak") >= 5


def test_a_gap_that_few_ones_have_is_found(honest):
    table, schema = honest
    random = np.random.default_rng(3)
    y = np.zeros(ROWS, dtype="int64")
    y[random.permutation(ROWS)[:70]] = 1
    filled = random.random(ROWS) < np.where(y == 1, 0.6, 0.05)
    leaky = added((table.assign(y=y), schema), "leak", np.where(filled, 7.5, np.nan))
    assert "leak" in set(bad(run(*leaky), "independent_columns")["subject"])


# ---------------------------------------------------------------------------- models and sizes


def test_a_model_that_is_always_right_is_suspicious(honest):
    train, _ = split(*honest, "stratified", 0.25, 1)
    result = run(*honest, oof={"perfect": predictions(train, 9.0), "fair": predictions(train, 0.3)})
    (row,) = bad(result, "model_score").itertuples()
    assert row.subject == "perfect"
    assert row.verdict == "warn"


def test_a_very_good_model_on_few_rows_is_no_alarm():
    random = np.random.default_rng(0)
    target = np.repeat([0, 1], [280, 170])
    score = target * 3.7 + random.normal(0, 1, len(target))
    assert 0.99 < roc_auc_score(target, score) < 0.998
    assert judged_score("forest", roc_auc_score(target, score), target, 0.975) is None


def test_the_smaller_class_is_called_by_its_label(honest):
    table, schema = honest
    few = np.flatnonzero(table["y"] == 1)[12:]
    few = table.drop(index=few).reset_index(drop=True)
    labels = {"negative": ["No"], "positive": ["Yes", "yeah", "y"]}
    found = bad(run(few, {**schema, **labels}), "class_sizes")
    assert found["summary"].str.contains("with y = Yes, yeah or 1 more").all() and len(found)


@pytest.mark.parametrize(("ones", "verdict"), [(200, "pass"), (40, "warn"), (12, "fail")])
def test_few_rows_of_a_class_are_told(honest, ones, verdict):
    table, schema = honest
    kept = pd.concat([table[table["y"] == 1].head(ones), table[table["y"] == 0]])
    result = run(kept.sort_values("row_id").reset_index(drop=True), schema)
    rows = result[(result["check"] == "class_sizes") & (result["subject"] == "holdout")]
    assert list(rows["verdict"]) == [verdict]


def test_holdout_rows_among_the_training_rows_are_a_failure(honest):
    def after(train, holdout):
        return pd.concat([train, holdout.head(1)], ignore_index=True), holdout

    (row,) = bad(run(*honest, after=after), "sealed_holdout").itertuples()
    assert (row.verdict, row.value) == ("fail", 1)


@pytest.mark.parametrize("rows", ["holdout", "twice"])
def test_predictions_that_are_not_of_training_rows_once_are_a_failure(honest, rows):
    train, holdout = split(*honest, "stratified", 0.25, 1)
    own = predictions(train)
    more = predictions(holdout).head(2) if rows == "holdout" else own.head(2)
    result = run(*honest, oof={"forest": pd.concat([own, more])})
    (row,) = bad(result, "sealed_holdout").itertuples()
    assert row.value == 2


# ---------------------------------------------------------------------------- order and ids


def test_a_file_sorted_by_class_is_found(honest):
    table, schema = honest
    ordered = table.sort_values("y", kind="stable").reset_index(drop=True)
    ordered["row_id"] = np.arange(ROWS)
    (row,) = bad(run(ordered, schema), "row_order").itertuples()
    assert row.verdict == "warn"
    assert "sorted by class" in row.summary


def test_rows_that_belong_together_and_stand_together_are_found(honest):
    table, schema = honest
    random = np.random.default_rng(2)
    ones, zeros = (np.flatnonzero(table["y"] == value) for value in (1, 0))
    runs = [part for rows in (ones, zeros) for part in np.array_split(rows, len(rows) // 5)]
    order = np.concatenate([runs[i] for i in random.permutation(len(runs))])
    ordered = table.iloc[order].reset_index(drop=True).assign(row_id=np.arange(ROWS))
    (row,) = bad(run(ordered, schema), "row_order").itertuples()
    assert row.summary.startswith("Rows next to each other")


@pytest.mark.parametrize("part", ["number", "prefix", "last", "length"])
def test_what_is_written_in_an_id_is_read(honest, part):
    random = np.random.default_rng(3)
    y = honest[0]["y"].to_numpy()
    serial = random.permutation(ROWS)
    names = {
        "number": [f"K{n}" for n in np.argsort(np.argsort(y + random.normal(0, 0.3, ROWS)))],
        "prefix": [f"{'C' if one else 'D'}{n}" for one, n in zip(y, serial, strict=True)],
        "last": [f"K{10 * n + one}" for one, n in zip(y, serial, strict=True)],
        "length": [f"{n:0{5 + one}d}" for one, n in zip(y, serial, strict=True)],
    }[part]
    (row,) = bad(run(*added(honest, "ticket", names, "category", "id")), "ids").itertuples()
    assert row.subject == "ticket"
    assert row.verdict == "warn"


def test_random_ids_pass(honest):
    names = [f"K{n:05d}" for n in np.random.default_rng(0).permutation(ROWS)]
    result = run(*added(honest, "ticket", names, "category", "id"))
    assert (result["verdict"] == "pass").all()


# ---------------------------------------------------------------------------- copies


def numeric_table(rows=600, columns=6):
    random = np.random.default_rng(7)
    values = random.normal(0, 1, (rows, columns))
    y = (values[:, 0] + random.normal(0, 1, rows) > 0.4).astype("int64")
    table = pd.DataFrame(values, columns=[f"x{i}" for i in range(columns)])
    table["y"] = y
    table.insert(0, "row_id", np.arange(rows))
    schema = {"target": "y", "columns": [entry(f"x{i}") for i in range(columns)]}
    schema["columns"].append(entry("y", "boolean", "target"))
    return table, schema


def shuffled(tables):
    table = pd.concat(tables, ignore_index=True).sample(frac=1, random_state=0)
    return table.reset_index(drop=True).assign(row_id=np.arange(len(table)))


@pytest.mark.parametrize("noise", [0.0005, 0.01, 0.02])
def test_rows_copied_with_noise_are_found(noise):
    table, schema = numeric_table()
    random = np.random.default_rng(1)
    again = table.assign(
        **{f"x{i}": table[f"x{i}"] + random.normal(0, noise, 600) for i in range(6)}
    )
    (row,) = bad(run(shuffled([table, again]), schema), "near_duplicates").itertuples()
    assert row.verdict == "fail"
    assert row.value > 0.6


def test_rows_copied_with_one_column_rewritten_are_found():
    table, schema = numeric_table()
    again = table.assign(x2=np.random.default_rng(1).permutation(table["x2"]))
    (row,) = bad(run(shuffled([table, again]), schema), "near_duplicates").itertuples()
    assert row.verdict == "fail"


def test_one_round_column_copied_with_noise_is_told_by_its_decimals(honest):
    table, schema = honest
    random = np.random.default_rng(1)
    small = table[["row_id", "age", "country", "y"]]
    kinds = [entry("age"), entry("country", "category"), entry("y", "boolean", "target")]
    again = small.assign(age=small["age"] + random.normal(0, 0.2, ROWS))
    (row,) = bad(
        run(shuffled([small, again]), {**schema, "columns": kinds}), "near_duplicates"
    ).itertuples()
    assert row.verdict == "fail"


def test_a_number_that_varies_in_the_holdout_only_is_no_obstacle():
    table, schema = numeric_table()
    table["x0"] = 0.0

    def after(train, holdout):
        return train, holdout.assign(x0=np.arange(len(holdout)) % 2)

    assert not len(bad(run(table, schema, after=after), "near_duplicates"))


def test_tables_without_copies_pass():
    result = run(*numeric_table())
    assert not len(bad(result, "near_duplicates"))
    assert not len(bad(result, "interpolated_rows"))


def test_neighbours_in_few_dimensions_are_no_copies():
    random = np.random.default_rng(3)
    orders, amount = random.integers(1, 20, 1000), np.exp(random.normal(4, 0.5, 1000)).round(2)
    table = pd.DataFrame({"row_id": np.arange(1000), "orders": orders, "amount": amount})
    table["total"] = (table["orders"] * table["amount"]).round(2)
    table["country"] = random.choice(["DE", "FR", "NL"], 1000)
    table["y"] = (table["total"] > 900).astype("int64")
    columns = [entry("orders", "integer"), entry("amount"), entry("total")]
    columns += [entry("country", "category"), entry("y", "boolean", "target")]
    assert not len(bad(run(table, {"target": "y", "columns": columns}), "near_duplicates"))


@pytest.mark.parametrize("why", ["zeros", "32 bits"])
def test_long_decimals_without_originals_are_no_copies(honest, why):
    random = np.random.default_rng(3)
    amounts = np.exp(random.normal(1, 1, ROWS)) * (random.random(ROWS) < 0.4)
    if why == "32 bits":
        amounts = (random.integers(1, 900, ROWS) / 10).astype("float32")
    both = added(added(honest, "before", amounts), "after", amounts + 100 * (amounts > 0))
    assert not len(bad(run(*both), "near_duplicates"))


def test_twins_of_a_table_of_few_different_rows_are_coincidence():
    random = np.random.default_rng(2)
    table = pd.DataFrame({f"c{i}": random.choice(["a", "b", "c"], 900) for i in range(4)}).astype(
        "str"
    )
    table.insert(0, "row_id", np.arange(900))
    table["y"] = random.integers(0, 2, 900)
    columns = [*(entry(f"c{i}", "category") for i in range(4)), entry("y", "boolean", "target")]
    schema = {"target": "y", "columns": columns}
    cut = 675
    result = audit(table[:cut], table[cut:], schema, {})
    assert not len(bad(result, "exact_duplicates"))
    assert not len(bad(result, "near_duplicates"))
    result = run(table, schema)
    assert not len(result[result["verdict"] == "fail"])


def test_twins_of_a_table_of_many_different_rows_are_found():
    table, schema = numeric_table()
    both = shuffled([table, table])
    result = audit(both[:900], both[900:], schema, {})
    assert list(bad(result, "exact_duplicates")["verdict"]) == ["fail"]


def test_a_long_table_is_audited_in_the_same_way_with_less_memory(honest, monkeypatch):
    table, schema = added(honest, "shop", np.resize(np.array(["a", None, "c"]), ROWS), "category")
    who = [f"C{number:05}" for number in np.random.default_rng(0).permutation(ROWS)]
    table, schema = added((table, schema), "who", who, "category", "id")
    table, schema = added((table, schema), "late", [None] * ROWS, "category")
    train, holdout = split(table, schema, "stratified", 0.25, 1)
    holdout = holdout.assign(late="new")
    expected = audit(train, holdout, schema, {})
    for module in (tables, views, nearest):
        monkeypatch.setattr(module, "LONG_ROWS", len(train))
    codes = train.astype({"shop": "category", "who": "category"})
    codes["late"] = pd.Categorical([None] * len(train))  # as it is read
    pd.testing.assert_frame_equal(audit(codes, holdout, schema, {}), expected)


def test_a_number_that_is_rare_in_a_long_table_does_not_stop_the_audit(honest, monkeypatch):
    """Not all rows are looked at, and in those that are it does not vary."""
    table, schema = added(honest, "rare", (np.arange(ROWS) == 1) * 1.0)
    monkeypatch.setattr(nearest, "LONG_ROWS", ROWS // 4)
    train, holdout = table.iloc[:-60], table.iloc[-60:]
    result = audit(train.reset_index(drop=True), holdout.reset_index(drop=True), schema, {})
    assert set(result[result["check"] == "near_duplicates"]["verdict"]) == {"pass"}


def test_mixtures_of_rows_are_found():
    table, schema = numeric_table()
    random = np.random.default_rng(3)
    own = table[table["y"] == 1].reset_index(drop=True)
    points = own[[f"x{i}" for i in range(6)]].to_numpy()
    near = np.argsort(((points[:, None] - points[None]) ** 2).sum(axis=2), axis=1)[:, 1:6]
    start = random.integers(0, len(own), 300)
    other = near[start, random.integers(0, 5, 300)]
    made = points[start] + random.random((300, 1)) * (points[other] - points[start])
    made = pd.DataFrame(made, columns=[f"x{i}" for i in range(6)]).assign(y=1)
    assert len(bad(run(shuffled([table, made]), schema), "interpolated_rows"))


# ---------------------------------------------------------------------------- entities, times


def entities(y, random, purity=0.85, rows_each=5):
    key = np.where(random.random(len(y)) > purity, random.random(len(y)), y)
    order = np.argsort(key + random.normal(0, 0.01, len(y)))
    entity = np.empty(len(y), dtype=int)
    entity[order] = np.arange(len(y)) // rows_each
    return random.permutation(entity.max() + 1)[entity]


def test_entities_of_two_rows_side_by_side_are_found(honest):
    table, schema = honest
    order = np.random.default_rng(3).permutation(ROWS // 2)
    pairs = table.iloc[np.repeat(order, 2)].reset_index(drop=True)
    pairs = pairs.assign(row_id=np.arange(ROWS), age=np.roll(pairs["age"], 7))
    (row,) = bad(run(pairs, schema), "row_order").itertuples()
    assert row.verdict == "warn"


def test_row_numbers_that_recur_for_the_same_ones_are_found(honest):
    table, schema = honest
    first = table.iloc[: ROWS // 2]
    both = pd.concat([first, first.assign(age=first["age"].to_numpy()[::-1])], ignore_index=True)
    both["row_id"] = np.arange(len(both))
    numbers = [str(n) for n in np.arange(len(both)) % len(first)]
    leaky = added((both, schema), "Unnamed: 0", numbers, "category", "id", row_numbers=True)
    (row,) = bad(run(*leaky), "shared_entities").itertuples()
    assert row.subject == "Unnamed: 0"


@pytest.mark.parametrize("kind", ["category", "integer"])
@pytest.mark.parametrize("role", ["id", "feature"])
def test_customers_on_both_sides_are_found(honest, kind, role):
    if (kind, role) == ("integer", "id"):
        pytest.skip("ids are read as text")
    number = entities(honest[0]["y"].to_numpy(), np.random.default_rng(9))
    values = [f"C{n}" for n in number] if kind == "category" else number
    (row,) = bad(
        run(*added(honest, "customer", values, kind, role)), "shared_entities"
    ).itertuples()
    assert row.subject == "customer"
    assert row.verdict == "fail"
    assert yaml.safe_load(row.fix) == {"split": {"strategy": "group"}, "group": "customer"}


def test_a_quantity_whose_neighbours_are_alike_names_nobody(honest):
    random = np.random.default_rng(1)
    y = honest[0]["y"].to_numpy()
    amount = np.round(random.normal(0, 60, ROWS) + 150 * y)
    assert not len(bad(run(*added(honest, "amount", amount, "integer")), "shared_entities"))


@pytest.mark.parametrize("step", [10, 100])
def test_who_rounds_names_nobody(honest, step):
    y = honest[0]["y"].to_numpy()
    random = np.random.default_rng(4)
    amounts = np.round(np.exp(random.normal(0, 0.6, ROWS)) * step * 20)
    rounded = random.random(ROWS) < np.where(y == 1, 0.9, 0.05)
    amounts = np.where(rounded, np.round(amounts / step) * step, amounts)
    assert not len(bad(run(*added(honest, "spent", amounts, "integer")), "shared_entities"))


def test_a_declared_id_that_recurs_is_told_whatever_the_target(honest):
    names = [f"C{n}" for n in np.random.default_rng(1).integers(0, 300, ROWS)]
    result = run(*added(honest, "customer", names, "category", "id"))
    (row,) = bad(result, "shared_entities").itertuples()
    assert row.verdict == "warn"


def test_a_group_that_is_split_by_passes(honest):
    number = entities(honest[0]["y"].to_numpy(), np.random.default_rng(9))
    table, schema = added(honest, "customer", [f"C{n}" for n in number], "category", "group")
    train, holdout = split(table, schema, "group", 0.25, 1)
    result = audit(train, holdout, schema, {}, {"strategy": "group"})
    assert not len(bad(result, "shared_entities"))


@pytest.mark.parametrize("role", ["time", "feature"])
def test_a_share_of_ones_that_moves_with_time_is_found(honest, role):
    random = np.random.default_rng(4)
    y = honest[0]["y"].to_numpy()
    days = np.argsort(np.argsort(y + random.normal(0, 1, ROWS))) // 2
    if role == "time":
        leaky = added(honest, "signed", days, "number", "time")
    else:
        dates = pd.Timestamp("2022-01-01") + pd.to_timedelta(days, unit="D")
        leaky = honest
        for part in ("day", "month", "year"):
            more = {"source": "signed", "part": part}
            leaky = added(leaky, f"signed_{part}", getattr(dates, part), "integer", **more)
    (row,) = bad(run(*leaky), "time_order").itertuples()
    assert row.subject == "signed"
    assert yaml.safe_load(row.fix) == {"split": {"strategy": "time"}, "time": "signed"}


def test_time_without_effect_passes(honest):
    days = np.random.default_rng(4).integers(0, 700, ROWS)
    assert not len(bad(run(*added(honest, "signed", days, "number", "time")), "time_order"))


@pytest.mark.parametrize(
    ("name", "low", "high", "ordered", "expected"),
    [
        ("weeks_worked_in_year", 0, 53, False, False),
        ("hours_per_year", 1900, 2080, False, False),
        ("time", 1, 900, False, False),  # that someone survived
        ("wait_time", 0, 90, False, False),
        ("period", 0, 90, True, True),
        ("trial_period", 1, 24, False, False),
        ("time", 1, 900, True, True),
        ("year", 1990, 2020, False, True),
        ("sale_year", 1990, 2020, False, True),
        ("week", 1, 53, False, True),
        ("updated_timestamp", 1.5e9, 1.6e9, False, True),
    ],
)
def test_a_time_is_told_by_its_name_and_its_values(honest, name, low, high, ordered, expected):
    values = np.random.default_rng(4).integers(int(low), int(high), ROWS)
    table, schema = added(honest, name, np.sort(values) if ordered else values)
    assert (name in times_of(table, schema)) == expected


def test_a_model_in_time_does_not_know_the_groups_that_it_is_asked_about():
    """Customers whose answer changes in the end: who knows them from before is wrong about them."""
    random = np.random.default_rng(1)
    customer = np.repeat(np.arange(400), 3)
    year = np.tile([2018, 2020, 2022], 400) + random.integers(0, 2, 400)[customer]
    answer = random.integers(0, 2, 400)[customer]
    columns = {f"x{i}": random.normal(size=400)[customer] for i in range(60)} | {"year": year}
    table = pd.DataFrame({**columns, "customer": customer.astype(str)})
    table["y"] = np.where(year >= 2022, answer, 1 - answer)
    table.insert(0, "row_id", np.arange(len(table)))
    entries = [entry(name) for name in columns]
    schema = {
        "target": "y",
        "columns": [*entries, entry("customer", "category", "group"), entry("y", role="target")],
    }
    train, holdout = split(table, schema, "group", 0.25, 1)
    result = audit(train, holdout, schema, {}, {"strategy": "group"})
    assert not len(bad(result, "time_order", "year"))


def test_a_split_by_time_is_not_told_to_split_by_time(honest):
    y = honest[0]["y"].to_numpy()
    days = np.argsort(np.argsort(y + np.random.default_rng(4).normal(0, 0.6, ROWS)))
    table, schema = added(honest, "signed", days, "number", "time")
    table = table.sort_values("signed").reset_index(drop=True).assign(row_id=np.arange(ROWS))
    train, holdout = split(table, schema, "time", 0.25, 1)
    result = audit(train, holdout, schema, {}, {"strategy": "time"})
    assert len(bad(result, "row_order"))
    assert not len(bad(result, "time_order"))
    assert not result["explanation"].str.contains("split by time", case=False).any()
    assert not result["fix"].str.contains("time").any()
    assert not len(result[result["verdict"] == "fail"])


def test_a_second_date_tells_nothing_of_a_split_by_time(honest):
    days = np.arange(float(ROWS))
    table, schema = added(honest, "signed", days, "number", "time")
    table, schema = added(
        (table, schema), "ship_year", days // 40, "integer", part="year", source="ship"
    )
    train, holdout = split(table, schema, "time", 0.25, 1)
    result = audit(train, holdout, schema, {}, {"strategy": "time"})
    found = result[result["check"] == "train_holdout_shift"]
    assert set(found["verdict"]) == {"pass"} and "ship" not in set(found["subject"])
    assert "fail" in set(
        bad(run(table.assign(), schema, after=lambda *_: (train, holdout)), "train_holdout_shift")[
            "verdict"
        ]
    )


def test_a_holdout_of_other_rows_is_found(honest):
    def after(train, holdout):
        both = pd.concat([train, holdout], ignore_index=True)
        old = both["age"] > both["age"].quantile(0.8)
        return both[~old].reset_index(drop=True), both[old].reset_index(drop=True)

    found = bad(run(*honest, after=after), "train_holdout_shift")
    assert "age" in set(found["subject"])
    assert "fail" in set(found["verdict"])


# ---------------------------------------------------------------------------- preparation


def made_of_labels():
    """Columns made from the labels of all rows, as functions of the target and random numbers."""

    def encoded(make):
        def column(y, random):
            level = random.integers(0, len(y) // 12, len(y))
            rows, ones = np.bincount(level), np.bincount(level, weights=y)
            return make(rows, ones, y.mean())[level]

        return column

    return {
        "shares": encoded(lambda rows, ones, share: ones / rows),
        "drawn to the mean": encoded(lambda rows, ones, share: (ones + 10 * share) / (rows + 10)),
        "in percent": encoded(lambda rows, ones, share: np.round(100 * ones / rows)),
        "evidence": encoded(lambda rows, ones, share: np.log((ones + 0.5) / (rows - ones + 0.5))),
        "ranks": encoded(lambda rows, ones, share: np.argsort(np.argsort(ones / rows))),
        "sums": encoded(lambda rows, ones, share: ones),
        "rolling": lambda y, random: pd.Series(y).rolling(9, min_periods=1).mean(),
        "smoothed": lambda y, random: pd.Series(y).ewm(span=9).mean(),
    }


@pytest.mark.parametrize("name", list(made_of_labels()))
def test_a_column_made_from_the_labels_of_all_rows_is_found(honest, name):
    values = made_of_labels()[name](honest[0]["y"].to_numpy(), np.random.default_rng(5))
    (row,) = bad(run(*added(honest, "city", values)), "labels_of_others").itertuples()
    assert (row.subject, row.fix) == ("city", "forbidden: city")


def test_a_score_of_the_nearest_rows_is_found(honest):
    random = np.random.default_rng(5)
    places = random.normal(0, 1, (ROWS, 3))
    leaky = honest
    for i in range(3):
        leaky = added(leaky, f"x{i}", places[:, i])
    apart = np.square(places[:, None] - places[None]).sum(axis=2)
    nearest = np.argsort(apart, axis=1)[:, :5]
    y = honest[0]["y"].to_numpy()
    table, schema = added(leaky, "score", y[nearest].mean(axis=1))
    kept = {"x0", "x1", "x2", "score", "y"}
    columns = [entry for entry in schema["columns"] if entry["name"] in kept]
    (row,) = bad(run(table, {**schema, "columns": columns}), "labels_of_others").itertuples()
    assert row.subject == "score"


def test_a_column_that_is_the_same_for_a_region_knows_no_labels(honest):
    random = np.random.default_rng(5)
    y = honest[0]["y"].to_numpy()
    region = np.argsort(np.argsort(0.7 * y + random.normal(0, 1, ROWS))) // 40
    unemployment = np.round(5 + 0.1 * region + random.normal(0, 0.3, region.max() + 1)[region], 1)
    leaky = added(honest, "region", [f"r{n}" for n in region], "category")
    assert not len(bad(run(*added(leaky, "unemployment", unemployment)), "labels_of_others"))


@pytest.mark.parametrize("trace", ["scaled", "filled"])
def test_columns_prepared_with_all_rows_are_found(honest, trace):
    values = np.random.default_rng(5).gamma(2, 7.3, ROWS)
    if trace == "scaled":
        values = (values - values.mean()) / values.std()
    else:
        values[::9] = values[np.arange(ROWS) % 9 != 0].mean()
    (row,) = bad(run(*added(honest, "amount", values)), "prepared_before_split").itertuples()
    assert trace in row.summary


# ---------------------------------------------------------------------------- odd tables


def test_five_hundred_columns():
    random = np.random.default_rng(0)
    names = [f"x{i}" for i in range(500)]
    table = pd.DataFrame(random.normal(0, 1, (300, 500)), columns=names)
    table["y"] = random.integers(0, 2, 300)
    table.insert(0, "row_id", np.arange(300))
    schema = {"target": "y", "columns": [entry(n) for n in names]}
    schema["columns"].append(entry("y", "boolean", "target"))
    result = run(table, schema)
    assert (result["verdict"] == "pass").all(), result[result["verdict"] != "pass"].to_string()


def test_sixty_rows_of_noise():
    random = np.random.default_rng(0)
    for seed in range(5):
        random = np.random.default_rng(seed)
        table = pd.DataFrame(random.normal(0, 1, (60, 20)), columns=[f"x{i}" for i in range(20)])
        table["y"] = random.permutation(np.repeat([0, 1], 30))
        table.insert(0, "row_id", np.arange(60))
        schema = {"target": "y", "columns": [entry(f"x{i}") for i in range(20)]}
        schema["columns"].append(entry("y", "boolean", "target"))
        result = run(table, schema)
        assert set(result.loc[result["verdict"] != "pass", "check"]) <= {"class_sizes"}


def test_columns_without_values_or_of_one_value_and_huge_numbers(honest):
    odd = added(honest, "empty", np.full(ROWS, np.nan))
    odd = added(odd, "constant", np.ones(ROWS))
    odd = added(odd, "huge", np.random.default_rng(0).normal(0, 1e300, ROWS))
    odd = added(odd, "tiny", np.random.default_rng(1).normal(0, 1e-300, ROWS))
    odd = added(odd, "one label", ["a"] * ROWS, "category")
    table, schema = odd
    table["no label"] = pd.Series([None] * ROWS, dtype="str")
    schema["columns"].insert(0, entry("no label", "category"))
    with np.errstate(all="raise", under="ignore"):
        result = run(table, schema)
    assert (result["verdict"] == "pass").all(), result[result["verdict"] != "pass"].to_string()


def test_one_feature_only(honest):
    table, schema = honest
    columns = [entry("age", "integer"), entry("y", "boolean", "target")]
    result = run(table[["row_id", "age", "y"]], {**schema, "columns": columns})
    assert set(result["check"]) == set(CHECKS)
    assert not len(result[result["verdict"] == "fail"])


@pytest.mark.parametrize("name", NAMES)
def test_names_may_hold_anything(honest, name):
    table, schema = honest
    names = {"age": "a & b [1] <x> {y}", "income": name, "country": "`$` ü" * 20}
    columns = [{**e, "name": names.get(e["name"], e["name"])} for e in schema["columns"]]
    y = table["y"]
    leaky = table.assign(income=y * 2.0).rename(columns=names)
    (row,) = bad(run(leaky, {**schema, "columns": columns}), "single_feature").itertuples()
    assert row.subject == name
    assert row.summary.startswith(f"'{name}' alone")
    assert yaml.safe_load(row.fix) == {"forbidden": name}


def test_nothing_is_changed_in_the_tables_given(honest):
    table, schema = honest
    train, holdout = split(table, schema, "stratified", 0.25, 1)
    before = train.copy(), holdout.copy()
    audit(train, holdout, schema, {"m": predictions(train)})
    pd.testing.assert_frame_equal(train, before[0])
    pd.testing.assert_frame_equal(holdout, before[1])


# ---------------------------------------------------------------------------- figures


def test_roc_auc_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    target = random.integers(0, 2, 500)
    for scores in (random.normal(0, 1, 500), random.integers(0, 5, 500), np.zeros(500)):
        assert strength.rank_auc(scores, target) == pytest.approx(roc_auc_score(target, scores))


def test_bins_keep_the_order_and_put_missing_values_first():
    random = np.random.default_rng(0)
    numbers = np.round(random.gamma(1, 50, 3000))
    numbers[:100] = np.nan
    numbers[100:900] = 0
    codes, size = strength.binned(numbers)
    assert (codes[:100] == 0).all()
    present = numbers[100:]
    order = np.argsort(present, kind="stable")
    assert (np.diff(codes[100:][order]) >= 0).all()
    assert len(set(codes[100:900])) == 1  # the frequent zero is by itself
    assert not np.isin(codes[900:][numbers[900:] > 0], codes[100]).any()
    assert codes.max() == size - 1


def test_a_cross_fitted_figure_of_noise_is_a_half():
    random = np.random.default_rng(0)
    target = random.integers(0, 2, 4000)
    folds = strength.folds_of(target, random)
    for levels in (2, 50, 2000):
        codes = random.integers(0, levels, 4000)
        counts = strength.by_fold(codes, levels, target, folds)
        assert strength.crossfit_auc(*counts) == pytest.approx(0.5, abs=0.04)
        assert strength.given_away(*counts) == 0


def test_a_lower_bound_near_one_asks_for_rows():
    few, many = np.repeat([0, 1], 20), np.repeat([0, 1], 2000)
    assert strength.lower_bound(1.0, few) < 0.9 < 0.99 < strength.lower_bound(1.0, many) < 1
    assert strength.lower_bound(0.9, many) < 0.9


def test_a_matrix_of_the_features_never_looks_at_the_target(honest):
    table, schema = honest
    other = table.assign(y=1 - table["y"])
    np.testing.assert_array_equal(matrix_of(table, schema), matrix_of(other, schema))
    assert sum(view.what == "value" for view in views_of(table, schema)) == 5


def test_columns_that_do_not_vary_take_no_place_in_a_matrix():
    table = pd.DataFrame({f"same {place}": np.ones(50) for place in range(300)})
    table["gone"] = np.nan
    names = [f"number {place}" for place in range(30)]
    table[names] = np.random.default_rng(0).normal(size=(50, 30))
    schema = {"target": "y", "columns": [entry(name) for name in table]}
    matrix = matrix_of(table, schema)
    assert matrix.shape == (50, 30)
    assert (matrix.std(axis=0) > 0).all()
