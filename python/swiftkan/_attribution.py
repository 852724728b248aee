"""Attribution: how much of the output each node, subnode and edge accounts for.

What it must get right first:
  1. pykan's formulas to rounding (MultKAN.attribute), and right also where pykan mixes outputs (lists of arities with several
     outputs);
  2. the scores are those of the model as it is now: nothing is stored that training or pruning could make stale;
  3. they speak of the training data or of data given for the purpose. Evaluating the model elsewhere changes nothing.

The formulas (KAN 2.0, arXiv 2408.10205, section 4.1), S being the standard deviation over the samples (n - 1): a score given
to the nodes of one level goes back to the level before it by

    subnode score B_u = A of the node that u belongs to
    edge score   B_ui = S(edge i → u) / (S(subnode u, before its scale and bias) + 1e-4) · B_u
    node score    A_i = Σ_u B_ui

beginning with A = 1 for one output k at a time (``…_all``, first axis k). What carries no suffix is the mean over k; the
formulas are linear, so that it is one pass from the mean of the beginnings.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import _check
from ._activations import Activations

Statistics = list[dict[str, np.ndarray]]  # layer by layer, what swiftkan_statistics gives

TOO_SMALL = 1e-4  # pykan's guard against dividing by the deviation of a constant subnode


class Scores(NamedTuple):
    """Level by level; each array has the beginnings k as its first axis."""

    nodes: list[np.ndarray]  # (k, width_in[l]), l = 0 … level
    subnodes: list[np.ndarray]  # (k, width_out[l + 1]), l = 0 … level - 1


class Question(NamedTuple):
    """What the last ``attribute()`` asked, for the attributes that answer it."""

    level: int | None
    out_score: np.ndarray | None
    x: np.ndarray | None
    remembered: Any  # the data that the model had been given: with other data the question is a new one
    core: Any  # the engine that was asked: another one (a checkpoint that was put in its place) has not been asked anything


PLAIN = Question(None, None, None, None, None)


class Attribution(Activations):
    """Methods and attributes that say what matters."""

    _question = PLAIN

    def attribute(self, l: Any = None, i: Any = None, out_score: Any = None, plot: bool = True, *, x: Any = None) -> np.ndarray | None:
        """How much each node, subnode and edge contributes to the outputs, or to the nodes of level ``l``.

        Without ``l`` nothing is returned: read ``node_scores``, ``edge_scores``, ``subnode_scores`` and their ``_all`` forms,
        which answer the last question. They need no call of ``attribute()`` before, are computed when read, and so are
        never out of date; reading one costs a pass over the data.

        Parameters
        ----------
        l : int, 0 to depth
            The level whose nodes are explained; the outputs if not given.
        i : int
            One node of that level.
        out_score : array-like, (nodes of the level,)
            How much each of those nodes counts. Not given: 1 for outputs, the nodes' own ``node_scores`` for a level ``l``.
        plot : bool
            With ``l`` and ``i``, draw a bar chart of the scores into a new pyplot figure (it is not shown or saved, and is left
            out where matplotlib is missing).
        x : array-like, (samples, inputs)
            The samples that standard deviations are taken over; the remembered data (``cache_data``) if not given. The
            attributes use it too, until the model is given other data by ``fit`` or ``get_act``.

        Returns
        -------
        None without ``l``; array (nodes of the level, inputs) with ``l``; (inputs,) with ``l`` and ``i``

        Raises
        ------
        ValueError
            For a level or node that is not there, a wrong ``out_score``, fewer than 2 samples, NaN or infinity in ``x``.
        RuntimeError
            Without ``x``, if no data is remembered.

        Examples
        --------
        >>> from swiftkan import KAN, create_dataset
        >>> dataset = create_dataset(lambda x: x[:, [0]] ** 2 + 0.3 * x[:, [1]] + 0 * x[:, [2]], n_var=3, train_num=300)
        >>> model = KAN([3, 4, 1], grid=3, seed=1)
        >>> result = model.fit(dataset, steps=20, lamb=1e-3)
        >>> model.attribute()
        >>> model.node_scores[0].round(1).tolist()
        [0.9, 0.5, 0.0]
        >>> model.attribute(1, plot=False).shape
        (4, 3)
        """
        level = None if l is None else _check.integer("l", l, 0, self.depth)
        count = self.width_in[-1 if level is None else level]
        if i is not None:
            if level is None:
                raise ValueError("i: is a node of level l; give l too")
            i = _check.integer("i", i, 0, count - 1)
        if out_score is not None:
            given = _check.array("out_score", out_score)
            if given.shape != (count,):
                where = "outputs" if level is None else f"nodes of level {level}"
                raise ValueError(f"out_score: has the shape {given.shape}, but must be ({count},), one for each of the {count} {where}")
            _check.finite("out_score", given)
            out_score = given.astype(np.float64)
        plot = _check.flag("plot", plot)
        rows = None if x is None else self._inputs(x)
        statistics = self._measure(rows, "attribute()")
        self._question = Question(level, out_score, rows, self._asked_data(), self._core)
        if level is None:
            return None
        result = self._scores(statistics, level, self._beginning(statistics, level, out_score)).nodes[0]
        if i is None:
            return result
        if plot:
            _bar_chart(result[i])
        return result[i]

    def node_attribute(self) -> list[np.ndarray]:
        """The same as :attr:`node_attribute_scores` (pykan's method, which fills that attribute).

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> model = KAN([3, 5, 2])
        >>> model.get_act(np.random.RandomState(0).rand(100, 3))
        >>> [scores.shape for scores in model.node_attribute()]
        [(5, 3), (2, 3)]
        """
        return self.node_attribute_scores

    @property
    def node_attribute_scores(self) -> list[np.ndarray]:
        """Of each level l = 1 … depth the matrix ``attribute(l)``: (width_in[l], width_in[0])."""
        statistics = self._measure(None, "model.node_attribute_scores")
        levels = range(1, self.depth + 1)
        return [self._scores(statistics, l, self._beginning(statistics, l, None)).nodes[0] for l in levels]

    def feature_interaction(self, l: int, neuron_th: float = 1e-2, feature_th: float = 1e-2, *, x: Any = None) -> dict[tuple[int, ...], int]:
        """Which inputs come together in the nodes of level ``l``.

        Parameters
        ----------
        l : int, 0 to depth
        neuron_th : float
            A node counts if its highest score is above this.
        feature_th : float
            An input counts for a node if its score is above this part of the node's highest.
        x : array-like, (samples, inputs)
            The remembered data if not given.

        Returns
        -------
        dict
            From tuples of inputs (their places among the network's inputs) to the number of nodes that read just those.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> model = KAN([3, 2, 1], seed=0)
        >>> model.act_fun[0].mask[...] = [[1, 0], [1, 0], [0, 1]]
        >>> model.feature_interaction(1, x=np.random.RandomState(0).rand(100, 3))
        {(0, 1): 1, (2,): 1}
        """
        level = _check.integer("l", l, 0, self.depth)
        neuron_th, feature_th = _check.real("neuron_th", neuron_th), _check.real("feature_th", feature_th)
        statistics = self._measure(x, "feature_interaction()")
        found: dict[tuple[int, ...], int] = {}
        for row in self._scores(statistics, level, self._beginning(statistics, level, None)).nodes[0]:
            if row.max() > neuron_th:
                features = tuple(int(feature) for feature in np.flatnonzero(row > row.max() * feature_th))
                found[features] = found.get(features, 0) + 1
        return found

    # ---- Attributes ----------------------------------------------------------------------------------------------

    @property
    def feature_score(self) -> np.ndarray:
        """(inputs,): how much each input contributes to the outputs, whatever ``attribute()`` was asked before."""
        return self._scores(self._measure(None, "model.feature_score"), self.depth, self._mean_output()).nodes[0][0]

    @property
    def node_scores(self) -> list[np.ndarray]:
        """node_scores[l] (width_in[l],), l = 0 … depth; see :meth:`attribute`."""
        return [scores[0] for scores in self._answer("node_scores", mean=True)[1].nodes]

    @property
    def subnode_scores(self) -> list[np.ndarray]:
        """subnode_scores[l] (width_out[l + 1],): a factor of a multiplication node has the node's score."""
        return [scores[0] for scores in self._answer("subnode_scores", mean=True)[1].subnodes]

    @property
    def edge_scores(self) -> list[np.ndarray]:
        """edge_scores[l] (out, in)."""
        return [scores[0] for scores in edge_scores_of(*self._answer("edge_scores", mean=True))]

    @property
    def node_scores_all(self) -> list[np.ndarray]:
        """node_scores_all[l] (k, width_in[l]): the contributions to each output (or node of the asked level) k."""
        return self._answer("node_scores_all")[1].nodes

    @property
    def subnode_scores_all(self) -> list[np.ndarray]:
        """subnode_scores_all[l] (k, width_out[l + 1])."""
        return self._answer("subnode_scores_all")[1].subnodes

    @property
    def edge_scores_all(self) -> list[np.ndarray]:
        """edge_scores_all[l] (k, out, in)."""
        return edge_scores_of(*self._answer("edge_scores_all"))

    # ---- How they are computed -----------------------------------------------------------------------------------

    def _asked_data(self) -> Any:
        """The remembered data unless it is only what ``model(x)`` was last given."""
        return self._remembered if self._remembered is not None and self._remembered.asked else None

    def _current_question(self) -> Question:
        question = self._question
        return question if question.core is self._core and question.remembered is self._asked_data() else PLAIN

    def _answer(self, name: str, mean: bool = False) -> tuple[Statistics, Scores]:
        question = self._current_question()
        statistics = self._measure(question.x, f"model.{name}")
        level = self.depth if question.level is None else question.level
        beginning = self._beginning(statistics, question.level, question.out_score)
        return statistics, self._scores(statistics, level, beginning.mean(axis=0, keepdims=True) if mean else beginning)

    def _asked_out_score(self) -> np.ndarray | None:
        """``out_score`` of the last ``attribute()``, where that asked about the outputs."""
        question = self._current_question()
        return question.out_score if question.level is None else None

    def _whole_edge_scores(self, statistics: Statistics, out_score: np.ndarray | None) -> list[np.ndarray]:
        """For each layer (out, in), of the whole network: ``edge_scores`` answers for the level that was last asked about, and ends there."""
        beginning = self._beginning(statistics, None, out_score).mean(axis=0, keepdims=True)
        return [scores for (scores,) in edge_scores_of(statistics, self._scores(statistics, self.depth, beginning))]

    def _measure(self, x: Any, what: str) -> Statistics:
        """Means and standard deviations of everything, on ``x`` or on the remembered data."""
        chosen, _, _ = self._known(x, what)
        _check.finite("x", chosen)
        if chosen.shape[0] < 2:
            raise ValueError(f"x: {what} needs at least 2 samples, not {chosen.shape[0]}: scores are made of standard deviations")
        return self._statistics(what, x)

    def _mean_output(self) -> np.ndarray:
        return np.full((1, self.width_in[-1]), 1 / self.width_in[-1])

    def _beginning(self, statistics: Statistics, level: int | None, out_score: np.ndarray | None) -> np.ndarray:
        """(k, nodes of the level): the score that is distributed, for one node k at a time."""
        if level is None:
            return np.eye(self.width_in[-1]) if out_score is None else np.diag(out_score)
        if out_score is None:
            out_score = self._scores(statistics, self.depth, self._mean_output()).nodes[level][0]
        return np.diag(out_score)

    def _scores(self, statistics: Statistics, level: int, beginning: np.ndarray) -> Scores:
        """Distributes the scores ``beginning`` (k, width_in[level]) of a level's nodes over all that is before them."""
        nodes, subnodes = [beginning], []
        for l in range(level - 1, -1, -1):
            n_sum, arities = self._settings.width[l + 1][0], self._settings.arities[l + 1]
            sums, products = nodes[0][:, :n_sum], nodes[0][:, n_sum:]
            subnodes.insert(0, np.concatenate([sums, np.repeat(products, arities, axis=1)], axis=1))
            # the sum over u of what edge_scores_of gives, without its k·out·in numbers
            parts, edge_std = _parts(subnodes[0], statistics[l]), statistics[l]["edge_std"]
            whole = np.isfinite(edge_std).all(axis=1)
            scores = parts[:, whole] @ edge_std[whole]
            for u in np.flatnonzero(~whole):
                scores = scores + _product(parts[:, u, None], edge_std[u])
            nodes.insert(0, scores)
        return Scores(nodes, subnodes)


def edge_scores_of(statistics: Statistics, scores: Scores) -> list[np.ndarray]:
    """Layer by layer (k, out, in): the part that each edge has in the score of its subnode."""
    return [_product(_parts(subnodes, layer)[:, :, None], layer["edge_std"]) for subnodes, layer in zip(scores.subnodes, statistics)]


def _parts(subnodes: np.ndarray, layer: dict[str, np.ndarray]) -> np.ndarray:
    """(k, out): B_u / (S(subnode u) + 1e-4); 0 where the score is, whatever the values of a subnode that nothing uses."""
    return np.divide(subnodes, layer["subnode_std"] + TOO_SMALL, out=np.zeros_like(subnodes), where=subnodes != 0)


def _product(parts: np.ndarray, edge_std: np.ndarray) -> np.ndarray:
    """parts · edge_std, 0 where the part is."""
    shape = np.broadcast_shapes(parts.shape, edge_std.shape)
    return np.multiply(parts, edge_std, out=np.zeros(shape), where=parts != 0)


def _bar_chart(scores: np.ndarray) -> None:
    """A new pyplot figure with a bar for each input; nothing where matplotlib is missing."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        return
    plt.figure(figsize=(max(len(scores), 2), 3))
    plt.bar(range(len(scores)), scores)
    plt.xticks(range(len(scores)))
