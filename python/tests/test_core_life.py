"""``_core`` among signals, threads, processes and many models.

What it must get right: Ctrl-C ends a fit within 0.2 s and leaves a usable model; waiting threads never stop the
interpreter; nothing leaks; a forked child can work.
"""

import gc
import os
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from core_models import ADAM, EVALUATION, LBFGS, OK, data, fit, forward, make, objective, state
from helpers import interrupted

X, Y = data()


@pytest.mark.parametrize("optimizer", [LBFGS, ADAM])
def test_ctrl_c_ends_a_fit_soon(optimizer):
    x, y = data(20_000)
    model = make()
    history = [np.empty(1000)] * 3
    options = {"optimizer": optimizer, "max_iter": 1_000_000, "max_eval": 1_000_000}  # one step would be long, too

    def fits():
        while True:  # L-BFGS may have converged before
            fit(model, x, y, 1000, options=options, history=history)

    assert interrupted(0.3, fits) < 0.2
    assert np.all(np.isfinite(forward(model, x)))
    assert fit(model, X, Y, 3)[0]["status"] == OK


def memory():
    """Resident memory in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.not_emulated("the emulator's own memory counts, too, and grows")
def test_memory_is_flat_over_200_models():
    x, y = data(200)

    def cycle():
        model = make(n_sum=[2, 20, 1], grid=[20, 20])
        fit(model, x, y, 2)
        fit(model, x, y, 2, options={"optimizer": LBFGS, "max_iter": 3})
        model.update_grid(x, 200, *EVALUATION)
        model.refine([22, 22], x, 200, *EVALUATION)
        model.copy()
        with pytest.raises(ValueError):
            model.update_grid(x, 100, *EVALUATION)
        with pytest.raises(ZeroDivisionError):
            fit(model, x, y, 2, step=lambda *progress: 1 / 0)
        fit(model, x, y, 1, loss=lambda is_test, prediction, index, rows, grad: 1.0)

    for _ in range(40):
        cycle()
    growth = []
    for _ in range(3):  # a leak grows every time, the allocator's own memory goes up and down by some MB
        gc.collect()
        before = memory()
        for _ in range(200):
            cycle()
        gc.collect()
        growth.append(memory() - before)
        if growth[-1] < 1_500_000:
            return
    raise AssertionError(f"200 models left {growth} bytes")


def test_references_are_given_back():
    """A view or a tuple that is not released keeps its array alive: count references around every kind of call."""
    model, x, y, labels = make(), *data(50), np.zeros(50, "i8")
    objects = [x, y, labels, grad := np.empty(model.info()["parameter_count"]), grad_x := np.empty_like(x)]
    wrong = np.empty(3)
    objects.append(wrong)
    gc.collect()
    before = [sys.getrefcount(o) for o in objects]
    for _ in range(20):
        model.forward(x, y.copy(), *EVALUATION)
        model.loss_gradient(x, 50, y, None, None, objective(), grad, grad_x, *EVALUATION)
        model.vjp(x, 50, y, grad, grad_x, *EVALUATION)
        model.regularization(x, 50, objective(), grad, *EVALUATION)
        for arguments in [(wrong, 50, y, None, None), (x, 50, wrong, None, None), (x, 50, y, wrong, None),
                          (x, 50, y, None, wrong), (x, 50, y, labels, y)]:  # fmt: skip
            with pytest.raises(ValueError):
                model.loss_gradient(*arguments, objective(), wrong, grad_x, *EVALUATION)
        with pytest.raises(ValueError):
            fit(model, x, y, 2, test=(50, x, wrong, None, None))
        with pytest.raises(ValueError):
            fit(model, x, y, 2, history=[wrong, wrong, wrong])
        fit(model, x, y, 1, test=(50, x, y, None, None))
    del arguments  # the loop's last
    gc.collect()
    assert [sys.getrefcount(o) for o in objects] == before


def run_threads(*functions):
    """Runs each function in a thread; raises what one raised; fails if one does not end."""
    errors = []

    def guarded(function):
        try:
            function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(f,), daemon=True) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "threads wait for each other"
    if errors:
        raise errors[0]


def test_two_threads_fit_two_models_as_one_after_the_other_would():
    expected = []
    for seed in (1, 2):
        model = make(seed=seed)
        fit(model, X, Y, 100)
        expected.append(state(model).copy())
    models = [make(seed=1), make(seed=2)]
    run_threads(*(lambda model=model: fit(model, X, Y, 100) for model in models))
    for model, values in zip(models, expected, strict=True):
        np.testing.assert_array_equal(state(model), values)


def test_two_threads_use_one_model():
    model = make()
    other = make(seed=5)

    def use():
        for _ in range(10):
            forward(model, X)
            model.flags()
            model.copy()
            model.symbolic_get(0, 0, 0)
            model.initialize_from(other, X, len(X), *EVALUATION)
            assert model.statistics_count() > 0

    def train(step=None):
        for _ in range(5):
            result, losses = fit(model, X, Y, 20, step=step)
            assert result["status"] == OK and np.all(np.isfinite(losses))

    # The callback gives the GIL away while its thread holds the model's lock.
    run_threads(use, train, lambda: train(lambda *progress: time.sleep(0.0005)), use)
    assert np.all(np.isfinite(forward(model, X)))


@pytest.mark.not_emulated("the emulator runs threads in turns of its own")
def test_other_threads_run_while_a_model_is_fitted():
    x, y = data(50_000)
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.002)

    def train():
        try:
            fit(make(), x, y, 20)
        finally:
            done.set()

    start = time.perf_counter()
    run_threads(tick, train)
    assert np.diff([start, *ticks]).max() < 0.15


FORK = """
    import faulthandler, os, sys, threading
    faulthandler.dump_traceback_later(60, exit=True)
    import numpy as np
    from core_models import data, fit, forward, make, state
    from swiftkan import _core

    def expect(name, model):
        fit(model, *data(5000), 5)
        if not np.array_equal(state(model), expected):
            raise SystemExit(f"the {name} got other numbers")

    def child(use):
        pid = os.fork()
        if pid == 0:
            try:
                use()
            except BaseException as error:
                sys.stderr.write(repr(error))
                os._exit(1)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0, "the child failed"

    _core.set_num_threads(2)
    model = make()
    fit(model, *data(5000), 5)
    expected = state(model).copy()
    old = make()
"""


def run_script(text):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])}
    script = textwrap.dedent(FORK) + textwrap.dedent(text)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=90,
                          env=environment)  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_fork_after_use():
    run_script("""
        child(lambda: (expect("child's old model", old), expect("child's new model", make())))
        expect("parent", make())
    """)


def test_fork_while_another_thread_fits():
    run_script("""
        stop = threading.Event()
        thread = threading.Thread(target=lambda: fit(model, *data(5000), 1_000_000, step=lambda *p: stop.is_set()))
        thread.start()
        try:
            for _ in range(5):
                child(lambda: (expect("child's old model", old.copy()), expect("child's new model", make())))
        finally:
            stop.set()
            thread.join()
        expect("parent", old)
    """)
