"""Which examples each batch of an epoch takes: shuffled by seed and epoch, in batches of one bucket."""

import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.config.stages import Stage
from affect_jax.data import moddrop
from affect_jax.data.buckets import Bucket, list_segments, spread_evenly
from affect_jax.data.folds import Folds
from affect_jax.training import keys
from affect_jax.training.trials import TrialArrays
from affect_jax.types import Array

FEW = 8
"""Examples, or half a batch where that is less, below which the last batch of an epoch is a remainder."""


def cut_batches(index: Array, size: int, multiple: int = 1) -> Array:
    """int32 [n] -> ceil(n / size) rows of equal length, in order; the last ones are padded with -1. For predictions.

    52 examples in batches of 32 become 26 and 26, not 32 and 20: less padding. A row has at most `size` examples,
    rounded up to a multiple of `multiple`; the last may have a single one, which a prediction does not mind.
    """
    count = -(-index.shape[0] // size)
    size = -(-index.shape[0] // (count * multiple)) * multiple
    return jnp.pad(index, (0, count * size - index.shape[0]), constant_values=-1).reshape(count, size)


def count_few(batch: int) -> int:
    """The least number of examples that a batch of an epoch has beside others of `batch`."""
    return min(FEW, -(-batch // 2))


def spread_batches(index: Array, size: int) -> Array:
    """`cut_batches` for training: no batch of a few examples is left over.

    A batch of one has no correlation, no variance and no covariance. So where the last batch would have fewer than
    `count_few` examples, all batches have as many as the others, or one more: 1025 examples in batches of 32 become 2
    of 32 and 31 of 31, not 32 of 32 and a single one. This holds for the examples that there are, whatever the number
    of -1 behind them: folds differ in size.

    Args:
      index: int32 [n], -1 at its end alone.
      size: examples of a batch, at most.
    """
    rows = -(-index.shape[0] // size)
    width = -(-index.shape[0] // rows)
    present = (index >= 0).sum()
    count = jnp.maximum(-(-present // width), 1)
    number = jnp.arange(rows)
    cut = jnp.clip(present - number * width, 0, width)
    even = jnp.where(number < count, present // count + (number < present % count), 0)
    is_few = (count > 1) & (present - (count - 1) * width < count_few(width))
    length = jnp.where(is_few, even, cut)
    at = (jnp.cumsum(length) - length)[:, None] + jnp.arange(width)[None, :]
    is_taken = jnp.arange(width)[None, :] < length[:, None]
    return jnp.where(is_taken, index[jnp.minimum(at, index.shape[0] - 1)], -1)


def shuffle_examples(index: Array, key: Array) -> Array:
    """Permutes the examples in `index` [n], and leaves its -1 padding at the end."""
    # Padding sorts last, and argsort is stable. jax.random.permutation would mix it in.
    order = jnp.where(index < 0, jnp.inf, jax.random.uniform(key, index.shape))
    return index[jnp.argsort(order)]


def order_epoch(stage: Stage, folds: Folds, trial: TrialArrays, epoch: Array) -> Array:
    """int32 [N, B], what each batch of an epoch takes: examples, and with Moddrop a combination of each; -1 pads.

    It follows from seed, stage and epoch alone, so a resumed or streamed trial takes the same batches. Of several
    buckets each is shuffled by itself, and `list_batches` says of which one a row is.
    """
    examples = folds.train[trial.fold]
    root = jax.random.key(trial.seed)

    def order_bucket(examples: Array, name: str) -> Array:
        if stage.moddrop:
            examples = moddrop.expand_examples(examples, len(stage.moddrop))
        return spread_batches(shuffle_examples(examples, keys.derive_key(root, name, epoch)), stage.batch)

    if not folds.train_buckets:
        return order_bucket(examples, f"{stage.name}/order")
    segments = list_segments(folds.train_buckets)
    orders = [order_bucket(examples[columns], f"{stage.name}/order/{k}") for k, columns in enumerate(segments)]
    size = max(order.shape[1] for order in orders)
    rows = [jnp.pad(order, ((0, 0), (0, size - order.shape[1])), constant_values=-1) for order in orders]
    first = np.cumsum([0, *(len(order) for order in orders)])
    batches, taken, places = list_batches(stage, folds.train_buckets), [0] * len(orders), []
    for bucket, _ in batches:
        places.append(first[bucket] + taken[bucket])
        taken[bucket] += 1
    return jnp.concatenate(rows)[np.array(places)]


def count_updates(stage: Stage, folds: Folds) -> tuple[int, ...]:
    """How many batches of an epoch have an example, of each fold; on the host."""
    order = jax.jit(lambda fold: order_epoch(stage, folds, TrialArrays(fold, jnp.zeros((), jnp.int32), {}), 0))
    return tuple(int((np.asarray(order(fold)) >= 0).any(axis=1).sum()) for fold in range(len(folds.train)))


def list_batches(stage: Stage, buckets: tuple[Bucket, ...]) -> list[tuple[int, int]]:
    """(bucket, size) of each batch of an epoch, a row of `order_epoch`. The buckets alternate in a fixed order."""
    shapes = []
    for bucket in buckets:
        examples = bucket.examples * max(len(stage.moddrop), 1)
        count = -(-examples // stage.batch)
        shapes.append((count, -(-examples // count)))
    return [(k, shapes[k][1]) for k in spread_evenly([count for count, _ in shapes])]
