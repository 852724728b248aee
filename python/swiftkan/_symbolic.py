"""Edges as named functions: fixing them, freeing them, looking at them.

What it must get right first:
  1. looking (``get_range``, ``get_fun``) changes nothing;
  2. the data are those of training, or those given as ``x``;
  3. whatever is refused is refused before the first edge is changed.

The fit of c·f(a·x + b) + d is in _symbolic_fit.py.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator

import numpy as np

from . import _check, _core, _functions, _given
from ._activations import ACTS, POSTACTS
from ._optional import need
from ._symbolic_fit import fit
from ._symbolic_fit import fit_params as fit_params

MASKED = -1e8  # pykan's r2 of an edge that is switched off


class Symbolic:
    """Methods that turn edges into named functions."""

    # ---- One edge ------------------------------------------------------------------------------------------------

    def _edge(self, l: Any, i: Any, j: Any) -> tuple[int, int, int]:
        l = _check.integer("l", l, 0, self.depth - 1)
        return l, _check.integer("i", i, 0, self.width_in[l] - 1), _check.integer("j", j, 0, self.width_out[l + 1] - 1)

    def _layer_data(self, l: int, x: Any, what: str) -> tuple[np.ndarray, np.ndarray]:
        """What the edges of layer l get, (in, n), and give, (out, in, n), as float64."""
        rows, avoid, y_th = self._known(x, what)
        n, n_in, n_out = len(rows), self.width_in[l], self.width_out[l + 1]
        if not n:
            raise ValueError("x: has no samples")
        gets, gives = np.empty((n, n_in), self.dtype), np.empty((n, n_out, n_in), self.dtype)
        self._core.activations(rows, n, ACTS, l, gets, avoid, y_th)
        self._core.activations(rows, n, POSTACTS, l, gives, avoid, y_th)
        return np.ascontiguousarray(gets.T, np.float64), np.ascontiguousarray(gives.transpose(1, 2, 0), np.float64)

    def _edge_data(self, l: int, i: int, j: int, x: Any, what: str) -> tuple[np.ndarray, np.ndarray]:
        gets, gives = self._layer_data(l, x, what)
        return gets[i], gives[j, i]

    def _is_off(self, l: int, i: int, j: int) -> bool:
        symbolic = self._symbolic_fun[l].mask[j, i] != 0 and self.symbolic_enabled
        return self._act_fun[l].mask[i, j] == 0 and not symbolic

    def _check_finite(self, l: int, i: int, j: int, gets: np.ndarray, gives: np.ndarray, x: Any, what: str) -> None:
        """An error that names the edge to blame if there are samples for which edge (l, i, j) cannot be fitted."""
        if np.isfinite(gets).all() and np.isfinite(gives).all():
            return
        if l == 0 and not np.isfinite(gets).all():
            s = int(np.argmin(np.isfinite(gets)))
            raise ValueError(f"{what}: x[{s}] is {gets[s]:g} in column {self.input_id[i]}; it must be finite")
        who = f"{what}: edge ({l}, {i}, {j}) cannot be fitted, since"
        for k in range(l + 1):
            ins, outs = self._layer_data(k, x, what)
            for q, p, s in np.argwhere(~np.isfinite(outs)).tolist():
                if np.isfinite(ins[p, s]) and (k < l or (p, q) == (i, j)):
                    name, free = self._symbolic_fun[k].funs_name[q][p], f"unfix_symbolic({k}, {p}, {q})"
                    raise ValueError(
                        f"{who} edge ({k}, {p}, {q}), {name!r}, is {outs[q, p, s]:g} at {ins[p, s]:g}, which it gets from sample {s}; it must be "
                        f"finite: free it with {free}, or give it other parameters, or give x of another range"
                    )
        raise ValueError(f"{who} node {i} of level {l} is not finite for every sample, though the edges before it are; look at its scale and bias")

    @contextmanager
    def _symbolic_edges_on(self) -> Iterator[None]:
        """Symbolic edges count from here on, as they must where one is made; on an error they do not, if they did not before."""
        before = self.symbolic_enabled
        self.symbolic_enabled = True
        try:
            yield
        except BaseException:
            self.symbolic_enabled = before
            raise

    def _put(self, l: int, i: int, j: int, name: str, affine: Any) -> None:
        """Makes an edge symbolic."""
        layer = self._symbolic_fun[l]
        layer.set_function(i, j, name)
        layer.affine[j, i] = affine
        self.set_mode(l, i, j, "s")

    def set_mode(self, l: int, i: int, j: int, mode: str, mask_n: float | None = None) -> None:
        """Says which parts of an edge are on.

        Parameters
        ----------
        l, i, j : int
            The edge from node i of level l to subnode j of level l + 1.
        mode : str
            's' the symbolic part, 'n' the numeric, 'sn' or 'ns' both, 'off' (or 'none', '') neither.
        mask_n : float
            The numeric part's mask for 'sn'; 1 if not given.

        Raises
        ------
        ValueError, TypeError
            For an edge that is not there, another mode, a mask that is not a finite number.

        Examples
        --------
        >>> from swiftkan import KAN
        >>> model = KAN([2, 1])
        >>> model.set_mode(0, 1, 0, "off")
        >>> model.n_edge
        1
        """
        l, i, j = self._edge(l, i, j)
        both = 1.0 if mask_n is None else _check.real("mask_n", mask_n)
        parts = {"s": (0, 1), "n": (1, 0), "sn": (both, 1), "ns": (both, 1), "off": (0, 0), "none": (0, 0), "": (0, 0)}
        numeric, symbolic = parts[_check.choice("mode", mode, parts)]
        self._act_fun[l].mask[i, j], self._symbolic_fun[l].mask[j, i] = numeric, symbolic

    def fix_symbolic(
        self, l: int, i: int, j: int, fun_name: Any, fit_params_bool: bool = True, a_range: Any = (-10, 10),
        b_range: Any = (-10, 10), verbose: bool = False, random: bool = False, log_history: bool = True, *, x: Any = None,
    ) -> float | None:  # fmt: skip
        """Makes an edge the function c·f(a·x + b) + d.

        Parameters
        ----------
        l, i, j : int
            The edge from node i of level l to subnode j of level l + 1.
        fun_name : str or callable
            A name in ``SYMBOLIC_LIB``, or a function of an array; such a function is this model's and no candidate of
            :meth:`suggest_symbolic`. Files have its name only: give a function that is to be loaded in other processes
            a name by :func:`swiftkan.add_symbolic`, but for those of NumPy and ``scipy.special``.
        fit_params_bool : bool
            Fit a, b, c, d to what the edge gives now; if not they are 1, 0, 1, 0, or with ``random`` uniform in -1 … 1.
        a_range, b_range : (low, high)
            Looked at besides those a and b that bring a·x + b into -10 … 10, which are always looked at.
        verbose : bool
            Print r2 (pykan's default is True).
        random : bool
            See ``fit_params_bool``; drawn from the model's seed and the edge.
        log_history : bool
            With ``auto_save``, save the model as its next version.
        x : array-like, (samples, inputs)
            Fit on these; the remembered training data if not given.

        Returns
        -------
        float or None
            R² of the edge as it is now, in the model's dtype; None without a fit, -1e8 for an edge that was off.

        Raises
        ------
        ValueError, TypeError
            For an argument that is not allowed, an edge that is not finite on the samples, a function that is not finite on them
            whatever its parameters. The model is then as it was.

        Notes
        -----
        Symbolic edges are switched on again if :meth:`speed` or ``symbolic_enabled=False`` switched them off: all of them.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> x = np.linspace(-1, 1, 200)[:, None]
        >>> model = KAN([1, 1], grid=10)
        >>> _ = model.fit((x, np.exp(2 * x)), steps=20)
        >>> model.fix_symbolic(0, 0, 0, "exp") > 0.999999
        True
        >>> model.symbolic_fun[0].affine[0, 0].round(2) + 0.0
        array([2., 0., 1., 0.])
        """
        l, i, j = self._edge(l, i, j)
        name = _given.give(fun_name) if callable(fun_name) else fun_name
        number = _functions.number(name, "fun_name")
        fitted, drawn = _check.flag("fit_params_bool", fit_params_bool), _check.flag("random", random)
        log_history, verbose = _check.flag("log_history", log_history), _check.verbosity(verbose)
        with self._symbolic_edges_on():
            r2 = None
            if fitted:
                *affine, r2 = self._fitted_edge(l, i, j, name, number, a_range, b_range, x)
            else:
                affine = [1.0, 0.0, 1.0, 0.0]
                if drawn:
                    affine = np.empty(4)
                    _core.uniform((self.seed + 7919 * (l + 1) + 104729 * i + 1299709 * j) % 2**32, 0, affine)
                    affine = affine * 2 - 1
            self._put(l, i, j, name, affine)
        if verbose and fitted:
            print(f"r2 is {r2}")
        self._note("fix_symbolic", log_history)
        return r2

    def _fitted_edge(self, l: int, i: int, j: int, name: str, number: int, a_range: Any, b_range: Any, x: Any) -> tuple:
        """a, b, c, d and r2 of an edge's function."""
        gets, gives = self._edge_data(l, i, j, x, "fix_symbolic()")
        self._check_finite(l, i, j, gets, gives, x, "fix_symbolic()")
        *affine, r2 = fit([number], gets, gives, a_range, b_range, self.dtype)[0]
        if r2 == -np.inf:
            raise ValueError(
                f"fun_name: no parameters in {np.dtype(self.dtype)} were found for which {name!r} is finite on edge ({l}, {i}, {j}), "
                f"which gets {gets.min():g} … {gets.max():g}; take another function or a model of float64"
            )
        return *affine, MASKED if self._is_off(l, i, j) else r2

    def _note(self, what: str, wanted: bool) -> None:
        if wanted:
            self.log_history(what)

    def unfix_symbolic(self, l: int, i: int, j: int, log_history: bool = True) -> None:
        """Makes an edge numeric again: its spline as it was, its function '0'.

        Examples
        --------
        >>> from swiftkan import KAN
        >>> model = KAN([1, 1])
        >>> before = model([0.5])
        >>> _ = model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
        >>> model.unfix_symbolic(0, 0, 0)
        >>> bool(model([0.5]) == before)
        True
        """
        l, i, j = self._edge(l, i, j)
        log_history = _check.flag("log_history", log_history)
        self.set_mode(l, i, j, "n")
        self._symbolic_fun[l].set_function(i, j, "0")
        self._note("unfix_symbolic", log_history)

    def unfix_symbolic_all(self, log_history: bool = True) -> None:
        """:meth:`unfix_symbolic` for all edges with a symbolic part; pruned edges stay off.

        Examples
        --------
        >>> from swiftkan import KAN
        >>> model = KAN([2, 1])
        >>> _ = model.fix_symbolic(0, 1, 0, "sin", fit_params_bool=False)
        >>> model.unfix_symbolic_all()
        >>> model.symbolic_fun[0].funs_name, model.symbolic_fun[0].mask.tolist()
        ([['0', '0']], [[0.0, 0.0]])
        """
        log_history = _check.flag("log_history", log_history)
        for l, layer in enumerate(self._symbolic_fun):
            for j, i in np.argwhere(layer.mask != 0).tolist():
                self.unfix_symbolic(l, i, j, log_history=False)
        self._note("unfix_symbolic_all", log_history)

    def get_range(self, l: int, i: int, j: int, verbose: bool = False, *, x: Any = None) -> tuple[float, float, float, float]:
        """(smallest x, largest x, smallest y, largest y) of an edge on the remembered data or ``x``.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> KAN([1, 1]).get_range(0, 0, 0, x=np.linspace(-1, 1, 100)[:, None])[:2]
        (-1.0, 1.0)
        """
        gets, gives = self._edge_data(*self._edge(l, i, j), x, "get_range()")
        ends = float(gets.min()), float(gets.max()), float(gives.min()), float(gives.max())
        if _check.verbosity(verbose):
            print(f"x range: [{ends[0]:.2f} , {ends[1]:.2f} ]")
            print(f"y range: [{ends[2]:.2f} , {ends[3]:.2f} ]")
        return ends

    def get_fun(self, l: int, i: int, j: int, plot: bool = False, *, x: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """What an edge gets, sorted, and what it gives: two arrays (samples,); drawn with matplotlib if ``plot``.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> gets, gives = KAN([1, 1]).get_fun(0, 0, 0, x=np.array([[0.3], [-1.0], [0.7]]))
        >>> gets.tolist()
        [-1.0, 0.3, 0.7]
        """
        gets, gives = self._edge_data(*self._edge(l, i, j), x, "get_fun()")
        order = np.argsort(gets, kind="stable")
        if plot:
            plt = need("matplotlib.pyplot", "get_fun(plot=True)")
            plt.plot(gets[order], gives[order], marker="o")
            plt.show()
        return gets[order], gives[order]
