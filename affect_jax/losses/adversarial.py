"""A discriminator and what fools it: the two losses of an adversarial pair, one value a step.

Of one logit a step the discriminator says real or not (Goodfellow et al. 2014, eq. 1, and their -log D(G(z)) for the
generator). Of C + 1 logits it says of which class a real code is, the last one being for codes that are not real, and
what fools it imitates the true class (Garcia et al. 2019, ADMD).
"""

import jax
import jax.numpy as jnp

from affect_jax.losses.classification import cross_entropy


def adversary(real: jax.Array, imitated: jax.Array, target: jax.Array) -> jax.Array:
    """The discriminator's loss [...]: of the real code plus of the one that imitates it.

    real, imitated: logits [...], or [..., C + 1]. target: [...], classes in the second form, not read in the first.
    Raises ValueError where the shapes are neither.
    """
    if real.shape != imitated.shape:
        raise ValueError(f"logits of the real code {real.shape} and of the imitated one {imitated.shape} differ")
    if _has_classes(real, target):
        return cross_entropy(real, target) - jax.nn.log_softmax(imitated)[..., -1]
    return jax.nn.softplus(-real) + jax.nn.softplus(imitated)


def fool(imitated: jax.Array, target: jax.Array) -> jax.Array:
    """The loss [...] of what makes the imitated code: that the discriminator does not take it for real, or, of C + 1
    logits, for a real code of the true class. Arguments as in `adversary`."""
    return cross_entropy(imitated, target) if _has_classes(imitated, target) else jax.nn.softplus(-imitated)


def _has_classes(logits: jax.Array, target: jax.Array) -> bool:
    if logits.shape == target.shape:
        return False
    if logits.shape[:-1] == target.shape and logits.shape[-1] > 1:
        return True
    raise ValueError(f"logits {logits.shape} must be the target's shape {jnp.shape(target)}, or that and C + 1 logits")
