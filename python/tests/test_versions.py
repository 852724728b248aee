"""Versions: the history tells the truth, nothing is written unasked, and every original stays usable."""

import os
import threading

import numpy as np
import pytest

from checkpoints import product_data, rich_model, same
from swiftkan import KAN

# What pykan 0.2.8 writes for the calls of `test_history_is_pykans`.
HISTORY = """### Round 0 ###
init => 0.0
0.0 => fit => 0.1
0.1 => refine => 0.2
0.2 => fit => 0.3
### Round 1 ###
1.1 => fit => 1.2
### Round 2 ###
2.2 => refine => 2.3
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def history(folder="model"):
    return open(os.path.join(folder, "history.txt"), encoding="utf-8").read()


def versions(folder="model"):
    return sorted(name[: -len("_state")] for name in os.listdir(folder) if name.endswith("_state"))


def trained(**settings):
    model = KAN([2, [2, 1], 1], grid=3, seed=1, auto_save=True, **settings)
    model.fit(product_data(), steps=2)
    return model


def test_history_is_pykans(here, capsys):
    model = trained()
    model = model.refine(6)
    model.fit(product_data(), steps=2)
    model = model.rewind("0.1")
    assert (model.round, model.state_id) == (1, 1)
    model.fit(product_data(), steps=1)
    model = model.rewind("1.2")
    model = model.refine(5)
    assert (model.round, model.state_id) == (2, 3)
    assert history() == HISTORY
    names = ["0.0", "0.1", "0.2", "0.3", "1.1", "1.2", "2.2", "2.3"]
    assert versions() == names
    files = [f"{name}_{part}" for name in names for part in ("cache_data", "config.yml", "state")]
    assert sorted(os.listdir("model")) == [*files, "history.txt"]
    assert capsys.readouterr().out == ""  # saving is silent
    model.history()
    assert capsys.readouterr().out == HISTORY
    model.history(2)
    assert capsys.readouterr().out == "### Round 2 ###\n2.2 => refine => 2.3\n"
    model.history(100)
    assert capsys.readouterr().out == HISTORY
    model.history(0)
    assert capsys.readouterr().out == ""


def test_a_version_holds_what_the_history_says(here):
    first = KAN([2, 3, 1], grid=3, seed=4, auto_save=True)
    start = first.copy()
    first.fit(product_data(), steps=2)
    after_fit = first.copy()
    fine = first.refine(6)
    assert same(start, fine.checkout("0.0"))
    assert same(after_fit, fine.checkout("0.1"))
    assert same(fine, fine.checkout("0.2"))  # pykan writes the parent here
    back = fine.rewind("0.1")
    assert same(after_fit, back) and same(after_fit, fine.checkout("1.1"))  # pykan writes the latest model here


def test_pruning_makes_versions(here):
    """Those that return a new model leave the parent's version alone; each file holds what was returned."""
    model = KAN([3, [2, 1], 1], grid=3, seed=2, auto_save=True)
    x = np.random.RandomState(0).uniform(-1, 1, (50, 3))
    model.get_act(x)
    steps = [
        ("prune", lambda m: m.prune(node_th=1e-9, edge_th=1e-9)),
        ("prune_node", lambda m: m.prune_node(active_neurons_id=[[0, 2]])),
        ("prune_node", lambda m: m.prune_node(1e-9)),
        ("prune_input", lambda m: m.prune_input(active_inputs=[2, 0])),
        ("prune_edge", lambda m: m.prune_edge(1e-9)),
        ("remove_edge", lambda m: m.remove_edge(0, 0, 0)),
        ("remove_node", lambda m: m.remove_node(0, 1, mode="up")),
    ]
    lines = ["### Round 0 ###", "init => 0.0"]
    for n, (name, step) in enumerate(steps):
        before, made = model.state_id, step(model)
        assert made is model or model.state_id == before
        model = made
        lines.append(f"0.{n} => {name} => 0.{n + 1}")
        assert history().splitlines() == lines
        assert same(model, model.checkout(f"0.{n + 1}"))
    assert model.input_id.tolist() == [2, 0]
    model.prune_node(active_neurons_id=[[0]], log_history=False)
    model.prune_input(active_inputs=[0], log_history=False)
    model.remove_edge(0, 0, 1, log_history=False)
    model.remove_node(0, 0, mode="up", log_history=False)
    assert history().splitlines() == lines


