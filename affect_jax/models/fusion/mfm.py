"""Multimodal factorization model: factors that predict, and factors that only reconstruct (Tsai et al. 2019).

    z_m = <m>_code(last state of <m>_lstm)          z = joint_code [what MFN has behind the last step]
    f_m = relu(<m>_factor z_m)                      f = relu(joint_factor z)
    y = head f                                      x^_m = <m>_decoder [f; f_m]

    submodule       what it is
    <m>_lstm        encoder, with a dense layer `<m>_code`
    encoder         MFN's body (layers/memory_fusion.py), with a dense layer `joint_code`
    <m>_factor      two layers; `joint_factor` too
    <m>_decoder     an LSTM that reads [f; f_m] first and its own state afterwards, and `<m>_output`
    head            two layers

It learns by the label, by `mse` of each `reconstruction/<m>` with `inputs/<m>`, and by `mmd` of each code `latent/<m>`
and `joint` with `prior/<m>` and `prior/joint`, numbers drawn from N(0, 1) anew in each step of training (elsewhere 0).
The kernel of the public code is exp(-|x - y|^2 / d^2), which `mmd` has by `bandwidth` (d / 2)^.5 for codes of width d.
Modalities share their steps. The encoder of the public code has a head of its own, of width `unused_head`, which is
never used.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.aligned import read_aligned
from affect_jax.layers.decoder import StateDecoder
from affect_jax.layers.dense import Dense
from affect_jax.layers.masked_lstm import MaskedLSTM
from affect_jax.layers.memory_fusion import RATES, MemoryFusion, assign_each, check_gates
from affect_jax.layers.modalities import assign_rates, check_modalities
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.recurrent_fusion import select_last_state
from affect_jax.layers.two_layers import TwoLayers
from affect_jax.layers.wide import to_wide


class Model(nn.Module):
    """MFM of two or more modalities of the same steps.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      hidden: units of the LSTMs of MFN; one number for all, or one each.
      memory: width of MFN's memory.
      attention: hidden width of MFN's attention.
      proposal: hidden width of the net that proposes what is written.
      gates: hidden widths of the gates that keep and that write.
      codes: width of z_m; one number for all, or one each.
      joint_code: width of z.
      factors: width of f_m; one number for all, or one each.
      joint_factor: width of f.
      dropouts: rates of attention, proposal, keeping, writing, each <m>_factor, joint_factor and head; () for the
        stage's `dropout` everywhere.
      unused_head: hidden width of MFN's own head, which has weights and no use; 0 for none.
    """

    modalities: Sequence[str] = ("text", "audio", "video")
    classes: int = 0
    hidden: int | Sequence[int] = (128, 32, 128)
    memory: int = 64
    attention: int = 32
    proposal: int = 64
    gates: Sequence[int] = (32, 64)
    codes: int | Sequence[int] = (64, 80, 80)
    joint_code: int = 80
    factors: int | Sequence[int] = (32, 16, 64)
    joint_factor: int = 64
    dropouts: Sequence[float] = ()
    unused_head: int = 0

    aligned = True
    """Its modalities share their steps."""

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: those that the prediction needs."""
        return ("encoder", "joint_code", "joint_factor", "head")

    @nn.compact
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
          inputs: modality -> [B, T, D] of the same T, or [B, D].
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout acts, and priors are drawn; needs the rng stream 'dropout'.
          dropout: rate, where the model has no rates of its own; may be traced.
          frozen: submodules that run as when not training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `latent/<m>`, z_m;
          `joint`, z; `fused`, what MFN has behind the last step; `prior/<m>` and `prior/joint`, their shapes;
          `reconstruction/<m>`, the input's shape.

        Raises:
          UserError: fields do not fit, or modalities differ in steps.
        """
        rates = assign_rates("mfm", self.dropouts, dropout, RATES + len(self.modalities) + 2)
        outputs = self._predict(inputs, masks, train=train, rates=rates, frozen=frozen)
        x, mask = read_aligned("mfm", inputs, masks, self.modalities)
        codes = assign_each("mfm", "codes", self.codes, self.modalities)
        factors = assign_each("mfm", "factors", self.factors, self.modalities)
        for m, code, width, rate in zip(self.modalities, codes, factors, rates[RATES:-2], strict=True):
            state = select_last_state(MaskedLSTM(code, name=f"{m}_lstm")(x[m], mask), mask)
            latent = outputs[f"latent/{m}"] = Dense(code, name=f"{m}_code")(state)
            factor = TwoLayers(width, width, name=f"{m}_factor")
            own = nn.relu(factor(latent, train=train and f"{m}_factor" not in frozen, dropout=rate))
            decoder = StateDecoder(name=f"{m}_decoder")
            states = decoder(jnp.concatenate([outputs["factor"], own], axis=-1), x[m][:, :, 0])
            reconstruction = Dense(x[m].shape[-1], name=f"{m}_output")(states)
            outputs[f"reconstruction/{m}"] = reconstruction.reshape(inputs[m].shape)
        for name, z in [("joint", outputs["joint"]), *((m, outputs[f"latent/{m}"]) for m in self.modalities)]:
            prior = jax.random.normal(self.make_rng("dropout"), z.shape, z.dtype) if train else jnp.zeros_like(z)
            outputs[f"prior/{name}"] = prior
        return outputs

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self._predict(inputs, masks, train=False, rates=[0.0] * (RATES + len(self.modalities) + 2))["prediction"]

    @nn.compact
    def _predict(
        self,
        inputs: Mapping[str, jax.Array],
        masks: Mapping[str, jax.Array],
        *,
        train: bool,
        rates: Sequence[float | jax.Array],
        frozen: Sequence[str] = (),
    ) -> dict[str, jax.Array]:
        """What needs no decoder."""
        check_modalities("mfm", self.modalities)
        check_classes("mfm", self.classes)
        check_gates("mfm", self.gates)
        units = assign_each("mfm", "hidden", self.hidden, self.modalities)

        def trains(name: str) -> bool:
            return train and name not in frozen

        x, mask = read_aligned("mfm", inputs, masks, self.modalities)
        encoder = MemoryFusion(units, self.memory, self.attention, self.proposal, self.gates, name="encoder")
        fused = encoder(x, mask, train=trains("encoder"), dropouts=rates[:RATES]).join()
        if self.unused_head and self.is_initializing():
            TwoLayers(self.unused_head, 1, name="unused")(fused)
        joint = Dense(self.joint_code, name="joint_code")(fused)
        factor = TwoLayers(self.joint_factor, self.joint_factor, name="joint_factor")
        f = nn.relu(factor(joint, train=trains("joint_factor"), dropout=rates[-2]))
        head = TwoLayers(self.joint_factor, self.classes or 1, name="head")
        y = head(to_wide(f), train=trains("head"), dropout=rates[-1])
        return dict(joint=joint, factor=f, fused=fused, **name_outputs(y, self.classes))
