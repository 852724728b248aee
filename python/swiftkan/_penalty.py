"""The penalty on the bending of splines, in the units of the trained parameters.

What it must get right first:
  1. a straight line costs nothing, on any knots;
  2. the same function costs the same on a finer grid, and what a spline is beyond its grid costs nothing.

Of an edge with the spline φ = Σ_b w_b B_b, w = mask·scale_sp·coef, it is ∫(d²φ/du²)² du over the grid, u the place in it from 0 to 1.
From degree 2 on it is computed as it stands: d²φ/du² is a spline of degree k - 2, a polynomial in each cell, whose square k - 1 points
of Gauss and Legendre integrate exactly. Splines of degree 0 and 1 are steps and broken lines, which have no such integral; theirs is
a sum over nodes ξ, the middles of cells or the knots of the grid, with divided differences […] (P-splines: Eilers and Marx,
Statistical Science 11, 1996; here for knots that are not uniform):

    Σ_b h_b (2 [w_b, w_(b+1), w_(b+2)])²,

h_b being the part of the grid that is nearest to the node in the middle, ξ_(b+1); the first and the last reach to the grid's ends. For
u² both are 4. The base function silu has such an integral of its own, added for each edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .spline import B_batch

TINY = 1e-9  # of the grid's length: knots that are nearer are taken for so far apart


class Edge:
    """The columns of one edge's spline, or that of its base function, and the square roots of the penalty: cost =
    weight·|roots @ w[columns]|²."""

    __slots__ = ("columns", "roots", "weight", "layer", "scale")

    def __init__(self, columns: np.ndarray, roots: np.ndarray, layer: int, scale: float | None):
        self.columns, self.roots, self.layer = columns, roots, layer
        self.scale = scale  # of a spline; None for a base function
        self.weight = 1.0


class Penalty:
    """A quadratic form of the trained parameters: a sum over edges."""

    def __init__(self, edges: list[Edge]):
        self.edges = edges

    def add(self, matrix: np.ndarray, factor: float = 1.0) -> np.ndarray:
        """matrix (P, P) += factor·S, in place."""
        for edge in self.edges:
            matrix[np.ix_(edge.columns, edge.columns)] += (factor * edge.weight) * (edge.roots.T @ edge.roots)
        return matrix

    def matrix(self, count: int) -> np.ndarray:
        """S (P, P)."""
        return self.add(np.zeros((count, count)))

    def weigh(self, layers: Sequence[float]) -> None:
        """Gives the edges of each layer a weight; layers beyond those given, which were added to the model since, have none."""
        for edge in self.edges:
            edge.weight = layers[edge.layer] if edge.layer < len(layers) else 0.0

    def value(self, w: np.ndarray) -> float:
        """wᵀ S w."""
        return sum(edge.weight * float(np.sum((edge.roots @ w[edge.columns]) ** 2)) for edge in self.edges)


def bending(model: Any, index: np.ndarray) -> Penalty:
    """The penalty of a model whose trained parameters stand at ``index`` of its state."""
    place = np.full(model._array.size, -1)
    place[index] = np.arange(index.size)
    edges = []
    degrees = model._settings.layers("k")
    for l, layer in enumerate(model.act_fun):
        offset, (inputs, outputs, count) = model._blocks[f"act_fun.{l}.coef"]
        if count < 3:
            continue
        columns = place[offset : offset + inputs * outputs * count].reshape(inputs, outputs, count)
        scale = (layer.mask * layer.scale_sp).astype(np.float64)
        for i in range(inputs):
            roots = second_derivatives(layer.grid[i].astype(np.float64), degrees[l])
            edges += [Edge(columns[i, o], roots * scale[i, o], l, scale[i, o]) for o in range(outputs) if columns[i, o, 0] >= 0]
            if model.base_fun == "silu":
                ends = layer.grid[i, degrees[l]], layer.grid[i, -1 - degrees[l]]
                base = place[model._blocks[f"act_fun.{l}.scale_base"][0] + i * outputs :][:outputs]
                size = silu_bending(*map(float, ends))
                edges += [Edge(base[[o]], np.array([[size * float(layer.mask[i, o])]]), l, None) for o in range(outputs) if base[o] >= 0]
    return Penalty(edges)


def greville(knots: np.ndarray, k: int) -> np.ndarray:
    """(G + k,): the places of the coefficients of a spline on these knots, of which a straight line's are its values (Greville)."""
    return np.lib.stride_tricks.sliding_window_view(knots[1:-1], k).mean(axis=1) if k else (knots[1:] + knots[:-1]) / 2


