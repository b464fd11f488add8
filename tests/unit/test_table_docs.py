"""docs/tables.md names every column of the tables it is about, and no other file."""

import re
from pathlib import Path

import pandas as pd
import pytest

from ml_baseline.data.distributions import COLUMNS
from ml_baseline.scoring.curves import curves
from ml_baseline.scoring.importance import IMPORTANCE, PARTIAL_DEPENDENCE

DOCS = (Path(__file__).parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## `results/<table>/(\S+)`$(.*?)(?=^## |\Z)", DOCS, re.M | re.S))


def in_code(text: str) -> list[str]:
    return re.findall(r"`(\w+)`", text)


@pytest.mark.parametrize(
    ("file", "columns"),
    [
        ("importance.csv", IMPORTANCE),
        ("partial_dependence.csv", PARTIAL_DEPENDENCE),
        ("distributions.csv", COLUMNS),
    ],
)
def test_columns_stand_in_their_table(file, columns):
    first_cells = re.findall(r"^\| (`.*?) \|", SECTIONS[file], re.M)
    assert sorted(in_code(" ".join(first_cells))) == sorted(columns)


def test_curves_have_their_columns_in_order():
    rows = re.findall(r"^\| `(\w+)\.csv` \| (.*?) \|", SECTIONS["curves/"], re.M)
    two = pd.DataFrame({"model": "m", "target": [0, 1], "probability": [0.2, 0.7]})
    assert {name: tuple(in_code(columns)) for name, columns in rows} == {
        name: tuple(table.columns[1:]) for name, table in curves(two, 0.5, 0.95).items()
    }
