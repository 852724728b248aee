"""Five questions that libraries of the field fail, asked of this one (float64 finite differences and plain counting).

Defects found in published implementations of Kolmogorov-Arnold networks are of five kinds: a wrong input gradient
(half the true one, or of the wrong sign), a wrong parameter gradient (repeated indices added once), a grid update
that changes the function, predictions that depend on the batch (normalisation by the batch's extremes), and NaN for
large inputs.
"""

import numpy as np
import pytest
from helpers import NETWORKS, random_network, relative, samples, worst_gradient_error

from swiftkan import KAN

KINDS = ["plain", "deep", "products of all kinds", "identity", "k=1", "k=5"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_input_gradient_is_right(kind):
    model = random_network(NETWORKS[kind], seed=11)
    x, _ = samples(model, n=6)
    v = np.ones((6, model.width_in[-1]))
    assert worst_gradient_error(lambda: float(model.predict(x).sum()), x, model.vjp(x, v)[1], 1e-7) <= 1e-7


@pytest.mark.parametrize("kind", KINDS)
def test_the_parameter_gradient_counts_repeated_samples(kind):
    """All samples in one cell: every one adds to the same coefficients."""
    model = random_network(NETWORKS[kind], seed=12)
    x = 0.31 + 1e-3 * samples(model, n=9)[0]
    gradients, _ = model.vjp(x, np.ones((9, model.width_in[-1])))
    one_by_one = [model.vjp(row[None], np.ones((1, model.width_in[-1])))[0] for row in x]
    for name, gradient in gradients.items():
        assert relative(gradient, sum(g[name] for g in one_by_one), floor=1e-6) <= 1e-12
    coef = model._views["act_fun.0.coef"]
    assert worst_gradient_error(lambda: float(model.predict(x).sum()), coef, gradients["act_fun.0.coef"], 1e-7) <= 1e-7


@pytest.mark.parametrize("eps", [0.02, 1.0])
@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_a_grid_update_keeps_the_function(k, eps):
    """To what the new splines can represent: with many knots little is lost, and masks and scales are not fitted twice.

    The samples are within the grids of all layers: beyond their ends splines fall to 0 within k knots, and with 120
    intervals that is nearly a jump, which no other grid can have in the same place.
    """
    model = random_network(dict(width=[2, 3, 1], grid=4, k=k, grid_eps=eps, grid_range=(-1, 1)), seed=3, symbolic=False)
    x, _ = samples(model, n=2000, spread=1.0)
    model.update_grid(x)
    fine = model.refine(120, x)
    fine.grid_eps = 0.5  # other knots than those of the first update
    fine.get_act(x)
    before = fine(x)
    fine.update_grid()
    assert relative(fine(x), before) <= (0.02 if k == 1 else 0.005)
    again = fine(x)
    fine.update_grid()
    assert relative(fine(x), again) <= 1e-9


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_do_not_depend_on_the_batch(kind):
    model = random_network(NETWORKS[kind], seed=13)
    x, _ = samples(model, n=50)
    alone = model(x[:3])
    for others in (x[3:], 1000 * x[3:], np.zeros((7, x.shape[1]))):
        assert (model(np.concatenate([x[:3], others]))[:3] == alone).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_large_inputs_give_finite_outputs_and_gradients(kind, dtype):
    model = random_network(NETWORKS[kind], seed=14, symbolic=False, dtype=dtype)
    for size in (1.5, 1.5000001, 2.3, 10.0, 20.0, 300.0):
        x = np.full((2, model.width_in[0]), size) * [[1], [-1]]
        y = model(x)
        gradients, grad_x = model.vjp(x, np.ones_like(y))
        assert (
            np.isfinite(y).all() and np.isfinite(grad_x).all() and all(np.isfinite(g).all() for g in gradients.values())
        )


def test_outside_the_grid_only_the_base_function_is_left():
    model = random_network(dict(width=[1, 1], grid=4, k=3, grid_range=(-1, 1)), symbolic=False)
    model.subnode_scale[0], model.subnode_bias[0], model.node_scale[0], model.node_bias[0] = 1, 0, 1, 0
    layer = model.act_fun[0]
    x = np.array([-9.0, -2.6, 2.6, 9.0])[:, None]
    silu = x / (1 + np.exp(-x))
    np.testing.assert_allclose(model(x), layer.mask[0, 0] * layer.scale_base[0, 0] * silu, rtol=1e-13)


def test_every_parameter_matters():
    """No part of the parameters is dead weight: each number changes the output for some input."""
    model = random_network(NETWORKS["products of all kinds"], seed=15)
    for mask in (layer.mask for layer in model.symbolic_fun):
        mask[...] = 1
    for l, layer in enumerate(model.symbolic_fun):
        for o, i in np.ndindex(layer.mask.shape):
            layer.set_function(i, o, "sin")
            layer.affine[o, i] = 0.9, 0.3, 0.5, 0.1
    x, _ = samples(model, n=400)
    model.update_grid_from_samples(x)
    gradients, _ = model.vjp(x, np.random.RandomState(0).randn(400, 2))
    for name, gradient in gradients.items():
        assert (np.abs(gradient) > 0).all(), name


def test_layers_begin_with_different_numbers():
    first, second = KAN([3, 3, 3], seed=4).act_fun
    assert (first.coef != second.coef).all() and (first.scale_base != second.scale_base).all()
