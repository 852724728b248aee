"""Large arrays whose memory comes back when nobody looks at them any more.

What it must get right first: no memory is lent twice at a time. NumPy itself keeps count: a lent array and all its views hold the loan.

More than 32 MB at once is new memory every time, of which the system clears every page before it is written; for the
gradient of a million edges that is a seventh of the call, for ten million predictions of a small network up to a quarter.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

#: What malloc keeps at most (glibc's M_MMAP_THRESHOLD); smaller arrays are left to it.
LARGE = 32 << 20


class _Loan:
    """Holds an array's memory for those who look at it; gives it back when they have gone."""

    __slots__ = ("_array", "_free")

    def __init__(self, array: np.ndarray, free: list[np.ndarray]):
        self._array, self._free = array, free

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return self._array.__array_interface__

    def __del__(self):
        self._free[:] = [self._array]


class Lender:
    """Lends arrays of one type, and keeps the memory of the last one that came back."""

    def __init__(self, dtype: np.dtype, most: int | None = None):
        """``most``: arrays of more bytes are not lent, so that so much is kept at most; None: all sizes are."""
        self._dtype, self._most = dtype, most
        self._free: list[np.ndarray] = []

    def empty(self, *shape: int) -> np.ndarray:
        """An array of any numbers, the caller's own for as long as it or a view of it is kept."""
        count = math.prod(shape)
        size = count * self._dtype.itemsize
        if size <= LARGE or (self._most is not None and size > self._most):
            return np.empty(shape, self._dtype)
        try:
            array = self._free.pop()
        except IndexError:
            array = None
        if array is None or not count <= array.size <= 2 * count:
            array = None  # before the new one is made
            array = np.empty(count, self._dtype)
        return np.asarray(_Loan(array, self._free))[:count].reshape(shape)
