"""What is no table through the doors a user has: `snakemake` and `ml-baseline train`."""

import json
import subprocess
import sys

import pytest
from bad_tables import FILES, PLACES
from running import ROOT, small_table

# One of each kind that Snakemake itself might stumble over before our reader does.
SAMPLE = ["fifo.csv", "zero.csv", "loop.csv", "folder.csv", "pdf.csv"]
# The bombs are ones by the limit of the unit tests only.
EVERY = [name for name in (*FILES, *PLACES) if not name.startswith("bomb")]


def put(folder, name: str) -> None:
    if name in PLACES:
        PLACES[name][0](folder / name)
    else:
        (folder / name).write_bytes(FILES[name][0])


def words_of(name: str) -> str:
    return {**FILES, **PLACES}[name][1]


def refused_by_snakemake(project, names: list[str]) -> None:
    """Run the names as tables beside a good one, and look whether each is told as what it is."""
    project.write("good.csv", small_table())
    datasets = {"good": {"table": "good.csv", "target": "answer"}}
    for i, name in enumerate(names):
        put(project.folder, name)
        datasets[f"t{i}"] = {"table": name, "target": "answer", "plots": []}
    project.write_config(datasets=datasets)
    done = project.snakemake("--keep-going", "--until", "clean")
    assert done.returncode != 0 and "Traceback" not in done.stdout
    assert (project.folder / "data/processed/good/cleaned_data.csv").exists()
    logs = project.folder / "results/logs"
    for i, name in enumerate(names):
        said = " ".join((logs / f"t{i}/clean.log").read_text().split())
        assert words_of(name) in said, (name, said)
        assert not list((project.folder / f"data/processed/t{i}").glob("*"))


def refused_by_train(folder, name: str) -> None:
    put(folder, name)
    done = subprocess.run(
        [sys.executable, "-m", "ml_baseline.cli.command"]
        + ["train", "--input", name, "--target", "answer", "--cores", "2"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT / "workflow"), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 1 and words_of(name) in said and "Traceback" not in said, said


def test_snakemake_refuses_each_with_its_reason(project):
    refused_by_snakemake(project, SAMPLE)


@pytest.mark.parametrize("name", ["fifo.csv", "sqlite.csv"])
def test_train_refuses_it_with_its_reason(tmp_path, name):
    refused_by_train(tmp_path, name)


@pytest.mark.proof
def test_snakemake_refuses_all(project):
    refused_by_snakemake(project, [name for name in EVERY if "/" not in name and len(name) < 256])


@pytest.mark.proof
@pytest.mark.parametrize("name", EVERY)
def test_train_refuses_all(tmp_path, name):
    refused_by_train(tmp_path, name)


def test_strict_reading_refuses_a_table_until_the_config_settles_it(project):
    header, *lines = small_table().splitlines()
    days = [f"{1 + i % 12:02}/{1 + i // 12 % 12:02}/2024" for i in range(len(lines))]
    project.write(
        "table.csv", "\n".join([f"{header},d", *map(",".join, zip(lines, days, strict=True))])
    )
    table = {"table": "table.csv", "target": "answer", "plots": [], "reading": "strict"}
    project.write_config(datasets={"one": table})
    done = project.snakemake("--until", "clean")
    said = " ".join(done.stdout.split())
    assert done.returncode != 0 and "'d' was read with the month first" in said
    settled = {"columns": {"d": {"kind": "date", "format": "%d/%m/%Y"}}}
    assert "In the config: columns: {d: {kind: date, format: '%m/%d/%Y'}}" in said
    project.write_config(datasets={"one": table | settled})
    assert project.snakemake("--until", "clean").returncode == 0


@pytest.mark.proof
def test_old_results_stay_as_they_were(project):
    project.write("table.csv", small_table())
    table = {"table": "table.csv", "target": "answer", "plots": []}
    config = {"models": {"dummy": {"estimator": "sklearn.dummy.DummyClassifier"}}}
    project.write_config(datasets={"one": table}, report=False, **config)
    project.run()
    before = project.checksums()
    for bad, words in (
        ({"target": "anwser"}, "did you mean 'answer'?"),
        ({"positive": "perhaps"}, "`positive: perhaps`"),
    ):
        project.write_config(datasets={"one": table | bad}, report=False, **config)
        done = project.snakemake()
        assert done.returncode != 0 and words in " ".join(done.stdout.split())
        assert project.checksums() == before
    project.write("table.csv", b"%PDF-1.7\n\x00\x01")
    assert "this is a PDF" in " ".join(project.snakemake().stdout.split())
    assert project.checksums() == before
    # What is settled at last is made, from what the files and the config say now.
    project.write("table.csv", small_table().replace("red", "violet"))
    project.write_config(datasets={"one": table | {"positive": "no"}}, report=False, **config)
    said = project.run()
    assert "clean" in said
    schema = json.loads((project.folder / "data/processed/one/input_schema.json").read_text())
    assert schema["positive"] == ["no"]
    assert "violet" in (project.folder / "data/processed/one/cleaned_data.csv").read_text()
    project.write("table.csv", small_table())
    project.write_config(datasets={"one": table}, report=False, **config)
    project.run()
    assert project.checksums() == before
    assert "Nothing to be done" in project.run()
