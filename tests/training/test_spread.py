"""Gradients of families of models: with batches over two devices, and in bfloat16, those of one device in float32."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.training import mesh, step
from tests import families, toy


@functools.cache
def load(name):
    """(`step.Gradients` of a trial as a function, its arguments) of a family, on a batch of which some is masked."""
    module, staged, trial, batch, (now, frozen) = families.loaded(families.SMALL[name])
    batch, now, frozen = families.numbers(batch, now, frozen, getattr(module, "classes", 0))
    batch["masks"] = {m: shortened(mask) if 1 < mask[0].size < 100 else mask for m, mask in batch["masks"].items()}
    batch["mask"][1] = False

    def gradients(trial, frozen, now, batch, precision="float32"):
        plan = step.StagePlan(module, staged._replace(precision=precision), "regression", 1)
        return step.compute_gradients(plan, trial, frozen, now, mesh.shard_batch(batch), jax.random.key(1))

    return gradients, (trial, frozen, now, batch)


@functools.cache
def on_one_device(name, precision):
    gradients, arguments = load(name)
    return jax.device_get(jax.jit(functools.partial(gradients, precision=precision))(*arguments))


def shortened(mask_BxT):
    """Every second example ends early."""
    batch, steps = mask_BxT.shape
    return mask_BxT & (np.arange(steps)[None, :] < np.where(np.arange(batch) % 2, steps, max(steps // 2, 1))[:, None])


def pick(found):
    return found.loss, found.forward.statistics, found.params


@pytest.mark.parametrize("name", families.SMALL)
def test_gradients_over_two_devices_are_those_of_one_and_no_examples_are_sent(name):
    gradients, arguments = load(name)
    where = mesh.make_mesh(2, 2)
    program = mesh.map_over_trials(where, 1, lambda _, *of_trial: pick(gradients(*of_trial)))
    trials = mesh.shard_trials(where, jax.tree.map(lambda x: np.asarray(x)[None], arguments))
    compiled = program.lower((), *trials).compile()
    found = jax.tree.map(lambda x: x[0], mesh.to_host(compiled((), *trials)))
    toy.trees_equal(found, pick(on_one_device(name, "float32")), rtol=2e-3, atol=2e-5)
    sent, text = r"= .*\b(all-gather|all-to-all|collective-permute)(-start)?\(", compiled.as_text()
    assert [line.strip()[:200] for line in text.splitlines() if re.search(sent, line)] == []
    assert "all-reduce" in text


# Rounding sends a gradient another way where it decides between nearly equal things: which step of a pooling window is
# the largest (weights and inputs alone rounded, in float32, took conv_0 to .989), or on which side of 0 a ReLU is.
@pytest.mark.parametrize(("name", "least"), [("sew", 0.998), ("seqsew", 0.98), ("conflictnet", 0.97), ("intra", 0.998)])
def test_gradients_in_bfloat16_are_those_of_float32_but_for_rounding(name, least):
    wanted, found = on_one_device(name, "float32"), on_one_device(name, "bfloat16")
    for part in wanted.params:
        a, b = (np.concatenate([np.ravel(x) for x in jax.tree.leaves(x.params[part])]) for x in (wanted, found))
        assert a @ b > least * np.linalg.norm(a) * np.linalg.norm(b), part
        assert 0.8 < np.linalg.norm(b) / np.linalg.norm(a) < 1.25, part
    assert {x.dtype for x in jax.tree.leaves((found.forward, found.params))} == {jnp.dtype("float32")}
    for one, other in zip(*(jax.tree.leaves(x.forward.statistics) for x in (wanted, found)), strict=True):
        np.testing.assert_allclose(other, one, rtol=0.01, atol=0.01 * np.abs(one).max())  # running statistics
