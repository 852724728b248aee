"""fit(opt="NewtonKaczmarz"): one sample at a time."""

import numpy as np
import pytest
from helpers import for_each_thread_count

from swiftkan import KAN

NETWORKS = {
    "one layer": dict(width=[2, 1], grid=5),
    "linear splines": dict(width=[2, 5, 1], grid=[4, 7], k=1),
    "deep": dict(width=[2, 9, 3, 1], grid=3, k=2),
    "high degree": dict(width=[2, 3, 1], grid=4, k=5),
    "degree 7": dict(width=[2, 10, 1], grid=4, k=7),
    "no base function": dict(width=[2, 4, 1], grid=5, base_fun="zero", noise_scale=3.0),
    "frozen base": dict(width=[2, 4, 1], grid=5, sb_trainable=False),
    "sparse": dict(width=[2, 6, 1], grid=5, sparse_init=True),
    "products": dict(width=[2, [2, 2], 1], grid=5, mult_arity=[[], [2, 3], []]),
    "products at the end": dict(width=[2, 3, [1, 1]], grid=5, mult_arity=2),
    "affine": dict(width=[2, [1, 2], 1], grid=5, mult_arity=2, affine_trainable=True),
    "two outputs": dict(width=[2, 5, 2], grid=5),
    "many outputs": dict(width=[2, 5, 11], grid=5, k=1),
}


def model_of(name, dtype="float64", seed=3):
    return KAN(**NETWORKS[name], seed=seed, dtype=dtype)


def target(x, outputs=1):
    y = np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2)
    return y * np.linspace(1, 2, outputs)


def points(n, seed=0):
    return np.random.RandomState(seed).uniform(-1, 1, (n, 2))


def symbolic():
    model = KAN([2, 2, 1], grid=5, seed=1)
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
    model.fix_symbolic(1, 1, 0, "x^2", fit_params_bool=False)
    return model


@pytest.mark.parametrize("name", [*NETWORKS, "symbolic", "pruned"])
def test_a_step_goes_the_asked_part_of_the_way_to_the_label(name):
    """Along its own gradient the output moves by lr·r to first order: only the true gradient has this property."""
    for seed in range(4):
        if name == "symbolic":
            model = symbolic()
        elif name == "pruned":
            model = model_of("two outputs")
            model.remove_edge(0, 0, 1)
            model.remove_edge(1, 2, 1)
        else:
            model = model_of(name)
        x = points(1, seed)
        before = model(x)
        label = before + np.random.RandomState(seed).normal(size=before.shape)
        errors = []
        for lr in (1e-3, 1e-4):
            trial = model.clone()
            trial.fit((x, label), opt="NewtonKaczmarz", steps=1, lr=lr, update_grid=False)
            r = (label - before)[0] / np.linalg.norm(label - before)
            moved = float((trial(x) - before)[0] @ r) / np.linalg.norm(label - before)
            errors.append(abs(moved / lr - 1))
        assert errors[1] < max(0.2 * errors[0], 1e-6), errors


@pytest.mark.parametrize("name", NETWORKS)
def test_it_learns(name):
    model = model_of(name)
    x = points(1000)
    y = target(x, model.width_in[-1])
    start = float(np.sqrt(((model(x) - y) ** 2).mean()))
    result = model.fit((x, y), opt="NewtonKaczmarz", epochs=10, lr=0.3)
    end = float(np.sqrt(((model(x) - y) ** 2).mean()))
    assert result.status == "ok" and result.steps == 10
    assert end < 0.6 * start and end < 0.9 * float(y.std())


def test_one_layer_converges_to_the_solution_of_consistent_equations():
    x = points(200)
    truth, model = KAN([2, 1], grid=5, seed=1, noise_scale=2.0), KAN([2, 1], grid=5, seed=2)
    model.fit((x, truth(x)), opt="NewtonKaczmarz", steps=400, lr=1.0, update_grid=False)
    assert np.abs(model(x) - truth(x)).max() < 1e-4


def test_units_of_inputs_and_labels_do_not_matter():
    """A network without base function: rescaled data, the same fit."""
    x = points(400)
    y = target(x)
    predictions = []
    for a, b in ((1.0, 1.0), (50.0, 1e4)):
        model = KAN([2, 4, 1], grid=5, k=3, base_fun="zero", seed=0, grid_range=(-a, a))
        model.act_fun[0].coef[...] *= a  # hidden nodes have the grid of the inputs
        model.act_fun[1].coef[...] *= b
        model.fit((a * x, b * y), opt="NewtonKaczmarz", steps=3, lr=0.3, update_grid=False)
        predictions.append(model(a * x) / b)
    assert np.abs(predictions[0] - predictions[1]).max() < 1e-6 * np.abs(predictions[0]).max()


