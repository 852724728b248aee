"""Computations beside one another, on as many threads as the engine has.

What it must get right: results come in the order of the calls; at an error or Ctrl-C those that have not begun never do, those that
run are told, and none is left behind.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from . import _core


def beside(calls: list[Callable[[], Any]], cancelled: threading.Event | None = None, threads: int | None = None) -> list[Any]:
    """What the calls return. ``cancelled`` is set when one of them fails, for the others to look at; ``threads`` at most."""
    from concurrent.futures import ThreadPoolExecutor  # here, because importing it takes longer than the package

    with ThreadPoolExecutor(max(1, min(len(calls), threads or _core.get_num_threads()))) as pool:
        futures = [pool.submit(call) for call in calls]
        try:
            return [future.result() for future in futures]
        except BaseException:
            if cancelled is not None:
                cancelled.set()
            for future in futures:
                future.cancel()
            raise
