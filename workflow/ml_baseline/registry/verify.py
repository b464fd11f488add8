"""Is a run still what was published, and does it still predict the same?"""

import os
from pathlib import Path

from ml_baseline.errors import InputError
from ml_baseline.files import content_hash
from ml_baseline.registry.runs import MANIFEST, UNLISTED, Run, load_model, version_changes

# Predictions may differ by so much and still count as the same.
TOLERANCE = 1e-9


def changed_files(run: Run) -> dict[str, str]:
    """Return what is wrong with a run's files, by name: empty if they are as published."""
    listed = run.meta["files"]
    found = {}
    for folder, folders, files in os.walk(run.folder):
        for name in [*folders, *files]:
            path = Path(folder, name)
            relative = path.relative_to(run.folder).as_posix()
            if path.is_symlink():
                found[relative] = "a symbolic link"
            elif name in files and relative not in listed and relative not in UNLISTED:
                found[relative] = "not part of the published run"
    for name, digest in listed.items():
        path = run.folder / name
        if name in found:
            continue
        if not path.is_file():
            found[name] = "missing"
        elif content_hash(path) != digest:
            found[name] = f"changed: its hash is not the one in {MANIFEST}"
    return dict(sorted(found.items()))


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
                rows, difference = _replay(run)
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


def _replay(run: Run) -> tuple[int, float]:
    """Return how many golden rows there are and how far their predictions are from what they were."""
    from ml_baseline.registry.golden import golden_rows, replay, stored_json

    schema, golden = stored_json(run)
    if not golden["row_id"]:
        return 0, 0.0
    model = load_model(run)
    try:
        probability = replay(model, golden_rows(golden), schema)
    except Exception as error:
        raise InputError(
            f"the golden rows cannot be predicted any more ({type(error).__name__}: {error})"
        ) from error
    distances = [abs(a - b) for a, b in zip(probability, golden["probability"], strict=True)]
    return len(distances), float(max(distances))
