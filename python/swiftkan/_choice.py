"""How the estimators choose a network: candidates, cross-validation as a race, training of the winner.

What it must get right first:
  1. a candidate is judged on samples that it was not trained on, the same for all candidates; that equal samples are one of a greater
     weight is no reason to hold out all of an outcome;
  2. the same data and seeds give the same network, whatever the order of the samples;
  3. one list of candidates for all data, from a straight line to wide networks.

The race: all candidates meet on the first fold; who is worse than the leader by more than a standard error of the paired
difference of losses leaves, and the rest go on to the next fold. (Racing: Maron and Moore, Artificial Intelligence Review 11, 1997.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from . import _additive, _auto, _data
from ._beside import beside
from ._joined import join
from ._kan import KAN

STEPS = 1500  # of AdamW
BATCH, BATCHES, PASSES = (32, 512), 50, 15  # its batches: a fiftieth of the samples within these; at least so many passes
RATE = 5e-3
SPLINES = [-2.0, 2.0]  # the grid in standard deviations; beyond it the base function, a line, goes on
LEAST = 3  # samples of Levenberg-Marquardt, of which one is held out
LM_WORK = 1e9  # multiplications of a step of Levenberg-Marquardt in a race
ERRORS = 1.0  # standard errors behind the leader that end the race
PIECES = 1e6  # that folds are made of; where copies would be more, several go together
COUNTED = 2.0**53  # copies of a sample at most; from here on all of float64's numbers are whole
ROUNDING = 1 + 1e-9  # twenty times 0.1 is 2


@dataclass
class Problem:
    """Scaled samples, labels (n, outputs) or classes (n,), and how much each sample counts. Equal samples are one of a greater weight,
    and those of the same x stand next to each other."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    classes: int = 0  # 0 for regression
    weighted: bool = False
    unit: float = 1.0  # of the weights, in that of those given, to which an additive model's alpha belongs
    _features: dict = field(default_factory=dict)

    @property
    def outputs(self) -> int:
        return self.classes or self.y.shape[1]

    def width(self, hidden: tuple) -> list:
        return [self.x.shape[1], *hidden, self.outputs]

    def train(self, model: KAN, test: Problem | None = None, **arguments: Any) -> KAN:
        """The model after ``fit`` on these samples, with the loss and the weights that they and those of ``test`` ask for."""
        loss, weight = "cross_entropy" if self.classes else "mse", self.weight if self.weighted else None
        data = {"train_input": self.x, "train_label": self.y}
        if test is not None:
            data |= {"test_input": test.x, "test_label": test.y, _data.TEST_WEIGHT: test.weight if test.weighted else None}
        model.fit(data, loss_fn=loss, sample_weight=weight, **arguments)
        return model

    def part(self, weight: np.ndarray) -> Problem:
        """The samples with these weights, those of 0 left out."""
        rows = np.flatnonzero(weight)
        weight = weight[rows]
        weighted = self.weighted or bool(np.any(weight != weight[0]))
        return Problem(self.x[rows], self.y[rows], weight, self.classes, weighted, self.unit)

    def copies(self) -> np.ndarray:
        """(n,) how many samples each of them stands for: the whole part of its weight, but 1 at least."""
        return np.maximum(1.0, np.floor(np.minimum(self.weight, COUNTED / self.unit) * self.unit * ROUNDING))

    def several(self) -> np.ndarray:
        """(n,) of each sample: has its x other outcomes, too?"""
        same = (self.x[1:] == self.x[:-1]).all(axis=1)
        return np.append(same, False) | np.append(False, same)

    def levelled(self) -> Problem:
        """The same, but heavy samples in parts, of less than twice the mean weight each: at most twice as many samples."""
        parts = np.maximum(1, np.floor(self.weight / self.weight.mean())).astype(np.int64)
        x, y, weight = (np.repeat(values, parts, axis=0) for values in (self.x, self.y, self.weight / parts))
        return Problem(x, y, weight, self.classes, self.weighted, self.unit)

    def features(self, grid: int, k: int) -> _additive.Features:
        """Made once; two threads may both make them, which is wasteful but not wrong."""
        if (grid, k) not in self._features:
            self._features[grid, k] = _additive.Features(self.x, self.weight, grid, k)
        return self._features[grid, k]

    def losses(self, model: KAN) -> np.ndarray:
        """(n,) squared errors, mean over outputs, or logarithmic losses."""
        prediction = model.predict(self.x)
        if not self.classes:
            return ((prediction - self.y) ** 2).mean(axis=1)
        top = prediction.max(axis=1)
        return np.log(np.exp(prediction - top[:, None]).sum(axis=1)) + top - prediction[np.arange(len(self.y)), self.y]


