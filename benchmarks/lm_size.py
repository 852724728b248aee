"""Up to how many samples and parameters is Levenberg-Marquardt practical?

    .venv/bin/python benchmarks/lm_size.py [--seconds 35] [--steps 100] [--threads N] [--only 1000000 …]

exp(sin πx₁ + mean of the other x²), x uniform in [-1, 1]^d, G = 5, k = 3, float64, fit(opt="LM") as it is: [2, 5, 1] with
10 000, 100 000 and 1 000 000 samples, and networks of 450, 1980 and 4950 parameters with 10 000. Each trains for `--seconds`, at most
`--steps` steps. Printed: the time of a step, the memory that fit takes at most beyond what there was with the data, and the error (root
mean square) on the training samples and on 10 000 others. `--only` takes cases by their number of samples or of parameters.

What it must get right: each case has a process of its own, which makes its data in place, so that the peak is the fit's; the step
after which the time is over is finished, so that no case is cut short in the middle of a step; the last case has at least 3.
"""

import argparse
import json
import subprocess
import sys
import time

import _measure
from memory import peak

CASES = [([2, 5, 1], 10**4), ([2, 5, 1], 10**5), ([2, 5, 1], 10**6), ([4, 10, 1], 10**4), ([10, 20, 1], 10**4), ([10, 50, 1], 10**4)]
GRID, DEGREE, OTHERS, LEAST = 5, 3, 10**4, 3


def parameters(width):
    """Coefficients and base scales, which are what is trained."""
    return sum(a * b for a, b in zip(width, width[1:])) * (GRID + DEGREE + 1)


def data(n, inputs, seed):
    import numpy as np

    rng, x, y = np.random.default_rng(seed), np.empty((n, inputs)), np.empty((n, 1))
    for begin in range(0, n, 10_000):  # in slices: no temporary of the size of the data
        part = slice(begin, begin + 10_000)
        x[part] = rng.uniform(-1, 1, x[part].shape)
        y[part] = np.exp(np.sin(np.pi * x[part, :1]) + (x[part, 1:] ** 2).mean(axis=1, keepdims=True))
    return x, y


def child(width, n, seconds, steps, threads):
    import numpy as np
    import swiftkan

    if threads:
        swiftkan.set_num_threads(threads)
    x, y = data(n, width[0], 0)
    others, wanted = data(OTHERS, width[0], 1)
    model = swiftkan.KAN(width=width, grid=GRID, k=DEGREE, seed=0)
    before, times = peak(), [time.perf_counter()]

    def watch(step):
        times.append(time.perf_counter())
        return times[-1] - times[0] > seconds and len(times) > LEAST

    result = model.fit((x, y), opt="LM", steps=steps, callbacks=watch)
    after = peak()
    error = float(np.sqrt(np.mean((model.predict(others) - wanted) ** 2)))
    answer = dict(
        steps=[end - begin for begin, end in zip(times, times[1:])], extra=after - before, data=x.nbytes + y.nbytes,
        train=float(result["train_loss"][-1]), test=error, threads=swiftkan.get_num_threads(), reason=result.reason,
    )  # fmt: skip
    print(json.dumps(answer))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=35, help="of training, a case")
    parser.add_argument("--steps", type=int, default=100, help="at most")
    parser.add_argument("--threads", type=int, default=0, help="0: swiftkan's own choice")
    parser.add_argument("--only", type=int, nargs="+", help="numbers of samples or parameters")
    parser.add_argument("--child", type=int, default=-1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child >= 0:
        return child(*CASES[options.child], options.seconds, options.steps, options.threads)
    print(_measure.machine())
    for number, (width, n) in enumerate(CASES):
        if options.only and n not in options.only and parameters(width) not in options.only:
            continue
        command = [sys.executable, __file__, f"--child={number}", f"--seconds={options.seconds}", f"--steps={options.steps}"]
        began, taken = time.perf_counter(), _measure.stolen()
        run = subprocess.run([*command, f"--threads={options.threads}"], check=True, stdout=subprocess.PIPE, text=True)
        r = json.loads(run.stdout.splitlines()[-1])
        if number == 0 or options.only:
            print(f"{_measure.versions('swiftkan', 'numpy')}; {r['threads']} thread(s)")
        stolen = (_measure.stolen() - taken) / (time.perf_counter() - began)
        print(
            f"{str(width):12} {parameters(width):5} parameters {n:8} samples: {len(r['steps'])} steps ({r['reason']}) in "
            f"{_measure.duration(sum(r['steps']))}, a step {_measure.spread(r['steps'])}, longest {_measure.duration(max(r['steps']))}; "
            f"{r['extra'] / 1e6:.0f} MB beyond {r['data'] / 1e6:.1f} MB of data; error {r['train']:.2g}, others {r['test']:.2g}"
            + (f"; the host took {stolen:.2f} processors" if stolen > 0.04 else ""),
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
