"""Gradients of matrices inside scans: one product behind the scan is what autodiff adds up step by step."""

import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.layers.step_products import make_notes, multiply

STEPS, BATCH, UNITS = 4, 3, 5


def run(kernels, h, steps, noted):
    """The sum of a recurrence with a scan of two rounds in it, by notes or left to autodiff."""

    def product(x, kernel, note):
        return multiply(x, kernel, note) if noted else x @ kernel

    def body(h, at):
        x, outer, inner = at

        def stage(h, note):
            return jnp.tanh(product(h, kernels["inner"], note)), None

        h, _ = jax.lax.scan(stage, jnp.tanh(x + product(h, kernels["outer"], outer)), inner)
        return h, h

    twice = jnp.stack([steps, steps], axis=1)
    notes = make_notes(kernels["outer"], steps), make_notes(kernels["inner"], twice)
    return jnp.sum(jnp.cos(jax.lax.scan(body, h, (steps, *notes))[1]))


def test_gradients_are_autodiffs():
    draw = np.random.default_rng(0)
    with jax.enable_x64(True):
        kernels = {name: draw.normal(size=(UNITS, UNITS)) for name in ("outer", "inner")}
        h, steps = (draw.normal(size=(*lead, BATCH, UNITS)) for lead in ((), (STEPS,)))
        grad = jax.value_and_grad(run, argnums=(0, 1, 2))
        noted, plain = jax.jit(lambda *given: [grad(*given, way) for way in (True, False)])(kernels, h, steps)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), noted, plain)


def test_rows_by_vmap_have_their_own_gradients():
    draw = np.random.default_rng(1)
    h, steps = (draw.standard_normal((*lead, BATCH, UNITS), np.float32) for lead in ((), (STEPS,)))
    kernels = {n: draw.standard_normal((2, UNITS, UNITS), np.float32) for n in ("outer", "inner")}
    both = [jax.vmap(jax.grad(lambda one, way=way: run(one, h, steps, way))) for way in (True, False)]
    rows = jax.jit(lambda kernels: [grad(kernels) for grad in both])(kernels)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), *rows)
