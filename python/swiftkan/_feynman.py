"""The problems of the Feynman Symbolic Regression Database, ready for ``create_dataset``.

What it must get right first: the formula that SymPy shows and the function that makes the labels are the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from ._optional import need

# pykan's spellings of what the table spells right, and its test problem.
_ALIASES = {"Rutherforld scattering": "Rutherford scattering", "Friedman equation": "Friedmann equation"}
_TEST = "test | x y | (x + y)*sin(exp(2*y)) | -1:1"


def get_feynman_dataset(name: str | int) -> tuple[list, Any, Callable, list[list[float]]]:
    """One problem of the Feynman database: variables, formula, function and ranges.

    Parameters
    ----------
    name : str or int
        The equation's name in the database ('I.12.11', 'Goldstein 3.16'), or its number from 1 to 120: 1 to 100 are
        from the Feynman lectures, 101 to 120 the database's bonus problems. 'test' is pykan's example.

    Returns
    -------
    symbols : list of SymPy symbols
        The variables, in the order of the columns.
    expr : SymPy expression
        The formula.
    f : callable
        The formula on NumPy arrays: from (n, variables) to (n, 1).
    ranges : list of [low, high]
        One for each variable, as ``create_dataset`` takes them.

    Raises
    ------
    ValueError
        If there is no such problem.
    ImportError
        If SymPy is not installed.

    Notes
    -----
    Source: Udrescu & Tegmark, "AI Feynman", Science Advances 6 (2020); numbers and ranges as in pykan
    (kan/feynman.py), with five of its errors mended: docs/differences.md.

    Examples
    --------
    >>> from swiftkan import create_dataset, get_feynman_dataset
    >>> symbols, expr, f, ranges = get_feynman_dataset("I.16.6")
    >>> expr
    (u + v)/(1 + u*v/c**2)
    >>> dataset = create_dataset(f, n_var=len(symbols), ranges=ranges, train_num=5)
    >>> dataset["train_label"].shape
    (5, 1)
    """
    sympy = need("sympy", "get_feynman_dataset()")
    problems = _problems()
    if isinstance(name, (int, np.integer)) and not isinstance(name, bool) and 1 <= name <= 120:
        line = list(problems.values())[int(name) - 1]
    elif isinstance(name, str) and _ALIASES.get(name, name) in problems:
        line = problems[_ALIASES.get(name, name)]
    else:
        raise ValueError(f"name: must be a number from 1 to 120, a name such as 'I.6.20a', or 'test', not {name!r}")
    names, formula, limits = line
    # A name such as 'lambda' or 'E' would be read as Python's word or SymPy's constant.
    stand_ins = {symbol: f"variable_{i}" for i, symbol in enumerate(names)}
    symbols = [sympy.Symbol(symbol) for symbol in names]
    text = _rename(formula, stand_ins)
    expr = sympy.sympify(text, locals=dict(zip(stand_ins.values(), symbols, strict=True)))
    values = sympy.lambdify(symbols, expr, "numpy")

    def f(x: Any) -> np.ndarray:
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != len(symbols):
            raise ValueError(f"x: must be (samples, {len(symbols)}), a column for each of {names}, not {x.shape}")
        return np.broadcast_to(values(*x.T), len(x)).astype(x.dtype, copy=True)[:, None]

    return symbols, expr, f, [list(limit) for limit in limits]


def _rename(formula: str, names: dict[str, str]) -> str:
    return re.sub(r"[A-Za-z_]\w*", lambda word: names.get(word.group(), word.group()), formula)


@lru_cache(maxsize=1)
def _problems() -> dict[str, tuple[list[str], str, list[tuple[float, float]]]]:
    """By name: variables, formula, ranges. The test problem is the last, after number 120."""
    from ._feynman_problems import TABLE

    problems = {}
    for line in [*TABLE.strip().splitlines(), _TEST]:
        name, variables, formula, ranges = (part.strip() for part in line.split("|"))
        names = variables.split()
        limits = [tuple(_number(end) for end in limit.split(":")) for limit in ranges.split()]
        problems[name] = (names, formula, limits * len(names) if len(limits) == 1 else limits)
    return problems


def _number(text: str) -> float:
    """'0.5', 'pi', '2*pi', 'pi/10', '9*pi/10' as a number."""
    above, _, below = text.partition("/")
    factors = [math.pi if factor == "pi" else float(factor) for factor in above.split("*")]
    return math.prod(factors) / float(below or 1)
