"""What happens inside the network, on demand: values of nodes and edges, and how much they vary.

What it must get right first: shapes and meaning of pykan's attributes, computed from the model as it is now and from
the data it remembers (``cache_data``). Nothing is stored: a layer's (samples, out, in) array exists only while one
looks at it.
"""

from __future__ import annotations

from typing import Any
from collections.abc import Callable, Sequence

import numpy as np

from ._forward import Forward

# The engine's numbers for kinds of activation (swiftkan_activation).
ACTS, ACTS_PREMULT, POSTACTS, POSTSPLINES = 0, 1, 2, 3


class PerLayer(Sequence):
    """A list with one array a layer, each computed when it is asked for."""

    __slots__ = ("_name", "_count", "_compute")

    def __init__(self, name: str, count: int, compute: Callable[[int], np.ndarray]):
        self._name, self._count, self._compute = name, count, compute

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, l):
        if isinstance(l, slice):
            return [self._compute(i) for i in range(self._count)[l]]
        return self._compute(range(self._count)[l])

    def __repr__(self) -> str:
        return f"<{self._name}: {self._count} arrays, computed on demand>"


class Activations(Forward):
    """Methods and attributes that look inside the network."""

    def get_act(self, x: Any = None) -> None:
        """Remembers data for the attributes below: ``acts``, ``spline_postacts``, ``edge_actscale`` and the others.

        Parameters
        ----------
        x : array-like (samples, inputs), a data set as for ``fit`` (its ``train_input``), or None to keep what is remembered

        Raises
        ------
        RuntimeError
            If ``x`` is None and no data is known.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> model = KAN([2, 5, 1])
        >>> model.get_act(np.random.RandomState(0).rand(100, 2))
        >>> model.acts[1].shape, model.spline_postacts[0].shape, model.edge_actscale[0].shape
        ((100, 5), (100, 5, 2), (5, 2))
        """
        if x is None:
            self._recall("get_act()").asked = True
            return
        if isinstance(x, dict) and "train_input" not in x:
            raise ValueError(f"x: a data set must have train_input; this one has {sorted(map(str, x))}")
        rows = self._inputs(x)
        if not rows.shape[0]:
            raise ValueError("x: has no samples")
        self._remember(rows, False, 10.0, asked=True)

    # ---- Values --------------------------------------------------------------------------------------------------

    def _values(self, name: str, kind: int, count: int) -> PerLayer:
        x, avoid, y_th = self._known(None, f"model.{name}")

        def compute(l: int) -> np.ndarray:
            n, layer = x.shape[0], min(l, self.depth - 1)
            if kind == ACTS:
                shape: tuple[int, ...] = (n, self.width_in[l])
            elif kind == ACTS_PREMULT:
                shape = (n, self.width_out[l + 1])
            else:
                shape = (n, self.width_out[layer + 1], self.width_in[layer])
            out = np.empty(shape, self.dtype)
            self._core.activations(x, n, kind, l, out, avoid, y_th)
            return out

        return PerLayer(name, count, compute)

    @property
    def acts(self) -> PerLayer:
        """acts[l] (n, width_in[l]), l = 0 … depth: the values of the nodes of level l."""
        return self._values("acts", ACTS, self.depth + 1)

    @property
    def acts_premult(self) -> PerLayer:
        """acts_premult[l] (n, width_out[l + 1]): subnodes after their scale and bias, before multiplication."""
        return self._values("acts_premult", ACTS_PREMULT, self.depth)

    @property
    def spline_preacts(self) -> PerLayer:
        """spline_preacts[l] (n, out, in): what each edge receives; a read-only view, the same for all outputs."""
        acts, out = self._values("spline_preacts", ACTS, self.depth), self.width_out

        def compute(l: int) -> np.ndarray:
            values = acts[l]
            return np.broadcast_to(values[:, None, :], (values.shape[0], out[l + 1], values.shape[1]))

        return PerLayer("spline_preacts", self.depth, compute)

    @property
    def spline_postacts(self) -> PerLayer:
        """spline_postacts[l] (n, out, in): what each edge gives, numeric plus symbolic part."""
        return self._values("spline_postacts", POSTACTS, self.depth)

    @property
    def spline_postsplines(self) -> PerLayer:
        """spline_postsplines[l] (n, out, in): the spline of each edge alone, before scale and mask."""
        return self._values("spline_postsplines", POSTSPLINES, self.depth)

    # ---- Standard deviations over the samples --------------------------------------------------------------------

    def _statistics(self, name: str, x: Any = None) -> list[dict[str, np.ndarray]]:
        """Means and deviations layer by layer, streamed by the engine; the layout is that of swiftkan_statistics."""
        x, avoid, y_th = self._known(x, f"model.{name}")
        if x.shape[0] < 2:
            raise ValueError(f"model.{name}: a standard deviation needs at least 2 samples, and 1 is remembered")
        flat = np.empty(self._core.statistics_count(), np.float64)
        self._core.statistics(x, x.shape[0], avoid, y_th, flat)
        result, at = [], 0
        for l in range(self.depth):
            n_in, n_out = self.width_in[l], self.width_out[l + 1]
            layer = {}
            for part, shape in (
                ("node", (n_in,)),
                ("subnode", (n_out,)),
                ("edge", (n_out, n_in)),
                ("numerical", (n_out, n_in)),
            ):
                for what in ("mean", "std"):
                    size = int(np.prod(shape))
                    layer[f"{part}_{what}"] = flat[at : at + size].reshape(shape)
                    at += size
            result.append(layer)
        return result

    @property
    def edge_actscale(self) -> list[np.ndarray]:
        """edge_actscale[l] (out, in): standard deviation of each edge's output (n - 1 in the denominator)."""
        return [layer["edge_std"] for layer in self._statistics("edge_actscale")]

    @property
    def subnode_actscale(self) -> list[np.ndarray]:
        """subnode_actscale[l] (out,): standard deviation of each sum over edges, before scale and bias."""
        return [layer["subnode_std"] for layer in self._statistics("subnode_actscale")]

    @property
    def acts_scale(self) -> list[np.ndarray]:
        """acts_scale[l] (out, in): deviation of each edge's output over (that of its input + 0.1)."""
        return [layer["edge_std"] / (layer["node_std"] + 0.1) for layer in self._statistics("acts_scale")]

    @property
    def acts_scale_spline(self) -> list[np.ndarray]:
        """acts_scale_spline[l] (out, in): as ``acts_scale``, for the edges' numeric part alone."""
        return [layer["numerical_std"] / (layer["node_std"] + 0.1) for layer in self._statistics("acts_scale_spline")]
