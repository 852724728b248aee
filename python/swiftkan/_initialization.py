"""The numbers that a network begins with: pykan's, or those of arXiv 2509.03417.

What it must get right first:
  1. the same settings give the same numbers, on every machine; no global generator is used;
  2. ``init="pykan"`` is what the engine makes, number for number pykan's; nothing is added to it here.

arXiv 2509.03417 (section 3) writes an edge as r·R(x) + c·Σ_m b_m·B_m(x), begins with c = 1 (here ``scale_sp``) and draws r
(``scale_base``) and b (``coef``) from normal distributions around 0, for a layer from n_in to n_out with G + k splines an edge:

  glorot   σ = gain·√(2 / (n_in·D·E[F²] + n_out·D·E[F'²])),  D = G + k + 1, gain = the inputs' deviation: variances of values and
           gradients stay as alike as they can from layer to layer. F = B_m for b, over x and m; F = R for r; x uniform on the grid
  power    σ_r = (n_in·D)^-0.25,  σ_b = (n_in·D)^-1.75: the exponents that the paper recommends
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _core

POWER = {"scale_base": 0.25, "coef": 1.75}
POINTS = 2000  # at which expectations are taken


def new_core(settings: Any) -> Any:
    """A new engine with the initial numbers of ``settings``."""
    core = _core.Model(**settings.engine_arguments())
    if settings.init == "pykan":
        return core
    numbers = np.frombuffer(core, settings.dtype)
    blocks = {name: numbers[offset : offset + int(np.prod(shape))].reshape(shape) for name, offset, shape, _ in core.blocks()}
    random = np.random.Generator(np.random.PCG64(settings.seed))
    for l, (grid, k) in enumerate(zip(settings.layers("grid"), settings.layers("k"))):
        coef, base, mask = (blocks[f"act_fun.{l}.{part}"] for part in ("coef", "scale_base", "mask"))
        deviation = _glorot(settings, grid, k, *mask.shape) if settings.init == "glorot" else _power(grid, k, len(mask))
        coef[...] = deviation["coef"] * random.standard_normal(coef.shape)
        base[...] = deviation["scale_base"] * random.standard_normal(base.shape)
        blocks[f"act_fun.{l}.scale_sp"][...] = mask
    return core


def _power(grid: int, k: int, inputs: int) -> dict[str, float]:
    return {part: float(inputs * (grid + k + 1)) ** -exponent for part, exponent in POWER.items()}


def _glorot(settings: Any, grid: int, k: int, inputs: int, outputs: int) -> dict[str, float]:
    low, high = settings.grid_range
    x = low + (high - low) * (np.arange(POINTS) + 0.5) / POINTS
    terms = grid + k + 1
    values = {"coef": _splines(x, low, high, grid, k), "scale_base": _base(settings.base_fun, x)}
    gain = (high - low) / np.sqrt(12)
    deviation = {}
    for part, (value, slope) in values.items():
        variance = terms * (inputs * np.mean(value**2) + outputs * np.mean(slope**2))
        deviation[part] = gain * np.sqrt(2 / variance) if variance > 0 else 0.0
    return deviation


def _base(name: str, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The base function and its derivative."""
    if name == "silu":
        sigmoid = 1 / (1 + np.exp(-x))
        return x * sigmoid, sigmoid * (1 + x * (1 - sigmoid))
    return (x, np.ones_like(x)) if name == "identity" else (np.zeros_like(x), np.zeros_like(x))


def _splines(x: np.ndarray, low: float, high: float, grid: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(points, grid + k): B-splines on a uniform grid and their derivatives (de Boor's recurrence)."""
    h = (high - low) / grid
    t = low + h * np.arange(-k, grid + k + 1)
    rows = ((x[:, None] >= t[:-1]) & (x[:, None] < t[1:])).astype(float)
    slope = np.zeros_like(rows)
    for p in range(1, k + 1):
        slope = (rows[:, :-1] - rows[:, 1:]) / h
        count = rows.shape[1] - 1
        rows = ((x[:, None] - t[:count]) * rows[:, :-1] + (t[p + 1 : p + 1 + count] - x[:, None]) * rows[:, 1:]) / (p * h)
    return rows, slope
