"""How accurate is Newton-Kaczmarz on OpenKAN's data sets, how fast, and how far does Levenberg-Marquardt go from there?

    .venv/bin/python benchmarks/accuracy_openkan.py [--seeds 10] [--first-seed 200] [--row 0 1 2 3] [--choose]

OpenKAN (openkan.org/Benchmarks.html; KANC++, by the authors of arXiv 2305.08194) trains by Newton-Kaczmarz on
  Formula3: 10 000 records, y = Σ_± (2 + 2x_k)/(3π)·(atan(20(x₁ - ½ ± x₂/6)e^{x₅}) + π/2), k = 3 for +, 4 for -, x in [0, 1]⁵: RMSE
    by the range of y 0.0110 in 0.054 s on one thread of a machine like ours, on the training records;
  determinants of 4x4 matrices: 100 000 records, x in [0, 10]¹⁶: Pearson's correlation .951 after 2.2 s, .972 after 6.1 s.
Here: the median over seeds of data and network (seed s for both), one configuration a row; nothing in a run looks at its test records
(5 000 and 20 000 more), on which the figures are measured. The first configuration of each row is the one that --choose found: the
best on a fifth of the training records, held out, of seeds 100 and 101, among those that are quick enough. The list of configurations
came from test records of seeds 0 to 2, so the seeds begin at 200. Seconds are those of `fit`. Targets: the figures and seconds in ROWS.

What it must get right: the same metrics, and test records that training never sees.
"""

import argparse
import statistics
import sys
import time

import numpy as np

import _measure
from _accuracy import CHOICE_SEEDS
from swiftkan import KAN


def formula3(x):
    def part(sign, k):
        angle = np.arctan(20 * (x[:, 0] - 0.5 + sign * x[:, 1] / 6) * np.exp(x[:, 4]))
        return (2 + 2 * x[:, k]) / (3 * np.pi) * (angle + np.pi / 2)

    return part(1, 2) + part(-1, 3)


def determinant(x):
    return np.linalg.det(x.reshape(-1, 4, 4))


def relative_rmse(p, y):
    return float(np.sqrt(np.mean((p - y) ** 2)) / np.ptp(y))


def pearson(p, y):
    return float(np.corrcoef(p, y)[0, 1])


# task: (function, inputs, largest input, training records, test records, metric and its name)
TASKS = {
    "formula3": (formula3, 5, 1, 10_000, 5_000, relative_rmse, "RMSE / range"),
    "determinant": (determinant, 16, 10, 100_000, 20_000, pearson, "Pearson"),
}
KACZMARZ = dict(opt="NewtonKaczmarz", lr_schedule="cosine")


def formula3_network(grid=5, k=3, hidden=11):
    return dict(width=[5, hidden, 1], grid=grid, k=k, base_fun="zero")


def first(epochs=7, lr=1.0, update_grid=False):
    """The grids are made for [0, 1], where the inputs are, and stay there."""
    return KACZMARZ | dict(epochs=epochs, lr=lr, update_grid=update_grid)


def then(steps=20, **arguments):
    return dict(opt="LM", steps=steps, update_grid=False) | arguments


def determinant_network(hidden, k=2, base_fun="identity"):
    """Uniform grids (grid_eps=1): the samples fill the cube evenly. The base function x carries the linear part."""
    return dict(width=[16, hidden, 1], grid=[3, 12], k=k, base_fun=base_fun, grid_eps=1.0, dtype="float32")


def passes(epochs, lr):
    return KACZMARZ | dict(epochs=epochs, lr=lr)


