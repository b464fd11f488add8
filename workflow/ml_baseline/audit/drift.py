"""Time that a random split ignores, and a holdout that is unlike the training rows."""

import re

import numpy as np
import pandas as pd

from ml_baseline.audit.findings import Finding, config_entry, judged, passed
from ml_baseline.audit.scoring import binned, folds_of, rank_auc, standard_error, strength
from ml_baseline.audit.views import columns_of, dates_of, matrix_of
from ml_baseline.data.schema import columns_of_role, feature_columns

# A column of numbers is taken for a time by its name; that is a guess, and never a failure.
TIME_NAMES = re.compile(
    r"(?:^|[^a-z])(?:date|datetime|timestamp|year|yyyymm|yearmonth|epoch|period)(?:$|[^a-z])"
    r"|^(?:week|month|quarter|time)(?:$|[^a-z])|[^a-z]time$"
)
FEWEST_TIMES = 5
FEWEST_ROWS = 20
# The share of rows that counts as the future, and rows on either side of a row in time.
FUTURE = 0.4
BESIDE = 5
# How many standard errors make a difference plain; more for many columns looked at.
PLAINLY = 3.0
RIDGE = 10.0


def time_order(
    train: pd.DataFrame,
    schema: dict,
    folds: np.ndarray,
    strategy: str,
    limits: dict,
    random: np.random.Generator,
) -> list[Finding]:
    """Return the findings on times that a random split ignores.

    Two questions for each time: does the share of ones move with it, and is a simple model (ridge
    regression) worse on later rows if it has seen earlier ones only than if it has seen as many
    rows of all times?
    """
    times = _times(train, schema)
    if strategy == "time":
        return [
            passed(
                "time_order",
                ", ".join(times),
                0.0,
                limits["time_order"].warn,
                "The split is by time.",
            )
        ]
    target = train[schema["target"]].to_numpy()
    findings, most = [], (0.0, "")
    matrix = matrix_of(train, schema, 100) if times else None
    for subject, (numbers, declared) in times.items():
        known = ~np.isnan(numbers)
        if known.sum() < 100 or len(np.unique(numbers[known])) < FEWEST_TIMES:
            continue
        drift = _drift(numbers[known], target[known], folds[known])
        loss, error = _loss_in_time(matrix[known], numbers[known], target[known], random)
        if loss > most[0]:
            most = (loss, subject)
        fix = config_entry(split={"strategy": "time"}, time=subject)
        verdict, limit = judged(loss, limits["time_order"])
        if verdict == "fail" and not declared:
            verdict, limit = "warn", limits["time_order"].warn
        if verdict != "pass" and loss >= PLAINLY * error:
            findings.append(
                Finding(
                    "time_order",
                    subject,
                    loss,
                    limit,
                    verdict,
                    f"A simple model that learns from earlier rows only loses {loss:.3f} of its "
                    f"ROC-AUC on rows later in '{subject}' (limit {limit:g}).",
                    "A random split lets a model learn from the future of the rows it is scored on. "
                    "Split by time.",
                    fix,
                )
            )
            continue
        verdict, limit = judged(drift, limits["time_drift"])
        ones = float(target[known].sum())
        chance = standard_error(0.5, ones, known.sum() - ones)
        if verdict != "pass" and drift - 0.5 >= 4 * chance:
            findings.append(
                Finding(
                    "time_order",
                    subject,
                    drift,
                    limit,
                    verdict,
                    f"The share of ones moves with '{subject}', which alone has a ROC-AUC of "
                    f"{drift:.3f} (limit {limit:g}).",
                    "A random split scores the model on times it knows, and new rows will be of "
                    f"times it does not. If '{subject}' is the time of the event, split by time.",
                    fix,
                )
            )
    if findings:
        return findings
    return [
        passed(
            "time_order",
            most[1] or ", ".join(times),
            most[0],
            limits["time_order"].warn,
            "Learning from earlier rows only makes no difference."
            if times
            else "No column looks like a time.",
        )
    ]


