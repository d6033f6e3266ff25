"""Names of modalities all over a config: replaced, or a study of one modality copied for each of others."""

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from affect_jax.reports.ranking import of_one_modality


def rename_modalities(value: Any, names: Mapping[str, str]) -> Any:
    """A plain config's value with modalities renamed wherever it names one, in keys as in values.

    A name stands alone (`audio`, `audio alone`) or behind a stroke, a point or an underscore (`inputs/audio`,
    `decoder_audio`).
    """
    if isinstance(value, str):
        some = "|".join(map(re.escape, names))
        return re.sub(rf"(?<![A-Za-z0-9])({some})(?![A-Za-z0-9_])", lambda found: names[found[1]], value)
    if isinstance(value, Mapping):
        return {rename_modalities(key, names): rename_modalities(of_key, names) for key, of_key in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(rename_modalities(one, names) for one in value)
    return value


def copy_studies(plain: Mapping[str, Any], modalities: Sequence[str]) -> dict[str, Any]:
    """The studies of one modality for others instead: those of the config's first modality are copied for each.

    A study is named by its modality, or by that and something behind a stroke (`audio/bigru`).
    """
    by_study = of_one_modality(plain)
    first = next(iter(by_study.values()))
    made = {}
    for modality in modalities:
        for study in (name for name, of in by_study.items() if of == first):
            name = modality + study.removeprefix(first)
            made[name] = rename_modalities(copy.deepcopy(plain["studies"][study]), {first: modality})
    return made
