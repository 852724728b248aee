"""Grids: the function is kept, nothing is shared, and no data is too poor.

What it must show: a nested refinement is exact to 1e-12; features that are constant, binary or rare give minimum-norm
splines and no NaN; a refined model and its parent are two models.
"""

import numpy as np
import pytest
from helpers import NETWORKS, random_network, relative, samples

from swiftkan import KAN


def interior(layer):
    return layer.grid[:, layer.k : layer.grid.shape[1] - layer.k]


def covered(kind, n=300, seed=0):
    """A network and samples within its grids in every layer: beyond the ends, splines run out with the knots."""
    model = random_network(NETWORKS[kind], seed=seed)
    x, _ = samples(model, n=n)
    model.update_grid_from_samples(x)
    model.get_act(x)
    for layer, acts in zip(model.act_fun, model.acts):
        inside = interior(layer)
        assert (inside[:, 0] <= acts.min(axis=0) + 1e-9).all() and (acts.max(axis=0) <= inside[:, -1] + 1e-9).all()
    return model, x


@pytest.mark.parametrize("factor", [2, 3, 5])
@pytest.mark.parametrize("kind", [kind for kind in NETWORKS if kind != "k=0"])
def test_nested_refinement_keeps_the_function(kind, factor):
    model, x = covered(kind)
    grid = [layer.num * factor for layer in model.act_fun]
    fine = model.refine(grid, x)
    assert [layer.num for layer in fine.act_fun] == grid and fine.grid == grid
    assert relative(fine(x), model(x)) <= 1e-12


def test_nested_refinement_of_steps():
    """k = 0: exact wherever x is not on a knot."""
    model = random_network(NETWORKS["k=0"])
    x, _ = samples(model, n=300)
    model.get_act(x)
    inside = (np.abs(x) < 1.5).all(axis=1) & (np.abs(model.acts[1]) < 1.5).all(axis=1)
    assert inside.sum() > 50
    assert relative(model.refine(8, x)(x[inside]), model(x[inside])) <= 1e-12


def test_nested_refinement_needs_no_dense_data():
    """Two samples cannot determine a spline, knot insertion can."""
    model, x = covered("plain")
    fine = model.refine(8, x[:2])
    assert relative(fine(x), model(x)) <= 1e-12


def test_refinement_after_training_keeps_what_was_learnt():
    x = np.random.RandomState(0).rand(400, 2) * 2 - 1
    y = np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2)
    model = KAN([2, 5, 1], grid=3)
    before = model.fit((x, y), steps=20)["train_loss"][-1]
    fine = model.refine(10)
    after = np.sqrt(np.mean((fine(x) - y) ** 2))
    assert after == pytest.approx(before, rel=0.3)
    assert fine.fit((x, y), steps=20)["train_loss"][-1] < before


@pytest.mark.parametrize("grid", [21, 30, 40, 60])
def test_refinement_makes_nothing_of_what_samples_hardly_determine(grid):
    """Hidden nodes outside their grid, after few steps: fits with coefficients of 1e9 met the samples, and gave layers on top another function."""
    x = np.random.default_rng(35).uniform(-1, 1, (200, 5))
    y = (np.sin(2 * x[:, 0]) + x[:, 1] ** 2)[:, None]
    model = KAN([5, 20, 16, 1], grid=20, k=3, seed=35)
    model.fit((x, y), opt="LBFGS", steps=3)
    fine = model.refine(grid)
    assert relative(fine(x), model(x)) <= 1
    assert fine.evaluate((x, y))["test_loss"] <= 10 * model.evaluate((x, y))["test_loss"]
    assert max(np.abs(layer.coef).max() for layer in fine.act_fun) <= 100


def test_refinement_uses_the_training_data_never_the_test_data():
    """On other knots the fit is at the samples: those of training are what decides."""
    random = np.random.RandomState(0)
    x, far = random.rand(200, 1), 5 + random.rand(200, 1)
    with_test, without = KAN([1, 1], grid=3), KAN([1, 1], grid=3)
    with_test.fit((x, np.sin(9 * x), far, np.sin(9 * far)), steps=5)
    without.fit((x, np.sin(9 * x)), steps=5)
    with_test(far)  # nor what it is asked afterwards
    a, b = with_test.refine(7), without.refine(7)
    assert all((value == b.state_dict()[name]).all() for name, value in a.state_dict().items())


def test_parent_and_child_share_nothing():
    x, y = samples(KAN([2, 3, 1]), n=100)
    parent = KAN([2, [2, 1], 1], symbolic_enabled=True)
    before, width = parent.state_dict(), parent.width
    child = parent.refine(6, x)
    for values in child.get_params():
        assert not any(np.shares_memory(values, other) for other in parent.get_params())
    child.fit((x, y), steps=3)
    child.symbolic_fun[0].set_function(0, 0, "sin")
    child.width[1][0] = 99
    assert all((before[name] == value).all() for name, value in parent.state_dict().items())
    assert parent.symbolic_fun[0].funs_name[0][0] == "0" and parent.width == width


