"""Words of a transcript, and their GloVe vectors from a file of the user's (nlp.stanford.edu/projects/glove)."""

import codecs
import re
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from affect_jax.errors import UserError

# A contraction's end as GloVe's own tokeniser cuts it off, a word, or a mark that says how a sentence is meant.
_TOKEN = re.compile(r"n't\b|'(?:s|m|d|re|ve|ll)\b|[^\W_]+?(?=n't\b)|[^\W_]+|[.,!?]")


def split_words(transcript: str) -> list[str]:
    """Splits a transcript into words in lower case, with `. , ! ?` as words of their own.

    Contractions come apart as in GloVe's vocabulary: "don't" is do n't, "I'm" is i 'm. Hyphens separate words; brackets
    and all other marks are dropped, so "[LAUGHTER]" is laughter.
    """
    return _TOKEN.findall(transcript.lower().replace("\u2019", "'"))


def read_glove(path: Path, wanted: Collection[str], width: int) -> dict[str, np.ndarray]:
    """Reads word -> float32 [width] for those of the wanted words that the file has.

    The file is read line by line, so it may be larger than memory. If a word stands there twice, its first line counts.

    Args:
      path: a text file; each line has a word and its numbers, separated by single spaces, as in glove.840B.300d.txt.
        Words that contain spaces, of which that file has some, are skipped.
      wanted: the words to look for.
      width: how many numbers a line must have.

    Raises:
      UserError: the file is missing, or has a line of another width or a vector with numbers that are not finite.
    """
    if not path.is_file():
        raise UserError(
            f"{path} is not a file; name a GloVe file of {width} numbers a word, such as glove.840B.300d.txt"
        )
    names = {word.encode(): word for word in wanted}
    vectors: dict[str, np.ndarray] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            line = line.removeprefix(codecs.BOM_UTF8).rstrip(b"\r\n ")
            extra = line.count(b" ") - width
            if extra and not (extra > 0 and not _is_number(line.split(b" ", extra + 1)[extra])):
                raise UserError(
                    f"{path} line {number} has {width + extra} numbers, expected a word and {width} numbers; name a"
                    f" file of {width}-dimensional vectors, or copy it again"
                )
            word = names.get(line.partition(b" ")[0])
            if extra or word is None or word in vectors:
                continue
            vectors[word] = _parse_vector(line.split(b" ")[1:], f"{path} line {number} ({word!r})")
    return vectors


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _parse_vector(fields: Sequence[bytes], where: str) -> np.ndarray:
    try:
        vector = np.array(fields).astype(np.float32)
    except ValueError as error:
        raise UserError(f"{where} is not a vector of numbers ({error}); copy the file again") from error
    if not np.isfinite(vector).all():
        raise UserError(f"{where} has NaN or infinite numbers; copy the file again")
    return vector


def look_up_vectors(words: Sequence[str], vectors: dict[str, np.ndarray], width: int) -> np.ndarray:
    """Returns float32 [T, width], one row for each word; zeros for a word that has no vector."""
    nothing = np.zeros(width, np.float32)
    return np.array([vectors.get(word, nothing) for word in words], np.float32).reshape(len(words), width)
