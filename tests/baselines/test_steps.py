"""Steps as clips of their own, for models of single steps."""

import numpy as np

from affect_jax.baselines.fit_folds import fit_folds
from affect_jax.baselines.methods import REFITTED
from affect_jax.baselines.plan import Plan
from affect_jax.baselines.steps import make_step_table, split_into_steps
from affect_jax.data.folds import FoldMembers
from affect_jax.datasets.recordings import Recording, Recordings
from affect_jax.runtime import run_folder
from tests import toy


def test_every_step_is_a_clip_in_the_split_of_its_recording():
    made = toy.recordings(count=4, length=5)
    corpus = Recordings("manifest", "y", True, {"train": made}, {}, {}, "", ())
    steps, (fold,) = split_into_steps(corpus, [FoldMembers("f", ("r0", "r3"), ("r1",), ("r2",))])
    members = steps.splits["train"]
    assert len(members) == sum(len(r.steps) for r in made)
    assert len({r.id for r in members}) == len(members)
    assert (len(fold.train), len(fold.validation), len(fold.test)) == (10, 4, 3)
    by_id = {r.id: r for r in members}
    assert {by_id[name].group for name in fold.train} == {"g0", "g3"}
    assert by_id["r1/2"].steps == ("r1@2",)
    assert by_id["r1/2"].targets["y"] == made[1].targets["y"][2:3]
    table = make_step_table(members, "x")
    assert table.columns == ("a_0", "a_1", "a_2", "b_0", "b_1")
    np.testing.assert_array_equal(table.values[:5, 3:], made[0].features["b"])


def test_regression_of_steps_stands_alone_and_behind_avecs_chain(tmp_path):
    """The chain filters the noise of single steps away, by recording; it is chosen on validation alone."""
    draw = np.random.default_rng(0)
    truth = {f"r{n}": np.sin(np.arange(80) / 12 + n).astype("f4") for n in range(6)}
    members = []
    for n, (name, y) in enumerate(truth.items()):
        x = np.stack([y + draw.normal(size=80), draw.normal(size=80)], axis=1).astype("f4")
        members.append(Recording(name, f"g{n}", tuple(f"{name}@{t}" for t in range(80)), {"a": x}, {"y": y}))
    corpus = Recordings("manifest", "y", True, {"train": members}, {}, {"f": None}, "", ())
    steps, folds = split_into_steps(corpus, [FoldMembers("f", ("r0", "r1", "r2"), ("r3", "r4"), ("r5",))])
    run_folder.open_run_folder(tmp_path, {}, "configs/x.py:baseline")
    plan = Plan("regression", "y", ("svr",))
    done = fit_folds(plan, steps, folds, 0, tmp_path, tmp_path, name="x", config_arg="configs/x.py:baseline")
    plain, behind, *_ = done.trials
    names = ["SVR", "SVR + offset"]
    assert [trial.variant for trial in done.trials] == [*names, *(name + REFITTED for name in names)]
    assert behind.validation["ccc"] > plain.validation["ccc"] + 0.05  # noise is filtered away
    assert behind.test["ccc"] > plain.test["ccc"]


def test_each_modality_stands_alone_beside_all_of_them(tmp_path):
    """A row of tables 5.3 and 5.7 is one modality's; noise alone learns nothing."""
    draw = np.random.default_rng(0)
    members = []
    for n in range(4):
        y = draw.normal(size=60).astype("f4")
        features = {"told": y[:, None] + 0.1, "noise": draw.normal(size=(60, 2)).astype("f4")}
        members.append(Recording(f"r{n}", f"g{n}", tuple(f"r{n}@{t}" for t in range(60)), features, {"y": y}))
    corpus = Recordings("manifest", "y", True, {"train": members}, {}, {"f": None}, "", ())
    steps, folds = split_into_steps(corpus, [FoldMembers("f", ("r0", "r1"), ("r2",), ("r3",))])
    run_folder.open_run_folder(tmp_path, {}, "configs/x.py:baseline")
    plan = Plan("regression", "y", ("linear",), refit=False, alone=True)
    done = fit_folds(plan, steps, folds, 0, tmp_path, tmp_path, name="x", config_arg="configs/x.py:baseline")
    name = "Linear model of single steps"
    scores = {trial.variant: trial.test["pcc"] for trial in done.trials}
    assert list(scores) == [name, f"{name} told", f"{name} noise"]
    assert [trial.classical.columns for trial in done.trials] == [3, 1, 2]
    assert min(scores[name], scores[f"{name} told"]) > 0.99
    assert abs(scores[f"{name} noise"]) < 0.5
