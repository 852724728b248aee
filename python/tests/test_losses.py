"""Training with every loss, and losses written in Python."""

import copy
import pickle

import numpy as np
import pytest

from swiftkan import KAN

RANDOM = np.random.RandomState(0)
X = 2 * RANDOM.rand(200, 2) - 1
Y = np.sin(3 * X[:, [0]]) + X[:, [1]] ** 2
CLASSES = (X[:, 0] ** 2 + X[:, 1] ** 2 > 0.6).astype(int)


@pytest.mark.parametrize("loss", [None, "mse", "mae", "huber"])
@pytest.mark.parametrize("opt, lr", [("LBFGS", 1.0), ("Adam", 0.02)])
def test_regression(loss, opt, lr):
    model = KAN([2, 5, 1], grid=5)
    result = model.fit((X, Y), opt=opt, lr=lr, steps=15 if opt == "LBFGS" else 300, loss_fn=loss)
    assert result.status == "ok"
    assert np.sqrt(np.mean((model(X) - Y) ** 2)) < 0.1
    if loss in (None, "mse"):
        assert result["train_loss"][-1] == pytest.approx(np.sqrt(np.mean((model(X) - Y) ** 2)), rel=0.5)
    if loss == "mae":
        # The record is of the parameters before the last update, which moves the loss by some part of lr.
        assert result["train_loss"][-1] == pytest.approx(np.mean(np.abs(model(X) - Y)), abs=0.01)


@pytest.mark.parametrize(
    "labels",
    [CLASSES, CLASSES.astype(np.uint8), CLASSES.astype(bool), np.eye(2)[CLASSES]],
    ids=["int", "uint8", "bool", "one-hot"],
)
def test_classification(labels):
    model = KAN([2, 4, 2], grid=4)
    result = model.fit((X, labels), steps=10, loss_fn="cross_entropy", lamb=1e-3)
    assert (model(X).argmax(axis=1) == CLASSES).mean() > 0.97
    assert result["train_loss"][-1] < 0.2  # the loss itself, without a root


def test_logits():
    model = KAN([2, 4, 1], grid=4)
    model.fit((X, CLASSES[:, None]), steps=10, loss_fn="bce", lamb=1e-3)
    assert ((model(X)[:, 0] > 0) == CLASSES).mean() > 0.97


def squared(prediction, label):
    error = prediction - label
    return (error**2).mean(), 2 * error / error.size


@pytest.mark.parametrize(
    "opt, more",
    [
        ("LBFGS", {}),
        ("Adam", dict(lr=0.01)),
        ("Adam", dict(lr=0.01, batch=32)),
        ("SGD", dict(lr=0.01, epochs=4, batch=64)),
    ],
)
def test_a_loss_in_python_is_as_good_as_the_engines(opt, more):
    ours, theirs = KAN([2, 4, 1]), KAN([2, 4, 1])
    one = ours.fit((X, Y, X[:50], Y[:50]), opt=opt, loss_fn=squared, steps=4, **more)
    other = theirs.fit((X, Y, X[:50], Y[:50]), opt=opt, steps=4, **more)
    np.testing.assert_allclose(np.sqrt(one["train_loss"]), other["train_loss"], rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(one["test_loss"]), other["test_loss"], rtol=1e-6)
    np.testing.assert_allclose(ours(X), theirs(X), atol=1e-6)


def test_a_finer_grid_whose_test_loss_is_not_a_number_is_not_kept():
    calls = []

    def loss(prediction, label):
        value, slope = squared(prediction, label)
        if len(label) == 50:
            calls.append(value)
            return (value if len(calls) <= 5 else np.nan), slope
        return value, slope

    model = KAN([2, 2, 1], grid=3)
    result = model.fit((X[:150], Y[:150], X[150:], Y[150:]), grids=[3, 6, 12], steps=5, loss_fn=loss)
    assert model.grid == 3 and [entry["kept"] for entry in result.levels] == [True, False]
    assert np.isfinite(result["test_loss"][:5]).all() and len(calls) == 10


