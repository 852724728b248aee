"""The library of symbolic functions: pykan's 29, and those that users add.

What it must get right first:
  1. a name means the same function in a model, in a file and in a formula;
  2. SYMBOLIC_LIB lists what is looked at without being asked for: the library and what users add to it, nothing else;
  3. SymPy is imported when a formula is asked for, never before.

Names, order and complexities of the library are those of pykan 0.2.8 (kan/utils.py, SYMBOLIC_LIB).
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Callable, Iterable, NamedTuple

import numpy as np

from . import _check, _core
from ._optional import need
from ._python_function import PythonFunction

_LIBRARY = {
    "x": (1, lambda s, x: x), "x^2": (2, lambda s, x: x**2), "x^3": (3, lambda s, x: x**3), "x^4": (3, lambda s, x: x**4),
    "x^5": (3, lambda s, x: x**5), "1/x": (2, lambda s, x: 1 / x), "1/x^2": (2, lambda s, x: 1 / x**2),
    "1/x^3": (3, lambda s, x: 1 / x**3), "1/x^4": (4, lambda s, x: 1 / x**4), "1/x^5": (5, lambda s, x: 1 / x**5),
    "sqrt": (2, lambda s, x: s.sqrt(x)), "x^0.5": (2, lambda s, x: s.sqrt(x)), "x^1.5": (4, lambda s, x: s.sqrt(x) ** 3),
    "1/sqrt(x)": (2, lambda s, x: 1 / s.sqrt(x)), "1/x^0.5": (2, lambda s, x: 1 / s.sqrt(x)),
    "exp": (2, lambda s, x: s.exp(x)), "log": (2, lambda s, x: s.log(x)), "abs": (3, lambda s, x: s.Abs(x)),
    "sin": (2, lambda s, x: s.sin(x)), "cos": (2, lambda s, x: s.cos(x)), "tan": (3, lambda s, x: s.tan(x)),
    "tanh": (3, lambda s, x: s.tanh(x)), "sgn": (3, lambda s, x: s.sign(x)), "arcsin": (4, lambda s, x: s.asin(x)),
    "arccos": (4, lambda s, x: s.acos(x)), "arctan": (4, lambda s, x: s.atan(x)), "arctanh": (4, lambda s, x: s.atanh(x)),
    "0": (0, lambda s, x: s.Integer(0)), "gaussian": (3, lambda s, x: s.exp(-(x**2))),
}  # fmt: skip

FUNCTIONS: tuple[str, ...] = _core.functions()[: len(_LIBRARY)]  # the library; a function's number is its place


class SymbolicFunction(NamedTuple):
    """An entry of ``SYMBOLIC_LIB``: pykan's tuple with names.

    Attributes
    ----------
    fun : callable
        Values at an array; NaN outside the domain.
    sympy_fun : callable
        From a SymPy expression to one.
    complexity : float
        How complicated the function is taken to be.
    fun_singularity : callable
        ``fun_singularity(x, y_th)``: the form that avoids singularities, bounded by about ``y_th``.
    """

    fun: Callable
    sympy_fun: Callable
    complexity: float
    fun_singularity: Callable


def evaluate(number: int, x: Any, derivative: bool = False, avoid: bool = False, y_th: float = 10.0) -> Any:
    """f(x), and f′(x) if asked for, of the function ``number``, in float64."""
    x = np.ascontiguousarray(_check.array("x", x), np.float64)  # complex numbers are refused, not cut to their real parts
    y, dy = np.empty_like(x), np.empty_like(x) if derivative else None
    _core.function_evaluate(number, x, y, dy, avoid, y_th)
    return (y, dy) if derivative else y


def _entry(number: int, sympy_fun: Callable, complexity: float) -> SymbolicFunction:
    return SymbolicFunction(
        lambda x: evaluate(number, x), sympy_fun, complexity, lambda x, y_th: evaluate(number, x, avoid=True, y_th=y_th)
    )


def _library_sympy(form: Callable) -> Callable:
    def sympy_fun(x):
        return form(need("sympy", "the function's SymPy form"), x)

    return sympy_fun


_entries: dict[int, SymbolicFunction] = {
    number: _entry(number, _library_sympy(_LIBRARY[name][1]), _LIBRARY[name][0]) for number, name in enumerate(FUNCTIONS)
}
_numbers: dict[str, int] = {name: number for number, name in enumerate(FUNCTIONS)}
_names: dict[int, str] = dict(enumerate(FUNCTIONS))
_added: dict[int, PythonFunction] = {}


class Library(dict[str, SymbolicFunction]):
    """The functions by name: pykan's ``SYMBOLIC_LIB``, to which :func:`add_symbolic` adds.

    These are the functions that are looked at where no ``lib`` is given. As in pykan the dict can be written to:
    assigning pykan's tuple (fun, sympy function, complexity, fun_singularity or None) is :func:`add_symbolic`, and what is
    removed is looked at no more. Models keep a function that is removed, and its name stays its own.

    Examples
    --------
    >>> import numpy as np, sympy
    >>> from swiftkan import KAN, SYMBOLIC_LIB
    >>> SYMBOLIC_LIB["cosh"] = (np.cosh, sympy.cosh, 3, None)
    >>> x = np.linspace(-1, 1, 100)[:, None]
    >>> model = KAN([1, 1], grid=10)
    >>> _ = model.fit((x, np.cosh(2 * x)), steps=20)
    >>> model.suggest_symbolic(0, 0, 0)[0]
    'cosh'
    >>> _ = SYMBOLIC_LIB.pop("cosh")
    >>> model.suggest_symbolic(0, 0, 0)[0] == "cosh"
    False
    >>> SYMBOLIC_LIB["sin"] = SYMBOLIC_LIB["sin"]._replace(complexity=1)  # the same function, preferred from now on
    >>> SYMBOLIC_LIB["sin"] = SYMBOLIC_LIB["sin"]._replace(complexity=2)
    """

    def __setitem__(self, name: str, value: Any) -> None:
        where = f"SYMBOLIC_LIB[{name!r}]"
        parts = tuple(value) if isinstance(value, (tuple, list)) else ()
        if len(parts) != 4 or not callable(parts[0]) or not all(part is None or callable(part) for part in (parts[1], parts[3])):
            raise TypeError(
                f"{where}: must be (fun, sympy function, complexity, fun_singularity), of which the second and the last may be None, "
                f"not {value!r}; or call add_symbolic({name!r}, fun)"
            )
        fun, sympy_fun, complexity, fun_singularity = parts
        own = _entries[_numbers[name]] if known(name) else None
        if own is not None and fun is own.fun and fun_singularity in (None, own.fun_singularity):
            complexity = _check.real(f"{where}[2]", complexity, 0.0)
            self._list(name, own._replace(sympy_fun=sympy_fun or own.sympy_fun, complexity=complexity))
        elif name in FUNCTIONS:
            raise ValueError(f"{where}: is a function of the library, which stays what it is; choose another name for this function")
        else:
            add_symbolic(name, fun, _check.real(f"{where}[2]", complexity, 0.0), _values_only(fun_singularity), sympy=sympy_fun)

    def _list(self, name: str, entry: SymbolicFunction) -> None:
        _entries[_numbers[name]] = entry
        super().__setitem__(name, entry)

    update = MutableMapping.update  # dict's own would not ask __setitem__

    def setdefault(self, name: str, default: Any = None) -> Any:  # what was stored, not what was given
        MutableMapping.setdefault(self, name, default)
        return self[name]

    def __ior__(self, other: Any) -> Library:  # type: ignore[override, misc]
        self.update(other)
        return self


def _values_only(fun_singularity: Callable | None) -> Callable | None:
    """pykan's functions that avoid singularities give a pair, whose second is the values."""
    if fun_singularity is None:
        return None

    def values(x, y_th):
        found = fun_singularity(x, y_th)
        return found[1] if isinstance(found, tuple) else found

    return values


