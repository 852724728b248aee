"""Training: what it returns, how it stops, and what it leaves behind."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from swiftkan import KAN, FitResult, Step, create_dataset


@pytest.fixture(scope="module")
def data():
    return create_dataset(lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2, train_num=300, test_num=100)


def state_of(model):
    return np.concatenate([value.ravel() for value in model.state_dict().values()])


def rmse(model, x, y):
    return float(np.sqrt(np.mean((model(x) - y) ** 2)))


def test_the_result(data):
    model = KAN([2, 5, 1], grid=5, seed=0)
    result = model.fit(data, steps=12, lamb=1e-4)
    assert isinstance(result, FitResult) and isinstance(result, dict)
    assert set(result) == {"train_loss", "test_loss", "reg"}
    assert all(isinstance(values, np.ndarray) and values.shape == (12,) for values in result.values())
    assert (result.status, result.reason, result.steps, result.best_step) == ("ok", "steps", 12, 11)
    assert result.evaluations >= 12 and 0 < result.seconds < 60 and "12" in result.message
    assert result["test_loss"][-1] == pytest.approx(rmse(model, data["test_input"], data["test_label"]), rel=1e-10)
    assert result["train_loss"][-1] < 0.1 and (result["reg"] > 0).all()
    assert "ok" in repr(result) and "train_loss" in repr(result)


def test_the_recorded_loss_is_that_of_the_accepted_point(data):
    model = KAN([2, 3, 1])
    result = model.fit(data, steps=3)
    assert result["train_loss"][-1] == pytest.approx(rmse(model, data["train_input"], data["train_label"]), rel=1e-9)


def test_lbfgs_never_goes_up(data):
    result = KAN([2, 5, 1]).fit(data, steps=20, update_grid=False)
    assert (np.diff(result["train_loss"]) <= 1e-12).all()


def test_hellokan(data):
    """The level of pykan's first tutorial, 1.9e-2 with G = 3; then a finer grid gains a factor of 4 and more."""
    data = create_dataset(lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2)
    model = KAN([2, 5, 1], grid=3, k=3, seed=42)
    result = model.fit(data, opt="LBFGS", steps=50, lamb=0.001)
    assert result["train_loss"][-1] < 2.5e-2 and result["test_loss"][-1] < 2.5e-2
    model = model.refine(10)
    result = model.fit(data, opt="LBFGS", steps=50)
    assert result["train_loss"][-1] < 5e-3 and result["test_loss"][-1] < 5e-3


@pytest.mark.parametrize(
    "form",
    [
        lambda d: d,
        lambda d: (d["train_input"], d["train_label"], d["test_input"], d["test_label"]),
        lambda d: [d["train_input"].tolist(), d["train_label"].tolist(), d["test_input"].tolist(), d["test_label"].tolist()],
    ],
    ids=["dict", "tuple", "lists"],
)
def test_forms_of_data(data, form):
    result, plain = KAN([2, 3, 1]).fit(form(data), steps=2), KAN([2, 3, 1]).fit(data, steps=2)
    assert (result["train_loss"] == plain["train_loss"]).all() and (result["test_loss"] == plain["test_loss"]).all()


def test_without_test_data(data):
    for form in ((data["train_input"], data["train_label"]), {k: data[k] for k in ("train_input", "train_label")}):
        result = KAN([2, 3, 1]).fit(form, steps=2)
        assert np.isnan(result["test_loss"]).all() and len(result["test_loss"]) == 2
        assert "test_loss" not in repr(result)


def test_the_data_is_not_changed(data):
    copies = {key: value.copy() for key, value in data.items()}
    KAN([2, 3, 1]).fit(data, steps=3)
    assert all((copies[key] == data[key]).all() for key in data)


@pytest.mark.parametrize("opt, lr", [("LBFGS", 1.0), ("Adam", 0.02), ("AdamW", 0.02), ("SGD", 0.02)])
def test_optimisers(data, opt, lr):
    model = KAN([2, 5, 1], grid=5, seed=0)
    result = model.fit(data, opt=opt, lr=lr, steps=30 if opt == "LBFGS" else 400, momentum=0.9 if opt == "SGD" else 0.0)
    assert result["test_loss"][-1] < 0.25, opt
    again = KAN([2, 5, 1], grid=5, seed=0).fit(data, opt=opt, lr=lr, steps=5, momentum=0.9 if opt == "SGD" else 0.0)
    assert len(again["train_loss"]) == 5


