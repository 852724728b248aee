"""Structures: a network is exactly the function that its expression describes. The search: honest, repeatable, and it finds."""

import signal
import threading

import numpy as np
import pytest

import swiftkan
from swiftkan import KAN, _structure_trials, _structures, search_structure, set_num_threads

RNG = np.random.RandomState(0)
X = RNG.rand(300, 3) * [1, 2, 1] + [0.5, -1, 0]
TEST = RNG.rand(200, 3) * [1, 2, 1] + [0.5, -1, 0]
monomial = lambda x: 3e5 * x[:, [0]] ** 2 * x[:, [1]] / (1 + x[:, [2]])  # noqa: E731  (its second factor changes sign)
QUICK = dict(grids=(4, 8), starts=2, steps=10)


# ---- Expressions and networks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, width, arity, edges",
    [
        ("S", [[3, 0], [1, 0]], [[], []], 3),
        ("P", [[3, 0], [0, 1]], [[], [3]], 3),
        ("(P)", [[3, 0], [0, 1]], [[], [3]], 3),
        ("g(S)", [[3, 0], [1, 0], [1, 0]], [[], [], []], 4),
        ("g(S)+g(S)", [[3, 0], [2, 0], [1, 0]], [[], [], []], 8),
        ("P + P", [[3, 0], [0, 2], [1, 0]], [[], [3, 3], []], 8),
        ("P*g(S)", [[3, 0], [1, 1], [0, 1]], [[], [3], [2]], 8),
        ("P*g(P+P)", [[3, 0], [0, 3], [2, 0], [0, 1]], [[], [3, 3, 3], [], [2]], 14),
        ("g(g(S))", [[3, 0], [1, 0], [1, 0], [1, 0]], [[], [], [], []], 5),
        ("S*(S*S)", [[3, 0], [3, 0], [0, 1]], [[], [], [3]], 12),
    ],
)
def test_width_of_an_expression(text, width, arity, edges):
    model = _structures.network(text, X, grid=4, seed=0)
    assert (model.width, model.mult_arity, model.n_edge) == (width, arity, edges)
    numeric = sum(int(layer.mask.sum()) for layer in model.act_fun)
    assert _structures.edges(text, 3) == (numeric, edges - numeric)


@pytest.mark.parametrize("text", ["S", "P", "S+P", "P+P+P", "S*P", "g(S)", "g(P)", "P*g(S)", "(P+P)*g(P)", "g(P+P)*g(S)+S", "g(g(S)*P)"])
def test_the_network_is_the_expression(text):
    """Its values are those of the expression, written in Python with the values of the network's own edges."""
    model = _structures.network(text, X, grid=4, seed=1)
    got = model(X)
    tokens = {"sum": 0, "edge": 0}

    def evaluate(node, place, level):  # the node's value from the edges' values `model.acts` before it
        if level == 0:
            return X[:, place]
        before = node.children if node.children else [(_structures.SPLINE, None)] * 3
        first = sum(other.arity(3) for other in levels[level - 1][:place])
        values = []
        for f, (edge, child) in enumerate(before):
            i = f if child is None else levels[level - 2].index(child)
            x = evaluate(child, i, level - 1)
            j = first + (f if node.multiplies else 0)
            tokens["edge"] += 1
            values.append(edge_value(model, level - 1, i, j, x, edge))
        return np.prod(values, axis=0) if node.multiplies else np.sum(values, axis=0)

    root = _structures.parse(text)
    levels = _structures._levels(root)
    assert got[:, 0] == pytest.approx(evaluate(root, 0, len(levels)), rel=1e-9, abs=1e-12)
    assert tokens["edge"] == model.n_edge


