"""`ml-baseline inspect`: what it shows of a table, the entry it proposes and writes; and `train` before a run."""

import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from rich.console import Console
from running import ROOT, small_table

from ml_baseline.cli import command
from ml_baseline.config.completion import complete
from ml_baseline.config.text import load_yaml
from ml_baseline.data.clean import clean
from ml_baseline.data.infer_schema import infer_schema
from ml_baseline.data.inspection import inspect_table, require_target
from ml_baseline.data.tables import read_raw_table
from ml_baseline.errors import InputError

pytestmark = pytest.mark.filterwarnings("error")
SCHEMA = load_yaml(ROOT / "workflow/schemas/config.schema.yaml")
ROWS = 120


def odd_table() -> pd.DataFrame:
    """A table in which each column has something to be told."""
    i = np.arange(ROWS)
    return pd.DataFrame(
        {
            "customer": [f"C{n:05}x" for n in i],
            "spent": [f"1.{n:03},50 €" for n in i],
            "signup": [f"{1 + n % 12:02}/{1 + n % 11:02}/2023" for n in i],
            "region": np.where(i % 10 == 0, "", np.where(i % 3 == 0, "NA", "EU")),
            "visits": np.where(i % 9 == 0, "n/a", (i % 7).astype(str)),
            "score": np.where(i % 20 == 0, "999", (50 + i % 13).astype(str)),
            "same": "x",
            "left": np.where(i % 4 == 0, "yes", "no"),
        }
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    odd_table().to_csv("odd.csv", index=False, sep=";")
    return tmp_path


def said(capsys, *arguments, code=0) -> str:
    assert command.main(["inspect", *map(str, arguments)]) == code
    out, err = capsys.readouterr()
    assert out.isprintable() or out.replace("\n", "").isprintable()
    return err if code else out


def test_a_column_without_a_value_is_of_no_kind(folder, capsys):
    odd_table().assign(nothing="", spent="").to_csv("odd.csv", index=False)
    out = said(capsys, "odd.csv", "--target", "left")
    assert "nothing empty empty: 120" in " ".join(out.split()) and "2 empty" in out


def test_each_column_is_shown_as_it_is_read(folder, capsys):
    out = said(capsys, "odd.csv", "--target", "left")
    line = {text.split(" ")[0]: " ".join(text.split()) for text in out.splitlines() if text}
    assert "120 rows; 6 columns to learn from" in out and "separator ';'" in out
    assert "left: yes (means 1) in 30 rows, 25 %; no (means 0) in 90, 75 %" in out
    assert line["customer"].startswith("customer id C00000x, C00001x, C00002x")
    assert "number, decimal comma" in line["spent"] and "1.000,50 € → 1000.5" in line["spent"]
    assert line["spent"].endswith("1000.5 to 1119.5")
    assert line["signup"].startswith("signup date, %d/%m/%Y 01/01/2023 → 2023-01-01")
    assert "02/02/2023 → 2023-02-02" in line["signup"]
    assert line["visits"].startswith("visits integer") and line["visits"].endswith("n/a: 14")
    assert "always the same" in line["same"] and "empty: 12" in line["region"]
    for words in (
        "999",
        "'same' is the same in every row",
        "'customer' is different in every row",
    ):
        assert words in out


def test_the_entry_settles_what_nothing_decides(folder, capsys):
    table = odd_table().drop(columns=["spent"])
    table.to_csv("t.csv", index=False)
    out = said(capsys, "t.csv", "--target", "left", "--positive", "yes")
    entry = yaml.safe_load(out.partition("For config/config.yaml:")[2])
    found = entry["datasets"]["t"]
    assert found.items() >= {"table": "t.csv", "target": "left", "positive": "yes"}.items()
    assert found["id"] == "customer" and found["drop"] == "same"
    assert found["columns"]["signup"] == {"kind": "date", "format": "%m/%d/%Y"}
    assert "# check: 'signup' was read with the month first" in out
    assert complete(entry, SCHEMA)["datasets"]["t"]["id"] == ["customer"]
    # With the entry the table is read as it was shown, and what nothing decides is settled.
    again = inspect_table("t.csv", found)
    assert [c.after for c in again.columns] == [
        c.after for c in inspect_table("t.csv", {"target": "left"}).columns
    ]
    assert "fail" not in {doubt.severity for doubt in again.doubts}


@pytest.mark.parametrize(
    "order", ["%m/%d/%Y", "%Y-%m-%d"]
)  # what nothing decides, and what is certain
def test_what_is_likely_is_a_comment_that_can_be_taken_at_its_word(folder, capsys, order):
    days = pd.Timestamp("2023-01-01") + pd.to_timedelta(np.arange(40) * 29, "D")
    days = days[days.day <= 12]
    table = odd_table().drop(columns=["spent", "signup"])
    table["signup"] = np.resize(days.strftime(order), len(table))
    table["age"] = np.resize(np.arange(20, 70), len(table)).astype(str)
    table["size"] = np.resize(np.arange(150, 190), len(table)).astype(str)
    table.loc[:4, "age"] = "-999"
    table.loc[:8, "size"] = "tall"
    table.to_csv("t.csv", index=False)
    out = said(capsys, "t.csv", "--target", "left").partition("For config/config.yaml:")[2]
    first = yaml.safe_load(out)["datasets"]["t"]
    assert {"age", "size"}.isdisjoint(first.get("columns", {}))
    taken = [line for line in out.splitlines() if not re.search("# (take|check)", line)]
    found = yaml.safe_load("\n".join(line.replace("#", "", 1) for line in taken))["datasets"]["t"]
    assert found["columns"]["age"] == {"missing_values": ["-999"]}
    assert found["columns"]["size"] == {"missing_values": ["tall"]}
    assert {d.severity for d in inspect_table("t.csv", found).doubts} <= {"told"}


def test_labels_of_a_target_of_three_can_be_named(folder, capsys):
    text = "x,y\n" + "1,a\n2,b\n3,c\n" * 4
    (folder / "t.csv").write_text(text)
    labels = ("--positive", "a", "--negative", "b", "--negative", "c")
    out = said(capsys, "t.csv", "--target", "y", *labels)
    assert "positive: a\n    negative: [b, c]" in out and "too few" in out
    assert "`--positive` and `--negative` on a" in said(capsys, "t.csv", "--target", "y", code=1)
    assert "labels of the target: add --target" in said(capsys, "t.csv", *labels, code=1)


def test_without_a_target_columns_that_may_be_it_are_named(folder, capsys):
    out = said(capsys, "odd.csv")
    assert "columns with two labels: left (no, yes)" in out and "target: left  # the yes/no" in out
    (folder / "t.csv").write_text("a,b,target\n1,x,y\n2,x,n\n3,z,y\n")
    out = said(capsys, "t.csv")
    assert "target: '?'  # the yes/no column; perhaps one of: target, b" in out


def test_the_entry_is_written_into_the_config(folder, capsys):
    (folder / "config").mkdir()
    (folder / "config/config.yaml").write_text(
        "# mine\ndatasets:\n  # old\n  a:\n    table: a.csv\n    target: y\n"
    )
    said(capsys, "odd.csv", "--target", "left", "--write")
    text = (folder / "config/config.yaml").read_text()
    assert text.startswith("# mine\ndatasets:\n  odd:\n    table: odd.csv\n    target: left\n")
    assert text.endswith("\n  # old\n  a:\n    table: a.csv\n    target: y\n")
    error = said(capsys, "odd.csv", "--target", "left", "--write", code=1)
    assert "config/config.yaml has the table `odd` already" in error
    error = said(capsys, "odd.csv", "--target", "same", "--write", "--name", "a", code=1)
    assert (folder / "config/config.yaml").read_text() == text
    assert "The config has this table as `odd`" in said(capsys, "odd.csv", "--target", "left")
    said(
        capsys,
        "odd.csv",
        "--target",
        "left",
        "--write",
        "--name",
        "b",
        "--configfile",
        "new.yaml",
        code=1,
    )


def test_a_config_of_its_own_is_made(folder, capsys):
    said(capsys, "odd.csv", "--target", "left", "--write", "--configfile", "new.yaml")
    assert yaml.safe_load((folder / "new.yaml").read_text())["datasets"]["odd"]["target"] == "left"
    assert not (folder / "config").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["odd.csv", "--target", "lefd"], "did you mean 'left'?"),
        (["odd.csv", "--target", "left", "--positive", "yess"], "did you mean 'yes'?"),
        (["odd.csv", "--target", "visits"], "different values, expected two"),
        (["odd.cvs", "--target", "left"], "did you mean odd.csv?"),
        (["odd.csv", "--write"], "--write needs --target"),
        (["binary.csv"], "this is a PDF"),
    ],
)
def test_what_cannot_be_shown_is_one_line(folder, capsys, arguments, words):
    (folder / "binary.csv").write_bytes(b"%PDF-1.7")
    error = said(capsys, *arguments, code=1)
    assert words in error and error.count("\n") == 1


