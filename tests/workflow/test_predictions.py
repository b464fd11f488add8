"""Batches in the config: predicted by the latest run, again when there is another, and not otherwise."""

import os
import re

import pytest
from running import QUICK_MODELS, ROOT, rows_of, small_table

from ml_baseline.config.configuration import checked_config
from ml_baseline.config.text import load_yaml
from ml_baseline.errors import InputError
from ml_baseline.registry import list_runs

BATCH = small_table(rows=30, random_state=3)
SMALL = {"table": "table.csv", "target": "answer", "plots": []}
MODELS = {"logistic_regression": QUICK_MODELS["logistic_regression"]} | {
    "dummy": QUICK_MODELS["dummy"]
}
OUTPUT = "results/small/predictions/january.csv"


def without_answers(table: str) -> str:
    return "\n".join(line.rpartition(",")[0] for line in table.splitlines()) + "\n"


def write_config(project, predictions=None, **more):
    predictions = {"january": {"input": "january.csv"}} if predictions is None else predictions
    config = {"predictions": predictions, "models": MODELS, "report": False} | more
    project.write_config(datasets={"small": SMALL}, **config)


def runs(project) -> list[str]:
    return [run.run_id for run in list_runs(project.folder / "results")]


@pytest.fixture(scope="module")
def predicted(module_project):
    """One table and one batch, run once."""
    module_project.write("table.csv", small_table())
    module_project.write("january.csv", without_answers(BATCH))
    write_config(module_project)
    module_project.run()
    return module_project


def predictions(project, path=OUTPUT) -> list[dict[str, str]]:
    return rows_of(project.folder / path)


def test_a_batch_is_predicted_with_the_latest_run(predicted):
    rows = predictions(predicted)
    assert [row["row_id"] for row in rows] == [str(i) for i in range(30)]
    assert list(rows[0]) == ["row_id", "probability", "prediction"]
    assert {row["prediction"] for row in rows} == {"0", "1"}
    log = predicted.folder / "results/logs/small/predictions/january.log"
    assert f"30 rows predicted with {runs(predicted)[-1]}" in log.read_text()


def test_nothing_is_predicted_again_without_a_reason(predicted):
    os.utime(predicted.folder / "january.csv")
    os.utime(predicted.folder / "results/small/published.json")
    assert "Nothing to be done" in predicted.run()


@pytest.mark.proof
def test_what_makes_no_new_run_makes_no_new_predictions(predicted):
    before = (predicted.folder / OUTPUT).stat().st_mtime_ns
    write_config(predicted, naive=True)
    predicted.run()
    write_config(predicted)
    predicted.run()
    assert (predicted.folder / OUTPUT).stat().st_mtime_ns == before


@pytest.mark.proof
def test_another_batch_is_predicted_alone(predicted):
    batches = {
        "january": {"input": "january.csv"},
        "february": {"input": "february.csv", "output": "out/february.parquet", "dataset": "small"},
    }
    predicted.write("february.csv", BATCH)
    before = (predicted.folder / OUTPUT).stat().st_mtime_ns
    write_config(predicted, batches)
    predicted.run()
    assert (predicted.folder / "out/february.parquet").exists()
    assert (predicted.folder / OUTPUT).stat().st_mtime_ns == before
    predicted.write("january.csv", without_answers(small_table(rows=9, random_state=4)))
    predicted.run()
    assert len(predictions(predicted)) == 9
    predicted.write("january.csv", without_answers(BATCH))
    write_config(predicted)
    predicted.run()


@pytest.mark.proof
def test_a_new_run_predicts_anew_but_for_what_is_pinned(predicted):
    first = runs(predicted)[-1]
    pinned = {
        "january": {"input": "january.csv"},
        "pinned": {"input": "january.csv", "run": first},
    }
    write_config(predicted, pinned)
    predicted.run()
    path = "results/small/predictions/pinned.csv"
    old = predictions(predicted)
    assert predictions(predicted, path) == old
    before = (predicted.folder / path).stat().st_mtime_ns

    models = MODELS | {
        "logistic_regression": MODELS["logistic_regression"] | {"params": {"C": 0.01}}
    }
    write_config(predicted, pinned, models=models)
    predicted.run()
    assert runs(predicted)[-1] != first
    new = predictions(predicted)
    assert [row["row_id"] for row in new] == [row["row_id"] for row in old]
    assert [row["probability"] for row in new] != [row["probability"] for row in old]
    assert (predicted.folder / path).stat().st_mtime_ns == before
    write_config(predicted)
    predicted.run()


def test_a_batch_that_cannot_be_predicted_is_told_and_the_others_are(predicted):
    predicted.write("good.csv", BATCH)
    predicted.write("lacking.csv", BATCH.replace("weight", "mass"))
    predicted.write("spoilt.csv", BATCH + "heavy,1,red,yes\n")
    batches = {name: {"input": f"{name}.csv"} for name in ("good", "lacking", "spoilt", "nowhere")}
    batches["january"] = {"input": "january.csv"}
    batches["emptied"] = {"input": "spoilt.csv", "on_bad_rows": "null"}
    write_config(predicted, batches)
    done = predicted.snakemake("--keep-going")
    assert done.returncode == 1
    told = " ".join(done.stdout.split())
    assert "lacking.csv lacks the column 'weight'" in told
    assert "Column 'size', expected a number: row_id 30 has 'heavy'" in told
    assert "nowhere.csv: there is no such file" in told
    folder = predicted.folder / "results/small/predictions"
    files = {path.name.removesuffix(".check.json") for path in folder.iterdir()}
    assert not files & {"lacking.csv", "spoilt.csv", "nowhere.csv"}
    assert files >= {"emptied.csv", "good.csv"}
    assert rows_of(folder / "emptied.csv")[30]["reason"] == "size: 'heavy' is not a number"
    write_config(predicted)


BAD_CONFIGS = {
    "another table": (
        {"a": {"input": "a.csv", "dataset": "x"}},
        "names x, which is not in `datasets`",
    ),
    "no input": ({"a": {"run": "latest"}}, "predictions.a"),
    "a bad name": ({"A b": {"input": "a.csv"}}, "lowercase letters"),
    "a path for a run": ({"a": {"input": "a.csv", "run": "../../x"}}, "latest, or a run id"),
    "one output twice": (
        {"a": {"input": "a.csv", "output": "o.csv"}, "b": {"input": "b.csv", "output": "o.csv"}},
        "is the output of the batch a too",
    ),
    "the input as output": (
        {"a": {"input": "a.csv", "output": "a.csv"}},
        "is the input of the batch a",
    ),
    "the table as output": (
        {"a": {"input": "a.csv", "output": "table.csv"}},
        "is the table of small",
    ),
}


@pytest.mark.parametrize(("predictions", "message"), BAD_CONFIGS.values(), ids=BAD_CONFIGS)
def test_bad_batches_in_the_config_are_refused(predictions, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = {"datasets": {"small": SMALL}, "predictions": predictions, "models": MODELS}
    with pytest.raises(InputError, match=re.escape(message)):
        checked_config(config, load_yaml(ROOT / "workflow/schemas/config.schema.yaml"))


def test_a_table_that_is_not_published_has_no_latest_run(project):
    write_config(project, register=False)
    done = project.snakemake("--dry-run")
    assert done.returncode == 1
    assert "`register` of small is false" in " ".join(done.stdout.split())