def edge_value(model, l, i, j, x, kind):
    """φ(x) of one edge, by a network of its own."""
    numeric, symbolic = model.act_fun[l].mask[i, j], model.symbolic_fun[l].mask[j, i]
    assert (numeric, symbolic) == ((1, 0) if kind == _structures.SPLINE else (0, 1))
    if symbolic:
        a, b, c, d = model.symbolic_fun[l].affine[j, i]
        return c * (a * x + b) + d
    one = KAN([1, 1], grid=4, base_fun="zero")
    one.act_fun[0].grid[0] = model.act_fun[l].grid[i]
    one.act_fun[0].coef[0, 0] = model.act_fun[l].coef[i, j]
    one.act_fun[0].scale_sp[...] = 1
    return one(x[:, None])[:, 0]


@pytest.mark.parametrize(
    "text, what",
    [("", "it ends"), ("S+", "it ends"), ("Q", "'Q' stands where"), ("S S", "'S' is one too many"), ("(S", "not closed"), ("g(S", "not closed"),
     ("S)", r"'\)' is one too many"), ("g", "'g' stands"), ("S**P", "'\\*' stands"), ("(" * 99 + "S" + ")" * 99, "parentheses inside")],
)  # fmt: skip
def test_wrong_expressions(text, what):
    with pytest.raises(ValueError, match=f"structures: .*{what}"):
        _structures.parse(text)


# ---- The search --------------------------------------------------------------------------------------------------


def test_finds_a_product_and_stops_there():
    search = search_structure((X, monomial(X), TEST, monomial(TEST)))
    deviation = monomial(TEST).std()
    assert search.structure == "P" and search.test_loss < 1e-5 * deviation
    assert {trial["structure"] for trial in search.trials} == {"S", "P"}
    assert search.test_loss == pytest.approx(np.sqrt(np.mean((search.model(TEST) - monomial(TEST)) ** 2)))
    assert "P " in repr(search) and "<- model" in repr(search)


def test_finds_a_function_of_a_sum_times_a_product():
    law = lambda x: x[:, [0]] ** 2 * np.exp(-((x[:, [1]] + x[:, [2]]) ** 2))  # noqa: E731
    search = search_structure((X, law(X), TEST, law(TEST)), structures=["P", "P*g(S)"], grids=(4, 8, 16))
    assert search.structure == "P*g(S)" and search.test_loss < 1e-3 * law(TEST).std()
    assert search.model.width == [[3, 0], [1, 1], [0, 1]]


def test_an_additive_function_is_a_sum():
    law = lambda x: np.sin(3 * x[:, [0]]) + x[:, [1]] - x[:, [2]] ** 2  # noqa: E731
    search = search_structure((X, law(X)))
    assert search.structure == "S" and search.validation_loss < 1e-5 * law(X).std()
    assert np.isnan(search.test_loss)


def test_one_input_is_one_edge():
    search = search_structure((X[:, :1], np.sin(9 * X[:, :1])), tol=0)
    assert search.model.n_edge == 1 and {trial["structure"] for trial in search.trials} == {"S"}


def test_the_choice_is_by_validation_and_all_is_listed():
    y = monomial(X) * np.exp(X[:, [1]] * X[:, [2]])
    search = search_structure((X, y), structures=[["S", "P"], ["P+P", "g(S)"]], tol=0, **QUICK)
    chosen = min(search.trials, key=lambda trial: trial["typical_loss"])
    assert (search.structure, search.typical_loss, search.validation_loss) == tuple(chosen[key] for key in ("structure", "typical_loss", "validation_loss"))
    assert {trial["structure"] for trial in search.trials} == {"S", "P", "P+P", "g(S)"}
    starts = {(trial["structure"], trial["seed"]) for trial in search.trials}
    assert len(starts) == 1 + 3 * QUICK["starts"]
    assert all(trial["train_loss"] > 0 and trial["parameters"] > 0 for trial in search.trials)


