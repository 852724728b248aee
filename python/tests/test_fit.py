"""Training: what it returns, what it learns, and that its optimisers are what they say."""

import pickle

import numpy as np
import pytest

from swiftkan import KAN, FitResult, create_dataset


@pytest.fixture(scope="module")
def data():
    return create_dataset(
        lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2, train_num=300, test_num=100
    )


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


def test_losses_of_several_fits_joined_as_lists(data):
    model, losses = KAN([2, 1]), []
    for _ in range(2):
        losses += model.fit(data, steps=3, opt="Adam", lr=0.01)["train_loss"]
    assert len(losses) == 6 and all(type(loss) is float for loss in losses)
    course = model.fit(data, steps=3)["train_loss"]
    for plain in (course + 1, 1 + course, np.sqrt(course), course * np.ones(len(course)), np.array([1.0]) + course):
        assert type(plain) is np.ndarray and len(plain) == len(course)
    assert type(course.min()) is np.float64 and type(np.mean(course)) is np.float64 and type(course[0]) is np.float64
    assert repr(course[:1]) == repr(np.array(course[:1])) and pickle.loads(pickle.dumps(course)).tolist() == course.tolist()


def test_a_test_loss_that_is_not_finite_is_seen():
    x, x_test = np.linspace(0.1, 1, 100)[:, None], np.linspace(-0.2, 1, 50)[:, None]
    model = KAN([1, 1])
    model.fix_symbolic(0, 0, 0, "log", fit_params_bool=False)
    with pytest.warns(RuntimeWarning, match="the test loss is nan: the model has no finite value for some test sample"):
        result = model.fit((x, np.log(x), x_test, np.log(np.abs(x_test))), steps=5)
    assert "test_loss nan" in repr(result) and result.status == "ok"
    assert "test_loss" not in repr(model.fit((x, np.log(x)), steps=5))


def test_the_recorded_loss_is_that_of_the_accepted_point(data):
    model = KAN([2, 3, 1])
    result = model.fit(data, steps=3)
    assert result["train_loss"][-1] == pytest.approx(rmse(model, data["train_input"], data["train_label"]), rel=1e-9)


def test_lbfgs_never_goes_up(data):
    result = KAN([2, 5, 1]).fit(data, steps=20, update_grid=False)
    assert (np.diff(result["train_loss"]) <= 1e-12).all()


def test_the_level_of_pykans_tutorials():
    """[2, 1, 1] on exp(sin πx₁ + x₂²): about 1.4e-2 with G = 3, then 7e-4 with G = 10."""
    formula = lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2)  # noqa: E731
    data = create_dataset(formula, n_var=2, dtype="float32")
    model = KAN([2, 1, 1], grid=3, k=3, seed=1, dtype="float32")
    result = model.fit(data, opt="LBFGS", steps=20)
    assert result["train_loss"][-1] < 2e-2 and result["test_loss"][-1] < 2e-2
    model = model.refine(10)
    result = model.fit(data, opt="LBFGS", steps=20)
    assert result["train_loss"][-1] < 2e-3 and result["test_loss"][-1] < 2e-3


def test_hellokan():
    """The level of pykan's first tutorial, 1.9e-2 with G = 3; then a finer grid gains a factor of 1 to 100.

    Where L-BFGS ends is decided by rounding, so several starts that differ by 1e-13 are tried. Of 240 such starts one ended above 0.02,
    at 0.0204, 24 above 0.009 and half below 0.003.
    """
    data = create_dataset(lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2)
    ends = []
    for start in range(5):
        model = KAN([2, 5, 1], grid=3, k=3, seed=42)
        model.act_fun[0].coef *= 1 + 1e-13 * start
        coarse = model.fit(data, opt="LBFGS", steps=50, lamb=0.001)
        assert coarse["train_loss"][-1] < 3e-2 and coarse["test_loss"][-1] < 3e-2
        ends.append(model.refine(10).fit(data, opt="LBFGS", steps=50)["test_loss"][-1])
    assert max(ends) < 2.2e-2 and np.median(ends) < 9e-3 and min(ends) < 6e-3


@pytest.mark.parametrize(
    "form",
    [
        lambda d: d,
        lambda d: (d["train_input"], d["train_label"], d["test_input"], d["test_label"]),
        lambda d: [
            d["train_input"].tolist(),
            d["train_label"].tolist(),
            d["test_input"].tolist(),
            d["test_label"].tolist(),
        ],
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
        model.fit(
            (data["train_input"], data["train_label"]),
            opt="AdamW",
            lr=0.01,
            steps=1,
            weight_decay=decay,
            update_grid=False,
        )
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
