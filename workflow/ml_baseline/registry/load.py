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
    """Return a run's fitted pipeline; InputError if the packages here cannot load it.

    Nothing is unpickled before the bytes in hand are those of the manifest, which this account has
    sealed or the user vouches for: other runs are not opened.
    """
    content = checked_bytes(run, MODEL)
    import joblib

    try:
        with warnings.catch_warnings():
            # `version_changes` says it in one line; scikit-learn would in one for each estimator.
            warnings.filterwarnings("ignore", message="Trying to unpickle estimator")
            return joblib.load(io.BytesIO(content))
    except Exception as error:
        raise InputError(
            f"{run.folder / MODEL} cannot be loaded with the packages installed here "
            f"({type(error).__name__}: {error}); {changes_in_words(run)}. Install the versions that "
            f"the run was published with: {install_command(run)}"
        ) from error


def version_changes(run: Run) -> list[str]:
    """Return in words which packages, of those that matter, differ from when the run was made."""
    return [
        f"{name} was {then or 'not installed'} and is {now or 'not installed'}"
        for name, (then, now) in _changed(run).items()
    ]


def changes_in_words(run: Run) -> str:
    """Return `version_changes` as a part of a sentence."""
    return "; ".join(version_changes(run)) or "the packages that matter have the same versions"


def install_command(run: Run) -> str:
    """Return the command that installs the versions of the packages that differ."""
    then = {name: then for name, (then, _) in _changed(run).items()} or run.meta["packages"]
    wanted = " ".join(f"{name}=={version}" for name, version in then.items() if version)
    return f"`pip install {wanted}` (all versions: {run.folder / 'env/pip_freeze.txt'})"


def _changed(run: Run) -> dict[str, tuple[str | None, str | None]]:
    here = package_versions(run.meta["packages"])
    then = run.meta["packages"]
    return {name: (then[name], here[name]) for name in then if then[name] != here[name]}
