"""What the fine-tuning of an encoder of speech leaves out at random: spans of steps and channels, and layers.

SpecAugment (Park et al. 2019) on the steps of wav2vec 2.0 (Baevski et al. 2020, appendix B: a learned vector takes the
place of what is masked), and LayerDrop (Fan et al. 2020). Numbers have the names and meanings of transformers'
config.json. Letters in names of arrays are axes: B batch, T steps, D features.
"""

import dataclasses

import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True)
class Masks:
    """How much is left out, in training alone.

    Attributes:
      steps, channels: how many steps and features would be in spans if these never overlapped, as shares of all.
      step_span, channel_span: how many one span has.
      fewest_steps, fewest_channels: spans at least of each recording, where it is long enough.
      layers: how often a layer is left out, for the whole batch.
    """

    steps: float = 0.0
    channels: float = 0.0
    step_span: int = 10
    channel_span: int = 10
    fewest_steps: int = 2
    fewest_channels: int = 0
    layers: float = 0.0


NOTHING = Masks()


def draw_spans(key: jax.Array, lengths: jax.Array, size: int, *, rate: float, span: int, fewest: int) -> jax.Array:
    """Which of the first `lengths` [B] positions are in spans: bool [B, size].

    Of n positions, rate n / span spans are drawn, rounded up or down at random so that the mean is exact, but `fewest`
    or more, and no more than fit beside each other. They begin anywhere, no two at one place, and may overlap.

    Args:
      key: of the draw.
      lengths: int [B], positions of each row that there are.
      size: positions of a row with padding.
      rate: see `Masks`.
      span: positions of one.
      fewest: spans of each row.
    """
    of_counts, of_places = jax.random.split(key)
    wanted = jnp.floor(rate * lengths / span + jax.random.uniform(of_counts, lengths.shape)).astype(jnp.int32)
    # A row shorter than a span has no place for one.
    wanted = jnp.minimum(jnp.maximum(wanted, fewest), lengths // span)
    places = jnp.maximum(lengths - span + 1, 0)
    shape = (len(lengths), size)
    scores = jnp.where(jnp.arange(size)[None] < places[:, None], jax.random.uniform(of_places, shape), -1)
    rank = jnp.argsort(jnp.argsort(-scores, axis=1), axis=1)
    begun = jnp.cumsum(rank < wanted[:, None], axis=1)
    return begun > jnp.pad(begun, ((0, 0), (span, 0)))[:, :size]


def mask_spans(key: jax.Array, x: jax.Array, valid: jax.Array, embedding: jax.Array | None, masks: Masks) -> jax.Array:
    """x [B, T, D] with `embedding` [D] at steps in spans, and zeros in channels in spans.

    Args:
      key: of the draw.
      x: states.
      valid: bool [B, T], True at steps of each recording, from the first on.
      embedding: None where `masks.steps` is 0.
      masks: how much is left out.
    """
    of_steps, of_channels = jax.random.split(key)
    if embedding is not None:
        lengths, steps = valid.sum(axis=1, dtype=jnp.int32), x.shape[1]
        inside = draw_spans(of_steps, lengths, steps, rate=masks.steps, span=masks.step_span, fewest=masks.fewest_steps)
        x = jnp.where(inside[..., None], embedding.astype(x.dtype)[None, None], x)
    if masks.channels:
        widths = jnp.full(len(x), x.shape[-1], jnp.int32)
        inside = draw_spans(
            of_channels,
            widths,
            x.shape[-1],
            rate=masks.channels,
            span=masks.channel_span,
            fewest=masks.fewest_channels,
        )
        x = jnp.where(inside[:, None], jnp.zeros((), x.dtype), x)
    return x
