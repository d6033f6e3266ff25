"""Metrics with the interface of `clu.metrics`: empty, from_model_output, merge, compute.

    collection = make_collection("regression")
    total = collection.empty()
    for batch in batches:
        total = total.merge(collection.single_from_model_output(prediction=..., target=..., mask=...))
    total.compute()    # {'ccc': ..., 'pcc': ..., 'rmse': ...}

A metric holds sufficient statistics of the entries that it has seen, so parts of a split (batches, chunks of a stream,
shards of devices) merge to the score of the whole split: counts of confusions exactly, moments and sums of
log-likelihoods up to float32 rounding. `.reduce()` merges along a leading axis, such as the one of `all_gather`.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import flax
import jax
import jax.numpy as jnp
from clu import metrics as clu

from affect_jax.metrics import classification, regression, sentiment
from affect_jax.metrics.classification import Likelihoods
from affect_jax.metrics.regression import Moments

TASKS = ("regression", "signed_regression", "sentiment_regression", "binary", "multiclass")


class Decision(NamedTuple):
    """How classes are read off predictions.

    Attributes:
      classes: number of classes C.
      threshold: predictions of this and above are class 1 of two; None where predictions are logits, [..., C].
      of_target: the same threshold makes classes of the target; else the target holds class indices.
    """

    classes: int
    threshold: float | None
    of_target: bool = False

    def decide(self, prediction: jax.Array, target: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Returns the predicted and the true classes, both of the target's shape."""
        if self.threshold is None:
            return jnp.argmax(prediction, axis=-1), target
        return prediction >= self.threshold, target >= self.threshold if self.of_target else target


@flax.struct.dataclass
class _Score(clu.Metric):
    """A function of statistics of a `kind`, which `measure` makes of predictions, targets and a mask."""

    statistics: Any
    kind: ClassVar[type]

    @classmethod
    def from_model_output(cls, *, shared: Mapping[type, Any] | None = None, **outputs: jax.Array) -> "_Score":
        """Returns the metric of the entries in `mask`.

        Args:
          shared: kind -> statistics that were measured already; None to measure them here.
          **outputs: `prediction`, `target` and `mask`; others are ignored.
        """
        return cls(shared[cls.kind] if shared else cls.measure(**outputs))


@flax.struct.dataclass
class _OfMoments(_Score):
    """A function of the moments of predictions and targets."""

    kind = Moments

    @classmethod
    def empty(cls) -> "_OfMoments":
        """Returns the metric of no entries."""
        return cls(regression.make_empty_moments())

    @staticmethod
    def measure(*, prediction: jax.Array, target: jax.Array, mask: jax.Array, **_: Any) -> Moments:
        """Returns the moments; arguments of one shape, `mask` bool."""
        return regression.compute_moments(prediction, target, mask)

    def merge(self, other: "_OfMoments") -> "_OfMoments":
        """Returns the metric of the entries of both, which must not overlap."""
        return type(self)(regression.merge_moments(self.statistics, other.statistics))


@flax.struct.dataclass
class CCC(_OfMoments):
    """Concordance correlation coefficient, `regression.ccc`."""

    def compute(self) -> jax.Array:
        """Returns the score, a scalar."""
        return regression.ccc(self.statistics)


@flax.struct.dataclass
class PCC(_OfMoments):
    """Pearson's correlation coefficient, `regression.pcc`."""

    def compute(self) -> jax.Array:
        """Returns the score, a scalar."""
        # Where the targets do not vary it is 0 whatever the predictions are, but a NaN is no answer there either.
        broken = jnp.isnan(self.statistics.squared_error)
        return jnp.where(broken, jnp.nan, regression.pcc(self.statistics))


@flax.struct.dataclass
class RMSE(_OfMoments):
    """Root mean squared error, `regression.rmse`."""

    def compute(self) -> jax.Array:
        """Returns the score, a scalar."""
        return regression.rmse(self.statistics)


