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
from ._plot_layout import Y0, Z0, Layout

LINE, CURVE = 0.0040, 0.0042  # widths
FONT = 0.052  # height of names and title
MARGIN = 0.035  # around everything
INSIDE = 0.82  # the part of a box that a curve fills


class Texts(NamedTuple):
    """What is written, and how large names are relative to their usual size."""

    inputs: list[str] | None
    outputs: list[str] | None
    title: str | None
    varscale: float


def extent(texts: Texts, top: float) -> tuple[float, float]:
    """The lowest and highest point of a picture whose outputs lie at the height ``top``."""
    line = 1.5 * FONT
    low = -MARGIN - (line * texts.varscale if texts.inputs else 0.0)
    high = top + MARGIN + (line * texts.varscale if texts.outputs else 0.0) + (line * 1.15 if texts.title else 0.0)
    return low, high


def draw(ax: Any, layout: Layout, arities: list[list[int]], n_sum: list[int], curves: list[Curve], beta: float, texts: Texts, tick: bool) -> None:
    """Draws everything into ``ax``, which then has the picture's limits, equal scales and no frame.

    ``arities[l]`` are the factors of each multiplication node of level l, which come after its ``n_sum[l]`` sum nodes.
    """
    low, high = extent(texts, layout.level[-1])
    ax.set_xlim(0, 1)
    ax.set_ylim(low, high)
    ax.set_aspect("equal")
    ax.set_axis_off()
    pen = Pen(ax, high - low)
    _edges(pen, layout, curves, beta, tick)
    _nodes(pen, layout, arities, n_sum)
    _names(pen, layout, texts)


class Pen:
    """An Axes, and how many points the picture's width is."""

    def __init__(self, ax: Any, height: float):
        figure = ax.figure
        box = ax.get_position(original=True)
        root = figure.get_figure(root=True) if hasattr(figure, "get_figure") and figure.get_figure() is not None else figure
        inches = root.get_size_inches()
        if figure is not root:  # a part of a figure
            part = figure.bbox.transformed(root.dpi_scale_trans.inverted())
            inches = np.array([part.width, part.height])
        self.ax = ax
        self.unit = 72 * min(box.width * inches[0], box.height * inches[1] / height)

    def lines(self, segments: Any, widths: Any, colors: Any, z: float, name: str) -> None:
        from matplotlib.collections import LineCollection

        self._add(LineCollection(segments, linewidths=np.atleast_1d(widths) * self.unit, colors=colors, capstyle="round", joinstyle="round"), z, name)

    def shapes(self, polygons: Any, face: Any, edge: Any, widths: Any, z: float, name: str) -> None:
        from matplotlib.collections import PolyCollection

        self._add(PolyCollection(polygons, facecolors=face, edgecolors=edge, linewidths=np.atleast_1d(widths) * self.unit, joinstyle="miter"), z, name)

    def circles(self, centres: np.ndarray, radii: Any, face: Any, edge: Any, width: Any, z: float, name: str) -> None:
        from matplotlib.collections import EllipseCollection

        size = 2 * np.broadcast_to(radii, len(centres))
        self._add(EllipseCollection(size, size, np.zeros(len(centres)), units="x", offsets=centres, offset_transform=self.ax.transData,
                                    facecolors=face, edgecolors=edge, linewidths=np.atleast_1d(width) * self.unit), z, name)  # fmt: skip

    def text(self, x: float, y: float, text: str, size: float, **options: Any) -> None:
        self.ax.text(x, y, text, fontsize=size * self.unit, **options)

    def _add(self, collection: Any, z: float, name: str) -> None:
        collection.set_zorder(z)
        collection.set_gid(name)
        collection.set_clip_on(False)
        self.ax.add_collection(collection, autolim=False)


def _edges(pen: Pen, layout: Layout, curves: list[Curve], beta: float, tick: bool) -> None:
    if not curves:
        return
    from matplotlib.colors import to_rgba_array

    colors = to_rgba_array([curve.color for curve in curves])
    colors[:, 3] = np.nan_to_num(np.tanh(beta * np.array([curve.score for curve in curves])), nan=0.0).clip(0, 1)
    per_layer = np.bincount([curve.l for curve in curves], minlength=len(layout.half))
    centre = np.concatenate(layout.boxes)
    half = np.repeat(layout.half, per_layer)
    thin = np.repeat([line_width(n) for n in per_layer], per_layer)
    start = np.array([layout.nodes[curve.l][curve.i] for curve in curves])
    end = np.array([layout.subnodes[curve.l][curve.j] for curve in curves])
    up = np.column_stack([np.zeros_like(half), half])
    ways = np.stack([np.stack([start, centre - up], axis=1), np.stack([centre + up, end], axis=1)], axis=1)
    pen.lines(ways.reshape(-1, 2, 2), np.repeat(thin, 2), np.repeat(colors, 2, axis=0), 1, "edges")

    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    frame = np.minimum(0.0022, 0.045 * half)
    white = np.column_stack([np.ones((len(half), 3)), colors[:, 3] ** 0.25])
    pen.shapes(centre[:, None] + half[:, None, None] * corners, white, colors, frame, 2, "boxes")
    bends = [_into(curve, np.column_stack([curve.x, curve.y]), c, h) for curve, c, h in zip(curves, centre, half)]
    pen.lines(bends, np.minimum(CURVE, 0.1 * half), colors, 3, "curves")
    if len(curves[0].samples):
        dots = np.concatenate([_into(curve, curve.samples, c, h) for curve, c, h in zip(curves, centre, half)])
        count = len(curves[0].samples)
        pen.circles(dots, np.repeat(0.055 * half, count), np.repeat(colors, count, axis=0), "none", 0, 4, "samples")
    if tick:
        _ticks(pen, curves, centre, half)


