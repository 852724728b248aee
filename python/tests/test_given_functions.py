"""Functions given themselves instead of a name, as in ``fix_symbolic(0, 0, 0, np.sinh)``.

What it must show: they belong to the model alone, questions leave nothing behind, and one function has one number.
"""

import gc
import weakref

import numpy as np
import pytest

from swiftkan import FUNCTIONS, KAN, SYMBOLIC_LIB, _core, add_symbolic, fit_params

X = np.linspace(-1, 1, 200)[:, None]


def fixed(*functions):
    """A model whose edges are these functions, f(x) without constants."""
    model = KAN([len(functions), 1])
    for i, fun in enumerate(functions):
        model.fix_symbolic(0, i, 0, fun, fit_params_bool=False)
    return model


def number(model, i=0):
    return model._core.symbolic_get(0, i, 0)


class Cubes:
    def __call__(self, x):
        return x**3

    def method(self, x):
        return x**5 / 7


# ---- The library stays what it was -------------------------------------------------------------------------------


def test_no_function_that_is_given_is_a_candidate():
    model = KAN([1, 1], grid=10, seed=0)
    model.fit((X, np.sin(3 * X)), steps=20)
    before, suggested = dict(SYMBOLIC_LIB), model.suggest_symbolic(0, 0, 0)
    fit_params(X[:, 0], np.sin(3 * X[:, 0]), np.sin)
    fixed(np.sin, lambda t: np.sin(3 * t), Cubes())
    assert dict(SYMBOLIC_LIB) == before and list(FUNCTIONS) == list(_core.functions()[:29])
    assert model.suggest_symbolic(0, 0, 0) == suggested
    assert model.clone().auto_symbolic()[0, 0, 0][0] == "sin"


def test_it_may_be_asked_for_by_its_name():
    model = fixed(lambda t: np.cosh(2 * t))
    name = model.symbolic_fun[0].funs_name[0][0]
    found, entry, r2, c = model.suggest_symbolic(0, 0, 0, lib=["x", name], x=X)
    assert (found, c) == (name, 3) and r2 > 0.999999
    np.testing.assert_allclose(entry.fun(X[:, 0]), np.cosh(2 * X[:, 0]))
    model.symbolic_fun[0].funs_name[0][0] = "x"
    model.symbolic_fun[0].funs_name[0][0] = name
    np.testing.assert_allclose(model(X), np.cosh(2 * X))


def test_formulas_and_complexities_know_it():
    dataset = {"train_input": X, "train_label": np.cosh(2 * X), "test_input": X, "test_label": np.cosh(2 * X)}
    model = fixed(np.cosh)
    model.fit(dataset, steps=20)
    np.testing.assert_allclose(model.formula_function()(X), model(X), atol=1e-12)
    (row,) = [row for row in model.symbolic_search(dataset, lib=["x", model.symbolic_fun[0].funs_name[0][0]]) if row.complexity == 3]
    assert row.loss < 1e-9 and "cosh" in str(row.formula)


# ---- One function, one number ------------------------------------------------------------------------------------


def square(t):
    return t**2


CUBES = Cubes()


@pytest.mark.parametrize("get", [lambda: square, lambda: np.sinh, lambda: CUBES, lambda: CUBES.method], ids=["def", "ufunc", "object", "method"])
def test_the_same_function_has_the_same_number(get):
    one = fixed(get(), get())
    assert number(one, 0) == number(one, 1) == number(fixed(get()))
    count = len(_core.functions())
    fit_params(X[:, 0], X[:, 0], get())
    fixed(get())
    assert len(_core.functions()) == count


def test_different_functions_of_one_name_are_different():
    model = fixed(*[lambda t, k=k: k * t for k in range(5)])
    assert len({number(model, i) for i in range(5)}) == 5
    assert model(np.ones((1, 5))) == pytest.approx(10)


