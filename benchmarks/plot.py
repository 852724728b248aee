"""How long does it take to draw a network of 100 inputs, [100, 10, 10, 1]?

    .venv/bin/python benchmarks/plot.py [--rounds 9]

What it must get right: all 1110 edges are drawn (a fresh network, ``beta`` so large that none is left out), and the time
goes to the written file, not only to the figure. Imports of matplotlib are not counted. Target: at most 3 s for the SVG.
"""

import argparse
import io
import sys
import time

import _measure
import _table
import numpy as np

from swiftkan import KAN

TARGET = 3.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    model = KAN([100, 10, 10, 1], seed=0)
    model.get_act(2 * np.random.RandomState(0).rand(1000, 100) - 1)
    names = [f"x_{i}" for i in range(100)]

    def drawn(kind):
        began = time.perf_counter()
        figure = model.plot(beta=1e9, in_vars=names)
        if kind != "figure":
            figure.savefig(io.BytesIO(), format=kind)
        if figure.curves != model.n_edge:
            sys.exit(f"{figure.curves} of {model.n_edge} edges were drawn")
        return time.perf_counter() - began

    kinds = ("figure", "svg", "pdf", "png")
    for kind in kinds:
        drawn(kind)  # imports, fonts
    results = _measure.rounds({kind: lambda kind=kind: drawn(kind) for kind in kinds}, options.rounds)
    print(_measure.machine())
    print(f"{_measure.versions('swiftkan', 'matplotlib', 'numpy')}; {options.rounds} rounds, {model.n_edge} edges")
    for kind in kinds:
        print(f"{'figure alone' if kind == 'figure' else 'and ' + kind.upper() + ' file':<14} {_measure.spread(results[kind])}")
    met = _measure.quartiles(results["svg"])[1] <= TARGET
    middle = _measure.duration(_measure.quartiles(results["svg"])[1])
    _table.limited("plot of `[100,10,10,1]` with its SVG", 1, middle, f"≤ {TARGET:g} s", met)
    print(f"target, at most {TARGET:g} s: {'met' if met else 'not met'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
