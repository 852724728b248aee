"""Drawing a network with matplotlib: a handful of collections of vectors, whatever the number of edges.

What it must get right first:
  1. all of it is vectors, so that SVG and PDF are sharp at any size; nothing is read from or written to files;
  2. pyplot is never touched, so that no global state changes;
  3. lines, nodes and text keep their proportions at any ``scale``: every size is a part of the picture's width.

From back to front: lines from nodes to boxes to subnodes, boxes, curves, samples, ticks, nodes, sum and product symbols, names.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._plot_edges import Curve
from ._plot_layout import Layout
from ._plot_names import Row, font, measure
from ._plot_pen import Pen

SIDE = 0.03  # margin left and right; the nodes are spread over the width between
MARGIN = 0.03  # below and above
LINE, CURVE = 0.0034, 0.0042  # widths
FONT = 0.05  # height of names and title
GAP = 0.02  # between a node and its name, and around the title
INSIDE = 0.84  # the part of a box that a curve fills
FAINT = 0.25  # how dark a node is that does not matter


class Texts(NamedTuple):
    """What is written."""

    inputs: Row | None
    outputs: Row | None
    title: str | None


def extent(layout: Layout, texts: Texts) -> tuple[float, float]:
    """The lowest and highest point of a picture."""
    low, high = layout.level[0] - layout.node_radius[0], layout.level[-1] + layout.node_radius[-1]
    if texts.inputs:
        low -= GAP + texts.inputs.ascent + texts.inputs.descent
    if texts.outputs:
        high += GAP + texts.outputs.ascent + texts.outputs.descent
    if texts.title:
        high += 2 * GAP + FONT
    return low - MARGIN, high + MARGIN


def draw(
    ax: Any, layout: Layout, owners: list[np.ndarray], n_sum: list[int], curves: list[Curve], texts: Texts, tick: bool
) -> None:  # fmt: skip
    """Draws everything into ``ax``, which then has the picture's limits, equal scales and no frame.

    ``layout.boxes`` are the places of the curves; ``owners[l]`` are the nodes of level l + 1 that the subnodes of layer l belong
    to, of which the first ``n_sum[l + 1]`` are sums.
    """
    low, high = extent(layout, texts)
    ax.set_xlim(-SIDE, 1 + SIDE)
    ax.set_ylim(low, high)
    ax.set_aspect("equal")
    ax.set_axis_off()
    pen = Pen(ax, 1 + 2 * SIDE, high - low)
    if curves:
        _edges(pen, layout, curves, tick)
    _nodes(pen, layout, owners, n_sum, darkness(layout, curves))
    _write(pen, layout, texts)


def _edges(pen: Pen, layout: Layout, curves: list[Curve], tick: bool) -> None:
    opacity = np.array([curve.opacity for curve in curves])
    colors = pen.rgba([curve.color for curve in curves], opacity)
    per_layer = [len(places) for places in layout.boxes]
    centre = np.concatenate(layout.boxes)
    half = np.repeat(layout.half, per_layer)
    start = np.array([layout.nodes[curve.l][curve.i] for curve in curves])
    end = np.array([layout.subnodes[curve.l][curve.j] for curve in curves])
    up = np.column_stack([np.zeros_like(half), half])
    ways = np.stack([np.stack([start, centre - up], axis=1), np.stack([centre + up, end], axis=1)], axis=1)
    thin = np.repeat([line_width(n) for n in per_layer], 2 * np.array(per_layer))
    pen.lines(ways.reshape(-1, 2, 2), thin, np.repeat(colors, 2, axis=0), 1, "edges")

    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    paper = np.column_stack([np.ones((len(half), 3)), opacity**0.25])  # hides the lines behind it
    pen.polygons(centre[:, None] + half[:, None, None] * corners, paper, colors, np.minimum(0.002, 0.045 * half), 2, "boxes")
    dotted = bool(len(curves[0].samples))
    bends = [_into(curve, np.column_stack([curve.x, curve.y]), c, h) for curve, c, h in zip(curves, centre, half)]
    pen.lines(bends, np.minimum(CURVE, 0.1 * half) * (0.4 if dotted else 1.0), colors, 3, "curves")
    if dotted:
        _samples(pen, layout, curves, centre, half, colors)
    if tick:
        for curve, place, h, color in zip(curves, centre, half, colors):
            if color[3] > 0.02:
                _ticks(pen, curve, place, h, color)


def line_width(edges: int) -> float:
    """Of the lines of a layer with so many edges: a thousand lines of a dozen's width would be a black square."""
    return LINE * min(1.0, (24 / max(edges, 1)) ** 0.5)


