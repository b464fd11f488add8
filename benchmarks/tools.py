"""The tools, each a function from training rows to the probabilities of other rows.

Run by the Python of the tool's own environment: `python tools.py NAME ARGUMENTS`. Tools that read tables
themselves get them as they are; the others get what their own guides show for mixed columns.
"""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd


def ml_baseline(train, holdout, seed, threads, budget, options):
    """Train by the command line, as a user does, and predict with the published run."""
    Path("config.yaml").write_text(json.dumps({"seeds": [seed], **options}))
    train.to_csv("train.csv", index=False)
    holdout.to_csv("new.csv", index=False)
    own = Path(sys.executable).with_name("ml-baseline")
    subprocess.run(
        [own, "train", "--input", "train.csv", "--target", "target", "--positive", "1"]
        + ["--config", "config.yaml", "--cores", str(threads)],
        check=True,
    )
    predict = ["predict", "--input", "new.csv", "--output", "out.csv", "--on-bad-rows", "null"]
    subprocess.run([own, *predict], check=True)
    # A row that it refuses is to be looked at; whoever must have a number has the share of positives.
    return pd.read_csv("out.csv")["probability"].fillna(train["target"].mean())


def _with_preprocessing(estimator, train, holdout):
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    codes = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=5, sparse_output=False
    )
    preprocess = make_column_transformer(
        (numbers, make_column_selector(dtype_include=np.number)),
        (codes, make_column_selector(dtype_exclude=np.number)),
    )
    features, target = train.drop(columns="target"), train["target"]
    model = make_pipeline(preprocess, estimator).fit(features, target)
    return model.predict_proba(holdout)[:, 1]


def logistic_regression(train, holdout, seed, threads, budget, options):
    from sklearn.linear_model import LogisticRegression

    return _with_preprocessing(LogisticRegression(max_iter=1000), train, holdout)


def _categories(train, holdout):
    """Return the features of both with their texts as categories of pandas."""
    features = train.drop(columns="target")
    both = pd.concat([features, holdout])
    texts = both.select_dtypes(exclude="number").columns
    both[texts] = both[texts].astype("str").astype("category")
    return both.iloc[: len(features)], both.iloc[len(features) :]


def sklearn_boosting(train, holdout, seed, threads, budget, options):
    from sklearn.ensemble import HistGradientBoostingClassifier

    features, new = _categories(train, holdout)
    # It takes no more categories than bins.
    codes = [name for name in features.select_dtypes("category") if features[name].nunique() > 250]
    features, new = (
        part.assign(**{n: part[n].cat.codes for n in codes}) for part in (features, new)
    )
    model = HistGradientBoostingClassifier(random_state=seed)
    return model.fit(features, train["target"]).predict_proba(new)[:, 1]


def lightgbm(train, holdout, seed, threads, budget, options):
    from lightgbm import LGBMClassifier

    features, new = _categories(train, holdout)
    names = {name: f"f{number}" for number, name in enumerate(features)}  # it takes no odd names
    model = LGBMClassifier(random_state=seed, n_jobs=threads, verbose=-1)
    model.fit(features.rename(columns=names), train["target"])
    return model.predict_proba(new.rename(columns=names))[:, 1]


def catboost(train, holdout, seed, threads, budget, options):
    from catboost import CatBoostClassifier

    features, new = (part.copy() for part in _categories(train, holdout))
    texts = list(features.select_dtypes("category"))
    for part in (features, new):  # it takes no missing text
        part[texts] = part[texts].astype(object).fillna("missing")
    model = CatBoostClassifier(
        random_seed=seed, thread_count=threads, verbose=False, allow_writing_files=False
    )
    model.fit(features, train["target"], cat_features=texts)
    return model.predict_proba(new)[:, 1]


def flaml(train, holdout, seed, threads, budget, options):
    from flaml import AutoML

    features, new = _categories(train, holdout)
    search = AutoML()
    settings = {"task": "classification", "metric": "log_loss", "time_budget": budget}
    search.fit(features, train["target"], seed=seed, n_jobs=threads, verbose=0, **settings)
    return search.predict_proba(new)[:, 1]


def mljar(train, holdout, seed, threads, budget, options):
    from supervised import AutoML

    # The mode for the best predictions: the default one spends the budget on explanations.
    settings = {"mode": "Compete", "eval_metric": "logloss", "total_time_limit": budget}
    search = AutoML(random_state=seed, n_jobs=threads, verbose=0, **settings)
    search.fit(train.drop(columns="target"), train["target"])
    return search.predict_proba(holdout)[:, 1]


def autogluon(train, holdout, seed, threads, budget, options):
    from autogluon.tabular import TabularPredictor

    predictor = TabularPredictor("target", eval_metric="log_loss", verbosity=0)
    predictor.fit(train, time_limit=budget, num_cpus=threads, **options)
    return predictor.predict_proba(holdout)[1]


if __name__ == "__main__":
    name, arguments = sys.argv[1], json.loads(sys.argv[2])
    train, holdout = (Path(arguments.pop(part)).read_text() for part in ("train", "holdout"))
    # As one file, so that a column has one type in both.
    table = pd.read_csv(StringIO(train + holdout.partition("\n")[2]))
    rows = len(pd.read_csv(StringIO(train)))
    train, holdout = table.iloc[:rows].copy(), table.iloc[rows:].reset_index(drop=True)
    target, path = holdout.pop("target"), arguments.pop("predictions")
    probability = np.asarray(globals()[name](train, holdout, **arguments), dtype=float)
    assert probability.shape == target.shape
    assert ((probability >= 0) & (probability <= 1)).all()
    pd.DataFrame({"target": target, "probability": probability}).to_csv(path, index=False)
