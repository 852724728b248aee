"""Checkpoints under pykan's names: ``saveckpt``, ``loadckpt``, ``copy``.

The formats are described in ``_pykan_write.py``, ``_torch_file.py`` and ``_pykan.py``.

What it must get right first:
  1. a model comes back as it was saved, by pykan or by us, with its data and its place among the versions;
  2. a copy never touches the disk;
  3. what reads and writes the files is imported when it is used: zipfile and pickle are a good part of the time that
     importing swiftkan would take.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _check
from ._files import Files
from ._references import UnknownFunction


class Checkpoints(Files):
    """Methods that write and read checkpoints."""

    def saveckpt(self, path: Any = "model") -> None:
        """Writes a checkpoint that pykan's ``loadckpt`` reads too; torch is not needed.

        :meth:`save` writes one file instead of three, and is the better choice where pykan is not to read it.

        Parameters
        ----------
        path : str, bytes or path-like
            The files are ``{path}_config.yml``, ``{path}_state`` and ``{path}_cache_data`` (the remembered data, or
            None). Files that are there already are replaced when all new ones are complete.

        Raises
        ------
        OSError
            If a file cannot be written; FileNotFoundError if its folder is not there.

        Warns
        -----
        UserWarning
            As :meth:`save`.

        Examples
        --------
        >>> import os, tempfile
        >>> from swiftkan import KAN
        >>> model = KAN([2, 5, 1])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.saveckpt(os.path.join(folder, "mark"))
        ...     again = KAN.loadckpt(os.path.join(folder, "mark"))
        >>> bool((again([0.1, 0.2]) == model([0.1, 0.2])).all())
        True
        """
        from ._pykan_write import write_checkpoint

        write_checkpoint(self, path)
        self._warn_of_names("saveckpt", stacklevel=3)

    @classmethod
    def loadckpt(cls, path: Any = "model") -> Checkpoints:
        """Reads a checkpoint that :meth:`saveckpt` or pykan wrote; torch is not needed, and nothing in it is executed.

        Parameters
        ----------
        path : str, bytes or path-like
            As given to ``saveckpt``.

        Returns
        -------
        KAN
            With the checkpoint's numbers, dtype and remembered data, on the processor wherever it was written. As in
            pykan its ``round`` is one more than the file's, and ``auto_save`` and ``ckpt_path`` are the file's.

        Raises
        ------
        FileNotFoundError
            If one of the three files is missing. Without ``{path}_cache_data``, :meth:`from_pykan` reads the other two.
        ValueError
            If a file is damaged, holds anything that a checkpoint has no use for, or has functions that must be added first.

        Examples
        --------
        >>> import os, tempfile
        >>> from swiftkan import KAN
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     KAN([2, 5, 1], grid=7).saveckpt(os.path.join(folder, "mark"))
        ...     KAN.loadckpt(os.path.join(folder, "mark")).grid
        7
        """
        from ._pykan import read_cache, read_checkpoint, read_configuration
        from ._pykan_write import ALL_COLUMNS, OWN

        path = _check.path("path", path)
        arguments, state, names = read_checkpoint(path)
        config = read_configuration(path)
        rows, all_rows = read_cache(f"{path}_cache_data", ALL_COLUMNS)
        try:
            arguments.update({name: config[f"swiftkan.{name}"] for name in OWN if f"swiftkan.{name}" in config})
            arguments.update(_place(config))
            model = cls(**arguments, first_init=False)
            model.load_state_dict(state)
            model._set_function_names(names)
            if "swiftkan.input_id" in config:
                model.input_id = config["swiftkan.input_id"]
                model.input_width = config["swiftkan.input_width"]
            _put_data(model, rows if all_rows is None else all_rows, config)
        except KeyError as error:
            missing = error.args[0]
            raise ValueError(f"path: {path}_config.yml is not a configuration of pykan: {missing} missing") from None
        except UnknownFunction as error:
            raise ValueError(f"path: the checkpoint {path} cannot be loaded yet: {error}") from None
        except (TypeError, ValueError) as error:
            raise ValueError(f"path: the checkpoint {path} cannot be read: {error}") from None
        return model

    def copy(self) -> Checkpoints:
        """An independent copy, as :meth:`clone`: nothing is written to disk, and ``round`` stays what it is.

        Examples
        --------
        >>> from swiftkan import KAN
        >>> model = KAN([1, 1])
        >>> twin = model.copy()
        >>> twin.act_fun[0].coef[:] *= 2
        >>> bool((twin.act_fun[0].coef == model.act_fun[0].coef).all())
        False
        """
        return self.clone()


def _place(config: dict[str, Any]) -> dict[str, Any]:
    """Where the loaded model stands among the versions."""
    state = config["state_id"]
    if isinstance(state, str) and state.isascii() and state.isdigit():  # pykan's rewind leaves the number as text
        state = int(state)
    return {
        "state_id": _check.integer("state_id", state, 0),
        "round": _check.integer("round", config["round"], 0) + 1,
        "auto_save": _check.flag("auto_save", config["auto_save"]),
        "ckpt_path": _check.path("ckpt_path", config["ckpt_path"]),
    }


def _put_data(model: Checkpoints, rows: np.ndarray | None, config: dict[str, Any]) -> None:
    """Makes the model remember the checkpoint's data."""
    model.cache_data = rows
    if model._remembered is not None and "swiftkan.y_th" in config:
        avoid, y_th = _check.singularity(config["swiftkan.singularity_avoiding"], config["swiftkan.y_th"])
        model._remembered.avoid, model._remembered.y_th = avoid, y_th
