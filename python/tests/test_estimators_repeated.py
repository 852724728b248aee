"""The estimators where samples repeat: binary, categorical and counted features, classes and rounded labels."""

import copy
import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")
from swiftkan import KAN, KANClassifier, KANRegressor, _choice, _data

LEVELS = np.arange(6.0)[:, None]
CHANCE = np.array([0.1, 0.9, 0.2, 0.8, 0.15, 0.85])


def six_levels(n=2000, seed=0):
    random = np.random.RandomState(seed)
    x = random.randint(0, 6, (n, 1))
    y = (random.uniform(size=n) < CHANCE[x[:, 0]]).astype(int)
    return x.astype(float), y, np.array([y[x[:, 0] == level].mean() for level in range(6)])


def problem(weight=(1.0, 1.0, 7.0, 3.5, 40.0, 30.0, 1.0), classes=0):
    x = np.array([0.0, 1.0, 2.0, 3.0, 3.0, 3.0, 4.0])[:, None]
    y = np.array([0, 1, 0, 0, 1, 2, 1])
    return _choice.Problem(x, y if classes else y[:, None] * 1.0, np.array(weight), classes, True)


# ---- What is held out -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [0, 3])
def test_copies_are_laid_in_folds_where_an_x_has_several_outcomes(classes):
    samples, frequencies = problem(classes=classes), []
    for seed in range(20):
        parts = np.array(list(_choice.folds(samples, 5, np.random.RandomState(seed))))
        np.testing.assert_allclose(parts.sum(axis=0), samples.weight)
        for whole in (0, 1, 2, 6):  # seen once, or with one outcome
            assert sorted(parts[:, whole]) == [0, 0, 0, 0, samples.weight[whole]]
        pieces = parts[:, 3:6] / [3.5 / 3, 1, 1]
        np.testing.assert_allclose(pieces, np.round(pieces), atol=1e-9)
        assert (parts[:, 4] < 40).all()
        frequencies += list(parts[:, 4])
        held = _choice.fifth(samples, np.random.RandomState(seed))
        assert 0 < held[4] < 40 and 0 <= held[5] < 30 and set(held[[0, 1, 2, 6]]) <= {0.0, 1.0, 7.0}
    assert len(set(frequencies)) > 2, "by chance, not the same part in all folds"


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("weight", [1.0, 9.0])
def test_what_does_not_repeat_is_held_out_as_ever(weight, classes):
    """Also of a great weight: the x has no other outcome."""
    random = np.random.RandomState(0)
    y = random.randint(0, 3, 50)
    samples = _choice.Problem(random.randn(50, 2), y if classes else y[:, None] * 1.0, np.full(50, weight), classes)
    order = np.random.RandomState(7).permutation(50)
    if classes:
        order = order[np.argsort(y[order], kind="stable")]
    for fold, held in enumerate(_choice.folds(samples, 4, np.random.RandomState(7))):
        np.testing.assert_array_equal(np.flatnonzero(held), np.sort(order[fold::4]))
        assert set(held) == {0, weight}
    data, *_ = _data.split({"train_input": samples.x, "train_label": samples.y}, 0.2, None, 7)
    held = _choice.fifth(samples, np.random.RandomState(7))
    np.testing.assert_array_equal(samples.x[held > 0], data["test_input"])


def test_copies_go_several_together_where_they_are_too_many():
    samples = problem((1.0, 1.0, 7.0, 1e300, 1e300, 1.0, 1.0))
    parts = np.array(list(_choice.folds(samples, 5, np.random.RandomState(0))))
    np.testing.assert_allclose(parts.sum(axis=0), samples.weight)
    np.testing.assert_allclose(parts[:, 3:5], 2e299, rtol=0.01)
    assert sorted(parts[:, 5]) == [0, 0, 0, 0, 1]


