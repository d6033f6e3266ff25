"""Integrated gradients and occlusion, two methods beside LIME that say which parts of a clip matter; how far all agree.

Both are in the model's own units (its prediction, or the chosen class' probability). LIME's coefficients for a
regression are in half of them, because eq. 3.7 halves the prediction; so only ranks can be compared.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.evaluation import lime


class Integrated(NamedTuple):
    """Integrated gradients of one clip.

    Attributes:
      attribution: float64 [T], one number a sample.
      difference: what the attributions should add up to: the prediction for the clip minus that for silence.
      error: their sum minus `difference`; 0 for an exact integral.
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
    """Makes a function that integrates gradients from silence to a clip; compiled once for all clips of one length.

    Gradients along the straight line, by the midpoint rule, times the clip.
    M. Sundararajan, A. Taly and Q. Yan, "Axiomatic attribution for deep networks", ICML 2017.

    Args:
      predict: float32 [B, T] -> [B] or [B, C] logits; examples must not influence each other. `jax.tree_util.Partial`
        where it has arrays of its own.
      steps: points on the line; more make the error smaller.
      batch: points at a time, over all devices. A backward pass needs far more memory than a forward one.
      progress: receives, after each batch, how many points are done, and of how many.

    Returns:
      integrate(x float32 [T], chosen class or None) -> Integrated.
    """
    size, model = lime.round_up(min(batch, steps + 2)), lime.put_on_devices(predict)

    def integrate_points(
        shared: tuple[Any, jax.Array, jax.Array], points: dict[str, jax.Array]
    ) -> tuple[jax.Array, jax.Array]:
        model, x, chosen = shared

        def sum_predictions(waves: jax.Array) -> tuple[jax.Array, jax.Array]:
            values = model(waves)
            if values.ndim > 1:
                values = jnp.take(jax.nn.softmax(values, axis=-1), chosen, axis=1)
            return jnp.sum(values), values

        gradient, values = jax.grad(sum_predictions, has_aux=True)(points["at"][:, None] * x[None, :])
        # Points without a share must not matter, even where their gradient is not finite (as it may be at silence).
        weighted = jnp.where(points["share"][:, None] > 0, gradient * points["share"][:, None], 0.0)
        return jnp.sum(weighted, axis=0)[None, :], values

    run = lime.map_over_devices(integrate_points)

    def integrate(x: np.ndarray, chosen: int | None = None) -> Integrated:
        shared = jax.device_put((np.asarray(x, np.float32), np.int32(chosen or 0)))
        # The ends of the line are predicted too, without a share in the integral, to know what it should be.
        at = np.concatenate([[0.0, 1.0], (np.arange(steps) + 0.5) / steps]).astype(np.float32)
        share = np.concatenate([[0.0, 0.0], np.full(steps, 1 / steps)]).astype(np.float32)
        mean, values = np.zeros(len(x), np.float64), []
        for start in range(0, len(at), size):
            points = {"at": at[start : start + size], "share": share[start : start + size]}
            left = size - len(points["at"])
            weighted, predicted = run((model, *shared), {name: np.pad(p, (0, left)) for name, p in points.items()})
            mean += np.asarray(weighted, np.float64).sum(axis=0)
            values.append(np.asarray(predicted, np.float64))
            progress(start + size - left, len(at))
        silence, clip = np.concatenate(values)[:2]
        return Integrated(mean * x, float(clip - silence), float((mean * x).sum() - (clip - silence)))

    return integrate


def sum_per_segment(attribution: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """float64 [S]: sums of `attribution` [T] over the super-samples between `bounds` [S + 1]."""
    return np.add.reduceat(attribution[: bounds[-1]], bounds[:-1])


def measure_occlusion(
    evaluate: lime.Evaluate, x: np.ndarray, bounds: np.ndarray, chosen: int | None = None
) -> np.ndarray:
    """float64 [S]: how much the prediction falls when one super-sample alone is silenced.

    M. D. Zeiler and R. Fergus, ECCV 2014. As in LIME, a positive one raises the prediction.

    Args:
      evaluate: from `lime.make_evaluator`.
      x: float32 [T].
      bounds: int [S + 1].
      chosen: the class to explain, where the model gives logits.
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
      `spearman`: rank correlation of the signed values, nan where one is constant; `top<n>` (`top3`): the share of the
      n super-samples of largest magnitude that both have in common.
    """
    from scipy import stats  # takes a second or two to import, and nothing else here needs it

    constant = np.ptp(a) == 0 or np.ptp(b) == 0
    first, second = (set(np.argsort(-np.abs(v), kind="stable")[:top]) for v in (a, b))
    return {
        "spearman": float("nan") if constant else float(stats.spearmanr(a, b).statistic),
        f"top{top}": len(first & second) / len(first),
    }
