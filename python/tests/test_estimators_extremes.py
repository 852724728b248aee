"""The estimators on data and weights of extreme units, and on hardly any data."""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
from swiftkan import KANClassifier, KANRegressor

RNG = np.random.RandomState(0)
X = RNG.uniform(-1, 1, (120, 3))
Y = X[:, 0] + 2 * X[:, 1] ** 2 + 0.1 * RNG.randn(120)
ADDITIVE = dict(hidden=(), alpha=1.0, random_state=0)


def predicted(x_unit, y_unit, **parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        return KANRegressor(**parameters).fit(X * x_unit, Y * y_unit).predict(X * x_unit) / y_unit


@pytest.mark.parametrize("parameters", [ADDITIVE, dict(hidden=(3,), opt="LM", grid=3, random_state=0)], ids=["additive", "LM"])
def test_units_do_not_matter(parameters):
    plain = predicted(1, 1, **parameters)
    np.testing.assert_array_equal(predicted(2.0**600, 2.0**-600, **parameters), plain)
    np.testing.assert_array_equal(predicted(2.0**-600, 2.0**900, **parameters), plain)
    for units in ((1, 1e300), (1e200, 1), (1e-200, 1), (1, 1e-200), (1e300, 1e-300)):
        np.testing.assert_allclose(predicted(*units, **parameters), plain, atol=1e-5)


HOW = {"additive": ADDITIVE, "AdamW": dict(hidden=(2,), alpha=0.1, steps=30, random_state=0), "LM": dict(hidden=(2,), opt="LM", steps=3, random_state=0)}


@pytest.mark.parametrize("way", HOW)
@pytest.mark.parametrize("estimator", [KANRegressor, KANClassifier])
def test_weights_may_be_as_large_as_float64_holds(estimator, way):
    """Sums of them are not; of equal samples, too."""
    x, y = np.vstack([X, X[:5]]), np.append(Y, Y[:5])
    if estimator is KANClassifier:
        y = (y > 0.7).astype(int)

    def outputs(weight):
        model = estimator(**HOW[way]).fit(x, y, sample_weight=weight)
        return model.model_.predict(model.scaled(x))

    for weight in (np.ones(125), RNG.randint(1, 64, 125) / 64):
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            np.testing.assert_array_equal(outputs(weight * 2.0**1023), outputs(weight * 2.0**850))


def test_alpha_belongs_to_the_weights_as_they_are_given():
    light, heavy = (
        KANRegressor(**{**ADDITIVE, "alpha": 100 * unit}).fit(X, Y, sample_weight=np.full(120, unit)) for unit in (1.0, 2.0**1015)
    )
    assert heavy.chosen_["alpha"] == 100 * 2.0**1015
    np.testing.assert_array_equal(light.predict(X), heavy.predict(X))


def test_what_float64_cannot_hold_is_refused():
    with pytest.raises(ValueError, match=r"y: column 0 reaches from -1.*e\+307 to 2.*e\+307|y: column 0 reaches from .*too far for float64; divide it"):
        KANRegressor(**ADDITIVE).fit(X, Y * 5e307)
    with pytest.raises(ValueError, match="X: column 1 reaches from -1.*too far for float64"):
        KANRegressor(**ADDITIVE).fit(X * [1, 1.7e308, 1], Y)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e20, 1e300, 1e-300])
def test_constant_columns_say_nothing(constant):
    column = np.full((120, 1), constant)
    plain = KANRegressor(**ADDITIVE).fit(X, Y).predict(X)
    regressor = KANRegressor(**ADDITIVE).fit(np.hstack([X, column]), np.hstack([Y[:, None], column]))
    for scale in (regressor.x_scale_[3], regressor.y_scale_[1]):  # 1, or the size of rounding
        assert scale == pytest.approx(max(1, 1e-12 * constant))
    predicted = regressor.predict(np.hstack([X, column]))
    np.testing.assert_allclose(predicted[:, 0], plain, atol=1e-3)
    np.testing.assert_allclose(predicted[:, 1], column[:, 0], rtol=1e-12)


def test_too_few_samples_for_levenberg_marquardt():
    for rows in ([0, 1], [0, 0, 0], [0, 1, 1, 0]):
        count = len(set(rows))
        with pytest.raises(ValueError, match=f"^X: opt='LM' puts a fifth of the samples aside and needs at least 3 that differ, not {count}; use opt='AdamW'"):
            KANRegressor(opt="LM").fit(X[rows], Y[rows])
    with pytest.raises(ValueError, match="^X: opt='LM'"):
        KANClassifier(opt="LM", hidden=(2,)).fit(X[:2], ["a", "b"])
    assert np.isfinite(KANRegressor(opt="LM", hidden=(2,), grid=3, random_state=0).fit(X[:3], Y[:3]).predict(X)).all()
    assert np.isfinite(KANRegressor(hidden=(2,), opt="AdamW", alpha=0.1, steps=10).fit(X[:2], Y[:2]).predict(X)).all()


@pytest.mark.parametrize("hidden", ["auto", (), (2,)])
def test_a_single_sample_that_counts_is_a_constant(hidden):
    first = np.r_[1.0, np.zeros(59)]
    for y in (Y[:60], np.stack([Y[:60], X[:60, 0]], axis=1)):
        regressor = KANRegressor(hidden=hidden, steps=300, random_state=0).fit(X[:60], y, sample_weight=first)
        np.testing.assert_allclose(regressor.predict(X), np.broadcast_to(y[0], (120, *y.shape[1:])), atol=0.01)
