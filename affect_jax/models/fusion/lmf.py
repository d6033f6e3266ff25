"""Low-rank multimodal fusion: TFN's product, never formed (Liu et al. 2018).

    y = sum over r of w_r * (prod over m of [1; z_m] F_m,r) + b

    submodule    what it is
    <m>_subnet   of a mean: batch norm and three dense layers; of a sequence: LSTM and one dense layer
    fusion       factors F_m [rank, z_m + 1, outputs], weights w [rank], bias b [outputs]

The public code makes a dropout behind the fusion that it never uses; so has this none.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.modalities import assign_rates, check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.subnets import choose_fields, make_subnets
from affect_jax.layers.wide import to_wide

__all__ = ["Model", "choose_fields"]


class LowRankProduct(nn.Module):
    """The fusion of codes [B, Z_m] -> [B, features]."""

    modalities: Sequence[str]
    rank: int
    features: int

    @nn.compact
    def __call__(self, codes: Mapping[str, jax.Array]) -> jax.Array:
        product_RxBxF = None
        for modality in self.modalities:
            code = codes[modality]
            vector = jnp.concatenate([jnp.ones_like(code[:, :1]), code], axis=-1)
            shape = (self.rank, vector.shape[-1], self.features)
            # torch's xavier_normal of three axes: fans are counted over the last two, times what stands behind them.
            deviation = (2.0 / ((shape[0] + shape[1]) * shape[2])) ** 0.5
            factor = self.param(f"factor_{modality}", nn.initializers.normal(deviation), shape)
            mapped_RxBxF = jnp.einsum("bz,rzf->rbf", vector, factor)
            product_RxBxF = mapped_RxBxF if product_RxBxF is None else product_RxBxF * mapped_RxBxF
        weights = self.param("weights", nn.initializers.xavier_normal(), (1, self.rank))
        bias = self.param("bias", nn.initializers.zeros, (1, self.features))
        return jnp.einsum("r,rbf->bf", weights[0], product_RxBxF) + bias


class Model(nn.Module):
    """LMF of two or more modalities.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      sequences: modalities that an LSTM reads; of the others the mean over time is read.
      hidden: width of each modality's subnet, its dense layers or its LSTM's units; one number for all, or one each.
      code: width of what a sequence's subnet gives.
      rank: of the factors.
      dropouts: rates of each modality's subnet; () for the stage's `dropout` everywhere.
    """

    modalities: Sequence[str] = ("audio", "video", "text")
    classes: int = 0
    sequences: Sequence[str] = ("text",)
    hidden: int | Sequence[int] = (16, 128, 128)
    code: int = 64
    rank: int = 4
    dropouts: Sequence[float] = ()

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        return (*(f"{m}_subnet" for m in self.modalities), "fusion")

    def setup(self) -> None:
        """Builds the submodules.

        Raises:
          UserError: the fields do not fit each other.
        """
        check_modalities("lmf", self.modalities)
        check_classes("lmf", self.classes)
        subnets = make_subnets("lmf", self.modalities, self.sequences, self.hidden, self.code)
        for modality, subnet in subnets.items():
            setattr(self, f"{modality}_subnet", subnet)
        self.fusion = LowRankProduct(self.modalities, self.rank, self.classes or 1)

    def __call__(
        self,
        inputs: Mapping[str, jax.Array],
        masks: Mapping[str, jax.Array],
        *,
        train: bool,
        dropout: float | jax.Array = 0.0,
        frozen: Sequence[str] = (),
    ) -> dict[str, jax.Array]:
        """Returns all outputs.

        Args:
          inputs: modality -> [B, T, D], or [B, D].
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout and batch norm act as in training; needs the rng stream 'dropout'.
          dropout: rate, where the model has no rates of its own; may be traced.
          frozen: submodules that run as when not training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `latent/<m>` [B, Z_m].
        """
        rates = assign_rates("lmf", self.dropouts, dropout, len(self.modalities))
        codes = {}
        for modality, rate in zip(self.modalities, rates, strict=True):
            name = f"{modality}_subnet"
            x, mask = read_sequence(inputs, masks, modality)
            codes[modality] = getattr(self, name)(x, mask, train=train and name not in frozen, dropout=rate)
        y = self.fusion({modality: to_wide(code) for modality, code in codes.items()})
        return {f"latent/{m}": code for m, code in codes.items()} | name_outputs(y, self.classes)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]
