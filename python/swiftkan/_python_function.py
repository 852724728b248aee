"""A function written in Python in the form that the engine calls: it fills arrays of values and derivatives.

What it must get right first:
  1. values and derivatives for any array, NaN outside the domain;
  2. an exception in the function reaches the user;
  3. a result of another shape is refused when the function is given, not when it is used.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable

import numpy as np

from . import _check

FAR = np.geomspace(3.5, 1e3, 40)  # a function may have other pieces there, which only look as if they understood complex numbers


class PythonFunction:
    """A function of the user's in the engine's form: fills y and dy."""

    def __init__(self, name: str, fun: Callable, fun_singularity: Callable | None, derivative: Callable | None):
        self.name, self.fun, self.fun_singularity, self.derivative = name, fun, fun_singularity, derivative
        with np.errstate(all="ignore"):
            self._values(fun, np.linspace(-1, 1, 3))
            self.complex_step = derivative is None and self._understands_complex()

    def __call__(self, x: Any, y: Any, dy: Any, avoid: bool, y_th: float) -> None:
        t = np.asarray(x).astype(np.float64)
        fun = self.fun
        if avoid and self.fun_singularity is not None:
            fun = lambda t: self.fun_singularity(t, y_th)  # noqa: E731
        with np.errstate(all="ignore"):
            np.asarray(y)[...] = self._values(fun, t)
            if dy is not None:
                np.asarray(dy)[...] = self._slope(fun, t)

    def _slope(self, fun: Callable, t: np.ndarray) -> np.ndarray:
        if fun is self.fun and self.derivative is not None:
            return self._values(self.derivative, t)
        if fun is self.fun and self.complex_step:
            return np.asarray(fun(t + 1e-30j)).imag / 1e-30
        return differences(partial(self._values, fun), t, 1e-3 * np.maximum(1.0, np.abs(t)))

    def _values(self, fun: Callable, t: np.ndarray) -> np.ndarray:
        try:
            values = fun(t.copy())  # which it may write into
        except TypeError:
            import sys

            torch = sys.modules.get("torch")
            if torch is None:
                raise
            values = fun(torch.from_numpy(t.copy()))
        values = np.asarray(_check.array(self.name, values), np.float64)
        if values.shape != t.shape:
            raise ValueError(f"{self.name}: gave the shape {values.shape} for the shape {t.shape}; it must work element by element")
        return values

    def _understands_complex(self) -> bool:
        t = np.concatenate([np.linspace(-3, 3, 41) + 0.0123, [0.3, 1.7, 7.1], -FAR, FAR])
        try:
            step = np.asarray(self.fun(t + 1e-30j))
        except Exception:  # whatever a function that is not made for complex numbers does
            return False
        if step.shape != t.shape or step.dtype.kind != "c":
            return False
        plain, difference = self._values(self.fun, t), differences(partial(self._values, self.fun), t, 1e-3)
        good = np.isfinite(plain) & np.isfinite(difference)
        scale = 1 + np.abs(plain) + np.abs(difference)
        return bool(
            good.any()
            and (np.abs(step.real - plain)[good] <= 1e-12 * scale[good]).all()
            and (np.abs(step.imag / 1e-30 - difference)[good] <= 1e-6 * scale[good]).all()
        )


def differences(values: Callable, t: np.ndarray, h: Any) -> np.ndarray:
    """The slopes of a function, by central differences of fourth order."""
    sides = [values(t + k * h) for k in (-2, -1, 1, 2)]
    return (8 * (sides[2] - sides[1]) - (sides[3] - sides[0])) / (12 * h)
