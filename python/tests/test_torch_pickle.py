"""The machine that runs the pickles of torch files.

What it must show: it makes what pickle makes of plain values, and whatever else a program tries ends in an error, the process and the
next file unharmed.
"""

import pathlib
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_pykan import checkpoint, pickled, tensor, write_state  # noqa: F401 (a fixture)

from swiftkan import KAN, _torch_pickle

WORD = pickle.GLOBAL + b"torch\nDoubleStorage\n"
NESTED = pickle.EMPTY_TUPLE + pickle.TUPLE1 * 300_000
LAUGHS = pickle.EMPTY_TUPLE + (pickle.BINPUT + b"\0" + (pickle.BINGET + b"\0") * 2 + pickle.TUPLE3) * 60
STRANGE = {
    "a nested key": (pickle.EMPTY_DICT + NESTED + pickle.NONE + pickle.SETITEM, "keys that are no text"),
    "a nested reference": (NESTED + pickle.BINPERSID, "an unknown reference a tuple"),
    "a reference that is endless in writing": (LAUGHS + pickle.BINPERSID, "an unknown reference a tuple"),
    "long": (pickle.NONE * 2**22, "more than a checkpoint has a use for"),
    "changed words": (WORD + pickle.EMPTY_DICT + pickle.BUILD, "changes what is no dict"),
    "items of a word": (WORD + b"X\x01\x00\x00\x00a" + pickle.NONE + pickle.SETITEM, "changes what is no dict"),
    "a word of another protocol": (pickle.NONE + pickle.MEMOIZE, "the word b'.x94'"),
    "another protocol": (pickle.PROTO + b"\4" + pickle.NONE, "the pickle protocol 4"),
    "no mark": (pickle.NONE + pickle.TUPLE, "empty stack"),
    "too few": (pickle.NONE + pickle.TUPLE2, "empty stack"),
    "not in the memo": (pickle.BINGET + b"\0", "what it has not written"),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_strange_programs(checkpoint, kind):
    path, model = checkpoint
    body, text = STRANGE[kind]
    write_state(f"{path}_state", {}, extra={"archive/data.pkl": pickle.PROTO + b"\2" + body + pickle.STOP})
    with pytest.raises(ValueError, match=f"^path: .*{text}"):
        KAN.from_pykan(path)


def test_a_refused_file_leaves_nothing_behind(checkpoint):
    """Pickles may set attributes of what they ask for: of an object of the reader's that would spoil every later file."""
    path, model = checkpoint
    good = pathlib.Path(f"{path}_state").read_bytes()
    attributes = {"dtype": tensor("LongStorage", "0", 2, 0, (2,), (1,))}
    body = WORD + pickled((None, attributes))[2:-1] + pickle.BUILD  # without PROTO and STOP
    write_state(f"{path}_state", {"a": np.zeros(2, int)}, extra={"archive/data.pkl": pickle.PROTO + b"\2" + body + pickle.STOP})
    with pytest.raises(ValueError, match="^path: .*changes what is no dict"):
        KAN.from_pykan(path)
    pathlib.Path(f"{path}_state").write_bytes(good)
    assert np.array_equal(KAN.from_pykan(path).act_fun[0].coef, model.act_fun[0].coef)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.tuples(inner) | st.tuples(inner, inner) | st.lists(inner, max_size=6).map(tuple) | st.dictionaries(st.text(max_size=3), inner),
)


@given(plain)
def test_plain_values_are_read_as_pickle_reads_them(value):
    program = pickle.dumps(value, protocol=2)
    again = _torch_pickle.run(program, {}, None)
    assert again == value and repr(again) == repr(value)
    for length in range(len(program)):
        with pytest.raises((_torch_pickle.UnsafeFile, UnicodeDecodeError)):
            _torch_pickle.run(program[:length], {}, None)
