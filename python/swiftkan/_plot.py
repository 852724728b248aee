"""Pictures of a network.

What it must get right first:
  1. pykan's arguments and look, in one figure made of vectors; nothing is written unless a folder is named;
  2. the figure belongs to the caller: pyplot's state is never touched, and nothing has to be closed;
  3. in a notebook a model and a figure show themselves.

matplotlib is imported when something is drawn, not before.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from . import _check, _plot_edges, _plot_layout, _plot_names
from ._attribution import Attribution
from ._files import make_folder
from ._optional import need

SAMPLES = 250  # most dots of an edge
DOT_BUDGET = 20_000  # most dots of a picture
SHOWN = 2000  # edges up to which a notebook draws a model by itself


class Plotting(Attribution):
    """The method that draws the network, and its display in notebooks."""

    def plot(
        self, folder: Any = None, beta: float = 3, metric: str = "backward", scale: float = 0.5, tick: bool = False,
        sample: bool = False, in_vars: Any = None, out_vars: Any = None, title: Any = None, varscale: float = 1.0, *,
        ax: Any = None,
    ) -> Any:  # fmt: skip
        """Draws the network: inputs below, outputs above, and on every edge its function in a box.

        Black edges are numeric (splines), red ones symbolic, purple ones both; edges that are off are not drawn. An edge is
        the fainter the less it matters: its opacity is tanh(beta·score). A circled plus is a sum, a circled cross a product.
        The functions are drawn over the range that the remembered data (``cache_data``) covers.

        Parameters
        ----------
        folder : str, bytes or path-like
            Also write the picture there, as ``plot.svg`` (the folder is made if need be).
        beta : float
            How fast edges become opaque with their score; a large one shows all alike.
        metric : 'backward', 'forward_n' or 'forward_u'
            What an edge's score is: its share in the outputs (``edge_scores``), the deviation of its output relative to that
            of its input (``acts_scale``), or the deviation of its output (``edge_actscale``).
        scale : float
            The figure is 10·scale inches wide. Lines and text grow with it.
        tick : bool
            Write the ranges of x and y beside each box.
        sample : bool
            Show samples as dots, at most 250 of them and 20 000 in the picture.
        in_vars, out_vars : list of str or SymPy expressions
            Names of inputs (one for each input of the network, or for each column of x) and outputs. ``$…$`` and LaTeX are typeset, and so are single letters with or without an index
            (``'x_1'``).
        title : str
        varscale : float
            Size of the names. Names that would touch are made smaller.
        ax : matplotlib Axes
            Draw into it; by default a new figure is made. With the Axes of a pyplot figure, ``plt.show()`` shows the picture.

        Returns
        -------
        matplotlib Figure
            It is not registered with pyplot: save it with ``figure.savefig("kan.svg")`` (or .pdf, .png). In a notebook it shows
            itself as the last value of a cell.

        Raises
        ------
        RuntimeError
            If no data is remembered: call ``get_act`` or ``fit`` before.
        ValueError, TypeError
            For an argument that is not allowed, or if only one sample is remembered.
        OSError
            If no file can be written into ``folder``.
        ImportError
            Without matplotlib (``pip install matplotlib``).

        Notes
        -----
        The arguments, the arrangement and the opacity are pykan's (kan/MultKAN.py, ``plot``), which writes a bitmap per edge into
        ``folder``, './figures' by default. In layers of more than 20 edges, boxes form several rows. From layers of 48 edges and
        more, those fainter than 2 % are left out so that the others have room; a large ``beta`` shows them.

        Examples
        --------
        >>> from swiftkan import KAN, create_dataset
        >>> dataset = create_dataset(lambda x: x[:, [0]] ** 2 + x[:, [1]], n_var=2, train_num=100)
        >>> model = KAN([2, 3, 1], seed=0)
        >>> model.get_act(dataset)
        >>> figure = model.plot(in_vars=["x_1", "x_2"], title="a network")
        >>> figure.get_size_inches().round(1).tolist()
        [5.0, 4.8]
        """
        folder = None if folder is None else _check.path("folder", folder)
        figure = self._picture(beta, metric, scale, tick, sample, in_vars, out_vars, title, varscale, ax)
        if folder is not None:
            make_folder("folder", folder)
            figure.savefig(os.path.join(folder, "plot.svg"))
        return figure

    def _picture(
        self, beta, metric="backward", scale=0.5, tick=False, sample=False, in_vars=None, out_vars=None, title=None, varscale=1.0,
        ax=None, steady=False,
    ) -> Any:  # fmt: skip
        """:meth:`plot`; ``steady`` keeps a place for every edge, so that pictures of one model's training can be compared."""
        beta, scale = _check.real("beta", beta, 0.0), _check.real("scale", scale, above=0.0)
        _check.choice("metric", metric, _plot_edges.METRICS)
        tick, sample = _check.flag("tick", tick), _check.flag("sample", sample)
        varscale = _check.real("varscale", varscale, above=0.0)
        need("matplotlib", "plot()")
        from ._plot_draw import FONT, SIDE, Texts, draw, extent

        inputs = _plot_names.check("in_vars", in_vars, self.width_in[0], "inputs", self._read_entries)
        outputs = _plot_names.check("out_vars", out_vars, self.width_in[-1], "outputs")
        rows = (None if names is None else _plot_names.row(names, FONT * varscale) for names in (inputs, outputs))
        texts = Texts(*rows, None if title is None else _plot_names.title(title))
        dots = max(1, min(SAMPLES, DOT_BUDGET // max(self.n_edge, 1))) if sample else 0
        curves = _plot_edges.curves(self, metric, beta, dots, np.inf if steady else _plot_layout.CROWDED)
        count = np.bincount([curve.l for curve in curves], minlength=self.depth).tolist() if curves else [0] * self.depth
        layout = _plot_layout.arrange(self.width_in, self.width_out, count)
        if ax is None:
            from ._plot_figure import KANFigure

            low, high = extent(layout, texts)
            figure = KANFigure(figsize=(10 * scale, 10 * scale * (high - low) / (1 + 2 * SIDE)), facecolor="white")
            figure.curves = len(curves)
            ax = figure.add_axes((0, 0, 1, 1))
        elif not hasattr(ax, "add_collection"):
            raise TypeError(f"ax: must be a matplotlib Axes, not {type(ax).__name__}")
        arities, n_sum = self._settings.arities, [pair[0] for pair in self.width]
        owners = [np.repeat(np.arange(n + len(a)), [1] * n + list(a)) for n, a in zip(n_sum[1:], arities[1:])]
        draw(ax, layout, owners, n_sum, curves, texts, tick)
        return ax.figure.figure  # of a part of a figure the whole

    def _repr_html_(self) -> str | None:
        """The model in a notebook: its picture above its text; text alone where there is nothing to draw."""
        known = self._remembered is not None and len(self._remembered.x) > 1
        if not known or self.n_edge > SHOWN:
            return None
        try:
            need("matplotlib", "plot()")
        except ImportError:
            return None
        from html import escape

        return f"<div>{self.plot().to_svg(inline=True)}<pre>{escape(repr(self))}</pre></div>"
