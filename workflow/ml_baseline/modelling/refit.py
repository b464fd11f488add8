"""The model that is published: the recipe that the holdout has judged, fitted to all rows."""

from collections.abc import Collection, Mapping

import pandas as pd
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from ml_baseline.config.estimator_rules import of_size
from ml_baseline.data.augment import augment
from ml_baseline.data.schema import Schema
from ml_baseline.modelling.train import fit
from ml_baseline.modelling.voting import of_members


def refit(
    table: pd.DataFrame,
    schema: Schema,
    recipes: Mapping[str, dict],
    made: VotingClassifier | None,
    judged_rows: int,
    random_state: int,
    threads: int = 1,
    one_thread: Collection[str] = (),
) -> Pipeline | VotingClassifier:
    """Return the chosen model, or one that is made of others, fitted to all rows of a table.

    Args:
        table: shape (rows, columns).
        schema: its input schema.
        recipes: for each model to fit the settings that `train.fit` takes.
        made: what puts these together, as `voting.of_members` takes it; None for a model by itself.
        judged_rows: how many rows the judged fit had: the parameters for larger tables are those of
            that size, which more rows might change.
        random_state: seed of the copies and the models.
        threads: threads a fit may use.
        one_thread: the models that are not the same bytes with several.
    """
    copying = next(iter(recipes.values()))["augment"]
    augmented = augment(table, schema, **copying, random_state=random_state)
    models = {}
    for name, recipe in recipes.items():
        settings = recipe | {"model": of_size(recipe["model"], judged_rows)}
        of_model = 1 if name in one_thread else threads
        with threadpool_limits(of_model):  # BLAS has those of the job
            models[name] = fit(augmented, schema, settings, random_state, of_model)
    return next(iter(models.values())) if made is None else of_members(made, models)