def test_wrong_usage(capsys):
    for arguments in ([], ["a.csv", "b.csv"], ["a.csv", "--header-row", "0"]):
        with pytest.raises(SystemExit) as end:
            command.main(["inspect", *arguments])
        assert end.value.code == 2
    capsys.readouterr()


@pytest.mark.parametrize(
    "width", [50, *(pytest.param(width, marks=pytest.mark.proof) for width in (80, 10_000))]
)
def test_wide_tables_and_long_names_stay_readable(folder, capsys, monkeypatch, width):
    console = Console(width=width, highlight=False)
    monkeypatch.setattr("ml_baseline.cli.display.console_of", lambda: console)
    rng = np.random.default_rng(0)
    names = [f"{'a name without an end ' * 5}{i}" for i in range(90)] + [
        "\x1b[31mred",
        "two\nlines",
    ]
    table = pd.DataFrame(rng.normal(size=(60, len(names))), columns=names)
    for i in range(8):
        table[f"nothing{i}"] = "x"
    table["y"] = ["yes", "no"] * 30
    table.to_csv("wide.csv", index=False)
    out = said(capsys, "wide.csv", "--target", "y")
    assert "... and 61 more columns" in out and len(out.splitlines()) < 260
    assert "The like holds for 7 columns: nothing1" in out
    if width < 1000:
        shown = out.partition("column")[2].partition("What to look")[0] if width > 70 else ""
        assert all(
            len(line) <= width for line in shown.splitlines()[1:-1] if "more col" not in line
        )
    everything = said(capsys, "wide.csv", "--target", "y", "--all")
    assert "\\x1b[31mred" in everything and "two lines" in everything


