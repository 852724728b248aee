"""Smoothing: least squares with a penalty on bending, its weight chosen by generalised cross-validation.

What it must get right first:
  1. every accepted step lowers what is minimised, so that smoothing cannot blow a model up;
  2. the weight does not depend on the grid, nor on the units of x and y.

Minimised is Σ w (y - f)² / Σ w + smooth·S, S the penalty of ``_penalty.py``. With f linearised at the present parameters this is a
ridge regression with the hat matrix H = J A⁻¹ Jᵀ, A = JᵀJ + N·smooth·S, and the weight is that of the least

    GCV = N·SSR / (N - tr H)²                         (Craven and Wahba, Numerische Mathematik 31, 1979)

linearised anew for some steps and then kept ("performance iteration": Gu, JASA 87, 1992). It comes from above, a tenth a step at most,
because a network that has followed the noise is linear only nearby, and GCV would find the hollow it is in the best. One eigenvalue problem makes JᵀJ and S
diagonal together, after which any weight costs next to nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _check, _penalty

PRIOR = 1e-10  # where samples say nothing; as in training
CUT = 1e-14  # of the largest eigenvalue
SMALLEST, LARGEST = -14.0, 3.0  # log10 of weights looked at
FIRST, CALM = 1e-4, 3  # before it chooses, this weight for so many steps: a network that follows the noise must leave its hollow
MOVES = (10,)  # steps before which hidden grids follow the values of nodes
CHOICES, STEPS = 16, 60  # steps in which the weight is chosen anew, and all
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

    def choose(self, samples: int) -> float:
        """The weight (relative to the number of samples) with the least GCV: on a grid, then by golden section."""
        score = lambda power: self.score(samples * 10.0**power, samples)  # noqa: E731
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


def smooth(model: Any, train: Any, test: Any, weight: float | str, avoid: bool, y_th: float, margin: float | None) -> tuple[float, dict, float]:
    """Fits ``model`` with the penalty, from where it is: (the weight, losses step by step, effective parameters).

    ``margin`` is that of grids that move, None where they must not.
    """
    n, outputs, core = len(train.rows), model.width_in[-1], model._core
    index = model._columns()
    values: dict[str, list] = {"train_loss": [], "test_loss": [], "reg": []}
    if not index.size:
        return 0.0, values, 0.0
    share = np.ones(n) if train.weight is None else train.weight.astype(np.float64)
    numbers = outputs * int(np.count_nonzero(share))
    share = share * (np.count_nonzero(share) / share.sum())
    weights = None if train.weight is None else share.astype(model.dtype)
    prediction, gradient = np.empty((n, outputs), model.dtype), np.empty(model._parameter_count, model.dtype)
    normal = np.empty((index.size, index.size))
    penalty, prior, matrix = _penalty.bending(model, index), None, None
    chosen = FIRST if weight == "gcv" else float(weight)
    damping, freedom = 1e-3, float(index.size)

    def residuals() -> tuple[np.ndarray, float]:
        core.forward(train.chosen, prediction, avoid, y_th)
        r = train.y.astype(np.float64) - prediction
        return r, float(np.sum(share[:, None] * r * r))

    def bent(w: np.ndarray) -> float:
        return numbers * chosen * penalty.value(w) + float(w @ prior @ w)

    r, squares = residuals()
    for step in range(STEPS):
        if margin is not None and step in MOVES:
            core.update_grid(train.chosen, n, avoid, y_th, margin, False)
            r, squares = residuals()
            penalty, matrix = _penalty.bending(model, index), None
        w = model._array[index].astype(np.float64)
        core.normal_matrix(train.chosen, n, weights, index.size, normal, avoid, y_th)
        core.vjp(train.chosen, n, (share[:, None] * r).astype(model.dtype), gradient, None, avoid, y_th)
        slope = gradient[index].astype(np.float64)
        if not (np.isfinite(normal).all() and np.isfinite(slope).all() and np.isfinite(squares)):
            break
        if matrix is None:
            _penalty.weigh(penalty, model.depth, normal)
            matrix = penalty.matrix(index.size)
            prior = _penalty.relative(penalty, normal, PRIOR).matrix(index.size)
        if weight == "gcv" and CALM <= step < CHOICES:
            pull = normal @ w
            ridge = Ridge(normal, matrix, prior, slope + pull, np.array([squares + 2 * slope @ w + w @ pull]))
            chosen = max(ridge.choose(numbers), chosen / 10)
            freedom = ridge.freedom(numbers * chosen)
        whole = normal + numbers * chosen * matrix + prior
        diagonal = np.maximum(whole.diagonal(), 1e-12 * whole.diagonal().max())
        down = slope - numbers * chosen * (matrix @ w) - prior @ w
        before, gain = squares + bent(w), 0.0
        for _ in range(12):
            move = np.linalg.solve(whole + np.diag((damping + 1e-13) * diagonal), down)
            model._array[index] = w + move
            r, squares = residuals()
            gain = before - squares - bent(model._array[index].astype(np.float64))
            if gain > 0:
                damping = max(damping / 10, 1e-12)
                break
            damping = max(damping * 8, 1e-6)
        else:
            model._array[index] = w
            r, squares = residuals()
            break
        values["train_loss"].append(squares / numbers)
        values["test_loss"].append(_mean_square(model, test, avoid, y_th) if test else np.nan)
        values["reg"].append(0.0)
        if gain < ENOUGH * before and (weight != "gcv" or step >= CHOICES - 1):
            break
    if weight != "gcv" and matrix is not None:
        whole = normal + numbers * chosen * matrix + prior
        diagonal = np.maximum(whole.diagonal(), 1e-300)
        freedom = float(np.trace(np.linalg.solve(whole + np.diag(1e-13 * diagonal), normal)))
    return chosen, values, freedom


def _mean_square(model: Any, part: Any, avoid: bool, y_th: float) -> float:
    prediction = np.empty((len(part.rows), model.width_in[-1]), model.dtype)
    model._core.forward(part.chosen, prediction, avoid, y_th)
    error = ((part.y - prediction).astype(np.float64) ** 2).mean(axis=1)
    return float(np.average(error, weights=part.weight))
