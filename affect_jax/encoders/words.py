"""BERT (Devlin et al. 2019) and RoBERTa (Liu et al. 2019), by published names.

They differ in how positions are counted and in the tokeniser. Letters in names of arrays are axes: B batch, T word
pieces.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.encoders.blocks import ACTIVATIONS, Attention, Norm, read_activation
from affect_jax.encoders.settings import ConfigFile, check_heads
from affect_jax.errors import UserError
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout

MODEL_TYPES = ("bert", "roberta", "xlm-roberta", "camembert")
PREFIXES = ("bert.", "roberta.")


class WordStates(NamedTuple):
    """What a text becomes.

    Attributes:
      states: of every layer, [B, T, D]: the embeddings, then what each layer gives.
      last: the last of them, the model's output.
      pooled: [B, D] of the first piece, where the model has this layer.
    """

    states: tuple[jax.Array, ...]
    last: jax.Array
    pooled: jax.Array | None


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What tells one of these encoders from another.

    Attributes:
      vocabulary, positions, kinds: rows of the three tables of embeddings.
      width, layers, heads, feed_forward: sizes of the transformer.
      offset: number of the first position: 0 in BERT, the padding's number + 1 in RoBERTa.
      activation: a name in `blocks.ACTIVATIONS`.
      epsilon: of layer norms.
      pooler: whether there is the layer that `pooled` comes from.
      dropout, attention_dropout: rates, in training.
    """

    vocabulary: int
    positions: int
    kinds: int
    width: int
    layers: int
    heads: int
    feed_forward: int
    offset: int = 0
    activation: str = "gelu"
    epsilon: float = 1e-12
    pooler: bool = True
    dropout: float = 0.0
    attention_dropout: float = 0.0

    @property
    def longest(self) -> int:
        """How many word pieces a text may have."""
        return self.positions - self.offset


class Words(nn.Module):
    """Word pieces [B, T] to states."""

    sizes: Sizes

    @nn.compact
    def __call__(
        self, pieces: jax.Array, mask: jax.Array, kinds: jax.Array | None = None, *, train: bool = False
    ) -> WordStates:
        """Applies it.

        Args:
          pieces: int [B, T], numbers of word pieces.
          mask: bool [B, T], True at pieces of the text, from the first on.
          kinds: int [B, T], 0 for the first sentence and 1 for the second; None is all 0.
          train: whether dropout acts.

        Raises:
          UserError: T is more than the model has positions for.
        """
        if pieces.shape[1] > self.sizes.longest:
            raise UserError(
                f"a text has {pieces.shape[1]} word pieces, but this model reads {self.sizes.longest}; cut it"
            )
        pieces = jnp.where(mask, pieces, 0)
        kinds = jnp.zeros_like(pieces) if kinds is None else jnp.where(mask, kinds, 0)
        x = Embeddings(self.sizes, name="embeddings")(pieces, kinds, train=train)
        states = Layers(self.sizes, name="encoder")(x, mask, train=train)
        pooled = Pooler(name="pooler")(states[-1]) if self.sizes.pooler else None
        return WordStates(states, states[-1], pooled)


class Embeddings(nn.Module):
    """The sum of a piece's, its position's and its sentence's embedding, normalised: int [B, T] -> [B, T, D]."""

    sizes: Sizes

    @nn.compact
    def __call__(self, pieces: jax.Array, kinds: jax.Array, *, train: bool) -> jax.Array:
        sizes = self.sizes
        positions = sizes.offset + jnp.arange(pieces.shape[1])
        x = nn.Embed(sizes.vocabulary, sizes.width, name="word_embeddings")(pieces)
        x = x + nn.Embed(sizes.positions, sizes.width, name="position_embeddings")(positions)[None]
        x = x + nn.Embed(sizes.kinds, sizes.width, name="token_type_embeddings")(kinds)
        x = Norm(sizes.epsilon, name="LayerNorm")(x)
        return Dropout(name="dropout")(x, sizes.dropout, train=train)


class Layers(nn.Module):
    """All layers: [B, T, D] -> the states of each, the first of them what is read."""

    sizes: Sizes

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array, *, train: bool) -> tuple[jax.Array, ...]:
        states = [x]
        for index in range(self.sizes.layers):
            states.append(Layer(self.sizes, name=f"layer_{index}")(states[-1], mask, train=train))
        return tuple(states)


class Layer(nn.Module):
    """Attention and two dense layers, each with a norm behind the sum: [B, T, D] -> [B, T, D]."""

    sizes: Sizes

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array, *, train: bool) -> jax.Array:
        x = SelfAttention(self.sizes, name="attention")(x, mask, train=train)
        hidden = Dense(self.sizes.feed_forward, name="intermediate.dense")(x)
        return Residual(self.sizes, name="output")(ACTIVATIONS[self.sizes.activation](hidden), x, train=train)


class SelfAttention(nn.Module):
    """Attention with its norm: [B, T, D] -> [B, T, D]."""

    sizes: Sizes

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array, *, train: bool) -> jax.Array:
        sizes = self.sizes
        names = ("query", "key", "value", "")
        attention = Attention(sizes.heads, names, sizes.attention_dropout, name="self")
        return Residual(sizes, name="output")(attention(x, mask, train=train), x, train=train)


class Residual(nn.Module):
    """LayerNorm(x + dense(y)): y [B, T, C], x [B, T, D] -> [B, T, D]."""

    sizes: Sizes

    @nn.compact
    def __call__(self, y: jax.Array, x: jax.Array, *, train: bool) -> jax.Array:
        y = Dense(self.sizes.width, name="dense")(y)
        y = Dropout(name="dropout")(y, self.sizes.dropout, train=train)
        return Norm(self.sizes.epsilon, name="LayerNorm")(x + y)


class Pooler(nn.Module):
    """tanh of a dense layer of the first piece: [B, T, D] -> [B, D]."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return jnp.tanh(Dense(x.shape[-1], name="dense")(x[:, 0]))


def make_model(config: ConfigFile, arrays: Mapping[str, Any]) -> Words:
    """The model of a config.json of one of `MODEL_TYPES`; whether it has the pooler is told by the arrays.

    Raises:
      UserError: an entry is of a wrong type, or asks for what is not built here.
    """
    model_type = config.choose("model_type", "", MODEL_TYPES)
    for key in ("is_decoder", "add_cross_attention"):
        config.refuse(key)
    config.refuse("position_embedding_type", "absolute")
    width, heads = config.read_size("hidden_size", 768), config.read_size("num_attention_heads", 12)
    check_heads(config, width, heads)
    sizes = Sizes(
        vocabulary=config.read_size("vocab_size", 30522),
        positions=config.read_size("max_position_embeddings", 512),
        kinds=config.read_size("type_vocab_size", 2),
        width=width,
        layers=config.read_size("num_hidden_layers", 12),
        heads=heads,
        feed_forward=config.read_size("intermediate_size", 3072),
        offset=0 if model_type == "bert" else config.read("pad_token_id", 1) + 1,
        activation=read_activation(config, "hidden_act"),
        epsilon=config.read("layer_norm_eps", 1e-12),
        pooler="pooler.dense.weight" in arrays,
        dropout=config.read("hidden_dropout_prob", 0.1),
        attention_dropout=config.read("attention_probs_dropout_prob", 0.1),
    )
    return Words(sizes, parent=None)  # also where another module is at work
