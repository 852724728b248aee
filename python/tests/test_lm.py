"""fit(opt="LM"), and training in several runs: grids and restarts."""

import threading

import numpy as np
import pytest
from helpers import for_each_thread_count

import swiftkan
from swiftkan import KAN


def dataset(n=400, seed=0, test=True):
    x = np.random.RandomState(seed).uniform(-1, 1, (n, 2))
    y = np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2)
    half = n // 2
    return (x[:half], y[:half], x[half:], y[half:]) if test else (x, y)


def rms(model, x, y):
    return float(np.sqrt(((model(x) - y) ** 2).mean()))


# ---- Levenberg-Marquardt -----------------------------------------------------------------------------------------


def test_lm_is_far_more_accurate_than_lbfgs_in_the_same_steps():
    errors = {}
    for opt in ("LM", "LBFGS"):
        model = KAN([2, 5, 1], grid=5, seed=0)
        errors[opt] = model.fit(dataset(2000), opt=opt, steps=60)["train_loss"][-1]
    assert errors["LM"] < 5e-4
    assert errors["LM"] < errors["LBFGS"] / 3


def test_lm_of_one_layer_solves_the_least_squares_problem():
    """A one-layer KAN without base function is linear in its coefficients: compare with NumPy's lstsq."""
    x, y = dataset(300, test=False)
    model = KAN([2, 1], grid=5, base_fun="zero", seed=1)
    result = model.fit((x, y), opt="LM", steps=60, update_grid=False)
    matrix = []
    probe = model.clone()
    for i in range(2):
        for b in range(8):
            probe.act_fun[0].coef[...] = 0
            probe.act_fun[0].coef[i, 0, b] = 1
            matrix.append(probe(x)[:, 0])
    matrix = np.array(matrix).T
    best = matrix @ np.linalg.lstsq(matrix, y, rcond=None)[0] - y
    assert result.reason == "converged"
    assert result["train_loss"][-1] == pytest.approx(np.sqrt((best**2).mean()), rel=1e-7)


def test_lm_stops_by_itself_where_nothing_is_gained():
    x = np.linspace(-1, 1, 50)[:, None]
    result = KAN([1, 1], grid=5, seed=0).fit((x, np.sin(x)), opt="LM", steps=500, update_grid=False)
    assert result.reason == "converged" and result.steps < 100 and result.status == "ok"


def test_lm_respects_sample_weights():
    x, y = dataset(200, test=False)
    wrong = y.copy()
    wrong[100:] += 5
    weight = np.r_[np.ones(100), np.zeros(100)]
    model = KAN([2, 2, 1], grid=5, seed=0)
    model.fit((x, wrong), opt="LM", steps=60, sample_weight=weight, update_grid=False)
    alone = KAN([2, 2, 1], grid=5, seed=0)
    alone.fit((x[:100], wrong[:100]), opt="LM", steps=60, update_grid=False)
    assert rms(model, x[:100], y[:100]) < 0.1
    assert rms(model, x[:100], y[:100]) == pytest.approx(rms(alone, x[:100], y[:100]), rel=0.5)


def test_lm_leaves_alone_what_is_not_trained():
    model = KAN([2, [2, 1], 1], grid=4, seed=0, sb_trainable=False)
    model._core.symbolic_set(0, 0, 0, swiftkan._core.functions().index("sin"))
    model.symbolic_fun[0].mask[0, 0], model.symbolic_fun[0].affine[0, 0] = 1, (1, 0, 1, 0)
    model.act_fun[0].mask[0, 0] = 0
    model.act_fun[0].mask[1, 1] = 0
    before = model.state_dict()
    model.fit(dataset(200), opt="LM", steps=10, update_grid=False)
    after = model.state_dict()
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"act_fun.0.coef", "act_fun.1.coef", "symbolic_fun.0.affine"}
    assert np.array_equal(before["act_fun.0.coef"][1, 1], after["act_fun.0.coef"][1, 1])
    assert np.array_equal(before["act_fun.0.coef"][0, 0], after["act_fun.0.coef"][0, 0])
    model.affine_trainable = True
    model.fit(dataset(200), opt="LM", steps=3, update_grid=False)
    assert not np.array_equal(after["node_bias_0"], model.state_dict()["node_bias_0"])


