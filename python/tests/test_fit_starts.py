"""What starts and validation are drawn from: samples of weight 0, and numbers that training may not change."""

import numpy as np
import pytest

from swiftkan import KAN, fit_gam

X = np.random.RandomState(0).uniform(-1, 1, (5000, 2))
Y = np.exp(np.sin(np.pi * X[:, :1]) + X[:, 1:] ** 2)


def few(count, n=5000, seed=0):
    weight = np.zeros(n)
    weight[np.random.RandomState(seed).permutation(n)[:count]] = 1
    return weight


@pytest.mark.parametrize("count", [1, 3, 3000])
def test_starts_see_samples_that_count(count):
    for seed in range(4):
        result = KAN([2, 1], seed=seed).fit((X, Y), opt="LM", steps=2, restarts=2, sample_weight=few(count))
        assert len(result.starts) == 2 and all(np.isfinite(start["train_loss"]) for start in result.starts)


def test_without_weights_of_zero_starts_are_drawn_as_ever():
    plain = KAN([2, 1], seed=1).fit((X, Y), opt="LM", steps=3, restarts=2)
    ones = KAN([2, 1], seed=1).fit((X, Y), opt="LM", steps=3, restarts=2, sample_weight=np.ones(5000))
    for one, other in zip(plain.starts, ones.starts):
        assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-9)
    chosen = np.sort(np.random.RandomState(1).permutation(5000)[:1000])
    start = KAN([2, 1], seed=1).fit((X[chosen], Y[chosen]), opt="LM", steps=3)
    assert plain.starts[0]["train_loss"] == pytest.approx(start["train_loss"][-1], rel=1e-12)


@pytest.mark.parametrize("fraction", [0.02, 0.2, 0.5, 0.95])
@pytest.mark.parametrize("count", [2, 3, 60, 199])
def test_a_split_is_of_the_samples_that_count(count, fraction):
    x, y, held = X[:200], Y[:200], round(count * fraction)
    if not 0 < held < count:
        pytest.skip("too few samples for the fraction: see the next test")
    for seed in range(5):
        weight = few(count, 200, seed)
        model, alone = KAN([2, 1]), KAN([2, 1])
        how = dict(steps=2, validation_split=fraction, seed=seed)
        result = model.fit((x, y), sample_weight=3 * weight, **how)
        other = alone.fit((x[weight > 0], y[weight > 0]), **how)
        assert len(model.cache_data) == count - held
        for key in ("train_loss", "test_loss"):
            assert result[key] == pytest.approx(other[key], rel=1e-6)


def test_too_few_samples_that_count_cannot_be_split():
    model = KAN([2, 1])
    with pytest.raises(ValueError, match="validation_split: 0.5 of 1 samples of a weight above 0 leaves 1 to train and 0 to validate"):
        model.fit((X, Y), validation_split=0.5, sample_weight=few(1))
    with pytest.raises(ValueError, match="sample_weight: all weights are zero"):
        model.fit((X, Y), validation_split=0.5, sample_weight=few(0))
    with pytest.raises(ValueError, match="of 1 samples of a weight above 0"):  # as float32 sees it
        KAN([2, 1], dtype="float32").fit((X, Y), validation_split=0.5, sample_weight=np.where(few(1) == 1, 1, 1e-60))


@pytest.mark.parametrize("opt", ["LBFGS", "LM", "Adam", "NewtonKaczmarz", "SSBFGS"])
def test_a_sample_of_weight_0_moves_no_grid(opt):
    """An outlier that was taken out by its weight made the cells a thousand times as wide."""
    x, y = X[:300], Y[:300]
    outlier, weight = np.r_[x, [[1e3, -1e3]]], np.r_[np.ones(300), 0]
    for more in ({}, dict(restarts=2)) if opt == "LM" else ({},):
        one, other = KAN([2, 2, 1], grid=4, seed=0), KAN([2, 2, 1], grid=4, seed=0)
        one.fit((x, y), opt=opt, steps=5, lr=0.1, **more)
        other.fit((outlier, np.r_[y, [[1e6]]]), opt=opt, steps=5, lr=0.1, sample_weight=weight, **more)
        np.testing.assert_allclose(one.act_fun[0].grid, other.act_fun[0].grid, rtol=1e-9)
        np.testing.assert_allclose(one(x), other(x), rtol=1e-6)
        assert len(other.cache_data) == 300


def test_an_additive_model_sees_no_sample_of_weight_0():
    x, y = X[:300], Y[:300]
    one, other = fit_gam(x, y), fit_gam(np.r_[x, [[1e3, 0]]], np.r_[y, [[1e6]]], sample_weight=np.r_[np.ones(300), 0])
    np.testing.assert_allclose(one(x), other(x), rtol=1e-9)
    np.testing.assert_allclose(one.predict(x, return_std=True)[1], other.predict(x, return_std=True)[1], rtol=1e-6)


def starts_of(monkeypatch, model, **arguments):
    """The numbers that the starts of a fit begin with, one state each."""
    from swiftkan import _levels

    seen, fresh = [], _levels._fresh

    def look(model, seed):
        core = fresh(model, seed)
        numbers = np.frombuffer(core, model.dtype).copy()
        seen.append({name: model._cut(numbers, name) for name in model.state_dict()})
        return core

    monkeypatch.setattr(_levels, "_fresh", look)
    model.fit((X[:200], Y[:200]), steps=2, restarts=3, **arguments)
    return seen


@pytest.mark.parametrize("sb, sp", [(True, True), (False, True), (True, False), (False, False)])
def test_starts_draw_what_training_may_change(monkeypatch, sb, sp):
    model = KAN([2, 3, 1], seed=0, sb_trainable=sb, sp_trainable=sp)
    model.act_fun[0].scale_base[...] = 0.25
    model.act_fun[0].scale_sp[...] = 0.75
    before = model.state_dict()
    for i, start in enumerate(starts_of(monkeypatch, model)):
        other = KAN([2, 3, 1], seed=i + 1).state_dict()
        for part, drawn in (("coef", True), ("scale_base", sb), ("scale_sp", sp), ("mask", True), ("grid", True)):
            for l in range(2):
                name = f"act_fun.{l}.{part}"
                np.testing.assert_array_equal(start[name], (other if drawn else before)[name])
    for held, name in ((not sb, "scale_base"), (not sp, "scale_sp")):
        if held:
            assert (model.state_dict()[f"act_fun.0.{name}"] == before[f"act_fun.0.{name}"]).all()


def test_edges_that_are_off_or_symbolic_keep_their_splines(monkeypatch):
    model = KAN([2, 3, 1], seed=0)
    model.get_act(X[:100])
    model.fix_symbolic(0, 0, 0, "sin", verbose=False)
    model.act_fun[0].mask[1, 1] = 0
    before = model.state_dict()
    off = [(0, 0), (1, 1)]
    seen = starts_of(monkeypatch, model, opt="LM", update_grid=False)
    for state in (*seen, model.state_dict()):
        for part in ("coef", "scale_base", "scale_sp"):
            for edge in off:
                assert np.array_equal(state[f"act_fun.0.{part}"][edge], before[f"act_fun.0.{part}"][edge])
        assert not np.array_equal(state["act_fun.0.coef"][0, 1], before["act_fun.0.coef"][0, 1])
    model.unfix_symbolic(0, 0, 0, log_history=False)
    assert np.array_equal(model.act_fun[0].coef[0, 0], before["act_fun.0.coef"][0, 0])
