"""Randomness from a root key, a purpose and a step: no key is split or stored."""

import zlib

import jax

from affect_jax.types import Array


def derive_key(key: Array, name: str, step: Array | int = 0) -> Array:
    """The key of one purpose at one step, e.g. `derive_key(key, 'student/dropout', state.updates)`.

    Purposes are told apart by the CRC-32 of their name, so adding one never changes another's numbers.
    """
    # CRC-32 because Python's own hash of a string differs from process to process.
    return jax.random.fold_in(jax.random.fold_in(key, zlib.crc32(name.encode())), step)
