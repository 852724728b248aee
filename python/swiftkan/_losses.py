"""Losses and regularisation metrics: their names, their numbers in the engine, and losses written in Python.

What it must get right first: a loss without a gradient cannot train a network, so a callable must return both, and what
it returns is checked every time before the engine uses it.
"""

from __future__ import annotations

import warnings
from typing import Any
from collections.abc import Callable

import numpy as np

from . import _check

LOSSES = {"mse": 0, "mae": 1, "huber": 2, "cross_entropy": 3, "bce": 4}  # swiftkan_loss
CUSTOM = 5
PICKLED = "custom"  # what pickles hold of a loss written in Python
REG_METRICS = {
    "edge_forward_spline_n": 0,
    "edge_forward_sum": 1,
    "edge_forward_spline_u": 2,
    "edge_backward": 3,
    "node_backward": 4,
}  # swiftkan_reg_metric

NEEDS_GRADIENT = (
    "training needs the gradient of the loss too: return (value, dvalue/dprediction), the second with the prediction's "
    "shape (rows, outputs), for example\n"
    "    def loss_fn(prediction, label):\n"
    "        error = prediction - label\n"
    "        return (error**2).mean(), 2 * error / error.size"
)


def resolve(name: str, loss: Any) -> str | Callable:
    """The loss's name, or the callable that computes it; None is 'mse'."""
    if loss is None:
        return "mse"
    if callable(loss):
        return loss
    if isinstance(loss, str) and loss in LOSSES:
        return loss
    raise ValueError(
        f"{name}: must be one of {', '.join(map(repr, LOSSES))}, or a callable (prediction, label) → (value, "
        f"dvalue/dprediction), not {_check.shown(loss)}"
    )


def objective(
    loss: str | Callable, reg_metric: Any, huber_delta: Any, lamb: Any, lamb_l1: Any, lamb_entropy: Any, lamb_coef: Any,
    lamb_coefdiff: Any,
) -> tuple:  # fmt: skip
    """The engine's tuple of loss + lamb·regularisation, all parts checked."""
    _check.choice("reg_metric", reg_metric, REG_METRICS)
    return (
        CUSTOM if callable(loss) else LOSSES[loss],
        REG_METRICS[reg_metric],
        _check.real("huber_delta", huber_delta, above=0.0),
        _check.real("lamb", lamb, 0.0),
        _check.real("lamb_l1", lamb_l1),
        _check.real("lamb_entropy", lamb_entropy),
        _check.real("lamb_coef", lamb_coef),
        _check.real("lamb_coefdiff", lamb_coefdiff),
    )


def labels(
    name: str, value: Any, loss: str, n: int, outputs: int, dtype: np.dtype, finite: bool = True
) -> tuple[Any, Any]:
    """Labels as the engine takes them: (y, None), or (None, integer classes) for cross-entropy.

    Classes are integers (n,) from 0 to outputs - 1; one-hot or probabilities are (n, outputs). All other losses want
    (n, outputs); one dimension is refused, because (n,) against (n, 1) would broadcast to (n, n). ``finite=False``
    leaves it to the engine to find what is not finite.
    """
    if not finite and loss in ("mse", "mae", "huber") and _check.ready(value, dtype) and value.shape == (n, outputs):
        return value, None
    given = _check.array(name, value)
    if loss == "cross_entropy":
        if outputs < 2:
            raise ValueError(
                "loss 'cross_entropy' needs an output for each class, and this model has 1: use a model with 2 "
                "outputs, or 'bce'"
            )
        if given.ndim == 1:
            return None, _classes(name, given, n, outputs)
        if given.ndim == 2 and given.shape == (n, 1):
            raise ValueError(
                f"{name}: has the shape {given.shape}; class numbers are one-dimensional: pass {name}.ravel()"
            )
        _check.label_columns(name, given, n, outputs)
        y = _check.contiguous(given, dtype)
        _check.finite(name, y)
        sums = y.sum(axis=1)
        wrong = (y < 0).any(axis=1) | (np.abs(sums - 1) > 1e-3)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(
                f"{name}: row {row} is {y[row].tolist()}; probabilities of classes are not negative and sum to 1"
            )
        return y, None
    classes = "; integer classes are for the loss 'cross_entropy'" if given.dtype.kind in "iu" and outputs > 1 else ""
    _check.label_columns(name, given, n, outputs, classes)
    y = _check.contiguous(given, dtype)
    _check.finite(name, y)
    if loss == "bce" and ((y < 0) | (y > 1)).any():
        raise ValueError(f"{name}: 'bce' needs labels from 0 to 1, not {float(y.min()):g} … {float(y.max()):g}")
    return y, None


