"""A fit that is refused, before the engine begins or after, leaves the model as it was, with all that it remembers."""

import numpy as np
import pytest

from swiftkan import KAN

X = np.random.RandomState(0).uniform(-1, 1, (100, 2))
Y = np.sin(3 * X[:, :1]) + X[:, 1:] ** 2
FAR = np.where(np.arange(100)[:, None] == 50, 1e200, X)


def model_of(width=(2, 2, 1), grid=3, k=3, symbolic=None):
    """A model that remembers a fit with another loss, weights and half of the data."""
    model = KAN(list(width), grid=grid, k=k, seed=0)
    if symbolic:
        model.fix_symbolic(0, 0, 0, symbolic, x=X, fit_params_bool=False, verbose=False)
    model.fit((X[:50], Y[:50]), loss_fn="huber", huber_delta=0.5, steps=1, sample_weight=np.arange(50.0) + 1)
    return model


def vector():
    return np.zeros(2)


def nothing():
    return None


REFUSED = {  # (how the model is made, samples, arguments of fit, the message)
    "degree, last layer": (dict(k=8), X, dict(opt="NewtonKaczmarz", lr=0.1, solve_last_layer=True), "opt: 'NewtonKaczmarz' trains splines of degree 1 to 7, but k is 8 in layer 0"),
    "degree, grids": (dict(k=0, grid=2), X, dict(opt="NewtonKaczmarz", lr=0.1, grids=[4, 8]), "opt: .*but k is 0 in layer 0; use another opt"),
    "degree, second layer": (dict(k=[3, 9]), X, dict(opt="NewtonKaczmarz", lr=0.1), "opt: .*but k is 9 in layer 1"),
    "loss": ({}, X, dict(opt="NewtonKaczmarz", lr=0.1, loss_fn="mae"), "loss_fn, lamb: "),
    "weights": ({}, X, dict(sample_weight=-np.ones(100)), "sample_weight: must not be negative"),
    "display": ({}, X, dict(display_metrics=["accuracy"]), "display_metrics"),
    "no finite grid": (dict(symbolic="x^5"), FAR, {}, "inputs of layer 1 are not finite"),
    "no finite grid, LM": (dict(symbolic="x^5"), FAR, dict(opt="LM"), "inputs of layer 1 are not finite"),
    "no finite grid, starts": (dict(symbolic="x^5"), FAR, dict(opt="LM", restarts=3), "inputs of layer 1 are not finite"),
    "no finite grid, finer": (dict(symbolic="x^5"), FAR, dict(grids=[6, 12], update_grid=False), "not finite"),
    "too fine at last": (dict(width=(2, 9, 1)), X, dict(opt="SSBFGS", grids=[3, 6, 400]), "8000"),
    "metric, vector": ({}, X, dict(metrics=vector, grids=[3, 6]), r"metrics: 'vector' must return a number, not array\(\[0., 0.\]\) of the shape \(2,\)"),
    "metric, nothing": ({}, X, dict(metrics=[nothing], opt="LM"), "metrics: 'nothing' must return a number, not None"),
}  # fmt: skip


def remembered(model):
    known = model._remembered
    return (model.cache_data, known.y, known.weight, known.avoid, known.y_th, model._fitted_how)


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("fitted", [True, False])
def test_a_fit_that_is_refused_changes_nothing(name, fitted):
    arguments, x, options, text = REFUSED[name]
    model = model_of(**arguments)
    if not fitted:
        fresh = KAN(model.width, grid=model.grid, k=model.k, seed=0)
        fresh._set_function_names(model._function_names())
        fresh.load_state_dict(model.state_dict())
        model = fresh
    model.input_id = [1, 0]
    state, core, coef, grid = model.state_dict(), model._core, model.act_fun[0].coef, model.grid
    attributes, before = dict(vars(model)), remembered(model) if fitted else None
    with pytest.raises((ValueError, TypeError), match=text):
        model.fit((x, Y), steps=4, **options)
    now = model.state_dict()
    assert list(now) == list(state) and all(np.array_equal(now[part], values) for part, values in state.items())
    assert model._core is core and np.shares_memory(model.act_fun[0].coef, coef) and model.grid == grid
    assert list(model.input_id) == [1, 0] and vars(model).keys() == attributes.keys()
    assert model._fitted_loss == (("huber", 0.5) if fitted else ("mse", 1.0))
    if fitted:
        assert all(one is other for one, other in zip(remembered(model), before))
        with pytest.raises(ValueError, match="the loss of the last fit was 'huber'"):
            model.predict_interval(X)
    else:
        assert model.cache_data is None


def test_what_a_callback_raises_keeps_what_was_trained():
    model = model_of()
    before = model.state_dict()

    def broken(step):
        if step.step == 3:
            raise ValueError("from the callback")

    for arguments in (dict(callbacks=broken), dict(metrics=lambda: float("from a metric"))):
        with pytest.raises(ValueError, match="from the callback|could not convert"):
            model.fit((X, Y), steps=5, **arguments)
        assert model.cache_data is X and model._fitted_loss == ("mse", 1.0)
        assert not np.array_equal(model.act_fun[0].coef, before["act_fun.0.coef"])


def test_metrics_may_be_numbers_of_any_kind():
    values = [2, 2.0, np.float32(2), np.array(2), np.array([[2]]), True + True]
    metrics = []
    for i, value in enumerate(values):
        metrics.append(lambda value=value: value)
        metrics[-1].__name__ = f"metric_{i}"
    result = model_of().fit((X, Y), steps=2, metrics=metrics)
    assert all(list(result[metric.__name__]) == [2.0, 2.0] for metric in metrics)
