import copy
import subprocess
import sys
from inspect import signature
from pathlib import Path

import jsonschema
import openpyxl
import pandas as pd
import pytest
from bad_configs import BAD_TABLE, BAD_TOP, DUMMY, read, with_table

from ml_baseline.config.checks import unfit_tables
from ml_baseline.config.completion import complete
from ml_baseline.config.configuration import checked_config
from ml_baseline.config.estimators import estimator_problems
from ml_baseline.config.page import document
from ml_baseline.config.problems import refuse
from ml_baseline.config.schema import TOP_LEVEL_ONLY
from ml_baseline.config.settings import dataset_settings, not_installed
from ml_baseline.config.text import load_yaml
from ml_baseline.errors import InputError

ROOT = Path(__file__).parents[2]
SCHEMA_PATH = ROOT / "workflow" / "schemas" / "config.schema.yaml"
SCHEMA = load_yaml(SCHEMA_PATH)


def problems(config):
    with pytest.raises(InputError) as error:
        refuse(estimator_problems(complete(config, SCHEMA)))
    return str(error.value).splitlines()[1:]


def settings_of(settings="", top=""):
    return dataset_settings(complete(with_table(settings, top), SCHEMA), "churn")


# --- Refused, at the top level -------------------------------------------------------------------


@pytest.mark.parametrize(("top", "expected"), BAD_TOP, ids=[top for top, _ in BAD_TOP])
def test_refuses_what_cannot_be_at_the_top_level(top, expected):
    (problem,) = problems(with_table(top=top))
    assert expected in problem


# --- Refused, inside a dataset -------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "expected"), BAD_TABLE, ids=[case[0] for case in BAD_TABLE])
def test_refuses_what_cannot_be_in_a_dataset(settings, expected):
    # The settings come last, so they replace those of the sound table.
    (problem,) = problems(with_table(settings))
    assert expected in problem
    assert "datasets.churn." in problem


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("", "config: found nothing; expected a mapping with the keys datasets, seeds"),
        ("[datasets]", 'config: found ["datasets"]; expected a mapping'),
        ("seeds: [1]", "datasets: is missing; expected a mapping of at least one table"),
        ("datasets: {}", "datasets: found {}; expected a mapping of at least one table"),
        ("datasets:", "datasets: found nothing; expected a mapping of at least one table"),
        ("datasets: {churn: }", "datasets.churn: found nothing; expected a mapping of the table's"),
        ("datasets: {churn: a.csv}", 'datasets.churn: found "a.csv"; expected a mapping'),
        ("datasets: {a: {table: a.csv}}", "datasets.a.target: is missing; expected the name of a"),
        ("datasets: {a: {target: y}}", "datasets.a.table: is missing; expected the path of a .csv"),
    ],
)
def test_refuses_a_config_without_a_table(config, expected):
    (problem,) = problems(read(config))
    assert expected in problem


@pytest.mark.parametrize(
    "name",
    [
        "seed42",
        "SEED",
        "logs",
        "Benchmarks",
        "../x",
        "a/b",
        "a.b",
        "2x",
        "",
        "a\n",
        "{x}",
        "x" * 101,
    ],
)
def test_refuses_names_that_make_no_good_folder(name):
    (problem,) = problems({"datasets": {name: {"table": "a.csv", "target": "y"}}})
    assert "is not a valid name; expected letters, digits, _ and -" in problem


@pytest.mark.parametrize("name", ["a", "Churn-2024_b", "seedlings", "logs2", "metrics"])
def test_takes_names_that_make_a_good_folder(name):
    assert complete({"datasets": {name: {"table": "a.csv", "target": "y"}}}, SCHEMA)


def test_refuses_names_that_differ_by_case_only():
    table = {"table": "a.csv", "target": "y"}
    (problem,) = problems({"datasets": {"Churn": table, "churn": table}})
    assert "datasets.churn: differs from Churn only by case" in problem


@pytest.mark.parametrize("key", ["separator", "encoding"])
def test_refuses_text_settings_of_a_parquet_file(key):
    value = {"separator": ";", "encoding": "latin-1"}[key]
    config = {"datasets": {"a": {"table": "a.parquet", "target": "y", key: value}}}
    (problem,) = problems(config)
    assert f'datasets.a.{key}: found "{value}"; a Parquet file has no {key}' in problem


def test_tells_all_problems_at_once():
    config = with_table(
        "tabel: b.csv, id: Churn, dates: {s: '%q'}, models: {random_forest: {threads: 0}}",
        "seeds: []\nsplit: {test_size: 2, stratgy: time}\nbaseline: none",
    )
    assert [line.split(":")[0].strip() for line in sorted(problems(config))] == [
        "baseline",
        "datasets.churn.dates.s",
        "datasets.churn.id",
        "datasets.churn.models.random_forest.threads",
        "datasets.churn.tabel",
        "seeds",
        "split.stratgy",
        "split.test_size",
    ]


@pytest.mark.parametrize(
    ("settings", "top"),
    [
        # A second complaint would only repeat the first in other words.
        ("split: {strategy: group}, group: true", ""),
        ("", "models: {Dummy: {estimator: sklearn.svm.SVC}, rf: {estimator: sklearn.svm.SVC}}"),
        ("", "models: 3"),
        ("encode: {g: {Yes: 1}}", ""),
    ],
)
def test_tells_nothing_that_only_follows_from_another_problem(settings, top):
    assert len(problems(with_table(settings, top))) == 1


def test_only_names_tables_that_are_there():
    (problem,) = problems(with_table("", "only: [churn, chrun]"))
    assert problem.strip() == "only: names chrun, which is not in `datasets` (churn)"
    assert complete(with_table('positive: "Yes"', "only: churn"), SCHEMA)["only"] == ["churn"]


