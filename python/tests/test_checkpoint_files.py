"""Checkpoint files: what is written is torch's format and YAML, what is read is checked to the last byte."""

import os
import pickle
import sys
import zipfile

import numpy as np
import pytest
from checkpoints import inputs, product_data, read_torch_file, rich_model, same
from hypothesis import given
from hypothesis import strategies as st

from swiftkan import KAN, _torch_file, _yaml


@pytest.fixture
def mark(tmp_path):
    """The path of a checkpoint of a rich model."""
    rich_model().saveckpt(tmp_path / "mark")
    return str(tmp_path / "mark")


def rewrite(path, change):
    """Replaces the pickle of a torch file."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["archive/data.pkl"] = change(members["archive/data.pkl"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def without_our_keys(lines):
    """The lines of a configuration as pykan writes them."""
    kept, skipping = [], False
    for line in lines:
        skipping = line.startswith("swiftkan.") or skipping and line.startswith("-")
        kept += [] if skipping else [line]
    assert len(kept) < len(lines)
    return kept


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_round_trip(tmp_path, dtype):
    model = rich_model(dtype)
    model.round, model.state_id, model.ckpt_path = 2, 5, str(tmp_path)
    model.saveckpt(tmp_path / "mark")
    again = KAN.loadckpt(tmp_path / "mark")
    assert same(model, again) and again.dtype == dtype
    assert (again.round, again.state_id, again.auto_save, again.ckpt_path) == (3, 5, False, str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == ["mark_cache_data", "mark_config.yml", "mark_state"]
    assert np.array_equal(model.acts[1], again.acts[1])


def test_how_data_was_evaluated_is_kept(tmp_path):
    model = KAN([2, 2, 1], seed=1)
    model.symbolic_fun[0].set_function(0, 0, "1/x")
    model.symbolic_fun[0].mask[0, 0], model.symbolic_fun[0].affine[0, 0] = 1, [1, 0, 1, 0]
    model.fit(product_data(), steps=1, singularity_avoiding=True, y_th=7.5)
    model.saveckpt(tmp_path / "mark")
    again = KAN.loadckpt(tmp_path / "mark")
    assert (again._remembered.avoid, again._remembered.y_th) == (True, 7.5)
    assert np.array_equal(again.acts[1], model.acts[1])


def test_a_model_without_data(tmp_path):
    model = KAN([2, 1])
    model.saveckpt(tmp_path / "mark")
    assert read_torch_file(tmp_path / "mark_cache_data") is None
    assert KAN.loadckpt(tmp_path / "mark").cache_data is None


def test_no_samples_are_data_too(tmp_path):
    model = KAN([2, 1])
    model.cache_data = np.zeros((0, 2))
    model.saveckpt(tmp_path / "mark")
    assert read_torch_file(tmp_path / "mark_cache_data").shape == (0, 2)
    assert KAN.loadckpt(tmp_path / "mark").cache_data.shape == (0, 2)


@pytest.mark.parametrize("n", [0, 255, 256, 2**31 - 1, 2**31, 2**40, 2**62])
def test_counts_of_any_size(n):
    assert pickle.loads(pickle.PROTO + b"\x02" + _torch_file._integer(n) + pickle.STOP) == n


def test_files_beyond_four_gigabytes(tmp_path, monkeypatch):
    """Their zip headers are longer; here the limit is made small instead of the data large."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    model = rich_model()
    model.saveckpt(tmp_path / "mark")
    assert same(model, KAN.loadckpt(tmp_path / "mark"))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_files_as_another_reader_sees_them(tmp_path, dtype):
    model = rich_model(dtype)
    model.saveckpt(tmp_path / "mark")
    state = read_torch_file(tmp_path / "mark_state")
    assert list(state) == list(model.state_dict())
    for name, value in model.state_dict().items():
        assert state[name].dtype == value.dtype and np.array_equal(state[name], value)
    cache = read_torch_file(tmp_path / "mark_cache_data")
    chosen = model.cache_data[:, model.input_id]  # what pykan's network takes
    assert cache.dtype == dtype and np.array_equal(cache, chosen)


