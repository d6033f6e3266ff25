"""What description.json says beside shapes, as programs rely on it: its types, and that its parts fit each other."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from affect_jax.metrics import TASKS
from affect_jax.runtime.typed_json import Mismatch, decode, quote


@dataclasses.dataclass(frozen=True)
class CorpusSummary:
    """`trained.corpus`; see `results_file.CorpusRecord`."""

    name: str
    form: str
    synthetic: bool


@dataclasses.dataclass(frozen=True)
class Trained:
    """`trained`; see `deployment.Deployed.trained`."""

    task: str
    target: str
    labels: tuple[str, ...]
    corpus: CorpusSummary
    rate: int | None


@dataclasses.dataclass(frozen=True)
class Windows:
    """`windows`: in which longer sequences are read."""

    steps: int
    hop: int


def check_description(described: Mapping[str, Any], shapes: Mapping[str, tuple[int | str, ...]], output: int) -> None:
    """Checks what is said of a model's output, training and windows.

    Args:
      described: description.json.
      shapes: modality -> shape of its features.
      output: axes of the model's output.

    Raises:
      Mismatch: a value has another type, or says what the model cannot be.
    """
    trained = decode(Trained, described.get("trained"), "trained")
    trial = decode(dict[str, Any], described.get("trial"), "trial")
    decode(str, trial.get("variant"), "trial.variant")
    shape = tuple(described["output"]["shape"][1:-1].split(", "))
    of_steps = len(next(iter(shapes.values()))) - 1
    is_item = described["output"]["unit"] == "item"
    if described["output"]["unit"] not in ("item", "step"):
        raise Mismatch(f"has output.unit = {quote(described['output']['unit'])}, expected 'item' or 'step'")
    classes = output - (1 if is_item else of_steps)
    if classes not in (0, 1):
        raise Mismatch(f"has output.unit = {quote(described['output']['unit'])}, which [{', '.join(shape)}] is not of")
    _check_task(trained, int(shape[-1]) if classes and shape[-1].isdigit() else 0)
    if trained.rate is not None:
        of_speech = [name for name, sizes in shapes.items() if len(sizes) == 3 and sizes[-1] == 1]
        if trained.rate <= 0 or not is_item or len(shapes) != 1 or not of_speech:
            raise Mismatch(f"has trained.rate = {quote(trained.rate)}, but the model does not read raw speech")
    if "windows" in described:
        windows = decode(Windows, described["windows"], "windows")
        if is_item or not 0 < windows.hop <= windows.steps:
            raise Mismatch(f"has windows = {quote(described['windows'])}, in which no model can be read")


def _check_task(trained: Trained, classes: int) -> None:
    """Raises Mismatch where `classes` logits (0: one number) are not what the task has, or are named otherwise."""
    if trained.task not in TASKS:
        raise Mismatch(f"has trained.task = {quote(trained.task)}, expected one of {', '.join(TASKS)}")
    if (trained.task == "multiclass") != bool(classes):
        raise Mismatch(f"has trained.task = {quote(trained.task)}, which the model's output is not of")
    names = trained.labels
    if classes and names and (len(names) != classes or len(set(names)) != classes):
        raise Mismatch(f"has trained.labels = {quote(list(names))}, expected the different names of {classes} classes")
