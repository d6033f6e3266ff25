"""Families of models with their batches over two devices: the gradients of one, and no examples sent around."""

import re

import jax
import numpy as np
import pytest

from affect_jax.training import mesh, step
from tests import families, toy


def graded(name, devices):
    """(the compiled program's text, (loss, statistics, gradients)) of a family's batch over so many devices."""
    module, staged, trial, batch, (now, frozen) = families.loaded(families.SMALL[name])
    batch, now, frozen = families.numbers(batch, now, frozen, getattr(module, "classes", 0))
    batch["masks"] = {m: shortened(mask) if 1 < mask[0].size < 100 else mask for m, mask in batch["masks"].items()}
    batch["mask"][1] = False

    def of_trial(_, trial, frozen, now, batch):
        key = jax.random.key(1)
        plan = step.StagePlan(module, staged, "regression", 1)
        gradients = step.compute_gradients(plan, trial, frozen, now, mesh.shard_batch(batch), key)
        return gradients.loss, gradients.forward.statistics, gradients.params

    where = mesh.make_mesh(devices, devices)
    arguments = mesh.shard_trials(where, jax.tree.map(lambda x: np.asarray(x)[None], (trial, frozen, now, batch)))
    program = mesh.map_over_trials(where, 1, of_trial).lower((), *arguments).compile()
    return program.as_text(), mesh.to_host(program((), *arguments))


def shortened(mask_BxT):
    """Every second example ends early."""
    batch, steps = mask_BxT.shape
    return mask_BxT & (np.arange(steps)[None, :] < np.where(np.arange(batch) % 2, steps, max(steps // 2, 1))[:, None])


@pytest.mark.parametrize("name", families.SMALL)
def test_gradients_over_two_devices_are_those_of_one_and_no_examples_are_sent(name):
    alone, wanted = graded(name, 1)
    text, found = graded(name, 2)
    toy.trees_equal(found, wanted, rtol=2e-3, atol=2e-5)
    sent = r"= .*\b(all-gather|all-to-all|collective-permute)(-start)?\("
    assert not re.search(sent, alone)
    assert [line.strip()[:200] for line in text.splitlines() if re.search(sent, line)] == []
    assert "all-reduce" in text
