"""Functions that are given themselves instead of a name: ``fix_symbolic(0, 0, 0, np.sinh)``, ``fit_params(x, y, lambda t: …)``.

What it must get right first:
  1. such a function is the model's that it was given to, and no candidate for others: it is not in ``SYMBOLIC_LIB``;
  2. a function that is given again has the number that it had;
  3. a question leaves nothing behind. The engine keeps what it is given for ever, so questions take turns in a few places.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from types import MethodType
from typing import Any, Callable, Iterator

from . import _core, _functions
from ._python_function import PythonFunction

COMPLEXITY = 3.0

_given: dict[Any, str] = {}
_giving = threading.RLock()  # looking whether a function is known and adding it are one step; it may be called within
_free: list[_Place] = []


def give(fun: Callable) -> str:
    """The name of a function that was given instead of a name."""
    with _giving:
        if _key(fun) not in _given:
            base = _word(fun)
            name, count = base, 1
            while _functions.known(name):
                count += 1
                name = f"{base}_{count}"
            _functions.register(name, PythonFunction(name, fun, None, None), COMPLEXITY)
            _given[_key(fun)] = name
        return _given[_key(fun)]


@contextmanager
def number_for_a_question(fun: Any, argument: str) -> Iterator[int]:
    """The number of a function, given by name or itself, as long as the question takes."""
    name = _given.get(_key(fun)) if callable(fun) else fun
    if name is not None or not callable(fun):
        yield _functions.number(name, argument)
        return
    function = PythonFunction(_word(fun), fun, None, None)
    try:
        place = _free.pop()
    except IndexError:
        place = _Place()
    place.function = function
    try:
        yield place.number
    finally:
        place.function = None
        _free.append(place)


class _Place:
    """One of the engine's functions that is another one in every question."""

    def __init__(self) -> None:
        self.function: PythonFunction | None = None
        self.number = _core.function_add("a question's", self)

    def __call__(self, *arguments: Any) -> None:
        assert self.function is not None
        self.function(*arguments)


def _key(fun: Callable) -> Any:
    """What a function is known again by; an object's method is a new object each time that it is asked for."""
    return fun if isinstance(fun, MethodType) else id(fun)  # registered functions live for ever, and so do their ids


def _word(fun: Callable) -> str:
    """What a function is called in its code."""
    word = getattr(fun, "__name__", type(fun).__name__)
    return word if isinstance(word, str) and word.isidentifier() else "anonymous"
