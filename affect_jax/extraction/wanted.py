"""What --features asks for: `voice=clip:mfcc, face=clip:faces+resnet101:FILE, words=transcript:glove:FILE`, or auto."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from affect_jax.errors import UserError

AUTO = "auto"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
FORM = "MODALITY=COLUMN:EXTRACTOR, such as voice=clip:mfcc"


class Wanted(NamedTuple):
    """One entry of --features: `modality=column:source`."""

    modality: str
    column: str
    source: str


def parse_features(text: str) -> tuple[Wanted, ...]:
    """Reads `voice=clip:mfcc, words=transcript:DIR@8`.

    Raises:
      UserError: it has another form, or names a modality twice.
    """
    wanted = []
    for part in filter(None, map(str.strip, text.split(","))):
        modality, is_equal, rest = part.partition("=")
        column, is_colon, source = rest.partition(":")
        if not (is_equal and is_colon and column and source and _NAME.fullmatch(modality)):
            raise UserError(f"--features has {part!r}, expected {FORM}; correct it")
        if modality in {one.modality for one in wanted}:
            raise UserError(f"--features makes {modality!r} twice; give one of them another name")
        wanted.append(Wanted(modality, column, source))
    if not wanted:
        raise UserError(f"--features is empty; say {FORM}, or {AUTO}")
    return tuple(wanted)


def spell_features(wanted: Sequence[Wanted]) -> str:
    """As `parse_features` reads it."""
    return ", ".join(f"{one.modality}={one.column}:{one.source}" for one in wanted)