def test_json_has_all_of_it(folder, capsys):
    found = json.loads(said(capsys, "odd.csv", "--target", "left", "--json"))
    assert found["rows"] == ROWS and found["classes"] == {"yes": 30, "no": 90}
    spent = next(column for column in found["columns"] if column["name"] == "spent")
    assert spent["before"][0] == "1.000,50 €" and spent["after"][0] == "1000.5"
    assert {doubt["what"] for doubt in found["doubts"]} >= {"id", "constant", "sentinel"}
    assert yaml.safe_load(found["entry"])["datasets"]["odd"]["table"] == "odd.csv"


@pytest.mark.parametrize("text", [";;", '""', '"', ""])
def test_a_separator_that_the_config_forbids_is_wrong_usage(folder, text):
    with pytest.raises(SystemExit) as stopped:
        command.main(["inspect", "odd.csv", "--separator", text])
    assert stopped.value.code == 2


def test_a_tab_may_be_written(folder, capsys):
    odd_table().to_csv("odd.tsv", index=False, sep="\t")
    assert "separator '\\t'" in said(capsys, "odd.tsv", "--separator", r"\t")


def test_a_name_that_no_table_can_have_is_refused_in_any_case(folder, capsys):
    assert "--name 'a b/c' cannot be" in said(capsys, "odd.csv", "--name", "a b/c", code=1)