def _times(train: pd.DataFrame, schema: dict) -> dict[str, tuple[np.ndarray, bool]]:
    """Return the columns that may be a time, by the name to show: numbers, and whether declared."""
    times: dict[str, tuple[np.ndarray, bool]] = {}
    for name in columns_of_role(schema, "time"):
        times[name] = train[name].to_numpy(dtype=np.float64), True
    for source, days in dates_of(train, schema).items():
        times[source] = days, True
    sources = {entry["source"] for entry in schema["columns"] if "part" in entry}
    for name in feature_columns(schema, "integer", "number"):
        entry = next(entry for entry in schema["columns"] if entry["name"] == name)
        if entry.get("source") in sources:
            continue
        numbers = train[name].to_numpy(dtype=np.float64)
        known = ~np.isnan(numbers)
        if known.sum() < 100:
            continue
        if TIME_NAMES.search(name.lower()) is not None:
            times[name] = numbers, False
    return times


def _drift(numbers: np.ndarray, target: np.ndarray, folds: np.ndarray) -> float:
    """Return the roc_auc of time alone: by stretches of time, or by the rows just beside."""
    codes, size = binned(numbers)
    by_stretch = strength(codes, size, target, folds, numbers).auc
    order = np.argsort(numbers, kind="stable")
    ones = target[order].astype(np.float64)
    window = np.convolve(ones, np.ones(2 * BESIDE + 1), mode="same") - ones
    return max(by_stretch, rank_auc(window, target[order]))


def _loss_in_time(
    matrix: np.ndarray, numbers: np.ndarray, target: np.ndarray, random: np.random.Generator
) -> tuple[float, float]:
    """Return the roc_auc lost on later rows by learning from earlier rows only, and its error.

    Both models learn from as many rows and are scored on the same ones: the later rows are dealt
    in two, and for each half the other model learns from rows of all times but that half.
    """
    ranks = np.argsort(np.argsort(numbers, kind="stable"), kind="stable") / len(numbers)
    # Rows of the same time are on the same side of the present.
    boundary = np.sort(numbers)[int((1 - FUTURE) * (len(numbers) - 1))]
    later = np.flatnonzero(numbers > boundary)
    earlier = np.flatnonzero(numbers <= boundary)
    if len(later) < 50 or len(earlier) < 50:
        return 0.0, 1.0
    stretches = np.minimum((ranks * 16).astype(int), 15)
    # Given rows of all times, a model can learn what each stretch of time was like, and how the
    # meaning of a column changed.
    with_time = np.column_stack(
        [matrix, np.eye(16)[stretches] - 1 / 16, matrix * (2 * ranks - 1)[:, None]]
    )
    halves = random.permutation(len(later)) % 2
    losses, errors = [], []
    for half in (0, 1):
        asked = later[halves == half]
        others = np.setdiff1d(np.arange(len(numbers)), asked)
        any_time = random.permutation(others)[: len(earlier)]
        truth = target[asked]
        if any(len(np.unique(target[rows])) < 2 for rows in (asked, earlier, any_time)):
            return 0.0, 1.0
        known = rank_auc(ridge(with_time[any_time], target[any_time], with_time[asked]), truth)
        unknown = rank_auc(ridge(matrix[earlier], target[earlier], matrix[asked]), truth)
        losses.append(known - unknown)
        errors.append(standard_error(known, truth.sum(), len(truth) - truth.sum()))
    return float(np.mean(losses)), float(np.sqrt(np.square(errors).sum()) / 2)


