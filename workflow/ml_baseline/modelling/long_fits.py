"""Fits of long tables in little memory: the matrix of such an estimator is never there as a whole."""

import tempfile
import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning

from ml_baseline.data.raw_table import LONG_ROWS
from ml_baseline.errors import InputError
from ml_baseline.modelling import matrix
from ml_baseline.modelling.matrix import Matrix, give_back, some_of_each_class

# A search for coefficients keeps the matrix in a file, in this type.
IN_FILE = np.float32
LOGISTIC_REGRESSION = "sklearn.linear_model._logistic.LogisticRegression"
BOOSTING = (
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier"
)
# What scikit-learn's forests turn all numbers into before they look at them.
FORESTS, OF_FORESTS = "sklearn.ensemble._forest", np.float32
# Parameters of a logistic regression that its fit in pieces knows; the others have their defaults.
KNOWN = ("C", "tol", "max_iter", "random_state", "n_jobs")


def fit_estimator(
    estimator: BaseEstimator, values: Matrix | np.ndarray, target: np.ndarray, **held: Any
) -> None:
    """Fit an estimator to what `fit_transform` returned; `held` is `X_val` and `y_val`, if any."""
    if not isinstance(values, Matrix):
        estimator.fit(values, target, **held)
    elif hasattr(estimator, "max_bins"):
        _fit_boosting(estimator, values, target, **held)
    else:
        _fit_logistic_regression(estimator, values, target)


def fit_transform(
    preprocess: ColumnTransformer,
    features: pd.DataFrame,
    target: np.ndarray,
    estimator: BaseEstimator,
    order: np.ndarray | None = None,
    whole: bool = False,
) -> Matrix | np.ndarray:
    """Return what `preprocess.fit_transform` does, as far as `estimator` can tell.

    Of more than `LONG_ROWS` rows it is made in pieces, and is an array if `whole`, or if the estimator needs one.
    The other args are those of `matrix.fit_matrix`.
    """
    if len(features) <= LONG_ROWS:
        values = preprocess.fit_transform(features, target)
        return values if order is None else values[order]
    made = matrix.fit_matrix(preprocess, features, target, order)
    if not whole and _fits_in_pieces(estimator):
        return made
    in_forest = type(estimator).__module__ == FORESTS
    return made.to_numpy(OF_FORESTS if in_forest else np.float64)


def _fits_in_pieces(estimator: BaseEstimator) -> bool:
    kind, parameters = type(estimator), estimator.get_params(deep=False)
    path, known = f"{kind.__module__}.{kind.__name__}", dict.fromkeys(KNOWN)
    if path != BOOSTING:
        return path == LOGISTIC_REGRESSION and parameters | known == kind().get_params() | known
    categories = parameters["categorical_features"]
    told = isinstance(categories, list) and all(isinstance(value, bool) for value in categories)
    return (
        (told or categories in (None, "from_dtype"))
        and parameters["class_weight"] is None
        and not parameters["warm_start"]
        and hasattr(estimator, "_preprocess_X")
        and hasattr(estimator, "_bin_data")
    )


def _fit_boosting(
    estimator: BaseEstimator, values: Matrix, target: np.ndarray, **held: Any
) -> None:
    """Fit scikit-learn's boosting (1.9), whose matrix of bytes is filled piece by piece.

    It learns from bins, whose limits it finds in `subsample` rows, and would hold its numbers of eight
    bytes three times over to get there. The bins are those that it would make.
    """
    prepare = estimator._preprocess_X

    def preprocess(matrix: Matrix, *, reset: bool) -> Any:
        if not reset:
            return matrix
        return matrix, prepare(_with_each_category(estimator, matrix), reset=True)[1]

    def bins(matrix: Matrix, sample_weight: None, is_training_data: bool) -> np.ndarray:
        mapper = estimator._bin_mapper
        rows, most = matrix.shape[0], mapper.subsample
        if is_training_data:
            drawn = np.arange(rows)
            if rows > most:
                drawn = np.random.RandomState(mapper.random_state).choice(rows, most)
            sample = np.empty((len(drawn), matrix.shape[1]))
            for piece, content in matrix[np.sort(drawn)].pieces():
                sample[piece] = prepare(content, reset=False)
            mapper.fit(sample)  # not more rows than it would draw
            del sample
            give_back()
        binned = np.empty(matrix.shape, np.uint8, order="F" if is_training_data else "C")
        for piece, content in matrix.pieces():
            binned[piece] = mapper.transform(prepare(content, reset=False))
        return binned

    estimator._preprocess_X, estimator._bin_data = preprocess, bins
    try:
        estimator.fit(values, target, **held)
    finally:
        del estimator._preprocess_X, estimator._bin_data


