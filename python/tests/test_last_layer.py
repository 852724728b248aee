"""fit(solve_last_layer=True): the last layer's least-squares solution, against NumPy's on the whole matrix."""

import tracemalloc

import numpy as np
import pytest
from helpers import NETWORKS, for_each_thread_count, random_network, relative, samples

from swiftkan import KAN, _last_layer

SUMS = {name: settings for name, settings in NETWORKS.items() if not isinstance(settings["width"][-1], list)}


def solve(model, x, y, **arguments):
    return model.fit((x, y), steps=0, solve_last_layer=True, update_grid=False, **arguments)


def reference(model, x, y, weight=None, bases=True):
    """coef and scale_base of the last layer: each number set to 1 alone gives its column of the matrix."""
    probe, root = model.clone(), np.ones((len(x), 1)) if weight is None else np.sqrt(weight)[:, None]
    layer, factor = probe.act_fun[-1], model.act_fun[-1].mask * model.act_fun[-1].scale_sp
    free = np.concatenate([np.ones_like(layer.coef) * (factor != 0)[..., None], (bases & (layer.mask != 0))[..., None]], axis=2).astype(bool)
    layer.coef[factor != 0] = 0
    if bases:
        layer.scale_base[layer.mask != 0] = 0
    known = probe(x).astype(float)
    result = np.concatenate([model.act_fun[-1].coef, model.act_fun[-1].scale_base[..., None]], axis=2).astype(float)
    for o in range(y.shape[1]):
        places, columns = np.argwhere(free[:, o]), []
        for i, b in places:
            number = (layer.coef[i, o], b) if b < layer.coef.shape[2] else (layer.scale_base[i], o)
            number[0][number[1]] = 1
            columns.append(probe(x)[:, o] - known[:, o])
            number[0][number[1]] = 0
        matrix = np.array(columns, float).T * root
        result[places[:, 0], o, places[:, 1]] = np.linalg.lstsq(matrix, (y - known)[:, o] * root[:, 0], rcond=_last_layer.CUT)[0]
    return result


def numbers(model):
    return np.concatenate([model.act_fun[-1].coef, model.act_fun[-1].scale_base[..., None]], axis=2)


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_solution_is_that_of_the_whole_matrix(name, weighted):
    """Masks, symbolic edges, scales and biases of nodes all differ from 1 and 0; inputs leave the grid."""
    model = random_network(SUMS[name], seed=2)
    x, y = samples(model, 150)
    weight = np.random.RandomState(3).rand(150) * (np.arange(150) % 5 > 0) if weighted else None
    expected = reference(model, x, y, weight, bases=SUMS[name].get("base_fun") != "zero")
    solve(model, x, y, sample_weight=weight)
    assert relative(numbers(model), expected) < 1e-7


def test_only_what_is_trained_changes():
    model = random_network(dict(width=[2, 3, 2], grid=4), seed=1)
    model.sb_trainable = False
    model.act_fun[1].mask[0, 1] = 0
    model.act_fun[1].scale_sp[2, 0] = 0
    model.node_scale[1][1] = 2.5
    x, y = samples(model, 100)
    before, expected = model.state_dict(), reference(model, x, y, bases=False)
    solve(model, x, y)
    after = model.state_dict()
    assert {name for name in before if not np.array_equal(before[name], after[name])} == {"act_fun.1.coef"}
    assert relative(numbers(model), expected) < 1e-8
    for edge in ((0, 1), (2, 0)):
        assert np.array_equal(before["act_fun.1.coef"][edge], after["act_fun.1.coef"][edge])


def test_outputs_with_the_same_factors_share_a_decomposition(monkeypatch):
    model = KAN([2, 3, 4], grid=4, seed=1)
    model.act_fun[1].mask[0, 1], model.act_fun[1].scale_sp[...] = 0, 0.7
    model.act_fun[1].scale_sp[2, 3] = 0.5
    x, y = samples(model, 100)
    expected, count, eigh = reference(model, x, y), [], np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda matrix: count.append(len(matrix)) or eigh(matrix))
    solve(model, x, y)
    assert len(count) == 3 and relative(numbers(model), expected) < 1e-7


