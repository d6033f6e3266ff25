"""A run's clips as one HTML page to look at and listen to: truth against prediction, waveforms, explanations.

The view of the thesis' section 3.4.1 (figure 3.3): every clip is a point, a click plays it. The page needs no network
and no other file; `listening.html`, `.css` and the two `.js` beside this module are its parts.
"""

import html
import io
import json
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax.errors import UserError
from affect_jax.evaluation import cases
from affect_jax.features import audio
from affect_jax.reports import template
from affect_jax.runtime import run_folder

BUCKETS = 800
"""Columns of a drawn waveform."""
_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_BLOCK = 100_000  # frames a write: libsndfile's encoders keep a whole write on their stack


class Clips(NamedTuple):
    """What one row of a run says of one part of its corpus; F clips.

    Attributes:
      ids: [F].
      groups: speakers or debates, [F].
      targets: float [F]; classes are whole numbers.
      predictions: float [F] of a regression; probabilities [F, C] of classes.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    targets: np.ndarray
    predictions: np.ndarray


def read(run: Path, results: Mapping[str, Any], number: int, split: str) -> Clips:
    """Row `number`'s clips of `split`.

    Args:
      run: the run folder.
      results: its results.json.
      number: row of results.json.
      split: `validation` or `test`.

    Raises:
      UserError: no predictions or no labels of that split.
    """
    arrays = run_folder.read_arrays(run / "predictions.npz")
    row = results["trials"][number]
    where = f"{row['study']}/{split}"
    if f"{where}/prediction" not in arrays or row.get(split) is None:
        raise UserError(f"{run} has no labelled predictions of the {split} part; use another --split")
    values = arrays[f"{where}/prediction"][int(np.flatnonzero(arrays[f"{row['study']}/row"] == number)[0])]
    shown = ~np.isnan(values.reshape(len(values), -1)).any(1)
    values = values[shown].astype(np.float64)
    if results["task"] == "binary":
        values = np.stack([1 - values, values], 1)
    elif results["task"] == "multiclass":
        values = np.exp(values - values.max(1, keepdims=True))
        values /= values.sum(1, keepdims=True)
    ids, groups = (tuple(map(str, arrays[f"{where}/{name}"][shown])) for name in ("id", "group"))
    return Clips(ids, groups, arrays[f"{where}/target"][shown].astype(np.float64), values)


def errors(clips: Clips) -> np.ndarray:
    """[F]: |truth - prediction|, or 1 - the true class' probability."""
    if clips.predictions.ndim == 1:
        return np.abs(clips.targets - clips.predictions)
    return 1 - clips.predictions[np.arange(len(clips.ids)), clips.targets.astype(int)]


def spread(clips: Clips, limit: int, among: Container[str]) -> list[str]:
    """Ids of `limit` clips in `among`, at even steps from the largest error to the smallest; of all where it is 0."""
    order = [i for i in np.argsort(-errors(clips), kind="stable") if clips.ids[i] in among]
    if 0 < limit < len(order):
        order = [order[at] for at in np.linspace(0, len(order) - 1, limit).round().astype(int)]
    return [clips.ids[i] for i in order]


def explanations(folder: Path, number: int) -> dict[str, dict[str, Any]]:
    """Clip id -> what launch.explain found of row `number`: `segments` in seconds, `lime`, how far to trust it.

    Args:
      folder: one JSON file a clip; {} where it is not there.
      number: row of results.json.

    Raises:
      UserError: a file that is no explanation.
    """
    found = {}
    for path in sorted(folder.glob("*.json")):
        said = run_folder.read_json(path)
        try:
            if said["trial"] == number:
                found[said["id"]] = {
                    "segments": [[float(start), float(end)] for start, end in said["segments"]],
                    "lime": [float(weight) for weight in said["lime"]],
                    "r2": float(said["lime_r2"]),
                    "stability": said.get("lime_stability"),
                    "of": said.get("class", ""),
                    "notes": list(said.get("notes", ())),
                }
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{path} is no explanation ({error!r}); delete it or write it again with launch.explain"
            ) from None
    return found


def encode(sound: audio.Sound) -> bytes:
    """Ogg Opus, which browsers play: about 20 kbit/s for 8 kHz. A rate that Opus lacks is raised to one that it has."""
    import soundfile  # here, as it loads a library that nothing else here needs

    rate = next((rate for rate in _OPUS_RATES if rate >= sound.rate), _OPUS_RATES[-1])
    samples = audio.to_int16(audio.resample_audio(audio.Sound(audio.to_float(sound.samples), sound.rate), rate))
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, 1, format="OGG", subtype="OPUS") as out:
        for at in range(0, len(samples), _BLOCK):
            out.write(samples[at : at + _BLOCK])
    return file.getvalue()


def outline(samples: np.ndarray, buckets: int = BUCKETS) -> np.ndarray:
    """int8 [B, 2]: the least and the greatest sample of up to `buckets` pieces, scaled to the clip's own peak."""
    buckets = min(buckets, len(samples))
    edges = np.linspace(0, len(samples), buckets, endpoint=False).astype(int)
    both = np.stack([np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)], 1).astype(np.float64)
    return np.round(both * (127 / max(np.abs(both).max(), 1))).astype(np.int8)


def page(
    clips: Clips,
    *,
    title: str,
    target: str,
    facts: Sequence[str] = (),
    classes: Sequence[str] = (),
    sounds: Iterable[tuple[str, audio.Sound]] = (),
    audible: Container[str] = (),
    explained: Mapping[str, Mapping[str, Any]],
) -> bytes:
    """The whole page, UTF-8.

    Args:
      clips: from `read`.
      title: its first line; says what the corpus is.
      target: what the labels are called on the axes.
      facts: further lines under the title.
      classes: names of the classes; their numbers where there are none.
      sounds: (clip id, samples), one after the other; a clip that is not there is shown without a waveform.
      audible: ids whose sound goes into the page; the others only show their waveform.
      explained: from `explanations`; those of other clips are passed over.
    """
    number = {name: i for i, name in enumerate(clips.ids)}
    entries = [_entry(clips, i) for i in range(len(clips.ids))]
    blocks = []
    for name, sound in sounds:
        entry = entries[number[name]]
        entry["seconds"] = round(len(sound.samples) / sound.rate, 3)
        entry["outline"] = template.text(outline(sound.samples).tobytes())
        entry["sound"] = name in audible
        if name in audible:
            blocks.append(
                f'<script type="text/plain" id="sound-{number[name]}">{template.text(encode(sound))}</script>'
            )
    for name in number.keys() & explained.keys():
        entries[number[name]]["explanation"] = explained[name]
    kinds = list(cases.NAMES.values())
    if clips.predictions.ndim == 2:
        classes = classes or [str(c) for c in range(clips.predictions.shape[1])]
        kinds = ["predicted right", "predicted wrong"]
    data = {
        "target": target,
        "facts": list(facts),
        "classes": list(classes),
        "cases": kinds,
        "margin": 100 * cases.MARGIN,
        "clips": entries,
    }
    pieces = {
        "title": html.escape(title),
        # A `<` in a name could end the element that holds the data; in JSON it may be written as its code.
        "data": json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"),
        "sounds": "\n".join(blocks),
    }
    return template.render("listening", pieces, scripts=("listening_figures.js", "listening.js"))


def _entry(clips: Clips, i: int) -> dict[str, Any]:
    return {
        "id": clips.ids[i],
        "group": clips.groups[i],
        "target": round(float(clips.targets[i]), 6),
        "prediction": np.round(clips.predictions[i], 6).tolist(),
        "sound": False,
    }
