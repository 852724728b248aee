"""Edges as functions: fixing, freeing, suggesting, and functions of the user's own."""

import pickle
import threading

import numpy as np
import pytest
from helpers import samples, worst_gradient_error
from scipy import special

from swiftkan import FUNCTIONS, KAN, SYMBOLIC_LIB, add_symbolic, get_num_threads, set_num_threads

X = np.random.RandomState(0).uniform(-1, 1, (400, 2))


def trained(f, width=(2, 1), grid=10, steps=30, **settings):
    model = KAN(list(width), grid=grid, seed=1, **settings)
    model.fit((X[:, : width[0]], f(X)), steps=steps)
    return model


@pytest.fixture(scope="module")
def additive():
    return trained(lambda x: np.sin(3 * x[:, [0]]) + np.exp(1.5 * x[:, [1]]))


@pytest.fixture(scope="module", autouse=True)
def bessel():
    add_symbolic("J0 of tests", special.j0, c=3, derivative=lambda x: -special.j1(x), sympy=lambda x: __import__("sympy").besselj(0, x))
    yield
    SYMBOLIC_LIB.pop("J0 of tests")


# ---- One edge ----------------------------------------------------------------------------------------------------


def test_fixing_and_freeing(additive):
    model, before = additive.clone(), additive(X)
    assert model.fix_symbolic(0, 0, 0, "sin") > 0.9999
    assert model.symbolic_fun[0].funs_name == [["sin", "0"]]
    assert model.symbolic_fun[0].mask.tolist() == [[1, 0]] and model.act_fun[0].mask.tolist() == [[0], [1]]
    assert abs(model.symbolic_fun[0].affine[0, 0, 0]) == pytest.approx(3, abs=0.05)
    assert np.sqrt(np.mean((model(X) - before) ** 2)) < 0.02
    model.unfix_symbolic(0, 0, 0)
    assert np.array_equal(model(X), before) and model.symbolic_fun[0].funs_name == [["0", "0"]]


def test_a_function_with_a_pole_does_no_harm_when_freed(additive):
    model, before = additive.clone(), additive(X)
    model.fix_symbolic(0, 0, 0, "log", fit_params_bool=False)
    assert np.isnan(model(X)).any()
    model.unfix_symbolic_all()
    assert np.array_equal(model(X), before)


def test_modes(additive):
    model = additive.clone()
    model.fix_symbolic(0, 0, 0, "x", fit_params_bool=False)
    both = model(X)
    for mode, numeric, symbolic in (("s", 0, 1), ("n", 1, 0), ("sn", 1, 1), ("ns", 1, 1), ("", 0, 0), ("off", 0, 0)):
        model.set_mode(0, 0, 0, mode)
        assert (model.act_fun[0].mask[0, 0], model.symbolic_fun[0].mask[0, 0]) == (numeric, symbolic)
    model.set_mode(0, 0, 0, "sn", 0.25)
    np.testing.assert_allclose(model(X), both + 0.25 * (additive(X) - (both - X[:, [0]])), atol=1e-12)


def test_parameters_without_a_fit(additive):
    model = additive.clone()
    assert model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False) is None
    assert model.symbolic_fun[0].affine[0, 0].tolist() == [1, 0, 1, 0]
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False, random=True)
    first = model.symbolic_fun[0].affine[0, 0].copy()
    assert (np.abs(first) < 1).all() and np.unique(first).size == 4
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False, random=True)
    assert np.array_equal(first, model.symbolic_fun[0].affine[0, 0])


def test_an_edge_that_is_off(additive):
    model = additive.clone()
    model.set_mode(0, 0, 0, "off")
    before = model(X)
    assert model.suggest_symbolic(0, 0, 0)[2] == -1e8
    assert model.symbolic_fun[0].mask[0, 0] == 0, "a suggestion changes nothing"
    assert model.fix_symbolic(0, 0, 0, "sin") == -1e8
    assert np.allclose(model(X), before), "an edge that gave nothing still gives nothing"
    assert model.fix_symbolic(0, 0, 0, "exp") != -1e8, "now it is on"


