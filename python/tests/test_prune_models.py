"""What pruning to a smaller model keeps, leaves alone and refuses.

What it must show: the pruned model stays as it was; the new one has its settings, its data and its choice of inputs; and every
refusal says what to do.
"""

import copy
import itertools
import pickle

import numpy as np
import pytest
from helpers import random_network, relative, samples

from swiftkan import KAN

PRODUCTS = dict(width=[3, [2, 3], [2, 2], [1, 1]], mult_arity=[[], [2, 3, 1], [3, 2], [2]])


def everything(model):
    """All that a model is, for comparing."""
    return (
        {name: values.tobytes() for name, values in model.state_dict().items()},
        model._function_names(),
        model._current_settings().to_dict(),
        model.input_id.tolist(),
        model.input_width,
        model.node_scores[0].tolist(),
    )


@pytest.fixture
def model():
    result = random_network(PRODUCTS, seed=4)
    result.get_act(samples(result, n=40)[0])
    return result


# ---- The new model and the old -----------------------------------------------------------------------------------

PRUNINGS = {
    "prune": lambda m: m.prune(0.02, 0.05),
    "prune_node": lambda m: m.prune_node(0.02),
    "listed nodes": lambda m: m.prune_node(active_neurons_id=[[3, 1], [2]]),
    "prune_input": lambda m: m.prune_input(0.05),
    "listed inputs": lambda m: m.prune_input(active_inputs=[2, 0]),
}


@pytest.mark.parametrize("name", PRUNINGS)
def test_the_old_model_stays_as_it_was(model, name):
    before = everything(model)
    data, questions = model.cache_data, model._question
    pruned = PRUNINGS[name](model)
    assert everything(model) == before
    assert model.cache_data is data and model._question is questions
    for values in pruned.state_dict():
        pruned._views[values][...] = 0.5
    pruned.symbolic_fun[0].set_function(0, 0, "tan")
    pruned.affine_trainable = True
    assert everything(model) == before


