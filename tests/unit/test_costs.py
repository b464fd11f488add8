"""What the jobs have cost, from the files they leave to the picture."""

import json

import pandas as pd
import pytest

from ml_baseline.jobs import costs as module
from ml_baseline.jobs.costs import COLUMNS, costs, draw

USED = {"wall_seconds": 2.0, "cpu_seconds": 1.5, "peak_memory_mib": 120.5, "exit_code": 0}


@pytest.fixture
def found(tmp_path):
    """Costs of jobs of two tables, one of them with a name that looks like a seed's."""
    files = {
        "gather": 0.1,
        "small/clean": 0.5,
        "small/seed1/train_forest": 3.0,
        "small/seed2/train_forest": 4.0,
        "large/clean": 5.0,
        "large/seed1/train_forest": 90.0,
        "large/stats": 0.001,
    }
    for name, cpu in files.items():
        path = tmp_path / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(USED | {"cpu_seconds": cpu}))
    return costs(tmp_path.rglob("*.json"), tmp_path, {"small": 100, "large": 10_000})


def test_one_row_a_job_the_dearest_first(found):
    assert list(found) == list(COLUMNS)
    assert found["cpu_seconds"].tolist() == [90.0, 5.0, 4.0, 3.0, 0.5, 0.1, 0.001]
    assert found["job"].tolist()[:2] == ["train_forest", "clean"]
    assert found["seed"].tolist()[2:4] == [2, 1]
    assert pd.isna(found.loc[1, "seed"])
    gather = found[found["job"] == "gather"].iloc[0]
    assert gather["dataset"] == "" and pd.isna(gather["rows"])
    assert found.loc[0, "rows"] == 10_000


def test_the_picture_says_what_the_dearest_stages_cost(found, monkeypatch):
    monkeypatch.setattr(module, "DRAWN_JOBS", 2)
    left, right = draw(found).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["train_forest", "clean"]
    assert left.texts[0].get_text() == "97.0 s, 120 MiB (3 jobs)"
    assert {text.get_text() for text in right.get_legend().get_texts()} == {"train_forest", "clean"}


def test_a_picture_of_one_job(tmp_path):
    (tmp_path / "gather.json").write_text(json.dumps(USED))
    figure = draw(costs(tmp_path.glob("*.json"), tmp_path, {}))
    assert figure.axes[1].get_legend() is None
