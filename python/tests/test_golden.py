"""Numbers of pykan 0.2.8 (torch 2.15, float64) for one small network, written out: if one of them changes, we broke it.

The network is KAN([2, 5, 1], grid=3, k=3, seed=42) on exp(sin πx₁ + x₂²) from create_dataset's defaults.
"""

import numpy as np
import pytest

from swiftkan import KAN, create_dataset


@pytest.fixture(scope="module")
def data():
    return create_dataset(lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2)


@pytest.fixture
def model():
    return KAN([2, 5, 1], grid=3, k=3, seed=42)


def close(ours, theirs, tolerance=1e-13):
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


def test_data(data):
    assert data["train_input"][0].tolist() == [0.9401060036131061, 0.9796708649672705]
    assert data["train_input"][1].tolist() == [0.4156397287995759, -0.9600067769622893]
    close(data["train_label"][:2, 0], [3.148131764949537, 6.5975528853954435])


def test_initial_numbers(model):
    close(
        model.act_fun[0].coef[0, 0],
        [-0.014302671264087883, -0.056617618381370756, -0.024334163633571323,
         -0.05181362857791922, -0.023570394970503103, -0.002791658975274169],
    )  # fmt: skip
    close(
        model.act_fun[1].coef[0, 0],
        [-0.006721372788317033, 0.008602564592148608, 0.09790282421036414,
         -0.10115246963917962, 0.01335828820640197, 0.012671578547346945],
    )  # fmt: skip
    close(
        model.act_fun[0].scale_base,
        [[0.6141912618347817, -0.5341301582365925, -0.10225420672523812, -0.2995532358704078, 0.6808038988586966],
         [0.48879538182225246, -0.1636555888893277, -0.5666659238775379, 0.23001900021280172, 0.11587283444055958]],
    )  # fmt: skip
    close(model.act_fun[1].scale_sp, np.full((5, 1), 0.4472135954999579))


def test_outputs(model, data):
    output = model(data["train_input"])
    close(output[:3, 0], [0.002430007434040156, -0.002598011469288314, -0.021107936617021456])
    close(output.sum(), -14.915634226758254, 1e-12)
    close(np.sqrt(np.mean((output - data["train_label"]) ** 2)), 2.3401263453514973)
    close(model.acts_scale[0][0], [0.27462150836879634, 0.20880081837367742], 1e-11)


@pytest.mark.parametrize(
    "metric, l1, entropy",
    [
        ("edge_forward_spline_n", 2.0868576320461107, 3.5081184398513146),
        ("edge_forward_spline_u", 1.2606472936282436, 2.505899444842292),
        ("edge_backward", 19.244473884079696, 5.3430001564508105),
        ("node_backward", 21.403412897011847, 4.02229060432249),
    ],
)
def test_regularisation_terms(model, data, metric, l1, entropy):
    x = data["train_input"]
    close(model.reg(metric, 1.0, 0.0, x=x), l1, 1e-11)
    close(model.reg(metric, 0.0, 1.0, x=x), entropy, 1e-11)


def test_regularisation_of_coefficients(model, data):
    x = data["train_input"]
    close(model.reg("edge_forward_spline_n", 0.0, 0.0, 1.0, 0.0, x=x), 1.1963622019560274, 1e-12)
    close(model.reg("edge_forward_spline_n", 0.0, 0.0, 0.0, 1.0, x=x), 1.7757943215824, 1e-12)


def test_grid_update_and_refinement(model, data):
    x = data["train_input"]
    before = model(x)
    model.update_grid_from_samples(x)
    close(
        model.act_fun[0].grid[0],
        [-2.995291129471256, -2.3297689294556045, -1.6642467294399532, -0.998724529424302, -0.3351275158405849,
         0.31538711240766104, 0.9978420706226514, 1.6633642706383025, 2.328886470653954, 2.994408670669605],
        1e-12,
    )  # fmt: skip
    close(
        model.act_fun[1].grid[0, 3:-3],
        [-0.3175957694464023, -0.08040036894002223, 0.151046680887901, 0.7601470058047042],
        1e-11,
    )
    close(
        model.act_fun[0].coef[0, 0],
        [-0.013495552450909875, -0.05678246882497113, -0.024478837006802045,
         -0.05151847928880465, -0.02451881496040709, -0.0004334535853808694],
        1e-10,
    )  # fmt: skip
    close(
        model.act_fun[1].coef[0, 0],
        [0.07466537916582071, 0.058163881171680434, 0.01679356452284406,
         -0.05897591398138761, -0.06207162526730913, 0.05982030252151908],
        1e-9,
    )  # fmt: skip
    after = model(x)
    assert np.abs(after - before).max() == pytest.approx(1.478e-3, rel=1e-3)

    fine = model.refine(10, x)
    close(
        fine.act_fun[0].grid[0, 3:-3],
        [-0.998724529424302, -0.7996454253491869, -0.6005663212740717, -0.4014872171989566, -0.20502459019093566,
         -0.009870201716461996, 0.18528418675801178, 0.38363260822916, 0.5883690956936571, 0.7931055831581543,
         0.9978420706226514],
        1e-12,
    )  # fmt: skip
    close(fine.act_fun[0].coef[0, 0, :3], [-0.039940034759864455, -0.04536933115992781, -0.043422204505191804], 1e-9)
    assert np.abs(fine(x) - after).max() == pytest.approx(8.295e-5, rel=1e-3)


def test_the_beginning_of_training(model, data):
    """L-BFGS is chaotic: the first steps agree, then the level does."""
    result = model.fit(data, opt="LBFGS", steps=50, lamb=0.001)
    assert result["train_loss"][0] == pytest.approx(0.1345047833395513, rel=0.1)
    assert result["train_loss"][-1] <= 1.5 * 0.01907020165595038
    assert result["test_loss"][-1] <= 1.5 * 0.018616207409423127


def test_continual_learning_on_five_peaks():
    """One spline edge, no base function, five Gaussians one after the other: RMSE 3.99e-6 each (pykan's Example 8)."""
    centres = 2 / 5 * (np.arange(5) - 2)
    x = np.linspace(-1, 1, 500)[:, None]
    y = sum(np.exp(-300 * (x - centre) ** 2) for centre in centres)
    model = KAN(
        [1, 1], grid=200, k=3, noise_scale=0.1, sp_trainable=False, sb_trainable=False, base_fun="zero", seed=1
    )  # fmt: skip
    for part in np.split(np.arange(500), 5):
        result = model.fit((x[part], y[part]), opt="LBFGS", steps=100, update_grid=False)
        assert result["train_loss"][-1] <= 4.1e-6
    assert np.sqrt(np.mean((model(x) - y) ** 2)) <= 4.5e-6
