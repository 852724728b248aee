"""What is refused, and in which words: argument, what it was, what is allowed. A refusal changes nothing."""

import itertools

import numpy as np
import pytest
import sympy

import swiftkan
from swiftkan import (
    KAN, add_symbolic, augment_input, batch_jacobian, create_dataset, create_dataset_from_data, ex_round, fit_params, set_num_threads, sparse_mask,
)  # fmt: skip

X = np.random.RandomState(0).rand(20, 2)
A, B = sympy.symbols("a b")
Y = X[:, :1] * X[:, 1:]
NAN = np.where(np.arange(40).reshape(20, 2) == 7, np.nan, X)
INF = np.where(np.arange(20)[:, None] == 3, np.inf, Y)

CONSTRUCTOR = [
    (dict(width=None), TypeError, "width: is missing"),
    (dict(width=3), TypeError, r"width: must be a list like"),
    (dict(width="251"), TypeError, "width: must be a list"),
    (dict(width=[2]), ValueError, "width: needs at least an input and an output"),
    (dict(width=[]), ValueError, "width: needs at least"),
    (dict(width=[2, 0, 1]), ValueError, r"width\[1\]: must be at least 1|width\[1\]: must be from 1"),
    (dict(width=[2, -5, 1]), ValueError, r"width\[1\]"),
    (dict(width=[2, 2.5, 1]), TypeError, r"width\[1\]: must be an integer, not 2.5"),
    (dict(width=[2, True, 1]), TypeError, r"width\[1\]: must be an integer, not True"),
    (dict(grid_eps=10**400), ValueError, "grid_eps: must be a number that float64 holds, not an int"),
    (dict(width=[2, "5", 1]), TypeError, r"width\[1\]: must be an integer, not '5'"),
    (dict(width=[2, [1, 2, 3], 1]), ValueError, r"width\[1\]: must be a number of nodes or a pair"),
    (dict(width=[2, [0, 0], 1]), ValueError, r"width\[1\]: a level needs at least one node"),
    (dict(width=[[2, 1], 1]), ValueError, r"width\[0\]: inputs are not multiplied"),
    (dict(width=[2, [1, -1], 1]), ValueError, r"width\[1\]\[1\]"),
    (dict(width=[2, 10**30, 1]), ValueError, r"width\[1\]"),
    (dict(grid=0), ValueError, "grid: must be from 1"),
    (dict(grid=2.0), TypeError, "grid: must be an integer"),
    (dict(grid=[3]), ValueError, "grid: has 1 entries, but the network has 2 layers"),
    (dict(grid=[3, 0]), ValueError, r"grid\[1\]"),
    (dict(grid=None), TypeError, "grid"),
    (dict(k=-1), ValueError, "k: must be from 0 to 20, not -1"),
    (dict(k=21), ValueError, "k: must be from 0 to 20"),
    (dict(k=[3, 3, 3]), ValueError, "k: has 3 entries"),
    (dict(mult_arity=0), ValueError, "mult_arity"),
    (dict(mult_arity="2"), TypeError, "mult_arity"),
    (dict(mult_arity=[[2]]), ValueError, "mult_arity: has 1 lists, but width has 3 levels"),
    (dict(mult_arity=[[], [2], []]), ValueError, r"mult_arity\[1\]: has 1 entries, but width\[1\] has 0"),
    (dict(mult_arity=[[], 2, []]), TypeError, r"mult_arity\[1\]: must be a list"),
    (dict(noise_scale=np.nan), ValueError, "noise_scale: must be finite"),
    (dict(scale_base_mu=np.inf), ValueError, "scale_base_mu"),
    (dict(scale_base_sigma="1"), TypeError, "scale_base_sigma: must be a number"),
    (dict(base_fun="gelu"), ValueError, "base_fun: must be one of 'silu', 'identity', 'zero', not 'gelu'"),
    (dict(base_fun=np.tanh), TypeError, "base_fun.*other functions cannot be given"),
    (dict(grid_eps=-0.1), ValueError, "grid_eps: must be from 0 to 1"),
    (dict(grid_eps=1.1), ValueError, "grid_eps"),
    (dict(grid_range=[1, -1]), ValueError, "grid_range: the first must be below"),
    (dict(grid_range=[0, 0]), ValueError, "grid_range"),
    (dict(grid_range=[0, np.nan]), ValueError, r"grid_range\[1\]"),
    (dict(grid_range=[-1e300, 1e300], dtype="float32"), ValueError, "grid_range.*too large.*3.40282"),
    (dict(noise_scale=1e300, dtype="float32"), ValueError, "noise_scale.*too large"),
    (dict(grid_range=1), ValueError, "grid_range: must be a pair"),
    (dict(symbolic_enabled="no"), TypeError, "symbolic_enabled: must be True or False"),
    (dict(affine_trainable=2), TypeError, "affine_trainable"),
    (dict(sparse_init=None), TypeError, "sparse_init"),
    (dict(init="he"), ValueError, "init: must be one of 'pykan', 'glorot', 'power'"),
    (dict(init=None), ValueError, "init"),
    (dict(seed=-1), ValueError, "seed: must be from 0"),
    (dict(seed=2**32), ValueError, "seed"),
    (dict(seed=1.5), TypeError, "seed"),
    (dict(device="cuda"), ValueError, "device: must be 'cpu', not 'cuda'"),
    (dict(dtype="float16"), ValueError, "dtype: must be 'float64' or 'float32', not 'float16'"),
    (dict(dtype=int), ValueError, "dtype"),
    (dict(dtype=None), ValueError, "dtype"),
    (dict(dtype="nonsense"), ValueError, "dtype"),
    (dict(auto_save="yes"), TypeError, "auto_save: must be True or False, not 'yes'"),
    (dict(ckpt_path=3), TypeError, "ckpt_path: must be a path as text, bytes or path-like, not 3"),
    (dict(state_id=-1), ValueError, "state_id: must be at least 0, not -1"),
    (dict(speed=3), TypeError, "speed"),
]


