"""Texts as numbers of word pieces, as an encoder that is trained reads them: float32 [T, 1]."""

import functools
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from affect_jax.encoders import folder, pieces, tuning
from affect_jax.encoders.tuning import EncoderSettings
from affect_jax.errors import UserError

_FIRST, _LAST, _RESERVED = 1, 2, 3
"""Pieces of the tiny encoder that begin and end a text, and how many numbers stand for no word."""


def load_numbering(settings: EncoderSettings, place: Path | None = None) -> Callable[[Sequence[str]], np.ndarray]:
    """What makes words into float32 [T, 1] for an encoder: by its tokenizer; by a hash of each word for the tiny one.

    Of a text with more pieces than the encoder reads, its first words are taken.

    Args:
      settings: of the encoder.
      place: folder with its tokenizer; None for that of its weights.

    Raises:
      UserError: the tokenizer is missing or damaged, or the library is not installed; and by what is returned, where
        the tokenizer is of another model.
    """
    sizes = tuning.build_module(settings.described).sizes
    if settings.weights is None:
        return functools.partial(_hash_words, sizes.vocabulary, sizes.longest)
    place = place or folder.find_folder(settings.weights)
    tokenizer = pieces.read_tokenizer(place)

    def number(words: Sequence[str]) -> np.ndarray:
        first, *_ = pieces.split_into_pieces(tokenizer, words, sizes.longest)
        if first.numbers.max() >= sizes.vocabulary:
            raise UserError(
                f"{place / pieces.FILE} gives the piece {first.numbers.max()}, but the encoder beside it knows "
                f"{sizes.vocabulary}; copy the tokenizer and the weights of one model"
            )
        return first.numbers[:, None].astype(np.float32)

    return number


def _hash_words(vocabulary: int, longest: int, words: Sequence[str]) -> np.ndarray:
    hashed = [_RESERVED + zlib.crc32(word.lower().encode()) % (vocabulary - _RESERVED) for word in words]
    return np.array([_FIRST, *hashed[: longest - 2], _LAST], np.float32)[:, None]
