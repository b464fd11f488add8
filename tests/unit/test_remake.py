"""A file that was changed by hand is kept when it is made again."""

from ml_baseline.jobs import remake, snakemake_internals
from ml_baseline.jobs.remake import Remake


def test_what_was_kept_before_is_not_replaced(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(snakemake_internals, "force", lambda *_: None)
    monkeypatch.setattr(snakemake_internals, "outputs_of_rules", lambda _, paths: list(paths))
    monkeypatch.setattr(snakemake_internals, "jobs_outputs", lambda _: {str(path)})
    path = tmp_path / "train.csv"
    monkeypatch.setattr(remake, "not_as_written", lambda _: [(path, True)])
    for text in ("first", "second", "third"):
        path.write_text(text)
        Remake(None, [tmp_path]).keep_changed()
    kept = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert kept == {
        "train.csv.changed": "first",
        "train.csv.changed.2": "second",
        "train.csv.changed.3": "third",
    }
    assert f"kept as {path}.changed.3" in capsys.readouterr().err
