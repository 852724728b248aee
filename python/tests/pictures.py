"""What the tests of pictures share: a network that has seen data, the parts of a figure, and that nothing is left behind."""

import matplotlib
import pytest
from helpers import samples

from swiftkan import KAN


def part(figure, name):
    """The collection called ``name``, or None."""
    return next((c for c in figure.axes[0].collections if c.get_gid() == name), None)


@pytest.fixture
def model():
    model = KAN([2, 3, 1], seed=3)
    model.get_act(samples(model, 100)[0])
    return model


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path, monkeypatch):
    """Every test runs in an empty folder, and leaves it empty unless it clears it up."""
    monkeypatch.chdir(tmp_path)
    before = dict(matplotlib.rcParams)
    yield
    assert not list(tmp_path.iterdir())
    assert dict(matplotlib.rcParams) == before
