"""MCTN of MultiBench, time first; `free` never reads the truth of the step before."""

import jax.numpy as jnp

MODALITIES = ("src", "trg0", "trg1")


def read_arguments(fixture):
    return {**fixture.meta["args"], "teacher_forcing_ratio": 0.0 if fixture.meta["variant"] == "free" else 1.0}


def prepare(ins):
    inputs = {m: jnp.swapaxes(jnp.asarray(ins[m]), 0, 1) for m in MODALITIES}
    return inputs, {m: jnp.ones(x.shape[:2], bool) for m, x in inputs.items()}


def compute_error(outputs, ins, m):
    return jnp.square(outputs[f"translation/{m}"] - jnp.swapaxes(jnp.asarray(ins[m]), 0, 1)).mean()


def compute_regression(outputs, ins):
    return jnp.abs(outputs["prediction"] - ins["target"][:, 0]).mean()


def compute_loss(outputs, ins, params):
    return compute_regression(outputs, ins) + 0.01 * sum(compute_error(outputs, ins, m) for m in MODALITIES)


OUTPUTS = {
    "out": lambda outputs, ins: outputs["translation/trg0"].swapaxes(0, 1),
    "reout": lambda outputs, ins: outputs["translation/src"].swapaxes(0, 1),
    "rereout": lambda outputs, ins: outputs["translation/trg1"].swapaxes(0, 1),
    "y": "prediction",
    "loss_translation0": lambda outputs, ins: compute_error(outputs, ins, "trg0"),
    "loss_cycle": lambda outputs, ins: compute_error(outputs, ins, "src"),
    "loss_translation1": lambda outputs, ins: compute_error(outputs, ins, "trg1"),
    "loss_reg": compute_regression,
}
