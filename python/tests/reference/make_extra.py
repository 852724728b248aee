"""Asks pykan 0.2.8 (torch, CPU) for the numbers of extra_cases.py and writes extra_<case>.npz beside itself.

Run it with an interpreter that has pykan and torch; the tests that read the files need neither:

    python make_extra.py            all cases
    python make_extra.py k1 child   some of them

What it must get right, in this order:
    1. Only what pykan computes correctly is written: attribution where its list arities are not mixed up,
       regularisation metrics that work, gradients where they are finite.
    2. Least squares is solved. torch's default driver (gelsy) is called with an uninitialised pivot array, so it
       may skip pivoting, misjudge the rank and return a wrong solution: for k = 3 from G = 23 or so, for k = 5 from
       G = 10, differently from run to run. The SVD driver (gelsd) gives the minimum-norm solution that is meant.
    3. Only what rounding does not decide is written: grid updates are repeated with a pseudo-inverse, and a case
       whose outputs then move by more than 1e-10 is an error; so is a constant node or edge, whose standard
       deviation is rounding noise and its gradient the noise of noise (0 exactly, of a masked edge, is fine).
    4. A file says how its model was made ('meta', JSON), and names arrays as pykan's state_dict does.

Arrays: 'x', 'y', 'init/<block>', 'start/<block>' (blocks changed after construction), 'output', 'acts_<l>' and
'postacts_<l>' (the first ROWS samples), 'grad/<block>' and 'grad/x' (of the mean squared error),
'objective/<metric>/<block>' (gradient of mse + OBJECTIVE['lamb'] · reg), 'reg/<metric>' (values for REG),
'attribute/…', 'grid/<block>' and 'grid/output' (after update_grid_from_samples), 'refined/…' (a refinement of
that), 'child/…', 'adam/…' and 'adam_reg/…' (losses and the output after training).
"""
import contextlib
import io
import json
import os
import sys
import tempfile
import warnings

import numpy as np

warnings.filterwarnings("ignore")
import torch
from kan import KAN
from kan.utils import SYMBOLIC_LIB, sparse_mask

from extra_cases import CASES, TARGETS

ROWS = 12
REG = (1.0, 2.0, 0.1, 0.2)  # lamb_l1, lamb_entropy, lamb_coef, lamb_coefdiff
OBJECTIVE = dict(lamb=0.05, lamb_l1=1.0, lamb_entropy=2.0, lamb_coef=0.1, lamb_coefdiff=0.2)
ADAM = dict(opt="Adam", steps=8, lr=1e-2, update_grid=False)
LSTSQ = torch.linalg.lstsq
HERE = os.path.dirname(os.path.abspath(__file__))


def numpy_of(tensor):
    return tensor.detach().numpy().copy()


def build(kan):
    """A new pykan model; pykan changes the lists that it is given, so it gets copies."""
    return KAN(**json.loads(json.dumps(kan)), auto_save=True)


def prepare(case, model, rng):
    """Applies masks, symbolic edges and random node scales; returns the blocks that changed."""
    before = {name: numpy_of(v) for name, v in model.state_dict().items()}
    for l, i, j, value in case.get("masks", []):
        model.act_fun[l].mask.data[i, j] = value
    for l, i, j, name, mode, mask_n, affine in case.get("edges", []):
        model.fix_symbolic(l, i, j, name, fit_params_bool=False, verbose=False, log_history=False)
        model.set_mode(l, i, j, mode, mask_n)
        model.symbolic_fun[l].affine.data[j, i] = torch.tensor(affine)
    for name, parameter in model.named_parameters():
        if any(name.startswith(prefix) for prefix in case.get("perturb", [])):
            parameter.data += torch.tensor(0.3 * rng.standard_normal(parameter.shape), dtype=parameter.dtype)
    return {name: numpy_of(v) for name, v in model.state_dict().items() if not np.array_equal(before[name], v)}


def metrics_that_work(kan):
    """pykan spreads the score of a multiplication node wrongly for list arities and several outputs."""
    edges = ["edge_forward_spline_n", "edge_forward_spline_u", "edge_forward_sum"]
    if not isinstance(kan.get("mult_arity", 2), list):
        return edges + ["edge_backward", "node_backward"]
    return edges + (["edge_backward"] if kan["width"][-1] == 1 else [])


