"""Does the time of a sample stay the same from a thousand to ten million samples, and does memory?

    .venv/bin/python benchmarks/samples.py [--samples 1000 10000 …] [--threads N] [--rounds 9]

[2, 5, 1], G = 5, k = 3, float64: model.predict(x), and model.value_and_grad(x, y). Targets: from 10 000 samples on a sample
takes at most 15 % longer than one of 10 000; a call takes at most 8 MB beyond its arguments and results, whatever the number.

What it must get right: each number of samples has a process of its own, which makes its data in place, so that the peak is
that of the calls; all processes take turns round by round, so that a slow minute of the machine hurts all of them.
"""

import argparse
import json
import subprocess
import sys

import _measure
import _table
from memory import peak

SAMPLES = [10**3, 10**4, 10**5, 10**6, 10**7]
REFERENCE, SPREAD, MEMORY = 10**4, 0.15, 8e6


def child(n, threads):
    """Answers each line on stdin with the seconds a sample of both calls; first with the memory they took."""
    import numpy as np
    import swiftkan

    if threads:
        swiftkan.set_num_threads(threads)
    x, y = np.empty((n, 2)), np.empty((n, 1))
    rng = np.random.default_rng(0)
    for begin in range(0, n, 10_000):  # in slices: no temporary of the size of the data
        part = slice(begin, begin + 10_000)
        x[part] = rng.uniform(-1, 1, x[part].shape)
        y[part] = np.exp(np.sin(np.pi * x[part, :1]) + x[part, 1:] ** 2)
    model = swiftkan.KAN(width=[2, 5, 1], grid=5, k=3, seed=0)
    few = x[:256].copy()
    model.predict(few), model.value_and_grad(few, y[:256].copy())  # what a process needs once
    before = peak()
    model.value_and_grad(x, y)
    gradient = peak() - before
    before = peak()
    model.predict(x)
    answer = dict(gradient=gradient, predict=max(0, peak() - before - y.nbytes), data=x.nbytes + y.nbytes)
    answer["threads"] = swiftkan.get_num_threads()
    print(json.dumps(answer), flush=True)
    calls = max(1, round(1e6 / n))
    for _ in sys.stdin:
        predict = _measure.seconds(lambda: model.predict(x), calls) / n
        gradient = _measure.seconds(lambda: model.value_and_grad(x, y), calls) / n
        print(json.dumps(dict(predict=predict, gradient=gradient)), flush=True)


class Size:
    """The process of one number of samples."""

    def __init__(self, n, threads):
        command = [sys.executable, __file__, f"--child={n}", f"--threads={threads}"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.memory = self._answer()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a child process ended with status {self._process.wait()}; its words are above")
        return json.loads(line)

    def __call__(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self):
        self._process.stdin.close()
        self._process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, nargs="+", default=SAMPLES)
    parser.add_argument("--threads", type=int, default=0, help="0: swiftkan's own choice")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--child", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options.child, options.threads)
    sizes = {n: Size(n, options.threads) for n in options.samples}
    results = _measure.rounds(sizes, options.rounds)
    print(_measure.machine())
    threads = next(iter(sizes.values())).memory["threads"]
    print(f"{_measure.versions('swiftkan', 'numpy')}; {threads} thread(s), {options.rounds} rounds")
    met = True
    for call, title in (("predict", "predict"), ("gradient", "value_and_grad")):
        print(f"\n{title}: time of a sample, ratio to that at {REFERENCE}, memory beyond arguments and results")
        times = {n: [result[call] for result in values] for n, values in results.items()}
        worst, all_good = 1.0, True
        for n, size in sizes.items():
            _, ratio, _ = _measure.ratio(times[n], times.get(REFERENCE, times[n]))
            extra = size.memory[call]
            good = (n < REFERENCE or ratio <= 1 + SPREAD) and extra <= MEMORY
            all_good = all_good and good
            worst = max(worst, ratio) if n >= REFERENCE else worst
            print(f"  {n:>10}  {_measure.spread(times[n]):32} {ratio:5.2f}  {extra / 1e6:6.1f} MB{'' if good else '  not met'}")
        met = met and all_good
        most = max(size.memory[call] for size in sizes.values())
        _table.limited(
            f"`[2,5,1]` {title}: a sample of more than 10⁴, against one of 10⁴; memory", threads,
            f"{worst:.2f} ×; {most / 1e6:.1f} MB", f"≤ {1 + SPREAD:g} ×; ≤ {MEMORY / 1e6:g} MB", all_good,
        )  # fmt: skip
    for size in sizes.values():
        size.close()
    print(f"\ntargets, at most {SPREAD:.0%} longer and {MEMORY / 1e6:g} MB from {REFERENCE} samples on: {'met' if met else 'not met'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
