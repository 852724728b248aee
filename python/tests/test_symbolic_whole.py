"""Fixing edges as a whole: what fails changes nothing, what succeeds counts.

What it must show: an edge that cannot be fitted is named, with what to do, before any edge is changed; functions that are fixed count
after ``speed()``, too; later functions follow the inputs that earlier ones give them.
"""

import warnings

import numpy as np
import pytest

from swiftkan import KAN, SYMBOLIC_LIB, _suggest, add_symbolic

X = np.random.RandomState(0).uniform(-1, 1, (100, 2))


def target(x):
    return np.exp(np.sin(np.pi * x[:, :1]) + x[:, 1:] ** 2)


def state(model):
    return [array.tobytes() for array in model.state_dict().values()], model._function_names(), model.symbolic_enabled


# ---- Refusals ----------------------------------------------------------------------------------------------------


def test_an_edge_that_is_not_finite_is_named():
    model = KAN([2, 2, 1], seed=0)
    model.get_act(X)
    model.fix_symbolic(0, 0, 0, "sqrt", fit_params_bool=False)
    before = state(model)
    blame = r"edge \(0, 0, 0\), 'sqrt', is -?nan at -0\.\d+, .* sample \d+; .* unfix_symbolic\(0, 0, 0\)"
    with pytest.raises(ValueError, match=rf"auto_symbolic\(\): edge \(1, 0, 0\) cannot be fitted, since {blame}"):
        model.auto_symbolic()
    assert state(model) == before
    with pytest.raises(ValueError, match=rf"fix_symbolic\(\): edge \(0, 0, 0\) .* {blame}"):
        model.fix_symbolic(0, 0, 0, "sin")
    with pytest.raises(ValueError, match=rf"suggest_symbolic\(\): edge \(1, 0, 0\) .* {blame}"):
        model.suggest_symbolic(1, 0, 0)
    assert state(model) == before
    assert model.clone().fix_symbolic(0, 1, 0, "sin") > 0.9, "another edge of the layer can be fitted"
    model.auto_symbolic(x=np.abs(X))  # inside the domain
    assert model.symbolic_formula()


def test_a_node_that_is_not_finite_is_named():
    model = KAN([2, 1, 1], seed=0, dtype="float32")
    model.get_act(X)
    model.subnode_scale[0][0], model.node_scale[0][0] = 1e30, 1e30
    before = state(model)
    with pytest.raises(ValueError, match=r"edge \(1, 0, 0\) cannot be fitted, since node 0 of level 1 is not finite"):
        model.auto_symbolic()
    assert state(model) == before


def test_samples_that_are_not_finite_are_named():
    model = KAN([2, 1], seed=0)
    x = X.copy()
    x[7, 1] = np.nan
    with pytest.raises(ValueError, match=r"fix_symbolic\(\): x\[7\] is nan in column 1; it must be finite"):
        model.fix_symbolic(0, 1, 0, "sin", x=x)
    with pytest.raises(ValueError, match=r"auto_symbolic\(\): x\[7\] is nan in column 1"):
        model.auto_symbolic(x=x)


