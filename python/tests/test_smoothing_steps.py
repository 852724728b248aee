"""Steps of smoothing are steps as others: seen, measured, shown, stopped, and interrupted without harm."""

import numpy as np
import pytest

from swiftkan import KAN, _penalty, _smoothing

RNG = np.random.RandomState(0)
X = RNG.uniform(-1, 1, (80, 2))
DATA = X, np.sin(8 * X[:, :1]) * X[:, 1:] + 0.3 * RNG.randn(80, 1)


def new():
    return KAN([2, 2, 1], grid=5, seed=1)


def test_every_step_is_in_the_result_and_is_seen():
    model, seen = new(), []

    def norm():
        return float(abs(model.act_fun[0].coef).sum())

    result = model.fit((*DATA, X[:9], DATA[1][:9]), opt="LM", steps=4, smooth="gcv", metrics=norm, callbacks=seen.append)
    assert result.steps > 10 and [step.step for step in seen] == list(range(1, result.steps + 1))
    assert {step.steps for step in seen} == {4 + _smoothing.STEPS}
    assert {len(values) for values in result.values()} == {result.steps}
    for key in ("train_loss", "test_loss", "reg"):
        np.testing.assert_array_equal([getattr(step, key) for step in seen], result[key])
    np.testing.assert_array_equal([step.metrics["norm"] for step in seen], result["norm"])
    assert result["norm"][-1] == norm()
    prediction = model(X)
    assert result["train_loss"][-1] == pytest.approx(np.sqrt(np.mean((prediction - DATA[1]) ** 2)), rel=1e-9)
    assert result["test_loss"][-1] == pytest.approx(np.sqrt(np.mean((prediction - DATA[1])[:9] ** 2)), rel=1e-9)
    plain = new().fit(DATA, opt="LM", steps=4)
    assert result.evaluations >= plain.evaluations + 2 * (result.steps - 4)


def test_lines_and_the_bar_go_on(capsys):
    result = new().fit(DATA, opt="LM", steps=3, smooth=1e-4, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == [f"{step}/63" for step in range(1, result.steps + 1)]
    pytest.importorskip("tqdm")
    result = new().fit(DATA, opt="LM", steps=3, smooth=1e-4, verbose=1)
    assert f"{result.steps}/63" in capsys.readouterr().err


def test_a_callback_ends_the_smoothing():
    model, seen = new(), []

    def callback(step):
        seen.append(model._array.copy())
        return step.step == 9

    result = model.fit(DATA, opt="LM", steps=4, smooth="gcv", callbacks=callback)
    assert (result.status, result.reason, result.steps, result.best_step) == ("ok", "callback", 9, 8) and len(seen) == 9
    assert result.message == f"all 4 steps done; then 5 steps of smoothing, smooth={result.smooth:.3g}; a callback stopped it"
    assert (model._array == seen[-1]).all() and 0 < result.freedom < len(model.parameter_places())


@pytest.mark.parametrize("last", [1, 4])
def test_no_smoothing_follows_where_a_callback_ended_the_training(last):
    seen = []
    result = new().fit(DATA, opt="LM", steps=4, smooth="gcv", callbacks=lambda step: seen.append(step) or step.step == last)
    assert (result.reason, result.steps, len(seen)) == ("callback", last, last) and result.smooth is result.freedom is None
    assert result.message == f"a callback stopped it after {last} steps"


def test_a_callback_knows_the_penalty_of_the_step():
    deviations = []
    model = new()
    model.fit(DATA, opt="LM", steps=3, smooth=1e-2, callbacks=lambda step: deviations.append(model.predict(X, return_std=True)[1].mean()))
    assert max(deviations[3:]) < 0.5 * min(deviations[:3]) and deviations[-1] == model.predict(X, return_std=True)[1].mean()


def test_no_other_engine_in_the_middle_of_smoothing():
    model = new()

    def callback(step):
        if step.step == 6:
            model.expand_width(1, 1)

    with pytest.raises(RuntimeError, match="^callbacks, metrics: .* change the model after fit"):
        model.fit(DATA, opt="LM", steps=3, smooth="gcv", callbacks=callback)
    assert model.width_in == [2, 3, 1] and np.isfinite(model.fit(DATA, steps=2)["train_loss"]).all()


def test_an_error_in_a_callback_leaves_the_step_that_it_was_told_of():
    model, seen = new(), []

    def callback(step):
        seen.append(model._array.copy())
        if step.step == 14:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        model.fit(DATA, opt="LM", steps=3, smooth="gcv", callbacks=callback)
    assert len(seen) == 14 and (model._array == seen[-1]).all()


def test_what_a_callback_changes_is_where_smoothing_goes_on():
    model = new()

    def callback(step):
        if step.step == 5:
            model.act_fun[1].coef[...] += 10

    result = model.fit(DATA, opt="LM", steps=3, smooth=1e-4, callbacks=callback)
    assert result["train_loss"][5] > 2 * result["train_loss"][4] and result["train_loss"][-1] < 0.6


@pytest.mark.parametrize("where, name", [(_penalty.Penalty, "value"), (_penalty, "bending")])  # trials; grids that have moved
def test_interrupted_smoothing_leaves_the_last_accepted_step(monkeypatch, where, name):
    """With its grids, which move after 10 steps."""
    start, accepted = new(), []
    start.fit(DATA, opt="LM", steps=2)
    model = start.clone()
    model.fit(DATA, opt="LM", steps=0, smooth=1e-6, callbacks=lambda step: accepted.append(model._array.copy()))
    accepted.insert(0, start._array.copy())
    assert len(accepted) > max(_smoothing.MOVES) + 2
    original, calls, last = getattr(where, name), 0, 0

    def interrupting(*arguments):
        nonlocal calls
        calls += 1
        if calls == last:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(where, name, interrupting)
    left = set()
    for last in range(1, 60, 1 if name == "bending" else 3):
        calls, model = 0, start.clone()
        try:
            model.fit(DATA, opt="LM", steps=0, smooth=1e-6)
            break
        except KeyboardInterrupt:
            left.add(next(i for i, state in enumerate(accepted) if (state == model._array).all()))
    assert {0, *_smoothing.MOVES} <= left if name == "bending" else len(left) > 8
