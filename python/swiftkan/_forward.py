"""Predicting: from anything array-like to the network's outputs.

What it must get right first: a row's prediction depends on that row alone, and a wrong shape is explained, never
guessed at.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _check
from ._compiled import CompiledKAN
from ._network import Network


class Forward(Network):
    """Methods that evaluate the network."""

    def _run(self, x: Any, avoid: bool, y_th: float, remember: bool) -> np.ndarray:
        rows, lead = self._rows("x", x)
        n = len(rows)
        y = np.empty((n, self._outputs), self._dtype)
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

    def evaluate(self, dataset: dict) -> dict[str, Any]:
        """The root-mean-square error on a data set's test part, with the number of edges and the grid (pykan's keys).

        Parameters
        ----------
        dataset : dict with ``test_input`` (n, inputs) and ``test_label`` (n, outputs)

        Returns
        -------
        dict with ``test_loss`` (float), ``n_edge`` (int) and ``n_grid`` (the model's ``grid``)

        Examples
        --------
        >>> from swiftkan import KAN, create_dataset
        >>> dataset = create_dataset(lambda x: x[:, [0]] * x[:, [1]], n_var=2)
        >>> sorted(KAN([2, 1]).evaluate(dataset))
        ['n_edge', 'n_grid', 'test_loss']
        """
        for key in ("test_input", "test_label"):
            if not isinstance(dataset, dict) or key not in dataset:
                raise ValueError(f"dataset: must be a dict with test_input and test_label; {key} is missing")
        prediction = self.predict(dataset["test_input"])
        label = _check.array("test_label", dataset["test_label"])
        if prediction.ndim != 2 or not len(prediction):
            raise ValueError(f"test_input: must have the shape (samples, {self._input_width}) with at least one sample")
        _check.label_columns("test_label", label, *prediction.shape)
        error = float(np.sqrt(np.mean((prediction - label) ** 2)))
        return {"test_loss": error, "n_edge": self.n_edge, "n_grid": self.grid}
