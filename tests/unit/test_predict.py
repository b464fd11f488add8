"""Predictions of new rows: the training's cleaning, every row in its place, whole files or none."""

import contextlib
import gzip
import io
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from running import ROOT
from small_shop import publish_shop, shop

from ml_baseline.data.clean import clean_features
from ml_baseline.errors import InputError
from ml_baseline.modelling.train import predict_probability
from ml_baseline.registry import find_run, load_model
from ml_baseline.registry.predict import clean_rows, predict_rows
from ml_baseline.registry.predict_file import predict_file

ROWS = 150


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A published run of the shop table."""
    results = tmp_path_factory.mktemp("published") / "results"
    publish_shop(results / "shop" / "runs")
    return find_run("latest", results)


@pytest.fixture
def batch():
    """New rows of the shop, of another draw than those it was trained on."""
    return shop(ROWS, random_state=9).drop(columns="bought")


def predicted(run, table, folder, suffix=".csv", **options) -> pd.DataFrame:
    """Return the predictions of a table that goes through a CSV file."""
    table.to_csv(folder / "batch.csv", index=False)
    predict_file(run, folder / "batch.csv", folder / f"out{suffix}", **options)
    return read(folder / f"out{suffix}")


def read(path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, sep="\t" if path.name.startswith("out.tsv") else ",")


def test_predictions_are_those_of_the_cleaned_table(run, batch, tmp_path):
    out = predicted(run, batch, tmp_path)
    table, _ = clean_features(batch.astype("str"), _features_only(run.schema))
    expected = predict_probability(load_model(run), table, run.schema)
    assert out.columns.tolist() == ["customer", "probability", "prediction"]
    assert out["customer"].tolist() == batch["customer"].tolist()
    np.testing.assert_allclose(out["probability"], expected, rtol=0, atol=1e-12)
    assert out["prediction"].tolist() == (expected >= 0.5).astype(int).tolist()
    assert 0 < out["prediction"].sum() < ROWS


def _features_only(schema):
    return schema | {"columns": [e for e in schema["columns"] if e["role"] == "feature"]}


def test_holdout_rows_get_the_predictions_that_were_published(run, tmp_path):
    out = predicted(run, shop(), tmp_path).set_index("customer")
    published = pd.read_csv(run.folder / "tables" / "holdout_predictions.csv")
    both = published.join(out.add_suffix("_now"), on="customer")
    assert len(both) == 40
    np.testing.assert_allclose(both["probability_now"], both["probability"], rtol=0, atol=1e-12)
    assert (both["prediction_now"] == both["prediction"]).all()


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".csv.gz"])
@pytest.mark.parametrize("form", ["csv", "csv.gz", "semicolon.txt", "tsv", "parquet", "cp1252.csv"])
def test_every_form_of_a_batch_gives_the_same_predictions(run, batch, tmp_path, form, suffix):
    expected = predicted(run, batch, tmp_path)
    path = tmp_path / f"in.{form}"
    separator = {"tsv": "\t", "semicolon.txt": ";"}.get(form, ",")
    text = batch.to_csv(index=False, sep=separator)
    if form == "parquet":
        batch.to_parquet(path)
    elif form == "csv.gz":
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    else:
        path.write_bytes(
            text.replace("Bern", "Zürich").encode("cp1252" if "cp" in form else "utf-8")
        )
    predict_file(run, path, tmp_path / f"out{suffix}")
    out = read(tmp_path / f"out{suffix}")
    same = (batch["city"] != "Bern") | (form in ("parquet", "csv.gz"))
    pd.testing.assert_frame_equal(out[same], expected[same], check_dtype=False)


@pytest.mark.parametrize("rows_at_a_time", [1, 7, 64, 1000])
def test_the_size_of_chunks_makes_no_difference(run, batch, tmp_path, rows_at_a_time):
    batch = batch[: 40 * rows_at_a_time]  # forty chunks, or as many as there are
    whole = predicted(run, batch, tmp_path)
    chunked = predicted(run, batch, tmp_path, rows_at_a_time=rows_at_a_time)
    pd.testing.assert_frame_equal(chunked, whole, check_exact=False, rtol=0, atol=1e-12)


def test_no_row_is_lost_doubled_or_moved(run, batch, tmp_path):
    again = pd.concat([batch, batch.iloc[:40], batch.iloc[[3, 3, 3]]], ignore_index=True)
    out = predicted(run, again, tmp_path, rows_at_a_time=50)
    assert out["customer"].tolist() == again["customer"].tolist()
    first = out.groupby("customer")["probability"].agg(["min", "max"])
    assert (first["max"] - first["min"]).max() < 1e-12


def test_other_orders_and_more_columns_make_no_difference(run, batch, tmp_path, capsys):
    expected = predicted(run, batch, tmp_path)
    assert capsys.readouterr().err == ""
    other = batch[batch.columns[::-1]].assign(note="a,b", probability=0.5)
    out = predicted(run, other, tmp_path, rows_at_a_time=20)
    pd.testing.assert_frame_equal(out, expected, check_exact=False, rtol=0, atol=1e-12)
    told = capsys.readouterr().err
    assert told.count("note, probability") == 1 and told.count("\n") == 1


def test_what_is_missing_or_never_seen_is_fine(run, batch, tmp_path):
    expected = predicted(run, batch, tmp_path)
    odd = batch.copy()
    odd.loc[0, "city"] = "Atlantis"
    odd.loc[1, ["visits", "amount", "city", "joined"]] = ["n/a", "", None, "?"]
    odd.loc[2, "amount"] = " USD 1,250.50 "
    odd["city"] = odd["city"].where(odd.index < 100)
    out = predicted(run, odd, tmp_path, rows_at_a_time=50)
    assert out["probability"].notna().all()
    pd.testing.assert_frame_equal(out[3:100], expected[3:100], rtol=0, atol=1e-12)


def test_without_ids_rows_are_numbered(run, batch, tmp_path):
    out = predicted(run, batch.drop(columns="customer"), tmp_path, rows_at_a_time=40)
    assert out["row_id"].tolist() == list(range(ROWS))
    assert out.columns.tolist() == ["row_id", "probability", "prediction"]


def test_ids_that_a_spreadsheet_would_run_are_kept_and_told(run, batch, tmp_path, capsys):
    """Ids are there to join by, so they are never altered."""
    formulas = ["=1+1", "=cmd|' /C calc'!A0", " =A1", "+SUM(A1)", "@x(1)", "-2+3|x"]
    harmless = ["-1.5", "+49 30 123", "a=b", "(=1)", "e@x.org", ""]
    ids = [*formulas, *harmless, *map(str, range(ROWS - len(formulas) - len(harmless)))]
    batch.assign(customer=ids).to_csv(tmp_path / "batch.csv", index=False)
    for name, told in (("out.csv", "6 ids look like formulas"), ("out.parquet", "")):
        predict_file(run, tmp_path / "batch.csv", tmp_path / name, rows_at_a_time=7)
        said = capsys.readouterr().err
        assert told in said and said.count("\n") == bool(told)
    out = pd.read_csv(tmp_path / "out.csv", dtype={"customer": str}, keep_default_na=False)
    assert out["customer"].tolist() == ids


class Lost:
    """A model that gives some rows no probability."""

    classes_ = (0, 1)

    def predict_proba(self, table):
        ones = np.full(len(table), 0.5)
        ones[[2, 5]] = np.nan, 1.5
        return np.column_stack([1 - ones, ones])


def test_a_row_without_a_probability_is_no_prediction_of_0(run, batch, tmp_path, monkeypatch):
    monkeypatch.setattr("ml_baseline.registry.predict_file.load_model", lambda run: Lost())
    monkeypatch.setattr("ml_baseline.registry.predict_file.require_working", lambda run, model: "")
    with pytest.raises(InputError, match=r"from 0 to 1: row_id 2 has 'nan', row_id 5"):
        predicted(run, batch, tmp_path)
    out = predicted(run, batch, tmp_path, on_bad_rows="null")
    assert out["prediction"].isna().sum() == out["probability"].isna().sum() == 2
    assert out["reason"][2] == "probability: 'nan' is not a number from 0 to 1"


def test_ids_come_out_as_they_went_in(run, batch, tmp_path):
    ids = [" 007", "a,b", 'say "hi"', "", "NA", "1e5", "x\ny", "é"] + [
        str(i) for i in range(ROWS - 8)
    ]
    table = batch.assign(customer=ids)
    table.to_csv(tmp_path / "batch.csv", index=False)
    predict_file(run, tmp_path / "batch.csv", tmp_path / "out.csv")
    out = pd.read_csv(tmp_path / "out.csv", dtype={"customer": str}, keep_default_na=False)
    assert out["customer"].tolist() == ids
    table.assign(customer=np.arange(ROWS)).to_parquet(tmp_path / "batch.parquet")
    predict_file(run, tmp_path / "batch.parquet", tmp_path / "out.parquet")
    assert pd.read_parquet(tmp_path / "out.parquet")["customer"].dtype == "int64"


def test_a_batch_without_rows_gives_a_table_without_rows(run, batch, tmp_path):
    for suffix in (".csv", ".parquet"):
        out = predicted(run, batch.iloc[:0], tmp_path, suffix)
        assert len(out) == 0 and out.columns.tolist() == ["customer", "probability", "prediction"]


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"drop": ["visits"]}, ["lacks the column 'visits'", "city"]),
        ({"drop": ["visits", "city"]}, ["lacks the columns 'visits', 'city'"]),
        ({"rename": {"visits": "Visits"}}, ["'visits'", "rename 'Visits' to 'visits'"]),
    ],
)
def test_missing_columns_are_named(run, batch, tmp_path, change, words):
    table = batch.drop(columns=change.get("drop", [])).rename(columns=change.get("rename", {}))
    with pytest.raises(InputError) as caught:
        predicted(run, table, tmp_path)
    assert all(word in str(caught.value) for word in [*words, "batch.csv"])
    assert not (tmp_path / "out.csv").exists()


# Column, what it holds in rows 4 and 61, and what has to be said about it.
BAD_CELLS = {
    "text for a number": ("visits", "many", "expected a number"),
    "a broken number": ("visits", "12..5", "expected a number"),
    "an overflow": ("visits", "1e999", "expected a number"),
    "text for money": ("amount", "expensive", "expected a number"),
    "no date": ("joined", "yesterday", "expected a date such as 2024-01-31"),
    "an impossible date": ("joined", "2024-02-31", "expected a date"),
    "a label never seen": ("bought", "perhaps", "expected one of 'yes', 'no'"),
    "a number for a label": ("bought", "0.73", "expected one of"),
}


@pytest.mark.parametrize("rows_at_a_time", [None, 10])
@pytest.mark.parametrize(("column", "cell", "words"), BAD_CELLS.values(), ids=BAD_CELLS)
def test_bad_rows_stop_the_batch_or_come_out_empty(
    run, batch, tmp_path, column, cell, words, rows_at_a_time
):
    table = batch.assign(bought="yes").astype("object")
    expected = predicted(run, table, tmp_path)
    (tmp_path / "out.csv").unlink()
    table.loc[[3, 60], column] = cell
    with pytest.raises(InputError) as caught:
        predicted(run, table, tmp_path, rows_at_a_time=rows_at_a_time)
    message = str(caught.value)
    assert f"Column '{column}', {words}" in message and f"row_id 3 has '{cell}'" in message
    assert ("row_id 60" in message) == (rows_at_a_time is None)
    assert not (tmp_path / "out.csv").exists()

    out = predicted(run, table, tmp_path, on_bad_rows="null", rows_at_a_time=rows_at_a_time)
    assert out.columns.tolist() == ["customer", "probability", "prediction", "reason"]
    bad = out["reason"].notna()
    assert bad[bad].index.tolist() == [3, 60]
    assert out.loc[bad, ["probability", "prediction"]].isna().all(axis=None)
    assert out["reason"][3].startswith(f"{column}: '{cell}' is not ")
    assert out["customer"].tolist() == table["customer"].tolist()
    pd.testing.assert_frame_equal(
        out.loc[~bad, expected.columns], expected[~bad], check_dtype=False, rtol=0, atol=1e-12
    )


def test_several_bad_cells_of_a_row_are_all_told(run, batch, tmp_path):
    table = batch.astype("object")
    table.loc[5, ["visits", "joined"]] = ["x", "y"]
    table.loc[6:20, "visits"] = "z"
    with pytest.raises(InputError, match="16 of the first 150 rows") as caught:
        predicted(run, table, tmp_path)
    assert "and 11 more" in str(caught.value)
    summary = predict_file(
        run, tmp_path / "batch.csv", tmp_path / "out.parquet", on_bad_rows="null"
    )
    assert (summary["rows"], summary["bad_rows"]) == (ROWS, 16)
    out = pd.read_parquet(tmp_path / "out.parquet")
    assert out["reason"][5].count(" is not ") == 2


def test_a_known_target_is_not_predicted_from(run, batch, tmp_path):
    expected = predicted(run, batch, tmp_path)
    labels = np.resize(["yes", "no", "", "NA", "YES"], ROWS)
    out = predicted(run, batch.assign(bought=labels), tmp_path)
    pd.testing.assert_frame_equal(out, expected, rtol=0, atol=1e-12)


# ------------------------------------------------------------------ whole or not at all


def test_a_failure_leaves_the_old_output_and_nothing_else(run, batch, tmp_path):
    predicted(run, batch, tmp_path)
    before = (tmp_path / "out.csv").read_bytes()
    text = batch.to_csv(index=False) + "1,2,3\n"
    (tmp_path / "batch.csv").write_text(text)
    with pytest.raises(InputError, match="line 152: 3 cells where the header has 5"):
        predict_file(run, tmp_path / "batch.csv", tmp_path / "out.csv", rows_at_a_time=10)
    assert (tmp_path / "out.csv").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(".out.csv.check.json.predicted", ".out.csv.predicted"),
        *("batch.csv", "out.csv", "out.csv.check.json"),
    ]


@pytest.mark.parametrize(
    ("source", "destination", "message"),
    [
        ("nowhere.csv", "out.csv", "no such file"),
        ("batch.csv", "out.xlsx", "the ending does not say"),
        ("batch.csv", "out", "the ending does not say"),
        ("batch.csv", ".", "this is a folder"),
        ("batch.csv", "batch.csv", "is the input, which is read"),
        ("batch.csv", "link.csv", "is the input, which is read"),
        ("batch.csv", "batch.csv/out.csv", "cannot be written"),
    ],
)
def test_files_that_cannot_be(run, batch, tmp_path, source, destination, message):
    batch.to_csv(tmp_path / "batch.csv", index=False)
    (tmp_path / "link.csv").symlink_to(tmp_path / "batch.csv")
    before = (tmp_path / "batch.csv").read_bytes()
    with pytest.raises(InputError, match=message):
        predict_file(run, tmp_path / source, tmp_path / destination)
    assert (tmp_path / "batch.csv").read_bytes() == before


def test_a_full_disk_is_told(run, batch, tmp_path):
    batch.to_csv(tmp_path / "batch.csv", index=False)
    with pytest.raises(InputError, match="/dev/full cannot be written: No space left"):
        predict_file(run, tmp_path / "batch.csv", "/dev/full")
    done = predict_command(
        run, "--input", str(tmp_path / "batch.csv"), "--output", "-", stdout="/dev/full"
    )
    assert done.returncode == 1
    assert b"standard output cannot be written" in done.stderr and b"Traceback" not in done.stderr


def predict_command(run, *arguments, stdout=None, **options) -> subprocess.CompletedProcess:
    command = [
        sys.executable,
        "-P",
        "-m",
        "ml_baseline.cli.command",
        "predict",
        "--run",
        run.folder,
    ]
    with contextlib.ExitStack() as stack:
        return subprocess.run(
            [*map(str, command), *arguments],
            stdout=stack.enter_context(Path(stdout).open("wb")) if stdout else subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT / "workflow")},
            **options,
        )


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_standard_input_and_output(run, batch, tmp_path, form):
    expected = predicted(run, batch, tmp_path)
    given = batch.to_csv(index=False).encode() if form == "csv" else batch.to_parquet()
    done = predict_command(run, "--input", "-", "--output", "-", input=given)
    assert done.returncode == 0, done.stderr
    out = pd.read_csv(io.BytesIO(done.stdout))
    pd.testing.assert_frame_equal(out, expected, rtol=0, atol=1e-12)
    assert b"Predicting" not in done.stderr  # no bar where nobody looks

    spoilt = given + b"1,2\n" if form == "csv" else given[:-50]
    done = predict_command(run, "--input", "-", "--output", "-", input=spoilt)
    assert done.returncode == 1 and done.stdout == b""
    assert b"standard input" in done.stderr and b"Traceback" not in done.stderr


def test_pipes_are_read_and_written(run, batch, tmp_path):
    os.mkfifo(tmp_path / "in")
    os.mkfifo(tmp_path / "out")
    expected = predicted(run, batch, tmp_path)
    text = batch.to_csv(index=False)
    feed = threading.Thread(target=(tmp_path / "in").write_text, args=[text])
    feed.start()
    got = []
    drain = threading.Thread(target=lambda: got.append(pd.read_csv(tmp_path / "out")))
    drain.start()
    predict_file(run, tmp_path / "in", tmp_path / "out")
    feed.join()
    drain.join()
    pd.testing.assert_frame_equal(got[0], expected, rtol=0, atol=1e-12)
    assert (tmp_path / "out").is_fifo()


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/full"])
def test_a_device_without_end_is_refused(run, tmp_path, device):
    def stop(*given):
        raise AssertionError("copied a file without end")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ml_baseline.registry.predict_file.shutil.copyfileobj", stop)
        with pytest.raises(InputError, match=f"{device}: this is a device, not a file"):
            predict_file(run, device, tmp_path / "out.csv")
    assert not list(tmp_path.iterdir())


def test_a_bar_is_shown_on_a_terminal(run, batch, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("ml_baseline.registry.predict_file.PROGRESS_AFTER_SECONDS", 0.0)
    predicted(run, batch, tmp_path, rows_at_a_time=10)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    predicted(run, batch, tmp_path, rows_at_a_time=10)
    assert "Predicting" in capsys.readouterr().err


# ------------------------------------------------------------------ rows


def test_one_row_is_predicted_as_it_is_among_many(run, batch):
    model = load_model(run)
    raw = batch.astype("str")
    together, _, _ = predict_rows(model, run.schema, raw)
    alone = [predict_rows(model, run.schema, raw.iloc[[i]])[0][0] for i in range(20)]
    np.testing.assert_allclose(alone, together[:20], rtol=0, atol=1e-12)
    probability, prediction, problems = predict_rows(model, run.schema, raw.iloc[:0])
    assert len(probability) == len(prediction) == len(problems) == 0


def test_the_threshold_decides_the_prediction(run, batch):
    probability, prediction, _ = predict_rows(load_model(run), run.schema, batch.astype("str"), 0.3)
    assert (prediction == (probability >= 0.3)).all()


def test_a_code_without_meaning_is_a_category_never_seen(schema_of):
    schema = schema_of(
        size={"kind": "code", "encode": {"small": 0, "large": 1}},
        width={"kind": "number", "unit": "cm"},
        ready={"kind": "boolean"},
    ) | {"missing_values": []}
    raw = pd.DataFrame(
        {
            "size": ["small", "huge", "", "LARGE"],
            "width": ["12 cm", "1.5", "3 kg", "x"],
            "ready": ["yes", "no", "perhaps", ""],
        },
        dtype="str",
    )
    table, problems = clean_rows(raw, schema)
    assert table["size"].fillna(-1).tolist() == [0, -1, -1, 1]
    assert {bad.column: bad.found.to_dict() for bad in problems} == {
        "width": {2: "3 kg", 3: "x"},
        "ready": {2: "perhaps"},
    }
    assert [bad.expected for bad in problems] == ["a number (in cm)", "yes or no"]


def test_iso_dates_are_read_and_numbers_written_in_another_way_told(schema_of):
    day = {"kind": "integer", "part": "day"}
    schema = schema_of(
        day=day | {"date_formats": ["%d.%m.%Y"]},
        swapped=day | {"date_formats": ["%Y-%d-%m"]},
        comma={"kind": "number", "decimal": ","},
        point={"kind": "number"},
        share={"kind": "number", "unit": "%", "percent": "signed", "bare": False},
    ) | {"missing_values": []}
    raw = pd.DataFrame(
        {
            "day": ["31.01.2024", "2022-05-14", "2022-05-14 08:30:00", "12/31/2024"],
            "swapped": ["2024-31-01", "2022-05-14", "", ""],
            "comma": ["1,5", "20103.37", "", ""],
            "point": ["1.5", "34,19", "", "x"],
            "share": ["60 %", "28", "", ""],
        },
        dtype="str",
    )
    table, problems = clean_rows(raw, schema)
    assert table["day"].fillna(0).tolist() == [31, 14, 14, 0]
    told = {bad.column: (bad.expected, [*bad.found]) for bad in problems}
    assert told == {
        "day": ("a date written %d.%m.%Y or a date such as 2024-01-31", ["12/31/2024"]),
        "swapped": ("a date written %Y-%d-%m", ["2022-05-14"]),
        "comma": ("a number with a decimal comma", ["20103.37"]),
        "point": ("a number with a decimal point", ["34,19", "x"]),
        "share": ("a number (in %) with a decimal point and %", ["28"]),
    }


def test_a_missing_value_of_the_training_is_one_of_the_batch(schema_of):
    schema = schema_of(
        x={"kind": "number", "missing_numbers": [-999.0]}, y={"kind": "number", "decimal": ","}
    ) | {"missing_values": ["none"]}
    raw = pd.DataFrame({"x": ["1", "-999", "none"], "y": ["1,5", "1.000", "NONE"]}, dtype="str")
    table, problems = clean_rows(raw, schema)
    assert problems == []
    assert table["x"].fillna(0).tolist() == [1, 0, 0]
    assert table["y"].fillna(0).tolist() == [1.5, 1000, 0]


def test_an_id_that_is_the_group_too_comes_out(run, batch, tmp_path):
    columns = [
        entry | ({"role": "group"} if entry["role"] == "id" else {})
        for entry in run.schema["columns"]
    ]
    config = run.meta["config"] | {"id": ["customer"]}
    both = replace(
        run, schema=run.schema | {"columns": columns}, meta=run.meta | {"config": config}
    )
    assert predicted(both, batch, tmp_path)["customer"].tolist() == batch["customer"].tolist()


def test_columns_called_like_ours_are_kept_apart(run, batch, tmp_path):
    columns = [
        entry | ({"source": "probability"} if entry["role"] == "id" else {})
        for entry in run.schema["columns"]
    ]
    odd = replace(run, schema=run.schema | {"columns": columns})
    out = predicted(odd, batch.rename(columns={"customer": "probability"}), tmp_path)
    assert out.columns.tolist() == ["probability_raw", "probability", "prediction"]
    assert out["probability_raw"].tolist() == batch["customer"].tolist()
