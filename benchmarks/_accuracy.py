"""What the accuracy benchmarks share: choosing a configuration without test data, and runs that become rows of a table.

What it must get right: a configuration is chosen by errors on data that is held out of the *training* data, from seeds that the
tables do not use; every configuration that was tried is printed with the figures that decided; tables are medians.
"""

import argparse
import statistics
import time

import numpy as np

from swiftkan import KAN, search_structure

CHOICE_SEEDS = (100, 101)  # of data and networks with which a configuration is chosen; tables use 0, 1, 2, …


def options(title, **more):
    """The command line that the benchmarks share."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--seeds", type=int, default=10, help="of data and networks")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--configuration", type=int, help="leave out the choice and take this one, counted from 0")
    parser.add_argument("--choose", action="store_true", help="choose a configuration and end")
    for name, values in more.items():
        parser.add_argument(f"--{name}", **values)
    options = parser.parse_args()
    options.seeds = range(options.first_seed, options.first_seed + options.seeds)
    return options


def describe(configuration):
    """'width=[2, 5, 1], grid=5; grids=[5, 10]': the arguments of KAN and those of fit."""
    return "; ".join(", ".join(f"{key}={value}" for key, value in part.items()) for part in configuration if part is not None)


def call(configuration):
    """'KAN(width=[2, 5, 1], grid=5).fit(grids=[5, 10])' or 'search_structure((x, y), k=4)'."""
    if configuration[0] is None:
        return ", ".join(filter(None, ["search_structure((x, y)", describe(configuration)])) + ")"
    return f"KAN({describe(configuration[:1])}).fit({describe(configuration[1:])})"


def train(x, y, seed, configuration):
    """A network of `configuration` = (arguments of KAN, arguments of fit), trained, and the seconds that took.

    (None, arguments) is a network that search_structure finds.
    """
    network, arguments = configuration
    began = time.perf_counter()
    if network is None:
        model = search_structure((x, y), seed=seed, **arguments).model
    else:
        model = KAN(**{"seed": seed, **network})
        model.fit((x, y), **arguments)
    return model, time.perf_counter() - began


def choose(configurations, problems, sample, error, given=None, seeds=CHOICE_SEEDS):
    """The configuration with the least validation error: the geometric mean over the problems of the medians over seeds.

    sample(problem, seed) gives training x and y; a fifth of them is held out and error(model, x, y) judges on it. `given`, the number of a
    configuration, leaves all that out.
    """
    if given is not None:
        return configurations[given]
    print(f"configurations tried (validation error: geometric mean over {len(problems)} functions of the medians over seeds {tuple(seeds)})")
    scores = []
    for configuration in configurations:
        medians, slowest = [], 0.0
        for problem in problems:
            errors, seconds = [], []
            for seed in seeds:
                x, y = sample(problem, seed)
                kept = len(x) * 4 // 5
                model, second = train(x[:kept], y[:kept], seed, configuration)
                errors.append(error(model, x[kept:], y[kept:]))
                seconds.append(second)
            medians.append(statistics.median(errors))
            slowest = max(slowest, statistics.median(seconds))
        scores.append(float(np.exp(np.mean(np.log(medians)))))
        print(f"  {len(scores) - 1:2}  {scores[-1]:9.2e}  {slowest:6.2f} s  {call(configuration)}", flush=True)
    print(f"chosen: {scores.index(min(scores))}")
    return configurations[scores.index(min(scores))]


def text(values):
    """'1.2e-06 (3.4e-07 … 5.6e-06)': median, least and most."""
    return f"{statistics.median(values):.2e} ({min(values):.1e} … {max(values):.1e})"
