"""The fit of c·f(a·x + b) + d to the samples of an edge, as the network will evaluate it.

What it must get right first:
  1. r2 is that of the edge: of parameters rounded to the model's dtype, evaluated in it, and never of numbers that are not finite;
  2. in float64 nothing is done to the engine's fits, which hold there.

The engine's optimum may lie where f is all but a straight line, with a tiny, c huge and c·f and d cancelling: any smooth function is an
exponential to three terms in a piece small enough. float32 has no digits for that, so the best within its digits is searched for.

The fit is the engine's, see swiftkan_symbolic_fit in swiftkan.h.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from . import _check, _core, _functions, _given

LOST = 1e-6  # of r2 by rounding, from which on other parameters are looked for
HUGE = 1e30  # c that float32 would not have
POINTS = 64  # samples that the search looks at
WIDTHS = np.geomspace(1e-2, 10, 13)  # of arguments, half
PLACES = np.array([0, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, np.pi / 2, 2, 2.5, np.pi, 5, 10])  # of their middle, and the same below 0


def _range(name: str, value: Any) -> tuple[float, float]:
    if not _check.is_list(value) or len(value) != 2:
        raise ValueError(f"{name}: must be a pair (low, high), not {value!r}")
    low, high = (_check.real(f"{name}[{k}]", value[k]) for k in (0, 1))
    if low > high:
        raise ValueError(f"{name}: the first must not be above the second, not ({low:g}, {high:g})")
    return low, high


def fit_params(
    x: Any, y: Any, fun: Any, a_range: Any = (-10, 10), b_range: Any = (-10, 10), grid_number: int = 101, iteration: int = 3,
    verbose: bool = False, device: Any = "cpu",
) -> tuple[np.ndarray, float]:  # fmt: skip
    """Fits c·f(a·x + b) + d to samples; pykan's ``fit_params`` (kan/utils.py) with a better search.

    Parameters
    ----------
    x, y : array-like, (n,)
    fun : str or callable
        A name in ``SYMBOLIC_LIB``, or a function of an array, of which nothing is kept.
    a_range, b_range : (low, high)
        Looked at besides those a and b that bring a·x + b into -10 … 10, which are always looked at.
    grid_number, iteration
        Of pykan's search; without effect.
    verbose : bool
        Print r2 (pykan's default is True).
    device : 'cpu'

    Returns
    -------
    params : (4,) float64
        a, b, c, d
    r2 : float
        The share of y's variance that is explained, 0 to 1; free of any scale.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftkan import fit_params
    >>> x = np.linspace(-1, 1, 200)
    >>> params, r2 = fit_params(x, 5 * np.sin(3 * x + 2) + 0.7, "sin")
    >>> np.round(params, 9) + 0.0, round(r2, 12)  # the same wave: 5·sin(t) = -5·sin(t - π)
    (array([ 3.        , -1.14159265, -5.        ,  0.7       ]), 1.0)
    """
    _check.device(device)
    columns = [np.ascontiguousarray(_check.array(n, v), np.float64) for n, v in (("x", x), ("y", y))]
    if columns[0].ndim != 1 or columns[0].shape != columns[1].shape or not columns[0].size:
        raise ValueError(f"x and y: must have one shape (n,) with n ≥ 1, not {columns[0].shape} and {columns[1].shape}")
    with _given.number_for_a_question(fun, "fun") as number:
        found = fit([number], *columns, a_range, b_range)[0]
    if verbose:
        print(f"r2 is {found[4]}")
        if found[4] < 0.9:
            print("r2 is not very high, please double check if you are choosing the correct symbolic function.")
    return np.array(found[:4]), found[4]


def fit(numbers: list[int], x: np.ndarray, y: np.ndarray, a_range: Any, b_range: Any, dtype: Any = np.float64) -> list[tuple]:
    """(a, b, c, d, r2) of each function; r2 is -inf if no parameters of this dtype were found for which it is finite."""
    found = _core.symbolic_fit(numbers, x, y, _range("a_range", a_range), _range("b_range", b_range))
    if dtype == np.float64:
        return found
    with np.errstate(all="ignore"):
        edge = _Edge(x, y)
        return [edge.rounded(number, *each) for number, each in zip(numbers, found)]


class _Edge:
    """Samples of an edge in float32."""

    def __init__(self, x: np.ndarray, y: np.ndarray):
        self.x, self.y = x.astype(np.float32), y
        self.total = float(np.sum((y - y.mean()) ** 2))
        self.rounding = len(y) * float(16 * np.finfo(np.float32).eps * np.abs(y).max()) ** 2
        self.low, self.high = x.min(), x.max()

    @cached_property
    def some(self) -> tuple[np.ndarray, np.ndarray]:
        """x of some samples, evenly from the smallest to the largest, and how far their y are from its mean."""
        order = np.argsort(self.x, kind="stable")
        chosen = order[np.linspace(0, len(order) - 1, min(POINTS, len(order))).round().astype(int)]
        return self.x[chosen], self.y[chosen] - self.y[chosen].mean()

    def rounded(self, number: int, a: float, b: float, c: float, d: float, r2: float) -> tuple:
        """The engine's fit rounded to float32, or what is better if that loses too much."""
        inside = _rounded_inside(number, np.float32(a), np.float32(b), self.x)
        best = self.judged(number, *inside, c, d)
        if r2 - best[4] > LOST:
            others = [(float(inside[0]), float(inside[1])), *self.search(number)]
            best = max([best, *(self.scaled(number, *pair) for pair in others)], key=lambda each: each[4])
        return best

    def judged(self, number: int, *affine: float) -> tuple:
        """Rounded parameters and the r2 of the edge that has them: the engine's operations in the engine's order."""
        a, b, c, d = (np.float32(each) for each in affine)
        value = c * _values(number, a * self.x + b) + d
        error = float(np.sum((value - self.y) ** 2))
        r2 = 1 - error / self.total if self.total else 0.0
        if not (np.isfinite(value).all() and all(map(np.isfinite, (a, b, c, d)))):
            r2 = -np.inf
        elif -LOST < r2 < 0 or max(self.total, error) <= self.rounding:  # the mean of what is all but constant is rounded, too
            r2 = max(r2, 0.0)
        return float(a), float(b), float(c), float(d), r2

    def scaled(self, number: int, a: float, b: float) -> tuple:
        """The best c and d for the function as float32 has it."""
        f = _values(number, np.float32(a) * self.x + np.float32(b)).astype(np.float64)
        deviation, mean = f - f.mean(), self.y.mean()
        c = float(deviation @ (self.y - mean)) / (float(deviation @ deviation) or 1.0)
        return self.judged(number, a, b, c, mean - c * f.mean())

    def search(self, number: int) -> list[tuple[float, float]]:
        """The pair (a, b) whose function in float32 is nearest to y on some samples; none if there is no such pair.

        A grid, and three finer ones around its best: what it is asked for has no sharp optimum. Values are those of float32, so that
        pairs are worth what rounding leaves of them.
        """
        if self.low == self.high or number >= len(_functions.FUNCTIONS):  # of users' functions the poles are not known
            return []
        x, y = self.some
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        widths, places = np.r_[-WIDTHS, WIDTHS], np.r_[-PLACES[:0:-1], PLACES]
        best: tuple[float, float, float] = (-np.inf, 0.0, 0.0)
        for zoom in (3.0, 10.0, 30.0, 100.0):
            width, place = (each.ravel() for each in np.meshgrid(widths, places))
            a = (width / half).astype(np.float32)
            b = (place - width * middle / half).astype(np.float32)
            f = _values(number, a[:, None] * x + b[:, None]).astype(np.float64)
            f -= f.mean(axis=1, keepdims=True)
            c = f @ y / np.sum(f * f, axis=1)
            score = c * (f @ y)
            score[~(np.abs(c) < HUGE) | _has_pole(number, np.abs(width), place)] = -np.inf
            k = int(np.argmax(score))
            if score[k] > best[0]:
                best = score[k], width[k], place[k]
            steps = np.linspace(-1, 1, 9)
            widths, places = best[1] * 2 ** (3 * steps / zoom), best[2] + 3 * steps / zoom * max(abs(best[1]), abs(best[2]))
        if best[0] == -np.inf:
            return []
        return [(best[1] / half, best[2] - best[1] * middle / half)]


def _values(number: int, arguments: np.ndarray) -> np.ndarray:
    values = np.empty(arguments.shape, np.float32)
    _core.function_evaluate(number, np.ascontiguousarray(arguments), values, None, False, 10.0)
    return values


def _has_pole(number: int, width: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Is there a pole in place ± width: it may lie between two samples."""
    name = _functions.name(number)
    if name == "tan":
        return np.abs(place) + width >= np.pi / 2
    return np.abs(place) <= width if name.startswith("1/") else np.zeros(place.shape, bool)


def _rounded_inside(number: int, a: np.float32, b: np.float32, x: np.ndarray) -> tuple[np.float32, np.float32]:
    """a and b, moved by roundings if a·x + b, rounded to float32, leaves the domain of the function for some x."""
    low, high = x.min(), x.max()
    ends = np.array([low, high], np.float32)
    for step in (0, 1, 2, 4, 8, 16, 64, 256):
        shrink = np.float32(1 - step * 2.0**-23)
        shift = np.float32(step * 2.0**-23) * max(abs(a * low), abs(a * high))
        for pair in ((a * shrink, b * shrink), (a, b + shift), (a, b - shift)):
            y = np.empty(2, np.float32)
            _core.function_evaluate(number, pair[0] * ends + pair[1], y, None, False, 10.0)
            if np.isfinite(y).all():
                return pair
    return a, b
