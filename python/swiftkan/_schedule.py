"""Learning-rate schedules: a factor of ``lr`` for every step, known before training begins."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import _check

SCHEDULES = {
    # Cosine annealing to zero (Loshchilov and Hutter 2017, arXiv 1608.03983, eq. 5, one period).
    "cosine": lambda t: 0.5 * (1 + math.cos(math.pi * t)),
    # To a hundredth at the end.
    "exponential": lambda t: 0.01**t,
    # A tenth after half of the steps, a hundredth after three quarters.
    "step": lambda t: 1.0 if t < 0.5 else 0.1 if t < 0.75 else 0.01,
}


def factors(schedule: Any, steps: int) -> np.ndarray | None:
    """(steps,) factors of the learning rate, or None for a constant one.

    ``schedule`` is None, the name of a curve of t = step/steps, or a function of the step (from 0).
    """
    if schedule is None:
        return None
    if callable(schedule):
        values = [_check.real(f"lr_schedule({step})", schedule(step), 0.0) for step in range(steps)]
    elif isinstance(schedule, str) and schedule in SCHEDULES:
        values = [SCHEDULES[schedule](step / steps) for step in range(steps)]
    else:
        raise ValueError(
            f"lr_schedule: must be one of {', '.join(map(repr, SCHEDULES))}, or a function of the step that gives a "
            f"factor of lr, not {schedule!r}"
        )
    return np.array(values, np.float64)
