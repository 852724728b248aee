"""Swapping, cutting off, switching on and adding nodes: the function stays what it was, and what changes is as pykan defines it."""

import numpy as np
import pytest
from helpers import NETWORKS, random_network, relative, samples

from swiftkan import KAN, _subset, batch_jacobian, sparse_mask, utils

DEEP = [name for name, settings in NETWORKS.items() if len(settings["width"]) > 2]


def swappable(model):
    """(level, i1, i2) of all pairs of nodes that can be swapped."""
    for level in range(1, model.depth):
        kinds = model._kinds(level)
        yield from ((level, a, b) for a in range(len(kinds)) for b in range(len(kinds)) if kinds[a] == kinds[b])


@pytest.mark.parametrize("name", DEEP)
def test_swaps_leave_the_function(name):
    model = random_network(NETWORKS[name])
    x, _ = samples(model)
    model.get_act(x)
    before, acts, names = model(x), [np.array(a) for a in model.acts], model._function_names()
    for level, a, b in swappable(model):
        twin = model.clone()
        assert twin.swap(level, a, b) is twin
        assert relative(twin(x), before, 1e-3) < 1e-13
        order = np.arange(model.width_in[level])
        order[[a, b]] = order[[b, a]]
        np.testing.assert_allclose(twin.acts[level], acts[level][:, order], rtol=1e-13)
        twin.swap(level, a, b)
        assert all((value == model.state_dict()[key]).all() for key, value in twin.state_dict().items())
        assert twin._function_names() == names


@pytest.mark.parametrize("name", NETWORKS)
def test_every_array_is_in_the_table_with_its_axes(name):
    """What is missing there would be lost by pruning, swapping and expanding."""
    model = random_network(NETWORKS[name])
    expected = {
        part.format(l): tuple({"left": model.width_in[l], "entered": model.width_out[l + 1], "behind": model.width_in[l + 1]}[kind] for kind in kinds)
        for part, kinds in _subset.AXES.items() for l in range(model.depth)
    }  # fmt: skip
    state = model.state_dict()
    assert set(state) == set(expected)
    assert all(state[key].shape[: len(shape)] == shape for key, shape in expected.items())


def test_only_nodes_of_one_kind_are_swapped():
    model = KAN([2, [1, 2], 1], mult_arity=[[], [2, 3], []])
    with pytest.raises(ValueError, match="i1, i2: node 0 of level 1 is a sum, node 2 a product of 3"):
        model.swap(1, 0, 2)


@pytest.mark.parametrize("name", ["deep", "products of all kinds", "plain"])
def test_auto_swap_is_pykans_greedy_search(name):
    model = random_network(NETWORKS[name], seed=3)
    x, _ = samples(model, 40)
    model.get_act(x)
    slow, before = model.clone(), model(x)
    cost = slow.connection_cost
    edges = (
        (scores[j, i], abs((i + 0.5) / scores.shape[1] - (j + 0.5) / scores.shape[0]))
        for scores in slow.edge_scores for j, i in np.ndindex(scores.shape)
    )  # fmt: skip
    assert cost == pytest.approx(sum(score * distance for score, distance in edges), rel=1e-12)
    for level in range(1, slow.depth):
        kinds = slow._kinds(level)
        for i in range(len(kinds)):
            ways = [j for j in range(len(kinds)) if kinds[j] == kinds[i]]
            costs = [slow.clone().swap(level, i, j).connection_cost for j in ways]
            slow.swap(level, i, ways[int(np.argmin(costs))])
    assert model.auto_swap() is model
    assert model.connection_cost == pytest.approx(slow.connection_cost, rel=1e-12) and model.connection_cost <= cost * (1 + 1e-12)
    assert relative(model(x), before, 1e-3) < 1e-13


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_swaps_are_for_the_outputs_whatever_attribute_was_asked(level):
    model = random_network({"width": [3, 4, 4, 2]}, seed=3)
    x, _ = samples(model, 40)
    model.get_act(x)
    twin = model.clone()
    cost, swapped = model.connection_cost, model.auto_swap().state_dict()
    twin.attribute(level)
    assert twin.connection_cost == cost > 0
    twin.auto_swap_l(1).auto_swap_l(2)
    assert all((value == swapped[key]).all() for key, value in twin.state_dict().items())


