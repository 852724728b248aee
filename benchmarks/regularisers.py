"""What does a regulariser add to loss and gradient of a layer that is not wide, and with each of the five metrics?

    .venv/bin/python benchmarks/regularisers.py [--threads 1] [--rounds 7] [--samples 100 1000 20000]

model.value_and_grad(x, y, lamb=1e-3, reg_metric=...) against the same without lamb, G = 5 and k = 3 unless said. Each metric shall at
most double the time: in every case printed. Wide layers and whole steps of training are in wide_net.py.

What it must get right: a ratio is one of calls of the same round.
"""

import argparse
import sys

import numpy as np

import _measure
import _table
import swiftkan

METRICS = ("edge_forward_spline_n", "edge_forward_sum", "edge_forward_spline_u", "edge_backward", "node_backward")
CASES = [
    dict(width=[2, 5, 1]),
    dict(width=[4, [3, 4], 1]),
    dict(width=[10, 10, 10, 1]),
    dict(width=[8, 15], grid=10),
    dict(width=[40, 12], k=5),
    dict(width=[200, 3]),
    dict(width=[64, 12, 10]),
    dict(width=[100, 15, 1]),
    dict(width=[784, 10]),
    dict(width=[784, 12, 10]),
]
MOST = 2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--samples", type=int, nargs="+", default=[100, 1000, 20000])
    options = parser.parse_args()
    swiftkan.set_num_threads(options.threads)
    print(_measure.machine())
    print(f"{_measure.versions('swiftkan', 'numpy')}; {swiftkan.get_num_threads()} thread(s), {options.rounds} rounds")
    print("Times as long as without, for " + ", ".join(METRICS))
    worst = 0
    for n in options.samples:
        for dtype in ("float32", "float64"):
            for case in CASES:
                if n * case["width"][0] > 2e6:
                    continue  # a round would take seconds, and more samples change nothing
                times = measure(case, n, dtype, options)
                ratios = [_measure.ratio(times[metric], times[None])[1] for metric in METRICS]
                worst = max(worst, *ratios)
                described = " ".join(f"{name}={value}" for name, value in case.items()).replace(" ", "").replace("width=", "")
                print(f"  {n:>6} {dtype} {described:18} {_measure.spread(times[None]):34}", " ".join(f"{r:5.2f}" for r in ratios))
    print(f"at most {worst:.3g} times; target: at most {MOST}")
    question = f"`value_and_grad` of layers that are not wide, with `lamb` against without, worst of {len(CASES)} networks and {len(METRICS)} metrics"
    _table.limited(question, options.threads, f"{worst:.3g} ×", f"≤ {MOST} ×", worst <= MOST)
    return 0 if worst <= MOST else 1


def measure(case, n, dtype, options):
    """{metric: seconds of a call in each round}, None for the call without a regulariser."""
    rng = np.random.default_rng(0)
    model = swiftkan.KAN(**{"grid": 5, "seed": 0, "dtype": dtype, **case})
    x = rng.uniform(-1, 1, (n, model.width_in[0])).astype(dtype)
    y = rng.normal(size=(n, model.width_in[-1])).astype(dtype)
    calls = {None: lambda: model.value_and_grad(x, y)}
    for metric in METRICS:
        calls[metric] = lambda metric=metric: model.value_and_grad(x, y, lamb=1e-3, reg_metric=metric)
    counts = {metric: _measure.calls_for(call, 0.03) for metric, call in calls.items()}
    return _measure.rounds(
        {metric: lambda metric=metric, call=call: _measure.seconds(call, counts[metric]) for metric, call in calls.items()}, options.rounds
    )


if __name__ == "__main__":
    sys.exit(main())
