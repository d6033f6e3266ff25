"""wav2vec 2.0 (Baevski et al. 2020), HuBERT (Hsu et al. 2021) and WavLM (Chen et al. 2022), by published names.

All three hear samples through strided convolutions, add a convolution over time that stands for positions, and go
through a transformer. They differ in where they normalise (`conv_norm`, `pre_norm`), and WavLM's attention adds a bias
of the distance between two steps, gated by the step that asks. XLS-R (Babu et al. 2022) is wav2vec 2.0 with layer
norms. Masks are exact: a clip gives what it gives alone, whatever is in the batch and behind its end.
Letters in names of arrays are axes: B batch, T steps, S keys, H heads, C channels.
"""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from affect_jax.encoders.blocks import ACTIVATIONS, Norm, attend, read_activation
from affect_jax.encoders.settings import ConfigFile, check_heads
from affect_jax.encoders.spans import NOTHING, Masks, mask_spans
from affect_jax.encoders.strided import GroupNorm, Moments, PositionalConvolution, StridedConvolution
from affect_jax.errors import UserError
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import zero_padding

MODEL_TYPES = ("wav2vec2", "hubert", "wavlm")
PREFIXES = tuple(f"{name}." for name in MODEL_TYPES)
RATE = 16_000
_WIDTHS, _STRIDES = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)