def test_swaps_count_outputs_as_attribute_was_told():
    model = random_network({"width": [3, 4, 2]}, seed=3)
    x, _ = samples(model, 40)
    model.attribute(out_score=[0, 2], x=x)
    assert model.connection_cost == pytest.approx(sum(
        (scores * abs((np.arange(scores.shape[0])[:, None] + 0.5) / scores.shape[0] - (np.arange(scores.shape[1]) + 0.5) / scores.shape[1])).sum()
        for scores in model.edge_scores
    ), rel=1e-12)  # fmt: skip


def test_a_module_has_no_edges_to_others():
    model = KAN([4, 3, 2, 1])
    _ = model.symbolic_fun[0].set_function(3, 0, "sin")
    model.symbolic_fun[0].mask[0, 3] = 1
    model.module(0, "[0,1]->[0]->[0]->[0]")
    for l, ids in ((0, ([0, 1], [0])), (1, ([0], [0]))):
        ins, outs = (np.isin(np.arange(n), group) for n, group in zip(model.act_fun[l].mask.shape, ids))
        assert (model.act_fun[l].mask == (ins[:, None] == outs)).all()
    assert not model.symbolic_fun[0].mask.any() and model.act_fun[2].mask.all()
    last = KAN([4, 3, 1]).module(0, "[-1]->[-1]").act_fun[0].mask
    assert (last == KAN([4, 3, 1]).module(0, " [3] -> [2] ").act_fun[0].mask).all() and last[3].tolist() == [0, 0, 1]


def formula():
    """sin(x_1) + x_2² behind a sum and a product, with edges that are '0'; all symbolic."""
    model = KAN([2, 2, 1], seed=0)
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
    model.fix_symbolic(0, 1, 0, "x^2", fit_params_bool=False)
    for edge in ((0, 0, 1), (0, 1, 1), (1, 1, 0)):
        model.fix_symbolic(*edge, "0", fit_params_bool=False)
    model.fix_symbolic(1, 0, 0, "x", fit_params_bool=False)
    x = np.random.RandomState(0).rand(30, 2)
    assert relative(model(x), np.sin(x[:, :1]) + x[:, 1:] ** 2) < 1e-14
    return model, x


@pytest.mark.parametrize("mode", ["non-intrusive", "all", "minimal"])
def test_perturb_switches_on_pykans_classes(mode):
    model, x = formula()
    before = model(x)
    names = [np.array(layer.funs_name) for layer in model.symbolic_fun]
    allowed = {"all": {"aa_a", "aa_i", "ai", "ia", "ii"}, "non-intrusive": {"ai", "ii"}, "minimal": {"aa_a"}}[mode]
    assert model.perturb(0.25, mode) is model
    for l, layer in enumerate(model.act_fun):
        for i, j in np.ndindex(layer.mask.shape):
            kind = "ia"[bool((names[l][:, i] != "0").any())] + "ia"[bool((names[l][j] != "0").any())]
            kind += {"aa": "_i" if names[l][j][i] == "0" else "_a"}.get(kind, "")
            if mode == "non-intrusive" and l == 1:
                assert layer.mask[i, j] == 1 and layer.scale_sp[i, j] == layer.scale_base[i, j] == 0
            else:
                assert layer.mask[i, j] == (0.25 if kind in allowed else 0)
    assert (model(x) == before).all() == (mode == "non-intrusive")


def test_perturb_leaves_splines_alone_unless_it_is_told():
    model = random_network(NETWORKS["plain"])
    model.act_fun[0].mask[1, 2] = 0
    x, _ = samples(model)
    before, masks = model(x), [layer.mask.copy() for layer in model.act_fun]
    model.perturb(0.5)
    assert (model(x) == before).all() and all((layer.mask == mask).all() for layer, mask in zip(model.act_fun, masks))


@pytest.mark.parametrize("leaving", [0, 1])
def test_perturb_does_not_intrude_if_what_leaves_nodes_without_edges_is_off(leaving):
    model = KAN([2, 2, 1], seed=0)
    model.act_fun[0].mask[...], model.act_fun[1].mask[...] = 0, leaving
    x = np.random.RandomState(0).rand(30, 2)
    before = model(x)
    assert (model.perturb()(x) == before).all() == (not leaving)


