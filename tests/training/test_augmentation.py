"""Augmentation, schedules and averages keep the engine's promises: alone, resumed or sharded, a trial is the same."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import soundfile

from affect_jax.config.stages import Augment
from affect_jax.data import corpus as corpora
from affect_jax.data import folds as folding
from affect_jax.datasets.recordings import Recording
from affect_jax.errors import UserError
from affect_jax.layers.modalities import read_vector
from affect_jax.runtime.signals import Stopped
from affect_jax.training import impulse_responses, initial, loop, objective
from affect_jax.training.augmentation import augment_batch, check_augment
from tests import toy


class Mean(nn.Module):
    """A dense layer on the means of both modalities: as little to compile as there can be."""

    @nn.compact
    def __call__(self, inputs, masks, *, train, dropout=0.0, frozen=()):
        logits = nn.Dense(2, name="head")(jnp.concatenate([read_vector(inputs, masks, m) for m in "ab"], axis=-1))
        return {"logits": logits, "prediction": logits}


MODEL = Mean()
CHANGES = dict(
    modalities=("a",), crop=4, shift=0.2, gain=3.0, noise=10.0, time_width=1.0, band_width=1.0, mixup=0.4
) | dict(modality_dropout=0.2)


def make_data():
    draw = np.random.default_rng(0)
    made = [
        Recording(
            id=f"r{n}",
            group=f"g{n}",
            steps=(f"r{n}",),
            features={
                "a": draw.normal(size=(6 - n % 3, 4)).astype(np.float32) + n % 2,
                "b": draw.normal(size=(1, 3)).astype(np.float32),
            },
            targets={"y": np.array([n % 2], np.float32)},
        )
        for n in range(14)
    ]
    corpus, index = corpora.build_corpus(made, modalities=("a", "b"), target="y", unit="item")
    names = [r.id for r in made]
    members = [folding.FoldMembers("f0", tuple(names[4:]), tuple(names[:4]))]
    return corpus, index, folding.build_folds(corpus, index, members, {"a": True, "b": True})


DATA = make_data()


def stage_config(**changes):
    loss = dict(kind="cross_entropy", prediction="logits", target="target", weight=1.0, smoothing=0.1)
    optimizer = dict(name="adamw", learning_rate=0.02, inverse_time_decay=0.0, weight_decay=0.01)
    optimizer |= dict(schedule="one_cycle", warmup=0.3, clip=1.0)
    whole = dict(
        train=("*",), losses={"prediction": loss}, optimizer=optimizer, batch=4, epochs=3, keep="ema", average_decay=0.5
    )
    monitor = dict(metric="accuracy", prediction="prediction")
    return toy.stage_config(**whole | dict(monitor=monitor, augment=CHANGES) | changes)


def fit(trials, parsed, *, folder=None, listener=None, **engine):
    corpus, _, folds = DATA
    how = toy.engine(**engine)
    return loop.fit_study(MODEL, parsed, "multiclass", corpus, folds, trials, how, folder=folder, listener=listener)


@pytest.fixture(scope="module")
def study():
    parsed, traced = toy.stages("multiclass", fit=stage_config())
    trials = toy.trials(traced, axes={"stages.fit.augment.mixup": (0.0, 0.4)}, folds=1)
    return parsed, trials, fit(trials, parsed)


def test_a_trial_alone_and_its_batches_over_devices_equals_that_of_a_study(study):
    parsed, trials, whole = study
    alone = fit(trials[1:2], parsed, devices=2, data=2)
    toy.trees_equal(alone.params, jax.tree.map(lambda x: x[1:2], whole.params), rtol=2e-3, atol=2e-4)
    different = jax.tree.map(lambda x: np.abs(x[0] - x[1]).max(), whole.params)
    assert max(jax.tree.leaves(different)) > 1e-2, "mixup changes something"


def test_stopped_and_resumed_equals_uninterrupted(study, tmp_path):
    parsed, trials, whole = study
    left = iter((False, False, True))
    with pytest.raises(Stopped):
        fit(trials, parsed, folder=tmp_path, listener=loop.Listener(stop=lambda: next(left)))
    toy.trees_equal(fit(trials, parsed, folder=tmp_path).params, whole.params)


def test_nothing_asked_for_leaves_the_batch_alone():
    (stage,), hyper = toy.stages("multiclass", fit=stage_config(augment={}))
    assert (stage.augment, hyper["fit"].augment) == (Augment(), {})
    batch = {"inputs": {}, "masks": {}}
    assert augment_batch(stage, {}, batch, None, None) is batch


def test_changes_that_need_one_label_an_example_are_refused():
    (stage,), _ = toy.stages(fit=toy.stage_config(augment=dict(mixup=0.2)))
    corpus, _, folds = toy.development()
    with pytest.raises(UserError, match="augment has 'mixup', which needs one label an example"):
        initial.check_stages(toy.Model(), (stage,), corpus, folds)
    (stage,), _ = toy.stages(fit=toy.stage_config(augment=dict(modalities=("c",), gain=1.0)))
    with pytest.raises(UserError, match=r"augment.modalities names 'c'.*has a, b"):
        initial.check_stages(toy.Model(), (stage,), corpus, folds)


@pytest.mark.parametrize("kind", ["mse", "cross_entropy", "focal", "ordinal"])
def test_the_loss_of_a_mixture_is_that_of_both_targets(kind):
    config = dict(kind=kind, prediction="out", target="target", weight=1.0)
    (stage,), _ = toy.stages(fit=toy.stage_config(losses={"x": config}))
    draw = np.random.default_rng(1)
    outputs = {"out": draw.normal(size=(3,) if kind == "mse" else (3, 4)).astype(np.float32)}
    target, partner = np.array([0.0, 3.0, 1.0], np.float32), np.array([2.0, 1.0, 1.0], np.float32)
    share = np.array([0.3, 0.9, 1.0], np.float32)

    @jax.jit
    def total(batch):
        return objective.total_loss(stage.terms, {"x": 1.0}, outputs, {"inputs": {}, **batch}, {}).total

    mixed = total(dict(target=target, partner=partner, share=share, mask=np.ones(3, bool)))
    one = [[total(dict(target=labels, mask=np.arange(3) == n)) for n in range(3)] for labels in (target, partner)]
    np.testing.assert_allclose(mixed, np.mean(share * one[0] + (1 - share) * one[1]), rtol=1e-5)


def speech(features=False):
    made = [
        Recording(f"r{n}", f"g{n}", (f"r{n}",), {"v": np.arange(1, 9, dtype=np.int16)}, {"y": np.zeros(1, np.float32)})
        for n in range(2)
    ]
    if features:
        made = [one._replace(features={"v": np.ones((8, 2), np.float32)}) for one in made]
    return corpora.build_corpus(made, modalities=("v",), target="y", unit="item")[0]


def rooms(**changes):
    settings = dict(reverberation=1.0, impulse_responses="rooms") | changes
    (stage,), hyper = toy.stages("multiclass", fit=stage_config(augment=settings))
    return stage._replace(augment=stage.augment._replace(rate=8000)), hyper["fit"].augment


def test_speech_is_heard_in_the_rooms_of_a_folder(tmp_path):
    folder = tmp_path / "rooms"
    folder.mkdir()
    late = np.zeros(400)
    late[100], late[103] = -0.8, 0.4  # the direct sound, and an echo of half of it
    soundfile.write(folder / "room.wav", late, 8000, subtype="FLOAT")
    responses = impulse_responses.read_impulse_responses(str(folder), 8000)
    expected = np.array([1, 0, 0, -0.5]) / np.sqrt(1.25)
    np.testing.assert_allclose(responses[0, :4], expected, atol=1e-6)
    assert not responses[0, 4:].any()
    stage, strengths = rooms(impulse_responses=str(folder))
    check_augment(stage, speech())

    @jax.jit
    def hear(key):
        batch = corpora.take_batch(speech(), jnp.arange(2), {"v": jnp.zeros(1)}, {"v": jnp.ones(1)})
        return batch, augment_batch(stage, strengths, batch, key, jnp.zeros((), jnp.int32))

    dry, wet = (np.asarray(batch["inputs"]["v"])[0, :, 0] for batch in hear(jax.random.key(0)))
    np.testing.assert_allclose(wet, np.convolve(dry, responses[0])[:8], atol=1e-5)


def test_rooms_that_cannot_be_heard_are_refused(tmp_path):
    (tmp_path / "silent").mkdir()
    soundfile.write(tmp_path / "silent" / "a.wav", np.zeros(10), 8000)
    with pytest.raises(UserError, match="which has no wav file; name a folder of impulse responses"):
        impulse_responses.read_impulse_responses(str(tmp_path), 8000)
    with pytest.raises(UserError, match=r"a.wav is silent"):
        impulse_responses.read_impulse_responses(str(tmp_path / "silent"), 8000)
    for alone in (dict(reverberation=None), dict(impulse_responses=None)):
        with pytest.raises(UserError, match="give both, or neither"):
            rooms(**alone)
    stage, _ = rooms()
    with pytest.raises(UserError, match="reverberation is of raw speech, but 'v' is features; name the waveforms"):
        check_augment(stage, speech(features=True))
    with pytest.raises(UserError, match="reverberation needs config.corpus.rate, at which"):
        check_augment(stage._replace(augment=stage.augment._replace(rate=0)), speech())
