"""``SYMBOLIC_LIB`` as pykan's users write to it.

What it must show: what is assigned is a function like any other, what is removed is looked at no more, and no writing breaks a
model.
"""

import copy

import numpy as np
import pytest
import sympy

from swiftkan import FUNCTIONS, KAN, SYMBOLIC_LIB, add_symbolic, create_dataset, fit_params

X = np.linspace(-1, 1, 200)[:, None]


@pytest.fixture(autouse=True)
def as_before():
    before = dict(SYMBOLIC_LIB)
    yield
    SYMBOLIC_LIB.clear()
    SYMBOLIC_LIB.update(before)
    assert list(SYMBOLIC_LIB)[:29] == list(FUNCTIONS)


@pytest.fixture(scope="module")
def model():
    result = KAN([1, 1], grid=10, seed=0)
    result.fit((X, np.tan(1.4 * X)), steps=30)
    return result


def singular(x, y_th):  # as pykan's: a pair
    return (), np.clip(np.tan(x), -y_th, y_th)


ASSIGN = {
    "item": lambda value: SYMBOLIC_LIB.__setitem__("tangent", value),
    "update": lambda value: SYMBOLIC_LIB.update({"tangent": value}),
    "update by keyword": lambda value: SYMBOLIC_LIB.update(tangent=value),
    "setdefault": lambda value: SYMBOLIC_LIB.setdefault("tangent", value),
    "or": lambda value: SYMBOLIC_LIB.__ior__({"tangent": value}),
    "list": lambda value: SYMBOLIC_LIB.__setitem__("tangent", list(value)),
}


@pytest.mark.parametrize("way", ASSIGN)
def test_assigning_is_adding(model, way):
    del SYMBOLIC_LIB["tan"]
    ASSIGN[way]((np.tan, sympy.tan, 1, singular))
    twin = model.clone()
    assert twin.auto_symbolic()[0, 0, 0][0] == "tangent" and twin.symbolic_fun[0].funs_name == [["tangent"]]
    np.testing.assert_allclose(twin(X), np.tan(1.4 * X), rtol=0.01, atol=0.01)
    assert twin.symbolic_formula()[0][0].has(sympy.tan)
    assert SYMBOLIC_LIB["tangent"].complexity == 1 and SYMBOLIC_LIB["tangent"][3](np.array([np.pi / 2 - 1e-9]), 7)[0] == 7
    assert fit_params(X[:, 0], np.tan(X[:, 0]), "tangent")[1] == pytest.approx(1)


def test_setdefault_gives_what_is_stored():
    sine = SYMBOLIC_LIB["sin"]
    assert SYMBOLIC_LIB.setdefault("sin", (np.cosh, None, 3, None)) is sine and SYMBOLIC_LIB.setdefault("sin") is sine
    stored = SYMBOLIC_LIB.setdefault("tangent", (np.tan, sympy.tan, 1, None))
    assert stored is SYMBOLIC_LIB["tangent"] and stored.complexity == 1 and stored.fun_singularity is not None


@pytest.mark.parametrize("name", ["sin", "1/x", "sqrt", "0"])
def test_a_function_of_the_library_under_another_name(name, recwarn):
    SYMBOLIC_LIB["mine"] = SYMBOLIC_LIB[name]
    assert not [str(each.message) for each in recwarn]
    x = np.linspace(0.2, 0.9, 50)[:, None]
    mine, own = (KAN([1, 1]) for _ in range(2))
    mine.fix_symbolic(0, 0, 0, "mine", fit_params_bool=False)
    own.fix_symbolic(0, 0, 0, name, fit_params_bool=False)
    np.testing.assert_array_equal(mine(x), own(x))
    np.testing.assert_allclose(mine.vjp(x, np.ones_like(x))[1], own.vjp(x, np.ones_like(x))[1], rtol=1e-8, atol=1e-8)


def test_functions_of_the_library_refuse_complex_numbers():
    with pytest.raises(TypeError, match="x: must hold real numbers, not complex numbers"):
        SYMBOLIC_LIB["sin"].fun(np.array([0.5 + 1e-30j]))


def test_without_the_optional_parts(model):
    SYMBOLIC_LIB["cosh"] = (np.cosh, None, 3, None)
    twin = KAN([1, 1])
    twin.fix_symbolic(0, 0, 0, "cosh", fit_params_bool=False)
    np.testing.assert_allclose(twin.formula_function()(X), np.cosh(X))
    np.testing.assert_allclose(SYMBOLIC_LIB["cosh"].fun_singularity(X[:, 0], 10), np.cosh(X[:, 0]))


