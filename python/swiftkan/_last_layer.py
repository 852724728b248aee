"""The last layer solved before training: fit(solve_last_layer=True).

What it must get right first:
  1. the training loss never rises, and no number becomes NaN: where the solution is not better, the layer stays as it was;
  2. only coefficients and base scales that training may change are changed; no random number is drawn;
  3. memory does not grow with the samples times the parameters.

Given the hidden nodes' values h, an output is linear in the last layer's coefficients c and base scales s:

    f_o = g_o Σ_i m_io (p_io Σ_b c_iob B_ib(h_i) + s_io silu(h_i)) + what stays,    g = node_scale·subnode_scale, m mask, p scale_sp,

so that the mean squared error is least for the solution of a linear least-squares problem: the inner problem of variable projection
(Golub and Pereyra, SIAM Journal on Numerical Analysis 10, 1973). It is solved once, by the normal equations, which all outputs share
but for their factors and which take the samples block by block. Sums of splines are constants, whatever the input, and silu is nearly
a spline, so that the solution is the one of minimum norm without the directions that samples hardly tell apart (a truncated
eigenvalue decomposition; singular values below CUT are left out, and the normal equations have the digits for the others).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._activations import ACTS
from ._auto import LM_PARAMETERS
from ._data import Part
from ._uncertainty import Uncertainty

CHUNK = 1 << 18  # numbers of a block of rows
CUT = 1e-4  # of the largest singular value; why so much: docs/accuracy.md


def check(model: Any, loss: Any, lamb: float, grid: Any) -> None:
    """Refuses models and objectives whose last layer is no least-squares problem. ``grid`` is the first to train with, or None."""
    if loss != "mse" or lamb:
        raise ValueError("solve_last_layer: is for the loss 'mse' and lamb=0, where the last layer is linear; leave it out, or change those")
    if model.width[-1][1]:
        raise ValueError("solve_last_layer: outputs that are products are not linear in the last layer; leave it out")
    settings = model._settings if grid is None else model._settings.replace(grid=grid)
    count = model.width_in[-2] * (settings.layers("grid")[-1] + settings.layers("k")[-1] + 1)
    if count > LM_PARAMETERS:
        raise ValueError(
            f"solve_last_layer: would solve equations with {count} unknowns; at most {LM_PARAMETERS} are allowed: leave it out, or use "
            "a smaller grid or fewer hidden nodes"
        )
    if not _factors(model, model._array)[0].any():
        raise ValueError("solve_last_layer: no numeric edge of the last layer is on, so that there is nothing to solve; leave it out")


def begin(model: Any, core: Any, part: Part, options: dict, objective: tuple, evaluation: tuple) -> dict:
    """Moves the grids of ``core``, an engine with the settings of ``model``, if that is due before the first step, and solves its
    last layer: the options for what follows, in which the grids have been moved."""
    if options["update_grid"] and options["start_grid_update_step"] <= 0 < options["stop_grid_update_step"]:
        core.update_grid(part.chosen, len(part.rows), *evaluation, options["grid_margin"], bool(options["grid_curvature"]))
        options = {**options, "start_grid_update_step": 1}
    solve(model, core, part, objective, evaluation)
    return options


def solve(model: Any, core: Any, part: Part, objective: tuple, evaluation: tuple) -> None:
    """Gives the last layer of ``core`` the least-squares solution for the labels of ``part``, if that lowers the loss."""
    numbers = np.frombuffer(core, model.dtype)
    spline, base = _factors(model, numbers)
    if not core.flags()["sb_trainable"] or model.base_fun == "zero":
        base = np.zeros_like(base)
    trial = core.copy()
    l, trial_numbers = model.depth - 1, np.frombuffer(trial, model.dtype)
    new = {name: model._cut(trial_numbers, f"act_fun.{l}.{name}") for name in ("coef", "scale_base")}
    new["coef"][spline != 0], new["scale_base"][base != 0] = 0, 0

    one = _single(model, numbers)
    index = one._columns()
    products = _products(one, index.size, trial, part, l, evaluation)
    if not np.isfinite(products).all():
        return
    normal, known = products[: index.size, : index.size], products[: index.size, index.size :]
    alike: dict[bytes, list[int]] = {}  # outputs by their factors: those with the same ones have the same equations
    for o in range(spline.shape[1]):
        alike.setdefault(spline[:, o].tobytes() + base[:, o].tobytes(), []).append(o)
    for outputs in alike.values():
        factor, on = np.zeros(one._parameter_count), {"coef": spline[:, outputs[0]], "scale_base": base[:, outputs[0]]}
        one._cut(factor, "act_fun.0.coef")[:, 0], one._cut(factor, "act_fun.0.scale_base")[:, 0] = on["coef"][:, None], on["scale_base"]
        factor = factor[index]
        values, vectors = np.linalg.eigh(normal * factor * factor[:, None])
        vectors = vectors[:, values > CUT**2 * values[-1]]
        seen = values[values > CUT**2 * values[-1]]
        for o in outputs:
            solution = np.zeros(one._parameter_count)
            solution[index] = vectors @ (vectors.T @ (factor * known[:, o]) / seen)
            with np.errstate(over="ignore"):  # what does not fit in float32 has no finite loss
                for name, number in on.items():
                    new[name][number != 0, o] = one._cut(solution, f"act_fun.0.{name}")[number != 0, 0]
    before, after = (_loss(each, part, objective, evaluation) for each in (core, trial))
    if np.isfinite(after) and not after > before:
        for name, values in new.items():
            model._cut(numbers, f"act_fun.{l}.{name}")[...] = values


def _factors(model: Any, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(inputs, outputs) twice: what a spline and a base function of the last layer are multiplied by on their way to the output."""
    l = model.depth - 1
    parts = (f"act_fun.{l}.mask", f"act_fun.{l}.scale_sp", f"node_scale_{l}", f"subnode_scale_{l}")
    mask, spline, node, subnode = (model._cut(numbers, name).astype(np.float64) for name in parts)
    base = mask * (node * subnode)
    return base * spline, base


