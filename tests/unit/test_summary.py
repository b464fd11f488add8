"""The closing words: right numbers, all findings, each error once, and no crash at the very end."""

import csv
import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from ml_baseline.files import write_json
from ml_baseline.jobs import summary
from ml_baseline.jobs.summary import audit_lines, audit_text, failures_text, run_summary

START = 1_700_000_000.0
LONG = "a_model_with_a_name_that_is_much_longer_than_usual_and_then_some"


def write_rows(path: str, rows: list[dict]) -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


ROUGH = {f"{name}_reliable": "False" for name in summary.SHOWN_METRICS}


def board_row(model, selected="false", **more):
    row = {
        "dataset": "churn",
        "model": model,
        "selected": selected,
        "oof_pr_auc": 0.71234,
        "units": "200",
        "unit": "row",
        "threshold": 0.35,
        "prevalence": 0.4251,
        "rows": 1234.0,
        "level": 0.9,
        "verdict": f"words about {model}",
    }
    for name in summary.SHOWN_METRICS:
        row |= {
            name: 0.66666,
            f"{name}_low": 0.6,
            f"{name}_high": 0.712,
            f"{name}_reliable": "true",
        }
    return row | more


def write_log(path: str, text: str, age: float = 0.0) -> None:
    """Write a log that is so many seconds older than the start of the run."""
    file = Path("results/logs", path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    os.utime(file, (START - age, START - age))


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def churn():
    """The results of one table: a leaderboard and what goes with it."""
    rows = [board_row("forest", "true"), board_row(LONG, **ROUGH), board_row("dummy")]
    write_rows("results/churn/metrics.csv", rows)
    finding = {
        "subject": "amount",
        "summary": "Far too good to be true.",
        "explanation": "It settles the answer. " * 8,
        "fix": "forbidden: amount",
    }
    no_more = {"explanation": "", "fix": ""}
    write_rows(
        "results/churn/audit.csv",
        [
            {"check": "single_feature", "verdict": "fail"} | finding,
            {"check": "single_feature", "verdict": "pass", "subject": "x", "summary": "Fine."}
            | no_more,
            {"check": "row_order", "verdict": "warn", "subject": "rows", "summary": "Sorted."}
            | no_more,
        ],
    )
    naive = {"model": "forest", "metric": "roc_auc", "naive": 0.91, "honest": 0.61, "leak": 0.3}
    naive |= {"honest_high": 0.7}
    write_rows(
        "results/churn/naive.csv",
        [
            naive | {"model": "dummy", "naive": 0.5, "honest": 0.5, "leak": 0.0},
            naive,
            naive | {"metric": "log_loss", "leak": 7.0},
        ],
    )
    for name in ("metrics.csv", "report.html"):
        Path("results", name).touch()
    control = {"control": "negative", "verdict": "pass", "explanation": "found nothing"}
    write_rows("results/churn/controls.csv", [control])


# ------------------------------------------------------------------ what has been made


def test_batches_have_a_line_each_that_counts_what_is_wrong_with_their_rows(churn):
    about = {"run_id": "r", "input": "new.csv", "rows": 5, "bad_rows": 3, "warnings": ["a", "b"]}
    write_json(about, Path("new.csv.check.json"))
    write_json(about | {"bad_rows": 0, "warnings": []}, Path("good.csv.check.json"))
    predicted = {f"{name}.csv": f"{name}.csv.check.json" for name in ("new", "good", "not_made")}
    said = run_summary(["churn"], predicted=predicted)
    assert (
        "\nPredictions: new.csv, 5 rows, 3 of them without a prediction (their `reason` says why); 2 warnings\n"
        "  of cells unlike training: new.csv.check.json\nPredictions: good.csv, 5 rows\n" in said
    )
    assert "not_made" not in said
    failed = run_summary(["churn"], time.time() + 1, predicted=predicted)
    assert "Predictions" not in failed  # they are of an earlier run


def test_the_leaderboard_in_words(churn):
    lines = run_summary(["churn"]).splitlines()
    title = next(line for line in lines if line.startswith("churn: "))
    assert title == "churn: 1,234 holdout rows, 42.5 % positive, threshold 0.35"
    Path("results/churn/repairs.json").write_text('{"positive": "approve = No"}')
    assert "42.5 % with approve = No, threshold 0.35" in run_summary(["churn"])
    header = lines[lines.index(title) + 1]
    assert header.split("  ")[0] == "model"
    for name in ("out-of-fold pr_auc", *(f"{name} (90 %)" for name in summary.SHOWN_METRICS)):
        assert name in header
    board = lines[lines.index(title) + 2 : lines.index(title) + 5]
    assert [line.split()[0] for line in board] == ["*", LONG, "dummy"]
    assert [line.count("0.667 (0.60-0.71)") for line in board] == [3, 3, 3]
    assert "0.712" in board[0]
    assert len({len(line) for line in [header, *board]}) == 1  # the columns stand in line
    assert f"  {LONG}: words about {LONG}" in lines
    of_loss = [
        {k.replace("pr_auc", "log_loss"): v for k, v in board_row(*model).items()}
        | {"oof_log_loss": loss}
        for model, loss in ((("ensemble", "true"), 0.5), (("forest",), 0.4))
    ]
    why = "as none is shown to be better out-of-fold."
    for rows in (of_loss, of_loss[:1]):
        write_rows("results/churn/metrics.csv", rows)
        assert (why in run_summary(["churn"])) == (rows is of_loss)


def test_intervals_not_to_rely_on_are_named(churn):
    said = [line for line in run_summary(["churn"]).splitlines() if "Unreliable intervals" in line]
    assert len(said) == 1
    assert said[0].endswith(f": {LONG}")
    write_rows("results/churn/metrics.csv", [board_row("forest", "true", f1_reliable="false")])
    assert "too few errors): forest (f1)" in run_summary(["churn"])
    write_rows("results/churn/metrics.csv", [board_row("forest", "true")])
    assert "Unreliable intervals" not in run_summary(["churn"])


def test_what_is_to_know_of_the_reading_is_told(churn):
    doubts = [
        {"severity": "told", "summary": "'when' orders the rows and is no feature"},
        {"severity": "warn", "summary": "this stands in the audit"},
    ]
    Path("results/churn/repairs.json").write_text(json.dumps({"doubts": doubts}))
    said = run_summary(["churn"])
    assert "  'when' orders the rows and is no feature.\nAudit" in said
    assert "this stands" not in said
    Path("results/churn/repairs.json").write_text("{}")  # of an earlier version
    assert "\nAudit: 1 failure" in run_summary(["churn"])


def test_findings_claims_and_controls_are_told(churn):
    said = run_summary(["churn"])
    assert "Audit: 1 failure, 1 warning" in said
    assert "FAIL  single_feature (amount): Far too good" in said
    assert "warn  row_order (rows): Sorted." in said
    assert "Fine." not in said
    words = " ".join(said.split())
    assert "roc_auc of 0.91 for forest; honest: 0.61, so 0.30 of it is leakage" in words
    assert "pass negative: found nothing" in words
    assert "results/metrics.csv" in said
    assert max(len(line) for line in said.split("Audit:")[1].splitlines()) <= summary.WIDTH


def test_an_audit_without_findings_is_one_line():
    rows = [{"check": name, "verdict": "pass"} for name in ("a", "b", "b")]
    assert audit_text(rows) == "Audit: 2 checks, no problems found."
    assert audit_lines(rows, ("fail",)) == []


def test_the_page_to_open_is_one_of_this_run(churn):
    """That of the only table; else the index, unless it is left as it was."""
    for name in ("churn", "adult"):
        Path("results", name).mkdir(exist_ok=True)
        Path("results", name, "report.html").touch()
    assert "Open results/report.html" in run_summary(["churn", "adult"])
    for tables in (["churn"], ["churn", "adult"]):
        said = run_summary(tables, gathered=False)
        pages = ", ".join(f"results/{name}/report.html" for name in tables)
        assert f"Open {pages} in" in said and "results/metrics.csv" not in said


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("results/churn/report.html", "Open results/churn/report.html in a browser"),
        ("results/metrics.csv", "All numbers: results/metrics.csv"),
        ("results/churn/audit.csv", "audit.csv"),
        ("results/churn/runs", "runs (published models"),
        ("results/churn/curves", "curves"),
    ],
)
def test_nothing_is_named_that_is_not_there(churn, path, words):
    file = Path(path)
    if file.exists():
        file.unlink()
    assert words not in run_summary(["churn"])
    file.touch()
    assert words in run_summary(["churn"])


