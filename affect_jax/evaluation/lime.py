"""SLIME: which parts of a clip a model's prediction depends on, by a linear surrogate for perturbed clips.

The clip is cut into equal super-samples and random ones are silenced. A ridge regression of the model's predictions on
which super-samples were present gives their relevance. M. T. Ribeiro, S. Singh and C. Guestrin, "Why should I trust
you?", KDD 2016; for sound S. Mishra, B. L. Sturm and S. Dixon, ISMIR 2017; for speech here eqs. 3.5 to 3.7 of the
thesis.

Two numbers belong beside every such explanation: the surrogate's R^2 (near 0: the model is not linear in the
super-samples, and the coefficients mean little) and how stable the ranks are when other perturbations are drawn.
"""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

KERNELS = ("thesis", "slime")
WIDTH = 25.0
"""Kernel width, in hundredths of cosine distance (see `compute_kernel_weights`)."""

Evaluate = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
Progress = Callable[[int, int], None]


class Fit(NamedTuple):
    """One surrogate: P(clip) = intercept + the coefficients of the present super-samples, and its weighted R^2.

    Where every perturbation has the same prediction, nothing is explained: all coefficients and R^2 are 0.
    """

    coefficients: np.ndarray
    intercept: float
    r2: float


class Explanation(NamedTuple):
    """SLIME of one clip, drawn K times.

    Attributes:
      coefficients: float64 [S], means over the draws, in units of probability; a positive one is evidence for the
        positive (or the chosen) class.
      deviation: float64 [S], their sample standard deviation over the draws; 0 for one draw.
      intercept: mean over the draws.
      r2: mean weighted R^2 of the surrogates.
      stability: mean Kendall tau of the coefficients over all pairs of draws; nan for one draw, and where nothing
        varies.
      clipped: share of the perturbations whose prediction was outside [-1, 1], and so was clipped for eq. 3.7.
      distinct: how many different perturbations the model has predicted.
    """

    coefficients: np.ndarray
    deviation: np.ndarray
    intercept: float
    r2: float
    stability: float
    clipped: float
    distinct: int

    @property
    def order(self) -> np.ndarray:
        """int [S]: super-samples by decreasing magnitude of their coefficients, as the thesis lists them."""
        return np.argsort(-np.abs(self.coefficients), kind="stable")

    @property
    def polarity(self) -> np.ndarray:
        """int [S]: +1 where the super-sample raises the prediction, -1 where it lowers it, 0 where it has no effect."""
        return np.sign(self.coefficients).astype(int)


def compute_segment_bounds(length: int, segments: int) -> np.ndarray:
    """int [S + 1]: first samples of S parts of `length` samples, equal up to one sample, and the end.

    Raises:
      ValueError: fewer samples than segments, or fewer than 2 segments.
    """
    if not 2 <= segments <= length:
        raise ValueError(f"segments is {segments}; 2 to {length} (the clip's samples) can be told apart")
    return np.rint(np.linspace(0, length, segments + 1)).astype(int)


def draw_perturbations(key: jax.Array, perturbations: int, segments: int) -> np.ndarray:
    """bool [N, S]: z', which super-samples are present; all of them in row 0.

    As SLIME draws: first how many are silenced, 1 to S with equal chance, then which ones. So rows with one or two
    silenced super-samples are far more frequent than under fair coins.
    """
    # One program: its operations one by one are a dozen.
    return np.array(_draw_masks(key, perturbations, segments)) | (np.arange(perturbations) == 0)[:, None]


@functools.partial(jax.jit, static_argnums=(1, 2))
def _draw_masks(key: jax.Array, perturbations: int, segments: int) -> jax.Array:
    count_key, choice_key = jax.random.split(key)
    silenced = jax.random.randint(count_key, (perturbations, 1), 1, segments + 1)
    rank = jnp.argsort(jnp.argsort(jax.random.uniform(choice_key, (perturbations, segments)), axis=1), axis=1)
    return rank >= silenced


def compute_kernel_weights(masks: np.ndarray, kernel: str = "thesis") -> np.ndarray:
    """float64 [N]: how near perturbations `masks` [N, S] are to the clip itself, eq. 3.5.

    `thesis` is exp(-D^2 / 25^2), `slime` its square root, which is what SLIME's (and LIME's) code computes. D is 100 x
    the cosine distance to the row of ones, as in their code: the width 25 belongs to that scale. Of 10 super-samples 9,
    5 and 1 present are at D = 5, 29 and 68, and weigh .96, .25 and .0006 (`slime`: .98, .50 and .024). On the plain
    cosine distance, 0 to 1, all weights would lie between .998 and 1. Where none is present the cosine is taken as 0.

    Raises:
      ValueError: no such kernel.
    """
    if kernel not in KERNELS:
        raise ValueError(f"kernel is {kernel!r}; choose {' or '.join(KERNELS)}")
    distance = 100 * (1 - np.sqrt(masks.mean(axis=1)))  # k of S ones: cosine k / (sqrt(k) sqrt(S))
    exponent = -np.square(distance / WIDTH)
    return np.exp(exponent if kernel == "thesis" else exponent / 2)


