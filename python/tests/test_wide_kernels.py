"""Layers of many outputs: what the installed build computes with its widest vectors, against NumPy and against narrow layers.

What it must get right first: every way to find basis functions is met (tables of 16 and of 32 cells, polynomials cell by cell,
buckets) in both number types, and threads that share out inputs give the bits that one thread gives.
"""

import naive
import numpy as np
import pytest
from helpers import for_each_thread_count, relative

from swiftkan import KAN

TOLERANCE = {"float64": 1e-11, "float32": 2e-4}


def uneven(width, grid, k, dtype, n=300, seed=0):
    """A network whose knots follow uneven samples, and samples of which some lie outside."""
    random = np.random.RandomState(seed)
    model = KAN(width, grid=grid, k=k, seed=seed, dtype=dtype, noise_scale=1.0, grid_eps=0.3)
    model.update_grid_from_samples(random.randn(500, width[0]) ** 3 / 3)
    return model, 2 * random.randn(n, width[0]), random.randn(n, width[-1])


def outputs_axis(wide, narrow):
    """The axis along which arrays of networks with 20 and with 10 outputs differ, or None."""
    return next((a for a, sizes in enumerate(zip(wide.shape, narrow.shape)) if sizes[0] != sizes[1]), None)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("grid", [1, 5, 9, 10, 13, 25, 26, 70])
def test_values_and_gradients(grid, k, dtype):
    model, x, y = uneven([3, 20], grid, k, dtype)
    x = x.astype(dtype).astype(float)
    values = model(x)
    assert relative(values, naive.forward(model, x)[0]) < TOLERANCE[dtype]
    if grid + k > 32:  # such grids are wide with ten outputs, too
        return
    _, gradients = model.value_and_grad(x, y)
    pulls = 0.0
    for part in (np.arange(10), np.arange(10, 20)):
        narrow = KAN([3, 10], grid=grid, k=k, seed=0, dtype=dtype)
        state, own = narrow.state_dict(), model.state_dict()
        for name, value in state.items():
            axis = outputs_axis(own[name], value)
            value[...] = own[name] if axis is None else np.take(own[name], part, axis)
        narrow.load_state_dict(state)
        assert relative(values[:, part], narrow(x)) < TOLERANCE[dtype]
        pulls = pulls + narrow.vjp(x, y[:, part])[1]
        _, others = narrow.value_and_grad(x, y[:, part])
        for name, other in others.items():
            axis = outputs_axis(gradients[name], other)
            if axis is not None:  # the loss is a mean over twice as many outputs
                mine = 2 * np.take(gradients[name], part, axis)
                assert relative(mine, other, floor=1e-3) < 20 * TOLERANCE[dtype], name
    assert relative(model.vjp(x, y)[1], pulls) < 20 * TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("grid", [5, 20, 70])
def test_odd_inputs(grid, dtype):
    model, x, _ = uneven([2, 17], grid, 3, dtype)
    expected, odd = model(x), x.copy()
    odd[40, 1], odd[41, 1] = 1e30, -1e30
    values = model(odd)
    others = np.delete(np.arange(len(x)), [40, 41])
    assert np.array_equal(values[others], expected[others]) and np.all(np.isfinite(values))
    # Exactly on knots, the first and the last among them.
    knots = np.asarray(model.act_fun[0].grid, float)
    assert relative(model(knots.T), naive.forward(model, knots.T)[0]) < TOLERANCE[dtype]


def test_a_nan_does_not_stay():
    """NaN in one layer, no grid in the next: what they leave in the engine's memory must not reach later calls."""
    model, x, y = uneven([3, 17, 17], 5, 3, "float64", n=100)
    before = model.value_and_grad(x, y, lamb=0.1)[1]
    knots, scale = model.act_fun[1].grid.copy(), model.act_fun[0].scale_base.copy()
    model.act_fun[1].grid[:, -1] = np.inf
    model.act_fun[0].scale_base[...] = np.nan
    try:
        model.value_and_grad(x, y, lamb=0.1)
    except ValueError:
        pass
    model.act_fun[1].grid[...], model.act_fun[0].scale_base[...] = knots, scale
    after = model.value_and_grad(x, y, lamb=0.1)[1]
    for name, gradient in before.items():
        assert np.array_equal(gradient, after[name]), name


def holed(dtype, hidden=20):
    """A wide first layer with masked inputs, a symbolic edge in it and a product after it."""
    model = KAN([200, [hidden, 2], 3], grid=4, seed=1, dtype=dtype, noise_scale=1.0)
    for i in [*range(30), 77, 199]:
        for o in range(hidden + 4):
            model.act_fun[0].mask[i, o] = 0.0
    model.fix_symbolic(0, 60, 2, "sin", fit_params_bool=False)
    return model


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("hidden", [20, 170])  # weights of 0.3 MB and 2.5 MB in float64: those are folded where they are used
@pytest.mark.parametrize("n", [1, 5, 33, 64, 200, 256, 257])
def test_inputs_shared_out_change_no_bit(n, hidden, dtype):
    random = np.random.RandomState(n)
    x, y = 1.2 * random.randn(1000, 200), random.randn(n, 3)
    whole = holed(dtype, hidden)(x)

    def results():
        model = holed(dtype, hidden)
        value, gradients = model.value_and_grad(x[:n], y)
        return {"values": model(x[:n]), "compiled": model.compile()(x[:n]), "value": np.array(value), **gradients}

    first, *others = for_each_thread_count(results)
    for out in (first, *others):
        assert np.array_equal(out["values"], whole[:n]) and np.array_equal(out["compiled"], whole[:n])
        for name, value in out.items():
            assert value.tobytes() == first[name].tobytes(), name