def test_equal_models_make_equal_files(tmp_path):
    for name in ("one", "other"):
        rich_model().saveckpt(tmp_path / name)
    for part in ("config.yml", "state", "cache_data"):
        assert (tmp_path / f"one_{part}").read_bytes() == (tmp_path / f"other_{part}").read_bytes()


def test_configuration_is_what_yaml_dumps(mark):
    yaml = pytest.importorskip("yaml")
    text = open(f"{mark}_config.yml", encoding="ascii").read()
    assert text == yaml.dump(yaml.safe_load(text), default_flow_style=False)
    config = _yaml.parse(text)
    assert config == yaml.safe_load(text)
    pykans = {key: value for key, value in config.items() if not key.startswith(("swiftkan.", "symbolic.funs_name."))}
    assert pykans == {
        "affine_trainable": True, "auto_save": False, "base_fun_name": "identity", "ckpt_path": "./model",
        "device": "cpu", "grid": [3, 5], "grid_eps": 0.3, "grid_range": [-1.5, 2.0], "k": [2, 3],
        "mult_arity": [[], [2, 3], []], "round": 0, "sb_trainable": True, "sp_trainable": False, "state_id": 0,
        "symbolic_enabled": True, "width": [[3, 0], [2, 2], [1, 0]],
    }  # fmt: skip
    assert config["symbolic.funs_name.0"] == rich_model().symbolic_fun[0].funs_name


def test_numpy_numbers_do_not_reach_the_configuration(tmp_path):
    """pykan writes Python objects into the YAML here, which nobody can read any more."""
    whole, real = np.array([2, 5, 1]), np.float32(0.5)
    model = KAN(whole, grid=whole[1], k=np.int8(3), grid_eps=real, grid_range=np.array([-1.0, 1.0]), seed=np.int64(3))
    model.state_id, model.round = whole[0], np.uint8(1)
    model.saveckpt(tmp_path / "mark")
    text = (tmp_path / "mark_config.yml").read_text()
    assert "numpy" not in text and "np." not in text and "!!" not in text
    assert same(model, KAN.loadckpt(tmp_path / "mark"))


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3))
keys = st.from_regex(r"[a-z_]{2,8}(\.[0-9])?", fullmatch=True).filter(lambda key: key not in _yaml._WORDS)


@given(st.dictionaries(keys, values, max_size=4))
def test_yaml_is_read_back_equal(mapping):
    text = _yaml.dump(mapping)
    assert _yaml.parse(text) == mapping
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(text) == (mapping or None)


