"""Where do L-BFGS and Levenberg-Marquardt end with a regulariser?

    .venv/bin/python benchmarks/accuracy_regularisation.py [--seeds 20] [--steps 60]

exp(sin πx₁ + x₂²) on [-1, 1]², 300 points, [2, 3, 1], G = 4, lamb = 1e-3 and 1e-2, grids that stay and grids that are moved to the samples:
the objective on the training data, mean squared error + lamb · regulariser. There is no target.

What it must get right: the same data, network and objective for both optimisers; a seed that sticks counts.
"""

import argparse
import sys

import numpy as np

import _accuracy
import _measure
from swiftkan import KAN


def objective(seed, **arguments):
    """The objective at the end of a fit, from the network that it leaves."""
    x = np.random.default_rng(seed).uniform(-1, 1, (300, 2))
    y = np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2)
    model = KAN([2, 3, 1], grid=4, seed=seed)
    model.fit((x, y), **arguments)
    return float(model.value_and_grad(x, y, lamb=arguments["lamb"])[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--steps", type=int, nargs="+", default=[60])
    options = parser.parse_args()
    print(_measure.machine())
    print(_measure.versions("swiftkan", "numpy"))
    for moved in (False, True):
        for steps in options.steps:
            for opt in ("LBFGS", "LM"):
                texts = []
                for lamb in (1e-3, 1e-2):
                    values = [objective(seed, opt=opt, steps=steps, lamb=lamb, update_grid=moved) for seed in range(options.seeds)]
                    texts.append(f"lamb {lamb:g}: {_accuracy.text(values)}")
                print(f"grids {'moved' if moved else 'stay '}, {steps:4} steps, {opt:5}  {'   '.join(texts)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
