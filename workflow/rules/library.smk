"""Where the workflow's own files are; from there the library is imported, installed or not."""

import io
import os
import shutil
import sys
import tarfile
from pathlib import Path


def checked_out(source):
    """Return a folder with the workflow of a git reference (`github(...)`, `git+file:`).

    Snakemake fetches single files from there, and the library is not among them.
    """
    import git

    hosted = getattr(source, "hosted_repo", None)
    repository = hosted.repo if hosted else git.Repo(source.repo_path)
    commit = repository.commit(source.ref).hexsha
    folder = Path(".snakemake", "ml-baseline-workflow", commit).resolve()
    if not folder.exists():
        content = io.BytesIO()
        repository.archive(content, commit, path=["workflow", "envs", "pyproject.toml"])
        content.seek(0)
        half_way = folder.with_name(f"{commit}.{os.getpid()}")
        with tarfile.open(fileobj=content) as archive:
            archive.extractall(half_way, filter="data")
        try:
            half_way.rename(folder)
        except OSError:  # another run was first
            shutil.rmtree(half_way)
    return folder / "workflow"


if isinstance(workflow.current_basedir, os.PathLike):
    WORKFLOW_FOLDER = Path(workflow.current_basedir).parent
else:
    WORKFLOW_FOLDER = checked_out(workflow.current_basedir)
sys.path.insert(0, str(WORKFLOW_FOLDER))

import ml_baseline

if Path(ml_baseline.__file__).parent != WORKFLOW_FOLDER / "ml_baseline":
    sys.exit(
        f"{Path(ml_baseline.__file__).parent}: this version of the library has been imported before "
        f"the workflow in {WORKFLOW_FOLDER} was read; use one version in one run"
    )
