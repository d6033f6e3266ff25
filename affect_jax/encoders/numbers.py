"""Texts as numbers of word pieces, as an encoder that is trained reads them: float32 [T, 1]."""

import functools
import zlib
from collections.abc import Callable, Sequence

import numpy as np

from affect_jax.encoders import folder, pieces, tuning
from affect_jax.encoders.tuning import EncoderSettings

_FIRST, _LAST, _RESERVED = 1, 2, 3
"""Pieces of the tiny encoder that begin and end a text, and how many numbers stand for no word."""


def load_numbering(settings: EncoderSettings) -> Callable[[Sequence[str]], np.ndarray]:
    """What makes words into float32 [T, 1] for an encoder: by its tokenizer; by a hash of each word for the tiny one.

    Of a text with more pieces than the encoder reads, its first words are taken.

    Raises:
      UserError: the tokenizer is missing or damaged, or the library is not installed.
    """
    longest = tuning.build_module(settings.described).sizes.longest
    if settings.weights is None:
        return functools.partial(_hash_words, tuning.build_module(settings.described).sizes.vocabulary, longest)
    tokenizer = pieces.read_tokenizer(folder.find_folder(settings.weights))

    def number(words: Sequence[str]) -> np.ndarray:
        first, *_ = pieces.split_into_pieces(tokenizer, words, longest)
        return first.numbers[:, None].astype(np.float32)

    return number


def _hash_words(vocabulary: int, longest: int, words: Sequence[str]) -> np.ndarray:
    hashed = [_RESERVED + zlib.crc32(word.lower().encode()) % (vocabulary - _RESERVED) for word in words]
    return np.array([_FIRST, *hashed[: longest - 2], _LAST], np.float32)[:, None]
