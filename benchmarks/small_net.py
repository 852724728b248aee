"""How much faster than pykan are loss and gradient, and a whole fit, of the small network of pykan's first example?

    .venv/bin/python benchmarks/small_net.py [--threads 1 2] [--rounds 15] [--fit-rounds 3]

[2, 5, 1], G = 5, k = 3, 1000 samples of exp(sin πx₁ + x₂²), float64. `fit` is L-BFGS, 50 steps, with pykan's default
grid updates, with and without lamb = 0.001. Targets: loss and gradient at least 50 times as fast, fit 50 times without lamb and 60
times with it; loss and gradient with regularisation take at most twice the time.

What it must get right: both sides have the same data, the same initial network and the same number of threads, and
take turns in one run; the losses that both reach are printed beside the times; pykan runs with speed() on.
"""

import argparse
import sys
import time

import _measure
import _table
from _peers import Peer

NETWORK = dict(width=[2, 5, 1], grid=5, k=3, seed=0)
SAMPLES, STEPS = 1000, 50
SMALL = "`[2,5,1]`, 1000 samples:"
TARGET_GRADIENT, TARGETS_FIT, TARGET_LAMB = 50.0, {0.0: 50.0, 0.001: 60.0}, 2.0


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

    def parts(self):
        """{name: a function}: loss and gradient from Python, the engine's part of that, and both with regularisation."""
        import numpy as np
        from swiftkan import _losses

        x, y, model = self.data["train_input"], self.data["train_label"], self.model
        gradient = np.empty(model._parameter_count)

        def engine(lamb):
            objective = _losses.objective("mse", "edge_forward_spline_n", 1.0, lamb, 1.0, 2.0, 0.0, 0.0)
            return lambda: model._core.loss_gradient(x, SAMPLES, y, None, None, objective, gradient, None, False, 10.0)

        return {
            "loss and gradient": lambda: model.value_and_grad(x, y),
            "  the engine's part": engine(0.0),
            "with lamb": lambda: model.value_and_grad(x, y, lamb=0.001),
            "  the engine's part ": engine(0.001),
        }

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


def compare_parts(side, threads, rounds):
    """Where swiftkan's own time goes; whether regularisation at most doubles it."""
    contestants = {}
    for name, function in side.parts().items():
        calls = _measure.calls_for(function, 0.02)
        contestants[name] = lambda function=function, calls=calls: _measure.seconds(function, calls)
    times = _measure.rounds(contestants, rounds)
    print(f"\nswiftkan alone, {threads} thread(s), {rounds} rounds")
    for name, values in times.items():
        print(f"  {name:22} {_measure.spread(values)}")
    _, ratio, _ = _measure.ratio(times["with lamb"], times["loss and gradient"])
    print(f"  regularisation takes {ratio:.3g} times the time; target, at most {TARGET_LAMB:g}")
    return ratio <= TARGET_LAMB


def compare(title, question, threads, contestants, rounds, details, target):
    """Runs the rounds and prints the table of one question; returns whether the target is met."""
    results = _measure.rounds(contestants, rounds)
    times = {name: [result["seconds"] for result in values] for name, values in results.items()}
    print(f"\n{title}, {rounds} rounds")
    for name, values in results.items():
        print(f"  {name:9} {_measure.spread(times[name]):36} {details(values[-1])}")
    if len(times) < 2:
        return True
    _table.compared(question, threads, times["swiftkan"], "pykan", times["pykan"], target)
    low, middle, high = _measure.ratio(times["pykan"], times["swiftkan"])
    print(f"  swiftkan is {middle:.3g} times as fast ({low:.3g} … {high:.3g}); target, at least {target:g}")
    return middle >= target


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=15, help="of loss and gradient")
    parser.add_argument("--fit-rounds", type=int, default=3)
    parser.add_argument("--pykan-only", action="store_true", help="measure pykan alone")
    options = parser.parse_args()
    met = []
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
            met.append(compare(
                f"loss and gradient, {threads} thread(s)", f"{SMALL} loss and gradient", threads,
                {name: lambda side=side, n=calls[name]: side.gradient(n) for name, side in sides.items()},
                options.rounds, lambda r: f"loss {r['loss']:.15g}", TARGET_GRADIENT,
            ))  # fmt: skip
            if "swiftkan" in sides:
                met.append(compare_parts(sides["swiftkan"], threads, options.rounds))
            for lamb, target in TARGETS_FIT.items():
                met.append(compare(
                    f"fit, L-BFGS, {STEPS} steps, lamb={lamb:g}, {threads} thread(s)",
                    f"{SMALL} `fit(steps={STEPS}{f', lamb={lamb:g}' if lamb else ''})`", threads,
                    {name: lambda side=side: side.fit(STEPS, lamb) for name, side in sides.items()},
                    options.fit_rounds,
                    lambda r: f"test RMSE {r['test_loss']:.3g}, reg {r['reg']:.3g}, {r['evaluations']} evaluations",
                    target,
                ))  # fmt: skip
    if options.pykan_only:
        return 0
    print(f"\ntargets: {'met' if all(met) else 'not met'}")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
