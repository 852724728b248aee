"""``swiftkan._core``: what it takes, what it refuses, and what its callbacks may do.

What it must get right: a refused argument is named in the message, and nothing was changed.
"""

import array
import gc
import sys

import numpy as np
import pytest
from core_models import EVALUATION, data, forward, make, objective, settings, state

from swiftkan import _core

DTYPES = [pytest.param("f8", id="float64"), pytest.param("f4", id="float32")]


# ---- Functions of the module ---------------------------------------------------------------------------------------


def test_functions_are_named_and_numbered():
    names = _core.functions()
    assert len(names) == len(set(names)) >= 29  # and those that other tests have added
    assert {"x", "x^2", "sin", "exp", "log", "0"} <= set(names)
    assert _core.ABI == 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_function_evaluate_gives_value_and_derivative(dtype):
    x = np.linspace(-2, 2, 41).astype(dtype)
    y, dy = np.empty_like(x), np.empty_like(x)
    _core.function_evaluate(_core.functions().index("sin"), x, y, dy, *EVALUATION)
    tolerance = 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(y, np.sin(x), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(dy, np.cos(x), rtol=tolerance, atol=tolerance)
    before = dy.copy()
    _core.function_evaluate(_core.functions().index("x^2"), x, y, None, *EVALUATION)
    np.testing.assert_allclose(y, x * x, rtol=tolerance)
    np.testing.assert_array_equal(dy, before)


@pytest.mark.parametrize(
    "function, y, dy, error, words",
    [
        (-1, np.empty(3), None, ValueError, "function"),
        (29, np.empty(3), None, ValueError, "function"),
        (2**70, np.empty(3), None, OverflowError, None),
        (0, np.empty(4), None, ValueError, "y has 4 elements; it must have 3"),
        (0, np.empty(3, "f4"), None, ValueError, "y has elements of type 'f'; they must be float64"),
        (0, np.empty(3), np.empty(2), ValueError, "dy has 2 elements"),
        (0, None, None, TypeError, "y must be an array"),
    ],
)
def test_function_evaluate_refuses(function, y, dy, error, words):
    with pytest.raises(error, match=words):
        _core.function_evaluate(function, np.zeros(3), y, dy, *EVALUATION)


@pytest.mark.parametrize("dtype", DTYPES)
def test_uniform_skips_draws(dtype):
    draws = 2 if dtype == "f8" else 1
    first, later = np.empty(100, dtype), np.empty(90, dtype)
    _core.uniform(7, 0, first)
    _core.uniform(7, 10 * draws, later)
    np.testing.assert_array_equal(first[10:], later)
    assert first.min() >= 0 and first.max() < 1 and len(np.unique(first)) == 100


@pytest.mark.parametrize(
    "seed, skip, out, error, words",
    [
        (-1, 0, np.empty(2), ValueError, "seed is -1"),
        (2**32, 0, np.empty(2), ValueError, "seed is 4294967296"),
        (0, -1, np.empty(2), ValueError, "skip"),
        (0, 0, np.empty(2, "i8"), ValueError, "out has elements of type 'l'|out has elements of type 'q'"),
        (0, 0, b"12345678", ValueError, "out must be a writable"),
    ],
)
def test_uniform_refuses(seed, skip, out, error, words):
    with pytest.raises(error, match=words):
        _core.uniform(seed, skip, out)


def test_threads_are_set_and_refused():
    before = _core.get_num_threads()
    assert before >= 1
    try:
        _core.set_num_threads(2)
        assert _core.get_num_threads() == 2
        for bad in (0, -3):
            with pytest.raises(ValueError, match="thread"):
                _core.set_num_threads(bad)
        assert _core.get_num_threads() == 2
    finally:
        _core.set_num_threads(before)


# ---- Making a model --------------------------------------------------------------------------------------------------


def test_blocks_tile_the_state_with_parameters_first():
    model = make()
    info, end, names = model.info(), 0, set()
    for name, offset, shape, trainable in model.blocks():
        assert offset == end, name
        end += int(np.prod(shape))
        assert isinstance(trainable, bool)
        assert offset < info["parameter_count"] or not trainable, name
        names.add(name)
    assert end == info["state_count"] == len(state(model))
    assert len(names) == len(model.blocks())
    assert {"act_fun.0.coef", "act_fun.1.grid", "symbolic_fun.0.mask"} <= names
    assert (info["depth"], info["input_count"], info["output_count"], info["dtype"]) == (2, 2, 1, 8)


@pytest.mark.parametrize(
    "changes, error, words",
    [
        ({"dtype": 5}, ValueError, "dtype"),
        ({"base_fun": 9}, ValueError, "base_fun"),
        ({"n_sum": [2, 3]}, ValueError, "n_sum has 2 numbers; it must have 3"),
        ({"n_sum": [2, -3, 1]}, ValueError, r"width\[1\] is \[-3, 2\]"),
        ({"n_sum": [0, 3, 1]}, ValueError, r"width\[0\]"),
        ({"n_sum": [2, 2**62, 1]}, (ValueError, MemoryError), None),
        ({"n_sum": [2**31, 2**31, 2**31], "n_mult": [0, 0, 0], "mult_arity": []}, (ValueError, MemoryError), None),
        ({"n_sum": [2, 2**70, 1]}, ValueError, r"n_sum\[1\] is 1180591620717411303424"),
        ({"n_sum": [2, 3.5, 1]}, TypeError, r"n_sum\[1\] is 3.5; it must be an integer"),
        ({"n_sum": 3}, TypeError, "n_sum must be a sequence"),
        ({"n_mult": [0, 2]}, ValueError, "n_mult has 2 numbers"),
        ({"n_mult": [0, -2, 0]}, ValueError, r"n_mult\[1\] is -2"),
        ({"n_mult": [2, 0, 0]}, ValueError, r"width\[0\] has 2 multiplication nodes"),
        ({"n_mult": [0, 2**62, 2**62]}, ValueError, "mult"),
        ({"mult_arity": [2]}, ValueError, "mult_arity has 1 numbers; it must have 2"),
        ({"mult_arity": [2, 0]}, ValueError, "arity"),
        ({"mult_arity": [2, 2**62]}, (ValueError, MemoryError), None),
        ({"grid": []}, ValueError, "grid is empty"),
        ({"grid": [5, 0]}, ValueError, "grid"),
        ({"grid": [5, 2**62]}, (ValueError, MemoryError), None),
        ({"k": [3]}, ValueError, "k has 1 numbers"),
        ({"k": [3, -1]}, ValueError, "k"),
        ({"k": [3, 1000]}, ValueError, "k"),
        ({"noise_scale": float("nan")}, ValueError, "noise_scale"),
        ({"grid_range": (1.0, 1.0)}, ValueError, "grid_range"),
        ({"grid_range": (0.0, float("inf"))}, ValueError, "grid_range"),
        ({"grid_range": (0.0,)}, TypeError, None),
        ({"grid_eps": float("nan")}, ValueError, "grid_eps"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"seed": 2**32}, ValueError, "seed is 4294967296"),
        ({"unknown": 1}, TypeError, "keyword"),
    ],
)
def test_model_refuses(changes, error, words):
    with pytest.raises(error, match=words):
        make(**changes)


