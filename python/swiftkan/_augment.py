"""Auxiliary inputs: quantities that one knows to matter, computed from the inputs and given to the network beside them.

What it must get right first: the columns are in pykan's order, the new ones first, and the caller's data stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import _check
from ._formula_values import to_numpy
from ._optional import need


def augment_input(orig_vars: Any, aux_vars: Any, x: Any) -> Any:
    """Puts columns with the values of formulas before the columns of ``x``.

    A dimensionless ratio or a known factor of the answer, given as an input of its own, often makes a formula shorter; pruning
    shows which inputs were needed.

    Parameters
    ----------
    orig_vars : sympy symbol, or list of them
        One for each column of ``x``.
    aux_vars : sympy expression, or list of them
        Formulas in these symbols.
    x : array-like (samples, variables), or a dict with ``train_input`` and, if wanted, ``test_input``

    Returns
    -------
    array (samples, new + variables), or a dict like the given one with such inputs; of ``x``'s dtype, if that is a floating
    one

    Raises
    ------
    TypeError
        For variables that are not symbols, and formulas that are not expressions.
    ValueError
        If symbols and columns do not match, a formula has other symbols or cannot be evaluated, or a value is not finite.
    ImportError
        If SymPy is not installed.

    Notes
    -----
    pykan's ``augment_input`` (kan/utils.py), which changes the dict it is given.

    Examples
    --------
    >>> from sympy import symbols
    >>> from swiftkan import augment_input
    >>> a, b = symbols("a b")
    >>> augment_input([a, b], [a / b, a + b], [[1, 2], [3, 4]]).tolist()
    [[0.5, 3.0, 1.0, 2.0], [0.75, 7.0, 3.0, 4.0]]
    """
    sympy = need("sympy", "augment_input()")
    variables, formulas = _listed("orig_vars", orig_vars), _listed("aux_vars", aux_vars)
    for variable in variables:
        if not isinstance(variable, sympy.Symbol):
            raise TypeError(f"orig_vars: must be sympy symbols, not {variable!r}; see sympy.symbols")
    functions = []
    for formula in formulas:
        if not isinstance(formula, sympy.Expr):
            raise TypeError(f"aux_vars: must be sympy expressions, not {formula!r}")
        unknown = formula.free_symbols - set(variables)
        if unknown:
            raise ValueError(f"aux_vars: {formula} has {', '.join(sorted(map(str, unknown)))}, which orig_vars has not")
        with _evaluating(formula):
            functions.append(to_numpy([formula], variables, argument="orig_vars"))

    def augmented(name: str, given: Any) -> np.ndarray:
        rows = _check.array(name, given)
        if rows.ndim != 2 or rows.shape[1] != len(variables):
            raise ValueError(
                f"{name}: has the shape {rows.shape}; with {len(variables)} orig_vars it must be (samples, {len(variables)})"
            )
        kind = rows.dtype if rows.dtype.kind == "f" else np.dtype(np.float64)
        if not functions:
            return rows.astype(kind)
        _check.finite(name, rows)
        columns = []
        for formula, function in zip(formulas, functions):
            with _evaluating(formula):
                columns.append(function(rows))
        values = np.hstack(columns).astype(kind)
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            row, column = bad[0]
            raise ValueError(f"aux_vars: {formulas[column]} is {values[row, column]} for {name}[{row}] = {rows[row].tolist()}")
        return np.concatenate([values, rows.astype(kind)], axis=1)

    if not isinstance(x, dict):
        return augmented("x", x)
    if x.get("train_input") is None:
        raise ValueError("x: train_input is missing; it must be an array, or a dict with train_input and, if wanted, test_input")
    parts = [part for part in ("train_input", "test_input") if x.get(part) is not None]
    return {**x, **{part: augmented(part, x[part]) for part in parts}}


@contextmanager
def _evaluating(formula: Any) -> Iterator[None]:
    """Turns what comes of formulas without values (undefined functions, derivatives, limits) into an error that names them."""
    try:
        yield
    except (NameError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"aux_vars: {formula} cannot be evaluated with NumPy and SciPy: {reason}") from error


def _listed(name: str, value: Any) -> list[Any]:
    """A list of one or more; a single symbol or expression is a list of itself."""
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{name}: must be a list of sympy expressions, not the text {value!r}")
    try:
        return list(value)
    except TypeError:
        return [value]
