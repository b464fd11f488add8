"""A table of one's own that stands where a sample did is never made anew, nor judged as the sample."""

import csv

import pytest
from running import small_table

from ml_baseline.data import sample_data
from ml_baseline.data.sample_note import is_sample, note_path

SAMPLE = "data/raw/customers.csv"


def config_of(rows: int = 60, **table) -> dict:
    return {
        "datasets": {
            "customers": {"table": SAMPLE, "target": "purchased", "controls": True, "plots": []}
            | table
        },
        "models": {"dummy": {"estimator": "sklearn.dummy.DummyClassifier"}},
        "sample_data": {"customers": {"rows": rows, "seed": 1}},
        "report": False,
        "register": False,
    }


@pytest.mark.proof
@pytest.mark.parametrize("edited", [False, True])
def test_a_users_table_is_kept(project, edited):
    project.write_config(**config_of())
    project.run("--until", "clean")
    table = project.folder / SAMPLE
    assert is_sample(table)
    own = small_table()
    if edited:  # one cell of the sample, corrected by hand
        lines = table.read_text().splitlines()
        own = "\n".join([*lines[:-1], "99" + lines[-1][lines[-1].index(",") :]]) + "\n"
    project.write(SAMPLE, own)
    target = "purchased" if edited else "answer"
    project.write_config(**config_of(70, target=target))
    project.run("--forceall", "--until", "clean")
    assert table.read_text() == own
    if edited:
        return
    project.run()
    with (project.folder / "results/customers/controls.csv").open() as file:
        assert [row["control"] for row in csv.DictReader(file)] == ["negative"]
    assert table.read_text() == own


@pytest.mark.proof
def test_a_sample_is_made_anew_with_other_settings_and_when_it_is_gone(project):
    project.write_config(**config_of())
    project.run("--until", "clean")
    table = project.folder / SAMPLE
    before = table.read_text()
    project.write_config(**config_of(70))
    project.run("--until", "clean")
    assert len(table.read_text().splitlines()) == 71
    table.unlink()
    project.write_config(**config_of())
    project.run("--until", "clean")
    assert table.read_text() == before


def test_a_dangling_link_is_the_users(project):
    table = project.folder / SAMPLE
    table.parent.mkdir(parents=True)
    table.symlink_to("not/mounted.csv")
    project.write_config(**config_of())
    assert "a link to not/mounted.csv" in " ".join(
        project.snakemake("--until", "clean").stdout.split()
    )
    assert table.is_symlink()


def test_a_sample_is_known_by_its_content(tmp_path):
    path = tmp_path / "t.csv"
    sample_data.write("users", path, rows=60, seed=1)
    assert is_sample(path)
    content = path.read_bytes()
    for other in (content + b"1", content.replace(b"1", b"2", 1)):
        path.write_bytes(other)
        assert not is_sample(path)
    path.write_bytes(content)
    assert is_sample(path)
    note_path(path).write_text("What an older version wrote.")
    assert not is_sample(path)
    note_path(path).unlink()
    assert not is_sample(path)
