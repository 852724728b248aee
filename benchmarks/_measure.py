"""What every benchmark shares: the clock, medians and quartiles, ratios, and the line that names the machine.

What it must get right: contestants alternate round by round, so that a slow minute of the machine hurts all of them;
a figure is a median with its quartiles, never the best run; a ratio is the median of the rounds' own ratios; rounds are left out by
what a virtual machine's host took of the processors, never by what they measured.
NumPy is not imported here: peers' interpreters and start-up measurements use this file too.
"""

import importlib.metadata
import os
import platform
import statistics
import time


def machine():
    """One line: processor, cores this process may use, memory, operating system, Python."""
    model, memory = platform.processor() or platform.machine(), ""
    try:
        with open("/proc/cpuinfo") as file:
            model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), model)
        memory = f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except OSError:
        pass  # not Linux: the processor's short name will do
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} cores{memory}, {platform.system()}, Python {platform.python_version()}"


def versions(*packages):
    """'numpy 2.4.0, swiftkan 0.1.0': the installed versions."""
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)


def seconds(function, calls=1):
    """The time of one call, from `calls` of them in a row."""
    began = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - began) / calls


def evaluations(model, x, y):
    """What users ask of a network at samples, by name: functions without arguments."""
    return {
        "predict": lambda: model.predict(x),
        "value_and_grad": lambda: model.value_and_grad(x, y),
        "with lamb": lambda: model.value_and_grad(x, y, lamb=1e-3),
    }


def calls_for(function, target=0.05):
    """How often to call `function` so that a measurement takes about `target` seconds; warms up on the way."""
    function()
    return max(1, round(target / max(seconds(function, 3), 1e-9)))


def rounds(contestants, count, spare=0):
    """{name: [result of each round]} of calling {name: function}, `count` rounds, the order turned round each time.

    Before each there is a rest: threads of BLAS and OpenMP spin on for some milliseconds after their last call, on a processor that
    the next contestant needs. A virtual machine's host may take its processors away for a while: of count + spare rounds those are
    kept in which that was least, whatever they measured, and what was taken in them is printed if it is more than a fiftieth.
    """
    names, measured = list(contestants), []
    for number in range(count + spare):
        began, taken, result = time.perf_counter(), stolen(), {}
        for name in names if number % 2 == 0 else reversed(names):
            time.sleep(0.1)
            result[name] = contestants[name]()
        measured.append(((stolen() - taken) / ((time.perf_counter() - began) * (os.cpu_count() or 1)), number, result))
    quiet = [sorted(measured[first::2], key=lambda round: round[:2]) for first in (0, 1)]  # as many of either order
    kept = quiet[0][: (count + 1) // 2] + quiet[1][: count // 2]
    if spare:
        print(f"  of {count + spare} rounds the {count} with the least time taken by the host")
    share = statistics.mean(taken for taken, *_ in kept)
    if share > 0.02:
        print(f"  the host took {100 * share:.0f} % of the processors' time")
    return {name: [result[name] for *_, result in kept] for name in names}


def stolen():
    """Seconds that a virtual machine's processors have waited for their host (Linux), all together; 0 where nobody counts them."""
    try:
        with open("/proc/stat") as file:
            return int(file.readline().split()[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0.0


def quartiles(values):
    """(lower quartile, median, upper quartile)."""
    if len(values) < 2:
        return (values[0],) * 3
    return tuple(statistics.quantiles(values, n=4, method="inclusive"))


def duration(value):
    """1.23 s, 45.6 ms, 789 µs."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def spread(values):
    """A median with its quartiles, for printing."""
    low, middle, high = quartiles(values)
    return f"{duration(middle)} ({duration(low)} … {duration(high)})"


def ratio(slow, fast):
    """(lower quartile, median, upper quartile) of slow/fast, round by round."""
    return quartiles([a / b for a, b in zip(slow, fast)])
