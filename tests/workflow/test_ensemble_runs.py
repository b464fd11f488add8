"""The ensemble on its way through the workflow, as one model more."""

import pytest
from running import rows_of, small_table

from ml_baseline.registry import find_run
from ml_baseline.registry.golden import verify_run

# Trees with thresholds drawn at random: their mean is better than each of them.
MODELS = {"dummy": {"estimator": "sklearn.dummy.DummyClassifier"}} | {
    name: {
        "estimator": "sklearn.tree.DecisionTreeClassifier",
        "params": {"splitter": "random", "max_depth": 4, "random_state": number},
        "preprocessing": "tree",
    }
    for number, name in enumerate(("ash", "elm", "oak"))
}
SMALL = {"table": "table.csv", "target": "answer", "plots": []}
RESULTS = "results/small"


def write(project):
    project.write("table.csv", small_table(rows=400))
    project.write_config(
        datasets={"small": SMALL | {"naive": True, "controls": True}},
        models=MODELS,
        select_by="log_loss",
        augment={"method": "none"},
    )


@pytest.fixture(scope="module")
def mixed(module_project):
    write(module_project)
    module_project.said = module_project.run(cores=1)
    return module_project


def test_it_is_one_row_more(mixed):
    board = {row["model"]: row for row in rows_of(mixed.folder / RESULTS / "metrics.csv")}
    assert set(board) == {*MODELS, "ensemble"}
    assert board["ensemble"]["selected"] == "true"
    assert "ensemble" in mixed.said
    drawn = rows_of(mixed.folder / RESULTS / "curves/roc.csv")
    assert "ensemble" in {row["model"] for row in drawn}
    assert rows_of(mixed.folder / RESULTS / "importance.csv")
    # What is fitted anew by another protocol, or looked at for leaks, are its members.
    assert {row["model"] for row in rows_of(mixed.folder / RESULTS / "naive.csv")} == set(MODELS)
    controls = rows_of(mixed.folder / RESULTS / "controls.csv")
    assert {row["model"] for row in controls} == {*MODELS, "ensemble"}


def test_members_and_weights_are_told(mixed):
    weights = rows_of(mixed.folder / RESULTS / "seed42/ensemble.csv")
    assert {row["model"] for row in weights} == set(MODELS)
    members = {row["model"]: float(row["weight"]) for row in weights if float(row["weight"])}
    assert sum(members.values()) == pytest.approx(1)
    assert len(members) > 1
    page = (mixed.folder / RESULTS / "report.html").read_text(encoding="utf-8")
    assert "What the ensemble is made of" in page
    run = find_run("latest", mixed.folder / "results", "small")
    assert run.meta["fit"] == {"on": "all", "rows": 400}
    told = run.meta["model"]
    assert {m["name"]: m["weight"] for m in told["members"]} == members
    assert all(m["estimator"] == MODELS[m["name"]]["estimator"] for m in told["members"])
    card = (run.folder / "README.md").read_text(encoding="utf-8")
    heaviest = weights[0]["model"]
    assert "Its probability is the weighted mean of that of" in card
    assert f"`{heaviest}` ({float(weights[0]['weight']):.0%}".replace("%", " %") in card


def test_it_predicts_as_published(mixed):
    run = find_run("latest", mixed.folder / "results", "small")
    verified = verify_run(run)
    assert verified["ok"], verified
    assert verified["golden_rows"] == 20


def test_the_same_bytes_on_four_cores(mixed, project):
    write(project)
    project.run(f"{RESULTS}/metrics.csv", cores=4)
    made = project.checksums()
    assert f"{RESULTS}/seed42/models/ensemble.joblib" in made
    assert made.items() <= mixed.checksums().items()


def test_one_that_nothing_is_combined_for_is_not_made(project):
    project.write("table.csv", small_table())
    few = {name: MODELS[name] for name in ("dummy", "elm")}
    project.write_config(datasets={"small": SMALL}, models=few, report=False)
    said = project.run("-n")
    assert "train_elm" in said
    assert "ensemble" not in said
    project.write_config(datasets={"small": SMALL}, models=MODELS, ensemble=False)
    assert "ensemble" not in project.run("-n")


def test_in_time_order_the_earliest_rows_are_in_none(project):
    header, *lines = small_table(rows=200).splitlines()
    dated = [f"2024-{1 + i // 20:02}-{1 + i % 20:02},{line}" for i, line in enumerate(lines)]
    project.write("table.csv", "\n".join([f"day,{header}", *dated, ""]))
    project.write_config(
        datasets={"small": SMALL | {"time": "day", "split": {"strategy": "time"}}},
        models=MODELS,
        report=False,
    )
    project.run(f"{RESULTS}/metrics.csv")
    folder = project.folder / RESULTS / "seed42/oof"
    ids = [[row["row_id"] for row in rows_of(folder / f"{m}.csv")] for m in ("elm", "ensemble")]
    assert ids[0] == ids[1]
    assert len(ids[0]) < 160
    board = rows_of(project.folder / RESULTS / "metrics.csv")
    assert "ensemble" in {row["model"] for row in board if row["status"] == "fitted"}
