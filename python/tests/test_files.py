"""Saving and loading: complete, atomic, and nothing in a file is executed."""

import io
import json
import os
import pathlib
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from test_state import Named, rich, same

from swiftkan import KAN


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_file_holds_the_whole_model(tmp_path, dtype):
    model = rich(dtype)
    path = tmp_path / "a model"
    model.save(path)
    assert os.listdir(tmp_path) == ["a model"]  # the name as it is, and one file
    again = KAN.load(str(path))
    assert again.cache_data is None
    same(model, again)
    assert again.input_id.tolist() == [4, 0, 2] and again.input_width == 6 and again.seed == model.seed
    assert again.device == "cpu" and again.auto_save is False
    again.save(path)
    same(model, KAN.load(pathlib.Path(path)))


def test_a_trained_refined_model(tmp_path):
    x = np.random.RandomState(0).rand(100, 2)
    model = KAN([2, [2, 1], 1], grid=[3, 4], k=[2, 3])
    model.fit((x, x[:, :1]), steps=5)
    fine = model.refine([6, 4])
    fine.save(tmp_path / "m")
    same(fine, KAN.load(tmp_path / "m"))


def test_load_gives_the_class_it_is_called_on(tmp_path):
    Named([2, 1]).save(tmp_path / "m")
    assert type(Named.load(tmp_path / "m")) is Named and type(KAN.load(tmp_path / "m")) is KAN


def test_anyone_can_read_the_file(tmp_path):
    model = KAN([2, 3, 1])
    model.save(tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz", allow_pickle=False) as file:
        header = json.loads(file["header"].tobytes())
        assert (file["act_fun.0.coef"] == model.act_fun[0].coef).all()
    assert (
        header["format"] == "swiftkan"
        and header["version"] == 1
        and header["settings"]["width"] == [[2, 0], [3, 0], [1, 0]]
    )


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "m"
    model = KAN([2, 3, 1])
    model.save(path)
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full)
    model.act_fun[0].coef[:] = 0
    with pytest.raises(OSError, match="no space"):
        model.save(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["m"]


def test_threads_that_save_to_one_path_leave_each_other_alone(tmp_path, monkeypatch):
    path, model, savez = tmp_path / "m", KAN([2, 3, 1]), np.savez
    both = threading.Barrier(2)

    def slow(*arguments, **arrays):
        savez(*arguments, **arrays)
        both.wait(10)

    monkeypatch.setattr(np, "savez", slow)
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(model.save, path) for _ in range(2)]:
            future.result()
    same(model, KAN.load(path))
    assert os.listdir(tmp_path) == ["m"]


def test_the_files_of_a_checkpoint_are_of_one_thread(tmp_path, monkeypatch):
    """The thread that comes first waits after one of its three files for the other one to place its own."""
    replace, models = os.replace, [KAN([2, 3, 1], seed=s) for s in (1, 2)]
    placed, done = [], threading.Event()

    def slow(source, target):
        replace(source, target)
        placed.append(threading.get_ident())
        if len(placed) == 1:
            done.wait(0.5)
        if placed.count(placed[-1]) == 3:
            done.set()

    monkeypatch.setattr(os, "replace", slow)
    for model, x in zip(models, np.random.RandomState(0).rand(2, 5, 2)):
        model.get_act(x)
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(model.saveckpt, tmp_path / "m") for model in models]:
            future.result()
    found = KAN.loadckpt(tmp_path / "m")
    (mine,) = (model for model in models if (model.act_fun[0].coef == found.act_fun[0].coef).all())
    assert found.seed == mine.seed
    np.testing.assert_array_equal(found.cache_data, mine.cache_data)


def test_a_file_of_another_save_is_never_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "urandom", lambda count: bytes(count))
    taken = []
    monkeypatch.setattr(np, "savez", lambda file, **_: taken.append(file.name))
    KAN([2, 1]).save(tmp_path / "m")
    with open(taken[0], "wb") as file:
        file.write(b"another's")
    with pytest.raises(FileExistsError):
        KAN([2, 1]).save(tmp_path / "m")
    with open(taken[0], "rb") as file:
        assert file.read() == b"another's"


def test_a_path_of_bytes(tmp_path):
    model = KAN([2, 1])
    model.save(os.fsencode(tmp_path / "m"))
    assert os.listdir(tmp_path) == ["m"]
    same(model, KAN.load(os.fsencode(tmp_path / "m")))


def test_where_nothing_can_be_written(tmp_path):
    with pytest.raises(FileNotFoundError, match="path: there is no folder"):
        KAN([2, 1]).save(tmp_path / "no" / "folder" / "m")
    with pytest.raises(FileNotFoundError):
        KAN.load(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError):
        KAN.load(tmp_path)


def rewrite(path, **changes):
    """The file with some members changed (None: left out)."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members.update(changes)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            if data is not None:
                archive.writestr(name, data)


def npy(array, allow_pickle=False):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def claimed(shape):
    """An .npy file of ten numbers that claims another shape."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(80)


def header_with(path, **changes):
    with np.load(path) as file:
        header = json.loads(file["header"].tobytes())
    header.update(changes)
    rewrite(path, **{"header.npy": npy(np.frombuffer(json.dumps(header).encode(), np.uint8))})


class Attack:
    ran = False

    def __reduce__(self):
        return setattr, (Attack, "ran", True)


