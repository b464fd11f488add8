"""The model that is published: the recipe that the holdout has judged, fitted to all rows."""

from collections.abc import Mapping

import pandas as pd
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import Pipeline

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
    """
    copying = next(iter(recipes.values()))["augment"]
    augmented = augment(table, schema, **copying, random_state=random_state)
    models = {
        name: fit(
            augmented,
            schema,
            recipe | {"model": of_size(recipe["model"], judged_rows)},
            random_state,
            threads,
        )
        for name, recipe in recipes.items()
    }
    return next(iter(models.values())) if made is None else of_members(made, models)