def test_a_child_inherits_the_settings():
    parent = KAN([2, [2, 1], 1], grid=4, k=2, mult_arity=3, base_fun="identity", affine_trainable=True, grid_eps=0.5,
                 sp_trainable=False, sb_trainable=False, symbolic_enabled=False, seed=7, dtype="float32")  # fmt: skip
    parent.input_id = [3, 0]
    parent.sb_trainable = True
    child = parent.refine([8, 4], np.random.RandomState(0).rand(50, 4))
    for name in ("width", "k", "mult_arity", "base_fun", "affine_trainable", "grid_eps", "sp_trainable", "sb_trainable",
                 "symbolic_enabled", "seed", "dtype", "input_width"):  # fmt: skip
        assert getattr(child, name) == getattr(parent, name), name
    assert child.grid == [8, 4] and child.input_id.tolist() == [3, 0] and child.cache_data.shape == (50, 4)
    assert child.refine(16).grid == 16


# ---- Grids from samples ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("eps", [0.0, 0.02, 0.5, 1.0])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_knots_from_samples(eps, k):
    """grid_eps·uniform + (1 - grid_eps)·quantiles (pykan's KANLayer.py), extended by the mean step."""
    x = np.random.RandomState(0).randn(500, 2)
    model = KAN([2, 1], grid=5, k=k, grid_eps=eps)
    model.update_grid_from_samples(x)
    xs = np.sort(x, axis=0)
    quantiles = xs[[int(500 / 5 * i) for i in range(5)] + [-1]].T
    uniform = np.linspace(quantiles[:, 0], quantiles[:, -1], 6, axis=1)
    np.testing.assert_allclose(interior(model.act_fun[0]), eps * uniform + (1 - eps) * quantiles, atol=1e-12)
    step = (quantiles[:, -1] - quantiles[:, 0]) / 5
    for e in range(1, k + 1):
        np.testing.assert_allclose(model.act_fun[0].grid[:, k - e], quantiles[:, 0] - e * step, atol=1e-12)
        np.testing.assert_allclose(model.act_fun[0].grid[:, 5 + k + e], quantiles[:, -1] + e * step, atol=1e-12)


def test_a_function_in_the_new_space_is_kept():
    """A cubic is a spline on any grid: moving the knots must not move it."""
    model = KAN([1, 1], grid=5, k=3, grid_range=(-1, 1))
    x = np.linspace(-1, 1, 400)[:, None]
    model.fit((x, x**3 - x), steps=20, update_grid=False)
    before = model(x)
    model.update_grid_from_samples(np.sort(np.random.RandomState(0).rand(400, 1) * 2 - 1, axis=0))
    inner = np.abs(x[:, 0]) < 0.99
    assert np.abs(model(x) - before)[inner].max() < 1e-3
    model.update_grid(x)
    assert np.abs(model(x) - before).max() < 1e-3


def test_update_grid_by_default_uses_what_is_remembered():
    x = np.linspace(-3, 7, 50)[:, None]
    model = KAN([1, 1], grid=4)
    model.get_act(x)
    model.update_grid()
    assert interior(model.act_fun[0])[0, [0, -1]].tolist() == pytest.approx([-3, 7])


