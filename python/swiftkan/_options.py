"""The arguments of ``fit`` that an optimiser takes or refuses, and the engine's options made of them.

What it must get right first:
  1. what an optimiser cannot do (another loss, batches, a penalty) is refused before anything changes, and the error says what can;
  2. who refuses what stands here alone: ``opt="auto"`` asks before it chooses.

The engine's numbers of the optimisers are here, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from . import _check, _schedule

OPTIMIZERS = {
    "LBFGS": 0, "Adam": 1, "AdamW": 2, "SGD": 3, "LM": 4,
    "SSBFGS": 5, "SSBroyden": 6, "NewtonKaczmarz": 7,
}  # swiftkan_optimizer  # fmt: skip
KACZMARZ_DEGREES = 1, 7
LM_LOSSES = ("mse", "huber", "cross_entropy", "bce")
WEIGHT_DECAY = {"AdamW": 0.01}  # where it is not zero by default
STOP_GRID_UPDATE_STEP = {"LM": 20, "NewtonKaczmarz": 1}  # where it is not pykan's 50: they converge in fewer steps
GRID_MARGIN = 0.05  # of opt='LM' and of grids=; pykan's, 0, otherwise
KNOTS = {"quantiles": 0, "curvature": 1}
LR = 1.0  # pykan's
BETAS, EPS = (0.9, 0.999), 1e-8  # Adam's defaults


class Asked(NamedTuple):
    """The arguments of a call of ``fit`` that not every optimiser takes."""

    loss: str | Callable
    lamb: float
    smooth: float | str | None
    batch: int
    epochs: int | None
    lr_schedule: Any
    weight_decay: float | None
    momentum: float
    betas: tuple[float, float]
    eps: float
    degrees: tuple[int, ...] = ()  # of the model's splines, layer by layer

    def given(self) -> set[str]:
        """The names of those that were given, apart from ``loss`` and ``lamb``, and are not their defaults."""
        is_given = {
            "smooth": self.smooth is not None, "batch": self.batch != -1, "epochs": self.epochs is not None,
            "lr_schedule": self.lr_schedule is not None, "weight_decay": bool(self.weight_decay), "momentum": bool(self.momentum),
            "betas": self.betas != BETAS, "eps": self.eps != EPS,
        }  # fmt: skip
        return {name for name, given in is_given.items() if given}


def refusal(opt: str, asked: Asked) -> str | None:
    """Why ``opt`` cannot be used with the other arguments and the model's splines, or None if it can."""
    given = asked.given()
    if opt == "NewtonKaczmarz":
        for l, k in enumerate(asked.degrees):
            if not KACZMARZ_DEGREES[0] <= k <= KACZMARZ_DEGREES[1]:
                low, high = KACZMARZ_DEGREES
                return f"opt: 'NewtonKaczmarz' trains splines of degree {low} to {high}, but k is {k} in layer {l}; use another opt"
    if opt == "NewtonKaczmarz" and (asked.loss != "mse" or asked.lamb):
        return "loss_fn, lamb: 'NewtonKaczmarz' minimises 'mse' without lamb only; for others use opt='LBFGS'"
    if opt == "LM" and asked.loss not in LM_LOSSES:
        return f"loss_fn: 'LM' minimises {', '.join(map(repr, LM_LOSSES))} only; for others use opt='LBFGS'"
    if "smooth" in given and (opt != "LM" or asked.loss != "mse" or asked.lamb):
        return "smooth: is for opt='LM', the loss 'mse' and lamb=0; leave it out, or change those"
    if opt == "LBFGS" and "weight_decay" in given:
        return "weight_decay: L-BFGS has none; use lamb and lamb_coef, or opt='AdamW'"
    if opt in ("SSBFGS", "SSBroyden", "NewtonKaczmarz") and "weight_decay" in given:
        return f"weight_decay: {opt!r} has none; use opt='AdamW'"
    if opt in ("SSBFGS", "SSBroyden") and given & {"batch", "epochs"}:
        return f"batch, epochs: {opt!r} takes all samples in each step; leave them out or use another opt"
    if opt == "NewtonKaczmarz" and "batch" in given:
        return "batch: 'NewtonKaczmarz' takes one sample at a time; leave it out"
    if opt != "SGD" and "momentum" in given:
        return f"momentum: only 'SGD' has it, not {opt!r}"
    if opt not in ("Adam", "AdamW") and given & {"betas", "eps"}:
        return f"betas, eps: only 'Adam' and 'AdamW' have them, not {opt!r}; leave them out or use one of those"
    if opt == "LM":
        for name in ("weight_decay", "lr_schedule", "batch", "epochs"):
            if name in given:
                return f"{name}: 'LM' has none, it takes all samples in each step; leave it out or use another opt"
    return None