@pytest.mark.parametrize("arguments, error, text", CONSTRUCTOR, ids=lambda v: str(v)[:40])
def test_constructor(arguments, error, text):
    with pytest.raises(error, match=text):
        KAN(**{"width": [2, 3, 1], **arguments})


def test_a_network_too_large_for_memory():
    with pytest.raises((MemoryError, ValueError)):
        KAN([2**31 - 1, 2**31 - 1], grid=2**31 - 1)
    with pytest.raises((MemoryError, ValueError)):
        KAN([100_000, 100_000, 1], grid=1000)
    with pytest.raises(ValueError, match="more than can be addressed"):
        KAN([2**24, [0, 2**20]], mult_arity=2**20)  # more edges than 64 bits count


INPUTS = [
    (X[:, :1], ValueError, r"x: has the shape \(20, 1\), but the model takes 2 inputs: the last axis must be 2"),
    (np.zeros((20, 3)), ValueError, r"\(20, 3\)"),
    (X.T, ValueError, r"try x\.T"),
    (X[0, :1], ValueError, "a single sample has 2 values"),
    (0.5, ValueError, "not a single number"),
    (None, TypeError, "x: must hold numbers, not a NoneType"),
    ("text", TypeError, "x: must hold real numbers, not text"),
    ([["a", "b"]], TypeError, "not text"),
    (np.array([["a", 1]], dtype=object), TypeError, "x: must hold numbers"),
    ([[1.0, None]], TypeError, "x: must hold numbers"),
    (X + 1j, TypeError, "complex"),
    (np.array([["2020-01-01"] * 2], dtype="M8[D]"), TypeError, "dates"),
    ([[1, 2], [3]], ValueError, "cannot be made into an array"),
    (object(), TypeError, "x: must hold numbers, not an object"),
    ({"a": 1}, TypeError, "x: must hold numbers, not a dict"),
    (np.ma.masked_array(X, mask=X > 0.5), ValueError, r"masked values.*x\.filled"),
    (np.zeros((0,)), ValueError, "single sample has 2"),
    (np.zeros((3, 0)), ValueError, r"\(3, 0\)"),
]


@pytest.mark.parametrize("x, error, text", INPUTS, ids=[f"input {i}" for i in range(len(INPUTS))])
@pytest.mark.parametrize(
    "method",
    [
        "__call__",
        "predict",
        "forward",
        "get_act",
        "update_grid_from_samples",
        "vjp",
        "value_and_grad",
        "fit",
        "reg",
        "refine",
    ],
)
def test_inputs(method, x, error, text):
    model = KAN([2, 3, 1])
    before = model.state_dict()
    calls = {
        "vjp": lambda: model.vjp(x, Y),
        "value_and_grad": lambda: model.value_and_grad(x, Y),
        "fit": lambda: model.fit((x, Y), steps=1),
        "reg": lambda: model.reg(x=x),
        "refine": lambda: model.refine(5, x),
    }
    if x is None and method in ("get_act", "update_grid_from_samples", "reg", "refine"):
        error, text = RuntimeError, "needs data"
    if isinstance(x, dict) and method == "get_act":
        error, text = ValueError, "must have train_input"
    with pytest.raises(
        error,
        match=text.replace("x:", "(x|train_input):")
        .replace(r"try x\.", r"try (x|train_input)\.")
        .replace(r"x\.filled", r"(x|train_input)\.filled"),
    ):
        calls.get(method, lambda: getattr(model, method)(x))()
    assert all((before[name] == value).all() for name, value in model.state_dict().items())


def test_one_input_and_many_values():
    with pytest.raises(ValueError, match=r"for 20 samples of one input pass np.reshape\(x, \(-1, 1\)\)"):
        KAN([1, 1])(X[:, 0])


EMPTY, NO_LABELS = np.zeros((0, 2)), np.zeros((0, 1))


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.get_act(EMPTY),
        lambda m: m.update_grid(EMPTY),
        lambda m: m.refine(5, EMPTY),
        lambda m: m.vjp(EMPTY, NO_LABELS),
        lambda m: m.fit((EMPTY, NO_LABELS)),
        lambda m: m.value_and_grad(EMPTY, NO_LABELS),
    ],
)
def test_no_samples(call):
    with pytest.raises(ValueError, match="has no samples"):
        call(KAN([2, 3, 1]))


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.update_grid(NAN),
        lambda m: m.refine(5, NAN),
        lambda m: m.fit((NAN, Y)),
        lambda m: m.value_and_grad(NAN, Y),
        lambda m: m.reg(x=NAN),
        lambda m: m.initialize_from_another_model(m.clone(), NAN),
    ],
)
def test_not_a_number_in_the_input(call):
    with pytest.raises(ValueError, match=r"(x|train_input): row 3, column 1 is nan \(1 of 40 values is not finite"):
        call(KAN([2, 3, 1]))


@pytest.mark.parametrize("arguments", [{"margin": 2}, {"margin": np.nan}, {"margin": -0.1}, {"knots": "all"}, {"knots": None}])
def test_knots_that_are_not_allowed(arguments):
    model = KAN([2, 3, 1])
    before = model.state_dict()
    with pytest.raises(ValueError, match=next(iter(arguments))):
        model.update_grid_from_samples(X, **arguments)
    assert all(np.array_equal(before[name], value) for name, value in model.state_dict().items())


