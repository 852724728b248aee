"""Checks and conversions at the door of the package.

What it must get right first:
  1. only C-contiguous, aligned arrays of the model's dtype and the right shape reach the engine;
  2. an array that already is one is passed on without a copy;
  3. every refusal names the argument, what it was, and what to pass instead.

Wrong kinds of thing are a ``TypeError``, wrong values and shapes a ``ValueError``.
"""

from __future__ import annotations

import math
import operator
from typing import Any
from collections.abc import Collection, Iterable

import numpy as np

SHOWN = 100  # most characters of a value in an error message


def shown(value: Any) -> str:
    """A value as error messages quote it: as Python writes it or, if that is long, as what it is."""
    text = "" if _is_long(value) else repr(value)
    return text if 0 < len(text) <= SHOWN and "\n" not in text else named(type(value))


def named(kind: type) -> str:
    return f"{'an' if kind.__name__[0] in 'aeiouAEIOU' else 'a'} {kind.__name__}"


def _is_long(value: Any) -> bool:
    """Is it clear that more than ``SHOWN`` characters would be written, without writing them: lists in lists may be without end, and
    integers of thousands of digits are an error of Python's."""
    values, count = [value], 0
    while values and count <= SHOWN:
        item = values.pop()
        if type(item) is int:
            count += item.bit_length() // 4  # a digit is 3.3 bits
        elif type(item) in (str, bytes, list, tuple, set, frozenset, dict):
            count += len(item)
            if count <= SHOWN and type(item) not in (str, bytes):
                values += item
                values += item.values() if type(item) is dict else ()
    return count > SHOWN


def is_list(value: Any) -> bool:
    """Has it a length, and is it no text."""
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes))


