"""KANRegressor and KANClassifier: Kolmogorov-Arnold networks with scikit-learn's interface.

What it must get right first:
  1. scikit-learn's contract (``check_estimator`` passes, with no check left out);
  2. the default settings do on any data what no one has tuned: they choose between a straight line and a wide network by
     cross-validation inside ``fit``, which sees nothing but its own data;
  3. what is chosen is an ordinary :class:`swiftkan.KAN`, ``model_``, for plots, pruning and formulas.

Needs scikit-learn (pip install scikit-learn); it is imported with this module, and this module when one of its names is asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._estimator import PARAMETERS, Estimator, sample_weights  # first: it says so if scikit-learn is missing
from . import _check  # isort: skip
from sklearn.base import ClassifierMixin, RegressorMixin  # isort: skip
from sklearn.utils.multiclass import check_classification_targets  # isort: skip
from sklearn.utils.validation import validate_data  # isort: skip


class KANRegressor(RegressorMixin, Estimator):
    __doc__ = (
        """A Kolmogorov-Arnold network for regression, with scikit-learn's interface.

    The default settings choose by cross-validation inside ``fit`` between a linear model, an additive model, networks under weight
    decay, and Levenberg-Marquardt; no sample outside the data given is seen.
"""
        + PARAMETERS
        + """    y_mean_, y_scale_ : (outputs,)
        Predictions are the network's outputs · y_scale_ + y_mean_.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import train_test_split
    >>> from swiftkan import KANRegressor
    >>> x, x_test, y, y_test = train_test_split(*load_diabetes(return_X_y=True), random_state=0)
    >>> regressor = KANRegressor(hidden=(), random_state=0).fit(x, y)
    >>> bool(regressor.score(x_test, y_test) > 0.35), regressor.model_
    (True, KAN(width=[10, 1], grid=8, k=3, dtype=float64))
    """
    )

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> KANRegressor:
        """Chooses a network and trains it.

        Parameters
        ----------
        X : array-like, (samples, features)
        y : array-like, (samples,) or (samples, outputs)
        sample_weight : array-like, (samples,)
            A weight of 2 is as good as the sample given twice; see :meth:`predict` for what that means to ``return_std``.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For parameters and data that are not allowed, NaN and infinity among them.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True, ensure_min_samples=2)
        self._single = y.ndim == 1
        self._train(X, np.asarray(y, dtype=np.float64).reshape(len(y), -1), sample_weights(sample_weight, X), 0)
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """The predicted y.

        Parameters
        ----------
        X : array-like, (samples, features)
        return_std : bool
            Also return the standard deviation of the prediction (of the mean, not of a new observation), from the covariance of the
            network's parameters (:meth:`swiftkan.KAN.predict`). It takes no account of ``alpha``, so that it is meant for networks of
            far fewer parameters than samples, such as ``hidden=(3,), opt="LM"``, and is too large for others. Errors are taken for
            independent: the number of samples is the sum of the sample weights if all are whole numbers, else the number of rows of a
            weight above 0.

        Returns
        -------
        array of float64 in the shape that ``fit`` was given, (samples,) or (samples, outputs); with ``return_std`` a pair of such arrays

        Raises
        ------
        ValueError
            For X that is not allowed; with ``return_std`` if the network has as many parameters as there were samples.
        RuntimeError
            With ``return_std``, after pickling, which leaves the training data behind.
        """
        z = self.scaled(X)
        std = None
        if not _check.flag("return_std", return_std):
            prediction = self.model_.predict(z)
        elif self.model_._remembered is None or self.model_._remembered.y is None:
            raise RuntimeError(
                "return_std: needs the training data, which a pickled estimator or another model_ does not have: fit again, or call "
                "model_.predict(scaled(X), return_std=True, dataset=(scaled(X_train), (y_train - y_mean_)/y_scale_))"
            )
        else:
            prediction, std = self.model_.predict(z, return_std=True)
        prediction = np.asarray(prediction, dtype=np.float64) * self.y_scale_ + self.y_mean_
        if std is None:
            return prediction[:, 0] if self._single else prediction
        std = np.asarray(std, dtype=np.float64) * self.y_scale_
        return (prediction[:, 0], std[:, 0]) if self._single else (prediction, std)

    def _units(self) -> dict[str, Any]:
        return {"output_normalizer": (self.y_mean_, self.y_scale_)}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class KANClassifier(ClassifierMixin, Estimator):
    __doc__ = (
        """A Kolmogorov-Arnold network for classification, with scikit-learn's interface.

    The network has an output for each class, its logit. The default settings choose by cross-validation inside ``fit`` between
    logistic regression, an additive model and networks under weight decay; no sample outside the data given is seen.
"""
        + PARAMETERS
        + """    classes_ : (classes,)
        The labels, sorted, in the order of the network's outputs.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.model_selection import train_test_split
    >>> from swiftkan import KANClassifier
    >>> x, x_test, y, y_test = train_test_split(*load_wine(return_X_y=True), random_state=0)
    >>> classifier = KANClassifier(hidden=(5,), alpha=0.3, random_state=0).fit(x, y)
    >>> bool(classifier.score(x_test, y_test) > 0.9), classifier.predict_proba(x_test[:2]).shape
    (True, (2, 3))
    """
    )

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> KANClassifier:
        """Chooses a network and trains it.

        Parameters
        ----------
        X : array-like, (samples, features)
        y : array-like, (samples,)
            Classes: integers, texts, truth values.
        sample_weight : array-like, (samples,)
            A weight of 2 is as good as the sample given twice.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For parameters and data that are not allowed: NaN and infinity, continuous labels, a single class.
        """
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        weight = sample_weights(sample_weight, X)
        counted = np.unique(codes if weight is None else codes[weight > 0])
        if len(counted) < 2:
            raise ValueError(f"y: has one class only, {classes[counted[0]]}; a classifier needs samples of at least 2 classes")
        self.classes_ = classes
        self._train(X, codes.astype(np.int64), weight, len(classes))
        return self

    def _logits(self, X: Any) -> np.ndarray:
        z = self.scaled(X)
        return np.asarray(self.model_.predict(z), dtype=np.float64)

    def decision_function(self, X: Any) -> np.ndarray:
        """The logits (samples, classes); with two classes the second's minus the first's, (samples,)."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probabilities of the classes, (samples, classes)."""
        from scipy.special import softmax

        return softmax(self._logits(X), axis=1)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithms of the probabilities, (samples, classes)."""
        from scipy.special import log_softmax

        return log_softmax(self._logits(X), axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class of each sample, (samples,)."""
        best = self._logits(X).argmax(axis=1)
        return self.classes_[best]