def test_tables_without_results_are_named_where_the_others_are_gathered(churn):
    said = run_summary(["adult", "churn"], START, missing=["adult", "wine"])
    assert (
        "No results in this run: adult, wine. results/metrics.csv holds the other tables." in said
    )
    assert "other tables" not in run_summary(["churn"], START, missing=["churn"])
    Path("results/metrics.csv").unlink()
    assert "No results" not in run_summary(["adult", "churn"], START, missing=["adult"])


def test_a_claim_within_the_interval_is_no_leakage(churn):
    naive = {"model": "forest", "metric": "roc_auc", "naive": 0.66, "honest": 0.43, "leak": 0.23}
    write_rows("results/churn/naive.csv", [naive | {"honest_high": 0.67}])
    said = run_summary(["churn"])
    assert "honest: 0.43, whose interval holds the claim: that any of it is leakage is not" in said


@pytest.mark.parametrize("missing", ["audit.csv", "naive.csv", "controls.csv"])
def test_a_missing_file_is_no_matter(churn, missing):
    everything = run_summary(["churn"])
    Path("results/churn", missing).unlink()
    said = run_summary(["churn"])
    assert "churn: 1,234 holdout rows" in said
    assert len(said) < len(everything)


def test_tables_without_results_are_left_out(churn):
    assert run_summary(["nothing", "churn", "neither"]).count("holdout rows,") == 1
    Path("results/churn/metrics.csv").unlink()
    assert run_summary(["churn"]).strip() == ""
    assert run_summary([]).strip() == ""


