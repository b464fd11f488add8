"""What the audit's checks look at: one split of a table, and what several of them need of it."""

from collections import UserDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ml_baseline.audit.alone import judged_alone
from ml_baseline.audit.findings import Finding
from ml_baseline.audit.relations import Relations
from ml_baseline.audit.strength import folds_of
from ml_baseline.audit.views import Scored, scored, views_of
from ml_baseline.data.schema import Doubt, Schema, column, columns_of_role
from ml_baseline.data.tables import read_table

# Rows that the checks of columns, orders and times look at; more would change no verdict.
MOST_ROWS = 20_000
# Rows among which those nearest to a row are looked up.
MOST_NEAR = 300_000
# A column has levels if its values recur and are so many.
FEWEST_LEVELS = 7


class Predictions(UserDict):
    """Tables by their files, read when they are asked for: all together would be as large as a table."""

    def __getitem__(self, name: str) -> pd.DataFrame:
        """Return a table."""
        return read_table(self.data[name])


@dataclass(frozen=True, eq=False)
class Context:
    """A split of a table. What costs time is computed when it is first asked for, once."""

    both: pd.DataFrame  # cleaned training rows, without copies, and below them the holdout rows
    training_rows: int
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

    @property
    def train(self) -> pd.DataFrame:
        """The training rows, a part of `both` in memory too."""
        return self.both.iloc[: self.training_rows]

    @property
    def holdout(self) -> pd.DataFrame:
        """The holdout rows, another part."""
        return self.both.iloc[self.training_rows :].reset_index(drop=True)

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
    def alone(self) -> list[tuple[Scored, Finding | None]]:
        """Each feature of the sample by itself, and what is wrong with it; the strongest first."""
        return judged_alone(self.scored, self.relations, self.target, self.folds)

    @cached_property
    def levels(self) -> dict[str, np.ndarray]:
        """The columns whose values recur, as codes from 0, of all rows."""
        levels = {}
        for name in columns_of_role(self.schema, "feature", "id", "group"):
            codes = pd.factorize(self.both[name], use_na_sentinel=False)[0]
            if FEWEST_LEVELS <= codes.max() < len(codes) / 2:
                levels[name] = codes.astype(np.min_scalar_type(codes.max()))
        return levels

    @cached_property
    def among(self) -> np.ndarray:
        """The places of the rows among which nearest ones are looked up, at most `MOST_NEAR` of all."""
        return np.sort(self.random(10).permutation(len(self.both))[:MOST_NEAR])

    def failed_alone(self) -> set[str]:
        """Return the columns that give the target away by themselves."""
        return {found.subject for _, found in self.alone if found and found.verdict == "fail"}


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
