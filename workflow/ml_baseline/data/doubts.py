"""What is not certain about how a table was read, and what was lost: one record for each.

The audit's check `reading`, `reading: strict`, the closing words of a run and `ml-baseline inspect`
tell these records, so all of them have the same words for the same thing.
"""

from typing import get_args

import pandas as pd

from ml_baseline.data.choices import CHOICES
from ml_baseline.data.losses import LOSSES
from ml_baseline.data.read_table import ReadTable
from ml_baseline.data.schema import Doubt, Schema, Severity
from ml_baseline.errors import InputError
from ml_baseline.text import config_entry, together


def doubts(values: pd.DataFrame, schema: Schema, repairs: dict, settings: dict) -> list[Doubt]:
    """Return what is not certain in a reading (see `ReadTable`) and what was lost, the worst first."""
    table = ReadTable(values, schema, repairs, settings)
    found = [doubt for kind in (*CHOICES, *LOSSES) for doubt in kind(table)]
    return sorted(found, key=lambda doubt: get_args(Severity).index(doubt.severity))


def require_certain(found: list[Doubt]) -> None:
    """Raise InputError if anything in the reading of a table is not certain, or was lost."""
    found = [doubt for doubt in found if doubt.severity != "told"]
    fixes = [config_entry(**doubt.settle) for doubt in found]
    lines = [
        f"* {doubt.summary}. {doubt.explanation} In the config: {fix}"
        for doubt, fix in zip(found, fixes, strict=True)
    ]
    if merged := together(fixes):
        lines.append(f"* {merged}")
    if lines:
        raise InputError(
            "with `reading: strict` each column has to be certain, and "
            + "\n".join(["this is not:" if len(lines) == 1 else "these are not:", *lines])
        )
