"""Second opinions beside LIME on which parts of a clip count: integrated gradients and occlusion, and who agrees.

Both are in the model's own units (its prediction, or the chosen class' probability), LIME's coefficients of a
regression in half of them, as eq. 3.7 halves; ranks compare.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from affect_jax.evaluation import lime


class Integrated(NamedTuple):
    """Integrated gradients of one clip.

    Attributes:
      attribution: float64 [T], one number a sample.
      difference: what the attributions should add up to: the answer to the clip less that to silence.
      error: their sum less `difference`; 0 would be an exact integral.
    """

    attribution: np.ndarray
    difference: float
    error: float


Gradients = Callable[[np.ndarray, int | None], Integrated]


def make_integrator(
    predict: Callable[[jax.Array], jax.Array],
    *,
    steps: int = 32,
    batch: int,
    progress: lime.Progress = lambda done, of: None,
) -> Gradients:
    """Gradients along the straight line from silence to the clip, times the clip; compiled once for all of one length.

    By the midpoint rule. M. Sundararajan, A. Taly and Q. Yan, "Axiomatic attribution for deep networks", ICML 2017.

    Args:
      predict: float32 [B, T] -> [B] or [B, C] logits; examples must not influence each other.
      steps: points on the line; more make the error smaller.
      batch: points at a time, over all devices. A backward pass needs far more memory than a forward one.
      progress: told after each batch how many points of how many are done.

    Returns:
      integrate(x float32 [T], chosen class or None) -> Integrated.
    """
    size = lime.round_up(min(batch, steps + 2))

    def value(waves: jax.Array, chosen: jax.Array) -> jax.Array:
        out = predict(waves)
        return out if out.ndim == 1 else jnp.take(jax.nn.softmax(out, axis=-1), chosen, axis=1)

    def local(shared: tuple[jax.Array, jax.Array], points: dict[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
        x, chosen = shared

        def total(waves: jax.Array) -> tuple[jax.Array, jax.Array]:
            values = value(waves, chosen)
            return jnp.sum(values), values

        gradient, values = jax.grad(total, has_aux=True)(points["at"][:, None] * x[None, :])
        # A point of no share must not matter, even where the gradient is not finite (as it may be at silence).
        weighted = jnp.where(points["share"][:, None] > 0, gradient * points["share"][:, None], 0.0)
        return jnp.sum(weighted, axis=0)[None, :], values

    run = lime.map_over_devices(local)

    def integrate(x: np.ndarray, chosen: int | None = None) -> Integrated:
        shared = jax.device_put((np.asarray(x, np.float32), np.int32(chosen or 0)))
        # The ends of the line are heard too, with no share in the integral, for what it should come to.
        at = np.concatenate([[0.0, 1.0], (np.arange(steps) + 0.5) / steps]).astype(np.float32)
        share = np.concatenate([[0.0, 0.0], np.full(steps, 1 / steps)]).astype(np.float32)
        mean, values = np.zeros(len(x), np.float64), []
        for start in range(0, len(at), size):
            points = {"at": at[start : start + size], "share": share[start : start + size]}
            left = size - len(points["at"])
            parts, heard = run(shared, {name: np.pad(p, (0, left)) for name, p in points.items()})
            mean += np.asarray(parts, np.float64).sum(axis=0)
            values.append(np.asarray(heard, np.float64))
            progress(start + size - left, len(at))
        attribution = mean * x
        silence, clip = np.concatenate(values)[:2]
        return Integrated(attribution, float(clip - silence), float(attribution.sum() - (clip - silence)))

    return integrate


def sum_per_segment(attribution: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """float64 [S]: sums of `attribution` [T] over the super-samples between `bounds` [S + 1]."""
    return np.add.reduceat(attribution[: bounds[-1]], bounds[:-1])


def measure_occlusion(
    evaluate: lime.Evaluate, x: np.ndarray, bounds: np.ndarray, chosen: int | None = None
) -> np.ndarray:
    """float64 [S]: by how much the answer falls when one super-sample alone is silenced.

    M. D. Zeiler and R. Fergus, ECCV 2014. A positive one raises the answer, as in LIME.

    Args:
      evaluate: from `lime.evaluator`.
      x: float32 [T].
      bounds: int [S + 1].
      chosen: the class whose probability is meant, where the model gives logits of classes.
    """
    segments = len(bounds) - 1
    masks = np.concatenate([np.ones((1, segments), bool), ~np.eye(segments, dtype=bool)])
    values = np.asarray(evaluate(x, bounds, masks), np.float64)
    if values.ndim == 2:
        values = lime.compute_probability(values, chosen)[0]
    return values[0] - values[1:]


def measure_agreement(a: np.ndarray, b: np.ndarray, top: int = 3) -> dict[str, float]:
    """How alike two attributions [S] of the same super-samples are.

    Returns:
      `spearman`: rank correlation of the signed values, nan where one of them is constant; `top<n>` (`top3`): the share
      of the n super-samples of largest magnitude that both name.
    """
    constant = np.ptp(a) == 0 or np.ptp(b) == 0
    first, second = (set(np.argsort(-np.abs(v), kind="stable")[:top]) for v in (a, b))
    return {
        "spearman": float("nan") if constant else float(stats.spearmanr(a, b).statistic),
        f"top{top}": len(first & second) / len(first),
    }
