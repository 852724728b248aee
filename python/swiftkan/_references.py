"""Names under which functions that are given themselves are found again: ``numpy.sinh``, ``laws.drag``.

What it must get right first:
  1. a name never stands for another function: what a program's own modules do not hold under it gets a random name, which
     no other function anywhere will have;
  2. a name in a file makes nothing run: only NumPy's and SciPy's functions of an array are looked up, and a program's own
     functions are the program's to give (a file could name ``pickle.loads``).
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any, Callable

import numpy as np

MAIN = ("__main__", "__mp_main__", "builtins")  # modules that are another one in another program, or in none
LOOKED_UP = ("numpy", "scipy.special")
ELEMENTWISE = ("numpy.sinc", "numpy.i0")  # of an array, and no ufuncs
_RANDOM = re.compile(r".+-[0-9a-f]{12}")
_OLD = re.compile(r"anonymous(_[0-9]+)?")  # what swiftkan called them before they had names of their own


def reference(fun: Callable) -> str | None:
    """``module.qualname`` if the function is found there, in a module that other programs can import; else None."""
    if isinstance(fun, np.ufunc):  # those of SciPy do not know their module
        places = [(module, fun.__name__) for module in LOOKED_UP]
    else:
        places = [(getattr(fun, "__module__", None), getattr(fun, "__qualname__", None))]
    for module, path in places:
        if isinstance(module, str) and isinstance(path, str) and module not in MAIN:
            found: Any = sys.modules.get(module)
            for part in path.split("."):
                found = getattr(found, part, None)
            if found is fun and all(part.isidentifier() for part in [*module.split("."), *path.split(".")]):
                return f"{module}.{path}"
    return None


def random_name(word: str) -> str:
    """A name that no other function will ever have."""
    return f"{word}-{os.urandom(6).hex()}"


def found(name: str) -> Callable | None:
    """NumPy's or SciPy's function of this name, if it is one of an array's elements; else None."""
    module, _, last = name.rpartition(".")
    if module not in LOOKED_UP:
        return None
    try:
        __import__(module)
    except ImportError:
        return None
    fun = getattr(sys.modules[module], last, None)
    good = isinstance(fun, np.ufunc) and (fun.nin, fun.nout) == (1, 1) or name in ELEMENTWISE
    return fun if good and reference(fun) == name else None


def what_to_add(name: str) -> str:
    """What must be done before a file with a function of this name can be read."""
    if _RANDOM.fullmatch(name) or _OLD.fullmatch(name):
        hint = "fun being the function that the model was given, a lambda or one defined in a function or a script"
    elif "." in name and all(part.isidentifier() for part in name.split(".")):
        hint = f"fun being {name}"
    else:
        hint = "fun being what it was where the model was made"
    return f"add_symbolic({name!r}, fun), {hint}"


class UnknownFunction(ValueError):
    """A file names functions that this process does not have."""

    def __init__(self, names: list[str]):
        which = f"there is no function {', '.join(map(repr, names))} in this process"
        super().__init__(
            f"{which}. Nothing is wrong with the file: it has the names of functions, not their code. Add them under these names and "
            f"load again: {'; '.join(map(what_to_add, names))}"
        )
