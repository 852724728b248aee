"""What starts and validation are drawn from: samples of weight 0, and numbers that training may not change."""

import numpy as np
import pytest

from swiftkan import KAN

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


@pytest.mark.parametrize("fraction", [0.001, 0.2, 0.5, 0.95])
@pytest.mark.parametrize("count", [2, 3, 60, 199])
def test_both_parts_of_a_split_have_samples_that_count(count, fraction):
    x, y, held = X[:200], Y[:200], max(1, round(200 * fraction))
    for seed in range(20):
        weight = few(count, 200, seed)
        model = KAN([2, 1])
        result = model.fit((x, y), steps=1, validation_split=max(fraction, 0.005), sample_weight=weight, seed=seed)
        assert len(model.cache_data) == 200 - held and np.isfinite([result["train_loss"][0], result["test_loss"][0]]).all()
        mine = np.count_nonzero(model._remembered.weight)
        assert 1 <= mine < count
        if min(held, 200 - held) > 20:
            assert abs(mine - count * (1 - fraction)) <= 1


def test_a_single_sample_that_counts_cannot_be_split():
    model = KAN([2, 1])
    with pytest.raises(ValueError, match="sample_weight: only one sample has a weight above 0, but validation_split needs two"):
        model.fit((X, Y), validation_split=0.5, sample_weight=few(1))
    with pytest.raises(ValueError, match="sample_weight: all weights are zero"):
        model.fit((X, Y), validation_split=0.5, sample_weight=few(0))
    with pytest.raises(ValueError, match="only one sample has a weight above 0"):  # as float32 sees it
        KAN([2, 1], dtype="float32").fit((X, Y), validation_split=0.5, sample_weight=np.where(few(1) == 1, 1, 1e-60))


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
