"""Scores of whole arrays of predictions, by task.

| task         | prediction                                     | metrics                                |
|--------------|------------------------------------------------|----------------------------------------|
| 'regression' | values, shaped like the target                 | ccc, pcc, rmse                         |
| 'signed_     | the same; 0 and above is the class 'high'      | ccc, pcc, rmse, accuracy, uar          |
|  regression' |                                                |                                        |
| 'sentiment_  | the same, of sentiment from -3 to 3            | ccc, pcc, rmse, mae and the accuracies |
|  regression' |                                                | of `sentiment`                         |
| 'binary'     | probabilities of class 1, .5 counts as class 1 | accuracy, uar, weighted_f1, macro_f1,  |
|              |                                                | log_loss                               |
| 'multiclass' | logits, the target's shape and a class axis    | the same five                          |

The thesis' eq. 2.10 calls `uar` WA, and `accuracy` UWA (see `classification`).
"""

import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.metrics import classification, sentiment
from affect_jax.metrics.collection import TASKS, make_collection


def evaluate(task: str, prediction: jax.Array, target: jax.Array, mask: jax.Array) -> dict[str, jax.Array]:
    """Returns the task's metrics over the entries in `mask`, as scalars; can be jitted.

    Classes without entries are left out as scikit-learn does (`classification`); without variance, ccc and pcc are 0
    (`regression`). A NaN among the valid predictions makes every metric NaN, for it is not an answer.

    Args:
      task: one of `TASKS`.
      prediction: see the table above.
      target: values, or class indices.
      mask: bool, the target's shape.

    Raises:
      ValueError: the task is unknown, or shapes do not fit.
    """
    classes = prediction.shape[-1] if task == "multiclass" and prediction.ndim else 2
    collection = make_collection(task, classes)
    return collection.single_from_model_output(prediction=prediction, target=target, mask=mask).compute()


def score_constant(task: str, target: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Returns what a constant answer scores, under the names of `evaluate`; on the host.

    Classes: it is always the most frequent class (the first of equals), so uar is 1 / the number of classes that occur;
    log_loss is that of answering with the shares of the classes, which is their entropy.
    Regression: it is always the mean, so ccc and pcc are 0 and rmse is the population standard deviation; the sign of
    `signed_regression`, and every kind of classes of `sentiment_regression`, are scored as classes.

    Raises:
      ValueError: the task is unknown.
    """
    labels = np.asarray(target)[np.asarray(mask)]
    if task in TASKS and task.endswith("regression"):
        values = {"ccc": 0.0, "pcc": 0.0, "rmse": float(np.std(labels, dtype=np.float64)) if labels.size else np.nan}
        if task == "signed_regression":
            signs = score_constant("binary", labels >= 0, np.ones(labels.shape, bool))
            values |= {name: signs[name] for name in ("accuracy", "uar")}
        if task == "sentiment_regression":
            values |= _score_constant_sentiment(labels)
        return values
    if task not in TASKS:
        raise ValueError(f"the task is one of {', '.join(TASKS)}, not {task!r}")
    counts = np.bincount(labels.astype(np.int64), minlength=2)
    confusion = np.zeros((counts.size, counts.size), np.int32)
    confusion[:, np.argmax(counts)] = counts
    values = {name: float(score) for name, score in _score_confusion(confusion).items()}
    share = counts[counts > 0] / max(counts.sum(), 1)
    return values | {"log_loss": float(-(share * np.log(share)).sum())}


@jax.jit  # one program: each operation by itself would be one, too
def _score_confusion(confusion: jax.Array) -> dict[str, jax.Array]:
    return {
        "accuracy": classification.accuracy(confusion),
        "uar": classification.uar(confusion),
        "weighted_f1": classification.weighted_f1(confusion),
        "macro_f1": classification.macro_f1(confusion),
    }


def _score_constant_sentiment(labels: np.ndarray) -> dict[str, float]:
    """What the mean scores as a number, and the most frequent class as a class, of sentiments [N]."""
    values = {"mae": float(np.abs(labels - labels.mean()).mean()) if labels.size else np.nan}
    for name, truth in (("has0", labels >= 0), ("non0", labels[labels != 0] > 0)):
        constant = score_constant("binary", truth, np.ones(truth.shape, bool))
        values |= {f"accuracy_{name}": constant["accuracy"], f"f1_{name}": constant["weighted_f1"]}
    for name, limit in sentiment.LIMITS.items():
        counts = np.unique(np.round(np.clip(labels, -limit, limit)), return_counts=True)[1]
        values[name] = float(counts.max() / labels.size) if labels.size else 0.0
    return values


def evaluate_groups(
    task: str, prediction: np.ndarray, target: np.ndarray, group: np.ndarray, mask: np.ndarray
) -> dict[str, float]:
    """Returns the unweighted mean over groups of each group's metrics, e.g. the mean CCC per recording; on the host.

    Args:
      task: one of `TASKS`.
      prediction: as in `evaluate`.
      target: as in `evaluate`.
      group: any labels, of the mask's shape or of its leading axes (one label a window). A group without valid entries
        is left out.
      mask: bool, the target's shape.

    Raises:
      ValueError: shapes do not fit, or no entry is valid.
    """
    group, mask = np.asarray(group), np.asarray(mask)
    if group.shape != mask.shape[: group.ndim]:
        raise ValueError(f"group {group.shape} must be the mask's shape {mask.shape} or its leading axes")
    group = np.broadcast_to(group.reshape(group.shape + (1,) * (mask.ndim - group.ndim)), mask.shape)
    names = np.unique(group[mask])
    if not names.size:
        raise ValueError("no valid entry in any group")
    score = jax.jit(evaluate, static_argnums=0)
    prediction, target = jnp.asarray(prediction), jnp.asarray(target)
    values = [score(task, prediction, target, jnp.asarray(mask & (group == name))) for name in names]
    return {name: float(np.mean([each[name] for each in values])) for name in values[0]}
