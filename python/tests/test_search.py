"""From data to formula: pykan's tutorials end to end, and the search that judges formulas by their error on the data."""

import pickle

import numpy as np
import pytest
import sympy

from swiftkan import FUNCTIONS, KAN, add_symbolic, create_dataset, ex_round
from swiftkan._constants import Constants
from swiftkan._search_table import SymbolicRow, SymbolicSearch
from swiftkan._searcher import Searcher

LIB = ["x", "x^2", "x^3", "x^4", "exp", "log", "sqrt", "tanh", "sin", "abs"]  # hellokan's


def hello(x):
    return np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2)


@pytest.fixture(scope="module")
def hello_data():
    return create_dataset(hello, n_var=2)


def trained(seed, dataset):
    """hellokan up to the symbolic step."""
    model = KAN([2, 5, 1], grid=3, k=3, seed=seed)
    model.fit(dataset, steps=50, lamb=1e-3)
    model = model.prune()
    model.fit(dataset, steps=50)
    model = model.refine(10)
    result = model.fit(dataset, steps=50)
    return model, result["test_loss"][-1]


def test_hellokan_step_by_step(hello_data):
    """pykan's hellokan.ipynb, seed 42: its levels, its functions, its formula."""
    model, loss = trained(42, hello_data)
    assert model.width_in == [2, 1, 1] and loss < 5e-4
    fixed = model.auto_symbolic(lib=LIB)
    assert {edge: name for edge, (name, r2, c) in fixed.items()} == {(0, 0, 0): "sin", (0, 1, 0): "x^2", (1, 0, 0): "exp"}
    assert all(r2 > 0.9999998 for _, r2, _ in fixed.values())
    result = model.fit(hello_data, steps=50)
    assert result["train_loss"][-1] <= 1e-12 and result["test_loss"][-1] <= 1e-12
    formula = model.symbolic_formula()[0][0]
    assert str(ex_round(formula, 4)) == "1.0*exp(1.0*x_2**2 + 1.0*sin(3.1416*x_1))"
    constants = sorted(abs(float(number)) for number in formula.atoms(sympy.Float) if abs(number) > 0.1)
    np.testing.assert_allclose([constants[0], constants[-1]], [1, np.pi], atol=1e-9)
    np.testing.assert_allclose(model.formula_function()(hello_data["test_input"]), model(hello_data["test_input"]), atol=1e-12)


def test_the_constants_are_exact_for_other_seeds(hello_data):
    """Where auto_symbolic finds the functions, L-BFGS fits their constants to rounding: the network has nothing left to learn."""
    losses = []
    for seed in range(10):
        model, _ = trained(seed, hello_data)
        if {name for name, _, _ in model.auto_symbolic(lib=LIB).values()} == {"sin", "x^2", "exp"} and model.width_in == [2, 1, 1]:
            losses.append(model.fit(hello_data, steps=50)["test_loss"][-1])
    assert len(losses) >= 6 and max(losses) <= 1e-12, losses


@pytest.mark.parametrize("seed", [0, 1, 7, 10])  # of 1, 7 and 10 pruning leaves two or three hidden nodes
def test_the_search_finds_hellokan(hello_data, seed):
    model, _ = trained(seed, hello_data)
    before = model.state_dict()
    found = model.symbolic_search(hello_data, lib=LIB)
    x1, x2 = sympy.symbols("x_1 x_2")
    assert found.best.formula == sympy.exp(sympy.sin(sympy.pi * x1) + x2**2)
    assert found.best.loss < 1e-12 and found.best.functions == {(0, 0, 0): "sin", (0, 1, 0): "x^2", (1, 0, 0): "exp"}
    np.testing.assert_allclose(found.best.model(hello_data["test_input"]), hello_data["test_label"], atol=1e-6)
    assert all(np.array_equal(before[name], value) for name, value in model.state_dict().items()), "the model is not changed"


