"""Hidden grids follow the values of their nodes between two runs of coarse-to-fine training.

What it must get right first:
  1. within the samples an edge stays what it was, as well as the new knots can tell it;
  2. beyond them it goes on smoothly, by as much as the margin: not as single samples in a corner of the last cell say;
  3. input grids stay, because inputs do.

While a coarse grid is trained, hidden nodes use what freedom they have: values drift until the outermost samples lie on the last
knot or beyond it, and base function and spline grow large and cancel each other, up to the grid's end, where the spline goes to
zero. Training samples do not notice; a test point beyond them has an error of a hundred. So knots are mapped linearly to the
samples' range and its margin; an edge's base function is cut to vary no more than the edge does; and the spline that makes up the
rest is fitted at the samples, with a penalty MU on differences of order k + 1 (P-splines: Eilers and Marx, Statistical Science 11,
1996), which decides where there are none: a polynomial of degree k goes on as it is. The training that follows removes what the new
knots have changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._activations import ACTS
from ._initialization import _base
from ._penalty import greville

MU = 1e-3  # the differences' weight, as a part of what samples have
SAMPLES = 5000  # of a node at most, evenly in order of their values


def stretch(model: Any, chosen: np.ndarray, evaluation: tuple, margin: float) -> None:
    """Fits the hidden grids of ``model`` to the values at the samples ``chosen``, layer by layer; see above."""
    for l in range(1, model.depth):
        values = np.empty((len(chosen), model.width_in[l]), model.dtype)
        model._core.activations(chosen, len(chosen), ACTS, l, values, *evaluation)
        if not np.isfinite(values).all():
            return
        for i in range(values.shape[1]):
            _fit_input(model, l, i, np.sort(values[:, i].astype(np.float64)), margin)


def _fit_input(model: Any, l: int, i: int, v: np.ndarray, margin: float) -> None:
    v = v[np.linspace(0, len(v) - 1, min(len(v), SAMPLES)).astype(int)]
    layer, k = model.act_fun[l], model._settings.layers("k")[l]
    knots = layer.grid[i].astype(np.float64)
    inner, room = knots[k : len(knots) - k], margin * (v[-1] - v[0])
    if not (room > 0 and inner[-1] > inner[0]):
        return
    old = basis(v, knots, k)
    size, shift = layer.scale_sp[i].astype(np.float64), layer.scale_base[i].astype(np.float64)
    base = _base(model.base_fun, v)[0][:, None]
    edge = (old @ layer.coef[i].T.astype(np.float64)) * size + base * shift
    most = edge.std(axis=0) / max(base.std(), 1e-300)
    if model._core.flags()["sb_trainable"]:
        shift = np.clip(shift, -most, most)
    low, high = v[0] - room, v[-1] + room
    inner = low + (inner - inner[0]) * ((high - low) / (inner[-1] - inner[0]))
    ends = (high - low) / (len(inner) - 1) * np.arange(1, k + 1)
    knots = np.concatenate([low - ends[::-1], inner, high + ends])
    rows, differences = basis(v, knots, k), _differences(knots, k)
    matrix = rows.T @ rows + MU * len(v) / rows.shape[1] * differences.T @ differences
    target = (edge - base * shift) / np.where(size == 0, 1, size)
    mean = target.mean(axis=0)  # apart, because rounding is a part of the largest number
    coef = np.linalg.lstsq(matrix, rows.T @ (target - mean), rcond=1e-15)[0] + mean
    layer.grid[i], layer.coef[i], layer.scale_base[i] = knots, np.where(size == 0, layer.coef[i].T, coef).T, shift


def basis(x: np.ndarray, knots: np.ndarray, k: int) -> np.ndarray:
    """(samples, G + k): the B-splines of degree k on these knots, k of them beyond either end (Cox and de Boor's recurrence)."""
    rows = ((x[:, None] >= knots[:-1]) & (x[:, None] < knots[1:])).astype(np.float64)
    for p in range(1, k + 1):
        length = knots[p:] - knots[:-p]
        part = (x[:, None] - knots[:-p]) * np.divide(1, length, where=length > 0, out=np.zeros_like(length))
        rows = part[:, :-1] * rows[:, :-1] + np.where(length[1:] > 0, 1 - part[:, 1:], 0) * rows[:, 1:]
    return rows


def _differences(knots: np.ndarray, k: int) -> np.ndarray:
    """Divided differences of order k + 1 of coefficients over the splines' nodes (`greville`), the largest number of each made 1."""
    nodes = greville(knots, k)
    order = k + 1
    rows = np.zeros((max(len(nodes) - order, 0), len(nodes)))
    for b, row in enumerate(rows):
        some = nodes[b : b + order + 1]
        apart = (some[:, None] - some) / max(some[-1] - some[0], 1e-300) + np.eye(order + 1)
        if (apart != 0).all():
            weights = 1 / apart.prod(axis=1)
            row[b : b + order + 1] = weights / np.abs(weights).max()
    return rows
