"""One training step of families of models, without a corpus: of published sizes to be traced, small to be run."""

import importlib
import math

import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.config.load import load_config
from affect_jax.config.models import make_model
from affect_jax.training import state, step, trials
from tests import small

FUSION = dict(text=(32, 128, 300), video=(32, 32, 2048), audio=(32, 1000, 120))
SPEECH = dict(speech=(8, 240_000, 1))
SINC = dict(first_layer="sincnet", sinc_width=125)
PUBLISHED = {
    "sew": ("sew", "arousal,geo+audio", "teachers", {}, dict(video_geometric=(32, 632), audio=(32, 88))),
    "seqsew": ("seqsew", "mosi,video+text", "teachers", {}, dict(video=(32, 63, 100), text=(32, 63, 100))),
    "conflictnet": ("conflictnet", "sspnet_conflict", "conflictnet", SINC, SPEECH),
    "cross": ("fusion", "trimodal,iemocap", "cross", {}, FUSION),
}
"""Name -> (config, argument, study, changes of the model, shapes of the inputs)."""
_SEQ = dict(latent=10, feed_forward=12, classifier_width=40, transformer_layers=1)
_SEW = dict(weaker_layers=(16, 12), stronger_layers=((12,),), stronger_decoder_layers=((10,),), regressor_width=9)
_CONV = dict(filters=(6,), widths=(6,), pools=(40,), lstm_units=(6, 5), attention_units=3)
_FUSED = dict(modalities=("audio",), units=6, heads=3, hidden=5, map_steps=(9,), input_dropout=(0.0,))
SMALL = {
    "sew": (*PUBLISHED["sew"][:3], _SEW, dict(video_geometric=(32, 14), audio=(32, 10))),
    "seqsew": ("seqsew_unimodal", "mosi", "text/bigru+te", _SEQ, dict(text=(6, 7, 11))),
    "conflictnet": (*PUBLISHED["conflictnet"][:3], _CONV, dict(speech=(6, 2600, 1))),
    "intra": ("fusion", "trimodal,iemocap", "intra", _FUSED, dict(audio=(4, 12, 9))),
}


def loaded(case):
    """(module, stage, trial, batch, shapes of its state and frozen parts) of a case."""
    file, argument, name, changes, shapes = case
    config = small.forget_synthetic(importlib.import_module(f"configs.{file}").get_config(argument))
    config.study.only = (name,)
    (spec,) = load_config(config).studies
    module, staged = make_model(spec.model).clone(**changes), spec.stages[-1]
    trial = jax.tree.map(lambda x: x[0], trials.stack_trials([trials.Trial("variant", 0, 0, spec.hyper)]))
    first = next(iter(shapes.values()))
    lead = first[:1] if config.data.unit == "item" else first[:-1]
    dtype = jnp.float32
    batch = {
        "inputs": {m: jax.ShapeDtypeStruct(shape, dtype) for m, shape in shapes.items()},
        "masks": {m: jax.ShapeDtypeStruct(shape[:-1], bool) for m, shape in shapes.items()},
        "target": jax.ShapeDtypeStruct(lead, dtype),
        "mask": jax.ShapeDtypeStruct(lead, bool),
    }

    def start(batch):
        parts = step.join_variables(module.init(jax.random.key(0), batch["inputs"], batch["masks"], train=False))
        trained, statistics, frozen = step.split_submodules(parts, staged.train)
        return state.create_state(trained, statistics, (), {}), frozen

    return module, staged, trial, batch, jax.eval_shape(start, batch)


def numbers(batch, now, frozen, classes):
    """Random numbers of these shapes: clips that differ, weights of unit gain."""
    draw = np.random.default_rng(0)

    def weight(x):
        return (draw.standard_normal(x.shape) * max(math.prod(x.shape[:-1]), 1) ** -0.5).astype(np.float32)

    inputs = {m: draw.standard_normal(x.shape, np.float32) for m, x in batch["inputs"].items()}
    if "speech" in inputs:
        at = np.arange(inputs["speech"].shape[1])[None, :, None]
        clip = np.arange(len(inputs["speech"]))[:, None, None]
        inputs["speech"] = (0.3 * inputs["speech"] + np.sin(at * (0.05 + 0.25 * clip))).astype(np.float32)
    target = draw.integers(0, classes, batch["target"].shape) if classes else draw.uniform(0, 1, batch["target"].shape)
    masks = {m: np.ones(x.shape, bool) for m, x in batch["masks"].items()}
    made = dict(inputs=inputs, masks=masks, target=target.astype(np.float32), mask=np.ones(batch["mask"].shape, bool))
    params, still = (jax.tree.map(weight, tree) for tree in (now.params, frozen))
    moments = jax.tree.map(lambda x: np.ones(x.shape, np.float32), now.statistics)
    return made, state.create_state(params, moments, (), {}), still
