"""SincNet's first layer: band-pass filters whose two cut-off frequencies are learned (Ravanelli & Bengio 2018).

    kernel[n] = (2 f2 sinc(2 f2 n) - 2 f1 sinc(2 f1 n)) * hamming[n],     sinc(x) = sin(pi x) / (pi x)
    f1 = 50 Hz + |low|,     f2 = min(f1 + 50 Hz + |band|, half the sampling rate)

At the start the filters lie side by side on the mel scale. The equation is the paper's; the least frequency, the least
band width, and the 30 Hz at which the mel scale begins are those of its authors' code. Theirs keeps `low` and `band` in
Hz, where an optimiser's steps hardly move them; here they are fractions of the sampling rate. Their code also divides
each filter by 2 (f2 - f1), which batch norm undoes; without it a filter passes its band with gain 1.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from affect_jax.errors import UserError
from affect_jax.layers.convolution import ConvBlock

LEAST_HZ = 50.0
"""Least cut-off frequency and least band width, Hz."""
_FIRST_HZ = 30.0


def place_mel_bands(filters: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns where `low` and `band` start, float32 [filters], fractions of `rate`; the last band ends at rate / 2."""
    ends = np.array([_FIRST_HZ, rate / 2 - 2 * LEAST_HZ])
    mel = np.linspace(*(2595 * np.log10(1 + ends / 700)), filters + 1)
    hz = 700 * (10 ** (mel / 2595) - 1)
    return (hz[:-1] / rate).astype(np.float32), (np.diff(hz) / rate).astype(np.float32)


def compute_cutoffs(low: jax.Array, band: jax.Array, rate: float) -> tuple[jax.Array, jax.Array]:
    """Returns the lower and upper cut-off frequencies, fractions of `rate`, the shape of `low` and `band`."""
    least = LEAST_HZ / rate
    lower = jnp.minimum(least + jnp.abs(low), 0.5 - least)
    return lower, jnp.minimum(lower + least + jnp.abs(band), 0.5)


def form_band_pass(lower: jax.Array, upper: jax.Array, width: int) -> jax.Array:
    """Returns kernels [width, 1, F] that pass from `lower` to `upper` [F] (fractions of the rate) with gain 1."""
    n = jnp.arange(width, dtype=lower.dtype)[:, None] - (width - 1) / 2

    def form_low_pass(cutoff: jax.Array) -> jax.Array:
        return 2 * cutoff[None, :] * jnp.sinc(2 * cutoff[None, :] * n)

    window = jnp.asarray(np.hamming(width), lower.dtype)[:, None]
    return ((form_low_pass(upper) - form_low_pass(lower)) * window)[:, None, :]


class SincBlock(nn.Module):
    """A `ConvBlock` on a waveform with band-pass kernels and no bias.

    [B, T, 1] -> [B, (T - width + 1) // pool, filters]. Parameters: `low`, `band` [filters], fractions of the sampling
    rate, and the batch norm's `gamma`, `beta` [filters]. Running statistics as in `ConvBlock`.

    Attributes:
      filters: how many.
      width: samples of a filter; odd, so that it is symmetric about a sample.
      pool: steps of a pooling window.
      rate: sampling rate, Hz.
      momentum: of the running statistics.
      epsilon: added to a variance.
    """

    filters: int
    width: int
    pool: int
    rate: float
    momentum: float = 0.99
    epsilon: float = 1e-3

    @nn.compact
    def __call__(self, x: jax.Array, valid: jax.Array, *, train: bool) -> jax.Array:
        """Applies the block; arguments as `ConvBlock`'s.

        Raises:
          UserError: an even width, more than one channel, or a sampling rate too low for any band.
        """
        if self.width % 2 == 0:
            raise UserError(f"a sinc layer has width {self.width}; give an odd one, such as {self.width + 1}")
        if x.shape[-1] != 1:
            raise UserError(f"a sinc layer reads a waveform [B, T, 1] but got {x.shape[-1]} channels; feed one")
        if self.rate < 8 * LEAST_HZ:
            raise UserError(f"a sinc layer has rate {self.rate} Hz; give the speech's sampling rate, such as 8000")
        starts = dict(zip(("low", "band"), place_mel_bands(self.filters, self.rate), strict=True))
        low, band = (self.param(name, lambda _, at=at: jnp.asarray(at)) for name, at in starts.items())
        zeros = jnp.zeros((self.filters,), low.dtype)
        params = {
            "kernel": form_band_pass(*compute_cutoffs(low, band, self.rate), self.width).astype(x.dtype),
            "bias": zeros,
            "gamma": self.param("gamma", nn.initializers.ones, (self.filters,)),
            "beta": self.param("beta", nn.initializers.zeros, (self.filters,)),
        }
        mean = self.variable("batch_stats", "mean", jnp.zeros, (self.filters,))
        variance = self.variable("batch_stats", "variance", jnp.ones, (self.filters,))
        variables = {"params": params, "batch_stats": {"mean": mean.value, "variance": variance.value}}
        # A block of its own, not a child: its kernel is no parameter here.
        block = ConvBlock(self.filters, self.width, self.pool, self.momentum, self.epsilon, parent=None)
        y, updates = block.apply(variables, x, valid, train=train, mutable=["batch_stats"])
        if train and not self.is_initializing() and self.is_mutable_collection("batch_stats"):
            mean.value, variance.value = updates["batch_stats"]["mean"], updates["batch_stats"]["variance"]
        return y
