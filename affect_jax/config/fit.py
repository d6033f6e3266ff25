"""Any config on one's own corpus: what the manifest has decides the names, sizes and tasks that a config has of a
release.

Only what cannot fit is changed, so that flags still say the rest: what an example is, which losses and scores follow
the labels, and which modalities the model reads.

    model                  reads of the manifest
    conflictnet, raw_cnn   one column of recordings, as waveforms
    attention_fusion       all modalities of an item with one label; or each alone, where the config has it so
    sew, seqsew            config.corpus.pair of modalities that share their steps; or each alone
"""

import dataclasses
from pathlib import Path
from typing import Any

import ml_collections

from affect_jax.config import fit_fusion, fit_pair, rename_modalities
from affect_jax.config.fit_labels import fit_to_label
from affect_jax.data import splits
from affect_jax.datasets import manifest
from affect_jax.datasets.manifest import Column, csv_table, frame_files
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.settings import resolve_settings
from affect_jax.errors import UserError
from affect_jax.reports.ranking import of_one_modality

Columns = dict[str, Column]
DRAWS = ("draw_0", "draw_1", "draw_2")
"""config.study.folds of the configs for CMU-MOSI, which no other corpus has."""
SPEECH = ("conflictnet", "raw_cnn")
STEPS = ("sew", "seqsew")


def fit_to_corpus(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """The config as it is run: on one's own corpus, made to fit it; on any other, with the settings of that alone.

    What is adapted already comes back as it is. The config itself is left alone.

    Raises:
      UserError: no such corpus, whatever is wrong with the manifest, or a config that cannot be run on it.
    """
    plain = config.to_dict()
    plain["corpus"] = splits.corpus_settings(config)
    if plain["corpus"]["name"] == splits.OWN:
        _fit(plain, config.corpus.get("pair", ""))
    return ml_collections.ConfigDict(plain)


def _fit(plain: dict[str, Any], pair: str) -> None:
    model = plain["model"]["name"]
    alone = bool(of_one_modality(plain))
    if model not in (*SPEECH, *STEPS, "attention_fusion"):
        raise UserError(f"model {model!r} is not one that one's own corpus can be run with by itself; choose a config")
    if pair and (model not in STEPS or alone):
        raise UserError(f"config.corpus.pair is {pair!r}, but in this config no modality teaches another; leave it out")
    if not plain["corpus"].get("manifest"):
        raise UserError("config.corpus.manifest is not set; name the csv file of your corpus (docs/own_data.md)")
    corpus = dataclasses.asdict(resolve_settings({**_choices(plain), **plain["corpus"]}, manifest.Settings))
    corpus.pop("pair")  # which is what this function turns into the model's own settings
    _check_layout(plain["data"]["unit"], corpus["layout"])
    found = manifest.describe(corpus)
    label = found.labels[corpus["target"] or next(iter(found.labels))]
    if model in SPEECH:
        columns = _speech(plain, found.modalities)
        plain["model"] |= {"rate": float(corpus["rate"])} if "rate" in plain["model"] else {}
    elif alone:
        columns = _each(plain, found.modalities)
    elif model in STEPS:
        columns = _pair(plain, found.modalities, pair)
    else:
        columns = found.modalities
        fit_fusion.fit_fusion(plain, columns, classes=label.kind == "class")
    plain["corpus"] = dict(corpus, modalities=tuple(columns), target=label.name)
    _read(plain, columns)
    fit_to_label(plain, label)
    if tuple(plain["study"]["folds"]) == DRAWS:
        plain["study"]["folds"] = ()
    plain["name"] = f"{model} on {Path(corpus['manifest']).stem}: {label.name} from {'+'.join(columns)}"


def _choices(plain: dict[str, Any]) -> dict[str, str]:
    """The settings of the corpus that hang on the model, where the user leaves them open."""
    sound = {"sound": "waveform"} if plain["model"]["name"] in SPEECH else {}
    if "layout" in plain["corpus"]:
        return sound
    layout = "steps" if _per_step(plain["corpus"]) else "item" if plain["data"]["unit"] == "item" else "group"
    return {"layout": layout, **sound}


def _per_step(corpus: dict[str, Any]) -> bool:
    """Whether most labels are paths; only what the csv file itself shows, as no layout is known yet."""
    path = Path(corpus.get("manifest", "")).expanduser()
    sheet = csv_table.read_table(path, corpus.get("modalities", ()), Problems(path))
    found = [row.labels.get(corpus.get("target") or sheet.labels[0], "") for row in sheet.rows]
    return 2 * sum(Path(text).suffix.lower() in frame_files.FEATURES for text in found) > len(found)


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


def _speech(plain: dict[str, Any], columns: Columns) -> Columns:
    """The one column of recordings."""
    heard = [name for name, column in columns.items() if column.kind == "waveform"]
    model = plain["model"]["name"]
    if not heard:
        raise UserError(
            f"model {model!r} hears raw speech, but of the modalities {list(columns)} none are recordings read as "
            "waveforms; add a column of .wav or .flac files, leave config.corpus.sound out, or choose another config"
        )
    if len(heard) > 1:
        raise UserError(
            f"model {model!r} hears one recording an item, but there are {heard}; name one of them, as in "
            f"--config.corpus.modalities=\"('{heard[0]}',)\""
        )
    cut = plain["data"]["steps"].get(plain["model"]["weaker"], 0)  # samples, which a flag may say
    plain["model"]["weaker"] = heard[0]
    column = columns[heard[0]]
    return {heard[0]: column._replace(longest=cut or column.longest)}


def _each(plain: dict[str, Any], columns: Columns) -> Columns:
    """A study a modality."""
    first = next(iter(columns))
    plain["studies"] = rename_modalities.copy_studies(plain, tuple(columns))
    if "weaker" in plain["model"]:
        plain["model"]["weaker"] = first
        return columns
    plain["model"] |= fit_fusion.choose_sizes({first: columns[first]})
    for name in columns:
        plain["studies"][name]["override"]["model"] |= fit_fusion.choose_sizes({name: columns[name]})
    return columns


def _pair(plain: dict[str, Any], columns: Columns, asked: str) -> Columns:
    chosen = fit_pair.choose_pair(plain, tuple(columns), asked)
    fit_pair.apply_pair(plain, chosen, {name: columns[name].width for name in chosen})
    return {name: columns[name] for name in chosen}


def _read(plain: dict[str, Any], columns: Columns) -> None:
    """What of each modality is read, and how."""
    data = plain["data"]
    waves = [name for name, column in columns.items() if column.kind == "waveform"]
    if waves and plain["model"]["name"] not in SPEECH:
        raise UserError(
            f"this config reads features, but config.corpus.sound is 'waveform' and {waves[0]!r} are recordings; set "
            "it to mfcc or egemaps, or choose configs/speech_emotion.py"
        )
    data["modalities"] = tuple(columns)
    if data["unit"] == "item":  # every part is padded to the same lengths, which some models need
        data["steps"] = {name: column.longest for name, column in columns.items()}
    if not isinstance(data["standardize"], bool) and not set(data["standardize"]) <= set(columns):
        data["standardize"] = True
