"""Generalised additive models: networks of one layer, which are linear in their coefficients, solved at once.

What it must get right first: the result is the least-squares solution (of the penalised problem), whatever the grid and the samples
are; where no sample is, splines go on smoothly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _check, _data, _numbers, _penalty, _smoothing
from ._kan import KAN


def fit_gam(
    x: Any, y: Any = None, *, grid: int = 20, k: int = 3, smooth: float | str = "gcv", sample_weight: Any = None,
    grid_margin: float = 0.05, grid_eps: float = 0.02, dtype: Any = "float64",
) -> KAN:  # fmt: skip
    """A generalised additive model: y ≈ Σ_i φ_i(x_i), a network of one layer, solved as one linear least-squares problem.

    Parameters
    ----------
    x, y : array-like, (samples, inputs) and (samples, outputs)
        Or a data set as for :meth:`KAN.fit` in one argument, a dict or a tuple (x, y), of which the training part is used.
    grid, k : int
        Intervals and degree of the splines; the knots are at quantiles of the samples, mixed with a uniform grid as ``grid_eps``
        says, and reach ``grid_margin`` times the samples' range beyond them.
    smooth : float or 'gcv'
        The weight of the penalty on bending, ∫(d²φ_i/du²)² du with each grid's length 1 (of splines of degree 0 and 1 a sum of
        second differences), beside the mean squared error of the output that φ_i leads to, as in :meth:`KAN.fit`; 0 for none.
        'gcv' takes the one with the least generalised cross-validation error, the same for all inputs and outputs.
    sample_weight : array-like, (samples,)
    dtype : 'float64' or 'float32'

    Returns
    -------
    KAN
        ``KAN([inputs, outputs], base_fun='zero')``, which remembers the data, so that ``predict(x, return_std=True)`` and
        :meth:`KAN.predict_interval` can be asked at once. ``model.cache_data`` is x without samples of weight 0.

    Raises
    ------
    ValueError, TypeError
        For arguments and data that are not allowed.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftkan import fit_gam
    >>> rng = np.random.RandomState(0)
    >>> x = rng.rand(1000, 2)
    >>> mean = np.sin(6 * x[:, :1]) + x[:, 1:] ** 2
    >>> model = fit_gam(x, mean + 0.2 * rng.randn(1000, 1))
    >>> model, bool(abs(model(x) - mean).mean() < 0.03)
    (KAN(width=[2, 1], grid=20, k=3, dtype=float64), True)
    """
    dataset, _ = _data.given("fit_gam", x, y)
    rows, labels = _check.array("x", dataset["train_input"]), _check.array("y", dataset["train_label"])
    for name, value in (("x", rows), ("y", labels)):
        if value.ndim != 2 or not value.shape[1]:
            remedy = f"; pass a column: np.reshape({name}, (-1, 1))" if value.ndim == 1 else ""
            raise ValueError(f"{name}: must have two axes, (samples, columns), not the shape {value.shape}{remedy}")
    smooth = _smoothing.weight_of(smooth)
    inputs, outputs = rows.shape[1], labels.shape[1]
    settings = {"grid": _check.integer("grid", grid, 1), "k": k, "base_fun": "zero", "grid_eps": grid_eps, "noise_scale": 0.0}
    model = KAN([inputs, outputs], **settings, dtype=dtype)
    part = _data.part(model, "train", {"train_input": rows, "train_label": labels}, "mse", sample_weight)
    model.update_grid_from_samples(part.rows, margin=_check.real("grid_margin", grid_margin, 0.0, 1.0))
    layer = model.act_fun[0]
    layer.scale_sp[...] = 1

    # All outputs have the same J, that of a network with one.
    single = KAN([inputs, 1], **settings)
    single.act_fun[0].grid[...] = layer.grid
    single.act_fun[0].scale_sp[...] = 1
    index = single._columns()
    n = len(part.rows)
    chosen = _check.contiguous(part.rows, single.dtype)
    share = part.share()
    normal, b = np.empty((index.size, index.size)), np.empty((index.size, outputs))
    single._core.normal_matrix(chosen, n, share, index.size, normal, False, 10.0)
    wanted, order = _numbers.order_one(part.y.astype(np.float64), axis=0)  # squares then neither overflow nor vanish
    middle = np.average(wanted, axis=0, weights=share)  # splines sum to 1: a constant can be added afterwards, without cancellation
    wanted = wanted - middle
    gradient = np.empty(single._parameter_count)
    for o in range(outputs):
        single._core.vjp(chosen, n, np.ascontiguousarray((share * wanted[:, o])[:, None]), gradient, None, False, 10.0)
        b[:, o] = gradient[index]
    penalty = _penalty.bending(single, index)
    prior = _penalty.relative(penalty, normal, _smoothing.PRIOR).matrix(index.size)
    ridge = _smoothing.Ridge(normal, penalty.matrix(index.size), prior, b, share @ wanted**2)
    weight = ridge.choose(n) if smooth == "gcv" else smooth

    flat = np.zeros((single._parameter_count, outputs))
    flat[index] = ridge.solve(n * weight)
    coef = np.stack([single._cut(flat[:, o], "act_fun.0.coef")[:, 0] for o in range(outputs)], axis=1)
    layer.coef[...] = np.ldexp(coef + (middle / inputs)[:, None], order[:, None])
    model._remember(part.rows, False, 10.0, asked=True)
    known = model._remembered
    known.y, known.weight = part.y, part.weight
    model._fitted_how = (weight,), False, 10.0
    return model
