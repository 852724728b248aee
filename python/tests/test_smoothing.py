"""Smoothing and generalised additive models: against direct solutions, and on noisy data."""

import copy
import pickle

import numpy as np
import pytest

from swiftkan import KAN, _penalty, _smoothing, fit_gam


def error(model, f, inputs):
    x = np.random.RandomState(99).rand(2000, inputs)
    return float(np.sqrt(np.mean((model(x) - f(x)) ** 2)))


def wave(x):
    return np.sin(8 * x[:, :1]) * np.exp(-x[:, :1])


def surface(x):
    return np.exp(np.sin(np.pi * x[:, :1]) + x[:, 1:] ** 2)


@pytest.mark.parametrize("k", [0, 1, 2, 3, 5, 8])
def test_penalty_is_the_integral_of_the_squared_second_derivative(k):
    from scipy.interpolate import BSpline

    for knots in (np.arange(-k, 60 + k + 1) / 6, np.cumsum(0.5 + np.random.RandomState(0).rand(60 + 2 * k + 1))):
        nodes = _penalty.greville(knots, k)
        rows = _penalty.second_derivatives(knots, k)
        assert abs(rows @ (3 * nodes + 1)).max() < 1e-7
        low, high = knots[k], knots[-1 - k]
        w = np.sin(4 * (nodes - low) / (high - low))
        u = np.linspace(0, 1, 100001)[:-1] + 0.5e-5
        second = -16 * np.sin(4 * u) if k < 2 else BSpline(knots, w, k)(low + u * (high - low), 2) * (high - low) ** 2
        assert (rows @ w) @ (rows @ w) == pytest.approx(np.mean(second**2), rel=0.01 if k < 2 else 1e-4)


@pytest.mark.parametrize("k", [0, 1, 2, 3, 5, 8])
@pytest.mark.parametrize("grid", [3, 5, 20, 100])
def test_the_penalty_of_a_square_is_4_on_every_grid(k, grid):
    """Its second derivative is 2; beyond the grid nothing counts."""
    for step in (1 / grid, 1e-6, 1e6):
        knots = np.arange(-k, grid + k + 1) / grid
        windows = np.lib.stride_tricks.sliding_window_view(knots[1:-1], k) if k > 1 else _penalty.greville(knots, k)[:, None]
        w = windows[:, 0] ** 2  # what it is at the nodes
        if k > 1:  # the mean of the products of two of the k knots
            w = (windows.sum(axis=1) ** 2 - (windows**2).sum(axis=1)) / (k * (k - 1))
        rows = _penalty.second_derivatives(knots * step - 3 * step, k)
        assert (rows @ w) @ (rows @ w) == pytest.approx(4, rel=1e-8)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_the_same_spline_costs_the_same_on_a_finer_grid(k):
    coarse = KAN([1, 1], grid=3, k=k, noise_scale=1.0)
    values = []
    for layer in (coarse.act_fun[0], coarse.refine(12, np.linspace(-1, 1, 100)[:, None]).act_fun[0]):
        bends = _penalty.second_derivatives(layer.grid[0], k) @ layer.coef[0, 0]
        values.append(bends @ bends)
    assert values[1] == pytest.approx(values[0], rel=1e-8) and values[0] > 0


def test_gam_is_the_least_squares_solution():
    from scipy.interpolate import BSpline

    rng = np.random.RandomState(0)
    x = rng.rand(500, 3)
    y = np.hstack([np.sin(5 * x[:, :1]) + x[:, 1:2] ** 2, 100 + x[:, 2:] - x[:, :1]]) + 0.1 * rng.randn(500, 2)
    weight = rng.rand(500)
    model = fit_gam(x, y, grid=6, smooth=0, sample_weight=weight)
    design = np.hstack([BSpline.design_matrix(x[:, i], model.act_fun[0].grid[i], 3).toarray() for i in range(3)])
    root = np.sqrt(weight)[:, None]
    best = design @ np.linalg.lstsq(root * design, root * y, rcond=1e-12)[0]
    np.testing.assert_allclose(model(x), best, atol=1e-6)
    # with the penalty: the normal equations hold
    model = fit_gam(x, y, grid=6, smooth=1e-3)
    rows = [_penalty.second_derivatives(model.act_fun[0].grid[i], 3) for i in range(3)]
    bends = np.zeros((27, 27))
    for i, row in enumerate(rows):
        bends[9 * i : 9 * i + 9, 9 * i : 9 * i + 9] = row.T @ row
    best = design @ np.linalg.lstsq(design.T @ design + 500 * 1e-3 * bends, design.T @ y, rcond=1e-13)[0]
    np.testing.assert_allclose(model(x), best, atol=1e-6)


