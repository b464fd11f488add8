"""What drives a fitted model: permutation importance and partial dependence on holdout rows.

Both ask the model for predictions of rows in which one column was changed, and for as few as the
answer needs: a slow model would otherwise take longer to explain than to train. A model is a function
from rows to probabilities.
"""

import itertools
import json
import math
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from ml_baseline.data.cells import is_text
from ml_baseline.data.distributions import MISSING, category_text, value_text
from ml_baseline.data.schema import Column, Schema, column, feature_columns
from ml_baseline.data.split import units
from ml_baseline.scoring.intervals import by_unit, t_quantile, variance_of_mean
from ml_baseline.scoring.metrics import metric_named
from ml_baseline.scoring.sample import sample_of
from ml_baseline.scoring.scores import parts_of_rows
from ml_baseline.scoring.scores import value as value_of

FIGURES = ("feature", "importance", "low", "high", "repeats")
IMPORTANCE = (*FIGURES, "metric", "rows", "correlated_with")
PARTIAL_DEPENDENCE = ("feature", "kind", "value", "label", "probability", "low", "high", "rows")

# Predictions made for the importance, more of them where a holdout row more is a longer run anyway.
# More rows make the error bars shorter than more repeats do; but two repeats at least, and not so
# few rows that no error bar means anything.
FEWEST_PREDICTIONS = 50_000
PREDICTIONS_A_ROW = 10
MOST_PREDICTIONS = 200_000
ROWS_AT_MOST = 5_000
ROWS_AT_LEAST = 200
REPEATS_AT_MOST = 10
# Cells that are predicted at once: a model's overhead is paid by the call, memory by the cell.
CELLS_AT_ONCE = 4_000_000
# Of a wide table each column is one more to predict for, in rows that are all the longer: so many are
# measured, and so many rows taken for a curve, as this allows.
CELLS_AT_MOST = 100_000_000
# Groups of rows with like numbers, for telling which columns the predictions go along with.
LIKE_ROWS = 5

EXPLAINED_FEATURES = 8
CURVE_ROWS = 250
NUMBERS_ON_CURVE = 20
CATEGORIES_ON_CURVE = 12
CENTRAL = (0.01, 0.99)
BAND = (0.1, 0.9)

STRONG_CORRELATION = 0.8
LEVELS_AT_MOST = 60
CATEGORIES_COMPARED = 60

Predict = Callable[[pd.DataFrame], np.ndarray]
Changes = list[tuple[str, np.ndarray]]


