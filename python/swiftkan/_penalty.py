"""The penalty on the bending of splines, in the units of the trained parameters.

What it must get right first:
  1. a straight line costs nothing, on any knots;
  2. the same function costs the same on a finer grid: differences are those of derivatives, weighted with the cells' lengths.

Of an edge with the spline Σ_b w_b B_b, w = mask·scale_sp·coef, and Greville's nodes ξ_b = (t_(b+1) + … + t_(b+k))/k, scaled to the
grid's length, it is

    Σ_b h_b (2 [w_b, w_(b+1), w_(b+2)])²,    h_b = (ξ_(b+2) - ξ_b)/2,

[…] being divided differences: a sum for ∫ (d²φ/du²)² du with u from 0 to 1 (P-splines: Eilers and Marx, Statistical Science 11,
1996; here for knots that are not uniform). The base function silu has such an integral of its own, added for each edge.
"""

from __future__ import annotations

from typing import Any

import numpy as np


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
    """(G + k - 2, G + k): the square roots of h_b times second derivatives of a spline on these knots, the grid's length being 1."""
    nodes = greville(knots, k)
    length = knots[len(knots) - 1 - k] - knots[k]
    nodes = nodes / (length if length > 0 else 1.0)
    gap = np.maximum(np.diff(nodes), 1e-9)
    half = (gap[1:] + gap[:-1]) / 2
    rows = np.zeros((len(nodes) - 2, len(nodes)))
    b = np.arange(len(rows))
    rows[b, b], rows[b, b + 2] = 1 / gap[:-1], 1 / gap[1:]
    rows[b, b + 1] = -rows[b, b] - rows[b, b + 2]
    return rows / np.sqrt(half)[:, None]


def silu_bending(low: float, high: float) -> float:
    """The root of ∫(d²silu/du²)² du over the grid; without it large weights would be evaded by large base functions."""
    x = np.linspace(low, high, 65)
    sigmoid = 1 / (1 + np.exp(-np.clip(x, -500, 500)))
    return float((high - low) ** 2 * np.sqrt(np.mean((sigmoid * (1 - sigmoid) * (2 + x * (1 - 2 * sigmoid))) ** 2)))


def relative(penalty: Penalty, normal: np.ndarray, strength: float) -> Penalty:
    """The same differences with weights that make them ``strength`` times what samples say of each edge: a prior that decides
    only where samples do not."""
    edges = []
    for edge in penalty.edges:
        size = float((edge.roots**2).max())
        if size > 0 and edge.scale is not None:
            other = Edge(edge.columns, edge.roots, edge.layer, edge.scale)
            other.weight = strength * float(normal.diagonal()[edge.columns].mean()) / size
            edges.append(other)
    return Penalty(edges)


def weigh(penalty: Penalty, depth: int, normal: np.ndarray) -> None:
    """Counts the bending of hidden edges by what it does to the output: layer by layer in proportion to the mean square of
    ∂output/∂(a spline's coefficient), that of the last layer being 1."""
    seen: list[list[float]] = [[] for _ in range(depth)]
    for edge in penalty.edges:
        if edge.scale is not None:
            seen[edge.layer].append(float(normal.diagonal()[edge.columns].sum()) / edge.scale**2)
    means = [float(np.mean(values)) if values else 0.0 for values in seen]
    for edge in penalty.edges:
        edge.weight = means[edge.layer] / means[-1] if means[-1] > 0 else 1.0
