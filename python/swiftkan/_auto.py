"""fit(opt="auto"): the optimiser that suits a network, its data and the other arguments; and what Levenberg-Marquardt costs.

What it must get right first: the rule is the one that ``fit``'s docstring states, depends on sizes and arguments alone, never on
numbers in the data, and never picks an optimiser that would refuse the other arguments. Where all would, the error names those that
exclude each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _options

LM_WORK = 2e10  # multiplications a step: a few seconds
LM_PARAMETERS = 10_000  # the engine's limit
FIRST_ORDER_LR = 1e-2
FOR_ONE = {"smooth": "LM", "momentum": "SGD", "betas": "Adam", "eps": "Adam"}  # arguments that these alone look at
FIRST_ORDER = {"batch", "epochs", "weight_decay"}


def choose(
    model: Any, samples: int, levels: list, doubling: bool, asked: _options.Asked, lr: float | None, steep: bool
) -> tuple[str, float | None]:
    """(opt, lr): the optimiser of the arguments that one alone looks at; else 'Adam' for ``batch``, ``epochs`` and ``weight_decay``;
    else 'LM' if it takes the other arguments, its steps are affordable and the regulariser is not ``steep`` (absolute values of
    coefficients, scores of attribution), with which it ends higher; else 'LBFGS'. The rate of Adam and SGD is 1e-2 where none was
    given. ``levels`` and ``doubling`` as for ``lm_levels``."""
    given = asked.given()
    special = {name: opt for name, opt in FOR_ONE.items() if name in given}
    if len(set(special.values())) > 1:
        names = ", ".join(f"{name} (of {opt!r})" for name, opt in special.items())
        raise ValueError(f"opt: 'auto' finds no optimiser that has all of {names}; leave out those of all but one")
    if special:
        opt = next(iter(special.values()))
        try:
            _options.refuse(opt, asked)
            if opt == "LM":
                lm_levels(model, levels, doubling)
        except ValueError as error:
            raise ValueError(f"opt: 'auto' is {opt!r} because of {', '.join(special)}; {error}") from None
    elif given & FIRST_ORDER:
        opt = "Adam"
    elif _options.refusal("LM", asked) is None and not steep and affordable(model, samples, levels[0 if doubling else -1]):
        opt = "LM"
    else:
        opt = "LBFGS"
    return opt, FIRST_ORDER_LR if opt in ("Adam", "SGD") and lr is None else lr


def affordable(model: Any, samples: int, grid: Any) -> bool:
    """Is a step of Levenberg-Marquardt, with this grid (None: the model's own), allowed and quick enough?"""
    columns, active = sizes(model, grid)
    affine = sum(4 * np.count_nonzero(layer.mask) for layer in model.symbolic_fun)
    affine += 2 * sum(model.width_in[1:] + model.width_out[1:]) if model.affine_trainable else 0
    if columns + affine > LM_PARAMETERS:
        return False
    return samples * model.width_in[-1] * active**2 / 2 + columns**3 / 3 <= LM_WORK


def sizes(model: Any, grid: Any = None) -> tuple[int, int]:
    """Coefficients and base scales that Levenberg-Marquardt moves at most, and how many of them a sample touches; with this grid
    instead of the model's."""
    settings = model._settings if grid is None else model._settings.replace(grid=grid)
    columns = active = 0
    for layer, intervals, k in zip(model.act_fun, settings.layers("grid"), settings.layers("k")):
        edges = layer.mask.size
        columns += edges * (intervals + k + 1)
        active += edges * (k + 2)
    return columns, active


def lm_levels(model: Any, levels: list, doubling: bool) -> list:
    """The grids to train with (``_levels.sizes``) if Levenberg-Marquardt is allowed for all of them, else an error; of grids that
    double until the test loss rises (``doubling``) those that are allowed."""
    index = model._columns()  # refuses a model that is too large itself
    now, edges = model._settings.layers("grid"), []
    for l in range(model.depth):
        offset, shape = model._blocks[f"act_fun.{l}.coef"]
        edges.append(np.count_nonzero((index >= offset) & (index < offset + int(np.prod(shape)))) // shape[2])
    for i, level in enumerate(levels):
        grids = now if level is None else model._settings.replace(grid=level).layers("grid")
        count = index.size + sum(e * (new - old) for e, new, old in zip(edges, grids, now))
        if count > LM_PARAMETERS:
            if doubling:
                return levels[:i]
            raise ValueError(
                f"grids: with grids[{i}], {level}, 'LM' would solve equations with {count} unknowns; at most {LM_PARAMETERS} are "
                "allowed: end with a coarser grid, or use 'LBFGS'"
            )
    return levels
