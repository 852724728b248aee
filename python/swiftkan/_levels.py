"""Training in several runs of the engine: from coarse to fine grids, and from several starts.

What it must get right first:
  1. whatever happens (an error, Ctrl-C, a callback) the model has the parameters of one of its runs, whole, or those it had before;
  2. test data never chooses between starts; it only says when a finer grid has begun to overfit;
  3. the same arguments give the same model, for any number of threads.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import numpy as np

from . import _check, _last_layer
from ._auto import sizes as sizes_of
from ._beside import beside
from ._data import Part
from ._initialization import new_core
from ._options import OPTIMIZERS
from ._settings import Settings, _per_layer
from ._stretch import stretch

KEYS = ("train_loss", "test_loss", "reg")
FITTED = ("_fitted_loss", "_fitted_how")  # what a model remembers of its last fit beside the data
STUCK = 100.0  # how many times the best loss (a mean square, so 10 times the error) a start has that is called stuck
WAVE = 4  # starts at a time
LEAST, SHARE = 1000, 10  # samples of a start: at least, and for each parameter
AUTO_DOUBLINGS = 6


class Run:
    """What one run of the engine needs, but for the engine."""

    def __init__(self, train, test, options, objective, avoid, y_th, custom, reporter, last_layer=False):
        self.train, self.test, self.options, self.objective = train, test, options, objective
        self.last_layer = last_layer  # is it solved before the first step
        self.evaluation, self.custom, self.reporter = (avoid, y_th), custom, reporter
        # Only Levenberg-Marquardt soon gets back what new knots cost; with curvature knots all grids move anyway.
        self.stretches = options["update_grid"] and options["optimizer"] == OPTIMIZERS["LM"] and not options["grid_curvature"]

    def __call__(
        self, core: Any, step: Any = None, poll: Any = None, move_grids: bool = True, new: Any = None
    ) -> tuple[dict, dict]:  # fmt: skip
        """Trains ``core``: the engine's report, and the losses step by step. ``new`` is the model whose settings it has, if
        it has not been trained in this call of ``fit``."""
        options = self.options if move_grids else {**self.options, "update_grid": 0, "continued": 1}
        if self.last_layer and new is not None:
            options = _last_layer.begin(new, core, self.train, options, self.objective, self.evaluation)
        values = {key: np.full(options["steps"], np.nan) for key in KEYS}
        report = core.fit(
            self.train.engine(), self.test.engine() if self.test else None, options, self.objective, *self.evaluation, poll,
            step, self.custom, *values.values(),
        )  # fmt: skip
        return report, {key: value[: report["steps"]] for key, value in values.items()}


class Before:
    """What a model was before training, for a fit that is refused when the engine has begun (by values that are not finite, say)."""

    def __init__(self, model: Any):
        self.engine, self.numbers = (model._settings, model._core), model._array.copy()
        self.remembered, self.ids, self.width = model._remembered, model._input_id, model._input_width
        self.fitted = {name: vars(model)[name] for name in FITTED if name in vars(model)}

    def restore(self, model: Any) -> None:
        adopt(model, *self.engine)
        model._array[...] = self.numbers
        model._remembered = self.remembered
        model._select(self.ids, self.width)
        for name in FITTED:
            vars(model).pop(name, None)
        vars(model).update(self.fitted)


# ---- Coarse to fine ----------------------------------------------------------------------------------------------


def sizes(model: Any, grids: Any, has_test: bool) -> list:
    """The grids to train with, checked: each at least as fine as the one before; [None] stands for the model's own."""
    if grids is None:
        return [None]
    now = model._settings.layers("grid")
    if isinstance(grids, str):
        _check.choice("grids", grids, {"auto": 0})
        if not has_test:
            raise ValueError("grids: 'auto' needs test data (or validation_split) that says when to stop; or list the grids")
        scale = lambda factor: model.grid * factor if isinstance(model.grid, int) else [g * factor for g in model.grid]  # noqa: E731
        return [scale(2**level) for level in range(AUTO_DOUBLINGS + 1)]
    if not _check.is_list(grids) or isinstance(grids, dict) or not len(grids):
        raise ValueError(f"grids: must be a list of grids such as [3, 6, 12], or 'auto', not {grids!r}")
    levels = [_per_layer(f"grids[{i}]", grid, model.depth, 1, 2**31 - 1) for i, grid in enumerate(grids)]
    for i, level in enumerate(levels):
        next_grid = model._settings.replace(grid=level).layers("grid")
        if any(new < old for new, old in zip(next_grid, now)):
            before = "the model's" if i == 0 else f"grids[{i - 1}]"
            raise ValueError(f"grids: grids[{i}] is {next_grid}, coarser than {before}, {now}; grids can only become finer")
        now = next_grid
    return levels


