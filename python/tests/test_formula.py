"""The formula is the model: for every kind of network, to rounding."""

import numpy as np
import pytest
import sympy
from helpers import NETWORKS, random_network

from swiftkan import FUNCTIONS, KAN, ex_round


def all_symbolic(settings, seed=0, dtype="float64"):
    """A network of smooth functions on all edges but one that is off, with random scales, biases and masks."""
    random = np.random.RandomState(seed)
    model = random_network(settings, seed, symbolic=False, dtype=dtype)
    tame = ("sin", "tanh", "gaussian", "x^2", "arctan", "x", "cos", "exp", "x^3")
    for l, layer in enumerate(model.symbolic_fun):
        for j in range(layer.out_dim):
            for i in range(layer.in_dim):
                layer.set_function(i, j, tame[random.randint(len(tame))])
                layer.affine[j, i] = random.uniform(-1, 1, 4)
                layer.mask[j, i] = random.choice([1.0, 0.5])
        model.act_fun[l].mask[:] = 0
    if model.symbolic_fun[0].mask.size > 1:
        model.symbolic_fun[0].mask[0, 0] = 0
    return model


def inputs(model, n=40):
    return np.random.RandomState(1).uniform(-1, 1, (n, model.input_width))


@pytest.mark.parametrize("settings", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_formula_is_the_model(settings, seed):
    model = all_symbolic(settings, seed)
    x = inputs(model)
    expected = model(x)
    formulas, variables = model.symbolic_formula()
    assert len(formulas) == model.width_in[-1] and [str(v) for v in variables] == [f"x_{i + 1}" for i in range(x.shape[1])]
    np.testing.assert_allclose(model.formula_function()(x), expected, rtol=1e-12, atol=1e-12)
    # By SymPy alone, at one sample.
    values = dict(zip(variables, x[0]))
    by_hand = [float(formula.evalf(17, subs=values)) for formula in formulas]
    np.testing.assert_allclose(by_hand, expected[0], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function(name):
    model = KAN([1, 1])
    model.fix_symbolic(0, 0, 0, name, fit_params_bool=False)
    model.symbolic_fun[0].affine[0, 0] = 0.4, 0.45, -1.5, 0.3
    x = np.linspace(-1, 1, 50)[:, None]
    np.testing.assert_allclose(model.formula_function()(x), model(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("settings", [NETWORKS[k] for k in ("plain", "products of all kinds", "identity", "zero", "k=0")])
def test_splines_as_functions(settings):
    """Numeric edges, and those with both parts."""
    model = random_network(settings, 3)
    x = inputs(model)
    with pytest.raises(ValueError, match=r"the edges \(l, i, j\) \(0, 0, 0\), .*numeric='function'"):
        model.symbolic_formula()
    formula = model.symbolic_formula(numeric="function")[0][0]
    assert "phi_0_0_0" in str(formula)
    np.testing.assert_allclose(model.formula_function(numeric="function")(x), model(x), rtol=1e-12, atol=1e-12)


def test_the_error_lists_what_is_numeric():
    model = KAN([2, 1, 1])
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
    model.set_mode(1, 0, 0, "sn")
    with pytest.raises(ValueError, match=r"\(0, 1, 0\), \(1, 0, 0\) are numeric"):
        model.symbolic_formula()


def test_symbolic_parts_that_are_switched_off_are_left_out():
    model = KAN([1, 1])
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
    model.symbolic_enabled = False
    assert model.symbolic_formula()[0] == [0] and model([0.3])[0] == 0


def test_pruned_models_keep_their_constants_and_columns():
    random = np.random.RandomState(0)
    x = random.uniform(-1, 1, (300, 3))
    model = KAN([3, 2, 1], grid=5, seed=2)
    model.fit((x, np.sin(3 * x[:, [0]]) + x[:, [2]] ** 2), steps=20)
    small = model.prune_input(active_inputs=[0, 2])
    small.auto_symbolic(lib=FUNCTIONS)
    assert [str(v) for v in small.symbolic_formula()[1]] == ["x_1", "x_3"]
    np.testing.assert_allclose(small.formula_function()(x), small(x), rtol=0, atol=1e-12)
    named = small.symbolic_formula(var=["mass", "unused", "speed"])
    assert [str(v) for v in named[1]] == ["mass", "speed"] == [str(v) for v in small.symbolic_formula(var=["mass", "speed"])[1]]
    with pytest.raises(ValueError, match="var: has 1 entries; it must have 2"):
        small.symbolic_formula(var=["a"])


def test_normalisers():
    model = all_symbolic({"width": [2, 3, 2]}, 4)
    x, mean, std = inputs(model), np.array([0.5, -2.0]), np.array([2.0, 0.1])
    f = model.formula_function(normalizer=[mean, std], output_normalizer=[[1.0, 2.0], 3.0])
    np.testing.assert_allclose(f(x * std + mean), model(x) * 3 + [1, 2], rtol=1e-11)
    with pytest.raises(ValueError, match="normalizer: std has 3 entries; it must have 2 or 1"):
        model.symbolic_formula(normalizer=[0, [1, 2, 3]])
    with pytest.raises(ValueError, match="output_normalizer: must be a pair"):
        model.symbolic_formula(output_normalizer=3)


def test_simplify():
    model = KAN([2, 1])
    for i in range(2):
        model.fix_symbolic(0, i, 0, "x", fit_params_bool=False)
    x, y = sympy.symbols("x y")
    formula = model.symbolic_formula(var=[sympy.cos(x) ** 2, sympy.sin(x) ** 2], simplify=True)[0][0]
    assert formula == 1 or formula == sympy.Float(1.0)
    assert model.symbolic_formula(var=[x, y])[0][0].free_symbols == {x, y}


def test_float32_is_written_with_the_numbers_it_has():
    model = all_symbolic({"width": [2, 3, 1]}, 5, dtype="float32")
    x = inputs(model)
    np.testing.assert_allclose(model.formula_function()(x), model(x), rtol=3e-5, atol=3e-6)


def test_what_a_formula_function_takes():
    f = all_symbolic({"width": [2, 1]}).formula_function()
    assert f([0.1, 0.2]).shape == (1,) and f(np.zeros((4, 3, 2))).shape == (4, 3, 1)
    with pytest.raises(ValueError, match="the last axis must be 2"):
        f(np.zeros((5, 3)))


@pytest.mark.parametrize("offset", [-1e4, -1000.5, -600, -30.25, -20.0, -3.5, 0, 19.5, 40.25, 1000, 12345.678])
@pytest.mark.parametrize("factor", [1.0, -2.5, 1e-250, 1e250])
def test_exponents_with_an_offset(offset, factor):
    """No double holds exp(-1000), and SymPy takes it out of exp(x - 1000) if it may."""
    model = KAN([1, 1])
    model.fix_symbolic(0, 0, 0, "exp", fit_params_bool=False)
    model.symbolic_fun[0].affine[0, 0] = 0.5, offset, factor, 0 if factor == 1e-250 else 1.5
    x = np.linspace(-1, 1, 7)[:, None] - 2 * offset
    expected = model(x)
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(model.formula_function()(x), expected, rtol=1e-9)
    short = sympy.lambdify(sympy.Symbol("x_1"), ex_round(model.symbolic_formula()[0][0], 15))
    np.testing.assert_allclose(np.broadcast_to(short(x), x.shape), expected, rtol=1e-9)
    assert "e^{" in model.formula_latex()[0]


def test_formulas_of_inputs_with_an_offset():
    """Trained on (year - 2000)/10."""
    model = KAN([1, 1])
    model.fix_symbolic(0, 0, 0, "exp", fit_params_bool=False)
    model.symbolic_fun[0].affine[0, 0] = 5, 0, 1, 0
    years = np.array([[1990.0], [2000.0], [2010.0]])
    formula = model.formula_function(normalizer=(2000, 10))
    np.testing.assert_allclose(formula(years), model((years - 2000) / 10), rtol=1e-12)
    assert model.formula_latex(normalizer=(2000, 10)) == ["1.0 e^{0.5 x_{1} - 1000}"]
    model.symbolic_fun[0].affine[0, 0] = 1, 0, 1, 0
    moments = dict(normalizer=(1.7e12, 1e10))  # milliseconds since 1970
    x = 1.7e12 + 1e10 * np.array([[-1.0], [0.0], [1.0]])
    np.testing.assert_allclose(model.formula_function(**moments)(x), np.exp([[-1], [0], [1]]), rtol=1e-9)
    assert model.formula_latex(**moments) == [r"1.0 e^{1.0 \cdot 10^{-10} x_{1} - 170}"]


def test_latex():
    model = KAN([2, 1])
    model.fix_symbolic(0, 0, 0, "sqrt", fit_params_bool=False)
    model.fix_symbolic(0, 1, 0, "sin", fit_params_bool=False)
    assert model.formula_latex(2) == [r"1.0 \sqrt{x_{1}} + 1.0 \sin{\left(1.0 x_{2} \right)}"]


# ---- Rounding ----------------------------------------------------------------------------------------------------

x, y = sympy.symbols("x y")


@pytest.mark.parametrize(
    "given, digits, shown",
    [
        (1.00000000001 * sympy.exp(0.99999999 * y**2 + 1.0000001 * sympy.sin(3.14159265 * x)) - 1e-12, 4, "1.0*exp(1.0*y**2 + 1.0*sin(3.1416*x))"),
        (100 * (0.00999999999 * x) ** 2, 4, "0.01*x**2"),
        (0.00999999999 * x, 4, "0.01*x"),
        (1.23456e-7 * x + 2e-7, 3, "1.23e-7*x + 2.0e-7"),
        (1e9 * x + 0.123456, 2, "1000000000.0*x + 0.12"),
        (x**1.5 + x**sympy.Float(2.0), 2, "x**2 + x**1.5"),
        (sympy.sin(x + 1e-14), 4, "sin(x)"),
        (sympy.Float(0.5) * x + 1e-20 * y, 4, "0.5*x"),
        (sympy.Integer(3) + x, 2, "x + 3"),
        (0.123456 * x - sympy.oo, 2, "0.12*x - oo"),
        (sympy.Float("5.07595e-435") * sympy.exp(x) + 3.0 * y, 3, "3.0*y + 5.08e-435*exp(x)"),
        (sympy.Float("5.07595e435") * x + y, 3, "5.08e+435*x + y"),
        (sympy.Float("5.07595e-435") + y, 3, "y"),
    ],
)  # fmt: skip
def test_rounding(given, digits, shown):
    assert str(ex_round(given, digits)) == shown


def test_lists_are_rounded_one_by_one():
    x = sympy.Symbol("x")
    assert ex_round([1], 3) == [1] and ex_round((1.23456 * x, x), 2) == (1.23 * x, x)
    model = KAN([1, 2])
    for j in range(2):
        model.fix_symbolic(0, 0, j, "sin", fit_params_bool=False)
        model.symbolic_fun[0].affine[j, 0] = [1, 0, 1.23456, 0]
    formulas, names = model.symbolic_formula()
    assert ex_round(formulas, 2) == [ex_round(each, 2) for each in formulas] and str(ex_round(formulas, 2)[0]) == "1.23*sin(1.0*x_1)"
    assert ex_round(model.symbolic_formula(), 2) == (ex_round(formulas, 2), names)


def test_rounded_constants_have_all_their_bits():
    """pykan's rounding makes numbers of few bits: 100·0.01 became 0.99945."""
    value = ex_round(0.00999999999 * x, 4).coeff(x)
    assert float(value * 100) == 1.0 and value._prec >= 53


def test_digits_are_checked():
    with pytest.raises(TypeError, match="n_digit"):
        ex_round(x, 2.5)
    with pytest.raises(ValueError, match="n_digit"):
        ex_round(x, -1)