def test_the_typical_error_leaves_the_largest_hundredth_out():
    x, y = np.zeros((200, 1)), np.r_[np.full(198, 3.0), 50.0, -70.0][:, None]
    whole, typical = _structure_trials.errors(lambda x: np.zeros((len(x), 1)), x, y)
    assert whole == pytest.approx(np.sqrt((198 * 9 + 2500 + 4900) / 200)) and typical == pytest.approx(3.0)
    assert _structure_trials.errors(lambda x: np.zeros((len(x), 1)), x[:99], y[-99:]) == pytest.approx((np.sqrt((97 * 9 + 7400) / 99),) * 2)
    assert _structure_trials.errors(lambda x: np.full((len(x), 1), np.nan), x, y) == (np.inf, np.inf)


def test_knots_gather_at_a_jump():
    """A product of which one factor jumps: beside the jump, by a seventh of a cell of 32, its value is known."""
    law = lambda x: x[:, [1]] * np.where(x[:, [0]] < 0.3, 1 + x[:, [0]], -1)  # noqa: E731
    x, test = np.random.default_rng(0).uniform(-1, 1, (1500, 2)), np.random.default_rng(1).uniform(-1, 1, (4000, 2))
    test = test[np.abs(test[:, 0] - 0.3) > 0.01]
    coarse, fine = (search_structure((x, law(x)), structures=["P"], grids=[4, 8, 16, 32, 64, 128][:count]) for count in (4, 6))
    rms = lambda search: float(np.sqrt(np.mean((search.model(test) - law(test)) ** 2)))  # noqa: E731
    assert (coarse.model.grid, fine.model.grid) == (32, 128) and rms(fine) < 0.5 * rms(coarse)
    knots = {(trial["grid"], trial["knots"]) for trial in fine.trials}
    assert knots == {(g, "quantiles") for g in (4, 8, 16, 32, 64, 128)} | {(g, "curvature") for g in (32, 64, 128)}
    spaces = np.diff(fine.model.act_fun[0].grid[0, 3:-3])
    assert 0.25 < fine.model.act_fun[0].grid[0, 3 + np.argmin(spaces)] < 0.35  # the closest knots are at the jump


def test_grids_end_where_the_law_is_found():
    grids = [trial["grid"] for trial in search_structure((X, monomial(X)), structures=["P"]).trials]
    assert max(grids) < max(trial["grid"] for trial in search_structure((X, monomial(X)), structures=["P"], tol=0).trials)


def test_test_data_has_no_say():
    y = monomial(X) + X[:, [1]]
    plain = search_structure((X, y), **QUICK)
    misleading = search_structure((X, y, TEST, np.zeros((200, 1))), **QUICK)
    assert (plain.model(TEST) == misleading.model(TEST)).all() and plain.trials == misleading.trials


def test_any_number_of_threads_gives_the_same_bits():
    threads = swiftkan.get_num_threads()
    y, models = np.sin(monomial(X) / 3e5), []
    try:
        for number in (1, 2):
            set_num_threads(number)
            models.append(search_structure((X, y), structures=[["P", "P*g(P)"]], **QUICK).model)
    finally:
        set_num_threads(threads)
    assert (models[0].state_dict()["act_fun.0.coef"] == models[1].state_dict()["act_fun.0.coef"]).all()


def test_units_do_not_matter():
    """Labels of any size, inputs of any range and place."""
    for factor in (1e-100, 1e100):
        search = search_structure((X * 1e6 - 1e5, factor * monomial(X)), structures=["P"], **QUICK)
        assert search.validation_loss < 1e-2 * factor * monomial(X).std()


