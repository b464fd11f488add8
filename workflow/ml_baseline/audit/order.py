"""What the place of a row in the file, and its id, tell of the target."""

import numpy as np
import pandas as pd

from ml_baseline.audit.findings import Finding, config_entry, judged, passed
from ml_baseline.audit.scoring import binned, standard_error, strength
from ml_baseline.data.schema import ORDERED_KINDS, columns_of_role, feature_columns

# A figure must be this many standard errors from chance.
PLAINLY = 5.0
# A column of text identifies its rows if nearly all of its values differ.
DISTINCT_SHARE = 0.9


def row_order(
    train: pd.DataFrame, schema: dict, folds: np.ndarray, strategy: str, limits: dict
) -> Finding:
    """Return the finding on the position of the rows in the file."""
    target = train[schema["target"]].to_numpy()
    auc = _order_auc(train["row_id"].to_numpy(dtype=np.float64), target, folds)
    kappa, surety = _neighbours_agree(train["row_id"].to_numpy(), target)
    verdict, limit = judged(auc, limits["row_order"])
    if verdict != "pass" and _plain(auc, target):
        sorted_by = "sorted by class" if auc > 0.95 else "in an order that tells the classes apart"
        return Finding(
            "row_order",
            "row_id",
            auc,
            limit,
            verdict,
            f"The file is {sorted_by}: the position of a row alone has a ROC-AUC of {auc:.3f} "
            f"(limit {limit:g}).",
            "Whatever was numbered, measured or filled in in that order (ids, dates, batches) "
            "carries the answer. If the order is that of time, name its column as time and split "
            "by time; declare what numbers the rows as id.",
        )
    verdict, limit = judged(kappa, limits["row_neighbours"])
    if verdict != "pass" and surety >= PLAINLY and strategy == "stratified":
        return Finding(
            "row_order",
            "row_id",
            kappa,
            limit,
            verdict,
            "Rows next to each other in the file agree on the target far more often than chance "
            f"(kappa {kappa:.2f}, limit {limit:g}).",
            "Neighbours seem to belong together, as rows of one customer, visit or day do, and a "
            "random split puts them on both sides. Name the column that tells which rows belong "
            "together as group, and split by group.",
        )
    return passed(
        "row_order",
        "row_id",
        auc,
        limits["row_order"].warn,
        f"The position of a row in the file has a ROC-AUC of {auc:.3f}.",
    )


def ids(
    train: pd.DataFrame, schema: dict, folds: np.ndarray, limits: dict, settled: set[str]
) -> list[Finding]:
    """Return the findings on what is written in the ids: their number, their first letters ..."""
    target = train[schema["target"]].to_numpy()
    declared = columns_of_role(schema, "id")
    kinds = {entry["name"]: entry["kind"] for entry in schema["columns"]}
    findings, best = [], (0.5, "", "")
    for name in declared + feature_columns(schema):
        if name in settled:
            continue
        values = train[name]
        if name not in declared and not _identifies(values, kinds[name]):
            continue
        for part, numbers, codes, size in _parts_of_id(values):
            if numbers is not None:
                auc = _order_auc(numbers, target, folds)
            else:
                auc = strength(codes, size, target, folds).auc
            if not _plain(auc, target):
                continue
            if auc > best[0]:
                best = (auc, name, part)
            verdict, limit = judged(auc, limits["id_order"])
            if verdict == "pass":
                continue
            if name in declared:
                verdict = "warn"  # no model sees it
                limit = limits["id_order"].warn
                advice = (
                    "No model is given it, but the order or the register behind it knows the "
                    "outcome: look for other columns that were filled in with it."
                )
            else:
                advice = "Declare it as an id, so that no model is given it."
            findings.append(
                Finding(
                    "ids",
                    name,
                    auc,
                    limit,
                    verdict,
                    f"{part} of '{name}', which is different in nearly every row, has a ROC-AUC of "
                    f"{auc:.3f} (limit {limit:g}).",
                    "An id says nothing about a new row, unless it was given after the outcome was "
                    f"known. {advice}",
                    "" if name in declared else config_entry(id=name),
                )
            )
            break
    if findings:
        return findings
    return [
        passed(
            "ids",
            best[1],
            best[0],
            limits["id_order"].warn,
            "No part of an id tells the target." if declared else "No column looks like an id.",
        )
    ]


def _order_auc(numbers: np.ndarray, target: np.ndarray, folds: np.ndarray) -> float:
    codes, size = binned(numbers)
    return strength(codes, size, target, folds, numbers).auc


def _plain(auc: float, target: np.ndarray) -> bool:
    """Return whether a roc_auc is plainly not that of chance."""
    ones = float(target.sum())
    return auc - 0.5 >= PLAINLY * standard_error(0.5, ones, len(target) - ones)


def _neighbours_agree(row_id: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Return how far rows side by side agree on the target (kappa), and how surely."""
    order = np.argsort(row_id, kind="stable")
    ordered = target[order]
    beside = np.diff(row_id[order]) <= 2
    if beside.sum() < 20:
        return 0.0, 0.0
    agreeing = (ordered[1:] == ordered[:-1])[beside].mean()
    share = target.mean()
    chance = share**2 + (1 - share) ** 2
    kappa = (agreeing - chance) / max(1 - chance, 1e-9)
    error = np.sqrt(chance / max(1 - chance, 1e-9) / beside.sum())
    return float(kappa), float(kappa / max(error, 1e-12))


def _identifies(values: pd.Series, kind: str) -> bool:
    """Return whether a column says which row it is: different texts, or counting whole numbers."""
    rows = len(values)
    if rows < 20 or values.isna().any():
        return False
    distinct = values.nunique()
    if kind not in ORDERED_KINDS:
        return distinct > DISTINCT_SHARE * rows
    if distinct < rows or (values % 1 != 0).any():
        return False
    # Counted through, perhaps with gaps, such as the rows that went to the holdout.
    return float(values.max() - values.min()) < 3 * rows


def _parts_of_id(values: pd.Series):
    """Yield what may be read from an id: a name, numbers or else bins and how many there are."""
    if values.dtype != object and not isinstance(values.dtype, pd.StringDtype):
        numbers = values.to_numpy(dtype=np.float64)
        yield "The number", numbers, None, 0
        yield from _codes("The last digit", pd.Series(numbers % 10))
        return
    texts = values.fillna("")
    digits = texts.str.replace(r"\D", "", regex=True).str.slice(-15)
    numbers = pd.to_numeric(digits, errors="coerce").to_numpy(dtype=np.float64)
    if not np.isnan(numbers).all():
        yield "The number", numbers, None, 0
    yield from _codes("The beginning", texts.str.extract(r"^(\D*)", expand=False).str.slice(0, 8))
    yield from _codes("The first character", texts.str.slice(0, 1))
    yield from _codes("The first two characters", texts.str.slice(0, 2))
    yield from _codes("The end", texts.str.slice(-1))
    yield from _codes("The length", texts.str.len())


def _codes(name: str, parts: pd.Series):
    codes, distinct = pd.factorize(parts)
    if 1 < len(distinct) <= max(len(parts) / 5, 2):
        yield name, None, codes + 1, len(distinct) + 1
