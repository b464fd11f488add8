"""What all tests share: the key that seals published runs is not the user's own."""

import os

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
