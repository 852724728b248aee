"""The examples in docstrings and documents run and print what they say."""

import doctest
import importlib
import pathlib
import pkgutil
import re

import pytest

import swiftkan

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = [
    "swiftkan",
    *(f"swiftkan.{module.name}" for module in pkgutil.iter_modules(swiftkan.__path__) if not module.name.startswith("_core")),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def public_methods():
    for name in dir(swiftkan.KAN):
        value = getattr(swiftkan.KAN, name)
        if not name.startswith("_") and callable(value):
            yield name, value


# Aliases, pykan's one-line words, and methods whose example is that of their counterpart.
SHORT = {
    "update_grid",
    "get_reg",
    "to",
    "speed",
    "get_params",
    "initialize_grid_from_another_model",
    "load",
    "forward",
    "from_pykan",
    "node_attribute",
    "parameters",
    "train",
    "eval",
}


@pytest.mark.parametrize("name, method", list(public_methods()), ids=lambda value: value if isinstance(value, str) else "")
def test_every_method_has_a_docstring_and_an_example(name, method):
    assert method.__doc__ and len(method.__doc__) > 40
    assert name in SHORT or ">>>" in method.__doc__


@pytest.mark.parametrize("path", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]), ids=lambda path: path.name)
def test_code_in_documents(path, tmp_path, monkeypatch):
    """Blocks marked python run one after the other, and what follows >>> is checked; what they write goes elsewhere."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", path.read_text(), re.S)
    names: dict = {}
    for block in blocks:
        if ">>>" in block:
            test = doctest.DocTestParser().get_doctest(block, names, path.name, str(path), 0)
            runner = doctest.DocTestRunner()
            runner.run(test, clear_globs=False)
            names = test.globs
            assert runner.failures == 0
        else:
            exec(compile(block, str(path), "exec"), names)


def test_the_package_is_typed():
    folder = pathlib.Path(swiftkan.__file__).parent
    assert (folder / "py.typed").exists() and (folder / "_core.pyi").exists()
    stub = (folder / "_core.pyi").read_text()
    for name in (*dir(swiftkan._core), *dir(swiftkan._core.Model)):
        if not name.startswith("_"):
            assert re.search(rf"(def|class) {name}\b|^{name}:", stub, re.M), name
    declared = re.findall(r"^    def (\w+)\(", stub, re.M)
    assert all(hasattr(swiftkan._core.Model, name) for name in declared if not name.startswith("__"))


def test_every_file_says_what_it_is_for():
    for path in (ROOT / "python" / "swiftkan").glob("*.py"):
        text = path.read_text()
        assert text.startswith('"""'), path.name
        assert len(text.splitlines()) <= 400, path.name


def test_every_module_has_its_place_in_the_architecture():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    tables = text[: text.index("## Numbers and memory")]
    files = [*(ROOT / "python" / "swiftkan").glob("*.py"), *(ROOT / "python").glob("*.c")]
    assert len(files) > 80
    for path in files:
        assert f"`{path.stem}`" in tables, path.name
