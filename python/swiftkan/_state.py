"""A model's numbers as a dict, and copies of models.

What it must get right first: a state is loaded whole or not at all, and copies share no memory with the original.
"""

from __future__ import annotations

import copy
from typing import Any, Self
from collections.abc import Mapping

import numpy as np

from . import _check, _core, _functions, _given, _losses
from ._grids import Grids
from ._network import ENGINE_PARTS
from ._settings import Settings


class State(Grids):
    """Methods that take a model's numbers out, put them in, and copy models."""

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all numbers, under pykan's names, in its order and shapes.

        ``node_bias_l``, ``node_scale_l`` (width_in[l + 1],), ``subnode_bias_l``, ``subnode_scale_l`` (width_out[l +
        1],), ``act_fun.l.grid`` (in, G + 1 + 2k), ``.coef`` (in, out, G + k), ``.mask``, ``.scale_base``,
        ``.scale_sp`` (in, out), ``symbolic_fun.l.mask`` (out, in), ``.affine`` (out, in, 4).

        The names of symbolic functions are not numbers: see ``symbolic_fun[l].funs_name``, and :meth:`save` for
        everything.

        Examples
        --------
        >>> from swiftkan import KAN
        >>> list(KAN([2, 1]).state_dict())[:5]
        ['node_bias_0', 'node_scale_0', 'subnode_bias_0', 'subnode_scale_0', 'act_fun.0.grid']
        """
        return {name: view.copy() for name, view in self._views.items()}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> tuple[list[str], list[str]]:
        """Puts numbers into the model. All are checked before the first is written.

        Parameters
        ----------
        state_dict : mapping from names to array-likes, as :meth:`state_dict` gives
        strict : bool
            Are missing and unknown names an error. If not, they are left alone.

        Returns
        -------
        missing, unexpected : lists of names

        Raises
        ------
        ValueError
            For missing or unknown names (if strict), wrong shapes, and knots that are not finite and ascending.

        Examples
        --------
        >>> from swiftkan import KAN
        >>> one, other = KAN([2, 1], seed=1), KAN([2, 1], seed=2)
        >>> other.load_state_dict(one.state_dict())
        ([], [])
        >>> bool((one([0.1, 0.2]) == other([0.1, 0.2])).all())
        True
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"state_dict: must be a dict from names to arrays, not {type(state_dict).__name__}")
        missing = [name for name in self._views if name not in state_dict]
        unexpected = [str(name) for name in state_dict if name not in self._views]
        if _check.flag("strict", strict) and (missing or unexpected):
            parts = [f"{what}: {', '.join(names[:5])}{', …' if len(names) > 5 else ''}"
                     for what, names in (("missing", missing), ("unknown", unexpected)) if names]  # fmt: skip
            raise ValueError(f"state_dict: does not belong to {self!r}; {'; '.join(parts)}")
        arrays = {}
        for name, view in self._views.items():
            if name in state_dict:
                given = _check.array(name, state_dict[name])
                if given.shape != view.shape:
                    raise ValueError(f"{name}: has the shape {given.shape}, but {self!r} needs {view.shape}")
                arrays[name] = given.astype(self.dtype)
                if name.endswith(".grid") and not (
                    np.isfinite(arrays[name]).all() and (np.diff(arrays[name]) >= 0).all()
                ):
                    raise ValueError(f"{name}: knots must be finite and ascending along the last axis")
        for name, values in arrays.items():
            self._views[name][...] = values
        return missing, unexpected

    # ---- Symbolic functions as names -----------------------------------------------------------------------------

    def _function_names(self) -> list[list[list[str]]]:
        """[l][out][in] names of the functions on the edges."""
        return [[list(row) for row in layer.funs_name] for layer in self._symbolic_fun]

    def _set_function_names(self, names: Any) -> None:
        """Sets all functions, after all names are checked."""
        shapes = [(layer.out_dim, layer.in_dim) for layer in self._symbolic_fun]
        if len(names) != len(shapes):
            raise ValueError(f"function names: for {len(names)} layers, but the model has {len(shapes)}")
        for l, (rows, (n_out, n_in)) in enumerate(zip(names, shapes)):
            if len(rows) != n_out or any(not isinstance(row, list) or len(row) != n_in for row in rows):
                raise ValueError(f"function names of layer {l}: must be {n_out} lists of {n_in} names")
            for name in (name for row in rows for name in row):
                if not isinstance(name, str):
                    raise ValueError(f"function names of layer {l}: must be text, not {name!r}")
        _given.find(name for rows in names for row in rows for name in row)
        for l, (rows, (_, n_in)) in enumerate(zip(names, shapes)):
            for j, row in enumerate(rows):
                for i in range(n_in):
                    self._core.symbolic_set(l, i, j, _functions.number(row[i]))

    def _warn_of_names(self, what: str, stacklevel: int) -> None:
        """Warns of functions that a file or pickle of the model has only as a name, or under a name that is another's by now."""
        text = _given.complaint({number: edge for edge, number in self._functions_now().items()})
        if text:
            import warnings

            warnings.warn(f"{what}: {text}", stacklevel=stacklevel)

    # ---- Copies --------------------------------------------------------------------------------------------------

    def _current_settings(self) -> Settings:
        """The settings with the flags as they are now."""
        flags = self._core.flags()
        switches = {name: bool(flags[name]) for name in flags if name != "grid_eps"}
        return self._settings.replace(grid_eps=flags["grid_eps"], **switches)

    def clone(self) -> Self:
        """An independent copy: training one does not touch the other. ``copy.copy`` and ``copy.deepcopy`` do the same.

        The remembered data (``cache_data``) is the same array in both.

        Examples
        --------
        >>> from swiftkan import KAN
        >>> model = KAN([2, 1])
        >>> twin = model.clone()
        >>> twin.act_fun[0].coef[:] = 0
        >>> bool(model.act_fun[0].coef.any())
        True
        """
        twin = self._copy_around(self._settings, self._core.copy())
        twin._remembered = self._remembered
        return twin

    __copy__ = clone

    def __deepcopy__(self, memo: dict) -> Self:
        twin = self.clone()
        memo[id(self)] = twin
        for name, value in self.__dict__.items():
            if name not in (*ENGINE_PARTS, "_fitted_loss"):  # a loss written in Python may hold what has no copy
                twin.__dict__[name] = copy.deepcopy(value, memo)
        if self._remembered is not None:
            twin._remembered = copy.copy(self._remembered)
            twin._remembered.x = self._remembered.x.copy()
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the remembered data, which may be larger than the model by far, and a loss written in Python, of which it says
        that there was one."""
        names = self._function_names()
        self._warn_of_names("pickle", stacklevel=3)
        extra = {name: value for name, value in self.__dict__.items() if name not in ENGINE_PARTS}
        if callable(self._fitted_loss[0]):
            extra["_fitted_loss"] = _losses.PICKLED, self._fitted_loss[1]
        return {
            "settings": self._current_settings().to_dict(),
            "state": self.state_dict(),
            "functions": names,
            "given": _given.to_pickle(name for rows in names for row in rows for name in row),
            "input": (self._input_id, self._input_width),
            "extra": extra,
        }

    def __setstate__(self, pickled: dict[str, Any]) -> None:
        self.__dict__.update(pickled["extra"])
        if self._fitted_loss[0] == _losses.PICKLED:
            self._fitted_loss = _losses.left_behind, self._fitted_loss[1]
        _given.from_pickle(pickled.get("given", {}))
        self._restore(pickled["settings"], pickled["state"], pickled["functions"], *pickled["input"])

    def _restore(
        self, arguments: dict, state: Mapping[str, Any], functions: Any, input_id: Any = None, input_width: Any = None
    ) -> None:
        """Builds the engine of this object from the parts that pickles and files hold."""
        settings = Settings(**arguments)
        for name, shape in settings.coef_shapes().items():  # before memory is taken for what may be a damaged width
            if name not in state:
                raise ValueError(f"missing: {name}")
            if np.shape(state[name]) != shape:
                raise ValueError(f"{name}: has the shape {np.shape(state[name])}, but the settings need {shape}")
        self._open(settings, _core.Model(**settings.engine_arguments()))
        self.load_state_dict(state)
        self._set_function_names(functions)
        if input_id is not None:
            self.input_id, self.input_width = input_id, input_width
