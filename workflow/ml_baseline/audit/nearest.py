"""Which training rows a holdout row is nearest to: what copies and mixtures are told by."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from ml_baseline.audit.context import MOST_NEAR, Context
from ml_baseline.audit.views import matrix_of, standardized
from ml_baseline.data.raw_table import LONG_ROWS
from ml_baseline.data.schema import ORDERED_KINDS, Schema, column, feature_columns

# Holdout rows that are looked up, and the work (rows x training rows x columns) they may cost.
MOST_LOOKED_UP, FEWEST_LOOKED_UP, LOOKED_UP_WORK = 400, 100, 1e9
# Cells of a matrix of distances that are held in memory at a time; of agreements, which are looked at again
# for each column, so many that they stay near the processor.
BLOCK, SMALL_BLOCK = 4_000_000, 300_000
NEIGHBOURS = 9
# A copy is nearer than a third of the distance of the next neighbour that is none.
NEARER = 1 / 3
# Numbers agree if they differ by at most this part of a standard deviation.
TOLERANCE = 0.05
# Two rows are the same row if they agree, beyond what the next row does, in this share of all
# that there is to agree in.
AGREEING = 0.25
MOSTLY = 0.6
FEWEST_COLUMNS = 4
# Copies have the same target but for this many errors; fewer rows of a class say nothing of it.
ALWAYS = 0.98
FEW_ROWS = 5
# Columns of a matrix that distances are taken in.
WIDEST = 1_000
GROUP = (
    "If such rows belong to one customer or patient, name that column as group and split by group."
)


class LookedUp(NamedTuple):
    """Some holdout rows, and the training rows among which they are looked up."""

    both: pd.DataFrame  # the training rows, and below them those that are looked up
    train_target: np.ndarray
    target: np.ndarray
    schema: Schema

    @property
    def enough(self) -> bool:
        """Whether there is anything to compare."""
        return len(self.train_target) > NEIGHBOURS + 1 and bool(feature_columns(self.schema))


def looked_up(context: Context) -> LookedUp:
    """Return the rows to look up: fewer where that costs more."""
    rows, random = context.training_rows, context.random(2)
    train, holdout = np.arange(rows), np.arange(rows, len(context.both))
    if rows > MOST_NEAR:
        train = np.sort(random.permutation(rows)[:MOST_NEAR])
    work = LOOKED_UP_WORK / (len(train) * max(len(feature_columns(context.schema)), 1))
    wanted = int(np.clip(work, FEWEST_LOOKED_UP, MOST_LOOKED_UP))
    asked = holdout[np.sort(random.permutation(len(holdout))[:wanted])]
    both = context.both.iloc[np.concatenate([train, asked])]
    return LookedUp(both, context.targets[train], context.targets[asked], context.schema)


class Neighbours(NamedTuple):
    """For each row looked up, what its nearest training rows are like."""

    stands_out: np.ndarray  # whether some are far nearer than those that follow; shape (rows,)
    agrees: np.ndarray  # whether the nearest has the same target
    next_agrees: np.ndarray  # whether the first that follows has
    target: np.ndarray  # the row's own
    chance: float = 0.0  # the share that stands out where nothing was copied

    def share(self) -> float:
        """Return the share of rows with a copy, less those that only look so.

        A copy has the target of its original. Where the near rows agree on it no more often than
        those that follow, they are neighbours by nature, not copies.
        """
        if not self.stands_out.any():
            return 0.0
        agreeing = self._balanced(self.agrees, self.stands_out)
        by_nature = self._balanced(self.next_agrees, np.ones(len(self.target), dtype=bool))
        if agreeing < ALWAYS and by_nature < 1:
            agreeing = max((agreeing - by_nature) / (1 - by_nature), 0.0)
        beyond = (self.stands_out.mean() - self.chance) / (1 - self.chance)
        return float(max(beyond, 0.0) * agreeing)

    def _balanced(self, agreeing: np.ndarray, rows: np.ndarray) -> float:
        """Return how often rows agree, in the mean of the classes: a large one agrees anyway."""
        of_class = [agreeing[rows & (self.target == value)] for value in (0, 1)]
        shares = [own.mean() for own in of_class if len(own) >= FEW_ROWS]
        return float(np.mean(shares)) if shares else float(agreeing[rows].mean())


class _Compared(NamedTuple):
    """A column of the rows looked up and of the training rows, and what agreeing in it is worth."""

    ours: np.ndarray
    theirs: np.ndarray
    close: np.ndarray  # minus the log of the share of training rows within the tolerance
    same: np.ndarray  # ... of those that are equal
    tolerance: float


def by_distance(looked_up: LookedUp) -> Neighbours:
    """Find copies with a little noise: rows much nearer than the ones that follow."""
    both, train_target, target, schema = looked_up
    theirs, ours = np.split(matrix_of(both, schema, WIDEST, np.float32), [len(train_target)])
    nearest = np.concatenate([places for _, places in nearest_of(ours, theirs)])
    # Again for the few, by their differences: near copies drown in the rounding of the products.
    differences = ours[:, None, :].astype(np.float64) - theirs[nearest]
    distances = np.sqrt(np.einsum("ijk,ijk->ij", differences, differences))
    distances, nearest = _sorted(distances, nearest)
    ratios = distances[:, :-1] / np.maximum(distances[:, 1:], 1e-12)
    ratios[distances[:, 1:] <= 0] = 1
    place = ratios.argmin(axis=1)
    each = np.arange(len(ours))
    agrees = train_target[nearest] == target[:, None]
    stands_out = ratios[each, place] < NEARER
    return Neighbours(stands_out, agrees[:, 0], agrees[each, place + 1], target, _chance(distances))


def _chance(distances: np.ndarray) -> float:
    """Return how often points without copies stand out, by how fast their neighbours thin out.

    In d dimensions the k-th of a point's neighbours is nearer than a share r of the distance of the
    next with the probability r^(k d). The farther half of the neighbours, among which no copies are,
    tells d (Levina and Bickel, 2005, Maximum Likelihood Estimation of Intrinsic Dimension, eq. 8).
    """
    places = np.arange(1, NEIGHBOURS)
    farther = distances[distances[:, NEIGHBOURS // 2] > 0][:, NEIGHBOURS // 2 :]
    if not len(farther):
        return 0.0
    logs = np.log(farther[:, -1:] / farther[:, :-1]).sum() / len(farther)
    expected = np.cumsum(1 / places[: NEIGHBOURS // 2 - 1 : -1]).sum()
    dimensions = expected / max(logs, 1e-9)
    return float(1 - np.prod(1 - NEARER ** (places * dimensions)))


def _sorted(distances: np.ndarray, nearest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances to some training rows and these rows' places, the nearest first."""
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(distances, order, axis=1), np.take_along_axis(nearest, order, axis=1)


