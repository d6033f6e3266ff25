"""Word vectors that come with a package: wordllama's (MIT), 256 numbers a piece, reduced from Llama 2's embeddings.

The package's files are read, none of its code: 16 MB of weights and a tokenizer, so words need no download.
"""

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax.encoders import pieces
from affect_jax.errors import MissingPackageError, UserError, first_line

_WEIGHTS, _TOKENIZER = Path("weights/l2_supercat_256.safetensors"), Path("tokenizers/l2_supercat_tokenizer_config.json")


class WordVectors(NamedTuple):
    """Vectors of word pieces.

    Attributes:
      vectors: float32 [pieces, 256].
      tokenizer: cuts words into pieces.
      identity: a hash of both files.
    """

    vectors: np.ndarray
    tokenizer: Any
    identity: str


def is_installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec("wordllama") is not None


def load_word_vectors() -> WordVectors:
    """Reads the files of the package.

    Raises:
      UserError: it is not installed, or of a version with other files.
    """
    if not is_installed():
        raise MissingPackageError(
            "wordllama, whose wheel has the word vectors, is not installed: pip install 'affect-jax[words]'"
        )
    import safetensors.numpy

    tokenizers = pieces.require_tokenizers()
    (folder,) = map(Path, importlib.util.find_spec("wordllama").submodule_search_locations)
    weights, tokenizer = folder / _WEIGHTS, folder / _TOKENIZER
    try:
        (vectors,) = safetensors.numpy.load_file(weights).values()
        digest = hashlib.sha256(weights.read_bytes() + tokenizer.read_bytes()).hexdigest()
        return WordVectors(vectors.astype(np.float32), tokenizers.Tokenizer.from_file(str(tokenizer)), digest)
    except Exception as error:  # tokenizers and safetensors raise types of their own
        raise UserError(f"the package wordllama has other files than expected ({first_line(error)})") from error


def embed_words(vectors: WordVectors, words: Sequence[str]) -> np.ndarray:
    """The mean of the pieces of each word, float32 [words, 256]; zeros of a word without any."""
    cut = [encoded.ids for encoded in vectors.tokenizer.encode_batch(list(words), add_special_tokens=False)]
    means = [vectors.vectors[ids].mean(0) if ids else np.zeros(vectors.vectors.shape[1], np.float32) for ids in cut]
    return np.array(means, np.float32).reshape(len(words), vectors.vectors.shape[1])