def test_originals_stay_usable(here):
    model = trained()
    before = model.copy()
    fine = model.refine(6)
    back = fine.rewind("0.0")
    checked_out = fine.checkout("0.0")
    assert same(before, model) and (model.round, model.state_id) == (0, 1)
    assert (fine.round, fine.state_id) == (0, 2)
    assert (back.round, back.state_id, checked_out.round, checked_out.state_id) == (1, 0, 2, 0)
    model.fit(product_data(), steps=1)  # a branch: its version gets a number of its own
    fine.fit(product_data(), steps=1)
    assert (model.state_id, fine.state_id) == (3, 4)
    assert same(model, fine.checkout("0.3")) and same(fine, fine.checkout("0.4"))
    assert history().splitlines()[-2:] == ["0.1 => fit => 0.3", "0.2 => fit => 0.4"]
    assert fine.rewind("0.1").round == 2  # and a second rewind a round of its own
    assert versions() == ["0.0", "0.1", "0.2", "0.3", "0.4", "1.0", "2.1"]


def test_checkout_and_copy_write_nothing(here):
    model = trained()
    before = {name: os.stat(os.path.join("model", name)).st_mtime_ns for name in os.listdir("model")}
    model.checkout("0.1"), model.copy(), model.clone(), model.predict([0.1, 0.2])
    assert before == {name: os.stat(os.path.join("model", name)).st_mtime_ns for name in os.listdir("model")}
    assert os.listdir() == ["model"]


def test_copy_is_independent_and_keeps_its_version(here):
    model = rich_model()
    model.round, model.state_id = 3, 4
    twin = model.copy()
    assert same(model, twin) and (twin.round, twin.state_id, model.round) == (3, 4, 3)
    twin.act_fun[0].coef[:] = 0
    assert model.act_fun[0].coef.any() and os.listdir() == []


def test_without_auto_save_nothing_is_written(here, capsys):
    model = KAN([2, 3, 1], seed=1)
    model.fit(product_data(), steps=1)
    fine = model.refine(6)
    fine.log_history("mine")
    assert (fine.auto_save, fine.state_id) == (False, 0)
    assert os.listdir() == [] and capsys.readouterr().out == ""
    with pytest.raises(FileNotFoundError, match="ckpt_path: there is no history in ./model"):
        model.history()
    with pytest.raises(FileNotFoundError, match="model_id: there is no version 0.0 in ./model; there are none"):
        model.rewind("0.0")
    assert os.listdir() == []


def test_versions_of_another_model_are_told_apart(here):
    trained()
    with pytest.warns(UserWarning, match="version 0.1 in ./model is not this model's, which keeps no versions: auto_save is off"):
        KAN([5, 4, 2]).rewind("0.1")


def test_log_history_takes_any_name(here):
    model = trained()
    model.log_history("by hand => so")
    assert history().splitlines()[-1] == "0.1 => by hand => so => 0.2" and model.state_id == 2
    model.log_history("again")
    assert history().splitlines()[-1] == "0.2 => again => 0.3"
    for wrong, error in ((None, TypeError), ("", ValueError), ("two\nlines", ValueError)):
        with pytest.raises(error, match="method_name: must be text"):
            model.log_history(wrong)
    assert model.state_id == 3


def test_auto_save_may_be_switched_on_later(here):
    model = KAN([2, 1], seed=1, ckpt_path=here / "late" / "folder")
    model.auto_save = True
    model.fit(product_data(), steps=1)
    assert history(here / "late" / "folder") == "### Round 0 ###\n0.0 => fit => 0.1\n"


def test_a_new_model_begins_the_history_anew(here):
    trained()
    model = KAN([2, 1], auto_save=True)
    assert history() == "### Round 0 ###\ninit => 0.0\n" and same(model, model.checkout("0.0"))
    other = KAN([2, 1], auto_save=True, first_init=False, round=1, state_id=5)  # pykan's way to continue a history
    other.log_history("fit")
    assert history().splitlines()[-1] == "1.5 => fit => 1.6"


