"""Nodes in another order, and edges switched on and off in groups: pykan's ``swap``, ``auto_swap``, ``module`` and ``perturb``.

What it must get right first:
  1. a swap leaves the function as it was, products and symbolic edges included;
  2. nothing is changed before all arguments are checked.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from . import _check
from ._subset import copy_layer, own_places, places, subnodes_of

PERTURBATIONS = ("non-intrusive", "all", "minimal")


class Rearranging:
    """Methods that reorder nodes and set masks by groups."""

    def swap(self, l: int, i1: int, i2: int, log_history: bool = True) -> Self:
        """Exchanges two hidden nodes with all that belongs to them; the function stays the same.

        Parameters
        ----------
        l : int, 1 to depth - 1
            Their level.
        i1, i2 : int
            Two sums, or two products of as many factors.
        log_history : bool
            Does this make a version, with ``auto_save``: see :meth:`log_history`.

        Returns
        -------
        KAN
            This model.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> model, x = KAN([2, 5, 1]), np.random.RandomState(0).rand(10, 2)
        >>> before, coef = model(x), model.act_fun[0].coef[:, 3].copy()
        >>> bool(np.allclose(model.swap(1, 0, 3)(x), before)), bool((model.act_fun[0].coef[:, 0] == coef).all())
        (True, True)
        """
        level = self._hidden_level("l", l)
        nodes = [_check.integer(name, i, 0, self.width_in[level] - 1) for name, i in (("i1", i1), ("i2", i2))]
        log_history = _check.flag("log_history", log_history)
        kinds = self._kinds(level)
        if kinds[nodes[0]] != kinds[nodes[1]]:
            what = ["a sum" if not kinds[i] else f"a product of {kinds[i]}" for i in nodes]
            raise ValueError(f"i1, i2: node {nodes[0]} of level {level} is {what[0]}, node {nodes[1]} {what[1]}; only nodes of one kind can be swapped")
        order = np.arange(self.width_in[level])
        order[nodes] = order[nodes[::-1]]
        self._reorder(level, order)
        if log_history:
            self.log_history("swap")
        return self

    def auto_swap_l(self, l: int) -> Self:
        """Swaps the nodes of level ``l`` one after the other so that ``connection_cost`` falls; pykan's greedy search.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> model = KAN([3, 3, 1], seed=2)
        >>> model.get_act(np.random.RandomState(0).rand(50, 3))
        >>> before = model.connection_cost
        >>> model.auto_swap_l(1).connection_cost <= before
        True
        """
        level = self._hidden_level("l", l)
        scores, kinds = self._scores_for_outputs("auto_swap_l()"), self._kinds(level)
        entering, leaving = scores[level - 1], scores[level]
        order = np.arange(len(kinds))

        def cost(nodes: np.ndarray) -> float:
            return _cost(entering[subnodes_of(self._settings, level, nodes)]) + _cost(leaving[:, nodes])

        for i in range(len(kinds)):
            tried = []
            for j in np.flatnonzero(np.equal(kinds, kinds[i])):
                tried.append(order.copy())
                tried[-1][[i, j]] = tried[-1][[j, i]]
            order = tried[int(np.argmin([cost(nodes) for nodes in tried]))]
        self._reorder(level, order)
        return self

    def auto_swap(self) -> Self:
        """:meth:`auto_swap_l` for every hidden level: nodes move to where their strong edges are short, so that plots are easier to read.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> model, x = KAN([3, 4, 4, 1], seed=0), np.random.RandomState(0).rand(50, 3)
        >>> model.get_act(x)
        >>> before, cost = model(x), model.connection_cost
        >>> bool(np.allclose(model.auto_swap()(x), before)), model.connection_cost < cost
        (True, True)
        """
        for level in range(1, self.depth):
            self.auto_swap_l(level)
        self.log_history("auto_swap")
        return self

    @property
    def connection_cost(self) -> float:
        """Σ edge_scores·|place of the node before - place of the subnode behind|, places from 0 to 1 across each level. Scores count for the
        outputs, of the whole network, whatever level ``attribute()`` was last asked about."""
        return sum(_cost(scores) for scores in self._scores_for_outputs("model.connection_cost"))

    def module(self, start_layer: int, chain: str) -> Self:
        """Cuts a module off: edges between the nodes of a chain and all others are switched off, without a bias in their place.

        Parameters
        ----------
        start_layer : int
            The layer of edges that the chain begins with.
        chain : str
            '[inputs]->[outputs]' for that layer, and if wanted '->[inputs]->[outputs]' for each layer after it. Inputs are nodes,
            outputs subnodes, as in pykan.

        Returns
        -------
        KAN
            This model.

        Examples
        --------
        >>> from swiftkan import KAN
        >>> KAN([3, 2, 1]).module(0, "[0,1]->[0]->[0]->[0]").act_fun[0].mask.tolist()
        [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
        """
        start = _check.integer("start_layer", start_layer, 0, self.depth - 1)
        try:
            groups = [[int(i) for i in group.strip().removeprefix("[").removesuffix("]").split(",")] for group in chain.split("->")]
        except (AttributeError, TypeError, ValueError):
            raise ValueError(f"chain: must be text such as '[0,1]->[0]', not {_check.shown(chain)}") from None
        if len(groups) % 2 or len(groups) // 2 > self.depth - start:
            raise ValueError(f"chain: must have two groups for each layer, at most {self.depth - start} from layer {start} on, not {len(groups)} groups")
        inside = []
        for place, group in enumerate(groups):
            layer = self._act_fun[start + place // 2]
            count = layer.out_dim if place % 2 else layer.in_dim
            inside.append(np.zeros(count, bool))
            for i in group:
                inside[-1][_check.integer(f"chain: group {place}", i, -count, count - 1)] = True
        for l in range(len(groups) // 2):
            across = inside[2 * l][:, None] != inside[2 * l + 1]
            self._act_fun[start + l].mask[across] = 0
            self._symbolic_fun[start + l].mask[across.T] = 0
        self.log_history("module")
        return self

    def perturb(self, mag: float = 1.0, mode: str = "non-intrusive") -> Self:
        """Switches on the numeric parts of edges of a symbolic network, so that it can be trained beyond its formula.

        Parameters
        ----------
        mag : float
            The mask that the edges get, a factor of their spline and base function.
        mode : 'non-intrusive', 'all' or 'minimal'
            'minimal': edges that have a function other than '0'; 'all': all edges. 'non-intrusive': edges that are off and enter a
            subnode which no edge enters so far, and in the last layer all that are off, these with both scales 0: what the network
            gives stays the same if what leaves those nodes is off.

        Returns
        -------
        KAN
            This model.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> x = np.random.RandomState(0).rand(20, 2)
        >>> model = KAN([2, 1])
        >>> _ = model.auto_symbolic(x=x, lib=["x", "x^2"])
        >>> before = model(x)
        >>> bool((model.clone().perturb()(x) == before).all()), bool((model.perturb(0.1, "all")(x) == before).any())
        (True, False)
        """
        mag = _check.real("mag", mag)
        _check.choice("mode", mode, PERTURBATIONS)
        for l, (numeric, symbolic) in enumerate(zip(self._act_fun, self._symbolic_fun)):
            functions = np.array(symbolic.funs_name).T != "0"
            off = numeric.mask == 0
            if mode == "non-intrusive":
                last = l == self.depth - 1
                chosen = off if last else off & ~(functions | ~off).any(axis=0)
                numeric.mask[chosen] = 1.0 if last else mag
                if last:
                    numeric.scale_base[chosen] = numeric.scale_sp[chosen] = 0
            else:
                numeric.mask[functions if mode == "minimal" else np.ones_like(off)] = mag
        self.log_history("perturb")
        return self

    # ---- Pieces --------------------------------------------------------------------------------------------------

    def _scores_for_outputs(self, what: str) -> list[np.ndarray]:
        """Of every layer its edges' scores (out, in), on the samples that attributes speak of."""
        return self._whole_edge_scores(self._measure(self._current_question().x, what), self._asked_out_score())

    def _hidden_level(self, name: str, l: Any) -> int:
        if self.depth < 2:
            raise ValueError(f"{name}: this network has no hidden level; expand_depth() gives it one")
        return _check.integer(name, l, 1, self.depth - 1)

    def _kinds(self, level: int) -> list[int]:
        """Of each node of a level its number of factors, 0 for sums."""
        return [0] * self._settings.width[level][0] + list(self._settings.arities[level])

    def _reorder(self, level: int, nodes: np.ndarray) -> None:
        """Puts node ``nodes[i]`` of a hidden level, with its edges, in the place i."""
        own, (order, suborder) = own_places(self), own_places(self)
        order[level], suborder[level] = nodes, subnodes_of(self._settings, level, nodes)
        model = self._views, self._core
        for l in (level - 1, level):
            copy_layer(l, model, places(l, order, suborder), model, places(l, *own))


def _cost(scores: np.ndarray) -> float:
    """Σ scores·distance for the edges (out, in) of a layer."""
    outs, ins = ((np.arange(n) + 0.5) / n for n in scores.shape)
    return float((scores * abs(outs[:, None] - ins)).sum())