# --- Accepted, and brought into one form ---------------------------------------------------------


def test_three_lines_are_enough():
    config = complete(with_table('positive: "Yes"'), SCHEMA)
    assert config["seeds"] == [42]
    assert config["table_format"] == "auto"
    assert config["only"] == []
    assert config["sample_data"] == {
        "make": True,
        "customers": {"rows": 1000, "seed": 7},
        "users": {"rows": 1000, "seed": 7},
    }
    settings = dataset_settings(config, "churn")
    models = settings.pop("models")
    assert settings == {
        "table": "data/raw/churn.csv",
        "target": "Churn",
        "positive": ["Yes"],
        "negative": None,
        "id": [],
        "drop": [],
        "forbidden": [],
        "columns": {},
        "categorical": [],
        "encode": {},
        "dates": {},
        "sheet": None,
        "header_row": None,
        "separator": None,
        "quote": None,
        "escape": None,
        "encoding": None,
        "decimal": None,
        "missing_values": [],
        "group": None,
        "time": None,
        "plots": SCHEMA["$defs"]["dataset"]["properties"]["plots"]["default"],
        "seeds": [42],
        "reading": "tell",
        "split": {"strategy": "stratified", "test_size": 0.2},
        "augment": {"method": "none", "noise_frac": 0.02, "copies": 1},
        "effort": "standard",
        "budget": None,
        "cv": {"folds": 5},
        "preprocessing": {"max_categories": 30, "min_frequency": 10},
        "threshold": 0.5,
        "select_by": "log_loss",
        "baseline": "dummy",
        "intervals": {"level": 0.95},
        "audit": {"on_fail": "warn"},
        "naive": False,
        "controls": False,
        "register": True,
        "report": True,
        "ensemble": True,
        "publish": {"fit_on": "all"},
    }
    assert list(models) == [
        "dummy",
        "logistic_regression",
        "random_forest",
        "hist_gradient_boosting",
    ]
    thorough = complete(with_table(top="effort: thorough"), SCHEMA)
    others = {"lightgbm", "xgboost", "catboost"}
    trained = {*dataset_settings(thorough, "churn")["models"]} | {
        *not_installed(thorough, ["churn"])
    }
    assert trained == {*models} | others
    assert models["random_forest"] == {
        "estimator": "sklearn.ensemble.RandomForestClassifier",
        "params": {"n_estimators": 100, "min_samples_leaf": 5, "max_samples": 20_000},
        "from_rows": {},
        "preprocessing": "tree",
        "effort": "standard",
        "optional": False,
        "threads": "auto",
        "time_limit": None,
        "tune": None,
    }


@pytest.mark.parametrize(
    ("settings", "key", "value"),
    [
        ("positive: Yes", "positive", [True]),
        ("positive: 1", "positive", [1]),
        ("positive: [a, 2, 2.5, no]", "positive", ["a", 2, 2.5, False]),
        ("positive: null", "positive", None),
        ("target: 2020", "target", "2020"),
        ("id: customer", "id", ["customer"]),
        ("drop: [2020, b]", "drop", ["2020", "b"]),
        ("id: a, group: a", "group", "a"),
        ("drop: a, time: a", "time", "a"),
        ("time: a, dates: {a: '%d.%m.%Y %H:%M'}", "dates", {"a": "%d.%m.%Y %H:%M"}),
        ("dates: {a: ISO8601}", "dates", {"a": "ISO8601"}),
        ("columns: {2020: category}", "columns", {"2020": {"kind": "category"}}),
        ("columns: {a: {missing_values: -9}}", "columns", {"a": {"missing_values": ["-9"]}}),
        ("columns: {a: {missing_values: []}}", "columns", {"a": {"missing_values": []}}),
        ("missing_values: -999", "missing_values", ["-999"]),
        ("missing_values: ['', ' ', -1]", "missing_values", ["", " ", "-1"]),
        ("encode: {g: {0: 1, 1.5: 2, a: 1}}", "encode", {"g": {"0": 1, "1.5": 2, "a": 1}}),
        ("encode: {2020: {a: 1}}", "encode", {"2020": {"a": 1}}),
        ('separator: "\\t"', "separator", "\t"),
        ("plots: age_histogram", "plots", ["age_histogram"]),
        ("plots: []", "plots", []),
        ("plots: [a b (c)_barplot, x_y_scatter]", "plots", ["a b (c)_barplot", "x_y_scatter"]),
        ("table: A/B.CSV.GZ", "table", "A/B.CSV.GZ"),
        ("encoding: latin-1", "encoding", "latin-1"),
        ("decimal: ','", "decimal", ","),
        ("quote: none", "quote", "none"),
        ('quote: "\'"', "quote", "'"),
        ("escape: '\\'", "escape", "\\"),
        ("seeds: [3]", "seeds", [3]),
        ("cv: {folds: 10}", "cv", {"folds": 10}),
        ("split: {test_size: 0.3}", "split", {"strategy": "stratified", "test_size": 0.3}),
        ("split: {strategy: group}, group: g", "split", {"strategy": "group", "test_size": 0.2}),
        ("augment: {copies: 2}", "augment", {"method": "none", "noise_frac": 0.02, "copies": 2}),
    ],
)
def test_brings_values_into_one_form(settings, key, value):
    assert repr(settings_of(settings)[key]) == repr(value)


