"""Jacobian, covariance and intervals: against other derivations, and by simulation."""

import pickle

import numpy as np
import pytest

from swiftkan import KAN, SYMBOLIC_LIB, add_symbolic


def every_part():
    """A network with products, a symbolic edge, a mask, affine parameters and two outputs."""
    model = KAN([2, [2, 1], 2], grid=4, k=3, seed=1, affine_trainable=True, noise_scale=1.0)
    x = np.random.RandomState(0).rand(30, 2) * 2.2 - 1.1
    model.get_act(x)
    model.fix_symbolic(0, 0, 0, "sin", verbose=False)
    model.act_fun[0].mask[1, 1] = 0
    model.act_fun[1].mask[0, 0] = 0.5
    return model, x


def test_jacobian_is_that_of_vjp_and_of_finite_differences():
    model, x = every_part()
    jacobian, places = model.parameter_jacobian(x), model.parameter_places()
    assert jacobian.shape == (30, 2, len(places)) and len(set(places)) == len(places)
    assert not any(name.endswith("scale_sp") or place[:2] == (1, 1) and name == "act_fun.0.coef" for name, place in places)
    v = np.random.RandomState(1).randn(30, 2)
    gradients, _ = model.vjp(x, v)
    expected = np.array([gradients[name][place] for name, place in places])
    np.testing.assert_allclose(np.einsum("no,nop->p", v, jacobian), expected, atol=1e-12 * abs(expected).max())
    state = model.state_dict()
    for c in range(0, len(places), 7):
        name, place = places[c]
        values = []
        for h in (1e-5, -1e-5):
            model.load_state_dict({**state, name: state[name] + h * (np.indices(state[name].shape).T == place).all(-1).T})
            values.append(model(x))
        model.load_state_dict(state)
        np.testing.assert_allclose(jacobian[:, :, c], (values[0] - values[1]) / 2e-5, atol=1e-6 * abs(jacobian).max())


def test_float32_jacobian():
    model = KAN([2, 3, 1], seed=1)
    single = KAN([2, 3, 1], seed=1, dtype="float32")
    single.load_state_dict(model.state_dict())
    x = np.random.RandomState(0).rand(20, 2)
    np.testing.assert_allclose(single.parameter_jacobian(x), model.parameter_jacobian(x), atol=1e-5)


def line():
    """A model that is linear: a straight line by ordinary least squares has known formulas."""
    rng = np.random.RandomState(3)
    x = rng.rand(40, 1)
    y = 2 * x + 1 + 0.1 * rng.randn(40, 1)
    model = KAN([1, 1], grid=1, k=1, base_fun="zero", grid_range=(0, 1))
    model.fit((x, y), opt="LM", steps=10, update_grid=False)
    return model, x, y


def test_straight_line_has_the_textbook_deviation():
    model, x, y = line()
    design = np.hstack([np.ones_like(x), x])
    w, squares, *_ = np.linalg.lstsq(design, y, rcond=None)
    covariance = np.linalg.inv(design.T @ design) * squares[0] / 38
    new = np.array([[0.0], [0.3], [0.99]])
    rows = np.hstack([np.ones_like(new), new])
    expected = np.sqrt(np.einsum("np,pq,nq->n", rows, covariance, rows))
    prediction, std = model.predict(new, return_std=True)
    np.testing.assert_allclose(prediction, rows @ w, atol=1e-6)
    np.testing.assert_allclose(std[:, 0], expected, rtol=1e-6)
    _, low, high = model.predict_interval(new, 0.9)
    t = 1.6859544601667387  # Student's 95 % quantile for 38 degrees of freedom
    np.testing.assert_allclose((high - low)[:, 0] / 2, t * np.sqrt(expected**2 + squares[0] / 38), rtol=1e-6)
    _, low, high = model.predict_interval(new, 0.9, of="mean")
    np.testing.assert_allclose((high - low)[:, 0] / 2, t * expected, rtol=1e-6)


def test_weights_count_like_repeated_samples():
    model, x, y = line()
    weight = np.where(np.arange(40) < 20, 1.0, 3.0)
    weighted = model.parameter_covariance((x, y), sample_weight=weight)
    normal = np.einsum("n,nop,noq->pq", weight, model.parameter_jacobian(x), model.parameter_jacobian(x))
    variance = (weight @ (y - model(x))[:, 0] ** 2) / 38
    np.testing.assert_allclose(weighted, np.linalg.inv(normal) * variance, rtol=1e-5)


def test_what_is_kept_is_of_the_present_parameters():
    model, x, y = line()
    before = model.parameter_covariance()
    model.act_fun[0].coef[...] += 1.0
    assert not np.allclose(model.parameter_covariance(), before)
    np.testing.assert_array_equal(model.parameter_covariance(), model.parameter_covariance((x, y)))


