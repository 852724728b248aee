"""One peer's side of wide_net.py: runs in the peers' interpreter, one JSON request a line, one JSON answer a line.

What it must get right: every peer at its best: float32, no gradient where none is asked for, data made outside the clock,
JAX's functions compiled and their results waited for. efficient-kan and fast-kan are files given by path.
"""

import hashlib
import os
import pathlib
import resource

import numpy as np

import _measure
from _peer_side import load, serve


class Torch:
    """efficient-kan, fast-kan."""

    def __init__(self, kind, path, width, grid, threads):
        import torch

        self.torch = torch
        self.versions = f"{kind} {hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()[:12]} (SHA-256), torch {torch.__version__}"
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        module = load(path)
        self.model = module.KAN(width, grid_size=grid) if kind == "efficient-kan" else module.FastKAN(width)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, weight_decay=1e-4)

    def data(self, x, y):
        self.x, self.y = self.torch.tensor(x), self.torch.tensor(y)
        classes = self.y.dtype == self.torch.int64
        self.loss = self.torch.nn.functional.cross_entropy if classes else self.torch.nn.functional.mse_loss

    def forward(self):
        with self.torch.no_grad():
            self.model(self.x)

    def gradient(self):
        self.model.zero_grad(set_to_none=True)
        self.loss(self.model(self.x), self.y).backward()

    def step(self):
        self.gradient()
        self.optimizer.step()


class Jax:
    """jaxKAN: its spline and RBF layers."""

    def __init__(self, kind, path, width, grid, threads):
        # XLA takes as many threads as the process has processors.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
        import jax
        import optax
        from flax import nnx
        from jaxkan.models.KAN import KAN

        parameters = {"k": 3, "G": grid} if kind == "jaxkan spline" else {"D": grid + 3}
        layer = "spline" if kind == "jaxkan spline" else "rbf"
        self.jax, self.nnx, self.optax = jax, nnx, optax
        self.versions = f"{kind}: {_measure.versions('jaxkan', 'jax', 'flax', 'optax')}"
        self.model = KAN(layer_dims=width, layer_type=layer, required_parameters=parameters, seed=0)
        self.optimizer = nnx.Optimizer(self.model, optax.adamw(1e-3, weight_decay=1e-4), wrt=nnx.Param)

    def data(self, x, y):
        jnp, optax, nnx = self.jax.numpy, self.optax, self.nnx
        self.x, self.y = jnp.asarray(x), jnp.asarray(y)
        classes = y.dtype == np.int64

        def loss(model, x, y):
            out = model(x)
            if classes:
                return optax.softmax_cross_entropy_with_integer_labels(out, y).mean()
            return ((out - y) ** 2).mean()

        def step(model, optimizer, x, y):
            value, gradient = nnx.value_and_grad(loss)(model, x, y)
            optimizer.update(model, gradient)
            return value

        self._forward = nnx.jit(lambda model, x: model(x))
        self._gradient = nnx.jit(nnx.value_and_grad(loss))
        self._step = nnx.jit(step)

    def forward(self):
        self._forward(self.model, self.x).block_until_ready()

    def gradient(self):
        self.jax.block_until_ready(self._gradient(self.model, self.x, self.y))

    def step(self):
        self._step(self.model, self.optimizer, self.x, self.y).block_until_ready()


class Side:
    def setup(self, kind, path, width, grid, threads, batch, classes):
        self.side = (Jax if kind.startswith("jaxkan") else Torch)(kind, path, width, grid, threads)
        rng = np.random.default_rng(0)
        x = rng.uniform(-1, 1, (batch, width[0])).astype(np.float32)
        y = rng.integers(0, width[-1], batch) if classes else rng.normal(size=(batch, width[-1])).astype(np.float32)
        self.side.data(x, y)
        return dict(versions=self.side.versions)

    def measure(self, what, seconds):
        """Seconds of one call, from as many as take about `seconds`."""
        function = getattr(self.side, what)
        calls = _measure.calls_for(function, seconds)
        return dict(seconds=_measure.seconds(function, calls))

    def memory(self):
        return dict(peak=1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    serve(Side())
