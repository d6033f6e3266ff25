"""Reads CMU-MOSI as its owners ship it: the film, the sound and the words of every utterance.

    [Raw/]Video/Segmented/<video>_<segment>.mp4
    [Raw/]Audio/WAV_16000/Segmented/<video>_<segment>.wav
    [Raw/]Transcript/Segmented/<video>.annotprocessed     lines `<segment>_DELIM_<WORDS>`
    labels.csv                start, end, video, segment, label (-3 to 3); or mosi_labels.csv

Ids of videos contain `_` and `-`. Of labels.csv, which may be called OpinionLevelSentiment.csv and lie in Labels/, the
header may be missing. The standard folds (52, 10 and 31 videos) are those of the CMU Multimodal SDK.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.cmu_mosi.classes import round_half_away
from affect_jax.datasets.parse_numbers import looks_like_number
from affect_jax.datasets.release_files import parse_floats, quote_values, read_rows, require_file
from affect_jax.errors import UserError

SPLITS = ("train", "validation", "test")
KINDS = {"text": "words", "audio": "sound", "video": "pictures"}
"""Modality -> what its extractors read."""
COUNTS = {"train": 1284, "validation": 229, "test": 686}
"""Utterances of the release."""
VALIDATION = (
    *("WKA5OygbEKI", "X3j2zQgwYgE", "ZAIRrfG22O0", "ZUXBRvtny7o", "_dI--eQ6qVU"),
    *("aiEXnCPZubE", "atnd_PF-Lbs", "bOL9jKpeJRs", "bvLlb-M3UXU", "c5xsKMxpXnc"),
)
TEST = (
    *("c7UH_rxdZv4", "cM3Yna7AavY", "cW1FSBF59ik", "cXypl4FnoZo", "d3_k5Xpfmik", "d6hH302o4v8", "dq3Nf_lMPnE"),
    *("etzxEpPuc6I", "f9O3YtZ2VfI", "f_pcplsH_V0", "fvVhgmXxadc", "iiK8YX8oH1E", "jUzDDGyPkXU", "k5Y_838nuGo"),
    *("lXPQBPVc5Cw", "nbWiPyCm4g0", "nzpVDcQ0ywM", "ob23OKe5a9Q", "pLTX3ipuDJI", "phBUpBr1hSo", "rnaNMUZpvvg"),
    *("tIrG4oNLFzE", "tStelxIAHjw", "tmZoasNr4rU", "v0zCBqDeKcE", "vvZ4IcEtiZc", "vyB00TXsimI", "wMbj6ajWbic"),
    *("yDtzw_Y-7RU", "yvsjCA6Y5Fc", "zhpQhgha_KU"),
)
SOUND, FILM, WORDS = "Audio/WAV_16000/Segmented", "Video/Segmented", "Transcript/Segmented"
LABELS = ("labels.csv", "OpinionLevelSentiment.csv", "mosi_labels.csv")
_DELIMITER = "_DELIM_"
_NAMES = {"video": ("video", "video_id"), "segment": ("segment", "segment_id", "clip_id")}
_NAMES |= {"label": ("label", "sentiment")}


class Utterance(NamedTuple):
    """One utterance.

    Attributes:
      id: `<video>_<segment>`.
      video: that it is of.
      split: of its video.
      sentiment: from -3 to 3.
    """

    id: str
    video: str
    split: str
    sentiment: float

    @property
    def binary(self) -> float:
        """1 where the sentiment is 0 or more, else 0, as in Poria's form."""
        return float(self.sentiment >= 0)

    @property
    def class7(self) -> float:
        """0 to 6 for the classes -3 to 3."""
        return float(round_half_away(np.float64(self.sentiment))) + 3


class Folds(NamedTuple):
    """Which videos do not train."""

    validation: tuple[str, ...] = VALIDATION
    test: tuple[str, ...] = TEST


