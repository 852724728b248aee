"""pykan's side of symbolic.py: its hellokan sequence for one seed, with the time of auto_symbolic and of the whole.

What it must get right: pykan unmodified, float64; its files (prune and refine want them) go to a temporary folder, what it
prints nowhere.
"""

import contextlib
import io
import os
import tempfile
import warnings

warnings.filterwarnings("ignore")
import _measure
import torch
from _hellokan import timed
from _peer_side import serve
from kan import KAN, create_dataset


def target(x):
    return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)


class Side:
    def sequence(self, seed, lib, threads):
        torch.set_num_threads(threads)
        torch.set_default_dtype(torch.float64)
        data = create_dataset(target, n_var=2, seed=0)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            answer = timed(KAN, data, seed, lib)
        return {**answer, "versions": f"{_measure.versions('pykan')}, torch {torch.__version__}"}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        serve(Side())
        os.chdir("/")  # so that the folder can go
