"""How many threads the engine may use."""

from __future__ import annotations

from . import _check, _core


def set_num_threads(n: int) -> None:
    """Lets calls use up to ``n`` threads, the caller's own included. Results do not depend on it, bit for bit.

    Raises
    ------
    ValueError
        If ``n`` is below 1.

    Examples
    --------
    >>> import swiftkan
    >>> before = swiftkan.get_num_threads()
    >>> swiftkan.set_num_threads(1)
    >>> swiftkan.get_num_threads()
    1
    >>> swiftkan.set_num_threads(before)
    """
    _core.set_num_threads(_check.integer("n", n, 1, 2**31 - 1))


def get_num_threads() -> int:
    """How many threads calls may use; at first, the processors that this process may use."""
    return _core.get_num_threads()
