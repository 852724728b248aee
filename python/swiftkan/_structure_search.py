"""The search for a structure: networks from simple to rich, trained on one part of the data and judged by the rest.

What it must get right first:
  1. test data has no say, and every network that was trained is listed with its validation error;
  2. the same arguments give the same model, for any number of threads: effort is counted in steps, never in seconds;
  3. candidates of a rung get the same effort, so that none wins by having been trained longer.

A structure that has the form of the function needs few numbers and no luck: a product of ten functions of one variable is ten edges, while a
dense network approximates it with hundreds of numbers that the samples hardly determine. So the simple ones come first, and what is
found exactly ends the search.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from . import _check, _data, _structures
from ._kan import KAN
from ._scales import unwarned
from ._structure_trials import SAMPLES_A_PARAMETER, Candidate, Trainer, check_labels, errors, labels_error

# Rungs: sums and products; one more idea; two more.
STRUCTURES = (
    ("S", "P"),
    ("P+P", "S+P+P", "g(S)", "g(P)", "P*g(S)", "P*g(P)"),
    ("P+P+P", "g(P+P)", "(P+P)*g(P)", "(P+P)*g(S)", "P*g(P+P)", "g(P+P+P)"),
)
GRIDS = (4, 8, 16, 32, 64, 128, 256, 512)
POLISHED = 3  # structures of a rung whose best starts get more steps
FINALISTS = 2  # of a rung, by typical error: their grids are refined,
HOPELESS = 10  # but for those whose error is so many times the least
POOR = 0.1  # of the labels' deviation: a result with such an error says so


class StructureSearch:
    """The result of :func:`search_structure`; printed as a table of the best network of each structure.

    Attributes
    ----------
    model : KAN
        The network with the least typical error on the validation data, trained on all training data at the end.
    structure : str
        Its structure.
    validation_loss, typical_loss : float
        Its root-mean-square error on the validation data before the training on all data, and the same without the largest hundredth of
        the errors.
    test_loss : float
        The model's root-mean-square error on the test data; NaN without test data.
    trials : list of dict
        Every network trained, in the order of the search: ``structure``, ``seed``, ``grid``, ``knots`` ('quantiles' or 'curvature'),
        ``parameters``, ``steps``, ``train_loss``, ``validation_loss``, ``typical_loss`` (root-mean-square errors). Trainings that went on
        with a network, more steps or a finer grid, are entries of their own.
    seconds : float
        Wall-clock time.
    """

    def __init__(self, model: Any, winner: Candidate, test_loss: float, trials: list[dict], seconds: float, spread: float):
        self.model, self.structure, self.validation_loss, self.typical_loss = model, winner.structure, winner.loss, winner.typical_loss
        self.test_loss, self.trials, self.seconds = test_loss, trials, seconds
        self._spread = spread

    def __repr__(self) -> str:
        best: dict[str, dict] = {}
        for trial in self.trials:
            name = trial["structure"]
            if name == self.structure:  # of the model's own trainings the one that it is
                better = (trial["validation_loss"], trial["typical_loss"]) == (self.validation_loss, self.typical_loss)
            else:
                better = name in best and trial["typical_loss"] < best[name]["typical_loss"]
            if better or name not in best:
                best[name] = trial
        lines = [f"{'structure':14} {'grid':>4} {'parameters':>10} {'validation error':>16} {'typical':>9}"]
        for name, trial in best.items():
            mark = "  <- model" if name == self.structure else ""
            lines.append(f"{name:14} {trial['grid']:4} {trial['parameters']:10} {trial['validation_loss']:16.2e} {trial['typical_loss']:9.2e}{mark}")
        if self.typical_loss > POOR * self._spread:
            lines.append(f"None fits well: the typical error is {self.typical_loss / self._spread:.0%} of the labels' deviation. Give other structures, such")
            lines.append("as 'S*S*S' or 'g(S)+g(S)+P', more samples or more starts.")
        return "\n".join(lines)


def search_structure(
    dataset: Any, y: Any = None, *, structures: Any = STRUCTURES, grids: Any = GRIDS, starts: int = 3, steps: int = 20, tol: float = 1e-5,
    validation_split: float = 0.2, k: int = 3, grid_eps: float = 0.02, grid_margin: float = 0.05, seed: int = 1, dtype: Any = "float64",
) -> StructureSearch:  # fmt: skip
    """Finds a network for data that follow a law: tries structures from simple to rich and keeps the best by validation errors.

    Parameters
    ----------
    dataset : dict or tuple
        As for :meth:`KAN.fit`, with labels of one column. Test data is used for ``test_loss`` alone. Or x, and y as the second argument.
    structures : list of str, or of lists of str
        Rungs of expressions; a rung is tried together, and the search goes on to the next unless ``tol`` is reached. S is a sum
        Σ_i φ_i(x_i), P a product Π_i φ_i(x_i) over all inputs, g(e) a function of one variable of an expression e; expressions
        are joined by +, * and parentheses: 'P*g(S)' is Π_i φ_i(x_i)·g(Σ_i ψ_i(x_i)), 'S*S' a product of two sums, 'g(S)+g(S)' the network
        [inputs, 2, 1]. The default has 14, up to three products and one g; for one input only 'S', as all others describe the same functions.
    grids : list of int
        Networks begin with the first; the two best of each rung go through the others as long as their validation error falls and is
        above a tenth of ``tol``. Grids of 32 and more are tried with knots by curvature, too (``knots`` of :meth:`KAN.fit`), which find
        the place where a function jumps.
    starts : int
        Starts of each structure, but for 'S', which is linear.
    steps : int
        Levenberg-Marquardt steps of each start; as many more for the best starts of the three best structures of a rung, and for each grid.
    tol : float
        Ends the search when the typical error is at most this part of the labels' standard deviation.
    validation_split : float
        The part of the training data that judges, chosen by ``seed``.
    k, grid_eps, dtype
        As for :class:`KAN`.
    grid_margin : float
        As for :meth:`KAN.fit`.
    seed : int
        Starts have this seed and those after it.

    Returns
    -------
    StructureSearch
        With ``model``, a :class:`KAN` to use like any other: edges that are not part of the structure are masked.

    Raises
    ------
    ValueError, TypeError
        For arguments and data that are not allowed, labels among them whose squares are infinite or zero in ``dtype``.
    KeyboardInterrupt
        On Ctrl-C.

    Notes
    -----
    Networks are trained by ``fit(opt="LM")``, 40 starts in a search of all rungs, each with 10·inputs to 25·inputs parameters. Left out are
    starts with more parameters than a quarter of the training samples (but for 'S'), grids with more than half as many, and networks of more
    than 10000. Structures are compared by their typical errors on the validation data: the root mean square without the largest hundredth,
    because at a jump or a pole a few samples are the whole mean. What the defaults were chosen from, and what they reach for 120 formulas of physics, is in docs/accuracy.md.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftkan import create_dataset, search_structure
    >>> law = lambda x: x[:, [0]] * x[:, [1]] ** 2 / np.sqrt(1 + x[:, [2]] ** 2)
    >>> search = search_structure(create_dataset(law, n_var=3, train_num=500))
    >>> search.structure, search.model, bool(search.test_loss < 1e-5)
    ('P', KAN(width=[3, [0, 1]], grid=32, k=3, mult_arity=[[], [3]], dtype=float64), True)
    """
    began = time.perf_counter()
    rungs = _rungs(structures)
    grids = _grids(grids)
    settings = {"k": _check.integer("k", k, 0, 20), "grid_eps": _check.real("grid_eps", grid_eps, 0.0, 1.0), "dtype": dtype}
    seed = _check.integer("seed", seed, 0, 2**32 - 1)
    starts, steps = _check.integer("starts", starts, 1, 2**16), _check.integer("steps", steps, 1, 2**31 - 1)
    tol = _check.real("tol", tol, 0.0)
    margin = _check.real("grid_margin", grid_margin, 0.0, 1.0)
    dataset, has_test = _data.given("search_structure", dataset, y)
    x = _check.array("train_input", dataset["train_input"])
    if x.ndim != 2 or not x.shape[1]:
        raise ValueError(f"train_input: must have two axes, (samples, columns), not the shape {x.shape}")
    inputs = x.shape[1]
    if inputs == 1 and structures is STRUCTURES:
        rungs = [["S"]]
    judge = KAN([inputs, 1], grid=grids[0], seed=seed, **settings)  # of the data: what is refused is refused here
    whole = _data.part(judge, "train", dataset, "mse", None)
    if has_test:
        _data.part(judge, "test", dataset, "mse", None)
    parts, _, _ = _data.split({"train_input": whole.rows, "train_label": whole.y}, validation_split, None, seed)
    check_labels(whole.y)
    trainer = Trainer(parts, steps, margin, tol)

    candidates: list[Candidate] = []
    trials: list[dict] = []
    tried: set[str] = set()
    winner = None
    for rung in rungs:
        fresh = [name for name in dict.fromkeys(rung) if name not in tried]
        tried.update(fresh)
        made = [
            Candidate(name, (seed + r) % 2**32, inputs, grids[0], settings)
            for name in fresh for r in range(1 if name == "S" else starts)
        ]  # fmt: skip
        trainer.all(Candidate.begin, [c for c in made if c.may_begin(trainer)])
        best = [trainer.best([c for c in made if c.structure == name and c.model is not None]) for name in fresh]
        best = sorted((c for c in best if c is not None), key=lambda c: c.typical_loss)
        trainer.all(Candidate.polish, [c for c in best[:POLISHED] if c.structure != "S" and np.isfinite(c.typical_loss)])
        candidates += best
        winner = trainer.best(candidates)
        finalists = sorted((c for c in candidates if not c.refined and np.isfinite(c.typical_loss)), key=lambda c: c.typical_loss)[:FINALISTS]
        trainer.all(lambda c, t: c.refine(t, grids[1:]), [c for c in finalists if c.typical_loss <= HOPELESS * winner.typical_loss])
        trials += [trial for c in dict.fromkeys([*made, *finalists]) for trial in c.take_trials()]
        winner = trainer.best(candidates)
        if winner is not None and winner.typical_loss <= trainer.tol:
            break
    if winner is None:
        raise ValueError(
            f"structures: all have too many parameters for the {len(parts['train_input'])} samples to train with, less than "
            f"{SAMPLES_A_PARAMETER['begin']} for each; add 'S', or take coarser grids or more samples"
        )
    if not np.isfinite(winner.typical_loss):
        raise labels_error(whole.y.dtype, f"reach {np.abs(whole.y).max():.3g}, no network's error is finite")
    model = winner.model
    with unwarned(model):
        model.fit((whole.rows, whole.y), opt="LM", steps=steps, update_grid=False, grid_margin=margin)
    test_loss = errors(model, dataset["test_input"], dataset["test_label"])[0] if has_test else np.nan
    return StructureSearch(model, winner, test_loss, trials, time.perf_counter() - began, trainer.spread)


def _rungs(structures: Any) -> list[list[str]]:
    """The expressions, checked, rung by rung."""
    if not _check.is_list(structures) or isinstance(structures, dict) or not len(structures):
        raise TypeError(f"structures: must be a list of expressions such as ['P', 'P*g(S)'], or of lists of them, not {structures!r}")
    rungs = []
    for rung in structures:
        names = [rung] if isinstance(rung, str) else rung
        if not hasattr(names, "__len__") or not len(names) or not all(isinstance(name, str) for name in names):
            raise TypeError(f"structures: must be a list of expressions such as ['P', 'P*g(S)'], or of lists of them; {rung!r} is in it")
        rungs.append(list(names))
        for name in names:
            _structures.parse(name)
    return rungs


def _grids(grids: Any) -> list[int]:
    if not _check.is_list(grids) or isinstance(grids, dict) or not len(grids):
        raise ValueError(f"grids: must be a list of grids such as [4, 8, 16], not {grids!r}")
    sizes = [_check.integer(f"grids[{i}]", grid, 1, 2**20) for i, grid in enumerate(grids)]
    if any(new <= old for old, new in zip(sizes, sizes[1:])):
        raise ValueError(f"grids: each must be finer than the one before, not {sizes}")
    return sizes
