"""What training shows and calls: schedules, metrics, lines, the bar; and that it leaves no memory behind."""

import os

import numpy as np
import pytest

from swiftkan import KAN, create_dataset


@pytest.fixture(scope="module")
def data():
    return create_dataset(
        lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2, train_num=300, test_num=100
    )


def test_schedules(data):
    plain = KAN([2, 3, 1]).fit(data, opt="SGD", lr=0.01, steps=8, update_grid=False)
    constant = KAN([2, 3, 1]).fit(data, opt="SGD", lr=0.02, steps=8, update_grid=False, lr_schedule=lambda step: 0.5)
    np.testing.assert_allclose(plain["train_loss"], constant["train_loss"], rtol=1e-12)
    frozen = KAN([2, 3, 1]).fit(
        data, opt="SGD", lr=0.01, steps=8, update_grid=False, lr_schedule=lambda step: float(step < 3)
    )
    assert (plain["test_loss"][:3] == frozen["test_loss"][:3]).all() and len(set(frozen["test_loss"][2:])) == 1
    for schedule in ("cosine", "exponential", "step"):
        result = KAN([2, 3, 1]).fit(data, opt="Adam", lr=0.05, steps=100, lr_schedule=schedule)
        assert result["train_loss"][-1] < 0.5 * result["train_loss"][0]


def test_metrics(data):
    model = KAN([2, 3, 1])

    def maximum():
        return np.abs(model(data["test_input"]) - data["test_label"]).max()

    def scalar():
        return np.array(2.0)

    result = model.fit(data, steps=4, metrics=(maximum, scalar))
    assert list(result) == ["train_loss", "test_loss", "reg", "maximum", "scalar"]
    assert result["maximum"][-1] == pytest.approx(maximum()) and list(result["scalar"]) == [2.0] * 4
    assert model.cache_data.shape == (300, 2)  # what a metric evaluates is not what is remembered


def test_silence_is_the_default(data, capsys):
    KAN([2, 3, 1]).fit(data, steps=3)
    assert capsys.readouterr() == ("", "")


def test_lines(data, capsys):
    def accuracy():
        return 0.5

    KAN([2, 3, 1]).fit(data, steps=5, verbose=2, log=2, metrics=accuracy)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["2/5", "4/5", "5/5"]
    assert all(word in lines[0] for word in ("train_loss:", "test_loss:", "reg:"))
    KAN([2, 3, 1]).fit(data, steps=1, verbose=2, metrics=accuracy, display_metrics=["accuracy"])
    assert capsys.readouterr().out == "step 1/1 | accuracy: 5.00e-01 | \n"


def test_the_bar(data, capsys):
    pytest.importorskip("tqdm")
    KAN([2, 3, 1]).fit(data, steps=3, verbose=1)
    shown = capsys.readouterr()
    assert shown.out == "" and "3/3" in shown.err and "train_loss" in shown.err


def test_the_bar_without_tqdm(data, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tqdm", None)
    with pytest.raises(ImportError, match=r"verbose=1 \(not verbose=2\) needs tqdm, .*: pip install tqdm"):
        KAN([2, 3, 1]).fit(data, steps=1, verbose=1)


def test_training_in_training(data):
    """A callback may use the model, even refine it."""
    sizes = []

    def look(step):
        sizes.append(step.model.refine(6).grid)
        step.model.get_act(data["test_input"])

    model = KAN([2, 3, 1])
    assert model.fit(data, steps=2, callbacks=look).status == "ok" and sizes == [6, 6]


@pytest.mark.not_emulated("200 models take more than a quarter of an hour, and the emulator's own memory counts, too")
def test_two_hundred_models_leave_no_memory_behind(data):
    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cycle(count):
        for _ in range(count):
            model = KAN([2, 8, 8, 1], grid=20)
            model.fit(data, steps=1)
            model.refine(40).predict(data["test_input"])

    if not os.path.exists("/proc/self/statm"):
        pytest.skip("needs Linux's /proc")
    cycle(40)
    before = resident()
    cycle(160)
    assert resident() - before < 8e6


def test_verbose_may_be_true_or_false(capsys):
    model = KAN([2, 1])
    data = create_dataset(lambda x: x[:, [0]] + x[:, [1]], n_var=2, train_num=30)
    model.fit(data, steps=2, verbose=False)
    model.auto_symbolic(lib=["x"], verbose=np.False_)
    model.symbolic_search(data, lib=["x"], max_evaluations=2, verbose=False)
    shown = capsys.readouterr()
    assert not shown.out and not shown.err
    model.unfix_symbolic_all()
    model.auto_symbolic(lib=["x"], verbose=True)
    assert "fixing (0,0,0) with x" in capsys.readouterr().out
    pytest.importorskip("tqdm")
    model.fit(data, steps=2, verbose=True)
    assert "2/2" in capsys.readouterr().err


@pytest.mark.parametrize("more", [{}, dict(grids=[3, 6]), dict(opt="LM")])
@pytest.mark.parametrize("change", [lambda model: model.expand_width(1, 1), lambda model: model.expand_depth()])
def test_no_other_engine_in_the_middle_of_a_fit(data, change, more):
    """What is trained would be none of the model's any more."""
    model = KAN([2, 2, 1])

    def callback(step):
        if step.step == 2:
            change(model)

    with pytest.raises(RuntimeError, match="^callbacks, metrics: .* change the model after fit"):
        model.fit(data, steps=5, callbacks=callback, **more)
    assert np.isfinite(model.fit(data, steps=2)["train_loss"]).all()
