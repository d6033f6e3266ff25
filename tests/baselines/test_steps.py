"""Steps as clips of their own, for models of single steps."""

import numpy as np

from affect_jax.baselines.steps import make_step_table, split_into_steps
from affect_jax.data.folds import FoldMembers
from affect_jax.datasets.recordings import Recordings
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
