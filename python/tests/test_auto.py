"""fit(opt="auto"): which optimiser it takes for which arguments and sizes, and that it takes one wherever one there is."""

import itertools

import numpy as np
import pytest

from swiftkan import KAN, _auto, _options


def samples(n=60, inputs=2):
    x = np.random.default_rng(0).uniform(-1, 1, (n, inputs))
    return x, np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2)


def own_mse(prediction, label):
    error = prediction - label
    return float((error**2).mean()), 2 * error / error.size


# Every argument that not all optimisers take or look at, and what 'auto' is with it alone.
ALONE = {
    "loss_fn": ("mae", "LBFGS"),
    "lamb": (1e-3, "LM"),
    "lr_schedule": ("cosine", "LBFGS"),
    "batch": (20, "Adam"),
    "epochs": (2, "Adam"),
    "weight_decay": (0.1, "Adam"),
    "momentum": (0.9, "SGD"),
    "betas": ((0.8, 0.99), "Adam"),
    "eps": (1e-6, "Adam"),
    "smooth": ("gcv", "LM"),
}


@pytest.mark.parametrize(
    "arguments, opt",
    [
        ({}, "LM"),
        *(({name: value}, opt) for name, (value, opt) in ALONE.items()),
        ({"loss_fn": "huber"}, "LM"),
        ({"loss_fn": own_mse}, "LBFGS"),
        ({"weight_decay": 0.0, "momentum": 0, "betas": [0.9, 0.999], "eps": 1e-8, "batch": -1}, "LM"),
        ({"smooth": 0}, "LM"),
        ({"momentum": 0.9, "batch": 20, "weight_decay": 0.1, "lr_schedule": "cosine", "lamb": 1e-3}, "SGD"),
        ({"betas": (0.8, 0.99), "epochs": 1, "loss_fn": "huber"}, "Adam"),
        ({"grids": [3, 6]}, "LM"),
        ({"restarts": 2}, "LM"),
        ({"lamb": 1e-3, "lamb_coef": 0.1}, "LBFGS"),
        ({"lamb": 1e-3, "lamb_coefdiff": 0.1}, "LBFGS"),
        ({"lamb": 1e-3, "reg_metric": "edge_backward"}, "LBFGS"),
        ({"lamb": 1e-3, "reg_metric": "node_backward"}, "LBFGS"),
        ({"lamb": 1e-3, "reg_metric": "edge_forward_sum"}, "LM"),
        ({"lamb_coef": 0.1, "reg_metric": "edge_backward"}, "LM"),
    ],
    ids=str,
)
def test_auto_takes_what_fits_the_arguments(arguments, opt):
    assert KAN([2, 2, 1]).fit(samples(), opt="auto", steps=2, **arguments).opt == opt


def outcome(opt, arguments):
    """The optimiser used, or the error's text."""
    try:
        return KAN([2, 1], seed=0).fit(samples(), opt=opt, steps=0, lr=0.01, **arguments).opt
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("pair", list(itertools.combinations(ALONE, 2)), ids="-".join)
def test_auto_takes_a_pair_of_arguments_wherever_an_optimiser_does(pair):
    """All pairs against all optimisers. An optimiser counts if it takes the arguments and looks at those that are one's own."""
    arguments = {name: ALONE[name][0] for name in pair}
    own = [_auto.FOR_ONE[name] for name in pair if name in _auto.FOR_ONE]
    takers = [opt for opt in _options.OPTIMIZERS if outcome(opt, arguments) == opt and all(opt == other for other in own)]
    taken = outcome("auto", arguments)
    if takers:
        assert taken in takers
    else:
        assert taken.startswith("opt: 'auto'") and all(name in taken for name in pair if name in _auto.FOR_ONE)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(smooth="gcv", batch=50), "opt: 'auto' is 'LM' because of smooth; batch: 'LM' has none"),
        (dict(smooth="gcv", epochs=5), "opt: 'auto' is 'LM' because of smooth; epochs: 'LM' has none"),
        (dict(smooth="gcv", weight_decay=0.1), "opt: 'auto' is 'LM' because of smooth; weight_decay: 'LM' has none"),
        (dict(smooth=1e-3, lr_schedule="cosine"), "opt: 'auto' is 'LM' because of smooth; lr_schedule: 'LM' has none"),
        (dict(smooth="gcv", lamb=0.1), "opt: 'auto' is 'LM' because of smooth; smooth: is for opt='LM', the loss 'mse' and lamb=0"),
        (dict(smooth="gcv", loss_fn="mae"), "opt: 'auto' is 'LM' because of smooth; loss_fn: 'LM' minimises"),
        (dict(smooth="gcv", momentum=0.9), r"opt: 'auto' finds no .* smooth \(of 'LM'\), momentum \(of 'SGD'\); leave out"),
        (dict(momentum=0.9, betas=(0.5, 0.9)), r"opt: 'auto' finds no .* momentum \(of 'SGD'\), betas \(of 'Adam'\); leave out"),
        (dict(smooth="gcv", grids=[3, 2000]), "opt: 'auto' is 'LM' because of smooth; grids: .* at most 10000"),
        (dict(smooth="smoothly"), "smooth: must be a number"),
    ],
    ids=str,
)
def test_auto_names_arguments_that_exclude_each_other(arguments, message):
    model = KAN([2, 2, 1], seed=0)
    before = model.state_dict()
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(samples(), opt="auto", steps=2, **arguments)
    assert model.grid == 3 and all(np.array_equal(before[name], value) for name, value in model.state_dict().items())


