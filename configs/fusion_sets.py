"""The sets of studies of chapter 4, which the files configs/fusion_*.py share.

trimodal    intra, cross                                    all modalities together (table 4.1, bottom line)
moddrop     intra+moddrop, cross+moddrop                    trained on whole and on incomplete examples (table 4.5)
ablations   intra-nosp, cross-nosp, cross+intra             (table 4.2)
pairs       T2V, ..., A2T+A2V                               cross-modal attention between some (table 4.3)
modalities  intra T, cross T+V, mdre T+V, mha T+V, amh ...  fewer modalities, and the compared methods (table 4.1)
all         everything
"""

import itertools
from collections.abc import Mapping
from typing import Any

from affect_jax.errors import UserError
from configs import base

SETS = ("trimodal", "moddrop", "ablations", "pairs", "modalities")
CLASSES = {"emotion": 8, "emotion7": 7, "emotion6": 6, "emotion4": 4}
SINGLE = ("T2V", "T2A", "V2T", "V2A", "A2T", "A2V")
DOUBLE = ("V2T+A2T", "V2A+T2A", "A2V+T2V", "T2V+T2A", "V2A+V2T", "A2T+A2V")

Studies = dict[str, dict[str, Any]]


def attention(modalities: Mapping[str, str], map_steps: Mapping[str, int], kind: str, **changes: Any) -> dict[str, Any]:
    """A model of attention, as changes to config.model.

    Args:
      modalities: letter -> modality, of those that the model reads.
      map_steps: modality -> steps behind the map over time, 0 for no map.
      kind: intra, cross or cross+intra.
      **changes: other arguments of the model.
    """
    names = tuple(modalities.values())
    sizes = dict(map_steps=tuple(map_steps[m] for m in names), input_dropout=())  # () as `fidelity` says
    return dict(modalities=names, attention=kind, **sizes, **changes)


def compare(method: str, modalities: Mapping[str, str], shared: Mapping[str, Any]) -> dict[str, Any]:
    """One of the compared methods, a model of its own."""
    return dict(name=method, modalities=tuple(modalities.values()), **shared)


def make_studies(
    chosen: str,
    modalities: Mapping[str, str],
    map_steps: Mapping[str, int],
    compared: Mapping[str, Any],
    moddrop_patience: int,
) -> Studies:
    """The studies of a set, or of all.

    Args:
      chosen: one of SETS, or all.
      modalities: letter -> modality: T, V and A, or fewer.
      map_steps: as of `attention`.
      compared: what the compared methods have: classes, prosody, units.
      moddrop_patience: epochs without a better score, where every example appears several times.

    Raises:
      UserError: these modalities have no studies in the set.
    """
    base.parse_argument(chosen, (*SETS, "all"), "the set of studies")
    makers = {
        "trimodal": lambda: _both(modalities, map_steps),
        "moddrop": lambda: _moddrop(modalities, map_steps, moddrop_patience),
        "ablations": lambda: _ablate(modalities, map_steps),
        "pairs": lambda: _pair(modalities, map_steps) if len(modalities) > 2 else {},
        "modalities": lambda: _subsets(modalities, map_steps, compared),
    }
    studies: Studies = {}
    for name, make in makers.items():
        if chosen in (name, "all"):
            studies |= {study: {**spec, "variants": {study: {}}} for study, spec in make().items()}
    if not studies:
        raise UserError(f"config argument: two modalities have no studies in the set {chosen!r}; choose another")
    return studies


def _both(modalities: Mapping[str, str], map_steps: Mapping[str, int]) -> Studies:
    return {kind: dict(model=attention(modalities, map_steps, kind)) for kind in ("intra", "cross")}


def _moddrop(modalities: Mapping[str, str], map_steps: Mapping[str, int], patience: int) -> Studies:
    names = tuple(modalities.values())
    subsets = (names, *itertools.combinations(names, len(names) - 1))  # all, and all but one
    fit = dict(moddrop=tuple("+".join(subset) for subset in subsets), patience=patience)
    return {f"{kind}+moddrop": dict(spec, stages=dict(fit=fit)) for kind, spec in _both(modalities, map_steps).items()}


def _ablate(modalities: Mapping[str, str], map_steps: Mapping[str, int]) -> Studies:
    pooled = {
        f"{kind}-nosp": dict(model=attention(modalities, map_steps, kind, statistical_pooling=False))
        for kind in ("intra", "cross")
    }
    return {**pooled, "cross+intra": dict(model=attention(modalities, map_steps, "cross+intra"))}


def _pair(modalities: Mapping[str, str], map_steps: Mapping[str, int]) -> Studies:
    studies = {}
    for label in (*SINGLE, *DOUBLE):
        pairs = tuple(f"{modalities[pair[0]]}->{modalities[pair[-1]]}" for pair in label.split("+"))
        studies[label] = dict(model=attention(modalities, map_steps, "cross", pairs=pairs))
    return studies


def _subsets(modalities: Mapping[str, str], map_steps: Mapping[str, int], compared: Mapping[str, Any]) -> Studies:
    studies: Studies = {}
    for letter, name in modalities.items():
        studies[f"intra {letter}"] = dict(model=attention({letter: name}, map_steps, "intra"))
    if len(modalities) < 3:
        return studies
    for letters in itertools.combinations(modalities, 2):
        two, label = {letter: modalities[letter] for letter in letters}, "+".join(letters)
        for kind in ("intra", "cross"):
            studies[f"{kind} {label}"] = dict(model=attention(two, map_steps, kind))
        for method in ("mdre", "mha"):
            studies[f"{method} {label}"] = dict(model=compare(method, two, compared))
    for method in ("mdre", "amh"):
        studies[method] = dict(model=compare(method, modalities, compared))
    return studies