def test_what_float32_cannot_hold():
    with pytest.raises(ValueError, match="row 0, column 0 is inf .*in float32"):
        KAN([2, 1], dtype="float32").fit((X * 1e300, Y))


TRAINING = [
    (dict(dataset=5), TypeError, "dataset: must be a dict with train_input"),
    (dict(dataset=(X,)), ValueError, "dataset: has 1 parts"),
    (dict(dataset=(X, Y, X)), ValueError, "dataset: has 3 parts"),
    (dict(dataset={"train_input": X}), ValueError, "train_label is missing"),
    (dict(dataset={"train_input": X, "train_label": Y, "test_input": X}), ValueError, "test_label is missing"),
    (dict(dataset=(X, Y[:, 0])), ValueError, r"train_label: has the shape \(20,\), but 20 samples and 1 output need \(20, 1\); pass a column: np.reshape\(train_label, \(-1, 1\)\)"),
    (dict(dataset=(X, Y[:5])), ValueError, r"train_label: has the shape \(5, 1\)"),
    (dict(dataset=(X, np.zeros((20, 2)))), ValueError, r"need \(20, 1\)"),
    (dict(dataset=(X, Y.T)), ValueError, r"try train_label\.T"),
    (dict(dataset=(X, INF)), ValueError, "train_label: row 3, column 0 is inf"),
    (dict(dataset=(X, Y, X[:, :1], Y)), ValueError, "test_input: has the shape"),
    (dict(dataset=(X, Y, X, Y[:, 0])), ValueError, "test_label: has the shape"),
    (dict(dataset=(X, Y, NAN, Y)), ValueError, "test_input: row 3, column 1 is nan"),
    (dict(dataset=(X, Y, X[:0], Y[:0])), ValueError, "test_input: has no samples"),
    (dict(dataset=(X[None], Y[None])), ValueError, r"train_input: must have the shape \(samples, 2\), not \(1, 20, 2\)"),
    (dict(dataset=(X[0], Y[0])), ValueError, r"train_input: must have the shape \(samples, 2\), not \(2,\)"),
    (dict(opt=Y), TypeError, r"opt: must be the name of an optimiser, not a ndarray; .*fit\(\(x, y\)\)"),
    (dict(opt=Y[:, 0].tolist()), TypeError, "opt: .*not a list"),
    (dict(loss_fn=Y), ValueError, "loss_fn: must be one of .*, not a ndarray$"),
    (dict(opt="sgd"), ValueError, "opt: must be one of 'LBFGS', 'Adam', 'AdamW', 'SGD', 'LM', .*, not 'sgd'"),
    (dict(opt="NewtonKaczmarz", loss_fn="mae"), ValueError, "loss_fn, lamb: 'NewtonKaczmarz' minimises 'mse'"),
    (dict(opt="NewtonKaczmarz", lamb=0.1), ValueError, "loss_fn, lamb: 'NewtonKaczmarz' minimises 'mse'"),
    (dict(opt="NewtonKaczmarz", batch=5), ValueError, "batch: 'NewtonKaczmarz' takes one sample"),
    (dict(opt="NewtonKaczmarz", lr=1.5), ValueError, "lr: 'NewtonKaczmarz' needs a part of a projection"),
    (dict(opt="NewtonKaczmarz", weight_decay=0.1), ValueError, "weight_decay: 'NewtonKaczmarz' has none"),
    (dict(opt="SSBFGS", weight_decay=0.1), ValueError, "weight_decay: 'SSBFGS' has none"),
    (dict(opt="SSBroyden", epochs=5), ValueError, "batch, epochs: 'SSBroyden' takes all samples"),
    (dict(opt="SSBFGS", batch=5), ValueError, "batch, epochs: 'SSBFGS' takes all samples"),
    (dict(opt=None), ValueError, "opt"),
    (dict(opt="LM", loss_fn="mae"), ValueError, "loss_fn: 'LM' minimises"),
    (dict(opt="LM", batch=5), ValueError, "batch: 'LM'"),
    (dict(grids=[2]), ValueError, "grids"),
    (dict(restarts=0), ValueError, "restarts"),
    (dict(steps=-1), ValueError, "steps: must be"),
    (dict(steps=2.5), TypeError, "steps: must be an integer"),
    (dict(epochs=-1), ValueError, "epochs"),
    (dict(log=0), ValueError, "log"),
    (dict(lamb=-1), ValueError, "lamb: must be at least 0"),
    (dict(lamb=np.nan), ValueError, "lamb: must be finite"),
    (dict(lamb_l1="a"), TypeError, "lamb_l1: must be a number"),
    (dict(lr=0), ValueError, "lr: must be above 0"),
    (dict(lr=np.inf), ValueError, "lr"),
    (dict(batch=0), ValueError, "batch: must be at least 1, or -1"),
    (dict(batch=-7), ValueError, "batch"),
    (dict(batch=3.0), TypeError, "batch"),
    (dict(loss_fn="l2"), ValueError, "loss_fn: must be one of 'mse'"),
    (dict(loss_fn=3), ValueError, "loss_fn"),
    (dict(loss_fn="cross_entropy"), ValueError, "needs an output for each class"),
    (dict(loss_fn="bce", dataset=(X, Y + 5)), ValueError, "'bce' needs labels from 0 to 1"),
    (dict(loss_fn="huber", huber_delta=0), ValueError, "huber_delta"),
    (dict(reg_metric="l1"), ValueError, "reg_metric: must be one of 'edge_forward_spline_n'"),
    (dict(grid_update_num=0), ValueError, "grid_update_num"),
    (dict(update_grid="yes"), TypeError, "update_grid"),
    (dict(grid_margin=-0.1), ValueError, "grid_margin: must be from 0 to 1"),
    (dict(grid_margin="wide"), TypeError, "grid_margin"),
    (dict(knots="uniform"), ValueError, "knots: must be one of 'quantiles', 'curvature'"),
    (dict(opt="best"), ValueError, "opt: must be one of"),
    (dict(y_th=0), ValueError, "y_th: must be above 0"),
    (dict(singularity_avoiding=None), TypeError, "singularity_avoiding"),
    (dict(metrics=3), TypeError, "metrics: must be a function or a list of functions"),
    (dict(metrics=[len, len]), ValueError, "two results would be called 'len'"),
    (dict(metrics=["rmse"]), TypeError, "metrics"),
    (dict(display_metrics=["accuracy"]), ValueError, "display_metrics: there is no result 'accuracy'"),
    (dict(callbacks=3), TypeError, "callbacks"),
    (dict(save_fig="yes"), TypeError, "save_fig: must be True or False, not 'yes'"),
    (dict(verbose=3), ValueError, "verbose"),
    (dict(verbose="yes"), TypeError, "verbose: must be an integer"),
    (dict(seed=-1), ValueError, "seed"),
    (dict(patience=0), ValueError, "patience: must be"),
    (dict(min_delta=-1), ValueError, "min_delta"),
    (dict(validation_split=1.0), ValueError, "validation_split: 1 of 20 samples leaves 0 to train"),
    (dict(validation_split=0.001), ValueError, "validation_split"),
    (dict(validation_split=-0.5), ValueError, "validation_split"),
    (dict(validation_split=0.2, dataset=(X, Y, X, Y)), ValueError, "validation_split: the data set has test data already"),
    (dict(sample_weight=np.ones(3)), ValueError, r"sample_weight: has the shape \(3,\), but 20 samples need \(20,\)"),
    (dict(sample_weight=-np.ones(20)), ValueError, "sample_weight: must not be negative"),
    (dict(sample_weight=np.zeros(20)), ValueError, "sample_weight: all weights are zero"),
    (dict(sample_weight=np.full(20, np.nan)), ValueError, "sample_weight: row 0 is nan"),
    (dict(sample_weight=np.ones(20), loss_fn=lambda p, y: (0.0, p)), ValueError, "sample_weight: a callable loss_fn does its own"),
    (dict(weight_decay=0.1), ValueError, "weight_decay: L-BFGS has none"),
    (dict(momentum=0.9, opt="Adam"), ValueError, "momentum: only 'SGD' has it"),
    (dict(betas=0.9, opt="Adam"), ValueError, "betas: must be a pair"),
    (dict(betas=(0.9, 1.0), opt="Adam"), ValueError, "betas: must be below 1"),
    (dict(betas=(0.9, 2.0), opt="Adam"), ValueError, r"betas\[1\]"),
    (dict(eps=-1, opt="Adam"), ValueError, "eps"),
    *((dict(opt=opt, **more), ValueError, f"betas, eps: only 'Adam' and 'AdamW' have them, not '{opt}'")
      for opt in ("LBFGS", "LM", "SSBFGS", "SSBroyden", "NewtonKaczmarz", "SGD") for more in (dict(betas=(0.8, 0.9)), dict(eps=1e-6))),
    *((dict(opt=opt, **{name: np.array([1, 2])}), TypeError, f"{name}: must be a.* array")
      for name in ("batch", "validation_split", "weight_decay", "momentum", "smooth") for opt in ("LBFGS", "Adam", "SGD", "LM", "auto")),
    *((dict(validation_split=nothing), TypeError, "validation_split: must be a number") for nothing in ([], {})),
    (dict(display_metrics=5), TypeError, "display_metrics: must be a list of names of results, not 5"),
    (dict(display_metrics=b"reg"), TypeError, "display_metrics: must be a list of names of results, not b'reg'"),
    *((dict(dataset={"train_input": x, "train_label": Y}, opt=opt), error, f"train_input: {text}") for opt in ("LBFGS", "auto")
      for x, error, text in ((None, TypeError, "must hold numbers, not a NoneType"), (3.0, ValueError, r"must have the shape \(samples, 2\)"))),
    (dict(lr_schedule="linear"), ValueError, "lr_schedule: must be one of 'cosine', 'exponential', 'step'"),
    (dict(lr_schedule=lambda step: -1.0), ValueError, r"lr_schedule\(0\): must be at least 0"),
    (dict(lr_schedule=lambda step: None), TypeError, r"lr_schedule\(0\): must be a number"),
]  # fmt: skip


