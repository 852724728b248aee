"""A warning where Levenberg-Marquardt or Newton-Kaczmarz gets data that are far from order one.

What it must get right first: no warning for data with which it works as well as with standardised ones, nor for a network that has learnt
such data already. For the loss 'mse' the errors tell; for others any model that has been fitted before counts as one, since a loss alone
does not say how good it is (copies and pickles know of fits, files do not).

A network's splines follow its inputs, and the damping follows them layer by layer, but base functions and first numbers are made for
numbers of order one. Training errors of exp(sin πx₁ + x₂²), [2, 5, 1], grid 5, 100 steps, as parts of the labels' standard deviation, six
starts on each of three data sets: 3e-5 … 1.2e-4 as it is, at most 7e-4 with x + 100, x/1000, 10·y or y + 30, but with 10⁴·x 0.003 … 0.4; and of
smaller and deeper networks more starts are lost with data far from order one ([2, 1, 1] with x + 10: nine of 18, none as it is).

Newton-Kaczmarz moves by units of the grids and labels, but begins with the same first numbers, of which y/1000 has a thousand times too much: x₁·x₂,
[2, 3, 1], 30 passes, lr 0.1: 0.08 of the labels' deviation as it is, 0.3 with 1000·x, 2.9 with y/1000.
"""

from __future__ import annotations

import contextlib
import warnings
from typing import Any, Iterator

import numpy as np

OFFSET = 4.0  # of an input's or label's mean, in its standard deviations; beyond it more starts are lost
SPREAD = {  # standard deviations, by the same measure
    "LM": {"x": (0.1, 15.0), "y": (0.0, 5.0)},
    "NewtonKaczmarz": {"x": (0.1, 15.0), "y": (0.05, 5.0)},
}
NAMES = {"LM": "Levenberg-Marquardt", "NewtonKaczmarz": "Newton-Kaczmarz"}
SAMPLES = 10_000  # to look at
ADVICE = (
    "can stop early with such numbers: standardise them, (x - mean) / std, which symbolic_formula(normalizer=) "
    "undoes; KANRegressor does so by itself"
)


@contextlib.contextmanager
def unwarned(model: Any) -> Iterator[None]:
    """Fits of ``model`` without the warning: for searches, whose many starts are judged by their errors."""
    model._warns_of_scales = False
    try:
        yield
    finally:
        del model._warns_of_scales


def far(name: str, values: np.ndarray, opt: str) -> str | None:
    """The first column of x or y (n, columns) that is far from order one, in words; constant columns are not."""
    values = values[:: max(1, len(values) // SAMPLES)].astype(np.float64)
    size = np.abs(values).max(axis=0)
    parts = values / np.where(size > 0, size, 1.0)  # whose squares are finite
    mean, spread = parts.mean(axis=0) * size, parts.std(axis=0) * size
    least, most = SPREAD[opt][name]
    for column, (m, s) in enumerate(zip(mean, spread)):
        if s > 1e-9 * abs(m) and not (least <= s <= most and abs(m) <= OFFSET * max(s, 1.0 if name == "y" else 0.0)):
            return f"column {column} of {name} is {m:.3g} ± {s:.2g}"
    return None


def warn(model: Any, part: Any, loss: Any, was_fitted: bool, opt: str) -> None:
    """After a fit: warns if inputs, or with the loss 'mse' labels, of ``part`` are far from order one and the network has not learnt them,
    or with other losses has been fitted for the first time."""
    if not model._warns_of_scales or len(part.rows) < 2:
        return
    found = far("x", part.chosen, opt) or (far("y", part.y, opt) if loss == "mse" else None)
    if found is None or (_learnt(model, part) if loss == "mse" else was_fitted):
        return
    warnings.warn(f"fit(): {found}; {NAMES[opt]} {ADVICE}", stacklevel=3)


def _learnt(model: Any, part: Any) -> bool:
    """Is the error below a tenth of that of a constant."""
    y = part.y.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # infinite errors are not learnt
        return bool(np.sqrt(np.mean((model.predict(part.rows) - y) ** 2)) < 0.1 * y.std())
