"""MFAS: a search for the layers at which modalities are fused, and how (Perez-Rua et al. 2019).

Each modality has a network of its own, trained first and then kept. Fusion i reads one layer of each network, and what
the fusion before it made:

    z_0 = act_0(W_0 [h_m,l(0,m) of all m]),   z_i = act_i(W_i [h_m,l(i,m) of all m; z_i-1]),   answer = W z_depth

Which layers l, which activations and how many fusions are `choices`: numbers that trials of one program may differ in,
so a search over them is a study (`config.search`, with `stages.<stage>.choices.<name>` in its ranges).

    choice             what it says
    layer_<i>_<m>      the layer of modality m that fusion i reads
    activation_<i>     of fusion i: 0 ReLU, 1 sigmoid, 2 leaky ReLU
    depth              number of fusions, less one

    submodule          what it is
    <m>_summary        of a sequence: its mean, statistics, or a GRU's last state
    <m>_layer_<i>      dense layer with ReLU; all have one width, so that W_i fits whichever is chosen
    <m>_head           of the modality's own network, for its first stage
    fusion_<i>, head   W_i, W
    choices            what was chosen

After the paper, on vectors instead of pictures. There a new fusion's weights come from other samples with layers of the
same sizes, an LSTM predicts the scores and a temperature the next samples; here each trial trains its fusions itself,
on networks that all trials of a seed share, and a forest predicts (experiment/proposals.py).
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.choices import CHOICES, Choices
from affect_jax.layers.dense import Dense
from affect_jax.layers.heads import apply_head
from affect_jax.layers.modalities import check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes
from affect_jax.layers.summary import Summary

ACTIVATIONS = (nn.relu, nn.sigmoid, nn.leaky_relu)


class Model(nn.Module):
    """Networks of two or more modalities, and a fusion of some of their layers.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      summary: of a sequence: 'mean', 'statistics' or 'gru'.
      units: of the GRUs.
      width: of the networks' layers.
      layers: of each network.
      fusions: at most so many.
      inner: width of a fusion.
    """

    modalities: Sequence[str] = ("text", "video", "audio")
    classes: int = 0
    summary: str = "statistics"
    units: int = 64
    width: int = 64
    layers: int = 3
    fusions: int = 3
    inner: int = 16

    @property
    def choices(self) -> dict[str, int]:
        """Name -> how many there are to choose from."""
        numbers = range(self.fusions)
        chosen = {f"layer_{i}_{m}": self.layers for i in numbers for m in self.modalities}
        return chosen | {f"activation_{i}": len(ACTIVATIONS) for i in numbers} | {"depth": self.fusions}

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that prediction needs; the modalities' heads are not among them."""
        summaries = [f"{m}_summary" for m in self.modalities if self.summary == "gru"]
        layers = [f"{m}_layer_{i}" for m in self.modalities for i in range(self.layers)]
        return (*summaries, *layers, *(f"fusion_{i}" for i in range(self.fusions)), "head")

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
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate in front of every head; may be traced.
          frozen: submodules that run as when not training.
          whole: what only losses read is computed too.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; the same of each
          modality, `logits/<m>` and `prediction/<m>`, and their mean, `average`; `fused` [B, inner].

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("mfas", self.modalities)
        check_classes("mfas", self.classes)
        chosen = Choices(name=CHOICES)(self.choices)
        layers, outputs = {}, {}
        for m in self.modalities:
            x, held = Summary(self.summary, self.units, name=f"{m}_summary")(*read_sequence(inputs, masks, m)), []
            for i in range(self.layers):
                x = nn.relu(Dense(self.width, name=f"{m}_layer_{i}")(x))
                held.append(x)
            layers[m] = jnp.stack(held)
            if whole:
                head = self._head(f"{m}_head", x, dropout, train, frozen)
                outputs |= {f"{name}/{m}": y for name, y in head.items()}
        if whole:
            outputs["average"] = sum(outputs[f"prediction/{m}"] for m in self.modalities) / len(self.modalities)
        fused = self._fuse(layers, chosen)
        return outputs | {"fused": fused} | self._head("head", fused, dropout, train, frozen)

    def _fuse(self, layers_LxBxW: Mapping[str, jax.Array], chosen: Mapping[str, jax.Array]) -> jax.Array:
        """[B, inner], the last of the fusions that were chosen."""
        fusions: list[jax.Array] = []
        for i in range(self.fusions):
            read = [layers_LxBxW[m][chosen[f"layer_{i}_{m}"]] for m in self.modalities] + fusions[-1:]
            y = Dense(self.inner, name=f"fusion_{i}")(jnp.concatenate(read, axis=-1))
            fusions.append(jnp.stack([act(y) for act in ACTIVATIONS])[chosen[f"activation_{i}"]])
        return jnp.stack(fusions)[chosen["depth"]]

    def _head(
        self, name: str, x: jax.Array, rate: float | jax.Array, train: bool, frozen: Sequence[str]
    ) -> dict[str, jax.Array]:
        return apply_head(name, x, self.classes, dropout=rate, train=train and name not in frozen)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False, whole=False)["prediction"]
