"""A model's numbers in and out, copies and pickles."""

import copy
import pickle

import numpy as np
import pytest
from helpers import NETWORKS, random_network, samples

from swiftkan import KAN


def same(one, other):
    assert type(one) is type(other) and one.dtype == other.dtype and one.width == other.width
    for name, value in one.state_dict().items():
        assert value.tobytes() == other.state_dict()[name].tobytes(), name
    assert one._function_names() == other._function_names()
    assert one._core.flags() == other._core.flags()
    x = np.random.RandomState(0).rand(5, one.input_width)
    assert (one(x) == other(x)).all()


def rich(dtype="float64"):
    """A model in which everything that can be stored differs from its default."""
    model = random_network(NETWORKS["products of all kinds"], dtype=dtype)
    model.affine_trainable, model.sp_trainable, model.grid_eps = True, False, 0.7
    model.input_id, model.input_width = [4, 0, 2], 6
    model.ckpt_path = "elsewhere"
    return model


def test_the_state_is_a_copy():
    model = KAN([2, 3, 1])
    state = model.state_dict()
    state["act_fun.0.coef"][:] = 0
    assert model.act_fun[0].coef.any()


def test_loading():
    model, other = random_network(NETWORKS["deep"], seed=1), KAN(**NETWORKS["deep"], seed=2)
    assert other.load_state_dict(model.state_dict()) == ([], [])
    assert all((value == model.state_dict()[name]).all() for name, value in other.state_dict().items())


@pytest.mark.parametrize(
    "spoil, text",
    [
        (lambda s: s.pop("node_bias_0"), "missing: node_bias_0"),
        (lambda s: s.update(extra=1), "unknown: extra"),
        (
            lambda s: s.update({"symbolic_fun.1.affine": np.zeros((3, 1, 4))}),
            r"symbolic_fun.1.affine: has the shape \(3, 1, 4\).*\(1, 3, 4\)",
        ),
        (lambda s: s.update({"symbolic_fun.1.affine": "text"}), "symbolic_fun.1.affine: must hold"),
        (
            lambda s: s["act_fun.1.grid"].__setitem__((0, 3), np.nan),
            "act_fun.1.grid: knots must be finite and ascending",
        ),
        (lambda s: s["act_fun.1.grid"].__setitem__((0, 3), 5.0), "act_fun.1.grid: knots must be finite and ascending"),
    ],
)
def test_a_wrong_state_changes_nothing(spoil, text):
    model = KAN([2, 3, 1], seed=1)
    before = model.state_dict()
    state = KAN([2, 3, 1], seed=2).state_dict()
    spoil(state)
    with pytest.raises((ValueError, TypeError), match=text):
        model.load_state_dict(state)
    assert all((value == before[name]).all() for name, value in model.state_dict().items())


def test_loading_a_part():
    model, other = KAN([2, 3, 1], seed=1), KAN([2, 3, 1], seed=2)
    part = {"act_fun.0.coef": other.act_fun[0].coef, "extra": 1}
    missing, unexpected = model.load_state_dict(part, strict=False)
    assert unexpected == ["extra"] and "act_fun.0.grid" in missing and "act_fun.0.coef" not in missing
    assert (model.act_fun[0].coef == other.act_fun[0].coef).all()
    assert (model.act_fun[0].scale_base != other.act_fun[0].scale_base).any()
    with pytest.raises(TypeError, match="must be a dict"):
        model.load_state_dict([1, 2])


COPIES = {
    "clone": lambda model: model.clone(),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {p}": lambda model, p=p: pickle.loads(pickle.dumps(model, protocol=p))
        for p in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("way", COPIES)
def test_copies(way, dtype):
    model = rich(dtype)
    model.note = {"mine": [1]}
    twin = COPIES[way](model)
    same(model, twin)
    assert twin.input_id.tolist() == [4, 0, 2] and twin.input_width == 6 and twin.ckpt_path == "elsewhere"
    assert twin.note == {"mine": [1]} and repr(twin) == repr(model)
    before = model.state_dict()
    x, y = samples(model, n=50)
    x = np.concatenate([x, x], axis=1)
    twin.fit((x, y), steps=2)
    twin.symbolic_fun[0].set_function(0, 0, "tanh")
    assert all((value == before[name]).all() for name, value in model.state_dict().items())
    assert not any(np.shares_memory(a, b) for a in model.get_params() for b in twin.get_params())


def test_what_copies_remember():
    model = KAN([2, 3, 1])
    x, _ = samples(model, n=10)
    model.get_act(x)
    assert np.shares_memory(model.clone().cache_data, x)
    deep = copy.deepcopy(model)
    assert (deep.cache_data == x).all() and not np.shares_memory(deep.cache_data, x)
    assert pickle.loads(pickle.dumps(model)).cache_data is None  # data can be larger than the model by far


def test_attributes_are_copied_deeply_only_by_deepcopy():
    model = KAN([2, 3, 1])
    model.note = [1]
    assert copy.copy(model).note is model.note and copy.deepcopy(model).note is not model.note


def test_subclasses_stay_themselves():
    assert type(copy.copy(Named([2, 1]))) is Named
    assert type(pickle.loads(pickle.dumps(Named([2, 1])))) is Named
    assert type(Named([2, 1]).refine(6, [[0.1, 0.2]])) is Named
    same(Named([2, 1]), Named([2, 1]).clone())


class Named(KAN):
    pass


def test_training_goes_on_from_a_copy_as_from_the_original():
    model = KAN([2, 3, 1])
    x, y = samples(model, n=50)
    model.fit((x, y), steps=3)
    twin = pickle.loads(pickle.dumps(model))
    assert (model.fit((x, y), steps=3)["train_loss"] == twin.fit((x, y), steps=3)["train_loss"]).all()