def integer(name: str, value: Any, low: int | None = None, high: int | None = None) -> int:
    """A Python int from any integer (NumPy's too; bools are not integers here), within ``[low, high]``."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: must be an integer, not {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: must be an integer, not {shown(value)}") from None
    if low is not None and number < low or high is not None and number > high:
        raise ValueError(f"{name}: must be {_range(low, high)}, not {shown(number)}")
    return number


def verbosity(value: Any, high: int | None = None) -> int:
    """The integer ``verbose``, for which False and True are 0 and 1."""
    return int(value) if isinstance(value, (bool, np.bool_)) else integer("verbose", value, 0, high)


def real(
    name: str, value: Any, low: float | None = None, high: float | None = None, *, above: float | None = None
) -> float:
    """A finite Python float within ``[low, high]``, or greater than ``above``."""
    if type(value) is float:
        number = value
    elif isinstance(value, (str, bytes)):
        raise TypeError(f"{name}: must be a number, not {shown(value)}")
    else:
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise TypeError(f"{name}: must be a number, not {shown(value)}") from None
        except OverflowError:
            raise ValueError(f"{name}: must be a number that float64 holds, not {shown(value)}") from None
    if not math.isfinite(number):
        raise ValueError(f"{name}: must be finite, not {number}")
    if above is not None and not number > above:
        raise ValueError(f"{name}: must be above {above:g}, not {number:g}")
    if low is not None and number < low or high is not None and number > high:
        raise ValueError(f"{name}: must be {_range(low, high)}, not {number:g}")
    return number


def _range(low: float | None, high: float | None) -> str:
    if high is None:
        return f"at least {low:g}"
    if low is None:
        return f"at most {high:g}"
    return f"from {low:g} to {high:g}"


def flag(name: str, value: Any) -> bool:
    """True or False; 0 and 1 are understood."""
    if value is True or value is False:
        return value
    if isinstance(value, np.bool_) or isinstance(value, (int, np.integer)) and value in (0, 1):
        return bool(value)
    raise TypeError(f"{name}: must be True or False, not {shown(value)}")


def choice(name: str, value: Any, allowed: Collection[str]) -> str:
    """One of the allowed words."""
    if isinstance(value, str) and value in allowed:
        return value
    raise ValueError(f"{name}: must be one of {', '.join(map(repr, allowed))}, not {shown(value)}")


def device(value: Any) -> str:
    """The only device there is."""
    if str(value) != "cpu":
        raise ValueError(f"device: must be 'cpu', not {str(value)!r}; swiftkan computes on the processor only")
    return "cpu"


def array(name: str, value: Any) -> np.ndarray:
    """A real-valued NumPy array from anything array-like, in whatever dtype and layout it has."""
    if hasattr(value, "__array__"):  # of torch's tensors only those without gradients in main memory give it
        for way in ("detach", "cpu"):
            if callable(getattr(value, way, None)):
                value = getattr(value, way)()
    mask = getattr(value, "mask", None)
    if isinstance(value, np.ndarray) and mask is not None and np.any(mask):
        raise ValueError(f"{name}: has masked values; remove them or fill them, for example with {name}.filled(...)")
    try:
        result = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name}: cannot be made into an array of numbers: {error}") from None
    if result.dtype.kind == "O":  # for example a pandas frame with columns of several types
        strange = [item for item in result.flat if item is None or isinstance(item, (str, bytes))]
        if result.ndim == 0 or strange:
            raise TypeError(
                f"{name}: must hold numbers, not {repr(strange[0]) if strange and result.ndim else _kind(result)}"
            )
        try:
            result = result.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{name}: must hold numbers: {error}") from None
        except OverflowError:
            raise ValueError(f"{name}: must hold numbers that float64 holds") from None
    if result.dtype.kind not in "fiub":
        raise TypeError(f"{name}: must hold real numbers, not {_kind(result)}")
    return result


def _kind(value: np.ndarray) -> str:
    if value.dtype.kind == "O" and value.ndim == 0:
        return named(type(value.item()))
    return {"c": "complex numbers", "U": "text", "S": "bytes", "M": "dates", "m": "durations"}.get(
        value.dtype.kind, f"values of type {value.dtype}"
    )


def contiguous(value: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """What the engine takes: C-contiguous, aligned, native byte order; the same array if it already is so."""
    with np.errstate(over="ignore"):  # what does not fit in float32 becomes inf and is spoken of where it matters
        return np.require(value, dtype=dtype, requirements=("C", "A"))


def ready(value: Any, dtype: np.dtype) -> bool:
    """Is this what the engine takes, as it is. Asked first, because all other checks together take longer than a small
    network's prediction."""
    if type(value) is not np.ndarray or (value.dtype is not dtype and value.dtype != dtype):
        return False
    flags = value.flags
    return flags.c_contiguous and flags.aligned


def is_tuple_of_arrays(value: Any) -> bool:
    """Is this a data set (x, y) or (x, y, x_test, y_test), as ``fit`` takes it."""
    return type(value) is tuple and len(value) in (2, 4) and len(getattr(value[0], "shape", ())) > 1


def inputs(value: Any) -> Any:
    """The samples themselves, or the training samples of a data set."""
    if isinstance(value, dict) and "train_input" in value:
        return value["train_input"]
    return value[0] if is_tuple_of_arrays(value) else value


def samples(name: str, value: Any, width: int, dtype: np.dtype, note: str = "") -> tuple[np.ndarray, tuple[int, ...]]:
    """Rows of ``width`` numbers along the last axis.

    Returns
    -------
    rows : (n, width) array, ready for the engine
    lead : the shape of the other axes, ``()`` for a single row
    """
    if is_tuple_of_arrays(value):  # one array it would be if labels had as many columns as samples
        raise TypeError(f"{name}: is a tuple of {len(value)} arrays; give the samples alone, without labels")
    given = array(name, value)
    if given.ndim == 0:
        raise ValueError(f"{name}: must have the shape (samples, {width}), not a single number")
    if given.shape[-1] != width:
        if given.ndim == 1 and width == 1:
            remedy = f"; for {given.shape[0]} samples of one input pass np.reshape({name}, (-1, 1))"
        elif given.ndim == 1:
            remedy = f"; a single sample has {width} values"
        elif given.ndim == 2 and given.shape[0] == width:
            remedy = f"; it may be the wrong way round: try {name}.T"
        else:
            remedy = ""
        raise ValueError(
            f"{name}: has the shape {given.shape}, but the model takes {width} "
            f"input{'s' if width != 1 else ''}: the last axis must be {width}{note}{remedy}"
        )
    rows = contiguous(given, dtype).reshape(-1, width)
    return rows, given.shape[:-1]


