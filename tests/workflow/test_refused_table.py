"""A table that is refused costs none of what was made of it before."""

import json

from running import small_table


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