@pytest.mark.parametrize("name", DEEP + ["one edge"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_larger_network_has_the_same_function(name, dtype):
    model = random_network(NETWORKS[name], dtype=dtype)
    model.affine_trainable = True
    x, y = samples(model)
    model.get_act(x)
    before, width = model(x), model.width
    close = 1e-13 if dtype == "float64" else 1e-5
    model.expand_depth()
    assert model.width == [*width, [model.width_in[-1], 0]] and relative(model(x), before, 1e-3) < close
    model.expand_width(1, 2).expand_width(1, 2, sum_bool=False, mult_arity=[3, 2]).expand_width(model.depth - 1, 1, False)
    assert relative(model(x), before, 1e-3) < close and model.affine_trainable and model.dtype == dtype
    assert model.width_in[1] == sum(width[1]) + 4 + (model.depth == 2)
    assert not model.act_fun[0].mask[:, :2].any() and [row[0] for row in model.symbolic_fun[0].funs_name[:2]] == ["0", "0"]
    assert model.cache_data.shape == x.shape
    model.perturb(0.1, "all")
    assert model.fit((x, y), steps=1).status == "ok" and model.refine(8)(x).shape == y.shape


def test_expanding_keeps_selected_inputs_and_one_number_of_factors():
    model = KAN([2, [2, 1], 1], mult_arity=3)
    model.input_id, model.input_width = [3, 1], 5
    x = np.random.RandomState(0).rand(7, 5)
    before = model(x)
    model.expand_width(1, 1, sum_bool=False, mult_arity=3)
    assert model.mult_arity == 3 and model.width[1] == [2, 2] and relative(model(x), before) < 1e-13
    assert model.input_id.tolist() == [3, 1] and model.input_width == 5


@pytest.mark.parametrize("switch", ["constructor", "attribute"])
def test_no_symbolic_layer_where_symbolic_edges_are_off(switch):
    model = KAN([2, 3, 1], symbolic_enabled=switch == "attribute", seed=0)
    model.symbolic_enabled = False
    x = np.random.RandomState(0).rand(7, 2)
    before = model(x)
    with pytest.raises(ValueError, match="expand_depth: .* set symbolic_enabled = True first"):
        model.expand_depth()
    assert model.width_in == [2, 3, 1] and (model(x) == before).all()
    assert relative(model.expand_width(1, 2)(x), before) < 1e-13  # what is new is off in any case
    model.symbolic_enabled = True
    assert relative(model.expand_depth()(x), before) < 1e-13


def test_torchs_words():
    model = KAN([2, 3, 1])
    assert model.train() is model.train(False) is model.eval() is model
    arrays = list(model.parameters())
    assert sum(array.size for array in arrays) == model._array.size and all(map(np.shares_memory, arrays, model.get_params()))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_batch_jacobian(dtype):
    model = random_network(NETWORKS["products of all kinds"], dtype=dtype)
    x = samples(model)[0].astype(dtype)
    vector = batch_jacobian(model, x, mode="vector")
    assert vector.shape == (len(x), 2, 3) and vector.dtype == dtype
    assert (batch_jacobian(model, x) == vector[:, 0]).all() and utils.batch_jacobian is batch_jacobian
    if dtype == "float64":
        for i in range(3):
            step = 1e-6 * np.eye(3)[i]
            np.testing.assert_allclose(vector[:, :, i], (model(x + step) - model(x - step)) / 2e-6, atol=1e-6 * abs(vector).max())


def test_sparse_mask_joins_the_nearest():
    for ins, outs in ((3, 2), (2, 5), (4, 4), (1, 3), (7, 3)):
        mask = np.zeros((ins, outs))
        distance = abs((np.arange(ins) + 0.5)[:, None] / ins - (np.arange(outs) + 0.5) / outs)
        mask[np.arange(ins), distance.argmin(axis=1)] = 1
        mask[distance.argmin(axis=0), np.arange(outs)] = 1
        assert (sparse_mask(ins, outs) == mask).all() and utils.sparse_mask is sparse_mask
