"""What a run was made with: Python, packages, the code's version. Nothing here imports them."""

import contextlib
import importlib.metadata
import platform
import subprocess
import tomllib
from collections.abc import Iterable
from pathlib import Path

# Those whose version can change a prediction.
PACKAGES = ("joblib", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy")


def package_versions(names: Iterable[str]) -> dict[str, str | None]:
    """Return the installed version of each distribution, None where it is not installed."""
    return {name: _version(name) for name in names}


def installed_packages() -> str:
    """Return all installed distributions as `pip freeze` would list them, one a line."""
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        metadata = distribution.metadata  # read and parsed each time
        if name := metadata["Name"]:  # what is left of a broken installation has none
            found.setdefault(name.lower(), f"{name}=={metadata['Version']}")
    return "".join(f"{found[name]}\n" for name in sorted(found))


def python_version() -> str:
    """Return the version of Python and the kind of machine."""
    return f"{platform.python_version()} ({platform.system()} {platform.machine()})"


def code_version() -> dict[str, object]:
    """Return the version of this code, and its commit and whether files differ from it if known.

    `commit` and `dirty` are None where the code does not come from a git checkout or git is missing.
    """
    workflow, root = Path(__file__).parents[2:4]
    state: dict[str, object] = {"version": _version("ml-baseline"), "commit": None, "dirty": None}
    if workflow.name != "workflow":  # installed: what lies around it is another project's
        return state
    if (project := root / "pyproject.toml").exists():  # whatever version is installed
        state["version"] = tomllib.loads(project.read_text("utf-8"))["project"]["version"]
    if (root / ".git").exists():
        commit = _git(root, "rev-parse", "HEAD")
        changes = _git(root, "status", "--porcelain", "--", "workflow", "Snakefile")
        state |= {"commit": commit, "dirty": None if changes is None else bool(changes)}
    return state


def _git(root: Path, *arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(name: str) -> str | None:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(name)
    return None
