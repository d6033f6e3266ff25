"""What a teacher says of classes, as the target of a student: it needs no label."""

import jax
import jax.numpy as jnp
from jax import lax


def kl(logits: jax.Array, teacher: jax.Array, *, temperature: float = 2.0) -> jax.Array:
    """T^2 KL(softmax(teacher / T) || softmax(logits / T)) per step: [..., C], [..., C] -> [...] (Hinton et al. 2015).

    Its gradient is that of the cross entropy with the teacher's soft targets, from which it differs by their entropy:
    it is 0 where both say the same. T^2 keeps the gradient's size whatever the temperature. The teacher does not move.
    Raises ValueError where the shapes differ.
    """
    if logits.shape != teacher.shape:
        raise ValueError(f"logits {logits.shape} and those of the teacher {teacher.shape} must have one shape")
    ours = jax.nn.log_softmax(logits / temperature)
    theirs = jax.nn.log_softmax(lax.stop_gradient(teacher) / temperature)
    return temperature**2 * jnp.sum(jnp.exp(theirs) * (theirs - ours), axis=-1)
