"""How much faster is a wide layer once edges of it are switched off?

    .venv/bin/python benchmarks/masked_edges.py [--threads 1] [--rounds 9]

[256, 64, 10], G = 5, k = 3, 1024 samples: model.predict(x), model.value_and_grad(x, y) and the latter with lamb, with a part of the first
layer's edges, drawn at random, left. Times and their parts of those with all edges. There is no target.

What it must get right: every number of edges takes its turn in each round, and each call of it is the network's own, as users make it.
"""

import argparse
import sys

import numpy as np

import _measure
import swiftkan

PARTS = [1, 0.74, 0.5, 0.3, 0.1, 0.02]


def calls(dtype, part):
    """The three calls of a network of which `part` of the first layer's edges is left."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (1024, 256)).astype(dtype), rng.normal(size=(1024, 10)).astype(dtype)
    model = swiftkan.KAN([256, 64, 10], grid=5, seed=0, dtype=dtype)
    mask = model.act_fun[0].mask
    mask[...] = rng.uniform(size=mask.shape) < part
    return _measure.evaluations(model, x, y)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    swiftkan.set_num_threads(options.threads)
    print(_measure.machine())
    print(f"{_measure.versions('swiftkan', 'numpy')}; {swiftkan.get_num_threads()} thread(s), {options.rounds} rounds")
    for dtype in ("float32", "float64"):
        networks = {part: calls(dtype, part) for part in PARTS}
        for call in networks[1]:
            contestants = {part: functions[call] for part, functions in networks.items()}
            times = _measure.rounds(
                {part: lambda f=f: _measure.seconds(f, _measure.calls_for(f)) for part, f in contestants.items()}, options.rounds
            )
            print(f"\n{dtype}, {call}: edges left, time, part of the time with all")
            for part in PARTS:
                low, middle, high = _measure.ratio(times[part], times[1])
                print(f"  {part:>5.0%}  {_measure.spread(times[part]):32} {middle:5.2f} ({low:.2f} … {high:.2f})")


if __name__ == "__main__":
    sys.exit(main())
