"""CentralNet: a network of its own reads what the modalities' networks hold at every layer (Vielzeuf et al. 2018).

    h_m,i = relu(h_m,i-1 W_m,i + b_m,i)
    h_c,i = relu(BN((alpha_c,i h_c,i-1 + sum over m of alpha_m,i h_m,i) W_c,i))

    submodule         what it is
    <m>_summary       of a sequence: its mean, statistics, or a GRU's last state
    <m>_layer_<i>     W_m,i, b_m,i
    central_<i>       alphas, one number for each stream, and W_c,i; `central_norm_<i>` its batch norm
    <m>_head, central_head

CentralNet adds the losses of all heads, `logits/<m>` and `logits`; DMF (deep multimodal fusion, thesis reference 70)
has that of the central one alone. After the papers; `centralnet_pictures` is the form of which there is public code.
"""

from collections.abc import Mapping, Sequence

import jax
from flax import linen as nn

from affect_jax.layers.batch_norm import BatchNorm
from affect_jax.layers.dense import Dense
from affect_jax.layers.heads import apply_head
from affect_jax.layers.modalities import check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes
from affect_jax.layers.summary import TRAINED, Summary


class CentralLayer(nn.Module):
    """The weighted sum of streams [B, W], through a dense layer."""

    width: int

    @nn.compact
    def __call__(self, streams: Sequence[jax.Array]) -> jax.Array:
        alphas = self.param("alphas", nn.initializers.uniform(1.0), (len(streams),))
        total = sum(alpha * x for alpha, x in zip(alphas, streams, strict=True))
        return Dense(self.width, name="dense")(total)


class Model(nn.Module):
    """CentralNet of two or more modalities.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      summary: of a sequence: 'mean', 'statistics', 'attentive' or 'gru'.
      units: of the GRUs.
      width: of all layers.
      layers: of each network.
    """

    modalities: Sequence[str] = ("text", "video", "audio")
    classes: int = 0
    summary: str = "statistics"
    units: int = 64
    width: int = 64
    layers: int = 2

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that prediction needs; the modalities' heads are not among them."""
        summaries = [f"{m}_summary" for m in self.modalities if self.summary in TRAINED]
        layers = [f"{m}_layer_{i}" for m in self.modalities for i in range(self.layers)]
        central = [f"central{kind}_{i}" for i in range(self.layers) for kind in ("", "_norm")]
        return (*summaries, *layers, *central, "central_head")

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
          inputs: modality -> [B, T, D], or [B, D].
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout and batch norm act as in training; needs the rng stream 'dropout'.
          dropout: rate in front of every head; may be traced.
          frozen: submodules that run as when not training.
          whole: what only losses read is computed too.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B], of the central
          network; the same of each modality, `logits/<m>` and `prediction/<m>`; `fused` [B, width].

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("centralnet", self.modalities)
        check_classes("centralnet", self.classes)
        streams = {
            m: Summary(self.summary, self.units, name=f"{m}_summary")(*read_sequence(inputs, masks, m))
            for m in self.modalities
        }
        central, outputs = None, {}
        for i in range(self.layers):
            streams = {m: nn.relu(Dense(self.width, name=f"{m}_layer_{i}")(x)) for m, x in streams.items()}
            joined = [*([] if central is None else [central]), *streams.values()]
            norm = f"central_norm_{i}"
            x = CentralLayer(self.width, name=f"central_{i}")(joined)
            central = nn.relu(BatchNorm(name=norm)(x, train=train and norm not in frozen))
        for m, x in streams.items() if whole else ():
            outputs |= {f"{name}/{m}": y for name, y in self._head(f"{m}_head", x, dropout, train, frozen).items()}
        return outputs | {"fused": central} | self._head("central_head", central, dropout, train, frozen)

    def _head(
        self, name: str, x: jax.Array, rate: float | jax.Array, train: bool, frozen: Sequence[str]
    ) -> dict[str, jax.Array]:
        return apply_head(name, x, self.classes, dropout=rate, train=train and name not in frozen)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False, whole=False)["prediction"]
