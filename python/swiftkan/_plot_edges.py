"""What a picture of the network shows of each edge: is it on, how much does it matter, and its curve.

What it must get right first:
  1. an edge is drawn if and only if it takes part in the model's function, in the colour of its kind;
  2. a curve is the edge's function over the range that the data covers, not a line through scattered samples;
  3. nothing here knows how a picture is drawn, and the model is left as it was.

The scores are pykan's (kan/MultKAN.py, ``plot`` and ``attribute``).
"""

from __future__ import annotations

from typing import Any, Iterator, NamedTuple

import numpy as np

from . import _core
from ._attribution import edge_scores_of

NUMERIC, SYMBOLIC, BOTH = "black", "red", "purple"
METRICS = ("backward", "forward_n", "forward_u")
ROWS_FOR_RANGE = 10_000  # samples that a node's range is read from, evenly taken from all
CURVE_BUDGET = 36_000  # points of all curves together: a file of few megabytes even for thousands of edges
FAINTEST = 0.02  # opacity below which a line cannot be told from paper
POLE = 10.0  # standard deviations from the mean beyond which a curve is cut off


class Curve(NamedTuple):
    """One edge: everything in the units of the data."""

    l: int
    i: int  # node of level l
    j: int  # subnode of level l + 1
    color: str
    opacity: float
    x: np.ndarray  # (points,)
    y: np.ndarray  # (points,), NaN beyond the limits
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    samples: np.ndarray  # (samples, 2), empty unless asked for


def kinds(model: Any, l: int) -> np.ndarray:
    """(out, in) colour of each edge of layer l, '' where it is off."""
    numeric = model.act_fun[l].mask.T != 0
    symbolic = (model.symbolic_fun[l].mask != 0) & model.symbolic_enabled
    return np.where(numeric & symbolic, BOTH, np.where(numeric, NUMERIC, np.where(symbolic, SYMBOLIC, "")))


def scores(model: Any, statistics: list[dict[str, np.ndarray]], metric: str) -> list[np.ndarray]:
    """One (out, in) array a layer; the larger, the less transparent the edge.

    'backward' is the edge's share in the outputs (``edge_scores``), 'forward_n' the deviation of its output over (that of its input
    + 0.1), 'forward_u' the deviation of its output.
    """
    if metric == "forward_u":
        return [layer["edge_std"] for layer in statistics]
    if metric == "forward_n":
        return [layer["edge_std"] / (layer["node_std"] + 0.1) for layer in statistics]
    found = model._scores(statistics, model.depth, model._mean_output())
    return [score[0] for score in edge_scores_of(statistics, found)]


