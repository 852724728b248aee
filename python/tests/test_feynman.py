"""The Feynman problems: pykan's labels where pykan is right, the formula's own where it is not."""

import pathlib

import numpy as np
import pytest

from swiftkan import KAN, create_dataset, get_feynman_dataset

pytest.importorskip("sympy")
REFERENCE = pathlib.Path(__file__).parent / "reference" / "feynman.npz"
WRONG_IN_PYKAN = {20, 114}  # its function is not its formula; 114's fails


@pytest.fixture(scope="module")
def reference():
    with np.load(REFERENCE) as file:
        return dict(file)


@pytest.mark.parametrize("number", range(1, 121))
def test_labels_are_pykans(number, reference):
    symbols, expr, f, ranges = get_feynman_dataset(number)
    assert {str(symbol) for symbol in expr.free_symbols} == {str(symbol) for symbol in symbols}
    assert len(ranges) == len(symbols) and all(low < high for low, high in ranges)
    if number not in WRONG_IN_PYKAN:
        assert f(reference[f"x{number}"])[:, 0] == pytest.approx(reference[f"y{number}"], rel=1e-11)
    data = create_dataset(f, n_var=len(symbols), ranges=ranges, train_num=500, test_num=0)
    assert data["train_label"].shape == (500, 1) and np.isfinite(data["train_label"]).all()


def test_what_pykan_has_wrong():
    f = get_feynman_dataset("I.16.6")[2]
    assert f([[0.5, 0.25, 1.0]])[0, 0] == pytest.approx(0.75 / 1.125)
    f = get_feynman_dataset("Goldstein 12.80")[2]  # m p omega x alpha y: a quotient by y, which is never 0
    assert f([[1, 0, 1, 0.5, 1, 0.5]])[0, 0] == pytest.approx(0.25)
    f = get_feynman_dataset("Jackson 2.11")[2]  # q epsilon y V_e d
    q, eps, y, v, d = 0.3, 0.7, 1.5, 0.4, 0.6
    image = (4 * np.pi * eps * v * d - q * d * y**3 / (y**2 - d**2) ** 2) * q / (4 * np.pi * eps * y**2)
    assert f([[q, eps, y, v, d]])[0, 0] == pytest.approx(image)
    assert [str(s) for s in get_feynman_dataset("I.18.4")[0]] == ["m1", "r1", "m2", "r2"]
    assert get_feynman_dataset("I.18.12")[1] == get_feynman_dataset(22)[1]
    assert get_feynman_dataset("II.10.9")[1] == get_feynman_dataset(60)[1]


def test_pykans_spellings_and_test_problem():
    for old, new in (("Rutherforld scattering", "Rutherford scattering"), ("Friedman equation", "Friedmann equation")):
        assert get_feynman_dataset(old)[1] == get_feynman_dataset(new)[1]
    symbols, expr, f, ranges = get_feynman_dataset("test")
    assert str(expr) == "(x + y)*sin(exp(2*y))" and ranges == [[-1, 1], [-1, 1]]


def test_types():
    f = get_feynman_dataset("I.30.5")[2]
    x = np.array([[0.5, 1.0, 1.25]], np.float32)
    assert f(x).dtype == np.float32 and f(x).shape == (1, 1)
    with pytest.raises(ValueError, match=r"x: must be \(samples, 3\).*\(1, 2\)"):
        f(x[:, :2])


def test_refusals():
    for name in (0, 121, "I.99", True, None, 1.5, [1]):
        with pytest.raises(ValueError, match="name: must be a number from 1 to 120"):
            get_feynman_dataset(name)


def test_a_problem_trains():
    symbols, _, f, ranges = get_feynman_dataset("I.12.2")
    data = create_dataset(f, n_var=len(symbols), ranges=ranges, train_num=200, test_num=50)
    result = KAN([len(symbols), 3, 1], seed=0).fit(data, steps=5)
    assert result["train_loss"][-1] < result["train_loss"][0]
