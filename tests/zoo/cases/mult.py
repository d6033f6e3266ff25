"""MulT of its authors; their encoders have time in front."""

import jax.numpy as jnp

NAMES = {"l": "text", "a": "audio", "v": "video"}


def get_steps(name):
    return lambda outputs, ins: outputs[name].swapaxes(0, 1)


OUTPUTS = {"y": "prediction", "last_hs": "fused"}
OUTPUTS |= {f"trans_{t}_mem": get_steps(f"memory/{m}") for t, m in NAMES.items()}
OUTPUTS |= {
    f"trans_{t}_with_{s}": get_steps(f"cross/{m}/{source}") for t, m in NAMES.items() for s, source in NAMES.items()
}


def prepare(ins):
    inputs = {m: ins[f"x_{letter}"] for letter, m in NAMES.items()}
    return inputs, {m: jnp.ones(x.shape[:2], bool) for m, x in inputs.items()}


def compute_loss(outputs, ins, params):
    return jnp.abs(outputs["prediction"].reshape(ins["target"].shape) - ins["target"]).mean()
