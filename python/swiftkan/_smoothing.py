"""Smoothing: least squares with a penalty on bending, its weight chosen by generalised cross-validation.

What it must get right first:
  1. every accepted step lowers what is minimised, so that smoothing cannot blow a model up;
  2. the weight does not depend on the grid, nor on the units of x and y;
  3. however it ends, the model has the parameters of the last accepted step, and the grids that belong to them.

Minimised is Σ w |y - f|² / Σ w + smooth·S, S the penalty of ``_penalty.py``: squares are summed over outputs, so that outputs which
share nothing are smoothed as each alone, as in ``_gam.py``. With f linearised at the present parameters this is a ridge regression
with the hat matrix H = J A⁻¹ Jᵀ, A = JᵀJ + N·smooth·S for N samples, and the weight is that of the least

    GCV = M·SSR / (M - tr H)²                         (Craven and Wahba, Numerische Mathematik 31, 1979)

for M = N·outputs numbers, linearised anew for some steps and then kept ("performance iteration": Gu, JASA 87, 1992). It comes from
above, a tenth a step at most, because a network that has followed the noise is linear only nearby, and GCV would find the hollow it is
in the best. One eigenvalue problem makes JᵀJ and S diagonal together, after which any weight costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import _check, _penalty

PRIOR = 1e-10  # where samples say nothing; as in training
CUT = 1e-14  # of the largest eigenvalue
SMALLEST, LARGEST = -14.0, 3.0  # log10 of weights looked at
FIRST, CALM = 1e-4, 3  # before it chooses, this weight for so many steps: a network that follows the noise must leave its hollow
MOVES = (10,)  # steps before which hidden grids follow the values of nodes
CHOICES, STEPS = 16, 60  # steps in which the weight is chosen anew, and all
DAMPING = 1e-3  # of the first step
ENOUGH = 1e-7  # relative gain of a step that is the last


class Ridge:
    """min |z - J w|² + total·wᵀSw for many weights; given by JᵀJ, S, Jᵀz and |z|² (one or several z)."""

    def __init__(self, normal: np.ndarray, penalty: np.ndarray, prior: np.ndarray, b: np.ndarray, squares: np.ndarray):
        matrix = normal + prior
        scale = 1 / np.sqrt(np.maximum(matrix.diagonal(), 1e-300))
        values, vectors = np.linalg.eigh(matrix * scale * scale[:, None])
        keep = values > CUT * values[-1]
        root = vectors[:, keep] / np.sqrt(values[keep]) * scale[:, None]
        self.bends, turn = np.linalg.eigh(root.T @ penalty @ root)
        self.bends = np.maximum(self.bends, 0)
        self.root = root @ turn
        self.b = self.root.T @ b.reshape(len(b), -1)
        self.unseen = self.root.T @ prior @ self.root  # JᵀJ is 1 minus this
        self.squares = np.atleast_1d(squares)

    def solve(self, total: float) -> np.ndarray:
        """w (P, z)."""
        return self.root @ (self.b / (1 + total * self.bends)[:, None])

    def score(self, total: float, samples: int) -> float:
        """GCV; with several z the mean, each relative to its own squares."""
        c = self.b / (1 + total * self.bends)[:, None]
        residual = self.squares - 2 * np.sum(c * self.b, axis=0) + np.sum(c * c, axis=0) - np.sum(c * (self.unseen @ c), axis=0)
        residual = np.maximum(residual, 1e-15 * self.squares)
        left = samples - self.freedom(total)
        if left < 0.02 * samples:
            return np.inf
        return float(np.mean(residual / np.maximum(self.squares, 1e-300)) * samples / left**2)

    def freedom(self, total: float) -> float:
        """tr H"""
        return float(np.sum((1 - self.unseen.diagonal()) / (1 + total * self.bends)))

    def choose(self, samples: int, outputs: int = 1) -> float:
        """The weight (relative to the number of samples, of ``outputs`` numbers each) with the least GCV: on a grid, then by golden
        section."""
        score = lambda power: self.score(samples * 10.0**power, samples * outputs)  # noqa: E731
        powers = np.linspace(SMALLEST, LARGEST, 35)
        values = [score(power) for power in powers]
        best = int(np.argmin(values))
        low, high = powers[max(best - 1, 0)], powers[min(best + 1, len(powers) - 1)]
        golden = (np.sqrt(5) - 1) / 2
        for _ in range(12):
            a, b = high - golden * (high - low), low + golden * (high - low)
            low, high = (low, b) if score(a) < score(b) else (a, high)
        return float(10.0 ** ((low + high) / 2))


def weight_of(value: Any) -> float | str:
    """The argument ``smooth``, checked: a number or 'gcv'."""
    return "gcv" if isinstance(value, str) and value == "gcv" else _check.real("smooth", value, 0.0)


class Course(NamedTuple):
    """How smoothing went."""

    weight: float
    values: dict[str, list[float]]  # losses, step by step
    evaluations: int  # of the loss
    stopped: bool  # by ``report``


def smooth(
    model: Any, train: Any, test: Any, weight: float | str, avoid: bool, y_th: float, margin: float | None, report: Callable | None
) -> Course:
    """Fits ``model`` with the penalty, from where it is; the model then knows the penalty it was fitted with.

    ``margin`` is that of grids that move, None where they must not. ``report`` is called after each step with its number (from 1)
    and losses, and true ends it.
    """
    values: dict[str, list[float]] = {"train_loss": [], "test_loss": [], "reg": []}
    if not model._columns().size:
        return Course(0.0, values, 0, False)
    descent = _Descent(model, train, FIRST if weight == "gcv" else float(weight), avoid, y_th)
    core, accepted, chosen, stopped = model._core, model._array.copy(), descent.chosen, False
    try:
        for step in range(STEPS):
            if margin is not None and step in MOVES:
                descent.move_grids(margin)
            gain = descent.step(weight == "gcv" and CALM <= step < CHOICES)
            if not gain:
                model._array[...] = accepted  # with the grids before they moved
                if weight == "gcv" and step < CALM:  # it is where the first weight leads; the weight is yet to be chosen
                    continue
                break
            accepted, chosen = model._array.copy(), descent.chosen
            model._fitted_how = descent.layers(), avoid, y_th
            losses = descent.squares / descent.numbers, _mean_square(model, test, avoid, y_th) if test else np.nan, 0.0
            for key, loss in zip(values, losses):
                values[key].append(loss)
            stopped = bool(report and report(len(values["reg"]), *losses))
            if stopped or gain < ENOUGH and (weight != "gcv" or step >= CHOICES - 1):
                break
            accepted = model._array.copy()  # a callback may have changed numbers
    except BaseException:
        if model._core is core:  # not one that a callback has put in its place
            model._array[...] = accepted
        raise
    if not values["reg"]:  # it was there already
        chosen, model._fitted_how = descent.chosen, (descent.layers(), avoid, y_th)
    return Course(chosen, values, descent.evaluations, stopped)


class _Descent:
    """Levenberg-Marquardt steps down the squares and the penalty."""

    def __init__(self, model: Any, train: Any, chosen: float, avoid: bool, y_th: float):
        self.model, self.train, self.chosen, self.how = model, train, chosen, (avoid, y_th)
        self.index = model._columns()
        n, self.outputs, size = len(train.rows), model.width_in[-1], self.index.size
        self.samples, self.numbers, self.counts = n, n * self.outputs, train.share()
        self.weights = None if train.weight is None else self.counts.astype(model.dtype)
        self.prediction, self.gradient = np.empty((n, self.outputs), model.dtype), np.empty(model._parameter_count, model.dtype)
        self.normal, self.damping, self.evaluations = np.empty((size, size)), DAMPING, 0
        self._bend()

    def _bend(self) -> None:
        self.penalty, self.shares = _penalty.bending(self.model, self.index), None

    def layers(self) -> tuple[float, ...]:
        """The penalty's weight layer by layer; () before the first step."""
        return () if self.shares is None else tuple(self.chosen * share for share in self.shares)

    def move_grids(self, margin: float) -> None:
        """Hidden grids follow the values of nodes."""
        self.model._core.update_grid(self.train.chosen, len(self.train.rows), *self.how, margin, False)
        self._bend()

    def _residuals(self) -> np.ndarray:
        self.model._core.forward(self.train.chosen, self.prediction, *self.how)
        r = self.train.y.astype(np.float64) - self.prediction
        self.squares = float(np.sum(self.counts[:, None] * r * r))
        self.evaluations += 1
        return r

    def _cost(self, w: np.ndarray) -> float:
        return self.squares + self.samples * self.chosen * self.penalty.value(w) + float(w @ self.prior @ w)

    def step(self, choosing: bool) -> float:
        """One step, after the weight is chosen anew if ``choosing``: by what part it lowered what is minimised, 0 if none does."""
        model, index, n = self.model, self.index, len(self.train.rows)
        r, w = self._residuals(), model._array[index].astype(np.float64)
        model._core.normal_matrix(self.train.chosen, n, self.weights, index.size, self.normal, *self.how)
        model._core.vjp(self.train.chosen, n, (self.counts[:, None] * r).astype(model.dtype), self.gradient, None, *self.how)
        normal, slope = self.normal, self.gradient[index].astype(np.float64)
        if not (np.isfinite(normal).all() and np.isfinite(slope).all() and np.isfinite(self.squares) and normal.diagonal().any()):
            return 0.0
        if self.shares is None:
            self.shares = _penalty.shares(self.penalty, model.depth, normal)
            self.penalty.weigh(self.shares)
            self.matrix = self.penalty.matrix(index.size)
            self.prior = _penalty.relative(self.penalty, normal, PRIOR).matrix(index.size)
        if choosing:
            pull = normal @ w
            ridge = Ridge(normal, self.matrix, self.prior, slope + pull, np.array([self.squares + 2 * slope @ w + w @ pull]))
            self.chosen = max(ridge.choose(self.samples, self.outputs), self.chosen / 10)
        total = self.samples * self.chosen
        whole = normal + total * self.matrix + self.prior
        diagonal = np.maximum(whole.diagonal(), 1e-12 * whole.diagonal().max())
        down = slope - total * (self.matrix @ w) - self.prior @ w
        before = self._cost(w)
        for _ in range(12):
            model._array[index] = w + np.linalg.solve(whole + np.diag((self.damping + 1e-13) * diagonal), down)
            self._residuals()
            gain = before - self._cost(model._array[index].astype(np.float64))
            if gain > 0:
                self.damping = max(self.damping / 10, 1e-12)
                return gain / before
            self.damping = max(self.damping * 8, 1e-6)
        self.damping = DAMPING
        return 0.0


def _mean_square(model: Any, part: Any, avoid: bool, y_th: float) -> float:
    prediction = np.empty((len(part.rows), model.width_in[-1]), model.dtype)
    model._core.forward(part.chosen, prediction, avoid, y_th)
    error = ((part.y - prediction).astype(np.float64) ** 2).mean(axis=1)
    return float(np.average(error, weights=part.weight))