def line_width(edges: int) -> float:
    """Of the lines of a layer with so many edges: a thousand lines of a dozen's width would be a black square."""
    return LINE * min(1.0, (24 / max(edges, 1)) ** 0.5)


def _into(curve: Curve, points: np.ndarray, centre: np.ndarray, half: float) -> np.ndarray:
    """Points (x, φ(x)) in the coordinates of the curve's box."""
    (x0, x1), (y0, y1) = curve.x_range, curve.y_range
    flat = y1 - y0 <= 1e-9 * max(abs(y0), abs(y1), 1e-300)
    x = 2 * (points[:, 0] - x0) / (x1 - x0) - 1
    y = np.where(np.isnan(points[:, 1]), np.nan, 0.0) if flat else 2 * (points[:, 1] - y0) / (y1 - y0) - 1
    with np.errstate(invalid="ignore"):
        y = np.where(np.abs(y) <= 1.2, y, np.nan)  # samples beyond the curve's limits
    return centre + half * INSIDE * np.column_stack([x, y])


def _ticks(pen: Pen, curves: list[Curve], centre: np.ndarray, half: np.ndarray) -> None:
    """The ranges: x below the box, y on its left side."""
    for curve, (x, y), h in zip(curves, centre, half):
        size, gap = 0.2 * h, 0.1 * h
        for value, side, align in ((curve.x_range[0], -1, "left"), (curve.x_range[1], 1, "right")):
            pen.text(x + side * h, y - h - gap, number(value), size, ha=align, va="top", zorder=4.5)
        for value, side, align in ((curve.y_range[0], -1, "bottom"), (curve.y_range[1], 1, "top")):
            pen.text(x - h - gap, y + side * h, number(value), size, ha="right", va=align, rotation=90, zorder=4.5)


def number(value: float) -> str:
    """Three digits at most, with a real minus sign."""
    return f"{value:.2g}".replace("-", "−")


def _nodes(pen: Pen, layout: Layout, arities: list[list[int]], n_sum: list[int]) -> None:
    joins, radii = [], []
    for l, subnodes in enumerate(layout.subnodes):
        owner = np.concatenate([np.arange(n_sum[l + 1]), n_sum[l + 1] + np.repeat(np.arange(len(arities[l + 1])), arities[l + 1])]).astype(int)
        joins.append(np.stack([subnodes, layout.nodes[l + 1][owner]], axis=1))
        radii.append(np.full(len(subnodes), min(LINE, 0.3 * layout.subnode_radius[l])))
    pen.lines(np.concatenate(joins), np.concatenate(radii), "black", 5, "joins")
    products = [nodes[n:] if len(a) else nodes[:0] for nodes, n, a in zip(layout.nodes, n_sum, arities)]
    sums = [nodes[: len(nodes) - len(p)] for nodes, p in zip(layout.nodes, products)]
    dots = np.repeat(layout.node_radius, [len(s) for s in sums])
    pen.circles(np.concatenate(sums), dots, "black", "black", 0, 6, "nodes")
    plus = np.array([[[-1, 0], [1, 0]], [[0, -1], [0, 1]]])
    cross = np.array([[[-1, -1], [1, 1]], [[-1, 1], [1, -1]]]) * 0.5**0.5
    _symbols(pen, np.concatenate(layout.subnodes), np.repeat(layout.subnode_radius, [len(s) for s in layout.subnodes]), plus, "sums")
    radius = [min(layout.node_radius[l] * 1.8, layout.subnode_radius[l - 1]) if l else 0.0 for l in range(len(layout.level))]
    _symbols(pen, np.concatenate(products), np.repeat(radius, [len(p) for p in products]), cross, "products")


def _symbols(pen: Pen, centres: np.ndarray, radii: np.ndarray, strokes: np.ndarray, name: str) -> None:
    if not len(centres):
        return
    width = np.minimum(0.0045, 0.17 * radii)
    pen.circles(centres, radii, "white", "black", width, 6, name)
    marks = centres[:, None, None] + 0.55 * radii[:, None, None, None] * strokes
    pen.lines(marks.reshape(-1, 2, 2), np.repeat(width, 2), "black", 7, f"{name}-marks")


def _names(pen: Pen, layout: Layout, texts: Texts) -> None:
    top = layout.level[-1]
    size = FONT * texts.varscale
    if texts.inputs:
        _row(pen, layout.nodes[0], texts.inputs, -0.85 * size - layout.node_radius[0] / 2, size)
    if texts.outputs:
        _row(pen, layout.nodes[-1], texts.outputs, top + 0.85 * size + layout.node_radius[-1] / 2, size)
    if texts.title:
        y = top + MARGIN / 2 + 0.85 * FONT + (1.5 * size if texts.outputs else 0.0)
        pen.text(0.5, y, texts.title, FONT, ha="center", va="center", gid="title")


def _row(pen: Pen, places: np.ndarray, names: list[str], y: float, size: float) -> None:
    """Names in a row, all of one size: the usual one, or smaller so that none touches the next."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(size=10)
    widest = max((TextPath((0, 0), name, prop=font).get_extents().width / 10 if name.strip() else 0.0) for name in names)
    size = min(size, 0.9 / len(names) / max(widest, 1e-9))
    for (x, _), name in zip(places, names):
        pen.text(x, y, name, size, ha="center", va="center", gid="name")