def _with_each_category(estimator: BaseEstimator, matrix: Matrix) -> np.ndarray:
    """Return rows of a matrix among which is each value of each column of categories."""
    told = estimator.categorical_features
    places = np.flatnonzero(told if isinstance(told, list) else [])
    kept = matrix[:1].to_numpy()
    for _, piece in matrix.pieces() if len(places) else ():
        for place in places:
            codes, first = np.unique(piece[:, place], return_index=True)
            kept = np.vstack([kept, piece[first[~np.isin(codes, kept[:, place])]]])
    return kept


def _fit_logistic_regression(estimator: BaseEstimator, values: Matrix, target: np.ndarray) -> None:
    """Fit scikit-learn's logistic regression: the same loss and search (L-BFGS), on one piece after the other.

    It begins with the coefficients of a fit to some rows, so that fewer rounds through the pieces are needed,
    which are in a file without a name, in TMPDIR.
    """
    some = some_of_each_class(target)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):  # it is a start
        estimator.fit(values[some].to_numpy(), target[some])
    rows, columns = values.shape
    penalty = 1 / (estimator.C * rows)
    read = np.empty((matrix.PIECE_ROWS, columns), IN_FILE)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean loss with its penalty, and the gradient; the intercept is the last weight."""
        coefficients = weights[:-1]
        total, gradient = 0.0, np.zeros_like(weights)
        file.seek(0)
        for start in range(0, rows, len(read)):
            piece = read[: rows - start]
            file.readinto(piece.data)
            labels = target[start : start + len(piece)]
            scores = piece @ coefficients.astype(IN_FILE) + weights[-1]
            total += np.logaddexp(0, scores).sum() - scores[labels == 1].sum()
            errors = expit(scores) - labels
            gradient[:-1] += errors.astype(IN_FILE) @ piece
            gradient[-1] += errors.sum()
        gradient /= rows
        gradient[:-1] += penalty * coefficients
        return total / rows + penalty / 2 * coefficients @ coefficients, gradient

    first = np.append(estimator.coef_[0], estimator.intercept_)
    options = {"maxiter": estimator.max_iter, "maxls": 50, "gtol": estimator.tol}
    options["ftol"] = 64 * np.finfo(float).eps
    try:
        with tempfile.TemporaryFile() as file:
            for _, content in values.pieces():
                file.write(content.astype(IN_FILE).tobytes())
            found = minimize(loss, first, method="L-BFGS-B", jac=True, options=options)
    except OSError as error:
        raise InputError(
            f"the numbers of {rows:,} rows cannot be kept in {tempfile.gettempdir()} while a model is "
            f"fitted ({error.strerror or error}); set TMPDIR to a folder with more room"
        ) from error
    # Numbers of four bytes allow no more than 1e-5, and far less if they are not scaled.
    if (steepest := np.abs(found.jac).max()) > max(estimator.tol, 1e-5):
        warnings.warn(
            f"lbfgs failed to converge: after {found.nit} iterations the gradient is {steepest:.2g}, above `tol` "
            f"({estimator.tol:g}); raise `max_iter`, or scale the numbers",
            ConvergenceWarning,
            stacklevel=2,
        )
    estimator.coef_, estimator.intercept_ = found.x[None, :-1], found.x[-1:]
    estimator.n_iter_ = np.array([found.nit], dtype=np.int32)
