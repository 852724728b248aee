"""pykan's side of small_net.py: runs in the peers' interpreter, one JSON request a line, one JSON answer a line.

What it must get right: pykan at its best. speed() is on (no symbolic part, no stored activations, no files); models
and data are made outside the clock; what pykan prints goes to stderr, so that only answers reach stdout.
"""

import contextlib
import io
import platform
import time

import numpy as np
import torch
from kan import KAN, create_dataset

import _measure
from _peer_side import serve


def target(x):
    return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)


class Side:
    """One network and its data."""

    def setup(self, width, grid, k, seed, samples):
        torch.set_default_dtype(torch.float64)
        self.make = lambda: KAN(width=list(width), grid=grid, k=k, seed=seed, auto_save=False)
        self.data = create_dataset(target, n_var=width[0], train_num=samples, test_num=samples, seed=0)
        self.model = self.make()
        self.model.speed()
        x = self.data["train_input"]
        versions = dict(pykan=_measure.versions("pykan"), torch=torch.__version__, numpy=np.__version__)
        return dict(versions=versions, python=platform.python_version(), sum_of_inputs=float(x.sum()))

    def threads(self, n):
        torch.set_num_threads(n)
        return dict(threads=torch.get_num_threads())

    def gradient(self, calls):
        """Seconds a call of loss and gradient, and the loss."""
        x, y, model = self.data["train_input"], self.data["train_label"], self.model

        def once():
            model.zero_grad(set_to_none=True)
            loss = torch.mean((model(x) - y) ** 2)
            loss.backward()
            return loss

        return dict(loss=once().item(), seconds=_measure.seconds(once, calls))

    def fit(self, steps, lamb):
        """Seconds of a fit from the initial network, test RMSE at its end, evaluations of the loss on training data."""
        model, evaluations = self.make(), 0
        model.speed()
        model.save_act = lamb != 0  # without it pykan's regularisation is 0 whatever lamb is

        def loss(prediction, label):
            nonlocal evaluations
            evaluations += 1
            return torch.mean((prediction - label) ** 2)

        with contextlib.redirect_stderr(io.StringIO()):  # the progress bar
            began = time.perf_counter()
            result = model.fit(self.data, opt="LBFGS", steps=steps, lamb=lamb, loss_fn=loss)
            seconds = time.perf_counter() - began
        rmse = {key: float(result[key][-1]) for key in ("train_loss", "test_loss", "reg")}
        return dict(seconds=seconds, evaluations=evaluations - steps, **rmse)  # a step looks at the test data once


if __name__ == "__main__":
    serve(Side())
