"""Data sets on their way into training.

What it must get right first: every mistake that pykan lets pass in silence (labels of one dimension, too many
columns, NaN, another number of labels than samples) is an error that says what to do.
"""

from __future__ import annotations

from typing import Any
from collections.abc import Callable

import numpy as np

from . import _check, _losses

FORMS = (
    "a dict with train_input and train_label (and, if wanted, test_input and test_label), or a tuple (x, y) or "
    "(x, y, x_test, y_test)"
)
TEST_WEIGHT = "_test_weight"  # in the data sets of the estimators: how much each test sample counts


class Part:
    """One part of a data set, train or test, in the engine's form."""

    __slots__ = ("rows", "chosen", "y", "classes", "label", "weight")

    def __init__(self, rows: np.ndarray, chosen: np.ndarray, y: Any, classes: Any, label: Any, weight: Any):
        self.rows, self.chosen, self.y, self.classes, self.weight = rows, chosen, y, classes, weight
        self.label = label  # for a loss written in Python

    def some(self, chosen: np.ndarray) -> Part:
        """The samples with these numbers, or where this is True."""
        parts = self.rows, self.chosen, self.y, self.classes, self.label, self.weight
        return Part(*(None if values is None else np.ascontiguousarray(values[chosen]) for values in parts))

    def share(self) -> np.ndarray:
        """(n,) float64: how much each sample counts, 1 in the mean."""
        n = len(self.rows)
        share = np.ones(n) if self.weight is None else self.weight.astype(np.float64)
        return share * (n / share.sum())

    def engine(self) -> tuple:
        """(n, x, y, labels, weight)."""
        return len(self.rows), self.chosen, self.y, self.classes, self.weight


def unpack(dataset: Any) -> tuple[dict[str, Any], bool]:
    """The data set as a dict with pykan's keys, and whether it has test data."""
    if isinstance(dataset, (tuple, list)):
        if len(dataset) not in (2, 4):
            raise ValueError(f"dataset: has {len(dataset)} parts; it must be {FORMS}")
        dataset = dict(zip(("train_input", "train_label", "test_input", "test_label"), dataset))
    if not isinstance(dataset, dict):
        raise TypeError(f"dataset: must be {FORMS}, not {type(dataset).__name__}")
    for key in ("train_input", "train_label"):
        if key not in dataset:
            raise ValueError(f"dataset: {key} is missing; it must be {FORMS}")
    tests = [key in dataset and dataset[key] is not None for key in ("test_input", "test_label")]
    if any(tests) != all(tests):
        raise ValueError(
            f"dataset: {'test_label' if tests[0] else 'test_input'} is missing; give both test parts or none"
        )
    return dataset, all(tests)


def given(what: str, data: Any, y: Any) -> tuple[dict[str, Any], bool]:
    """As :func:`unpack`, of a data set in one argument or x and y in two, as in ``what(x, y)``."""
    if y is not None:
        if isinstance(data, dict):
            raise TypeError(f"y: is in the data set already: call {what}(dataset), or {what}(x, y) with arrays")
        return {"train_input": data, "train_label": y}, False
    if not isinstance(data, (dict, tuple, list)):
        raise TypeError(f"dataset: must be {FORMS}, not {type(data).__name__}; or give samples and labels: {what}(x, y)")
    return unpack(data)


def tested(dataset: Any) -> tuple[Any, Any]:
    """(x, y) of a data set's test part; a tuple (x, y) is one."""
    if isinstance(dataset, (tuple, list)):
        if len(dataset) not in (2, 4):
            raise ValueError(f"dataset: has {len(dataset)} parts; it must be a tuple (x, y) or (x, y, x_test, y_test)")
        return tuple(dataset[-2:])  # type: ignore[return-value]
    for key in ("test_input", "test_label"):
        if not isinstance(dataset, dict) or dataset.get(key) is None:
            raise ValueError(f"dataset: must be a dict with test_input and test_label, or a tuple (x, y); {key} is missing")
    return dataset["test_input"], dataset["test_label"]


def split(
    dataset: dict[str, Any], fraction: Any, sample_weight: Any, seed: int, dtype: Any = np.float64
) -> tuple[dict[str, Any], Any, Any]:
    """Puts a random part of the training samples, those of weight 0 left out, aside as test data: (data set, training weights, test
    weights)."""
    fraction = _check.real("validation_split", fraction, 0.0)
    x, y = _check.array("train_input", dataset["train_input"]), dataset["train_label"]
    n = x.shape[0] if x.ndim else 0
    y = None if y is None else _check.array("train_label", y)
    if y is not None and (not y.ndim or len(y) != n):
        raise ValueError(f"train_label: has the shape {y.shape}, but there are {n} samples")
    samples, weight = np.arange(n), None
    if sample_weight is not None:
        weight = _check.weights("sample_weight", sample_weight, n, dtype)
        samples = np.flatnonzero(weight)
    count = int(round(len(samples) * fraction))
    if not 1 <= count < len(samples):
        which = "" if len(samples) == n else " of a weight above 0"
        raise ValueError(
            f"validation_split: {fraction:g} of {len(samples)} samples{which} leaves {len(samples) - count} to train and {count} to "
            "validate; both need one"
        )
    order = samples[np.random.RandomState(seed).permutation(len(samples))]
    test, train = np.sort(order[:count]), np.sort(order[count:])
    pick = lambda values, ids: None if values is None else values[ids]  # noqa: E731
    parts = {"train_input": x[train], "train_label": pick(y, train), "test_input": x[test], "test_label": pick(y, test)}
    return parts, pick(weight, train), pick(weight, test)


def part(model: Any, kind: str, dataset: dict[str, Any], loss: str | Callable, weight: Any) -> Part:
    """The ``kind`` ('train' or 'test') part of a data set, checked and converted, without the samples of weight 0: grids and regularisers,
    which know no weights, do not see them either."""
    rows = model._training_rows(f"{kind}_input", dataset[f"{kind}_input"])
    n, outputs, name, value = len(rows), model.width_in[-1], f"{kind}_label", dataset[f"{kind}_label"]
    if weight is not None:
        if callable(loss):
            raise ValueError("sample_weight: a callable loss_fn does its own weighting; leave sample_weight out")
        weight = _check.weights("sample_weight", weight, n, model.dtype)
    y = classes = label = None
    if not callable(loss):
        y, classes = _losses.labels(name, value, loss, n, outputs, model.dtype)
    elif value is not None:  # a loss written in Python knows what its labels mean; there must be one a sample
        label = _check.array(name, value)
        if not label.ndim or len(label) != n:
            raise ValueError(f"{name}: has the shape {label.shape}, but there are {n} samples")
        if label.dtype.kind == "f":
            label = _check.contiguous(label, model.dtype)
            _check.finite(name, label)
    found = Part(rows, model._chosen(rows), y, classes, label, weight)
    return found if weight is None or weight.all() else found.some(weight > 0)