def test_what_is_kept_is_of_the_present_functions():
    x = np.linspace(-1, 1, 60)[:, None]
    y = np.sin(2 * x) + 0.05 * np.random.RandomState(0).randn(60, 1)
    model = KAN([1, 1], grid=3, seed=0)
    model.fix_symbolic(0, 0, 0, "sin", x=x, fit_params_bool=False)
    model.fit((x, y), opt="LM", steps=20)
    seen = [model.predict(x, return_std=True)[1]]
    for fun in (None, lambda t: np.exp(2 * t), lambda t: np.cosh(3 * t)):
        if fun:
            add_symbolic("changes", fun)
        model.symbolic_fun[0].set_function(0, 0, "changes" if fun else "x^2")
        kept = model.predict(x, return_std=True)[1]
        np.testing.assert_array_equal(kept, model.clone().predict(x, return_std=True)[1])  # which has nothing kept
        assert not any(np.allclose(kept, std) for std in seen)
        seen.append(kept)
    del SYMBOLIC_LIB["changes"]


def test_far_from_the_samples_nothing_is_known():
    rng = np.random.RandomState(0)
    x = np.where(rng.rand(200, 1) < 0.5, 0.3 * rng.rand(200, 1), 0.7 + 0.3 * rng.rand(200, 1))
    model = KAN([1, 1], grid=20, grid_eps=1.0)
    model.fit((x, np.sin(6 * x) + 0.1 * rng.randn(200, 1)), opt="LM", steps=20)
    _, std = model.predict([[0.15], [0.5]], return_std=True)
    assert std[0, 0] < 0.1 and std[1, 0] > 10 * std[0, 0]


def smooth_1d(x):
    return np.sin(8 * x)


def two_inputs(x):
    return np.exp(np.sin(np.pi * x[:, :1]) + x[:, 1:] ** 2)


def two_outputs(x):
    return np.hstack([np.sin(4 * x[:, :1]) + x[:, 1:] ** 2, 3 * x[:, :1] - np.cos(3 * x[:, 1:])])


@pytest.mark.parametrize(
    "f, width, samples, noise, grid",
    [(smooth_1d, [1, 1], 200, [0.2], 8), (two_inputs, [2, 1, 1], 400, [0.3], 4), (two_outputs, [2, 2], 300, [0.1, 1.0], 5)],
)
def test_95_percent_intervals_hold_95_percent(f, width, samples, noise, grid):
    held = []
    for seed in range(12):
        rng = np.random.RandomState(seed)
        x, new = rng.rand(samples, width[0]), rng.rand(500, width[0])
        model = KAN(width, grid=grid, seed=seed)
        model.fit((x, f(x) + noise * rng.randn(samples, width[-1])), opt="LM", steps=25)
        _, low, high = model.predict_interval(new)
        y = f(new) + noise * rng.randn(500, width[-1])
        held.append(((low < y) & (y < high)).mean(axis=0))
    assert ((0.92 < np.mean(held, axis=0)) & (np.mean(held, axis=0) < 0.98)).all()


def test_refusals():
    model, x, y = line()
    with pytest.raises(ValueError, match="x: has the shape"):
        model.parameter_jacobian([[1.0, 2.0]])
    with pytest.raises(TypeError, match="return_std: must be True or False"):
        model.predict(x, return_std="yes")
    with pytest.raises(ValueError, match="dataset: is used with return_std=True only"):
        model.predict(x, dataset=(x, y))
    with pytest.raises(ValueError, match="sample_weight: is used with return_std=True only"):
        model.predict(x, sample_weight=np.ones(40))
    with pytest.raises(ValueError, match="level: must be below 1"):
        model.predict_interval(x, 95)
    with pytest.raises(ValueError, match="of: must be one of 'observation', 'mean'"):
        model.predict_interval(x, of="y")
    with pytest.raises(ValueError, match="train_label: has the shape"):
        model.parameter_covariance((x, y[:5]))
    with pytest.raises(ValueError, match="sample_weight: is used with dataset only"):
        model.parameter_covariance(sample_weight=np.ones(40))
    with pytest.raises(ValueError, match="40 samples|3 samples, but the model has"):
        KAN([1, 1], grid=20).parameter_covariance((x[:3], y[:3]))
    model.get_act(x)
    with pytest.raises(RuntimeError, match="needs the data that the model was fitted to"):
        model.parameter_covariance()
    with pytest.raises(RuntimeError, match="this model has seen none"):
        KAN([1, 1]).predict(x, return_std=True)
    places = KAN([1, 1])
    places.act_fun[0].mask[...] = 0
    assert places.parameter_places() == []
    with pytest.raises(ValueError, match="no trained parameters"):
        places.parameter_covariance((x, y))


