"""Data sets: made from a formula, or split from measurements.

What it must get right first: for the same seed and dtype the inputs are pykan's, bit for bit, and no global random
generator is touched.
"""

from __future__ import annotations

from typing import Any
from collections.abc import Callable

import numpy as np

from . import _check, _core
from ._settings import _dtype

ROUNDING = 4  # a column whose numbers differ by so many eps is constant


def create_dataset(
    f: Callable, n_var: int = 2, f_mode: str = "col", ranges: Any = (-1, 1), train_num: int = 1000,
    test_num: int = 1000, normalize_input: bool = False, normalize_label: bool = False, device: Any = "cpu",
    seed: int = 0, *, dtype: Any = "float64",
) -> dict[str, np.ndarray]:  # fmt: skip
    """Uniform random inputs, and what ``f`` makes of them.

    Parameters
    ----------
    f : callable
        From a NumPy array to labels (n,) or (n, outputs). In 'col' mode the array is (n, n_var), so that a variable is
        ``x[:, [0]]`` (or ``x[:, 0]``); in 'row' mode it is (n_var, n), so that a variable is ``x[0]``.
    n_var : int
        Variables.
    f_mode : 'col' or 'row'
    ranges : (low, high), or (n_var, 2) with one a variable
    train_num, test_num : int
        Samples; with ``test_num=0`` the result has no test data.
    normalize_input, normalize_label : bool
        Shift and scale to mean 0 and standard deviation 1 of the training data.
    seed : int
        The same seed gives pykan's inputs.
    dtype : 'float64' or 'float32'

    Returns
    -------
    dict with ``train_input`` (train_num, n_var), ``train_label`` (train_num, outputs), ``test_input``, ``test_label``

    Raises
    ------
    ValueError
        For impossible arguments, and if ``f`` does not give a label for each sample; with ``normalize_input`` or ``normalize_label``
        if a column is constant, to rounding.

    Notes
    -----
    Inputs are drawn variable by variable, first training then test, as pykan's ``create_dataset`` (kan/utils.py)
    draws them from torch's Mersenne Twister. pykan draws float32 unless torch's default type was changed: pass
    ``dtype='float32'`` for the same numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftkan import create_dataset
    >>> dataset = create_dataset(lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2)
    >>> dataset["train_input"].shape, dataset["test_label"].shape
    ((1000, 2), (1000, 1))
    >>> dataset["train_input"][0].tolist()
    [0.9401060036131061, 0.9796708649672705]
    """
    if not callable(f):
        raise TypeError(f"f: must be a function of an array, not {f!r}")
    _check.choice("f_mode", f_mode, ("col", "row"))
    _check.device(device)
    kind = _dtype(dtype)
    n_var = _check.integer("n_var", n_var, 1, 2**20)
    counts = {"train": _check.integer("train_num", train_num, 1), "test": _check.integer("test_num", test_num, 0)}
    seed = _check.integer("seed", seed, 0, 2**32 - 1)
    limits = _ranges(ranges, n_var, kind)
    columns: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    drawn, draws = 0, kind.itemsize // 4  # 32-bit draws: two for a float64, one for a float32
    for low, high in limits:
        for part, count in counts.items():
            u = np.empty(count, kind)
            if count:
                _core.uniform(seed, drawn, u)
            drawn += draws * count
            columns[part].append(u * kind.type(high - low) + kind.type(low))
    dataset = {}
    for part, count in counts.items():
        if count:
            x = np.stack(columns[part], axis=1)
            dataset[f"{part}_input"] = x
            dataset[f"{part}_label"] = _label(f(x.copy() if f_mode == "col" else x.T.copy()), count, kind)
    for what, wanted in (("input", normalize_input), ("label", normalize_label)):
        if _check.flag(f"normalize_{what}", wanted):
            _normalize(dataset, what)
    return dataset


def _ranges(ranges: Any, n_var: int, kind: np.dtype) -> list[tuple[float, float]]:
    given = _check.array("ranges", ranges)
    if given.shape == (2,):
        given = np.tile(given, (n_var, 1))
    if given.shape != (n_var, 2):
        raise ValueError(f"ranges: must be (low, high) or have the shape ({n_var}, 2), not {given.shape}")
    _check.finite("ranges", given)
    limits = [(float(low), float(high)) for low, high in given]
    for i, (low, high) in enumerate(limits):
        if low > high:
            raise ValueError(f"ranges: of variable {i} must be (low, high), not ({low:g}, {high:g})")
        if max(high - low, abs(low), abs(high)) > float(np.finfo(kind).max):
            raise ValueError(f"ranges: of variable {i} is ({low:g}, {high:g}), wider than {kind} can hold; take a narrower one")
    return limits


