"""A small CNN on log-mels for emotions in acted speech, alone or with the face's action units, on RAVDESS' actor folds.

    python -m launch.main --config=configs/recipes/ravdess_audio.py             # a small synthetic corpus
    python -m launch.main --config=configs/recipes/ravdess_audio.py --config.corpus.manual_dir=RAVDESS_DIR
    python -m launch.main --config=configs/recipes/ravdess_audio.py:audio+face --config.corpus.manual_dir=RAVDESS_DIR

Argument: audio (the default) | audio+face | ablations, the sound beside itself without each of its ingredients.
64 log-mels at 16 kHz, crops of 2 s, SpecAugment, label smoothing, AdamW with one cycle of the learning rate, last
weights: validation chooses nothing, and only watches.
Cores that others used, too, took 31 minutes for audio (61.2 %) and 26 for both (71.7 %), see docs/recipes.md.
"""

from typing import Any

import ml_collections

from configs import base

READS = {"audio": ("log_mel",), "audio+face": ("log_mel", "action_units")}
SETTINGS = {
    "audio": dict(epochs=40, rate=4e-3, dropout=0.1, masks=dict(time_width=12.0, band_width=6.0)),
    "audio+face": dict(epochs=20, rate=2e-3, dropout=0.2, masks=dict(time_width=20.0, band_width=8.0)),
}
"""What was run of each; the sound alone underfits with more dropout, wider masks and fewer epochs."""
CLASSES = 8
LEFT_OUT = {
    "- masks": dict(augment=dict(time_width=0.0, band_width=0.0)),
    "- dropout": dict(dropout=0.0),
    "- smoothing": dict(losses=dict(prediction=dict(smoothing=0.0))),
    "- one cycle": dict(optimizer=dict(schedule="constant")),
    "- crop": dict(augment=dict(crop=None)),
}
"""Ablation -> what it changes in the stage."""
TRACED = ("- masks", "- dropout")
"""Those that differ in numbers alone, so that they are variants of one program; each other one is a study."""


def get_config(argument: str = "audio") -> ml_collections.ConfigDict:
    """The config of one set of modalities."""
    base.parse_argument(argument, (*READS, "ablations"), "what is read")
    chosen = "audio" if argument == "ablations" else argument
    modalities, settings = READS[chosen], SETTINGS[chosen]
    corpus = base.ravdess("emotion") | dict(rate=16000)
    config = dict(name=f"RAVDESS recipe {argument}", task="multiclass", corpus=corpus)
    steps = dict.fromkeys(modalities, base.left_open(int))
    config["data"] = base.data(modalities, "emotion", unit="item", eval_size=32, steps=steps)
    config["model"] = dict(name="spectrogram_cnn", modalities=modalities, classes=CLASSES)
    config["schedule"] = ("fit",)
    config["stages"] = dict(
        fit=base.stage(
            train=("*",),
            losses=dict(prediction=base.loss("cross_entropy", "logits", "target", smoothing=0.1)),
            optimizer=base.adamw(settings["rate"], weight_decay=0.01, schedule="one_cycle", warmup=0.3),
            monitor="accuracy",
            batch=16,
            epochs=settings["epochs"],
            patience=0,
            dropout=settings["dropout"],
            keep="last",
            augment=dict(modalities=("log_mel",), crop=200, **settings["masks"]),
        )
    )
    config["studies"] = {chosen: dict(variants={f"CNN {chosen}": {}})}
    if argument == "ablations":
        config["studies"] |= _leave_out()
    config["study"] = base.trials(seeds=3)
    config["search"] = base.search()
    config["engine"] = base.engine()
    # Two of the five folds, one seed and few epochs: all of it would take long.
    config["synthetic"] = dict(study=dict(folds=("fold_1", "fold_4"), seeds=1), stages=dict(fit=dict(epochs=8)))
    return ml_collections.ConfigDict(config)


def _leave_out() -> dict[str, Any]:
    """Studies of the sound beside itself without each ingredient."""
    traced = {name: dict(stages=dict(fit=LEFT_OUT[name])) for name in TRACED}
    others = [name for name in LEFT_OUT if name not in TRACED]
    studies = {
        name[2:].replace(" ", "_"): dict(stages=dict(fit=LEFT_OUT[name]), variants={name: {}}) for name in others
    }
    return {"audio": dict(variants={"CNN audio": {}, **traced})} | studies
