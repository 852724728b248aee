"""``_core.Model.fit``: options, callbacks, exceptions and results.

What it must get right: an exception in a callback comes out of fit, and the model is as usable after it as before.
"""

import numpy as np
import pytest
from core_models import (ADAM, EVALUATION, LBFGS, MSE, OK, STOP_CALLBACK, STOP_STEPS, data, fit, forward, make, objective,
                         state)  # fmt: skip

X, Y = data()


class Broken(Exception):
    """What the tests' callbacks raise."""


def mse_loss(is_test, prediction, index, rows, grad):
    """The mean squared error as a loss callback."""
    p = np.asarray(prediction)
    assert p.shape == (rows, 1) and not p.flags.writeable
    y = Y if index is None else Y[np.asarray(index)]
    if grad is not None:
        np.asarray(grad)[:] = 2 * (p - y) / p.size
    return np.mean((p - y) ** 2)


@pytest.mark.parametrize(
    "change, error, words",
    [
        ({"options": {"step": 3}}, ValueError, "unknown key 'step'"),
        ({"options": {3: 3}}, ValueError, "unknown key 3"),
        ({"options": {"steps": -1}, "history": [np.empty(0)] * 3}, ValueError, r"options\['steps'\] is -1"),
        ({"options": {"steps": 2.5}}, TypeError, r"options\['steps'\] must be an integer"),
        ({"options": {"lr": "high"}}, TypeError, r"options\['lr'\] must be a number"),
        ({"options": {"lr": float("nan")}}, ValueError, "lr"),
        ({"options": {"lr": -1.0}}, ValueError, "lr"),
        ({"options": {"optimizer": 8}}, ValueError, "optimizer"),
        ({"options": {"optimizer": 2**40}}, ValueError, r"options\['optimizer'\] is 1099511627776"),
        ({"options": {"seed": -1}}, ValueError, r"options\['seed'\] is -1"),
        ({"options": {"batch": 2**64}}, ValueError, r"options\['batch'\]"),
        ({"options": {"beta1": 1.5}}, ValueError, "beta1"),
        ({"options": {"lr_factor": np.ones(4)}}, ValueError, r"options\['lr_factor'\] has 4 elements; it must have 5"),
        ({"options": {"lr_factor": np.full(5, np.nan)}}, ValueError, "lr_factor"),
        ({"options": {"max_iter": 0, "optimizer": LBFGS}}, ValueError, "max_iter"),
        ({"history": [np.empty(5), np.empty(4), np.empty(5)]}, ValueError, "test_loss has 4 elements; it must have 5"),
        ({"history": [np.empty(5), np.empty(5), np.empty(5, "f4")]}, ValueError, "reg has elements of type 'f'"),
        ({"poll": 3}, TypeError, "poll must be callable or None"),
        ({"step": "x"}, TypeError, "step must be callable or None"),
        ({"loss": []}, TypeError, "loss must be callable or None"),
        ({"test": (3, np.zeros((4, 2)), np.zeros((4, 1)), None, None)}, ValueError, "test x has 8 elements"),
        ({"test": [1, 2]}, TypeError, "test must be a tuple"),
        ({"test": (1, 2)}, TypeError, "train and test must be"),
    ],
)
def test_fit_refuses(change, error, words):
    model = make()
    before = state(model).copy()
    with pytest.raises(error, match=words):
        fit(model, X, Y, **change)
    np.testing.assert_array_equal(state(model), before)


def test_a_custom_loss_needs_its_callback():
    with pytest.raises(ValueError, match="loss"):
        make().fit((len(X), X, Y, None, None), None, {"steps": 1}, objective(5), *EVALUATION, None, None, None,
                   *np.empty((3, 1)))  # fmt: skip


@pytest.mark.parametrize("optimizer", [LBFGS, ADAM])
def test_fit_reports_what_it_did(optimizer):
    model = make()
    result, losses = fit(model, X, Y, 6, options={"optimizer": optimizer, "lr": 1.0 if optimizer == LBFGS else 0.01})
    assert (result["status"], result["reason"], result["steps"], result["best_step"]) == (OK, STOP_STEPS, 6, 5)
    assert result["evaluations"] >= 6 and isinstance(result["message"], str)
    assert np.all(np.isfinite(losses)) and losses[-1] < losses[0]


def test_no_steps_change_nothing():
    model = make()
    before = state(model).copy()
    assert fit(model, X, Y, 0)[0]["steps"] == 0
    np.testing.assert_array_equal(state(model), before)


def test_step_sees_progress_and_can_stop():
    seen = []

    def step(*progress):
        seen.append(progress)
        return progress[0] == 3

    result, losses = fit(make(), X, Y, 10, step=step, test=(20, X[:20].copy(), Y[:20].copy(), None, None))
    assert (result["status"], result["reason"], result["steps"]) == (OK, STOP_CALLBACK, 3)
    assert [(p[0], p[1]) for p in seen] == [(1, 10), (2, 10), (3, 10)]
    np.testing.assert_array_equal([p[2] for p in seen], losses[:3])
    assert all(np.isfinite(p[3]) for p in seen)
    assert np.all(np.isnan(losses[3:]))