def poor(kind, n, random):
    x = random.rand(n, 3) * 2 - 1
    x[:, 1] = {
        "constant": np.full(n, 0.3),
        "zero": np.zeros(n),
        "large constant": np.full(n, 1e6),
        "binary": random.randint(0, 2, n),
        "nearly constant": 0.3 + 1e-13 * random.rand(n),
        "one outlier": np.where(np.arange(n) == n // 2, 100.0, 0.1),
        "two clusters": np.where(random.rand(n) < 0.5, -1, 1) + 1e-3 * random.randn(n),
        "counts": random.poisson(0.7, n),
        "tiny": 1e-12 * random.rand(n),
        "huge": 1e12 * random.rand(n),
    }[kind]
    return x


POOR = (
    "constant",
    "zero",
    "large constant",
    "binary",
    "nearly constant",
    "one outlier",
    "two clusters",
    "counts",
    "tiny",
    "huge",
)


@pytest.mark.parametrize("n", [3, 200])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", POOR)
def test_poor_features(kind, dtype, n):
    """Grid updates, refinement and training: everything stays finite, knots stay apart."""
    random = np.random.RandomState(0)
    x = poor(kind, n, random)
    y = np.sin(3 * x[:, [0]]) + x[:, [2]]
    model = KAN([3, 4, 1], grid=5, dtype=dtype)
    before = model(x)
    model.update_grid_from_samples(x)
    for layer in model.act_fun:
        assert np.isfinite(layer.coef).all() and np.isfinite(layer.grid).all()
        assert (np.diff(layer.grid) >= 0).all() and (layer.grid[:, -1] > layer.grid[:, 0]).all()
    assert np.isfinite(model(x)).all() and np.abs(model(x) - before).max() <= 1.0 * max(1.0, np.abs(before).max())
    fine = model.refine(13, x)
    assert np.isfinite(fine(x)).all()
    if kind not in ("huge", "large constant"):
        result = model.fit((x, y), steps=10)
        assert result.status == "ok" and np.isfinite(model(x)).all()
        assert result["train_loss"][-1] < y.std()
        assert np.isfinite(model.value_and_grad(x, y, lamb=0.1)[0])


@pytest.mark.parametrize("k", [0, 1, 2, 3, 5])
def test_knots_that_only_rounding_keeps_apart(k):
    """silu(-1008) is about 1e-302: knots from such activations have distances without a finite reciprocal."""
    x = np.array([[0.0, -1008.0], [-1008.0, -1008.0]])
    model = KAN([2, 3, 1], grid=2, k=k, grid_eps=0.0)
    model.update_grid_from_samples(x)
    fine = model.refine(5, x)
    for m in (model, fine):
        assert np.isfinite(m(x)).all() and all(np.isfinite(layer.coef).all() for layer in m.act_fun)
        gradients, grad_x = m.vjp(x, np.ones((2, 1)))
        assert np.isfinite(grad_x).all() and all(np.isfinite(g).all() for g in gradients.values())


def test_the_solution_that_data_does_not_determine_has_minimum_norm():
    """Samples on one side of the grid: coefficients of basis functions that no sample meets are 0."""
    model = KAN([1, 1], grid=10, k=3, grid_range=(-1, 1))
    x = np.linspace(-1, -0.5, 100)[:, None]
    other = KAN([1, 1], grid=13, k=3, grid_range=(-1, 1))
    other.initialize_from_another_model(model, x)
    assert np.abs(other(x) - model(x)).max() < 1e-3
    coef = other.act_fun[0].coef[0, 0]  # samples are in cells 0 … 3, where bases 0 … 6 live
    assert (np.abs(coef[:7]) > 1e-6).all() and np.abs(coef[7:]).max() < 1e-12


# ---- From another model ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", "products of all kinds", "deep"])
def test_initialisation_from_another_model(kind):
    parent, x = covered(kind, n=500, seed=1)
    child = KAN(**{**NETWORKS[kind], "seed": 9, "grid": 40})
    child._set_function_names(parent._function_names())
    before = parent.state_dict()
    assert child.initialize_from_another_model(parent, x) is child
    assert relative(child(x), parent(x)) < 1e-2
    assert all((before[name] == value).all() for name, value in parent.state_dict().items())
    assert (child.act_fun[0].scale_base == parent.act_fun[0].scale_base).all()
    assert (child.symbolic_fun[0].affine == parent.symbolic_fun[0].affine).all()


def test_grids_and_splines_alone():
    parent, child = KAN([2, 3, 1], grid=3, seed=1), KAN([2, 3, 1], grid=6, seed=2)
    x, _ = samples(parent, n=200, spread=1.0)
    scales = child.state_dict()
    child.initialize_grid_from_another_model(parent, x)
    np.testing.assert_allclose(interior(child.act_fun[0])[:, ::2], interior(parent.act_fun[0]), atol=1e-14)
    for name, value in child.state_dict().items():
        assert name.endswith(("grid", "coef")) or (value == scales[name]).all(), name
    parent.get_act(x)
    child.get_act(x)
    assert relative(child.spline_postsplines[0], parent.spline_postsplines[0]) < 1e-10


@pytest.mark.parametrize(
    "other, text",
    [
        (dict(width=[2, 4, 1]), "another width"),
        (dict(width=[2, 3, 1], base_fun="zero"), "another base_fun"),
        (dict(width=[2, 3, 1], dtype="float32"), "another dtype"),
    ],
)
def test_models_that_are_not_related(other, text):
    model = KAN([2, 3, 1])
    with pytest.raises(ValueError, match=text):
        model.initialize_from_another_model(KAN(**other), [[0.1, 0.2]])
    with pytest.raises(TypeError, match="must be a KAN, not str"):
        model.initialize_from_another_model("model", [[0.1, 0.2]])


def test_single_precision_keeps_functions_that_few_samples_determine():
    """Coefficients as large as double precision allows are no function once they are rounded: they were 5e6, and the change 0.04."""
    x = np.random.RandomState(1).uniform(-1, 1, (20, 1))
    model = KAN([1, 1], grid=16, k=4, seed=1, dtype="float32")
    before = model.predict(x)
    model.update_grid(x)
    assert abs(model.predict(x) - before).max() < 2e-2 * abs(before).max() and abs(model.act_fun[0].coef).max() < 1


def test_single_precision_learns_with_as_many_coefficients_as_samples():
    """Moving grids made losses of 1e8 here; pykan's, in single precision, end at 1 to 13 with Adam."""
    x = np.random.RandomState(0).uniform(-1, 1, (60, 2))
    y = np.exp(np.sin(np.pi * x[:, :1]) + x[:, 1:] ** 2)
    for opt, arguments, end in (("LM", dict(steps=20), 1e-5), ("Adam", dict(lr=0.01, steps=60), 20)):
        assert KAN([2, 5, 1], grid=50, seed=0, dtype="float32").fit((x, y), opt=opt, **arguments)["train_loss"][-1] < end
