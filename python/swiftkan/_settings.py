"""What a network is made from: the constructor's arguments, checked and in one form.

What it must get right first: every argument is checked here, before the engine sees it, and nothing that belongs
to the caller (the ``width`` list above all) is kept or changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _check

INITIALIZATIONS = ("pykan", "glorot", "power")  # see _initialization.py
BASE_FUNCTIONS = ("silu", "identity", "zero")  # in the engine's order: swiftkan_base_fun


class Settings:
    """The checked settings of one network.

    ``width`` is always a list of pairs ``[n_sum, n_mult]``; ``grid``, ``k`` and ``mult_arity`` keep the form in which
    they were given (one number or one a layer), as pykan's attributes do.
    """

    __slots__ = (
        "width", "grid", "k", "mult_arity", "noise_scale", "scale_base_mu", "scale_base_sigma", "base_fun",
        "symbolic_enabled", "affine_trainable", "grid_eps", "grid_range", "sp_trainable", "sb_trainable", "seed",
        "sparse_init", "dtype", "init",
    )  # fmt: skip

    def __init__(
        self, *, width, grid, k, mult_arity, noise_scale, scale_base_mu, scale_base_sigma, base_fun, symbolic_enabled,
        affine_trainable, grid_eps, grid_range, sp_trainable, sb_trainable, seed, sparse_init, dtype, init="pykan",
    ):  # fmt: skip
        self.width = _width(width)
        self.grid = _per_layer("grid", grid, self.depth, 1, 2**31 - 1)
        self.k = _per_layer("k", k, self.depth, 0, 20)
        self.mult_arity = _mult_arity(mult_arity, self.width)
        self.noise_scale = _check.real("noise_scale", noise_scale)
        self.scale_base_mu = _check.real("scale_base_mu", scale_base_mu)
        self.scale_base_sigma = _check.real("scale_base_sigma", scale_base_sigma)
        self.base_fun = _base_fun(base_fun)
        self.symbolic_enabled = _check.flag("symbolic_enabled", symbolic_enabled)
        self.affine_trainable = _check.flag("affine_trainable", affine_trainable)
        self.grid_eps = _check.real("grid_eps", grid_eps, 0.0, 1.0)
        self.grid_range = _grid_range(grid_range)
        self.sp_trainable = _check.flag("sp_trainable", sp_trainable)
        self.sb_trainable = _check.flag("sb_trainable", sb_trainable)
        self.seed = _check.integer("seed", seed, 0, 2**32 - 1)
        self.sparse_init = _check.flag("sparse_init", sparse_init)
        self.dtype = _dtype(dtype)
        self.init = _check.choice("init", init, INITIALIZATIONS)

    @property
    def depth(self) -> int:
        """Layers: levels of nodes less one."""
        return len(self.width) - 1

    @property
    def arities(self) -> list[list[int]]:
        """The number of factors of each multiplication node, level by level."""
        if isinstance(self.mult_arity, int):
            return [[self.mult_arity] * n_mult for _, n_mult in self.width]
        return [list(level) for level in self.mult_arity]

    def layers(self, name: str) -> list[int]:
        """``grid`` or ``k`` as one number a layer."""
        value = getattr(self, name)
        return [value] * self.depth if isinstance(value, int) else list(value)

    def coef_shapes(self) -> dict[str, tuple[int, int, int]]:
        """The shapes of the largest arrays of such a network, to know them before it is made."""
        nodes = [sum(pair) for pair in self.width]
        subnodes = [pair[0] + sum(arities) for pair, arities in zip(self.width, self.arities)]
        return {
            f"act_fun.{l}.coef": (nodes[l], subnodes[l + 1], grid + k)
            for l, (grid, k) in enumerate(zip(self.layers("grid"), self.layers("k")))
        }

    def engine_arguments(self) -> dict[str, Any]:
        """The keyword arguments of ``_core.Model``."""
        result = {name: getattr(self, name) for name in self.__slots__ if name not in ("width", "mult_arity", "dtype", "init")}
        result.update(
            dtype=self.dtype.itemsize,
            base_fun=BASE_FUNCTIONS.index(self.base_fun),
            n_sum=[n_sum for n_sum, _ in self.width],
            n_mult=[n_mult for _, n_mult in self.width],
            mult_arity=[arity for level in self.arities for arity in level],
            grid=self.layers("grid"),
            k=self.layers("k"),
        )
        return result

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, fit for JSON; ``Settings(**d)`` is the way back."""
        result = {name: getattr(self, name) for name in self.__slots__}
        result.update(dtype=self.dtype.name, grid_range=list(self.grid_range))
        return result

    def replace(self, **changes: Any) -> Settings:
        """A new object with some settings changed."""
        return Settings(**{**self.to_dict(), **changes})


