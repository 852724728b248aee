"""The layers as pykan's users know them: ``model.act_fun[l]`` and ``model.symbolic_fun[l]``.

What it must get right first: every array is a view of the engine's own memory. Reading is never stale, writing
changes the model, and assigning (``layer.coef = values``) copies into the view instead of replacing it.

No layer refers to the model: a model is freed when the last reference goes, without waiting for the collector.
"""

from __future__ import annotations

from typing import Any
from collections.abc import Iterator

import numpy as np

from . import _check, _functions


def assign(name: str, view: np.ndarray, value: Any) -> None:
    """Copies ``value`` into ``view``: a single number, or exactly its shape."""
    given = _check.array(name, value)
    if given.ndim and given.shape != view.shape:
        raise ValueError(f"{name}: has the shape {given.shape}, but this part of the model has {view.shape}")
    view[...] = given


def _part(name: str, doc: str) -> property:
    """A property that reads a view and writes through it."""

    def get(self):
        return self._views[name]

    def put(self, value):
        assign(f"{self._prefix}.{name}", self._views[name], value)

    return property(get, put, doc=doc)


class Views:
    """A list of views, like ``model.node_bias``: ``v[l]`` is the engine's memory, ``v[l] = x`` writes into it."""

    __slots__ = ("_name", "_arrays")

    def __init__(self, name: str, arrays: list[np.ndarray]):
        self._name, self._arrays = name, arrays

    def __len__(self) -> int:
        return len(self._arrays)

    def __getitem__(self, l: int) -> np.ndarray:
        return self._arrays[l]

    def __setitem__(self, l: int, value: Any) -> None:
        assign(f"{self._name}[{l}]", self._arrays[l], value)

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self._arrays)

    def __repr__(self) -> str:
        return f"{self._name}: {self._arrays!r}"