def test_test_samples_of_an_estimator_have_weights():
    x, y, weight = np.linspace(-1, 1, 4)[:, None], np.zeros((4, 1)), np.array([1.0, 2.0, 3.0, 40.0])
    model = KAN([1, 1], seed=0)
    data = {"train_input": x, "train_label": x, "test_input": x, "test_label": y, _data.TEST_WEIGHT: weight}
    result = model.fit(data, opt="LM", steps=1)
    error = _choice.Problem(x, y, weight).losses(model)
    assert result["test_loss"][0] ** 2 == pytest.approx(np.average(error, weights=weight), rel=1e-9)
    assert np.average(error, weights=weight) != pytest.approx(np.mean(error), rel=0.05)


def test_errors_of_the_race_are_those_of_samples_and_samples_are_counted():
    difference, weight = np.array([0.1, -0.05]), np.array([60.0, 40.0])
    assert not _choice._behind(difference, weight, np.ones(2))
    assert _choice._behind(difference, weight, weight)
    x, y, _ = six_levels(500)
    results = KANClassifier(hidden=(), random_state=0).fit(x, y).cv_results_
    assert {entry["samples"] % 100 for entry in results} == {0}


# ---- What is learnt -------------------------------------------------------------------------------------------------

WAYS = {
    "LM": dict(hidden=(3,), opt="LM", random_state=0),
    "additive": dict(hidden=(), random_state=0),
    "AdamW": dict(hidden=(8,), opt="AdamW", random_state=0),
    "auto": dict(random_state=0),
}


@pytest.mark.parametrize("way", WAYS)
def test_levels_have_their_frequencies(way):
    x, y, seen = six_levels()
    np.testing.assert_allclose(KANClassifier(**WAYS[way]).fit(x, y).predict_proba(LEVELS)[:, 1], seen, atol=0.05)
    np.testing.assert_allclose(KANRegressor(**WAYS[way]).fit(x, y).predict(LEVELS), seen, atol=0.05)


def test_interactions_of_binary_features_are_found():
    random = np.random.RandomState(0)
    x = random.randint(0, 2, (2000, 4)).astype(float)
    y = random.uniform(size=2000) < np.where(x[:, 0] != x[:, 1], 0.9, 0.1)
    classifier = KANClassifier(random_state=0).fit(x[:1500], y[:1500])
    assert classifier.chosen_["hidden"] and classifier.score(x[1500:], y[1500:]) > 0.85


def test_frequencies_that_are_chance_are_not_learnt():
    """If each fold had the same part of all samples of the same x and y, the networks that learn them by heart would win."""
    chosen = []
    for seed in range(4):
        random = np.random.RandomState(seed)
        x = random.randint(0, 2, (1500, 4)).astype(float)
        y = random.uniform(size=1500) < 1 / (1 + np.exp(1.5 - x @ [2, -2, 3, 0]))
        chosen.append(KANClassifier(random_state=0).fit(x, y).chosen_["hidden"])
    assert chosen.count(()) >= 3, chosen


@pytest.mark.parametrize("seed", [0, 1])
def test_one_x_that_most_samples_have(seed):
    """Batches of AdamW are means over their own weights; heavy samples must not be drawn as single ones."""
    random = np.random.RandomState(seed)
    x = np.append(np.zeros(2000), random.uniform(1, 3, 500))[:, None]
    y = (random.uniform(size=2500) < np.where(x[:, 0] == 0, 0.1, 0.5)).astype(int)
    how = dict(hidden=(8,), opt="AdamW", alpha=0.1, random_state=0)
    seen = y[:2000].mean()
    assert KANClassifier(**how).fit(x, y).predict_proba([[0.0]])[0, 1] == pytest.approx(seen, abs=0.03)
    assert KANRegressor(**how).fit(x, y).predict([[0.0]])[0] == pytest.approx(seen, abs=0.03)