def test_looking_changes_nothing(additive):
    state, names = additive.state_dict(), additive._function_names()
    low, high, bottom, top = additive.get_range(0, 0, 0)
    gets, gives = additive.get_fun(0, 0, 0)
    assert (low, high) == (gets[0], gets[-1]) == (X[:, 0].min(), X[:, 0].max())
    assert (bottom, top) == (gives.min(), gives.max()) and (np.diff(gets) >= 0).all()
    additive.suggest_symbolic(0, 0, 0)
    assert names == additive._function_names()
    assert all(np.array_equal(state[name], value) for name, value in additive.state_dict().items())
    assert additive.get_range(0, 0, 0, x=np.array([[0.25, 0.0], [0.5, 0.0]]))[:2] == (0.25, 0.5)


def test_verbose_prints_what_pykan_prints(additive, capsys):
    model = additive.clone()
    model.get_range(0, 0, 0, verbose=True)
    assert capsys.readouterr().out.startswith("x range: [-")
    model.fix_symbolic(0, 0, 0, "sin", verbose=True)
    assert capsys.readouterr().out.startswith("r2 is 0.99")
    model.suggest_symbolic(0, 1, 0, verbose=True, topk=3)
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 4 and "fitting r2" in table[0] and "exp" in table[1]
    model.auto_symbolic(verbose=1)
    assert capsys.readouterr().out.splitlines() == [
        "skipping (0,0,0) since already symbolic", f"fixing (0,1,0) with exp, r2={additive.suggest_symbolic(0, 1, 0)[2]}, c=2"
    ]  # fmt: skip


def test_nothing_is_printed_by_default(additive, capsys):
    model = additive.clone()
    model.get_range(0, 0, 0), model.suggest_symbolic(0, 0, 0), model.fix_symbolic(0, 0, 0, "sin"), model.auto_symbolic()
    assert capsys.readouterr().out == ""


# ---- Suggestions -------------------------------------------------------------------------------------------------


def test_suggestions(additive):
    assert additive.suggest_symbolic(0, 0, 0)[0] == "sin"
    name, entry, r2, c = additive.suggest_symbolic(0, 1, 0)
    assert (name, c) == ("exp", 2) and entry is SYMBOLIC_LIB["exp"] and r2 > 0.9999
    assert additive.suggest_symbolic(0, 1, 0, lib=["x", "x^2"])[0] == "x^2"
    assert additive.suggest_symbolic(0, 0, 0, weight_simple=1.0)[0] == "0", "pykan's rule: only simplicity counts"
    assert additive.suggest_symbolic(0, 0, 0, weight_simple=0.8)[0] in ("sin", "cos")
    assert additive.suggest_symbolic(0, 0, 0, c_loss_fun=lambda c: -c, weight_simple=0.99)[0] == "1/x^5"


def test_sine_and_cosine_are_told_apart_by_their_phase():
    for f, name in ((np.sin, "sin"), (np.cos, "cos")):
        model = trained(lambda x: f(3 * x[:, [0]]) + 0.1 * x[:, [1]])
        assert model.suggest_symbolic(0, 0, 0)[0] == name


def test_noise_does_not_make_everything_zero():
    """pykan's weights want r2 > 0.996 of a sine before it beats '0'."""
    random = np.random.RandomState(0)
    model = KAN([1, 1], grid=40, seed=1)
    x = random.uniform(-1, 1, (200, 1))
    model.fit((x, np.sin(4 * x) + 0.5 * random.randn(200, 1)), steps=30)
    name, _, r2, _ = model.suggest_symbolic(0, 0, 0)
    assert name in ("sin", "cos") and 0.5 < r2 < 0.99
    assert model.suggest_symbolic(0, 0, 0, weight_simple=0.8)[0] in ("0", "x")


@pytest.mark.parametrize("noise", [0.1, 1.0])
def test_noise_does_not_hide_functions(noise):
    """Six samples of the noise: neither edge ends as '0', and most as what they are."""
    found = []
    for seed in range(6):
        random = np.random.RandomState(seed)
        x = random.uniform(-1, 1, (500, 2))
        clean = np.sin(3 * x[:, [0]]) + x[:, [1]] ** 2
        model = KAN([2, 1], grid=5, seed=seed)
        model.fit((x, clean + noise * clean.std() * random.randn(500, 1)), steps=15)
        found.append(tuple(model.suggest_symbolic(0, i, 0, lib=FUNCTIONS)[0] for i in (0, 1)))
    assert "0" not in {name for pair in found for name in pair}
    assert found.count(("sin", "x^2")) >= 4