@pytest.mark.parametrize(
    ("given", "key", "value"),
    [
        # As `--config` hands them over: a single number is one, in brackets all is text.
        ({"seeds": ["1", "2"]}, "seeds", [1, 2]),
        ({"seeds": [1.0]}, "seeds", [1]),
        ({"threshold": "0.4"}, "threshold", 0.4),
        ({"cv": {"folds": "10"}}, "cv", {"folds": 10}),
        ({"cv": {"folds": 10.0}}, "cv", {"folds": 10}),
        ({"intervals": {"level": "9e-1"}}, "intervals", {"level": 0.9}),
        ({"table_format": "parquet"}, "table_format", "parquet"),
    ],
)
def test_takes_numbers_that_arrive_as_text(given, key, value):
    assert repr(complete(with_table() | given, SCHEMA)[key]) == repr(value)


def test_parameters_reach_the_estimator_as_they_are_meant():
    model = read(
        "{estimator: sklearn.svm.SVC, params: {C: 1e-3, max_depth: null, a: None, b: 'true', "
        "c: '500', d: [1, '2', x], e: {0: 1, '1': 2.5, x: ~}, f: .nan, g: '', h: 1.0}}"
    )
    models = {"dummy": {"estimator": "sklearn.dummy.DummyClassifier"}, "m": model}
    params = complete(with_table() | {"models": models}, SCHEMA)["models"]["m"]["params"]
    assert repr(params) == (
        "{'C': 0.001, 'max_depth': None, 'a': None, 'b': True, 'c': 500, 'd': [1, 2, 'x'], "
        "'e': {0: 1, 1: 2.5, 'x': None}, 'f': nan, 'g': '', 'h': 1.0}"
    )


def test_does_not_change_what_it_is_given():
    given = with_table("id: a, models: {dummy: {params: {strategy: uniform}}}", "seeds: [3]")
    before = copy.deepcopy(given)
    schema = copy.deepcopy(SCHEMA)
    config = complete(given, SCHEMA)
    settings = dataset_settings(config, "churn")
    settings["models"]["dummy"]["params"]["strategy"] = "prior"
    settings["models"]["random_forest"]["params"].clear()
    settings["seeds"].append(4)
    assert given == before
    assert schema == SCHEMA
    assert config == complete(given, SCHEMA)
    config["datasets"]["churn"]["plots"].clear()
    config["models"]["random_forest"]["params"].clear()
    assert schema == SCHEMA


def test_completing_twice_changes_nothing():
    given = with_table("positive: Yes, models: {dummy: {threads: 2}, random_forest: null}")
    config = complete(given, SCHEMA)
    assert complete(config, SCHEMA) == config


# --- Overrides -----------------------------------------------------------------------------------

MODELS = f"""
models:
  {DUMMY}
  forest:
    estimator: sklearn.ensemble.RandomForestClassifier
    params: {{n_estimators: 200, max_depth: 8, class_weight: {{0: 1, 1: 2}}}}
    from_rows: {{5000: {{max_depth: 12, min_samples_leaf: 5}}}}
    preprocessing: tree
  bag:
    estimator: sklearn.ensemble.BaggingClassifier
    params: {{estimator: {{estimator: sklearn.svm.SVC, params: {{C: 10, gamma: 1}}}}}}
"""
FOREST = {
    "estimator": "sklearn.ensemble.RandomForestClassifier",
    "params": {"n_estimators": 200, "max_depth": 8, "class_weight": {0: 1, 1: 2}},
    "from_rows": {"5000": {"max_depth": 12, "min_samples_leaf": 5}},
    "preprocessing": "tree",
    "effort": "quick",
    "optional": False,
    "threads": "auto",
    "time_limit": None,
    "tune": None,
}


@pytest.mark.parametrize(
    ("override", "forest"),
    [
        ("{}", FOREST),
        ("{threads: 2}", FOREST | {"threads": 2}),
        (
            "{params: {max_depth: null}}",  # at every size
            FOREST
            | {"params": FOREST["params"] | {"max_depth": None}}
            | {"from_rows": {"5000": {"min_samples_leaf": 5}}},
        ),
        (
            "{params: {max_depth: 3}, from_rows: {'5000': {max_depth: 4}, 9: {criterion: entropy}}}",
            FOREST
            | {"params": FOREST["params"] | {"max_depth": 3}}
            | {
                "from_rows": {
                    "5000": {"max_depth": 4, "min_samples_leaf": 5},
                    "9": {"criterion": "entropy"},
                }
            },
        ),
        ("{time_limit: 60}", FOREST | {"time_limit": 60}),
        (
            "{params: {class_weight: {1: 9}}}",
            FOREST | {"params": FOREST["params"] | {"class_weight": {0: 1, 1: 9}}},
        ),
        (
            "{params: {class_weight: balanced}}",
            FOREST | {"params": FOREST["params"] | {"class_weight": "balanced"}},
        ),
        (
            "{estimator: sklearn.ensemble.ExtraTreesClassifier}",
            {
                "estimator": "sklearn.ensemble.ExtraTreesClassifier",
                "params": {},
                "from_rows": {},
                "preprocessing": "linear",
                "effort": "quick",
                "optional": False,
                "threads": "auto",
                "time_limit": None,
                "tune": None,
            },
        ),
        (
            "{estimator: sklearn.ensemble.RandomForestClassifier, params: {max_depth: 3}}",
            {
                "estimator": "sklearn.ensemble.RandomForestClassifier",
                "params": {"max_depth": 3},
                "from_rows": {},
                "preprocessing": "linear",
                "effort": "quick",
                "optional": False,
                "threads": "auto",
                "time_limit": None,
                "tune": None,
            },
        ),
    ],
)
def test_a_model_is_changed_or_replaced_in_a_dataset(override, forest):
    models = settings_of(f"models: {{forest: {override}}}", MODELS)["models"]
    assert models["forest"] == forest
    assert list(models) == ["dummy", "forest", "bag"]


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("{params: {C: 1}}", {"estimator": "sklearn.svm.SVC", "params": {"C": 1, "gamma": 1}}),
        ("{estimator: sklearn.svm.NuSVC}", {"estimator": "sklearn.svm.NuSVC"}),
    ],
)
def test_an_estimator_inside_another_is_changed_or_replaced(inner, expected):
    settings = settings_of(f"models: {{bag: {{params: {{estimator: {inner}}}}}}}", MODELS)
    assert settings["models"]["bag"]["params"] == {"estimator": expected}


