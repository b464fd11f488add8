"""What may stand for an estimator; kept apart because each start of the workflow reads it."""

import importlib.util
from functools import cache

# What a class has that may stand inside another: an estimator, a splitter or a kernel.
PART_METHODS = ("fit", "split", "get_params")
# What looks at no column: nothing has to be learned for it, and a mean with it is no news.
BLIND_ESTIMATORS = "sklearn.dummy."
# The parameter in which scikit-learn takes a folder of joblib's cache, which holds pickled objects.
CACHE_FOLDER = "memory"


@cache
def is_installed(estimator: str) -> bool:
    """Return whether the package in which a class would be is there; nothing is imported."""
    try:
        return importlib.util.find_spec(estimator.partition(".")[0]) is not None
    except (ImportError, ValueError):
        return False
