"""How much memory does a fit on a million samples take beyond its data?

    .venv/bin/python benchmarks/memory.py [--samples 1000000] [--steps 3] [--threads N]

[10, 10, 1], G = 5, k = 3, 1 000 000 × 10 float64 inputs, L-BFGS with the default grid update. Target: the process's
highest resident size, interpreter and NumPy included, is at most the size of inputs and labels + 300 MB.

What it must get right: the fit runs in a process of its own, which makes its data in place, so that the peak is the
fit's and not that of making the data (both are printed).
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import _measure
import _table

TARGET = 300e6


def peak():
    """The highest resident size of this process so far, in bytes."""
    value = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return value if sys.platform == "darwin" else 1024 * value


def child(samples, steps, threads):
    import numpy as np
    import swiftkan

    if threads:
        swiftkan.set_num_threads(threads)
    imported = peak()
    x = np.empty((samples, 10))
    y = np.empty((samples, 1))
    rng = np.random.default_rng(0)
    for begin in range(0, samples, 10_000):  # in slices: no temporary of the size of the data
        part = slice(begin, begin + 10_000)
        x[part] = rng.uniform(-1, 1, x[part].shape)
        y[part] = np.exp(np.sin(np.pi * x[part, :1]) + (x[part, 1:] ** 2).mean(axis=1, keepdims=True))
    model = swiftkan.KAN(width=[10, 10, 1], grid=5, k=3, seed=0)
    before = peak()
    began = time.perf_counter()
    result = model.fit(dict(train_input=x, train_label=y), opt="LBFGS", steps=steps)
    answer = dict(
        imported=imported, before=before, after=peak(), data=x.nbytes + y.nbytes, seconds=time.perf_counter() - began,
        threads=swiftkan.get_num_threads(), train_rmse=[float(value) for value in result["train_loss"]],
        evaluations=result.evaluations,
    )  # fmt: skip
    print(json.dumps(answer))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="0: swiftkan's own choice")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options.samples, options.steps, options.threads)
    command = [sys.executable, __file__, "--child", f"--samples={options.samples}", f"--steps={options.steps}"]
    run = subprocess.run([*command, f"--threads={options.threads}"], check=True, stdout=subprocess.PIPE, text=True)
    r = json.loads(run.stdout.splitlines()[-1])
    extra = r["after"] - r["data"]
    print(_measure.machine())
    print(f"{_measure.versions('swiftkan', 'numpy')}; {r['threads']} thread(s)")
    print(f"{options.samples} x 10 inputs and labels  {r['data'] / 1e6:8.1f} MB")
    print(f"peak after the imports       {r['imported'] / 1e6:8.1f} MB")
    print(f"peak with data, before fit   {r['before'] / 1e6:8.1f} MB")
    print(f"peak after fit               {r['after'] / 1e6:8.1f} MB, {extra / 1e6:.1f} MB beyond the data")
    losses = " ".join(f"{value:.3g}" for value in r["train_rmse"])
    print(f"fit: {options.steps} steps, {r['evaluations']} evaluations, {r['seconds']:.1f} s, train RMSE {losses}")
    met = extra <= TARGET
    question = f"memory of `fit` on {options.samples} × 10, beyond its data"
    _table.limited(question, r["threads"], f"{extra / 1e6:.0f} MB", f"≤ {TARGET / 1e6:g} MB", met)
    print(f"target, at most {TARGET / 1e6:g} MB beyond the data: {'met' if met else 'not met'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
