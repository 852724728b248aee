"""Writing arrays as ``torch.save`` does, without torch: a zip with a pickle and the raw numbers beside it.

What it must get right first:
  1. ``torch.load`` reads the file with its default ``weights_only=True``: only opcodes and globals that it allows are
     written;
  2. a file depends on the arrays alone (no clock, no names), so that equal models make equal files;
  3. arrays go from memory to the file; there is no second copy of large data.

The format (torch.save since 1.6; ``byteorder`` came later): members ``archive/data.pkl`` (pickle protocol 2),
``archive/byteorder``, ``archive/data/<key>`` (the numbers of one storage, little-endian), ``archive/version``;
nothing is compressed, and storages begin at multiples of 64 bytes so that they can be mapped into memory. A tensor is
``torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)``, its storage a persistent id
``('storage', type, key, location, count)``. Our reader is ``_pykan.py``.
"""

from __future__ import annotations

import pickle
import struct
import zipfile
from typing import Any, BinaryIO, Mapping

import numpy as np

STORAGE = {"<f8": "DoubleStorage", "<f4": "FloatStorage", "<i8": "LongStorage"}
ROOT = "archive/"
ALIGNMENT = 64
LOCAL_HEADER = 30  # bytes of a zip member's header before its name and extra field
EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time that a zip can hold


def write(
    file: BinaryIO, value: Mapping[str, np.ndarray] | np.ndarray | None, members: Mapping[str, np.ndarray] | None = None
) -> None:
    """Writes a dict of arrays, one array or None, as ``torch.save`` would write the tensors.

    Parameters
    ----------
    file : binary file, open for writing and seekable
    value : dict from names to arrays, array, or None
        Arrays of float64, float32 or int64.
    members : dict from names to arrays
        More members of the zip, as ``.npy``, which torch does not look at.
    """
    storages: list[np.ndarray] = []
    if value is None:
        body = pickle.NONE
    elif isinstance(value, np.ndarray):
        body = _tensor(value, storages)
    else:
        items = b"".join(_text(name) + _tensor(array, storages) for name, array in value.items())
        body = _ORDERED_DICT + pickle.MARK + items + pickle.SETITEMS
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_member("data.pkl"), pickle.PROTO + b"\x02" + body + pickle.STOP)
        archive.writestr(_member("byteorder"), b"little")
        for key, numbers in enumerate(storages):
            member = _member(f"data/{key}")
            member.extra = _padding(file.tell() + LOCAL_HEADER + len(member.filename))
            archive.writestr(member, numbers.view(np.uint8).data)
        archive.writestr(_member("version"), b"3\n")
        for name, array in (members or {}).items():
            with archive.open(_member(name), "w", force_zip64=True) as target:
                np.lib.format.write_array(target, array, allow_pickle=False)


def _member(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(ROOT + name, EPOCH)


def _padding(start: int) -> bytes:
    """An extra field (of torch's id, "FB") that moves ``start`` to the next multiple of the alignment."""
    filler = (-start - 4) % ALIGNMENT
    return b"FB" + struct.pack("<H", filler) + b"Z" * filler


# ---- Pickle, protocol 2: what each helper returns pushes one object on the stack of the machine that reads it --------


def _text(value: str) -> bytes:
    data = value.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(data)) + data


def _integer(value: int) -> bytes:
    if 0 <= value < 2**8:
        return pickle.BININT1 + struct.pack("<B", value)
    if -(2**31) <= value < 2**31:
        return pickle.BININT + struct.pack("<i", value)
    data = pickle.encode_long(value)
    return pickle.LONG1 + struct.pack("<B", len(data)) + data


def _global(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def _tuple(*parts: bytes) -> bytes:
    return pickle.MARK + b"".join(parts) + pickle.TUPLE if parts else pickle.EMPTY_TUPLE


_ORDERED_DICT = _global("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.REDUCE


def _tensor(array: Any, storages: list[np.ndarray]) -> bytes:
    """A tensor with a storage of its own, which is appended to ``storages``."""
    array = np.asarray(array)
    little = array.dtype.newbyteorder("<")
    if little.str not in STORAGE:
        raise TypeError(f"a tensor of {array.dtype} cannot be written; allowed are float64, float32 and int64")
    numbers = np.ascontiguousarray(array, little).reshape(-1)
    kind, key = _global("torch", STORAGE[little.str]), _text(str(len(storages)))
    reference = _tuple(_text("storage"), kind, key, _text("cpu"), _integer(numbers.size))
    storages.append(numbers)
    strides, step = [], 1
    for n in reversed(array.shape):
        strides.insert(0, step)
        step *= max(n, 1)
    size, stride = (_tuple(*map(_integer, counts)) for counts in (array.shape, strides))
    arguments = _tuple(reference + pickle.BINPERSID, _integer(0), size, stride, pickle.NEWFALSE, _ORDERED_DICT)
    return _global("torch._utils", "_rebuild_tensor_v2") + arguments + pickle.REDUCE