def test_lines_are_given_for_each_of_several_columns_and_for_answers(folder, capsys):
    table = odd_table()
    table = table[["region", "left"]].assign(**dict.fromkeys("abcd", table["score"]))
    table["region"] = table["region"].replace("", "EU")
    table.to_csv("many.csv", index=False)
    out = said(capsys, "many.csv", "--target", "left")
    assert "The like holds for 3 columns: b, c, d" in out
    lines = yaml.safe_load(next(line for line in out.splitlines() if "columns: {a: " in line))
    assert [*lines["columns"]] == [*"abcd"]
    assert "columns: {region: {kind: category, missing_values: []}}" in out


def test_strict_reading_stops_training_before_a_run(folder, capsys):
    (folder / "config").mkdir()
    (folder / "config/config.yaml").write_text("reading: strict\n")
    assert command.main(["train", "--input", "odd.csv", "--target", "left"]) == 1
    err = capsys.readouterr().err
    assert "with `reading: strict` each column has to be certain" in err
    assert err.count("\n* ") > 3 and not (folder / "results").exists()


def test_durations_and_times_of_day_are_shown_in_hours(folder, capsys):
    rows = [f"{20 + i}:30:00,{i % 24:02}:15,{i % 2}" for i in range(60)]
    (folder / "t.csv").write_text("\n".join(["long,at,y", *rows]))
    out = said(capsys, "t.csv", "--target", "y")
    assert "duration, in hours" in out and "20:30:00 → 20.5 h" in out
    assert "time of day, in hours" in out and "01:15 → 1.25 h" in out


def test_a_workbook_is_shown(folder, capsys):
    numbers = [1.00000000000125, 2, 3]
    pd.DataFrame({"a": numbers, "y": [True, False, True]}).to_excel("t.xlsx", index=False)
    out = said(capsys, "t.xlsx", "--target", "y")
    assert "1.00000000000125, 2, 3" in out  # as it stands, since nothing has changed
    assert "read as workbook: sheet 'Sheet1', names in row 1" in out
    out = said(capsys, "t.xlsx", "--target", "y", "--sheet", "Sheet1", "--header-row", "1")
    assert "sheet: Sheet1" in out and "header_row: 1" in out


def test_what_is_shown_is_what_cleaning_does(folder):
    settings = {"target": "left"}
    raw, reading = read_raw_table("odd.csv", settings)
    table, repairs = clean(raw, infer_schema(raw, settings, "odd", reading))
    shown = {column.name: column for column in inspect_table("odd.csv", settings).columns}
    for name in ("spent", "visits"):
        assert shown[name].missing == table[name].isna().sum()
        assert shown[name].markers == repairs["columns"][name].get("missing", {})
    for before, after in zip(shown["spent"].before, shown["spent"].after, strict=True):
        assert table["spent"][raw["spent"] == before].iloc[0] == float(after)


@pytest.mark.parametrize("target", ["no such", "same"])
def test_of_a_large_table_the_target_alone_is_read(folder, target):
    require_target("odd.csv", {"target": "left"})
    with pytest.raises(InputError):
        require_target("odd.csv", {"target": target})


