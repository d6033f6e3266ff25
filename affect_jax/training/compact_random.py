"""Threefry as jax.random has it, bit for bit, in few operations to compile.

A model draws each parameter by a key of its own, two calls of the cipher a parameter. jax writes four of its twenty
rounds into each step of a loop, and XLA compiles every call anew. Here a step is one round, which takes two thirds of
the time to compile (docs/benchmarks.md).

J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend import random as extended

_ROTATIONS = np.tile(np.array([13, 15, 26, 6, 17, 29, 16, 24], np.uint32), 3)[:20]
# Behind every fourth round parts of the key are added, and to the second half how often that was.
_TIMES = np.where(np.arange(20) % 4 == 3, np.arange(20) // 4 + 1, 0).astype(np.uint32)
_MASKS = [
    [((_TIMES + half) % 3 == word).astype(np.uint32) * (_TIMES > 0) for word in range(3)] for half in range(2)
]  # [2, 3] of uint32 [20]: where each word of the key is added to each half
_PARITY = np.uint32(0x1BD11BDA)


@jax.jit
def _encrypt(key: Array, high: Array, low: Array) -> tuple[Array, Array]:
    """Threefry-2x32, section 3.3: two counters uint32 [...] under a key uint32 [2] -> two words of bits [...]."""
    words = [key[0], key[1], key[0] ^ key[1] ^ _PARITY]
    added = [sum(word * mask for word, mask in zip(words, of_half, strict=True)) for of_half in _MASKS]

    def mix(block: tuple[Array, Array], of_round: tuple[Array, ...]) -> tuple[tuple[Array, Array], None]:
        rotation, *keys = of_round
        left = block[0] + block[1]
        right = left ^ ((block[1] << rotation) | (block[1] >> (np.uint32(32) - rotation)))
        return (left + keys[0], right + keys[1]), None

    block, _ = jax.lax.scan(mix, (high + words[0], low + words[1]), (_ROTATIONS, added[0], added[1] + _TIMES))
    return block


def _count(shape: tuple[int, ...]) -> tuple[Array, Array]:
    low = jnp.arange(math.prod(shape), dtype=jnp.uint32).reshape(shape)
    return jnp.zeros_like(low), low


def _draw_bits(key: Array, width: int, shape: tuple[int, ...]) -> Array:
    left, right = _encrypt(key, *_count(shape))
    return (left ^ right).astype(f"uint{width}")


def _split(key: Array, shape: tuple[int, ...]) -> Array:
    return jnp.stack(_encrypt(key, *_count(shape)), axis=-1)


def _fold_in(key: Array, data: Array) -> Array:
    low = jnp.asarray(data, jnp.uint32)
    return jnp.stack(_encrypt(key, jnp.zeros_like(low), low))


_COMPACT = extended.define_prng_impl(
    key_shape=(2,),
    seed=lambda seed: jax.random.key_data(jax.random.key(seed)),
    split=_split,
    random_bits=_draw_bits,
    fold_in=_fold_in,
    name="compact_threefry",
    tag="cfry",
)


def make_compact(key: Array) -> Array:
    """The same key [] for programs that draw much and run once; what is drawn with it is the same.

    Salmon et al. 2011, as `jax.random` applies it. A key of another generator, which JAX_DEFAULT_PRNG_IMPL may have
    asked for, stays as it is.
    """
    if str(jax.random.key_impl(key)) != "threefry2x32" or not jax.config.jax_threefry_partitionable:
        return key
    return jax.random.wrap_key_data(jax.random.key_data(key), impl=_COMPACT)
