"""Metrics by task: pure, mask-aware, exact over a split, never an average of batch values.

| task         | prediction                                     | metrics                                |
|--------------|------------------------------------------------|----------------------------------------|
| 'regression' | values, shaped like the target                 | ccc, pcc, rmse                         |
| 'signed_     | the same; 0 and above is the class 'high'      | ccc, pcc, rmse, accuracy, uar          |
|  regression' |                                                |                                        |
| 'binary'     | probabilities of class 1, .5 counts as class 1 | accuracy, uar, weighted_f1, macro_f1,  |
|              |                                                | log_loss                               |
| 'multiclass' | logits, the target's shape and a class axis    | the same five                          |

`uar` is what the thesis' eq. 2.10 calls WA, and `accuracy` its UWA (see `classification`).
"""

import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.metrics import classification, regression

TASKS = ("regression", "signed_regression", "binary", "multiclass")


def evaluate(task: str, prediction: jax.Array, target: jax.Array, where: jax.Array) -> dict[str, jax.Array]:
    """The task's metrics over the entries in `where` (bool, the target's shape), as scalars; `jit`-able.

    Classes without entries are left out as scikit-learn does (`classification`); no variance gives ccc 0 and pcc 0
    (`regression`). A NaN among the valid predictions makes every metric NaN, for it is not an answer. Raises ValueError
    for an unknown task or shapes that do not fit.
    """
    if task in ("regression", "signed_regression"):
        m = regression.moments(prediction, target, where)
        values = {"ccc": regression.ccc(m), "pcc": regression.pcc(m), "rmse": regression.rmse(m)}
        return values if task == "regression" else values | _signs(prediction, target, where)
    if task in ("binary", "multiclass"):
        if prediction.shape[: target.ndim] != target.shape:
            raise ValueError(f"prediction {prediction.shape} does not begin with the target's shape {target.shape}")
        classes = 2 if task == "binary" else prediction.shape[-1]
        predicted = prediction >= 0.5 if task == "binary" else jnp.argmax(prediction, axis=-1)
        values = _classification(classification.confusion(predicted, target, where, classes))
        values["log_loss"] = classification.log_loss(prediction, target, where)
        lost = jnp.isnan(prediction) if task == "binary" else jnp.any(jnp.isnan(prediction), axis=-1)
        broken = jnp.any(lost & where)
        return {name: jnp.where(broken, jnp.nan, value) for name, value in values.items()}
    raise ValueError(f"the task is one of {', '.join(TASKS)}, not {task!r}")


def baseline(task: str, target: np.ndarray, where: np.ndarray) -> dict[str, float]:
    """What knowing nothing but the labels gives, under the names of `evaluate`; on the host.

    Classes: always the most frequent class (the first of equals), so uar is 1 / the number of classes that occur;
    log_loss is that of answering with the classes' shares, their entropy.
    Regression: always the mean, so ccc 0, pcc 0 and rmse the population standard deviation; its sign as two classes.
    """
    labels = np.asarray(target)[np.asarray(where)]
    if task in ("regression", "signed_regression"):
        values = {"ccc": 0.0, "pcc": 0.0, "rmse": float(np.std(labels, dtype=np.float64)) if labels.size else np.nan}
        signs = baseline("binary", labels >= 0, np.ones(labels.shape, bool)) if task == "signed_regression" else {}
        return values | {name: signs[name] for name in ("accuracy", "uar") if signs}
    if task not in TASKS:
        raise ValueError(f"the task is one of {', '.join(TASKS)}, not {task!r}")
    counts = np.bincount(labels.astype(np.int64), minlength=2)
    confusion = np.zeros((counts.size, counts.size), np.int32)
    confusion[:, np.argmax(counts)] = counts
    values = {name: float(value) for name, value in _classification(jnp.asarray(confusion)).items()}
    share = counts[counts > 0] / max(counts.sum(), 1)
    return values | {"log_loss": float(-(share * np.log(share)).sum())}


def per_group(
    task: str, prediction: np.ndarray, target: np.ndarray, group: np.ndarray, where: np.ndarray
) -> dict[str, float]:
    """The unweighted mean over groups of each group's metrics, e.g. the mean CCC per recording; on the host.

    group: any labels, of the mask's shape or of its leading axes (one label a window). A group without valid entries
    is left out. Raises ValueError where the shapes do not fit, or where no entry is valid.
    """
    group, where = np.asarray(group), np.asarray(where)
    if group.shape != where.shape[: group.ndim]:
        raise ValueError(f"group {group.shape} must be the mask's shape {where.shape} or its leading axes")
    group = np.broadcast_to(group.reshape(group.shape + (1,) * (where.ndim - group.ndim)), where.shape)
    names = np.unique(group[where])
    if not names.size:
        raise ValueError("no valid entry in any group")
    one = jax.jit(evaluate, static_argnums=0)
    values = [one(task, jnp.asarray(prediction), jnp.asarray(target), jnp.asarray(where & (group == g))) for g in names]
    return {name: float(np.mean([v[name] for v in values])) for name in values[0]}


def _signs(prediction: jax.Array, target: jax.Array, where: jax.Array) -> dict[str, jax.Array]:
    """Accuracy and uar of `0 and above` against `below 0` (thesis 3.3); NaN where a valid prediction is."""
    counts = classification.confusion(prediction >= 0, target >= 0, where, 2)
    broken = jnp.any(jnp.isnan(prediction) & where)
    values = {"accuracy": classification.accuracy(counts), "uar": classification.uar(counts)}
    return {name: jnp.where(broken, jnp.nan, value) for name, value in values.items()}


def _classification(confusion: jax.Array) -> dict[str, jax.Array]:
    return {
        "accuracy": classification.accuracy(confusion),
        "uar": classification.uar(confusion),
        "weighted_f1": classification.weighted_f1(confusion),
        "macro_f1": classification.macro_f1(confusion),
    }
