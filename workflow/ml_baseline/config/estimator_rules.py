"""What may stand for an estimator; kept apart because each start of the workflow reads it."""

import importlib.util
from functools import cache

# What a class has that may stand inside another: an estimator, a splitter or a kernel.
PART_METHODS = ("fit", "split", "get_params")
# What looks at no column: nothing has to be learned for it, and a mean with it is no news.
BLIND_ESTIMATORS = "sklearn.dummy."
# The models that are made of a table's others, and what each is: scikit-learn's soft vote, so that its
# file needs no code of ours. No model of the config may have such a name.
ENSEMBLE = "ensemble"
MADE_OF_OTHERS = {ENSEMBLE: "sklearn.ensemble.VotingClassifier"}
# The parameter in which scikit-learn takes a folder of joblib's cache, which holds pickled objects.
CACHE_FOLDER = "memory"


@cache
def is_installed(estimator: str) -> bool:
    """Return whether the package in which a class would be is there; nothing is imported."""
    try:
        return importlib.util.find_spec(estimator.partition(".")[0]) is not None
    except (ImportError, ValueError):
        return False


def of_size(model: dict, rows: int) -> dict:
    """Return a model's entry with the parameters that it has on a table of so many training rows."""
    sized = {int(least): params for least, params in (model.get("from_rows") or {}).items()}
    params = dict(model.get("params") or {})
    for least in sorted(sized):
        params |= sized[least] if rows >= least else {}
    return model | {"params": params, "from_rows": {}}
