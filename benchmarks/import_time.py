"""How long does `import swiftkan` take beyond `import numpy`?

    .venv/bin/python benchmarks/import_time.py [--starts 21]

What it must get right: every figure is from a new interpreter, with compiled files in place; swiftkan's share is
measured inside the interpreter after NumPy is there, and checked against the whole life of two interpreters, one
that imports both and one that imports NumPy. Target: at most 60 ms.
"""

import argparse
import os
import subprocess
import sys
import time

import _measure
import _table

TARGET = 0.060
INSIDE = "import numpy, time; t = time.perf_counter(); import swiftkan; print(time.perf_counter() - t)"


def inside():
    """Seconds of the import statement, NumPy being imported."""
    run = subprocess.run([sys.executable, "-c", INSIDE], check=True, stdout=subprocess.PIPE, text=True)
    return float(run.stdout)


def whole(statement):
    """Seconds from starting an interpreter to its end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=21, help="interpreter starts of each kind")
    options = parser.parse_args()
    if options.starts < 15:
        parser.error("--starts: at least 15, for a median that means something")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # it would have every start compile the modules anew
    subprocess.run([sys.executable, "-c", "import swiftkan"], check=True)  # compiles, fills the disk's cache
    results = _measure.rounds(
        {
            "inside": inside,
            "numpy": lambda: whole("import numpy"),
            "both": lambda: whole("import numpy, swiftkan"),
        },
        options.starts,
    )
    differences = [both - numpy for both, numpy in zip(results["both"], results["numpy"])]
    low, middle, high = (value * 1e3 for value in _measure.quartiles(differences))
    print(_measure.machine())
    print(f"{_measure.versions('swiftkan', 'numpy')}; {options.starts} starts of each kind")
    print(f"import swiftkan after NumPy       {_measure.spread(results['inside'])}")
    print(f"interpreter that imports NumPy    {_measure.spread(results['numpy'])}")
    print(f"interpreter that imports both     {_measure.spread(results['both'])}")
    print(f"difference of the last two        {middle:.3g} ms ({low:.3g} … {high:.3g})")
    met = _measure.quartiles(results["inside"])[1] <= TARGET
    middle = _measure.duration(_measure.quartiles(results["inside"])[1])
    _table.limited("`import swiftkan` after NumPy", 1, middle, f"≤ {_measure.duration(TARGET)}", met)
    print(f"target, at most {TARGET * 1e3:g} ms: {'met' if met else 'not met'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