@pytest.mark.parametrize("name", PRUNINGS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_settings_are_kept(name, dtype):
    settings = dict(
        width=[3, [2, 2], 3, 1], mult_arity=[[], [2, 3], [], []], grid=[4, 6, 5], k=[2, 3, 4], noise_scale=0.9, scale_base_mu=0.4,
        scale_base_sigma=0.7, base_fun="identity", symbolic_enabled=False, affine_trainable=True, grid_eps=0.4,
        grid_range=(-2, 3), sp_trainable=False, sb_trainable=False, seed=17, save_act=False, ckpt_path="./elsewhere", state_id=4,
        round=2, dtype=dtype,
    )  # fmt: skip
    model = KAN(**settings)
    model.grid_eps, model.sb_trainable, model.label = 0.25, True, "mine"
    model.get_act(np.random.RandomState(0).rand(50, 3))
    pruned = PRUNINGS[name](model)
    expected = model._current_settings().to_dict()
    for changed in ("width", "mult_arity"):
        expected[changed] = pruned._settings.to_dict()[changed]
    assert pruned._current_settings().to_dict() == expected
    assert type(pruned) is type(model) and pruned.cache_data is model.cache_data
    for attribute in ("save_act", "ckpt_path", "state_id", "round", "label", "dtype", "grid_eps", "sb_trainable", "grid", "k"):
        assert getattr(pruned, attribute) == getattr(model, attribute), attribute


def test_listed_nodes_are_copied_number_by_number(model):
    model.get_act(samples(model, n=40)[0])
    pruned = model.prune_node(mode="manual", active_neurons_id=[[4, 0, 2], [1, 2]])
    assert pruned.width == [[3, 0], [1, 2], [1, 1], [1, 1]]
    assert pruned.mult_arity == [[], [2, 1], [3], [2]]
    nodes = [[0, 1, 2], [0, 2, 4], [1, 2], [0, 1]]
    subnodes = [None, [0, 2, 3, 7], [1, 2, 3, 4], [0, 1, 2]]
    for l in range(3):
        old, new = model.act_fun[l], pruned.act_fun[l]
        assert (new.grid == old.grid[nodes[l]]).all()
        for part in ("coef", "mask", "scale_base", "scale_sp"):
            assert (getattr(new, part) == getattr(old, part)[np.ix_(nodes[l], subnodes[l + 1])]).all()
        for part in ("mask", "affine"):
            assert (getattr(pruned.symbolic_fun[l], part) == getattr(model.symbolic_fun[l], part)[np.ix_(subnodes[l + 1], nodes[l])]).all()
        names = model.symbolic_fun[l].funs_name
        assert pruned.symbolic_fun[l].funs_name == [[names[j][i] for i in nodes[l]] for j in subnodes[l + 1]]
        assert (pruned.node_scale[l] == model.node_scale[l][nodes[l + 1]]).all()
        assert (pruned.node_bias[l] == model.node_bias[l][nodes[l + 1]]).all()
        assert (pruned.subnode_scale[l] == model.subnode_scale[l][subnodes[l + 1]]).all()
        gone = [i for i in range(model.width_in[l]) if i not in nodes[l]]
        mean = model.spline_postacts[l][:, :, gone].mean(axis=0).sum(axis=1)
        expected = (model.subnode_bias[l] + model.subnode_scale[l] * mean)[subnodes[l + 1]]
        np.testing.assert_allclose(pruned.subnode_bias[l], expected, rtol=1e-12, atol=1e-13)


def test_keeping_all_nodes_is_a_copy(model):
    x = model.cache_data
    twin = model.prune_node(-1)
    assert (twin(x) == model(x)).all() and twin.width == model.width
    flat = KAN([2, 2])  # no hidden level
    flat.get_act(np.random.RandomState(0).rand(20, 2))
    assert flat.prune_node().width == flat.width and flat.prune_node(active_neurons_id=[]).width == flat.width


def test_a_subclass_stays_one():
    class Mine(KAN):
        pass

    model = Mine([2, 3, 1])
    model.get_act(np.random.RandomState(0).rand(20, 2))
    assert type(model.prune_node(active_neurons_id=[[0]])) is Mine


def test_data_given_for_pruning_is_remembered_where_there_is_none():
    x = np.random.RandomState(0).rand(20, 3)
    model = KAN([3, 3, 1], seed=3)
    pruned = model.prune(0, 0, x=x)
    assert model.cache_data is None and np.shares_memory(pruned.cache_data, x)
    assert np.shares_memory(model.prune_input(-1, x=x).cache_data, x)


def test_versions(tmp_path):
    model = KAN([3, 4, 1], seed=3, auto_save=True, ckpt_path=str(tmp_path / "model"))
    model.get_act(np.random.RandomState(0).rand(20, 3))
    pruned = model.prune(0, 0)
    pruned = pruned.prune_node(active_neurons_id=[[0, 1, 2]]).prune_node(-1, log_history=False)
    pruned = pruned.prune_input(active_inputs=[0, 2]).prune_input(-1, log_history=False)
    pruned.prune_edge(0).prune_edge(-1, log_history=False)
    pruned.remove_edge(0, 0, 0).remove_edge(0, 1, 0, log_history=False)
    pruned.remove_node(1, 1).remove_node(1, 0, log_history=False)
    names = ["prune", "prune_node", "prune_input", "prune_edge", "remove_edge", "remove_node"]
    lines = [f"0.{i} => {name} => 0.{i + 1}" for i, name in enumerate(names)]
    assert (tmp_path / "model" / "history.txt").read_text().splitlines() == ["### Round 0 ###", "init => 0.0", *lines]
    assert pruned.checkout("0.3").width_in == [2, 3, 1] and pruned.checkout("0.3").input_id.tolist() == [0, 2]
    assert pruned.checkout("0.5").n_edge == pruned.checkout("0.4").n_edge - 1
    assert model.state_id == 0


# ---- The choice of inputs ----------------------------------------------------------------------------------------


def test_pruning_inputs_again_and_again():
    x = np.random.RandomState(0).rand(60, 6)
    model = random_network(dict(width=[6, 3, 1]), seed=2)
    model.get_act(x)
    one = model.prune_input(active_inputs=[5, 0, 2, 4])
    two = one.prune_input(active_inputs=[3, 0])
    assert one.input_id.tolist() == [5, 0, 2, 4] and two.input_id.tolist() == [4, 5]
    assert one.input_width == two.input_width == 6
    direct = model.prune_input(active_inputs=[4, 5])
    assert relative(two(x), direct(x)) <= 1e-13
    for columns in ([0, 1, 2, 3], [4]):
        changed = x.copy()
        changed[:, columns] = 9.0
        assert (two(changed) == two(x)).all() == (columns != [4])
    with pytest.raises(ValueError, match=r"takes 6 inputs: the last axis must be 6 \(2 of them are read, see input_id\)"):
        two(x[:, :2])


def test_the_order_of_inputs_is_as_listed():
    x = np.random.RandomState(0).rand(60, 3)
    model = random_network(dict(width=[3, 2, 1]), seed=2)
    model.get_act(x)
    for order in itertools.permutations(range(3)):
        turned = model.prune_input(active_inputs=list(order))
        assert turned.input_id.tolist() == list(order)
        assert relative(turned(x), model(x)) <= 1e-14
        assert relative(turned.feature_score, model.feature_score[list(order)]) <= 1e-13


def test_the_choice_of_inputs_goes_through_everything(tmp_path):
    """After each operation the model takes all columns and reads the same ones (pykan forgets which)."""
    random = np.random.RandomState(0)
    x = random.rand(80, 5)
    y = x[:, [3]] ** 2 + x[:, [1]]
    model = KAN([5, 3, 1], seed=2)
    model.fit((x, y), steps=3)
    chosen = model.prune_input(active_inputs=[3, 1])

    def saved(m):
        m.save(tmp_path / "model.npz")
        return KAN.load(tmp_path / "model.npz")

    def again(m):
        m.get_act(x)
        return m

    steps = {
        "prune_node": lambda m: m.prune_node(-1),
        "prune": lambda m: m.prune(-1, -1),
        "refine": lambda m: m.refine(7),
        "clone": lambda m: m.clone(),
        "copy": copy.copy,
        "deepcopy": copy.deepcopy,
        "pickle": lambda m: again(pickle.loads(pickle.dumps(m))),
        "save": lambda m: again(saved(m)),
        "fit": lambda m: m if m.fit((x, y), steps=1) else None,
        "prune_edge": lambda m: m.prune_edge(-1),
        "prune_input": lambda m: m.prune_input(-1),
    }
    for name, step in steps.items():
        chosen = step(chosen)
        assert chosen.input_id.tolist() == [3, 1] and chosen.input_width == 5, name
        changed = x.copy()
        changed[:, [0, 2, 4]] = random.rand(80, 3)
        assert (chosen(changed) == chosen(x)).all(), name
        assert chosen.acts[0].shape == (80, 2), name


# ---- Refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda m: m.prune(node_th=99), ValueError, "node_th: none of the nodes of level 1 has a score above 99.*lower node_th"),
        (lambda m: m.prune(0, 99), ValueError, "edge_th: none of the edges of layer 0 has a score above 99.*highest score is .*lower edge_th"),
        (lambda m: m.prune_node(99), ValueError, "threshold: none of the nodes of level 1 .*lower threshold"),
        (lambda m: m.prune_input(99), ValueError, "threshold: none of the inputs has a score above 99.*lower threshold"),
        (lambda m: m.prune("much"), TypeError, "node_th: "),
        (lambda m: m.prune(edge_th=np.nan), ValueError, "edge_th: must be finite"),
        (lambda m: m.prune_node(None), TypeError, "threshold: "),
        (lambda m: m.prune_node(mode="all"), ValueError, "mode: must be one of 'auto', 'manual'"),
        (lambda m: m.prune_node(mode="manual"), ValueError, "active_neurons_id: is missing"),
        (lambda m: m.prune_node(log_history="no"), TypeError, "log_history: "),
        (lambda m: m.prune_node(active_neurons_id=[[0]]), ValueError, "active_neurons_id: .*each of the 2 hidden levels"),
        (lambda m: m.prune_node(active_neurons_id="01"), ValueError, "active_neurons_id: "),
        (lambda m: m.prune_node(active_neurons_id=[[0], []]), ValueError, r"active_neurons_id\[1\]: .*at least one of the nodes of level 2"),
        (lambda m: m.prune_node(active_neurons_id=[[0], [4]]), ValueError, r"active_neurons_id\[1\]: there are 4 nodes of level 2, 0 to 3"),
        (lambda m: m.prune_node(active_neurons_id=[[-1], [0]]), ValueError, r"active_neurons_id\[0\]: "),
        (lambda m: m.prune_node(active_neurons_id=[[1, 1], [0]]), ValueError, "each may be listed once"),
        (lambda m: m.prune_node(active_neurons_id=[[0.0], [0]]), ValueError, r"active_neurons_id\[0\]: "),
        (lambda m: m.prune_input(active_inputs=[]), ValueError, "active_inputs: must be a list of at least one"),
        (lambda m: m.prune_input(active_inputs=[3]), ValueError, "active_inputs: there are 3 inputs, 0 to 2"),
        (lambda m: m.prune_input(active_inputs=[0, 0]), ValueError, "active_inputs: each may be listed once"),
        (lambda m: m.prune_input(active_inputs=[True, False, True]), ValueError, "active_inputs: "),
        (lambda m: m.prune_input(active_inputs=1), ValueError, "active_inputs: "),
        (lambda m: m.prune(x=[[1.0, 2.0]]), ValueError, "x: has the shape"),
        (lambda m: m.prune(x=[[0.1, 0.2, 0.3]]), ValueError, "x: .*at least 2 samples"),
        (lambda m: m.prune(x=[[0.1, 0.2, 0.3], [np.nan, 0.1, 0.1]]), ValueError, "x: row 1, column 0 is nan"),
        (lambda m: m.prune_input(active_inputs=[0], x=[[0.1, np.inf, 0.3], [0.1, 0.1, 0.1]]), ValueError, "x: row 0, column 1 is inf"),
    ],
)
def test_refusals(model, call, error, words):
    before = everything(model)
    with pytest.raises(error, match=words):
        call(model)
    assert everything(model) == before


