"""What is unlike training in new rows: refused where it may mean something else, else told."""

import json

import numpy as np
import pandas as pd
import pytest
from running import ROOT
from small_shop import publish_shop, publish_table, shop

from ml_baseline.data.tables import read_raw_table
from ml_baseline.errors import InputError
from ml_baseline.registry import find_run
from ml_baseline.registry.batch_check import LIMIT
from ml_baseline.registry.predict_file import predict_file

CASE = ROOT.parent / "shared/cases/reading/Q_predict"
ROWS = 60


def publish(folder, raw, **settings):
    publish_table(folder / "results/shop/runs", raw, {"target": "bought", **settings})
    return find_run("latest", folder / "results")


@pytest.fixture(scope="module")
def trained_on():
    """A table with one column of each kind that can be unlike training."""
    random = np.random.default_rng(1)
    rows = 300
    day = pd.Timestamp("2023-01-01") + pd.to_timedelta(random.integers(0, 365, rows), "D")
    return pd.DataFrame(
        {
            "age": random.integers(18, 91, rows).astype(str),
            "income": random.integers(1000, 90000, rows).astype(str),
            "weight": [f"{value:.2f}" for value in random.uniform(40, 99, rows)],
            "price": [f"${value:,.2f}" for value in random.uniform(1, 5000, rows)],
            "rate": [f"{value}%" for value in random.integers(0, 100, rows)],
            "plan": random.choice(["basic", "gold", "team"], rows),
            "zip": random.choice(["02108", "94110", "10001"], rows),
            "since": day.strftime("%d/%m/%Y"),
            "height": [f"{value:.2f}".replace(".", ",") for value in random.uniform(1, 2, rows)],
            "cars": random.choice(["0", "1", "NA"], rows),
            "asked": [*["some"] * 6, *random.integers(0, 60, rows - 6).astype(str)],
            "member": [*["yes", "no"] * (rows // 2)],
            "bought": random.choice(["yes", "no"], rows),
        }
    ).astype("str")


@pytest.fixture(scope="module")
def run(tmp_path_factory, trained_on):
    return publish(tmp_path_factory.mktemp("unlike"), trained_on, categorical="zip")


@pytest.fixture
def batch(trained_on):
    """Rows such as the run was trained on."""
    rows = trained_on.drop(columns="bought")
    return rows.sample(ROWS, random_state=2, ignore_index=True)


def told(run, table, folder, **options) -> list[str]:
    """Return the warnings about a batch, which stand in its file too."""
    table.to_csv(folder / "batch.csv", index=False, sep=";")
    done = predict_file(run, folder / "batch.csv", folder / "out.csv", **options)
    kept = json.loads((folder / "out.csv.check.json").read_text(encoding="utf-8"))
    assert (kept["warnings"], kept["rows"], kept["limit"]) == (done["warnings"], len(table), LIMIT)
    return done["warnings"]


def test_rows_like_those_of_training_are_not_worth_a_word(run, batch, tmp_path, capsys):
    assert told(run, batch, tmp_path) == []
    assert told(run, batch.iloc[:1], tmp_path) == []
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"plan": "platinum"},
            "'plan': 60 of 60 cells (100 %) are of categories that training did",
        ),
        ({"zip": "2108"}, "('2108'); it had '02108', '10001', '94110'"),
        ({"zip": "94110.0"}, "'zip': 60 of 60 cells (100 %) are of categories"),
        (
            {"age": "999"},
            "'age': 60 of 60 cells (100 %) lie outside training's range (999); it is 18",
        ),
        ({"age": ["999", *["40"] * 59]}, "'age': 1 of 60 cells (2 %) lies outside"),
        ({"age": "40.5"}, "'age': 60 of 60 cells (100 %) have a fraction"),
        (
            {"plan": ["", "basic"] * 30},
            "'plan': 30 of 60 cells (50 %) are missing; in training 0 %",
        ),
        ({"plan": [*["x"] * 5, *["gold"] * 55]}, "'plan': 5 of 60 cells (8 %)"),
        ({"since": [f"01/{1 + i % 12:02}/2023" for i in range(30)] * 2}, None),
        (
            {"since": [f"{1 + i % 5:02}/{1 + i % 12:02}/2023" for i in range(60)]},
            "'since': no date has a day above 12; perhaps day and month have changed places",
        ),
        ({"price": "$51,010.00"}, "'price': 60 of 60 cells (100 %) lie outside"),
        ({"cars": ["2", *["0"] * 59]}, None),
        (
            {"cars": ["7", *["1"] * 59]},
            "'cars': 1 of 60 cells (2 %) lies outside training's range (7)",
        ),
        ({"asked": ["some", "", *["2"] * 58]}, None),
        ({"asked": ["some"] * 60}, "'asked': 60 of 60 cells (100 %) are missing; in training"),
    ],
)
def test_what_is_unlike_training_is_told(run, batch, tmp_path, capsys, changes, words):
    found = told(run, batch.assign(**changes), tmp_path, rows_at_a_time=25)
    assert len(found) == (words is not None)
    said = capsys.readouterr().err
    assert said == "".join(
        f"ml-baseline: warning: {tmp_path / 'batch.csv'}: {line}\n" for line in found
    )
    assert words is None or words in said


