"""The model's numbers are views of the engine's memory: reading is never stale, writing changes the model."""

import copy
import gc
import weakref

import numpy as np
import pytest
from helpers import NETWORKS, random_network, relative, samples

from swiftkan import KAN, KANLayer, SymbolicLayer


@pytest.fixture
def model():
    return KAN([2, [2, 1], 1], grid=4, k=2, mult_arity=3)


def test_shapes(model):
    layer, symbolic = model.act_fun[0], model.symbolic_fun[0]
    assert isinstance(layer, KANLayer) and isinstance(symbolic, SymbolicLayer)
    assert (layer.in_dim, layer.out_dim, layer.num, layer.k) == (2, 5, 4, 2)
    assert layer.grid.shape == (2, 9) and layer.coef.shape == (2, 5, 6) and layer.mask.shape == (2, 5)
    assert layer.scale_base.shape == layer.scale_sp.shape == (2, 5)
    assert symbolic.mask.shape == (5, 2) and symbolic.affine.shape == (5, 2, 4)
    assert symbolic.funs_name == [["0", "0"]] * 5
    assert [b.shape for b in model.node_bias] == [(3,), (1,)] == [s.shape for s in model.node_scale]
    assert [b.shape for b in model.subnode_bias] == [(5,), (1,)] == [s.shape for s in model.subnode_scale]


def test_names_of_pykan(model):
    assert model.width == [[2, 0], [2, 1], [1, 0]] and model.width_in == [2, 3, 1] and model.width_out == [2, 5, 1]
    assert model.n_sum == [2] and model.n_mult == [1] and model.depth == 2
    assert model.grid == 4 and model.k == 2 and model.mult_arity == 3 and model.mult_homo
    assert model.base_fun == model.base_fun_name == "silu"
    assert model.grid_eps == 0.02 and model.grid_range == [-1, 1]
    assert len(model.act_fun) == len(model.symbolic_fun) == 2
    assert model.input_id.tolist() == [0, 1]
    assert (model.symbolic_enabled, model.affine_trainable, model.sp_trainable, model.sb_trainable) == (
        True,
        False,
        True,
        True,
    )


@pytest.mark.parametrize("part", ["coef", "mask", "scale_base", "scale_sp", "grid"])
def test_writing_into_a_layer(model, part):
    x = np.random.RandomState(0).rand(5, 2)
    before = model(x)
    view = getattr(model.act_fun[0], part)
    view += 0.1
    assert np.abs(model(x) - before).max() > 1e-6
    setattr(model.act_fun[0], part, view - 0.1)
    np.testing.assert_allclose(model(x), before, atol=1e-12)
    setattr(model.act_fun[0], part, np.float32(0.5))
    assert (model.state_dict()[f"act_fun.0.{part}"] == 0.5).all()


@pytest.mark.parametrize("part", ["node_bias", "node_scale", "subnode_bias", "subnode_scale"])
def test_writing_into_nodes(model, part):
    x = np.random.RandomState(0).rand(5, 2)
    before = model(x)
    getattr(model, part)[0][1] += 0.5
    changed = model(x)
    assert np.abs(changed - before).max() > 1e-6
    getattr(model, part)[0] = getattr(model, part)[0].copy() + 0.5
    assert np.abs(model(x) - changed).max() > 1e-6


def test_assignment_copies(model):
    values = np.ones((2, 5, 6))
    model.act_fun[0].coef = values
    values[:] = 7
    assert (model.act_fun[0].coef == 1).all()


def test_assignment_of_a_wrong_shape(model):
    with pytest.raises(ValueError, match=r"act_fun\[0\].coef: has the shape \(6,\).*\(2, 5, 6\)"):
        model.act_fun[0].coef = np.zeros(6)
    with pytest.raises(ValueError, match=r"node_bias\[0\]"):
        model.node_bias[0] = np.zeros(2)


def test_function_names_write_through(model):
    model.symbolic_fun[0].funs_name[4][1] = "sin"
    assert model.symbolic_fun[0].funs_name[4] == ["0", "sin"]
    assert model._core.symbolic_get(0, 1, 4) == list(__import__("swiftkan").FUNCTIONS).index("sin")
    with pytest.raises(ValueError, match="no function 'sine'"):
        model.symbolic_fun[0].funs_name[4][1] = "sine"
    with pytest.raises(ValueError, match="i: must be"):
        model.symbolic_fun[0].set_function(2, 0, "sin")


@pytest.mark.parametrize("flag", ["symbolic_enabled", "affine_trainable", "sp_trainable", "sb_trainable"])
def test_flags(model, flag):
    before = getattr(model, flag)
    setattr(model, flag, not before)
    assert getattr(model, flag) is (not before)
    assert getattr(model.clone(), flag) is (not before)
    with pytest.raises(TypeError, match=flag):
        setattr(model, flag, "yes")


def test_grid_eps_can_be_set(model):
    model.grid_eps = 1.0
    assert model.grid_eps == 1.0
    with pytest.raises(ValueError, match="grid_eps"):
        model.grid_eps = 2.0


def test_counting_edges(model):
    assert model.n_edge == 13
    model.act_fun[0].mask[0, 0] = 0
    assert model.n_edge == 12
    model.symbolic_fun[0].mask[0, 0] = 1
    assert model.n_edge == 13


def test_a_view_outlives_the_model(model):
    view, values = model.act_fun[0].coef, model.act_fun[0].coef.copy()
    layer = model.symbolic_fun[0]
    del model
    gc.collect()
    assert (view == values).all()
    assert layer.funs_name[0][0] == "0"


def test_a_model_is_freed_with_its_last_reference():
    model = KAN([2, 3, 1])
    model([0.1, 0.2])
    gone = weakref.ref(model)
    gc.disable()
    try:
        del model
        assert gone() is None
    finally:
        gc.enable()


def test_lists_given_back_are_copies(model):
    model.width[1][0] = 99
    model.grid_range[0] = 99
    model.act_fun.clear()
    assert model.width[1] == [2, 1] and model.grid_range == [-1, 1] and len(model.act_fun) == 2


@pytest.mark.parametrize("name", ["products of all kinds", "deep", "identity", "zero", "k=0", "sparse"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_layer_can_be_called(name, dtype):
    model = random_network(NETWORKS[name], symbolic=False, dtype=dtype)
    model.get_act(samples(model, 30)[0])
    for l, layer in enumerate(model.act_fun):
        for call in (layer, layer.forward):
            y, preacts, postacts, postspline = call(model.acts[l])
            assert y.dtype == model.dtype and not np.shares_memory(y, model._array)
            for ours, inside in ((preacts, model.spline_preacts), (postacts, model.spline_postacts), (postspline, model.spline_postsplines)):
                assert relative(ours, inside[l], 1e-3) < (1e-12 if dtype == "float64" else 1e-5)
            assert relative(y, postacts.sum(axis=2), 1e-3) < (1e-12 if dtype == "float64" else 1e-5)
    with pytest.raises(ValueError, match="x: has the shape"):
        model.act_fun[0](np.zeros((3, 17)))


def test_a_layer_is_not_made_by_itself():
    with pytest.raises(TypeError, match=r"KANLayer: is a view of a model's layer.*KAN\(\[in_dim, out_dim\], grid=num, k=k\)\.act_fun\[0\]"):
        KANLayer(in_dim=3, out_dim=2, num=5, k=3)
    assert (copy.deepcopy(KAN([2, 1]).act_fun[0]).coef == KAN([2, 1]).act_fun[0].coef).all()
