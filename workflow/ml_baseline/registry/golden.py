"""Golden rows: raw rows kept in a run with the probabilities that its model gave them.

They go the whole way that new rows go, from text through cleaning to the model, so replaying them
shows whether this program and these packages still predict what they did. Of a raw row only the
cells that are predicted from are kept: no ids, groups or targets.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ml_baseline.data.raw_table import RawTable
from ml_baseline.data.schema import Schema
from ml_baseline.errors import InputError
from ml_baseline.registry.load import changes_in_words, install_command, load_model, version_changes
from ml_baseline.registry.manifest import Golden
from ml_baseline.registry.predict import input_columns, predict_rows
from ml_baseline.registry.runs import GOLDEN, Run, changed_files, checked_json, with_schema

if TYPE_CHECKING:  # importing it takes longer than all else here
    from sklearn.pipeline import Pipeline

ROWS = 20
# The way from the raw row may sum in another order than the way from the cleaned table.
TOLERANCE = 1e-9


def choose_rows(predictions: pd.DataFrame, rows: int = ROWS) -> pd.DataFrame:
    """Return at most so many predictions, from the lowest to the highest probability."""
    ordered = predictions.sort_values(["probability", "row_id"], kind="stable")
    places = np.unique(np.linspace(0, len(ordered) - 1, min(rows, len(ordered))).round())
    return ordered.iloc[places.astype(int)]


def make_golden(
    model: "Pipeline", raw: RawTable, schema: Schema, predictions: pd.DataFrame
) -> Golden:
    """Return golden rows of a model, given the raw table and the predictions of its holdout rows.

    `difference_from_holdout` is above 0 where a prediction depends on which rows are predicted with it.
    Raises InputError if the model gives the same rows other probabilities each time.
    """
    chosen = choose_rows(predictions)
    columns = input_columns(schema)
    rows = pd.DataFrame({name: raw[name].iloc[chosen["row_id"]] for name in columns})
    rows = rows.reset_index(drop=True)
    probability, _, _ = predict_rows(model, schema, rows)
    again, _, _ = predict_rows(model, schema, rows)
    if not np.abs(probability - again).max() <= TOLERANCE:
        worst = int(np.abs(probability - again).argmax())
        raise InputError(
            f"the model gives row_id {chosen['row_id'].iloc[worst]} the probability "
            f"{probability[worst]:.6g} and a moment later {again[worst]:.6g}; a model that predicts "
            "at random cannot be published, as nobody could check it: set its `random_state`, "
            "choose another or write `register: false`"
        )
    distance = float(np.abs(probability - chosen["probability"].to_numpy()).max())
    texts = rows.astype(object).where(rows.notna(), None)
    return {
        "columns": columns,
        "rows": texts.to_numpy().tolist(),
        "row_id": chosen["row_id"].tolist(),
        "probability": probability.tolist(),
        "difference_from_holdout": distance if distance > TOLERANCE else 0.0,
    }


def replay_golden(run: Run, model: "Pipeline") -> tuple[int, float]:
    """Return how many golden rows a run has, and the largest change of their probabilities.

    Raises InputError if the model cannot predict them here, or they are not as published.
    """
    golden = checked_json(run, GOLDEN, Golden)
    if not golden["row_id"]:
        return 0, 0.0
    try:
        by_column = zip(golden["columns"], zip(*golden["rows"], strict=True), strict=True)
        rows = pd.DataFrame(dict(by_column), dtype="str")
        distances = np.abs(predict_rows(model, run.schema, rows)[0] - golden["probability"])
        if np.isnan(distances).any():
            raise ValueError("it returns probabilities that are not numbers")
    except Exception as error:
        raise InputError(
            f"{run.folder}: the model cannot predict with the packages installed here: "
            f"{changes_in_words(run)} ({type(error).__name__}: {error}). Install what the run was "
            f"published with: {install_command(run)}"
        ) from error
    return len(distances), float(distances.max())


def require_working(run: Run, model: "Pipeline") -> str:
    """Return what to tell the user before a model predicts here; nothing if all is well.

    Raises InputError as `replay_golden` does.
    """
    rows, difference = replay_golden(run, model)
    if difference > TOLERANCE:
        return (
            f"run {run.run_id} predicts differently than when it was published, by up to "
            f"{difference:.2g} on its {rows} golden rows ({changes_in_words(run)}). For the same "
            f"predictions as then: {install_command(run)}"
        )
    changes = "; ".join(version_changes(run))
    if changes and rows:
        return f"{changes}; the run's {rows} golden rows are predicted as before"
    return changes


def verify_run(run: Run) -> dict:
    """Return whether a run is as published and still gives the predictions it was published with.

    The model is loaded only if every file is as it was.
    """
    wrong = changed_files(run)
    problems = [f"{name}: {what}" for name, what in wrong.items()]
    rows, difference = 0, None
    if not wrong:
        try:
            run = with_schema(run)
            rows, difference = replay_golden(run, load_model(run))
        except InputError as error:
            problems.append(str(error))
    if difference is not None and difference > TOLERANCE:
        problems.append(
            f"the predictions of the golden rows differ by up to {difference:.3g} from those the "
            f"run was published with ({changes_in_words(run)})"
        )
    return {
        "ok": not problems,
        "run_id": run.run_id,
        "dataset": run.dataset,
        "folder": str(run.folder),
        "sealed": run.sealed,
        "files": len(run.meta["files"]),  # how many the manifest lists
        "changed_files": wrong,  # what is wrong with them, by name
        "golden_rows": rows,  # how many were predicted again
        "largest_difference": difference,  # of their probabilities, if they were
        "version_changes": version_changes(run),
        "problems": problems,
    }
