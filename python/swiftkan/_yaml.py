"""Reading and writing the flat YAML that pykan writes, also where PyYAML is not installed.

What it must get right first: nothing is executed, and what is not understood is an error, never a guess; a small file
holds small values; what is written reads the same with PyYAML and with the parser below. Only the subset that ``yaml.dump(dict,
default_flow_style=False)`` writes for plain values is read: ``key: value`` lines, lists of lists in block style,
scalars. With PyYAML installed its ``safe_load`` does the work, so that files edited by hand may use all of YAML.
"""

from __future__ import annotations

import re
from typing import Any

REPEATED = 10**6  # most values that aliases may add to those that are written out
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+][0-9]+)?")
_WORDS: dict[str, Any] = {
    "null": None, "~": None, "true": True, "false": False, "yes": True, "no": False, "on": True, "off": False,
    "[]": [], "{}": {},
}  # fmt: skip
# A colon or # may be within a word; but digits with colons are numbers of base 60, of which nobody thinks.
_PLAIN = re.compile(r"(?![0-9]+:)[^\s\-?:,\[\]{}#&*!|>'\"%@`]([^#:\[\]{}]|:(?=\S)|(?<=\S)#)*")
_ESCAPE = re.compile(r'\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(["\\/]))')
# Text that needs no quotes: a word, a path, or with a slash in it (so that it is no number and no date).
_BARE = re.compile(r"(?:[A-Za-z]|\.{0,2}/|[0-9]+/)[\w./^()+-]*", re.ASCII)


def read(path: str) -> dict[str, Any]:
    """The file's mapping.

    Raises
    ------
    ValueError
        If it is not plain YAML: tags such as ``!!python/object`` ask for code to be run, and are refused.
    """
    with open(path, encoding="utf-8") as file:
        try:
            text = file.read()
        except UnicodeDecodeError as error:
            raise ValueError(f"path: {path} is not text: {error}") from None
    try:
        result = _load(text, path)
    except RecursionError:
        raise ValueError(f"path: {path} is not plain YAML: it is nested too deeply") from None
    if not isinstance(result, dict):
        raise ValueError(f"path: {path} does not hold 'key: value' lines")
    return result


def _load(text: str, path: str) -> Any:
    """:func:`parse` or, if PyYAML is there, its ``safe_load``, which refuses here what aliases repeat without end."""
    try:
        import yaml  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return parse(text, path)
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        if _is_larger(root, len(text) + REPEATED):
            raise ValueError("its aliases repeat too much")
        return loader.construct_document(root)
    except (RecursionError, MemoryError):
        raise
    except Exception as error:  # also those of Python's conversions: a date that is none can end in nearly any
        raise ValueError(f"path: {path} is not plain YAML: {error}") from None


def _is_larger(root: Any, most: int) -> bool:
    """Has a graph of PyYAML's nodes more than so many, counted wherever they are repeated."""
    nodes, count = [root], 0
    while nodes and count <= most:
        value = nodes.pop().value
        count += 1
        if isinstance(value, list):
            for inner in value:  # a node, or a mapping's pair of them
                nodes += inner if isinstance(inner, tuple) else (inner,)
    return count > most


def parse(text: str, path: str = "the text") -> dict[str, Any]:
    """The subset without PyYAML."""
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#") and line.strip() != "---":
            indent = len(line) - len(line.lstrip(" "))
            lines.append((number, indent, line.strip()))
    result: dict[str, Any] = {}
    at = 0
    while at < len(lines):
        number, indent, line = lines[at]
        key, colon, value = line.partition(":")
        if indent or not colon or line.startswith("- ") or value[:1] not in ("", " "):
            raise ValueError(f"path: {path}, line {number}: cannot be understood without PyYAML: {line!r}")
        at += 1
        if value.strip():
            result[_scalar(key, path, number)] = _scalar(value.strip(), path, number)
        elif at < len(lines) and lines[at][2].startswith("-"):
            result[_scalar(key, path, number)], at = _sequence(lines, at, lines[at][1], path)
        else:
            result[_scalar(key, path, number)] = None
    return result


