"""Formulas as NumPy functions.

What it must get right first:
  1. a value that is no real number is NaN; no imaginary part is dropped in silence;
  2. several inputs may read one column, but no variable stands for two.

SymPy is imported inside functions only.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable

import numpy as np

from . import _check


def modules() -> list[str]:
    """What formulas are evaluated with: SciPy, if there, for functions that NumPy has not, such as Bessel's."""
    try:
        import scipy.special  # noqa: F401
    except ImportError:
        return ["numpy"]
    return ["scipy", "numpy"]


def once(variables: Iterable[Any], columns: Iterable[int], argument: str = "var") -> tuple[list[Any], list[int]]:
    """Each variable once, as arguments of a function are, and the column that it stands for."""
    places: dict[Any, int] = {}
    for variable, column in zip(variables, columns):
        first = places.setdefault(variable, int(column))
        if first != column:
            raise ValueError(f"{argument}: {variable} stands for the columns {first} and {column} of x; give each column a name of its own")
    return list(places), list(places.values())


def to_numpy(
    expressions: list[Any], variables: list[Any], columns: Any = None, width: int | None = None, argument: str = "var"
) -> Callable:
    """A NumPy function of x (samples, inputs) from expressions; ``columns`` says where the variables stand in x, ``argument`` what
    the user calls them."""
    import sympy
    from sympy.core.function import AppliedUndef

    width = len(variables) if width is None else width
    for variable in variables:
        if not variable.is_symbol and not isinstance(variable, AppliedUndef):
            raise ValueError(f"{argument}: a function's variables must be names or symbols, but {variable} is an expression; leave {argument} out, "
                             "or give a symbol for each column of x")  # fmt: skip
    variables, columns = once(variables, range(len(variables)) if columns is None else columns, argument)
    # ComplexInfinity has no form in NumPy, and no value that is a real number.
    real = [sympy.nan if sympy.sympify(each).has(sympy.zoo) else each for each in expressions]
    functions = [sympy.lambdify(variables, each, modules=modules()) for each in real]

    def function(x: Any) -> np.ndarray:
        rows, lead = _check.samples("x", x, width, np.dtype(np.float64))
        inputs = [rows[:, column] for column in columns]
        with np.errstate(all="ignore"):
            outputs = [np.broadcast_to(_real(f(*inputs)), rows.shape[:1]) for f in functions]
        return np.stack(outputs, axis=-1).reshape(lead + (len(functions),))

    return function


def _real(values: Any) -> np.ndarray:
    """Values as float64: those with an imaginary part are NaN."""
    values = np.asarray(values)
    if values.dtype.kind == "c":
        values = np.where(values.imag == 0, values.real, np.nan)
    return values.astype(np.float64, copy=False)
