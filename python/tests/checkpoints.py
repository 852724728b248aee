"""What tests of checkpoints share: models with something in every file, and a reader of torch's format, not ours."""

import collections
import io
import pickle
import pickletools
import zipfile

import numpy as np

from helpers import random_network
from swiftkan import KAN, create_dataset

# What torch.load(weights_only=True) executes, of the words that a checkpoint may need
# (torch/_weights_only_unpickler.py).
OPCODES = {
    "PROTO", "GLOBAL", "EMPTY_TUPLE", "REDUCE", "MARK", "BINUNICODE", "BININT", "BININT1", "LONG1", "TUPLE",
    "BINPERSID", "NEWFALSE", "NONE", "SETITEMS", "STOP",
}  # fmt: skip
GLOBALS = {"collections OrderedDict", "torch._utils _rebuild_tensor_v2", "torch DoubleStorage", "torch FloatStorage"}


def product_data(n=40):
    """A small data set for a network of two inputs and an output."""
    return create_dataset(lambda x: x[:, [0]] * x[:, [1]], n_var=2, train_num=n, test_num=10, seed=3)


def rich_model(dtype="float64"):
    """Every setting away from its default, symbolic edges, products of different arities, columns selected."""
    settings = dict(
        width=[3, [2, 2], 1], mult_arity=[[], [2, 3], []], grid=[3, 5], k=[2, 3], base_fun="identity", grid_eps=0.3,
        grid_range=(-1.5, 2), affine_trainable=True, sp_trainable=False, scale_base_mu=0.1,
    )  # fmt: skip
    model = random_network(settings, seed=7, dtype=dtype)
    model.input_width = 5
    model.input_id = [4, 0, 2]
    model.get_act(inputs(model))
    return model


def inputs(model, n=12):
    return np.random.RandomState(5).uniform(-1, 1, (n, model.input_width))


def same(one: KAN, other: KAN, data=True):
    """Are two models equal to the bit: numbers, functions, settings, selected columns, remembered data."""
    ours, theirs = one.state_dict(), other.state_dict()
    assert list(ours) == list(theirs)
    for name in ours:
        assert ours[name].dtype == theirs[name].dtype and np.array_equal(ours[name], theirs[name]), name
    assert [layer.funs_name for layer in one.symbolic_fun] == [layer.funs_name for layer in other.symbolic_fun]
    assert one._current_settings().to_dict() == other._current_settings().to_dict()
    assert np.array_equal(one.input_id, other.input_id) and one.input_width == other.input_width
    if data and one.cache_data is None:
        assert other.cache_data is None
    elif data:
        assert other.cache_data.dtype == one.cache_data.dtype and np.array_equal(one.cache_data, other.cache_data)
    assert np.array_equal(one(inputs(one)), other(inputs(one)))
    return True


class _Reader(pickle.Unpickler):
    def __init__(self, archive, root):
        super().__init__(io.BytesIO(archive.read(root + "data.pkl")))
        self.archive, self.root = archive, root

    def find_class(self, module, name):
        if name.endswith("Storage"):
            return {"DoubleStorage": "<f8", "FloatStorage": "<f4"}[name]
        return {"OrderedDict": collections.OrderedDict, "_rebuild_tensor_v2": self.tensor}[name]

    def persistent_load(self, reference):
        word, kind, key, location, count = reference
        assert (word, location) == ("storage", "cpu")
        data = self.archive.read(f"{self.root}data/{key}")
        assert len(data) == count * np.dtype(kind).itemsize
        return np.frombuffer(data, kind)

    @staticmethod
    def tensor(storage, offset, size, stride, requires_grad, hooks):
        assert (offset, requires_grad, hooks) == (0, False, {})
        assert stride == tuple(int(np.prod(size[axis + 1 :])) for axis in range(len(size)))  # contiguous
        return storage.reshape(size)


def read_torch_file(path):
    """The object in a torch file, with the words of its pickle and the layout of its zip checked on the way."""
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        assert archive.testzip() is None
        root = archive.namelist()[0].partition("/")[0] + "/"
        assert archive.read(root + "byteorder") == b"little" and archive.read(root + "version") == b"3\n"
        for member in archive.infolist():
            assert member.compress_type == zipfile.ZIP_STORED and member.date_time == (1980, 1, 1, 0, 0, 0)
            if "/data/" in member.filename:
                file.seek(member.header_offset + 26)
                name, extra = np.frombuffer(file.read(4), "<u2")
                assert (member.header_offset + 30 + int(name) + int(extra)) % 64 == 0
        program = archive.read(root + "data.pkl")
        words = list(pickletools.genops(program))
        assert {word.name for word, _, _ in words} <= OPCODES
        assert {argument for word, argument, _ in words if word.name == "GLOBAL"} <= GLOBALS
        assert max(word.proto for word, _, _ in words) <= 2
        pickletools.dis(program, out=io.StringIO())  # it also checks that the stack ends with the one object
        return _Reader(archive, root).load()