def test_adam_is_adam(data):
    """Against the formulas of Kingma and Ba 2015 (arXiv 1412.6980, algorithm 1) with gradients from value_and_grad."""
    model, twin = KAN([2, 3, 1]), KAN([2, 3, 1])
    x, y = data["train_input"], data["train_label"]
    names = [n for n in model.state_dict() if n.endswith(("coef", "scale_base", "scale_sp", "affine"))]
    m = {n: 0.0 for n in names}
    v = {n: 0.0 for n in names}
    for t in range(1, 6):
        _, gradients = twin.value_and_grad(x, y)
        for n in names:
            m[n] = 0.8 * m[n] + 0.2 * gradients[n]
            v[n] = 0.95 * v[n] + 0.05 * gradients[n] ** 2
            twin._views[n][...] -= 0.03 * (m[n] / (1 - 0.8**t)) / (np.sqrt(v[n] / (1 - 0.95**t)) + 1e-6)
    model.fit((x, y), opt="Adam", lr=0.03, steps=5, betas=(0.8, 0.95), eps=1e-6, update_grid=False)
    np.testing.assert_allclose(model(x), twin(x), rtol=1e-9, atol=1e-9)


def test_weight_decay_is_decoupled_in_adamw(data):
    """Loshchilov and Hutter 2019, arXiv 1711.05101: parameters shrink by lr·weight_decay beside the gradient step."""
    free, tied = KAN([2, 3, 1]), KAN([2, 3, 1])
    for model, decay in ((free, 0.0), (tied, 0.5)):
        model.fit((data["train_input"], data["train_label"]), opt="AdamW", lr=0.01, steps=1, weight_decay=decay, update_grid=False)
    start = KAN([2, 3, 1]).act_fun[0].coef
    np.testing.assert_allclose(tied.act_fun[0].coef, free.act_fun[0].coef - 0.005 * start, atol=1e-12)


def test_what_is_trainable_changes_and_nothing_else(data):
    for affine in (False, True):
        model = KAN([2, [2, 1], 1], affine_trainable=affine, sb_trainable=False, sp_trainable=True)
        before = model.state_dict()
        model.fit(data, steps=2, update_grid=False)
        changed = {name for name, value in model.state_dict().items() if (value != before[name]).any()}
        assert {"act_fun.0.coef", "act_fun.1.scale_sp"} <= changed
        assert not any("scale_base" in name or "mask" in name or "grid" in name for name in changed)
        assert ("node_bias_0" in changed and "subnode_scale_0" in changed) is affine


def test_symbolic_edges_are_trained(data):
    model = KAN([1, 1])
    layer = model.symbolic_fun[0]
    layer.set_function(0, 0, "sin")
    layer.affine[0, 0] = 2.5, 0.1, 0.8, 0.0
    layer.mask[0, 0], model.act_fun[0].mask[0, 0] = 1, 0
    x = np.linspace(-1, 1, 100)[:, None]
    model.fit((x, 1.5 * np.sin(3 * x + 0.2) - 0.4), steps=10)
    np.testing.assert_allclose(layer.affine[0, 0], [3, 0.2, 1.5, -0.4], atol=1e-6)


def test_removed_edges_stay_removed(data):
    model = KAN([2, 3, 1])
    model.act_fun[0].mask[1, :] = 0
    model.fit(data, steps=3)
    x = data["train_input"]
    assert (model(x) == model(x * [1, -1])).all()


# ---- Stopping --------------------------------------------------------------------------------------------------------


def test_no_steps(data):
    model = KAN([2, 3, 1])
    before = state_of(model)
    result = model.fit(data, steps=0)
    assert result.steps == 0 and result.status == "ok" and len(result["train_loss"]) == 0
    assert (state_of(model) == before).all() and repr(result)


