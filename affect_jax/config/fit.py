"""Any config on the user's corpus: what the manifest has decides the names, sizes and tasks that a config has of a
release.

Only what cannot fit is changed, so that flags still say the rest: what an example is, which losses and scores follow
the labels, and which modalities the model reads.

    model                  reads of the manifest
    conflictnet, raw_cnn   one column of recordings, as waveforms
    attention_fusion       all modalities of an item with one label; or each alone, where the config has it so
    sew, seqsew            config.corpus.pair of modalities that share their steps; or each alone
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from affect_jax.config.changes import find_value, list_leaves
from affect_jax.config.corpus import OWN, import_corpus, select_settings
from affect_jax.config.fit_delay import fit_delay
from affect_jax.config.fit_fusion import choose_sizes, fit_fusion
from affect_jax.config.fit_labels import fit_to_label
from affect_jax.config.fit_lengths import cut_outliers
from affect_jax.config.fit_pair import apply_pair, choose_pair
from affect_jax.config.fit_windows import fit_windows
from affect_jax.config.modalities import copy_studies, map_single_modalities
from affect_jax.errors import UserError

DRAWS = ("draw_0", "draw_1", "draw_2")
"""config.study.folds of the configs for CMU-MOSI, which no other corpus has."""
SPEECH = ("conflictnet", "raw_cnn")
STEPS = ("sew", "seqsew")
BUCKETS = 3
"""config.data.buckets of one's own corpus."""


