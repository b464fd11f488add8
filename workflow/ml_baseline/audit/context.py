"""What the audit's checks look at: one split of a table, and what several of them need of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ml_baseline.audit.alone import Alone, judged_alone
from ml_baseline.audit.relations import Relations
from ml_baseline.audit.strength import folds_of
from ml_baseline.audit.views import Scored, matrix_of, scored, views_of
from ml_baseline.data.schema import Doubt, Schema, column

# Rows that the checks of columns, orders and times look at; more would change no verdict.
MOST_ROWS = 20_000
# A column has levels if its values recur and are so many; columns of a matrix that are enough.
FEWEST_LEVELS, WIDEST = 7, 150


@dataclass(frozen=True, eq=False)
class Context:
    """A split of a table. What costs time is computed when it is first asked for, once."""

    train: pd.DataFrame  # cleaned training rows, without copies
    holdout: pd.DataFrame
    schema: Schema
    oof: Mapping[str, pd.DataFrame]  # out-of-fold predictions by model
    strategy: str  # of the split
    seed: int
    doubts: Sequence[Doubt] = ()  # about how the table was read

    def random(self, use: int) -> np.random.Generator:
        """Return the random numbers of one use: what other checks draw does not change them."""
        return np.random.default_rng((self.seed, use))

    def kind(self, name: str) -> str:
        """Return the kind of a column."""
        return column(self.schema, name)["kind"]

    @cached_property
    def both(self) -> pd.DataFrame:
        """The training rows, and below them the holdout rows."""
        return pd.concat([self.train, self.holdout], ignore_index=True)

    @cached_property
    def targets(self) -> np.ndarray:
        """The target of the training and the holdout rows together."""
        return self.both[self.schema["target"]].to_numpy()

    @cached_property
    def sample(self) -> pd.DataFrame:
        """At most `MOST_ROWS` training rows."""
        return sampled(self.train, self.schema, MOST_ROWS, self.random(1))

    @cached_property
    def target(self) -> np.ndarray:
        """The target of the sample."""
        return self.sample[self.schema["target"]].to_numpy()

    @cached_property
    def folds(self) -> np.ndarray:
        """The fold of each row of the sample."""
        return folds_of(self.target, self.random(3))

    @cached_property
    def scored(self) -> list[Scored]:
        """Every view of every feature of the sample, with how far it gives the target away."""
        views = views_of(self.sample, self.schema)
        return [scored(view, self.target, self.folds) for view in views]

    @cached_property
    def relations(self) -> Relations:
        """How the features of the sample go along with each other."""
        return Relations(self.scored, self.target)

    @cached_property
    def alone(self) -> list[Alone]:
        """Each feature of the sample by itself, the strongest first."""
        return judged_alone(self.scored, self.relations, self.target, self.folds)

    @cached_property
    def levels(self) -> dict[str, np.ndarray]:
        """The columns whose values recur, as codes from 0, of all rows."""
        codes = {
            entry["name"]: pd.factorize(self.both[entry["name"]], use_na_sentinel=False)[0]
            for entry in self.schema["columns"]
            if entry["role"] in ("feature", "id", "group")
        }
        return {
            name: of_rows
            for name, of_rows in codes.items()
            if FEWEST_LEVELS <= of_rows.max() < len(of_rows) / 2
        }

    @cached_property
    def blocks(self) -> tuple[np.ndarray, np.ndarray]:
        """The features of all rows as standardized numbers, float32, and the feature of each column."""
        parts: list[np.ndarray] = []
        names: list[str] = []
        for entry in self.schema["columns"]:
            if entry["role"] == "feature" and len(names) < WIDEST:
                parts.append(matrix_of(self.both, {**self.schema, "columns": [entry]}))
                names += [entry["name"]] * parts[-1].shape[1]
        matrix = np.hstack(parts or [np.zeros((len(self.both), 1))]).astype(np.float32)
        return matrix, np.array(names or [""])

    def failed_alone(self) -> set[str]:
        """Return the columns that give the target away by themselves."""
        findings = [one.finding for one in self.alone if one.finding is not None]
        return {finding.subject for finding in findings if finding.verdict == "fail"}


def sampled(
    table: pd.DataFrame, schema: Schema, most: int, random: np.random.Generator
) -> pd.DataFrame:
    """Return at most so many rows, in their order; a rare class keeps more of its rows."""
    if len(table) <= most:
        return table
    target = table[schema["target"]].to_numpy()
    rare = int(target.mean() < 0.5)
    own = random.permutation(np.flatnonzero(target == rare))
    # The roc_auc does not depend on the classes' shares, but on how many rows the smaller one has.
    kept = max(round(most * len(own) / len(table)), min(len(own), most // 10))
    others = random.permutation(np.flatnonzero(target != rare))[: most - kept]
    return table.iloc[np.sort(np.concatenate([own[:kept], others]))].reset_index(drop=True)
