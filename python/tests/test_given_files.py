"""Files and pickles of models with functions that were given themselves.

What it must show: no process ever loads another function than the one that was saved, and none loses a model: what cannot be
found again is saved with a warning, and reading it says what to add.
"""

import copy
import importlib
import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from scipy import special
from test_files import header_with
from test_given_functions import X, fixed, square

from swiftkan import KAN, SYMBOLIC_LIB, _functions, _given, _references, add_symbolic, cpu_info

LAWS = "import numpy as np\ndef drag(t):\n    return t * np.abs(t)\nclass Laws:\n    @staticmethod\n    def cube(t):\n        return t * t * t\n"


def local(k):
    def law(t):
        return t**k

    return law


def ways(model, folder):
    """The model again, by every way there is."""
    path = str(folder / "model")
    model.save(path + ".npz")
    model.saveckpt(path)
    return [KAN.load(path + ".npz"), KAN.loadckpt(path), KAN.from_pykan(path), pickle.loads(pickle.dumps(model)), copy.deepcopy(model),
            copy.copy(model), model.compile(), pickle.loads(pickle.dumps(model.compile()))]  # fmt: skip


def elsewhere(folder, code):
    """What another process prints."""
    head = "import pickle, sys, numpy as np\nfrom swiftkan import KAN, SYMBOLIC_LIB, add_symbolic\nX = np.linspace(-1, 1, 200)[:, None]\n"
    tail = "\nsys.stdout.write('done')"
    path = os.pathsep.join([str(folder), *filter(None, sys.path)])
    # Builds differ by rounding, as NumPy's powers do, and an emulated processor is this process's alone.
    environment = {**os.environ, "PYTHONPATH": path, "SWIFTKAN_CPU": str(cpu_info()["build"])}
    done = subprocess.run([sys.executable, "-c", head + code + tail], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.stdout.endswith("done"), done.stderr
    return done.stdout.removesuffix("done")


@pytest.fixture
def laws(tmp_path, monkeypatch):
    """A module of the user's, of another name in each test."""
    (tmp_path / f"laws_of_{tmp_path.name}.py").write_text(LAWS)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(f"laws_of_{tmp_path.name}")
    del sys.modules[f"laws_of_{tmp_path.name}"]


# ---- Within the process ------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*is a lambda")
@pytest.mark.parametrize("fun", [np.sinh, special.expit, np.sinc, square, local(2), lambda t: t**3], ids=lambda fun: fun.__name__)
def test_every_copy_has_the_same_function(tmp_path, fun):
    model = fixed(fun)
    for again in ways(model, tmp_path):
        assert np.array_equal(again(X), model(X))


def test_versions_come_back(tmp_path):
    model = KAN([1, 1], auto_save=True, ckpt_path=str(tmp_path))
    with pytest.warns(UserWarning, match="saveckpt: the function of edge .* is a lambda"):
        model.fix_symbolic(0, 0, 0, lambda t: 5 * t, fit_params_bool=False)
    np.testing.assert_allclose(model.checkout("0.1")(X), 5 * X)


# ---- Names -------------------------------------------------------------------------------------------------------


def test_names():
    named = [(np.sinh, "numpy.sinh"), (np.abs, "numpy.absolute"), (np.sinc, "numpy.sinc"), (special.j0, "scipy.special.j0"),
             (square, "test_given_functions.square"), (_functions.evaluate, "swiftkan._functions.evaluate")]  # fmt: skip
    for fun, name in named:
        assert _references.reference(fun) == name
    main = local(2)
    main.__module__, main.__qualname__ = "__main__", "main"
    moved = local(2)
    moved.__module__, moved.__qualname__ = "test_given_functions", "square"
    for fun in (main, moved, local(1), lambda t: t, np.vectorize(abs), np.frompyfunc(abs, 1, 1), "abc".join, abs):
        assert _references.reference(fun) is None
    one, other = (_given.give(local(k)) for k in (1, 1))
    assert one != other and one.startswith("law-") and _references._RANDOM.fullmatch(one)


def test_a_name_that_was_taken_is_no_other_functions(laws, tmp_path):
    """Also where a module is loaded anew: models of the old function keep it, in files too."""
    old = laws.drag
    one = fixed(old)
    exec("def drag(t):\n    return -t", laws.__dict__)
    assert laws.drag is not old
    other = fixed(laws.drag)
    assert one.symbolic_fun[0].funs_name == [[f"{laws.__name__}.drag"]] != other.symbolic_fun[0].funs_name
    for model in (one, other):
        with pytest.warns(UserWarning, match="its module was loaded anew"):
            model.save(tmp_path / "m")
        np.testing.assert_array_equal(KAN.load(tmp_path / "m")(X), model(X))


def test_formulas_keep_apart_what_has_one_name():
    model = fixed(local(2), local(3), np.sin, "sin", np.cosh)
    x = np.random.RandomState(0).rand(20, 5)
    np.testing.assert_allclose(model.formula_function()(x), model(x), atol=1e-12)
    assert "cosh" in str(model.symbolic_formula()[0][0])


# ---- Warnings ----------------------------------------------------------------------------------------------------


def test_saving_what_cannot_be_found_again_warns_and_saves(tmp_path):
    model = fixed(lambda t: t**2, "sin")
    name = model.symbolic_fun[0].funs_name[0][0]
    said = f"the function of edge .0, 0, 0. is a lambda.*add_symbolic.'{name}', fun.*symbolic_fun.0..set_function.0, 0, 'mine'."
    for what, call in (("save", lambda: model.save(tmp_path / "m")), ("saveckpt", lambda: model.saveckpt(tmp_path / "m")), ("pickle", lambda: pickle.dumps(model))):
        with pytest.warns(UserWarning, match=f"{what}: {said}") as record:
            call()
        assert record[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning):
            model.save(tmp_path / "also where warnings are errors")
        assert KAN.load(tmp_path / "also where warnings are errors").width == model.width
        add_symbolic("mine of tests", lambda t: t**2)
        model.symbolic_fun[0].set_function(0, 0, "mine of tests")
        model.save(tmp_path / "m")
        fixed(np.sinh, special.j0, square, "sin").save(tmp_path / "m")
        fixed(lambda t: t).clone()
        copy.deepcopy(fixed(lambda t: t))
    del SYMBOLIC_LIB["mine of tests"]


def test_a_name_that_was_added_anew_warns(tmp_path):
    add_symbolic("anew of tests", lambda t: t)
    model = fixed("anew of tests")
    add_symbolic("anew of tests", lambda t: -t)
    with pytest.warns(UserWarning, match="'anew of tests' has been added anew since edge .0, 0, 0. was fixed"):
        model.save(tmp_path / "m")
    del SYMBOLIC_LIB["anew of tests"]


# ---- Other processes ---------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*is a lambda")
def test_another_lambda_is_never_taken_for_it(tmp_path):
    model = fixed(lambda t: t**2)
    model.save(tmp_path / "m.npz")
    model.saveckpt(tmp_path / "m")
    (tmp_path / "m.pickle").write_bytes(pickle.dumps(model))
    name = model.symbolic_fun[0].funs_name[0][0]
    code = f"""
KAN([1, 1]).fix_symbolic(0, 0, 0, lambda t: t, fit_params_bool=False)
loads = [lambda: KAN.load("m.npz"), lambda: KAN.loadckpt("m"), lambda: KAN.from_pykan("m"), lambda: pickle.load(open("m.pickle", "rb"))]
for load in loads:
    try:
        load()
    except ValueError as error:
        said = str(error)
        assert "there is no function {name!r} in this process" in said and "add_symbolic({name!r}, fun)" in said, said
        assert "damaged" not in said and "lambda" in said
    else:
        raise AssertionError
add_symbolic("{name}", lambda t: t**2)
for load in loads:
    np.testing.assert_allclose(load()(X), X**2)
"""
    elsewhere(tmp_path, code)


def test_functions_of_numpy_and_scipy_are_found(tmp_path):
    fixed(np.sinh, np.sinc, special.expit).save(tmp_path / "m.npz")
    code = """
x = np.random.RandomState(0).rand(9, 3)
model = KAN.load("m.npz")
from scipy.special import expit
np.testing.assert_allclose(model(x)[:, 0], np.sinh(x[:, 0]) + np.sinc(x[:, 1]) + expit(x[:, 2]))
assert len(SYMBOLIC_LIB) == 29
"""
    elsewhere(tmp_path, code)


def test_functions_of_modules(tmp_path, laws):
    """A pickle refers to them as pickles do; files say what to add, since they may not make anything run."""
    model = fixed(laws.drag, laws.Laws.cube)
    x = np.random.RandomState(0).randn(9, 2)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", model(x))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.save(tmp_path / "m.npz")
        (tmp_path / "m.pickle").write_bytes(pickle.dumps(model))
    code = f"""
x, y = np.load("x.npy"), np.load("y.npy")
try:
    KAN.load("m.npz")
except ValueError as error:
    assert "add_symbolic('{laws.__name__}.drag', fun), fun being {laws.__name__}.drag" in str(error), str(error)
else:
    raise AssertionError
assert "{laws.__name__}" not in sys.modules
np.testing.assert_array_equal(pickle.load(open("m.pickle", "rb"))(x), y)
np.testing.assert_array_equal(KAN.load("m.npz")(x), y)
"""
    elsewhere(tmp_path, code)
    code = f"""
import {laws.__name__} as laws
add_symbolic("{laws.__name__}.drag", laws.drag)
KAN([1, 1]).fix_symbolic(0, 0, 0, laws.Laws.cube, fit_params_bool=False)
np.testing.assert_array_equal(KAN.load("m.npz")(np.load("x.npy")), np.load("y.npy"))
"""
    elsewhere(tmp_path, code)


# ---- Old and hostile files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["anonymous", "anonymous_2", "sin_2", "J7"])
def test_old_names_are_asked_for(tmp_path, name):
    path = tmp_path / "m"
    fixed("sin").save(path)
    header_with(path, functions=[[[name]]])
    fixed(lambda t: t)
    with pytest.raises(ValueError, match=f"path: .* cannot be loaded yet: there is no function '{name}'.*add_symbolic.'{name}', fun"):
        KAN.load(path)


@pytest.mark.parametrize("name", ["pickle.loads", "os.system", "numpy.load", "numpy.add", "numpy.frexp", "numpy.abs", "scipy.special.no",
                                  "numpy.linalg.inv", "laws_that_are_not_there.f", "numpy.", ".", "numpy"])  # fmt: skip
def test_a_file_makes_nothing_run(tmp_path, name):
    path = tmp_path / "m"
    fixed("sin").save(path)
    header_with(path, functions=[[[name]]])
    with pytest.raises(ValueError, match="cannot be loaded yet: there is no function"):
        KAN.load(path)
