"""Symbolic edges in the digits that the model has.

What it must show: the r2 that is returned is that of the edge as the model evaluates it, in both dtypes, for every function of the
library; float32 never ends with parameters that are not finite, or with parts that cancel to noise.
"""

import itertools
import warnings

import numpy as np
import pytest

from swiftkan import FUNCTIONS, KAN, SYMBOLIC_LIB, _core, add_symbolic
from swiftkan._symbolic_fit import fit

T = np.linspace(-1, 1, 150)[:, None]
CURVES = {
    "exp": np.exp, "sine": lambda t: np.sin(3 * t), "parabola": np.square, "step": lambda t: np.tanh(2 * t),
    "bell": lambda t: np.exp(-3 * t**2), "log": lambda t: np.log(t + 1.2), "both": lambda t: np.exp(np.sin(3 * t)),
}  # fmt: skip
RANGES = ((0, 1), (5, 1), (100, 1), (0, 1e-3), (0, 1e3))  # shift and scale of x


def trained(curve, shift=0, scale=1, dtype="float32"):
    x = T * scale + shift
    model = KAN([1, 1], grid=10, seed=0, dtype=dtype)
    model.update_grid_from_samples(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of x far from order one
        model.fit((x, CURVES[curve](T)), opt="LM", steps=10)
    return model


def r_squared(model, y, edge=(0, 0, 0)):
    """Of an edge as the model evaluates it now, y being what it gave before."""
    l, i, j = edge
    now = model.spline_postacts[l][:, j, i].astype(np.float64)
    return 1 - np.sum((now - y) ** 2) / np.sum((y - y.mean()) ** 2)


@pytest.mark.parametrize("dtype, curve", list(itertools.product(["float32", "float64"], CURVES)))
def test_r2_is_that_of_the_edge(dtype, curve):
    for shift, scale in RANGES:
        model = trained(curve, shift, scale, dtype)
        y = model.spline_postacts[0][:, 0, 0].astype(np.float64)
        for name in FUNCTIONS:
            twin = model.clone()
            r2 = twin.fix_symbolic(0, 0, 0, name)
            assert np.isfinite(twin.symbolic_fun[0].affine).all() and np.isfinite(twin.predict(twin.cache_data)).all()
            assert r2 == pytest.approx(r_squared(twin, y), abs=1e-6), (shift, scale, name)
            assert 0 <= r2 <= 1 and twin.suggest_symbolic(0, 0, 0, lib=[name])[0] == name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_r2_is_that_of_the_edge_in_deep_networks(dtype):
    x = np.random.RandomState(0).uniform(-1, 1, (200, 2))
    model = KAN([2, [2, 1], 1], grid=5, seed=0, dtype=dtype)
    model.fit((x, np.exp(np.sin(np.pi * x[:, :1]) + x[:, 1:] ** 2)), opt="LM", steps=10)
    edges = [(l, i, j) for l in (0, 1) for i in range(model.width_in[l]) for j in range(model.width_out[l + 1])]
    for edge, name in itertools.product(edges, FUNCTIONS):
        twin, (l, i, j) = model.clone(), edge
        r2 = twin.fix_symbolic(*edge, name)
        assert r2 == pytest.approx(r_squared(twin, model.spline_postacts[l][:, j, i].astype(np.float64), edge), abs=1e-6)


def test_what_rounding_took_is_looked_for():
    """The best in float64 has c = 1e8 or more; what float32 can have is nearly as good."""
    model = trained("exp")
    for name, least in (("gaussian", 0.9999), ("arctanh", 0.997), ("sin", 0.997), ("tan", 0.98), ("arcsin", 0.99)):
        assert model.clone().fix_symbolic(0, 0, 0, name) > least
    for curve, name in (("parabola", "sin"), ("parabola", "cos"), ("log", "gaussian")):
        assert trained(curve).fix_symbolic(0, 0, 0, name) > 0.99


def test_fits_that_hold_stay_as_they_were():
    x, y = T[:, 0].astype(np.float32).astype(np.float64), np.sin(3 * T[:, 0] + 0.5)
    numbers = list(range(len(FUNCTIONS)))
    plain = _core.symbolic_fit(numbers, x, y, (-10, 10), (-10, 10))
    assert fit(numbers, x, y, (-10, 10), (-10, 10)) == plain
    name = FUNCTIONS.index("sin")
    narrow = fit([name], x, y, (-10, 10), (-10, 10), np.float32)[0]
    assert narrow[:4] == tuple(np.array(plain[name][:4], np.float32).tolist()) and abs(narrow[4] - plain[name][4]) < 1e-12


def test_no_pole_is_put_between_samples():
    for curve, name in itertools.product(CURVES, ("1/x", "1/x^2", "1/x^5", "tan")):
        model = trained(curve, shift=100)
        model.fix_symbolic(0, 0, 0, name)
        fine = model.predict(np.linspace(99, 101, 20001)[:, None])
        assert np.abs(fine).max() < 10 * np.abs(model.predict(model.cache_data)).max()


def test_whole_networks_and_searches_stay_finite():
    model, x = trained("exp"), T
    for lib, weight in ((["x", "x^2", "gaussian"], 0.8), (["x", "arctanh", "sin"], None)):
        twin = model.clone()
        name, r2, _ = twin.auto_symbolic(lib=lib, weight_simple=weight)[0, 0, 0]
        assert r2 > 0.99 and r2 == pytest.approx(r_squared(twin, model.predict(x)[:, 0]), abs=1e-6)
    for name in ("gaussian", "sin"):
        table = model.symbolic_search((x, np.exp(x)), lib=[name], recognise=False)
        assert table and np.isfinite(table.best.predict(x)).all() and table.best.loss < 0.1


def test_a_function_that_is_nowhere_finite_in_float32_is_refused():
    add_symbolic("huge of tests", lambda x: np.where(np.abs(x) > 1e-300, 1e200 * x, 1e200))
    model = trained("exp")
    before = model.predict(T)
    with pytest.raises(ValueError, match=r"fun_name: no parameters in float32 .* 'huge of tests' is finite on edge \(0, 0, 0\)"):
        model.fix_symbolic(0, 0, 0, "huge of tests")
    with pytest.raises(ValueError, match=r"lib: has no function that is finite on edge \(0, 0, 0\) in float32"):
        model.suggest_symbolic(0, 0, 0, lib=["huge of tests"])
    assert model.auto_symbolic(lib=["huge of tests"]) == {} and np.array_equal(model.predict(T), before)
    assert model.suggest_symbolic(0, 0, 0, lib=["huge of tests", "exp"])[0] == "exp"
    SYMBOLIC_LIB.pop("huge of tests")


def test_edges_that_are_constant_become_0():
    model = KAN([2, 1], seed=0, dtype="float32")
    x = np.random.RandomState(0).uniform(-1, 1, (100, 2))
    model.get_act(x)
    model.act_fun[0].scale_base, model.act_fun[0].coef = 0, 0
    model.act_fun[0].coef[1] = 0.3  # a constant but for rounding
    assert [each[0] for each in model.auto_symbolic().values()] == ["0", "0"]
    assert np.allclose(model.predict(x), 0.3 * model.act_fun[0].scale_sp[1], rtol=1e-6)


@pytest.mark.parametrize("size", [0.1, 0.3, 7.7])
def test_edges_that_are_constant_to_rounding_have_r2_of_0_at_least(size):
    """The rounding of d is a part of the mean, not of the deviation."""
    x = np.linspace(-0.999, 0.999, 200)[:, None]
    model = KAN([1, 1], grid=5, seed=0, dtype="float32", base_fun="zero")
    model.act_fun[0].coef[...] = size
    model.get_act(x)
    for name in ("x", "sin", "exp", "0"):
        assert 0 <= model.clone().fix_symbolic(0, 0, 0, name, x=x) <= 1