def _width(width: Any) -> list[list[int]]:
    if width is None:
        raise TypeError("width: is missing; give the nodes of each level, for example width=[2, 5, 1]")
    if not _check.is_list(width) or not hasattr(width, "__getitem__"):
        raise TypeError(f"width: must be a list like [2, 5, 1] or [2, [5, 1], 1], not {width!r}")
    if len(width) < 2:
        raise ValueError(f"width: needs at least an input and an output level, like [2, 1], not {list(width)!r}")
    result = []
    for level in range(len(width)):
        result.append(nodes(f"width[{level}]", width[level]))
    if result[0][1]:
        raise ValueError(f"width[0]: inputs are not multiplied, so [n_sum, 0] or a number, not {result[0]}")
    return result


def nodes(name: str, level: Any) -> list[int]:
    """The nodes of a level, a number or a pair, as [n_sum, n_mult]."""
    if _check.is_list(level):
        if len(level) != 2:
            raise ValueError(f"{name}: must be a number of nodes or a pair [n_sum, n_mult], not {list(level)!r}")
        pair = [_check.integer(f"{name}[{i}]", level[i], 0, 2**31 - 1) for i in (0, 1)]
    else:
        pair = [_check.integer(name, level, 1, 2**31 - 1), 0]
    if sum(pair) == 0:
        raise ValueError(f"{name}: a level needs at least one node, not {pair}")
    return pair


def _per_layer(name: str, value: Any, depth: int, low: int, high: int) -> int | list[int]:
    if _check.is_list(value):
        if len(value) != depth:
            raise ValueError(f"{name}: has {len(value)} entries, but the network has {depth} layers; give one a layer")
        return [_check.integer(f"{name}[{i}]", value[i], low, high) for i in range(depth)]
    return _check.integer(name, value, low, high)


def _mult_arity(value: Any, width: list[list[int]]) -> int | list[list[int]]:
    if not _check.is_list(value):
        return _check.integer("mult_arity", value, 1, 2**20)
    if len(value) != len(width):
        raise ValueError(
            f"mult_arity: has {len(value)} lists, but width has {len(width)} levels; give one list a level, the "
            f"input's and output's too, for example [[], [2, 3], []]"
        )
    result = []
    for level, (_, n_mult) in enumerate(width):
        if not hasattr(value[level], "__len__"):
            raise TypeError(f"mult_arity[{level}]: must be a list of {n_mult} numbers of factors, not {value[level]!r}")
        if len(value[level]) != n_mult:
            raise ValueError(
                f"mult_arity[{level}]: has {len(value[level])} entries, but width[{level}] has {n_mult} "
                "multiplication nodes"
            )
        result.append(
            [_check.integer(f"mult_arity[{level}][{i}]", arity, 1, 2**20) for i, arity in enumerate(value[level])]
        )
    return result


def _base_fun(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(
            f"base_fun: must be one of {', '.join(map(repr, BASE_FUNCTIONS))}, not {value!r}; "
            f"the engine has these three, other functions cannot be given"
        )
    return _check.choice("base_fun", value, BASE_FUNCTIONS)


def _grid_range(value: Any) -> tuple[float, float]:
    if not _check.is_list(value) or len(value) != 2:
        raise ValueError(f"grid_range: must be a pair (low, high), not {value!r}")
    low, high = (_check.real(f"grid_range[{i}]", value[i]) for i in (0, 1))
    if not low < high:
        raise ValueError(f"grid_range: the first must be below the second, not ({low:g}, {high:g})")
    return low, high


def _dtype(value: Any) -> np.dtype:
    try:
        result = np.dtype(value).newbyteorder("=")
    except TypeError:
        result = None
    if value is None or result is None or result not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise ValueError(f"dtype: must be 'float64' or 'float32', not {value!r}")
    return np.dtype(result.name)  # one object a type, whatever the byte order given
