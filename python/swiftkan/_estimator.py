"""What KANRegressor and KANClassifier share: parameters and their checks, scaling, the choice of a network, formulas.

What it must get right first:
  1. parameters and data are checked before anything is trained, and ``__init__`` only stores, as scikit-learn asks;
  2. equal samples count as one with a greater weight, and the order of samples does not matter;
  3. the network sees scaled samples, and whoever asks for formulas or predictions sees the units of the data.
"""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

try:
    from sklearn.base import BaseEstimator
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        f"KANRegressor and KANClassifier need scikit-learn 1.6 or newer ({error}): pip install scikit-learn"
    ) from None

from . import _check, _choice, _numbers, _settings
from ._kan import KAN

MARGIN = 0.05  # how far beyond the training samples, as a part of their range, inputs are taken as they are
ADDITIVE = {"alpha": (1.0, 10.0, 100.0), "bend": (0.0, 0.1, 0.3, 1.0), "grid": 8}
DECAYED = {"alpha": (1.0, 0.3, 0.1), "grid": 3}
NEWTON = {"hidden": (5,), "grids": (4, 8, 16), "steps": 40}
AUTO = (((16,), 1.0), ((16,), 0.3), ((64,), 0.1))  # hidden, alpha
MEMBERS = 4
SUMMABLE = 900  # binary digits of the largest weight at most; float64 has 1024, the rest is for sums of many and squares of samples


