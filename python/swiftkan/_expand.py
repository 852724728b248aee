"""More nodes and layers for a network: pykan's ``expand_width`` and ``expand_depth``.

What it must get right first: the network gives what it gave, splines included; what is new is off until ``perturb`` or training
switches it on.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from . import _check
from ._initialization import new_core
from ._levels import adopt
from ._settings import nodes as nodes_of
from ._subset import copy_layer, own_places, places


class Expanding:
    """Methods that make the network larger, in place. Its arrays are new ones afterwards: views taken before are of the old model."""

    def expand_depth(self) -> Self:
        """Adds a layer that gives each output as it is: symbolic edges 'x' between equal places, '0' elsewhere.

        Returns
        -------
        KAN
            This model.

        Raises
        ------
        ValueError
            If ``symbolic_enabled`` is False: all that the layer has would be off.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> model, x = KAN([2, 3, 2]), np.random.RandomState(0).rand(10, 2)
        >>> before = model(x)
        >>> bool((model.expand_depth()(x) == before).all()), model.width_in
        (True, [2, 3, 2, 2])
        """
        if not self.symbolic_enabled:
            raise ValueError("expand_depth: the layer it adds is symbolic, and symbolic edges are switched off: set symbolic_enabled = True first")
        settings, outputs = self._current_settings(), self.width_in[-1]
        changes: dict[str, Any] = {"width": [*settings.width, [outputs, 0]]}
        for name in ("grid", "k"):
            value = getattr(settings, name)
            changes[name] = value if isinstance(value, int) else [*value, value[-1]]
        if not isinstance(settings.mult_arity, int):
            changes["mult_arity"] = [*settings.mult_arity, []]
        self._grow(settings.replace(**changes), *own_places(self))
        for i in range(outputs):
            self._symbolic_fun[-1].set_function(i, i, "x")
        self.log_history("expand_depth")
        return self

    def expand_width(self, layer_id: int, n_added_nodes: int, sum_bool: bool = True, mult_arity: Any = 2) -> Self:
        """Adds nodes to a hidden level, with symbolic edges '0' to and from them: sums before those that are there, products behind.

        Parameters
        ----------
        layer_id : int, 1 to depth - 1
            The level.
        n_added_nodes : int
        sum_bool : bool
            Sums or products.
        mult_arity : int, or list with one for each
            Factors of the products.

        Returns
        -------
        KAN
            This model.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN
        >>> model, x = KAN([2, 3, 1]), np.random.RandomState(0).rand(10, 2)
        >>> before = model(x)
        >>> model.expand_width(1, 1).expand_width(1, 2, sum_bool=False, mult_arity=[2, 3]).width
        [[2, 0], [4, 2], [1, 0]]
        >>> bool(np.allclose(model(x), before, rtol=0, atol=1e-14)), model.mult_arity
        (True, [[], [2, 3], []])
        """
        level = self._hidden_level("layer_id", layer_id)
        count, sums = _check.integer("n_added_nodes", n_added_nodes, 1, 2**31 - 1), _check.flag("sum_bool", sum_bool)
        settings = self._current_settings()
        width = [list(pair) for pair in settings.width]
        width[level][0 if sums else 1] += count
        nodes_of(f"width[{level}]", width[level])  # before there is a list with an entry for each
        changes: dict[str, Any] = {"width": width}
        if not sums:
            added = mult_arity if _check.is_list(mult_arity) else [mult_arity] * count
            added = [_check.integer("mult_arity", arity, 1, 2**20) for arity in added]
            if len(added) != count:
                raise ValueError(f"mult_arity: has {len(added)} entries for {count} nodes")
            arities = settings.arities
            arities[level] = arities[level] + added
            if any(arity != settings.mult_arity for arity in added):
                changes["mult_arity"] = arities
        nodes, subnodes = own_places(self)
        if sums:
            nodes[level], subnodes[level] = nodes[level] + count, subnodes[level] + count
        self._grow(settings.replace(**changes), nodes, subnodes)
        self.log_history("expand_width")
        return self

    def _grow(self, settings: Any, nodes: list[np.ndarray], subnodes: list[np.ndarray]) -> None:
        """Puts this model's numbers into a larger network: old node i of level l is ``nodes[l][i]`` there. Other edges are '0'."""
        old, own, depth = (self._views, self._core), own_places(self), self.depth
        adopt(self, settings, new_core(settings))
        for l, (numeric, symbolic) in enumerate(zip(self._act_fun, self._symbolic_fun)):
            numeric.mask[...], symbolic.mask[...], symbolic.affine[...] = 0, 1, (1, 0, 1, 0)
            if l < depth:
                copy_layer(l, old, places(l, *own), (self._views, self._core), places(l, nodes, subnodes))
