"""Any config on the user's corpus: what the manifest has decides the names, sizes and tasks that a config has of a
release.

Only what cannot fit is changed, and each change is told; what a flag gave is used, or refused. A model says by its
fields what it can be given (CONTRIBUTING.md):

    fields of the model    reads of the manifest
    modalities             all modalities; or each alone, where every study of the config has one
    modalities             (with `hears_waveforms = True`: conflictnet_words) a column of recordings, and others
    modality               one; of `hears_waveforms = True` (conflictnet, raw_cnn) a column of recordings, as waveforms;
                           of `reads_words = True` (pretrained_words) a column of words, as numbers of their pieces
    weaker, stronger       config.corpus.pair of modalities that share their steps; or each alone
    statistical_pooling    (beside modalities) the sets of studies of chapter 4 are made anew, of these modalities
"""

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from affect_jax.config.adaptations import describe_changes, refuse_overruled
from affect_jax.config.changes import was_given
from affect_jax.config.corpus import OWN, import_corpus, select_settings
from affect_jax.config.fit_delay import fit_delay
from affect_jax.config.fit_fusion import fit_fusion
from affect_jax.config.fit_labels import Target, fit_to_label
from affect_jax.config.fit_lengths import cut_outliers, shorten_columns
from affect_jax.config.fit_pair import apply_pair, choose_pair
from affect_jax.config.fit_schedule import count_examples, fill_batches, fit_schedule
from affect_jax.config.fit_windows import fit_windows
from affect_jax.config.fit_words import fit_words
from affect_jax.config.modalities import copy_losses, copy_studies, map_single_modalities, rename_modalities
from affect_jax.config.models import (
    choose_fields,
    has_trait,
    hears_waveforms,
    limit_modalities,
    read_fields,
    reads_words,
)
from affect_jax.errors import UserError, format_count, join_words

DRAWS = ("draw_0", "draw_1", "draw_2")
"""config.study.folds of the configs for CMU-MOSI, which no other corpus has."""
_PARTS = {"data": ("modalities", "unit"), "model": ("name",), "stages": ("losses", "monitor", "plateau")}
_SIZES = ("map_steps", "input_dropout")
"""Fields that `choose_fields` of a model may choose, and a flag too."""
BUCKETS = 3
"""config.data.buckets of one's own corpus."""
FIRST_SEEDS = 2
"""config.study.seeds of a config for another corpus: a first try should take minutes."""