class SpeechStates(NamedTuple):
    """What a recording becomes.

    Attributes:
      states: of every layer, [B, T, D]: what the first one reads, then what each gives.
      last: [B, T, D], the model's output: the last state, normalised where layers normalise what they read.
      mask: bool [B, T], True at steps of the recording.
    """

    states: tuple[jax.Array, ...]
    last: jax.Array
    mask: jax.Array


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What tells one of these encoders from another.

    Attributes:
      width, layers, heads, feed_forward: sizes of the transformer.
      channels, widths, strides: of each strided convolution.
      conv_bias: whether these have biases.
      conv_norm: 'group', one norm over time behind the first of them; or 'layer', one over channels behind each.
      conv_activation, activation: names in `blocks.ACTIVATIONS`.
      projection_norm: whether a layer norm stands before the projection to `width`.
      position_width, position_groups: of the convolution over time.
      pre_norm: whether a layer normalises what it reads, not what it gives.
      buckets, furthest: of distances in WavLM's attention, and the distance from which all are one; 0 without.
      epsilon: of layer norms in the transformer.
      dropout, attention_dropout, activation_dropout, projection_dropout: rates, in training.
    """

    width: int
    layers: int
    heads: int
    feed_forward: int
    channels: tuple[int, ...] = (512,) * 7
    widths: tuple[int, ...] = _WIDTHS
    strides: tuple[int, ...] = _STRIDES
    conv_bias: bool = False
    conv_norm: str = "group"
    conv_activation: str = "gelu"
    activation: str = "gelu"
    projection_norm: bool = True
    position_width: int = 128
    position_groups: int = 16
    pre_norm: bool = False
    buckets: int = 0
    furthest: int = 0
    epsilon: float = 1e-5
    dropout: float = 0.0
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    projection_dropout: float = 0.0


class Speech(nn.Module):
    """Samples [B, S] at 16 kHz to states, one every 20 ms; `masks` are what training leaves out at random."""

    sizes: Sizes
    masks: Masks = NOTHING

    @nn.compact
    def __call__(
        self, samples: jax.Array, mask: jax.Array, *, moments: Moments | None = None, train: bool = False
    ) -> SpeechStates:
        """Applies it.

        Args:
          samples: [B, S], as `sound.normalise_samples` makes them where the model was trained so.
          mask: bool [B, S]; True up to the end of each recording, False behind it.
          moments: of the whole recording of which `samples` is a window, see `windows.measure_moments`.
          train: whether dropout and `masks` act, with keys of the stream 'dropout'.

        Raises:
          UserError: S is too short for one step.
        """
        x, valid = Convolutions(self.sizes, name="feature_extractor")(samples, mask, moments)
        x = Projection(self.sizes, name="feature_projection")(x)
        x = Dropout(name="projection_dropout")(x, self.sizes.projection_dropout, train=train)
        x = self._mask_spans(x, valid, train)
        states, last = Transformer(self.sizes, self.masks.layers, name="encoder")(
            zero_padding(x, valid), valid, train=train
        )
        return SpeechStates(states, last, valid)

    def _mask_spans(self, x: jax.Array, valid: jax.Array, train: bool) -> jax.Array:
        masks, embedding = self.masks, None
        if masks.steps:
            embedding = self.param("masked_spec_embed", nn.initializers.uniform(1.0), (x.shape[-1],))
        if not train or not (masks.steps or masks.channels):
            return x
        return mask_spans(self.make_rng("dropout"), x, valid, embedding, masks)


def count_steps(sizes: Sizes, samples: jax.Array | int) -> jax.Array | int:
    """How many steps a recording of so many samples has."""
    for width, stride in zip(sizes.widths, sizes.strides, strict=True):
        samples = (samples - width) // stride + 1
        samples = samples * (samples > 0)
    return samples


class Convolutions(nn.Module):
    """Strided convolutions: samples [B, S] -> [B, T, C] and their mask [B, T]."""

    sizes: Sizes

    @nn.compact
    def __call__(self, samples: jax.Array, mask: jax.Array, moments: Moments | None) -> tuple[jax.Array, jax.Array]:
        sizes = self.sizes
        lengths = mask.sum(axis=1, dtype=jnp.int32)
        x = zero_padding(samples[..., None], mask)
        for index, (width, stride) in enumerate(zip(sizes.widths, sizes.strides, strict=True)):
            if x.shape[1] < width:
                raise UserError(
                    f"a batch of {samples.shape[1]} samples is too short for one step of this encoder of speech; leave "
                    "out clips this short or pad the batch"
                )
            lengths = jnp.maximum((lengths - width) // stride + 1, 0)
            valid = jnp.arange((x.shape[1] - width) // stride + 1)[None, :] < lengths[:, None]
            x = ConvolutionBlock(sizes, index, name=f"conv_layers_{index}")(x, valid, moments)
        return x, valid


class ConvolutionBlock(nn.Module):
    """The strided convolution `index`, its norm, where it has one, and its activation."""

    sizes: Sizes
    index: int

    @nn.compact
    def __call__(self, x: jax.Array, valid: jax.Array, moments: Moments | None) -> jax.Array:
        """x [B, S, C], valid [B, T] of what comes out -> [B, T, C]."""
        sizes, index = self.sizes, self.index
        conv = StridedConvolution(
            sizes.channels[index], sizes.widths[index], sizes.strides[index], sizes.conv_bias, name="conv"
        )
        x = conv(x)
        if sizes.conv_norm == "layer":
            x = Norm(1e-5, name="layer_norm")(x)
        elif index == 0:
            x = GroupNorm(name="layer_norm")(x, valid, moments)
        return ACTIVATIONS[sizes.conv_activation](x)


class Projection(nn.Module):
    """Layer norm, where there is one, and a dense layer."""

    sizes: Sizes

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = Norm(self.sizes.epsilon, name="layer_norm")(x) if self.sizes.projection_norm else x
        return Dense(self.sizes.width, name="projection")(x)


class Transformer(nn.Module):
    """Positions and layers: [B, T, D], zeros where `valid` is False -> the states of every layer, and the output.

    In training each layer is left out at the rate `drop` for the whole batch, and the next one reads what it read
    (LayerDrop, Fan et al. 2020); but never WavLM's first, which has the distances for all.
    """

    sizes: Sizes
    drop: float = 0.0

    @nn.compact
    def __call__(self, x: jax.Array, valid: jax.Array, *, train: bool) -> tuple[tuple[jax.Array, ...], jax.Array]:
        sizes = self.sizes
        positions = PositionalConvolution(sizes.position_width, sizes.position_groups, name="pos_conv_embed")(x)
        x = x + ACTIVATIONS[sizes.conv_activation](positions)
        norm = Norm(sizes.epsilon, name="layer_norm")
        x = x if sizes.pre_norm else norm(x)
        x = Dropout(name="dropout")(x, sizes.dropout, train=train)
        states, distances, kept = [x], None, None
        if train and self.drop:
            kept = jax.random.bernoulli(self.make_rng("dropout"), 1 - self.drop, (sizes.layers,))
            kept = kept.at[0].set(kept[0] | (sizes.buckets > 0))
        for index in range(sizes.layers):
            y, distances = Layer(sizes, name=f"layers_{index}")(x, valid, distances, train=train)
            x = y if kept is None else jnp.where(kept[index], y, x)
            states.append(x)
        return tuple(states), norm(x) if sizes.pre_norm else x


class Layer(nn.Module):
    """Attention and two dense layers: [B, T, D] -> [B, T, D], and the bias of distances [H, T, T] for the next one."""

    sizes: Sizes

    @nn.compact
    def __call__(
        self, x: jax.Array, valid: jax.Array, distances: jax.Array | None, *, train: bool
    ) -> tuple[jax.Array, jax.Array | None]:
        sizes = self.sizes
        drop = functools.partial(Dropout(name="dropout"), rate=sizes.dropout, train=train)
        first, second = Norm(sizes.epsilon, name="layer_norm"), Norm(sizes.epsilon, name="final_layer_norm")
        feed_forward = FeedForward(sizes, name="feed_forward")
        attention = SpeechAttention(sizes, name="attention")
        y, distances = attention(first(x) if sizes.pre_norm else x, valid, distances, train=train)
        x = x + drop(y)
        if sizes.pre_norm:
            return x + feed_forward(second(x), train=train), distances
        x = first(x)
        return second(x + feed_forward(x, train=train)), distances


class FeedForward(nn.Module):
    """Two dense layers with an activation between them."""

    sizes: Sizes

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        sizes = self.sizes
        hidden = ACTIVATIONS[sizes.activation](Dense(sizes.feed_forward, name="intermediate_dense")(x))
        hidden = Dropout(name="intermediate_dropout")(hidden, sizes.activation_dropout, train=train)
        y = Dense(sizes.width, name="output_dense")(hidden)
        return Dropout(name="output_dropout")(y, sizes.dropout, train=train)


class SpeechAttention(nn.Module):
    """Self-attention, WavLM's with the gated bias of distances where `sizes.buckets` is set.

    With g and h the two gates of a step and a head, step t adds (g (h c - 1) + 2) d(s - t) to its score of step s,
    where c is learned for each head and d is a table that the first layer has and all share.
    """

    sizes: Sizes

    @nn.compact
    def __call__(
        self, x: jax.Array, valid: jax.Array, distances: jax.Array | None, *, train: bool
    ) -> tuple[jax.Array, jax.Array | None]:
        """x [B, T, D], valid [B, T], distances [H, T, T] or None in the first layer -> [B, T, D] and `distances`."""
        sizes, heads = self.sizes, self.sizes.heads
        bias = None
        if sizes.buckets:
            if distances is None:
                embed = nn.Embed(sizes.buckets, heads, name="rel_attn_embed")
                table = bucket_distances(x.shape[1], sizes.buckets, sizes.furthest)
                distances = embed(table).transpose(2, 0, 1)
            bias = self._gate(x)[..., None] * distances[None]
        q, k, v = (Dense(sizes.width, name=name)(x) for name in ("q_proj", "k_proj", "v_proj"))
        drop = functools.partial(Dropout(name="dropout"), rate=sizes.attention_dropout, train=train)
        mixed = attend(q, k, v, valid, heads=heads, bias=bias, drop=drop)
        return Dense(sizes.width, name="out_proj")(mixed), distances

    def _gate(self, x: jax.Array) -> jax.Array:
        """[B, T, D] -> what each step and head multiplies the distances with, [B, H, T]."""
        heads = self.sizes.heads
        by_head = x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)
        parts = Dense(8, name="gru_rel_pos_linear")(by_head).reshape(*by_head.shape[:3], 2, 4).sum(axis=-1)
        gates = nn.sigmoid(parts)
        constant = self.param("gru_rel_pos_const", nn.initializers.ones, (1, heads, 1, 1))[..., 0]
        return gates[..., 0] * (gates[..., 1] * constant - 1) + 2


def bucket_distances(steps: int, buckets: int, furthest: int) -> np.ndarray:
    """int32 [T, T]: the bucket of the distance of key s from query t.

    Half of the buckets are of keys behind the query. Of each half, the first half are single distances, the others grow
    by equal factors up to `furthest`.
    """
    distance = np.arange(steps)[None, :] - np.arange(steps)[:, None]
    half = buckets // 2
    exact = half // 2
    far = np.log(np.maximum(np.abs(distance), 1).astype(np.float32) / np.float32(exact))
    far = far / np.float32(np.log(furthest / exact)) * np.float32(half - exact)
    far = np.minimum(exact + far.astype(np.int32), half - 1)
    return (half * (distance > 0) + np.where(np.abs(distance) < exact, np.abs(distance), far)).astype(np.int32)


def make_masks(config: ConfigFile, steps: float, channels: float, layers: float) -> Masks:
    """What training leaves out at these rates, in spans as long as a config.json has them.

    Raises:
      UserError: an entry is of a wrong type.
    """
    return Masks(
        steps=steps,
        channels=channels,
        step_span=config.read_size("mask_time_length", 10),
        channel_span=config.read_size("mask_feature_length", 10),
        fewest_steps=config.read("mask_time_min_masks", 2),
        fewest_channels=config.read("mask_feature_min_masks", 0),
        layers=layers,
    )


def make_model(config: ConfigFile, masks: Masks = NOTHING) -> Speech:
    """The model of a config.json of one of `MODEL_TYPES`; `masks` are for training, where the config's do not count.

    Raises:
      UserError: an entry is of a wrong type, or asks for what is not built here.
    """
    model_type = config.choose("model_type", "", MODEL_TYPES)
    for key in ("add_adapter", "adapter_attn_dim", "conv_pos_batch_norm"):
        config.refuse(key)
    channels = config.read_sizes("conv_dim", (512,) * 7)
    widths, strides = config.read_sizes("conv_kernel", _WIDTHS), config.read_sizes("conv_stride", _STRIDES)
    if not len(channels) == len(widths) == len(strides):
        raise UserError(
            f"{config.path} has {len(channels)} entries in conv_dim, {len(widths)} in conv_kernel and {len(strides)} "
            "in conv_stride, but as many are expected in each; copy the file again"
        )
    width, heads = config.read_size("hidden_size", 768), config.read_size("num_attention_heads", 12)
    check_heads(config, width, heads)
    groups = config.read_size("num_conv_pos_embedding_groups", 16)
    if width % groups:
        raise UserError(
            f"{config.path} has hidden_size = {width}, which {groups} groups of channels cannot share; copy the "
            "file again"
        )
    gated = model_type == "wavlm"
    sizes = Sizes(
        width=width,
        layers=config.read_size("num_hidden_layers", 12),
        heads=heads,
        feed_forward=config.read_size("intermediate_size", 3072),
        channels=channels,
        widths=widths,
        strides=strides,
        conv_bias=config.read("conv_bias", False),
        conv_norm=config.choose("feat_extract_norm", "group", ("group", "layer")),
        conv_activation=read_activation(config, "feat_extract_activation"),
        activation=read_activation(config, "hidden_act"),
        projection_norm=config.read("feat_proj_layer_norm", True),
        position_width=config.read_size("num_conv_pos_embeddings", 128),
        position_groups=groups,
        pre_norm=config.read("do_stable_layer_norm", False),
        buckets=config.read_size("num_buckets", 320) if gated else 0,
        furthest=config.read_size("max_bucket_distance", 800) if gated else 0,
        epsilon=config.read("layer_norm_eps", 1e-5),
        dropout=config.read("hidden_dropout", 0.1),
        attention_dropout=config.read("attention_dropout", 0.1),
        activation_dropout=config.read("activation_dropout", 0.1),
        projection_dropout=config.read("feat_proj_dropout", 0.0),
    )
    return Speech(sizes, masks, parent=None)  # also where another module is at work
