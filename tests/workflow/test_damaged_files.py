"""What was damaged or put among the workflow's files is made again in the same run, unread."""

import os
import pickle

from running import small_table

from ml_baseline.records import keep_record
from ml_baseline.seal import KEY_VARIABLE

DATA, RESULTS = "data/processed/small", "results/small"


class RunsCode:
    def __reduce__(self):
        return (os.mkdir, (os.environ["RAN"],))


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def first_lines(path):
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:5]))


def line_more(path):
    path.write_text(path.read_text() + "xxx\n")


def cell_edited(path):
    path.write_text(path.read_text().replace("red", "green", 1))


def strangers_pickle(path):
    path.write_bytes(pickle.dumps(RunsCode()))


# A model that even has a record, sealed by a key that is the stranger's.
RECORDED = f"{RESULTS}/seed42/models/dummy.joblib"
# What happens to which file.
DAMAGES = {
    f"{DATA}/cleaned_data.csv": cell_edited,
    f"{DATA}/input_schema.json": half,
    f"{DATA}/seed42/train.csv": first_lines,
    f"{DATA}/seed42/holdout.csv": line_more,
    f"{DATA}/seed42/augmented_data.csv": first_lines,
    f"{RESULTS}/seed42/oof/dummy.csv": line_more,
    RECORDED: strangers_pickle,
    f"{RESULTS}/seed42/models/logistic_regression.joblib": strangers_pickle,
    f"{RESULTS}/refit.joblib": half,
    f"{RESULTS}/seed42/holdout_predictions.csv": first_lines,
    f"{RESULTS}/seed42/metrics.csv": half,
    f"{RESULTS}/audit.csv": first_lines,
    f"{RESULTS}/metrics.csv": line_more,
    f"{RESULTS}/curves/roc.csv": first_lines,
    f"{RESULTS}/report.html": half,
}


def test_what_is_damaged_is_made_again_and_nothing_of_it_is_used(project, monkeypatch, tmp_path):
    ran = tmp_path / "ran"  # the folder that the stranger's pickle makes when it is loaded
    monkeypatch.setenv("RAN", str(ran))
    project.write("table.csv", small_table())
    project.write_config(
        datasets={"small": {"table": "table.csv", "target": "answer", "plots": []}}
    )
    project.run()
    before = project.checksums()
    runs = list((project.folder / RESULTS / "runs").iterdir())
    for path, damage in DAMAGES.items():
        damage(project.folder / path)
    with monkeypatch.context() as patch:
        patch.setenv(KEY_VARIABLE, str(tmp_path / "strangers.key"))
        patch.chdir(project.folder)
        keep_record(RECORDED)
    planned = project.run("--dry-run")
    assert "not as the workflow wrote them" in planned
    assert f"and {len(DAMAGES) - 5} more" in planned
    said = project.run()
    # What no run of this account has written is not kept.
    for path in DAMAGES.keys() - {RECORDED}:
        assert f"{path}: the changed file is kept as {path}.changed" in said
        (project.folder / f"{path}.changed").unlink()
    assert project.checksums() == before
    assert list((project.folder / RESULTS / "runs").iterdir()) == runs
    assert not ran.exists()
    assert "Nothing to be done" in project.run()
