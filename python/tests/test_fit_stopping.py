"""How training ends (steps, callbacks, patience, convergence, divergence, Ctrl-C), and that the model is usable then."""

import numpy as np
import pytest
from helpers import interrupted

from swiftkan import KAN, Step, create_dataset


@pytest.fixture(scope="module")
def data():
    return create_dataset(
        lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2, train_num=300, test_num=100
    )


def state_of(model):
    return np.concatenate([value.ravel() for value in model.state_dict().values()])


def rmse(model, x, y):
    return float(np.sqrt(np.mean((model(x) - y) ** 2)))


def test_no_steps(data):
    model = KAN([2, 3, 1])
    before = state_of(model)
    result = model.fit(data, steps=0)
    assert result.steps == 0 and result.status == "ok" and len(result["train_loss"]) == 0
    assert (state_of(model) == before).all() and repr(result)


def test_a_callback_stops(data):
    seen = []

    def stop(step):
        assert isinstance(step, Step) and step.model is model and step.steps == 50
        assert np.isfinite([step.train_loss, step.test_loss, step.reg]).all() and repr(step)
        seen.append(step.train_loss)
        return step.step == 4

    model = KAN([2, 3, 1])
    result = model.fit(data, steps=50, callbacks=[stop, lambda step: None])
    assert result.reason == "callback" and result.steps == 4 and result.status == "ok"
    np.testing.assert_allclose(seen, result["train_loss"])


def test_patience_restores_the_best(data):
    """A network far too rich for few noisy samples: its test loss rises, and the best parameters come back."""
    random = np.random.RandomState(0)
    x, xt = random.rand(40, 2), random.rand(200, 2)
    y, yt = (np.sin(5 * v[:, :1]) + 0.5 * random.randn(len(v), 1) for v in (x, xt))
    model = KAN([2, 5, 1], grid=10)
    result = model.fit((x, y, xt, yt), steps=200, patience=5, update_grid=False)
    assert result.reason == "patience" and result.steps < 200
    assert result.best_step == int(np.argmin(result["test_loss"])) < result.steps - 1
    assert rmse(model, xt, yt) == pytest.approx(result["test_loss"].min(), rel=1e-9)


@pytest.mark.parametrize("opt, lr", [("LBFGS", 1.0), ("Adam", 0.01), ("LM", 1.0)])
@pytest.mark.parametrize("more", [{}, {"steps": 2}, {"grids": [3, 6]}])
@pytest.mark.filterwarnings("ignore:fit. the test loss is nan")
def test_patience_restores_nothing_where_no_test_loss_is_finite(opt, lr, more):
    """The test data is outside of the logarithm's domain."""
    x = np.random.RandomState(0).uniform(0.5, 1, (50, 1))
    y = 2 * np.log(x)
    model = KAN([1, 1], seed=0, grid=3)
    model.fix_symbolic(0, 0, 0, "log", fit_params_bool=False, verbose=False)
    seen = []
    result = model.fit(
        (x, y, [[-0.3], [0.7]], [[0.0], [0.1]]), opt=opt, lr=lr, patience=3, update_grid=False,
        callbacks=lambda step: seen.append(state_of(model)), **{"steps": 8, **more},
    )  # fmt: skip
    assert result.status == "ok" and np.isnan(result["test_loss"]).all()
    assert result.best_step == result.steps - 1 == len(seen) - 1
    assert (state_of(model) == seen[-1]).all()
    assert result.reason == ("steps" if "steps" in more else "converged" if (opt, more) == ("LBFGS", {"grids": [3, 6]}) else "patience")
    assert "were restored" not in result.message
    if result.reason == "patience":
        assert result.message.startswith(f"stopped after {result.steps} steps, the last without a finite test loss; nothing was restored")
    if result.levels:
        np.testing.assert_allclose(result.levels[0]["train_loss"], result["train_loss"][2], rtol=1e-6)


def test_min_delta_asks_for_more(data):
    patient = KAN([2, 5, 1]).fit(data, steps=60, patience=3, update_grid=False)
    strict = KAN([2, 5, 1]).fit(data, steps=60, patience=3, min_delta=0.05, update_grid=False)
    assert strict.steps < patient.steps


def test_convergence():
    x = np.linspace(-1, 1, 50)[:, None]
    result = KAN([1, 1], grid=3).fit((x, 0 * x), steps=1000, update_grid=False)
    assert result["train_loss"][-1] < 1e-6 and result.status == "ok"
    assert result.reason in ("converged", "steps") and (result.reason == "steps") == (result.steps == 1000)


def test_a_diverging_run_keeps_the_last_finite_parameters(data):
    model = KAN([2, 3, 1])
    with pytest.warns(RuntimeWarning, match="finite.*smaller lr"):
        result = model.fit(data, opt="SGD", lr=1e200, steps=50)
    assert result.status == result.reason == "diverged" and result.steps < 50
    assert np.isfinite(state_of(model)).all() and np.isfinite(model(data["test_input"])).all()
    assert result["test_loss"][-1] == pytest.approx(rmse(model, data["test_input"], data["test_label"]))
    assert model.fit(data, steps=3).status == "ok"


@pytest.mark.parametrize("opt, more", [("LBFGS", {}), ("Adam", dict(lr=1e-3)), ("Adam", dict(lr=1e-3, batch=100))])
def test_ctrl_c(opt, more):
    """KeyboardInterrupt within 0.2 s of the signal, however long a step is, and a model that can be used."""
    random = np.random.RandomState(0)
    x = random.rand(100_000, 4)
    y = np.sin(x.sum(axis=1, keepdims=True))
    model = KAN([4, 10, 10, 1], grid=10)
    took = interrupted(0.5, lambda: model.fit((x, y), opt=opt, steps=100_000, **more))
    assert took < 0.5  # 0.2 s, and leave for a machine that is busy with other things
    assert np.isfinite(state_of(model)).all() and np.isfinite(model(x[:5])).all()
    assert model.fit((x[:100], y[:100]), steps=2).status == "ok"


def test_an_exception_in_a_callback(data):
    model = KAN([2, 3, 1])

    def broken(step):
        raise LookupError("from the callback")

    with pytest.raises(LookupError, match="from the callback"):
        model.fit(data, steps=5, callbacks=broken)
    assert np.isfinite(state_of(model)).all() and model.fit(data, steps=2).status == "ok"
