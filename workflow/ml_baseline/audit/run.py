"""The leak audit: is the score of this table too good to be true, and why?

Everything here is plain numpy and pandas on at most a fixed number of rows, so that the audit
costs a small part of the run it looks at. What it finds, and what no program can find, stands in
docs/audit.md.
"""

import numpy as np
import pandas as pd

from ml_baseline.audit import copies, disguise, drift, entities, evidence, order, preparation
from ml_baseline.audit.findings import COLUMNS, LIMITS, Finding, Limit
from ml_baseline.audit.scoring import folds_of
from ml_baseline.audit.views import columns_of
from ml_baseline.errors import InputError

# Rows that the checks of columns, orders and times look at; more would change no verdict.
MOST_ROWS = 20_000
VERDICTS = ("fail", "warn", "pass")


def audit(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    schema: dict,
    oof: dict[str, pd.DataFrame],
    settings: dict | None = None,
) -> pd.DataFrame:
    """Return what speaks for and against trusting the scores of this split.

    Args:
        train: the cleaned training rows, shape (rows, columns), without copies.
        holdout: the cleaned holdout rows.
        schema: the table's input schema.
        oof: for each model its out-of-fold predictions, columns `row_id, fold, target,
            probability`; empty if there are none.
        settings: `strategy` of the split ("stratified", "group" or "time"; default "stratified"),
            `random_state` (default 0) and `limits`: other limits than `findings.LIMITS`, by name,
            each a mapping with `warn`, `fail` or both.

    Returns:
        The columns of `findings.Finding`; at least one row for each check, the failures first, then
        the warnings. The same input gives the same rows.

    Raises:
        InputError: the settings name a limit or a strategy that does not exist, or a side lacks
            a class.
    """
    settings = settings or {}
    strategy = settings.get("strategy", "stratified")
    if strategy not in ("stratified", "group", "time"):
        raise InputError(
            f"found the strategy '{strategy}', expected stratified, group or time; "
            "correct `split: strategy`"
        )
    limits = _limits(settings.get("limits") or {})
    for side, table in (("training", train), ("holdout", holdout)):
        if table[schema["target"]].nunique() < 2:
            raise InputError(
                f"the {side} rows ({len(table):,}) have fewer than two classes of "
                f"'{schema['target']}'; an audit needs both on either side"
            )
    seed = settings.get("random_state", 0)
    sample = _sample(train, schema, MOST_ROWS, np.random.default_rng((seed, 1)))
    findings: list[Finding] = [
        evidence.sealed_holdout(train, holdout, oof, limits),
        *evidence.class_sizes(train, holdout, schema, limits),
        copies.exact_duplicates(train, holdout, schema, limits),
        *copies.near_duplicates(train, holdout, schema, limits, np.random.default_rng((seed, 2))),
        *entities.shared_entities(train, holdout, schema, strategy, limits),
        *preparation.prepared_before_split(train, holdout, schema, limits),
        *_of_columns(sample, schema, oof, strategy, limits, seed),
        *_of_sides(sample, holdout, schema, strategy, limits, seed),
    ]
    findings.sort(key=lambda finding: VERDICTS.index(finding.verdict))
    return pd.DataFrame(findings, columns=list(COLUMNS))


def _of_columns(
    sample: pd.DataFrame,
    schema: dict,
    oof: dict[str, pd.DataFrame],
    strategy: str,
    limits: dict,
    seed: int,
) -> list[Finding]:
    """Return the findings on what columns, pairs, models, ids and times tell of the target."""
    target = sample[schema["target"]].to_numpy()
    folds = folds_of(target, np.random.default_rng((seed, 3)))
    scored = disguise.score_all(columns_of(sample, schema), target, folds)
    singles = disguise.single_features(scored, target, limits)
    settled = {finding.subject for finding in singles if finding.verdict == "fail"}
    pairs = disguise.feature_pairs(
        scored,
        target,
        folds,
        settled,
        limits,
        np.random.default_rng((seed, 4)),
        lambda name: sample[name].to_numpy(dtype=object),
    )
    strongest = max((one.strength.auc for one in scored), default=0.5)
    return [
        *evidence.model_score(oof, strongest, limits),
        *singles,
        *pairs,
        order.row_order(sample, schema, folds, strategy, limits),
        *order.ids(sample, schema, folds, limits, settled),
        *drift.time_order(
            sample, schema, folds, strategy, limits, np.random.default_rng((seed, 5))
        ),
    ]


def _of_sides(
    sample: pd.DataFrame,
    holdout: pd.DataFrame,
    schema: dict,
    strategy: str,
    limits: dict,
    seed: int,
) -> list[Finding]:
    """Return the findings on differences between the two sides."""
    random = np.random.default_rng((seed, 6))
    other = _sample(holdout, schema, MOST_ROWS // 2, random)
    return drift.train_holdout_shift(sample, other, schema, strategy, limits, random)


def _sample(
    table: pd.DataFrame, schema: dict, most: int, random: np.random.Generator
) -> pd.DataFrame:
    """Return at most so many rows, in their order; a rare class keeps more of its rows."""
    if len(table) <= most:
        return table
    target = table[schema["target"]].to_numpy()
    chosen = []
    rare = int(target.mean() < 0.5)
    own = random.permutation(np.flatnonzero(target == rare))
    # The roc_auc does not depend on the classes' shares, but on how many rows the smaller one has.
    kept = max(round(most * len(own) / len(table)), min(len(own), most // 10))
    chosen.append(own[:kept])
    chosen.append(random.permutation(np.flatnonzero(target != rare))[: most - kept])
    return table.iloc[np.sort(np.concatenate(chosen))].reset_index(drop=True)


def _limits(changed: dict) -> dict[str, Limit]:
    """Return the limits with some of them changed."""
    limits = dict(LIMITS)
    for name, steps in changed.items():
        if name not in limits:
            raise InputError(
                f"found the limit '{name}', expected one of {', '.join(sorted(limits))}"
            )
        unknown = set(steps) - {"warn", "fail"}
        if unknown:
            raise InputError(
                f"the limit '{name}' has {', '.join(sorted(unknown))}; give warn or fail"
            )
        limits[name] = limits[name]._replace(**steps)
    return limits
