"""docs/hellokan.ipynb: its cells run in any Python, find the formula, and are those of the script that made it.

What it must get right first: the cells are executed as they are written in the file. Jupyter is not needed.
"""

import json
import pathlib
import runpy

import numpy as np
import pytest

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
FUNCTIONS = {(0, 0, 0): "sin", (0, 1, 0): "x^2", (1, 0, 0): "exp"}

pytest.importorskip("matplotlib")
pytest.importorskip("sympy")


@pytest.fixture(scope="module")
def cells():
    return json.loads((DOCS / "hellokan.ipynb").read_text(encoding="utf-8"))["cells"]


def code(cells, extra=True):
    """The code cells' texts; without ``extra`` those of pykan's notebook only."""
    mine = [cell for cell in cells if cell["cell_type"] == "code"]
    return ["".join(cell["source"]) for cell in mine if extra or "extra" not in cell["metadata"].get("tags", [])]


def rmse(names):
    model, data = names["model"], names["dataset"]
    return float(np.sqrt(np.mean((model.predict(data["train_input"]) - data["train_label"]) ** 2)))


def test_it_is_what_the_script_makes(cells):
    made = runpy.run_path(str(DOCS / "make_notebook.py"))["CELLS"]
    kinds = {"code": ("code", []), "extra": ("code", ["extra"]), "text": ("markdown", [])}
    here = [(cell["cell_type"], cell["metadata"].get("tags", []), "".join(cell["source"])) for cell in cells]
    assert here == [(*kinds[kind], text) for kind, text in made], "run docs/make_notebook.py"


@pytest.mark.parametrize("mode", ["auto", "manual"])
def test_pykans_cells(cells, mode, tmp_path, monkeypatch):
    """The tutorial as it is, cell by cell, with what it must show after each; nothing is written anywhere."""
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    error = None
    for text in code(cells, extra=False):
        before = error
        exec(compile(text.replace('mode = "auto"', f'mode = "{mode}"'), "hellokan.ipynb", "exec"), names)
        model, error = names["model"], rmse(names) if "dataset" in names else None
        if "lamb=0.001" in text:
            assert error < 2e-2
        elif text.startswith("model = model.prune()"):
            assert model.width == [[2, 0], [1, 0], [1, 0]] and error == pytest.approx(before, rel=0.01)
        elif "model.refine(10)" in text:
            assert model.grid == 10 and error <= 1.02 * before
        elif text.startswith("mode = "):
            assert before < 5e-4 and names["mode"] == mode
            assert {(l, i, j): model.symbolic_fun[l].funs_name[j][i] for l, i, j in FUNCTIONS} == FUNCTIONS
    assert error <= 1e-12
    assert str(names["ex_round"](names["model"].symbolic_formula()[0][0], 4)) == "1.0*exp(1.0*x_2**2 + 1.0*sin(3.1416*x_1))"
    constants = sorted(float(c) for c in names["model"].symbolic_formula()[0][0].atoms() if c.is_Float and abs(c) > 1e-9)
    np.testing.assert_allclose(constants, [1.0] * (len(constants) - 1) + [np.pi], rtol=1e-9)
    assert not list(tmp_path.iterdir())


def test_all_its_cells(cells, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for text in code(cells):
        exec(compile(text, "hellokan.ipynb", "exec"), names)
    best = names["table"].best
    assert str(best.formula) == "exp(x_2**2 + sin(pi*x_1))" and best.loss < 1e-12
    assert set(FUNCTIONS.values()) <= set(best.functions.values())  # rounding may leave a second hidden node, which adds nothing


def test_what_it_shows(cells):
    """The outputs that are stored: pictures as vectors, small errors, the formula."""
    data = [output.get("data", {}) for cell in cells if cell["cell_type"] == "code" for output in cell["outputs"]]
    pictures = ["".join(each["image/svg+xml"]) for each in data if "image/svg+xml" in each]
    assert len(pictures) == 4 and all("<path" in each and "<image" not in each and len(each) < 60_000 for each in pictures)
    texts = ["".join(each.get("text/plain", "")) for each in data]
    assert "1.0*exp(1.0*x_2**2 + 1.0*sin(3.1416*x_1))" in texts and texts[-1] == "exp(x_2**2 + sin(pi*x_1))"
    assert all(cell["execution_count"] for cell in cells if cell["cell_type"] == "code")
    assert not any(output["output_type"] == "error" for cell in cells if cell["cell_type"] == "code" for output in cell["outputs"])


def test_pykans_import_paths():
    import swiftkan
    import swiftkan.utils

    assert all(getattr(swiftkan.utils, name) is getattr(swiftkan, name) for name in swiftkan.utils.__all__)
    names: dict = {}
    exec("from swiftkan import *", names)
    assert {"KAN", "MultKAN", "KANLayer", "create_dataset", "add_symbolic", "ex_round", "fit_params", "SYMBOLIC_LIB"} < set(names)
    assert names["np"] is np and names["KAN"] is swiftkan.KAN
