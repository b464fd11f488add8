"""Loading a run's model, and what differs between the packages here and those it was made with."""

import io
import warnings
from typing import TYPE_CHECKING

from ml_baseline.errors import InputError
from ml_baseline.registry.environment import package_versions
from ml_baseline.registry.runs import MODEL, Run, checked_bytes

if TYPE_CHECKING:  # importing it takes longer than all else here
    from sklearn.pipeline import Pipeline


def load_model(run: Run) -> "Pipeline":
    """Return a run's fitted pipeline.

    Nothing is unpickled before the bytes in hand are those of the manifest. The manifest is one that
    this account has sealed or that the user vouches for: others are not opened.

    Raises:
        InputError: the model is not the one that was published, or cannot be loaded with the
            packages that are installed here.
    """
    content = checked_bytes(run, MODEL)
    import joblib

    try:
        with warnings.catch_warnings():
            # `version_changes` says it in one line; scikit-learn would in one for each estimator.
            warnings.filterwarnings("ignore", message="Trying to unpickle estimator")
            return joblib.load(io.BytesIO(content))
    except Exception as error:
        changes = "; ".join(version_changes(run)) or "the versions are the same"
        raise InputError(
            f"{run.folder / MODEL} cannot be loaded with the packages installed here "
            f"({type(error).__name__}: {error}); {changes}. Install the versions that the run was "
            f"published with: {install_command(run)}"
        ) from error


def version_changes(run: Run) -> list[str]:
    """Return in words which packages, of those that matter, differ from when the run was made."""
    here = package_versions(run.meta["packages"])
    return [
        f"{name} was {then or 'not installed'} and is {here[name] or 'not installed'}"
        for name, then in _changed(run, here).items()
    ]


def install_command(run: Run) -> str:
    """Return the command that installs the versions of the packages that differ."""
    changed = _changed(run, package_versions(run.meta["packages"])) or run.meta["packages"]
    wanted = " ".join(f"{name}=={then}" for name, then in changed.items() if then)
    return f"`pip install {wanted}` (all versions: {run.folder / 'env/pip_freeze.txt'})"


def _changed(run: Run, here: dict[str, str | None]) -> dict[str, str | None]:
    return {name: then for name, then in run.meta["packages"].items() if here[name] != then}
