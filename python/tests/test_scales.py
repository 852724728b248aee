"""The warning where Levenberg-Marquardt gets data that are far from order one."""

import pickle
import warnings

import numpy as np
import pytest

from swiftkan import KAN, search_structure

X = np.random.RandomState(0).uniform(-1, 1, (200, 2))
Y = np.exp(np.sin(np.pi * X[:, [0]]) + X[:, [1]] ** 2)


@pytest.mark.parametrize("opt", ["LM", "auto"])
@pytest.mark.parametrize(
    "x, y, text",
    [
        (X + [0, 100], Y, r"column 1 of x is 100 ± 0\.5"),
        (100 * X, Y, "column 0 of x"),
        (1e-3 * X, Y, "column 0 of x"),
        (X, 100 * Y, "column 0 of y"),
        (X, Y + 30, "column 0 of y"),
    ],
)
def test_data_far_from_order_one(opt, x, y, text):
    with pytest.warns(UserWarning, match=text + ".*standardise") as warned:
        KAN([2, 2, 1], seed=0).fit((x, y), opt=opt, steps=1)
    assert warned[0].filename == __file__


@pytest.mark.parametrize(
    "x, y",
    [(X, Y), (X / 2 + 0.5, Y), (10 * X, Y), (X + 2, Y + 1), (X, 0.01 * Y), (np.c_[X, np.full(200, 1e6)], Y), (X, 0 * Y + 1e4)],
)
def test_data_of_order_one(x, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        KAN([x.shape[1], 2, 1], seed=0).fit((x, y), opt="LM", steps=1)


def test_other_optimisers_and_searches_say_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        KAN([2, 2, 1], seed=0).fit((X + 100, Y), steps=1)
        model = search_structure((X + 10, X[:, [0]] + 10 + 2 * X[:, [1]]), steps=5).model
    with pytest.warns(UserWarning, match="standardise"):  # the search leaves no trace
        KAN([2, 2, 1], seed=0).fit((X + 100, Y), opt="LM", steps=1)
    assert "_warns_of_scales" not in vars(model)


def test_what_has_been_learnt_needs_no_warning():
    """Labels that the network reaches although they are far from order one."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        KAN([2, 1], seed=0).fit((X, 20 * X[:, [0]]), opt="LM", steps=10)


LOSSES = {"huber": (1, Y), "bce": (1, (Y > 1).astype(float)), "cross_entropy": (2, (Y[:, 0] > 1).astype(int))}


@pytest.mark.parametrize("loss", LOSSES)
def test_other_losses_warn_once(loss):
    outputs, y = LOSSES[loss]
    model = KAN([2, outputs], seed=0)
    with pytest.warns(UserWarning, match="column 0 of x"):
        model.fit((X + 100, y), opt="LM", steps=1, loss_fn=loss)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for twin in (model.clone(), pickle.loads(pickle.dumps(model)), model.refine(6), model):
            twin.fit((X + 100, y), opt="LM", steps=1, loss_fn=loss)


@pytest.mark.parametrize("dtype, size", [("float32", 1e25), ("float32", 1e-25), ("float64", 1e200), ("float64", 1e307)])
def test_numbers_whose_squares_overflow_give_no_other_warning(dtype, size):
    x = np.asarray(X * size, dtype)
    for x, y, text in ((x, Y, "column 0 of x"), (X, Y * size, "column 0 of y" if size > 1 else None)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            KAN([2, 2, 1], dtype=dtype, seed=0).fit((x, np.asarray(y, dtype)), opt="LM", steps=1)
        scales = [str(each.message) for each in caught if "standardise" in str(each.message)]
        assert len(scales) == (text is not None) and all(text in each for each in scales)
        assert not [each for each in caught if "overflow" in str(each.message) or "invalid" in str(each.message)]


FAR = {
    "x + 100": (X + 100, Y),
    "x / 1000": (X / 1000, Y),
    "10 y": (X, 10 * Y),
    "y + 30": (X, Y + 30),
    "kelvin and pascal": (50 * X + 300, 1000 * Y + 5000),
}


@pytest.mark.parametrize("data", FAR)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_raw_data_are_learnt(data, seed):
    """Without a warning, and as well as standardised ones: no parameter's damping depends on the units of another layer's."""
    x, y = FAR[data]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = KAN([2, 5, 1], grid=5, seed=seed).fit((x, y), opt="LM", steps=60)
    assert result["train_loss"][-1] < 2e-3 * y.std()


def test_standardised_data_are_learnt_where_raw_ones_are_not():
    """What the warning is for; and its advice."""
    x = 1e4 * X
    with pytest.warns(UserWarning):
        raw = KAN([2, 5, 1], grid=5, seed=0).fit((x, Y), opt="LM", steps=40)["train_loss"][-1]
    standard = KAN([2, 5, 1], grid=5, seed=0).fit(((x - x.mean(axis=0)) / x.std(axis=0), Y), opt="LM", steps=40)["train_loss"][-1]
    assert standard < 0.01 * raw


@pytest.mark.parametrize("scale, shift, y_scale, y_shift", [(1, 10, 1, 0), (100, 0, 1, 0), (1e-3, 0, 1, 0), (1e4, 0, 1, 0), (50, 300, 1000, 5000)])
def test_formulas_of_raw_data_are_learnt(scale, shift, y_scale, y_shift):
    """Networks of symbolic edges alone, whose parameters differ by orders of magnitude: they end at rounding from 5 % beside the formula."""
    x, y = scale * X + shift, y_scale * Y + y_shift
    model, off = KAN([2, 1, 1], grid=5, seed=0), 1 + 0.05 * np.random.RandomState(1).randn(5)
    for place, name in (((0, 0, 0), "sin"), ((0, 1, 0), "x^2"), ((1, 0, 0), "exp")):
        model.fix_symbolic(*place, name, fit_params_bool=False)
    first, second = model.symbolic_fun[0].affine, model.symbolic_fun[1].affine
    first[0, 0] = np.pi / scale * off[0], -np.pi * shift / scale + 0.1, off[1], 0.1
    first[0, 1] = off[2] / scale, -shift / scale + 0.05, off[3], 0.1
    second[0, 0] = off[4], 0.05, y_scale, y_shift
    result = model.fit((x, y), opt="LM", steps=50, update_grid=False)
    assert result["train_loss"][-1] < 1e-9 * y_scale


@pytest.mark.parametrize("x_scale, y_scale, name", [(1, 1, None), (1e3, 1, "x"), (1, 1e-3, "y"), (1, 1e-6, "y")])
def test_newton_kaczmarz_warns_where_it_does_not_learn(x_scale, y_scale, name):
    x, y = x_scale * X, y_scale * X[:, :1] * X[:, 1:]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        KAN([2, 3, 1], grid=3, seed=1).fit((x, y), opt="NewtonKaczmarz", lr=0.1, steps=30)
    assert [f"of {name} is" in str(each.message) and "Newton-Kaczmarz" in str(each.message) for each in caught] == ([True] if name else [])