def _sequence(lines: list, at: int, indent: int, path: str) -> tuple[list, int]:
    """A block sequence whose dashes stand at ``indent``; and where the next thing begins."""
    result = []
    while at < len(lines) and lines[at][1] == indent and (lines[at][2] == "-" or lines[at][2].startswith("- ")):
        number, _, line = lines[at]
        rest = line[1:].lstrip()
        inner = indent + len(line) - len(rest)
        if rest.startswith("- "):  # a sequence in a sequence begins on the same line
            lines[at] = (number, inner, rest)
            value, at = _sequence(lines, at, inner, path)
        elif rest:
            value, at = _scalar(rest, path, number), at + 1
        else:
            value, at = None, at + 1
        result.append(value)
    if at < len(lines) and lines[at][1] > indent:
        raise ValueError(f"path: {path}, line {lines[at][0]}: cannot be understood without PyYAML: {lines[at][2]!r}")
    return result, at


def _scalar(text: str, path: str, number: int) -> Any:
    text = text.strip()
    if text.lower() in _WORDS:
        value = _WORDS[text.lower()]
        return list(value) if isinstance(value, list) else dict(value) if isinstance(value, dict) else value
    if _INTEGER.fullmatch(text):
        try:
            return int(text)
        except ValueError as error:  # Python bounds the digits
            raise ValueError(f"path: {path}, line {number}: {error}") from None
    if _FLOAT.fullmatch(text):
        return float(text)
    if text in (".inf", "-.inf", ".nan"):
        return float(text.replace(".", "", 1))
    if len(text) >= 2 and text[0] == text[-1] == "'" and "'" not in text[1:-1].replace("''", ""):
        return text[1:-1].replace("''", "'")
    if len(text) >= 2 and text[0] == text[-1] == '"' and not re.search(r'["\\]', _ESCAPE.sub("", text[1:-1])):
        return _ESCAPE.sub(lambda match: match[4] or chr(int(match[1] or match[2] or match[3], 16)), text[1:-1])
    if _PLAIN.fullmatch(text):
        return text
    raise ValueError(f"path: {path}, line {number}: cannot be understood without PyYAML: {text!r}")


# ---- Writing -----------------------------------------------------------------------------------------------------


def dump(mapping: dict[str, Any]) -> str:
    """``key: value`` lines in the order of the keys, as ``yaml.dump(mapping, default_flow_style=False)`` writes them.

    Values are None, bools, numbers (NumPy's become Python's), text, and lists of these, nested as they like.
    """
    lines = []
    for key in sorted(mapping):
        value = mapping[key]
        if isinstance(value, (list, tuple)) and value:
            lines += [f"{_write(key)}:", *_items(value, "")]
        else:
            lines.append(f"{_write(key)}: {_write(value)}")
    return "".join(line + "\n" for line in lines)


def _items(values: Any, indent: str) -> list[str]:
    lines = []
    for value in values:
        if isinstance(value, (list, tuple)) and value:
            first, *rest = _items(value, indent + "  ")
            lines += [f"{indent}- {first.lstrip(' ')}", *rest]
        else:
            lines.append(f"{indent}- {_write(value)}")
    return lines


def _write(value: Any) -> str:
    if hasattr(value, "item") and not getattr(value, "shape", None):
        value = value.item()
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        text = repr(value)
        if text in ("inf", "-inf", "nan"):
            return text.replace("inf", ".inf").replace("nan", ".nan")
        return text if "." in text else text.replace("e", ".0e")  # YAML takes 1e-05 for text
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, (list, tuple)) and not value:
        return "[]"
    raise TypeError(f"cannot be written as YAML: {value!r}")


def _quoted(text: str) -> str:
    if _BARE.fullmatch(text) and text.lower() not in _WORDS and text.lower() not in ("y", "n"):
        return text
    if text.isascii() and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(c if " " <= c <= "~" and c not in '"\\' else _escape(c) for c in text) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    if character in '"\\':
        return f"\\{character}"
    return f"\\x{code:02X}" if code < 2**8 else f"\\u{code:04X}" if code < 2**16 else f"\\U{code:08X}"