@pytest.mark.parametrize("loss", ["huber", "bce", "cross_entropy"])
def test_lm_of_other_losses_falls_with_every_step(loss):
    x, y = dataset(300, test=False)
    outputs = 2 if loss == "cross_entropy" else 1
    label = (y[:, 0] > 1.5).astype(int) if loss == "cross_entropy" else (y > 1.5) * 1.0 if loss == "bce" else y
    model = KAN([2, 2, outputs], grid=4, seed=0)
    result = model.fit((x, label), opt="LM", loss_fn=loss, steps=20, update_grid=False)
    assert (np.diff(result["train_loss"]) <= 0).all()
    assert result["train_loss"][-1] < 0.1 * result["train_loss"][0]


def test_lm_with_regularisation_lowers_the_whole_objective():
    model = KAN([2, 3, 1], grid=4, seed=0)
    result = model.fit(dataset(300), opt="LM", steps=30, lamb=1e-3, update_grid=False)
    total = result["train_loss"] ** 2 + 1e-3 * result["reg"]
    assert (np.diff(total) <= 1e-12).all() and total[-1] < 0.1 * total[0]


def test_lm_float32():
    model = KAN([2, 5, 1], grid=5, seed=0, dtype="float32")
    assert model.fit(dataset(1000), opt="LM", steps=50)["train_loss"][-1] < 5e-3


def test_lm_does_not_depend_on_threads():
    def bits():
        model = KAN([2, 4, 1], grid=6, seed=0)
        model.fit(dataset(3000), opt="LM", steps=8, restarts=3)
        return b"".join(value.tobytes() for value in model.state_dict().values())

    assert len(set(for_each_thread_count(bits))) == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"loss_fn": "mae"}, "loss_fn: 'LM' minimises 'mse', 'huber', 'cross_entropy', 'bce' only"),
        ({"loss_fn": lambda p, y: (0.0, p)}, "loss_fn: 'LM' minimises"),
        ({"batch": 10}, "batch: 'LM'"),
        ({"epochs": 2}, "epochs: 'LM'"),
        ({"weight_decay": 0.1}, "weight_decay: 'LM'"),
        ({"lr_schedule": "cosine"}, "lr_schedule: 'LM'"),
    ],
)
def test_lm_refuses_what_it_cannot_do(arguments, message):
    model = KAN([2, 1], seed=0)
    before = model.state_dict()
    with pytest.raises(ValueError, match=message):
        model.fit(dataset(50), opt="LM", **arguments)
    assert all(np.array_equal(before[name], value) for name, value in model.state_dict().items())


def test_lm_refuses_networks_that_are_too_large():
    with pytest.raises(ValueError, match="at most 10000"):
        KAN([50, 50, 1], grid=3).fit((np.zeros((5, 50)), np.zeros((5, 1))), opt="LM", update_grid=False)


def test_lm_is_interruptible():
    model = KAN([2, 5, 1], grid=10, seed=0)
    result = model.fit(dataset(500), opt="LM", steps=50, callbacks=lambda step: step.step == 4)
    assert result.steps == 4 and result.reason == "callback"

    def fail(step):
        raise OSError("enough")

    with pytest.raises(OSError, match="enough"):
        model.fit(dataset(500), opt="LM", callbacks=fail)
    assert np.isfinite(model(dataset(500)[0])).all()


# ---- Coarse to fine ----------------------------------------------------------------------------------------------


def test_grids_refine_step_by_step():
    model = KAN([2, 1, 1], grid=5, seed=0)
    model.fit(dataset(2000), opt="LM", steps=60, restarts=6)
    result = model.fit(dataset(2000), opt="LM", steps=40, grids=[5, 10, 20])
    assert model.grid == 20 and model.act_fun[1].coef.shape == (1, 1, 23)
    assert [level["grid"] for level in result.levels] == [5, 10, 20] and all(level["kept"] for level in result.levels)
    errors = [level["train_loss"] for level in result.levels]
    assert errors[1] < errors[0] / 5 and errors[2] < errors[1] / 5
    assert result.steps == sum(level["steps"] for level in result.levels) == len(result["train_loss"])
    assert result["train_loss"][result.best_step] == errors[2]
    x, y = dataset(2000)[:2]
    assert rms(model, x, y) == pytest.approx(errors[2], rel=1e-6)


