"""What a manifest's features were made of, and how: the `InputForm` that a run of it keeps."""

from collections.abc import Mapping

import numpy as np

from affect_jax.datasets.input_form import InputForm, ModalityForm
from affect_jax.datasets.manifest import frame_files
from affect_jax.datasets.manifest.cells import Reading, Survey
from affect_jax.datasets.manifest.csv_table import Sheet
from affect_jax.datasets.manifest.labels import Labels
from affect_jax.datasets.manifest.layouts import find_varying_modalities
from affect_jax.datasets.manifest.settings import Settings
from affect_jax.extraction import extracted_files


def record_form(
    sheet: Sheet,
    survey: Survey,
    target: Labels,
    settings: Settings,
    reading: Reading,
    features: Mapping[int, dict[str, np.ndarray]],
) -> InputForm:
    """The form of a manifest's features.

    Args:
      sheet: the manifest's table.
      survey: its files, measured.
      target: the label column that is learned.
      settings: `config.corpus`, with its layout.
      reading: how its files were read.
      features: row number -> modality -> float32 [T, D] or int16 [T], as built.
    """
    varying = find_varying_modalities(features) if settings.layout == "group" else set()
    first, seconds = _measure_steps(target) if settings.layout == "steps" else (0.0, 0.0)
    modalities = {}
    for name in sheet.modalities:
        rows = [row for row in sheet.rows if name in row.files]
        cells = [survey.cells[row.number, name] for row in rows]
        pairs = zip(rows, cells, strict=True) if settings.layout == "steps" else ()
        ratios = [cell.frames / len(target.values[row.number]) for row, cell in pairs]
        modalities[name] = ModalityForm(
            width=cells[0].width,
            is_sound=frame_files.is_sound(rows[0].files[name]),
            names=next((cell.names for cell in cells if cell.names), ""),
            left_out=survey.left_out[name],
            varies=name in varying,
            missing=len(sheet.rows) - len(rows),
            frames_per_step=float(np.median(ratios)) if ratios else 0.0,
            extraction=extracted_files.parse_record(cells[0].made),
            seconds=round(float(np.median([cell.seconds for cell in cells])), 3),
        )
    return InputForm(
        modalities=modalities,
        layout=settings.layout,
        sound=reading.sound,
        rate=reading.rate,
        options=reading.options,
        nonfinite=settings.nonfinite,
        first_step=first,
        step_seconds=seconds,
    )


def _measure_steps(target: Labels) -> tuple[float, float]:
    """Time of the first label and from one to the next, in seconds, as most rows have them; 0, 0 without times."""
    clocks = [times for times in target.times.values() if len(times) > 1]
    if not clocks:
        return 0.0, 0.0
    steps = [float(np.median(np.diff(times))) for times in clocks]
    return round(float(np.median([times[0] for times in clocks])), 6), round(float(np.median(steps)), 6)
