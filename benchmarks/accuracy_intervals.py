"""Do 95 % intervals hold 95 %, and what does smoothing gain on noisy data?

    .venv/bin/python benchmarks/accuracy_intervals.py [--seeds 40]

Each seed (from 1000; the constants of `_smoothing.py` were chosen on seeds 0 to 11) gives training points U[0, 1]^d, noise and network;
default settings but for what the tables name. Coverage: the part of 500 new observations, and of the true means at them, inside
`predict_interval` at 95 %, averaged over seeds. Smoothing: the root mean square error of the mean on 2000 points, the same for all seeds,
`fit(opt="LM", steps=30)` against the same with `smooth="gcv"`; median and worst seed. Targets: the coverage of observations is within 92 to
98 % in every row, and smoothing lowers every median.

What it must get right: new observations have noise of their own; a seed whose network sticks counts.
"""

import argparse
import sys

import numpy as np

import _measure
from swiftkan import KAN, fit_gam


def wave(x):
    return np.sin(8 * x[:, :1]) * np.exp(-x[:, :1])


def surface(x):
    return np.exp(np.sin(np.pi * x[:, :1]) + x[:, 1:] ** 2)


def additive(x):
    return np.sin(6 * x[:, :1]) + x[:, 1:2] ** 2 + np.exp(-x[:, 2:3])


def two(x):
    return np.hstack([np.sin(4 * x[:, :1]) + x[:, 1:] ** 2, 3 * x[:, :1] - np.cos(3 * x[:, 1:])])


# name, function, inputs, width (None: fit_gam), grid, samples, noise of each output, smooth
ROWS = [
    ("wave", wave, 1, [1, 1], 8, 200, [0.2], None),
    ("wave, fine grid", wave, 1, [1, 1], 30, 100, [0.2], "gcv"),
    ("surface", surface, 2, [2, 1, 1], 4, 400, [0.3], None),
    ("surface, 5 nodes", surface, 2, [2, 5, 1], 4, 1000, [0.3], None),
    ("surface, fine grid", surface, 2, [2, 1, 1], 20, 200, [0.3], "gcv"),
    ("surface, 5 nodes, fine grid", surface, 2, [2, 5, 1], 8, 300, [0.3], "gcv"),
    ("two outputs", two, 2, [2, 2], 5, 300, [0.1, 1.0], None),
    ("additive, fit_gam", additive, 3, None, 20, 500, [0.3], "gcv"),
]


def fitted(row, seed, smooth):
    _, f, inputs, width, grid, samples, noise, _ = row
    random = np.random.RandomState(seed)
    x = random.rand(samples, inputs)
    y = f(x) + noise * random.randn(samples, len(noise))
    if width is None:
        return fit_gam(x, y, grid=grid, smooth=0 if smooth is None else smooth), random
    model = KAN(width, grid=grid, seed=seed)
    model.fit((x, y), opt="LM", steps=30, smooth=smooth)
    return model, random


def error(model, f, inputs):
    x = np.random.RandomState(10**6).rand(2000, inputs)
    return float(np.sqrt(np.mean((model(x) - f(x)) ** 2)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=40)
    seeds = range(1000, 1000 + parser.parse_args().seeds)
    good = True
    print(_measure.machine())
    print(_measure.versions("swiftkan", "numpy") + "\n")
    print("| data | width | grid | samples | smooth | new observations | means |\n|---|---|---|---|---|---|---|")
    for row in ROWS:
        name, f, inputs, width, grid, samples, noise, smooth = row
        held = {"observation": [], "mean": []}
        for seed in seeds:
            model, random = fitted(row, seed, smooth)
            x = random.rand(500, inputs)
            truth = {"observation": f(x) + noise * random.randn(500, len(noise)), "mean": f(x)}
            for of, y in truth.items():
                _, low, high = model.predict_interval(x, of=of)
                held[of].append(((low < y) & (y < high)).mean(axis=0))
        parts = {of: " and ".join(f"{100 * part:.1f} %" for part in np.mean(values, axis=0)) for of, values in held.items()}
        good &= bool((abs(np.mean(held["observation"], axis=0) - 0.95) < 0.03).all())
        print(f"| {name} | {width} | {grid} | {samples} | {smooth} | {parts['observation']} | {parts['mean']} |", flush=True)
    print("\n| data | width | grid | samples | error without | worst | with smooth='gcv' | worst |\n|---|---|---|---|---|---|---|---|")
    for row in ROWS:
        name, f, inputs, width, grid, samples, _, smooth = row
        if smooth is None:
            continue
        errors = [[error(fitted(row, seed, way)[0], f, inputs) for seed in seeds] for way in (None, "gcv")]
        (plain, worst), (smoothed, worst_smoothed) = [(np.median(e), max(e)) for e in errors]
        good &= bool(smoothed < plain)
        print(f"| {name} | {width} | {grid} | {samples} | {plain:.3f} | {worst:.3f} | {smoothed:.3f} | {worst_smoothed:.3f} |", flush=True)
    print("\ntargets " + ("met" if good else "missed"))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