def test_a_symbolic_edge_that_no_fit_needs_is_no_obstacle():
    model = KAN([2, 1], seed=0)
    model.get_act(X)
    model.fix_symbolic(0, 0, 0, "sqrt", fit_params_bool=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # predictions were not finite before, either
        assert list(model.auto_symbolic()) == [(0, 1, 0)]


def test_whatever_fails_leaves_the_model_as_it_was():
    calls = []

    def broken(x):  # not when it is added, and not for the first edges
        calls.append(1)
        if len(calls) > 200:
            raise ArithmeticError("broken")
        return np.sinh(x)

    model = KAN([2, 2, 1], seed=0)
    model.get_act(X)
    model.speed()
    before = state(model)
    add_symbolic("broken of tests", broken)
    with pytest.raises(ArithmeticError, match="broken"):
        model.auto_symbolic(lib=["x", "sin", "broken of tests"])
    SYMBOLIC_LIB.pop("broken of tests")
    assert state(model) == before
    for wrong in ({"a_range": 3}, {"log_history": "yes"}, {"random": "no"}, {"fit_params_bool": 2}):
        with pytest.raises((ValueError, TypeError), match=next(iter(wrong))):
            model.fix_symbolic(0, 0, 0, "sin", **wrong)
        assert state(model) == before
    with pytest.raises(ValueError, match="topk"):
        model.suggest_symbolic(0, 0, 0, topk=0)
    for method in (lambda: model.unfix_symbolic(0, 0, 0, log_history=2), lambda: model.unfix_symbolic_all(log_history=2)):
        with pytest.raises(TypeError, match="log_history"):
            method()
    assert state(model) == before


# ---- After speed() -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sped_up():
    model = KAN([2, 1], seed=0)
    model.fit((X, np.sin(3 * X[:, :1]) + X[:, 1:] ** 2), steps=20)
    model.speed()
    return model


def test_fixing_switches_symbolic_edges_on_again(sped_up):
    slow = sped_up.clone()
    slow.symbolic_enabled = True
    for fix in (
        lambda m: m.auto_symbolic(lib=["x", "x^2", "sin"]), lambda m: m.fix_symbolic(0, 1, 0, "x^2"),
        lambda m: m.fix_symbolic(0, 1, 0, "x^2", fit_params_bool=False),
    ):  # fmt: skip
        one, other = sped_up.clone(), slow.clone()
        assert fix(one) == fix(other)
        assert one.symbolic_enabled and np.array_equal(one.predict(X), other.predict(X))
    model = sped_up.clone()
    model.auto_symbolic(lib=["x", "x^2", "sin"])
    assert "sin" in str(model.symbolic_formula()[0][0])


def test_what_fixes_nothing_switches_nothing_on(sped_up):
    model = sped_up.clone()
    before = state(model)
    model.suggest_symbolic(0, 0, 0)
    assert model.auto_symbolic(lib=["sgn"], r2_threshold=0.999) == {}
    assert state(model) == before and not model.symbolic_enabled


# ---- Domains of later layers -------------------------------------------------------------------------------------


def leaving():
    """sqrt of a wavy line: fitted as it is, sqrt ends where the line begins, and the straight line that is nearest begins before."""
    x = np.linspace(-1, 1, 200)[:, None]
    line = x + 0.2 * np.sin(5 * x)
    model = KAN([1, 1, 1], grid=30, seed=0)
    for l, (gets, gives) in enumerate([(x, line), (line, np.sqrt(line - line.min()))]):
        edge = KAN([1, 1], grid=30, seed=0)
        edge.fit((gets, gives), steps=20, opt="LM")
        for name in ("grid", "coef", "scale_base", "scale_sp"):
            setattr(model.act_fun[l], name, getattr(edge.act_fun[0], name))
    model.get_act(x)
    return model, x


LIB = ["x", "sqrt"]


def test_later_functions_follow_their_inputs():
    model, x = leaving()
    apart, together = model.clone(), model.clone()
    found = together.auto_symbolic(lib=LIB)
    for l, i, j in found:
        alone = model.clone()
        assert found[l, i, j][0] == alone.suggest_symbolic(l, i, j, lib=LIB)[0]
        alone.fix_symbolic(l, i, j, found[l, i, j][0])
        apart._put(l, i, j, found[l, i, j][0], alone.symbolic_fun[l].affine[j, i])
    assert np.isnan(apart.predict(x)).any(), "this model no longer shows what it is for"
    assert [each[0] for each in found.values()] == LIB and np.isfinite(together.predict(x)).all()
    assert np.array_equal(together.symbolic_fun[0].affine, apart.symbolic_fun[0].affine)


def test_a_warning_if_they_cannot(monkeypatch):
    model, x = leaving()
    real = _suggest.fit
    monkeypatch.setattr(_suggest, "fit", lambda numbers, *rest: real(numbers, *rest) if len(numbers) > 1 else [(1.0, 0.0, 1.0, 0.0, -np.inf)])
    with pytest.warns(RuntimeWarning, match="auto_symbolic: predictions on the samples were finite and are not any more") as caught:
        model.auto_symbolic(lib=LIB)
    assert caught[0].filename == __file__ and np.isnan(model.predict(x)).any()
