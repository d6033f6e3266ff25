"""Words of a transcript, and their GloVe vectors from a file of the user's (nlp.stanford.edu/projects/glove)."""

import codecs
import re
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from affect_jax.errors import UserError

# A contraction's end as GloVe's own tokeniser cuts it off, a word, or a mark that says how a sentence is meant.
_TOKEN = re.compile(r"n't\b|'(?:s|m|d|re|ve|ll)\b|[^\W_]+?(?=n't\b)|[^\W_]+|[.,!?]")

_LINES_READ, _LONGEST_LINE = 50, 1_000_000


def split_words(transcript: str) -> list[str]:
    """Splits a transcript into words in lower case, with `. , ! ?` as words of their own.

    Contractions come apart as in GloVe's vocabulary: "don't" is do n't, "I'm" is i 'm. Hyphens separate words; brackets
    and all other marks are dropped, so "[LAUGHTER]" is laughter.
    """
    return _TOKEN.findall(transcript.lower().replace("\u2019", "'"))


def find_width(path: Path) -> int:
    """How many numbers a word has in a file of vectors, by its header (word2vec) or its first lines (GloVe).

    Raises:
      UserError: it is missing, or no text file of vectors.
    """
    if not path.is_file():
        raise UserError(f"{path} is not a file; name a text file of word vectors, such as glove.840B.300d.txt")
    with path.open("rb") as file:
        lines = [file.readline(_LONGEST_LINE).removeprefix(codecs.BOM_UTF8).split() for _ in range(_LINES_READ)]
    if _is_header(lines[0]):
        return int(lines[0][1])
    # Words with blanks have more fields than others.
    widths = [len(fields) - 1 for fields in lines if fields]
    width = min(widths, default=0)
    if width < 2 or not all(_is_number(field) for fields in lines if fields for field in fields[-width:]):
        raise UserError(f"{path} is no text file of word vectors (a word and its numbers in each line); name another")
    return width


def _is_header(fields: Sequence[bytes]) -> bool:
    """Whether a first line is that of word2vec's files: how many words, and how many numbers each."""
    return len(fields) == 2 and all(field.isdigit() for field in fields)


def read_glove(path: Path, wanted: Collection[str], width: int) -> dict[str, np.ndarray]:
    """Reads word -> float32 [width] for those of the wanted words that the file has.

    The file is read line by line, so it may be larger than memory. If a word stands there twice, its first line counts.

    Args:
      path: a text file; each line has a word and its numbers, separated by single spaces, as in glove.840B.300d.txt.
        Words that contain spaces, of which that file has some, are skipped, and so is word2vec's header.
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
            if number == 1 and _is_header(line.split()):
                continue
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
