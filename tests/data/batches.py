"""Batches as a program takes them, on the host: each of their operations would be compiled by itself."""

import jax
import numpy as np

from affect_jax.data import corpus as corpora

take_on_device = jax.jit(corpora.take_batch, static_argnames=("packing", "bucket"))


def take_batch(corpus, index, mean=None, scale=None, **options):
    """A batch of the examples, standardised by (mean, scale) or as it is; see `corpora.take_batch`."""
    if mean is None:
        widths = {m: 1 if s.gain is not None else s.values.shape[-1] for m, s in corpus.inputs.items()}
        mean, scale = ({m: np.full(width, of, np.float32) for m, width in widths.items()} for of in (0, 1))
    return jax.device_get(take_on_device(corpus, np.asarray(index, np.int32), mean, scale, **options))
