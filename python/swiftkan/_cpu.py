"""Which build of the engine is loaded: the best for this processor, or the one that SWIFTKAN_CPU names.

What it must get right first: never load code that the processor cannot run, since that would end the interpreter; and say
what was chosen and why. It is imported before anything that needs ``swiftkan._core``.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.machinery import ExtensionFileLoader

from . import _cpuid

NAMES = {2: "x86-64-v2", 3: "x86-64-v3", 4: "x86-64-v4"}  # the x86-64 psABI's levels; 2 is the build named _core
VARIABLE = "SWIFTKAN_CPU"


def _choose(level: int, available: list[int], wanted: str | None) -> tuple[int, str]:
    """The level to load and why; ``available`` are those with a build."""
    best = max(candidate for candidate in available if candidate <= level)
    if not wanted:
        return best, "the best build that this processor has the instructions for"
    levels = {name: number for number, name in NAMES.items()} | {f"v{number}": number for number in NAMES}
    if wanted not in levels:
        raise ImportError(f"{VARIABLE}: must be one of {', '.join(NAMES.values())}; it is {wanted!r}")
    chosen = levels[wanted]
    if chosen > level:
        raise ImportError(f"{VARIABLE}: is {wanted!r}, but this processor has level {level} only; choose a lower one")
    if chosen not in available:
        raise ImportError(f"{VARIABLE}: is {wanted!r}, but this installation was not built for it; build without SWIFTKAN_MARCH")
    return chosen, f"{VARIABLE} is set"


def _load() -> dict[str, object]:
    level, builds = _cpuid.level(), _cpuid.builds().split()
    if not builds:
        return {"build": "_core", "reason": "the only build of this installation", "level": level, "builds": ["_core"]}
    if level < 2:
        raise ImportError("swiftkan: this processor lacks the instructions of x86-64-v2 (SSE4.2); build swiftkan with SWIFTKAN_MARCH=x86-64")
    chosen, reason = _choose(level, [number for number, name in NAMES.items() if name in builds], os.environ.get(VARIABLE))
    if chosen > 2:
        _load_core(f"_core_{NAMES[chosen].replace('-', '_')}")
    return {"build": NAMES[chosen], "reason": reason, "level": level, "builds": builds}


def _load_core(entry: str) -> None:
    """Makes another module of the file of ``_core`` the module ``_core``: that which its function ``PyInit_{entry}`` makes."""
    name = f"{__package__}._core"
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ImportError(f"swiftkan: its engine is not beside {__file__}; install swiftkan again", name=name)
    loader = ExtensionFileLoader(f"{__package__}.{entry}", found.origin)
    spec = importlib.util.spec_from_file_location(loader.name, found.origin, loader=loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    sys.modules[name] = sys.modules[loader.name] = module
    sys.modules[__package__]._core = module  # type: ignore[attr-defined]


_LOADED = _load()


def cpu_info() -> dict[str, object]:
    """Which build of the engine runs, and why.

    The environment variable ``SWIFTKAN_CPU`` (``x86-64-v2``, ``x86-64-v3``, ``x86-64-v4``), set before the import, forces one. Builds agree to
    rounding, not to the bit: the later ones fuse multiplications and additions.

    Returns
    -------
    dict
        ``build``: the one loaded; ``reason``: why; ``level``: the processor's x86-64 level, 0 on another kind of processor;
        ``builds``: those there are; ``threads``: how many threads calls may use.

    Examples
    --------
    >>> import swiftkan
    >>> sorted(swiftkan.cpu_info())
    ['build', 'builds', 'level', 'reason', 'threads']
    """
    from . import _core

    return {**_LOADED, "threads": _core.get_num_threads()}
