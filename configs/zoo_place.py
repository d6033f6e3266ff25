"""What a corpus has for the methods of the zoo, and the stage that all of them share."""

from typing import Any, NamedTuple

from configs import base

Study = dict[str, Any]
"""What a study has otherwise than its config."""


class Place(NamedTuple):
    """What a corpus has for a method.

    Attributes:
      modalities: their names, in the corpus' order.
      sequences: those of more than one step.
      classes: of its labels.
      width: of the methods' layers, the same for all.
      shares_steps: all modalities have the same steps.
      per_step: a label for each step, not one for an item.
      epochs: at most so many.
      patience: epochs without a better score before it stops.
      batch: examples of an update; None for what leaves an epoch several updates.
    """

    modalities: tuple[str, ...]
    sequences: tuple[str, ...]
    classes: int
    width: int
    shares_steps: bool = False
    per_step: bool = False
    epochs: int = 50
    patience: int = 10
    batch: int | None = 32


def make_stage(place: Place, train: tuple[str, ...], losses: Any, prediction: str = "prediction") -> dict[str, Any]:
    """A stage as that of all methods."""
    return base.stage(
        train=train,
        losses=losses,
        optimizer=base.adam(1e-3),
        monitor="uar",
        epochs=place.epochs,
        patience=place.patience,
        batch=base.left_open(int) if place.batch is None else place.batch,
        dropout=0.2,
        prediction=prediction,
    )