def _label(value: Any, count: int, kind: np.dtype) -> np.ndarray:
    label = _check.array("what f returned", value)
    if label.ndim == 1:
        label = label[:, None]
    if label.ndim != 2 or label.shape[0] != count:
        raise ValueError(
            f"f: gave an array of shape {np.shape(value)} for {count} samples; it must be ({count},) or "
            f"({count}, outputs). "
            f"In 'col' mode a variable is x[:, [i]], in 'row' mode x[i]"
        )
    return _check.contiguous(label, kind).copy()


def _normalize(dataset: dict[str, np.ndarray], what: str) -> None:
    """To mean 0 and deviation 1 (n - 1 in the denominator) of the training part, in place."""
    train = dataset[f"train_{what}"]
    if len(train) < 2:
        raise ValueError(f"normalize_{what}: needs at least 2 training samples")
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = train.mean(axis=0, keepdims=True), train.std(axis=0, ddof=1, keepdims=True)
        # The mean of equal numbers differs from them by rounding, and so std is not 0. From the first of them they do not differ.
        spread = (train.astype(np.float64) - train[:1]).std(axis=0)
        varies = (spread > ROUNDING * np.finfo(train.dtype).eps * np.abs(mean[0])) & (std[0] > 0) & np.isfinite(std[0])
    if not varies.all():
        column = int(np.argmin(varies))
        raise ValueError(
            f"normalize_{what}: column {column} is constant or not finite, so it cannot be scaled; its standard deviation is {std[0, column]:.3g}"
        )
    for part in ("train", "test"):
        if f"{part}_{what}" in dataset:
            dataset[f"{part}_{what}"] = (dataset[f"{part}_{what}"] - mean) / std


def create_dataset_from_data(
    inputs: Any, labels: Any, train_ratio: float = 0.8, device: Any = "cpu", *, seed: int = 0
) -> dict[str, np.ndarray]:
    """Splits measurements into training and test data at random.

    Parameters
    ----------
    inputs : array-like, (n, variables)
    labels : array-like, (n,) or (n, outputs)
        Real numbers (n,) become a column (n, 1), as in :func:`create_dataset`. Integers and truth values (n,) stay one-dimensional: as
        classes they are right for the loss 'cross_entropy'. To fit them as numbers give them as floats or as a column.
    train_ratio : float
        The part of the samples to train on.
    seed : int
        Of the choice: ``numpy.random.RandomState(seed).choice(n, int(n·train_ratio), replace=False)``, which is pykan's
        choice after ``numpy.random.seed(seed)``.

    Returns
    -------
    dict with ``train_input``, ``train_label``, ``test_input``, ``test_label``; test samples in their given order

    Raises
    ------
    ValueError
        If there are not as many labels as inputs, or one part would be empty.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftkan import create_dataset_from_data
    >>> x = np.arange(20.0).reshape(10, 2)
    >>> dataset = create_dataset_from_data(x, x.sum(axis=1))
    >>> dataset["train_input"].shape, dataset["test_label"].shape
    ((8, 2), (2, 1))
    """
    _check.device(device)
    x, y = _check.array("inputs", inputs), _check.array("labels", labels)
    if x.ndim != 2:
        raise ValueError(f"inputs: must have the shape (samples, variables), not {x.shape}")
    if not y.ndim or len(y) != len(x):
        raise ValueError(f"labels: has the shape {y.shape}, but there are {len(x)} inputs")
    if y.ndim == 1 and y.dtype.kind == "f":
        y = y[:, None]
    ratio = _check.real("train_ratio", train_ratio, 0.0, 1.0)
    count = int(len(x) * ratio)
    if not 0 < count < len(x):
        raise ValueError(
            f"train_ratio: {ratio:g} of {len(x)} samples leaves {count} to train and {len(x) - count} to test; "
            "both need one"
        )
    train = np.random.RandomState(_check.integer("seed", seed, 0, 2**32 - 1)).choice(len(x), count, replace=False)
    test = np.setdiff1d(np.arange(len(x)), train)
    return {"train_input": x[train], "train_label": y[train], "test_input": x[test], "test_label": y[test]}
