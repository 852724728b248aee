"""Reading pykan's checkpoints without torch: real ones (reference/checkpoints), and files made by hand to be wrong or
evil.

What it must show: the numbers are read as they are, and whatever else a file asks for is refused by name and not done.
"""

import collections
import io
import os
import pathlib
import pickle
import sys
import zipfile

import numpy as np
import pytest
from helpers import relative

from swiftkan import KAN, _yaml
from swiftkan._pykan import STORAGES, read_state

CHECKPOINTS = pathlib.Path(__file__).parent / "reference" / "checkpoints"


@pytest.mark.parametrize("name, tolerance", [("products", 1e-14), ("pruned", 1e-14), ("symbolic", 1e-4)])
@pytest.mark.parametrize("with_yaml", [True, False], ids=["PyYAML", "own reader"])
def test_what_pykan_wrote(name, tolerance, with_yaml, monkeypatch):
    if with_yaml:
        pytest.importorskip("yaml")
    else:
        monkeypatch.setitem(sys.modules, "yaml", None)
    model = KAN.from_pykan(CHECKPOINTS / name)
    with np.load(CHECKPOINTS / f"{name}.npz") as file:
        assert model.dtype == file["y"].dtype
        assert relative(model(file["x"]), file["y"]) <= tolerance
    assert "torch" not in sys.modules


def test_all_settings_are_read():
    model = KAN.from_pykan(str(CHECKPOINTS / "products"))
    assert model.width == [[3, 0], [2, 2], [1, 0]] and model.mult_arity == [[], [2, 3], []]
    assert (model.grid, model.k, model.grid_eps, model.affine_trainable) == (4, 2, 0.5, True)
    model = KAN.from_pykan(str(CHECKPOINTS / "symbolic"))
    assert model.grid == [3, 5] and model.base_fun == "identity" and model.grid_range == [-2, 2]
    assert model.symbolic_fun[0].funs_name == [["0", "0"], ["sin", "0"], ["0", "x^2"]]


# ---- Files made by hand ----------------------------------------------------------------------------------------------


class Reference:
    """Pickled as torch pickles a storage: by a persistent id."""

    def __init__(self, kind, key, count):
        self.pid = ("storage", Global("torch", kind), key, "cpu", count)


class Global:
    """Pickled as the name of something in a module, whether that exists or not."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Call:
    """Pickled as a call."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments


class Writer(pickle._Pickler):
    """Writes the pickles that torch would, without torch."""

    def persistent_id(self, value):
        return value.pid if isinstance(value, Reference) else None

    def save(self, value, save_persistent_id=True):
        if isinstance(value, Global):
            self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())
        elif isinstance(value, Call):
            self.save(value.function)
            self.save(tuple(value.arguments))
            self.write(pickle.REDUCE)
        else:
            super().save(value, save_persistent_id)


def pickled(value):
    out = io.BytesIO()
    Writer(out, protocol=2).dump(value)
    return out.getvalue()