@pytest.mark.parametrize(
    "arguments, error, text", TRAINING, ids=[f"{list(row[0])[-1]} {i}" for i, row in enumerate(TRAINING)]
)
def test_training(arguments, error, text):
    model = KAN([2, 3, 1])
    before = model.state_dict()
    arguments = {"dataset": (X, Y), "steps": 2, **arguments}
    with pytest.raises(error, match=text):
        model.fit(arguments.pop("dataset"), **arguments)
    assert all((before[name] == value).all() for name, value in model.state_dict().items())


CLASSES = [
    (np.arange(20) % 4, "classes must be 0 … 2 for 3 outputs, not 0 … 3"),
    (-np.ones(20, int), "not -1 … -1"),
    (np.zeros(20), r"classes must be integers, not float64.*astype\(int\)"),
    (np.zeros((20, 1), int), r"class numbers are one-dimensional: pass train_label\.ravel\(\)"),
    (np.zeros(19, int), "19 labels for 20 samples"),
    (np.full((20, 3), 0.5), r"row 0 is \[0.5, 0.5, 0.5\]; probabilities"),
    (np.tile([2.0, -1.0, 0.0], (20, 1)), "probabilities"),
    (np.zeros((20, 2)), r"need \(20, 3\)"),
]


@pytest.mark.parametrize("labels, text", CLASSES)
def test_classes(labels, text):
    with pytest.raises(ValueError, match=f"train_label: .*{text}"):
        KAN([2, 3]).fit((X, labels), loss_fn="cross_entropy")


