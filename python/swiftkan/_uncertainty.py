"""How sure a trained network is: covariance of its parameters, standard deviations and intervals of its predictions.

What it must get right first:
  1. intervals cover what they say, where the model describes the data and has samples;
  2. where there are no samples the answer is "unknown" (a large deviation), never a false certainty;
  3. the matrix is that of the parameters as they are now: what is kept between calls is used only while they have not changed;
  4. it speaks of least squares only: after a fit with another loss than 'mse' it refuses, because residuals then are no errors.

The formulas stand in _covariance.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _check, _data, _numbers
from ._covariance import Covariance, estimate
from ._jacobian import Jacobian
from ._optional import need

INSTEAD = {  # of intervals, by the loss
    "bce": "the probability of label 1 is 1/(1 + exp(-model.predict(x)))",
    "cross_entropy": "probabilities of the classes are the softmax of model.predict(x)",
}


class Uncertainty(Jacobian):
    """Methods that say how sure the network is."""

    _covariance: Any = None

    def parameter_covariance(self, dataset: Any = None, *, sample_weight: Any = None) -> np.ndarray:
        """The covariance matrix of the trained parameters, from the residuals of a least-squares fit, loss 'mse'.

        Parameters
        ----------
        dataset : dict or tuple
            The data that the model was fitted to, as for :meth:`fit`; that of the last ``fit`` if not given. Either way the penalty
            is that of its ``smooth``, which copies, pickles and pruned or refined models remember and files do not.
        sample_weight : array-like, (samples,)
            With ``dataset``: errors have variances in proportion to 1/weight, whatever the weights' unit. Without: those of the last
            ``fit``.

        Returns
        -------
        array of float64, (parameters, parameters)
            In the order of :meth:`parameter_places`. 0 in directions that change no output. Files do not say how a model was
            fitted; one that was read from a file is taken for one of 'mse' without ``smooth``: variances of one that was smoothed
            come out too large.

        Raises
        ------
        RuntimeError
            Without ``dataset``, if there was no ``fit``, or data was given to the model after it.
        ValueError
            After a fit with another loss than 'mse'; for data that is not allowed, or if it has no more numbers than the model has
            effective parameters.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> rng = np.random.RandomState(0)
        >>> x = rng.rand(200, 1)
        >>> model = KAN([1, 1], grid=5, k=3)
        >>> result = model.fit((x, np.sin(6 * x) + 0.1 * rng.randn(200, 1)), opt="LM", steps=20)
        >>> model.parameter_covariance().shape
        (9, 9)
        """
        root = self._uncertain("parameter_covariance()", dataset, sample_weight).root
        return root @ root.T

    def predict(self, x: Any, return_std: bool = False, *, dataset: Any = None, sample_weight: Any = None) -> Any:
        """The network's outputs; the model is not changed in any way.

        Parameters
        ----------
        x : array-like, (samples, inputs)
            Anything NumPy understands: lists, integers, pandas frames, torch tensors, any memory layout. A single row
            (inputs,) and higher ranks (…, inputs) are understood too.
        return_std : bool
            Also return the standard deviation of the prediction (of the mean, not of a new observation; see
            :meth:`predict_interval`), as scikit-learn's regressors do. For the loss 'mse' only.
        dataset, sample_weight
            With ``return_std``, as for :meth:`parameter_covariance`.

        Returns
        -------
        array of the model's dtype, (samples, outputs); (outputs,) for a single row, (…, outputs) for higher ranks
            With ``return_std`` a pair of such arrays, prediction and standard deviation.

        Raises
        ------
        ValueError
            If the last axis is not the model's number of inputs; with ``return_std`` as :meth:`parameter_covariance`.
        TypeError
            If ``x`` does not hold real numbers.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> model = KAN([2, 5, 1], seed=0)
        >>> model.predict([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]).shape
        (3, 1)
        >>> model.predict([0.1, 0.2]).shape
        (1,)
        >>> rng = np.random.RandomState(0)
        >>> x = rng.rand(400, 2)
        >>> result = model.fit((x, x[:, :1] * x[:, 1:] + 0.1 * rng.randn(400, 1)), opt="LM", steps=10)
        >>> prediction, std = model.predict(x[:5], return_std=True)
        >>> std.shape, bool((std < 0.1).all())
        ((5, 1), True)
        """
        if not _check.flag("return_std", return_std):
            for name, given in (("dataset", dataset), ("sample_weight", sample_weight)):
                if given is not None:
                    raise ValueError(f"{name}: is used with return_std=True only")
            return self._run(x, False, 10.0, remember=False)
        found = self._uncertain("predict(return_std=True)", dataset, sample_weight)
        prediction, deviation = self._deviations(x, found)
        return prediction, deviation.astype(self.dtype)

    def predict_interval(
        self, x: Any, level: float = 0.95, *, of: str = "observation", dataset: Any = None, sample_weight: Any = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Predictions with the intervals that hold new observations, or the mean, with a given probability.

        Parameters
        ----------
        x : array-like, (…, inputs)
        level : float
            That probability, between 0 and 1.
        of : 'observation' or 'mean'
            An interval for y at x, with its error, or for the expected y. After a fit with ``sample_weight`` the observation is one of
            weight 1, in the unit of those weights; that of weight u has the error s/√u instead of s.
        dataset, sample_weight
            As for :meth:`parameter_covariance`.

        Returns
        -------
        prediction, low, high : arrays of the model's dtype, (…, outputs)
            prediction ± t·√(std² + s²) (s², the variance of an error of weight 1, only for observations), t the quantile of Student's distribution with N - tr H degrees
            of freedom.

        Raises
        ------
        ValueError, RuntimeError
            As :meth:`parameter_covariance`; above all after a fit with another loss than 'mse', such as that of a classification.

        Notes
        -----
        They hold if errors are independent and alike, and if the model is flexible enough for the mean; ``fit`` with ``smooth='gcv'``
        gives about the right flexibility.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> rng = np.random.RandomState(0)
        >>> f, x, new = lambda x: np.sin(6 * x), rng.rand(300, 1), rng.rand(1000, 1)
        >>> model = KAN([1, 1], grid=8, k=3)
        >>> result = model.fit((x, f(x) + 0.2 * rng.randn(300, 1)), opt="LM", steps=20)
        >>> prediction, low, high = model.predict_interval(new)
        >>> y = f(new) + 0.2 * rng.randn(1000, 1)
        >>> bool(0.92 < ((low < y) & (y < high)).mean() < 0.98)
        True
        """
        level = _check.real("level", level, above=0.0)
        if not level < 1:
            raise ValueError(f"level: must be below 1, not {level:g}")
        _check.choice("of", of, ("observation", "mean"))
        found = self._uncertain("predict_interval()", dataset, sample_weight)
        prediction, deviation = self._deviations(x, found)
        special = need("scipy.special", "predict_interval()")  # here, because importing it takes longer than the package
        if of == "observation":
            deviation = np.hypot(deviation, found.error)
        reach = special.stdtrit(found.freedom, 0.5 + level / 2) * deviation
        return prediction, (prediction - reach).astype(self.dtype), (prediction + reach).astype(self.dtype)

    # ---- How it is computed --------------------------------------------------------------------------------------

    def _deviations(self, x: Any, found: Covariance) -> tuple[np.ndarray, np.ndarray]:
        prediction = self._run(x, False, 10.0, remember=False)
        rows, _ = self._rows("x", x)
        deviation = np.empty((len(rows), self.width_in[-1]))
        root, order = _numbers.order_one(found.root)
        for part, jacobian in self._chunks(self._chosen(rows), len(root)):
            deviation[part] = np.linalg.norm(jacobian @ root, axis=2)
        return prediction, np.ldexp(deviation, order).reshape(prediction.shape)

    def _fitted(self, what: str, dataset: Any, sample_weight: Any) -> tuple[Any, Any, Any, int | None]:
        """(rows, labels, weights, samples that the weights stand for): the data given, or that of the last fit."""
        if dataset is not None:
            part = _data.part(self, "train", _data.unpack(dataset)[0], "mse", sample_weight)
            return part.chosen, part.y, part.weight, None
        if sample_weight is not None:
            raise ValueError("sample_weight: is used with dataset only; those of fit are remembered")
        known = self._recall(what)
        if known.y is None or known.y.shape[1] != self.width_in[-1]:
            raise RuntimeError(f"{what} needs the data that the model was fitted to, with labels: pass dataset=(x, y)")
        return self._chosen(known.x), known.y, known.weight, known.samples

    def _least_squares(self, what: str, dataset: Any) -> None:
        """Refuses what is not of least squares. A loss written in Python may be: with ``dataset`` that is taken for granted."""
        loss = self._fitted_loss[0]
        if loss == "mse" or callable(loss) and dataset is not None:
            return
        if callable(loss):
            was, remedy = "one of your own", "if that is least squares pass dataset=(x, y)"
        else:
            was, remedy = repr(loss), INSTEAD.get(loss, "fit with loss_fn='mse' first")
        raise ValueError(
            f"{what}: is for loss 'mse' only, because it takes residuals for the errors of measurements; the loss of the last fit was "
            f"{was}: {remedy}"
        )

    def _uncertain(self, what: str, dataset: Any, sample_weight: Any) -> Covariance:
        self._least_squares(what, dataset)
        known = self._remembered
        if dataset is None and sample_weight is None and self._covariance is not None:
            core, remembered, around, state, kept = self._covariance
            if core is self._core and remembered is known and around == self._around() and np.array_equal(state, self._array):
                return kept
        found = estimate(self, *self._fitted(what, dataset, sample_weight), *self._fitted_how)
        if dataset is None:
            self._covariance = (self._core, known, self._around(), self._array.copy(), found)
        return found

    def _around(self) -> tuple:
        """What a covariance depends on beside the numbers and the data."""
        return self._core.flags(), self._functions_now(), self._input_id.tolist(), self._fitted_how

    def _functions_now(self) -> dict[tuple[int, int, int], int]:
        """The numbers of all edges' functions, by (l, i, j); a name added anew is another number."""
        return {
            (l, i, j): self._core.symbolic_get(l, i, j)
            for l in range(self.depth)
            for j in range(self.width_out[l + 1])
            for i in range(self.width_in[l])
        }