def test_refinement_by_a_multiple_changes_nothing_by_itself():
    model = KAN([2, 1], grid=5, seed=0)
    data = dataset(400)
    model.fit(data, opt="LM", steps=5, update_grid=False)
    before = model(data[0])
    result = model.fit(data, opt="LM", steps=0, grids=[5, 10, 20])
    assert model.grid == 20 and result.steps == 0
    assert np.abs(model(data[0]) - before).max() < 1e-12


def test_grids_end_before_the_test_loss_rises():
    x = np.random.RandomState(0).uniform(-1, 1, (120, 1))
    y = np.sin(3 * x) + 0.1 * np.random.RandomState(1).normal(size=x.shape)
    model = KAN([1, 1], grid=3, seed=0)
    result = model.fit((x[:60], y[:60], x[60:], y[60:]), opt="LM", steps=30, grids="auto", update_grid=False)
    assert not result.levels[-1]["kept"] and all(level["kept"] for level in result.levels[:-1])
    assert model.grid == result.levels[-2]["grid"]
    assert result.levels[-1]["test_loss"] >= result.levels[-2]["test_loss"]
    assert rms(model, x[60:], y[60:]) == pytest.approx(result.levels[-2]["test_loss"], rel=1e-9)


@pytest.mark.parametrize("opt", ["LM", "LBFGS", "Adam"])
def test_the_same_grid_again_is_undone_too(opt):
    """A level that is not kept leaves the numbers of the one before, also where its grid is no finer."""
    random = np.random.RandomState(564)
    x, y, x_test, y_test = (random.uniform(-1, 1, shape) for shape in ((60, 3), (60, 1), (30, 3), (30, 1)))
    model = KAN([3, 3, 1], grid=8)
    result = model.fit((x, y, x_test, y_test), opt=opt, steps=8, grids=[8] * 6, lr=0.1)
    assert [level["kept"] for level in result.levels].index(False) == len(result.levels) - 1 > 0
    assert rms(model, x_test, y_test) == pytest.approx(result.levels[-2]["test_loss"], rel=1e-9)
    view = model.act_fun[0].coef
    model.fit((x, y), opt=opt, steps=1, grids=[8], lr=0.1)  # one level alone trains the engine that is there
    assert np.shares_memory(view, model.act_fun[0].coef)


def test_the_model_stays_itself_through_refinement():
    model = KAN([2, 2, 1], grid=3, seed=0)
    model.input_id = [2, 0]
    model.note = "mine"
    x, y = dataset(200, test=False)
    wide = np.column_stack([x[:, 1], np.zeros(len(x)), x[:, 0]])
    model.fit((wide, y), opt="LM", steps=10, grids=[3, 6], callbacks=lambda step: not np.isfinite(step.model(wide)).all())
    assert model.note == "mine" and model.input_id.tolist() == [2, 0] and model.input_width == 3
    assert model.cache_data.shape == wide.shape and np.isfinite(model.reg())
    model.act_fun[0].coef[...] = 0
    model.act_fun[0].scale_base[...] = 0
    assert np.ptp(model(wide)) == 0  # the new views are of the new engine
    assert model.clone().grid == 6


def test_other_optimisers_take_grids_too():
    model = KAN([2, 3, 1], grid=3, seed=0)
    result = model.fit(dataset(200), opt="LBFGS", steps=5, grids=[3, [6, 3]])
    assert model.grid == [6, 3] and result.steps == 10


def test_steps_are_counted_through_all_grids():
    seen = []
    model = KAN([2, 2, 1], grid=3, seed=0)
    model.fit(dataset(200), opt="LBFGS", steps=3, grids=[3, 6], callbacks=lambda step: seen.append((step.step, step.steps)))
    assert seen == [(i, 6) for i in range(1, 7)]
    model = KAN([2, 2, 1], grid=3, seed=0)
    result = model.fit(dataset(200), opt="LBFGS", steps=3, grids=[3, 6], callbacks=lambda step: step.step == 2)
    assert model.grid == 3 and result.steps == 2


