"""Bad configs through the real doors: one message, exit code not 0, and nothing is touched."""

import os
import subprocess
import sys

import pytest
import warm_snakemake
import yaml
from bad_configs import BAD_CONFIGS, BAD_TEXTS
from running import Project, small_table

GOOD = {"datasets": {"good": {"table": "good.csv", "target": "answer", "plots": []}}}
OLD_RESULTS = {
    "results/metrics.csv": "dataset,seed,model\n",
    "results/good/metrics.csv": "model\n",
    "data/processed/good/cleaned_data.csv": "row_id\n",
    "mine/feb.csv": "precious\n",
}
# What each door needs to be given a bad file; the folder's own config is sound if it is not the one.
DOORS = {
    "own config": ("config/config.yaml", []),
    "--configfile": ("mine.yaml", ["--configfile", "mine.yaml"]),
    "train": ("mine.yaml", ["train"]),
}


def prepared(folder) -> Project:
    project = Project(folder)
    for path, content in OLD_RESULTS.items():
        project.write(path, content)
    project.write("good.csv", small_table())
    project.write("config/config.yaml", yaml.safe_dump(GOOD))
    return project


def run(project: Project, arguments: list[str]) -> subprocess.CompletedProcess:
    """Run the workflow or the command in the folder, as a user would."""
    if arguments != ["train"]:
        command = project.command("-n", *arguments)
        return subprocess.CompletedProcess(command, *warm_snakemake.run(command, project.folder))
    command = [sys.executable, "-m", "ml_baseline.cli.command", "train", "--input", "good.csv"]
    command += ["--target", "answer", "--config", "mine.yaml", "--cores", "1"]
    environment = os.environ | {"PYTHONPATH": str(project.root / "workflow")}
    return subprocess.run(
        command,
        cwd=project.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )


def told(project: Project, arguments: list[str], expected: str) -> str:
    """Return what is wrong with how a bad config was told; nothing if all is as it should be."""
    done = run(project, arguments)
    said = " ".join(done.stdout.split())
    wrong = []
    if done.returncode == 0:
        wrong.append("exit code 0")
    if said.count(" ".join(expected.split())) != 1:
        wrong.append(f"does not say once {expected!r}")
    wrong += [word for word in ("Traceback", "Error in file", "WildcardError") if word in said]
    for path, content in OLD_RESULTS.items():
        if (project.folder / path).read_text() != content:
            wrong.append(f"{path} was changed")
    return f"{arguments}: {wrong}: {done.stdout[-900:]}" if wrong else ""


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "split: {test_size: 1.5}\n",
            ".yaml, line 2): found 1.5; expected a number between 0 and 1",
        ),
        ("seeds: 1\nseeds: 2\n", "seeds is defined twice, on lines 2 and 3; remove one of them"),
    ],
)
def test_a_bad_config_is_told_through_every_door(tmp_path, door, text, expected):
    project = prepared(tmp_path)
    file, arguments = DOORS[door]
    project.write(file, "datasets: {good: {table: good.csv, target: answer}}\n" + text)
    assert not told(project, arguments, expected)


def test_a_bad_option_is_told(tmp_path):
    arguments = ["--config", "split={test_size: 1.5}"]
    expected = "split.test_size (--config): found 1.5; expected a number between 0 and 1"
    assert not told(prepared(tmp_path), arguments, expected)


def test_a_column_that_the_table_has_not_is_told_before_any_job(tmp_path):
    project = prepared(tmp_path)
    project.write("config/config.yaml", "datasets: {good: {table: good.csv, target: anwser}}\n")
    assert not told(project, [], "good.target (config/config.yaml, line 1): names the column 'anw")
    assert not told(project, ["--config", "datasets={good: {target: anser}}"], "(--config): names")
    made_by_a_rule = "rule made:\n    output: 'good.csv'\n    shell: 'exit 1'\n"
    project.write("Snakefile", f"include: {str(project.root / 'Snakefile')!r}\n{made_by_a_rule}")
    done = run(project, ["--snakefile", "Snakefile"])
    assert done.returncode == 0 and "names the column" not in done.stdout


def test_an_output_that_is_a_users_file_is_refused_before_any_job(tmp_path):
    project = prepared(tmp_path)
    batches = {"feb": {"input": "good.csv", "output": "mine/../mine/feb.csv"}}
    project.write("config/config.yaml", yaml.safe_dump(GOOD | {"predictions": batches}))
    expected = (
        "feb.output (config/config.yaml, line 9): mine/../mine/feb.csv is there already, and no"
    )
    assert not told(project, [], expected)
    done = subprocess.run(project.command(), cwd=project.folder, capture_output=True, check=False)
    assert done.returncode == 1 and (tmp_path / "mine/feb.csv").read_text() == "precious\n"


def test_a_folder_without_a_config_is_told(tmp_path):
    project = Project(tmp_path)
    done = run(project, [])
    assert done.returncode == 1 and "config/config.yaml: there is no such file in" in done.stdout
    assert "Traceback" not in done.stdout


def test_code_in_the_folders_config_is_not_run(tmp_path):
    project = prepared(tmp_path)
    code = '?__import__("pathlib").Path("ran").touch()'
    project.write("config/config.yaml", f"__use_yte__: true\nseeds: {code!r}\n")
    assert not told(project, [], "this lets the file run code in Snakemake; remove the key")
    assert not (tmp_path / "ran").exists()


# Snakemake itself reads what --configfile names, before any of our code: it stops at these, or
# makes something of them, in its own words.
READ_BY_SNAKEMAKE_FIRST = {
    *("tab", "open bracket", "no colon", "control character", "null character", "not UTF-8"),
    *("UTF-16", "empty", "comments alone", "a list", "a word", "nothing", "two documents"),
    *("a Python tag", "own tag", "list as key", "no such date", "no number", "merge of a number"),
    *("number without end", "mapping in itself", "bomb of mappings", "deep", "very deep"),
    *("alias to nothing", "code of YTE", "no such date as key"),
}


@pytest.mark.proof
@pytest.mark.parametrize("door", DOORS)
def test_every_bad_config_through_every_door(tmp_path, door):
    file, arguments = DOORS[door]
    cases = [
        (yaml.safe_dump(config, sort_keys=False), said.rpartition(": ")[2])
        for config, said in BAD_CONFIGS
        if "once as a number" not in said
    ]
    cases += [
        (text, said)
        for name, (text, said) in BAD_TEXTS.items()
        if door != "--configfile" or name not in READ_BY_SNAKEMAKE_FIRST
    ]
    assert len(cases) > 140

    wrong = []
    for number, (text, expected) in enumerate(cases):
        project = prepared(tmp_path / str(number))
        project.write(file, text)
        wrong += filter(None, [told(project, arguments, expected)])
    assert not wrong, "\n".join([f"{len(wrong)} of {len(cases)}:", *wrong])