def test_gcv_finds_what_a_search_finds():
    """The score by eigenvalues is that of the definition, and its minimum is found."""
    rng = np.random.RandomState(1)
    design, z = rng.rand(80, 12), rng.randn(80)
    rows = np.diff(np.eye(12), 2, axis=0)
    normal, bends = design.T @ design, rows.T @ rows
    ridge = _smoothing.Ridge(normal, bends, np.zeros((12, 12)), design.T @ z, np.array([z @ z]))

    def score(power):
        hat = design @ np.linalg.solve(normal + 80 * 10**power * bends, design.T)
        return 80 * np.sum((z - hat @ z) ** 2) / (80 - np.trace(hat)) ** 2

    for power in (-6.0, -1.0, 2.0):
        assert np.isclose(ridge.score(80 * 10**power, 80) * (z @ z), score(power), rtol=1e-8)
    chosen = np.log10(ridge.choose(80))
    assert score(chosen) <= min(score(power) for power in np.linspace(-14, 3, 100)) * (1 + 1e-6)


def test_smoothing_lowers_the_error_of_a_fine_grid_on_noise():
    for f, width, samples, noise, grid in ((wave, [1, 1], 100, 0.2, 30), (surface, [2, 3, 1], 300, 0.3, 8)):
        plain, smooth = [], []
        for seed in range(4):
            rng = np.random.RandomState(seed)
            x = rng.rand(samples, width[0])
            data = (x, f(x) + noise * rng.randn(samples, 1))
            model = KAN(width, grid=grid, seed=seed)
            model.fit(data, opt="LM", steps=20)
            plain.append(error(model, f, width[0]))
            model = KAN(width, grid=grid, seed=seed)
            result = model.fit(data, opt="LM", steps=20, smooth="gcv")
            smooth.append(error(model, f, width[0]))
            assert result.smooth > 0 and result.freedom < 0.5 * samples and len(result["train_loss"]) == result.steps
        assert np.median(smooth) < 0.7 * np.median(plain) and max(smooth) < max(plain)


def test_weight_that_is_given():
    rng = np.random.RandomState(0)
    x = rng.rand(100, 1)
    y = wave(x) + 0.2 * rng.randn(100, 1)
    model = KAN([1, 1], grid=20, base_fun="zero")
    result = model.fit((x, y), opt="LM", steps=20, smooth=1e3)
    assert result.smooth == 1e3 and abs(result.freedom - 2) < 0.1
    straight = np.polyval(np.polyfit(x[:, 0], y[:, 0], 1), x)
    np.testing.assert_allclose(model(x), straight, atol=0.02)


def waves(outputs, noise=0.3, n=200):
    rng = np.random.RandomState(0)
    x = rng.uniform(-1, 1, (n, 1))
    return x, np.repeat(np.sin(5 * x) + noise * rng.randn(n, 1), outputs, axis=1)


@pytest.mark.parametrize("weight", [1e-6, 1e-4, "gcv"])
def test_outputs_with_edges_of_their_own_are_smoothed_as_each_alone(weight):
    alone = KAN([1, 1], grid=20, base_fun="zero")
    freedom = alone.fit(waves(1), opt="LM", steps=10, smooth=weight).freedom
    x, y = waves(3)
    model = KAN([1, 3], grid=20, base_fun="zero")
    result = model.fit((x, y), opt="LM", steps=10, smooth=weight)
    np.testing.assert_allclose(model(x), np.repeat(alone(x), 3, axis=1), atol=1e-3 if weight == "gcv" else 1e-5)
    assert result.freedom == pytest.approx(3 * freedom, rel=1e-3)
    for of in ("mean", "observation"):
        for one, three in zip(alone.predict_interval(x, of=of), model.predict_interval(x, of=of)):
            np.testing.assert_allclose(three, np.repeat(one, 3, axis=1), atol=2e-3 if weight == "gcv" else 1e-5)


