"""What does it bring to begin with the last layer's least-squares solution, fit(solve_last_layer=True)?

    .venv/bin/python benchmarks/accuracy_last_layer.py [--seeds 20] [--markdown]

Four functions, 500 points in [-1, 1]^d, G = 5, grids moved to the samples: root mean square errors on the training points and on 1000 others, medians
over the seeds of data and network, after some steps of three optimisers, from the network as it is and with the last layer solved for. There is no target.

What it must get right: both ways the same data and networks; a seed that sticks counts.
"""

import argparse
import statistics
import sys

import numpy as np

import _measure
from swiftkan import KAN


def exp_sin(x):
    return np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2)


def example_3(x):
    return np.exp((np.sin(np.pi * (x[:, [0]] ** 2 + x[:, [1]] ** 2)) + np.sin(np.pi * (x[:, [2]] ** 2 + x[:, [3]] ** 2))) / 2)


def sin_product(x):
    return np.sin(5 * x[:, [0]] * x[:, [1]]) / (1 + x[:, [0]] ** 2)


CASES = [
    ("exp(sin πx₁ + x₂²)", exp_sin, [2, 5, 1]),
    ("the same", exp_sin, [2, 1, 1]),
    ("exp((sin π(x₁² + x₂²) + sin π(x₃² + x₄²))/2)", example_3, [4, 2, 1, 1]),
    ("sin(5x₁x₂)/(1 + x₁²)", sin_product, [2, 5, 1]),
]
TRAINING = [("LM", 0, {}), ("LM", 3, {}), ("LM", 60, {}), ("LBFGS", 5, {}), ("Adam", 200, dict(lr=0.01))]


def errors(seed, f, width, opt, steps, arguments):
    """The errors on the training points and on others."""
    rng = np.random.default_rng(seed)
    x, other = rng.uniform(-1, 1, (500, width[0])), rng.uniform(-1, 1, (1000, width[0]))
    model = KAN(width, grid=5, seed=seed)
    model.update_grid_from_samples(x)
    model.fit((x, f(x)), opt=opt, steps=steps, **arguments)
    return [float(np.sqrt(np.mean((model(points) - f(points)) ** 2))) for points in (x, other)]


def medians(seeds, *case):
    return " / ".join(f"{statistics.median(values):.2g}" for values in zip(*(errors(seed, *case) for seed in range(seeds))))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--markdown", action="store_true", help="as docs/accuracy.md has it")
    options = parser.parse_args()
    print(_measure.machine())
    print(_measure.versions("swiftkan", "numpy"))
    text = "| {} | {} | {} | {} | {} |" if options.markdown else "{:44} {:12} {:10}  {:18} {}"
    print(text.format("function", "width", "`opt`, steps", "as it is", "last layer first"))
    if options.markdown:
        print("|---|---|---|---|---|")
    for name, f, width in CASES:
        for number, (opt, steps, arguments) in enumerate(TRAINING):
            ends = [medians(options.seeds, f, width, opt, steps, dict(arguments, solve_last_layer=first)) for first in (False, True)]
            print(text.format(*((name, str(width)) if number == 0 else ("", "")), f"{opt}, {steps}", *ends), flush=True)


if __name__ == "__main__":
    sys.exit(main())
