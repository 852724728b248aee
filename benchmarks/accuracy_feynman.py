"""How accurate are networks that search_structure finds for the 120 formulas of the Feynman database, and how long does that take?

    .venv/bin/python benchmarks/accuracy_feynman.py [--seeds 10] [--problems 1:120] [--save rows.json] [--markdown]
    .venv/bin/python benchmarks/accuracy_feynman.py --choose

For each formula (get_feynman_dataset) 1000 training and 1000 test points, uniform in its ranges; the error is the root mean square on the
test points as a part of the standard deviation of their labels. One configuration for all formulas, the function's defaults. Target:
the median over the formulas at most 1e-4 with every seed, each formula in at most 3 s (median over the seeds) with two threads.

--choose prints the configurations among which the defaults were chosen: each is given four fifths of the training points of every third
formula, seed 100, and judged by the last fifth, on which nothing else depends. --save keeps the rows of several calls, each
for some of the seeds or formulas, in a file; --untimed leaves their seconds out, for a machine that has other things to do; --markdown
prints docs/accuracy.md's tables of all rows in the file.

What it must get right: test points have no say in anything; no formula is left out; what fails counts.
"""

import collections
import json
import pathlib
import statistics
import sys
import time

import numpy as np

from swiftkan import create_dataset, get_feynman_dataset, search_structure, set_num_threads
from swiftkan._feynman import _problems

import _accuracy
import _measure

CONFIGURATIONS = [
    {},
    {"grids": (4, 8, 16, 32)},
    {"k": 4},
    {"k": 5},
]
CHOICE_SEED = 100
TARGET, SECONDS = 1e-4, 3.0


def sample(number, seed):
    """The training and test points of formula `number`, and their labels."""
    symbols, _, f, ranges = get_feynman_dataset(number)
    return create_dataset(f, n_var=len(symbols), ranges=ranges, train_num=1000, test_num=1000, seed=seed)


def error(model, x, y):
    """Root mean square error / standard deviation; a prediction that is not finite is as bad as can be."""
    value = float(np.sqrt(np.mean((model(x) - y) ** 2)) / y.std())
    return value if np.isfinite(value) else np.inf


def row(number, seed, timed):
    data = sample(number, seed)
    began = time.perf_counter()
    search = search_structure((data["train_input"], data["train_label"]))
    seconds = time.perf_counter() - began
    reached = error(search.model, data["test_input"], data["test_label"])
    return {"error": reached, "seconds": seconds if timed else None, "structure": search.structure, "grid": search.model.grid}


def choose():
    """Prints the validation errors of all configurations."""
    print(f"configurations (every third formula, seed {CHOICE_SEED}, errors on a fifth of the training points)")
    for configuration in CONFIGURATIONS:
        errors, seconds = [], []
        for number in range(1, 121, 3):
            data = sample(number, CHOICE_SEED)
            x, y = data["train_input"], data["train_label"]
            began = time.process_time()
            search = search_structure((x[:800], y[:800]), **configuration)
            seconds.append(time.process_time() - began)
            errors.append(error(search.model, x[800:], y[800:]))
        mean = float(np.exp(np.mean(np.log(np.maximum(errors, 1e-12)))))
        good = sum(value <= TARGET for value in errors)
        print(
            f"  median {statistics.median(errors):.1e}  geometric mean {mean:.1e}  {good} of {len(errors)} at most {TARGET:g}  "
            f"processor time {statistics.median(seconds):.1f} s, most {max(seconds):.1f} s  {configuration or 'defaults'}", flush=True,
        )  # fmt: skip


def seconds_of(rows):
    """{number: [seconds of each timed search]} of the formulas that have any."""
    seconds = {}
    for (number, _), entry in rows.items():
        if entry["seconds"] is not None:
            seconds.setdefault(number, []).append(entry["seconds"])
    return seconds


def summary(rows, markdown):
    """Prints a line about each seed of {(number, seed): row}, and about seconds; whether the target is met."""
    met = True
    text = "| {} | {} | {} | {} of {} | {} |" if markdown else "seed {}: median {} (quartiles {}), {} of {} at most 1e-4, {} at most 1e-2"
    if markdown:
        print("| seed | median | quartiles | at most 1e-4 | at most 1e-2 |", "|---|---|---|---|---|", sep="\n")
    for seed in sorted({seed for _, seed in rows}):
        errors = [entry["error"] for (_, other), entry in rows.items() if other == seed]
        low, middle, high = _measure.quartiles(errors)
        good, fair = (sum(value <= limit for value in errors) for limit in (1e-4, 1e-2))
        met &= middle <= TARGET
        print(text.format(seed, f"{middle:.1e}", f"{low:.1e}, {high:.1e}", good, len(errors), fair))
    seconds = seconds_of(rows)
    if seconds:
        medians = [statistics.median(values) for values in seconds.values()]
        singles = [value for values in seconds.values() for value in values]
        met &= max(medians) <= SECONDS
        print(
            f"seconds of a formula, medians over the seeds: median {statistics.median(medians):.2f}, most {max(medians):.2f}; "
            f"single searches: most {max(singles):.2f}, {sum(value > SECONDS for value in singles)} of {len(singles)} above {SECONDS:g}"
        )
    return met


def table(rows, markdown):
    """One line a formula: its errors over the seeds, the structures found, most often the first, and seconds where there are any."""
    names = list(_problems())
    seconds = seconds_of(rows)
    text = "| {} | {} | {} | {} |" if markdown else "{:4} {:40} {:30} {:60}"
    text += (" {} |" if markdown else " {:>8}") if seconds else ""
    print(text.format("", "formula", "error: median (least … most)", "structure", "seconds"))
    if markdown:
        print("|---" * (5 if seconds else 4) + "|")
    for number in sorted({number for number, _ in rows}):
        entries = [entry for (other, _), entry in sorted(rows.items()) if other == number]
        errors = [entry["error"] for entry in entries]
        counts = collections.Counter(f"`{entry['structure']}`" if markdown else entry["structure"] for entry in entries).most_common()
        found = ", ".join(name if len(counts) == 1 else f"{name} {count}" for name, count in counts)
        shown = f"{statistics.median(seconds[number]):.2f}" if number in seconds else ""
        spread = f"{statistics.median(errors):.1e} ({min(errors):.1e} … {max(errors):.1e})"
        print(text.format(number, names[number - 1], spread, found, shown))


def main():
    options = _accuracy.options(
        __doc__.splitlines()[0], problems=dict(default="1:120", help="first:last"), save=dict(type=pathlib.Path),
        untimed=dict(action="store_true"), markdown=dict(action="store_true"), threads=dict(type=int, default=2),
    )  # fmt: skip
    print(_measure.machine())
    print(_measure.versions("swiftkan", "numpy", "sympy"))
    set_num_threads(options.threads)
    sample(1, 0)  # SymPy's import is not part of a search
    if options.choose:
        choose()
        return 0
    rows = {}
    if options.save and options.save.exists():
        rows = {tuple(entry["key"]): entry for entry in json.loads(options.save.read_text())}
    first, last = map(int, options.problems.split(":"))
    for seed in options.seeds:
        for number in range(first, last + 1):
            if (number, seed) not in rows:
                rows[number, seed] = row(number, seed, not options.untimed)
                if options.save:
                    options.save.write_text(json.dumps([{"key": key, **entry} for key, entry in rows.items()]))
    table(rows, options.markdown)
    print()
    met = summary(rows, options.markdown)
    print("target " + ("met" if met else "missed"))
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