def test_a_table_lifts_the_time_limit_that_holds_for_the_others():
    models = MODELS.replace("preprocessing: tree", "preprocessing: tree\n    time_limit: 60")
    assert settings_of("", models)["models"]["forest"]["time_limit"] == 60
    lifted = settings_of("models: {forest: {time_limit: null}}", models)
    assert lifted["models"]["forest"]["time_limit"] is None


@pytest.mark.parametrize("tune", ["random", "{trials: 40}"])
def test_a_table_searches_alone(tune):
    found = settings_of(f"models: {{random_forest: {{tune: {tune}}}}}")["models"]
    tune = SCHEMA["$defs"]["model"]["properties"]["tune"]["properties"]
    assert found["random_forest"]["tune"] == {key: of["default"] for key, of in tune.items()}
    assert found["dummy"]["tune"] is None


def test_models_are_left_out_and_added_in_a_dataset():
    added = "extra: {estimator: sklearn.ensemble.ExtraTreesClassifier, preprocessing: tree}"
    settings = settings_of(f"models: {{forest: null, bag: 'null', {added}}}", MODELS)
    assert list(settings["models"]) == ["dummy", "extra"]
    assert settings["models"]["extra"]["params"] == {}


@pytest.mark.parametrize(
    ("effort", "installed", "models"),
    [
        ("quick", False, ["dummy"]),
        ("standard", True, ["dummy", "forest"]),
        ("thorough", True, ["dummy", "forest", "bag"]),
        ("thorough", False, ["dummy", "forest"]),
    ],
)
def test_effort_and_what_is_installed_decide_which_models_are_trained(effort, installed, models):
    package = "sklearn" if installed else "no_such_package"
    config = complete(
        read(
            f"datasets: {{a: {{table: a.csv, target: y}}, b: {{table: b.csv, target: y, effort: {effort}}}}}\n"
            f"models: {{{DUMMY}, forest: {{estimator: sklearn.svm.SVC, effort: standard}}, "
            f"bag: {{estimator: {package}.svm.SVC, effort: thorough, optional: true}}}}"
        ),
        SCHEMA,
    )
    assert not estimator_problems(config)
    assert list(dataset_settings(config, "b")["models"]) == models
    assert not_installed(config, ["a"]) == {}
    missing = effort == "thorough" and not installed
    assert not_installed(config, "ab") == ({"bag": "no_such_package"} if missing else {})


def test_a_model_is_left_out_for_all_tables():
    config = with_table(top=MODELS)
    config["models"]["bag"] = None
    assert list(complete(config, SCHEMA)["models"]) == ["dummy", "forest"]


def test_an_override_holds_for_its_table_only():
    config = read(
        "datasets: {a: {table: a.csv, target: y, seeds: [1, 2], split: {test_size: 0.5}, "
        "threshold: 0.3, select_by: f1, intervals: {level: 0.9}}, b: {table: b.csv, target: y}}\n"
        "split: {test_size: 0.4}\nthreshold: 0.6"
    )
    config = complete(config, SCHEMA)
    a, b = (dataset_settings(config, name) for name in "ab")
    keys = ("seeds", "split", "threshold", "select_by", "intervals")
    assert [a[key] for key in keys] == [
        [1, 2],
        {"strategy": "stratified", "test_size": 0.5},
        0.3,
        "f1",
        {"level": 0.9},
    ]
    assert [b[key] for key in keys] == [
        [42],
        {"strategy": "stratified", "test_size": 0.4},
        0.6,
        "log_loss",
        {"level": 0.95},
    ]


def test_a_dataset_that_is_not_there_is_named():
    with pytest.raises(InputError, match="there is no dataset chrun; the config has churn"):
        dataset_settings(complete(with_table(), SCHEMA), "chrun")


def test_every_section_can_be_overridden():
    overridable = set(SCHEMA["properties"]) - set(TOP_LEVEL_ONLY)
    references = {
        key: entry["$ref"]
        for key, entry in SCHEMA["$defs"]["dataset"]["properties"].items()
        if entry.get("$ref", "").startswith("#/properties/")
    }
    assert references == {key: f"#/properties/{key}" for key in overridable}


# --- Estimators ----------------------------------------------------------------------------------


