"""Packages beyond NumPy that are missing.

What it must show: swiftkan imports and trains with NumPy alone, and what needs more says what, and how to get it, before any work.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import swiftkan
from swiftkan import KAN, add_symbolic, augment_input, ex_round, get_feynman_dataset
from swiftkan._optional import PACKAGES, need

X = np.random.RandomState(0).rand(60, 2)
DATA = (X, X[:, [0]] + 0.1 * X[:, [1]])


def symbolic():
    model = KAN([2, 1], seed=0)
    for i in (0, 1):
        model.fix_symbolic(0, i, 0, "x", fit_params_bool=False)
    return model


def sine():
    name = "a sine of one's own"
    add_symbolic(name, np.sin)
    try:
        return swiftkan.SYMBOLIC_LIB[name].sympy_fun(1)
    finally:
        del swiftkan.SYMBOLIC_LIB[name]


MISSING = {
    "symbolic_formula": ("sympy", lambda: symbolic().symbolic_formula()),
    "formula_latex": ("sympy", lambda: symbolic().formula_latex()),
    "formula_function": ("sympy", lambda: symbolic().formula_function()),
    "symbolic_search": ("sympy", lambda: KAN([2, 1]).symbolic_search(DATA)),
    "ex_round": ("sympy", lambda: ex_round(1.5, 2)),
    "augment_input": ("sympy", lambda: augment_input([], [], X)),
    "get_feynman_dataset": ("sympy", lambda: get_feynman_dataset(3)),
    "a function's SymPy form": ("sympy", lambda: swiftkan.SYMBOLIC_LIB["sin"].sympy_fun(1)),
    "an added function's SymPy form": ("sympy", sine),
    "plot": ("matplotlib", lambda: KAN([2, 1]).plot()),
    "get_fun": ("matplotlib", lambda: KAN([2, 1]).get_fun(0, 0, 0, plot=True, x=X)),
    "fit(save_fig=True)": ("matplotlib", lambda: KAN([2, 1]).fit(DATA, steps=1, save_fig=True)),
    "fit(verbose=1)": ("tqdm", lambda: KAN([2, 1]).fit(DATA, steps=1, verbose=1)),
    "predict_interval": ("scipy", lambda: trained().predict_interval(X)),
}


def trained():
    model = KAN([2, 1], seed=0)
    model.fit(DATA, steps=5, opt="LM")
    return model


EXTRAS = {  # package: (extra, what that asks for)
    "matplotlib": ("plot", "matplotlib"), "scipy": ("sklearn", "scikit-learn"),
    "sympy": ("sympy", "sympy"), "tqdm": ("progress", "tqdm"),
}  # fmt: skip


@pytest.mark.parametrize("what", MISSING)
def test_what_is_missing_and_how_to_get_it(what, monkeypatch):
    package, call = MISSING[what]
    for name in [package, *(name for name in sys.modules if name.startswith(package + "."))]:
        monkeypatch.setitem(sys.modules, name, None)
    name, command = PACKAGES[package]
    with pytest.raises(ImportError) as caught:
        call()
    assert str(caught.value).endswith(f" needs {name}, which is not installed: {command}")
    assert caught.value.__suppress_context__, "one error, not two"


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_to_be_installed_is_right(package):
    """The message names the package, and the extra that should bring it does; SciPy comes with scikit-learn."""
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]
    extra, brings = EXTRAS[package]
    assert PACKAGES[package][1] == f"pip install {package}"
    assert any(line.startswith(f"{brings}>=") for line in project["optional-dependencies"][extra])
    assert extra in re.findall(r"\w+", project["optional-dependencies"]["all"][0])


def test_a_broken_package_is_not_called_missing(monkeypatch, tmp_path):
    (tmp_path / "tqdm.py").write_text("import a_package_that_nobody_has")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tqdm", raising=False)
    with pytest.raises(ImportError, match="a_package_that_nobody_has"):
        need("tqdm", "a test")


def test_numpy_is_enough():
    """The README's example without any other package, up to where the formula is asked for."""
    code = (
        "import sys\n"
        "for name in ('matplotlib', 'scipy', 'sympy', 'tqdm', 'sklearn', 'pandas', 'yaml', 'torch'): sys.modules[name] = None\n"
        "import numpy as np\nfrom swiftkan import *\n"
        "data = create_dataset(lambda x: np.sin(3 * x[:, [0]]) + x[:, [1]] ** 2, n_var=2, train_num=200)\n"
        "model = KAN([2, 2, 1], seed=0)\nmodel.fit(data, steps=10, lamb=1e-3)\nmodel = model.prune().refine(6)\n"
        "model.fit(data, steps=10)\nmodel.auto_symbolic(lib=['x', 'x^2', 'sin'])\nmodel.fit(data, steps=10)\n"
        "repr(model), model._repr_html_(), model.attribute(1, 0)\n"
        "try: model.symbolic_formula()\nexcept ImportError as error: print(error)\n"
    )
    package = str(Path(swiftkan.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": package}
    done = subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True, text=True)
    assert done.stdout == "symbolic_formula() needs SymPy, which is not installed: pip install sympy\n"
