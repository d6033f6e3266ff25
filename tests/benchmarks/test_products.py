"""Operations of matrix products, counted by hand."""

import jax
import jax.numpy as jnp
import pytest

from benchmarks.products import count

A, B = jnp.zeros((3, 4)), jnp.zeros((4, 5))
ONE = 2 * 3 * 4 * 5


def counted(f, *arguments):
    return count(jax.make_jaxpr(f)(*arguments))


def test_a_product():
    assert counted(jnp.matmul, A, B) == ONE
    assert counted(lambda a, b: jnp.einsum("nij,njk->nik", a, b), jnp.zeros((7, 3, 4)), jnp.zeros((7, 4, 5))) == 7 * ONE


def test_the_gradient_has_two_more():
    assert counted(jax.value_and_grad(lambda a, b: (a @ b).sum() ** 2, argnums=(0, 1)), A, B) == 3 * ONE


def test_a_loop_counts_every_round_and_what_is_jitted_counts_too():
    square = jnp.zeros((3, 3))
    step = jax.jit(lambda c, _: (c @ c, None))
    assert counted(lambda c: jax.lax.scan(step, c, None, length=6)[0], square) == 6 * 54
    assert counted(lambda a, b: jax.lax.map(lambda row: row @ b, a), A, B) == ONE


def test_a_branch_counts_as_the_dearer_one():
    square = jnp.zeros((3, 3))
    assert counted(lambda c: jax.lax.cond(c[0, 0] > 0, lambda x: x @ x @ x, lambda x: x @ x, c), square) == 2 * 54


def test_what_nobody_needs_does_not_count():
    def wasteful(a, b):
        a @ b
        return a + 1

    assert counted(wasteful, A, B) == 0


def test_a_convolution():
    # 1 x 8 outputs a filter, each of a kernel of 3 over 2 channels.
    x, kernel = jnp.zeros((1, 10, 2)), jnp.zeros((3, 2, 5))

    def convolve(x, kernel):
        return jax.lax.conv_general_dilated(x, kernel, (1,), "VALID", dimension_numbers=("NWC", "WIO", "NWC"))

    assert counted(convolve, x, kernel) == 2 * (8 * 5) * (3 * 2)


def test_a_product_that_runs_nobody_knows_how_often():
    square = jnp.zeros((3, 3))
    with pytest.raises(ValueError, match="while loop"):
        counted(lambda c: jax.lax.while_loop(lambda x: x[0, 0] < 1, lambda x: x @ x, c), square)
    assert counted(lambda c: jax.lax.while_loop(lambda x: x[0, 0] < 1, lambda x: x + 1, c), square) == 0
