"""The figure that ``model.plot()`` returns: matplotlib's, which shows itself in a notebook without pyplot.

Loaded only when something is plotted, so that swiftkan does not need matplotlib.
"""

from __future__ import annotations

import io
from typing import Any

import matplotlib
from matplotlib.figure import Figure

LIMIT = 5000  # curves above which a notebook shows pixels: browsers become slow


class KANFigure(Figure):
    """A matplotlib figure that pyplot knows nothing about: nothing has to be closed, and ``savefig`` works as always."""

    curves = 0  # how many edges were drawn

    def to_svg(self, inline: bool = False) -> str:
        """The picture as SVG text; ``inline`` leaves out what a page of HTML has already.

        The same picture gives the same text: no date, and identifiers made from the content.
        """
        text = io.StringIO()
        with matplotlib.rc_context({"svg.hashsalt": "swiftkan"}):
            self.savefig(text, format="svg", metadata={"Date": None})
        svg = text.getvalue()
        return svg[svg.index("<svg") :] if inline else svg

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        if self.curves <= LIMIT:
            return {"image/svg+xml": self.to_svg()}
        pixels = io.BytesIO()
        self.savefig(pixels, format="png", dpi=200)
        return {"image/png": pixels.getvalue()}
