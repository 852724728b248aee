"""Numbers of any size, brought to order one for squares and sums.

What it must get right: nothing is rounded. Only powers of two are taken out.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def order_one(values: np.ndarray, axis: int | None = None) -> tuple[np.ndarray, Any]:
    """(values·2⁻ᵉ, e), the largest of them, along ``axis`` or of all, then being between 1/2 and 1; for zeros and what is not
    finite e is 0."""
    largest = np.max(np.abs(values), axis=axis, initial=0.0)
    order = np.where(np.isfinite(largest), np.frexp(largest)[1], 0)
    return np.ldexp(values, -order), order