def with_estimator(estimator, settings=""):
    models = {
        "dummy": {"estimator": "sklearn.dummy.DummyClassifier"},
        "m": {"estimator": estimator},
    }
    return with_table(settings) | {"models": models}


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (
            "sklearn.ensemble.RandomForestClasifier",
            "sklearn.ensemble has no RandomForestClasifier; did you mean sklearn.ensemble.RandomForestC",
        ),
        (
            "sklearn.RandomForestClassifier",
            "sklearn has no RandomForestClassifier; did you mean sklearn.ensemble.RandomForestCl",
        ),
        (
            "sklearn.tree.randomforestclassifier",
            "did you mean sklearn.ensemble.RandomForestClassifier?",
        ),
        (
            "sklearn.ensembel.RandomForestClassifier",
            "sklearn has no ensembel; did you mean sklearn.ensemble.RandomForestClassifier?",
        ),
        (
            "sklearn.ensemble.ExtraTreeClassifier",  # there is one, elsewhere
            "did you mean sklearn.ensemble.ExtraTreesClassifier or sklearn.tree.ExtraTreeClassifier?",
        ),
        ("sklearn.linear_model.RandomForest", "mean sklearn.ensemble.RandomForestClassifier?"),
        ("sklearn.ensemble", "sklearn.ensemble is a module; name a class in it"),
        ("sklaern.svm.SVC", "there is no package sklaern; did you mean sklearn.svm.SVC?"),
        (
            "no_such_thing.Model",
            "package no_such_thing is not installed: pip install no_such_thing",
        ),
    ],
)
def test_refuses_an_estimator_that_is_not_there(estimator, expected):
    (problem,) = problems(with_estimator(estimator))
    assert problem.startswith(f"  models.m: {estimator}: ")
    assert expected in problem


