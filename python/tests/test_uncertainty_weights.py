"""Intervals and covariance after fits with sample weights: what weight 1 means, and what does not depend on the weights' unit."""

import numpy as np
import pytest

from swiftkan import KAN, fit_gam


def wave(x):
    return np.sin(3 * x)


def uneven(seed, outputs=1, n=800):
    """Samples whose errors have the standard deviation 0.3/√u (a tenth of it for the first of two outputs)."""
    rng = np.random.RandomState(seed)
    x, u = rng.uniform(-1, 1, (n, 1)), np.where(rng.rand(n) < 0.5, 1.0, 9.0)
    size = 0.3 * np.array([0.1, 1.0])[-outputs:]
    return x, np.hstack([wave(x)] * outputs) + size * rng.randn(n, outputs) / np.sqrt(u)[:, None], u


def newton(x, y, u, **arguments):
    model = KAN([1, y.shape[1]], grid=5, seed=0)
    model.fit((x, y), opt="LM", steps=10, sample_weight=u, **arguments)
    return model


WAYS = {
    "LM": newton,
    "smoothed": lambda x, y, u: newton(x, y, u, smooth="gcv"),
    "additive": lambda x, y, u: fit_gam(x, y, sample_weight=u),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("outputs", [1, 2])
def test_95_percent_intervals_hold_95_percent_of_observations_of_weight_1(way, outputs):
    held, precise = [], []
    for seed in range(8):
        x, y, u = uneven(seed, outputs)
        model = WAYS[way](x, y, u)
        new, label, weight = uneven(100 + seed, outputs)
        mean, low, high = model.predict_interval(new)
        held.append(((low < label) & (label < high))[weight == 1].mean(axis=0))
        _, std = model.predict(new, return_std=True)
        half = np.sqrt(((high - low) / 2 / 1.96) ** 2 - std**2) / 3  # the error of weight 9, by hand
        inside = np.abs(label - mean) < 1.96 * np.sqrt(half**2 + std**2)
        precise.append(inside[weight == 9].mean(axis=0))
    for share in (held, precise):
        assert (abs(np.mean(share, axis=0) - 0.95) < 0.03).all()


def interval(model, x, **arguments):
    _, low, high = model.predict_interval(x, **arguments)
    return (high - low) / 2


@pytest.mark.parametrize("factor", [2.0**-20, 4.0, 128.0])  # powers of two: what samples hardly determine is rounding
@pytest.mark.parametrize("outputs", [1, 2])
def test_the_unit_of_weights_is_that_of_the_observation_and_of_nothing_else(outputs, factor):
    x, y, u = uneven(0, outputs)
    u[:50] = 0
    model, data = newton(x, y, u), (x, y)
    one, other = {"dataset": data, "sample_weight": u}, {"dataset": data, "sample_weight": factor * u}
    np.testing.assert_allclose(model.parameter_covariance(data, sample_weight=factor * u), model.parameter_covariance(), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(interval(model, x, of="mean", **other), interval(model, x, of="mean"), rtol=1e-6)
    np.testing.assert_allclose(model.predict(x, return_std=True, **other)[1], model.predict(x, return_std=True)[1], rtol=1e-6)
    _, std = model.predict(x, return_std=True)
    errors = [interval(model, x, **arguments) ** 2 - interval(model, x, of="mean") ** 2 for arguments in (one, other)]
    np.testing.assert_allclose(errors[1], factor * errors[0], rtol=1e-6)


def test_equal_weights_and_float32():
    x, y, _ = uneven(1)
    model = newton(x, y, None)
    plain = interval(model, x)
    np.testing.assert_allclose(interval(model, x, dataset=(x, y), sample_weight=np.ones(800)), plain, rtol=1e-9)
    single = KAN([1, 1], grid=5, seed=0, dtype="float32")
    single.fit((x, y), opt="LM", steps=10, sample_weight=np.full(800, 4))
    error = np.sqrt(np.mean((y - model(x)) ** 2))
    assert interval(single, x).mean() == pytest.approx(2 * 1.96 * error, rel=0.05)
    additive = fit_gam(x, y, sample_weight=np.full(800, 4))
    assert interval(additive, x).mean() == pytest.approx(2 * 1.96 * error, rel=0.05)


def test_standard_deviations_of_a_regressor_do_not_depend_on_the_unit():
    """Of weights that are not all whole numbers; those are numbers of copies."""
    pytest.importorskip("sklearn")
    from swiftkan import KANRegressor

    x, y, u = uneven(2)
    stds = [
        KANRegressor(hidden=(1,), opt="LM", grid=3, random_state=0).fit(x, y[:, 0], factor * u).predict(x, return_std=True)[1]
        for factor in (0.3, 2.4)
    ]
    np.testing.assert_allclose(stds[1], stds[0], rtol=1e-3)


def test_what_is_kept_is_of_the_present_columns():
    x = np.random.RandomState(0).uniform(-1, 1, (200, 2))
    model = KAN([2, 3, 1], seed=0)
    model.fit((x, np.exp(np.sin(np.pi * x[:, :1]) + x[:, 1:] ** 2)), opt="LM", steps=5)
    before = model.predict(x, return_std=True)[1]
    model.input_id = [1, 0]
    after = model.predict(x, return_std=True)[1]
    np.testing.assert_array_equal(after, model.clone().predict(x, return_std=True)[1])  # which has nothing kept
    assert not np.allclose(after, before[:, ::-1])
    model.input_id = [0, 1]
    np.testing.assert_array_equal(model.predict(x, return_std=True)[1], before)
