"""How long does one row take from Python, with swiftkan, pykan and efficient-kan?

    .venv/bin/python benchmarks/single_row.py [--efficient-kan kan.py] [--rounds 15]

One row, a NumPy array here and a torch tensor there, through [2, 5, 1] (G = 5, k = 3) and through a network of 78 inputs,
[78, 32, 16, 1]; float64, one thread. swiftkan both as the model and as what model.compile() gives. Targets, with the compiled model:
at most 5 µs and 25 µs, and no slower than any peer.

What it must get right: all contestants take turns in one run; the peers run under torch.no_grad, pykan with speed(); the share
of the engine is measured by calls that go around the Python of the package.
"""

import argparse
import os
import sys

import _measure
import _table
import _peers
from _peers import Peer

NETWORKS = {"[2, 5, 1]": ([2, 5, 1], 5e-6), "[78, 32, 16, 1]": ([78, 32, 16, 1], 25e-6)}
GRID, DEGREE = 5, 3


class Swiftkan:
    """swiftkan's side: the same requests as _row_peer.Side."""

    def __init__(self, width):
        import numpy as np
        import swiftkan

        swiftkan.set_num_threads(1)
        self.model = swiftkan.KAN(width, grid=GRID, k=DEGREE, seed=0)
        self.compiled = self.model.compile()
        self.x = np.random.RandomState(0).uniform(-1, 1, (1, width[0]))
        self.y = np.empty((1, width[-1]))
        self.value = float(self.compiled(self.x)[0, 0])

    def ways(self):
        """{name: a function that evaluates the row once}."""
        x, y, engine = self.x, self.y, self.compiled._core.forward
        return {
            "swiftkan, model(x)": lambda: self.model(x),
            "swiftkan, compiled": lambda: self.compiled(x),
            "  of which the engine": lambda: engine(x, y, False, 10.0),
        }


def measured(function):
    calls = _measure.calls_for(function, 0.02)
    return lambda: _measure.seconds(function, calls)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--efficient-kan", default=os.environ.get("SWIFTKAN_EFFICIENT_KAN", ""), help=_peers.EFFICIENT_KAN)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--no-peers", action="store_true", help="measure swiftkan alone")
    options = parser.parse_args()
    print(_measure.machine())
    print(f"{_measure.versions('swiftkan', 'numpy')}; one row, float64, one thread, {options.rounds} rounds")
    peer = None if options.no_peers else Peer("_row_peer.py")
    met = True
    for name, (width, target) in NETWORKS.items():
        ours = Swiftkan(width)
        contestants = {way: measured(function) for way, function in ours.ways().items()}
        if peer:
            theirs = peer(op="setup", width=width, grid=GRID, k=DEGREE, row=ours.x.tolist(), path=options.efficient_kan)
            print(f"\n{theirs['versions']}")
            if abs(theirs["pykan"] - ours.value) > 1e-10 * max(1.0, abs(ours.value)):
                raise SystemExit(f"the two sides do not have the same network: {theirs['pykan']} and {ours.value}")
            for library in theirs["libraries"]:
                contestants[library] = lambda library=library: peer(op="row", library=library)["seconds"]
        times = _measure.rounds(contestants, options.rounds)
        print(f"\n{name}, G = {GRID}, k = {DEGREE}")
        for way, values in times.items():
            faster = "" if "swiftkan" in way or "engine" in way else (
                f"  {_measure.ratio(values, times['swiftkan, compiled'])[1]:.3g} times the compiled model's")  # fmt: skip
            print(f"  {way:24} {_measure.spread(values):36}{faster}")
        middle = _measure.quartiles(times["swiftkan, compiled"])[1]
        question = f"`{name}`, one row, `model.compile()`"
        _table.limited(question, 1, _measure.duration(middle), f"≤ {_measure.duration(target)}", middle <= target)
        for library in theirs["libraries"] if peer else []:
            _table.compared(question, 1, times["swiftkan, compiled"], library, times[library], 1)
            met = met and _measure.ratio(times[library], times["swiftkan, compiled"])[1] >= 1
        print(f"  target, at most {_measure.duration(target)}: {'met' if middle <= target else 'not met'}")
        met = met and middle <= target
    if peer:
        peer.__exit__()
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