def test_model_wants_every_keyword_and_no_position():
    for missing in settings():
        arguments = settings()
        del arguments[missing]
        with pytest.raises(TypeError, match=missing):
            _core.Model(**arguments)
    with pytest.raises(TypeError, match="positional"):
        _core.Model(8)


# ---- Memory ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size, format", [(8, "d"), (4, "f")])
def test_the_buffer_is_the_state_and_keeps_the_model(size, format):
    model = make(dtype=size)
    count = model.info()["state_count"]
    view = memoryview(model)
    assert (view.format, view.shape, view.strides, view.readonly) == (format, (count,), (size,), False)
    before = sys.getrefcount(model)
    array_ = np.frombuffer(model, format)
    assert sys.getrefcount(model) > before
    x = data(20, "f" + str(size))[0]
    expected = forward(model, x)
    del view
    array_ *= 1
    np.testing.assert_array_equal(forward(model, x), expected)
    array_[: model.info()["parameter_count"]] *= 0.5
    assert np.abs(forward(model, x) - expected).max() > 1e-3
    kept = array_.copy()
    del model
    gc.collect()
    make(dtype=size)  # would take freed memory
    np.testing.assert_array_equal(array_, kept)
    array_[:] = 0


def test_a_copy_shares_nothing():
    model = make()
    copy = model.copy()
    np.testing.assert_array_equal(state(copy), state(model))
    state(copy)[:] = 0
    assert np.any(state(model) != 0)


