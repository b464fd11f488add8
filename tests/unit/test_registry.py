"""Published runs are found, checked before anything is loaded, verified and compared."""

import ast
import hashlib
import importlib.metadata
import json
import os
import shutil
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from publishing import NOON, publish_smallest, snapshot
from running import ROOT
from small_shop import publish_shop, shop

from ml_baseline import seal as seals
from ml_baseline.data.clean import clean, clean_features
from ml_baseline.data.infer_schema import infer_schema
from ml_baseline.errors import InputError
from ml_baseline.modelling.train import predict_probability
from ml_baseline.registry import find_run, list_runs, load_model
from ml_baseline.registry.contents import holdout_metrics, selection
from ml_baseline.registry.golden import choose_rows, make_golden, require_working, verify_run
from ml_baseline.registry.load import version_changes
from ml_baseline.registry.model_card import model_card
from ml_baseline.registry.overview import described, overview, run_differences
from ml_baseline.registry.predict import predict_rows
from ml_baseline.registry.predict_file import predict_file
from ml_baseline.registry.runs import open_run, plain_file, touch_latest
from ml_baseline.scoring.metrics import METRICS

RUN_ID = "2026-01-01T12-00-00Z__classification__seed42"


@pytest.fixture
def results(published, tmp_path) -> Path:
    """A copy of it that a test may spoil."""
    return Path(shutil.copytree(published, tmp_path / "results"))


METRIC_COLUMNS = [f"{name}{end}" for name in METRICS for end in ("", "_low", "_high")]


def folder_of(results: Path) -> Path:
    return results / "shop" / "runs" / RUN_ID


