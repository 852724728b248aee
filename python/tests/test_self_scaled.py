"""fit(opt="SSBFGS") and fit(opt="SSBroyden"): quasi-Newton with the whole, self-scaled inverse Hessian."""

import numpy as np
import pytest
from helpers import for_each_thread_count

from swiftkan import KAN

METHODS = ("SSBFGS", "SSBroyden")


def dataset(n=400, seed=0):
    x = np.random.RandomState(seed).uniform(-1, 1, (n, 2))
    return x, np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2)


@pytest.mark.parametrize("opt", METHODS)
def test_more_accurate_than_lbfgs_in_as_many_steps(opt):
    errors = {}
    for name in (opt, "LBFGS"):
        model = KAN([2, 5, 1], grid=5, seed=0)
        errors[name] = model.fit(dataset(1000), opt=name, steps=40, update_grid=False)["train_loss"][-1]
    assert errors[opt] < 0.7 * errors["LBFGS"], errors


@pytest.mark.parametrize("opt", METHODS)
def test_one_layer_reaches_the_least_squares_solution(opt):
    x, y = dataset(300)
    model = KAN([2, 1], grid=5, base_fun="zero", seed=1, sp_trainable=False)
    result = model.fit((x, y), opt=opt, steps=30, update_grid=False)
    reference = KAN([2, 1], grid=5, base_fun="zero", seed=1).fit((x, y), opt="LM", steps=60, update_grid=False)
    assert result["train_loss"][-1] == pytest.approx(reference["train_loss"][-1], rel=1e-6)


@pytest.mark.parametrize("opt", METHODS)
@pytest.mark.parametrize("lamb", [0.0, 0.01])
def test_the_objective_never_rises_between_grid_updates(opt, lamb):
    model = KAN([2, [3, 1], 1], grid=5, mult_arity=2, seed=0, affine_trainable=True)
    result = model.fit(dataset(), opt=opt, steps=15, lamb=lamb, update_grid=False)
    total = result["train_loss"] ** 2 + lamb * result["reg"]
    if lamb:
        total = total[:-1]
    assert (np.diff(total) <= 1e-15).all() and total[-1] < 0.2 * total[0] + lamb


@pytest.mark.parametrize("opt", METHODS)
def test_grids_may_move(opt):
    model = KAN([2, 5, 1], grid=5, seed=0)
    result = model.fit(dataset(1000), opt=opt, steps=60)
    assert result.status == "ok" and result["train_loss"][-1] < 0.01


@pytest.mark.parametrize("opt", METHODS)
def test_other_losses_and_float32(opt):
    x, y = dataset(300)
    model = KAN([2, 4, 2], grid=4, seed=0, dtype="float32")
    result = model.fit((x, (y[:, 0] > 1.5).astype(int)), opt=opt, steps=10, loss_fn="cross_entropy")
    assert result["train_loss"][-1] < 0.3 * result["train_loss"][0] + 0.05
    model = KAN([2, 4, 1], grid=4, seed=0)
    result = model.fit((x, y), opt=opt, steps=10, loss_fn=lambda p, l: (((p - l) ** 4).mean(), 4 * (p - l) ** 3 / len(p)))
    assert result["train_loss"][-1] < 0.01


def test_masked_edges_and_frozen_numbers_stay():
    model = KAN([2, 3, 1], grid=5, seed=0, sb_trainable=False)
    model.remove_edge(0, 0, 0)
    coef, base = model.act_fun[0].coef[0, 0].copy(), model.act_fun[0].scale_base.copy()
    model.fit(dataset(), opt="SSBroyden", steps=5, update_grid=False)
    assert (model.act_fun[0].coef[0, 0] == coef).all() and (model.act_fun[0].scale_base == base).all()


@pytest.mark.parametrize("opt", METHODS)
def test_the_same_bits_for_any_number_of_threads(opt):
    def bits():
        model = KAN([2, 8, 3, 1], grid=5, seed=0)
        model.fit(dataset(), opt=opt, steps=3)
        return model(dataset()[0]).tobytes()

    assert len(set(for_each_thread_count(bits))) == 1


def test_too_many_parameters():
    with pytest.raises(ValueError, match="at most 8000"):
        KAN([20, 50, 1], grid=5).fit((np.zeros((4, 20)), np.zeros((4, 1))), opt="SSBFGS")
