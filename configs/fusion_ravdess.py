"""Attention fusion of sound (A: MFCC) and face (V: action units) for emotions on RAVDESS, with its five actor folds.

    python -m launch.main --config=configs/fusion_ravdess.py:all --config.corpus.manual_dir=RAVDESS_DIR

Argument: a set of studies (configs/fusion_sets.py; no pairs, which need three modalities), then emotion (8 classes) |
emotion7.
RAVDESS' two statements say nothing of emotions, so it has no text; a logistic regression gets .49 on MFCC, .58 on
action units, .71 on both (`python -m launch.baselines --help`).
"""

import ml_collections

from configs import base, fusion_sets

MODALITIES = {"A": "mfcc", "V": "action_units"}
MAP_STEPS = {"mfcc": 50, "action_units": 0}  # action units are one vector, one step
LABELS = ("emotion", "emotion7")


def get_config(argument: str = "trimodal") -> ml_collections.ConfigDict:
    """The config of one set of studies."""
    chosen, labels = (*argument.split(","), "")[:2]
    labels = base.parse_argument(labels or LABELS[0], LABELS, "the labels")
    classes = fusion_sets.CLASSES[labels]

    config = dict(name=f"Attention fusion {chosen} ravdess {labels}", task="multiclass", corpus=base.ravdess(labels))
    steps = dict(mfcc=400, action_units=base.left_open(int))  # clips are cut to 4 s
    config["data"] = base.data(tuple(MODALITIES.values()), labels, unit="item", eval_size=64, steps=steps)
    config["model"] = dict(
        fusion_sets.attention(MODALITIES, MAP_STEPS, "intra"),
        name="attention_fusion",
        classes=classes,
        pairs=(),
        pooling="mean",
        statistical_pooling=True,
        units=60,
        heads=6,
        hidden=60,
        fidelity="thesis",  # or authors
    )
    config["schedule"] = ("fit",)
    config["stages"] = dict(
        fit=base.stage(
            train=("*",),
            losses=dict(prediction=base.loss("cross_entropy", "logits", "target")),
            optimizer=base.adam(1e-3),
            monitor="accuracy",
            epochs=30,
            patience=5,  # the best epoch is among the first five: 1,000 clips, 35 updates an epoch
            dropout=0.1,
            plateau=dict(patience=10, metric="log_loss"),
        )
    )
    config["studies"] = fusion_sets.make_studies(
        chosen, MODALITIES, MAP_STEPS, dict(classes=classes, prosody=""), moddrop_patience=2
    )
    config["study"] = base.trials(seeds=10)
    config["search"] = base.search()
    config["engine"] = base.engine()
    return ml_collections.ConfigDict(config)