def nearest_of(ours: np.ndarray, theirs: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield, for some of our points at a time, the places of their nearest ones, in no order."""
    squares = np.einsum("ij,ij->i", theirs, theirs)
    step = max(BLOCK // len(theirs), 1)
    for start in range(0, len(ours), step):
        part = slice(start, start + step)
        distances = ours[part] @ theirs.T
        distances *= -2
        distances += squares
        places = _least(distances)
        del distances  # before the next ones are made
        yield part, places


def _least(distances: np.ndarray) -> np.ndarray:
    """Return the places of the least in each row, in no order; row by row, as all orders take memory."""
    return np.stack([np.argpartition(row, NEIGHBOURS)[:NEIGHBOURS] for row in distances])


def _independent(columns: list[_Compared]) -> float:
    """Return to how many independent columns these come: agreeing in one may be agreeing in others.

    Of numbers the exponential of the entropy of the eigenvalues of their correlations (Roy and
    Vetterli, 2007, The Effective Rank).
    """
    columns = [column for column in columns if np.ptp(column.theirs) > 0]
    # Of a long table every so-manyth row; what varies in none of these goes with nothing.
    numbers = [
        own.theirs[:: max(len(own.theirs) // LONG_ROWS, 1)] for own in columns if own.tolerance
    ]
    numbers = [own for own in numbers if np.ptp(own) > 0]
    if len(numbers) < 2:
        return len(columns)
    scaled = np.array(numbers, dtype=float)
    scaled -= scaled.mean(axis=1, keepdims=True)
    scaled /= np.linalg.norm(scaled, axis=1, keepdims=True)
    # Of correlations; with fewer rows than columns their products have the same eigenvalues but for zeros.
    products = scaled @ scaled.T if len(scaled) <= scaled.shape[1] else scaled.T @ scaled
    shares = np.linalg.eigvalsh(products) / len(numbers)
    shares = shares[shares > 0]
    return len(columns) - len(numbers) + float(np.exp(-(shares * np.log(shares)).sum()))


def by_agreement(looked_up: LookedUp) -> Neighbours:
    """Find copies of which some columns were changed at will: rows that agree in the rest.

    Each agreement counts by how surprising it is (minus the log of the share of training rows that
    agree so), as in the linking of records (Fellegi and Sunter, 1969).
    """
    both, train_target, target, schema = looked_up
    columns, train_rows, names = [], len(train_target), feature_columns(schema)
    # In one piece: of many small ones memory keeps the holes.
    of_train = np.empty((len(names), train_rows), dtype=np.float32)
    for name, kept in zip(names, of_train, strict=True):
        if column(schema, name)["kind"] in ORDERED_KINDS:
            scaled = standardized(both[name].to_numpy(dtype=np.float64))
            theirs, ours = np.split(np.nan_to_num(scaled, nan=1e4), [train_rows])
            ordered = np.sort(theirs)
            agreeing, equal = (
                np.searchsorted(ordered, ours + off, "right") - np.searchsorted(ordered, ours - off)
                for off in (TOLERANCE, 0.0)
            )
            tolerance = TOLERANCE * 1.0001
        else:
            codes = pd.factorize(both[name])[0] + 1
            theirs, ours = np.split(codes, [train_rows])
            agreeing = equal = np.bincount(theirs, minlength=codes.max() + 1)[ours]
            tolerance = 0.0
        close, same = (-np.log(np.maximum(count, 1) / train_rows) for count in (agreeing, equal))
        kept[:] = theirs
        ours, close, same = (x.astype(np.float32) for x in (ours, close, same))
        columns.append(_Compared(ours, kept, close, same, tolerance))
    found = np.zeros((3, len(target)), dtype=bool)
    if _independent(columns) < FEWEST_COLUMNS - 0.5:
        return Neighbours(found[0], found[1], found[2], target)
    most = np.sum([column.close for column in columns], axis=0)
    step = max(SMALL_BLOCK // train_rows, 1)
    for start in range(0, len(target), step):
        part = slice(start, start + step)
        likeness = np.zeros((len(target[part]), train_rows), dtype=np.float32)
        for ours, theirs, close, same, tolerance in columns:
            apart = np.abs(ours[part, None] - theirs[None])
            likeness += close[part, None] * (apart <= tolerance)
            if tolerance:
                likeness += (same - close)[part, None] * (apart <= 0)
        nearest = _least(-likeness)
        unlikeness, nearest = _sorted(-np.take_along_axis(likeness, nearest, axis=1), nearest)
        drops = np.diff(unlikeness, axis=1)
        place = drops.argmax(axis=1)
        each = np.arange(len(drops))
        shared = sum(
            column.close[part]
            * (np.abs(column.ours[part] - column.theirs[nearest[:, 0]]) <= column.tolerance)
            for column in columns
        )
        stands_out = (drops[each, place] >= AGREEING * most[part]) & (shared >= MOSTLY * most[part])
        alike = train_target[nearest] == target[part, None]
        found[:, part] = stands_out, alike[:, 0], alike[each, place + 1]
    return Neighbours(found[0], found[1], found[2], target)
