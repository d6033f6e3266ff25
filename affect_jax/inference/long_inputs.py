"""Predictions of sequences of any length, of which nothing is cut off.

Where every step has a prediction, long sequences are read in the windows of the run's evaluation, and a step is scored
by the window with the most context. Where an item has one, windows as long as the model reads at once cover all of it,
and their predictions are averaged; those of classes as probabilities.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from affect_jax.data.splits import restore_delay
from affect_jax.data.windows import list_evaluated
from affect_jax.errors import UserError
from affect_jax.inference.predictor import Predictor, predict_batch

_SHORTEST = 16
"""Steps to which sequences are padded at least, so that few lengths are compiled."""


class Prediction(NamedTuple):
    """What a model says of one recording.

    Attributes:
      values: float32 [1] of an item, or [T]; logits of classes have one more axis.
      windows: how many windows it was read in; 1 for a whole one.
      read: modality -> frames that the model reads at once, of the modalities that are longer.
      disagreement: float32 [1] or [T], how far the members of an ensemble disagree; None of one trial.
    """

    values: np.ndarray
    windows: int
    read: dict[str, int]
    disagreement: np.ndarray | None = None


def predict_steps(predictor: Predictor, features: Mapping[str, np.ndarray]) -> Prediction:
    """Predicts every step of a recording.

    Args:
      predictor: of steps.
      features: modality -> float32 [T, D], all of one T.
    """
    length = len(next(iter(features.values())))
    padded = max(_SHORTEST, 1 << (length - 1).bit_length())
    if predictor.is_frame:
        frames = {name: np.pad(x, ((0, padded - length), (0, 0))) for name, x in features.items()}
        said = predict_batch(predictor, frames, dict.fromkeys(frames, np.arange(padded) < length))
        values, doubt = (x if x is None else restore_delay(x[:length], predictor.delay) for x in said)
        return Prediction(values, 1, {}, doubt)
    pieces = list_evaluated(length, predictor.windows)
    rows = 1 << (len(pieces) - 1).bit_length()
    steps = predictor.windows.window if len(pieces) > 1 else padded
    mask = np.zeros((rows, steps), bool)
    cut = {name: np.zeros((rows, steps, x.shape[1]), np.float32) for name, x in features.items()}
    for row, (_, start, size, *_) in enumerate(pieces):
        mask[row, :size] = True
        for name, x in features.items():
            cut[name][row, :size] = x[start : start + size]

    def join_windows(rows: np.ndarray | None) -> np.ndarray | None:
        if rows is None:
            return None
        scored = [row[piece.first : piece.last] for row, piece in zip(rows, pieces, strict=False)]
        return restore_delay(np.concatenate(scored), predictor.delay)

    values, doubt = map(join_windows, predict_batch(predictor, cut, dict.fromkeys(cut, mask)))
    return Prediction(values, len(pieces), dict.fromkeys(features, steps) if len(pieces) > 1 else {}, doubt)


def predict_item(predictor: Predictor, features: Mapping[str, np.ndarray]) -> Prediction:
    """Predicts an item.

    Args:
      predictor: of items.
      features: modality -> float32 [T_m, D_m]; a missing one has no entry.

    Raises:
      UserError: a modality of which the model takes one frame has several.
    """
    sizes = {name: shape[1] for name, shape in predictor.shapes.items() if len(shape) == 3}
    for name, values in features.items():
        if sizes.get(name, 1) == 1 and len(values) != 1:
            raise UserError(
                f"{name!r} has {len(values)} frames, and the model takes one frame of it an item; give one item at a "
                "time"
            )
    longer = {name: size for name, size in sizes.items() if name in features and len(features[name]) > size}
    # As few windows as cover all, at one relative place in every modality that is longer; others are read whole.
    count = max((-(-len(features[name]) // size) for name, size in longer.items()), default=1)
    inputs, masks = {}, {}
    for name, shape in predictor.shapes.items():
        values, size = features.get(name), sizes.get(name, 1)
        cut = np.zeros((count, size, shape[-1]), np.float32)
        mask = np.zeros((count, size), bool)
        for row in range(count if values is not None else 0):
            first = round(row * (len(values) - size) / (count - 1)) if name in longer else 0
            piece = values[first : first + size]
            cut[row, : len(piece)], mask[row, : len(piece)] = piece, True
        inputs[name], masks[name] = (cut, mask) if len(shape) == 3 else (cut[:, 0], mask[:, 0])
    # One window at a time: all items of all lengths go through one compiled program.
    rows = [
        predict_batch(predictor, {m: x[[row]] for m, x in inputs.items()}, {m: x[[row]] for m, x in masks.items()})
        for row in range(count)
    ]
    values, doubts = zip(*rows, strict=True)
    doubt = None if doubts[0] is None else np.concatenate(doubts).mean(0)[None]
    return Prediction(average_windows(np.concatenate(values))[None], count, longer, doubt)


def average_windows(values: np.ndarray) -> np.ndarray:
    """The mean of [W] numbers or probabilities; of [W, C] logits, the logarithm of their mean probabilities."""
    if values.ndim == 1 or len(values) == 1:
        return values.mean(0)
    shifted = values - values.max(1, keepdims=True)
    shares = np.exp(shifted, dtype=np.float64)
    mean = (shares / shares.sum(1, keepdims=True)).mean(0)
    return np.log(np.maximum(mean, np.finfo(np.float32).tiny)).astype(np.float32)
