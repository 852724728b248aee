"""Versions of a model on disk, under pykan's names: ``rewind``, ``checkout``, ``history``, ``log_history``.

What it must get right first:
  1. a version's file holds the model that the history says it holds, and no version is written over by another one;
  2. files first, then the line in the history: it never names a version that is not there;
  3. nothing is written or printed unless asked for: ``auto_save`` is off by default and silent when it is on.

Versions are called ``round.state_id``. With ``auto_save=True`` the constructor begins ``{ckpt_path}/history.txt`` and
writes version 0.0; every method that changes the model or returns a changed one then calls ``log_history``, which
writes the next version and a line ``0.0 => fit => 0.1``. A rewind opens a new round.
"""

from __future__ import annotations

import os
import re
import threading
import warnings

from . import _check
from ._checkpoints import Checkpoints
from ._files import write_whole

_ID = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")
_ROUND = re.compile(r"### Round ([0-9]+) ###")
_writing = threading.Lock()  # choosing a number and writing its line are one step for all threads of this process


class Versions(Checkpoints):
    """Methods that keep versions of a model."""

    def log_history(self, method_name: str) -> None:
        """Saves the model as its next version and notes what made it in the history; nothing without ``auto_save``.

        The methods that change a model call this themselves; those that return a new model call it on the new one.

        Parameters
        ----------
        method_name : str
            What was done, on one line.

        Raises
        ------
        OSError
            If a file cannot be written. The model is then as it was, with its old version number.

        Examples
        --------
        >>> import tempfile
        >>> from swiftkan import KAN
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model = KAN([2, 5, 1], auto_save=True, ckpt_path=folder)
        ...     model.act_fun[0].mask[0, 0] = 0
        ...     model.log_history("masked an edge")
        ...     model.history(1)
        0.0 => masked an edge => 0.1
        """
        if not isinstance(method_name, str):
            raise TypeError(f"method_name: must be text, not {method_name!r}")
        if not method_name or not method_name.isprintable():
            raise ValueError(f"method_name: must be text on one line, not {method_name!r}")
        if not self.auto_save:
            return
        os.makedirs(self.ckpt_path, exist_ok=True)
        before = _check.integer("state_id", self.state_id, 0)
        with _writing:
            lines = self._history_lines()
            try:
                self.state_id = max(before, _last_state(lines, self.round)) + 1
                self.saveckpt(self._version_path(f"{self.round}.{self.state_id}"))
                header = [] if lines else [f"### Round {self.round} ###"]
                self._append(*header, f"{self.round}.{before} => {method_name} => {self.round}.{self.state_id}")
            except BaseException:
                self.state_id = before
                raise

    def _logged(self, method_name: str, wanted: bool = True) -> Versions:
        """The model itself, after :meth:`log_history` if that is wanted: for methods that return it."""
        if wanted:
            self.log_history(method_name)
        return self

    def checkout(self, model_id: str) -> Versions:
        """An earlier version, as it was saved. Nothing is written and this model is not changed.

        Parameters
        ----------
        model_id : str
            'a.b': round a, state b.

        Returns
        -------
        KAN
            Its ``round`` is the next one that is free.

        Raises
        ------
        FileNotFoundError
            If there is no such version in ``ckpt_path``; the message lists those that are there.
        ValueError, TypeError
            If ``model_id`` is not of the form 'a.b', or the files are damaged.

        Examples
        --------
        >>> import numpy as np, tempfile
        >>> from swiftkan import KAN
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     coarse = KAN([2, 5, 1], grid=3, auto_save=True, ckpt_path=folder)
        ...     fine = coarse.refine(6, np.random.RandomState(0).rand(100, 2))
        ...     fine.checkout("0.0").grid, fine.checkout("0.1").grid
        (3, 6)
        """
        if not isinstance(model_id, str):
            raise TypeError(f"model_id: must be text such as '0.1', not {model_id!r}")
        if not _ID.fullmatch(model_id):
            raise ValueError(f"model_id: must be of the form 'round.state' such as '0.1', not {model_id!r}")
        path = self._version_path(model_id)
        if not os.path.exists(f"{path}_config.yml"):
            raise FileNotFoundError(f"model_id: there is no version {model_id} in {self.ckpt_path}; {self._listing()}")
        if not self.auto_save:
            warnings.warn(
                f"version {model_id} in {self.ckpt_path} is not this model's, which keeps no versions: auto_save is off", UserWarning, stacklevel=2
            )
        model = self.loadckpt(path)
        model.ckpt_path = self.ckpt_path  # the folder may have been moved since
        model.round = max([self.round, model.round - 1, *_rounds(self._history_lines())]) + 1
        return model

    def rewind(self, model_id: str) -> Versions:
        """Goes back to an earlier version: it becomes the first of a new round, and is returned.

        Version 'a.b' is saved again as 'c.b', where c is the next free round, and the history gets a line
        ``### Round c ###``. This model is not changed and can be used further.

        Parameters
        ----------
        model_id : str
            'a.b': round a, state b.

        Returns
        -------
        KAN

        Raises
        ------
        FileNotFoundError, ValueError, TypeError
            As :meth:`checkout`; nothing is written then.

        Examples
        --------
        >>> import os, tempfile
        >>> from swiftkan import KAN, create_dataset
        >>> dataset = create_dataset(lambda x: x[:, [0]] * x[:, [1]], n_var=2, train_num=100)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model = KAN([2, 5, 1], auto_save=True, ckpt_path=os.path.join(folder, "model"))
        ...     _ = model.fit(dataset, steps=2)
        ...     model = model.refine(6)
        ...     model = model.rewind("0.1")
        ...     _ = model.fit(dataset, steps=2)
        ...     model.history()
        ### Round 0 ###
        init => 0.0
        0.0 => fit => 0.1
        0.1 => refine => 0.2
        ### Round 1 ###
        1.1 => fit => 1.2
        """
        with _writing:
            model = self.checkout(model_id)
            model.state_id = int(model_id.split(".")[1])
            model.saveckpt(self._version_path(f"{model.round}.{model.state_id}"))
            self._append(f"### Round {model.round} ###")
        return model

    def history(self, k: int | str = "all") -> None:
        """Prints the history of versions, or its last ``k`` lines.

        Raises
        ------
        FileNotFoundError
            If no history was kept.

        Examples
        --------
        >>> import tempfile
        >>> from swiftkan import KAN
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     KAN([2, 5, 1], auto_save=True, ckpt_path=folder).history()
        ### Round 0 ###
        init => 0.0
        """
        if k != "all":
            k = _check.integer("k", k, 0)
        lines = self._history_lines()
        if not lines:
            hint = "it is kept with KAN(..., auto_save=True)"
            raise FileNotFoundError(f"ckpt_path: there is no history in {self.ckpt_path}; {hint}")
        for line in lines if k == "all" else lines[max(len(lines) - k, 0) :]:
            print(line)

    # ---- Files of the folder -------------------------------------------------------------------------------------

    def _begin_versions(self) -> None:
        """Version 0.0 and a new history; older versions stay on disk until new ones of their name replace them."""
        self.state_id = 0
        os.makedirs(self.ckpt_path, exist_ok=True)
        text = f"### Round {self.round} ###\ninit => {self.round}.0\n"
        self.saveckpt(self._version_path(f"{self.round}.0"))
        write_whole({self._history_path(): lambda file: file.write(text.encode())})

    def _version_path(self, model_id: str) -> str:
        return os.path.join(self.ckpt_path, model_id)

    def _history_path(self) -> str:
        return os.path.join(self.ckpt_path, "history.txt")

    def _history_lines(self) -> list[str]:
        try:
            with open(self._history_path(), encoding="utf-8", errors="replace") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def _append(self, *lines: str) -> None:
        with open(self._history_path(), "a", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))

    def _listing(self) -> str:
        """Which versions there are, for a message."""
        names = os.listdir(self.ckpt_path) if os.path.isdir(self.ckpt_path) else []
        found = [name.removesuffix("_config.yml") for name in names if name.endswith("_config.yml")]
        found = [name for name in found if _ID.fullmatch(name)]
        if not found:
            return "there are none; they are kept with KAN(..., auto_save=True)"
        found.sort(key=lambda name: tuple(map(int, name.split("."))))
        return f"there are {'…, ' if len(found) > 20 else ''}{', '.join(found[-20:])}"


def _rounds(lines: list[str]) -> list[int]:
    return [int(match[1]) for match in map(_ROUND.fullmatch, lines) if match]


def _last_state(lines: list[str], round: int) -> int:
    """The largest state of a round in the history; -1 if there is none."""
    made = (_ID.fullmatch(line.rpartition(" => ")[2]) for line in lines)
    return max((int(match[2]) for match in made if match and int(match[1]) == round), default=-1)
