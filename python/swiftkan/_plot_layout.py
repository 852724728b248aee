"""Where the parts of a picture lie: pykan's arrangement (kan/MultKAN.py, ``plot``), inputs below and outputs above.

What it must get right first:
  1. boxes, nodes and symbols never overlap, from one edge to thousands;
  2. up to 20 edges a layer the arrangement is pykan's; beyond, boxes form several rows, and in a higher layer if they are many,
     because in one row they would be specks.

The unit is the width that nodes are spread over. Level l of nodes lies at the height ``level[l]``; above it come the boxes of
layer l, then its subnodes (Y0 above the level, more in a layer with rows), then the next level (Z0 above the subnodes).
"""

from __future__ import annotations

import math
from typing import NamedTuple, Sequence

import numpy as np

Y0, Z0 = 0.3, 0.1  # pykan's: from nodes to subnodes, from subnodes to the next nodes
HIGHEST = 0.55  # Y0 of a layer with many rows
BAND = 0.7  # the part of Y0 that rows of boxes take
LARGEST_BOX = 0.05  # half its side
LARGEST_NODE, LARGEST_SYMBOL = 0.0125, 0.02  # radii
ONE_ROW = 20  # most boxes side by side: more would be smaller than a letter
CROWDED = 48  # boxes in a layer from which on faint ones are left out, and the layer is higher


class Layout(NamedTuple):
    """Centres (…, 2) and sizes, level by level or layer by layer."""

    level: list[float]  # heights
    nodes: list[np.ndarray]
    node_radius: list[float]
    subnodes: list[np.ndarray]
    subnode_radius: list[float]
    boxes: list[np.ndarray]  # in the order of the edges
    half: list[float]  # half a box's side


def spread(n: int) -> np.ndarray:
    """n places across the width."""
    return (np.arange(n) + 0.5) / max(n, 1)


def arrange(width_in: Sequence[int], width_out: Sequence[int], edges: Sequence[int]) -> Layout:
    """The layout of a network with ``width_in`` nodes and ``width_out`` subnodes a level, and ``edges`` drawn edges a layer."""
    rise = [height(n) for n in edges]
    level = [0.0, *np.cumsum([y + Z0 for y in rise]).tolist()]
    nodes = [np.column_stack([spread(n), np.full(n, y)]) for n, y in zip(width_in, level)]
    subnodes = [np.column_stack([spread(n), np.full(n, y + up)]) for n, y, up in zip(width_out[1:], level, rise)]
    boxes, half = [], []
    for n, y, up in zip(edges, level, rise):
        place, size = _rows(n, BAND * up)
        boxes.append(place + [0.0, y + up / 2])
        half.append(size)
    return Layout(
        level, nodes, [min(LARGEST_NODE, 0.3 / n) for n in width_in], subnodes,
        [min(LARGEST_SYMBOL, 0.36 / n) for n in width_out[1:]], boxes, half,
    )  # fmt: skip


def height(edges: int) -> float:
    """From nodes to subnodes, in a layer of so many drawn edges."""
    return Y0 if edges < CROWDED else min(HIGHEST, Y0 + 0.06 * math.log2(edges / CROWDED))


def _rows(n: int, band: float) -> tuple[np.ndarray, float]:
    """Centres of n boxes about height 0, and half a box's side: 4/5 of the room that a box has, as in pykan."""
    rows = 1 if n <= ONE_ROW else max(2, round(math.sqrt(n * band)))
    columns = -(-n // rows)
    half = min(0.4 / max(columns, 5), LARGEST_BOX, 0.4 * band / rows)
    column, row = np.divmod(np.arange(n), rows)
    return np.column_stack([(column + 0.5) / max(columns, 1), (row - (rows - 1) / 2) * band / rows]), half