# (task, target of the metric, most seconds, configurations: network and the arguments of each fit one after another)
ROWS = [
    ("formula3", 0.011, 0.06, [
        (formula3_network(), [first()]),
        (formula3_network(), [first(lr=0.3)]),
        (formula3_network(k=2), [first()]),
        (formula3_network(grid=8), [first()]),
        (formula3_network(hidden=8), [first(epochs=9)]),
        (formula3_network(), [first(update_grid=True)]),
    ]),
    ("formula3", 0.003, 5, [
        (formula3_network(grid=6), [first(), then(15)]),
        (formula3_network(), [first(), then()]),
        (formula3_network(), [first(), then(update_grid=True)]),
        (formula3_network(grid=8, hidden=8), [first(), then()]),
        (formula3_network(hidden=8), [first(), then(30)]),
    ]),
    ("determinant", 0.972, 3, [
        (determinant_network(80), [passes(6, 0.75)]),
        (determinant_network(64), [passes(8, 0.75)]),
        (determinant_network(64), [passes(8, 0.5)]),
        (determinant_network(48), [passes(10, 0.75)]),
        (determinant_network(64, base_fun="zero"), [passes(8, 0.75)]),
    ]),
    ("determinant", 0.99, 60, [
        (determinant_network(96), [passes(40, 0.75)]),
        (determinant_network(96), [passes(40, 0.5)]),
        (determinant_network(64), [passes(60, 0.75)]),
    ]),
]  # fmt: skip


def run(task, network, fits, seed, held_out=False):
    """(metric, seconds) of a run; on test records, or on a fifth of the training records, held out."""
    function, inputs, size, count, test_count, metric, _ = TASKS[task]
    random = np.random.default_rng(seed)
    x, x_test = random.uniform(0, size, (count, inputs)), random.uniform(0, size, (test_count, inputs))
    if held_out:
        x, x_test = x[: count * 4 // 5], x[count * 4 // 5 :]
    y = function(x)[:, None]
    model = KAN(**network, seed=seed, grid_range=(0, size))
    began = time.perf_counter()
    for arguments in fits:
        model.fit((x, y), **arguments)
    seconds = time.perf_counter() - began
    return metric(model(x_test)[:, 0], function(x_test)), seconds


def text(network, fits):
    name = lambda arguments: ", ".join(f"{name}={value!r}" for name, value in arguments.items())  # noqa: E731
    return f"KAN({name(network)})" + "".join(f".fit({name(arguments)})" for arguments in fits)


def choose(task, configurations):
    """Prints what each configuration reaches on held-out training records: medians over the seeds of the choice."""
    for network, fits in configurations:
        values, seconds = zip(*(run(task, network, fits, seed, held_out=True) for seed in CHOICE_SEEDS))
        print(f"    {statistics.median(values):.5f}  {statistics.median(seconds):6.3f} s  {text(network, fits)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=200)
    parser.add_argument("--row", type=int, nargs="+", default=range(len(ROWS)), help="of the table, counted from 0")
    parser.add_argument("--choose", action="store_true", help="compare the configurations and end")
    options = parser.parse_args()
    print(_measure.machine())
    print(_measure.versions("swiftkan", "numpy"))
    missed = []
    for task, target, most, configurations in (ROWS[row] for row in options.row):
        name = TASKS[task][-1]
        print(f"\n{task}: {name}, target {target} in {most} s")
        if options.choose:
            choose(task, configurations)
            continue
        network, fits = configurations[0]
        values, times = [], []
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            value, second = run(task, network, fits, seed)
            print(f"    seed {seed}: {value:.5f} in {second:.3f} s", flush=True)
            values.append(value)
            times.append(second)
        value, seconds = statistics.median(values), statistics.median(times)
        print(f"    {text(network, fits)}")
        print(f"    {value:.4f} ({min(values):.4f} … {max(values):.4f}); seconds {seconds:.3f} ({min(times):.3f} … {max(times):.3f})", flush=True)
        if not ((value >= target if name == "Pearson" else value <= target) and seconds <= most):
            missed.append(f"{task} {target} in {most} s")
    if options.choose:
        return 0
    print("\ntarget missed: " + "; ".join(missed) if missed else "\ntarget met")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
