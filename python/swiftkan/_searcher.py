"""A search for a formula under way: which networks and functions are tried, and what is kept.

What it must get right first:
  1. a candidate counts by its error on the data after its constants were fitted anew, not by how well it resembles a spline:
     the best function of an edge may be one that others make up for (the idea of arXiv 2603.15250);
  2. the table is a Pareto front: each row's network is better than all simpler ones, by a hundredth at least;
  3. the model that is searched stays as it was, its files too, and each row has a model of its own.
"""

from __future__ import annotations

import math
from typing import Any, Iterable

import numpy as np

from . import _data, _functions
from ._constants import Constants
from ._formula_values import once
from ._search_table import EXACT, SymbolicRow, SymbolicSearch, assignment, complexity_of
from ._suggest import _scoring


class Searcher:
    """A search under way: the data, and the best network of each complexity so far."""

    def __init__(self, model: Any, dataset: dict, names: list[str], a_range: Any, b_range: Any, topk: int, steps: int,
                 budget: int, verbose: int):  # fmt: skip
        self.model, self.names, self.ranges, self.topk = model, names, (a_range, b_range), topk
        self.steps, self.budget, self.verbose, self.evaluations = steps, budget, verbose, 0
        self.train = _data.part(model, "train", dataset, "mse", None)
        if len(self.train.rows) < 2:
            raise ValueError("train_input: has 1 sample; symbolic_search() needs at least 2 to tell functions from constants")
        test = dataset.get("test_input") is not None
        self.test = _data.part(model, "test", dataset, "mse", None) if test else self.train
        self.scale = float(np.sqrt(np.mean((self.train.y - self.train.y.mean(axis=0)) ** 2))) or 1.0
        self.front: dict[float, tuple[float, Any]] = {}

    # ---- Networks ------------------------------------------------------------------------------------------------

    def refit(self, model: Any, steps: int) -> float:
        """Trains the constants of a copy that is given over; its error on the training data."""
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a candidate may diverge
            model.fit((self.train.rows, self.train.y), steps=steps, update_grid=False)
        self.evaluations += 1
        return self.error(model)

    def error(self, model: Any) -> float:
        value = float(np.sqrt(np.mean((model.predict(self.train.rows) - self.train.y) ** 2)))
        return value if math.isfinite(value) else math.inf

    def copy(self) -> Any:
        """A copy of the searched model to try things with: it makes no versions and evaluates symbolic edges. The model's own are off one
        by one where they were switched off as a whole, so that it is the same function."""
        twin = self.model.clone()
        twin.auto_save = False
        if not twin.symbolic_enabled:
            for layer in twin.symbolic_fun:
                layer.mask[:] = 0
            twin.symbolic_enabled = True
        return twin

    def structures(self) -> Iterable[Any]:
        """The network, and those with fewer and fewer hidden nodes, as long as training makes up for the loss."""
        current = self.copy()
        current.get_act(self.train.rows)
        first = max(self.error(current), 1e-3 * self.scale)
        yield current
        while True:
            best: tuple[float, Any] = (math.inf, None)
            for l in range(1, current.depth):
                count = current.width_in[l]
                for node in range(count) if count > 1 else ():
                    kept = [[k for k in range(w) if l2 != l or k != node] for l2, w in enumerate(current.width_in)][1:-1]
                    trial = current.prune_node(mode="manual", active_neurons_id=kept, x=self.train.rows)
                    loss = self.refit(trial, 3 * self.steps)
                    best = min(best, (loss, trial), key=lambda each: each[0])
            if best[1] is None or not best[0] <= 20 * first:
                return
            current = best[1]
            current.get_act(self.train.rows)
            yield current

    # ---- Functions -----------------------------------------------------------------------------------------------

    def candidates(self, model: Any) -> dict[tuple[int, int, int], list]:
        """For every edge that is on the best functions, best first, and their affine numbers."""
        scoring, result = _scoring(None, None, None), {}
        for l in range(model.depth):
            gets, gives = model._layer_data(l, self.train.rows, "symbolic_search()")
            for i in range(model.width_in[l]):
                for j in range(model.width_out[l + 1]):
                    if not model._is_off(l, i, j):
                        ranked = model._candidates(gets[i], gives[j, i], *self.ranges, self.names, False, scoring.total)
                        result[l, i, j] = [each for each in ranked if each.name != "0"][: self.topk]
        return result

    def symbolic(self, model: Any, chosen: dict[tuple[int, int, int], Any]) -> Any:
        """A copy of a network whose edges are the chosen functions, all others off."""
        twin = model.clone()
        for l in range(twin.depth):
            twin.act_fun[l].mask[:] = 0
            twin.symbolic_fun[l].mask[:] = 0
        for (l, i, j), candidate in chosen.items():
            twin._put(l, i, j, candidate.name, candidate.affine)
        return twin

    def attempt(self, model: Any, chosen: dict[tuple[int, int, int], Any], steps: int | None = None) -> float:
        """Fits the constants of a choice of functions and keeps it if it is the best of its complexity."""
        twin = self.symbolic(model, chosen)
        loss = self.refit(twin, self.steps if steps is None else steps)
        return self.keep(twin, loss)

    def keep(self, model: Any, loss: float) -> float:
        complexity = complexity_of(model)
        if math.isfinite(loss) and loss < self.front.get(complexity, (math.inf,))[0]:
            self.front[complexity] = (loss, model)
            if self.verbose:
                functions = ", ".join(f"{edge}: {name}" for edge, name in assignment(model).items())
                print(f"complexity {complexity:g}, loss {loss:.3e}, {functions}")
        return loss

    def explore(self, model: Any) -> None:
        """From the functions that fit each edge best, one edge at a time to others that make the whole better."""
        options = self.candidates(model)
        if not all(options.values()) or not options:
            return
        chosen = {edge: ranked[0] for edge, ranked in options.items()}
        best, tried = self.attempt(model, chosen, 2 * self.steps), 1
        improved = True
        while improved and best > EXACT * self.scale and tried < self.budget:
            improved = False
            for edge in sorted(options, key=lambda e: options[e][0].r2):
                for candidate in options[edge]:
                    if candidate.name == chosen[edge].name or tried >= self.budget:
                        continue
                    loss, tried = self.attempt(model, {**chosen, edge: candidate}), tried + 1
                    if loss < 0.9 * best:
                        best, improved, chosen = loss, True, {**chosen, edge: candidate}
                        if best <= EXACT * self.scale:
                            return

    def is_exact(self) -> bool:
        return any(loss <= 10 * EXACT * self.scale for loss, _ in self.front.values())

    def simplify(self) -> None:
        """From the best network, edges that are left out or made linear, one after the other: the simple end of the table."""
        if not self.front:
            return
        _, model = min(self.front.values(), key=lambda each: each[0])
        for _ in range(len(assignment(model))):
            best: tuple[float, Any] = (math.inf, None)
            for (l, i, j), name in assignment(model).items():
                for simple in ("x", "0"):
                    if simple == name or simple != "0" and _functions.entry(_functions.number(name)).complexity <= 1:
                        continue
                    twin = model.clone()
                    twin.get_act(self.train.rows)
                    twin.fix_symbolic(l, i, j, simple, log_history=False)
                    if simple == "0":
                        twin.subnode_bias[l][j] += twin.subnode_scale[l][j] * twin.symbolic_fun[l].affine[j, i, 3]
                        twin.set_mode(l, i, j, "off")
                    loss = self.keep(twin, self.refit(twin, self.steps))
                    best = min(best, (loss, twin), key=lambda each: each[0])
            if best[1] is None or not assignment(best[1]):
                return
            model = best[1]

    # ---- The table -----------------------------------------------------------------------------------------------

    def table(self, recognise: bool) -> SymbolicSearch:
        rows: list[SymbolicRow] = []
        smallest = math.inf
        for complexity in sorted(self.front):
            loss, model = self.front[complexity]
            if not loss < 0.99 * smallest or smallest <= EXACT * self.scale:
                continue
            polished = model.clone()
            better = self.refit(polished, 5 * self.steps)
            if better < loss:
                loss, model = better, polished
            smallest = min(smallest, loss)
            model.get_act(self.train.rows)
            formulas, variables = model.symbolic_formula()
            if recognise:
                named, columns = once(variables, model._input_id)
                x, y = self.train.rows[:, columns], self.train.y
                formulas = [_recognised(each, named, x, y[:, k]) for k, each in enumerate(formulas)]
            row = SymbolicRow(complexity, math.nan, model, formulas, variables)
            row.loss = float(np.sqrt(np.mean((row.predict(self.test.rows) - self.test.y) ** 2)))
            if not math.isfinite(row.loss):  # the test data leave the formula's domain
                continue
            model.auto_save = self.model.auto_save
            rows.append(row)
        result = SymbolicSearch(rows)
        result._scale = self.scale
        return result


def _recognised(expression: Any, variables: list[Any], x: np.ndarray, y: np.ndarray) -> Any:
    """The formula with its constants fitted and simple ones recognised; as it was if that cannot be done."""
    try:
        constants = Constants(expression, variables, x, y)
        before = constants.residual(constants.values)
    except (NotImplementedError, TypeError, NameError):  # a function of the user's that SymPy cannot differentiate or evaluate
        return expression
    if before is None:
        return expression
    constants.recognise()
    return constants.expression()
