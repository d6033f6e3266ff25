"""The alignment that results.json reports is measured as the loss measures it."""

import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.config.losses import Term
from affect_jax.losses.alignment import canonical_correlations, dcca
from affect_jax.training import predictor


@pytest.mark.parametrize("options", [dict(k=2, ridge=0.5, ridge_mode="absolute"), dict(k=3, ridge=0.2), dict(k=2)])
def test_held_out_correlations_have_the_ridge_and_rank_of_the_loss(options):
    draw = np.random.default_rng(0)
    a = jnp.asarray(draw.normal(size=(40, 4)), jnp.float32)
    b = jnp.asarray(np.asarray(a) + draw.normal(size=(40, 4)), jnp.float32)
    where = jnp.ones(40, bool)
    term = Term("alignment", "dcca", "a", "b", tuple(sorted(options.items())))
    found = float(predictor._sum_correlations(term, a, b, where))
    assert found == pytest.approx(-float(dcca(a, b, where, **options)), rel=1e-5)


def test_an_alignment_without_a_rank_of_its_own_is_measured_by_at_most_ten():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(40, 3)), jnp.float32)
    where = jnp.ones(40, bool)
    term = Term("alignment", "barlow", "a", "b", (("redundancy", 0.1),))
    expected = float(canonical_correlations(x, x, where, k=3).sum())
    assert float(predictor._sum_correlations(term, x, x, where)) == pytest.approx(expected)