@pytest.mark.parametrize(
    "pair", [("age", "income"), ("plan", "zip"), ("income", "zip"), ("plan", "member")]
)
def test_columns_that_have_changed_places_are_told(run, batch, tmp_path, pair):
    swapped = batch.rename(columns=dict(zip(pair, reversed(pair), strict=True)))
    found = told(run, swapped, tmp_path, on_bad_rows="null")
    known = [e["name"] for e in run.schema["columns"] if e["name"] in pair]
    line = f"perhaps the columns '{known[0]}' and '{known[1]}' have changed places"
    assert (line in found) == (pair != ("income", "zip"))  # zip codes are no incomes
    assert len(found) > 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weight": "51,010"}, "'weight', expected a number without ',' between its digits"),
        ({"height": "1.750"}, "'height', expected a number without '.' between its digits"),
        ({"rate": "60"}, "'rate', expected a number"),
        ({"weight": "45%"}, "'weight', expected a number without %"),
        ({"price": "€12"}, "'price', expected a number in $"),
        ({"age": "0,1"}, "'age', expected a number"),
        ({"asked": "many"}, "'asked', expected a number"),
        ({"cars": "several"}, "'cars', expected yes or no"),
        ({"since": "12/31/2023"}, "'since', expected a date written %d/%m/%Y"),
        ({"since": "31.12.2023"}, "'since', expected a date written %d/%m/%Y"),
    ],
)
def test_what_may_mean_something_else_is_refused(run, batch, tmp_path, changes, words):
    ((column, text),) = changes.items()
    odd = batch.assign(**changes)
    with pytest.raises(InputError) as caught:
        told(run, odd, tmp_path)
    assert words in str(caught.value) and repr(text) in str(caught.value)
    odd = batch.assign(**{column: [text, *batch[column].iloc[1:]]})
    told(run, odd, tmp_path, on_bad_rows="null")
    out = pd.read_csv(tmp_path / "out.csv")
    assert out["probability"].isna().tolist() == [True] + [False] * 59
    assert out["reason"].iloc[0].startswith(f"{column}: {text!r} is not ")
    kept = json.loads((tmp_path / "out.csv.check.json").read_text())["columns"]
    name = column if column in kept else f"{column}_year"
    assert kept[name]["unreadable"] == {
        **{"count": 1, "share": 1 / 60, "expected": 0.0, "examples": [text]}
    }


def test_spellings_that_training_folds_are_matched(run, batch, tmp_path):
    told(run, batch, tmp_path)
    expected = (tmp_path / "out.csv").read_bytes()
    assert told(run, batch.assign(plan=" " + batch["plan"].str.upper()), tmp_path) == []
    assert (tmp_path / "out.csv").read_bytes() == expected


def test_another_case_of_a_code_is_another_code(tmp_path):
    """Training had aB and cD only, and nothing that differs in case alone."""
    columns = {"code": ["aB", "cD"] * 60, "n": range(120), "bought": ["yes", "no", "no"] * 40}
    run = publish(tmp_path, pd.DataFrame(columns).astype("str"))
    assert told(run, pd.DataFrame({"code": ["aB", "cD"], "n": [5, 6]}), tmp_path) == []
    (line,) = told(run, pd.DataFrame({"code": ["Ab", "CD"], "n": [5, 6]}), tmp_path)
    assert "'code': 2 of 2 cells (100 %) are of categories that training did not have" in line


def test_typed_numbers_are_what_they_are(run, batch, tmp_path):
    """Training had 1,75 as text; the batch has 1.125 as a number, and not a thousand."""
    text = batch.assign(height="1,125")
    told(run, text, tmp_path)
    expected = pd.read_csv(tmp_path / "out.csv")
    batch.assign(height=1.125).to_parquet(tmp_path / "batch.parquet")
    predict_file(run, tmp_path / "batch.parquet", tmp_path / "out.csv")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out.csv"), expected)


def test_counts_do_not_depend_on_chunks(run, batch, tmp_path):
    odd = batch.head(12).assign(plan=["x", "", "gold"] * 4, age=["999", "", "40", "1.5"] * 3)
    kept = []
    for rows in (1, 5, 1000):
        told(run, odd, tmp_path, rows_at_a_time=rows)
        kept.append(json.loads((tmp_path / "out.csv.check.json").read_text())["columns"])
    assert kept[0] == kept[1] == kept[2]
    assert {what: found["count"] for what, found in kept[0]["age"].items()} == {
        **{"missing": 3, "unreadable": 0, "out_of_range": 6, "fractional": 3}
    }
    assert kept[0]["plan"]["unseen"]["count"] == kept[0]["plan"]["missing"]["count"] == 4