@pytest.mark.parametrize(
    "grids, message",
    [
        ([2, 4], r"grids\[0\] is \[2, 2\], coarser than the model's, \[3, 3\]"),
        ([6, 3], r"grids\[1\] is \[3, 3\], coarser than grids\[0\], \[6, 6\]"),
        ([], "must be a list of grids"),
        ("fine", "grids"),
        (5, "must be a list of grids"),
        ([0], r"grids\[0\]"),
    ],
)
def test_grids_are_checked_before_anything_changes(grids, message):
    model = KAN([2, 2, 1], grid=3, seed=0)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(dataset(100), grids=grids)
    assert model.grid == 3
    with pytest.raises(ValueError, match="'auto' needs test data"):
        model.fit(dataset(100, test=False), grids="auto")


# ---- Several starts ----------------------------------------------------------------------------------------------


def test_restarts_get_away_from_a_stuck_start():
    """From seed 20 a [2, 1, 1] network sticks at an error near 0.8; the next starts do not."""
    stuck = KAN([2, 1, 1], grid=5, seed=20).fit(dataset(2000), opt="LM", steps=60)
    model = KAN([2, 1, 1], grid=5, seed=20)
    result = model.fit(dataset(2000), opt="LM", steps=60, restarts=6)
    assert stuck["train_loss"][-1] > 0.1 and result["train_loss"][-1] < 0.01
    # Four at a time; the best of the first four stands out, so that the other two are not needed.
    assert [start["seed"] for start in result.starts] == [20, 21, 22, 23]
    assert result.starts[0]["stuck"] and not result.starts[0]["kept"]
    best = min(result.starts, key=lambda start: start["train_loss"])
    assert best["kept"] and not best["stuck"] and sum(start["kept"] for start in result.starts) == 1


def test_starts_that_are_alike_are_all_tried_and_see_some_samples_only():
    model = KAN([2, 1], grid=3, seed=3)
    result = model.fit(dataset(3000), opt="LM", steps=10, restarts=6)
    assert [start["seed"] for start in result.starts] == [3, 4, 5, 6, 7, 8]
    assert not any(start["stuck"] for start in result.starts)
    losses = {start["train_loss"] for start in result.starts}
    assert len(losses) > 1 and result["train_loss"][-1] not in losses  # 1000 samples in the starts, 3000 afterwards


def test_a_start_is_the_network_of_its_seed():
    model = KAN([2, 2, 1], grid=3, seed=5)
    model.fit(dataset(100), opt="LM", steps=0, restarts=2)
    assert np.array_equal(model.act_fun[0].coef, KAN([2, 2, 1], grid=3, seed=5).act_fun[0].coef)


def test_restarts_keep_views_masks_and_data_kept_aside_decides():
    model = KAN([2, 3, 1], grid=3, seed=0)
    model.act_fun[0].mask[0, 1] = 0
    coef = model.act_fun[0].coef
    x, y = dataset(300, test=False)
    result = model.fit((x, y), opt="LBFGS", steps=10, restarts=3, validation_split=0.3)
    assert coef is model.act_fun[0].coef or np.shares_memory(coef, model.act_fun[0].coef)
    assert model.act_fun[0].mask[0, 1] == 0
    assert min(result.starts, key=lambda start: start["test_loss"])["kept"]


def test_restarts_with_a_loss_of_ones_own_and_an_error_in_it():
    calls = []

    def loss(prediction, label):
        calls.append(threading.current_thread())
        if len(calls) > 12:
            raise OSError("enough")
        error = prediction - label
        return (error**2).mean(), 2 * error / error.size

    model = KAN([2, 2, 1], grid=3, seed=0)
    before = model.state_dict()
    with pytest.raises(OSError, match="enough"):
        model.fit(dataset(100), loss_fn=loss, steps=20, restarts=4, opt="SGD", lr=1e-3)
    assert all(np.array_equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("restarts", [0, -1, 1.5, "many"])
def test_restarts_are_checked(restarts):
    with pytest.raises((ValueError, TypeError), match="restarts"):
        KAN([2, 1]).fit(dataset(50), restarts=restarts)
