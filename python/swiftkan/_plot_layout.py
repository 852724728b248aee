"""Where the parts of a picture lie: pykan's arrangement (kan/MultKAN.py, ``plot``), inputs below and outputs above.

What it must get right first:
  1. boxes, nodes and symbols never overlap, from one edge to thousands;
  2. up to some dozens of edges a layer the arrangement is pykan's; beyond, boxes form several rows, because in one they
     would be specks.

The unit is the picture's width. Level l of nodes lies at the height ``level[l]``; above it come the boxes of layer l, then its
subnodes (Y0 above the level), then the next level (Z0 above the subnodes).
"""

from __future__ import annotations

import math
from typing import NamedTuple, Sequence

import numpy as np

Y0, Z0 = 0.3, 0.1  # pykan's: from nodes to subnodes, from subnodes to the next nodes
BAND = 0.22  # the part of Y0 that boxes may take when they form rows
LARGEST_BOX = 0.05  # half its side
LARGEST_NODE, LARGEST_SYMBOL = 0.0125, 0.0225  # radii
ROWS_FROM = 48  # boxes in a layer above which they form rows


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
    level = [l * (Y0 + Z0) for l in range(len(width_in))]
    nodes = [np.column_stack([spread(n), np.full(n, y)]) for n, y in zip(width_in, level)]
    subnodes = [np.column_stack([spread(n), np.full(n, y + Y0)]) for n, y in zip(width_out[1:], level)]
    boxes, half = [], []
    for n, y in zip(edges, level):
        place, size = _rows(n)
        boxes.append(place + [0.0, y + Y0 / 2])
        half.append(size)
    return Layout(
        level, nodes, [min(LARGEST_NODE, 0.3 / n) for n in width_in], subnodes,
        [min(LARGEST_SYMBOL, 0.36 / n) for n in width_out[1:]], boxes, half,
    )  # fmt: skip


def _rows(n: int) -> tuple[np.ndarray, float]:
    """Centres of n boxes about height 0, and half a box's side: 4/5 of the room that a box has, as in pykan."""
    rows = 1 if n < ROWS_FROM else max(1, round(math.sqrt(n * BAND)))
    columns = -(-n // rows)
    half = min(0.4 / max(columns, 5), LARGEST_BOX)
    index = np.arange(n)
    column, row = index // rows, index % rows
    # Every other column is half a step higher: a line to the upper rows then passes beside more boxes than it meets.
    height = (row - (rows - 1) / 2) * (BAND / rows if rows > 1 else 0.0)
    return np.column_stack([(column + 0.5) / max(columns, 1), height]), half
