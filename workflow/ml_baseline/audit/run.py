"""The leak audit: is the score of this table too good to be true, and why?

Everything here is plain numpy and pandas on at most a fixed number of rows, so that the audit
costs a small part of the run it looks at. What it finds, and what no program can find, stands in
docs/audit.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

import pandas as pd

import ml_baseline.audit.checks  # noqa: F401  # registers them
from ml_baseline.audit.context import Context
from ml_baseline.audit.findings import COLUMNS, VERDICTS
from ml_baseline.audit.registry import CHECKS
from ml_baseline.data.schema import Doubt, Schema
from ml_baseline.data.tables import one_below_the_other
from ml_baseline.errors import InputError


def audit(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    schema: Schema,
    oof: Mapping[str, pd.DataFrame],
    settings: dict | None = None,
    doubts: Sequence[Doubt] = (),
) -> pd.DataFrame:
    """Return what speaks for and against trusting the scores of this split.

    Args:
        train: the cleaned training rows, shape (rows, columns), without copies.
        holdout: the cleaned holdout rows.
        schema: the table's input schema.
        oof: for each model its out-of-fold predictions, columns `row_id, fold, target, probability`.
        settings: `strategy` of the split ("stratified", "group" or "time"; default "stratified")
            and `random_state` (default 0).
        doubts: what is not certain about how the table was read.

    Returns the columns of `findings.Finding`; at least one row for each check, the failures first, then
    the warnings. Raises InputError if a side lacks a class.
    """
    for side, table in (("training", train), ("holdout", holdout)):
        if table[schema["target"]].nunique() < 2:
            raise InputError(
                f"the {side} rows ({len(table):,}) have fewer than two classes of "
                f"'{schema['target']}'; an audit needs both on either side"
            )
    settings = {"strategy": "stratified", "random_state": 0} | (settings or {})
    strategy, seed = settings["strategy"], settings["random_state"]
    sides, training_rows = [train, holdout], len(train)
    del train, holdout, table  # of a large table nobody has them any more then
    both = one_below_the_other(sides)
    context = Context(both, training_rows, schema, oof, strategy, seed, doubts)
    findings = [
        replace(finding, check=check.name)
        for check in CHECKS.values()
        for finding in check.findings(context)
    ]
    findings.sort(key=lambda finding: VERDICTS.index(finding.verdict))
    return pd.DataFrame(map(asdict, findings), columns=list(COLUMNS))