def test_a_dead_edge_is_zero():
    """'0' is simpler than x, so that x must explain more than a trace of it; a line with a ripple is a line all the same."""
    model, x = KAN([1, 1], grid=8, seed=0, base_fun="zero"), np.linspace(-1, 1, 400)[:, None]
    model.get_act(x)
    shares = []
    for wave, line in ((1e-6, 1e-8), (1.0, 0.01), (1.0, 0.05), (1.0, 1.0), (0.0, 1e-6)):
        coef = model.act_fun[0].coef[0, 0]
        coef[...] = line * np.linspace(-1, 1, coef.size) + wave * (-1.0) ** np.arange(coef.size)
        shares.append(np.corrcoef(x[:, 0], model(x)[:, 0])[0, 1] ** 2)
        assert not 0.05 < shares[-1] < 0.2, "so near the limit nothing is shown"
        assert model.suggest_symbolic(0, 0, 0, lib=["0", "x"])[0] == ("x" if shares[-1] > 0.1 else "0"), (wave, line)
    assert min(shares) < 1e-2 < 0.9 < max(shares)


def test_a_parabola_is_not_a_piece_of_a_sine():
    """Both fit to 1e-9; a sine of 10 000 times the size is not meant."""
    model = trained(lambda x: x[:, [0]] ** 2 + np.sin(3 * x[:, [1]]))
    assert [fixed[0] for fixed in model.auto_symbolic(lib=FUNCTIONS).values()] == ["x^2", "sin"]


def test_auto_symbolic_on_all_kinds_of_edges():
    model = trained(lambda x: np.exp(np.sin(3 * x[:, [0]]) + x[:, [1]] ** 2) / 3, width=(2, 2, 1), steps=20)
    model.set_mode(0, 1, 1, "off")
    model.fix_symbolic(1, 1, 0, "x")
    before = {edge: model._edge_data(*edge, None, "") for edge in ((0, 0, 0), (1, 0, 0))}
    fixed = model.auto_symbolic()
    assert set(fixed) == {(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)}
    assert all((layer.mask == 0).all() for layer in model.act_fun)
    assert [layer.mask.tolist() for layer in model.symbolic_fun] == [[[1, 1], [1, 0]], [[1, 1]]] and model.n_edge == 5
    for (l, i, j), (gets, gives) in before.items():  # fitted to what the edges gave before any of them was fixed
        a, b, c, d = model.symbolic_fun[l].affine[j, i]
        error = np.mean((c * SYMBOLIC_LIB[fixed[l, i, j][0]].fun(a * gets + b) + d - gives) ** 2)
        assert error == pytest.approx((1 - fixed[l, i, j][1]) * gives.var(), rel=1e-3, abs=1e-12)


def test_edges_that_are_off_stay_off():
    model = trained(lambda x: np.sin(3 * x[:, [0]]) + x[:, [1]] ** 2, width=(2, 3, 1), steps=20)
    model.remove_edge(0, 0, 1)
    model.remove_edge(1, 2, 0)
    before = model(X)
    model.auto_symbolic()
    assert model.n_edge == 7 and model.symbolic_formula()[0][0].free_symbols
    assert np.isfinite(model(X)).all()
    model.unfix_symbolic_all()
    assert model.n_edge == 7 and np.array_equal(model(X), before)


def test_r2_threshold_leaves_edges_numeric(additive):
    model = additive.clone()
    assert additive.suggest_symbolic(0, 0, 0, lib=["x"])[2] < 0.8 < additive.suggest_symbolic(0, 1, 0, lib=["x"])[2]
    assert list(model.auto_symbolic(lib=["x"], r2_threshold=0.8)) == [(0, 1, 0)]
    assert model.act_fun[0].mask.tolist() == [[1], [0]]


def test_other_data_than_those_of_training(additive):
    model = KAN([2, 1], grid=10, seed=1)
    model.load_state_dict(additive.state_dict())
    with pytest.raises(RuntimeError, match="needs data"):
        model.auto_symbolic()
    assert model.suggest_symbolic(0, 0, 0, x=X)[0] == "sin"
    assert set(model.auto_symbolic(x=X)) == {(0, 0, 0), (0, 1, 0)}