def test_the_table_is_a_pareto_front(hello_data):
    found = trained(0, hello_data)[0].symbolic_search(hello_data, lib=LIB)
    assert len(found) >= 3 and found.best is found[-1]
    assert [row.complexity for row in found] == sorted({row.complexity for row in found})
    assert all(later.loss < earlier.loss for earlier, later in zip(found, found[1:]))
    for row in found:
        prediction = row.predict(hello_data["test_input"])
        assert row.loss == pytest.approx(np.sqrt(np.mean((prediction - hello_data["test_label"]) ** 2)), abs=1e-14)
        np.testing.assert_allclose(row.model(hello_data["test_input"]), prediction, atol=0.05 + row.loss)
        assert isinstance(row.latex(), str)
    assert "0000" not in str(found) + repr(found[0])
    lines = str(found).splitlines()
    assert len(lines) == len(found) + 1 and lines[0].split() == ["complexity", "loss", "formula"] and lines[-1].endswith("← best")


def test_results_can_be_pickled(hello_data):
    found = trained(0, hello_data)[0].symbolic_search(hello_data, lib=["x", "x^2", "sin", "exp"])
    again = pickle.loads(pickle.dumps(found))
    assert str(again) == str(found) and np.array_equal(again.best.predict(hello_data["test_input"]), found.best.predict(hello_data["test_input"]))


def test_noise_hides_neither_functions_nor_constants():
    random = np.random.RandomState(0)
    clean = create_dataset(lambda x: np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2, n_var=2)
    noisy = {**clean, "train_label": clean["train_label"] + 0.05 * random.randn(1000, 1)}
    model = KAN([2, 1], grid=5, seed=1)
    model.fit(noisy, steps=20)
    found = model.symbolic_search(noisy, lib=FUNCTIONS)
    errors = [np.sqrt(np.mean((row.model(noisy["train_input"]) - noisy["train_label"]) ** 2)) for row in found]
    assert all(later < 0.99 * earlier for earlier, later in zip(errors, errors[1:])), "what gains less is not worth its complexity"
    best = found.best
    assert set(best.functions.values()) <= {"sin", "cos", "x^2"} and best.loss < 5e-3
    assert sympy.pi in best.formula.atoms(sympy.NumberSymbol)


def test_products_are_found():
    """x₁x₂ by one multiplication node, each input in a factor of its own."""
    dataset = create_dataset(lambda x: x[:, [0]] * x[:, [1]], n_var=2)
    model = KAN([2, [0, 1], 1], grid=3, k=3, seed=1, base_fun="identity")
    model.act_fun[0].mask = [[1, 0], [0, 1]]
    assert model.fit(dataset, steps=30)["test_loss"][-1] < 1e-3
    fixed = model.auto_symbolic(lib=FUNCTIONS)
    assert {name for name, _, _ in fixed.values()} == {"x"} and all(r2 > 0.99999 for edge, (_, r2, _) in fixed.items() if edge in ((0, 0, 0), (0, 1, 1)))
    assert model.fit(dataset, steps=30)["test_loss"][-1] < 1e-10
    x1, x2 = sympy.symbols("x_1 x_2")
    assert ex_round(sympy.expand(model.symbolic_formula()[0][0]), 6).subs({x1: 0.5, x2: -0.25}) == pytest.approx(-0.125, abs=1e-6)
    assert model.symbolic_search(dataset, lib=["x"]).best.loss < 1e-9


def test_a_function_of_the_users_in_a_formula():
    add_symbolic("my bump (1)", lambda x: 1 / (1 + x**4), c=2)
    dataset = create_dataset(lambda x: 2 / (1 + (3 * x[:, [0]]) ** 4) + x[:, [1]], n_var=2)
    model = KAN([2, 1], grid=20, seed=0)
    model.fit(dataset, steps=30)
    best = model.symbolic_search(dataset, lib=["x", "x^2", "gaussian", "my bump (1)"]).best
    assert best.functions == {(0, 0, 0): "my bump (1)", (0, 1, 0): "x"} and best.loss < 1e-9
    assert str(best.formula) in ("x_2 + 2*my_bump__1_(3*x_1)", "x_2 + 2*my_bump__1_(-3*x_1)")