@pytest.mark.parametrize("weighted", [False, True])
def test_refined_models_know_the_labels(weighted):
    """As pruned models and copies do; the covariance is that of the finer splines."""
    rng = np.random.RandomState(0)
    x = rng.rand(300, 1)
    y, weight = np.sin(6 * x) + 0.1 * rng.randn(300, 1), rng.uniform(0.5, 2, 300) if weighted else None
    model = KAN([1, 1], grid=4)
    model.fit((x, y), opt="LM", steps=10, sample_weight=weight)
    assert model.parameter_covariance().shape == (8, 8)
    fine = model.refine(8)
    np.testing.assert_array_equal(fine.parameter_covariance(), fine.parameter_covariance((x, y), sample_weight=weight))
    assert fine.parameter_covariance().shape == (12, 12)
    np.testing.assert_array_equal(fine.predict_interval(x), fine.predict_interval(x, dataset=(x, y), sample_weight=weight))
    elsewhere = model.refine(8, x[:50])
    with pytest.raises(RuntimeError, match="pass dataset="):
        elsewhere.predict_interval(x)


def test_refined_models_know_how_they_were_smoothed():
    rng = np.random.RandomState(0)
    x = rng.rand(200, 1)
    model = KAN([1, 1], grid=8)
    model.fit((x, np.sin(6 * x) + 0.2 * rng.randn(200, 1)), opt="LM", steps=5, smooth=1e-3)
    widths = [np.ptp(each.predict_interval(x, of="mean")[1:], axis=0).mean() for each in (model, model.refine(32))]
    assert widths[1] == pytest.approx(widths[0], rel=0.2), "without the penalty four times the splines are far less sure"


def test_data_that_is_given_is_evaluated_as_in_fit():
    x = np.linspace(0.001, 1, 60)[:, None]
    model = KAN([1, 1], seed=0)
    model.fix_symbolic(0, 0, 0, "1/x", fit_params_bool=False, verbose=0)
    y = model.forward(x, singularity_avoiding=True, y_th=5.0) + 0.1 * np.random.RandomState(0).randn(60, 1)
    model.fit((x, y), steps=1, update_grid=False, singularity_avoiding=True, y_th=5.0)
    wanted = model.predict_interval(x)
    for twin in (model, pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin.predict_interval(x, dataset=(x, y)), wanted)


def classes():
    rng = np.random.RandomState(0)
    x = rng.rand(200, 2) * 2 - 1
    return x, (x[:, 0] + 0.3 * rng.randn(200) > 0).astype(int)


@pytest.mark.parametrize("loss, remedy", [
    ("bce", r"the probability of label 1 is 1/\(1 \+ exp"), ("cross_entropy", "probabilities of the classes are the softmax"), ("huber", "fit with loss_fn='mse' first"),
])  # fmt: skip
def test_other_losses_have_no_intervals(loss, remedy):
    x, label = classes()
    y = label if loss == "cross_entropy" else label[:, None].astype(float)
    model = KAN([2, 2 if loss == "cross_entropy" else 1], grid=3)
    model.fit((x, y), loss_fn=loss, opt="LM", steps=5)
    match = f"is for loss 'mse' only.*the loss of the last fit was '{loss}': {remedy}"
    twins = [model, model.clone(), pickle.loads(pickle.dumps(model)), model.refine(6)]
    for asked in twins:
        for call in (
            lambda: asked.predict(x, return_std=True), lambda: asked.predict_interval(x), asked.parameter_covariance,
            lambda: asked.predict_interval(x, dataset=(x, y)),
        ):  # fmt: skip
            with pytest.raises(ValueError, match=match):
                call()
    assert model.predict(x).shape == (200, model.width_in[-1]) and model.parameter_jacobian(x[:2]).shape[0] == 2
    target = label[:, None] * np.ones((1, model.width_in[-1]))
    model.fit((x, target), opt="LM", steps=3)
    assert np.isfinite(model.predict(x, return_std=True)[1]).all()


def test_a_loss_of_ones_own_has_intervals_for_data_that_is_given():
    def loss(prediction, label):
        return float(((prediction - label) ** 2).mean()), 2 * (prediction - label) / prediction.size

    x, label = classes()
    model = KAN([2, 1], grid=3)
    model.fit((x, label[:, None]), loss_fn=loss, steps=5)
    with pytest.raises(ValueError, match=r"was one of your own: if that is least squares pass dataset=\(x, y\)"):
        model.predict_interval(x)
    _, low, high = model.predict_interval(x, dataset=(x, label[:, None]))
    assert (low < high).all()
    pickle.loads(pickle.dumps(model))  # a function defined here cannot be pickled; it is left out


def test_classifiers_have_no_intervals():
    pytest.importorskip("sklearn")
    from swiftkan import KANClassifier

    x, label = classes()
    classifier = KANClassifier(hidden=(2,), alpha=0.1, random_state=0).fit(x, label)
    with pytest.raises(ValueError, match="is for loss 'mse' only"):
        classifier.model_.predict_interval(x, dataset=(x, np.eye(2)[label]))
