"""A block of CEN. Theirs has channels first; ours has rows as steps, and columns side by side."""

import jax.numpy as jnp


def to_rows(x):
    """[B, C, H, W] -> [B, H, W * C]."""
    return x.transpose(0, 2, 3, 1).reshape(x.shape[0], x.shape[2], x.shape[3] * x.shape[1])


def get_map(name, index):
    return lambda outputs, ins: outputs[f"{name}/x{index}"].transpose(0, 3, 1, 2)


PAIRS = {"y": "fused", "bn2_": "norm", "exchanged_": "exchanged"}
OUTPUTS = {f"{theirs}{i}": get_map(ours, i) for theirs, ours in PAIRS.items() for i in range(2)}
OUTPUTS |= {
    "loss_l1": lambda outputs, ins: outputs["penalty"][0],
    "loss_mse": lambda outputs, ins: compute_error(outputs, ins),
}


def prepare(ins):
    inputs = {m: to_rows(ins[m]) for m in ("x0", "x1")}
    return inputs, {m: jnp.ones(x.shape[:2], bool) for m, x in inputs.items()}


def compute_error(outputs, ins):
    targets = [
        ins[f"target{i}"].transpose(0, 2, 3, 1) for i in range(2)
    ]  # turned once, where ours would be at each step
    return sum(jnp.square(outputs[f"fused/x{i}"] - target).mean() for i, target in enumerate(targets))


def compute_loss(outputs, ins, params):
    return compute_error(outputs, ins) + 2 * 2e-4 * outputs["penalty"].mean()