def test_several_outputs():
    dataset = create_dataset(lambda x: np.concatenate([np.sin(2 * x[:, [0]]), x[:, [0]] ** 2 + x[:, [1]]], 1), n_var=2)
    model = KAN([2, 2], grid=8, seed=0)
    model.fit(dataset, steps=30, lamb=1e-4)
    model = model.clone()
    model.set_mode(0, 1, 0, "off")
    model.fit(dataset, steps=30)
    found = model.symbolic_search(dataset, lib=FUNCTIONS)
    x1, x2 = sympy.symbols("x_1 x_2")
    assert found.best.formula == [sympy.sin(2 * x1), x1**2 + x2]
    assert found.best.predict(dataset["test_input"]).shape == (1000, 2) and len(found.best.latex()) == 2


def small_data():
    x = np.random.RandomState(0).uniform(-1, 1, (200, 2))
    return x, np.sin(np.pi * x[:, :1]) + x[:, 1:] ** 2


SMALL = dict(lib=["x", "x^2", "sin"], steps=3)


@pytest.mark.parametrize("width, structures", [([2, 1], True), ([2, 1], False), ([2, 2, 1], True)])
def test_the_search_makes_no_versions(tmp_path, width, structures):
    """Networks on trial are nobody's; the rows' models then go on where the searched model is, as clones do."""
    folder = tmp_path / "model"
    model = KAN(width, seed=0, auto_save=True, ckpt_path=str(folder))
    model.fit(small_data(), steps=5)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    found = model.symbolic_search(small_data(), structures=structures, max_evaluations=4, **SMALL)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert model.auto_save and all(row.model.auto_save and row.model.state_id == model.state_id for row in found)
    found.best.model.log_history("taken")
    assert (folder / "history.txt").read_text().splitlines()[-1] == "0.1 => taken => 0.2"


def test_starts_and_grids_on_trial_make_one_version(tmp_path):
    model = KAN([2, 1], seed=0, auto_save=True, ckpt_path=str(tmp_path / "model"))
    model.fit((*small_data(), *small_data()), steps=3, restarts=3, grids="auto")
    assert (tmp_path / "model" / "history.txt").read_text().splitlines()[2:] == ["0.0 => fit => 0.1"]


@pytest.mark.parametrize("structures", [True, False])
def test_symbolic_edges_that_are_switched_off(structures):
    """The networks on trial have symbolic edges whatever the model does with its own, and begin with the model's function."""
    model = KAN([2, 1], seed=0)
    model.fit(small_data(), steps=5)
    model.speed()
    found = model.symbolic_search(small_data(), structures=structures, **SMALL)
    x1, x2 = sympy.symbols("x_1 x_2")
    assert found.best.formula == sympy.sin(sympy.pi * x1) + x2**2
    assert not model.symbolic_enabled and found.best.model.symbolic_enabled
    np.testing.assert_allclose(found.best.model(small_data()[0]), small_data()[1], atol=1e-6)
    model.symbolic_fun[0].mask[0, 0] = 1  # with speed() this edge is its spline alone
    assert (first_copy(model)(small_data()[0]) == model(small_data()[0])).all()


def first_copy(model):
    """The copy that a search begins with."""
    return Searcher(model, dict(zip(("train_input", "train_label"), small_data())), ["x"], (-1, 1), (-1, 1), 1, 1, 1, 0).copy()


def test_two_inputs_of_one_column():
    x = small_data()[0]
    y = np.sin(2 * x[:, :1]) + x[:, :1] ** 2
    model = KAN([2, 1], seed=0)
    model.input_id = [0, 0]
    model.fit((x, y), steps=5)
    best = model.symbolic_search((x, y), **SMALL).best
    x1 = sympy.Symbol("x_1")
    assert best.formula == sympy.sin(2 * x1) + x1**2
    np.testing.assert_allclose(best.predict(x), y, atol=1e-9)


