"""Translation between modalities as a way to codes of sentiment: Seq2Seq2Sentiment (Pham et al. 2018).

    submodule      what it is
    encoder_<i>    bi-LSTM of level i, its directions added up
    decoder_<i>    attends to the codes and reads the truth of the step before (teacher forcing)
    regressor      LSTM over the last level's code
    classifier     dense layer on its last state

Level 1 translates the first modality into the second, each further level the code of the level before into the next
modality (the paper's hierarchy, of three modalities). Translations need no labels; the first modality alone says one.
`mctn` adds the way back, a cycle, and padding to a common width.

After the paper: there is no public code, and widths are those of `mctn`.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masked_lstm import MaskedLSTM
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.modalities import check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.recurrent_fusion import select_last_state
from affect_jax.layers.seq2seq import AttentionDecoder, Encoder
from affect_jax.layers.wide import to_wide


class Model(nn.Module):
    """Seq2Seq2Sentiment of two or more modalities, of which the first is deployed.

    Attributes:
      modalities: that which is deployed, then its targets in the order of the levels.
      classes: number of classes, or 0 for a number.
      units: of all LSTMs.
    """

    modalities: Sequence[str] = ("text", "vision", "audio")
    classes: int = 0
    units: int = 32
    deploys_first = True  # no field: the others of its modalities are of training alone

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all but the decoders."""
        return (*(f"encoder_{i}" for i in range(len(self.modalities) - 1)), "regressor", "classifier")

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
          inputs: modality -> [B, T, D], or [B, D]. A translation is left out where the batch lacks its target.
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate of the codes in front of the regressor and of its state; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `latent/<first>`, the
          last level's code [B, T, units]; `translation/<m>` of every target, of its input's shape.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("seq2seq2sentiment", self.modalities)
        check_classes("seq2seq2sentiment", self.classes)
        source, *targets = self.modalities
        code, mask = read_sequence(inputs, masks, source)
        outputs = {}
        for level, target in enumerate(targets):
            code, first = Encoder(self.units, name=f"encoder_{level}")(code, mask)
            if target not in inputs:
                continue
            truth, valid = read_sequence(inputs, masks, target)
            before = jnp.concatenate([jnp.zeros_like(truth[:, :1]), truth[:, :-1]], axis=1)
            decoded = AttentionDecoder(truth.shape[-1], name=f"decoder_{level}")(code, mask, first, before)
            outputs[f"translation/{target}"] = zero_padding(decoded, valid).reshape(inputs[target].shape)
        outputs[f"latent/{source}"] = code
        code = Dropout(name="drop_code")(code, dropout, train=train and "regressor" not in frozen)
        state = select_last_state(MaskedLSTM(self.units, name="regressor")(code, mask), mask)
        state = Dropout(name="drop_state")(to_wide(state), dropout, train=train and "classifier" not in frozen)
        return outputs | name_outputs(Dense(self.classes or 1, name="classifier")(state), self.classes)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes], from the first modality and deployed parameters."""
        source = self.modalities[0]
        return self({source: inputs[source]}, masks, train=False)["prediction"]
