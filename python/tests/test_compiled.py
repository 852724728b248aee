"""model.compile(): the model's bits, no change afterwards, every shape of input, copies and threads."""

import copy
import pickle
import threading

import numpy as np
import pytest

from swiftkan import KAN, CompiledKAN

NETWORKS = {
    "small": dict(width=[2, 5, 1], grid=5),
    "float32": dict(width=[3, 4, 2], grid=4, dtype="float32"),
    "products": dict(width=[3, [2, 2], 2], mult_arity=3),
    "many outputs": dict(width=[7, 33, 16, 1], grid=6),
    "fine grid": dict(width=[2, 3, 1], grid=60),
    "k = 0": dict(width=[2, 3, 1], k=0),
    "k = 1": dict(width=[2, 3, 1], k=1),
    "k = 5": dict(width=[2, 20, 1], k=5),
}


def network(arguments, seed=3):
    model = KAN(**arguments, seed=seed, noise_scale=0.7)
    inputs = model.width_in[0]
    x = np.random.RandomState(seed).uniform(-1.5, 1.5, (300, inputs)).astype(model.dtype)
    return model, x


@pytest.mark.parametrize("arguments", NETWORKS.values(), ids=NETWORKS.keys())
def test_the_same_bits(arguments):
    model, x = network(arguments)
    model.act_fun[0].mask[0, 1] = 0
    model.node_scale[0][:] = 1.5
    f = model.compile()
    expected = model(x)
    assert f(x).dtype == model.dtype and (f(x) == expected).all()
    for row in (0, 7, 299):  # a row does not depend on its batch
        assert (f(x[row : row + 1]) == expected[row]).all()
        assert (f(x[row]) == expected[row]).all() and f(x[row]).shape == (model.width_in[-1],)
    assert (f(x.reshape(3, 100, -1)) == expected.reshape(3, 100, -1)).all()
    assert f(x[:0]).shape == (0, model.width_in[-1])
    assert (f(x[:5].tolist()) == f(np.asfortranarray(x[:5]))).all()


def test_it_does_not_follow_the_model():
    model, x = network(NETWORKS["small"])
    f, before = model.compile(), model(x)
    model.act_fun[0].coef[:] += 1
    model.act_fun[1].grid[:] *= 2
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
    model.symbolic_enabled = False
    assert (model(x) != before).any()
    assert (f(x) == before).all()
    del model
    assert (f(x) == before).all()


def test_symbolic_edges_and_poles():
    model, x = network(NETWORKS["small"])
    model.fix_symbolic(0, 0, 0, "1/x", fit_params_bool=False)
    x[0] = 0
    assert (model.compile()(x)[1:] == model(x)[1:]).all() and not np.isfinite(model.compile()(x)[0]).all()
    f = model.compile(singularity_avoiding=True, y_th=5.0)
    assert (f(x) == model(x, singularity_avoiding=True, y_th=5.0)).all() and np.isfinite(f(x)).all()


def test_selected_inputs():
    model, x = network(NETWORKS["small"])
    wide = np.hstack([x[:, 1:], x[:, :1] * 0 + np.nan, x[:, :1]])
    model.input_id = [2, 0]
    f = model.compile()
    assert f.input_width == 3 and (f(wide) == model(wide)).all()
    with pytest.raises(ValueError, match="takes 3 inputs.*2 of them are read"):
        f(x)


def test_copies():
    model, x = network(NETWORKS["small"])
    f = model.compile()
    assert isinstance(f, CompiledKAN) and repr(f) == "CompiledKAN(width=[2, 5, 1], grid=5, k=3, dtype=float64)"
    for twin in (pickle.loads(pickle.dumps(f)), copy.copy(f), copy.deepcopy(f)):
        assert (twin(x) == f(x)).all() and twin.dtype == f.dtype


def test_threads_share_one():
    model, x = network(NETWORKS["many outputs"])
    f = model.compile()
    expected, wrong = f(x), []

    def work():
        for row in range(len(x)):
            if (f(x[row : row + 1]) != expected[row]).any():
                wrong.append(row)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_engine_refuses_to_change_a_compiled_model():
    model, x = network(NETWORKS["small"])
    core = model._core.compile()
    calls = [
        lambda: core.update_grid(x, len(x), False, 10.0),
        lambda: core.symbolic_set(0, 0, 0, 1),
        lambda: core.set_flags(**core.flags()),
        lambda: core.initialize_from(model._core, x, len(x), False, 10.0),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="the model is compiled"):
            call()
