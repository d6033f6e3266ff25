"""How the features of a corpus were made of files: what must be known to make those of other files in the same way.

A run keeps it beside its weights, and an export in its description, as plain values.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from affect_jax.datasets.feature_frames import PLAIN, ReadingOptions
from affect_jax.extraction.extracted_files import Extraction


class ModalityForm(NamedTuple):
    """How one modality was made.

    Attributes:
      width: D of the frames of a file, without the columns that are left out; 0 of a waveform.
      is_sound: whether its files are recordings, else files of features.
      names: a hash of the names of the columns of its files, as `feature_frames.hash_names`; '' where none has names.
      left_out: names of columns that no features are made of, as they count rows or were empty in every file.
      varies: in the layout 'group', whether standard deviations over time stand behind the means.
      missing: how many items of the corpus lacked it.
      frames_per_step: in the layout 'steps', the usual number of frames a label, where no times put them together.
      extraction: how its files were made of clips; None where that is not known.
      seconds: usual length of the stretches that its extracted features are of; 0 where nothing says it.
    """

    width: int
    is_sound: bool
    names: str = ""
    left_out: tuple[str, ...] = ()
    varies: bool = False
    missing: int = 0
    frames_per_step: float = 0.0
    extraction: Extraction | None = None
    seconds: float = 0.0

    @property
    def source(self) -> str:
        """What its files are, in words."""
        if self.extraction:
            return f"{self.extraction.kind} of {self.extraction.column!r} by {self.extraction.source}"
        return "recordings" if self.is_sound else "files of features"


class InputForm(NamedTuple):
    """How the inputs of a model were made of files.

    Attributes:
      modalities: name -> how it was made.
      layout: of the corpus: 'item', 'steps' or 'group'.
      sound: what recordings became: mfcc, log_mel, waveform or egemaps.
      rate: sampling rate at which they were read, in Hz.
      options: how files of features were read.
      nonfinite: what happened to missing, NaN and infinite features: refuse, zero or mean.
      first_step: time of the first label per step, in seconds.
      step_seconds: time between two labels per step; 0 where these have no times.
    """

    modalities: dict[str, ModalityForm]
    layout: str = "item"
    sound: str = "mfcc"
    rate: int = 8000
    options: ReadingOptions = PLAIN
    nonfinite: str = "refuse"
    first_step: float = 0.0
    step_seconds: float = 0.0

    @property
    def heard(self) -> tuple[str, ...]:
        """The modalities that are made of recordings."""
        return tuple(name for name, form in self.modalities.items() if form.is_sound)


def select_modalities(form: InputForm, names: tuple[str, ...]) -> InputForm | None:
    """The form of a model that reads some of the modalities, in its order; None where one is of unknown make."""
    if not set(names) <= set(form.modalities):
        return None
    return form._replace(modalities={name: form.modalities[name] for name in names})


def encode_form(form: InputForm) -> dict[str, Any]:
    """The form as JSON has it."""
    plain = form._asdict() | {"options": form.options._asdict()}
    modalities = {name: of_name._asdict() for name, of_name in form.modalities.items()}
    for of in modalities.values():
        of["left_out"] = list(of["left_out"])
        of["extraction"] = of["extraction"]._asdict() if of["extraction"] else None
    return plain | {"modalities": modalities}


def decode_form(plain: Mapping[str, Any]) -> InputForm:
    """The way back of `encode_form`.

    Raises:
      KeyError, TypeError: what was encoded was no form of this version.
    """
    modalities = {name: _decode_modality(of) for name, of in plain["modalities"].items()}
    return InputForm(**{**plain, "modalities": modalities, "options": ReadingOptions(**plain["options"])})


def _decode_modality(plain: Mapping[str, Any]) -> ModalityForm:
    extraction = plain.get("extraction")
    made = Extraction(**extraction) if extraction else None
    return ModalityForm(**{**plain, "left_out": tuple(plain["left_out"]), "extraction": made})


def describe_form(form: InputForm) -> str:
    """What each modality is made of, in words: `voice (recordings as mfcc at 8000 Hz), face (files of features)`."""
    how = f" as {form.sound} at {form.rate} Hz"
    return ", ".join(f"{m} ({of.source}{how if of.is_sound else ''})" for m, of in form.modalities.items())