@pytest.mark.parametrize("unit", [1.0, 0.1])
@pytest.mark.parametrize("estimator", [KANClassifier, KANRegressor])
def test_weights_are_repetitions_and_order_does_not_matter(estimator, unit):
    """A unit of 0.1: sums of it round in as many ways as there are orders."""
    x, y, _ = six_levels(300)
    again = np.random.RandomState(1).permutation(300)
    pairs, counts = np.unique(np.column_stack([x, y]), axis=0, return_counts=True)
    for how in (dict(hidden=()), dict(hidden=(3,), opt="LM", steps=5), dict(hidden=(3,), opt="AdamW", steps=50)):
        fit = lambda *data: estimator(**how, random_state=0).fit(*data).model_.predict(LEVELS)  # noqa: B023, E731
        one = fit(x, y, np.full(300, unit))
        np.testing.assert_array_equal(fit(x[again], y[again], np.full(300, unit)), one)
        if unit == 1:
            np.testing.assert_array_equal(fit(pairs[:, :1], pairs[:, 1].astype(int), counts), one)


# ---- How sure it is -------------------------------------------------------------------------------------------------

SURE = {"additive": dict(hidden=(), alpha=1e-6, grid=4), "LM": dict(hidden=(1,), opt="LM", grid=4)}


def rounded(n=4000):
    random = np.random.RandomState(0)
    x = random.randint(0, 10, (n, 1)).astype(float)
    return x, np.round(2 * np.sin(x[:, 0]) + random.randn(n))


def deviations(way, x, y, weight=None):
    regressor = KANRegressor(**SURE[way], random_state=0).fit(x, y, weight)
    return regressor.predict(np.arange(10.0)[:, None], return_std=True)[1], regressor


@pytest.mark.parametrize("way", SURE)
@pytest.mark.parametrize("outputs", [1, 2])
def test_standard_deviations_are_those_of_the_samples_given(way, outputs):
    x, y = rounded()
    y = y if outputs == 1 else np.column_stack([y, np.round(y / 2)])
    std, regressor = deviations(way, x, y)
    np.testing.assert_allclose(std, deviations(way, x, y + 1e-9 * np.random.RandomState(1).randn(*y.shape))[0], rtol=0.01)
    new, labels = np.arange(10.0)[:, None], (y.reshape(4000, -1) - regressor.y_mean_) / regressor.y_scale_
    np.testing.assert_array_equal(copy.deepcopy(regressor).predict(new, return_std=True)[1], std)
    again = pickle.loads(pickle.dumps(regressor))
    with pytest.raises(RuntimeError, match="return_std: needs the training data"):
        again.predict(new, return_std=True)
    _, direct = again.model_.predict(again.scaled(new), return_std=True, dataset=(again.scaled(x), labels))
    np.testing.assert_allclose((direct * again.y_scale_).reshape(std.shape), std, rtol=1e-6)


@pytest.mark.parametrize("way", SURE)
def test_whole_weights_are_copies(way):
    x, y = rounded()
    pairs, counts = np.unique(np.column_stack([x, y]), axis=0, return_counts=True)
    std, _ = deviations(way, x, y)
    np.testing.assert_array_equal(deviations(way, pairs[:, :1], pairs[:, 1], counts)[0], std)
    np.testing.assert_array_equal(deviations(way, np.vstack([x, x + 5]), np.append(y, y), np.repeat([1, 0], 4000))[0], std)


def test_other_weights_say_nothing_of_copies():
    x, y = rounded(300)
    std, _ = deviations("additive", x, y)
    for unit in (0.5, 1.5, 2.0**60):
        np.testing.assert_allclose(deviations("additive", x, y, np.full(300, unit))[0], std, rtol=1e-4)
    np.testing.assert_allclose(deviations("additive", x, y, np.full(300, 4.0))[0], std / 2, rtol=0.05)


def test_as_many_samples_of_each_kind():
    """The weights are then equal, and not of use but for their number."""
    x, y = np.tile(np.arange(8.0), 3)[:, None], np.tile(np.arange(8.0) ** 2 % 5, 3)
    y[8:16] += 1
    std, _ = deviations("additive", np.tile(x, (20, 1)), np.tile(y, 20))
    np.testing.assert_allclose(std, deviations("additive", x, y, np.full(24, 20))[0], rtol=1e-12)
    noisy = np.tile(y, 20) + 1e-9 * np.random.RandomState(0).randn(480)
    np.testing.assert_allclose(std, deviations("additive", np.tile(x, (20, 1)), noisy)[0], rtol=0.01)
