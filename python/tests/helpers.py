"""What several test files share: random networks of every kind, and the check of gradients by central differences."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from swiftkan import FUNCTIONS, KAN, get_num_threads, set_num_threads

# Every kind of network in miniature: each row is one more thing that can go wrong.
NETWORKS = {
    "one edge": dict(width=[1, 1]),
    "plain": dict(width=[2, 3, 2], grid=4),
    "deep": dict(width=[2, 3, 2, 1], grid=[3, 5, 4], k=[3, 2, 4]),
    "products": dict(width=[2, [2, 2], 1], mult_arity=2),
    "products of 3": dict(width=[2, [1, 2], 2], mult_arity=3),
    "products of all kinds": dict(width=[3, [1, 3], [1, 1]], mult_arity=[[], [2, 3, 1], [2]]),
    "only products": dict(width=[2, [0, 2], [0, 1]], mult_arity=2),
    "identity": dict(width=[2, 3, 1], base_fun="identity"),
    "zero": dict(width=[2, 3, 1], base_fun="zero"),
    "sparse": dict(width=[4, 3, 2], sparse_init=True),
    "one interval": dict(width=[2, 2, 1], grid=1, k=2),
    **{f"k={k}": dict(width=[2, 3, 2], grid=4, k=k) for k in range(6)},
}

# Symbolic functions that are finite and differentiable for positive arguments below one.
TAME = [name for name in FUNCTIONS if name not in ("0", "sgn")]


def random_network(settings, seed=0, symbolic=True, dtype="float64"):
    """A network with every number changed from its initial value, so that no factor of one hides a mistake."""
    random = np.random.RandomState(seed)
    model = KAN(**{"noise_scale": 0.5, "grid_range": (-1.5, 1.5), **settings}, seed=seed, dtype=dtype)
    for l in range(model.depth):
        layer, other = model.act_fun[l], model.symbolic_fun[l]
        layer.coef += 0.3 * random.randn(*layer.coef.shape)
        layer.scale_sp *= 1 + 0.3 * random.rand(*layer.scale_sp.shape)
        layer.mask *= 0.5 + random.rand(*layer.mask.shape)  # fractional masks are allowed
        for part in ("node", "subnode"):
            scale, bias = getattr(model, f"{part}_scale")[l], getattr(model, f"{part}_bias")[l]
            scale += 0.3 * random.randn(*scale.shape)
            bias += 0.2 * random.randn(*bias.shape)
        if symbolic:  # smooth functions on some edges, beside the splines
            for o, i in np.argwhere(random.rand(*other.mask.shape) < 0.4):
                other.set_function(int(i), int(o), ("sin", "tanh", "gaussian", "x^2")[random.randint(4)])
                other.affine[o, i] = random.randn(4)
                other.mask[o, i] = 0.5 + random.rand()
    return model


def samples(model, n=12, seed=1, spread=1.2):
    """Inputs (n, D) in and a little outside the grid, and labels (n, O)."""
    random = np.random.RandomState(seed)
    return (2 * random.rand(n, model.width_in[0]) - 1) * spread, random.rand(n, model.width_in[-1])


def worst_gradient_error(value, point, gradient, tolerance):
    """The largest error of ``gradient`` against central differences of ``value()`` in the entries of ``point``
    (changed in place and put back), over the size of the gradient.

    A step that crosses a knot of a spline of low degree says nothing about the derivative, so an entry that fails
    with one step is tried with others: a wrong gradient fails with all of them.
    """
    flat, g = point.reshape(-1), gradient.reshape(-1)
    assert np.shares_memory(flat, point) and g.size == flat.size
    size = max(np.abs(g).max(initial=0.0), 1e-3)
    worst = 0.0
    for i in range(flat.size):
        at, best = flat[i], np.inf
        for h in (1e-3, 1e-4, 1e-5, 1e-6, 1e-7):
            sides = []
            for step in (-2 * h, -h, h, 2 * h):
                flat[i] = at + step
                sides.append(value())
            flat[i] = at
            difference = (8 * (sides[2] - sides[1]) - (sides[3] - sides[0])) / (12 * h)
            best = min(best, abs(difference - g[i]) / size)
            if best <= tolerance:
                break
        worst = max(worst, best)
    return worst


def relative(ours, theirs, floor=0.0):
    """Largest difference over the largest size."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    assert ours.shape == theirs.shape, f"{ours.shape} instead of {theirs.shape}"
    return float(np.abs(ours - theirs).max(initial=0.0) / max(np.abs(theirs).max(initial=0.0), floor, 1e-300))


def for_each_thread_count(make, counts=(1, 2, 4)):
    """What ``make()`` returns with each number of threads; the number is then what it was."""
    before = get_num_threads()
    try:
        return [(set_num_threads(n), make())[1] for n in counts]
    finally:
        set_num_threads(before)


def interrupted(seconds, call):
    """How long after a signal, ``seconds`` after its beginning, a call ends with KeyboardInterrupt."""
    sent = []

    def interrupt():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(seconds, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        call()
    took = time.perf_counter() - sent[0]
    timer.join()
    return took