def curves(model: Any, metric: str, beta: float, samples: int, crowded: float = np.inf) -> list[Curve]:
    """The edges to draw, layer by layer, node by node: all that are on, but from layers with at least ``crowded`` of them those
    only that one would see; with up to ``samples`` samples of each.

    Raises
    ------
    RuntimeError
        If the model remembers no data.
    ValueError
        If it remembers a single sample.
    """
    statistics = model._statistics("plot()")
    x, avoid, y_th = model._known(None, "model.plot()")
    rows = np.ascontiguousarray(x[:: -(-len(x) // ROWS_FOR_RANGE)])
    shown = np.ascontiguousarray(rows[:: -(-len(rows) // samples)] if samples else rows[:0])
    opacity = [opaque(score, beta) for score in scores(model, statistics, metric)]
    colors = [kinds(model, l) for l in range(model.depth)]
    for color, alpha in zip(colors, opacity):
        if np.count_nonzero(color) >= crowded:
            color[alpha < FAINTEST] = ""
    points = int(np.clip(CURVE_BUDGET // max(1, sum(np.count_nonzero(color) for color in colors)), 24, 160))
    result: list[Curve] = []
    for l in range(model.depth):
        result += _layer(model, l, (rows, shown, avoid, y_th), points, colors[l], opacity[l], statistics[l])
    return result


def opaque(score: np.ndarray, beta: float) -> np.ndarray:
    """tanh(beta·score), 0 where that is not a number."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.nan_to_num(np.tanh(beta * score), nan=0.0)


def _layer(model, l, data, points, colors, opacity, statistics) -> Iterator[Curve]:
    rows, shown, avoid, y_th = data
    n_in, n_out = model.width_in[l], model.width_out[l + 1]
    values = np.empty((len(rows), n_in), model.dtype)
    model._core.activations(rows, len(rows), 0, l, values, avoid, y_th)
    low, high = _range(values)
    t = np.linspace(0, 1, points)[:, None]
    x = np.ascontiguousarray((1 - t) * low + t * high, dtype=model.dtype)
    y = np.empty((points, n_out, n_in), model.dtype)
    layer_alone(model, l).activations(x, points, 2, 0, y, avoid, y_th)
    at, dots = np.empty((len(shown), n_in), model.dtype), np.empty((len(shown), n_out, n_in), model.dtype)
    if len(shown):
        model._core.activations(shown, len(shown), 0, l, at, avoid, y_th)
        model._core.activations(shown, len(shown), 2, l, dots, avoid, y_th)
    mean, reach = statistics["edge_mean"], POLE * statistics["edge_std"]
    for i in range(n_in):
        for j in np.flatnonzero(colors[:, i] != ""):
            curve, limits = cut(y[:, j, i].astype(float), mean[j, i] - reach[j, i], mean[j, i] + reach[j, i])
            yield Curve(l, i, int(j), str(colors[j, i]), float(opacity[j, i]), x[:, i].astype(float), curve,
                        (float(low[i]), float(high[i])), limits, np.stack([at[:, i], dots[:, j, i]], axis=1))  # fmt: skip


def _range(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and largest finite value of each column, a little apart where they are the same."""
    finite = np.isfinite(values)
    low = np.where(finite, values, np.inf).min(axis=0).astype(float)
    high = np.where(finite, values, -np.inf).max(axis=0).astype(float)
    nothing = ~finite.any(axis=0)
    low[nothing], high[nothing] = -1.0, 1.0
    same = high - low <= 1e-6 * np.maximum(np.abs(low), np.abs(high))
    apart = 1e-3 * np.maximum(1.0, np.abs(low))
    return np.where(same, low - apart, low), np.where(same, high + apart, high)


def cut(y: np.ndarray, least: float, most: float) -> tuple[np.ndarray, tuple[float, float]]:
    """The curve with NaN beyond ``[least, most]`` (a pole between two samples would flatten the rest), and its limits.

    The bounds are ignored where they would leave next to nothing.
    """
    y = np.where(np.isfinite(y), y, np.nan)
    if np.isfinite(least) and np.isfinite(most) and most > least:
        inside = np.where((y >= least) & (y <= most), y, np.nan)
        if np.count_nonzero(np.isfinite(inside)) > len(y) // 4:
            y = inside
    if np.isnan(y).all():
        return y, (-1.0, 1.0)
    return y, (float(np.nanmin(y)), float(np.nanmax(y)))


def layer_alone(model: Any, l: int) -> Any:
    """An engine of layer l by itself, so that its edges can be evaluated wherever one likes."""
    settings = model._current_settings().replace(
        width=[model.width_in[l], model.width_out[l + 1]], grid=model._settings.layers("grid")[l],
        k=model._settings.layers("k")[l], mult_arity=2, sparse_init=False,
    )  # fmt: skip
    core = _core.Model(**settings.engine_arguments())
    state = np.frombuffer(core, dtype=model.dtype)
    for name, offset, shape, _ in core.blocks():
        part, _, rest = name.partition(".0.")
        if rest:
            state[offset : offset + int(np.prod(shape))] = model._views[f"{part}.{l}.{rest}"].ravel()
    for j, i in np.argwhere(model.symbolic_fun[l].mask != 0):
        core.symbolic_set(0, int(i), int(j), model._core.symbolic_get(l, int(i), int(j)))
    return core
