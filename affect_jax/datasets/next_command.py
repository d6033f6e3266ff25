"""Which command trains on a corpus that was prepared: the last line of launch.prepare."""

import shlex
from collections.abc import Mapping
from typing import Any

from affect_jax.datasets.recordings import Recordings

_CONFIGS = {
    "cmu_mosi": "configs/seqsew.py",
    "iemocap": "configs/fusion.py:trimodal,iemocap",
    "interacting": "configs/interactions.py",
    "planted": "configs/third_modality.py",
    "ravdess": "configs/fusion.py:trimodal,ravdess",
    "ravdess_debates": "configs/conflictnet.py:ravdess_debates",
    "recola": "configs/sew.py",
    "spoken_conflict": "configs/conflictnet_words.py",
    "sspnet_conflict": "configs/conflictnet.py:sspnet_conflict",
}
_OWN = ("manifest", "arrays")


def suggest_command(recordings: Recordings, settings: Mapping[str, Any]) -> str:
    """The command that trains on prepared recordings, with the settings that they were prepared with; '' for a corpus
    that no config is written for."""
    name = recordings.corpus
    config = _choose_own(recordings) if name in _OWN else _CONFIGS.get(name, "")
    flags = [f"--config.corpus.{key}={_format(value)}" for key, value in settings.items()]
    return shlex.join(["python", "-m", "launch.main", f"--config={config}", *flags]) if config else ""


def _choose_own(recordings: Recordings) -> str:
    """A config for one's own files: what they are decides whether they are heard, ranked or fused."""
    own = "arrays" if recordings.corpus == "arrays" else "manifest"
    members = [recording for split in recordings.splits.values() for recording in split]
    if max(len(recording.steps) for recording in members) > 1:
        return f"configs/rank.py:{own},sequence"
    modalities = {name: values for recording in members for name, values in recording.features.items()}
    if any(values.ndim == 1 for values in modalities.values()):
        return "configs/speech_emotion.py"
    return "configs/fusion.py" if len(modalities) > 1 else "configs/rank.py"


def _format(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