def test_no_data():
    model = KAN([2, 3, 1])
    for call in (model.prune, model.prune_node, model.prune_input):
        with pytest.raises(RuntimeError, match="needs data, and this model has seen none"):
            call()
    with pytest.warns(UserWarning, match="prune_node.*seen no data"):
        assert model.prune_node(active_neurons_id=[[1]]).width_in == [2, 1, 1]
    with pytest.warns(UserWarning, match="prune_input.*seen no data"):
        assert model.prune_input(active_inputs=[1]).width_in == [1, 3, 1]


def test_values_that_are_not_finite():
    model = KAN([2, 2, 1], seed=1)
    model.symbolic_fun[0].set_function(0, 0, "log")
    model.symbolic_fun[0].affine[0, 0] = 1, 0, 1, 0
    model.symbolic_fun[0].mask[0, 0] = 1
    x = np.linspace(-1, 1, 20).reshape(10, 2)
    for call in (model.prune, model.prune_node, model.prune_input, model.prune_edge):
        with pytest.raises(ValueError, match="the scores of the .* are not finite"):
            call(x=x)
    with pytest.warns(RuntimeWarning, match=r"the edge \(0, 0, 0\) is not finite on these samples"):
        pruned = model.prune_input(active_inputs=[1], x=x)
    assert np.isnan(model(x)).any() and np.isfinite(pruned(x)).all()
    with pytest.warns(RuntimeWarning, match="not finite"):
        model.remove_edge(0, 0, 0, x=x)  # the way to get rid of it
    assert np.isfinite(model(x)).all()