def test_float32_in_python():
    model = KAN([2, 4, 1], dtype="float32")

    def loss(prediction, label):
        assert prediction.dtype == label.dtype == np.float32 and prediction.shape == label.shape
        return squared(prediction, label)

    assert model.fit((X, Y), loss_fn=loss, steps=5)["train_loss"][-1] < 0.05


def test_what_labels_a_loss_gets_is_its_own_affair():
    """Integers stay integers, any shape with a row a sample is allowed, and there may be none."""
    seen = []

    def loss(prediction, label):
        seen.append(label)
        return squared(prediction, Y if label is None else Y[label.ravel()])

    order = np.arange(200)
    KAN([2, 2, 1]).fit((X, order), loss_fn=loss, steps=1)
    KAN([2, 2, 1]).fit((X, None), loss_fn=loss, steps=1)
    assert seen[0].dtype.kind == "i" and seen[-1] is None


@pytest.mark.parametrize(
    "loss, error, text",
    [
        (
            lambda p, y: ((p - y) ** 2).mean(),
            TypeError,
            r"returned float64 alone; training needs the gradient.*return \(value, dvalue/dprediction\)",
        ),
        (lambda p, y: (p - y) ** 2, TypeError, r"ndarray of shape \(200, 1\) alone"),
        (lambda p, y: None, TypeError, "NoneType alone"),
        (
            lambda p, y: (0.0, 1.0),
            ValueError,
            r"gradient it returned has the shape \(\), but the prediction has \(200, 1\)",
        ),
        (lambda p, y: (0.0, (p - y).ravel()), ValueError, r"shape \(200,\)"),
        (lambda p, y: (p - y, p - y), TypeError, "must be one number"),
        (lambda p, y: (0.0, ["a"] * 200), TypeError, "must hold"),
    ],
)
def test_losses_that_cannot_train(loss, error, text):
    model = KAN([2, 3, 1])
    before = model.state_dict()
    with pytest.raises(error, match=f"(?s){text}"):
        model.fit((X, Y), loss_fn=loss, steps=3)
    assert all((before[name] == value).all() for name, value in model.state_dict().items())


def test_a_loss_that_raises_later():
    calls = []

    def loss(prediction, label):
        calls.append(1)
        if len(calls) > 5:
            raise ZeroDivisionError("from the loss")
        return squared(prediction, label)

    model = KAN([2, 3, 1])
    with pytest.raises(ZeroDivisionError, match="from the loss"):
        model.fit((X, Y), loss_fn=loss, steps=30)
    assert np.isfinite(model(X)).all()
    assert model.fit((X, Y), steps=3).status == "ok"


def test_a_loss_may_use_the_model():
    model = KAN([2, 3, 1])

    def loss(prediction, label):
        assert model.predict(X[:1]).shape == (1, 1)
        return squared(prediction, label)

    assert model.fit((X, Y), loss_fn=loss, steps=2).status == "ok"


LOSSES = {
    "mse": (Y, {}), "mae": (Y, {}), "huber": (Y, {"huber_delta": 0.05}), "bce": ((Y > 0).astype(float), {}),
    "cross_entropy": ((Y[:, 0] > 0).astype(int), {}),
}  # fmt: skip


@pytest.mark.parametrize("loss", LOSSES)
def test_evaluate_gives_the_loss_of_the_last_fit(loss):
    y, more = LOSSES[loss]
    model = KAN([2, 3, 2] if y.ndim == 1 else [2, 3, 1], seed=1)
    before = model.evaluate((X, Y))["test_loss"] if y.ndim == 2 else None
    if loss == "mse":
        assert before == pytest.approx(float(np.sqrt(np.mean((model(X) - Y) ** 2))), rel=1e-14)
    result = model.fit((X, y, X, y), steps=4, loss_fn=loss, **more)
    dataset = {"test_input": X, "test_label": y}
    for forms in (dataset, (X, y), (X[:3], y[:3], X, y)):
        evaluation = model.evaluate(forms)
        assert evaluation["test_loss"] == pytest.approx(result["test_loss"][-1], rel=1e-9)
        assert evaluation["n_edge"] == model.n_edge and evaluation["n_grid"] == 3
    for twin in (model.clone(), pickle.loads(pickle.dumps(model))):
        assert twin.evaluate(dataset)["test_loss"] == pytest.approx(result["test_loss"][-1], rel=1e-9)
    fine = model.refine(6)
    assert fine.evaluate(dataset) == fine.evaluate(dataset, loss, **more)
    if y.ndim == 2:
        assert model.evaluate((X, y), "mse")["test_loss"] == pytest.approx(float(np.sqrt(np.mean((model(X) - y) ** 2))), rel=1e-12)
        assert model.evaluate((X, y), lambda p, label: (float(abs(p - label).max()), p - label))["test_loss"] == abs(model(X) - y).max()
    else:
        one_hot = np.eye(2)[y]
        assert model.evaluate((X, one_hot))["test_loss"] == pytest.approx(result["test_loss"][-1], rel=1e-9)
    if loss == "cross_entropy":
        with pytest.raises(ValueError, match=r"need \(200, 2\); integer classes are for the loss 'cross_entropy'"):
            model.evaluate((X, y), "mse")
    if loss == "huber":
        assert model.evaluate((X, y), huber_delta=1e9)["test_loss"] == pytest.approx(np.mean((model(X) - y) ** 2) / 2, rel=1e-12)


