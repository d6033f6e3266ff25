"""Words -> word pieces by a published tokenizer.json, and features of pieces back to words.

The library `tokenizers` reads the file (extra `words`).
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax.errors import MissingPackageError, UserError, first_line

FILE = "tokenizer.json"


class Pieces(NamedTuple):
    """A text as an encoder reads it.

    Attributes:
      numbers: int32 [T], of the pieces, with those that begin and end a text.
      words: int32 [T], the number of each piece's word; -1 of the pieces that begin and end a text.
    """

    numbers: np.ndarray
    words: np.ndarray


def require_tokenizers() -> Any:
    """The package tokenizers.

    Raises:
      MissingPackageError: it is not installed.
    """
    if importlib.util.find_spec("tokenizers") is None:
        raise MissingPackageError(
            "words are cut into pieces by the package tokenizers, which is not installed: pip install "
            "'affect-jax[words]'"
        )
    import tokenizers

    return tokenizers


def read_tokenizer(folder: Path) -> Any:
    """Reads the tokenizer of a folder.

    Raises:
      UserError: the file is missing or damaged, or the library is not installed.
    """
    tokenizers, path = require_tokenizers(), folder / FILE
    if not path.is_file():
        raise UserError(
            f'{path} is missing; where transformers is, `python -c "from transformers import AutoTokenizer; '
            f"AutoTokenizer.from_pretrained('{folder}').save_pretrained('{folder}')\"` writes it"
        )
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise UserError(f"{path} is no tokenizer ({first_line(error)}); copy the file again") from None


def split_into_pieces(tokenizer: Any, words: Sequence[str], longest: int) -> list[Pieces]:
    """Cuts words into pieces, in one text, or in several where the encoder reads fewer pieces.

    Each word is whole in one text, and in one only; one of more pieces than the encoder reads is cut off.

    Args:
      tokenizer: of `read_tokenizer`.
      words: of a transcript, without blanks inside.
      longest: pieces that the encoder reads.
    """
    tokenizer.no_truncation()
    tokenizer.no_padding()
    whole = _encode(tokenizer, words)
    if len(whole.numbers) <= longest:
        return [whole]
    if len(words) == 1:
        return [Pieces(whole.numbers[:longest], whole.words[:longest])]
    middle = len(words) // 2
    first, second = (split_into_pieces(tokenizer, part, longest) for part in (words[:middle], words[middle:]))
    moved = [part._replace(words=np.where(part.words < 0, -1, part.words + middle)) for part in second]
    return first + moved


def average_over_words(features: np.ndarray, pieces: Pieces, words: int) -> np.ndarray:
    """Features of pieces [T, D] -> float32 [words, D], the mean over each word's; zeros for a word without pieces."""
    inside = pieces.words >= 0
    sums = np.zeros((words, features.shape[1]), np.float32)
    np.add.at(sums, pieces.words[inside], features[inside])
    counts = np.bincount(pieces.words[inside], minlength=words)
    return sums / np.maximum(counts, 1)[:, None].astype(np.float32)


def _encode(tokenizer: Any, words: Sequence[str]) -> Pieces:
    """Words joined by blanks, so that pieces are those of the running text; a piece is of its last letter's word."""
    text = " ".join(words)
    encoded = tokenizer.encode(text)
    word_at = np.repeat(np.arange(len(words)), [len(word) + 1 for word in words])
    special = np.array(encoded.special_tokens_mask, bool)
    ends = np.array([end for _, end in encoded.offsets], np.int64)
    if len(word_at):
        found = word_at[np.clip(ends - 1, 0, len(word_at) - 1)]
    else:
        found = np.full(len(ends), -1)
    return Pieces(np.array(encoded.ids, np.int32), np.where(special, -1, found).astype(np.int32))
