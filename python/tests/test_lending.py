"""Memory of large gradients and predictions: it comes back when nobody looks at it, and never before."""

import gc

import numpy as np
import pytest
from swiftkan import KAN, _lending


@pytest.fixture
def small(monkeypatch):
    """Arrays of any size are lent."""
    monkeypatch.setattr(_lending, "LARGE", 0)
    return KAN([2, 3, 1], seed=0)


def address(gradients):
    return min(array.ctypes.data for array in gradients.values())


X, Y = [[0.1, 0.2], [0.3, 0.4]], [[1.0], [2.0]]


def test_memory_comes_back(small):
    first = address(small.value_and_grad(X, Y)[1])
    gc.collect()
    assert address(small.value_and_grad(X, Y)[1]) == first


def test_what_is_kept_is_not_lent_again(small):
    _, gradients = small.value_and_grad(X, Y)
    before = {name: array.copy() for name, array in gradients.items()}
    one_block = gradients.pop("act_fun.0.coef")[1:].T  # a view of a view alone keeps the memory
    gradients.clear()
    _, others = small.value_and_grad(np.array(X) + 0.5, Y)
    np.testing.assert_array_equal(one_block, before["act_fun.0.coef"][1:].T)
    assert not np.shares_memory(one_block, others["act_fun.0.coef"])
    del others, one_block  # both come back, and one of them is kept
    gc.collect()
    assert len(small._gradient_memory._free) == 1


def test_an_error_takes_nothing_away(small):
    first, refused = address(small.value_and_grad(X, Y)[1]), False
    try:
        small.value_and_grad(X, [[np.nan], [1.0]])
    except ValueError:
        refused = True  # and the error has gone, with all that it held
    gc.collect()
    assert refused and address(small.value_and_grad(X, Y)[1]) == first


def test_a_loop_that_holds_the_last_gradient(small):
    seen = set()
    gradients = None
    for step in range(6):
        _, gradients = small.value_and_grad(np.array(X) + 0.1 * step, Y)
        seen.add(address(gradients))
    assert len(seen) == 2


def test_arrays_outlive_the_model(small):
    _, gradients = small.value_and_grad(X, Y)
    expected = {name: array.copy() for name, array in gradients.items()}
    del small
    gc.collect()
    for name, array in gradients.items():
        np.testing.assert_array_equal(array, expected[name])
        array[...] = 0  # the caller's own, to be written too


def test_gradients_are_the_same_with_and_without(small, monkeypatch):
    lent = [small.value_and_grad(X, Y)[1] for _ in range(2)] + [small.vjp(X, np.ones((2, 1)))[0]]
    monkeypatch.setattr(_lending, "LARGE", 1 << 40)
    plain = [small.value_and_grad(X, Y)[1] for _ in range(2)] + [small.vjp(X, np.ones((2, 1)))[0]]
    for a, b in zip(lent, plain):
        assert all(np.array_equal(a[name], b[name]) for name in b)


def test_memory_of_predictions_comes_back(small):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (3000, 2))
    first = small.predict(x)
    expected, place = first.copy(), first.ctypes.data
    row = first[7]  # a view keeps all of it
    del first
    second = small.predict(-x)
    assert second.ctypes.data != place
    np.testing.assert_array_equal(row, expected[7])
    del row, second
    gc.collect()
    place = small._result_memory._free[0].ctypes.data
    fewer = small.predict(x[:2000])
    assert fewer.shape == (2000, 1) and fewer.ctypes.data == place
    np.testing.assert_array_equal(fewer, expected[:2000])
    del fewer
    assert len(small._result_memory._free) == 1
    few = small.predict(x[:1200])  # less than half as many numbers would hold much for little
    assert len(small._result_memory._free) == 0
    np.testing.assert_array_equal(few, expected[:1200])
    del few
    assert [array.size for array in small._result_memory._free] == [1200]


def test_predictions_above_the_most_are_not_kept(small):
    small._result_memory._most = 8 * 2000
    few, many = small.predict(np.zeros((2000, 2))), small.predict(np.zeros((2001, 2)))
    few[...], many[...] = 1, 1
    del many
    assert len(small._result_memory._free) == 0
    del few
    assert len(small._result_memory._free) == 1


def test_predictions_of_any_shape_and_type(small):
    x = np.random.default_rng(1).uniform(-1, 1, (4, 500, 2))
    plain = np.array([small.predict(part) for part in x])
    lent = small.predict(x)
    np.testing.assert_array_equal(lent, plain)
    single = KAN([2, 3, 2], seed=0, dtype="float32").predict(x)
    assert single.dtype == np.float32 and single.shape == (4, 500, 2) and single.flags.writeable
