"""Predicting: from anything array-like to the network's outputs.

What it must get right first: a row's prediction depends on that row alone, and a wrong shape is explained, never
guessed at.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _check, _data, _losses
from ._compiled import CompiledKAN
from ._network import Network


class Forward(Network):
    """Methods that evaluate the network."""

    def _run(self, x: Any, avoid: bool, y_th: float, remember: bool) -> np.ndarray:
        rows, lead = self._rows("x", x)
        n = len(rows)
        if n < 1024:  # a call less, of which single rows would notice the time
            y = np.empty((n, self._outputs), self._dtype)
        else:
            y = self._result_memory.empty(n, self._outputs)
        if n:
            self._core.forward(self._chosen(rows) if self._selects else rows, y, avoid, y_th)
            if remember:
                self._remember(rows, avoid, y_th, asked=False)
        return y if len(lead) == 1 else y.reshape(lead + (self._outputs,))

    def forward(self, x: Any, singularity_avoiding: bool = False, y_th: float = 10.0) -> np.ndarray:
        """The network's outputs, as ``predict``; ``model(x)`` is the same.

        Parameters
        ----------
        x : array-like, (…, inputs)
        singularity_avoiding : bool
            Evaluate symbolic functions in forms whose values near a pole stay about ``y_th``.
        y_th : float
            That bound.

        Returns
        -------
        array of the model's dtype, (…, outputs)

        Notes
        -----
        As long as the model has not been given data by ``fit`` or ``get_act``, ``x`` is remembered (by reference), so
        that ``model.acts`` and the like can be asked for afterwards. Activations themselves are not kept.

        Of results of 32 to 256 MB that the caller has let go of, the model keeps the memory of the last one for the next.
        """
        return self._run(x, *_check.singularity(singularity_avoiding, y_th), remember=True)

    __call__ = forward

    def compile(self, *, singularity_avoiding: bool = False, y_th: float = 10.0) -> CompiledKAN:
        """A function with this model's present numbers, for evaluating row by row or in small batches.

        What is done to the model afterwards does not reach it. It gives what the model gives, bit for bit, and is the quicker the
        larger the network and the smaller the batch: of a network 78 → 32 → 16 → 1 a model spends most of a single row's
        time taking over its numbers.

        Parameters
        ----------
        singularity_avoiding, y_th
            As in :meth:`forward`, for all calls.

        Returns
        -------
        CompiledKAN

        Examples
        --------
        >>> from swiftkan import KAN
        >>> f = KAN([2, 5, 1], seed=0).compile()
        >>> f([0.1, 0.2]).shape
        (1,)
        >>> f
        CompiledKAN(width=[2, 5, 1], grid=3, k=3, dtype=float64)
        """
        return CompiledKAN(self, *_check.singularity(singularity_avoiding, y_th))

    def evaluate(self, dataset: Any, loss_fn: Any = None, *, huber_delta: float | None = None) -> dict[str, Any]:
        """The loss on a data set's test part, with the number of edges and the grid (pykan's keys).

        Parameters
        ----------
        dataset : dict or tuple
            A dict with ``test_input`` (n, inputs) and ``test_label``; or a tuple (x, y), or of (x, y, x_test, y_test) the last two.
            Labels are those that the loss takes in :meth:`fit`.
        loss_fn : None, str or callable
            As in :meth:`fit`. If not given that of the last fit, 'mse' without one; copies, pickles and pruned or refined models
            remember it, files do not. Of a callable pickles remember only that it was one: then it must be given.
        huber_delta : float
            As in :meth:`fit`; if not given that of the last fit.

        Returns
        -------
        dict with ``test_loss`` (float), ``n_edge`` (int) and ``n_grid`` (the model's ``grid``)
            ``test_loss`` is what :meth:`fit` reports: the root-mean-square error for 'mse', as in pykan, and for others the loss itself.

        Raises
        ------
        ValueError, TypeError
            For data, labels or a loss that are not allowed, and where the loss of the last fit is a callable left behind by a pickle.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN, create_dataset
        >>> dataset = create_dataset(lambda x: x[:, [0]] * x[:, [1]], n_var=2)
        >>> sorted(KAN([2, 1]).evaluate(dataset))
        ['n_edge', 'n_grid', 'test_loss']
        >>> x = np.random.RandomState(0).rand(100, 2)
        >>> classes = (x[:, 0] > x[:, 1]).astype(int)
        >>> model = KAN([2, 2])
        >>> result = model.fit((x, classes), loss_fn="cross_entropy", steps=5)
        >>> bool(np.isclose(model.evaluate((x, classes))["test_loss"], result["train_loss"][-1]))
        True
        """
        x, y = _data.tested(dataset)
        loss, delta = self._fitted_loss
        loss = loss if loss_fn is None else _losses.resolve("loss_fn", loss_fn)
        delta = delta if huber_delta is None else _check.real("huber_delta", huber_delta, above=0.0)
        prediction = self.predict(x)
        if prediction.ndim != 2 or not len(prediction):
            raise ValueError(f"test_input: must have the shape (samples, {self._input_width}) with at least one sample")
        value = _losses.value("test_label", prediction, y, loss, delta)
        return {"test_loss": float(np.sqrt(value)) if loss == "mse" else value, "n_edge": self.n_edge, "n_grid": self.grid}