@pytest.mark.parametrize("fun, name", [(np.sinh, "numpy.sinh"), (CUBES.method, None)], ids=["ufunc", "method"])
def test_a_name_that_was_made_another_functions_is_not_taken_for_it(fun, name):
    old = fixed(fun)
    name = name or old.symbolic_fun[0].funs_name[0][0]
    assert name in old.symbolic_fun[0].funs_name[0]
    add_symbolic(name, np.cosh)
    try:
        y = fun(3 * X[:, 0])
        assert fit_params(X[:, 0], y, fun)[1] == pytest.approx(1)
        model = fixed(fun)
        np.testing.assert_allclose(model(X), fun(X))
        np.testing.assert_allclose(old(X), fun(X))
        np.testing.assert_allclose(fixed(name)(X), np.cosh(X))
        assert number(model) == number(fixed(fun)) and fit_params(X[:, 0], y, fun)[1] == pytest.approx(1)
    finally:
        add_symbolic(name, fun)
        del SYMBOLIC_LIB[name]


# ---- Questions ---------------------------------------------------------------------------------------------------


def test_a_question_leaves_nothing_behind():
    fit_params(X[:, 0], X[:, 0], lambda t: t)
    count, gone = len(_core.functions()), []
    for k in range(20):
        fun = Cubes()
        params, r2 = fit_params(X[:, 0], (X[:, 0] + k) ** 3, fun)
        assert r2 > 0.999
        gone.append(weakref.ref(fun))
    del fun
    gc.collect()
    assert len(_core.functions()) == count and not any(each() for each in gone)


def test_a_question_within_a_question():
    inner = []

    def fun(t):
        if not inner:
            inner.append(None)
            inner[0] = fit_params(X[:, 0], X[:, 0] ** 2, lambda u: u**2)[1]
        return t**3

    assert fit_params(X[:, 0], X[:, 0] ** 3, fun)[1] == pytest.approx(1) and inner == [pytest.approx(1)]


def test_after_an_exception_all_is_as_before():
    calls = []

    def fun(t):
        calls.append(None)
        if len(calls) > 3:
            raise ZeroDivisionError("of the user's")
        return t * 1.0

    with pytest.raises(ZeroDivisionError, match="of the user's"):
        fit_params(X[:, 0], X[:, 0], fun)
    with pytest.raises(ValueError, match=r"fun: there is no function 'no'"):
        fit_params(X[:, 0], X[:, 0], "no")
    with pytest.raises(ValueError, match=r"half: gave the shape \(1,\) for the shape \(3,\)"):

        def half(t):
            return t[:1]

        fit_params(X[:, 0], X[:, 0], half)
    count = len(_core.functions())
    assert fit_params(X[:, 0], X[:, 0] ** 2, lambda t: t**2)[1] == pytest.approx(1) and len(_core.functions()) == count


def test_functions_added_by_name_are_still_candidates():
    add_symbolic("a test's own", lambda t: np.exp(-t) * np.sin(9 * t), c=1)
    try:
        y = np.exp(-X) * np.sin(9 * X)
        assert fixed("a test's own").suggest_symbolic(0, 0, 0, x=X)[0] == "a test's own"
        assert fit_params(X[:, 0], y[:, 0], "a test's own")[1] == pytest.approx(1)
    finally:
        del SYMBOLIC_LIB["a test's own"]


@pytest.mark.parametrize(
    "fun, points",
    [
        (lambda t: np.where(t > -4, t**2, 8 * np.abs(t) - 16), (-6.0, 2.0)),
        (lambda t: np.where(np.abs(t) < 10, t**2, 20 * np.abs(t) - 100), (20.0, -200.0, 3.0)),
        (lambda t: np.sin(t, out=t), (1.0, -2.0)),
        (lambda t: np.sin(50 * t), (0.3, 2.0)),
    ],
    ids=["far below", "far on both sides", "in place", "quick"],
)
def test_gradients_of_functions_that_look_complex(fun, points):
    """Functions with a piece where the imaginary part is lost, and one that writes into its argument."""
    model = KAN([1, 1])
    model.fix_symbolic(0, 0, 0, fun, fit_params_bool=False)
    for t in points:
        h = 1e-5
        difference = (fun(np.array([t + h])) - fun(np.array([t - h])))[0] / (2 * h)
        assert model([[t]])[0, 0] == fun(np.array([t]))[0]
        assert model.vjp([[t]], [[1.0]])[1][0, 0] == pytest.approx(difference, rel=1e-5)