SYMBOLIC_LIB = Library()
for _name, _number in _numbers.items():
    SYMBOLIC_LIB._list(_name, _entries[_number])


def known(name: Any) -> bool:
    """Is there a function of this name."""
    return isinstance(name, str) and name in _numbers


def number(name: Any, argument: str = "name") -> int:
    """The engine's number of a function."""
    if known(name):
        return _numbers[name]
    raise ValueError(
        f"{argument}: there is no function {name!r}; there are {', '.join(SYMBOLIC_LIB)} (add_symbolic adds functions of your own)"
    )


def name(number: int) -> str:
    """The name of a function."""
    return _names[number]


def entry(number: int) -> SymbolicFunction:
    """What there is to know of a function, whether SYMBOLIC_LIB lists it or not."""
    return _entries[number]


def source(number: int) -> Callable | None:
    """The Python function behind a number; None for the library's."""
    return _added[number].fun if number in _added else None


def library(lib: Any) -> list[str]:
    """The names that ``lib`` allows: all if None, else those of a list (or the keys of a dict), checked."""
    if lib is None:
        if not SYMBOLIC_LIB:
            raise ValueError("lib: is not given, and SYMBOLIC_LIB is empty; give a list of function names")
        return list(SYMBOLIC_LIB)
    if isinstance(lib, str) or not isinstance(lib, Iterable):
        raise TypeError(f"lib: must be a list of function names, not {lib!r}")
    names = list(lib)
    for each in names:  # before names given twice are looked for: what is no name may have no hash
        number(each, "lib")
    if not names:
        raise ValueError("lib: is empty; it must have at least one function name")
    return list(dict.fromkeys(names))