@flax.struct.dataclass
class Confusions:
    """Counts of true and predicted classes.

    Attributes:
      counts: int32 [C, C], rows are the truth.
      has_nan: bool scalar, whether a valid prediction is NaN.
    """

    counts: jax.Array
    has_nan: jax.Array


@flax.struct.dataclass
class _OfConfusions(_Score):
    """A function `score` of confusion counts; NaN where a valid prediction is. `bind` says how classes are decided."""

    kind = Confusions
    decision: ClassVar[Decision] = Decision(2, 0.5)
    score: ClassVar[Callable[[jax.Array], jax.Array]]

    @classmethod
    def bind(cls, decision: Decision) -> type["_OfConfusions"]:
        """Returns the metric whose predictions are read by this decision."""
        return flax.struct.dataclass(type(cls.__name__, (cls,), {"decision": decision, "__doc__": cls.__doc__}))

    @classmethod
    def empty(cls) -> "_OfConfusions":
        """Returns the metric of no entries."""
        counts = jnp.zeros((cls.decision.classes,) * 2, jnp.int32)
        return cls(Confusions(counts, jnp.zeros((), bool)))

    @classmethod
    def measure(cls, *, prediction: jax.Array, target: jax.Array, mask: jax.Array, **_: Any) -> Confusions:
        """Returns the counts; prediction as `Decision` says, target and `mask` (bool) of one shape."""
        predicted, truth = cls.decision.decide(prediction, target)
        is_nan = jnp.isnan(prediction) if cls.decision.threshold is not None else jnp.any(jnp.isnan(prediction), -1)
        counts = classification.count_confusions(predicted, truth, mask, cls.decision.classes)
        return Confusions(counts, jnp.any(is_nan & mask))

    def merge(self, other: "_OfConfusions") -> "_OfConfusions":
        """Returns the metric of the entries of both, which must not overlap."""
        ours, theirs = self.statistics, other.statistics
        return type(self)(Confusions(ours.counts + theirs.counts, ours.has_nan | theirs.has_nan))

    def compute(self) -> jax.Array:
        """Returns the score, a scalar."""
        return jnp.where(self.statistics.has_nan, jnp.nan, type(self).score(self.statistics.counts))


@flax.struct.dataclass
class Accuracy(_OfConfusions):
    """Share of right answers, `classification.accuracy`."""

    score = staticmethod(classification.accuracy)


@flax.struct.dataclass
class UAR(_OfConfusions):
    """Unweighted average recall, `classification.uar`."""

    score = staticmethod(classification.uar)


@flax.struct.dataclass
class WeightedF1(_OfConfusions):
    """Weighted F1, `classification.weighted_f1`."""

    score = staticmethod(classification.weighted_f1)


@flax.struct.dataclass
class MacroF1(_OfConfusions):
    """Unweighted F1, `classification.macro_f1`."""

    score = staticmethod(classification.macro_f1)


@flax.struct.dataclass
class LogLoss(_Score):
    """Mean negative log-likelihood of the true classes in nats, `classification.log_loss`."""

    kind = Likelihoods

    @classmethod
    def empty(cls) -> "LogLoss":
        """Returns the metric of no entries."""
        return cls(Likelihoods(jnp.zeros((), jnp.float32), jnp.zeros((), jnp.int32)))

    @staticmethod
    def measure(*, prediction: jax.Array, target: jax.Array, mask: jax.Array, **_: Any) -> Likelihoods:
        """Returns the sum of the log-likelihoods and the number of entries."""
        return classification.sum_likelihoods(prediction, target, mask)

    def merge(self, other: "LogLoss") -> "LogLoss":
        """Returns the metric of the entries of both, which must not overlap."""
        return type(self)(Likelihoods(*(a + b for a, b in zip(self.statistics, other.statistics, strict=True))))

    def compute(self) -> jax.Array:
        """Returns the score, a scalar; NaN without entries."""
        return -self.statistics.total / self.statistics.count