def test_names_a_package_as_it_is_installed(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (problem,) = problems(with_estimator("sklearn.svm.SVC"))[1:]
    assert "package sklearn is not installed: pip install scikit-learn" in problem


def test_looks_at_estimators_in_datasets_and_inside_others():
    config = with_estimator(
        "sklearn.ensemble.BaggingClassifier",
        "models: {m: {params: {estimator: {estimator: sklearn.svm.SVM}}}, "
        "v: {estimator: sklearn.ensemble.VotingClassifier, "
        "params: {estimators: [[a, {estimator: sklearn.svm.SVC}], "
        "[b, {estimator: sklearn.Ridge}]]}}}",
    )
    first, second = problems(config)
    assert "datasets.churn.models.m.params.estimator: sklearn.svm.SVM: sklearn.svm has no" in first
    assert "datasets.churn.models.v.params.estimators[1][1]: sklearn.Ridge: sklearn has" in second
    assert "did you mean sklearn.linear_model.Ridge?" in second


RUNS_CODE = [
    "subprocess.Popen",
    "subprocess.run",
    "os.system",
    "os.popen",
    "os.path.join",
    "builtins.eval",
    "builtins.exec",
    "builtins.__import__",
    "importlib.import_module",
    "runpy.run_path",
    "pickle.load",
    "ctypes.CDLL",
    "shutil.rmtree",
    "pathlib.Path",
    "multiprocessing.Process",
    "concurrent.futures.ThreadPoolExecutor",
    "webbrowser.open",
    "pty.spawn",
    "code.interact",
    "urllib.request.urlretrieve",
    "_posixsubprocess.fork_exec",
    "antigravity.fly",
    "joblib.load",
    "joblib.Parallel",
    "joblib.Memory",
    "joblib.externals.loky.ProcessPoolExecutor",
    "joblib.externals.loky.get_reusable_executor",
    "pandas.read_pickle",
    "snakemake.cli.main",
    "sklearn.utils.shuffle",
    "sklearn.datasets.fetch_openml",
    "yaml.unsafe_load",
    "ml_baseline.files.write_json",
    "ml_baseline.registry.runs.Run",
]


@pytest.mark.parametrize("name", RUNS_CODE)
def test_refuses_what_is_no_estimator_without_importing_it(name):
    before = {*sys.modules}
    (problem,) = problems(with_estimator(name))
    assert f"models.m: {name}: " in problem or f"models.m ({name}" in problem
    assert "which has no estimators" in problem or "is not an estimator; name a" in problem
    assert not {*sys.modules} - before
    nested = f"models: {{m: {{params: {{estimators: [[a, {{estimator: {name}}}]]}}}}}}"
    config = with_estimator("sklearn.ensemble.VotingClassifier", nested)
    (problem,) = problems(config)
    assert f"models.m.params.estimators[0][1]: {name}: " in problem


@pytest.mark.parametrize(
    "name",
    [
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.model_selection.StratifiedKFold",
        "sklearn.preprocessing.StandardScaler",
        "sklearn.svm.SVC",
    ],
)
def test_takes_estimators_kernels_and_splitters_inside_another(name):
    nested = f"models: {{m: {{params: {{estimator: {{estimator: {name}}}}}}}}}"
    assert not estimator_problems(
        complete(with_estimator("sklearn.ensemble.BaggingClassifier", nested), SCHEMA)
    )


@pytest.mark.parametrize(
    "place",
    [
        "params: {memory: x}",
        "from_rows: {9: {memory: x}}",
        "params: {steps: [{estimator: %s, params: {memory: x}}]}",
        "from_rows: {9: {steps: {estimator: %s, params: {memory: x}}}}",
    ],
)
def test_refuses_a_cache_of_pickles(place):
    pipeline = "sklearn.pipeline.Pipeline"
    table = f"models: {{m: {{estimator: {pipeline}, {place.replace('%s', pipeline)}}}}}"
    (problem,) = problems(with_estimator("sklearn.svm.SVC", table))
    assert "memory: names a folder from which pickled objects are loaded" in problem


def test_a_kernel_is_no_model():
    (problem,) = problems(with_estimator("sklearn.gaussian_process.kernels.RBF"))
    assert "RBF is not an estimator; name a class with fit" in problem


INHERITED = {
    "base.py": "class Base:\n    def fit(self): pass\nclass Empty:\n    pass\n",
    "child.py": "from .base import Base as B, Empty\nclass Child(\n    Empty,  # first\n    B,\n): pass\n"
    "class Barren(Empty): pass\nclass Unknown(elsewhere.Thing): pass\n"
    "class Asks:\n    def __getattr__(self, name): ...\nclass Assigned:\n    fit = B.fit\n",
    "loop.py": "from own_models.pool import Round\n",
    "pool.py": "from own_models.loop import Round\n",
    "self.py": "class Round(Round): pass\n",
    "sub/__init__.py": "from ..child import Child\nfrom .. import base\n",
    "encoded.py": "# caf\xe9\nclass A:\n    def fit(self): pass\n",
}


@pytest.mark.parametrize(
    ("name", "is_there"),
    [
        ("own_models.child.Child", True),
        ("own_models.child.B", True),
        ("own_models.child.Barren", False),
        ("own_models.child.Empty", False),
        ("own_models.child.Unknown", True),
        ("own_models.child.Asks", True),
        ("own_models.child.Assigned", True),
        ("own_models.loop.Round", True),
        ("own_models.self.Round", True),
        ("own_models.sub.Child", True),
        ("own_models.encoded.A", True),
    ],
)
def test_follows_a_class_to_its_fit(tmp_path, monkeypatch, name, is_there):
    for file, text in {"__init__.py": "", **INHERITED}.items():
        path = tmp_path / "own_models" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin-1"))
    monkeypatch.syspath_prepend(tmp_path)
    config = complete(with_estimator(name), SCHEMA)
    found = [problem.text.partition(": ")[2] for problem in estimator_problems(config)]
    name = name.rpartition(".")[2]
    assert found == ([] if is_there else [f"{name} is not an estimator; name a class with fit"])


def test_finds_every_classifier_of_scikit_learn():
    from sklearn.utils.discovery import all_estimators

    classes = [cls for _, cls in all_estimators(type_filter="classifier")]
    assert len(classes) > 30
    is_open = set()
    for cls in classes:
        name = f"{'.'.join(cls.__module__.split('.')[:2])}.{cls.__name__}"
        config = complete(with_estimator(name), SCHEMA)
        config["models"]["m"]["params"] = dict.fromkeys([*signature(cls).parameters, "n_job_s"])
        found = [problem.path[2:] for problem in estimator_problems(config)]
        is_open |= set() if found else {cls.__name__}
        assert found in ([], [("params", "n_job_s")])
    assert is_open == {"PassiveAggressiveClassifier"}  # decorated


# --- Files ---------------------------------------------------------------------------------------


def test_files_that_are_not_there_are_told_before_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    openpyxl.Workbook().save("book.xlsx")
    Path("torn.xlsx").write_bytes(Path("book.xlsx").read_bytes()[:2000])
    (tmp_path / "folder.csv").mkdir()
    tables = {
        "book": {"table": "book.xlsx", "sheet": "Shet"},
        "folder": {"table": "folder.csv"},
        "gone": {"table": "bok.xlsx", "sheet": "Sheet"},
        "torn": {"table": "torn.xlsx", "sheet": "Sheet"},
        "fine": {"table": "book.xlsx", "sheet": "Sheet"},
        "made": {"table": "data/raw/customers.csv"},
    }
    config = {"datasets": {name: table | {"target": "y"} for name, table in tables.items()}}
    batches = {"batch": {"input": "boook.xlsx"}, "other": {"input": "book.xlsx", "sheet": "May"}}
    config["predictions"] = {name: {"dataset": "fine"} | batch for name, batch in batches.items()}
    completed = complete(config, SCHEMA)
    told = {".".join(p.path): p.text.partition(": ")[2] for p in unfit_tables(completed)}
    assert "archive cannot be read" in told.pop("datasets.torn.table")
    assert told == {
        "datasets.book.sheet": "there is no sheet 'Shet' in the workbook; it has 'Sheet'; "
        "did you mean 'Sheet'?",
        "datasets.folder.table": "this is a folder, expected a file; name the table in it",
        "datasets.gone.table": "there is no such file; did you mean book.xlsx?",
        "datasets.fine.table": "the sheet 'Sheet' is empty; expected a header row and rows below it: "
        "name another one by `sheet`",
        "predictions.batch.input": "there is no such file; did you mean book.xlsx?",
        "predictions.other.sheet": "there is no sheet 'May' in the workbook; it has 'Sheet'; "
        "name one of them",
    }
    assert checked_config(config, SCHEMA)  # as `--unlock` needs none of them
    config["only"] = ["book", "folder"]  # and so neither batch
    assert {p.path[0] for p in unfit_tables(complete(config, SCHEMA))} == {"datasets"}
    config["models"] = {"dummy": {"estimator": "sklearn.dummy.DumyClassifier"}}
    with pytest.raises(InputError, match=r"(?s)models\.dummy: .*datasets\.book\.sheet"):
        checked_config(config, SCHEMA)  # all that is wrong at once


def test_columns_that_no_table_has_are_told_before_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame({"Größe, cm": [1.5, 2], "age": [3, 4], "answer": ["yes", "no"]})
    table.to_csv("plain.csv", index=False)
    table.to_csv("german.csv.gz", index=False, sep=";", encoding="cp1252")
    table.to_excel("book.xlsx", index=False)
    table.to_parquet("table.parquet")
    table.rename(columns={"age": "of.age"}).to_json("table.jsonl", orient="records", lines=True)
    Path("broken.csv.gz").write_bytes(b"\x1f\x8b\x08 no archive")
    tables = {path.name.replace(".", "_"): str(path) for path in Path().iterdir()}
    right = {"target": "answer", "drop": ["Größe, cm"]}
    config = {"datasets": {name: right | {"table": path} for name, path in tables.items()}}
    config["datasets"]["table_jsonl"]["id"] = "of.age"
    (torn,) = unfit_tables(complete(config, SCHEMA))
    assert torn.path == ("datasets", "broken_csv_gz", "table") and "may be damaged" in torn.text
    wrong = {"target": "anser", "id": "ag", "columns": {"size": "number"}, "drop": ["age", "other"]}
    config["datasets"] = {name: wrong | {"table": path} for name, path in tables.items()}
    found = {problem.path: problem.text for problem in unfit_tables(complete(config, SCHEMA))}
    assert found.pop(torn.path) == torn.text
    keys = {("target",), ("id",), ("columns", "size"), ("drop",)}
    assert {*found} == {
        ("datasets", name, *key) for name in {*tables} - {"broken_csv_gz"} for key in keys
    }
    known = "which is not among the table's columns (Größe, cm, age, answer)"
    told = f"names the column 'anser', {known}; did you mean 'answer'?"
    assert {found["datasets", name, "target"] for name in ("german_csv_gz", "book_xlsx")} == {told}


# --- Estimators' parameters ----------------------------------------------------------------------

PARTS = "class Base:\n    def fit(self): pass\n    def __init__(self, c, depth: int = 3) -> None: pass\n"


@pytest.mark.parametrize(
    ("text", "is_known"),
    [
        ("class A(Base): pass\n", True),
        (
            "class A(Base):\n    def __init__(\n        self,\n        *,\n        depth=(1, 2),\n    ):\n",
            True,
        ),
        ("class A(Base):\n    def __init__(self, depth, **more): pass\n", False),
        ("class A(Base, Elsewhere): pass\n", False),
        ("@dataclass\nclass A(Base):\n    deepth: int = 3\n", False),
        ("@named(\n    1\n)\nclass A(Base): pass\n", False),
        ("@named(1,\n       more=2)\nclass A(Base): pass\n", False),
        ("class A(Base):\n    @renamed\n    def __init__(self, depth): pass\n", False),
        ("class A(Base):\n    def __new__(cls, depth): pass\n", False),
        ("class A(Base):\n    if True:\n        def __init__(self, depth): pass\n", False),
    ],
)
def test_refuses_parameters_that_no_class_takes_if_its_text_is_clear(
    tmp_path, monkeypatch, request, text, is_known
):
    package = f"parts{abs(hash(request.node.name))}"
    (tmp_path / f"{package}.py").write_text(PARTS + text)
    monkeypatch.syspath_prepend(tmp_path)
    config = complete(with_estimator(f"{package}.A", "models: {m: {params: {deepth: 3}}}"), SCHEMA)
    found = [".".join(map(str, p.path)) + f": {p.text}" for p in estimator_problems(config)]
    name = "datasets.churn.models.m.params.deepth"
    text = f"{name}: {package}.A has no such parameter; did you mean depth?"
    assert found == [text] * is_known


MODULES = {
    "plain.py": "class A:\n    def fit(self): pass\n",
    "conditional.py": "try:\n    import fast\nexcept ImportError:\n    class A: pass\n",
    "assigned.py": "B = A, C = object, object\n",
    "star.py": "from somewhere import *\n",
    "dynamic.py": "globals()['A'] = object\n",
    "replaced.py": "import sys\nsys.modules[__name__] = object()\n",
    "lazy.py": "_TABLE = {'x': ['A']}\ndef __getattr__(name): ...\n",
    "lazy_all.py": "__all__ = ['A']\ndef __getattr__(name): ...\n",
    "lazy_unknown.py": "def __getattr__(name): ...\n",
    "lazy_computed.py": "__all__ = sorted(table)\ndef __getattr__(name): ...\n",
    "attached.py": "__getattr__, __dir__, __all__ = attach(__name__)\n",
    "broken.py": "class A(\n",
    "compiled.so": "",
    "a_user.py": "from own_models.home import Distinct\n",
    "home.py": "__all__ = ['Distinct']\nclass Distinct: pass\n",
    "folder/inner.py": "class A:\n    def fit(self): pass\n",
    "nested/__init__.py": "from .part import A\n",
    "nested/part.py": "A = 1\n",
    "lazy_other.py": "__all__ = ['B'] + ['C']\ndef __getattr__(name): ...\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in {"__init__.py": "", **MODULES}.items():
        file = tmp_path / "own_models" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "own_module.py").write_text(MODULES["plain.py"])
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("name", "is_there"),
    [
        ("own_module.A", True),
        ("own_module.B", False),
        ("own_models.A", False),
        ("own_models.plain.A", True),
        ("own_models.plain.B", False),
        ("own_models.plain.A.Inner", True),
        ("own_models.conditional.A", True),
        ("own_models.assigned.A", True),
        ("own_models.star.A", True),
        ("own_models.dynamic.A", True),
        ("own_models.replaced.A", True),
        ("own_models.lazy.A", True),
        ("own_models.lazy_all.A", True),
        ("own_models.lazy_all.B", False),
        ("own_models.lazy_unknown.A", True),
        ("own_models.lazy_computed.A", True),
        ("own_models.attached.A", True),
        ("own_models.broken.A", True),
        ("own_models.compiled.A", True),
        ("own_models.folder.inner.A", True),
        ("own_models.folder.inner.B", False),
        ("own_models.folder.A", True),
        ("own_models.nested.A", True),
        ("own_models.nested.part", False),
        ("own_models.lazy_other.A", False),
        ("own_models.lazy_other.C", True),
        ("own_models.absent.A", False),
        ("collections.OrderedDict", False),
        ("math.sqrt", False),
    ],
)
def test_tells_what_a_module_binds_without_importing_it(name, is_there):
    config = complete(with_estimator(name), SCHEMA)
    found = [problem.path for problem in estimator_problems(config)]
    assert found == ([] if is_there else [("models", "m")])
    assert not [module for module in sys.modules if module.startswith("own_mod")]