def gradients(model, value, out, prefix):
    model.zero_grad()
    value.backward()
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            assert torch.isfinite(parameter.grad).all(), name
            out[f"{prefix}/{name}"] = numpy_of(parameter.grad)


def no_constants(model):
    """Stops at a node or an edge that is constant but for rounding."""
    for l in range(model.depth):
        assert float(model.acts[l].std(dim=0).min()) > 1e-6, f"a constant node in level {l}"
        for sizes in (model.edge_actscale[l], model.acts_scale_spline[l]):
            assert bool((sizes[sizes != 0] > 1e-6).all()), f"a constant edge in layer {l}"


def evaluate(case, model, x, y, out):
    """Outputs, activations, gradients, regularisation, attribution at the prepared state."""
    options = case.get("evaluate", {})
    leaf = x.clone().requires_grad_(True)
    prediction = model(leaf, **options)
    assert prediction.shape == y.shape
    no_constants(model)
    out["output"] = numpy_of(prediction)
    for l in range(model.depth):
        out[f"acts_{l + 1}"] = numpy_of(model.acts[l + 1][:ROWS])
        out[f"postacts_{l}"] = numpy_of(model.spline_postacts[l][:ROWS])
    gradients(model, torch.mean((prediction - y) ** 2), out, "grad")
    out["grad/x"] = numpy_of(leaf.grad)
    metrics = metrics_that_work(case["kan"])
    for metric in metrics:
        prediction = model(x, **options)
        if metric == "edge_backward":
            model.attribute()
        if metric == "node_backward":
            model.node_attribute()
        reg = model.get_reg(metric, *REG)
        out[f"reg/{metric}"] = float(reg)
        if metric in ("edge_forward_spline_n", "edge_forward_spline_u"):
            reg = model.get_reg(metric, *list(OBJECTIVE.values())[1:])
            loss = torch.mean((prediction - y) ** 2)
            gradients(model, loss + OBJECTIVE["lamb"] * reg, out, f"objective/{metric}")
    model(x, **options)
    for l in range(model.depth):
        out[f"attribute/acts_scale_{l}"] = numpy_of(model.acts_scale[l])
        out[f"attribute/edge_actscale_{l}"] = numpy_of(model.edge_actscale[l])
    if "edge_backward" in metrics:
        model.attribute()
        for l in range(model.depth):
            out[f"attribute/edge_scores_{l}"] = numpy_of(model.edge_scores[l])
        for l in range(model.depth + 1):
            out[f"attribute/node_scores_{l}"] = numpy_of(model.node_scores[l])


def by_svd(a, b):
    """torch.linalg.lstsq with the driver that can be relied on."""
    return LSTSQ(a, b, driver="gelsd")


def by_pseudo_inverse(a, b):
    """Another algorithm for the same minimum-norm answer."""
    solution = torch.linalg.pinv(a, rtol=torch.finfo(a.dtype).eps * max(a.shape[-2:])) @ b
    return type("Result", (), {"solution": solution})


@contextlib.contextmanager
def solver(function):
    before, torch.linalg.lstsq = torch.linalg.lstsq, function
    try:
        yield
    finally:
        torch.linalg.lstsq = before


def regrid(case, model, x):
    """Grid update, then what the case asks for; {name: model} in the order made."""
    model(x)
    model.update_grid_from_samples(x)
    made = {"grid": model}
    if "refine" in case:
        model(x)
        made["refined"] = model.refine(case["refine"])
    if "child" in case:
        child = build(case["child"])
        made["child"] = child.initialize_from_another_model(model, x)
    return made


