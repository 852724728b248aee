"""The derivatives of a network's outputs with respect to the parameters that least squares moves.

What it must get right first: the columns are the parameters of fit(opt='LM'), in one order everywhere; for many samples only a part of
the matrix is there at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._gradients import Gradients

CHUNK = 1 << 22  # numbers of J at a time


class Jacobian(Gradients):
    """Methods that give derivatives sample by sample."""

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
