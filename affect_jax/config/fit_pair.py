"""SEW and SeqSEW on any modalities: which one is taught by which, and the sizes that hang on them."""

from collections.abc import Sequence
from typing import Any

from affect_jax.config.rename_modalities import rename_modalities
from affect_jax.errors import UserError, suggest_nearest


def list_pair(plain: dict[str, Any]) -> tuple[str, ...]:
    """The weaker modality of a plain config's model, and its stronger ones behind it."""
    return (plain["model"]["weaker"], *plain["model"]["stronger"])


def choose_pair(plain: dict[str, Any], modalities: Sequence[str], asked: str) -> tuple[str, ...]:
    """The weaker and the stronger modalities: those asked for, the config's own where the corpus has them, or the first
    ones.

    Args:
      plain: a config of SEW or SeqSEW.
      modalities: that the corpus has.
      asked: config.corpus.pair, `weaker+stronger`; '' where nobody asked.

    Raises:
      UserError: too few modalities, or a pair that cannot be.
    """
    own = list_pair(plain)
    if len(modalities) < len(own):
        raise UserError(
            f"{plain['model']['name']} needs {len(own)} modalities, a weaker one and what teaches it, but the corpus "
            f"has {list(modalities)}; add a column, or train the one alone by configs/rank.py"
        )
    if not asked:
        return own if set(own) <= set(modalities) else tuple(modalities[: len(own)])
    pair = tuple(name.strip() for name in asked.split("+"))
    for name in pair:
        if name not in modalities:
            raise UserError(
                f"config.corpus.pair is {asked!r}, but there is no modality {name!r}{suggest_nearest(name, modalities)}; "
                f"there are {list(modalities)}"
            )
    if len(pair) != len(own) or len(set(pair)) != len(pair):
        form = "+".join(("weaker", *("stronger",) * (len(own) - 1)))
        raise UserError(
            f"config.corpus.pair is {asked!r}, but this config teaches with {len(own) - 1}; write {len(own)} different "
            f"modalities as {form}"
        )
    return pair


def apply_pair(plain: dict[str, Any], pair: Sequence[str], widths: dict[str, int]) -> None:
    """Makes a plain config of SEW or SeqSEW one of these modalities, in place.

    Args:
      plain: the config; whatever it names is renamed.
      pair: the weaker one, and the stronger ones behind it.
      widths: features of each; SEW's translators end in those of their modality.
    """
    names = dict(zip(list_pair(plain), pair, strict=True))
    for part in ("model", "schedule", "stages", "studies", "search"):
        plain[part] = rename_modalities(plain[part], names)
    layers = plain["model"].get("stronger_decoder_layers")
    if layers:
        plain["model"]["stronger_decoder_layers"] = tuple(
            (*one[:-1], widths[name]) for one, name in zip(layers, pair[1:], strict=True)
        )
    plain["data"]["modalities"] = tuple(pair)
