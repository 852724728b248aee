"""fit(opt="auto"): the optimiser that suits a network, its data and the other arguments.

What it must get right first: the rule is the one that its docstring states, depends on sizes and arguments alone, never on
numbers in the data, and never picks an optimiser that would refuse the other arguments. The engine's numbers of the optimisers are
here, too.
"""

from __future__ import annotations

from typing import Any

OPTIMIZERS = {
    "LBFGS": 0, "Adam": 1, "AdamW": 2, "SGD": 3, "LM": 4,
    "SSBFGS": 5, "SSBroyden": 6, "NewtonKaczmarz": 7,
}  # swiftkan_optimizer  # fmt: skip
LM_LOSSES = ("mse", "huber", "cross_entropy", "bce")
LM_WORK = 2e10  # multiplications a step: a few seconds
LM_PARAMETERS = 10_000  # the engine's limit
ADAM_LR = 1e-2


def choose(model: Any, samples: int, loss: Any, lr: float, first_order: bool, scheduled: bool) -> tuple[str, float]:
    """(opt, lr): 'Adam' for ``batch``, ``epochs`` and ``weight_decay``; else 'LM' if it has the loss, no ``lr_schedule`` is given
    and a step of it is affordable; else 'LBFGS'. Adam's rate is 1e-2 where that of L-BFGS, 1, was left."""
    if first_order:
        return "Adam", ADAM_LR if lr == 1.0 else lr
    if loss in LM_LOSSES and not scheduled:
        columns, active = sizes(model)
        outputs = model.width_in[-1]
        if columns <= LM_PARAMETERS and samples * outputs * active**2 / 2 + columns**3 / 3 <= LM_WORK:
            return "LM", lr
    return "LBFGS", lr


def sizes(model: Any) -> tuple[int, int]:
    """Parameters that Levenberg-Marquardt moves at most, and how many of them a sample touches."""
    settings = model._settings
    columns = active = 0
    for layer, grid, k in zip(model.act_fun, settings.layers("grid"), settings.layers("k")):
        edges = layer.mask.size
        columns += edges * (grid + k + 1)
        active += edges * (k + 2)
    return columns, active
