"""The alignment that results.json reports is measured as the loss measures it."""

import jax
import numpy as np
import pytest

from affect_jax.config.losses import Term
from affect_jax.losses.alignment import canonical_correlations, dcca
from affect_jax.training import predictor


@pytest.mark.parametrize("options", [dict(k=2, ridge=0.5, ridge_mode="absolute"), dict(k=3, ridge=0.2), dict(k=2)])
def test_held_out_correlations_have_the_ridge_and_rank_of_the_loss(options):
    draw = np.random.default_rng(0)
    a = draw.normal(size=(40, 4)).astype(np.float32)
    b = a + draw.normal(size=(40, 4)).astype(np.float32)
    term = Term("alignment", "dcca", "a", "b", tuple(sorted(options.items())))

    @jax.jit
    def measure(*codes):
        return predictor._sum_correlations(term, *codes), -dcca(*codes, **options)

    found, of_loss = measure(a, b, np.ones(40, bool))
    assert float(found) == pytest.approx(float(of_loss), rel=1e-5)


def test_an_alignment_without_a_rank_of_its_own_is_measured_by_at_most_ten():
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    term = Term("alignment", "barlow", "a", "b", (("redundancy", 0.1),))

    @jax.jit
    def measure(*codes):
        return predictor._sum_correlations(term, *codes), canonical_correlations(*codes, k=3).sum()

    found, expected = measure(x, x, np.ones(40, bool))
    assert float(found) == pytest.approx(float(expected))
