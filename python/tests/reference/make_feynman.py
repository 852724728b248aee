"""Asks pykan 0.2.8 (torch, CPU) for inputs and labels of its Feynman problems and writes feynman.npz beside itself.

What it must get right first: points inside pykan's own ranges, float64, and whatever its functions give there, wrong or not.

    python make_feynman.py      with an interpreter that has pykan and torch

Arrays: 'x<number>' (6, variables) and 'y<number>' (6,). Number 114 has none: its function fails in pykan.
"""

import os

import numpy as np
import torch
from kan.feynman import get_feynman_dataset

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(0)
arrays = {}
for number in range(1, 121):
    symbols, _, f, ranges = get_feynman_dataset(number)
    if not isinstance(ranges[0], list):
        ranges = [ranges] * len(symbols)
    x = np.stack([rng.uniform(float(low), float(high), 6) for low, high in ranges], axis=1)
    try:
        arrays[f"y{number}"] = f(torch.tensor(x)).numpy()[:, 0]
        arrays[f"x{number}"] = x
    except IndexError:
        print(f"problem {number} fails in pykan")
np.savez_compressed(os.path.join(os.path.dirname(os.path.abspath(__file__)), "feynman.npz"), **arrays)