class Estimator(BaseEstimator):
    """What both have in common: parameters, checks, scaling, the choice of a network."""

    def __init__(
        self, hidden="auto", *, alpha="auto", opt="auto", grid=None, k=3, steps=None, members=None, folds=5, random_state=None,
    ):  # fmt: skip
        self.hidden = hidden
        self.alpha = alpha
        self.opt = opt
        self.grid = grid
        self.k = k
        self.steps = steps
        self.members = members
        self.folds = folds
        self.random_state = random_state

    def scaled(self, X: Any) -> np.ndarray:
        """The samples as ``model_`` takes them: (X - x_mean_)/x_scale_, where X is first brought into the range of the training
        samples, widened by 5 % at both ends.

        Parameters
        ----------
        X : array-like, (samples, features)

        Returns
        -------
        array of float64, (samples, features)

        Raises
        ------
        ValueError
            For another number of features, NaN or infinity.
        NotFittedError
            Before ``fit``.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KANRegressor
        >>> x = np.linspace(0, 10, 50)[:, None]
        >>> regressor = KANRegressor(hidden=(), random_state=0).fit(x, 3 * x[:, 0])
        >>> z = regressor.scaled([[5.0], [10.5], [99.0]])
        >>> bool(abs(z[0, 0]) < 1e-9), bool(z[1, 0] == z[2, 0])
        (True, True)
        >>> bool(np.allclose(regressor.model_.predict(z)[:, 0] * regressor.y_scale_ + regressor.y_mean_, [15.0, 31.5, 31.5], atol=0.5))
        True
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return (np.clip(X, *self.x_range_) - self.x_mean_) / self.x_scale_

    def symbolic_formula(self, var: Any = None, **arguments: Any) -> tuple[list[Any], list[Any]]:
        """The formula of ``model_`` in the units of the data: :meth:`swiftkan.KAN.symbolic_formula` with the scaling put in.

        Parameters
        ----------
        var : list of str or sympy expressions, optional
            The features' names; ``feature_names_in_``, or x_1, x_2, …, if not given.
        **arguments
            ``simplify`` and ``numeric``.

        Returns
        -------
        expressions : list with one an output; a classifier's are logits
        variables : list of symbols

        Raises
        ------
        ValueError
            If edges are numeric still: call ``model_.auto_symbolic()`` first, or give ``numeric="function"``.
        NotFittedError
            Before ``fit``.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KANRegressor
        >>> x = np.random.RandomState(0).uniform(1, 3, (200, 2))
        >>> regressor = KANRegressor(hidden=(1,), opt="LM", random_state=0).fit(x, np.exp(x[:, 0] + x[:, 1] ** 2))
        >>> _ = regressor.model_.auto_symbolic(lib=["x", "x^2", "exp"], verbose=0)
        >>> (formula,), names = regressor.symbolic_formula()
        >>> bool(np.isclose(float(formula.subs({"x_1": 1.5, "x_2": 2.0})), regressor.predict([[1.5, 2.0]])[0]))
        True
        """
        check_is_fitted(self)
        used = np.asarray(self.model_.input_id, dtype=int)
        if var is None and hasattr(self, "feature_names_in_"):
            var = [str(name) for name in self.feature_names_in_]
        return self.model_.symbolic_formula(var=var, normalizer=(self.x_mean_[used], self.x_scale_[used]), **self._units(), **arguments)

    def _units(self) -> dict[str, Any]:
        return {}

    # ---- fit -----------------------------------------------------------------------------------------------------

    def _train(self, x: np.ndarray, y: np.ndarray, weight: Any, classes: int) -> None:
        """Sets ``model_`` and all about its choice; y is (n, outputs), or codes of classes (n,)."""
        candidates, members, folds = self._candidates(bool(classes), y)
        samples = _count(weight, len(x))
        weight, unit = _summable(weight)
        x, y, weight = _distinct(x, y, weight)
        self.x_mean_, self.x_scale_ = _standard("X", x, weight)
        low, high = x.min(axis=0), x.max(axis=0)
        self.x_range_ = np.stack([low - MARGIN * (high - low), high + MARGIN * (high - low)])
        x = (x - self.x_mean_) / self.x_scale_
        if not classes:
            self.y_mean_, self.y_scale_ = _standard("y", y, weight)
            y = (y - self.y_mean_) / self.y_scale_
        problem = _choice.Problem(x, y, weight, classes, bool(np.any(weight != weight[0])), unit)
        candidates = [c for c in candidates if len(candidates) == 1 or c.suits(problem)]
        random = np.random.RandomState(check_random_state(self.random_state).randint(2**31 - 1))
        chosen, self.cv_results_ = _choice.race(candidates, problem, folds, random)
        self.chosen_ = chosen.describe()
        self.model_ = _choice.train(chosen, problem, members, random)
        self.model_.cache_data = x
        if not classes:  # for return_std
            known = self.model_._remembered
            merged = problem.weighted or samples != len(x)
            known.y, known.weight = y.astype(self.model_.dtype), weight.astype(self.model_.dtype) if merged else None
            known.samples = samples

    def _candidates(self, classifies: bool, y: np.ndarray) -> tuple[list, int, int]:
        """(candidates, members, folds): the parameters, checked, and what they stand for."""
        automatic = isinstance(self.hidden, str)
        if automatic:
            _check.choice("hidden", self.hidden, ("auto",))
            hidden: tuple = ()
        else:
            single = isinstance(self.hidden, numbers.Integral)
            given = (self.hidden,) if single else self.hidden
            if not isinstance(given, (tuple, list)):
                raise TypeError(f"hidden: must be 'auto' or the hidden levels, such as (5,) or (), not {_check.shown(self.hidden)}")
            for i, level in enumerate(given):
                _settings.nodes("hidden" if single else f"hidden[{i}]", level)
            hidden = tuple(tuple(level) if isinstance(level, (tuple, list)) else level for level in given)
        _check.choice("opt", self.opt, ("auto", "AdamW", "LM"))
        if not automatic and not hidden and self.opt != "auto":
            raise ValueError("opt: an additive model, hidden=(), is solved directly; leave opt out")
        k = _check.integer("k", self.k, 1, 20)
        grid = None if self.grid is None else _check.integer("grid", self.grid, 1, 2**31 - 1)
        steps = None if self.steps is None else _check.integer("steps", self.steps, 1, 2**31 - 1)
        folds = _check.integer("folds", self.folds, 2, 2**31 - 1)
        if isinstance(self.alpha, str):
            _check.choice("alpha", self.alpha, ("auto",))
            alphas = None
        else:
            alphas = (_check.real("alpha", self.alpha, above=0.0),)
        if self.members is None:
            members = MEMBERS if automatic else 1
        else:
            members = _check.integer("members", self.members, 1, 2**16)
        if members > 1 and any(isinstance(level, tuple) for level in hidden):
            raise ValueError("members: networks with multiplication nodes cannot be joined; use members=1")

        found: list = []
        first = self.opt in ("auto", "AdamW")
        if not hidden and first:
            found += [
                _choice.Additive(alpha, bend, grid or ADDITIVE["grid"], k) for alpha in alphas or ADDITIVE["alpha"] for bend in ADDITIVE["bend"]
            ]
        if first and (automatic or hidden):
            pairs = [(h, a) for h, a in AUTO if alphas is None] or [(h, a) for h in dict(AUTO) for a in alphas or ()]
            if not automatic:
                pairs = [(hidden, alpha) for alpha in alphas or DECAYED["alpha"]]
            found += [_choice.Decayed(h, a, grid or DECAYED["grid"], k, steps or _choice.STEPS) for h, a in pairs]
        if self.opt == "LM" or (self.opt == "auto" and not classifies and alphas is None and (automatic or hidden)):
            grids = (grid,) if grid else NEWTON["grids"]
            found.append(_choice.Newton(NEWTON["hidden"] if automatic else hidden, grids, k, min(steps or NEWTON["steps"], NEWTON["steps"])))
        return found, members, folds


def sample_weights(sample_weight: Any, X: np.ndarray) -> np.ndarray | None:
    if sample_weight is None:
        return None
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
    if weight.min() < 0:
        raise ValueError(f"sample_weight: must not be negative, but weight {int(weight.argmin())} is {weight.min():g}")
    if not weight.any():
        raise ValueError("sample_weight: at least one weight must be above 0")
    return weight


def _count(weight: np.ndarray | None, n: int) -> int:
    """How many samples of a weight above 0 there are. Whole weights are numbers of copies, because a weight of 2 is a sample given
    twice; of other weights no number of copies is known. (All numbers of float64 from COUNTED on are whole, which says nothing.)"""
    if weight is None:
        return n
    weight = weight[weight > 0]
    whole = weight.max() < _choice.COUNTED and bool((weight == np.floor(weight)).all())
    return int(weight.sum()) if whole else len(weight)


def _summable(weight: np.ndarray | None) -> tuple[np.ndarray | None, float]:
    """Weights with finite sums, and what they were divided by, a power of two and so without rounding: 1 but near float64's limit."""
    if weight is None:
        return None, 1.0
    power = max(0, int(np.frexp(weight.max())[1]) - SUMMABLE)
    return np.ldexp(weight, -power), 2.0**power


