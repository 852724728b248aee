"""A smaller network out of a larger one: some of its nodes with all that belongs to them.

What it must get right first:
  1. the large network is not changed, and nothing is shared with it but the remembered data;
  2. every setting and every number of what is kept is the same in the small network;
  3. what the nodes that are left out gave on average stays, as a bias.
"""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from . import _core


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
    for l in range(model.depth):
        rows, columns, targets = nodes[l], subnodes_of(settings, l + 1, nodes[l + 1]), nodes[l + 1]
        edges = np.ix_(rows, columns)
        kept = {f"act_fun.{l}.{part}": edges for part in ("coef", "mask", "scale_base", "scale_sp")}
        kept |= {f"symbolic_fun.{l}.{part}": np.ix_(columns, rows) for part in ("mask", "affine")}
        kept |= {f"act_fun.{l}.grid": rows, f"node_scale_{l}": targets, f"node_bias_{l}": targets}
        kept |= {f"subnode_scale_{l}": columns, f"subnode_bias_{l}": columns}
        for name, place in kept.items():
            result._views[name][...] = model._views[name][place]
        result._views[f"subnode_bias_{l}"] += constants[l][columns]
        for i, old_i in enumerate(rows.tolist()):
            for j, old_j in enumerate(columns.tolist()):
                result._core.symbolic_set(l, i, j, model._core.symbolic_get(l, old_i, old_j))
    return result
