"""Formulas where numbers end or columns repeat: constants outside a function's domain, infinities, one column read twice.

What it must show: the formula has the model's value there, too, NaN and infinities included, and never another one in silence.
"""

import numpy as np
import pytest
import sympy

from swiftkan import FUNCTIONS, KAN, augment_input

X = np.random.RandomState(0).uniform(0.1, 1, (50, 2))


def constant_node(value, names=("sqrt", "log"), dtype="float64"):
    """A network whose second hidden node reads no input and is ``value``."""
    model = KAN([2, 2, 1], dtype=dtype)
    for i in range(2):
        for j in range(2):
            model.fix_symbolic(0, i, j, "x", fit_params_bool=False)
        model.fix_symbolic(1, i, 0, names[i], fit_params_bool=False)
        model.set_mode(0, i, 1, "off")
    model.subnode_bias[0][1] = value
    return model


def assert_same(model, x=X, **arguments):
    np.testing.assert_allclose(model.formula_function(**arguments)(x), model(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("value", [-0.3, 0.0, 2.0, 1e200, -1e200, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_constants_of_all_kinds(name, value):
    """NaN where the function is undefined (SymPy: complex), infinities at poles (SymPy: zoo) and of too large powers (SymPy: 1e1000)."""
    assert_same(constant_node(value, ("sqrt", name)))


def test_log_of_a_negative_constant_is_nan():
    model = constant_node(-0.3)
    assert np.isnan(model(X)).all() and np.isnan(model.formula_function()(X)).all()
    assert model.symbolic_formula()[0] == [sympy.nan]


def test_log_of_0_is_minus_infinity():
    model = constant_node(0.0)
    assert (model.formula_function()(X) == -np.inf).all()
    assert model.formula_latex() == [r"1.0 \sqrt{1.0 x_{1} + 1.0 x_{2}} - \infty"]


def test_a_function_of_no_input_because_a_is_0():
    model = KAN([2, 1])
    for i, name in enumerate(["sin", "log"]):
        model.fix_symbolic(0, i, 0, name, fit_params_bool=False)
    model.symbolic_fun[0].affine[0, 1] = 0, -0.3, 1, 0
    assert_same(model)
    assert np.isnan(model.formula_function()(X)).all()


def test_outputs_that_are_constant():
    """One output is complex to SymPy as a whole, one infinite, one as usual."""
    model = KAN([2, 3])
    for j, (name, b) in enumerate([("sqrt", -0.3), ("1/x", 0.0), ("exp", 1.0)]):
        model.fix_symbolic(0, 0, j, name, fit_params_bool=False)
        model.set_mode(0, 1, j, "off")
        model.symbolic_fun[0].affine[j, 0] = 0, b, 1, 0
    assert_same(model)
    np.testing.assert_allclose(model.formula_function()([0.5, 0.5]), [np.nan, np.inf, np.exp(1)], rtol=1e-14)


def test_splines_of_constants():
    model = constant_node(np.inf)
    model.set_mode(1, 1, 0, "sn")
    assert_same(model, numeric="function")


def test_exact_constants_stay_exact_while_they_are_real():
    model = KAN([2, 1])
    for i, name in enumerate(["x", "log"]):
        model.fix_symbolic(0, i, 0, name, fit_params_bool=False)
    t = sympy.Symbol("t")
    assert model.symbolic_formula(var=[t, sympy.pi])[0][0].has(sympy.pi)
    assert model.symbolic_formula(var=[t, -sympy.pi])[0][0] is sympy.nan


# ---- Columns -----------------------------------------------------------------------------------------------------


def repeating(width=2):
    model = KAN([2, 1])
    model.input_id = [width - 1, width - 1]
    for i, name in enumerate(["sin", "x^2"]):
        model.fix_symbolic(0, i, 0, name, fit_params_bool=False)
    return model


@pytest.mark.parametrize("width", [1, 2, 4])
def test_two_inputs_of_one_column(width):
    model = repeating(width)
    x = np.random.RandomState(1).uniform(-1, 1, (20, model.input_width))
    formulas, variables = model.symbolic_formula()
    assert [str(v) for v in variables] == [f"x_{width}"] * 2 and len(formulas[0].free_symbols) == 1
    assert_same(model, x)


def test_two_inputs_of_one_column_with_names_of_their_own():
    model = repeating(4)
    x = np.random.RandomState(1).uniform(-1, 1, (20, 4))
    assert_same(model, x, var=["a", "b"])
    assert_same(model, x, var=["a", "a"])


def test_one_name_for_two_columns_is_refused():
    model = KAN([2, 1])
    for i in range(2):
        model.fix_symbolic(0, i, 0, "x", fit_params_bool=False)
    with pytest.raises(ValueError, match="var: a stands for the columns 0 and 1 of x; give each column a name of its own"):
        model.formula_function(var=["a", "a"])
    a = sympy.Symbol("a")
    assert sympy.expand(model.symbolic_formula(var=[a, a])[0][0]) == 2.0 * a, "as an expression it means something"


# ---- Formulas of the user's --------------------------------------------------------------------------------------


def test_formulas_that_are_no_real_numbers_are_refused_as_inputs():
    a, b = sympy.symbols("a b")
    for formula in (sympy.log(-2) + a, sympy.sqrt(-2) + 0 * a, sympy.zoo + a):
        with pytest.raises(ValueError, match="aux_vars: .* is nan for x"):
            augment_input([a, b], [formula], X)
    with pytest.raises(ValueError, match="orig_vars: a stands for the columns 0 and 1"):
        augment_input([a, a], [2 * a], X)


def test_variables_of_a_function_are_symbols():
    model, (a, b) = KAN([2, 1]), sympy.symbols("a b")
    for i, name in enumerate(("x", "sin")):
        model.fix_symbolic(0, i, 0, name, fit_params_bool=False)
    assert model.symbolic_formula(var=[a, 2 * b])[0][0].free_symbols == {a, b}
    for var, entry in (([a, 2 * b], r"2\*b"), ([a, 3], "3"), ([sympy.pi, b], "pi"), ([-a, b], "-a")):
        with pytest.raises(ValueError, match=f"var: a function's variables must be names or symbols, but {entry} is an expression"):
            model.formula_function(var=var)
    t = sympy.Symbol("t")
    for var in ([a, b], ("a", b), ["2*b", "x y"], np.array(["u", "v"]), sympy.Matrix([a, b]), [sympy.Function("f")(t), sympy.Function("g")(t)]):
        assert_same(model, var=var)
