"""What description.json says beside shapes, as programs rely on it: its types, and that its parts fit each other."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from affect_jax.data.windows import WindowPlan
from affect_jax.datasets.input_form import InputForm
from affect_jax.datasets.manifest.settings import LAYOUTS, LOWEST_RATES
from affect_jax.datasets.missing_values import POLICIES
from affect_jax.errors import join_words
from affect_jax.experiment.calibrations import Calibration
from affect_jax.metrics import TASKS
from affect_jax.metrics.conformal import COVERAGES
from affect_jax.runtime.typed_json import Mismatch, decode, quote

_LEAST, _MOST = 1e-4, 1e9
"""Of sizes and times: less or more of them would ask for more memory than there is."""


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
    moddrop: bool
    postprocessing: str
    words: dict[str, Any] | None = None
    within: Literal["group", "recording"] | None = None
    average: dict[str, int] | None = None


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
    _check_output(described["output"], trained, len(next(iter(shapes.values()))) - 1, output)
    if trained.rate is not None and not 0 < trained.rate <= _MOST:
        raise Mismatch(f"has trained.rate = {trained.rate}, expected 1 to {_MOST:g}")
    _check_calibration(decode(Calibration | None, described.get("calibration"), "calibration"), trained.task)
    members = decode(tuple[int, ...], described.get("members", []), "members")
    kind = tuple[tuple[float, ...], ...] if members else tuple[float, ...]
    affine = decode(kind | None, described.get("affine"), "affine")
    if affine is not None and {len(pair) for pair in (affine if members else [affine])} != {2}:
        raise Mismatch(f"has affine = {quote(described['affine'])}, expected scale and offset")
    if not 0 <= decode(int, described.get("delay"), "delay") <= _MOST:
        raise Mismatch(f"has delay = {described['delay']}, expected 0 to {_MOST:g}")
    windows = decode(WindowPlan | None, described.get("windows"), "windows")
    if windows and not (windows.unit in ("recording", "window") and 0 < windows.hop <= windows.window):
        raise Mismatch(f"has windows = {quote(described['windows'])}, in which nothing can be read")
    form = decode(InputForm | None, described.get("made_of"), "made_of")
    if form:
        _check_form(form, shapes)
        has_time = any(len(sizes) == 3 for sizes in shapes.values())
        of_items = "item" if has_time else described["output"]["unit"]  # an item of one frame is a step, too
        if described["output"]["unit"] != (of_items if form.layout == "item" else "step"):
            raise Mismatch(f"has made_of.layout = {form.layout!r}, which the model's output is not of")


def _check_calibration(fitted: Calibration | None, task: str) -> None:
    """Raises Mismatch where a calibration is not of the task, or mends nothing."""
    if fitted is None:
        return
    if (fitted.temperature is not None) != (task in ("binary", "multiclass")):
        raise Mismatch(f"has calibration.temperature = {fitted.temperature}, which a {task} task does not have")
    if fitted.temperature is not None and not _LEAST <= fitted.temperature <= _MOST:
        raise Mismatch(f"has calibration.temperature = {fitted.temperature}, expected {_LEAST:g} to {_MOST:g}")
    for at, values in fitted.isotonic or ():
        is_rising = len(at) == len(values) > 0 and all(sorted(some) == list(some) for some in (at, values))
        if not is_rising or not 0 < values[0] <= values[-1] < 1:
            raise Mismatch(f"has calibration.isotonic = {quote([at, values])}, which is no curve within 0 and 1")
    for share, threshold in fitted.thresholds.items():
        if share not in map(str, COVERAGES) or (threshold is not None and not 0 <= threshold <= _MOST):
            raise Mismatch(f"has calibration.thresholds.{share} = {threshold}, expected 0 to {_MOST:g} of a coverage")


def _check_output(stated: Mapping[str, Any], trained: Trained, lead: int, axes: int) -> None:
    """Raises Mismatch where an output of so many `axes` is not of its unit or task; steps have `lead` axes."""
    if stated["unit"] not in ("item", "step"):
        raise Mismatch(f"has output.unit = {quote(stated['unit'])}, expected 'item' or 'step'")
    of_classes = axes - (1 if stated["unit"] == "item" else lead)
    last = stated["shape"][1:-1].split(", ")[-1]
    if of_classes not in (0, 1) or (of_classes and not last.isdigit()):
        raise Mismatch(f"has output.unit = {stated['unit']!r}, which an output {stated['shape']} is not of")
    _check_task(trained, int(last) if of_classes else 0)


def _check_form(form: InputForm, shapes: Mapping[str, tuple[int | str, ...]]) -> None:
    """Raises Mismatch where inputs cannot have been made so."""
    if set(form.modalities) != set(shapes):
        raise Mismatch(
            f"has made_of.modalities = {join_words(sorted(form.modalities))}, but the model reads "
            f"{join_words(sorted(shapes))}"
        )
    choices = {"layout": LAYOUTS, "sound": (*LOWEST_RATES,), "nonfinite": POLICIES}
    for name, allowed in choices.items():
        if getattr(form, name) not in allowed:
            raise Mismatch(f"has made_of.{name} = {quote(getattr(form, name))}, expected one of {', '.join(allowed)}")
    amounts = {"rate": (form.rate, 1), "step_seconds": (form.step_seconds or 1, _LEAST)}
    for name, of in form.modalities.items():
        amounts[f"modalities.{name}.width"] = of.width, 0
        amounts[f"modalities.{name}.missing"] = of.missing, 0
        amounts[f"modalities.{name}.seconds"] = of.seconds, 0
        amounts[f"modalities.{name}.extraction.rate"] = of.extraction.rate if of.extraction else 0, 0
        if form.layout == "steps":
            amounts[f"modalities.{name}.frames_per_step"] = of.frames_per_step, _LEAST
    for name, (amount, least) in amounts.items():
        if not least <= amount <= _MOST:
            raise Mismatch(f"has made_of.{name} = {amount}, expected {least:g} to {_MOST:g}")


def _check_task(trained: Trained, classes: int) -> None:
    """Raises Mismatch where `classes` logits (0: one number) are not what the task has, or are named otherwise."""
    if trained.task not in TASKS:
        raise Mismatch(f"has trained.task = {quote(trained.task)}, expected one of {', '.join(TASKS)}")
    if (trained.task == "multiclass") != bool(classes):
        raise Mismatch(f"has trained.task = {quote(trained.task)}, which the model's output is not of")
    names = trained.labels
    if classes and names and (len(names) != classes or len(set(names)) != classes):
        raise Mismatch(f"has trained.labels = {quote(list(names))}, expected the different names of {classes} classes")
