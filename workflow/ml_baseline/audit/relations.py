"""How the columns of a table go along with each other within the classes."""

from functools import cached_property

import numpy as np

from ml_baseline.audit.strength import NORMAL, PRIOR_ROWS, distance
from ml_baseline.audit.views import Scored

# Columns that go along this closely within both classes are one column said twice.
SAME = 0.9
# Rows that columns are compared on.
COMPARED_ROWS = 5_000
# Rows of a class that must differ from its most frequent value.
FEWEST_OTHERS = 10


class Relations:
    """How the columns go along with each other within the classes."""

    def __init__(self, scored: list[Scored], target: np.ndarray):
        self.scored = [one for one in scored if one.view.what in ("value", "date", "missing")]
        self.target = target
        self.rows = np.arange(len(target))
        if len(target) > COMPARED_ROWS:
            chosen = np.random.default_rng(0).choice(len(target), COMPARED_ROWS, replace=False)
            self.rows = np.sort(chosen)

    @cached_property
    def _ranks(self) -> tuple[list[np.ndarray], np.ndarray]:
        """The ranks of all columns by class, and where those of each column begin."""
        ranks = [self._own_ranks(one) for one in self.scored]
        begins = np.cumsum([0, *(len(own[0]) for own in ranks[:-1])])
        return [np.concatenate([own[value] for own in ranks]) for value in (0, 1)], begins

    @cached_property
    def _varied(self) -> np.ndarray:
        """Whether enough rows of a class have another value than most: few go along by luck."""
        target = self.target[self.rows]
        rest = []
        for one in self.scored:
            codes = one.view.codes[self.rows]
            counts = [np.bincount(codes[target == value], minlength=1) for value in (0, 1)]
            rest.append([of_class.sum() - of_class.max() for of_class in counts])
        return np.array(rest).T >= FEWEST_OTHERS

    def _own_ranks(self, one: Scored) -> list[np.ndarray]:
        """Return a column's ranks by class: of its expected share of ones, and of its numbers."""
        view = one.view
        # By all rows: scores that differ by fold would make all columns go along with the folds.
        rows = np.bincount(view.codes, minlength=view.size)
        ones = np.bincount(view.codes, weights=self.target, minlength=view.size)
        expected = (ones + PRIOR_ROWS * self.target.mean()) / (rows + PRIOR_ROWS)
        kinds = [expected[view.codes][self.rows]]
        if view.numbers is not None:
            numbers = view.numbers[self.rows]
            middle = np.nanmedian(numbers) if not np.isnan(numbers).all() else 0.0
            kinds.append(np.where(np.isnan(numbers), middle, numbers))
        target = self.target[self.rows]
        return [np.stack([unit_ranks(kind[target == value]) for kind in kinds]) for value in (0, 1)]

    def _others(self, one: Scored, subjects: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Return which columns are others indeed, and the rank correlations with all, by class."""
        own = self._own_ranks(one)
        ranks, begins = self._ranks
        by_class = zip(own, ranks, strict=True)
        largest = np.stack([np.abs(of_one @ of_all.T).max(axis=0) for of_one, of_all in by_class])
        correlations = np.maximum.reduceat(largest, begins, axis=1)
        other = np.array([rival.view.subject not in subjects for rival in self.scored])
        return other & (correlations.min(axis=0) < SAME), correlations

    def gap(self, one: Scored) -> float:
        """Return how far ahead of the best other column it is, in d'."""
        other, _ = self._others(one, (one.view.subject,))
        rivals = [self.scored[i].auc for i in np.flatnonzero(other)]
        # Alone in the table: there is nothing that it could stand out from.
        return distance(one.auc) - distance(max(rivals)) if rivals else 0.0

    def dependence(self, one: Scored, own: tuple[str, ...] = ()) -> float:
        """Return the largest correlation with another column within a class, less that of chance.

        `own` are the subjects that are no others; the view's own if empty.
        """
        other, correlations = self._others(one, own or (one.view.subject,))
        if other.sum() < 3:
            return 1.0
        counts = np.bincount(self.target[self.rows], minlength=2)
        z = NORMAL.inv_cdf(1 - 0.1 / (8 * other.sum()))
        chance = z / np.sqrt(np.maximum(counts, 1))
        beyond = np.where(self._varied, correlations, 0.0) - chance[:, None]
        return float(beyond[:, other].max())


def unit_ranks(values: np.ndarray) -> np.ndarray:
    """Return mean ranks, centred and of length 1 (of length 0 if all are equal), float32."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2)[places]
    ranks = ranks - ranks.mean() if len(ranks) else ranks
    length = np.sqrt(np.dot(ranks, ranks))
    return (ranks / length if length > 0 else ranks).astype(np.float32)