@pytest.mark.parametrize("outputs", [1, 3])
def test_fit_and_fit_gam_mean_the_same_by_a_weight(outputs):
    x, y = waves(outputs)
    y *= np.arange(1, outputs + 1)
    additive = fit_gam(x, y, grid=20, smooth=1e-4)
    model = KAN([1, outputs], grid=20, base_fun="zero")
    model.act_fun[0].grid[...] = additive.act_fun[0].grid
    model.fit((x, y), opt="LM", steps=10, smooth=1e-4, update_grid=False)
    np.testing.assert_allclose(model(x), additive(x), atol=1e-5)
    np.testing.assert_allclose(model.predict(x, return_std=True)[1], additive.predict(x, return_std=True)[1], rtol=1e-4)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("weight", [1e-5, "gcv"])
def test_the_covariance_has_the_penalty_of_the_fit(outputs, weight):
    """That of hidden layers, too, and the result says how many parameters it leaves."""
    rng = np.random.RandomState(0)
    x = rng.rand(300, 2)
    y = np.hstack([surface(x), x[:, :1]])[:, :outputs] + 0.3 * rng.randn(300, outputs)
    model = KAN([2, 3, outputs], grid=8, seed=0)
    result = model.fit((x, y), opt="LM", steps=20, smooth=weight)
    model.parameter_covariance()
    freedom = model._covariance[-1].freedom
    assert result.freedom == pytest.approx(300 * outputs - freedom.sum(), rel=1e-9)
    hidden, last = model._fitted_how[0]
    assert last == result.smooth and hidden > 0


def test_gcv_chooses_for_a_model_that_is_smooth_already():
    """It is where the first weight leads, so that no step with that is accepted."""
    model = KAN([1, 1], grid=20, seed=0)
    model.fit(waves(1), opt="LM", steps=10, smooth=_smoothing.FIRST)
    result = model.fit(waves(1), opt="LM", steps=0, smooth="gcv", update_grid=False)
    other = KAN([1, 1], grid=20, seed=0).fit(waves(1), opt="LM", steps=10, smooth="gcv")
    assert result.smooth == pytest.approx(other.smooth, rel=1e-3) and result.smooth < _smoothing.FIRST / 3


@pytest.mark.parametrize("factor", [1e200, -1e-170, 2.0**-1000, 1e300])
def test_additive_models_do_not_depend_on_the_unit_of_y(factor):
    rng = np.random.RandomState(0)
    x = rng.rand(200, 1)
    y = np.hstack([np.sin(8 * x), 1000 + x]) + 0.3 * rng.randn(200, 2)
    one, other = fit_gam(x, y), fit_gam(x, y * factor)
    assert other._fitted_how[0] == pytest.approx(one._fitted_how[0], rel=1e-6)
    np.testing.assert_allclose(other(x) / factor, one(x), rtol=1e-10)
    np.testing.assert_allclose(other.predict(x, return_std=True)[1] / abs(factor), one.predict(x, return_std=True)[1], rtol=1e-6)
    half = [np.ptp(model.predict_interval(x)[1:], axis=0) for model in (one, other)]
    np.testing.assert_allclose(half[1] / abs(factor), half[0], rtol=1e-6)
    if abs(factor) == 2.0**-1000:  # nothing is rounded
        np.testing.assert_array_equal(other(x) / factor, one(x))


def test_gam_takes_account_of_the_penalty():
    held = []
    for seed in range(10):
        rng = np.random.RandomState(seed)
        x, new = rng.rand(300, 2), rng.rand(500, 2)
        f = lambda x: np.sin(6 * x[:, :1]) + x[:, 1:] ** 2  # noqa: E731
        model = fit_gam(x, f(x) + 0.3 * rng.randn(300, 1))
        _, low, high = model.predict_interval(new)
        y = f(new) + 0.3 * rng.randn(500, 1)
        held.append(((low < y) & (y < high)).mean())
    assert 0.92 < np.mean(held) < 0.98


