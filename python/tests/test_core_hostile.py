"""``_core`` under nonsense: numbers that are not finite, knots in disorder, arrays that change during a call.

What it must get right: whatever stands in the arrays, a call ends with a result or an exception; nothing is read or written
outside them (``make asan`` looks). The values that come out are of no interest here.
"""

import contextlib
import threading

import numpy as np
import pytest
from core_models import ADAM, EVALUATION, LBFGS, data, fit, forward, make, objective, state

from swiftkan import FUNCTIONS, _core

NONSENSE = {
    "nan": lambda rng, count: np.full(count, np.nan),
    "infinity": lambda rng, count: np.full(count, np.inf),
    "huge": lambda rng, count: np.full(count, 1e308),
    "zero": lambda rng, count: np.zeros(count),
    "noise": lambda rng, count: rng.normal(size=count) * 10.0 ** rng.integers(-300, 300, count),
    "bits": lambda rng, count: np.frombuffer(rng.bytes(8 * count)),
}


def use_all(model, x, y):
    """Calls everything that reads or writes the state."""
    n, parameters = len(x), model.info()["parameter_count"]
    grad, grad_x, history = np.empty(parameters, x.dtype), np.empty_like(x), np.empty((3, 2))
    forward(model, x)
    calls = [
        lambda: model.activations(x, n, 2, 0, np.empty(n * 16, x.dtype), *EVALUATION),
        lambda: model.statistics(x, n, *EVALUATION, np.empty(model.statistics_count())),
        lambda: model.loss_gradient(x, n, y, None, None, objective(lamb=0.1), grad, grad_x, *EVALUATION),
        lambda: model.vjp(x, n, y, grad, grad_x, *EVALUATION),
        lambda: model.regularization(x, n, objective(lamb=0.1), grad, *EVALUATION),
        lambda: forward(model.refine([7, 11], x, n, *EVALUATION), x),
        lambda: make(dtype=x.itemsize, grid=[3, 9]).initialize_from(model, x, n, *EVALUATION),
        lambda: fit(model.copy(), x, y, 2, history=history),
        lambda: fit(model.copy(), x, y, 2, history=history, options={"optimizer": LBFGS, "update_grid": True, "batch": 7,
                    "grid_update_num": 1, "start_grid_update_step": 0, "stop_grid_update_step": 2}),
        lambda: model.update_grid(x, n, *EVALUATION),
        lambda: forward(model, x),
    ]  # fmt: skip
    for call in calls:
        with contextlib.suppress(ValueError, MemoryError):
            call()


@pytest.mark.parametrize("kind", NONSENSE)
@pytest.mark.parametrize("size", [8, 4])
def test_a_state_of_nonsense(kind, size):
    rng = np.random.default_rng(3)
    x, y = data(40, f"f{size}")
    blocks = make(dtype=size).blocks()
    for name, offset, shape, _ in blocks:
        model = make(dtype=size, symbolic_enabled=True)
        model.symbolic_set(0, 0, 0, _core.functions().index("log"))
        with np.errstate(all="ignore"):
            state(model)[offset : offset + int(np.prod(shape))] = NONSENSE[kind](rng, int(np.prod(shape)))
        use_all(model, x, y)
        assert np.isfinite(forward(make(dtype=size), x)).all(), name


@pytest.mark.parametrize("kind", NONSENSE)
@pytest.mark.parametrize("size", [8, 4])
def test_inputs_of_nonsense(kind, size):
    x, y = data(40, f"f{size}")
    with np.errstate(all="ignore"):
        x[5:20] = NONSENSE[kind](np.random.default_rng(4), 30).reshape(15, 2)
    use_all(make(dtype=size), x, y)
    with np.errstate(all="ignore"):
        y[:] = NONSENSE[kind](np.random.default_rng(5), 40)[:, None]
    use_all(make(dtype=size), x, y)


def test_every_function_takes_every_number():
    x = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 1.0, -1.0, 0.5, 1e-300])
    y, dy = np.empty_like(x), np.empty_like(x)
    with np.errstate(over="ignore"):
        single = x.astype("f4")
    for function in range(len(FUNCTIONS)):
        for avoid in (False, True):
            _core.function_evaluate(function, x, y, dy, avoid, 10.0)
            _core.function_evaluate(function, single, np.empty_like(single), np.empty_like(single), avoid, 10.0)


@pytest.mark.parametrize("batch", [-1, 20])
@pytest.mark.parametrize("label", [-1, 3, 2**40, 2**62, -(2**63)])
def test_labels_that_a_callback_changes(label, batch):
    """The labels were right when the fit began."""
    x, labels = data(50)[0], np.zeros(50, "i8")
    result = make(n_sum=[2, 3, 3]).fit((50, x, None, labels, None), None, {"steps": 4, "optimizer": ADAM, "batch": batch},
                                       objective(3), *EVALUATION, None, lambda *progress: labels.fill(label), None,
                                       *np.empty((3, 4)))  # fmt: skip
    assert result["steps"] == 4


def test_arrays_that_change_during_a_fit():
    """Another thread writes into data, labels, weights, batches' schedule and state: the result is anything but a crash."""
    x, _ = data(500)
    labels, weight = np.zeros(500, "i8"), np.ones(500)
    stop = threading.Event()
    models = [make(n_sum=[2, 3, 3]) for _ in range(3)]

    def disturb():
        rng = np.random.default_rng(0)
        while not stop.is_set():
            labels[:] = rng.choice([0, 1, 2, -1, 3, 2**62, -(2**63)], 500)
            weight[:] = rng.choice([1.0, -1.0, np.nan, np.inf], 500)
            x[rng.integers(500)] = rng.choice([np.nan, np.inf, 1e300, 0.5])
            for model in models:
                values = state(model)
                values[rng.integers(len(values))] = rng.choice([np.nan, np.inf, 1e300, -1e-300])
            labels[:] = 0
            weight[:] = 1
            x[:] = 0.1

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for model in models:
            for optimizer in (LBFGS, ADAM):
                for _ in range(10):
                    with contextlib.suppress(ValueError, MemoryError):
                        model.fit((500, x, None, labels, weight), None, {"steps": 20, "optimizer": optimizer, "batch": 100},
                                  objective(3, 0.1), *EVALUATION, None, None, None, *np.empty((3, 20)))  # fmt: skip
                    with contextlib.suppress(ValueError, MemoryError):
                        model.update_grid(x, 500, *EVALUATION)
    finally:
        stop.set()
        thread.join()
    assert np.isfinite(forward(make(), data(10)[0])).all()


@pytest.mark.parametrize("optimizer", [LBFGS, ADAM])
def test_callbacks_that_change_the_model_they_are_called_for(optimizer):
    """Nothing that a callback may call on the model breaks the fit around it."""
    x, y = data(50)
    model, inner = make(), []

    def meddle(*progress):
        model.update_grid(x, 50, *EVALUATION)
        model.set_flags(affine_trainable=True, sp_trainable=False, sb_trainable=False, symbolic_enabled=True, grid_eps=0.5)
        model.symbolic_set(0, 0, 0, 5)
        model.initialize_from(make(seed=3, grid=[9, 9]), x, 50, *EVALUATION)
        inner.append(fit(model, x, y, 2)[0]["steps"])

    def loss(is_test, prediction, index, rows, grad):
        meddle()
        return float(np.mean((np.asarray(prediction) - y) ** 2))

    assert fit(model, x, y, 4, step=meddle, options={"optimizer": optimizer})[0]["steps"] == 4
    fit(model, x, y, 2, loss=loss, options={"optimizer": optimizer})
    assert set(inner) == {2} and len(inner) > 4