def _into(curve: Curve, points: np.ndarray, centre: np.ndarray, half: float) -> np.ndarray:
    """Points (x, φ(x)) in the coordinates of the curve's box."""
    (x0, x1), (y0, y1) = curve.x_range, curve.y_range
    flat = y1 - y0 <= 1e-9 * max(abs(y0), abs(y1), 1e-300)
    x = 2 * (points[:, 0] - x0) / (x1 - x0) - 1
    y = np.where(np.isfinite(points[:, 1]), 0.0, np.nan) if flat else 2 * (points[:, 1] - y0) / (y1 - y0) - 1
    y = np.where(np.abs(y) <= 1.1, y, np.nan)  # samples beyond the limits that the curve was cut at
    return centre + half * INSIDE * np.column_stack([x, y])


def _samples(pen: Pen, layout: Layout, curves: list[Curve], centre: np.ndarray, half: np.ndarray, colors: np.ndarray) -> None:
    pale = colors * [1, 1, 1, 0.4]  # where samples lie close the dots add up to the full colour
    for l, size in enumerate(layout.half):  # dots of one size share their path: a small file
        mine = [e for e, curve in enumerate(curves) if curve.l == l]
        if mine:
            dots = [_into(curves[e], curves[e].samples, centre[e], half[e]) for e in mine]
            color = np.repeat(pale[mine], [len(d) for d in dots], axis=0)
            pen.circles(np.concatenate(dots), 0.06 * size, color, "none", 0, 4, f"samples-{l}")


def _ticks(pen: Pen, curve: Curve, place: np.ndarray, h: float, color: np.ndarray) -> None:
    """The ranges: of x below the box, of y on its left side; smaller where the two numbers would touch."""
    (x, y), gap = place, 0.1 * h
    below, beside = ([number(bound, high - low) for bound in (low, high)] for low, high in (curve.x_range, curve.y_range))
    size = min(0.27 * h, *(2 * h / (sum(measure(text)[0] for text in pair) + 0.8) for pair in (below, beside)))
    options = dict(size=size, color=color, zorder=4.5)
    pen.text(x - h, y - h - gap, below[0], ha="left", va="top", **options)
    pen.text(x + h, y - h - gap, below[1], ha="right", va="top", **options)
    pen.text(x - h - gap, y - h, beside[0], ha="right", va="bottom", rotation=90, **options)
    pen.text(x - h - gap, y + h, beside[1], ha="right", va="top", rotation=90, **options)


def number(value: float, span: float) -> str:
    """A bound of a range: to a hundredth or so of the range, with a real minus sign: ``−1``, ``0.35``, ``2e+06``."""
    if 0 < span < np.inf:
        unit = 10.0 ** (np.round(np.log10(span)) - 2)
        value = round(value / unit) * unit
    return f"{value + 0.0:.3g}".replace("-", "−")


def darkness(layout: Layout, curves: list[Curve]) -> list[np.ndarray]:
    """From FAINT to 1, how dark each node is: as its most opaque edge to the next level, an output as its edges from below.

    A node that nothing follows from steps back, as its edges do.
    """
    most = [np.zeros(len(nodes)) for nodes in layout.nodes]
    for curve in curves:
        most[curve.l][curve.i] = max(most[curve.l][curve.i], curve.opacity)
    most[-1][:] = 1.0
    return [FAINT + (1 - FAINT) * np.sqrt(level) for level in most]


