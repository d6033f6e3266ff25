"""What each field of a split is: a modality, a label, lengths, ids, groups, or something that is not read, and why."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from affect_jax.datasets.arrays.fields import Field
from affect_jax.datasets.release_files import quote_values
from affect_jax.errors import UserError

IDS = ("id", "ids", "segment", "segments", "meta", "key", "keys")
GROUPS = ("group", "groups", "vid", "vids", "video", "videos", "video_id", "video_ids", "speaker", "speakers")
WORDS = ("raw_text", "words", "actual_words", "transcript", "transcripts")
SIDE_BY_SIDE = ("x", "features", "inputs")
"""Names of an array that has all modalities side by side, where config.corpus.widths says so."""
_LENGTHS = re.compile(r"(?:(\w+?)_)?(?:lengths?|lens?|seq_lens?)", re.IGNORECASE)
_LABELS = re.compile(r"y(_\w+)?|.*labels?(_\w+)?|targets?|.*annotations?|.*sentiments?|.*emotions?", re.IGNORECASE)
_NUMBERS = "fiu"


class Roles(NamedTuple):
    """The fields of a split by what they are.

    Attributes:
      modalities: name -> field and the columns of it that are the modality (all where `columns` is None).
      labels: name -> field.
      lengths: name of a modality ('' for all) -> field.
      ids: field; None where there is none.
      groups: likewise.
      unread: name -> why it is not read, in words that follow "is".
    """

    modalities: dict[str, tuple[Field, slice | None]]
    labels: dict[str, Field]
    lengths: dict[str, Field]
    ids: Field | None
    groups: Field | None
    unread: dict[str, str]


def assign_roles(fields: Mapping[str, Field], widths: Mapping[str, int], target: str | None) -> Roles:
    """Says what each field is, by its name and shape.

    Args:
      fields: name -> field of one split.
      widths: modality -> columns in an array that has all of them side by side; {} where there is none.
      target: `config.corpus.target`, which makes a label of an array of one number an utterance.

    Raises:
      UserError: modalities are side by side, and their widths are not those of `widths`.
    """
    roles = Roles({}, {}, {}, None, None, {})
    for name, field in fields.items():
        lengths = _LENGTHS.fullmatch(name)
        if lengths:
            roles.lengths[lengths[1] or ""] = field
        elif name.lower() in IDS and not _is_sequence(field):
            roles = roles._replace(ids=field)
        elif name.lower() in GROUPS and not _is_sequence(field):
            roles = roles._replace(groups=field)
        elif name.lower() in WORDS:
            roles.unread[name] = "text, not features"
        elif _LABELS.fullmatch(name) or name == target:
            roles.labels[name] = field
        elif name.lower() in SIDE_BY_SIDE and len(field.shape) == 3 and field.kind in _NUMBERS:
            roles.modalities.update(_split_columns(name, field, widths))
        elif reason := explain_unread(name, field):
            roles.unread[name] = reason
        else:
            roles.modalities[name] = (field, None)
    return roles


def _is_sequence(field: Field) -> bool:
    """Whether a field called 'video' is features, not names."""
    if field.kind in "US":
        return False
    return len(field.shape) > 2 or field.kind == "f" or (field.kind == "list" and _holds_arrays(field.read()))


def _holds_arrays(values: Any) -> bool:
    return isinstance(values, list) and any(isinstance(one, np.ndarray) and one.ndim == 2 for one in values[:1])


def explain_unread(name: str, field: Field) -> str:
    """Why a field is no modality; '' where it is one."""
    if field.kind in "US":
        return "text, not features"
    if field.kind == "list":
        return "" if _holds_arrays(field.read()) else "a list of something else than arrays [steps, columns]"
    if "mask" in name.lower():
        return "a mask; lengths and rows of zeros say what is padding"
    if "bert" in name.lower() or (field.kind in "iu" and len(field.shape) == 2):
        return "numbers of words, not features"
    if field.kind not in _NUMBERS:
        return f"not made of numbers ({field.kind!r})"
    if len(field.shape) == 1:
        return "one number an item; if it is a label, name it in config.corpus.target"
    return "" if len(field.shape) <= 3 else f"of the shape {list(field.shape)}, not [items, steps, columns]"


def _split_columns(name: str, field: Field, widths: Mapping[str, int]) -> dict[str, tuple[Field, slice]]:
    total = field.shape[2]
    if sum(widths.values()) != total:
        given = f"add up to {sum(widths.values())}" if widths else "are not set"
        raise UserError(
            f"{field.file} has the modalities side by side in {name!r} {list(field.shape)}, and config.corpus.widths"
            f" {given}; say which columns are whose, so that they add up to {total}, as in \"('text:300', 'audio:5')\""
        )
    edges = np.cumsum([0, *widths.values()]).tolist()
    return {m: (field, slice(a, b)) for m, a, b in zip(widths, edges[:-1], edges[1:], strict=True)}


def parse_widths(texts: Sequence[str]) -> dict[str, int]:
    """('text:300', 'audio:5') -> {'text': 300, 'audio': 5}.

    Raises:
      UserError: a text of another form, or a name twice.
    """
    widths: dict[str, int] = {}
    for text in texts:
        name, _, width = text.partition(":")
        digits = width.strip()
        if not name.strip() or not (digits.isascii() and digits.isdigit()) or not 0 < int(digits[:9]) < 10**8:
            raise UserError(
                f"config.corpus.widths has {quote_values(text)}, expected a modality and its number of columns, as in"
                " 'audio:74'"
            )
        if name.strip() in widths:
            raise UserError(f"config.corpus.widths has {name.strip()!r} twice; name each modality once")
        widths[name.strip()] = int(digits)
    return widths
