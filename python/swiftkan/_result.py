"""What ``fit`` returns.

What it must get right first: it is pykan's dict with one value a step, and says by itself how training ended.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

REASONS = ("steps", "converged", "patience", "callback", "diverged")  # swiftkan_stop_reason
CANCELLED, DIVERGED = 3, 4  # swiftkan_status


class Course(np.ndarray):
    """One value a step: an array, but a list takes its values as it would take a list's, as pykan's scripts have it:
    ``losses += result["train_loss"]``. What is computed from it is a plain array.

    >>> losses = [3.0]
    >>> losses += np.array([2.0, 1.5]).view(Course)
    >>> losses
    [3.0, 2.0, 1.5]
    """

    def __radd__(self, other):
        return other + self.tolist() if isinstance(other, list) else super().__radd__(other)

    def __array_wrap__(self, array, context=None, return_scalar=False):
        return array[()] if array.ndim == 0 else np.asarray(array)

    def __repr__(self) -> str:
        return repr(np.asarray(self))


class FitResult(dict):
    """The course of a training run: a dict of arrays with one value a step, and how it ended.

    Keys
    ----
    train_loss, test_loss : (steps,) float64
        The root of the mean squared error for the loss 'mse' (as pykan reports it), the loss itself for all others;
        ``test_loss`` is NaN without test data.
    reg : (steps,) float64
        The regularisation, not multiplied by ``lamb``; 0 where it was not needed.
    …
        The values of each of ``metrics``, under the function's name.

    Attributes
    ----------
    status : str
        'ok'; 'cancelled' if something asked to stop at once; 'diverged' if the loss stopped being finite.
    reason : str
        'steps' (all done), 'converged' (no improvement is possible), 'patience', 'callback' or 'diverged'; with ``smooth`` of the
        steps before it, unless a callback ended the smoothing. After 'converged' there are fewer values than steps asked for.
    message : str
        The same in a sentence.
    steps : int
        Steps done.
    best_step : int
        The step (from 0) whose parameters the model has: the last, or with ``patience`` and without ``smooth`` the best, unless no
        loss that it is judged by was finite.
    evaluations : int
        Evaluations of loss and gradient.
    seconds : float
        Wall-clock time.
    opt : str
        The optimiser, the one chosen with ``opt='auto'``.
    levels : list of dict
        With ``grids``, each grid trained: ``grid``, ``steps``, ``train_loss``, ``test_loss`` at its end, and ``kept``: the model
        has the last grid that was kept.
    starts : list of dict
        With ``restarts``, each start that was tried: ``seed``, ``train_loss``, ``test_loss``, ``kept``, and ``stuck``: its loss ended more than
        ten times above the best.
    smooth, freedom : float or None
        With ``smooth``: the penalty's weight, and the effective number of parameters tr H, all outputs together. None where no
        smoothing followed the steps, because a callback or a loss that is not finite had ended them.
    """

    status: str
    reason: str
    message: str
    steps: int
    best_step: int
    evaluations: int
    seconds: float
    opt: str
    levels: list
    starts: list
    smooth: float | None = None
    freedom: float | None = None

    _has_test = False  # was there test data, whose loss is shown even if it is NaN

    @classmethod
    def from_report(cls, report: dict, values: Mapping[str, np.ndarray], seconds: float) -> FitResult:
        """Joins the engine's report with the values step by step."""
        result = cls({key: np.asarray(value).view(Course) for key, value in values.items()})
        result.status = {CANCELLED: "cancelled", DIVERGED: "diverged"}.get(report["status"], "ok")
        result.steps, result.best_step = int(report["steps"]), int(report["best_step"])
        result.evaluations = int(report["evaluations"])
        result.reason = REASONS[report["reason"]] if 0 <= report["reason"] < len(REASONS) else "steps"
        result.message = report["message"] or result._sentence()
        result.seconds = seconds
        result.levels, result.starts = [], []
        return result

    def _sentence(self) -> str:
        if self.status == "diverged":
            return "the loss stopped being finite; the last finite parameters were restored"
        if self.status == "cancelled":
            return f"stopped at once after {self.steps} steps"
        if self.reason == "patience" and self.best_step == self.steps - 1:  # the best is followed by others, if there is one
            return (
                f"stopped after {self.steps} steps, the last without a finite test loss; nothing was restored, so that the parameters are "
                "those of the last step"
            )
        return {
            "steps": f"all {self.steps} steps done",
            "converged": f"converged after {self.steps} steps: the optimiser cannot improve any more",
            "patience": f"stopped after {self.steps} steps, the last without improvement; the parameters of step "
            f"{self.best_step} were restored",
            "callback": f"a callback stopped it after {self.steps} steps",
        }.get(self.reason, self.reason)

    def __repr__(self) -> str:
        last = [
            f"{key} {float(self[key][-1]):.3g}"
            for key in ("train_loss", "test_loss")
            if len(self.get(key, ())) and (self._has_test or not np.isnan(self[key][-1]))
        ]
        return f"FitResult({self.status}: {'; '.join([self.message, *last])}; {self.seconds:.2f} s)"
