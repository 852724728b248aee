"""Which function is an edge: candidates, how they are ranked, and a whole network at once.

What it must get right first:
  1. looking changes nothing;
  2. all edges of a network are measured before the first of them is fixed, and whatever fails leaves the network as it was;
  3. a function is not preferred because a small piece of it looks like a simpler one.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, Callable, NamedTuple

import numpy as np

from . import _check, _functions
from ._symbolic import MASKED, Symbolic
from ._symbolic_fit import fit

# Functions whose c has a size of its own; for powers and exponentials it has not, and c·f is looked at.
ZERO = 1 + math.log2(0.9)  # complexity of '0': of a dead edge's spline even x explains a little
BOUNDED = {"sin", "cos", "tan", "tanh", "arcsin", "arccos", "arctan", "arctanh", "gaussian", "log"}


class Candidate(NamedTuple):
    """A function fitted to an edge."""

    name: str
    affine: tuple[float, float, float, float]
    r2: float
    complexity: float
    loss: float = 0.0


class Suggestions(Symbolic):
    """Methods that find functions for edges."""

    def _candidates(
        self, gets: np.ndarray, gives: np.ndarray, a_range: Any, b_range: Any, lib: list[str], off: bool, scoring: Callable
    ) -> list[Candidate]:
        """All functions of ``lib`` fitted to an edge, the best first, without those that no parameters make finite."""
        numbers = [_functions.number(name) for name in lib]
        fits = fit(numbers, gets, gives, a_range, b_range, self.dtype)
        mean, deviation = float(gives.mean()), float(gives.std())
        result = []
        for name, number, (a, b, c, d, r2) in zip(lib, numbers, fits):
            if r2 == -math.inf:
                continue
            r2, complexity = MASKED if off else r2, _functions.entry(number).complexity
            excess = 0.0
            if deviation > 0 and c != 0:
                excess = (abs(c) if name in BOUNDED else abs(mean - d)) / deviation
            result.append(Candidate(name, (a, b, c, d), r2, complexity, scoring(name, complexity, r2, excess)))
        # Sine and cosine are one function: the one with the smaller phase. All other ties: the order of the library.
        return sorted(result, key=lambda each: (round(each.loss, 5), abs(each.affine[1]) if each.name in ("sin", "cos") else 0))

    def suggest_symbolic(
        self, l: int, i: int, j: int, a_range: Any = (-10, 10), b_range: Any = (-10, 10), lib: Any = None, topk: int = 5,
        verbose: bool = False, r2_loss_fun: Callable | None = None, c_loss_fun: Callable | None = None,
        weight_simple: float | None = None, *, x: Any = None,
    ) -> tuple[str, _functions.SymbolicFunction, float, float]:  # fmt: skip
        """Which function an edge is. The model is not changed.

        Parameters
        ----------
        l, i, j : int
            The edge from node i of level l to subnode j of level l + 1.
        a_range, b_range : (low, high)
            As in :meth:`fix_symbolic`.
        lib : list of names
            The functions to choose from; all of ``SYMBOLIC_LIB`` if not given.
        topk : int
            Rows of the table.
        verbose : bool
            Print the table (pykan's default is True).
        r2_loss_fun, c_loss_fun, weight_simple
            If one of them is given, the smallest weight_simple·c_loss_fun(c) + (1 - weight_simple)·r2_loss_fun(r2) is
            chosen, as pykan does with the defaults log2(1 + 1e-5 - r2), c and 0.8.
        x : array-like, (samples, inputs)
            Fit on these; the remembered training data if not given.

        Returns
        -------
        name, entry of SYMBOLIC_LIB, r2, complexity

        Notes
        -----
        By default the smallest log2(1 + 1e-7 - r2) + complexity + log2(1 + e/4)/2 is chosen: a unit of complexity must halve the
        unexplained variance; '0' counts as complexity 0.85, so that x must explain a tenth of the variance to be preferred. e is how much larger than the edge's deviation the parts are that
        cancel in c·f + d: any smooth function looks like x or x^2 in a piece small enough, and is not meant. pykan's weights ask for a sixteenth, and for r2 > 0.996 if '0' is not to be
        chosen over a function like sin, which noisy data do not give.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> x = np.linspace(-1, 1, 200)[:, None]
        >>> model = KAN([1, 1], grid=10)
        >>> _ = model.fit((x, np.sin(3 * x)), steps=20)
        >>> model.suggest_symbolic(0, 0, 0)[0]
        'sin'
        """
        l, i, j = self._edge(l, i, j)
        verbose, scoring = _check.verbosity(verbose), _scoring(r2_loss_fun, c_loss_fun, weight_simple)
        topk = _check.integer("topk", topk, 1)
        gets, gives = self._edge_data(l, i, j, x, "suggest_symbolic()")
        self._check_finite(l, i, j, gets, gives, x, "suggest_symbolic()")
        ranked = self._candidates(gets, gives, a_range, b_range, _functions.library(lib), self._is_off(l, i, j), scoring.total)
        if not ranked:
            raise ValueError(f"lib: has no function that is finite on edge ({l}, {i}, {j}) in {np.dtype(self.dtype)}; give others")
        if verbose:
            print(_table(ranked[:topk], scoring))
        best = ranked[0]
        return best.name, _functions.entry(_functions.number(best.name)), best.r2, best.complexity

    def auto_symbolic(
        self, a_range: Any = (-10, 10), b_range: Any = (-10, 10), lib: Any = None, verbose: int = 0,
        weight_simple: float | None = None, r2_threshold: float = 0.0, *, x: Any = None,
    ) -> dict[tuple[int, int, int], tuple[str, float, float]]:  # fmt: skip
        """Makes every numeric edge the function that :meth:`suggest_symbolic` suggests; edges that are off stay off.

        Parameters
        ----------
        a_range, b_range, lib, weight_simple, x
            As in :meth:`suggest_symbolic`.
        verbose : int
            1: print what is fixed with what (pykan's default); 2: print the tables, too.
        r2_threshold : float
            Edges for which no function has this r2 stay numeric; 0 for none.

        Returns
        -------
        dict
            (l, i, j) → (name, r2, complexity) of the edges that were fixed.

        Raises
        ------
        ValueError, TypeError
            For an argument that is not allowed, or an edge that is not finite on the samples. The model is then as it was.

        Notes
        -----
        All edges are fitted to the network as it was. If functions in earlier layers bring the inputs of a later one out of its domain, that
        one is fitted to its new inputs; a warning says so if predictions on the samples are not finite even so. Symbolic edges are switched
        on again as by :meth:`fix_symbolic`.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> x = np.random.RandomState(0).rand(300, 2) * 2 - 1
        >>> model = KAN([2, 1], grid=5, seed=1)
        >>> _ = model.fit((x, np.sin(3 * x[:, [0]]) + x[:, [1]] ** 2), steps=30)
        >>> found = model.auto_symbolic(lib=["x", "x^2", "x^3", "sin", "exp"])
        >>> {edge: name for edge, (name, r2, c) in found.items()}
        {(0, 0, 0): 'sin', (0, 1, 0): 'x^2'}
        """
        names, threshold = _functions.library(lib), _check.real("r2_threshold", r2_threshold)
        verbose, scoring = _check.verbosity(verbose), _scoring(None, None, weight_simple)
        # Everything is measured, and tried on a twin, before anything is fixed.
        twin = self.clone()
        twin.symbolic_enabled = True
        layers = [twin._layer_data(l, x, "auto_symbolic()") for l in range(self.depth)]
        was_finite = twin._is_finite(x)
        edges = [(l, i, j) for l in range(self.depth) for i in range(self.width_in[l]) for j in range(self.width_out[l + 1])]
        for l, i, j in edges:
            if self._act_fun[l].mask[i, j] != 0:
                twin._check_finite(l, i, j, layers[l][0][i], layers[l][1][j, i], x, "auto_symbolic()")
        plan: dict[tuple[int, int, int], Candidate] = {}
        for l, i, j in edges:
            symbolic, numeric = self._symbolic_fun[l].mask[j, i], self._act_fun[l].mask[i, j]
            if symbolic != 0 and numeric == 0:
                if verbose:
                    print(f"skipping ({l},{i},{j}) since already symbolic")
                continue
            if symbolic == 0 and numeric == 0:
                if verbose:
                    print(f"fixing ({l},{i},{j}) with 0")  # which is what an edge that is off gives
                continue
            gets, gives = layers[l]
            ranked = self._candidates(gets[i], gives[j, i], a_range, b_range, names, False, scoring.total)
            if verbose > 1 and ranked:
                print(_table(ranked[:5], scoring))
            if not ranked or 0 < threshold and ranked[0].r2 < threshold:
                if verbose:
                    found, r2 = (ranked[0].name, ranked[0].r2) if ranked else ("none that is finite", -math.inf)
                    print(f"For ({l},{i},{j}) the best fit was {found}, but r^2 = {r2} and this is lower than "
                          f"{threshold}. This edge was omitted, keep training or try a different threshold.")  # fmt: skip
                continue
            best = plan[l, i, j] = ranked[0]
            if verbose:
                print(f"fixing ({l},{i},{j}) with {best.name}, r2={best.r2}, c={best.complexity}")
        if was_finite:
            twin._stay_finite(plan, layers, a_range, b_range, x)
        for edge, each in plan.items():
            self._put(*edge, each.name, each.affine)
        if plan:
            self.symbolic_enabled = True
        self.log_history("auto_symbolic")
        return {edge: (each.name, each.r2, each.complexity) for edge, each in plan.items()}

    def _is_finite(self, x: Any) -> bool:
        """Are the network's outputs finite."""
        rows, avoid, y_th = self._known(x, "auto_symbolic()")
        outputs = np.empty((len(rows), self.width_in[-1]), self.dtype)
        self._core.forward(rows, outputs, avoid, y_th)
        return bool(np.isfinite(outputs).all())

    def _stay_finite(self, plan: dict[tuple[int, int, int], Candidate], layers: list, a_range: Any, b_range: Any, x: Any) -> None:
        """Puts a plan into practice. Where that leaves the domain of a later function, fits this to what it gets now."""
        for (l, i, j), each in plan.items():
            self._put(l, i, j, each.name, each.affine)
        if self._is_finite(x):
            return
        for l in range(1, self.depth):
            gets, gives = self._layer_data(l, x, "auto_symbolic()")
            for (_, i, j), each in [item for item in plan.items() if item[0][0] == l]:
                if np.isfinite(gets[i]).all() and not np.isfinite(gives[j, i]).all():
                    *affine, r2 = fit([_functions.number(each.name)], gets[i], layers[l][1][j, i], a_range, b_range, self.dtype)[0]
                    if r2 != -math.inf:
                        plan[l, i, j] = each._replace(affine=tuple(affine), r2=r2)
                        self._put(l, i, j, each.name, affine)
        if not self._is_finite(x):
            warnings.warn(
                "auto_symbolic: predictions on the samples were finite and are not any more, since functions in earlier layers bring the inputs of "
                "later ones out of their domain; free the later ones by unfix_symbolic, or give a lib without log, sqrt, 1/x and the like",
                RuntimeWarning,
                stacklevel=3,
            )


class _scoring:
    """How a function's r2 and complexity make a loss."""

    def __init__(self, r2_loss_fun: Callable | None, c_loss_fun: Callable | None, weight_simple: float | None):
        for name, fun in (("r2_loss_fun", r2_loss_fun), ("c_loss_fun", c_loss_fun)):
            if fun is not None and not callable(fun):
                raise TypeError(f"{name}: must be a function of a number, not {_check.shown(fun)}")
        self.ours = r2_loss_fun is None and c_loss_fun is None and weight_simple is None
        self.weight = 0.5 if self.ours else _check.real("weight_simple", 0.8 if weight_simple is None else weight_simple, 0.0, 1.0)
        floor = 1e-7 if self.ours else 1e-5
        self.r2_loss = r2_loss_fun or (lambda r2: math.log2(max(1 + floor - r2, floor / 2)))
        self.c_loss = c_loss_fun or (lambda c: c)

    def parts(self, name: str, complexity: float, r2: float) -> tuple[float, float]:
        c_loss = ZERO if self.ours and name == "0" else float(self.c_loss(complexity))
        return float(self.r2_loss(r2)), c_loss

    def total(self, name: str, complexity: float, r2: float, excess: float) -> float:
        r2_loss, c_loss = self.parts(name, complexity, r2)
        loss = self.weight * c_loss + (1 - self.weight) * r2_loss
        return loss + 0.25 * math.log2(1 + excess / 4) if self.ours else loss


def _table(candidates: list[Candidate], scoring: _scoring) -> str:
    """pykan's table, without pandas."""
    rows = [("", "function", "fitting r2", "r2 loss", "complexity", "complexity loss", "total loss")]
    for place, each in enumerate(candidates):
        r2_loss, c_loss = scoring.parts(each.name, each.complexity, each.r2)
        numbers = (f"{each.r2:.6f}", f"{r2_loss:.6f}", f"{each.complexity:g}", f"{c_loss:g}", f"{each.loss:.6f}")
        rows.append((str(place), each.name, *numbers))
    widths = [max(len(row[k]) for row in rows) for k in range(7)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in rows)
