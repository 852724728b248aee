"""Prediction: against plain NumPy for every kind of network, and from everything array-like."""

import naive
import numpy as np
import pytest
from helpers import NETWORKS, TAME, random_network, relative, samples

from swiftkan import KAN, MultKAN


@pytest.mark.parametrize("kind", NETWORKS)
def test_output_and_everything_inside(kind):
    model = random_network(NETWORKS[kind])
    x, _ = samples(model, n=50)
    output, inside = naive.forward(model, x)
    assert relative(model(x), output) <= 1e-12
    for name in ("acts", "acts_premult", "spline_postacts", "spline_postsplines"):
        ours = getattr(model, name)
        assert len(ours) == len(inside[name])
        for l, theirs in enumerate(inside[name]):
            assert relative(ours[l], theirs, floor=1e-3) <= 1e-12, (name, l)
    for l in range(model.depth):
        preacts = np.broadcast_to(inside["acts"][l][:, None, :], inside["numerical"][l].shape)
        assert relative(model.spline_preacts[l], preacts) <= 1e-12
        for name, values in (("edge_actscale", inside["spline_postacts"][l]), ("subnode_actscale", inside["sums"][l])):
            assert relative(getattr(model, name)[l], values.std(axis=0, ddof=1), floor=1e-3) <= 1e-11, name
        spread = preacts.std(axis=0, ddof=1) + 0.1
        assert (
            relative(model.acts_scale[l], inside["spline_postacts"][l].std(axis=0, ddof=1) / spread, floor=1e-3)
            <= 1e-11
        )
        assert (
            relative(model.acts_scale_spline[l], inside["numerical"][l].std(axis=0, ddof=1) / spread, floor=1e-3)
            <= 1e-11
        )


@pytest.mark.parametrize("k", [7, 10])
def test_high_degrees(k):
    model = random_network(dict(width=[2, 3, 1], grid=6, k=k))
    x, _ = samples(model, n=50)
    assert relative(model(x), naive.forward(model, x)[0]) <= 1e-10


@pytest.mark.parametrize("name", TAME)
def test_each_symbolic_function(name):
    model = KAN([1, 1])
    model.symbolic_fun[0].set_function(0, 0, name)
    model.symbolic_fun[0].affine[0, 0] = 0.5, 0.45, 1.5, -0.3
    model.symbolic_fun[0].mask[0, 0] = 1
    model.act_fun[0].mask[0, 0] = 0
    x = np.linspace(-0.7, 0.9, 40)[:, None]
    theirs = 1.5 * naive.FUNCTIONS[name](0.5 * x + 0.45) - 0.3
    assert relative(model(x), theirs) <= 1e-13
    model.symbolic_enabled = False
    assert not model(x).any()


def test_singularity_avoiding_bounds_poles():
    model = KAN([1, 1])
    model.symbolic_fun[0].set_function(0, 0, "1/x^2")
    model.symbolic_fun[0].affine[0, 0] = 1, 0, 1, 0
    model.symbolic_fun[0].mask[0, 0] = 1
    model.act_fun[0].mask[0, 0] = 0
    x = [[0.0], [0.01], [2.0]]
    assert model(x)[1, 0] == pytest.approx(1e4)
    np.testing.assert_allclose(model.forward(x, singularity_avoiding=True, y_th=50.0)[:, 0], [50, 50, 0.25])


def test_masked_symbolic_edges_are_not_evaluated():
    """0·log(negative) is NaN, and must not happen where the mask is 0."""
    model = KAN([2, 2, 1])
    before = model([[-0.5, 0.5]])
    model.symbolic_fun[0].set_function(0, 0, "log")
    model.symbolic_fun[0].affine[...] = 1
    assert (model([[-0.5, 0.5]]) == before).all()


class Tensor:
    """What torch's tensors look like from outside."""

    def __init__(self, values):
        self._values = np.asarray(values)

    def detach(self):
        return self

    def cpu(self):
        return self

    def __array__(self, dtype=None, copy=None):
        return self._values if dtype is None else self._values.astype(dtype)


X = np.random.RandomState(0).rand(6, 3)


@pytest.mark.parametrize(
    "x",
    [
        X.tolist(),
        tuple(map(tuple, X)),
        np.asfortranarray(X),
        np.repeat(X, 2, axis=0)[::2],
        np.concatenate([X, X], axis=1)[:, ::1][:, :3],
        X.astype(">f8"),
        Tensor(X),
        X.astype(object),
        X.view(np.ndarray),
        np.ma.masked_array(X),
    ],
    ids=[
        "lists",
        "tuples",
        "fortran",
        "strided rows",
        "strided columns",
        "big-endian",
        "tensor",
        "objects",
        "view",
        "unmasked",
    ],
)
def test_the_same_numbers_in_any_clothes(x):
    model = KAN([3, 4, 2])
    assert (model.predict(x) == model.predict(X)).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.int64, np.uint16, bool, np.longdouble])
def test_other_types_of_numbers(dtype):
    model = KAN([3, 4, 2])
    x = (X * 3).astype(dtype)
    assert (model(x) == model(x.astype(np.float64))).all()


