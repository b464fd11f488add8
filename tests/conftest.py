"""What all tests share: a registry key of their own, their names, and how many processes run them."""

import atexit
import gc
import os
from pathlib import Path

import pytest

from ml_baseline.seal import KEY_VARIABLE

# What has been imported and collected lives to the end: to look for garbage among it again and again,
# and to tidy it up when Python ends, takes a fifth of a collection.
gc.set_threshold(50_000)
atexit.register(gc.freeze)


@pytest.fixture(autouse=True, scope="session")
def key_of_the_tests(tmp_path_factory):
    previous = os.environ.get(KEY_VARIABLE)
    os.environ[KEY_VARIABLE] = str(tmp_path_factory.mktemp("key") / "registry.key")
    yield
    if previous is None:
        del os.environ[KEY_VARIABLE]
    else:
        os.environ[KEY_VARIABLE] = previous


def pytest_ignore_collect(collection_path, config) -> bool | None:
    """Return whether a file holds proofs alone, and none was asked for: its imports take seconds."""
    asked = any("proofs" in argument for argument in config.args)
    alone = config.option.markexpr == "not proof" and not asked
    return True if alone and collection_path.name == "proofs" else None


def pytest_collection_modifyitems(config, items) -> None:
    """Let the processes begin with whole runs of the workflow, so that they end at one time."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path, reverse=True)


def pytest_make_parametrize_id(val, argname) -> str | None:
    """Return the parameter's name for bytes: archives hold their date, and each process collects anew."""
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config) -> int:
    """Return how many processes run the tests where `-n` does not say: several for whole folders.

    0 is the process itself: for a file or two, where starting others costs more than it saves; for
    proofs, some of which measure time; and where the output is to be seen (`-s`).
    """
    marks = config.option.markexpr
    proofs = "proof" in marks and "not proof" not in marks
    whole = all(Path(argument).is_dir() for argument in config.args)
    if proofs or not whole or config.option.capture == "no":
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    # One more than cores: a fifth of the time is spent waiting for something to end.
    return min(4, cores + 1) if cores > 1 else 0