def test_float32():
    model = random_network(dict(width=[2, 3, 2], grid=4), seed=2, dtype="float32")
    x, y = samples(model, 200)
    twin = random_network(dict(width=[2, 3, 2], grid=4), seed=2)
    twin.load_state_dict(model.state_dict())
    solve(model, x, y)
    solve(twin, x, y)
    assert relative(model(x), twin(x)) < 1e-3 and model.dtype == np.float32


def test_few_samples_and_repeated_ones_have_a_solution_of_minimum_norm():
    for n in (1, 2, 7):
        model = KAN([2, 4, 3], grid=10, seed=0)
        x, y = samples(model, n, spread=0.9)
        x, y = np.repeat(x, 3, axis=0), np.repeat(y, 3, axis=0)
        expected = reference(model, x, y)
        solve(model, x, y)
        assert relative(numbers(model), expected) < 1e-7 and np.abs(model(x) - y).max() < 1e-3


def test_blocks_of_samples_change_nothing():
    x, y = samples(KAN([2, 5, 1]), 2000)
    results = []
    for chunk in (1, 10_000, 1 << 30):
        model = KAN([2, 5, 1], grid=5, seed=0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_last_layer, "CHUNK", chunk)
            solve(model, x, y)
        results.append(numbers(model))
    assert max(relative(other, results[0]) for other in results[1:]) < 1e-7


