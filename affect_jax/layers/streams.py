"""Networks of one modality each, side by side, as teachers, students and what imitates them have in common.

Letters in names of arrays are axes: B batch, T steps, D features.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError
from affect_jax.layers.aligned import check_steps
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.modalities import average_steps, check_modalities, read_sequence
from affect_jax.layers.outputs import name_outputs
from affect_jax.layers.wide import to_wide


class StreamOutput(NamedTuple):
    """What a stream says of a batch.

    Attributes:
      levels: of every layer the mean over the valid steps, [B, W].
      code: what is scored: the last of them, or the bottleneck.
      scores: logits [B, C], or [B, 1] of a regression.
    """

    levels: tuple[jax.Array, ...]
    code: jax.Array
    scores: jax.Array


class Stream(nn.Module):
    """Dense layers on every step, residual but for the first, the mean of the steps, and a dense layer that scores.

    Another stream may gate it: a residual layer then reads its input times the other's level before it,
    x + relu(W (x * gate) + b) (Garcia et al. 2018).

    Attributes:
      width: of the layers.
      layers: how many.
      outputs: scores.
      bottleneck: width of a last layer of the mean over time; 0 for none.
    """

    width: int
    layers: int
    outputs: int
    bottleneck: int = 0

    @nn.compact
    def __call__(
        self,
        x_BxTxD: jax.Array,
        mask_BxT: jax.Array,
        gates: Sequence[jax.Array] = (),
        *,
        train: bool = False,
        dropout: float | jax.Array = 0.0,
    ) -> StreamOutput:
        """Returns levels, code and scores; `gates` [B, W] are the levels of another stream, () for none.

        `train`: dropout of `dropout` acts in front of the scores; needs the rng stream 'dropout'.
        """
        x, levels = x_BxTxD, []
        for number in range(self.layers):
            read = x * gates[number - 1][:, None].astype(x.dtype) if gates and number else x
            y = nn.relu(Dense(self.width, name=f"layer_{number}")(read))
            x = x + y if number else y
            levels.append(average_steps(x, mask_BxT))
        code = nn.relu(Dense(self.bottleneck, name="bottleneck")(levels[-1])) if self.bottleneck else levels[-1]
        dropped = Dropout(name="drop")(to_wide(code), dropout, train=train)
        return StreamOutput(tuple(levels), code, Dense(self.outputs, name="head")(dropped))


class Streams(nn.Module):
    """A `Stream` for each of some names, whose parameters are one submodule of a model."""

    names: Sequence[str]
    width: int
    layers: int
    outputs: int
    bottleneck: int = 0

    @nn.compact
    def __call__(
        self,
        sequences: Mapping[str, tuple[jax.Array, jax.Array]],
        *,
        train: bool = False,
        dropout: float | jax.Array = 0.0,
    ) -> dict[str, StreamOutput]:
        """Returns name -> output, of the names that `sequences` (name -> x [B, T, D] and mask [B, T]) has."""
        sizes = self.width, self.layers, self.outputs, self.bottleneck
        streams = {name: Stream(*sizes, name=name) for name in self.names if name in sequences}
        return {name: stream(*sequences[name], train=train, dropout=dropout) for name, stream in streams.items()}


ROLES = ("student", "teachers", "pair")
"""What outputs are called that are of no one modality, such as `logits/student`."""


def check_roles(model: str, modalities: Sequence[str]) -> None:
    """Checks the field `modalities` of a model: the student's, then its teachers'.

    Raises:
      UserError: there are fewer than two, one of them twice, or one that is called as a role.
    """
    check_modalities(model, modalities)
    for name in set(modalities) & set(ROLES):
        raise UserError(f"model {model!r} has a modality called {name!r}, which is an output; give it another name")


def read_sequences(
    inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array], modalities: Sequence[str], *, initial: bool
) -> dict[str, tuple[jax.Array, jax.Array]]:
    """Modality -> sequence and mask, as `read_sequence`: of the first and of those others that the batch has.

    Raises:
      UserError: the batch lacks the first, which is deployed, or, where the model is `initial`, any.
    """
    needed = modalities if initial else modalities[:1]
    return {m: read_sequence(inputs, masks, m) for m in modalities if m in needed or m in inputs}


def fold_steps(
    model: str, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array], modalities: Sequence[str]
) -> tuple[dict[str, jax.Array], dict[str, jax.Array], tuple[int, ...]]:
    """Every step as an example of its own, for a label a step: modality -> x [B T, D], mask [B T], and (B, T).

    Vectors [B, D] have one step. Modalities that the batch lacks are left out.

    Raises:
      UserError: modalities differ in steps.
    """
    there = {m: inputs[m] if inputs[m].ndim > 2 else inputs[m][:, None] for m in modalities if m in inputs}
    check_steps(model, {m: x.shape[1] for m, x in there.items()})
    folded = {m: x.reshape(x.shape[0] * x.shape[1], x.shape[2]) for m, x in there.items()}
    shapes = {m: x.shape[:2] for m, x in there.items()}
    return folded, {m: masks[m].reshape(shapes[m][0] * shapes[m][1]) for m in there}, next(iter(shapes.values()), ())


def unfold_steps(outputs: Mapping[str, jax.Array], lead: tuple[int, ...]) -> dict[str, jax.Array]:
    """Outputs [B T, ...] of `fold_steps` -> [B, T, ...]."""
    return {name: y.reshape((*lead, *y.shape[1:])) for name, y in outputs.items()}


def fix_target(imitation: jax.Array, teacher: jax.Array, present_B: jax.Array) -> jax.Array:
    """What `imitation` [B, W] is compared with: the teacher's code, which does not move, or, of an example without the
    teacher's modality, the imitation itself, so that it learns nothing of it."""
    return jax.lax.stop_gradient(jnp.where(present_B[:, None], teacher, imitation))


def name_scores(scores: Mapping[str, jax.Array], classes: int) -> dict[str, jax.Array]:
    """`logits<owner>` and `prediction<owner>` of scores by owner: '' for the model's own, '/audio' and so on."""
    named = {owner: name_outputs(y, classes) for owner, y in scores.items()}
    return {f"{name}{owner}": value for owner, of_owner in named.items() for name, value in of_owner.items()}


def choose_dropout(
    names: Sequence[str], frozen: Sequence[str], dropout: float | jax.Array, *, train: bool
) -> dict[str, dict[str, Any]]:
    """Submodule -> the arguments by which its dropout acts: in training, where the stage does not freeze it."""
    return {name: dict(train=train and name not in frozen, dropout=dropout) for name in names}
