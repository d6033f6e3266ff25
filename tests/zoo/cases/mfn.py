"""MFN of its authors: one tensor, time first, of text, audio and video side by side."""

import jax.numpy as jnp

NAMES = ("text", "audio", "video")
WIDTHS = {13: (6, 3, 4), 325: (300, 5, 20)}
"""Of all features -> of each modality."""

OUTPUTS = {
    "y": "prediction",
    **{f"h_{m}": f"latent/{n}" for m, n in zip("lav", NAMES, strict=True)},
    **{f"c_{m}": f"cell/{n}" for m, n in zip("lav", NAMES, strict=True)},
    "mem": "memory",
}
NO_DROPOUT = {"dropouts": ()}


def prepare(ins):
    text, audio, _ = WIDTHS[ins["x"].shape[-1]]
    parts = jnp.split(ins["x"].swapaxes(0, 1), [text, text + audio], axis=-1)
    return dict(zip(NAMES, parts, strict=True)), {m: jnp.ones(parts[0].shape[:2], bool) for m in NAMES}


def compute_loss(outputs, ins, params):
    return jnp.abs(outputs["prediction"] - ins["target"]).mean()
