"""Predicting: from anything array-like to the network's outputs.

What it must get right first: a row's prediction depends on that row alone, and a wrong shape is explained, never
guessed at.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _check
from ._network import Network


class Forward(Network):
    """Methods that evaluate the network."""

    def _run(self, x: Any, avoid: bool, y_th: float, remember: bool) -> np.ndarray:
        rows, lead = self._rows("x", x)
        y = np.empty((rows.shape[0], self._settings.width[-1][0] + self._settings.width[-1][1]), self._dtype)
        if rows.shape[0]:
            self._core.forward(self._chosen(rows), y, avoid, y_th)
        if remember and rows.shape[0]:
            self._remember(rows, avoid, y_th, asked=False)
        return y.reshape(lead + y.shape[1:])

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
