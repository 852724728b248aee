"""Making networks: every argument, and what must not happen."""

import json
import os
import random
import subprocess
import sys

import numpy as np
import pytest

import swiftkan
from swiftkan import KAN


def test_defaults_are_pykans():
    model = KAN([2, 1])
    assert model.grid == 3 and model.k == 3 and model.seed == 1 and model.mult_arity == 2
    assert (model.save_act, model.first_init, model.ckpt_path, model.state_id, model.round) == (
        True,
        True,
        "./model",
        0,
        0,
    )
    assert model.auto_save is False and model.device == "cpu" and model.dtype == np.float64


def test_the_callers_width_is_not_changed():
    width, arity = [2, [1, 1], 1], [[], [3], []]
    KAN(width, mult_arity=arity)
    assert width == [2, [1, 1], 1] and arity == [[], [3], []]


@pytest.mark.parametrize(
    "width", [(2, 3, 1), np.array([2, 3, 1]), [np.int64(2), np.int32(3), [1, 0]], [[2, 0], (3, 0), np.array([1, 0])]]
)
def test_forms_of_width(width):
    model = KAN(width)
    assert model.width == [[2, 0], [3, 0], [1, 0]]
    json.dumps(model._settings.to_dict())  # plain ints, whatever was given


@pytest.mark.parametrize(
    "grid, k", [([3, 5], 2), (4, [0, 3]), (np.array([3, 5]), np.array([1, 2])), (np.int64(3), np.int8(2))]
)
def test_one_grid_and_degree_a_layer(grid, k):
    model = KAN([2, 3, 1], grid=grid, k=k)
    for l, layer in enumerate(model.act_fun):
        g = grid[l] if np.ndim(grid) else grid
        d = k[l] if np.ndim(k) else k
        assert (layer.num, layer.k) == (g, d) and layer.coef.shape[2] == g + d and layer.grid.shape[1] == g + 1 + 2 * d
    assert np.isfinite(model([0.1, 0.2])).all()


@pytest.mark.parametrize("k", range(11))
def test_degrees_from_0_to_10(k):
    model = KAN([2, 3, 1], grid=4, k=k, seed=5)
    x = np.random.RandomState(0).rand(30, 2)
    y = np.sin(x.sum(axis=1, keepdims=True))
    result = model.fit((x, y), steps=3)
    assert result.status == "ok" and result["train_loss"][-1] < y.std()


def test_lists_of_arities():
    model = KAN([2, [2, 2], [1, 1]], mult_arity=[[], [2, 3], [2]])
    assert model.width_out == [2, 7, 3] and model.width_in == [2, 4, 2] and not model.mult_homo
    assert model.mult_arity == [[], [2, 3], [2]]
    assert model([0.1, 0.2]).shape == (2,)


def test_an_arity_of_one_is_a_sum():
    model = KAN([2, [0, 1]], mult_arity=1)
    assert model([0.1, 0.2]).shape == (1,)


def test_the_seed():
    one, same, other = (KAN([2, 3, 1], seed=s).state_dict() for s in (5, 5, 6))
    assert all((one[name] == same[name]).all() for name in one)
    assert (one["act_fun.0.coef"] != other["act_fun.0.coef"]).all()
    assert KAN([1, 1], seed=2**32 - 1).seed == 2**32 - 1


def test_settings_reach_the_numbers():
    zero = KAN([4, 3], noise_scale=0.0, scale_base_mu=0.8, scale_base_sigma=0.0, grid_range=(-2, 6), grid=4)
    assert not np.abs(zero.act_fun[0].coef).max() > 1e-15
    np.testing.assert_allclose(zero.act_fun[0].scale_base, 0.8 / 2)
    np.testing.assert_allclose(zero.act_fun[0].grid[0, 3:-3], [-2, 0, 2, 4, 6])
    np.testing.assert_allclose(zero.act_fun[0].scale_sp, 0.5)
    assert (KAN([4, 3], sparse_init=True).act_fun[0].mask.sum(axis=1) >= 1).all()
    assert KAN([4, 3], sparse_init=True).n_edge < 12


def test_no_global_generator_is_touched(capsys):
    np.random.seed(7)
    random.seed(7)
    before = np.random.get_state()[1].tolist(), random.getstate()
    model = KAN([2, 3, 1], seed=3)
    x = np.linspace(-1, 1, 40).reshape(20, 2)
    model.fit((x, x[:, :1]), steps=2, batch=5, opt="Adam", lr=0.01)
    model.refine(6)
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before
    assert capsys.readouterr() == ("", "")


def test_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = KAN([2, 3, 1])
    x = np.linspace(-1, 1, 40).reshape(20, 2)
    model.fit((x, x[:, :1]), steps=2)
    model.refine(6).clone()
    assert os.listdir(tmp_path) == []


def test_import_is_light():
    """What is heavy is imported where it is used. How long the import takes is measured in benchmarks/import_time.py."""
    program = (
        "import numpy, sys, swiftkan; "
        "print([m for m in ('sklearn', 'sympy', 'matplotlib', 'tqdm', 'yaml', 'pandas', 'torch', 'scipy', 'importlib.metadata') "
        "if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_read_when_asked_for():
    import swiftkan

    assert swiftkan.__version__.count(".") >= 1
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        swiftkan.nothing


def test_pykans_utils():
    from swiftkan import utils

    assert all(getattr(utils, name) is getattr(swiftkan, name) for name in utils.__all__)
