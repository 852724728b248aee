"""pykan itself reads what we write, and we read what it writes.

It needs torch and pykan: in this interpreter, or in the one that the environment variable SWIFTKAN_PYKAN_PYTHON names.
"""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from checkpoints import inputs, product_data, rich_model
from helpers import relative

from swiftkan import KAN

INTERPRETER = os.environ.get("SWIFTKAN_PYKAN_PYTHON") or (
    sys.executable if all(importlib.util.find_spec(name) for name in ("torch", "kan")) else None
)
pytestmark = pytest.mark.skipif(
    not INTERPRETER, reason="needs pykan: SWIFTKAN_PYKAN_PYTHON names an interpreter that has it"
)

PRELUDE = """
import contextlib, io, json, sys
import numpy as np
with contextlib.redirect_stdout(io.StringIO()):
    import matplotlib
    matplotlib.use("Agg")
    import torch
    from kan import KAN
"""


def pykan(script, folder, *arguments):
    """Runs a script in pykan's interpreter and folder; what it prints last is its answer, in JSON."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [INTERPRETER, "-c", PRELUDE + script, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


READ = """
torch.set_default_dtype(getattr(torch, sys.argv[2]))
model = KAN.loadckpt(sys.argv[1])
torch.load(sys.argv[1] + "_state", weights_only=True, mmap=True)
y = model(torch.tensor(np.load("x.npy")))
model.saveckpt("pykans")
print(json.dumps([y.tolist(), model.round, model.state_id, list(model.cache_data.shape), model.width, model.grid,
                  [layer.funs_name for layer in model.symbolic_fun]]))
"""


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 1e-4)])
def test_pykan_reads_ours_and_we_read_it_back(tmp_path, dtype, tolerance):
    model = rich_model(dtype)
    model.saveckpt(tmp_path / "mark")
    x = inputs(model)
    np.save(tmp_path / "x.npy", x[:, model.input_id].astype(dtype))  # pykan forgets input_id
    y, round, state_id, cache, width, grid, names = pykan(READ, tmp_path, "mark", dtype)
    assert relative(y, model(x)) < tolerance
    assert (round, state_id, cache) == (1, 0, [12, 3]) and (width, grid) == (model.width, model.grid)
    assert names == [layer.funs_name for layer in model.symbolic_fun]
    again = KAN.loadckpt(tmp_path / "pykans")
    for name, value in model.state_dict().items():
        assert np.array_equal(value, again.state_dict()[name]), name
    assert again.dtype == dtype and np.array_equal(again.cache_data, x[:, model.input_id].astype(dtype))


SEQUENCE = """
torch.set_default_dtype(torch.float64)
data = {name: torch.tensor(value) for name, value in np.load("data.npz").items()}
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    model = KAN([2, [2, 1], 1], grid=3, k=3, seed=1)
    model.fit(data, steps=2)
    model = model.refine(6)
    model.fit(data, steps=2)
    model = model.rewind("0.1")
    model.fit(data, steps=1)
    model = model.rewind("1.2")
    model = model.refine(5)
x = data["test_input"]
print(json.dumps([model(x).tolist(), KAN.loadckpt("model/0.1")(x).tolist()]))
"""


def test_the_same_calls_write_the_same_history(tmp_path, monkeypatch):
    theirs, ours, data = tmp_path / "theirs", tmp_path / "ours", product_data()
    theirs.mkdir(), ours.mkdir()
    np.savez(theirs / "data.npz", **data)
    last, first = pykan(SEQUENCE, theirs)
    monkeypatch.chdir(ours)
    model = KAN([2, [2, 1], 1], grid=3, k=3, seed=1, auto_save=True)
    model.fit(data, steps=2)
    model = model.refine(6)
    model.fit(data, steps=2)
    model = model.rewind("0.1")
    model.fit(data, steps=1)
    model = model.rewind("1.2")
    model.refine(5)
    assert (ours / "model/history.txt").read_text() == (theirs / "model/history.txt").read_text()
    assert sorted(os.listdir(ours / "model")) == sorted(os.listdir(theirs / "model"))

    monkeypatch.chdir(theirs)  # and pykan's folder can be continued
    model = KAN.loadckpt("model/0.1")
    assert relative(model(data["test_input"]), first) < 1e-12
    assert np.array_equal(np.sort(model.cache_data, axis=0), np.sort(data["test_input"], axis=0))  # pykan shuffled it
    assert model.symbolic_enabled  # pykan's fit saves while it has them switched off
    model = model.rewind("2.3")
    assert (model.round, model.state_id) == (3, 3) and len(last) == len(data["test_input"])


TRAIN = """
torch.set_default_dtype(torch.float64)
data = {name: torch.tensor(value) for name, value in np.load("data.npz").items()}
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    model = KAN.loadckpt("model/0.2").rewind("0.1")
    model.fit(data, steps=1)
print(json.dumps([model.evaluate(data)["test_loss"], open("model/history.txt").read()]))
"""


def test_pykan_continues_our_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = product_data()
    np.savez("data.npz", **data)
    model = KAN([2, 2, 1], grid=3, seed=1, auto_save=True)
    model.fit(data, steps=2)
    model = model.refine(6)
    loss, history = pykan(TRAIN, tmp_path)
    assert np.isfinite(loss)
    assert history.startswith("### Round 0 ###\ninit => 0.0\n0.0 => fit => 0.1\n0.1 => refine => 0.2\n")
    assert history.endswith("1.1 => fit => 1.2\n")
    assert abs(KAN.loadckpt("model/1.2").evaluate(data)["test_loss"] - loss) < 1e-12