def run(name):
    case = CASES[name]
    dtype = getattr(torch, case.get("dtype", "float64"))
    torch.set_default_dtype(dtype)
    rng = np.random.default_rng(case["seed"])
    first = case["kan"]["width"][0]
    x = rng.uniform(-1, 1, (case["n"], first)) * case.get("scale", 1.0) + case.get("shift", 0.0)
    x = torch.tensor(x, dtype=dtype)
    y = torch.tensor(TARGETS[case["target"]](x.numpy()), dtype=dtype)
    out = {"x": numpy_of(x), "y": numpy_of(y)}
    model = build(case["kan"])
    for block, value in model.state_dict().items():
        out[f"init/{block}"] = numpy_of(value)
    start = prepare(case, model, rng)
    out.update({f"start/{block}": value for block, value in start.items()})

    def prepared():
        """The model again, as it was evaluated."""
        again = build(case["kan"])
        prepare(case, again, np.random.default_rng(0))
        state = again.state_dict()
        state.update({block: torch.tensor(value) for block, value in start.items()})
        again.load_state_dict(state)
        return again

    evaluate(case, model, x, y, out)
    spread = {}
    if "grid" not in case.get("skip", []):
        made = regrid(case, prepared(), x)
        with solver(by_pseudo_inverse):
            other = regrid(case, prepared(), x)
        for tag, m in made.items():
            out[f"{tag}/output"] = numpy_of(m(x))
            for l in range(m.depth):
                out[f"{tag}/act_fun.{l}.grid"] = numpy_of(m.act_fun[l].grid)
            scale = float(torch.max(torch.abs(m(x))))
            spread[tag] = float(torch.max(torch.abs(m(x) - other[tag](x)))) / scale
            assert spread[tag] < (1e-10 if dtype == torch.float64 else 1e-3), (name, tag, spread[tag])
    if "adam" not in case.get("skip", []):
        data = dict(train_input=x, train_label=y, test_input=x, test_label=y)
        for tag, options in {"adam": {}, "adam_reg": OBJECTIVE}.items():
            m = prepared()
            with contextlib.redirect_stderr(io.StringIO()):
                result = m.fit(data, **ADAM, **options)
            for key in ("train_loss", "test_loss", "reg"):
                out[f"{tag}/{key}"] = np.array(result[key], dtype=float)
            out[f"{tag}/output"] = numpy_of(m(x))
    meta = dict(case, reg=REG, objective=OBJECTIVE, adam=ADAM, spread=spread, made_with=dict(torch=torch.__version__))
    out["meta"] = json.dumps(meta)
    np.savez_compressed(os.path.join(HERE, f"extra_{name}.npz"), **out)
    print(name, os.path.getsize(os.path.join(HERE, f"extra_{name}.npz")), spread, file=sys.__stdout__, flush=True)


def functions_table():
    """Values and derivatives of the library, plain and singularity-avoiding, and the sparse masks of small layers."""
    torch.set_default_dtype(torch.float64)
    x = np.concatenate([-np.geomspace(4, 1e-3, 24), [0.0], np.geomspace(1e-3, 4, 24)])
    out = {"x": x, "y_th": np.array([2.0, 10.0]), "names": np.array(list(SYMBOLIC_LIB))}

    def both(f):
        leaf = torch.tensor(x, requires_grad=True)
        value = f(leaf)
        value.sum().backward()
        return np.stack([numpy_of(value), numpy_of(leaf.grad)])

    for number, (plain, _, _, avoiding) in enumerate(SYMBOLIC_LIB.values()):
        out[f"plain/{number}"] = both(plain)
        if list(SYMBOLIC_LIB)[number] != "x^1.5":  # pykan's bounded form of it does not run
            for y_th in out["y_th"]:  # [-1]: pykan's layer takes [1], which for tan is not the value
                out[f"avoiding/{number}/{y_th:g}"] = both(lambda v: avoiding(v, torch.tensor(y_th))[-1])
    for dtype in ("float32", "float64"):
        torch.set_default_dtype(getattr(torch, dtype))
        masks = [numpy_of(sparse_mask(i, o)).ravel() for i in range(1, 11) for o in range(1, 11)]
        out[f"sparse_mask/{dtype}"] = np.packbits(np.concatenate(masks).astype(bool))
    np.savez_compressed(os.path.join(HERE, "extra_functions.npz"), **out)


if __name__ == "__main__":
    torch.set_num_threads(1)
    wanted = sys.argv[1:] or [*CASES, "functions"]
    with tempfile.TemporaryDirectory() as folder:  # pykan writes its checkpoints into the working directory
        os.chdir(folder)
        with contextlib.redirect_stdout(io.StringIO()), solver(by_svd):
            for name in wanted:
                functions_table() if name == "functions" else run(name)
        os.chdir(HERE)
