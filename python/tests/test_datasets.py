"""Data sets: pykan's inputs bit for bit, and no global generator."""

import numpy as np
import pytest
import sympy

from swiftkan import KAN, augment_input, create_dataset, create_dataset_from_data


def product(x):
    return x[:, [0]] * x[:, [1]]


@pytest.mark.parametrize("seed", [0, 1, 42, 2**32 - 1])
@pytest.mark.parametrize("train, test", [(10, 7), (1000, 1000), (1, 3)])
def test_inputs_are_torchs_bit_for_bit(seed, train, test):
    """The raw words of the Mersenne Twister, which NumPy gives too: of a float64 the low 53 bits of two, of a float32
    the low 24 of
    one (torch's aten/src/ATen/core/TransformationHelper.h)."""
    stream = np.random.RandomState(seed)
    data = create_dataset(product, n_var=2, train_num=train, test_num=test, seed=seed)
    for i in range(2):
        for part, n in (("train_input", train), ("test_input", test)):
            words = np.frombuffer(stream.bytes(8 * n), "<u4").astype(np.uint64).reshape(n, 2)
            u = ((words[:, 0] << np.uint64(32) | words[:, 1]) & np.uint64(2**53 - 1)) * 2.0**-53
            assert (data[part][:, i] == u * 2 - 1).all()


def test_float32_inputs_are_torchs_bit_for_bit():
    stream = np.random.RandomState(3)
    data = create_dataset(product, n_var=2, train_num=50, test_num=20, ranges=[-1, 3], seed=3, dtype="float32")
    for i in range(2):
        for part, n in (("train_input", 50), ("test_input", 20)):
            words = np.frombuffer(stream.bytes(4 * n), "<u4")
            u = (words & np.uint32(2**24 - 1)).astype(np.float32) * np.float32(2.0**-24)
            assert data[part].dtype == np.float32 and (data[part][:, i] == u * np.float32(4) - np.float32(1)).all()


def test_pykans_first_numbers():
    """torch.manual_seed(0); torch.rand(2) is [0.4963, 0.7682] in float32."""
    data = create_dataset(lambda x: x, n_var=1, ranges=[0, 1], train_num=2, test_num=1, dtype="float32")
    np.testing.assert_allclose(data["train_input"][:, 0], [0.49625659, 0.76822180], rtol=1e-7)
    assert create_dataset(product)["train_input"][0].tolist() == [0.9401060036131061, 0.9796708649672705]


