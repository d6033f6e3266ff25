"""How much speech overlaps, frame by frame, and what that says of conflict: rows of table 3.1.

    submodule  what it is
    blstm      bidirectional LSTM on frames, means of `pool` of them
    turns      dense layer with a sigmoid on every state: does anybody speak, and do two at once?
    hidden     dense layers on the overlap ratio and the frames' means and deviations; not where `hidden` is ()
    head       dense layer on these, or on the ratio alone

The overlap ratio is the time in which two speak over the time in which anybody does, by the sums of what `turns` says.
It is learned from who speaks when, in a stage before that of the head; predicting needs the sound alone. A line on the
ratio is what Grezes, Richards & Rosenberg classify by (INTERSPEECH 2013; their ratio is a support vector regression's);
a deep network on it and on prosody is the hierarchy of Brueckner & Schuller ("Be at odds?", 2015), with a BLSTM, too.

After what the thesis tells of the papers (table 2.4): there is no public code, and widths are chosen. Of prosody it
reads the means and deviations of its own frames.
Letters in names of arrays are axes: B batch, T frames, S means of frames, D features.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import MLP, Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.frames import average_frames
from affect_jax.layers.masked_lstm import MaskedLSTM
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.modalities import average_steps, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.wide import to_wide


class Model(nn.Module):
    """A BLSTM that hears overlap, and a head that reads how much there is.

    Attributes:
      modality: the one that is read, such as log-mels.
      classes: number of classes, or 0 for a number.
      pool: frames that are averaged before the LSTM.
      units: of each of its directions.
      hidden: widths of dense layers on the ratio, means and deviations; () for a line on the ratio alone.
    """

    modality: str = "log_mel"
    classes: int = 0
    pool: int = 4
    units: int = 32
    hidden: Sequence[int] = ()

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        return ("blstm", "turns", *(("hidden",) if self.hidden else ()), "head")

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
          inputs: the modality -> [B, T, D].
          masks: the modality -> bool [B, T].
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate in front of the head; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `ratio` [B], the
          overlap ratio; `turns` [B, T, 2], in [0, 1], whether anybody speaks and whether two do.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_classes("overlap_blstm", self.classes)
        x, mask = read_sequence(inputs, masks, self.modality)
        x_BxSxD, mask_BxS, place_T = average_frames(x, mask, self.pool, "overlap_blstm")
        states = MaskedLSTM(self.units, bidirectional=True, name="blstm")(x_BxSxD, mask_BxS)
        said_BxSx2 = zero_padding(nn.sigmoid(to_wide(Dense(2, name="turns")(states))), mask_BxS)
        anybody, two = said_BxSx2.sum(axis=1).T
        ratio_B = two / jnp.maximum(anybody, 1e-6)
        read = ratio_B[:, None]
        if self.hidden:
            mean = average_steps(x_BxSxD, mask_BxS)
            square = average_steps(jnp.square(x_BxSxD - mean[:, None]), mask_BxS)
            read = jnp.concatenate([read, mean, square], axis=-1)
            read = nn.tanh(MLP(self.hidden, name="hidden")(read))
        acts = train and "head" not in frozen
        read = Dropout(name="drop")(to_wide(read), dropout, train=acts) if self.hidden else read
        outputs = name_outputs(Dense(self.classes or 1, name="head")(read), self.classes)
        return outputs | {"ratio": ratio_B, "turns": said_BxSx2[:, place_T]}

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, C]."""
        return self(inputs, masks, train=False)["prediction"]
