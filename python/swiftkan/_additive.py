"""Networks of one layer for the estimators: a linear model that may bend, by ridge or logistic regression.

What it must get right first:
  1. with ``bend=0`` it is the linear model itself, ridge or logistic regression, to rounding;
  2. features without spread (constants, 0/1 columns) get no spline, and nothing becomes singular.

An edge is φ(x) = βx + Σ_j γ_j u_j(x). The u_j are splines, orthogonal to 1 and x over the samples, of variance 1, ordered by how much
they bend: the basis of Demmler and Reinsch (Numerische Mathematik 24, 1975). Minimised is

    Σ w·loss + α (|β|² + |γ'|²),    γ_j = bend·√(d₁/d_j)·γ'_j,

d_j being ∫u_j″² (``_penalty.py``), α halved for logistic regression as is usual. So ``bend`` says how readily a feature's function
leaves the straight line, and a second bend costs more than the first, as in a smoothing spline.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _penalty
from ._kan import KAN

REACH = 3.0  # grids cover the samples as far as so many standard deviations; beyond them splines fade away and the line goes on
COMPONENTS = 8  # u_j of a feature, at most
WIDE = 500  # features; with more all functions are straight lines, because the normal equations would be too large
SPREAD = 1e-6  # of the largest variance: a spline direction with less is not there
ABSENT = -10.0  # the logit of a class that no sample has


def network(grids: np.ndarray, outputs: int, grid: int, k: int) -> KAN:
    """An empty network of one layer with the knots ``grids`` (inputs, grid + 1 + 2k): all functions are zero."""
    model = KAN([len(grids), outputs], grid=grid, k=k, base_fun="identity", noise_scale=0.0)
    layer = model.act_fun[0]
    layer.grid[...] = grids
    layer.scale_sp[...] = 1
    layer.coef[...] = 0
    layer.scale_base[...] = 0
    return model


class Features:
    """Columns in which the network is linear: x, and u_j(x) with the coefficients that make them."""

    def __init__(self, x: np.ndarray, weight: np.ndarray, grid: int, k: int):
        self.grid, self.k = grid, k
        n, inputs = x.shape
        count = grid + k
        low, high = np.maximum(x.min(axis=0), -REACH), np.minimum(x.max(axis=0), REACH)
        size = np.where(high > low, high - low, 1.0) / grid
        self.grids = low[:, None] + size[:, None] * np.arange(-k, grid + k + 1)  # uniform
        unit = network(self.grids[:1], count, grid, k)
        unit.act_fun[0].coef[...] = np.eye(count)
        roots = _penalty.second_derivatives(self.grids[0], k) if count > 2 else np.zeros((0, count))
        bending = roots.T @ roots  # a grid's length counts as 1, so that it is the same for all
        share = weight / weight.sum()
        self.maps: list[np.ndarray] = []  # (count, j) of each input: coefficients of its u_j
        costs, columns = [], [x]
        for i in range(inputs):
            unit.act_fun[0].grid[...] = self.grids[i]
            basis = unit.predict(x[:, [i]])
            kept, cost = np.zeros((count, 0)), np.zeros(0)
            if count > 2 and inputs <= WIDE:
                kept, cost = _orthogonal(basis, x[:, i], share, bending)
            self.maps.append(kept)
            costs.append(cost)
            columns.append(basis @ kept)
        self.table = np.hstack(columns)
        self.ease = np.concatenate([np.ones(inputs), *costs])
        self.straight = inputs

    def scales(self, bend: float) -> np.ndarray:
        """What each column is multiplied by before it is penalised like the others."""
        return np.concatenate([np.ones(self.straight), bend * self.ease[self.straight :]])

    def model(self, weights: np.ndarray, constant: np.ndarray) -> KAN:
        """The network Σ weights·columns + constant; weights (columns, outputs)."""
        model = network(self.grids, weights.shape[1], self.grid, self.k)
        layer, start = model.act_fun[0], self.straight
        layer.scale_base[...] = weights[:start]
        for i, kept in enumerate(self.maps):
            layer.coef[i] = (kept @ weights[start : start + kept.shape[1]]).T
            start += kept.shape[1]
        model.node_bias[0][...] = constant
        return model


def _orthogonal(basis: np.ndarray, x: np.ndarray, share: np.ndarray, bending: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (count, j) of the u_j, and √(d₁/d_j)."""
    gram = (basis * share[:, None]).T @ basis
    line = np.vstack([share @ basis, (share * x) @ basis])  # zero on what is orthogonal to 1 and x
    _, size, turn = np.linalg.svd(line)
    free = turn[int(np.count_nonzero(size > 1e-9 * max(size[0], 1e-300))) :].T
    values, vectors = np.linalg.eigh(free.T @ gram @ free)
    keep = values > SPREAD * max(np.trace(gram), 1e-300)
    if not keep.any():
        return np.zeros((basis.shape[1], 0)), np.zeros(0)
    white = free @ (vectors[:, keep] / np.sqrt(values[keep]))
    cost, order = np.linalg.eigh(white.T @ bending @ white)
    cost = np.maximum(cost, 1e-9)[:COMPONENTS]
    return (white @ order)[:, :COMPONENTS], np.sqrt(cost[0] / cost)


def regression(features: Features, y: np.ndarray, weight: np.ndarray, alpha: float, bend: float) -> KAN:
    """Ridge regression in closed form; y (n, outputs)."""
    scale = features.scales(bend)
    used = scale > 0
    table = features.table[:, used] * scale[used]
    share = weight / weight.sum()
    centre, middle = share @ table, share @ y
    table = table - centre
    normal = (table * weight[:, None]).T @ table
    normal[np.diag_indices_from(normal)] += alpha
    found = np.linalg.solve(normal, (table * weight[:, None]).T @ (y - middle))
    return _scatter(features, used, scale, found, middle - centre @ found)


def classification(features: Features, y: np.ndarray, classes: int, weight: np.ndarray, alpha: float, bend: float) -> KAN:
    """Logistic regression by scikit-learn; y (n,) from 0 to classes - 1. With two classes the logits are ∓z/2."""
    from sklearn.linear_model import LogisticRegression

    scale = features.scales(bend)
    used = scale > 0
    table = features.table[:, used] * scale[used]
    constant, found = np.full(classes, ABSENT), np.zeros((table.shape[1], classes))
    present = np.unique(y)
    if len(present) == 1:
        constant[present] = 0
    else:
        fitted = LogisticRegression(C=1 / alpha, max_iter=1000).fit(table, y, sample_weight=weight)
        coef, intercept = fitted.coef_, fitted.intercept_
        if len(present) == 2:
            coef, intercept = np.vstack([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
        found[:, present], constant[present] = coef.T, intercept
    return _scatter(features, used, scale, found, constant)


def _scatter(features: Features, used: np.ndarray, scale: np.ndarray, found: np.ndarray, constant: np.ndarray) -> Any:
    weights = np.zeros((len(used), found.shape[1]))
    weights[used] = found * scale[used][:, None]
    return features.model(weights, constant)
