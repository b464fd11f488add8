"""What may stand for an estimator; kept apart because each start of the workflow reads it."""

# What a class has that may stand inside another: an estimator, a splitter or a kernel.
PART_METHODS = ("fit", "split", "get_params")
# The parameter in which scikit-learn takes a folder of joblib's cache, which holds pickled objects.
CACHE_FOLDER = "memory"