def test_pandas_frames():
    pandas = pytest.importorskip("pandas")
    model = KAN([3, 4, 2])
    frame = pandas.DataFrame(X, columns=list("abc"))
    assert (model(frame) == model(X)).all()
    frame["c"] = frame["c"] > 0.5  # columns of several types
    assert (model(frame) == model(np.column_stack([X[:, :2], X[:, 2] > 0.5]))).all()


def test_rows_and_higher_ranks():
    model = KAN([3, 4, 2])
    assert (model(X[0]) == model(X)[0]).all() and model(X[0]).shape == (2,)
    assert (model(X.reshape(2, 3, 3)) == model(X).reshape(2, 3, 2)).all()
    assert model(np.zeros((0, 3))).shape == (0, 2)
    assert model(np.zeros((2, 0, 3))).shape == (2, 0, 2)
    assert KAN([1, 1])([0.5]).shape == (1,)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype(dtype):
    model = KAN([3, 4, 2], dtype=dtype)
    assert model.dtype == dtype and model(X).dtype == dtype and model.state_dict()["act_fun.0.coef"].dtype == dtype
    assert (
        model.dtype == KAN([3, 4, 2], dtype=np.dtype(dtype).type).dtype == KAN([3, 4, 2], dtype=np.dtype(dtype)).dtype
    )


def test_float32_is_float64_to_rounding():
    for kind in ("deep", "products of all kinds", "k=2"):
        exact = random_network(NETWORKS[kind])
        model = KAN(**{**NETWORKS[kind], "dtype": "float32"})
        model.load_state_dict(exact.state_dict())
        model._set_function_names(exact._function_names())
        x, _ = samples(model, n=40)
        assert relative(model(x), exact(x)) <= 2e-5


@pytest.mark.parametrize("kind", ["plain", "products of all kinds", "k=0", "k=1"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_does_not_depend_on_its_batch(kind, dtype):
    model = random_network(NETWORKS[kind], dtype=dtype)
    x, _ = samples(model, n=1037)
    together = model(x)
    for rows in (slice(0, 1), slice(5, 6), slice(1030, 1037), slice(3, 700)):
        assert (model(x[rows]) == together[rows]).all()
    order = np.random.RandomState(0).permutation(1037)
    assert (model(x[order]) == together[order]).all()


def test_not_a_number_stays_in_its_row():
    model = KAN([3, 4, 2])
    x = X.copy()
    x[2, 1] = np.nan
    assert np.isnan(model(x)[2]).all()
    assert (np.delete(model(x), 2, axis=0) == np.delete(model(X), 2, axis=0)).all()


@pytest.mark.parametrize("value", [1e300, -1e300, np.inf, -np.inf])
def test_far_outside_the_grid(value):
    """Beyond the knots the splines are 0 and the base function is left: finite for finite input."""
    model = KAN([1, 1])
    with np.errstate(all="ignore"):
        y = model([[value], [0.1]])
    assert np.isfinite(y[0, 0]) or not np.isfinite(value)
    assert y[1, 0] == model([0.1])[0]
    far = model([[50.0]])[0, 0]
    assert far == pytest.approx(model.act_fun[0].scale_base[0, 0] * 50.0 * model.act_fun[0].mask[0, 0])


def test_chosen_inputs():
    model = KAN([2, 3, 1])
    x = np.random.RandomState(0).rand(10, 5)
    plain = model(x[:, [4, 1]])
    model.input_id = [4, 1]
    assert model.input_width == 5
    assert (model(x) == plain).all()
    gradients, grad_x = model.vjp(x, np.ones((10, 1)))
    assert grad_x.shape == (10, 5) and not grad_x[:, [0, 2, 3]].any() and grad_x[:, [1, 4]].all()
    with pytest.raises(ValueError, match="takes 5 inputs"):
        model(x[:, [4, 1]])
    model.input_width = 7
    assert model(np.zeros((1, 7))).shape == (1, 1)
    assert model.clone().input_width == 7


def test_a_column_may_be_read_twice():
    model = KAN([2, 1])
    model.input_id = [0, 0]
    model.input_width = 1
    _, grad_x = model.vjp([[0.3]], [[1.0]])
    h = 1e-6
    assert grad_x[0, 0] == pytest.approx((model([[0.3 + h]])[0, 0] - model([[0.3 - h]])[0, 0]) / (2 * h), rel=1e-6)


def test_pykans_words():
    model = KAN([2, 3, 1])
    assert MultKAN is KAN and model.to("cpu") is model
    dataset = dict(test_input=X[:, :2], test_label=X[:, [2]])
    evaluation = model.evaluate(dataset)
    assert evaluation["test_loss"] == pytest.approx(np.sqrt(np.mean((model(X[:, :2]) - X[:, [2]]) ** 2)))
    assert evaluation["n_edge"] == 9 and evaluation["n_grid"] == 3
    assert [p.shape for p in model.get_params()] == [v.shape for v in model.state_dict().values()]
    model.auto_save = True
    assert model.speed() is model and not model.symbolic_enabled and not model.auto_save


def test_speed_warns_if_it_changes_the_function():
    model = KAN([1, 1])
    model.symbolic_fun[0].mask[0, 0] = 1
    with pytest.warns(UserWarning, match="symbolic edges"):
        model.speed()