def fit_to_corpus(document: Mapping[str, Any], given: Collection[str] = ()) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A plain config as it is run, and a remark for each setting that had to change.

    On the user's corpus it is made to fit; on any other, the settings of the corpus are left as they are, without
    those of one's own. What fits already comes back equal.

    Args:
      document: the plain config.
      given: dotted paths that flags set, which are not changed.

    Raises:
      UserError: no such corpus, whatever is wrong with the manifest, a config that cannot be run on it, or a flag that
        the corpus decides otherwise.
    """
    _check_parts(document)
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
    moved, remarks = _move_given(selected, given), ()
    if reads_words(moved["model"]):
        if settings["name"] != "manifest":
            raise UserError("a model of words reads a column of a manifest; give --config.corpus.manifest=FILE.csv")
        moved, remarks = fit_words(moved)
    fitted, fit_remarks = _fit_to_files(moved, pair, given)
    return fitted, (*remarks, *fit_remarks)


def _check_parts(document: Mapping[str, Any]) -> None:
    """Raises UserError where a table lacks what is read of it here: a flag that gives a table gives all of it."""
    tables = {"data": document["data"], "model": document["model"]}
    stages = {f"stages.{name}": stage for name, stage in document["stages"].items() if isinstance(stage, Mapping)}
    for path, table in (tables | stages).items():
        if absent := [key for key in _PARTS[path.split(".")[0]] if key not in table]:
            raise UserError(
                f"config.{path} has no {' and no '.join(absent)}; a flag of a whole table takes the place of all "
                f"in it, so set the parts alone: --config.{path}.NAME=VALUE"
            )


def _move_given(document: dict[str, Any], given: Collection[str]) -> dict[str, Any]:
    """The config whose corpus is asked for the label and the modalities that flags name elsewhere."""
    corpus = dict(document["corpus"])
    for path, key in (("data.target", "target"), ("data.modalities", "modalities"), ("model.modalities", "modalities")):
        part, _, name = path.partition(".")
        if was_given(path, given) and not was_given(f"corpus.{key}", given):
            corpus[key] = document[part][name]
    return {**document, "corpus": corpus}


def _fit_to_files(
    document: dict[str, Any], pair: str | None, given: Collection[str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The config on the user's files, and what is remarked about it: by the reader of its files, and of each change."""
    from affect_jax.datasets.settings import resolve_settings

    original, model = document, document["model"]
    fields, alone = read_fields(model), bool(map_single_modalities(document))
    _check_model(model["name"], fields, alone, pair)
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
    columns = shorten_columns(columns, document["data"].get("average"))
    if hears_waveforms(model):
        document, columns = _fit_speech(document, columns, corpus.get("rate", 0))
    elif reads_words(model):
        document = _fit_words_column(document, next(iter(columns)))
    elif alone:
        document = _fit_each(document, columns)
    elif "weaker" in fields:
        chosen = choose_pair(model, tuple(columns), pair)
        columns = {name: columns[name] for name in chosen}
        document = apply_pair(document, chosen, {name: column.width for name, column in columns.items()})
    elif "statistical_pooling" in fields:
        document = fit_fusion(document, columns, classes=label.kind == "class")
    else:
        document, left_out = _leave_out(document, columns, has_classes=label.kind == "class")
        document, remarks = _fit_joint(document, columns), [*remarks, *left_out]
    sizes = {key: model[key] for key in _SIZES if key in model and was_given(f"model.{key}", given)}
    document = _fit_data({**document, "model": {**document["model"], **sizes}}, columns, given)
    data, told = fit_windows(document["data"], description.steps, description.rate)
    data, delayed = fit_delay(data, corpus.get("annotation_delay", 0.0), description.steps, description.rate)
    document = {**document, "data": {**data, "buckets": data.get("buckets") or BUCKETS}}
    examples = count_examples(data, getattr(description, "items", 0), description.steps)
    is_for_other = was_given("corpus.name", given)
    document["stages"] = fit_schedule(document["stages"], examples, given, is_for_other=is_for_other)
    document["studies"] = fill_batches(document["studies"], examples)
    numbers = "sentiment_regression" if getattr(label, "is_sentiment", False) else "regression"
    target = Target(label.name, len(label.classes) if label.kind == "class" else 0, numbers)
    document = fit_to_label(document, target, given)
    files = corpus[OWN[name]]
    stem = " and ".join(files) if isinstance(files, Mapping) else Path(files or f"synthetic {name}").stem
    fitted = {
        **document,
        "corpus": {**corpus, "modalities": tuple(columns), "target": label.name},
        "study": _fit_study(document["study"], given),
        "name": f"{model['name']} on {stem}: {label.name} from {'+'.join(columns)}",
    }
    refuse_overruled(original, fitted, given, str(target))
    changes = describe_changes(original, fitted, str(target))
    told = (*remarks, *(remark for remark in (told, delayed) if remark))
    return fitted, (*changes, *getattr(description, "remarks", ()), *told)


def _fit_study(study: Mapping[str, Any], given: Collection[str]) -> dict[str, Any]:
    """`config.study` without the folds of CMU-MOSI, and with few seeds where the config is for another corpus."""
    folds = None if tuple(study["folds"] or ()) == DRAWS and not was_given("study.folds", given) else study["folds"]
    is_for_other = was_given("corpus.name", given) and not was_given("study.seeds", given)
    is_many = is_for_other and isinstance(study["seeds"], int) and study["seeds"] > FIRST_SEEDS
    return {**study, "folds": folds, "seeds": FIRST_SEEDS if is_many else study["seeds"]}


