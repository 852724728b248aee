"""The constants of a formula: fitted to the last digit, and recognised where they are simple.

What it must get right first:
  1. a constant is replaced by a simple one only if, with all others fitted anew, the error does not grow beyond chance;
  2. constants that others can stand in for (a in c·log(a·x) + d) do no harm: least squares of minimum norm throughout.

Levenberg-Marquardt on the constants, with SymPy's derivatives; uncertainties from σ²·(JᵀJ)⁺.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._formula_values import modules

# A change of the sum of squares by this many σ² is chance: two standard deviations of one constant.
CHANCE = 4.0


class Constants:
    """A formula of one output with its constants taken out, fitted to samples x (n, variables) and y (n,)."""

    def __init__(self, expression: Any, variables: list[Any], x: np.ndarray, y: np.ndarray):
        import sympy

        self.symbols: list[Any] = []
        values: list[float] = []

        def take_out(node: Any) -> Any:
            if node.is_Float:
                symbol = sympy.Dummy(f"k{len(values)}", real=True)
                self.symbols.append(symbol)
                values.append(float(node))
                return symbol
            return node.func(*map(take_out, node.args)) if node.args else node

        self.form = take_out(sympy.sympify(expression))
        self.values = np.array(values)
        self.exact: dict[int, Any] = {}  # recognised ones, as SymPy numbers
        self.x, self.y = [np.ascontiguousarray(column) for column in np.asarray(x, np.float64).T], np.asarray(y, np.float64)
        slopes = [sympy.diff(self.form, symbol) for symbol in self.symbols]
        self._call = sympy.lambdify([*variables, *self.symbols], [self.form, *slopes], modules=modules(), cse=True)

    def residual(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Residuals (n,) and their derivatives by the constants (n, constants); None if not finite."""
        with np.errstate(all="ignore"):
            rows = [np.broadcast_to(np.asarray(row, np.float64), self.y.shape) for row in self._call(*self.x, *values)]
        jacobian = np.stack(rows[1:], axis=1) if len(rows) > 1 else np.zeros((self.y.size, 0))
        residual = rows[0] - self.y
        return (residual, jacobian) if np.isfinite(residual).all() and np.isfinite(jacobian).all() else None

    def fit(self, values: np.ndarray, held: set[int], iterations: int = 12) -> tuple[np.ndarray, float]:
        """The best values near ``values`` with those of ``held`` as they are, and their sum of squares."""
        free = [k for k in range(values.size) if k not in held]
        found = self.residual(values)
        if found is None:
            return values, np.inf
        residual, jacobian = found
        best, damping = float(residual @ residual), 0.0
        for _ in range(iterations if free else 0):
            part = jacobian[:, free]
            size = np.linalg.norm(part, axis=0)
            size[size == 0] = 1.0
            scaled, wanted = part / size, residual
            if damping:
                scaled = np.vstack([scaled, damping * np.eye(len(free))])
                wanted = np.concatenate([residual, np.zeros(len(free))])
            step = np.linalg.lstsq(scaled, wanted, rcond=1e-11)[0] / size
            trial = values.copy()
            trial[free] -= step
            found = self.residual(trial)
            if found is not None and float(found[0] @ found[0]) < best:
                gain = 1 - float(found[0] @ found[0]) / best
                values, (residual, jacobian) = trial, found
                best, damping = float(residual @ residual), damping * 0.1 if damping > 1e-8 else 0.0
                if gain < 1e-6 or best == 0:
                    break
            else:
                damping = max(damping * 10, 1e-4)
                if damping > 1e3:
                    break
        return values, best

    def expression(self) -> Any:
        """The formula with its constants put back."""
        import sympy

        return self.form.xreplace({s: self.exact.get(k, sympy.Float(v)) for k, (s, v) in enumerate(zip(self.symbols, self.values))})

    def recognise(self) -> None:
        """Fits the constants, then replaces one after the other by a simple number, as long as the error stays."""
        self.values, rss = self.fit(self.values, set())
        if not np.isfinite(rss):
            return
        n, held = self.y.size, set()
        floor = n * (1e-11 * max(float(np.abs(self.y).max(initial=0.0)), 1e-300)) ** 2
        waiting = list(range(self.values.size))
        while waiting:
            error, open_ends = self._uncertainty(rss, held)
            choices = {k: _simple(self.values[k], error[k], open_ends[k]) for k in waiting}
            k = min(waiting, key=lambda k: (open_ends[k], min((d for d, *_ in choices[k]), default=1.0)))
            waiting.remove(k)
            for _, value, exact in choices[k]:
                trial = self.values.copy()
                trial[k] = value
                trial, misfit = self.fit(trial, held | {k})
                variance = rss / max(n - self.values.size, 1)
                if misfit <= rss + CHANCE * variance + floor:
                    self.values, held, self.exact[k] = trial, held | {k}, exact
                    rss = max(rss, misfit) if misfit > floor else rss
                    break

    def _uncertainty(self, rss: float, held: set[int]) -> tuple[np.ndarray, np.ndarray]:
        """The standard error of each constant that is not held, and whether others can stand in for it."""
        error, open_ends = np.zeros(self.values.size), np.zeros(self.values.size, bool)
        free, found = [k for k in range(self.values.size) if k not in held], self.residual(self.values)
        if found is None or not free:
            return error, open_ends
        jacobian = found[1][:, free]
        size = np.linalg.norm(jacobian, axis=0)
        size[size == 0] = 1.0
        eigenvalue, vector = np.linalg.eigh((jacobian / size).T @ (jacobian / size))
        null = eigenvalue < 1e-13 * eigenvalue[-1]
        open_ends[free] = (vector[:, null] ** 2).sum(axis=1) > 1e-6
        variance = rss / max(self.y.size - self.values.size, 1)
        error[free] = np.sqrt((vector[:, ~null] ** 2 / eigenvalue[~null]).sum(axis=1) * variance) / size
        return error, open_ends


