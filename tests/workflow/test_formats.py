"""A workbook trains and JSON lines are predicted as the same cells in a text are."""

import gzip
import io
import json
import subprocess
import sys

import openpyxl
import pandas as pd
from running import ROOT, rows_of, small_table

SMALL = {"target": "answer", "positive": "yes"}
MODELS = {"dummy": {"estimator": "sklearn.dummy.DummyClassifier"}}
MODELS["tree"] = {"estimator": "sklearn.tree.DecisionTreeClassifier", "preprocessing": "tree"}


def workbook(table: pd.DataFrame) -> bytes:
    """Return a workbook with the table below a title, beside a list of its columns."""
    book = openpyxl.Workbook()
    notes, data = book.active, book.create_sheet("May")
    for row in [["column", "meaning"], *([name, "?"] for name in table.columns)]:
        notes.append(row)
    for row in [["Export of May"], [], list(table.columns), *table.values.tolist()]:
        data.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_a_workbook_and_json_lines_mean_what_a_text_means(project):
    text = small_table()
    table = pd.read_csv(io.StringIO(text))
    lines = "".join(json.dumps(row) + "\n" for row in table.to_dict("records"))
    project.write("table.csv", text)
    project.write("table.xlsx", workbook(table))
    project.write("new.jsonl.gz", gzip.compress(lines.encode(), mtime=0))
    batches = {
        "lines": {"input": "new.jsonl.gz"},
        "book": {"input": "table.xlsx", "sheet": "May"},
        "text": {"input": "table.csv"},
    }
    project.write_config(
        datasets={"text": SMALL | {"table": "table.csv"}, "book": SMALL | {"table": "table.xlsx"}},
        predictions={name: batch | {"dataset": "book"} for name, batch in batches.items()},
        models=MODELS,
        report=False,
    )
    files = [f"results/book/predictions/{name}.csv" for name in batches]
    project.run(*files, "data/processed/text/cleaned_data.csv")
    folder = project.folder
    cleaned = [folder / f"data/processed/{name}/cleaned_data.csv" for name in ("text", "book")]
    assert cleaned[0].read_bytes() == cleaned[1].read_bytes()
    repairs = json.loads((folder / "results/book/repairs.json").read_text())
    assert (repairs["sheet"], repairs["header_row"]) == ("May", "3")
    predicted = [rows_of(folder / file) for file in files]
    assert predicted[0] == predicted[1] == predicted[2] and len(predicted[0]) == 120


def test_the_entry_that_inspect_writes_runs(project):
    project.write("my table.csv", small_table())
    project.write_config(datasets={"other": SMALL | {"table": "my table.csv"}}, models=MODELS)
    arguments = ["inspect", "my table.csv", "--target", "colour", "--positive", "red", "--write"]
    run = [sys.executable, "-m", "ml_baseline.cli.command", *arguments]
    environment = {"PYTHONPATH": str(ROOT / "workflow"), "PATH": ""}
    refused = subprocess.run(
        run, cwd=project.folder, env=environment, capture_output=True, text=True
    )
    assert refused.returncode == 1 and "3 different values, expected two" in refused.stderr
    run[run.index("colour")], run[run.index("red")] = "answer", "yes"
    refused = subprocess.run(
        run, cwd=project.folder, env=environment, capture_output=True, text=True
    )
    assert refused.returncode == 1 and "has the table `other` already" in refused.stderr
    project.write_config(datasets={}, models=MODELS)
    done = subprocess.run(run, cwd=project.folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "data/processed/my_table/cleaned_data.csv" in project.run("-n", "--verbose")
