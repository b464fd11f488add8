"""Holdout rows that the training rows hold already: twins, noisy copies and mixtures."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from ml_baseline.audit.findings import Finding, judged, passed, quoted
from ml_baseline.audit.views import standardized
from ml_baseline.data.schema import ORDERED_KINDS, feature_columns

# Holdout rows that are looked up, and the work (rows x training rows x columns) they may cost.
MOST_LOOKED_UP, FEWEST_LOOKED_UP, LOOKED_UP_WORK = 400, 100, 1e9
MOST_TRAINING_ROWS = 300_000
# Cells of a distance matrix that are held in memory at a time.
BLOCK = 4_000_000
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
GROUP = (
    "If such rows belong to one customer or patient, name that column as group and split by group."
)
# A text column that is different in nearly all rows identifies the row and says nothing of copies.
DISTINCT_SHARE = 0.9
LEVELS, DIMENSIONS = 8, 12
# Rows whose place on a line is looked at, and how straight the line must be.
MOST_PLACED = 150
COLLINEAR = 0.999999


class _Neighbours(NamedTuple):
    """For each row looked up, what its nearest training rows are like."""

    stands_out: np.ndarray  # whether some are far nearer than those that follow; shape (rows,)
    agrees: np.ndarray  # whether the nearest has the same target
    next_agrees: np.ndarray  # whether the first that follows has
    target: np.ndarray  # the row's own

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
        return float(self.stands_out.mean() * agreeing)

    def _balanced(self, agreeing: np.ndarray, rows: np.ndarray) -> float:
        """Return how often rows agree, in the mean of the classes: a large one agrees anyway."""
        shares = [
            agreeing[rows & (self.target == value)].mean()
            for value in (0, 1)
            if (rows & (self.target == value)).sum() >= FEW_ROWS
        ]
        return float(np.mean(shares)) if shares else float(agreeing[rows].mean())


class _Compared(NamedTuple):
    """A column of the rows looked up and of the training rows, and what agreeing in it is worth."""

    ours: np.ndarray
    theirs: np.ndarray
    close: np.ndarray  # minus the log of the share of training rows within the tolerance
    same: np.ndarray  # ... of those that are equal
    tolerance: float


def exact_duplicates(
    train: pd.DataFrame, holdout: pd.DataFrame, schema: dict, limits: dict
) -> Finding:
    """Return the finding on holdout rows that stand in the training rows feature by feature.

    Where few values make few different rows, twins are coincidence. They count as far as they
    agree on the target more often than chance has it.
    """
    features = feature_columns(schema)
    target = schema["target"]
    both = pd.concat([train[features], holdout[features]], ignore_index=True)
    rows = pd.factorize(pd.util.hash_pandas_object(both, index=False))[0]
    ours, theirs = rows[: len(train)], rows[len(train) :]
    counts = np.bincount(ours, minlength=rows.max() + 1)
    ones = np.bincount(ours, weights=train[target], minlength=rows.max() + 1)
    twins = counts[theirs] > 0
    share = 0.0
    if twins.any():
        wanted = holdout[target].to_numpy()[twins]
        likeness = ones[theirs[twins]] / counts[theirs[twins]]
        agreeing = np.where(wanted == 1, likeness, 1 - likeness).mean()
        base = np.mean(holdout[target].to_numpy())
        chance = base * base + (1 - base) * (1 - base)
        surprising = np.exp(-_surprise(both, schema)[len(train) :][twins]) * len(train) < 0.01
        natural = 1 - surprising.mean()
        excess = max((agreeing - chance) / (1 - chance), 0.0)
        share = twins.mean() * (surprising.mean() + natural * excess)
    verdict, limit = judged(share, limits["exact_duplicates"])
    if verdict == "pass":
        return passed(
            "exact_duplicates",
            "rows",
            share,
            limit,
            f"{twins.sum():,} of {len(holdout):,} holdout rows have a twin among the training rows.",
        )
    return Finding(
        "exact_duplicates",
        "rows",
        share,
        limit,
        verdict,
        f"{twins.mean():.1%} of the holdout rows have the same features as a training row "
        f"({share:.1%} beyond coincidence, limit {limit:.0%}).",
        f"A model that only remembers gets them right. Remove the duplicates from the table. {GROUP}",
    )


def _surprise(table: pd.DataFrame, schema: dict) -> np.ndarray:
    """Return minus the log of each row's chance if the columns were independent, in nats."""
    surprise = np.zeros(len(table))
    for name in feature_columns(schema):
        codes = pd.factorize(table[name], use_na_sentinel=False)[0]
        surprise -= np.log(np.bincount(codes)[codes] / len(codes))
    # Columns are not independent; half of what they seem to say is their own.
    return surprise / 2