def ridge(matrix: np.ndarray, target: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return scores of the rows `asked` from a ridge regression on `matrix`, shape (asked rows,)."""
    mean = matrix.mean(axis=0)
    centred = matrix - mean
    gram = centred.T @ centred
    gram[np.diag_indices_from(gram)] += RIDGE
    weights = np.linalg.solve(gram, centred.T @ (target - target.mean()))
    return (asked - mean) @ weights


def train_holdout_shift(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    schema: dict,
    strategy: str,
    limits: dict,
    random: np.random.Generator,
) -> list[Finding]:
    """Return the findings on a holdout that can be told from the training rows."""
    together = pd.concat([train, holdout], ignore_index=True)
    is_holdout = np.repeat([0, 1], [len(train), len(holdout)])
    # Rows with identical features are all on one side: each counts once, or many twins would look
    # like a difference between the sides.
    twins = pd.util.hash_pandas_object(together[feature_columns(schema)], index=False).duplicated()
    together, is_holdout = together[~twins.to_numpy()], is_holdout[~twins.to_numpy()]
    together = together.reset_index(drop=True)
    if np.bincount(is_holdout, minlength=2).min() < FEWEST_ROWS:
        limit = limits["train_holdout_shift"].warn
        return [
            passed(
                "train_holdout_shift", "", 0.5, limit, "There are too few different rows to tell."
            )
        ]
    folds = folds_of(is_holdout, random)
    chance = standard_error(0.5, is_holdout.sum(), len(is_holdout) - is_holdout.sum())
    ignored = set(_times(train, schema)) if strategy == "time" else set()
    results = []
    columns = columns_of(together, schema)
    for view in [*columns.values, *columns.signs]:
        if view.subject not in ignored:
            auc = strength(view.codes, view.size, is_holdout, folds, view.numbers).auc
            results.append((auc, view.subject))
    if strategy == "stratified":
        row = together["row_id"].to_numpy(dtype=np.float64)
        codes, size = binned(row)
        results.append((strength(codes, size, is_holdout, folds, row).auc, "row_id"))
    target = together[schema["target"]].to_numpy()
    results.append((strength(target, 2, is_holdout, folds).auc, schema["target"]))
    matrix = matrix_of(together, schema)
    scores = np.empty(len(together))
    for half in (0, 1):
        asked = folds % 2 == half
        scores[asked] = ridge(matrix[~asked], is_holdout[~asked], matrix[asked])
    results.append((rank_auc(scores, is_holdout), "all columns together"))
    # The best of many figures is above 0.5 by chance alone.
    beyond = 0.5 + (3.0 + np.sqrt(2 * np.log(len(results)))) * chance
    best: dict[str, float] = {}
    for auc, subject in results:
        best[subject] = max(auc, best.get(subject, 0.0))
    results = sorted(((auc, subject) for subject, auc in best.items()), reverse=True)
    findings = []
    for auc, subject in results[:3]:
        verdict, limit = judged(auc, limits["train_holdout_shift"])
        if auc < beyond or verdict == "pass":
            continue
        if strategy != "stratified":
            verdict, limit = "warn", limits["train_holdout_shift"].warn
        what = (
            "All columns together tell"
            if subject == "all columns together"
            else f"'{subject}' tells"
        )
        why = {
            "time": "The rows have changed with time, and will go on changing.",
            "group": "The holdout has few groups, or groups of another kind.",
        }.get(strategy, "The holdout is no random part of the table: its score is of other rows.")
        todo = {
            "time": "Expect a lower score later, and find out what has changed.",
            "group": "Use several seeds, and look at how far their scores differ.",
        }.get(strategy, "Let this workflow split the table.")
        findings.append(
            Finding(
                "train_holdout_shift",
                subject,
                auc,
                limit,
                verdict,
                f"{what} holdout rows from training rows with a ROC-AUC of {auc:.3f} (limit "
                f"{limit:g}).",
                f"{why} {todo}",
            )
        )
    if findings:
        return findings
    auc, subject = results[0]
    return [
        passed(
            "train_holdout_shift",
            subject,
            auc,
            max(limits["train_holdout_shift"].warn, beyond),
            f"Holdout rows look like training rows: what tells them apart best is '{subject}', "
            f"with a ROC-AUC of {auc:.3f}.",
        )
    ]
