"""Bad tables and bad configs: one clear message each, on the terminal, and the others still run."""

import pytest
from running import QUICK_MODELS, small_table

GOOD = small_table()
LINES = GOOD.splitlines()


def replaced(column: int, value: str, rows: slice = slice(1, None)) -> str:
    """Return the good table with one column's cells overwritten in some rows."""
    lines = list(LINES)
    for i in range(len(lines))[rows]:
        cells = lines[i].split(",")
        cells[column] = value
        lines[i] = ",".join(cells)
    return "\n".join(lines) + "\n"


# Table name -> content of its file (None: there is none) and what has to be said about it.
BAD_TABLES = {
    "missing_file": (None, ["missing_file.csv", "no such file"]),
    "empty_file": ("", ["empty_file.csv", "the file is empty"]),
    "header_only": (LINES[0] + "\n", ["header_only.csv", "no rows"]),
    "no_target": (GOOD.replace("answer", "outcome"), ["'answer'", "outcome"]),
    "one_class": (replaced(3, "no"), ["'answer'", "one class", "'no' (120 rows)"]),
    "three_classes": (
        replaced(3, "perhaps", slice(1, 40)),
        ["3 different values", "'perhaps' (39 rows)"],
    ),
    "stray_values": (replaced(3, "dunno", slice(1, 3)), ["'dunno' (2 rows)", "missing_values"]),
    "twice": (GOOD.replace("weight", "size"), ["'size'", "more than once"]),
    "ragged": (GOOD + "1,2,red,yes,9,9\n", ["line 122", "6"]),
    "bad_bytes": (GOOD.replace("red", "röd").encode() + b"1,2,r\xf6d,yes\n", ["line 122", "0xf6"]),
    "few_of_a_class": (
        replaced(3, "no", slice(4, None)).replace(",no\n", ",yes\n", 4),
        ["fewer than the 5 folds"],
    ),
}


@pytest.fixture(scope="module")
def bad_run(module_project):
    datasets = {"good": {"table": "good.csv", "target": "answer"}}
    module_project.write("good.csv", GOOD)
    for name, (content, _) in BAD_TABLES.items():
        if content is not None:
            module_project.write(f"{name}.csv", content)
        datasets[name] = {"table": f"{name}.csv", "target": "answer", "plots": []}
    module_project.write("all_missing.csv", replaced(0, ""))
    datasets["all_missing"] = {"table": "all_missing.csv", "target": "answer"}
    odd = {"estimator": "sklearn.dummy.DummyClassifier", "params": {"random_state": "blue"}}
    models = dict.fromkeys(QUICK_MODELS) | {"odd": odd}
    datasets["odd_parameter"] = datasets["good"] | {"models": models, "baseline": "odd"}
    module_project.write_config(datasets=datasets, report=False, register=False)
    module_project.done = module_project.snakemake()
    return module_project


def closing_words(project) -> str:
    return " ".join(project.done.stdout.split("What went wrong:")[1].split())


@pytest.mark.parametrize("name", BAD_TABLES)
def test_the_message_says_what_where_and_what_to_do(bad_run, name):
    said = closing_words(bad_run)
    assert said.count(f"* {name}: ") == 1
    message = said.split(f"* {name}: ")[1].split("(log:")[0]
    for part in BAD_TABLES[name][1]:
        assert part in message
    assert "Traceback" not in message


def test_a_file_that_is_not_there_is_told_first(bad_run):
    before, _, after = bad_run.done.stdout.partition("Everything else is run.")
    assert "datasets.missing_file.table (config/config.yaml, line " in before
    assert "missing_file.csv: there is no such file" in before
    assert "empty_file.csv: the file is empty" in before and "one_class" not in before
    assert "CalledProcessError" not in after and "no backup found" not in after


def test_exit_code_and_the_other_tables(bad_run):
    assert bad_run.done.returncode == 1
    for name in ("good", "all_missing"):
        assert (bad_run.folder / f"results/{name}/metrics.csv").exists()
        assert f"{name}: " in bad_run.done.stdout


@pytest.mark.parametrize("name", sorted(set(BAD_TABLES) - {"few_of_a_class"}))
def test_nothing_half_written_stays(bad_run, name):
    for folder in ("data/processed", "results"):
        left = [p for p in (bad_run.folder / folder / name).rglob("*") if p.is_file()]
        assert not left


BAD_CONFIGS = {
    "unknown estimator": (
        {
            "models": {"forest": {"estimator": "sklearn.ensemble.RandomForestClasifier"}},
            "baseline": "forest",
        },
        ["forest", "RandomForestClassifier"],
    ),
    "package that is not installed": (
        {
            "models": {"boost": {"estimator": "nowhere_to_be_found.Booster"}},
            "baseline": "boost",
        },
        ["boost", "nowhere_to_be_found"],
    ),
}


@pytest.mark.proof
@pytest.mark.parametrize("case", BAD_CONFIGS)
def test_bad_config_is_refused_before_any_job(project, case):
    change, expected = BAD_CONFIGS[case]
    project.write("table.csv", GOOD)
    project.write_config(
        **{"datasets": {"small": {"table": "table.csv", "target": "answer"}}} | change
    )
    done = project.snakemake()
    assert done.returncode == 1
    for part in expected:
        assert part in done.stdout
    assert "Traceback" not in done.stdout
    assert not (project.folder / "results").exists()


@pytest.mark.proof
def test_unknown_plot_column_is_named_with_its_neighbours(project):
    project.write("table.csv", GOOD)
    dataset = {"table": "table.csv", "target": "answer", "plots": ["siez_histogram"]}
    project.write_config(datasets={"small": dataset})
    done = project.snakemake()
    assert done.returncode == 1
    assert "siez" in done.stdout and "size" in done.stdout
    assert (project.folder / "results/small/metrics.csv").exists()


def test_parameter_that_the_estimator_does_not_take(bad_run):
    message = closing_words(bad_run).split("* odd_parameter: ")[1]
    assert "The 'random_state' parameter of DummyClassifier must be" in message
