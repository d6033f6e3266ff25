"""CLIP (Radford et al. 2021), by published names: a transformer of images and one of texts, whose outputs compare.

Letters in names of arrays are axes: B batch, T steps (patches or word pieces), H height, W width.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.encoders.blocks import ACTIVATIONS, Attention, Norm
from affect_jax.encoders.settings import ConfigFile, check_heads
from affect_jax.errors import UserError
from affect_jax.layers.dense import Dense

MODEL_TYPES = ("clip", "clip_vision_model", "clip_text_model")
_INIT = nn.initializers.normal(0.02)


class TowerStates(NamedTuple):
    """What an image or a text becomes.

    Attributes:
      states: of every layer, [B, T, D]: what the first one reads, then what each gives.
      last: [B, T, D], the model's output: the last state, of texts normalised.
      pooled: [B, D] of the image's class step, or of the text's last piece, normalised.
      embedding: [B, P], where both towers meet: the pooled one, projected; None without this layer.
    """

    states: tuple[jax.Array, ...]
    last: jax.Array
    pooled: jax.Array
    embedding: jax.Array | None


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of one of the two transformers.

    Attributes:
      width, layers, heads, feed_forward: of the transformer.
      activation: a name in `blocks.ACTIVATIONS`.
      epsilon: of layer norms.
      projection: width of the space where both meet; 0 for no projection.
      image, patch: sides of an image and of a patch of it, in pixels.
      vocabulary, positions: rows of the two tables of embeddings of texts.
      end: number of the piece that ends a text; 2 in files of before 2023, where it was the greatest number.
      dropout: rate on the weights of attention, in training.
    """

    width: int
    layers: int
    heads: int
    feed_forward: int
    activation: str = "quick_gelu"
    epsilon: float = 1e-5
    projection: int = 0
    image: int = 224
    patch: int = 32
    vocabulary: int = 49408
    positions: int = 77
    end: int = 49407
    dropout: float = 0.0


class ImageTower(nn.Module):
    """Images [B, H, W, 3] to states, one for the image and one for each patch."""

    sizes: Sizes

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool = False) -> TowerStates:
        """x: as `images.prepare_image` makes it, of the size that the model was trained with.

        Raises:
          UserError: it is of another size.
        """
        sizes = self.sizes
        if x.shape[1:] != (sizes.image, sizes.image, 3):
            raise UserError(f"images of this CLIP are [{sizes.image}, {sizes.image}, 3], but got {list(x.shape[1:])}")
        tower = _Images(sizes, name="vision_model")
        states, pooled = tower(x, train=train)
        return TowerStates(states, states[-1], pooled, _project(pooled, sizes, "visual_projection"))


class TextTower(nn.Module):
    """Word pieces [B, T] to states; each sees itself and those before it."""

    sizes: Sizes

    @nn.compact
    def __call__(self, pieces: jax.Array, mask: jax.Array, *, train: bool = False) -> TowerStates:
        """pieces: int [B, T]; mask: bool [B, T], True from the first piece to the one that ends the text.

        Raises:
          UserError: T is more than the model has positions for.
        """
        sizes = self.sizes
        if pieces.shape[1] > sizes.positions:
            raise UserError(f"a text has {pieces.shape[1]} word pieces, but this CLIP reads {sizes.positions}; cut it")
        states, last, pooled = _Texts(sizes, name="text_model")(jnp.where(mask, pieces, 0), mask, train=train)
        return TowerStates(states, last, pooled, _project(pooled, sizes, "text_projection"))


def _project(pooled: jax.Array, sizes: Sizes, name: str) -> jax.Array | None:
    return nn.Dense(sizes.projection, use_bias=False, name=name)(pooled) if sizes.projection else None


class _Images(nn.Module):
    sizes: Sizes

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> tuple[tuple[jax.Array, ...], jax.Array]:
        x = _Patches(self.sizes, name="embeddings")(x)
        x = Norm(self.sizes.epsilon, name="pre_layrnorm")(x)  # the published name has this spelling
        mask = jnp.ones(x.shape[:2], bool)
        states = _Layers(self.sizes, False, name="encoder")(x, mask, train=train)
        return states, Norm(self.sizes.epsilon, name="post_layernorm")(states[-1][:, 0])


class _Patches(nn.Module):
    """[B, H, W, 3] -> [B, 1 + patches, D]: a learned step, then the patches row by row, with their positions."""

    sizes: Sizes

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        sizes = self.sizes
        side = (sizes.patch, sizes.patch)
        patches = nn.Conv(sizes.width, side, side, "VALID", use_bias=False, name="patch_embedding")(x)
        patches = patches.reshape(len(x), -1, sizes.width)
        first = self.param("class_embedding", _INIT, (sizes.width,))
        first = jnp.broadcast_to(first.astype(x.dtype)[None, None], (len(x), 1, sizes.width))
        steps = jnp.concatenate([first, patches], axis=1)
        positions = nn.Embed(steps.shape[1], sizes.width, name="position_embedding")(jnp.arange(steps.shape[1]))
        return steps + positions.astype(x.dtype)[None]


