"""A long recording as windows that overlap: where they lie, and what of the whole each of them must know.

Letters in names of arrays are axes: B batch, T steps, C channels.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.encoders import families, speech
from affect_jax.encoders.strided import Moments, StridedConvolution

_CHUNK = 20_000
"""Steps of the first convolution, of which moments are added up: 41 MB at base size."""


class Window(NamedTuple):
    """One window, in steps and samples of the recording.

    Attributes:
      start: its first step.
      begin: its first sample.
      first, last: the steps that are kept of it, from `first` to before `last`.
    """

    start: int
    begin: int
    first: int
    last: int


class Plan(NamedTuple):
    """The windows of a recording.

    Attributes:
      steps: of the whole recording.
      size: samples of a window; behind the recording's end it is padded.
      windows: whose kept steps are all steps, each once.
    """

    steps: int
    size: int
    windows: tuple[Window, ...]


def plan_windows(sizes: speech.Sizes, samples: int, window: int, context: int) -> Plan:
    """Places windows.

    Args:
      sizes: of the encoder.
      samples: of the recording.
      window: samples of a window, about.
      context: samples at either end whose steps are left out, where the recording goes on.
    """
    hop, total = int(np.prod(sizes.strides)), speech.count_steps(sizes, samples)
    left_out, read = context // hop, window // hop  # steps
    behind = families.count_shortest(sizes) - hop  # samples that the last step hears beyond its own
    placed: list[Window] = []
    first = 0
    while first < total:
        start = max(first - left_out, 0)
        last = total if start + read >= total else start + read - left_out
        placed.append(Window(start, start * hop, first, last))
        first = last
    return Plan(total, read * hop + behind, tuple(placed))


def cut_window(samples: np.ndarray, window: Window, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples float32 [1, size] and mask bool [1, size] of a window of a recording [S]."""
    piece = samples[window.begin : window.begin + size]
    padded, mask = np.zeros((1, size), np.float32), np.zeros((1, size), bool)
    padded[0, : len(piece)], mask[0, : len(piece)] = piece, True
    return padded, mask


def measure_moments(sizes: speech.Sizes, variables: Any, samples: np.ndarray) -> Moments | None:
    """Moments of the first convolution over a whole recording, by which its windows are normalised.

    Args:
      sizes: of the encoder.
      variables: its arrays.
      samples: float32 [S].

    Returns:
      [1, C] each, or None for an encoder that normalises no channel over time.
    """
    if sizes.conv_norm != "group":
        return None
    params = variables["params"]["feature_extractor"]["conv_layers_0"]["conv"]
    width, stride = sizes.widths[0], sizes.strides[0]
    total = (len(samples) - width) // stride + 1
    count, mean, spread = 0, 0.0, 0.0
    for first in range(0, total, _CHUNK):
        steps = min(_CHUNK, total - first)
        chunk = np.zeros((1, (_CHUNK - 1) * stride + width, 1), np.float32)
        piece = samples[first * stride : (first + steps - 1) * stride + width]
        chunk[0, : len(piece), 0] = piece
        own_mean, own_spread = (np.asarray(x, np.float64) for x in _sum_chunk(sizes, params, chunk, steps))
        # Moments of two parts give those of both (Chan, Golub & LeVeque 1983, eq. 2.1).
        shift, whole = own_mean - mean, count + steps
        mean, spread = mean + shift * steps / whole, spread + own_spread + shift**2 * count * steps / whole
        count = whole
    return Moments(*(jnp.asarray(x, jnp.float32)[None] for x in (mean, spread / count)))


@functools.partial(jax.jit, static_argnums=0)
def _sum_chunk(sizes: speech.Sizes, params: Any, chunk: jax.Array, steps: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean and sum of squared differences from it, [C], over the first `steps` steps."""
    conv = StridedConvolution(sizes.channels[0], sizes.widths[0], sizes.strides[0], sizes.conv_bias)
    x_TxC = conv.apply({"params": params}, chunk)[0]
    is_inside = (jnp.arange(len(x_TxC)) < steps)[:, None]
    mean = jnp.where(is_inside, x_TxC, 0).sum(axis=0) / steps
    return mean, jnp.where(is_inside, jnp.square(x_TxC - mean[None]), 0).sum(axis=0)
