"""Which files a prediction may write: only new ones, and those that a prediction wrote before."""

import os
from pathlib import Path

import pytest

from ml_baseline.config.configuration import checked_config
from ml_baseline.config.paths import (
    CHECKOUT,
    are_results,
    in_predictions,
    output_problem,
    require_output,
    resolved,
    same_path,
    whole_prediction,
)
from ml_baseline.config.text import load_yaml
from ml_baseline.errors import InputError

SCHEMA = load_yaml(CHECKOUT / "workflow" / "schemas" / "config.schema.yaml")

READS = {"data/raw/churn.csv": "the table of churn", "new.csv": "the input"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in, with a table, links to it and a published run; everything is precious."""
    here = tmp_path / "here"
    for name in ("data/raw/churn.csv", "new.csv", "config/config.yaml", "results/metrics.csv"):
        file = here / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("precious")
    run = here / "results/churn/runs/2026-01-01T00-00-00Z__classification__seed42"
    run.mkdir(parents=True)
    (run / "run_meta.json").write_text("{}")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "run_meta.json").write_text("{}")
    (here / "link.csv").symlink_to(here / "data/raw/churn.csv")
    (here / "linked").symlink_to(here / "data/raw")
    (here / "dangling.csv").symlink_to(here / "nowhere.csv")
    (here / "hard.csv").hardlink_to(here / "data/raw/churn.csv")
    monkeypatch.chdir(here)
    return here


OURS = {"checkout": CHECKOUT, "rules": CHECKOUT / "workflow/rules"}
REFUSED = {
    "data/raw/churn.csv": "is the table of churn",
    "./data/raw/churn.csv": "is the table of churn",
    "data/../data/raw//churn.csv": "is the table of churn",
    "{here}/data/raw/churn.csv": "is the table of churn",
    "{here}/../here/data/raw/churn.csv": "is the table of churn",
    "link.csv": "is the table of churn",
    "linked/churn.csv": "is the table of churn",
    "data/raw/CHURN.csv": "is the table of churn",
    "new.csv": "is the input",
    "hard.csv": "no prediction wrote it",
    "dangling.csv": "is a link to",
    "data": "is a folder",
    "new.csv/out.csv": "is a file, not a folder",
    "~/out.csv": "starts with ~",
    "~somebody/out.csv": "starts with ~",
    "results/out.csv": "lies in results",
    "results/churn/metrics.csv": "lies in results",
    "results/churn/predictions/deeper/x.csv": "lies in results",
    "data/processed/churn/cleaned_data.csv": "lies in data/processed",
    "Results/out.csv": "lies in results",
    "config/out.csv": "lies in config",
    ".snakemake/out.csv": "lies in .snakemake",
    "results/churn/runs/2026-01-01T00-00-00Z__classification__seed42/x.csv": "published run",
    "../elsewhere/x.csv": "published run",
    "{rules}/x.csv": "belongs to the workflow",
    "{checkout}/constraints.txt": "no prediction wrote it",
}


@pytest.mark.parametrize("path", REFUSED)
def test_what_is_not_a_predictions_to_write_is_refused(folder, path):
    expected = REFUSED[path]
    path = path.format(here=folder, **OURS)
    problem = output_problem(path, READS)
    assert problem is not None and expected in problem
    with pytest.raises(InputError, match=expected):
        require_output(path, READS)


@pytest.mark.parametrize(
    "path",
    [
        "out.csv",
        "data/raw/predicted.csv",
        "data/out.csv",
        "a/new/folder/out.csv",
        "docs/out.csv",
        "../out.csv",
        "linked/out.csv",
        "results/churn/predictions/january.csv",
        "/dev/null",
    ],
)
def test_a_new_file_may_be_written(folder, path):
    assert output_problem(path, READS) is None


def test_a_prediction_may_be_written_again(folder):
    for content in ("first", "second", "third"):
        assert output_problem("out.csv") is None
        with whole_prediction("out.csv") as temporary:
            temporary.write_text(content)
    assert Path("out.csv").read_text() == "third"
    assert output_problem("out.csv") is None


def test_an_edited_prediction_is_the_users(folder):
    with whole_prediction("out.csv") as temporary:
        temporary.write_text("predicted")
    Path("out.csv").write_text("predicted, and corrected by hand")
    assert "or it was edited since" in output_problem("out.csv")
    Path("out.csv").write_text("predicted")  # by its content, whatever the time stamp
    os.utime("out.csv", (1, 1))
    assert output_problem("out.csv") is None


def test_a_file_put_in_the_place_of_a_prediction_is_the_users(folder):
    with whole_prediction("out.csv") as temporary:
        temporary.write_text("predicted")
    stamp = Path("out.csv").stat()
    Path("out.csv").unlink()
    Path("out.csv").write_text("precious!")
    os.utime("out.csv", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert "no prediction wrote it" in output_problem("out.csv")


@pytest.mark.parametrize("killed", ["before", "after"])
def test_a_kill_around_the_renaming_leaves_a_file_that_may_be_replaced(folder, killed, monkeypatch):
    with whole_prediction("out.csv") as temporary:
        temporary.write_text("first")
    replace = Path.replace

    def stops(self, target):
        if Path(target).name != "out.csv":
            return replace(self, target)
        if killed == "after":
            replace(self, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", stops)
    with pytest.raises(KeyboardInterrupt), whole_prediction("out.csv") as temporary:
        temporary.write_text("second")
    assert Path("out.csv").read_text() == {"before": "first", "after": "second"}[killed]
    assert output_problem("out.csv") is None


def test_the_workflows_own_place_needs_no_record(folder):
    path = Path("results/churn/predictions/january.csv")
    for _ in range(2):
        with whole_prediction(path) as temporary:
            temporary.write_text("predicted")
    assert [file.name for file in path.parent.iterdir()] == ["january.csv"]
    assert in_predictions(path) and not in_predictions("predictions/january.csv")


def test_a_record_that_is_no_record_counts_for_nothing(folder):
    Path("out.csv").write_text("precious")
    for content in (b"", b"\xff\xfe", b"\n\n", b"precious"):
        Path(".out.csv.predicted").write_bytes(content)
        assert "no prediction wrote it" in output_problem("out.csv")


def test_results_of_the_workflow_are_told_from_a_users_tables(folder):
    made = ["results/churn/predictions/x.csv", "./data/processed/churn/seed42/train.csv"]
    own = ["data/processed/features.csv", "data/raw/churn.csv"]
    assert are_results(made + own, ["churn"]) == [True, True, False, False]


def test_paths_are_compared_by_what_they_resolve_to(folder):
    assert same_path("linked/churn.csv", folder / "data/raw/churn.csv")
    assert same_path("new/OUT.csv", "./new/../new/out.csv")
    assert not same_path("new/out.csv", "out.csv")
    assert resolved("linked/x.csv") == folder.resolve() / "data/raw/x.csv"


# --- In the config -------------------------------------------------------------------------------

JAN = {"input": "new.csv"}
FEB = {"input": "february.csv"}
BAD_BATCHES = {
    **{
        f"output {path}": ({"jan": JAN | {"output": path}}, expected)
        for path, expected in REFUSED.items()
        if path.endswith(".csv") and not path.endswith("new.csv")
    },
    "own input": ({"jan": JAN | {"output": "new.csv"}}, "is the input of the batch jan"),
    "another's input": (
        {"jan": JAN | {"output": "./february.csv"}, "feb": FEB},
        "of the batch feb",
    ),
    "default place as own input": (
        {"jan": {"input": "results/churn/predictions/jan.csv"}},
        "jan.input: results/churn/predictions/jan.csv is the input of the batch jan",
    ),
    "one output twice": (
        {"jan": JAN | {"output": "out.csv"}, "feb": FEB | {"output": "x/../out.csv"}},
        "feb.output: x/../out.csv is the output of the batch jan too",
    ),
    "one output twice, by case": (
        {"jan": JAN | {"output": "out.csv"}, "feb": FEB | {"output": "OUT.csv"}},
        "is the output of the batch jan too",
    ),
    "the default place of another": (
        {"jan": JAN, "feb": FEB | {"output": "results/churn/predictions/jan.csv"}},
        "is the output of the batch jan too",
    ),
    "one output inside another": (
        {"jan": JAN | {"output": "out.csv"}, "feb": FEB | {"output": "out.csv/feb.csv"}},
        "feb.output: out.csv/feb.csv lies in out.csv, the output of the batch jan",
    ),
    "a brace in the output": ({"jan": JAN | {"output": "{x}.csv"}}, "this has a brace"),
    "a brace in the input": ({"jan": {"input": "{x}.csv"}}, "this has a brace"),
}


@pytest.mark.parametrize("case", BAD_BATCHES)
def test_a_batch_that_would_harm_a_file_is_refused(folder, case):
    batches, expected = BAD_BATCHES[case]
    batches = {
        name: {
            key: value.format(here=folder, **OURS) if "{x}" not in value else value
            for key, value in batch.items()
        }
        for name, batch in batches.items()
    }
    table = {"table": "data/raw/churn.csv", "target": "precious"}
    with pytest.raises(InputError) as error:
        checked_config({"datasets": {"churn": table}, "predictions": batches}, SCHEMA)
    assert expected in str(error.value)
    told = [line for line in str(error.value).splitlines() if "there is no such file" not in line]
    assert len(told) == 2
    assert Path("data/raw/churn.csv").read_text() == "precious"


@pytest.mark.parametrize(
    "table",
    [
        "results/churn/predictions/jan.csv",
        "data/processed/churn/cleaned_data.csv",
        "data/../data/processed/churn/seed42/train.csv",
    ],
)
def test_a_table_that_is_a_result_is_refused(folder, table):
    config = {"datasets": {"churn": {"table": table, "target": "y"}}}
    with pytest.raises(
        InputError, match=r"datasets\.churn\.table: .* is a result of this workflow"
    ):
        checked_config(config, SCHEMA)


def test_sound_batches_are_let_through_and_jobs_do_not_ask_the_disk(folder):
    table = {"table": "data/raw/churn.csv", "target": "y"}
    with whole_prediction("predicted.csv") as temporary:
        temporary.write_text("predicted")
    Path("again.csv").symlink_to("predicted.csv")
    for output, refused in (("predicted.csv", False), ("again.csv", True)):
        given = {"datasets": {"churn": table}, "predictions": {"jan": JAN | {"output": output}}}
        if not refused:
            assert checked_config(given, SCHEMA)
            continue
        with pytest.raises(InputError, match=r"again\.csv is a link; name the file"):
            checked_config(given, SCHEMA)
    batches = {"jan": JAN, "feb": FEB | {"output": "out.csv"}}
    config = {"datasets": {"churn": table}, "predictions": batches}
    assert checked_config(config, SCHEMA)["predictions"]["feb"]["output"] == "out.csv"
    Path("out.csv").write_text("in the middle of being written")
    assert checked_config(config, SCHEMA, start=False)