class Evil:
    """Something that creates a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return (open, (str(self.marker), "w"))


def plant(results: Path, marker: Path, with_hash: bool) -> None:
    """Replace the model by one that runs code, and if asked its hash in the manifest too."""
    model = folder_of(results) / "model/model.joblib"
    joblib.dump(Evil(marker), model)
    if with_hash:
        manifest = folder_of(results) / "run_meta.json"
        meta = json.loads(manifest.read_text())
        meta["files"]["model/model.joblib"] = hashlib.sha256(model.read_bytes()).hexdigest()
        manifest.write_text(json.dumps(meta))


# Each module of the registry knows those before it and none behind.
ARROWS = (
    *(
        "environment",
        "manifest",
        "runs",
        "load",
        "batch_check",
        "predict",
        "golden",
        "predict_file",
    ),
    *("overview", "contents", "markdown", "model_card", "publish", "shipping"),
)


def test_imports_of_the_registry_point_one_way():
    folder = ROOT / "workflow/ml_baseline/registry"
    assert {path.stem for path in folder.glob("*.py")} == {*ARROWS, "__init__"}
    for place, name in enumerate(ARROWS):
        known = set()
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "ml_baseline.registry":
                known |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module.startswith("ml_baseline."):
                room, *module = node.module.split(".")[1:]
                known |= {module[0]} if room == "registry" else set()
                assert room not in ("cli", "serve", "jobs", "report"), (name, node.module)
        assert known <= set(ARROWS[:place]), name


# --- finding -------------------------------------------------------------------------------------


def test_a_run_is_found_by_id_by_latest_and_by_path(results):
    by = [find_run(name, results) for name in (RUN_ID, "latest", str(folder_of(results)))]
    assert {run.run_id for run in by} == {RUN_ID}
    assert {run.dataset for run in by} == {"shop"}
    assert by[0].schema["target"] == "bought" and by[0].sealed
    assert find_run("latest", results, "shop") == by[1]


def test_latest_of_all_tables_is_the_one_published_or_trained_last(results):
    publish_smallest(results / "other" / "runs")
    for dataset, time in (("shop", 1_000_000_000), ("other", 1_000_000_001)):
        os.utime(results / dataset / "runs" / "latest.txt", (time, time))
    assert find_run("latest", results).dataset == "other"
    touch_latest(results / "shop" / "runs")
    assert find_run("latest", results).dataset == "shop"
    assert find_run("latest", results, "other").dataset == "other"


def test_the_same_id_in_two_tables_needs_the_table(results):
    publish_smallest(results / "other" / "runs", now=lambda: NOON)
    with pytest.raises(InputError, match="--dataset other or shop"):
        find_run(RUN_ID, results)
    assert find_run(RUN_ID, results, "other").dataset == "other"


@pytest.mark.parametrize(
    "name",
    [
        "../../shop/runs/" + RUN_ID,
        f"../{RUN_ID}",
        RUN_ID + "/../" + RUN_ID,
        "/etc/passwd",
        "",
        ".",
        "..",
        "2026-01-01T12-00-00Z__classification__seed42\n",
        "2026-01-01T12-00-00Z__classification__seed42/",
        "2026-01-01T12-00-00Z__classification__seed٤٢",
        "2026-01-01T12-00-00Z__classification__seed42-",
        "x\0y",
        "latest.txt",
        ".publishing-abc",
    ],
)
def test_names_that_are_no_run_are_refused(results, name, monkeypatch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="there is no run"):
        find_run(name, results)


@pytest.mark.parametrize("dataset", ["..", "../results/shop", "shop/runs", "", "a b", "s\0", "-x"])
def test_names_that_are_no_table_are_refused(results, dataset):
    for name in ("latest", RUN_ID):
        with pytest.raises(
            InputError, match=r"cannot be the name of a table|no published run|no run"
        ):
            find_run(name, results, dataset)


@pytest.mark.parametrize("text", ["../../../etc", "", "a\nb", RUN_ID + "/..", "x" * 10_000])
def test_a_pointer_that_is_no_run_id_is_refused(results, text):
    (results / "shop/runs/latest.txt").write_text(text)
    with pytest.raises(InputError, match=r"expected a run id"):
        find_run("latest", results)


def test_a_pointer_to_a_run_that_is_gone_says_what_to_do(results):
    shutil.rmtree(folder_of(results))
    with pytest.raises(InputError, match="does not exist"):
        find_run("latest", results)


def test_a_table_that_was_nearly_named_is_asked_for(results):
    with pytest.raises(InputError, match=r"the table shpo has no published run .*mean shop\?"):
        find_run("latest", results, "shpo")


def test_a_pointer_that_is_a_link_is_neither_followed_nor_touched(results, tmp_path):
    (tmp_path / "mine.txt").write_text(RUN_ID)
    os.utime(tmp_path / "mine.txt", (1, 1))
    pointer = results / "shop/runs/latest.txt"
    pointer.unlink()
    pointer.symlink_to(tmp_path / "mine.txt")
    with pytest.raises(InputError, match="symbolic link"):
        find_run("latest", results)
    touch_latest(results / "shop/runs")
    publish_shop(results / "shop/runs")
    assert (tmp_path / "mine.txt").stat().st_mtime == 1
    assert (tmp_path / "mine.txt").read_text() == RUN_ID and not pointer.is_symlink()


def test_nothing_published_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match="ml-baseline train"):
        find_run("latest", tmp_path / "results")
    with pytest.raises(InputError, match="no published runs"):
        find_run(RUN_ID, tmp_path / "results")
    assert list_runs(tmp_path / "results") == []


@pytest.mark.parametrize(
    "change",
    [
        {"run_id": "../../evil"},
        {"run_id": RUN_ID.replace("42", "43")},
        {"dataset": "../x"},
        {"format": 99},
        {"files": {"../../../etc/passwd": "0"}},
        {"files": {"/etc/passwd": "0"}},
        {"files": {"model\\..\\x": "0"}},
        {"files": {"C:/x": "0"}},
        {"files": {"model/../../x": "0"}},
        {"files": ["model"]},
        {"files": {"model/model.joblib": 3}},
        {"packages": None},
        {"threshold": "0.5"},
    ],
)
def test_a_manifest_that_this_program_does_not_write_is_refused(results, change):
    manifest = folder_of(results) / "run_meta.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))
    with pytest.raises(InputError):
        find_run(RUN_ID, results, trusted=True)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"null", b"[" * 100_000])
def test_a_damaged_manifest_is_an_input_error(results, content):
    (folder_of(results) / "run_meta.json").write_bytes(content)
    with pytest.raises(InputError, match="--trust"):
        find_run(RUN_ID, results)
    with pytest.raises(InputError, match="damaged"):
        find_run(RUN_ID, results, trusted=True)
    assert list_runs(results) == []


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../b", "a//b", "", ".", "a\\b", "a\0"])
def test_reading_stays_inside_the_run(results, name):
    with pytest.raises(InputError, match="not a path inside a run"):
        plain_file(folder_of(results), name)


# --- loading -------------------------------------------------------------------------------------


def test_a_loaded_model_predicts_what_it_did_in_the_holdout(results):
    run = find_run("latest", results)
    model = load_model(run)
    table, _ = clean_features(shop(), run.schema)
    expected = pd.read_csv(run.folder / "tables/holdout_predictions.csv").set_index("row_id")
    rows = table[table["row_id"].isin(expected.index)]
    found = predict_probability(model, rows, run.schema)
    assert found == pytest.approx(expected.loc[rows["row_id"], "probability"].to_numpy(), abs=1e-12)


def test_a_changed_model_is_refused_before_it_is_unpickled(results, tmp_path):
    marker = tmp_path / "code was run"
    plant(results, marker, with_hash=False)
    for trusted in (False, True):
        with pytest.raises(InputError, match="not the file that was published"):
            load_model(find_run(RUN_ID, results, trusted=trusted))
    assert not marker.exists()


def test_a_model_changed_together_with_its_hash_is_refused_too(results, tmp_path):
    marker = tmp_path / "code was run"
    plant(results, marker, with_hash=True)
    with pytest.raises(InputError, match="--trust"):
        load_model(find_run(RUN_ID, results))
    assert not marker.exists()
    # The danger is real: whoever vouches for it runs it.
    load_model(find_run(RUN_ID, results, trusted=True))
    assert marker.exists()


def test_a_run_published_from_another_account_is_loaded_only_if_trusted(
    results, tmp_path, monkeypatch
):
    monkeypatch.setenv(seals.KEY_VARIABLE, str(tmp_path / "another.key"))
    for make_key in (False, True):
        seals.seal_of(b"", make_key=make_key)
        with pytest.raises(InputError, match="not published from this account"):
            find_run(RUN_ID, results)
    run = find_run(RUN_ID, results, trusted=True)
    assert not run.sealed and hasattr(load_model(run), "predict_proba")


def test_a_run_without_a_seal_is_loaded_only_if_trusted(results):
    (folder_of(results) / "seal.txt").unlink()
    with pytest.raises(InputError, match=f"no seal.*{seals.KEY_VARIABLE}.*--trust"):
        find_run(RUN_ID, results)
    load_model(find_run(RUN_ID, results, trusted=True))


@pytest.mark.parametrize("seal", ["", "0" * 64, "ü", "x" * 1000])
def test_a_made_up_seal_does_not_fit(results, seal):
    (folder_of(results) / "seal.txt").write_text(seal)
    with pytest.raises(InputError, match="--trust"):
        find_run(RUN_ID, results)
    assert not find_run(RUN_ID, results, trusted=True).sealed


def test_a_run_that_was_moved_is_still_this_accounts_own(results, tmp_path):
    moved = tmp_path / "kept"
    folder_of(results).rename(moved)
    assert hasattr(load_model(find_run(str(moved), results)), "predict_proba")


@pytest.mark.parametrize("name", ["model/model.joblib", "model", "run_meta.json", "seal.txt"])
def test_symbolic_links_in_a_run_are_refused(results, tmp_path, name):
    path = folder_of(results) / name
    target = tmp_path / "target"
    path.rename(target)
    path.symlink_to(target)
    with pytest.raises(InputError):
        load_model(find_run(RUN_ID, results))


def test_a_link_in_place_of_a_run_is_refused(results, tmp_path):
    folder_of(results).rename(tmp_path / "elsewhere")
    folder_of(results).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="symbolic link"):
        find_run(RUN_ID, results)


def test_a_changed_schema_is_refused(results):
    path = folder_of(results) / "schema/input_schema.json"
    path.write_text(path.read_text().replace("'yes'", "'no'") + " ")
    with pytest.raises(InputError, match="not the file that was published"):
        find_run(RUN_ID, results)


def test_a_model_that_these_packages_cannot_load_says_which_versions_it_needs(results):
    run = find_run(RUN_ID, results, trusted=True)
    path = run.folder / "model/model.joblib"
    path.write_bytes(b"no pickle at all")
    run.meta["files"]["model/model.joblib"] = hashlib.sha256(path.read_bytes()).hexdigest()
    run.meta["packages"]["scikit-learn"] = "0.1"
    with pytest.raises(InputError, match=r"scikit-learn was 0\.1 and is .*pip_freeze"):
        load_model(run)


# --- verifying -----------------------------------------------------------------------------------


def test_an_untouched_run_verifies(published):
    before = snapshot(published)
    found = verify_run(find_run("latest", published))
    assert found["ok"] and found["problems"] == []
    assert found["golden_rows"] == 20 and found["largest_difference"] <= 1e-12
    assert snapshot(published) == before


@pytest.mark.parametrize(
    "name", ["README.md", "env/pip_freeze.txt", "tables/holdout_predictions.parquet"]
)
def test_any_changed_byte_is_found(results, name):
    path = folder_of(results) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found = verify_run(open_run(folder_of(results)))
    assert not found["ok"] and list(found["changed_files"]) == [name]
    assert found["largest_difference"] is None  # nothing was loaded


def test_missing_additional_and_linked_files_are_found(results):
    folder = folder_of(results)
    (folder / "README.md").unlink()
    (folder / "model/extra.py").write_text("x")
    (folder / "link").symlink_to("/etc")
    found = verify_run(open_run(folder))["changed_files"]
    assert found == {
        "README.md": "missing",
        "link": "a symbolic link",
        "model/extra.py": "not part of the published run",
    }


def test_other_predictions_are_found_and_the_versions_named(results, monkeypatch):
    run = find_run(RUN_ID, results)
    monkeypatch.setattr(
        "ml_baseline.registry.environment._version",
        lambda name: "99.0" if name == "scikit-learn" else importlib.metadata.version(name),
    )
    assert version_changes(run) == [
        f"scikit-learn was {run.meta['packages']['scikit-learn']} and is 99.0"
    ]
    assert verify_run(run)["ok"]  # another version that predicts the same is no problem
    monkeypatch.setattr(
        "ml_baseline.registry.golden.predict_rows",
        lambda *arguments: (predict_rows(*arguments)[0] + 1e-6, None, None),
    )
    found = verify_run(run)
    assert not found["ok"] and found["largest_difference"] == pytest.approx(1e-6)
    assert "scikit-learn was" in found["problems"][0] and "99.0" in found["problems"][0]


class Broken:
    """A model that loads, and breaks when it predicts: an attribute is missing in another version."""

    classes_ = (0, 1)

    def predict_proba(self, table):
        return self.attribute_of_another_version


class Unsure(Broken):
    """A model that gives no numbers."""

    def predict_proba(self, table):
        return np.full((len(table), 2), np.nan)


@pytest.mark.parametrize(("model", "why"), [(Broken, "AttributeError"), (Unsure, "not numbers")])
def test_a_model_that_cannot_predict_here_is_one_message_with_the_remedy(
    results, monkeypatch, model, why
):
    run = find_run(RUN_ID, results)
    then = run.meta["packages"]["scikit-learn"]
    monkeypatch.setattr(
        "ml_baseline.registry.environment._version",
        lambda name: "1.7.2" if name == "scikit-learn" else importlib.metadata.version(name),
    )
    monkeypatch.setattr("ml_baseline.registry.predict_file.load_model", lambda run: model())
    shop().to_csv(results / "batch.csv", index=False)
    with pytest.raises(InputError) as caught:
        predict_file(run, results / "batch.csv", results / "out.csv")
    message = str(caught.value)
    assert why in message and f"scikit-learn was {then} and is 1.7.2" in message
    assert f"`pip install scikit-learn=={then}`" in message
    assert not (results / "out.csv").exists()


def test_versions_that_predict_the_same_or_otherwise_are_said(results, monkeypatch):
    run = find_run(RUN_ID, results)
    model = load_model(run)
    assert require_working(run, model) == ""
    monkeypatch.setitem(run.meta["packages"], "scikit-learn", "1.0")
    assert "rows are predicted as before" in require_working(run, model)
    monkeypatch.setattr(
        "ml_baseline.registry.golden.predict_rows",
        lambda *arguments: (predict_rows(*arguments)[0] * 0.99, None, None),
    )
    said = require_working(run, model)
    assert "predicts differently" in said and "scikit-learn was 1.0" in said
    assert "scikit-learn==1.0" in said


def test_golden_rows_span_all_probabilities_and_hold_no_ids(published):
    run = find_run("latest", published)
    golden = json.loads((run.folder / "golden/golden_rows.json").read_text())
    predictions = pd.read_csv(run.folder / "tables/holdout_predictions.csv")
    assert min(golden["probability"]) == pytest.approx(predictions["probability"].min())
    assert max(golden["probability"]) == pytest.approx(predictions["probability"].max())
    assert golden["columns"] == ["visits", "amount", "city", "joined"]
    raw = shop()
    for row_id, row in zip(golden["row_id"], golden["rows"], strict=True):
        assert row == raw.loc[row_id, golden["columns"]].tolist()


def test_few_rows_are_all_golden():
    predictions = pd.DataFrame({"row_id": [5, 3, 9], "probability": [0.5, 0.1, 0.5]})
    assert choose_rows(predictions)["row_id"].tolist() == [3, 5, 9]


def test_a_model_that_predicts_at_random_is_not_published():
    raw = shop()
    schema = infer_schema(raw, {"target": "bought", "id": "customer"}, "shop")
    table, _ = clean(raw, schema)
    random = np.random.default_rng(0)

    class Dice:
        classes_ = (0, 1)

        def predict_proba(self, table):
            ones = random.random(len(table))
            return np.column_stack([1 - ones, ones])

    predictions = pd.DataFrame({"row_id": table["row_id"], "probability": 0.5})
    with pytest.raises(InputError, match="predicts at random cannot be published"):
        make_golden(Dice(), raw, schema, predictions)


def test_a_model_whose_predictions_depend_on_each_other_says_so_in_its_card(published):
    raw = shop()
    schema = infer_schema(raw, {"target": "bought", "id": "customer"}, "shop")
    table, _ = clean(raw, schema)

    class Ranks:
        classes_ = (0, 1)

        def predict_proba(self, table):
            ones = table["amount"].rank(pct=True).to_numpy()
            return np.column_stack([1 - ones, ones])

    whole = Ranks().predict_proba(table)[:, 1]
    predictions = pd.DataFrame({"row_id": table["row_id"], "probability": whole})
    golden = make_golden(Ranks(), raw, schema, predictions)
    assert golden["difference_from_holdout"] > 0.01
    run = find_run("latest", published)
    assert run.meta["golden"] == {"rows": 20, "difference_from_holdout": 0.0}
    metrics = json.loads((run.folder / "metrics/holdout_metrics.json").read_text())
    warning = "depends on which rows are predicted with it"
    assert warning not in model_card(run.meta, run.schema, metrics)
    meta = run.meta | {"golden": {"rows": 20, "difference_from_holdout": 0.02}}
    assert warning in model_card(meta, run.schema, metrics)


# --- showing and comparing -----------------------------------------------------------------------


def test_the_files_of_a_run(published):
    assert set(snapshot(folder_of(published))) == {
        "README.md",
        "env/pip_freeze.txt",
        "golden/golden_rows.json",
        "metrics/baseline_holdout_metrics.json",
        "metrics/holdout_metrics.json",
        "model/model.joblib",
        "run_meta.json",
        "schema/input_schema.json",
        "seal.txt",
        "tables/holdout_predictions.csv",
        "tables/holdout_predictions.parquet",
    }


def test_metrics_stand_side_by_side_with_their_intervals(published):
    metrics = json.loads((folder_of(published) / "metrics/holdout_metrics.json").read_text())
    for part, name in (("model", "logistic_regression"), ("baseline", "dummy")):
        assert metrics[part]["name"] == name and metrics[part]["threshold"] == 0.5
        for metric in ("roc_auc", "pr_auc", "accuracy", "precision", "recall", "f1"):
            figure = metrics[part][metric]
            assert figure["low"] <= figure["value"] <= figure["high"]
    predictions = pd.read_csv(folder_of(published) / "tables/holdout_predictions.csv")
    assert list(predictions) == ["row_id", "customer", "target", "probability", "prediction"]
    right = (predictions["prediction"] == predictions["target"]).mean()
    assert metrics["model"]["accuracy"]["value"] == pytest.approx(right)
    baseline = json.loads(
        (folder_of(published) / "metrics/baseline_holdout_metrics.json").read_text()
    )
    assert baseline["baseline"] == metrics["baseline"]
    parquet = pd.read_parquet(folder_of(published) / "tables/holdout_predictions.parquet")
    assert parquet["probability"].tolist() == predictions["probability"].tolist()


def test_the_manifest_says_what_made_the_run(published):
    meta = find_run("latest", published).meta
    assert meta["split"]["train_rows"] + meta["split"]["holdout_rows"] == 200
    assert meta["code"].keys() == {"version", "commit", "dirty"}
    assert (
        meta["packages"]["scikit-learn"]
        in (folder_of(published) / "env/pip_freeze.txt").read_text()
    )
    assert "highest out-of-fold roc_auc" in meta["selection"]["why"]
    assert meta["config"]["models"].keys() == {"dummy", "logistic_regression"}


def test_the_list_shows_the_newest_first_and_which_is_latest(results):
    second = publish_shop(results / "shop" / "runs", note="other")
    lines = overview(results)
    assert [line["run_id"] for line in lines] == [second, RUN_ID]
    assert [line["latest"] for line in lines] == [True, False]
    assert lines[0]["metric"] == "roc_auc" and lines[0]["low"] <= lines[0]["value"]
    assert lines[0]["audit"] == "warn"
    (folder_of(results) / "metrics/holdout_metrics.json").write_text("{}")
    changed = overview(results)[1]
    assert changed["value"] is None and "not the file that was published" in changed["problem"]


def test_the_card_is_shown_only_as_it_was_published(results):
    run = find_run(RUN_ID, results)
    assert described(run)["card"].startswith("# shop: bought")
    (run.folder / "README.md").write_text("# The best model ever\n")
    with pytest.raises(InputError, match="not the file that was published"):
        described(run)


def test_runs_are_compared(results):
    second = publish_shop(results / "shop" / "runs", random_state=1, threshold=0.4)
    runs = [find_run(name, results) for name in (RUN_ID, second)]
    found = run_differences(*runs)
    assert found["runs"] == [RUN_ID, second]
    assert found["differences"]["config.threshold"] == [None, 0.4]
    assert "roc_auc" in found["metrics"] and not found["same_content"]
    assert found["metrics"]["roc_auc"][0] != found["metrics"]["roc_auc"][1]
    same = run_differences(runs[0], runs[0])
    assert same["same_content"] and same["same_rows"] and same["differences"] == {}


def test_loading_does_not_warn(published):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_model(find_run("latest", published))


def test_models_that_could_not_be_fitted_have_no_figures():
    """As the tables tell of them: a row without metrics, `status` failed."""
    metrics = pd.DataFrame(
        {"dataset": "x", "seed": 42, "model": ["good", "dummy"], "rows": [40, np.nan]}
        | {name: [0.5, np.nan] for name in METRIC_COLUMNS}
        | {
            "prevalence": [0.5, np.nan],
            "status": ["fitted", "failed"],
            "roc_auc_reliable": [True, None],
        }
    )
    board = pd.DataFrame(
        {"model": ["good", "dummy"], "selected": [True, False], "oof_roc_auc": [0.7, np.nan]}
        | {f"baseline_{name}": np.nan for name in ("difference", "low", "high", "p_adjusted")}
        | {"seeds": [1, np.nan], "verdict": [np.nan, "failed"]}
    )
    settings = {"baseline": "dummy", "threshold": 0.5, "level": 0.95, "select_by": "roc_auc"}
    together, baseline = holdout_metrics(metrics, board, settings)
    unsure = {"reliable": False}
    assert together["model"]["f1"] == {"value": 0.5, "low": 0.5, "high": 0.5} | unsure
    assert together["baseline"]["f1"] == dict.fromkeys(("value", "low", "high")) | unsure
    assert (together["model"]["reliable"], together["baseline"]["reliable"]) == (True, False)
    assert baseline["baseline"] == together["baseline"]
    assert together["against_baseline"]["difference"] is None
    json.dumps([together, baseline], allow_nan=False)
    why = selection(board, "roc_auc")["why"]
    assert "of the 1 model tried (dummy could not be fitted)" in why
    mixed = board.assign(model=["ensemble", "good"], oof_log_loss=[0.7, 0.69])
    words = "none of the 2 models tried is shown to have a lower out-of-fold log_loss (0.7000)"
    assert words in selection(mixed, "log_loss")["why"]
    same = mixed.assign(model=["good", "ensemble"], oof_log_loss=0.69)
    words = "lowest out-of-fold log_loss (0.6900), like ensemble below it on the leaderboard, of"
    assert words in selection(same, "log_loss")["why"]
    unsteady = board.assign(oof_roc_auc=[0.7, 0.8])  # chosen only where there is no other
    words = "highest out-of-fold roc_auc (0.7000) of the 2 models tried, leaving out dummy, whose"
    assert words in selection(unsteady, "roc_auc")["why"]
    with pytest.raises(InputError, match="no chosen model"):
        selection(board.assign(selected=False), "roc_auc")