@pytest.mark.usefixtures("package")
def test_names_the_module_where_a_class_is_public():
    (problem,) = problems(with_estimator("own_models.Distinct"))
    assert "did you mean own_models.home.Distinct?" in problem


# --- What is shipped -----------------------------------------------------------------------------


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_keyword_of_the_schema_is_known():
    def keywords(schema):
        yield from schema
        for key in ("properties", "$defs"):
            for entry in schema.get(key, {}).values():
                yield from keywords(entry)
        for key in ("items", "additionalProperties", "propertyNames"):
            if isinstance(schema.get(key), dict):
                yield from keywords(schema[key])

    told = {"$schema", "$defs", "title", "description", "default"}
    own = {"x-expected", "x-words", "x-text", "x-parameters", "x-alone", "x-unknown-key"}
    assert {*keywords(SCHEMA)} <= told | own | {*jsonschema.Draft202012Validator.VALIDATORS}


def test_what_is_completed_is_sound_by_json_schema():
    validator = jsonschema.Draft202012Validator(SCHEMA)
    config = read((ROOT / "config" / "config.yaml").read_text())
    accepted = 0
    for given in (config, with_table(), *(with_table(top=top) for top, _ in BAD_TOP)):
        completed = settled(given)
        if completed is not None:
            accepted += 1
            # Null is what stands for "not written" in what is completed.
            for section in ("datasets", "predictions"):
                for entry in completed[section].values():
                    for key in [key for key, value in entry.items() if value is None]:
                        del entry[key]
            assert not [error.message for error in validator.iter_errors(completed)]
    assert accepted == 2