def test_names_and_scales_of_all_columns_serve_what_is_left(tmp_path):
    pytest.importorskip("sympy")
    x = np.random.RandomState(0).randn(60, 4) * [1, 2, 3, 4] + [0, 1, 2, 3]
    mean, std = x.mean(axis=0), x.std(axis=0)
    model = KAN([4, 2, 1], seed=0)
    model.get_act((x - mean) / std)
    small = model.prune_input(active_inputs=[3, 1])
    small.auto_symbolic(lib=["x", "x^2"])
    columns = [3, 1]
    for scales in ((mean, std), (mean[columns], std[columns]), (mean[columns].tolist(), std.tolist())):
        formula = small.formula_function(var=list("abcd"), normalizer=scales)
        np.testing.assert_allclose(formula(x), small((x - mean) / std), atol=1e-10)
    assert [str(v) for v in small.symbolic_formula(var=list("abcd"))[1]] == ["d", "b"]
    with pytest.raises(ValueError, match="normalizer: mean has 3 entries; it must have 2 or 1"):
        small.symbolic_formula(normalizer=(mean[:3], std))
    pytest.importorskip("matplotlib")
    shown = lambda names: [text.get_text() for text in small.plot(in_vars=names).axes[0].texts]  # noqa: E731
    assert shown(["alpha", "beta", "gamma", "delta"]) == shown(["delta", "beta"])
    with pytest.raises(ValueError, match="in_vars: has 3 names, but the model has 2 inputs"):
        small.plot(in_vars=["a", "b", "c"])
    small.fit(((x - mean) / std, x[:, :1]), steps=1, save_fig=True, img_folder=str(tmp_path), in_vars=list("abcd"))
    assert (tmp_path / "0.jpg").exists()
