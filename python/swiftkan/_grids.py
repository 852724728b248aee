"""Grids: moving knots to where the samples are, and more knots for the same function.

What it must get right first: a change of grid does not change the function by more than the new splines force, and a
refined model shares nothing with its parent.
"""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np

from . import _check
from ._fit import Training
from ._options import KNOTS
from ._settings import _per_layer


class Grids(Training):
    """Methods that change grids."""

    def update_grid_from_samples(self, x: Any = None, *, margin: float = 0.0, knots: str = "quantiles") -> None:
        """Moves the knots of every layer to the samples, and refits the splines.

        Knots are a mixture of quantiles and a uniform grid, as ``grid_eps`` says; the splines are refitted by least
        squares at the samples (of minimum norm where the samples do not determine them).

        Parameters
        ----------
        x : array-like, (samples, inputs)
            The remembered data (``cache_data``) if not given.
        margin, knots
            ``fit``'s ``grid_margin`` and ``knots``; the defaults are pykan's.

        Raises
        ------
        ValueError
            For wrong shapes, no samples, NaN or infinity, samples or hidden values whose range the dtype cannot hold, and for a margin
            outside 0 … 1 or other knots.
        RuntimeError
            Without ``x``, if no data is remembered.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> model = KAN([1, 1], grid=5, k=3)
        >>> model.update_grid_from_samples(np.linspace(-10, 10, 200)[:, None])
        >>> model.act_fun[0].grid[0, 3:-3][[0, -1]].tolist()
        [-10.0, 10.0]
        """
        chosen, avoid, y_th = self._samples(x, "update_grid_from_samples()")
        placement = _check.real("margin", margin, 0.0, 1.0), KNOTS[_check.choice("knots", knots, KNOTS)]
        self._core.update_grid(chosen, len(chosen), avoid, y_th, *placement)

    update_grid = update_grid_from_samples

    def refine(self, new_grid: Any, x: Any = None) -> Self:
        """A new model with more grid intervals and the same function.

        Where the new knots contain the old ones (``new_grid`` a multiple of the grid) the function is the same to
        rounding, else it is the least-squares fit at the samples. Where samples lie outside the old grid (those of hidden nodes
        that have moved since the last grid update), the new one reaches as far as they and the old splines do, if that
        halves the error there.

        Parameters
        ----------
        new_grid : int, or a list with one a layer
        x : array-like, (samples, inputs)
            The remembered data (``cache_data``, after ``fit`` the training data) if not given.

        Returns
        -------
        KAN
            A model of its own with this one's settings. It remembers the same data, with the labels of ``fit``; if ``x`` is given that, for
            which no labels are known.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> x = np.random.RandomState(0).rand(100, 2)
        >>> model = KAN([2, 5, 1], grid=3)
        >>> fine = model.refine(6, x)
        >>> fine.grid, float(abs(fine(x) - model(x)).max()) < 1e-12
        (6, True)
        """
        grid = _per_layer("new_grid", new_grid, self.depth, 1, 2**31 - 1)
        settings = self._settings.replace(grid=grid)
        chosen, avoid, y_th = self._samples(x, "refine()")
        core = self._core.refine(settings.layers("grid"), chosen, len(chosen), avoid, y_th)
        refined = self._copy_around(settings, core)
        if x is None:  # with its labels, as for copies and pruned models, so that the new parameters have a covariance
            refined._remembered = copy.copy(self._recall("refine()"))
            refined._remembered.asked = True
        else:
            refined._remember(self._inputs(x), avoid, y_th, asked=True)
        refined.log_history("refine")
        return refined

    def initialize_from_another_model(self, another_model: Grids, x: Any = None) -> Self:
        """Gives this model the function of another, of the same widths, arities and base function but any grid and k.

        Parameters
        ----------
        another_model : KAN
            It is not changed, and nothing is shared.
        x : array-like, (samples, inputs)
            Where splines are fitted; the remembered data if not given.

        Returns
        -------
        KAN
            This model.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> x = np.random.RandomState(0).rand(100, 2)
        >>> coarse, fine = KAN([2, 3, 1], grid=3, seed=1), KAN([2, 3, 1], grid=12, seed=2)
        >>> float(abs(fine.initialize_from_another_model(coarse, x)(x) - coarse(x)).max()) < 1e-9
        True
        """
        self._check_relative(another_model)
        if another_model is self:
            raise ValueError("another_model: is the model itself; give another one")
        chosen, avoid, y_th = self._samples(x, "initialize_from_another_model()")
        self._core.initialize_from(another_model._core, chosen, len(chosen), avoid, y_th)
        return self

    def initialize_grid_from_another_model(self, model: Grids, x: Any = None) -> None:
        """Takes grids and splines from another model as :meth:`initialize_from_another_model` , but keeps all scales."""
        self._check_relative(model)
        chosen, avoid, y_th = self._samples(x, "initialize_grid_from_another_model()")
        other = self._core.copy()
        other.initialize_from(model._core, chosen, len(chosen), avoid, y_th)
        flat = np.frombuffer(other, self.dtype)
        for l in range(self.depth):
            for part in ("grid", "coef"):
                self._views[f"act_fun.{l}.{part}"][...] = self._cut(flat, f"act_fun.{l}.{part}")

    def _check_relative(self, other: Any) -> None:
        if not isinstance(other, Grids):
            raise TypeError(f"another_model: must be a KAN, not {type(other).__name__}")
        for what in ("width", "arities", "base_fun", "dtype"):
            mine, theirs = getattr(self._settings, what), getattr(other._settings, what)
            if mine != theirs:
                raise ValueError(f"another_model: has another {what}, {theirs}, than this model, {mine}")

    def _samples(self, x: Any, what: str) -> tuple[np.ndarray, bool, float]:
        """Samples to place knots at: some, and finite."""
        chosen, avoid, y_th = self._known(x, what)
        if not len(chosen):
            raise ValueError("x: has no samples")
        _check.finite("x", chosen)
        return chosen, avoid, y_th
