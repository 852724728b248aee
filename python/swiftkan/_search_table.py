"""What the search for a formula returns: rows of a table, from simple to accurate.

What it must get right first:
  1. a row's formula, functions and model are of one network;
  2. the row to take is the simplest of those that are as good as the best.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _functions
from ._formula import ex_round
from ._formula_values import to_numpy

EXACT = 1e-9  # a relative error that no other formula needs to beat


class SymbolicRow:
    """A formula of the table.

    Attributes
    ----------
    complexity : float
        The complexities of the functions on the edges (``SYMBOLIC_LIB``), added up, and 1 for each product of two.
    loss : float
        Root-mean-square error of the formula on the test data, or the training data if there is none.
    formula : sympy expression, or a list with one an output
        With constants fitted, and simple ones recognised.
    variables : list of symbols
    model : KAN
        The network of these functions with its own constants: the same function but for what recognising changed. It has the searched
        model's ``auto_save``, as a :meth:`KAN.clone` has; the search itself makes no versions.
    functions : dict
        (l, i, j) → name of the function of an edge.
    """

    def __init__(self, complexity: float, loss: float, model: Any, formulas: list[Any], variables: list[Any]):
        self.complexity, self.loss, self.model, self.variables = complexity, loss, model, variables
        self.formulas = formulas
        self.functions = assignment(model)
        self._function = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_function": None}  # a function made by lambdify has no name that files could keep

    @property
    def formula(self) -> Any:
        return self.formulas[0] if len(self.formulas) == 1 else self.formulas

    def predict(self, x: Any) -> np.ndarray:
        """The formula's values, (samples, outputs)."""
        if self._function is None:
            self._function = to_numpy(self.formulas, self.variables, self.model.input_id.tolist(), self.model.input_width)
        return self._function(x)

    def latex(self, n_digit: int = 4) -> str | list[str]:
        """The formula in LaTeX, rounded by :func:`swiftkan.ex_round`."""
        import sympy

        texts = [sympy.latex(ex_round(each, n_digit)) for each in self.formulas]
        return texts[0] if len(texts) == 1 else texts

    def __repr__(self) -> str:
        return f"SymbolicRow(complexity={self.complexity:g}, loss={self.loss:.3g}, {_shown(self.formulas)})"


def _shown(formulas: list[Any]) -> str:
    """Formulas with four decimals: 1.2346, not 1.23460000000000."""
    from sympy import sstr

    return ", ".join(sstr(ex_round(each, 4), full_prec=False) for each in formulas)


class SymbolicSearch(list):
    """The result of :meth:`KAN.symbolic_search`: a list of :class:`SymbolicRow`, simplest first; printed as a table.

    Attributes
    ----------
    evaluations : int
        Networks that were fitted.
    seconds : float
    """

    evaluations: int = 0
    seconds: float = 0.0

    @property
    def best(self) -> SymbolicRow:
        """The row to take: among those whose loss is at most 1.5 times the smallest (all exact ones count as equal), the simplest."""
        if not self:
            raise ValueError("the search found no formula that is finite on the data")
        smallest = min(row.loss for row in self)
        limit = max(1.5 * smallest, EXACT * self._scale)
        return next(row for row in self if row.loss <= limit)

    _scale = 1.0

    def __str__(self) -> str:
        rows = [("complexity", "loss", "formula")]
        best = self.best if self else None
        for row in self:
            rows.append((f"{row.complexity:g}", f"{row.loss:.3e}", _shown(row.formulas) + ("  ← best" if row is best else "")))
        widths = [max(len(row[k]) for row in rows) for k in range(2)]
        return "\n".join(f"{row[0]:>{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]}" for row in rows)

    __repr__ = __str__


def assignment(model: Any) -> dict[tuple[int, int, int], str]:
    """The functions of the edges that are on."""
    return {
        (l, i, j): _functions.name(model._core.symbolic_get(l, i, j))
        for l, layer in enumerate(model.symbolic_fun)
        for j, i in np.argwhere(layer.mask != 0).tolist()
    }


def complexity_of(model: Any) -> float:
    products = sum(arity - 1 for arities in model._settings.arities for arity in arities)
    return products + sum(_functions.entry(_functions.number(name)).complexity for name in assignment(model).values())
