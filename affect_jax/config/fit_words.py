"""The user's manifest for a model that reads words: its column of words becomes numbers of the encoder's pieces."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from affect_jax.errors import UserError, join_words

_FOLDER, _SYNTHETIC = "word_numbers", "sentences"


def fit_words(document: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The config on a manifest of numbers, and remarks; without a manifest, on a small one of planted sentences.

    Args:
      document: whose encoder is described, and whose corpus is `manifest`.

    Raises:
      UserError: whatever is wrong with the manifest, its texts or the encoder's tokenizer.
    """
    # Here, as only models of words need them.
    from affect_jax.datasets import release_files, word_numbers
    from affect_jax.datasets.manifest.synthetic_words import synthesize_words
    from affect_jax.encoders import numbers, tuning

    corpus = document["corpus"]
    chosen = tuple(corpus.get("modalities") or ())
    if len(chosen) > 1:
        raise UserError(
            f"model {document['model']['name']!r} reads one column of words, but config.corpus.modalities is "
            f"{join_words(chosen)}; name one"
        )
    data_dir = release_files.resolve_data_dir(corpus.get("data_dir"))
    manifest, remark = Path(corpus.get("manifest") or data_dir / _SYNTHETIC / "manifest.csv").expanduser(), ""
    if not corpus.get("manifest") and not manifest.exists():
        synthesize_words(manifest.parent)
    encoder = document["model"]["encoder"]
    fields = {name: encoder[name] for name in ("weights", "family", "described")}
    numbered = word_numbers.number_manifest(
        manifest,
        *chosen or (None,),
        numbers.load_numbering(tuning.EncoderSettings(**fields)),
        data_dir / _FOLDER,
    )
    remark = f"corpus.manifest: {numbered.manifest}, the words of column {numbered.column} of {manifest} as numbers"
    settings = {**corpus, "manifest": str(numbered.manifest), "modalities": (numbered.column,)}
    return {**document, "corpus": settings, "data": {**document["data"], "standardize": False}}, (remark,)
