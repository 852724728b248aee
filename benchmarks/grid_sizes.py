"""How does the cost of a network grow with its grid?

    .venv/bin/python benchmarks/grid_sizes.py [--threads 1] [--rounds 7] [--samples 1000]

model.predict(x), model.value_and_grad(x, y) and the latter with lamb of small networks, k = 3, G = 3 … 200: beyond some grid layers take a form whose
cost hardly depends on it (docs/performance.md). Which builds there are says swiftkan.cpu_info(); SWIFTKAN_CPU chooses one. There is no target.

What it must get right: every grid takes its turn in each round, and each call of it is the network's own, as users make it.
"""

import argparse
import sys

import numpy as np

import _measure
import swiftkan

GRIDS = [3, 5, 10, 15, 20, 29, 35, 50, 80, 200]
WIDTHS = [[2, 1], [2, 5, 1], [10, 12, 1], [3, 15, 1]]


def calls(width, grid, dtype, samples):
    """The three calls of a network."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (samples, width[0])).astype(dtype), rng.normal(size=(samples, width[-1])).astype(dtype)
    model = swiftkan.KAN(width, grid=grid, seed=0, dtype=dtype)
    return _measure.evaluations(model, x, y)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--samples", type=int, default=1000)
    options = parser.parse_args()
    swiftkan.set_num_threads(options.threads)
    print(_measure.machine())
    build = swiftkan.cpu_info()["build"]
    print(f"{_measure.versions('swiftkan', 'numpy')}; {build}, {swiftkan.get_num_threads()} thread(s), {options.rounds} rounds")
    print("Median microseconds with G = " + ", ".join(map(str, GRIDS)))
    for dtype in ("float32", "float64"):
        for width in WIDTHS:
            networks = {grid: calls(width, grid, dtype, options.samples) for grid in GRIDS}
            for call in networks[GRIDS[0]]:
                functions = {grid: network[call] for grid, network in networks.items()}
                times = _measure.rounds(
                    {grid: lambda f=f: _measure.seconds(f, _measure.calls_for(f, 0.02)) for grid, f in functions.items()}, options.rounds
                )
                described = f"{dtype} {width} {call}".replace(", ", ",")
                print(f"  {described:36}", " ".join(f"{1e6 * np.median(times[grid]):6.0f}" for grid in GRIDS), flush=True)


if __name__ == "__main__":
    sys.exit(main())
