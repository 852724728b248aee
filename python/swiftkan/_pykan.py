"""Reading pykan's checkpoints without torch: ``{path}_config.yml`` and ``{path}_state``.

What it must get right first: nothing in the files is executed. A torch file is a zip with a pickle in it, and a
pickle is a program; the machine that runs it (``_torch_pickle.py``) can make dicts, tuples and plain values, and ask by name for what
is in ``ALLOWED`` below.

The format (torch.save, since torch 1.6): ``<root>/data.pkl``, a pickle whose tensors refer by a persistent id to
``<root>/data/<key>``, raw little-endian numbers. A tensor is a storage with an offset, sizes and strides.
"""

from __future__ import annotations

import errno
import io
import os
import zipfile
from typing import Any

import numpy as np

from . import _torch_pickle, _yaml
from ._check import shown
from ._torch_pickle import UnsafeFile

STORAGES = {
    "DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4",
    "ShortStorage": "<i2", "CharStorage": "<i1", "ByteStorage": "<u1", "BoolStorage": "|b1",
}  # fmt: skip
KEYS = (
    "width", "grid", "k", "mult_arity", "base_fun_name", "symbolic_enabled", "affine_trainable", "grid_eps",
    "grid_range", "sp_trainable", "sb_trainable",
)  # fmt: skip
MOST_AXES = 64  # of NumPy's arrays
# What pykan does not store and a trained network does not need, as its constructor has it.
NOT_STORED = dict(noise_scale=0.3, scale_base_mu=0.0, scale_base_sigma=1.0, seed=1, sparse_init=False)


class _StorageType:
    """Stands for torch.DoubleStorage and its like: a name and the dtype of its numbers."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: str):
        self.dtype = np.dtype(dtype)


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> np.ndarray:
    """torch._utils._rebuild_tensor_v2: a strided window of a storage, as an array of its own."""
    if not isinstance(storage, np.ndarray) or storage.ndim != 1:
        raise UnsafeFile("a tensor without a storage")
    for numbers in (size, stride):
        if not isinstance(numbers, tuple) or len(numbers) > MOST_AXES or not all(
            isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in numbers
        ):
            raise UnsafeFile(f"a tensor of size {shown(size)} and stride {shown(stride)}")
    if len(size) != len(stride) or not isinstance(offset, int) or isinstance(offset, bool) or offset < 0:
        raise UnsafeFile(f"a tensor of size {shown(size)} and stride {shown(stride)} at {shown(offset)}")
    if 0 in size:
        return np.zeros(size, storage.dtype)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride))
    count = 1
    for n in size:
        count *= n
    if last >= storage.size or count > storage.size:
        raise UnsafeFile(
            f"a tensor of size {shown(size)} and stride {shown(stride)} at {shown(offset)} reaches beyond its {storage.size} numbers"
        )
    window = np.lib.stride_tricks.as_strided(
        storage[offset:], size, tuple(step * storage.itemsize for step in stride), writeable=False
    )
    return window.astype(storage.dtype.newbyteorder("="))


def _parameter(data: Any, *_: Any) -> Any:
    """torch._utils._rebuild_parameter: the tensor itself."""
    return data


def _ordered_dict() -> dict:
    """collections.OrderedDict() as torch calls it. Items given to it would be hashed, whatever they are."""
    return {}


ALLOWED = {
    ("collections", "OrderedDict"): _ordered_dict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    **{("torch", name): _StorageType(dtype) for name, dtype in STORAGES.items()},
}


def _storage(archive: zipfile.ZipFile, root: str, reference: Any) -> np.ndarray:
    """The numbers that a persistent id refers to."""
    if not isinstance(reference, tuple) or len(reference) != 5:
        raise UnsafeFile(f"an unknown reference {shown(reference)}")
    what, kind, key, _, count = reference
    if not (what == "storage" and isinstance(kind, _StorageType) and isinstance(key, str) and isinstance(count, int)):
        raise UnsafeFile(f"an unknown reference {shown(reference)}")
    data = archive.read(f"{root}data/{key}")
    if count < 0 or len(data) != count * kind.dtype.itemsize:
        raise UnsafeFile(f"storage {key} has {len(data)} bytes, not {shown(count)} numbers of {kind.dtype.itemsize}")
    return np.frombuffer(data, kind.dtype)


def read_object(path: str, member: str | None = None) -> tuple[Any, np.ndarray | None]:
    """What ``torch.save(object, path)`` wrote, tensors as arrays; and the array in ``member`` (.npy) if it is in the file.

    Raises
    ------
    ValueError
        If the file is of torch's old format, damaged, or holds anything but dicts, tensors and plain values.
    """
    with open(path, "rb") as file:
        if file.read(2) != b"PK":
            raise ValueError(
                f"path: {path} is not a zip file: torch wrote such files before version 1.6. Load it with a newer "
                f"torch and save it again: torch.save(torch.load(path), path)"
            )
    try:
        with zipfile.ZipFile(path) as archive:
            programs = [name for name in archive.namelist() if name == "data.pkl" or name.endswith("/data.pkl")]
            if len(programs) != 1:
                raise UnsafeFile(f"it has {len(programs)} members data.pkl")
            root = programs[0][: -len("data.pkl")]
            order = f"{root}byteorder"
            if order in archive.namelist() and archive.read(order).strip() != b"little":
                raise UnsafeFile("its numbers are not little-endian")
            if (length := archive.getinfo(programs[0]).file_size) > _torch_pickle.LONGEST:
                raise UnsafeFile(f"its data.pkl has {length} bytes, more than a checkpoint has a use for")
            result = _torch_pickle.run(archive.read(programs[0]), ALLOWED, lambda reference: _storage(archive, root, reference))
            found = None
            if member is not None and root + member in archive.namelist():
                found = np.lib.format.read_array(io.BytesIO(archive.read(root + member)), allow_pickle=False)
            return result, found
    except Exception as error:  # a damaged pickle can end in nearly any exception; none of them is news to the user
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # EINVAL: a place before the file's beginning
            raise
        raise ValueError(f"path: {path} cannot be read as a file of pykan: {error}") from None


def read_state(path: str) -> dict[str, np.ndarray]:
    """The arrays of a file that ``torch.save(model.state_dict(), path)`` wrote.

    Raises
    ------
    ValueError
        As :func:`read_object`, and if it is not a dict of tensors.
    """
    state, _ = read_object(path)
    if not isinstance(state, dict) or not all(isinstance(k, str) and isinstance(v, np.ndarray) for k, v in state.items()):
        raise ValueError(f"path: {path} does not hold a state_dict: names and tensors")
    return dict(state)


def read_cache(path: str, member: str) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The remembered data of a checkpoint, or None; and the array in ``member``, which only swiftkan writes."""
    if not os.path.exists(path):
        raise FileNotFoundError(f"path: there is no {path}; KAN.from_pykan reads a checkpoint without it")
    value, found = read_object(path, member)
    if value is not None and not isinstance(value, np.ndarray):
        raise ValueError(f"path: {path} does not hold remembered data: a tensor, or None")
    return value, found


