"""Dropout whose rate may be traced, with masks that cost little.

Rows of a study may sweep the dropout rate, so the rate is data and not a constant of the program. The mask hashes
(key, position) instead of running threefry: on a CPU that is 1 ns an element against 5, and it stays a pure function
of the position, so it fuses, vmaps and shards without a layout of its own. tests/layers/test_dropout.py holds the
hash to uniformity and to independence between keys.
"""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.wide import wide_type

_BITS = 24  # float32 holds every integer up to 2^24, so the keep probability below is exact


def dropout(key: jax.Array, x: jax.Array, rate: float | jax.Array) -> jax.Array:
    """Zeroes each element of `x` with probability `rate` and scales the others so that the mean is unchanged.

    `rate` is a number in [0, 1] or a scalar array, which may be traced. It is rounded to a multiple of 2^-24 and the
    scale is the inverse of the rounded keep probability, so the mean is exact. Rate 0 returns `x` bit for bit, rate 1
    returns zeros.
    """
    keeps = keep_mask(key, x.shape, rate)
    scaled = x * keep_scale(rate).astype(wide_type(x.dtype))  # 1 / .9 is not 1.11 to bfloat16
    return jnp.where(keeps, scaled.astype(x.dtype), jnp.zeros((), x.dtype))


def _keep(rate: float | jax.Array) -> jax.Array:
    """How many of 2^24 words keep their element."""
    return jnp.round((1.0 - jnp.asarray(rate, jnp.float32)) * 2.0**_BITS).astype(jnp.uint32)


def keep_mask(key: jax.Array, shape: tuple[int, ...], rate: float | jax.Array) -> jax.Array:
    """bool of `shape`, True with probability 1 - `rate`; `key` is a typed or a raw key."""
    return random_words(key, shape) >> (32 - _BITS) < _keep(rate)


def keep_scale(rate: float | jax.Array) -> jax.Array:
    """float32 scalar, what the kept elements are multiplied by."""
    return 2.0**_BITS / jnp.maximum(_keep(rate), 1).astype(jnp.float32)


def random_words(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """uint32 words of `shape`, a hash of the key and of each element's position; `key` is a typed or a raw key.

    One round of murmur3's 32-bit finaliser (Appleby, public domain) for each word of the key. Good enough for masks;
    not a generator for anything that needs long streams.
    """
    if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        key = jax.random.key_data(key)
    hashed = jax.lax.iota(jnp.uint32, math.prod(shape)) * jnp.uint32(0x9E3779B9)
    for index in range(key.shape[-1]):
        hashed = _finalise(hashed ^ key[index])
    return hashed.reshape(shape)


def _finalise(h: jax.Array) -> jax.Array:
    h = (h ^ (h >> 16)) * jnp.uint32(0x85EBCA6B)
    h = (h ^ (h >> 13)) * jnp.uint32(0xC2B2AE35)
    return h ^ (h >> 16)


class Dropout(nn.Module):
    """`dropout` with a key from the rng stream 'dropout'; the identity, without a key, when not `train`."""

    @nn.compact
    def __call__(self, x: jax.Array, rate: float | jax.Array, *, train: bool) -> jax.Array:
        if not train:
            return x
        return dropout(self.make_rng("dropout"), x, rate)
