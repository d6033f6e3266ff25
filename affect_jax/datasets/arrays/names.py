"""Ids of utterances, and the video that each is of, from what people's files call them."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

# Each form: how a message shows it, and (video)(clip).
_FORMS = (
    ("VIDEO$_$CLIP", re.compile(r"(.+)\$_\$(.+)")),
    ("VIDEO[CLIP]", re.compile(r"(.+)\[(.+)\]")),
    ("SesNN..., of IEMOCAP's sessions", re.compile(r"(Ses\d\d)([FM]_.+)")),
    ("VIDEO_NUMBER", re.compile(r"(.+)_(\d+)")),
)


class Names(NamedTuple):
    """Names of the utterances of all splits.

    Attributes:
      ids: one each.
      groups: one each: the video.
      form: how the group was found, for people; '' where every utterance is its own.
    """

    ids: list[str]
    groups: list[str]
    form: str


def decode_names(values: Any) -> list[str] | list[tuple[str, ...]]:
    """Texts, or tuples of texts, of an array or list with an entry for each utterance.

    Raises:
      ValueError: an entry is neither text, nor a number, nor a tuple of these.
    """
    if isinstance(values, np.ndarray):
        values = values.reshape(len(values), -1) if values.ndim > 1 else values
        values = values.tolist()
    return [_decode(value) for value in values]


def _decode(value: Any) -> str | tuple[str, ...]:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, np.ndarray) and value.size <= 8:
        value = value.reshape(-1).tolist()
    if isinstance(value, list | tuple) and 0 < len(value) <= 8:
        parts = tuple(_decode(one) for one in value)
        if all(isinstance(part, str) for part in parts):
            return parts[0] if len(parts) == 1 else parts
    raise ValueError("neither text nor a few texts")


def group_names(names: Sequence[str | tuple[str, ...]]) -> Names:
    """Ids as text, and the video of each.

    Of a tuple (video, start, end) the first is the video. Else the first form of `_FORMS` that all ids have says it,
    where it leaves more than one video.
    """
    if names and all(isinstance(name, tuple) for name in names):
        ids, videos = ["_".join(name) for name in names], [name[0] for name in names]
        return Names(ids, videos, "their ids are (VIDEO, START, END)")
    ids = [name if isinstance(name, str) else "_".join(name) for name in names]
    for shown, form in _FORMS:
        matches = [form.fullmatch(name) for name in ids]
        if all(matches) and len({match[1] for match in matches}) > 1:
            return Names(ids, [match[1] for match in matches], f"their ids are {shown}")
    return Names(ids, list(ids), "")
