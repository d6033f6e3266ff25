"""SEW and SeqSEW on any modalities: which one is taught by which, and the sizes that depend on them."""

from collections.abc import Mapping, Sequence
from typing import Any

from affect_jax.config.modalities import list_pair, rename_modalities
from affect_jax.errors import UserError, join_words, suggest_nearest


def choose_pair(model: Mapping[str, Any], modalities: Sequence[str], asked: str | None) -> tuple[str, ...]:
    """The weaker and the stronger modalities: those asked for, the config's own where the corpus has them, or the first
    ones.

    Args:
      model: `config.model` of SEW or SeqSEW.
      modalities: that the corpus has.
      asked: config.corpus.pair, `weaker+stronger`; None where nobody asked.

    Raises:
      UserError: too few modalities, or a pair that cannot be.
    """
    own = list_pair(model)
    if len(modalities) < len(own):
        raise UserError(
            f"{model['name']} needs {len(own)} modalities, a weaker one and what teaches it, but the corpus "
            f"has {join_words(modalities)}; add a column, or train the one alone by configs/rank.py"
        )
    if not asked:
        return own if set(own) <= set(modalities) else tuple(modalities[: len(own)])
    pair = tuple(name.strip() for name in asked.split("+"))
    for name in pair:
        if name not in modalities:
            raise UserError(
                f"config.corpus.pair is {asked!r}, but there is no modality "
                f"{name!r}{suggest_nearest(name, modalities)}; there are {join_words(modalities)}"
            )
    if len(pair) != len(own) or len(set(pair)) != len(pair):
        form = "+".join(("weaker", *("stronger",) * (len(own) - 1)))
        raise UserError(
            f"config.corpus.pair is {asked!r}, but this config teaches with {len(own) - 1}; write {len(own)} different "
            f"modalities as {form}"
        )
    return pair


def apply_pair(document: Mapping[str, Any], pair: Sequence[str], widths: Mapping[str, int]) -> dict[str, Any]:
    """A plain config of SEW or SeqSEW with other modalities: whatever it names is renamed.

    Args:
      document: the config.
      pair: the weaker modality, and then the stronger ones.
      widths: features of each; SEW's decoders end in those of their modality. {} leaves them.
    """
    names = dict(zip(list_pair(document["model"]), pair, strict=True))
    renamed = {
        key: rename_modalities(document[key], names) for key in ("model", "schedule", "stages", "studies", "search")
    }
    decoders = renamed["model"].get("stronger_decoder_layers")
    if decoders and widths:
        layers = tuple((*one[:-1], widths[name]) for one, name in zip(decoders, pair[1:], strict=True))
        renamed["model"]["stronger_decoder_layers"] = layers
    return {**document, **renamed, "data": {**document["data"], "modalities": tuple(pair)}}
