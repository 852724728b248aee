"""Networks on trial: how the candidates of ``search_structure`` are trained and judged.

What it must get right first: a candidate's numbers depend on its structure, its seed and the data alone, not on what runs beside it; and
a network that the samples cannot determine is not trained.

Grids are judged by the root-mean-square error of the validation data, structures by the same without the largest hundredth of the errors
(the typical loss). For where a function jumps or has a pole a few samples are the whole mean: the right structure has large errors there
until its grid is fine enough, a wrong one with more freedom may happen to have small ones. A finer grid has to deal with these samples.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from . import _structures
from ._auto import LM_PARAMETERS
from ._beside import beside
from ._scales import unwarned

SAMPLES_A_PARAMETER = {"begin": 4, "refine": 2}  # networks with fewer are not tried
UNTYPICAL = 0.01  # the part of the errors that does not judge structures
KNOTS_MOVE = 32  # from this grid on knots may gather where splines bend
FOUND = 0.1  # of the tolerance: grids get no finer
ROUNDING = 1e-12  # of the labels' size: smaller errors are equal


class Trainer:
    """The two parts of the data, and how networks are trained on the first."""

    def __init__(self, parts: dict[str, Any], steps: int, margin: float, tol: float):
        self.train = parts["train_input"], parts["train_label"]
        self.validation = parts["test_input"], parts["test_label"]
        self.steps, self.margin = steps, margin
        y = self.train[1].astype(np.float64)
        self.scale = size(y) or 1.0
        self.spread = size(y - y.mean())
        self.tol = tol * self.spread
        self.cancelled = threading.Event()

    def allows(self, parameters: int, purpose: str) -> bool:
        return parameters <= min(len(self.train[0]) // SAMPLES_A_PARAMETER[purpose], LM_PARAMETERS)

    def best(self, candidates: list[Candidate]) -> Candidate | None:
        """The one with the least typical error; of those that are exact but for rounding, one with the fewest edges."""
        least = ROUNDING * self.scale
        return min(candidates, key=lambda c: (max(c.typical_loss, least), c.splines + c.straight), default=None)

    def fit(self, model: Any, **arguments: Any) -> Any:
        stop = lambda _: self.cancelled.is_set()  # noqa: E731
        with unwarned(model):
            return model.fit(self.train, opt="LM", steps=self.steps, grid_margin=self.margin, callbacks=stop, **arguments)

    def all(self, work: Callable[[Any, Trainer], None], candidates: list[Any]) -> None:
        """``work(candidate, self)`` for all candidates, on as many threads as there are."""
        beside([partial(work, candidate, self) for candidate in candidates], self.cancelled)


class Candidate:
    """A network of one structure on its way through the search, with its two errors on the validation data."""

    def __init__(self, structure: str, seed: int, inputs: int, grid: int, settings: dict[str, Any]):
        self.structure, self.seed, self.grid, self.settings = structure, seed, grid, settings
        self.splines, self.straight = _structures.edges(structure, inputs)
        self.model: Any = None  # None until it begins: large ones are never made
        self.loss = self.typical_loss = np.inf
        self.refined, self.trials = False, []

    def parameters(self, grid: int) -> int:
        """What Levenberg-Marquardt moves."""
        return self.splines * (grid + self.settings["k"]) + 4 * self.straight

    def may_begin(self, trainer: Trainer) -> bool:
        parameters = self.parameters(self.grid)
        return trainer.allows(parameters, "begin") or (self.structure == "S" and parameters <= LM_PARAMETERS)

    def begin(self, trainer: Trainer) -> None:
        settings = {**self.settings, "seed": self.seed, "grid": self.grid}
        self.model = _structures.network(self.structure, trainer.train[0], margin=trainer.margin, **settings)
        self.model.node_scale[-1][...] = trainer.scale  # so that edges deal with labels of size 1
        self.loss, self.typical_loss = self._train(trainer, self.model)

    def polish(self, trainer: Trainer) -> None:
        self.loss, self.typical_loss = self._train(trainer, self.model, update_grid=False)

    def refine(self, trainer: Trainer, grids: Iterable[int]) -> None:
        """Goes to finer grids as long as the validation error falls.

        The knots of the finer grid are the old ones and one between each two of them. Where a function jumps that makes the error smaller
        by √2 only; so fine grids are tried with knots that have moved once, by curvature, as well, and the better network goes on.
        """
        self.refined = True
        moved = {"knots": "curvature", "grid_update_num": 1, "stop_grid_update_step": 1}
        for grid in grids:
            if self.loss <= FOUND * trainer.tol or not trainer.allows(self.parameters(grid), "refine"):
                break
            finer = []
            for arguments in [{"update_grid": False}, moved][: 2 if grid >= KNOTS_MOVE else 1]:
                model = self.model.refine(grid)
                finer.append((*self._train(trainer, model, **arguments), model))
            best = min(finer, key=lambda entry: entry[0])
            if not best[0] < self.loss:
                break
            self.loss, self.typical_loss, self.model = best

    def _train(self, trainer: Trainer, model: Any, **arguments: Any) -> tuple[float, float]:
        result = trainer.fit(model, **arguments)
        trained = len(result["train_loss"]) > 0  # else its first loss was not finite, and it is as it was drawn
        loss, typical_loss = errors(model, *trainer.validation) if trained else (np.inf, np.inf)
        self.trials.append({
            "structure": self.structure, "seed": self.seed, "grid": model.grid, "knots": arguments.get("knots", "quantiles"),
            "parameters": self.parameters(model.grid), "steps": result.steps, "train_loss": float(result["train_loss"][-1]) if trained else np.inf,
            "validation_loss": loss, "typical_loss": typical_loss,
        })  # fmt: skip
        return loss, typical_loss

    def take_trials(self) -> list[dict]:
        trials, self.trials = self.trials, []
        return trials


def size(values: np.ndarray) -> float:
    """The root of the mean square, without overflow."""
    most = float(np.abs(values).max())
    return most * float(np.sqrt(np.mean((values / most) ** 2))) if most > 0 else 0.0


def check_labels(y: np.ndarray) -> None:
    """Refuses labels whose squares, or those of their deviations, are infinite or zero in their dtype: nothing could be learnt from them."""
    kind = np.finfo(y.dtype)
    values = y.astype(np.float64)
    most = float(np.abs(values).max())
    if most > kind.max**0.5:
        raise labels_error(y.dtype, f"reach {most:.3g}")
    varied = size(values - values[0])
    if varied > kind.eps * most and varied < kind.tiny**0.5:
        raise labels_error(y.dtype, f"vary by {varied:.3g}")
    if 0 < most < kind.tiny**0.5:  # constant labels are learnt, too
        raise labels_error(y.dtype, f"reach {most:.3g}")


def labels_error(dtype: np.dtype, what: str) -> ValueError:
    kind = np.finfo(dtype)
    return ValueError(
        f"train_label: the labels {what}, and {dtype} cannot hold the squares of such numbers: their scale must be well within "
        f"{float(kind.tiny) ** 0.5:.0e} to {float(kind.max) ** 0.5:.0e}; multiply or divide them by a constant"
    )


def errors(model: Any, x: Any, y: Any) -> tuple[float, float]:
    """The root-mean-square error, of all samples and without the largest hundredth; inf for predictions that are not all finite."""
    with np.errstate(all="ignore"):
        missed = np.sort(np.abs(model(x).astype(np.float64) - y), axis=None)
    if not np.isfinite(missed).all():
        return np.inf, np.inf
    return size(missed), size(missed[: len(missed) - int(UNTYPICAL * len(missed))])
