"""How long and in what steps a config for another corpus is trained on one's own, which may be much smaller.

A batch of 32 is all that a corpus of fifty clips has: an epoch is then one update, and early stopping ends the run
before it has learned anything.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from affect_jax.config.changes import was_given

UPDATES = 8
"""An epoch has at least so many, as far as batches of LEAST_BATCH allow it."""
LEAST_BATCH, MOST_BATCH = 4, 32
EPOCHS, PATIENCE = 50, 15
"""At least so many, of a config for another corpus."""
_TRAINED = 0.6
"""Share of a corpus that a fold trains on."""


def count_examples(data: Mapping[str, Any], items: int, steps: Sequence[int]) -> int:
    """Training examples of a fold, roughly; 0 for frames, of which there are always many.

    Args:
      data: `config.data` with its windows in steps.
      items: that the corpus has.
      steps: of each sequence.
    """
    if data["unit"] == "frame":
        return 0
    count = items if data["unit"] == "item" else len(steps)
    if data["unit"] != "item" and data.get("window") and data.get("hop"):
        count = sum(max(length // data["hop"], 1) for length in steps)
    return int(_TRAINED * count)


def fit_schedule(
    stages: Mapping[str, Any], examples: int, given: Collection[str], *, is_for_other: bool
) -> dict[str, Any]:
    """`config.stages` with batches that leave an epoch several updates, and time to learn.

    A batch that is left open is chosen; what a config for another corpus has is lowered, and its epochs and patience
    raised, but for what flags gave.
    """
    chosen = _choose_batch(examples)
    fitted = {}
    for name, stage in stages.items():
        free = {key for key in ("batch", "epochs", "patience") if not was_given(f"stages.{name}.{key}", given)}
        if stage["batch"] is None:
            stage = {**stage, "batch": chosen}
        elif is_for_other and "batch" in free and chosen < stage["batch"]:
            least = {"epochs": EPOCHS, "patience": PATIENCE if stage["patience"] else 0}
            longer = {key: max(stage[key] or 0, count) for key, count in least.items() if key in free}
            stage = {**stage, "batch": chosen, **longer}
        fitted[name] = stage
    return fitted


def fill_batches(studies: Mapping[str, Any], examples: int) -> dict[str, Any]:
    """`config.studies` whose stages of their own have the batch that is chosen, where they leave it open."""
    chosen, filled = _choose_batch(examples), {}
    for name, study in studies.items():
        stages = {
            key: {**stage, "batch": chosen} if stage and stage.get("batch", chosen) is None else stage
            for key, stage in (study.get("stages") or {}).items()
        }
        filled[name] = {**study, "stages": stages} if stages else study
    return filled


def _choose_batch(examples: int) -> int:
    return min(max(examples // UPDATES, LEAST_BATCH), MOST_BATCH) if examples else MOST_BATCH