def _nodes(pen: Pen, layout: Layout, owners: list[np.ndarray], n_sum: list[int], dark: list[np.ndarray]) -> None:
    ends = zip(layout.subnodes, layout.nodes[1:], owners)
    joins = np.concatenate([np.stack([subnodes, nodes[owner]], axis=1) for subnodes, nodes, owner in ends])
    symbols = np.concatenate([1 - dark[l + 1][owner] for l, owner in enumerate(owners)])
    radius = np.repeat(layout.subnode_radius, [len(owner) for owner in owners])
    pen.lines(joins, np.minimum(LINE, 0.3 * radius), pen.grey(symbols), 5, "joins")
    _symbols(pen, np.concatenate(layout.subnodes), radius, pen.grey(symbols), np.array([[[-1, 0], [1, 0]], [[0, -1], [0, 1]]]), "sums")

    # Nodes of the first level are inputs whatever they are called; products come after the sums of their level.
    sums = [len(layout.nodes[0]), *n_sum[1:]]
    dots = np.concatenate([nodes[:n] for nodes, n in zip(layout.nodes, sums)])
    shade = pen.grey(np.concatenate([1 - level[:n] for level, n in zip(dark, sums)]))
    pen.circles(dots, np.repeat(layout.node_radius, [min(n, len(x)) for n, x in zip(sums, layout.nodes)]), shade, "none", 0, 6, "nodes")
    products = np.concatenate([nodes[n:] for nodes, n in zip(layout.nodes, sums)])
    shade = pen.grey(np.concatenate([1 - level[n:] for level, n in zip(dark, sums)]))
    radius = [0.0, *(min(1.6 * node, symbol) for node, symbol in zip(layout.node_radius[1:], layout.subnode_radius))]
    cross = np.array([[[-1, -1], [1, 1]], [[-1, 1], [1, -1]]]) * 0.5**0.5
    _symbols(pen, products, np.repeat(radius, [len(x) - n for n, x in zip(sums, layout.nodes)]), shade, cross, "products")


def _symbols(pen: Pen, centres: np.ndarray, radii: np.ndarray, color: np.ndarray, strokes: np.ndarray, name: str) -> None:
    if not len(centres):
        return
    pen.circles(centres, radii, "white", color, np.minimum(0.0034, 0.17 * radii), 6, name)
    marks = centres[:, None, None] + 0.55 * radii[:, None, None, None] * strokes
    pen.lines(marks.reshape(-1, 2, 2), np.repeat(np.minimum(0.0042, 0.21 * radii), 2), np.repeat(color, 2, axis=0), 7, f"{name}-marks")


def _write(pen: Pen, layout: Layout, texts: Texts) -> None:
    bottom, top = layout.level[0] - layout.node_radius[0] - GAP, layout.level[-1] + layout.node_radius[-1] + GAP
    if texts.inputs:
        _names(pen, layout.nodes[0], texts.inputs, bottom - texts.inputs.ascent, bottom, "top", "in_vars")
    if texts.outputs:
        _names(pen, layout.nodes[-1], texts.outputs, top + texts.outputs.descent, top, "bottom", "out_vars")
        top += texts.outputs.ascent + texts.outputs.descent + GAP
    if texts.title:
        pen.text(0.5, top + GAP / 2, texts.title, FONT, ha="center", va="bottom", gid="title", fontproperties=font())


def _names(pen: Pen, places: np.ndarray, row: Row, baseline: float, side: float, align: str, kind: str) -> None:
    """On a common baseline, or upright from the side that faces the nodes."""
    how = dict(rotation=90, va=align) if row.upright else dict(va="baseline")
    for i, ((x, _), name) in enumerate(zip(places, row.names)):
        pen.text(x, side if row.upright else baseline, name, row.size, ha="center", gid=f"{kind}-{i}", fontproperties=font(), **how)