OTHERS = [
    (lambda m: m.refine(0), ValueError, "new_grid: must be from 1"),
    (lambda m: m.refine(2.5), TypeError, "new_grid"),
    (lambda m: m.refine([5]), ValueError, "new_grid: has 1 entries"),
    (lambda m: m.forward(X, y_th=-1), ValueError, "y_th: must be above 0, not -1"),
    (lambda m: m.forward(X, singularity_avoiding=3), TypeError, "singularity_avoiding"),
    (lambda m: m.vjp(X, Y[:3]), ValueError, r"grad_output: has the shape \(3, 1\), but model\(x\) has \(20, 1\)"),
    (lambda m: m.vjp(X, Y[:, 0]), ValueError, "grad_output"),
    (lambda m: m.value_and_grad(X, Y, loss="no"), ValueError, "loss: must be one of"),
    (lambda m: m.value_and_grad(X, Y, loss=lambda p, y: 3.0), TypeError, "training needs the gradient"),
    (lambda m: m.value_and_grad(X, Y, sample_weight=[1]), ValueError, "sample_weight"),
    (lambda m: m.value_and_grad(X[0], Y[0]), ValueError, r"x: must have the shape \(samples, 2\)"),
    (lambda m: m.value_and_grad(X, INF), ValueError, "y: row 3, column 0 is inf"),
    (lambda m: m.value_and_grad(X, INF.tolist()), ValueError, "y: row 3, column 0 is inf"),
    (lambda m: m.value_and_grad(NAN, INF), ValueError, "x: row 3, column 1 is nan"),
    (lambda m: m.value_and_grad(NAN, Y, lambda p, y: (0.0, p)), ValueError, "x: row 3, column 1 is nan"),
    (lambda m: m.value_and_grad(X[:1], Y[:1], lamb=1.0), ValueError, "at least 2"),
    (lambda m: m.compile(y_th=0), ValueError, "y_th: must be above 0"),
    (lambda m: m.compile(singularity_avoiding="no"), TypeError, "singularity_avoiding"),
    (lambda m: m.compile()(X[:, :1]), ValueError, r"x: has the shape \(20, 1\), but the model takes 2 inputs"),
    (lambda m: m.compile()("text"), TypeError, "x: must hold real numbers, not text"),
    (lambda m: m.reg("no", x=X), ValueError, "reg_metric"),
    (lambda m: m.reg(x=X[:1]), ValueError, "at least 2 samples"),
    (lambda m: m.get_act({"test_input": X}), ValueError, "must have train_input"),
    (lambda m: m.evaluate(X), ValueError, "test_input is missing"),
    (lambda m: m.evaluate({"test_input": X, "test_label": Y[:, 0]}), ValueError, r"test_label.*np.reshape"),
    (lambda m: m.evaluate({"test_input": X[:0], "test_label": Y[:0]}), ValueError, "at least one sample"),
    (lambda m: m.evaluate((X, Y, X)), ValueError, "dataset: has 3 parts"),
    (lambda m: m.evaluate((X, Y), "no"), ValueError, "loss_fn: must be one of"),
    (lambda m: m.evaluate((X, Y), "huber", huber_delta=0), ValueError, "huber_delta: must be above 0"),
    (lambda m: m.evaluate((X, INF)), ValueError, "test_label: row 3, column 0 is inf"),
    (lambda m: m.to("cuda:0"), ValueError, "device"),
    (lambda m: setattr(m, "input_id", [0]), ValueError, "input_id: must be 2 whole numbers"),
    (lambda m: setattr(m, "input_id", [0, -1]), ValueError, "input_id: columns are counted from 0"),
    (lambda m: setattr(m, "input_id", [0.0, 1.0]), ValueError, "input_id"),
    (lambda m: setattr(m, "input_width", 1), ValueError, "input_width: must be at least 2"),
    (lambda m: setattr(m, "cache_data", X[:, :1]), ValueError, "cache_data"),
    (lambda m: m.symbolic_fun[0].set_function(0, 9, "sin"), ValueError, "j: must be from 0 to 2"),
    (lambda m: m.symbolic_fun[0].set_function(0.0, 0, "sin"), TypeError, "i: must be an integer"),
    (lambda m: m.symbolic_fun[0].set_function(0, 0, np.sin), ValueError, "no function"),
    (lambda m: setattr(m.symbolic_fun[0], "affine", np.zeros(4)), ValueError, r"symbolic_fun\[0\]\.affine"),
    (lambda m: m.load_state_dict(m.state_dict(), strict=3), TypeError, "strict"),
    (lambda m: m.save(3), TypeError, "path: must be a path as text, bytes or path-like, not 3"),
    (lambda m: KAN.load(None), TypeError, "path: must be a path as text, bytes or path-like, not None"),
    (lambda m: m.saveckpt(3), TypeError, "path: must be a path"),
    (lambda m: KAN.from_pykan(5), TypeError, "path: must be a path as text, bytes or path-like, not 5"),
    (lambda m: KAN.from_pykan(""), ValueError, "path: must be a path without control characters"),
    (lambda m: m.plot(folder=[]), TypeError, r"folder: must be a path as text, bytes or path-like, not \[\]"),
    (lambda m: m.plot(folder=""), ValueError, "folder: must be a path without control characters"),
    (lambda m: KAN.loadckpt("a\nb"), ValueError, "path: must be a path without control characters"),
    (lambda m: m.rewind(0.1), TypeError, "model_id: must be text such as '0.1', not 0.1"),
    (lambda m: m.checkout("latest"), ValueError, "model_id: must be of the form"),
    (lambda m: m.history("some"), TypeError, "k: must be an integer"),
    (lambda m: m.log_history(""), ValueError, "method_name: must be text on one line"),
    (lambda m: m.attribute(9), ValueError, "l: must be"),
    (lambda m: m.feature_interaction("a"), TypeError, "l: must be an integer"),
    (lambda m: m.prune(node_th="a"), TypeError, "node_th: must be a number"),
    (lambda m: m.prune_node(1e9), ValueError, "threshold"),
    (lambda m: m.prune_input(1e9), ValueError, "threshold"),
    (lambda m: m.prune_edge(1e9), ValueError, "threshold"),
    (lambda m: m.swap(0, 0, 1), ValueError, "l: must be from 1 to 1, not 0"),
    (lambda m: m.swap(1, 0, 3), ValueError, "i2: must be from 0 to 2, not 3"),
    (lambda m: KAN([2, 1]).swap(1, 0, 1), ValueError, "l: this network has no hidden level"),
    (lambda m: m.auto_swap_l(2), ValueError, "l: must be from 1 to 1"),
    (lambda m: KAN([2, 3, 1]).auto_swap(), RuntimeError, r"auto_swap_l\(\) needs data"),
    (lambda m: m.module(0, "0 to 1"), ValueError, "chain: must be text such as"),
    (lambda m: m.module(0, b"[0]->[0]"), ValueError, r"chain: must be text such as .*, not b'\[0\]->\[0\]'"),
    (lambda m: m.module(1, "[0]->[0]->[0]->[0]"), ValueError, "chain: must have two groups for each layer, at most 1"),
    (lambda m: m.module(0, "[0]->[3]"), ValueError, "chain: group 1: must be from -3 to 2"),
    (lambda m: m.perturb(mode="best"), ValueError, "mode: must be one of 'non-intrusive', 'all', 'minimal'"),
    (lambda m: m.perturb(np.nan), ValueError, "mag: must be finite"),
    (lambda m: m.expand_width(0, 1), ValueError, "layer_id: must be from 1 to 1"),
    (lambda m: m.expand_width(1, 0), ValueError, "n_added_nodes: must be from 1"),
    (lambda m: m.expand_width(1, 2**63), ValueError, "n_added_nodes: must be from 1"),
    (lambda m: m.expand_width(1, 2**31 - 1), ValueError, r"width\[1\]\[0\]: must be from 0"),
    (lambda m: m.expand_width(1, 2**31, False), ValueError, "n_added_nodes: must be from 1"),
    (lambda m: KAN([2, [1, 2], 1]).expand_width(1, 2**31 - 1, False), ValueError, r"width\[1\]\[1\]: must be from 0"),
    (lambda m: m.expand_width(1, 2, sum_bool=False, mult_arity=[2]), ValueError, "mult_arity: has 1 entries for 2 nodes"),
    (lambda m: KAN([2, 1]).expand_width(1, 1), ValueError, r"this network has no hidden level; expand_depth\(\)"),
    (lambda m: m.train({"train_input": X}), TypeError, r"mode: must be True or False, not a dict; to train the model call fit"),
    (lambda m: m.train("on"), TypeError, "mode: must be True or False"),
    (lambda m: batch_jacobian(lambda x: x, X), TypeError, "func: must be a KAN"),
    (lambda m: batch_jacobian(m, X, create_graph=True), ValueError, "create_graph: must be False"),
    (lambda m: batch_jacobian(m, X, mode="both"), ValueError, "mode: must be one of 'scalar', 'vector'"),
    (lambda m: sparse_mask(0, 1), ValueError, "in_dim: must be from 1"),
    (lambda m: m.remove_edge(0, 0, 9), ValueError, "j: must be"),
    (lambda m: m.remove_node(0, 0, mode="sideways"), ValueError, "mode: must be one of"),
    (lambda m: m.plot(metric="no"), ValueError, "metric"),
    (lambda m: create_dataset(3), TypeError, "f: must be a function"),
    (lambda m: create_dataset(lambda x: x[:, [0]], n_var=0), ValueError, "n_var"),
    (lambda m: create_dataset(lambda x: x[:, [0]], f_mode="columns"), ValueError, "f_mode: must be one of 'col', 'row'"),
    (lambda m: create_dataset(lambda x: x[:, [0]], train_num=0), ValueError, "train_num"),
    (lambda m: create_dataset(lambda x: x[:, [0]], test_num=-1), ValueError, "test_num"),
    (lambda m: create_dataset(lambda x: x[:, [0]], ranges=[1, -1]), ValueError, "ranges: of variable 0"),
    (lambda m: create_dataset(lambda x: x[:, [0]], ranges=[1, 2, 3]), ValueError, "ranges: must be"),
    (lambda m: create_dataset(lambda x: x[:, [0]], ranges=[0, np.inf]), ValueError, "ranges"),
    (lambda m: create_dataset(lambda x: x[:, [0]], seed=-1), ValueError, "seed"),
    (lambda m: create_dataset(lambda x: x[:, [0]], device="cuda"), ValueError, "device"),
    (lambda m: create_dataset(lambda x: x[:, [0]], dtype="int"), ValueError, "dtype"),
    (lambda m: create_dataset(lambda x: 3.0), ValueError, r"f: gave an array of shape \(\) for 1000 samples"),
    (lambda m: create_dataset(lambda x: x[0]), ValueError, r"f: gave.*In 'col' mode a variable is x\[:, \[i\]\]"),
    (lambda m: create_dataset(lambda x: 0 * x[:, [0]], normalize_label=True), ValueError, "normalize_label: column 0 is constant"),
    (lambda m: create_dataset(lambda x: x[:, [0]], train_num=1, normalize_input=True), ValueError, "normalize_input"),
    (lambda m: create_dataset_from_data(X[:, 0], Y), ValueError, "inputs: must have the shape"),
    (lambda m: create_dataset_from_data(X, Y[:3]), ValueError, "labels: has the shape"),
    (lambda m: create_dataset_from_data(X, Y, train_ratio=1.0), ValueError, "train_ratio: 1 of 20 samples"),
    (lambda m: create_dataset_from_data(X, Y, train_ratio=2), ValueError, "train_ratio"),
    (lambda m: create_dataset_from_data(X, Y, seed="a"), TypeError, "seed"),
    (lambda m: augment_input("ab", [A + B], X), TypeError, "orig_vars: must be a list"),
    (lambda m: augment_input([A, "b"], [A], X), TypeError, "orig_vars: must be sympy symbols, not 'b'"),
    (lambda m: augment_input([A, B], ["a + b"], X), TypeError, r"aux_vars: must be sympy expressions, not 'a \+ b'"),
    (lambda m: augment_input([A, B], [A, sympy.Symbol("c") + B], X), ValueError, r"aux_vars: b \+ c has c, which orig_vars has not"),
    (lambda m: augment_input([A], [A**2], X), ValueError, r"x: has the shape \(20, 2\); with 1 orig_vars"),
    (lambda m: augment_input([A, B], [A], X[0]), ValueError, "x: has the shape"),
    (lambda m: augment_input([A, B], [A], NAN), ValueError, "x: row 3, column 1 is nan"),
    (lambda m: augment_input([A, B], [B, sympy.Function("f")(A)], X), ValueError, r"aux_vars: f\(a\) cannot be evaluated .* name 'f' is not defined"),
    (lambda m: augment_input([A, B], [sympy.Integral(A**A, A)], X), ValueError, r"aux_vars: Integral\(a\*\*a, a\) cannot be evaluated"),
    (lambda m: augment_input([A, B], [A, sympy.log(-A)], X), ValueError, r"aux_vars: log\(-a\) is nan for x\[0\] = "),
    (lambda m: augment_input([A, B], [A], {"test_input": X}), ValueError, "x: train_input is missing"),
    (lambda m: augment_input([A, B], [A], "x"), TypeError, "x: must hold"),
    (lambda m: m.set_mode(0, 0, 3, "s"), ValueError, "j: must be from 0 to 2, not 3"),
    (lambda m: m.set_mode(2, 0, 0, "s"), ValueError, "l: must be from 0 to 1, not 2"),
    (lambda m: m.set_mode(0, 0, 0, "sn", "a"), TypeError, "mask_n"),
    (lambda m: m.set_mode(0, 0, 0, "S"), ValueError, "mode: must be one of 's', 'n'"),
    (lambda m: m.set_mode(0, 0, 0, ["s"]), ValueError, "mode: must be one of"),
    (lambda m: m.fix_symbolic(0, 0, 0, "sine"), ValueError, "fun_name: there is no function 'sine'; there are x, x.2.*add_symbolic"),
    (lambda m: m.fix_symbolic(0, 2, 0, "sin"), ValueError, "i: must be from 0 to 1, not 2"),
    (lambda m: m.fix_symbolic(0, 0, 0, "sin", a_range=3), ValueError, "a_range: must be a pair"),
    (lambda m: m.fix_symbolic(0, 0, 0, "sin", fit_params_bool="yes"), TypeError, "fit_params_bool"),
    (lambda m: m.fix_symbolic(0, 0, 0, "sin", x=X[:, :1]), ValueError, "x: has the shape"),
    (lambda m: m.fix_symbolic(0, 0, 0, "sin", x=X[:0]), ValueError, "x: has no samples"),
    (lambda m: m.fix_symbolic(0, 0, 0, "sin", x=X * np.nan), ValueError, r"x\[0\] is nan"),
    (lambda m: m.unfix_symbolic(0, 0, 0.5), TypeError, "j: must be an integer"),
    (lambda m: m.unfix_symbolic_all(log_history=3), TypeError, "log_history"),
    (lambda m: m.get_range(9, 0, 0), ValueError, "l: must be"),
    (lambda m: m.get_fun(0, 9, 0), ValueError, "i: must be"),
    (lambda m: m.suggest_symbolic(0, 0, 0, lib=["no"]), ValueError, "lib: there is no function 'no'"),
    *((lambda m, lib=lib: m.suggest_symbolic(0, 0, 0, lib=lib), ValueError, r"lib: there is no function [\[{]") for lib in ([[0]], [{}])),
    (lambda m: m.auto_symbolic(lib=["sin", [0]]), ValueError, r"lib: there is no function \[0\]"),
    (lambda m: m.suggest_symbolic(0, 0, 0, r2_loss_fun="bad"), TypeError, "r2_loss_fun: must be a function of a number, not 'bad'"),
    (lambda m: m.suggest_symbolic(0, 0, 0, c_loss_fun=3), TypeError, "c_loss_fun: must be a function of a number, not 3"),
    (lambda m: m.fix_symbolic(0, 0, 0, "sin", verbose=np.array([1, 2])), TypeError, "verbose: must be an integer, not array"),
    (lambda m: m.suggest_symbolic(0, 0, 0, verbose=np.array([1, 2])), TypeError, "verbose: must be an integer, not array"),
    (lambda m: m.get_range(0, 0, 0, np.array([1, 2])), TypeError, "verbose: must be an integer, not array"),
    (lambda m: m.suggest_symbolic(0, 0, 0, weight_simple=2), ValueError, "weight_simple: must be from 0 to 1"),
    (lambda m: m.suggest_symbolic(0, 0, 0, topk=0, verbose=True), ValueError, "topk"),
    (lambda m: m.auto_symbolic(lib=[]), ValueError, "lib: is empty"),
    (lambda m: m.auto_symbolic(r2_threshold="a"), TypeError, "r2_threshold"),
    (lambda m: m.symbolic_formula(), ValueError, r"the edges \(l, i, j\) \(0, 0, 0\).*are numeric"),
    (lambda m: m.symbolic_formula(numeric="no"), ValueError, "numeric: must be one of"),
    (lambda m: m.symbolic_formula(numeric="function", var=["a"]), ValueError, "var: has 1 entries"),
    (lambda m: m.formula_function(), ValueError, "are numeric"),
    (lambda m: m.formula_latex("a", numeric="function"), TypeError, "n_digit"),
    (lambda m: m.symbolic_search(X), TypeError, "dataset: must be"),
    (lambda m: m.symbolic_search((X, Y[:3])), ValueError, "train_label"),
    (lambda m: add_symbolic("sin", np.sin), ValueError, "a function of the library"),
    (lambda m: add_symbolic("mine", np.sin, c=-1), ValueError, "c: must be at least 0"),
    (lambda m: add_symbolic(3, np.sin), TypeError, "name: must be a text"),
    (lambda m: fit_params([1, 2], [1], "sin"), ValueError, "x and y: must have one shape"),
    (lambda m: m.symbolic_formula(numeric="function", var={"a": 1, "b": 2}), TypeError, "var: must be a list of names or sympy expressions, not {'a': 1"),
    (lambda m: m.symbolic_formula(numeric="function", var={"a", "b"}), TypeError, "var: must be a list of names or sympy expressions, not {"),
    (lambda m: m.symbolic_formula(numeric="function", var="ab"), TypeError, "var: must be a list of names or sympy expressions, not 'ab'"),
    (lambda m: m.symbolic_formula(numeric="function", var=[None, None]), TypeError, "var: its entries must be names or sympy expressions, not None"),
    (lambda m: m.symbolic_formula(numeric="function", var=[["a"], b"b"]), TypeError, r"var: its entries must be .*, not \['a'\]"),
    (lambda m: ex_round(1, -1), ValueError, "n_digit"),
    (lambda m: ex_round(None, 3), TypeError, "expr: must be a sympy expression or a list of them, not None"),
    (lambda m: ex_round([{}], 3), TypeError, "expr: must be a sympy expression or a list of them, not {}"),
    (lambda m: ex_round("1 +", 3), ValueError, "expr: '1 [+]' is no formula"),
    (lambda m: KAN([2, 1], k=10**5000), ValueError, "k: must be from 0 to 20, not an int"),
    (lambda m: m(np.array([[0, 10**400]], dtype=object)), ValueError, "x: must hold numbers that float64 holds"),
    (lambda m: set_num_threads(0), ValueError, "n: must be"),
    (lambda m: set_num_threads(1.5), TypeError, "n: must be an integer"),
]  # fmt: skip