def _distinct(x: np.ndarray, y: np.ndarray, weight: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Samples in a canonical order, equal ones added up and those of weight 0 left out, so that a weight of 2 and a sample given
    twice are the same, and the order of samples does not matter."""
    weight = np.ones(len(x)) if weight is None else weight
    counts = weight > 0
    x, y, weight = x[counts], y[counts], weight[counts]
    order = np.lexsort(np.column_stack([weight, y, x]).T)  # weights, too: sums of them round in one way only
    x, y, weight = x[order], y[order], weight[order]
    labels = y.reshape(len(y), -1)
    new = np.append(True, (x[1:] != x[:-1]).any(axis=1) | (labels[1:] != labels[:-1]).any(axis=1))
    first = np.flatnonzero(new)
    return x[first], y[first], np.add.reduceat(weight, first)


def _standard(name: str, values: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations, these 1 where a column is constant, to rounding (more if rounding is more). They are those of the
    columns brought to order one, by powers of two and so without rounding: squares of 1e200 are infinite, and those of 1e-200 zero."""
    with np.errstate(over="ignore"):
        fits = np.isfinite(2 * (values.max(axis=0) - values.min(axis=0)))  # 2: the margins are within it
    if not fits.all():
        column = int(np.argmin(fits))
        low, high = values[:, column].min(), values[:, column].max()
        raise ValueError(f"{name}: column {column} reaches from {low:g} to {high:g}, too far for float64; divide it by a constant")
    values, power = _numbers.order_one(values, axis=0)
    mean = np.average(values, axis=0, weights=weight)
    size = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))
    varies = size > 1e-12 * np.maximum(np.abs(mean), np.finfo(float).tiny)
    size, mean = np.ldexp(size, power), np.ldexp(mean, power)
    varies &= size > 0  # of numbers next to 0 the deviation may be 0
    return mean, np.where(varies, size, np.maximum(1.0, 1e-12 * np.abs(mean)))


PARAMETERS = """
    Parameters
    ----------
    hidden : 'auto', int or tuple
        The hidden levels of the network: ``(5,)`` for [features, 5, outputs], ``()`` for an additive model (one layer; linear
        with more than 500 features), entries
        ``(n_sum, n_mult)`` for products. 'auto' chooses among an additive model and networks of one hidden level.
    alpha : 'auto' or float
        Strength of regularisation: AdamW's weight decay; of an additive model the ridge penalty. 'auto' chooses it.
    opt : 'auto', 'AdamW' or 'LM'
        How networks with hidden levels are trained (an additive model is solved directly): AdamW with weight decay, for noisy data; Levenberg-Marquardt from coarse to fine
        grids, for smooth functions with little noise. 'auto' tries both (a classifier: AdamW).
    grid : int, optional
        Grid intervals of the splines. If not given 3 with AdamW, 8 for an additive model, and 4, 8, 16 with 'LM'.
    k : int
        Degree of the splines, from 1 to 20.
    steps : int, optional
        Steps of AdamW (1500), or of Levenberg-Marquardt on each grid (40, also at most).
    members : int, optional
        A network that AdamW trains is the mean of so many, from different starts, put side by side into one network
        (``swiftkan/_joined.py``): steadier, but wider. 4 with ``hidden='auto'`` and 1 otherwise, if not given.
    folds : int
        Folds of the choice. Candidates that fall behind leave after the first of them; if there is one candidate there is no choice.
    random_state : int, RandomState or None
        Of folds and starts.

    Attributes
    ----------
    model_ : KAN
        The network, trained on scaled samples (see :meth:`scaled`). It may be replaced, say by ``model_.prune()``.
    chosen_ : dict
        The settings chosen.
    cv_results_ : list of dict
        All candidates: settings, ``loss`` on held-out samples (mean square of scaled labels, or logarithmic loss), and on how many,
        equal ones counted each.
    x_mean_, x_scale_ : (features,)
        The network's inputs are (X - x_mean_)/x_scale_.
    x_range_ : (2, features)
        Where inputs are clipped: the range of the training samples, 5 % wider at both ends. Beyond it predictions are constant.
    n_features_in_, feature_names_in_
        As in all of scikit-learn.
"""
