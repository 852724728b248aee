"""Gradients with respect to every parameter and to the input, as NumPy arrays under state_dict's names.

What it must get right first: the value that is returned is the one whose gradient is returned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _check, _losses
from ._activations import Activations


class Gradients(Activations):
    """Methods that differentiate the network."""

    def value_and_grad(
        self, x: Any, y: Any, loss: Any = "mse", *, lamb: float = 0.0, lamb_l1: float = 1.0, lamb_entropy: float = 2.0,
        lamb_coef: float = 0.0, lamb_coefdiff: float = 0.0, reg_metric: str = "edge_forward_spline_n",
        sample_weight: Any = None, huber_delta: float = 1.0, singularity_avoiding: bool = False, y_th: float = 10.0,
    ) -> tuple[float, dict[str, np.ndarray]]:  # fmt: skip
        """loss + lamb·regularisation and its gradient with respect to all parameters.

        Parameters
        ----------
        x : array-like, (samples, inputs) y : array-like, (samples, outputs); integer classes (samples,) are allowed
        for 'cross_entropy' loss : 'mse', 'mae', 'huber', 'cross_entropy', 'bce', or a callable (prediction, label) →
        (value, dvalue/dprediction) lamb, lamb_l1, lamb_entropy, lamb_coef, lamb_coefdiff, reg_metric
            The regularisation, as in :meth:`fit`; none with ``lamb=0``.
        sample_weight : array-like, (samples,)
            Weights of the samples, not for a callable loss.
        huber_delta : float
            Where the Huber loss turns from square to absolute.
        singularity_avoiding, y_th
            As in :meth:`forward`.

        Returns
        -------
        value : float
        gradients : dict of arrays under the names of ``state_dict()``
            All parameters, also those that training leaves alone (``affine_trainable=False`` …); grids and masks are
            not parameters. They are your own; memory of more than 32 MB that you have let go of is kept for the next call.

        Raises
        ------
        ValueError
            For wrong shapes, NaN or infinity in the data, and unknown losses.

        Examples
        --------
        >>> from swiftkan import KAN
        >>> model = KAN([2, 5, 1])
        >>> value, gradients = model.value_and_grad([[0.1, 0.2], [0.3, 0.4]], [[1.0], [2.0]])
        >>> gradients["act_fun.0.coef"].shape == model.act_fun[0].coef.shape
        True
        """
        loss = _losses.resolve("loss", loss)
        objective = _losses.objective(
            loss, reg_metric, huber_delta, lamb, lamb_l1, lamb_entropy, lamb_coef, lamb_coefdiff
        )
        avoid, y_th = _check.singularity(singularity_avoiding, y_th)
        custom = callable(loss)
        rows = self._training_rows("x", x, finite=custom)
        n, outputs = rows.shape[0], self._outputs
        chosen = self._chosen(rows)
        weight = None if sample_weight is None else _check.weights("sample_weight", sample_weight, n, self._dtype)
        grad = self._gradient_memory.empty(self._parameter_count)
        if custom:
            if weight is not None:
                raise ValueError("sample_weight: a callable loss does its own weighting; leave sample_weight out")
            prediction = np.empty((n, outputs), self.dtype)
            self._core.forward(chosen, prediction, avoid, y_th)
            label = None if y is None else _check.array("y", y)
            value, slope = _losses.CallableLoss(loss, None, None, outputs, self.dtype).value_and_slope(
                prediction, label
            )
            self._core.vjp(chosen, n, _check.contiguous(slope, self.dtype), grad, None, avoid, y_th)
            if objective[3]:
                grad_reg = self._gradient_memory.empty(self._parameter_count)
                value += objective[3] * self._core.regularization(chosen, n, objective, grad_reg, avoid, y_th)
                grad += self.dtype.type(objective[3]) * grad_reg
        else:
            labels, classes = _losses.labels("y", y, loss, n, outputs, self._dtype, finite=False)
            try:
                value, reg = self._core.loss_gradient(
                    chosen, n, labels, classes, weight, objective, grad, None, avoid, y_th
                )
            except ValueError:  # the engine looks at every number anyway; only what it refuses is looked at here again
                _check.finite("x", rows)
                if labels is not None:
                    _check.finite("y", labels)
                raise
            value += objective[3] * reg
        return value, self._named(grad)

    def vjp(
        self, x: Any, grad_output: Any, *, singularity_avoiding: bool = False, y_th: float = 10.0
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The vector-Jacobian product: gradients of Σ grad_output·model(x) with respect to the parameters and to x.

        This is what joins the network to other differentiable code: give it the gradient of your loss with respect to
        the network's output.

        Parameters
        ----------
        x : array-like, (…, inputs)
        grad_output : array-like, (…, outputs), of the shape of ``model(x)``

        Returns
        -------
        gradients : dict of arrays under the names of ``state_dict()``
        grad_x : array of x's shape

        Examples
        --------
        >>> from swiftkan import KAN
        >>> model = KAN([2, 5, 1])
        >>> gradients, grad_x = model.vjp([[0.1, 0.2], [0.3, 0.4]], [[1.0], [1.0]])
        >>> grad_x.shape
        (2, 2)
        """
        avoid, y_th = _check.singularity(singularity_avoiding, y_th)
        rows, lead = self._rows("x", x)
        n, outputs = rows.shape[0], self.width_in[-1]
        given = _check.array("grad_output", grad_output)
        if given.shape != lead + (outputs,):
            raise ValueError(f"grad_output: has the shape {given.shape}, but model(x) has {lead + (outputs,)}")
        if not n:
            raise ValueError("x: has no samples")
        v = _check.contiguous(given, self.dtype).reshape(n, outputs)
        chosen = self._chosen(rows)
        grad, grad_chosen = self._gradient_memory.empty(self._parameter_count), np.empty(chosen.shape, self.dtype)
        self._core.vjp(chosen, n, v, grad, grad_chosen, avoid, y_th)
        if self._selects:  # columns that are not read have no influence; a column may be read twice
            grad_x = np.zeros(rows.shape, self.dtype)
            for column, values in zip(self._input_id, grad_chosen.T):
                grad_x[:, column] += values
        else:
            grad_x = grad_chosen
        return self._named(grad), grad_x.reshape(lead + (self._input_width,))

    def reg(
        self, reg_metric: str = "edge_forward_spline_n", lamb_l1: float = 1.0, lamb_entropy: float = 2.0,
        lamb_coef: float = 0.0, lamb_coefdiff: float = 0.0, *, x: Any = None,
    ) -> float:  # fmt: skip
        """The regularisation at the model's parameters, that ``fit`` multiplies by ``lamb``.

        Parameters
        ----------
        reg_metric : str
            Which matrix v (out, in) of each layer is made small and sparse, S being the standard deviation over the
            samples: 'edge_forward_spline_n' S(numeric part of the edge)/(S(input) + 0.1), 'edge_forward_spline_u'
            S(edge), 'edge_forward_sum' S(edge)/(S(input) + 0.1), 'edge_backward' and 'node_backward' the scores of
            attribution.
        lamb_l1, lamb_entropy : float
            Weights of Σ v, and of the entropies of v's normalised rows and columns (KAN paper, arXiv 2404.19756, eqs.
            2.17 to 2.20, with pykan's constants).
        lamb_coef, lamb_coefdiff : float
            Weights of the sizes of spline coefficients, and of their differences.
        x : array-like, (samples, inputs)
            The samples; without them those remembered are used (``cache_data``).

        Returns
        -------
        float

        Raises
        ------
        RuntimeError
            Without ``x``, if no data is remembered.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> model = KAN([2, 5, 1])
        >>> model.reg(x=np.linspace(-1, 1, 40).reshape(20, 2)) > 0
        True
        """
        objective = _losses.objective("mse", reg_metric, 1.0, 0.0, lamb_l1, lamb_entropy, lamb_coef, lamb_coefdiff)
        rows, avoid, y_th = self._known(x, "reg()")
        if rows.shape[0] < 2:
            raise ValueError(
                f"x: regularisation needs at least 2 samples, not {rows.shape[0]}: it is made of standard deviations"
            )
        _check.finite("x", rows)
        return float(self._core.regularization(rows, rows.shape[0], objective, None, avoid, y_th))

    get_reg = reg

    def _training_rows(self, name: str, value: Any, finite: bool = True) -> np.ndarray:
        """Samples to learn from: two-dimensional, at least one, and finite unless the engine is to find out."""
        rows, lead = self._rows(name, value)
        if len(lead) != 1:
            raise ValueError(
                f"{name}: must have the shape (samples, {self._input_width}), not {lead + (self._input_width,)}"
            )
        if not rows.shape[0]:
            raise ValueError(f"{name}: has no samples")
        if finite:
            _check.finite(name, rows)
        return rows

    def _named(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        """The blocks of a gradient under their names, in the order of state_dict."""
        return {name: flat[start:end].reshape(shape) for name, start, end, shape in self._cuts}
