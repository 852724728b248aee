"""Training.

What it must get right first:
  1. every argument and all data are checked before the first step, and what the engine alone can refuse later is undone, so that a
     refusal leaves the model as it was;
  2. however training ends (steps, convergence, patience, a callback, Ctrl-C, a loss that is not finite), the model is
     usable.

The life of a call: check the arguments → check and convert the data, once → the engine trains, calling back after each
step → results. What the engine does within a step is described in swiftkan.h.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np

from . import _auto, _check, _covariance, _data, _last_layer, _levels, _losses, _options, _scales, _smoothing
from ._options import OPTIMIZERS, Asked
from ._progress import Reporter, functions, root
from ._result import REASONS, FitResult
from ._uncertainty import Uncertainty


class Training(Uncertainty):
    """The method that trains the network."""

    _warns_of_scales = True

    def fit(
        self, dataset: Any, opt: str = "LBFGS", steps: int = 100, log: int = 1, lamb: float = 0.0, lamb_l1: float = 1.0,
        lamb_entropy: float = 2.0, lamb_coef: float = 0.0, lamb_coefdiff: float = 0.0, update_grid: bool = True,
        grid_update_num: int = 10, loss_fn: Any = None, lr: float | None = None, start_grid_update_step: int = -1,
        stop_grid_update_step: int | None = None, batch: int = -1, metrics: Any = None, save_fig: bool = False,
        in_vars: Any = None, out_vars: Any = None, beta: float = 3, save_fig_freq: int = 1, img_folder: str = "./video",
        singularity_avoiding: bool = False, y_th: float = 1000.0, reg_metric: str = "edge_forward_spline_n",
        display_metrics: Any = None, *, epochs: int | None = None, sample_weight: Any = None, callbacks: Any = None,
        lr_schedule: Any = None, patience: int | None = None, min_delta: float = 0.0, validation_split: float = 0.0,
        weight_decay: float | None = None, momentum: float = 0.0, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, huber_delta: float = 1.0, verbose: int = 0, seed: int | None = None,
        grids: Any = None, restarts: int = 1, grid_margin: float | None = None, knots: str = "quantiles",
        smooth: float | str | None = None, solve_last_layer: bool = False,
    ) -> FitResult:  # fmt: skip
        """Trains the network on ``dataset``; pykan's ``fit`` with its arguments and defaults, and more after the ``*``.

        Parameters
        ----------
        dataset : dict or tuple
            A dict with ``train_input`` (n, inputs) and ``train_label`` (n, outputs), and if wanted ``test_input`` and
            ``test_label``; or a tuple (x, y) or (x, y, x_test, y_test).
        opt : 'LBFGS', 'LM', 'SSBFGS', 'SSBroyden', 'NewtonKaczmarz', 'Adam', 'AdamW', 'SGD' or 'auto'
            'LBFGS' does up to 20 strong-Wolfe L-BFGS iterations a step. 'LM' is Levenberg-Marquardt: the most accurate by far
            for networks of up to some thousand parameters (see Notes). 'SSBFGS' and 'SSBroyden' are L-BFGS's self-scaled relatives
            with the whole inverse Hessian, for up to 8000 parameters. 'NewtonKaczmarz' changes the parameters sample by
            sample: for a first phase on many samples; pass an ``lr`` from 0.02 to 1. For the others pass an ``lr`` such as 1e-2.
            'auto' takes one of them by the sizes and the other arguments (see Notes); ``result.opt`` says which. ``docs/training.md``
            has a table of what each takes.
        steps : int
            Training steps.
        log : int
            Show every so many steps, see ``verbose``.
        lamb, lamb_l1, lamb_entropy, lamb_coef, lamb_coefdiff, reg_metric
            Minimise loss + lamb·regularisation, see :meth:`reg`.
        update_grid, grid_update_num, start_grid_update_step, stop_grid_update_step
            Move the grids to the samples, ``grid_update_num`` times before step ``stop_grid_update_step`` (50; 20 for 'LM', 1 for
            'NewtonKaczmarz', whose hidden grids then stretch on the way).
        grid_margin : float
            How far moved grids reach beyond the outermost samples at either end, as a part of their range, 0 to 1. If not given,
            0.05 for 'LM' and with ``grids``, else pykan's 0. Beyond its grid a spline is 0, so that a point just outside the
            training samples, in a hidden layer above all, has an error as large as the spline.
        knots : 'quantiles' or 'curvature'
            Moved grids have their knots at quantiles of the samples (mixed with a uniform grid, see ``grid_eps``), or half of them
            where splines bend: de Boor's rule (A Practical Guide to Splines, chapter XII), for functions with kinks, steps or poles.
            With 'curvature' and ``grids`` the grids move at every level.
        loss_fn : None, str or callable
            'mse' (None is the same), 'mae', 'huber' (see ``huber_delta``), 'cross_entropy' (labels: integers (n,) or
            one-hot (n, outputs)), 'bce' (outputs are logits, labels from 0 to 1), or a callable
            (prediction, label) → (value, dvalue/dprediction).
        lr : float
            Learning rate: 1.0 unless given; with ``opt='auto'`` 0.01 for 'Adam' and 'SGD'.
        batch : int
            Samples a step; -1 for all.
        metrics : function or list of functions without arguments
            Evaluated after every step, each gives a number; results under the functions' names.
        singularity_avoiding, y_th
            As in :meth:`forward`.
        display_metrics : list of str
            Which results to show.
        save_fig, save_fig_freq, img_folder, beta, in_vars, out_vars
            With ``save_fig=True``, a picture of the network (:meth:`plot` with ``beta`` and the names) is written after every
            ``save_fig_freq`` steps: ``{img_folder}/{step}.jpg``, steps counted from 0. The folder is made if need be.
        epochs : int
            Train for so many passes over shuffled batches instead of ``steps``; a step then is a pass.
        sample_weight : array-like, (n,)
            How much each training sample counts; one of weight 0 must be valid, but is left out then.
        callbacks : function or list of functions
            Called after every step with a :class:`swiftkan.Step`; returning True ends the training. They may use the model, but not give
            it other nodes or grids.
        lr_schedule : 'cosine', 'exponential', 'step' or a function of the step (from 0)
            A factor of ``lr`` step by step.
        patience, min_delta : int, float
            Stop after ``patience`` steps in which the test loss (without test data the training loss) did not fall by
            more than ``min_delta``, and restore the parameters of the best step; if no test loss was finite the last ones stay. With
            ``smooth`` that is where smoothing begins.
        validation_split : float
            Put this part of the training data, without samples of weight 0, aside as test data, chosen by ``seed``.
        weight_decay, momentum, betas, eps
            ``weight_decay``: Adam, AdamW (0.01 unless given), SGD. ``momentum``: SGD. ``betas``, ``eps``: Adam, AdamW. Other optimisers
            refuse them.
        huber_delta : float
            Where the Huber loss turns from square to absolute.
        verbose : 0, 1 or 2
            Silent, a tqdm bar, or a line every ``log`` steps. False and True are 0 and 1, here and in all methods.
        grids : list of int (or of lists with one a layer), or 'auto'
            Coarse to fine: train ``steps`` steps with each of these grids, and :meth:`refine` in between, exactly where each
            grid is a multiple of the one before; grids move to the samples during the first only (but see ``knots``). With 'LM' and
            ``update_grid`` the hidden grids then are stretched to their nodes' values and ``grid_margin``, and their splines, fitted
            at the samples, go on beyond them as polynomials. Ends at the last grid before the test loss rises, or is not finite, if there is test data.
            'auto' doubles the model's grid until then. The model's arrays (``act_fun[l].coef``, …) are new ones after each
            refinement: views taken before are of the coarser model.
        restarts : int
            Try up to so many starts, ``steps`` each, and train on from the best: the model as it is, and others with coefficients
            and scales of the seeds after the model's, where training may change them (``sb_trainable``, ``sp_trainable``, numeric
            edges that are on). Four at a time, and no more of them once the best has a tenth of the error of
            most others, which are stuck. Of many samples a start sees 10 for each parameter, 1000 at least, drawn by the model's
            seed. The best is that of the least training loss, or with ``validation_split`` validation loss. The
            starts run beside one another on all threads.
        smooth : float or 'gcv'
            For noisy data, with 'LM' and the loss 'mse': after the steps, go on with a penalty on the bending of splines until that
            converges, for 60 steps at most: minimise Σ_outputs mse + smooth·Σ_edges ∫(d²φ/du²)² du, u the place in the grid from 0 to
            1, of spline and base function (of splines of degree 0 and 1 a sum of second differences); hidden edges count by what they
            do to the output. Each output has its own mean squared error there, so that one with edges of its own is smoothed as
            it would be alone, and as :func:`swiftkan.fit_gam` does it. 'gcv' takes the weight with the least generalised
            cross-validation error, so that a fine grid does not follow the noise. ``result.smooth`` says which;
            :meth:`predict_interval` takes account of it. These steps are counted, measured, shown and given to ``callbacks`` as those
            before, and none follow if a callback has ended those.
        solve_last_layer : bool
            For the loss 'mse' without ``lamb``: before the first step, with the grids moved if they are to be, the coefficients and base
            scales of the last layer become the least-squares solution for the labels, given the hidden nodes' values: the inner
            problem of variable projection, once. Mostly that makes the trained network worse (``docs/accuracy.md``); it serves where few
            steps follow, or none.
        seed : int
            Of batches and validation split; the model's if not given. No global generator is used.

        Returns
        -------
        FitResult
            A dict of arrays ``train_loss``, ``test_loss``, ``reg`` and the metrics, and an object with ``status``,
            ``message``, ``seconds``, ``steps``, …

        Raises
        ------
        ValueError, TypeError
            For an argument or data that is not allowed; the model is then unchanged. (What ``callbacks`` and ``metrics`` raise
            themselves ends the training; the model then keeps the last accepted parameters.)
        OSError
            If no files can be written into ``img_folder``; the model is then unchanged.
        RuntimeError
            If one of ``callbacks`` or ``metrics`` has given the model other nodes or grids.
        KeyboardInterrupt
            On Ctrl-C; the model keeps the last accepted parameters.

        Warns
        -----
        RuntimeWarning
            If the loss stops being finite. The model then has its last finite parameters.

        Notes
        -----
        The training input is remembered (``cache_data``, without samples of weight 0) for ``reg``, ``refine``, ``acts`` and others.

        'LM' (Levenberg-Marquardt with geodesic acceleration, arXiv 1201.5885; damping by Nielsen's rule) takes the losses 'mse',
        'huber', 'cross_entropy' and 'bce', all samples in every step, and ignores ``lr``. ``scale_sp`` stays as it is, because
        it only multiplies the coefficients. A regulariser (``lamb``) enters objective and gradient exactly, and the curvature by
        iteratively reweighted least squares: in every step |v| and the standard deviations of edges are majorised by the parabola
        v²/(2|v₀|) + |v₀|/2 that touches them (arXiv 0807.0575, eq. 1.7), the part of the entropy that falls by its tangent. Where
        samples say nothing of a coefficient (a grid's margin, empty cells of a fine grid), a penalty on second differences, 1e-10
        of what samples have, lets the spline go on smoothly; at the finer ``grids`` it holds to the coarser spline. A step costs about samples·(active parameters)²/2 + parameters³/3
        multiplications, of which a sample activates (k + 2)/(grid + k + 1); at most 10000 parameters are allowed.

        'SSBFGS' and 'SSBroyden' (self-scaled BFGS and Broyden: arXiv 2501.16371) do up to 20 iterations a step with L-BFGS's line
        search; an iteration costs a gradient and about 6·parameters² multiplications.

        'NewtonKaczmarz' (arXiv 2305.08194) goes through all samples in each step, in an order drawn from ``seed``, on one thread.
        With the residual r of a sample and the gradient g of the output there, parameters move by lr·r·g/|g|²: at lr = 1 onto the
        plane where the linearised output meets the label. Each output, hidden or not, counts in units of its range as it was
        in the first pass; data should be of order one all the same, because the first numbers are. Large lr learn fast, small ones average over what the network cannot represent;
        ``lr_schedule='cosine'`` goes from one to the other. A sample costs k + 1 numbers of each edge, whatever the grid. It takes
        the loss 'mse' without ``lamb``; a sample weight (its part of the largest) multiplies lr; splines need k from 1 to 7;
        ``scale_sp`` stays as it is. ``train_loss`` is that of the residuals, each before its own move. Grids move to at most 1000
        samples, spread evenly (uniform grids, ``grid_eps=1``, learn faster), and the last ``reg`` is of these; while ``update_grid``
        is on, the grid of a hidden node stretches where a sample would leave it.

        'auto' is the optimiser of an argument that one alone looks at, if such a one is given: 'LM' for ``smooth``, 'SGD' for
        ``momentum``, 'Adam' for ``betas`` and ``eps``. Else it is 'Adam' where ``batch``, ``epochs`` or ``weight_decay`` is given;
        else 'LM' if the loss is one of its four, neither ``lr_schedule`` nor, with ``lamb``, ``lamb_coef``, ``lamb_coefdiff`` or a
        backward ``reg_metric`` is given and a step of it, with the last of ``grids``, is allowed and costs at most 2e10
        multiplications by the rule above (some seconds: up to about 3500 parameters); else 'LBFGS'. The ``lr`` of 'Adam' and 'SGD'
        then is 0.01 unless given. Nothing else depends on it. Arguments that no optimiser takes together are an error that names
        them.

        Examples
        --------
        >>> import numpy as np
        >>> from swiftkan import KAN, create_dataset
        >>> dataset = create_dataset(lambda x: np.sin(3 * x[:, [0]]) + x[:, [1]] ** 2, n_var=2, train_num=200)
        >>> model = KAN([2, 5, 1], grid=5, seed=0)
        >>> result = model.fit(dataset, steps=10)
        >>> result.status, len(result["train_loss"]), bool(result["test_loss"][-1] < 0.05)
        ('ok', 10, True)
        """
        if _check.is_list(opt):  # fit(x, y), as in other libraries
            raise TypeError(
                f"opt: must be the name of an optimiser, not {_check.named(type(opt))}; samples and labels are one argument: "
                "call fit((x, y))"
            )
        _check.choice("opt", opt, [*OPTIMIZERS, "auto"])
        loss = _losses.resolve("loss_fn", loss_fn)
        dataset, has_test = _data.unpack(dataset)
        validation_split = 0.0 if validation_split is None else _check.real("validation_split", validation_split, 0.0)
        asked = Asked(
            loss, lamb, None if smooth is None else _smoothing.weight_of(smooth), _options.batch(batch), epochs, lr_schedule,
            None if weight_decay is None else _check.real("weight_decay", weight_decay, 0.0), _check.real("momentum", momentum, 0.0),
            _options.betas(betas), _check.real("eps", eps, 0.0), tuple(self._settings.layers("k")),
        )  # fmt: skip
        levels, doubling = _levels.sizes(self, grids, has_test or validation_split > 0), isinstance(grids, str)
        objective = _losses.objective(
            loss, reg_metric, huber_delta, lamb, lamb_l1, lamb_entropy, lamb_coef, lamb_coefdiff
        )
        if opt == "auto":
            steep = bool(lamb) and bool(lamb_coef or lamb_coefdiff or reg_metric in ("edge_backward", "node_backward"))
            samples = len(self._training_rows("train_input", dataset["train_input"], finite=False))
            if sample_weight is not None:
                samples = np.count_nonzero(_check.weights("sample_weight", sample_weight, samples, self.dtype))
            opt, lr = _auto.choose(self, samples, levels, doubling, asked, lr, steep)
        _options.refuse(opt, asked)
        if opt == "LM" and grids is not None:
            levels = _auto.lm_levels(self, levels, doubling)
        if _check.flag("solve_last_layer", solve_last_layer):
            _last_layer.check(self, loss, lamb, levels[0])
        avoid, y_th = _check.singularity(singularity_avoiding, y_th)
        seed = self.seed if seed is None else _check.integer("seed", seed, 0, 2**32 - 1)
        steps = (
            _check.integer("steps", steps, 0, 2**31 - 1)
            if epochs is None
            else _check.integer("epochs", epochs, 0, 2**31 - 1)
        )
        options = _options.engine_options(
            asked, opt=opt, update_grid=update_grid, steps=steps, seed=seed, lr=lr, grid_update_num=grid_update_num,
            start_grid_update_step=start_grid_update_step, stop_grid_update_step=stop_grid_update_step, patience=patience,
            min_delta=min_delta, grid_margin=grid_margin, knots=knots,
        )  # fmt: skip
        if grid_margin is None and grids is not None:
            options["grid_margin"] = _options.GRID_MARGIN
        verbose, log = _check.verbosity(verbose, 2), _check.integer("log", log, 1)

        restarts = _check.integer("restarts", restarts, 1, 2**16)

        test_weight = dataset.get(_data.TEST_WEIGHT)
        if validation_split:
            if has_test:
                raise ValueError("validation_split: the data set has test data already; leave one of the two out")
            dataset, sample_weight, test_weight = _data.split(dataset, validation_split, sample_weight, seed, self.dtype)
            has_test = True
        train = _data.part(self, "train", dataset, loss, sample_weight)
        test = _data.part(self, "test", dataset, loss, test_weight) if has_test else None
        custom = self._custom_loss(loss, train, test, avoid, y_th) if callable(loss) else None
        callbacks = functions("callbacks", callbacks)
        if _check.flag("save_fig", save_fig):
            from ._frames import Frames

            callbacks.append(Frames(self, len(train.rows), img_folder, save_fig_freq, beta, in_vars, out_vars))
        total = steps * len(levels)
        more = 0 if asked.smooth is None else _smoothing.STEPS
        reporter = Reporter(self, metrics, callbacks, display_metrics, verbose, log, total, more, loss == "mse", has_test)

        was_fitted, before = "_fitted_loss" in vars(self), _levels.Before(self)
        self._remember(train.rows, avoid, y_th, asked=True)
        self._remembered.y, self._remembered.weight = train.y, train.weight
        self._fitted_loss, self._fitted_how = (loss, float(huber_delta)), ((), avoid, y_th)
        start = time.perf_counter()
        run = _levels.Run(train, test, options, objective, avoid, y_th, custom, reporter, solve_last_layer)
        try:
            starts = _levels.best_start(self, run, restarts, validation_split > 0) if restarts > 1 else []
            report, values, history = _levels.train(self, run, levels, not starts)
            smoothed = None
            if asked.smooth is not None and report["status"] == 0 and REASONS[report["reason"]] != "callback":
                ended, done = FitResult.from_report(report, values, 0.0).message, report["steps"]
                tell = (lambda step, *losses: reporter(done + step, total, *losses)) if reporter.needed else None
                margin = options["grid_margin"] if update_grid else None
                smoothed = _smoothing.smooth(self, train, test, asked.smooth, avoid, y_th, margin, tell)
                values = {key: np.concatenate([values[key], smoothed.values[key]]) for key in values}
                count = len(smoothed.values["reg"])
                report["steps"] += count
                report["evaluations"] += smoothed.evaluations
                report["best_step"] = report["steps"] - 1
                report["message"] = f"{ended}; then {count} steps of smoothing, smooth={smoothed.weight:.3g}"
                if smoothed.stopped:
                    report["reason"] = REASONS.index("callback")
                    report["message"] += "; a callback stopped it"
        except (ValueError, TypeError):
            if not reporter.calling:  # what a user's function raises is no refusal
                before.restore(self)
            raise
        finally:
            reporter.close()
        seconds = time.perf_counter() - start
        for key in ("train_loss", "test_loss"):
            if loss == "mse":
                values[key] = np.array([root(value) for value in values[key]])
        values.update({key: np.array(metric) for key, metric in reporter.values.items()})
        result = FitResult.from_report(report, values, seconds)
        result.opt, result.levels, result.starts, result._has_test = opt, history, starts, has_test
        if loss == "mse":
            for entry in (*history, *starts):
                entry.update({key: root(entry[key]) for key in ("train_loss", "test_loss")})
        if smoothed:
            result.smooth = smoothed.weight
            result.freedom = _covariance.effective(self, train.chosen, train.weight, *self._fitted_how)
        self.log_history("fit")
        if result.status == "diverged":
            warnings.warn(f"fit: {result.message} (lr is {options['lr']:g})", RuntimeWarning, stacklevel=2)
        elif has_test and result.steps and not np.isfinite(result["test_loss"][-1]):
            warnings.warn(
                f"fit: the test loss is {result['test_loss'][-1]:g}: the model has no finite value for some test sample, as a symbolic edge outside "
                "its function's domain has none",
                RuntimeWarning,
                stacklevel=2,
            )
        if opt in _scales.SPREAD:
            _scales.warn(self, train, loss, was_fitted, opt)
        return result

    def _custom_loss(self, function: Any, train: Any, test: Any, avoid: bool, y_th: float) -> _losses.CallableLoss:
        """A loss written in Python, tried once on the training data: a wrong one is refused before the first step."""
        outputs = self.width_in[-1]
        custom = _losses.CallableLoss(function, train.label, test.label if test else None, outputs, self.dtype)
        prediction = np.empty((len(train.rows), outputs), self.dtype)
        self._core.forward(train.chosen, prediction, avoid, y_th)
        custom.value_and_slope(prediction, train.label)
        return custom