@pytest.mark.parametrize("seed", range(5))
def test_a_table_of_the_same_kind_is_not_worth_a_word(tmp_path, seed):
    """High cardinality, skew and gaps: new rows of the same source have rare values, too."""
    random = np.random.default_rng(seed)

    def draw(rows):
        skewed = random.lognormal(0, 1, rows).round(4).astype(str)
        return pd.DataFrame(
            {
                "shop": [f"s{value}" for value in random.zipf(1.7, rows).clip(max=3000)],
                "amount": skewed,
                "gaps": np.where(random.random(rows) < 0.3, "", skewed),
                "bought": random.choice(["yes", "no"], rows),
            }
        ).astype("str")

    run = publish(tmp_path, draw(400))
    for rows in (1, 10, 100, 5000):
        assert told(run, draw(rows).drop(columns="bought"), tmp_path) == []


# ------------------------------------------------------------------ the file


def test_the_check_goes_where_it_is_wanted_and_replaces_nothing(run, batch, tmp_path):
    batch.to_csv(tmp_path / "in.csv", index=False, sep=";")
    wanted = tmp_path / "deeper/found.json"
    predict_file(run, tmp_path / "in.csv", tmp_path / "o.csv", check=wanted)
    assert json.loads(wanted.read_text())["run_id"] == run.run_id
    assert not (tmp_path / "o.csv.check.json").exists()
    mine = tmp_path / "mine.csv.check.json"
    mine.write_text("mine")
    for output, check in (("mine.csv", None), ("b.csv", mine), ("b.csv", tmp_path / "in.csv")):
        with pytest.raises(InputError, match=r"no prediction wrote it|is the input"):
            predict_file(run, tmp_path / "in.csv", tmp_path / output, check=check)
    with pytest.raises(InputError, match="is the output"):
        predict_file(run, tmp_path / "in.csv", tmp_path / "b.csv", check=tmp_path / "b.csv")
    assert mine.read_text() == "mine" and not (tmp_path / "b.csv").exists()


def test_a_stream_has_no_check_unless_it_is_wanted(run, batch, tmp_path, capfd, monkeypatch):
    batch.to_csv(tmp_path / "in.csv", index=False, sep=";")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").mkdir()  # whose name means the stream all the same
    predict_file(run, tmp_path / "in.csv", "-")
    assert len(capfd.readouterr().out.splitlines()) == ROWS + 1
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "-"}
    predict_file(run, tmp_path / "in.csv", "-", check=tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text())["rows"] == ROWS


def test_many_odd_columns_are_counted_and_not_listed(tmp_path, capsys):
    random = np.random.default_rng(0)
    raw = pd.DataFrame(
        {f"x{i}": random.choice(["a", "b"], 100) for i in range(15)}
        | {"bought": random.choice(["yes", "no"], 100)}
    ).astype("str")
    run = publish(tmp_path, raw)
    assert len(told(run, pd.DataFrame({f"x{i}": ["new"] for i in range(15)}), tmp_path)) == 15
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 11 and "5 more columns unlike training; see" in said[-1]


# ------------------------------------------------------------------ what others once met


@pytest.mark.skipif(not CASE.is_dir(), reason="the cases do not lie beside the project")
def test_the_case_of_new_rows(tmp_path, capsys):
    raw, _ = read_raw_table(CASE / "train.tsv", {})
    publish_table(tmp_path / "results/shop/runs", raw, {"target": "y", "categorical": ["zip"]})
    run = find_run("latest", tmp_path / "results")

    def probabilities(name):
        predict_file(run, CASE / name, tmp_path / "out.csv")
        return pd.read_csv(tmp_path / "out.csv")["probability"].tolist()

    same = probabilities("new_same.csv")
    assert probabilities("new_case.csv") == same and capsys.readouterr().err == ""
    assert probabilities("new_zip.csv") != same
    assert "'zip': 2 of 2 cells (100 %) are of categories" in capsys.readouterr().err
    assert len(probabilities("new_quotes.tsv")) == 200
    with pytest.raises(InputError, match="Column 'pct', expected a number"):
        probabilities("new_pct.csv")


def test_training_is_described_by_the_rows_that_were_learned_from(tmp_path):
    publish_shop(tmp_path / "results/shop/runs")
    run = find_run("latest", tmp_path / "results")
    held_out = pd.read_csv(run.folder / "tables/holdout_predictions.csv")["customer"]
    train = shop()[~shop()["customer"].isin(held_out)]
    visits = next(e for e in run.schema["columns"] if e["name"] == "visits")
    assert run.schema["rows"] == len(train) == 160
    assert visits["missing"] == (train["visits"] == "").sum()
