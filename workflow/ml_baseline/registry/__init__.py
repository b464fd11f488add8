"""Published runs: models that are kept, found again, checked and loaded.

A run is a folder `results/<table>/runs/<run id>` with everything that prediction needs and all that a
reader should know. `publish` makes it, `find_run` finds it, `load_model` gives its pipeline.
"""

from ml_baseline.registry.load import load_model
from ml_baseline.registry.runs import Run, find_run, list_runs

__all__ = ["Run", "find_run", "list_runs", "load_model"]
