"""What jobs take in memory of a large table, as multiples of its file."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from ml_baseline.jobs.run import ALLOCATION

pytestmark = pytest.mark.proof

ROWS = 1_000_000
# What the jobs do, and the most that they took: of this program alone, which `getrusage` does not tell.
CLEAN = """
import json, sys
from pathlib import Path

from ml_baseline.data.clean import clean
from ml_baseline.data.doubts import doubts
from ml_baseline.data.infer_schema import describe_columns, infer_schema
from ml_baseline.data.tables import read_raw_table, write_table

cfg = {"target": "bought"}
raw, reading = read_raw_table(sys.argv[1], cfg, ["bought"])
schema = infer_schema(raw, cfg, "large", reading)
table, repairs = clean(raw, schema)
schema = describe_columns(schema, table)
doubts(table, schema, reading | repairs, cfg)
write_table(table, sys.argv[2])
Path(sys.argv[3]).write_text(json.dumps(schema))
"""
SPLIT = """
import json, sys
from pathlib import Path

from ml_baseline.data.split import split
from ml_baseline.data.tables import read_table, write_table

schema = json.loads(Path(sys.argv[3]).read_text())
table = read_table(sys.argv[2], schema, texts_as_codes=True)
sides = split(table, schema, "stratified", 0.2, 42)
del table
for side, part in zip(("train", "holdout"), sides):
    write_table(part, Path(sys.argv[2]).with_name(side + ".parquet"))
"""
AUDIT = """
import json, sys
from pathlib import Path

from ml_baseline.audit.run import audit
from ml_baseline.data.tables import read_table

schema, folder = json.loads(Path(sys.argv[3]).read_text()), Path(sys.argv[2]).parent
audit(
    read_table(folder / "train.parquet", schema, texts_as_codes=True),
    read_table(folder / "holdout.parquet", schema, texts_as_codes=True),
    schema,
    {},
)
"""
PLOTS = """
import json, sys
from pathlib import Path

from ml_baseline.data.tables import read_table
from ml_baseline.plots import PICTURES, draw, save

schema = json.loads(Path(sys.argv[3]).read_text())
table = read_table(sys.argv[2], schema, texts_as_codes=True)
for name in (name for name, picture in PICTURES.items() if not picture.columns):
    save(draw(name, table, schema), sys.argv[2] + ".png")
"""
FIT = """
import json, sys
from pathlib import Path

from ml_baseline.data.schema import columns_of_role
from ml_baseline.data.tables import read_table
from ml_baseline.modelling.refit import refit

schema = json.loads(Path(sys.argv[3]).read_text())
learned = columns_of_role(schema, "feature", "target")
table = read_table(sys.argv[2], schema, ["row_id", *learned], texts_as_codes=True)
recipe = {
    "model": json.loads(sys.argv[4]),
    "preprocessing": {"max_categories": 30, "min_frequency": 10},
    "augment": {"method": "none"},
}
refit(table, schema, {"model": recipe}, None, len(table), 0)
"""
# How many times the file a fit to all rows takes.
FITS = {
    "linear_model.LogisticRegression": (4, "ranks", {"C": 0.1, "max_iter": 1000}),
    "ensemble.HistGradientBoostingClassifier": (
        4.3,
        "tree",
        {"max_iter": 5, "early_stopping": True},
    ),
}
PEAK = """
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print(int(status["VmHWM"].split()[0]) / 1024)
"""


def large(rows):
    """Return a table of numbers, whole ones, some with gaps, labels, dates and times, and money."""
    random = np.random.default_rng(0)
    table = {f"number{i}": random.normal(size=rows).round(3) for i in range(8)}
    table |= {f"whole{i}": random.poisson(3 * 10**i, rows) for i in range(4)}
    for i, labels in enumerate((3, 40, 400)):
        table[f"label{i}"] = np.char.add("level ", random.integers(0, labels, rows).astype(str))
    table["gaps"] = np.where(random.random(rows) < 0.1, "", table["whole1"].astype(str))
    table["day"] = (np.datetime64("2018-01-01") + random.integers(0, 2000, rows)).astype(str)
    seconds = random.integers(0, 3600 * 24 * 300, rows)
    table["time"] = (np.datetime64("2022-01-01T00:00:00") + seconds).astype(str)
    table["price"] = np.char.add("$", random.gamma(5, 10, rows).round(2).astype(str))
    table["bought"] = np.where(random.random(rows) < 0.4, "yes", "no")
    return pd.DataFrame(table)


def test_a_large_table_takes_a_few_times_its_file(tmp_path):
    """Three times for what fits no model; for a fit what `FITS` says."""
    table, cleaned, schema = (tmp_path / name for name in ("t.csv", "c.parquet", "schema.json"))
    large(ROWS).to_csv(table, index=False)
    size = table.stat().st_size / 2**20
    environment = os.environ | ALLOCATION | {"PYTHONPATH": os.pathsep.join(sys.path)}
    no_fits = {"clean": CLEAN, "split": SPLIT, "audit": AUDIT, "plots": PLOTS}
    programs: list = [(name, program, 3, {}) for name, program in no_fits.items()]
    for name, (limit, preprocessing, params) in FITS.items():
        model = {"estimator": f"sklearn.{name}", "preprocessing": preprocessing, "params": params}
        programs.append((name, FIT, limit, model))
    for name, program, limit, model in programs:
        files = map(str, (table, cleaned, schema))
        command = [sys.executable, "-c", program + PEAK, *files, json.dumps(model)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        peak = json.loads(done.stdout)
        print(f"{name}: {peak:.0f} MiB for a table of {size:.0f} MiB")
        assert peak < limit * size