def finite(name: str, value: np.ndarray) -> None:
    """Refuses NaN and infinity, and says where the first one is."""
    if all(np.isfinite(part).all() for part in _parts(value)):
        return
    good = np.isfinite(value)
    first = tuple(int(i) for i in np.argwhere(~good)[0])
    where = ", ".join(f"{axis} {i}" for axis, i in zip(("row", "column"), first))
    count = int(good.size - np.count_nonzero(good))
    verb = "is" if count == 1 else "are"
    raise ValueError(
        f"{name}: {where} is {float(value[first])} ({count} of {good.size} values {verb} not finite "
        f"in {value.dtype}); remove or fill such samples, for example keep {name}[np.isfinite({name}).all(axis=-1)]"
    )


def _parts(value: np.ndarray) -> Iterable[np.ndarray]:
    """The array in slices of rows: an answer for each number of a million samples need not fit into memory at once."""
    step = max(1, 2**16 * max(1, len(value)) // max(1, value.size)) if value.ndim else 1
    return (value[begin : begin + step] for begin in range(0, len(value), step)) if value.ndim else (value,)


def label_columns(name: str, given: np.ndarray, n: int, outputs: int, remedy_1d: str = "") -> None:
    """Labels of the shape (n, outputs), with a remedy for the usual mistakes."""
    if given.ndim == 1 and given.shape[0] == n:
        remedy = remedy_1d or (
            f"; pass a column: np.reshape({name}, (-1, 1))" if outputs == 1 else f"; every sample needs {outputs} values"
        )
    elif given.ndim == 2 and given.shape == (outputs, n) and n != outputs:
        remedy = f"; it may be the wrong way round: try {name}.T"
    else:
        remedy = ""
    if given.shape != (n, outputs):
        raise ValueError(
            f"{name}: has the shape {given.shape}, but {n} samples and {outputs} output{'s' if outputs != 1 else ''} "
            f"need ({n}, {outputs}){remedy}"
        )


def weights(name: str, value: Any, n: int, dtype: np.dtype) -> np.ndarray:
    """Sample weights: (n,), finite, not negative, not all zero."""
    given = array(name, value)
    if given.shape != (n,):
        raise ValueError(f"{name}: has the shape {given.shape}, but {n} samples need ({n},), a weight each")
    result = contiguous(given, dtype)
    finite(name, result)
    if (result < 0).any():
        raise ValueError(
            f"{name}: must not be negative; sample {int(np.argmax(result < 0))} has {float(result.min()):g} or less"
        )
    if not result.any():
        raise ValueError(f"{name}: all weights are zero, so there is nothing to learn from")
    return result


def singularity(singularity_avoiding: Any, y_th: Any) -> tuple[bool, float]:
    """The two arguments that say how symbolic functions are evaluated near their poles."""
    if singularity_avoiding is False and type(y_th) is float and y_th == 10.0:  # the defaults: nearly every call
        return False, y_th
    return flag("singularity_avoiding", singularity_avoiding), real("y_th", y_th, above=0.0)


def path(name: str, value: Any) -> str:
    """A file's or folder's name as text."""
    import os

    try:
        result = os.fsdecode(value)
    except TypeError:
        raise TypeError(f"{name}: must be a path as text, bytes or path-like, not {shown(value)}") from None
    if not result or any(ord(character) < 32 or ord(character) == 127 for character in result):
        raise ValueError(f"{name}: must be a path without control characters, not {result!r}")
    return result
