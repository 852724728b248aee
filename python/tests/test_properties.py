"""What must hold for every network and all data: properties, tried on what Hypothesis thinks of."""

import copy
import pickle

import naive
import numpy as np
import pytest
from helpers import random_network, relative
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from swiftkan import KAN


@st.composite
def networks(draw, smooth=False):
    """Settings of any small network."""
    depth = draw(st.integers(1, 3))
    levels = [draw(st.integers(1, 3))]
    for _ in range(depth):
        n_sum, n_mult = draw(st.integers(0, 3)), draw(st.integers(0, 2))
        levels.append([n_sum or int(not n_mult), n_mult])
    arities = [[]] + [[draw(st.integers(1, 3)) for _ in range(level[1])] for level in levels[1:]]
    return dict(
        width=levels,
        grid=[draw(st.integers(1, 7)) for _ in range(depth)],
        k=[draw(st.integers(1 if smooth else 0, 5)) for _ in range(depth)],
        mult_arity=arities,
        base_fun=draw(st.sampled_from(["silu", "identity", "zero"])),
        grid_eps=draw(st.sampled_from([0.0, 0.02, 0.5, 1.0])),
        sparse_init=draw(st.booleans()),
    )


seeds = st.integers(0, 10_000)


def data(model, seed, n=30, spread=1.2):
    random = np.random.RandomState(seed)
    return (2 * random.rand(n, model.width_in[0]) - 1) * spread


@given(networks(), seeds)
def test_the_engine_computes_the_formulas(kind, seed):
    model = random_network(kind, seed)
    x = data(model, seed)
    output, inside = naive.forward(model, x)
    assert relative(model(x), output, floor=1e-6) <= 1e-11
    for l in range(model.depth):
        assert relative(model.acts[l + 1], inside["acts"][l + 1], floor=1e-6) <= 1e-11
        assert relative(model.spline_postacts[l], inside["spline_postacts"][l], floor=1e-6) <= 1e-11


@given(networks(smooth=True), seeds)
def test_a_direction_of_the_gradient(kind, seed):
    """Along a random direction in all parameters and inputs, the derivative is the gradient's product with it."""
    model = random_network(kind, seed)
    random = np.random.RandomState(seed)
    x = data(model, seed, n=7)
    v = random.randn(7, model.width_in[-1])
    gradients, grad_x = model.vjp(x, v)
    way = {name: random.randn(*gradient.shape) for name, gradient in gradients.items()}
    way_x = random.randn(*x.shape)
    expected = sum(float((way[name] * gradients[name]).sum()) for name in way) + float((way_x * grad_x).sum())
    size = (
        sum(float(np.abs(way[name] * gradients[name]).sum()) for name in way)
        + float(np.abs(way_x * grad_x).sum())
        + 1e-3
    )
    before = model.state_dict()
    errors = []
    for h in (1e-5, 1e-6, 1e-7):
        sides = []
        for sign in (1, -1):
            for name in way:
                model._views[name][...] = before[name] + sign * h * way[name]
            sides.append(float((v * model.predict(x + sign * h * way_x)).sum()))
        errors.append(abs((sides[0] - sides[1]) / (2 * h) - expected) / size)
    assert min(errors) <= 1e-6


@given(networks(), seeds)
def test_rows_are_independent(kind, seed):
    model = random_network(kind, seed)
    x = data(model, seed, n=45)
    together = model(x)
    assert all((model(row) == expected).all() for row, expected in zip(x, together))


@given(networks(), seeds)
def test_copies_are_the_same_function(kind, seed):
    model = random_network(kind, seed)
    x = data(model, seed)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), model.clone()):
        assert (twin(x) == model(x)).all()


@given(networks(smooth=True), seeds, st.integers(2, 4))
def test_nested_refinement_is_exact_where_the_samples_are(kind, seed, factor):
    model = random_network(kind, seed)
    x = data(model, seed, n=60)
    model.update_grid_from_samples(x)
    fine = model.refine([layer.num * factor for layer in model.act_fun], x)
    assert relative(fine(x), model(x), floor=1e-3) <= 1e-10


@given(networks(), seeds)
def test_a_second_grid_update_with_the_same_samples_changes_nothing(kind, seed):
    model = random_network(kind, seed)
    x = data(model, seed, n=200)
    model.update_grid_from_samples(x)
    once = model(x)
    model.update_grid_from_samples(x)
    scale = max(1.0, np.abs(once).max())
    assert np.abs(model(x) - once).max() <= 1e-6 * scale or any(layer.k == 0 for layer in model.act_fun)


@given(networks(), seeds)
def test_training_never_makes_it_worse(kind, seed):
    model = random_network(kind, seed, symbolic=False)
    x = data(model, seed, n=40)
    y = np.random.RandomState(seed).rand(40, model.width_in[-1])
    before = model.value_and_grad(x, y)[0]
    result = model.fit((x, y), steps=3, update_grid=False)
    assert result.status == "ok" and model.value_and_grad(x, y)[0] <= before * (1 + 1e-12)


numbers = npst.arrays(np.float64, st.tuples(st.integers(1, 30), st.just(2)), elements=st.floats(-1e6, 1e6, width=32))


@given(numbers, st.integers(0, 4), st.integers(1, 6), st.sampled_from([0.0, 0.02, 1.0]))
def test_any_finite_data_gives_finite_grids(x, k, grid, eps):
    """Repeated, constant, tiny and huge values alike."""
    model = KAN([2, 3, 1], grid=grid, k=k, grid_eps=eps)
    model.update_grid_from_samples(x)
    for layer in model.act_fun:
        assert np.isfinite(layer.grid).all() and np.isfinite(layer.coef).all()
        assert (np.diff(layer.grid) >= 0).all() and (layer.grid[:, -1] > layer.grid[:, 0]).all()
    assert np.isfinite(model(x)).all()
    assert np.isfinite(model.refine(2 * grid + 1, x)(x)).all()
    if len(x) > 1:
        value, gradients = model.value_and_grad(x, x[:, :1], lamb=0.1)
        assert np.isfinite(value) and all(np.isfinite(g).all() for g in gradients.values())


any_dtype = (
    npst.floating_dtypes(endianness="?")
    | npst.integer_dtypes(endianness="?")
    | npst.unsigned_integer_dtypes()
    | npst.boolean_dtypes()
)


@given(npst.arrays(any_dtype, npst.array_shapes(min_dims=1, max_dims=4, max_side=4)))
def test_any_array_is_understood_or_refused(x):
    model = KAN([2, 2, 1])
    with np.errstate(all="ignore"):
        if x.shape[-1] == 2:
            y = model(x)
            assert y.shape == x.shape[:-1] + (1,) and y.dtype == np.float64
            np.testing.assert_array_equal(y, model(x.astype(np.float64)))
        else:
            with pytest.raises(ValueError, match="x: "):
                model(x)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["float64", "float32"]))
def test_any_seed_gives_a_network(seed, dtype):
    model = KAN([2, 3, 1], seed=seed, dtype=dtype)
    assert (np.abs(model.act_fun[0].scale_base) <= 1 / np.sqrt(2) + 1e-6).all()
    assert np.isfinite(model.predict([[0.1, 0.2]])).all()