@flax.struct.dataclass
class _OfCounts(_Score):
    """A function `score` of the counts of sentiments; NaN where a valid prediction is."""

    kind = sentiment.Counts
    score: ClassVar[Callable[[sentiment.Counts], jax.Array]]

    @classmethod
    def bind(cls, name: str) -> type["_OfCounts"]:
        """Returns the metric of this name, a key of `sentiment.SCORES`."""
        return flax.struct.dataclass(type(name, (cls,), {"score": staticmethod(sentiment.SCORES[name])}))

    @classmethod
    def empty(cls) -> "_OfCounts":
        """Returns the metric of no entries."""
        return cls(sentiment.make_empty_counts())

    @staticmethod
    def measure(*, prediction: jax.Array, target: jax.Array, mask: jax.Array, **_: Any) -> sentiment.Counts:
        """Returns the counts; arguments of one shape, `mask` bool."""
        return sentiment.count_answers(prediction, target, mask)

    def merge(self, other: "_OfCounts") -> "_OfCounts":
        """Returns the metric of the entries of both, which must not overlap."""
        return type(self)(sentiment.merge_counts(self.statistics, other.statistics))

    def compute(self) -> jax.Array:
        """Returns the score, a scalar."""
        # The sum of absolute errors remembers a NaN, which counts do not.
        broken = jnp.isnan(self.statistics.absolute_error)
        return jnp.where(broken, jnp.nan, type(self).score(self.statistics))


_CLASSIFICATION = {"accuracy": Accuracy, "uar": UAR, "weighted_f1": WeightedF1, "macro_f1": MacroF1}


@flax.struct.dataclass
class Collection(clu.Collection):
    """The metrics of one task."""

    @classmethod
    def _from_model_output(cls, **outputs: jax.Array) -> "Collection":
        # ccc, pcc and rmse hold the same moments, accuracy, uar and both f1 the same counts. Each metric can measure
        # by itself, but then every program would trace and compile a copy for each of them.
        prediction, target = outputs["prediction"], outputs["target"]
        if prediction.shape[: target.ndim] != target.shape:
            raise ValueError(f"prediction {prediction.shape} does not begin with the target's shape {target.shape}")
        shared: dict[type, Any] = {}
        for metric in cls.__annotations__.values():
            if metric.kind not in shared:
                shared[metric.kind] = metric.measure(**outputs)
        return super()._from_model_output(shared=shared)


@functools.cache
def make_collection(task: str, classes: int = 2) -> type[clu.Collection]:
    """Returns the collection of a task's metrics; the same class for the same arguments, so that programs are shared.

    Args:
      task: one of `TASKS`; the table in `scores.py` says what predictions and metrics it has.
      classes: number of classes of 'multiclass'.

    Raises:
      ValueError: the task is unknown.
    """
    metrics: dict[str, type[clu.Metric]] = {}
    if task not in TASKS:
        raise ValueError(f"the task is one of {', '.join(TASKS)}, not {task!r}")
    if task.endswith("regression"):
        metrics |= {"ccc": CCC, "pcc": PCC, "rmse": RMSE}
    if task == "sentiment_regression":
        metrics |= {name: _OfCounts.bind(name) for name in sentiment.SCORES}
    if task == "signed_regression":  # thesis 3.3: 0 and above against below 0
        decision = Decision(2, 0.0, of_target=True)
        metrics |= {name: _CLASSIFICATION[name].bind(decision) for name in ("accuracy", "uar")}
    if task in ("binary", "multiclass"):
        decision = Decision(2, 0.5) if task == "binary" else Decision(classes, None)
        metrics |= {name: metric.bind(decision) for name, metric in _CLASSIFICATION.items()}
        metrics["log_loss"] = LogLoss
    name = f"{task.title().replace('_', '')}Metrics"
    return flax.struct.dataclass(type(name, (Collection,), {"__annotations__": metrics}))