def compute_probability(values: np.ndarray, chosen: int | None = None, clip: bool = True) -> tuple[np.ndarray, float]:
    """Predictions as the probabilities that SLIME explains, and the share of them that had to be clipped.

    Args:
      values: [M] regression, meant to lie in [-1, 1]; or [M, C] logits of classes.
      chosen: the class to explain, for logits.
      clip: clips regression to [-1, 1], so that eq. 3.7 gives probabilities. Without it the surrogate is of (1 + y) / 2
        for any y; that is the same where nothing is clipped, because ridge regression is linear in y.

    Returns:
      float64 [M], P_p = (1 + y) / 2 of eq. 3.7 (P_n = 1 - P_p has the same coefficients with the other sign), or
      the chosen class' softmax; and the share outside [-1, 1] that was clipped.
    """
    values = np.asarray(values, np.float64)
    if values.ndim == 2:
        from scipy import special  # here and below, because importing SciPy takes a second or two

        return special.softmax(values, axis=1)[:, chosen], 0.0
    outside = float(np.mean(np.abs(values) > 1)) if clip else 0.0
    return (1 + (np.clip(values, -1, 1) if clip else values)) / 2, outside


def fit_surrogate(masks: np.ndarray, values: np.ndarray, weight: np.ndarray, alpha: float = 1.0) -> Fit:
    """Ridge regression of eq. 3.6, in float64: minimises sum w (value - c - masks b)^2 + alpha |b|^2.

    The same as `sklearn.linear_model.Ridge(alpha).fit(masks, values, sample_weight=weight)` and its `score`.

    Args:
      masks: bool [N, S].
      values: [N].
      weight: [N].
      alpha: strength of the ridge; 1 as LIME has it. The intercept is free.
    """
    z, y, w = masks.astype(np.float64), np.asarray(values, np.float64), weight / weight.sum()
    centre, mean = w @ z, w @ y
    if np.ptp(y) <= 1e-6 * max(1.0, abs(mean)):  # no more than the rounding of float32
        return Fit(np.zeros(z.shape[1]), float(mean), 0.0)
    z, y = z - centre, y - mean
    gram = (z * w[:, None]).T @ z + alpha / weight.sum() * np.eye(z.shape[1])
    coefficients = np.linalg.solve(gram, z.T @ (w * y))
    r2 = 1 - w @ np.square(y - z @ coefficients) / (w @ np.square(y))
    return Fit(coefficients, float(mean - centre @ coefficients), float(r2))


def measure_stability(coefficients: np.ndarray) -> float:
    """Mean Kendall tau-b over all pairs of rows of [K, S]: 1, every draw ranks alike; about 0, ranks are chance.

    nan where there is one row, or where no pair has a rank correlation because its coefficients are all the same.
    """
    from scipy import stats

    pairs = itertools.combinations(coefficients, 2)
    taus = [stats.kendalltau(a, b).statistic for a, b in pairs if np.ptp(a) > 0 and np.ptp(b) > 0]
    return float(np.mean(taus)) if taus else float("nan")


def _make_mesh() -> jax.sharding.Mesh:
    return jax.make_mesh((len(jax.devices()),), ("batch",), axis_types=(AxisType.Auto,))


def put_on_devices(predict: Callable[..., jax.Array]) -> jax.tree_util.Partial:
    """A model with its arrays on every device, which `map_over_devices` takes as an argument of its function.

    Arrays that a function closes over are constants: a copy of them in the compiled program, and those of a pretrained
    encoder are hundreds of megabytes.

    Args:
      predict: a function, or `jax.tree_util.Partial` of one with its arrays.
    """
    model = predict if isinstance(predict, jax.tree_util.Partial) else jax.tree_util.Partial(predict)
    return jax.device_put(model, NamedSharding(_make_mesh(), P()))