@pytest.mark.parametrize("width", [[2, 1], [2, 2, 1]])
def test_one_sample_is_not_enough(width):
    x, y = small_data()
    with pytest.raises(ValueError, match=r"train_input: has 1 sample; symbolic_search\(\) needs at least 2"):
        KAN(width).symbolic_search((x[:1], y[:1]), **SMALL)


@pytest.mark.parametrize(
    "arguments, error, text",
    [
        (dict(lib=["sine"]), ValueError, "lib: there is no function 'sine'"),
        (dict(lib=[]), ValueError, "lib: is empty"),
        (dict(lib="sin"), TypeError, "lib: must be a list"),
        (dict(topk=0), ValueError, "topk"),
        (dict(steps=0), ValueError, "steps"),
        (dict(max_evaluations=0), ValueError, "max_evaluations"),
        (dict(structures=3), TypeError, "structures"),
        (dict(recognise="yes"), TypeError, "recognise"),
        (dict(a_range=3), ValueError, "a_range"),
    ],
)
def test_bad_arguments(arguments, error, text):
    x = np.random.RandomState(0).rand(20, 2)
    model = KAN([2, 1])
    with pytest.raises(error, match=text):
        model.symbolic_search((x, x[:, :1]), **{"max_evaluations": 1, "steps": 1, "structures": False, **arguments})


# ---- Constants ---------------------------------------------------------------------------------------------------

a, b = sympy.symbols("a b")
POINTS = np.random.RandomState(0).uniform(0.5, 2, (500, 2))


def recognised(expression, truth, noise=0.0):
    y = sympy.lambdify((a, b), truth, "numpy")(*POINTS.T) + noise * np.random.RandomState(1).randn(500)
    constants = Constants(expression, [a, b], POINTS, y)
    constants.recognise()
    return constants.expression()


@pytest.mark.parametrize(
    "start, truth",
    [
        (1.01 * sympy.sin(3.1 * a + 0.01) + 0.02, sympy.sin(sympy.pi * a)),
        (0.49 * a**2 + 2.7 * b - 0.01, a**2 / 2 + sympy.E * b),
        (1.4 * sympy.sqrt(a) * b + 0.3, sympy.sqrt(2) * sympy.sqrt(a) * b + sympy.Rational(1, 3)),
        (2.01 * sympy.log(3.0 * a + 0.01) + 0.5, 2 * sympy.log(a)),
        (0.9 * sympy.exp(-1.9 * a) + 0.1 * b, sympy.exp(-2 * a) + b / 10),
    ],
)
def test_simple_constants_are_recognised(start, truth):
    assert sympy.simplify(recognised(start, truth) - truth) == 0


def test_constants_that_are_not_simple_stay():
    found = recognised(1.2 * a + 0.7 * b, 1.2345678 * a + 0.7654321 * b)
    assert sorted(float(k) for k in found.atoms(sympy.Float)) == pytest.approx([0.7654321, 1.2345678], abs=1e-12)


def test_with_noise_only_what_the_data_say():
    """3.1 ± 0.0004 is not π; π ± 0.0004 is."""
    assert sympy.pi not in recognised(1.0 * sympy.sin(3.11 * a), sympy.sin(3.1 * a), 0.01).atoms(sympy.NumberSymbol)
    assert recognised(1.02 * sympy.sin(3.11 * a), sympy.sin(sympy.pi * a), 0.01) == sympy.sin(sympy.pi * a)


def test_a_constant_is_shown_with_its_own_digits():
    table = SymbolicSearch([SymbolicRow(2, 1.5, KAN([1, 1], symbolic_enabled=True), [sympy.Float(1.83481234)], [])])
    assert str(table).splitlines()[1].split() == ["2", "1.500e+00", "1.8348", "←", "best"]
    assert "1.8348)" in repr(table[0])
