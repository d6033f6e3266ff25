"""MCTN of MMSA: recurrences over the batch, translations padded to the width of the text."""

import jax.numpy as jnp

MODALITIES = ("text", "vision", "audio")


def prepare(ins):
    inputs = {m: ins[m] for m in MODALITIES}
    return inputs, {m: jnp.ones(x.shape[:2], bool) for m, x in inputs.items()}


def compute_loss(outputs, ins, params):
    loss = jnp.abs(outputs["prediction"] - ins["target"][:, 0]).mean()
    for m in MODALITIES:
        decoded = outputs[f"translation/{m}"]
        truth = jnp.asarray(ins[m])[:, : decoded.shape[1]]
        truth = jnp.pad(truth, ((0, 0), (0, 0), (0, decoded.shape[2] - truth.shape[2])))
        loss += 0.1 * jnp.square(decoded - truth).mean()
    return loss


OUTPUTS = {
    "y": "prediction",
    "L": lambda outputs, ins: compute_loss(outputs, ins, None),
    "video_1": "translation/vision",
    "text_1": "translation/text",
    "audio_1": "translation/audio",
    "join": "latent/text",
}
