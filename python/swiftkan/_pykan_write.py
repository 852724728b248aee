"""Writing checkpoints that pykan reads: ``{path}_config.yml``, ``{path}_state`` and ``{path}_cache_data``.

What it must get right first:
  1. pykan's ``loadckpt`` gets a network of the same function, and ours the same model: what pykan has no key for
     stands under keys that begin with ``swiftkan.``, which it does not ask for;
  2. files are written whole or not at all: all three beside their places first, then each takes its place.
"""

from __future__ import annotations

from typing import Any

from . import _check, _torch_file, _yaml
from ._files import write_whole

SHARED = (
    "width", "grid", "k", "mult_arity", "symbolic_enabled", "affine_trainable", "grid_eps", "grid_range",
    "sp_trainable", "sb_trainable",
)  # fmt: skip
OWN = ("seed", "noise_scale", "scale_base_mu", "scale_base_sigma", "sparse_init", "init")  # settings that pykan does not store
ALL_COLUMNS = "swiftkan/input.npy"  # a member of {path}_cache_data: see `write_checkpoint`


def configuration(model: Any) -> dict[str, Any]:
    """The keys and values of ``{path}_config.yml``, plain Python all of them."""
    settings = model._current_settings().to_dict()
    result = {name: settings[name] for name in SHARED}
    result.update(
        base_fun_name=settings["base_fun"],
        state_id=_check.integer("state_id", model.state_id, 0),
        round=_check.integer("round", model.round, 0),
        auto_save=_check.flag("auto_save", model.auto_save),
        ckpt_path=_check.path("ckpt_path", model.ckpt_path),
        device=model.device,
    )
    for l, names in enumerate(model._function_names()):
        result[f"symbolic.funs_name.{l}"] = names
    result.update({f"swiftkan.{name}": settings[name] for name in OWN})
    result.update({"swiftkan.input_id": model.input_id.tolist(), "swiftkan.input_width": model.input_width})
    if model._remembered is not None:
        result["swiftkan.singularity_avoiding"] = bool(model._remembered.avoid)
        result["swiftkan.y_th"] = float(model._remembered.y_th)
    return result


def write_checkpoint(model: Any, path: Any) -> None:
    """Writes the three files.

    pykan forgets ``input_id`` in its files and then reads the first columns. Where a model selects columns, the
    tensor in ``{path}_cache_data`` therefore has the selected ones, so that pykan's network can be used with it; the
    data with all its columns is a further member of that file, which torch does not see.
    """
    path = _check.path("path", path)
    text = _yaml.dump(configuration(model))
    rows = model.cache_data
    chosen = None if rows is None else model._chosen(rows)
    members = {ALL_COLUMNS: rows} if rows is not None and model._selects else None
    write_whole({
        f"{path}_config.yml": lambda file: file.write(text.encode()),
        f"{path}_state": lambda file: _torch_file.write(file, model.state_dict()),
        f"{path}_cache_data": lambda file: _torch_file.write(file, chosen, members),
    })  # fmt: skip