def test_the_same_bits_again_and_for_any_number_of_threads():
    x = points(300)

    def bits(seed=0):
        model = KAN([2, 5, 1], grid=5, seed=0)
        model.fit((x, target(x)), opt="NewtonKaczmarz", steps=3, lr=0.3, seed=seed)
        return model(x).tobytes()

    states = for_each_thread_count(bits, (1, 2, 2))
    assert len(set(states)) == 1
    assert bits(seed=5) != states[0], "another order of the samples"


def test_no_sample_leaves_a_hidden_grid():
    x = points(500)
    model = KAN([2, 5, 1], grid=5, k=1, base_fun="zero", seed=0)
    model.fit((x, 1000 * target(x)), opt="NewtonKaczmarz", steps=5, lr=1.0)
    model(x)
    hidden, grid = model.acts[1], model.act_fun[1].grid
    width = grid[:, -2] - grid[:, 1]
    # Later samples move earlier ones, but not far.
    assert (hidden >= grid[:, 1] - 0.5 * width).all() and (hidden <= grid[:, -2] + 0.5 * width).all()


def test_weights_of_zero_leave_samples_out():
    x = points(300)
    y = target(x)
    wrong = y.copy()
    wrong[::2] += 10
    weight = np.ones(300)
    weight[::2] = 0
    model = KAN([2, 5, 1], grid=5, seed=0)
    model.fit((x, wrong), opt="NewtonKaczmarz", steps=60, lr=0.3, sample_weight=weight)
    assert np.sqrt(((model(x) - y)[1::2] ** 2).mean()) < 0.15


def test_float32():
    x = points(1000).astype("float32")
    model = KAN([2, 5, 1], grid=5, seed=0, dtype="float32")
    model.fit((x, target(x)), opt="NewtonKaczmarz", steps=20, lr=0.3)
    assert np.sqrt(((model(x) - target(x)) ** 2).mean()) < 0.1


def test_patience_restores_the_best_and_callbacks_stop():
    x = points(600)
    y = target(x)
    data = (x[:300], y[:300], x[300:], y[300:])
    model = KAN([2, 5, 1], grid=5, seed=0)
    result = model.fit(data, opt="NewtonKaczmarz", steps=200, lr=1.0, patience=3)
    assert result.reason == "patience"
    now = float(np.sqrt(((model(x[300:]) - y[300:]) ** 2).mean()))
    assert now == pytest.approx(result["test_loss"].min(), rel=1e-12)
    result = model.fit(data, opt="NewtonKaczmarz", steps=50, lr=0.3, callbacks=lambda step: step.step >= 2)
    assert result.steps < 5 and result.reason == "callback"


def test_levenberg_marquardt_goes_on_from_there():
    x = points(1000)
    y = target(x)
    model = KAN([2, 3, 1], grid=5, seed=0)
    model.fit((x, y), opt="NewtonKaczmarz", steps=10, lr=0.3)
    first = float(np.sqrt(((model(x) - y) ** 2).mean()))
    result = model.fit((x, y), opt="LM", steps=30)
    assert result["train_loss"][-1] < first / 3


@pytest.mark.parametrize("k", [0, 8])
def test_degrees_it_cannot_train(k):
    model = KAN([2, 1], grid=3, k=k)
    with pytest.raises(ValueError, match=f"k is {k} in layer 0"):
        model.fit((points(10), target(points(10))), opt="NewtonKaczmarz", lr=0.3)


def test_labels_that_do_not_vary():
    x = points(100)
    model = KAN([2, 3, 1], grid=3, seed=0)
    model.fit((x, np.full((100, 1), 5.0)), opt="NewtonKaczmarz", steps=30, lr=0.5)
    assert np.abs(model(x) - 5).max() < 0.1


@pytest.mark.parametrize("lr", [0.02, 0.1, 0.3, 1.0])
def test_hidden_grids_do_not_run_away(lr):
    """A grid that stretches allowed larger steps, which stretched it again: ends at -10⁵, and the loss 300 times the least, after 150 passes."""
    x = np.random.RandomState(0).uniform(-1, 1, (200, 2))
    y = x[:, :1] * x[:, 1:]
    for seed in range(8):
        model = KAN([2, 3, 1], grid=3, seed=seed)
        loss = model.fit((x, y), opt="NewtonKaczmarz", lr=lr, steps=150)["train_loss"]
        assert loss[-1] < 1.3 * loss.min() and loss[-1] < 0.05 and abs(model.act_fun[1].grid).max() < 100