@pytest.mark.parametrize("name", ["arcsin", "arctanh", "log", "sqrt", "1/x"])
def test_float32_does_not_leave_the_domain(name):
    low, high = {"arcsin": (-1, 1), "arctanh": (-0.999, 0.999), "log": (1e-3, 3), "sqrt": (0, 2), "1/x": (0.01, 1)}[name]
    for seed in range(20):
        t = np.random.RandomState(seed).uniform(low, high, (300, 1))
        t[:2, 0] = low, high
        model = KAN([1, 1], dtype="float32")
        x = (t * 0.37 + 0.11).astype(np.float32)
        model.fix_symbolic(0, 0, 0, name, fit_params_bool=False)
        model.symbolic_fun[0].affine[0, 0] = 1 / 0.37, -0.11 / 0.37, 2, 1
        y = model(x)
        model.cache_data = x[np.isfinite(y).ravel()]
        model.fix_symbolic(0, 0, 0, name)
        assert np.isfinite(model(model.cache_data)).all()


# ---- Functions of the user's -------------------------------------------------------------------------------------


def test_the_bessel_function_is_found():
    """pykan's Example 5: nothing of the library is J0(20x), the added function is."""
    x = np.random.RandomState(1).uniform(-1, 1, (1000, 1))
    model = KAN([1, 1], grid=60, seed=0)
    model.fit((x, special.j0(20 * x)), steps=40)
    # A fast cosine explains a part; the Bessel function all.
    assert model.suggest_symbolic(0, 0, 0, a_range=(-40, 40), lib=FUNCTIONS)[2] < 0.95
    name, _, r2, c = model.suggest_symbolic(0, 0, 0, a_range=(-40, 40))
    assert (name, c) == ("J0 of tests", 3) and r2 > 0.9989
    assert model.fix_symbolic(0, 0, 0, "J0 of tests", a_range=(-40, 40)) == r2
    result = model.fit((x, special.j0(20 * x)), steps=10)
    assert result["train_loss"][-1] < 1e-10
    assert np.abs(model.symbolic_fun[0].affine[0, 0]) == pytest.approx([20, 0, 1, 0], abs=1e-8)
    f = model.formula_function()
    np.testing.assert_allclose(f(x), model(x), atol=1e-12)
    assert "besselj" in str(model.symbolic_formula()[0][0])


@pytest.mark.parametrize("derivative", [None, lambda x: np.cos(x) * (1 + 2 * np.sin(x))], ids=["differences", "given"])
@pytest.mark.parametrize("complex_too", [True, False])
def test_gradients_through_an_added_function(derivative, complex_too):
    def fun(x):
        return np.sin(x) + np.sin(x) ** 2 if complex_too else np.sin(np.real(x).astype(float)) + np.sin(np.real(x).astype(float)) ** 2

    add_symbolic("sines of tests", fun, derivative=derivative)
    model = KAN([2, 3, 1], grid=4, seed=0)
    for i in range(2):
        model.fix_symbolic(0, i, 1, "sines of tests", fit_params_bool=False, random=True)
    model.fix_symbolic(1, 2, 0, "sines of tests", fit_params_bool=False, random=True)
    x, y = samples(model, 9)
    gradient = model.value_and_grad(x, y)[1]
    flat = np.concatenate([part.ravel() for part in gradient.values()]) if isinstance(gradient, dict) else np.asarray(gradient)
    point = model._array[: model._parameter_count]
    assert worst_gradient_error(lambda: model.value_and_grad(x, y)[0], point, flat.ravel()[: point.size], 1e-7) < 1e-7


def test_added_functions_run_on_the_calling_thread_only():
    threads, before = set(), get_num_threads()

    def fun(x):
        threads.add(threading.get_ident())
        return np.tanh(x)

    add_symbolic("where of tests", fun)
    model = KAN([4, 20, 1], grid=5)
    for i in range(20):
        model.fix_symbolic(1, i, 0, "where of tests", fit_params_bool=False)
    x = np.random.RandomState(0).rand(20_000, 4)
    try:
        set_num_threads(4)
        alone = model(x)
        model.fit((x[:500], x[:500, :1]), steps=1)
    finally:
        set_num_threads(before)
    assert threads == {threading.get_ident()}
    reference = KAN([4, 20, 1], grid=5)
    for i in range(20):
        reference.fix_symbolic(1, i, 0, "tanh", fit_params_bool=False)
    np.testing.assert_allclose(alone, reference(x), atol=1e-12)


