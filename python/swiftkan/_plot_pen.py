"""Shapes on a matplotlib Axes with sizes in the picture's own unit.

What it must get right first: a line's width and a letter's height follow the Axes they are drawn into, be it a page or a
corner of somebody's figure. matplotlib measures them in points; the pen knows how many points the unit is.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Pen:
    """Draws into an Axes that shows ``width`` by ``height`` units with equal scales.

    Widths, radii and sizes are in units; ``name`` becomes the shapes' id (``get_gid()``, and in SVG).
    """

    def __init__(self, ax: Any, width: float, height: float):
        window = ax.get_position(original=True)  # parts of the figure, or of the part of a figure that the Axes is in
        inches = ax.figure.bbox.transformed(ax.figure.dpi_scale_trans.inverted())
        self.ax = ax
        self.unit = 72 * min(window.width * inches.width / width, window.height * inches.height / height)  # in points

    def lines(self, segments: Any, widths: Any, colors: Any, z: float, name: str) -> None:
        from matplotlib.collections import LineCollection

        points = np.atleast_1d(widths) * self.unit
        self._add(LineCollection(segments, linewidths=points, colors=colors, capstyle="round", joinstyle="round"), z, name)

    def polygons(self, corners: Any, face: Any, edge: Any, widths: Any, z: float, name: str) -> None:
        from matplotlib.collections import PolyCollection

        points = np.atleast_1d(widths) * self.unit
        self._add(PolyCollection(corners, facecolors=face, edgecolors=edge, linewidths=points, joinstyle="miter"), z, name)

    def circles(self, centres: np.ndarray, radii: Any, face: Any, edge: Any, widths: Any, z: float, name: str) -> None:
        from matplotlib.collections import EllipseCollection

        size, points = 2 * np.atleast_1d(radii), np.atleast_1d(widths) * self.unit
        circles = EllipseCollection(size, size, np.zeros(len(size)), units="x", offsets=centres, offset_transform=self.ax.transData,
                                    facecolors=face, edgecolors=edge, linewidths=points)  # fmt: skip
        self._add(circles, z, name)

    def text(self, x: float, y: float, text: str, size: float, fontproperties: Any = None, **options: Any) -> None:
        if fontproperties is not None:
            fontproperties.set_size(size * self.unit)
            options["fontproperties"] = fontproperties
        else:
            options["fontsize"] = size * self.unit
        self.ax.text(x, y, text, **options)

    def _add(self, collection: Any, z: float, name: str) -> None:
        collection.set_zorder(z)
        collection.set_gid(name)
        collection.set_clip_on(False)
        self.ax.add_collection(collection, autolim=False)

    @staticmethod
    def rgba(colors: list[str], opacity: np.ndarray) -> np.ndarray:
        """(n, 4) from names of colours and opacities from 0 to 1."""
        from matplotlib.colors import to_rgba_array

        result = to_rgba_array(colors)
        result[:, 3] = opacity
        return result

    @staticmethod
    def grey(lightness: np.ndarray) -> np.ndarray:
        """(n, 4) opaque greys: a symbol must hide the lines that end under it."""
        return np.column_stack([lightness, lightness, lightness, np.ones(len(lightness))])