class Unique:
    """A loss that can neither be copied nor pickled."""

    def __call__(self, prediction, label):
        return squared(prediction, label)

    def __reduce_ex__(self, protocol):
        raise TypeError("no copies")


def test_pickles_remember_that_the_loss_was_ones_own():
    model = KAN([2, 3, 1], seed=1)
    loss = Unique()
    result = model.fit((X, Y), steps=4, loss_fn=loss)
    last = result["train_loss"][-1]
    for twin in (model.clone(), copy.copy(model), copy.deepcopy(model)):
        assert twin._fitted_loss[0] is loss and twin.evaluate((X, Y))["test_loss"] == pytest.approx(last, rel=1e-9)
    once = pickle.loads(pickle.dumps(model))
    for twin in (once, pickle.loads(pickle.dumps(once)), copy.deepcopy(once)):
        with pytest.raises(ValueError, match="had a loss of your own, which its pickle does not hold: pass it as loss_fn="):
            twin.evaluate((X, Y))
        assert twin.evaluate((X, Y), loss)["test_loss"] == pytest.approx(last, rel=1e-6)
        with pytest.raises(ValueError, match=r"was one of your own: if that is least squares pass dataset=\(x, y\)"):
            twin.predict_interval(X[:2])
        assert np.isfinite(twin.predict_interval(X[:2], dataset=(X, Y))).all()
    with pytest.raises(ValueError, match="pass it as loss_fn="):
        once.refine(6, X).evaluate((X, Y))
    twin.fit((X, Y), steps=1, loss_fn="huber")
    assert twin._fitted_loss == ("huber", 1.0)


def test_pickles_without_the_loss_are_read():
    """Those of earlier versions have none where it was written in Python."""
    model = KAN([2, 3, 1], seed=1)
    model.fit((X, Y), steps=1, loss_fn=squared)
    state = model.__getstate__()
    del state["extra"]["_fitted_loss"]
    old = KAN.__new__(KAN)
    old.__setstate__(state)
    assert old.evaluate((X, Y)) == model.evaluate((X, Y), "mse")


@pytest.mark.parametrize("opt", ["LBFGS", "SSBFGS", "Adam"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_where_a_gradient_is_not_finite_training_ends_with_what_it_had(opt, bad):
    """L-BFGS took it for convergence."""
    x = np.random.RandomState(0).uniform(-1, 1, (60, 2))
    model, steps = KAN([2, 2, 1], grid=3), []

    def loss(prediction, label):
        slope = 2 * (prediction - label) / label.size
        if len(steps) == 4:
            slope[7] = bad
        return float(np.mean((prediction - label) ** 2)), slope

    with pytest.warns(RuntimeWarning, match="loss_fn: the gradient it returned is (nan|inf) in row 7, column 0"):
        result = model.fit((x, x[:, :1]), opt=opt, loss_fn=loss, steps=20, lr=0.01, callbacks=lambda step: steps.append(step.step))
    assert result.status == "diverged" and result.steps in (4, 5)
    assert np.mean((model(x) - x[:, :1]) ** 2) < result["train_loss"][0]
