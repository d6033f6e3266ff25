"""A trained model as a function of batches of features: a trial of a run, or an export. Both are asked the same way."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from affect_jax.data.windows import WindowPlan
from affect_jax.datasets.input_form import InputForm, decode_form
from affect_jax.errors import UserError
from affect_jax.experiment.calibrations import Calibration
from affect_jax.experiment.results_file import AffineRecord
from affect_jax.inference import deployment, export_folder


class Predictor(NamedTuple):
    """A model, and what its predictions mean.

    Attributes:
      call: (features, mask) -> prediction, as `deployment.predict_deployed`.
      shapes: modality -> shape of its features: numbers, or the names of free sizes, e.g. ('b', 't', 40).
      unit: 'item' where a whole sequence has one prediction, else 'step'.
      task: one of metrics.TASKS.
      labels: names of the classes, or ().
      trained: what is known of the training, as `Deployed.trained`.
      form: how the inputs were made of files; None where only features themselves are taken.
      windows: in which longer sequences are read, as in evaluation; None for whole ones.
      delay: steps by which predictions are moved back.
      title: the model's origin, in words.
      calibration: how far to trust what it says; None where that is not known.
      affine: by which numbers are mapped to the labels; None where they are not, and of an ensemble's own maps.
      disagree: (features, mask) -> how far the members of an ensemble disagree; None of one trial.
    """

    call: Callable[..., Any]
    shapes: dict[str, tuple[int | str, ...]]
    unit: str
    task: str
    labels: tuple[str, ...]
    trained: Mapping[str, Any]
    form: InputForm | None
    windows: WindowPlan | None
    delay: int
    title: str
    calibration: Calibration | None = None
    affine: AffineRecord | None = None
    disagree: Callable[..., Any] | None = None

    @property
    def modality(self) -> str:
        """The only modality; the names joined by `+` where there are several."""
        return "+".join(self.shapes)

    @property
    def is_frame(self) -> bool:
        """Whether single frames are predicted, which have no time axis."""
        return self.unit == "step" and len(next(iter(self.shapes.values()))) == 2


def wrap_deployed(deployed: deployment.Deployed) -> Predictor:
    """A trial of a run as a function."""
    shapes: dict[str, tuple[int | str, ...]] = {}
    for name, (mean, _, steps) in sorted(deployed.inputs.items()):  # as JSON has those of an export
        length = () if steps is None else (steps if deployed.item else "t",)
        shapes[name] = ("b", *length, len(mean))
    described = deployment.describe_deployed(deployed)
    title = f"{deployment.name_trials(deployed)}, variant {deployed.trial.variant!r}"
    call = _compile(deployment.predict_deployed, deployed)
    wrapped = _wrap(call, shapes, "item" if deployed.item else "step", described, title)
    if not deployed.members:
        return wrapped
    return wrapped._replace(disagree=_compile(deployment.measure_disagreement, deployed))


def _compile(apply: Callable[..., jax.Array], deployed: deployment.Deployed) -> Callable[..., jax.Array]:
    """`apply(deployed, features, mask)` as a jitted function of the last two."""
    # Parameters are an argument: as constants they would be part of the compiled program, a copy of it on the disk, and
    # those of a pretrained encoder are hundreds of megabytes.
    run = jax.jit(lambda params, features, mask: apply(deployed._replace(params=params), features, mask))
    return functools.partial(run, deployed.params)


def wrap_export(folder: Path, exported: export_folder.Exported) -> Predictor:
    """The export in `folder`, as `export_folder.read_export` gives it, as a function.

    Raises:
      UserError: its description is not what this version writes.
    """
    described = exported.description
    try:
        members = described.get("members")
        kind = f"the ensemble of {len(members)} seeds of variant" if members else "variant"
        title = f"export of {kind} {described['trial']['variant']!r}"
        wrapped = _wrap(exported.call, exported.shapes, exported.unit, described, title)
        return wrapped._replace(disagree=exported.disagree)
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{folder / export_folder.DESCRIPTION} lacks what this version needs ({type(error).__name__}: {error}); "
            "export it again from the run folder with launch.export"
        ) from error


def _wrap(
    call: Callable[..., Any],
    shapes: dict[str, tuple[int | str, ...]],
    unit: str,
    described: Mapping[str, Any],
    title: str,
) -> Predictor:
    trained, windows = described["trained"], described["windows"]
    return Predictor(
        call=call,
        shapes=shapes,
        unit=unit,
        task=trained["task"],
        labels=tuple(trained["labels"]),
        trained=trained,
        form=_sort_modalities(decode_form(described["made_of"])) if described["made_of"] else None,
        windows=WindowPlan(**windows) if windows else None,
        delay=described["delay"],
        title=title + (" (trained on a synthetic corpus)" if trained["corpus"]["synthetic"] else ""),
        calibration=Calibration(**fitted) if (fitted := described.get("calibration")) else None,
        affine=read_map(described),
    )


def read_map(described: Mapping[str, Any]) -> AffineRecord | None:
    """The one map of a description, by which its numbers are mapped to the labels."""
    affine = described.get("affine")
    return AffineRecord(*affine) if affine and not described.get("members") else None


def _sort_modalities(form: InputForm) -> InputForm:
    return form._replace(modalities=dict(sorted(form.modalities.items())))


def predict_batch(
    predictor: Predictor, features: dict[str, np.ndarray], mask: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray | None]:
    """float32 predictions of arrays by modality, and how far the members of an ensemble disagree about each."""
    if len(predictor.shapes) == 1:
        features, mask = features[predictor.modality], mask[predictor.modality]
    values = np.asarray(predictor.call(features, mask), np.float32)
    if predictor.disagree is None:
        return values, None
    return values, np.asarray(predictor.disagree(features, mask), np.float32)
