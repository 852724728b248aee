"""What happens after each step of training: metrics, callbacks, and what is shown.

What it must get right first: nothing is shown unless asked, and whatever a user's function raises ends the training
with that exception and a usable model.
"""

from __future__ import annotations

import math
from typing import Any
from collections.abc import Callable, Iterable

from . import _check
from ._optional import need

RESERVED = ("train_loss", "test_loss", "reg")


class Step:
    """What a callback is told.

    Attributes
    ----------
    model : the model in training; it may be used, and its numbers changed at one's own risk; no other nodes or grids
    step, steps : steps done (from 1), and asked for; with ``smooth`` those of smoothing are counted on, and it takes 60 at most
    train_loss, test_loss, reg : float, as in the result
    metrics : dict of the metrics' last values
    """

    __slots__ = ("model", "step", "steps", "train_loss", "test_loss", "reg", "metrics")

    def __init__(self, model, step, steps, train_loss, test_loss, reg, metrics):
        self.model, self.step, self.steps = model, step, steps
        self.train_loss, self.test_loss, self.reg, self.metrics = train_loss, test_loss, reg, metrics

    def __repr__(self) -> str:
        values = {"train_loss": self.train_loss, "test_loss": self.test_loss, **self.metrics}
        return f"Step({self.step}/{self.steps}, {_text(values)})"


def functions(name: str, value: Any) -> list[Callable]:
    """One callable, several, or None, as a list."""
    if value is None:
        return []
    if callable(value):
        return [value]
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, dict)):
        value = list(value)
        if all(map(callable, value)):
            return value
    raise TypeError(f"{name}: must be a function or a list of functions, not {value!r}")


class Reporter:
    """The engine's step callback. Call it with (step, steps, train_loss, test_loss, reg); true means stop. ``more`` steps, at most,
    follow those that the engine knows of."""

    def __init__(
        self, model, metrics, callbacks, display, verbose: int, log: int, steps: int, more: int, root: bool, has_test: bool
    ):
        self._model, self._more, self._root, self._has_test = model, more, root, has_test
        self._metrics: dict[str, Callable] = {}
        for metric in functions("metrics", metrics):
            key = getattr(metric, "__name__", type(metric).__name__)
            if key in RESERVED or key in self._metrics:
                raise ValueError(f"metrics: two results would be called {key!r}; give the functions names of their own")
            self._metrics[key] = metric
        self.values: dict[str, list[float]] = {key: [] for key in self._metrics}
        self._callbacks = functions("callbacks", callbacks)
        self._verbose, self._log = verbose, log
        known = (*RESERVED, *self._metrics)
        if display is not None and not isinstance(display, Iterable) or isinstance(display, bytes):
            raise TypeError(f"display_metrics: must be a list of names of results, not {_check.shown(display)}")
        self._display = list(known[:3] if display is None else [display] if isinstance(display, str) else display)
        for key in self._display:
            if key not in known:
                raise ValueError(f"display_metrics: there is no result {key!r}; there are {', '.join(known)}")
        if display is None and not has_test:
            self._display.remove("test_loss")
        self._bar = _bar(steps + more) if verbose == 1 else None
        self.calling = False  # does a user's function run; what it raises leaves this True

    @property
    def needed(self) -> bool:
        """Is there anything to do after a step."""
        return bool(self._metrics or self._callbacks or self._verbose)

    def __call__(self, step: int, steps: int, train_loss: float, test_loss: float, reg: float) -> bool:
        if self._root:
            train_loss, test_loss = root(train_loss), root(test_loss)
        steps += self._more
        now, engine = {}, self._model._core
        for key, metric in self._metrics.items():
            self.calling = True
            value = metric()
            self.calling = False
            now[key] = _number(key, value)
            self.values[key].append(now[key])
        if self._verbose and (step % self._log == 0 or step == steps):
            shown = {"train_loss": train_loss, "test_loss": test_loss, "reg": reg, **now}
            text = _text({key: shown[key] for key in self._display})
            if self._bar is not None:
                self._bar.set_description_str(text, refresh=False)
            else:
                print(f"step {step:>{len(str(steps))}}/{steps} {text}", flush=True)
        if self._bar is not None:
            self._bar.update(1)
        report = Step(self._model, step, steps, train_loss, test_loss, reg, now)
        self.calling = True
        stop = any([bool(callback(report)) for callback in self._callbacks])  # a list: every callback is called
        if self._model._core is not engine:  # the one that trains
            raise RuntimeError("callbacks, metrics: one of them has given the model other nodes or grids in the middle of its training; let a "
                               "callback return True, which ends the training, and change the model after fit()")  # fmt: skip
        self.calling = False
        return stop

    def close(self) -> None:
        """Leaves the progress bar in order."""
        if self._bar is not None:
            self._bar.close()


def _number(key: str, value: Any) -> float:
    """What the metric ``key`` returned, a number or an array of one."""
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, RuntimeError):  # the last is torch's
        shape = f" of the shape {tuple(value.shape)}" if getattr(value, "shape", ()) else ""
        raise TypeError(f"metrics: {key!r} must return a number, not {_check.shown(value)}{shape}") from None


def root(loss: float) -> float:
    """The root that turns a mean squared error into pykan's reported loss."""
    return math.sqrt(loss) if loss >= 0 else math.nan


def _text(values: dict[str, float]) -> str:
    return "| " + " | ".join(f"{key}: {value:.2e}" for key, value in values.items()) + " | "


def _bar(steps: int):
    return need("tqdm", "verbose=1 (not verbose=2)").tqdm(total=steps, ncols=100)
