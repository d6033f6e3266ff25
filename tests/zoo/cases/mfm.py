"""MFM of its authors: one tensor, time first; the numbers of the prior are given."""

import jax.numpy as jnp

from affect_jax.losses import mmd
from tests.zoo.cases import mfn

NAMES = mfn.NAMES
NOISE = {"l": "latent/text", "a": "latent/audio", "v": "latent/video", "y": "joint"}
WEIGHTS = {4: dict(mmd=2.0, text=0.5, audio=0.1, video=0.3), 64: dict(mmd=100.0, text=0.5, audio=0.01, video=0.5)}
"""Of the losses, by the width of the text's code."""

prepare = mfn.prepare


def _reconstruct(m):
    return lambda outputs, ins: outputs[f"reconstruction/{m}"].swapaxes(0, 1)


def _sum_mmd(outputs, ins):
    everywhere = jnp.ones(ins["target"].shape, bool)
    pairs = [(outputs[code], ins[f"noise_{letter}"]) for letter, code in NOISE.items()]
    return sum(mmd(z, noise, everywhere, bandwidth=(z.shape[-1] / 2) ** 0.5) for z, noise in pairs)


def _generate(outputs, ins):
    inputs, _ = prepare(ins)
    weights = WEIGHTS[ins["noise_l"].shape[-1]]
    return sum(weights[m] * jnp.square(outputs[f"reconstruction/{m}"] - inputs[m]).mean() for m in NAMES)


def _discriminate(outputs, ins):
    return jnp.abs(outputs["prediction"] - ins["target"]).mean()


def _weigh_mmd(outputs, ins):
    return WEIGHTS[ins["noise_l"].shape[-1]]["mmd"] * _sum_mmd(outputs, ins)


OUTPUTS = {
    "y": "prediction",
    **{f"x_{m}_hat": _reconstruct(n) for m, n in zip("lav", NAMES, strict=True)},
    **{f"z_{letter}": code for letter, code in NOISE.items()},
    "mfn_last": "fused",
    "mmd": _sum_mmd,
    "loss_gen": _generate,
    "loss_disc": _discriminate,
    "loss_mmd": _weigh_mmd,
}
NO_DROPOUT = {"dropouts": ()}


def compute_loss(outputs, ins, params):
    return _generate(outputs, ins) + _discriminate(outputs, ins) + _weigh_mmd(outputs, ins)
