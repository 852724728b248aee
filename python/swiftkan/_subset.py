"""A smaller network out of a larger one: some of its nodes with all that belongs to them. Which arrays belong to what.

What it must get right first:
  1. the large network is not changed, and nothing is shared with it but the remembered data;
  2. every setting and every number of what is kept is the same in the small network;
  3. what the nodes that are left out gave on average stays, as a bias.
"""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from . import _core

# Of a layer's arrays the leading axes: the nodes that its edges leave, the subnodes that they enter, and the nodes of these.
AXES = {
    **{f"act_fun.{{}}.{part}": ("left", "entered") for part in ("coef", "mask", "scale_base", "scale_sp")},
    **{f"symbolic_fun.{{}}.{part}": ("entered", "left") for part in ("mask", "affine")},
    "act_fun.{}.grid": ("left",),
    **{f"subnode_{part}_{{}}": ("entered",) for part in ("scale", "bias")},
    **{f"node_{part}_{{}}": ("behind",) for part in ("scale", "bias")},
}
Places = tuple[np.ndarray, np.ndarray, np.ndarray]  # of a layer: numbers of the nodes it leaves, subnodes it enters, nodes of these


def own_places(model: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The nodes and subnodes of all levels."""
    return [np.arange(n) for n in model.width_in], [np.arange(n) for n in model.width_out]


def places(l: int, nodes: Sequence[np.ndarray], subnodes: Sequence[np.ndarray]) -> Places:
    """Those of the layer ``l`` among the nodes and subnodes of all levels."""
    return nodes[l], subnodes[l + 1], nodes[l + 1]


def copy_layer(l: int, source: tuple[Any, Any], chosen: Places, target: tuple[Any, Any], there: Places) -> None:
    """Puts the chosen places of a layer, numbers and functions, ``there`` into a target, which may be the source itself.

    ``source`` and ``target`` are (views by name, engine).
    """
    axes = [dict(zip(("left", "entered", "behind"), each)) for each in (chosen, there)]
    for name, kinds in AXES.items():
        old, new = (np.ix_(*(each[kind] for kind in kinds)) for each in axes)
        target[0][name.format(l)][new] = source[0][name.format(l)][old]
    edges = [[(i, j) for i in left.tolist() for j in entered.tolist()] for left, entered, _ in (chosen, there)]
    functions = [source[1].symbolic_get(l, i, j) for i, j in edges[0]]  # all before the first is set: the target may be the source
    for (i, j), function in zip(edges[1], functions):
        target[1].symbolic_set(l, i, j, function)


def subnodes_of(settings: Any, level: int, nodes: np.ndarray) -> np.ndarray:
    """The subnodes of some nodes of a level, in the order of the nodes: one of a sum, its factors of a product."""
    n_sum = settings.width[level][0]
    sizes = np.array([1] * n_sum + settings.arities[level])
    ends = np.cumsum(sizes)
    return np.concatenate([np.arange(ends[node] - sizes[node], ends[node]) for node in nodes]).astype(np.intp)


def subset(model: Any, nodes: Sequence[np.ndarray], constants: Sequence[np.ndarray]) -> Any:
    """A new model of ``nodes[l]`` of each level.

    Parameters
    ----------
    model : KAN
    nodes : for each level the nodes that are kept, sums before products
    constants : for each layer (width_out[l + 1],)
        What is added to the bias of each of the model's subnodes, of those that are kept.
    """
    settings, levels = model._current_settings(), range(len(nodes))
    sums = [int((nodes[l] < settings.width[l][0]).sum()) for l in levels]
    changes: dict[str, Any] = {"width": [[sums[l], len(nodes[l]) - sums[l]] for l in levels]}
    if not isinstance(settings.mult_arity, int):
        changes["mult_arity"] = [[settings.mult_arity[l][node - settings.width[l][0]] for node in nodes[l][sums[l] :]] for l in levels]
    smaller = settings.replace(**changes)
    result = model._copy_around(smaller, _core.Model(**smaller.engine_arguments()))
    result._select(model._input_id[nodes[0]], model._input_width)
    result._remembered = model._remembered
    subnodes, own = [subnodes_of(settings, l, nodes[l]) for l in levels], own_places(result)
    for l in range(model.depth):
        copy_layer(l, (model._views, model._core), places(l, nodes, subnodes), (result._views, result._core), places(l, *own))
        result._views[f"subnode_bias_{l}"] += constants[l][subnodes[l + 1]]
    return result
