"""swiftkan against what pykan 0.2.8 computed (reference/*.npz, written by reference/make_reference.py with torch,
float64).

What it must show: the same network from the same seed, the same numbers forward and backward, the same grids, the
same Adam; and L-BFGS that begins as pykan's and ends at least as well.
"""

import functools
import json
import pathlib

import numpy as np
import pytest
from helpers import relative

from swiftkan import KAN

FOLDER = pathlib.Path(__file__).parent / "reference"
NAMES = ("hello_2_5_1", "two_outputs_k2", "mult_3_2_2_1", "range_eps")


@functools.cache
def reference(name):
    with np.load(FOLDER / f"{name}.npz") as file:
        arrays = {key: file[key] for key in file.files}
    return json.loads(str(arrays["meta"])), arrays


def section(arrays, prefix):
    found = {key[len(prefix) + 1 :]: value for key, value in arrays.items() if key.startswith(prefix + "/")}
    assert found, prefix
    return found


def fresh(name, **more):
    meta, _ = reference(name)
    known = ("width", "grid", "k", "seed", "grid_eps", "grid_range", "scale_base_mu", "scale_base_sigma", "noise_scale")
    return KAN(**{key: meta[key] for key in known if key in meta}, **more)


def dataset(name):
    return section(reference(name)[1], "data")


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_gives_pykans_network(name):
    state, theirs = fresh(name).state_dict(), section(reference(name)[1], "init")
    assert list(state) == list(theirs)
    for block, value in theirs.items():
        assert state[block].shape == value.shape
        assert np.abs(state[block] - value).max() <= 1e-14, block


@pytest.mark.parametrize("name", NAMES)
def test_float32_is_the_same_network_to_rounding(name):
    """Torch draws two numbers for a float64 value, one for a float32: only what is not random agrees."""
    state, theirs = fresh(name, dtype="float32").state_dict(), section(reference(name)[1], "init")
    for block, value in theirs.items():
        assert state[block].dtype == np.float32
        if not block.endswith(("coef", "scale_base")):
            assert np.abs(state[block] - value).max() <= 3e-7, block


@pytest.mark.parametrize("name", NAMES)
def test_forward(name):
    _, arrays = reference(name)
    model = fresh(name)
    x, y = dataset(name)["train_input"], dataset(name)["train_label"]
    output = model(x)
    assert relative(output, arrays["forward/output"]) <= 1e-12
    for l in range(model.depth):
        assert relative(model.acts[l], arrays[f"forward/acts_{l}"]) <= 1e-12
        assert relative(model.spline_postacts[l], arrays[f"forward/postacts_{l}"]) <= 1e-12
        assert relative(model.edge_actscale[l], arrays[f"forward/edge_actscale_{l}"]) <= 1e-12
    loss, _ = model.value_and_grad(x, y)
    assert relative(loss, arrays["forward/mse"]) <= 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_every_gradient(name):
    theirs = section(reference(name)[1], "grad")
    x, y = dataset(name)["train_input"], dataset(name)["train_label"]
    model = fresh(name)
    _, ours = model.value_and_grad(x, y)
    output = model(x)
    by_vjp, _ = model.vjp(x, 2 * (output - y) / y.size)
    for block, value in theirs.items():
        assert relative(ours[block], value, floor=1e-6) <= 1e-10, block
        assert relative(by_vjp[block], value, floor=1e-6) <= 1e-10, block


@pytest.mark.parametrize("name", NAMES)
def test_regularisation(name):
    model = fresh(name)
    model.get_act(dataset(name)["train_input"])
    for metric, value in section(reference(name)[1], "reg").items():
        assert relative(model.get_reg(metric, 1.0, 2.0, 0.1, 0.2), value) <= 1e-10, metric


@pytest.mark.parametrize("name", NAMES)
def test_grid_update(name):
    _, arrays = reference(name)
    model, x = fresh(name), dataset(name)["train_input"]
    model.update_grid_from_samples(x)
    assert relative(model(x), arrays["after_grid_update_output"]) <= 1e-9
    for block, value in section(arrays, "after_grid_update").items():
        if block.endswith("grid"):
            assert relative(model.state_dict()[block], value) <= 1e-9, block


@pytest.mark.parametrize("name", NAMES)
def test_refine(name):
    meta, arrays = reference(name)
    model, x = fresh(name), dataset(name)["train_input"]
    model.get_act(x)
    refined = model.refine(2 * meta["grid"])
    assert relative(refined(x), arrays["after_refine_output"]) <= 1e-9
    for block, value in section(arrays, "after_refine").items():
        if block.endswith("grid"):
            assert relative(refined.state_dict()[block], value) <= 1e-12, block


@pytest.mark.parametrize("name", NAMES)
def test_adam_step_by_step(name):
    meta, arrays = reference(name)
    model = fresh(name)
    result = model.fit(dataset(name), **meta["adam"])
    assert len(result["train_loss"]) == 25
    assert relative(result["train_loss"], arrays["adam/train_loss"]) <= 1e-8
    assert relative(result["test_loss"], arrays["adam/test_loss"]) <= 1e-8
    for block, value in section(arrays, "adam").items():
        if not block.endswith("loss") and block != "reg":
            assert relative(model.state_dict()[block], value, floor=1e-3) <= 1e-6, block


@pytest.mark.parametrize("name", NAMES)
def test_one_step_of_lbfgs(name):
    meta, arrays = reference(name)
    model = fresh(name)
    model.fit(dataset(name), **meta["lbfgs_1"])
    state = model.state_dict()
    for block, value in section(arrays, "lbfgs_1").items():
        if block in state:
            assert relative(state[block], value, floor=1.0) <= 1e-6, block


@pytest.mark.parametrize("name", NAMES)
def test_lbfgs_ends_as_well(name):
    """Rounding alone moves the end by some 10 %; pykan records the last trial, swiftkan the accepted point."""
    meta, arrays = reference(name)
    result = fresh(name).fit(dataset(name), **meta["lbfgs"])
    assert len(result["train_loss"]) == 8
    assert result["train_loss"][-1] <= 1.25 * arrays["lbfgs/train_loss"][-1]


@pytest.mark.parametrize("name", NAMES)
def test_lbfgs_with_grid_updates_and_regularisation(name):
    """Training ends no worse than 1.5 × pykan's: error and objective, the median of eight starts that differ by rounding; and so
    does the error of most: of range_eps, 12 of 296 ended beyond that, the worst at 1.85 ×.

    Rounding decides where training ends: runs of pykan's on range_eps whose inputs differ by 1e-13 end at errors from 2.1 to 4.9,
    and the recorded one (2.4) is among the luckier.
    """
    meta, arrays = reference(name)
    lamb = meta["lbfgs_grid_reg"]["lamb"]

    def end(run):
        error = run["train_loss"][-1]
        return error, error**2 + lamb * run["reg"][-1]

    theirs = end(section(arrays, "lbfgs_grid_reg"))
    ends = []
    for start in range(8):
        data = dict(dataset(name))
        noise = np.random.RandomState(start).uniform(-1, 1, data["train_input"].shape)
        data["train_input"] = data["train_input"] * (1 + (0 if start == 0 else 1e-13 * 2**start) * noise)
        ends.append(np.divide(end(fresh(name).fit(data, **meta["lbfgs_grid_reg"])), theirs))
    assert (np.median(ends, axis=0) <= 1.5).all()
    errors = np.sort([error for error, _ in ends])
    assert errors[-3] <= 1.5 and errors[-1] <= 2
