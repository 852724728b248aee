"""Pruning: taking away what does not matter, and nothing else.

What it must get right first:
  1. what is taken away leaves its mean behind as a bias, so that the model still predicts what it did (a constant output has
     the score 0, and yet it counts);
  2. the same nodes and edges survive as in pykan (MultKAN.prune and what it calls);
  3. ``prune``, ``prune_node`` and ``prune_input`` return a new model with all settings and leave this one as it was;
     ``prune_edge``, ``remove_edge`` and ``remove_node`` change this model, whole or, after an error, not at all.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from . import _check
from ._attribution import Attribution
from ._state import State
from ._subset import subnodes_of, subset

Statistics = list[dict[str, np.ndarray]]


class Pruning(Attribution, State):
    """Methods that remove nodes, edges and inputs."""

    def prune(self, node_th: float = 1e-2, edge_th: float = 3e-2, *, x: Any = None) -> Pruning:
        """A new model without the hidden nodes and the edges that hardly matter; this one is left as it was.

        First :meth:`prune_node`, then on the result :meth:`prune_edge` with its own scores. What is removed leaves its mean
        over the samples behind, in ``subnode_bias``.

        Parameters
        ----------
        node_th : float
            Nodes are kept if their score (``node_scores``) is above this.
        edge_th : float
            Edges are kept if their score (``edge_scores``) is above this.
        x : array-like, (samples, inputs)
            The samples for scores and means; the remembered data (``cache_data``, after ``fit`` the training data) if not given.

        Returns
        -------
        KAN
            With all settings of this model, its ``input_id`` and its remembered data.

        Raises
        ------
        ValueError
            If a whole level of nodes or layer of edges would go; the message says which threshold to lower.
        RuntimeError
            Without ``x``, if no data is remembered.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN, create_dataset
        >>> dataset = create_dataset(lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2)
        >>> model = KAN([2, 5, 1], grid=3, k=3, seed=42)
        >>> result = model.fit(dataset, steps=50, lamb=1e-3)
        >>> small = model.prune()
        >>> small
        KAN(width=[2, 1, 1], grid=3, k=3, dtype=float64)
        >>> before, after = (m.evaluate(dataset)["test_loss"] for m in (model, small))
        >>> bool(abs(after / before - 1) < 0.01)
        True
        """
        edge_th = _check.real("edge_th", edge_th)
        pruned = self._without_nodes("node_th", _check.real("node_th", node_th), None, self._measure(x, "prune()"))
        pruned._drop_low_edges("edge_th", edge_th, pruned._measure(x, "prune()"), None)
        return pruned._given(x)

    def prune_node(
        self, threshold: float = 1e-2, mode: str = "auto", active_neurons_id: Any = None, log_history: bool = True, *, x: Any = None
    ) -> Pruning:
        """A new model without the hidden nodes that hardly matter, or with those that are listed; this one is left as it was.

        Parameters
        ----------
        threshold : float
            Nodes are kept if their score (``node_scores``) is above this.
        mode : 'auto' or 'manual'
            'manual' keeps ``active_neurons_id``, and is meant whenever that is given.
        active_neurons_id : list of lists
            For each hidden level the nodes that are kept, sums and products counted through.
        log_history : bool
            Without effect.
        x : array-like, (samples, inputs)
            The samples for scores and means; the remembered data if not given.

        Returns
        -------
        KAN

        Raises
        ------
        ValueError
            If a whole level would go, or for nodes that are not there.
        RuntimeError
            Without ``x``, if no data is remembered, in the mode 'auto'.

        Warns
        -----
        UserWarning
            In the mode 'manual', if no data is known from which to take the means that removed nodes leave behind.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> model = KAN([2, 5, 1])
        >>> model.get_act(np.random.RandomState(0).rand(100, 2))
        >>> model.prune_node(active_neurons_id=[[0, 3]]).width
        [[2, 0], [2, 0], [1, 0]]
        """
        threshold = _check.real("threshold", threshold)
        _check.choice("mode", mode, ("auto", "manual"))
        _check.flag("log_history", log_history)
        if active_neurons_id is None:
            if mode == "manual":
                raise ValueError("active_neurons_id: is missing; mode='manual' needs the nodes to keep, a list for each hidden level")
            return self._without_nodes("threshold", threshold, None, self._measure(x, "prune_node()"))._given(x)
        kept = self._listed_nodes(active_neurons_id)
        return self._without_nodes("threshold", threshold, kept, self._means(x, "prune_node()"))._given(x)

    def prune_input(self, threshold: float = 1e-2, active_inputs: Any = None, log_history: bool = True, *, x: Any = None) -> Pruning:
        """A new model without the inputs that hardly matter, or with those that are listed; this one is left as it was.

        The new model is given the same columns as this one and selects its own (see ``input_id``).

        Parameters
        ----------
        threshold : float
            Inputs are kept if their score (``feature_score``) is above this.
        active_inputs : list of int
            The inputs that are kept, in the order wanted: their places among this network's inputs, which are not their columns
            where inputs were pruned before.
        log_history : bool
            Without effect.
        x : array-like, (samples, columns)
            The samples for scores and means; the remembered data if not given.

        Returns
        -------
        KAN

        Raises
        ------
        ValueError
            If all inputs would go, or for inputs that are not there.
        RuntimeError
            Without ``x`` and ``active_inputs``, if no data is remembered.

        Warns
        -----
        UserWarning
            With ``active_inputs``, if no data is known from which to take the means that removed inputs leave behind.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> model = KAN([3, 2, 1])
        >>> model.get_act(np.random.RandomState(0).rand(100, 3))
        >>> small = model.prune_input(active_inputs=[0, 2])
        >>> small.width_in, small.input_id.tolist(), small.predict([0.1, 0.2, 0.3]).shape
        ([2, 2, 1], [0, 2], (1,))
        >>> small.prune_input(active_inputs=[1]).input_id.tolist()
        [2]
        """
        threshold, inputs = _check.real("threshold", threshold), self.width_in[0]
        _check.flag("log_history", log_history)
        statistics: Statistics | None
        if active_inputs is None:
            statistics = self._measure(x, "prune_input()")
            scores = self._scores(statistics, self.depth, self._mean_output()).nodes[0][0]
            kept = _above("threshold", threshold, scores, "inputs", "input")
        else:
            kept = _listed("active_inputs", active_inputs, inputs, "inputs")
            statistics = self._means(x, "prune_input()")
        nodes = [kept] + [np.arange(count) for count in self.width_in[1:]]
        return subset(self, nodes, self._constants(self._edges_from(nodes), statistics))._given(x)

    def prune_edge(self, threshold: float = 3e-2, log_history: bool = True, *, x: Any = None) -> Pruning:
        """Removes from this model the edges that hardly matter, numeric and symbolic part.

        Parameters
        ----------
        threshold : float
            Edges are kept if their score (``edge_scores``) is above this. Scores count for the outputs as the last
            ``attribute()`` said with ``out_score``; nothing needs to be called before.
        log_history : bool
            Without effect.
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
        >>> model = KAN([2, 5, 1])
        >>> model.act_fun[0].scale_base[0, 1:] = 0
        >>> model.act_fun[0].scale_sp[0, 1:] = 0
        >>> model.prune_edge(x=np.random.RandomState(0).rand(100, 2)).n_edge
        11
        """
        threshold = _check.real("threshold", threshold)
        _check.flag("log_history", log_history)
        question = self._current_question()
        out_score = question.out_score if question.level is None else None
        self._drop_low_edges("threshold", threshold, self._measure(x, "prune_edge()"), out_score)
        return self

    def remove_edge(self, l: int, i: int, j: int, log_history: bool = True, *, x: Any = None) -> Pruning:
        """Removes from this model the edge of layer ``l`` from node ``i`` to subnode ``j``, numeric and symbolic part.

        Parameters
        ----------
        l, i, j : int
        log_history : bool
            Without effect.
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
        _check.flag("log_history", log_history)
        dropped = self._no_edges()
        dropped[l][j, i] = True
        return self._drop(dropped, self._means(x, "remove_edge()"))

    def remove_node(self, l: int, i: int, mode: str = "all", log_history: bool = True, *, x: Any = None) -> Pruning:
        """Removes from this model the edges of node ``i`` of level ``l``; the node itself stays, without effect.

        Parameters
        ----------
        l : int, 0 to depth
        i : int
            The node; that of a product stands for all its factors.
        mode : 'all', 'up' or 'down'
            'down' removes the edges that lead to the node, 'up' those that lead on from it, 'all' both.
        log_history : bool
            Without effect.
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
        _check.flag("log_history", log_history)
        if (l, mode) in ((0, "down"), (self.depth, "up")):
            raise ValueError(f"mode: no edge leads {'to an input' if l == 0 else 'on from an output'}, so it must not be {mode!r} with l={l}")
        dropped = self._no_edges()
        if mode != "down" and l < self.depth:
            dropped[l][:, i] = True
        if mode != "up" and l > 0:
            dropped[l - 1][subnodes_of(self._settings, l, np.array([i]))] = True
        return self._drop(dropped, self._means(x, "remove_node()"))

    # ---- How it is done ------------------------------------------------------------------------------------------

    def _given(self, x: Any) -> Pruning:
        """Remembers the samples that pruning was done with if the model remembers none."""
        if x is not None and self._asked_data() is None:
            self.get_act(x)
        return self

    def _means(self, x: Any, what: str) -> Statistics | None:
        """What is measured on ``x`` or the remembered data; None and a warning without any."""
        if x is None and self._remembered is None:
            message = "the model has seen no data, so that what is removed takes its mean with it; pass x, or call get_act(x) before"
            warnings.warn(f"{what}: {message}", stacklevel=3)
            return None
        return self._measure(x, what)

    def _listed_nodes(self, ids: Any) -> list[np.ndarray]:
        """The nodes of each level with those of hidden levels as the user listed them."""
        hidden = self.depth - 1
        if isinstance(ids, (str, bytes)) or not hasattr(ids, "__len__") or len(ids) != hidden:
            raise ValueError(f"active_neurons_id: must be a list with a list of nodes for each of the {hidden} hidden levels, not {ids!r}")
        lists = [np.sort(_listed(f"active_neurons_id[{h}]", ids[h], self.width_in[h + 1], f"nodes of level {h + 1}")) for h in range(hidden)]
        return [np.arange(self.width_in[0]), *lists, np.arange(self.width_in[-1])]

    def _without_nodes(self, name: str, threshold: float, nodes: list[np.ndarray] | None, statistics: Statistics | None) -> Pruning:
        """A new model with ``nodes``, or with the hidden nodes whose scores are above the threshold."""
        if nodes is None:
            scores = [level[0] for level in self._scores(statistics, self.depth, self._mean_output()).nodes]
            hidden = [_above(name, threshold, scores[l], f"nodes of level {l}", "node") for l in range(1, self.depth)]
            nodes = [np.arange(self.width_in[0]), *hidden, np.arange(self.width_in[-1])]
        return subset(self, nodes, self._constants(self._edges_from(nodes), statistics))

    def _drop_low_edges(self, name: str, threshold: float, statistics: Statistics, out_score: np.ndarray | None) -> None:
        beginning = self._beginning(statistics, None, out_score).mean(axis=0, keepdims=True)
        edges = [layer[0] for layer in self._scores(statistics, self.depth, beginning).edges]
        dropped = []
        for l, scores in enumerate(edges):
            _above(name, threshold, scores.ravel(), f"edges of layer {l}", "edge")
            dropped.append(~(scores > threshold))
        self._drop(dropped, statistics)

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

        A subnode is scale·z + bias, z being the sum of its edges, so that the bias takes scale·mean.
        """
        if statistics is None:
            return [np.zeros(edges.shape[0]) for edges in gone]
        constants = []
        for l, edges in enumerate(gone):
            means = np.where(edges, statistics[l]["edge_mean"], 0.0)
            bad = np.argwhere(~np.isfinite(means))
            if len(bad):
                j, i = bad[0].tolist()
                raise ValueError(f"x: the edge ({l}, {i}, {j}) is not finite on these samples, so it has no mean to leave behind")
            constants.append(self._views[f"subnode_scale_{l}"] * means.sum(axis=1))
        return constants

    def _drop(self, dropped: list[np.ndarray], statistics: Statistics | None) -> Pruning:
        """Switches edges off in this model; ``dropped[l]`` is (out, in)."""
        constants = self._constants(dropped, statistics)
        for l, edges in enumerate(dropped):
            self._views[f"subnode_bias_{l}"] += constants[l]
            self._views[f"act_fun.{l}.mask"][edges.T] = 0
            self._views[f"symbolic_fun.{l}.mask"][edges] = 0
        return self


def _above(name: str, threshold: float, scores: np.ndarray, what: str, one: str) -> np.ndarray:
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


def _listed(name: str, value: Any, count: int, what: str) -> np.ndarray:
    """A list of places as the user gave it: whole numbers, each once, at least one."""
    ids = _check.array(name, value)
    if ids.ndim != 1 or not ids.size or ids.dtype.kind not in "iu":
        raise ValueError(f"{name}: must be a list of at least one of the {what}, 0 to {count - 1}, not {value!r}")
    if ids.min() < 0 or ids.max() >= count:
        raise ValueError(f"{name}: there are {count} {what}, 0 to {count - 1}, not {ids.tolist()}")
    if len(set(ids.tolist())) != ids.size:
        raise ValueError(f"{name}: each may be listed once, not {ids.tolist()}")
    return ids.astype(np.intp)
