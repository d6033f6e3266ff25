"""TFN of MMSA."""

import jax.numpy as jnp

OUTPUTS = {
    "y": "prediction",
    "text_h": "latent/text",
    "audio_h": "latent/audio",
    "video_h": "latent/video",
    "fusion": "fused",
}
NO_DROPOUT = {"dropouts": ()}


def prepare(ins):
    inputs = {m: ins[m] for m in ("text", "audio", "video")}
    return inputs, {m: jnp.ones(x.shape[:2], bool) for m, x in inputs.items()}


def compute_loss(outputs, ins, params):
    return jnp.abs(outputs["prediction"] - ins["target"][:, 0]).mean()