FORMS = {
    "columns": (product, "col"),
    "lazy columns": (lambda x: x[:, 0] * x[:, 1], "col"),
    "rows": (lambda x: x[0] * x[1], "row"),
    "rows as columns": (lambda x: (x[0] * x[1])[:, None], "row"),
    "lists": (lambda x: [float(a * b) for a, b in x], "col"),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_functions(form):
    f, mode = FORMS[form]
    data = create_dataset(f, f_mode=mode, train_num=20, test_num=10)
    x = data["train_input"]
    assert data["train_label"].shape == (20, 1) and data["test_label"].shape == (10, 1)
    np.testing.assert_allclose(data["train_label"], x[:, [0]] * x[:, [1]])


def test_several_outputs_and_ranges():
    data = create_dataset(lambda x: x[:, :2], n_var=3, ranges=[[0, 1], [5, 6], [-9, -8]], train_num=200)
    assert data["train_label"].shape == (200, 2)
    low, high = data["train_input"].min(axis=0), data["train_input"].max(axis=0)
    assert (low >= [0, 5, -9]).all() and (high <= [1, 6, -8]).all() and (high - low > 0.9).all()


def test_normalisation_is_of_the_training_data():
    plain = create_dataset(product, train_num=100)
    data = create_dataset(product, train_num=100, normalize_input=True, normalize_label=True)
    for what in ("input", "label"):
        mean, std = plain[f"train_{what}"].mean(axis=0), plain[f"train_{what}"].std(axis=0, ddof=1)
        for part in ("train", "test"):
            np.testing.assert_allclose(data[f"{part}_{what}"], (plain[f"{part}_{what}"] - mean) / std, atol=1e-13)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "constant",
    [
        lambda x: 0 * x[:, [0]] + 0.1,
        lambda x: np.stack([x[:, 0], 0 * x[:, 0] + 1 / 3], axis=1),
        lambda x: np.sin(x[:, [0]]) ** 2 + np.cos(x[:, [0]]) ** 2,
        lambda x: x[:, [0]] * 0 - 1e30,
        lambda x: 0 * x[:, [0]] + 0.7 * np.array([[0.0, 1.0]]),
    ],
)
def test_constants_cannot_be_normalised(constant, dtype):
    with pytest.raises(ValueError, match="normalize_label: column [01] is constant or not finite"):
        create_dataset(constant, n_var=1, normalize_label=True, dtype=dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_small_deviations_are_normalised(dtype):
    """A hundred times what rounding is."""
    data = create_dataset(lambda x: 1 + 200 * np.finfo(dtype).eps * x[:, [0]], n_var=1, normalize_label=True, dtype=dtype)
    assert data["train_label"].std() == pytest.approx(1, rel=0.01)


def test_a_deviation_beyond_the_dtype_is_refused():
    with pytest.raises(ValueError, match="normalize_label: column 0 is constant or not finite.*its standard deviation is inf"):
        create_dataset(lambda x: 1e200 * x[:, [0]], n_var=1, normalize_label=True)


@pytest.mark.parametrize("low, high, dtype", [(-1e308, 1e308, "float64"), (-2e38, 2e38, "float32"), (1e39, 2e39, "float32"), (-1e200, 0, "float32")])
def test_ranges_that_the_dtype_cannot_hold(low, high, dtype):
    with pytest.raises(ValueError, match="ranges: of variable 1 is .*, wider than float.. can hold"):
        create_dataset(product, ranges=[[0, 1], [low, high]], dtype=dtype)
    inside = create_dataset(product, ranges=[[0, 1], [low / 1e200, high / 1e200]], dtype=dtype)
    assert np.isfinite(inside["train_input"]).all()


def test_without_test_data_it_can_be_trained_on():
    data = create_dataset(product, train_num=20, test_num=0)
    assert set(data) == {"train_input", "train_label"}
    assert KAN([2, 1]).fit(data, steps=1).status == "ok"


def test_the_function_cannot_change_the_inputs():
    def greedy(x):
        x[:] = 0
        return x[:, :1]

    assert create_dataset(greedy)["train_input"].any()


def test_no_global_generator_is_touched():
    np.random.seed(7)
    before = np.random.get_state()[1].copy()
    create_dataset(product)
    create_dataset_from_data(np.zeros((10, 2)), np.zeros((10, 1)))
    assert (np.random.get_state()[1] == before).all()


def test_splitting_measurements():
    x, y = np.arange(40.0).reshape(20, 2), np.arange(20.0)[:, None]
    data = create_dataset_from_data(x, y, train_ratio=0.7, seed=5)
    np.random.seed(5)
    train = np.random.choice(20, 14, replace=False)
    assert (data["train_input"] == x[train]).all() and (data["train_label"] == y[train]).all()
    rest = sorted(set(range(20)) - set(train.tolist()))
    assert (data["test_input"] == x[rest]).all() and (data["test_label"] == y[rest]).all()
    classes = create_dataset_from_data(x.tolist(), list(range(20)))
    assert classes["train_label"].shape == (16,) and classes["train_label"].dtype.kind == "i"


# ---- Auxiliary inputs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_auxiliary_columns_come_first(dtype):
    m, v, c = sympy.symbols("m v c")
    data = create_dataset(product, n_var=3, ranges=(0.1, 1), train_num=30, test_num=10, dtype=dtype)
    before = {name: value.copy() for name, value in data.items()}
    result = augment_input([m, v, c], [v / c, sympy.exp(m) * 2, sympy.Integer(3)], data)
    for part in ("train_input", "test_input"):
        x = before[part]
        wanted = np.column_stack([x[:, 1] / x[:, 2], 2 * np.exp(x[:, 0]), np.full(len(x), 3), x])
        assert result[part].dtype == dtype and result[part].flags.c_contiguous
        np.testing.assert_allclose(result[part], wanted, rtol=10 * np.finfo(dtype).eps)
        assert (result[part][:, 3:] == x).all()
    assert all((data[name] == value).all() and data[name].shape == value.shape for name, value in before.items())
    assert result["train_label"] is data["train_label"]


def test_auxiliary_columns_of_an_array():
    a = sympy.Symbol("a")
    assert augment_input(a, a**2, [[1], [2]]).tolist() == [[1, 1], [4, 2]]
    assert augment_input([a], [], [[1], [2]]).tolist() == [[1], [2]]
    assert augment_input((a,), [1 / a], np.empty((0, 1))).shape == (0, 2)
    assert set(augment_input([a], [a], {"train_input": [[1.0]], "test_input": None})) == {"train_input", "test_input"}


def test_labels_of_numbers_become_a_column():
    x, y = np.random.RandomState(0).rand(20, 2), np.arange(20) / 20
    data = create_dataset_from_data(x, y, seed=3)
    expected = create_dataset_from_data(x, y[:, None], seed=3)
    assert all((data[key] == expected[key]).all() and data[key].shape == expected[key].shape for key in expected)
    assert KAN([2, 1]).fit(data, steps=1).status == "ok"
    for classes in (np.arange(20) % 2, np.arange(20) > 10):
        assert create_dataset_from_data(x, classes)["train_label"].shape == (16,)
    pandas = pytest.importorskip("pandas")
    assert create_dataset_from_data(pandas.DataFrame(x), pandas.Series(y), seed=3)["train_label"].shape == (16, 1)
