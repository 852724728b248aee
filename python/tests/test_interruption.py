"""Ctrl-C during calls other than ``fit``: they end soon, with KeyboardInterrupt, and the model is as it was."""

import numpy as np
import pytest
from helpers import interrupted

from swiftkan import KAN

CALLS = {
    "grids from samples": lambda model, x: model.update_grid_from_samples(x),
    "a grid refined": lambda model, x: model.refine(33, x),
    "another network's function": lambda model, x: KAN([6, 20, 20, 1], grid=33).initialize_from_another_model(model, x),
    "a prediction": lambda model, x: model.predict(x),
    "a gradient": lambda model, x: model.value_and_grad(x, x[:, :1]),
    "gradients of inputs": lambda model, x: model.vjp(x, x[:, :1]),
    "activations": lambda model, x: model.get_act(x),
    "attribution": lambda model, x: model.attribute(x=x),
}


@pytest.fixture(scope="module")
def x():
    return np.random.RandomState(0).uniform(-1, 1, (500_000, 6))


@pytest.mark.parametrize("kind", CALLS)
def test_ctrl_c(x, kind):
    model = KAN([6, 20, 20, 1], grid=20, seed=0)
    before = {name: value.copy() for name, value in model.state_dict().items()}

    def calls():
        while True:
            CALLS[kind](model, x)

    assert interrupted(0.3, calls) < 0.5  # 0.05 s, and leave for a machine that is busy with other things
    if kind != "grids from samples":  # of which an earlier one may have ended
        assert all((value == before[name]).all() for name, value in model.state_dict().items())
    assert np.isfinite(model.predict(x[:50])).all()


def test_interrupted_grids_are_as_before():
    x = np.random.RandomState(0).uniform(-1, 1, (1_000_000, 6))
    model = KAN([6, 20, 20, 1], grid=20, seed=0)
    before = {name: value.copy() for name, value in model.state_dict().items()}
    assert interrupted(0.3, lambda: model.update_grid_from_samples(x)) < 0.5  # the call takes several seconds
    assert all((value == before[name]).all() for name, value in model.state_dict().items())
