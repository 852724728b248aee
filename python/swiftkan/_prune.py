"""Pruning: a smaller model without what does not matter.

What it must get right first:
  1. what is taken away leaves its mean behind as a bias, so that the new model predicts what the old one did;
  2. the same nodes and edges survive as in pykan (MultKAN.prune and what it calls), although pykan judges edges of a network
     that pruning its nodes has shifted;
  3. the model that is pruned stays as it was, and the new one has all its settings.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _check
from ._attribution import Statistics
from ._remove import Removal, above
from ._state import State
from ._subset import subset


class Pruning(Removal, State):
    """Methods that make smaller models."""

    def prune(self, node_th: float = 1e-2, edge_th: float = 3e-2, *, x: Any = None) -> Pruning:
        """A new model without the hidden nodes and the edges that hardly matter; this one is left as it was.

        First :meth:`prune_node`, then on the result :meth:`prune_edge`. What is removed leaves its mean over the samples behind, in
        ``subnode_bias``. Which edges matter is decided as pykan does, by the scores of the network without those means, so that
        the same survive; should they condemn a whole layer, by those of the network with them.

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
        >>> model = KAN([2, 5, 1], grid=3, k=3, seed=8)
        >>> result = model.fit(dataset, steps=50, lamb=1e-3)
        >>> small = model.prune()
        >>> small
        KAN(width=[2, 1, 1], grid=3, k=3, dtype=float64)
        >>> before, after = (m.evaluate(dataset)["test_loss"] for m in (model, small))
        >>> bool(after < 1.1 * before)
        True
        """
        node_th, edge_th = _check.real("node_th", node_th), _check.real("edge_th", edge_th)
        statistics = self._measure(x, "prune()")
        nodes = self._important_nodes("node_th", node_th, statistics)
        gone = self._edges_from(nodes)
        pruned, pykans = (subset(self, nodes, self._constants(gone, known)) for known in (statistics, None))
        measured = pruned._measure(x, "prune()")
        try:
            dropped = pykans._low_edges("edge_th", edge_th, pykans._measure(x, "prune()"), None)
        except ValueError:
            dropped = pruned._low_edges("edge_th", edge_th, measured, None)
        pruned._drop(dropped, measured)
        return pruned._given(x)._logged("prune")

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
            Does this make a version, with ``auto_save``: see :meth:`log_history`.
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
        log_history = _check.flag("log_history", log_history)
        if active_neurons_id is None:
            if mode == "manual":
                raise ValueError("active_neurons_id: is missing; mode='manual' needs the nodes to keep, a list for each hidden level")
            kept, statistics = None, self._measure(x, "prune_node()")
        else:
            kept, statistics = self._listed_nodes(active_neurons_id), self._means(x, "prune_node()")
        return self._without_nodes("threshold", threshold, kept, statistics)._given(x)._logged("prune_node", log_history)

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
            Does this make a version, with ``auto_save``: see :meth:`log_history`.
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
        log_history = _check.flag("log_history", log_history)
        statistics: Statistics | None
        if active_inputs is None:
            statistics = self._measure(x, "prune_input()")
            scores = self._scores(statistics, self.depth, self._mean_output()).nodes[0][0]
            kept = above("threshold", threshold, scores, "inputs")
        else:
            kept = _listed("active_inputs", active_inputs, inputs, "inputs")
            statistics = self._means(x, "prune_input()")
        nodes = [kept] + [np.arange(count) for count in self.width_in[1:]]
        return self._without_nodes("threshold", threshold, nodes, statistics)._given(x)._logged("prune_input", log_history)

    # ---- How it is done ------------------------------------------------------------------------------------------

    def _given(self, x: Any) -> Pruning:
        """Remembers the samples that pruning was done with if the model remembers none."""
        if x is not None and self._asked_data() is None:
            self.get_act(x)
        return self

    def _listed_nodes(self, ids: Any) -> list[np.ndarray]:
        """The nodes of each level with those of hidden levels as the user listed them."""
        hidden = self.depth - 1
        if not _check.is_list(ids) or len(ids) != hidden:
            raise ValueError(f"active_neurons_id: must be a list with a list of nodes for each of the {hidden} hidden levels, not {ids!r}")
        lists = [np.sort(_listed(f"active_neurons_id[{h}]", ids[h], self.width_in[h + 1], f"nodes of level {h + 1}")) for h in range(hidden)]
        return [np.arange(self.width_in[0]), *lists, np.arange(self.width_in[-1])]

    def _important_nodes(self, name: str, threshold: float, statistics: Statistics) -> list[np.ndarray]:
        """Of each level the nodes that stay: hidden ones with scores above the threshold."""
        scores = [level[0] for level in self._scores(statistics, self.depth, self._mean_output()).nodes]
        hidden = [above(name, threshold, scores[l], f"nodes of level {l}") for l in range(1, self.depth)]
        return [np.arange(self.width_in[0]), *hidden, np.arange(self.width_in[-1])]

    def _without_nodes(self, name: str, threshold: float, nodes: list[np.ndarray] | None, statistics: Statistics | None) -> Pruning:
        """A new model with ``nodes`` of each level, or with the hidden nodes whose scores are above the threshold."""
        if nodes is None:
            nodes = self._important_nodes(name, threshold, statistics)
        return subset(self, nodes, self._constants(self._edges_from(nodes), statistics))


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
