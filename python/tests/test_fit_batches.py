"""Which samples training sees: batches, epochs, weights, validation."""

import numpy as np
import pytest

from swiftkan import KAN, create_dataset


@pytest.fixture(scope="module")
def data():
    return create_dataset(
        lambda x: np.exp(np.sin(np.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2, train_num=300, test_num=100
    )


def rmse(model, x, y):
    return float(np.sqrt(np.mean((model(x) - y) ** 2)))


def test_batches_are_of_the_seed(data):
    runs = [KAN([2, 3, 1]).fit(data, opt="Adam", lr=0.01, steps=20, batch=32, seed=s)["train_loss"] for s in (5, 5, 6)]
    assert (runs[0] == runs[1]).all() and (runs[0] != runs[2]).any()


def test_epochs_see_every_sample_once():
    """As a loss written in Python sees it: 11 batches an epoch, together all samples, in another order each time."""
    x = np.random.RandomState(0).rand(103, 2)
    y = np.sin(x.sum(axis=1, keepdims=True))
    seen = []

    def loss(prediction, label):
        seen.append(label.ravel())
        error = prediction - y[label.ravel()]
        return (error**2).mean(), 2 * error / error.size

    KAN([2, 3, 1]).fit((x, np.arange(103)), opt="SGD", lr=0.01, epochs=2, batch=10, loss_fn=loss)
    batches = [part for part in seen if part.size <= 10]
    assert len(batches) == 22
    for epoch in (batches[:11], batches[11:]):
        assert sorted(np.concatenate(epoch).tolist()) == list(range(103))
    assert np.concatenate(batches[:11]).tolist() != np.concatenate(batches[11:]).tolist()


def test_epochs_train(data):
    result = KAN([2, 5, 1], grid=5).fit(data, opt="Adam", lr=0.02, epochs=60, batch=32)
    assert len(result["train_loss"]) == 60 and result["test_loss"][-1] < 0.15


def test_a_batch_larger_than_the_data_is_all_of_it(data):
    one = KAN([2, 3, 1]).fit(data, opt="Adam", lr=0.01, steps=5, batch=10_000)
    other = KAN([2, 3, 1]).fit(data, opt="Adam", lr=0.01, steps=5)
    np.testing.assert_allclose(one["train_loss"], other["train_loss"], rtol=1e-12)


def test_sample_weights(data):
    """Weights of 0 take samples away, whole numbers repeat them."""
    x, y = data["train_input"][:60], data["train_label"][:60]
    weight = np.random.RandomState(0).randint(0, 3, 60)
    weighted, repeated = KAN([2, 3, 1]), KAN([2, 3, 1])
    weighted.fit((x, y), opt="Adam", lr=0.02, steps=20, sample_weight=weight, update_grid=False)
    repeated.fit(
        (np.repeat(x, weight, axis=0), np.repeat(y, weight, axis=0)), opt="Adam", lr=0.02, steps=20, update_grid=False
    )
    np.testing.assert_allclose(weighted(x), repeated(x), atol=1e-9)


def test_validation_split(data):
    x, y = data["train_input"], data["train_label"]
    model = KAN([2, 3, 1])
    result = model.fit((x, y), steps=5, validation_split=0.25, seed=3)
    order = np.random.RandomState(3).permutation(300)
    held = np.sort(order[:75])
    assert model.cache_data.shape == (225, 2)
    assert result["test_loss"][-1] == pytest.approx(rmse(model, x[held], y[held]), rel=1e-9)
    weighted = KAN([2, 3, 1]).fit((x, y), steps=2, validation_split=0.25, sample_weight=np.arange(300.0), seed=3)
    assert (weighted["test_loss"] != result["test_loss"][:2]).all()


def test_a_batch_that_cannot_be_improved_is_not_the_end():
    """Where labels are 0 on most batches, a network of zeros fits these, one after the other, without having seen the rest."""
    x = np.linspace(-1, 1, 200)[:, None]
    y = 1.0 * (x > 0.9)
    model = KAN([1, 1], grid=5, seed=0, base_fun="zero")
    model.act_fun[0].coef[...] = 0
    result = model.fit((x, y), opt="LBFGS", steps=200, batch=8)
    assert result.steps == 200 and "all 200 steps done" in result.message
    zeros = model.fit((x, 0 * y), opt="LBFGS", steps=2000, batch=8)
    assert zeros.status == "ok" and 50 <= zeros.steps < 2000, "two passes of 25 batches in vain are the end"


def test_every_sample_is_seen_before_training_ends():
    """One label of 200 is 1: with batches drawn anew in each step it was missed by two passes' worth of them, from six of forty seeds."""
    x = np.linspace(-1, 1, 200)[:, None]
    y = 1.0 * (np.arange(200) == 50)[:, None]
    for seed in range(40):
        model = KAN([1, 1], grid=5, seed=0, base_fun="zero")
        model.act_fun[0].coef[...] = 0
        model.fit((x, y), opt="LBFGS", steps=300, batch=8, seed=seed, update_grid=False)
        assert model.act_fun[0].coef.any()


@pytest.mark.parametrize("opt", ["Adam", "SGD", "LBFGS"])
@pytest.mark.parametrize("batch", [2, 8, 150])
def test_samples_of_weight_0_are_not_drawn(opt, batch):
    """A mini-batch of them would have no mean: training ended as diverged."""
    x = np.random.RandomState(0).uniform(-1, 1, (200, 2))
    y = np.exp(np.sin(np.pi * x[:, :1]) + x[:, 1:] ** 2)
    weight = 1.0 * (np.arange(200) % 5 == 0)
    runs = []
    for labels in (y, np.where(weight[:, None] > 0, y, 1e6)):
        result = KAN([2, 3, 1], seed=0).fit((x, labels), opt=opt, lr=0.01, steps=100, batch=batch, sample_weight=weight, update_grid=False)
        assert result.status == "ok" and result.steps == 100
        runs.append(result["train_loss"])
    assert (runs[0] == runs[1]).all()
    assert opt == "LBFGS" or runs[0][-20:].mean() < runs[0][:20].mean()