def fit_to_corpus(document: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A plain config as it is run, and a remark for each setting that had to change.

    On the user's corpus it is made to fit; on any other, the settings of the corpus are left as they are, without
    those of one's own. What fits already comes back equal.

    Raises:
      UserError: no such corpus, whatever is wrong with the manifest, or a config that cannot be run on it.
    """
    data = document["data"]
    settings = select_settings(document["corpus"], tuple(data["modalities"]), data["target"])
    pair = document["corpus"].get("pair")
    selected = {**document, "corpus": settings}
    if settings["name"] not in OWN:
        if pair:
            raise UserError(
                f"config.corpus.pair is {pair!r}, which only the user's corpus (config.corpus.name={' or '.join(OWN)}) "
                "has; choose the pair by the config's argument"
            )
        return selected, ()
    fitted, remarks = _fit_to_files(selected, pair)
    return fitted, (*remarks, *_remark_changes(document, fitted))


def _remark_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """A sentence for each loss and score that the label has replaced."""
    remarks = []
    for path, value in list_leaves({"stages": after["stages"]}):
        old = find_value(before, path)
        if path.endswith((".kind", ".metric")) and old is not None and old != value:
            remarks.append(f"{path}: {old} -> {value}, because the label {after['data']['target']!r} asks for it")
    return remarks


def _fit_to_files(document: dict[str, Any], pair: str | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The config on the user's files, and what its reader remarks about them."""
    from affect_jax.datasets.settings import resolve_settings

    model = document["model"]["name"]
    alone = bool(map_single_modalities(document))
    _check_model(model, alone, pair)
    name = document["corpus"]["name"]
    package = import_corpus(name)  # here, as reading csv files and sound takes a while to import
    if name == "manifest" and not document["corpus"].get("manifest"):
        raise UserError("config.corpus.manifest is not set; name the csv file of your corpus (docs/own_data.md)")
    chosen = {**_choose_layout(document), **document["corpus"]}
    corpus = dataclasses.asdict(resolve_settings(chosen, package.Settings))
    del corpus["pair"]  # which becomes the model's modalities here
    _check_layout(document["data"]["unit"], corpus["layout"])
    description = package.describe(corpus)
    label = description.labels[corpus["target"] or next(iter(description.labels))]
    columns, remarks = cut_outliers(description.modalities, document["data"])
    if model in SPEECH:
        document, columns = _fit_speech(document, columns, corpus.get("rate", 0))
    elif alone:
        document = _fit_each(document, columns)
    elif model in STEPS:
        chosen = choose_pair(document["model"], tuple(columns), pair)
        columns = {name: columns[name] for name in chosen}
        document = apply_pair(document, chosen, {name: column.width for name, column in columns.items()})
    else:
        document = fit_fusion(document, columns, classes=label.kind == "class")
    document = _fit_data(document, columns)
    data, told = fit_windows(document["data"], description.steps, description.rate)
    data, delayed = fit_delay(data, corpus.get("annotation_delay", 0.0), description.steps, description.rate)
    document = {**document, "data": {**data, "buckets": data.get("buckets") or BUCKETS}}
    numbers = "sentiment_regression" if getattr(label, "is_sentiment", False) else "regression"
    document = fit_to_label(document, label.name, len(label.classes) if label.kind == "class" else 0, numbers)
    study = document["study"]
    if tuple(study["folds"] or ()) == DRAWS:
        study = {**study, "folds": None}
    stem = Path(corpus[OWN[name]] or f"synthetic {name}").stem
    fitted = {
        **document,
        "corpus": {**corpus, "modalities": tuple(columns), "target": label.name},
        "study": study,
        "name": f"{model} on {stem}: {label.name} from {'+'.join(columns)}",
    }
    told = (*remarks, *(remark for remark in (told, delayed) if remark))
    return fitted, (*getattr(description, "remarks", ()), *told)


def _check_model(model: str, alone: bool, pair: str | None) -> None:
    if model not in (*SPEECH, *STEPS, "attention_fusion"):
        raise UserError(f"model {model!r} is not one that the user's corpus can be run with by itself; choose a config")
    if pair and (model not in STEPS or alone):
        raise UserError(f"config.corpus.pair is {pair!r}, but in this config no modality teaches another; leave it out")


def _choose_layout(document: Mapping[str, Any]) -> dict[str, str]:
    """The settings of the corpus that depend on the model, where the user leaves them open."""
    is_manifest, unit = document["corpus"]["name"] == "manifest", document["data"]["unit"]
    sound = {"sound": "waveform"} if document["model"]["name"] in SPEECH and is_manifest else {}
    if "layout" in document["corpus"]:
        return sound
    if not is_manifest:
        return {"layout": "item" if unit == "item" else "group"}
    layout = "steps" if _has_labels_per_step(document["corpus"]) else "item" if unit == "item" else "group"
    return {"layout": layout, **sound}


def _has_labels_per_step(corpus: Mapping[str, Any]) -> bool:
    """Whether most labels are paths; only what the csv file itself shows, as no layout is known yet."""
    from affect_jax.datasets.manifest import csv_table, frame_files
    from affect_jax.datasets.manifest.problems import Problems

    path = Path(corpus["manifest"]).expanduser()
    sheet = csv_table.read_table(path, corpus.get("modalities", ()), Problems(path))
    labels = [row.labels.get(corpus.get("target") or sheet.labels[0], "") for row in sheet.rows]
    return 2 * sum(Path(text).suffix.lower() in frame_files.FEATURES for text in labels) > len(labels)


def _check_layout(unit: str, layout: str) -> None:
    if unit == "item" and layout != "item":
        raise UserError(
            "this config learns from items with one label each, but "
            + ("the labels are per step" if layout == "steps" else f"config.corpus.layout is {layout!r}")
            + "; set config.corpus.target to another label, or choose configs/sew.py, configs/seqsew.py or "
            "configs/rank.py:manifest,sequence"
        )
    if unit != "item" and layout == "item":
        raise UserError(
            "this config learns from steps, but config.corpus.layout is 'item'; set it to 'group' (a group's items are "
            "its steps) or to 'steps' (labels per step)"
        )


def _fit_speech(
    document: Mapping[str, Any], columns: Mapping[str, Any], rate: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The config with the one column of recordings, and that column."""
    recordings = [name for name, column in columns.items() if column.kind == "waveform"]
    model = dict(document["model"])
    if not recordings:
        raise UserError(
            f"model {model['name']!r} hears raw speech, but of the modalities {list(columns)} none are recordings read "
            "as waveforms; add a column of .wav or .flac files, leave config.corpus.sound out, or choose another config"
        )
    if len(recordings) > 1:
        raise UserError(
            f"model {model['name']!r} hears one recording an item, but there are {recordings}; name one of them, as in "
            f"--config.corpus.modalities={recordings[0]}"
        )
    cut = (document["data"]["steps"] or {}).get(model["modality"])  # samples, which a flag may say
    column = columns[recordings[0]]
    model["modality"] = recordings[0]
    if "rate" in model:
        model["rate"] = float(rate)
    return {**document, "model": model}, {recordings[0]: column._replace(longest=cut or column.longest)}


def _fit_each(document: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    """The config with a study for each modality."""
    first = next(iter(columns))
    studies = copy_studies(document, tuple(columns))
    if "weaker" in document["model"]:
        return {**document, "studies": studies, "model": {**document["model"], "weaker": first}}
    for name, column in columns.items():
        studies[name] = {**studies[name], "model": {**studies[name]["model"], **choose_sizes({name: column})}}
    return {**document, "studies": studies, "model": {**document["model"], **choose_sizes({first: columns[first]})}}


def _fit_data(document: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    """The config with what of each modality is read, and how."""
    data = dict(document["data"])
    waves = [name for name, column in columns.items() if column.kind == "waveform"]
    if waves and document["model"]["name"] not in SPEECH:
        raise UserError(
            f"this config reads features, but config.corpus.sound is 'waveform' and {waves[0]!r} are recordings; set "
            "it to mfcc or egemaps, or choose configs/speech_emotion.py"
        )
    data["modalities"] = tuple(columns)
    if data["unit"] == "item":  # every split is padded to the same lengths, which some models need
        data["steps"] = {name: column.longest for name, column in columns.items()}
    if not isinstance(data["standardize"], bool) and not set(data["standardize"]) <= set(columns):
        data["standardize"] = True
    return {**document, "data": data}
