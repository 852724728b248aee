"""Small functions of pykan's ``kan.utils`` that are a few lines here: ``batch_jacobian`` and ``sparse_mask``.

What they must get right first: values and shapes are pykan's, and what they cannot differentiate is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _check
from ._kan import KAN


def batch_jacobian(func: Any, x: Any, create_graph: bool = False, mode: str = "scalar") -> np.ndarray:
    """The derivatives of a model's outputs with respect to its inputs, sample by sample, exact.

    Parameters
    ----------
    func : KAN
        Only models are differentiated, not functions written in Python.
    x : array-like, (samples, inputs)
    create_graph : False
        There is no graph: for derivatives of derivatives take differences of these.
    mode : 'scalar' or 'vector'
        The first output alone, or all.

    Returns
    -------
    array (samples, inputs), or (samples, outputs, inputs) in the mode 'vector'

    Raises
    ------
    TypeError, ValueError
        For what is no model, for data that is not allowed, and for ``create_graph=True``.

    Examples
    --------
    >>> from swiftkan import KAN, batch_jacobian
    >>> batch_jacobian(KAN([2, 3, 1]), [[0.1, 0.2], [0.3, 0.4]]).shape
    (2, 2)
    """
    if not isinstance(func, KAN):
        raise TypeError(f"func: must be a KAN, not {_check.shown(func)}; functions of your own are not differentiated here")
    if _check.flag("create_graph", create_graph):
        raise ValueError("create_graph: must be False; for second derivatives take differences of batch_jacobian")
    _check.choice("mode", mode, ("scalar", "vector"))
    rows = func._training_rows("x", x)
    outputs = range(func.width_in[-1]) if mode == "vector" else [0]
    unit = np.eye(func.width_in[-1], dtype=func.dtype)
    columns = [func.vjp(rows, np.repeat(unit[[o]], len(rows), axis=0))[1] for o in outputs]
    return np.stack(columns, axis=1) if mode == "vector" else columns[0]


def sparse_mask(in_dim: int, out_dim: int) -> np.ndarray:
    """The mask (in_dim, out_dim) of ``KAN(sparse_init=True)``: every node is joined to the nearest of the other side.

    Examples
    --------
    >>> from swiftkan import sparse_mask
    >>> sparse_mask(3, 2).tolist()
    [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    sizes = [_check.integer("in_dim", in_dim, 1, 2**31 - 1), _check.integer("out_dim", out_dim, 1, 2**31 - 1)]
    return KAN(sizes, grid=1, k=0, sparse_init=True).act_fun[0].mask.copy()
