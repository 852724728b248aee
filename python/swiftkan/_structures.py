"""Structures: networks with few edges, written as expressions of sums and products of functions of one variable.

What it must get right first: the network made from a structure can represent exactly the functions that the expression describes,
no more and no fewer.

  S      Σ_i φ_i(x_i), a sum node with an edge from every input
  P      Π_i φ_i(x_i), a multiplication node with a factor for every input (arXiv 2408.10205, section 2)
  g(e)   a function of one variable of e: an edge with a spline
  e + e, e * e, (e)

All φ and g are splines of their own. Edges that only pass a number on are the symbolic function x, exact everywhere, whose affine
parameters are trained.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ._kan import KAN

LINEAR, SPLINE = "linear", "spline"
NOISE = 0.1  # of initial coefficients, around straight lines
DEEPEST = 20


class Node:
    """A node of the network: a leaf 'S' or 'P' over all inputs, or a 'sum' or 'product' of (edge, node) pairs."""

    __slots__ = ("kind", "children", "level")

    def __init__(self, kind: str, children: list[tuple[str, Node]] | None = None):
        self.kind = kind
        self.children = children or []
        self.level = 1 + max((child.level for _, child in self.children), default=0)
        # Edges join neighbouring levels: what comes from further below is passed on by sum nodes of one edge.
        for c, (edge, child) in enumerate(self.children):
            while child.level < self.level - 1:
                child = Node("sum", [(LINEAR, child)])
            self.children[c] = (edge, child)

    @property
    def multiplies(self) -> bool:
        return self.kind in ("P", "product")

    def arity(self, inputs: int) -> int:
        """Its subnodes: one for a sum, the factors of a product."""
        return (inputs if self.kind == "P" else len(self.children)) if self.multiplies else 1


def parse(text: str) -> Node:
    """The output node of the expression.

    Raises
    ------
    ValueError
        If the text is not such an expression; the message shows where.
    """
    tokens = re.findall(r"g\(|\S", text)
    edge, node, rest = _sum(tokens, text)
    if rest:
        raise _wrong(text, f"{rest[0]!r} is one too many")
    return node if edge == LINEAR else Node("sum", [(edge, node)])


def _wrong(text: str, what: str) -> ValueError:
    return ValueError(
        f"structures: {text!r} is not an expression of S, P, g(...), +, * and parentheses, such as 'P*g(S)' or 'g(P+P)': {what}"
    )


def _sum(tokens: list[str], text: str, depth: int = 0) -> tuple[str, Node, list[str]]:
    if depth > DEEPEST:
        raise _wrong(text, f"more than {DEEPEST} parentheses inside one another")
    terms, rest = [], ["+", *tokens]
    while rest and rest[0] == "+":
        edge, node, rest = _product(rest[1:], text, depth)
        terms += node.children if edge == LINEAR and node.kind == "sum" else [(edge, node)]
    return (*_joined("sum", terms), rest)


def _product(tokens: list[str], text: str, depth: int) -> tuple[str, Node, list[str]]:
    factors, rest = [], ["*", *tokens]
    while rest and rest[0] == "*":
        edge, node, rest = _factor(rest[1:], text, depth)
        factors += node.children if edge == LINEAR and node.kind == "product" else [(edge, node)]
    return (*_joined("product", factors), rest)


def _joined(kind: str, parts: list[tuple[str, Node]]) -> tuple[str, Node]:
    return parts[0] if len(parts) == 1 else (LINEAR, Node(kind, parts))


def _factor(tokens: list[str], text: str, depth: int) -> tuple[str, Node, list[str]]:
    if not tokens:
        raise _wrong(text, "it ends where S, P, g(...) or (...) should stand")
    first, rest = tokens[0], tokens[1:]
    if first in ("S", "P"):
        return LINEAR, Node(first), rest
    if first not in ("g(", "("):
        raise _wrong(text, f"{first!r} stands where S, P, g(...) or (...) should")
    edge, node, rest = _sum(rest, text, depth + 1)
    if not rest or rest[0] != ")":
        raise _wrong(text, "a parenthesis is not closed")
    if first == "(":
        return edge, node, rest[1:]
    return SPLINE, node if edge == LINEAR else Node("sum", [(edge, node)]), rest[1:]


def network(text: str, x: np.ndarray, *, margin: float = 0.0, **settings: Any) -> KAN:
    """A network of the structure ``text`` for samples (samples, inputs), with ``settings`` of :class:`KAN`.

    Grids reach ``margin`` times the samples' range beyond them. Functions begin near straight lines, drawn from the seed. Those of factors
    have the mean square 1 and any slope, so that some starts have the zeros that a law with inputs of both signs needs: from constants many
    never find them. Weights of terms are 1 or -1.
    """
    inputs = x.shape[1]
    levels = _levels(parse(text))
    width: list[Any] = [inputs]
    arity: list[list[int]] = [[]]
    for level in levels:
        products = [node for node in level if node.multiplies]
        width.append([len(level) - len(products), len(products)])
        arity.append([node.arity(inputs) for node in products])
    model = KAN(width, mult_arity=arity, base_fun="zero", noise_scale=0.0, **settings)
    random = np.random.Generator(np.random.PCG64(model.seed))
    places = {id(node): place for level in levels for place, node in enumerate(level)}
    for l, level in enumerate(levels):
        layer = model.act_fun[l]
        layer.mask[...] = 0
        layer.scale_sp[...] = 1
        # The layers before are done: only now is it known what this one gets. A spline that was there before would be cut off.
        model.update_grid_from_samples(x, margin=margin)
        subnode = 0
        for node in level:
            edges = [(SPLINE, i) for i in range(inputs)] if l == 0 else [(edge, places[id(child)]) for edge, child in node.children]
            for f, (edge, i) in enumerate(edges):
                j = subnode + (f if node.multiplies else 0)
                if edge == SPLINE:
                    layer.mask[i, j] = 1
                    layer.coef[i, j] = _coefficients(node, random, layer.coef.shape[-1])
                else:
                    weight = 1.0 if node.multiplies or len(edges) == 1 else random.choice([-1.0, 1.0])
                    model.fix_symbolic(l, i, j, "x", fit_params_bool=False)
                    model.symbolic_fun[l].affine[j, i] = [1, 0, weight, 0]
            subnode += node.arity(inputs)
    return model


def edges(text: str, inputs: int) -> tuple[int, int]:
    """How many edges of a network of the structure ``text`` have splines, and how many only pass a number on."""
    levels = _levels(parse(text))
    kinds = [edge for level in levels[1:] for node in level for edge, _ in node.children]
    return len(levels[0]) * inputs + kinds.count(SPLINE), kinds.count(LINEAR)


def _levels(root: Node) -> list[list[Node]]:
    """The nodes level by level from the inputs on, sums before products."""
    levels = [[root]]
    while levels[0][0].level > 1:
        below = [child for node in levels[0] for _, child in node.children]
        levels.insert(0, sorted(below, key=lambda node: node.multiplies))
    return levels


def _coefficients(node: Node, random: np.random.Generator, count: int) -> np.ndarray:
    """A straight line and a little noise."""
    line, noise = np.linspace(-1, 1, count), NOISE * random.standard_normal(count)
    if node.multiplies:
        angle = np.pi * (random.random() - 0.5)
        return np.cos(angle) + np.sqrt(3) * np.sin(angle) * line + noise
    return (random.standard_normal() if node.kind == "S" else 1.0) * line + noise