def test_what_is_removed_is_no_candidate(model):
    assert model.suggest_symbolic(0, 0, 0)[0] == "tan"
    fixed = model.clone()
    fixed.fix_symbolic(0, 0, 0, "tan")
    kept = SYMBOLIC_LIB.pop("tan")
    assert model.suggest_symbolic(0, 0, 0)[0] != "tan"
    assert "tan" not in {row.functions[0, 0, 0] for row in model.symbolic_search((X, np.tan(1.4 * X)), max_evaluations=5) if row.functions}
    # Models that have it are as they were, and whoever names it gets it.
    np.testing.assert_allclose(fixed.formula_function()(X), fixed(X), atol=1e-12)
    assert fixed.symbolic_search((X, np.tan(1.4 * X)), lib=["tan"]).best.complexity == 3
    model.clone().fix_symbolic(0, 0, 0, "tan")
    SYMBOLIC_LIB["tan"] = kept
    assert model.suggest_symbolic(0, 0, 0)[0] == "tan"


def test_a_library_without_functions(model):
    SYMBOLIC_LIB.clear()
    with pytest.raises(ValueError, match="lib: is not given, and SYMBOLIC_LIB is empty"):
        model.suggest_symbolic(0, 0, 0)
    assert model.suggest_symbolic(0, 0, 0, lib=["x"])[0] == "x"


@pytest.mark.parametrize("name", ["sin", "own"])
def test_another_complexity_is_the_same_function(name):
    add_symbolic("own", np.sin, c=5)
    before = SYMBOLIC_LIB[name]
    SYMBOLIC_LIB[name] = before._replace(complexity=0.5)
    assert SYMBOLIC_LIB[name] == before._replace(complexity=0.5) and SYMBOLIC_LIB[name].fun is before.fun
    found = KAN([1, 1], seed=0).suggest_symbolic(0, 0, 0, lib=[name], x=X)
    assert (found[0], found[3]) == (name, 0.5)


def test_copies_do_not_disturb_it():
    before = dict(SYMBOLIC_LIB)
    plain = SYMBOLIC_LIB.copy()
    plain["mine"] = 3
    assert type(plain) is dict and type(SYMBOLIC_LIB | {"mine": 3}) is dict and isinstance(SYMBOLIC_LIB, dict)
    del copy.deepcopy(SYMBOLIC_LIB)["sin"]
    assert dict(SYMBOLIC_LIB) == before


@pytest.mark.parametrize(
    "name, value, error, said",
    [
        ("f", np.cosh, TypeError, r"SYMBOLIC_LIB\['f'\]: must be \(fun, sympy function, complexity.*or call add_symbolic\('f', fun\)"),
        ("f", (np.cosh, sympy.cosh, 3), TypeError, "must be .fun, sympy function"),
        ("f", ("cosh", None, 3, None), TypeError, "must be .fun, sympy function"),
        ("f", (np.cosh, None, 3, 7), TypeError, "must be .fun, sympy function"),
        ("f", (np.cosh, None, -1, None), ValueError, r"SYMBOLIC_LIB\['f'\]\[2\]: must be at least 0"),
        ("f", (lambda x: x[:1], None, 1, None), ValueError, r"f: gave the shape \(1,\)"),
        ("sin", (np.sin, sympy.sin, 1, None), ValueError, r"SYMBOLIC_LIB\['sin'\]: is a function of the library.*choose another name"),
        (3, (np.sin, sympy.sin, 1, None), TypeError, "name: must be a text"),
    ],
)
def test_what_cannot_be_assigned(name, value, error, said):
    before = dict(SYMBOLIC_LIB)
    with pytest.raises(error, match=said):
        SYMBOLIC_LIB[name] = value
    assert dict(SYMBOLIC_LIB) == before and KAN([1, 1]).suggest_symbolic(0, 0, 0, x=X)


def test_added_functions_do_not_crowd_out_the_librarys_own():
    """The search finds the formula that it finds without them, and as quickly."""
    dataset = create_dataset(lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2)
    fitted = KAN([2, 5, 1], grid=3, seed=42)
    fitted.fit(dataset, steps=50, lamb=1e-3)
    alone = fitted.symbolic_search(dataset)
    for name, fun in (("drag", lambda v: v * np.abs(v)), ("sinc", np.sinc), ("well", lambda v: v**4 - v**2)):
        add_symbolic(name, fun)
    together = fitted.symbolic_search(dataset)
    assert str(alone.best.formula) == str(together.best.formula) == "exp(x_2**2 + sin(pi*x_1))"
    assert together.evaluations == alone.evaluations