def test_refusals():
    x, y = np.random.rand(20, 1), np.random.rand(20, 1)
    for call, kind, text in (
        (lambda: KAN([1, 1]).fit((x, y), opt="LM", smooth="cv"), TypeError, "smooth: must be a number"),
        (lambda: KAN([1, 1]).fit((x, y), opt="LM", smooth=-1), ValueError, "smooth: must be at least 0"),
        (lambda: KAN([1, 1]).fit((x, y), smooth="gcv"), ValueError, "smooth: is for opt='LM'"),
        (lambda: KAN([1, 1]).fit((x, y), opt="LM", loss_fn="huber", smooth="gcv"), ValueError, "smooth: is for opt='LM'"),
        (lambda: KAN([1, 1]).fit((x, y), opt="LM", lamb=0.1, smooth="gcv"), ValueError, "smooth: is for opt='LM'"),
        (lambda: fit_gam(x[:, 0], y), ValueError, r"x: must have two axes.*pass a column: np.reshape\(x"),
        (lambda: fit_gam(x, y[:, 0]), ValueError, r"y: must have two axes.*pass a column: np.reshape\(y"),
        (lambda: fit_gam(x), TypeError, r"dataset: must be a dict.*not ndarray; or give samples and labels: fit_gam\(x, y\)"),
        (lambda: fit_gam({"train_input": x, "train_label": y}, y), TypeError, "y: is in the data set already"),
        (lambda: fit_gam({"train_input": x}), ValueError, "dataset: train_label is missing"),
        (lambda: fit_gam(x, y[:3]), ValueError, "train_label: has the shape"),
        (lambda: fit_gam(x * np.nan, y), ValueError, "train_input: row 0"),
        (lambda: fit_gam(x, y, grid=0), ValueError, "grid: must be at least 1"),
        (lambda: fit_gam(x, y, k="a"), TypeError, "k"),
        (lambda: fit_gam(x, y, smooth="best"), TypeError, "smooth: must be a number"),
        (lambda: fit_gam(x, y, grid_margin=2), ValueError, "grid_margin: must be from 0 to 1"),
    ):
        with pytest.raises(kind, match=text):
            call()


def test_gam_takes_data_in_every_form():
    rng = np.random.RandomState(0)
    x = rng.rand(60, 2)
    y = x[:, :1] ** 2 + 0.1 * rng.randn(60, 1)
    model = fit_gam(x, y, grid=5)
    for data in ((x, y), [x, y], (x, y, x[:3], y[:3]), {"train_input": x, "train_label": y}):
        assert (fit_gam(data, grid=5)(x) == model(x)).all()


@pytest.mark.parametrize("way", ["fit", "fit_gam"])
def test_data_that_is_given_leaves_the_smoothing_as_it_was(way):
    rng = np.random.RandomState(0)
    x = rng.uniform(-1, 1, (100, 1))
    y = np.sin(3 * x) + 0.2 * rng.randn(100, 1)
    if way == "fit":
        model = KAN([1, 1], grid=40, seed=0)
        model.fit((x, y), opt="LM", steps=20, smooth="gcv")
    else:
        model = fit_gam(x, y, grid=40)
    known = model.parameter_covariance(), *model.predict_interval(x[:5])
    later = model.clone()
    later.get_act(x[:50])
    for twin in (model, model.clone(), copy.deepcopy(model), pickle.loads(pickle.dumps(model)), later):
        for one, other in zip((twin.parameter_covariance((x, y)), *twin.predict_interval(x[:5], dataset=(x, y))), known):
            np.testing.assert_array_equal(one, other)
    std = model.predict(x, return_std=True)[1]
    later.fit((x, y), opt="LM", steps=1)  # not smoothed
    assert np.median(later.predict(x, return_std=True, dataset=(x, y))[1]) > 2 * np.median(std)


def test_patience_ends_the_steps_and_smoothing_follows():
    rng = np.random.RandomState(0)
    x, held = rng.rand(80, 1), rng.rand(200, 1)
    data = (x, wave(x) + 0.3 * rng.randn(80, 1), held, wave(held))
    model = KAN([1, 2, 1], grid=12, seed=0)
    result = model.fit(data, opt="LM", steps=60, patience=3, smooth="gcv")
    best = KAN([1, 2, 1], grid=12, seed=0)
    before = best.fit(data, opt="LM", steps=60, patience=3)
    more = result.steps - before.steps
    assert result.reason == "patience" and before.steps < 60 and more > 3 and result.best_step == result.steps - 1
    assert before.message.endswith("were restored")
    assert result.message == f"{before.message}; then {more} steps of smoothing, smooth={result.smooth:.3g}"
    assert result["test_loss"][-1] == error_at(model, held) and len(result["train_loss"]) == result.steps
    # It is what smoothing makes of the best step.
    best.fit(data, opt="LM", steps=0, smooth="gcv")
    np.testing.assert_array_equal(best(held), model(held))
    whole = KAN([1, 2, 1], grid=12, seed=0).fit(data, opt="LM", steps=5, smooth=1e-4)
    assert whole.message == f"all 5 steps done; then {whole.steps - 5} steps of smoothing, smooth=0.0001"


def error_at(model, x):
    return pytest.approx(float(np.sqrt(np.mean((model(x) - wave(x)) ** 2))), rel=1e-9)