def test_the_target_alone_is_read_where_quotes_turn_out_to_be_text(tmp_path):
    sizes = [f'"{i}' if i in (3, 7) else str(i) for i in range(20)]
    rows = [f"{size};{'yes' if i % 2 else 'no'}" for i, size in enumerate(sizes)]
    (tmp_path / "t.csv").write_text("\n".join(["size;left", *rows]))
    require_target(tmp_path / "t.csv", {"target": "left"})
    (tmp_path / "t.csv").write_text("size;left\n")
    with pytest.raises(InputError, match="no rows below it"):
        require_target(tmp_path / "t.csv", {"target": "left"})


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target", "anwser"], "did you mean 'answer'?"),
        (["--target", "answer", "--positive", "yess"], "did you mean 'yes'?"),
        (["--target", "colour"], "3 different values, expected two"),
    ],
)
def test_train_finds_a_wrong_target_before_any_job(
    tmp_path, monkeypatch, capsys, arguments, words, large
):
    monkeypatch.chdir(tmp_path)
    if large:
        monkeypatch.setattr("ml_baseline.cli.train.LARGE_BYTES", 0)
    (tmp_path / "t.csv").write_text(small_table())
    assert command.main(["train", "--input", "t.csv", *arguments]) == 1
    assert words in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"t.csv"}


def test_train_says_first_how_the_table_is_read(folder, monkeypatch, capsys):
    runs = []
    monkeypatch.setattr("ml_baseline.cli.train.run_workflow", lambda *a: runs.append(a) or 1)
    assert command.main(["train", "--input", "odd.csv", "--target", "left"]) == 1
    err = capsys.readouterr().err
    assert (
        "odd.csv: 120 rows; 6 columns to learn from" in err
        and "left is yes: 30 rows, no: 90" in err
    )
    assert (
        "what settles this: `ml-baseline inspect odd.csv --target left`" in err and len(runs) == 1
    )


def test_it_needs_no_snakemake_and_no_model():
    script = (
        "import sys\nfrom ml_baseline.cli.command import main\n"
        "code = main(['inspect', sys.argv[1], '--target', 'answer'])\n"
        "print('LOADED', code, [m for m in ('snakemake', 'sklearn', 'scipy') if m in sys.modules])"
    )
    run = [sys.executable, "-c", script, "/dev/stdin"]
    done = subprocess.run(run, capture_output=True, text=True, cwd=ROOT / "workflow", input="")
    assert "LOADED 1 []" in done.stdout, done.stderr


def test_imbalance_and_columns_with_a_role_are_told(folder, capsys):
    rows = range(300)
    answers = ["yes" if i % 100 == 0 else "maybe" if i % 50 == 0 else "no" for i in rows]
    days = pd.date_range("2024-01-01", periods=300).astype("str")
    table = pd.DataFrame(
        {"shop": [f"s{i % 9}" for i in rows], "day": days, "x": rows, "y": answers}
    )
    table.to_csv("t.csv", index=False)
    (folder / "config").mkdir()
    entry = {"table": "t.csv", "target": "y", "group": "shop", "time": "day"}
    (folder / "config/config.yaml").write_text(yaml.safe_dump({"datasets": {"t": entry}}))
    out = said(capsys, "t.csv", "--target", "y", "--positive", "yes", "--positive", "maybe")
    assert "300 rows; 1 column to learn from (1 integer); not learned from: shop, day" in out
    assert "y: maybe, yes (means 1) in 6 rows, 2 %; no (means 0) in 294, 98 %; imbalanced" in out
    config = {"datasets": {"t": entry}, "cv": {"folds": 6}}
    (folder / "config/config.yaml").write_text(yaml.safe_dump(config))
    more = said(capsys, "t.csv", "--target", "y", "--positive", "yes", "--positive", "maybe")
    assert "too few for a holdout and 6 folds, which take at least 7 rows of each" in more
    assert "category (group)" in out and "date (time)" in out
    assert "told: 'shop' keeps rows together" in out


def test_examples_are_not_those_of_the_first_rows_only(tmp_path):
    table = pd.DataFrame({"class": ["1st"] * 450 + ["2nd"] * 450, "y": [0, 1] * 450})
    table.to_csv(tmp_path / "t.csv", index=False)
    (view,) = [
        one
        for one in inspect_table(str(tmp_path / "t.csv"), {"target": "y"}).columns
        if one.name == "class"
    ]
    assert view.before == ["1st", "2nd"]