def refuse(opt: str, asked: Asked) -> None:
    """A ValueError if ``opt`` cannot be used with the other arguments."""
    reason = refusal(opt, asked)
    if reason:
        raise ValueError(reason)


def batch(value: Any) -> int:
    """The number of samples of a batch, checked; -1 for all."""
    value = _check.integer("batch", value, -1)
    if value == 0:
        raise ValueError("batch: must be at least 1, or -1 for all samples")
    return value


def betas(value: Any) -> tuple[float, float]:
    """Adam's two rates, checked."""
    if not hasattr(value, "__len__") or len(value) != 2:
        raise ValueError(f"betas: must be a pair such as (0.9, 0.999), not {value!r}")
    pair = _check.real("betas[0]", value[0], 0.0, 1.0), _check.real("betas[1]", value[1], 0.0, 1.0)
    if 1.0 in pair:
        raise ValueError(f"betas: must be below 1, not {value!r}")
    return pair


def engine_options(
    asked: Asked, *, opt, update_grid, steps, seed, lr, grid_update_num, start_grid_update_step, stop_grid_update_step, patience,
    min_delta, grid_margin, knots,
) -> dict[str, Any]:  # fmt: skip
    """The engine's options (swiftkan_fit_options), checked."""
    if opt == "NewtonKaczmarz" and isinstance(lr, (int, float)) and lr > 1:
        raise ValueError(f"lr: 'NewtonKaczmarz' needs a part of a projection, above 0 and at most 1, not {lr!r}")
    if stop_grid_update_step is None:
        stop_grid_update_step = STOP_GRID_UPDATE_STEP.get(opt, 50)
    if grid_margin is None:
        grid_margin = GRID_MARGIN if opt == "LM" else 0.0
    weight_decay = WEIGHT_DECAY.get(opt, 0.0) if asked.weight_decay is None else asked.weight_decay
    return {
        "optimizer": OPTIMIZERS[opt],
        "update_grid": int(_check.flag("update_grid", update_grid)),
        "steps": steps,
        "batch": asked.batch,
        "epochs": int(asked.epochs is not None),
        "seed": seed,
        "grid_update_num": _check.integer("grid_update_num", grid_update_num, 1, 2**31 - 1),
        "start_grid_update_step": _check.integer("start_grid_update_step", start_grid_update_step, -(2**31), 2**31 - 1),
        "stop_grid_update_step": _check.integer("stop_grid_update_step", stop_grid_update_step, -(2**31), 2**31 - 1),
        "grid_margin": _check.real("grid_margin", grid_margin, 0.0, 1.0),
        "grid_curvature": KNOTS[_check.choice("knots", knots, KNOTS)],
        "lr": _check.real("lr", LR if lr is None else lr, above=0.0),
        "lr_factor": _schedule.factors(asked.lr_schedule, steps),
        "beta1": asked.betas[0],
        "beta2": asked.betas[1],
        "eps": asked.eps,
        "weight_decay": weight_decay,
        "momentum": asked.momentum,
        "patience": 0 if patience is None else _check.integer("patience", patience, 1, 2**31 - 1),
        "min_delta": _check.real("min_delta", min_delta, 0.0),
    }