def rounds(names: list[str]) -> list[list[str]]:
    """``names`` without those that users added, if any, and then all: what was added must not crowd out what would have been found."""
    own = [name for name in names if name in FUNCTIONS]
    return [own, names] if 0 < len(own) < len(names) else [names]


# ---- Functions of the user's -------------------------------------------------------------------------------------


def add_symbolic(
    name: str, fun: Callable, c: float = 1, fun_singularity: Callable | None = None, derivative: Callable | None = None,
    sympy: Any = None,
) -> None:  # fmt: skip
    """Adds a function to the library, for the life of the process.

    Parameters
    ----------
    name : str
        Its name; not one of the library's 29. Adding a name again gives a new function to whatever is fixed from then on;
        models that have the old one keep it.
    fun : callable
        From a float64 array to its values, element by element; NaN outside the domain. Functions of torch tensors are
        understood too, if torch is imported.
    c : float
        Its complexity.
    fun_singularity : callable, optional
        ``fun_singularity(x, y_th)``: values that stay finite near singularities; ``fun`` if not given.
    derivative : callable, optional
        The derivative of ``fun``. If not given, complex steps are used where ``fun`` is found to understand complex numbers,
        else central differences (relative error about 1e-11).
    sympy : callable or sympy function, optional
        The function for formulas, ``sympy(expression)``; a named function that can be evaluated if not given.

    Raises
    ------
    ValueError, TypeError
        For a name of the library, or a ``fun`` that does not give as many numbers as it gets.

    Notes
    -----
    pykan's ``add_symbolic`` (kan/utils.py) with more arguments. A network that uses the function is evaluated on one thread;
    files store its name, and loading needs it added before.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftkan import KAN, SYMBOLIC_LIB, add_symbolic
    >>> add_symbolic("sinc", np.sinc, c=3)
    >>> float(SYMBOLIC_LIB["sinc"].fun(np.array([0.5]))[0])  # 2/π
    0.6366197723675814
    >>> model, x = KAN([1, 1]), np.linspace(-1, 1, 100)[:, None]
    >>> _ = model.fix_symbolic(0, 0, 0, "sinc", fit_params_bool=False)
    >>> bool(np.allclose(model(x), np.sinc(x)))
    True
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"name: must be a text, not {name!r}")
    for argument, value in (("fun", fun), ("fun_singularity", fun_singularity), ("derivative", derivative)):
        if not callable(value) and (argument == "fun" or value is not None):
            raise TypeError(f"{argument}: must be a function of an array, not {value!r}")
    complexity = _check.real("c", c, 0.0)
    made = register(name, PythonFunction(name, fun, fun_singularity, derivative), complexity, sympy)
    SYMBOLIC_LIB._list(name, _entries[made])


def register(name: str, function: PythonFunction, complexity: float, sympy: Any = None, word: str | None = None) -> int:
    """Makes a function one of the engine's without listing it; ``word`` is its name in formulas, if that is another."""
    made = _core.function_add(name, function)
    named: list[Any] = []  # made once: SymPy wants one function of a name

    def sympy_fun(x):
        if sympy is not None:
            return sympy(x)
        if not named:
            named.append(_sympy_function(word or name, made))
        return named[0](x)

    _names[made], _added[made], _entries[made] = name, function, _entry(made, sympy_fun, complexity)
    _numbers[name] = made  # last: whoever finds the name finds all of it
    return made


def _sympy_function(name: str, made: int) -> Any:
    """A SymPy function of this name, as far as it can be one in code, that can be evaluated and differentiated once."""
    import re

    implemented_function = need("sympy.utilities.lambdify", f"the SymPy form of {name!r}").implemented_function

    def over(order: int) -> Callable:
        def values(x):
            both = evaluate(made, np.atleast_1d(np.asarray(x, np.float64)), derivative=True)
            return both[order].reshape(np.shape(x))

        return values

    word = re.sub(r"\W", "_", name)
    word = word if word.isidentifier() else f"f_{word}"
    function, slope = implemented_function(word, over(0)), implemented_function(f"{word}_prime", over(1))
    function.fdiff = lambda self, argindex=1: slope(self.args[0])
    return function