def test_tables_stand_in_the_order_of_the_config(churn):
    write_rows("results/adult/metrics.csv", [board_row("dummy", "true", dataset="adult")])
    said = run_summary(["churn", "adult"])
    assert said.index("churn: ") < said.index("adult: ")


# ------------------------------------------------------------------ what went wrong


def test_each_error_is_told_once_with_its_log():
    write_log("churn/clean.log", "reading\nerror: churn: no such file churn.csv\n")
    write_log("churn/stats.log", "error: churn: no such file churn.csv\n")
    write_log("adult/seed1/split.log", "Traceback ...\nerror: adult: ValueError: [1] is odd\n")
    write_log("adult/seed1/augment.log", "all went well\n")
    write_log("adult/plots.log", "")
    said = failures_text(START)
    assert said.count("no such file churn.csv") == 1
    assert said.count("\n* ") == said.count("(log: ") == 2
    assert "* adult: ValueError: [1] is odd\n  (log: results/logs/adult/seed1/split.log)" in said
    assert "augment" not in said and "plots" not in said


def test_what_stops_several_jobs_in_the_same_way_is_told_once():
    for table, jobs in {"churn": ["evaluate", "a", "b"], "adult": ["b"], "users": []}.items():
        for job in jobs:
            place = table if job == "evaluate" else f"{table}, model {job}"
            write_log(f"{table}/{job}.log", f"error: {place}: found 3 rows: lower `folds`\n")
        write_log(f"{table}/clean.log", f"error: nothing of {table}\n")
    write_log("all.log", "error: no room\n")
    write_log("users/a.log", "error: users: no room\n")
    said = failures_text(START)
    assert "* users: no room\n" in said
    assert (
        "* adult, model b; churn: found 3 rows: lower `folds`\n  (log: results/logs/adult/b" in said
    )
    assert said.count("found 3 rows") == 1 and said.count("* nothing of ") == 3


def test_errors_of_earlier_runs_are_not_told_again():
    write_log("old.log", "error: long since mended\n", age=3600)
    write_log("new.log", "error: still broken\n", age=-5)
    said = run_summary(["churn"], failed_since=START)
    assert "still broken" in said
    assert "mended" not in said


@pytest.mark.parametrize("logs", [[], ["error: an old one\n"]])
def test_a_failure_without_words_of_ours_points_to_snakemakes(logs):
    for text in logs:
        write_log("old.log", text, age=3600)
    said = run_summary([], failed_since=START)
    assert "see the messages above" in said
    assert "an old one" not in said


def test_a_log_that_is_no_text_does_not_hide_the_others():
    write_log("good.log", "error: the reason\n")
    path = Path("results/logs/bad.log")
    path.write_bytes(b"\xff\xfe\x00 core dumped \xe9\n")
    os.utime(path, (START, START))
    assert "the reason" in failures_text(START)


def test_a_failed_run_tells_of_what_it_made_all_the_same(churn):
    os.utime("results/churn/metrics.csv", (START + 5, START + 5))
    write_log("adult/clean.log", "error: adult: gone\n")
    said = run_summary(["adult", "churn"], failed_since=START)
    assert said.index("churn: 1,234 holdout rows") < said.index("* adult: gone")


def test_it_imports_nothing_heavy():
    code = """
        import sys
        import ml_baseline.jobs.summary
        print(*{"numpy", "pandas", "sklearn", "matplotlib", "snakemake"} & set(sys.modules))
    """
    environment = os.environ | {"PYTHONPATH": str(Path(summary.__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""
