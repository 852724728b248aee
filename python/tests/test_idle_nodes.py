"""Nodes that nothing uses: whatever their values, infinite or NaN, they reach no output, gradient, grid, score or step of training.

What it must get right first: the model with such a node has the numbers of the same model whose node is finite.
"""

import numpy as np
import pytest
from helpers import relative

from swiftkan import KAN

X = np.random.RandomState(0).uniform(-1, 1, (60, 2))
Y = X[:, :1] * X[:, 1:]


def idle(name, width=(2, 2, 1), **options):
    """A network whose node (1, 1) leads nowhere, behind the function ``name`` of the first input."""
    model = KAN(list(width), seed=0, **options)
    model.fix_symbolic(0, 0, 1, name, fit_params_bool=False)
    model.act_fun[1].mask[1] = 0
    return model


def networks():
    return {
        "sums": dict(width=(2, 2, 1)),
        "a layer of many outputs": dict(width=(2, 20, 1)),
        "into a layer of many outputs": dict(width=(2, 3, 20, 1)),
        "products": dict(width=(2, [1, 2], 1)),
        "affine": dict(width=(2, 2, 1), affine_trainable=True),
        "float32": dict(width=(2, 3, 1), affine_trainable=True, dtype="float32"),
    }


@pytest.mark.parametrize("options", networks().values(), ids=networks().keys())
def test_values_and_gradients(options):
    model, finite = idle("log", **options), idle("sin", **options)
    tolerance = 1e-5 if model.dtype == np.float32 else 1e-12
    model.get_act(X)
    assert np.isnan(model.acts[1][:, 1]).any()
    assert relative(model(X), finite(X)) < tolerance
    (value, gradients), (other, others) = model.value_and_grad(X, Y), finite.value_and_grad(X, Y)
    assert value == pytest.approx(other, rel=tolerance)
    for name, gradient in gradients.items():
        assert np.isfinite(gradient).all(), name
        assert relative(gradient, others[name], floor=1e-3) < 100 * tolerance, name
    assert relative(model.vjp(X, Y)[1], finite.vjp(X, Y)[1], floor=1e-3) < 100 * tolerance
    assert np.isfinite(model.compile()(X)).all()


@pytest.mark.parametrize("name", ["log", "sqrt", "arctanh", "1/x"])
def test_gradients_of_inputs(name):
    model = idle(name)
    x = np.array([[0.0, 0.3], [-0.5, 0.2], [1.0, -0.2], [-1.0, 0.4], [2.0, 0.0]])
    assert np.isfinite(model.vjp(x, np.ones((5, 1)))[1]).all()


@pytest.mark.parametrize("opt", ["LBFGS", "LM", "Adam", "AdamW", "SGD", "SSBFGS", "SSBroyden", "NewtonKaczmarz"])
@pytest.mark.parametrize("affine", [False, True])
def test_training(opt, affine):
    results = []
    for name in ("log", "sin"):
        model = idle(name, affine_trainable=affine)
        result = model.fit((X, Y), opt=opt, lr=0.01, steps=4, update_grid=False)
        assert result.status == "ok" and len(result["train_loss"]) == 4
        assert all(np.isfinite(values).all() for values in model.state_dict().values())
        results.append(result["train_loss"])
    assert results[0][-1] < results[0][0]
    if opt not in ("LM", "NewtonKaczmarz"):  # they measure a step by the nodes' units, too
        assert relative(*results) < 1e-5


def test_grids():
    model = idle("log")
    model.get_act(X)
    before = model.act_fun[1].grid.copy()
    model.update_grid_from_samples(X)
    assert (model.act_fun[1].grid[1] == before[1]).all() and (model.act_fun[1].grid[0] != before[0]).any()
    finer = model.refine(6)
    assert relative(finer(X), model(X)) < 1e-12
    assert all(np.isfinite(values).all() for values in finer.state_dict().values())
    assert model.fit((X, Y), steps=3).status == "ok"
    # A spline that is on needs finite samples.
    model.act_fun[1].mask[1] = 1
    with pytest.raises(ValueError, match="layer 1 are not finite"):
        model.update_grid_from_samples(X)


def test_scores_and_pruning():
    model, finite = idle("log"), idle("sin")
    for each in (model, finite):
        each(X)
        each.attribute()
    for mine, others in zip(model.node_scores, finite.node_scores):
        assert relative(mine, others) < 1e-12
    for mine, others in zip(model.edge_scores_all, finite.edge_scores_all):
        assert relative(mine, others) < 1e-12
    for prune in ("prune_edge", "prune_input", "prune_node", "prune"):
        model = idle("log")
        model.get_act(X)
        pruned = getattr(model, prune)()
        assert np.isfinite((model if pruned is None else pruned)(X)).all(), prune


def test_the_function_0_is_0_everywhere():
    for dtype in ("float64", "float32"):
        model = KAN([1, 1], dtype=dtype, base_fun="zero")
        model.fix_symbolic(0, 0, 0, "0", fit_params_bool=False)
        model.act_fun[0].mask[...] = 0
        assert (model(np.array([[0.5], [1e30]])) == 0).all()
    # 1/x is infinite at 0 in one output, which the layer added behind must not give to the other.
    model = KAN([2, 2], seed=0)
    model.fix_symbolic(0, 0, 0, "1/x", fit_params_bool=False)
    x = np.array([[0.0, 0.3], [0.5, 0.3]])
    assert (model.expand_depth()(x) == model(x)).all() and np.isinf(model(x)[0, 0]) and np.isfinite(model(x)[0, 1])
