"""Modalities in a plain config: which study reads which, and other names for them."""

import copy
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from affect_jax.config.changes import merge_changes


def find_single_modality(model: Mapping[str, Any]) -> str | None:
    """The modality of a model that reads only one; None where it reads several, or is taught by others."""
    if "modalities" in model:
        names = tuple(model["modalities"])
        return names[0] if len(names) == 1 else None
    if model.get("stronger"):
        return None
    return model.get("weaker") or model.get("modality")


def map_single_modalities(document: Mapping[str, Any]) -> dict[str, str]:
    """Study -> its modality, where every study of a plain config has a model of one modality; else {}."""
    modalities = {
        name: find_single_modality(
            merge_changes({"model": document["model"]}, {"model": study.get("model", {})})["model"]
        )
        for name, study in document["studies"].items()
    }
    return modalities if modalities and all(modalities.values()) else {}


def list_pair(model: Mapping[str, Any]) -> tuple[str, ...]:
    """The weaker modality of a model of SEW or SeqSEW, and then its stronger ones."""
    return (model["weaker"], *model["stronger"])


def rename_modalities(value: Any, names: Mapping[str, str]) -> Any:
    """A plain value with modalities renamed wherever it names one, in keys as in values.

    A name stands alone (`audio`, `audio alone`) or after a slash, a point or an underscore (`inputs/audio`,
    `decoder_audio`).
    """
    if not names:
        return value
    if isinstance(value, str):
        pattern = "|".join(map(re.escape, names))
        return re.sub(rf"(?<![A-Za-z0-9])({pattern})(?![A-Za-z0-9_])", lambda match: names[match[1]], value)
    if isinstance(value, Mapping):
        return {rename_modalities(key, names): rename_modalities(of_key, names) for key, of_key in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(rename_modalities(one, names) for one in value)
    return value


def copy_studies(document: Mapping[str, Any], modalities: Sequence[str]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Studies of one modality each, for others instead: those of the config's first modality are copied for each.

    A study is named by its modality, or by that and something after a slash (`audio/bigru`). One that has another name
    keeps it, behind its modality where there are several.

    Returns:
      Name -> the modality and the study.
    """
    by_study = map_single_modalities(document)
    first = next(iter(by_study.values()))
    copies = {}
    for modality in modalities:
        for study in (name for name, of_study in by_study.items() if of_study == first):
            if study.split("/")[0] == first:
                name = modality + study.removeprefix(first)
            else:
                name = study if len(modalities) == 1 else f"{modality}/{study}"
            copy_ = rename_modalities(copy.deepcopy(document["studies"][study]), {first: modality})
            copies[name] = (modality, copy_)
    return copies


def copy_losses(study: Mapping[str, Any], before: Sequence[str], after: Sequence[str]) -> dict[str, Any]:
    """A study whose losses of its own, and those that its variants weigh, are of the modalities `after`: one of the
    first modality `before`, such as `branch_text` on `logits/text`, becomes one for each, and one of the first two,
    such as `alike_text+video`, one for each pair; those of the others are left out. Where the first has no loss of a
    name, such as `translation_video`, that of the second becomes one for each but the first. Turns have the losses that
    theirs became; one that reads some of the modalities but the first reads all but the first."""
    if not before:
        return dict(study)
    fitted = {**study, "stages": _copy_in_stages(study.get("stages") or {}, before, after)}
    fitted["variants"] = {
        name: {**variant, "stages": _copy_in_stages(variant["stages"], before, after)}
        if "stages" in variant
        else variant
        for name, variant in study["variants"].items()
    }
    return fitted


def _copy_in_stages(stages: Mapping[str, Any], before: Sequence[str], after: Sequence[str]) -> dict[str, Any]:
    fitted = dict(stages)
    groups = [tuple(itertools.combinations(before, size)) for size in (1, 2)]
    for stage, changes in stages.items():
        if changes and changes.get("losses"):
            losses: dict[str, Any] = {}
            became: dict[str, tuple[str, ...]] = {}
            for name, loss in changes["losses"].items():
                count = len(losses)
                owners = next((one for of_size in groups for one in of_size if name.endswith(f"_{'+'.join(one)}")), ())
                first = name.removesuffix("+".join(owners)) + before[0]
                if owners and owners == tuple(before[1:2]) and first not in changes["losses"]:
                    for other in after[1:]:
                        losses |= rename_modalities({name: loss}, {owners[0]: other})
                if owners == tuple(before[: len(owners)]):
                    for others in itertools.combinations(after, len(owners)):
                        losses |= rename_modalities({name: loss}, dict(zip(owners, others, strict=True)))
                became[name] = tuple(losses)[count:]
            fitted[stage] = {**changes, "losses": losses}
            if changes.get("turns"):
                turns = {k: _copy_turn(turn, became, before, after) for k, turn in changes["turns"].items()}
                fitted[stage]["turns"] = turns
    return fitted


def _copy_turn(
    turn: Mapping[str, Any], became: Mapping[str, tuple[str, ...]], before: Sequence[str], after: Sequence[str]
) -> dict[str, Any]:
    """A turn of a stage whose losses became others, each some."""
    copied = {**turn, "losses": tuple(new for loss in turn.get("losses", ()) for new in became.get(loss, (loss,)))}
    if turn.get("modalities"):
        first, others = before[0] in turn["modalities"], set(before[1:]) & set(turn["modalities"])
        copied["modalities"] = (*after[: int(first)], *(after[1:] if others else ()))
    return copied
