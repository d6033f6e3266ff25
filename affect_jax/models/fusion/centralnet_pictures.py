"""CentralNet of two networks on pictures, in the form of MFAS' public code (Pérez-Rúa et al. 2019).

    each network: convolutions of width 5, then 3, batch norm, ReLU, maximum pools of 2; a feature is a layer's mean
    f_k = alpha_k,1 * feature of the one + alpha_k,2 * feature of the other, the narrower one with zeros behind it
    h_1 = f_1      h_k+1 = alpha_k relu(h_k convolved over its entries, width 3) + f_k+1      y = relu(h_K ...) W + b

    submodule         what it is
    <m>_conv_<i>, <m>_norm_<i>, <m>_head
    central           alphas, convolutions and the last layer

Steps are the rows of a picture, whose columns lie side by side with their channels. The first feature of the networks
in `pooled` is taken behind its pool, as of the deeper network there.

`fidelity='authors'` follows the public code where two features are equally wide: one alpha multiplies both, and the
other one is never trained. Here each has its own. Padded rows have no share in means and norms.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.layers.batch_norm import BatchNorm
from affect_jax.layers.convolve import convolve
from affect_jax.layers.dense import Dense
from affect_jax.layers.modalities import check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.pooling import max_pool

FIDELITY = ("paper", "authors")
COMBINE = ("wsum", "cat")


class Central(nn.Module):
    """The central network: pairs of features [B, F] -> [B, outputs].

    Attributes:
      combine: 'wsum' or 'cat' (features side by side, without alphas).
      outputs: of the last layer.
      shared: of equally wide features the first alpha multiplies both.
    """

    combine: str
    outputs: int
    shared: bool

    @nn.compact
    def __call__(self, pairs: Sequence[tuple[jax.Array, jax.Array]]) -> jax.Array:
        hidden, scale = None, nn.initializers.uniform(1.0)
        for k, (one, other) in enumerate(pairs):
            alphas = [self.param(f"alpha_{k}_{i}", scale, (1,)) for i in range(2)]
            fused = self._fuse(one, other, *alphas)
            if hidden is not None:
                weight = self.param(f"alpha_hidden_{k - 1}", scale, (1,))
                fused = self._add(hidden, fused, weight, jnp.ones((1,)))
            options = dict(use_bias=False, conv_general_dilated=convolve, name=f"conv_{k}")
            hidden = nn.relu(nn.Conv(1, (3,), padding=[(1, 1)], **options)(fused[..., None])[..., 0])
        return Dense(self.outputs, name="classifier")(hidden)

    def _fuse(self, one: jax.Array, other: jax.Array, first: jax.Array, second: jax.Array) -> jax.Array:
        if self.combine == "wsum":
            return self._add(one, other, first, second)
        width = max(one.shape[-1], other.shape[-1])
        return jnp.concatenate([_widen(one, width), _widen(other, width)], axis=-1)

    def _add(self, one: jax.Array, other: jax.Array, first: jax.Array, second: jax.Array) -> jax.Array:
        width = max(one.shape[-1], other.shape[-1])
        if self.shared and one.shape[-1] == other.shape[-1]:
            second = first
        return first[None] * _widen(one, width) + second[None] * _widen(other, width)


def _widen(x: jax.Array, width: int) -> jax.Array:
    """x [B, F] with zeros behind it, [B, width]."""
    return jnp.pad(x, ((0, 0), (0, width - x.shape[-1])))


class Model(nn.Module):
    """Two networks on pictures and the central one.

    Attributes:
      modalities: the two that are read.
      classes: number of classes, or 0 for a regression.
      picture_channels: of each modality's pictures, which divide its features.
      filters: of the first layers; every next one has twice as many.
      depths: layers of each network.
      fusions: pairs of layers whose features are fused, as '3+1', counted from 1.
      combine: 'wsum' or 'cat'.
      pooled: modalities whose first feature is taken behind the pool.
      fidelity: 'paper' or 'authors'.
    """

    modalities: Sequence[str] = ("audio", "video")
    classes: int = 0
    picture_channels: Sequence[int] = (1, 1)
    filters: int = 8
    depths: Sequence[int] = (3, 3)
    fusions: Sequence[str] = ("1+1", "2+2", "3+3")
    combine: str = "wsum"
    pooled: Sequence[str] = ()
    fidelity: str = "paper"

    @property
    def _deepest(self) -> list[int]:
        """The deepest layer of each network that is fused."""
        return [max(layers) for layers in zip(*self._layers, strict=True)]

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that prediction needs; the modalities' heads are not among them."""
        each = zip(self.modalities, self._deepest, strict=True)
        return (*(f"{m}_{kind}_{i}" for m, depth in each for i in range(depth) for kind in ("conv", "norm")), "central")

    @property
    def _layers(self) -> list[tuple[int, ...]]:
        return [tuple(map(int, pair.split("+"))) for pair in self.fusions]

    def _check(self) -> None:
        check_modalities("centralnet_pictures", self.modalities, least=2, most=2)
        check_classes("centralnet_pictures", self.classes)
        for field, choices in (("fidelity", FIDELITY), ("combine", COMBINE)):
            value = getattr(self, field)
            if value not in choices:
                near = suggest_nearest(value, choices)
                raise UserError(
                    f"model 'centralnet_pictures' has {field} {value!r}{near}; choose one of {join_words(choices)}"
                )
        for pair in self.fusions:
            numbers = pair.split("+")
            fits = len(numbers) == 2 and all(n.isdigit() for n in numbers)
            if not fits or not all(1 <= int(n) <= d for n, d in zip(numbers, self.depths, strict=True)):
                raise UserError(
                    f"model 'centralnet_pictures' has the fusion {pair!r}, but networks of {join_words(self.depths)} "
                    "layers; write two of these as '3+1'"
                )

    @nn.compact
    def __call__(
        self,
        inputs: Mapping[str, jax.Array],
        masks: Mapping[str, jax.Array],
        *,
        train: bool,
        dropout: float | jax.Array = 0.0,
        frozen: Sequence[str] = (),
        whole: bool = True,
    ) -> dict[str, jax.Array]:
        """Returns all outputs.

        Args:
          inputs: modality -> [B, rows, columns * channels].
          masks: modality -> bool [B, rows], all False where the modality is missing.
          train: batch norm acts as in training.
          dropout: no effect: there is none.
          frozen: submodules that run as when not training.
          whole: what only losses read is computed too.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B], of the central
          network; the same of each modality, `logits/<m>` and `prediction/<m>`; `feature/<m>/<i>` of layers from 1.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        del dropout
        self._check()
        outputs, features = {}, []
        depths = self.depths if whole else self._deepest
        for m, channels, depth in zip(self.modalities, self.picture_channels, depths, strict=True):
            x, valid = read_sequence(inputs, masks, m)
            if x.shape[-1] % channels:
                raise UserError(
                    f"model 'centralnet_pictures' has pictures {m!r} of {channels} channels, which do not divide their "
                    f"{x.shape[-1]} features; mend config.model.picture_channels"
                )
            x = x.reshape(*x.shape[:2], x.shape[-1] // channels, channels)
            of_network = self._run_network(m, x, valid, depth, train=train, frozen=frozen)
            outputs |= {f"feature/{m}/{i + 1}": feature for i, feature in enumerate(of_network)}
            if whole:
                named = name_outputs(Dense(self.classes or 1, name=f"{m}_head")(of_network[-1]), self.classes)
                outputs |= {f"{name}/{m}": y for name, y in named.items()}
            features.append(of_network)
        pairs = [(features[0][one - 1], features[1][other - 1]) for one, other in self._layers]
        central = Central(self.combine, self.classes or 1, self.fidelity == "authors", name="central")
        return outputs | name_outputs(central(pairs), self.classes)

    def _run_network(
        self, modality: str, x: jax.Array, valid: jax.Array, depth: int, *, train: bool, frozen: Sequence[str]
    ) -> list[jax.Array]:
        """The features [B, filters] of every layer of a network on pictures [B, rows, columns, channels]."""
        features = []
        for i in range(depth):
            width, norm = 5 if i == 0 else 3, f"{modality}_norm_{i}"
            pad = [(width // 2, width // 2)] * 2
            options = dict(use_bias=False, conv_general_dilated=convolve, name=f"{modality}_conv_{i}")
            x = nn.Conv(self.filters * 2**i, (width, width), padding=pad, **options)(x)
            entries = jnp.broadcast_to(valid[..., None], x.shape[:-1])
            x = nn.relu(BatchNorm(name=norm)(x, entries, train=train and norm not in frozen))
            x = jnp.where(valid[:, :, None, None], x, 0)
            before = _average(x, valid)
            if i + 1 < depth or modality in self.pooled:
                x = max_pool(x, (2, 2))
                # A row behind the pool counts where both of its rows do.
                valid = max_pool(1.0 - valid[..., None], (2,))[..., 0] == 0
            features.append(_average(x, valid) if i == 0 and modality in self.pooled else before)
        return features

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False, whole=False)["prediction"]


def _average(x: jax.Array, valid: jax.Array) -> jax.Array:
    """The mean [B, C] over columns and valid rows of x [B, rows, columns, C]; 0 where there are none."""
    rows = jnp.where(valid[..., None], x.mean(axis=2), 0).sum(axis=1)
    return rows / jnp.maximum(jnp.sum(valid, axis=1, dtype=x.dtype), 1)[:, None]
