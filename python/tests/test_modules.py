"""pykan's modules under swiftkan's name: what its scripts import is there, and is the same thing."""

import importlib.util
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
from helpers import NETWORKS, random_network

import swiftkan
from swiftkan import KAN, spline


@pytest.mark.parametrize("module, names", [
    ("utils", "SYMBOLIC_LIB add_symbolic augment_input create_dataset create_dataset_from_data ex_round fit_params"),
    ("feynman", "get_feynman_dataset"), ("MultKAN", "KAN MultKAN"),
])  # fmt: skip
def test_modules_have_the_names_of_the_package(module, names):
    found = importlib.import_module(f"swiftkan.{module}")
    for name in names.split():
        assert getattr(found, name) is getattr(swiftkan, name) and name in found.__all__


@pytest.mark.parametrize("line", ["import swiftkan.MultKAN", "from swiftkan.MultKAN import KAN", "import swiftkan.spline"])
def test_the_name_of_the_class_stays_the_class(line):
    subprocess.run([sys.executable, "-c", f"{line}; import swiftkan; assert swiftkan.MultKAN is swiftkan.KAN"], check=True)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name.startswith("k=")] + ["deep", "one interval"])
def test_splines_are_the_engines(name):
    model = random_network(NETWORKS[name], symbolic=False)
    x = np.random.RandomState(1).randn(200, 2)
    model.get_act(x)
    model.update_grid_from_samples(x)
    for l, layer in enumerate(model.act_fun):
        values = spline.coef2curve(model.acts[l], layer.grid, layer.coef, layer.k)
        np.testing.assert_allclose(values.transpose(0, 2, 1), model.spline_postsplines[l], atol=1e-10)
        again = spline.curve2coef(model.acts[l], values, layer.grid, layer.k)
        np.testing.assert_allclose(spline.coef2curve(model.acts[l], layer.grid, again, layer.k), values, atol=1e-8)


def test_splines_where_knots_coincide():
    grid = np.array([[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]])  # Bernstein's polynomials
    t = np.array([[0.0], [0.25], [0.5]])
    expected = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    np.testing.assert_allclose(spline.B_batch(t, grid, 3)[:, 0], expected, atol=1e-15)


def test_one_grid_for_all_columns():
    """A grid of one row, for samples of any number of columns; pykan's API_5."""
    x, grid = np.random.RandomState(0).uniform(-1, 1, (20, 3)), spline.extend_grid(np.linspace(-1, 1, 6)[None], 3)
    basis = spline.B_batch(x, grid, 3)
    assert basis.shape == (20, 3, 8)
    np.testing.assert_array_equal(basis, spline.B_batch(x, np.repeat(grid, 3, axis=0), 3))
    coef = spline.curve2coef(x, np.sin(x)[:, :, None], grid, 3)
    np.testing.assert_allclose(spline.coef2curve(x, grid, coef, 3)[:, :, 0], np.sin(x), atol=1e-2)


def test_spline_refusals():
    grid = KAN([2, 1]).act_fun[0].grid
    with pytest.raises(ValueError, match=r"x, grid: must have the shapes .* not \(3, 1\) and \(2, 10\)"):
        spline.B_batch(np.zeros((3, 1)), grid, 3)
    with pytest.raises(ValueError, match="y_eval: must have the shape"):
        spline.curve2coef(np.zeros((3, 2)), np.zeros((3, 2)), grid, 3)


DIFFERENCES = pathlib.Path(__file__).resolve().parents[2] / "docs" / "differences.md"


def what_is_not_there():
    """(left, right): the names in backquotes of each row of that table."""
    section = DIFFERENCES.read_text().split("## What of pykan is not there")[1].split("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    return [[re.findall(r"`([\w.]+)`", cell) for cell in row] for row in rows]


def is_there(name):
    """Is ``KAN.tree`` an attribute of a model, ``KANLayer.swap`` one of a layer, ``kan.MLP`` a name or a module of swiftkan."""
    model = KAN([2, 1])
    model.get_act(np.zeros((2, 2)))
    owners = {"KAN": model, "model": model, "KANLayer": model.act_fun[0], "SymbolicLayer": model.symbolic_fun[0]}
    owner, _, rest = name.partition(".")
    if owner in owners:
        return hasattr(owners[owner], rest)
    return hasattr(swiftkan, rest) or hasattr(importlib.import_module("swiftkan.utils"), rest) or bool(importlib.util.find_spec(f"swiftkan.{rest}"))


def test_what_is_said_not_to_be_there_is_not_and_its_replacement_is():
    rows = what_is_not_there()
    assert len(rows) > 10 and all(len(row) == 2 for row in rows)
    for absent, instead in rows:
        for name in absent:
            assert re.match(r"(kan|KAN|KANLayer|SymbolicLayer)\.", name) and not is_there(name), name
        for name in instead:
            assert re.match(r"(model|swiftkan)\.", name) and is_there(name), name
    listed = {name for absent, _ in rows for name in absent}
    assert {"KAN.tree", "kan.LBFGS", "kan.kanpiler", "kan.hypothesis", "kan.MLP", "kan.runner1", "kan.batch_hessian"} <= listed
