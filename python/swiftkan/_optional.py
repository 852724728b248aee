"""Packages beyond NumPy: imported where they are used, and what is said where one is missing.

What it must get right: the sentence names what was asked for and the command that helps, before any work is done in vain; and
an installed package that is broken is not called missing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

PACKAGES = {  # module: (its name in sentences, what to install)
    "matplotlib": ("matplotlib", "pip install matplotlib"),
    "scipy": ("SciPy", "pip install scipy"),
    "sympy": ("SymPy", "pip install sympy"),
    "tqdm": ("tqdm", "pip install tqdm"),
}


def need(module: str, what: str) -> Any:
    """The module; an ImportError that says how to get its package where it is missing.

    Parameters
    ----------
    module : str
        Such as ``"sympy"`` or ``"scipy.special"``.
    what : str
        What needs it, for the sentence: ``"symbolic_formula()"``.
    """
    package = module.partition(".")[0]
    try:
        import_module(package)
    except ImportError as error:
        if error.name != package:
            raise
        name, command = PACKAGES[package]
        raise ImportError(f"{what} needs {name}, which is not installed: {command}", name=package) from None
    return import_module(module)
