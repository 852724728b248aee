"""Saving and loading: one file that holds a whole model and can do nothing but be read.

What it must get right first:
  1. loading executes nothing: the file is a zip of plain arrays (.npy) and a JSON header, read without pickle;
  2. a file is written whole or not at all: into a new file beside it, which then takes its place;
  3. damaged, foreign and newer files end in one sentence that says so.

The format, version 1: a NumPy .npz archive with the arrays of ``state_dict()`` under their names and ``header``,
UTF-8 JSON as bytes: ``format`` ("swiftkan"), ``version`` (1), ``settings`` (the constructor's arguments),
``functions`` ([l][out][in] names), ``input_id``, ``input_width``.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable
from typing import Any, BinaryIO, Self

import numpy as np

from . import _check
from ._references import UnknownFunction
from ._state import State

FORMAT, VERSION = "swiftkan", 1


class Files(State):
    """Methods that write and read models."""

    def save(self, path: Any) -> None:
        """Writes the model to one file: settings, numbers, symbolic functions. The remembered data is not written.

        Parameters
        ----------
        path : str, bytes or path-like
            The file's name, used as it is (``.npz`` is a usual ending). A file that is there already is replaced only
            when the new one is complete.

        Raises
        ------
        OSError
            If the file cannot be written; FileNotFoundError if its folder is not there.

        Warns
        -----
        UserWarning
            If it has a function that another process cannot find by its name, such as a lambda that was given to
            :meth:`fix_symbolic`; the file is written, and the warning says how to load it.

        Examples
        --------
        >>> import os, tempfile
        >>> from swiftkan import KAN
        >>> model = KAN([2, 5, 1])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model.npz")
        ...     model.save(path)
        ...     again = KAN.load(path)
        >>> bool((again([0.1, 0.2]) == model([0.1, 0.2])).all())
        True
        """
        path = _check.path("path", path)
        header = {
            "format": FORMAT,
            "version": VERSION,
            "settings": self._current_settings().to_dict(),
            "functions": self._function_names(),
            "input_id": self._input_id.tolist(),
            "input_width": self._input_width,
        }
        arrays = {"header": np.frombuffer(json.dumps(header).encode(), np.uint8), **self.state_dict()}
        write_whole({path: lambda file: np.savez(file, **arrays)})  # type: ignore[arg-type]
        self._warn_of_names("save", stacklevel=3)

    @classmethod
    def load(cls, path: Any) -> Self:
        """Reads a model that :meth:`save` wrote. Nothing in the file is executed.

        Parameters
        ----------
        path : str, bytes or path-like

        Returns
        -------
        KAN

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is not a model file of swiftkan, is damaged, or was written by a newer version; or if it has functions
            that must be added first (:func:`swiftkan.add_symbolic`), which the message lists.
        """
        path = _check.path("path", path)
        header, arrays = _read(path)
        try:
            model = cls.__new__(cls)
            model._plain_attributes()
            model._restore(header["settings"], arrays, header["functions"], header["input_id"], header["input_width"])
        except UnknownFunction as error:
            raise ValueError(f"path: {path} cannot be loaded yet: {error}") from None
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ValueError(f"path: {path} is damaged: {error}") from None
        return model

    def _plain_attributes(self) -> None:
        """The attributes that a model has for compatibility only."""
        self.device, self.save_act, self.auto_save, self.first_init = "cpu", True, False, True
        self.ckpt_path, self.state_id, self.round = "./model", 0, 0


_placing = threading.Lock()  # the files of one call take their places together, for all threads of this process


def write_whole(files: dict[str, Callable[[BinaryIO], Any]]) -> None:
    """Writes one file, or several that belong together: new ones beside their places, then each takes its place.

    Raises
    ------
    OSError
        If a file cannot be written. Those that are there already are then as they were.
    """
    # No other thread or process may have these names, nor what one that was killed left behind.
    mark = f"{os.getpid()}.{threading.get_ident():x}.{os.urandom(4).hex()}.unfinished"
    unfinished: dict[str, str] = {}
    try:
        for path, fill in files.items():
            folder = os.path.dirname(path) or os.curdir
            if not os.path.isdir(folder):
                raise FileNotFoundError(f"path: there is no folder {folder}; make it first, as with os.makedirs")
            name = f"{path}.{mark}"
            with open(name, "xb") as file:
                unfinished[name] = path  # ours from here on: what cannot be made is not ours to remove
                fill(file)
                file.flush()
                os.fsync(file.fileno())
        with _placing:
            for name, path in unfinished.items():
                os.replace(name, path)
    finally:
        for name in unfinished:
            if os.path.exists(name):
                os.remove(name)


def make_folder(name: str, path: str) -> None:
    """Makes a folder if need be, and makes sure that files can be written there.

    Raises
    ------
    OSError
        As the system's, with the argument's name.
    """
    import tempfile

    try:
        os.makedirs(path, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise type(error)(f"{name}: no files can be written into {path}: {error.strerror}") from None


def _read(path: str) -> tuple[dict, dict[str, np.ndarray]]:
    """Header and arrays of a file."""
    with open(path, "rb") as file:  # a missing file or folder is reported by the system, in its words
        if file.read(4) != b"PK\x03\x04":
            raise ValueError(
                f"path: {path} is not a model file of swiftkan; for pykan's checkpoints use KAN.from_pykan"
            )
    try:
        with np.load(path, allow_pickle=False) as archive:
            if "header" not in archive.files:
                raise ValueError(f"path: {path} is not a model file of swiftkan: it has no header")
            header = json.loads(archive["header"].tobytes().decode())
            _check_header(path, header)
            arrays = {name: archive[name] for name in archive.files if name != "header"}
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise ValueError(f"path: {path} is damaged: it speaks of places before its beginning") from None
    except MemoryError as error:
        raise ValueError(f"path: {path} is damaged, or larger than the memory: {error}") from None
    except Exception as error:  # a damaged zip or .npy can end in nearly any; none of them is news to the user
        if str(error).startswith("path: "):
            raise
        raise ValueError(f"path: {path} is damaged: {error}") from None
    return header, arrays


def _check_header(path: str, header: Any) -> None:
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError(f"path: {path} is not a model file of swiftkan: its header says so")
    version = header.get("version")
    if not isinstance(version, int):
        raise ValueError(f"path: {path} is damaged: it has version {_check.shown(version)} of the format")
    if version > VERSION:
        raise ValueError(
            f"path: {path} has the format's version {version}, and this swiftkan reads up to {VERSION}: update swiftkan"
        )
    if version < 1:
        raise ValueError(f"path: {path} is damaged: there is no version {version} of the format")
