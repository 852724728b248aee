"""Attribution: scores of nodes, subnodes and edges.

What it must show: pykan's numbers; the formulas, in plain NumPy, for every kind of network (lists of arities with several
outputs among them, which pykan mixes up); and that no score is ever out of date or of the wrong data.
"""

import copy
import json
import pickle
import sys

import naive
import numpy as np
import pytest
from helpers import NETWORKS, random_network, relative, samples
from test_reference import FOLDER, NAMES, dataset, fresh, reference, section

from swiftkan import KAN, create_dataset

SEVERAL = {
    "two pairs of factors, two outputs": dict(width=[3, [1, 2], 2], mult_arity=[[], [2, 2], []]),
    "factors of all kinds, three outputs": dict(width=[3, [2, 3], [1, 2]], mult_arity=[[], [3, 1, 2], [2, 3]]),
}
ALL = {**NETWORKS, **SEVERAL}
PYKANS = json.loads((FOLDER / "pruning.json").read_text())  # written by reference/make_pruning.py


def plain_scores(model, x, level, beginning):
    """Scores for one beginning (nodes of the level,), in plain loops: nodes and subnodes level by level, edges layer by layer."""
    _, inside = naive.forward(model, x)
    arities = model.mult_arity
    nodes, subnodes, edges = {level: np.array(beginning, float)}, {}, {}
    for l in range(level, 0, -1):
        n_sum, n_mult = model.width[l]
        sizes = [1] * n_sum + ([arities] * n_mult if isinstance(arities, int) else arities[l])
        subnodes[l - 1] = np.array([nodes[l][node] for node, size in enumerate(sizes) for _ in range(size)])
        edge_std = inside["spline_postacts"][l - 1].std(axis=0, ddof=1)
        sum_std = inside["sums"][l - 1].std(axis=0, ddof=1)
        edges[l - 1] = np.zeros_like(edge_std)
        for o in range(edge_std.shape[0]):
            for i in range(edge_std.shape[1]):
                edges[l - 1][o, i] = edge_std[o, i] * subnodes[l - 1][o] / (sum_std[o] + 1e-4)
        nodes[l - 1] = edges[l - 1].sum(axis=0)
    return nodes, subnodes, edges


@pytest.fixture
def model():
    result = random_network(SEVERAL["factors of all kinds, three outputs"], seed=3)
    result.get_act(samples(result, n=40)[0])
    return result


# ---- Formulas ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_pykans_scores(name):
    theirs = section(reference(name)[1], "attribute")
    model = fresh(name)
    model.get_act(dataset(name)["train_input"])
    assert model.attribute() is None
    assert relative(model.feature_score, theirs["feature_score"]) <= 1e-11
    for l in range(model.depth):
        assert relative(model.edge_scores[l], theirs[f"edge_scores_{l}"]) <= 1e-11
    for l in range(model.depth + 1):
        assert relative(model.node_scores[l], theirs[f"node_scores_{l}"]) <= 1e-11


