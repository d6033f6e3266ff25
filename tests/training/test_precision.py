"""bfloat16 while training: what is in it and what stays float32; of its gradients, see test_spread.py."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.extend.core import ClosedJaxpr, Jaxpr

from affect_jax.config import stages
from affect_jax.errors import UserError
from affect_jax.layers import wide as layers
from affect_jax.training import loop, objective, precision, state, step, trials
from tests import families, toy


def traced(name, chosen):
    """The jaxpr of a case's gradients at published sizes, without the alignment, which is float32 throughout."""
    module, staged, trial, batch, (now, frozen) = families.loaded(families.PUBLISHED[name])
    aligned = objective.select_alignments(staged.terms)
    staged = staged._replace(precision=chosen, terms=tuple(t for t in staged.terms if t not in aligned))
    key = jax.random.key(1)
    gradients = functools.partial(step.compute_gradients, step.StagePlan(module, staged, "regression", 1))
    return jax.make_jaxpr(lambda *args: gradients(*args, key))(trial, frozen, now, batch)


def equations(jaxpr, times=1):
    """(equation, how often it runs) of a jaxpr and of all that stand in it."""
    for equation in getattr(jaxpr, "jaxpr", jaxpr).eqns:
        yield equation, times
        rounds = times * equation.params.get("length", 1) if equation.primitive.name == "scan" else times
        for value in equation.params.values():
            for part in value if isinstance(value, tuple | list) else (value,):
                if isinstance(part, ClosedJaxpr | Jaxpr):
                    yield from equations(part, rounds)


def operations(equation):
    (contracted, _), _ = equation.params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    return math.prod(equation.outvars[0].aval.shape) * math.prod(left[axis] for axis in contracted)


@pytest.mark.parametrize("name", families.PUBLISHED)
def test_products_are_in_bfloat16_and_sums_are_not(name, monkeypatch):
    monkeypatch.setattr(layers, "_is_emulated", lambda: False)  # as on an accelerator
    jaxpr = traced(name, "bfloat16")
    narrow, wide = 0, 0
    for equation, times in equations(jaxpr):
        read = [v.aval.dtype for v in equation.invars if hasattr(v.aval, "dtype")]
        if equation.primitive.name == "dot_general":
            assert len(set(read)) == 1  # a product of two precisions is one in the wider
            if read[0] == jnp.bfloat16:
                narrow += times * operations(equation)
            else:
                wide += times * operations(equation)
        if equation.primitive.name in ("reduce_sum", "cumsum", "reduce_prod") and read[0] == jnp.bfloat16:
            shape = equation.invars[0].aval.shape
            assert all(shape[axis] == 1 for axis in equation.params["axes"]), equation
    # Read-outs, and the few steps at the end of a clip that no pooling window has.
    assert wide < 0.003 * (narrow + wide)
    assert all(v.aval.dtype != jnp.bfloat16 for v in jaxpr.jaxpr.outvars)


def test_float32_is_cast_nowhere():
    assert "bf16" not in str(traced("sew", "float32"))
    tree = {"kernel": jnp.ones((2, 3)), "bias": jnp.ones(3)}
    params, inputs = precision.lower_precision("float32", tree, {"x": tree["kernel"]})
    assert params["kernel"] is tree["kernel"] is inputs["x"]
    assert precision.raise_precision(tree)["bias"] is tree["bias"]


def test_matrices_and_inputs_are_cast_and_vectors_are_not():
    tree = {"kernel": jnp.ones((2, 3)), "bias": jnp.ones(3)}
    params, inputs = precision.lower_precision("bfloat16", {"dense": tree}, {"x": jnp.ones((4, 2))})
    assert {k: x.dtype for k, x in params["dense"].items()} == {"kernel": jnp.bfloat16, "bias": jnp.float32}
    assert inputs["x"].dtype == jnp.bfloat16


class Echo(nn.Module):
    """Says what it hears."""

    @nn.compact
    def __call__(self, inputs, masks, *, train, dropout=0.0, frozen=()):
        """Outputs."""
        return {"prediction": inputs["x"] @ self.param("kernel", nn.initializers.ones, (2, 1)), "echo": inputs["x"]}


def test_a_target_is_the_original_also_where_it_is_an_input():
    config = toy.stage_config(
        train=("*",), losses={"echo": dict(kind="mse", prediction="echo", target="inputs/x", weight=1.0)}
    )
    (staged,), hyper = toy.stages(fit=config | dict(precision="bfloat16"))
    x = np.array([[1 / 3, 2.0]], np.float32)
    batch = dict(inputs={"x": x}, masks={"x": np.ones(1, bool)}, target=np.zeros(1, np.float32), mask=np.ones(1, bool))
    trial = trials.TrialArrays(fold=0, seed=0, hyper=hyper)
    now = state.create_state({"kernel": np.ones((2, 1), np.float32)}, {}, (), {})
    plan = step.StagePlan(Echo(), staged, "regression", 1)
    gradients = jax.jit(functools.partial(step.compute_gradients, plan))
    loss = gradients(trial, {}, now, batch, jax.random.key(0)).loss
    assert loss == np.square(jnp.bfloat16(1 / 3).astype(np.float32) - x[0, 0]) / 2 > 0


def test_an_unknown_precision_is_refused():
    with pytest.raises(UserError, match=r"stage 'fit' has precision 'bfloat' \(did you mean 'bfloat16'"):
        toy.stages(fit=toy.stage_config(precision="bfloat"))
    with pytest.raises(UserError, match=r"precision 16; .*choose one of float32, bfloat16"):
        toy.stages(fit=toy.stage_config(precision=16))


def test_resume_equals_continue_in_bfloat16(tmp_path):
    corpus, _, folds = toy.development()
    parsed, traced = toy.stages(fit=toy.stage_config(precision="bfloat16", train=("*",), epochs=3))
    chosen = toy.trials(traced, folds=1, seeds=(0,))

    class Killed(Exception):
        pass

    def dies(progress):
        if progress.epoch == 2:
            raise Killed

    def fit(folder, on_epoch=lambda progress: None):
        listener = loop.Listener(on_epoch, lambda *_: None)
        settings = dict(folder=folder, listener=listener)
        return loop.fit_study(toy.Model(), parsed, "regression", corpus, folds, chosen, toy.engine(), **settings)

    with pytest.raises(Killed):
        fit(tmp_path / "killed", dies)
    whole = fit(tmp_path / "whole")
    toy.trees_equal(fit(tmp_path / "killed"), whole)
    assert {x.dtype for x in jax.tree.leaves(whole.params)} == {np.dtype("float32")}
    assert stages.parse_stage("fit", toy.stage_config(), "regression").precision == "float32"