class KANLayer:
    """The numeric part of layer l: a spline and a base function on every edge from ``in_dim`` nodes to ``out_dim``
    subnodes.

    An edge is mask·(scale_base·base_fun(x) + scale_sp·Σ_b coef_b·B_b(x)) (KAN paper, arXiv 2404.19756, eq. 2.10).

    It is a view of a model, ``model.act_fun[l]``, and cannot be made by itself as pykan's can: a layer of one's own is
    ``KAN([in_dim, out_dim], grid=num, k=k).act_fun[0]``. It is called as pykan's is, but has not its ``get_subset``, ``swap``,
    ``update_grid_from_samples`` and ``initialize_grid_from_parent``: see :meth:`KAN.prune_node`, :meth:`KAN.swap`,
    :meth:`KAN.update_grid_from_samples` and :meth:`KAN.initialize_grid_from_another_model`. What its edges give in the network, for the
    data that the model remembers and with their symbolic parts, is ``model.spline_postacts[l]``.

    Attributes
    ----------
    grid : (in, G + 1 + 2k) knots, k beyond each end of the grid
    coef : (in, out, G + k) spline coefficients
    mask : (in, out) 1 for an edge that is there, 0 for one that is not
    scale_base, scale_sp : (in, out)
    in_dim, out_dim, num, k : int; ``num`` is the number of grid intervals G

    Examples
    --------
    >>> from swiftkan import KAN
    >>> model = KAN([2, 3, 1], grid=5, k=3)
    >>> model.act_fun[0].coef.shape
    (2, 3, 8)
    >>> model.act_fun[0].mask[1, 2] = 0  # removes an edge
    >>> model.n_edge
    8
    >>> y, preacts, postacts, postspline = model.act_fun[0]([[0.1, 0.2]])
    >>> y.shape, postacts.shape
    ((1, 3), (1, 3, 2))
    """

    __slots__ = ("_prefix", "_views", "_base_fun", "in_dim", "out_dim", "num", "k")

    def __init__(self, *arguments: Any, **names: Any):
        raise TypeError(
            "KANLayer: is a view of a model's layer, model.act_fun[l], and is not made by itself; for one layer make a network: "
            "KAN([in_dim, out_dim], grid=num, k=k).act_fun[0]"
        )

    @classmethod
    def _of(cls, l: int, views: dict[str, np.ndarray], num: int, k: int, base_fun: str) -> KANLayer:
        """Layer l of the model with these views."""
        layer = object.__new__(cls)
        layer._prefix = f"act_fun[{l}]"
        layer._views = {
            name: views[f"act_fun.{l}.{name}"] for name in ("grid", "coef", "mask", "scale_base", "scale_sp")
        }
        layer.in_dim, layer.out_dim = layer._views["mask"].shape
        layer.num, layer.k, layer._base_fun = num, k, base_fun
        return layer

    def forward(self, x: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What the layer's numeric edges make of ``x`` (samples, in): pykan's four arrays; ``layer(x)`` is the same.

        Returns
        -------
        y : (samples, out) the sums over the edges
        preacts : (samples, out, in) what each edge receives: x, the same for all outputs; read-only
        postacts : (samples, out, in) what each edge gives
        postspline : (samples, out, in) the spline of each edge alone, before scale and mask
        """
        from ._kan import KAN  # which is made of layers

        twin = KAN([self.in_dim, self.out_dim], grid=self.num, k=self.k, base_fun=self._base_fun, dtype=self.coef.dtype)
        for name, view in self._views.items():
            setattr(twin.act_fun[0], name, view)
        twin.get_act(x)
        return twin.predict(twin.cache_data), twin.spline_preacts[0], twin.spline_postacts[0], twin.spline_postsplines[0]

    __call__ = forward

    grid = _part("grid", "(in, G + 1 + 2k) knots; a view.")
    coef = _part("coef", "(in, out, G + k) spline coefficients; a view.")
    mask = _part("mask", "(in, out) 1 or 0, edge by edge; a view.")
    scale_base = _part("scale_base", "(in, out) factors of the base function; a view.")
    scale_sp = _part("scale_sp", "(in, out) factors of the spline; a view.")

    def __repr__(self) -> str:
        return f"KANLayer({self.in_dim} → {self.out_dim}, grid={self.num}, k={self.k})"


class _Names(list):
    """One row of function names that writes through: ``funs_name[j][i] = 'sin'`` changes the model."""

    __slots__ = ("_layer", "_j")

    def __init__(self, layer: SymbolicLayer, j: int):
        super().__init__(_functions.name(layer._core.symbolic_get(layer._l, i, j)) for i in range(layer.in_dim))
        self._layer, self._j = layer, j

    def __setitem__(self, i, name):
        i = _check.integer("i", i, -len(self), len(self) - 1) % len(self)
        self._layer.set_function(i, self._j, name)
        super().__setitem__(i, name)

    def __reduce__(self):
        return list, (list(self),)


class SymbolicLayer:
    """The symbolic part of layer l: mask·(c·f(a·x + b) + d) on every edge, f one of ``swiftkan.SYMBOLIC_LIB``.

    A view of a model, ``model.symbolic_fun[l]``. pykan's ``forward``, ``fix_symbolic``, ``get_subset`` and ``swap`` of such a layer are
    ``model.spline_postacts[l]``, :meth:`KAN.fix_symbolic`, :meth:`KAN.prune_node` and :meth:`KAN.swap` here.

    Attributes
    ----------
    mask : (out, in) 0 for an edge without symbolic part (all of a new network)
    affine : (out, in, 4) a, b, c, d
    funs_name : [out][in] the functions' names; assigning to an entry changes the function
    in_dim, out_dim : int

    Examples
    --------
    >>> from swiftkan import KAN
    >>> import numpy as np
    >>> model = KAN([1, 1])
    >>> layer = model.symbolic_fun[0]
    >>> layer.set_function(0, 0, "sin")
    >>> layer.affine[0, 0] = 1, 0, 2, 0
    >>> layer.mask[0, 0], model.act_fun[0].mask[0, 0] = 1, 0
    >>> bool(np.isclose(model([0.5])[0], 2 * np.sin(0.5)))
    True
    """

    __slots__ = ("_prefix", "_views", "_core", "_l", "in_dim", "out_dim")

    def __init__(self, l: int, views: dict[str, np.ndarray], core: Any):
        self._prefix, self._l, self._core = f"symbolic_fun[{l}]", l, core
        self._views = {name: views[f"symbolic_fun.{l}.{name}"] for name in ("mask", "affine")}
        self.out_dim, self.in_dim = self._views["mask"].shape

    mask = _part("mask", "(out, in) 1 or 0, edge by edge; a view.")
    affine = _part("affine", "(out, in, 4) a, b, c, d of c·f(a·x + b) + d; a view.")

    @property
    def funs_name(self) -> list[list[str]]:
        """[out][in] names of the functions."""
        return [_Names(self, j) for j in range(self.out_dim)]

    def set_function(self, i: int, j: int, name: str) -> None:
        """Sets the function of the edge from node i to subnode j; its mask and affine stay as they are.

        Raises
        ------
        ValueError
            If there is no such edge or no function of this name.
        """
        i = _check.integer("i", i, 0, self.in_dim - 1)
        j = _check.integer("j", j, 0, self.out_dim - 1)
        self._core.symbolic_set(self._l, i, j, _functions.number(name))

    def __repr__(self) -> str:
        return f"SymbolicLayer({self.in_dim} → {self.out_dim}, {int(np.count_nonzero(self.mask))} edges on)"
