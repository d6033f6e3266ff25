"""Sequences that share a line must give what they give alone."""

import jax
import numpy as np
import pytest

from affect_jax.config.losses import parse_losses
from affect_jax.data import corpus as corpora
from affect_jax.data import packing
from affect_jax.models import seqsew
from affect_jax.training import objective
from tests import toy
from tests.data.batches import take_batch

LENGTHS = np.array([9, 8, 7, 3, 3, 2, 2, 1, 1])


def test_every_rank_has_a_place_of_its_own_and_long_enough():
    plan = packing.plan_packing([LENGTHS, LENGTHS[2:]], 6)
    rank, step = np.array(plan.rank), np.array(plan.step)
    assert rank.shape[1] == 9
    assert rank.shape[0] < 6
    for k, longest in enumerate(LENGTHS[:6]):
        lines, columns = np.nonzero(rank == k)
        assert len(set(lines)) == 1
        np.testing.assert_array_equal(step[lines, columns], np.arange(longest))


def test_no_plan_where_it_would_save_little():
    assert packing.plan_packing([np.full(8, 5)], 4) is None


@pytest.fixture(scope="module")
def batches():
    """The same three videos and a padding example, one a line and packed."""
    made = toy.recordings(count=7, length=9)
    made = [
        r._replace(
            steps=r.steps[:n],
            features={m: x[:n] for m, x in r.features.items()},
            targets={m: x[:n] for m, x in r.targets.items()},
        )
        for r, n in zip(made, (9, 2, 4, 7, 3, 2, 1), strict=True)
    ]
    corpus, _ = corpora.build_corpus(made, modalities=("a", "b"), target="y", unit="recording")
    plan = packing.plan_packing([np.asarray(corpus.target.length)], 4)
    return take_batch(corpus, [2, 0, -1, 4]), take_batch(corpus, [2, 0, -1, 4], packing=plan)


def test_a_packed_batch_has_the_same_steps(batches):
    padded, packed = batches
    assert packed["mask"].shape[0] < padded["mask"].shape[0]
    assert packed["mask"].sum() == padded["mask"].sum() == 9 + 4 + 3
    for name in ("a", "b"):
        both = [b["inputs"][name][b["mask"]] for b in (padded, packed)]
        np.testing.assert_array_equal(*(rows[np.lexsort(rows.T)] for rows in both))


def test_losses_and_gradients_of_seqsew_are_those_of_one_sequence_a_line(batches):
    model = seqsew.Model(
        weaker="a",
        stronger=("b",),
        latent=4,
        feed_forward=6,
        transformer_layers=1,
        weaker_gru_layers=1,
        stronger_gru_layers=(1,),
        classifier_width=5,
        decoder_width=3,
        decoder_layers=1,
    )
    first = batches[0]["inputs"], batches[0]["masks"]
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), *first, train=False))
    draw = np.random.default_rng(0)  # jax's initialisers take long to compile
    params = jax.tree.map(lambda p: draw.uniform(-0.5, 0.5, p.shape).astype(np.float32), shapes)
    terms = parse_losses(
        {
            "prediction": dict(kind="binary_cross_entropy", prediction="logits", target="target", weight=1.0),
            "translation": dict(kind="mae", prediction="translation/b", target="inputs/b", weight=1.0),
            "alignment": dict(kind="dcca", a="latent/weaker", b="latent/b", weight=1.0, k=2),
        }
    )

    @jax.jit
    @jax.value_and_grad
    def loss(params, batch):
        outputs = model.apply(params, batch["inputs"], batch["masks"], train=False, segments=batch.get("segments"))
        return objective.total_loss(terms, {t.name: 1.0 for t in terms}, outputs, batch, {}).total

    padded, packed = (loss(params, batch) for batch in batches)
    toy.trees_equal(packed, padded, rtol=2e-4, atol=2e-5)
    assert padded[0] > -2