def _simple(value: float, error: float, open_end: bool = False) -> list[tuple[float, float, Any]]:
    """Simple numbers that ``value``, known to ``error``, may be, the plainest first: (relative distance, number, SymPy number).

    A number that is hardly known may be anything: integers and their multiples of π and e need an error below 0.2 %, others
    below 0.02 %. One that others can stand in for may be 1.
    """
    import sympy

    if abs(value) <= max(2 * error, 1e-6):
        return [(0.0, 0.0, sympy.Integer(0))]
    if open_end:
        return [(abs(abs(value) - 1), math.copysign(1.0, value), sympy.Integer(int(math.copysign(1, value))))]
    precision = error / abs(value)
    if precision > 2e-3 or abs(value) < 1e-4:
        return []
    near = max(4 * precision, 1e-6)
    found = []
    units = [(sympy.Integer(1), 1.0, 0), (sympy.pi, np.pi, 2), (sympy.E, np.e, 3), (sympy.sqrt(2), np.sqrt(2), 3),
             (sympy.sqrt(3), np.sqrt(3), 4), (1 / sympy.pi, 1 / np.pi, 4)]  # fmt: skip
    for unit, size, cost in units:
        for denominator in (1, 2, 3, 4, 5, 6, 8, 10):
            numerator = round(value / size * denominator)
            plain = denominator == 1 and cost <= 3
            if numerator == 0 or abs(numerator) > (100 if cost == 0 else 12) or not plain and precision > 2e-4:
                continue
            number = size * numerator / denominator
            distance = abs(number - value) / abs(value)
            if distance <= near:
                weight = cost + (denominator > 1) * (1 + 0.1 * denominator) + 0.02 * abs(numerator)
                found.append((weight, distance, number, unit * sympy.Rational(numerator, denominator)))
    return [(distance, number, exact) for _, distance, number, exact in sorted(found, key=lambda each: each[0])[:3]]