def _classes(name: str, given: np.ndarray, n: int, outputs: int) -> np.ndarray:
    if given.shape != (n,):
        raise ValueError(f"{name}: has {given.shape[0]} labels for {n} samples")
    if given.dtype.kind == "f":
        raise ValueError(
            f"{name}: classes must be integers, not {given.dtype}; if they are whole numbers pass {name}.astype(int)"
        )
    low, high = int(given.min()), int(given.max())
    if low < 0 or high >= outputs:
        raise ValueError(f"{name}: classes must be 0 … {outputs - 1} for {outputs} outputs, not {low} … {high}")
    return np.ascontiguousarray(given, dtype=np.int64)


def value(name: str, prediction: np.ndarray, label: Any, loss: str | Callable, huber_delta: float) -> float:
    """The loss of a prediction (rows, outputs), as the engine defines it."""
    n, outputs = prediction.shape
    if callable(loss):
        label = None if label is None else _check.array(name, label)
        return CallableLoss(loss, None, None, outputs, prediction.dtype).value_and_slope(prediction, label)[0]
    y, classes = labels(name, label, loss, n, outputs, prediction.dtype)
    p = prediction.astype(np.float64)
    if loss == "cross_entropy":
        p -= p.max(axis=1, keepdims=True)
        p -= np.log(np.exp(p).sum(axis=1, keepdims=True))
        return float(-(p[np.arange(n), classes] if y is None else (y * p).sum(axis=1)).mean())
    if loss == "bce":
        return float((np.maximum(p, 0) - p * y + np.log1p(np.exp(-np.abs(p)))).mean())
    error = np.abs(p - y)
    if loss == "huber":
        return float(np.where(error <= huber_delta, 0.5 * error**2, huber_delta * (error - 0.5 * huber_delta)).mean())
    return float((error if loss == "mae" else error**2).mean())


def left_behind(prediction: np.ndarray, label: Any) -> tuple[float, np.ndarray]:
    """Stands for a loss written in Python that a pickle does not hold."""
    raise ValueError("loss_fn: the last fit had a loss of your own, which its pickle does not hold: pass it as loss_fn=")


class CallableLoss:
    """A loss written in Python, in the form that the engine calls.

    The user gets a prediction that may be kept and written to; the engine's is neither.
    """

    def __init__(self, function: Callable, train_label: Any, test_label: Any, outputs: int, dtype: np.dtype):
        self._function, self._outputs, self._dtype = function, outputs, dtype
        self._labels = (train_label, test_label)

    def __call__(self, is_test: bool, prediction: Any, index: Any, rows: int, grad: Any) -> float:
        p = np.array(np.frombuffer(prediction, self._dtype)).reshape(rows, self._outputs)
        label = self._labels[bool(is_test)]
        if index is not None and label is not None:
            label = label[np.frombuffer(index, np.int64)]
        value, slope = self.value_and_slope(p, label)
        if grad is not None:
            if np.isfinite(value) and not np.isfinite(slope).all():  # an optimiser would take it for the minimum, or go anywhere
                r, o = np.argwhere(~np.isfinite(slope))[0]
                warnings.warn(
                    f"loss_fn: the gradient it returned is {slope[r, o]:g} in row {r}, column {o}, where the prediction is {p[r, o]:g}; the "
                    f"loss, {value:g}, counts as not finite, too",
                    RuntimeWarning,
                    stacklevel=2,
                )
                value = float("nan")
            np.frombuffer(grad, self._dtype).reshape(p.shape)[...] = slope
        return value

    def value_and_slope(self, prediction: np.ndarray, label: Any) -> tuple[float, np.ndarray]:
        """Calls the user's function and checks what comes back."""
        shape = prediction.shape
        result = self._function(prediction, label)
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise TypeError(f"loss_fn: returned {_described(result)} alone; {NEEDS_GRADIENT}")
        value, slope = result
        try:
            value = float(value)
        except (TypeError, ValueError):
            raise TypeError(
                f"loss_fn: the value it returned must be one number, not {_described(value)}; {NEEDS_GRADIENT}"
            ) from None
        slope = _check.array("the gradient that loss_fn returned", slope)
        if slope.shape != shape:
            raise ValueError(
                f"loss_fn: the gradient it returned has the shape {slope.shape}, but the prediction has {shape}; "
                f"{NEEDS_GRADIENT}"
            )
        return value, slope


def _described(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"{type(value).__name__}" + (f" of shape {tuple(shape)}" if shape else "")
