"""Several networks as one: their hidden nodes side by side, the outputs averaged.

What it must get right first: the joined network's outputs are the mean of the members', to rounding, so that a committee is an
ordinary KAN for everything that comes after (plots, pruning, formulas, files).
"""

from __future__ import annotations

import numpy as np

from ._kan import KAN


def join(members: list[KAN]) -> KAN:
    """The mean of networks of sums with the same settings and the same first grid, with hidden levels as wide as all together.

    In between, edges from one member's nodes to another's are masked.
    """
    first = members[0]
    if len(members) == 1:
        return first
    widths = [width for width, _ in first.width]
    if any(mult for _, mult in first.width) or any(
        member.width != first.width or not np.array_equal(member.act_fun[0].grid, first.act_fun[0].grid) for member in members
    ):
        raise ValueError("members: only networks of sums alone, with the same widths and first grid, can be joined")
    count, depth = len(members), first.depth
    wide = [widths[0], *(width * count for width in widths[1:-1]), widths[-1]]
    model = KAN(wide, grid=first.grid, k=first.k, base_fun=first.base_fun, seed=first.seed, dtype=first.dtype, noise_scale=0.0)
    for l in range(depth):
        layer = model.act_fun[l]
        layer.mask[...] = 0
        share = 1 / count if l == depth - 1 else 1.0
        for m, member in enumerate(members):
            rows = slice(None) if l == 0 else slice(m * widths[l], (m + 1) * widths[l])
            columns = slice(None) if l == depth - 1 else slice(m * widths[l + 1], (m + 1) * widths[l + 1])
            part = member.act_fun[l]
            layer.grid[rows] = part.grid
            layer.coef[rows, columns] = part.coef
            layer.mask[rows, columns] = part.mask
            layer.scale_base[rows, columns] = part.scale_base * share
            layer.scale_sp[rows, columns] = part.scale_sp * share
            if l == depth - 1:
                model.node_bias[l][...] += member.node_bias[l] * share
            else:
                model.node_bias[l][columns] = member.node_bias[l]
    return model
