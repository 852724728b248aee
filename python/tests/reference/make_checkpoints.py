"""Writes checkpoints with pykan 0.2.8 (torch), and what the networks in them compute, for swiftkan to read.

usage: make_checkpoints.py OUT_DIR

Each case is three files: NAME_config.yml and NAME_state as pykan's saveckpt writes them, and NAME.npz with x and y.
"""

import contextlib
import io
import os
import sys
import tempfile

import numpy as np
import torch
from kan import KAN


def products():
    torch.set_default_dtype(torch.float64)
    model = KAN(
        width=[3, [2, 2], 1], grid=4, k=2, mult_arity=[[], [2, 3], []], seed=3, grid_eps=0.5, affine_trainable=True
    )
    return model, 3


def symbolic():
    """Trained, with symbolic edges, float32."""
    torch.set_default_dtype(torch.float32)
    model = KAN(width=[2, 3, 1], grid=[3, 5], k=3, seed=1, base_fun="identity", grid_range=[-2, 2])
    x = torch.rand(100, 2) * 2 - 1
    y = torch.sin(3 * x[:, [0]]) + x[:, [1]] ** 2
    model.fit(dict(train_input=x, train_label=y, test_input=x, test_label=y), steps=5)
    model.fix_symbolic(0, 0, 1, "sin", verbose=False)
    model.fix_symbolic(0, 1, 2, "x^2", verbose=False)
    model.fix_symbolic(1, 2, 0, "1/x^2", fit_params_bool=False)
    return model, 2


def pruned():
    """Parameters that are windows of larger storages."""
    torch.set_default_dtype(torch.float64)
    model = KAN(width=[2, 5, 1], grid=3, k=3, seed=42)
    x = torch.rand(200, 2) * 2 - 1
    y = torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)
    model.fit(dict(train_input=x, train_label=y, test_input=x, test_label=y), steps=20, lamb=0.01)
    return model.prune(), 2


def write(folder, name, make):
    os.chdir(tempfile.mkdtemp())
    model, inputs = make()
    x = torch.rand(20, inputs, generator=torch.Generator().manual_seed(0)) * 2 - 1
    y = model(x).detach().numpy()
    model.saveckpt(os.path.join(folder, name))
    os.remove(os.path.join(folder, name + "_cache_data"))
    np.savez_compressed(os.path.join(folder, name + ".npz"), x=x.numpy(), y=y)
    print(name, model.width, y.dtype, y[:2].ravel())


if __name__ == "__main__":
    folder = os.path.abspath(sys.argv[1])
    for case in (products, symbolic, pruned):
        with contextlib.redirect_stderr(io.StringIO()):
            write(folder, case.__name__, case)