@dataclass(frozen=True)
class Additive:
    """One layer (``_additive.py``)."""

    alpha: float
    bend: float
    grid: int
    k: int

    def describe(self) -> dict[str, Any]:
        return {"hidden": (), "alpha": self.alpha, "bend": self.bend, "grid": self.grid, "k": self.k}

    def suits(self, problem: Problem) -> bool:
        return self.bend == 0 or problem.x.shape[1] <= _additive.WIDE

    def fit(self, problem: Problem, seed: int) -> KAN:
        features, how = problem.features(self.grid, self.k), (problem.weight, self.alpha / problem.unit, self.bend)
        if problem.classes:
            return _additive.classification(features, problem.y, problem.classes, *how)
        return _additive.regression(features, problem.y, *how)


@dataclass(frozen=True)
class Decayed:
    """Hidden levels, AdamW with weight decay ``alpha``; the grids stay where they are."""

    hidden: tuple
    alpha: float
    grid: int
    k: int
    steps: int

    def describe(self) -> dict[str, Any]:
        return {"hidden": self.hidden, "opt": "AdamW", "alpha": self.alpha, "grid": self.grid, "k": self.k}

    def suits(self, problem: Problem) -> bool:
        return True

    def fit(self, problem: Problem, seed: int) -> KAN:
        if len(problem.x) > BATCH[0]:
            # A batch's loss is the mean over the batch's own weights: beside a heavy sample the others vanish, and where it is not in
            # the batch they count as much as it does.
            problem = problem.levelled()
        n = len(problem.x)
        batch = min(n, int(np.clip(n // BATCHES, *BATCH)))
        epochs = max(-(-self.steps * batch // n), PASSES if self.steps >= STEPS else 1)
        model = KAN(
            problem.width(self.hidden), grid=self.grid, k=self.k, base_fun="identity", init="glorot", grid_range=SPLINES, seed=seed
        )
        return problem.train(
            model, opt="AdamW", epochs=epochs, batch=batch, lr=RATE, weight_decay=self.alpha, lr_schedule="cosine", update_grid=False
        )


@dataclass(frozen=True)
class Newton:
    """Hidden levels, Levenberg-Marquardt from coarse to fine; ends at the grid at which held-out samples say so."""

    hidden: tuple
    grids: tuple
    k: int
    steps: int

    def describe(self) -> dict[str, Any]:
        return {"hidden": self.hidden, "opt": "LM", "grids": self.grids, "k": self.k}

    def fit(self, problem: Problem, seed: int) -> KAN:
        if len(problem.x) < LEAST:
            raise ValueError(
                f"X: opt='LM' puts a fifth of the samples aside and needs at least {LEAST} that differ, not {len(problem.x)}; use opt='AdamW' "
                "or hidden=()"
            )
        model = KAN(problem.width(self.hidden), grid=self.grids[0], k=self.k, seed=seed)
        held = fifth(problem, np.random.RandomState(seed))
        test = problem.part(held)
        return problem.part(problem.weight - held).train(model, test, opt="LM", steps=self.steps, grids=list(self.grids))

    def suits(self, problem: Problem) -> bool:
        """Is a step at the coarsest grid cheap, and are there samples for its parameters and for those held out?"""
        model = KAN(problem.width(self.hidden), grid=self.grids[0], k=self.k)
        columns, active = _auto.sizes(model)
        n = len(problem.x)
        return n >= 25 and n * problem.outputs > columns and n * problem.outputs * active**2 / 2 + columns**3 / 3 <= LM_WORK


def folds(problem: Problem, count: int, random: np.random.RandomState) -> Iterator[np.ndarray]:
    """The weights (n,) that each fold holds out; classes are spread evenly."""
    order, copies = _laid(problem, random)
    if problem.classes:
        order = order[np.argsort(problem.y[order], kind="stable")]
    count = min(count, len(order))
    for fold in range(count):
        yield _held(problem, order[fold::count], copies)


def fifth(problem: Problem, random: np.random.RandomState) -> np.ndarray:
    """The weights (n,) of a fifth that is held out, drawn at random."""
    order, copies = _laid(problem, random)
    return _held(problem, order[: int(round(len(order) / 5))], copies)


def _held(problem: Problem, taken: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """The weights (n,) of the copies with these samples' numbers."""
    return problem.weight * (np.bincount(taken, minlength=len(copies)) / copies)


def _laid(problem: Problem, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """The samples' numbers in random order, and how often each is among them.

    Once, so that a sample is held out whole and none is known from training; but where its x has other outcomes, too, as often as it
    has copies: if all of one outcome were held out, training would say that it never occurs. The copies fall into folds by chance, as
    samples do: with the same part of them in each fold, networks would be judged by the very frequencies that they have learnt.
    """
    copies = np.where(problem.several(), problem.copies(), 1.0)
    copies = np.maximum(1, np.floor(copies / max(1.0, copies.sum() / PIECES))).astype(np.int64)
    order = np.repeat(np.arange(len(copies)), copies)
    return order[random.permutation(len(order))], copies


def race(candidates: list, problem: Problem, count: int, random: np.random.RandomState) -> tuple[Any, list[dict]]:
    """The winner, and what each candidate reached: its settings, ``loss`` and ``folds``."""
    losses = {candidate: np.zeros(0) for candidate in candidates}
    weight, copies = np.zeros(0), np.zeros(0)
    alive = list(candidates)
    for held in folds(problem, count, random):
        rest = problem.weight - held
        if len(alive) < 2 or not rest.any():
            break
        train, test = problem.part(rest), problem.part(held)
        seed = int(random.randint(2**31 - 1))
        for candidate, found in zip(alive, _beside([partial(_judged, candidate, train, test, seed) for candidate in alive])):
            losses[candidate] = np.append(losses[candidate], found)
        weight = np.append(weight, test.weight)
        copies = np.append(copies, (problem.copies() * (held / problem.weight))[held > 0])
        means = {candidate: float(np.average(losses[candidate], weights=weight)) for candidate in alive}
        best = min(alive, key=means.__getitem__)
        alive = [candidate for candidate in alive if candidate is best or not _behind(losses[candidate] - losses[best], weight, copies)]
    results = []
    for candidate in candidates:
        known = len(losses[candidate])
        loss = float(np.average(losses[candidate], weights=weight[:known])) if known else np.nan
        results.append({**candidate.describe(), "loss": loss, "samples": int(round(copies[:known].sum()))})
    if len(weight) == 0:
        return alive[0], results
    return min(alive, key=lambda candidate: float(np.average(losses[candidate], weights=weight))), results


def _judged(candidate: Any, train: Problem, test: Problem, seed: int) -> np.ndarray:
    return np.nan_to_num(test.losses(candidate.fit(train, seed)), nan=np.inf)


def _beside(calls: list) -> list:
    """What the calls return, run beside one another."""
    from threadpoolctl import threadpool_limits  # scikit-learn brings it

    # Threads of BLAS beside these would stand in each other's way: matrices are small.
    with threadpool_limits(1, "blas"):
        return beside(calls)


def _behind(difference: np.ndarray, weight: np.ndarray, copies: np.ndarray) -> bool:
    """Is the mean difference more than its standard error above 0? Each stands for so many samples of equal weights."""
    share = weight / weight.sum()
    mean = float(share @ difference)
    if not np.isfinite(mean):
        return True
    return mean > ERRORS * float(np.sqrt(np.sum((share * (difference - mean)) ** 2 / copies)))


def train(candidate: Any, problem: Problem, members: int, random: np.random.RandomState) -> KAN:
    """The candidate on all samples, ``members`` times from different starts; a network of one layer has no start."""
    seeds = [int(seed) for seed in random.randint(2**31 - 1, size=members)]
    if not isinstance(candidate, Decayed):
        seeds = seeds[:1]
    return join(_beside([partial(candidate.fit, problem, seed) for seed in seeds]))
