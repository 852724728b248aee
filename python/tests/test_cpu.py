"""The builds for different instruction sets: each computes the same, to rounding, and none is loaded that the processor cannot run.

Run as a program, ``test_cpu.py FILE``, it writes what the build at hand computes into FILE.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
from helpers import NETWORKS, random_network, relative, samples

import swiftkan
from swiftkan import _cpu

# Layers of many outputs, or of fine grids, have kernels of their own, for 1 … 4 vectors of outputs and each k.
WIDE = {f"{outputs} outputs, k={k}": dict(width=[5, outputs, 1], grid=4, k=k)
        for outputs, k in ((16, 1), (24, 2), (33, 3), (64, 3), (31, 4), (50, 5))} | {
    "a fine grid": dict(width=[3, 4, 1], grid=80),
    "a fine grid of k=5": dict(width=[3, 20, 1], grid=70, k=5),
}  # fmt: skip
TOLERANCE = {"float64": 1e-11, "float32": 1e-3}


def results():
    """What every kernel computes, by name."""
    found = {}
    for dtype in TOLERANCE:
        for kind, settings in {**NETWORKS, **WIDE}.items():
            # Cells of k = 0 have jumps, which a rounding error may or may not cross after the first layer.
            if 0 in np.atleast_1d(settings.get("k", 3)):
                continue
            model = random_network(settings, dtype=dtype, symbolic=kind not in WIDE)
            x, y = samples(model, n=200)
            found[f"{dtype}, {kind}: predictions"] = model(x)
            value, gradients = model.value_and_grad(x, y, lamb=0.01)
            found[f"{dtype}, {kind}: objective"] = np.array([value])
            found[f"{dtype}, {kind}: gradient"] = np.concatenate([g.ravel() for g in gradients.values()])
            found[f"{dtype}, {kind}: gradient of x"] = model.vjp(x, y)[1]
            model.get_act(x)
            found[f"{dtype}, {kind}: scales of edges"] = np.concatenate([s.ravel() for s in model.edge_actscale])
    model = random_network(dict(width=[2, 3, 1], grid=5), symbolic=False)
    x, y = samples(model, n=300, spread=1.0)
    found["float64, ∂output/∂parameter"] = model.parameter_jacobian(x)
    for opt in ("LM", "LBFGS", "SSBroyden", "Adam", "NewtonKaczmarz"):
        twin = model.clone()
        # Newton-Kaczmarz goes from sample to sample, and rounding errors grow with each.
        n = 5 if opt == "NewtonKaczmarz" else len(x)
        twin.fit((x[:n], y[:n]), opt=opt, steps=1, verbose=0)
        found[f"float64, a step of {opt}"] = twin(x)
    found["float64, another grid"] = model.refine(7, x)(x)
    found["float64, a finer grid"] = model.refine(10, x)(x)
    return found


def of_build(build, folder):
    """The results of another build, in a process of its own; an emulator does not reach into it."""
    file = str(folder / f"{build}.npz")
    environment = {**os.environ, "SWIFTKAN_CPU": build, "PYTHONPATH": os.path.dirname(os.path.dirname(swiftkan.__file__))}
    subprocess.run([sys.executable, "-W", "ignore", __file__, file], check=True, env=environment)
    with np.load(file) as stored:
        found = dict(stored)
    assert str(found.pop("build")) == build
    return found


@pytest.mark.filterwarnings("ignore")
def test_builds_agree_to_rounding(tmp_path):
    info = swiftkan.cpu_info()
    builds = [name for number, name in _cpu.NAMES.items() if name in info["builds"] and number <= info["level"]]
    if not builds:
        pytest.skip(f"this installation has the build {info['build']} only")
    here = results()
    assert len(here) > 150
    for build in builds:
        values = of_build(build, tmp_path)
        assert values.keys() == here.keys()
        errors = {name: relative(values[name], here[name]) for name in here}
        wrong = {name: error for name, error in errors.items() if not error <= TOLERANCE[name.split(",")[0]]}
        assert not wrong, f"{build} against {info['build']}: {wrong}"
        # Later builds fuse multiplications and additions: the same bits throughout would mean that one build ran twice.
        assert build == info["build"] or any(errors.values())


ALL = [2, 3, 4]


@pytest.mark.parametrize("level, available, wanted, chosen", [
    (2, ALL, None, 2), (3, ALL, None, 3), (4, ALL, None, 4), (5, ALL, None, 4), (4, [2, 3], None, 3),
    (4, ALL, "x86-64-v2", 2), (4, ALL, "x86-64-v3", 3), (4, ALL, "v3", 3), (3, ALL, "", 3),
])  # fmt: skip
def test_the_best_build_or_the_one_asked_for(level, available, wanted, chosen):
    assert _cpu._choose(level, available, wanted)[0] == chosen


@pytest.mark.parametrize("level, available, wanted, message", [
    (2, ALL, "x86-64-v3", "SWIFTKAN_CPU: is 'x86-64-v3', but this processor has level 2 only"),
    (3, ALL, "v4", "level 3 only"),
    (4, [2, 3], "x86-64-v4", "was not built for it"),
    (4, ALL, "haswell", "must be one of x86-64-v2, x86-64-v3, x86-64-v4"),
])  # fmt: skip
def test_no_build_that_the_processor_cannot_run(level, available, wanted, message):
    with pytest.raises(ImportError, match=message):
        _cpu._choose(level, available, wanted)


if __name__ == "__main__":
    np.savez(sys.argv[1], build=swiftkan.cpu_info()["build"], **results())
