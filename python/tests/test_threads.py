"""Threads: the same bits however many there are, and models that are used by several at once."""

import threading

import numpy as np
import pytest
from helpers import NETWORKS, random_network

from swiftkan import KAN, get_num_threads, set_num_threads


@pytest.fixture(autouse=True)
def as_before():
    before = get_num_threads()
    yield
    set_num_threads(before)


def everything(kind, dtype):
    """All that is computed, for one network: a dict of arrays."""
    model = random_network(NETWORKS[kind], dtype=dtype)
    random = np.random.RandomState(0)
    x, y = 2 * random.rand(5000, model.width_in[0]) - 1, random.rand(5000, model.width_in[-1])
    out = {"forward": model(x)}
    value, gradients = model.value_and_grad(x, y, lamb=0.01)
    out["value"] = np.array(value)
    out.update({f"gradient of {name}": g for name, g in gradients.items()})
    out["gradient of x"] = model.vjp(x, y)[1]
    for metric in ("edge_forward_spline_n", "edge_backward", "node_backward"):
        out[metric] = np.array(model.reg(metric, x=x))
    out.update({f"edge_actscale {l}": scale for l, scale in enumerate(model.edge_actscale)})
    for opt, lr in (("LBFGS", 1.0), ("Adam", 0.01)):
        twin = model.clone()
        result = twin.fit((x, y), opt=opt, lr=lr, steps=3, lamb=0.001, batch=-1 if opt == "LBFGS" else 700)
        out[f"{opt} losses"] = result["train_loss"]
        out.update({f"{opt} {name}": values for name, values in twin.state_dict().items()})
    fine = model.refine(7, x)
    out.update({f"refined {name}": values for name, values in fine.state_dict().items()})
    return out


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", ["plain", "products of all kinds"])
def test_the_same_bits(kind, dtype):
    results = []
    for threads in (1, 2, 4):
        set_num_threads(threads)
        assert get_num_threads() == threads
        results.append(everything(kind, dtype))
    for name, value in results[0].items():
        for other in results[1:]:
            assert value.tobytes() == other[name].tobytes(), name


def run(*functions):
    """All at once; the first exception of any is raised."""
    errors = []

    def guarded(function):
        try:
            function()
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_two_models_at_once_are_as_one_by_one():
    x = np.random.RandomState(0).rand(500, 2)
    y = np.sin(3 * x[:, :1])
    alone = [KAN([2, 4, 1], seed=s) for s in (1, 2)]
    for model in alone:
        model.fit((x, y), steps=10)
    together = [KAN([2, 4, 1], seed=s) for s in (1, 2)]
    run(*(lambda m=m: m.fit((x, y), steps=10) for m in together))
    for one, other in zip(alone, together):
        assert (one(x) == other(x)).all()


def test_one_model_in_several_threads():
    x = np.random.RandomState(0).rand(500, 2)
    y = np.sin(3 * x[:, :1])
    model = KAN([2, 4, 1])
    run(*[lambda: model.fit((x, y), steps=5)] * 2, *[lambda: [model(x) for _ in range(20)]] * 2)
    assert np.isfinite(model(x)).all() and np.sqrt(np.mean((model(x) - y) ** 2)) < 0.1
