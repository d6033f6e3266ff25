"""Names of modalities all over a config: replaced, or a study of one modality copied for each of others."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A plain config's value with modalities renamed wherever it names one, in keys as in values.

    A name stands alone (`audio`), behind a stroke (`inputs/audio`), or behind an underscore (`decoder_audio`), in a
    dotted path as elsewhere.
    """
    if isinstance(value, str):
        return ".".join(_word(word, names) for word in value.split("."))
    if isinstance(value, Mapping):
        return {renamed(key, names): renamed(of_key, names) for key, of_key in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(renamed(one, names) for one in value)
    return value


def _word(word: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        if word == old or word.endswith((f"/{old}", f"_{old}")):
            return word.removesuffix(old) + new
    return word


def single(model: Mapping[str, Any]) -> str:
    """The modality of a model that reads one; '' of any other."""
    if "modalities" in model:
        return model["modalities"][0] if len(model["modalities"]) == 1 else ""
    return model["weaker"] if model.get("stronger") is None else ""


def of_one_modality(plain: Mapping[str, Any]) -> dict[str, str]:
    """Study -> its modality, where every study of a plain config has a model of one modality; else {}."""
    models = {
        s: {**plain["model"], **study.get("override", {}).get("model", {})} for s, study in plain["studies"].items()
    }
    found = {study: single(model) for study, model in models.items()}
    return found if found and all(found.values()) else {}


def for_each(plain: Mapping[str, Any], modalities: Sequence[str]) -> dict[str, Any]:
    """The studies of one modality for others instead: those of the config's first modality are copied for each.

    A study is named by its modality, or by that and something behind a stroke (`audio/bigru`).
    """
    by_study = of_one_modality(plain)
    first = next(iter(by_study.values()))
    made = {}
    for modality in modalities:
        for study in (name for name, of in by_study.items() if of == first):
            name = modality + study.removeprefix(first)
            made[name] = renamed(copy.deepcopy(plain["studies"][study]), {first: modality})
    return made