class _Texts(nn.Module):
    sizes: Sizes

    @nn.compact
    def __call__(
        self, pieces: jax.Array, mask: jax.Array, *, train: bool
    ) -> tuple[tuple[jax.Array, ...], jax.Array, jax.Array]:
        x = _Pieces(self.sizes, name="embeddings")(pieces)
        states = _Layers(self.sizes, True, name="encoder")(x, mask, train=train)
        last = Norm(self.sizes.epsilon, name="final_layer_norm")(states[-1])
        if self.sizes.end == 2:
            end = jnp.argmax(pieces, axis=1)
        else:
            end = jnp.argmax((pieces == self.sizes.end) & mask, axis=1)
        return states, last, jnp.take_along_axis(last, end[:, None, None], axis=1)[:, 0]


class _Pieces(nn.Module):
    sizes: Sizes

    @nn.compact
    def __call__(self, pieces: jax.Array) -> jax.Array:
        x = nn.Embed(self.sizes.vocabulary, self.sizes.width, name="token_embedding")(pieces)
        positions = nn.Embed(self.sizes.positions, self.sizes.width, name="position_embedding")
        return x + positions(jnp.arange(pieces.shape[1]))[None]


class _Layers(nn.Module):
    sizes: Sizes
    causal: bool

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array, *, train: bool) -> tuple[jax.Array, ...]:
        states = [x]
        for index in range(self.sizes.layers):
            states.append(_Layer(self.sizes, self.causal, name=f"layers_{index}")(states[-1], mask, train=train))
        return tuple(states)


class _Layer(nn.Module):
    sizes: Sizes
    causal: bool

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array, *, train: bool) -> jax.Array:
        sizes = self.sizes
        attention = Attention(sizes.heads, dropout=sizes.dropout, name="self_attn")
        read = Norm(sizes.epsilon, name="layer_norm1")(x)
        x = x + attention(read, mask, causal=self.causal, train=train)
        return x + _FeedForward(sizes, name="mlp")(Norm(sizes.epsilon, name="layer_norm2")(x))


class _FeedForward(nn.Module):
    sizes: Sizes

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        hidden = ACTIVATIONS[self.sizes.activation](Dense(self.sizes.feed_forward, name="fc1")(x))
        return Dense(self.sizes.width, name="fc2")(hidden)


def make_image_tower(config: ConfigFile, projected: bool) -> ImageTower:
    """The image tower of a config.json of 'clip' or 'clip_vision_model'.

    Args:
      config: of the file.
      projected: whether the arrays have the projection.

    Raises:
      UserError: an entry is of a wrong type, or asks for what is not built here.
    """
    whole = config.choose("model_type", "", MODEL_TYPES) == "clip"
    part = config.read_part("vision_config") if whole else config
    image, patch = part.read_size("image_size", 224), part.read_size("patch_size", 32)
    part.refuse("num_channels", 3)
    if image < patch:
        raise UserError(f"{part.path} has image_size = {image} below patch_size = {patch}; copy the file again")
    base = _read_sizes(part, 768, 12, 3072, _read_projection(config, part, projected))
    return ImageTower(dataclasses.replace(base, image=image, patch=patch))


def make_text_tower(config: ConfigFile, projected: bool) -> TextTower:
    """The text tower, likewise."""
    whole = config.choose("model_type", "", MODEL_TYPES) == "clip"
    part = config.read_part("text_config") if whole else config
    base = _read_sizes(part, 512, 8, 2048, _read_projection(config, part, projected))
    sizes = dataclasses.replace(
        base,
        vocabulary=part.read_size("vocab_size", 49408),
        positions=part.read_size("max_position_embeddings", 77),
        end=part.read("eos_token_id", 49407),
    )
    return TextTower(sizes)


def _read_projection(config: ConfigFile, part: ConfigFile, projected: bool) -> int:
    return config.read_size("projection_dim", part.read_size("projection_dim", 512)) if projected else 0


def _read_sizes(part: ConfigFile, width: int, heads: int, feed_forward: int, projection: int) -> Sizes:
    width, heads = part.read_size("hidden_size", width), part.read_size("num_attention_heads", heads)
    check_heads(part, width, heads)
    return Sizes(
        width=width,
        layers=part.read_size("num_hidden_layers", 12),
        heads=heads,
        feed_forward=part.read_size("intermediate_size", feed_forward),
        activation=part.choose("hidden_act", "quick_gelu", tuple(ACTIVATIONS)),
        epsilon=part.read("layer_norm_eps", 1e-5),
        projection=projection,
        dropout=part.read("attention_dropout", 0.0),
    )
