"""What fine-tuning leaves out of an encoder of speech: spans as the authors draw them, layers, and nothing else."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.encoders import families, spans, speech
from affect_jax.encoders.settings import ConfigFile
from affect_jax.encoders.spans import Masks
from tests.encoders import proof

STEPS = Masks(steps=0.5, step_span=3)


SIZE = 207
"""Positions of each row: 7 more than the longest recording has."""


@functools.partial(jax.jit, static_argnums=2)
def draw_many(lengths, rate, span, fewest):
    return spans.draw_spans(jax.random.key(0), lengths, SIZE, rate=rate, span=span, fewest=fewest)


def test_spans_cover_as_many_steps_as_those_of_transformers():
    with np.load(proof.DATA / "front" / "masked.npz") as file:
        cases = file["covered"]
    for length, rate, span, fewest, theirs in cases:
        drawn = np.asarray(draw_many(np.full(4000, length, np.int32), rate, int(span), int(fewest)))
        assert not drawn[:, int(length) :].any()
        shares = drawn[:, : int(length)].mean(axis=1)
        # Both are means of 4,000 draws, with a deviation of at most .1.
        assert shares.mean() == pytest.approx(theirs, abs=4 * shares.std() * (2 / 4000) ** 0.5)
        edges = np.diff(np.pad(drawn, ((0, 0), (1, 1))).astype(int), axis=1)
        runs = np.nonzero(edges == -1)[1] - np.nonzero(edges == 1)[1]
        assert runs.min() >= span


def test_rows_too_short_for_a_span_have_none_and_others_the_fewest():
    covered = np.asarray(draw_many(np.array([0, 4, 5, 6, 9, 10, 40]), 0.0, 5, 2)).sum(axis=1)
    assert covered[:2].tolist() == [0, 0]
    assert covered[2:5].tolist() == [5, 5, 5]  # two would not fit beside each other
    assert (covered[5:] > 5).all()
    assert (covered[5:] <= 10).all()


def test_masked_steps_become_the_embedding_and_channels_zeros():
    x = np.random.default_rng(0).standard_normal((4, 30, 12), np.float32)
    valid = np.arange(30)[None] < np.array([30, 20, 2, 0])[:, None]
    embedding = np.arange(12, dtype=np.float32) + 100
    masks = dataclasses.replace(STEPS, channels=0.4, channel_span=2)
    mask = jax.jit(lambda x: spans.mask_spans(jax.random.key(2), x, valid, embedding, masks))
    y = np.asarray(mask(x))
    zeroed = (y == 0).all(axis=1)  # [B, D]: whole channels
    replaced = np.where(zeroed[:, None], True, y == embedding).all(axis=2)
    assert 0 < zeroed.mean() <= 0.5
    assert replaced[:2].any(axis=1).all()
    assert not (replaced & ~valid).any()
    assert not replaced[2].any()
    unchanged = np.where(zeroed[:, None] | replaced[..., None], True, y == x)
    assert unchanged.all()


def build(name, masks):
    kinds, config = proof.read_case(name)
    off = dict.fromkeys(("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout"), 0.0)
    encoder = families.build_encoder(ConfigFile(config | off, name), kinds["param"], name, masks=masks)
    return encoder, proof.pad_inputs(encoder.model, kinds["in"])


def test_masked_steps_give_what_transformers_gives(monkeypatch):
    encoder, inputs = build("wav2vec2_base", STEPS)
    with np.load(proof.DATA / "front" / "masked.npz") as file:
        theirs = {key: file[key] for key in file.files}

    def draw(key, lengths, size, **settings):
        given = np.pad(theirs["mask"], ((0, 0), (0, size - theirs["mask"].shape[1])))
        return jnp.asarray(given) & (jnp.arange(size)[None] < lengths[:, None])

    monkeypatch.setattr(spans, "draw_spans", draw)
    apply = jax.jit(lambda key: encoder.model.apply(encoder.variables, *inputs, train=True, rngs={"dropout": key}))
    last = np.asarray(apply(jax.random.key(0)).last)
    for index in range(3):
        wanted = theirs[f"out/{index}"]
        np.testing.assert_allclose(last[index, : len(wanted)], wanted, atol=1e-5)


def test_evaluation_leaves_nothing_out_and_needs_no_key():
    masked, inputs = build("wav2vec2_base", Masks(0.5, 0.5, 3, 3, layers=1.0))
    plain, _ = build("wav2vec2_base", spans.NOTHING)
    params = dict(masked.variables["params"])
    embedding = params.pop("masked_spec_embed")
    jax.tree.map(np.testing.assert_array_equal, params, dict(plain.variables["params"]))
    # The same operations, one by one: no need to run them.
    of_masked = jax.make_jaxpr(
        lambda tree: masked.model.apply({"params": {**tree, "masked_spec_embed": embedding}}, *inputs)
    )
    of_plain = jax.make_jaxpr(lambda tree: plain.model.apply({"params": tree}, *inputs))
    assert str(of_masked(params)) == str(of_plain(params))


@pytest.mark.parametrize(("name", "first"), [("wav2vec2_large", 0), ("wavlm_base", 1)])
def test_without_its_layers_an_encoder_gives_what_the_first_reads(name, first):
    """WavLM's first layer stays, as it has the distances for all."""
    encoder, inputs = build(name, Masks(layers=1.0))

    @jax.jit
    @functools.partial(jax.value_and_grad, has_aux=True)
    def compute(layers, key):
        params = {**encoder.variables["params"], "encoder": layers}
        outputs = encoder.model.apply({"params": params}, *inputs, train=True, rngs={"dropout": key})
        return outputs.last.sum(), outputs

    (_, outputs), layers = jax.device_get(compute(encoder.variables["params"]["encoder"], jax.random.key(0)))
    np.testing.assert_array_equal(outputs.states[first + 1], outputs.states[first])
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(layers["layers_1"]))
    assert any(np.any(leaf) for leaf in jax.tree.leaves(layers["layers_0"])) == bool(first)