@pytest.mark.parametrize(
    "factor, dtype, what",
    [
        (1e160, "float64", "reach 9.*e.159, and float64 cannot hold the squares"),
        (1.7e308, "float64", "reach 1.*e.308, and float64 cannot hold the squares"),
        (1e307, "float64", "reach 9.*e.306"),
        (1e20, "float32", "reach 9.*e.19, and float32 cannot hold the squares"),
        (1e-160, "float64", "vary by .*e-161, and float64"),
        (1e-25, "float32", "vary by .*e-26, and float32"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_labels_whose_squares_the_dtype_cannot_hold_are_refused(factor, dtype, what):
    x = np.random.RandomState(0).rand(400, 2) * 2 - 1
    with pytest.raises(ValueError, match=f"train_label: the labels {what}"):
        search_structure(x, factor * x[:, :1] * x[:, 1:], structures=["P"], grids=[4], starts=1, dtype=dtype)
    with pytest.raises(ValueError, match="train_label: the labels reach 1e-160"):
        search_structure(x, np.full((400, 1), 1e-160), structures=["S"], grids=[4])


@pytest.mark.filterwarnings("ignore:fit. the loss was not finite:RuntimeWarning")
def test_networks_without_a_finite_loss_never_win():
    """Every square is finite, their sum is not."""
    x = np.random.RandomState(0).rand(400, 2) * 2 - 1
    with pytest.raises(ValueError, match="train_label: the labels reach 9.*no network's error is finite, and float64 cannot hold"):
        search_structure(x, 1e154 * x[:, :1] * x[:, 1:], structures=[["S", "P"], ["g(S)"]], grids=[4, 8], starts=2, steps=5)


def test_constant_labels_and_inputs():
    search = search_structure((X, np.full((300, 1), 7.0)), **QUICK)
    assert search.model(TEST) == pytest.approx(7.0)
    search = search_structure((X * [1, 0, 1], X[:, [0]] * X[:, [2]]), structures=["P"], **QUICK)
    assert search.validation_loss < 1e-3


def test_too_large_networks_are_left_out():
    search = search_structure((X[:120], monomial(X[:120])), structures=[["S", "P", "P+P+P"]], **QUICK)
    assert {trial["structure"] for trial in search.trials} == {"S", "P"}
    assert max(trial["parameters"] for trial in search.trials) <= 48


def test_many_inputs_end_in_a_sum_or_an_error():
    """Networks with factors for thousands of inputs would be gigabytes; they are never made."""
    x = RNG.rand(20, 2500)
    with pytest.raises(ValueError, match="structures: all have too many parameters"):
        search_structure((x, x[:, :1]), grids=(4,))
    assert search_structure((x[:, :50], x[:, :1]), grids=(4,), steps=2).structure == "S"


def test_float32_and_other_degrees():
    search = search_structure((X.astype(np.float32), monomial(X).astype(np.float32)), structures=["P"], dtype="float32", k=2, **QUICK)
    assert search.model.dtype == np.float32 and search.model.k == 2
    assert search.validation_loss < 1e-2 * monomial(X).std()


def test_the_model_is_an_ordinary_network(tmp_path):
    search = search_structure((X, monomial(X)), structures=["P"], **QUICK)
    search.model.save(tmp_path / "law.npz")
    assert (KAN.load(tmp_path / "law.npz")(TEST) == search.model(TEST)).all()
    _, deviation = search.model.predict(TEST, return_std=True)
    assert np.isfinite(deviation).all()
    assert search.model.fit((X, monomial(X)), opt="LM", steps=2, update_grid=False)["train_loss"][-1] < 1e-2 * monomial(X).std()


def test_interruption_ends_all_starts():
    main = threading.main_thread().ident
    timer = threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            search_structure((np.tile(X, (40, 1)), np.tile(monomial(X), (40, 1))), structures=["P+P+P"], starts=200, steps=1000)
    finally:
        timer.cancel()


Y = monomial(X)
NAN = np.where(np.arange(900).reshape(300, 3) == 7, np.nan, X)


@pytest.mark.parametrize(
    "arguments, error, text",
    [
        (dict(dataset=X), TypeError, "dataset: must be a dict"),
        (dict(dataset=(X, Y[:, 0])), ValueError, "train_label: has the shape"),
        (dict(dataset=(X, np.hstack([Y, Y]))), ValueError, "train_label: has the shape"),
        (dict(dataset=(X, Y[:5])), ValueError, "train_label"),
        (dict(dataset=(X[:, 0], Y)), ValueError, r"train_input: must have two axes"),
        (dict(dataset=(X[:, :0], Y)), ValueError, r"train_input: must have two axes"),
        (dict(dataset=(NAN, Y)), ValueError, "train_input: row 2"),
        (dict(dataset=(X, Y * np.nan)), ValueError, "train_label: row 0"),
        (dict(dataset=(X, Y, TEST[:, :2], Y[:200])), ValueError, "test_input"),
        (dict(dataset=(X, Y, TEST, Y)), ValueError, "test_label"),
        (dict(structures="P"), TypeError, r"structures: must be a list of expressions"),
        (dict(structures=[]), TypeError, r"structures: must be a list"),
        (dict(structures=[3]), TypeError, r"structures: must be a list .* 3 is in it"),
        (dict(structures=[["P", 3]]), TypeError, r"structures: must be a list"),
        (dict(structures=[[]]), TypeError, r"structures: must be a list"),
        (dict(structures=["S", "T"]), ValueError, "structures: 'T' is not an expression"),
        (dict(structures=["P"], dataset=(X[:30], Y[:30])), ValueError, "structures: all have too many parameters for the 24 samples"),
        (dict(grids=8), ValueError, "grids: must be a list"),
        (dict(grids=[]), ValueError, "grids: must be a list"),
        (dict(grids=[8, 4]), ValueError, r"grids: each must be finer .* \[8, 4\]"),
        (dict(grids=[0, 4]), ValueError, r"grids\[0\]: must be from 1"),
        (dict(grids=["4"]), TypeError, r"grids\[0\]"),
        (dict(starts=0), ValueError, "starts: must be from 1"),
        (dict(starts=1.5), TypeError, "starts"),
        (dict(steps=0), ValueError, "steps: must be from 1"),
        (dict(tol=-1), ValueError, "tol"),
        (dict(tol="small"), TypeError, "tol"),
        (dict(validation_split=0), ValueError, "validation_split: 0 of 300 samples leaves"),
        (dict(validation_split=1.0), ValueError, "validation_split: 1 of 300"),
        (dict(k=-1), ValueError, "k: must be from 0"),
        (dict(grid_eps=2), ValueError, "grid_eps"),
        (dict(grid_margin=-0.1), ValueError, "grid_margin"),
        (dict(seed=-1), ValueError, "seed"),
        (dict(dtype="int8"), ValueError, "dtype"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else "",
)
def test_refusals(arguments, error, text):
    with pytest.raises(error, match=text):
        search_structure(**{"dataset": (X, Y), **arguments})


def test_data_in_every_form():
    x = np.random.RandomState(0).rand(80, 2)
    y = x[:, :1] * x[:, 1:]
    few = dict(structures=["P"], grids=[2], starts=1, steps=3)
    models = [search_structure(*data, **few).model for data in ((x, y), ((x, y),), ({"train_input": x, "train_label": y},))]
    assert all((model(x) == models[0](x)).all() for model in models)
    with pytest.raises(TypeError, match=r"dataset: must be a dict.*; or give samples and labels: search_structure\(x, y\)"):
        search_structure(x)
    with pytest.raises(TypeError, match=r"y: is in the data set already: call search_structure\(dataset\)"):
        search_structure({"train_input": x, "train_label": y}, y)


def test_of_exact_structures_the_simplest_wins():
    x = np.random.RandomState(0).uniform(-1, 1, (600, 4))
    y = x[:, [0]] * x[:, [1]] + x[:, [2]] * x[:, [3]]
    found = search_structure(x, y, structures=[["g(P+P)", "P+P"]])
    exact = [trial["structure"] for trial in found.trials if trial["typical_loss"] < 1e-13]
    assert {"P+P", "g(P+P)"} <= set(exact) and found.structure == "P+P"


def test_a_result_that_fits_badly_says_so():
    x = np.random.RandomState(0).uniform(-1, 1, (300, 2))
    noise = np.random.RandomState(1).normal(size=(300, 1))
    assert "None fits well: the typical error is" in str(search_structure(x, noise, structures=["S"]))
    assert "None fits well" not in str(search_structure(x, x[:, :1], structures=["S"]))
