"""The network as an object: its settings, its numbers, and the engine behind them.

What it must get right first:
  1. the engine's memory is the only copy of a number; everything here is a view of it;
  2. nothing here refers to itself in a circle, so that a model's memory is freed with its last reference;
  3. constructing a model prints nothing, writes nothing unless ``auto_save`` asks for it, and touches no global random generator.

The rooms beside this one (forward, activations, gradients, fit, grids, state) add methods to :class:`Network`;
:class:`swiftkan.KAN` is all of them together.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from . import _check
from ._initialization import new_core
from ._layers import KANLayer, SymbolicLayer, Views
from ._lending import Lender
from ._settings import Settings


# What belongs to one engine and is made anew around another; everything else in a model is a plain attribute.
ENGINE_PARTS = (
    "_settings", "_core", "_dtype", "_array", "_blocks", "_parameter_count", "_remembered", "_views", "_act_fun",
    "_symbolic_fun", "_input_id", "_input_width", "_selects", "_question", "_outputs", "_cuts", "_covariance",
    "_gradient_memory", "_result_memory",
)  # fmt: skip


class Remembered:
    """The data that attributes such as ``acts`` speak of, and how symbolic functions were evaluated on it."""

    __slots__ = ("x", "avoid", "y_th", "asked", "y", "weight", "samples")

    def __init__(self, x: np.ndarray, avoid: bool, y_th: float, asked: bool):
        self.x, self.avoid, self.y_th = x, avoid, y_th
        self.asked = asked  # by fit, get_act or the user; a plain model(x) does not displace it
        self.y, self.weight = None, None  # of fit: labels (of numbers) and sample weights
        self.samples: int | None = None  # how many the weights stand for, where that is not how many are above 0


def _flag_property(name: str, doc: str) -> property:
    def get(self):
        return bool(self._core.flags()[name])

    def put(self, value):
        self._core.set_flags(**{**self._core.flags(), name: _check.flag(name, value)})

    return property(get, put, doc=doc)


class Network:
    """Settings, views and flags of one network. See :class:`swiftkan.KAN`."""

    _fitted_loss: tuple[Any, float] = ("mse", 1.0)  # of the last fit: its loss, by name or as a function, and huber_delta
    # Of the last fit: the weight of the penalty layer by layer (none without smooth), singularity_avoiding and y_th.
    _fitted_how: tuple[tuple[float, ...], bool, float] = ((), False, 10.0)

    def __init__(
        self, width: Any = None, grid: Any = 3, k: Any = 3, mult_arity: Any = 2, noise_scale: float = 0.3,
        scale_base_mu: float = 0.0, scale_base_sigma: float = 1.0, base_fun: str = "silu",
        symbolic_enabled: bool = True, affine_trainable: bool = False, grid_eps: float = 0.02,
        grid_range: Any = (-1, 1), sp_trainable: bool = True, sb_trainable: bool = True, seed: int = 1,
        save_act: bool = True, sparse_init: bool = False, auto_save: bool = False, first_init: bool = True,
        ckpt_path: str = "./model", state_id: int = 0, round: int = 0, device: Any = "cpu", dtype: Any = "float64", *, init: str = "pykan",
    ) -> None:  # fmt: skip
        settings = Settings(
            width=width, grid=grid, k=k, mult_arity=mult_arity, noise_scale=noise_scale, scale_base_mu=scale_base_mu,
            scale_base_sigma=scale_base_sigma, base_fun=base_fun, symbolic_enabled=symbolic_enabled,
            affine_trainable=affine_trainable, grid_eps=grid_eps, grid_range=grid_range, sp_trainable=sp_trainable,
            sb_trainable=sb_trainable, seed=seed, sparse_init=sparse_init, dtype=dtype, init=init,
        )  # fmt: skip
        self.device = _check.device(device)
        self.save_act = _check.flag("save_act", save_act)
        self.auto_save = _check.flag("auto_save", auto_save)
        self.first_init = _check.flag("first_init", first_init)
        self.ckpt_path = _check.path("ckpt_path", ckpt_path)
        self.state_id, self.round = _check.integer("state_id", state_id, 0), _check.integer("round", round, 0)
        self._open(settings, new_core(settings))
        if self.auto_save and self.first_init:
            self._begin_versions()

    def _open(self, settings: Settings, core: Any) -> None:
        """Makes ``core`` the engine of this object: all views are views of its memory."""
        self._settings, self._core = settings, core
        self._dtype = settings.dtype
        self._array = np.frombuffer(core, dtype=settings.dtype)
        self._blocks = {name: (offset, tuple(shape)) for name, offset, shape, _ in core.blocks()}
        info = core.info()
        self._parameter_count, self._outputs = info["parameter_count"], info["output_count"]
        self._gradient_memory = Lender(np.dtype(settings.dtype))
        self._result_memory = Lender(np.dtype(settings.dtype), most=256 << 20)
        self._remembered: Remembered | None = None
        names = self._names()
        views = {name: self._cut(self._array, name) for name in names}
        self._views = views
        places = [(name, views[name], self._blocks[name][0]) for name in names]
        self._cuts = [(name, start, start + view.size, view.shape) for name, view, start in places
                      if start < self._parameter_count]  # fmt: skip
        grid, k = settings.layers("grid"), settings.layers("k")
        self._act_fun = [KANLayer._of(l, views, grid[l], k[l], settings.base_fun) for l in range(self.depth)]
        self._symbolic_fun = [SymbolicLayer(l, views, core) for l in range(self.depth)]
        inputs = settings.width[0][0]
        self._input_id, self._input_width = np.arange(inputs), inputs
        self._selects = False  # does input_id leave out, repeat or reorder columns

    def _names(self) -> list[str]:
        """The names of all blocks, in the order of pykan's state_dict."""
        levels = range(self.depth)
        names = [f"{part}_{l}" for l in levels for part in ("node_bias", "node_scale", "subnode_bias", "subnode_scale")]
        names += [f"act_fun.{l}.{part}" for l in levels for part in ("grid", "coef", "mask", "scale_base", "scale_sp")]
        return names + [f"symbolic_fun.{l}.{part}" for l in levels for part in ("mask", "affine")]

    def _cut(self, flat: np.ndarray, name: str) -> np.ndarray:
        """The block ``name`` of a flat vector that is laid out as the engine's state."""
        offset, shape = self._blocks[name]
        return flat[offset : offset + int(np.prod(shape))].reshape(shape)

    # ---- What the network is -------------------------------------------------------------------------------------

    @property
    def dtype(self) -> np.dtype:
        """float64 or float32: the type of all numbers, and of what the model returns."""
        return self._dtype

    @property
    def width(self) -> list[list[int]]:
        """Pairs [n_sum, n_mult], a level each; a copy."""
        return [list(pair) for pair in self._settings.width]

    @property
    def width_in(self) -> list[int]:
        """Nodes of each level."""
        return [n_sum + n_mult for n_sum, n_mult in self._settings.width]

    @property
    def width_out(self) -> list[int]:
        """Subnodes of each level: sums, and the factors of multiplication nodes."""
        return [pair[0] + sum(arities) for pair, arities in zip(self._settings.width, self._settings.arities)]

    @property
    def n_sum(self) -> list[int]:
        """Addition nodes of the hidden levels."""
        return [pair[0] for pair in self._settings.width[1:-1]]

    @property
    def n_mult(self) -> list[int]:
        """Multiplication nodes of the hidden levels."""
        return [pair[1] for pair in self._settings.width[1:-1]]

    @property
    def depth(self) -> int:
        """Layers of edges."""
        return self._settings.depth

    @property
    def grid(self) -> int | list[int]:
        """Grid intervals: one number, or one a layer, as given."""
        value = self._settings.grid
        return value if isinstance(value, int) else list(value)

    @property
    def k(self) -> int | list[int]:
        """Spline degree: one number, or one a layer, as given."""
        value = self._settings.k
        return value if isinstance(value, int) else list(value)

    @property
    def mult_arity(self) -> int | list[list[int]]:
        """Factors of multiplication nodes: one number, or lists level by level, as given."""
        value = self._settings.mult_arity
        return value if isinstance(value, int) else [list(level) for level in value]

    @property
    def mult_homo(self) -> bool:
        """Do all multiplication nodes have the same number of factors."""
        return isinstance(self._settings.mult_arity, int)

    @property
    def base_fun(self) -> str:
        """'silu', 'identity' or 'zero'."""
        return self._settings.base_fun

    base_fun_name = base_fun

    @property
    def grid_range(self) -> list[float]:
        """The grid's ends when the network was made."""
        return list(self._settings.grid_range)

    @property
    def seed(self) -> int:
        """The seed of the initial numbers."""
        return self._settings.seed

    @property
    def act_fun(self) -> list[KANLayer]:
        """The numeric part of each layer; see :class:`swiftkan.KANLayer`."""
        return list(self._act_fun)

    @property
    def symbolic_fun(self) -> list[SymbolicLayer]:
        """The symbolic part of each layer; see :class:`swiftkan.SymbolicLayer`."""
        return list(self._symbolic_fun)

    def _per_level(self, part: str) -> Views:
        return Views(part, [self._views[f"{part}_{l}"] for l in range(self.depth)])

    node_bias = property(lambda self: self._per_level("node_bias"), doc="(width_in[l + 1],) views: added to nodes.")
    node_scale = property(lambda self: self._per_level("node_scale"), doc="(width_in[l + 1],) views: factors of nodes.")
    subnode_bias = property(lambda self: self._per_level("subnode_bias"), doc="(width_out[l + 1],) views.")
    subnode_scale = property(lambda self: self._per_level("subnode_scale"), doc="(width_out[l + 1],) views.")

    # ---- What may change -----------------------------------------------------------------------------------------

    symbolic_enabled = _flag_property("symbolic_enabled", "Are symbolic edges evaluated.")
    affine_trainable = _flag_property("affine_trainable", "Are scales and biases of nodes and subnodes trained.")
    sp_trainable = _flag_property("sp_trainable", "Is scale_sp trained.")
    sb_trainable = _flag_property("sb_trainable", "Is scale_base trained.")

    @property
    def grid_eps(self) -> float:
        """Grids from samples: 1 uniform, 0 quantiles, between a mixture."""
        return float(self._core.flags()["grid_eps"])

    @grid_eps.setter
    def grid_eps(self, value: float) -> None:
        self._core.set_flags(**{**self._core.flags(), "grid_eps": _check.real("grid_eps", value, 0.0, 1.0)})

    @property
    def input_id(self) -> np.ndarray:
        """The columns of x that the network reads, one an input; a copy.

        Assign a list of ``width_in[0]`` column numbers to select inputs. What the model is given still has all
        ``input_width`` columns, and that is checked before the selection.
        """
        return self._input_id.copy()

    @input_id.setter
    def input_id(self, value: Any) -> None:
        ids, inputs = _check.array("input_id", value), self.width_in[0]
        if ids.dtype.kind not in "iu" or ids.shape != (inputs,):
            raise ValueError(f"input_id: must be {inputs} whole numbers, a column for each input, not {value!r}")
        if (ids < 0).any():
            raise ValueError(f"input_id: columns are counted from 0, not {ids.tolist()}")
        self._select(ids.astype(np.int64), max(self._input_width, int(ids.max()) + 1))

    @property
    def input_width(self) -> int:
        """Columns that x must have; more than ``width_in[0]`` if ``input_id`` selects some of them."""
        return self._input_width

    @input_width.setter
    def input_width(self, value: int) -> None:
        self._select(self._input_id, _check.integer("input_width", value, int(self._input_id.max()) + 1))

    def _select(self, ids: np.ndarray, width: int) -> None:
        self._input_id, self._input_width = ids.copy(), width
        self._selects = width != ids.size or bool((ids != np.arange(ids.size)).any())

    def to(self, device: Any) -> Self:
        """Returns the model itself; only ``'cpu'`` is allowed (pykan's name, so that its scripts run)."""
        self.device = _check.device(device)
        return self

    def speed(self, compile: bool = False) -> Self:
        """Switches symbolic edges and ``auto_save`` off, as pykan's ``speed`` does, and returns the model itself. Here there is nothing to
        gain: symbolic edges cost nothing while unused, and activations are not kept anyway.

        Warns if that changes the model's function, because symbolic edges are in use.
        """
        if any(layer.mask.any() for layer in self._symbolic_fun) and self.symbolic_enabled:
            import warnings

            warnings.warn(
                "speed() switches off symbolic edges that are in use; model.symbolic_enabled = True undoes it",
                stacklevel=2,
            )
        self.symbolic_enabled = self.auto_save = False
        return self

    def get_params(self) -> list[np.ndarray]:
        """All numbers of the model as views, in the order of ``state_dict()``."""
        return list(self._views.values())

    @property
    def n_edge(self) -> int:
        """The number of edges that are on, numerically, symbolically or both."""
        return sum(
            int(np.count_nonzero((a.mask != 0) | (s.mask.T != 0))) for a, s in zip(self._act_fun, self._symbolic_fun)
        )

    # ---- Samples on their way to the engine ----------------------------------------------------------------------

    def _rows(self, name: str, value: Any) -> tuple[np.ndarray, tuple[int, ...]]:
        """Samples as the engine takes them, before the selection of columns; and the shape of the other axes."""
        width = self._input_width
        if _check.ready(value, self._dtype) and value.ndim == 2 and value.shape[1] == width:
            return value, value.shape[:1]
        note = f" ({self._settings.width[0][0]} of them are read, see input_id)" if self._selects else ""
        return _check.samples(name, value, width, self._dtype, note)

    def _inputs(self, x: Any) -> np.ndarray:
        """The rows of samples, or of the training samples of a data set."""
        return self._rows("x", _check.inputs(x))[0]

    def _chosen(self, rows: np.ndarray) -> np.ndarray:
        """The columns that the network reads."""
        return np.ascontiguousarray(rows[:, self._input_id]) if self._selects else rows

    def _read_entries(self, values: Any) -> Any:
        """Of a list with an entry for each column of x those of the columns that the network reads, input by input; any other
        list as it is."""
        return [values[column] for column in self._input_id] if len(values) == self._input_width else values

    def _remember(self, rows: np.ndarray, avoid: bool, y_th: float, asked: bool) -> None:
        if asked or self._remembered is None or not self._remembered.asked:
            self._remembered = Remembered(rows, avoid, y_th, asked)

    @property
    def cache_data(self) -> np.ndarray | None:
        """The samples that ``acts``, ``reg()``, ``refine()`` … use if none are given: (n, input_width), or None.

        It is the training data of the last ``fit``, without samples of weight 0, or what was given to ``get_act`` after it; without
        either, what was last given to ``model(x)``. Where the data had the model's dtype already it is the same array, not a copy.
        """
        return None if self._remembered is None else self._remembered.x

    @cache_data.setter
    def cache_data(self, value: Any) -> None:
        if value is None:
            self._remembered = None
        else:
            self._remember(self._rows("cache_data", value)[0], False, 10.0, asked=True)

    def _known(self, x: Any, what: str) -> tuple[np.ndarray, bool, float]:
        """Samples for ``what``: those given (or of a data set given), or those remembered; with the way to evaluate symbolic functions."""
        if x is not None:
            return self._chosen(self._inputs(x)), False, 10.0
        known = self._recall(what)
        return self._chosen(known.x), known.avoid, known.y_th

    def _recall(self, what: str) -> Remembered:
        """The remembered data; an error that says how to give some if there is none."""
        if self._remembered is None:
            raise RuntimeError(
                f"{what} needs data, and this model has seen none: call model.get_act(x) or model.fit(...) before"
            )
        return self._remembered

    def _copy_around(self, settings: Settings, core: Any) -> Self:
        """A model of this one's class and attributes around another engine."""
        twin = type(self).__new__(type(self))
        twin.__dict__.update({name: value for name, value in self.__dict__.items() if name not in ENGINE_PARTS})
        twin._open(settings, core)
        twin._select(self._input_id, self._input_width)
        return twin

    def __repr__(self) -> str:
        width = [n_sum if not n_mult else [n_sum, n_mult] for n_sum, n_mult in self._settings.width]
        arity = f", mult_arity={self.mult_arity}" if any(pair[1] for pair in self._settings.width) else ""
        return f"{type(self).__name__}(width={width}, grid={self.grid}, k={self.k}{arity}, dtype={self.dtype.name})"