def settled(config):
    """Return the completed config, None if it is refused."""
    try:
        return complete(config, SCHEMA)
    except InputError:
        return None


def test_every_setting_is_described():
    def undescribed(schema, path=""):
        for key, entry in schema.get("properties", {}).items():
            if entry.get("$ref", "").startswith("#/$defs/sample"):
                continue
            if not entry.get("description") and "#/properties/" not in entry.get("$ref", ""):
                yield f"{path}{key}"
            yield from undescribed(entry, f"{path}{key}.")

    definitions = SCHEMA["$defs"]
    assert not [
        *undescribed(SCHEMA),
        *(key for name in ("dataset", "model", "sample") for key in undescribed(definitions[name])),
    ]


def test_the_shipped_config_is_sound():
    config = complete(read((ROOT / "config" / "config.yaml").read_text()), SCHEMA)
    assert not estimator_problems(config)
    assert list(config["datasets"]) == ["customers", "users", "breast_cancer"]
    customers = dataset_settings(config, "customers")
    assert customers["select_by"] == "f1" and customers["augment"]["method"] == "jitter"
    assert customers["encode"]["product_type"] == {"Basic": 0, "Plus": 1, "Premium": 2}
    assert customers["plots"] == [
        "age_histogram",
        "gender_barplot",
        "correlation_heatmap",
        "age_income_scatter",
    ]
    # The leaky example leaks until someone repairs it.
    assert dataset_settings(config, "users")["forbidden"] == []


def test_the_shipped_config_says_what_holds_without_it():
    config = complete(read((ROOT / "config" / "config.yaml").read_text()), SCHEMA)
    default = complete({"datasets": config["datasets"]}, SCHEMA)
    assert config == default


def test_the_page_is_in_step_with_the_schema():
    page = (ROOT / "config" / "README.md").read_text(encoding="utf-8")
    assert page == document(SCHEMA), (
        "config/README.md is stale: PYTHONPATH=workflow python -m ml_baseline.config.page "
        "workflow/schemas/config.schema.yaml > config/README.md"
    )


def test_the_page_tells_every_key():
    page = document(SCHEMA)
    for key in (*SCHEMA["properties"], *SCHEMA["$defs"]["dataset"]["properties"]):
        assert f"`{key}`" in page
    assert (
        "| `customers.rows` | The number of rows. | `1000` | a whole number of at least 50 |"
        in page
    )


def test_the_example_of_the_page_is_sound():
    examples = SCHEMA["description"].split("```yaml\n")[1:]
    three_lines, overrides = (read(example.split("```")[0]) for example in examples)
    assert list(three_lines["datasets"]["churn"]) == ["table", "target", "positive"]
    config = complete(overrides, SCHEMA)
    assert not estimator_problems(config)
    models = dataset_settings(config, "churn")["models"]
    assert list(models) == ["random_forest", "dummy", "extra_trees"]
    assert models["random_forest"]["params"] == {"n_estimators": 200, "max_depth": 8}
    complete(three_lines, SCHEMA)


def test_the_start_imports_nothing_heavy():
    program = (
        "import sys, yaml\n"
        "from ml_baseline.config.configuration import checked_config, key_places\n"
        "from ml_baseline.config.text import load_yaml\n"
        "schema, config = map(load_yaml, sys.argv[1:])\n"
        "checked_config(config, schema, key_places(sys.argv[2:]))\n"
        "heavy = {'numpy', 'pandas', 'sklearn', 'scipy', 'matplotlib', 'pydantic'}\n"
        "print(*heavy & {*sys.modules})\n"
    )
    paths = [str(SCHEMA_PATH), str(ROOT / "config" / "config.yaml")]
    done = subprocess.run(
        [sys.executable, "-c", program, *paths],
        env={"PYTHONPATH": str(ROOT / "workflow")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""