def _check_model(model: str, fields: Collection[str], alone: bool, pair: str | None) -> None:
    if not {"modalities", "modality", "weaker"} & set(fields):
        raise UserError(
            f"model {model!r} has none of the fields modalities, modality and weaker, by which one's own corpus tells "
            "it what to read; give its Model one of them (CONTRIBUTING.md)"
        )
    if pair and ("weaker" not in fields or alone):
        raise UserError(
            f"config.corpus.pair is {pair!r}, which SEW and SeqSEW alone read; leave it out, and name the modalities "
            "by config.corpus.modalities, of which co-learning deploys the first"
        )


def _choose_layout(document: Mapping[str, Any]) -> dict[str, str]:
    """The settings of the corpus that depend on the model, where the user leaves them open."""
    name, unit = document["corpus"]["name"], document["data"]["unit"]
    sound = {"sound": "waveform"} if name != "arrays" and hears_waveforms(document["model"]) else {}
    if name == "joined":
        return sound
    if "layout" in document["corpus"]:
        return sound
    if name == "arrays":
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
            f"model {model['name']!r} hears raw speech, but of the modalities {join_words(columns)} none are "
            "recordings read "
            "as waveforms; add a column of .wav or .flac files, leave config.corpus.sound out, or choose another config"
        )
    if len(recordings) > 1:
        raise UserError(
            f"model {model['name']!r} hears one recording an item, but there are {join_words(recordings)}; name one "
            "of them, as in "
            f"--config.corpus.modalities={recordings[0]}"
        )
    if "modalities" in model:
        return _fit_speech_and_rest(document, columns, recordings[0])
    cut = (document["data"]["steps"] or {}).get(model["modality"])  # samples, which a flag may say
    column = columns[recordings[0]]._replace(longest=cut or columns[recordings[0]].longest)
    model["modality"] = recordings[0]
    if "rate" in model:
        model["rate"] = float(rate)
    studies = rename_modalities(document["studies"], {document["model"]["modality"]: recordings[0]})
    return {**document, "model": model, "studies": studies}, {recordings[0]: column}


