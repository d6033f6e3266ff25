"""Lists of utterances, as MISA, BBFN and MAG-BERT save them, as fields that have an entry for each utterance.

An utterance is ((words, visual, acoustic[, actual words]), label[, segment, ...]), or a dict of its fields.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

_INNER = ("words", "visual", "acoustic", "actual_words")
_OUTER = ("label", "id")


def list_columns(utterances: Sequence[Any]) -> dict[str, list]:
    """Name -> what each utterance has of it; {} where these are no utterances.

    Word vectors [T, D] are called 'text'; words, and their numbers, 'words'.
    """
    if utterances and all(isinstance(one, dict) for one in utterances):
        names = list(utterances[0])
        if all(list(one) == names for one in utterances):
            return {_name(key): [one[key] for one in utterances] for key in names}
        return {}
    if not utterances or not all(_is_utterance(one) for one in utterances):
        return {}
    inner, outer = (min(lengths) for lengths in zip(*((len(one[0]), len(one)) for one in utterances), strict=True))
    columns = {name: [one[0][i] for one in utterances] for i, name in enumerate(_INNER[:inner])}
    columns |= {name: [one[1 + i] for one in utterances] for i, name in enumerate(_OUTER[: outer - 1])}
    words = columns["words"]
    if all(isinstance(one, np.ndarray) and one.ndim == 2 and one.dtype.kind == "f" for one in words):
        columns = {"text": columns.pop("words"), **columns}
    return columns


def _name(key: Any) -> str:
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)


def _is_utterance(value: Any) -> bool:
    """Whether this is ((words, visual, acoustic, ...), label, ...)."""
    if not isinstance(value, list | tuple) or len(value) < 2 or not isinstance(value[0], list | tuple):
        return False
    return len(value[0]) >= 3 and all(isinstance(one, np.ndarray) and one.ndim == 2 for one in value[0][1:3])