def permutation_importance(
    predict: Predict,
    holdout: pd.DataFrame,
    schema: Schema,
    metric: str,
    threshold: float = 0.5,
    level: float = 0.95,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return how much worse a model scores when a column's values are shuffled among the rows.

    Breiman (2001), Machine Learning 45, 5-32; Fisher, Rudin and Dominici (2019), Journal of Machine
    Learning Research 20(177). The model is not fitted again: a feature that another one can stand in
    for (`correlated_with`) is worth little by this measure.

    The error bar is for other holdout rows and other shuffles of this model: the variance is that of
    the rows' parts in the score (`scores.parts_of_rows`), averaged over the repeats and put together
    by unit (`split.units`). A row has a part by its own prediction and one by what its value does to
    the row that gets it. Error bars are of each feature by itself.

    Args:
        predict: from rows with the feature columns to the probability of class 1, shape (rows,).
        holdout: cleaned rows the model has not seen, shape (rows, columns).
        schema: the table's input schema.
        metric: one of `metrics.METRICS`.
        threshold: a probability of at least this much predicts class 1.
        level: confidence level of the error bars.
        random_state: seed of the rows drawn from a large holdout, and of the shuffles.

    Returns:
        One row a feature, the most important first (of equal ones in the order of the schema); of a
        wide table only the features that the predictions go along with most (`related_features`):
        `feature`, `importance` in units of the metric (positive where shuffling does harm), `low` and
        `high`, `repeats` (shuffles), `metric`, `rows` (holdout rows it was measured on),
        `correlated_with` (see `correlated_features`) as a JSON list.
    """
    features = holdout[feature_columns(schema)]
    rows, repeats = importance_budget(*features.shape)
    most = max(CELLS_AT_MOST // (rows * repeats * features.shape[1]), EXPLAINED_FEATURES)
    measured = list(features)
    if len(measured) > most:
        asked = features.iloc[drawn_rows(holdout[schema["target"]], ROWS_AT_MOST, random_state)]
        measured = related_features(asked, predict(asked), most)
    drawn = drawn_rows(holdout[schema["target"]], rows, random_state)
    target = holdout[schema["target"]].to_numpy()[drawn]
    probability = predict(features.iloc[drawn])
    dependent = units(holdout, schema)[drawn]
    sample = sample_of(target, probability, threshold, units=dependent)
    value, parts = value_of(metric, sample), parts_of_rows(metric, sample)
    sign = 1 if metric_named(metric).higher_is_better else -1
    generator = np.random.default_rng(random_state)
    orders = [generator.permutation(rows) for _ in range(repeats * len(measured))]
    names = [name for name in measured for _ in range(repeats)]
    changes = [(name, drawn[order]) for name, order in zip(names, orders, strict=True)]
    shuffled = zip(orders, _predictions(predict, features, drawn, changes), strict=True)
    found = []
    for name in measured:
        losses, of_rows = [], np.zeros(rows)
        for order, changed in itertools.islice(shuffled, repeats):
            loss, of_loss = 0.0, np.zeros(rows)
            if not np.array_equal(changed, probability):
                after = sample_of(target, changed, threshold)
                loss = sign * (value - value_of(metric, after))
                of_loss = sign * (parts - parts_of_rows(metric, after))
            losses.append(loss)
            of_rows += of_loss / repeats
            # Row k got its value from the row at `order[k]`.
            of_rows[order] += (of_loss - of_loss.mean()) / repeats
        importance = float(np.mean(losses))
        of_units = by_unit(of_rows, sample.units)
        variance, freedom = variance_of_mean(np.ones(of_units.size), of_units)
        reach = t_quantile(level, max(freedom, 1)) * math.sqrt(variance) if variance else 0.0
        found.append((name, importance, importance - reach, importance + reach, repeats))
    together = correlated_features(features[measured].iloc[drawn], schema)
    result = pd.DataFrame(found, columns=list(FIGURES)).assign(
        metric=metric,
        rows=rows,
        correlated_with=[json.dumps(together[name], ensure_ascii=False) for name in measured],
    )
    return result.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def related_features(features: pd.DataFrame, probability: np.ndarray, most: int) -> list[str]:
    """Return the names of `most` features, in their order: those that predictions go along with most.

    By epsilon squared (Kelley 1935, Proceedings of the National Academy of Sciences 21, 554-559), the
    share of the predictions' variance that lies between a category's rows, or those of a fifth of the
    numbers, or those without a value. The target is not looked at. A feature that matters only together
    with another may be missed.
    """
    apart = probability - probability.mean()
    strengths = []
    for name in features:
        values = features[name]
        if pd.api.types.is_numeric_dtype(values) and values.nunique() > LIKE_ROWS:
            values = np.ceil(LIKE_ROWS * values.rank(pct=True))
        codes, groups = pd.factorize(values, use_na_sentinel=False)
        between = (np.bincount(codes, apart) ** 2 / np.bincount(codes)).sum()
        within = (apart @ apart - between) * (len(apart) - 1) / max(len(apart) - len(groups), 1)
        strengths.append(-within if len(groups) < len(apart) else -np.inf)
    strongest = np.argsort(-np.array(strengths).round(12), kind="stable")[:most]
    return [features.columns[place] for place in sorted(strongest)]


def importance_budget(holdout_rows: int, features: int) -> tuple[int, int]:
    """Return the rows and the repeats for which there are predictions enough."""
    budget = min(FEWEST_PREDICTIONS + PREDICTIONS_A_ROW * holdout_rows, MOST_PREDICTIONS)
    rows = min(holdout_rows, ROWS_AT_MOST, max(budget // (2 * features), ROWS_AT_LEAST))
    return rows, min(max(budget // (rows * features), 1), REPEATS_AT_MOST)


def drawn_rows(target: pd.Series, rows: int, random_state: int) -> np.ndarray:
    """Return the ascending positions of `rows` rows; each class keeps its share, at least one row."""
    if rows >= len(target):
        return np.arange(len(target))
    generator = np.random.default_rng(random_state)
    ones = (target == 1).to_numpy()
    wanted = min(max(round(rows * ones.mean()), 1), rows - 1)
    chosen = [
        generator.choice(np.flatnonzero(of_class), count, replace=False)
        for of_class, count in ((ones, wanted), (~ones, rows - wanted))
    ]
    return np.sort(np.concatenate(chosen))


def _predictions(
    predict: Predict, features: pd.DataFrame, drawn: np.ndarray, changes: Changes
) -> Iterator[np.ndarray]:
    """Yield the predictions of the drawn rows with one column changed, for each change.

    `features` are all rows, `drawn` the positions of those to predict, and a change is a column and,
    for each drawn row, the position of the row whose value it gets. What is the same row after
    several changes, or as it was before, is predicted once.
    """
    codes = {name: pd.factorize(features[name])[0] for name in dict(changes)}
    at_once = max(1, CELLS_AT_ONCE // (len(drawn) * features.shape[1]))
    for start in range(0, len(changes), at_once):
        batch = changes[start : start + at_once]
        different = [
            np.where(of[taken] == of[drawn], 0, number * (len(features) + 1) + of[taken] + 2)
            for name, taken in batch
            for number, of in [(features.columns.get_loc(name), codes[name])]
        ]
        rows = np.arange(len(drawn)) + len(drawn) * np.array(different)
        _, first, again = np.unique(rows, return_index=True, return_inverse=True)
        table = features.iloc[np.tile(drawn, len(batch))[first]].reset_index(drop=True)
        for name in dict.fromkeys(name for name, _ in batch):
            positions = [taken if changed == name else drawn for changed, taken in batch]
            table[name] = features[name].array.take(np.concatenate(positions)[first])
        yield from predict(table)[again.reshape(rows.shape)]  # NumPy 1 has it flat


def partial_dependence(
    predict: Predict,
    holdout: pd.DataFrame,
    schema: Schema,
    features: list[str],
    random_state: int = 0,
) -> pd.DataFrame:
    """Return the mean prediction when all rows are given the same value of a feature.

    Friedman (2001), Annals of Statistics 29, 1189-1232. The model is asked about rows that may never
    occur, and no effect of changing anything is claimed. `low` and `high` are the 10th and the 90th
    percentile of the single rows' predictions (Goldstein, Kapelner, Bleich and Pitkin 2015, Journal
    of Computational and Graphical Statistics 24, 44-65): how much rows differ, and no error bar.

    Args:
        features: the columns to vary.
        predict, holdout, schema, random_state: as of `permutation_importance`.

    Returns:
        Columns `feature, kind, value, label, probability, low, high, rows`. `kind` is "numeric",
        with up to 20 values that occur between the 1st and the 99th percentile, ascending, or
        "categorical" with the 12 most frequent values and, where values are missing, none.
        `value` is text (as a table of cleaned values has it), `label` what a person reads.
        Features without two values that could be compared, and texts, are left out.
    """
    table = holdout[feature_columns(schema)]
    grids = {name: _grid(table[name], column(schema, name)) for name in features}
    grids = {name: grid for name, grid in grids.items() if len(grid) > 1}
    cells = table.shape[1] * sum(map(len, grids.values()))  # for each row
    rows = min(CURVE_ROWS, max(CELLS_AT_MOST // max(cells, 1), CURVE_ROWS // 10))
    drawn = drawn_rows(holdout[schema["target"]], rows, random_state)
    changes = [
        (name, np.full(len(drawn), place)) for name, grid in grids.items() for place, _, _ in grid
    ]
    predictions = _predictions(predict, table, drawn, changes)
    found = []
    for name, grid in grids.items():
        kind = "categorical" if _is_categorical(column(schema, name)) else "numeric"
        for _, value, label in grid:
            predicted = next(predictions)
            low, high = np.quantile(predicted, BAND)
            found.append((name, kind, value, label, predicted.mean(), low, high, len(drawn)))
    result = pd.DataFrame(found, columns=list(PARTIAL_DEPENDENCE))
    return result.astype({"value": "str", "label": "str"})


def _is_categorical(entry: Column) -> bool:
    return entry["kind"] in ("code", "category", "boolean")


def _grid(values: pd.Series, entry: Column) -> list[tuple[int, str | None, str]]:
    """Return the values to try: the position of a row that has each, its text and its label."""
    known = values.dropna()
    # Where most texts are like no other, what single ones would get tells nothing of the column.
    if entry["kind"] == "category" and 2 * known.nunique() > len(known) and is_text(known):
        return []
    if _is_categorical(entry):
        counts = known.value_counts()
        chosen = sorted(counts.index, key=lambda value: (-counts[value], value))
        chosen = chosen[:CATEGORIES_ON_CURVE]
        if entry["kind"] != "category":
            chosen.sort()
        text_of: Callable[..., str] = category_text
    elif known.empty:
        return []
    else:
        chosen = _spread_over(np.sort(known.to_numpy(dtype="float64"))).tolist()
        text_of = value_text
    places = pd.Series(np.arange(len(values)), index=values.array)
    places = places[~places.index.duplicated()]
    grid: list[tuple[int, str | None, str]] = [
        (int(places.loc[value]), _plain(value), text_of(value, entry)) for value in chosen
    ]
    if _is_categorical(entry) and len(known) < len(values):
        grid.append((int(np.argmax(values.isna())), None, MISSING))
    return grid


def _spread_over(ordered: np.ndarray) -> np.ndarray:
    """Return up to `NUMBERS_ON_CURVE` of the values between the 1st and the 99th percentile.

    Half of them at equal shares of the rows, half at equal distances: the former show what
    happens where the rows are, the latter what happens between there and the ends.
    """
    half = NUMBERS_ON_CURVE // 2
    by_rows = ordered[np.round(np.linspace(*CENTRAL, half) * (len(ordered) - 1)).astype(int)]
    wanted = np.linspace(by_rows[0], by_rows[-1], NUMBERS_ON_CURVE - half)
    descending = np.unique(ordered)[::-1]
    by_distance = descending[np.abs(descending[:, None] - wanted).argmin(axis=0)]
    return np.unique(np.clip([*by_rows, *by_distance], by_rows[0], by_rows[-1]))


def _plain(value: str | float) -> str:
    """Return a value as a CSV file has it."""
    if isinstance(value, str):
        return value
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def correlated_features(features: pd.DataFrame, schema: Schema) -> dict[str, list[str]]:
    """Return, for each column of features, those that nearly tell its value: the strongest first.

    Numbers, booleans and categories of two levels: where Spearman's rank correlation is above 0.8
    either way, over the rows in which both have a value; other categories: where Cramér's V is
    (without correction; up to 60 columns of up to 60 levels). The two sorts are not compared.
    """
    names = list(features)
    ranks: dict[str, np.ndarray] = {}
    levels: dict[str, np.ndarray] = {}
    for name in names:
        values = features[name]
        if _is_categorical(column(schema, name)):
            codes, found = pd.factorize(values, sort=True)
            if len(found) > 2:
                if len(found) <= LEVELS_AT_MOST and len(levels) < CATEGORIES_COMPARED:
                    levels[name] = codes
                continue
            values = pd.Series(codes).mask(codes < 0)
        ranks[name] = values.rank().to_numpy(dtype="float64", na_value=np.nan)
    # Not ranked anew by the rows that two columns share: with few gaps the same to a third digit.
    correlations = pd.DataFrame(ranks).corr(min_periods=3).abs()
    strength = correlations.reindex(index=names, columns=names).fillna(0.0).to_numpy(copy=True)
    for one, other in itertools.combinations(levels, 2):
        pair = [names.index(one), names.index(other)]
        strength[pair, pair[::-1]] = _cramers_v(levels[one], levels[other])
    np.fill_diagonal(strength, 0)
    # What is as strong to the twelfth digit is as strong: the order must not hang on rounding.
    order = np.argsort(-strength.round(12), axis=1, kind="stable")
    return {
        name: [names[j] for j in order[i] if strength[i, j] > STRONG_CORRELATION]
        for i, name in enumerate(names)
    }


def _cramers_v(one: np.ndarray, other: np.ndarray) -> float:
    """Return Cramér's V of two arrays of codes, over the rows where neither is negative."""
    from scipy.stats.contingency import association, crosstab

    known = (one >= 0) & (other >= 0)
    counts = crosstab(one[known], other[known]).count
    return float(association(counts, "cramer")) if min(counts.shape) > 1 else 0.0


def nothing_explained() -> dict[str, pd.DataFrame]:
    """Return the tables of `explain` without rows."""
    return {
        "importance": pd.DataFrame(columns=list(IMPORTANCE), dtype="str"),
        "partial_dependence": pd.DataFrame(columns=list(PARTIAL_DEPENDENCE), dtype="str"),
    }


def explain(
    predict: Predict, holdout: pd.DataFrame, schema: Schema, settings: dict
) -> dict[str, pd.DataFrame]:
    """Return the tables `importance` and `partial_dependence` of a model's main features.

    `settings` are `metric`, `threshold`, `level` and `random_state` of `permutation_importance`.
    """
    importance = permutation_importance(predict, holdout, schema, **settings)
    main = importance["feature"].head(EXPLAINED_FEATURES).tolist()
    curves = partial_dependence(predict, holdout, schema, main, settings["random_state"])
    return {"importance": importance, "partial_dependence": curves}