def read_configuration(path: str) -> dict[str, Any]:
    """The keys and values of ``{path}_config.yml``."""
    config_path = f"{path}_config.yml"
    config = _yaml.read(config_path)
    missing = [key for key in KEYS if key not in config]
    if missing:
        raise ValueError(f"path: {config_path} is not a configuration of pykan: {', '.join(missing)} missing")
    return config


def read_checkpoint(path: str) -> tuple[dict[str, Any], dict[str, np.ndarray], list]:
    """The constructor's arguments, the numbers and the function names of a pykan checkpoint."""
    config_path, state_path = f"{path}_config.yml", f"{path}_state"
    for needed in (config_path, state_path):
        if not os.path.exists(needed):
            raise FileNotFoundError(f"path: there is no {needed}; give the path as to pykan's saveckpt, without _config.yml and _state")
    config = read_configuration(path)
    state = read_state(state_path)
    coef = state.get("act_fun.0.coef")
    if coef is None or coef.dtype not in (np.float32, np.float64):
        raise ValueError(
            f"path: {state_path} is not a state of pykan: act_fun.0.coef must be there, float32 or float64"
        )
    arguments = {**NOT_STORED, **{key: config[key] for key in KEYS if key != "base_fun_name"}}
    arguments.update(base_fun=config["base_fun_name"], dtype=coef.dtype.name)
    if _switched_off_by_fit(config, state):
        arguments["symbolic_enabled"] = True
    depth = len(config["width"]) - 1 if isinstance(config["width"], list) else 0
    names = []
    for l in range(depth):
        key = f"symbolic.funs_name.{l}"
        if not isinstance(config.get(key), list):
            raise ValueError(f"path: {config_path} is not a configuration of pykan: {key} missing")
        names.append(config[key])
    return arguments, state, names


def _switched_off_by_fit(config: dict[str, Any], state: dict[str, np.ndarray]) -> bool:
    """Is ``symbolic_enabled: false`` only what pykan's ``fit`` leaves in the versions that it saves.

    Where no symbolic edge is on, it switches them off for its own time and saves before it switches them on again
    (kan/MultKAN.py, fit). Symbolic edges made after a rewind would then count for nothing.
    """
    masks = [value for name, value in state.items() if name.startswith("symbolic_fun.") and name.endswith(".mask")]
    ours = any(str(key).startswith("swiftkan.") for key in config)
    return config["symbolic_enabled"] is False and config.get("auto_save") is True and not ours and not any(m.any() for m in masks)