@pytest.mark.parametrize("call, error, text", OTHERS, ids=[f"call {i}" for i in range(len(OTHERS))])
def test_everything_else(call, error, text):
    model = KAN([2, 3, 1])
    model.get_act(X)
    before = model.state_dict()
    with pytest.raises(error, match=text):
        call(model)
    assert all((before[name] == value).all() for name, value in model.state_dict().items())


def test_long_values_are_not_written_out():
    """Lists of lists can be short in memory and endless in writing."""

    class Unwritable:
        def __repr__(self):
            raise AssertionError

    for value in ([Unwritable()] * 101, [[Unwritable()] * 60] * 60, {1: (Unwritable(),) * 101}):
        with pytest.raises(TypeError, match=f"grid_eps: must be a number, not a {type(value).__name__}"):
            KAN([2, 1], grid_eps=value)


def test_the_table_is_complete():
    """Every public function and method has a row above or in another file's ``test_refusals``, or can take no wrong argument."""
    import inspect
    import pathlib

    tables = [path.read_text() for path in pathlib.Path(__file__).parent.glob("test_*.py")]
    source = "".join(text for text in tables if "def test_refusals(" in text or "def test_the_table_is_complete(" in text)
    without = {"expand_depth", "eval", "parameters", "node_attribute", "clone", "copy", "state_dict", "get_params", "speed", "get_num_threads", "cpu_info", "from_pykan", "FitResult", "Step", "KANLayer", "SymbolicLayer",
               "MultKAN", "FUNCTIONS", "update_grid_from_samples", "get_reg", "initialize_grid_from_another_model",
               "SYMBOLIC_LIB", "StructureSearch", "SymbolicSearch", "cpu_info", "np", "CompiledKAN"}  # fmt: skip
    methods = [name for name, value in inspect.getmembers(KAN, inspect.isroutine) if not name.startswith("_")]
    for name in itertools.chain(methods, swiftkan.__all__):
        assert name in without or name in source, name