def test_poll_can_stop_a_long_fit():
    calls = []
    result, _ = fit(make(), X, Y, 1_000_000, poll=lambda: calls.append(0) or len(calls) == 2)
    assert (result["reason"], len(calls)) == (STOP_CALLBACK, 2) and 0 < result["steps"] < 1_000_000


@pytest.mark.parametrize("which", ["poll", "step", "loss"])
def test_an_exception_in_a_callback_comes_out_and_leaves_a_usable_model(which):
    calls = []

    def broken(*arguments):
        calls.append(which)
        if which == "loss" and len(calls) < 4:
            return mse_loss(*arguments)
        raise Broken(which)

    model = make()
    with pytest.raises(Broken, match=which):
        fit(model, X, Y, 1_000_000, **{which: broken})
    assert len(calls) == (4 if which == "loss" else 1), "Python ran on after the exception"
    assert np.all(np.isfinite(forward(model, X)))
    before = state(model).copy()
    assert fit(model, X, Y, 20)[0]["status"] == OK
    assert np.any(state(model) != before) and np.all(np.isfinite(state(model)))


def test_a_step_whose_answer_has_no_truth_is_an_error():
    with pytest.raises(ValueError, match="ambiguous"):
        fit(make(), X, Y, 3, step=lambda *progress: np.ones(2))


@pytest.mark.parametrize(
    "loss, error",
    [(lambda *a: None, TypeError), (lambda *a: "low", TypeError), (lambda: 0.0, TypeError)],
)
def test_a_loss_that_gives_no_number_is_an_error(loss, error):
    with pytest.raises(error):
        fit(make(), X, Y, 3, loss=loss)


@pytest.mark.parametrize("optimizer", [LBFGS, ADAM])
def test_a_loss_of_ones_own_trains_as_the_built_in_one(optimizer):
    options = {"optimizer": optimizer, "lr": 1.0 if optimizer == LBFGS else 0.01}
    _, expected = fit(make(), X, Y, 3, options=options)
    _, losses = fit(make(), X, Y, 3, options=options, loss=mse_loss)
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    _, expected = fit(make(), X, Y, 3, options=options | {"batch": 32})
    _, losses = fit(make(), X, Y, 3, options=options | {"batch": 32}, loss=mse_loss)
    np.testing.assert_allclose(losses, expected, rtol=1e-3)  # L-BFGS makes much of a rounding error


def test_a_loss_sees_the_test_data_and_may_keep_what_it_gets():
    kept, tests = [], []

    def loss(is_test, prediction, index, rows, grad):
        kept.append((np.asarray(prediction), np.array(prediction), grad))
        tests.append(is_test)
        p = np.asarray(prediction)
        y = Y[:20] if is_test else Y if index is None else Y[np.asarray(index)]
        if grad is not None:
            np.asarray(grad)[:] = 2 * (p - y) / p.size
        return np.mean((p - y) ** 2)

    fit(make(), X, Y, 4, loss=loss, test=(20, X[:20].copy(), Y[:20].copy(), None, None))
    assert set(tests) == {True, False}
    for view, values, grad in kept:  # memory of the engine would have changed by now
        np.testing.assert_array_equal(view, values)
        assert grad is None or memoryview(grad).shape == view.shape


def test_a_loss_cannot_change_the_size_of_grad():
    def loss(is_test, prediction, index, rows, grad):
        owner = grad.obj
        grad.release()
        owner.clear()
        return 1.0

    with pytest.raises((ValueError, BufferError)):
        fit(make(), X, Y, 3, loss=loss)


def test_a_callback_may_use_the_model_that_is_being_fitted():
    model, seen = make(), []
    fit(model, X, Y, 3, step=lambda *progress: seen.append(forward(model, X)[0, 0]))
    assert len(set(seen)) == 3


def test_cross_entropy_takes_labels_and_refuses_bad_ones():
    model = make(n_sum=[2, 3, 3])
    labels = (np.arange(len(X)) % 3).astype("i8")
    histories = np.empty((3, 4))
    arguments = (None, {"steps": 4, "optimizer": ADAM, "update_grid": False}, objective(3), *EVALUATION, None, None, None)
    result = model.fit((len(X), X, None, labels, None), *arguments, *histories)
    assert result["status"] == OK and np.all(np.isfinite(histories[0]))
    for bad in (-1, 3, 2**62):
        wrong = labels.copy()
        wrong[5] = bad
        with pytest.raises(ValueError, match="label"):
            model.fit((len(X), X, None, wrong, None), *arguments, *histories)
    with pytest.raises(ValueError, match="y|label"):
        model.fit((len(X), X, None, None, None), *arguments, *histories)
    with pytest.raises(ValueError, match="label"):
        model.fit((len(X), X, None, labels, None), None, {"steps": 4}, objective(MSE), *EVALUATION, None, None, None,
                  *histories)  # fmt: skip
