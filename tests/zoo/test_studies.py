"""Losses of the zoo's studies fit what their models give: a training step of each is traced, nothing is compiled."""

import jax
import jax.numpy as jnp
import pytest

from affect_jax.training import step
from tests import families

SHAPES = dict(text=(6, 100), audio=(6, 73), video=(6, 100))
SMALL = dict(
    late=dict(hidden=(4,)),
    misa=dict(encoder_units=2, width=4, feed_forward=4),
    cen=dict(width=4, planes=(2,)),
    centralnet=dict(width=4),
)


@pytest.mark.parametrize("name", ["late-vote", "late-learned", "mulmix", "misa", "cen", "centralnet", "dmf"])
def test_a_training_step_can_be_traced(name):
    changes = SMALL.get(name, {}) if name not in ("late-vote", "late-learned", "mulmix") else SMALL["late"]
    module, stage, trial, batch, (state, frozen) = families.loaded(("zoo", "fusion,cmu_mosi", name, changes, SHAPES))
    plan = step.StagePlan(module, stage, "multiclass", 6)

    def run(trial, frozen, state, batch):
        return step.compute_gradients(plan, trial, frozen, state, batch, jax.random.key(0))

    gradients = jax.eval_shape(run, trial, frozen, state, batch)
    assert gradients.loss.shape == ()
    assert set(gradients.forward.terms) == {term.name for term in stage.terms}
    assert jax.tree.all(jax.tree.map(lambda g, p: g.shape == jnp.shape(p), gradients.params, state.params))


ITEMS = dict(text=(4, 3, 16), video=(4, 2, 16), audio=(4, 5, 16))
VIDEOS = {m: (2, 3, features) for m, (_, features) in SHAPES.items()}


@pytest.mark.parametrize(
    ("argument", "name", "shapes"),
    [
        ("colearning,synthetic", "mctn", ITEMS),
        ("colearning,synthetic", "seq2seq2sentiment", ITEMS),
        ("colearning,synthetic", "mtut", ITEMS),
        ("colearning,synthetic", "multiview", ITEMS),
        ("colearning,synthetic", "emobed", ITEMS),
        ("colearning,synthetic", "hallucination", ITEMS),
        ("colearning,synthetic", "hmtl", ITEMS),
        ("colearning,cmu_mosi_videos", "crossmodal_transfer", VIDEOS),
        ("colearning,cmu_mosi_videos", "mutual_learning", VIDEOS),
        ("colearning,cmu_mosi_videos", "dcc_cae", VIDEOS),
        ("colearning,arrays", "mctn_multibench", dict.fromkeys(("text", "vision", "audio"), (4, 3, 5))),
        ("fusion,cmu_mosi_videos", "mmmu_ba", VIDEOS),
        ("fusion,cmu_mosi_videos", "catlstm", VIDEOS),
    ],
)
def test_a_step_of_items_and_of_labelled_steps_can_be_traced(argument, name, shapes):
    module, stage, trial, batch, (state, frozen) = families.loaded(("zoo", argument, name, {}, shapes))
    plan = step.StagePlan(module, stage, "multiclass", 6)

    def run(trial, frozen, state, batch):
        return step.compute_gradients(plan, trial, frozen, state, batch, jax.random.key(0))

    gradients = jax.eval_shape(run, trial, frozen, state, batch)
    assert gradients.loss.shape == ()
    assert set(gradients.forward.terms) == {term.name for term in stage.terms}