def test_an_exception_in_a_function_is_raised():
    calls = []

    def fun(x):
        if calls:
            raise ZeroDivisionError("of the user's")
        return x * 1.0

    add_symbolic("breaks of tests", fun, derivative=np.ones_like)
    model = KAN([2, 2, 1])
    model.fix_symbolic(0, 0, 0, "breaks of tests", fit_params_bool=False)
    calls.append(1)
    for call in (
        lambda: model(X), lambda: model.fit((X, X[:, :1]), steps=2), lambda: model.refine(6, X),
        lambda: model.value_and_grad(X, X[:, :1]), lambda: model.suggest_symbolic(0, 1, 0, x=X),
        lambda: SYMBOLIC_LIB["breaks of tests"].fun(np.ones(3)), lambda: model.update_grid(X),
    ):  # fmt: skip
        with pytest.raises(ZeroDivisionError, match="of the user's"):
            call()
    calls.clear()
    assert np.isfinite(model(X)).all(), "and forgotten afterwards"


def test_wrong_results_of_a_function_are_refused():
    with pytest.raises(ValueError, match=r"half of tests: gave the shape \(1,\) for the shape \(3,\)"):
        add_symbolic("half of tests", lambda x: x[:1])
    with pytest.raises(TypeError, match="text of tests: must hold"):
        add_symbolic("text of tests", lambda x: np.array(["a"] * len(x)))
    with pytest.raises(ValueError, match="a function of the library"):
        add_symbolic("sin", np.sin)
    with pytest.raises(TypeError, match="fun: must be a function"):
        add_symbolic("no function", 3)


def test_files_keep_the_name(tmp_path):
    model = KAN([2, 1], seed=3)
    model.fix_symbolic(0, 1, 0, "J0 of tests", fit_params_bool=False)
    model.save(tmp_path / "model.npz")
    for again in (KAN.load(tmp_path / "model.npz"), pickle.loads(pickle.dumps(model)), model.clone(), model.prune_input(active_inputs=[0, 1], x=X)):
        assert again.symbolic_fun[0].funs_name == [["0", "J0 of tests"]]
        assert np.array_equal(again(X), model(X))
    damaged = (tmp_path / "model.npz").read_bytes().replace(b"J0 of tests", b"J7 of tests")
    (tmp_path / "other.npz").write_bytes(damaged)
    with pytest.raises(ValueError):
        KAN.load(tmp_path / "other.npz")


def test_a_callable_instead_of_a_name():
    model = KAN([2, 1])
    model.fix_symbolic(0, 0, 0, np.cosh, fit_params_bool=False)
    model.fix_symbolic(0, 1, 0, np.cosh, fit_params_bool=False)
    assert model.symbolic_fun[0].funs_name == [["numpy.cosh", "numpy.cosh"]]
    np.testing.assert_allclose(model(X), np.cosh(X).sum(axis=1, keepdims=True))


def test_the_form_that_avoids_singularities():
    add_symbolic("pole of tests", lambda x: 1 / x, fun_singularity=lambda x, y_th: np.clip(1 / x, -y_th, y_th))
    model = KAN([1, 1])
    model.fix_symbolic(0, 0, 0, "pole of tests", fit_params_bool=False)
    x = np.array([[1e-9], [0.5]])
    assert model(x)[:, 0].tolist() == pytest.approx([1e9, 2]) and model.forward(x, True, 7.0)[:, 0].tolist() == [7, 2]


def test_the_library_is_pykans():
    assert list(SYMBOLIC_LIB)[:29] == list(FUNCTIONS)
    fun, sympy_fun, complexity, fun_singularity = SYMBOLIC_LIB["1/x"]
    assert fun(np.array([2.0]))[0] == 0.5 and complexity == 2 and fun_singularity(np.array([1e-9]), 10)[0] < 1e-6
    assert str(sympy_fun(3)) == "1/3" or sympy_fun(4.0) == 0.25


def test_a_symbolic_edge_of_negative_mask_is_symbolic():
    model = KAN([1, 1])
    model.fix_symbolic(0, 0, 0, "log", fit_params_bool=False)
    model.symbolic_fun[0].mask[0, 0] = -1
    assert model.auto_symbolic(x=np.linspace(-1, 1, 50)[:, None]) == {} and model.symbolic_fun[0].funs_name[0][0] == "log"
