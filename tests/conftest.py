"""What all tests share: the key that seals published runs is not the user's own, and the processors."""

import os
from pathlib import Path

import pytest

from ml_baseline.seal import KEY_VARIABLE


@pytest.fixture(autouse=True, scope="session")
def key_of_the_tests(tmp_path_factory):
    previous = os.environ.get(KEY_VARIABLE)
    os.environ[KEY_VARIABLE] = str(tmp_path_factory.mktemp("key") / "registry.key")
    yield
    if previous is None:
        del os.environ[KEY_VARIABLE]
    else:
        os.environ[KEY_VARIABLE] = previous


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
    return min(4, cores) if cores > 1 else 0