def _single(model: Any, numbers: np.ndarray) -> Any:
    """A network of one layer and one output, whose derivatives are the last layer's basis functions."""
    l, settings = model.depth - 1, model._settings
    width = [model.width_in[-2], 1]
    grid, k = settings.layers("grid")[-1], settings.layers("k")[-1]
    one = Uncertainty(width, grid=grid, k=k, base_fun=model.base_fun, sb_trainable=model.base_fun != "zero")
    one.act_fun[0].grid[...] = model._cut(numbers, f"act_fun.{l}.grid")
    one.act_fun[0].scale_sp[...] = 1
    return one


def _products(one: Any, count: int, rest: Any, part: Part, l: int, evaluation: tuple) -> np.ndarray:
    """MᵀWM of M = [basis functions at the samples | labels less the outputs of ``rest``], with the samples' weights W; NaN if the
    hidden nodes or outputs are not finite somewhere."""
    n, outputs = part.y.shape
    products = np.zeros((count + outputs, count + outputs))
    step = max(CHUNK // (count + outputs), 1)
    for start in range(0, n, step):
        block = slice(start, start + step)
        chosen, y = part.chosen[block], part.y[block]
        hidden, known = np.empty((len(y), one.width_in[0]), y.dtype), np.empty_like(y)
        rest.activations(chosen, len(y), ACTS, l, hidden, *evaluation)
        rest.forward(chosen, known, *evaluation)
        if not (np.isfinite(hidden).all() and np.isfinite(known).all()):
            return np.full_like(products, np.nan)
        rows = np.concatenate([one._jacobian(hidden.astype(np.float64), count)[:, 0], y.astype(np.float64) - known], axis=1)
        if part.weight is not None:
            rows *= np.sqrt(part.weight[block].astype(np.float64))[:, None]
        with np.errstate(over="ignore"):  # labels whose squares are infinite have no finite loss
            products += rows.T @ rows
    return products


def _loss(core: Any, part: Part, objective: tuple, evaluation: tuple) -> float:
    n, x, y, labels, weight = part.engine()
    return core.loss_gradient(x, n, y, labels, weight, objective, None, None, *evaluation)[0]