def test_layers_are_left_out_at_their_rate_for_the_whole_batch():
    sizes = speech.Sizes(width=4, layers=3, heads=1, feed_forward=4, position_width=3, position_groups=1)
    module, x = speech.Transformer(sizes, 0.3), np.tile(np.arange(4, dtype=np.float32), (2, 2, 1))
    valid, draw = np.ones((2, 2), bool), np.random.default_rng(0)
    shapes = jax.eval_shape(functools.partial(module.init, train=False), jax.random.key(0), x, valid)
    variables = jax.tree.map(lambda leaf: draw.standard_normal(leaf.shape, np.float32), shapes)

    @jax.jit
    @jax.vmap
    def run(key):
        states, _ = module.apply(variables, x, valid, train=True, rngs={"dropout": key})
        return jnp.stack([(a == b).all(axis=(1, 2)) for a, b in zip(states, states[1:], strict=False)])

    left_out = np.asarray(run(jax.random.split(jax.random.key(1), 2000)))  # [keys, layers, batch]
    np.testing.assert_array_equal(left_out[..., 0], left_out[..., 1])
    assert left_out[..., 0].mean(axis=0) == pytest.approx(np.full(3, 0.3), abs=4 * (0.21 / 2000) ** 0.5)
    assert abs(np.corrcoef(left_out[..., 0].T)[0, 1]) < 0.1


def test_gradients_reach_the_embedding_of_masked_steps():
    encoder, inputs = build("hubert_base", STEPS)

    @jax.jit
    @jax.grad
    def differentiate(variables, key):
        outputs = encoder.model.apply(variables, *inputs, train=True, rngs={"dropout": key})
        return jnp.where(outputs.mask[..., None], jnp.square(outputs.states[1]), 0).sum()

    gradients = differentiate(encoder.variables, jax.random.key(0))["params"]
    assert np.abs(gradients["masked_spec_embed"]).min() > 0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))