def train(model: Any, run: Run, levels: list, new: bool) -> tuple[dict, dict, list[dict]]:
    """Trains ``model`` with each grid in turn: the engine's report, all losses, and what each grid reached. ``new`` says that it is
    not the best of several starts, which has been trained."""
    reporter = run.reporter if run.reporter.needed else None
    many = levels != [None]
    history: list[dict] = []
    parts: list[dict] = []
    total = {"evaluations": 0, "steps": 0}
    best_step, last = 0, {}
    for level in levels:
        before = (model._settings, model._core)
        if level is not None:
            refine(model, run, level, copies=bool(history))
            if history and run.stretches:
                stretch(model, run.train.chosen, run.evaluation, run.options["grid_margin"])
        done = total["steps"]
        step = reporter and _shifted(reporter, done, run.options["steps"] * len(levels))
        report, values = run(
            model._core, step, move_grids=not history or bool(run.options["grid_curvature"]), new=model if new and not history else None
        )
        parts.append(values)
        last = report
        for key in total:
            total[key] += report[key]
        if many:
            entry = {"grid": model.grid, "steps": report["steps"], "kept": True}
            entry.update({key: float(values[key][report["best_step"]]) if report["steps"] else np.nan for key in KEYS[:2]})
            if history and _is_no_better(entry["test_loss"], history[-1]["test_loss"]):
                entry["kept"] = False
                adopt(model, *before)
            history.append(entry)
        if not many or history[-1]["kept"]:
            best_step = done + report["best_step"]
        if many and (not history[-1]["kept"] or report["status"] or report["reason"] == 3):
            break
    values = {key: np.concatenate([part[key] for part in parts]) for key in KEYS}
    return {**last, **total, "best_step": best_step}, values, history


def _is_no_better(loss: float, before: float) -> bool:
    """Of test losses, which are NaN where there is no test data and where outputs are not finite."""
    return not (loss < before or np.isnan(before))


def _shifted(reporter: Any, done: int, steps: int) -> Any:
    return lambda step, _, *losses: reporter(done + step, steps, *losses)


def refine(model: Any, run: Run, grid: Any, copies: bool) -> None:
    """Gives ``model`` finer grids and the same function: an engine of its own; where the grids are those that it has, ``copies`` says
    whether it needs one, since the level may not be kept."""
    settings = model._settings.replace(grid=grid)
    if settings.layers("grid") == model._settings.layers("grid"):
        if copies:
            adopt(model, settings, model._core.copy())
        return
    chosen = run.train.chosen
    adopt(model, settings, model._core.refine(settings.layers("grid"), chosen, len(chosen), *run.evaluation))


def adopt(model: Any, settings: Settings, core: Any) -> None:
    """Puts another engine into ``model``, which keeps its data, selected inputs and other attributes."""
    if core is model._core:
        return
    remembered, ids, width = model._remembered, model._input_id, model._input_width
    model._open(settings, core)
    model._remembered = remembered
    model._select(ids, width)


# ---- Several starts ----------------------------------------------------------------------------------------------


def best_start(model: Any, run: Run, count: int, by_test: bool) -> list[dict]:
    """Trains up to ``count`` starts, WAVE at a time, and leaves the best in ``model``; what each reached.

    Each gets all steps, because which of them is stuck does not show before: those that end best often begin worst. They are cheap,
    because some samples suffice to see it, and they end when one of them stands out from the others of which most are stuck.
    """
    key = "test_loss" if by_test else "train_loss"
    seeds = [(model.seed + r) % 2**32 for r in range(count)]
    few = Run(_some(model, run), run.test, run.options, run.objective, *run.evaluation, run.custom, run.reporter, run.last_layer)
    cores: list = []
    starts: list[dict] = []
    losses = np.empty(0)
    cancelled = threading.Event()
    threads = 1 if run.custom is not None else None
    while len(cores) < count and not _stands_out(losses):
        wave = [model._core.copy() if r == 0 else _fresh(model, seeds[r]) for r in range(count)[len(cores) : len(cores) + WAVE]]
        for report, values in beside([partial(few, core, None, cancelled.is_set, new=model) for core in wave], cancelled, threads):
            start = {name: float(values[name][-1]) if report["steps"] else np.nan for name in KEYS[:2]}
            if report["status"]:
                start[key] = np.inf
            starts.append({"seed": seeds[len(starts)], **start})
        cores += wave
        losses = np.nan_to_num([start[key] for start in starts], nan=np.inf)
    best = int(np.argmin(losses))
    for r, entry in enumerate(starts):
        entry["kept"], entry["stuck"] = r == best, bool(losses[r] > STUCK * losses[best])
    # The numbers move, not the engine: views of the model stay what they are.
    model._array[...] = np.frombuffer(cores[best], model.dtype)
    return starts


def _stands_out(losses: np.ndarray) -> bool:
    """Is the best far better than most of the others?"""
    return len(losses) >= WAVE and bool(np.median(losses) > STUCK * losses.min())


def _some(model: Any, run: Run) -> Part:
    """Samples enough for a start: SHARE for each parameter, drawn by the seed; all for a loss written in Python, which has the labels."""
    part, count = run.train, max(LEAST, SHARE * sizes_of(model)[0])
    if run.custom is not None or count >= len(part.rows):
        return part
    return part.some(np.sort(np.random.RandomState(model.seed).permutation(len(part.rows))[:count]))


def _fresh(model: Any, seed: int) -> Any:
    """A copy of the model's engine with the initial coefficients and scales of another seed, where training may change them: what is
    held fixed is the user's, and edges that are off keep what ``unfix_symbolic`` and masks bring back."""
    core = model._core.copy()
    parts = ["coef", *(part for part, flag in (("scale_base", "sb_trainable"), ("scale_sp", "sp_trainable")) if getattr(model, flag))]
    numbers = np.frombuffer(core, model.dtype)
    other = np.frombuffer(new_core(model._settings.replace(seed=seed)), model.dtype)
    for l in range(model.depth):
        on = model._cut(numbers, f"act_fun.{l}.mask") != 0
        for part in parts:
            name = f"act_fun.{l}.{part}"
            model._cut(numbers, name)[on] = model._cut(other, name)[on]
    return core