def test_flags_and_symbolic_functions_are_kept():
    model = make()
    model.set_flags(affine_trainable=True, sp_trainable=False, sb_trainable=True, symbolic_enabled=False, grid_eps=0.5)
    assert model.flags() == {"affine_trainable": True, "sp_trainable": False, "sb_trainable": True,
                             "symbolic_enabled": False, "grid_eps": 0.5}  # fmt: skip
    with pytest.raises(ValueError, match="grid_eps"):
        model.set_flags(affine_trainable=True, sp_trainable=True, sb_trainable=True, symbolic_enabled=True,
                        grid_eps=float("nan"))  # fmt: skip
    assert model.flags()["grid_eps"] == 0.5
    model.symbolic_set(0, 1, 7, 3)  # the last subnode: 3 sums, then 2 + 3 factors
    assert model.symbolic_get(0, 1, 7) == 3
    for place in [(-1, 0, 0), (2, 0, 0), (0, 2, 0), (0, 0, 8), (0, -1, 0), (0, 0, -1), (2**62, 2**62, 2**62)]:
        with pytest.raises(ValueError):
            model.symbolic_get(*place)
        with pytest.raises(ValueError):
            model.symbolic_set(*place, 0)
    with pytest.raises(ValueError, match="function"):
        model.symbolic_set(0, 0, 0, 29)


# ---- Buffers of the methods --------------------------------------------------------------------------------------------

N = 12
MISALIGNED = np.frombuffer(bytearray(8 * 2 * N + 1), "u1", offset=1).view("f8")
READ_ONLY = np.zeros(N)
READ_ONLY.flags.writeable = False
BAD_X = [
    (np.zeros((N, 2), "f4"), ValueError, "x has elements of type 'f'; they must be float64"),
    (np.zeros((N, 2), "i8"), ValueError, "x has elements of type"),
    (np.zeros((N, 2), ">f8"), ValueError, "x has elements of type '>d'"),
    (np.zeros((N, 2), "c16"), ValueError, "x has elements of type 'Zd'"),
    (np.zeros((N, 3)), ValueError, "x has 36 elements; it must have 24"),
    (np.zeros((0, 2)), ValueError, "x has 0 elements; it must have 24"),
    (np.zeros((N, 2), order="F"), ValueError, "x must be a C-contiguous array"),
    (np.zeros((N, 4))[:, ::2], ValueError, "x must be a C-contiguous array"),
    (MISALIGNED, ValueError, "x must be an aligned array"),
    (bytes(8 * 2 * N), ValueError, "x has elements of type 'B'"),
    ([[0.0, 0.0]] * N, TypeError, "x must be an array"),
    (None, TypeError, "x must be an array"),
]


@pytest.mark.parametrize("x, error, words", BAD_X)
def test_every_method_refuses_a_bad_x(x, error, words):
    model, out, parent = make(), np.zeros(N), make()
    count = np.zeros(model.statistics_count())
    calls = [
        lambda: model.forward(x, out, *EVALUATION),
        lambda: model.activations(x, N, 0, 2, out, *EVALUATION),
        lambda: model.statistics(x, N, *EVALUATION, count),
        lambda: model.loss_gradient(x, N, out, None, None, objective(), None, None, *EVALUATION),
        lambda: model.vjp(x, N, out, None, None, *EVALUATION),
        lambda: model.regularization(x, N, objective(), None, *EVALUATION),
        lambda: model.update_grid(x, N, *EVALUATION),
        lambda: model.refine([8, 8], x, N, *EVALUATION),
        lambda: model.initialize_from(parent, x, N, *EVALUATION),
        lambda: model.fit((N, x, out, None, None), None, {"steps": 0}, objective(), *EVALUATION, None, None, None,
                          *np.empty((3, 0))),
    ]  # fmt: skip
    before = state(model).copy()
    for call in calls:
        with pytest.raises(error, match=words):
            call()
    np.testing.assert_array_equal(state(model), before)


