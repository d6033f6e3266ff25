"""MSAF's attention. Features have channels first and any axes behind; ours are steps of channels."""

import jax.numpy as jnp

from tests.zoo.cases.mmtm import to_steps

NO_DROPOUT = {"block_dropout": 0.0}


def get_features(index):
    return lambda outputs, ins: outputs[f"fused/x{index}"].swapaxes(1, 2)


OUTPUTS = {f"y{index}": get_features(index) for index in range(9)}


def prepare(ins):
    inputs = {m: to_steps(x) for m, x in ins.items() if m.startswith("x")}
    return inputs, {m: jnp.ones(x.shape[:2], bool) for m, x in inputs.items()}


def compute_loss(outputs, ins, params):
    names = [m for m in ins if m.startswith("x")]
    return sum(jnp.square(outputs[f"fused/{m}"] - to_steps(ins[f"target{m[1:]}"])).mean() for m in names)
