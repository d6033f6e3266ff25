"""The sets of studies of configs/fusion.py over any modalities: what chapter 4 has of text, video and audio.

Where some modality has no letter in the thesis, all go by their names: `intra face+voice`, `face2voice`.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from affect_jax.errors import UserError

LETTERS = {"text": "T", "glove": "T"}
LETTERS |= dict.fromkeys(("video", "action_units", "vision", "visual", "facet"), "V")
LETTERS |= dict.fromkeys(("audio", "mfcc", "acoustic", "covarep"), "A")
METHODS = {"mdre": (1, 2, 3), "mha": (2,), "amh": (3,)}
"""Compared method -> how many modalities it can take."""

Studies = dict[str, dict[str, Any]]


def choose_letters(modalities: Sequence[str]) -> tuple[str, ...]:
    """'T' for text and so on; the names themselves where one has no letter, or a letter would stand for two."""
    letters = tuple(LETTERS.get(m, "") for m in modalities)
    return letters if all(letters) and len(set(letters)) == len(letters) else tuple(modalities)


def choose_sizes(columns: Mapping[str, Any]) -> dict[str, Any]:
    """What a model of attention has for each modality (name -> a column with its `longest` sequence, in steps)."""
    from affect_jax.models.attention_fusion import choose_fields  # imports jax, which readers of configs need not

    return choose_fields({name: column.longest for name, column in columns.items()})


def fit_fusion(document: Mapping[str, Any], columns: Mapping[str, Any], *, classes: bool) -> dict[str, Any]:
    """A plain config whose sets of studies are of these modalities.

    Args:
      document: the config.
      columns: modality -> its column.
      classes: the labels are classes; the compared methods know nothing else and are left out where they are not.

    Raises:
      UserError: there is one modality only.
    """
    if len(columns) < 2:
        raise UserError(
            f"the corpus has one modality, {next(iter(columns))!r}, and fusion joins two or more; add a column of "
            "another one, or train the one alone by configs/rank.py:manifest"
        )
    before = document["studies"]
    studies: Studies = {}
    if "intra" in before:
        studies |= _make_studies({kind: {"attention": kind} for kind in ("intra", "cross")})
    if "intra+moddrop" in before:
        stages = {"fit": {**before["intra+moddrop"]["stages"]["fit"], "moddrop": _list_incomplete(columns)}}
        studies |= _make_studies({f"{kind}+moddrop": {"attention": kind} for kind in ("intra", "cross")}, stages=stages)
    if "intra-nosp" in before:
        models = {f"{kind}-nosp": {"attention": kind, "statistical_pooling": False} for kind in ("intra", "cross")}
        studies |= _make_studies({**models, "cross+intra": {"attention": "cross+intra"}})
    if any(study.get("model", {}).get("pairs") for study in before.values()):
        pairs = _list_pairs(columns)
        studies |= _make_studies({name: {"attention": "cross", "pairs": of_name} for name, of_name in pairs.items()})
    if any(name.startswith("intra ") for name in before):
        studies |= _make_subset_studies(columns, before, METHODS if classes else {})
    return {**document, "model": {**document["model"], **choose_sizes(columns)}, "studies": studies}


def _make_studies(models: Mapping[str, Mapping[str, Any]], **changes: Any) -> Studies:
    return {name: dict(changes, model=dict(model), variants={name: {}}) for name, model in models.items()}


def _list_incomplete(modalities: Sequence[str]) -> tuple[str, ...]:
    """Moddrop's combinations: all modalities, and all but one."""
    names = tuple(modalities)
    return tuple("+".join(subset) for subset in (names, *itertools.combinations(names, len(names) - 1)))


def _list_pairs(modalities: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Every pair alone, and, of three modalities or more, all pairs into one of them and all out of one."""
    letters = dict(zip(modalities, choose_letters(tuple(modalities)), strict=True))
    pairs = {f"{letters[a]}2{letters[b]}": (f"{a}->{b}",) for a, b in itertools.permutations(modalities, 2)}
    for one in modalities if len(modalities) > 2 else ():
        others = [m for m in modalities if m != one]
        for group in ([(m, one) for m in others], [(one, m) for m in others]):
            pairs["+".join(f"{letters[a]}2{letters[b]}" for a, b in group)] = tuple(f"{a}->{b}" for a, b in group)
    return pairs


def _make_subset_studies(
    columns: Mapping[str, Any], before: Mapping[str, Any], methods: Mapping[str, Sequence[int]]
) -> Studies:
    """Studies of fewer modalities, and of the compared methods where they can take as many; these also of all."""
    letters = dict(zip(columns, choose_letters(tuple(columns)), strict=True))
    models = {study.get("model", {}).get("name"): study["model"] for study in before.values() if "model" in study}
    studies: Studies = {}
    for size in range(1, len(columns) + 1):
        for subset in itertools.combinations(columns, size):
            label, whole = "+".join(letters[m] for m in subset), size == len(columns)
            kinds = () if whole else ("intra", "cross") if size > 1 else ("intra",)
            sizes = choose_sizes({m: columns[m] for m in subset})
            studies |= _make_studies({f"{kind} {label}": dict(sizes, attention=kind) for kind in kinds})
            for method, counts in methods.items():
                if method in models and size in counts and size > 1:
                    name = method if whole else f"{method} {label}"
                    studies |= _make_studies({name: dict(models[method], modalities=subset, prosody="")})
    return studies