@pytest.mark.parametrize(
    "y, error, words",
    [
        (np.zeros(N, "f4"), ValueError, "y has elements of type 'f'"),
        (READ_ONLY, ValueError, "y must be a writable"),
        (np.zeros(2 * N)[::2], ValueError, "y must be a C-contiguous"),
        (None, TypeError, "y must be an array"),
    ],
)
def test_forward_refuses_a_bad_output(y, error, words):
    with pytest.raises(error, match=words):
        make().forward(np.zeros((N, 2)), y, *EVALUATION)


def test_forward_takes_what_has_the_right_elements():
    model, x = make(), data(N)[0]
    expected = forward(model, x)
    for source in (array.array("d", x.ravel()), memoryview(x), x.reshape(2, N), np.concatenate([[0.0], x.ravel()])[1:]):
        y = np.zeros((N, 1))
        model.forward(source, y, *EVALUATION)
        np.testing.assert_array_equal(y, expected)
    model.forward(np.empty((0, 2)), np.empty((0, 1)), *EVALUATION)


def test_counts_that_do_not_fit_are_refused():
    model, x = make(n_sum=[2, 3, 3]), data(N)[0]
    parameters = model.info()["parameter_count"]
    y, labels = np.zeros((N, 3)), np.zeros(N, "i8")
    with pytest.raises(ValueError, match="y has 5 elements; it must have a multiple of 3"):
        model.forward(x, np.empty(5), *EVALUATION)
    for n in (-1, -(2**63), 2**62, 2**63 - 1):
        with pytest.raises(ValueError, match=f"n is {n}"):
            model.update_grid(x, n, *EVALUATION)
        with pytest.raises(ValueError, match=f"n is {n}"):
            model.loss_gradient(x, n, y, None, None, objective(), None, None, *EVALUATION)
    bad = [
        (dict(y=np.zeros(N)), "y has 12 elements; it must have 36"),
        (dict(y=None, labels=labels[:-1]), "labels has 11 elements"),
        (dict(y=None, labels=labels.astype("i4")), "labels has elements of type 'i'; they must be int64"),
        (dict(weight=np.ones(N - 1)), "weight has 11 elements"),
        (dict(grad=np.zeros(parameters - 1)), "grad has"),
        (dict(grad=np.zeros(parameters, "f4")), "grad has elements of type 'f'"),
        (dict(grad_x=np.zeros((N, 3))), "grad_x has 36 elements; it must have 24"),
    ]
    for change, words in bad:
        arguments = {"x": x, "n": N, "y": y, "labels": None, "weight": None, "objective": objective(), "grad": None,
                     "grad_x": None, "avoid_singularities": False, "y_th": 10.0}  # fmt: skip
        with pytest.raises(ValueError, match=words):
            model.loss_gradient(**(arguments | change))
    for kind, l in [(-1, 0), (6, 0), (0, 3), (1, 2), (5, -1), (0, 2**62)]:
        with pytest.raises(ValueError, match="kind is|l is"):
            model.activations(x, N, kind, l, np.empty(N), *EVALUATION)
    with pytest.raises(ValueError, match="grid has 1 numbers; it must have 2"):
        model.refine([8], x, N, *EVALUATION)
    with pytest.raises(TypeError, match="Model"):
        model.initialize_from(None, x, N, *EVALUATION)


def test_activations_have_the_shapes_of_the_header():
    model, x = make(), data(N)[0]
    counts = {(0, 0): 2, (0, 1): 5, (0, 2): 1, (1, 0): 8, (1, 1): 1, (2, 0): 16, (3, 0): 16, (4, 1): 5, (5, 1): 5}
    for (kind, l), columns in counts.items():
        for wrong in (-1, 1):
            with pytest.raises(ValueError, match=f"out has {(columns * N) + wrong} elements; it must have {columns * N}"):
                model.activations(x, N, kind, l, np.empty(columns * N + wrong), *EVALUATION)
        out = np.full(columns * N, np.nan)
        model.activations(x, N, kind, l, out, *EVALUATION)
        assert np.all(np.isfinite(out)), (kind, l)
    outputs = np.empty((N, 1))
    model.activations(x, N, 0, 2, outputs, *EVALUATION)
    np.testing.assert_array_equal(outputs, forward(model, x))