def tensor(kind, key, count, offset, size, stride, hooks=None):
    rebuild = Global("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, Reference(kind, key, count), offset, size, stride, False, hooks or collections.OrderedDict())


KINDS = {np.dtype(code).newbyteorder("="): name for name, code in STORAGES.items()}


def write_state(path, arrays, root="archive", more=None, extra=None):
    """A state file as torch.save writes it: one storage a tensor, except where ``more`` says otherwise."""
    state, members = collections.OrderedDict(), {}
    for number, (name, array) in enumerate(arrays.items()):
        array = np.ascontiguousarray(array)
        members[f"{root}/data/{number}"] = array.tobytes()
        stride = tuple(step // array.itemsize for step in array.strides)
        state[name] = tensor(KINDS[array.dtype], str(number), array.size, 0, array.shape, stride)
    state.update(more or {})
    members[f"{root}/data.pkl"] = pickled(state)
    members[f"{root}/version"] = b"3\n"
    members.update(extra or {})
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


CONFIG = """affine_trainable: false
auto_save: true
base_fun_name: silu
ckpt_path: ./model
device: cpu
grid: 3
grid_eps: 0.02
grid_range:
- -1
- 1
k: 3
mult_arity: 2
round: 0
sb_trainable: true
sp_trainable: true
state_id: 0
symbolic.funs_name.0:
- - '0'
  - sin
symbolic_enabled: true
width:
- - 2
  - 0
- - 1
  - 0
"""


@pytest.fixture
def checkpoint(tmp_path):
    """A valid checkpoint: (path, the model that is in it)."""
    model = KAN([2, 1], seed=5)
    model.symbolic_fun[0].set_function(1, 0, "sin")
    (tmp_path / "m_config.yml").write_text(CONFIG)
    write_state(tmp_path / "m_state", model.state_dict())
    return tmp_path / "m", model


def test_a_hand_made_checkpoint(checkpoint):
    path, model = checkpoint
    again = KAN.from_pykan(path)
    assert all((value == again.state_dict()[name]).all() for name, value in model.state_dict().items())
    assert again.symbolic_fun[0].funs_name == [["0", "sin"]] and again.dtype == np.float64


@pytest.mark.parametrize("root", ["archive", "model_state", "a/b"])
def test_any_name_of_the_root(tmp_path, root):
    write_state(tmp_path / "s", {"x": np.arange(3.0)}, root=root)
    assert read_state(str(tmp_path / "s"))["x"].tolist() == [0, 1, 2]


def test_every_type_of_number(tmp_path):
    arrays = {code: (np.arange(6) % 2).astype(np.dtype(code).newbyteorder("=")) for code in STORAGES.values()}
    write_state(tmp_path / "s", arrays, extra={"archive/byteorder": b"little"})
    for code, array in read_state(str(tmp_path / "s")).items():
        assert array.dtype == arrays[code].dtype and (array == arrays[code]).all()


def test_windows_of_storages(tmp_path):
    """Offsets, strides, scalars, empty tensors, parameters."""
    base = np.arange(24.0)
    more = {
        "transposed": tensor("DoubleStorage", "0", 24, 0, (4, 6), (1, 4)),
        "window": tensor("DoubleStorage", "0", 24, 7, (2, 3), (6, 1)),
        "every third": tensor("DoubleStorage", "0", 24, 2, (8,), (3,)),
        "scalar": tensor("DoubleStorage", "0", 24, 5, (), ()),
        "empty": tensor("DoubleStorage", "0", 24, 0, (0, 3), (3, 1)),
        "repeated": tensor("DoubleStorage", "0", 24, 3, (4,), (0,)),
        "parameter": Call(Global("torch._utils", "_rebuild_parameter"), tensor("DoubleStorage", "0", 24, 0, (2,), (1,)), True,
                          collections.OrderedDict()),
    }  # fmt: skip
    write_state(tmp_path / "s", {"base": base}, more=more)
    state = read_state(str(tmp_path / "s"))
    assert (state["transposed"] == base.reshape(6, 4).T).all()
    assert (state["window"] == base.reshape(4, 6)[1:3, 1:4]).all()
    assert (state["every third"] == base[2::3]).all()
    assert state["scalar"] == 5 and state["scalar"].shape == () and state["empty"].shape == (0, 3)
    assert state["repeated"].tolist() == [3] * 4 and state["parameter"].tolist() == [0, 1]
    assert all(array.flags.writeable and array.flags.owndata for array in state.values())


EVIL = {
    "os.system": (Call(Global("os", "system"), "touch pwned"), r"asks for os\.system"),
    "posix.system": (Call(Global("posix", "system"), "touch pwned"), r"posix\.system"),
    "eval": (Call(Global("builtins", "eval"), "open('pwned', 'w')"), r"builtins\.eval"),
    "getattr": (Call(Global("builtins", "getattr"), 1, "real"), r"builtins\.getattr"),
    "torch.load": (Call(Global("torch", "load"), "x"), r"torch\.load"),
    "numpy": (Call(Global("numpy.core.multiarray", "scalar"), 1), r"numpy\.core\.multiarray\.scalar"),
    "dotted name": (Global("collections", "OrderedDict.__init__.__globals__"), r"collections\.OrderedDict\.__init__"),
    "quantised": (Global("torch", "QInt8Storage"), r"torch\.QInt8Storage"),
    "beyond the end": (tensor("DoubleStorage", "0", 3, 1, (3,), (1,)), "reaches beyond"),
    "negative stride": (tensor("DoubleStorage", "0", 3, 2, (3,), (-1,)), "stride"),
    "negative offset": (tensor("DoubleStorage", "0", 3, -1, (3,), (1,)), "at -1"),
    "huge": (tensor("DoubleStorage", "0", 3, 0, (2**40,), (0,)), "reaches beyond"),
    "overflow": (tensor("DoubleStorage", "0", 3, 0, (2**62, 4), (2**62, 1)), "reaches beyond"),
    "bool size": (tensor("DoubleStorage", "0", 3, 0, (True,), (1,)), "size"),
    "ranks differ": (tensor("DoubleStorage", "0", 3, 0, (3,), (1, 1)), "size"),
    "no storage": (Call(Global("torch._utils", "_rebuild_tensor_v2"), 7, 0, (1,), (1,)), "without a storage"),
    "storage too short": (tensor("DoubleStorage", "0", 4, 0, (4,), (1,)), "24 bytes, not 4 numbers"),
    "storage missing": (tensor("DoubleStorage", "99", 3, 0, (3,), (1,)), "archive/data/99"),
    "storage elsewhere": (tensor("DoubleStorage", "../../etc/passwd", 3, 0, (3,), (1,)), "etc/passwd"),
    "storage not text": (tensor("DoubleStorage", 0, 3, 0, (3,), (1,)), "unknown reference"),
    "many axes": (tensor("DoubleStorage", "0", 3, 0, (1,) * 65, (1,) * 65), "of size a tuple and stride a tuple"),
    "not a tensor": ("text", "does not hold a state_dict"),
    "a list": ([1], r"the word b'\]'"),
    "a number as a key": ({1: 2}, "keys that are no text"),
    "items in a call": (Call(Global("collections", "OrderedDict"), (("a", 1),)), "takes 0 positional arguments"),
    "a call of what is no function": (Call(Global("torch", "DoubleStorage"), 1), "calls what is no function"),
}


@pytest.mark.parametrize("kind", EVIL)
def test_what_a_state_may_not_hold(checkpoint, kind, monkeypatch):
    path, model = checkpoint
    monkeypatch.chdir(path.parent)
    evil, text = EVIL[kind]
    write_state(f"{path}_state", {"first": np.arange(3.0), **model.state_dict()}, more={"evil": evil})
    with pytest.raises(ValueError, match=f"^path: .*{text}"):
        KAN.from_pykan(path)
    assert sorted(os.listdir(path.parent)) == ["m_config.yml", "m_state"]


def test_no_deeper_evil():
    """The reader's own words cannot be bent: they have no attributes to reach for."""
    from swiftkan._pykan import ALLOWED

    assert {module for module, _ in ALLOWED} == {"collections", "torch._utils", "torch"}
    assert not any(getattr(word, "__name__", "") in ("eval", "exec", "getattr", "open") for word in ALLOWED.values())


@pytest.mark.parametrize(
    "spoil, text",
    [
        (lambda p: p.write_bytes(pickle.dumps({"a": 1})), r"before version 1\.6"),
        (lambda p: p.write_bytes(b""), r"not a zip file"),
        (lambda p: p.write_bytes(p.read_bytes()[:200]), "cannot be read"),
        (lambda p: zipfile.ZipFile(p, "w").close() or p.write_bytes(b"PK" + p.read_bytes()[2:]), "0 members data.pkl"),
        (lambda p: write_state(p, {}, extra={"other/data.pkl": b""}), "2 members data.pkl"),
        (lambda p: write_state(p, {}, extra={"archive/byteorder": b"big"}), "not little-endian"),
        (lambda p: write_state(p, {}, extra={"archive/data.pkl": b"\x80\x02."}), "cannot be read"),
        (lambda p: write_state(p, {}, extra={"archive/data.pkl": pickle.dumps(("a", 1), protocol=2)}), "does not hold a state_dict"),
        (lambda p: write_state(p, {}), "act_fun.0.coef must be there"),
        (lambda p: write_state(p, {"act_fun.0.coef": np.zeros(3, int)}), "float32 or float64"),
        (lambda p: write_state(p, {**KAN([2, 1]).state_dict(), "more": np.zeros(1)}), "unknown: more"),
        (lambda p: write_state(p, KAN([2, 1], grid=5).state_dict()), "has the shape"),
        (lambda p: write_state(p, KAN([2, 2, 1]).state_dict()), "the settings need"),
    ],
)
def test_states_that_do_not_fit(checkpoint, spoil, text):
    path, _ = checkpoint
    spoil(pathlib.Path(f"{path}_state"))
    with pytest.raises(ValueError, match=f"^path: .*{text}"):
        KAN.from_pykan(path)


@pytest.mark.parametrize("with_yaml", [True, False], ids=["PyYAML", "own reader"])
@pytest.mark.parametrize(
    "old, new, text",
    [
        ("width:", "witdh:", "width missing"),
        ("- sin", "- J1", "no function 'J1'"),
        ("  - sin\n", "", "lists of 2 names"),
        ("symbolic.funs_name.0", "symbolic.funs_name.1", "symbolic.funs_name.0 missing"),
        ("base_fun_name: silu", "base_fun_name: gelu", "base_fun: must be one of"),
        ("base_fun_name: silu", "base_fun_name: !!python/object:torch.nn.SiLU {}", "m_config.yml"),
        ("grid: 3", "grid: !!python/object/apply:numpy.core.multiarray.scalar []", "m_config.yml"),
        ("grid: 3", "grid: !!python/object/apply:os.system ['touch pwned']", "m_config.yml"),
        ("grid: 3", "grid: many", "grid: must be an integer"),
        ("k: 3", "k: -3", "k: must be"),
        ("- - 2\n", "- - 2000000000\n", "has the shape"),
        (CONFIG, "just text", "m_config.yml"),
        (CONFIG, "", "m_config.yml"),
        (CONFIG, "a: [1, 2", "m_config.yml"),
    ],
)
def test_configurations_that_do_not_fit(checkpoint, old, new, text, with_yaml, monkeypatch):
    path, _ = checkpoint
    monkeypatch.chdir(path.parent)
    if with_yaml:
        pytest.importorskip("yaml")
    else:
        monkeypatch.setitem(sys.modules, "yaml", None)
    assert old in CONFIG
    pathlib.Path(f"{path}_config.yml").write_text(CONFIG.replace(old, new))
    with pytest.raises(ValueError, match=f"^path: .*{text}"):
        KAN.from_pykan(path)
    assert not os.path.exists("pwned")


def test_files_that_are_not_there(checkpoint, tmp_path):
    path, _ = checkpoint
    with pytest.raises(FileNotFoundError, match="without _config.yml and _state"):
        KAN.from_pykan(f"{path}_state")
    os.remove(f"{path}_state")
    with pytest.raises(FileNotFoundError, match="m_state"):
        KAN.from_pykan(path)


def test_the_own_reader_of_yaml_agrees_with_pyyaml():
    yaml = pytest.importorskip("yaml")
    values = {
        "numbers": [0, -7, 12, 0.02, -1.5, 1e-05, 3e20, float("inf")],
        "text": [
            "0",
            "x^2",
            "1/x",
            "1/sqrt(x)",
            "sin",
            "",
            "yes",
            "null",
            "1.5",
            "it's",
            "./model",
            "a b",
            "-",
            "x: y",
            "#no",
        ],
        "words": [True, False, None],
        "nested": [[1, [2, 3], []], [[]], ["a", ["b"]]],
        "empty": [],
        "symbolic.funs_name.0": [["0", "x"], ["gaussian", "1/x^0.5"]],
        "path": "C:\\models",
        "one": 1,
        "nothing": None,
    }
    text = yaml.dump(values, default_flow_style=False)
    assert _yaml.parse(text) == values == yaml.safe_load(text)
    for path in CHECKPOINTS.glob("*.yml"):
        assert _yaml.parse(path.read_text()) == yaml.safe_load(path.read_text())


@pytest.mark.parametrize(
    "text",
    [
        "a: {b: 1}",
        "a: &x 1",
        "a: *x",
        "a: |\n  text",
        "a: >\n  text",
        "a: [1]",
        "a: 'x",
        "  a: 1",
        "- 1",
        "a:\n- b: 1",
        "a: @x",
        "a:\n- 1\n   - 2",
    ],
)
def test_what_the_own_reader_does_not_understand_is_an_error(text):
    with pytest.raises(ValueError, match="cannot be understood without PyYAML"):
        _yaml.parse(text)