def test_a_callback_stops(data):
    seen = []

    def stop(step):
        assert isinstance(step, Step) and step.model is model and step.steps == 50
        assert np.isfinite([step.train_loss, step.test_loss, step.reg]).all() and repr(step)
        seen.append(step.train_loss)
        return step.step == 4

    model = KAN([2, 3, 1])
    result = model.fit(data, steps=50, callbacks=[stop, lambda step: None])
    assert result.reason == "callback" and result.steps == 4 and result.status == "ok"
    np.testing.assert_allclose(seen, result["train_loss"])


def test_patience_restores_the_best(data):
    """A network far too rich for few noisy samples: its test loss rises, and the best parameters come back."""
    random = np.random.RandomState(0)
    x, xt = random.rand(40, 2), random.rand(200, 2)
    y, yt = (np.sin(5 * v[:, :1]) + 0.5 * random.randn(len(v), 1) for v in (x, xt))
    model = KAN([2, 5, 1], grid=10)
    result = model.fit((x, y, xt, yt), steps=200, patience=5, update_grid=False)
    assert result.reason == "patience" and result.steps < 200
    assert result.best_step == int(np.argmin(result["test_loss"])) < result.steps - 1
    assert rmse(model, xt, yt) == pytest.approx(result["test_loss"].min(), rel=1e-9)


def test_min_delta_asks_for_more(data):
    patient = KAN([2, 5, 1]).fit(data, steps=60, patience=3, update_grid=False)
    strict = KAN([2, 5, 1]).fit(data, steps=60, patience=3, min_delta=0.05, update_grid=False)
    assert strict.steps < patient.steps


def test_convergence():
    x = np.linspace(-1, 1, 50)[:, None]
    result = KAN([1, 1], grid=3).fit((x, 0 * x), steps=1000, update_grid=False)
    assert result["train_loss"][-1] < 1e-6 and result.status == "ok"
    assert result.reason in ("converged", "steps") and (result.reason == "steps") == (result.steps == 1000)


def test_a_diverging_run_keeps_the_last_finite_parameters(data):
    model = KAN([2, 3, 1])
    with pytest.warns(RuntimeWarning, match="finite.*smaller lr"):
        result = model.fit(data, opt="SGD", lr=1e200, steps=50)
    assert result.status == result.reason == "diverged" and result.steps < 50
    assert np.isfinite(state_of(model)).all() and np.isfinite(model(data["test_input"])).all()
    assert model.fit(data, steps=3).status == "ok"


@pytest.mark.parametrize("opt, more", [("LBFGS", {}), ("Adam", dict(lr=1e-3)), ("Adam", dict(lr=1e-3, batch=100))])
def test_ctrl_c(opt, more):
    """KeyboardInterrupt within 0.2 s of the signal, however long a step is, and a model that can be used."""
    random = np.random.RandomState(0)
    x = random.rand(100_000, 4)
    y = np.sin(x.sum(axis=1, keepdims=True))
    model = KAN([4, 10, 10, 1], grid=10)
    sent = []

    def interrupt():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.5, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit((x, y), opt=opt, steps=100_000, **more)
    took = time.perf_counter() - sent[0]
    timer.join()
    assert took < 0.5  # 0.2 s, and leave for a machine that is busy with other things
    assert np.isfinite(state_of(model)).all() and np.isfinite(model(x[:5])).all()
    assert model.fit((x[:100], y[:100]), steps=2).status == "ok"


def test_an_exception_in_a_callback(data):
    model = KAN([2, 3, 1])

    def broken(step):
        raise LookupError("from the callback")

    with pytest.raises(LookupError, match="from the callback"):
        model.fit(data, steps=5, callbacks=broken)
    assert np.isfinite(state_of(model)).all() and model.fit(data, steps=2).status == "ok"


# ---- Batches ---------------------------------------------------------------------------------------------------------


def test_batches_are_of_the_seed(data):
    runs = [KAN([2, 3, 1]).fit(data, opt="Adam", lr=0.01, steps=20, batch=32, seed=s)["train_loss"] for s in (5, 5, 6)]
    assert (runs[0] == runs[1]).all() and (runs[0] != runs[2]).any()


