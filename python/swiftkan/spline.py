"""pykan's functions of B-splines, as ``kan.spline`` has them, in NumPy: for looking at a model's splines outside the model.

What they must get right first: knots, coefficients and their shapes are those of ``model.act_fun[l].grid`` and ``.coef``, and the values
those of the engine (to rounding). The engine itself is faster by far; the package takes the penalty's splines from here, nothing else.

>>> import numpy as np
>>> from swiftkan import KAN
>>> from swiftkan.spline import B_batch, coef2curve, curve2coef, extend_grid
>>> layer, x = KAN([2, 3, 1], grid=5, k=3).act_fun[0], np.random.RandomState(0).rand(50, 2) * 2 - 1
>>> B_batch(x, layer.grid, k=3).shape, coef2curve(x, layer.grid, layer.coef, 3).shape
((50, 2, 8), (50, 2, 3))
>>> bool(np.allclose(extend_grid(np.linspace(-1, 1, 6)[None], 3), layer.grid))
True
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _check


def B_batch(x: Any, grid: Any, k: int = 0, extend: bool = True, device: Any = "cpu") -> np.ndarray:
    """The values of all B-splines (samples, inputs, knots - k - 1) at ``x`` (samples, inputs); ``grid`` (inputs, knots), or (1, knots) for
    all inputs, has the k knots beyond either end already. ``extend`` has no effect, as in pykan.

    The recursion of Cox and de Boor (de Boor, A Practical Guide to Splines, chapter IX).
    """
    _check.device(device)
    x, knots, k = *_rows(x, grid), _check.integer("k", k, 0)
    cells = (x >= knots[..., :-1]) & (x < knots[..., 1:])
    cells[..., -1] |= x[..., 0] == knots[..., -1]  # the end belongs to the last cell, as in the engine
    values = cells.astype(np.result_type(x, knots))
    for p in range(1, k + 1):
        left, right = knots[..., : -p - 1], knots[..., p + 1 :]
        up, down = knots[..., p:-1] - left, right - knots[..., 1:-p]
        with np.errstate(divide="ignore", invalid="ignore"):  # where knots coincide there is no spline
            values = np.where(up > 0, (x - left) / up, 0) * values[..., :-1] + np.where(down > 0, (right - x) / down, 0) * values[..., 1:]
    return values


def coef2curve(x_eval: Any, grid: Any, coef: Any, k: int, device: Any = "cpu") -> np.ndarray:
    """The values (samples, inputs, outputs) of the splines with the coefficients ``coef`` (inputs, outputs, knots - k - 1)."""
    return np.einsum("nim,iom->nio", B_batch(x_eval, grid, k, device=device), _check.array("coef", coef))


def curve2coef(x_eval: Any, y_eval: Any, grid: Any, k: int) -> np.ndarray:
    """Coefficients (inputs, outputs, knots - k - 1) of the splines nearest to ``y_eval`` (samples, inputs, outputs), by least squares, of
    minimum norm where samples do not determine them."""
    basis, y = B_batch(x_eval, grid, k), _check.array("y_eval", y_eval)
    if y.ndim != 3 or y.shape[:2] != basis.shape[:2]:
        raise ValueError(f"y_eval: must have the shape {basis.shape[:2]} of x_eval and outputs behind it, not {y.shape}")
    return np.stack([np.linalg.lstsq(basis[:, i], y[:, i], rcond=None)[0].T for i in range(basis.shape[1])])


def extend_grid(grid: Any, k_extend: int = 0) -> np.ndarray:
    """``grid`` (inputs, knots) with ``k_extend`` more knots beyond either end, at the mean distance of the given ones."""
    grid = _check.array("grid", grid)
    h = (grid[:, -1:] - grid[:, :1]) / (grid.shape[1] - 1)
    steps = np.arange(1, _check.integer("k_extend", k_extend, 0) + 1)
    return np.concatenate([grid[:, :1] - h * steps[::-1], grid, grid[:, -1:] + h * steps], axis=1)


def _rows(x: Any, grid: Any) -> tuple[np.ndarray, np.ndarray]:
    x, grid = _check.array("x", x), _check.array("grid", grid)
    if x.ndim != 2 or grid.ndim != 2 or grid.shape[0] not in (1, x.shape[1]):
        raise ValueError(f"x, grid: must have the shapes (samples, inputs) and (inputs, knots) or (1, knots), not {x.shape} and {grid.shape}")
    return x[..., None], grid[None]