def test_golden_numbers():
    data = create_dataset(lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2)
    model = KAN([2, 5, 1], grid=3, k=3, seed=42)
    model.get_act(data)
    theirs = (
        [6.779865822059509, 3.921840626446415],
        [0.7404331100250165, 3.02460213792534, 1.5071415913885327, 1.9263651846454695, 1.3442254115894106],
        [1.0],
    )
    for ours, expected in zip(model.node_scores, theirs, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-12)
    assert sum(scores.sum() for scores in model.edge_scores) == pytest.approx(19.244473884079696, rel=1e-12)
    assert sum(scores.sum() for scores in model.node_attribute_scores) == pytest.approx(21.403412897011847, rel=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_against_plain_numpy(name):
    model = random_network(ALL[name], seed=5)
    x, _ = samples(model, n=25)
    model.get_act(x)
    outputs = model.width_in[-1]
    for k in range(outputs):
        nodes, subnodes, edges = plain_scores(model, x, model.depth, np.eye(outputs)[k])
        for l in range(model.depth + 1):
            assert relative(model.node_scores_all[l][k], nodes[l], floor=1e-6) <= 1e-11
        for l in range(model.depth):
            assert relative(model.subnode_scores_all[l][k], subnodes[l], floor=1e-6) <= 1e-11
            assert relative(model.edge_scores_all[l][k], edges[l], floor=1e-6) <= 1e-11
    for part in ("node", "subnode", "edge"):
        every, mean = getattr(model, f"{part}_scores_all"), getattr(model, f"{part}_scores")
        assert len(every) == len(mean) == model.depth + (part == "node")
        for a, b in zip(every, mean):
            assert relative(b, a.mean(axis=0), floor=1e-6) <= 1e-12
    assert (model.feature_score == model.node_scores[0]).all()


@pytest.mark.parametrize("name", [*SEVERAL, "deep", "products of 3"])
def test_of_a_level_against_plain_numpy(name):
    model = random_network(ALL[name], seed=6)
    x, _ = samples(model, n=25)
    model.get_act(x)
    for l in range(model.depth + 1):
        scores = model.node_scores[l]
        matrix = model.attribute(l)
        assert matrix.shape == (model.width_in[l], model.width_in[0])
        for i in range(model.width_in[l]):
            alone = np.zeros(model.width_in[l])
            alone[i] = scores[i]
            expected = plain_scores(model, x, l, alone)[0][0]
            assert relative(matrix[i], expected, floor=1e-9) <= 1e-11
            assert (model.attribute(l, i, plot=False) == matrix[i]).all()
        assert len(model.node_scores_all) == l + 1 and len(model.edge_scores) == l
        model.attribute()
    both = model.node_attribute()
    assert [matrix.tolist() for matrix in both] == [matrix.tolist() for matrix in model.node_attribute_scores]
    assert len(both) == model.depth and (both[0] == model.attribute(1)).all()


def test_lists_of_equal_arities_are_one_arity():
    """pykan repeats over the wrong axis here, and mixes the outputs (MultKAN.py, score_node2subnode)."""
    one = random_network(dict(width=[3, [1, 2], 2], mult_arity=2), seed=1)
    other = KAN(width=[3, [1, 2], 2], mult_arity=[[], [2, 2], []])
    other.load_state_dict(one.state_dict())
    other._set_function_names(one._function_names())
    x, _ = samples(one, n=30)
    for model in (one, other):
        model.get_act(x)
    for part in ("node_scores_all", "subnode_scores_all", "edge_scores_all"):
        for a, b in zip(getattr(one, part), getattr(other, part), strict=True):
            assert (a == b).all()


def test_scores_of_the_outputs_as_given(model):
    every = model.node_scores_all
    model.attribute(out_score=[1, 0, 2])
    for ours, scores in zip(model.node_scores_all, every, strict=True):
        assert relative(ours, scores * np.array([[1], [0], [2]])) <= 1e-12
    assert relative(model.node_scores[0], (every[0][0] + 2 * every[0][2]) / 3) <= 1e-12
    assert relative(model.feature_score, every[0].mean(axis=0)) <= 1e-12  # of all outputs, whatever was asked
    assert relative(model.attribute(1, out_score=np.ones(5)), model.node_scores_all[0]) <= 1e-12
    assert relative(model.subnode_scores_all[0], np.repeat(np.eye(5), [1, 1, 3, 1, 2], axis=1)) <= 1e-12


def test_feature_interaction_against_its_definition(model):
    for neuron_th, feature_th in ((1e-2, 1e-2), (0.3, 0.4), (1e9, 0.0)):
        expected = {}
        for row in model.attribute(1):
            if row.max() > neuron_th:
                key = tuple(i for i in range(3) if row[i] > feature_th * row.max())
                expected[key] = expected.get(key, 0) + 1
        model.attribute()
        assert model.feature_interaction(1, neuron_th, feature_th) == expected
        assert len(model.node_scores) == 3  # the question is still that of attribute()
    assert expected == {}


@pytest.mark.parametrize("case", PYKANS, ids=lambda case: str(case["kan"]["width"]))
def test_feature_interaction_against_pykan(case):
    """Of untrained networks from the same seed; the figures are pykan's (reference/make_pruning.py)."""
    model = KAN(**case["kan"])
    model.get_act(np.random.RandomState(case["kan"]["seed"]).uniform(-1, 1, (300, model.width_in[0])))
    found = [model.feature_interaction(level, *thresholds) for level, *thresholds, _ in case["interactions"]]
    assert found == [{tuple(features): count for features, count in pairs} for *_, pairs in case["interactions"]]


def test_feature_interaction_counts():
    model = KAN([3, 4, 1], seed=0)
    model.act_fun[0].mask[...] = [[1, 0, 0, 1], [1, 1, 0, 1], [0, 0, 1, 0]]
    found = model.feature_interaction(1, x=np.random.RandomState(0).rand(200, 3))
    assert found == {(0, 1): 2, (1,): 1, (2,): 1}
    assert all(type(i) is int for key in found for i in key)


def test_float32():
    model = random_network(SEVERAL["factors of all kinds, three outputs"], seed=3, dtype="float32")
    wide = KAN(**SEVERAL["factors of all kinds, three outputs"], grid_range=(-1.5, 1.5))
    wide.load_state_dict(model.state_dict())
    wide._set_function_names(model._function_names())
    x = samples(model, n=40)[0].astype(np.float32)
    model.get_act(x), wide.get_act(x)
    for ours, expected in zip(model.node_scores, wide.node_scores, strict=True):
        assert relative(ours, expected) <= 1e-4


# ---- Which model, which data -------------------------------------------------------------------------------------


def test_scores_are_of_the_model_as_it_is_now(model):
    model.attribute()
    before = model.edge_scores[0]
    model.act_fun[0].mask[0, 0] = model.symbolic_fun[0].mask[0, 0] = 0
    assert before[0, 0] > 0 and model.edge_scores[0][0, 0] == 0


def test_a_forward_pass_elsewhere_changes_nothing(model):
    model.attribute()
    before = model.node_scores
    model(np.full((5, 3), 0.3))
    model.predict([[0, 0, 0]])
    for a, b in zip(before, model.node_scores, strict=True):
        assert (a == b).all()


def test_training_data_and_not_test_data():
    data = create_dataset(lambda x: x[:, [0]] + 0 * x[:, [1]], n_var=2, train_num=50, test_num=50, seed=1)
    data["test_input"] = data["test_input"] * 0.01
    model = KAN([2, 2, 1], seed=1)
    model.fit(data, steps=2)
    scores = model.feature_score
    model.get_act(data["train_input"])
    assert (scores == model.feature_score).all()
    model.get_act(data["test_input"])
    assert not np.allclose(scores, model.feature_score, rtol=0.1)


def test_data_given_for_the_purpose(model):
    other, known = samples(model, n=30, seed=9)[0], model.cache_data
    plain = model.node_scores
    model.attribute(x=other)
    assert model.cache_data is known
    at_other = model.node_scores
    assert not np.allclose(at_other[0], plain[0])
    assert (model.feature_score == plain[0]).all()
    model.attribute()
    assert (model.node_scores[0] == plain[0]).all()
    model.attribute(x=other)
    model.get_act(other)  # given other data, the question is the plain one again
    assert (model.node_scores[0] == at_other[0]).all()


def test_other_data_or_another_engine_end_the_question(model):
    x = model.cache_data
    model.attribute(1)
    assert len(model.node_scores) == 2
    assert len(model.clone().node_scores) == 3
    model.get_act(x)
    assert len(model.node_scores) == 3


def test_without_remembered_data_a_forward_pass_does_not_end_the_question():
    model = KAN([2, 2, 1])
    x = np.random.RandomState(0).rand(20, 2)
    model.attribute(x=x)
    scores = model.node_scores[0]
    model(x * 0.1)
    assert (model.node_scores[0] == scores).all()


def test_copies_and_pickles_do_not_carry_the_data_of_a_question(model):
    model.attribute(x=np.random.RandomState(0).rand(100_000, 3))
    assert len(pickle.dumps(model)) < 100_000
    again = pickle.loads(pickle.dumps(model))
    again.get_act(model.cache_data)
    assert (again.node_scores[0] == copy.deepcopy(model).node_scores[0]).all()


def test_selected_inputs():
    model = random_network(dict(width=[2, 2, 1]), seed=2)
    x = np.random.RandomState(0).rand(30, 4)
    model.get_act(x[:, [3, 1]])
    scores = model.feature_score
    model.input_id = [3, 1]
    model.get_act(x)
    assert (model.feature_score == scores).all()


# ---- Bar chart ---------------------------------------------------------------------------------------------------


@pytest.fixture
def pyplot(monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.close("all")
    monkeypatch.setattr(plt, "show", lambda *args, **more: pytest.fail("show() blocks"))
    yield plt
    plt.close("all")


def test_a_bar_chart_of_one_node(model, pyplot):
    scores = model.attribute(1, 2)
    assert len(pyplot.get_fignums()) == 1
    bars = pyplot.gca().patches
    assert [bar.get_height() for bar in bars] == scores.tolist()


def test_no_bar_chart_unless_there_is_one_node(model, pyplot):
    model.attribute()
    model.attribute(1)
    model.attribute(1, 2, plot=False)
    assert pyplot.get_fignums() == []


def test_no_bar_chart_without_matplotlib(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert (model.attribute(1, 2) == model.attribute(1)[2]).all()


# ---- Refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda m: m.attribute(3), ValueError, "l: must be from 0 to 2, not 3"),
        (lambda m: m.attribute(-1), ValueError, "l: "),
        (lambda m: m.attribute(1.0), TypeError, "l: must be an integer"),
        (lambda m: m.attribute(1, 5), ValueError, "i: must be from 0 to 4, not 5"),
        (lambda m: m.attribute(i=0), ValueError, "i: is a node of level l"),
        (lambda m: m.attribute(out_score=[1, 2]), ValueError, r"out_score: .*must be \(3,\)"),
        (lambda m: m.attribute(out_score=[[1, 2, 3]]), ValueError, "out_score: "),
        (lambda m: m.attribute(1, out_score=[1, 2, 3]), ValueError, "nodes of level 1"),
        (lambda m: m.attribute(out_score=[1, 2, np.nan]), ValueError, "out_score: "),
        (lambda m: m.attribute(out_score="many"), TypeError, "out_score: "),
        (lambda m: m.attribute(plot="yes"), TypeError, "plot: "),
        (lambda m: m.attribute(x=[[1.0, 2.0]]), ValueError, "x: has the shape"),
        (lambda m: m.attribute(x=[[1.0, 2.0, 3.0]]), ValueError, "x: .*needs at least 2 samples, not 1"),
        (lambda m: m.attribute(x=[[1.0, 2.0, 3.0], [1.0, np.inf, 3.0]]), ValueError, "x: row 1, column 1 is inf"),
        (lambda m: m.feature_interaction(7), ValueError, "l: "),
        (lambda m: m.feature_interaction(1, neuron_th="0"), TypeError, "neuron_th: "),
        (lambda m: m.feature_interaction(1, feature_th=np.nan), ValueError, "feature_th: "),
    ],
)
def test_refusals(model, call, error, words):
    model.attribute(1)
    with pytest.raises(error, match=words):
        call(model)
    assert len(model.node_scores) == 2  # the last question that was one


@pytest.mark.parametrize(
    "read",
    [
        lambda m: m.attribute(),
        lambda m: m.node_scores,
        lambda m: m.edge_scores_all,
        lambda m: m.feature_score,
        lambda m: m.node_attribute(),
        lambda m: m.feature_interaction(1),
    ],
)
def test_no_data(read):
    with pytest.raises(RuntimeError, match="needs data"):
        read(KAN([2, 2, 1]))


# ---- The tutorial's example --------------------------------------------------------------------------------------


def test_feature_scores_of_pykans_example():
    """x₁² + 0.3 x₂ + 0.1 x₃³ with an input that has no part in it (pykan's Interp_4), trained by pykan 0.2.8 in float64.

    ``examples/feature_scores.py`` has the notebook's own samples, which are float32.
    """
    data = create_dataset(lambda x: x[:, [0]] ** 2 + 0.3 * x[:, [1]] + 0.1 * x[:, [2]] ** 3 + 0 * x[:, [3]], n_var=4)
    model = KAN(width=[4, 5, 1])
    model.fit(data, steps=40, lamb=0.001)
    np.testing.assert_allclose(model.feature_score[:3], [0.85003, 0.49081, 0.10217], rtol=0.05)
    model.attribute(x=data["test_input"])
    np.testing.assert_allclose(model.node_scores[0][:3], [0.85692, 0.48598, 0.09974], rtol=0.05)
    assert max(model.feature_score[3], model.node_scores[0][3]) <= 0.004
    small = model.prune_input()
    assert small.input_id.tolist() == [0, 1, 2] and small.input_width == 4