def test_memory_is_that_of_a_block(monkeypatch):
    monkeypatch.setattr(_last_layer, "CHUNK", 1 << 14)
    model = KAN([2, 5, 1], grid=5, seed=0)
    x, y = samples(model, 40_000)
    tracemalloc.start()
    solve(model, x, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6  # the whole matrix has 15 MB


def test_the_loss_never_rises():
    rng = np.random.RandomState(0)
    for seed in range(6):
        model = KAN([2, 3, 1], grid=5, seed=seed, dtype=("float64", "float32")[seed % 2])
        x = rng.uniform(-1, 1, (80, 2))
        y = np.exp(np.sin(np.pi * x[:, :1]) + x[:, 1:] ** 2)
        model.fit((x, y), opt="LM", steps=(0, 3, 40)[seed // 2])
        before = model.evaluate({"test_input": x, "test_label": y})["test_loss"]
        solve(model, x, y)
        assert model.evaluate({"test_input": x, "test_label": y})["test_loss"] <= before


def test_what_is_not_finite_leaves_the_layer_as_it_was():
    x, y = samples(KAN([2, 2, 1]), 50)
    large = KAN([2, 2, 1], dtype="float32", seed=0)
    large.act_fun[1].scale_sp[...] = 1e-38
    before = large.state_dict()
    solve(large, x, 1e20 * y)  # coefficients near 1e58
    assert all(np.array_equal(before[name], value) for name, value in large.state_dict().items())
    poles = KAN([2, 2, 1], seed=0)
    poles.fix_symbolic(0, 0, 0, "log", fit_params_bool=False)
    before = poles.state_dict()
    solve(poles, x, y)
    assert all(np.array_equal(before[name], value) for name, value in poles.state_dict().items())


def test_grids_move_before_and_once():
    model = KAN([2, 3, 1], grid=5, seed=0)
    x, y = samples(model, 300)
    twin, moved = model.clone(), model.clone()
    model.fit((x, y), opt="LM", steps=0, solve_last_layer=True)
    twin.update_grid_from_samples(x, margin=0.05)
    solve(twin, x, y)
    assert relative(model(x), twin(x)) < 1e-12
    moved.fit((x, y), opt="LM", steps=5, solve_last_layer=True, stop_grid_update_step=1)
    twin.fit((x, y), opt="LM", steps=5, update_grid=False)
    assert relative(moved(x), twin(x)) < 1e-9
    batches = KAN([2, 3, 1], grid=5, seed=0)
    batches.fit((x, y), opt="Adam", lr=1e-12, batch=20, steps=1, grid_margin=0.05, solve_last_layer=True)
    assert np.array_equal(batches.act_fun[0].grid, model.act_fun[0].grid)  # of all samples, not of the first batch


@pytest.mark.parametrize("opt", ["LBFGS", "LM", "SSBFGS", "Adam", "SGD", "NewtonKaczmarz"])
def test_every_optimiser_begins_with_it_and_no_generator_is_touched(opt):
    x, y = samples(KAN([2, 3, 1]), 200)
    state = np.random.get_state()[1].copy()
    losses = [
        KAN([2, 3, 1], seed=0).fit((x, y), opt=opt, lr=1e-6 if opt != "LBFGS" else 1.0, steps=1, solve_last_layer=solved)["train_loss"][0]
        for solved in (False, True)
    ]
    assert losses[1] < losses[0] and np.array_equal(state, np.random.get_state()[1])


def test_starts_and_grids():
    x, y = samples(KAN([2, 3, 1]), 300)
    model = KAN([2, 3, 1], grid=3, seed=0)
    result = model.fit((x, y), opt="LM", steps=5, grids=[3, 6], restarts=2, solve_last_layer=True)
    plain = KAN([2, 3, 1], grid=3, seed=1)
    alone = plain.fit((x, y), opt="LM", steps=5, solve_last_layer=True)
    assert result.starts[1]["train_loss"] == pytest.approx(alone["train_loss"][-1], rel=1e-9)
    assert result["train_loss"][0] <= min(start["train_loss"] for start in result.starts) * (1 + 1e-9)
    assert model.grid == 6


def test_it_does_not_depend_on_threads():
    def bits():
        model = KAN([2, 4, 2], grid=6, seed=0)
        x, y = samples(model, 8000)
        solve(model, x, y)
        return numbers(model).tobytes()

    assert len(set(for_each_thread_count(bits))) == 1


def off(model):
    model.act_fun[-1].mask[...] = 0
    return model


@pytest.mark.parametrize(
    "model, arguments, error, message",
    [
        (lambda: KAN([2, 1]), dict(loss_fn="huber"), ValueError, "solve_last_layer: is for the loss 'mse' and lamb=0"),
        (lambda: KAN([2, 1]), dict(loss_fn=lambda p, y: (0.0, p)), ValueError, "solve_last_layer: is for the loss 'mse' and lamb=0"),
        (lambda: KAN([2, 1]), dict(lamb=0.1), ValueError, "solve_last_layer: is for the loss 'mse' and lamb=0"),
        (lambda: KAN([2, [0, 1]]), {}, ValueError, "solve_last_layer: outputs that are products"),
        (lambda: off(KAN([2, 2, 1])), {}, ValueError, "solve_last_layer: no numeric edge of the last layer is on"),
        (lambda: KAN([2, 1000, 1], grid=7), {}, ValueError, "solve_last_layer: .* with 11000 unknowns; at most 10000"),
        (lambda: KAN([2, 1]), dict(grids=[6000]), ValueError, "solve_last_layer: .* with 12008 unknowns; at most 10000"),
        (lambda: KAN([2, 1]), dict(solve_last_layer="yes"), TypeError, "solve_last_layer: must be True or False, not 'yes'"),
    ],
)
def test_what_it_refuses(model, arguments, error, message):
    model = model()
    x, y = samples(KAN([2, 1]), 20)
    before = model.state_dict()
    with pytest.raises(error, match=message):
        model.fit((x, y), **{"solve_last_layer": True, **arguments})
    assert all(np.array_equal(before[name], value) for name, value in model.state_dict().items())
