"""MISA of its authors: time in front, numbers of words, one length for all modalities."""

import functools
import itertools

import jax.numpy as jnp

from affect_jax.losses import classification, similarity

NAMES = {"t": "text", "v": "video", "a": "audio"}
NO_DROPOUT = {"dropouts": ()}
OUTPUTS = {"y": "prediction", "shared_or_private_p_t": "origin/text", "shared_or_private_s": "origin/shared"}
for t, m in NAMES.items():
    OUTPUTS |= {f"utt_{t}_orig": f"latent/{m}", f"utt_private_{t}": f"private/{m}", f"utt_shared_{t}": f"shared/{m}"}
    OUTPUTS |= {f"utt_{t}_recon": f"reconstruction/{m}", f"shared_or_private_p_{t}": f"origin/{m}"}
    OUTPUTS |= {f"domain_label_{t}": f"domain/{m}"}
OUTPUTS |= {
    f"loss_{name}": functools.partial(lambda outputs, ins, part: compute_parts(outputs, ins)[part], part=name)
    for name in ("cls", "diff", "sim", "recon")
}


def prepare(ins):
    text = ins["text"].T[..., None].astype(jnp.float32)
    inputs = {"text": text, "video": ins["video"].swapaxes(0, 1), "audio": ins["audio"].swapaxes(0, 1)}
    mask = jnp.arange(text.shape[1])[None, :] < ins["lengths"][:, None]
    return inputs, dict.fromkeys(inputs, mask)


def compute_parts(outputs, ins):
    code = {kind: {m: outputs[f"{kind}/{m}"] for m in NAMES.values()} for kind in ("private", "shared")}
    where = jnp.ones(ins["lengths"].shape, bool)
    pairs = [(code["private"][m], code["shared"][m]) for m in NAMES.values()]
    pairs += [(code["private"][a], code["private"][b]) for a, b in itertools.combinations(NAMES.values(), 2)]
    if "domain/text" in outputs:
        told = [(outputs[f"domain/{m}"], outputs[f"domain_label/{m}"]) for m in NAMES.values()]
        alike = sum(classification.cross_entropy(*pair).mean() for pair in told) / 3
    else:
        two = itertools.combinations(NAMES.values(), 2)
        alike = sum(similarity.cmd(code["shared"][a], code["shared"][b], where) for a, b in two) / 3
    again = [jnp.square(outputs[f"reconstruction/{m}"] - outputs[f"latent/{m}"]).mean() for m in NAMES.values()]
    return {
        "cls": jnp.square(outputs["prediction"].reshape(ins["target"].shape) - ins["target"]).mean(),
        "diff": sum(similarity.difference(*pair, where) for pair in pairs),
        "sim": alike,
        "recon": sum(again) / 3,
    }


def compute_loss(outputs, ins, params):
    parts = compute_parts(outputs, ins)
    return parts["cls"] + 0.3 * parts["diff"] + parts["sim"] + parts["recon"]
