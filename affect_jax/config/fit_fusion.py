"""The sets of studies of configs/fusion.py over any modalities: what chapter 4 has of text, video and audio.

Where some modality has no letter in the thesis, all go by their names: `intra face+voice`, `face2voice`.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from affect_jax.datasets.manifest import Column
from affect_jax.errors import UserError

UNMAPPED = 100
"""Sequences of at most so many steps are not mapped over time."""
MAPPED = 50
"""Steps behind the map of longer ones."""
LETTERS = {"text": "T", "video": "V", "action_units": "V", "audio": "A", "mfcc": "A"}
METHODS = {"mdre": (1, 2, 3), "mha": (2,), "amh": (3,)}
"""Compared method -> how many modalities it can take."""


def choose_letters(modalities: Sequence[str]) -> tuple[str, ...]:
    """'T' for text and so on; the names themselves where one has no letter, or a letter would stand for two."""
    found = tuple(LETTERS.get(m, "") for m in modalities)
    return found if all(found) and len(set(found)) == len(found) else tuple(modalities)


def choose_sizes(columns: Mapping[str, Column]) -> dict[str, Any]:
    """What a model of attention has for each of some modalities."""
    return dict(
        modalities=tuple(columns),
        map_steps=tuple(MAPPED if column.longest > UNMAPPED else 0 for column in columns.values()),
        input_dropout=(0.0,) * len(columns),
    )


def fit_fusion(plain: dict[str, Any], columns: Mapping[str, Column], *, classes: bool) -> None:
    """Makes the sets of studies that a plain config has ones of these modalities, in place.

    Args:
      plain: the config.
      columns: the modalities.
      classes: the labels are classes; the compared methods know nothing else and are left out where they are not.

    Raises:
      UserError: there is one modality only.
    """
    if len(columns) < 2:
        raise UserError(
            f"the manifest has one modality, {next(iter(columns))!r}, and fusion joins two or more; add a column of "
            "another one, or train the one alone by configs/rank.py:manifest"
        )
    before, plain["studies"] = plain["studies"], {}
    plain["model"] |= choose_sizes(columns)
    if "intra" in before:
        _add(plain, {kind: {"attention": kind} for kind in ("intra", "cross")})
    if "intra+moddrop" in before:
        stages = {"fit": dict(before["intra+moddrop"]["override"]["stages"]["fit"], moddrop=_incomplete(columns))}
        _add(plain, {f"{kind}+moddrop": {"attention": kind} for kind in ("intra", "cross")}, stages=stages)
    if "intra-nosp" in before:
        _add(plain, {f"{k}-nosp": {"attention": k, "statistical_pooling": False} for k in ("intra", "cross")})
        _add(plain, {"cross+intra": {"attention": "cross+intra"}})
    if any(study["override"]["model"].get("pairs") for study in before.values()):
        _add(plain, {name: {"attention": "cross", "pairs": pairs} for name, pairs in _pairs(columns).items()})
    if any(name.startswith("intra ") for name in before):
        _subsets(plain, columns, before, METHODS if classes else {})


def _add(plain: dict[str, Any], models: Mapping[str, Mapping[str, Any]], **override: Any) -> None:
    for name, model in models.items():
        plain["studies"][name] = dict(override=dict(override, model=dict(model)), variants={name: {}})


def _incomplete(modalities: Sequence[str]) -> tuple[str, ...]:
    """Moddrop's combinations: all modalities, and all but one."""
    names = tuple(modalities)
    return tuple("+".join(some) for some in (names, *itertools.combinations(names, len(names) - 1)))


def _pairs(modalities: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Every pair alone, and, of three modalities or more, all pairs into one of them and all out of one."""
    called = dict(zip(modalities, choose_letters(modalities), strict=True))
    found = {f"{called[a]}2{called[b]}": (f"{a}->{b}",) for a, b in itertools.permutations(modalities, 2)}
    for one in modalities if len(modalities) > 2 else ():
        others = [m for m in modalities if m != one]
        for pairs in ([(m, one) for m in others], [(one, m) for m in others]):
            found["+".join(f"{called[a]}2{called[b]}" for a, b in pairs)] = tuple(f"{a}->{b}" for a, b in pairs)
    return found


def _subsets(
    plain: dict[str, Any],
    columns: Mapping[str, Column],
    before: Mapping[str, Any],
    methods: Mapping[str, Sequence[int]],
) -> None:
    """Fewer modalities, and the compared methods where they can take as many; these also of all modalities."""
    called = dict(zip(columns, choose_letters(columns), strict=True))
    models = {study["override"]["model"].get("name"): study["override"]["model"] for study in before.values()}
    for size in range(1, len(columns) + 1):
        for some in itertools.combinations(columns, size):
            label, whole = "+".join(called[m] for m in some), size == len(columns)
            kinds = () if whole else ("intra", "cross") if size > 1 else ("intra",)
            fewer = choose_sizes({m: columns[m] for m in some})
            _add(plain, {f"{kind} {label}": dict(fewer, attention=kind) for kind in kinds})
            for method in (m for m, takes in methods.items() if m in models and size in takes and size > 1):
                name = method if whole else f"{method} {label}"
                model = dict(models[method], modalities=some, prosody="")
                _add(plain, {name: model})
                unknown = [key for key in plain["model"] if key not in (*model, "classes")]
                plain["studies"][name]["drop"] = tuple(f"model.{key}" for key in unknown)