def map_over_devices(function: Callable[..., Any]) -> Callable[..., Any]:
    """Jits `function(shared, batch)` so that every device computes its part of the leading axis of `batch`.

    A CPU has one single-threaded device a core here, so this also makes use of all cores. `function` must not mix
    examples; the batch is a multiple of the number of devices, see `round_up`.
    """
    return jax.jit(
        jax.shard_map(function, mesh=_make_mesh(), in_specs=(P(), P("batch")), out_specs=P("batch"), check_vma=False)
    )


def round_up(batch: int) -> int:
    """The least multiple of the number of devices that is at least `batch`."""
    return -(-batch // len(jax.devices())) * len(jax.devices())


def make_evaluator(
    predict: Callable[[jax.Array], jax.Array], *, batch: int, progress: Progress = lambda done, of: None
) -> Evaluate:
    """Makes a function that predicts perturbed clips in batches; compiled once for all clips of one length T.

    No more than a batch of waveforms is in memory, and each distinct row of masks is predicted once: 2,000 draws of 10
    super-samples have about 700 of the 1,024 possible ones, and several seeds together hardly more than one seed.

    Args:
      predict: float32 [B, T] -> [B] or [B, C]; examples must not influence each other. `jax.tree_util.Partial` where
        it has arrays of its own.
      batch: waveforms at a time, over all devices (rounded up to a multiple of their number).
      progress: receives, after each batch, how many distinct perturbations are done, and of how many.

    Returns:
      evaluate(x float32 [T], bounds int [S + 1], masks bool [N, S]) -> float32 [N] or [N, C]. Absent super-samples are
      zeros; what lies outside the bounds (padding) stays as it is.
    """
    size, model = round_up(batch), put_on_devices(predict)

    def predict_perturbed(shared: tuple[Any, jax.Array, jax.Array], masks: jax.Array) -> jax.Array:
        model, x, segment = shared
        keep = jnp.concatenate([masks, jnp.ones_like(masks[:, :1])], axis=1)  # the last one: outside the bounds
        return model(jnp.where(keep[:, segment], x[None, :], 0.0))

    run = map_over_devices(predict_perturbed)

    def evaluate(x: np.ndarray, bounds: np.ndarray, masks: np.ndarray) -> np.ndarray:
        segment = np.searchsorted(bounds, np.arange(len(x)), side="right") - 1
        segment = np.where(segment < 0, len(bounds) - 1, segment).astype(np.int32)
        shared = jax.device_put((np.asarray(x, np.float32), segment))
        distinct, where = np.unique(masks, axis=0, return_inverse=True)
        values = []
        for start in range(0, len(distinct), size):
            rows = distinct[start : start + size]
            padded = np.concatenate([rows, np.repeat(rows[-1:], size - len(rows), axis=0)])
            values.append(np.asarray(run((model, *shared), padded))[: len(rows)])
            progress(start + len(rows), len(distinct))
        return np.concatenate(values)[where.reshape(-1)]

    return evaluate


def explain_clip(
    evaluate: Evaluate,
    x: np.ndarray,
    bounds: np.ndarray,
    keys: Sequence[jax.Array],
    *,
    perturbations: int = 2000,
    kernel: str = "thesis",
    chosen: int | None = None,
    clip: bool = True,
) -> Explanation:
    """SLIME of one clip with one draw of perturbations a key.

    Args:
      evaluate: from `make_evaluator`.
      x: float32 [T], the clip as the model is given it (eq. 3.4 already applied).
      bounds: int [S + 1], from `compute_segment_bounds`.
      keys: one or more; several show how much the explanation depends on the draw.
      perturbations: rows of one draw, the clip itself first.
      kernel: see `compute_kernel_weights`.
      chosen: the class to explain, where the model gives logits of classes.
      clip: see `compute_probability`.
    """
    masks = [draw_perturbations(key, perturbations, len(bounds) - 1) for key in keys]
    values, clipped = compute_probability(evaluate(x, bounds, np.concatenate(masks)), chosen, clip)
    fits = [
        fit_surrogate(z, y, compute_kernel_weights(z, kernel))
        for z, y in zip(masks, np.split(values, len(masks)), strict=True)
    ]
    coefficients = np.stack([fit.coefficients for fit in fits])
    return Explanation(
        coefficients=coefficients.mean(axis=0),
        deviation=coefficients.std(axis=0, ddof=1) if len(fits) > 1 else np.zeros(coefficients.shape[1]),
        intercept=float(np.mean([fit.intercept for fit in fits])),
        r2=float(np.mean([fit.r2 for fit in fits])),
        stability=measure_stability(coefficients),
        clipped=clipped,
        distinct=len(np.unique(np.concatenate(masks), axis=0)),
    )
