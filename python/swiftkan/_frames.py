"""Pictures of training, one a step: what ``fit(save_fig=True)`` writes.

What it must get right first:
  1. all frames have the same size and every edge keeps its place, so that they make a film;
  2. whatever would make a frame fail is found before training begins.
"""

from __future__ import annotations

import os
from typing import Any

from . import _check, _plot_names
from ._files import make_folder
from ._optional import need

DPI = 200  # pykan's


class Frames:
    """A callback of ``fit`` that writes ``{folder}/{step}.jpg`` after steps 0, every, 2·every, …, counted from 0 as in pykan."""

    def __init__(self, model: Any, samples: int, folder: Any, every: Any, beta: Any, in_vars: Any, out_vars: Any):
        need("matplotlib", "save_fig=True")
        if samples < 2:
            raise ValueError("save_fig: a picture needs at least 2 training samples")
        self._every = _check.integer("save_fig_freq", every, 1)
        self._how = dict(beta=_check.real("beta", beta, 0.0), in_vars=in_vars, out_vars=out_vars)
        _plot_names.check("in_vars", in_vars, model.width_in[0], "inputs", model._read_entries)
        _plot_names.check("out_vars", out_vars, model.width_in[-1], "outputs")
        self._folder = _check.path("img_folder", folder)
        make_folder("img_folder", self._folder)

    def __call__(self, report: Any) -> None:
        step = report.step - 1
        if step % self._every == 0:
            figure = report.model._picture(title=f"Step {step}", steady=True, **self._how)
            figure.savefig(os.path.join(self._folder, f"{step}.jpg"), dpi=DPI)
