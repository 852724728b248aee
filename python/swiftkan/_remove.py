"""Removing edges from a model in place.

What it must get right first:
  1. an edge that goes leaves its mean behind as a bias, so that the model still predicts what it did (a constant edge has the
     score 0, and yet it counts);
  2. the same edges survive as in pykan (MultKAN.prune_edge);
  3. the model is changed as a whole or, after an error, not at all.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from . import _check
from ._attribution import Attribution, Statistics
from ._subset import subnodes_of


class Removal(Attribution):
    """Methods that switch edges off."""

    def prune_edge(self, threshold: float = 3e-2, log_history: bool = True, *, x: Any = None) -> Removal:
        """Removes from this model the edges that hardly matter, numeric and symbolic part.

        Parameters
        ----------
        threshold : float
            Edges are kept if their score (``edge_scores``) is above this. Scores count for the outputs as the last
            ``attribute()`` said with ``out_score``; nothing needs to be called before.
        log_history : bool
            Does this make a version, with ``auto_save``: see :meth:`log_history`.
        x : array-like, (samples, inputs)
            The samples for scores and means; the remembered data if not given.

        Returns
        -------
        KAN
            This model.

        Raises
        ------
        ValueError
            If all edges of a layer would go; the model is then as it was.
        RuntimeError
            Without ``x``, if no data is remembered.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> model = KAN([2, 1])
        >>> model.act_fun[0].scale_base = [[1], [0.01]]
        >>> model.act_fun[0].scale_sp = 0
        >>> model.prune_edge(x=np.random.RandomState(0).rand(100, 2)).act_fun[0].mask.tolist()
        [[1.0], [0.0]]
        """
        threshold = _check.real("threshold", threshold)
        log_history = _check.flag("log_history", log_history)
        statistics = self._measure(x, "prune_edge()")
        self._drop(self._low_edges("threshold", threshold, statistics, self._asked_out_score()), statistics)
        return self._logged("prune_edge", log_history)

    def remove_edge(self, l: int, i: int, j: int, log_history: bool = True, *, x: Any = None) -> Removal:
        """Removes from this model the edge of layer ``l`` from node ``i`` to subnode ``j``, numeric and symbolic part.

        Parameters
        ----------
        l, i, j : int
        log_history : bool
            Does this make a version, with ``auto_save``: see :meth:`log_history`.
        x : array-like, (samples, inputs)
            The samples for the edge's mean, that is left behind as a bias of the subnode; the remembered data if not given.

        Returns
        -------
        KAN
            This model.

        Warns
        -----
        UserWarning
            If no data is known from which to take the mean.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> x = np.random.RandomState(0).rand(100, 2)
        >>> model = KAN([2, 1])
        >>> mean = model(x).mean()
        >>> bool(np.isclose(model.remove_edge(0, 1, 0, x=x)(x).mean(), mean))
        True
        """
        l = _check.integer("l", l, 0, self.depth - 1)
        i = _check.integer("i", i, 0, self.width_in[l] - 1)
        j = _check.integer("j", j, 0, self.width_out[l + 1] - 1)
        log_history = _check.flag("log_history", log_history)
        dropped = self._no_edges()
        dropped[l][j, i] = True
        return self._drop(dropped, self._means(x, "remove_edge()"))._logged("remove_edge", log_history)

    def remove_node(self, l: int, i: int, mode: str = "all", log_history: bool = True, *, x: Any = None) -> Removal:
        """Removes from this model the edges of node ``i`` of level ``l``; the node itself stays, without effect.

        Parameters
        ----------
        l : int, 0 to depth
        i : int
            The node; that of a product stands for all its factors.
        mode : 'all', 'up' or 'down'
            'down' removes the edges that lead to the node, 'up' those that lead on from it, 'all' both.
        log_history : bool
            Does this make a version, with ``auto_save``: see :meth:`log_history`.
        x : array-like, (samples, inputs)
            The samples for the edges' means, that are left behind as biases; the remembered data if not given.

        Returns
        -------
        KAN
            This model.

        Warns
        -----
        UserWarning
            If no data is known from which to take the means.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> model = KAN([2, 5, 1])
        >>> model.get_act(np.random.RandomState(0).rand(100, 2))
        >>> model.remove_node(1, 0).n_edge
        12
        """
        l = _check.integer("l", l, 0, self.depth)
        i = _check.integer("i", i, 0, self.width_in[l] - 1)
        _check.choice("mode", mode, ("all", "up", "down"))
        log_history = _check.flag("log_history", log_history)
        if (l, mode) in ((0, "down"), (self.depth, "up")):
            raise ValueError(f"mode: no edge leads {'to an input' if l == 0 else 'on from an output'}, so it must not be {mode!r} with l={l}")
        dropped = self._no_edges()
        if mode != "down" and l < self.depth:
            dropped[l][:, i] = True
        if mode != "up" and l > 0:
            dropped[l - 1][subnodes_of(self._settings, l, np.array([i]))] = True
        return self._drop(dropped, self._means(x, "remove_node()"))._logged("remove_node", log_history)

    # ---- How it is done ------------------------------------------------------------------------------------------

    def _means(self, x: Any, what: str) -> Statistics | None:
        """What is measured on ``x`` or the remembered data; None and a warning without any."""
        if x is None and self._remembered is None:
            message = "the model has seen no data, so that what is removed takes its mean with it; pass x, or call get_act(x) before"
            warnings.warn(f"{what}: {message}", stacklevel=3)
            return None
        return self._measure(x, what)

    def _low_edges(self, name: str, threshold: float, statistics: Statistics, out_score: np.ndarray | None) -> list[np.ndarray]:
        """For each layer (out, in): the edges whose scores are not above the threshold."""
        dropped = []
        for l, scores in enumerate(self._whole_edge_scores(statistics, out_score)):
            above(name, threshold, scores.ravel(), f"edges of layer {l}")
            dropped.append(~(scores > threshold))
        return dropped

    def _no_edges(self) -> list[np.ndarray]:
        return [np.zeros(layer.mask.shape, bool) for layer in self._symbolic_fun]

    def _edges_from(self, nodes: list[np.ndarray]) -> list[np.ndarray]:
        """For each layer (out, in): the edges that begin in a node that is not in ``nodes``."""
        gone = self._no_edges()
        for edges, kept in zip(gone, nodes):
            edges[:, np.setdiff1d(np.arange(edges.shape[1]), kept)] = True
        return gone

    def _constants(self, gone: list[np.ndarray], statistics: Statistics | None) -> list[np.ndarray]:
        """For each layer (width_out[l + 1],): what the bias of each subnode takes over from edges that go.

        A subnode is scale·z + bias, z being the sum of its edges, so that the bias takes scale·mean. An edge that is not finite
        on the samples (a logarithm of negative numbers, say) has nothing to leave, and a warning says so.
        """
        if statistics is None:
            return [np.zeros(edges.shape[0]) for edges in gone]
        constants = []
        for l, edges in enumerate(gone):
            means = np.where(edges, statistics[l]["edge_mean"], 0.0)
            bad = np.argwhere(~np.isfinite(means))
            for j, i in bad[:1].tolist():
                message = f"the edge ({l}, {i}, {j}) is not finite on these samples, so that it has no mean to leave behind"
                warnings.warn(message, RuntimeWarning, stacklevel=4)
            means[tuple(bad.T)] = 0.0
            constants.append(self._views[f"subnode_scale_{l}"] * means.sum(axis=1))
        return constants

    def _drop(self, dropped: list[np.ndarray], statistics: Statistics | None) -> Removal:
        """Switches edges off in this model; ``dropped[l]`` is (out, in)."""
        constants = self._constants(dropped, statistics)
        for l, edges in enumerate(dropped):
            self._views[f"subnode_bias_{l}"] += constants[l]
            self._views[f"act_fun.{l}.mask"][edges.T] = 0
            self._views[f"symbolic_fun.{l}.mask"][edges] = 0
        return self


def above(name: str, threshold: float, scores: np.ndarray, what: str) -> np.ndarray:
    """The places of the scores above a threshold: at least one."""
    if not np.isfinite(scores).all():
        raise ValueError(f"x: the scores of the {what} are not finite, because the network's values are not on these samples")
    kept = np.flatnonzero(scores > threshold)
    if not len(kept):
        raise ValueError(
            f"{name}: none of the {what} has a score above {threshold:g}, and one must stay; the highest score is "
            f"{scores.max():.3g}: lower {name} below it"
        )
    return kept
