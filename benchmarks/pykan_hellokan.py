"""How often does pykan's own sequence, from data to formula, find exp(sin πx₁ + x₂²)?

Records pykan's side once (it takes most of a minute a seed), for the symbolic benchmark to compare with:

    python benchmarks/_peers.py                                           # once: pykan and torch in .venv-peers/
    .venv-peers/bin/python benchmarks/pykan_hellokan.py [--seeds 20] [--minutes 20]

What it must get right: pykan unmodified, with the arguments of its hellokan notebook; one thread, float64; the file
says which seeds ran and what failed. It is written after every seed, so that stopping early loses nothing.
"""

import argparse
import contextlib
import io
import json
import os
import pathlib
import platform
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")
import torch
from kan import KAN, create_dataset

import _measure

LIB = ["x", "x^2", "x^3", "x^4", "exp", "log", "sqrt", "tanh", "sin", "abs"]
FOUND = 1e-8  # the test RMSE below which the formula is found
OUT = pathlib.Path(__file__).parent / "data" / "pykan_hellokan.json"


def target(x):
    return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)


def hellokan(seed):
    """One seed's sequence: RMSE, seconds and width after each stage."""
    stages, began = {}, time.perf_counter()

    def note(stage, model, result=None):
        nonlocal began
        entry = {"seconds": round(time.perf_counter() - began, 3), "width": [sum(pair) for pair in model.width]}
        if result is not None:
            entry.update(train_rmse=float(result["train_loss"][-1]), test_rmse=float(result["test_loss"][-1]))
        stages[stage] = entry
        began = time.perf_counter()

    record = {"seed": seed, "stages": stages}
    try:
        dataset = create_dataset(target, n_var=2, seed=0)
        model = KAN(width=[2, 5, 1], grid=3, k=3, seed=seed)
        began = time.perf_counter()
        note("fit", model, model.fit(dataset, opt="LBFGS", steps=50, lamb=0.001))
        model = model.prune()
        note("prune", model)
        note("fit_pruned", model, model.fit(dataset, opt="LBFGS", steps=50))
        model = model.refine(10)
        note("refine", model)
        note("fit_refined", model, model.fit(dataset, opt="LBFGS", steps=50))
        model.auto_symbolic(lib=LIB)
        functions = [layer.funs_name for layer in model.symbolic_fun]
        note("auto_symbolic", model)
        result = model.fit(dataset, opt="LBFGS", steps=50)
        note("fit_symbolic", model, result)
        record.update(functions=functions, test_rmse=float(result["test_loss"][-1]))
        record["found"] = record["test_rmse"] <= FOUND
    except Exception as error:
        record.update(found=False, error=f"{type(error).__name__}: {error}"[:300])
    record["seconds"] = round(sum(stage["seconds"] for stage in stages.values()), 2)
    return record


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="seeds 0 … n - 1")
    parser.add_argument("--minutes", type=float, default=20.0, help="start no seed after so many minutes")
    parser.add_argument("--note", default="", help="what a reader of the file should know about this run")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    began, records = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as folder:  # pykan writes checkpoints and history there
        os.chdir(folder)
        for seed in range(options.seeds):
            if time.perf_counter() - began > 60 * options.minutes:
                break
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                records.append(hellokan(seed))
            print(seed, records[-1]["found"], records[-1].get("test_rmse"), records[-1]["seconds"], flush=True)
            versions = {"pykan": "0.2.8", "torch": torch.__version__, "python": platform.python_version()}
            summary = dict(
                question="does pykan's hellokan sequence find the formula", note=options.note,
                machine=_measure.machine(), threads=1, dtype="float64", versions=versions, lib=LIB,
                found_below_test_rmse=FOUND, seeds_run=len(records), found=sum(r["found"] for r in records),
                runs=records,
            )  # fmt: skip
            OUT.parent.mkdir(exist_ok=True)
            OUT.write_text(json.dumps(summary, indent=1) + "\n")
        os.chdir(OUT.parent)


if __name__ == "__main__":
    main()
