"""Self-MM's heads, with labels of the modalities that are given."""

import jax.numpy as jnp

NAMES = {"T": "text", "A": "audio", "V": "video"}
OUTPUTS = {
    "M": "prediction",
    **{letter: f"prediction/{m}" for letter, m in NAMES.items()},
    **{f"Feature_{letter.lower()}": f"latent/{m}" for letter, m in NAMES.items()},
    "Feature_f": "fused",
}
NO_DROPOUT = {"dropouts": ()}


def prepare(ins):
    inputs = {"text": ins["text_features"], "audio": ins["audio"], "video": ins["video"]}
    masks = {"text": jnp.ones(inputs["text"].shape[:2], bool)}
    for m in ("audio", "video"):
        masks[m] = jnp.arange(inputs[m].shape[1])[None, :] < ins[f"{m}_lengths"][:, None]
    return inputs, masks


def compute_loss(outputs, ins, params):
    loss = jnp.abs(outputs["prediction"] - ins["label_M"]).mean()
    for letter, m in NAMES.items():
        label = ins[f"label_{letter}"]
        weight = jnp.tanh(jnp.abs(label - ins["label_M"]))
        loss += (weight * jnp.abs(outputs[f"prediction/{m}"] - label)).mean()
    return loss
