"""How sure a trained network is: covariance of its parameters, standard deviations and intervals of its predictions.

What it must get right first:
  1. intervals cover what they say, where the model describes the data and has samples;
  2. where there are no samples the answer is "unknown" (a large deviation), never a false certainty;
  3. the matrix is that of the parameters as they are now: what is kept between calls is used only while they have not changed;
  4. it speaks of least squares only: after a fit with another loss than 'mse' it refuses, because residuals then are no errors.

Near the least-squares solution a network is linear in its parameters w, so that with J = ∂output/∂w at the training samples and
errors of variance s² (Seber and Wild, Nonlinear Regression, 1989, sections 2.1 and 5.1)

    cov(w) = s² A⁻¹,  A = JᵀJ + S,    s² = Σ (y - f)² / (N - tr(A⁻¹ JᵀJ)),    var f(x) = J(x) cov(w) J(x)ᵀ.

S is the penalty that the model was fitted with (Wahba's Bayesian view: JRSS B 45, 1983), at least 1e-8 of what samples say of an
edge, on its second differences. With sample weights u errors have variances σ²/u; A and s² are those of the weights that are 1 in the
mean, so that cov(w) does not depend on their unit, and an observation of weight 1 has the variance s²·Σu/N. Outputs have variances
of their own: with several, cov(w) = A⁻¹ (Σ_o s_o² J_oᵀJ_o + D S D) A⁻¹, D² the mean of s² over outputs, each counted by what a
parameter does to it. Directions that change no output (constants that edges share) are left out by an eigenvalue cut.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import _check, _data, _penalty
from ._gradients import Gradients
from ._optional import need

PRIOR = 1e-8
CUT = 1e-13  # of the largest eigenvalue
CHUNK = 1 << 22  # numbers of J at a time
INSTEAD = {  # of intervals, by the loss
    "bce": "the probability of label 1 is 1/(1 + exp(-model.predict(x)))",
    "cross_entropy": "probabilities of the classes are the softmax of model.predict(x)",
}


class Covariance(NamedTuple):
    """cov(w) = root rootᵀ, and what was found on the way."""

    root: np.ndarray  # (P, rank)
    variance: np.ndarray  # (outputs,) of an observation of weight 1
    freedom: np.ndarray  # (outputs,) N - tr H


class Uncertainty(Gradients):
    """Methods that say how sure the network is."""

    _covariance: Any = None

    def parameter_places(self) -> list[tuple[str, tuple[int, ...]]]:
        """Which parameters the columns of :meth:`parameter_jacobian` and :meth:`parameter_covariance` belong to.

        They are those that ``fit(opt='LM')`` moves: coefficients and ``scale_base`` of edges that are on, affine numbers of symbolic
        edges, and with ``affine_trainable`` those of nodes. ``scale_sp`` only multiplies coefficients and is not among them.

        Returns
        -------
        list of (name, place)
            The name of the array in ``state_dict()``, and the place in it.

        Examples
        --------
        >>> from swiftkan import KAN
        >>> KAN([2, 1], grid=3, k=1).parameter_places()[-1]
        ('act_fun.0.scale_base', (1, 0))
        """
        index = self._columns()
        places: list = [None] * index.size
        for name in self._names():
            offset, shape = self._blocks[name]
            for c in np.flatnonzero((index >= offset) & (index < offset + int(np.prod(shape)))):
                places[c] = (name, tuple(int(i) for i in np.unravel_index(index[c] - offset, shape)))
        return places

    def parameter_jacobian(self, x: Any) -> np.ndarray:
        """The derivatives of the outputs with respect to the trained parameters, exact, at each sample.

        Parameters
        ----------
        x : array-like, (samples, inputs)

        Returns
        -------
        array of float64, (samples, outputs, parameters)
            The parameters are those of :meth:`parameter_places`.

        Raises
        ------
        ValueError
            For a wrong shape, NaN or infinity, and for networks of more than 10000 parameters.

        Examples
        --------
        >>> from swiftkan import KAN
        >>> model = KAN([2, 5, 1], grid=3, k=3)
        >>> model.parameter_jacobian([[0.1, 0.2], [0.3, 0.4]]).shape
        (2, 1, 105)
        """
        rows = self._training_rows("x", x)
        return self._jacobian(self._chosen(rows), self._columns().size)

    def parameter_covariance(self, dataset: Any = None, *, sample_weight: Any = None) -> np.ndarray:
        """The covariance matrix of the trained parameters, from the residuals of a least-squares fit, loss 'mse'.

        Parameters
        ----------
        dataset : dict or tuple
            The data that the model was fitted to, as for :meth:`fit`; that of the last ``fit`` if not given.
        sample_weight : array-like, (samples,)
            With ``dataset``: errors have variances in proportion to 1/weight, whatever the weights' unit. Without: those of the last
            ``fit``.

        Returns
        -------
        array of float64, (parameters, parameters)
            In the order of :meth:`parameter_places`. 0 in directions that change no output. Files do not say which loss a model was
            fitted with; one that was read from a file is taken for one of 'mse'.

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
            if dataset is not None or sample_weight is not None:
                raise ValueError("dataset: is used with return_std=True only")
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
            deviation = np.sqrt(deviation**2 + found.variance)
        reach = special.stdtrit(found.freedom, 0.5 + level / 2) * deviation
        return prediction, (prediction - reach).astype(self.dtype), (prediction + reach).astype(self.dtype)

    # ---- How it is computed --------------------------------------------------------------------------------------

    def _columns(self) -> np.ndarray:
        index = np.empty(self._core.parameter_columns(None), np.int64)
        if index.size:
            self._core.parameter_columns(index)
        return index

    def _jacobian(self, chosen: np.ndarray, count: int, avoid: bool = False, y_th: float = 10.0) -> np.ndarray:
        jacobian = np.empty((len(chosen), self.width_in[-1], count))
        if jacobian.size:
            self._core.parameter_jacobian(chosen, len(chosen), jacobian, avoid, y_th)
        return jacobian

    def _chunks(self, chosen: np.ndarray, count: int, avoid: bool = False, y_th: float = 10.0) -> Any:
        """(slice of samples, their J) in turn."""
        rows = max(1, CHUNK // max(1, count * self.width_in[-1]))
        for start in range(0, len(chosen), rows):
            part = slice(start, start + rows)
            yield part, self._jacobian(chosen[part], count, avoid, y_th)

    def _deviations(self, x: Any, found: Covariance) -> tuple[np.ndarray, np.ndarray]:
        prediction = self._run(x, False, 10.0, remember=False)
        rows, _ = self._rows("x", x)
        deviation = np.empty((len(rows), self.width_in[-1]))
        for part, jacobian in self._chunks(self._chosen(rows), len(found.root)):
            deviation[part] = np.linalg.norm(jacobian @ found.root, axis=2)
        return prediction, deviation.reshape(prediction.shape)

    def _fitted(self, what: str, dataset: Any, sample_weight: Any) -> tuple[Any, Any, Any, float, bool, float]:
        """(rows, labels, weights, smooth, avoid, y_th): the data given, or that of the last fit."""
        if dataset is not None:
            part = _data.part(self, "train", _data.unpack(dataset)[0], "mse", sample_weight)
            return part.chosen, part.y, part.weight, 0.0, False, 10.0
        if sample_weight is not None:
            raise ValueError("sample_weight: is used with dataset only; those of fit are remembered")
        known = self._recall(what)
        if known.y is None or known.y.shape[1] != self.width_in[-1]:
            raise RuntimeError(f"{what} needs the data that the model was fitted to, with labels: pass dataset=(x, y)")
        return self._chosen(known.x), known.y, known.weight, known.smooth, known.avoid, known.y_th

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
        chosen, y, weight, smooth, avoid, y_th = self._fitted(what, dataset, sample_weight)
        found = self._estimate(chosen, y, weight, smooth, avoid, y_th)
        if dataset is None:
            self._covariance = (self._core, known, self._around(), self._array.copy(), found)
        return found

    def _around(self) -> tuple:
        """What a covariance depends on beside the numbers and the data."""
        return self._core.flags(), self._functions_now(), self._input_id.tolist(), self._remembered.smooth

    def _functions_now(self) -> dict[tuple[int, int, int], int]:
        """The numbers of all edges' functions, by (l, i, j); a name added anew is another number."""
        return {
            (l, i, j): self._core.symbolic_get(l, i, j)
            for l in range(self.depth)
            for j in range(self.width_out[l + 1])
            for i in range(self.width_in[l])
        }

    def _estimate(self, chosen: Any, y: Any, weight: Any, smooth: float, avoid: bool, y_th: float) -> Covariance:
        n, outputs, index = len(chosen), self.width_in[-1], self._columns()
        if not index.size:
            raise ValueError("the model has no trained parameters: all its edges are masked")
        samples, unit = n, 1.0  # of the weights that are 1 in the mean, in that of those given
        if weight is not None:
            samples = int(np.count_nonzero(weight))
            unit = samples / weight.sum(dtype=np.float64)
            weight = _check.contiguous(weight * unit, self.dtype)
        normal = np.empty((index.size, index.size))
        self._core.normal_matrix(chosen, n, weight, index.size, normal, avoid, y_th)
        if not np.isfinite(normal).all():
            raise ValueError("the network's derivatives are not finite at some of the samples; see singularity_avoiding")
        penalty = _penalty.bending(self, index)
        prior = _penalty.relative(penalty, normal, PRIOR).matrix(index.size)
        if smooth:
            _penalty.weigh(penalty, self.depth, normal)
            penalty.add(prior, smooth * samples)
        root, kept = _inverse_root(normal, prior)

        residual = np.empty((n, outputs), self.dtype)
        self._core.forward(chosen, residual, avoid, y_th)
        residual = (y - residual).astype(np.float64)
        squares = np.einsum("no,no,n->o", residual, residual, np.ones(n) if weight is None else weight)
        if outputs == 1:
            used = np.array([kept - np.einsum("pr,pq,qr->", root, prior, root, optimize=True)])
        else:
            parts, seen_by = np.zeros((outputs, root.shape[1], root.shape[1])), np.zeros((outputs, index.size))
            for part, jacobian in self._chunks(chosen, index.size, avoid, y_th):
                if weight is not None:
                    jacobian *= np.sqrt(weight[part])[:, None, None]
                seen_by += np.einsum("nop,nop->op", jacobian, jacobian)
                seen = jacobian @ root
                parts += np.einsum("nor,noq->orq", seen, seen, optimize=True)
            used = np.einsum("orr->o", parts)
        freedom = samples - used
        if (freedom < 1).any():
            raise ValueError(
                f"the data has {samples} samples, but the model has {used.max():.1f} effective parameters an output: nothing is left "
                "to tell the size of errors from; use more samples, a smaller grid or width, or fit(smooth='gcv')"
            )
        variance = squares / freedom
        if outputs == 1:
            return Covariance(root * np.sqrt(variance[0]), variance / unit, freedom)
        own = np.sqrt(variance @ seen_by / np.maximum(seen_by.sum(axis=0), 1e-300))  # the error of the outputs that a parameter serves
        middle = np.einsum("o,orq->rq", variance, parts) + root.T @ (prior * own * own[:, None]) @ root
        values, vectors = np.linalg.eigh(middle)
        return Covariance(root @ (vectors * np.sqrt(np.maximum(values, 0))), variance / unit, freedom)


def _inverse_root(normal: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, int]:
    """R with R Rᵀ = (normal + prior)⁺, and its rank; solved with a diagonal of 1."""
    matrix = normal + prior
    scale = np.sqrt(np.maximum(matrix.diagonal(), 1e-300))
    values, vectors = np.linalg.eigh(matrix / scale / scale[:, None])
    keep = values > CUT * values[-1]
    return (vectors[:, keep] / np.sqrt(values[keep])) / scale[:, None], int(keep.sum())
