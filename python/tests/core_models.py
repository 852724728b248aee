"""Models, data and fits for the tests of ``swiftkan._core``, which speak to it directly, below the package.

What it must get right: the defaults are a small network with multiplication nodes, so that every kind of block is there.
"""

import numpy as np

from swiftkan import _core

LBFGS, ADAM, ADAMW, SGD = range(4)
MSE, MAE, HUBER, CROSS_ENTROPY, BCE, CUSTOM = range(6)
OK, INVALID, NO_MEMORY, CANCELLED, DIVERGED, INTERNAL = range(6)
STOP_STEPS, STOP_CONVERGED, STOP_PATIENCE, STOP_CALLBACK, STOP_DIVERGED = range(5)
EVALUATION = (False, 10.0)


def settings(**changes):
    """Arguments of Model for a network 2 -> (3 sums, products of 2 and 3) -> 1."""
    values = {
        "dtype": 8, "base_fun": 0, "n_sum": [2, 3, 1], "n_mult": [0, 2, 0], "mult_arity": [2, 3], "grid": [5, 4],
        "k": [3, 2], "noise_scale": 0.3, "scale_base_mu": 0.0, "scale_base_sigma": 1.0, "grid_eps": 0.02,
        "grid_range": (-1.0, 1.0), "affine_trainable": False, "sp_trainable": True, "sb_trainable": True,
        "sparse_init": False, "symbolic_enabled": True, "seed": 1,
    }  # fmt: skip
    return values | changes


def make(**changes):
    return _core.Model(**settings(**changes))


def state(model):
    """The model's whole state as an array that shares its memory."""
    return np.frombuffer(model, dtype="f8" if model.info()["dtype"] == 8 else "f4")


def data(n=100, dtype="f8"):
    """Inputs (n, 2) in [-1, 1] and outputs (n, 1)."""
    x = np.random.default_rng(0).uniform(-1, 1, (n, 2)).astype(dtype)
    return x, np.exp(np.sin(np.pi * x[:, :1]) + x[:, 1:] ** 2).astype(dtype)


def objective(loss=MSE, lamb=0.0):
    return (loss, 0, 1.0, lamb, 1.0, 2.0, 0.0, 0.0)


def forward(model, x):
    y = np.empty((len(x), model.info()["output_count"]), x.dtype)
    model.forward(x, y, *EVALUATION)
    return y


def fit(model, x, y, steps=5, *, test=None, poll=None, step=None, loss=None, lamb=0.0, options=None, history=None):
    """Model.fit with defaults; gives (result, train_loss)."""
    kind = MSE if loss is None else CUSTOM
    history = [np.full(steps, np.nan) for _ in range(3)] if history is None else history
    values = {"steps": steps, "optimizer": ADAM, "lr": 0.01, "update_grid": False} | (options or {})
    result = model.fit((len(x), x, y, None, None), test, values, objective(kind, lamb), *EVALUATION, poll, step, loss,
                       *history)  # fmt: skip
    return result, history[0]