def test_auto_takes_what_fits_the_sizes():
    x = np.zeros((50, 60)) + np.linspace(-1, 1, 50)[:, None]
    assert KAN([60, 20, 1], grid=20).fit((x, x[:, :1]), opt="auto", steps=1, update_grid=False).opt == "LBFGS"
    assert KAN([60, 2, 1], grid=3).fit((x, x[:, :1]), opt="auto", steps=1, update_grid=False).opt == "LM"


def test_smoothing_of_a_wide_network_takes_lm_if_it_is_allowed():
    """A step of Levenberg-Marquardt is dear with [40, 13, 1], but nothing else smooths; [40, 30, 1] is beyond its limit."""
    x, y = samples(50, inputs=40)
    asked = _options.Asked("mse", 0.0, "gcv", -1, None, None, None, 0.0, _options.BETAS, _options.EPS)
    dear = KAN([40, 13, 1], grid=5)
    assert _auto.choose(dear, 50, [None], False, asked._replace(smooth=None), None, False) == ("LBFGS", None)
    assert _auto.choose(dear, 50, [None], False, asked, 1.0, False) == ("LM", 1.0)
    with pytest.raises(ValueError, match="opt: 'auto' is 'LM' because of smooth; .* 17220 unknowns.*at most 10000"):
        KAN([40, 30, 1], grid=10).fit((x, y), opt="auto", steps=0, smooth="gcv")


def test_samples_of_weight_0_do_not_count():
    x, y = np.random.RandomState(0).uniform(-1, 1, (20000, 10)), np.zeros((20000, 1))
    weight = 1.0 * (np.arange(20000) < 300)
    alone = KAN([10, 30, 1]).fit((x[:300], y[:300]), opt="auto", steps=1).opt
    assert KAN([10, 30, 1]).fit((x, y), opt="auto", steps=1).opt != alone
    assert KAN([10, 30, 1]).fit((x, y), opt="auto", steps=1, sample_weight=weight).opt == alone


def test_finer_grids_count():
    """[20, 10, 1] has 1470 parameters with a grid of 3 and 13440 with one of 60."""
    x, y = samples(50, inputs=20)
    model = KAN([20, 10, 1], grid=3)
    assert model.fit((x, y), opt="auto", steps=1, grids=[3, 60]).opt == "LBFGS" and model.grid == 60
    model = KAN([20, 10, 1], grid=3)
    with pytest.raises(ValueError, match=r"grids: with grids\[1\], 60, 'LM' would solve equations with 13440 unknowns"):
        model.fit((x, y), opt="LM", steps=1, grids=[3, 60])
    assert model.grid == 3


def test_grids_that_double_end_where_lm_does():
    model = KAN([20, 10, 1], grid=3)
    levels = [[3 * 2**i] * 2 for i in range(7)]
    assert _auto.lm_levels(model, levels, doubling=True) == levels[:4]  # 24 cells: 210·28 = 5880 parameters; 48: 10920
    model.act_fun[0].mask[10:] = 0
    assert _auto.lm_levels(model, levels, doubling=True) == levels[:5]
    assert KAN([2, 1]).fit((*samples(), *samples()), opt="auto", steps=1, grids="auto").opt == "LM"


def test_auto_is_the_optimiser_it_names():
    data = samples(200)
    one, other = KAN([2, 3, 1], seed=0), KAN([2, 3, 1], seed=0)
    one.fit(data, opt="auto", steps=5)
    other.fit(data, opt="LM", steps=5)
    assert np.array_equal(one(data[0]), other(data[0]))


def test_first_order_rates():
    """1, the default, is L-BFGS's rate; Adam and SGD get 0.01 instead, but not if 1 was asked for."""
    data = samples(100)

    def fitted(**arguments):
        model = KAN([2, 3, 1], seed=0)
        model.fit(data, steps=5, **arguments)
        return model(data[0])

    for arguments, opt in (({"batch": 20}, "Adam"), ({"momentum": 0.9}, "SGD")):
        assert np.array_equal(fitted(opt="auto", **arguments), fitted(opt=opt, lr=0.01, **arguments))
        for lr in (1.0, 0.1):
            assert np.array_equal(fitted(opt="auto", lr=lr, **arguments), fitted(opt=opt, lr=lr, **arguments), equal_nan=True)
        assert np.array_equal(fitted(opt=opt, **arguments), fitted(opt=opt, lr=1.0, **arguments), equal_nan=True)
        assert not np.array_equal(fitted(opt="auto", lr=0.1, **arguments), fitted(opt="auto", **arguments))
    assert np.array_equal(fitted(), fitted(lr=1.0)) and not np.array_equal(fitted(), fitted(lr=0.5))