def near_duplicates(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    schema: dict,
    limits: dict,
    random: np.random.Generator,
) -> list[Finding]:
    """Return the findings on holdout rows that are noisy copies or mixtures of training rows."""
    target = schema["target"]
    features = feature_columns(schema)
    if len(train) > MOST_TRAINING_ROWS:
        train = train.iloc[np.sort(random.permutation(len(train))[:MOST_TRAINING_ROWS])]
    work = LOOKED_UP_WORK / (len(train) * max(len(features), 1))
    wanted = int(np.clip(work, FEWEST_LOOKED_UP, MOST_LOOKED_UP))
    looked_up = holdout.iloc[np.sort(random.permutation(len(holdout))[:wanted])]
    labels = train[target].to_numpy(), looked_up[target].to_numpy()
    findings = []
    if len(train) > NEIGHBOURS + 1 and features:
        near = _by_distance(train, looked_up, schema, *labels)
        same = _by_agreement(train, looked_up, schema, *labels)
        findings.append(_judge_copies(near, same, train, holdout, schema, limits))
        findings.append(_mixtures(train, looked_up, schema, *labels, limits))
    else:
        findings.append(
            passed(
                "near_duplicates",
                "rows",
                0.0,
                limits["near_duplicates"].warn,
                "There are too few rows to tell.",
            )
        )
    return findings


def _judge_copies(
    near: _Neighbours,
    same: _Neighbours,
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    schema: dict,
    limits: dict,
) -> Finding:
    share = max(near.share(), same.share())
    verdict, limit = judged(share, limits["near_duplicates"])
    todo = (
        "Hand over the table as it was before rows were copied; this workflow augments training "
        f"rows only. {GROUP}"
    )
    if verdict == "fail":
        return Finding(
            "near_duplicates",
            "rows",
            share,
            limit,
            verdict,
            f"{share:.0%} of the holdout rows have a near copy among the training rows (limit "
            f"{limit:.0%}).",
            "These copies are far nearer, or alike in far more columns, than any other row, and "
            "have the same target: a model that only remembers scores as if it understood. "
            f"{todo}",
        )
    copied, columns = _mixed_precision(train, holdout, schema)
    if copied is not None:
        return Finding(
            "near_duplicates",
            "rows",
            copied[1],
            limit,
            copied[0],
            f"{copied[1]:.0%} of the rows have long decimals in {quoted(columns)} where the others "
            "have short ones.",
            "Copies made with noise look like that, and then a holdout row's original may be among "
            f"the training rows. {todo}",
        )
    if verdict == "warn":
        return Finding(
            "near_duplicates",
            "rows",
            share,
            limit,
            verdict,
            f"{share:.0%} of the holdout rows have a near copy among the training rows (limit "
            f"{limit:.0%}).",
            f"A model gets such rows right by remembering. {todo}",
        )
    return passed(
        "near_duplicates",
        "rows",
        share,
        limit,
        f"{share:.1%} of the holdout rows have a near copy among the training rows.",
    )