SETTINGS = KAN([2, 3, 1])._settings.to_dict()
DAMAGE = {
    "text": (
        lambda p: p.write_text("not a model"),
        "not a model file of swiftkan; for pykan's checkpoints use KAN.from_pykan",
    ),
    "empty": (lambda p: p.write_bytes(b""), "not a model file"),
    "half": (lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]), "damaged"),
    "flipped bits": (lambda p: p.write_bytes(flip(p.read_bytes())), "damaged"),
    "no header": (lambda p: rewrite(p, **{"header.npy": None}), "it has no header"),
    "other npz": (lambda p: np.savez(open(p, "wb"), x=np.zeros(3)), "it has no header"),
    "header not JSON": (lambda p: rewrite(p, **{"header.npy": npy(np.frombuffer(b"{'a'", np.uint8))}), "damaged"),
    "header a list": (lambda p: rewrite(p, **{"header.npy": npy(np.frombuffer(b"[1]", np.uint8))}), "header says so"),
    "other format": (lambda p: header_with(p, format="other"), "header says so"),
    "newer": (lambda p: header_with(p, version=2), "version 2.*update swiftkan"),
    "version 0": (lambda p: header_with(p, version=0), "no version 0"),
    "version text": (lambda p: header_with(p, version="1"), "damaged.*version '1'"),
    "array missing": (lambda p: rewrite(p, **{"act_fun.0.coef.npy": None}), "damaged.*missing: act_fun.0.coef"),
    "array of another shape": (
        lambda p: rewrite(p, **{"act_fun.0.coef.npy": npy(np.zeros(3))}),
        r"damaged.*shape \(3,\)",
    ),
    "array too many": (lambda p: rewrite(p, **{"more.npy": npy(np.zeros(3))}), "damaged.*unknown: more"),
    "array of text": (lambda p: rewrite(p, **{"act_fun.0.coef.npy": npy(np.array(["a"]))}), "damaged"),
    "array beyond the memory": (lambda p: rewrite(p, **{"act_fun.0.coef.npy": claimed("(10000000000000,)")}), "damaged, or larger than the memory"),
    "array of too long an axis": (lambda p: rewrite(p, **{"act_fun.0.coef.npy": claimed(f"(1{'0' * 30},)")}), "damaged"),
    "array of a truth's length": (lambda p: rewrite(p, **{"act_fun.0.coef.npy": claimed("(True,)")}), "damaged"),
    "array of an unfinished shape": (lambda p: rewrite(p, **{"act_fun.0.coef.npy": claimed("(3L, (")}), "damaged"),
    "array too many, too long": (lambda p: rewrite(p, **{"more.npy": claimed(f"(1{'0' * 30},)")}), "damaged"),
    "array cut": (lambda p: rewrite(p, **{"act_fun.0.coef.npy": npy(np.zeros((2, 3, 6)))[:-9]}), "damaged"),
    "not an array": (lambda p: rewrite(p, **{"act_fun.0.coef.npy": b"zzz"}), "damaged"),
    "no settings": (lambda p: header_with(p, settings=None), "damaged"),
    "huge": (lambda p: header_with(p, settings={**SETTINGS, "width": [[2, 0], [10**9, 0], [1, 0]]}), "damaged.*shape"),
    "unknown setting": (lambda p: header_with(p, settings={**SETTINGS, "power": 3}), "damaged"),
    "wrong setting": (lambda p: header_with(p, settings={**SETTINGS, "k": -1}), "damaged.*k: must be"),
    "unknown function": (
        lambda p: header_with(p, functions=[[["sin", "no"]] * 3, [["0"] * 3]]),
        "cannot be loaded yet.*no function 'no' in this process.*add_symbolic\\('no', fun\\)",
    ),
    "few functions": (lambda p: header_with(p, functions=[]), "damaged.*function names"),
    "functions not text": (lambda p: header_with(p, functions=[[["sin", 3]] * 3, [["0"] * 3]]), "damaged.*must be text, not 3"),
    "functions not lists": (lambda p: header_with(p, functions=7), "damaged"),
    "wrong input_id": (lambda p: header_with(p, input_id=[0, 1, 2]), "damaged.*input_id"),
    "wrong input_width": (lambda p: header_with(p, input_width=1), "damaged.*input_width"),
    "a pickle": (
        lambda p: rewrite(p, **{"act_fun.0.coef.npy": npy(np.array([Attack()], dtype=object), True)}),
        "damaged",
    ),
}


def flip(data):
    middle = len(data) // 2
    return data[:middle] + bytes(byte ^ 0xFF for byte in data[middle : middle + 40]) + data[middle + 40 :]


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_and_foreign_files(tmp_path, kind):
    path = tmp_path / "m"
    KAN([2, 3, 1]).save(path)
    damage, text = DAMAGE[kind]
    damage(path)
    with pytest.raises(ValueError, match=f"(?s)^path: .*({text})"):
        KAN.load(path)
    assert not Attack.ran


def test_every_cut_is_noticed(tmp_path):
    path = tmp_path / "m"
    KAN([2, 1], grid=2, k=1).save(path)
    data = path.read_bytes()
    for length in range(0, len(data), 97):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match="^path: "):
            KAN.load(path)


def test_no_flipped_byte_changes_a_model(tmp_path):
    """Wherever a byte is wrong: the same model, as where the byte says nothing, or an error; the table at the end has the most."""
    path = tmp_path / "m"
    model = KAN([2, 1], grid=1, k=1)
    model.save(path)
    data = path.read_bytes()
    table = data.index(b"PK\x01\x02")
    ends = {"same": 0, "refused": 0}
    for place in [*range(0, table, 23), *range(table, len(data) - 22, 7), *range(len(data) - 22, len(data))]:
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        try:
            same(model, KAN.load(path))
            ends["same"] += 1
        except ValueError as error:
            assert str(error).startswith("path: ")
            ends["refused"] += 1
    assert min(ends.values()) > 20
