"""Is a run still what was published, and does it still predict the same?"""

from ml_baseline.errors import InputError
from ml_baseline.registry.golden import TOLERANCE, replay_golden
from ml_baseline.registry.runs import (
    Run,
    changed_files,
    load_model,
    version_changes,
    with_schema,
)


def verify_run(run: Run) -> dict:
    """Return whether a run is as published and still gives the predictions it was published with.

    Nothing is loaded unless every file is as it was, and unless the run was published from this
    account or is trusted.

    Returns:
        `ok`, `run_id`, `dataset`, `folder`, `sealed`, `files` (how many), `changed_files` (what is
        wrong, by name), `golden_rows` (how many were replayed, 0 if none), `largest_difference` of
        their probabilities (None if not replayed), `version_changes` and `problems`, all in words.
    """
    wrong = changed_files(run)
    changes = version_changes(run)
    problems = [f"{name}: {what}" for name, what in wrong.items()]
    rows, difference = 0, None
    if not wrong:
        if not (run.sealed or run.trusted):
            problems.append(
                "not published from this account, so the model was not loaded and its predictions "
                "were not replayed; if you know where the run comes from, add --trust"
            )
        else:
            try:
                run = with_schema(run)
                rows, difference = replay_golden(run, load_model(run))
            except InputError as error:
                problems.append(str(error))
    if difference is not None and not difference <= TOLERANCE:
        why = "; ".join(changes) or "although the packages that matter have the same versions"
        problems.append(
            f"the predictions of the golden rows differ by up to {difference:.3g} from those the "
            f"run was published with ({why})"
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
        "version_changes": changes,
        "problems": problems,
    }