def _by_distance(
    train: pd.DataFrame,
    looked_up: pd.DataFrame,
    schema: dict,
    train_target: np.ndarray,
    target: np.ndarray,
) -> _Neighbours:
    """Find copies with a little noise: rows much nearer than the ones that follow."""
    space = _space(pd.concat([train, looked_up], ignore_index=True), schema)
    theirs, ours = space[: len(train)], space[len(train) :]
    squares = np.einsum("ij,ij->i", theirs, theirs)
    nearest = np.empty((len(ours), NEIGHBOURS), dtype=np.int64)
    step = max(BLOCK // len(theirs), 1)
    for start in range(0, len(ours), step):
        part = ours[start : start + step]
        distances = squares[None] - 2 * (part @ theirs.T)
        nearest[start : start + step] = np.argpartition(distances, NEIGHBOURS, axis=1)[
            :, :NEIGHBOURS
        ]
    # Again for the few, by their differences: near copies drown in the rounding of the products.
    differences = ours[:, None, :].astype(np.float64) - theirs[nearest]
    distances = np.sqrt(np.einsum("ijk,ijk->ij", differences, differences))
    order = np.argsort(distances, axis=1)
    distances = np.take_along_axis(distances, order, axis=1)
    nearest = np.take_along_axis(nearest, order, axis=1)
    ratios = distances[:, :-1] / np.maximum(distances[:, 1:], 1e-12)
    ratios[distances[:, 1:] <= 0] = 1
    place = ratios.argmin(axis=1)
    rows = np.arange(len(ours))
    return _Neighbours(
        ratios[rows, place] < NEARER,
        train_target[nearest[:, 0]] == target,
        train_target[nearest[rows, place + 1]] == target,
        target,
    )


def _space(table: pd.DataFrame, schema: dict) -> np.ndarray:
    """Return the rows as points, float32, in which two labels are about 1 apart.

    Numbers are in standard deviations. The labels of a category are corners, or, of many labels,
    random directions, which are nearly as far from each other.
    """
    random = np.random.default_rng(0)
    parts = []
    for name in feature_columns(schema):
        numbers = None
        kind = next(entry["kind"] for entry in schema["columns"] if entry["name"] == name)
        if kind in ORDERED_KINDS:
            numbers = standardized(table[name].to_numpy(dtype=np.float64))
            if numbers is None:
                continue
            missing = np.isnan(numbers)
            parts.append(np.where(missing, 0.0, numbers)[:, None])
            if missing.any():
                parts.append(missing[:, None] / 2**0.5)
            continue
        codes = pd.factorize(table[name])[0] + 1
        size = int(codes.max()) + 1
        if size > DISTINCT_SHARE * len(table):
            continue
        corners = (
            np.eye(size) / 2**0.5
            if size <= LEVELS
            else random.normal(0, 1 / (2 * DIMENSIONS) ** 0.5, (size, DIMENSIONS))
        )
        parts.append(corners[codes])
    if not parts:
        return np.zeros((len(table), 1), dtype=np.float32)
    return np.hstack(parts).astype(np.float32)


def _by_agreement(
    train: pd.DataFrame,
    looked_up: pd.DataFrame,
    schema: dict,
    train_target: np.ndarray,
    target: np.ndarray,
) -> _Neighbours:
    """Find copies of which some columns were changed at will: rows that agree in the rest.

    Each agreement counts by how surprising it is (minus the log of the share of training rows that
    agree so), as in the linking of records (Fellegi and Sunter, 1969).
    """
    columns = []
    for name in feature_columns(schema):
        kind = next(entry["kind"] for entry in schema["columns"] if entry["name"] == name)
        if kind in ORDERED_KINDS:
            ours = looked_up[name].to_numpy(dtype=np.float64)
            theirs = train[name].to_numpy(dtype=np.float64)
            scaled = standardized(np.concatenate([theirs, ours]))
            if scaled is None:
                continue
            scaled = np.nan_to_num(scaled, nan=1e4)
            theirs, ours = scaled[: len(train)], scaled[len(train) :]
            ordered = np.sort(theirs)
            agreeing = np.searchsorted(ordered, ours + TOLERANCE, "right") - np.searchsorted(
                ordered, ours - TOLERANCE, "left"
            )
            equal = np.searchsorted(ordered, ours, "right") - np.searchsorted(ordered, ours)
            tolerance = TOLERANCE * 1.0001
        else:
            codes = pd.factorize(pd.concat([train[name], looked_up[name]]))[0] + 1
            theirs, ours = codes[: len(train)], codes[len(train) :]
            agreeing = equal = np.bincount(theirs, minlength=codes.max() + 1)[ours]
            tolerance = 0.0
        close, same = (-np.log(np.maximum(count, 1) / len(train)) for count in (agreeing, equal))
        values = (values.astype(np.float32) for values in (ours, theirs, close, same))
        columns.append(_Compared(*values, tolerance))
    if len(columns) < FEWEST_COLUMNS:
        never = np.zeros(len(looked_up), dtype=bool)
        return _Neighbours(never, never, never, target)
    most = np.sum([column.close for column in columns], axis=0)
    stands_out, agrees, next_agrees = [], [], []
    step = max(BLOCK // len(train), 1)
    for start in range(0, len(looked_up), step):
        part = slice(start, start + step)
        likeness = np.zeros((len(target[part]), len(train)), dtype=np.float32)
        for ours, theirs, close, same, tolerance in columns:
            apart = np.abs(ours[part, None] - theirs[None])
            likeness += close[part, None] * (apart <= tolerance)
            if tolerance:
                likeness += (same - close)[part, None] * (apart <= 0)
        nearest = np.argpartition(-likeness, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        values = np.take_along_axis(likeness, nearest, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        values = np.take_along_axis(values, order, axis=1)
        nearest = np.take_along_axis(nearest, order, axis=1)
        drops = values[:, :-1] - values[:, 1:]
        place = drops.argmax(axis=1)
        rows = np.arange(len(values))
        shared = sum(
            column.close[part]
            * (np.abs(column.ours[part] - column.theirs[nearest[:, 0]]) <= column.tolerance)
            for column in columns
        )
        stands_out.append(
            (drops[rows, place] >= AGREEING * most[part]) & (shared >= MOSTLY * most[part])
        )
        agrees.append(train_target[nearest[:, 0]] == target[part])
        next_agrees.append(train_target[nearest[rows, place + 1]] == target[part])
    parts = (np.concatenate(x) for x in (stands_out, agrees, next_agrees))
    return _Neighbours(*parts, target)


def _mixed_precision(
    train: pd.DataFrame, holdout: pd.DataFrame, schema: dict
) -> tuple[tuple[str, float] | None, list[str]]:
    """Return what the length of the decimals says of copies made with noise, and the columns.

    Noise turns round numbers into ones with all the decimals there are. The same rows then have
    them in every column, and, if each row was copied, as often in each class as the originals.
    """
    target = np.concatenate([train[schema["target"]], holdout[schema["target"]]])
    marks: list[tuple[str, np.ndarray, np.ndarray]] = []
    for name in feature_columns(schema, "number"):
        numbers = np.concatenate([train[name], holdout[name]]).astype(np.float64)
        present = np.isfinite(numbers)
        scaled = np.where(present, numbers, 0.0) * 1e4
        long = np.abs(scaled - np.round(scaled)) > 1e-6 + 2e-15 * np.abs(scaled)
        share = long[present].mean() if present.any() else 0.0
        if 0.05 <= share <= 0.95 and (np.abs(numbers[present]) < 1e8).all():
            marks.append((name, long, present))
    if not marks:
        return None, []
    name, long, present = marks[0]
    alike = [name]
    for other, other_long, other_present in marks[1:]:
        both = present & other_present
        if both.any() and (long == other_long)[both].mean() > 0.995:
            alike.append(other)
    share = float(long[present].mean())
    copies, originals = long & present, ~long & present
    times = copies.sum() / max(originals.sum(), 1)
    exactly = (
        originals.sum() >= 30
        and times == round(times)
        and target[copies].sum() == round(times) * target[originals].sum()
        and len(np.unique(target[originals])) > 1
    )
    if exactly:
        return ("fail", share), alike
    return (("warn", share), alike) if len(alike) >= 2 else (None, [])


def _mixtures(
    train: pd.DataFrame,
    looked_up: pd.DataFrame,
    schema: dict,
    train_target: np.ndarray,
    target: np.ndarray,
    limits: dict,
) -> Finding:
    """Return the finding on rows that lie on the line between two rows of their class.

    That is where SMOTE (Chawla et al., 2002) and its kin put the rows they make up.
    """
    looked_up, target = looked_up[:MOST_PLACED], target[:MOST_PLACED]
    both = pd.concat([train, looked_up], ignore_index=True)
    parts = []
    for name in feature_columns(schema, "number", "integer"):
        raw = both[name].to_numpy(dtype=np.float64)
        # Few values make a lattice, in which lines are everywhere.
        if np.isnan(raw).any() or len(np.unique(raw)) < max(50, len(raw) / 10):
            continue
        numbers = standardized(raw)
        if numbers is not None and (np.abs(numbers) < 8).all():  # a clipped value is off the line
            parts.append(numbers)
    share = 0.0
    if len(parts) >= 4:
        space = np.column_stack(parts)
        theirs, ours = space[: len(train)], space[len(train) :]
        on_line = 0
        for value in (0, 1):
            own = np.flatnonzero(train_target == value)
            rows = np.flatnonzero(target == value)
            if len(own) > NEIGHBOURS + 1 and len(rows):
                on_line += _on_lines(ours[rows], theirs[own])
        share = on_line / len(looked_up)
    verdict, limit = judged(share, limits["interpolated_rows"])
    if verdict == "pass":
        return passed(
            "interpolated_rows",
            "rows",
            share,
            limit,
            f"{share:.1%} of the holdout rows lie on a line between two training rows.",
        )
    return Finding(
        "interpolated_rows",
        "rows",
        share,
        limit,
        verdict,
        f"{share:.0%} of the holdout rows lie exactly on a line with two training rows of their "
        f"class (limit {limit:.0%}).",
        "Rows that SMOTE or the like made up before the split carry holdout rows into the training "
        "rows and back. Hand over the table without them, and balance the classes inside the model "
        "(class_weight: balanced among its params).",
    )


def _on_lines(ours: np.ndarray, theirs: np.ndarray) -> int:
    """Return how many of our points lie on a line with two of their nearest ones."""
    squares = np.einsum("ij,ij->i", theirs, theirs)
    count = 0
    step = max(BLOCK // len(theirs), 1)
    for start in range(0, len(ours), step):
        part = ours[start : start + step]
        distances = squares[None] - 2 * (part @ theirs.T)
        nearest = np.argpartition(distances, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        arrows = theirs[nearest] - part[:, None]
        # Rows that differ in one or two columns lie on a line by nature.
        arrows[(np.abs(arrows) > 1e-9).sum(axis=2) < max(3, 0.6 * ours.shape[1])] = 0
        lengths = np.sqrt(np.einsum("ijk,ijk->ij", arrows, arrows))
        arrows /= np.maximum(lengths, 1e-12)[:, :, None]
        cosines = arrows @ arrows.transpose(0, 2, 1)
        # Two neighbours that are copies of each other lie in one direction; that is no line.
        first, second = lengths[:, :, None], lengths[:, None, :]
        alike = np.abs(first - second) < 0.05 * np.maximum(first, second)
        cosines = np.where(alike & (cosines > 0), 0, np.abs(cosines))
        count += int((cosines.max(axis=(1, 2)) > COLLINEAR).sum())
    return count