def test_a_failed_fit_makes_no_version(here):
    model = trained()
    with pytest.raises(ValueError):
        model.fit(product_data(), steps=-1)

    def interrupted(step):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(product_data(), steps=2, callbacks=interrupted)
    assert versions() == ["0.0", "0.1"] and model.state_id == 1


@pytest.mark.parametrize("wrong", ["", "0", "0.1.2", "a.b", "-1.0", "0.1 ", "00.1", "../model/0.1", "0.1\n", "٠.١"])
def test_version_names_of_another_form(here, wrong):
    model = trained()
    for method in (model.rewind, model.checkout):
        with pytest.raises(ValueError, match="model_id: must be of the form 'round.state' such as '0.1', not"):
            method(wrong)


def test_unknown_versions(here):
    model = trained()
    with pytest.raises(FileNotFoundError, match=r"model_id: there is no version 0.7 in ./model; there are 0.0, 0.1$"):
        model.rewind("0.7")
    with pytest.raises(TypeError, match="model_id: must be text such as '0.1', not 0.1"):
        model.checkout(0.1)
    assert history() == "### Round 0 ###\ninit => 0.0\n0.0 => fit => 0.1\n" and model.round == 0
    with pytest.raises(ValueError, match="k: must be at least 0, not -1"):
        model.history(-1)


def test_wrong_places(here):
    with pytest.raises(TypeError, match="ckpt_path: must be a path as text, bytes or path-like, not 3"):
        KAN([2, 1], ckpt_path=3)
    with pytest.raises(ValueError, match="ckpt_path: must be a path without control characters"):
        KAN([2, 1], ckpt_path="two\nlines")
    with pytest.raises(TypeError, match="round: must be an integer"):
        KAN([2, 1], round="1")
    (here / "file").write_text("not a folder")
    with pytest.raises(OSError):
        KAN([2, 1], auto_save=True, ckpt_path="file")
    assert (here / "file").read_text() == "not a folder"


def test_a_moved_folder_is_found_where_it_is(here):
    model = trained()
    os.rename("model", "elsewhere")
    model.ckpt_path = "elsewhere"
    back = model.rewind("0.1")
    back.fit(product_data(), steps=1)
    assert back.ckpt_path == "elsewhere" and versions("elsewhere") == ["0.0", "0.1", "1.1", "1.2"]
    assert os.listdir() == ["elsewhere"]


def test_a_disk_that_fails_leaves_everything_as_it_was(here, monkeypatch):
    model = trained()
    text, files = history(), sorted(os.listdir("model"))

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            model.log_history("fit")
        with pytest.raises(OSError, match="No space left"):
            model.rewind("0.0")
        with pytest.raises(OSError, match="No space left"):
            model.saveckpt("model/0.1")
    assert history() == text and sorted(os.listdir("model")) == files and model.state_id == 1
    assert same(model, model.checkout("0.1"))
    model.log_history("fit")
    assert model.state_id == 2


def test_models_in_two_folders_at_once(here):
    """Each thread's versions are those of its model."""
    results, errors = {}, []

    def work(name, seed):
        try:
            model = KAN([2, 2, 1], seed=seed, auto_save=True, ckpt_path=f"runs/{name}")
            for _ in range(3):
                model.fit(product_data(), steps=1)
            results[name] = model
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name, seed)) for seed, name in enumerate("ab")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    for name in "ab":
        assert versions(f"runs/{name}") == ["0.0", "0.1", "0.2", "0.3"]
        assert history(f"runs/{name}").count("fit") == 3
        assert same(results[name], results[name].checkout("0.3"))


def test_copies_that_train_at_once_in_one_folder(here):
    model = trained()
    twins = [model.copy() for _ in range(4)]
    threads = [threading.Thread(target=twin.log_history, args=("fit",)) for twin in twins]
    for i, twin in enumerate(twins):
        twin.act_fun[0].coef[:] = i
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(twin.state_id for twin in twins) == [2, 3, 4, 5]
    for i, twin in enumerate(twins):
        assert np.all(model.checkout(f"0.{twin.state_id}").act_fun[0].coef == i)