TEXTS = [
    "cuda:0", r"C:\model", "./m", "models/a", "1/x^0.5", "/t/café", "it's", "y", "No", "1e5", "1:30", "a: b", " x", '"',
    "2020-01-01", "a#b", "a #b", "-", "=", "~",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_yaml_texts(text):
    yaml = pytest.importorskip("yaml")
    for written in (_yaml.dump({"key": text}), yaml.dump({"key": text})):
        assert _yaml.parse(written) == yaml.safe_load(written) == {"key": text}


def test_yaml_refuses_what_it_does_not_know():
    with pytest.raises(TypeError, match="cannot be written as YAML"):
        _yaml.dump({"key": object()})


def test_a_path_of_bytes(tmp_path):
    path = os.fsencode(tmp_path / "mark")
    rich_model().saveckpt(path)
    assert same(KAN.loadckpt(path), rich_model()) and np.array_equal(KAN.from_pykan(path).act_fun[0].coef, rich_model().act_fun[0].coef)


def test_a_checkpoint_of_a_gpu_is_read(mark):
    rewrite(f"{mark}_state", lambda program: program.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"))
    text = open(f"{mark}_config.yml").read()
    open(f"{mark}_config.yml", "w").write(text.replace("device: cpu", "device: cuda:0"))
    assert b"cuda:0" in open(f"{mark}_state", "rb").read()
    model = KAN.loadckpt(mark)
    assert same(rich_model(), model) and model.device == "cpu"


def test_pykans_own_keys_are_enough(mark):
    """As pykan writes it: no key of ours, and after its rewind a state_id as text."""
    lines = open(f"{mark}_config.yml").read().replace("state_id: 0", "state_id: '12'").splitlines()
    open(f"{mark}_config.yml", "w").write("\n".join(without_our_keys(lines)) + "\n")
    with zipfile.ZipFile(f"{mark}_cache_data") as archive:
        members = {name: archive.read(name) for name in archive.namelist() if "swiftkan" not in name}
    with zipfile.ZipFile(f"{mark}_cache_data", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    model, original = KAN.loadckpt(mark), rich_model()
    x = inputs(original)
    assert np.array_equal(model(x[:, [4, 0, 2]]), original(x))
    assert model.state_id == 12 and np.array_equal(model.cache_data, x[:, [4, 0, 2]])


def test_symbolic_edges_that_pykans_fit_switched_off(tmp_path):
    """pykan's fit saves a version before it switches symbolic edges on again; only that is undone."""
    model = KAN([2, 2, 1], seed=1)
    model.symbolic_enabled = False
    path = str(tmp_path / "mark")

    def loaded(auto_save, with_symbolic_edge, own_keys):
        model.symbolic_fun[0].mask[0, 0] = with_symbolic_edge
        model.saveckpt(path)
        lines = open(f"{path}_config.yml").read().replace("auto_save: false", f"auto_save: {auto_save}").splitlines()
        open(f"{path}_config.yml", "w").write("\n".join(lines if own_keys else without_our_keys(lines)) + "\n")
        return KAN.loadckpt(path).symbolic_enabled

    assert loaded("true", 0, own_keys=False) is True
    assert loaded("true", 1, own_keys=False) is False
    assert loaded("false", 0, own_keys=False) is False
    assert loaded("true", 0, own_keys=True) is False


# ---- What is wrong with files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["config.yml", "state", "cache_data"])
def test_missing_files(mark, part):
    os.remove(f"{mark}_{part}")
    with pytest.raises(FileNotFoundError, match=f"path: there is no .*mark_{part}"):
        KAN.loadckpt(mark)


@pytest.mark.parametrize("part", ["config.yml", "state", "cache_data"])
@pytest.mark.parametrize("damage", ["empty", "half", "noise", "one byte"])
def test_damaged_files(mark, part, damage):
    path = f"{mark}_{part}"
    data = bytearray(open(path, "rb").read())
    if damage == "one byte":
        at = data.index(b"width: 5" if part == "config.yml" else b"OrderedDict")
        data[at] ^= 0xFF
    else:
        data = {"empty": b"", "half": data[: len(data) // 2], "noise": bytes(range(256))}[damage]
    open(path, "wb").write(data)
    with pytest.raises(ValueError, match="path: .*mark"):
        KAN.loadckpt(mark)


@pytest.mark.parametrize("part", ["state", "cache_data"])
def test_nothing_is_executed(mark, part, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    rewrite(f"{mark}_{part}", lambda _: pickle.dumps(Evil(), protocol=2))
    with pytest.raises(ValueError, match="it asks for .*mkdir, which a checkpoint has no use for"):
        KAN.loadckpt(mark)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("round: 0\n", "", "round missing"),
        ("width:\n", "wide:\n", "width missing"),
        ("round: 0", "round: first", "round: must be an integer"),
        ("state_id: 0", "state_id: -1", "state_id: must be at least 0"),
        ("auto_save: false", "auto_save: maybe", "auto_save: must be True or False"),
        ("ckpt_path: ./model", "ckpt_path: 3", "ckpt_path: must be a path"),
        ("swiftkan.input_width: 5", "swiftkan.input_width: 2", "input_width: must be at least 5"),
        ("swiftkan.input_width: 5\n", "", "swiftkan.input_width missing"),
        ("swiftkan.seed: 7", "swiftkan.seed: -7", "seed: must be"),
        ("swiftkan.y_th: 10.0", "swiftkan.y_th: 0", "y_th: must be"),
        ("grid_eps: 0.3", "grid_eps: !!python/name:os.system", "plain YAML|cannot be understood"),
    ],
)
def test_wrong_configurations(mark, old, new, message):
    text = open(f"{mark}_config.yml").read()
    assert text.count(old) == 1
    open(f"{mark}_config.yml", "w").write(text.replace(old, new))
    with pytest.raises(ValueError, match=f"path: .*({message})"):
        KAN.loadckpt(mark)


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9))
MERGED = "m0: &m0 {x: 1}\n" + "".join(f"m{i}: &m{i} {{<<: [{', '.join([f'*m{i - 1}'] * 10)}]}}\n" for i in range(1, 9))


@pytest.mark.parametrize("with_yaml", [True, False], ids=["PyYAML", "own reader"])
@pytest.mark.parametrize("old, new", [
    ("grid_eps: 0.3", f"grid_eps: {'[' * 900}{']' * 900}"),
    ("grid_eps: 0.3", f"grid_eps:\n{'- ' * 2000}1"),
    ("grid_eps: 0.3", f"grid_eps: {'9' * 5000}"),
    ("grid_eps: 0.3", f"grid_eps: {'9' * 400}"),
    ("grid_eps: 0.3", "grid_eps: !!timestamp none"),
    ("grid_eps: 0.3", "grid_eps: &a [*a]"),
    ("grid_eps: 0.3", "grid_eps: '\1'"),
    ("base_fun_name: identity", f"{LAUGHS}base_fun_name: *a8"),
    ("base_fun_name: identity", f"{MERGED}base_fun_name: identity"),
])  # fmt: skip
def test_hostile_configurations(mark, old, new, with_yaml, monkeypatch):
    """Too deep, too long, endless: one sentence, at once."""
    if with_yaml:
        pytest.importorskip("yaml")
    else:
        monkeypatch.setitem(sys.modules, "yaml", None)
    text = open(f"{mark}_config.yml").read()
    open(f"{mark}_config.yml", "w").write(text.replace(old, new))
    for load in (KAN.loadckpt, KAN.from_pykan):
        with pytest.raises(ValueError, match="^path: .*mark"):
            load(mark)


def test_aliases(tmp_path):
    """PyYAML writes them where lists are one object, as they may be in pykan's widths."""
    yaml = pytest.importorskip("yaml")
    model = KAN([2, 2, 2])
    model.saveckpt(tmp_path / "mark")
    path = tmp_path / "mark_config.yml"
    text = yaml.dump({**_yaml.read(str(path)), "width": [[2, 0]] * 3})
    assert text.count("*id001") == 2
    path.write_text(text)
    assert same(model, KAN.loadckpt(tmp_path / "mark"))


def test_cache_data_of_another_kind(mark):
    os.replace(f"{mark}_state", f"{mark}_cache_data")
    rich_model().saveckpt(mark + "2")
    os.replace(f"{mark}2_state", f"{mark}_state")
    with pytest.raises(ValueError, match="does not hold remembered data: a tensor, or None"):
        KAN.loadckpt(mark)


def test_saving_where_there_is_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="path: there is no folder .*nowhere; make it first"):
        KAN([2, 1]).saveckpt(tmp_path / "nowhere" / "mark")
    with pytest.raises(TypeError, match="path: must be a path as text, bytes or path-like"):
        KAN([2, 1]).saveckpt(None)
    with pytest.raises(ValueError, match="path: must be a path without control characters"):
        KAN.loadckpt("")
    assert os.listdir(tmp_path) == []