def _fit_speech_and_rest(
    document: Mapping[str, Any], columns: Mapping[str, Any], recording: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The config of a model that hears one column and reads as many others as it is written for, and these columns."""
    model, rest = document["model"], [name for name in columns if name != recording]
    if len(rest) != len(model["modalities"]) - 1:
        raise UserError(
            f"model {model['name']!r} reads {format_count(len(model['modalities']) - 1, 'column')} beside the "
            f"recordings {recording!r}, but there are {join_words(rest)}; name what it reads, as in "
            f"--config.corpus.modalities={recording},words, or add them to the manifest"
        )
    ordered = {name: columns[name] for name in (recording, *rest)}
    return {**document, "model": {**model, "modalities": tuple(ordered)}}, ordered


def _fit_words_column(document: Mapping[str, Any], column: str) -> dict[str, Any]:
    """The config with the one column of words."""
    studies = rename_modalities(document["studies"], {document["model"]["modality"]: column})
    return {**document, "model": {**document["model"], "modality": column}, "studies": studies}


def _leave_out(
    document: dict[str, Any], columns: Mapping[str, Any], *, has_classes: bool
) -> tuple[dict[str, Any], list[str]]:
    """The config without studies whose models cannot take the corpus, and a sentence of which and why.

    A config of one study keeps it, and is told what does not fit when its model meets the batch.

    Raises:
      UserError: a model is taught by other modalities, and there is one alone; or a flag names what is left out.
    """
    models = {name: {**document["model"], **study.get("model", {})} for name, study in document["studies"].items()}
    if len(columns) == 1 and any(has_trait(model, "deploys_first") for model in models.values()):
        raise UserError(
            f"the corpus has one modality, {next(iter(columns))!r}, and this config teaches one by others; add a "
            "column of another one, or train the one alone by configs/rank.py"
        )
    lengths = {name: column.longest for name, column in columns.items()}
    steps = join_words([f"{name} {length}" for name, length in lengths.items()])
    reasons = {}
    if len(set(lengths.values())) > 1:
        reasons["aligned"] = f"they read all modalities step by step, and steps differ ({steps})"
    if max(lengths.values()) == 1:
        reasons["compares_steps"] = "they compare the steps of an example with one another, and vectors have one"
    if not has_classes:
        reasons["only_classes"] = "they combine classes, and the label is a number"
    left_out = {trait: [name for name, model in models.items() if has_trait(model, trait)] for trait in reasons}
    reasons["most"] = f"they take fewer than {len(columns)} modalities"
    left_out["most"] = [name for name, model in models.items() if limit_modalities(model) < len(columns)]
    gone = {name for names in left_out.values() for name in names}
    if len(models) < 2 or len(gone) == len(models):
        return document, []
    for trait, names in left_out.items():
        if asked := sorted({*names} & {*(document["study"].get("only") or ())}):
            raise UserError(
                f"config.study.only names {join_words(asked)}, which do not fit this corpus: {reasons[trait]}; leave "
                "them out"
            )
    studies = {name: study for name, study in document["studies"].items() if name not in gone}
    remarks = [f"left out: {join_words(names)}; {reasons[trait]}" for trait, names in left_out.items() if names]
    return {**document, "studies": studies}, remarks


def _fit_joint(document: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    """The config whose models read all modalities; studies keep their names and what else they change."""
    lengths = {name: column.longest for name, column in columns.items()}
    studies = {}
    for name, study in document["studies"].items():
        model = study.get("model", {})
        # A study of one modality stays one: of the first, which co-learning deploys.
        read = dict([next(iter(lengths.items()))]) if len(model.get("modalities", ())) == 1 else lengths
        own = choose_fields(model, read) if "name" in model else {}
        fitted = {**study, "model": {**model, **own}} if own else study
        studies[name] = copy_losses(fitted, document["model"].get("modalities", ()), tuple(columns))
    model = {**document["model"], **choose_fields(document["model"], lengths)}
    return {**document, "studies": studies, "model": model}


def _fit_each(document: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    """The config with a study for each modality."""
    model, studies = document["model"], {}
    for name, (modality, study) in copy_studies(document, tuple(columns)).items():
        own = study.get("model", {})
        studies[name] = {**study, "model": {**own, **_choose_alone({**model, **own}, modality, columns)}}
    return {**document, "studies": studies, "model": {**model, **_choose_alone(model, next(iter(columns)), columns)}}


def _choose_alone(model: Mapping[str, Any], modality: str, columns: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a model of this modality alone."""
    key = next((key for key in ("weaker", "modality") if key in model), None)
    return {key: modality} if key else choose_fields(model, {modality: columns[modality].longest})


def _fit_data(document: Mapping[str, Any], columns: Mapping[str, Any], given: Collection[str]) -> dict[str, Any]:
    """The config with what of each modality is read, and how."""
    data = dict(document["data"])
    waves = [name for name, column in columns.items() if column.kind == "waveform"]
    if waves and not hears_waveforms(document["model"]):
        raise UserError(
            f"this config reads features, but config.corpus.sound is 'waveform' and {waves[0]!r} are recordings; set "
            "it to mfcc, log_mel or egemaps, or choose configs/speech_emotion.py"
        )
    data["modalities"] = tuple(columns)
    if data["unit"] == "item":  # every split is padded to the same lengths, which some models need
        steps = {name: n for name, n in (data["steps"] or {}).items() if was_given(f"data.steps.{name}", given)}
        data["steps"] = {name: steps.get(name) or column.longest for name, column in columns.items()}
    return {**document, "data": data}