def find_root(folder: Path) -> Path:
    """The folder with Audio/, Video/ and Transcript/: `Raw` or the one that is named.

    Raises:
      UserError: neither has one of them.
    """
    for place in (folder / "Raw", folder):
        if any((place / name).is_dir() for name in (SOUND, FILM, WORDS)):
            return place
    hint = "; for Poria's features set config.corpus.form to 'poria'" if any(folder.rglob("transcripts.csv")) else ""
    raise UserError(
        f"{folder} has none of Raw/{SOUND}, Raw/{FILM}, Raw/{WORDS}; set config.corpus.manual_dir to the folder that"
        f" holds CMU-MOSI's Raw{hint}"
    )


def read_utterances(folder: Path, folds: Folds, counts: dict[str, int] | None) -> list[Utterance]:
    """All utterances in the order of videos and segments.

    Args:
      folder: of the release.
      folds: which videos do not train.
      counts: split -> utterances that there must be; None for any.

    Raises:
      UserError: the table of labels is missing or damaged, or has other counts.
    """
    root = find_root(folder)
    places = [place / name for place in (root, root / "Labels", folder) for name in LABELS]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise UserError(f"{root / LABELS[0]} is missing (start,end,video,segment,label); complete the folder")
    rows = read_rows(path)
    columns, first = _find_columns(rows[0], path)
    values = parse_floats([[row[columns["label"]]] for row in rows[first:]], path, first_row=first + 1)[:, 0]
    utterances: dict[tuple[str, int], Utterance] = {}
    for number, (row, value) in enumerate(zip(rows[first:], values.tolist(), strict=True), start=first + 1):
        video, segment = row[columns["video"]], row[columns["segment"]]
        if not (video and segment.isdecimal() and len(segment) < 6 and -3 <= value <= 3):
            raise UserError(
                f"{path} row {number} has video {quote_values(video)}, segment {quote_values(segment)} and label"
                f" {value:g}, expected a name, a number, and -3 to 3; correct it or copy it again"
            )
        if (video, int(segment)) in utterances:
            raise UserError(f"{path} row {number} has {video}_{segment} a second time; keep one")
        split = "validation" if video in folds.validation else "test" if video in folds.test else "train"
        utterances[video, int(segment)] = Utterance(f"{video}_{int(segment)}", video, split, value)
    found = Counter(utterance.split for utterance in utterances.values())
    wrong = [split for split in SPLITS if (found[split] != counts[split] if counts else not found[split])]
    if wrong:
        expected = counts[wrong[0]] if counts else "1 or more"
        raise UserError(
            f"{path} has {found[wrong[0]]} utterances of the standard {wrong[0]} videos, expected {expected}; copy it"
            " again"
        )
    return [utterances[key] for key in sorted(utterances)]


def _find_columns(header: list[str], path: Path) -> tuple[dict[str, int], int]:
    """Name -> column, and the first row of numbers; without a header, the columns of the owners' table."""
    names = [name.strip().lower() for name in header]
    columns = {name: next((names.index(a) for a in aliases if a in names), -1) for name, aliases in _NAMES.items()}
    if -1 not in columns.values():
        return columns, 1
    if len(header) == 5 and looks_like_number(header[0]) and looks_like_number(header[4]):
        return {"video": 2, "segment": 3, "label": 4}, 0
    raise UserError(f"{path} begins with {', '.join(header)[:200]}; expected start,end,video,segment,label: correct it")


def read_words(root: Path, utterances: list[Utterance]) -> dict[str, str]:
    """Id -> the words of an utterance, in the letters of the file.

    Raises:
      UserError: a transcript is missing, or has no line of an utterance.
    """
    words: dict[str, str] = {}
    for video in dict.fromkeys(utterance.video for utterance in utterances):
        path = require_file(root / WORDS / f"{video}.annotprocessed", "the words of a video")
        data = path.read_bytes()
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        for line in text.splitlines():
            segment, delimiter, said = line.partition(_DELIMITER)
            if delimiter and segment.strip().isdecimal():
                words[f"{video}_{int(segment)}"] = " ".join(said.split())
    lacking = [utterance for utterance in utterances if utterance.id not in words]
    if lacking:
        raise UserError(
            f"{root / WORDS / lacking[0].video}.annotprocessed has no line of {lacking[0].id}, which has a label"
            f" ({len(lacking)} utterances have none); copy it again"
        )
    return words
