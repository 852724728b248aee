"""KANRegressor and KANClassifier: scikit-learn's contract, the choice of a network, and the way from an estimator to a formula."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine, make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import swiftkan
from swiftkan import KAN, KANClassifier, KANRegressor, _additive, _choice
from swiftkan._joined import join

RNG = np.random.RandomState(0)
X = RNG.uniform(-1, 1, (120, 3))
Y = X[:, 0] + 2 * X[:, 1] ** 2 + 0.1 * RNG.randn(120)
LABELS = np.where(X[:, 0] * X[:, 1] > 0, "yes", "no")
QUICK = {"hidden": (3,), "alpha": 0.1, "steps": 200, "random_state": 0}


@parametrize_with_checks(
    [
        KANRegressor(hidden=(), alpha=1.0, folds=2),
        KANRegressor(hidden=(3,), opt="LM", grid=3, steps=5),
        KANClassifier(hidden=(3,), alpha=0.1, steps=50),
    ]
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


# ---- What is fitted -----------------------------------------------------------------------------------------------


def test_without_bending_it_is_ridge_regression():
    z = StandardScaler().fit_transform(X)
    y = np.column_stack([Y, X[:, 2] ** 3])
    weight = RNG.uniform(0.5, 2, 120)
    features = _additive.Features(z, weight, 8, 3)
    model = _additive.regression(features, y, weight, 2.0, 0.0)
    np.testing.assert_allclose(model.predict(z), Ridge(alpha=2.0).fit(z, y, sample_weight=weight).predict(z), atol=1e-10)
    assert model.width == [[3, 0], [2, 0]] and not model.act_fun[0].coef.any()


@pytest.mark.parametrize("classes", [2, 3])
def test_without_bending_it_is_logistic_regression(classes):
    z = StandardScaler().fit_transform(X)
    codes = np.digitize(Y, np.quantile(Y, [1 / 3, 2 / 3] if classes == 3 else [0.5]))
    features = _additive.Features(z, np.ones(120), 8, 3)
    model = _additive.classification(features, codes, classes, np.ones(120), 0.5, 0.0)
    logits = model.predict(z)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = LogisticRegression(C=2.0, max_iter=1000).fit(z, codes).predict_proba(z)
    np.testing.assert_allclose(probabilities, expected, atol=1e-10)


def test_splines_are_orthogonal_to_straight_lines():
    z = np.column_stack([StandardScaler().fit_transform(X), X[:, 0] > 0, np.zeros(120)])
    weight = RNG.uniform(0.5, 2, 120)
    features = _additive.Features(z, weight, 8, 3)
    share = weight / weight.sum()
    start = z.shape[1]
    for i, kept in enumerate(features.maps):
        u = features.table[:, start : start + kept.shape[1]]
        start += kept.shape[1]
        np.testing.assert_allclose((u * share[:, None]).T @ u, np.eye(kept.shape[1]), atol=1e-8)
        np.testing.assert_allclose(np.array([share, share * z[:, i]]) @ u, 0, atol=1e-8)
        assert (np.diff(features.ease[z.shape[1] :][: kept.shape[1]]) <= 1e-12).all()
    assert [kept.shape[1] for kept in features.maps] == [8, 8, 8, 0, 0], "neither 0/1 columns nor constants bend"


def test_very_many_features_are_straight_lines():
    x = np.random.RandomState(0).randn(60, _additive.WIDE + 1)
    regressor = KANRegressor(hidden=(), random_state=0).fit(x, x[:, 0])
    assert not regressor.model_.act_fun[0].coef.any() and {entry["bend"] for entry in regressor.cv_results_} == {0.0}
    z = regressor.scaled(x)
    line = Ridge(alpha=regressor.chosen_["alpha"]).fit(z, x[:, 0] / x[:, 0].std()).predict(z) * x[:, 0].std()
    np.testing.assert_allclose(regressor.predict(x), line, atol=1e-8)


@pytest.mark.parametrize("hidden", [[4], [4, 3]])
def test_a_joined_network_is_the_mean_of_its_members(hidden):
    members = [KAN([3, *hidden, 2], grid=3, base_fun="identity", init="glorot", seed=seed) for seed in (1, 2, 3)]
    for member in members:
        member.node_bias[0][...] = member.seed
        member.node_bias[-1][...] = 0.1 * member.seed
        member.act_fun[0].mask[0, 0] = 0
    members[1].act_fun[1].grid[...] *= 2
    joined = join(members)
    np.testing.assert_allclose(joined.predict(X), np.mean([member.predict(X) for member in members], axis=0), atol=1e-12)
    assert joined.width == [[3, 0], *([3 * h, 0] for h in hidden), [2, 0]]
    assert join(members[:1]) is members[0]
    members[1].act_fun[0].grid[...] *= 2
    with pytest.raises(ValueError, match="members: only networks"):
        join(members)


# ---- What is chosen -----------------------------------------------------------------------------------------------


def test_a_straight_line_is_taken_for_one():
    y = X @ [1.0, -2.0, 0.5] + 0.5 * np.random.RandomState(1).randn(120)
    regressor = KANRegressor(random_state=0, steps=300).fit(X[:80], y[:80])
    line = Ridge().fit(X[:80], y[:80])
    assert regressor.chosen_["hidden"] == ()
    assert regressor.score(X[80:], y[80:]) > line.score(X[80:], y[80:]) - 0.02
    assert len(regressor.cv_results_) == 15 and min(entry["samples"] for entry in regressor.cv_results_) >= 16


def test_a_smooth_function_without_noise_gets_levenberg_marquardt():
    f = lambda x: np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)  # noqa: E731
    x = np.random.RandomState(0).uniform(-1, 1, (300, 2))
    regressor = KANRegressor(random_state=0, steps=300).fit(x[:200], f(x[:200]))
    assert regressor.chosen_["opt"] == "LM" and regressor.score(x[200:], f(x[200:])) > 0.9999


def test_an_interaction_of_classes_gets_a_hidden_level():
    x = np.random.RandomState(1).uniform(-1, 1, (300, 3))
    y = np.where(x[:, 0] * x[:, 1] > 0, "yes", "no")
    classifier = KANClassifier(random_state=0).fit(x[:200], y[:200])
    assert classifier.chosen_["hidden"] and classifier.score(x[200:], y[200:]) > 0.9
    assert classifier.model_.width[1][0] == 4 * classifier.chosen_["hidden"][0], "four members side by side"


@pytest.mark.parametrize("load, estimator, least", [(load_diabetes, KANRegressor, 0.34), (load_wine, KANClassifier, 0.93)])
def test_defaults_on_measured_data(load, estimator, least):
    """Ridge has 0.36 on this split, logistic regression 1.00."""
    x, y = load(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, random_state=0)
    assert estimator(random_state=0).fit(x, y).score(x_test, y_test) > least


def test_folds_spread_classes_evenly():
    problem = _choice.Problem(X, np.repeat([0, 1, 2], [60, 40, 20]), np.ones(120), 3)
    parts = [np.flatnonzero(held) for held in _choice.folds(problem, 5, np.random.RandomState(0))]
    assert sorted(np.concatenate(parts)) == list(range(120))
    assert all((np.bincount(problem.y[part]) == [12, 8, 4]).all() for part in parts)


# ---- The same data, the same network ------------------------------------------------------------------------------


def test_a_weight_is_a_repetition_and_order_does_not_matter():
    weight = np.random.RandomState(2).randint(0, 3, 120)
    again = np.random.RandomState(3).permutation(np.repeat(np.arange(120), weight))
    for how in (dict(steps=30, folds=2), dict(hidden=())):
        one = KANRegressor(**how, random_state=0).fit(X, Y, sample_weight=weight)
        two = KANRegressor(**how, random_state=0).fit(X[again], Y[again])
        np.testing.assert_array_equal(one.predict(X), two.predict(X))
    one = KANClassifier(steps=30, folds=2, random_state=0).fit(X, LABELS, sample_weight=weight)
    two = KANClassifier(steps=30, folds=2, random_state=0).fit(X[again], LABELS[again])
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


def test_random_state_and_threads():
    fit = lambda **how: KANClassifier(steps=50, folds=2, **how).fit(X, LABELS).predict_proba(X)  # noqa: E731
    before = swiftkan.get_num_threads()
    try:
        swiftkan.set_num_threads(1)
        one = fit(random_state=3)
        swiftkan.set_num_threads(2)
        np.testing.assert_array_equal(fit(random_state=3), one)
        np.testing.assert_array_equal(fit(random_state=np.random.RandomState(3)), one)
        assert (fit(random_state=4) != one).any()
    finally:
        swiftkan.set_num_threads(before)


# ---- In the company of scikit-learn ---------------------------------------------------------------------------------


def test_classes_and_probabilities():
    two = KANClassifier(**QUICK).fit(X, LABELS)
    assert list(two.classes_) == ["no", "yes"] and set(two.predict(X)) <= {"no", "yes"}
    assert two.decision_function(X).shape == (120,)
    np.testing.assert_array_equal(two.predict(X) == "yes", two.decision_function(X) > 0)
    np.testing.assert_allclose(two.predict_proba(X)[:, 1], 1 / (1 + np.exp(-two.decision_function(X))), atol=1e-12)
    x, y = make_classification(200, n_classes=3, n_informative=4, random_state=0)
    three = KANClassifier(**QUICK).fit(x, y * 10)
    assert list(three.classes_) == [0, 10, 20] and three.decision_function(x).shape == (200, 3)
    np.testing.assert_allclose(np.log(three.predict_proba(x)), three.predict_log_proba(x), atol=1e-9)
    np.testing.assert_allclose(three.predict_proba(x).sum(axis=1), 1)


def test_a_class_with_one_sample():
    labels = np.array(["a"] * 60 + ["b"] * 59 + ["c"])
    classifier = KANClassifier(hidden=(), random_state=0).fit(X, labels)
    assert list(classifier.classes_) == ["a", "b", "c"] and classifier.predict_proba(X).shape == (120, 3)


def test_frames_and_several_outputs():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    regressor = KANRegressor(**QUICK).fit(frame, np.column_stack([Y, 100 + 50 * X[:, 2]]))
    assert list(regressor.feature_names_in_) == ["a", "b", "c"] and regressor.n_features_in_ == 3
    assert regressor.predict(frame).shape == (120, 2) and regressor.score(frame, np.column_stack([Y, 100 + 50 * X[:, 2]])) > 0.5
    with pytest.raises(ValueError, match="feature names"):
        regressor.predict(frame[["c", "b", "a"]])
    assert KANRegressor(**QUICK).fit(X, Y[:, None]).predict(X).shape == (120, 1)


def test_pipelines_searches_copies_and_files():
    pipeline = make_pipeline(StandardScaler(), KANClassifier(hidden=(3,), steps=100, random_state=0))
    search = GridSearchCV(pipeline, {"kanclassifier__alpha": [0.1, 50.0]}, cv=2).fit(X, LABELS)
    assert search.best_params_ == {"kanclassifier__alpha": 0.1}
    regressor = KANRegressor(**QUICK).fit(X, Y)
    twin = clone(regressor)
    assert twin.get_params() == regressor.get_params() and not hasattr(twin, "model_")
    again = pickle.loads(pickle.dumps(regressor))
    np.testing.assert_array_equal(again.predict(X), regressor.predict(X))
    assert twin.set_params(hidden=(2,), k=2).fit(X, Y).model_.width == [[3, 0], [2, 0], [1, 0]]


def test_products():
    regressor = KANRegressor(hidden=([1, 1],), opt="LM", grid=3, random_state=0).fit(X, X[:, 0] * X[:, 1])
    assert regressor.model_.width == [[3, 0], [1, 1], [1, 0]] and regressor.score(X, X[:, 0] * X[:, 1]) > 0.8


# ---- To a formula ---------------------------------------------------------------------------------------------------


def test_the_formula_is_in_the_units_of_the_data():
    x = pd.DataFrame(np.random.RandomState(0).uniform(10, 30, (300, 3)), columns=["width", "height", "colour"])
    y = 5000 * np.sin(x["width"] / 5) + 30 * (x["height"] - 15) ** 2
    regressor = KANRegressor(hidden=(1,), opt="LM", random_state=0).fit(x, y)
    regressor.model_.get_act(regressor.scaled(x))
    regressor.model_ = regressor.model_.prune()
    regressor.model_ = regressor.model_.prune_input(log_history=False)
    assert list(regressor.model_.input_id) == [0, 1] and regressor.score(x, y) > 0.99
    regressor.model_.auto_symbolic(lib=["x", "x^2", "sin"], verbose=0)
    (formula,), names = regressor.symbolic_formula()
    assert [str(name) for name in names] == ["width", "height"]
    assert {str(symbol) for symbol in formula.free_symbols} == {"width", "height"}
    for row in range(0, 300, 50):
        assert float(formula.subs(dict(x.iloc[row]))) == pytest.approx(regressor.predict(x)[row], rel=1e-6)
        assert float(formula.subs(dict(x.iloc[row]))) == pytest.approx(y[row], abs=0.05 * y.std())


def test_beyond_the_training_range_predictions_are_constant():
    regressor = KANRegressor(hidden=(), alpha=1.0, random_state=0).fit(X, Y)
    low, high = X.min(axis=0), X.max(axis=0)
    edge = high + 0.05 * (high - low)
    np.testing.assert_array_equal(regressor.predict([edge + 5]), regressor.predict([edge + 50]))
    np.testing.assert_allclose(regressor.predict([edge + 5]), regressor.predict([edge]))
    assert regressor.predict([edge]) != regressor.predict([high])


def test_standard_deviations_cover():
    inside = []
    for seed in range(5):
        random = np.random.RandomState(seed)
        x, new = random.uniform(-1, 1, (300, 2)), random.uniform(-1, 1, (500, 2))
        f = lambda x: 100 * np.sin(3 * x[:, 0]) + 100 * x[:, 1] ** 2  # noqa: E731
        regressor = KANRegressor(hidden=(3,), opt="LM", random_state=seed).fit(x, f(x) + 30 * random.randn(300))
        mean, std = regressor.predict(new, return_std=True)
        np.testing.assert_array_equal(mean, regressor.predict(new))
        inside.append((np.abs(mean - f(new)) < 1.96 * std).mean())
    assert 0.8 < np.mean(inside) < 0.99
    with pytest.raises(RuntimeError, match="return_std: needs the training data"):
        pickle.loads(pickle.dumps(regressor)).predict(new, return_std=True)


# ---- What is refused ------------------------------------------------------------------------------------------------

PARAMETERS = [
    (dict(hidden="big"), ValueError, "hidden: must be one of 'auto', not 'big'"),
    (dict(hidden=2.5), TypeError, r"hidden: must be 'auto' or the hidden levels, such as \(5,\) or \(\), not 2.5"),
    (dict(hidden=0), ValueError, "hidden: must be from 1 to .*, not 0"),
    (dict(hidden=True), TypeError, "hidden: must be an integer, not True"),
    (dict(hidden=(0,)), ValueError, r"hidden\[0\]: must be from 1"),
    (dict(hidden=(3, 2.5)), TypeError, r"hidden\[1\]: must be an integer, not 2.5"),
    (dict(hidden=((2,),)), ValueError, r"hidden\[0\]: must be a number of nodes or a pair \[n_sum, n_mult\], not \[2\]"),
    (dict(hidden=((0, 0),)), ValueError, r"hidden\[0\]: a level needs at least one node"),
    (dict(hidden=([2, 2],), members=3), ValueError, "members: networks with multiplication nodes cannot be joined"),
    (dict(alpha=0), ValueError, "alpha: must be above 0"),
    (dict(alpha="large"), ValueError, "alpha: must be one of 'auto', not 'large'"),
    (dict(opt="LBFGS"), ValueError, "opt: must be one of 'auto', 'AdamW', 'LM', not 'LBFGS'"),
    (dict(hidden=(), opt="LM"), ValueError, r"opt: an additive model, hidden=\(\), is solved directly"),
    (dict(grid=0), ValueError, "grid: must be"),
    (dict(k=0), ValueError, "k: must be from 1 to 20"),
    (dict(steps=0), ValueError, "steps: must be"),
    (dict(members=0), ValueError, "members: must be"),
    (dict(folds=1), ValueError, "folds: must be"),
]


@pytest.mark.parametrize("parameters, error, text", PARAMETERS, ids=str)
def test_refusals(parameters, error, text):
    with pytest.raises(error, match=text):
        KANRegressor(**parameters).fit(X, Y)


def test_refusals_of_data():
    holes = np.where(np.arange(360).reshape(120, 3) == 7, np.nan, X)
    for estimator, y in ((KANRegressor(**QUICK), Y), (KANClassifier(**QUICK), LABELS)):
        with pytest.raises(NotFittedError):
            estimator.predict(X)
        with pytest.raises(NotFittedError):
            estimator.symbolic_formula()
        with pytest.raises(ValueError, match="NaN"):
            estimator.fit(holes, y)
        with pytest.raises(ValueError, match="sample_weight: at least one weight must be above 0|all zero|zero"):
            estimator.fit(X, y, sample_weight=np.zeros(120))
        with pytest.raises(ValueError, match="sample_weight: must not be negative, but weight 0 is -1"):
            estimator.fit(X, y, sample_weight=-np.ones(120))
        estimator.fit(X, y)
        with pytest.raises(ValueError, match="NaN"):
            estimator.predict(holes)
        with pytest.raises(ValueError, match="features"):
            estimator.predict(X[:, :2])
        with pytest.raises(ValueError, match="are numeric"):
            estimator.symbolic_formula()
    with pytest.raises(ValueError, match="y: has one class only, a;"):
        KANClassifier(**QUICK).fit(X, ["a"] * 120)
    with pytest.raises(ValueError, match="continuous"):
        KANClassifier(**QUICK).fit(X, Y)


def test_scikit_learn_is_imported_when_asked_for(monkeypatch):
    code = (
        "import sys\nfrom swiftkan import *\nassert 'sklearn' not in sys.modules and 'swiftkan.estimators' not in sys.modules\n"
        "import swiftkan\nassert swiftkan.KANRegressor.__name__ == 'KANRegressor' and 'sklearn' in sys.modules\n"
        "from swiftkan.estimators import KANClassifier\nassert swiftkan.KANClassifier is KANClassifier\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    for name in ("estimators", "_estimator"):
        monkeypatch.delitem(sys.modules, f"swiftkan.{name}")
        monkeypatch.delattr(swiftkan, name)
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(ImportError, match="need scikit-learn 1.6 or newer"):
        swiftkan.KANRegressor  # noqa: B018
