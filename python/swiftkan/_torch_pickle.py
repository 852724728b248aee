"""The machine that runs the pickle in a torch file: the words of protocol 2 that a dict of tensors needs, and no others.

What it must get right first:
  1. a program can call only what the caller gives it, and change only what it has made itself;
  2. every program ends, soon, in a value or in an error.

CPython's own machine holds neither: its BUILD sets attributes of whatever it is pointed at, and the hash of a tuple that is nested
deeply enough ends the process. Here keys are text, so that nothing is hashed, compared or copied in depth.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable, Mapping
from typing import Any

LONGEST = 2**22  # bytes of a program; pykan's have about a thousand for each layer
CONSTANTS = {pickle.NONE: None, pickle.NEWTRUE: True, pickle.NEWFALSE: False, pickle.EMPTY_TUPLE: ()}
NUMBERS = {pickle.BININT: "<i", pickle.BININT1: "<B", pickle.BININT2: "<H", pickle.BINFLOAT: ">d"}
TUPLES = {pickle.TUPLE1: 1, pickle.TUPLE2: 2, pickle.TUPLE3: 3}
PUTS = {pickle.BINPUT: "<B", pickle.LONG_BINPUT: "<I"}
GETS = {pickle.BINGET: "<B", pickle.LONG_BINGET: "<I"}


class UnsafeFile(pickle.UnpicklingError):
    """The file asks for something that a checkpoint has no use for."""


def run(program: bytes, names: Mapping[tuple[str, str], Any], refer: Callable[[Any], Any]) -> Any:
    """What the program makes.

    Parameters
    ----------
    program : bytes
    names : dict
        What it may ask for by module and name; functions among it may be called.
    refer : callable
        What a persistent id stands for.

    Raises
    ------
    UnsafeFile
        If it is no such program. What the functions raise goes through.
    """
    tape = io.BytesIO(program)
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}
    while True:
        word = tape.read(1)
        if word in CONSTANTS:
            stack.append(CONSTANTS[word])
        elif word in NUMBERS:
            stack.append(_number(tape, NUMBERS[word]))
        elif word in TUPLES:
            stack.append(tuple(_pop(stack, TUPLES[word])))
        elif word in PUTS:
            memo[_number(tape, PUTS[word])] = _top(stack)
        elif word in GETS:
            number = _number(tape, GETS[word])
            if number not in memo:
                raise UnsafeFile("its pickle reads what it has not written")
            stack.append(memo[number])
        elif word == pickle.MARK:
            marks.append(len(stack))
        elif word == pickle.TUPLE:
            stack.append(tuple(_pop_marked(stack, marks)))
        elif word == pickle.BINUNICODE:
            stack.append(_take(tape, _number(tape, "<I")).decode())
        elif word == pickle.LONG1:
            stack.append(int.from_bytes(_take(tape, _number(tape, "<B")), "little", signed=True))
        elif word == pickle.EMPTY_DICT:
            stack.append({})
        elif word == pickle.SETITEM:
            items = _pop(stack, 2)
            _set_items(_top(stack), items)
        elif word == pickle.SETITEMS:
            items = _pop_marked(stack, marks)
            _set_items(_top(stack), items)
        elif word == pickle.GLOBAL:
            module, name = (tape.readline().decode().removesuffix("\n") for _ in range(2))
            if (module, name) not in names:
                raise UnsafeFile(f"it asks for {module}.{name}, which a checkpoint has no use for")
            stack.append(names[module, name])
        elif word == pickle.REDUCE:
            function, arguments = _pop(stack, 2)
            if not callable(function) or not isinstance(arguments, tuple):
                raise UnsafeFile("its pickle calls what is no function")
            stack.append(function(*arguments))
        elif word == pickle.BUILD:  # torch notes the versions of modules as an attribute of the state, which numbers do not need
            _pop(stack, 1)
            _dict(_top(stack))
        elif word == pickle.BINPERSID:
            stack.append(refer(*_pop(stack, 1)))
        elif word == pickle.PROTO:
            if (version := _number(tape, "<B")) != 2:
                raise UnsafeFile(f"it is written in the pickle protocol {version}, and torch.save's own is 2")
        elif word == pickle.STOP:
            return _top(stack)
        else:
            raise UnsafeFile(f"its pickle has the word {word!r}, which a checkpoint has no use for" if word else "its pickle ends too early")


def _take(tape: io.BytesIO, count: int) -> bytes:
    data = tape.read(count)
    if len(data) < count:
        raise UnsafeFile("its pickle ends too early")
    return data


def _number(tape: io.BytesIO, code: str) -> Any:
    return struct.unpack(code, _take(tape, struct.calcsize(code)))[0]


def _top(stack: list[Any]) -> Any:
    if not stack:
        raise UnsafeFile("its pickle takes from an empty stack")
    return stack[-1]


def _pop(stack: list[Any], count: int) -> list[Any]:
    """The last ``count`` values, taken off."""
    if len(stack) < count:
        raise UnsafeFile("its pickle takes from an empty stack")
    values = stack[-count:]
    del stack[-count:]
    return values


def _pop_marked(stack: list[Any], marks: list[int]) -> list[Any]:
    """The values since the last mark, taken off."""
    if not marks:
        raise UnsafeFile("its pickle takes from an empty stack")
    begin = marks.pop()
    values = stack[begin:]
    del stack[begin:]
    return values


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnsafeFile("its pickle changes what is no dict")
    return value


def _set_items(target: Any, items: list[Any]) -> None:
    keys = items[::2]
    if len(items) % 2 or not all(isinstance(key, str) for key in keys):
        raise UnsafeFile("it has a dict with keys that are no text")
    _dict(target).update(zip(keys, items[1::2]))
