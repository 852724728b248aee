"""How much faster than pykan are loss and gradient, and a whole fit, of the small network of pykan's first example?

    .venv/bin/python benchmarks/small_net.py [--threads 1 2] [--rounds 15] [--fit-rounds 3]

[2, 5, 1], G = 5, k = 3, 1000 samples of exp(sin πx₁ + x₂²), float64. `fit` is L-BFGS, 50 steps, with pykan's default
grid updates, with and without lamb = 0.001. Target: at least 10 times.

What it must get right: both sides have the same data, the same initial network and the same number of threads, and
take turns in one run; the losses that both reach are printed beside the times; pykan runs with speed() on.
"""

import argparse
import sys
import time

import _measure
from _peers import Peer

NETWORK = dict(width=[2, 5, 1], grid=5, k=3, seed=0)
SAMPLES, STEPS, TARGET = 1000, 50, 10.0


class Swiftkan:
    """swiftkan's side: the same requests as _pykan_peer.Side."""

    def __init__(self):
        import numpy as np
        import swiftkan

        self.swiftkan = swiftkan
        self.data = swiftkan.create_dataset(
            lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2, train_num=SAMPLES, test_num=SAMPLES,
            seed=0,
        )  # fmt: skip
        self.model = swiftkan.KAN(**NETWORK)
        self.sum_of_inputs = float(self.data["train_input"].sum())

    def threads(self, n):
        self.swiftkan.set_num_threads(n)

    def gradient(self, calls):
        x, y = self.data["train_input"], self.data["train_label"]
        loss, _ = self.model.value_and_grad(x, y, loss="mse")
        return dict(loss=loss, seconds=_measure.seconds(lambda: self.model.value_and_grad(x, y, loss="mse"), calls))

    def fit(self, steps, lamb):
        model = self.swiftkan.KAN(**NETWORK)
        began = time.perf_counter()
        result = model.fit(self.data, opt="LBFGS", steps=steps, lamb=lamb)
        seconds = time.perf_counter() - began
        rmse = {key: float(result[key][-1]) for key in ("train_loss", "test_loss", "reg")}
        return dict(seconds=seconds, evaluations=result.evaluations, **rmse)


def calls_for(side, target=0.2):
    """Calls of gradient that take about `target` seconds."""
    side.gradient(3)
    return max(3, round(target / side.gradient(3)["seconds"]))


class Pykan:
    """pykan's side, in its own process."""

    def __init__(self, peer):
        self.peer = peer

    def gradient(self, calls):
        return self.peer(op="gradient", calls=calls)

    def fit(self, steps, lamb):
        return self.peer(op="fit", steps=steps, lamb=lamb)


def compare(title, contestants, rounds, details):
    """Runs the rounds and prints the table of one question; returns the median ratio, or None with one contestant."""
    results = _measure.rounds(contestants, rounds)
    times = {name: [result["seconds"] for result in values] for name, values in results.items()}
    print(f"\n{title}, {rounds} rounds")
    for name, values in results.items():
        print(f"  {name:9} {_measure.spread(times[name]):36} {details(values[-1])}")
    if len(times) < 2:
        return None
    low, middle, high = _measure.ratio(times["pykan"], times["swiftkan"])
    print(f"  swiftkan is {middle:.3g} times as fast ({low:.3g} … {high:.3g})")
    return middle


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=15, help="of loss and gradient")
    parser.add_argument("--fit-rounds", type=int, default=3)
    parser.add_argument("--pykan-only", action="store_true", help="measure pykan alone")
    options = parser.parse_args()
    ratios = []
    with Peer("_pykan_peer.py") as peer:
        theirs = peer(op="setup", samples=SAMPLES, **NETWORK)
        sides = {"pykan": Pykan(peer)}
        ours = ""
        if not options.pykan_only:
            sides["swiftkan"] = Swiftkan()
            ours = f"; {_measure.versions('swiftkan', 'numpy')}"
            if abs(sides["swiftkan"].sum_of_inputs - theirs["sum_of_inputs"]) > 1e-9:
                raise SystemExit("the two sides do not have the same data")
        print(_measure.machine())
        print(f"{theirs['versions']['pykan']}, torch {theirs['versions']['torch']}, Python {theirs['python']}{ours}")
        print(f"{NETWORK}, {SAMPLES} samples, float64")
        for threads in options.threads:
            peer(op="threads", n=threads)
            if "swiftkan" in sides:
                sides["swiftkan"].threads(threads)
            losses = [side.gradient(1)["loss"] for side in sides.values()]
            if max(losses) - min(losses) > 1e-10 * max(losses):
                raise SystemExit(f"the two sides do not have the same network: losses {losses}")
            calls = {name: calls_for(side) for name, side in sides.items()}
            ratios.append(compare(
                f"loss and gradient, {threads} thread(s)",
                {name: lambda side=side, n=calls[name]: side.gradient(n) for name, side in sides.items()},
                options.rounds, lambda r: f"loss {r['loss']:.15g}",
            ))  # fmt: skip
            for lamb in (0.0, 0.001):
                ratios.append(compare(
                    f"fit, L-BFGS, {STEPS} steps, lamb={lamb:g}, {threads} thread(s)",
                    {name: lambda side=side: side.fit(STEPS, lamb) for name, side in sides.items()},
                    options.fit_rounds,
                    lambda r: f"test RMSE {r['test_loss']:.3g}, reg {r['reg']:.3g}, {r['evaluations']} evaluations",
                ))  # fmt: skip
    if options.pykan_only:
        return 0
    met = min(ratios) >= TARGET
    print(f"\ntarget, at least {TARGET:g} times everywhere: {'met' if met else 'not met'} (least: {min(ratios):.3g})")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