def second_derivatives(knots: np.ndarray, k: int) -> np.ndarray:
    """(r, G + k), r at most G + k - 2: what makes of a spline's coefficients numbers whose squares add up to the penalty."""
    length = knots[-1 - k] - knots[k]
    knots = (knots - knots[k]) / (length if length > 0 else 1.0)
    if k < 2:
        return _differences(greville(knots, k))
    second = _derivative(knots[1:-1], k - 1) @ _derivative(knots, k)
    ends = knots[k : len(knots) - k]
    places, shares = np.polynomial.legendre.leggauss(k - 1)
    middles, halves = (ends[1:] + ends[:-1]) / 2, np.diff(ends) / 2
    points, parts = (middles[:, None] + halves[:, None] * places).ravel(), (halves[:, None] * shares).ravel()
    values = B_batch(points[:, None], knots[None, 2:-2], k - 2)[:, 0]
    return np.linalg.qr(np.sqrt(parts)[:, None] * values, mode="r") @ second


def _derivative(knots: np.ndarray, k: int) -> np.ndarray:
    """(n - 1, n): the coefficients of the derivative of a spline with n coefficients, on the knots without the outermost two."""
    factors = k / np.maximum(knots[k + 1 : -1] - knots[1 : -k - 1], TINY)
    n = len(factors) + 1
    rows, b = np.zeros((n - 1, n)), np.arange(n - 1)
    rows[b, b], rows[b, b + 1] = -factors, factors
    return rows


def _differences(nodes: np.ndarray) -> np.ndarray:
    """(n - 2, n): √h_b times second derivatives of what has the coefficients as values at nodes between 0 and 1."""
    gap = np.maximum(np.diff(nodes), TINY)
    h = (gap[1:] + gap[:-1]) / 2
    h[0] += nodes[1] - gap[0] / 2
    h[-1] += 1 - nodes[-2] - gap[-1] / 2
    rows = np.zeros((len(nodes) - 2, len(nodes)))
    b = np.arange(len(rows))
    rows[b, b], rows[b, b + 2] = 2 / gap[:-1] / (gap[1:] + gap[:-1]), 2 / gap[1:] / (gap[1:] + gap[:-1])
    rows[b, b + 1] = -rows[b, b] - rows[b, b + 2]
    return rows * np.sqrt(h)[:, None]


def silu_bending(low: float, high: float) -> float:
    """The root of ∫(d²silu/du²)² du over the grid; without it large weights would be evaded by large base functions."""
    x = np.linspace(low, high, 65)
    sigmoid = 1 / (1 + np.exp(-np.clip(x, -500, 500)))
    return float((high - low) ** 2 * np.sqrt(np.mean((sigmoid * (1 - sigmoid) * (2 + x * (1 - 2 * sigmoid))) ** 2)))


def relative(penalty: Penalty, normal: np.ndarray, strength: float) -> Penalty:
    """The splines' forms with weights that make them ``strength`` times what samples say of each edge: a prior that decides only
    where samples do not."""
    edges = []
    for edge in penalty.edges:
        size = float(np.sum(edge.roots**2, axis=0).max())
        if size > 0 and edge.scale is not None:
            other = Edge(edge.columns, edge.roots, edge.layer, edge.scale)
            other.weight = strength * float(normal.diagonal()[edge.columns].mean()) / size
            edges.append(other)
    return Penalty(edges)


def shares(penalty: Penalty, depth: int, normal: np.ndarray) -> list[float]:
    """How much the bending of each layer's edges counts, by what it does to the output: in proportion to the mean square of
    ∂output/∂(a spline's coefficient), that of the last layer being 1."""
    seen: list[list[float]] = [[] for _ in range(depth)]
    for edge in penalty.edges:
        if edge.scale:
            seen[edge.layer].append(float(normal.diagonal()[edge.columns].sum()) / edge.scale**2)
    means = [float(np.mean(values)) if values else 0.0 for values in seen]
    return [mean / means[-1] if means[-1] > 0 else 1.0 for mean in means]
