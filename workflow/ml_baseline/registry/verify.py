"""Is a run still what was published, and does it still predict the same?"""

from typing import TypedDict

from ml_baseline.errors import InputError
from ml_baseline.registry.golden import TOLERANCE, replay_golden
from ml_baseline.registry.load import changes_in_words, load_model, version_changes
from ml_baseline.registry.runs import Run, changed_files, with_schema


class Verification(TypedDict):
    """What `verify_run` found.

    Attributes:
        files: how many the manifest lists.
        changed_files: what is wrong with them, by name.
        golden_rows: how many were predicted again, 0 if none.
        largest_difference: of their probabilities; None if they were not predicted.
        version_changes, problems: in words.
    """

    ok: bool
    run_id: str
    dataset: str
    folder: str
    sealed: bool
    files: int
    changed_files: dict[str, str]
    golden_rows: int
    largest_difference: float | None
    version_changes: list[str]
    problems: list[str]


def verify_run(run: Run) -> Verification:
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
        "files": len(run.meta["files"]),
        "changed_files": wrong,
        "golden_rows": rows,
        "largest_difference": difference,
        "version_changes": version_changes(run),
        "problems": problems,
    }
