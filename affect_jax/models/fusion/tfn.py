"""Tensor fusion network: the outer product of all modalities' codes, each with a one in front (Zadeh et al. 2017).

    z_m = subnet of m        t = [1; z_1] (x) [1; z_2] (x) ...        y = post_2(relu post_1(relu post_0(t)))

    submodule    what it is
    <m>_subnet   of a mean: batch norm and three dense layers; of a sequence: LSTM and one dense layer
    post_<i>     three dense layers on the product

The product has (z_1 + 1) (z_2 + 1) ... entries, the last modality's index running fastest. The public code bounds the
sentiment that it predicts to [-3, 3] by a sigmoid.
"""

from collections.abc import Mapping, Sequence

import jax
from flax import linen as nn

from affect_jax.errors import UserError
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.modalities import assign_rates, check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.products import multiply_outer
from affect_jax.layers.subnets import choose_fields, make_subnets
from affect_jax.layers.wide import to_wide

__all__ = ["Model", "choose_fields"]


class Model(nn.Module):
    """TFN of two or more modalities.

    Attributes:
      modalities: those that are read, in the order of the product.
      classes: number of classes, or 0 for a regression.
      sequences: modalities that an LSTM reads; of the others the mean over time is read.
      hidden: width of each modality's subnet, its dense layers or its LSTM's units; one number for all, or one each.
      code: width of what a sequence's subnet gives.
      post: width of the dense layers behind the product.
      dropouts: rates of each modality's subnet and, last, of the product; () for the stage's `dropout` everywhere.
      interval: least and greatest number that a regression can predict; () for no bounds.
    """

    modalities: Sequence[str] = ("audio", "video", "text")
    classes: int = 0
    sequences: Sequence[str] = ("text",)
    hidden: int | Sequence[int] = (32, 32, 128)
    code: int = 32
    post: int = 64
    dropouts: Sequence[float] = ()
    interval: Sequence[float] = ()

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        return (*(f"{m}_subnet" for m in self.modalities), "post_0", "post_1", "post_2")

    def setup(self) -> None:
        """Builds the submodules.

        Raises:
          UserError: the fields do not fit each other.
        """
        check_modalities("tfn", self.modalities)
        check_classes("tfn", self.classes)
        if len(self.interval) not in (0, 2) or (self.interval and self.classes):
            raise UserError(f"model 'tfn' has interval {self.interval}; give (least, greatest) of a regression, or ()")
        subnets = make_subnets("tfn", self.modalities, self.sequences, self.hidden, self.code)
        for modality, subnet in subnets.items():
            setattr(self, f"{modality}_subnet", subnet)
        self.drop = Dropout()
        self.post_0, self.post_1 = Dense(self.post), Dense(self.post)
        self.post_2 = Dense(self.classes or 1)

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
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `latent/<m>` [B, Z_m];
          `fused`, the product.
        """
        rates = assign_rates("tfn", self.dropouts, dropout, len(self.modalities) + 1)
        outputs = {}
        for modality, rate in zip(self.modalities, rates[:-1], strict=True):
            name = f"{modality}_subnet"
            x, mask = read_sequence(inputs, masks, modality)
            code = getattr(self, name)(x, mask, train=train and name not in frozen, dropout=rate)
            outputs[f"latent/{modality}"] = code
        fused = outputs["fused"] = multiply_outer(list(outputs.values()))
        hidden = self.drop(fused, rates[-1], train=train and "post_0" not in frozen)
        hidden = nn.relu(self.post_1(nn.relu(self.post_0(hidden))))
        y = self.post_2(to_wide(hidden))
        if self.interval:
            least, greatest = self.interval
            y = jax.nn.sigmoid(y) * (greatest - least) + least
        return outputs | name_outputs(y, self.classes)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]
