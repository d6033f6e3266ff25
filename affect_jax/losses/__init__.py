"""Pure loss functions: values a step, or one masked scalar; none knows of a model or a trainer.

Three shapes of loss, float32 in and out (float64 stays float64):

- elementwise, `loss(prediction, target)`: values of the shape of `prediction` (less the class axis for
  losses of classes); `masked_mean(values, where)` turns them into a scalar over the valid steps;
- whole batch, `loss(prediction, target, where)`: one scalar over all valid entries;
- alignment, `loss(a, b, where, ...)`: one scalar to minimise over two views; `contrastive` and `triplet` take the
  target behind `where`. An alignment with a running estimate has
  a partner `init_<name>(d_a, d_b)`, takes that state after `where` and returns `(loss, state)`.
"""

from affect_jax.losses.adversarial import adversary, fool
from affect_jax.losses.alignment import EmaState, canonical_correlations, dcca, dcca_ema, init_dcca_ema
from affect_jax.losses.candidates import multiplicative
from affect_jax.losses.classification import binary_cross_entropy, cross_entropy, focal, ordinal
from affect_jax.losses.decorrelation import SoftCcaState, barlow, init_soft_cca, soft_cca, vicreg
from affect_jax.losses.distillation import kl
from affect_jax.losses.embedding import contrastive, triplet
from affect_jax.losses.reduction import masked_mean
from affect_jax.losses.regression import absolute_error, ccc_loss, pcc_loss, squared_error
from affect_jax.losses.semantics import ssa
from affect_jax.losses.similarity import cmd, difference, mmd

__all__ = [
    "EmaState",
    "SoftCcaState",
    "absolute_error",
    "adversary",
    "barlow",
    "binary_cross_entropy",
    "canonical_correlations",
    "ccc_loss",
    "contrastive",
    "cross_entropy",
    "cmd",
    "dcca",
    "dcca_ema",
    "difference",
    "focal",
    "fool",
    "init_dcca_ema",
    "kl",
    "masked_mean",
    "mmd",
    "multiplicative",
    "ordinal",
    "pcc_loss",
    "soft_cca",
    "init_soft_cca",
    "squared_error",
    "ssa",
    "triplet",
    "vicreg",
]
