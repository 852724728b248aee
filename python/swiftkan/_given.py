"""Functions that are given themselves instead of a name: ``fix_symbolic(0, 0, 0, np.sinh)``, ``fit_params(x, y, lambda t: …)``.

What it must get right first:
  1. such a function is the model's that it was given to, and no candidate for others: it is not in ``SYMBOLIC_LIB``;
  2. a function that is given again has the number that it had, and its name in files is no other function's (``_references.py``);
  3. a question leaves nothing behind. The engine keeps what it is given for ever, so questions take turns in a few places.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from types import MethodType
from typing import Any, Callable, Iterable, Iterator

from . import _core, _functions
from ._python_function import PythonFunction
from ._references import UnknownFunction, found, random_name, reference

COMPLEXITY = 3.0

_given: dict[Any, str] = {}
_words: set[str] = set()  # of formulas
_giving = threading.RLock()  # looking whether a function is known and adding it are one step; it may be called within
_free: list[_Place] = []


def give(fun: Callable) -> str:
    """The name of a function that was given instead of a name."""
    with _giving:
        name = _remembered(fun)
        if name is None:
            name = reference(fun)
            if name is None or _functions.known(name):
                name = random_name(_word(fun))
            _functions.register(name, PythonFunction(_word(fun), fun, None, None), COMPLEXITY, word=_own_word(fun))
            _given[_key(fun)] = name
        return name


def _remembered(fun: Callable) -> str | None:
    """The name of a function that is known already; ``add_symbolic`` may have made the one it was given another function's."""
    for name in (reference(fun), _given.get(_key(fun))):
        source = _functions.source(_functions.number(name)) if _functions.known(name) else None
        if source is not None and _key(source) == _key(fun):
            return name
    return None


def _own_word(fun: Callable) -> str:
    """What a function is called in formulas, where two of one name would be one."""
    base = word = _word(fun)
    count = 1
    while word in _words or _functions.known(word):
        count += 1
        word = f"{base}_{count}"
    _words.add(word)
    return word


@contextmanager
def number_for_a_question(fun: Any, argument: str) -> Iterator[int]:
    """The number of a function, given by name or itself, as long as the question takes."""
    name = _remembered(fun) if callable(fun) else fun
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


# ---- Files -------------------------------------------------------------------------------------------------------


def find(names: Iterable[str]) -> None:
    """Makes sure that functions named in a file are there; UnknownFunction lists those that are not."""
    missing = []
    for name in dict.fromkeys(names):
        if not _functions.known(name):
            fun = found(name)
            if fun is None:
                missing.append(name)
            else:
                give(fun)
    if missing:
        raise UnknownFunction(missing)


def to_pickle(names: Iterable[str]) -> dict[str, Callable]:
    """The functions that a pickle refers to itself: those of the program's own modules, under their names."""
    result = {}
    for name in dict.fromkeys(names):
        fun = _functions.source(_functions.number(name))
        if fun is not None and reference(fun) == name and found(name) is None:
            result[name] = fun
    return result


def from_pickle(functions: dict[str, Callable]) -> None:
    """Gives the functions of a pickle under their names, where a name is not taken."""
    for name, fun in functions.items():
        if not _functions.known(name) and reference(fun) == name:
            give(fun)


def complaint(numbers: dict[int, tuple[int, int, int]]) -> str:
    """What the user should know of files with these functions, numbers with an edge of each; nothing if all is well."""
    lines = []
    nameless = set(_given.values())
    for number, (l, i, j) in numbers.items():
        name = _functions.name(number)
        fun = _functions.source(number)
        if name in nameless and fun is not None and reference(fun) != name:
            lines.append(f"the function of edge ({l}, {i}, {j}) is a lambda, or defined in a function or a script, or its module was loaded "
                         f"anew, or its name was another's: files have a name of it only. To load it in another process call add_symbolic({name!r}, fun) there first. "
                         f"For a name of your choice call add_symbolic('mine', fun) now, and model.symbolic_fun[{l}].set_function({i}, {j}, "
                         f"'mine')")  # fmt: skip
        elif _functions.source(_functions.number(name)) is not fun:
            lines.append(f"{name!r} has been added anew since edge ({l}, {i}, {j}) was fixed, and loading will give it the newer function; add "
                         f"the older one under another name and set it with model.symbolic_fun[{l}].set_function({i}, {j}, …)")  # fmt: skip
    return "; ".join(lines)
