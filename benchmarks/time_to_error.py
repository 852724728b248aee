"""How long does swiftkan take to pykan's own final error on pykan's first example?

    .venv/bin/python benchmarks/time_to_error.py [--rounds 3] [--seeds 10]

The first fit of pykan's introduction (hellokan): exp(sin πx₁ + x₂²), 1000 training points, [2, 5, 1], G = 3, k = 3, seed 42,
L-BFGS, 50 steps, without regularisation (lamb = 0), float64, one thread, speed() on. swiftkan has the same data and network and
trains with fit(opt="LM", update_grid=False), stopped by a callback after the first step whose training error is at most pykan's last; the
time is of the whole call. Targets: 200 times as fast, and each of ten other starts gets there (the exit status).

What it must get right: both take turns in one run; pykan's error is its own of this run; the test errors of both are printed; a
start from which swiftkan would not get there counts as missed, not as left out.
"""

import argparse
import sys
import time

import numpy as np

import _measure
import _table
import swiftkan
from _peers import Peer

NETWORK = dict(width=[2, 5, 1], grid=3, k=3, seed=42)
SAMPLES, STEPS, TARGET = 1000, 50, 200


def swiftkan_run(data, error, seed):
    """Seconds to a training error of at most `error` (infinity if it is not reached), and the test error then."""
    model = swiftkan.KAN(**{**NETWORK, "seed": seed})
    began = time.perf_counter()
    result = model.fit(data, opt="LM", steps=200, update_grid=False, callbacks=lambda step: step.train_loss <= error)
    seconds = time.perf_counter() - began
    return (seconds if result["train_loss"][-1] <= error else float("inf")), float(result["test_loss"][-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=10, help="other starts of swiftkan's, for the spread")
    options = parser.parse_args()
    swiftkan.set_num_threads(1)
    data = swiftkan.create_dataset(
        lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2, train_num=SAMPLES, test_num=SAMPLES, seed=0
    )
    print(_measure.machine())
    with Peer("_pykan_peer.py") as peer:
        theirs = peer(op="setup", samples=SAMPLES, **NETWORK)
        if abs(float(data["train_input"].sum()) - theirs["sum_of_inputs"]) > 1e-9:
            raise SystemExit("the two sides do not have the same data")
        peer(op="threads", n=1)
        print(f"{theirs['versions']['pykan']}, torch {theirs['versions']['torch']}; {_measure.versions('swiftkan', 'numpy')}")
        peer(op="fit", steps=1, lamb=0.0)
        swiftkan_run(data, 1.0, 0)
        ours, times_of_pykan = [], []
        for _ in range(options.rounds):
            pykan = peer(op="fit", steps=STEPS, lamb=0.0)
            seconds, test = swiftkan_run(data, pykan["train_loss"], NETWORK["seed"])
            ours.append(seconds)
            times_of_pykan.append(pykan["seconds"])
            print(
                f"pykan {_measure.duration(pykan['seconds'])} to {pykan['train_loss']:.3g} (test {pykan['test_loss']:.3g}); "
                f"swiftkan {_measure.duration(seconds)} (test {test:.3g}): {pykan['seconds'] / seconds:.0f} times as fast", flush=True
            )  # fmt: skip
    times = [swiftkan_run(data, pykan["train_loss"], seed)[0] for seed in range(options.seeds)]
    reached = [seconds for seconds in times if seconds < float("inf")]
    spread = f", {_measure.spread(reached)}" if reached else ""
    print(f"swiftkan from seeds 0 … {options.seeds - 1}: {len(reached)} of {len(times)} get there{spread}")
    _table.compared("hellokan's first fit, to pykan's own error", 1, ours, "pykan", times_of_pykan, TARGET)
    low, middle, high = _measure.ratio(times_of_pykan, ours)
    print(f"pykan {_measure.spread(times_of_pykan)}, swiftkan {_measure.spread(ours)}: {middle:.0f} times as fast ({low:.0f} … {high:.0f})")
    met = middle >= TARGET and len(reached) == len(times)
    print("target met" if met else "target missed")
    return not met


if __name__ == "__main__":
    sys.exit(main())