def test_epochs_see_every_sample_once():
    """With SGD of a model that is linear in what is trained and a tiny step, an epoch's sum of steps is that of all samples."""
    x = np.random.RandomState(0).rand(103, 2)
    y = np.sin(x.sum(axis=1, keepdims=True))
    seen = []

    def loss(prediction, label):
        seen.append(label.ravel())
        error = prediction - y[label.ravel()]
        return (error**2).mean(), 2 * error / error.size

    KAN([2, 3, 1]).fit((x, np.arange(103)), opt="SGD", lr=0.01, epochs=2, batch=10, loss_fn=loss)
    batches = [part for part in seen if part.size <= 10]
    assert len(batches) == 22
    for epoch in (batches[:11], batches[11:]):
        assert sorted(np.concatenate(epoch).tolist()) == list(range(103))
    assert np.concatenate(batches[:11]).tolist() != np.concatenate(batches[11:]).tolist()


def test_epochs_train(data):
    result = KAN([2, 5, 1], grid=5).fit(data, opt="Adam", lr=0.02, epochs=60, batch=32)
    assert len(result["train_loss"]) == 60 and result["test_loss"][-1] < 0.15


def test_a_batch_larger_than_the_data_is_all_of_it(data):
    one = KAN([2, 3, 1]).fit(data, opt="Adam", lr=0.01, steps=5, batch=10_000)
    other = KAN([2, 3, 1]).fit(data, opt="Adam", lr=0.01, steps=5)
    np.testing.assert_allclose(one["train_loss"], other["train_loss"], rtol=1e-12)


def test_sample_weights(data):
    """Weights of 0 take samples away, whole numbers repeat them."""
    x, y = data["train_input"][:60], data["train_label"][:60]
    weight = np.random.RandomState(0).randint(0, 3, 60)
    weighted, repeated = KAN([2, 3, 1]), KAN([2, 3, 1])
    weighted.fit((x, y), opt="Adam", lr=0.02, steps=20, sample_weight=weight, update_grid=False)
    repeated.fit((np.repeat(x, weight, axis=0), np.repeat(y, weight, axis=0)), opt="Adam", lr=0.02, steps=20, update_grid=False)
    np.testing.assert_allclose(weighted(x), repeated(x), atol=1e-9)


def test_validation_split(data):
    x, y = data["train_input"], data["train_label"]
    model = KAN([2, 3, 1])
    result = model.fit((x, y), steps=5, validation_split=0.25, seed=3)
    order = np.random.RandomState(3).permutation(300)
    held = np.sort(order[:75])
    assert model.cache_data.shape == (225, 2)
    assert result["test_loss"][-1] == pytest.approx(rmse(model, x[held], y[held]), rel=1e-9)
    weighted = KAN([2, 3, 1]).fit((x, y), steps=2, validation_split=0.25, sample_weight=np.arange(300.0), seed=3)
    assert (weighted["test_loss"] != result["test_loss"][:2]).all()


# ---- Schedules, metrics, what is shown -------------------------------------------------------------------------------


def test_schedules(data):
    plain = KAN([2, 3, 1]).fit(data, opt="SGD", lr=0.01, steps=8, update_grid=False)
    constant = KAN([2, 3, 1]).fit(data, opt="SGD", lr=0.02, steps=8, update_grid=False, lr_schedule=lambda step: 0.5)
    np.testing.assert_allclose(plain["train_loss"], constant["train_loss"], rtol=1e-12)
    frozen = KAN([2, 3, 1]).fit(data, opt="SGD", lr=0.01, steps=8, update_grid=False, lr_schedule=lambda step: float(step < 3))
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
    with pytest.raises(ImportError, match="pip install tqdm, or use verbose=2"):
        KAN([2, 3, 1]).fit(data, steps=1, verbose=1)


def test_training_in_training(data):
    """A callback may use the model, even refine it."""
    sizes = []

    def look(step):
        sizes.append(step.model.refine(6).grid)
        step.model.get_act(data["test_input"])

    model = KAN([2, 3, 1])
    assert model.fit(data, steps=2, callbacks=look).status == "ok" and sizes == [6, 6]


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
