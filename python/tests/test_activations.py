"""What the model remembers, and that what it shows is of the model as it is now."""

import numpy as np
import pytest
from helpers import samples

from swiftkan import KAN


@pytest.fixture
def model():
    return KAN([2, 3, 1], seed=3)


def test_nothing_is_known_at_first(model):
    assert model.cache_data is None
    for name in ("acts", "acts_premult", "spline_preacts", "spline_postacts", "spline_postsplines", "edge_actscale", "acts_scale",
                 "acts_scale_spline", "subnode_actscale"):  # fmt: skip
        with pytest.raises(RuntimeError, match=rf"model\.{name} needs data.*get_act"):
            getattr(model, name)
    for call in (model.get_act, model.reg, model.update_grid, lambda: model.refine(5)):
        with pytest.raises(RuntimeError, match="needs data"):
            call()


def test_a_call_is_remembered_until_data_is_given(model):
    x, y = samples(model, 20)
    model(x[:5])
    assert model.acts[0].shape == (5, 2)
    model(x[:7])
    assert model.acts[0].shape == (7, 2)
    model.predict(x)
    assert model.acts[0].shape == (7, 2)
    model.get_act(x[:9])
    model(x)
    assert model.acts[0].shape == (9, 2)
    model.fit((x[:11], y[:11], x, y), steps=1)
    model(x)
    assert model.cache_data.shape == (11, 2)  # never the test data
    model.get_act({"train_input": x[:13]})
    assert model.acts[1].shape == (13, 3)
    model.cache_data = x[:3]
    assert model.acts[1].shape == (3, 3)
    model.cache_data = None
    with pytest.raises(RuntimeError):
        model.acts


def test_data_sets_are_taken_as_fit_takes_them():
    x = np.random.RandomState(0).uniform(-1, 1, (50, 1))
    model = KAN([1, 2, 1])
    for data in ((x, 100 * x), {"train_input": x, "train_label": 100 * x}, (x, x, 100 * x, x)):
        model.get_act(data)
        assert np.array_equal(model.cache_data, x)
        model.update_grid_from_samples(data)
        assert abs(model.act_fun[0].grid[0, 3] - x.min()) < 1e-12
        assert np.array_equal(model.refine(6, data).cache_data, x)
    for call in (model, model.predict, model.compile()):
        with pytest.raises(TypeError, match="x: is a tuple of 2 arrays; give the samples alone"):
            call((x, x))
    assert model(((0.5,), (0.25,))).shape == (2, 1)


def test_get_act_keeps_what_a_call_gave(model):
    x, _ = samples(model, 20)
    model(x[:5])
    model.get_act()
    model(x)
    assert model.cache_data.shape == (5, 2)


def test_data_of_the_right_type_is_not_copied(model):
    x, _ = samples(model, 20)
    model.get_act(x)
    assert np.shares_memory(model.cache_data, x)


def test_attributes_are_of_the_model_as_it_is(model):
    x, _ = samples(model, 20)
    model.get_act(x)
    before = model.spline_postacts[0]
    model.act_fun[0].mask[0, 1] = 0
    after = model.spline_postacts[0]
    assert before[:, 1, 0].any() and not after[:, 1, 0].any()
    assert model.edge_actscale[0][1, 0] == 0


def test_lists_of_layers(model):
    x, _ = samples(model, 20)
    model.get_act(x)
    assert len(model.acts) == 3 and len(model.spline_postacts) == 2
    assert (model.acts[-1] == model(x)).all()
    assert [a.shape for a in model.acts[1:]] == [(20, 3), (20, 1)]
    assert [a.shape for a in model.spline_postacts] == [(20, 3, 2), (20, 1, 3)]
    with pytest.raises(IndexError):
        model.spline_postacts[2]
    with pytest.raises(ValueError, match="read-only"):
        model.spline_preacts[0][0] = 0


def test_deviations_need_two_samples(model):
    model.get_act([[0.1, 0.2]])
    assert model.acts[1].shape == (1, 3)
    with pytest.raises(ValueError, match="at least 2 samples"):
        model.edge_actscale
    with pytest.raises(ValueError, match="at least 2 samples"):
        model.reg()


def test_symbolic_evaluation_is_remembered_with_the_data():
    model = KAN([1, 1])
    model.symbolic_fun[0].set_function(0, 0, "1/x")
    model.symbolic_fun[0].affine[0, 0] = 1, 0, 1, 0
    model.symbolic_fun[0].mask[0, 0] = 1
    model([[1e-9], [1.0]], singularity_avoiding=True, y_th=5.0)
    assert np.abs(model.acts[1]).max() < 20
